"""The DICOM JSON model (PS3.18 Annex F) of a data set, built while it is walked."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dcmtools.encoding.bulk import Bulk, at_offset
from dcmtools.encoding.charset import DEFAULT, decoder_of
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tags import ITEM, SPECIFIC_CHARACTER_SET, format_tag
from dcmtools.encoding.values import BULK_VRS, INTEGER_VRS, effective_vr, numbers, texts
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
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def json_model(
    walker: Walker,
    read: Callable[[], list[Element]] | None = None,
    decode: Decoder = DEFAULT,
    place: Placing = at_offset,
) -> JsonDataSet:
    """Return the data set that ``walker`` walks in the JSON model.

    ``read`` returns the elements to take of those that the walker reads, all by default; ``decode`` is for
    text without a character set.

    ``place`` says how bulk values stand: those of OB, OD, OF, OL, OV, OW and UN, and others of more than
    16 MiB. By default it is a BulkDataURI relative to the file, with offset and length in bytes. They are
    those in the source that is walked, which of a deflated data set is what it inflates to. An encapsulated
    value reaches to its delimiter. Raises what the walker and ``place`` raise, and InputError for a value of
    more than 16 MiB whose VR has no bulk values.
    """
    builder = _Builder(walker, decode, place)
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

    def __init__(self, walker: Walker, decode: Decoder, place: Placing) -> None:
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
            self._data_sets[depth >> 1][0][f"{tag:08X}"] = model
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
            value = Bulk(self._walker, tag, self._fragments["vr"], begin, offset - begin, "<")
            self._fragments.update(self._place(value))
            self._fragments = None

    def _fill(self, model: JsonDataSet, element: Element) -> None:
        tag, vr, start, offset, length, depth = element
        shown = model["vr"]
        order = self._walker.order if vr != "UN" else "<"
        if shown in BULK_VRS or (length > _MAX_VALUE and shown in _MAY_BE_BULK):
            model.update(self._place(Bulk(self._walker, tag, shown, offset, length, order)))
            return
        if length > _LONGEST:
            what = f"a value of {length} bytes is too long for VR {shown} in the JSON model"
            raise InputError(f"offset {start}, {format_tag(tag)}: {what}")
        data_set, decode = self._data_sets[depth >> 1]
        raw = self._walker.value(offset, length)
        if values := json_values(shown, raw, order, decode):
            model["Value"] = values
        if tag == SPECIFIC_CHARACTER_SET:
            self._data_sets[depth >> 1] = (data_set, decoder_of(raw))


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


def json_values(vr: str, raw: bytes, order: str, decode: Decoder) -> list[Any]:
    """Return the values of a non-bulk ``vr`` as PS3.18 F.2.3 has them; empty ones are null."""
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
        return [_number_string(vr, value) for value in values]
    return [value or None for value in values]


def _finite(value: float) -> float | str:
    """Return what JSON can hold of a float: it has no NaN and no infinity, so these are strings."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "-Infinity" if value < 0 else "Infinity"


def _number_string(vr: str, text: str) -> int | float | str | None:
    """Return a number where JSON can hold it exactly enough, else the text itself (PS3.18 F.2.3, note)."""
    if _INTEGER.fullmatch(text):
        return int(text)
    if vr == "DS" and _DECIMAL.fullmatch(text) and math.isfinite(value := float(text)):
        return value
    return text or None


def _person_name(text: str) -> dict[str, str] | None:
    """Return the component groups; what follows the third ``=`` against PS3.5 6.2 stays in the third."""
    groups = {name: group for name, group in zip(_PN_GROUPS, text.split("=", 2), strict=False) if group}
    return groups or None
