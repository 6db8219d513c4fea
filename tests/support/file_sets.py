"""Media with a DICOMDIR, made so that any one thing can be wrong with them.

``medium(folder)`` writes four instances of two patients below ``folder`` and a DICOMDIR that is right in
every way. ``change`` is called with the ``Draft`` before offsets are known, ``spoil`` after that: what it
does stays.
"""

from __future__ import annotations

import gc
import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.fileset import FileSet
from pydicom.filewriter import dcmwrite, write_dataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from tests.support.instances import write_instance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

ROOT = "1.2.826.0.1.3680043.9.7777.11"
NAMES = ("DICOM/P1/ST1/SE1/IM1", "DICOM/P1/ST1/SE1/IM2", "DICOM/P1/ST1/SE2/IM1", "DICOM/P2/ST1/SE1/IM1")


class Draft:
    """A DICOMDIR in the making: the elements of the file-set, and ``roots``, records with those ``below``."""

    def __init__(self) -> None:
        self.meta = FileMetaDataset()
        self.meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
        self.meta.MediaStorageSOPInstanceUID = UID(f"{ROOT}.0")
        self.meta.TransferSyntaxUID = ExplicitVRLittleEndian
        self.meta.ImplementationClassUID = UID(f"{ROOT}.99")
        self.head = Dataset()
        self.head.FileSetID = "TEST"
        self.head.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
        self.head.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
        self.head.FileSetConsistencyFlag = 0
        self.roots: list[Record] = []
        self.order: list[Record] | None = None  # of the file, where it is not that of the tree

    @property
    def records(self) -> list[Record]:
        """All of them in the order of the file."""
        return self.order if self.order is not None else [each for root in self.roots for each in root.all()]

    def of(self, kind: str, number: int = 0) -> Record:
        """Return the record of a type with this number."""
        return [each for each in self.records if each.values.get("DirectoryRecordType") == kind][number]

    def link(self) -> None:
        """Have every offset lead where it should."""
        offset = len(self._before())
        for record in self.records:
            record.offset = offset
            offset += len(record.encoded())
        self._chain(self.roots)
        self.head.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = _offset(self.roots[:1])
        self.head.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = _offset(self.roots[-1:])

    def _chain(self, siblings: list[Record]) -> None:
        for number, record in enumerate(siblings, 1):
            record.values.OffsetOfTheNextDirectoryRecord = _offset(siblings[number:])
            record.values.OffsetOfReferencedLowerLevelDirectoryEntity = _offset(record.below[:1])
            self._chain(record.below)

    def _before(self) -> bytes:
        """Return the bytes before the first record."""
        out = BytesIO()
        self.head.file_meta = self.meta
        dcmwrite(out, self.head, enforce_file_format=True)
        return out.getvalue() + b"\x04\x00\x20\x12SQ\x00\x00" + b"\xff\xff\xff\xff"

    def bytes(self) -> bytes:
        """Return the DICOMDIR as it is now."""
        body = b"".join(record.encoded() for record in self.records)
        before = self._before()[:-4]
        return before + len(body).to_bytes(4, "little") + body


class Record:
    """A directory record with its keys, and those below."""

    def __init__(self, kind: str, below: list[Record] | None = None, **values: Any) -> None:  # noqa: ANN401
        self.below = below or []
        self.offset = 0
        self.values = Dataset()
        self.values.OffsetOfTheNextDirectoryRecord = 0
        self.values.RecordInUseFlag = 0xFFFF
        self.values.OffsetOfReferencedLowerLevelDirectoryEntity = 0
        self.values.DirectoryRecordType = kind
        for keyword, value in values.items():
            setattr(self.values, keyword, value)

    def all(self) -> list[Record]:
        """Return this record and all below it."""
        return [self, *(each for child in self.below for each in child.all())]

    def encoded(self) -> bytes:
        """Return its item."""
        out = DicomBytesIO()
        out.is_little_endian, out.is_implicit_VR = True, False
        write_dataset(out, self.values)
        body = out.getvalue()
        return b"\xfe\xff\x00\xe0" + len(body).to_bytes(4, "little") + body


def _offset(records: list[Record]) -> int:
    return records[0].offset if records else 0


def medium(
    folder: Path, change: Callable[[Draft], object] = bool, spoil: Callable[[Draft], object] = bool
) -> Path:
    """Write a medium into ``folder`` and return that."""
    for values, name in zip(_instances(), NAMES, strict=True):
        write_instance(folder / name, **values)
    draft = Draft()
    draft.roots = _records()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # values may be ones that pydicom complains of
        change(draft)
        draft.link()
        spoil(draft)
        (folder / "DICOMDIR").write_bytes(draft.bytes())
    return folder


def by_pydicom(folder: Path, paths: Iterable[Path]) -> Path:
    """Have pydicom write a medium with the files at ``paths`` into ``folder`` and return that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it leaves temporary folders to the garbage collector
        made = FileSet()
        for path in paths:
            made.add(path)
        made.write(folder)
        del made
        gc.collect()
    return folder


def _instances() -> list[dict[str, Any]]:
    places = [("P1", 1, 1, 1), ("P1", 1, 1, 2), ("P1", 1, 2, 1), ("P2", 2, 3, 1)]
    return [
        {
            "SOPInstanceUID": f"{ROOT}.4.{series}.{image}",
            "PatientName": f"Doe^{patient}",
            "PatientID": patient,
            "StudyDate": "20240102",
            "StudyTime": "0304",
            "StudyID": f"{study}",
            "AccessionNumber": "",
            "StudyDescription": "Head",
            "StudyInstanceUID": f"{ROOT}.2.{study}",
            "SeriesInstanceUID": f"{ROOT}.3.{series}",
            "SeriesNumber": series,
            "InstanceNumber": image,
        }
        for patient, study, series, image in places
    ]


def image(number: int) -> Record:
    """Return the record of one of the instances."""
    values = _instances()[number]
    return Record(
        "IMAGE",
        ReferencedFileID=NAMES[number].split("/"),
        ReferencedSOPClassUIDInFile=CTImageStorage,
        ReferencedSOPInstanceUIDInFile=values["SOPInstanceUID"],
        ReferencedTransferSyntaxUIDInFile=ExplicitVRLittleEndian,
        InstanceNumber=values["InstanceNumber"],
    )


def _of(kind: str, number: int, below: list[Record], *keywords: str, **more: str) -> Record:
    values = _instances()[number]
    return Record(kind, below, **{keyword: values[keyword] for keyword in keywords}, **more)


def _series(number: int, below: list[Record]) -> Record:
    return _of("SERIES", number, below, "SeriesInstanceUID", "SeriesNumber", Modality="CT")


def _patient(number: int, below: list[Record]) -> Record:
    study = _of(
        *("STUDY", number, below),
        *("StudyDate", "StudyTime", "AccessionNumber", "StudyDescription", "StudyInstanceUID", "StudyID"),
    )
    return _of("PATIENT", number, [study], "PatientName", "PatientID")


def _records() -> list[Record]:
    return [
        _patient(0, [_series(0, [image(0), image(1)]), _series(2, [image(2)])]),
        _patient(3, [_series(3, [image(3)])]),
    ]
