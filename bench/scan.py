"""Five keys of 2,000 files as CSV, against DCMTK's and vtk-dicom's tools; with --many 100,000 small files."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from bench import dump
from bench.harness import DCMTOOLS, Command, compare, fast_folder, peak_memory, run
from tests.support import peers, samples

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 2000
KEYS = ("PatientID", "StudyDate", "Modality", "SeriesInstanceUID", "InstanceNumber")
MANY = 100_000
MANY_STEP = 10_000
MEMORY_GOAL = 10.0  # megabytes more for ten times the files
LINEAR_GOAL = 11.0  # times as long for these


def main() -> int:
    with fast_folder() as folder:
        if "--many" in sys.argv[1:]:
            return 0 if _many(folder) else 1
        samples.make_ct(folder / "ct", COUNT)
        for name, sample in (("ct", samples.ct()), ("mr", samples.mr())):
            dump.vary(sample, folder / "all", name, COUNT // 2)
        met = [
            *_compared("2,000 CT of 512 KB, one layout", folder / "ct"),
            *_compared("2,000 CT and MR with private elements", folder / "all"),
        ]
    return 0 if all(met) else 1


def _compared(title: str, folder: Path) -> list[bool]:
    ours = _scan(folder)
    searched = [word for key in KEYS for word in ("+P", key)]
    dcmdump = Command("dcmdump +P", [peers.program("dcmdump"), "-q", *searched, "+sd", "+r", folder])
    met = [compare(f"scan: {title}", ours, dcmdump, goal=0.3)]
    if tool := shutil.which("dicomtocsv"):
        wanted = [word for key in KEYS for word in ("-k", key)]
        csv = Command("dicomtocsv --image", [tool, "--image", "--silent", *wanted, folder])
        met.append(compare(f"scan: {title}", ours, csv, rounds=11, goal=1.5))
    else:
        print("scan: not compared with dicomtocsv, which is not installed")
    return met


def _scan(*folders: Path) -> Command:
    wanted = [word for key in KEYS for word in ("-k", key)]
    return Command("dcmtools scan", [DCMTOOLS, "scan", *wanted, "--format", "csv", *folders])


def _many(folder: Path) -> bool:
    """Tell whether ten times the files take ten times as long, and no more memory."""
    folders = [folder / f"{part:02d}" for part in range(MANY // MANY_STEP)]
    for part, each in enumerate(folders):
        samples.make_small(each, MANY_STEP, first=1 + part * MANY_STEP)
    one, ten = _scan(folders[0]), _scan(*folders)
    peaks = [peak_memory(command) for command in (one, ten)]
    times = [min(run(command).wall for _ in range(3)) for command in (one, ten)]
    more, longer = peaks[1] - peaks[0], times[1] / times[0]
    print(f"scan: {MANY_STEP} and {MANY} files: {times[0]:.2f} s and {times[1]:.2f} s")
    print(f"  {longer:.1f} times as long, goal at most {LINEAR_GOAL:g}")
    print(f"  {peaks[0]:.0f} MB and {peaks[1]:.0f} MB, {more:.0f} more, goal at most {MEMORY_GOAL:g}")
    return more <= MEMORY_GOAL and longer <= LINEAR_GOAL


if __name__ == "__main__":
    sys.exit(main())
