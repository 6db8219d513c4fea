"""Where what was removed stands in texts that stay, found without going through them all."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from dcmtools.deidentification.identifiers import harmless, has_words
from dcmtools.deidentification.method import METHOD
from dcmtools.deidentification.phrases import bytes_pattern
from dcmtools.deidentification.values import REMOVED
from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.encoder import encoded
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET, format_tag
from dcmtools.encoding.values import CHARSET_VRS, TEXT_VRS, effective_vr, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dcmtools.deidentification.identifiers import Identifiers
    from dcmtools.deidentification.phrases import Phrase
    from dcmtools.deidentification.profile import Profile
    from dcmtools.deidentification.reading import Batch, Elements
    from dcmtools.encoding.element import Element

SEARCHED: Final = CHARSET_VRS | {"AE", "CS", "UR"}
"""The VRs of values out of which something may be taken."""
_FREE: Final = frozenset(("LO", "LT", "SH", "ST", "UC", "UT"))
_OURS: Final = frozenset({METHOD})
_MANY: Final = 256  # of whom each would be looked for
_MOST_KNOWN: Final = 8192
_LONG: Final = 64 * 1024


def is_to_be_swept(
    elements: Elements,
    stays: Callable[[Element], bool],
    phrases: Iterable[Phrase],
    identifiers: Identifiers,
    put: Iterable[str] = (),
) -> bool:
    """Tell whether ``phrases`` stand in a text that ``stays``, and are to be taken out.

    What stands in harmless values, too, is spared. Of phrases that are not ASCII it is taken for granted, and
    of those that stand there in other letters; but numbers, such as a year, may stand in new UIDs that were
    ``put`` there, too.
    """
    telling = [phrase for phrase in phrases if not phrase.common]
    if not all(phrase.key.isascii() and phrase.written.isascii() for phrase in telling):
        return True
    keys = {phrase.key.encode("ascii") for phrase in telling}
    numbers = [phrase for phrase in telling if phrase.is_parted]
    if not keys or len(keys) > _MANY:
        return bool(keys)
    missing, found = {*keys}, []
    for batch in elements.batches():
        for key, each in _holding(batch, keys, numbers):
            if stays(each):
                missing.discard(key)
                found.append(each)
    new = " ".join(put).encode("utf-8", "replace") if missing else b""
    return any(not (key.isdigit() and key in new) for key in missing) or _is_in(found, elements, identifiers)


def written_without(text: str, charset: bytes) -> bytes:
    """Return a text out of which something was taken, in the bytes of its character set."""
    try:
        raw = encoded(text, charset)
    except ValueError:  # it was not in that character set before
        raw = b""
    return raw if raw.strip(b"\\ ") else REMOVED


def unlisted_texts(
    elements: Elements,
    stays: Callable[[Element], bool],
    profile: Profile,
    known: dict[tuple[int, str], bool],
) -> list[str]:
    """Return where free text ``stays`` that no table lists, or that it has cleaned.

    Nothing but a search for what is known was done there.

    Of a place that is met several times it tells once, and not which items it is in.
    ``known`` remembers, from file to file, which tags and VRs are such.
    """
    found: dict[str, None] = {}
    steps: list[int] = []
    for batch in elements.batches():
        for element in batch.elements:
            tag, vr, _, _, length, depth = element
            if vr == "SQ":
                steps[depth // 2 :] = [tag]
            elif length and is_unlisted_text(tag, vr, profile, known) and stays(element):
                found[".".join(map(format_tag, (*steps[: depth // 2], tag)))] = None
    return list(found)


def is_unlisted_text(tag: int, vr: str, profile: Profile, known: dict[tuple[int, str], bool]) -> bool:
    """Tell whether elements of ``tag`` and ``vr`` are free text to be told of where it stays.

    It is ``known`` then.
    """
    if vr not in _FREE:
        return False
    if (tag, vr) not in known:
        if len(known) >= _MOST_KNOWN:  # a hostile file can have any tag
            known.clear()
        known[tag, vr] = _is_unlisted(tag, vr, profile)
    return known[tag, vr]


def _is_unlisted(tag: int, vr: str, profile: Profile) -> bool:
    spoken_of = profile.code(tag) not in ("", "C") or profile.rule(tag) or tag in _OURS
    return not (spoken_of or harmless(tag, vr))


def _holding(
    batch: Batch, keys: Iterable[bytes], numbers: Iterable[Phrase]
) -> Iterator[tuple[bytes, Element]]:
    """Yield the ``keys`` and the elements in which they stand, in whatever letter case.

    Those of ``numbers`` are there, too, with signs between the digits.
    """
    upper = batch.data.upper()
    offsets = [element[2] for element in batch.elements]
    for phrase in numbers:
        for match in bytes_pattern(phrase).finditer(upper):
            place = bisect_right(offsets, batch.base + match.start()) - 1
            if place >= 0:
                yield phrase.key.encode("ascii"), batch.elements[place]
    for key in keys:
        at = upper.find(key)
        while at >= 0:
            number = bisect_right(offsets, batch.base + at) - 1
            if number >= 0:
                yield key, batch.elements[number]
            at = upper.find(key, at + 1)


def _is_in(found: Iterable[Element], elements: Elements, identifiers: Identifiers) -> bool:
    decode = decoder_of(elements.value(SPECIFIC_CHARACTER_SET))
    spared: list[tuple[int, str, list[str]]] = []
    searched: list[str] = []
    for tag, vr, _, value, length, _ in found:
        understood = effective_vr(tag, vr)
        if understood in TEXT_VRS and length <= _LONG:
            values = texts(understood, elements.bytes(value, length), decode)
            wordy = has_words(understood, values)
            if harmless(tag, understood) and not wordy:
                spared.append((tag, understood, values))
            elif understood in SEARCHED or wordy:
                searched += values
    if searched:
        for each in spared:
            identifiers.spare(*each)
    return any(identifiers.cleaned(each) is not None for each in searched)
