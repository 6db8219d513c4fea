"""The real files that a strict walk accepts, as they are and in other encodings: their names and bytes."""

from __future__ import annotations

import warnings
import zlib
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from dcmtools.encoding.recoding import recoded
from dcmtools.encoding.syntax import EXPLICIT, IMPLICIT
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import part10
from tests.support.samples import pydicom_data_files, real_files

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

EXPLICIT_LITTLE, EXPLICIT_BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
_SYNTAXES = {"1.2.840.10008.1.2": IMPLICIT, EXPLICIT_LITTLE: EXPLICIT}
_MOST = 200_000


@cache
def files() -> list[Path]:
    return [*real_files(), *pydicom_data_files()]


@cache
def originals() -> list[tuple[str, bytes]]:
    found = []
    for path in files():
        try:
            with Part10File.open(str(path)) as file:
                for _ in file.walk():
                    pass
        except InputError:
            continue
        found.append((path.name, path.read_bytes()))
    return found


@cache
def with_undefined_lengths() -> list[tuple[str, bytes]]:
    """In little endian with VRs implicit and explicit, but for what is encapsulated."""
    found = []
    for path in files():
        for syntax, encoding in _SYNTAXES.items():
            try:
                with Part10File.open(str(path)) as file:
                    data = b"".join(recoded(file.walk(), encoding))
            except InputError:
                continue
            found.append((f"{path.name} in {syntax}", part10(data, syntax)))
    return found


@cache
def deflated() -> list[tuple[str, bytes]]:
    return [
        (f"{name}, deflated", part10(zlib.compress(data[len(part10()) :], wbits=-15), DEFLATED))
        for name, data in with_undefined_lengths()
        if name.endswith(EXPLICIT_LITTLE) and len(data) < _MOST
    ]


@cache
def with_defined_lengths() -> list[tuple[str, bytes]]:
    """In big endian, as pydicom writes those of moderate size that it can."""
    found = []
    for name, data in originals():
        if len(data) > _MOST:
            continue
        written = DicomBytesIO()
        written.is_little_endian = written.is_implicit_VR = False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                data_set = dcmread(BytesIO(data))
                _define_lengths(data_set)
                write_dataset(written, data_set)
            except Exception:  # noqa: S112  whatever it dislikes about a file
                continue
        found.append((f"{name} in big endian", part10(written.getvalue(), EXPLICIT_BIG)))
    return found


def _define_lengths(data_set: Dataset) -> None:
    for element in data_set:
        if element.VR == "SQ":
            element.is_undefined_length = element.value.is_undefined_length = False
            for item in element.value:
                item.is_undefined_length_sequence_item = False
                _define_lengths(item)
