"""DCMTK, GDCM, dicom3tools and pydicom on files of which ``anonymize`` has blanked a part."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.support.peers import dcmtk, requires
from tests.support.pictures import described, picture
from tests.support.run import run
from tests.support.samples import pydicom_data_files, real_file
from tests.support.treated import ULTRASOUND, native, of_class, outside, samples_of, ultrasound

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.codecs.pixels import Pixels
    from dcmtools.deidentification.pixel_rules import Box
    from tests.support.pictures import Samples

requires_dcmtk = requires("dcmdjpeg", "dcmdjpls", "dcmdrle", "dcmconv", package="dcmtk")
requires_gdcm = requires("gdcmconv", package="libgdcm-tools")
requires_dciodvfy = requires("dciodvfy", package="dicom3tools")
DCMTK = {
    "explicit": ["dcmconv", "+te"],
    "explicit-big-endian": ["dcmconv", "+te"],
    "rle": ["dcmdrle"],
    "jpeg-lossless": ["dcmdjpeg", "+cn"],
    "jpeg-ls": ["dcmdjpls"],
    "jpeg": ["dcmdjpeg", "+cn"],
}
GDCM = [*DCMTK, "jpeg-2000-lossless", "jpeg-2000"]
KINDS = {"grey": described(30, 42, 8, frames=3), "colour": described(30, 42, 8, samples=3, frames=2)}
BOXES: list[Box] = [(4, 5, 20, 11), (28, 2, 12, 20)]
REAL = [
    "examples_palette.dcm",
    "examples_ybr_color.dcm",
    "OBXXXX1A_rle.dcm",
    "JPGLosslessP14SV1_1s_1f_8b.dcm",
]


def anonymize(path: Path, policy: str) -> Path:
    """The file without what is outside of its regions, or without anything."""
    out = path.with_name("ours.dcm")
    done = run("anonymize", path, "-o", out, "--names", "original", "--pixels", policy)
    assert done.status == 0, done.stderr
    return out


def made(folder: Path, kind: str, name: str) -> Path:
    """An image in a transfer syntax, with regions."""
    pixels = KINDS[kind]
    path = folder / "native.dcm"
    frames = [np.maximum(picture(pixels, seed), 1) for seed in range(pixels.frames)]
    path.write_bytes(of_class(ultrasound(native(pixels, frames), BOXES), ULTRASOUND, modality="US"))
    done = run("compress", path, "-o", folder / "source.dcm", "--to", name, "--force")
    assert done.status == 0, done.stderr
    return folder / "source.dcm"


def check(theirs: list[Samples], source: Path, pixels: Pixels) -> None:
    blank = outside(BOXES, pixels)
    before = samples_of(source)
    assert len(theirs) == len(before) == pixels.frames
    for old, new in zip(before, theirs, strict=True):
        assert np.array_equal(new[~blank], old[~blank])
        assert len(np.unique(new[blank].reshape(blank.sum(), -1), axis=0)) == 1
        assert not np.array_equal(new[blank], old[blank])


@requires_dcmtk
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DCMTK)
def test_dcmtk_reads_what_is_left(name: str, kind: str, tmp_path: Path) -> None:
    source = made(tmp_path, kind, name)
    ours = anonymize(source, "regions")
    told = dcmtk(*DCMTK[name], ours, tmp_path / "theirs.dcm")
    assert told.returncode == 0, told.stderr
    check(samples_of(tmp_path / "theirs.dcm"), source, KINDS[kind])


@requires_gdcm
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", GDCM)
def test_gdcm_reads_what_is_left(name: str, kind: str, tmp_path: Path) -> None:
    source = made(tmp_path, kind, name)
    ours = anonymize(source, "regions")
    told = dcmtk("gdcmconv", "--raw", ours, tmp_path / "theirs.dcm")
    assert told.returncode == 0, told.stderr
    check(samples_of(tmp_path / "theirs.dcm"), source, KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["explicit-big-endian", "rle", "jpeg-2000-lossless", "htj2k-lossless"])
def test_pydicom_reads_what_is_left(name: str, kind: str, tmp_path: Path) -> None:
    from pydicom import dcmread
    from pydicom.pixels.utils import iter_pixels

    source = made(tmp_path, kind, name)
    ours = dcmread(anonymize(source, "regions"))
    assert ("BurnedInAnnotation" in ours, ours.PatientIdentityRemoved) == (False, "YES")
    codes = [item.CodeValue for item in ours.DeidentificationMethodCodeSequence]
    assert "113101" not in codes  # nobody has looked into the regions
    check(list(iter_pixels(ours, raw=True)), source, KINDS[kind])


def faults(path: Path) -> set[str]:
    """What dciodvfy calls an error."""
    told = dcmtk("dciodvfy", path)
    return {re.sub(r"\s+", " ", line) for line in told.stderr.splitlines() if line.startswith("Error")}


@requires_dciodvfy
@pytest.mark.parametrize("policy", ["regions", "blank"])
@pytest.mark.parametrize("name", REAL)
def test_dciodvfy_finds_no_new_error(name: str, policy: str, tmp_path: Path) -> None:
    source = tmp_path / "source.dcm"
    known = {path.name: path for path in pydicom_data_files()}
    shutil.copy(known.get(name) or real_file(name), source)
    before = faults(source)
    assert faults(anonymize(source, policy)) - before == set()


def test_suspects_are_put_aside(tmp_path: Path) -> None:
    source = tmp_path / "source.dcm"
    shutil.copy(real_file("SC_rgb_small_odd.dcm"), source)
    done = run("anonymize", source, "-o", tmp_path / "out", "--format", "json")
    assert done.status == 1
    assert "secondary capture" in done.stdout
    assert len(list((tmp_path / "out.quarantine").iterdir())) == 1
    assert not list((tmp_path / "out").rglob("*.dcm"))
