"""The real peers start, do what the tests want of them, and are gone afterwards."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support import peers, samples
from tests.support.peers import HOST, dcmtk, requires_dcmtk, requires_orthanc

if TYPE_CHECKING:
    from pathlib import Path


def sent(peer: peers.RunningPeer, *files: Path) -> int:
    return dcmtk("storescu", "-aec", peer.aet, HOST, peer.port, *files).returncode


@requires_dcmtk
def test_storescp_stores_what_it_is_sent(tmp_path: Path) -> None:
    [file] = samples.make_small(tmp_path / "in", 1)
    with peers.storescp(tmp_path / "scp", "-v", env={"TCP_NODELAY": "1"}) as peer:
        assert sent(peer, file) == 0
        [received] = peer.received()
        assert samples.dataset_bytes(received) == samples.dataset_bytes(file)
        assert "Store Request" in peer.log()
    assert peer.process.returncode == -signal.SIGTERM


@requires_dcmtk
def test_a_stopped_storescp_ends_too(tmp_path: Path) -> None:
    with peers.storescp(tmp_path) as peer:
        os.kill(peer.process.pid, signal.SIGSTOP)
    assert peer.process.returncode == -signal.SIGTERM


@requires_dcmtk
def test_dcmqrscp_moves_to_its_destinations(tmp_path: Path) -> None:
    files = samples.make_small(tmp_path / "in", 2)
    with (
        peers.storescp(tmp_path / "scp", aet="STORE1") as destination,
        peers.dcmqrscp(tmp_path / "qr", destinations={"STORE1": destination.port}) as archive,
    ):
        assert sent(archive, *files) == 0
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=2.25.660000000001")
        asked = dcmtk("movescu", "-S", "-aec", archive.aet, "-aem", "STORE1", *keys, HOST, archive.port)
        assert asked.returncode == 0
        assert len(destination.received()) == len(archive.received()) == len(files)


@requires_dcmtk
@requires_orthanc
def test_orthanc_keeps_and_sends(tmp_path: Path) -> None:
    files = samples.make_small(tmp_path / "in", 2)
    with (
        peers.orthanc(tmp_path / "orthanc") as archive,
        peers.storescp(tmp_path / "scp", aet="STORE1") as destination,
    ):
        assert sent(archive, *files) == 0
        archive.upload(samples.ct())
        assert archive.count_instances() == 3
        kept = tmp_path / "kept"
        kept.write_bytes(archive.instance_file(samples.sop_instance_uid(1)))
        assert samples.dataset_bytes(kept) == samples.dataset_bytes(files[0])
        archive.echo_to("STORE1", destination.port)
        archive.store_to("STORE1", destination.port, samples.sop_instance_uid(2))
        assert len(destination.received()) == 1
        archive.store_to("STORE1", destination.port)
        assert len(destination.received()) == 3
        with pytest.raises(OSError, match="Connection refused"):
            archive.echo_to("NOBODY", 1)


@requires_dcmtk
def test_a_failure_shows_the_log(tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as caught, peers.storescp(tmp_path, "-v") as peer:
        assert dcmtk("echoscu", HOST, peer.port).returncode != 0
    assert any("Received Echo Request" in note for note in caught.value.__notes__)


@requires_dcmtk
def test_a_peer_that_ends_at_once_is_an_error_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="Unknown option"), peers.storescp(tmp_path, "--no-such-option"):
        pass


@requires_dcmtk
def test_a_port_taken_in_the_meantime_is_given_up_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with peers.storescp(tmp_path / "first") as first:
        offers = iter([[first.port], peers.free_ports(1)])
        monkeypatch.setattr(peers, "free_ports", lambda _: next(offers))
        with peers.storescp(tmp_path / "second") as second:
            assert second.port != first.port
            assert dcmtk("echoscu", HOST, second.port).returncode == 0


@pytest.mark.parametrize(("promised", "skipped"), [("", True), ("1", False)])
def test_a_missing_program_skips_unless_peers_are_promised(
    promised: str, skipped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCMTOOLS_REQUIRE_PEERS", promised)
    mark = peers.requires("no-such-program", package="nothing").mark
    assert mark.args == (skipped,)
    assert mark.kwargs["reason"] == "not installed: no-such-program (package nothing)"
    with pytest.raises(FileNotFoundError, match="no-such-program is not installed"):
        dcmtk("no-such-program")
