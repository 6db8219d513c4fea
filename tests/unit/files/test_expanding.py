"""Compressed bytes: several streams, broken and cut ones, and those that never end."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zlib
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.memory import MemorySource
from dcmtools.files.archives import expanding
from dcmtools.files.archives.expanding import Expanding

if TYPE_CHECKING:
    from collections.abc import Callable

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "deflate": lambda data: zlib.compress(data, 9)[2:-4],
}
each = pytest.mark.parametrize("method", COMPRESS)
DATA = os.urandom(1_500_000) + bytes(3_000_000)


def expanded(data: bytes, method: str, *, many: bool = False) -> tuple[bytes, str]:
    made = Expanding(MemorySource(data), 0, len(data), method, many=many)
    out = b"".join(made)
    assert (made.length, made.crc) == (len(out), zlib.crc32(out))
    return out, made.error.what if made.error else ""


@each
def test_all_bytes_come_back(method: str) -> None:
    assert expanded(COMPRESS[method](DATA), method) == (DATA, "")
    assert expanded(COMPRESS[method](b""), method) == (b"", "")


@each
def test_pieces_are_small(method: str) -> None:
    data = COMPRESS[method](bytes(10_000_000))
    pieces = list(Expanding(MemorySource(data), 0, len(data), method))
    assert max(map(len, pieces)) <= 1 << 20
    assert sum(map(len, pieces)) == 10_000_000


@pytest.mark.parametrize("method", ["gzip", "deflate"])
def test_a_stream_whose_last_bytes_come_without_input(method: str) -> None:
    for extra in range(300):
        data = bytes((1 << 20) + extra)
        assert expanded(COMPRESS[method](data), method) == (data, "")


@pytest.mark.parametrize("method", ["gzip", "bzip2", "xz"])
@pytest.mark.parametrize("padding", [0, 4, 3_000_000])
def test_streams_behind_each_other(method: str, padding: int) -> None:
    data = COMPRESS[method](b"one") + bytes(padding) + COMPRESS[method](b"two") + bytes(padding)
    assert expanded(data, method, many=True) == (b"onetwo", "")
    assert expanded(data, method) == (b"one", "")


@pytest.mark.parametrize("method", ["gzip", "bzip2", "xz"])
def test_many_small_streams_are_not_copied_for_each(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream hands back what is not its own, so that it is given little to begin with."""
    made, given = expanding._STREAMS[method], []

    class Counted:
        def __init__(self) -> None:
            self._stream = made()

        def __getattr__(self, name: str) -> object:
            return getattr(self._stream, name)

        def decompress(self, data: bytes, max_length: int) -> bytes:
            given.append(len(data))
            return self._stream.decompress(data, max_length)

    monkeypatch.setitem(expanding._STREAMS, method, Counted)
    data = COMPRESS[method](b"") * 3000
    assert expanded(data, method, many=True) == (b"", "")
    assert sum(given) < len(data) + 3000 * 600


@each
def test_no_more_than_is_claimed(method: str) -> None:
    data = COMPRESS[method](bytes(100_000_000))
    made = Expanding(MemorySource(data), 0, len(data), method, claimed=5_000_000)
    assert 5_000_000 - (1 << 20) < sum(map(len, made)) <= 5_000_000
    assert made.error
    assert made.error.what == "it expands to more than 5000000 bytes, which is what the archive says it has"
    assert b"".join(Expanding(MemorySource(data), 0, len(data), method, claimed=10**8)) == bytes(10**8)


@each
def test_cut_short(method: str) -> None:
    data = COMPRESS[method](DATA)
    out, error = expanded(data[: len(data) * 3 // 4], method, many=True)
    assert out
    assert DATA.startswith(out)
    assert error == "the compressed data is cut short"


@each
def test_broken(method: str) -> None:
    data = bytearray(COMPRESS[method](DATA))
    start = 0 if method == "deflate" else 12
    data[start : start + 2000] = b"\xff" * 2000
    assert expanded(bytes(data), method)[1].startswith("the compressed data is ")


@pytest.mark.parametrize("method", ["gzip", "bzip2", "xz"])
def test_other_bytes_behind_a_stream(method: str) -> None:
    assert expanded(COMPRESS[method](b"one") + b"junk" * 10, method, many=True)[1].startswith(
        "the compressed data is broken"
    )


@each
def test_too_much(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than 200 times its size, beyond what is always allowed."""
    monkeypatch.setattr(expanding, "RATIO_FREE", 2_000_000)
    data = COMPRESS[method](bytes(20_000_000))
    out, error = expanded(data, method)
    cap = max(2_000_000, 200 * len(data))
    assert (len(out) <= cap + (1 << 20), error) == (True, f"it expands to more than {cap} bytes")


def test_much_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expanding, "MAX_EXPANDED", 1_000_000)
    assert (
        expanded(gzip.compress(os.urandom(1_500_000)), "gzip")[1] == "it expands to more than 1000000 bytes"
    )


def test_xz_that_wants_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expanding, "_XZ_MEMORY", 1_000_000)
    assert "emory" in expanded(lzma.compress(DATA), "xz")[1]
