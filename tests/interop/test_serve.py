"""``dcmtools serve`` as other people's senders find it; a bit preserving storescp judges the bytes."""

from __future__ import annotations

import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.filereader import read_file_meta_info

from tests.support import peers, samples
from tests.support.peers import HOST, dcmtk, requires_dcmtk, requires_orthanc
from tests.support.run import run
from tests.support.served import Served, served, serving

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NODELAY = {"TCP_NODELAY": "1"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "archive") as running:
        yield running


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.Orthanc]:
    with peers.orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


def data_sets(paths: Iterable[Path]) -> dict[str, tuple[str, bytes]]:
    """By SOP Instance UID: transfer syntax and the bytes of the data set."""
    found = {}
    for path in paths:
        meta = read_file_meta_info(path)
        found[str(meta.MediaStorageSOPInstanceUID)] = (
            str(meta.TransferSyntaxUID),
            samples.dataset_bytes(path),
        )
    return found


@cache
def files() -> list[Path]:
    """A file for each instance there is among the real ones."""
    found: dict[str, Path] = {}
    for path in samples.real_files():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data_set = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        if "TransferSyntaxUID" in data_set.file_meta and "SOPInstanceUID" in data_set:
            found.setdefault(str(data_set.SOPInstanceUID), path)
    assert len(found) > 130
    return list(found.values())


# ---------------------------------------------------------------- echo and rejection


@requires_dcmtk
def test_echoscu_is_answered(server: Served) -> None:
    result = dcmtk("echoscu", "-v", HOST, server.port)
    assert result.returncode == 0
    assert "Received Echo Response (Success)" in result.stderr


@requires_orthanc
def test_orthanc_is_answered(server: Served, orthanc: peers.Orthanc) -> None:
    orthanc.echo_to("DCMTOOLS", server.port)


def test_pynetdicom_is_answered(server: Served) -> None:
    from pynetdicom import AE

    entity = AE()
    entity.add_requested_context("1.2.840.10008.1.1")
    association = entity.associate(HOST, server.port)
    assert association.send_c_echo().Status == 0
    association.release()


@requires_dcmtk
@pytest.mark.parametrize(
    ("options", "arguments", "reason"),
    [
        (("--aet", "ARCHIVE"), ("-aec", "ARCHIVE"), None),
        (("--aet", "ARCHIVE"), ("-aec", "OTHER"), "Called AE Title Not Recognized"),
        (("--allow-aet", "CT1"), ("-aet", "CT1"), None),
        (("--allow-aet", "CT1"), ("-aet", "CT2"), "Calling AE Title Not Recognized"),
        (("--allow-ip", "127.0.0.0/8"), (), None),
    ],
)
def test_whom_echoscu_finds_at_home(
    tmp_path: Path, options: tuple[str, ...], arguments: tuple[str, ...], reason: str | None
) -> None:
    with served(tmp_path / "archive", *options) as running:
        result = dcmtk("echoscu", *arguments, HOST, running.port)
    if reason is None:
        assert (result.returncode, result.stderr) == (0, "")
    else:
        assert "Result: Rejected Permanent, Source: Service User" in result.stderr
        assert f"Reason: {reason}" in result.stderr


# ---------------------------------------------------------------- storing


@requires_dcmtk
@pytest.mark.parametrize("option", ["-R", "+C", "-xv", "-xs", "-xi", "-xe", "-xb", "-xd"])
def test_what_storescu_sends_is_kept_byte_for_byte(tmp_path: Path, server: Served, option: str) -> None:
    with peers.storescp(tmp_path / "scp", "+B", "+xa", env=NODELAY) as judge:
        for port in (server.port, judge.port):
            dcmtk("storescu", "-nh", "-R", option, HOST, port, *files(), env=NODELAY)
        ours, theirs = data_sets(server.kept()), data_sets(judge.received())
    assert len(theirs) > 100
    assert [uid for uid in theirs if ours.get(uid) != theirs[uid]] == []
    assert server.unfinished() == []


@requires_dcmtk
def test_what_dcmsend_sends_is_kept_byte_for_byte(tmp_path: Path, server: Served) -> None:
    with peers.storescp(tmp_path / "scp", "+B", "+xa", env=NODELAY) as judge:
        for port in (server.port, judge.port):
            dcmtk("dcmsend", "-nh", HOST, port, *files(), env=NODELAY)
        ours, theirs = data_sets(server.kept()), data_sets(judge.received())
    assert len(theirs) > 100
    assert [uid for uid in theirs if ours.get(uid) != theirs[uid]] == []


@requires_dcmtk
def test_every_file_that_is_kept_is_a_dicom_file_to_others(server: Served) -> None:
    dcmtk("dcmsend", "-nh", HOST, server.port, *files(), env=NODELAY)
    assert len(server.kept()) > 130
    checked = dcmtk("dcmftest", *server.kept())
    assert checked.returncode == 0
    assert checked.stdout.count("yes: ") == len(server.kept())
    for path in server.kept():
        with path.open("rb") as file:
            assert file.read(128) == bytes(128)
        meta = read_file_meta_info(path)
        [length] = [element.value for element in meta if element.tag == 0x00020000]
        assert 144 + length + len(samples.dataset_bytes(path)) == path.stat().st_size
        assert path.stem == meta.MediaStorageSOPInstanceUID
        assert meta.SourceApplicationEntityTitle == "DCMSEND"


def test_what_dcmtools_store_sends_is_the_file_itself(server: Served) -> None:
    result = run("store", server.address, *files(), "--format", "json")
    sent = {
        record["sop_instance_uid"]: Path(record["file"])
        for record in result.records
        if record.get("status") == "0000"
    }
    assert len(sent) > 100
    assert {path.stem for path in server.kept()} == set(sent)
    for path in server.kept():
        original = samples.dataset_bytes(sent[path.stem])
        received = samples.dataset_bytes(path)
        # But for zeros that are no part of the data set, or that make its length even.
        assert received.rstrip(b"\0") == original.rstrip(b"\0")
        assert len(received) <= len(original) + 1


@requires_dcmtk
@requires_orthanc
def test_what_orthanc_sends_is_kept_byte_for_byte(
    tmp_path: Path, server: Served, orthanc: peers.Orthanc
) -> None:
    with peers.storescp(tmp_path / "scp", "+B", "+xa", aet="JUDGE", env=NODELAY) as judge:
        for path in files():
            with suppress(OSError):  # not to Orthanc's taste
                orthanc.upload(path)
        answer = orthanc.store_to("DCMTOOLS", server.port)
        assert (answer["FailedInstancesCount"], answer["InstancesCount"]) == (0, orthanc.count_instances())
        assert len(server.kept()) == answer["InstancesCount"]
        for uid in [path.stem for path in server.kept()]:
            with suppress(OSError):  # not to storescp's
                orthanc.store_to("JUDGE", judge.port, uid)
        ours, theirs = data_sets(server.kept()), data_sets(judge.received())
    assert len(theirs) > 100
    assert [uid for uid in theirs if ours[uid] != theirs[uid]] == []


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_pynetdicom_sends_is_what_it_read(server: Served) -> None:
    from pynetdicom import AE

    chosen = [samples.ct(), samples.mr(), samples.real_file("JPEG2000.dcm"), samples.real_file("rtplan.dcm")]
    sent = {str(each.SOPInstanceUID): each for each in map(pydicom.dcmread, chosen)}
    entity = AE()
    for each in sent.values():
        entity.add_requested_context(each.SOPClassUID, each.file_meta.TransferSyntaxUID)
    association = entity.associate(HOST, server.port)
    assert [association.send_c_store(each).Status for each in sent.values()] == [0] * len(chosen)
    association.release()
    assert {path.stem: pydicom.dcmread(path) for path in server.kept()} == sent
