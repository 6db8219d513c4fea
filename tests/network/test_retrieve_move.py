"""C-MOVE as SCP: what is asked for goes to a destination that is known (PS3.4 C.4.2)."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

import pytest

from dcmtools.acceptor.service import Service
from dcmtools.encoding.dataset import made
from dcmtools.encoding.uids import is_storage_class
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.exchange import invoke
from dcmtools.net.peer import Limits, Peer
from dcmtools.net.status import CANCELED, PENDING, SUCCESS
from dcmtools.net.stop import Stop
from dcmtools.scp.destinations import Destination
from tests.support.accepting import STUDY_MOVE, accepting
from tests.support.retrieving import Found, kept, retrieve, retrieving
from tests.support.served import HOST, IMPLICIT, WITHIN, associated, data_set, wait_until
from tests.support.unruly import (
    Unruly,
    accepts_nothing,
    answers,
    closed_port,
    never_answers,
    rejects,
    resets_request,
    serves,
    silent,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dcmtools.acceptor.session import Session
    from dcmtools.net.incoming import Message
    from tests.support.retrieving import Told
    from tests.support.unruly import Script

PARTLY, IMPOSSIBLE, UNKNOWN = 0xB000, 0xA702, 0xA801
UIDS = ["1.2.1", "1.2.2", "1.2.3"]


class Receiver:
    """A storage SCP: what came, with which request, on which association."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.syntaxes: dict[str, str] = {}
        self.requests: list[dimse.Command] = []
        self.callers: set[str] = set()
        self.contexts: list[int] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def service(self, *syntaxes: str) -> Service:
        return Service(is_storage_class, {CommandField.C_STORE_RQ: self.answer_store}, syntaxes)

    def answer_store(self, session: Session, message: Message) -> None:
        association = session.association
        uid = dimse.text(message.command, "AffectedSOPInstanceUID")
        self.stored[uid] = association.read_data(1 << 26)
        self.syntaxes[uid] = message.context.transfer_syntax
        self.requests.append(message.command)
        self.callers.add(session.calling_aet)
        self.contexts.append(len(association.contexts))
        self.meanwhile()
        association.send(message.context, dimse.response(message.command, SUCCESS))


def known(port: int, timeout: float | None = None) -> dict[str, Destination]:
    limits = Limits(connect_timeout=timeout, acse_timeout=timeout, dimse_timeout=timeout)
    return {"THERE": Destination(Peer(HOST, port, "THERE", limits=limits))}


@pytest.fixture
def found(tmp_path: Path) -> Found:
    return Found([kept(tmp_path, uid) for uid in UIDS])


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def there(receiver: Receiver) -> Iterator[int]:
    with accepting(receiver.service()) as port:
        yield port


def moved(folder: Path, found: Found, destination: int, timeout: float | None = None) -> Told:
    """One C-MOVE to the destination on that port."""
    with (
        retrieving(folder, found, known(destination, timeout)) as port,
        associated(port, STUDY_MOVE) as association,
    ):
        return retrieve(association, "THERE")


# ---------------------------------------------------------------- what is moved


def test_all_arrive_byte_for_byte_and_are_counted(
    tmp_path: Path, found: Found, receiver: Receiver, there: int
) -> None:
    told = moved(tmp_path, found, there)
    assert receiver.stored == {uid: data_set(uid) for uid in UIDS}
    assert (told.status, told.counts, told.failed) == (SUCCESS, (3, 0, 0), [])
    assert set(told.statuses[:-1]) == {PENDING}
    assert told.remaining[0] == 3


def test_the_destination_hears_who_asked(
    tmp_path: Path, found: Found, receiver: Receiver, there: int
) -> None:
    moved(tmp_path, found, there)
    for request in receiver.requests:
        assert request["MoveOriginatorApplicationEntityTitle"] == "TESTER"
        assert request["MoveOriginatorMessageID"] == 1
        assert request["Priority"] == dimse.HIGH
    assert receiver.callers == {"DCMTOOLS"}


def test_the_destination_is_called_as_it_wants(
    tmp_path: Path, found: Found, receiver: Receiver, there: int
) -> None:
    peer = Peer(HOST, there, "THERE", calling_aet="OURTITLE")
    with (
        retrieving(tmp_path, found, {"ALIAS": Destination(peer)}) as port,
        associated(port, STUDY_MOVE) as association,
    ):
        assert retrieve(association, "ALIAS").status == SUCCESS
    assert receiver.callers == {"OURTITLE"}


def test_what_is_native_goes_in_what_the_destination_takes(
    tmp_path: Path, found: Found, receiver: Receiver
) -> None:
    with accepting(receiver.service(IMPLICIT)) as port:
        assert moved(tmp_path, found, port).counts == (3, 0, 0)
    assert set(receiver.syntaxes.values()) == {IMPLICIT}


def test_more_kinds_than_an_association_has_contexts(tmp_path: Path, receiver: Receiver, there: int) -> None:
    classes = [f"1.2.826.0.1.3680043.9.{number}" for number in range(100)]
    found = Found([kept(tmp_path, f"1.2.{n}", sop_class=uid) for n, uid in enumerate(classes)])
    told = moved(tmp_path, found, there)
    assert (told.status, told.counts) == (SUCCESS, (100, 0, 0))
    assert len(receiver.stored) == 100
    assert max(receiver.contexts) == 128
    assert min(receiver.contexts) < 128


def test_nothing_found_is_success_and_nobody_is_called(tmp_path: Path) -> None:
    with closed_port() as port:
        told = moved(tmp_path, Found(), port)
    assert (told.statuses, told.counts) == ([SUCCESS], (0, 0, 0))


# ---------------------------------------------------------------- what is not


def test_an_unknown_destination_is_refused(tmp_path: Path, found: Found) -> None:
    with (
        retrieving(tmp_path, found) as port,
        associated(port, STUDY_MOVE) as association,
    ):
        for name in ("NOWHERE", "there"):
            told = retrieve(association, name)
            assert told.statuses == [UNKNOWN]
            assert repr(name).replace("'", "") in dimse.text(told.last, "ErrorComment")


@pytest.mark.parametrize("script", [rejects(), accepts_nothing, silent], ids=["rejects", "nothing", "silent"])
def test_a_destination_that_takes_nothing(tmp_path: Path, found: Found, script: Script) -> None:
    with Unruly(script) as peer:
        told = moved(tmp_path, found, peer.port, timeout=0.5)
    assert (told.status, told.counts, told.failed) == (IMPOSSIBLE, (0, 3, 0), UIDS)


def test_a_destination_that_is_down(tmp_path: Path, found: Found) -> None:
    with closed_port() as port:
        told = moved(tmp_path, found, port)
    assert (told.status, told.counts, told.failed) == (IMPOSSIBLE, (0, 3, 0), UIDS)
    assert dimse.text(told.last, "ErrorComment").startswith("connect: ")


def test_a_destination_that_never_answers_costs_one_timeout(tmp_path: Path, found: Found) -> None:
    with Unruly(serves(never_answers())) as peer:
        told = moved(tmp_path, found, peer.port, timeout=0.5)
        assert peer.uids == UIDS[:1]
    assert (told.status, told.counts, told.failed) == (IMPOSSIBLE, (0, 3, 0), UIDS)


def test_a_destination_that_breaks_off_gets_the_rest_on_another_association(
    tmp_path: Path, found: Found
) -> None:
    with Unruly(serves(resets_request(), at=2)) as peer:
        told = moved(tmp_path, found, peer.port)
        assert peer.uids == UIDS
    assert (told.status, told.counts, told.failed) == (PARTLY, (2, 1, 0), ["1.2.2"])


def test_what_the_destination_refuses(tmp_path: Path, found: Found) -> None:
    with Unruly(serves(answers(0xA700, "full"), at=2)) as peer:
        told = moved(tmp_path, found, peer.port)
    assert (told.status, told.counts, told.failed) == (PARTLY, (2, 1, 0), ["1.2.2"])


def test_a_file_that_has_gone_does_not_stop_the_others(
    tmp_path: Path, found: Found, receiver: Receiver, there: int
) -> None:
    (tmp_path / found[0].path).unlink()
    told = moved(tmp_path, found, there)
    assert (told.status, told.counts, told.failed) == (PARTLY, (2, 1, 0), ["1.2.1"])
    assert sorted(receiver.stored) == UIDS[1:]


def test_a_file_that_shrinks_while_it_is_sent(tmp_path: Path, receiver: Receiver, there: int) -> None:
    large = kept(tmp_path, "1.2.1", data=data_set("1.2.1", pixels=bytes(48 * 1024 * 1024)))
    path = tmp_path / large.path
    first = kept(tmp_path, "1.2.0")
    # The large one is open, with its first block in memory, while the first is answered.
    receiver.meanwhile = lambda: path.write_bytes(path.read_bytes()[: 4 * 1024 * 1024])
    told = moved(tmp_path, Found([first, large, kept(tmp_path, "1.2.2")]), there)
    assert (told.status, told.counts, told.failed) == (PARTLY, (2, 1, 0), ["1.2.1"])
    assert sorted(receiver.stored) == ["1.2.0", "1.2.2"]


# ---------------------------------------------------------------- when it ends before


def test_a_cancel_ends_it(tmp_path: Path, found: Found, receiver: Receiver, there: int) -> None:
    with (
        retrieving(tmp_path, found, known(there)) as port,
        associated(port, STUDY_MOVE) as association,
    ):
        context = association.require(STUDY_MOVE)
        receiver.meanwhile = lambda: association.send(context, dimse.cancel(1))
        told = retrieve(association, "THERE")
    assert told.status == CANCELED
    completed, failed, warned = told.counts
    assert (failed, warned, told.remaining[-1]) == (0, 0, 3 - completed)
    assert 1 <= completed < 3
    assert len(receiver.stored) == completed


def test_a_requestor_that_has_gone_ends_it(
    tmp_path: Path, found: Found, receiver: Receiver, there: int, caplog: pytest.LogCaptureFixture
) -> None:
    arrived, gone = Event(), Event()

    def meanwhile() -> None:
        arrived.set()
        gone.wait(WITHIN)

    receiver.meanwhile = meanwhile
    with retrieving(tmp_path, found, known(there)) as port:
        with associated(port, STUDY_MOVE) as association:
            context = association.require(STUDY_MOVE)
            fields: dimse.Command = {
                "AffectedSOPClassUID": STUDY_MOVE,
                "Priority": 0,
                "MoveDestination": "THERE",
            }
            invoke(association, context, CommandField.C_MOVE_RQ, made(QueryRetrieveLevel="STUDY"), **fields)
            assert arrived.wait(WITHIN)
            association.abort()
            gone.set()
        wait_until(lambda: "broken association=1" in caplog.text)
    assert len(receiver.stored) == 1


def test_a_server_that_stops_says_what_it_has_not_moved(
    tmp_path: Path, found: Found, receiver: Receiver, there: int
) -> None:
    stop = Stop()
    receiver.meanwhile = stop.request
    with (
        retrieving(tmp_path, found, known(there), stop=stop) as port,
        associated(port, STUDY_MOVE) as association,
    ):
        told = retrieve(association, "THERE")
    stop.close()
    assert (told.status, told.counts, told.failed) == (PARTLY, (1, 2, 0), UIDS[1:])


def test_the_log_says_what_came_of_it_and_nothing_of_the_patient(
    tmp_path: Path, found: Found, there: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "dcmtools")
    (tmp_path / found[2].path).unlink()
    moved(tmp_path, found, there)
    line = next(text for text in caplog.text.splitlines() if "retrieved association" in text)
    assert (
        "operation=C-MOVE destination=THERE status=B000 completed=2 failed=1 warnings=0 remaining=0" in line
    )
    assert "Doe" not in caplog.text


def test_what_no_context_can_be_proposed_for_is_a_failure(
    tmp_path: Path, found: Found, receiver: Receiver, there: int
) -> None:
    found[1] = found[1]._replace(sop_class_uid="")
    found.append(found[2]._replace(sop_instance_uid="1.2.4", transfer_syntax_uid="explicit"))
    told = moved(tmp_path, found, there)
    assert (told.status, told.counts, told.failed) == (PARTLY, (2, 2, 0), ["1.2.2", "1.2.4"])
    assert sorted(receiver.stored) == ["1.2.1", "1.2.3"]
