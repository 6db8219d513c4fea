"""Elements set, replaced and erased by their paths, in one walk over the data set."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from dcmtools.editing.nested import Container, Rewriting
from dcmtools.encoding.charset import decoder_of, unpadded
from dcmtools.encoding.dataset import DataSet, meaning
from dcmtools.encoding.element import NO_STOP, UNDEFINED
from dcmtools.encoding.syntax import NATIVE, is_deflated
from dcmtools.encoding.tagpath import Step as PathStep
from dcmtools.encoding.tags import (
    ITEM,
    PIXEL_DATA,
    PIXEL_REPRESENTATION,
    SPECIFIC_CHARACTER_SET,
    format_tag,
    is_creator,
)
from dcmtools.encoding.values import BULK_VRS, effective_vr, swapped
from dcmtools.encoding.writing import item as encoded_item
from dcmtools.errors import InputError, MalformedError
from dcmtools.modifying.plan import Level, Plan, Sequence, bytes_of, is_last, new_bytes
from dcmtools.modifying.told import LONGEST, Alteration
from dcmtools.modifying.wanted import EVERY, UTF_8, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dcmtools.editing.pieces import Splice
    from dcmtools.encoding.element import Element
    from dcmtools.files.part10 import Part10File
    from dcmtools.modifying.plan import Cursor
    from dcmtools.modifying.told import Step, Told
    from dcmtools.modifying.wanted import Wanted

_BLOCKS: Final = range(0x10, 0x100)  # PS3.5 7.8.1
_SHORT: Final = 1024  # bytes of a value that is told, or kept
_MOST_ENCODED: Final = 1024


def step(wanted: Iterable[Wanted], *, private: bool = False, missing_ok: bool = False) -> Step:
    """Return the step that makes the edits ``wanted``; raise ValueError where they contradict each other."""
    return partial(edited, Plan(wanted, private=private, missing_ok=missing_ok))


def edited(plan: Plan, file: Part10File, told: Told) -> Splice | None:
    """Return the data set of ``file`` with the edits of ``plan``, and tell them; None if nothing changes.

    It is walked to its end. Raises InputError where a path is not clear or a value cannot be written, and
    MalformedError where the walk fails, or where an element that was put in stands there further on.
    """
    edits = _Edits(plan, file, told)
    for event in edits.rewriting:
        if isinstance(event, Container):
            edits.end(event)
        elif event[5] & 1:
            edits.item(event)
        else:
            edits.element(event)
    edits.check()
    return edits.rewriting.splice() if edits.changed else None


def _items(cursor: Cursor) -> list[int]:
    """Return the numbers of the items on the way: they are made in their order."""
    wanted, index = cursor
    return [step.item or 0 for step in wanted.steps[index:]]


class _Edits:
    """What is done at each event of a walk."""

    def __init__(self, plan: Plan, file: Part10File, told: Told) -> None:
        walker = plan.walks.again(file) if plan.only else None
        self.rewriting = Rewriting(file, shallow=plan.shallow, only=plan.only, walker=walker)
        self._is_new = bool(plan.only) and walker is None
        self.changed = False
        self._plan = plan
        self._file = file
        self._told = told
        self._encapsulates = file.encoding.explicit and not (
            file.transfer_syntax in NATIVE or is_deflated(file.transfer_syntax)
        )
        self._looks_within = plan.private or bool(plan.deep)
        self._found: set[int] = set()
        self._levels = [Level(plan.cursors, "", b"", signed=plan.signs)]
        self._wait()

    # ---------------------------------------------------------------- events

    def element(self, element: Element) -> None:
        """Do what is to be done where an element is met."""
        tag, vr, _, _, _, depth = element
        if depth >> 1 >= len(self._levels):  # nothing is about what is in there
            return
        level = self._levels[depth >> 1]
        level.sequence = None
        if level.pending:
            self._resolve(level, tag)
        if tag & 0x10000 and self._plan.private:
            self._tell(element, level, "erase")
            self.rewriting.remove()
            return
        self._learn(level, element)
        self._check_new(level, element)
        if level.due:
            self._insert_below(level, tag)
            self._wait()
        cursors = level.here.get(tag, [])
        finals = [wanted for wanted, index in cursors if is_last(wanted, index)]
        if finals:
            self._change(level, element, finals)
        elif vr == "SQ" and (cursors or self._looks_within):
            level.sequence = Sequence(tag, cursors)
        elif any(wanted.makes(index) for wanted, index in cursors):
            raise InputError(f"{level.path}{format_tag(tag)} is no sequence")

    def _check_new(self, level: Level, element: Element) -> None:
        """Raise MalformedError where something was put in that ``element`` contradicts."""
        tag, what = element[0], ""
        if tag in level.inserted:
            what = "stands behind a higher tag; only data sets in the order of their tags are added to"
        elif tag & 0xFFFFFF00 in level.reserved:
            what = "stands in a private block that nobody has reserved; others cannot be put there"
        if what:
            raise MalformedError(what, offset=element[2], path=f"{level.path}{format_tag(tag)}")

    def item(self, element: Element) -> None:
        """Do what is to be done where an item is met."""
        tag, _, _, _, _, depth = element
        above = self._levels[depth >> 1] if depth >> 1 < len(self._levels) else None
        if tag != ITEM or above is None or above.sequence is None:  # a fragment, or of nobody's interest
            return
        sequence, number = above.sequence, above.sequence.items
        sequence.items += 1
        within: list[Cursor] = []
        path = f"{above.path}{format_tag(sequence.tag)}[{number}]"
        for wanted, index in sequence.cursors:
            step = wanted.steps[index]
            if step.item is None and number and not wanted.deep:
                message = f"{wanted.path}: there are several items: say which, as in [0], or [*] for each"
                raise InputError(message)
            if step.item in (None, number, EVERY):
                if index == len(wanted.steps) - 1:
                    self._mark([wanted])
                    self._told.append(Alteration(path, "erase", "item"))
                    self.changed = True
                    self.rewriting.remove()
                    return
                within.append((wanted, index + 1))
        charset, signed = above.charset, above.signed
        self._levels.append(Level([*self._plan.deep, *within], f"{path}.", charset, signed=signed))

    def end(self, container: Container) -> None:
        """Put in what is missing where a sequence, an item or the data set ends."""
        depth = container.depth
        if depth & 1:
            if len(self._levels) == (depth >> 1) + 2:
                level = self._levels[-1]
                self._resolve(level, EVERY)
                self._insert_below(level, EVERY)
                if depth > 0:
                    self._levels.pop()
        elif depth >> 1 < len(self._levels):
            level = self._levels[depth >> 1]
            if level.sequence:
                self._add_items(level, level.sequence)

    def check(self) -> None:
        """Raise InputError where something is not there that was to be replaced, the walk being over."""
        if self._is_new:
            self._plan.walks.learn(self._file)
        for wanted in self._plan.wanted:
            if wanted.kind == "replace" and not self._plan.missing_ok and id(wanted) not in self._found:
                hint = "--missing skip goes on without, --set puts in what is not there"
                raise InputError(f"{wanted.path} is not there to be replaced", hint=hint)

    def _wait(self) -> None:
        """Have the walk stop at the next element in front of which something may have to be put in."""
        top = self._levels[0]
        self.rewriting.until = top.due[-1] if top.due else NO_STOP

    # ---------------------------------------------------------------- what is there

    def _learn(self, level: Level, element: Element) -> None:
        """Take note of what says how the rest of the data set is to be read."""
        tag, vr, _, value, length, _ = element
        if tag == SPECIFIC_CHARACTER_SET:
            level.charset = self.rewriting.walker.value(value, min(length, _SHORT))
        elif tag == PIXEL_REPRESENTATION and (level.path or self._plan.signs is None) and vr == "US":
            level.signed = any(self.rewriting.walker.value(value, min(length, 2)))
        elif is_creator(tag) and vr != "SQ":
            name = unpadded(self.rewriting.walker.value(value, min(length, 64)))
            level.creators[tag & 0xFFFF0000 | (tag & 0xFF) << 8] = name

    def _change(self, level: Level, element: Element, finals: list[Wanted]) -> None:
        """Do with an element what the last of ``finals`` says."""
        tag, vr, at, value, length, _ = element
        wanted = finals[-1]
        self._mark(finals)
        if wanted.given is None:
            self._tell(element, level, "erase")
        else:
            path = f"{level.path}{format_tag(tag)}"
            self._check_pixels(tag, path, wanted, encapsulated=length == UNDEFINED)
            new = self._alone(level, path, tag, vr, wanted)
            walker = self.rewriting.walker
            if length != UNDEFINED and len(new) == value + length - at and walker.value(at, len(new)) == new:
                return
            self._tell(element, level, "set", str(wanted.given))
            self.rewriting.insert(new)
        self.rewriting.remove()

    def _tell(self, element: Element, level: Level, what: str, new: str = "") -> None:
        self.changed = True
        path = f"{level.path}{format_tag(element[0])}"
        self._told.append(Alteration(path, what, self._text_of(element, level), new))

    def _text_of(self, element: Element, level: Level) -> str:
        """Return the value of an element for people."""
        tag, vr, _, value, length, _ = element
        if vr == "SQ" or length == UNDEFINED:
            return "sequence" if vr == "SQ" else "encapsulated pixel data"
        walker = self.rewriting.walker
        if effective_vr(tag, vr) in BULK_VRS:
            return f"{length} byte{'' if length == 1 else 's'}"
        raw = walker.value(value, min(length, 4 * LONGEST))
        try:
            raw = swapped(vr, raw) if walker.order == ">" else raw
        except ValueError:
            return f"{length} bytes"
        return "\\".join(meaning(tag, vr, raw, decoder_of(level.charset)))

    def _check_pixels(self, tag: int, path: str, wanted: Wanted, *, encapsulated: bool) -> None:
        """Raise InputError where a value would stand in the place of encapsulated pixel data."""
        if encapsulated and tag == PIXEL_DATA and str(wanted.given):
            message = f"{path}: pixel data is encapsulated in this transfer syntax, and not set"
            raise InputError(message, hint="'dcmtools decompress' makes it native")

    def _mark(self, wanted: Iterable[Wanted]) -> None:
        self._found.update(map(id, wanted))

    # ---------------------------------------------------------------- what is missing

    def _resolve(self, level: Level, tag: int) -> None:
        """Find the blocks of private elements of groups whose creators all stand in front of ``tag``."""
        while level.pending:
            wanted, index = cursor = level.pending[-1]
            place = wanted.steps[index]
            if tag <= place.tag & 0xFFFF0000 | 0xFF:
                return
            level.pending.pop()
            group = place.tag & 0xFFFF0000
            blocks = [
                block
                for block, name in level.creators.items()
                if name == place.creator and block & 0xFFFF0000 == group
            ]
            if not blocks and wanted.makes(index):
                blocks = [self._reserve(level, group, place.creator)]
            for block in blocks:
                level.expect(block | place.tag & 0xFF, cursor)

    def _reserve(self, level: Level, group: int, creator: str) -> int:
        """Put in a private creator behind those of its group, and return its block."""
        last = max((block for block in level.creators if block & 0xFFFF0000 == group), default=group | 0x0F00)
        block = last + 0x100
        if block >> 8 & 0xFF not in _BLOCKS or block & 0xFFFF0000 != group:
            raise InputError(f"no private block of group {group >> 16:04x} is free for {creator}")
        tag = group | (block >> 8 & 0xFF)
        self._insert_below(level, tag)
        path = f"{level.path}{format_tag(tag)}"
        data_set = DataSet(UTF_8)
        data_set[tag] = ("LO", creator.encode())
        self._put_in(level, tag, bytes_of(data_set, path, level, self.rewriting.levels[-1].encoding))
        self._told.append(Alteration(path, "insert", "", creator))
        level.creators[block] = creator
        level.reserved.add(block)
        return block

    def _insert_below(self, level: Level, tag: int) -> None:
        """Put in what is due in front of ``tag``, which is there itself."""
        while level.due and level.due[-1] <= tag:
            missing = level.due.pop()
            if missing < tag:
                self._insert(level, missing)

    def _insert(self, level: Level, tag: int) -> None:
        made = [(wanted, index) for wanted, index in level.here[tag] if wanted.makes(index)]
        finals = [cursor for cursor in made if is_last(*cursor)]
        made = finals[-1:] or sorted(made, key=_items)
        paths = []
        for wanted, index in made:
            first, *rest = wanted.steps[index:]
            paths.append((PathStep(tag, "", first.item), *rest))
            self._told.append(Alteration(f"{level.path}{shown(paths[-1])}", "insert", "", str(wanted.given)))
        path = f"{level.path}{format_tag(tag)}"
        wanteds = [wanted for wanted, _ in made]
        self._check_pixels(tag, path, wanteds[0], encapsulated=not level.path and self._encapsulates)
        self._mark(wanteds)
        self._put_in(level, tag, self._encoded(level, path, paths, wanteds))

    def _put_in(self, level: Level, tag: int, new: bytes) -> None:
        self.changed = True
        level.inserted.add(tag)
        self.rewriting.insert(new)

    def _add_items(self, level: Level, sequence: Sequence) -> None:
        """Put items behind those that are there."""
        missing: dict[int, list[Cursor]] = {}
        for wanted, index in sequence.cursors:
            number = wanted.steps[index].item or 0
            if wanted.makes(index) and number >= sequence.items:
                missing.setdefault(number, []).append((wanted, index))
        encoding = self.rewriting.levels[-1].encoding
        for number, cursors in sorted(missing.items()):
            path = f"{level.path}{format_tag(sequence.tag)}[{number}]"
            if number > sequence.items:
                message = f"{path}: there are {sequence.items} items, so there is no item {number} yet"
                raise InputError(message)
            paths = [wanted.steps[index + 1 :] for wanted, index in cursors]
            for (wanted, _), steps in zip(cursors, paths, strict=True):
                self._told.append(Alteration(f"{path}.{shown(steps)}", "insert", "", str(wanted.given)))
            wanteds = [wanted for wanted, _ in cursors]
            self._mark(wanteds)
            body = self._encoded(level, path, paths, wanteds)
            self.changed = True
            self.rewriting.insert(encoded_item(body, encoding))
            sequence.items += 1

    def _encoded(
        self, level: Level, path: str, paths: list[tuple[PathStep, ...]], wanted: list[Wanted], vr: str = ""
    ) -> bytes:
        """Return what comes of ``wanted`` put at ``paths`` where nothing is, in the encoding in hand."""
        return new_bytes(path, paths, wanted, vr, level, self.rewriting.levels[-1].encoding)

    def _alone(self, level: Level, path: str, tag: int, vr: str, wanted: Wanted) -> bytes:
        """Return the element ``tag`` with the value that is ``wanted`` in the place of one of ``vr``."""
        encoding = self.rewriting.levels[-1].encoding
        key = id(wanted), tag, vr, level.signed, level.charset, encoding
        new = self._plan.encoded.get(key)
        if new is None:
            new = self._encoded(level, path, [(PathStep(tag, "", None),)], [wanted], vr)
            if len(self._plan.encoded) < _MOST_ENCODED and len(new) <= _SHORT:
                self._plan.encoded[key] = new
        return new
