"""What belongs to what, where the offsets of a DICOMDIR lead nowhere, around, or past records."""

from __future__ import annotations

import random
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest

from dcmtools.files.directory_records import IN_USE, LOWER, NEXT, TYPE, Records
from dcmtools.files.directory_tree import MAX_DEPTH, NONE, Problems, built, level_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dcmtools.files.directory_tree import Tree

KINDS = ("PATIENT", "STUDY", "SERIES", "IMAGE")
STEP = 100
FIRST = 400
FILE_ID = 0x00041500
# Two patients, as writers put them down: depth first.
SOUND = "P ST SE I I SE I P ST SE I I"
SHORT = {"P": "PATIENT", "ST": "STUDY", "SE": "SERIES", "I": "IMAGE", "X": "PRIVATE", "M": "MRDR"}


class Drafts(list[dict[str, Any]]):
    """Records, the offsets of which are their numbers times 100, and 400."""

    def at(self, number: int) -> int:
        return FIRST + STEP * number

    def linked(self) -> Drafts:
        """Have offsets lead where the order says."""
        last: dict[int, int] = {}
        for number, each in enumerate(self):
            level = level_of(each["type"])
            if level in last:
                self[last[level]]["next"] = self.at(number)
            elif level - 1 in last:
                self[last[level - 1]]["lower"] = self.at(number)
            last = {key: value for key, value in last.items() if key < level} | {level: number}
        return self

    def records(self) -> Records:
        records = Records()
        for number, each in enumerate(self):
            held = {
                TYPE: each["type"].encode(),
                NEXT: each.get("next", 0).to_bytes(4, "little"),
                LOWER: each.get("lower", 0).to_bytes(4, "little"),
                IN_USE: each.get("in_use", 0xFFFF).to_bytes(2, "little"),
            }
            if each.get("file_id", level_of(each["type"]) == 3 and each["type"] != "PRIVATE"):
                held[FILE_ID] = b"A"
            records.append(self.at(number), held, "<")
            records.finish(self.at(number) + STEP)
        return records


def drafts(words: str) -> Drafts:
    return Drafts([{"type": SHORT[word]} for word in words.split()])


def parents(tree: Tree, count: int) -> list[int]:
    return [NONE if tree.parent[number] == tree.root else tree.parent[number] for number in range(count)]


def built_of(given: Drafts, first: int = FIRST) -> tuple[list[int], list[str]]:
    problems = Problems()
    tree = built(given.records(), first, problems)
    assert all(tree.parent[number] != NONE for number in range(len(given)) if given[number]["type"] != "MRDR")
    return parents(tree, len(given)), [problem.kind for problem in problems.found]


EXPECTED = [NONE, 0, 1, 2, 2, 1, 5, NONE, 7, 8, 9, 9]


def test_offsets_that_are_right() -> None:
    assert built_of(drafts(SOUND).linked()) == (EXPECTED, [])


def test_no_records() -> None:
    assert built_of(Drafts(), 0) == ([], [])


@pytest.mark.parametrize("first", [0, 7, 500, 10**9])
def test_a_wrong_first_offset(first: int) -> None:
    found, kinds = built_of(drafts(SOUND).linked(), first)
    assert found == EXPECTED
    assert kinds[0] in ("first", "level")


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("field", ["next", "lower"])
@pytest.mark.parametrize("wrong", [0, 1, 450, 2**32 - 1])
def test_any_one_offset_that_leads_nowhere_is_made_up_for(number: int, field: str, wrong: int) -> None:
    given = drafts(SOUND).linked()
    had = given[number].get(field, 0)
    given[number][field] = wrong
    found, kinds = built_of(given)
    assert found == EXPECTED
    assert kinds == (["nowhere"] if wrong else []) + (["orphan"] if had else [])


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("field", ["next", "lower"])
@pytest.mark.parametrize("to", range(12))
def test_any_one_offset_that_leads_elsewhere_loses_no_record(number: int, field: str, to: int) -> None:
    given = drafts(SOUND).linked()
    if given[number].get(field) == given.at(to):
        return
    given[number][field] = given.at(to)
    found, kinds = built_of(given)
    assert kinds
    assert _is_tree(found)
    levels = [level_of(each["type"]) for each in given]
    assert all(parent == NONE or levels[parent] < level for parent, level in zip(found, levels, strict=True))


def test_no_offsets_at_all_are_one_problem() -> None:
    assert built_of(drafts(SOUND)) == (EXPECTED, ["offsets"])
    assert built_of(drafts(SOUND), 0) == (EXPECTED, ["offsets"])


@pytest.mark.parametrize("shift", [-132, 8, 396])
def test_offsets_that_are_all_as_much_too_small_or_too_large(shift: int) -> None:
    given = drafts(SOUND).linked()
    for each in given:
        for field in ("next", "lower"):
            if field in each:
                each[field] += shift
    assert built_of(given, FIRST + shift) == (EXPECTED, ["offsets"])


def test_records_put_down_level_by_level() -> None:
    given = drafts("P P ST ST ST SE SE SE SE I I I I")
    for number, field, to in (
        (0, "next", 1), (0, "lower", 2), (1, "lower", 4), (2, "next", 3), (2, "lower", 5),
        (3, "lower", 7), (4, "lower", 8), (5, "next", 6), (5, "lower", 9), (6, "lower", 10),
        (7, "lower", 11), (8, "lower", 12),
    ):  # fmt: skip
        given[number][field] = given.at(to)
    right = [NONE, NONE, 0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8]
    assert built_of(given) == (right, [])
    del given[2]["next"]  # its sibling goes where it is itself
    assert built_of(given) == (right, ["orphan"])
    given[2]["next"] = given.at(3)
    given[1]["lower"] = 7  # what follows belongs to whom it is missing
    assert built_of(given) == (right, ["nowhere", "orphan"])


def test_without_patients() -> None:
    given = drafts("ST SE I I ST SE I").linked()
    assert built_of(given) == ([NONE, 0, 1, 1, NONE, 4, 5], [])
    assert built_of(drafts("ST SE I I ST SE I")) == ([NONE, 0, 1, 1, NONE, 4, 5], ["offsets"])
    assert built_of(drafts("I I I")) == ([NONE] * 3, ["offsets"])


def test_loops_are_cut() -> None:
    itself = drafts("P P").linked()
    itself[1]["next"] = itself.at(1)
    assert built_of(itself) == ([NONE, NONE], ["loop"])
    back = drafts("P P P").linked()
    back[2]["next"] = back.at(0)
    assert built_of(back) == ([NONE] * 3, ["loop"])
    up = drafts("P X").linked()
    up[0]["lower"], up[1]["lower"] = up.at(1), up.at(0)
    found, kinds = built_of(up)
    assert (found, kinds) == ([NONE, 0], ["loop"])


def test_a_loop_that_nothing_leads_to_loses_no_record() -> None:
    given = drafts("P ST ST").linked()
    given[0]["lower"] = 0
    given[2]["next"] = given.at(1)
    assert built_of(given) == ([NONE, 0, 0], ["orphan", "loop"])


def test_two_that_lead_to_the_same() -> None:
    given = drafts("P ST P ST").linked()
    given[2]["lower"] = given.at(1)
    found, kinds = built_of(given)
    assert found == [NONE, 0, NONE, 2]
    assert kinds == ["crossed", "orphan"]


def test_inactive_records_take_what_is_below_them_along() -> None:
    given = drafts(SOUND).linked()
    given[0]["in_use"] = 0
    problems = Problems()
    tree = built(given.records(), FIRST, problems)
    assert problems.found == []
    assert list(tree.inactive) == [1] * 7 + [0] * 6
    del given[0]["lower"]  # as an updater would leave it
    tree = built(given.records(), FIRST, problems)
    assert list(tree.inactive) == [1] * 7 + [0] * 6
    assert problems.found == []


def test_private_records_may_be_anywhere() -> None:
    given = drafts("X P X ST X SE X I X")
    links = [
        ("next", 1),
        ("lower", 2),
        ("next", 3),
        ("lower", 4),
        ("next", 5),
        ("lower", 6),
        ("next", 7),
        ("lower", 8),
    ]
    for number, (field, to) in enumerate(links):
        given[number][field] = given.at(to)
    assert built_of(given) == ([NONE, NONE, 1, 1, 3, 3, 5, 5, 7], [])


def test_nesting_is_bounded() -> None:
    given = Drafts([{"type": "PRIVATE", "lower": FIRST + STEP * (number + 1)} for number in range(1000)])
    given[-1]["lower"] = 0
    problems = Problems()
    tree = built(given.records(), FIRST, problems)
    assert max(map(tree.depth, range(1000))) == MAX_DEPTH
    assert {problem.kind for problem in problems.found} == {"deep", "orphan"}
    assert _is_tree(parents(tree, 1000))


def test_problems_are_bounded() -> None:
    given = Drafts([{"type": "PATIENT", "next": 7} for _ in range(3000)])
    problems = Problems()
    built(given.records(), FIRST, problems)
    assert len(problems.found) == 1000
    assert problems.more == 3000 + 2999 - 1000


def test_multi_referenced_records_are_in_no_tree() -> None:
    given = drafts("P ST SE I M")
    Drafts.linked(Drafts(given[:4]))
    found, kinds = built_of(given)
    assert found[4] == NONE
    assert kinds == []


@pytest.mark.parametrize("seed", range(200))
def test_whatever_the_offsets_each_record_has_one_place(seed: int) -> None:
    chance = random.Random(seed)
    given = Drafts([{"type": chance.choice([*KINDS, "PRIVATE", ""])} for _ in range(chance.randint(1, 40))])
    for each in given:
        for field in ("next", "lower"):
            each[field] = chance.choice([0, given.at(chance.randrange(len(given))), chance.randrange(5000)])
        each["in_use"] = chance.choice([0xFFFF, 0xFFFF, 0])
        each["file_id"] = chance.choice([True, False])
    problems = Problems()
    tree = built(given.records(), given.at(chance.randrange(len(given))), problems)
    assert _is_tree(parents(tree, len(given)))
    listed: list[int] = []
    pending = [tree.root]
    while pending:
        children = tree.children(pending.pop())
        listed += children
        pending += children
    assert sorted(listed) == list(range(len(given)))
    assert max(map(tree.depth, listed)) <= MAX_DEPTH


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda number, count: (number + 1) % count,  # one loop of all
        lambda _, __: 0,
        lambda number, count: count - 1 - number,
        lambda number, _: number,
    ],
)
def test_time_is_in_proportion_to_the_number_of_records(spoilt: Callable[[int, int], int]) -> None:
    def seconds(count: int) -> float:
        given = Drafts([{"type": KINDS[number % 4]} for number in range(count)])
        for number, each in enumerate(given):
            each["next"] = each["lower"] = given.at(spoilt(number, count))
        records = given.records()
        begun = perf_counter()
        built(records, FIRST, Problems())
        return perf_counter() - begun

    few = min(seconds(2000) for _ in range(3))
    assert seconds(20_000) < 40 * few


def _is_tree(above: Sequence[int]) -> bool:
    """Tell whether every way up ends."""
    for number in range(len(above)):
        steps, at = 0, number
        while at != NONE:
            at, steps = above[at], steps + 1
            if steps > len(above):
                return False
    return True
