"""Our archive's answers to findscu beside dcmqrscp's, and queries over an index of a million instances."""

from __future__ import annotations

import sys
import time
from statistics import median
from typing import TYPE_CHECKING

from bench.find import above, fill
from bench.harness import DCMTOOLS, Command, compare, fast_folder, run
from dcmtools.archive.responding import Responses
from dcmtools.archive.search import Search
from dcmtools.encoding.dataset import made
from dcmtools.encoding.syntax import IMPLICIT
from dcmtools.query.models import STUDY_ROOT
from tests.support import peers, samples
from tests.support.indexes import MadeIndex
from tests.support.served import served

if TYPE_CHECKING:
    from pathlib import Path

COUNT, SMALL = 10_000, 2_000
GOAL = 1.0
MOMENT = 0.1  # seconds
STUDIES = 10_000  # of 100 instances each
NODELAY = {"TCP_NODELAY": "1"}
RETURNED = ("SOPInstanceUID", "SOPClassUID", "InstanceNumber", "Rows", "Columns", "ContentDate")
QUERIES: tuple[dict[str, str], ...] = (
    {"StudyInstanceUID": "1.2.77"},
    {"StudyDate": "20120101"},
    {"StudyDate": "20120101-20120131", "ModalitiesInStudy": "CT"},
    {"AccessionNumber": "A77"},
    {"PatientID": "P78"},
    {"PatientName": "NAME77*"},
    {"PatientName": "*77*"},
    {"StudyDescription": "*neck*"},
)
ASKED = {"PatientName": "", "ModalitiesInStudy": "", "NumberOfStudyRelatedInstances": ""}


def main() -> int:
    with fast_folder() as folder:
        met = [_ten_thousand(folder), _of_a_million(_million(folder))]
    return 0 if all(met) else 1


def _ten_thousand(folder: Path) -> bool:
    """FINDSCU asks for all instances of a series; nobody waits for acknowledgements."""
    files = folder / "files"
    first = samples.make_ct(files, COUNT, SMALL)[0]
    with peers.dcmqrscp(folder / "dcmqrscp", env=NODELAY) as theirs, served(folder / "ours") as ours:
        fill(theirs, files)
        run(Command("store", [DCMTOOLS, "store", ours.address, files]))
        return compare(
            f"{COUNT:,} instances to findscu, all with TCP_NODELAY=1",
            _findscu("dcmtools serve", "ANY-SCP", ours.port, first),
            _findscu("dcmqrscp", theirs.aet, theirs.port, first),
            goal=GOAL,
        )


def _findscu(label: str, aet: str, port: int, first: Path) -> Command:
    keys = [*above(first), "QueryRetrieveLevel=IMAGE", *RETURNED]
    words = [word for key in keys for word in ("-k", key)]
    argv = [peers.program("findscu"), "-S", "-aec", aet, *words, peers.HOST, str(port)]
    return Command(label, argv, env=NODELAY)


def _million(folder: Path) -> MadeIndex:
    index = MadeIndex(str(folder / "index.sqlite"))
    index.fill(STUDIES)
    return index


def _of_a_million(index: MadeIndex) -> bool:
    print("studies of an index of 1,000,000 instances, with names, modalities and numbers of instances")
    met = True
    for keys in QUERIES:
        took = [_searched(index, keys) for _ in range(7)]
        seconds = median(each[0] for each in took)
        met = met and seconds < MOMENT
        shown = ", ".join(f"{keyword}={value}" for keyword, value in keys.items())
        verdict = f"goal {1000 * MOMENT:g}: {'met' if seconds < MOMENT else 'MISSED'}"
        print(f"  {shown:<55} {took[0][1]:5d} found in {1000 * seconds:6.2f} ms, {verdict}")
    return met


def _searched(index: MadeIndex, keys: dict[str, str]) -> tuple[float, int]:
    """Seconds from an identifier to the last response, and how many there are."""
    started = time.perf_counter()
    search = Search(STUDY_ROOT, made(QueryRetrieveLevel="STUDY", **{**ASKED, **keys}), "ARCHIVE")
    responses = Responses(search, IMPLICIT)
    found = [responses.of(row) for rows in search.pages(index.reader) for row in rows]
    return time.perf_counter() - started, len(found)


if __name__ == "__main__":
    sys.exit(main())
