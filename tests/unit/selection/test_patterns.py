"""Regular expressions: what ``re`` finds, in linear time."""

from __future__ import annotations

import random
import re
from time import monotonic

import pytest

from dcmtools.selection.patterns import Pattern

ATOMS = (
    *("a", "b", ".", "[ab]", "[^a]", "[]a]", r"[\]b]", r"\w", r"\d", r"\s", " ", r"\.", r"\n", r"\x61", "{"),
    *(r"\b", r"\B", "^", "$", r"\A", r"\Z", "(?:a|b)", "(a)", "(ab|b)", "(a*|b)", "(?P<n>b)", "()"),
)
TIMES = ("", "", "", "*", "+", "?", "{2}", "{1,2}", "{1,}", "{,2}", "*?", "+?", "??", "|")


def made(seed: int) -> tuple[str, re.Pattern[str]]:
    """Return a regular expression, the next one that ``re`` takes."""
    chance = random.Random(seed)
    while True:
        flags = chance.choice(("", "", "(?i)", "(?m)", "(?s)", "(?ims)"))
        pieces = [chance.choice(ATOMS) + chance.choice(TIMES) for _ in range(chance.randint(1, 6))]
        text = flags + "".join(pieces)
        try:
            return text, re.compile(text)
        except re.error:
            continue


@pytest.mark.parametrize("seed", range(20))
def test_it_finds_what_re_finds(seed: int) -> None:
    chance = random.Random(seed)
    for number in range(100):
        text, wanted = made(1000 * seed + number)
        pattern = Pattern(text)
        for _ in range(5):
            value = "".join(chance.choices("aAb. \n1_{]", k=chance.randint(1, 9)))
            assert pattern.search(value) == bool(wanted.search(value)), (text, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(a+)+$", "a" * 65536 + "b"),
        ("(a|a)*b", "a" * 65536),
        ("(a|aa)+$", "a" * 65536 + "b"),
        (".*.*.*.*x", "a" * 65536),
        ("(.*,){9}P", "1,2" * 20000),
        (r"^(\w+\s?)*$", "word " * 13000 + "!"),
        ("([ab]*a[ab]{12}c)", "abbabaabba" * 6500),
    ],
)
def test_what_takes_re_for_ever_takes_no_time(text: str, value: str) -> None:
    begun = monotonic()
    assert not Pattern(text).search(value)
    assert monotonic() - begun < 5


def test_what_is_remembered_is_bounded() -> None:
    pattern = Pattern("[ab]*a[ab]{200}c")
    chance = random.Random(1)
    assert not pattern.search("".join(chance.choices("ab", k=10_000)))
    assert sum(len(key[0]) for key in pattern._known) < 300_000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(", "not a regular expression: missing"),
        ("a" * 1001, "of more than 1000 characters"),
        ("(" * 10_000 + ")" * 10_000, "of more than 1000 characters"),
        ("(" * 60 + ")" * 60, "such depth"),
        ("(" * 480 + ")" * 480, "regular expression"),
        ("a{5000}", "{5000}"),
        ("(.{1,30}){1,30}", "repeats too much"),
        (r"(a)\1", "a reference back"),
        ("(?P<n>a)(?P=n)", "(?P..."),
        ("a(?=b)", "(?=..."),
        ("(?<!a)b", "(?<..."),
        ("a++", "a possessive quantifier"),
        ("(?>a)", "(?>..."),
        ("(?i:a)", "(?i..."),
        ("(?x)a", "(?x..."),
        ("a{99999999999999999999}", "regular expression"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        Pattern(text)


@pytest.mark.filterwarnings("error")
def test_nobody_is_warned_of_what_means_what_it_meant() -> None:
    assert Pattern("[[a]").search("[")
