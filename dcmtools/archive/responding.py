"""The identifiers of C-FIND responses, made of rows (PS3.4 C.4.1.1.3.2)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from dcmtools.encoding.dataset import DataSet, decode, encode, items
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET
from dcmtools.encoding.texts import raw_value
from dcmtools.encoding.values import NUMBERS
from dcmtools.encoding.writing import element, header, padding
from dcmtools.query.matching import items_chooser

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dcmtools.archive.columns import Column
    from dcmtools.archive.search import Cell, Search
    from dcmtools.encoding.dataset import Value
    from dcmtools.encoding.syntax import Encoding

_UTF_8: Final = b"ISO_IR 192"


class _Field(NamedTuple):
    """How an element of a response begins, up to a length of ``size`` bytes; its value, what pads it."""

    begin: bytes
    size: int
    raw: Callable[[str], bytes]
    padding: bytes


class Responses:
    """Makes the identifiers of the responses to a search, in one encoding.

    Most are ASCII throughout: of these, only values differ from one to the next. The others are in the
    Specific Character Set of the request where that has all their characters, else in UTF-8.
    """

    def __init__(self, search: Search, encoding: Encoding) -> None:
        """Prepare what all responses have in common."""
        self._search = search
        self._encoding = encoding
        asked = search.identifier.get(SPECIFIC_CHARACTER_SET, ("CS", b""))[1]
        self._charset = asked if isinstance(asked, bytes) else b""
        self._order: Literal["big", "little"] = "big" if encoding.big else "little"
        self._fields: list[_Field] = []
        self._choosers = {
            column.tag: items_chooser(items(search.identifier, column.tag))
            for column in search.columns
            if column.vr == "SQ"
        }
        self._prepare()

    def _prepare(self) -> None:
        """Put each constant before what follows it."""
        search, encoding = self._search, self._encoding
        columns = {column.tag: column for column in search.columns}
        before = b""
        for tag in sorted({*columns, *search.constants}):
            if tag in search.constants:
                vr, text = search.constants[tag]
                before += element(tag, vr, text.encode(), encoding)
                continue
            vr = columns[tag].vr
            begin, size = header(tag, vr, encoding)
            self._fields.append(_Field(before + begin, size, _writer(vr, encoding), padding(vr, 1)))
            before = b""
        self._end = before

    def of(self, row: Sequence[Cell]) -> tuple[bytes, bool]:
        """Return the identifier for a row of ``search.columns``, and whether it has all values.

        One is left empty that the encoding has no room for.
        """
        try:
            return self._plain(row), True
        except (UnicodeEncodeError, TypeError, OverflowError):  # not ASCII, a sequence, too long
            return self._any(row)

    def _plain(self, row: Sequence[Cell]) -> bytes:
        """Return the identifier for a row of ASCII; raise what ``of`` catches for another."""
        parts: list[bytes] = []
        for (begin, size, raw, pad), cell in zip(self._fields, row, strict=True):
            value = raw(cell) if cell else b""  # type: ignore[arg-type]  # of a sequence TypeError comes
            if len(value) & 1:
                value += pad
            parts += (begin, len(value).to_bytes(size, self._order), value)
        parts.append(self._end)
        return b"".join(parts)

    def _any(self, row: Sequence[Cell]) -> tuple[bytes, bool]:
        found = DataSet(_UTF_8)
        for tag, (vr, text) in self._search.constants.items():
            found[tag] = (vr, text.encode())
        for column, cell in zip(self._search.columns, row, strict=True):
            found[column.tag] = (column.vr, self._value(column, cell))
        try:
            return self._encoded(found), True
        except ValueError:
            for tag, (vr, value) in found.items():
                if not self._has_room(tag, vr, value):
                    found[tag] = (vr, b"")
            return self._encoded(found), False

    def _value(self, column: Column, cell: Cell) -> Value:
        if column.vr == "SQ":
            found = items(decode(cell, EXPLICIT), column.tag) if isinstance(cell, bytes) else []
            keys = items(self._search.identifier, column.tag)
            choose = self._choosers.get(column.tag)
            return [_asked(item, keys) for item in (choose(found) if choose else found)]
        return raw_value(column.vr, cell, "<", _UTF_8) if isinstance(cell, str) else b""

    def _encoded(self, found: DataSet) -> bytes:
        """Return the data set in the first character set that has all of its text."""
        for charset in (b"", self._charset):
            found[SPECIFIC_CHARACTER_SET] = ("CS", charset)
            if not charset:
                del found[SPECIFIC_CHARACTER_SET]
            try:
                return encode(found, self._encoding)
            except ValueError:
                continue
        found[SPECIFIC_CHARACTER_SET] = ("CS", _UTF_8)
        return encode(found, self._encoding)

    def _has_room(self, tag: int, vr: str, value: Value) -> bool:
        alone = DataSet(_UTF_8)
        alone.update({SPECIFIC_CHARACTER_SET: ("CS", _UTF_8), tag: (vr, value)})
        try:
            encode(alone, self._encoding)
        except ValueError:
            return False
        return True


def _writer(vr: str, encoding: Encoding) -> Callable[[str], bytes]:
    """Return what makes the bytes of a value of ``vr``, where it is ASCII."""
    if vr in NUMBERS:
        return lambda text: raw_value(vr, text, encoding.order, b"")
    return partial(str.encode, encoding="ascii")


def _asked(item: DataSet, keys: Sequence[DataSet]) -> DataSet:
    """Return the attributes of an item that a key's items have (C.2.2.2.6), all where one has none."""
    if not keys or not all(keys):
        return item
    asked = DataSet(item.charset)
    for key in keys:
        for tag in key.keys() & item.keys():
            vr, value = item[tag]
            within = items(key, tag)
            asked[tag] = (vr, [_asked(each, within) for each in value] if isinstance(value, list) else value)
    return asked
