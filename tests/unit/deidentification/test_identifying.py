"""What no row of Table E.1-1 lists, and identifies all the same, goes; where that is asked for it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.data.deidentification_profile import ROWS
from dcmtools.deidentification.identifying import identifying_codes
from dcmtools.deidentification.profile import profile_from
from dcmtools.encoding.dataset import items
from dcmtools.encoding.dataset import text as text_of
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.values import TEXT_VRS
from tests.support.deidentified import BASIC, Options, bytes_of, data_set_of, deidentified, text
from tests.support.encoded import EVL, part10

if TYPE_CHECKING:
    from pathlib import Path

CT = text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2") + text(0x00080018, "UI", "1.2.3.4")
CODES = identifying_codes(frozenset())


def test_they_are_text_that_the_table_does_not_list() -> None:
    assert CODES.keys().isdisjoint(ROWS)
    assert {lookup(tag)[0] for tag in CODES} <= TEXT_VRS
    assert {*CODES.values()} == {"X", "Z", "D"}


@pytest.mark.parametrize("tag", sorted(CODES), ids=lambda tag: lookup(tag)[2])
def test_nothing_of_them_stays(tmp_path: Path, tag: int) -> None:
    done = data_set_of(tmp_path, CT + text(tag, lookup(tag)[0], "Panza 99120"))
    new = text_of(done, tag) if tag in done else None
    assert new == {"X": None, "Z": "", "D": "REMOVED"}[CODES[tag]]


def test_nor_deep_within(tmp_path: Path) -> None:
    contact = EVL.item(text(0x0074100C, "LO", "Dr Sancho Panza"))
    done = data_set_of(tmp_path, CT + EVL.sequence(0x00741008, contact))
    assert not items(done, 0x00741008)[0]


@pytest.mark.parametrize(
    ("tag", "options", "left"),
    [
        (0x00181003, Options(retain=("device",)), b"SN of 8812"),
        (0x00100034, Options(retain=("dates",)), b"SN of 8812"),
        (0x00100034, Options(retain=("dates-shifted",)), b""),
        (0x00400032, Options(retain=("institution",)), b"SN of 8812"),
        (0x00400400, Options(clean=("descriptors",)), b"SN of"),
        (0x00100033, Options(keep=("PatientBirthDateInAlternativeCalendar",)), b"SN of 8812"),
    ],
)
def test_options_have_them_stay(tmp_path: Path, tag: int, options: Options, left: bytes) -> None:
    data_set = CT + b"".join(
        each
        for _, each in sorted([
            (tag, text(tag, lookup(tag)[0], "SN of 8812")),
            (0x00380010, text(0x00380010, "LO", "8812")),
        ])
    )  # fmt: skip
    done = bytes_of(tmp_path, data_set, options)
    if tag == 0x00400400:  # cleaned
        assert left in done
        assert b"8812" not in done
    elif left:
        assert b"SN of" in done
    else:
        assert b"SN of" not in done


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (0x00401006, "PLC-99120"),
        (0x00402007, "PLC-99120"),
        (0x00100033, "1366/04/11"),
        (0x0074100C, "Dulcinea"),
        (0x00181803, "ntp.stmary.org"),
    ],
)
def test_what_they_said_is_looked_for_elsewhere(tmp_path: Path, tag: int, value: str) -> None:
    gone = text(tag, lookup(tag)[0], value)
    done = data_set_of(tmp_path, CT + text(0x00081090, "LO", f"scan of {value}") + gone)
    assert text_of(done, 0x00081090) == "scan of"


def test_whoever_keeps_a_birth_date_keeps_an_identity() -> None:
    profile = profile_from(keep=["PatientBirthDateInAlternativeCalendar"])
    assert profile.identity() == profile.departures() == ["PatientBirthDateInAlternativeCalendar (0010,0033)"]


def test_it_is_told_why_and_where_words_stay(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(CT + text(0x00400400, "LT", "wife called")))
    with deidentified(path, BASIC._replace(explaining=True)) as done:
        rules = {row["path"]: (row["action"], row["rule"]) for row in done.explained}
    assert rules["(0040,0400)"] == ("X", "not listed: it identifies")
    assert not done.kept_texts
    with deidentified(path, Options(clean=("descriptors",))) as done:
        assert done.kept_texts == ["(0040,0400)"]


def test_a_document_that_is_no_more_has_no_title(tmp_path: Path) -> None:
    data_set = (
        text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.104.2") + text(0x00080018, "UI", "1.2.3.4")
        + text(0x0040E001, "ST", "1.2.276.0^DOC4711") + text(0x00420010, "ST", "Report Mr X, 4711")
        + text(0x00420011, "OB", b"<ClinicalDocument>Mr X")
    )  # fmt: skip
    done = data_set_of(tmp_path, data_set)
    assert (text_of(done, 0x00420010), text_of(done, 0x0040E001)) == ("", "REMOVED")
