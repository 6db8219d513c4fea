"""Sequences, items and encapsulated pixel data (PS3.5 7.5 and A.4)."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from dcmtools.encoding.containers import MAX_DEPTH
from dcmtools.encoding.element import UNDEFINED
from dcmtools.errors import MalformedError
from tests.support.encoded import CODERS, EVB, EVL, ITEM, ITEM_END, IVL, SEQUENCE_END, Coder

IMAGES, NAME, PIXELS = 0x00081140, 0x00100010, 0x7FE00010
each_coder = pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
both_lengths = pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])


def ends(*closed: tuple[int, int], undefined: bool) -> list[tuple[int, str, int]]:
    return [(tag, "", depth) for tag, depth in closed] if undefined else []


@each_coder
@both_lengths
def test_a_sequence_holds_items_that_hold_elements(coder: Coder, undefined: bool) -> None:
    """PS3.5 7.5.1 and 7.5.2: a delimiter stands at the depth of what it ends."""
    name = coder.element(NAME, "PN", b"A ")
    items = [coder.item(name, undefined=undefined), coder.item(undefined=undefined)]
    data = coder.sequence(IMAGES, *items, undefined=undefined) + name
    assert coder.seen(data) == [
        (IMAGES, "SQ", 0),
        (ITEM, "", 1),
        (NAME, "PN", 2),
        *ends((ITEM_END, 1), undefined=undefined),
        (ITEM, "", 1),
        *ends((ITEM_END, 1), (SEQUENCE_END, 0), undefined=undefined),
        (NAME, "PN", 0),
    ]


@each_coder
@both_lengths
def test_a_sequence_may_be_empty(coder: Coder, undefined: bool) -> None:
    """PS3.5 7.5.1: zero items."""
    data = coder.sequence(IMAGES, undefined=undefined) + coder.element(NAME, "PN")
    assert [tag for tag, *_ in coder.walk(data)] == [
        IMAGES,
        *([SEQUENCE_END] if undefined else []),
        NAME,
    ]


@each_coder
def test_offsets_and_lengths_of_items_and_delimiters(coder: Coder) -> None:
    header = 12 if coder.encoding.explicit else 8
    walked = coder.walk(coder.sequence(IMAGES, coder.item(undefined=True), undefined=True))
    assert walked == [
        (IMAGES, "SQ", 0, header, UNDEFINED, 0),
        (ITEM, "", header, header + 8, UNDEFINED, 1),
        (ITEM_END, "", header + 8, header + 16, 0, 1),
        (SEQUENCE_END, "", header + 16, header + 24, 0, 0),
    ]


@each_coder
@both_lengths
def test_a_sequence_of_one_style_may_hold_items_of_the_other(coder: Coder, undefined: bool) -> None:
    item = coder.item(coder.element(NAME, "PN", b"A "), undefined=not undefined)
    seen = coder.seen(coder.sequence(IMAGES, item, undefined=undefined))
    assert (NAME, "PN", 2) in seen
    assert len(seen) == 4


def nested(coder: Coder, depth: int, *, undefined: bool) -> bytes:
    if undefined:
        start = (coder.header(IMAGES, "SQ", UNDEFINED) + coder.header(ITEM, "", UNDEFINED)) * depth
        return start + (coder.header(ITEM_END, "", 0) + coder.header(SEQUENCE_END, "", 0)) * depth
    data = b""
    for _ in range(depth):
        data = coder.sequence(IMAGES, coder.item(data))
    return data


@each_coder
@both_lengths
def test_sequences_may_be_nested_100_deep(coder: Coder, undefined: bool) -> None:
    walked = coder.walk(nested(coder, MAX_DEPTH, undefined=undefined))
    assert max(depth for *_, depth in walked) == 2 * MAX_DEPTH - 1
    assert len(walked) == MAX_DEPTH * (4 if undefined else 2)


@each_coder
@both_lengths
def test_sequences_nested_101_deep_are_refused(coder: Coder, undefined: bool) -> None:
    with pytest.raises(MalformedError, match="nested deeper than 100") as caught:
        coder.walk(nested(coder, MAX_DEPTH + 1, undefined=undefined))
    header = 20 if coder.encoding.explicit else 16
    assert caught.value.offset == MAX_DEPTH * header
    step = "(0008,1140)[0]"
    assert caught.value.path == f"{step}.{step}.{step}.{step}.....{step}.{step}.(0008,1140)"


def test_pixel_data_within_the_deepest_item_may_be_encapsulated() -> None:
    data = EVL.sequence(PIXELS, EVL.item(b""), EVL.item(b"ab"), vr="OB", undefined=True)
    for _ in range(MAX_DEPTH):
        data = EVL.sequence(IMAGES, EVL.item(data))
    assert EVL.seen(data)[-2:] == [(ITEM, "", 2 * MAX_DEPTH + 1), (SEQUENCE_END, "", 2 * MAX_DEPTH)]


def test_100_000_levels_cost_neither_time_nor_memory_nor_the_stack() -> None:
    data = nested(EVL, 100_000, undefined=True)
    tracemalloc.start()
    began = time.perf_counter()
    with pytest.raises(MalformedError, match="nested deeper"):
        EVL.walk(data)
    taken, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 1
    assert peak < 4_000_000


def test_walking_many_items_takes_time_in_proportion() -> None:
    def taken(count: int) -> float:
        data = EVL.header(IMAGES, "SQ", UNDEFINED) + EVL.item() * count + EVL.header(SEQUENCE_END, "", 0)
        began = time.process_time()
        assert len(EVL.walk(data)) == count + 2
        return time.process_time() - began

    # Ten times as many would take a hundred times as long if each looked at all before it.
    assert taken(100_000) < 40 * max(taken(10_000), 0.005)


@pytest.mark.parametrize("coder", [EVL, EVB], ids=["little", "big"])
def test_un_of_undefined_length_is_an_implicit_little_endian_sequence(coder: Coder) -> None:
    """PS3.5 6.2.2, note 4: also inside explicit big endian; the delimiters are little endian too."""
    inner = IVL.element(NAME, "", b"A ")
    unknown = (
        coder.header(0x00091001, "UN", UNDEFINED)
        + IVL.item(inner)
        + IVL.item(inner, undefined=True)
        + IVL.header(SEQUENCE_END, "", 0)
    )
    assert coder.seen(unknown + coder.element(NAME, "PN", b"B ")) == [
        (0x00091001, "SQ", 0),
        (ITEM, "", 1),
        (NAME, "PN", 2),
        (ITEM, "", 1),
        (NAME, "PN", 2),
        (ITEM_END, "", 1),
        (SEQUENCE_END, "", 0),
        (NAME, "PN", 0),
    ]


@pytest.mark.parametrize("coder", [EVL, EVB], ids=["little", "big"])
def test_un_that_ps36_knows_as_a_sequence_is_walked(coder: Coder) -> None:
    """PS3.5 6.2.2: whoever knows the VR assumes implicit VR little endian."""
    value = IVL.item(IVL.element(NAME, "", b"A "))
    assert coder.seen(coder.element(IMAGES, "UN", value)) == [
        (IMAGES, "SQ", 0),
        (ITEM, "", 1),
        (NAME, "PN", 2),
    ]
    assert coder.seen(coder.element(IMAGES, "UN")) == [(IMAGES, "SQ", 0)]


def test_un_that_does_not_begin_with_an_item_is_just_a_value() -> None:
    assert EVL.seen(EVL.element(IMAGES, "UN", b"abcdefgh")) == [(IMAGES, "UN", 0)]
    assert EVL.seen(EVL.element(IMAGES, "UN", b"ab")) == [(IMAGES, "UN", 0)]
    assert EVL.seen(EVL.element(NAME, "UN", IVL.item())) == [(NAME, "UN", 0)]


def test_the_byte_order_is_told_for_each_window() -> None:
    """PS3.5 6.2.2: what stands in a sequence under UN is little endian, what surrounds it may not be."""
    rows = 0x00280010
    data = (
        EVB.element(rows, "US", b"\0\1")
        + EVB.element(0x00281140, "UN")
        + EVB.header(0x00291001, "UN", UNDEFINED)
        + IVL.item(IVL.element(rows, "", b"\1\0"))
        + IVL.header(SEQUENCE_END, "", 0)
        + EVB.element(rows, "US", b"\0\1")
    )
    walker, orders = EVB.walker(data), []
    while elements := walker.read():
        orders += [walker.order for tag, *_ in elements if tag == rows]
    assert orders == [">", "<", ">"]


@pytest.mark.parametrize("vr", ["OB", "OW"])
@pytest.mark.parametrize("coder", [EVL, EVB], ids=["little", "big"])
def test_encapsulated_pixel_data_is_fragments_up_to_a_delimiter(coder: Coder, vr: str) -> None:
    """PS3.5 A.4: an offset table, empty or not, then fragments."""
    items = [coder.item(b""), coder.item(bytes(4)), coder.item(b"\xff\xd8\xff\xd9")]
    data = coder.sequence(PIXELS, *items, undefined=True, vr=vr) + coder.element(0xFFFCFFFC, "OB", b"\0\0")
    walked = coder.walk(data)
    assert [(tag, vr, depth, length) for tag, vr, _, _, length, depth in walked] == [
        (PIXELS, vr, 0, UNDEFINED),
        (ITEM, "", 1, 0),
        (ITEM, "", 1, 4),
        (ITEM, "", 1, 4),
        (SEQUENCE_END, "", 0, 0),
        (0xFFFCFFFC, "OB", 0, 2),
    ]


def test_fragments_are_not_looked_into() -> None:
    fragment = EVL.header(SEQUENCE_END, "", 0) + EVL.header(ITEM_END, "", 0)
    data = EVL.sequence(PIXELS, EVL.item(), EVL.item(fragment), undefined=True, vr="OB")
    assert EVL.seen(data) == [(PIXELS, "OB", 0), (ITEM, "", 1), (ITEM, "", 1), (SEQUENCE_END, "", 0)]


@each_coder
def test_a_shallow_walk_passes_over_sequences_of_defined_length(coder: Coder) -> None:
    content = coder.item(coder.element(NAME, "PN", b"A "))
    data = coder.sequence(IMAGES, content) + coder.element(NAME, "PN", b"B ")
    assert [(tag, vr) for tag, vr, *_ in coder.walk(data, shallow=True)] == [(IMAGES, "SQ"), (NAME, "PN")]
    open_ended = coder.sequence(IMAGES, content, undefined=True)
    assert coder.walk(open_ended, shallow=True) == coder.walk(open_ended)


def test_a_shallow_walk_needs_no_more_of_a_sequence_than_its_length() -> None:
    data = EVL.element(IMAGES, "SQ", b"rubbish!")
    assert EVL.walk(data, shallow=True) == [(IMAGES, "SQ", 0, 12, 8, 0)]
