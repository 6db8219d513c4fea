"""Data sets as streams of leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.comparison.leaves import META, leaves_of
from dcmtools.files.part10 import Part10File
from tests.support.encoded import EVL, part10

if TYPE_CHECKING:
    from pathlib import Path

ITEM, DELIMITER, ITEM_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0", b"\xfe\xff\x0d\xe0\0\0\0\0"
UNDEFINED = b"\xff\xff\xff\xff"


def item(body: bytes) -> bytes:
    return ITEM + len(body).to_bytes(4, "little") + body


def names(folder: Path, data_set: bytes) -> list[tuple[str, int]]:
    path = folder / "file"
    path.write_bytes(part10(data_set))
    with Part10File.open(str(path)) as file:
        return [(leaf.name, leaf.length) for leaf in leaves_of(file) if leaf.key[0] != META]


def test_items_are_numbered_and_sequences_have_no_value(tmp_path: Path) -> None:
    inner = EVL.element(0x00080100, "SH", b"A1")
    data = EVL.element(0x00081140, "SQ", item(inner) + item(b"") + item(inner))
    assert names(tmp_path, data + EVL.element(0x00100020, "LO", b"P1")) == [
        ("(0008,1140)", 0),
        ("(0008,1140)[0]", 0),
        ("(0008,1140)[0].(0008,0100)", 2),
        ("(0008,1140)[1]", 0),
        ("(0008,1140)[2]", 0),
        ("(0008,1140)[2].(0008,0100)", 2),
        ("(0010,0020)", 2),
    ]


def test_fragments_have_a_value_and_items_behind_them_have_none(tmp_path: Path) -> None:
    fragments = b"\xe0\x7f\x10\x00OB\0\0" + UNDEFINED + item(b"") + item(b"abcd") + DELIMITER
    icons = EVL.element(0x00880200, "SQ", item(fragments) + item(b""))
    assert names(tmp_path, icons + fragments) == [
        ("(0088,0200)", 0),
        ("(0088,0200)[0]", 0),
        ("(0088,0200)[0].(7fe0,0010)", 0),
        ("(0088,0200)[0].(7fe0,0010)[0]", 0),
        ("(0088,0200)[0].(7fe0,0010)[1]", 4),
        ("(0088,0200)[1]", 0),
        ("(7fe0,0010)", 0),
        ("(7fe0,0010)[0]", 0),
        ("(7fe0,0010)[1]", 4),
    ]


def test_group_lengths_are_left_out(tmp_path: Path) -> None:
    data = EVL.element(0x00100000, "UL", b"\x0a\0\0\0") + EVL.element(0x00100020, "LO", b"P1")
    assert names(tmp_path, data) == [("(0010,0020)", 2)]


@pytest.mark.parametrize("block", [0x10, 0xFE])
def test_private_elements_have_the_same_key_in_any_block(tmp_path: Path, block: int) -> None:
    data = EVL.element(0x00290000 | block, "LO", b"MAKER ")
    data += EVL.element(0x00290001 | block << 8, "LO", b"v ")
    path = tmp_path / "file"
    path.write_bytes(part10(data))
    with Part10File.open(str(path)) as file:
        keys = [leaf.key for leaf in leaves_of(file) if leaf.key[0] != META]
    assert keys == [((0x0029, "MAKER"),), ((0x00290001, "MAKER"),)]
