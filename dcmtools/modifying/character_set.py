"""All text of a data set put into another character set (PS3.3 C.12.1.1.2, PS3.5 6.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.editing.nested import Container, Rewriting
from dcmtools.encoding.charset import decoder_named, decoder_of, spelt, unpadded
from dcmtools.encoding.encoder import encoded
from dcmtools.encoding.tagpath import PathTracker
from dcmtools.encoding.tags import ITEM, SPECIFIC_CHARACTER_SET, format_tag
from dcmtools.encoding.values import CHARSET_VRS
from dcmtools.encoding.writing import element, padded
from dcmtools.errors import InputError
from dcmtools.files.depths import track
from dcmtools.files.values import LONGEST_CHARSET
from dcmtools.modifying.told import Alteration
from dcmtools.modifying.understanding import understood_vr

if TYPE_CHECKING:
    from dcmtools.editing.pieces import Splice
    from dcmtools.encoding.element import Element
    from dcmtools.files.part10 import Part10File
    from dcmtools.modifying.told import Told

_ESCAPE: Final = b"\x1b"  # of code extensions, all of whose bytes may be those of ASCII
_REPLACED: Final = "\ufffd"
# They have that character themselves.
_UNICODE: Final = ("ISO_IR 192", "GB18030")
_NAMES: Final = {
    "ascii": "ISO_IR 6",
    "latin-1": "ISO_IR 100",
    "latin1": "ISO_IR 100",
    "utf-8": "ISO_IR 192",
    "utf8": "ISO_IR 192",
    "gb18030": "GB18030",
    "gbk": "GBK",
}
_LONGEST: Final = 256 * 1024 * 1024  # bytes of a text that are in memory


def character_set_named(text: str) -> str:
    """Return the value of Specific Character Set that ``text`` stands for: defined terms, or a common name.

    Raises ValueError where there is none such.
    """
    terms = _NAMES.get(text.strip().lower(), "\\".join([spelt(term.strip()) for term in text.split("\\")]))
    decoder_named(terms)
    return terms


def step(target: str, assumed: str, file: Part10File, told: Told) -> Splice | None:
    """Put all text of ``file``, at any depth, into the character set ``target``; a Step, once it has the two.

    Text is in the set that the data set or the item around it names, or in the one ``assumed`` where that is
    not empty, whatever they name. Items that name a set of their own then name the ``target``, too.

    Raises InputError, with the path, for bytes that are no text in their set and for text that the
    ``target`` does not have, and for a set that is named behind its text; and what the walk raises.
    """
    return _Conversion(target, assumed, file, told).splice()


class _Conversion:
    """One file on its way from character sets to another."""

    def __init__(self, target: str, assumed: str, file: Part10File, told: Told) -> None:
        self._target = target.encode("ascii")
        self._assumed = assumed.encode("ascii")
        self._told = told
        self._rewriting = Rewriting(file)
        self._tracker = PathTracker()
        # Of the data set and the items around what is in hand: the set, and whether it can be named no more.
        self._sets = [self._assumed]
        self._settled = [False]
        self._changed = False

    def splice(self) -> Splice | None:
        """Return the data set, None where nothing has changed."""
        for found in self._rewriting:
            if isinstance(found, Container):
                if found.depth < 0:
                    self._declare()
                continue
            tag, _, _, _, _, depth = found
            level = depth >> 1
            track(self._tracker, found, self._rewriting.walker)
            if tag == ITEM:
                self._sets[level + 1 :] = [self._sets[level]]
                self._settled[level + 1 :] = [False]
            elif tag == SPECIFIC_CHARACTER_SET:
                self._name(found)
            else:
                if not depth and tag > SPECIFIC_CHARACTER_SET:
                    self._declare()
                self._settled[level] |= tag > SPECIFIC_CHARACTER_SET
                if understood_vr(self._tracker, found) in CHARSET_VRS:
                    self._convert(found)
        return self._rewriting.splice() if self._changed else None

    def _declare(self) -> None:
        """Have the data set name the target, if it names none itself."""
        if self._settled[0]:
            return
        self._settled[0] = self._changed = True
        self._rewriting.insert(
            element(SPECIFIC_CHARACTER_SET, "CS", self._target, self._rewriting.levels[-1].encoding)
        )
        self._told.append(
            Alteration(format_tag(SPECIFIC_CHARACTER_SET), "charset", "", self._target.decode())
        )

    def _name(self, found: Element) -> None:
        """Put the target in the place of the set that is named in the data set or item in hand."""
        tag, _, _, value, length, depth = found
        path = self._tracker.path_of(tag, depth)
        if length > LONGEST_CHARSET:
            raise InputError(f"{path}: {length} bytes are too many for the names of character sets")
        old = self._rewriting.walker.value(value, length)
        if self._settled[depth >> 1]:
            raise InputError(f"{path}: it stands twice, or behind what it is about")
        self._settled[depth >> 1] = True
        if not self._assumed:
            self._sets[depth >> 1] = old.rstrip(b" \0")
        if padded("CS", self._target) != old:
            self._rewriting.put(self._target)
            self._changed = True
            self._told.append(Alteration(path, "charset", unpadded(old), self._target.decode()))

    def _convert(self, found: Element) -> None:
        tag, vr, _, value, length, depth = found
        if length > _LONGEST:
            path = self._tracker.path_of(tag, depth)
            raise InputError(f"{path}: {length} bytes are too many to be put into another character set")
        old = self._rewriting.walker.value(value, length)
        named = self._sets[depth >> 1]
        if named == self._target or (old.isascii() and _ESCAPE not in old):
            return
        path = self._tracker.path_of(tag, depth)
        try:
            text = _text(path, old, named)
        except InputError:
            if vr == "UN":  # what a dictionary takes for text is none
                return
            raise
        try:
            new = encoded(text, self._target)
        except ValueError as error:
            missing = str(error).partition(" cannot be written")[0]
            terms = self._target.decode()
            raise InputError(f"{path}: {missing} cannot be written in the character set {terms}") from None
        if (padded_new := padded("LO", new)) != old:
            self._rewriting.put(padded_new)
            self._changed = True
            self._told.append(Alteration(path, "charset", text, text))


def _text(path: str, raw: bytes, named: bytes) -> str:
    """Return what ``raw`` says in the character set ``named``; raise InputError where that is not certain."""
    text = decoder_of(named)(raw).rstrip(" \0")
    terms = unpadded(named)
    whose = f"the character set {terms!r}" if terms else "ASCII, as no character set is named"
    wrong = next((character for character in text if "\ud800" <= character <= "\udfff"), "")
    hint = "--charset-from says in which character set the text really is"
    if wrong:
        raise InputError(f"{path}: byte {ord(wrong) & 0xFF:02x} is no text in {whose}", hint=hint)
    if "\x1b" in text or (_REPLACED in text and terms not in _UNICODE):
        raise InputError(f"{path}: there are bytes that are no text in {whose}", hint=hint)
    return text
