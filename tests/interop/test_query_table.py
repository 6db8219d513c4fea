"""The same queries put to our archive, to DCMTK's and to Orthanc: every difference is argued from PS3.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.net.status import PENDING_WITH_WARNING, SUCCESS
from dcmtools.query.models import PATIENT_ROOT, STUDY_ROOT
from tests.interop.query_differences import DIFFERENCES, VALUES
from tests.interop.query_table import QUERIES, STUDIES, UID_ROOT, uid
from tests.support.peers import HOST, dcmqrscp, dcmtk, orthanc, requires_dcmtk, requires_orthanc
from tests.support.querying import identifier, put
from tests.support.samples import dataset_bytes
from tests.support.served import EXPLICIT, associated, serving, store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

    from tests.interop.query_table import Query, Study
    from tests.support.querying import Answer, Keys, Row

CLASSES = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4"}
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MODELS = {"PATIENT": PATIENT_ROOT.find, "STUDY": STUDY_ROOT.find}
UNIQUE = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}

# ---------------------------------------------------------------- the archives and their answers


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The instances of the table."""
    folder = tmp_path_factory.mktemp("instances")
    return [_written(folder, data_set) for study in STUDIES for data_set in _instances(study)]


@pytest.fixture(scope="module")
def ours(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """What ours answers, once everything has been stored there."""
    from pydicom import dcmread

    with serving(tmp_path_factory.mktemp("ours")) as server:
        with associated(server.port, *CLASSES.values(), SECONDARY_CAPTURE) as association:
            for path in files:
                sop_class = str(dcmread(path).SOPClassUID)
                data = dataset_bytes(path)
                status = store(association, f"{UID_ROOT}.{path.stem}", data, sop_class=sop_class)
                assert status == SUCCESS
        return answers(server.port)


def answers(port: int, aet: str = "ANY-SCP") -> dict[str, Answer]:
    """What an archive answers to each query, by its name."""
    with associated(port, *MODELS.values(), called=aet) as association:
        return {
            query.name: put(
                association,
                MODELS[query.model],
                identifier(query.keys, query.level, query.charset),
                query.keys,
            )
            for query in QUERIES
        }


def _instances(study: Study) -> Iterator[Dataset]:
    for number, (attributes, instance_numbers) in enumerate(study.series, 1):
        for at, instance_number in enumerate(instance_numbers, 1):
            data_set = _data_set({**study.patient, **study.attributes, **attributes}, study.charset)
            data_set.StudyInstanceUID = uid(study.name)
            data_set.SeriesInstanceUID = uid(f"{study.name}.{number}")
            data_set.SOPInstanceUID = uid(f"{study.name}.{number}.{at}")
            data_set.SOPClassUID = CLASSES.get(str(attributes["Modality"]), SECONDARY_CAPTURE)
            data_set.InstanceNumber = instance_number
            yield data_set


def _data_set(attributes: Keys, charset: str = "") -> Dataset:
    from pydicom.dataset import Dataset

    data_set = Dataset()
    if charset:
        data_set.SpecificCharacterSet = charset
    for keyword, value in attributes.items():
        items = [] if isinstance(value, str | bytes) else [_data_set(each) for each in value]
        setattr(data_set, keyword, items or value)
    return data_set


def _written(folder: Path, data_set: Dataset) -> Path:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = UID(EXPLICIT)
    path = folder / f"{str(data_set.SOPInstanceUID).removeprefix(f'{UID_ROOT}.')}.dcm"
    data_set.save_as(path, enforce_file_format=True)
    return path


# ---------------------------------------------------------------- comparison


def rows_by_name(query: Query, answer: Answer) -> dict[str, Row]:
    """The matches by the names that the table has for them."""
    key = UNIQUE.get((query.level or "").upper(), "")
    return {
        str(row[key]).removeprefix(f"{UID_ROOT}.") or "-" if row.get(key) is not None else f"?{number}": row
        for number, row in enumerate(answer.rows, 1)
    }


def shown(query: Query, answer: Answer) -> str | None:
    """The answer as ``Query.expected`` has it."""
    if answer.outcome != "success":
        return None
    return " ".join(sorted(rows_by_name(query, answer)))


def differing_values(query: Query, one: Answer, other: Answer) -> set[str]:
    """The keys whose values are not the same for an entity that both have; nothing is as good as empty."""
    here, there = rows_by_name(query, one), rows_by_name(query, other)
    return {
        keyword
        for name in here.keys() & there.keys()
        for keyword in query.keys
        if (here[name][keyword] or "") != (there[name][keyword] or "")
    }


def test_ours_is_what_the_standard_asks_for(ours: dict[str, Answer]) -> None:
    wrong = [
        f"{query.name}: expected {query.expected}, got {shown(query, ours[query.name])}"
        f" ({ours[query.name].status:04X} {ours[query.name].comment})"
        for query in QUERIES
        if shown(query, ours[query.name]) != query.expected
    ]
    assert not wrong, "\n".join(wrong)


def test_ours_returns_every_key_or_warns(ours: dict[str, Answer]) -> None:
    """PS3.4 C.2.2.1.3 and C.4.1.1.4: FF01 says that there are keys which the archive does not have."""
    missing = {query.name for query in QUERIES for row in ours[query.name].rows if None in row.values()}
    warned = {query.name for query in QUERIES if PENDING_WITH_WARNING in ours[query.name].pending}
    assert missing == warned
    assert warned == {
        "study: key that archives do not have",
        "study: private key",
        "study: key of series",
        "study: modality of series",
    }


@requires_dcmtk
def test_dcmqrscp_differs_as_is_argued(ours: dict[str, Answer], files: list[Path], tmp_path: Path) -> None:
    with dcmqrscp(tmp_path) as peer:
        stored = dcmtk("storescu", "-aec", peer.aet, HOST, peer.port, *files)
        assert stored.returncode == 0, stored.stderr
        theirs = answers(peer.port, peer.aet)
    check_differences("dcmqrscp", ours, theirs)


@requires_orthanc
def test_orthanc_differs_as_is_argued(ours: dict[str, Answer], files: list[Path], tmp_path: Path) -> None:
    with orthanc(tmp_path) as peer:
        for path in files:
            peer.upload(path)
        theirs = answers(peer.port, peer.aet)
    check_differences("Orthanc", ours, theirs)


def check_differences(peer: str, ours: dict[str, Answer], theirs: dict[str, Answer]) -> None:
    """Fail with what differs and is not listed, and with what is listed and does not differ."""
    found = {
        query.name for query in QUERIES if shown(query, ours[query.name]) != shown(query, theirs[query.name])
    }
    values = {
        keyword
        for query in QUERIES
        for keyword in differing_values(query, ours[query.name], theirs[query.name])
    }
    listed = {name for _, names in DIFFERENCES[peer] for name in names}
    told = {keyword for _, keywords in VALUES[peer] for keyword in keywords}
    lines = [
        *(
            f"not argued: {query.name}: ours {shown(query, ours[query.name])},"
            f" {peer} {shown(query, theirs[query.name])}"
            for query in QUERIES
            if query.name in found - listed
        ),
        *(f"no longer so: {name}" for name in sorted(listed - found)),
        *(f"not argued: values of {keyword}" for keyword in sorted(values - told)),
        *(f"no longer so: values of {keyword}" for keyword in sorted(told - values)),
    ]
    assert not lines, "\n".join(lines)
