"""C-MOVE and C-GET as SCP: what a receiver does not take as it is stored comes in another transfer syntax."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from dcmtools.net.peer import Peer
from dcmtools.net.status import SUCCESS
from dcmtools.net.stop import Stop
from dcmtools.net.user_information import RoleSelection
from dcmtools.scp.destinations import Destination
from tests.support import samples
from tests.support.accepting import STUDY_GET, STUDY_MOVE
from tests.support.retrieving import Found, Held, Told, kept, retrieve, retrieving
from tests.support.run import run
from tests.support.served import CT, EXPLICIT, HOST, IMPLICIT, associated, served, wait_until
from tests.support.wayward import CRASHES, SLEEPS, Wayward, is_running, wayward

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dcmtools.scu.storing import Transcode

__all__ = ["wayward"]  # a fixture

J2K, LOSSY, VIDEO = (f"1.2.840.10008.1.2.4.{last}" for last in ("90", "91", "102"))
PARTLY, IMPOSSIBLE = 0xB000, 0xA702
COUNT = 3
UIDS = [samples.sop_instance_uid(number) for number in range(1, COUNT + 1)]


@pytest.fixture
def originals(tmp_path: Path) -> dict[str, bytes]:
    """The data sets, explicit VR little endian."""
    files = samples.make_small(tmp_path / "native", COUNT)
    return {uid: samples.dataset_bytes(path) for uid, path in zip(UIDS, files, strict=True)}


@pytest.fixture
def found(tmp_path: Path, originals: dict[str, bytes]) -> Found:
    """What is kept of them, compressed."""
    folder = tmp_path / "compressed"
    assert run("compress", tmp_path / "native", "-o", folder, "--to", J2K).status == 0
    files = sorted(folder.rglob("*.dcm"))
    assert len(files) == len(originals)
    return Found(
        [
            kept(tmp_path, uid, syntax=J2K, data=samples.dataset_bytes(path))
            for uid, path in zip(UIDS, files, strict=True)
        ]
    )


def get(
    folder: Path, found: Found, *syntaxes: str, transcode: Transcode = "lossless", stop: Stop | None = None
) -> Told:
    """One C-GET, with ``syntaxes`` for each context, of which the server accepts the first it can."""
    roles = [RoleSelection(CT, scu=False, scp=True)]
    with (
        retrieving(folder, found, transcode=transcode, stop=stop) as port,
        associated(port, STUDY_GET, CT, syntaxes=syntaxes, roles=roles) as association,
    ):
        return retrieve(association)


def damage(folder: Path, held: Held, data: bytes) -> None:
    """Have the codestream make no sense."""
    path = folder / held.path
    whole = path.read_bytes()
    at = whole.index(b"\xff\x4f\xff\x51")
    path.write_bytes(whole[: at + 4] + data + whole[at + 4 + len(data) :])


# ---------------------------------------------------------------- C-GET


def test_a_requestor_of_native_ones_gets_them(
    tmp_path: Path, found: Found, originals: dict[str, bytes]
) -> None:
    told = get(tmp_path, found, EXPLICIT)
    assert (told.status, told.counts, told.failed) == (SUCCESS, (COUNT, 0, 0), [])
    assert told.stored == originals


def test_in_implicit_vr_the_pixels_are_the_same(
    tmp_path: Path, found: Found, originals: dict[str, bytes]
) -> None:
    told = get(tmp_path, found, IMPLICIT)
    assert told.counts == (COUNT, 0, 0)
    assert {uid: data[-1000:] for uid, data in told.stored.items()} == {
        uid: data[-1000:] for uid, data in originals.items()
    }


def test_a_requestor_of_compressed_ones_gets_native_ones_compressed(
    tmp_path: Path, originals: dict[str, bytes]
) -> None:
    native = Found([kept(tmp_path, uid, data=data) for uid, data in originals.items()])
    told = get(tmp_path, native, J2K, EXPLICIT)
    assert told.counts == (COUNT, 0, 0)
    assert all(b"\xff\x4f\xff\x51" in data for data in told.stored.values())


def test_nothing_is_lost_on_the_way(tmp_path: Path, found: Found) -> None:
    told = get(tmp_path, found, LOSSY, EXPLICIT)
    assert (told.status, told.counts, told.failed) == (IMPOSSIBLE, (0, COUNT, 0), UIDS)
    assert "the peer accepts no CTImageStorage in " in str(told.last["ErrorComment"])


def test_where_it_is_forbidden_they_fail(tmp_path: Path, found: Found) -> None:
    told = get(tmp_path, found, EXPLICIT, transcode="never")
    assert (told.status, told.counts, told.failed) == (IMPOSSIBLE, (0, COUNT, 0), UIDS)


def test_one_that_cannot_be_decoded_has_failed(tmp_path: Path, found: Found) -> None:
    damage(tmp_path, found[1], bytes(36))
    told = get(tmp_path, found, EXPLICIT)
    assert (told.status, told.counts, told.failed) == (PARTLY, (COUNT - 1, 1, 0), [UIDS[1]])
    assert "frame 1: " in str(told.last["ErrorComment"])
    assert list(told.stored) == [UIDS[0], UIDS[2]]


def test_video_has_failed(tmp_path: Path, found: Found) -> None:
    found.append(kept(tmp_path, "1.2.9", syntax=VIDEO))
    told = get(tmp_path, found, EXPLICIT)
    assert (told.counts, told.failed) == ((COUNT, 1, 0), ["1.2.9"])


def test_a_codec_that_crashes_costs_one_instance(tmp_path: Path, found: Found, wayward: Wayward) -> None:
    damage(tmp_path, found[1], b"\x00\x29\x77\x77")
    wayward.does(CRASHES, r"b'\x77\x77' in bytes(data[:20])")
    told = get(tmp_path, found, EXPLICIT)
    assert (told.status, told.counts, told.failed) == (PARTLY, (COUNT - 1, 1, 0), [UIDS[1]])


def test_a_server_that_stops_waits_for_no_codec(tmp_path: Path, found: Found, wayward: Wayward) -> None:
    wayward.does(SLEEPS)
    stop = Stop()

    def end() -> None:
        wait_until(lambda: wayward.pid != 0)
        stop.request()

    thread = threading.Thread(target=end)
    thread.start()
    told = get(tmp_path, found, EXPLICIT, stop=stop)
    thread.join()
    stop.close()
    assert (told.status, told.counts, told.failed) == (IMPOSSIBLE, (0, COUNT, 0), UIDS)
    assert not is_running(wayward.pid)


# ---------------------------------------------------------------- C-MOVE


def move(folder: Path, found: Found, destination: int, transcode: Transcode = "lossless") -> Told:
    destinations = {"THERE": Destination(Peer(HOST, destination, "THERE"))}
    with (
        retrieving(folder, found, destinations, transcode=transcode) as port,
        associated(port, STUDY_MOVE) as association,
    ):
        return retrieve(association, "THERE")


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT], ids=["explicit", "implicit"])
def test_a_destination_of_native_ones_gets_them(tmp_path: Path, found: Found, syntax: str) -> None:
    with served(tmp_path / "there", "--transfer-syntax", syntax) as there:
        told = move(tmp_path, found, there.port)
        assert (told.status, told.counts) == (SUCCESS, (COUNT, 0, 0))
        assert len(there.kept()) == COUNT


def test_a_move_counts_what_cannot_be_decoded(tmp_path: Path, found: Found) -> None:
    damage(tmp_path, found[0], bytes(36))
    with served(tmp_path / "there", "--transfer-syntax", "explicit") as there:
        told = move(tmp_path, found, there.port)
        assert (told.status, told.counts, told.failed) == (PARTLY, (COUNT - 1, 1, 0), [UIDS[0]])
        assert len(there.kept()) == COUNT - 1


def test_a_move_where_it_is_forbidden(tmp_path: Path, found: Found) -> None:
    with served(tmp_path / "there", "--transfer-syntax", "explicit") as there:
        told = move(tmp_path, found, there.port, "never")
        assert there.is_empty()
    assert (told.status, told.counts) == (IMPOSSIBLE, (0, COUNT, 0))


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize(
    ("options", "status"), [((), 0), (("--transcode", "never"), 5)], ids=["by default", "never"]
)
def test_serve_does_as_it_is_told(tmp_path: Path, found: Found, options: Sequence[str], status: int) -> None:
    assert found
    with served(tmp_path / "archive", *options) as server:
        assert run("store", server.address, tmp_path / "compressed").status == 0
        got = run("get", server.address, "--study", "2.25.660000000001", "-o", tmp_path / "got",
                  "--transfer-syntax", "explicit")  # fmt: skip
    assert got.status == status, got.stderr
    assert len(list((tmp_path / "got").rglob("*.dcm"))) == (0 if options else COUNT)


def test_without_retrievals_there_is_nothing_to_forbid(tmp_path: Path) -> None:
    result = run("serve", tmp_path, "--receive-only", "--transcode", "never")
    assert result.status == 2
    assert "--transcode is for what --receive-only does not have: retrievals." in result.stderr
