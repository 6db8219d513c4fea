"""Files taken for one that was walked before show what a walk of their own would show."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import InputError
from dcmtools.files.inputs import Input
from dcmtools.scanning import reading
from dcmtools.scanning.keys import parse
from dcmtools.scanning.reading import Reader
from dcmtools.selection.where import Where
from tests.support.encoded import EVL, IVL, part10
from tests.support.samples import make_small, named_files

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.files.anyhow import LenientFile
    from dcmtools.scanning.layouts import Layouts

KEYS = ["SOPInstanceUID", "PatientName", "PatientID", "ImageType", "Rows", "PixelSpacing"]
KEYS += ["SmallestImagePixelValue", "TransferSyntaxUID", "0009,10,GEMS_IDEN_01", "ReferencedImageSequence"]
KEYS += ["ReferencedStudySequence.ReferencedSOPInstanceUID", "ReferencedImageSequence.ReferencedSOPClassUID"]


def paths_of(keys: list[str]) -> list[TagPath]:
    return [path for key in keys if (path := parse(key).path)]


PATHS = paths_of(KEYS)
MUTATIONS = 60


def shown(reader: Reader, path: Path) -> tuple[object, ...]:
    try:
        result = reader(Input(str(path), str(path.parent)))
    except InputError as error:
        return (error.message,)
    return (result.outcome, *result.rows, result.error and result.error.message)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of files that no walk was for."""
    seen: list[str] = []
    done = Reader._at_once

    def told(self: Reader, path: str, layouts: Layouts) -> tuple[object, ...] | None:
        row = done(self, path, layouts)
        if row:
            seen.append(path)
        return row

    monkeypatch.setattr(reading.Reader, "_at_once", told)
    return seen


def test_files_of_a_series_are_read_at_once(tmp_path: Path, at_once: list[str]) -> None:
    reader = Reader(PATHS)
    paths = make_small(tmp_path, 20)
    rows = [shown(reader, path) for path in paths]
    assert at_once == [str(path) for path in paths[1:]]
    assert rows == [shown(Reader(PATHS), path) for path in paths]


@pytest.mark.parametrize(("name", "path"), named_files())
def test_a_file_that_is_harmed_shows_what_it_shows_alone(name: str, path: Path, tmp_path: Path) -> None:
    """Whatever byte of its head is another."""
    data = path.read_bytes()
    copy = tmp_path / "copy.dcm"
    reader = Reader(PATHS)
    chance = random.Random(name)
    for _ in range(MUTATIONS):
        copy.write_bytes(data)
        shown(reader, copy)
        harmed = bytearray(data)
        for _ in range(chance.choice((1, 1, 2))):
            harmed[chance.randrange(min(len(data), 2500))] = chance.randrange(256)
        copy.write_bytes(harmed[: len(harmed) - chance.choice((0, 0, 0, 1, 500))])
        assert shown(reader, copy) == shown(Reader(PATHS), copy)


WHERES = [
    "Rows > 100 and TransferSyntaxUID == explicit",
    "PatientName like '*C*' or exists Modality",
    "0009,1001 == 'x' or ImageType[0] == ORIGINAL",
]


@pytest.mark.parametrize("where", WHERES)
def test_a_file_that_is_harmed_is_selected_as_it_is_alone(where: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.dcm"
    for name, path in named_files()[::8]:
        data = path.read_bytes()
        reader = Reader(PATHS[:2], Where(where))
        chance = random.Random(name)
        for _ in range(MUTATIONS // 4):
            copy.write_bytes(data)
            shown(reader, copy)
            harmed = bytearray(data)
            harmed[chance.randrange(min(len(data), 2500))] = chance.randrange(256)
            copy.write_bytes(harmed)
            assert shown(reader, copy) == shown(Reader(PATHS[:2], Where(where)), copy)


def test_files_of_a_series_are_selected_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are, and those that are not."""
    asked: list[object] = []
    done = Where.of

    def told(self: Where, file: LenientFile, item: Input) -> bool:
        asked.append(item.path)
        return done(self, file, item)

    monkeypatch.setattr(Where, "of", told)
    paths = make_small(tmp_path, 20)
    for where, rows in (("Rows >= 1 and TransferSyntaxUID == explicit", 20), ("Rows < 1", 0)):
        asked.clear()
        for paths_shown in ((), PATHS):
            reader = Reader(paths_shown, Where(where))
            found = [reader(Input(str(path), str(tmp_path))) for path in paths]
            assert sum(len(result.rows) for result in found) == rows
            assert [result.selected for result in found] == [bool(rows)] * 20
        assert asked == [str(paths[0])] * 2


def test_an_element_that_stands_twice_is_compared_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(part10(EVL.element(0x00100020, "LO", b"1 ") + EVL.element(0x00100020, "LO", b"2 ")))
    for value, selected in (("1", True), ("2", True), ("3", False)):
        reader = Reader((), Where(f"PatientID == {value}"))
        for _ in range(3):
            assert reader(Input(str(path), str(tmp_path))).selected is selected


def test_a_sequence_of_nobody_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(part10(EVL.sequence(0x00091001, EVL.item()) + EVL.element(0x00100020, "LO", b"2 ")))
    for where, selected in (
        ("exists 0009,1001", True),
        ("0009,1001 == 1", False),
        ("empty 0009,1001", False),
    ):
        reader = Reader((), Where(where))
        for _ in range(3):
            assert reader(Input(str(path), str(tmp_path))).selected is selected


def row_of(reader: Reader, folder: Path, data_set: bytes, syntax: str = "1.2.840.10008.1.2.1") -> object:
    path = folder / "a.dcm"
    path.write_bytes(part10(data_set, syntax))
    (row,) = reader(Input(str(path), str(folder))).rows
    return row[1]


def test_the_character_set_is_that_of_each_file(tmp_path: Path) -> None:
    reader = Reader(paths_of(["PatientName"]))
    for term, text in ((b"ISO_IR 100", "é"), (b"ISO_IR 144", "щ"), (b"ISO_IR 100", "é")):
        charset = EVL.element(0x00080005, "CS", term)
        assert row_of(reader, tmp_path, charset + EVL.element(0x00100010, "PN", b"\xe9 ")) == text


def test_the_creator_of_a_block_is_that_of_each_file(tmp_path: Path) -> None:
    reader = Reader(paths_of(["0009,01,ME"]))
    for creator, value in ((b"ME", "x"), (b"HE", None), (b"ME", "x")):
        block = EVL.element(0x00090010, "LO", creator) + EVL.element(0x00091001, "LO", b"x ")
        assert row_of(reader, tmp_path, block + EVL.element(0x00100010, "PN")) == value


def test_pixel_representation_decides_what_a_number_is(tmp_path: Path) -> None:
    reader = Reader(paths_of(["SmallestImagePixelValue"]))
    for sign, value in ((b"\0\0", "65535"), (b"\1\0", "-1"), (b"\0\0", "65535")):
        data = IVL.element(0x00280103, "US", sign) + IVL.element(0x00280106, "US", b"\xff\xff")
        assert row_of(reader, tmp_path, data, "1.2.840.10008.1.2") == value


def test_what_is_a_sequence_by_its_first_bytes_is_looked_at(tmp_path: Path) -> None:
    """PS3.5 6.2.2: under VR UN it is one, where it begins with an item."""
    reader = Reader(paths_of(["ReferencedImageSequence.PatientID"]))
    item = IVL.item(IVL.element(0x00100020, "LO", b"x "))
    for value, cell in ((bytes(len(item)), None), (item, "x"), (bytes(len(item)), None)):
        data = EVL.element(0x00081140, "UN", value) + EVL.element(0x00100010, "PN")
        assert row_of(reader, tmp_path, data) == cell


def test_where_a_file_ends_is_part_of_what_it_is_like(tmp_path: Path) -> None:
    """An element behind the end of the other one is found."""
    reader = Reader(paths_of(["PatientID"]))
    name = EVL.element(0x00100010, "PN", b"A ")
    for data, value in ((name, None), (name + EVL.element(0x00100020, "LO", b"1 "), "1"), (name, None)):
        assert row_of(reader, tmp_path, data) == value


def test_files_of_which_none_is_like_another_are_hardly_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[LenientFile] = []
    monkeypatch.setattr("dcmtools.scanning.layouts._layout", lambda file, *_: learnt.append(file))
    reader = Reader(paths_of(["PatientID"]))
    for number in range(300):
        row_of(reader, tmp_path, EVL.element(0x00100010, "PN", b"A " * number))
    assert 24 <= len(learnt) < 40
