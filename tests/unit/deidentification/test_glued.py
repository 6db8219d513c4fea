"""Long numbers that stand between letters, or with signs between their digits; and those that are others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.deidentification.identifiers import Identifiers
from dcmtools.deidentification.verification import leaks
from dcmtools.encoding.dataset import text as text_of
from dcmtools.files.part10 import Part10File
from tests.support.deidentified import BASIC, Options, data_set_of, deidentified, text
from tests.support.encoded import part10

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.deidentification.verification import Leak

ID, ACCESSION, VERSIONS, DESCRIPTION = 0x00100020, 0x00080050, 0x00181020, 0x0008103E
LABEL = 0x00181020
CT = text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2") + text(0x00080018, "UI", "1.2.3.4")
CLEAN = Options(clean=("descriptors",), retain=("device",))


def a_file(description: str, *, old: str = "48151623", versions: str = "v1", accession: str = "") -> bytes:
    return b"".join(
        [
            CT,
            text(ACCESSION, "SH", accession),
            text(DESCRIPTION, "LO", description),
            text(ID, "LO", old),
            text(VERSIONS, "LO", versions),
        ]
    )


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("PAT48151623", "PAT"),
        ("v48151623b head", "vb head"),
        ("head 4815-1623", "head"),
        ("48 15 16 23 head", "head"),
        ("48.151.623", "REMOVED"),
        ("v0048151623", "v"),
        ("head_48151623_2", "head__2"),
    ],
)
def test_a_long_number_is_taken_out(tmp_path: Path, written: str, left: str) -> None:
    done = data_set_of(tmp_path, a_file(written, versions=written), CLEAN)
    assert text_of(done, DESCRIPTION) == left
    assert text_of(done, VERSIONS) == left


@pytest.mark.parametrize("written", ["481516234", "148151623 head", "4815 162", "1.5e4815162"])
def test_other_numbers_stay(tmp_path: Path, written: str) -> None:
    assert text_of(data_set_of(tmp_path, a_file(written), CLEAN), DESCRIPTION) == written


@pytest.mark.parametrize("old", ["4711", "HEAD", "A47B11"])
def test_what_is_short_wants_bounds(tmp_path: Path, old: str) -> None:
    written = f"x{old}x 4 7 1 1"
    assert text_of(data_set_of(tmp_path, a_file(written, old=old), CLEAN), DESCRIPTION) == written


@pytest.mark.parametrize(
    ("accession", "written", "left"),
    [
        ("ACC778812", "ACC 778812 778812", "REMOVED"),
        ("ACC-778812", "acc778812 head", "head"),
        ("012345", "v012345", "v"),
        ("12 345 678", "R12345678", "R"),
    ],
)
def test_an_identifier_of_letters_and_digits(tmp_path: Path, accession: str, written: str, left: str) -> None:
    done = data_set_of(tmp_path, a_file(written, accession=accession), CLEAN)
    assert text_of(done, DESCRIPTION) == left


@pytest.mark.parametrize("written", ["PAT48151623", "4815-1623", "48 15 16 23"])
def test_verification_finds_it_where_it_was_left(tmp_path: Path, written: str) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(a_file(written)))
    with deidentified(path, Options(keep=("SeriesDescription",))) as done:
        out = tmp_path / "out.dcm"
        out.write_bytes(done.meta + b"".join(done.blocks()))
        with Part10File.open(str(out)) as file:
            found = leaks(file, done.identifiers)
    assert [leak.where for leak in found if leak.certain] == ["(0008,103e)"]


@pytest.mark.parametrize(
    ("tag", "vr", "value"), [(0x00080062, "UI", "1.2.48.15.1623"), (0x00180050, "DS", "48151.623")]
)
def test_numbers_that_only_read_like_it_spare_nothing(tag: int, vr: str, value: str) -> None:
    identifiers = Identifiers()
    identifiers.take(ID, "LO", ["48151623"])
    assert identifiers.harmless_in(tag, vr, value) == []


def looked_at(path: Path, body: bytes, options: Options, *, ruled: bool) -> list[Leak]:
    path.write_bytes(part10(body))
    with deidentified(path, options) as done:
        out = path.with_name("out.dcm")
        out.write_bytes(done.meta + b"".join(done.blocks()))
        with Part10File.open(str(out)) as file:
            return [*leaks(file, done.identifiers, profile=done.profile if ruled else None)]


NAMES = text(0x00080070, "LO", "TOSHIBA_MEC") + text(0x00080080, "LO", "TOSHIBA")
SERIAL = text(0x00180080, "DS", "4000.0200") + text(0x00181000, "LO", "0000200")


def test_makers_and_short_numbers_are_not_told_of_in_their_place(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    head = CT + NAMES
    assert looked_at(path, head + text(ID, "LO", "1") + SERIAL, BASIC, ruled=False) == []
    told = looked_at(
        path, head + text(ID, "LO", "1") + SERIAL + text(LABEL, "LO", "at 0200"), BASIC, ruled=False
    )
    assert [(leak.where, leak.certain) for leak in told] == [("(0018,1020)", False)]


def test_places_are_told_of_once_and_not_where_a_rule_keeps_them(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    study, name = text(0x00081030, "LO", "head of a head"), text(0x00100010, "PN", "HEAD^TEST")
    body = CT + text(0x00080060, "CS", "HEAD") + study + name + text(ID, "LO", "HEAD")
    found = looked_at(path, body, Options(keep=("StudyDescription",)), ruled=False)
    assert [(leak.where, leak.what) for leak in found] == [
        ("(0008,0060), (0008,1030)", "a word or number like a name and an identifier that was removed")
    ]
    (leak,) = looked_at(path, body, Options(keep=("StudyDescription",)), ruled=True)
    assert leak.where == "(0008,0060)"


def test_what_is_certain_is_told_of_once_for_each_place(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    body = CT + text(0x00081030, "LO", "Doe, John") + text(0x00100010, "PN", "Doe^John")
    (leak,) = looked_at(path, body, Options(keep=("StudyDescription",)), ruled=True)
    assert (leak.where, leak.certain) == ("(0008,1030)", True)


def test_it_is_found_beside_a_number_that_is_harmless(tmp_path: Path) -> None:
    body = a_file("4815-1623") + text(0x00201208, "IS", "48151623")
    done = data_set_of(tmp_path, body, CLEAN)
    assert text_of(done, DESCRIPTION) == "4815-1623"  # spared: told of, and no reason to hold it back


@pytest.mark.parametrize(("patient_id", "name"), [("48151623", "48151623"), ("MEIER01", "Meier^Hans")])
def test_what_a_rule_keeps_as_an_identifier_is_no_leak_there(
    patient_id: str, name: str, tmp_path: Path
) -> None:
    who = text(0x00100010, "PN", name) + text(ID, "LO", patient_id) + text(0x00100030, "DA", "20200101")
    body = CT + text(0x00080020, "DA", "20200101") + text(0x00081030, "LO", f"of {name}") + who
    keep = ("PatientID", "PatientBirthDate")
    assert looked_at(tmp_path / "in.dcm", body, Options(keep=keep), ruled=True) == []
    found = looked_at(tmp_path / "in.dcm", body, Options(keep=(*keep, "StudyDescription")), ruled=True)
    assert [(leak.where, leak.certain) for leak in found] == [("(0008,1030)", True)]


def test_what_was_removed_first_makes_no_difference(tmp_path: Path) -> None:
    path = tmp_path / "out.dcm"
    path.write_bytes(part10(CT + text(0x00081030, "LO", "Doe, John 48151623")))
    removed = [(0x00100010, "PN", ["Doe^John"]), (ID, "LO", ["48151623"])]
    told = []
    for taken in (removed, removed[::-1]):
        identifiers = Identifiers()
        for each in taken:
            identifiers.take(*each)
        with Part10File.open(str(path)) as file:
            told.append([leak.what for leak in leaks(file, identifiers) if leak.where == "(0008,1030)"])
    what = ["a name that was removed stands there", "an identifier that was removed stands there"]
    assert told == [what, what]
