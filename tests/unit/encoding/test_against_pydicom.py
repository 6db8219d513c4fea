"""Over every real file, the walker's elements equal pydicom's: tags, VRs, lengths, bytes of every leaf."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import pytest
from pydicom import config, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.errors import InvalidDicomError

from dcmtools.encoding.element import UNDEFINED
from dcmtools.errors import InputError, NotDicom
from dcmtools.files.part10 import Part10File
from tests.support.samples import ct, pydicom_data_files, real_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

    from dcmtools.encoding.walker import Walker

TRUNCATED = "cut short: pydicom shows what is left without a word, a strict reader refuses"
EXCEPTIONS = {
    "DICOMDIR-nooffset": TRUNCATED,
    "MR_truncated.dcm": TRUNCATED,
    "emri_small_jpeg_2k_lossless_too_short.dcm": TRUNCATED,
    "rtplan_truncated.dcm": TRUNCATED,
    "SC_rgb_jpeg.dcm": "the meta says JPEG, so explicit VRs (PS3.5 A.4); the data set has implicit ones, "
    "which pydicom guesses",
    "meta_missing_tsyntax.dcm": "PS3.10 7.1 demands a Transfer Syntax UID; pydicom guesses one",
}


# pydicom looks at these while it reads, and keeps no bytes of them.
READ_AT_ONCE = {"00020000", "00020010", "00080005", "00280103"}


class Seen(NamedTuple):
    """An element as either of the two sees it; ``value`` is None for a sequence."""

    vr: str
    length: int
    value: bytes | None


Elements: TypeAlias = dict[str, Seen]


def ours(path: Path) -> Elements | str:
    try:
        with Part10File.open(str(path)) as file:
            found = {f"{tag:08X}": Seen(vr, length, raw) for (tag, vr, _, _, length, _), raw in file.meta}
            return found | dict(_walked(file.walk()))
    except NotDicom:
        return "not DICOM"
    except InputError as error:
        return str(error)


def _walked(walker: Walker) -> Iterator[tuple[str, Seen]]:
    """Yield elements and items by path; encapsulated pixel data is one value up to its delimiter."""
    sequences: list[str] = []
    items: list[int] = []
    encapsulated: tuple[str, Seen, int] | None = None
    for tag, vr, _, offset, length, depth in walker:
        level = depth >> 1
        where = "".join(f"{name}[{item}]." for name, item in zip(sequences[:level], items, strict=False))
        key = f"{where}{tag:08X}"
        if vr == "SQ":
            del sequences[level:], items[level:]
            sequences.append(f"{tag:08X}")
            items.append(-1)
            yield key, Seen(vr, length, None)
        elif depth & 1:
            if tag == 0xFFFEE000 and encapsulated is None:
                items[level] += 1
                yield f"{where}{sequences[level]}[{items[level]}]", Seen("", length, None)
        elif vr and length == UNDEFINED:
            encapsulated = key, Seen(vr, UNDEFINED, b""), offset
        elif vr:
            yield key, Seen(vr, length, walker.value(offset, length))
        elif encapsulated:
            pixels, seen, begin = encapsulated
            yield pixels, seen._replace(value=walker.source.read(begin, offset - 8 - begin))
            encapsulated = None


def theirs(path: Path) -> Elements | str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data_set = dcmread(path)
            return dict(_raw(data_set.file_meta)) | dict(_raw(data_set))
        except InvalidDicomError:
            return "not DICOM"
        except EOFError as error:
            return str(error)


def _raw(data_set: Dataset, where: str = "") -> Iterator[tuple[str, Seen]]:
    for tag, raw in list(data_set._dict.items()):  # as read: any access replaces them by what they mean
        key = f"{where}{int(tag):08X}"
        try:
            element = data_set[tag]  # pydicom's mind about the VR, where none is encoded
        except (ValueError, OverflowError, NotImplementedError):
            element = None
        if element is not None and element.VR == "SQ":
            length = raw.length if isinstance(raw, RawDataElement) else UNDEFINED
            yield key, Seen("SQ", length, None)
            for number, item in enumerate(element.value):
                open_ended = item.is_undefined_length_sequence_item
                yield f"{key}[{number}]", Seen("", UNDEFINED if open_ended else -1, None)
                yield from _raw(item, f"{key}[{number}].")
        elif isinstance(raw, RawDataElement):
            implied = str(element.VR) if element is not None else "?"
            yield key, Seen(raw.VR or implied, raw.length, raw.value or b"")
        elif isinstance(raw.value, bytes):
            length = UNDEFINED if raw.is_undefined_length else len(raw.value)
            yield key, Seen(str(raw.VR), length, raw.value)


def differences(path: Path) -> list[str]:
    mine, other = ours(path), theirs(path)
    if isinstance(mine, str) or isinstance(other, str):
        return [] if mine == other else [f"{str(mine)[:100]} / {str(other)[:100]}"]
    told = [f"only one has {key}" for key in mine.keys() ^ other.keys() if key[-8:] not in READ_AT_ONCE]
    for key in mine.keys() & other.keys():
        one, two = mine[key], other[key]
        if two.length == -1:  # pydicom does not keep the lengths of items
            two = two._replace(length=one.length if one.length != UNDEFINED else -1)
        if one != two:
            told.append(f"{key}: {str(one)[:80]} / {str(two)[:80]}")
    return told


@pytest.fixture(autouse=True)
def _lenient_pydicom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.settings, "_reading_validation_mode", config.IGNORE)


def test_each_of_pydicoms_files_has_the_same_elements() -> None:
    wrong = {path.name: told for path in real_files() if (told := differences(path))}
    assert set(wrong) - set(EXCEPTIONS) == set(), wrong


def test_each_of_the_larger_files_has_the_same_elements() -> None:
    wrong = {path.name: told for path in pydicom_data_files() if (told := differences(path))}
    assert set(wrong) - set(EXCEPTIONS) == set(), wrong


def test_the_comparison_sees_values_and_depth() -> None:
    found = ours(ct())
    assert isinstance(found, dict)
    assert found["00100010"] == Seen("PN", 22, b"CompressedSamples^CT1 ")
    assert found["00101002[1].00100020"] == Seen("LO", 8, b"1234ABCD")
    assert len(found) > 200


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_each_exception_is_still_one(name: str) -> None:
    paths = [path for path in [*real_files(), *pydicom_data_files()] if path.name == name]
    assert paths
    assert all(differences(path) for path in paths)
