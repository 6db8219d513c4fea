"""``dcmtools serve`` as an archive: what was stored is found, fetched and moved (PS3.4 Annex C)."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING

import pytest

from dcmtools.acceptor.service import Service
from dcmtools.encoding.dataset import made, values
from dcmtools.encoding.uids import is_storage_class
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.exchange import invoke, read, responses
from dcmtools.net.status import PENDING, SUCCESS
from dcmtools.net.user_information import RoleSelection
from dcmtools.scp.serve import Receiving
from tests.support.accepting import STUDY_FIND, STUDY_GET, STUDY_MOVE, accepting
from tests.support.certificates import requires_openssl
from tests.support.retrieving import retrieve
from tests.support.run import run
from tests.support.served import (
    CT,
    HOST,
    Served,
    associated,
    can_associate,
    data_set,
    served,
    serving,
    store,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dcmtools.acceptor.session import Session
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.net.association import Association
    from dcmtools.net.incoming import Message
    from tests.support.certificates import Certificates
    from tests.support.run import Run

GETTER = [RoleSelection(CT, scu=False, scp=True)]
PATIENT_GET = "1.2.840.10008.5.1.4.1.2.1.3"
PARTLY, UNKNOWN, UNSUITABLE = 0xB000, 0xA801, 0xA900


def filled(port: int, count: int, study: str = "1.2.3", patient: str = "P1") -> list[str]:
    """Store so many instances; their UIDs."""
    uids = [f"{study}.9.{number}" for number in range(1, count + 1)]
    with associated(port) as association:
        for uid in uids:
            body = data_set(uid, study=study, series=f"{study}.1", patient=patient)
            assert store(association, uid, body) == SUCCESS
    return uids


def get(port: int, **keys: str) -> list[str]:
    with associated(port, STUDY_GET, CT, roles=GETTER) as association:
        told = retrieve(association, identifier=made(**keys))
    assert told.status == SUCCESS
    assert told.counts == (len(told.stored), 0, 0)
    return sorted(told.stored)


def found(association: Association, **keys: str) -> list[DataSet]:
    context = association.require(STUDY_FIND)
    asked = invoke(
        association,
        context,
        CommandField.C_FIND_RQ,
        made(**keys),
        AffectedSOPClassUID=STUDY_FIND,
        Priority=dimse.MEDIUM,
    )
    matches = []
    for message in responses(association, context, asked):
        if dimse.number(message.command, "Status") == PENDING:
            matches.append(read(association, message))
    return matches


# ---------------------------------------------------------------- what is stored can be had


def test_what_was_answered_is_found_and_fetched_at_once(tmp_path: Path) -> None:
    with serving(tmp_path / "archive") as server:
        for number in range(1, 6):
            filled(server.port, number)
            with associated(server.port, STUDY_FIND) as association:
                keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "1.2.3"}
                [match] = found(association, NumberOfStudyRelatedInstances="", **keys)
                assert values(match, "NumberOfStudyRelatedInstances") == [str(number)]
            assert len(get(server.port, **keys)) == number


def test_every_level_and_lists(tmp_path: Path) -> None:
    with serving(tmp_path / "archive") as server:
        first, second = filled(server.port, 2), filled(server.port, 2, "1.2.4")
        study = {"StudyInstanceUID": "1.2.3"}
        series = {**study, "SeriesInstanceUID": "1.2.3.1"}
        assert get(server.port, QueryRetrieveLevel="SERIES", **series) == first
        one = get(server.port, QueryRetrieveLevel="IMAGE", SOPInstanceUID=first[1], **series)
        assert one == first[1:]
        both = get(server.port, QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3\\1.2.4")
        assert both == first + second
        assert get(server.port, QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.5") == []
        with associated(server.port, PATIENT_GET, CT, roles=GETTER) as association:
            asked = made(QueryRetrieveLevel="PATIENT", PatientID="P1")
            told = retrieve(association, identifier=asked, sop_class=PATIENT_GET)
            assert sorted(told.stored) == first + second


def test_a_question_that_makes_no_sense_is_refused_and_the_next_is_answered(tmp_path: Path) -> None:
    with serving(tmp_path / "archive") as server:
        filled(server.port, 1)
        with associated(server.port, STUDY_GET, CT, roles=GETTER) as association:
            told = retrieve(association, identifier=made(StudyInstanceUID="1.2.3"))
            assert told.statuses == [UNSUITABLE]
            assert retrieve(association).counts == (1, 0, 0)


@pytest.mark.parametrize("relational", [False, True])
def test_viewers_that_leave_out_what_is_above(tmp_path: Path, *, relational: bool) -> None:
    receiving = Receiving(durable=False, relational=relational)
    image = {"QueryRetrieveLevel": "IMAGE"}
    with serving(tmp_path / "archive", receiving=receiving) as server:
        uid = filled(server.port, 2)[0]
        with associated(server.port, STUDY_FIND, STUDY_GET, CT, roles=GETTER) as association:
            asked = made(**image, SOPInstanceUID=uid)
            expected = [[uid], SUCCESS] if relational else [[], UNSUITABLE]
            matches = found(association, **image, SOPInstanceUID=uid)
            assert [values(match, "SOPInstanceUID") for match in matches] == [[uid]] * relational
            told = retrieve(association, identifier=asked)
            assert [list(told.stored), told.statuses[-1]] == expected


def test_an_archive_that_was_there_before(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    with serving(archive, receiving=Receiving(durable=False, receive_only=True)) as server:
        uids = filled(server.port, 3)
        assert not (archive / ".index.sqlite").exists()
    with serving(archive) as server:
        assert get(server.port, QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3") == uids
    (archive / ".index.sqlite").write_bytes(b"no database")
    with serving(archive) as server:
        assert get(server.port, QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3") == uids


def test_a_mere_receiver_answers_nothing_of_this(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "--receive-only") as server:
        with associated(server.port, STUDY_FIND, STUDY_MOVE, STUDY_GET, CT, roles=GETTER) as association:
            assert association.refused == {1: 3, 3: 3, 5: 3}
            assert not association.roles
        filled(server.port, 1)
        assert server.stop() == 0
    assert sorted(os.listdir(tmp_path / "archive")) == [".incoming", "P1"]


def test_an_index_that_cannot_be_kept_stops_no_sender(tmp_path: Path) -> None:
    (tmp_path / "archive" / ".index.sqlite").mkdir(parents=True)
    with served(tmp_path / "archive") as server:
        filled(server.port, 2)
        with associated(server.port, STUDY_GET, CT, roles=GETTER) as association:
            told = retrieve(association)
        assert told.statuses == [0xA701]
        assert "index" in dimse.text(told.last, "ErrorComment")
        assert server.stop() == 0
        assert "queries are refused" in server.log()


# ---------------------------------------------------------------- destinations


class Receiver:
    """A storage SCP that waits with each answer until it may go on."""

    def __init__(self) -> None:
        self.uids: list[str] = []
        self.arrived, self.proceed = Event(), Event()
        self.proceed.set()

    def answer_store(self, session: Session, message: Message) -> None:
        session.association.read_data(1 << 20)
        self.uids.append(dimse.text(message.command, "AffectedSOPInstanceUID"))
        self.arrived.set()
        assert self.proceed.wait(20)
        session.association.send(message.context, dimse.response(message.command, SUCCESS))


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def there(receiver: Receiver) -> Iterator[int]:
    with accepting(Service(is_storage_class, {CommandField.C_STORE_RQ: receiver.answer_store})) as port:
        yield port


def configured(folder: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    path = folder / "config.toml"
    path.write_text("\n".join((*lines, "")))
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(path))


@pytest.mark.parametrize(
    ("given", "aet"),
    [
        ("WS1=127.0.0.1:{port}", "WS1"),
        ("WS1@127.0.0.1:{port}", "WS1"),
        ("ws", "WORKSTATION"),
        ("WS1=ws", "WS1"),
    ],
)
def test_destinations_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: Receiver, there: int, given: str, aet: str
) -> None:
    peer = ('[peers.ws]\nhost = "127.0.0.1"\naet = "WORKSTATION"', f"port = {there}")
    configured(tmp_path, monkeypatch, *peer)
    option = ("--destination", given.format(port=there))
    with served(tmp_path / "archive", "--aet", "ARCHIVE", *option) as server:
        with associated(server.port, called="ARCHIVE") as association:
            assert store(association, "1.2.3.9", data_set("1.2.3.9")) == SUCCESS
        with associated(server.port, STUDY_MOVE, called="ARCHIVE") as association:
            assert retrieve(association, "ELSEWHERE").status == UNKNOWN
            told = retrieve(association, aet)
    assert (told.status, told.counts) == (SUCCESS, (1, 0, 0))
    assert receiver.uids == ["1.2.3.9"]


def test_destinations_in_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: Receiver, there: int
) -> None:
    configured(
        tmp_path, monkeypatch, "[defaults.serve]", f'destination = ["A=127.0.0.1:9", "B=127.0.0.1:{there}"]'
    )
    with served(tmp_path / "archive") as server:
        uids = filled(server.port, 2)
        with associated(server.port, STUDY_MOVE) as association:
            assert retrieve(association, "B").counts == (2, 0, 0)
            assert retrieve(association, "A").counts == (0, 2, 0)
    assert receiver.uids == uids


@requires_openssl
def test_a_destination_that_speaks_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificates: Certificates
) -> None:
    cert, key = certificates.pair("server")
    ours = certificates.pair("client")
    tls = ("--tls", "--tls-cert", cert, "--tls-key", key, "--tls-ca", certificates.ca)
    with served(tmp_path / "there", *tls, "--receive-only") as safe:
        peer = ("[peers.safe]", 'host = "127.0.0.1"', f"port = {safe.port}", 'aet = "SAFE"')
        trust = (f'tls_ca = "{certificates.ca}"', f'tls_cert = "{ours[0]}"', f'tls_key = "{ours[1]}"')
        configured(tmp_path, monkeypatch, *peer, "tls = true", *trust)
        with served(tmp_path / "archive", "--destination", "safe") as server:
            filled(server.port, 2)
            with associated(server.port, STUDY_MOVE) as association:
                assert retrieve(association, "SAFE").counts == (2, 0, 0)
        assert len(safe.kept()) == 2


def refused(*arguments: object) -> Run:
    result = run("serve", "archive", "--port", "0", *arguments)
    assert (result.status, result.stdout) == (2, "")
    return result


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["127.0.0.1:104"], "'127.0.0.1:104' is neither AET=host:port nor a peer in config.toml"),
        (["nobody"], "neither AET=host:port nor a peer in config.toml"),
        (["WS1="], "the host is missing"),
        (["=127.0.0.1:104"], "must not be blank"),
        (["SEVENTEEN_LETTERS=127.0.0.1:104"], "longer than 16 characters"),
        (["WS1=127.0.0.1:x"], "'x' is not a port"),
        (["WS1=127.0.0.1:104", "WS1=127.0.0.1:105"], "WS1 stands for WS1@127.0.0.1:104 already"),
        (["half"], "does not say whether to connect with TLS"),
        (["safe"], "no/such/ca.pem"),
    ],
)
def test_destinations_that_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], words: str
) -> None:
    half = ("[peers.half]", 'host = "h"', 'tls_ca = "ca.pem"')
    safe = ("[peers.safe]", 'host = "h"', "tls = true", 'tls_ca = "/no/such/ca.pem"')
    configured(tmp_path, monkeypatch, *half, *safe)
    monkeypatch.chdir(tmp_path)
    result = refused(*[word for each in given for word in ("--destination", each)])
    assert words in result.stderr
    assert not (tmp_path / "archive").exists()


def test_a_receiver_has_no_destinations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = refused("--receive-only", "--destination", "WS1=127.0.0.1:104")
    assert "--destination is for what --receive-only does not have" in result.stderr
    result = refused("--receive-only", "--relational")
    assert "--relational is for what --receive-only does not have" in result.stderr


# ---------------------------------------------------------------- the end


def test_sigterm_within_a_move_ends_it_in_words(tmp_path: Path, receiver: Receiver, there: int) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(served(tmp_path / "archive", "--destination", f"B={HOST}:{there}"))
        uids = filled(server.port, 5)
        receiver.proceed.clear()
        association = stack.enter_context(associated(server.port, STUDY_MOVE))
        context = association.require(STUDY_MOVE)
        asked = invoke(
            association,
            context,
            CommandField.C_MOVE_RQ,
            made(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.3"),
            AffectedSOPClassUID=STUDY_MOVE,
            Priority=dimse.MEDIUM,
            MoveDestination="B",
        )
        assert receiver.arrived.wait(20)
        server.process.send_signal(signal.SIGTERM)
        wait_for_signal(server)
        receiver.proceed.set()
        *_, last = responses(association, context, asked)
        failed = values(read(association, last), "FailedSOPInstanceUIDList")
        assert last.command["Status"] == PARTLY
        assert last.command["NumberOfCompletedSuboperations"] == 1
        assert failed == uids[1:]
        association.abort()
        assert server.process.wait(20) == 0
    assert receiver.uids == uids[:1]


def wait_for_signal(server: Served) -> None:
    """Return once the server takes no more connections, which it stops to when the signal has come."""

    def refuses() -> bool:
        try:
            return not can_associate(server.port)
        except OSError:
            return True

    wait_until(refuses)
