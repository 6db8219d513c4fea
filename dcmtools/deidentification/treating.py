"""What is done with an element: it is kept, removed, replaced, gone into, each in its way.

What goes is noted, so that another pass can look for it in the text that stays.
"""

from __future__ import annotations

from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.deidentification import content
from dcmtools.deidentification.copying import LONGEST_CHARSET
from dcmtools.deidentification.deciding import bytes_of_numbers
from dcmtools.deidentification.identifiers import harmless, has_words
from dcmtools.deidentification.overlay_bits import REGION
from dcmtools.deidentification.phrases import phrases
from dcmtools.deidentification.private import CHARACTERISTICS, RULE, KeptPrivate, block_of
from dcmtools.deidentification.substituting import Substituting
from dcmtools.deidentification.sweeping import SEARCHED, written_without
from dcmtools.deidentification.values import REMOVED, is_text
from dcmtools.encoding.charset import decoder_of, is_term, unpadded
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.element import NO_STOP, UNDEFINED
from dcmtools.encoding.tags import format_tag, is_creator
from dcmtools.encoding.values import TEXT_VRS, effective_vr, texts
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.deidentification.copying import Level
    from dcmtools.deidentification.deciding import Action, Context
    from dcmtools.deidentification.identifiers import Identifiers
    from dcmtools.deidentification.profile import Profile
    from dcmtools.deidentification.pseudonyms import Pseudonyms
    from dcmtools.deidentification.reading import Elements
    from dcmtools.deidentification.substituting import Memo
    from dcmtools.encoding.element import Element

LONG: Final = 64 * 1024
"""From so many bytes on a value is copied from file to file."""
_LONGEST_TEXT: Final = 64 * 1024 * 1024
_LONGEST_TAKEN: Final = 16 * 1024  # bytes of a text that may be of somebody
_OVERLAY_TYPE: Final = 0x0040
_OVERLAY_TEXT: Final = frozenset({0x0022, 0x1500, 0x4000})
_SCHEME: Final = 0x00080102
_OF_CODES: Final = frozenset({_SCHEME, 0x00080100, 0x00080119, 0x00080120})


class Pass(IntEnum):
    """What a pass is for: to note what goes; what of that harmless values have; to take it out of others."""

    NOTING = 0
    SPARING = 1
    SWEEPING = 2


Removed: TypeAlias = tuple[int, str, bytes, bytes]
"""Tag, VR and value that are in the data set no more, and the Specific Character Set that it was in."""


class Treating(Substituting):
    """A pass that treats elements as it was decided: what is not in the draft in the end is in ``removed``.

    ``put`` are the values that stand in the place of others, and identifiers that a rule keeps; ``actions``
    counts by the codes of PS3.15 E.1, ``remarks`` tell of what was done that is no warning. ``long_text``
    tells whether text has been copied that is not in memory, ``searched`` where there is text out of which
    something was taken.
    """

    def __init__(
        self, elements: Elements, root: Context, profile: Profile, pseudonyms: Pseudonyms, memo: Memo
    ) -> None:
        """Prepare for passes from ``root``; ``memo`` is for replacements of one subject."""
        super().__init__(elements, root, profile, pseudonyms, memo)
        self.private = KeptPrivate(profile)
        self.explaining = False
        self.put: set[str] = set()
        self.warnings: list[str] = []
        self.remarks: dict[str, None] = {}
        self.actions: Counter[str] = Counter()
        self.explained: list[dict[str, str]] = []
        self.removed: list[Removed] = []
        self.long_text = False
        self.searched: set[int] = set()
        self._identifiers: Identifiers | None = None
        self._pass = Pass.NOTING
        self._did = "", ""  # with the element in hand: the code, and the rule

    def _begin_again(self) -> None:
        """Forget what another pass has done."""
        for kept in (self.uids, self.put, self.actions, self.explained, self.removed, self.searched):
            kept.clear()
        self.warnings.clear()
        self.remarks.clear()
        self.long_text = False
        self._fragments = -1  # where encapsulated pixel data begins that is being copied
        self._names: Level | None = None  # the content item whose name is being read
        self._characteristics = self.private.told(self.elements)
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
            self._copy_long(element)
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
        told = written_without(new, self._top.charset)
        if told != REMOVED:
            self.searched.add(element[2])
        self._put(element, b"" if told == REMOVED and vr not in SEARCHED else told)
        self._count("C", "the search: what was removed elsewhere stood in it")
        return True

    def _encapsulated(self, action: Action, element: Element) -> None:
        """Copy fragments; but for those of an icon, as nobody looks into these."""
        if self.nested:
            self._remove(action, element)
        else:
            self._flush(element[3])
            self._fragments, self._run = element[3], NO_STOP

    def _exempt(self, action: Action, element: Element) -> None:
        """Keep an element whatever stands there."""
        length = element[4]
        if length == UNDEFINED:
            self._encapsulated(action, element)
        elif length >= LONG:
            self._copy_long(element)

    def _by_rule(self, action: Action, element: Element) -> None:
        """Keep an element that a rule wants; what says who somebody is stands there rightly then."""
        tag, vr, _, value, length, _ = element
        understood = effective_vr(tag, vr)
        if understood in TEXT_VRS and length < LONG:
            found = texts(understood, self._raw(value, length), decoder_of(self._top.charset))
            self.put.update([each for each in found if phrases(tag, understood, each)])
        self._exempt(action, element)

    def _copy_long(self, element: Element) -> None:
        """Copy a value from file to file."""
        value, length = element[3:5]
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
        """Put a value in the place of another."""
        tag, _, _, value, length, _ = element
        if length == 0:
            return
        if length > _LONGEST_TEXT and length != UNDEFINED:
            raise InputError(f"{format_tag(tag)} has {length} bytes, too many for what it is")
        old = self._raw(value, length) if length != UNDEFINED and action.make else b""
        found = self._replacement(action, element, old)
        self.put.update(found.values)
        if found.new is None:
            self._exempt(action, element)
            return
        self.uids.update(found.uids)
        self._count(found.code, action.rule)
        if found.remark:
            self.remarks[found.remark] = None
        self._note(element, self._top.charset)
        self._leave_out(element)
        self._draft.add(found.new)

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
        level = self._opened(element, action.inner, self.elements.encoding_in(element, self._top.encoding))
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
        creator = creators.get(block_of(tag), "")
        if why := self.private.why(creator, tag):
            understood = (vr == "UN" and self._profile.safe_private(creator, tag)) or vr
            self.treat(self._top.context.private(tag, understood, ruled=why == RULE), element)
        else:
            self._remove(action, element)

    def _overlay(self, action: Action, element: Element) -> None:
        """Keep overlays that mark regions, but for the words about them."""
        tag, _, _, _, _, depth = element
        kind = self.elements.text(tag & 0xFFFF0000 | _OVERLAY_TYPE)
        if depth == 0 and kind == REGION and tag & 0xFFFF not in _OVERLAY_TEXT:
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

    def _note(self, element: Element, charset: bytes) -> None:
        """Note a value that goes, if it can be of somebody."""
        tag, vr, _, value, length, _ = element
        if length in (0, UNDEFINED) or (tag & 0x10000 and vr != "PN"):
            return
        if vr not in TEXT_VRS:
            vr = lookup(tag)[0]
        if vr in TEXT_VRS:
            self.removed.append((tag, vr, self._raw(value, min(length, _LONGEST_TAKEN)), charset))


# What is done, by the kind of an action.
_WAYS: Final = (
    Treating._keep,
    Treating._by_rule,
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
