"""Codestreams without what they carry beside the image: the same samples, and nothing else left."""

from __future__ import annotations

import random
from functools import cache
from struct import pack, unpack_from
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest

from dcmtools.codecs.decoding import decode, decoded
from dcmtools.codecs.encoding import encode
from dcmtools.codecs.frames import pixel_data
from dcmtools.codecs.markers import carried, stripped
from dcmtools.codecs.photometric import converted, target
from dcmtools.codecs.registry import CODECS, Codec, codec_named
from dcmtools.codecs.settings import Settings
from dcmtools.errors import DcmtoolsError, InputError
from dcmtools.files.part10 import Part10File
from tests.support.pictures import described, picture
from tests.support.samples import pydicom_data_files, real_files

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels

WRITTEN = [codec for codec in CODECS if codec.encapsulated and codec.bits]
JPEGS = [codec for codec in WRITTEN if codec.module in ("jpeg", "jpeg_ls")]
J2KS = [codec for codec in WRITTEN if codec.module in ("jpeg_2000", "htj2k")]
ZQ = b"ZQuendt^Marjorie"


@cache
def sample(name: str, samples: int = 1) -> tuple[bytes, Pixels]:
    codec, pixels = codec_named(name), described(40, 61, 8, samples=samples)
    goal = target(codec, pixels, pixels.photometric)
    drawn = converted(picture(pixels), pixels.photometric, goal.samples)
    return encode(drawn, goal.samples, codec, Settings()), goal.pixels


def segment(marker: int, data: bytes) -> bytes:
    return pack(">BBH", 0xFF, marker, 2 + len(data)) + data


def assert_same(before: bytes, after: bytes, codec: Codec, pixels: Pixels) -> None:
    expected, found = decoded(before, codec, pixels), decoded(after, codec, pixels)
    assert np.array_equal(expected.samples, found.samples)
    assert expected.photometric == found.photometric
    assert not carried(after, codec)
    assert stripped(after, codec) == after


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("codec", WRITTEN, ids=lambda codec: codec.name)
def test_what_is_written_here(codec: Codec, samples: int) -> None:
    if samples in codec.samples:
        codestream, pixels = sample(codec.name, samples)
        assert_same(codestream, stripped(codestream, codec), codec, pixels)


@pytest.mark.filterwarnings("ignore")
def test_real_files() -> None:
    compared = 0
    for path in [*real_files(), *pydicom_data_files()]:
        try:
            with Part10File.open(str(path)) as file:
                data = pixel_data(file)
                if not data.encapsulated or data.codec is None:
                    continue
                for index in range(min(len(data), 2)):
                    decode(data, index)
                    codestream = data.frame(index)
                    after = stripped(codestream, data.codec)
                    assert_same(codestream, after, data.codec, data.pixels)
                    for said in (
                        b"Kakadu",
                        b"JasPer",
                        b"GDCM",
                        b"MITRA",
                        b"SPIFF",
                        b"JFIF",
                        b"uuid",
                        b"jP  ",
                    ):
                        assert said not in after[:4096], path.name
                    compared += 1
        except DcmtoolsError:
            continue
    assert compared > 50


# ---------------------------------------------------------------- JPEG, JPEG-LS


@pytest.mark.parametrize("marker", [0xFE, *range(0xE0, 0xF0)])
@pytest.mark.parametrize("codec", JPEGS, ids=lambda codec: codec.name)
def test_segments_go(codec: Codec, marker: int) -> None:
    codestream, pixels = sample(codec.name)
    harmed = codestream[:2] + segment(marker, ZQ) + b"\xff\xff" + segment(marker, b"") + codestream[2:]
    after = stripped(harmed, codec)
    assert ZQ not in after
    assert after == stripped(codestream, codec)
    assert ZQ in carried(harmed, codec)
    assert_same(codestream, after, codec, pixels)


@pytest.mark.parametrize("codec", JPEGS, ids=lambda codec: codec.name)
def test_segments_between_scans_go(codec: Codec) -> None:
    codestream, _ = sample(codec.name, 3 if 3 in codec.samples else 1)
    last = codestream.rindex(b"\xff\xd9")
    harmed = codestream[:last] + segment(0xFE, ZQ) + codestream[last:]
    assert stripped(harmed, codec) == stripped(codestream, codec)
    at = codestream.index(b"\xff\xda")
    harmed = codestream[:at] + segment(0xE1, ZQ) + codestream[at:]
    assert stripped(harmed, codec) == stripped(codestream, codec)


@pytest.mark.parametrize("codec", JPEGS, ids=lambda codec: codec.name)
@pytest.mark.parametrize("tail", [b"\0", b"\0\0", ZQ, b"\xff\xd8\xff\xe0" + ZQ])
def test_what_is_behind_the_end_goes(codec: Codec, tail: bytes) -> None:
    codestream, _ = sample(codec.name)
    assert stripped(codestream + tail, codec) == stripped(codestream, codec)
    assert carried(codestream + ZQ, codec)


def test_adobe_stays_in_fixed_form() -> None:
    """What tells of colours, and neither version nor flags nor what is appended."""
    codec, pixels = codec_named("jpeg"), described(40, 61, 8, samples=3, photometric="RGB")
    plain = bytes(
        imagecodecs.jpeg8_encode(
            picture(pixels), 98, colorspace="RGB", outcolorspace="RGB", subsampling="444"
        )
    )
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    assert adobe in plain
    harmed = plain.replace(adobe, segment(0xEE, b"AdobeZQZQZQ\0" + ZQ))
    assert stripped(harmed, codec) == stripped(plain, codec)
    assert adobe in stripped(plain, codec)
    assert_same(harmed, stripped(harmed, codec), codec, pixels)
    assert carried(harmed, codec)


@pytest.mark.parametrize("says", ["RGB", "YBR_FULL", "YBR_FULL_422"])
def test_jfif_goes_and_its_colours_stay(says: str) -> None:
    codec, pixels = codec_named("jpeg"), described(40, 61, 8, samples=3, photometric=says)
    drawn = picture(described(40, 61, 8, samples=3))
    codestream = bytes(
        imagecodecs.jpeg8_encode(drawn, 98, colorspace="RGB", outcolorspace="YCBCR", subsampling="444")
    )
    assert b"JFIF" in codestream
    after = stripped(codestream, codec)
    assert b"JFIF" not in after
    assert segment(0xEE, b"Adobe\0\x64\0\0\0\0\1") in after
    assert_same(codestream, after, codec, pixels)
    grey = bytes(imagecodecs.jpeg8_encode(drawn[..., 0].copy(), 98))
    assert b"JFIF" in grey
    assert b"Adobe" not in stripped(grey, codec)


def test_the_colour_transformation_of_jpeg_ls_stays() -> None:
    codec = codec_named("jpeg-ls")
    codestream, _ = sample("jpeg-ls", 3)
    kept = segment(0xE8, b"mrfx\1")
    assert kept in stripped(codestream[:2] + kept + codestream[2:], codec)
    for data in (b"mrfx\1" + ZQ, b"mrfx\x41", b"mrfx", b"SPIFF\0" + ZQ):
        harmed = codestream[:2] + segment(0xE8, data) + codestream[2:]
        assert stripped(harmed, codec) == codestream


@pytest.mark.parametrize("codec", JPEGS, ids=lambda codec: codec.name)
def test_segments_that_are_longer_than_their_content_are_refused(codec: Codec) -> None:
    codestream, _ = sample(codec.name)
    at = 2
    tried = 0
    while codestream[at + 1] != 0xDA:
        length = int.from_bytes(codestream[at + 2 : at + 4])
        marker, data = codestream[at + 1], codestream[at + 4 : at + 2 + length]
        if marker not in range(0xE0, 0xF0):
            harmed = codestream[:at] + segment(marker, data + ZQ) + codestream[at + 2 + length :]
            with pytest.raises(InputError):
                stripped(harmed, codec)
            assert carried(harmed, codec) == [harmed]
            tried += 1
        at += 2 + length
    length = int.from_bytes(codestream[at + 2 : at + 4])
    harmed = (
        codestream[:at]
        + segment(0xDA, codestream[at + 4 : at + 2 + length] + ZQ)
        + codestream[at + 2 + length :]
    )
    with pytest.raises(InputError):
        stripped(harmed, codec)
    with pytest.raises(InputError):
        stripped(codestream[:2] + segment(0xDD, b"\0\0" + ZQ) + codestream[2:], codec)
    assert tried


@pytest.mark.parametrize("codec", JPEGS, ids=lambda codec: codec.name)
def test_what_stands_between_segments_is_refused(codec: Codec) -> None:
    codestream, _ = sample(codec.name)
    with pytest.raises(InputError, match="no marker"):
        stripped(codestream[:2] + ZQ + codestream[2:], codec)
    with pytest.raises(InputError):
        stripped(ZQ + codestream, codec)
    with pytest.raises(InputError):
        stripped(codestream[:2] + b"\xff\xd9", codec)  # no image at all


# ---------------------------------------------------------------- JPEG 2000


@pytest.mark.parametrize("codec", J2KS, ids=lambda codec: codec.name)
def test_comments_of_jpeg_2000_go(codec: Codec) -> None:
    codestream, pixels = sample(codec.name)
    at = 4 + unpack_from(">H", codestream, 4)[0]
    comment = segment(0x64, b"\0\1" + ZQ)
    harmed = codestream[:at] + comment + codestream[at:] + ZQ
    after = stripped(harmed, codec)
    assert after == stripped(codestream, codec)
    assert ZQ not in after
    assert {ZQ, b"\0\1" + ZQ} <= set(carried(harmed, codec))
    assert_same(codestream, after, codec, pixels)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("codec", J2KS, ids=lambda codec: codec.name)
def test_comments_of_tile_parts_are_emptied(codec: Codec, last: bool) -> None:
    """Their length stays; where that of the tile-part is 0, it goes to the end."""
    codestream, pixels = sample(codec.name)
    codestream = stripped(codestream, codec)
    at = codestream.index(b"\xff\x90\0\x0a")
    comment = segment(0x64, b"\0\1" + ZQ)
    harmed = bytearray(codestream[: at + 12] + comment + codestream[at + 12 :])
    length = unpack_from(">L", harmed, at + 6)[0]
    one_tile_part = at + length + 2 == len(codestream)
    if last and not one_tile_part:
        pytest.skip("it has several tile-parts")
    harmed[at + 6 : at + 10] = pack(">L", 0 if last else length + len(comment))
    after = stripped(bytes(harmed), codec)
    assert len(after) == len(harmed)
    assert ZQ not in after
    assert any(ZQ in each for each in carried(bytes(harmed), codec))
    assert not carried(after, codec)
    if one_tile_part:
        assert_same(bytes(harmed), after, codec, pixels)


def test_boxes_of_jp2_go() -> None:
    codec, pixels = codec_named("jpeg-2000-lossless"), described(40, 61, 12)
    samples = picture(pixels)
    boxed = bytes(imagecodecs.jpeg2k_encode(samples, codecformat="jp2", reversible=True, bitspersample=12))
    for box in (
        pack(">L4s", 8 + len(ZQ), b"xml ") + ZQ,
        pack(">L4s", 24 + len(ZQ), b"uuid") + bytes(16) + ZQ,
    ):
        at = boxed.index(b"jp2c") - 4
        for harmed in (
            boxed[:at] + box + boxed[at:],
            boxed + box if unpack_from(">L", boxed, at)[0] else boxed,
        ):
            after = stripped(harmed, codec)
            assert after.startswith(b"\xff\x4f\xff\x51")
            assert ZQ not in after
            assert_same(boxed, after, codec, pixels)
    with pytest.raises(InputError):
        stripped(boxed[:60], codec)


@pytest.mark.parametrize("codec", J2KS, ids=lambda codec: codec.name)
def test_what_jpeg_2000_does_not_know_is_refused(codec: Codec) -> None:
    codestream, _ = sample(codec.name)
    at = 4 + unpack_from(">H", codestream, 4)[0]
    for marker in (0x30, 0x6F, 0xE1, 0x51):
        with pytest.raises(InputError):
            stripped(codestream[:at] + segment(marker, ZQ) + codestream[at:], codec)
    end = codestream.rindex(b"\xff\xd9")
    with pytest.raises(InputError):
        stripped(codestream[:end] + ZQ, codec)
    assert stripped(codestream[:end] + b"\0", codec) == stripped(codestream, codec)  # some writers forget EOC


# ---------------------------------------------------------------- JPEG XL, RLE, the rest


def test_boxes_of_jpeg_xl_go() -> None:
    codec, pixels = codec_named("jpeg-xl-lossless"), described(40, 61, 12)
    boxed = bytes(
        imagecodecs.jpegxl_encode(picture(pixels), lossless=True, usecontainer=True, bitspersample=12)
    )
    plain = stripped(boxed, codec)
    for kind in (b"Exif", b"xml ", b"jumb", b"brob", b"uuid", b"free", b"zqzq"):
        box = pack(">L4s", 8 + len(ZQ), kind) + ZQ
        at = boxed.index(b"ftyp") + 16
        harmed = boxed[:at] + box + boxed[at:]
        assert stripped(harmed, codec) == plain
        assert ZQ in carried(harmed, codec)
    assert_same(boxed, plain, codec, pixels)
    with pytest.raises(InputError):
        stripped(boxed[:-5], codec)


@pytest.mark.parametrize("samples", [1, 3])
def test_a_jpeg_within_jpeg_xl(samples: int) -> None:
    """It can still be made again, without what it carried."""
    codec, inner = codec_named("jpeg-xl-recompression"), codec_named("jpeg")
    codestream, _ = sample("jpeg", samples)
    pixels = described(40, 61, 8, samples=samples, photometric="YBR_FULL_422" if samples == 3 else "")
    harmed = codestream[:2] + segment(0xFE, ZQ) + segment(0xE1, b"Exif\0\0" + ZQ) + codestream[2:] + ZQ
    boxed = bytes(imagecodecs.jpegxl_encode_jpeg(harmed))
    after = stripped(boxed, codec)
    assert bytes(imagecodecs.jpegxl_decode_jpeg(after, numthreads=1)) == stripped(codestream, inner)
    assert ZQ in carried(boxed, codec)
    assert_same(boxed, after, codec, pixels)


def test_unused_places_of_an_rle_header() -> None:
    codec = codec_named("rle")
    codestream, pixels = sample("rle")
    harmed = codestream[:8] + ZQ + codestream[8 + len(ZQ) :]
    assert stripped(harmed, codec) == codestream
    assert any(ZQ in each for each in carried(harmed, codec))
    assert_same(codestream, stripped(codestream, codec), codec, pixels)


def test_behind_a_deflated_frame() -> None:
    import zlib

    codec = codec_named("deflated-frame")
    pixels = described(40, 61, 8)
    stream = zlib.compressobj(wbits=-15)
    codestream = stream.compress(picture(pixels).tobytes()) + stream.flush()
    assert stripped(codestream + ZQ, codec) == codestream
    assert_same(codestream, stripped(codestream, codec), codec, pixels)
    with pytest.raises(InputError):
        stripped(codestream[:-4], codec)


def test_video_is_refused() -> None:
    codec = codec_named("mpeg4")
    with pytest.raises(InputError, match="not looked for"):
        stripped(b"\0\0\0\1", codec)
    assert carried(ZQ, codec) == [ZQ]


@pytest.mark.parametrize("codec", WRITTEN, ids=lambda codec: codec.name)
def test_harmed_codestreams(codec: Codec) -> None:
    """Refused, or something comes out that is stripped; no other error."""
    codestream, _ = sample(codec.name)
    chance = random.Random(codec.name)
    if codec.module not in ("rle", "jpeg_xl"):
        for end in (0, 1, 3, 5, 20, len(codestream) // 2, len(codestream) - 40):
            with pytest.raises(InputError):
                stripped(codestream[:end], codec)
    for _ in range(300):
        harmed = bytearray(codestream)
        for _ in range(chance.choice((1, 3, 20))):
            harmed[chance.randrange(min(len(harmed), 400))] ^= 1 << chance.randrange(8)
        try:
            after = stripped(bytes(harmed), codec)
        except InputError:
            assert carried(bytes(harmed), codec) == [bytes(harmed)]
            continue
        assert stripped(after, codec) == after
        assert not carried(after, codec)
