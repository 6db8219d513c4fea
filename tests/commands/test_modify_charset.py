"""``dcmtools modify --charset``: text in another character set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydicom
import pytest

from tests.support.encoded import EVL, part10
from tests.support.run import run
from tests.support.samples import real_file

if TYPE_CHECKING:
    from pathlib import Path

LATIN_1 = EVL.element(0x00080005, "CS", b"ISO_IR 100")
NAME = EVL.element(0x00100010, "PN", b"M\xfcller")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.dcm"
    path.write_bytes(part10(LATIN_1 + NAME))
    return path


def test_text_and_its_name(path: Path) -> None:
    done = run("modify", path, "--in-place", "--charset", "utf-8")
    assert done.status == 0, done.stderr
    expected = EVL.element(0x00080005, "CS", b"ISO_IR 192") + EVL.element(0x00100010, "PN", b"M\xc3\xbcller ")
    assert path.read_bytes() == part10(expected)


def test_a_real_file_with_code_extensions(tmp_path: Path) -> None:
    sample, out = real_file("../charset_files/chrH31.dcm"), tmp_path / "out.dcm"
    assert run("modify", sample, "-o", out, "--charset", "ISO_IR 192").status == 0
    before, after = pydicom.dcmread(sample), pydicom.dcmread(out)
    assert str(after.PatientName) == str(before.PatientName)
    assert after.SpecificCharacterSet == "ISO_IR 192"


def test_values_that_are_set_are_in_the_new_one(path: Path) -> None:
    done = run("modify", path, "--in-place", "--charset", "utf-8", "--set", "PatientComments=山田")
    assert done.status == 0, done.stderr
    assert pydicom.dcmread(path).PatientComments == "山田"


def test_a_set_wrongly_declared(path: Path) -> None:
    path.write_bytes(part10(NAME))
    done = run("modify", path, "--in-place", "--charset", "utf-8")
    assert done.status == 3
    assert "(0010,0010): byte fc is no text in ASCII" in done.stderr
    assert "--charset-from" in done.stderr
    assert path.read_bytes() == part10(NAME)
    assert run("modify", path, "--in-place", "--charset", "utf-8", "--charset-from", "latin-1").status == 0
    assert str(pydicom.dcmread(path).PatientName) == "Müller"


def test_what_cannot_be_written_fails_that_file_alone(tmp_path: Path, path: Path) -> None:
    other = tmp_path / "other.dcm"
    utf_8 = EVL.element(0x00080005, "CS", b"ISO_IR 192") + EVL.element(0x00100010, "PN", "山田".encode())
    other.write_bytes(part10(utf_8))
    done = run("modify", path, other, "--in-place", "--charset", "ISO_IR 101")
    assert done.status == 1
    assert "other.dcm" in done.stderr
    assert "(0010,0010): '山' cannot be written in the character set ISO_IR 101" in done.stderr
    assert other.read_bytes() == part10(utf_8)
    assert str(pydicom.dcmread(path).PatientName) == "Müller"


def test_a_dry_run(path: Path) -> None:
    before = path.read_bytes()
    done = run("modify", path, "--dry-run", "--charset", "utf-8")
    assert done.status == 0, done.stderr
    assert "(0008,0005) SpecificCharacterSet: charset [ISO_IR 100] to [ISO_IR 192]" in done.stdout
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--charset", "koi8"), "is not a character set"),
        (("--charset", "utf-8", "--charset-from", "koi8"), "is not a character set"),
        (("--charset-from", "utf-8"), "--charset"),
    ],
)
def test_wrong_usage(path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run("modify", path, "--in-place", *arguments)
    assert done.status == 2
    assert message in done.stderr


def test_a_term_is_spelt_as_the_standard_has_it(path: Path) -> None:
    assert run("modify", path, "--in-place", "--charset", "ISO_IR_192").status == 0
    assert pydicom.dcmread(path).SpecificCharacterSet == "ISO_IR 192"
