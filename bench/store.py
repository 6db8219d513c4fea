"""100 CT images to DCMTK's storescp: as packaged, where its pauses cost most, and without them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench.harness import DCMTOOLS, Command, compare, fast_folder
from tests.support import peers, samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = 100
STOCK_GOAL = 0.15


def main() -> int:
    with fast_folder() as folder:
        files = folder / "ct"
        samples.make_ct(files, COUNT)
        with peers.storescp(folder / "stock") as peer:
            stock = _compare("stock storescp", files, peer, rounds=5, goal=STOCK_GOAL)
        with peers.storescp(folder / "nodelay", env={"TCP_NODELAY": "1"}) as peer:
            nodelay = _compare("storescp with TCP_NODELAY=1", files, peer, rounds=9, goal=None)
    return 0 if stock and nodelay else 1


def _compare(title: str, files: Path, peer: peers.RunningPeer, *, rounds: int, goal: float | None) -> bool:
    check = _all_arrived(peer)
    ours = Command("dcmtools store", [DCMTOOLS, "store", peer.address, files], check=check)
    theirs = Command(
        "storescu",
        [peers.program("storescu"), "-aec", peer.aet, "+sd", peers.HOST, str(peer.port), files],
        check=check,
    )
    return compare(f"store: {COUNT} CT of 0.5 MB to {title}", ours, theirs, rounds=rounds, goal=goal)


def _all_arrived(peer: peers.RunningPeer) -> Callable[[], None]:
    """Count what arrived, and take it away for the next run."""

    def check() -> None:
        received = peer.received()
        if len(received) != COUNT:
            raise RuntimeError(f"{len(received)} of {COUNT} files arrived")
        for path in received:
            path.unlink()

    return check


if __name__ == "__main__":
    sys.exit(main())
