"""Media that dcmmkdir and gdcmgendir go on with, and theirs with which we do."""

from __future__ import annotations

import gc
import shutil
import subprocess
import warnings
from typing import TYPE_CHECKING

import pytest
from pydicom.fileset import FileSet

from tests.support.file_set_calls import another_patient, dicomdir, faults, files, instance, listed, made
from tests.support.peers import program, requires
from tests.support.samples import real_file

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = requires("dcmmkdir", "dcmdump", package="dcmtk")


def dcmmkdir(medium: Path, *args: str) -> None:
    """Call it on a medium, with values made up for what is missing."""
    words = [program("dcmmkdir"), "+I", "-Nxc", "--input-directory", str(medium), *args]
    done = subprocess.run(words, cwd=medium, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "E: " not in done.stderr


def by_pydicom(medium: Path) -> set[str]:
    """Return the last parts of the SOP Instance UIDs that pydicom loads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = FileSet(medium / "DICOMDIR")
        found = {each.SOPInstanceUID.rpartition(".")[2] for each in loaded}
        del loaded
        gc.collect()
    return found


def test_dcmmkdir_goes_on_with_ours(tmp_path: Path) -> None:
    medium = made(tmp_path)
    instance(medium / "MORE" / "IM1", 4)
    dcmmkdir(medium, "+A", "MORE/IM1")
    assert set(listed(medium)) == by_pydicom(medium) == {"1", "2", "3", "4"}
    assert faults(medium) == []
    instance(medium / "MORE" / "IM1", 4, InstanceNumber=44)
    dcmmkdir(medium, "+U", "MORE/IM1")
    assert set(listed(medium)) == {"1", "2", "3", "4"}
    assert faults(medium) == []


def test_we_go_on_with_dcmmkdirs(tmp_path: Path) -> None:
    medium = tmp_path / "medium"
    for number in (1, 2):
        instance(medium / "IN" / f"IM{number}", number)
    another_patient(medium / "IN" / "IM3", 3)
    dcmmkdir(medium, "IN/IM1", "IN/IM2", "IN/IM3")
    assert faults(medium) == []
    assert dicomdir("append", medium, instance(tmp_path / "4", 4)).status == 0
    other = instance(tmp_path / "other", 1, ImageComments="other")
    assert dicomdir("update", medium, other).status == 0
    assert dicomdir("remove", medium, "--instance", "1.2.3.4.2", "--yes").status == 0
    assert dicomdir("compact", medium).status == 0
    assert set(listed(medium)) == by_pydicom(medium) == {"1", "3", "4"}
    assert {name for name in files(medium) if not name.endswith(".BAK")} == set(listed(medium).values())
    assert faults(medium) == []
    instance(medium / "MORE" / "IM1", 5)
    dcmmkdir(medium, "+A", "MORE/IM1")
    assert set(listed(medium)) == {"1", "3", "4", "5"}
    assert faults(medium) == []
    assert dicomdir("rebuild", medium).status == 0
    assert set(listed(medium)) == {"1", "3", "4", "5"}


def test_real_files_of_many_kinds(tmp_path: Path) -> None:
    names = ("CT_small", "MR_small", "rtplan", "rtdose", "test-SR", "waveform_ecg", "examples_palette")
    medium = tmp_path / "medium"
    paths = [real_file(f"{name}.dcm") for name in names]
    assert dicomdir("create", *paths[:3], "-o", medium).status == 0
    assert dicomdir("append", medium, *paths[3:]).status == 0
    before = listed(medium)
    assert len(before) == len(paths)
    folder = medium / "EXTRA"
    folder.mkdir()
    shutil.copy(real_file("MR_small_RLE.dcm"), folder / "IM1")
    again = dicomdir("append", medium, folder / "IM1", "--index-only")
    assert again.status == 1  # it has the UID of MR_small
    assert listed(medium) == before
    assert len(by_pydicom(medium)) == len(paths)
    dump = subprocess.run([program("dcmdump"), str(medium / "DICOMDIR")], capture_output=True, check=True)
    assert dump.stdout.count(b"ReferencedFileID") == len(paths)


@pytest.mark.skipif(not shutil.which("gdcmgendir"), reason="gdcmgendir (libgdcm-tools) is not installed")
def test_we_go_on_with_gdcmgendirs(tmp_path: Path) -> None:
    medium = tmp_path / "medium"
    for number in (1, 2):
        instance(medium / "IN" / f"IM{number}", number)
    words = [program("gdcmgendir"), "-r", "--descriptor", "TEST", str(medium), str(medium / "DICOMDIR")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    done_by_us = dicomdir("append", medium, instance(tmp_path / "4", 4))
    assert done_by_us.status == 0, done_by_us.stderr
    assert set(listed(medium)) == {"1", "2", "4"}
