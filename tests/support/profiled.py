"""Instances that application profiles of PS3.11 take, made with pydicom."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import uid as uids
from pydicom.dataset import Dataset, FileMetaDataset

from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

EXPLICIT = str(uids.ExplicitVRLittleEndian)
_numbers = count(1)
_BY_KIND: dict[str, tuple[uids.UID, str]] = {
    "CT": (uids.CTImageStorage, "CT"),
    "MR": (uids.MRImageStorage, "MR"),
    "XA": (uids.XRayAngiographicImageStorage, "XA"),
    "SC": (uids.SecondaryCaptureImageStorage, "OT"),
    "US": (uids.UltrasoundImageStorage, "US"),
    "USMF": (uids.UltrasoundMultiFrameImageStorage, "US"),
    "DX": (uids.DigitalXRayImageStorageForPresentation, "DX"),
    "IO": (uids.DigitalIntraOralXRayImageStorageForPresentation, "IO"),
    "VIDEO": (uids.VideoEndoscopicImageStorage, "ES"),
}


def drawn(
    rows: int = 96, columns: int = 128, bits: int = 8, colours: int = 1, frames: int = 1
) -> NDArray[Any]:
    """Samples with edges and slopes, different in each frame."""
    y, x = np.mgrid[0:rows, 0:columns]
    top = (1 << bits) - 1
    planes = []
    for number in range(frames * colours):
        disc = np.hypot(y - rows / 2, x - columns / (2 + number % 3)) < min(rows, columns) / 3
        planes.append((top * (0.1 + 0.5 * disc + 0.3 * x / columns + 0.08 * (number % 2))).astype("i8"))
    whole = np.stack(planes).reshape(frames, colours, rows, columns).transpose(0, 2, 3, 1)
    single = tuple(axis for axis, count in ((0, frames), (3, colours)) if count == 1)
    return whole.astype("u1" if bits <= 8 else "u2").squeeze(single)


def instance(kind: str, pixels: NDArray[Any] | None = None, **values: object) -> Dataset:
    """An image of ``kind`` with ``pixels``, fit for its profile; values that are None it does not have."""
    sop_class, modality = _BY_KIND[kind]
    number = next(_numbers)
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = uids.ExplicitVRLittleEndian
    common: dict[str, object] = {
        "SpecificCharacterSet": "ISO_IR 100",
        "ImageType": ["ORIGINAL", "PRIMARY", "SINGLE PLANE"],
        "SOPClassUID": sop_class,
        "SOPInstanceUID": f"1.2.826.0.1.3680043.9.7777.4.{number}",
        "StudyInstanceUID": "1.2.826.0.1.3680043.9.7777.1",
        "SeriesInstanceUID": f"1.2.826.0.1.3680043.9.7777.2.{sorted(_BY_KIND).index(kind) + 1}",
        "PatientName": "Doe^Jan\xe9",
        "PatientID": "P1",
        "PatientBirthDate": "19700102",
        "PatientSex": "O",
        "StudyDate": "20240102",
        "StudyTime": "101112",
        "StudyID": "S1",
        "StudyDescription": "a study",
        "AccessionNumber": "A1",
        "Modality": modality,
        "InstitutionName": "Hospital",
        "SeriesNumber": sorted(_BY_KIND).index(kind) + 1,
        "InstanceNumber": number,
        "ManufacturerModelName": "",
        "DetectorID": "",
        "DetectorManufacturerName": "",
        "DetectorManufacturerModelName": "",
    }
    for keyword, value in {**common, **_described(drawn() if pixels is None else pixels), **values}.items():
        if value is not None:
            setattr(made, keyword, value)
    return made


def _described(pixels: NDArray[Any]) -> dict[str, object]:
    colour = pixels.ndim > 2 and pixels.shape[-1] == 3
    shape = pixels.shape[:-1] if colour else pixels.shape
    bits = 8 * pixels.itemsize
    found: dict[str, object] = {
        "SamplesPerPixel": 3 if colour else 1,
        "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2",
        "Rows": shape[-2],
        "Columns": shape[-1],
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PixelData": pixels.tobytes() + b"\0" * (pixels.nbytes % 2),
    }
    if colour:
        found["PlanarConfiguration"] = 0
    if len(shape) > 2:
        found["NumberOfFrames"] = shape[0]
    return found


def saved(made: Dataset, path: Path, syntax: str = EXPLICIT) -> Path:
    """Write an instance to ``path``, said to be in ``syntax``."""
    made.file_meta.TransferSyntaxUID = uids.UID(syntax)
    path.parent.mkdir(parents=True, exist_ok=True)
    encapsulated = syntax not in (EXPLICIT, uids.ImplicitVRLittleEndian, uids.ExplicitVRBigEndian)
    if "PixelData" in made:
        made["PixelData"].VR = "OB" if made.BitsAllocated <= 8 or encapsulated else "OW"
        made["PixelData"].is_undefined_length = encapsulated
    made.save_as(path, enforce_file_format=True)
    return path


class _Opened(Part10File):
    """A file that is closed once nobody has it any more."""

    __slots__ = ()

    def __del__(self) -> None:
        self.source.close()


def part10(path: Path) -> Part10File:
    """The file at ``path``, opened."""
    return _Opened(FileSource.open(str(path)))
