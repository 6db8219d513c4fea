"""Small data sets out of the DICOM JSON model (PS3.18 Annex F)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.containers import MAX_DEPTH
from dcmtools.encoding.dataset import DataSet
from dcmtools.encoding.tags import format_tag
from dcmtools.encoding.texts import raw_value
from dcmtools.encoding.values import BULK_VRS, NUMBERS, TEXT_VRS

if TYPE_CHECKING:
    from dcmtools.encoding.dataset import Value

_TAG: Final = r"[0-9A-Fa-f]{8}"
_UTF_8: Final = b"ISO_IR 192"
_PN_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")


def data_set_of(model: object, depth: int = 0) -> DataSet:
    """Return the data set that the JSON object ``model`` describes, text in UTF-8.

    Raises ValueError, with the tag, for what is no such model, and for bulk values that are elsewhere.
    """
    if not isinstance(model, dict):
        message = "a data set is an object, with tags of eight hexadecimal digits"
        raise ValueError(message)  # noqa: TRY004  the words are for whoever wrote the file
    if depth > MAX_DEPTH:
        message = f"sequences are nested deeper than {MAX_DEPTH}"
        raise ValueError(message)
    data_set = DataSet()
    for name, element in model.items():
        if not re.fullmatch(_TAG, name):
            message = f"{name[:100]!r} is not a tag of eight hexadecimal digits"
            raise ValueError(message)
        tag = int(name, 16)
        vr = element.get("vr") if isinstance(element, dict) else None
        if not isinstance(vr, str) or vr not in TEXT_VRS | NUMBERS.keys() | {"SQ"}:
            message = f"{format_tag(tag)}: the vr is missing, or none of PS3.5"
            raise ValueError(message)
        try:
            data_set[tag] = (vr, _value(vr, element, depth))
        except ValueError as error:
            message = f"{format_tag(tag)}: {error}"
            raise ValueError(message) from None
    return data_set


def _value(vr: str, element: dict[str, object], depth: int) -> Value:
    if "BulkDataURI" in element:
        message = "the value is elsewhere, at its BulkDataURI"
        raise ValueError(message)
    if vr in BULK_VRS:
        return _inline(element.get("InlineBinary", ""))
    values = element.get("Value", [])
    if not isinstance(values, list):
        message = "the Value is an array"
        raise ValueError(message)  # noqa: TRY004  as above
    if vr == "SQ":
        return [data_set_of(item, depth + 1) for item in values]
    return raw_value(vr, "\\".join([_text(vr, value) for value in values]), "<", _UTF_8)


def _inline(text: object) -> bytes:
    from base64 import b64decode

    if isinstance(text, str):
        return b64decode(text, validate=True)
    message = "InlineBinary is text in Base64"
    raise ValueError(message)


def _text(vr: str, value: object) -> str:
    if value is None:
        return ""
    if vr == "PN" and isinstance(value, dict):
        groups = [value.get(name, "") for name in _PN_GROUPS]
        if all(isinstance(group, str) for group in groups):
            return "=".join(map(str, groups)).rstrip("=")
    if isinstance(value, str):
        return f"({value[:4]},{value[4:]})" if vr == "AT" else value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    message = f"{str(value)[:100]!r} is no value of VR {vr}"
    raise ValueError(message)
