"""Changes of a data set as a person writes them: ``Keyword=value`` or ``gggg,eeee=value``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.editing.splice import Edit
from dcmtools.encoding import tagpath
from dcmtools.encoding.dictionary import lookup, name_of
from dcmtools.encoding.forms import check_values, no_place, no_text
from dcmtools.encoding.tags import (
    PIXEL_REPRESENTATION,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    is_private,
)
from dcmtools.encoding.texts import raw_value, settled
from dcmtools.encoding.values import CHARSET_VRS
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dcmtools.files.part10 import Part10File

IDENTITY: Final = {
    SPECIFIC_CHARACTER_SET: "all text of the data set is encoded by it",
    SOP_CLASS_UID: "it says what the instance is",
    SOP_INSTANCE_UID: "it says which instance this is",
}
"""What stays as it is where an instance is to remain the one it is, and why."""
_LONGEST_VALUE: Final = 1024


class Change(NamedTuple):
    """An element and the text that its value is to be: of the right form, not yet in any encoding.

    The VR is the dictionary's: it may be ``US or SS``.
    """

    tag: int
    vr: str
    text: str


def parse_changes(texts: Iterable[str], kept: Mapping[int, str] = IDENTITY) -> list[Change]:
    """Return the changes that ``texts`` are; raise ValueError where one is wrong or contradicts another."""
    changes = [parse_change(text, kept) for text in texts]
    seen = set()
    for change in changes:
        if change.tag in seen:
            message = f"{name_of(change.tag)} is given twice"
            raise ValueError(message)
        seen.add(change.tag)
    return changes


def parse_change(text: str, kept: Mapping[int, str] = IDENTITY) -> Change:
    """Return the change that ``text`` is; nothing after the ``=`` makes the element empty.

    ``kept`` are the elements that must not be changed, and why. Raises ValueError, saying what is wrong,
    for one of these, where it names no element, one that is private or that no text can be put into, or where
    the value is not one of its VR and VM.
    """
    place, equals, value = text.partition("=")
    if not equals:
        message = f"{text!r} is not Keyword=value, nor gggg,eeee=value"
        raise ValueError(message)
    tag = _tag(place)
    vr, vm, _ = lookup(tag)
    if reason := no_place(tag) or kept.get(tag) or no_text(vr):
        message = f"{name_of(tag)} cannot be set: {reason}"
        raise ValueError(message)
    try:
        check_values(vr, vm, value)
    except ValueError as error:
        message = f"{name_of(tag)}: {error}"
        raise ValueError(message) from None
    return Change(tag, vr, value)


def edits_for(file: Part10File, changes: Sequence[Change]) -> list[Edit]:
    """Return ``changes`` in the character set and the byte order of the data set of ``file``.

    Raises InputError where its character set does not have a character, or its Pixel Representation a
    number, and what the walk to these raises.
    """
    beyond = any(change.vr in CHARSET_VRS and not change.text.isascii() for change in changes)
    charset = _value(file, SPECIFIC_CHARACTER_SET) if beyond else b""
    either = any(change.vr == "US or SS" for change in changes)
    signed = _is_signed(file, changes) if either else None
    edits = []
    for tag, known, text in changes:
        vr = settled(known, text, signed=signed)
        try:
            edits.append(Edit(tag, vr, raw_value(vr, text, file.encoding.order, charset)))
        except ValueError as error:
            raise InputError(f"{name_of(tag)}: {error}") from None
    return edits


def _is_signed(file: Part10File, changes: Sequence[Change]) -> bool | None:
    """Tell whether pixel values have a sign once ``changes`` are made; None where nothing says so."""
    for tag, _, text in changes:
        if tag == PIXEL_REPRESENTATION:
            return text != "0" if text else None
    raw = _value(file, PIXEL_REPRESENTATION)
    return any(raw) if raw else None


def _value(file: Part10File, tag: int) -> bytes:
    """Return a short value at the top of the data set of ``file``; empty where there is none."""
    walker = file.walk(stop=tag + 1, shallow=True)
    for found, _, _, value, length, depth in walker:
        if found == tag and not depth and length <= _LONGEST_VALUE:
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
