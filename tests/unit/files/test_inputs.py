"""Finding inputs: what is searched, in which order, and what becomes of what is not DICOM."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from tarfile import SYMTYPE, TarInfo
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import ExitStatus, InputError, NotDicom, Unsuitable
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.inputs import Input, find
from dcmtools.files.part10 import Part10File
from dcmtools.files.paths import Paths
from dcmtools.files.source import KEPT
from dcmtools.files.work import for_each, is_usable
from dcmtools.results import Outcome, Result
from tests.support.archived import KINDS, archived, tarred, with_members, zipped
from tests.support.encoded import part10
from tests.support.run import stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def tree(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def found(*paths: object) -> list[str]:
    """Paths below the first, failures with a mark."""
    out = []
    for item in find([str(path) for path in paths]):
        name = item.path if isinstance(item, Input) else f"! {item.item}: {item.error or item.note}"
        out.append(name.replace(f"{paths[0]}/", ""))
    return out


def test_a_folder_is_searched_in_the_order_of_names(tmp_path: Path) -> None:
    """Files of a folder first, then its folders."""
    tree(tmp_path, "b/2", "b/1", "a/z/1", "a/y", "c", "B", "b/a/1")
    assert found(tmp_path) == ["B", "c", "a/y", "a/z/1", "b/1", "b/2", "b/a/1"]


def test_arguments_keep_their_order_and_their_spelling(tmp_path: Path) -> None:
    tree(tmp_path, "a", "b", "d/1")
    names = [str(tmp_path / name) for name in ("b", "d", "a", "a", "missing")]
    assert [item.path for item in find(names) if isinstance(item, Input)] == [
        names[0],
        f"{names[1]}/1",
        *names[2:],
    ]


def test_standard_input_is_an_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stream(b"x"))
    assert list(find(["-"])) == [Input("-")]


def test_what_was_found_knows_its_argument(tmp_path: Path) -> None:
    tree(tmp_path, "d/e/1")
    folder = str(tmp_path / "d")
    assert list(find([folder])) == [Input(f"{folder}/e/1", folder)]
    assert list(find([f"{folder}/e/1"])) == [Input(f"{folder}/e/1", "")]


def test_hidden_files_are_found(tmp_path: Path) -> None:
    assert found(tree(tmp_path, ".a", ".d/b")) == [".a", ".d/b"]


def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    tree(tmp_path, "in/a", "other/b")
    (tmp_path / "in" / "file").symlink_to(tmp_path / "other" / "b")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "other")
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    (tmp_path / "in" / "nowhere").symlink_to(tmp_path / "missing")
    assert found(tmp_path / "in") == [
        "a",
        "file",
        "! folder: a link to a folder",
        "! nowhere: the link leads nowhere",
        "! up: a link to a folder",
    ]
    assert found(tmp_path / "in" / "folder", tmp_path)[0] == "b"


def test_a_link_to_itself_fails_alone(tmp_path: Path) -> None:
    tree(tmp_path, "a", "z")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert found(tmp_path) == ["a", f"! loop: {os.strerror(40)}", "z"]


def test_pipes_sockets_and_devices_in_a_folder_are_no_inputs(tmp_path: Path) -> None:
    tree(tmp_path, "a")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    assert found(tmp_path) == [
        "a",
        *(f"! {name}: neither a file nor a folder" for name in ("link", "pipe", "zero")),
    ]


def test_what_is_passed_over_is_skipped_and_a_lost_file_fails(tmp_path: Path) -> None:
    """A sender must not end with 0 when a link has lost its file."""
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    (tmp_path / "folder").symlink_to(tmp_path)
    outcomes = {
        item.item.rpartition("/")[2]: item.outcome
        for item in find([str(tmp_path)])
        if isinstance(item, Result)
    }
    assert outcomes == {"nowhere": Outcome.FAILED, "folder": Outcome.SKIPPED}


def test_a_pipe_named_on_the_command_line_is_an_input(tmp_path: Path) -> None:
    """It is read before it is known whether an archive comes through it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_bytes, args=[b"x"])
    writer.start()
    with KEPT:
        (item,) = find([str(pipe)])
        assert isinstance(item, Input)
        for _ in range(2):
            with item.open() as source:
                assert source.read(0, source.size) == b"x"
    writer.join()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list anything")
def test_a_folder_that_may_not_be_listed(tmp_path: Path) -> None:
    tree(tmp_path, "a", "d/b", "e/c")
    (tmp_path / "d").chmod(0)
    assert found(tmp_path) == ["a", "! d: Permission denied", "e/c"]
    (tmp_path / "d").chmod(0o700)


def test_a_folder_that_cannot_be_listed_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, "a", "d/b", "e/c")
    listed = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("d"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr("dcmtools.files.inputs.os.scandir", scandir)
    assert found(tmp_path) == ["a", "! d: Permission denied", "e/c"]


def test_names_that_are_not_text(tmp_path: Path) -> None:
    names = [b"a\nb", b"\xff\xfe", b" ", b"\x1b[31m"]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    assert sorted(os.fsencode(name) for name in found(tmp_path)) == sorted(names)


def test_a_deep_tree_costs_no_stack(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(600):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert found(tmp_path) == []


def results(*paths: object) -> Iterator[Result]:
    """``good`` files are done, ``bad`` ones malformed, others not DICOM."""

    def operation(item: Input) -> Result:
        name = os.path.basename(item.path)
        if name.startswith("good"):
            return Result(item.path)
        raise (InputError if name.startswith("bad") else NotDicom)(f"{name} is no good")

    return for_each([str(path) for path in paths], operation)


def outcomes(*paths: object) -> list[tuple[str, Outcome]]:
    return [(os.path.basename(result.item), result.outcome) for result in results(*paths)]


def test_a_file_in_a_folder_that_is_not_dicom_is_skipped(tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", "good", "notes.txt")
    assert outcomes(folder) == [("good", Outcome.DONE), ("notes.txt", Outcome.SKIPPED)]
    skipped = list(results(folder))[1]
    assert skipped.note == "notes.txt is no good"
    assert skipped.record == {"file": f"{folder}/notes.txt"}


def test_a_file_that_was_named_fails(tmp_path: Path) -> None:
    tree(tmp_path, "notes.txt", "bad")
    (failed, broken) = results(tmp_path / "notes.txt", tmp_path / "bad")
    assert failed.error is not None
    assert (failed.outcome, failed.error.status) == (Outcome.FAILED, ExitStatus.INPUT)
    assert failed.record == {"file": str(tmp_path / "notes.txt")}
    assert broken.outcome is Outcome.FAILED


@pytest.mark.parametrize("names", [(), ("notes.txt", "d/more.txt")])
def test_a_folder_without_dicom_fails(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Never a success with nothing done."""
    folder = tree(tmp_path / "in", *names)
    folder.mkdir(exist_ok=True)
    *skipped, last = results(folder)
    assert [result.outcome for result in skipped] == [Outcome.SKIPPED] * len(names)
    assert last.error is not None
    assert (last.item, last.error.message) == (str(folder), "no DICOM file in this folder")
    assert last.error.status == ExitStatus.INPUT


@pytest.mark.parametrize("kind", ["folder", *KINDS])
@pytest.mark.parametrize("how", ["raised", "returned"])
def test_dicom_files_that_are_skipped_are_no_lack_of_dicom_files(kind: str, how: str, tmp_path: Path) -> None:
    def skip(item: Input) -> Result:
        if how == "raised":
            raise Unsuitable("no pixels")
        return Result.skipped(item.path, "no pixels")

    path = tree(tmp_path / "in", "a", "b/c")
    if kind != "folder":
        path = tmp_path / "study"
        path.write_bytes(archived({"a": b"x", "b/c": b"x"}, kind))
    assert [(each.outcome, each.note) for each in for_each([str(path)], skip)] == [
        (Outcome.SKIPPED, "no pixels")
    ] * 2


SERVERS = (".incoming/lock", ".incoming/1-1.part", ".index.sqlite", ".index.sqlite-wal", ".index.sqlite-shm")


@pytest.mark.parametrize("kind", ["folder", "tar", "deflate"])
def test_what_a_server_keeps_for_itself_is_no_input(kind: str, tmp_path: Path) -> None:
    """An empty file would fail, and what is being received is not there any more a moment later."""
    own = [".incoming/good", ".indexed/good", "lock/good"]
    path = tree(tmp_path / "in", *SERVERS, *own)
    if kind != "folder":
        path = tmp_path / "study"
        path.write_bytes(archived(dict.fromkeys([*SERVERS, *own], b"x"), kind))
    told = list(results(path))
    aside = {each.item.removeprefix(f"{path}/") for each in told if not each.counted}
    assert aside == set(SERVERS)
    assert {each.outcome for each in told if not each.counted} == {Outcome.SKIPPED}
    assert sorted(each.item.removeprefix(f"{path}/") for each in told if each.counted) == sorted(own)


def test_an_archive_without_instances_has_no_dicom_file(tmp_path: Path) -> None:
    *_, last = results(tree(tmp_path / "in", *SERVERS))
    assert str(last.error) == "no DICOM file in this folder"


def test_each_folder_is_judged_by_itself(tmp_path: Path) -> None:
    tree(tmp_path, "a/good", "b/notes.txt", "c/bad")
    names = [str(tmp_path / name) for name in "abc"]
    assert [(result.item[-1:], result.outcome) for result in results(*names)] == [
        ("d", Outcome.DONE),
        ("t", Outcome.SKIPPED),
        ("b", Outcome.FAILED),
        ("d", Outcome.FAILED),
    ]


def test_a_folder_that_cannot_be_listed_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scandir(path: str) -> object:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("dcmtools.files.inputs.os.scandir", scandir)
    (only,) = results(tmp_path)
    assert str(only.error) == "Permission denied"


def test_what_is_usable() -> None:
    error = InputError("no")
    told = [
        Result("a"),
        Result("a", outcome=Outcome.WARNING),
        Result.failed("a", error),
        Result.skipped("a", ""),
    ]
    assert [is_usable(result) for result in told] == [True, True, False, False]


# ---------------------------------------------------------------- archives


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_looked_into_where_it_is_named(tmp_path: Path, kind: str) -> None:
    """In its own order; each file is named as it could be named again."""
    path = tmp_path / "study"
    path.write_bytes(archived({"b/2": b"x", "b/1": b"x", "a": b"x"}, kind))
    items = list(find([str(path)]))
    assert [(item.path, item.folder) for item in items if isinstance(item, Input)] == [
        (f"{path}/{name}", str(path)) for name in ("b/2", "b/1", "a")
    ]
    assert found(f"{path}/b") == ["2", "1"]
    assert found(f"{path}/b/") == [f"{path}/b/2", f"{path}/b/1"]
    (item,) = find([f"{path}/b/1"])
    assert isinstance(item, Input)
    assert (item.path, item.folder) == (f"{path}/b/1", "")
    with KEPT, item.open() as source:
        assert source.read(0, source.size) == b"x"


@pytest.mark.parametrize("name", ["c", "b/", "b/1/c", "/a", "../a"])
def test_a_name_that_is_not_in_the_archive(tmp_path: Path, name: str) -> None:
    path = tmp_path / "study.zip"
    path.write_bytes(zipped({"b/1": b"x", "bc": b"x"} if name == "b/" else {"a": b"x"}))
    (result,) = for_each([f"{path}/{name}"], lambda item: Result(item.path))
    if name == "b/":
        assert result.item == f"{path}/b/1"
    else:
        assert str(result.error) == "the archive has nothing of this name"
        assert result.record == {"file": f"{path}/{name}"}


def test_a_file_that_is_no_archive_has_nothing_below_it(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    assert found(tmp_path / "text" / "a") == [str(tmp_path / "text" / "a")]
    with pytest.raises(InputError, match="Not a directory"):
        Input(str(tmp_path / "text" / "a")).open()


def test_a_dicom_file_is_no_archive_whatever_it_begins_with(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\3\4" + part10()[4:])
    assert list(find([str(path)])) == [Input(str(path))]


@pytest.mark.parametrize("kind", ["tar", "gzip", "deflate"])
def test_what_is_not_dicom_in_an_archive(tmp_path: Path, kind: str) -> None:
    """As in a folder; a file that was named itself fails."""
    path = tmp_path / "study"
    path.write_bytes(archived({"notes.txt": b"x", "good": b"x", "bad": b"x", "lost.DCM": b"x"}, kind))
    assert outcomes(path) == [
        ("notes.txt", Outcome.SKIPPED),
        ("good", Outcome.DONE),
        ("bad", Outcome.FAILED),
        ("lost.DCM", Outcome.FAILED),
    ]
    assert outcomes(path / "notes.txt") == [("notes.txt", Outcome.FAILED)]


@pytest.mark.parametrize("files", [{}, {"a": b"x"}, {"a": b"x", "b/c": b"x"}])
def test_an_archive_without_dicom_fails(tmp_path: Path, files: dict[str, bytes]) -> None:
    path = tmp_path / "study.zip"
    path.write_bytes(zipped(files))
    *skipped, last = results(path)
    assert [result.outcome for result in skipped] == [Outcome.SKIPPED] * len(files)
    assert (last.item, str(last.error)) == (str(path), "no DICOM file in this archive")


def test_a_folder_in_an_archive_without_dicom_fails(tmp_path: Path) -> None:
    path = tmp_path / "study.zip"
    path.write_bytes(zipped({"d/a": b"x", "good": b"x"}))
    assert outcomes(path / "d") == [("a", Outcome.SKIPPED), ("d", Outcome.FAILED)]


def test_the_end_of_a_damaged_archive_is_a_failure_after_what_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "study.tar"
    path.write_bytes(tarred({"good1": b"x", "good2": b"x" * 900})[:1800])
    assert outcomes(path) == [
        ("good1", Outcome.DONE),
        ("good2", Outcome.FAILED),
        ("study.tar", Outcome.FAILED),
    ]


def test_encrypted_files_and_links_in_archives(tmp_path: Path) -> None:
    data = bytearray(zipped({"a": b"x", "good": b"x"}))
    data[data.index(b"PK\1\2") + 8] |= 1
    path = tmp_path / "study.zip"
    path.write_bytes(data)
    locked, good = results(path)
    assert (str(locked.error), good.outcome) == ("encrypted: unpack the archive first", Outcome.DONE)
    link = TarInfo("link")
    link.type = SYMTYPE
    path.write_bytes(with_members(link))
    assert [(result.outcome, result.note) for result in results(path)][:1] == [(Outcome.SKIPPED, "a link")]
    (named,) = results(path / "link")
    assert str(named.error) == "a link"


@pytest.mark.parametrize("kind", KINDS)
def test_archives_are_not_looked_into_where_they_are_found(tmp_path: Path, kind: str) -> None:
    """Neither in folders nor in archives."""
    folder = tree(tmp_path / "in", "good")
    inner = archived({"good": b"x"}, kind)
    (folder / "plain").write_bytes(inner)
    _, skipped = results(folder)
    assert (skipped.outcome, skipped.note) == (
        Outcome.SKIPPED,
        "an archive: name it to have it looked into",
    )
    outer = tmp_path / "outer.tar"
    outer.write_bytes(tarred({"good": b"x", "inner.zip": inner}))
    told = "an archive within an archive, which is not looked into: unpack the outer one"
    _, skipped = results(outer)
    assert (skipped.outcome, skipped.note) == (Outcome.SKIPPED, told)
    (failed,) = results(outer / "inner.zip")
    assert (failed.outcome, str(failed.error)) == (Outcome.FAILED, told)


def test_an_archive_through_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stream(archived({"good1": b"x", "good2": b"x"}, "gzip")))
    assert [result.item for result in results("-")] == ["-/good1", "-/good2"]


def test_what_came_through_a_pipe_is_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (b"1", b"2"):
        monkeypatch.setattr(sys, "stdin", stream(text))
        with KEPT:
            for _ in range(2):
                with Input("-").open() as source:
                    assert source.read(0, 1) == text


def test_a_pipe_for_which_there_is_no_room_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    room = tempfile.TemporaryFile

    def full() -> object:
        monkeypatch.setattr(tempfile, "TemporaryFile", room)
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    monkeypatch.setattr(sys, "stdin", stream(b"what would be left of it"))
    (failed,) = results("-")
    assert (failed.outcome, str(failed.error)) == (Outcome.FAILED, "no room")


# ---------------------------------------------------------------- files that were lost


@pytest.mark.parametrize("strict", [False, True])
def test_a_file_without_bytes_is_never_passed_over(tmp_path: Path, strict: bool) -> None:
    (tmp_path / "good").write_bytes(part10())
    (tmp_path / "DONE").touch()

    def operation(item: Input) -> Result:
        with item.open() as source:
            (Part10File if strict else LenientFile)(source)
        return Result(item.path)

    empty, _ = for_each([str(tmp_path)], operation)
    assert (empty.item, str(empty.error)) == (f"{tmp_path}/DONE", "the file is empty")


@pytest.mark.parametrize("name", ["a.dcm", "A.DCM", "x.ima", "y.dicom", "z.dic"])
def test_what_is_named_as_dicom_is_never_passed_over(tmp_path: Path, name: str) -> None:
    tree(tmp_path, name)
    ((_, outcome),) = outcomes(tmp_path)
    assert outcome is Outcome.FAILED


def test_a_list_that_fails_is_a_result_among_others(tmp_path: Path) -> None:
    tree(tmp_path, "good")
    paths = Paths([str(tmp_path / "good")], str(tmp_path / "missing"))
    done, failed = for_each(paths, lambda item: Result(item.path))
    assert (done.outcome, failed.outcome) == (Outcome.DONE, Outcome.FAILED)
    assert [type(item) for item in find(paths)] == [Input, Result]


def test_too_much_for_the_memory_fails_alone(tmp_path: Path) -> None:
    def greedy(item: Input) -> Result:
        if item.path.endswith("a"):
            raise MemoryError
        return Result(item.path)

    tree(tmp_path, "a", "b")
    first, second = for_each([str(tmp_path / "a"), str(tmp_path / "b")], greedy)
    assert first.error is not None
    assert first.error.message == "it takes more memory than there is"
    assert second.outcome is Outcome.DONE
