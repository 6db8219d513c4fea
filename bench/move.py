"""C-MOVE into a receiver of our own beside that of movescu: all as packaged, and without DCMTK's pauses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from bench.harness import DCMTOOLS, Command, compare, fast_folder, run
from tests.support import peers, samples

if TYPE_CHECKING:
    from pathlib import Path

CT, SMALL = 500_000, 10_000
NODELAY = {"TCP_NODELAY": "1"}
GOAL = 0.6


def main() -> int:
    rows: tuple[tuple[str, int, int, str, dict[str, str]], ...] = (
        ("20 CT", 20, CT, "as packaged", {}),
        ("100 of 10 KB", 100, SMALL, "as packaged", {}),
        ("200 CT", 200, CT, "with TCP_NODELAY=1", NODELAY),
        ("1,000 of 10 KB", 1000, SMALL, "with TCP_NODELAY=1", NODELAY),
    )
    met = []
    with fast_folder() as folder:
        for name, count, size, how, env in rows:
            samples.make_ct(folder / name, count, size)
            met.append(_moved(folder, name, how, env, rounds=5 if env else 2))
    return 0 if all(met) else 1


def _moved(folder: Path, name: str, how: str, env: dict[str, str], *, rounds: int) -> bool:
    port = peers.free_port()
    files = list((folder / name).iterdir())
    archive = folder / "archive"
    with peers.dcmqrscp(archive, destinations={"BENCH": port}, env=env) as peer:
        run(Command("filling", [DCMTOOLS, "store", peer.address, folder / name]))
        study = _study(peer)
        kept = folder / "kept"
        ours = Command(
            "dcmtools move",
            [
                *(DCMTOOLS, "move", peer.address, "-aet", "BENCH", "--receive", kept, "--port", str(port)),
                *("--fsync", "off", "--study", study),
            ],
            env,
            lambda: _emptied(kept, "*.dcm", len(files)),
        )
        theirs = Command(
            "movescu",
            [
                *(peers.program("movescu"), "-S", "-aet", "BENCH", "-aem", "BENCH", "-aec", peer.aet),
                *("+P", str(port), "-od", kept, "-k", "QueryRetrieveLevel=STUDY"),
                *("-k", f"StudyInstanceUID={study}", peers.HOST, str(peer.port)),
            ],
            env,
            lambda: _emptied(kept, "CT.*", len(files)),
        )
        kept.mkdir()
        met = compare(f"{name} from dcmqrscp, all {how}", ours, theirs, rounds=rounds, goal=GOAL)
        shutil.rmtree(kept)
        shutil.rmtree(archive)
        return met


def _study(peer: peers.RunningPeer) -> str:
    argv = [DCMTOOLS, "find", peer.address, "-r", "StudyInstanceUID"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def _emptied(folder: Path, pattern: str, count: int) -> None:
    """Check that all has come, and make room for the next."""
    found = sum(path.is_file() for path in folder.rglob(pattern))
    if found != count:
        raise RuntimeError(f"{found} of {count} instances have come")
    shutil.rmtree(folder)
    folder.mkdir()


if __name__ == "__main__":
    sys.exit(main())
