"""DCMTK, GDCM and pydicom decode what is encoded here to the same samples, and the other way round."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from dcmtools.codecs.decoding import Decoded, decode
from dcmtools.codecs.encapsulating import Encapsulated
from dcmtools.codecs.encoding import encode
from dcmtools.codecs.photometric import converted, target
from dcmtools.codecs.registry import Codec, codec_named
from dcmtools.codecs.settings import Settings
from dcmtools.errors import InputError
from tests.support.peers import dcmtk, requires
from tests.support.pictures import Samples, data_set, described, opened, picture

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.codecs.pixels import Pixels

requires_codecs = requires(
    "dcmdjpeg", "dcmdjpls", "dcmdrle", "dcmcjpeg", "dcmcjpls", "dcmcrle", package="dcmtk"
)
requires_gdcm = requires("gdcmconv", package="libgdcm-tools")
KINDS = {
    "u8": described(64, 71, 8),
    "u10": described(64, 71, 10),
    "u12": described(64, 71, 12),
    "u16": described(64, 71, 16),
    "s8": described(64, 71, 8, signed=True),
    "s10": described(64, 71, 10, signed=True),
    "s12": described(64, 71, 12, signed=True),
    "s16": described(64, 71, 16, signed=True),
    "rgb": described(64, 71, 8, samples=3),
    "ybr": described(64, 71, 8, samples=3, photometric="YBR_FULL"),
    "u8 of 16": described(64, 71, 8, allocated=16),
    "u20": described(64, 71, 20),
    "s20": described(64, 71, 20, signed=True),
    "u24": described(64, 71, 24),
    "u32": described(64, 71, 32),
    "s32": described(64, 71, 32, signed=True),
    "rgb16": described(64, 71, 16, samples=3),
    "ybr16": described(64, 71, 16, samples=3, photometric="YBR_FULL"),
    "inverse": described(64, 71, 8, photometric="MONOCHROME1"),
    "palette": described(64, 71, 8, photometric="PALETTE COLOR"),
    "palette16": described(64, 71, 16, photometric="PALETTE COLOR"),
    "odd": described(1, 3, 8),
    "odd rgb": described(33, 47, 8, samples=3),
    "frames": described(20, 31, 12, frames=3),
    "colours": described(20, 31, 8, samples=3, frames=2),
}
LOSSLESS = ["rle", "jpeg-lossless-14", "jpeg-lossless", "jpeg-ls", "jpeg-2000-lossless"]
LOSSY = ["jpeg", "jpeg-extended", "jpeg-ls-near", "jpeg-2000"]
DCMTK_DECODES = {"rle": "dcmdrle", "jpeg_ls": "dcmdjpls", "jpeg": "dcmdjpeg"}


class Written(NamedTuple):
    """A file that was encoded here: its folder, its samples as they were, and as they are decoded here."""

    path: Path
    pixels: Pixels
    before: list[Samples]
    after: list[Decoded]


def pictures(pixels: Pixels) -> list[Samples]:
    drawn = [picture(pixels, seed) for seed in range(pixels.frames)]
    if pixels.photometric == "YBR_FULL":  # of colours that RGB has
        return [converted(each, "RGB", pixels) for each in drawn]
    middle = 0 if pixels.signed else 1 << pixels.bits_stored - 2
    return [each // 2 + each.dtype.type(middle) for each in drawn]  # lossy coding shall not go out of bounds


def write(folder: Path, codec: Codec, pixels: Pixels, settings: Settings | None = None) -> Written:
    settings = settings or Settings()
    goal, before = target(codec, pixels, pixels.photometric), pictures(pixels)
    with Encapsulated(settings) as whole:
        for samples in before:
            whole.add(
                encode(converted(samples, pixels.photometric, goal.samples), goal.samples, codec, settings)
            )
        value = b"".join(whole.blocks())
        extended = whole.extended()
    file = data_set(goal.pixels, value, codec.uid, extended=extended if extended[0] else None, undefined=True)
    part, data = opened(folder, file)
    with part:
        after = [decode(data, index) for index in range(len(data))]
    return Written(folder / "image.dcm", goal.pixels, before, after)


def frame_of(path: Path) -> bytes:
    from dcmtools.codecs.frames import pixel_data
    from dcmtools.files.part10 import Part10File

    with Part10File.open(str(path)) as file:
        return pixel_data(file).frame(0)


def read(path: Path) -> tuple[list[Samples], str]:
    """The samples of a native file that somebody else wrote."""
    from dcmtools.codecs.frames import pixel_data
    from dcmtools.files.part10 import Part10File

    with Part10File.open(str(path)) as file:
        data = pixel_data(file)
        frames = [decode(data, index) for index in range(len(data))]
        return [frame.samples for frame in frames], frames[0].photometric


def in_rgb(frames: list[Samples], photometric: str, pixels: Pixels) -> list[Samples]:
    if photometric == "YBR_FULL":
        return [converted(each, photometric, pixels._replace(photometric="RGB")) for each in frames]
    return frames


def assert_same(written: Written, path: Path, exact: bool) -> None:
    samples, photometric = read(path)
    assert len(samples) == len(written.before)
    if exact:
        assert all(map(np.array_equal, written.before, samples))
        return
    ours = in_rgb([each.samples for each in written.after], written.after[0].photometric, written.pixels)
    for mine, theirs in zip(ours, in_rgb(samples, photometric, written.pixels), strict=True):
        assert_close(mine, theirs)


def assert_close(ours: Samples, theirs: Samples) -> None:
    """Decoders may round otherwise, and fill in chrominance otherwise at edges."""
    error = np.abs(ours.astype("i8") - theirs)
    assert error.mean() < 1.5, error.mean()
    assert np.percentile(error, 90) <= 3


def can_hold(codec: Codec, kind: str) -> bool:
    try:
        target(codec, KINDS[kind], KINDS[kind].photometric)
    except InputError:
        return False
    return True


DEEP = ["u20", "s20", "u24", "u32", "s32"]
# GDCM writes no native file of several frames in YBR_FULL_422, DCMTK's neither. It mixes up the planes of RLE
# of 16 bits in colour, what it has written itself too, which DCMTK and pydicom read as we do; and stops with
# an assertion where 32 bits are not all stored.
GDCM_CANNOT = [("jpeg", "colours"), *(("rle", kind) for kind in ("rgb16", "ybr16", "u20", "s20", "u24"))]
MADE = [(codec, kind) for codec in LOSSLESS + LOSSY for kind in KINDS if can_hold(codec_named(codec), kind)]


@requires_codecs
@pytest.mark.parametrize(("name", "kind"), [each for each in MADE if "2000" not in each[0]])
def test_dcmtk_decodes_what_is_encoded_here(tmp_path: Path, name: str, kind: str) -> None:
    codec = codec_named(name)
    written = write(tmp_path, codec, KINDS[kind])
    kept = (
        ["+cn"] if codec.module == "jpeg" and codec.lossless else []
    )  # the colours, where nobody changed them
    told = dcmtk(DCMTK_DECODES[codec.module], *kept, written.path, tmp_path / "out.dcm")
    assert told.returncode == 0, told.stderr
    assert_same(written, tmp_path / "out.dcm", codec.lossless)


@requires_gdcm
@pytest.mark.parametrize(("name", "kind"), [each for each in MADE if each not in GDCM_CANNOT])
def test_gdcm_decodes_what_is_encoded_here(tmp_path: Path, name: str, kind: str) -> None:
    codec = codec_named(name)
    written = write(tmp_path, codec, KINDS[kind])
    told = dcmtk("gdcmconv", "--raw", written.path, tmp_path / "out.dcm")
    assert told.returncode == 0, told.stderr
    assert_same(written, tmp_path / "out.dcm", codec.lossless)


@pytest.mark.parametrize(
    ("name", "kind"),
    [each for each in MADE if each[0] in ("rle", "jpeg-2000-lossless", "jpeg-2000")]
    + [
        (name, kind)
        for name in ("htj2k-lossless", "htj2k-lossless-rpcl", "htj2k")
        for kind in KINDS
        if can_hold(codec_named(name), kind) and kind not in DEEP  # which OpenJPEG cannot do
    ],
)
def test_pydicom_decodes_what_is_encoded_here(tmp_path: Path, name: str, kind: str) -> None:
    from pydicom.pixels.utils import iter_pixels

    codec = codec_named(name)
    written = write(tmp_path, codec, KINDS[kind])
    theirs = list(iter_pixels(written.path, raw=True))
    for before, after, other in zip(written.before, written.after, theirs, strict=True):
        assert is_close(name, after.samples, other)
        assert not codec.lossless or np.array_equal(before, other)


def is_close(name: str, ours: Samples, theirs: Samples) -> bool:
    """Two builds of OpenJPEG may round a lossy sample otherwise."""
    if codec_named(name).lossless:
        return np.array_equal(ours, theirs)
    return bool(np.abs(ours.astype("i8") - theirs).max() <= 1)


JPEG_XL = [
    (name, kind)
    for name in ("jpeg-xl-lossless", "jpeg-xl")
    for kind in KINDS
    if can_hold(codec_named(name), kind) and kind not in ("frames", "colours")
]


@requires("djxl", package="libjxl-tools")
@pytest.mark.parametrize(("name", "kind"), JPEG_XL)
def test_djxl_decodes_what_is_encoded_here(tmp_path: Path, name: str, kind: str) -> None:
    """It scales whatever has more than 8 bits to 16; signs are those of two's complement."""
    written = write(tmp_path, codec_named(name), KINDS[kind])
    codestream, ours = frame_of(written.path), written.after[0].samples
    (tmp_path / "in.jxl").write_bytes(codestream)
    out = tmp_path / ("out.ppm" if written.pixels.samples == 3 else "out.pgm")
    told = dcmtk("djxl", tmp_path / "in.jxl", out)
    assert told.returncode == 0, told.stderr
    raw = out.read_bytes()
    top = int(raw.split(maxsplit=4)[3])
    width = 1 if top < 256 else 2
    whole = np.frombuffer(raw[-ours.size * width :], f">u{width}")
    theirs = (whole if top in (255, 65535) else np.rint(whole / 65535 * top)).reshape(ours.shape)
    if codec_named(name).lossless:
        assert np.array_equal(theirs, ours.view(f"u{ours.itemsize}"))
        assert np.array_equal(ours, written.before[0])
    else:
        assert_close(ours, theirs)


COMPRESS = {
    "dcmcrle": ["dcmcrle"],
    "dcmcjpls": ["dcmcjpls"],
    "dcmcjpls near": ["dcmcjpls", "+en", "+md", "3"],
    **{f"dcmcjpeg {selection}": ["dcmcjpeg", "+el", "+sv", str(selection)] for selection in range(1, 8)},
    "dcmcjpeg +e1": ["dcmcjpeg", "+e1"],
    "dcmcjpeg +eb": ["dcmcjpeg", "+eb", "+q", "95"],
    "dcmcjpeg +ee": ["dcmcjpeg", "+ee", "+q", "95"],
    "dcmcjpeg +es": ["dcmcjpeg", "+es", "+q", "95"],
    "dcmcjpeg +ep": ["dcmcjpeg", "+ep", "+q", "95"],
    "gdcmconv --rle": ["gdcmconv", "--rle"],
    "gdcmconv --jpegls": ["gdcmconv", "--jpegls"],
    "gdcmconv --jpeg": ["gdcmconv", "--jpeg"],
    "gdcmconv --j2k": ["gdcmconv", "--j2k"],
    "gdcmconv --j2k lossy": ["gdcmconv", "--j2k", "--lossy", "-q", "80"],
    "gdcmconv --jpeg lossy": ["gdcmconv", "--jpeg", "--lossy", "-q", "95"],
}
BACK = {
    "dcmcrle": ["dcmdrle"],
    "dcmcjpls": ["dcmdjpls"],
    "dcmcjpeg": ["dcmdjpeg"],
    "gdcmconv": ["gdcmconv", "--raw"],
}


# What GDCM makes of more than 8 bits has a precision of 16, which lossy JPEG has not: DCMTK refuses it too.
# More than 16 bits in JPEG 2000, and some in RLE (see GDCM_CANNOT), it encodes and cannot decode itself.
NOT_BY_GDCM = [
    *(
        ("gdcmconv --jpeg lossy", kind)
        for kind in ("u8 of 16", "u10", "u12", "u16", "s10", "s12", "s16", "frames")
    ),
    *((f"gdcmconv --j2k{lossy}", kind) for kind in DEEP for lossy in ("", " lossy")),
    *((f"gdcmconv --{name}", kind) for name, kind in GDCM_CANNOT if name == "rle"),
]


@requires_codecs
@requires_gdcm
@pytest.mark.parametrize(
    ("how", "kind"),
    [(how, kind) for how in COMPRESS for kind in KINDS if kind != "odd" and (how, kind) not in NOT_BY_GDCM],
)
def test_what_others_encode_is_decoded_to_what_they_decode(tmp_path: Path, how: str, kind: str) -> None:
    pixels = KINDS[kind]
    native = b"".join(each.tobytes() for each in pictures(pixels))
    (tmp_path / "native.dcm").write_bytes(data_set(pixels, native))
    tool, *options = COMPRESS[how]
    compressed, back = tmp_path / "compressed.dcm", tmp_path / "back.dcm"
    told = dcmtk(tool, *options, tmp_path / "native.dcm", compressed)
    if told.returncode:
        pytest.skip(f"{tool} does not encode it: {told.stderr[:100]}")
    lossless = codec_of_file(compressed).lossless
    kept = ["+cn"] if tool == "dcmcjpeg" and lossless else []
    undone = dcmtk(*BACK[tool], *kept, compressed, back)
    assert undone.returncode == 0, undone.stderr
    ours, photometric = read(compressed)
    theirs, of_theirs = read(back)
    if lossless:
        for mine, other in zip(ours, theirs, strict=True):
            assert np.array_equal(mine, other)
        return
    for mine, other in zip(in_rgb(ours, photometric, pixels), in_rgb(theirs, of_theirs, pixels), strict=True):
        assert_close(mine, other)


def codec_of_file(path: Path) -> Codec:
    from dcmtools.files.part10 import Part10File

    with Part10File.open(str(path)) as file:
        return codec_named(file.transfer_syntax)
