"""``dcmtools store --journal``: the same command goes on where the last run ended, with what is missing."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.run import Run, run
from tests.support.served import DCMTOOLS
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
    resets_request,
    serves,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.unruly import Script

SHORT = ("-ta", "2", "-td", "2", "-to", "2", "--format", "json")
COUNT = 6
JOBS = pytest.mark.parametrize("jobs", [1, 3])
SENT_AGAIN = ": it may have been sent before; it is sent again"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return samples.make_small(tmp_path / "files", COUNT)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


class Peer:
    """A peer that keeps its address while it behaves now so, now otherwise."""

    def __init__(self) -> None:
        self.script: Script = serves()

    def __call__(self, association: Association) -> None:
        self.script(association)


@pytest.fixture
def peer() -> Peer:
    return Peer()


@pytest.fixture
def server(peer: Peer) -> Iterator[Unruly]:
    with Unruly(peer) as server:
        yield server


def store(server: Unruly, journal: Path, *args: object) -> Run:
    result = run("store", f"PEER@127.0.0.1:{server.port}", *SHORT, "--journal", journal, *args)
    assert "internal error" not in result.stderr
    return result


def alone(server: Unruly, *args: object) -> subprocess.CompletedProcess[str]:
    """Run it as a process of its own."""
    command = [DCMTOOLS, "store", f"PEER@127.0.0.1:{server.port}", *map(str, args)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=20)


def uid(number: int) -> str:
    return samples.sop_instance_uid(number)


def outcomes(result: Run) -> list[str]:
    return [record["outcome"] for record in sorted(result.records, key=lambda record: record["file"])]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file grows beyond ``size`` bytes, as on a disk that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# ---------------------------------------------------------------- only what is missing


@JOBS
def test_what_has_arrived_is_not_sent_again(
    files: list[Path], journal: Path, server: Unruly, jobs: int
) -> None:
    first = store(server, journal, "--jobs", jobs, *files)
    second = store(server, journal, "--jobs", jobs, *files)
    assert (first.status, second.status) == (0, 0)
    assert len(server.stores) == COUNT
    assert len(server.proposals) <= jobs, "nobody was called again"
    assert outcomes(second) == ["skipped"] * COUNT
    assert second.stderr == f"0 stored, {COUNT} skipped\n"
    told = store(server, journal, "-v", files[0]).stderr
    assert f"{files[0]}: skipped: stored by an earlier run, as the journal says" in told


def test_a_file_that_is_new_is_sent(files: list[Path], journal: Path, server: Unruly) -> None:
    assert store(server, journal, *files[:3]).status == 0
    result = store(server, journal, files[0].parent)
    assert result.status == 0
    assert outcomes(result) == ["skipped"] * 3 + ["done"] * 3
    assert server.uids == [uid(number) for number in range(1, COUNT + 1)]


@pytest.mark.parametrize("change", ["content", "time"])
def test_a_file_that_has_changed_is_sent_again(
    files: list[Path], journal: Path, server: Unruly, change: str
) -> None:
    assert store(server, journal, *files).status == 0
    if change == "time":
        os.utime(files[1], ns=(1, 1))
    else:
        files[1].write_bytes(files[1].read_bytes() + b"\xfc\xff\xfc\xffOB\0\0\2\0\0\0\0\0")
    result = store(server, journal, *files)
    assert result.status == 0
    assert outcomes(result) == ["skipped", "done"] + ["skipped"] * 4
    assert server.uids[COUNT:] == [uid(2)]
    assert SENT_AGAIN not in result.stderr, "it is another file"


def test_a_file_is_known_by_what_the_system_says_of_it(
    files: list[Path], journal: Path, server: Unruly
) -> None:
    """Not by what is in it, which would have to be read: the same in all of that is the same."""
    assert store(server, journal, files[0]).status == 0
    before = files[0].stat()
    content = files[0].read_bytes()
    files[0].unlink()
    files[0].write_bytes(content[:-2] + b"\1\1")
    os.utime(files[0], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert outcomes(store(server, journal, files[0])) == ["skipped"]
    os.utime(files[0], ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert outcomes(store(server, journal, files[0])) == ["done"]


def test_another_encoding_on_the_way_makes_no_other_instance(
    files: list[Path], journal: Path, server: Unruly
) -> None:
    assert store(server, journal, "--transcode", "any", *files).status == 0
    assert outcomes(store(server, journal, "--transcode", "never", *files)) == ["skipped"] * COUNT


def test_another_peer_is_sent_everything(files: list[Path], journal: Path, server: Unruly) -> None:
    assert store(server, journal, *files).status == 0
    result = store(server, journal, "-aec", "OTHER", *files)
    assert outcomes(result) == ["done"] * COUNT
    assert store(server, journal, *files).stderr == f"0 stored, {COUNT} skipped\n"


FAULTS = {
    "abort": (aborts_request(), "unknown"),
    "abort-early": (aborts_request(Moment.BEFORE), "unknown"),
    "reset": (resets_request(), "unknown"),
    "A700": (answers(0xA700), "failed"),
    "C000": (answers(0xC000), "failed"),
}


@JOBS
@pytest.mark.parametrize("name", FAULTS)
def test_once_the_trouble_is_over_the_same_command_sends_what_is_missing(
    files: list[Path], journal: Path, server: Unruly, peer: Peer, name: str, jobs: int
) -> None:
    """The file in doubt is sent again, and named; the others are not."""
    fault, outcome = FAULTS[name]
    peer.script = serves(fault, at=3)
    first = store(server, journal, "--jobs", jobs, *files)
    assert first.status == 1
    assert sorted(outcomes(first)) == sorted(["done"] * (COUNT - 1) + [outcome])
    [struck] = [record for record in first.records if record["outcome"] == outcome]
    before = len(server.stores)
    peer.script = serves()
    second = store(server, journal, "--jobs", jobs, *files)
    assert second.status == 0
    assert server.uids[before:] == [struck["sop_instance_uid"]]
    assert second.stderr.count(SENT_AGAIN) == 1
    assert f"{struck['file']}{SENT_AGAIN}" in second.stderr
    assert outcomes(store(server, journal, *files)) == ["skipped"] * COUNT


def test_a_warning_of_the_peer_is_an_arrival(
    files: list[Path], journal: Path, server: Unruly, peer: Peer
) -> None:
    """PS3.4 B.2.3: Bxxx says that it was stored."""
    peer.script = serves(answers(0xB000), at=2)
    assert store(server, journal, *files).status == 0
    assert outcomes(store(server, journal, *files)) == ["skipped"] * COUNT


def test_a_peer_that_was_down(files: list[Path], journal: Path, server: Unruly) -> None:
    """Nothing was begun, so nothing is named."""
    with closed_port() as port:
        down = run("store", f"PEER@127.0.0.1:{port}", *SHORT, "--journal", journal, *files)
    assert down.status == 4
    result = store(server, journal, *files)
    assert result.status == 0
    assert SENT_AGAIN not in result.stderr
    assert outcomes(result) == ["done"] * COUNT


def test_a_dry_run_says_what_is_missing(files: list[Path], journal: Path, server: Unruly) -> None:
    assert store(server, journal, *files[:2]).status == 0
    result = store(server, journal, "--dry-run", *files)
    assert result.stderr == "4 would be sent, 2 skipped\n"
    assert len(server.stores) == 2
    assert store(server, journal, *files).stderr == "4 stored, 2 skipped\n"


def test_archives_are_known_by_their_members(
    tmp_path: Path, files: list[Path], journal: Path, server: Unruly
) -> None:
    import zipfile

    path = tmp_path / "study.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in files[:3]:
            archive.write(each, each.name)
    assert store(server, journal, path).status == 0
    assert outcomes(store(server, journal, path)) == ["skipped"] * 3
    assert len(server.stores) == 3


# ---------------------------------------------------------------- two runs at once


def test_a_second_run_with_the_same_journal_ends_at_once(
    files: list[Path], journal: Path, server: Unruly, peer: Peer
) -> None:
    """The lock is the system's: it ends with the process that holds it."""

    def strike(association: Association, request: Request) -> None:
        content = journal.read_bytes()
        seconds.append(alone(server, "--journal", journal, *files))
        assert journal.read_bytes() == content
        association.send(answer_to(request))

    seconds: list[subprocess.CompletedProcess[str]] = []
    peer.script = serves(Fault(strike))
    assert store(server, journal, *files).status == 0
    [second] = seconds
    assert second.returncode == 2
    assert f"dcmtools store: {journal}: another run is using this journal\n" in second.stderr
    assert len(server.stores) == COUNT
    assert len(server.proposals) == 1


def test_two_runs_without_a_journal_are_two_runs(files: list[Path], server: Unruly) -> None:
    """C-STORE is idempotent by SOP Instance UID."""
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(alone, server, *files) for _ in range(2)]
        assert [each.result().returncode for each in runs] == [0, 0]
    assert len(server.stores) == 2 * COUNT


# ---------------------------------------------------------------- journals that are none


@pytest.mark.parametrize("kind", ["instance", "results", "pipe", "device", "folder", "nowhere"])
def test_a_file_that_is_no_journal_is_refused(
    tmp_path: Path, files: list[Path], server: Unruly, kind: str
) -> None:
    """Status 2, nobody is called, and the file is as it was."""
    path = {
        "instance": files[0],
        "results": tmp_path / "results.jsonl",
        "pipe": tmp_path / "pipe",
        "device": tmp_path / "null",
        "folder": tmp_path,
        "nowhere": tmp_path / "no" / "journal",
    }[kind]
    if kind == "results":
        path.write_text('{"file": "a"}\n')
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/null")
    before = path.read_bytes() if path.is_file() else b""
    result = store(server, path, *files)
    assert result.status == 2
    assert server.proposals == []
    assert not path.is_file() or path.read_bytes() == before
    assert str(path) in result.stderr


# ---------------------------------------------------------------- a journal that cannot be written


@JOBS
@pytest.mark.parametrize("room", range(0, 2400, 160))
def test_a_journal_whose_disk_fills_up(
    files: list[Path], journal: Path, server: Unruly, room: int, jobs: int
) -> None:
    """The run ends, not with 0; the next one sends what is missing, and names what it may send twice."""
    store(server, journal, "--dry-run", *files)  # makes the journal
    with room_for(journal.stat().st_size + room):
        result = store(server, journal, "--jobs", jobs, *files)
    assert result.status == 1
    done = {record["sop_instance_uid"] for record in result.records if record["outcome"] == "done"}
    assert done == set(server.uids), "what has arrived is said to have"
    assert outcomes(result).count("failed") == COUNT - len(done)
    assert result.stderr.count(str(journal)) >= 1
    again = store(server, journal, "--jobs", jobs, *files)
    assert again.status == 0
    assert set(server.uids) == {uid(number) for number in range(1, COUNT + 1)}
    twice = {each for each in server.uids if server.uids.count(each) > 1}
    assert len(twice) <= jobs
    for each in twice:
        [record] = [record for record in result.records if record["sop_instance_uid"] == each]
        assert f"{record['file']}{SENT_AGAIN}" in again.stderr


def test_a_journal_that_loses_its_last_line_only(files: list[Path], journal: Path, server: Unruly) -> None:
    """All has arrived, but it is not all noted: no exit status 0."""
    assert store(server, journal, files[0]).status == 0
    size = journal.stat().st_size
    with room_for(size + len(journal.read_bytes().splitlines()[1]) + 30):
        result = store(server, journal, *files[:2])
    assert result.status == 1
    assert outcomes(result) == ["skipped", "done"]
    assert result.stderr.splitlines()[0] == f"dcmtools store: {journal}: only part of a line could be written"
    assert result.stderr.splitlines()[-1] == "1 stored, 1 skipped"
    again = store(server, journal, *files[:2])
    assert again.status == 0
    assert f"{files[1]}{SENT_AGAIN}" in again.stderr


def test_a_disk_that_does_not_take_what_was_written(
    files: list[Path], journal: Path, server: Unruly, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("dcmtools.scu.journal.os.fdatasync", failing)
    result = store(server, journal, *files)
    assert result.status == 1
    assert f"{journal}: Input/output error" in result.stderr
    assert outcomes(result) == ["done"] * COUNT


# ---------------------------------------------------------------- after a kill


def test_a_journal_cut_anywhere(files: list[Path], journal: Path, server: Unruly) -> None:
    """Wherever: nothing is lost, and whatever is sent twice is named."""
    assert store(server, journal, *files[:3]).status == 0
    whole = journal.read_bytes()
    first = len(whole.splitlines(keepends=True)[0])
    for end in range(first, len(whole), 37):
        journal.write_bytes(whole[:end])
        events: dict[str, set[str]] = {"begun": set(), "stored": set()}
        for line in whole[:end].splitlines()[1:]:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            events[entry["event"]].add(entry["sop_instance_uid"])
        before = len(server.stores)
        result = store(server, journal, *files[:3])
        assert result.status == 0
        missing = [uid(number) for number in (1, 2, 3) if uid(number) not in events["stored"]]
        assert server.uids[before:] == missing
        assert result.stderr.count(SENT_AGAIN) == len(events["begun"] - events["stored"])


def test_other_changes_make_other_instances(files: list[Path], journal: Path) -> None:
    """What was sent without --set, or with another value, has not been sent with this one."""
    with Unruly(serves()) as server:
        for changes, count in (
            ((), COUNT),
            (("--set", "PatientID=TRIAL-7"), 2 * COUNT),
            (("--set", "PatientID=TRIAL-8"), 3 * COUNT),
            (("--set", "PatientID=TRIAL-7"), 3 * COUNT),
        ):
            result = store(server, journal, *changes, *files)
            assert result.status == 0
            assert len(server.stores) == count, (count, result.stdout, result.stderr)
    assert "TRIAL" not in journal.read_text()


def test_what_a_strict_run_took_for_failed_is_no_success_of_the_next(
    files: list[Path], journal: Path
) -> None:
    with Unruly(serves(answers(0xB000), at=None)) as server:
        for run_number in (1, 2):
            result = store(server, journal, "--strict", *files)
            assert (result.status, len(server.stores)) == (1, run_number * COUNT)
            assert result.stderr.splitlines()[-1] == f"0 stored, {COUNT} failed"
