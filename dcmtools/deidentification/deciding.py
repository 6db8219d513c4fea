"""What becomes of each attribute: the profile's word, then PS3.15 Table E.1-1, then its VR.

It depends on where an attribute stands, and under which VR, so what was decided is remembered by that.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.frames import PIXEL_TAGS
from dcmtools.deidentification import content, method
from dcmtools.deidentification.identifying import is_identifying
from dcmtools.deidentification.makers import (
    PSEUDONYMS,
    capped_age,
    class_uids,
    mapped_uids,
    set_value,
    shifted_dates,
    unchanged,
    zeros,
)
from dcmtools.deidentification.private import CHARACTERISTICS, keeps_private
from dcmtools.deidentification.types import attribute_type, resolved
from dcmtools.deidentification.unlisted import ALWAYS_REMOVED, unlisted_code
from dcmtools.deidentification.values import dummy
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET, is_private
from dcmtools.encoding.uids import CLASS_UIDS
from dcmtools.encoding.values import BULK_VRS, NUMBER_VRS, TEXT_VRS, effective_vr, number_struct

if TYPE_CHECKING:
    from dcmtools.deidentification.makers import Make
    from dcmtools.deidentification.profile import Profile
    from dcmtools.deidentification.rules import Rule

# What is done with an element.
(
    KEEP,  # as it is, unless something is found in its text
    EXEMPT,  # as it is, whatever is found
    REMOVE,
    EMPTY,
    REPLACE,  # its value
    WALK,  # the sequence stays, and what is in it is decided on
    SWAP,  # the items of the sequence for others
    PRIVATE,  # looked up by its creator
    OVERLAY,  # looked up by its type
    LENGTH,  # of a group
    CHARSET,
    ABSORB,  # in what is said of de-identification itself
    CONCEPT,  # the name of a content item is noted
    SET,  # whatever its value is
) = range(14)
_CURVES: Final = range(0x5000, 0x5100)
_OVERLAYS: Final = range(0x6000, 0x6100)
_FIRST: Final = 0x00080000
_NUMERIC_VALUE: Final = 0x0040A30A
PSEUDONYM: Final = "a pseudonym"
_DATES: Final = frozenset(("DA", "DT"))
_FLOATS: Final = frozenset(("FD", "FL"))
_KEPT_AS_DUMMIES: Final = frozenset(("CS", "DS", "IS"))
_MOST: Final = 65536
_MOST_PLACES: Final = 4096
_TEMPORAL: Final = frozenset(("DA", "DT", "TM"))


class Action(NamedTuple):
    """What to do with an element: its ``kind``, and the ``code`` of PS3.15 E.1 and ``rule`` for people.

    ``value`` is a new value where that is always the same, else ``make`` returns it from the old one;
    ``inner`` is where the items of a sequence stand.
    """

    kind: int
    code: str
    rule: str
    value: bytes = b""
    make: Make | None = None
    inner: Context | None = None


class Mode(NamedTuple):
    """How a data set or an item is gone through."""

    dummy: bool = False  # text gives way to dummies: the sequence is to be there, but not what it says
    content: bool = False  # it is a content item (PS3.3 C.17.3)
    value: str = ""  # the code for the value of that content item


_PLAIN: Final = Mode()
_DUMMY: Final = Mode(dummy=True)


class Context:
    """A place in data sets of a SOP class: the top, or the items of a sequence.

    ``kept`` has the VRs of the tags that stay as they are, unless a search of the text says otherwise;
    ``sized`` those of numbers, and the bytes that so many of them take; ``dropped`` of those that go.
    """

    __slots__ = (
        "_actions", "_known", "_path", "_profile", "_sop_class", "dropped", "kept", "mode", "sized", "tag",
    )  # fmt: skip

    def __init__(
        self, profile: Profile, sop_class: str, path: tuple[int, ...] = (), mode: Mode = _PLAIN
    ) -> None:
        """Begin with nothing decided for the items of the last of ``path``, at the top without any."""
        self._profile = profile
        self._sop_class = sop_class
        self._path = path
        self.tag = path[-1] if path else 0
        self.mode = mode
        self.kept: dict[int, str] = {}
        self.sized: dict[int, tuple[str, int]] = {}
        self.dropped: dict[int, str] = {}
        self._actions: dict[tuple[int, str], Action] = {}
        self._known: dict[tuple[tuple[int, ...], Mode], Context] = {}

    def action(self, tag: int, vr: str) -> Action:
        """Return what to do with an element."""
        found = self._actions.get((tag, vr))
        if found is None:
            found = self._decided(tag, vr)
            if len(self._actions) >= _MOST:  # a hostile file can have any tag
                for learnt in (self._actions, self.kept, self.sized, self.dropped):
                    learnt.clear()
            self._actions[tag, vr] = found
            size = bytes_of_numbers(tag, vr)
            if tag in PIXEL_TAGS:
                return found  # which is always looked at
            if found.kind == KEEP and size:
                self.sized[tag] = vr, size
            elif found.kind == KEEP:
                self.kept[tag] = vr
            elif found.kind == REMOVE and vr not in (("SQ", "PN") if is_private(tag) else ("SQ", "UN")):
                self.dropped[tag] = vr
        return found

    def inner(self, tag: int, mode: Mode = _PLAIN) -> Context:
        """Return the place that items of a sequence are: one for its tag, unless paths have rules."""
        return self._at((*self._path, tag) if self._profile.rules.paths else (tag,), mode)

    def as_mode(self, mode: Mode) -> Context:
        """Return the same place, gone through in another way."""
        return self if mode == self.mode else self._at(self._path, mode)

    def _at(self, path: tuple[int, ...], mode: Mode) -> Context:
        found = self._known.get((path, mode))
        if found is None:
            if len(self._known) >= _MOST_PLACES:
                self._known.clear()
            found = self._known[path, mode] = Context(self._profile, self._sop_class, path, mode)
            found._known = self._known
        return found

    def private(self, tag: int, vr: str, *, ruled: bool) -> Action:
        """Return what to do with a private element that is to stay, because a rule says so or it is safe."""
        if vr == "SQ":
            return Action(WALK, "K", "private", inner=self.inner(tag))
        if ruled:
            return Action(EXEMPT, "K", "private: a rule")
        if vr in ("UI", "PN", *_DATES):
            return self._by_code(self._unlisted(vr, {"UI": "U"}.get(vr, "Z")), "private: safe", tag, vr)
        return Action(KEEP, "K", "private: safe")

    def _decided(self, tag: int, vr: str) -> Action:
        if rule := self._profile.rule_at((*self._path, tag)):
            return self._by_rule(rule, tag, vr)
        if found := self._structural(tag, vr):
            return found
        code = self._profile.code(tag)
        why = "not listed: it identifies" if is_identifying(tag) else f"Table E.1-1 {code}"
        understood = effective_vr(tag, vr)
        if not code:
            code, why = self._unlisted(understood, unlisted_code(tag, understood)), "not listed: by its VR"
        if tag == content.DOCUMENT_LENGTH:
            code = self._profile.code(content.DOCUMENT)
        kind = attribute_type(self._sop_class, self.tag, tag)
        # References of type 2 could be emptied; mapped, they say no more, and others may depend on them.
        code = "U" if code.endswith("U*") and kind in ("2", "2C") else resolved(code, kind)
        if self.mode.value and tag in content.VALUES:
            code, why = self.mode.value, "Table E.3.4-1"
        if self.mode.dummy:
            return self._as_dummy(code, why, tag, vr)
        return self._by_code(code, why, tag, vr)

    def _structural(self, tag: int, vr: str) -> Action | None:
        """Return what is done with an element whatever its value."""
        group = tag >> 16
        if tag == SPECIFIC_CHARACTER_SET and vr != "SQ":
            return Action(CHARSET, "K", "character set")
        if tag in ALWAYS_REMOVED or tag < _FIRST or (tag & 0xFFFF == 0 and vr != "UL"):
            return Action(REMOVE, "X", "always removed")
        if tag & 0xFFFF == 0:
            return Action(LENGTH, "K", "group length")
        if tag in method.SAID and not self._path:
            absorbed = ABSORB if tag != method.CODES or vr != "SQ" else WALK
            return Action(absorbed, "K", "method", inner=self.inner(tag))
        if is_private(tag) or tag == CHARACTERISTICS:
            return Action(PRIVATE if keeps_private(self._profile) else REMOVE, "X", "private")
        if group in _CURVES:
            return Action(REMOVE, "X", "Table E.1-1 X: a curve")
        if group in _OVERLAYS:
            kind = OVERLAY if "graphics" in self._profile.clean else REMOVE
            return Action(kind, "X", "Table E.1-1 X: an overlay")
        if tag in PIXEL_TAGS and self._path:
            return Action(REMOVE, "X", "pixels that nobody looks at")
        if self.mode.content and tag == content.CONCEPT_NAME and vr == "SQ":
            return Action(CONCEPT, "K", "concept name", inner=self.inner(tag))
        return None

    def _unlisted(self, vr: str, code: str) -> str:
        """Return ``code``, of an attribute that the table does not list, as the options would have it."""
        retain = self._profile.retain
        if code == "Z" and vr in _TEMPORAL:
            return "K" if "dates" in retain else "C" if "dates-shifted" in retain else "Z"
        return "K" if code == "U" and "uids" in retain else code

    def _by_rule(self, rule: Rule, tag: int, vr: str) -> Action:
        why = f"rule: {rule.source}"
        if rule.action == "set":
            return Action(SET, "D", why, make=partial(set_value, rule))
        if rule.action == "keep":
            return Action(WALK, "K", why, inner=self.inner(tag)) if vr == "SQ" else Action(EXEMPT, "K", why)
        return Action(EMPTY, "Z", why) if rule.action == "empty" else Action(REMOVE, "X", why)

    def _as_dummy(self, code: str, why: str, tag: int, vr: str) -> Action:
        """Return what is done in a sequence that has to be there, but must not say what it said."""
        understood = effective_vr(tag, vr)
        if code in ("X", "Z"):
            return self._by_code(code, why, tag, vr)
        if vr == "SQ":
            return Action(WALK, "D", why, inner=self.inner(tag, _DUMMY))
        if understood == "UI":
            return self._by_code("U" if code == "U" else "K", why, tag, vr)
        if understood in _KEPT_AS_DUMMIES and code != "D" and tag != _NUMERIC_VALUE:
            return Action(KEEP, "K", why)
        if understood in TEXT_VRS:
            return self._by_code("D", why, tag, vr)
        if understood in _FLOATS:
            return Action(REPLACE, "D", why, make=zeros)
        return Action(REMOVE, "X", why) if understood in BULK_VRS else Action(KEEP, "K", why)

    def _by_code(self, code: str, why: str, tag: int, vr: str) -> Action:
        understood = effective_vr(tag, vr)
        if code == "X":
            return Action(REMOVE, code, why)
        if vr == "SQ":
            return self._sequence(code, why, tag)
        if code in ("U", "D") and understood == "UI":
            return Action(REPLACE, code, why, make=mapped_uids)
        if code == "K" and tag in CLASS_UIDS and understood == "UI":
            return Action(REPLACE, code, why, make=class_uids)
        if code in ("K", "C"):
            return self._cleaned(code, why, understood)
        if make := PSEUDONYMS.get(tag):
            return Action(REPLACE, "D", f"{why}: {PSEUDONYM}", make=make)
        if code == "Z":
            return Action(EMPTY, code, why)
        if tag in (content.DOCUMENT, content.DOCUMENT_LENGTH):
            made = content.document(self._sop_class, tag)
            return Action(REPLACE, code, why, make=made) if made else Action(REMOVE, "X", why)
        return Action(REPLACE, code, why, value=dummy(understood))

    def _sequence(self, code: str, why: str, tag: int) -> Action:
        if code == "Z":
            return Action(EMPTY, code, why)
        if code == "D" and tag == content.CONTENT:
            return Action(SWAP, code, why)
        if code == "D":
            return Action(WALK, code, why, inner=self.inner(tag, _DUMMY))
        is_content = "structured" in self._profile.clean and tag in content.CONTENT_SEQUENCES
        return Action(WALK, code, why, inner=self.inner(tag, Mode(content=is_content)))

    def _cleaned(self, code: str, why: str, vr: str) -> Action:
        """Return what is done with a value that stays, or as much of it as is harmless."""
        if code == "C" and vr in _DATES:
            return Action(REPLACE, code, f"{why}: shifted", make=shifted_dates)
        if code == "C" and vr in BULK_VRS:
            return Action(REMOVE, "X", why)
        if make := {"AS": capped_age, "DA": unchanged, "DT": unchanged}.get(vr):
            return Action(REPLACE, code, why, make=make)
        return Action(KEEP, code, why)


def bytes_of_numbers(tag: int, vr: str) -> int:
    """Return how many bytes a fixed number of numbers takes, where ``tag`` has that (PS3.6), else 0.

    There is no such number, and -1 is returned, where PS3.6 has another VR.
    """
    known, count, _ = lookup(tag)
    if vr not in NUMBER_VRS:
        return 0
    if vr not in known.split(" or "):
        return -1
    if not count.isdecimal():
        return 0
    return int(count) * number_struct(vr, "<").size
