"""Fetching, beside DCMTK's getscu, from its archive: as packaged, where pauses cost most, and without."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from bench.harness import DCMTOOLS, Command, compare, fast_folder, peak_memory
from tests.support import peers, samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CT, SMALL = 500_000, 10_000
GOAL = 0.9
STUDY = "2.25.660000000001"
MOST_MEMORY = 60  # megabytes
NODELAY = {"TCP_NODELAY": "1"}


def main() -> int:
    """What is as packaged is done fewer times: getscu takes 90 seconds for 1,000 instances."""
    met = []
    with fast_folder() as folder:
        samples.make_ct(folder / "200 CT", 200, CT)
        samples.make_ct(folder / "1,000 of 10 KB", 1000, SMALL)
        for name, count in (("200 CT", 200), ("1,000 of 10 KB", 1000)):
            for how, env, rounds in (("with TCP_NODELAY=1", NODELAY, 7), ("as packaged", {}, 1)):
                with peers.dcmqrscp(folder / f"peer-{count}-{rounds}", env=env) as peer:
                    _fill(peer, folder / name)
                    met += _compared(folder, peer, f"{name} from dcmqrscp, all {how}", count, env, rounds)
    return 0 if all(met) else 1


def _fill(peer: peers.RunningPeer, files: Path) -> None:
    done = peers.dcmtk("storescu", "-aec", peer.aet, "+sd", peers.HOST, peer.port, files, env=NODELAY)
    if done.returncode:
        raise RuntimeError(done.stderr)


def _compared(
    folder: Path, peer: peers.RunningPeer, title: str, count: int, env: dict[str, str], rounds: int
) -> list[bool]:
    """Neither forces anything to disk; the cost of asking for the SOP classes is shown apart."""
    got = folder / "got"
    ours = ["get", peer.address, "-o", got, "--study", STUDY, "--fsync", "off"]
    theirs = [
        *("getscu", "-aec", peer.aet, "-S", "-od", got, "-k", "QueryRetrieveLevel=STUDY"),
        *("-k", f"StudyInstanceUID={STUDY}", peers.HOST, peer.port),
    ]
    getscu = Command("getscu", _words(peers.program("getscu"), *theirs[1:]), env, _arrived(got, count))
    get = Command("dcmtools get", _words(DCMTOOLS, *ours), {}, _arrived(got, count))
    named = Command("get --sop-class", _words(DCMTOOLS, *ours, "--sop-class", "CTImage"), {}, get.check)
    got.mkdir(exist_ok=True)
    met = [compare(title, get, getscu, rounds=rounds, goal=GOAL)]
    if env:
        compare(f"{title}, SOP class named", named, getscu, rounds=rounds)
        peak = peak_memory(get)
        get.check()
        print(f"  at most {peak:.0f} MB in memory, goal at most {MOST_MEMORY}")
        met.append(peak <= MOST_MEMORY)
    return met


def _words(*words: object) -> list[str]:
    return [str(word) for word in words]


def _arrived(folder: Path, count: int) -> Callable[[], None]:
    """Count what has come, and take it away for the next run."""

    def check() -> None:
        found = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]
        if len(found) != count:
            raise RuntimeError(f"{len(found)} of {count} instances have come")
        shutil.rmtree(folder)
        folder.mkdir()

    return check


if __name__ == "__main__":
    sys.exit(main())
