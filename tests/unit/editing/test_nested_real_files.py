"""Every real file in every encoding, rewritten at all depths: pydicom does the same, and reads the same."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from pydicom import config, dcmread
from pydicom.dataset import Dataset

from dcmtools.editing.nested import Container, Rewriting
from dcmtools.encoding.syntax import is_deflated
from dcmtools.encoding.tags import is_private
from dcmtools.encoding.walker import Walker
from dcmtools.encoding.writing import element, item
from dcmtools.files.part10 import Part10File
from tests.support.encoded import part10
from tests.support.reencoded import (
    EXPLICIT_LITTLE,
    deflated,
    originals,
    with_defined_lengths,
    with_undefined_lengths,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UIDS = {0x00080018, 0x0020000D, 0x0020000E, 0x00200052, 0x00081155, 0x00080014, 0x0040A124}
NAMES = {0x00100010, 0x00080090, 0x00081050, 0x00081070, 0x0040A123, 0x00100020}
DATES = {0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002A, 0x00100030}
NEW_UID, NEW_ITEM, AT_END = "2.25.329800735698586629295641978511506172918", "NEW", b"the end!"
CODE_VALUE, PADDING = 0x00080100, 0xFFFCFFFC


def goes(tag: int) -> bool:
    return is_private(tag) or tag in DATES or tag & 0xFFFF == 0 or tag == 0x00080001


def by_us(path: Path) -> bytes:
    with Part10File.open(str(path)) as file:
        rewriting = Rewriting(file)
        for event in rewriting:
            top = rewriting.levels[-1]
            if isinstance(event, Container):
                if event.depth & 1:
                    rewriting.insert(element(PADDING, "OB", AT_END, top.encoding))
                else:
                    new = element(CODE_VALUE, "SH", NEW_ITEM.encode(), top.encoding)
                    rewriting.insert(item(new, top.encoding))
                continue
            tag, vr, *_, depth = event
            if depth & 1:
                if top.depth == depth - 1 and top.item == 1:
                    rewriting.remove()
            elif goes(tag):
                rewriting.remove()
            elif tag in UIDS and vr != "SQ":
                rewriting.put(NEW_UID.encode())
            elif tag in NAMES and vr != "SQ":
                rewriting.put(b"")
        splice = rewriting.splice()
        for _ in Walker(splice, 0, splice.size, file.encoding):
            pass
        syntax = EXPLICIT_LITTLE if is_deflated(file.transfer_syntax) else file.transfer_syntax
        return part10(b"".join(splice.blocks()), syntax)


def by_pydicom(data_set: Dataset) -> None:
    for each in list(data_set):
        tag = int(each.tag)
        if goes(tag):
            del data_set[tag]
        elif each.VR == "SQ":
            del each.value[1:2]
            for inner in each.value:
                by_pydicom(inner)
            new = Dataset()
            new.add_new(CODE_VALUE, "SH", NEW_ITEM)
            each.value.append(new)
        elif tag in UIDS:
            each.value = NEW_UID
        elif tag in NAMES:
            each.value = ""
    data_set.add_new(PADDING, "OB", AT_END)


def flat(data_set: Dataset, path: str = "") -> list[tuple[str, str, object]]:
    found: list[tuple[str, str, object]] = []
    for each in data_set:
        where = f"{path}{each.tag}"
        if each.VR == "SQ":
            found.append((where, "SQ", len(each.value)))
            for number, inner in enumerate(each.value):
                found += flat(inner, f"{where}[{number}].")
        else:
            value = each.value if isinstance(each.value, bytes) else repr(each.value or "")
            found.append((where, each.VR, value))
    return found


def first_difference(before: bytes, after: bytes) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = dcmread(BytesIO(before))
        by_pydicom(expected)
        wanted, found = flat(expected), flat(dcmread(BytesIO(after)))
    if len(wanted) != len(found):
        return len(wanted), len(found), sorted({each[0] for each in wanted} ^ {each[0] for each in found})[:5]
    return next((pair for pair in zip(wanted, found, strict=True) if pair[0] != pair[1]), None)


@pytest.fixture(autouse=True)
def _lenient_pydicom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.settings, "_reading_validation_mode", config.IGNORE)
    monkeypatch.setattr(config.settings, "_writing_validation_mode", config.IGNORE)


@pytest.mark.parametrize(
    ("samples", "least"),
    [(originals, 200), (with_undefined_lengths, 300), (with_defined_lengths, 150), (deflated, 150)],
)
def test_pydicom_does_the_same(
    samples: Callable[[], list[tuple[str, bytes]]], least: int, tmp_path: Path
) -> None:
    told = {}
    for name, data in samples():
        path = tmp_path / "file.dcm"
        path.write_bytes(data)
        if difference := first_difference(data, by_us(path)):
            told[name] = difference
    assert not told
    assert len(samples()) > least
