"""Elements as lines of text, in the manner of dcmdump: ``(0010,0010) PN [Doe^Jane]  # 8, 1 PatientName``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.data.uids import UIDS
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
    numbers,
    show_length,
    show_number,
)
from dcmtools.encoding.walker import UNDEFINED
from dcmtools.escaping import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.walker import Element, Walker

MAX_TEXT: Final = 16 * 1024
MAX_NUMBERS: Final = 16
_STRUCTURE: Final = {
    ITEM: "Item",
    ITEM_DELIMITER: "ItemDelimitationItem",
    SEQUENCE_DELIMITER: "SequenceDelimitationItem",
}

# What the line of an element is made of, by tag: VR, the line up to the value, the keyword, whether the value
# is plain text. Only for tags of PS3.6, so that hostile input cannot fill it.
_known: dict[int, tuple[str, str, str, bool]] = {}


class LineWriter:
    """Turns the elements of one data set into lines, fed in the order of the walk."""

    def __init__(self, width: int = 0) -> None:
        """Pad values to ``width`` columns, so that lengths and keywords stand below each other."""
        self._width = width
        self._depth = 0
        self._decoders: list[Decoder] = [DEFAULT]
        self._blocks = PrivateBlocks()
        self._fragments = False

    def meta(self, elements: Sequence[tuple[Element, bytes]]) -> list[str]:
        """Return the lines of file meta elements, which come with their values."""
        return [
            self._line(self._known(tag, vr), show_value(tag, vr, raw, "<", DEFAULT), length, _vm(vr, raw))
            for (tag, vr, _, _, length, _), raw in elements
        ]

    def lines(self, elements: Sequence[Element], walker: Walker) -> list[str]:
        """Return one line for each of the ``elements`` that ``walker`` just read."""
        out: list[str] = []
        append, known, width = out.append, _known, self._width
        data, base, order = walker.data, walker.base, walker.encoding.order
        for element in elements:
            tag, vr, _, offset, length, depth = element
            if depth != self._depth:
                self._move(depth)
            entry = known.get(tag)
            if entry is None or entry[0] != vr:
                entry = self._known(tag, vr)
            if entry[3] and length <= MAX_TEXT:
                begin = offset - base
                raw = data[begin : begin + length]
                if len(raw) != length:
                    raw = walker.value(offset, length)
                if tag == SPECIFIC_CHARACTER_SET:
                    self._decoders[-1] = decoder_of(raw)
                text = self._decoders[-1](raw) if vr in CHARSET_VRS else raw.decode("latin-1")
                text = text.rstrip(" \0")
                multiplicity = (text.count("\\") + 1 if vr not in SINGLE_TEXT_VRS else 1) if text else 0
                if not text.isprintable():
                    text = escape(text)
                shown = f"[{text}]" if text else "(no value)"
                indent = "  " * depth
                append(f"{indent}{entry[1]} {shown:<{width}}  # {length}, {multiplicity} {entry[2]}")
            else:
                append("  " * depth + self._other(element, entry, walker, order))
        return out

    def _move(self, depth: int) -> None:
        """Follow the walk into or out of an item; character sets are inherited inwards only."""
        level = depth >> 1
        del self._decoders[level + 1 :]
        while len(self._decoders) <= level:
            self._decoders.append(self._decoders[-1])
        if depth > self._depth and not depth & 1:
            self._blocks.enter(depth)
        self._depth = depth

    def _known(self, tag: int, vr: str) -> tuple[str, str, str, bool]:
        found = _known.get(tag)
        if found is not None and found[0] == vr:
            return found
        plain = vr in TEXT_VRS and vr != "UI" and not is_private(tag)
        name = _STRUCTURE.get(tag) or lookup(tag)[2] or "Unknown"
        entry = (vr, f"{format_tag(tag)} {vr or 'na'}", name, plain)
        if is_standard(tag):
            _known[tag] = entry
        return entry

    def _other(self, element: Element, entry: tuple[str, str, str, bool], walker: Walker, order: str) -> str:
        """Return the line of an element that is more than plain text of moderate length."""
        tag, vr, _, offset, length, depth = element
        if vr in ("", "SQ") or length == UNDEFINED:
            return self._line(
                entry, self._structure(element, walker), length, 1, self._name(tag, depth, entry[2])
            )
        shown_vr = effective_vr(tag, vr)
        limit = MAX_TEXT if shown_vr in TEXT_VRS else MAX_NUMBERS * 8
        raw = walker.value(offset, min(length, limit))
        if is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF:
            self._blocks.reserve(depth, tag, raw[:64].decode("latin-1").strip(" \0"))
        shown = show_value(tag, vr, raw, order, self._decoders[-1], length=length)
        multiplicity = _vm(shown_vr, raw, length)
        return self._line(entry, shown, length, multiplicity, self._name(tag, depth, entry[2]))

    def _structure(self, element: Element, walker: Walker) -> str:
        """Return what stands in the place of a value for sequences, items, fragments and delimiters."""
        tag, vr, _, offset, length, _ = element
        kind = "undefined" if length == UNDEFINED else "defined"
        if tag == ITEM and self._fragments:
            return _hex("OB", walker.value(offset, min(length, MAX_NUMBERS)), "<", length)
        if tag == SEQUENCE_DELIMITER:
            self._fragments = False
        if vr == "SQ":
            return f"(Sequence with {kind} length)"
        if vr:
            self._fragments = True
            return "(encapsulated)"
        return {ITEM: f"(Item with {kind} length)", ITEM_DELIMITER: "(end of item)"}.get(
            tag, "(end of sequence)"
        )

    def _name(self, tag: int, depth: int, name: str) -> str:
        if not is_private(tag) or tag & 0xFFFF <= 0xFF:
            return name
        creator = self._blocks.creator(depth, tag)
        found = private_lookup(creator, tag)[2] if creator else ""
        return escape(found.replace(" ", "")) if found else name

    def _line(
        self, entry: tuple[str, str, str, bool], shown: str, length: int, multiplicity: int, name: str = ""
    ) -> str:
        return (
            f"{entry[1]} {shown:<{self._width}}  # {show_length(length)}, {multiplicity} {name or entry[2]}"
        )


def show_value(
    tag: int, vr: str, raw: bytes, order: str, decode: Decoder, *, length: int = -1, bare: bool = False
) -> str:
    """Return a value as escaped text: strings in brackets, UIDs by name, numbers with backslashes between.

    ``raw`` may hold only the beginning of a value of ``length`` bytes; what is left out shows as ``...``.
    ``bare`` leaves brackets and names out and shows everything.
    """
    if vr == "UN":
        vr, order = effective_vr(tag, vr), "<"
    if vr in TEXT_VRS:
        text = escape((decode(raw) if vr in CHARSET_VRS else raw.decode("latin-1")).strip("\0").rstrip(" \0"))
        if bare:
            return text
        if vr == "UI" and text in UIDS:
            return f"={UIDS[text][0]}"
        more = "..." if length > len(raw) else ""
        return f"[{text}]{more}" if text else "(no value)"
    if bare:
        return "\\".join(show_number(vr, value) for value in numbers(vr, raw, order))
    if not raw:
        return "(no value)"
    if vr in BULK_VRS:
        return _hex(vr, raw, order, length)
    shown = [show_number(vr, value) for value in numbers(vr, raw, order)[:MAX_NUMBERS]]
    return _cut(shown, max(length, len(raw)) // number_struct(vr, order).size)


def _hex(vr: str, raw: bytes, order: str, length: int) -> str:
    layout = number_struct(vr if vr in ("OB", "OW", "OL", "OV") else "OB", order)
    if vr in ("OF", "OD"):
        return show_value(0, {"OF": "FL", "OD": "FD"}[vr], raw, order, DEFAULT, length=length)
    values = [
        f"{value:0{2 * layout.size}x}"
        for (value,) in layout.iter_unpack(raw[: len(raw) // layout.size * layout.size])
    ]
    return _cut(values[:MAX_NUMBERS], max(length, len(raw)) // layout.size)


def _cut(shown: list[str], count: int) -> str:
    return "\\".join(shown) + ("\\..." if count > len(shown) else "")


def _vm(vr: str, raw: bytes, length: int = -1) -> int:
    """Return how many values there are (PS3.5 6.4); bulk data counts as one."""
    total = max(length, len(raw))
    if not total:
        return 0
    if vr in BULK_VRS or vr in SINGLE_TEXT_VRS:
        return 1
    return raw.count(b"\\") + 1 if vr in TEXT_VRS else total // number_struct(vr, "<").size
