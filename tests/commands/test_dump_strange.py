"""``dcmtools dump`` on what nobody would take for a file: devices, files of nothing, files that change."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from dcmtools.files.source import FileSource
from tests.support.encoded import EVL, IVL, part10
from tests.support.harmless import unharmed
from tests.support.mutating import little_memory
from tests.support.samples import ct

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME, LENGTHY, PIXELS = 0x00100010, 0x00100020, 0x7FE00010
IMPLICIT = "1.2.840.10008.1.2"
FORMS: tuple[list[str], ...] = (
    [],
    ["--strict"],
    ["--format", "json"],
    ["--value", "PatientName"],
    ["--hash"],
)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/dev/zero", "not a regular file"),
        ("/dev/full", "not a regular file"),
        ("/dev/urandom", "not a regular file"),
        ("/dev/null", "not a regular file"),
        ("/proc/self/environ", "the file is empty"),
        ("/proc/self/mem", "the file is empty"),
        ("/proc/self/fd/999", "No such file or directory"),
        ("/proc/self/exe", "no DICM prefix"),
    ],
)
def test_devices_and_files_that_are_none(path: str, message: str) -> None:
    for form in FORMS:
        done = unharmed("dump", *form, path)
        assert done.status == 3
        assert done.stderr.startswith(f"dcmtools dump: {path}: ")
        assert done.stderr.endswith(f"{message} at offset 128\n" if "DICM" in message else f"{message}\n")


@pytest.mark.parametrize("size", [1, 131, 132, 200, 10_000, 1 << 33])
@pytest.mark.parametrize("byte", [b"\0", b"\xff"])
def test_files_of_one_byte_over_and_over(tmp_path: Path, size: int, byte: bytes) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(byte * min(size, 10_000))
    os.truncate(path, size)
    for form in FORMS:
        done = unharmed("dump", *form, path)
        assert done.status == 3
        assert "not a DICOM file" in done.stderr


def test_zeros_behind_the_data_set_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As sparse files and tapes have them: as many as you like, in little memory."""
    path, read = tmp_path / "a.dcm", FileSource.read
    path.write_bytes(part10(EVL.element(NAME, "PN", b"Doe^Jane")))
    os.truncate(path, 1 << 28)
    taken = 0

    def counted(source: FileSource, offset: int, length: int) -> bytes:
        nonlocal taken
        taken += length
        return read(source, offset, length)

    monkeypatch.setattr(FileSource, "read", counted)
    with little_memory(100 << 20):
        done = unharmed("dump", "-v", path)
    assert (done.status, "Doe^Jane" in done.stdout) == (0, True)
    assert "zero bytes after the last element" in done.stderr
    assert taken < (1 << 28) + (1 << 20)


@pytest.mark.parametrize("length", [17 << 20, 0xFFFFFFF0])
def test_a_value_that_no_memory_could_hold(tmp_path: Path, length: int) -> None:
    """Text and numbers are cut; the JSON model has no place for it, and says so of this file alone."""
    good, path = tmp_path / "good.dcm", tmp_path / "huge.dcm"
    good.write_bytes(part10(EVL.element(NAME, "PN", b"Doe^Jane")))
    for tag in (LENGTHY, 0x00080005, 0x00280009, 0x00090010):
        path.write_bytes(part10(IVL.header(tag, "", length), IMPLICIT))
        os.truncate(path, path.stat().st_size + length)
        with little_memory(200 << 20):
            if length < 1 << 30:  # how many values there are takes a look at them all
                assert unharmed("dump", path).status == 0
            done = unharmed("dump", "--format", "json", path, good)
        assert [record["outcome"] for record in done.records] == ["failed", "done"]
        assert f"a value of {length} bytes is too long for VR" in done.stderr


def cut(path: Path) -> None:
    os.truncate(path, 20_000)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(EVL.element(0xFFFCFFFC, "OB", bytes(50_000)))


@pytest.mark.parametrize(("change", "status", "said"), [(cut, 3, "while it was read"), (grow, 0, "")])
def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    status: int,
    said: str,
) -> None:
    """It is shown as it was when it was opened, or not at all."""
    path, read, reads = tmp_path / "a.dcm", FileSource.read, 0
    whole = part10(b"".join(EVL.element(0x00091000 + at, "OB", bytes(1000)) for at in range(200)))
    path.write_bytes(whole)
    before = unharmed("dump", path).stdout

    def changing(source: FileSource, offset: int, length: int) -> bytes:
        nonlocal reads
        reads += 1
        if reads == 2:
            change(path)
        return read(source, offset, length)

    monkeypatch.setattr(FileSource, "read", changing)
    done = unharmed("dump", path)
    assert reads > 2
    assert (done.status, said in done.stderr) == (status, True)
    assert done.stdout == ("" if status else before)


def test_folders_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "up").symlink_to("../..")
    (tmp_path / "here").symlink_to(".")
    (tmp_path / "a" / "one.dcm").write_bytes(ct().read_bytes())
    done = unharmed("dump", tmp_path / "here" / "a" / "b" / "up")
    assert (done.status, done.stdout.count("\n# ")) == (0, 2)
    assert "1 done, 2 skipped" in done.stderr


def test_an_archive_in_an_archive_is_told(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.write(ct(), "IM1")
    outer = tmp_path / "study.tar"
    with tarfile.open(outer, "w") as tar:
        for name in ("inner.zip", "inner.dcm"):
            member = tarfile.TarInfo(name)
            member.size = len(inner.getvalue())
            tar.addfile(member, io.BytesIO(inner.getvalue()))
        tar.add(ct(), "ok.dcm")
    done = unharmed("dump", outer)
    assert done.status == 1
    assert done.stderr.splitlines()[-1] == "1 done, 1 failed, 1 skipped"
    assert f"{outer}/inner.dcm: not a DICOM file" in done.stderr
    assert unharmed("dump", f"{outer}/inner.zip").stderr.endswith("unpack the outer one\n")
