"""Bulk values in little endian, whatever the byte order that they are read in."""

from __future__ import annotations

import pytest

from dcmtools.encoding.bulk import Bulk
from tests.support.encoded import EVB


@pytest.mark.parametrize(
    ("vr", "raw", "little"),
    [
        ("AT", b"\x00\x10\x00\x20", b"\x10\x00\x20\x00"),
        ("OW", b"\x00\x01\x00\x02", b"\x01\x00\x02\x00"),
        ("OL", b"\x00\x01\x02\x03", b"\x03\x02\x01\x00"),
        ("OV", b"\x00\x01\x02\x03\x04\x05\x06\x07", b"\x07\x06\x05\x04\x03\x02\x01\x00"),
        ("OB", b"\x00\x01", b"\x00\x01"),
        ("UT", b"ab", b"ab"),
        ("OL", b"\x00\x01\x02\x03\x04\x05", b"\x03\x02\x01\x00\x04\x05"),
    ],
)
def test_numbers_are_swapped_by_their_vr(vr: str, raw: bytes, little: bytes) -> None:
    walker = EVB.walker(EVB.element(0x00091001, vr, raw))
    [(tag, _, _, offset, length, _)] = walker.read()
    value = Bulk(walker, tag, vr, offset, length, walker.order)
    assert b"".join(value.pieces()) == little
