"""Elements changed in place, side by side with dcmodify.

    python -m bench.modify

2,000 CT and MR images of 0.5 MB, in memory.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench.anonymize import FILES, make
from bench.harness import DCMTOOLS, Command, compare, fast_folder, peak_memory

if TYPE_CHECKING:
    from pathlib import Path


def main() -> int:
    with fast_folder() as folder:
        inputs, few = folder / "in", folder / "few"
        make(inputs, FILES)
        make(few, FILES // 10)
        theirs = Command(
            "dcmodify -nb", ("dcmodify", "-nb", "-i", "PatientName=A^B", *sorted(inputs.iterdir()))
        )
        met = [
            compare("modify / dcmodify, two jobs", _ours(inputs, jobs=2), theirs, goal=0.5),
            compare("modify / dcmodify, one job", _ours(inputs, jobs=1), theirs),
        ]
        for name, path in (("200 files", few), ("2,000 files", inputs)):
            print(f"peak memory, {name}: {peak_memory(_ours(path, jobs=1)):.1f} MB")
    return 0 if all(met) else 1


def _ours(inputs: Path, *, jobs: int) -> Command:
    words = (DCMTOOLS, "modify", inputs, "--in-place", "--set", "PatientName=DOE^JANE", "--jobs", str(jobs))
    return Command(f"dcmtools, {jobs} job{'s' if jobs > 1 else ''}", words)


if __name__ == "__main__":
    sys.exit(main())
