"""Data sets out of the DICOM JSON model (PS3.18 Annex F)."""

from __future__ import annotations

import json
import math
import re
import struct
from binascii import Error as Base64Error
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

from dcmtools.encoding.containers import MAX_DEPTH
from dcmtools.encoding.dataset import DataSet, Fragments
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.encoding.tags import format_tag
from dcmtools.encoding.texts import raw_value
from dcmtools.encoding.values import BULK_VRS, CHARSET_VRS, NUMBERS, SINGLE_TEXT_VRS, TEXT_VRS, number_struct
from dcmtools.encoding.writing import item as item_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.encoding.dataset import Value

    Resolve: TypeAlias = Callable[[str, str], bytes]

_TAG: Final = r"[0-9A-Fa-f]{8}"
_UTF_8: Final = b"ISO_IR 192"
_PN_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_PLACES: Final = ("Value", "InlineBinary", "BulkDataURI", "DataFragment")
_LIKE_PLACES: Final = frozenset(place.lower() for place in _PLACES)
_VRS: Final = TEXT_VRS | NUMBERS.keys() | {"SQ"}
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_WHOLE_VRS: Final = frozenset(("IS", "SL", "SS", "SV", "UL", "US", "UV"))
_NO_NUMBERS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_LONGEST_DECIMAL: Final = 16  # characters of a DS (PS3.5 6.2)


class ModelError(ValueError):
    """JSON that is none, or no model of a data set; the message says where."""


def parsed(text: str) -> Any:  # noqa: ANN401  whatever JSON can hold
    """Return what JSON says; raise ModelError with line and column, or with what is said twice.

    NaN, Infinity and what is as good as that are no JSON, an object that has a name twice says nothing
    certain, and numbers of more than 4300 digits are of no use.
    """
    values = list(all_parsed(text))
    if len(values) == 1:
        return values[0]
    message = f"{len(values)} values, where there should be one" if values else "there is nothing in it"
    raise ModelError(message)


def all_parsed(text: str) -> Iterator[Any]:
    """Yield what ``text`` says that is one value of JSON after the other, such as JSON Lines.

    Raises what ``parsed`` does.
    """
    scanner = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite)
    at = _end(_BLANKS.match(text))
    while at < len(text):
        value, at = _scanned(scanner, text, at)
        yield value
        at = _end(_BLANKS.match(text, at))


def _end(found: re.Match[str] | None) -> int:
    return found.end() if found else 0


def _scanned(scanner: json.JSONDecoder, text: str, at: int) -> tuple[Any, int]:
    try:
        return scanner.raw_decode(text, at)
    except json.JSONDecodeError as error:
        message = f"line {error.lineno} column {error.colno}: {error.msg}"
        raise ModelError(message) from None
    except RecursionError:
        message = "it is nested too deep"
        raise ModelError(message) from None
    except ValueError as error:
        raise ModelError(str(error)) from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object of JSON; raise ValueError where one thing is said twice, as only one could count."""
    found = dict(pairs)
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    several = [name for name in _PLACES if name in found]
    if twice or len(several) > 1:
        message = (
            f"{twice[0][:100]!r} stands twice" if twice else f"{' and '.join(several)} exclude each other"
        )
        raise ValueError(message)
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isfinite(number):
        return number
    message = f"{text[:100]} is greater than any number that a value can be"
    raise ValueError(message)


def _no_constant(name: str) -> NoReturn:
    message = f'{name} is no JSON; as text, "{name}", it is a value of FD and FL'
    raise ValueError(message)


def data_set_of(
    model: object, resolve: Resolve | None = None, shortened: list[str] | None = None, depth: int = 0
) -> DataSet:
    """Return the data set that the JSON object ``model`` describes, text in UTF-8.

    ``resolve`` returns the value of a VR that is at a BulkDataURI, in little endian, and raises ValueError;
    without it nothing may be elsewhere.
    Numbers that take more than the 16 characters of a DS are rounded to these, and named in ``shortened``,
    where that is given. Raises ModelError, with the tag, for what is no such model.
    """
    if not isinstance(model, dict):
        message = "a data set is an object, with tags of eight hexadecimal digits"
        raise ModelError(message)
    if depth > MAX_DEPTH:
        message = f"sequences are nested deeper than {MAX_DEPTH}"
        raise ModelError(message)
    data_set = DataSet()
    for name, element in model.items():
        if not re.fullmatch(_TAG, name):
            message = f"{name[:100]!r} is not a tag of eight hexadecimal digits"
            raise ModelError(message)
        tag = int(name, 16)
        vr = element.get("vr") if isinstance(element, dict) else None
        if not isinstance(vr, str) or vr not in _VRS:
            message = f"{format_tag(tag)}: the vr is missing, or none of PS3.5"
            raise ModelError(message)
        if tag in data_set:
            message = f"{format_tag(tag)} stands twice"
            raise ModelError(message)
        try:
            data_set[tag] = (vr, _value(vr, element, resolve, shortened, depth))
        except ValueError as error:
            message = f"{format_tag(tag)}: {error}"
            raise ModelError(message) from None
    return data_set


def _value(
    vr: str, element: dict[str, Any], resolve: Resolve | None, shortened: list[str] | None, depth: int
) -> Value:
    if misspelt := [name for name in element if _is_misspelt(name)]:
        message = f"{misspelt[0][:100]!r} is no place for values: these are {', '.join(_PLACES)}"
        raise ValueError(message)
    if "BulkDataURI" in element:
        return _elsewhere(vr, element["BulkDataURI"], resolve)
    if "DataFragment" in element:
        return _fragments(element["DataFragment"], resolve)
    if vr in BULK_VRS:
        if element.get("Value"):
            message = f"a Value is not for VR {vr}, whose bytes are InlineBinary"
            raise ValueError(message)
        return _inline(element.get("InlineBinary", ""))
    if "InlineBinary" in element:
        message = f"InlineBinary is not for VR {vr}"
        raise ValueError(message)
    values = element.get("Value", [])
    if not isinstance(values, list):
        message = "the Value is an array"
        raise ValueError(message)  # noqa: TRY004  as above
    return _items(values, resolve, shortened, depth) if vr == "SQ" else _bytes_of(vr, values, shortened)


def _is_misspelt(name: str) -> bool:
    """Tell whether that is nearly the name of a place for values, at which nobody would look."""
    return name not in _PLACES and re.sub("[^a-z]", "", name.lower()).removesuffix("s") in _LIKE_PLACES


def _bytes_of(vr: str, values: list[object], shortened: list[str] | None) -> bytes:
    if vr in ("FL", "FD"):
        return b"".join([_float(vr, value) for value in values])
    if (packed := _packed(vr, values)) is not None:
        return packed
    texts = [_text(vr, value, shortened) for value in values]
    if len(texts) > 1 and vr in SINGLE_TEXT_VRS:
        message = f"VR {vr} has one value, not {len(texts)}"
        raise ValueError(message)
    if vr not in SINGLE_TEXT_VRS and any("\\" in text for text in texts):
        message = "a backslash in a value would make two of it"
        raise ValueError(message)
    return raw_value(vr, "\\".join(texts), "<", _UTF_8)


def _packed(vr: str, values: list[Any]) -> bytes | None:
    """Return the bytes of whole numbers, if they are nothing else: there may be millions."""
    if vr not in NUMBERS or vr == "AT" or not all(type(value) is int for value in values):
        return None
    try:
        return struct.pack(f"<{len(values)}{number_struct(vr, '<').format[-1]}", *values)
    except struct.error:  # whoever looks at each says which
        return None


def _items(
    values: list[object], resolve: Resolve | None, shortened: list[str] | None, depth: int
) -> list[DataSet]:
    items = []
    for number, item in enumerate(values):
        try:
            model = {} if item is None else item
            items.append(data_set_of(model, resolve, shortened, depth + 1))
        except ModelError as error:
            message = f"item {number}: {error}"
            raise ModelError(message) from None
    return items


def _elsewhere(vr: str, uri: object, resolve: Resolve | None) -> bytes:
    if not isinstance(uri, str) or vr == "SQ":
        message = "a BulkDataURI is text, and not for sequences"
        raise ValueError(message)
    if resolve is None:
        message = "the value is elsewhere, at its BulkDataURI"
        raise ValueError(message)
    value = resolve(vr, uri)
    if vr in CHARSET_VRS:
        try:
            value.decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"the text at its BulkDataURI is not UTF-8 at byte {error.start}"
            raise ValueError(message) from None
    return value


def _fragments(found: object, resolve: Resolve | None) -> Fragments:
    """Return encapsulated pixel data that stands fragment by fragment, as dcm4che writes it."""
    if not isinstance(found, list):
        message = "the DataFragment is an array"
        raise ValueError(message)  # noqa: TRY004  as above
    out = b""
    for each in found:
        if each is not None and not isinstance(each, dict):
            message = "a fragment is an object or null"
            raise ValueError(message)
        value = _value("OB", each or {}, resolve, None, 0)
        out += item_of(value + b"\0" * (len(value) % 2) if isinstance(value, bytes) else b"", EXPLICIT)
    return Fragments(out)


def _inline(text: object) -> bytes:
    from base64 import b64decode

    if not isinstance(text, str):
        message = "InlineBinary is text in Base64"
        raise ValueError(message)  # noqa: TRY004  as above
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        message = f"InlineBinary is no Base64: {error}"
        raise ValueError(message) from None


def _float(vr: str, value: object) -> bytes:
    number = _NO_NUMBERS.get(value) if isinstance(value, str) else value
    if isinstance(value, str) and number is None:
        return raw_value(vr, value, "<", _UTF_8)
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        message = f"{str(value)[:100]!r} is no value of VR {vr}"
        raise ValueError(message)  # noqa: TRY004  as above
    try:
        return number_struct(vr, "<").pack(number)
    except (OverflowError, struct.error):
        message = f"{_shown(value)} is too great for VR {vr}"
        raise ValueError(message) from None


def _text(vr: str, value: object, shortened: list[str] | None) -> str:
    if value is None:
        return ""
    if vr == "PN" and isinstance(value, dict):
        groups = ["" if value.get(name) is None else value[name] for name in _PN_GROUPS]
        if all(isinstance(group, str) for group in groups) and value.keys() <= set(_PN_GROUPS):
            if any("=" in str(group) for group in groups[:2]):
                message = "a = in a component group would make two of it"
                raise ValueError(message)
            return "=".join(map(str, groups)).rstrip("=")
    if isinstance(value, str):
        return f"({value[:4]},{value[4:]})" if vr == "AT" else value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and _may_be_number(vr, value):
        return _number(vr, value, shortened)
    message = f"{_shown(value)} is no value of VR {vr}"
    raise ValueError(message)


def _shown(value: object) -> str:
    """Return the beginning of a value: a number may have more digits than can be text."""
    if isinstance(value, int) and value.bit_length() > 256:
        return "a number of so many digits"
    return repr(str(value)[:100])


def _may_be_number(vr: str, value: int | float) -> bool:
    """Tell whether numbers are values of ``vr``, whole ones of most, and IS holds this (PS3.5 6.2)."""
    if vr == "DS":
        return True
    whole = vr in _WHOLE_VRS and (isinstance(value, int) or value.is_integer())
    return whole and (vr != "IS" or -(2**31) <= value < 2**31)


def _number(vr: str, value: int | float, shortened: list[str] | None) -> str:
    """Return a number as text: whole ones of whole VRs without a point, those of DS in 16 characters."""
    if isinstance(value, float) and value.is_integer() and vr != "DS":
        return str(int(value))
    text = str(value)
    if vr != "DS" or shortened is None or len(text) <= _LONGEST_DECIMAL:
        return text
    for digits in range(_LONGEST_DECIMAL, 0, -1):
        short = f"{value:.{digits}g}"
        if len(short) <= _LONGEST_DECIMAL:
            shortened.append(text)
            return short
    return text
