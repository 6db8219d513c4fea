"""PDUs of PS3.8 section 9.3 and Annex D, and the user items of PS3.7 Annex D.3.3; pynetdicom is the peer."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom import pdu as peer
from pynetdicom import pdu_primitives as primitives
from pynetdicom.presentation import PresentationContext as PeerContext

from dcmtools.net import p_data
from dcmtools.net import pdu as codec
from dcmtools.net.items import PduError
from dcmtools.net.pdu import (
    Abort,
    AssociateAC,
    AssociateRJ,
    AssociateRQ,
    Pdu,
    ReleaseRP,
    ReleaseRQ,
    decode,
    encode,
)
from dcmtools.net.presentation import ContextResult, PresentationContext
from dcmtools.net.user_information import (
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    RoleSelection,
    UserIdentity,
    UserInformation,
)

often = settings(max_examples=60, deadline=None)

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"

components = st.integers(0, 10**8).map(str)
uids = st.lists(components, min_size=1, max_size=5).map(lambda parts: ".".join(["1.2", *parts]))
aets = st.from_regex(r"[!-\[\]-~]([ -\[\]-~]{0,14}[!-\[\]-~])?", fullmatch=True)
odd_ids = st.integers(0, 127).map(lambda number: 2 * number + 1)
numbers = st.integers(0, 0xFFFF)
blobs = st.binary(max_size=40)

roles = st.builds(RoleSelection, uids, st.booleans(), st.booleans()).filter(lambda role: role.scu or role.scp)
extended = st.builds(ExtendedNegotiation, uids, blobs)
common_extended = st.builds(CommonExtendedNegotiation, uids, uids, st.lists(uids, max_size=3).map(tuple))
secrets = st.binary(min_size=1, max_size=40)
identities = st.builds(UserIdentity, st.sampled_from([1, 3, 4, 5]), secrets, st.just(b""), st.booleans())
identities |= st.builds(UserIdentity, st.just(2), secrets, secrets, st.booleans())
both_ways = {
    "max_length": st.integers(0, 0xFFFFFFFF),
    "implementation_class_uid": uids,
    "implementation_version_name": st.just("") | aets,
    "async_window": st.none() | st.tuples(numbers, numbers),
    "roles": st.lists(roles, max_size=3, unique_by=lambda role: role.sop_class_uid).map(tuple),
    "extended": st.lists(extended, max_size=3).map(tuple),
    "common_extended": st.lists(common_extended, max_size=3).map(tuple),
}
nothing = st.none()
asked = st.builds(UserInformation, **both_ways, identity=nothing | identities, identity_response=nothing)
answered = st.builds(UserInformation, **both_ways, identity=nothing, identity_response=nothing | blobs)
proposals = st.lists(
    st.builds(
        PresentationContext,
        odd_ids,
        uids,
        st.lists(uids, min_size=1, max_size=4, unique=True).map(tuple),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda context: context.context_id,
)
results = st.lists(
    st.builds(ContextResult, odd_ids, st.integers(0, 4), uids),
    min_size=1,
    max_size=8,
    unique_by=lambda context: context.context_id,
)
requests = st.builds(AssociateRQ, aets, aets, proposals.map(tuple), asked, uids, st.just(1))
acceptances = st.builds(AssociateAC, aets, aets, results.map(tuple), answered, uids, st.just(1))
rejections = st.builds(AssociateRJ, st.integers(1, 2), st.integers(1, 3), st.integers(0, 10))
aborts = st.builds(Abort, st.sampled_from([0, 2]), st.integers(0, 6))
pdus = st.one_of(requests, acceptances, rejections, aborts, st.just(ReleaseRQ()), st.just(ReleaseRP()))

RICH = AssociateRQ(
    "ANY-SCP",
    "DCMTOOLS",
    (
        PresentationContext(1, VERIFICATION, (IMPLICIT,)),
        PresentationContext(3, CT, (EXPLICIT, IMPLICIT)),
    ),
    UserInformation(
        max_length=262144,
        implementation_class_uid="2.25.1",
        implementation_version_name="DCMTOOLS_1",
        async_window=(1, 1),
        roles=(RoleSelection(CT, scu=True, scp=True),),
        extended=(ExtendedNegotiation(CT, b"\x02\x00\x03\x00\x01\x00"),),
        common_extended=(CommonExtendedNegotiation(CT, "1.2.840.10008.4.2", (CT, VERIFICATION)),),
        identity=UserIdentity(2, b"anna", b"secret", positive_response_requested=True),
    ),
)


def roundtrip(pdu: Pdu) -> Pdu:
    raw = encode(pdu)
    return decode(raw[0], raw[6:])


def sub_item(item_type: int, value: bytes) -> bytes:
    return struct.pack(">BBH", item_type, 0, len(value)) + value


def request_body(*sub_items: bytes) -> bytes:
    """An A-ASSOCIATE-RQ body with one context and these user items."""
    fixed = struct.pack(">HH16s16s32s", 1, 0, b"ANY-SCP".ljust(16), b"ME".ljust(16), b"")
    context = sub_item(0x20, b"\x01\0\0\0" + sub_item(0x30, CT.encode()) + sub_item(0x40, IMPLICIT.encode()))
    return fixed + context + sub_item(0x50, b"".join(sub_items))


def user_information(*sub_items: bytes) -> UserInformation:
    pdu = decode(codec.ASSOCIATE_RQ, request_body(*sub_items))
    assert isinstance(pdu, AssociateRQ)
    return pdu.user_information


# The same meaning in pynetdicom's words


def peer_items(information: UserInformation) -> list[Any]:
    """The user items of ``information`` as pynetdicom's primitives, in the order of their types as sent."""
    made: list[Any] = [primitives.MaximumLengthNotification()]
    made[0].maximum_length_received = information.max_length
    uid = primitives.ImplementationClassUIDNotification()
    uid.implementation_class_uid = information.implementation_class_uid
    made.append(uid)
    if information.async_window is not None:
        window = primitives.AsynchronousOperationsWindowNegotiation()
        window.maximum_number_operations_invoked = information.async_window[0]
        window.maximum_number_operations_performed = information.async_window[1]
        made.append(window)
    made += [peer_role(role) for role in information.roles]
    if information.implementation_version_name:
        version = primitives.ImplementationVersionNameNotification()
        version.implementation_version_name = information.implementation_version_name
        made.append(version)
    made += [peer_extended(entry) for entry in information.extended]
    made += [peer_common(entry) for entry in information.common_extended]
    return made + peer_identity(information)


def peer_role(role: RoleSelection) -> primitives.SCP_SCU_RoleSelectionNegotiation:
    made = primitives.SCP_SCU_RoleSelectionNegotiation()
    made.sop_class_uid, made.scu_role, made.scp_role = role.sop_class_uid, role.scu, role.scp
    return made


def peer_extended(entry: ExtendedNegotiation) -> primitives.SOPClassExtendedNegotiation:
    made = primitives.SOPClassExtendedNegotiation()
    made.sop_class_uid = entry.sop_class_uid
    made.service_class_application_information = entry.information
    return made


def peer_common(entry: CommonExtendedNegotiation) -> primitives.SOPClassCommonExtendedNegotiation:
    made = primitives.SOPClassCommonExtendedNegotiation()
    made.sop_class_uid, made.service_class_uid = entry.sop_class_uid, entry.service_class_uid
    made.related_general_sop_class_identification = list(entry.related_general_sop_class_uids)
    return made


def peer_identity(information: UserInformation) -> list[Any]:
    made = primitives.UserIdentityNegotiation()
    if information.identity_response is not None:
        made.server_response = information.identity_response
        return [made]
    if information.identity is None:
        return []
    made.user_identity_type = information.identity.identity_type
    made.positive_response_requested = information.identity.positive_response_requested
    made.primary_field = information.identity.primary_field
    made.secondary_field = information.identity.secondary_field
    return [made]


def peer_context(context: PresentationContext | ContextResult) -> PeerContext:
    made = PeerContext()
    made.context_id = context.context_id
    if isinstance(context, PresentationContext):
        made.abstract_syntax = context.abstract_syntax
        made.transfer_syntax = list(context.transfer_syntaxes)
    else:
        made.result = context.result
        made.transfer_syntax = [context.transfer_syntax]
    return made


def peer_associate(pdu: AssociateRQ | AssociateAC) -> primitives.A_ASSOCIATE:
    """The A-ASSOCIATE primitive of pynetdicom that means the same."""
    made = primitives.A_ASSOCIATE()
    made.called_ae_title, made.calling_ae_title = pdu.called_aet, pdu.calling_aet
    made.application_context_name = pdu.application_context
    contexts = [peer_context(context) for context in pdu.contexts]
    if isinstance(pdu, AssociateRQ):
        made.presentation_context_definition_list = contexts
    else:
        made.presentation_context_definition_results_list = contexts
    made.user_information = peer_items(pdu.user_information)
    return made


@given(requests)
@often
def test_peer_reads_our_associate_rq(ours: AssociateRQ) -> None:
    """PS3.8 9.3.2: titles, contexts and user items arrive with the meaning they were sent with."""
    theirs = peer.A_ASSOCIATE_RQ()
    theirs.decode(encode(ours))
    meaning, wanted = theirs.to_primitive(), peer_associate(ours)
    assert (meaning.called_ae_title, meaning.calling_ae_title) == (ours.called_aet, ours.calling_aet)
    assert meaning.application_context_name == ours.application_context
    assert theirs.protocol_version == 1
    assert meaning.presentation_context_definition_list == wanted.presentation_context_definition_list
    assert meaning.user_information == wanted.user_information


@given(requests)
@often
def test_we_read_a_peers_associate_rq(ours: AssociateRQ) -> None:
    """PS3.8 9.3.2: the same request built by the peer decodes to ours; the bytes are the same, too."""
    raw = peer.A_ASSOCIATE_RQ(peer_associate(ours)).encode()
    assert decode(codec.ASSOCIATE_RQ, raw[6:]) == ours
    assert encode(ours) == raw


@given(acceptances)
@often
def test_peer_reads_our_associate_ac(ours: AssociateAC) -> None:
    """PS3.8 9.3.3: results, transfer syntaxes and user items arrive with the meaning they were sent with."""
    theirs = peer.A_ASSOCIATE_AC()
    theirs.decode(encode(ours))
    meaning, wanted = theirs.to_primitive(), peer_associate(ours)
    assert (theirs.called_ae_title, theirs.calling_ae_title) == (ours.called_aet, ours.calling_aet)
    found = meaning.presentation_context_definition_results_list
    assert [(each.context_id, each.result, *each.transfer_syntax) for each in found] == [
        (each.context_id, each.result, each.transfer_syntax) for each in ours.contexts
    ]
    assert meaning.user_information == wanted.user_information


@given(acceptances)
@often
def test_we_read_a_peers_associate_ac(ours: AssociateAC) -> None:
    """PS3.8 9.3.3: the same acceptance built by the peer decodes to ours."""
    raw = peer.A_ASSOCIATE_AC(peer_associate(ours)).encode()
    assert decode(codec.ASSOCIATE_AC, raw[6:]) == ours
    assert encode(ours) == raw


@given(rejections)
@often
def test_associate_rj_both_ways(ours: AssociateRJ) -> None:
    """PS3.8 9.3.4: result, source and reason, in bytes 8 to 10."""
    theirs = peer.A_ASSOCIATE_RJ()
    theirs.decode(encode(ours))
    assert (theirs.result, theirs.source, theirs.reason_diagnostic) == (ours.result, ours.source, ours.reason)
    assert decode(codec.ASSOCIATE_RJ, theirs.encode()[6:]) == ours
    assert ours.transient == (ours.result == 2)


@given(aborts)
@often
def test_abort_both_ways(ours: Abort) -> None:
    """PS3.8 9.3.8: source and reason, in bytes 9 and 10."""
    theirs = peer.A_ABORT_RQ()
    theirs.decode(encode(ours))
    assert (theirs.source, theirs.reason_diagnostic) == (ours.source, ours.reason)
    assert decode(codec.ABORT, theirs.encode()[6:]) == ours


@pytest.mark.parametrize(
    ("ours", "theirs"), [(ReleaseRQ(), peer.A_RELEASE_RQ), (ReleaseRP(), peer.A_RELEASE_RP)]
)
def test_release_both_ways(ours: Pdu, theirs: type[peer.PDU]) -> None:
    """PS3.8 9.3.6 and 9.3.7: four reserved bytes."""
    raw = theirs().encode()
    assert encode(ours) == raw
    assert decode(raw[0], raw[6:]) == ours


@given(pdus)
@often
def test_the_header_tells_type_and_length(pdu: Pdu) -> None:
    """PS3.8 9.3.1: a type byte, a reserved one, four bytes of length; and decoding undoes encoding."""
    raw = encode(pdu)
    assert struct.unpack(">BBI", raw[:6]) == (raw[0], 0, len(raw) - 6)
    assert roundtrip(pdu) == pdu
    assert decode(raw[0], memoryview(raw)[6:]) == pdu


# What a peer may send and we must bear


@given(st.sampled_from([0, *range(1, 9), 255]), st.binary(max_size=300))
@often
def test_any_body_is_read_or_refused(pdu_type: int, body: bytes) -> None:
    """Nothing but ``PduError`` comes out of ``decode``, whatever the bytes."""
    try:
        decode(pdu_type, body)
    except PduError:
        return


@given(st.sampled_from([1, 2]), st.binary(max_size=200), st.binary(max_size=200))
@often
def test_any_items_are_read_or_refused(pdu_type: int, contexts: bytes, information: bytes) -> None:
    """The same, past the fixed fields of an A-ASSOCIATE."""
    body = request_body()[:68] + sub_item(0x1F + pdu_type, contexts) + sub_item(0x50, information)
    try:
        decode(pdu_type, body)
    except PduError:
        return


@given(pdus, st.data())
@often
def test_a_damaged_pdu_is_read_or_refused(pdu: Pdu, data: st.DataObject) -> None:
    """The same, with some bytes of a valid PDU overwritten; all but the titles can be sent back."""
    raw = bytearray(encode(pdu))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(6, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = decode(raw[0], bytes(raw[6:]))
    except PduError:
        return
    if isinstance(found, AssociateRQ | AssociateAC):
        information = found.user_information._replace(implementation_version_name="")
        found = found._replace(called_aet="A", calling_aet="B", user_information=information)
    assert roundtrip(found) == found


def test_a_truncated_request_is_refused_at_every_byte() -> None:
    """PS3.8 9.3.2: each length counts, and the User Information Item is not optional."""
    body = encode(RICH)[6:]
    for length in range(len(body)):
        with pytest.raises(PduError) as caught:
            decode(codec.ASSOCIATE_RQ, body[:length])
        assert 0 <= caught.value.offset <= length
        assert str(caught.value).startswith(f"offset {caught.value.offset}: ")


@pytest.mark.parametrize("pdu_type", [codec.ASSOCIATE_RJ, codec.RELEASE_RQ, codec.RELEASE_RP, codec.ABORT])
@pytest.mark.parametrize("length", [0, 3, 5, 1000])
def test_short_pdus_have_four_bytes(pdu_type: int, length: int) -> None:
    """PS3.8 9.3.4 and 9.3.6 to 9.3.8: their PDU length is fixed."""
    with pytest.raises(PduError, match="4 bytes"):
        decode(pdu_type, bytes(length))


@pytest.mark.parametrize("pdu_type", [0, p_data.P_DATA_TF, 8, 255])
def test_other_types_are_not_decoded(pdu_type: int) -> None:
    with pytest.raises(PduError, match=f"PDU type {pdu_type:02X}H"):
        decode(pdu_type, bytes(4))


@pytest.mark.parametrize(
    "damaged",
    [
        sub_item(0x51, bytes(3)),
        sub_item(0x51, bytes(5)),
        sub_item(0x53, bytes(2)),
        sub_item(0x54, b"\0"),
        sub_item(0x54, b"\0\x091.2\1\1"),
        sub_item(0x54, b"\0\x031.2\1"),
        sub_item(0x54, b"\0\x031.2\1\1\1"),
        sub_item(0x56, b"\0\x041.2"),
        sub_item(0x57, b"\0\x031.2\0\x031.3"),
        sub_item(0x57, b"\0\x031.2\0\x031.3\0\x04\0\x031."),
        sub_item(0x57, b"\0\x031.2\0\x031.3\0\x01\0"),
        sub_item(0x58, b"\1"),
        sub_item(0x58, b"\1\0\0\4anna"),
        sub_item(0x58, b"\1\0\0\5anna\0\0"),
        sub_item(0x58, b"\1\0\0\4anna\0\0\0"),
        sub_item(0x59, b"\0\2x"),
        sub_item(0x59, b"\0\0x"),
        b"\x51\0",
        b"\x51\0\0\x09\0",
    ],
)
def test_user_items_with_contradictory_lengths_are_refused(damaged: bytes) -> None:
    """PS3.7 D.3.3: the fields of a sub-item fill it, and the sub-items fill the User Information Item."""
    with pytest.raises(PduError):
        user_information(damaged)


@pytest.mark.parametrize("context_id", [0, 2, 254])
def test_an_even_context_id_is_refused(context_id: int) -> None:
    """PS3.8 9.3.2.2: presentation context IDs are odd."""
    body = encode(RICH)[6:].replace(b"\x20\0\0\x2e\x01", b"\x20\0\0\x2e" + bytes((context_id,)))
    with pytest.raises(PduError, match="not odd"):
        decode(codec.ASSOCIATE_RQ, body)
    with pytest.raises(ValueError, match="odd"):
        encode(RICH._replace(contexts=(PresentationContext(context_id, CT, (IMPLICIT,)),)))


def test_there_are_at_most_128_contexts() -> None:
    """PS3.8 9.3.2.2: each of the 128 odd IDs stands for one context."""
    contexts = tuple(PresentationContext(number, CT, (IMPLICIT,)) for number in range(1, 256, 2))
    full = RICH._replace(contexts=contexts)
    assert roundtrip(full) == full
    body = encode(full)[6:]
    with pytest.raises(PduError, match="presentation context 1: its ID stands for one already"):
        decode(codec.ASSOCIATE_RQ, body + sub_item(0x20, b"\1\0\0\0"))
    for more in (contexts[0], PresentationContext(257, CT, (IMPLICIT,))):
        with pytest.raises(ValueError, match="129 presentation contexts, at most 128 fit"):
            encode(full._replace(contexts=(*contexts, more)))
    with pytest.raises(ValueError, match="each for one context"):
        encode(full._replace(contexts=contexts[:2] + contexts[:1]))


def test_unknown_items_are_skipped() -> None:
    """PS3.8 9.3.1: items of unrecognized types are ignored, at every level."""
    body = encode(RICH)[6:] + sub_item(0x99, b"what")
    assert decode(codec.ASSOCIATE_RQ, body) == RICH
    unknown = sub_item(0x5A, b"what")
    known = sub_item(0x51, b"\0\0\x40\0")
    assert user_information(unknown, known, unknown) == UserInformation(max_length=16384)


def test_absent_user_items_have_no_meaning() -> None:
    """PS3.7 D.3.3.1: without a maximum length there is no limit."""
    assert user_information() == UserInformation(max_length=0)


def test_fields_added_to_common_extended_negotiation_are_ignored() -> None:
    """PS3.7 Table D.3-12: the sub-item may grow at its end."""
    found = user_information(sub_item(0x57, b"\0\x031.2\0\x031.3\0\0and more"))
    assert found.common_extended == (CommonExtendedNegotiation("1.2", "1.3"),)


def test_padding_of_uids_and_titles_is_not_part_of_them() -> None:
    """PS3.8 9.3.2 and Annex F: spaces around a title mean nothing; peers pad with NUL, too."""
    body = request_body(sub_item(0x52, b"1.2.3\0"), sub_item(0x55, b"NAME  "))
    body = body[:4] + b"  SPACES        NULS\0\0\0\0\0\0\0\0\0\0\0\0" + body[36:]
    found = decode(codec.ASSOCIATE_RQ, body)
    assert isinstance(found, AssociateRQ)
    assert (found.called_aet, found.calling_aet) == ("SPACES", "NULS")
    assert found.user_information.implementation_class_uid == "1.2.3"
    assert found.user_information.implementation_version_name == "NAME"


def test_hostile_text_stays_data() -> None:
    """A UID that is none is kept as the peer sent it, so that an answer repeats the same bytes."""
    hostile = "../../\x1b[2J\xff\xe9"
    pdu = RICH._replace(contexts=(PresentationContext(1, hostile, (hostile,)),))
    assert roundtrip(pdu) == pdu


def test_a_rejected_context_may_lack_its_transfer_syntax() -> None:
    """PS3.8 Table 9-18: the transfer syntax has no significance unless the context is accepted."""
    body = request_body()[:68] + sub_item(0x21, b"\1\0\3\0") + sub_item(0x21, b"\3\0\4\0\x40\0\0\0")
    found = decode(codec.ASSOCIATE_AC, body + sub_item(0x50, b""))
    assert isinstance(found, AssociateAC)
    assert found.contexts == (ContextResult(1, 3, ""), ContextResult(3, 4, ""))


# What we refuse to send


@pytest.mark.parametrize(
    "title", ["", "   ", "SEVENTEEN-LETTERS", "BACK\\SLASH", "TAB\t", "ESC\x1b", "DEL\x7f", "É"]
)
def test_titles_that_are_none_are_not_sent(title: str) -> None:
    """PS3.5 6.2 (AE) and PS3.8 9.3.2: 1 to 16 characters of ASCII, no backslash, no control character."""
    with pytest.raises(ValueError, match="AE title"):
        encode(RICH._replace(called_aet=title))
    with pytest.raises(ValueError, match="AE title"):
        encode(AssociateAC("A", title, (), UserInformation()))


@pytest.mark.parametrize(
    "information",
    [
        UserInformation(max_length=-1),
        UserInformation(max_length=1 << 32),
        UserInformation(implementation_version_name="SEVENTEEN-LETTERS"),
        UserInformation(implementation_version_name="É"),
        UserInformation(async_window=(1, 1 << 16)),
        UserInformation(async_window=(-1, 1)),
        UserInformation(identity=UserIdentity(4, bytes(1 << 16))),
        UserInformation(identity=UserIdentity(256, b"anna")),
        UserInformation(extended=(ExtendedNegotiation(CT, bytes(0xFFFF)),)),
        UserInformation(extended=(ExtendedNegotiation(CT, bytes(40000)),) * 2),
    ],
)
def test_what_does_not_fit_is_not_sent(information: UserInformation) -> None:
    """PS3.7 D.3.3 and PS3.8 9.3.1: an item holds at most 65535 bytes, a field what its bytes can hold."""
    with pytest.raises(ValueError, match=r"at most|does not fit|each number fits|must be in range"):
        encode(RICH._replace(user_information=information))


def test_a_protocol_version_fits_two_bytes() -> None:
    """PS3.8 9.3.2: a bit each for version 1 and its successors."""
    with pytest.raises(ValueError, match="protocol version"):
        encode(RICH._replace(protocol_version=1 << 16))
    assert roundtrip(RICH._replace(protocol_version=3)) == RICH._replace(protocol_version=3)


def test_credentials_do_not_show() -> None:
    """A passcode or ticket never gets into a log through ``repr``."""
    shown = repr(RICH) + repr(UserInformation(identity_response=b"ticket"))
    assert "secret" not in shown
    assert "anna" not in shown
    assert "ticket" not in shown


def test_the_pdus_without_fields_are_equal_to_their_like_alone() -> None:
    assert ReleaseRQ() == ReleaseRQ()
    assert len({ReleaseRQ(), ReleaseRP(), ReleaseRP()}) == 2
    assert (repr(ReleaseRQ()), bool(ReleaseRP())) == ("ReleaseRQ()", True)
