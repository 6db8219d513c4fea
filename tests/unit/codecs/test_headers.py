"""What codestreams say of themselves: sizes, depths, signs, losses, colours; in boxes, of foreign kinds."""

from __future__ import annotations

from struct import unpack_from
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest

from dcmtools.codecs import jpeg, jpeg_2000, jpeg_ls, jpeg_xl
from dcmtools.codecs.decoding import adapter, decoded
from dcmtools.codecs.encoding import encode
from dcmtools.codecs.photometric import converted, target
from dcmtools.codecs.registry import CODECS, Codec, codec_named
from dcmtools.codecs.settings import Settings
from dcmtools.errors import InputError
from tests.support.pictures import described, picture

if TYPE_CHECKING:
    from dcmtools.codecs.streams import Stream

WITH_HEADERS = [codec for codec in CODECS if codec.encapsulated and codec.bits and codec.name != "rle"]


def written(name: str, settings: Settings | None = None, **kind: object) -> tuple[bytes, Stream]:
    pixels = described(**kind)  # type: ignore[arg-type]  # what described takes
    codec = codec_named(name)
    goal = target(codec, pixels, pixels.photometric)
    samples = converted(picture(pixels), pixels.photometric, goal.samples)
    codestream = encode(samples, goal.samples, codec, settings or Settings())
    stream = adapter(codec).header(codestream)
    assert stream is not None
    return codestream, stream


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (8, 16), (300, 200), (200, 300), (256, 256), (3, 1025)])
@pytest.mark.parametrize("codec", WITH_HEADERS, ids=lambda codec: codec.name)
def test_sizes(codec: Codec, size: tuple[int, int], samples: int) -> None:
    if samples in codec.samples:
        _, stream = written(codec.name, rows=size[0], columns=size[1], bits=8, samples=samples)
        assert (stream.rows, stream.columns, stream.samples, stream.bits) == (*size, samples, 8)
        assert stream.lossless in (codec.lossless, None)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [2, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])
@pytest.mark.parametrize(
    "name", ["jpeg-2000-lossless", "htj2k-lossless", "jpeg-lossless", "jpeg-xl-lossless"]
)
def test_precision_is_bits_stored(name: str, bits: int, signed: bool) -> None:
    """Where signs are those of two's complement it is Bits Allocated."""
    _, stream = written(name, bits=bits, signed=signed)
    if "2" in name:
        assert (stream.bits, stream.signed) == (bits, signed)
    else:
        assert (stream.bits, stream.signed) == (bits if not signed else 8 if bits <= 8 else 16, None)


def test_precision_of_jpeg_ls_is_bits_allocated() -> None:
    assert written("jpeg-ls", bits=12)[1].bits == 16


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_precision_of_lossy_htj2k_is_bits_stored(bits: int) -> None:
    assert written("htj2k", bits=bits)[1].bits == bits


def test_first_order_prediction_is_what_sv1_has() -> None:
    for name in ("jpeg-lossless", "jpeg-lossless-14"):
        codestream, _ = written(name, bits=12)
        at = codestream.index(b"\xff\xda")
        assert codestream[at + 2 + 2 + 1 + 2] == 1
        assert codestream[codestream.index(b"\xff\xc3") + 4] == 12


def test_no_spiff_in_jpeg_ls() -> None:
    codestream, _ = written("jpeg-ls", bits=12)
    assert codestream.startswith(b"\xff\xd8\xff\xf7")


def test_no_names_in_lossless_jpeg_of_ybr_full() -> None:
    named, stream = written("jpeg-lossless", samples=3)
    assert stream.photometric == "RGB"
    assert b"Adobe" in named
    bare, stream = written("jpeg-lossless", samples=3, photometric="YBR_FULL")
    assert stream.photometric == ""
    assert b"Adobe" not in bare
    assert b"JFIF" not in bare


@pytest.mark.parametrize("columns", [64, 65, 2048, 2049, 5000])
def test_rpcl_is_as_the_syntax_wants_it(columns: int) -> None:
    """PS3.5 10.18: RPCL, lengths of tile-parts, and a thumbnail of at most 64 by 64."""
    codestream, _ = written("htj2k-lossless-rpcl", rows=4, columns=columns, bits=12)
    found = {marker: data for marker, _, data in jpeg_2000.main_header(codestream)}
    progression, decompositions = found[jpeg_2000.COD][1], found[jpeg_2000.COD][5]
    assert progression == 2
    assert jpeg_2000.TLM in found
    assert -(-columns // (1 << decompositions)) <= 64


def test_colour_transformations_of_jpeg_2000() -> None:
    assert written("jpeg-2000-lossless", samples=3)[1].photometric == "RGB"
    assert written("jpeg-2000-lossless", samples=3, photometric="YBR_FULL")[1].photometric == ""


@pytest.mark.parametrize(
    ("made_of", "says", "becomes"),
    [
        ("RGB", "YBR_RCT", "RGB"),
        ("RGB", "RGB", "RGB"),  # it should say YBR_RCT
        ("RGB", "YBR_FULL", "YBR_FULL"),  # of that the transformation was made
        ("YBR_FULL", "YBR_FULL", "YBR_FULL"),
        ("YBR_FULL", "RGB", "RGB"),
        ("YBR_FULL", "YBR_RCT", "RGB"),  # there is none: nobody else knows of one
    ],
)
def test_what_comes_out_of_jpeg_2000(made_of: str, says: str, becomes: str) -> None:
    codestream, _ = written("jpeg-2000-lossless", samples=3, photometric=made_of)
    found = decoded(codestream, codec_named("jpeg-2000-lossless"), described(samples=3, photometric=says))
    assert found.photometric == becomes
    assert np.array_equal(found.samples, picture(described(samples=3)))


def test_jp2_boxes_are_taken_off() -> None:
    pixels = described(20, 30, 12)
    samples = picture(pixels)
    boxed = bytes(imagecodecs.jpeg2k_encode(samples, codecformat="jp2", reversible=True, bitspersample=12))
    found = decoded(boxed, codec_named("jpeg-2000-lossless"), pixels)
    assert np.array_equal(found.samples, samples)


def test_jpeg_xl_in_boxes() -> None:
    pixels = described(20, 30, 12)
    samples = picture(pixels)
    boxed = bytes(imagecodecs.jpegxl_encode(samples, lossless=True, usecontainer=True, bitspersample=12))
    found = decoded(boxed, codec_named("jpeg-xl-lossless"), pixels)
    assert np.array_equal(found.samples, samples)


@pytest.mark.parametrize("samples", [1, 3])
def test_a_jpeg_within_jpeg_xl(samples: int) -> None:
    pixels = described(37, 50, 8, samples=samples, photometric="YBR_FULL_422" if samples == 3 else "")
    drawn = picture(pixels._replace(photometric="RGB"))
    inner = encode(drawn, pixels._replace(photometric="RGB"), codec_named("jpeg"), Settings())
    recompressed = bytes(imagecodecs.jpegxl_encode_jpeg(inner))
    found = decoded(recompressed, codec_named("jpeg-xl-recompression"), pixels)
    expected = decoded(inner, codec_named("jpeg"), pixels)
    assert found.photometric == expected.photometric
    assert np.abs(found.samples.astype(int) - expected.samples).mean() < 2


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ({"extra": True}, "channels beside"),
        ({"floats": True}, "floating point"),
        ({"frames": True}, "animation"),
    ],
)
def test_jpeg_xl_that_no_frame_is_made_of(kind: dict[str, bool], what: str) -> None:
    random = np.random.default_rng(1)
    if "extra" in kind:
        data = imagecodecs.jpegxl_encode(random.integers(0, 255, (8, 8, 4), dtype="u1"), lossless=True)
    elif "floats" in kind:
        data = imagecodecs.jpegxl_encode(random.random((8, 8), dtype="f4"), lossless=True)
    else:
        data = imagecodecs.jpegxl_encode(random.integers(0, 255, (3, 8, 8, 3), dtype="u1"), lossless=True)
    with pytest.raises(InputError, match=what):
        jpeg_xl.header(bytes(data))


def jpeg_of(colorspace: str, outcolorspace: str) -> tuple[bytes, np.ndarray]:
    drawn = picture(described(32, 32, 8, samples=3))
    return (
        bytes(
            imagecodecs.jpeg8_encode(
                drawn, 98, colorspace=colorspace, outcolorspace=outcolorspace, subsampling="444"
            )
        ),
        drawn,
    )


def unmarked(codestream: bytes) -> bytes:
    """Without JFIF's or Adobe's marker."""
    length = int.from_bytes(codestream[4:6])
    return codestream[:2] + codestream[4 + length :]


@pytest.mark.parametrize("says", ["RGB", "YBR_FULL", "YBR_FULL_422"])
def test_colours_of_jpeg_are_those_of_its_markers(says: str) -> None:
    """JFIF says YCbCr, Adobe's transform 0 RGB, whatever Photometric Interpretation has."""
    for ybr in (True, False):
        codestream, drawn = jpeg_of("RGB", "YCBCR" if ybr else "RGB")
        found = decoded(codestream, codec_named("jpeg"), described(32, 32, samples=3, photometric=says))
        assert found.photometric == "RGB"
        assert np.abs(found.samples.astype(int) - drawn).mean() < 2


def test_colours_of_jpeg_without_markers_are_those_of_the_file() -> None:
    codestream, drawn = jpeg_of("RGB", "YCBCR")
    bare = unmarked(codestream)
    kinds = {says: described(32, 32, samples=3, photometric=says) for says in ("RGB", "YBR_FULL")}
    found = decoded(bare, codec_named("jpeg"), kinds["YBR_FULL"])
    assert np.abs(found.samples.astype(int) - drawn).mean() < 2
    as_it_is = decoded(bare, codec_named("jpeg"), kinds["RGB"])
    back = converted(as_it_is.samples, "YBR_FULL", kinds["RGB"])
    assert as_it_is.photometric == "RGB"
    assert np.abs(back.astype(int) - drawn).mean() < 2


def test_components_named_r_g_and_b_are_rgb() -> None:
    codestream, drawn = jpeg_of("RGB", "RGB")
    bare = unmarked(codestream)
    assert jpeg.header(bare).photometric == "RGB"
    found = decoded(bare, codec_named("jpeg"), described(32, 32, samples=3, photometric="YBR_FULL"))
    assert np.abs(found.samples.astype(int) - drawn).mean() < 2


@pytest.mark.parametrize("marker", [0xC5, 0xC9, 0xCF])
def test_jpeg_of_other_processes_is_refused(marker: int) -> None:
    codestream, _ = written("jpeg")
    changed = codestream.replace(b"\xff\xc0", bytes((0xFF, marker)), 1)
    with pytest.raises(InputError, match=f"SOF{marker - 0xC0}"):
        jpeg.header(changed)


@pytest.mark.parametrize("module", [jpeg, jpeg_ls, jpeg_2000, jpeg_xl])
@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xd8", b"\xff\x4f\xff\x51", b"\xff\x0a", b"MM\0*" * 40])
def test_what_is_no_codestream_is_refused(module: object, data: bytes) -> None:
    with pytest.raises(InputError):
        module.header(data)  # type: ignore[attr-defined]  # all of them have it


def test_too_many_tiles() -> None:
    codestream = bytearray(written("jpeg-2000-lossless", rows=300, columns=300)[0])
    at = codestream.index(b"\xff\x51") + 4 + 18
    assert unpack_from(">2L", codestream, at) == (300, 300)
    codestream[at : at + 8] = (1).to_bytes(4) * 2
    with pytest.raises(InputError, match="90000 tiles"):
        jpeg_2000.header(bytes(codestream))
