"""Codestreams without what they carry beside the image: the same samples, and nothing else left."""

from __future__ import annotations

import random
from functools import cache
from itertools import pairwise
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
    from collections.abc import Iterator
    from pathlib import Path

    from dcmtools.codecs.frames import PixelData
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
    assert not carried(after, codec, pixels)
    assert stripped(after, codec, pixels) == after


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("codec", WRITTEN, ids=lambda codec: codec.name)
def test_what_is_written_here(codec: Codec, samples: int) -> None:
    if samples in codec.samples:
        codestream, pixels = sample(codec.name, samples)
        assert_same(codestream, stripped(codestream, codec, pixels), codec, pixels)


def compressed_files() -> Iterator[tuple[Path, PixelData]]:
    """Yield the real files whose first frame can be decoded, and their pixel data."""
    for path in [*real_files(), *pydicom_data_files()]:
        try:
            with Part10File.open(str(path)) as file:
                data = pixel_data(file)
                if data.encapsulated and data.codec:
                    decode(data, 0)
                    yield path, data
        except DcmtoolsError:
            continue


@pytest.mark.filterwarnings("ignore")
def test_real_files() -> None:
    compared = 0
    for path, data in compressed_files():
        assert data.codec
        for index in range(min(len(data), 2)):
            codestream = data.frame(index)
            after = stripped(codestream, data.codec, data.pixels)
            assert_same(codestream, after, data.codec, data.pixels)
            for said in (b"Kakadu", b"JasPer", b"GDCM", b"MITRA", b"SPIFF", b"uuid", b"jP  "):
                assert said not in after[:4096], path.name
            compared += 1
    assert compared > 50


@pytest.mark.filterwarnings("ignore")
def test_colours_are_the_same_for_others(tmp_path: Path) -> None:
    """For pydicom with Pillow, which asks the markers of JPEG otherwise than the decoder here."""
    pytest.importorskip("PIL")
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    copy = tmp_path / "stripped.dcm"
    compared = 0
    for path, data in compressed_files():
        if data.transfer_syntax not in (codec_named("jpeg").uid, codec_named("jpeg-extended").uid):
            continue
        assert data.codec
        file = dcmread(path)
        if file.BitsStored > 8:
            continue
        few = min(len(data), 2)
        expected = file.pixel_array[:few] if len(data) > 1 else file.pixel_array
        file.NumberOfFrames = few
        file.PixelData = encapsulate([stripped(data.frame(index), data.codec) for index in range(few)])
        file.save_as(copy)
        assert np.array_equal(dcmread(copy).pixel_array, expected), path.name
        compared += 1
    assert compared > 10


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


JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
ADOBE = segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")


@pytest.mark.parametrize("says", ["RGB", "YBR_FULL", "YBR_FULL_422", "MONOCHROME2"])
def test_jfif_stays_in_fixed_form(says: str) -> None:
    """Neither its density nor a thumbnail; and nothing is made of it that was not there."""
    samples = 1 if says == "MONOCHROME2" else 3
    codec, pixels = codec_named("jpeg"), described(40, 61, 8, samples=samples, photometric=says)
    drawn = picture(described(40, 61, 8, samples=samples))
    before, after = ("RGB", "YCBCR") if samples == 3 else (None, None)
    codestream = bytes(imagecodecs.jpeg8_encode(drawn, 98, colorspace=before, outcolorspace=after))
    assert codestream.count(JFIF) == 1
    assert stripped(codestream, codec) == codestream
    thumbnail = b"JFIF\0\1\2\1ZQZQ\2\1" + b"ZQuend"
    harmed = codestream.replace(JFIF, segment(0xE0, thumbnail) + segment(0xE0, b"JFXX\0\x10" + ZQ))
    assert stripped(harmed, codec) == codestream
    assert {thumbnail, b"JFXX\0\x10" + ZQ} == set(carried(harmed, codec))
    assert_same(harmed, codestream, codec, pixels)
    bare = codestream.replace(JFIF, b"")
    assert stripped(bare, codec) == bare
    both = codestream.replace(JFIF, JFIF + ADOBE + segment(0xE0, thumbnail) + ADOBE)
    assert stripped(both, codec) == codestream.replace(JFIF, JFIF + ADOBE)


def test_colours_that_cannot_be_understood_are_refused() -> None:
    codec = codec_named("jpeg")
    codestream, _ = sample("jpeg", 3)
    for told in (
        ADOBE + ADOBE.replace(b"\0\1", b"\0\0"),
        ADOBE[:-1] + b"\3",
        segment(0xE0, b"JFIF\0\1\1"),
    ):
        with pytest.raises(InputError):
            stripped(codestream[:2] + told + codestream[2:], codec)
    at = codestream.index(b"\xff\xd9")  # where no decoder asks any more
    assert stripped(codestream[:at] + ADOBE + codestream[at:], codec) == stripped(codestream, codec)


def tables(scan: int) -> bytes:
    """Return tables that no scan has use for, whichever it is; ``scan`` is the selector of its tables."""
    huffman = bytes([3, *[0] * 4, len(ZQ), *[0] * 11]) + ZQ
    again = bytes([scan >> 4, *[0] * 4, len(ZQ), *[0] * 11]) + ZQ
    quantization = b"\3" + (ZQ * 5)[:64], b"\0" + (ZQ * 5)[:64]
    return b"".join([
        segment(0xC4, huffman + again),
        segment(0xDB, b"".join(quantization)),
        segment(0xDD, b"\1\2"),
        segment(0xDD, b"\0\0"),
        segment(0xCC, b"\0\x10\x10\5"),
        segment(0xDF, b"\1"),
    ])  # fmt: skip


@pytest.mark.parametrize(
    "codec", [each for each in JPEGS if each.module == "jpeg"], ids=lambda each: each.name
)
def test_tables_that_no_scan_needs_go(codec: Codec) -> None:
    """Of other numbers, made anew before a scan came, of another coding, or behind the last scan."""
    codestream, pixels = sample(codec.name)
    plain = stripped(codestream, codec)
    needed = segment(0xDD, b"\0\0")
    harmed = codestream[:2] + tables(0) + codestream[2:]
    assert stripped(harmed, codec) == plain[:2] + needed + plain[2:]
    assert any(ZQ in each for each in carried(harmed, codec))
    assert_same(codestream, stripped(harmed, codec), codec, pixels)
    end = codestream.rindex(b"\xff\xd9")
    behind = segment(0xC4, bytes([0, *[0] * 4, len(ZQ), *[0] * 11]) + ZQ)
    assert stripped(codestream[:end] + behind + segment(0xDC, b"ZQ") + codestream[end:], codec) == plain


def test_tables_between_scans_stay() -> None:
    """Each scan of this one makes table 0 anew: none of them is one of another."""
    codec, pixels = codec_named("jpeg"), described(40, 61, 8)
    codestream, _ = sample("jpeg")
    at = codestream.index(b"\xff\xc4")
    scan = codestream[codestream.index(b"\xff\xda") : -2]
    length = int.from_bytes(codestream[at + 2 : at + 4])
    table = codestream[at : at + 2 + length]
    twice = codestream[:-2] + table + scan + b"\xff\xd9"
    assert stripped(twice, codec) == stripped(codestream, codec)[:-2] + table + scan + b"\xff\xd9"
    assert_same(codestream, stripped(codestream, codec), codec, pixels)


def test_of_two_tables_in_one_segment_the_last_stays() -> None:
    codec = codec_named("jpeg")
    codestream = stripped(sample("jpeg")[0], codec)
    at = codestream.index(b"\xff\xc4")
    length = int.from_bytes(codestream[at + 2 : at + 4])
    table, rest = codestream[at + 4 : at + 2 + length], codestream[at + 2 + length :]
    before = bytes([table[0], *[0] * 4, len(ZQ), *[0] * 11]) + ZQ
    harmed = codestream[:at] + segment(0xC4, before + table) + rest
    assert stripped(harmed, codec) == codestream
    assert carried(harmed, codec) == [before]


def test_conditioning_of_arithmetic_coding() -> None:
    """Which needs no Huffman table; nor does it decode here."""
    codec = codec_named("jpeg")
    codestream, _ = sample("jpeg")
    at = codestream.index(b"\xff\xc0")
    arithmetic = codestream[:at] + b"\xff\xc9" + codestream[at + 2 :]
    after = stripped(arithmetic, codec)
    assert b"\xff\xc4" not in after
    needed = segment(0xCC, b"\0\x10\x10\5")
    at = after.index(b"\xff\xda")
    conditioned = after[:at] + needed + after[at:]
    assert stripped(conditioned, codec) == conditioned
    harmed = after[:at] + segment(0xCC, b"\3\x51\0\x10\x10\5") + after[at:]
    assert stripped(harmed, codec) == conditioned


def test_of_a_hierarchy_all_tables_stay() -> None:
    """A frame may need what stands before another."""
    codec = codec_named("jpeg")
    codestream = stripped(sample("jpeg")[0], codec)
    at = codestream.index(b"\xff\xc0")
    size = int.from_bytes(codestream[at + 2 : at + 4])
    header = b"\xff\xde" + codestream[at + 2 : at + 2 + size]
    spare = segment(0xC4, bytes([3, *[0] * 16])) + segment(0xDF, b"\1")
    assert stripped(codestream[:2] + spare + codestream[2:], codec) == codestream
    hierarchy = codestream[:2] + header + spare + codestream[2:]
    assert stripped(hierarchy, codec) == hierarchy


@pytest.mark.parametrize("harm", [b"\x30", b"\x04"])
def test_tables_that_make_no_sense_are_refused(harm: bytes) -> None:
    codec = codec_named("jpeg")
    codestream, _ = sample("jpeg")
    for wrong in (
        segment(0xC4, harm + bytes(16)),
        segment(0xDB, harm + bytes(64)),
        segment(0xC4, b"\0" + b"\xff" * 16 + bytes(16 * 255)),
        segment(0xCC, b"\0\1"),
        segment(0xCC, b"\x10\x40"),
    ):
        with pytest.raises(InputError):
            stripped(codestream[:2] + wrong + codestream[2:], codec)
    at = codestream.index(b"\xff\xda")
    with pytest.raises(InputError, match="scan"):
        stripped(codestream[: at + 5] + b"Z" + codestream[at + 6 :], codec)  # a component that there is not


def test_tables_of_jpeg_ls_that_no_scan_needs_go() -> None:
    codec = codec_named("jpeg-ls")
    codestream, _ = sample("jpeg-ls")
    mapping = segment(0xF8, b"\2\5\1" + ZQ) + segment(0xF8, b"\3\5\1" + ZQ)
    tables = segment(0xC4, bytes([0, *[0] * 4, len(ZQ), *[0] * 11]) + ZQ) + segment(0xDB, (ZQ * 5)[-65:])
    harmed = codestream[:2] + mapping + codestream[2:]
    assert stripped(harmed, codec) == codestream
    assert any(ZQ in each for each in carried(harmed, codec))
    at = harmed.index(b"\xff\xda") + 6
    named = harmed[:at] + b"\5" + harmed[at + 1 :]
    assert stripped(named, codec) == named
    with pytest.raises(InputError):
        stripped(codestream[:2] + tables + codestream[2:], codec)


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
@pytest.mark.parametrize("marker", [0x64, 0x58])
@pytest.mark.parametrize("codec", J2KS, ids=lambda codec: codec.name)
def test_comments_and_pointers_of_tile_parts_go(codec: Codec, marker: int, last: bool) -> None:
    """The length of the tile-part follows; where that is 0, it goes to the end."""
    codestream, pixels = sample(codec.name)
    codestream = stripped(codestream, codec)
    at = codestream.index(b"\xff\x90\0\x0a")
    comment = segment(marker, b"\0\1" + ZQ)
    harmed = bytearray(codestream[: at + 12] + comment + codestream[at + 12 :])
    length = unpack_from(">L", harmed, at + 6)[0]
    one_tile_part = at + length + 2 == len(codestream)
    if last and not one_tile_part:
        pytest.skip("it has several tile-parts")
    harmed[at + 6 : at + 10] = pack(">L", 0 if last else length + len(comment))
    after = stripped(bytes(harmed), codec)
    assert after == (codestream[: at + 6] + bytes(4) + codestream[at + 10 :] if last else codestream)
    assert any(ZQ in each for each in carried(bytes(harmed), codec))
    assert_same(codestream, after, codec, pixels)


@pytest.mark.parametrize("marker", [0x63, 0x57])
@pytest.mark.parametrize("codec", J2KS, ids=lambda codec: codec.name)
def test_what_jpeg_2000_does_without_goes(codec: Codec, marker: int) -> None:
    codestream, _ = sample(codec.name)
    at = 4 + unpack_from(">H", codestream, 4)[0]
    harmed = codestream[:at] + segment(marker, ZQ) + codestream[at:]
    assert stripped(harmed, codec) == stripped(codestream, codec)
    assert ZQ in carried(harmed, codec)


@pytest.mark.parametrize("codec", J2KS, ids=lambda codec: codec.name)
def test_lengths_of_tile_parts_are_told_anew(codec: Codec) -> None:
    """Where they were told at all: HTJ2K Lossless RPCL asks for them (PS3.5 10.18)."""
    codestream, pixels = sample(codec.name)
    begin = codestream.find(b"\xff\x55")
    plain = codestream
    if begin > 0:
        plain = codestream[:begin] + codestream[begin + 2 + unpack_from(">H", codestream, begin + 2)[0] :]
    plain = stripped(plain, codec)
    assert b"\xff\x55" not in plain[: plain.index(b"\xff\x90")]
    at = 4 + unpack_from(">H", plain, 4)[0]
    harmed = plain[:at] + segment(0x55, b"\0" + ZQ) + segment(0x55, ZQ) + plain[at:]
    after = stripped(harmed, codec)
    assert any(ZQ in each for each in carried(harmed, codec))
    lengths, part, found = [], plain.index(b"\xff\x90\0\x0a"), b""
    while plain[part : part + 2] == b"\xff\x90":
        lengths.append(unpack_from(">L", plain, part + 6)[0])
        found += plain[part + 4 : part + 6] + pack(">L", lengths[-1])
        part += lengths[-1]
    assert after == plain[:at] + segment(0x55, b"\0\x60" + found) + plain[at:]
    assert_same(plain, after, codec, pixels)


@pytest.mark.parametrize("codec", J2KS, ids=lambda codec: codec.name)
def test_segments_of_jpeg_2000_that_make_no_sense_are_refused(codec: Codec) -> None:
    """The same as those of JPEG: no room for anything else."""
    codestream, _ = sample(codec.name)
    at, tried = 2, 0
    while (marker := codestream[at + 1]) != 0x90:
        length = unpack_from(">H", codestream, at + 2)[0]
        whole, rest = codestream[at + 4 : at + 2 + length], codestream[at + 2 + length :]
        if marker not in (0x64, 0x55):
            with pytest.raises(InputError):
                stripped(codestream[:at] + segment(marker, whole + ZQ * 13) + rest, codec)
            tried += 1
        at += 2 + length
    assert tried >= 3
    for marker, data in (
        (0x50, bytes(4) + ZQ), (0x52, b""), (0x53, b"\0\0\5\4\4\0\1" + ZQ), (0x56, b"Z" + ZQ),
        (0x5D, b"\0\1\0\0" + ZQ), (0x5E, b"\0\0\0" + ZQ), (0x5F, ZQ), (0x60, b"\0" + ZQ),
        (0x60, b"\0" + bytes(4) * 9), (0x78, ZQ),
    ):  # fmt: skip
        with pytest.raises(InputError):
            stripped(codestream[:at] + segment(marker, data) + codestream[at:], codec)


def test_packet_headers_in_the_main_header_stay() -> None:
    """As many as there are tile-parts, in whatever order the segments come."""
    codec = codec_named("jpeg-2000-lossless")
    codestream = stripped(sample(codec.name)[0], codec)
    at = codestream.index(b"\xff\x90\0\x0a")
    headers = pack(">L", 6) + b"header"
    packed = codestream[:at] + segment(0x60, b"\1" + headers[5:]) + segment(0x60, b"\0" + headers[:5])
    assert stripped(packed + codestream[at:], codec) == packed + codestream[at:]


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


@pytest.mark.parametrize("samples", [1, 3])
def test_unused_places_of_an_rle_header(samples: int) -> None:
    codec = codec_named("rle")
    codestream, pixels = sample("rle", samples)
    used = 4 + 4 * samples
    harmed = codestream[:used] + ZQ + codestream[used + len(ZQ) :]
    for described_too in (None, pixels):
        assert stripped(harmed, codec, described_too) == codestream
        assert any(ZQ in each for each in carried(harmed, codec, described_too))
    assert_same(codestream, stripped(codestream, codec, pixels), codec, pixels)


def in_rle(*segments: bytes) -> bytes:
    offsets = [64]
    for each in segments[:-1]:
        offsets.append(offsets[-1] + len(each))
    return pack(f"<L{len(offsets)}L", len(segments), *offsets).ljust(64, b"\0") + b"".join(segments)


@pytest.mark.parametrize("tail", [ZQ, b"\x80\x0f" + ZQ, b"\xf1Z", bytes(40), b"\x80" * 5])
@pytest.mark.parametrize("place", range(6))
def test_behind_the_runs_of_rle_segments(place: int, tail: bytes) -> None:
    """Whether it looks like more runs or not, before the next segment and behind the last."""
    codec, pixels = codec_named("rle"), described(40, 61, 16, samples=3)
    codestream = encode(picture(pixels), pixels, codec, Settings())
    offsets = [*unpack_from("<6L", codestream, 4), len(codestream)]
    segments = [codestream[begin:end] for begin, end in pairwise(offsets)]
    segments[place] += tail + b"\0" * (len(tail) % 2)
    harmed = in_rle(*segments)
    assert stripped(harmed, codec, pixels) == codestream
    assert_same(codestream, codestream, codec, pixels)
    assert bool(carried(harmed, codec, pixels)) == any(tail)


@pytest.mark.parametrize(
    ("runs", "kept"),
    [
        (b"\3abcd\3efgh", b"\3abcd\1ef"),  # more literal bytes than there are pixels
        (b"\3abcd\xfde", b"\3abcd\xffe"),  # and more of a run
        (b"\4abcde\xfdf", b"\4abcde\0f"),
        (b"\x80\4abcde\x80\0f\x80\0g", b"\x80\4abcde\x80\0f"),
        (b"\5abcdef", b"\5abcdef"),
        (b"\xfba", b"\xfba"),
    ],
)
def test_the_last_run_of_a_segment(runs: bytes, kept: bytes) -> None:
    codec, pixels = codec_named("rle"), described(2, 3, 8)
    codestream, expected = in_rle(runs), in_rle(kept + b"\0" * (len(kept) % 2))
    assert stripped(codestream, codec, pixels) == expected
    assert_same(codestream, expected, codec, pixels)


def test_rle_that_is_not_of_the_image_is_refused() -> None:
    codec, pixels = codec_named("rle"), described(2, 3, 8)
    for wrong in (in_rle(b"\3abcd"), in_rle(b"\5abcd"), in_rle(b"\xfb"), in_rle(b"\5abcdef", b"\5abcdef")):
        with pytest.raises(InputError):
            stripped(wrong, codec, pixels)
        assert carried(wrong, codec, pixels) == [wrong]
    whole = in_rle(b"\5abcdef")
    with pytest.raises(InputError, match="segments"):
        stripped(whole, codec, described(2, 3, 16))


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
    codestream, pixels = sample(codec.name)
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
            after = stripped(bytes(harmed), codec, pixels)
        except InputError:
            assert carried(bytes(harmed), codec, pixels) == [bytes(harmed)]
            continue
        assert stripped(after, codec, pixels) == after
        assert not carried(after, codec, pixels)
