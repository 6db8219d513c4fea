"""Bulk values in files of their own."""

from __future__ import annotations

import os
import threading
from hashlib import sha256
from pathlib import Path

import pytest

from dcmtools.encoding import bulk
from dcmtools.encoding.bulk import Bulk
from dcmtools.errors import InputError, OutputError, UsageError
from dcmtools.files.bulk import BulkFolder, file_uri
from tests.support.encoded import EVL

TAG = 0x7FE00010


def value(raw: bytes, vr: str = "OB", order: str = "<", *, length: int | None = None) -> Bulk:
    return Bulk(EVL.walker(raw), TAG, vr, 0, len(raw) if length is None else length, order)


def name_of(raw: bytes) -> str:
    return f"7FE00010-{sha256(raw).hexdigest()}.bin"


def test_a_value_is_written_once(tmp_path: Path) -> None:
    with BulkFolder(str(tmp_path / "new" / "folder")) as folder:
        uri = folder(value(b"abcd"))["BulkDataURI"]
        assert folder(value(b"abcd"))["BulkDataURI"] == uri
        folder(value(b"efgh"))
    below = tmp_path / "new" / "folder"
    assert uri == f"file://{below}/{name_of(b'abcd')}"
    assert {path.name: path.read_bytes() for path in below.iterdir()} == {
        name_of(raw): raw for raw in (b"abcd", b"efgh")
    }


def test_a_value_longer_than_a_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_CHUNK", 24)
    raw = os.urandom(1000)
    with BulkFolder(str(tmp_path)) as folder:
        folder(value(raw))
    assert (tmp_path / name_of(raw)).read_bytes() == raw


@pytest.mark.parametrize(
    ("vr", "little"),
    [
        ("OW", b"1032547698"),
        ("OL", b"3210765489"),
        ("OD", b"7654321089"),
        ("OB", b"0123456789"),
        ("UT", b"0123456789"),
    ],
)
def test_big_endian_values_are_written_in_little_endian(tmp_path: Path, vr: str, little: bytes) -> None:
    """PS3.18 8.7.3.3.1; what is no whole number stays as it is."""
    with BulkFolder(str(tmp_path)) as folder:
        folder(value(b"0123456789", vr, ">"))
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [little]


def occupied(place: Path, kind: str) -> None:
    if kind == "other":
        place.write_bytes(b"abcx")
    elif kind == "shorter":
        place.write_bytes(b"")
    elif kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(place.parent.parent / kind)


@pytest.mark.parametrize("kind", ["other", "shorter", "folder", "pipe", "victim", "missing"])
def test_what_has_the_name_is_neither_replaced_nor_followed(tmp_path: Path, kind: str) -> None:
    victim, inside = tmp_path / "victim", tmp_path / "inside"
    victim.write_bytes(b"abcd")
    inside.mkdir()
    occupied(inside / name_of(b"abcd"), kind)
    before = os.lstat(inside / name_of(b"abcd"))
    with BulkFolder(str(inside)) as folder, pytest.raises(OutputError, match="something else has this name"):
        folder(value(b"abcd"))
    assert os.lstat(inside / name_of(b"abcd")) == before
    assert [path.name for path in inside.iterdir()] == [name_of(b"abcd")]
    assert victim.read_bytes() == b"abcd"
    assert not (tmp_path / "missing").exists()


def test_nothing_is_left_of_what_cannot_be_read(tmp_path: Path) -> None:
    with BulkFolder(str(tmp_path)) as folder, pytest.raises(InputError):
        folder(value(b"abcd", length=10))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with BulkFolder(str(tmp_path)) as folder:
        monkeypatch.setattr(
            os, "rename", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left"))
        )
        with pytest.raises(OutputError, match="No space left"):
            folder(value(b"abcd"))
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="File exists"):
        BulkFolder(str(tmp_path / "file"))


def test_writers_at_the_same_time(tmp_path: Path) -> None:
    def write() -> None:
        with BulkFolder(str(tmp_path)) as folder:
            for number in range(50):
                folder(value(b"%d" % number))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(tmp_path.iterdir())) == 50


def test_a_uri_of_a_name_that_is_no_text() -> None:
    assert file_uri(os.fsdecode(b"/a b/\xff#?%.dcm")) == "file:///a%20b/%FF%23%3F%25.dcm"
    assert file_uri("x") == f"file://{Path.cwd()}/x"
