"""Sending, beside DCMTK's senders: to peers as packaged, where their pauses cost most, and without these."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.harness import DCMTOOLS, Command, compare, fast_folder, peak_memory
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
    """DCMTK's sender as packaged, too, has pauses of its own; without them there is no goal."""
    samples.make_ct(folder / "1,000 CT", 1000, CT)
    samples.make_ct(folder / "2,000 of 10 KB", 2000, SMALL)
    samples.make_ct(folder / "100 CT", 100, CT)
    samples.make_ct(folder / "200 of 10 KB", 200, SMALL)
    met = []
    with peers.storescp(folder / "nodelay", "--ignore", env=NODELAY) as peer:
        for name, jobs, env, goal in (
            ("1,000 CT", 1, {}, 0.9),
            ("1,000 CT", 2, {}, 0.8),
            ("200 of 10 KB", 1, {}, 0.6),
            ("1,000 CT", 1, NODELAY, None),
            ("1,000 CT", 2, NODELAY, None),
            ("2,000 of 10 KB", 1, NODELAY, None),
        ):
            both = "storescu too" if env else "storescu as packaged"
            title = f"{name} to storescp with TCP_NODELAY=1, --jobs {jobs}; {both}"
            ours = _ours(peer, folder / name, "--jobs", str(jobs))
            theirs = _dcmtk("storescu", peer, folder / name, env)
            met.append(compare(title, ours, theirs, rounds=3, goal=goal))
    with peers.storescp(folder / "stock", "--ignore") as peer:
        for name, goal in (("100 CT", 0.1), ("200 of 10 KB", 0.05)):
            theirs = _dcmtk("storescu", peer, folder / name, {})
            title = f"{name} to storescp as packaged"
            met.append(compare(title, _ours(peer, folder / name), theirs, rounds=3, goal=goal))
    return met


def _to_orthanc(folder: Path) -> list[bool]:
    met = []
    for name, how, env, goal in (
        ("100 CT", "as packaged", {}, 0.3),
        ("1,000 CT", "with TCP_NODELAY=1", NODELAY, 0.9),
    ):
        with peers.orthanc(folder / f"orthanc for {name}", env=env) as peer:
            theirs = _dcmtk("dcmsend", peer, folder / name, env)
            title = f"{name} to Orthanc, all {how}"
            met.append(compare(title, _ours(peer, folder / name), theirs, rounds=3, goal=goal))
    return met


def _large(folder: Path) -> list[bool]:
    samples.make_ct(folder / "large", 1, LARGE)
    with peers.storescp(folder / "receives", "--ignore", env=NODELAY) as peer:
        ours = _ours(peer, folder / "large")
        peak = peak_memory(ours)
        print(f"one file of 200 MB: at most {peak:.0f} MB in memory, goal at most {MOST_MEMORY}")
        met = compare(
            "one file of 200 MB",
            ours,
            _dcmtk("storescu", peer, folder / "large", NODELAY),
            rounds=5,
            goal=1.1,
        )
    return [met, peak <= MOST_MEMORY]


def _journal(folder: Path) -> bool:
    """What --journal costs, on a disk; each run begins a new one."""
    with (
        peers.storescp(folder / "journalled", "--ignore", env=NODELAY) as peer,
        tempfile.TemporaryDirectory() as disk,
    ):
        journal = Path(disk) / "journal"
        journalled = _ours(peer, folder / "1,000 CT", "--journal", str(journal))
        with_it = Command(journalled.label, journalled.argv, check=journal.unlink)
        return compare(
            "1,000 CT with and without --journal", with_it, _ours(peer, folder / "1,000 CT"), goal=1.1
        )


def _ours(peer: peers.RunningPeer, files: Path, *options: str) -> Command:
    return Command("dcmtools store", [DCMTOOLS, "store", peer.address, *options, files])


def _dcmtk(name: str, peer: peers.RunningPeer, files: Path, env: dict[str, str]) -> Command:
    argv: Sequence[str | Path] = [
        peers.program(name), "-aec", peer.aet, "+sd", peers.HOST, str(peer.port), files,
    ]  # fmt: skip
    return Command(name, argv, env=env)


if __name__ == "__main__":
    sys.exit(main())
