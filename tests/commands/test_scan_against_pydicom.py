"""``dcmtools scan --format csv`` shows, value by value, what pydicom reads."""

from __future__ import annotations

import csv
import io
import re
import warnings
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from pydicom.datadict import keyword_for_tag
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from dcmtools.encoding.values import SINGLE_TEXT_VRS, TEXT_VRS
from dcmtools.escaping import escape
from tests.support.run import run
from tests.support.samples import pydicom_data_files, real_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NUMBERS = {"DS", "IS", "FL", "FD", "SL", "SS", "UL", "US", "SV", "UV"}
COMPARED = NUMBERS | TEXT_VRS | {"AT", "SQ"}


def read(path: Path) -> pydicom.Dataset | None:
    """What pydicom makes of a file, None where it makes nothing of it."""
    try:
        data_set = pydicom.dcmread(path, force=True, stop_before_pixels=True)
        _ = [element.value for element in data_set]
    except Exception:  # whatever it is, there is nothing to compare with
        return None
    return data_set


def keywords(data_set: pydicom.Dataset) -> Iterator[tuple[str, pydicom.DataElement]]:
    """The elements at the top that can be asked for by a keyword and compared."""
    for element in [*getattr(data_set, "file_meta", ()), *data_set]:
        if element.keyword and element.VR in COMPARED and keyword_for_tag(element.tag) == element.keyword:
            yield element.keyword, element


def values(value: Any) -> list[Any]:  # noqa: ANN401  whatever pydicom has
    return list(value) if isinstance(value, (MultiValue, list)) else [value]


def same(cell: str, element: pydicom.DataElement) -> bool:
    """Whether a cell says what pydicom has read; numbers compare as such, texts as they are shown."""
    if element.VR == "SQ":
        return cell == "(sequence)"
    if element.value in (None, "", []):
        return cell == ""
    if element.VR in SINGLE_TEXT_VRS:
        return unguarded(cell) == escape(str(element.value).rstrip(" \0"))
    cells, found = unguarded(cell).split("\\"), values(element.value)
    if element.VR in NUMBERS:
        return len(cells) == len(found) and all(
            (not one and other in (None, "")) or close(one, other)
            for one, other in zip(cells, found, strict=True)
        )
    if element.VR == "AT":
        return cells == [f"({int(tag) >> 16:04x},{int(tag) & 0xFFFF:04x})" for tag in found]
    return unguarded(cell) == "\\".join(escape(text_of(value)) for value in found)


def text_of(value: object) -> str:
    text = str(value) if isinstance(value, PersonName) else str(getattr(value, "original_string", value))
    return text.rstrip(" \0").strip(" ")


def close(cell: str, value: object) -> bool:
    if cell == str(value):
        return True
    try:
        return float(cell) == pytest.approx(float(str(value)), rel=1e-6)
    except ValueError:
        return False


def unguarded(cell: str) -> str:
    """A cell without what keeps it from being a formula."""
    return cell[1:] if re.match("'[=+@'-]", cell) else cell


def rows_of(paths: Sequence[Path], keys: Sequence[str]) -> list[dict[str, str]]:
    options = [word for key in keys for word in ("-k", key)]
    done = run("scan", *options, "--format", "csv", "--jobs", "1", *paths)
    return list(csv.DictReader(io.StringIO(done.stdout), strict=True))


def check(paths: Sequence[Path]) -> int:
    """Compare all there is to compare in ``paths``; return how many values that are."""
    compared = 0
    with warnings.catch_warnings(action="ignore"):
        for path in paths:
            data_set = read(path)
            if data_set is None or not (wanted := dict(keywords(data_set))):
                continue
            (row,) = rows_of([path], list(wanted))
            if row["outcome"] not in ("done", "warning"):
                continue  # of what is damaged other tests tell
            wrong = {name: row[name] for name, element in wanted.items() if not same(row[name], element)}
            wrong = {name: cell for name, cell in wrong.items() if (path.name, name) not in DIFFERENT}
            assert not wrong, path
            compared += len(wanted)
    return compared


# pydicom leaves out the delimiters of name components that are empty.
DIFFERENT = {("chrX1.dcm", "PatientName"), ("chrX2.dcm", "PatientName")}


def test_every_value_of_pydicoms_files() -> None:
    assert check([path for path in real_files() if not path.name.startswith("DICOMDIR")]) > 4000


def test_every_value_of_pydicom_datas_files() -> None:
    assert check(pydicom_data_files()) > 1000


def test_many_files_at_once_show_what_each_shows_alone(tmp_path: Path) -> None:
    """Whatever is known of the files before."""
    keys = ["SOPInstanceUID", "PatientName", "Rows", "PixelSpacing", "TransferSyntaxUID"]
    keys += ["ReferencedStudySequence.ReferencedSOPInstanceUID", "ImageType", "RescaleSlope"]
    paths = []
    for number, path in enumerate([*real_files(), *real_files()]):
        copy = tmp_path / f"{number:04d}.dcm"
        copy.write_bytes(path.read_bytes())
        paths.append(copy)
    together = {row["file"]: row for row in rows_of([tmp_path], keys)}
    assert len(together) == len(paths)
    for path in paths:
        assert rows_of([path], keys) == [together[str(path)]]
