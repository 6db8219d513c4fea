"""``dcmtools store``: associations at once, studies apart, a rate, and when a run ends or fails early."""

from __future__ import annotations

import os
import shutil
import signal
import tarfile
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from dcmtools.files.archives import Archive
from dcmtools.files.source import FileSource
from tests.support import samples
from tests.support.run import Run, run
from tests.support.served import served
from tests.support.unruly import (
    Association,
    Fault,
    Moment,
    Request,
    Unruly,
    aborts_request,
    answer_to,
    answers,
    closed_port,
    rejects,
    serves,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dcmtools.files.archives.entries import Entry

SHORT = ("-ta", "5", "-td", "5", "-to", "2", "--format", "json")
STUDY = b"2.25.660000000001"
COUNT = 9
JOBS = pytest.mark.parametrize("jobs", [1, 3])


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return samples.make_small(tmp_path / "files", COUNT)


def store(server: Unruly, files: list[Path], *options: object) -> Run:
    return run("store", f"PEER@127.0.0.1:{server.port}", *SHORT, *options, *files)


def uid(number: int) -> str:
    return samples.sop_instance_uid(number)


def outcomes(result: Run) -> list[str]:
    """In the order of the files, whatever that of the results."""
    return [record["outcome"] for record in sorted(result.records, key=lambda record: record["file"])]


# ---------------------------------------------------------------- --jobs


def test_so_many_associations_at_once(files: list[Path]) -> None:
    """None answers before all three are there."""
    together = threading.Barrier(3, timeout=5)

    def script(association: Association) -> None:
        association.accept()
        together.wait()
        for moment, request in association.requests():
            if moment is Moment.AFTER:
                association.send(answer_to(request))

    with Unruly(script) as server:
        result = store(server, files, "--jobs", 3)
    assert result.status == 0
    assert len(server.proposals) == 3
    assert sorted(server.uids) == [uid(number) for number in range(1, COUNT + 1)]
    assert result.stderr == f"{COUNT} stored\n"


def test_more_associations_than_files(files: list[Path]) -> None:
    with Unruly(serves()) as server:
        result = store(server, files[:2], "--jobs", 8)
    assert result.status == 0
    assert len(server.proposals) <= 8
    assert sorted(server.uids) == [uid(1), uid(2)]


def test_a_peer_that_allows_fewer(files: list[Path]) -> None:
    """One association: those that were rejected leave the rest to it, and it is told once."""
    rejected = threading.Semaphore(0)
    first = threading.Lock()

    def script(association: Association) -> None:
        if not first.acquire(blocking=False):
            try:
                rejects(2, 3, 2)(association)
            finally:
                rejected.release()  # once the sender has left
        association.accept()
        for _ in range(2):
            rejected.acquire()
        for moment, request in association.requests():
            if moment is Moment.AFTER:
                association.send(answer_to(request))

    with Unruly(script) as server:
        result = store(server, files, "--jobs", 3)
    assert result.status == 0
    assert sorted(server.uids) == [uid(number) for number in range(1, COUNT + 1)]
    assert result.stderr.count("local limit exceeded") == 1
    assert "; all has gone over fewer associations\n" in result.stderr


def test_a_file_refused_on_one_association_while_the_others_end(files: list[Path]) -> None:
    """It was nobody's for a moment; it is tried again all the same."""
    others = threading.Semaphore(0)

    def script(association: Association) -> None:
        try:
            association.accept()
            for moment, request in association.requests():
                if moment is Moment.AFTER:
                    early = request.message.command_set.AffectedSOPInstanceUID == uid(1)
                    if early and association.server.uids.count(uid(1)) == 1:
                        for _ in range(2):
                            others.acquire()
                    association.send(answer_to(request, 0xA700 if early and not refused else 0))
                    if early:
                        refused.append(request)
        finally:
            others.release()

    refused: list[Request] = []
    with Unruly(script) as server:
        result = store(server, files, "--jobs", 3, "--retries", 1, "--retry-delay", 0.01)
    assert result.status == 0
    assert len(result.records) == COUNT
    assert server.uids.count(uid(1)) == 2


@JOBS
def test_two_names_of_one_file(files: list[Path], jobs: int) -> None:
    """Both are sent, and both are in the report."""
    with Unruly(serves()) as server:
        result = store(server, [files[0], files[0], files[1]], "--jobs", jobs)
    assert result.status == 0
    assert sorted(server.uids) == [uid(1), uid(1), uid(2)]
    assert "the SOP Instance UID is that of" in result.stderr


def test_archives_are_expanded_by_one_at_a_time(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than are kept: what the first one holds is expanded anew when all of them begin to send."""
    archives = []
    for number in range(6):
        archives.append(tmp_path / f"{number}.tgz")
        with tarfile.open(archives[-1], "w:gz") as archive:
            for path in files[:3]:
                archive.add(path, path.name)
    busy, met = threading.Lock(), []
    opened = Archive.open

    def watched(archive: Archive, entry: Entry) -> FileSource:
        alone = busy.acquire(blocking=False)
        met.append(alone)
        try:
            return opened(archive, entry)
        finally:
            if alone:
                busy.release()

    monkeypatch.setattr(Archive, "open", watched)
    with Unruly(serves()) as server:
        result = store(server, archives, "--jobs", 4)
    assert result.status == 0
    assert len(met) == 2 * 18
    assert all(met)
    wanted = [samples.dataset_bytes(path) for path in files[:3]] * 6
    assert sorted(stored.data for stored in server.stores) == sorted(wanted)


# ---------------------------------------------------------------- files that come to harm


def vanish(path: Path) -> None:
    path.unlink()


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(10))


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@JOBS
@pytest.mark.parametrize("harm", [vanish, grow, become_a_folder, become_a_pipe])
def test_files_that_change_once_the_association_stands(files: list[Path], harm: Any, jobs: int) -> None:  # noqa: ANN401  any of these
    once = threading.Lock()

    def script(association: Association) -> None:
        with once:
            for path in files[3:6]:
                if path.exists() and path.stat().st_size == size and path.is_file():
                    harm(path)
        serves()(association)

    size = files[0].stat().st_size
    with Unruly(script) as server:
        result = store(server, files, "--jobs", jobs)
    assert result.status == 1
    assert outcomes(result) == ["done"] * 3 + ["failed"] * 3 + ["done"] * 3
    assert sorted(server.uids) == [uid(number) for number in (1, 2, 3, 7, 8, 9)]


@JOBS
def test_a_disk_that_cannot_be_read_any_more(
    files: list[Path], jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EIO within the data set: the message is cut short, the association aborted, the rest goes on."""
    [large] = samples.make_ct(files[0].parent, 1, 3 * 1024 * 1024, first=5)
    pread = os.pread

    def failing(fd: int, length: int, offset: int) -> bytes:
        if (
            offset > 1024 * 1024
            and length > 1000
            and os.readlink(f"/proc/self/fd/{fd}") == str(large)
            and armed
        ):
            raise OSError(5, "Input/output error")
        return pread(fd, length, offset)

    def script(association: Association) -> None:
        armed.append(association)  # all has been looked at
        serves()(association)

    armed: list[Association] = []
    monkeypatch.setattr("dcmtools.files.source.os.pread", failing)
    with Unruly(script) as server:
        result = store(server, files, "--jobs", jobs)
    assert result.status == 1
    assert outcomes(result) == ["done"] * 4 + ["failed"] + ["done"] * 4
    assert f"{large}: Input/output error" in result.stderr
    assert uid(5) not in server.uids
    assert server.aborted


# ---------------------------------------------------------------- a receiver without room


@JOBS
def test_a_receiver_whose_disk_is_full(tmp_path: Path, jobs: int) -> None:
    """It has room for small files only: the report is what it holds, and nothing half of a file."""
    small = samples.make_small(tmp_path / "files", 6)
    large = samples.make_ct(tmp_path / "files", 3, 500_000, first=100)
    room = ("sh", "-c", 'trap "" XFSZ; ulimit -f 200; exec "$@"', "sh")
    with served(tmp_path / "archive", "--fsync", "off", prefix=room) as server:
        result = run("store", server.address, *SHORT, "--jobs", jobs, tmp_path / "files")
        held = {samples.dataset_bytes(path) for path in server.kept()}
        assert server.unfinished() == []
    assert result.status == 1
    assert held == {samples.dataset_bytes(path) for path in small}
    assert outcomes(result) == ["done"] * 6 + ["failed"] * 3
    refused = [record for record in result.records if record["outcome"] == "failed"]
    assert {(record["file"], record["status"]) for record in refused} == {
        (str(path), "A700") for path in large
    }


# ---------------------------------------------------------------- --per-study


@contextmanager
def studies(folder: Path, *numbers: int) -> Iterator[list[Path]]:
    """A file each, of the studies of these numbers in turn."""
    paths = samples.make_small(folder, len(numbers))
    for path, number in zip(paths, numbers, strict=True):
        content = path.read_bytes()
        assert STUDY in content
        path.write_bytes(content.replace(STUDY, STUDY[:-1] + str(number).encode()))
    yield paths


@JOBS
def test_an_association_for_each_study(tmp_path: Path, jobs: int) -> None:
    """Some archives take the end of the association for that of the study: none is on two at a time."""
    lock = threading.Lock()
    open_studies: list[int] = []
    seen: list[set[int]] = []

    def script(association: Association) -> None:
        association.accept()
        mine: set[int] = set()
        for moment, request in association.requests():
            if moment is Moment.AFTER:
                number = int(request.data.split(STUDY[:-1])[1][:1])
                with lock:
                    if number not in mine:
                        assert number not in open_studies
                        mine.add(number)
                        open_studies.append(number)
                association.send(answer_to(request))
        with lock:
            seen.append(mine)
            open_studies.remove(*mine)

    with studies(tmp_path, 1, 2, 3, 1, 2, 3, 1, 2, 3, 4) as files, Unruly(script) as server:
        result = store(server, files, "--per-study", "--jobs", jobs)
    assert result.status == 0
    assert sorted(map(sorted, seen)) == [[1], [2], [3], [4]]
    assert len(server.proposals) == 4
    assert len(server.stores) == 10


def test_a_study_lost_on_the_way_goes_on(tmp_path: Path) -> None:
    with (
        studies(tmp_path, 1, 2, 1, 2) as files,
        Unruly(serves(aborts_request(), at=1)) as server,
    ):
        result = store(server, files, "--per-study")
    assert result.status == 1
    assert outcomes(result) == ["unknown", "done", "done", "done"]
    assert server.uids == [uid(1), uid(3), uid(2), uid(4)]


# ---------------------------------------------------------------- what is asked for


def test_priority_and_move_originator(files: list[Path]) -> None:
    """PS3.7 9.1.1.1: in each request, or not at all."""
    seen: list[tuple[object, object, object]] = []

    def script(association: Association) -> None:
        association.accept()
        for moment, request in association.requests():
            if moment is Moment.AFTER:
                command = request.message.command_set
                originator = command.get("MoveOriginatorApplicationEntityTitle")
                seen.append((command.Priority, originator, command.get("MoveOriginatorMessageID")))
                association.send(answer_to(request))

    with Unruly(script) as server:
        assert store(server, files[:1]).status == 0
        assert store(server, files[:1], "--priority", "high").status == 0
        assert store(server, files[:1], "--priority", "low").status == 0
        moved = ("--move-originator-aet", "MOVER", "--move-originator-id", 65535)
        assert store(server, files[:1], *moved).status == 0
        assert store(server, files[:1], *moved[:2]).status == 2
    assert seen == [(0, None, None), (1, None, None), (2, None, None), (0, "MOVER", 65535)]


# ---------------------------------------------------------------- --fail-fast, --strict


def test_nothing_is_begun_after_a_failure_if_asked_so(files: list[Path]) -> None:
    """Though the next file was opened already."""
    with Unruly(serves(answers(0xA900), at=2)) as server:
        result = store(server, files, "--fail-fast")
    assert result.status == 1
    assert server.uids == [uid(1), uid(2)]
    assert outcomes(result) == ["done"] + ["failed"] * (COUNT - 1)
    assert f"and {COUNT - 5} more: not sent: the first failure ended the run (--fail-fast)" in result.stderr


def test_what_is_in_hand_elsewhere_ends_well(files: list[Path]) -> None:
    """With several associations, each ends the file that it has."""
    together = threading.Barrier(3, timeout=5)

    def script(association: Association) -> None:
        association.accept()
        for moment, request in association.requests():
            if moment is Moment.AFTER:
                together.wait()
                bad = request.message.command_set.AffectedSOPInstanceUID == uid(1)
                if not bad:
                    assert association.server.stopping.wait(0.2) is False  # the failure is told before
                association.send(answer_to(request, 0xC000 if bad else 0))

    with Unruly(script) as server:
        result = store(server, files, "--fail-fast", "--jobs", 3)
    assert result.status == 1
    assert sorted(outcomes(result)) == ["done"] * 2 + ["failed"] * (COUNT - 2)
    assert len(server.stores) == 3


@pytest.mark.parametrize("fault", [aborts_request(), Fault(lambda association, _: association.reset())])
def test_a_loss_is_a_failure_that_ends_the_run(files: list[Path], fault: Fault) -> None:
    with Unruly(serves(fault, at=2)) as server:
        result = store(server, files, "--fail-fast")
    assert result.status == 1
    assert outcomes(result) == ["done", "unknown"] + ["failed"] * (COUNT - 2)
    assert len(server.proposals) == 1


def test_an_input_that_is_no_use_ends_the_run_before_it_begins(files: list[Path]) -> None:
    files[1].write_bytes(b"")
    with Unruly(serves()) as server:
        result = store(server, files, "--fail-fast")
        assert server.proposals == []
    assert result.status == 1
    assert [record["outcome"] for record in result.records] == ["failed", "failed"]


def test_strict_takes_remarks_for_failures(files: list[Path]) -> None:
    folder = files[0].parent
    shutil.copy(samples.dicomdir(), folder / "DICOMDIR")
    with Unruly(serves(answers(0xB007), at=3)) as server:
        result = store(server, [folder], "--strict")
    assert result.status == 1
    assert result.stderr.splitlines()[-1] == f"{COUNT - 1} stored, 2 failed"
    failed = [record for record in result.records if record["outcome"] == "failed"]
    assert [record["error"]["code"] for record in failed] == ["no", "no"]
    assert failed[1]["status"] == "B007"
    assert len(server.stores) == COUNT


# ---------------------------------------------------------------- --dry-run


def test_a_dry_run_calls_nobody(files: list[Path]) -> None:
    shutil.copy(samples.mr(), files[1])
    with closed_port() as port:
        result = run("store", f"127.0.0.1:{port}", *SHORT, "--dry-run", *files[:3])
    assert result.status == 0
    assert result.stderr == "3 would be sent\n"
    assert [record["file"] for record in result.records] == list(map(str, files[:3]))
    record = result.records[0]
    assert (record["association"], record["attempts"], record["status"]) == (1, 0, None)
    assert record["proposed"] == [
        "CTImageStorage in ExplicitVRLittleEndian",
        "CTImageStorage in ImplicitVRLittleEndian",
        "MRImageStorage in ExplicitVRLittleEndian",
        "MRImageStorage in ImplicitVRLittleEndian",
    ]


def test_a_dry_run_numbers_associations(tmp_path: Path) -> None:
    with studies(tmp_path, 1, 2, 1) as files, closed_port() as port:
        result = run("store", f"127.0.0.1:{port}", *SHORT, "--dry-run", "--per-study", *files)
    assert [(record["file"], record["association"]) for record in result.records] == [
        (str(files[0]), 1),
        (str(files[2]), 1),
        (str(files[1]), 2),
    ]


def test_a_dry_run_names_what_would_not_be_sent(files: list[Path]) -> None:
    files[1].write_bytes(b"")
    with closed_port() as port:
        result = run("store", f"127.0.0.1:{port}", *SHORT, "--dry-run", *files)
    assert result.status == 1
    assert result.stderr.splitlines()[-1] == f"{COUNT - 1} would be sent, 1 failed"


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--strict",), 1)])
def test_a_dry_run_remarks_on_what_the_run_will(
    files: list[Path], options: tuple[str, ...], status: int
) -> None:
    with files[0].open("ab") as file:
        file.write(bytes(8))
    with Unruly(serves()) as server:
        planned, sent = (store(server, files[:2], *options, *more) for more in (["--dry-run"], []))
    assert planned.status == sent.status == status
    assert outcomes(planned) == outcomes(sent) == [("failed" if status else "warning"), "done"]
    assert planned.stderr.splitlines()[0] == sent.stderr.splitlines()[0]


@contextmanager
def interrupted_at(path: Path) -> Iterator[None]:
    """Get a SIGTERM while this file is looked at."""
    opened = FileSource.open.__func__  # type: ignore[attr-defined]  # a class method, as Input calls it

    def interrupting(cls: type[FileSource], /, name: str, *args: object, **kwargs: object) -> FileSource:
        if name == str(path):
            signal.raise_signal(signal.SIGTERM)
        source: FileSource = opened(cls, name, *args, **kwargs)
        return source

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileSource, "open", classmethod(interrupting))
        yield


def test_a_dry_run_that_is_interrupted_is_not_done(files: list[Path]) -> None:
    with closed_port() as port, interrupted_at(files[4]):
        result = run("store", f"127.0.0.1:{port}", *SHORT, "--dry-run", *files)
    assert result.status == 130
    assert "stopped by the user before all files were looked at" in result.stderr


def test_a_run_that_is_interrupted_has_not_sent_what_it_did_not_see(
    files: list[Path], tmp_path: Path
) -> None:
    """Not even where all that it did see had arrived before."""
    journal = ("--journal", tmp_path / "journal")
    with Unruly(serves()) as server:
        assert store(server, files[:5], *journal).status == 0
        with interrupted_at(files[4]):
            known = store(server, files, *journal)
        with interrupted_at(files[6]):
            unknown = store(server, files, *journal)
    assert (known.status, unknown.status) == (130, 130)
    assert len(server.stores) == 5
    assert {record["outcome"] for record in known.records} == {"skipped"}
    assert [record["outcome"] for record in unknown.records] == ["skipped"] * 5 + ["failed"]
