"""What the hot modules gain where mypyc has compiled them, against the tree as it is shipped."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench.harness import Command, compare, fast_folder
from mypyc_build import BUILT, ROOT
from tests.support import peers, samples

if TYPE_CHECKING:
    from pathlib import Path

FILES, SMALL = 2000, 10_000
FIVE = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "InstanceNumber")
NODELAY = {"TCP_NODELAY": "1"}


def main() -> int:
    if not BUILT.is_dir():
        print("nothing is compiled: 'make compiled' does it", file=sys.stderr)
        return 1
    with fast_folder() as folder, peers.storescp(folder / "peer", "--ignore", env=NODELAY) as peer:
        samples.make_ct(folder / "small", FILES, SMALL)
        five = [word for name in FIVE for word in ("--value", name)]
        lines: dict[str, list[str | Path]] = {
            "start-up": ["--version"],
            f"dump of {FILES:,} files": ["dump", "--jobs", "1", folder / "small"],
            "five values of each": ["dump", "--jobs", "1", *five, folder / "small"],
            "their JSON": ["dump", "--jobs", "1", "--format", "json", folder / "small"],
            "store of them": ["store", peer.address, folder / "small"],
        }
        for title, words in lines.items():
            compare(title, _command("compiled", BUILT, words), _command("as shipped", ROOT, words))
    return 0


def _command(label: str, root: Path, words: list[str | Path]) -> Command:
    """The program out of ``root``: the console script would always be that of the tree."""
    start = "from dcmtools.__main__ import run; run()"
    env = {"PYTHONPATH": str(root), "PYTHONSAFEPATH": "1"}
    return Command(label, [sys.executable, "-c", start, *words], env=env)


if __name__ == "__main__":
    sys.exit(main())
