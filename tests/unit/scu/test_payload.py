"""The C-STORE of an instance: its request, and answers to something else (PS3.7 9.1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.editing.apart import Processes
from dcmtools.files.inputs import Input
from dcmtools.files.instance import inspect
from dcmtools.net import dimse
from dcmtools.net.command_set import decode, encode
from dcmtools.net.incoming import Message
from dcmtools.net.negotiated import Context
from dcmtools.net.stop import Stop
from dcmtools.scu.payload import Payload
from tests.support import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

CT = "1.2.840.10008.5.1.4.1.1.2"
CONTEXT = Context(5, CT, "1.2.840.10008.1.2.1")


@pytest.fixture
def payload() -> Iterator[Payload]:
    item = Input(str(samples.ct()))
    source = item.open()
    instance = inspect(item, source)
    context = CONTEXT._replace(transfer_syntax=instance.transfer_syntax_uid)
    payload = Payload(instance, context, source, Processes(1, Stop()))
    yield payload
    payload.close()


def test_the_request_names_the_instance(payload: Payload) -> None:
    command = payload.request(7)
    assert decode(encode(command)) == command
    assert command["CommandField"] == dimse.CommandField.C_STORE_RQ
    assert command["MessageID"] == 7
    assert command["Priority"] == dimse.MEDIUM
    assert command["AffectedSOPClassUID"] == payload.instance.sop_class_uid
    assert command["AffectedSOPInstanceUID"] == payload.instance.sop_instance_uid
    assert dimse.has_data_set(command)


def test_the_request_of_a_sub_operation_names_the_c_move(payload: Payload) -> None:
    """PS3.7 9.1.1.1: Move Originator, of C-MOVE's sub-operations alone."""
    originator: dict[str, dimse.Value] = {
        "MoveOriginatorApplicationEntityTitle": "WORKSTATION",
        "MoveOriginatorMessageID": 3,
    }
    command = payload.request(7, dimse.LOW, **originator)
    assert command["Priority"] == dimse.LOW
    assert originator.items() <= command.items()


@pytest.mark.parametrize(
    ("changed", "context", "words"),
    [
        ({}, CONTEXT, ""),
        ({"AffectedSOPClassUID": "1.2"}, CONTEXT, "for another SOPClassUID, '1.2'"),
        ({"AffectedSOPInstanceUID": "1.2"}, CONTEXT, "for another SOPInstanceUID, '1.2'"),
        ({}, CONTEXT._replace(context_id=7), "on another presentation context"),
    ],
)
def test_an_answer_to_something_else(
    payload: Payload, changed: dict[str, dimse.Value], context: Context, words: str
) -> None:
    """PS3.7 9.1.1.1.13: the response names what was stored, if anything."""
    answer = dimse.response(payload.request(7), 0)
    assert payload.mismatch(Message(context, {**answer, **changed})).endswith(words)
    nameless = {name: answer[name] for name in answer if not name.endswith("UID")}
    assert payload.mismatch(Message(CONTEXT, nameless)) == ""
