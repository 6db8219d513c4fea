"""Changes of a data set as a person writes them: ``Keyword=value`` or ``gggg,eeee=value``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.editing.forms import check, packed, values_of
from dcmtools.editing.splice import Edit
from dcmtools.editing.text import encoded
from dcmtools.encoding import tagpath
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.tags import (
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    format_tag,
    is_private,
)
from dcmtools.encoding.values import BULK_VRS, CHARSET_VRS, NUMBERS, TEXT_VRS
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dcmtools.files.part10 import Part10File

_GROUP: Final = {0x0000: "a command", 0x0002: "the file meta information", 0x0004: "a DICOMDIR"}
_KEPT: Final = {
    SPECIFIC_CHARACTER_SET: "all text of the data set is encoded by it",
    SOP_CLASS_UID: "it says what the instance is",
    SOP_INSTANCE_UID: "it says which instance this is",
}
_LONGEST_CHARSET: Final = 1024


class Change(NamedTuple):
    """An element and the text that its value is to be: of the right form, not yet in any encoding."""

    tag: int
    vr: str
    text: str


def parse_changes(texts: Iterable[str]) -> list[Change]:
    """Return the changes that ``texts`` are; raise ValueError where one is wrong or contradicts another."""
    changes = [parse_change(text) for text in texts]
    seen = set()
    for change in changes:
        if change.tag in seen:
            message = f"{_name(change.tag)} is given twice"
            raise ValueError(message)
        seen.add(change.tag)
    return changes


def parse_change(text: str) -> Change:
    """Return the change that ``text`` is; nothing after the ``=`` makes the element empty.

    Raises ValueError, saying what is wrong, where it names no element, one that is private or that must not
    be changed, or where the value is not one of its VR and VM.
    """
    place, equals, value = text.partition("=")
    if not equals:
        message = f"{text!r} is not Keyword=value, nor gggg,eeee=value"
        raise ValueError(message)
    tag = _tag(place)
    vr, vm, _ = lookup(tag)
    _require_editable(tag, vr)
    values = values_of(vr, value)
    try:
        for each in values:
            check(vr, each)
        _require_count(len(values), vm)
    except ValueError as error:
        message = f"{_name(tag)}: {error}"
        raise ValueError(message) from None
    return Change(tag, vr, value)


def edits_for(file: Part10File, changes: Sequence[Change]) -> list[Edit]:
    """Return ``changes`` in the character set and the byte order of the data set of ``file``.

    Raises InputError where its character set does not have a character, and what the walk to it raises.
    """
    beyond = any(change.vr in CHARSET_VRS and not change.text.isascii() for change in changes)
    charset = _charset(file) if beyond else b""
    return [Edit(tag, vr, _value(tag, vr, text, file.encoding.order, charset)) for tag, vr, text in changes]


def _value(tag: int, vr: str, text: str, order: str, charset: bytes) -> bytes:
    """Return the bytes of a value, or of several, padded to even length (PS3.5 6.2)."""
    if vr in NUMBERS:
        return b"".join(packed(vr, value, order) for value in values_of(vr, text))
    try:
        raw = encoded(text, charset)
    except ValueError as error:
        raise InputError(f"{_name(tag)}: {error}") from None
    return raw if len(raw) % 2 == 0 else raw + (b"\0" if vr == "UI" else b" ")


def _charset(file: Part10File) -> bytes:
    walker = file.walk(stop=SPECIFIC_CHARACTER_SET + 1, shallow=True)
    for tag, _, _, value, length, depth in walker:
        if tag == SPECIFIC_CHARACTER_SET and not depth and length <= _LONGEST_CHARSET:
            return walker.value(value, length)
    return b""


def _tag(text: str) -> int:
    path = tagpath.parse(text)
    step = path.steps[0]
    if len(path.steps) > 1:
        message = f"{text!r} is within a sequence; only elements at the top of the data set can be set"
        raise ValueError(message)
    if step.creator or is_private(step.tag):
        message = f"{text!r} is private; only standard elements can be set"
        raise ValueError(message)
    return step.tag


def _require_editable(tag: int, vr: str) -> None:
    group = tag >> 16
    reason = ""
    if group in _GROUP:
        reason = f"it is an element of {_GROUP[group]}, not of a data set"
    elif not 0x0008 <= group < 0xFFFE or tag & 0xFFFF == 0:
        reason = "it is no element that a data set may have"
    elif tag in _KEPT:
        reason = _KEPT[tag]
    elif vr == "SQ":
        reason = "it is a sequence"
    elif vr == "UN":
        reason = "PS3.6 does not have it, so its VR is not known"
    elif " " in vr and "OW" not in vr:
        reason = f"its VR is {vr}, which other elements decide"
    elif vr in BULK_VRS or vr not in NUMBERS.keys() | TEXT_VRS:
        reason = f"its VR is {vr}, whose values are not text"
    if reason:
        message = f"{_name(tag)} cannot be set: {reason}"
        raise ValueError(message)


def _require_count(count: int, vm: str) -> None:
    """Raise ValueError unless ``count`` is 0 or allowed by ``vm``, such as 1, 1-3, 2-n or 2-2n (PS3.6)."""
    least, _, most = vm.partition("-")
    step = int(most[:-1] or 1) if most.endswith("n") else 1
    highest = int(most or least) if not most.endswith("n") else count
    if count and (not int(least) <= count <= highest or (count % step if step > 1 else 0)):
        message = f"{count} value{'s' if count > 1 else ''} where the VM is {vm}"
        raise ValueError(message)


def _name(tag: int) -> str:
    keyword = lookup(tag)[2]
    return f"{keyword} {format_tag(tag)}" if keyword else format_tag(tag)
