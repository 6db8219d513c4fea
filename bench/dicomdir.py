"""Media made: the DICOMDIR of 2,000 files against dcmmkdir, of 500 to 20,000, copies against ``cp -r``."""

from __future__ import annotations

import shutil
import sys
from statistics import median
from typing import TYPE_CHECKING

from bench.harness import DCMTOOLS, Command, compare, fast_folder, run
from tests.support import samples

if TYPE_CHECKING:
    from pathlib import Path

INDEXED = 2_000
INDEX_GOAL = 0.25  # of dcmmkdir's time
GROWING = (500, 5_000, 20_000)
LINEAR_GOAL = 4.4  # times as long for four times the files
COPIED = 1_000
COPY_GOAL = 1.3  # times that of cp -r, beside that of the DICOMDIR
ROUNDS = 5


def main() -> int:
    with fast_folder() as folder:
        met = [_indexed(folder), _growing(folder), _copies(folder)]
    return 0 if all(met) else 1


def _medium(folder: Path, count: int) -> Path:
    """Return a folder with so many small files, under names that media know."""
    for number, path in enumerate(samples.make_small(folder / "DICOM", count)):
        path.rename(folder / "DICOM" / f"IM{number:06d}")
    return folder


def _index(medium: Path, count: int) -> Command:
    words: list[str | Path] = [DCMTOOLS, "dicomdir", "create", medium / "DICOM", "-o", medium, "--index-only"]
    return Command("dcmtools dicomdir create", words, check=lambda: _listed(medium / "DICOMDIR", count))


def _listed(path: Path, count: int) -> None:
    """Remove a DICOMDIR, which has to refer to so many files."""
    found = path.read_bytes().count(b"\x04\0\0\x15CS")
    if found != count:
        message = f"{found} files where there should be {count}"
        raise RuntimeError(message)
    path.unlink()


def _indexed(folder: Path) -> bool:
    medium = _medium(folder / "indexed", INDEXED)
    words: list[str | Path] = ["dcmmkdir", "+r", "-q", "+id", medium, "+D", medium / "DICOMDIR", "DICOM"]
    peer = Command("dcmmkdir +r", words, check=lambda: _listed(medium / "DICOMDIR", INDEXED))
    title = f"dicomdir create --index-only: {INDEXED:,} files"
    return compare(title, _index(medium, INDEXED), peer, goal=INDEX_GOAL)


def _growing(folder: Path) -> bool:
    times = []
    for count in GROWING:
        command = _index(_medium(folder / f"growing{count}", count), count)
        times.append(min(run(command).wall for _ in range(3)))
    ratio = times[2] / times[1]
    told = " ".join(f"{count}: {seconds:.2f} s" for count, seconds in zip(GROWING, times, strict=True))
    print(f"dicomdir create --index-only: {told}; ratio {ratio:.2f} (goal {LINEAR_GOAL})")
    return ratio <= LINEAR_GOAL


def _copies(folder: Path) -> bool:
    samples.make_ct(folder / "ct", COPIED)
    medium, copied = folder / "medium", folder / "copied"
    words: list[str | Path] = [DCMTOOLS, "dicomdir", "create", folder / "ct", "-o", medium]
    ours = Command("dcmtools dicomdir create", words, check=lambda: _gone(medium, COPIED + 1))
    peer = Command("cp -r", ["cp", "-r", folder / "ct", copied], check=lambda: _gone(copied, COPIED))
    index = _index(_medium(folder / "few", COPIED), COPIED)
    taken, cp, alone = (median(run(each).wall for _ in range(ROUNDS)) for each in (ours, peer, index))
    most = COPY_GOAL * cp + alone
    print(f"dicomdir create: {COPIED:,} CT of 512 KB copied: {taken:.2f} s, cp -r {cp:.2f} s", end="")
    print(f" and the DICOMDIR {alone:.2f} s: {taken / most:.2f} of the goal {COPY_GOAL} x cp -r + DICOMDIR")
    return taken <= most


def _gone(folder: Path, count: int) -> None:
    """Remove a folder, in which there have to be so many files."""
    found = sum(each.is_file() for each in folder.rglob("*"))
    if found != count:
        message = f"{found} files where there should be {count}"
        raise RuntimeError(message)
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
