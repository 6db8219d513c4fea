"""The Directory Record Sequence of a DICOMDIR, read in one walk (PS3.3 F.3.2.2)."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, overload

from dcmtools.encoding.charset import unpadded
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tags import ITEM, ITEM_DELIMITER
from dcmtools.errors import InputError
from dcmtools.files.file_ids import from_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dcmtools.encoding.element import Element
    from dcmtools.encoding.walker import Walker
    from dcmtools.files.file_ids import FileID

MAX_RECORDS: Final = 1_000_000
RECORD_SEQUENCE: Final = 0x00041220
NEXT: Final = 0x00041400
IN_USE: Final = 0x00041410
LOWER: Final = 0x00041420
TYPE: Final = 0x00041430
FILE_ID: Final = 0x00041500
SHARED: Final = 0x00041504
SOP_CLASS: Final = 0x00041510
SOP_INSTANCE: Final = 0x00041511
TRANSFER_SYNTAX: Final = 0x00041512
NEEDED: Final = (NEXT, IN_USE, LOWER, TYPE)
_NEEDED: Final = frozenset(NEEDED)
_ALL: Final = (1 << len(NEEDED)) - 1
_LONGEST: Final = 1024  # bytes of a value: a File ID has at most 71


class Record(NamedTuple):
    """One item of the Directory Record Sequence, as it is written (PS3.3 F.3.2.2).

    ``offset`` is where its item begins, ``end`` where that ends, in bytes from the beginning of the file as
    PS3.3 F.2.2.2 counts them, ``body_end`` where its elements end; ``number`` is its place among the items,
    from 0. ``next`` and ``lower`` are (0004,1400) and (0004,1420), 0 for none; ``shared`` is (0004,1504),
    which leads to a multi-referenced record (retired) that names the file in its place. What it says of its
    file is empty where it names none, and is not checked. ``missing`` are the tags that it has to have, and
    has not.
    """

    number: int
    offset: int
    end: int
    body_end: int
    type: str
    in_use: bool
    next: int
    lower: int
    shared: int
    file_id: FileID
    sop_class: str
    sop_instance: str
    transfer_syntax: str
    missing: tuple[int, ...] = ()


class _Words:
    """Texts that stand many times, each kept once."""

    def __init__(self) -> None:
        self.texts = [""]
        self._known = {b"": 0}

    def number(self, raw: bytes) -> int:
        """Return the number of the text that ``raw`` is."""
        known = self._known.get(raw)
        if known is None:
            known = self._known[raw] = len(self.texts)
            self.texts.append(unpadded(raw))
        return known


class Records(Sequence[Record]):
    """All records in the order of the file, in about 200 bytes of memory each.

    ``offsets``, ``nexts`` and ``lowers`` are those of the records by number.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.offsets = array("Q")
        self.nexts = array("I")
        self.lowers = array("I")
        self.flags = array("I")
        self._ends = array("Q")
        self._delimited = bytearray()
        self._has = bytearray()
        self._types = array("I")
        self._classes = array("I")
        self._syntaxes = array("I")
        self._file_ids: list[bytes] = []
        self._instances: list[bytes] = []
        self._shared: dict[int, int] = {}
        self._words = _Words()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.offsets)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        """Return one record, or some."""
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        own = self._named_by(number)
        words = self._words.texts
        end = self._ends[number]
        return Record(
            number,
            self.offsets[number],
            end,
            end - 8 if self._delimited[number] else end,
            self.type(number),
            self.in_use(number),
            self.nexts[number],
            self.lowers[number],
            self._shared.get(number, 0),
            from_value(self._file_ids[own]),
            words[self._classes[own]],
            unpadded(self._instances[own]),
            words[self._syntaxes[own]],
            self.missing(number),
        )

    def _named_by(self, number: int) -> int:
        """Return the record that names the file of a record: itself, or a multi-referenced one (F.5.27)."""
        if self._file_ids[number] or not (shared := self._shared.get(number, 0)):
            return number
        found = self.at(shared)
        return number if found is None else found

    def at(self, offset: int) -> int | None:
        """Return the number of the record that begins at ``offset``; None where none does."""
        number = bisect_left(self.offsets, offset)
        return number if number < len(self.offsets) and self.offsets[number] == offset else None

    def type(self, number: int) -> str:
        """Return the Directory Record Type of a record, empty where it has none."""
        return self._words.texts[self._types[number]]

    def in_use(self, number: int) -> bool:
        """Tell whether a record is in use."""
        return self.flags[number] != 0

    def names_file(self, number: int) -> bool:
        """Tell whether a record has a File ID, be it that of a multi-referenced record."""
        return bool(self._file_ids[number]) or number in self._shared

    def missing(self, number: int) -> tuple[int, ...]:
        """Return the tags that a record has to have, and has not."""
        has = self._has[number]
        return () if has == _ALL else tuple(tag for bit, tag in enumerate(NEEDED) if not has >> bit & 1)

    @property
    def shared(self) -> dict[int, int]:
        """By number the offsets (0004,1504) of those records that have one."""
        return self._shared

    def append(self, offset: int, held: Mapping[int, bytes], order: str) -> None:
        """Append a record whose item begins at ``offset``, with those of its elements that count here."""
        get = held.get
        self.offsets.append(offset)
        self._ends.append(0)
        self._delimited.append(0)
        self.nexts.append(unsigned(get(NEXT, b""), order))
        self.lowers.append(unsigned(get(LOWER, b""), order))
        self.flags.append(unsigned(get(IN_USE, b""), order, 0xFFFF))
        self._types.append(self._words.number(get(TYPE, b"")))
        self._classes.append(self._words.number(get(SOP_CLASS, b"")))
        self._syntaxes.append(self._words.number(get(TRANSFER_SYNTAX, b"")))
        self._file_ids.append(get(FILE_ID, b""))
        self._instances.append(get(SOP_INSTANCE, b""))
        self._has.append(_ALL if held.keys() >= _NEEDED else self._bits(held))
        if shared := unsigned(get(SHARED, b""), order):
            self._shared[len(self) - 1] = shared

    @staticmethod
    def _bits(held: Mapping[int, bytes]) -> int:
        return sum(1 << bit for bit, tag in enumerate(NEEDED) if tag in held)

    def finish(self, end: int, *, delimited: bool = False) -> None:
        """Say where the last record ends."""
        self._ends[-1] = end
        self._delimited[-1] = delimited


_TAKEN: Final = frozenset(
    {NEXT, IN_USE, LOWER, TYPE, FILE_ID, SHARED, SOP_CLASS, SOP_INSTANCE, TRANSFER_SYNTAX}
)


def unsigned(raw: bytes, order: str, otherwise: int = 0) -> int:
    """Return the unsigned number of 16 or 32 bits that ``raw`` is; ``otherwise`` where it is none."""
    return int.from_bytes(raw, "big" if order == ">" else "little") if len(raw) in (2, 4) else otherwise


def read_records(walker: Walker, base: int) -> tuple[Records, dict[int, bytes]]:
    """Return the records of the DICOMDIR that ``walker`` walks, and the other elements of its data set.

    ``base`` is added to all offsets. The other elements are those of at most 1024 bytes, in little endian or
    not as the file has them. Raises InputError where there are too many records, and what the walk raises.
    """
    reading = _Reading(base)
    while elements := walker.read():
        reading.take(elements, walker)
    reading.end(walker.position, walker.order)
    return reading.records, reading.others


class _Reading:
    def __init__(self, base: int) -> None:
        self.records = Records()
        self.others: dict[int, bytes] = {}
        self._base = base
        self._within = False  # the Directory Record Sequence
        self._offset = 0
        self._end = 0  # of the item in hand, 0 where that is not known yet
        self._held: dict[int, bytes] | None = None

    def take(self, elements: Iterable[Element], walker: Walker) -> None:
        data, base, order = walker.data, walker.base, walker.order
        held = self._held
        for tag, vr, offset, start, length, depth in elements:
            if depth == 2:
                if tag in _TAKEN and held is not None and length <= _LONGEST:
                    value = data[start - base : start - base + length]
                    held[tag] = value if len(value) == length else walker.value(start, length)
            elif depth == 1:
                if tag == ITEM and self._within:
                    self.end(offset, order)
                    held = self._held = {}
                    self._offset, self._end = offset, 0 if length == UNDEFINED else start + length
                elif tag == ITEM_DELIMITER and held is not None:
                    self.end(start, order, delimited=True)
                    held = None
            elif depth == 0:
                self.end(offset, order)
                held = None
                self._within = tag == RECORD_SEQUENCE and vr == "SQ"
                if vr not in ("", "SQ") and length <= _LONGEST:
                    self.others[tag] = walker.value(start, length)

    def end(self, offset: int, order: str, *, delimited: bool = False) -> None:
        """End the record in hand, if there is one, at ``offset`` unless it said itself where."""
        if self._held is None:
            return
        if len(self.records) == MAX_RECORDS:
            message = f"it has more than {MAX_RECORDS} directory records, which is more than is read"
            raise InputError(message)
        self.records.append(self._base + self._offset, self._held, order)
        self.records.finish(self._base + (self._end or offset), delimited=delimited)
        self._held = None
