"""What ``wrap`` makes as other programs see it, and what they make as ``unwrap`` does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image

from tests.commands.test_wrap import CDA, COLOUR, GREY, KINDS, PDF, STL, jpeg, png, put
from tests.support.peers import dcmtk, requires
from tests.support.run import run
from tests.support.samples import ct

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.codecs.streams import Samples

requires_dcmtk = requires("dcm2pdf", "pdf2dcm", "cda2dcm", "stl2dcm", "img2dcm", "dcmj2pnm", package="dcmtk")
requires_dciodvfy = requires("dciodvfy", package="dicom3tools")


def errors(path: Path) -> set[str]:
    told = dcmtk("dciodvfy", path)
    return {re.sub(r"\s+", " ", line) for line in told.stderr.splitlines() if line.startswith("Error")}


@requires_dciodvfy
@pytest.mark.parametrize("origin", [(), ("--study-from", ct())])
@pytest.mark.parametrize("name", KINDS)
def test_dciodvfy_finds_no_error(tmp_path: Path, name: str, origin: tuple[object, ...]) -> None:
    out = tmp_path / "a.dcm"
    assert run("wrap", put(tmp_path / name, KINDS[name]), "-o", out, *origin).status == 0
    assert errors(out) == set()


@requires_dciodvfy
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("kind", ["sc", "vl-photo"])
def test_dciodvfy_finds_no_error_in_photographs(tmp_path: Path, kind: str, subsampling: int) -> None:
    path, out = tmp_path / "a.jpg", tmp_path / "a.dcm"
    Image.fromarray(COLOUR).save(path, "JPEG", subsampling=subsampling)
    assert run("wrap", path, "-o", out, "--as", kind).status == 0
    assert errors(out) == set()


@requires_dciodvfy
@pytest.mark.parametrize("samples", [GREY, GREY.astype("u2") * 3, COLOUR])
def test_dciodvfy_finds_no_error_in_several_frames(tmp_path: Path, samples: Samples) -> None:
    first, second, out = (tmp_path / name for name in ("1.png", "2.png", "a.dcm"))
    for each in (first, second):
        put(each, png(samples))
    assert run("wrap", first, second, "-o", out, "--multi-frame").status == 0
    assert errors(out) == set()


@requires_dcmtk
def test_dcm2pdf_takes_the_same_bytes_out(tmp_path: Path) -> None:
    assert run("wrap", put(tmp_path / "a.pdf", PDF), "-o", tmp_path / "a.dcm").status == 0
    dcmtk("dcm2pdf", tmp_path / "a.dcm", tmp_path / "b.pdf")
    assert (tmp_path / "b.pdf").read_bytes() == PDF


@requires_dcmtk
@pytest.mark.parametrize("samples", [GREY, COLOUR])
def test_dcmtk_shows_the_same_samples(tmp_path: Path, samples: Samples) -> None:
    assert run("wrap", put(tmp_path / "a.png", png(samples)), "-o", tmp_path / "a.dcm").status == 0
    dcmtk("dcmj2pnm", "+on", tmp_path / "a.dcm", tmp_path / "b.png")
    shown = imagecodecs.png_decode((tmp_path / "b.png").read_bytes())
    assert np.array_equal(shown if shown.ndim == samples.ndim else shown[..., 0], samples)


@requires_dcmtk
@pytest.mark.parametrize(
    ("program", "name", "data"),
    [("pdf2dcm", "a.pdf", PDF), ("cda2dcm", "a.xml", CDA), ("stl2dcm", "a.stl", STL)],
)
def test_documents_of_dcmtk_come_out_byte_by_byte(
    tmp_path: Path, program: str, name: str, data: bytes
) -> None:
    dcmtk(program, put(tmp_path / name, data), tmp_path / "a.dcm")
    out = tmp_path / f"out-{name}"
    assert run("unwrap", tmp_path / "a.dcm", "-o", out).status == 0
    assert out.read_bytes() == data


@requires_dcmtk
def test_a_picture_of_img2dcm_comes_out_byte_by_byte(tmp_path: Path) -> None:
    data = jpeg()
    dcmtk("img2dcm", put(tmp_path / "a.jpg", data), tmp_path / "a.dcm")
    assert run("unwrap", tmp_path / "a.dcm", "-o", tmp_path / "b.jpg").status == 0
    made = (tmp_path / "b.jpg").read_bytes()
    # img2dcm leaves the JFIF marker out
    assert (
        made == data[:2] + data[20:] if data[2:4] == b"\xff\xe0" and len(made) < len(data) else made == data
    )
    assert pydicom.dcmread(tmp_path / "a.dcm").Rows == 6
