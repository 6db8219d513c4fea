"""Sending, beside DCMTK's senders: to peers as packaged, where their pauses cost most, and without these."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.harness import DCMTOOLS, Command, compare, fast_folder, run
from tests.support import peers, samples

if TYPE_CHECKING:
    from collections.abc import Sequence

CT, SMALL = 500_000, 10_000
LARGE = 200_000_000
MOST_MEMORY = 60  # megabytes
NODELAY = {"TCP_NODELAY": "1"}


def main() -> int:
    with fast_folder() as folder:
        met = [*_to_storescp(folder), *_to_orthanc(folder), *_large(folder), _journal(folder)]
    return 0 if all(met) else 1


def _to_storescp(folder: Path) -> list[bool]:
    samples.make_ct(folder / "ct", 1000, CT)
    samples.make_ct(folder / "small", 2000, SMALL)
    samples.make_ct(folder / "some ct", 100, CT)
    samples.make_ct(folder / "some small", 200, SMALL)
    met = []
    with peers.storescp(folder / "nodelay", "--ignore", env=NODELAY) as peer:
        title = "to storescp, both sides of DCMTK with TCP_NODELAY=1"
        for jobs, goal in ((1, 0.9), (2, 0.8)):
            ours = _ours(peer, folder / "ct", "--jobs", str(jobs))
            met.append(
                compare(
                    f"1,000 CT {title}, --jobs {jobs}",
                    ours,
                    _storescu(peer, folder / "ct", NODELAY),
                    goal=goal,
                )
            )
        met.append(
            compare(
                f"2,000 of 10 KB {title}",
                _ours(peer, folder / "small"),
                _storescu(peer, folder / "small", NODELAY),
                goal=0.6,
            )
        )
    with peers.storescp(folder / "stock", "--ignore") as peer:
        for name, goal in (("some ct", 0.1), ("some small", 0.05)):
            files = folder / name
            title = f"{name} to storescp as packaged"
            met.append(compare(title, _ours(peer, files), _storescu(peer, files), rounds=3, goal=goal))
    return met


def _to_orthanc(folder: Path) -> list[bool]:
    met = []
    for title, env, goal in (("as packaged", {}, 0.3), ("with TCP_NODELAY=1", NODELAY, 0.9)):
        with peers.orthanc(folder / title.replace(" ", ""), env=env) as peer:
            met.append(
                compare(
                    f"100 CT to Orthanc, all {title}",
                    _ours(peer, folder / "some ct"),
                    _dcmtk("dcmsend", peer, folder / "some ct", env),
                    rounds=5,
                    goal=goal,
                )
            )
    return met


def _large(folder: Path) -> list[bool]:
    samples.make_ct(folder / "large", 1, LARGE)
    with peers.storescp(folder / "receives", "--ignore", env=NODELAY) as peer:
        ours = _ours(peer, folder / "large")
        peak = run(ours).memory / 1024
        print(f"one file of 200 MB: at most {peak:.0f} MB in memory, goal at most {MOST_MEMORY}")
        met = compare(
            "one file of 200 MB", ours, _storescu(peer, folder / "large", NODELAY), rounds=5, goal=1.1
        )
    return [met, peak <= MOST_MEMORY]


def _journal(folder: Path) -> bool:
    """What --journal costs, on a disk; each run begins a new one."""
    with (
        peers.storescp(folder / "journalled", "--ignore", env=NODELAY) as peer,
        tempfile.TemporaryDirectory() as disk,
    ):
        journal = Path(disk) / "journal"
        journalled = _ours(peer, folder / "ct", "--journal", str(journal))
        with_it = Command(journalled.label, journalled.argv, check=journal.unlink)
        return compare("1,000 CT with and without --journal", with_it, _ours(peer, folder / "ct"), goal=1.1)


def _ours(peer: peers.RunningPeer, files: Path, *options: str) -> Command:
    return Command("dcmtools store", [DCMTOOLS, "store", peer.address, *options, files])


def _storescu(peer: peers.RunningPeer, files: Path, env: dict[str, str] | None = None) -> Command:
    return _dcmtk("storescu", peer, files, env or {})


def _dcmtk(name: str, peer: peers.RunningPeer, files: Path, env: dict[str, str]) -> Command:
    argv: Sequence[str | Path] = [
        peers.program(name), "-aec", peer.aet, "+sd", peers.HOST, str(peer.port), files,
    ]  # fmt: skip
    return Command(name, argv, env=env)


if __name__ == "__main__":
    sys.exit(main())
