"""Received instances on disk: complete and durable under their names, or not there at all."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dcmtools.archive import storage as module
from dcmtools.archive.duplicates import DuplicateError, How, Kept
from dcmtools.archive.storage import Storage
from dcmtools.errors import OutputError, UsageError
from dcmtools.files.meta import file_meta
from tests.support.served import CT, EXPLICIT, IMPLICIT, data_set
from tests.support.syscalls import WatchedOs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = ("P1", "1.2.3", "1.2.3.1", "1.2.3.4")
FINAL = "P1/1.2.3/1.2.3.1/1.2.3.4.dcm"


def instance(pixels: bytes = b"12", *, sender: str = "CT1", syntax: str = EXPLICIT) -> bytes:
    return file_meta(CT, "1.2.3.4", syntax, sender) + data_set(pixels=pixels)


@contextmanager
def storage(folder: Path, *, durable: bool = False) -> Iterator[Storage]:
    made = Storage(str(folder), durable=durable)
    try:
        yield made
    finally:
        made.close()


def kept(into: Storage, data: bytes | None = None, name: tuple[str, str, str, str] = NAME) -> Kept:
    with into.begin() as part:
        part.write(instance() if data is None else data)
        return part.keep(*name)


def keep(into: Storage, data: bytes | None = None, name: tuple[str, str, str, str] = NAME) -> bool:
    """Whether it is new."""
    return kept(into, data, name).how is How.NEW


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def parts(folder: Path) -> list[str]:
    return sorted(os.listdir(folder / ".incoming"))


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> WatchedOs:
    fake = WatchedOs()
    monkeypatch.setattr(module, "os", fake)
    return fake


# ---------------------------------------------------------------- names and modes


def test_an_instance_is_kept_under_patient_study_series_and_sop_instance(tmp_path: Path) -> None:
    with storage(tmp_path) as into:
        assert keep(into)
        assert (tmp_path / FINAL).read_bytes() == instance()
        assert parts(tmp_path) == ["lock"]
        assert (tmp_path / FINAL).stat().st_nlink == 1


def test_what_has_no_name_is_kept_as_unknown(tmp_path: Path) -> None:
    with storage(tmp_path) as into:
        assert keep(into, name=("", "", "", "1.2"))
    assert (tmp_path / "UNKNOWN/UNKNOWN/UNKNOWN/1.2.dcm").is_file()


def test_everything_is_for_the_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with storage(tmp_path / "new" / "archive") as into:
            keep(into)
    finally:
        os.umask(before)
    made = [tmp_path / "new", *(tmp_path / "new").rglob("*")]
    assert len(made) == 8
    assert {mode(path) for path in made if path.is_dir()} == {0o700}
    assert {mode(path) for path in made if path.is_file()} == {0o600}


def test_the_mode_of_a_folder_that_was_there_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    with storage(tmp_path):
        assert mode(tmp_path) == 0o750


@pytest.mark.parametrize("given", [False, True])
def test_what_is_not_kept_leaves_nothing(tmp_path: Path, *, given: bool) -> None:
    with storage(tmp_path) as into, into.begin() as part:
        part.write(instance() if given else b"")
        assert len(parts(tmp_path)) == 2
    assert parts(tmp_path) == ["lock"]
    assert os.listdir(tmp_path) == [".incoming"]


# ---------------------------------------------------------------- the same name again


def test_the_same_instance_again_is_had_already(tmp_path: Path) -> None:
    with storage(tmp_path) as into:
        assert keep(into)
        first = (tmp_path / FINAL).stat()
        assert not keep(into)
    assert (tmp_path / FINAL).stat().st_ino == first.st_ino


def test_the_same_data_set_from_another_sender_is_the_same(tmp_path: Path) -> None:
    with storage(tmp_path) as into:
        assert keep(into)
        assert not keep(into, instance(sender="ANOTHER"))
    assert (tmp_path / FINAL).read_bytes() == instance()


@pytest.mark.parametrize(
    "other",
    [instance(b"34"), instance(b"1234"), instance(b""), instance(syntax=IMPLICIT), instance()[:-1]],
    ids=["other pixels", "longer", "shorter", "other syntax", "cut"],
)
def test_another_instance_under_the_name_is_refused_and_the_first_stays(tmp_path: Path, other: bytes) -> None:
    with storage(tmp_path) as into:
        assert keep(into)
        with pytest.raises(DuplicateError):
            keep(into, other)
        assert parts(tmp_path) == ["lock"]
    assert (tmp_path / FINAL).read_bytes() == instance()


def test_instances_of_many_chunks_are_compared_to_the_end(tmp_path: Path) -> None:
    long = bytes(3 * 1024 * 1024)
    with storage(tmp_path) as into:
        assert keep(into, instance(long))
        assert not keep(into, instance(long))
        with pytest.raises(DuplicateError):
            keep(into, instance(long[:-1] + b"x"))


@pytest.mark.parametrize("kind", ["folder", "pipe", "empty", "text"])
def test_what_else_has_the_name_stays(tmp_path: Path, kind: str) -> None:
    final = tmp_path / FINAL
    final.parent.mkdir(parents=True)
    if kind == "folder":
        final.mkdir()
    elif kind == "pipe":
        os.mkfifo(final)
    else:
        final.write_text("" if kind == "empty" else "a text " * 100)
    before = final.lstat()
    with storage(tmp_path) as into, pytest.raises(DuplicateError):
        keep(into)
    assert final.lstat() == before


# ---------------------------------------------------------------- links that somebody planted


def test_a_link_in_place_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for link in ("P1", "P2/1.2.3", "P3/1.2.3/1.2.3.1"):
        planted = tmp_path / "archive" / link
        planted.parent.mkdir(parents=True, exist_ok=True)
        planted.symlink_to(elsewhere)
    with storage(tmp_path / "archive") as into:
        for patient in ("P1", "P2", "P3"):
            with pytest.raises(OutputError):
                keep(into, name=(patient, *NAME[1:]))
    assert os.listdir(elsewhere) == []


@pytest.mark.parametrize("exists", [False, True])
def test_a_link_in_place_of_the_instance_is_not_followed(tmp_path: Path, *, exists: bool) -> None:
    target = tmp_path / "target"
    if exists:
        target.write_bytes(instance())
    final = tmp_path / "archive" / FINAL
    final.parent.mkdir(parents=True)
    final.symlink_to(target)
    with storage(tmp_path / "archive") as into, pytest.raises(OutputError):
        keep(into)
    assert final.is_symlink()
    assert target.exists() == exists


def test_a_link_in_place_of_the_incoming_folder_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "1.part").touch()
    archive = tmp_path / "archive"
    archive.mkdir()
    (archive / ".incoming").symlink_to(elsewhere)
    with pytest.raises(UsageError, match=r"/\.incoming: "):
        Storage(str(archive))
    assert os.listdir(elsewhere) == ["1.part"]


def test_a_link_in_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".incoming").mkdir()
    (tmp_path / ".incoming" / "lock").symlink_to(tmp_path / "target")
    with pytest.raises(UsageError, match=r"/\.incoming: "):
        Storage(str(tmp_path))
    assert not (tmp_path / "target").exists()


# ---------------------------------------------------------------- taking hold of the folder


def test_one_server_at_a_time_has_the_folder(tmp_path: Path) -> None:
    with storage(tmp_path):
        before = open_files()
        with pytest.raises(UsageError, match="another process holds this folder"):
            Storage(str(tmp_path))
        assert open_files() == before
    with storage(tmp_path) as into:
        assert keep(into)


def test_a_refused_server_clears_nothing(tmp_path: Path) -> None:
    with storage(tmp_path) as into, into.begin():
        with pytest.raises(UsageError):
            Storage(str(tmp_path))
        assert len(parts(tmp_path)) == 2


def test_leftovers_are_cleared_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".incoming").mkdir()
    for name in ("12-1.part", ".part", "notes"):
        (tmp_path / ".incoming" / name).touch()
    with storage(tmp_path):
        assert parts(tmp_path) == ["lock", "notes"]


@pytest.mark.parametrize("what", ["file", "below a file", "dangling", "folder.part", "incoming a file", ""])
def test_a_folder_that_cannot_be_used_is_refused_and_no_file_left_open(tmp_path: Path, what: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    folder = {"file": tmp_path / "file", "below a file": tmp_path / "file" / "a"}.get(what, tmp_path / "new")
    if what == "dangling":
        folder = tmp_path / what
    elif what == "folder.part":
        (folder / ".incoming" / "x.part").mkdir(parents=True)
    elif what == "incoming a file":
        folder.mkdir()
        (folder / ".incoming").touch()
    before = open_files()
    with pytest.raises(UsageError) as caught:
        Storage(str(folder) if what else "")
    assert caught.value.message.startswith(str(folder) if what else ": ")
    assert open_files() == before


def test_a_file_system_without_hard_links_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(UsageError, match="no hard links"):
        Storage(str(tmp_path))


def test_closing_closes_every_file(tmp_path: Path) -> None:
    before = open_files()
    with storage(tmp_path, durable=True) as into:
        during = open_files()
        assert keep(into)
        assert not keep(into)
        with pytest.raises(DuplicateError):
            keep(into, instance(b"34"))
        assert open_files() == during
    assert open_files() == before


# ---------------------------------------------------------------- durability


def test_data_then_name_then_folder_are_forced_to_disk(tmp_path: Path, watched: WatchedOs) -> None:
    with storage(tmp_path / "archive", durable=True) as into:
        del watched.calls[:]
        keep(into)
    kept = [call for call in watched.calls if call.split()[0] not in ("open", "close", "writev")]
    temporary = kept[0].split()[1]
    assert temporary.endswith(".part")
    assert kept == [
        f"fdatasync {temporary}",
        "mkdir",
        "fsync archive",
        "mkdir",
        "fsync P1",
        "mkdir",
        "fsync 1.2.3",
        "link",
        "fsync 1.2.3.1",
        "unlink",
    ]


def test_what_is_durable_already_is_not_forced_again(tmp_path: Path, watched: WatchedOs) -> None:
    with storage(tmp_path, durable=True) as into:
        keep(into)
        del watched.calls[:]
        keep(into, name=(*NAME[:3], "1.2.3.5"))
    assert [call for call in watched.calls if call.startswith("fsync")] == ["fsync 1.2.3.1"]


def test_a_folder_that_was_there_at_the_start_is_forced_once(tmp_path: Path, watched: WatchedOs) -> None:
    (tmp_path / FINAL).parent.mkdir(parents=True)
    with storage(tmp_path, durable=True) as into:
        keep(into)
    synced = [call.split()[1] for call in watched.calls if call.startswith("fsync")]
    assert synced == [tmp_path.name, "P1", "1.2.3", "1.2.3.1"]


def test_a_folder_that_was_removed_meanwhile_is_made_and_forced_again(
    tmp_path: Path, watched: WatchedOs
) -> None:
    with storage(tmp_path, durable=True) as into:
        keep(into)
        (tmp_path / FINAL).unlink()
        (tmp_path / FINAL).parent.rmdir()
        del watched.calls[:]
        assert keep(into)
    assert [call for call in watched.calls if call.startswith("fsync")] == ["fsync 1.2.3", "fsync 1.2.3.1"]


def test_a_new_archive_is_durable_in_the_folder_above_it(tmp_path: Path, watched: WatchedOs) -> None:
    with storage(tmp_path / "a" / "b", durable=True):
        pass
    assert [call for call in watched.calls if call.startswith("fsync")] == [
        f"fsync {tmp_path.name}",
        "fsync a",
    ]


def test_the_same_instance_again_waits_for_the_folder_too(tmp_path: Path, watched: WatchedOs) -> None:
    with storage(tmp_path, durable=True) as into:
        keep(into)
        del watched.calls[:]
        assert not keep(into)
    assert "fsync 1.2.3.1" in watched.calls


def test_without_durability_nothing_is_forced(tmp_path: Path, watched: WatchedOs) -> None:
    with storage(tmp_path / "new") as into:
        keep(into)
    assert not [call for call in watched.calls if "sync" in call]


@pytest.mark.parametrize(("number", "kept"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_a_file_system_that_cannot_force_a_folder_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, *, kept: bool
) -> None:
    def fsync(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with storage(tmp_path, durable=True) as into:
        monkeypatch.setattr(os, "fsync", fsync)
        if kept:
            assert keep(into)
        else:
            with pytest.raises(OutputError, match="Input/output error"):
                keep(into)


def test_a_write_that_takes_a_part_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "writev", lambda fd, blocks: write(fd, blocks[0][:100]))
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:100]))
    with storage(tmp_path) as into:
        assert keep(into)
    assert (tmp_path / FINAL).read_bytes() == instance()
