"""``dcmtools modify --repair``, ``--fix-meta`` and ``--erase-group-lengths``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydicom
import pytest

from dcmtools.files.meta import file_meta
from tests.support.encoded import EVL, IVL, part10
from tests.support.run import run

if TYPE_CHECKING:
    from pathlib import Path

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
CT = "1.2.840.10008.5.1.4.1.1.2"
HEAD = EVL.element(0x00080016, "UI", CT.encode() + b"\0") + EVL.element(0x00080018, "UI", b"1.2.3\0")
NAME = EVL.element(0x00100010, "PN", b"Doe^")
RIGHT = file_meta(CT, "1.2.3", EXPLICIT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.dcm"


def test_faults_are_put_right_and_told(path: Path) -> None:
    wrong = HEAD + EVL.element(0x00100020, "LO", b"4711\0\0") + EVL.element(0x00100010, "PN", b"Doe")
    path.write_bytes(RIGHT + wrong)
    told = run("modify", path, "--dry-run", "--repair")
    assert told.status == 0, told.stderr
    assert "(0010,0020) PatientID: repair [text padded with NUL]" in told.stdout
    assert "odd length 3" in told.stdout
    assert "out of order" in told.stdout
    assert path.read_bytes() == RIGHT + wrong
    assert run("modify", path, "--in-place", "--repair").status == 0
    right = HEAD + EVL.element(0x00100010, "PN", b"Doe ") + EVL.element(0x00100020, "LO", b"4711")
    assert path.read_bytes() == RIGHT + right
    again = run("modify", path, "--in-place", "--repair")
    assert again.status == 0
    assert path.read_bytes() == RIGHT + right


@pytest.mark.parametrize(
    "before", [b"", RIGHT[132:], RIGHT.replace(EXPLICIT.encode() + b"\0", IMPLICIT.encode() + b"\0\0\0")]
)
@pytest.mark.parametrize("option", ["--repair", "--fix-meta"])
def test_what_stands_before_the_data_set(path: Path, option: str, before: bytes) -> None:
    path.write_bytes(before + HEAD + NAME)
    assert run("modify", path, "--in-place", option).status == 0
    assert path.read_bytes() == RIGHT + HEAD + NAME


def test_without_these_options_such_a_file_fails(path: Path) -> None:
    path.write_bytes(HEAD + NAME)
    assert run("modify", path, "--in-place", "--set", "PatientID=1").status == 3
    assert path.read_bytes() == HEAD + NAME


def test_edits_are_made_in_what_has_been_repaired(path: Path) -> None:
    uids = IVL.element(0x00080016, "UI", CT.encode() + b"\0") + IVL.element(0x00080018, "UI", b"1.2.3")
    path.write_bytes(uids + IVL.element(0x00100010, "PN", b"Doe"))
    done = run("modify", path, "--in-place", "--repair", "--set", "PatientID=4711", "-gin")
    assert done.status == 0, done.stderr
    read = pydicom.dcmread(path)
    assert (read.PatientID, read.PatientName) == ("4711", "Doe")
    assert read.SOPInstanceUID == read.file_meta.MediaStorageSOPInstanceUID
    assert read.SOPInstanceUID.startswith("2.25.")


def test_what_is_not_certain_is_named_and_untouched(tmp_path: Path, path: Path) -> None:
    cut = RIGHT + HEAD + EVL.element(0x7FE00010, "OW", b"\1\2", length=100)
    path.write_bytes(cut)
    other = tmp_path / "other.dcm"
    other.write_bytes(RIGHT + HEAD + EVL.element(0x00100010, "PN", b"Doe"))
    done = run("modify", path, other, "--in-place", "--repair")
    assert done.status == 1
    assert "cannot be repaired" in done.stderr
    assert "(7fe0,0010)" in done.stderr
    assert path.read_bytes() == cut
    assert other.read_bytes() == RIGHT + HEAD + EVL.element(0x00100010, "PN", b"Doe ")


def test_group_lengths(path: Path) -> None:
    path.write_bytes(part10(EVL.element(0x00100000, "UL", b"\x0c\0\0\0") + NAME))
    told = run("modify", path, "--dry-run", "--erase-group-lengths")
    assert "(0010,0000)" in told.stdout
    assert run("modify", path, "--in-place", "--erase-group-lengths").status == 0
    assert path.read_bytes() == part10(NAME)


def test_text_files_of_a_folder_are_no_dicom(tmp_path: Path, path: Path) -> None:
    path.write_bytes(RIGHT + HEAD + NAME + bytes(200))
    (tmp_path / "notes.txt").write_text("notes\n" * 50)
    done = run("modify", tmp_path, "--in-place", "--repair")
    assert done.status == 0, done.stderr
    assert path.read_bytes() == RIGHT + HEAD + NAME


def test_a_vr_that_may_be_wrong_stays_and_is_told(path: Path) -> None:
    data = HEAD + EVL.element(0x00280010, "FL", b"\0\0\x80\x3f")
    path.write_bytes(RIGHT + data)
    for more in ((), ("--set", "PatientID=1")):
        done = run("modify", path, "--in-place", "--repair", *more)
        assert done.status == 0
        assert "warning: (0028,0010): VR FL stays, though PS3.6 has US" in done.stderr
        assert done.stderr.splitlines()[-1].endswith("1 warning")
    assert b"FL\x04\0\0\0\x80\x3f" in path.read_bytes()


def test_nor_is_anything_taken_off_private_values(path: Path) -> None:
    """That are binary, whatever their VR."""
    private = EVL.element(0x00290010, "LO", b"ACME")
    numbers = EVL.element(0x00291001, "LO", b"\x05\x10\0\0") + EVL.element(0x00291002, "SH", b"ABC\0")
    path.write_bytes(RIGHT + HEAD + private + numbers)
    assert run("modify", path, "--in-place", "--repair").status == 0
    assert path.read_bytes() == RIGHT + HEAD + private + numbers


@pytest.mark.parametrize("option", ["--repair", "--fix-meta"])
def test_compressed_frames_are_not_called_native(path: Path, option: str) -> None:
    frames = EVL.element(0x7FE00010, "OB", b"", length=0xFFFFFFFF) + EVL.item() + EVL.item(b"\1\2")
    end = b"\xfe\xff\xdd\xe0\0\0\0\0"
    wrong = RIGHT.replace(EXPLICIT.encode() + b"\0", IMPLICIT.encode() + b"\0\0\0") + HEAD + frames + end
    path.write_bytes(wrong)
    done = run("modify", path, "--in-place", option)
    assert (done.status, path.read_bytes()) == (3, wrong)
    assert "nothing tells how its frames are compressed" in done.stderr


def test_the_way_out_is_named(path: Path) -> None:
    path.write_bytes(HEAD + NAME)
    assert "'dcmtools modify --fix-meta' makes" in run("modify", path, "--in-place", "--set", "Rows=1").stderr


@pytest.mark.parametrize(
    ("tag", "value", "right"),
    [(0x00100020, b"42", b"LO"), (0x00091002, b"ABCD", b"UN"), (0x00081140, b"\1\2", b"UN")],
)
def test_vrs_that_are_none(path: Path, tag: int, value: bytes, right: bytes) -> None:
    """In the form of VRs that are still to come (PS3.5 7.1.2), where the dictionary knows better."""
    creator = EVL.element(0x00090010, "LO", b"ACME") if tag >> 16 == 9 else b""
    data = creator + EVL.element(tag, "XX", value)
    path.write_bytes(RIGHT + (data + HEAD if tag < 0x00080016 else HEAD + data))
    done = run("modify", path, "--in-place", "--repair")
    assert (done.status, done.stderr) == (0, "1 modified\n")
    assert EVL.element(tag, right.decode(), value) in path.read_bytes()
    assert b"XX" not in path.read_bytes()


@pytest.mark.parametrize("option", ["--repair", "--fix-meta"])
def test_native_pixel_data_where_it_should_be_encapsulated(path: Path, option: str) -> None:
    rle = "1.2.840.10008.1.2.5"
    path.write_bytes(part10(HEAD + EVL.element(0x7FE00010, "OW", bytes(4)), rle))
    done = run("modify", path, "--in-place", option)
    assert done.status == 0
    assert "warning: its pixel data is not encapsulated, as it is in RLELossless" in done.stderr
