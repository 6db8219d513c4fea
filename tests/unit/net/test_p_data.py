"""P-DATA-TF (PS3.8 9.3.5 and Annex E); pynetdicom is the peer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom import pdu as peer
from pynetdicom import pdu_primitives as primitives

from dcmtools.net import p_data
from dcmtools.net.items import PduError
from dcmtools.net.p_data import data_header, data_values

often = settings(max_examples=60, deadline=None)
odd_ids = st.integers(0, 127).map(lambda number: 2 * number + 1)
blobs = st.binary(max_size=40)


@given(st.lists(st.tuples(odd_ids, st.integers(0, 3), blobs), min_size=1, max_size=5))
@often
def test_we_read_the_values_of_a_peers_p_data(values: list[tuple[int, int, bytes]]) -> None:
    """PS3.8 9.3.5 and E.2: each PDV has a context ID, a message control header and a fragment."""
    primitive = primitives.P_DATA()
    for context_id, control, fragment in values:
        primitive.presentation_data_value_list.append((context_id, bytes((control,)) + fragment))
    theirs = peer.P_DATA_TF()
    theirs.from_primitive(primitive)
    found = data_values(memoryview(theirs.encode())[6:])
    assert [(context_id, control, bytes(fragment)) for context_id, control, fragment in found] == values


@given(odd_ids, st.integers(0, 3), blobs)
@often
def test_peer_reads_our_p_data(context_id: int, control: int, fragment: bytes) -> None:
    """PS3.8 9.3.5: our 12 bytes and a fragment are a P-DATA-TF with one PDV."""
    theirs = peer.P_DATA_TF()
    theirs.decode(data_header(context_id, control, len(fragment)) + fragment)
    assert theirs.to_primitive().presentation_data_value_list == [(context_id, bytes((control,)) + fragment)]


@given(st.binary(max_size=200))
@often
def test_p_data_is_read_whole_or_refused(body: bytes) -> None:
    """PS3.8 9.3.5: the PDVs fill the body, nothing is left over."""
    try:
        values = data_values(memoryview(body))
    except PduError:
        return
    assert values
    assert sum(6 + len(fragment) for _, _, fragment in values) == len(body)


def test_fragments_are_views_not_copies() -> None:
    body = bytearray(data_header(1, p_data.LAST, 4)[6:] + b"abcd")
    [(_, _, fragment)] = data_values(memoryview(body))
    body[-4:] = b"wxyz"
    assert bytes(fragment) == b"wxyz"


@pytest.mark.parametrize(
    ("body", "offset"),
    [
        (b"", 0),
        (b"\0\0\0\2\1", 0),
        (b"\0\0\0\1\1\3", 0),
        (b"\0\0\0\0\1\3", 0),
        (b"\0\0\0\3\1\3", 0),
        (b"\xff\xff\xff\xff\1\3abcd", 0),
        (b"\0\0\0\3\1\3a\0\0", 7),
    ],
)
def test_a_pdv_that_contradicts_the_body_is_refused(body: bytes, offset: int) -> None:
    """PS3.8 9.3.5.1: a PDV has at least its two header bytes and ends within the PDU, which has one."""
    with pytest.raises(PduError) as caught:
        data_values(memoryview(body))
    assert caught.value.offset == offset
