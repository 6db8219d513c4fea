"""Small DICOM files with chosen values, each an instance of its own unless it is told which."""

from __future__ import annotations

import warnings
from itertools import count
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

if TYPE_CHECKING:
    from pathlib import Path

_numbers = count(1)


def write_instance(path: Path, **values: object) -> Path:
    """Write a file to ``path`` with these ``values`` by keyword; those that are None it does not have."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    uid = f"1.2.3.{next(_numbers)}"
    common = {"PatientID": "P1", "StudyDate": "20240102", "SeriesNumber": 3, "Modality": "CT"}
    given = {"SOPClassUID": CTImageStorage, "SOPInstanceUID": uid, "InstanceNumber": 7, **common, **values}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # values may be ones that pydicom complains of
        for keyword, value in given.items():
            if value is not None:
                setattr(image, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)
    return path
