"""What was removed from a file, and where else it stands: in texts that are kept, in bytes as written."""

from __future__ import annotations

import re
from math import log2
from typing import TYPE_CHECKING, Final

from dcmtools.deidentification.needles import Needles
from dcmtools.deidentification.phrases import (
    DATE,
    IDENTIFIER,
    UID,
    Phrase,
    byte_keys,
    bytes_pattern,
    folded,
    identifier,
    joined,
    pattern,
    phrases,
    wide_pattern,
)
from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.tags import is_creator, is_private

if TYPE_CHECKING:
    from collections.abc import Iterable

# Of codes and makers: values that say nothing of a patient even where they read like one's name.
_HARMLESS_TAGS: Final = frozenset({
    0x00080100, 0x00080102, 0x00080103, 0x00080119, 0x00080120, 0x00080122, 0x0008010F,
})  # fmt: skip
_HARMLESS_VRS: Final = frozenset((
    "AS", "AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "TM", "UL", "US", "UV",
))  # fmt: skip
_NUMBERS_IN_TEXT: Final = frozenset(("AS", "DS", "IS", "TM"))
_CODED: Final = re.compile("[A-Z0-9_ ]{0,16}")  # PS3.5 6.2
_WORD: Final = re.compile(r"[^\W\d_]{2}")
# Letters in upper case, digits, and what is beyond ASCII: of a header hardly more than half is left.
_UPPER: Final = bytes(range(256)).upper()
_DROPPED: Final = bytes(byte for byte in range(128) if not chr(byte).isalnum())
_ASCII: Final = bytes(range(128))
_BEYOND: Final = bytes(min(byte, 0x80) for byte in range(256))
_FEW: Final = 100
_SPACES: Final = re.compile(r"  +")
_UTF_8: Final = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")
_CHANCE: Final = 20  # bits: what stands in numbers by chance once in a million times is taken for that


def harmless(tag: int, vr: str) -> bool:
    """Tell whether words in a value of ``tag`` say nothing of a patient, whatever they read like.

    Coded strings, numbers, times, codes and private creators: a patient named Head is not meant by Body Part
    Examined. Dates and UIDs are no words.
    """
    if is_private(tag):
        return is_creator(tag) or vr in _HARMLESS_VRS
    if vr == "CS":
        return "CS" in lookup(tag)[0]
    return vr in _HARMLESS_VRS or tag in _HARMLESS_TAGS


def has_words(vr: str, texts: Iterable[str]) -> bool:
    """Tell whether values of ``vr`` hold words, although they should be numbers, times or coded strings."""
    if vr == "CS":
        return not all(map(_CODED.fullmatch, texts))
    return vr in _NUMBERS_IN_TEXT and any(map(_WORD.search, texts))


class Identifiers:
    """What was removed from one file: names by component, identifiers, whole dates, UIDs.

    ``ambiguous`` are those that stand in something kept and harmless, or that are words such as ANONYMOUS:
    they are left where they are, and told of.
    """

    __slots__ = (
        "_by_key",
        "_by_word",
        "_charset",
        "_near",
        "_phrases",
        "_put",
        "_spared",
        "_words",
        "ambiguous",
    )

    def __init__(self, charset: bytes = b"") -> None:
        """Begin with nothing; ``charset`` is the value of Specific Character Set."""
        self._charset = charset
        self._phrases: dict[Phrase, None] = {}
        self._by_key: dict[bytes, list[tuple[bytes, Phrase]]] = {}
        self._near: Needles[bytes] = Needles(())
        self._by_word: dict[str, list[Phrase]] = {}
        self._words: Needles[str] = Needles(())
        self._put: set[str] = set()
        self._spared: set[Phrase] = set()
        self.ambiguous: set[Phrase] = set()

    def __len__(self) -> int:
        """Return how many phrases are looked for."""
        return len(self._phrases)

    def take(self, tag: int, vr: str, texts: Iterable[str]) -> None:
        """Note that values of ``tag``, as ``texts`` without padding, were removed or replaced."""
        for text in texts:
            if text:
                self._phrases.update(dict.fromkeys(phrases(tag, vr, text)))
        self._by_key.clear()
        self._by_word.clear()

    def put(self, texts: Iterable[str]) -> None:
        """Note values that stand in the place of others: to be just that is no leak."""
        self._put.update(texts)

    def __eq__(self, other: object) -> bool:
        """Tell whether the same is looked for."""
        mine = self._charset, self._phrases, self._put
        return isinstance(other, Identifiers) and mine == (other._charset, other._phrases, other._put)

    __hash__ = None  # type: ignore[assignment]  # they change

    def joined(self, others: Identifiers) -> Identifiers:
        """Return these and ``others``, of the same Specific Character Set."""
        both = Identifiers(self._charset)
        both._phrases = self._phrases | others._phrases
        both._put = self._put | others._put
        return both

    def common(self, others: Identifiers) -> Identifiers:
        """Return what both these and ``others`` have."""
        both = Identifiers(self._charset)
        both._phrases = {each: None for each in self._phrases if each in others._phrases}
        both._put = self._put & others._put
        return both

    def beyond(self, others: Identifiers) -> Identifiers | None:
        """Return what ``others`` do not have; None where these have not all that the others have."""
        new = self._phrases.keys() - others._phrases.keys()
        if len(new) + len(others) != len(self) or self._charset != others._charset or others._put - self._put:
            return None
        rest = Identifiers(self._charset)
        rest._phrases = dict.fromkeys(new)
        return rest

    def spare(self, tag: int, vr: str, texts: Iterable[str]) -> None:
        """Note that a ``harmless`` value is kept: what also stands there is left elsewhere too."""
        for text in texts:
            self._spared.update(self.harmless_in(tag, vr, text))

    def suspected(self, data: bytes) -> bool:
        """Tell whether something of it may stand in ``data``."""
        return bool(self.suspects(data))

    def suspects(self, data: bytes) -> list[Phrase]:
        """Return what may stand in ``data``: as it is, in UTF-16, in an encoding with accents; quick."""
        keys = self._keys()
        dense = data.translate(_UPPER, _DROPPED)
        near = self._near.within(dense)
        found: dict[Phrase, None] = {}
        if near:
            upper = data.upper()
            plain = b"%b\n%b" % (upper, upper.translate(None, b"\0"))
            for key in near:
                found.update(dict.fromkeys([each for raw, each in keys[key] if _is_in(raw, each, plain)]))
        if self._charset and (_has_accents(data) or self._may_differ(data)):
            text = folded(decoder_of(self._charset)(data))
            found.update(dict.fromkeys(self._with_keys_in(text)))
        return list(found)

    def cleaned(self, text: str) -> str | None:
        """Return ``text``, one value, without what was removed; None where nothing of it is there."""
        plain, places = _with_places(text)
        spans = []
        for phrase in self._with_keys_in(joined(plain)):
            for match in wide_pattern(phrase).finditer(plain):
                if phrase.common or phrase in self._spared:
                    self.ambiguous.add(phrase)
                else:
                    spans.append((places[match.start()], places[match.end()]))
        return _without(text, spans) if spans else None

    def is_put(self, text: str) -> bool:
        """Tell whether a value is one that was put in the place of another."""
        return text in self._put

    def in_text(self, text: str) -> list[Phrase]:
        """Return what stands in ``text``, one value."""
        plain = folded(text)
        return [each for each in self._with_keys_in(joined(plain)) if wide_pattern(each).search(plain)]

    def kinds_in(self, text: str) -> list[str]:
        """Return of what kinds that is which stands in ``text``, one value; words do not count."""
        return sorted({each.kind for each in self.in_text(text) if not each.common})

    def told_by(self, tag: int, vr: str, text: str) -> list[str]:
        """Return of what kinds that is which a value of ``tag`` tells, were it put there."""
        spared = {*self.harmless_in(tag, vr, text), *self.ambiguous}
        return sorted({each.kind for each in self.in_text(text) if not (each.common or each in spared)})

    def is_one(self, text: str) -> bool:
        """Tell whether ``text``, one value, is just an identifier that was removed."""
        return any(each.kind == IDENTIFIER and each in self._phrases for each in identifier(text))

    def harmless_in(self, tag: int, vr: str, text: str) -> list[Phrase]:
        """Return what stands in a value that is harmless, and says nothing there."""
        if not harmless(tag, vr) or has_words(vr, [text]):
            return []
        return [each for each in self.in_text(text) if is_word_in(each, vr) and stands_in(each, text)]

    def found(self, data: bytes, *, text: bool = True) -> list[Phrase]:
        """Return what stands in ``data``, of whatever encoding.

        Where it is not ``text`` but numbers, what may stand there by chance is not counted.
        """
        candidates = self.suspects(data)
        if not candidates:
            return []
        if not text:
            most = log2(len(data) + 1) + _CHANCE
            candidates = [each for each in candidates if each.evidence >= most]
        views = [folded(view) for view in self._views(data)]
        matching = wide_pattern if text else pattern
        return [each for each in candidates if any(matching(each).search(view) for view in views)]

    def _views(self, data: bytes) -> list[str]:
        """Return ``data`` as text, in each of the encodings that it may be in."""
        narrow = data.translate(None, b"\0")
        views = [data.decode("latin-1"), data.decode("utf-8", "replace")]
        views += [decoder_of(self._charset)(data), narrow.decode("latin-1")]
        if not all(phrase.written.isascii() for phrase in self._phrases):
            views += [
                data[odd:].decode(codec, "replace") for odd in (0, 1) for codec in ("utf-16-le", "utf-16-be")
            ]
        return list(dict.fromkeys(views))

    def _may_differ(self, data: bytes) -> bool:
        """Tell whether text in ``data`` may be other bytes than those of the same text elsewhere."""
        if b"2022" in self._charset and b"\x1b" in data:
            return True
        return b"192" in self._charset and _UTF_8.search(data) is not None

    def _with_keys_in(self, text: str) -> list[Phrase]:
        """Return the phrases whose keys stand in ``text``, which is folded."""
        if len(self._phrases) <= _FEW:
            return [each for each in self._phrases if each.key in text]
        if not self._by_word:
            for phrase in self._phrases:
                self._by_word.setdefault(phrase.key, []).append(phrase)
            self._words = Needles(self._by_word)
        return [each for word in self._words.within(text) for each in self._by_word[word]]

    def _keys(self) -> dict[bytes, list[tuple[bytes, Phrase]]]:
        """Return phrases, and the bytes of their keys, by what these are without anything between letters."""
        if not self._by_key:
            for phrase in self._phrases:
                for raw in byte_keys(phrase, self._charset):
                    dense = raw.translate(_UPPER, _DROPPED)
                    self._by_key.setdefault(dense, []).append((raw, phrase))
            self._near = Needles(self._by_key)
        return self._by_key


def is_word_in(phrase: Phrase, vr: str) -> bool:
    """Tell whether ``phrase`` in a harmless value is but a word or number: no date, UID, whole name."""
    if phrase.kind == UID or phrase.whole:
        return False
    return phrase.kind != DATE or vr in ("DS", "IS")


def stands_in(phrase: Phrase, text: str) -> bool:
    """Tell whether ``phrase`` stands in ``text``, one value, as a word or number of its own."""
    return pattern(phrase).search(folded(text)) is not None


def _is_in(key: bytes, phrase: Phrase, data: bytes) -> bool:
    """Tell whether ``phrase`` may be in ``data``, which has its key or, but for signs in it, seems to."""
    if key in data and not phrase.is_short_date:
        return True
    return phrase.is_parted and bytes_pattern(phrase).search(data) is not None


def _has_accents(data: bytes) -> bool:
    """Tell whether bytes beyond ASCII stand among letters, or are too many to look at each.

    Tags end in such bytes, and two letters of a VR follow.
    """
    count = len(data.translate(None, _ASCII))
    if not 0 < count <= _FEW:
        return count > 0
    beyond, at = data.translate(_BEYOND), -1
    while (at := beyond.find(b"\x80", at + 1)) >= 0:
        behind = at + 2 if beyond[at + 1 : at + 2] == b"\x80" else at + 1
        before, after = data[max(at - 3, 0) : at], data[behind : behind + 3]
        if len(after) == 3 and after.isalpha():
            return True
        if before[1:].isalpha() and (before.isalpha() or after[:1].isalpha()):
            return True
    return False


def _with_places(text: str) -> tuple[str, range | list[int]]:
    """Return ``text`` folded, and where in it each character, and the end, comes from."""
    if text.isascii():
        return text.upper(), range(len(text) + 1)
    pieces = [folded(each) for each in text]
    places = [place for place, piece in enumerate(pieces) for _ in piece]
    return "".join(pieces), [*places, len(text)]


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """Return ``text`` without ``spans``, which may overlap; no two spaces are left where one of them was."""
    kept, at = [], 0
    for begin, end in sorted(spans):
        if begin > at:
            kept.append(text[at:begin])
        at = max(at, end)
    kept.append(text[at:])
    rest = _SPACES.sub(" ", "".join(kept)).strip(" ")
    return rest if any(map(str.isalnum, rest)) else ""
