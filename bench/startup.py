"""What a short command costs, against Python that starts and does nothing."""

from __future__ import annotations

import sys

from bench.harness import BARE_PYTHON, DCMTOOLS, Command, compare, fast_folder
from tests.support import peers, samples

GOAL = 5.0
ROUNDS = 21


def main() -> int:
    with fast_folder() as folder, peers.storescp(folder, env={"TCP_NODELAY": "1"}) as peer:
        lines = {
            "--help": ["--help"],
            "--version": ["--version"],
            "echo": ["echo", peer.address],
            "dump": ["dump", str(samples.ct())],
        }
        met = [_against_python(title, line) for title, line in lines.items()]
    return 0 if all(met) else 1


def _against_python(title: str, line: list[str]) -> bool:
    ours = Command(f"dcmtools {title}", [DCMTOOLS, *line])
    return compare(
        f"start-up: {title}", ours, Command("python -c pass", BARE_PYTHON), rounds=ROUNDS, goal=GOAL
    )


if __name__ == "__main__":
    sys.exit(main())
