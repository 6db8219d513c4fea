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
    "s12": described(64, 71, 12, signed=True),
    "s16": described(64, 71, 16, signed=True),
    "rgb": described(64, 71, 8, samples=3),
    "ybr": described(64, 71, 8, samples=3, photometric="YBR_FULL"),
    "palette": described(64, 71, 8, photometric="MONOCHROME1"),
    "odd": described(1, 3, 8),
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
    pixels = KINDS[kind]
    return (
        pixels.bits_stored <= codec.bits
        and (codec.signed or not pixels.signed)
        and pixels.samples in codec.samples
    )


# GDCM writes no native file of several frames in YBR_FULL_422, DCMTK's neither.
GDCM_CANNOT = [("jpeg", "colours")]
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
    + [(name, kind) for name in ("htj2k-lossless", "htj2k-lossless-rpcl", "htj2k") for kind in KINDS],
)
def test_pydicom_decodes_what_is_encoded_here(tmp_path: Path, name: str, kind: str) -> None:
    from pydicom.pixels.utils import iter_pixels

    codec = codec_named(name)
    written = write(tmp_path, codec, KINDS[kind])
    theirs = list(iter_pixels(written.path, raw=True))
    for before, after, other in zip(written.before, written.after, theirs, strict=True):
        assert np.array_equal(after.samples, other)
        assert not codec.lossless or np.array_equal(before, other)


@requires("djxl", package="libjxl-tools")
@pytest.mark.parametrize("kind", ["u8", "u10", "u12", "u16", "s16", "rgb"])
def test_djxl_decodes_what_is_encoded_here(tmp_path: Path, kind: str) -> None:
    """It scales whatever has more than 8 bits to 16; signs are those of two's complement."""
    pixels = KINDS[kind]
    (samples,) = pictures(pixels)
    codestream = encode(samples, pixels, codec_named("jpeg-xl-lossless"), Settings())
    (tmp_path / "in.jxl").write_bytes(codestream)
    out = tmp_path / ("out.ppm" if pixels.samples == 3 else "out.pgm")
    told = dcmtk("djxl", tmp_path / "in.jxl", out)
    assert told.returncode == 0, told.stderr
    written = out.read_bytes()
    top = int(written.split(maxsplit=4)[3])
    whole = np.frombuffer(written[-samples.nbytes :], f">u{samples.itemsize}")
    scaled = whole if top in (255, 65535) else np.rint(whole / 65535 * top)
    assert np.array_equal(scaled.reshape(samples.shape), samples.view(f"u{samples.itemsize}"))


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
NO_JPEG = [("gdcmconv --jpeg lossy", kind) for kind in ("u10", "u12", "u16", "s12", "s16", "frames")]


@requires_codecs
@requires_gdcm
@pytest.mark.parametrize(
    ("how", "kind"),
    [(how, kind) for how in COMPRESS for kind in KINDS if kind != "odd" and (how, kind) not in NO_JPEG],
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
