"""The DICOM JSON model (PS3.18 Annex F) of a data set, built while it is walked."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dcmtools.encoding.bulk import Bulk, at_offset
from dcmtools.encoding.charset import DEFAULT, decoder_of
from dcmtools.encoding.dictionary import name_of
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tags import ITEM, SPECIFIC_CHARACTER_SET, format_tag
from dcmtools.encoding.values import (
    BULK_VRS,
    CHARSET_VRS,
    INTEGER_VRS,
    NUMBERS,
    effective_vr,
    number_struct,
    numbers,
    texts,
)
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.encoding.bulk import Placing
    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.walker import Walker

JsonDataSet: TypeAlias = dict[str, Any]
_PN_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
# PS3.18 F.2.2: the VRs whose values may stand as a BulkDataURI, beside those that always do here.
_MAY_BE_BULK: Final = frozenset((
    "DS", "FD", "FL", "IS", "LT", "SL", "SS", "ST", "SV", "UC", "UL", "US", "UT", "UV",
))  # fmt: skip
_MAX_VALUE = 16 * 1024 * 1024  # not Final, so that tests can make it small where the module is compiled
_LONGEST: Final = 16 * 1024 * 1024  # of VRs that may not be bulk: some 80 times that is taken in memory
_DIGITS: Final = 15  # decimal digits that every float holds
_LONGEST_DECIMAL: Final = 16  # characters of a DS (PS3.5 6.2)
_ESCAPE: Final = b"\x1b"  # of code extensions
_NO_TEXT: Final = re.compile("[\ud800-\udfff\ufffd]")
_LEAST: Final = 2.3e-308  # below that floats hold fewer
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def json_model(
    walker: Walker,
    read: Callable[[], list[Element]] | None = None,
    decode: Decoder = DEFAULT,
    place: Placing = at_offset,
    *,
    exact: bool = False,
    lost: list[str] | None = None,
) -> JsonDataSet:
    """Return the data set that ``walker`` walks in the JSON model.

    ``read`` returns the elements to take of those that the walker reads, all by default; ``decode`` is for
    text without a character set. Decimal and integer strings are numbers where these have the same value;
    with ``exact`` only where they lead back to the same characters. Where a list is given for what is
    ``lost``, elements with bytes that are no text or no whole number get named there, and Specific Character
    Set names UTF-8, in which text is now.

    ``place`` says how bulk values stand: those of OB, OD, OF, OL, OV, OW and UN, and others of more than
    16 MiB. By default it is a BulkDataURI relative to the file, with offset and length in bytes. They are
    those in the source that is walked, which of a deflated data set is what it inflates to. An encapsulated
    value reaches to its delimiter. Raises what the walker and ``place`` raise, and InputError for a value of
    more than 16 MiB whose VR has no bulk values.
    """
    builder = _Builder(walker, decode, place, lost, exact=exact)
    read = read or walker.read
    while elements := read():
        for element in elements:
            builder.add(element)
    builder.end(walker.position)
    return _ordered(builder.root)


def model_of(data_set: DataSet) -> JsonDataSet:
    """Return a data set in memory in the JSON model, bulk values in Base64."""
    from binascii import b2a_base64

    decode = decoder_of(data_set.charset)
    out: JsonDataSet = {}
    for tag in sorted(data_set):
        vr, value = data_set[tag]
        model: JsonDataSet = {"vr": effective_vr(tag, vr)}
        if isinstance(value, list):
            if value:
                model["Value"] = [model_of(item) for item in value]
        elif model["vr"] in BULK_VRS:
            if value:
                model["InlineBinary"] = b2a_base64(value, newline=False).decode("ascii")
        elif values := json_values(model["vr"], value, "<", decode):
            model["Value"] = values
        out[f"{tag:08X}"] = model
    return out


class _Builder:
    """Puts the elements of a walk, fed in its order, where they belong."""

    def __init__(
        self, walker: Walker, decode: Decoder, place: Placing, lost: list[str] | None, *, exact: bool
    ) -> None:
        self._exact = exact
        self._lost = lost
        self.root: JsonDataSet = {}
        self._walker = walker
        self._place = place
        self._data_sets: list[tuple[JsonDataSet, Decoder]] = [(self.root, decode)]
        self._items: list[list[JsonDataSet]] = []
        self._fragments: JsonDataSet | None = None
        self._encapsulated = (0, 0)

    def add(self, element: Element) -> None:
        """Add one element, item or delimiter."""
        tag, vr, start, offset, length, depth = element
        if self._fragments is not None and not depth & 1 and vr:
            self.end(start)
        if depth & 1:
            if tag == ITEM and self._fragments is None:
                self._begin_item(depth >> 1)
        elif vr == "":
            self.end(offset - 8)
        elif tag & 0xFFFF or vr == "SQ" or length == UNDEFINED:  # PS3.18 F.2.2 leaves group lengths out
            model: JsonDataSet = {"vr": effective_vr(tag, vr)}
            data_set, key = self._data_sets[depth >> 1][0], f"{tag:08X}"
            if self._lost is not None and key in data_set:
                self._lost.append(f"{name_of(tag)}: it stands twice, and the last one counts")
            data_set[key] = model
            if vr == "SQ":
                self._begin_sequence(depth >> 1, model)
            elif length == UNDEFINED:
                self._fragments, self._encapsulated = model, (tag, offset)
            elif length:
                self._fill(model, element)

    def _begin_sequence(self, level: int, model: JsonDataSet) -> None:
        model["Value"] = []
        del self._items[level:]
        self._items.append(model["Value"])

    def _begin_item(self, level: int) -> None:
        item: JsonDataSet = {}
        self._items[level].append(item)
        del self._data_sets[level + 1 :]
        self._data_sets.append((item, self._data_sets[level][1]))

    def end(self, offset: int) -> None:
        """End the encapsulated value in hand at ``offset``: its delimiter, or what stands in its place."""
        if self._fragments is not None:
            tag, begin = self._encapsulated
            vr, length = self._fragments["vr"], offset - begin
            value = Bulk(self._walker, tag, vr, begin, length, "<", encapsulated=True)
            self._fragments.update(self._place(value))
            self._fragments = None

    def _fill(self, model: JsonDataSet, element: Element) -> None:
        tag, vr, start, offset, length, depth = element
        shown = model["vr"]
        order = self._walker.order if vr != "UN" else "<"
        in_another_set = self._lost is not None and shown in CHARSET_VRS  # than text at a URI has to be
        may_be_bulk = shown in _MAY_BE_BULK and not in_another_set
        if shown in BULK_VRS or (length > _MAX_VALUE and may_be_bulk):
            model.update(self._place(Bulk(self._walker, tag, shown, offset, length, order)))
            return
        if length > _LONGEST:
            what = f"a value of {length} bytes is too long for VR {shown} in the JSON model"
            raise InputError(f"offset {start}, {format_tag(tag)}: {what}")
        data_set, decode = self._data_sets[depth >> 1]
        raw = self._walker.value(offset, length)
        if values := json_values(shown, raw, order, decode, exact=self._exact):
            model["Value"] = values
        if tag == SPECIFIC_CHARACTER_SET:
            self._data_sets[depth >> 1] = (data_set, decoder_of(raw))
            if self._lost is not None:
                model["Value"] = ["ISO_IR 192"]
        elif self._lost is not None and (why := _lost(shown, raw, order, decode)):
            self._lost.append(f"{name_of(tag)}: {why}")


def _ordered(root: JsonDataSet) -> JsonDataSet:
    """Sort elements by tag (PS3.18 F.2.2), and leave the Value out of sequences without items (F.2.5)."""
    pending = [root]
    while pending:
        data_set = pending.pop()
        elements = sorted(data_set.items())
        data_set.clear()
        data_set.update(elements)
        for _, element in elements:
            if element["vr"] == "SQ":
                pending.extend(element["Value"])
                if not element["Value"]:
                    del element["Value"]
    return root


def json_values(vr: str, raw: bytes, order: str, decode: Decoder, *, exact: bool = False) -> list[Any]:
    """Return the values of a non-bulk ``vr`` as PS3.18 F.2.3 has them; empty ones are null.

    See ``json_model`` for ``exact``.
    """
    if vr == "AT":
        return [f"{int(value):08X}" for value in numbers(vr, raw, order)]
    if vr in ("FL", "FD"):
        return [_finite(value) for value in numbers(vr, raw, order)]
    if vr in INTEGER_VRS:
        return list(numbers(vr, raw, order))
    values = texts(vr, raw, decode)
    if vr == "PN":
        return [_person_name(value) for value in values]
    if vr in ("DS", "IS"):
        return [_number_string(vr, value, exact=exact) for value in values]
    return [value or None for value in values]


def _lost(vr: str, raw: bytes, order: str, decode: Decoder) -> str:
    """Return what the values have not of the bytes ``raw``; empty where that is nothing."""
    if vr in NUMBERS:
        rest = len(raw) % number_struct(vr, "<").size
        if vr in ("FL", "FD") and not rest and _has_unusual_nan(vr, raw, order):
            return "what is in a NaN beside that it is none"
        return f"{rest} bytes after the last whole number" if rest else ""
    if raw.isascii() and _ESCAPE not in raw:
        return ""
    if vr not in CHARSET_VRS:
        return f"characters that VR {vr} cannot have"
    return "bytes that are no text in its character set" if _NO_TEXT.search(decode(raw)) else ""


def _has_unusual_nan(vr: str, raw: bytes, order: str) -> bool:
    layout = number_struct(vr, order)
    usual, size = layout.pack(math.nan), layout.size
    found = [at * size for at, value in enumerate(numbers(vr, raw, order)) if math.isnan(value)]
    return any(raw[at : at + size] != usual for at in found)


def _finite(value: float) -> float | str:
    """Return what JSON can hold of a float: it has no NaN and no infinity, so these are strings."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "-Infinity" if value < 0 else "Infinity"


def _number_string(vr: str, text: str, *, exact: bool = False) -> int | float | str | None:
    """Return a number where JSON can hold it exactly, else the text itself (PS3.18 F.2.3, note)."""
    number: int | float | None = None
    if _INTEGER.fullmatch(text):
        whole = int(text)
        fits = vr == "DS" or -(1 << 31) <= whole < 1 << 31
        number = whole if fits and (whole or text[0] != "-") else None
    elif vr == "DS" and _DECIMAL.fullmatch(text) and math.isfinite(value := float(text)):
        exactly = (len(text) <= _DIGITS and abs(value) >= _LEAST) or _is_exactly(value, text)
        number = value if exactly and len(str(value)) <= _LONGEST_DECIMAL else None
    if number is None or (exact and str(number) != text):
        return text or None
    return number


def _is_exactly(value: float, text: str) -> bool:
    """Tell whether a number is written with the value that ``text`` has."""
    from decimal import Decimal

    return Decimal(repr(value)) == Decimal(text)


def _person_name(text: str) -> dict[str, str] | None:
    """Return the component groups; what follows the third ``=`` against PS3.5 6.2 stays in the third."""
    groups = {name: group for name, group in zip(_PN_GROUPS, text.split("=", 2), strict=False) if group}
    return groups or None
