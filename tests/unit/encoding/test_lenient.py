"""The lenient walk: each fault of a data set becomes a problem with its place, and the walk goes on."""

from __future__ import annotations

import random
import time

import pytest

from dcmtools.encoding.containers import MAX_DEPTH
from dcmtools.encoding.element import UNDEFINED, Element
from dcmtools.encoding.lenient import LenientWalker
from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.problems import MAX_PROBLEMS, Problem
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import CODERS, EVL, ITEM, ITEM_END, IVL, SEQUENCE_END, Coder
from tests.support.samples import real_files
from tests.unit.encoding.test_walker_faults import FAULTS

IMAGES, NAME, AGE, PIXELS = 0x00081140, 0x00100010, 0x00101010, 0x7FE00010
A_NAME = EVL.element(NAME, "PN", b"A ")
AN_AGE = EVL.element(AGE, "AS", b"042Y")
OPEN = EVL.header(IMAGES, "SQ", UNDEFINED)
OPEN_ITEM = EVL.header(ITEM, "", UNDEFINED)


def lenient(data: bytes, coder: Coder = EVL) -> LenientWalker:
    return LenientWalker(MemorySource(data), 0, len(data), coder.encoding)


def walked(data: bytes, coder: Coder = EVL) -> tuple[list[Element], list[Problem]]:
    walker = lenient(data, coder)
    return list(walker), walker.problems


def seen(data: bytes, coder: Coder = EVL) -> list[tuple[int, str, int, int]]:
    """Tag, VR, length and depth of what can be read."""
    return [(tag, vr, length, depth) for tag, vr, _, _, length, depth in walked(data, coder)[0]]


# ---------------------------------------------------------------- what is right


def test_what_is_right_is_walked_as_by_a_walker_and_has_no_serious_problem() -> None:
    compared = 0
    for path in real_files():
        try:
            with Part10File.open(str(path)) as file:
                strict = file.walk()
                elements = list(strict)
                start = 0 if isinstance(strict.source, MemorySource) else file.data_set_offset
                walker = LenientWalker(strict.source, start, strict.source.size, strict.encoding)
                assert list(walker) == elements
                assert walker.serious == 0, path
                compared += 1
        except InputError:
            continue
    assert compared > 90


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(("data", "message"), FAULTS.values(), ids=FAULTS)
def test_what_a_strict_walk_fails_for_is_the_first_serious_problem(data: bytes, message: str) -> None:
    walker = lenient(data)
    list(walker)
    assert str(walker.problems[0]) == message
    assert walker.problems[0].serious
    assert walker.serious == sum(problem.serious for problem in walker.problems)


CUT_PATH = "(0008,1140)[0]"
GOES_ON = {
    "a value over the end is cut there": (
        A_NAME + EVL.element(AGE, "AS", b"04", length=4),
        [(NAME, "PN", 2, 0), (AGE, "AS", 2, 0)],
    ),
    "a value over its item is cut there, and what follows the item is read": (
        EVL.sequence(IMAGES, EVL.item(EVL.element(NAME, "PN", b"A ", length=9))) + AN_AGE,
        [(IMAGES, "SQ", 18, 0), (ITEM, "", 10, 1), (NAME, "PN", 2, 2), (AGE, "AS", 4, 0)],
    ),
    "a sequence over the end is read as far as it goes": (
        EVL.element(IMAGES, "SQ", EVL.item(A_NAME), length=999),
        [(IMAGES, "SQ", 18, 0), (ITEM, "", 10, 1), (NAME, "PN", 2, 2)],
    ),
    "an item over its sequence ends with it": (
        EVL.element(IMAGES, "SQ", EVL.header(ITEM, "", 99) + A_NAME) + AN_AGE,
        [(IMAGES, "SQ", 18, 0), (ITEM, "", 10, 1), (NAME, "PN", 2, 2), (AGE, "AS", 4, 0)],
    ),
    "a fragment over the end is cut there": (
        EVL.header(PIXELS, "OB", UNDEFINED) + EVL.header(ITEM, "", 9) + b"abc",
        [(PIXELS, "OB", UNDEFINED, 0), (ITEM, "", 3, 1)],
    ),
    "an item without delimiter ends with its sequence": (
        OPEN + OPEN_ITEM + A_NAME + EVL.header(SEQUENCE_END, "", 0) + AN_AGE,
        [
            (IMAGES, "SQ", UNDEFINED, 0),
            (ITEM, "", UNDEFINED, 1),
            (NAME, "PN", 2, 2),
            (SEQUENCE_END, "", 0, 0),
            (AGE, "AS", 4, 0),
        ],
    ),
    "an item without delimiter ends before the next": (
        OPEN + OPEN_ITEM + A_NAME + EVL.item() + EVL.header(SEQUENCE_END, "", 0) + AN_AGE,
        [
            (IMAGES, "SQ", UNDEFINED, 0),
            (ITEM, "", UNDEFINED, 1),
            (NAME, "PN", 2, 2),
            (ITEM, "", 0, 1),
            (SEQUENCE_END, "", 0, 0),
            (AGE, "AS", 4, 0),
        ],
    ),
    "a sequence without delimiter ends before the next element": (
        OPEN + EVL.item() + AN_AGE,
        [(IMAGES, "SQ", UNDEFINED, 0), (ITEM, "", 0, 1), (AGE, "AS", 4, 0)],
    ),
    "a delimiter with a length is one": (
        OPEN + OPEN_ITEM + EVL.header(ITEM_END, "", 7) + EVL.header(SEQUENCE_END, "", 5) + AN_AGE,
        [
            (IMAGES, "SQ", UNDEFINED, 0),
            (ITEM, "", UNDEFINED, 1),
            (ITEM_END, "", 0, 1),
            (SEQUENCE_END, "", 0, 0),
            (AGE, "AS", 4, 0),
        ],
    ),
    "a stray delimiter is passed over": (
        A_NAME + EVL.header(ITEM_END, "", 0) + EVL.header(SEQUENCE_END, "", 0) + AN_AGE,
        [(NAME, "PN", 2, 0), (AGE, "AS", 4, 0)],
    ),
    "an implicit element among explicit ones, and all after it": (
        A_NAME + IVL.element(AGE, "", b"042Y") + IVL.element(0x00101030, "", b"70"),
        [(NAME, "PN", 2, 0), (AGE, "AS", 4, 0), (0x00101030, "DS", 2, 0)],
    ),
    "a VR that is none, before a 16-bit length": (
        EVL.header(AGE, "as", 0)[:4] + b"??\4\0" + b"042Y" + A_NAME,
        [(AGE, "UN", 4, 0), (NAME, "PN", 2, 0)],
    ),
    "a VR that is none, before a 32-bit length": (
        EVL.header(PIXELS, "o!", 4) + b"abcd" + A_NAME,
        [(PIXELS, "UN", 4, 0), (NAME, "PN", 2, 0)],
    ),
    "text of undefined length reaches to the end": (
        EVL.header(NAME, "UT", UNDEFINED) + b"abcd",
        [(NAME, "UT", 4, 0)],
    ),
    "items of undefined length under whatever VR are a sequence": (
        EVL.header(NAME, "UT", UNDEFINED) + EVL.item(A_NAME) + EVL.header(SEQUENCE_END, "", 0) + AN_AGE,
        [
            (NAME, "SQ", UNDEFINED, 0),
            (ITEM, "", 10, 1),
            (NAME, "PN", 2, 2),
            (SEQUENCE_END, "", 0, 0),
            (AGE, "AS", 4, 0),
        ],
    ),
}


@pytest.mark.parametrize(("data", "elements"), GOES_ON.values(), ids=GOES_ON)
def test_the_walk_goes_on(data: bytes, elements: list[tuple[int, str, int, int]]) -> None:
    assert seen(data) == elements
    assert lenient_serious(data) > 0


def lenient_serious(data: bytes) -> int:
    walker = lenient(data)
    list(walker)
    return walker.serious


@pytest.mark.parametrize("overrun", [False, True])
def test_what_is_nested_too_deep_is_passed_over(overrun: bool) -> None:
    data = b""
    for level in range(MAX_DEPTH + 5):
        content = EVL.item(data)
        data = EVL.element(IMAGES, "SQ", content, length=len(content) + (overrun and level == 4))
    elements, problems = walked(data + AN_AGE)
    assert elements[-1][0] == AGE
    assert any("nested deeper than 100" in problem.message for problem in problems)
    endless = (OPEN + OPEN_ITEM) * 5000
    assert max(element[5] for element in walked(endless)[0]) <= 2 * MAX_DEPTH


# ---------------------------------------------------------------- what is only unusual


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        (EVL.element(NAME, "PN", b"ABC") + AN_AGE, ["offset 0, (0010,0010): odd length 3"]),
        (AN_AGE + A_NAME, ["offset 12, (0010,0010): the element stands after (0010,1010)"]),
        (A_NAME + A_NAME, ["offset 10, (0010,0010): the element stands twice"]),
        (
            EVL.element(0x00100000, "UL", bytes(4)) + A_NAME,
            ["offset 0, (0010,0000): group lengths are retired"],
        ),
        (A_NAME + bytes(30), ["offset 10: 30 zero bytes after the last element"]),
        (A_NAME + bytes(1), ["offset 10: 1 zero bytes after the last element"]),
        (
            EVL.sequence(IMAGES, EVL.item(AN_AGE), EVL.item(A_NAME)) + A_NAME,
            [],
        ),
        (EVL.sequence(PIXELS, EVL.item(b"ab"), undefined=True, vr="OB"), []),
    ],
    ids=["odd", "order", "twice", "group length", "zeros", "zero", "items", "fragments"],
)
def test_what_is_unusual_is_noticed_and_not_serious(data: bytes, problems: list[str]) -> None:
    found = walked(data)[1]
    assert [str(problem) for problem in found] == problems
    assert not any(problem.serious for problem in found)


def test_notices_can_be_left_out() -> None:
    walker = lenient(A_NAME + A_NAME)
    walker.notices = False
    assert len(list(walker)) == 2
    assert walker.problems == []


def test_of_many_problems_the_first_are_kept_and_all_counted() -> None:
    walker = lenient(EVL.header(ITEM_END, "", 0) * 5000)
    list(walker)
    assert len(walker.problems) == MAX_PROBLEMS
    assert walker.serious == 5000


def test_many_problems_of_one_kind_do_not_hide_the_other() -> None:
    walker = lenient(A_NAME * 500 + EVL.header(ITEM_END, "", 0) * 500)
    list(walker)
    assert [problem.serious for problem in walker.problems].count(True) == MAX_PROBLEMS
    assert len(walker.problems) == 2 * MAX_PROBLEMS


# ---------------------------------------------------------------- whatever comes


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
def test_a_cut_shows_a_prefix_and_says_so(coder: Coder) -> None:
    """Every element that ends before the cut is seen as it was; at the top, only what a cut leaves whole."""
    data = coder.element(0x00080005, "CS", b"ISO_IR 100")
    data += coder.sequence(IMAGES, coder.item(coder.element(NAME, "PN", b"A ")), undefined=True)
    data += coder.sequence(0x00081199, coder.item(coder.element(NAME, "PN", b"B ")))
    data += coder.element(PIXELS, "OW", b"ab")
    whole = coder.walk(data)
    ends = {0, len(data)} | {offset for tag, vr, offset, _, _, depth in whole if depth == 0 and vr}
    for size in range(len(data) + 1):
        elements, problems = walked(data[:size], coder)
        complete = [one for one in whole if one[4] != UNDEFINED and one[3] + one[4] <= size]
        assert [one for one in elements if one in complete] == complete
        assert bool([problem for problem in problems if problem.serious]) == (size not in ends), size


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
def test_noise_is_walked_to_an_end(coder: Coder) -> None:
    chance = random.Random(coder.encoding.order)
    data = coder.sequence(
        IMAGES, coder.item(coder.element(NAME, "PN", b"A "), undefined=True), undefined=True
    )
    data = (data + coder.element(PIXELS, "OB", bytes(20))) * 3
    for _ in range(1500):
        noisy = bytearray(data)
        for _ in range(chance.randrange(1, 6)):
            noisy[chance.randrange(len(noisy))] = chance.choice((0, 1, 0xFE, 0xFF, 0xE0, 0xDD, 0x0D, 65))
        for _, _, offset, value, length, _ in walked(bytes(noisy), coder)[0]:
            assert offset < value <= len(data)
            assert length == UNDEFINED or value + length <= len(data)


@pytest.mark.parametrize(
    "data",
    [
        bytes(3_000_000) + b"x" * 8,
        b"\x10\0\x10\0??\0\0" * 300_000,
        EVL.header(ITEM_END, "", 1) * 300_000,
        (OPEN + OPEN_ITEM) * 100_000,
    ],
    ids=["zeros", "bad VRs", "delimiters", "depth"],
)
@pytest.mark.parametrize("coder", [EVL, IVL], ids=["explicit", "implicit"])
def test_no_fault_costs_more_than_its_bytes(data: bytes, coder: Coder) -> None:
    begin = time.process_time()
    for _ in lenient(data, coder):
        pass
    assert time.process_time() - begin < 8
