"""Archives and clients of independent make, pynetdicom and dcmjs-dimse: they find, move and get with ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.net.status import CANCELED, PENDING, SUCCESS
from tests.support.peers import dcmjs, dcmjs_scp, qr_scp, requires_dcmjs
from tests.support.run import run
from tests.support.samples import dataset_bytes, make_small, sop_instance_uid
from tests.support.served import associated, serving, store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.served import Served

COUNT = 5
STUDY = "2.25.660000000001"
UIDS = [sop_instance_uid(number) for number in range(1, COUNT + 1)]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return make_small(tmp_path / "in", COUNT)


@pytest.fixture
def archive(tmp_path: Path, files: list[Path]) -> Iterator[Served]:
    """Ours, with the files in it."""
    with serving(tmp_path / "archive") as server:
        with associated(server.port) as association:
            for uid, path in zip(UIDS, files, strict=True):
                assert store(association, uid, dataset_bytes(path)) == SUCCESS
        yield server


def received(folder: Path) -> list[bytes]:
    """The data sets of what has come, each as it was sent."""
    return sorted(dataset_bytes(path) for path in folder.rglob("*.dcm"))


def sent(files: list[Path]) -> list[bytes]:
    return sorted(map(dataset_bytes, files))


# ---------------------------------------------------------------- their archives


def test_find_and_get_from_pynetdicom(tmp_path: Path, files: list[Path]) -> None:
    with qr_scp(tmp_path / "peer", *files) as peer:
        found = run("find", peer.address, "--format", "json", "-k", "PatientName=synth*")
        assert [record["study_instance_uid"] for record in found.records] == [STUDY]
        fetched = run("get", peer.address, "-o", tmp_path / "out", "-", stdin=found.stdout.encode())
    assert fetched.status == 0, fetched.stderr
    assert received(tmp_path / "out") == sent(files)


def test_extended_negotiation_with_pynetdicom(tmp_path: Path, files: list[Path]) -> None:
    with qr_scp(tmp_path / "peer", *files) as peer:
        found = run("find", peer.address, "--fuzzy", "--relational", "--level", "image")
        told = peer.log()
    assert found.status == 0, found.stderr
    assert "extended 1.2.840.10008.5.1.4.1.2.2.1 010001" in told


def test_move_from_pynetdicom_into_ours(tmp_path: Path, files: list[Path]) -> None:
    with (
        serving(tmp_path / "ours") as server,
        qr_scp(tmp_path / "peer", *files, destinations={"OURS": server.port}) as peer,
    ):
        moved = run("move", peer.address, "--to", "OURS", "--study", STUDY)
        assert moved.status == 0, moved.stderr
        assert received(server.folder) == sent(files)


@requires_dcmjs
def test_find_and_move_from_dcmjs(tmp_path: Path, files: list[Path]) -> None:
    with (
        serving(tmp_path / "ours") as server,
        dcmjs_scp(tmp_path / "peer", *files, destinations={"OURS": server.port}) as peer,
    ):
        found = run("find", peer.address, "--format", "json", "-k", "PatientID=SYN0001")
        assert [record["study_instance_uid"] for record in found.records] == [STUDY]
        moved = run("move", peer.address, "--to", "OURS", "-", stdin=found.stdout.encode())
        assert moved.status == 0, moved.stderr
        assert len(received(server.folder)) == COUNT
        unknown = run("move", peer.address, "--to", "NOBODY", "--study", STUDY)
    assert unknown.status == 5
    assert "A801" in unknown.stderr


# ---------------------------------------------------------------- their clients


@requires_dcmjs
def test_dcmjs_finds_in_ours(archive: Served) -> None:
    keys = {"StudyInstanceUID": "", "PatientName": "syn*", "NumberOfStudyRelatedInstances": ""}
    match, final = dcmjs("FIND", archive.address, "STUDY", keys)
    assert (match["status"], final["status"]) == (PENDING, SUCCESS)
    assert match["data"]["StudyInstanceUID"] == STUDY
    assert match["data"]["PatientName"] == [{"Alphabetic": "Synthetic^Sam"}]
    assert int(match["data"]["NumberOfStudyRelatedInstances"]) == COUNT


@requires_dcmjs
def test_dcmjs_gets_from_ours(archive: Served) -> None:
    said = dcmjs("GET", archive.address, "STUDY", {"StudyInstanceUID": STUDY})
    assert sorted(each["stored"] for each in said if "stored" in each) == UIDS
    assert said[-1]["status"] == SUCCESS
    assert (said[-1]["completed"], said[-1]["failed"]) == (COUNT, 0)


@requires_dcmjs
def test_dcmjs_is_told_of_an_unknown_destination(archive: Served) -> None:
    [final] = dcmjs("MOVE", archive.address, "STUDY", {"StudyInstanceUID": STUDY}, destination="NOBODY")
    assert final["status"] == 0xA801


@requires_dcmjs
def test_dcmjs_cancels(archive: Served) -> None:
    """The end is FE00 or, where the C-CANCEL came too late, success."""
    keys = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": "2.25.660000000002", "SOPInstanceUID": ""}
    said = dcmjs("FIND", archive.address, "IMAGE", keys, cancelAfter=1)
    assert said[-1]["status"] in (SUCCESS, CANCELED)
    assert len(said) <= COUNT + 1
