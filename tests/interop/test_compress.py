"""DCMTK, GDCM, dicom3tools and pydicom on what ``compress`` writes, and ``compress`` on what they write."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dcmtools.codecs.decoding import decode
from dcmtools.codecs.frames import pixel_data
from dcmtools.codecs.photometric import converted
from dcmtools.codecs.registry import codec_named
from dcmtools.files.part10 import Part10File
from tests.support.peers import dcmtk, requires
from tests.support.pictures import Samples, data_set, described, picture
from tests.support.run import run
from tests.support.samples import ct, mr, pydicom_data_files, real_file, real_files

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.codecs.pixels import Pixels

requires_codecs = requires(
    "dcmdjpeg", "dcmdjpls", "dcmdrle", "dcmcjpeg", "dcmcjpls", "dcmcrle", "dcmconv", package="dcmtk"
)
requires_gdcm = requires("gdcmconv", package="libgdcm-tools")
requires_dciodvfy = requires("dciodvfy", package="dicom3tools")
LOSSLESS = ["rle", "jpeg-lossless", "jpeg-lossless-14", "jpeg-ls", "jpeg-2000-lossless"]
HIGH_THROUGHPUT = ["htj2k-lossless", "htj2k-lossless-rpcl"]
NATIVE = ["implicit", "explicit", "explicit-big-endian", "deflated"]
DCMTK = {
    "rle": ["dcmdrle"],
    "jpeg-lossless": ["dcmdjpeg", "+cn"],
    "jpeg-lossless-14": ["dcmdjpeg", "+cn"],
    "jpeg-ls": ["dcmdjpls"],
    **{name: ["dcmconv", "+te"] for name in NATIVE},
}
KINDS = {
    "grey": described(30, 41, 8),
    "ct": described(30, 41, 12),
    "signed": described(30, 41, 16, signed=True),
    "colour": described(30, 41, 8, samples=3),
    "planes": described(30, 41, 8, samples=3, planar=1),
    "frames": described(30, 41, 12, frames=4),
    "colours": described(30, 41, 8, samples=3, frames=3),
}


def write(folder: Path, pixels: Pixels) -> Path:
    value = b""
    for seed in range(pixels.frames):
        drawn = picture(pixels, seed)
        value += (drawn.transpose(2, 0, 1) if pixels.planar else drawn).tobytes()
    path = folder / "native.dcm"
    path.write_bytes(data_set(pixels, value))
    return path


def samples_of(path: Path) -> list[Samples]:
    with Part10File.open(str(path)) as file:
        data = pixel_data(file)
        return [decode(data, index).samples for index in range(len(data))]


def same(one: list[Samples], other: list[Samples]) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def compress(path: Path, out: Path, name: str, *options: object) -> None:
    done = run("compress", path, "-o", out, "--to", name, *options)
    assert done.status == 0, done.stderr


@requires_codecs
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DCMTK)
def test_dcmtk_reads_what_is_written(name: str, kind: str, tmp_path: Path) -> None:
    path = write(tmp_path, KINDS[kind])
    compress(path, tmp_path / "ours.dcm", name, "--force")
    told = dcmtk(*DCMTK[name], tmp_path / "ours.dcm", tmp_path / "theirs.dcm")
    assert told.returncode == 0, told.stderr
    assert same(samples_of(tmp_path / "theirs.dcm"), samples_of(path))


@requires_gdcm
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [*LOSSLESS, *NATIVE])
def test_gdcm_reads_what_is_written(name: str, kind: str, tmp_path: Path) -> None:
    path = write(tmp_path, KINDS[kind])
    compress(path, tmp_path / "ours.dcm", name, "--force")
    told = dcmtk("gdcmconv", "--raw", tmp_path / "ours.dcm", tmp_path / "theirs.dcm")
    assert told.returncode == 0, told.stderr
    assert same(samples_of(tmp_path / "theirs.dcm"), samples_of(path))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["rle", "jpeg-2000-lossless", *HIGH_THROUGHPUT, *NATIVE])
@pytest.mark.parametrize("table", ["basic", "extended", "none"])
def test_pydicom_reads_what_is_written(name: str, kind: str, table: str, tmp_path: Path) -> None:
    from pydicom import dcmread
    from pydicom.pixels.utils import iter_pixels

    path = write(tmp_path, KINDS[kind])
    options = ["--offset-table", table] if codec_named(name).encapsulated else []
    compress(path, tmp_path / "ours.dcm", name, "--force", *options)
    assert same(list(iter_pixels(dcmread(tmp_path / "ours.dcm"), raw=True)), samples_of(path))


ENCODERS = {
    "rle": ["dcmcrle"],
    "jpeg-ls": ["dcmcjpls"],
    "jpeg-lossless": ["dcmcjpeg", "+e1"],
    "gdcm rle": ["gdcmconv", "--rle"],
    "gdcm jpeg-ls": ["gdcmconv", "--jpegls"],
    "gdcm jpeg-lossless": ["gdcmconv", "--jpeg"],
    "gdcm jpeg-2000-lossless": ["gdcmconv", "--j2k"],
}


@requires_codecs
@requires_gdcm
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "planes"])
@pytest.mark.parametrize("how", ENCODERS)
def test_what_others_write_is_decompressed(how: str, kind: str, tmp_path: Path) -> None:
    path = write(tmp_path, KINDS[kind])
    told = dcmtk(*ENCODERS[how], path, tmp_path / "theirs.dcm")
    assert told.returncode == 0, told.stderr
    done = run("decompress", tmp_path / "theirs.dcm", "-o", tmp_path / "ours.dcm")
    assert done.status == 0, done.stderr
    assert same(samples_of(tmp_path / "ours.dcm"), samples_of(path))


LOSSY = {
    "jpeg": ["dcmdjpeg"],
    "jpeg-ls-near": ["dcmdjpls"],
    "jpeg-2000": ["gdcmconv", "--raw"],
}


@requires_codecs
@requires_gdcm
@pytest.mark.parametrize("kind", ["grey", "colour", "planes"])
@pytest.mark.parametrize("name", LOSSY)
def test_lossy_files_look_the_same_to_others(name: str, kind: str, tmp_path: Path) -> None:
    path = write(tmp_path, KINDS[kind])
    compress(path, tmp_path / "lossy.dcm", name)
    told = dcmtk(*LOSSY[name], tmp_path / "lossy.dcm", tmp_path / "theirs.dcm")
    assert told.returncode == 0, told.stderr
    assert run("decompress", tmp_path / "lossy.dcm", "-o", tmp_path / "ours.dcm").status == 0
    ours, theirs = (in_rgb(tmp_path / each) for each in ("ours.dcm", "theirs.dcm"))
    error = np.abs(ours.astype("i4") - theirs)
    assert error.mean() < 1.5


def in_rgb(path: Path) -> Samples:
    with Part10File.open(str(path)) as file:
        data = pixel_data(file)
        decoded = decode(data, 0)
    if decoded.photometric == "YBR_FULL":
        return converted(decoded.samples, "YBR_FULL", data.pixels._replace(photometric="RGB"))
    return decoded.samples


def faults(path: Path) -> set[str]:
    """What dciodvfy calls an error."""
    told = dcmtk("dciodvfy", path)
    return {re.sub(r"\s+", " ", line) for line in told.stderr.splitlines() if line.startswith("Error")}


def enhanced() -> Path:
    return next(path for path in pydicom_data_files() if path.name == "emri_small.dcm")


# dicom3tools know neither HTJ2K and JPEG XL, nor, as Debian has them, how to inflate.
IMAGES = {
    "ct": (ct, ["rle", "jpeg-ls", "jpeg-2000", "jpeg-ls-near", "implicit", "explicit-big-endian"]),
    "mr": (mr, ["rle", "jpeg-lossless", "jpeg-2000-lossless", "jpeg-2000"]),
    "us": (lambda: real_file("SC_rgb_small_odd.dcm"), ["rle", "jpeg", "jpeg-2000-lossless", "jpeg-ls"]),
    "enhanced": (enhanced, ["rle", "jpeg-ls", "jpeg-2000", "explicit"]),
}


@requires_dciodvfy
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in IMAGES for name in IMAGES[kind][1]])
def test_dciodvfy_finds_no_new_error(kind: str, name: str, tmp_path: Path) -> None:
    source = tmp_path / "source.dcm"
    shutil.copy(IMAGES[kind][0](), source)
    before = faults(source)
    compress(source, tmp_path / "ours.dcm", name, "--force")
    assert faults(tmp_path / "ours.dcm") - before == set()


@pytest.mark.parametrize("name", ["rle", "jpeg-2000-lossless", "explicit"])
def test_every_real_file_comes_through(name: str, tmp_path: Path) -> None:
    """Whatever is written of them has the samples that they have here, and pydicom reads the same."""
    from pydicom import dcmread
    from pydicom.pixels.utils import iter_pixels

    (tmp_path / "in").mkdir()
    for number, path in enumerate([*real_files(), *pydicom_data_files()]):
        if path.stat().st_size < 300_000:
            shutil.copy(path, tmp_path / "in" / f"{number:03d}.dcm")
    done = run("compress", tmp_path / "in", "-o", tmp_path / "out", "--to", name, "--format", "json")
    made = [record for record in done.records if record["outcome"] == "done" and record["frames"]]
    assert len(made) > 20
    wrong = []
    for record in made:
        theirs = list(iter_pixels(dcmread(record["output"]), raw=True))
        if not same(theirs, samples_of(tmp_path / "in" / record["file"].rpartition("/")[2])):
            wrong.append(record["file"])
    assert not wrong
