"""The acceptor with services of the test's own: which one a message is for, and what they are told."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

import pytest

from dcmtools.acceptor import server as server_module
from dcmtools.acceptor.admission import ServerOptions
from dcmtools.acceptor.server import Server
from dcmtools.acceptor.service import Service
from dcmtools.encoding.uids import is_storage_class
from dcmtools.errors import AssociationError, DcmtoolsError
from dcmtools.net import command_set, dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.peer import NetworkOptions
from dcmtools.net.status import PENDING
from dcmtools.net.stop import Stop
from dcmtools.net.user_information import RoleSelection
from tests.support.accepting import (
    LIMIT,
    STORAGE_COMMITMENT,
    STUDY_FIND,
    WORKLIST_FIND,
    Finder,
    accepting,
    find,
    identifier,
)
from tests.support.served import (
    CT,
    ECHO,
    EXPLICIT,
    IMPLICIT,
    STORE,
    SUCCESS,
    VERIFICATION,
    WITHIN,
    all_from,
    ask,
    associated,
    connected,
    echo,
    fragment,
    pdu,
    store_request,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.acceptor.session import Session
    from dcmtools.net.incoming import Message

NOT_SUPPORTED, UNRECOGNIZED = 0x0122, 0x0211
JPEG = "1.2.840.10008.1.2.4.70"
QUERY = (EXPLICIT, IMPLICIT)


def answer(session: Session, message: Message) -> None:
    session.association.send(message.context, dimse.response(message.command, SUCCESS))


def verification(ended: Callable[[Session], None] = lambda _: None) -> Service:
    return Service(VERIFICATION.__eq__, {CommandField.C_ECHO_RQ: answer}, ended=ended)


def finding(abstract_syntax: str, count: int, ended: Callable[[Session], None] = lambda _: None) -> Service:
    finder = Finder(count)
    return Service(abstract_syntax.__eq__, {CommandField.C_FIND_RQ: finder.answer_find}, QUERY, ended=ended)


# ---------------------------------------------------------------- which service


def test_one_operation_is_another_under_each_abstract_syntax() -> None:
    with accepting(finding(STUDY_FIND, 1), finding(WORKLIST_FIND, 2), verification()) as port:
        with associated(port, STUDY_FIND, WORKLIST_FIND) as association:
            assert find(association, STUDY_FIND) == [PENDING, SUCCESS]
            assert find(association, WORKLIST_FIND) == [PENDING, PENDING, SUCCESS]
        assert echo(port) == SUCCESS


@pytest.mark.parametrize(
    ("field", "status"),
    [
        (CommandField.C_FIND_RQ, NOT_SUPPORTED),
        (CommandField.C_GET_RQ, UNRECOGNIZED),
        (CommandField.N_ACTION_RQ, UNRECOGNIZED),
        (0x7777, UNRECOGNIZED),
    ],
)
@pytest.mark.parametrize("data", [[], [identifier()]], ids=["alone", "with a data set"])
def test_an_operation_of_another_sop_class_is_refused_otherwise_than_one_of_none(
    field: int, status: int, data: list[bytes]
) -> None:
    with (
        accepting(finding(STUDY_FIND, 1), verification()) as port,
        associated(port, VERIFICATION) as association,
    ):
        request: dimse.Command = {"CommandField": field, "CommandDataSetType": 1 if data else 0x0101}
        assert ask(association, request, data)["Status"] == status
        assert ask(association, {"CommandField": ECHO})["Status"] == SUCCESS


def test_an_abstract_syntax_without_a_service_is_not_supported() -> None:
    with accepting(verification()) as port, associated(port, STUDY_FIND, VERIFICATION) as association:
        assert association.refused == {1: 3}
        assert list(association.contexts) == [3]


@pytest.mark.parametrize(
    ("proposed", "accepted"),
    [([JPEG, IMPLICIT, EXPLICIT], EXPLICIT), ([JPEG, IMPLICIT], IMPLICIT), ([JPEG], None)],
)
def test_each_service_has_transfer_syntaxes_of_its_own(proposed: list[str], accepted: str | None) -> None:
    with (
        accepting(finding(STUDY_FIND, 1), Service(is_storage_class, {})) as port,
        associated(port, STUDY_FIND, CT, syntaxes=proposed) as association,
    ):
        found = association.context_for(STUDY_FIND)
        assert (found and found.transfer_syntax) == accepted
        assert association.context_for(CT, JPEG)
        assert association.refused == ({} if accepted else {1: 4})


# ---------------------------------------------------------------- roles


@pytest.mark.parametrize(("scu", "scp"), [(True, True), (False, True), (True, False)])
def test_the_requestor_gets_the_role_it_wants_where_the_service_knows_both(*, scu: bool, scp: bool) -> None:
    wanted = RoleSelection(CT, scu, scp)
    with (
        accepting(Service(is_storage_class, {}, reversed=True)) as port,
        associated(port, CT, roles=[wanted]) as association,
    ):
        assert association.roles == {CT: wanted}


@pytest.mark.parametrize("sop_class", [CT, STORAGE_COMMITMENT])
def test_elsewhere_nothing_is_said_of_roles_and_the_requestor_is_the_scu(sop_class: str) -> None:
    roles = [RoleSelection(sop_class, scu=True, scp=True)]
    with (
        accepting(Service(is_storage_class, {}), verification()) as port,
        associated(port, CT, roles=roles) as association,
    ):
        assert association.roles == {}


# ---------------------------------------------------------------- the end of an association


def test_a_service_is_told_the_end_of_each_association_it_had_a_context_in() -> None:
    ended: list[tuple[str, int]] = []
    services = [
        finding(STUDY_FIND, 1, lambda session: ended.append(("find", session.number))),
        verification(lambda session: ended.append(("echo", session.number))),
    ]
    with accepting(*services) as port:
        with associated(port, STUDY_FIND, VERIFICATION, VERIFICATION) as association:
            assert find(association, STUDY_FIND) == [PENDING, SUCCESS]
            assert ended == []
        with associated(port, STUDY_FIND) as association:
            association.abort()
        with associated(port, WORKLIST_FIND):
            pass
    assert sorted(ended) == [("echo", 1), ("find", 1), ("find", 2)]


def test_whatever_fails_the_others_are_told(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[int] = []

    def fails(*_: object) -> None:
        raise KeyError("Secret^Name")

    services = [
        Service(VERIFICATION.__eq__, {CommandField.C_ECHO_RQ: fails}, ended=fails),
        finding(STUDY_FIND, 1, lambda session: ended.append(session.number)),
        finding(WORKLIST_FIND, 1, fails),
    ]
    with accepting(*services) as port:
        with (
            pytest.raises(DcmtoolsError),
            associated(port, VERIFICATION, STUDY_FIND, WORKLIST_FIND) as association,
        ):
            ask(association, {"CommandField": ECHO})
        wait_until(lambda: ended == [1])
    assert "internal_error=KeyError" in caplog.text
    assert "Secret" not in caplog.text


def test_what_a_service_counts_stands_in_the_last_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    def counts(session: Session, message: Message) -> None:
        session.counts["echoed"] += 1
        answer(session, message)

    with accepting(Service(VERIFICATION.__eq__, {ECHO: counts}, counts=("echoed", "failed"))) as port:
        assert echo(port) == SUCCESS
    assert any(" echoed=1 failed=0 seconds=" in line for line in caplog.messages)


# ---------------------------------------------------------------- the end of the server


def test_who_shares_the_stop_hears_nothing_of_a_server_that_ends_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "_LINGER", 0.1)
    stop = Stop()
    with Server(ServerOptions(port=0, network=NetworkOptions(stop=stop)), [verification()]) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        with associated(server.address[1], VERIFICATION) as association:
            server.finish()
            with pytest.raises(AssociationError, match="aborted"):
                association.receive(WITHIN)
        thread.join(WITHIN)
        assert not thread.is_alive()
    assert stop.count == 0
    assert not stop.wait(0)
    stop.close()


def test_the_first_request_to_stop_ends_idle_associations_the_second_those_within_a_message() -> None:
    entered = threading.Event()

    def reads(session: Session, message: Message) -> None:
        entered.set()
        session.association.read_data(LIMIT)
        answer(session, message)

    stop = Stop()
    options = ServerOptions(port=0, network=NetworkOptions(stop=stop))
    with Server(options, [Service(is_storage_class, {STORE: reads})]) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        with (
            associated(server.address[1]) as idle,
            connected(server.address[1], established=True) as busy,
        ):
            half = command_set.encode(store_request("1.2.3") | {"MessageID": 1})
            busy.sendall(pdu(4, fragment(3, half)))
            assert entered.wait(WITHIN)
            stop.request()
            started = time.monotonic()
            with pytest.raises(AssociationError, match="aborted"):
                idle.receive(WITHIN)
            thread.join(0.3)
            assert thread.is_alive()
            stop.request()
            thread.join(WITHIN)
            assert all_from(busy)[:1] == b"\7"
            assert time.monotonic() - started < 2
    stop.close()
