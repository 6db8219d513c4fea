"""Deflated data sets (PS3.5 A.5): cut, broken, too good to be true, with something behind."""

from __future__ import annotations

import os
import zlib

import pytest

from dcmtools.errors import MalformedError
from dcmtools.files import deflate
from dcmtools.files.deflate import inflate
from dcmtools.files.source import MemorySource

MIB = 1024 * 1024
TEXT = os.urandom(3000) * 3


def deflated(data: bytes) -> bytes:
    """RFC 1951, without zlib's header and trailer, as PS3.5 A.5 has it."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def fault(data: bytes, start: int = 0) -> str:
    with pytest.raises(MalformedError) as caught:
        inflate(MemorySource(data), start)
    return str(caught.value)


@pytest.mark.parametrize("data", [b"", b"x", TEXT, bytes(5 * MIB), os.urandom(3 * MIB)])
def test_what_was_deflated_is_inflated(data: bytes) -> None:
    assert inflate(MemorySource(b"meta" + deflated(data)), 4) == data


@pytest.mark.parametrize("size", [MIB - 1, MIB, *range(MIB + 1, MIB + 520, 7), 2 * MIB, 2 * MIB + 258])
def test_output_that_fills_a_piece_to_the_brim(size: int) -> None:
    """All input may be taken in while output is still to come."""
    assert inflate(MemorySource(deflated(bytes(size))), 0) == bytes(size)


def test_enough_may_do() -> None:
    data = deflated(os.urandom(4 * MIB))
    assert MIB <= len(inflate(MemorySource(data), 0, enough=MIB)) < 3 * MIB
    assert len(inflate(MemorySource(data[: 2 * MIB]), 0, enough=MIB)) >= MIB


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_stream_that_is_cut_is_refused(cut: int) -> None:
    data = deflated(TEXT)[:cut]
    assert fault(b"meta" + data, 4) == f"offset {4 + len(data)}: the deflated data set is cut short"


def test_a_broken_stream_is_refused() -> None:
    assert fault(b"meta\xff\xff\xff\xff", 4).startswith("offset 4: the deflated data set is broken (Error -3")
    assert "is broken" in fault(zlib.compress(TEXT))  # zlib's format is not PS3.5's


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    bomb = deflated(bytes(200 * MIB))
    assert len(bomb) < 300_000
    cap = max(16 * MIB, 200 * len(bomb))
    assert fault(bomb) == f"offset 0: the deflated data set inflates to more than {cap} bytes"


def test_the_cap_is_absolute_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflate, "MAX_INFLATED", 2 * MIB)
    data = deflated(os.urandom(2 * MIB + 1))
    assert fault(data).endswith("inflates to more than 2097152 bytes")
    assert len(inflate(MemorySource(deflated(os.urandom(2 * MIB))), 0)) == 2 * MIB


@pytest.mark.parametrize("padding", [b"\0", b"\0\0\0"])
def test_zero_bytes_behind_are_padding(padding: bytes) -> None:
    """PS3.5 A.5: a single null byte makes the length even."""
    assert inflate(MemorySource(deflated(TEXT) + padding), 0) == TEXT


def test_the_trailer_of_gzip_is_let_pass_where_it_is_right() -> None:
    """Some writers leave CRC-32 and size behind the stream."""
    trailer = zlib.crc32(TEXT).to_bytes(4, "little") + len(TEXT).to_bytes(4, "little")
    data = deflated(TEXT)
    assert inflate(MemorySource(data + trailer + b"\0"), 0) == TEXT
    wrong = bytes((trailer[0] ^ 1,)) + trailer[1:]
    message = "8 bytes that are not padding follow the deflated data set"
    assert fault(data + wrong) == f"offset {len(data)}: {message}"


@pytest.mark.parametrize("size", [1, MIB, 3 * MIB])
def test_anything_else_behind_is_refused(size: int) -> None:
    data = deflated(TEXT)
    rest = bytes(size - 1) + b"x"
    message = f"{size} bytes that are not padding follow the deflated data set"
    assert fault(data + rest) == f"offset {len(data)}: {message}"
