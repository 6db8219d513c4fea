"""What the server refuses: instances, operations and callers, each with the answer that says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import AssociationError
from dcmtools.net import command_set, dimse
from dcmtools.scp.faults import Faults
from dcmtools.scp.serve import Receiving
from tests.support.served import (
    CT,
    ECHO,
    VERIFICATION,
    Served,
    ask,
    associated,
    can_associate,
    connected,
    data_set,
    element,
    fragment,
    pdu,
    serving,
    store,
    store_request,
    wait_until,
)

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.net.association import Association

PRIVATE = "1.3.6.1.4.1.99999.1"
UID = "1.2.3.4"
FINAL = "P1/1.2.3/1.2.3.1/1.2.3.4.dcm"
SUCCESS, DUPLICATE, NOT_SUPPORTED, UNRECOGNIZED = 0x0000, 0x0111, 0x0122, 0x0211
OUT_OF_RESOURCES, MISMATCH, CANNOT_UNDERSTAND = 0xA700, 0xA900, 0xC000


# ---------------------------------------------------------------- refusing


def test_the_same_data_set_again_is_success_and_one_file(server: Served, association: Association) -> None:
    assert [store(association, UID, data_set()) for _ in range(3)] == [SUCCESS] * 3
    assert len(server.kept()) == 1


def test_another_data_set_under_the_uid_is_refused_and_the_first_kept(
    server: Served, association: Association, caplog: pytest.LogCaptureFixture
) -> None:
    assert store(association, UID, data_set()) == SUCCESS
    answer = ask(association, store_request(UID), [data_set(pixels=b"other!")])
    assert answer["Status"] == DUPLICATE
    assert answer["ErrorComment"] == "another data set is kept under this SOP Instance UID"
    assert (server.folder / FINAL).read_bytes().endswith(data_set())
    [line] = [line for line in caplog.messages if line.startswith("refused ")]
    assert 'status=0111 reason="another data set is kept under this SOP Instance UID"' in line


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (data_set("1.2.3.5"), MISMATCH),
        (data_set(sop_class=PRIVATE), MISMATCH),
        (data_set()[:80], CANNOT_UNDERSTAND),
        (data_set()[:-150], CANNOT_UNDERSTAND),
        (b"", CANNOT_UNDERSTAND),
        (b"not DICOM at all, but bytes of some length", CANNOT_UNDERSTAND),
        (bytes(range(256)) * 16, CANNOT_UNDERSTAND),
        (b"\0" * 1000, CANNOT_UNDERSTAND),
        (element(0x7FE00010, b"1234", b"OW"), CANNOT_UNDERSTAND),
        (bytes(128) + b"DICM" + data_set(), CANNOT_UNDERSTAND),
    ],
    ids=["instance", "class", "cut", "cut later", "empty", "text", "noise", "zeros", "no names", "a file"],
)
def test_what_is_not_the_instance_it_should_be_is_refused_and_not_kept(
    server: Served, association: Association, data: bytes, status: int
) -> None:
    assert store(association, UID, data) == status
    assert server.is_empty()
    assert store(association, UID, data_set()) == SUCCESS


def test_a_request_without_a_data_set_is_refused(server: Served, association: Association) -> None:
    request = store_request(UID) | {"CommandDataSetType": 0x0101}
    assert ask(association, request)["Status"] == CANNOT_UNDERSTAND
    assert server.is_empty()
    assert store(association, UID, data_set()) == SUCCESS


@pytest.mark.parametrize("missing", ["AffectedSOPInstanceUID", "AffectedSOPClassUID"])
def test_a_request_without_a_name_is_refused(server: Served, association: Association, missing: str) -> None:
    request = {key: value for key, value in store_request(UID).items() if key != missing}
    assert ask(association, request, [data_set()])["Status"] == CANNOT_UNDERSTAND
    assert server.kept() == []


@pytest.mark.parametrize(
    ("faults", "asked", "status"),
    [
        (Faults(), store_request("not a uid"), CANNOT_UNDERSTAND),
        (Faults(status=OUT_OF_RESOURCES), store_request(UID), OUT_OF_RESOURCES),
        (Faults(), {"CommandField": 0x7777, "CommandDataSetType": 1}, UNRECOGNIZED),
    ],
    ids=["no instance", "as --status asks", "no operation"],
)
def test_a_refusal_waits_for_the_end_of_the_data_set(
    tmp_path: Path, faults: Faults, asked: dimse.Command, status: int
) -> None:
    request = command_set.encode(asked | {"MessageID": 1})
    with (
        serving(tmp_path, receiving=Receiving(faults=faults)) as server,
        connected(server.port, established=True) as peer,
    ):
        peer.sendall(pdu(4, fragment(3, request)) + pdu(4, fragment(0, data_set())))
        peer.settimeout(0.2)
        with pytest.raises(TimeoutError):
            peer.recv(1)
        peer.sendall(pdu(4, fragment(2, b"")))
        peer.settimeout(5)
        assert status.to_bytes(2, "little") in peer.recv(65536)


def test_an_instance_on_the_context_of_another_class_is_refused(server: Served) -> None:
    with associated(server.port, VERIFICATION) as association:
        assert store(association, UID, data_set()) == NOT_SUPPORTED
    assert server.kept() == []


@pytest.mark.parametrize(
    ("field", "status"),
    [
        (0x0010, NOT_SUPPORTED),  # there is C-GET, but not on the context of a storage class
        (0x0020, NOT_SUPPORTED),
        (0x0021, NOT_SUPPORTED),
        (0x0100, UNRECOGNIZED),
        (0x0140, UNRECOGNIZED),
        (0x7777, UNRECOGNIZED),
    ],
)
@pytest.mark.parametrize("data", [[], [data_set()]], ids=["alone", "with a data set"])
def test_an_operation_that_is_none_of_ours_is_refused(
    association: Association, field: int, status: int, data: list[bytes]
) -> None:
    request: dimse.Command = {"CommandField": field, "CommandDataSetType": 1 if data else 0x0101}
    assert ask(association, request | {"AffectedSOPClassUID": CT}, data)["Status"] == status
    assert store(association, UID, data_set()) == SUCCESS


@pytest.mark.parametrize("field", [0x0FFF, 0x8001, 0x8030])
def test_a_cancel_or_a_response_that_nobody_asked_for_is_passed_over(
    association: Association, field: int
) -> None:
    unasked: dimse.Command = {
        "CommandField": field,
        "MessageIDBeingRespondedTo": 9,
        "CommandDataSetType": 0x0101,
    }
    association.send(next(iter(association.contexts.values())), unasked)
    assert store(association, UID, data_set()) == SUCCESS


def test_an_echo_with_a_data_set_is_answered(server: Served) -> None:
    with associated(server.port, VERIFICATION) as association:
        request: dimse.Command = {
            "CommandField": ECHO,
            "AffectedSOPClassUID": VERIFICATION,
            "CommandDataSetType": 1,
        }
        assert ask(association, request, [data_set()])["Status"] == SUCCESS
        assert ask(association, request, [data_set()])["Status"] == SUCCESS


# ---------------------------------------------------------------- whom it takes


def rejection(port: int, **how: str) -> str:
    with pytest.raises(AssociationError) as caught, associated(port, **how):  # type: ignore[arg-type]  # titles
        pass
    return caught.value.message


def test_the_called_title_has_to_be_ours_where_we_have_one(tmp_path: Path) -> None:
    with serving(tmp_path, aet="ARCHIVE") as server:
        with associated(server.port, called="ARCHIVE"):
            pass
        assert "rejected (permanent): called AE title not recognized" in rejection(
            server.port, called="OTHER"
        )


def test_the_calling_title_has_to_be_allowed_where_any_is(tmp_path: Path) -> None:
    with serving(tmp_path, allow_aet=("CT1", "CT2")) as server:
        with associated(server.port, calling="CT2"):
            pass
        assert "rejected (permanent): calling AE title not recognized" in rejection(server.port, calling="CT")


def test_one_association_more_than_there_are_places_is_rejected_for_now(tmp_path: Path) -> None:
    with serving(tmp_path, max_associations=2) as server:
        with associated(server.port), associated(server.port):
            for _ in range(3):
                assert "rejected (transient): local limit exceeded" in rejection(server.port)
        wait_until(lambda: can_associate(server.port))


def test_a_rejected_caller_takes_no_place(tmp_path: Path) -> None:
    with serving(tmp_path, aet="ARCHIVE", max_associations=1) as server:
        for _ in range(3):
            rejection(server.port, called="OTHER")
        with associated(server.port, called="ARCHIVE"):
            pass
