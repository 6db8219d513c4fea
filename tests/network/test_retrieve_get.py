"""C-GET as SCP: the instances come on the association that asked for them, as they stand (PS3.4 C.4.3)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dcmtools.archive.database import IndexBehind
from dcmtools.encoding.dataset import made, text
from dcmtools.errors import AssociationError
from dcmtools.net import dimse
from dcmtools.net.status import CANCELED, PENDING, SUCCESS
from dcmtools.net.stop import Stop
from dcmtools.net.user_information import RoleSelection
from tests.support.accepting import STUDY_GET
from tests.support.retrieving import Found, kept, retrieve, retrieving
from tests.support.served import CT, EXPLICIT, IMPLICIT, WITHIN, associated, data_set, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from dcmtools.encoding.dataset import DataSet
    from dcmtools.net.association import Association
    from dcmtools.net.incoming import Message
    from dcmtools.query.models import Model

MR = "1.2.840.10008.5.1.4.1.1.4"
JPEG = "1.2.840.10008.1.2.4.70"
PARTLY, IMPOSSIBLE, COUNTLESS, UNSUITABLE = 0xB000, 0xA702, 0xA701, 0xC000
UIDS = ["1.2.1", "1.2.2", "1.2.3"]


def getting(
    port: int,
    *classes: str,
    syntaxes: Sequence[str] = (EXPLICIT,),
    roles: bool = True,
    timeout: float = WITHIN,
) -> AbstractContextManager[Association]:
    stored = classes or (CT,)
    taken = [RoleSelection(uid, scu=False, scp=True) for uid in stored] if roles else []
    return associated(port, STUDY_GET, *stored, syntaxes=syntaxes, roles=taken, timeout=timeout)


@pytest.fixture
def found(tmp_path: Path) -> Found:
    return Found([kept(tmp_path, uid) for uid in UIDS])


@pytest.fixture
def port(tmp_path: Path, found: Found) -> Iterator[int]:
    with retrieving(tmp_path, found) as running:
        yield running


# ---------------------------------------------------------------- what comes


def test_all_come_byte_for_byte_and_are_counted(port: int) -> None:
    with getting(port) as association:
        told = retrieve(association)
    assert told.stored == {uid: data_set(uid) for uid in UIDS}
    assert (told.status, told.counts, told.failed) == (SUCCESS, (3, 0, 0), [])
    assert set(told.statuses[:-1]) == {PENDING}
    assert told.remaining[0] == 3
    assert "NumberOfRemainingSuboperations" not in told.last


def test_one_after_the_other_on_one_association(port: int) -> None:
    with getting(port) as association:
        for _ in range(3):
            assert retrieve(association).counts == (3, 0, 0)


def test_nothing_found_is_success(tmp_path: Path) -> None:
    with retrieving(tmp_path, Found()) as port, getting(port) as association:
        told = retrieve(association)
    assert (told.statuses, told.counts) == ([SUCCESS], (0, 0, 0))


def test_the_identifier_and_the_model_are_what_is_looked_for(tmp_path: Path) -> None:
    asked: list[tuple[str, str, bool]] = []

    def find(model: Model, identifier: DataSet, relational: bool) -> Found:
        asked.append((model.name, text(identifier, "StudyInstanceUID"), relational))
        return Found()

    with retrieving(tmp_path, Found(), find=find) as port, getting(port) as association:
        retrieve(association, identifier=made(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2\\1.3"))
    assert asked == [("study", "1.2\\1.3", False)]


def test_native_data_sets_go_in_what_the_requestor_takes(port: int) -> None:
    with getting(port, syntaxes=[IMPLICIT]) as association:
        told = retrieve(association)
    assert (told.status, told.counts) == (SUCCESS, (3, 0, 0))
    assert told.stored["1.2.1"] != data_set("1.2.1")
    assert told.stored["1.2.1"].startswith(b"\x08\x00\x16\x00\x1a\x00\x00\x00" + CT.encode())


# ---------------------------------------------------------------- what does not


@pytest.fixture
def mixed(tmp_path: Path) -> Found:
    return Found(
        [
            kept(tmp_path, "1.2.1"),
            kept(tmp_path, "1.2.2", sop_class=MR),
            kept(tmp_path, "1.2.3", syntax=JPEG),
        ]
    )


def test_what_has_no_context_is_a_failure_of_its_own(tmp_path: Path, mixed: Found) -> None:
    with retrieving(tmp_path, mixed) as port, getting(port) as association:
        told = retrieve(association)
    assert (told.status, told.counts) == (PARTLY, (1, 2, 0))
    assert told.failed == ["1.2.2", "1.2.3"]
    assert "MRImageStorage" in dimse.text(told.last, "ErrorComment")


def test_a_requestor_in_no_scp_role_is_sent_nothing(port: int) -> None:
    with getting(port, roles=False) as association:
        told = retrieve(association)
    assert (told.status, told.counts, told.failed) == (IMPOSSIBLE, (0, 3, 0), UIDS)
    assert "SCP role" in dimse.text(told.last, "ErrorComment")


def test_files_that_have_gone_or_changed_are_failures(tmp_path: Path, found: Found) -> None:
    (tmp_path / found[0].path).unlink()
    kept(tmp_path, "1.2.9")
    os.replace(tmp_path / "P/S/1.2.9.dcm", tmp_path / found[1].path)
    with retrieving(tmp_path, found) as port, getting(port) as association:
        told = retrieve(association)
    assert (told.status, told.counts, told.failed) == (PARTLY, (1, 2, 0), UIDS[:2])
    assert list(told.stored) == ["1.2.3"]


def test_files_cut_short_are_failures(tmp_path: Path, found: Found) -> None:
    path = tmp_path / found[1].path
    os.truncate(path, path.stat().st_size - 7)
    with retrieving(tmp_path, found) as port, getting(port) as association:
        assert retrieve(association).failed == ["1.2.2"]


@pytest.mark.parametrize("what", ["file", "folder", "pipe", "above"])
def test_nothing_outside_of_the_folder_is_opened(tmp_path: Path, found: Found, what: str) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    inside = Found([kept(archive, "1.2.1")])
    path = archive / inside[0].path
    if what == "file":
        path.unlink()
        path.symlink_to(tmp_path / found[0].path)
    elif what == "folder":
        (archive / "P").rename(archive / "Q")
        (archive / "P").symlink_to(tmp_path / "P")
    elif what == "pipe":
        path.unlink()
        os.mkfifo(path)
    else:
        inside[0] = inside[0]._replace(path="../P/S/1.2.1.dcm")
    with retrieving(archive, inside) as port, getting(port) as association:
        assert retrieve(association).counts == (0, 1, 0)


def test_what_the_requestor_refuses_and_what_it_remarks_on(port: int) -> None:
    statuses = {"1.2.1": 0xA700, "1.2.2": 0xB000, "1.2.3": SUCCESS}
    with getting(port) as association:
        told = retrieve(
            association, take=lambda each: statuses[dimse.text(each.command, "AffectedSOPInstanceUID")]
        )
    assert (told.status, told.counts, told.failed) == (PARTLY, (1, 1, 1), ["1.2.1"])


def test_remarks_alone_are_a_warning(port: int) -> None:
    with getting(port) as association:
        told = retrieve(association, take=lambda _: 0xB007)
    assert (told.status, told.counts, told.failed) == (PARTLY, (0, 0, 3), [])


def test_more_failed_uids_than_an_explicit_length_can_tell(tmp_path: Path) -> None:
    some = kept(tmp_path, "1.2.1")
    uids = [f"1.2.826.0.1.3680043.8.498.{number:037d}" for number in range(1100)]
    gone = Found([some._replace(path="P/S/gone.dcm", sop_instance_uid=uid) for uid in uids])
    with retrieving(tmp_path, gone) as port, getting(port) as association:
        told = retrieve(association)
    assert (told.counts, told.failed) == ((0, 1100, 0), uids)


def test_more_instances_than_a_count_can_tell(tmp_path: Path) -> None:
    some = kept(tmp_path, "1.2.1")._replace(path="P/S/gone.dcm")
    with retrieving(tmp_path, Found([some] * 70_000)) as port, getting(port) as association:
        told = retrieve(association)
    assert (told.status, told.counts) == (IMPOSSIBLE, (0, 65535, 0))
    assert len(told.failed) == 60_000


# ---------------------------------------------------------------- when there is no answer


def test_an_index_that_is_behind_is_a_failure(tmp_path: Path) -> None:
    def find(*_: object) -> Found:
        raise IndexBehind("the index is being made")

    with retrieving(tmp_path, Found(), find=find) as port, getting(port) as association:
        told = retrieve(association)
        assert told.statuses == [COUNTLESS]
        assert dimse.text(told.last, "ErrorComment") == "the index is being made"
        assert retrieve(association).statuses == [COUNTLESS]  # the association is as good as before


def test_an_index_that_fails_half_way_leaves_failures(tmp_path: Path, found: Found) -> None:
    class Breaking(Found):
        def __iter__(self) -> Iterator[object]:  # type: ignore[override]  # it is a test's
            yield self[0]
            raise IndexBehind("the index cannot be read")

    with retrieving(tmp_path, Breaking(found)) as port, getting(port) as association:
        told = retrieve(association)
    assert (told.status, told.counts) == (PARTLY, (1, 2, 0))
    assert dimse.text(told.last, "ErrorComment") == "the index cannot be read"


def test_a_broken_identifier_gets_a_status(port: int) -> None:
    with getting(port) as association:
        context = association.require(STUDY_GET)
        request: dimse.Command = {
            "CommandField": dimse.CommandField.C_GET_RQ,
            "MessageID": 7,
            "CommandDataSetType": dimse.DATA_SET,
            "AffectedSOPClassUID": STUDY_GET,
            "Priority": dimse.MEDIUM,
        }
        association.send(context, request, [b"\x08\x00\x52\x00CS\xff\xffST"])
        assert association.response_to(request).command["Status"] == UNSUITABLE
        assert retrieve(association).status == SUCCESS


# ---------------------------------------------------------------- when it ends before


def test_a_cancel_leaves_what_is_left(port: int) -> None:
    with getting(port) as association:
        context = association.require(STUDY_GET)

        def take(_: Message) -> int:
            association.send(context, dimse.cancel(1))
            return SUCCESS

        told = retrieve(association, take=take)
        assert (told.status, told.counts, told.failed) == (CANCELED, (1, 0, 0), [])
        assert told.remaining[-1] == 2
        assert list(told.stored) == UIDS[:1]


def test_a_cancel_with_the_last_one_comes_too_late(port: int) -> None:
    with getting(port) as association:
        context = association.require(STUDY_GET)

        def take(message: Message) -> int:
            if dimse.text(message.command, "AffectedSOPInstanceUID") == UIDS[-1]:
                association.send(context, dimse.cancel(1))
            return SUCCESS

        assert (told := retrieve(association, take=take)).status == SUCCESS, told


def test_a_requestor_that_leaves_ends_it(
    tmp_path: Path, found: Found, caplog: pytest.LogCaptureFixture
) -> None:
    def take(_: Message) -> int:
        raise ConnectionError

    with retrieving(tmp_path, found) as port:
        with pytest.raises(ConnectionError), getting(port) as association:
            retrieve(association, take=take)
        wait_until(lambda: "broken association=1" in caplog.text)
        with getting(port) as association:
            assert retrieve(association).counts == (3, 0, 0)


def test_a_server_that_stops_says_what_it_has_not_sent(tmp_path: Path, found: Found) -> None:
    stop = Stop()

    def take(_: Message) -> int:
        stop.request()
        return SUCCESS

    with retrieving(tmp_path, found, stop=stop) as port, getting(port) as association:
        told = retrieve(association, take=take)
    stop.close()
    assert (told.status, told.counts, told.failed) == (PARTLY, (1, 2, 0), UIDS[1:])
    assert dimse.text(told.last, "ErrorComment") == "the server is stopping"


def test_an_answer_on_another_instance_is_no_success(port: int) -> None:
    def take(message: Message) -> int:
        message.command["AffectedSOPInstanceUID"] = "9.9"
        return SUCCESS

    with getting(port) as association:
        assert retrieve(association, take=take).counts == (0, 3, 0)


def test_another_request_meanwhile_is_not_borne(port: int) -> None:
    def take(message: Message) -> int:
        request = {**message.command, "CommandField": 0x0030, "CommandDataSetType": dimse.NO_DATA_SET}
        association.send(message.context, request)
        return SUCCESS

    with getting(port) as association, pytest.raises(AssociationError):
        retrieve(association, take=take)
