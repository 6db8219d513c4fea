"""Elements as lines of text, in the manner of dcmdump: ``(0010,0010) PN [Doe^Jane]  # 8, 1 PatientName``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dcmtools.encoding.charset import DEFAULT, decoder_of
from dcmtools.encoding.dictionary import PrivateBlocks, is_standard, lookup, private_lookup
from dcmtools.encoding.tags import (
    ITEM,
    ITEM_DELIMITER,
    SEQUENCE_DELIMITER,
    SPECIFIC_CHARACTER_SET,
    format_tag,
    is_private,
)
from dcmtools.encoding.values import (
    BULK_VRS,
    CHARSET_VRS,
    SINGLE_TEXT_VRS,
    TEXT_VRS,
    effective_vr,
    number_struct,
    show_length,
)
from dcmtools.encoding.walker import UNDEFINED
from dcmtools.escaping import escape
from dcmtools.inspection.showing import MAX_NUMBERS, join_numbers, show_bytes, show_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.walker import Element, Walker

MAX_TEXT: Final = 16 * 1024
_CHUNK: Final = 64 * 1024
_HASHED: Final = 1024 * 1024
_MAX_KNOWN: Final = 16 * 1024
_STRUCTURE: Final = {
    ITEM: "Item",
    ITEM_DELIMITER: "ItemDelimitationItem",
    SEQUENCE_DELIMITER: "SequenceDelimitationItem",
}
_TEXT, _NUMBERS, _OTHER = range(3)
_NUMBER_VRS: Final = frozenset(["AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"])

_MAX_REPEATED: Final = 64
_MAX_MEMO: Final = 50_000
_MAX_RESERVED: Final = 32

Entry: TypeAlias = tuple[str, str, str, int]
"""What the line of an element is made of: VR, the line up to the value, the name, what its value is."""

# By tag, and by tag, VR and creator. Only what the dictionaries have, so that hostile input cannot fill them.
_known: dict[int, Entry] = {}
_known_private: dict[tuple[int, str, str], Entry] = {}


class LineStyle(NamedTuple):
    """How lines are written.

    Values are padded to ``width`` columns, so that lengths and keywords stand below each other, and cut
    after ``max_text`` bytes of text or ``max_numbers`` numbers. ``offsets`` puts the byte offset of each
    element in front, ``hashes`` the SHA-256 of bulk values in place of their first bytes.
    """

    width: int = 0
    max_text: int = MAX_TEXT
    max_numbers: int = MAX_NUMBERS
    offsets: bool = False
    uid_names: bool = True
    hashes: bool = False


DEFAULT_STYLE: Final = LineStyle()


class _Memo:
    """Lines of short elements by their bytes, apart for all that a line depends on beside them.

    The files of a study repeat most of their elements. What is remembered is thrown away when it is much.
    """

    def __init__(self) -> None:
        self._places: dict[tuple[object, ...], dict[bytes, str]] = {}
        self._count = 0

    def lines_at(self, place: tuple[object, ...]) -> dict[bytes, str]:
        """Return the lines of elements that stood in such a place before."""
        if self._count > _MAX_MEMO:
            self._places.clear()
            self._count = 0
        self._count += 1
        return self._places.setdefault(place, {})

    def note(self) -> None:
        """Count a line that was remembered."""
        self._count += 1


_memo = _Memo()
_styles: dict[LineStyle, int] = {}


class LineWriter:
    """Turns the elements of one data set into lines, fed in the order of the walk."""

    def __init__(self, style: LineStyle = DEFAULT_STYLE, decode: Decoder = DEFAULT) -> None:
        """Write in ``style``; ``decode`` is for text without a character set."""
        self._style = style
        self._style_number = _styles.setdefault(style, len(_styles))
        self._width = style.width
        self._max_text = style.max_text
        self._depth = 0
        self._decoders: list[Decoder] = [decode]
        self._blocks = PrivateBlocks()
        self._fragments = False
        self._reserved: list[bytes] = []
        self._memo: dict[bytes, str] = {}

    def meta(self, elements: Sequence[tuple[Element, bytes]]) -> list[str]:
        """Return the lines of file meta elements, which come with their values."""
        lines = []
        for (tag, vr, _, _, length, _), raw in elements:
            most = self._max_text if vr in TEXT_VRS else self._style.max_numbers * 8
            shown = self._show(tag, vr, raw[:most], "<", DEFAULT, length)
            multiplicity = _vm(vr, raw.count(b"\\") + 1, length)
            lines.append(self._line(self._standard(tag, vr), shown, length, multiplicity))
        return self._numbered([element for element, _ in elements], lines) if self._style.offsets else lines

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
        end = base + len(data)
        self._remember(walker)
        for element in elements:
            _, vr, start, offset, length, depth = element
            if depth != self._depth:
                self._move(depth)
                self._remember(walker)
            if length > _MAX_REPEATED or not vr or vr == "SQ" or offset + length > end:
                append(self._whole(element, walker))
                continue
            key = data[start - base : offset - base + length]
            line = self._memo.get(key)
            if line is None:
                line = self._new_line(element, walker, key)
            append(line)
        return self._numbered(elements, out) if self._style.offsets else out

    def _remember(self, walker: Walker) -> None:
        """Take up the lines of elements that stood where the next ones stand."""
        if len(self._reserved) > _MAX_RESERVED:  # more than any device writes: nothing to be gained
            self._memo = {}
        else:
            place = (self._depth, self._style_number, walker.order, self._decoders[-1], *self._reserved)
            self._memo = _memo.lines_at(place)

    def _new_line(self, element: Element, walker: Walker, key: bytes) -> str:
        """Return the line of a short element, and remember it unless it or later lines depend on more."""
        line = self._whole(element, walker)
        tag = element[0]
        if _is_creator(tag):
            self._reserved.append(key)
            self._remember(walker)
        elif tag == SPECIFIC_CHARACTER_SET:
            self._remember(walker)
        elif " " not in lookup(tag)[0]:  # US or SS is for Pixel Representation to tell
            self._memo[key] = line
            _memo.note()
        return line

    def _whole(self, element: Element, walker: Walker) -> str:
        """Return the line of an element."""
        tag, vr, _, offset, length, depth = element
        entry = self._private(tag, vr, depth) if is_private(tag) else _known.get(tag)
        if entry is None or entry[0] != vr:
            entry = self._standard(tag, vr)
        kind = entry[3]
        if kind == _OTHER or length > self._max_text:
            return "  " * depth + self._other(element, entry, walker)
        raw = walker.value(offset, length)
        if kind == _TEXT:
            shown, multiplicity = self._text(tag, vr, raw)
        else:
            most = self._style.max_numbers
            shown = join_numbers(vr, raw, walker.order, 0, most) if length else "(no value)"
            multiplicity = length // number_struct(vr, walker.order).size
        return "  " * depth + self._line(entry, shown, length, multiplicity)

    def _text(self, tag: int, vr: str, raw: bytes) -> tuple[str, int]:
        """Return a text as it is shown, and how many values it has."""
        if tag == SPECIFIC_CHARACTER_SET:
            self._decoders[-1] = decoder_of(raw)
        text = self._decoders[-1](raw) if vr in CHARSET_VRS else raw.decode("latin-1")
        text = text.rstrip(" \0")
        if not text:
            return "(no value)", 0
        multiplicity = text.count("\\") + 1 if vr not in SINGLE_TEXT_VRS else 1
        return f"[{escape(text)}]", multiplicity

    def _move(self, depth: int) -> None:
        """Follow the walk into or out of an item; character sets are inherited inwards only."""
        if depth < self._depth:
            self._fragments = False
        level = depth >> 1
        del self._decoders[level + 1 :]
        while len(self._decoders) <= level:
            self._decoders.append(self._decoders[-1])
        if depth > self._depth and not depth & 1:
            self._blocks.enter(depth)
        self._depth = depth

    def _standard(self, tag: int, vr: str) -> Entry:
        name = _STRUCTURE.get(tag) or lookup(tag)[2] or "Unknown"
        entry = (vr, f"{format_tag(tag)} {vr or 'na'}", name, _kind(tag, vr))
        if is_standard(tag):
            _known[tag] = entry
        return entry

    def _private(self, tag: int, vr: str, depth: int) -> Entry | None:
        """Return the entry of a private element that its creator's dictionary has."""
        creator = self._blocks.creator(depth, tag)
        if not creator:
            return None
        entry = _known_private.get((tag, vr, creator))
        if entry is None:
            name = private_lookup(creator, tag)[2]
            name = escape(name.replace(" ", "")) or "Unknown"
            entry = (vr, f"{format_tag(tag)} {vr or 'na'}", name, _kind(tag, vr))
            if name != "Unknown" and len(_known_private) < _MAX_KNOWN:
                _known_private[tag, vr, creator] = entry
        return entry

    def _other(self, element: Element, entry: Entry, walker: Walker) -> str:
        """Return the line of an element that is more than text or numbers of moderate length."""
        tag, vr, _, offset, length, depth = element
        if vr in ("", "SQ") or length == UNDEFINED:
            ends = tag in (ITEM_DELIMITER, SEQUENCE_DELIMITER)
            return self._line(entry, self._structure(element, walker), length, 0 if ends else 1)
        shown_vr = effective_vr(tag, vr)
        text = shown_vr in TEXT_VRS
        raw = walker.value(offset, min(length, self._max_text if text else self._style.max_numbers * 8))
        if _is_creator(tag):
            self._blocks.reserve(depth, tag, raw[:64].decode("latin-1").strip(" \0"))
        elif tag == SPECIFIC_CHARACTER_SET:
            self._decoders[-1] = decoder_of(raw)
        if self._style.hashes and length and shown_vr in BULK_VRS:
            shown = hash_of(walker, offset, length)
        else:
            shown = self._show(tag, vr, raw, walker.order, self._decoders[-1], length)
        multiplicity = _vm(shown_vr, _count_values(walker, offset, length) if text else 0, length)
        return self._line(entry, shown, length, multiplicity)

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
        return {ITEM: f"(Item with {kind} length)", ITEM_DELIMITER: "(end of item)"}.get(
            tag, "(end of sequence)"
        )

    def _line(self, entry: Entry, shown: str, length: int, multiplicity: int) -> str:
        return f"{entry[1]} {shown:<{self._width}}  # {show_length(length)}, {multiplicity} {entry[2]}"


def _kind(tag: int, vr: str) -> int:
    if vr in _NUMBER_VRS:
        return _NUMBERS
    return _TEXT if vr in TEXT_VRS and vr != "UI" and not _is_creator(tag) else _OTHER


def _is_creator(tag: int) -> bool:
    return is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF


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
