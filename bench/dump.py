"""Looking into 2,000 CT and MR files, a value of each, and JSON, against DCMTK's tools."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench.harness import DCMTOOLS, Command, compare, fast_folder
from dcmtools.files.part10 import Part10File
from tests.support import peers, samples

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 1000
JSON_COUNT = 500
# Every n-th of these elements differs from file to file, as in a series of a scanner.
VARIED_VRS = frozenset(["DS", "FL", "IS", "SL", "SS", "TM", "UL"])
VARIED_STEP = 4
JSON = ("--format", "json", "--bulk", "none")
SHELL_LOOP = 'for file in "$1"/*; do dcm2json "$file"; done'


def main() -> int:
    with fast_folder() as folder:
        for name, sample in (("ct", samples.ct()), ("mr", samples.mr())):
            vary(sample, folder / "all", name, COUNT)
        vary(samples.ct(), folder / "some", "ct", JSON_COUNT)
        dcmdump = peers.program("dcmdump")
        met = [
            *(
                compare(
                    f"dump: 2,000 CT and MR, --jobs {jobs}",
                    Command("dcmtools dump", [DCMTOOLS, "dump", "--jobs", str(jobs), folder / "all"]),
                    Command("dcmdump", [dcmdump, "-q", "-M", "+sd", "+r", folder / "all"]),
                    goal=goal,
                )
                for jobs, goal in ((1, 1.0), (2, 0.7))
            ),
            compare(
                "dump: one value of 2,000 files",
                Command("dcmtools dump --value", [DCMTOOLS, "dump", "--value", "PatientID", folder / "all"]),
                Command("dcmdump +P", [dcmdump, "-q", "-M", "+P", "PatientID", "+sd", "+r", folder / "all"]),
                goal=0.3,
            ),
            compare(
                "dump: JSON of 500 files",
                Command("dcmtools dump --format json", [DCMTOOLS, "dump", *JSON, folder / "some"]),
                Command("dcm2json for each file", ["sh", "-c", SHELL_LOOP, "sh", folder / "some"]),
                rounds=3,
                goal=0.2,
            ),
        ]
    return 0 if all(met) else 1


def vary(sample: Path, folder: Path, name: str, count: int) -> None:
    """Write ``count`` files with the sample's elements, of which some hold values of their own."""
    folder.mkdir(exist_ok=True)
    data = bytearray(sample.read_bytes())
    places = _varied(sample)
    for number in range(count):
        digits = f"{number:04d}".encode()
        for offset in places:
            data[offset : offset + 4] = digits
        (folder / f"{name}{number:04d}.dcm").write_bytes(data)


def _varied(sample: Path) -> list[int]:
    """Where four bytes of a value may become any digits without a length or a VR being wrong."""
    with Part10File.open(str(sample)) as file:
        elements = [element for element in file.walk() if element[1] in VARIED_VRS and element[4] >= 4]
    return [offset for _, _, _, offset, _, _ in elements[::VARIED_STEP]]


if __name__ == "__main__":
    sys.exit(main())
