"""Faults on purpose, as the tests of a sender want them; here the sender is ours."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import AssociationError
from dcmtools.net.pdu import AssociateRJ
from dcmtools.scp.faults import Faults
from dcmtools.scp.serve import Receiving
from tests.support.run import run
from tests.support.served import (
    BIG,
    CT,
    EXPLICIT,
    IMPLICIT,
    SUCCESS,
    VERIFICATION,
    ask,
    associated,
    data_set,
    echo,
    served,
    serving,
    store,
    store_request,
)

if TYPE_CHECKING:
    from pathlib import Path

JPEG = "1.2.840.10008.1.2.4.70"


def faulty(**faults: object) -> Receiving:
    return Receiving(durable=False, faults=Faults(**faults))  # type: ignore[arg-type]  # as a test has them


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("called-aet", "permanent): called AE title not recognized"),
        ("congestion", "transient): temporary congestion"),
        ("2/3/2", "transient): local limit exceeded"),
    ],
)
def test_every_association_is_refused(tmp_path: Path, word: str, reason: str) -> None:
    with served(tmp_path / "archive", "--refuse", word) as server:
        for _ in range(2):
            with pytest.raises(AssociationError) as caught:
                echo(server.port)
            assert reason in caught.value.message
        assert server.stop() == 0
        assert server.log().count("dcmtools serve: warning: rejected association=") == 2
        assert "dcmtools serve: warning: this server makes faults on purpose" in server.log()


@pytest.mark.parametrize("status", ["A700", "C123", "0110"])
def test_a_failure_status_stores_nothing(tmp_path: Path, status: str) -> None:
    with served(tmp_path / "archive", "--status", status) as server:
        with associated(server.port) as association:
            for _ in range(2):
                answer = ask(association, store_request("1.2.3.4"), [data_set()])
                assert answer["Status"] == int(status, 16)
                assert answer["ErrorComment"] == "refused, as --status asks"
        assert echo(server.port) == SUCCESS
        assert server.is_empty()
        assert server.stop() == 0
        assert server.log().count(f"status={status} reason=") == 2


@pytest.mark.parametrize("status", ["B000", "B007", "0001"])
def test_a_warning_status_stores_all_the_same(tmp_path: Path, status: str) -> None:
    with served(tmp_path / "archive", "--status", status, "-v") as server:
        assert stored(server.port) == int(status, 16)
        assert len(server.kept()) == 1
        assert server.stop() == 0
        assert f" status={status} bytes=" in server.log()


def test_with_a_warning_status_what_cannot_be_stored_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, receiving=faulty(status=0xB000)) as server, associated(server.port) as association:
        assert store(association, "1.2.3.4", data_set()) == 0xB000
        assert store(association, "1.2.9", data_set()) == 0xA900


def test_responses_wait(tmp_path: Path) -> None:
    with serving(tmp_path, receiving=faulty(delay=0.3)) as server:
        for request in (echo, stored):
            started = time.monotonic()
            assert request(server.port) == SUCCESS
            assert 0.3 <= time.monotonic() - started < 2


def stored(port: int) -> int:
    with associated(port) as association:
        return store(association, "1.2.3.4", data_set())


def test_a_wait_does_not_outlast_the_server(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "--delay", 100) as server, associated(server.port) as association:
        context = next(iter(association.contexts.values()))
        association.send(context, {"CommandField": 0x0030, "MessageID": 1, "CommandDataSetType": 0x0101})
        time.sleep(0.2)
        assert server.stop() == 0


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_association_is_aborted_after_so_many(tmp_path: Path, count: int) -> None:
    with serving(tmp_path, receiving=faulty(abort_after=count)) as server:
        for turn in range(2):
            with associated(server.port, CT, VERIFICATION) as association:
                for number in range(count):
                    uid = f"1.2.{turn}.{number}"
                    assert store(association, uid, data_set(uid)) == SUCCESS
                with pytest.raises(AssociationError, match=r"aborted|broke"):
                    store(association, "1.9", data_set("1.9"))
        assert len(server.kept()) == 2 * count
        assert server.unfinished() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--refuse", "never"),
        ("--status", "success"),
        ("--delay", "-1"),
        ("--abort-after", "-1"),
        ("--count", "0"),
        ("--idle-exit", "0"),
        ("--max-associations", "0"),
        ("--on-duplicate", "overwrite"),
        ("--transfer-syntax", "jpeg3000"),
    ],
)
def test_what_is_no_fault_is_refused(tmp_path: Path, arguments: tuple[str, str]) -> None:
    result = run("serve", tmp_path / "archive", "--port", 0, *arguments)
    assert (result.status, result.stdout) == (2, "")
    assert arguments[0] in result.stderr
    assert not (tmp_path / "archive").exists()


def test_a_server_that_refuses_all_says_so_before_it_asks_who_calls() -> None:
    from dcmtools.acceptor.admission import ServerOptions
    from dcmtools.net.pdu import AssociateRQ
    from dcmtools.net.user_information import UserInformation

    options = ServerOptions(aet="ARCHIVE", refuse=AssociateRJ(2, 3, 1))
    request = AssociateRQ("OTHER", "CT1", (), UserInformation(16384, "1.2.3"))
    assert options.refusal(request) == AssociateRJ(2, 3, 1)


# ---------------------------------------------------------------- transfer syntaxes


def test_only_wanted_transfer_syntaxes_are_accepted_the_preferred_first(tmp_path: Path) -> None:
    policy = ("--transfer-syntax", "JPEGLosslessSV1", "--transfer-syntax", "implicit")
    with served(tmp_path / "archive", *policy) as server:
        for proposed, accepted in (
            ([EXPLICIT, IMPLICIT, JPEG], JPEG),
            ([EXPLICIT, IMPLICIT], IMPLICIT),
            ([EXPLICIT, BIG], None),
        ):
            with associated(server.port, syntaxes=proposed) as association:
                contexts = [context.transfer_syntax for context in association.contexts.values()]
                assert contexts == ([accepted] if accepted else [])
                assert association.refused == ({} if accepted else {1: 4})
        assert echo(server.port) == SUCCESS  # in explicit VR
