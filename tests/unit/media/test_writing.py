"""A DICOMDIR as bytes: what pydicom reads in it, and what is kept of others'."""

from __future__ import annotations

import gc
import os
import warnings
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet as PydicomFileSet

from dcmtools.encoding.dataset import encode, made, text
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.errors import DiskFull, OutputError
from dcmtools.files.directory import Directory
from dcmtools.media.entries import Entry, FileSet, Reference, references
from dcmtools.media.writing import blocks, loaded, write
from tests.support import file_sets
from tests.support.samples import dicomdir

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

CT = "1.2.840.10008.5.1.4.1.1.2"
REAL = sorted(path for path in dicomdir().parent.rglob("DICOMDIR*") if path.is_file())


def image(number: int) -> Entry:
    keys = encode(made(InstanceNumber=str(number)), EXPLICIT)
    return Entry("IMAGE", keys, Reference(("A", f"I{number}"), CT, f"1.2.{number}", "1.2.840.10008.1.2.1"))


def file_set(images: int = 3) -> FileSet:
    series = Entry(
        "SERIES",
        encode(made(Modality="CT", SeriesInstanceUID="1.2.3.4", SeriesNumber="1"), EXPLICIT),
        children=map(image, range(images)),
    )
    study = Entry(
        "STUDY",
        encode(made(StudyInstanceUID="1.2.3", StudyID="1", StudyDate="", StudyTime=""), EXPLICIT),
        children=[series],
    )
    patients = [
        Entry("PATIENT", encode(made(PatientID="1", PatientName="A"), EXPLICIT), children=[study]),
        Entry("PATIENT", encode(made(PatientID="2", PatientName="B"), EXPLICIT)),
    ]
    return FileSet("NAME", ("README",), "ISO_IR 100", "1.2.3.99", patients)


def parsed(made_of: FileSet) -> Dataset:
    return dcmread(BytesIO(b"".join(blocks(made_of))))


def test_pydicom_reads_what_it_is_to_say() -> None:
    found = parsed(file_set())
    assert found.file_meta.MediaStorageSOPInstanceUID == "1.2.3.99"
    assert (found.FileSetID, found.FileSetDescriptorFileID) == ("NAME", "README")
    assert found.SpecificCharacterSetOfFileSetDescriptorFile == "ISO_IR 100"
    kinds = [record.DirectoryRecordType for record in found.DirectoryRecordSequence]
    assert kinds == ["PATIENT", "STUDY", "SERIES", "IMAGE", "IMAGE", "IMAGE", "PATIENT"]
    last = found.DirectoryRecordSequence[5]
    assert (list(last.ReferencedFileID), last.ReferencedSOPInstanceUIDInFile) == (["A", "I2"], "1.2.2")


def test_offsets_lead_where_records_begin() -> None:
    found = parsed(file_set())
    records = list(found.DirectoryRecordSequence)
    at = [record.seq_item_tell for record in records]
    assert found.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity == at[0]
    assert found.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity == at[6]
    following = [record.OffsetOfTheNextDirectoryRecord for record in records]
    assert following == [at[6], 0, 0, at[4], at[5], 0, 0]
    lower = [record.OffsetOfReferencedLowerLevelDirectoryEntity for record in records]
    assert lower == [at[1], at[2], at[3], 0, 0, 0, 0]


def test_an_empty_one_leads_nowhere() -> None:
    found = parsed(FileSet(uid="1.2.3"))
    assert found.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity == 0
    assert list(found.DirectoryRecordSequence) == []


def test_private_records_and_related_classes_are_written() -> None:
    reference = Reference(("A",), "1.9", "1.2", "1.2.840.10008.1.2.1", ("1.2.3", "1.2.4"))
    found = parsed(FileSet(uid="1.2.3", roots=[Entry("PRIVATE", b"", reference, private_uid="1.2.9")]))
    (record,) = found.DirectoryRecordSequence
    assert record.PrivateRecordUID == "1.2.9"
    assert list(record.ReferencedRelatedGeneralSOPClassUIDInFile) == ["1.2.3", "1.2.4"]


@pytest.mark.parametrize("path", REAL, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_read_is_written_again(tmp_path: Path, path: Path) -> None:
    with Directory.open(str(path)) as directory:
        before = loaded(directory)
        named = [(record.file_id, record.sop_instance) for record in directory.instances()]
        texts = [
            sorted((tag, text(values, tag)) for tag in values if tag >= 0x00080000)
            for values in (directory.values(node.record) for node, _ in directory.walk())
        ]
    before.uid = before.uid or "1.2.3"
    write(str(tmp_path), before)
    with Directory.open(str(tmp_path / "DICOMDIR")) as directory:
        assert directory.problems == []
        assert [(record.file_id, record.sop_instance) for record in directory.instances()] == named
        assert [
            sorted((tag, text(values, tag)) for tag in values if tag >= 0x00080000)
            for values in (directory.values(node.record) for node, _ in directory.walk())
        ] == texts
        assert b"".join(blocks(loaded(directory))) == (tmp_path / "DICOMDIR").read_bytes()


def test_elements_that_nobody_knows_are_kept(tmp_path: Path) -> None:
    def change(draft: file_sets.Draft) -> None:
        draft.of("IMAGE").values.add_new(0x00091001, "LO", "ours")
        draft.of("IMAGE").values.add_new(0x00090010, "LO", "MAKER")

    medium = file_sets.medium(tmp_path / "m", change)
    with Directory.open(str(medium / "DICOMDIR")) as directory:
        write(str(tmp_path), loaded(directory))
    found = dcmread(tmp_path / "DICOMDIR").DirectoryRecordSequence
    assert [record[0x00091001].value for record in found if 0x00091001 in record] == ["ours"]


def test_inactive_records_are_left_out(tmp_path: Path) -> None:
    def change(draft: file_sets.Draft) -> None:
        draft.of("IMAGE").values.RecordInUseFlag = 0

    medium = file_sets.medium(tmp_path / "m", change)
    with Directory.open(str(medium / "DICOMDIR")) as directory:
        assert len(list(references(loaded(directory).roots))) == 3


def test_pydicom_makes_a_file_set_of_it(tmp_path: Path) -> None:
    medium = file_sets.medium(tmp_path / "m")
    with Directory.open(str(medium / "DICOMDIR")) as directory:
        kept = loaded(directory)
    write(str(medium), kept)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves a folder to the garbage collector
        assert len(PydicomFileSet(medium / "DICOMDIR")) == 4
        gc.collect()


# ---------------------------------------------------------------- on the medium


def test_it_keeps_the_mode_of_the_one_before(tmp_path: Path) -> None:
    write(str(tmp_path), file_set())
    path = tmp_path / "DICOMDIR"
    path.chmod(0o640)
    write(str(tmp_path), FileSet(uid="1.2.3"))
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["DICOMDIR"]


def test_the_one_before_stays_where_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(str(tmp_path), file_set())
    before = (tmp_path / "DICOMDIR").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match="DICOMDIR"):
        write(str(tmp_path), FileSet(uid="1.2.3"))
    assert (tmp_path / "DICOMDIR").read_bytes() == before
    assert os.listdir(tmp_path) == ["DICOMDIR"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"):
        write(str(tmp_path / "none"), file_set())
