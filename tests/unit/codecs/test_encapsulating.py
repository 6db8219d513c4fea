"""Codestreams put into fragments, read again by our own reader and by pydicom's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.codecs import encapsulating
from dcmtools.codecs.encapsulating import Encapsulated
from dcmtools.codecs.settings import OFFSET_TABLES, Settings
from dcmtools.errors import InputError
from tests.support.pictures import data_set, described, opened

if TYPE_CHECKING:
    from pathlib import Path

RLE = "1.2.840.10008.1.2.5"
CODESTREAMS = [b"abcdef", b"ghi", b"j" * 21]
PADDED = [b"abcdef", b"ghi\0", b"j" * 21 + b"\0"]


def value(settings: Settings) -> tuple[bytes, tuple[bytes, bytes]]:
    with Encapsulated(settings) as whole:
        for codestream in CODESTREAMS:
            whole.add(codestream)
        assert len(whole) == 3
        assert whole.size == sum(map(len, PADDED))
        data = b"".join(whole.blocks())
        assert whole.extent == len(data)
        return data, whole.extended()


@pytest.mark.parametrize("table", OFFSET_TABLES)
def test_frames_come_back(tmp_path: Path, table: str) -> None:
    data, extended = value(Settings(offset_table=table))
    file = data_set(
        described(frames=3), data, RLE, extended=extended if extended[0] else None, undefined=True
    )
    part, pixel_data = opened(tmp_path, file)
    with part:
        assert list(pixel_data) == PADDED


@pytest.mark.parametrize("table", OFFSET_TABLES)
def test_pydicom_reads_the_same(table: str) -> None:
    from pydicom.encaps import generate_frames

    data, extended = value(Settings(offset_table=table))
    frames = generate_frames(data, number_of_frames=3, extended_offsets=extended if extended[0] else None)
    assert list(frames) == PADDED


@pytest.mark.parametrize("size", [4, 5, 8])
def test_fragments_are_no_longer_than_asked(tmp_path: Path, size: int) -> None:
    from pydicom.encaps import generate_fragments

    data, _ = value(Settings(fragment_size=size))
    table, *fragments = generate_fragments(data)
    assert len(table) == 12
    assert max(map(len, fragments)) <= size + size % 2
    assert all(len(fragment) % 2 == 0 for fragment in fragments)
    part, pixel_data = opened(tmp_path, data_set(described(frames=3), data, RLE, undefined=True))
    with part:
        assert list(pixel_data) == PADDED


def test_an_extended_table_has_whole_frames() -> None:
    with pytest.raises(InputError, match="fragment size"):
        Encapsulated(Settings(offset_table="extended", fragment_size=100))


def test_offsets_of_more_than_32_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encapsulating, "_LARGEST", 20)
    with pytest.raises(InputError, match="basic offset table") as caught:
        value(Settings())
    assert "extended" in caught.value.hint


def test_long_data_is_not_held_in_memory() -> None:
    import tracemalloc

    block = bytes(1_000_000)
    tracemalloc.start()
    with Encapsulated(Settings()) as whole:
        for _ in range(60):
            whole.add(block)
        assert sum(map(len, whole.blocks())) > 60_000_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40_000_000
