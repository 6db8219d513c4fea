"""``dcmtools find`` asks real archives: DCMTK's, Orthanc, pynetdicom's."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support import peers, samples
from tests.support.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT = 12
STUDY, SERIES = "2.25.660000000001", "2.25.660000000002"
ARCHIVES = [
    pytest.param("dcmqrscp", marks=peers.requires_dcmtk),
    pytest.param("orthanc", marks=[peers.requires_orthanc, peers.requires_dcmtk]),
    "pynetdicom",
]


@pytest.fixture(params=ARCHIVES, scope="module")
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an archive with a series of CT images, and one study with an MR image."""
    folder = tmp_path_factory.mktemp(request.param)
    files = [*samples.make_ct(folder / "ct", COUNT, 2000), samples.mr()]
    with running(request.param, folder, files) as peer:
        yield peer.address


@contextmanager
def running(name: str, folder: Path, files: list[Path]) -> Iterator[peers.RunningPeer]:
    if name == "pynetdicom":
        with peers.qr_scp(folder, *files) as peer:
            yield peer
        return
    with (peers.dcmqrscp if name == "dcmqrscp" else peers.orthanc)(folder) as peer:
        done = peers.dcmtk("storescu", "-aec", peer.aet, peers.HOST, peer.port, *files)
        assert done.returncode == 0, done.stderr
        yield peer


def column(stdout: str, number: int = 0) -> list[str]:
    return [line.split("\t")[number] for line in stdout.splitlines()]


def test_all_studies(archive: str) -> None:
    result = run("find", archive)
    assert result.status == 0, result.stderr
    assert len(result.stdout.splitlines()) == 2
    assert STUDY in column(result.stdout)


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        (["PatientName=Compressed*"], 1),
        (["PatientID=4MR1"], 1),
        (["PatientID=none"], 0),
        (["StudyDate=20040826"], 1),
        (["StudyDate=20040101-20041231"], 1),
        (["StudyDate=19000101-19001231"], 0),
        ([f"StudyInstanceUID={STUDY}\\1.2.3"], 1),
    ],
)
def test_keys(archive: str, keys: list[str], count: int) -> None:
    result = run("find", archive, *[word for key in keys for word in ("-k", key)])
    assert (result.status, len(result.stdout.splitlines())) == (0, count)


def test_the_levels_below(archive: str) -> None:
    series = run("find", archive, "-L", "series", "-k", f"StudyInstanceUID={STUDY}", "-r", "Modality")
    assert column(series.stdout) == [SERIES]
    above = ("-k", f"StudyInstanceUID={STUDY}", "-k", f"SeriesInstanceUID={SERIES}")
    images = run("find", archive, "-L", "image", *above, "--format", "json")
    uids = [record["sop_instance_uid"] for record in images.records]
    assert sorted(uids) == sorted(samples.sop_instance_uid(n) for n in range(1, COUNT + 1))
    assert {record["series_instance_uid"] for record in images.records} == {SERIES}


@pytest.mark.parametrize("root", ["-S", "-P"])
def test_a_walk(archive: str, root: str) -> None:
    result = run("find", archive, root, "--all", "-k", "PatientID=", "--format", "json")
    assert result.status == 0, result.stderr
    levels = [record["level"] for record in result.records]
    counts = [levels.count(level) for level in ("PATIENT", "STUDY", "SERIES", "IMAGE")]
    assert counts == [2 if root == "-P" else 0, 2, 2, COUNT + 1]


def test_a_limit(archive: str) -> None:
    above = ("-k", f"StudyInstanceUID={STUDY}", "-k", f"SeriesInstanceUID={SERIES}")
    result = run("find", archive, "-L", "image", *above, "--limit", 3)
    assert (result.status, len(result.stdout.splitlines())) == (0, 3), result.stderr
    assert not result.stderr


def test_a_model_that_it_does_not_know(archive: str) -> None:
    result = run("find", archive, "--model", "HangingProtocol")
    assert result.status == 5
    assert "accepts no HangingProtocolInformationModelFind" in result.stderr


def test_extracted_answers_are_dicom_files(archive: str, tmp_path: Path) -> None:
    result = run("find", archive, "--extract", tmp_path)
    assert result.status == 0
    dumped = run("dump", "--value", "StudyInstanceUID", tmp_path)
    assert sorted(dumped.stdout.split()) == sorted(column(result.stdout))


def test_answers_can_be_put_as_queries(archive: str, tmp_path: Path) -> None:
    path = tmp_path / "query.json"
    first = run("find", archive, "-k", "PatientID=4MR1", "-r", "PatientName", "--format", "dicom-json")
    (answer,) = json.loads(first.stdout)
    path.write_text(json.dumps({tag: answer[tag] for tag in ("00080052", "00100020", "0020000D")}))
    again = run("find", archive, "-f", path)
    assert column(again.stdout) == answer["0020000D"]["Value"]


def test_pynetdicom_agrees_to_extensions(tmp_path: Path) -> None:
    with peers.qr_scp(tmp_path, samples.ct()) as peer:
        result = run("find", peer.address, "--relational", "--fuzzy", "-L", "image")
        assert (result.status, result.stderr) == (0, "")
        assert "extended 1.2.840.10008.5.1.4.1.2.2.1 010001" in peer.log()


def test_a_limit_ends_what_the_archive_is_at(tmp_path: Path) -> None:
    files = samples.make_ct(tmp_path / "files", 4, 2000)
    with peers.qr_scp(tmp_path / "peer", *files, patience=0.3) as peer:
        result = run("find", peer.address, "-L", "image", "--limit", 1)
    assert (result.status, result.stderr, len(result.stdout.splitlines())) == (0, "", 1)
