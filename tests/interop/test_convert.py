"""JSON of DCMTK and of pydicom becomes DICOM again, and pydicom understands ours."""

from __future__ import annotations

import json
import math
import subprocess
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from tests.support.peers import requires
from tests.support.run import run
from tests.support.samples import named_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Files that are damaged, are no instances, or have what the other's model cannot: each with the reason.
_DAMAGED = (
    *("ExplVR_BigEndNoMeta", "ExplVR_LitEndNoMeta", "MR_truncated", "SC_rgb_jpeg", "meta_missing_tsyntax"),
    *("no_meta", "rtplan_truncated", "rtstruct", "DICOMDIR", "empty_charset_LEI", "nested_priv_SQ", "winter"),
    *("priv_SQ", "chrSQEncoding", "UN_sequence"),
)
FILES = [
    (name, path)
    for name, path in named_files()
    if not path.stem.startswith(_DAMAGED) and "dicomdirtests" not in name
]
IDS = [name for name, _ in FILES]


def back(model: object, path: Path, folder: Path) -> list[dict[str, Any]]:
    """What is different between the file at ``path`` and what becomes of its ``model``."""
    (folder / "model.json").write_text(json.dumps(model))
    syntax = str(pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID)
    done = run(
        *("convert", folder / "model.json", "-o", folder / "back.dcm", "--transfer-syntax", syntax),
    )
    assert done.status == 0, done.stderr
    done = run("diff", path, folder / "back.dcm", "--ignore-charset", "--ignore-meta", "--format", "json")
    (record, *_) = done.records
    found: list[dict[str, Any]] = record["differences"]
    return found


@pytest.mark.parametrize(("name", "path"), FILES, ids=IDS)
def test_pydicom_to_ours(name: str, path: Path, tmp_path: Path) -> None:
    data_set = pydicom.dcmread(path)
    try:
        model = data_set.to_json_dict()
    except Exception as error:  # whatever pydicom's model does not have
        pytest.skip(f"pydicom has no JSON of it: {error}")
    assert back(model, path, tmp_path) == [], name


@pytest.mark.parametrize(("name", "path"), FILES, ids=IDS)
def test_ours_to_pydicom(name: str, path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert run("convert", path, "-o", out).status == 0
    model = json.loads(out.read_bytes())
    original = pydicom.dcmread(path)
    try:
        theirs = Dataset.from_json({tag: each for tag, each in model.items() if not tag.startswith("0002")})
    except ValueError as error:
        pytest.skip(f"pydicom takes no such value: {error}")
    big = original.original_encoding[1] is False
    assert list(_different(original, theirs, big=big)) == [], name


def _different(original: Dataset, theirs: Dataset, *, big: bool) -> Iterator[str]:
    """Where values are not the same; pydicom has OW of big endian files, and UN, as the bytes in the file."""
    for element in original:
        if element.tag.element == 0 or element.tag == 0x00080005:
            continue
        other = theirs.get(element.tag)
        if other is None:
            yield f"{element.tag} is missing"
        elif element.VR == "SQ" == other.VR:
            if len(element.value) != len(other.value):
                yield f"{element.tag}: {len(element.value)} and {len(other.value)} items"
            for one, two in zip(element.value, other.value, strict=False):
                yield from _different(one, two, big=big)
        elif (
            (element.VR == other.VR)
            and not (big and element.VR == "OW")
            and _values(element) != _values(other)
        ):
            yield f"{element.tag}: {_values(element)[:5]} and {_values(other)[:5]}"


def _values(element: pydicom.DataElement) -> list[Any]:
    value = element.value
    several = value if isinstance(value, (list, MultiValue)) else [] if value is None else [value]
    texts: list[Any] = [
        each.rstrip(b"\0") if isinstance(each, bytes) else str(each).strip(" ") for each in several
    ]
    if element.VR in ("DS", "IS"):
        texts = [float(each) if each else None for each in texts]
    return [] if texts in ([""], [None], [b""]) else texts


@requires("dcm2json", package="dcmtk")
@pytest.mark.parametrize(("name", "path"), FILES, ids=IDS)
def test_dcm2json_to_ours(name: str, path: Path, tmp_path: Path) -> None:
    done = subprocess.run(["dcm2json", "-fc", str(path)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"dcm2json: {done.stderr.decode(errors='replace').strip()[:100]}")
    try:
        model = json.loads(done.stdout)
    except UnicodeDecodeError:
        pytest.skip("dcm2json writes text as it is in the file, which is not UTF-8")
    left = [each for each in back(model, path, tmp_path) if not _is_of_dcmtk(each)]
    assert left == [], name


def _is_of_dcmtk(found: dict[str, Any]) -> bool:
    """DCMTK leaves empty components of names out, and digits of floats."""
    if found["kind"] not in ("changed", "missing", "added"):
        return False
    one, two = ((found[side] or "").replace("(no value)", "").strip("[]^ ") for side in ("a", "b"))
    if found["vr"] in ("FD", "FL"):
        return math.isclose(float(one), float(two), rel_tol=1e-14)
    return found["vr"] == "PN" and one == two


@requires("dcm2json", package="dcmtk")
@pytest.mark.parametrize(("name", "path"), FILES, ids=IDS)
def test_dcm2json_says_the_same(name: str, path: Path, tmp_path: Path) -> None:
    done = subprocess.run(["dcm2json", "-fc", str(path)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"dcm2json: {done.stderr.decode(errors='replace').strip()[:100]}")
    assert run("convert", path, "-o", tmp_path / "out.json").status == 0
    try:
        theirs = json.loads(done.stdout)
    except UnicodeDecodeError:
        pytest.skip("dcm2json writes text as it is in the file, which is not UTF-8")
    ours = json.loads((tmp_path / "out.json").read_bytes())
    assert _same(ours) == _same(theirs), name


def _same(model: dict[str, Any]) -> dict[str, Any]:
    """A model without what DCMTK writes otherwise: floats in fewer digits, names without empty components."""
    kept = {}
    for tag, element in model.items():
        if tag in ("00080005", "00020010"):
            continue
        values = element.get("Value", [])
        if element["vr"] == "SQ":
            values = [_same(item) for item in values]
        elif element["vr"] in ("FL", "FD"):
            values = [round(each, 6 - int(math.log10(abs(each) or 1))) for each in values]
        elif element["vr"] == "PN":
            values = [_name(each or {}) for each in values]
            values = [] if values == [{}] else values
        bulk = b64decode(element.get("InlineBinary", "")).rstrip(b"\0")
        kept[tag] = (element["vr"], values, bulk)
    return kept


def _name(groups: dict[str, str]) -> dict[str, str]:
    return {key: text.rstrip("^") for key, text in groups.items() if text.rstrip("^")}
