"""What has been sent, in a file: what it says is true, whatever became of the run that wrote it."""

from __future__ import annotations

import json
import os
import resource
import threading
from contextlib import contextmanager
from errno import EIO, ENOLCK, ENOSPC
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import ExitStatus, OutputError, UsageError
from dcmtools.files.inputs import Input
from dcmtools.files.instance import Instance
from dcmtools.scu.journal import Journal
from tests.support.syscalls import WatchedOs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PEER = "PEER@127.0.0.1:104"
OTHERS = [
    {"sop_instance_uid": "2.25.9"},
    {"file": Input("other.dcm")},
    {"identity": (1, 2, 31, 4)},  # size
    {"identity": (1, 2, 3, 41)},  # modification time
]


def instance(number: int = 1, path: str = "file.dcm") -> Instance:
    return Instance(Input(path), "1.2", f"2.25.{number}", "1.2.840.10008.1.2", 0, 0, (1, 2, 3, 4))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def noted(path: Path, *instances: Instance, stored: bool = True, peer: str = PEER) -> None:
    with Journal(str(path), peer) as journal:
        for each in instances:
            journal.begin(each)
            if stored:
                journal.answered(each, "0000")


def with_fields(**fields: object) -> bytes:
    return json.dumps({"event": "stored", "peer": PEER, **fields}).encode()


def says(path: Path, each: Instance, peer: str = PEER) -> str:
    with Journal(str(path), peer) as journal:
        return "stored" if journal.is_stored(each) else "begun" if journal.is_begun(each) else "nothing"


# ---------------------------------------------------------------- what it says


def test_what_one_run_notes_the_next_knows(path: Path) -> None:
    noted(path, instance(1))
    noted(path, instance(2), stored=False)
    assert [says(path, instance(number)) for number in (1, 2, 3)] == ["stored", "begun", "nothing"]


def test_a_run_knows_what_was_there_when_it_began(path: Path) -> None:
    with Journal(str(path), PEER) as journal:
        journal.begin(instance())
        journal.answered(instance(), "0000")
        assert not journal.is_stored(instance())


@pytest.mark.parametrize("other", OTHERS)
def test_another_file_is_another(path: Path, other: dict[str, object]) -> None:
    """Such as one that has changed since it was sent."""
    noted(path, instance())
    assert says(path, instance()._replace(**other)) == "nothing"  # type: ignore[arg-type]  # as above


def test_another_peer_is_another(path: Path) -> None:
    noted(path, instance(), peer="OTHER@127.0.0.1:104")
    assert says(path, instance()) == "nothing"
    assert says(path, instance(), "OTHER@127.0.0.1:104") == "stored"


def test_the_same_file_on_a_disk_that_was_moved(path: Path) -> None:
    """Device and inode are the system's, and change with it."""
    noted(path, instance())
    assert says(path, instance()._replace(identity=(11, 12, 3, 4))) == "stored"


def test_a_path_is_the_same_from_wherever_it_is_named(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    noted(path, instance(path="folder/../file.dcm"))
    monkeypatch.chdir("/")
    assert says(path, instance(path=str(tmp_path / "file.dcm"))) == "stored"
    assert says(path, instance(path="file.dcm")) == "nothing"


@pytest.mark.parametrize("name", ["\udcff\udcfe.dcm", "new\nline", "\x1b[2J", "é\u202e", '"}{"', "x" * 4000])
def test_names_of_any_bytes(path: Path, name: str) -> None:
    noted(path, instance(path=name))
    assert says(path, instance(path=name)) == "stored"
    assert len(path.read_bytes().splitlines()) == 3


def test_its_lines(path: Path) -> None:
    """A script may read them."""
    with Journal(str(path), PEER) as journal:
        journal.begin(instance())
        journal.answered(instance(), "B000")
    header, begun, stored = map(json.loads, path.read_text().splitlines())
    assert header == {"journal": "dcmtools store", "version": 1}
    common = {
        "peer": PEER,
        "sop_instance_uid": "2.25.1",
        "file": os.path.abspath("file.dcm"),
        "identity": [3, 4],
    }
    assert begun == {"event": "begun", **common}
    assert stored == {"event": "stored", **common, "status": "B000"}


def test_only_its_owner_reads_it(path: Path) -> None:
    """Paths may name patients."""
    noted(path)
    assert path.stat().st_mode & 0o777 == 0o600


# ---------------------------------------------------------------- what became of it


def test_a_journal_cut_anywhere(path: Path) -> None:
    """As a kill, a full disk or a crash of the machine leaves it: never more than it said, and it goes on."""
    noted(path, instance(1))
    noted(path, instance(2))
    whole = path.read_bytes()
    starts = [at + 1 for at in range(len(whole)) if whole[at] == 10]
    for end in range(starts[0], len(whole) + 1):
        path.write_bytes(whole[:end])
        said = [says(path, instance(number)) for number in (1, 2)]
        complete = sum(start <= end + 1 for start in starts[1:])  # a line may lack its end, but not more
        expected = ["nothing", "nothing"]
        for index in range(complete):
            expected[index // 2] = ("begun", "stored")[index % 2]
        assert said == expected, end
        noted(path, instance(3))
        assert says(path, instance(3)) == "stored"
        assert [says(path, instance(number)) for number in (1, 2)] == said


def test_zeros_where_lines_should_be(path: Path) -> None:
    """A file system may have a file's new length on disk, but not what was written."""
    noted(path, instance(1))
    with path.open("ab") as file:
        file.write(bytes(500))
    noted(path, instance(2))
    assert [says(path, instance(number)) for number in (1, 2)] == ["stored", "stored"]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"null",
        b"17" * 4000,
        b"[" * 60_000,
        b"{" * 200_000,
        b"\xff\xfe\0",
        b'{"event": "stored"}',
        with_fields(),
        with_fields(sop_instance_uid=[], file="f", identity=[]),
        with_fields(sop_instance_uid="1", file={}, identity=[[]]),
        with_fields(sop_instance_uid="1", file="f", identity=3),
        with_fields(event=["stored"], sop_instance_uid="1", file="f", identity=[]),
    ],
)
def test_a_line_that_says_nothing(path: Path, line: bytes) -> None:
    noted(path, instance(1))
    with path.open("ab") as file:
        file.write(line + b"\n")
    noted(path, instance(2))
    assert [says(path, instance(number)) for number in (1, 2, 3)] == ["stored", "stored", "nothing"]


def test_an_event_that_a_later_version_may_have(path: Path) -> None:
    """It is no acknowledgement."""
    noted(path, instance())
    path.write_text(path.read_text().replace('"stored"', '"forgotten"'))
    assert says(path, instance()) == "begun"


# ---------------------------------------------------------------- what is no journal


@pytest.mark.parametrize(
    "content",
    [
        b"\n",
        b"notes\n",
        b"DICM" * 100,
        bytes(1000),
        b'{"file": "results.jsonl"}\n',
        b'{"journal": "dcmtools store", "version": 2}\n',
        b'{"journal": "dcmtools st',
        b"[" * 1_000_000,
    ],
)
def test_a_file_that_is_no_journal_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))
    with pytest.raises(UsageError, match="no journal of dcmtools store"):
        Journal(str(path), PEER)
    assert path.read_bytes() == content
    assert path.stat().st_mtime_ns == 1


def test_an_empty_file_becomes_one(path: Path) -> None:
    """As mktemp makes it."""
    path.touch()
    noted(path, instance())
    assert says(path, instance()) == "stored"


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for name in (str(pipe), "/dev/null", "/dev/full"):
        with pytest.raises(UsageError, match="a journal has to be a file"):
            Journal(name, PEER)
    with pytest.raises(UsageError, match="Is a directory"):
        Journal(str(tmp_path), PEER)
    with pytest.raises(UsageError, match="No such file or directory"):
        Journal(str(tmp_path / "none" / "journal"), PEER)


def test_nothing_stays_open(path: Path, tmp_path: Path) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    (tmp_path / "notes").write_text("notes")
    noted(path, instance())
    for each in (tmp_path / "notes", tmp_path):
        with pytest.raises(UsageError):
            Journal(str(each), PEER)
    assert sorted(os.listdir("/proc/self/fd")) == before


# ---------------------------------------------------------------- two runs


def test_a_journal_serves_one_run_at_a_time(path: Path) -> None:
    with Journal(str(path), PEER):
        with pytest.raises(UsageError, match="another run is using this journal") as caught:
            Journal(str(path), "OTHER@127.0.0.1:104")
        assert caught.value.status == ExitStatus.USAGE
        assert caught.value.hint
    assert says(path, instance()) == "nothing"


def test_a_file_system_without_locks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(ENOLCK, os.strerror(ENOLCK))

    monkeypatch.setattr("dcmtools.scu.journal.fcntl.flock", refuse)
    with pytest.raises(UsageError, match="it cannot be locked"):
        Journal(str(path), PEER)


def test_threads_of_one_run_write_whole_lines(path: Path) -> None:
    numbers = range(200)

    def run(journal: Journal, mine: range) -> None:
        for number in mine:
            journal.begin(instance(number))
            journal.answered(instance(number), "0000")

    with Journal(str(path), PEER) as journal:
        threads = [threading.Thread(target=run, args=(journal, numbers[at::4])) for at in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = path.read_bytes().splitlines()
    assert len(lines) == 1 + 2 * len(numbers)
    with Journal(str(path), PEER) as journal:
        assert all(journal.is_stored(instance(number)) for number in numbers)


# ---------------------------------------------------------------- what cannot be written


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file grows beyond ``size`` bytes, as on a disk that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_up_within_a_line(path: Path) -> None:
    """Nothing is added to half a line, even if there is room again, and the next run goes on."""
    with Journal(str(path), PEER) as journal:
        journal.begin(instance(1))
        journal.answered(instance(1), "0000")
        with room_for(path.stat().st_size + 20), pytest.raises(OutputError, match="only part of a line"):
            journal.begin(instance(2))
        for _ in range(2):
            with pytest.raises(OutputError, match="only part of a line"):
                journal.answered(instance(3), "0000")
    assert [says(path, instance(number)) for number in (1, 2, 3)] == ["stored", "nothing", "nothing"]
    noted(path, instance(2))
    assert says(path, instance(2)) == "stored"


def test_a_disk_that_is_full(path: Path) -> None:
    noted(path, instance(1))
    with (
        Journal(str(path), PEER) as journal,
        room_for(path.stat().st_size),
        pytest.raises(OutputError, match="File too large"),
    ):
        journal.begin(instance(2))
    assert says(path, instance(1)) == "stored"


@pytest.mark.parametrize("size", [0, 1, 20])
def test_a_disk_that_has_no_room_for_the_beginning(path: Path, size: int) -> None:
    """What is left is a file that a later run can use."""
    with room_for(size), pytest.raises(OutputError):
        Journal(str(path), PEER)
    assert path.read_bytes() == b""
    noted(path, instance())
    assert says(path, instance()) == "stored"


def test_each_call_that_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write and sync in turn: it is told as what it is, and what was said before stays true."""
    monkeypatch.setattr("dcmtools.scu.journal._SYNC_INTERVAL", 0)
    at = 0
    while True:
        at += 1
        path.unlink(missing_ok=True)
        watched = WatchedOs(at, EIO if at % 2 else ENOSPC)
        acknowledged: list[int] = []
        monkeypatch.setattr("dcmtools.scu.journal.os", watched)
        try:
            with Journal(str(path), PEER) as journal:
                for number in (1, 2):
                    journal.begin(instance(number))
                    journal.answered(instance(number), "0000")
                    acknowledged.append(number)
        except (OutputError, UsageError) as error:
            assert str(path) in error.message  # noqa: PT017  which of the two depends on the call
        except OSError:
            assert watched.calls[-1].startswith("close")
        else:
            break
        finally:
            monkeypatch.setattr("dcmtools.scu.journal.os", os)
        assert all(says(path, instance(number)) == "stored" for number in acknowledged)
    assert at > 8
    assert not watched.failed
