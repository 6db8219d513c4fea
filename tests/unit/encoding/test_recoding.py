"""Recoding, byte by byte (PS3.5 section 7)."""

from __future__ import annotations

import tracemalloc
from struct import pack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.recoding import recoded
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_BIG, IMPLICIT, Encoding
from dcmtools.encoding.walker import Walker
from dcmtools.errors import InputError, MalformedError
from tests.support.encoded import EVB, EVL, ITEM, ITEM_END, IVL, SEQUENCE_END, Coder
from tests.unit.encoding.test_walker_properties import Branch, Node, encode, trees

SEQUENCE = 0x00081140
PIXELS = 0x7FE00010
LITTLE = {"explicit": EVL, "implicit": IVL}
TARGETS = {**LITTLE, "big": EVB}


def recode(data: bytes, source: Coder, target: Encoding) -> bytes:
    return b"".join(recoded(source.walker(data), target))


@pytest.mark.parametrize(
    ("tag", "vr", "code"),
    [
        (0x00280010, "US", "H"),
        (0x00189219, "SS", "h"),
        (0x00720078, "UL", "L"),
        (0x0072007C, "SL", "l"),
        (0x00720083, "UV", "Q"),
        (0x00720082, "SV", "q"),
        (0x00720076, "FL", "f"),
        (0x00720074, "FD", "d"),
        (0x00720065, "OB", "B"),
        (0x00720069, "OW", "H"),
        (0x00720075, "OL", "L"),
        (0x00720081, "OV", "Q"),
        (0x00720067, "OF", "f"),
        (0x00720073, "OD", "d"),
    ],
)
def test_numbers_in_big_endian_are_swapped_by_their_vr(tag: int, vr: str, code: str) -> None:
    big, little = (coder.number(code, 3) + coder.number(code, 77) for coder in (EVB, EVL))
    assert recode(EVB.element(tag, vr, big), EVB, EXPLICIT) == EVL.element(tag, vr, little)
    assert recode(EVB.element(tag, vr, big), EVB, IMPLICIT) == IVL.element(tag, vr, little)
    assert recode(EVL.element(tag, vr, little), EVL, EXPLICIT_BIG) == EVB.element(tag, vr, big)
    assert recode(IVL.element(tag, vr, little), IVL, EXPLICIT_BIG) == EVB.element(tag, vr, big)
    assert recode(EVB.element(tag, vr, big), EVB, EXPLICIT_BIG) == EVB.element(tag, vr, big)


def test_a_tag_in_big_endian_is_a_pair_of_numbers() -> None:
    data = EVB.element(0x00280009, "AT", b"\x00\x18\x10\x63")
    little = EVL.element(0x00280009, "AT", b"\x18\x00\x63\x10")
    assert recode(data, EVB, EXPLICIT) == little
    assert recode(little, EVL, EXPLICIT_BIG) == data


@pytest.mark.parametrize("vr", ["LO", "OB", "UN"])
def test_what_has_no_byte_order_stays_as_it_is(vr: str) -> None:
    data = EVB.element(0x00111010, vr, b"abcdef")
    assert recode(data, EVB, EXPLICIT) == EVL.element(0x00111010, vr, b"abcdef")
    assert recode(recode(data, EVB, EXPLICIT), EVL, EXPLICIT_BIG) == data


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("source", [EVL, EVB, IVL], ids=["explicit", "big", "implicit"])
def test_sequences_lose_their_lengths(source: Coder, target: Coder) -> None:
    def made(coder: Coder, *, undefined: bool) -> bytes:
        leaf = coder.element(0x00080060, "CS", b"CT")
        inner = coder.sequence(0x00082112, coder.item(leaf, undefined=undefined), undefined=undefined)
        items = [coder.item(leaf + inner, undefined=undefined), coder.item(undefined=undefined)]
        whole = coder.sequence(SEQUENCE, *items, undefined=undefined)
        last = coder.sequence(0x00400275, undefined=undefined)
        return whole + coder.element(0x00100020, "LO", b"A1") + last

    wanted = made(target, undefined=True)
    for undefined in (False, True):
        assert recode(made(source, undefined=undefined), source, target.encoding) == wanted


def test_a_sequence_under_un_comes_out_as_a_sequence() -> None:
    """PS3.5 6.2.2: what is in it has implicit VRs in little endian, whatever is around."""
    inside = IVL.item(IVL.element(0x00280010, "US", b"\1\0")) + IVL.header(SEQUENCE_END, "", 0)
    after = EVB.element(0x00280010, "US", b"\0\2")
    data = EVB.header(0x00091001, "UN", UNDEFINED) + inside + after
    item = EVL.item(EVL.element(0x00280010, "US", b"\1\0"), undefined=True)
    wanted = EVL.sequence(0x00091001, item, undefined=True) + EVL.element(0x00280010, "US", b"\2\0")
    assert recode(data, EVB, EXPLICIT) == wanted
    assert recode(recode(wanted, EVL, EXPLICIT_BIG), EVB, EXPLICIT) == wanted


def test_group_lengths_are_left_out_everywhere() -> None:
    keep = EVL.element(0x00080060, "CS", b"CT")
    length = EVL.element(0x00080000, "UL", b"\0\0\0\0")
    data = (
        length
        + EVL.element(0x00080001, "UL", b"\x40\0\0\0")
        + keep
        + EVL.sequence(SEQUENCE, EVL.item(length + keep))
        + EVL.element(0x00090000, "OB", bytes(70000))
        + EVL.element(0x00100000, "UL", b"\0\0\0\0")
    )
    wanted = keep + EVL.sequence(SEQUENCE, EVL.item(keep, undefined=True), undefined=True)
    assert recode(data, EVL, EXPLICIT) == wanted


def test_a_sequence_in_the_place_of_a_group_length_is_whole() -> None:
    made = {
        coder: coder.sequence(0x00090000, coder.item(undefined=True), undefined=True) for coder in (EVL, IVL)
    }
    assert recode(made[EVL], EVL, EXPLICIT) == made[EVL]
    assert recode(made[IVL], IVL, EXPLICIT) == made[EVL]
    assert recode(made[IVL], IVL, IMPLICIT) == made[IVL]


@pytest.mark.parametrize(
    ("tag", "vr", "padding"),
    [
        (0x00100020, "LO", b" "),
        (0x00080018, "UI", b"\0"),
        (0x00420011, "OB", b"\0"),
        (0x00091001, "UN", b"\0"),
    ],
)
@pytest.mark.parametrize("length", [7, 65533, 100_001])
def test_odd_values_become_even(tag: int, vr: str, padding: bytes, length: int) -> None:
    data, value = IVL.element(tag, vr, b"1" * length), b"1" * length + padding
    assert recode(data, IVL, IMPLICIT) == IVL.element(tag, vr, value)
    fits = vr in ("OB", "UN") or length < 65534
    assert recode(data, IVL, EXPLICIT) == EVL.element(tag, vr if fits else "UN", value)


def test_the_longest_value_that_a_short_header_can_announce() -> None:
    for length, vr in ((65534, "LO"), (65536, "UN")):
        data = IVL.element(0x00081030, "LO", b"x" * length)
        explicit = recode(data, IVL, EXPLICIT)
        assert explicit == EVL.element(0x00081030, vr, b"x" * length)
        assert recode(explicit, EVL, IMPLICIT) == data
    odd = EVL.element(0x00081030, "LO", b"x" * 65535)
    assert recode(odd, EVL, EXPLICIT) == EVL.element(0x00081030, "UN", b"x" * 65535 + b" ")


def test_vrs_come_from_the_dictionary() -> None:
    data = (
        IVL.element(0x00280103, "US", b"\1\0")
        + IVL.element(0x00280106, "SS", b"\xff\xff")
        + IVL.element(0x00283006, "OW", b"\1\0")
        + IVL.element(PIXELS, "OW", b"\1\2")
    )
    assert recode(data, IVL, EXPLICIT) == (
        EVL.element(0x00280103, "US", b"\1\0")
        + EVL.element(0x00280106, "SS", b"\xff\xff")
        + EVL.element(0x00283006, "OW", b"\1\0")
        + EVL.element(PIXELS, "OW", b"\1\2")
    )


def test_private_elements() -> None:
    creator = (0x00190010, "LO", b"SIEMENS MR HEADER ")
    for target, source in ((EVL, IVL), (IVL, EVL)):
        data = source.element(*creator) + source.element(0x0019100A, "US", b"\4\0")
        wanted = target.element(*creator) + target.element(0x0019100A, "US", b"\4\0")
        assert recode(data, source, target.encoding) == wanted
    nobody = IVL.element(0x0019110A, "UN", b"\4\0")
    assert recode(nobody, IVL, EXPLICIT) == EVL.element(0x0019110A, "UN", b"\4\0")


def test_a_private_sequence_can_still_be_told_where_vrs_are_implicit() -> None:
    leaf = (0x00080060, "CS", b"CT")
    data = EVL.sequence(0x00191001, EVL.item(EVL.element(*leaf)))
    implicit = recode(data, EVL, IMPLICIT)
    assert [tag for tag, *_ in IVL.walk(implicit)] == [0x00191001, ITEM, leaf[0], ITEM_END, SEQUENCE_END]
    assert recode(implicit, IVL, EXPLICIT) == recode(data, EVL, EXPLICIT)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_encapsulated_pixel_data_is_refused(target: Coder) -> None:
    before = EVL.element(0x00280010, "US", b"\1\0")
    data = before + EVL.sequence(PIXELS, EVL.item(), EVL.item(b"abcd"), vr="OB", undefined=True)
    with pytest.raises(InputError, match=r"offset 10, \(7fe0,0010\): encapsulated pixel data"):
        recode(data, EVL, target.encoding)


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [
        (0x00080060, "US", b"\1\0"),
        (0x00280010, "IS", b"12"),
        (0x00280010, "UL", b"\1\0\0\0"),
        (0x00186060, "FD", bytes(8)),
        (0x00189219, "US", b"\1\0"),
        (SEQUENCE, "LO", b"ab"),
        (SEQUENCE, "UN", b"ab"),
        (0x00080060, "SQ", b""),
        (0x00080060, "ZZ", b""),
    ],
)
def test_what_implicit_vrs_would_turn_into_something_else_is_refused(tag: int, vr: str, value: bytes) -> None:
    data = EVL.element(tag, vr, value)
    with pytest.raises(MalformedError, match=f"VR {vr} contradicts"):
        recode(data, EVL, IMPLICIT)
    if vr != "SQ":
        assert recode(data, EVL, EXPLICIT) == data


@pytest.mark.parametrize(
    ("tag", "vr"),
    [
        (0x00081030, "SH"),
        (PIXELS, "OB"),
        (0x00280106, "SS"),
        (0x00283006, "US"),
        (0x00280010, "UN"),
        (0x00080009, "IS"),
    ],
)
def test_other_vrs_than_the_dictionarys_pass_where_the_bytes_are_the_same(tag: int, vr: str) -> None:
    data = EVL.element(tag, vr, b"ab")
    assert recode(data, EVL, IMPLICIT) == IVL.element(tag, vr, b"ab")


@pytest.mark.parametrize(
    ("vr", "length", "message"),
    [("US", 3, "3 bytes are no whole"), ("OD", 70004, "bytes are no whole"), ("ZZ", 2, "VR ZZ is not known")],
)
def test_a_byte_order_that_cannot_be_changed(vr: str, length: int, message: str) -> None:
    data = EVB.element(0x00091001, vr, bytes(length))
    with pytest.raises(MalformedError, match=rf"offset 0, \(0009,1001\): .*{message}"):
        recode(data, EVB, EXPLICIT)


@pytest.mark.parametrize("undefined", [True, False])
def test_a_sequence_in_the_place_of_a_private_creator(*, undefined: bool) -> None:
    data = EVL.sequence(0x00090010, EVL.item(), undefined=undefined)
    with pytest.raises(MalformedError, match=r"offset 0, \(0009,0010\): a sequence stands where a private"):
        recode(data, EVL, IMPLICIT)
    assert recode(data, EVL, EXPLICIT)


def test_faults_of_the_walk_are_raised() -> None:
    with pytest.raises(MalformedError, match="exceeds"):
        recode(EVL.element(0x00100020, "LO", b"ab", length=4), EVL, IMPLICIT)


def test_what_becomes_un_stays_in_little_endian() -> None:
    """PS3.5 6.2.2: no receiver can tell what to swap."""
    value = b"\1\2" * 40000
    data = IVL.element(0x00283002, "US", value)
    assert recode(data, IVL, EXPLICIT_BIG) == EVB.element(0x00283002, "UN", value)


class Endless:
    """A data set that would fill the memory: a header, then zeros."""

    def __init__(self, head: bytes, size: int) -> None:
        self.head = head
        self.size = size

    def read(self, offset: int, length: int) -> bytes:
        return self.head[offset : offset + length].ljust(length, b"\0")


@pytest.mark.parametrize("source", [EVL, EVB], ids=["little", "big"])
def test_memory_is_bounded(source: Coder) -> None:
    size = 400_000_000
    head = source.header(PIXELS, "OW", size)
    walker = Walker(Endless(head, len(head) + size), 0, len(head) + size, source.encoding)
    total = largest = 0
    tracemalloc.start()
    try:
        for piece in recoded(walker, IMPLICIT):
            total += len(piece)
            largest = max(largest, len(piece))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == 8 + size
    assert largest <= 256 * 1024
    assert peak < 3 * 1024 * 1024


def test_pieces_of_many_elements_are_bounded_too() -> None:
    data = IVL.sequence(SEQUENCE, *[IVL.item()] * 200_000) + IVL.element(0x00081030, "LO", b"x" * 60000) * 50
    pieces = list(recoded(IVL.walker(data), EXPLICIT))
    assert 0 < min(map(len, pieces)) <= max(map(len, pieces)) < 1024 * 1024
    assert b"".join(pieces) == recode(data, IVL, EXPLICIT)
    assert len(b"".join(pieces)) == len(data) + 200_000 * 8 + 12


def undefined(nodes: list[Node]) -> list[Node]:
    """The same with no length defined, and no group length left."""
    return [
        Branch(node.tag, True, [(True, undefined(inner)) for _, inner in node.items])
        if isinstance(node, Branch)
        else node
        for node in nodes
        if node.tag & 0xFFFF
    ]


@given(nodes=trees, source=st.sampled_from([EVL, IVL]), target=st.sampled_from([EVL, IVL]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_data_sets_of_any_shape(nodes: list[Node], source: Coder, target: Coder) -> None:
    assert recode(encode(nodes, source), source, target.encoding) == encode(undefined(nodes), target)


@given(
    nodes=trees,
    flips=st.lists(st.tuples(st.integers(min_value=0), st.integers(0, 255)), min_size=1, max_size=4),
    source=st.sampled_from([EVL, EVB, IVL]),
    target=st.sampled_from([EVL, IVL]),
)
@settings(max_examples=500, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
def test_wrong_bytes_are_refused_or_give_what_can_be_walked(
    nodes: list[Node], flips: list[tuple[int, int]], source: Coder, target: Coder
) -> None:
    data = bytearray(encode(nodes, source) or b"\0")
    for at, byte in flips:
        data[at % len(data)] = byte
    try:
        done = recode(bytes(data), source, target.encoding)
    except InputError:
        return
    target.walk(done)
    assert len(done) % 2 == 0


def test_the_order_of_bytes_is_that_of_each_window() -> None:
    """Elements of both orders, in more windows than one."""
    inside = IVL.item(IVL.element(0x00280010, "US", b"\1\0") * 3000) + IVL.header(SEQUENCE_END, "", 0)
    one = EVB.header(0x00091001, "UN", UNDEFINED) + inside + EVB.element(0x00280010, "US", b"\0\2") * 3000
    done = recode(one * 9, EVB, IMPLICIT)
    values = {(depth, done[at : at + n]) for _, vr, _, at, n, depth in IVL.walk(done) if vr == "US"}
    assert values == {(2, pack("<H", 1)), (0, pack("<H", 2))}
