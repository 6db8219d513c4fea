"""Operations that take longer than a message: C-FIND and C-GET with C-CANCEL, events for either side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.acceptor.service import Service
from dcmtools.archive.received import Refusal
from dcmtools.archive.receiving import receive
from dcmtools.archive.storage import Storage
from dcmtools.encoding.uids import is_storage_class
from dcmtools.errors import AssociationError
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.status import CANCELED, PENDING
from dcmtools.net.user_information import RoleSelection
from tests.support.accepting import (
    LIMIT,
    STORAGE_COMMITMENT,
    STUDY_FIND,
    STUDY_GET,
    Finder,
    Getter,
    accepting,
    find,
    identifier,
    request,
)
from tests.support.served import (
    CT,
    EXPLICIT,
    SUCCESS,
    WITHIN,
    associated,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dcmtools.acceptor.session import Session
    from dcmtools.net.association import Association
    from dcmtools.net.incoming import Message

DUPLICATE = 0x0111
UIDS = ["1.2.1", "1.2.2", "1.2.3"]


def finding(finder: Finder) -> Service:
    return Service(STUDY_FIND.__eq__, {CommandField.C_FIND_RQ: finder.answer_find}, (EXPLICIT,))


# ---------------------------------------------------------------- C-FIND


def test_a_thousand_matches_and_again() -> None:
    with accepting(finding(Finder(1000))) as port, associated(port, STUDY_FIND) as association:
        for _ in range(2):
            assert find(association, STUDY_FIND) == [PENDING] * 1000 + [SUCCESS]


def test_a_cancel_ends_it_and_the_association_goes_on() -> None:
    finder = Finder(1000, waits=500)
    with accepting(finding(finder)) as port, associated(port, STUDY_FIND) as association:
        statuses = find(association, STUDY_FIND, cancel_after=3)
        assert 3 <= len(statuses) - 1 == finder.sent <= 500
        assert statuses == [PENDING] * finder.sent + [CANCELED]
        finder.waits = -1
        assert find(association, STUDY_FIND) == [PENDING] * 1000 + [SUCCESS]


def test_a_cancel_of_another_operation_ends_nothing() -> None:
    with accepting(finding(Finder(10, waits=0))) as port, associated(port, STUDY_FIND) as association:
        assert find(association, STUDY_FIND, cancel_after=0, canceled=7777) == [PENDING] * 10 + [SUCCESS]


def test_a_request_within_an_operation_is_not_borne() -> None:
    with accepting(finding(Finder(10, waits=5))) as port, associated(port, STUDY_FIND) as association:
        request(association, CommandField.C_FIND_RQ, [identifier()])
        request(association, CommandField.C_ECHO_RQ)
        with pytest.raises(AssociationError, match="aborted"):
            list(iter(association.receive, None))


def test_a_release_within_an_operation_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    finder = Finder(10, waits=5)
    with accepting(finding(finder)) as port:
        with associated(port, STUDY_FIND) as association:
            request(association, CommandField.C_FIND_RQ, [identifier()])
            association.release()
        wait_until(lambda: "released the association within an operation" in caplog.text)
    assert finder.sent <= 5


# ---------------------------------------------------------------- C-GET


def getting(getter: Getter) -> list[Service]:
    return [
        Service(STUDY_GET.__eq__, {CommandField.C_GET_RQ: getter.answer_get}, (EXPLICIT,)),
        Service(is_storage_class, {}, (EXPLICIT,), reversed=True),
    ]


def get(association: Association, take: Callable[[Message], None]) -> list[int]:
    """C-GET all; the statuses of the responses. ``take`` answers the sub-operations."""
    asked = request(association, CommandField.C_GET_RQ, [identifier()])
    statuses = [PENDING]
    while statuses[-1] == PENDING:
        statuses.append(dimse.number(association.response_to(asked, take).command, "Status"))
    return statuses[1:]


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = Storage(str(tmp_path), durable=False)
    yield storage
    storage.close()


def test_instances_come_on_the_association_that_asked_from_the_acceptor(
    tmp_path: Path, storage: Storage
) -> None:
    getter = Getter(UIDS)
    roles = [RoleSelection(CT, scu=False, scp=True)]
    with (
        accepting(*getting(getter)) as port,
        associated(port, STUDY_GET, CT, called="ARCHIVE", roles=roles) as association,
    ):

        def take(message: Message) -> None:
            received = receive(storage, association, message, association.request.called_aet)
            assert received.transfer_syntax_uid == EXPLICIT
            association.send(message.context, dimse.response(message.command, SUCCESS))

        assert get(association, take) == [PENDING] * 3 + [SUCCESS]
    assert getter.statuses == [SUCCESS] * 3
    kept = sorted(tmp_path.rglob("*.dcm"))
    assert [path.stem for path in kept] == UIDS
    assert all(source_aet(path) == "ARCHIVE" for path in kept)


def source_aet(path: Path) -> str:
    from pydicom.filereader import read_file_meta_info

    return str(read_file_meta_info(path).SourceApplicationEntityTitle)


def test_what_cannot_be_kept_has_its_status_and_the_others_come(storage: Storage) -> None:
    getter = Getter(["1.2.1", "not a uid", "1.2.3"])
    roles = [RoleSelection(CT, scu=False, scp=True)]
    with (
        accepting(*getting(getter)) as port,
        associated(port, STUDY_GET, CT, roles=roles) as association,
    ):

        def take(message: Message) -> None:
            status = SUCCESS
            try:
                receive(storage, association, message, association.request.called_aet)
            except Refusal as refusal:
                status = refusal.number
            association.send(message.context, dimse.response(message.command, status))

        assert get(association, take)[-1] == SUCCESS
    assert getter.statuses == [SUCCESS, 0xC000, SUCCESS]


def test_a_cancel_within_a_sub_operation_is_heard() -> None:
    getter = Getter(UIDS)
    roles = [RoleSelection(CT, scu=False, scp=True)]
    with (
        accepting(*getting(getter)) as port,
        associated(port, STUDY_GET, CT, roles=roles) as association,
    ):

        def take(message: Message) -> None:
            if getter.statuses:
                association.send(association.contexts[1], dimse.cancel(1))
            association.send(message.context, dimse.response(message.command, SUCCESS))

        assert get(association, take) == [PENDING] * 2 + [CANCELED]
    assert getter.statuses == [SUCCESS] * 2


# ---------------------------------------------------------------- N-EVENT-REPORT


EVENT: dimse.Command = {
    "AffectedSOPClassUID": STORAGE_COMMITMENT,
    "AffectedSOPInstanceUID": "1.2.840.10008.1.20.1.1",
    "EventTypeID": 1,
}
ACTION: dimse.Command = {
    "RequestedSOPClassUID": STORAGE_COMMITMENT,
    "RequestedSOPInstanceUID": "1.2.840.10008.1.20.1.1",
    "ActionTypeID": 1,
}


def test_a_requestor_in_the_scp_role_reports_an_event() -> None:
    events: list[tuple[bytes, bool]] = []

    def answer_event(session: Session, message: Message) -> None:
        association = session.association
        data = association.read_data(LIMIT)
        events.append((data, association.roles[STORAGE_COMMITMENT].scp))
        association.send(message.context, dimse.response(message.command, SUCCESS))

    service = Service(
        STORAGE_COMMITMENT.__eq__, {CommandField.N_EVENT_REPORT_RQ: answer_event}, (EXPLICIT,), reversed=True
    )
    roles = [RoleSelection(STORAGE_COMMITMENT, scu=False, scp=True)]
    with accepting(service) as port, associated(port, STORAGE_COMMITMENT, roles=roles) as association:
        assert association.roles[STORAGE_COMMITMENT].scp
        asked = request(association, CommandField.N_EVENT_REPORT_RQ, [identifier()], fields=EVENT)
        answer = association.response_to(asked).command
        assert (answer["Status"], answer["EventTypeID"]) == (SUCCESS, 1)
    assert events == [(identifier(), True)]


def test_an_acceptor_reports_an_event_on_the_association_that_asked_for_it() -> None:
    answered: list[int] = []

    def answer_action(session: Session, message: Message) -> None:
        association = session.association
        association.read_data(LIMIT)
        association.send(message.context, dimse.response(message.command, SUCCESS))
        asked = request(association, CommandField.N_EVENT_REPORT_RQ, [identifier()], fields=EVENT)
        answered.append(dimse.number(association.response_to(asked).command, "Status"))

    service = Service(STORAGE_COMMITMENT.__eq__, {CommandField.N_ACTION_RQ: answer_action}, (EXPLICIT,))
    with accepting(service) as port:
        with associated(port, STORAGE_COMMITMENT) as association:
            asked = request(association, CommandField.N_ACTION_RQ, [identifier()], fields=ACTION)
            assert association.response_to(asked).command["Status"] == SUCCESS
            event = association.receive(WITHIN)
            assert event is not None
            assert event.command["CommandField"] == CommandField.N_EVENT_REPORT_RQ
            assert association.read_data(LIMIT) == identifier()
            association.send(event.context, dimse.response(event.command, 0x0112))
        wait_until(lambda: answered == [0x0112])
