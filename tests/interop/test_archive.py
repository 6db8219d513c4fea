"""``dcmtools serve`` as an archive, as other people's clients find it: DCMTK, pynetdicom, dcmjs-dimse."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.support import peers, samples
from tests.support.peers import HOST, dcmjs, dcmtk, requires_dcmjs, requires_dcmtk
from tests.support.run import run
from tests.support.served import ServedProcess, served

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NODELAY = {"TCP_NODELAY": "1"}
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
SUCCESS, PENDING, CANCELED, PARTLY, UNKNOWN = 0x0000, 0xFF00, 0xFE00, 0xB000, 0xA801


@contextmanager
def archive(
    folder: Path, *files: Path, destinations: dict[str, int] | None = None
) -> Iterator[ServedProcess]:
    """Our archive, with these files stored into it by storescu."""
    known = [f"--destination={aet}={HOST}:{port}" for aet, port in (destinations or {}).items()]
    with served(folder / "archive", "--aet", "ARCHIVE", "--fsync", "off", *known) as server:
        if files:
            sent = dcmtk("storescu", "-R", "-aec", "ARCHIVE", HOST, server.port, *files, env=NODELAY)
            assert sent.returncode == 0, sent.stderr
        yield server


@pytest.fixture(scope="module")
def ct(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return samples.make_ct(tmp_path_factory.mktemp("ct"), 12, 64 * 1024)


@pytest.fixture(scope="module")
def study(ct: list[Path]) -> str:
    return str(pydicom.dcmread(ct[0], stop_before_pixels=True).StudyInstanceUID)


def data_sets(paths: Iterable[Path]) -> dict[str, bytes]:
    """The bytes of each data set by its SOP Instance UID."""
    return {
        str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID): samples.dataset_bytes(path)
        for path in paths
    }


# ---------------------------------------------------------------- DCMTK


@requires_dcmtk
def test_findscu_finds_what_storescu_stored(tmp_path: Path, ct: list[Path], study: str) -> None:
    with archive(tmp_path, *ct) as server:
        keys = ("-k", "QueryRetrieveLevel=IMAGE", "-k", f"StudyInstanceUID={study}", "-k", "InstanceNumber")
        series = str(pydicom.dcmread(ct[0], stop_before_pixels=True).SeriesInstanceUID)
        place = ("-k", f"SeriesInstanceUID={series}", "-k", "SOPInstanceUID")
        answer = dcmtk("findscu", "-S", "-v", "-aec", "ARCHIVE", *keys, *place, HOST, server.port)
    assert answer.returncode == 0
    assert answer.stderr.count("Find Response: ") == len(ct)
    assert "Received Final Find Response (Success)" in answer.stderr


@requires_dcmtk
@pytest.mark.parametrize("option", ["+x=", "+xe"])
def test_getscu_gets_them(tmp_path: Path, ct: list[Path], study: str, option: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with archive(tmp_path, *ct) as server:
        answer = dcmtk(
            "getscu", "-S", "-v", "+B", option, "-aec", "ARCHIVE", "-od", out,
            "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}", HOST, server.port,
        )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    got = list(out.iterdir())
    assert len(got) == len(ct)
    assert data_sets(got) == data_sets(ct)


@requires_dcmtk
def test_movescu_moves_them_to_another_and_to_itself(tmp_path: Path, ct: list[Path], study: str) -> None:
    (own,) = peers.free_ports(1)
    with (
        peers.storescp(tmp_path / "there", "+B", aet="THERE") as there,
        archive(tmp_path, *ct, destinations={"THERE": there.port, "MOVESCU": own}) as server,
    ):
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}")
        moved = dcmtk("movescu", "-S", "-aec", "ARCHIVE", "-aem", "THERE", *keys, HOST, server.port)
        assert (moved.returncode, moved.stderr) == (0, "")
        assert data_sets(there.received()) == data_sets(ct)
        itself = tmp_path / "itself"
        itself.mkdir()
        moved = dcmtk(
            "movescu", "-S", "-aec", "ARCHIVE", "-aet", "MOVESCU", "-aem", "MOVESCU", "+P", own,
            "-od", itself, *keys, HOST, server.port,
        )  # fmt: skip
        assert moved.returncode == 0, moved.stderr
        assert data_sets(itself.iterdir()).keys() == data_sets(ct).keys()


@requires_dcmtk
def test_what_movescu_is_told_of_failures(tmp_path: Path, ct: list[Path], study: str) -> None:
    (nobody,) = peers.free_ports(1)
    with archive(tmp_path, *ct, destinations={"DOWN": nobody}) as server:
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}")
        for destination, words in (("NOWHERE", "MoveDestinationUnknown"), ("DOWN", "SubOperations")):
            moved = dcmtk(
                "movescu", "-S", "-v", "-aec", "ARCHIVE", "-aem", destination, *keys, HOST, server.port
            )
            assert moved.returncode == 69
            assert words in moved.stderr


@requires_dcmtk
def test_what_is_compressed_comes_as_it_is(tmp_path: Path) -> None:
    compressed = samples.real_file("JPEG2000.dcm")
    with served(tmp_path / "archive") as server:
        assert run("store", server.address, compressed).status == 0
        got = got_by_getscu(tmp_path, server.port, compressed, "+xw")
    assert data_sets(got) == data_sets([compressed])


@requires_dcmtk
@pytest.mark.parametrize("name", ["JPEG2000.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm"])
def test_what_is_compressed_comes_decompressed_where_that_is_asked_for(tmp_path: Path, name: str) -> None:
    compressed = samples.real_file(name)
    with served(tmp_path / "archive") as server:
        assert run("store", server.address, compressed).status == 0
        [path] = got_by_getscu(tmp_path, server.port, compressed, "+xe")
    got, original = pydicom.dcmread(path), pydicom.dcmread(compressed)
    assert got.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert got.SOPInstanceUID == original.SOPInstanceUID
    assert np.array_equal(got.pixel_array, original.pixel_array)


def got_by_getscu(folder: Path, port: int, file: Path, option: str) -> list[Path]:
    """The study of ``file``, in what ``option`` proposes."""
    out = folder / option
    out.mkdir()
    study = pydicom.dcmread(file, stop_before_pixels=True).StudyInstanceUID
    answer = dcmtk(
        "getscu", "-S", "-v", "+B", option, "-od", out, "-k", "QueryRetrieveLevel=STUDY",
        "-k", f"StudyInstanceUID={study}", HOST, port,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return list(out.iterdir())


@requires_dcmtk
@pytest.mark.parametrize("option", ["+xe", "+xi"])
def test_movescu_moves_what_is_compressed_to_a_stock_storescp(tmp_path: Path, option: str) -> None:
    compressed = samples.real_file("MR_small_RLE.dcm")
    original = pydicom.dcmread(compressed)
    with (
        peers.storescp(tmp_path / "there", option, aet="THERE") as there,
        served(tmp_path / "in", "--destination", f"THERE={HOST}:{there.port}") as server,
    ):
        assert run("store", server.address, compressed).status == 0
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={original.StudyInstanceUID}")
        moved = dcmtk("movescu", "-S", "-aem", "THERE", *keys, HOST, server.port)
        assert (moved.returncode, moved.stderr) == (0, "")
        [path] = there.received()
        got = pydicom.dcmread(path)
    assert got.file_meta.TransferSyntaxUID.is_implicit_VR == (option == "+xi")
    assert np.array_equal(got.pixel_array, original.pixel_array)


# ---------------------------------------------------------------- pynetdicom


def key(**values: str) -> Dataset:
    identifier = Dataset()
    for keyword, value in values.items():
        setattr(identifier, keyword, value)
    return identifier


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_pynetdicom_finds_gets_and_moves(tmp_path: Path, ct: list[Path], study: str) -> None:
    from pynetdicom import AE, build_role, evt

    stored: list[str] = []

    def take(event: Any) -> int:  # noqa: ANN401  pynetdicom's
        stored.append(str(event.request.AffectedSOPInstanceUID))
        return SUCCESS

    sop_class = str(pydicom.dcmread(ct[0], stop_before_pixels=True).SOPClassUID)
    entity = AE()
    entity.supported_contexts = []
    entity.add_supported_context(sop_class)
    for uid in (STUDY_FIND, STUDY_GET, STUDY_MOVE, sop_class):
        entity.add_requested_context(uid)
    with peers.storescp(tmp_path / "there", aet="THERE") as there:
        with served(tmp_path / "archive", f"--destination=THERE={HOST}:{there.port}") as server:
            assert run("store", server.address, *ct).status == 0
            association = entity.associate(
                HOST,
                server.port,
                ext_neg=[build_role(sop_class, scp_role=True)],
                evt_handlers=[(evt.EVT_C_STORE, take)],
            )
            assert association.is_established
            identifier = key(QueryRetrieveLevel="STUDY", StudyInstanceUID=study, ModalitiesInStudy="")
            matches = [match for _, match in association.send_c_find(identifier, STUDY_FIND) if match]
            assert [match.ModalitiesInStudy for match in matches] == ["CT"]
            *_, (status, _) = association.send_c_get(identifier, STUDY_GET)
            assert (status.Status, status.NumberOfCompletedSuboperations) == (SUCCESS, len(ct))
            *_, (status, _) = association.send_c_move(identifier, "THERE", STUDY_MOVE)
            assert (status.Status, status.NumberOfCompletedSuboperations) == (SUCCESS, len(ct))
            *_, (status, _) = association.send_c_move(identifier, "NOWHERE", STUDY_MOVE)
            assert status.Status == UNKNOWN
            association.release()
        assert len(there.received()) == len(ct)
    assert sorted(stored) == sorted(data_sets(ct))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_pynetdicom_is_told_what_failed(tmp_path: Path, ct: list[Path], study: str) -> None:
    from pynetdicom import AE, build_role, evt

    uids = sorted(data_sets(ct))

    def take(event: Any) -> int:  # noqa: ANN401  pynetdicom's
        return 0xA700 if str(event.request.AffectedSOPInstanceUID) in uids[:2] else SUCCESS

    sop_class = str(pydicom.dcmread(ct[0], stop_before_pixels=True).SOPClassUID)
    entity = AE()
    for uid in (STUDY_GET, sop_class):
        entity.add_requested_context(uid)
    with served(tmp_path / "archive") as server:
        assert run("store", server.address, *ct).status == 0
        association = entity.associate(
            HOST,
            server.port,
            ext_neg=[build_role(sop_class, scp_role=True)],
            evt_handlers=[(evt.EVT_C_STORE, take)],
        )
        identifier = key(QueryRetrieveLevel="STUDY", StudyInstanceUID=study)
        *_, (status, failed) = association.send_c_get(identifier, STUDY_GET)
        association.release()
    assert status.Status == PARTLY
    assert (status.NumberOfCompletedSuboperations, status.NumberOfFailedSuboperations) == (len(ct) - 2, 2)
    assert failed is not None
    assert sorted(failed.FailedSOPInstanceUIDList) == uids[:2]


# ---------------------------------------------------------------- dcmjs-dimse


@requires_dcmjs
def test_dcmjs_finds_gets_and_moves(tmp_path: Path, ct: list[Path], study: str) -> None:
    with (
        peers.storescp(tmp_path / "there", aet="THERE") as there,
        served(tmp_path / "archive", f"--destination=THERE={HOST}:{there.port}") as server,
    ):
        assert run("store", server.address, *ct).status == 0
        asked = {"StudyInstanceUID": study, "PatientName": "", "NumberOfStudyRelatedInstances": ""}
        match, final = dcmjs("FIND", server.address, "STUDY", asked)
        assert (match["status"], final["status"]) == (PENDING, SUCCESS)
        assert str(match["data"]["NumberOfStudyRelatedInstances"]) == str(len(ct))
        told = dcmjs("GET", server.address, "STUDY", {"StudyInstanceUID": study})
        assert sorted(each["stored"] for each in told if "stored" in each) == sorted(data_sets(ct))
        assert (told[-1]["status"], told[-1]["completed"]) == (SUCCESS, len(ct))
        told = dcmjs("MOVE", server.address, "STUDY", {"StudyInstanceUID": study}, destination="THERE")
        assert (told[-1]["status"], told[-1]["completed"], told[-1]["failed"]) == (SUCCESS, len(ct), 0)
        assert len(there.received()) == len(ct)
