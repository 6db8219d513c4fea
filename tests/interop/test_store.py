"""``dcmtools store`` and real archives: what they hold in the end is what the files held."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.support import samples
from tests.support.peers import RunningPeer, dcmqrscp, orthanc, requires_dcmtk, requires_orthanc, storescp
from tests.support.run import Run, run

NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}
REFUSED = "the peer accepts no "


def store(peer: RunningPeer, *args: object) -> Run:
    return run("store", peer.address, "--format", "json", *args)


def stored(result: Run) -> list[dict[str, Any]]:
    return [record for record in result.records if record["outcome"] in ("done", "warning")]


def refused(result: Run) -> list[dict[str, Any]]:
    """Those for which the peer accepted no context."""
    failed = [record for record in result.records if record["outcome"] == "failed"]
    return [record for record in failed if record["error"]["message"].startswith(REFUSED)]


def sent_bytes(record: dict[str, Any]) -> bytes:
    data = samples.dataset_bytes(Path(record["file"]))
    if "zero byte" in record.get("note", ""):
        data = data[: len(data) - int(record["note"].split()[0])]
    return data + bytes(len(data) % 2)


@pytest.fixture(scope="module")
def distinct_files() -> list[Path]:
    """One file for each SOP Instance UID: an archive keeps the last or the first of a name."""
    from pydicom import dcmread

    found: dict[str, Path] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom finds many a fault in its own files
        for path in samples.real_files():
            uid = str(dcmread(path, force=True, stop_before_pixels=True).get("SOPInstanceUID", ""))
            found.setdefault(uid, path)
    return list(found.values())


@requires_dcmtk
def test_every_real_file_arrives_byte_for_byte(tmp_path: Path, distinct_files: list[Path]) -> None:
    """+xa: whatever is proposed is accepted where it is known; +B: data sets are written as they come."""
    with storescp(tmp_path, "+xa", "+B", "-uf") as peer:
        result = store(peer, *distinct_files)
        kept = [samples.dataset_bytes(path) for path in peer.received()]
    done = stored(result)
    assert len(done) > 100
    assert [record["file"] for record in done if sent_bytes(record) not in kept] == []
    assert len(kept) == len(done)
    failed = [record for record in result.records if record["outcome"] == "failed"]
    codes = {record["error"]["code"] for record in failed if record not in refused(result)}
    assert codes <= {"malformed", "input", "unsuitable", "not-dicom"}, "no file was lost on the way"


@requires_dcmtk
def test_a_stock_storescp(tmp_path: Path, distinct_files: list[Path]) -> None:
    """It takes the native syntaxes only: all of those are stored, and every other file is named."""
    with storescp(tmp_path) as peer:
        result = store(peer, "--transcode", "never", *distinct_files)
        received = peer.received()
    assert result.status == 1
    done = stored(result)
    assert len(done) > 60
    assert {record["transfer_syntax_uid"] for record in done} <= NATIVE
    for record in refused(result):
        reason = record["error"]["message"].rpartition(": ")[2]
        if record["transfer_syntax_uid"] in NATIVE:
            assert reason == "it does not support this SOP class"
    assert len(received) == len(done)


@requires_dcmtk
def test_a_wrong_called_title_is_told(tmp_path: Path) -> None:
    """dcmqrscp knows its storage areas by title, PS3.8 9.3.4 reason 7 or 3."""
    with dcmqrscp(tmp_path / "archive") as peer:
        result = run("store", f"WRONG@127.0.0.1:{peer.port}", samples.ct())
    assert result.status == 4
    assert "associate: rejected (permanent): " in result.stderr
    assert "called 'WRONG', calling 'DCMTOOLS'" in result.stderr


@requires_dcmtk
def test_dcmqrscp(tmp_path: Path) -> None:
    paths = samples.make_small(tmp_path / "files", 10)
    with dcmqrscp(tmp_path / "archive") as peer:
        result = store(peer, tmp_path / "files")
        held = {samples.dataset_bytes(path) for path in peer.received()}
    assert result.status == 0
    assert result.stderr == "10 stored\n"
    assert held == {samples.dataset_bytes(path) for path in paths}


@requires_dcmtk
def test_a_receiver_that_aborts_in_mid_batch(tmp_path: Path) -> None:
    """storescp --abort-during ends the association within the first data set it is sent, each time.

    All of a small file has gone out by then: to this side the peer is one that may have stored it.
    """
    paths = samples.make_small(tmp_path / "files", 3)
    with storescp(tmp_path / "peer", "--abort-during") as peer:
        result = store(peer, *paths)
    assert result.status == 4
    assert [record["outcome"] for record in result.records] == ["unknown"] * 3
    assert "the peer aborted the association" in result.stderr


@requires_orthanc
def test_orthanc_and_every_real_file_that_it_takes(tmp_path: Path, distinct_files: list[Path]) -> None:
    """What it answered with success it has. It writes data sets anew, but the pixel data as they came."""
    from pydicom import dcmread

    compared = 0
    with orthanc(tmp_path) as peer, warnings.catch_warnings():
        result = store(peer, *distinct_files)
        assert peer.count_instances() == len(stored(result))
        warnings.simplefilter("ignore")
        for record in stored(result):
            held = dcmread(BytesIO(peer.instance_file(record["sop_instance_uid"])))
            sent = dcmread(record["file"])
            assert held.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
            assert held.SOPClassUID == record["sop_class_uid"]
            if "PixelData" in sent and "NumberOfFrames" not in sent:
                assert held["PixelData"].value == sent["PixelData"].value, record["file"]
                compared += 1
    assert compared > 50


@requires_orthanc
def test_orthanc_and_the_same_files_twice(tmp_path: Path) -> None:
    """C-STORE is idempotent by SOP Instance UID; a plain data set is kept byte for byte."""
    files = samples.make_small(tmp_path / "files", 5)
    with orthanc(tmp_path / "orthanc") as peer:
        assert store(peer, *files).status == 0
        assert store(peer, *files).status == 0
        assert peer.count_instances() == 5
        held = tmp_path / "held"
        for number, path in enumerate(files, 1):
            held.write_bytes(peer.instance_file(samples.sop_instance_uid(number)))
            assert samples.dataset_bytes(held) == samples.dataset_bytes(path)


@requires_dcmtk
def test_three_associations_at_once(tmp_path: Path) -> None:
    """--fork: a process of its own for each."""
    paths = samples.make_ct(tmp_path / "files", 60, 20_000)
    with storescp(tmp_path, "--fork") as peer:
        result = store(peer, "--jobs", 3, *paths)
        assert len(peer.received()) == 60
    assert (result.status, len(stored(result))) == (0, 60)
    assert sorted(record["file"] for record in result.records) == sorted(map(str, paths))
