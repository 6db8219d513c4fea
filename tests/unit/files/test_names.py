"""A name made from data is one path component, and says as much of the data as is safe."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmtools.files.names import place_of, safe_name

HOSTILE = [
    "",
    ".",
    "..",
    "../..",
    "../../../../etc/passwd",
    "/etc/passwd",
    "/",
    "//",
    "a/b",
    "a\\b",
    "..\\..\\windows",
    "C:\\WINDOWS",
    "C:",
    "a\0b",
    "\0",
    "a\nb",
    "\n",
    "a\r\nb",
    "\x1b[31mred",
    "\u202egnp.exe",
    "naïve",
    "名前",
    "\ud800",
    " ",
    "a b",
    "-rf",
    "--help",
    "~root",
    "$(id)",
    ";id;",
    "*",
    "CON",
    "nul.txt",
    "LPT1",
    "name.",
    "x" * 65,
    "x" * 10_000,
    ".incoming",
    ".hidden",
]
COMPONENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")


def is_one_safe_component(name: str) -> bool:
    return COMPONENT.fullmatch(name) is not None and not name.endswith(".")


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_hostile_text_becomes_a_harmless_component(text: str) -> None:
    name = safe_name(text)
    assert is_one_safe_component(name)
    assert name != text
    assert Path("/archive", name).resolve().parent == Path("/archive")


def test_no_two_hostile_texts_share_a_name() -> None:
    assert len({safe_name(text) for text in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize("text", ["a b", "a_b", "a/b", "a\\b", "a:b", "a  b", "A b", "a b "])
def test_texts_that_differ_in_what_is_replaced_differ_in_name(text: str) -> None:
    others = {"a b", "a_b", "a/b", "a\\b", "a:b", "a  b", "A b", "a b "} - {text}
    assert safe_name(text) not in {safe_name(other) for other in others}


@pytest.mark.parametrize("text", ["1.2.840.10008.1.2", "SYN0001", "a", "A-1_b.c", "0", "9" * 64, "_x"])
def test_a_safe_text_stays_as_it_is(text: str) -> None:
    assert safe_name(text) == text


def test_the_readable_part_is_kept() -> None:
    assert re.fullmatch(r"Doe_Jane_1-[0-9a-f]{16}", safe_name("Doe^Jane/1"))


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=())))
def test_any_text_becomes_one_component_that_stays_as_it_is(text: str) -> None:
    name = safe_name(text)
    assert is_one_safe_component(name)
    assert len(os.fsencode(name)) <= 64
    assert safe_name(name) == name


@given(st.text(max_size=8, alphabet="aA1._-/ \\\0\n^"), st.text(max_size=8, alphabet="aA1._-/ \\\0\n^"))
def test_two_texts_share_a_name_only_when_they_are_equal(one: str, other: str) -> None:
    assert (safe_name(one) == safe_name(other)) == (one == other)


@given(st.from_regex(r"[0-9]{1,5}(\.[0-9]{1,5}){0,9}", fullmatch=True))
def test_a_uid_is_its_own_name(uid: str) -> None:
    assert safe_name(uid) == uid


def test_the_place_of_an_instance() -> None:
    assert place_of("P1", "1.2", "1.2.3", "1.2.3.4") == ["P1", "1.2", "1.2.3", "1.2.3.4"]
    assert place_of("", "", "", "1.2.3.4") == ["UNKNOWN", "UNKNOWN", "UNKNOWN", "1.2.3.4"]
    assert all(is_one_safe_component(name) for name in place_of("../..", "/", "a\0b", "-rf"))
