"""DIMSE messages: what requests need, and what answers them (PS3.7 9.3, 10.3); pynetdicom has the names."""

from __future__ import annotations

import pytest
from pynetdicom import dimse_messages

from dcmtools.net import dimse
from dcmtools.net.command_set import decode, encode
from dcmtools.net.dimse import (
    RESPONSE,
    Command,
    CommandField,
    Value,
    cancel,
    has_data_set,
    number,
    request,
    response,
    text,
)
from tests.support.messages import MESSAGES, REQUESTS, fields_of

CT = "1.2.840.10008.5.1.4.1.1.2"
F = CommandField


def mandatory_values(field: CommandField) -> dict[str, Value]:
    named = fields_of(field, mandatory=True)
    return {
        name: "1.2.3" if name.endswith("UID") else "AE" if name == "MoveDestination" else 1 for name in named
    }


def test_there_are_eleven_services_and_a_cancel() -> None:
    """PS3.7 Table E.1-1 (0000,0100): a response is its request with the highest bit."""
    assert len(REQUESTS) == 11
    names = {field.name.replace("_", "-"): int(field) for field in CommandField}
    responses = {name[:-2] + "RSP": names[name] | RESPONSE for name in names if name != "C-CANCEL-RQ"}
    theirs = {name: code for code, (name, _) in dimse_messages._MESSAGE_TYPES.items()}
    assert names | responses == theirs


@pytest.mark.parametrize("field", REQUESTS)
def test_requests_hold_what_their_service_needs(field: CommandField) -> None:
    """PS3.7 9.3 and 10.3: mandatory fields, and a data set where the service has one."""
    needed = mandatory_values(field)
    data_set = MESSAGES[field][1] is not False
    command = request(field, 9, data_set=data_set, **needed)
    assert decode(encode(command)) == command
    assert command["CommandField"] == field
    assert command["MessageID"] == 9
    assert has_data_set(command) is data_set
    for name in needed:
        with pytest.raises(ValueError, match=name):
            request(
                field, 9, data_set=data_set, **{key: value for key, value in needed.items() if key != name}
            )
    with pytest.raises(ValueError, match="Status"):
        request(field, 9, data_set=data_set, **needed, Status=0)


@pytest.mark.parametrize("field", [field for field in REQUESTS if MESSAGES[field][1] is not None])
def test_a_data_set_is_no_choice_where_the_service_has_none(field: CommandField) -> None:
    """PS3.7 9.3 and 10.3: Command Data Set Type."""
    with pytest.raises(ValueError, match="data set"):
        request(field, 9, data_set=not MESSAGES[field][1], **mandatory_values(field))


def test_a_cancel_is_no_request_like_others() -> None:
    with pytest.raises(ValueError, match="C_CANCEL_RQ"):
        request(F.C_CANCEL_RQ, 1, data_set=False)


def test_cancel_names_the_message_it_cancels() -> None:
    """PS3.7 9.3.2.3: Command Field, Message ID Being Responded To and no data set are all it has."""
    assert decode(encode(cancel(5))) == {
        "CommandField": 0x0FFF,
        "MessageIDBeingRespondedTo": 5,
        "CommandDataSetType": dimse.NO_DATA_SET,
    }


@pytest.mark.parametrize("field", REQUESTS)
def test_responses_name_what_they_answer(field: CommandField) -> None:
    """PS3.7 9.3 and 10.3: requested SOP Class and Instance come back as affected, type IDs as they were."""
    needed = mandatory_values(field)
    answered = response(request(field, 9, data_set=MESSAGES[field][1] is not False, **needed), 0x0110)
    assert decode(encode(answered)) == answered
    assert answered["CommandField"] == field | 0x8000
    assert answered["MessageIDBeingRespondedTo"] == 9
    assert answered["Status"] == 0x0110
    assert not has_data_set(answered)
    assert answered["AffectedSOPClassUID"] == "1.2.3"
    assert ("AffectedSOPInstanceUID" in answered) is any("Instance" in name for name in needed)
    allowed = {name.rstrip("!") for name in MESSAGES[field | RESPONSE][0].split()}
    assert answered.keys() - {"CommandField", "MessageIDBeingRespondedTo", "CommandDataSetType"} <= allowed
    assert {"EventTypeID", "ActionTypeID"} & needed.keys() <= answered.keys()


def test_responses_take_further_fields_and_a_data_set() -> None:
    """PS3.7 10.1.5.1.4: the SCP of N-CREATE names the instance where the request does not."""
    asked = request(F.N_CREATE_RQ, 1, data_set=True, AffectedSOPClassUID=CT)
    answered = response(asked, 0, data_set=True, AffectedSOPInstanceUID="2.25.1")
    assert text(answered, "AffectedSOPInstanceUID") == "2.25.1"
    assert has_data_set(answered)


@pytest.mark.parametrize("command", [cancel(1), response({"CommandField": 0x30, "MessageID": 1}, 0)])
def test_what_has_no_response(command: Command) -> None:
    """PS3.7 9.3.2.3: a C-CANCEL-RQ is answered by the last response of what it cancels."""
    with pytest.raises(ValueError, match="has no response"):
        response(command, 0)


@pytest.mark.parametrize(
    ("data_set_type", "expected"), [(0x0101, False), (0, True), (1, True), (0x0102, True)]
)
def test_any_other_data_set_type_means_a_data_set(data_set_type: int, *, expected: bool) -> None:
    """PS3.7 E.1 (0000,0800): 0101H means none, any other value one."""
    assert has_data_set({"CommandDataSetType": data_set_type}) is expected


def test_values_are_read_by_their_type() -> None:
    command: Command = {"Status": 0, "ErrorComment": "why"}
    assert number(command, "Status", 1) == 0
    assert number(command, "ErrorID", 1) == 1
    assert text(command, "ErrorComment") == "why"
    assert text(command, "MoveDestination") == ""
    with pytest.raises(TypeError, match="ErrorComment"):
        number(command, "ErrorComment")
    with pytest.raises(TypeError, match="Status"):
        text(command, "Status")
