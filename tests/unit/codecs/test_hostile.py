"""Codestreams that are cut short, damaged, or lie: the frame fails with a reason, and takes no memory."""

from __future__ import annotations

import random
import tracemalloc
from functools import cache
from typing import TYPE_CHECKING

import pytest

from dcmtools.codecs.decoding import decode, decoded
from dcmtools.codecs.encoding import encode
from dcmtools.codecs.photometric import converted, target
from dcmtools.codecs.registry import CODECS, Codec, codec_named
from dcmtools.codecs.settings import Settings
from dcmtools.errors import InputError
from tests.support.peak import decoded_peak
from tests.support.pictures import data_set, described, opened, picture

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.codecs.pixels import Pixels

WRITTEN = [codec for codec in CODECS if codec.encapsulated and codec.bits]


@cache
def sample(name: str) -> tuple[bytes, Pixels]:
    codec, pixels = codec_named(name), described(40, 61, 8)
    goal = target(codec, pixels, pixels.photometric)
    samples = converted(picture(pixels), pixels.photometric, goal.samples)
    return encode(samples, goal.samples, codec, Settings()), goal.pixels


@pytest.mark.parametrize("codec", WRITTEN, ids=lambda codec: codec.name)
def test_cut_short(codec: Codec) -> None:
    codestream, pixels = sample(codec.name)
    ends = {
        0,
        1,
        2,
        3,
        10,
        20,
        40,
        63,
        64,
        65,
        len(codestream) // 4,
        len(codestream) // 2,
        len(codestream) - 40,
    }
    for end in sorted(ends):
        with pytest.raises(InputError):
            decoded(codestream[:end], codec, pixels)


@pytest.mark.parametrize("codec", WRITTEN, ids=lambda codec: codec.name)
def test_damaged(codec: Codec) -> None:
    """No other error than InputError, and no other shape, whatever is in the codestream."""
    codestream, pixels = sample(codec.name)
    chance = random.Random(codec.name)
    for _ in range(10 if codec.module == "jpeg_ls" else 60):  # CharLS may look for the end for seconds
        harmed = bytearray(codestream)
        for _ in range(chance.choice((1, 3, 20))):
            harmed[chance.randrange(len(harmed))] ^= 1 << chance.randrange(8)
        try:
            found = decoded(bytes(harmed), codec, pixels)
        except InputError:
            continue
        assert found.samples.shape == (40, 61)


def test_damaged_samples_of_32_bits() -> None:
    """OpenJPH tells of its errors where nobody listens: none may pass for a picture."""
    codec, pixels = codec_named("htj2k-lossless"), described(40, 61, 32)
    codestream = encode(picture(pixels), pixels, codec, Settings())
    for end in (40, 100, len(codestream) // 2, len(codestream) - 10):
        with pytest.raises(InputError):
            decoded(codestream[:end], codec, pixels)
    chance, refused = random.Random(1), 0
    for _ in range(60):
        harmed = bytearray(codestream)
        for _ in range(20):
            harmed[chance.randrange(len(harmed) // 8, len(harmed))] ^= 1 << chance.randrange(8)
        try:
            decoded(bytes(harmed), codec, pixels)
        except InputError:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("padding", [b"\0", b"\0\0\0\0"])
@pytest.mark.parametrize("codec", WRITTEN, ids=lambda codec: codec.name)
def test_padding_does_not_matter(codec: Codec, padding: bytes) -> None:
    codestream, pixels = sample(codec.name)
    plain = decoded(codestream, codec, pixels)
    assert (decoded(codestream + padding, codec, pixels).samples == plain.samples).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": 39},
        {"rows": 41},
        {"columns": 60},
        {"columns": 65535},
        {"samples": 3},
        {"rows": 61, "columns": 40},
    ],
    ids=str,
)
@pytest.mark.parametrize("codec", WRITTEN, ids=lambda codec: codec.name)
def test_other_sizes_than_the_file_has(codec: Codec, wrong: dict[str, int]) -> None:
    codestream, pixels = sample(codec.name)
    if codec.name == "rle" and "samples" not in wrong and wrong.get("rows") != 41:
        wrong = {"rows": 6500}  # it has no header: fewer bytes are taken for padding
    with pytest.raises(InputError):
        decoded(codestream, codec, pixels._replace(**wrong))  # type: ignore[arg-type]  # all are integers


@pytest.mark.parametrize("codec", [each for each in WRITTEN if each.bits > 8], ids=lambda codec: codec.name)
def test_more_bits_than_the_file_allocates(codec: Codec) -> None:
    pixels = described(40, 61, 12)
    goal = target(codec, pixels, pixels.photometric)
    codestream = encode(picture(pixels), goal.samples, codec, Settings())
    with pytest.raises(InputError, match=r"bits|segments"):
        decoded(codestream, codec, goal.pixels._replace(bits_allocated=8, bits_stored=8, high_bit=7))


@pytest.mark.parametrize(
    "codec", [each for each in WRITTEN if each.module in ("jpeg", "rle")], ids=lambda c: c.name
)
def test_bombs_of_codecs_that_cannot_be_that_small(codec: Codec) -> None:
    """The file and the codestream agree on an image that so few bytes cannot be."""
    codestream, pixels = sample(codec.name)
    huge = pixels._replace(rows=20000, columns=20000)
    harmed = bytearray(codestream)
    for marker in (b"\xff\xc0", b"\xff\xc1", b"\xff\xc3"):
        at = harmed.find(marker)
        if at >= 0:
            harmed[at + 5 : at + 9] = (20000).to_bytes(2) * 2
    tracemalloc.start()
    with pytest.raises(InputError):
        decoded(bytes(harmed), codec, huge)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_every_pixel_that_can_be_claimed(tmp_path: Path) -> None:
    codestream, pixels = sample("jpeg-2000-lossless")
    huge = pixels._replace(rows=65535, columns=65535)
    with pytest.raises(InputError, match="a frame would have"):
        opened(tmp_path, data_set(huge, [codestream], "1.2.840.10008.1.2.4.90"))
    harmed = codestream[:8] + (65535).to_bytes(4) * 2 + codestream[16:]
    with pytest.raises(InputError, match="tiles"):
        decoded(harmed, codec_named("jpeg-2000-lossless"), pixels)


def test_the_frame_is_named(tmp_path: Path) -> None:
    codestream, pixels = sample("rle")
    fragments = [codestream, codestream[:20], codestream]
    part, data = opened(tmp_path, data_set(pixels._replace(frames=3), fragments, "1.2.840.10008.1.2.5"))
    with part:
        assert (decode(data, 0).samples == decode(data, 2).samples).all()
        with pytest.raises(InputError, match=r"frame 2: an RLE header has 64 bytes, here are 20"):
            decode(data, 1)


def test_a_marker_that_no_scan_has() -> None:
    codestream, pixels = sample("jpeg")
    middle = len(codestream) - 100
    harmed = codestream[:middle] + b"\xff\x30" + codestream[middle:]
    with pytest.raises(InputError, match="JPEG codestream is damaged at byte"):
        decoded(harmed, codec_named("jpeg"), pixels)


@pytest.mark.parametrize("name", ["jpeg", "jpeg-ls", "jpeg-2000-lossless", "jpeg-xl-lossless"])
def test_other_samples_than_the_file_has(name: str) -> None:
    codestream, pixels = sample(name)
    with pytest.raises(InputError, match="1 samples per pixel, the file says 3"):
        decoded(codestream, codec_named(name), pixels._replace(samples=3, photometric="RGB"))


@pytest.mark.parametrize(
    ("header", "what"),
    [
        (b"\0\0\0\0" + b"\x40\0\0\0", "0 segments"),
        (b"\x10\0\0\0" + b"\x40\0\0\0", "16 segments"),
        (b"\1\0\0\0" + b"\x41\0\0\0", "not where they can be"),
        (b"\2\0\0\0" + b"\x40\0\0\0" + b"\x40\0\0\0", "not where they can be"),
        (b"\2\0\0\0" + b"\x40\0\0\0" + b"\xff\xff\0\0", "not where they can be"),
        (b"\2\0\0\0" + b"\x40\0\0\0" + b"\x44\0\0\0", "cannot be 1 samples of 1 bytes"),
    ],
)
def test_headers_of_rle(header: bytes, what: str) -> None:
    with pytest.raises(InputError, match=what):
        decoded(header.ljust(80, b"\0"), codec_named("rle"), described(1, 2, 8))


@pytest.mark.parametrize("name", ["rle", "jpeg-ls", "jpeg-lossless", "htj2k-lossless"])
def test_frames_are_decoded_one_at_a_time(tmp_path: Path, name: str) -> None:
    codec, pixels = codec_named(name), described(512, 512, 16)
    codestream = encode(picture(pixels), pixels, codec, Settings())
    assert decoded_peak(tmp_path, codestream, codec.uid) < 130
