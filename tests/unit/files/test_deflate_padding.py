"""A deflated data set of an odd length is padded (PS3.5 A.5), however much it inflates to."""

from __future__ import annotations

import zlib

import pytest

from dcmtools.encoding.memory import MemorySource
from dcmtools.files.deflate import inflate


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
@pytest.mark.parametrize("padding", [b"", b"\0", b"\0" * 7])
def test_padding_behind_the_stream_ends_it(size: int, padding: bytes) -> None:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = bytes(size)
    stream = deflate.compress(data) + deflate.flush()
    held = inflate(MemorySource(stream + padding), 0)
    assert held.read(0, held.size) == data
