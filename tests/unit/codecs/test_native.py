"""Native samples as arrays: bits, planes, subsampled chrominance, bits that no sample has, floats."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dcmtools.codecs import native
from dcmtools.codecs.decoding import Decoded, decode
from dcmtools.errors import InputError
from tests.support.pictures import Samples, data_set, described, opened, picture

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.codecs.pixels import Pixels

FLOAT_PIXEL_DATA = 0x7FE00008


def decoded(folder: Path, pixels: Pixels, value: bytes, syntax: str = "1.2.840.10008.1.2.1") -> list[Decoded]:
    part, data = opened(folder, data_set(pixels, value, syntax))
    with part:
        return [decode(data, index) for index in range(len(data))]


def words(folder: Path, pixels: Pixels, values: list[int]) -> Decoded:
    (only,) = decoded(folder, pixels, np.array(values, f"<u{pixels.bits_allocated // 8}").tobytes())
    return only


@pytest.mark.parametrize("bits", [8, 12, 16, 32])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("signed", [False, True])
def test_native_samples(tmp_path: Path, bits: int, samples: int, signed: bool) -> None:
    pixels = described(5, 7, bits, samples=samples, signed=signed)
    drawn = picture(pixels)
    (only,) = decoded(tmp_path, pixels, drawn.tobytes())
    assert np.array_equal(only.samples, drawn)
    assert only.samples.dtype == drawn.dtype
    assert not only.cleared


def test_planes_become_pixels(tmp_path: Path) -> None:
    pixels = described(5, 7, 8, samples=3, planar=1)
    drawn = picture(pixels)
    (only,) = decoded(tmp_path, pixels, drawn.transpose(2, 0, 1).tobytes())
    assert np.array_equal(only.samples, drawn)
    assert only.samples.flags.c_contiguous
    assert native.encode(drawn, pixels) == drawn.transpose(2, 0, 1).tobytes()


def test_chrominance_of_pairs_is_doubled(tmp_path: Path) -> None:
    pixels = described(1, 4, 8, samples=3, photometric="YBR_FULL_422")
    (only,) = decoded(tmp_path, pixels, bytes((1, 2, 100, 200, 3, 4, 101, 201)))
    assert only.samples.tolist() == [[[1, 100, 200], [2, 100, 200], [3, 101, 201], [4, 101, 201]]]
    assert only.photometric == "YBR_FULL"


def test_chrominance_that_was_never_halved(tmp_path: Path) -> None:
    pixels = described(2, 4, 8, samples=3, photometric="YBR_FULL_422")
    (only,) = decoded(tmp_path, pixels, bytes(range(24)))
    assert only.samples.reshape(-1).tolist() == list(range(24))


def test_an_odd_number_of_pixels_has_no_pairs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="odd number"):
        decoded(tmp_path, described(1, 3, 8, samples=3, photometric="YBR_FULL_422"), bytes(6))


def test_partial_ranges_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="YBR_PARTIAL_422 is retired"):
        decoded(tmp_path, described(1, 4, 8, samples=3, photometric="YBR_PARTIAL_422"), bytes(8))


def test_single_bits(tmp_path: Path) -> None:
    pixels = described(3, 5, 1, allocated=1, frames=3)
    drawn = [picture(pixels, seed) for seed in range(3)]
    value = b"".join(native.blocks(drawn, pixels))
    assert len(value) == 6
    assert value == np.packbits(np.concatenate(drawn).reshape(-1), bitorder="little").tobytes()
    for frame, expected in zip(decoded(tmp_path, pixels, value), drawn, strict=True):
        assert np.array_equal(frame.samples, expected)


def test_bits_above_the_high_bit_are_cleared(tmp_path: Path) -> None:
    frame = words(tmp_path, described(1, 2, 12), [0x1FFF, 0x0123])
    assert frame.samples.tolist() == [[0xFFF, 0x123]]
    assert frame.cleared


@pytest.mark.parametrize(("value", "cleared"), [(0xFFFF, False), (0x0FFF, False), (0x1FFF, True)])
def test_signs_are_extended_whatever_is_above(tmp_path: Path, value: int, cleared: bool) -> None:
    frame = words(tmp_path, described(1, 2, 12, signed=True), [value, 5])
    assert frame.samples.tolist() == [[-1, 5]]
    assert frame.cleared is cleared


@pytest.mark.parametrize(
    ("signed", "value", "expected", "cleared"),
    [
        (False, 0x1230, 0x123, False),
        (False, 0x1234, 0x123, True),
        (True, 0xFFF0, -1, False),
        (True, 0xFFF8, -1, True),
    ],
)
def test_samples_begin_below_the_high_bit(
    tmp_path: Path, signed: bool, value: int, expected: int, cleared: bool
) -> None:
    frame = words(tmp_path, described(1, 1, 12, high=15, allocated=16, signed=signed), [value])
    assert frame.samples.tolist() == [[expected]]
    assert frame.cleared is cleared


@pytest.mark.parametrize(("tag", "kind"), [(0x7FE00008, "f4"), (0x7FE00009, "f8")])
def test_floats(tmp_path: Path, tag: int, kind: str) -> None:
    values = np.array([[1.5, -2.25], [3e10, 0]], kind)
    pixels = described(2, 2, 8)
    file = data_set(pixels, b"").replace(b"\xe0\x7f\x10\x00OB\0\0\0\0\0\0", b"")
    vr = b"OF" if kind == "f4" else b"OD"
    element = (
        b"\xe0\x7f"
        + tag.to_bytes(4, "little")[:2]
        + vr
        + b"\0\0"
        + len(values.tobytes()).to_bytes(4, "little")
    )
    part, data = opened(tmp_path, file + element + values.tobytes())
    with part:
        frame = decode(data, 0)
    assert np.array_equal(frame.samples, values)
    assert frame.samples.dtype == values.dtype


@pytest.mark.parametrize("word", [1, 2, 4])
def test_blocks_are_whole_words(word: int) -> None:
    pixels = described(1, 3, 8, frames=3)
    drawn: list[Samples] = [np.arange(3 * n, 3 * n + 3, dtype="u1").reshape(1, 3) for n in range(3)]
    value = b"".join(native.blocks(drawn, pixels, word=word))
    plain = bytes(range(9)) + b"\0" * (-9 % max(2, word))
    assert value == b"".join(plain[at : at + word][::-1] for at in range(0, len(plain), word))


def test_pixel_data_of_ge_is_in_big_endian(tmp_path: Path) -> None:
    pixels = described(1, 2, 16)
    (only,) = decoded(tmp_path, pixels, b"\x01\x02\x03\x04", "1.2.840.113619.5.2")
    assert only.samples.tolist() == [[0x0102, 0x0304]]


@pytest.mark.parametrize(
    ("syntax", "what"),
    [
        ("1.2.840.10008.1.2.5", "not encapsulated, against RLELossless"),
        ("1.2.840.10008.1.2.4.107", "not encapsulated, against HEVC"),
        ("1.2.3.4", "'1.2.3.4' is not known"),
    ],
)
def test_syntaxes_that_native_data_cannot_be_in(tmp_path: Path, syntax: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        decoded(tmp_path, described(1, 2, 8), b"\0\0", syntax)


def test_native_syntaxes_have_no_fragments(tmp_path: Path) -> None:
    part, data = opened(tmp_path, data_set(described(1, 2, 8), [b"\0\0"]))
    with part, pytest.raises(InputError, match="encapsulated, against ExplicitVRLittleEndian"):
        decode(data, 0)


def test_video_is_not_decoded(tmp_path: Path) -> None:
    part, data = opened(tmp_path, data_set(described(1, 2, 8), [b"\0\0"], "1.2.840.10008.1.2.4.102"))
    with part, pytest.raises(InputError, match="MPEG4HP41 are video"):
        decode(data, 0)


def test_samples_in_fragments(tmp_path: Path) -> None:
    pixels = described(5, 7, 12, samples=3, frames=2)
    drawn = [picture(pixels, seed) for seed in range(2)]
    raw = [each.tobytes() for each in drawn]
    deflated = [zlib.compress(each, wbits=-15) for each in raw]
    for fragments, syntax in ((raw, "1.2.840.10008.1.2.1.98"), (deflated, "1.2.840.10008.1.2.8.1")):
        part, data = opened(tmp_path, data_set(pixels, fragments, syntax))
        with part:
            assert all(np.array_equal(decode(data, index).samples, drawn[index]) for index in range(2))


@pytest.mark.parametrize(
    ("fragment", "what"),
    [
        (b"\xff" * 20, "the deflated frame is broken"),
        (zlib.compress(bytes(10), wbits=-15), "10 bytes are fewer than the 35"),
        (zlib.compress(random.Random(1).randbytes(35), wbits=-15)[:20], "are fewer than the 35"),
    ],
)
def test_deflated_frames_that_are_none(tmp_path: Path, fragment: bytes, what: str) -> None:
    part, data = opened(tmp_path, data_set(described(5, 7, 8), [fragment], "1.2.840.10008.1.2.8.1"))
    with part, pytest.raises(InputError, match=f"frame 1: .*{what}"):
        decode(data, 0)


def test_a_deflated_bomb_is_not_inflated(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(100_000_000), wbits=-15)
    part, data = opened(tmp_path, data_set(described(5, 7, 8), [bomb], "1.2.840.10008.1.2.8.1"))
    tracemalloc.start()
    with part:
        assert not decode(data, 0).samples.any()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
