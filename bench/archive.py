"""Our archive beside DCMTK's dcmqrscp, asked by getscu and movescu: to know, without a goal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.harness import NOT_INHERITED, Command, compare, fast_folder
from tests.support import peers, samples
from tests.support.served import HOST, served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.peers import RunningPeer

SMALL, LARGE = 1000, 200
# As packaged it waits 40 ms for many an acknowledgement, as client and as server.
WAITLESS = {"TCP_NODELAY": "1"}


def main() -> int:
    for count, make in ((SMALL, samples.make_small), (LARGE, samples.make_ct)):
        with fast_folder() as folder:
            make(folder / "files", count)
            _compared(folder, count)
    return 0


def _compared(folder: Path, count: int) -> None:
    what = "files of 10 KB" if count == SMALL else "CT of 0.5 MB"
    out = folder / "out"
    out.mkdir()
    with (
        peers.storescp(folder / "there", "+B", aet="THERE", env=WAITLESS) as there,
        _ours(folder / "ours", there) as ours,
        peers.dcmqrscp(folder / "theirs", destinations={"THERE": there.port}, env=WAITLESS) as theirs,
    ):
        archives = (("dcmtools serve", ours, "ARCHIVE"), ("dcmqrscp", theirs.port, theirs.aet))
        for _, port, aet in archives:
            sent = ("storescu", "+sd", "-aec", aet, HOST, port, folder / "files")
            peers.dcmtk(*sent, env=WAITLESS, timeout=300).check_returncode()
        gets = [
            Command(label, _getscu(port, aet, out), WAITLESS, _arrived(lambda: list(out.iterdir()), count))
            for label, port, aet in archives
        ]
        compare(f"archive: getscu of {count} {what}, DCMTK with TCP_NODELAY=1", *gets, rounds=5)
        moves = [
            Command(label, _movescu(port, aet), WAITLESS, _arrived(there.received, count))
            for label, port, aet in archives
        ]
        heading = f"archive: movescu of {count} {what} to a storescp, DCMTK with TCP_NODELAY=1"
        compare(heading, *moves, rounds=5)


@contextmanager
def _ours(folder: Path, there: RunningPeer) -> Iterator[int]:
    destination = f"--destination=THERE={HOST}:{there.port}"
    quiet = ["env", *(f"-u{name}" for name in NOT_INHERITED)]
    with served(folder, "--fsync", "off", destination, prefix=quiet) as server:
        yield server.port


def _getscu(port: int, aet: str, out: Path) -> list[str | Path]:
    return [peers.program("getscu"), "+B", "-od", out, *_asked(port, aet)]


def _movescu(port: int, aet: str) -> list[str | Path]:
    return [peers.program("movescu"), "-aem", "THERE", *_asked(port, aet)]


def _asked(port: int, aet: str) -> list[str | Path]:
    study = "StudyInstanceUID=2.25.660000000001"
    return ["-S", "-aec", aet, "-k", "QueryRetrieveLevel=STUDY", "-k", study, HOST, str(port)]


def _arrived(found: Callable[[], list[Path]], count: int) -> Callable[[], None]:
    """Count what arrived, and take it away for the next run."""

    def check() -> None:
        paths = found()
        if len(paths) != count:
            raise RuntimeError(f"{len(paths)} of {count} files arrived")
        for path in paths:
            path.unlink()

    return check


if __name__ == "__main__":
    sys.exit(main())
