"""What the index holds of an instance, out of its file."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dcmtools.archive.attributes import ATTRIBUTES
from dcmtools.archive.opening import open_below
from dcmtools.archive.schema import stamp
from dcmtools.encoding import dataset
from dcmtools.encoding.charset import DEFAULT, decoder_of, unpadded
from dcmtools.encoding.element import NO_STOP, UNDEFINED
from dcmtools.encoding.faults import WalkError
from dcmtools.encoding.syntax import EXPLICIT, is_deflated
from dcmtools.encoding.tags import (
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    STUDY_INSTANCE_UID,
)
from dcmtools.encoding.values import NUMBERS, numbers, show_number, texts
from dcmtools.encoding.walker import Walker
from dcmtools.encoding.writing import element
from dcmtools.errors import InputError
from dcmtools.files.deflate import inflate_head
from dcmtools.files.part10 import Part10File
from dcmtools.query.matching import folded_name
from dcmtools.query.models import LEVELS, Level

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dcmtools.archive.attributes import Attribute
    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.dataset import DataSet

    Raw = dict[int, bytes]
    Cell = str | bytes | int | None

LONGEST: Final = 64 * 1024
"""A value of more bytes is not held."""
_MOST: Final = 500_000  # elements looked at, in a data set that may be hostile
_UPPER: Final = tuple([each.tag for level in LEVELS[:-1] for each in ATTRIBUTES[level]])
_HELD: Final = {each.tag: each for level in LEVELS for each in ATTRIBUTES[level]}
_SEQUENCES: Final = frozenset([tag for tag, each in _HELD.items() if each.vr == "SQ"])
_WANTED: Final = frozenset((SPECIFIC_CHARACTER_SET, *_HELD))
_STOP: Final = max(_WANTED) + 1
# What tells rows apart, or is always there: empty where it is absent.
_NEVER_NULL: Final = frozenset(
    (PATIENT_ID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID, SOP_CLASS_UID)
)
_CHARSET: Final = ("CS", b"ISO_IR 192")


class Description:
    """The values of an instance, decoded when they are asked for."""

    __slots__ = ("_decode", "_encoding", "_raw", "file", "upper")

    def __init__(self, file: Part10File, raw: Raw) -> None:
        """Hold the values ``raw`` by their tags, of sequences the whole elements."""
        _, _, size, mtime_ns = file.source.identity
        self.file = (file.transfer_syntax, size, stamp(mtime_ns))
        """What stands in the columns that the archive itself fills, behind the path."""
        self._raw = raw
        self._encoding = file.encoding
        charset = raw.get(SPECIFIC_CHARACTER_SET)
        self._decode: Decoder = DEFAULT if charset is None else decoder_of(charset)
        get = raw.get
        self.upper: Hashable = (file.encoding, charset, *[get(tag) for tag in _UPPER])
        """What the rows above the instance are made of: the same for two instances, the same rows."""

    def values(self, level: Level) -> list[Cell]:
        """Return what the columns for the attributes of ``level`` hold, in their order."""
        row: list[Cell] = []
        raw = self._raw
        for attribute in ATTRIBUTES[level]:
            value = raw.get(attribute.tag)
            cell = self._cell(attribute, value) if value else None
            row.append("" if cell is None and attribute.tag in _NEVER_NULL else cell)
            if attribute.vr == "PN":
                row.append(folded_name(cell) if isinstance(cell, str) else None)
        return row

    def _cell(self, attribute: Attribute, raw: bytes) -> Cell:
        vr = attribute.vr
        if vr == "SQ":
            return self._sequence(attribute.tag, raw)
        if vr in NUMBERS:
            found = [show_number(vr, number) for number in numbers(vr, raw, self._encoding.order)]
        else:
            found = texts(vr, raw, self._decode)
        text = "\\".join(found)
        if not text.isascii():  # what is not text in its character set cannot be stored as such
            text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return text or None

    def _sequence(self, tag: int, raw: bytes) -> bytes | None:
        """Return a data set with the sequence of which ``raw`` is the element; None for what is none."""
        charset = self._raw.get(SPECIFIC_CHARACTER_SET, b"")
        around = element(SPECIFIC_CHARACTER_SET, "CS", charset, self._encoding)
        try:
            found = dataset.decode(around + raw, self._encoding)
            if not dataset.items(found, tag):
                return None
            _forget_charsets(found)
            found[SPECIFIC_CHARACTER_SET] = _CHARSET
            return dataset.encode(found, EXPLICIT)
        except (InputError, ValueError):
            return None


def described(root: int, path: str) -> Description:
    """Return what the index holds of the instance at ``path`` below the folder that is open as ``root``.

    A data set that is broken behind its UIDs is described by what stands before these. Raises InputError
    where it cannot be read, or says not which instance it is.
    """
    with open_below(root, path) as source:
        file = Part10File(source)
        try:
            raw = _collected(file, _STOP)
        except WalkError:
            raw = _collected(file, SERIES_INSTANCE_UID + 1)
        if not raw.keys() >= _NEVER_NULL:  # or it is out of order, which is no reason not to be kept
            with suppress(WalkError):
                raw = _collected(file, NO_STOP)
        description = Description(file, raw)
    if not unpadded(raw.get(SOP_INSTANCE_UID, b"")):
        raise InputError("the data set does not say which instance it is")
    return description


def _collected(file: Part10File, stop: int) -> Raw:
    """Return the values at the top of the data set that are wanted, as they stand; the last of a tag counts.

    Of a sequence it is the whole element.
    """
    walker = _walker(file, stop)
    found: Raw = {}
    open_at = open_tag = 0  # of a sequence of undefined length that is wanted
    left = _MOST
    while left > 0 and (elements := walker.read()):
        left -= len(elements)
        for tag, vr, at, offset, length, depth in elements:
            if depth:
                continue
            if not vr:  # the delimiter of a sequence
                if open_at and offset - open_at <= LONGEST:
                    found[open_tag] = walker.value(open_at, offset - open_at)
                continue
            open_at = 0
            if tag not in _WANTED:
                continue
            if length == UNDEFINED:
                open_at, open_tag = at, tag
            elif length <= LONGEST:
                begin = at if tag in _SEQUENCES else offset
                found[tag] = walker.value(begin, offset + length - begin)
    return found


def _walker(file: Part10File, stop: int) -> Walker:
    if not is_deflated(file.transfer_syntax):
        return file.walk(stop=stop, shallow=True)
    source, _ = inflate_head(file.source, file.data_set_offset)
    return Walker(source, 0, source.size, file.encoding, stop=stop, shallow=True)


def _forget_charsets(data_set: DataSet) -> None:
    """Have the items of ``data_set`` written in the character set of what is around them."""
    data_set.pop(SPECIFIC_CHARACTER_SET, None)
    for _, value in data_set.values():
        if isinstance(value, list):
            for item in value:
                _forget_charsets(item)
