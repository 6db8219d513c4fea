"""What a user says of single attributes: rules that go before those of PS3.15."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from dcmtools.encoding import tagpath
from dcmtools.encoding.dictionary import lookup, name_of
from dcmtools.encoding.forms import check_values, no_place, no_text
from dcmtools.encoding.tags import (
    PIXEL_DATA,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    is_creator,
    is_private,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

Action: TypeAlias = Literal["keep", "remove", "empty", "set"]
Place: TypeAlias = int | tuple[int, ...] | tuple[str, int]
"""A tag, wherever it stands; the tags of a path; a private creator and the tag with block 00."""
ACTIONS: Final[tuple[Action, ...]] = ("keep", "remove", "empty", "set")
_WRITTEN: Final = "it says what was done, and is written accordingly"
_SETTLED: Final = {
    SPECIFIC_CHARACTER_SET: "all text of the data set is encoded by it",
    SOP_CLASS_UID: "it says what the instance is",
    SOP_INSTANCE_UID: "it says which instance this is; retaining uids keeps it",
    0x00120062: _WRITTEN,
    0x00120063: _WRITTEN,
    0x00120064: _WRITTEN,
    0x00280303: _WRITTEN,
    0x7FE00008: "what becomes of pixels has an option of its own",
    0x7FE00009: "what becomes of pixels has an option of its own",
    PIXEL_DATA: "what becomes of pixels has an option of its own",
}
"""Attributes that no rule can be about, and why."""


class Rule(NamedTuple):
    """What is to become of an attribute: ``keep``, ``remove``, ``empty``, or ``set`` it to ``text``.

    Of a sequence that is kept, the items are still treated by the profile. ``vr`` is that of the text, as
    the dictionary has it, so it may be ``US or SS``. ``source`` says who wants it: an option, a file.
    """

    action: Action
    source: str
    vr: str = ""
    text: str = ""


class Rules(NamedTuple):
    """The rules, by what they are about: the more specific goes first."""

    tags: dict[int, Rule]
    paths: dict[tuple[int, ...], Rule]
    private: dict[tuple[str, int], Rule]

    def add(self, place: Place, rule: Rule) -> None:
        """Add a rule, in the place of one that was there."""
        if isinstance(place, int):
            self.tags[place] = rule
        elif isinstance(place[0], str):
            self.private[place] = rule
        else:
            self.paths[place] = rule


def collected(rules: Iterable[tuple[Place, Rule]]) -> Rules:
    """Return ``rules`` by what they are about; of two for one place the later counts."""
    found = Rules({}, {}, {})
    for place, rule in rules:
        found.add(place, rule)
    return found


def parse(text: str, action: Action, source: str, value: str = "") -> tuple[Place, Rule]:
    """Return the rule for what ``text`` names by keyword, tag, path, or group, element and private creator.

    Raises ValueError, saying what is wrong with it.
    """
    place = _place(text)
    if action != "set":
        return place, Rule(action, source)
    tag = place if isinstance(place, int) else place[-1]
    if is_private(tag):
        message = f"{text!r} is private; only standard elements can be set"
        raise ValueError(message)
    vr, vm, _ = lookup(tag)
    if reason := no_text(vr):
        message = f"{name_of(tag)} cannot be set: {reason}"
        raise ValueError(message)
    try:
        check_values(vr, vm, value)
    except ValueError as error:
        message = f"{name_of(tag)}: {error}"
        raise ValueError(message) from None
    return place, Rule(action, source, vr, value)


def _place(text: str) -> Place:
    steps = tagpath.parse(text).steps
    for step in steps:
        if step.item is not None:
            message = f"{text!r}: a rule is about every item; leave [{step.item}] out"
            raise ValueError(message)
        if is_creator(step.tag) and not step.creator:
            message = f"{text!r} is a private creator, which stays with what is kept of its block"
            raise ValueError(message)
        if is_private(step.tag) and not step.creator:
            message = (
                f"{text!r} is private; name its creator: {step.tag >> 16:04x},{step.tag & 0xFF:02x},CREATOR"
            )
            raise ValueError(message)
        if reason := _SETTLED.get(step.tag, "") or (not step.creator and no_place(step.tag)):
            message = f"{name_of(step.tag)} cannot have a rule: {reason}"
            raise ValueError(message)
    last = steps[-1]
    if len(steps) == 1:
        return (last.creator, last.tag) if last.creator else last.tag
    if any(step.creator for step in steps):
        message = (
            f"{text!r}: a rule for private elements is about them wherever they stand; leave the path out"
        )
        raise ValueError(message)
    return tuple(step.tag for step in steps)
