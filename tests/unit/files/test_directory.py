"""A DICOMDIR, read: its records, what they hold, and the samples of others."""

from __future__ import annotations

import random
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.filewriter import dcmwrite
from pydicom.tag import Tag
from pydicom.uid import UID

from dcmtools.encoding.dataset import text
from dcmtools.errors import InputError, Unsuitable
from dcmtools.files import directory_records
from dcmtools.files.directory import Directory
from dcmtools.files.medium import Medium
from tests.support import samples
from tests.support.file_sets import NAMES, Draft, Record, medium
from tests.support.memory import peak_memory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SAMPLES = sorted(path for path in samples.dicomdir().parent.rglob("DICOMDIR*"))
PATIENT_ID, STUDY_DESCRIPTION, INSTANCE_NUMBER = 0x00100020, 0x00081030, 0x00200013
_READ = """
import sys
from dcmtools.files.directory import Directory
with Directory.open(sys.argv[1]) as directory:
    assert sum(1 for _ in directory.walk()) == len(directory.records) == {count}
"""


def read(
    folder: Path, change: Callable[[Draft], object] = bool, spoil: Callable[[Draft], object] = bool
) -> Directory:
    return Directory.open(str(medium(folder, change, spoil) / "DICOMDIR"))


def transcoded(path: Path, tmp_path: Path, *, explicit: bool, big: bool) -> Path:
    """The same in another encoding; its offsets stay as they were, and are wrong where lengths differ."""
    data_set = dcmread(path)
    uid = "1.2.840.10008.1.2.2" if big else "1.2.840.10008.1.2.1" if explicit else "1.2.840.10008.1.2"
    out = tmp_path / "DICOMDIR"
    data_set.file_meta.TransferSyntaxUID = UID(uid)
    read_as = {"little_endian": not big, "implicit_vr": not explicit, "force_encoding": True}
    dcmwrite(out, data_set, enforce_file_format=False, **read_as)
    return out


def test_a_right_one(tmp_path: Path) -> None:
    with read(tmp_path) as directory:
        assert directory.problems == []
        assert directory.file_set_id == "TEST"
        assert [record.type for record in directory.records[:4]] == ["PATIENT", "STUDY", "SERIES", "IMAGE"]
        assert ["/".join(record.file_id) for record in directory.instances()] == list(NAMES)
        assert [depth for _, depth in directory.walk()] == [0, 1, 2, 3, 3, 2, 3, 0, 1, 2, 3]
        first = directory.records[0]
        assert (first.number, first.in_use, first.missing) == (0, True, ())
        assert first.offset == directory.first
        assert directory.records[-1].end == (tmp_path / "DICOMDIR").stat().st_size
        assert directory.last == directory.roots[-1].record.offset
        image = directory.records[3]
        assert image.transfer_syntax == "1.2.840.10008.1.2.1"
        assert image.sop_class.endswith(".1.1.2")
        assert image.sop_instance.endswith(".4.1.1")
        assert [record.type for record in directory.above(3)] == ["PATIENT", "STUDY", "SERIES"]


def test_the_values_of_records(tmp_path: Path) -> None:
    with read(tmp_path) as directory:
        values = directory.values(directory.records[0])
        assert text(values, "PatientName") == "Doe^P1"
        assert text(values, "DirectoryRecordType") == "PATIENT"
        assert directory.texts(directory.records[3], {INSTANCE_NUMBER, PATIENT_ID}) == {INSTANCE_NUMBER: "1"}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: str(path.relative_to(SAMPLES[0].parent)))
def test_every_sample_has_what_pydicom_finds_in_it(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = dcmread(path).DirectoryRecordSequence
    with Directory.open(str(path)) as directory:
        assert len(directory.records) == len(expected)
        for record, item in zip(directory.records, expected, strict=True):
            assert record.type == item.DirectoryRecordType
            assert record.next == item.get("OffsetOfTheNextDirectoryRecord", 0)
            assert record.lower == item.get("OffsetOfReferencedLowerLevelDirectoryEntity", 0)
            assert record.offset == item.seq_item_tell
            assert list(record.file_id) == list(item.get("ReferencedFileID", []))
            assert record.sop_instance == item.get("ReferencedSOPInstanceUIDInFile", "")
            values = directory.values(record)
            assert {Tag(tag) for tag in values} == set(item.keys())
            for element in item:
                if element.VR in ("CS", "LO", "PN", "UI", "IS", "DA", "TM", "SH") and element.VM == 1:
                    texts = directory.texts(record, {int(element.tag)})
                    assert texts == {int(element.tag): str(element.value)}
                    assert text(values, int(element.tag)) == str(element.value)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: str(path.relative_to(SAMPLES[0].parent)))
def test_all_files_of_every_sample_are_found(path: Path) -> None:
    instances = {"DICOMDIR-empty.dcm": 0}.get(path.name, 50 if path.parent.name == "TINY_ALPHA" else 31)
    with Directory.open(str(path)) as directory:
        found = [Medium.at(str(path)).find(record.file_id) for record in directory.instances()]
        assert len({item.path for item in found}) == len(found) == instances
        assert sum(1 for _ in directory.walk()) == len(directory.records)


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-implicit", "DICOMDIR-bigEnd", "DICOMDIR-reordered"])
def test_sound_samples_are_without_problems_and_hold_the_same(name: str) -> None:
    with (
        Directory.open(str(samples.dicomdir().with_name(name))) as directory,
        Directory.open(str(samples.dicomdir())) as original,
    ):
        assert directory.problems == []
        assert [node.record.type for node, _ in directory.walk()] == [
            node.record.type for node, _ in original.walk()
        ]
        for (node, depth), (other, other_depth) in zip(directory.walk(), original.walk(), strict=True):
            assert depth == other_depth
            mine, others = directory.values(node.record), original.values(other.record)
            for tag in set(mine) - {0x00041400, 0x00041420}:
                assert text(mine, tag) == text(others, tag)


def test_what_damaged_samples_lack_is_told() -> None:
    kinds = {}
    for name in ("DICOMDIR-nooffset", "DICOMDIR-nopatient"):
        with Directory.open(str(samples.dicomdir().with_name(name))) as directory:
            kinds[name] = [problem.kind for problem in directory.problems]
    assert kinds == {"DICOMDIR-nooffset": ["encoding", "element"], "DICOMDIR-nopatient": ["level", "orphan"]}


@pytest.mark.parametrize(("explicit", "big"), [(False, False), (True, True), (True, False)])
def test_undefined_lengths_and_other_encodings(tmp_path: Path, *, explicit: bool, big: bool) -> None:
    medium(tmp_path)
    data_set = dcmread(tmp_path / "DICOMDIR")
    data_set["DirectoryRecordSequence"].is_undefined_length = True
    for item in data_set.DirectoryRecordSequence:
        item.is_undefined_length_sequence_item = True
    data_set.save_as(tmp_path / "DICOMDIR")
    path = transcoded(tmp_path / "DICOMDIR", tmp_path, explicit=explicit, big=big)
    with Directory.open(str(path)) as directory:
        assert len(directory.records) == 11
        image = directory.records[3]
        assert image.body_end == image.end - 8
        assert directory.texts(image, {INSTANCE_NUMBER}) == {INSTANCE_NUMBER: "1"}
        assert text(directory.values(image), "InstanceNumber") == "1"
        assert ["/".join(record.file_id) for record in directory.instances()] == list(NAMES)


def test_text_in_the_character_set_of_the_record(tmp_path: Path) -> None:
    def change(draft: Draft) -> None:
        values = draft.of("PATIENT").values
        values.SpecificCharacterSet = "ISO_IR 192"
        values.PatientName = "Müller^Jörg"

    with read(tmp_path, change) as directory:
        record = directory.records[0]
        assert directory.texts(record, {0x00100010}) == {0x00100010: "Müller^Jörg"}
        assert text(directory.values(record), "PatientName") == "Müller^Jörg"


def test_records_in_no_use_are_kept_apart(tmp_path: Path) -> None:
    def change(draft: Draft) -> None:
        draft.of("PATIENT").values.RecordInUseFlag = 0
        draft.of("IMAGE", 3).values.RecordInUseFlag = 0

    with read(tmp_path, change) as directory:
        assert directory.problems == []
        assert [node.record.type for node, _ in directory.walk()] == ["PATIENT", "STUDY", "SERIES"]
        assert [record.number for record in directory.inactive] == [0, 1, 2, 3, 4, 5, 6, 10]


def test_multi_referenced_records_name_the_file_for_others(tmp_path: Path) -> None:
    def change(draft: Draft) -> None:
        image = draft.of("IMAGE").values
        shared = Record("MRDR", NumberOfReferences=1)
        for keyword in (
            "ReferencedFileID",
            "ReferencedSOPClassUIDInFile",
            "ReferencedSOPInstanceUIDInFile",
            "ReferencedTransferSyntaxUIDInFile",
        ):
            setattr(shared.values, keyword, image.get(keyword))
            delattr(image, keyword)
        image.MRDRDirectoryRecordOffset = 1
        draft.order = [*draft.records, shared]

    def spoil(draft: Draft) -> None:
        assert draft.order
        draft.of("IMAGE").values.MRDRDirectoryRecordOffset = draft.order[-1].offset

    with read(tmp_path, change, spoil) as directory:
        assert directory.problems == []
        assert ["/".join(record.file_id) for record in directory.instances()] == list(NAMES)
        assert directory.records[3].sop_instance.endswith(".4.1.1")
        assert directory.records[3].shared == directory.records[-1].offset

    def nowhere(draft: Draft) -> None:
        draft.of("IMAGE").values.MRDRDirectoryRecordOffset = 7

    with read(tmp_path, change, nowhere) as directory:
        assert [problem.kind for problem in directory.problems] == ["shared"]


def test_no_dicomdir(tmp_path: Path) -> None:
    with pytest.raises(Unsuitable, match="not a DICOMDIR"):
        Directory.open(str(samples.ct()))
    (tmp_path / "DICOMDIR").write_bytes(b"hello" * 100)
    with pytest.raises(InputError):
        Directory.open(str(tmp_path / "DICOMDIR"))
    (tmp_path / "DICOMDIR").write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        Directory.open(str(tmp_path / "DICOMDIR"))


def test_without_preamble_and_meta(tmp_path: Path) -> None:
    data = samples.dicomdir().read_bytes()
    at = data.index(b"\x04\x00\x30\x11CS")
    (tmp_path / "DICOMDIR").write_bytes(data[at:])
    with Directory.open(str(tmp_path / "DICOMDIR")) as directory:
        assert sum(1 for _ in directory.instances()) == 31
        kinds = {problem.kind for problem in directory.problems}
        assert "offsets" in kinds  # all of them are as much too large as is missing


def test_a_data_set_without_records_says_so(tmp_path: Path) -> None:
    data = samples.dicomdir().with_name("DICOMDIR-empty.dcm").read_bytes()
    (tmp_path / "DICOMDIR").write_bytes(data[: data.index(b"\x04\x00\x20\x12SQ")])
    with Directory.open(str(tmp_path / "DICOMDIR")) as directory:
        assert [problem.message for problem in directory.problems] == [
            "there is no Directory Record Sequence (0004,1220)"
        ]


def test_cut_anywhere_it_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    medium(tmp_path)
    path = tmp_path / "DICOMDIR"
    data = path.read_bytes()
    with Directory.open(str(path)) as directory:
        ends = [record.end for record in directory.records]
    for cut in range(ends[0] - 40, len(data), 7):
        path.write_bytes(data[:cut])
        with Directory.open(str(path)) as directory:
            whole = sum(1 for end in ends if end <= cut)
            assert len(directory.records) >= whole
            assert directory.problems
            assert sum(1 for _ in directory.walk()) == len(directory.records)
            for record in directory.records:
                directory.values(record)
                directory.texts(record, {PATIENT_ID})


def test_an_element_that_stands_twice_counts_once(tmp_path: Path) -> None:
    medium(tmp_path)
    path = tmp_path / "DICOMDIR"
    data = path.read_bytes()
    series = b"\x20\x00\x11\x00IS\x02\x00"
    at = data.index(series)
    assert data[at + 8 : at + 10] == b"1 "
    data = data[: at - len(data)] + b"\x08\x00\x60\x00CS\x02\x00" + data[at + 8 :]
    path.write_bytes(data)
    with Directory.open(str(path)) as directory:
        series_record = next(record for record in directory.records if record.type == "SERIES")
        assert text(directory.values(series_record), "Modality") == "CT"


def test_too_many_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory_records, "MAX_RECORDS", 10)
    medium(tmp_path)
    with pytest.raises(InputError, match="more than 10 directory records"):
        Directory.open(str(tmp_path / "DICOMDIR"))


def test_an_icon_does_not_hinder_and_one_without_end_is_refused(tmp_path: Path) -> None:
    def change(draft: Draft) -> None:
        image = draft.of("IMAGE").values
        icon = Record("").values
        icon.clear()
        icon.Rows = icon.Columns = 4
        icon.BitsAllocated = 8
        icon.PixelData = bytes(16)
        icon["PixelData"].VR = "OB"
        image.IconImageSequence = [icon]

    with read(tmp_path, change) as directory:
        assert directory.problems == []
        values = directory.values(directory.records[3])
        assert text(values, "InstanceNumber") == "1"
        assert directory.texts(directory.records[3], {0x00280010, INSTANCE_NUMBER})[INSTANCE_NUMBER] == "1"
        record = directory.records[3]
        too_long = record._replace(body_end=record.end + 20 * 1024 * 1024)
        with pytest.raises(InputError, match="too many to be read"):
            directory.values(too_long)


def many(path: Path, count: int) -> Path:
    """A DICOMDIR of ``count`` records without offsets: patients of ten images each."""
    medium(path.parent)
    data = (path.parent / "DICOMDIR").read_bytes()
    with Directory.open(str(path.parent / "DICOMDIR")) as directory:
        pieces = [data[each.offset : each.end] for each in directory.records[:4]]
        start = directory.records[0].offset
    pieces = [_without_offsets(piece) for piece in pieces]
    body = b"".join((*pieces[:3], *pieces[3:] * 7)) * (count // 10)
    path.write_bytes(data[: start - 4] + len(body).to_bytes(4, "little") + body)
    return path


def _without_offsets(piece: bytes) -> bytes:
    at, lower = piece.index(b"\x04\x00\x00\x14UL"), piece.index(b"\x04\x00\x20\x14UL")
    return piece[: at + 8] + bytes(4) + piece[at + 12 : lower + 8] + bytes(4) + piece[lower + 12 :]


def test_memory_grows_little_with_the_number_of_records(tmp_path: Path) -> None:
    few = peak_memory(_READ.format(count=1000), many(tmp_path / "few", 1000))
    more = peak_memory(_READ.format(count=101_000), many(tmp_path / "more", 101_000))
    assert more - few < 100 * 0.35  # megabytes: 350 bytes a record, trees and sets of a repair included


def _harmed(seed: int) -> bytes:
    chance = random.Random(seed)
    data = bytearray(chance.choice(SAMPLES).read_bytes())
    for _ in range(chance.choice((1, 2, 5, 30))):
        at = chance.randrange(380, max(len(data), 381))
        how = chance.randrange(4)
        if how == 0:
            data[at : at + 1] = chance.randbytes(1)
        elif how == 1:
            data[at : at + 4] = chance.randbytes(4)
        elif how == 2:
            del data[at : at + chance.randrange(50)]
        else:
            data[at:at] = data[at - 60 : at]
    return bytes(data)


def test_harmed_anyhow_each_record_has_one_place(tmp_path: Path) -> None:
    path = tmp_path / "DICOMDIR"
    for seed in range(300):
        path.write_bytes(_harmed(seed))
        with suppress(InputError), Directory.open(str(path)) as directory:
            numbers = [node.number for node, _ in directory.walk()]
            numbers += [record.number for record in directory.inactive]
            numbers += [record.number for record in directory.records if record.type == "MRDR"]
            assert sorted(numbers) == list(range(len(directory.records))), seed
            for record in directory.records:
                with suppress(InputError):
                    directory.values(record)
                with suppress(InputError):
                    directory.texts(record, {PATIENT_ID, STUDY_DESCRIPTION})
