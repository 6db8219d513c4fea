"""Deflated data sets (PS3.5 A.5): cut, broken, too good to be true, with something behind."""

from __future__ import annotations

import os
import stat
import zlib
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.memory import MemorySource
from dcmtools.errors import InputError, MalformedError
from dcmtools.files import deflate
from dcmtools.files.deflate import inflate, inflate_head, salvage
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024
TEXT = os.urandom(3000) * 3


def deflated(data: bytes) -> bytes:
    """RFC 1951, without zlib's header and trailer, as PS3.5 A.5 has it."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def inflated(data: bytes, start: int = 0) -> bytes:
    held = inflate(MemorySource(data), start)
    return held.read(0, held.size)


def fault(data: bytes, start: int = 0) -> str:
    with pytest.raises(MalformedError) as caught:
        inflate(MemorySource(data), start)
    return str(caught.value)


@pytest.mark.parametrize("data", [b"", b"x", TEXT, bytes(5 * MIB), os.urandom(3 * MIB)])
def test_what_was_deflated_is_inflated(data: bytes) -> None:
    assert inflated(b"meta" + deflated(data), 4) == data


@pytest.mark.parametrize("size", [MIB - 1, MIB, *range(MIB + 1, MIB + 520, 7), 2 * MIB, 2 * MIB + 258])
def test_output_that_fills_a_piece_to_the_brim(size: int) -> None:
    """All input may be taken in while output is still to come."""
    assert inflated(deflated(bytes(size))) == bytes(size)


def test_of_a_large_one_the_head_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deflate, "IN_MEMORY", 3 * MIB - 5)
    data = os.urandom(4 * MIB)
    stream = deflated(data)
    head, entire = inflate_head(MemorySource(stream[: 13 * MIB // 4]), 0)
    assert (head.read(0, head.size), entire) == (data[: 3 * MIB - 5], False)
    for size in (100, 3 * MIB - 5):
        head, entire = inflate_head(MemorySource(deflated(data[:size])), 0)
        assert (head.read(0, head.size), entire) == (data[:size], True)
    with pytest.raises(MalformedError, match="cut short"):
        inflate_head(MemorySource(stream[: 2 * MIB]), 0)


# ---------------------------------------------------------------- where it is kept


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made, from 2 MiB on."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(deflate, "IN_MEMORY", 2 * MIB)
    return tmp_path


@pytest.mark.parametrize("more", [0, 1, 3 * MIB])
def test_a_large_one_is_in_a_file_without_a_name(folder: Path, more: int) -> None:
    data = os.urandom(2 * MIB + more)
    held = inflate(MemorySource(b"meta" + deflated(data)), 4)
    assert held.read(0, held.size) == data
    assert isinstance(held, FileSource) == bool(more)
    if isinstance(held, FileSource):
        assert os.readlink(f"/proc/self/fd/{held.fd}").startswith(f"{folder}/")
        found = os.fstat(held.fd)
        assert (found.st_nlink, stat.S_IMODE(found.st_mode)) == (0, 0o600)
        held.close()
    assert list(folder.iterdir()) == []


def test_what_turns_out_broken_leaves_nothing(folder: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    data = deflated(os.urandom(5 * MIB))
    assert "cut short" in fault(data[: 4 * MIB])
    assert "are not padding" in fault(data + b"x")
    assert set(os.listdir("/proc/self/fd")) == before
    assert list(folder.iterdir()) == []


def test_no_room_for_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(folder / "missing"))
    with pytest.raises(InputError, match="no temporary file for what the data set inflates to: No such file"):
        inflate(MemorySource(deflated(os.urandom(3 * MIB))), 0)


@pytest.mark.parametrize("size", [100, MIB - 7, 3 * MIB + 5])
def test_what_can_be_salvaged_of_a_broken_stream(folder: Path, size: int) -> None:
    """All of it, once, wherever the pieces end."""
    data = os.urandom(size)
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    broken = stream.compress(data) + stream.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 5000
    held, error = salvage(MemorySource(broken), 0)
    assert held.read(0, held.size) == data
    assert error is not None
    assert "is broken" in error.what
    if isinstance(held, FileSource):
        held.close()
    assert list(folder.iterdir()) == []


# ---------------------------------------------------------------- what is refused


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
    assert len(inflated(deflated(os.urandom(2 * MIB)))) == 2 * MIB


@pytest.mark.parametrize("padding", [b"\0", b"\0\0\0"])
def test_zero_bytes_behind_are_padding(padding: bytes) -> None:
    """PS3.5 A.5: a single null byte makes the length even."""
    assert inflated(deflated(TEXT) + padding) == TEXT


def test_the_trailer_of_gzip_is_let_pass_where_it_is_right() -> None:
    """Some writers leave CRC-32 and size behind the stream."""
    trailer = zlib.crc32(TEXT).to_bytes(4, "little") + len(TEXT).to_bytes(4, "little")
    data = deflated(TEXT)
    assert inflated(data + trailer + b"\0") == TEXT
    wrong = bytes((trailer[0] ^ 1,)) + trailer[1:]
    message = "8 bytes that are not padding follow the deflated data set"
    assert fault(data + wrong) == f"offset {len(data)}: {message}"


@pytest.mark.parametrize("size", [1, MIB, 3 * MIB])
def test_anything_else_behind_is_refused(size: int) -> None:
    data = deflated(TEXT)
    rest = bytes(size - 1) + b"x"
    message = f"{size} bytes that are not padding follow the deflated data set"
    assert fault(data + rest) == f"offset {len(data)}: {message}"


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5000, 3 * MIB])
def test_what_is_deflated_here(size: int) -> None:
    data = (TEXT * (size // len(TEXT) + 1))[:size]
    blocks = [data[at : at + 70_000] for at in range(0, size, 70_000)]
    written = b"".join(deflate.deflated(blocks))
    assert len(written) % 2 == 0
    assert inflated(written) == data
    assert zlib.decompressobj(-zlib.MAX_WBITS).decompress(written) == data
