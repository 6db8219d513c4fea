"""DCMTK and pydicom making the same edits as ``modify``, over pydicom's files; and reading what it writes."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pydicom
import pytest

from tests.support.peers import requires
from tests.support.run import run
from tests.support.samples import ct, mr, real_file, real_files

if TYPE_CHECKING:
    from pathlib import Path

requires_dcmtk = requires("dcmodify", "dcmdump", package="dcmtk")
ITEM = "RequestAttributesSequence[0]."
# What dcmodify and modify are told; dcmodify's -e fails where there is nothing to be erased.
EDITS = {
    "set": (["-i", "PatientName=DOE^JANE"], ["-i", "PatientName=DOE^JANE"]),
    "inserted": (["-i", "PatientComments=no comment"], ["-i", "PatientComments=no comment"]),
    "numbers": (["-i", "(0028,0030)=0.5\\0.25"], ["-i", "(0028,0030)=0.5\\0.25"]),
    "binary": (["-i", "(0028,9001)=70000"], ["-i", "(0028,9001)=70000"]),
    "emptied": (["-i", "StudyDescription="], ["-i", "StudyDescription="]),
    "tags": (["-i", "(0028,0009)=(0018,1063)"], ["-i", "(0028,0009)=(0018,1063)"]),
    "items": (["-i", f"{ITEM}ScheduledProcedureStepID=7"], ["-i", f"{ITEM}ScheduledProcedureStepID=7"]),
    "deep items": (
        ["-i", f"{ITEM}(0040,0008)[0].CodeValue=X", "-i", f"{ITEM}(0040,0008)[0].CodeMeaning=Y"],
        ["-i", f"{ITEM}(0040,0008)[0].CodeValue=X", "-i", f"{ITEM}(0040,0008)[0].CodeMeaning=Y"],
    ),
    "everywhere": (["-imt", "-ma", "CodeMeaning=Z"], ["-imt", "-ma", "CodeMeaning=Z"]),
    "erased": (["-imt", "-e", "PatientID"], ["-e", "PatientID"]),
    "erased everywhere": (["-imt", "-ea", "CodingSchemeDesignator"], ["-ea", "CodingSchemeDesignator"]),
    "private": (["-ep"], ["-ep"]),
}


def listed(path: Path) -> list[str]:
    """What dcmdump sees of a data set, but for lengths, and for padding, which dcmodify leaves out."""
    done = subprocess.run(
        ["dcmdump", "-q", "+L", "-Un", str(path)], capture_output=True, check=True, encoding="latin-1"
    )
    lines = [line.partition("#")[0].strip() for line in done.stdout.splitlines()]
    return [
        line.replace("explicit length", "").replace("undefined length", "")
        for line in lines
        if line
        and not line.startswith(("(0002,", "(fffc,fffc)", "(fffe,e00d)", "(fffe,e0dd)"))
        and ",0000) UL" not in line
    ]


def files() -> list[Path]:
    """Files that DCMTK changes without complaint, one that it need not repair."""
    named = "CT_small.dcm MR_small.dcm rtplan.dcm rtdose.dcm reportsi.dcm JPEG2000.dcm MR_small_RLE.dcm"
    more = "image_dfl.dcm ExplVR_BigEnd.dcm MR_small_implicit.dcm US1_UNCI.dcm color-px.dcm test-SR.dcm"
    known = {path.name: path for path in real_files()}
    return [known[name] for name in f"{named} {more}".split() if name in known]


@requires_dcmtk
@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("source", files(), ids=lambda path: path.stem)
def test_dcmodify_makes_the_same(source: Path, edit: str, tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs.dcm", tmp_path / "ours.dcm"
    shutil.copyfile(source, theirs)
    words, own = EDITS[edit]
    done = subprocess.run(["dcmodify", "-nb", *words, theirs], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    mine = run("modify", source, "-o", ours, *own)
    assert mine.status == 0, mine.stderr
    assert listed(ours) == listed(theirs)


@pytest.mark.parametrize(
    "source", [path for path in files() if path.stem != "image_dfl"], ids=lambda path: path.stem
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI", "ignore:With tag")
def test_pydicom_makes_the_same(source: Path, tmp_path: Path) -> None:
    ours = tmp_path / "ours.dcm"
    done = run(
        *("modify", source, "-o", ours, "--set", "PatientName=DOE^JANE", "--erase", "PatientID"),
        *("--set", "PatientComments=no comment", "--set", "PixelSpacing=0.5\\0.25", "--erase-private"),
    )
    assert done.status == 0, done.stderr
    theirs = pydicom.dcmread(source)
    theirs.remove_private_tags()
    theirs.PatientName = "DOE^JANE"
    theirs.PatientComments = "no comment"
    theirs.PixelSpacing = [0.5, 0.25]
    if "PatientID" in theirs:
        del theirs.PatientID
    read = pydicom.dcmread(ours)
    for element in [each for each in theirs if each.tag.element == 0 and each.tag not in read]:
        del theirs[element.tag]  # a group length that pydicom leaves as it was, and wrong
    assert read == theirs


@requires_dcmtk
@pytest.mark.parametrize("source", [ct(), mr(), real_file("rtplan.dcm")], ids=lambda path: path.stem)
def test_dcmdump_reads_what_is_written(source: Path, tmp_path: Path) -> None:
    ours = tmp_path / "ours.dcm"
    texts = ("PatientName=A^B", f"{ITEM}ScheduledProcedureStepID=7", "0019,0c,SIEMENS MR HEADER=17")
    assert (
        run("modify", source, "-o", ours, *[word for text in texts for word in ("--set", text)]).status == 0
    )
    done = subprocess.run(
        ["dcmdump", str(ours)], capture_output=True, text=True, errors="replace", check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
