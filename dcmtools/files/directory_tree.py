"""What belongs to what on a medium: the records of a DICOMDIR as a tree (PS3.3 F.2, F.4).

Offsets say so. Where they lead nowhere, lead around, or leave records out, the order of the records in the
file and their types do, as writers put down what belongs together one after the other.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from dcmtools.files.directory_records import Records

MAX_DEPTH: Final = 16
MAX_PROBLEMS: Final = 1000
NONE: Final = -1
PRIVATE: Final = "PRIVATE"
MULTI_REFERENCED: Final = "MRDR"
INSTANCE: Final = 3
# How far below the root a record of a type stands (F.4), retired types among them; all others name instances.
_LEVELS: Final = {
    **dict.fromkeys(
        (
            "PATIENT", "HANGING PROTOCOL", "PALETTE", "IMPLANT", "IMPLANT ASSY", "IMPLANT GROUP",
            "INVENTORY", "TOPIC", "PRINT QUEUE",
        ),
        0,
    ),
    **dict.fromkeys(("STUDY", "HL7 STRUC DOC", "FILM SESSION"), 1),
    **dict.fromkeys(("SERIES", "VISIT", "RESULTS", "STUDY COMPONENT", "FILM BOX"), 2),
}  # fmt: skip


# Types, retired ones among them, whose records need not name a file.
_WITHOUT_FILES: Final = frozenset((
    "PATIENT", "STUDY", "SERIES", "PRIVATE", "MRDR", "TOPIC", "PRINT QUEUE", "FILM SESSION", "FILM BOX",
    "VISIT", "RESULTS", "STUDY COMPONENT", "INTERPRETATION", "IMAGE BOX", "HL7 STRUC DOC", "",
))  # fmt: skip


def needs_file(record_type: str) -> bool:
    """Tell whether a record of ``record_type`` is about a file."""
    return record_type not in _WITHOUT_FILES


def level_of(record_type: str) -> int:
    """Return how many records are above one of ``record_type``: 0 for a PATIENT, 3 for an instance."""
    return _LEVELS.get(record_type, INSTANCE)


class DirectoryProblem(NamedTuple):
    """What is wrong with a DICOMDIR that is read all the same.

    ``kind`` is a stable word, ``offset`` where it is in the file, ``number`` that of the record, -1 for none.
    """

    kind: str
    offset: int
    number: int
    message: str


class Problems:
    """The first problems, and how many there are beyond these."""

    def __init__(self) -> None:
        """Begin with none."""
        self.found: list[DirectoryProblem] = []
        self.more = 0

    def note(self, kind: str, offset: int, number: int, message: str) -> None:
        """Take note of one."""
        if len(self.found) < MAX_PROBLEMS:
            self.found.append(DirectoryProblem(kind, offset, number, message))
        else:
            self.more += 1


class Tree:
    """Which records are below which, by their numbers; the root has the number that is that of no record.

    ``inactive`` are those that are not in use, and whatever is below these.
    """

    def __init__(self, records: Records) -> None:
        """Begin with all records in no place."""
        count = len(records)
        self.root = count
        self.parent = array("i", [NONE]) * (count + 1)
        self.inactive = bytearray(count + 1)
        self._first = array("i", [NONE]) * (count + 1)
        self._last = array("i", [NONE]) * (count + 1)
        self._next = array("i", [NONE]) * (count + 1)

    def children(self, number: int) -> list[int]:
        """Return the numbers of the records just below a record, or the root."""
        found = []
        child = self._first[number]
        while child != NONE:
            found.append(child)
            child = self._next[child]
        return found

    def has_children(self, number: int) -> bool:
        """Tell whether a record has any below it."""
        return self._first[number] != NONE

    def append(self, parent: int, number: int) -> None:
        """Put a record last below ``parent``."""
        self.parent[number] = parent
        if self._last[parent] == NONE:
            self._first[parent] = number
        else:
            self._next[self._last[parent]] = number
        self._last[parent] = number

    def depth(self, number: int) -> int:
        """Return how many records are above this one."""
        depth = 0
        while (number := self.parent[number]) not in (NONE, self.root):
            depth += 1
        return depth


def built(records: Records, first: int, problems: Problems) -> Tree:
    """Return the tree whose first record is at the offset ``first``; what had to be repaired is noted."""
    builder = _Builder(records, problems)
    shift = builder.shift(first)
    builder.follow(first, shift)
    builder.adopt()
    return builder.tree


class _Builder:
    def __init__(self, records: Records, problems: Problems) -> None:
        self.records = records
        self.problems = problems
        self.tree = Tree(records)
        self._shift = 0
        self._broken = bytearray(len(records))  # those whose lower level could not be found
        self._none = False  # no record has an offset: that is one fault, not one of each
        numbers = range(len(records))
        self._level = bytearray(map(level_of, map(records.type, numbers)))
        self._top = min(self._level, default=0)
        self._anywhere = bytearray(map(self._can_be_anywhere, numbers))

    def _can_be_anywhere(self, number: int) -> bool:
        """Tell whether a record is private, or of a type that does not say where it belongs."""
        if self._level[number] != INSTANCE:
            return False
        return self.records.type(number) == PRIVATE or not self.records.names_file(number)

    def shift(self, first: int) -> int:
        """Return by how much all offsets are too small, where that is so of all of them; else 0."""
        records = self.records
        if not first or not records or records.at(first) is not None:
            return 0
        links = {first, *records.nexts, *records.lowers} - {0}
        shift = records.offsets[0] - min(links)
        if any(records.at(link + shift) is None for link in links):
            return 0
        what = f"{abs(shift)} bytes too {'small' if shift > 0 else 'large'}"
        self.problems.note("offsets", 0, NONE, f"all offsets of records are {what}")
        return shift

    def follow(self, first: int, shift: int) -> None:
        """Put the records in their places as far as offsets lead."""
        records, root = self.records, self.tree.root
        self._shift = shift
        if not records:
            return
        if len(records) > 1 and not any(records.nexts) and not any(records.lowers):
            self._none = True
            self.problems.note("offsets", 0, NONE, "there are no offsets of records")
            return
        found = records.at(first + shift) if first else None
        if found is None:
            why = f"offset {first}, where no record begins" if first else "none"
            self.problems.note("first", 0, NONE, f"the first record of the root is said to be at {why}")
        elif self._fits(found, root, NONE, NONE):
            self._chains(found, root)

    def _chains(self, number: int, parent: int) -> None:
        """Put ``number`` and those that follow it below ``parent``, and all that is below these."""
        pending = self._siblings(number, parent)[::-1]
        while pending:
            above = pending.pop()
            head = self._lower(above)
            if head is not None:
                pending += self._siblings(head, above)[::-1]

    def _siblings(self, head: int, parent: int) -> list[int]:
        """Put ``head`` and those that follow it below ``parent``; return them."""
        found = [head]
        self._place(head, parent)
        while offset := self.records.nexts[found[-1]]:
            following = self._linked(found[-1], offset, "next")
            if following is None or not self._fits(following, parent, found[-1], found[-1]):
                break
            found.append(following)
            self._place(following, parent)
        return found

    def _place(self, number: int, parent: int) -> None:
        tree = self.tree
        tree.inactive[number] = tree.inactive[parent] or not self.records.in_use(number)
        tree.append(parent, number)

    def _lower(self, number: int) -> int | None:
        """Return the first record below ``number`` as its offset says, None where there is none."""
        offset = self.records.lowers[number]
        if not offset:
            return None
        found = self._linked(number, offset, "lower")
        if found is not None and self._fits(found, number, NONE, number):
            return found
        self._broken[number] = 1
        return None

    def _linked(self, number: int, offset: int, which: str) -> int | None:
        found = self.records.at(offset + self._shift)
        if found is None:
            self._note(which, number, f"leads to offset {offset}, where no record begins")
        return found

    def _fits(self, number: int, parent: int, sibling: int, source: int) -> bool:
        """Tell whether ``number`` can stand below ``parent``, behind ``sibling``, where ``source`` has it."""
        records, tree, level = self.records, self.tree, self._level
        which = "next" if sibling != NONE else "lower"
        what = f"leads to record {number}"
        if tree.parent[number] != NONE:
            kind = "loop" if self._is_around(number, parent) else "crossed"
            why = ", which leads back to it" if kind == "loop" else ", which has its place elsewhere"
            self._note(which, source, what + why, kind)
            return False
        if self._anywhere[number] or (source != NONE and self._anywhere[source]):
            fits = True
        elif sibling != NONE:
            fits = level[number] == level[sibling]
        elif parent == tree.root:
            fits = level[number] == self._top
        else:
            fits = level[number] > level[parent]
        if not fits:
            why = f"which as {records.type(number)[:40]} does not belong there"
            self._note(which, source, f"{what}, {why}", "level")
            return False
        if sibling == NONE and parent != tree.root and tree.depth(parent) >= MAX_DEPTH:
            self._note(which, source, f"{what}, which is deeper than {MAX_DEPTH} records", "deep")
            return False
        return True

    def _is_around(self, number: int, parent: int) -> bool:
        """Tell whether a record is below ``parent``, or above what is there."""
        if self.tree.parent[number] == parent:
            return True
        while parent not in (NONE, self.tree.root):
            if parent == number:
                return True
            parent = self.tree.parent[parent]
        return False

    def _note(self, which: str, number: int, what: str, kind: str = "nowhere") -> None:
        if number == NONE:
            self.problems.note(kind, 0, NONE, f"the offset of the first record of the root {what}")
            return
        name = "the next record" if which == "next" else "the lower level"
        message = f"{self._named(number)}: its offset of {name} {what}"
        self.problems.note(kind, self.records.offsets[number], number, message)

    def _named(self, number: int) -> str:
        return f"record {number} ({self.records.type(number)[:40]})"

    # ------------------------------------------------------------ what offsets leave out

    def adopt(self) -> None:
        """Put the records to which no offset leads where their order and types have them."""
        left = self._left_out()
        if not left:
            return
        for numbers in (left - self._targets(left), left):
            for level in sorted({self._level[number] for number in numbers}):
                self._adopt_level(numbers, level)

    def _left_out(self) -> set[int]:
        parent, records = self.tree.parent, self.records
        return {
            number
            for number in range(len(records))
            if parent[number] == NONE and records.type(number) != MULTI_REFERENCED
        }

    def _targets(self, left: set[int]) -> set[int]:
        """Return those of ``left`` to which others of them lead, as which they will come to their places."""
        records, targets = self.records, set()
        for number in left:
            for offset in (records.nexts[number], records.lowers[number]):
                if offset and (found := records.at(offset + self._shift)) is not None and found != number:
                    targets.add(found)
        return targets

    def _adopt_level(self, numbers: set[int], level: int) -> None:
        """Place those of ``numbers`` on a ``level``, going through the file with the last record of each."""
        levels, parents = self._level, self.tree.parent
        latest = [NONE] * (INSTANCE + 1)
        broken = NONE
        for number, own in enumerate(levels):
            if own == level and parents[number] == NONE and number in numbers:
                parent = self._parent_for(number, latest, broken)
                self._note_left_out(number, parent)
                self._chains(number, parent)
            if parents[number] != NONE:  # what has no place yet is none for others
                latest[own] = number
            if own < level and self._broken[number]:
                broken = number

    def _parent_for(self, number: int, latest: list[int], broken: int) -> int:
        """Return the record that ``number`` belongs to, by what comes before it in the file."""
        level, tree = self._level[number], self.tree
        above = max(latest[:level], default=NONE)
        if self._anywhere[number] and not self.records.names_file(number):
            return tree.root
        if broken != NONE and tree.parent[broken] != NONE and not tree.has_children(broken):
            return broken
        if latest[level] > above and tree.parent[latest[level]] != NONE:
            return tree.parent[latest[level]]
        return tree.root if above == NONE else above

    def _note_left_out(self, number: int, parent: int) -> None:
        records, tree = self.records, self.tree
        if self._none or not records.in_use(number) or tree.inactive[parent]:
            return
        place = "at the root" if parent == tree.root else f"below {self._named(parent)}"
        what = f"{self._named(number)}: no offset leads to it; it is taken to belong {place}"
        self.problems.note("orphan", records.offsets[number], number, what)
