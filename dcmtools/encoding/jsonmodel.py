"""The DICOM JSON model (PS3.18 Annex F) of a data set, built while it is walked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

from dcmtools.encoding.charset import DEFAULT, decoder_of
from dcmtools.encoding.tags import ITEM, SPECIFIC_CHARACTER_SET
from dcmtools.encoding.values import BULK_VRS, effective_vr, numbers, texts
from dcmtools.encoding.walker import UNDEFINED

if TYPE_CHECKING:
    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.walker import Walker

JsonDataSet: TypeAlias = dict[str, Any]
_PN_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def json_model(walker: Walker) -> JsonDataSet:
    """Return the data set that ``walker`` walks in the JSON model.

    Values of OB, OD, OF, OL, OV, OW and UN stand as a BulkDataURI relative to the file, with offset and
    length in bytes; an encapsulated value's length reaches to its delimiter. Raises what the walker raises.
    """
    root: JsonDataSet = {}
    data_sets: list[tuple[JsonDataSet, Decoder]] = [(root, DEFAULT)]
    items: list[list[JsonDataSet]] = []
    fragments: JsonDataSet | None = None
    while elements := walker.read():
        for tag, vr, _, offset, length, depth in elements:
            level = depth >> 1
            if depth & 1:
                if tag == ITEM and fragments is None:
                    del data_sets[level + 1 :]
                    data_sets.append(({}, data_sets[level][1]))
                    items[level].append(data_sets[-1][0])
                continue
            if vr == "":  # the delimiter of a sequence or of fragments
                if fragments is not None:
                    fragments["BulkDataURI"] += str(offset - fragments.pop("_offset"))
                    fragments = None
                continue
            data_set, decode = data_sets[level]
            element: JsonDataSet = {"vr": vr}
            data_set[f"{tag:08X}"] = element
            if vr == "SQ":
                del items[level:]
                items.append([])
                element["Value"] = items[level]
            elif length == UNDEFINED:
                element.update(BulkDataURI=f"?offset={offset}&length=", _offset=offset)
                fragments = element
            elif length:
                _fill(element, tag, vr, walker, offset, length, decode)
                if tag == SPECIFIC_CHARACTER_SET:
                    decode = decoder_of(walker.value(offset, length))
                    data_sets[level] = (data_set, decode)
    return _pruned(root)


def _pruned(root: JsonDataSet) -> JsonDataSet:
    """Leave the Value out of sequences without items (PS3.18 F.2.5)."""
    pending = [root]
    while pending:
        for element in pending.pop().values():
            if element["vr"] == "SQ":
                pending.extend(element["Value"])
                if not element["Value"]:
                    del element["Value"]
    return root


def _fill(
    element: JsonDataSet, tag: int, vr: str, walker: Walker, offset: int, length: int, decode: Decoder
) -> None:
    shown = effective_vr(tag, vr)
    element["vr"] = shown
    if shown in BULK_VRS:
        element["BulkDataURI"] = f"?offset={offset}&length={length}"
        return
    order = walker.encoding.order if vr != "UN" else "<"
    values = json_values(shown, walker.value(offset, length), order, decode)
    if values:
        element["Value"] = values


def json_values(vr: str, raw: bytes, order: str, decode: Decoder) -> list[Any]:
    """Return the values of a non-bulk ``vr`` as PS3.18 F.2.3 has them; empty ones are null."""
    if vr == "AT":
        return [f"{int(value):08X}" for value in numbers(vr, raw, order)]
    if vr in ("FL", "FD"):
        return [_finite(value) for value in numbers(vr, raw, order)]
    if vr in ("SL", "SS", "SV", "UL", "US", "UV"):
        return list(numbers(vr, raw, order))
    values = texts(vr, raw, decode)
    if vr == "PN":
        return [_person_name(value) for value in values]
    if vr in ("DS", "IS"):
        return [_number_string(vr, value) for value in values]
    return [value or None for value in values]


def _finite(value: float) -> float | str:
    """Return what JSON can hold of a float: PS3.18 F.2.3 leaves NaN and infinities as strings."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "-Infinity" if value < 0 else "Infinity"


def _number_string(vr: str, text: str) -> float | str | None:
    if not text:
        return None
    try:
        value = int(text) if vr == "IS" else float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text


def _person_name(text: str) -> dict[str, str] | None:
    groups = {name: group for name, group in zip(_PN_GROUPS, text.split("="), strict=False) if group}
    return groups or None
