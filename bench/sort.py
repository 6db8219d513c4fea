"""Files sorted: links of 5,000 and 20,000 in one run each, copies against ``cp -r``."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from bench.harness import DCMTOOLS, Command, compare, fast_folder, run
from tests.support import samples

if TYPE_CHECKING:
    from pathlib import Path

COPIED = 1000
LINKED = (5_000, 20_000)
LINEAR_GOAL = 4.4  # times as long for four times the files
TEMPLATE = "{PatientID}/{SeriesInstanceUID}/{InstanceNumber:05}_{SOPInstanceUID}.dcm"


def main() -> int:
    with fast_folder() as folder:
        met = [_copies(folder), _links(folder)]
    return 0 if all(met) else 1


def _copies(folder: Path) -> bool:
    samples.make_ct(folder / "ct", COPIED)
    out, copied = folder / "out", folder / "copied"
    words: list[str | Path] = [DCMTOOLS, "sort", folder / "ct", "-o", out, "-t", TEMPLATE]
    ours = Command("dcmtools sort", words, check=lambda: _gone(out, COPIED))
    peer = Command("cp -r", ["cp", "-r", folder / "ct", copied], check=lambda: _gone(copied, COPIED))
    return compare("sort: 1,000 CT of 512 KB copied", ours, peer, goal=1.3)


def _links(folder: Path) -> bool:
    times = []
    for count in LINKED:
        samples.make_small(folder / f"small{count}", count)
        times.append(min(_linked(folder, count) for _ in range(3)))
    ratio = times[1] / times[0]
    told = " ".join(f"{count}: {seconds:.2f} s" for count, seconds in zip(LINKED, times, strict=True))
    print(f"sort --link hard: {told}; ratio {ratio:.2f} (goal {LINEAR_GOAL})")
    return ratio <= LINEAR_GOAL


def _linked(folder: Path, count: int) -> float:
    out = folder / "linked"
    words: list[str | Path] = [DCMTOOLS, "sort", folder / f"small{count}", "-o", out, "-t", TEMPLATE]
    words += ["--link", "hard"]
    return run(Command("dcmtools sort", words, check=lambda: _gone(out, count))).wall


def _gone(folder: Path, count: int) -> None:
    """Remove a folder, in which there have to be so many files."""
    found = sum(each.is_file() for each in folder.rglob("*"))
    if found != count:
        message = f"{found} files where there should be {count}"
        raise RuntimeError(message)
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
