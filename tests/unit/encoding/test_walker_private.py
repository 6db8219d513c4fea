"""What only the data set around an element tells: private blocks, and US or SS."""

from __future__ import annotations

import time

import pytest

from dcmtools.encoding.element import UNDEFINED
from tests.support.encoded import EVL, IVL, SEQUENCE_END

MEDCOM = b"SIEMENS MEDCOM HEADER "  # 0029,xx08 CS; 0029,xx10 OB; 0029,xx40 SQ
IMAGES, SIGN, SMALLEST = 0x00081140, 0x00280103, 0x00280106


def vrs(data: bytes) -> list[str]:
    return [vr for _, vr, *_ in IVL.walk(data) if vr not in ("", "LO", "SQ")]


def block(number: int, creator: bytes = MEDCOM) -> bytes:
    return IVL.element(0x00290000 + number, "", creator)


@pytest.mark.parametrize("number", [0x10, 0x11, 0xFF])
def test_a_private_vr_is_found_by_the_creator_of_its_block(number: int) -> None:
    """PS3.5 7.8.1: gggg,00bb reserves gggg,bb00-bbFF."""
    start = 0x00290000 + (number << 8)
    assert vrs(block(number) + IVL.element(start + 0x08, "", b"A ")) == ["CS"]
    assert vrs(block(number) + IVL.element(start + 0x10, "", b"A ")) == ["OB"]


def test_a_block_that_nobody_reserved_is_unknown() -> None:
    assert vrs(IVL.element(0x00291008, "", b"A ")) == ["UN"]
    assert vrs(block(0x10) + IVL.element(0x00291108, "", b"A ")) == ["UN"]
    assert vrs(block(0x10) + IVL.element(0x00311008, "", b"A ")) == ["UN"]
    assert vrs(block(0x10, b"NOBODY") + IVL.element(0x00291008, "", b"A ")) == ["UN"]


@pytest.mark.parametrize("padded", [MEDCOM.strip(), MEDCOM, MEDCOM.strip() + b"\0", b" " + MEDCOM])
def test_padding_is_no_part_of_a_creator(padded: bytes) -> None:
    assert vrs(block(0x10, padded) + IVL.element(0x00291008, "", b"A ")) == ["CS"]


def test_a_block_is_reserved_in_its_own_item_only() -> None:
    """PS3.5 7.8.1: within the data set, sequence items are data sets of their own."""
    private = IVL.element(0x00291008, "", b"A ")
    items = IVL.sequence(IMAGES, IVL.item(block(0x10) + private), IVL.item(private))
    assert vrs(items) == ["CS", "UN"]
    assert vrs(block(0x10) + IVL.sequence(0x00291140, IVL.item(private)) + private) == ["UN", "CS"]
    assert vrs(IVL.sequence(IMAGES, IVL.item(block(0x10))) + private) == ["UN"]


def test_a_private_sequence_of_the_dictionary_is_walked_where_it_is_one() -> None:
    """Private dictionaries are nobody's standard: bytes that are no items stay a value."""
    items = IVL.item(IVL.element(0x00100010, "", b"A "))
    tags = [tag for tag, *_ in IVL.walk(block(0x10) + IVL.element(0x00291040, "", items))]
    assert tags == [0x00290010, 0x00291040, 0xFFFEE000, 0x00100010]
    assert vrs(block(0x10) + IVL.element(0x00291040, "", b"not items")) == ["UN"]


def test_a_private_element_of_undefined_length_is_a_sequence() -> None:
    """PS3.5 7.5.1: implicit VRs, and nothing but a sequence has undefined length."""
    data = IVL.header(0x00291099, "", UNDEFINED) + IVL.item() + IVL.header(SEQUENCE_END, "", 0)
    assert [vr for _, vr, *_ in IVL.walk(data)] == ["SQ", "", ""]


def test_an_explicit_private_un_sequence_is_found_by_its_creator() -> None:
    items = IVL.item(IVL.element(0x00100010, "", b"A "))
    data = EVL.element(0x00290010, "LO", MEDCOM) + EVL.element(0x00291040, "UN", items)
    assert [vr for _, vr, *_ in EVL.walk(data)] == ["LO", "SQ", "", "PN"]


def test_100_000_private_creators_take_time_in_proportion() -> None:
    def taken(count: int) -> float:
        data = b"".join(
            IVL.element((0x0009 + 2 * (n // 240)) << 16 | 0x10 + n % 240, "", b"CREATOR%d " % n)
            for n in range(count)
        )
        began = time.process_time()
        assert len(IVL.walk(data)) == count
        return time.process_time() - began

    # Ten times as many would take a hundred times as long if each looked at all before it.
    assert taken(100_000) < 40 * max(taken(10_000), 0.005)


@pytest.mark.parametrize(("sign", "vr"), [(b"\0\0", "US"), (b"\1\0", "SS")])
def test_us_or_ss_by_pixel_representation(sign: bytes, vr: str) -> None:
    """PS3.5 A.1 and PS3.3 C.7.6.3: 1 is two's complement."""
    data = IVL.element(SIGN, "", sign) + IVL.element(SMALLEST, "", b"\xff\xff")
    assert vrs(data) == ["US", vr]


def test_pixel_representation_is_inherited_by_items_and_not_by_what_follows_them() -> None:
    smallest = IVL.element(SMALLEST, "", b"\xff\xff")
    signed = IVL.element(SIGN, "", b"\1\0")
    nested = IVL.sequence(0x00283000, IVL.item(IVL.sequence(0x00283010, IVL.item(smallest))))
    assert vrs(signed + nested) == ["US", "SS"]
    assert vrs(IVL.sequence(IMAGES, IVL.item(signed + smallest), IVL.item(smallest)) + smallest) == [
        "US",
        "SS",
        "US",
        "US",
    ]


def test_pixel_representation_counts_for_implicit_items_in_an_explicit_data_set() -> None:
    """PS3.5 6.2.2."""
    item = IVL.item(IVL.element(SMALLEST, "", b"\xff\xff"))
    unknown = EVL.header(0x00291001, "UN", UNDEFINED) + item + IVL.header(SEQUENCE_END, "", 0)
    walked = EVL.walk(EVL.element(SIGN, "US", b"\1\0") + unknown)
    assert (SMALLEST, "SS") in [(tag, vr) for tag, vr, *_ in walked]


@pytest.mark.parametrize("value", [b"", b"\1", b"\1\0\0\0"])
def test_a_pixel_representation_that_is_not_one_number_decides_nothing(value: bytes) -> None:
    assert vrs(IVL.element(SIGN, "", value) + IVL.element(SMALLEST, "", b"\xff\xff")) == ["US", "US"]
