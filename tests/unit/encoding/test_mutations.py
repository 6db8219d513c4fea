"""Real files harmed at random: every walk ends, says what is wrong, and takes neither long nor much.

``DCMTOOLS_TEST_MUTATIONS`` raises the number of files; 20,000 take two minutes.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, TypeAlias

import pytest

from dcmtools.editing.nested import Container, Rewriting
from dcmtools.encoding.dataset import DataSet, decode, encode, text
from dcmtools.encoding.jsonmodel import model_of
from dcmtools.encoding.lenient import LenientWalker
from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.recoding import recoded
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_BIG, IMPLICIT
from dcmtools.encoding.tags import PIXEL_REPRESENTATION, is_creator, is_retired_length
from dcmtools.encoding.walker import Walker
from dcmtools.encoding.writing import element, item
from dcmtools.errors import InputError, MalformedError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.inputs import Input
from dcmtools.files.instance import inspect
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource
from tests.support.encoded import EVL, part10
from tests.support.mutating import MUTATIONS, Mutant, little_memory, mutant, mutants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.encoding.element import Element

UNDEFINED = 0xFFFFFFFF
ITEMS = (0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD)


class Counting(FileSource):
    """A file that refuses to be read over and over again."""

    __slots__ = ("left",)

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self.left = 20 * self.size + 1_000_000

    def read(self, offset: int, length: int) -> bytes:
        self.left -= length + 64
        assert self.left > 0, "read too often"
        return super().read(offset, length)


@contextmanager
def opened(data: bytes) -> Iterator[Counting]:
    with TemporaryFile() as file:
        file.write(data)
        file.flush()
        with Counting.duplicate(file.fileno()) as source:
            yield source


@pytest.fixture(autouse=True)
def _little_memory() -> Iterator[None]:
    with little_memory():
        yield


def bounded(walker: Walker) -> list[Element]:
    """The elements, of which no window is empty and no two begin at one place."""
    found: list[Element] = []
    while window := walker.read():
        found += window
        assert len(found) <= walker.source.size
    return found


def strictly(walker: Walker) -> tuple[list[Element], bool]:
    """What a strict walk met up to its fault, those in the window of the fault too; whether it had none."""
    found: list[Element] = []
    window: list[Element] = []
    try:
        while True:
            window = []
            walker._advance(window)
            if not window:
                return found, True
            found += window
    except InputError:
        return found + window, False


def consistent(elements: list[Element], size: int) -> bool:
    """Whether each element lies within the data, begins behind the one before, and is what it can be."""
    at = -1
    for tag, vr, offset, value, length, depth in elements:
        if not at < offset < value <= size or (length != UNDEFINED and value + length > size):
            return False
        if (not vr and tag not in ITEMS) or not 0 <= depth <= 201:
            return False
        at = offset
    return True


def over_all(check: Callable[[Mutant], object], least: int, share: int = 1) -> None:
    """Have ``check`` look at the mutants, ``least`` per cent of which are to be of interest to it."""
    worth = 0
    for each in mutants(MUTATIONS // share):
        try:
            worth += bool(check(each))
        except Exception as error:
            raise AssertionError(each.name) from error
    assert worth * 100 >= least * (MUTATIONS // share)


def test_walks_end_and_a_lenient_one_goes_further() -> None:
    def check(each: Mutant) -> bool:
        with opened(each.data) as source:
            try:
                file = Part10File(source)
                body, start, end = file.body()
            except InputError:
                return False
            found, whole = strictly(Walker(body, start, end, file.encoding))
            assert consistent(found, end)
            lenient = LenientWalker(body, start, end, file.encoding)
            more = bounded(lenient)
            assert consistent(more, end)
            shown = more[: len(found)]
            if shown != found:  # zeros at the end are elements (0000,0000) to the one, padding to the other
                at = found[len(more)][2]
                assert len(more) < len(found)
                assert found[: len(more)] == more
                assert not body.read(at, end - at).strip(b"\0")
            assert not (whole and lenient.serious)
            assert whole or lenient.problems
            assert all(start <= problem.offset <= end for problem in lenient.problems)
            return not whole

    over_all(check, 30)


def test_a_file_opened_anyhow_is_walked_to_its_end() -> None:
    """Whatever it takes the file for; its walk raises nothing."""

    def check(each: Mutant) -> bool:
        with opened(each.data) as source:
            try:
                file = LenientFile(source)
                walker = file.walk()
            except InputError:
                return False
            end = walker.source.size
            found = bounded(walker)
            assert consistent(found, end)
            assert len(file.problems) <= 300
            assert file.serious >= sum(problem.serious for problem in file.problems)
            values = [walker.value(at, length) for _, vr, _, at, length, _ in found if length != UNDEFINED]
            assert len(values) <= end
            bounded(file.walk(shallow=True))
            bounded(file.walk(stop=0x00200000))
            return True

    over_all(check, 85)


def test_what_is_rewritten_with_no_change_is_the_same() -> None:
    def check(each: Mutant) -> bool:
        with opened(each.data) as source:
            try:
                file = LenientFile(source) if each.seed % 2 else Part10File(source)
                body, start, end = file.body()
                rewriting = Rewriting(file)
                splice = rewriting.splice()
            except InputError:
                return False
            assert b"".join(splice.blocks()) == body.read(start, end - start)
            return True

    over_all(check, 10)


def test_what_is_rewritten_has_the_changes_and_all_the_rest() -> None:
    """One seed, one set of changes; whatever cannot be changed says so."""

    def check(each: Mutant) -> bool:
        chance = random.Random(each.seed)
        with opened(each.data) as source:
            try:
                file = Part10File(source)
                rewriting = Rewriting(file)
                expected: list[Seen] = []
                for event in rewriting:
                    expected += changed(chance, rewriting, event)
                splice = rewriting.splice()
            except InputError:
                return False
            assert len(b"".join(splice.blocks())) == splice.size
            walker = Walker(splice, 0, splice.size, file.encoding)
            found = [seen(walker, each) for window in iter(walker.read, []) for each in window]
            assert without_lengths(found) == without_lengths(expected)
            return True

    over_all(check, 10)


Seen: TypeAlias = tuple[int, str, int, bytes]


def seen(walker: Walker, element: Element) -> Seen:
    tag, vr, _, at, length, depth = element
    is_value = length != UNDEFINED and vr != "SQ" and (vr or depth & 1 == 0)
    return tag, vr, depth, walker.value(at, length) if is_value else b""


def without_lengths(elements: list[Seen]) -> list[Seen]:
    """Without delimiters, and without what goes where something changes."""
    gone = {(tag, vr) for tag, vr, _, _ in elements if is_retired_length(tag) and vr != "SQ"}
    return [each for each in elements if each[0] not in ITEMS[1:] and each[:2] not in gone]


def changed(chance: random.Random, rewriting: Rewriting, event: Element | Container) -> list[Seen]:
    """What is there in the place of an element or of the end of a level."""
    top, way, text = rewriting.levels[-1], chance.randrange(12), chance.randbytes(8)
    if isinstance(event, Container):
        if way > 1:
            return []
        new = element(0xFFFCFFFC, "OB", text, top.encoding)
        if event.depth & 1:
            rewriting.insert(new)
            return [(0xFFFCFFFC, "OB", event.depth + 1, text)]
        rewriting.insert(item(new, top.encoding))
        return [(ITEMS[0], "", event.depth + 1, b""), (0xFFFCFFFC, "OB", event.depth + 2, text)]
    before = seen(rewriting.walker, event)
    tag, vr, depth, _ = before
    if way > 1 or is_creator(tag) or tag == PIXEL_REPRESENTATION:  # others depend on them
        return [before]
    if way == 0:
        rewriting.remove()
        return []
    if vr not in ("", "SQ") and event[4] != UNDEFINED:
        rewriting.put(text)
        return [(tag, vr, depth, text)]
    return [before]


def test_what_is_recoded_can_be_walked_and_is_then_the_same() -> None:
    def check(each: Mutant) -> bool:
        target = (IMPLICIT, EXPLICIT)[each.seed % 2]
        with opened(each.data) as source:
            try:
                data = b"".join(recoded(Part10File(source).walk(), target))
            except InputError:
                return False
        again = recoded(Walker(MemorySource(data), 0, len(data), target), target)
        assert b"".join(again) == data
        return True

    over_all(check, 10)


def test_what_is_decoded_goes_round() -> None:
    def check(each: Mutant) -> bool:
        with opened(each.data) as source:
            try:
                file = Part10File(source)
                body, start, end = file.body()
                found = decode(body.read(start, end - start), file.encoding)
            except InputError:
                return False
        told(found)
        for encoding in (EXPLICIT, EXPLICIT_BIG, IMPLICIT):
            try:
                data = encode(found, encoding)
            except ValueError:
                continue
            assert encode(decode(data, encoding), encoding) == data
        return True

    over_all(check, 10)


def told(data_set: DataSet) -> None:
    """Ask for everything that can be asked of a data set in memory."""
    model_of(data_set)
    for tag, (_, value) in data_set.items():
        text(data_set, tag)
        for each in value if isinstance(value, list) else ():
            told(each)


def test_what_a_sender_needs_to_know_is_known_or_refused() -> None:
    def check(each: Mutant) -> bool:
        with opened(each.data) as source:
            try:
                found = inspect(Input("a"), source)
            except InputError:
                return False
            assert 0 <= found.offset <= found.offset + found.length <= source.size
            assert "" not in (found.sop_class_uid, found.sop_instance_uid, found.transfer_syntax_uid)
            return True

    over_all(check, 10)


def test_mutants_are_what_their_seed_makes() -> None:
    some = list(mutants(50))
    assert some[-1] == mutant(49)
    assert len({each.data for each in some}) == 50


# ---------------------------------------------------------------- what mutants have brought to light


def encapsulated(tag: int) -> bytes:
    return EVL.sequence(tag, EVL.item(), EVL.item(b"abcd"), undefined=True, vr="OB")


@pytest.mark.parametrize(
    "around", [b"", EVL.sequence(0x00081140, EVL.item())], ids=["alone", "after a sequence"]
)
def test_fragments_under_a_group_length_are_no_items(around: bytes) -> None:
    with pytest.raises(MalformedError, match="encapsulated pixel data has no place"):
        decode(around + encapsulated(0x7FE00000), EXPLICIT)


def test_fragments_under_a_group_length_go_alone() -> None:
    pixels, rest = EVL.element(0x7FE00010, "OB", b"ab"), EVL.element(0xFFFCFFFC, "OB", b"stay")
    with opened(part10(encapsulated(0x7FE00000) + pixels + rest)) as source:
        rewriting = Rewriting(Part10File(source))
        for event in rewriting:
            if not isinstance(event, Container) and event[0] == 0x7FE00010:
                rewriting.remove()
        done = b"".join(rewriting.splice().blocks())
    assert done.endswith(rest)
