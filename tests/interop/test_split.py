"""dicom3tools on the frames that ``split`` makes files of, and DCMTK on their pixels."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.enhanced import CLASSES, image, write
from tests.support.peers import dcmtk, requires
from tests.support.run import run
from tests.support.samples import pydicom_data_files, real_files

if TYPE_CHECKING:
    from pathlib import Path

requires_dciodvfy = requires("dciodvfy", package="dicom3tools")
requires_dcmtk = requires("dcmdjpeg", "dcmdrle", package="dcmtk")
REAL = (
    *("eCT_Supplemental.dcm", "emri_small.dcm", "liver.dcm", "rtdose.dcm", "examples_ybr_color.dcm"),
    *("SC_rgb_2frame.dcm", "OBXXXX1A_2frame.dcm", "SC_rgb_rle_2frame.dcm"),
)


def faults(path: Path) -> set[str]:
    """What dciodvfy calls an error."""
    told = dcmtk("dciodvfy", path)
    assert told.stderr
    return {re.sub(r"\s+", " ", line) for line in told.stderr.splitlines() if line.startswith("Error")}


def frames(path: Path, folder: Path, *args: object) -> list[Path]:
    done = run("split", path, "-o", folder, *args)
    assert done.status == 0, done.stderr
    return sorted(folder.iterdir())


@requires_dciodvfy
@pytest.mark.parametrize("kind", ["ct", "legacy-ct", "mr", "pet", "xa", "us", "sc", "dose"])
def test_dciodvfy_finds_nothing_wrong_with_single_frames(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "whole.dcm", image(kind))
    for frame in frames(path, tmp_path / "out"):
        assert faults(frame) == set()


@requires_dciodvfy
@pytest.mark.parametrize("kind", CLASSES)
def test_dciodvfy_finds_no_new_error_where_the_class_is_kept(kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "whole.dcm", image(kind))
    before = faults(path)
    for frame in frames(path, tmp_path / "out", "--keep-class"):
        assert faults(frame) - before == set()


@requires_dciodvfy
@pytest.mark.parametrize("name", REAL)
def test_dciodvfy_finds_no_new_error_in_real_frames(name: str, tmp_path: Path) -> None:
    (path,) = [path for path in [*real_files(), *pydicom_data_files()] if path.name == name]
    shutil.copy(path, tmp_path / "whole.dcm")
    before = faults(tmp_path / "whole.dcm")
    for frame in frames(tmp_path / "whole.dcm", tmp_path / "out")[:3]:
        assert faults(frame) - before == set()


@requires_dcmtk
@pytest.mark.parametrize(("syntax", "tool"), [("rle", "dcmdrle"), ("jpeg-lossless", "dcmdjpeg")])
def test_dcmtk_decodes_the_frames(syntax: str, tool: str, tmp_path: Path) -> None:
    from pydicom import dcmread

    path = write(tmp_path / "whole.dcm", image("us", 3, 16, 16))
    assert run("compress", path, "-o", tmp_path / "packed.dcm", "--to", syntax).status == 0
    wanted = dcmread(path).pixel_array
    for frame, samples in zip(frames(tmp_path / "packed.dcm", tmp_path / "out"), wanted, strict=True):
        told = dcmtk(tool, frame, tmp_path / "theirs.dcm")
        assert told.returncode == 0, told.stderr
        assert dcmread(tmp_path / "theirs.dcm").pixel_array.tolist() == samples.tolist()
