"""C-FIND of an archive over associations: statuses, negotiation, cancel, what goes wrong (PS3.4 C.4.1)."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING

import pytest

from dcmtools.archive.database import IndexBehind
from dcmtools.encoding.dataset import DataSet, made, text
from dcmtools.encoding.dictionary import tag_of
from dcmtools.errors import AssociationError
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.exchange import invoke, read, responses
from dcmtools.net.peer import NetworkOptions, Peer
from dcmtools.net.presentation import PresentationContext
from dcmtools.net.requesting import request_association
from dcmtools.net.stop import Stop
from dcmtools.net.user_information import ExtendedNegotiation
from dcmtools.query.models import MODELS, PATIENT_ROOT, STUDY_ROOT
from dcmtools.scp.find import Finding
from dcmtools.scp.offers import find_services, relational
from tests.support.accepting import accepting
from tests.support.indexes import MadeIndex
from tests.support.served import BIG, EXPLICIT, HOST, IMPLICIT, WITHIN, associated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.net.association import Association

FIND = STUDY_ROOT.find
STUDIES = 30


@pytest.fixture(scope="module")
def index() -> MadeIndex:
    index = MadeIndex()
    index.fill(STUDIES)
    return index


@contextmanager
def answering(index: MadeIndex, stop: Stop | None = None) -> Iterator[int]:
    """The port of a server that answers C-FIND out of ``index``."""
    own = stop or Stop()
    with accepting(*find_services(Finding(index, own).answer_find)) as port:
        yield port
    own.close()


def ask(
    association: Association, identifier: DataSet | None, sop_class: str = FIND
) -> tuple[list[int], list[DataSet], dimse.Command]:
    """C-FIND; the statuses, the identifiers, and the last response."""
    context = association.require(sop_class)
    request = invoke(
        association, context, CommandField.C_FIND_RQ, identifier, AffectedSOPClassUID=sop_class, Priority=0
    )
    statuses, rows = [], []
    for message in responses(association, context, request):
        statuses.append(dimse.number(message.command, "Status"))
        if dimse.has_data_set(message.command):
            rows.append(read(association, message))
    return statuses, rows, message.command


def studies(**keys: str) -> DataSet:
    return made(QueryRetrieveLevel="STUDY", StudyInstanceUID="", **keys)


@pytest.mark.parametrize("model", MODELS, ids=[model.name for model in MODELS])
@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_all_models_in_all_encodings(index: MadeIndex, model: object, syntax: str) -> None:
    find = model.find  # type: ignore[attr-defined]  # pytest's parameters have no type
    with answering(index) as port, associated(port, find, syntaxes=[syntax], called="ARCHIVE") as association:
        keys = studies(PatientID="P6", PatientName="", NumberOfStudyRelatedInstances="")
        statuses, rows, _ = ask(association, keys, find)
        assert statuses == [0xFF00] * 2 + [0]
        assert {text(row, "StudyInstanceUID") for row in rows} == {"1.2.9", "1.2.11"}
        assert {text(row, "RetrieveAETitle") for row in rows} == {"ARCHIVE"}
        assert {text(row, "PatientName") for row in rows} == {"Name6^Given"}
        assert {text(row, "NumberOfStudyRelatedInstances") for row in rows} == {"100"}


def test_nothing_found_is_success(index: MadeIndex) -> None:
    with answering(index) as port, associated(port, FIND) as association:
        assert ask(association, studies(AccessionNumber="X"))[0] == [0]
        assert ask(association, studies(RetrieveAETitle="OTHER"))[0] == [0]


def test_keys_that_are_not_supported_make_warnings(index: MadeIndex) -> None:
    """C.4.1.1.4: FF01; what is not supported for existence is not returned."""
    with answering(index) as port, associated(port, FIND) as association:
        statuses, rows, _ = ask(association, studies(AccessionNumber="A1", AdmittingTime="10"))
        assert statuses == [0xFF01, 0]
        assert tag_of("AdmittingTime") not in rows[0]


def test_an_identifier_that_cannot_be_answered(index: MadeIndex) -> None:
    with answering(index) as port, associated(port, FIND, PATIENT_ROOT.find) as association:
        for keys, sop_class, status, at in (
            (made(StudyInstanceUID=""), FIND, 0xA900, "QueryRetrieveLevel"),
            (DataSet(), FIND, 0xA900, "QueryRetrieveLevel"),
            (made(QueryRetrieveLevel="PATIENT"), FIND, 0xA900, "QueryRetrieveLevel"),
            (made(QueryRetrieveLevel="SERIES"), FIND, 0xA900, "StudyInstanceUID"),
            (studies(), PATIENT_ROOT.find, 0xA900, "PatientID"),
            (studies(StudyDate="yesterday"), FIND, 0xC000, "StudyDate"),
            (studies(RetrieveAETitle="*a" * 600), FIND, 0xC000, "RetrieveAETitle"),
        ):
            statuses, _, last = ask(association, keys, sop_class)
            assert statuses == [status]
            assert at in str(last["ErrorComment"])
            assert last["OffendingElement"] == (tag_of(at),)
        assert ask(association, studies(AccessionNumber="A1"))[0] == [0xFF00, 0]


def send_raw(association: Association, blocks: list[bytes], **fields: int) -> dimse.Command:
    """A C-FIND-RQ with these bytes for an identifier; its only response."""
    command: dimse.Command = {
        "CommandField": 0x0020,
        "MessageID": association.next_message_id(),
        "CommandDataSetType": 1,
        "AffectedSOPClassUID": FIND,
        "Priority": 0,
        **fields,
    }
    association.send(association.require(FIND), command, blocks)
    return association.response_to(command).command


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 7,
        b"\xff" * 300,
        b"\x08\x00R\x00CS\xff\xff",
        b"\x08\x00R\x00CS\x06\x00STUDY \x08",
        b"\r\n" * 500,
    ],
)
def test_garbage_is_answered_and_the_association_goes_on(index: MadeIndex, garbage: bytes) -> None:
    with answering(index) as port, associated(port, FIND) as association:
        assert send_raw(association, [garbage])["Status"] == 0xC000
        assert ask(association, studies(AccessionNumber="A1"))[0] == [0xFF00, 0]


def test_without_an_identifier(index: MadeIndex) -> None:
    with answering(index) as port, associated(port, FIND) as association:
        assert send_raw(association, [], CommandDataSetType=0x0101)["Status"] == 0xA900
        assert ask(association, studies(AccessionNumber="A1"))[0] == [0xFF00, 0]


def test_an_endless_identifier_is_not_borne(index: MadeIndex) -> None:
    with answering(index) as port, associated(port, FIND) as association:
        with pytest.raises(AssociationError):
            send_raw(association, [bytes(64 * 1024)] * 100)
        with associated(port, FIND) as other:
            assert ask(other, studies(AccessionNumber="A1"))[0] == [0xFF00, 0]


def test_a_cancel_is_heard(index: MadeIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = Event()
    monkeypatch.setattr(index, "catch_up", lambda: sent.wait(WITHIN))
    with answering(index) as port, associated(port, FIND) as association:
        context = association.require(FIND)
        keys = studies(StudyDescription="Head")
        request = invoke(
            association, context, CommandField.C_FIND_RQ, keys, AffectedSOPClassUID=FIND, Priority=0
        )
        association.send(context, dimse.cancel(dimse.number(request, "MessageID")))
        sent.set()
        statuses = [
            dimse.number(message.command, "Status") for message in responses(association, context, request)
        ]
        assert statuses[-1] == 0xFE00
        assert set(statuses[:-1]) <= {0xFF00}
        assert len(statuses) <= STUDIES
        assert ask(association, studies(AccessionNumber="A1"))[0] == [0xFF00, 0]


def test_a_server_that_stops_says_so(index: MadeIndex) -> None:
    """What it was asked for is not said to be whole."""
    stop = Stop()
    stop.request()
    with answering(index, stop) as port, associated(port, FIND) as association:
        statuses, _, last = ask(association, studies())
        assert statuses == [0xA700]
        assert last["ErrorComment"] == "the server is stopping"


def test_an_index_that_is_behind_answers_nothing(index: MadeIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    def behind(*_: object) -> None:
        raise IndexBehind("the index lacks 3 instances")

    with answering(index) as port, associated(port, FIND) as association:
        with monkeypatch.context() as patched:
            patched.setattr(index, "catch_up", behind)
            statuses, _, last = ask(association, studies())
            assert (statuses, last["ErrorComment"]) == ([0xA700], "the index lacks 3 instances")
        with monkeypatch.context() as patched:
            patched.setattr(index, "reader", behind)
            assert ask(association, studies())[0] == [0xA700]
        assert len(ask(association, studies())[0]) == STUDIES + 1


# ---------------------------------------------------------------- extended negotiation


@contextmanager
def negotiated(port: int, information: bytes, *classes: str) -> Iterator[Association]:
    stop = Stop()
    network = NetworkOptions(acse_timeout=WITHIN, dimse_timeout=WITHIN, stop=stop)
    contexts = [PresentationContext(2 * at + 1, uid, (EXPLICIT,)) for at, uid in enumerate(classes)]
    extended = [ExtendedNegotiation(uid, information) for uid in classes]
    with request_association(
        Peer(HOST, port, "ANY-SCP"), network, contexts, extended=extended
    ) as association:
        yield association
    stop.close()


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (b"\1\1\1\1", b"\1\1\0\0"),
        (b"\0\1\0", b"\0\1\0"),
        (b"\1", b"\1"),
        (b"\2\xff", b"\0\0"),
        (b"", b""),
        (b"\1" * 300, b"\1\1" + bytes(298)),
    ],
)
def test_what_is_agreed_to(index: MadeIndex, asked: bytes, answer: bytes) -> None:
    """Relational queries and combined dates; not fuzzy names, not time zones, nothing unknown."""
    with answering(index) as port, negotiated(port, asked, FIND, "1.2.3") as association:
        assert association.extended == {FIND: answer}
    assert relational(asked) == answer[:1] + bytes(max(len(asked) - 1, 0))


def test_relational_queries_where_agreed_to(index: MadeIndex) -> None:
    keys = made(QueryRetrieveLevel="IMAGE", SOPInstanceUID="1.2.3.7")
    with answering(index) as port:
        with negotiated(port, b"\1", FIND) as association:
            assert ask(association, keys)[0] == [0xFF00, 0]
        for information in (b"\0\1", b""):
            with negotiated(port, information, FIND) as association:
                assert ask(association, keys)[0] == [0xA900]


def test_combined_dates_and_times_where_agreed_to(index: MadeIndex) -> None:
    keys = studies(StudyDate="20091231-20100101", StudyTime="12-11")
    with answering(index) as port:
        with negotiated(port, b"\0\1", FIND) as association:
            assert ask(association, keys)[0] == [0xFF00, 0]
        with negotiated(port, b"\0\0", FIND) as association:
            assert ask(association, keys)[0] == [0]
