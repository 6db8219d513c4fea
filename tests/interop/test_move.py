"""``dcmtools move`` and real archives: what arrives is what they have."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.peers import (
    dcmqrscp,
    free_ports,
    orthanc,
    qr_scp,
    requires_dcmtk,
    requires_orthanc,
    storescp,
)
from tests.support.run import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import TypeAlias

    from tests.support.peers import RunningPeer
    from tests.support.run import Run

    Archive: TypeAlias = Callable[[Path], AbstractContextManager["Place"]]

FILES = (samples.ct(), samples.mr())
OURS, DOWN = "LAPTOP", "DOWN"


class Place:
    """An archive that holds ``FILES``, and a folder of ours that it can move to."""

    def __init__(self, peer: RunningPeer, folder: Path, port: int) -> None:
        self.peer = peer
        self.folder = folder
        self._port = port

    def move(self, *args: object, to: str = "", stdin: str = "") -> Run:
        where = ("--to", to) if to else ("-aet", OURS, "--receive", self.folder, "--port", self._port)
        return run("move", self.peer.address, "--format", "json", *where, *args, stdin=stdin.encode())

    def find(self, *args: object) -> Run:
        return run("find", self.peer.address, *args)

    def kept(self) -> list[Path]:
        return list(self.folder.rglob("*.dcm"))

    def studies(self) -> list[str]:
        return self.find("-r", "StudyInstanceUID").stdout.split()


@contextmanager
def dcmtk(folder: Path) -> Iterator[Place]:
    port, dead = free_ports(2)
    with dcmqrscp(folder / "peer", destinations={OURS: port, DOWN: dead}) as peer:
        assert run("store", peer.address, *FILES).status == 0
        yield Place(peer, folder / "ours", port)


@contextmanager
def orthancs(folder: Path) -> Iterator[Place]:
    port, dead = free_ports(2)
    with orthanc(folder / "peer", destinations={OURS: port, DOWN: dead}) as peer:
        assert run("store", peer.address, *FILES).status == 0
        yield Place(peer, folder / "ours", port)


@contextmanager
def pynetdicoms(folder: Path) -> Iterator[Place]:
    port, dead = free_ports(2)
    with qr_scp(folder / "peer", *FILES, destinations={OURS: port, DOWN: dead}) as peer:
        yield Place(peer, folder / "ours", port)


def assert_same(kept: Sequence[Path], files: Sequence[Path]) -> None:
    """Archives leave out padding at the end of a data set."""
    from pydicom import dcmread

    ours, theirs = ({each.SOPInstanceUID: each for each in map(dcmread, paths)} for paths in (kept, files))
    for each in (*ours.values(), *theirs.values()):
        each.pop(0xFFFCFFFC, None)
    assert ours == theirs


everywhere = pytest.mark.parametrize(
    "archive",
    [
        pytest.param(dcmtk, marks=requires_dcmtk),
        pytest.param(orthancs, marks=requires_orthanc),
        pytest.param(pynetdicoms),
    ],
)


@everywhere
@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_find_and_move_in_a_pipe(archive: Archive, form: str, tmp_path: Path) -> None:
    with archive(tmp_path) as place:
        listed = place.find("--format", form)
        result = place.move("-", stdin=listed.stdout)
        assert (result.status, [record["received"] for record in result.records]) == (0, [1, 1])
        assert_same(place.kept(), FILES)


@everywhere
def test_levels(archive: Archive, tmp_path: Path) -> None:
    with archive(tmp_path) as place:
        study = place.studies()[0]
        for level in ("series", "image"):
            listed = place.find("-L", level, "-k", f"StudyInstanceUID={study}", "--format", "json")
            result = place.move("-", stdin=listed.stdout)
            assert (result.status, [record["received"] for record in result.records]) == (0, [1])
        result = place.move("-P", "--patient", "1CT1")
        assert (result.status, [record["received"] for record in result.records]) == (0, [1])


@everywhere
def test_by_keys_and_again(archive: Archive, tmp_path: Path) -> None:
    with archive(tmp_path) as place:
        assert [record["received"] for record in place.move("-k", "PatientName=*MR1").records] == [1]
        result = place.move("-k", "PatientName=Comp*", "--skip-existing", "--jobs", "2")
        assert sorted(record["outcome"] for record in result.records) == ["done", "skipped"]
        assert len(place.kept()) == 2


@everywhere
def test_what_is_not_there(archive: Archive, tmp_path: Path) -> None:
    """No archive is taken to have moved what it does not have; Orthanc calls that a failure itself."""
    with archive(tmp_path) as place:
        assert place.move("--study", "1.2.3").status in (1, 5)
        nothing = place.move("-k", "PatientName=Nobody")
    assert (nothing.status, [record["outcome"] for record in nothing.records]) == (0, ["warning"])


@everywhere
def test_destinations_that_do_not_take_anything(archive: Archive, tmp_path: Path) -> None:
    with archive(tmp_path) as place:
        study = place.studies()[0]
        unknown, down = (place.move("--study", study, to=to) for to in ("NOBODY", DOWN))
    assert (unknown.status, "AE title NOBODY" in unknown.stderr) == (5, True)
    assert (down.status, DOWN in down.stderr) == (5, True)


@requires_dcmtk
def test_to_a_third_one(tmp_path: Path) -> None:
    with (
        storescp(tmp_path / "third", "+B", aet="THIRD") as third,
        dcmqrscp(tmp_path / "peer", destinations={"THIRD": third.port}) as peer,
    ):
        run("store", peer.address, *FILES)
        result = run("move", peer.address, "--to", "THIRD", "-k", "PatientID=*1")
        assert (result.status, len(third.received())) == (0, 2)
