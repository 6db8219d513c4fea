"""What contradicts PS3.5 section 7 is refused, with byte offset and tag path."""

from __future__ import annotations

import pytest

from dcmtools.encoding.element import UNDEFINED
from dcmtools.errors import MalformedError
from tests.support.encoded import CODERS, EVB, EVL, ITEM, ITEM_END, IVL, SEQUENCE_END, Coder

IMAGES, NAME, PIXELS, ROWS = 0x00081140, 0x00100010, 0x7FE00010, 0x00280010
OPEN = EVL.header(IMAGES, "SQ", UNDEFINED)
OPEN_ITEM = EVL.header(ITEM, "", UNDEFINED)
A_NAME = EVL.element(NAME, "PN", b"A ")
PIXELS_OPEN = EVL.header(PIXELS, "OB", UNDEFINED)


def fault(data: bytes, coder: Coder = EVL) -> str:
    """The message for ``data``: the same whether or not its headers have been met before."""
    with pytest.raises(MalformedError) as first:
        coder.walk(data)
    for learnt in (NAME, ROWS, PIXELS, 0x00091001):
        for vr in ("PN", "US", "OB", "UN"):
            coder.walk(coder.element(learnt, vr))
    with pytest.raises(MalformedError) as second:
        coder.walk(data)
    assert str(first.value) == str(second.value)
    assert str(first.value).startswith(f"offset {first.value.offset}")
    return str(first.value)


FAULTS = {
    "length over the data set": (
        A_NAME + EVL.element(NAME, "PN", b"abcd", length=6),
        "offset 10, (0010,0010): length 6 exceeds the 4 bytes left in the data set",
    ),
    "32-bit length over the data set": (
        EVL.element(PIXELS, "OW", b"abcd", length=0xFFFFFFFE),
        "offset 0, (7fe0,0010): length 4294967294 exceeds the 4 bytes left in the data set",
    ),
    "length over the item": (
        EVL.sequence(IMAGES, EVL.item(), EVL.item(EVL.element(NAME, "PN", b"", length=2))) + A_NAME,
        "offset 28, (0008,1140)[1].(0010,0010): length 2 exceeds the 0 bytes left in the item or sequence "
        "around it",
    ),
    "item over its sequence": (
        EVL.element(IMAGES, "SQ", EVL.header(ITEM, "", 2)) + A_NAME,
        "offset 12, (0008,1140)[0]: length 2 exceeds the 0 bytes left in the item or sequence around it",
    ),
    "sequence over the data set": (
        EVL.element(IMAGES, "SQ", EVL.item(), length=9),
        "offset 0, (0008,1140): length 9 exceeds the 8 bytes left in the data set",
    ),
    "open item in a sequence that ends": (
        EVL.element(IMAGES, "SQ", OPEN_ITEM + A_NAME),
        "offset 30, (0008,1140)[0]: the delimiter (fffe,e00d) is missing",
    ),
    "sequence without its delimiter": (
        OPEN + EVL.item() + EVL.item(),
        "offset 28, (0008,1140)[1]: the delimiter (fffe,e0dd) is missing",
    ),
    "open sequence in an item that ends": (
        EVL.sequence(IMAGES, EVL.item(EVL.header(0x00081150, "SQ", UNDEFINED))) + A_NAME,
        "offset 32, (0008,1140)[0].(0008,1150)[0]: the delimiter (fffe,e0dd) is missing",
    ),
    "item delimiter at the top": (
        A_NAME + EVL.header(ITEM_END, "", 0),
        "offset 10: (fffe,e00d) stands where nothing is to be delimited",
    ),
    "sequence delimiter at the top": (
        EVL.header(SEQUENCE_END, "", 0),
        "offset 0: (fffe,e0dd) stands where nothing is to be delimited",
    ),
    "item at the top": (
        EVL.item(),
        "offset 0: (fffe,e000) stands where nothing is to be delimited",
    ),
    "item delimiter in an item of defined length": (
        EVL.sequence(IMAGES, EVL.item(EVL.header(ITEM_END, "", 0))),
        "offset 20, (0008,1140)[0]: (fffe,e00d) stands where nothing is to be delimited",
    ),
    "sequence delimiter in a sequence of defined length": (
        EVL.sequence(IMAGES, EVL.item(), EVL.header(SEQUENCE_END, "", 0)),
        "offset 20, (0008,1140)[0]: (fffe,e0dd) stands where nothing is to be delimited",
    ),
    "sequence delimiter in an open item": (
        OPEN + OPEN_ITEM + EVL.header(SEQUENCE_END, "", 0),
        "offset 20, (0008,1140)[0]: (fffe,e0dd) stands where nothing is to be delimited",
    ),
    "item delimiter in a sequence": (
        OPEN + EVL.header(ITEM_END, "", 0),
        "offset 12, (0008,1140)[0]: (fffe,e00d) stands where an item should",
    ),
    "element in a sequence": (
        OPEN + A_NAME,
        "offset 12, (0008,1140)[0]: (0010,0010) stands where an item should",
    ),
    "delimiter with a length": (
        OPEN + EVL.header(SEQUENCE_END, "", 4) + bytes(4),
        "offset 12, (0008,1140)[0]: the delimiter (fffe,e0dd) has length 4 instead of 0",
    ),
    "item delimiter with a length": (
        OPEN + OPEN_ITEM + EVL.header(ITEM_END, "", 1),
        "offset 20, (0008,1140)[0]: the delimiter (fffe,e00d) has length 1 instead of 0",
    ),
    "fragment of undefined length": (
        PIXELS_OPEN + EVL.item() + OPEN_ITEM,
        "offset 20, (7fe0,0010)[1]: a fragment has no defined length",
    ),
    "fragment over the data set": (
        PIXELS_OPEN + EVL.header(ITEM, "", 4) + b"ab",
        "offset 12, (7fe0,0010)[0]: length 4 exceeds the 2 bytes left in the item or sequence around it",
    ),
    "fragments without their delimiter": (
        PIXELS_OPEN + EVL.item() + EVL.item(b"ab"),
        "offset 30, (7fe0,0010)[1]: the delimiter (fffe,e0dd) is missing",
    ),
    "element among fragments": (
        PIXELS_OPEN + A_NAME,
        "offset 12, (7fe0,0010)[0]: (0010,0010) stands where an item should",
    ),
    "lower case for a VR": (
        A_NAME + EVL.element(ROWS, "us", b"ab"),
        "offset 10, (0028,0010): b'us' is not a value representation",
    ),
    "zeros for a VR": (
        IVL.element(NAME, "", b"ab"),
        "offset 0, (0010,0010): b'\\x02\\x00' is not a value representation",
    ),
    "half a VR": (
        EVL.element(NAME, "P1", b"ab"),
        "offset 0, (0010,0010): b'P1' is not a value representation",
    ),
    "undefined length of text": (
        EVL.element(NAME, "UT", b"ab", length=UNDEFINED),
        "offset 0, (0010,0010): undefined length is not allowed for VR UT",
    ),
    "undefined length of a VR to come": (
        EVL.element(NAME, "ZZ", b"ab", length=UNDEFINED),
        "offset 0, (0010,0010): undefined length is not allowed for VR ZZ",
    ),
    "item tag of a group that is not one": (
        EVL.element(0xFFFEE001, "UL", b"abcd"),
        "offset 0: (fffe,e001) stands where nothing is to be delimited",
    ),
}


@pytest.mark.parametrize(("data", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_with_its_place(data: bytes, message: str) -> None:
    """PS3.5 7.1, 7.5 and A.4."""
    assert fault(data) == message


@pytest.mark.parametrize("left", range(1, 8))
@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
def test_fewer_than_8_bytes_are_no_element(coder: Coder, left: int) -> None:
    """PS3.5 7.1: the shortest header has 8 bytes. What follows an item does not lengthen it."""
    cut = coder.element(NAME, "PN", b"A ")[:left]
    size = len(coder.element(ROWS, "US", b"ab"))
    count = f"{left} byte{'s are' if left > 1 else ' is'}"
    message = f"{count} left, too few for an element"
    assert fault(coder.element(ROWS, "US", b"ab") + cut, coder) == f"offset {size}: {message}"
    header = len(coder.element(IMAGES, "SQ"))
    in_item = coder.sequence(IMAGES, coder.item(cut)) + coder.element(NAME, "PN", b"A ")
    assert fault(in_item, coder) == f"offset {header + 8}, (0008,1140)[0]: {message}"
    in_sequence = coder.sequence(IMAGES, cut) + coder.element(NAME, "PN", b"A ")
    assert fault(in_sequence, coder) == f"offset {header}, (0008,1140)[0]: {message}"


@pytest.mark.parametrize("left", range(8, 12))
@pytest.mark.parametrize("vr", ["OB", "UN", "SQ", "UT"])
@pytest.mark.parametrize("coder", [EVL, EVB], ids=["little", "big"])
def test_a_long_header_may_be_cut_short(coder: Coder, vr: str, left: int) -> None:
    """PS3.5 7.1.2: 12 bytes."""
    cut = coder.element(PIXELS, vr)[:left]
    message = "(7fe0,0010): the element's header is cut short"
    assert fault(cut, coder) == f"offset 0, {message}"
    in_item = coder.sequence(IMAGES, coder.item(cut)) + coder.element(NAME, "PN", b"A ")
    assert fault(in_item, coder) == f"offset 20, (0008,1140)[0].{message}"


@pytest.mark.parametrize("left", range(1, 8))
def test_a_delimiter_may_be_cut_short(left: int) -> None:
    for data, at in ((OPEN, 12), (OPEN + OPEN_ITEM, 20)):
        tag = SEQUENCE_END if at == 12 else ITEM_END
        place = f"offset {at}, (0008,1140)[0]"
        assert fault(data + EVL.header(tag, "", 0)[:left]).startswith(f"{place}: {left} byte")


def test_a_length_of_implicit_vr_is_held_against_what_is_left() -> None:
    """Pixel Representation, whose value decides about VRs, no less than others."""
    for tag in (NAME, 0x00280103, 0x00091001, 0x00280106):
        message = fault(IVL.element(tag, "", b"a", length=2), IVL)
        assert message.endswith("length 2 exceeds the 1 bytes left in the data set")


def test_undefined_length_of_implicit_text() -> None:
    assert fault(IVL.element(NAME, "", b"", length=UNDEFINED), IVL) == (
        "offset 0, (0010,0010): undefined length is not allowed for VR PN"
    )


def test_an_implicit_sequence_has_items() -> None:
    """PS3.5 7.5: what PS3.6 calls SQ is one."""
    assert fault(IVL.element(IMAGES, "", b"abcdefgh"), IVL) == (
        "offset 8, (0008,1140)[0]: (6261,6463) stands where an item should"
    )


def test_the_path_leads_through_items() -> None:
    inner = EVL.sequence(0x00081199, EVL.item(A_NAME), EVL.item(EVL.element(ROWS, "US", b"ab", length=4)))
    data = EVL.sequence(IMAGES, EVL.item(A_NAME), EVL.item(A_NAME), EVL.item(inner))
    with pytest.raises(MalformedError) as caught:
        EVL.walk(data)
    assert caught.value.path == "(0008,1140)[2].(0008,1199)[1].(0028,0010)"
    assert data[caught.value.offset :].startswith(EVL.header(ROWS, "US", 4))


def test_a_walk_that_failed_stays_where_it_failed() -> None:
    walker = EVL.walker(A_NAME + EVL.element(ROWS, "US", b"", length=2))
    for _ in range(2):
        with pytest.raises(MalformedError, match="offset 10, "):
            walker.read()
