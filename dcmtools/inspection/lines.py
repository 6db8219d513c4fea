"""Elements as lines of text, in the manner of dcmdump: ``(0010,0010) PN [Doe^Jane]  # 8, 1 PatientName``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.charset import DEFAULT, decoder_of, unpadded
from dcmtools.encoding.dictionary import PrivateBlocks, lookup, private_lookup
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tags import (
    ITEM,
    ITEM_DELIMITER,
    SEQUENCE_DELIMITER,
    SPECIFIC_CHARACTER_SET,
    format_tag,
    is_creator,
    is_private,
)
from dcmtools.encoding.values import (
    BULK_VRS,
    CHARSET_VRS,
    NUMBER_VRS,
    SINGLE_TEXT_VRS,
    TEXT_VRS,
    effective_vr,
    number_struct,
    show_length,
)
from dcmtools.escaping import escape
from dcmtools.inspection.remembering import MEMO, Place
from dcmtools.inspection.showing import MAX_NUMBERS, join_numbers, show_bytes, show_text, show_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.walker import Walker
    from dcmtools.inspection.remembering import Entry

MAX_TEXT: Final = 16 * 1024
_CHUNK: Final = 64 * 1024
_HASHED: Final = 1024 * 1024
_STRUCTURE: Final = {
    ITEM: "Item",
    ITEM_DELIMITER: "ItemDelimitationItem",
    SEQUENCE_DELIMITER: "SequenceDelimitationItem",
}
_ITEM_TEXTS: Final = {ITEM_DELIMITER: "(end of item)", SEQUENCE_DELIMITER: "(end of sequence)"}
# What the value of an element is, and so how it is shown.
_TEXT, _NUMBERS, _OTHER = range(3)
_META_DEPTH: Final = -1

_MAX_REPEATED: Final = 64
_MAX_RESERVED: Final = 32
_MAX_GOVERNING: Final = 1024

_TAG_COLOR: Final = "\x1b[36m"
_VR_COLOR: Final = "\x1b[33m"
_REMARK_COLOR: Final = "\x1b[2m"
_PLAIN: Final = "\x1b[0m"


class LineStyle(NamedTuple):
    """How lines are written.

    Values are padded to ``width`` columns, so that lengths and keywords stand below each other, and cut
    after ``max_text`` bytes of text or ``max_numbers`` numbers. ``offsets`` puts the byte offset of each
    element in front, ``hashes`` the SHA-256 of bulk values in place of their first bytes. ``color`` sets
    off tags, VRs and lengths as terminals understand it.
    """

    width: int = 0
    max_text: int = MAX_TEXT
    max_numbers: int = MAX_NUMBERS
    offsets: bool = False
    uid_names: bool = True
    hashes: bool = False
    color: bool = False


DEFAULT_STYLE: Final = LineStyle()


_styles: dict[LineStyle, int] = {}


class LineWriter:
    """Turns the elements of one data set into lines, fed in the order of the walk."""

    def __init__(self, style: LineStyle = DEFAULT_STYLE, decode: Decoder = DEFAULT) -> None:
        """Write in ``style``; ``decode`` is for text without a character set."""
        self._style = style
        self._style_number = _styles.setdefault(style, len(_styles))
        self._width = style.width
        self._max_text = style.max_text
        self._before_remark, self._after_remark = (_REMARK_COLOR, _PLAIN) if style.color else ("", "")
        self._depth = 0
        self._order = "<"
        self._decoders: list[Decoder] = [decode]
        self._reserved: list[list[bytes]] = [[]]  # the creators met, by level
        self._blocks = PrivateBlocks()
        self._fragments = False
        self._place = Place()

    def meta(self, elements: Sequence[tuple[Element, bytes]]) -> list[str]:
        """Return the lines of file meta elements, which come with their values."""
        place = self._place = MEMO.at((_META_DEPTH, self._style_number))
        lines = []
        for element, raw in elements:
            key = (element[0], element[1], raw)
            line = place.lines.get(key)
            if line is None:
                line = self._meta_line(element, raw)
                if len(raw) <= _MAX_REPEATED:
                    place.lines[key] = line
                    MEMO.note()
            lines.append(line)
        return self._numbered([element for element, _ in elements], lines) if self._style.offsets else lines

    def _meta_line(self, element: Element, raw: bytes) -> str:
        tag, vr, _, _, length, _ = element
        most = self._max_text if vr in TEXT_VRS else self._style.max_numbers * 8
        shown = self._show(tag, vr, raw[:most], "<", DEFAULT, length)
        multiplicity = _vm(effective_vr(tag, vr), raw.count(b"\\") + 1, length)
        return self._line(self._entry(tag, vr), shown, length, multiplicity)

    def _numbered(self, elements: Sequence[Element], lines: list[str]) -> list[str]:
        """Put the offset of each element before its line."""
        return [f"{element[2]:>9} {line}" for element, line in zip(elements, lines, strict=True)]

    def _show(self, tag: int, vr: str, raw: bytes, order: str, decode: Decoder, length: int) -> str:
        style = self._style
        most, names = style.max_numbers, style.uid_names
        return show_value(tag, vr, raw, order, decode, length=length, most=most, uid_names=names)

    def lines(self, elements: Sequence[Element], walker: Walker) -> list[str]:
        """Return one line for each of the ``elements`` that ``walker`` just read."""
        out: list[str] = []
        append = out.append
        data, base = walker.data, walker.base
        self._order = walker.order
        self._settle()
        known, depth_now = self._place.lines, self._depth
        repeated = -1 if walker.serious else _MAX_REPEATED  # what is cut may look like another
        for element in elements:
            _, _, start, offset, length, depth = element
            if depth != depth_now:
                self._move(depth)
                known, depth_now = self._place.lines, depth
            if length <= repeated:
                line = known.get(data[start - base : offset - base + length])
                if line is None:
                    line = self._new_line(element, walker)
                    known = self._place.lines
            else:
                line = self._any_line(element, walker)
                known = self._place.lines
            append(line)
        return self._numbered(elements, out) if self._style.offsets else out

    def _settle(self) -> None:
        """Take up what is known of the place where the next elements stand."""
        reserved = self._reserved[-1]
        if len(reserved) > _MAX_RESERVED:  # more than any device writes: nothing to be gained
            self._place = Place()
        else:
            place = (self._depth, self._style_number, self._order, self._decoders[-1], *reserved)
            self._place = MEMO.at(place)

    def _move(self, depth: int) -> None:
        """Follow the walk into or out of an item; character sets are inherited inwards only."""
        if depth < self._depth:
            self._fragments = False
        level = depth >> 1
        del self._decoders[level + 1 :], self._reserved[level + 1 :]
        while len(self._decoders) <= level:
            self._decoders.append(self._decoders[-1])
            self._reserved.append([])
        if depth > self._depth and not depth & 1:
            self._blocks.enter(depth)
            self._reserved[level] = []
        self._depth = depth
        self._settle()

    def _new_line(self, element: Element, walker: Walker) -> str:
        """Return the line of a short element, and remember it by the bytes of the element where it lasts."""
        tag, vr, start, offset, length, _ = element
        key = walker.data[start - walker.base : offset - walker.base + length]
        if not vr or vr == "SQ" or len(key) < offset - start + length:
            return self._any_line(element, walker)
        place = self._place
        line = place.governing.get(key)
        if line is not None:
            self._heed(tag, key[offset - start :])
            return line
        entry = place.entries.get(tag)
        if entry is None or entry[0] != vr:
            entry = self._entry(tag, vr)
        _, _, _, kind, lasts = entry
        if kind == _OTHER or length > self._max_text:
            line = self._other(element, entry, walker)
        else:
            line = self._line(entry, *self._value(vr, kind, key[offset - start :]))
        if lasts:
            place.lines[key] = line
            MEMO.note()
        elif _governs(tag):
            place.governing[key] = line
            MEMO.note()
        return line

    def _any_line(self, element: Element, walker: Walker) -> str:
        """Return the line of an element of any length."""
        tag, vr, _, offset, length, _ = element
        entry = self._entry(tag, vr)
        if entry[3] == _OTHER or length > self._max_text:
            return self._other(element, entry, walker)
        return self._line(entry, *self._value(vr, entry[3], walker.value(offset, length)))

    def _value(self, vr: str, kind: int, raw: bytes) -> tuple[str, int, int]:
        """Return a value of text or numbers as it is shown, its length, and how many values it has."""
        length = len(raw)
        if kind == _NUMBERS:
            shown = join_numbers(vr, raw, self._order, 0, self._style.max_numbers) if length else "(no value)"
            return shown, length, length // number_struct(vr, self._order).size
        text = (self._decoders[-1](raw) if vr in CHARSET_VRS else raw.decode("latin-1")).rstrip(" \0")
        count = (text.count("\\") + 1 if vr not in SINGLE_TEXT_VRS else 1) if text else 0
        return show_text(vr, text, uid_names=self._style.uid_names), length, count

    def _entry(self, tag: int, vr: str) -> Entry:
        """Return what lines of ``tag`` in this place are made of."""
        entry = self._place.entries.get(tag)
        if entry is not None and entry[0] == vr:
            return entry
        creator = self._blocks.creator(self._depth, tag) if is_private(tag) else ""
        known = private_lookup(creator, tag) if creator else lookup(tag)
        name = escape(known[2].replace(" ", "")) if creator else _STRUCTURE.get(tag) or known[2]
        head = f"{format_tag(tag)} {vr or 'na'}"
        if self._style.color:
            head = f"{_TAG_COLOR}{format_tag(tag)}{_PLAIN} {_VR_COLOR}{vr or 'na'}{_PLAIN}"
        governs = _governs(tag)
        lasts = not governs and " " not in known[0]  # US or SS is for Pixel Representation to tell
        kind = _OTHER if governs else _kind(vr)
        entry = (vr, "  " * self._depth + head, name or "Unknown", kind, lasts)
        self._place.entries[tag] = entry
        MEMO.note()
        return entry

    def _other(self, element: Element, entry: Entry, walker: Walker) -> str:
        """Return the line of an element that is more than text or numbers of moderate length."""
        tag, vr, _, offset, length, _ = element
        if vr in ("", "SQ") or length == UNDEFINED:
            shown = self._structure(element, walker)
            return self._line(entry, shown, show_length(length), int(tag not in _ITEM_TEXTS))
        shown_vr = effective_vr(tag, vr)
        text = shown_vr in TEXT_VRS
        raw = walker.value(offset, min(length, self._max_text if text else self._style.max_numbers * 8))
        if self._style.hashes and length and shown_vr in BULK_VRS:
            shown = hash_of(walker, offset, length)
        else:
            shown = self._show(tag, vr, raw, walker.order, self._decoders[-1], length)
        multiplicity = _vm(shown_vr, _count_values(walker, offset, length) if text else 0, length)
        if _governs(tag):
            self._heed(tag, walker.value(offset, min(length, _MAX_GOVERNING)))
        return self._line(entry, shown, length, multiplicity)

    def _heed(self, tag: int, raw: bytes) -> None:
        """Take note of what tells how to read the elements that follow in this data set."""
        if tag == SPECIFIC_CHARACTER_SET:
            self._decoders[-1] = decoder_of(raw)
        else:
            self._blocks.reserve(self._depth, tag, unpadded(raw[:64]))
            self._reserved[-1].append(tag.to_bytes(4, "big") + raw)
        self._settle()

    def _structure(self, element: Element, walker: Walker) -> str:
        """Return what stands in the place of a value for sequences, items, fragments and delimiters."""
        tag, vr, _, offset, length, _ = element
        kind = "undefined" if length == UNDEFINED else "defined"
        if tag == ITEM and self._fragments:
            if self._style.hashes and length:
                return hash_of(walker, offset, length)
            most = self._style.max_numbers
            return show_bytes(walker.value(offset, min(length, most)), length, most)
        if tag == SEQUENCE_DELIMITER or vr == "SQ":
            self._fragments = False
        if vr == "SQ":
            return f"(Sequence with {kind} length)"
        if vr:
            self._fragments = True
            return "(encapsulated)"
        return _ITEM_TEXTS.get(tag, f"(Item with {kind} length)")

    def _line(self, entry: Entry, shown: str, length: int | str, multiplicity: int) -> str:
        remark = f"{self._before_remark}# {length}, {multiplicity}{self._after_remark}"
        return f"{entry[1]} {shown.ljust(self._width)}  {remark} {entry[2]}"


def _kind(vr: str) -> int:
    return _NUMBERS if vr in NUMBER_VRS else _TEXT if vr in TEXT_VRS else _OTHER


def _governs(tag: int) -> bool:
    """Tell whether an element tells how to read those after it: a private creator, a character set."""
    return tag == SPECIFIC_CHARACTER_SET or is_creator(tag)


def _count_values(walker: Walker, offset: int, length: int) -> int:
    """Return how many values the backslashes of a text separate."""
    count = 1
    for begin in range(offset, offset + length, _CHUNK):
        count += walker.value(begin, min(_CHUNK, offset + length - begin)).count(b"\\")
    return count


def hash_of(walker: Walker, offset: int, length: int) -> str:
    """Return the SHA-256 of a value."""
    from hashlib import sha256

    digest = sha256()
    for begin in range(offset, offset + length, _HASHED):
        digest.update(walker.value(begin, min(_HASHED, offset + length - begin)))
    return f"sha256:{digest.hexdigest()}"


def _vm(vr: str, texts: int, length: int) -> int:
    """Return how many values there are (PS3.5 6.4), ``texts`` of them in a text; bulk data counts as one."""
    if not length:
        return 0
    if vr in BULK_VRS or vr in SINGLE_TEXT_VRS:
        return 1
    return texts if vr in TEXT_VRS else length // number_struct(vr, "<").size
