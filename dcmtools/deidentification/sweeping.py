"""Where what was removed stands in texts that stay, found without going through them all."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from dcmtools.deidentification.identifiers import harmless
from dcmtools.deidentification.method import METHOD
from dcmtools.encoding.charset import decoder_of
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
_MOST_KNOWN: Final = 8192
_LONG: Final = 64 * 1024


def is_to_be_swept(
    elements: Elements, stays: Callable[[Element], bool], phrases: Iterable[Phrase], identifiers: Identifiers
) -> bool:
    """Tell whether ``phrases`` stand in a text that ``stays``, and are to be taken out.

    What stands in harmless values, too, is spared. Of phrases that are not ASCII it is taken for granted.
    """
    telling = [phrase for phrase in phrases if not phrase.common]
    if not all(phrase.key.isascii() and phrase.written.isascii() for phrase in telling):
        return True
    keys = [phrase.key.encode("ascii") for phrase in telling]
    found = (
        [each for batch in elements.batches() for each in _holding(batch, keys) if stays(each)]
        if keys
        else []
    )
    return bool(found) and _is_in(found, elements, identifiers)


def unlisted_texts(
    elements: Elements,
    stays: Callable[[Element], bool],
    profile: Profile,
    known: dict[tuple[int, str], bool],
) -> list[str]:
    """Return where free text ``stays`` that no table lists: nothing but a search for what is known was done.

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
            elif length and vr in _FREE:
                if (tag, vr) not in known:
                    if len(known) >= _MOST_KNOWN:  # a hostile file can have any tag
                        known.clear()
                    known[tag, vr] = _is_unlisted(tag, vr, profile)
                if known[tag, vr] and stays(element):
                    found[".".join(map(format_tag, (*steps[: depth // 2], tag)))] = None
    return list(found)


def _is_unlisted(tag: int, vr: str, profile: Profile) -> bool:
    spoken_of = profile.code(tag) or profile.rule(tag) or tag in _OURS
    return not (spoken_of or harmless(tag, vr))


def _holding(batch: Batch, keys: Iterable[bytes]) -> Iterator[Element]:
    """Yield the elements in which ``keys`` stand, in whatever letter case."""
    upper = batch.data.upper()
    offsets = [element[2] for element in batch.elements]
    for key in keys:
        at = upper.find(key)
        while at >= 0:
            number = bisect_right(offsets, batch.base + at) - 1
            if number >= 0:
                yield batch.elements[number]
            at = upper.find(key, at + 1)


def _is_in(found: Iterable[Element], elements: Elements, identifiers: Identifiers) -> bool:
    decode = decoder_of(elements.value(SPECIFIC_CHARACTER_SET))
    spared: list[tuple[int, str, list[str]]] = []
    searched: list[str] = []
    for tag, vr, _, value, length, _ in found:
        understood = effective_vr(tag, vr)
        if understood in TEXT_VRS and length <= _LONG:
            values = texts(understood, elements.bytes(value, length), decode)
            if harmless(tag, understood):
                spared.append((tag, understood, values))
            elif understood in SEARCHED:
                searched += values
    if searched:
        for each in spared:
            identifiers.spare(*each)
    return any(identifiers.cleaned(each) is not None for each in searched)
