"""Every real file, recoded: pydicom reads the same elements and values, and DCMTK reads it, too."""

from __future__ import annotations

import array
import warnings
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

import pytest
from pydicom import config, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.values import convert_value

from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.recoding import recoded
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_BIG, IMPLICIT, Encoding
from dcmtools.encoding.tags import is_private
from dcmtools.encoding.walker import Walker
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import part10
from tests.support.peers import dcmtk, requires_dcmtk
from tests.support.samples import pydicom_data_files, real_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

TARGETS = {"implicit": IMPLICIT, "explicit": EXPLICIT, "big": EXPLICIT_BIG}
UIDS = {
    "implicit": "1.2.840.10008.1.2", "explicit": "1.2.840.10008.1.2.1", "big": "1.2.840.10008.1.2.2",
}  # fmt: skip
READ_AS = {"implicit": "-ti", "explicit": "-te", "big": "-tb"}
# Two answers to the same question, each right: what may be OB or OW, US or OW, is OW where VRs were implicit.
AS_WELL = {("OB", "OW"), ("US", "OW")}
# Explicit as SS, while Pixel Representation says US, which is what tells where VRs are implicit.
CONTRADICTORY = {("mlut_18.dcm", "00283000[0].00283002")}
SIZES = {"OW": 2, "OL": 4, "OF": 4, "OD": 8, "OV": 8}


class Leaf(NamedTuple):
    vr: str
    meant: str  # for UN: what pydicom takes it for
    raw: bytes
    big: bool


@cache
def native_files() -> list[Path]:
    """Those that a strict walk accepts, and that hold nothing encapsulated."""
    return [path for path in [*real_files(), *pydicom_data_files()] if _is_native(path)]


def _is_native(path: Path) -> bool:
    try:
        with Part10File.open(str(path)) as file:
            return all(vr in ("SQ", "") or length != 0xFFFFFFFF for _, vr, _, _, length, _ in file.walk())
    except InputError:
        return False


def of_file(path: Path, target: Encoding) -> bytes:
    with Part10File.open(str(path)) as file:
        return b"".join(recoded(file.walk(), target))


def again(data: bytes, encoding: Encoding, target: Encoding) -> bytes:
    return b"".join(recoded(Walker(MemorySource(data), 0, len(data), encoding), target))


def leaves(data_set: Dataset, where: str = "") -> Iterator[tuple[str, Leaf | None]]:
    """Elements by path, None for a sequence; group lengths and Length to End left out."""
    for tag, raw in list(data_set._dict.items()):  # as read: any access replaces them by what they mean
        if tag.element == 0 or tag == 0x00080001:
            continue
        key = f"{where}{int(tag):08X}"
        try:
            vr = str(data_set[tag].VR)
        except (ValueError, OverflowError, NotImplementedError):
            vr = str(raw.VR)
        if vr == "SQ":
            yield key, None
            for number, item in enumerate(data_set[tag].value):
                yield f"{key}[{number}]", None
                yield from leaves(item, f"{key}[{number}].")
        elif isinstance(raw, RawDataElement):
            yield key, Leaf(raw.VR or vr, vr, raw.value or b"", not raw.is_little_endian)
        else:  # character set and pixel representation, which pydicom decodes at once
            yield key, Leaf(vr, vr, str(raw.value).encode(), big=False)


def read(file: Path | BytesIO) -> dict[str, Leaf | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(leaves(dcmread(file)))


def value(leaf: Leaf, vr: str) -> object:
    """The value under ``vr``, whatever byte order it is in."""
    raw = leaf.raw + b"\0" * (len(leaf.raw) % 2 and vr not in ("US", "SS"))
    if vr in SIZES:
        words = array.array({2: "H", 4: "I", 8: "Q"}[SIZES[vr]], raw)
        if leaf.big:
            words.byteswap()
        return words.tobytes()
    if vr in ("OB", "UN"):
        return raw
    element = RawDataElement(0x00100010, vr, len(raw), raw, 0, False, not leaf.big)  # type: ignore[arg-type]  # any tag
    try:
        return repr(convert_value(vr, element, ["latin_1"]))  # NaN is not equal to itself
    except Exception:  # pydicom raises what it likes for values that are wrong
        return raw


def wrong_vr(key: str, before: Leaf, after: Leaf, *, implied: bool) -> bool:
    """Whether the VR changed more than by what the encoding cannot tell."""
    if implied and (is_private(int(key[-8:], 16)) or before.vr == "UN"):
        return False
    told = before.meant if implied else before.vr
    now = after.meant if implied else after.vr
    return told != now and (told, now) not in AS_WELL


def differences(path: Path, target: str) -> list[str]:
    before = read(path)
    after = read(BytesIO(part10(of_file(path, TARGETS[target]), UIDS[target])))
    told = [f"only one has {key}" for key in before.keys() ^ after.keys()]
    with Part10File.open(str(path)) as file:
        implied = target == "implicit" or not file.encoding.explicit
    for key in before.keys() & after.keys():
        one, two = before[key], after[key]
        if one is None or two is None:
            same = one is two
        else:
            same = value(one, one.vr) == value(two, one.vr) and (
                (path.name, key) in CONTRADICTORY or not wrong_vr(key, one, two, implied=implied)
            )
        if not same:
            told.append(f"{key}: {one} {two}"[:200])
    return told


@pytest.fixture(autouse=True)
def _lenient_pydicom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.settings, "_reading_validation_mode", config.IGNORE)
    monkeypatch.setattr(config, "replace_un_with_known_vr", False)


@pytest.mark.parametrize("target", TARGETS)
def test_elements_and_values_are_the_same(target: str) -> None:
    wrong = {path.name: told for path in native_files() if (told := differences(path, target))}
    assert not wrong
    assert len(native_files()) > 150


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_recoded_once_stays_as_it_is(target: str) -> None:
    encoding = TARGETS[target]
    for path in native_files():
        once = of_file(path, encoding)
        assert again(once, encoding, encoding) == once, path


def test_there_and_back_is_the_same() -> None:
    """From implicit VRs; explicit ones that no dictionary has do not come back."""
    for path in native_files():
        implicit = of_file(path, IMPLICIT)
        explicit = again(implicit, IMPLICIT, EXPLICIT)
        assert again(explicit, EXPLICIT, IMPLICIT) == implicit, path
        assert again(again(explicit, EXPLICIT, IMPLICIT), IMPLICIT, EXPLICIT) == explicit, path


@requires_dcmtk
@pytest.mark.parametrize("target", TARGETS)
def test_dcmtk_reads_it(target: str, tmp_path: Path) -> None:
    for number, path in enumerate(native_files()):
        (tmp_path / f"{number}").write_bytes(of_file(path, TARGETS[target]))
    done = dcmtk("dcmdump", "-f", READ_AS[target], "+r", "+sd", tmp_path)
    errors = [line for line in done.stderr.splitlines() if not line.startswith("W: ")]
    assert (done.returncode, errors) == (0, [])
    assert done.stdout.count("# Dicom-Data-Set") == len(native_files())
