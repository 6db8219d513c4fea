"""Command sets as bytes (PS3.7 6.3.1 and Annex E); pynetdicom is the peer."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom import dimse_messages, dimse_primitives
from pynetdicom.dsutils import encode as peer_encode
from pynetdicom.pdu_primitives import P_DATA

from dcmtools.net import command_set, dimse
from dcmtools.net.command_set import DimseError, decode, encode
from dcmtools.net.dimse import (
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

often = settings(max_examples=60, deadline=None)
few = settings(max_examples=20, deadline=None)

CT = "1.2.840.10008.5.1.4.1.1.2"
F = CommandField

words = st.integers(0, 0xFFFF)
components = st.integers(0, 10**8).map(str)
uids = st.lists(components, min_size=1, max_size=5).map(lambda parts: ".".join(["1.2", *parts]))
aets = st.from_regex(r"[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?", fullmatch=True)
tags = st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=4).map(tuple)
comments = st.from_regex(r"[!-\[\]-~]([ -\[\]-~]{0,62}[!-\[\]-~])?", fullmatch=True)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "AffectedSOPClassUID": uids,
    "RequestedSOPClassUID": uids,
    "AffectedSOPInstanceUID": uids,
    "RequestedSOPInstanceUID": uids,
    "MoveDestination": aets,
    "MoveOriginatorApplicationEntityTitle": aets,
    "Priority": st.sampled_from([dimse.MEDIUM, dimse.HIGH, dimse.LOW]),
    "OffendingElement": tags,
    "AttributeIdentifierList": tags,
    "ErrorComment": comments,
}


def name_of(command: Command) -> str:
    """The name of a message, by the peer's table."""
    name, _ = dimse_messages._MESSAGE_TYPES[number(command, "CommandField")]
    return str(name).replace("-", "_")


@st.composite
def commands(draw: st.DrawFn) -> Command:
    """A command set of any message, with the values its service gives to its fields."""
    field = draw(st.sampled_from(list(MESSAGES)))
    data_set = MESSAGES[field][1]
    is_request = field in REQUESTS
    command: Command = {
        "CommandField": int(field),
        "MessageID" if is_request else "MessageIDBeingRespondedTo": draw(words),
        "CommandDataSetType": 1 if (draw(st.booleans()) if data_set is None else data_set) else 0x0101,
    }
    optional = draw(st.sets(st.sampled_from(fields_of(field, mandatory=False) or ["CommandField"])))
    for keyword in [*fields_of(field, mandatory=True), *sorted(optional - {"CommandField"})]:
        command[keyword] = draw(VALUES.get(keyword, words))
    return command


any_commands = commands()


def element(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, tag, len(value)) + value


def echo_with(*extra: bytes) -> bytes:
    """A C-ECHO-RQ without its group length, and further elements."""
    numbers = [(0x0100, 0x30), (0x0110, 7), (0x0800, 0x0101)]
    return b"".join([*(element(tag, struct.pack("<H", value)) for tag, value in numbers), *extra])


def peer_decode(raw: bytes) -> Any:  # noqa: ANN401 -- pynetdicom changes the message's class as it decodes
    data = P_DATA()
    data.presentation_data_value_list.append((1, b"\x03" + raw))
    message = dimse_messages.DIMSEMessage()
    message.decode_msg(data)
    return message


def plain(value: object) -> Value:
    """A pydicom value as ours: tags as a tuple, text and numbers as they are."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    assert hasattr(value, "__iter__")
    return tuple(int(tag) for tag in value)


def peer_command(message: Any) -> Command:  # noqa: ANN401 -- one of pynetdicom's 23 message classes
    found = {each.keyword: plain(each.value) for each in message.command_set}
    del found["CommandGroupLength"]
    for keyword in {"OffendingElement", "AttributeIdentifierList"} & found.keys():
        value = found[keyword]
        found[keyword] = value if isinstance(value, tuple) else (int(value),)
    return found


DATA_SETS = {
    "C_STORE_RQ": "DataSet",
    "N_SET_RQ": "ModificationList",
    "N_ACTION_RQ": "ActionInformation",
    "N_ACTION_RSP": "ActionReply",
    "N_EVENT_REPORT_RQ": "EventInformation",
    "N_EVENT_REPORT_RSP": "EventReply",
}


def peer_primitive(command: Command) -> Any:  # noqa: ANN401 -- one of pynetdicom's 12 primitives
    """The DIMSE primitive of pynetdicom that means the same."""
    name = name_of(command)
    service = name.removesuffix("_RQ").removesuffix("_RSP")
    made = getattr(dimse_primitives, service)()
    for keyword, value in command.items():
        if keyword not in ("CommandField", "CommandDataSetType"):
            setattr(made, keyword, list(value) if isinstance(value, tuple) else value)
    if has_data_set(command):
        default = "Identifier" if service in ("C_FIND", "C_GET", "C_MOVE") else "AttributeList"
        setattr(made, DATA_SETS.get(name, default), BytesIO(b"data"))
    return made


@given(any_commands)
@often
def test_peer_reads_our_command_sets(ours: Command) -> None:
    """PS3.7 9.3 and 10.3: every message arrives as what it is, with the values it was sent with."""
    message = peer_decode(encode(ours))
    assert type(message).__name__ == name_of(ours)
    assert peer_command(message) == ours


@given(any_commands)
@often
def test_we_read_a_peers_command_sets(ours: Command) -> None:
    """PS3.7 9.3 and 10.3: the same message built by the peer decodes to ours; the bytes are the same, too."""
    message = getattr(dimse_messages, name_of(ours))()
    message.primitive_to_message(peer_primitive(ours))
    raw = peer_encode(message.command_set, True, True)
    assert raw is not None
    assert decode(raw) == ours
    assert encode(ours) == raw


@given(any_commands)
@often
def test_decoding_undoes_encoding(command: Command) -> None:
    """PS3.7 6.3.1: elements in the order of their tags, of even length, preceded by their common length."""
    raw = encode(command)
    assert decode(raw) == command
    assert list(decode(raw)) == sorted(command, key=list(command_set._ELEMENTS).index)
    assert struct.unpack_from("<HHII", raw) == (0, 0, 4, len(raw) - 12)
    assert len(raw) % 2 == 0


def test_a_c_echo_rq_byte_for_byte() -> None:
    """PS3.7 6.3.1 and Table 9.3-12: Implicit VR Little Endian, a UID padded with NUL."""
    raw = encode(request(F.C_ECHO_RQ, 7, data_set=False, AffectedSOPClassUID="1.2.840.10008.1.1"))
    assert raw == (
        b"\x00\x00\x00\x00\x04\x00\x00\x00\x38\x00\x00\x00"
        b"\x00\x00\x02\x00\x12\x00\x00\x001.2.840.10008.1.1\x00"
        b"\x00\x00\x00\x01\x02\x00\x00\x00\x30\x00"
        b"\x00\x00\x10\x01\x02\x00\x00\x00\x07\x00"
        b"\x00\x00\x00\x08\x02\x00\x00\x00\x01\x01"
    )


@pytest.mark.parametrize("keyword", ["MoveDestination", "ErrorComment"])
def test_text_is_padded_with_a_space(keyword: str) -> None:
    """PS3.5 6.2: AE and LO are padded with a space, and the padding is not part of the value."""
    command = {**cancel(1), keyword: "ODD"}
    assert b"ODD " in encode(command)
    assert decode(encode(command)) == command


# What a peer may send and we must bear


@given(st.binary(max_size=200))
@often
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Nothing but ``DimseError`` comes out of ``decode``, whatever the bytes."""
    try:
        decode(data)
    except DimseError:
        return


@given(any_commands, st.data())
@often
def test_a_damaged_command_set_is_read_or_refused(command: Command, data: st.DataObject) -> None:
    """The same, with some bytes of a valid set overwritten; what is read has what its kind needs."""
    raw = bytearray(encode(command))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = decode(bytes(raw))
    except DimseError:
        return
    assert {"CommandField", "CommandDataSetType"} <= found.keys()
    assert {"MessageID", "MessageIDBeingRespondedTo"} & found.keys()


@given(any_commands)
@few
def test_a_truncated_command_set_is_refused_at_every_byte(command: Command) -> None:
    """PS3.7 6.3.1: each length counts, that of the group included."""
    raw = encode(command)
    for length in range(len(raw)):
        with pytest.raises(DimseError) as caught:
            decode(raw[:length])
        assert 0 <= caught.value.offset <= length
        assert str(caught.value).startswith(f"offset {caught.value.offset}: ")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (b"\x00\x00\x00\x09\x02\x00\x00", "8 bytes"),
        (struct.pack("<HHI", 0, 0x0900, 4) + b"\0\0", "2 are left"),
        (struct.pack("<HHI", 0, 0x0902, 0xFFFFFFFF), "0 are left"),
        (element(0x0902, b"odd"), "odd length"),
        (struct.pack("<HHI", 8, 0x0018, 0), "not of group 0000"),
        (element(0x0900, bytes(4)), "a US of 4 bytes"),
        (element(0x0901, bytes(6)), "multiple of 4"),
        (element(0x1000, b"1" * 66), "at most 64"),
        (element(0x0600, b"A" * 18), "at most 16"),
        (element(0x0110, b"\1\0"), "MessageID stands twice"),
        (element(0x0000, bytes(4)), "at the start"),
    ],
)
def test_elements_that_contradict_their_lengths_are_refused(extra: bytes, message: str) -> None:
    """PS3.5 6.2 and 7.1: even lengths that fit set and VR, each element once; PS3.7 E.1: group 0000."""
    before = echo_with()
    with pytest.raises(DimseError, match=message) as caught:
        decode(before + extra)
    assert caught.value.offset == len(before)


@pytest.mark.parametrize("told", [0, 29, 31, 0xFFFFFFFF])
def test_a_wrong_group_length_is_refused(told: int) -> None:
    """PS3.7 E.1: the Command Group Length is the number of bytes that follow it."""
    data = echo_with()
    assert decode(element(0, struct.pack("<I", 30)) + data) == decode(data)
    with pytest.raises(DimseError, match="30 follow"):
        decode(element(0, struct.pack("<I", told)) + data)


@pytest.mark.parametrize("missing", ["CommandField", "CommandDataSetType", "MessageID"])
def test_a_request_without_what_all_need_is_refused(missing: str) -> None:
    """PS3.7 9.3 and 10.3: Command Field, Command Data Set Type and Message ID are in every request."""
    command = request(F.C_ECHO_RQ, 1, data_set=False, AffectedSOPClassUID=CT)
    del command[missing]
    with pytest.raises(DimseError, match=f"without {missing}$"):
        decode(encode(command))


@pytest.mark.parametrize("command", [cancel(1), response({"CommandField": 0x30, "MessageID": 1}, 0)])
def test_an_answer_names_what_it_answers(command: Command) -> None:
    """PS3.7 9.3 and 10.3: responses and C-CANCEL-RQ hold a Message ID Being Responded To."""
    incomplete = {keyword: value for keyword, value in command.items() if keyword[:9] != "MessageID"}
    with pytest.raises(DimseError, match="without MessageIDBeingRespondedTo"):
        decode(encode(incomplete))


@pytest.mark.parametrize(
    "skipped",
    [
        element(0x0001, bytes(4)),
        element(0x0200, b"INITIATOR "),
        element(0x0850, b"\1\0"),
        element(0x5010, b"retired "),
        element(0x7777, b"unknown "),
        element(0x0900, b""),
        element(0x0902, b""),
    ],
)
def test_retired_unknown_and_empty_elements_are_skipped(skipped: bytes) -> None:
    """PS3.7 E.2: retired elements mean nothing any more."""
    assert decode(echo_with(skipped)) == decode(echo_with())


def test_hostile_text_stays_data() -> None:
    """Text is what the peer sent, so that a response repeats the same bytes; a long comment is kept."""
    hostile = b"../../\x1b[2J\xff\xe9"
    found = decode(echo_with(element(0x0902, b"why " * 40), element(0x1000, hostile)))
    assert text(found, "AffectedSOPInstanceUID") == hostile.decode("latin-1")
    assert text(found, "ErrorComment") == ("why " * 40).strip()
    assert element(0x1000, hostile) in encode(response(found, 0x0117))


# What we refuse to send


@pytest.mark.parametrize(
    "extra",
    [
        {"NoSuchKeyword": 1},
        {"CommandGroupLength": 1},
        {"Initiator": "ME"},
        {"Status": -1},
        {"Status": 1 << 16},
        {"Status": "0"},
        {"Priority": (1,)},
        {"OffendingElement": 1},
        {"OffendingElement": "PatientID"},
        {"OffendingElement": (-1,)},
        {"OffendingElement": (1 << 32,)},
        {"AffectedSOPClassUID": 1},
        {"AffectedSOPClassUID": (1,)},
        {"AffectedSOPClassUID": "1" * 65},
        {"AffectedSOPClassUID": "1.2.\u20ac"},
        {"MoveDestination": "SEVENTEEN-LETTERS"},
        {"MoveDestination": "BACK\\SLASH"},
    ],
)
def test_values_that_do_not_fit_their_vr_are_not_sent(extra: Command) -> None:
    """PS3.5 6.2 and PS3.7 Table E.1-1."""
    with pytest.raises(ValueError, match=r"keyword|not|no value|at most|encode|longer"):
        encode(cancel(1) | extra)


def test_an_error_comment_is_made_to_fit() -> None:
    """PS3.5 6.2 (LO): 64 characters, no backslash or control; a bad comment must not cost the response."""
    sent = response({"CommandField": 1, "MessageID": 1}, 0xC000, ErrorComment="C:\\é\n" + "x" * 100)
    assert decode(encode(sent))["ErrorComment"] == "C:???" + "x" * 59


def test_elements_are_those_of_the_dictionary() -> None:
    """PS3.7 Table E.1-1: tags, VRs and keywords."""
    from pydicom._dicom_dict import DicomDictionary

    table = {
        keyword: (tag, vr)
        for tag, (vr, _, _, retired, keyword) in DicomDictionary.items()
        if tag >> 16 == 0 and not retired and keyword != "CommandGroupLength"
    }
    assert table == command_set._ELEMENTS
