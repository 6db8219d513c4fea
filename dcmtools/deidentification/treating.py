"""What is done with an element: it is kept, removed, replaced, gone into, each in its way.

What goes is noted, so that another pass can look for it in the text that stays.
"""

from __future__ import annotations

from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dcmtools.deidentification import content
from dcmtools.deidentification.copying import LONGEST_CHARSET, Copying
from dcmtools.deidentification.deciding import bytes_of_numbers, shifted_dates
from dcmtools.deidentification.identifiers import harmless, has_words
from dcmtools.deidentification.private import CHARACTERISTICS, RULE, KeptPrivate, block_of
from dcmtools.deidentification.sweeping import SEARCHED
from dcmtools.deidentification.values import REMOVED, is_text
from dcmtools.encoding.charset import decoder_of, is_term, unpadded
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.element import NO_STOP, UNDEFINED
from dcmtools.encoding.encoder import encoded
from dcmtools.encoding.tags import format_tag, is_creator
from dcmtools.encoding.texts import raw_value, settled
from dcmtools.encoding.uids import is_standard, is_uid
from dcmtools.encoding.values import TEXT_VRS, effective_vr, texts
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.deidentification.copying import Level
    from dcmtools.deidentification.deciding import Action, Context
    from dcmtools.deidentification.identifiers import Identifiers
    from dcmtools.deidentification.profile import Profile
    from dcmtools.deidentification.pseudonyms import NewPatient, Pseudonyms
    from dcmtools.deidentification.reading import Elements
    from dcmtools.encoding.element import Element

LONG: Final = 64 * 1024
"""From so many bytes on a value is copied from file to file."""
_LONGEST_TEXT: Final = 64 * 1024 * 1024
_LONGEST_TAKEN: Final = 16 * 1024  # bytes of a text that may be of somebody
_OVERLAY_TYPE: Final = 0x0040
_REGION: Final = "R"
_OVERLAY_TEXT: Final = frozenset({0x0022, 0x1500, 0x4000})
_MOST_KNOWN: Final = 4096
_LONGEST_KNOWN: Final = 256
_SCHEME: Final = 0x00080102
_OF_CODES: Final = frozenset({_SCHEME, 0x00080100, 0x00080119, 0x00080120})


class Pass(IntEnum):
    """What a pass is for: to note what goes; what of that harmless values have; to take it out of others."""

    NOTING = 0
    SPARING = 1
    SWEEPING = 2


Removed: TypeAlias = tuple[int, str, bytes, bytes]
"""Tag, VR and value that are in the data set no more, and the Specific Character Set that it was in."""


class Replacement(NamedTuple):
    """What stands in the place of an element: ``new``, None where it stays, and the ``values`` in that.

    ``uids`` are each old and new, ``code`` says what was done, ``remark`` what is to be told of it.
    """

    new: bytes | None
    values: tuple[str, ...]
    uids: tuple[tuple[str, str], ...]
    code: str
    remark: str = ""


Memo: TypeAlias = "dict[tuple[object, ...], Replacement]"


class Subject(NamedTuple):
    """Whose data set it is: the old Patient ID, who that has become, and how far dates move."""

    patient_id: str
    patient: NewPatient | None
    days: int


class Treating(Copying):
    """A pass that treats elements as it was decided: what is not in the draft in the end is in ``removed``.

    ``uids`` are new ones by the old, ``put`` the values that stand in the place of others; ``actions`` counts
    by the codes of PS3.15 E.1, ``remarks`` tell of what was done that is no warning. ``long_text`` tells
    whether text has been copied that is not in memory.
    """

    def __init__(
        self, elements: Elements, root: Context, profile: Profile, pseudonyms: Pseudonyms, memo: Memo
    ) -> None:
        """Prepare for passes from ``root``; ``memo`` is for replacements of one subject."""
        super().__init__(elements, root)
        self.pseudonyms = pseudonyms
        self.subject = Subject("", None, 0)
        self.private = KeptPrivate(profile)
        self.explaining = False
        self.uids: dict[str, str] = {}
        self.put: set[str] = set()
        self.warnings: list[str] = []
        self.remarks: dict[str, None] = {}
        self.actions: Counter[str] = Counter()
        self.explained: list[dict[str, str]] = []
        self.removed: list[Removed] = []
        self.long_text = False
        self._profile = profile
        self._memo = memo
        self._mapped: list[tuple[str, str]] = []
        self._identifiers: Identifiers | None = None
        self._pass = Pass.NOTING
        self._did = "", ""  # with the element in hand: the code, and the rule

    @property
    def standing(self) -> tuple[Context, Profile, Pseudonyms, Memo]:
        """What another pass, over other elements of the subject, depends on."""
        return self._root, self._profile, self.pseudonyms, self._memo

    def _begin_again(self) -> None:
        """Forget what another pass has done."""
        for kept in (self.uids, self.put, self.actions, self.explained, self.removed):
            kept.clear()
        self.warnings.clear()
        self.remarks.clear()
        self.long_text = False
        self._fragments = -1  # where encapsulated pixel data begins that is being copied
        self._names: Level | None = None  # the content item whose name is being read
        self._characteristics = self.private.told(
            self.elements.items(CHARACTERISTICS), self.elements.encoding
        )
        self._restart(seeing=self.explaining or self._pass != Pass.NOTING)

    def treat(self, action: Action, element: Element) -> None:
        """Do with an element what was decided."""
        self._did = "K", action.rule
        _WAYS[action.kind](self, action, element)

    def _count(self, code: str, rule: str) -> None:
        """Note that something was done, for people."""
        self.actions[code] += 1
        self._did = code, rule

    def _keep(self, action: Action, element: Element) -> None:
        """Keep an element; look into it where somebody's name may be, and at the names of content items."""
        tag, vr, _, value, length, _ = element
        if vr == "SQ":
            self._remove(action, element)  # nobody goes into it
            return
        if length == UNDEFINED:
            self._encapsulated(action, element)
            return
        if self._names and self._names.depth + 2 == self._top.depth and tag in _OF_CODES:
            self._names.concept[tag == _SCHEME] = self.text(self._raw(value, min(length, 1024)))
        elif tag == content.VALUE_TYPE and self._top.context.mode.content:
            self._top.concept[2] = self.text(self._raw(value, min(length, 64)))
        size = bytes_of_numbers(tag, vr)
        if size and length not in (0, size) and is_text(self._raw(value, min(length, LONG))):
            self._remove(action._replace(rule="text where numbers should be"), element)
            return
        understood = effective_vr(tag, vr)
        searching = self._pass != Pass.NOTING and length and understood in TEXT_VRS
        if searching and self._search(element, understood):
            return
        if length >= LONG:
            self._flush(value)
            self._draft.span(value, length)
            self._run = value + length
            self.long_text = self.long_text or understood in SEARCHED

    def _search(self, element: Element, vr: str) -> bool:
        """Look for what was removed in a value that stays; tell whether it had to be changed."""
        tag, _, _, value, length, _ = element
        if length > _LONGEST_TEXT:
            self.warnings.append(f"{format_tag(tag)} was removed: {length} bytes of text are not searched")
            self._leave_out(element)
            return True
        identifiers = self._identifiers
        if identifiers is None:
            return False
        decode = decoder_of(self._top.charset)
        found = texts(vr, self._raw(value, length), decode)
        wordy = has_words(vr, found)
        is_harmless = harmless(tag, vr) and not wordy
        if self._pass == Pass.SPARING:
            if is_harmless:
                identifiers.spare(tag, vr, found)
            return False
        if is_harmless or not (vr in SEARCHED or wordy):
            return False
        cleaned = [identifiers.cleaned(each) for each in found]
        if all(each is None for each in cleaned):
            return False
        new = "\\".join([old if each is None else each for old, each in zip(found, cleaned, strict=True)])
        told = self._told(new)
        self._put(element, b"" if told == REMOVED and vr not in SEARCHED else told)
        self._count("C", "the search: what was removed elsewhere stood in it")
        return True

    def _told(self, text: str) -> bytes:
        """Return a text out of which something was taken, in the bytes of its character set."""
        try:
            raw = encoded(text, self._top.charset)
        except ValueError:  # it was not in that character set before
            raw = b""
        return raw if raw.strip(b"\\ ") else REMOVED

    def _encapsulated(self, action: Action, element: Element) -> None:
        """Copy fragments; but for those of an icon, as nobody looks into these."""
        if self.nested:
            self._remove(action, element)
        else:
            self._flush(element[3])
            self._fragments, self._run = element[3], NO_STOP

    def _exempt(self, action: Action, element: Element) -> None:
        """Keep an element whatever stands there."""
        value, length = element[3:5]
        if length == UNDEFINED:
            self._encapsulated(action, element)
        elif length >= LONG:
            self._flush(value)
            self._draft.span(value, length)
            self._run = value + length

    def _remove(self, action: Action, element: Element) -> None:
        self._count("X", action.rule)
        self._note(element, self._top.charset)
        self._leave_out(element)

    def _empty(self, action: Action, element: Element) -> None:
        if element[4] == 0:
            return
        self._count(action.code, action.rule)
        self._note(element, self._top.charset)
        self._put(element, b"")

    def _replace(self, action: Action, element: Element) -> None:
        """Put a value in the place of another, as it was done when that was met before."""
        tag, vr, _, value, length, _ = element
        if length == 0:
            return
        if length > _LONGEST_TEXT and length != UNDEFINED:
            raise InputError(f"{format_tag(tag)} has {length} bytes, too many for what it is")
        old = self._raw(value, length) if length != UNDEFINED and action.make else b""
        top = self._top
        key = (action.make, action.value, tag, vr, old, top.depth > 0, top.charset, top.encoding)
        known = self._memo.get(key)
        if known is None:
            known = self._replacement(action, tag, vr, old)
            if len(self._memo) >= _MOST_KNOWN:
                self._memo.clear()
            if length <= _LONGEST_KNOWN:
                self._memo[key] = known
        self.put.update(known.values)
        if known.new is None:
            self._exempt(action, element)
            return
        self.uids.update(known.uids)
        self._count(known.code, action.rule)
        if known.remark:
            self.remarks[known.remark] = None
        self._note(element, top.charset)
        self._leave_out(element)
        self._draft.add(known.new)

    def _replacement(self, action: Action, tag: int, vr: str, old: bytes) -> Replacement:
        """Return the element that replaces one with the value ``old``, None if it stays."""
        before = len(self._mapped)
        new = action.make(self, tag, old) if action.make else action.value
        pairs = tuple(self._mapped[before:])
        is_text_there = effective_vr(tag, vr) in TEXT_VRS
        puts = _values(new) if is_text_there else ()
        if action.make and (new == old or new == old.rstrip(b" \0")):
            return Replacement(None, puts, (), "K")
        blank = not new.strip(b"\\ \0") if is_text_there else not new
        code = "Z" if blank and action.code != "U" else action.code
        is_less = action.make is shifted_dates and _empty(new) > _empty(old)
        remark = f"{format_tag(tag)}: what is no date was emptied" if is_less else ""
        return Replacement(self._written(tag, vr, new), puts, pairs, code, remark)

    def _set(self, action: Action, element: Element) -> None:
        if action.make and element[1] != "SQ":
            self._count(action.code, action.rule)
            self._note(element, self._top.charset)
            self._put(element, action.make(self, element[0], b""))
        else:
            self._remove(action, element)

    def _walk(self, action: Action, element: Element) -> None:
        """Go into a sequence."""
        if action.inner is None or element[1] != "SQ":
            self._remove(action, element)
            return
        if action.code != "K":
            self._count(action.code, action.rule)
        level = self._opened(element, action.inner, self._encoding_in(element))
        level.slow = self._top.slow and self._names is not None
        self._enter(level)

    def _swap(self, action: Action, element: Element) -> None:
        """Put another item in the place of those of a content sequence."""
        if element[4] == 0:
            return
        self._count(action.code, action.rule)
        self._put(element, content.dummy_content(self._top.encoding))

    def _private_element(self, action: Action, element: Element) -> None:
        tag, vr, _, value, length, depth = element
        if not self.private.any:
            self._remove(action, element)
            return
        if tag == CHARACTERISTICS:
            if depth or vr != "SQ" or not self._characteristics:
                self._remove(action, element)
            else:
                self._put(element, self._characteristics)
                self._did = "C", "private: safe"
            return
        creators = self._top.creators
        if is_creator(tag):
            creators[tag] = unpadded(self._raw(value, min(length, 64)))
            if vr == "LO" and self.private.keeps_creator(creators[tag], tag >> 16):
                self._keep(action, element)
            else:
                self._remove(action, element)
            return
        why = self.private.why(creators.get(block_of(tag), ""), tag)
        if why:
            action = self._top.context.private(tag, vr, ruled=why == RULE)
            self.treat(action, element)
        else:
            self._remove(action, element)

    def _overlay(self, action: Action, element: Element) -> None:
        """Keep overlays that mark regions, but for the words about them."""
        tag, _, _, _, _, depth = element
        kind = self.elements.text(tag & 0xFFFF0000 | _OVERLAY_TYPE)
        if depth == 0 and kind == _REGION and tag & 0xFFFF not in _OVERLAY_TEXT:
            self._keep(action, element)
        else:
            self._remove(action, element)

    def _length(self, _: Action, element: Element) -> None:
        self._group_length(element)

    def _charset(self, action: Action, element: Element) -> None:
        """Take note of the character set, and leave out of its value what names none."""
        length = element[4]
        self._top.charset = raw = self._raw(element[3], min(length, LONGEST_CHARSET))
        terms = unpadded(raw).split("\\")
        kept = [term if is_term(term) else "" for term in terms]
        if kept != terms or length > LONGEST_CHARSET:
            self._count("C", action.rule)
            self._put(element, "\\".join(kept).encode("ascii"))

    def _absorb(self, action: Action, element: Element) -> None:
        self._leave_out(element)
        self._did = "X", action.rule

    def _concept(self, action: Action, element: Element) -> None:
        """Go into the name of a content item."""
        self._names = self._top
        self._walk(action, element)
        self._top.slow = True
        self._looked()

    @property
    def patient_id(self) -> str:
        """The Patient ID at the top."""
        return self.subject.patient_id

    @property
    def patient(self) -> NewPatient | None:
        """Who the patient becomes."""
        return self.subject.patient

    @property
    def days(self) -> int:
        """By how many days dates move."""
        return self.subject.days

    @property
    def nested(self) -> bool:
        """Whether the element in hand is in a sequence."""
        return self._top.depth > 0

    def text(self, raw: bytes) -> str:
        """Return what ``raw`` says, without padding."""
        return decoder_of(self._top.charset)(raw).strip(" \0")

    def raw(self, vr: str, text: str) -> bytes:
        """Return ``text`` as a value of ``vr``; raise InputError where its character set does not have it."""
        encoding = self._top.encoding
        try:
            return raw_value(settled(vr, text), text, encoding.order, self._top.charset)
        except ValueError as error:
            raise InputError(str(error)) from None

    def uid(self, old: str) -> str:
        """Return the UID for ``old``."""
        new = self.pseudonyms.uid(old)
        if new != old:
            self.uids[old] = new
            self._mapped.append((old, new))
        return new

    def became(self, tag: int) -> str:
        """Return the UID that stands in the place of that at the top, once that was done; empty for none."""
        old, rule = self.elements.text(tag), self._profile.rule_at((tag,))
        if rule and rule.action != "keep":
            return rule.text if rule.action == "set" else ""
        stays = is_uid(old) and (rule or "uids" in self._profile.retain or is_standard(old))
        return old if stays else self.uids.get(old, "")

    def _note(self, element: Element, charset: bytes) -> None:
        """Note a value that goes, if it can be of somebody."""
        tag, vr, _, value, length, _ = element
        if length in (0, UNDEFINED) or (tag & 0x10000 and vr != "PN"):
            return
        if vr not in TEXT_VRS:
            vr = lookup(tag)[0]
        if vr in TEXT_VRS:
            self.removed.append((tag, vr, self._raw(value, min(length, _LONGEST_TAKEN)), charset))


def _empty(raw: bytes) -> int:
    """Return how many of the values of a text are empty."""
    return sum(not each.strip(b" \0") for each in raw.split(b"\\"))


def _values(raw: bytes) -> tuple[str, ...]:
    """Return the values of a text that was made here, which is ASCII."""
    return tuple([each.strip(" ") for each in raw.decode("latin-1").rstrip(" \0").split("\\")])


# What is done, by the kind of an action.
_WAYS: Final = (
    Treating._keep,
    Treating._exempt,
    Treating._remove,
    Treating._empty,
    Treating._replace,
    Treating._walk,
    Treating._swap,
    Treating._private_element,
    Treating._overlay,
    Treating._length,
    Treating._charset,
    Treating._absorb,
    Treating._concept,
    Treating._set,
)
