"""What a person wants changed in a data set: paths, and the values that go there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from dcmtools.encoding import tagpath
from dcmtools.encoding.containers import MAX_DEPTH
from dcmtools.encoding.dictionary import lookup, name_of, private_lookup
from dcmtools.encoding.forms import check_values, no_place, no_text
from dcmtools.encoding.tagpath import TagPath
from dcmtools.encoding.tags import (
    LENGTH_TO_END,
    PIXEL_REPRESENTATION,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    TRANSFER_SYNTAX_UID,
    is_creator,
    is_private,
)
from dcmtools.encoding.texts import raw_value, settled
from dcmtools.encoding.uids import uid_named
from dcmtools.encoding.values import BULK_VRS, NUMBERS, TEXT_VRS, number_struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dcmtools.encoding.dataset import Value
    from dcmtools.encoding.dictionary import Fields
    from dcmtools.encoding.tagpath import Step

Kind: TypeAlias = Literal["set", "replace", "erase"]
UTF_8: Final = b"ISO_IR 192"
EVERY: Final = 1 << 40
"""In the place of the number of an item: each there is, ``[*]``."""
DEEP: Final = "**."
_UNSET: Final = {
    SPECIFIC_CHARACTER_SET: "all text is encoded by it; --charset changes both",
    LENGTH_TO_END: "it is retired, and would be wrong",
    TRANSFER_SYNTAX_UID: "'dcmtools compress' and 'decompress' change it, and what it is about",
}
_IDENTITY: Final = (SOP_CLASS_UID, SOP_INSTANCE_UID)


class Given(NamedTuple):
    """A value, in one of two ways.

    ``text`` is of the VR ``known``, the dictionary's, which may be ``US or SS``; empty where the file has to
    tell. Without a text it is ``raw``, of that VR: the items of a sequence, or bytes in little endian, text
    in UTF-8.
    """

    known: str
    text: str | None
    raw: Value = b""

    def settled(self, vr: str = "", *, signed: bool | None = None) -> tuple[str, Value]:
        """Return VR and value in the place of an element that a file has with ``vr``, if it has one.

        ``signed`` is what Pixel Representation says there. Raises ValueError where it cannot be.
        """
        if self.text is None:
            return self.known, self.raw
        chosen = self._vr(vr, signed=signed)
        return chosen, [] if chosen == "SQ" else raw_value(chosen, self.text, "<", UTF_8)

    def _vr(self, vr: str, *, signed: bool | None) -> str:
        text = self.text or ""
        if not self.known:
            if vr in ("", "UN") or (text and no_text(vr)):
                message = "no dictionary has it, so its VR is not known; a patch in JSON can tell it"
                raise ValueError(message)
            check_values(vr, "1-n", text)
            return vr
        if vr in self.known.split(" or ") and not (self.known == "US or SS" and signed is not None):
            return vr
        return settled(self.known, text, signed=signed)

    def __str__(self) -> str:
        """Return it for people."""
        if self.text is not None:
            return self.text
        if isinstance(self.raw, list):
            return f"{len(self.raw)} item{'' if len(self.raw) == 1 else 's'}"
        return (
            self.raw.decode().rstrip(" \0")
            if self.known in TEXT_VRS
            else f"{len(self.raw)} bytes of VR {self.known}"
        )


class Wanted(NamedTuple):
    """One edit: ``set`` an element, made where there is none, ``replace`` one that is there, or ``erase`` it.

    ``steps`` lead there; items of theirs are numbers, EVERY, or None: the one that there is. The ``deep`` may
    begin in the data set and in any item. ``path`` is what was written.
    """

    kind: Kind
    path: str
    steps: tuple[Step, ...]
    deep: bool = False
    given: Given | None = None

    @property
    def specific(self) -> int:
        """How much it is about one place: of two that are about the same the more specific counts."""
        return 0 if self.deep else 1 if any(step.item == EVERY for step in self.steps) else 2

    def makes(self, index: int) -> bool:
        """Tell whether what is missing from the step ``index`` on is to be made."""
        return self.kind == "set" and not self.deep and all(step.item != EVERY for step in self.steps[index:])

    @property
    def names_instance(self) -> bool:
        """Whether it says which instance a file is."""
        return (
            self.given is not None
            and self.steps[-1].tag == SOP_INSTANCE_UID
            and (self.deep or len(self.steps) == 1)
        )

    @property
    def signs(self) -> bool | None:
        """Whether it says, at the top, that pixel values have a sign."""
        if self.given and self.given.text and [step.tag for step in self.steps] == [PIXEL_REPRESENTATION]:
            return self.given.text != "0"
        return None


def erasing(text: str, *, deep: bool = False) -> Wanted:
    """Return the edit that takes out the element or item at the path ``text``; raises ValueError."""
    steps, within = _steps(text, item=text.endswith("]"))
    last = steps[-1]
    if reason := _meta(last) or _UNSET.get(last.tag, "") if last.tag != LENGTH_TO_END else "":
        raise _refused(last, "erased", reason)
    if last.tag in _IDENTITY and len(steps) == 1:
        raise _refused(last, "erased", "it says which instance this is")
    return Wanted("erase", text, steps, deep or within)


def setting(text: str, kind: Kind = "set", *, deep: bool = False) -> Wanted:
    """Return the edit that ``text``, PATH=VALUE, asks for; nothing after the ``=`` makes an element empty.

    Raises ValueError for a path that leads nowhere, an element that cannot be set or into which no text can
    be put, and values that are not of its VR and VM.
    """
    place, equals, value = text.partition("=")
    if not equals:
        message = f"{text!r} is not PATH=VALUE"
        raise ValueError(message)
    return valued(place, value, kind, deep=deep)


def valued(place: str, value: str, kind: Kind = "set", *, deep: bool = False) -> Wanted:
    """Return the edit that gives the element at the path ``place`` the values in the text ``value``."""
    steps, within = _steps(place)
    _check_place(steps, kind, empty=not value)
    vr, vm, _ = fields_of(steps[-1])
    known = "" if _is_unknown(steps[-1], vr) else vr
    if known and value and (reason := no_text(vr)):
        raise _refused(steps[-1], "set", f"{reason}; --set-file takes bytes")
    if known and vr != "SQ":
        try:
            value = _uids(value) if vr == "UI" else value
            check_values(vr, vm, value)
        except ValueError as error:
            message = f"{named(steps[-1])}: {error}{_spelling(vr, value)}"
            raise ValueError(message) from None
    return Wanted(kind, place, steps, deep or within, Given(known, value))


def _uids(text: str) -> str:
    """Return the UIDs that ``text`` has, or names by their keywords; raise ValueError for what is none."""
    return "\\".join([uid_named(each) if each[:1].isalpha() else each for each in text.split("\\")])


def _spelling(vr: str, text: str) -> str:
    """Return how a date or time is written that was written as people do; empty where ``text`` is none."""
    bare = re.sub("[-:]", "", text) if vr in ("DA", "TM") else text
    try:
        check_values(vr, "1", bare)
    except ValueError:
        return ""
    return f"; it is written {bare}" if bare != text else ""


def filled(place: str, data: bytes) -> Wanted:
    """Return the edit that gives the element at the path ``place`` the bytes ``data``, or text in UTF-8.

    Raises ValueError as ``valued`` does, and where the bytes are no numbers of its VR.
    """
    steps, within = _steps(place)
    _check_place(steps, "set", empty=not data)
    vr = settled(fields_of(steps[-1])[0], "")
    if vr not in BULK_VRS or vr == "UN":
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            message = f"{named(steps[-1])}: byte {error.start} is not UTF-8"
            raise ValueError(message) from None
        return valued(place, text.removesuffix("\n").removesuffix("\r"))
    if len(data) % (number_struct(vr, "<").size if vr in NUMBERS else 1):
        message = f"{named(steps[-1])}: {len(data)} bytes are no whole number of values of VR {vr}"
        raise ValueError(message)
    return Wanted("set", place, steps, within, Given(vr, None, data))


def checked(wanted: Iterable[Wanted]) -> list[Wanted]:
    """Return ``wanted``, the more specific behind; raise ValueError where one contradicts another."""
    found = sorted(wanted, key=lambda each: each.specific)
    seen = set()
    for each in found:
        place = each.deep, each.steps
        if place in seen:
            message = f"{each.path} is given twice"
            raise ValueError(message)
        seen.add(place)
    erased = {(each.deep, each.steps): each for each in found if each.kind == "erase"}
    for each in found if erased else ():
        for end in range(1, len(each.steps) + 1):
            *before, last = each.steps[:end]
            for steps in ((*before, last), (*before, last._replace(item=None))):
                if erased.get((each.deep, steps), each) is not each:
                    message = f"{each.path} is in what is erased, {erased[each.deep, steps].path}"
                    raise ValueError(message)
    return found


def fields_of(step: Step) -> Fields:
    """Return what the dictionaries say of the element that ``step`` is for."""
    return private_lookup(step.creator, step.tag) if step.creator else lookup(step.tag)


def named(step: Step) -> str:
    """Return how to speak of the element that ``step`` is for."""
    return str(step) if step.creator else name_of(step.tag)


def shown(steps: Iterable[Step]) -> str:
    """Return the path of ``steps`` as it is printed, the one item there is being the first."""
    *above, last = steps
    return str(TagPath((*[step._replace(item=step.item or 0) for step in above], last)))


def _steps(text: str, *, item: bool = False) -> tuple[tuple[Step, ...], bool]:
    """Return the steps of the path ``text``, and whether they may begin anywhere."""
    numbered = text.removeprefix(DEEP).replace("[*]", f"[{EVERY}]")
    steps = tagpath.parse(numbered, item=item).steps
    if len(steps) > MAX_DEPTH:
        message = f"{text[:100]!r}: sequences are nested deeper than {MAX_DEPTH}"
        raise ValueError(message)
    return steps, text.startswith(DEEP)


def _is_unknown(step: Step, vr: str) -> bool:
    return vr == "UN" and is_private(step.tag)


def refusal(steps: tuple[Step, ...], *, empty: bool) -> str:
    """Return why the element that ``steps`` lead to cannot get a value, or none; empty where it can."""
    step = steps[-1]
    if empty and step.tag in _IDENTITY and len(steps) == 1:
        return "it says which instance this is, and is not to be empty"
    return _UNSET.get(step.tag, "") or _meta(step) or no_place(step.tag)


def _check_place(steps: tuple[Step, ...], kind: Kind, *, empty: bool) -> None:
    """Raise ValueError unless the element that ``steps`` lead to may get a value."""
    step = steps[-1]
    reason = refusal(steps, empty=empty)
    needs_creator = is_private(step.tag) and not is_creator(step.tag) and not step.creator
    if needs_creator and kind == "set":
        reason = "it is private, so its creator is needed, as in 0029,10,CREATOR"
    if reason:
        raise _refused(step, "set", reason)


def _meta(step: Step) -> str:
    if step.tag >> 16 == 0x0002:
        return "it is an element of the file meta information, which follows the data set; see --fix-meta"
    return ""


def _refused(step: Step, what: str, reason: str) -> ValueError:
    return ValueError(f"{named(step)} cannot be {what}: {reason}")
