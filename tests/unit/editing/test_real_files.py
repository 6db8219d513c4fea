"""Every real file, edited in each encoding: pydicom reads the edits, and everything else as it was."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from pydicom import config, dcmread
from pydicom.dataelem import RawDataElement

from dcmtools.editing.changes import edits_for, parse_changes
from dcmtools.editing.splice import Edit, spliced
from dcmtools.encoding.syntax import is_deflated
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import part10
from tests.support.reencoded import EXPLICIT_LITTLE, originals, with_undefined_lengths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

WANTED: dict[str, tuple[str, object]] = {
    "AccessionNumber": ("", ""),
    "EventElapsedTimes": (r"1.5\-2", [1.5, -2]),
    "PatientName": ("Roe^Richard", "Roe^Richard"),
    "PatientID": ("NEW-1", "NEW-1"),
    "PatientBirthDate": ("19990101", "19990101"),
    "PatientWeight": ("71.5", 71.5),
    "PatientComments": ("Two\r\nlines \\ and a backslash", "Two\r\nlines \\ and a backslash"),
    "AcquisitionMatrix": (r"0\512\65535\0", [0, 512, 65535, 0]),
    "TableSpeed": ("-1e-7", -1e-7),
    "FrameIncrementPointer": (r"(0018,9346)\PatientName", [0x00189346, 0x00100010]),
    "ReferencedSamplePositions": (r"7\90000", [7, 90000]),
    "TextValue": ("of odd length", "of odd length"),
    "FiducialUID": ("2.25.77", "2.25.77"),
}
CHANGES = parse_changes([f"{keyword}={text}" for keyword, (text, _) in WANTED.items()])
NEW = {change.tag for change in CHANGES}
GONE = (0x00080020, 0x00100040, 0x00081140, 0x00400275, 0x300A00B0)
OUT_OF_ORDER = "only a data set in the order of its tags is edited"


def edited(path: Path) -> bytes | None:
    """The file with its data set edited; None where it cannot be, for the one reason there is."""
    with Part10File.open(str(path)) as file:
        edits = [*edits_for(file, CHANGES), *[Edit(tag, "", None) for tag in GONE]]
        try:
            splice = spliced(file, edits)
        except InputError as error:
            if OUT_OF_ORDER in str(error):
                return None
            raise
        data = b"".join(splice.blocks())
        syntax = EXPLICIT_LITTLE if is_deflated(file.transfer_syntax) else file.transfer_syntax
        return part10(data, syntax)


def elements(data: bytes) -> tuple[Dataset, dict[int, object]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = dcmread(BytesIO(data))
        found: dict[int, object] = {
            int(tag): element[1:4] if isinstance(element, RawDataElement) else element
            for tag, element in data_set._dict.items()
        }
    return data_set, found


def wrong(before: bytes, after: bytes) -> list[object]:
    _, old = elements(before)
    data_set, new = elements(after)
    groups = {tag >> 16 for tag in {*NEW, *(old.keys() & set(GONE))}}
    expected = {
        tag: element
        for tag, element in old.items()
        if tag not in NEW | set(GONE)
        and not (tag & 0xFFFF == 0 and tag >> 16 in groups)
        and tag != 0x00080001
    }
    told: list[object] = [tag for tag in expected if new.get(tag) != expected[tag]]
    told += [tag for tag in new.keys() - expected.keys() if tag not in NEW]
    told += [keyword for keyword, (_, value) in WANTED.items() if data_set[keyword].value != value]
    return told


@pytest.fixture(autouse=True)
def _lenient_pydicom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.settings, "_reading_validation_mode", config.IGNORE)


@pytest.mark.parametrize("samples", [originals, with_undefined_lengths])
def test_the_edits_and_nothing_else(samples: Callable[[], list[tuple[str, bytes]]], tmp_path: Path) -> None:
    failed, refused = {}, set()
    for name, data in samples():
        path = tmp_path / "file.dcm"
        path.write_bytes(data)
        done = edited(path)
        if done is None:
            refused.add(name.split()[0])
        elif told := wrong(data, done):
            failed[name] = told
    assert not failed
    assert refused == {"winter.dcm"}
    assert len(samples()) > 150
