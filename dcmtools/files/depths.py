"""Chosen elements at any depth of a data set, as a walk meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.encoding.charset import DEFAULT, decoder_of, unpadded
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tagpath import PathTracker
from dcmtools.encoding.tags import ITEM, SPECIFIC_CHARACTER_SET, is_creator
from dcmtools.files.values import LONGEST_CHARSET

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.encoding.walker import Walker


def elements_at(
    walker: Walker, paths: Sequence[TagPath], decode: Decoder = DEFAULT
) -> Iterator[tuple[TagPath, Element, Decoder]]:
    """Yield the elements that ``paths`` name, each with its path and the decoder of the text around it.

    The items of a sequence that is named follow it, with its path. Values are to be taken from ``walker``
    before the next one is asked for. Raises what the walk raises.
    """
    for element, tracker, decoder in elements_in(walker, decode):
        tag, vr, *_, depth = element
        if depth & 1:
            if tag != ITEM:
                continue
            tag, depth = tracker.sequence(depth), depth - 1
        elif not vr:
            continue
        for path in paths:
            if tracker.at(path, tag, depth):
                yield path, element, decoder


def elements_in(walker: Walker, decode: Decoder = DEFAULT) -> Iterator[tuple[Element, PathTracker, Decoder]]:
    """Yield each element, with what knows where it stands and the decoder of the text around it.

    Values are to be taken from ``walker`` before the next one is asked for. Raises what the walk raises.
    """
    tracker = PathTracker()
    decoders = [decode]
    while elements := walker.read():
        for element in elements:
            tag, _, _, offset, length, depth = element
            level = depth >> 1
            del decoders[level + 1 :]
            while len(decoders) <= level:
                decoders.append(decoders[-1])
            if tag == SPECIFIC_CHARACTER_SET and length <= LONGEST_CHARSET:
                decoders[level] = decoder_of(walker.value(offset, length))
            track(tracker, element, walker)
            yield element, tracker, decoders[level]


def track(tracker: PathTracker, element: Element, walker: Walker) -> None:
    """Have ``tracker`` take note of ``element``."""
    tag, vr, _, offset, length, depth = element
    if depth & 1 or vr == "SQ" or length == UNDEFINED:
        tracker.enter(tag, vr, depth)
    elif is_creator(tag):
        tracker.reserve(tag, depth, unpadded(walker.value(offset, min(length, 64))))
