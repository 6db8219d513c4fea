"""Operations with small data sets, both sides over loopback: N-services, C-FIND, C-GET (PS3.7 9 and 10)."""

from __future__ import annotations

import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dcmtools.encoding.dataset import encode, made, text
from dcmtools.encoding.syntax import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
from dcmtools.encoding.syntax import EXPLICIT as EXPLICIT_ENCODING
from dcmtools.errors import AssociationError, Interrupted, PeerFailure
from dcmtools.net import dimse, exchange
from dcmtools.net.dimse import CommandField
from dcmtools.net.exchange import ask, invoke, read, respond, responses
from dcmtools.net.presentation import PresentationContext
from dcmtools.net.status import CANCELED, PENDING, PENDING_WITH_WARNING
from dcmtools.net.stop import Stop
from tests.support.opened import CT, EXPLICIT, IMPLICIT, both_ends

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.net.association import Association
    from dcmtools.net.incoming import Message
    from dcmtools.net.negotiated import Context

PRINT, PRINTER = "1.2.840.10008.5.1.1.9", "1.2.840.10008.5.1.1.16"
FIND, GET = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.3"
DEFLATED_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
THE_PRINTER = {"RequestedSOPClassUID": PRINTER, "RequestedSOPInstanceUID": "1.2.840.10008.5.1.1.17"}
EVENT: dict[str, dimse.Value] = {
    "AffectedSOPClassUID": PRINTER,
    "AffectedSOPInstanceUID": "1.2.840.10008.5.1.1.17",
    "EventTypeID": 2,
}
QUERY = made(QueryRetrieveLevel="STUDY", StudyInstanceUID="")


class Side(NamedTuple):
    """One side of an exchange, and how it wishes to stop."""

    association: Association
    stop: Stop

    def context(self, abstract_syntax: str) -> Context:
        return self.association.require(abstract_syntax)

    def find(self) -> dimse.Command:
        return self.query(CommandField.C_FIND_RQ, FIND)

    def query(self, field: CommandField, sop_class: str) -> dimse.Command:
        fields: dict[str, dimse.Value] = {"AffectedSOPClassUID": sop_class, "Priority": dimse.MEDIUM}
        return invoke(self.association, self.context(sop_class), field, QUERY, **fields)


@contextmanager
def performing(work: Callable[[Association], None]) -> Iterator[Side]:
    """The invoking side, while ``work`` performs on the other; what fails there fails the test."""
    contexts = [
        PresentationContext(1, PRINT, (IMPLICIT,)),
        PresentationContext(3, FIND, (EXPLICIT,)),
        PresentationContext(5, GET, (EXPLICIT,)),
        PresentationContext(7, CT, (EXPLICIT,)),
        PresentationContext(9, DEFLATED_FIND, (DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,)),
    ]
    stop = Stop()
    with ThreadPoolExecutor(1) as pool, both_ends(stop, *contexts) as (ours, theirs):

        def perform() -> None:
            try:
                work(theirs)
            except BaseException:  # else the other side would wait
                theirs.abort()
                raise

        done = pool.submit(perform)
        try:
            yield Side(ours, stop)
        finally:
            done.result(10)
            ours.abort()
    stop.close()


def received(association: Association) -> Message:
    message = association.receive()
    assert message
    return message


# ---------------------------------------------------------------- one response


def test_attributes_are_asked_for_and_returned() -> None:
    """PS3.7 10.1.2: N-GET has no data set in its request, and the attributes in its response."""

    def work(scp: Association) -> None:
        message = received(scp)
        assert not read(scp, message)
        assert message.command["AttributeIdentifierList"] == (0x21100010,)
        status = made(SpecificCharacterSet="ISO_IR 192", PrinterStatus="NORMAL", PrinterName="Größe")
        respond(scp, message, 0, status)

    with performing(work) as scu:
        command, attributes = ask(
            scu.association,
            scu.context(PRINT),
            CommandField.N_GET_RQ,
            AttributeIdentifierList=(0x21100010,),
            **THE_PRINTER,
        )
    assert (text(attributes, "PrinterStatus"), text(attributes, "PrinterName")) == ("NORMAL", "Größe")
    assert command["AffectedSOPClassUID"] == PRINTER
    assert command["Status"] == 0


def test_a_data_set_goes_and_the_instance_made_is_named() -> None:
    """PS3.7 10.1.5: N-CREATE; PS3.5 7: in the transfer syntax of the context."""

    def work(scp: Association) -> None:
        message = received(scp)
        assert text(read(scp, message), "NumberOfCopies") == "2"
        respond(scp, message, 0xB600, AffectedSOPInstanceUID="2.25.1")

    with performing(work) as scu:
        context = scu.context(PRINT)
        copies = made(NumberOfCopies=2)
        command, returned = ask(
            scu.association, context, CommandField.N_CREATE_RQ, copies, AffectedSOPClassUID=PRINTER
        )
    assert dimse.text(command, "AffectedSOPInstanceUID") == "2.25.1"
    assert command["Status"] == 0xB600, "a warning is no failure"
    assert returned == {}


def test_an_event_comes_before_the_response() -> None:
    """PS3.7 10.1.1: printers report while they are asked."""
    seen: list[str] = []

    def work(scp: Association) -> None:
        message = received(scp)
        context = message.context
        event = made(PrinterName="ONE")
        command, reply = ask(scp, context, CommandField.N_EVENT_REPORT_RQ, event, **EVENT)
        assert (command["EventTypeID"], reply) == (2, {})
        respond(scp, message)

    with performing(work) as scu:

        def take(message: Message) -> None:
            seen.append(text(read(scu.association, message), "PrinterName"))
            respond(scu.association, message)

        ask(scu.association, scu.context(PRINT), CommandField.N_GET_RQ, None, take, **THE_PRINTER)
    assert seen == ["ONE"]


def test_a_failure_is_told_in_the_words_of_its_service() -> None:
    """PS3.4 H.4: the same code means something else elsewhere; and the next operation may go well."""

    def work(scp: Association) -> None:
        respond(scp, received(scp), 0xC605, ErrorComment="full")
        message = received(scp)
        scp.send(message.context, dimse.response(message.command, 0x0112, data_set=True), [b"broken"])
        respond(scp, received(scp))

    with performing(work) as scu:
        for complaint in (
            "N-GET: status C605, Insufficient memory in printer.*'full'",
            "N-GET: status 0112, No",
        ):
            with pytest.raises(PeerFailure, match=complaint):
                ask(scu.association, scu.context(PRINT), CommandField.N_GET_RQ, **THE_PRINTER)
        ask(scu.association, scu.context(PRINT), CommandField.N_GET_RQ, **THE_PRINTER)


def test_what_cannot_be_sent_is_not_begun() -> None:
    def work(scp: Association) -> None:
        assert received(scp).command["CommandField"] == CommandField.N_GET_RQ

    with performing(work) as scu:
        association, context = scu.association, scu.context(PRINT)
        with pytest.raises(ValueError, match="N_GET_RQ has no data set"):
            invoke(association, context, CommandField.N_GET_RQ, QUERY, **THE_PRINTER)
        nameless = made(PatientName="Größe")  # no character set is named
        with pytest.raises(ValueError, match="PatientName"):
            invoke(association, context, CommandField.N_SET_RQ, nameless, **THE_PRINTER)
        invoke(association, context, CommandField.N_GET_RQ, **THE_PRINTER)


# ---------------------------------------------------------------- data sets that are none


def test_a_data_set_that_is_broken_does_not_end_the_association() -> None:
    def work(scp: Association) -> None:
        message = received(scp)
        answer = dimse.response(message.command, 0, data_set=True)
        scp.send(message.context, answer, [b"\x10\x21\x10\x00\xff\xff\x00\x00"])
        respond(scp, received(scp))

    with performing(work) as scu:
        with pytest.raises(PeerFailure, match="the peer sent a data set that is broken"):
            ask(scu.association, scu.context(PRINT), CommandField.N_GET_RQ, **THE_PRINTER)
        ask(scu.association, scu.context(PRINT), CommandField.N_GET_RQ, **THE_PRINTER)


def test_a_data_set_that_is_not_small() -> None:
    def work(scp: Association) -> None:
        with pytest.raises(AssociationError, match="a data set of more than 10 bytes"):
            read(scp, received(scp), 10)

    with performing(work) as scu:
        scu.find()


# ---------------------------------------------------------------- many responses


def test_pending_responses_and_the_final_one() -> None:
    """PS3.7 9.1.2.1: each pending response has an identifier; FF01 is pending, too."""

    def work(scp: Association) -> None:
        message = received(scp)
        assert text(read(scp, message), "QueryRetrieveLevel") == "STUDY"
        for number, status in enumerate((PENDING, PENDING_WITH_WARNING)):
            respond(scp, message, status, made(StudyInstanceUID=f"1.{number}"))
        respond(scp, message)
        respond(scp, received(scp), 0xA700)

    with performing(work) as scu:
        association, context, request = scu.association, scu.context(FIND), scu.find()
        found = [
            (answer.command["Status"], text(read(association, answer), "StudyInstanceUID"))
            for answer in responses(association, context, request)
        ]
        assert found == [(PENDING, "1.0"), (PENDING_WITH_WARNING, "1.1"), (0, "")]
        [failed] = responses(association, context, scu.find())
        assert failed.command["Status"] == 0xA700
        assert not association.transport.patient


def test_the_wish_to_stop_cancels_and_what_still_comes_is_read() -> None:
    """PS3.7 9.3.2.3: the C-CANCEL names the request; responses may have been on their way."""

    def work(scp: Association) -> None:
        message = received(scp)
        respond(scp, message, PENDING, QUERY)
        assert scp.has_message(10)
        assert received(scp).command == dimse.cancel(dimse.number(message.command, "MessageID"))
        respond(scp, message, PENDING, QUERY)
        respond(scp, message, CANCELED)

    with performing(work) as scu:
        answers = responses(scu.association, scu.context(FIND), scu.find())
        first = next(answers)
        scu.stop.request()
        assert text(read(scu.association, first), "QueryRetrieveLevel") == "STUDY", (
            "what is in hand is finished"
        )
        assert [each.command["Status"] for each in answers] == [PENDING, CANCELED]
        assert scu.stop.count == 1


def test_the_wish_to_stop_while_nothing_comes() -> None:
    asked = Stop()

    def work(scp: Association) -> None:
        message = received(scp)
        asked.request()
        assert scp.has_message(10)
        assert received(scp).command["CommandField"] == CommandField.C_CANCEL_RQ
        respond(scp, message, CANCELED)

    with performing(work) as scu, ThreadPoolExecutor(1) as pool:
        request = scu.find()

        def stop() -> None:
            if asked.wait(10):
                scu.stop.request()

        pool.submit(stop)
        [last] = responses(scu.association, scu.context(FIND), request)
        assert last.command["Status"] == CANCELED
    asked.close()


def test_the_second_wish_to_stop_waits_for_nothing() -> None:
    def work(scp: Association) -> None:
        received(scp)
        assert received(scp).command["CommandField"] == CommandField.C_CANCEL_RQ
        first.stop.request()

    with performing(work) as scu:
        first = scu
        request = scu.find()
        scu.stop.request()
        with pytest.raises(Interrupted):
            list(responses(scu.association, scu.context(FIND), request))
        assert scu.association.open
        assert not scu.association.transport.patient


def test_responses_that_are_left_early_are_canceled_and_passed_over() -> None:
    """The association is as it was: the next operation gets its own responses."""

    def work(scp: Association) -> None:
        for _ in range(3):
            message = received(scp)
            for _ in range(3):
                respond(scp, message, PENDING, QUERY)
            assert received(scp).command == dimse.cancel(dimse.number(message.command, "MessageID"))
            respond(scp, message, PENDING, QUERY)
            respond(scp, message, CANCELED)
        respond(scp, received(scp))

    with performing(work) as scu:
        association, context = scu.association, scu.context(FIND)
        for _ in responses(association, context, scu.find()):
            break
        with pytest.raises(LookupError):
            _look_at_all(association, context, scu.find())
        scu.stop.request()  # by whom the operation is canceled already
        association.transport.patient = True
        request = scu.find()
        association.transport.patient = False
        answers = responses(association, context, request)
        next(answers)
        answers.close()
        assert not association.transport.patient
        association.transport.patient = True
        [last] = responses(association, context, scu.find())
        assert last.command["Status"] == 0


def _look_at_all(association: Association, context: Context, request: dimse.Command) -> None:
    for _ in responses(association, context, request):
        raise LookupError


def test_all_responses_are_not_left_early() -> None:
    def work(scp: Association) -> None:
        for _ in range(2):
            respond(scp, received(scp))

    with performing(work) as scu:
        for _ in range(2):
            for _ in responses(scu.association, scu.context(FIND), scu.find()):
                break


def test_sub_operations_are_answered_while_what_is_left_early_ends() -> None:
    statuses: list[dimse.Value] = []

    def work(scp: Association) -> None:
        message = received(scp)
        uids = {"AffectedSOPClassUID": CT, "AffectedSOPInstanceUID": "1.2"}
        respond(scp, message, PENDING)
        command, _ = ask(
            scp, scp.require(CT), CommandField.C_STORE_RQ, QUERY, lambda _: None, Priority=0, **uids
        )
        statuses.append(command["Status"])
        respond(scp, message, CANCELED)

    with performing(work) as scu:
        request = scu.query(CommandField.C_GET_RQ, GET)
        context = scu.context(GET)
        for _ in responses(scu.association, context, request, partial(respond, scu.association)):
            break
        assert scu.association.open
    assert statuses == [0]


@pytest.mark.parametrize("sends", [False, True])
def test_a_peer_that_does_not_heed_the_cancel(monkeypatch: pytest.MonkeyPatch, *, sends: bool) -> None:
    """It has its time, however much it sends meanwhile."""

    def work(scp: Association) -> None:
        message = received(scp)
        respond(scp, message, PENDING, QUERY)
        try:
            while sends or scp.receive():
                respond(scp, message, PENDING, QUERY)
                time.sleep(0.005)
        except AssociationError:
            pass

    with performing(work) as scu:
        monkeypatch.setattr(exchange, "_TO_END", 0.2)
        begun = time.monotonic()
        for _ in responses(scu.association, scu.context(FIND), scu.find()):
            break
        assert 0.2 <= time.monotonic() - begun < 1
        assert not scu.association.open


def test_the_wish_to_stop_that_came_before_responses_are_left() -> None:
    """One C-CANCEL is enough; the second wish waits for nothing."""

    def work(scp: Association) -> None:
        message = received(scp)
        respond(scp, message, PENDING, QUERY)
        assert received(scp).command["CommandField"] == CommandField.C_CANCEL_RQ
        respond(scp, message, PENDING, QUERY)
        with pytest.raises(AssociationError, match="aborted"):
            scp.receive()

    with performing(work) as scu:
        answers = responses(scu.association, scu.context(FIND), scu.find())
        next(answers)
        scu.stop.request()
        next(answers)
        scu.stop.request()
        answers.close()
        assert not scu.association.open


def test_sub_operations_come_between_and_are_not_broken_into() -> None:
    """PS3.7 9.1.3: C-STORE sub-operations on the association of the C-GET; the wish to stop ends none."""
    kept: list[str] = []

    def work(scp: Association) -> None:
        message = received(scp)
        for number in range(2):
            instance = made(SOPInstanceUID=f"1.{number}")
            uids = {"AffectedSOPClassUID": CT, "AffectedSOPInstanceUID": f"1.{number}"}
            store = CommandField.C_STORE_RQ
            ask(scp, scp.require(CT), store, instance, canceled.append, Priority=0, **uids)
            respond(scp, message, PENDING, NumberOfCompletedSuboperations=number + 1)
        if not canceled:
            canceled.append(received(scp))
        respond(scp, message, CANCELED)

    canceled: list[Message] = []
    with performing(work) as scu:

        def take(message: Message) -> None:
            if not kept:
                scu.stop.request()
            kept.append(text(read(scu.association, message), "SOPInstanceUID"))
            respond(scu.association, message)

        request = scu.query(CommandField.C_GET_RQ, GET)
        answers = responses(scu.association, scu.context(GET), request, take)
        statuses = [answer.command["Status"] for answer in answers]
    assert kept == ["1.0", "1.1"]
    assert statuses == [PENDING, PENDING, CANCELED]
    assert [each.command["CommandField"] for each in canceled] == [CommandField.C_CANCEL_RQ]


def test_the_wish_to_stop_within_a_sub_operation_is_heeded_right_after_it() -> None:
    def work(scp: Association) -> None:
        message = received(scp)
        uids = {"AffectedSOPClassUID": CT, "AffectedSOPInstanceUID": "1.1"}
        ask(scp, scp.require(CT), CommandField.C_STORE_RQ, QUERY, Priority=0, **uids)
        assert scp.has_message(5), "no other message has to come first"
        assert received(scp).command["CommandField"] == CommandField.C_CANCEL_RQ
        respond(scp, message, CANCELED)

    with performing(work) as scu:

        def take(message: Message) -> None:
            scu.stop.request()
            respond(scu.association, message)

        request = scu.query(CommandField.C_GET_RQ, GET)
        [last] = responses(scu.association, scu.context(GET), request, take)
        assert last.command["Status"] == CANCELED


# ---------------------------------------------------------------- deflated


def test_a_deflated_context() -> None:
    """PS3.5 A.5: the data set goes deflated, in an even number of bytes, and is inflated where it is read."""
    seen: list[bytes] = []

    def work(scp: Association) -> None:
        message = received(scp)
        seen.append(scp.read_data(10_000))
        respond(scp, message, PENDING, made(PatientID="1" * 5000))
        respond(scp, message)

    with performing(work) as scu:
        context = scu.context(DEFLATED_FIND)
        answers = responses(scu.association, context, scu.query(CommandField.C_FIND_RQ, DEFLATED_FIND))
        assert text(read(scu.association, next(answers)), "PatientID") == "1" * 5000
        assert len(list(answers)) == 1
    [raw] = seen
    assert len(raw) % 2 == 0
    assert zlib.decompressobj(-15).decompress(raw) == encode(QUERY, EXPLICIT_ENCODING)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (zlib.compress(bytes(16_790_000), wbits=-15), "it inflates to more than 4194304 bytes"),
        (zlib.compress(bytes(5_000_000), wbits=-15), "it inflates to more than 4194304 bytes"),
        (b"\xff" * 100, "the deflated data set is broken"),
        (zlib.compress(b"1" * 100, wbits=-15)[:-3], "the deflated data set is cut short"),
    ],
    ids=["bomb", "large", "broken", "cut"],
)
def test_a_deflated_data_set_that_is_none(data: bytes, words: str) -> None:
    def work(scp: Association) -> None:
        message = received(scp)
        scp.send(message.context, dimse.response(message.command, PENDING, data_set=True), [data])
        respond(scp, message)

    with performing(work) as scu:
        request = scu.query(CommandField.C_FIND_RQ, DEFLATED_FIND)
        answers = responses(scu.association, scu.context(DEFLATED_FIND), request)
        with pytest.raises(PeerFailure, match=words):
            read(scu.association, next(answers))
        assert [each.command["Status"] for each in answers] == [0]
