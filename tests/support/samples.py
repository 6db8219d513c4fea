"""Real DICOM files that pydicom ships, and synthetic ones in any number."""

from __future__ import annotations

import importlib.util
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest

UID_BASE = 770_000_000_000
SOP_INSTANCE = f"2.25.{UID_BASE}"
INSTANCE_NUMBER = "987654"  # digits that occur nowhere else in the header

# ---------------------------------------------------------------- files of pydicom and pydicom-data


@cache
def real_files() -> list[Path]:
    """Every DICOM file inside the pydicom package, damaged ones included."""
    data = _package_folder("pydicom") / "data"
    folders = (data / "test_files", data / "charset_files", data / "palettes")
    return [path for folder in folders for path in _dicom_files(folder)]


@cache
def named_files() -> list[tuple[str, Path]]:
    """The same with a short, unique name each, for test ids."""
    data = _package_folder("pydicom") / "data"
    return [(str(path.relative_to(data).with_suffix("")), path) for path in real_files()]


@cache
def pydicom_data_files() -> list[Path]:
    """The larger files of the pydicom-data package; without it the test, or the module, is skipped."""
    if importlib.util.find_spec("data_store") is None:
        pytest.skip("not installed: pydicom-data", allow_module_level=True)
    return _dicom_files(_package_folder("data_store") / "data")


def real_file(name: str) -> Path:
    """One of pydicom's files, by its name in ``test_files`` or by a path from there."""
    path = _package_folder("pydicom") / "data" / "test_files" / name
    if not path.is_file():
        raise FileNotFoundError(path)
    return path


def ct() -> Path:
    return real_file("CT_small.dcm")


def mr() -> Path:
    return real_file("MR_small.dcm")


def dicomdir() -> Path:
    """A DICOMDIR beside the files it names."""
    return real_file("dicomdirtests/DICOMDIR")


def renamed_dicomdir(folder: Path) -> Path:
    """A DICOMDIR by another name, under which it stands for itself rather than for the files it names."""
    path = folder / "directory.dcm"
    path.write_bytes(dicomdir().read_bytes())
    return path


def _package_folder(package: str) -> Path:
    """Found without importing it: some tests prove that pydicom is not loaded."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"not installed: {package}")
    return Path(spec.submodule_search_locations[0])


def _dicom_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and _is_dicom(path))


def _is_dicom(path: Path) -> bool:
    if path.suffix == ".dcm":
        return True
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def dataset_bytes(path: Path) -> bytes:
    """What follows the file meta information, byte for byte (still compressed in a deflated file)."""
    from pydicom.filereader import _read_file_meta_info, read_preamble

    with path.open("rb") as file:
        read_preamble(file, force=True)
        _read_file_meta_info(file)  # pydicom offers no public reader that stops here
        return file.read()


# ---------------------------------------------------------------- synthetic files


def make_ct(folder: Path, count: int, size: int = 512 * 1024, *, first: int = 1) -> list[Path]:
    """Write CT images of one series, about ``size`` bytes each; the same arguments give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    head, pixels = _ct_template(size)
    paths = []
    for number in range(first, first + count):
        path = folder / f"ct{number:06d}.dcm"
        with path.open("wb") as file:
            file.write(_renumbered(head, number))
            file.write(pixels)
        paths.append(path)
    return paths


def make_small(folder: Path, count: int, *, first: int = 1) -> list[Path]:
    """Write CT images of 10 KB."""
    return make_ct(folder, count, 10 * 1024, first=first)


def sop_instance_uid(number: int) -> str:
    """The SOP Instance UID of the n-th synthetic file."""
    return f"2.25.{UID_BASE + number}"


def _renumbered(head: bytes, number: int) -> bytes:
    """Other values of equal length in place of the template's, so no length field changes."""
    counted = head.replace(INSTANCE_NUMBER.encode(), f"{number:06d}".encode())
    return counted.replace(SOP_INSTANCE.encode(), sop_instance_uid(number).encode())


@cache
def _ct_template(size: int) -> tuple[bytes, bytes]:
    """A CT image in two parts: all before the pixels, and the pixels."""
    columns = 64 if size <= 256 * 1024 else 512 if size < 50_000_000 else 8192
    rows = max(1, (size - 1024) // (2 * columns))
    pixels = bytes(value for n in range(rows * columns) for value in ((n * 7) & 0xFF, (n >> 8) & 0x0F))
    encoded = _encoded_ct(rows, columns, pixels)
    return encoded[: -len(pixels)], pixels


def _encoded_ct(rows: int, columns: int, pixels: bytes) -> bytes:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.ImplementationVersionName = "DCMTOOLS_SAMPLE"
    image.SOPClassUID = CTImageStorage
    image.SOPInstanceUID = SOP_INSTANCE
    for keyword, value in _CT_HEADER.items():
        setattr(image, keyword, value)
    image.Rows, image.Columns, image.PixelData = rows, columns, pixels
    buffer = BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


_CT_HEADER: dict[str, object] = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "StudyDate": "20240229",
    "SeriesDate": "20240229",
    "StudyTime": "101112",
    "AccessionNumber": "A0001",
    "Modality": "CT",
    "Manufacturer": "dcmtools",
    "ReferringPhysicianName": "Referrer^Rita",
    "StudyDescription": "Synthetic study",
    "SeriesDescription": "Synthetic series",
    "PatientName": "Synthetic^Sam",
    "PatientID": "SYN0001",
    "PatientBirthDate": "19700101",
    "PatientSex": "O",
    "SliceThickness": "1",
    "KVP": "120",
    "PatientPosition": "HFS",
    "StudyInstanceUID": "2.25.660000000001",
    "SeriesInstanceUID": "2.25.660000000002",
    "FrameOfReferenceUID": "2.25.660000000003",
    "StudyID": "1",
    "SeriesNumber": "1",
    "AcquisitionNumber": "1",
    "InstanceNumber": INSTANCE_NUMBER,
    "ImagePositionPatient": ["-250", "-250", "0"],
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "PositionReferenceIndicator": "",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "PixelSpacing": ["0.9765625", "0.9765625"],
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
    "WindowCenter": "40",
    "WindowWidth": "400",
}
