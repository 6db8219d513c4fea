"""Rules about devices: what fits, what is wrong with a file, and those that come along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.deidentification.pixel_rules import STARTER, Device, PixelRule, read
from dcmtools.deidentification.policies import policy_from
from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

LOGIQ = Device("GE Healthcare", "LOGIQE9", "US", 720, 960)
RULE = """
[rules."Our LOGIQ"]
manufacturer = ["ge *", "g.e.*"]
model = "LOGIQ*"
rows = 720
columns = 960
blank = [[0, 0, 960, 70], [1, 2, 3, 4]]

[rules.clean]
modality = "OT"
harmless = true
"""


def rules_of(folder: Path, text: str) -> tuple[PixelRule, ...]:
    path = folder / "rules.toml"
    path.write_text(text, encoding="utf-8")
    return read(str(path))


def test_what_a_file_says(tmp_path: Path) -> None:
    first, second = rules_of(tmp_path, RULE)
    assert first.blank == ((0, 0, 960, 70), (1, 2, 3, 4))
    assert first.name == "Our LOGIQ"
    assert first.fits(LOGIQ)
    assert not first.harmless
    assert second.harmless
    assert second.fits(Device("", "", "OT", 1, 1))
    assert not second.fits(LOGIQ)


@pytest.mark.parametrize(
    "other",
    [
        LOGIQ._replace(manufacturer="Agfa"),
        LOGIQ._replace(manufacturer=""),
        LOGIQ._replace(model="Vivid"),
        LOGIQ._replace(rows=721),
        LOGIQ._replace(columns=1024),
    ],
)
def test_all_that_is_said_has_to_fit(other: Device, tmp_path: Path) -> None:
    first, _ = rules_of(tmp_path, RULE)
    assert not first.fits(other)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[rule.x]\nrows = 1", 1, "rule: unknown"),
        ("rules = 3", 1, "must be a table"),
        ("[rules]\nx = 3", 2, "must be a table"),
        ("\n[rules.x]\nrows = 1\nbank = 2", 4, "rules.x.bank: unknown; known are manufacturer"),
        ("[rules.x]\nharmless = true", 1, "fits every image"),
        ("[rules.x]\nmodel = 'a'", 1, "must have one of blank, keep, harmless"),
        ("[rules.x]\nmodel = 'a'\nharmless = true\nkeep = []", 1, "must have one of"),
        ("[rules.x]\nmodel = 'a'\nharmless = false", 3, "must be true"),
        ("[rules.x]\nmodel = 'a'\nrows = 4\nblank = [[0, 0, 1, 1]]", 1, "say rows and columns"),
        ("[rules.x]\nrows = '4'\nharmless = true", 2, "must be a number"),
        ("[rules.x]\nrows = true\nharmless = true", 2, "must be a number"),
        ("[rules.x]\nrows = 70000\nharmless = true", 2, "must be a number"),
        ("[rules.x]\nmodel = 3\nharmless = true", 2, "must be a text"),
        ("[rules.x]\nmodel = []\nharmless = true", 2, "must be a text"),
        ("[rules.x]\nmodel = ['']\nharmless = true", 2, "must be a text"),
        ("[rules.x]\nrows = 4\ncolumns = 4\nblank = []", 4, "must be boxes"),
        ("[rules.x]\nrows = 4\ncolumns = 4\nblank = 7", 4, "must be boxes"),
        ("[rules.x]\nrows = 4\ncolumns = 4\nkeep = [[0, 0, 1]]", 4, "must be boxes"),
        ("[rules.x]\nrows = 4\ncolumns = 4\nkeep = [[0, 0, 0, 4]]", 4, "must be boxes"),
        ("[rules.x]\nrows = 4\ncolumns = 4\nkeep = [[0, 0, -1, 4]]", 4, "must be boxes"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        rules_of(tmp_path, text)
    assert f"rules.toml: line {line}: " in caught.value.message
    assert message in caught.value.message


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read(str(tmp_path / "none.toml"))
    with pytest.raises(UsageError, match=r"rules\.toml: .*line 2"):
        rules_of(tmp_path, "\n[rules.x\nrows = 1")


def test_the_starter_set() -> None:
    rules = read(STARTER)
    assert len(rules) > 10
    for rule in rules:
        assert rule.blank
        assert all(left < rule.columns and top < rule.rows for left, top, _, _ in rule.blank), rule.name
    assert any(rule.fits(LOGIQ) for rule in rules)
    assert not any(rule.fits(LOGIQ._replace(rows=719)) for rule in rules)


def test_a_file_of_ones_own_goes_first(tmp_path: Path) -> None:
    rules_of(tmp_path, RULE)
    policy = policy_from("regions", str(tmp_path / "rules.toml"))
    assert [rule.name for rule in policy.rules][:3] == ["Our LOGIQ", "clean", "ATL HDI 5000"]
    assert len(policy_from("check", str(tmp_path / "rules.toml")).rules) == 2
    assert policy_from("check").rules == ()


def test_who_asks_for_rules_vouches_for_them_and_nobody_does_for_the_starter_set(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[rules."Ours"]\nmodality = "US"\nharmless = true\n')
    first, *others = policy_from("regions", str(path)).rules
    assert not first.starter
    assert others
    assert all(rule.starter for rule in others)
