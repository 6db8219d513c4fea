"""Bare values of a file, as scripts want them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import DEFAULT, decoder_of
from dcmtools.encoding.element import NO_STOP, UNDEFINED
from dcmtools.encoding.tagpath import PathTracker
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET
from dcmtools.encoding.values import BULK_VRS, effective_vr
from dcmtools.errors import InputError, MalformedError
from dcmtools.escaping import escape
from dcmtools.files.part10 import AFTER_META
from dcmtools.files.values import LONGEST_CHARSET, Value, glance
from dcmtools.inspection.answers import answer
from dcmtools.inspection.searching import named_in_meta, track
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.encoding.walker import Walker
    from dcmtools.errors import DcmtoolsError
    from dcmtools.files.part10 import Part10File

MAX_BARE_BULK: Final = 1024 * 1024
MAX_BARE: Final = 64 * 1024 * 1024


def values(path: str, file: Part10File, wanted: tuple[TagPath, ...], decode: Decoder) -> Result:
    """Show bare values, one line for each hit in the order asked for; what is absent fails the file."""
    error: DcmtoolsError | None = None
    stop = max(found.last_top_tag for found in wanted) + 1
    hits = _picked_values(file, wanted, decode) or _walked_values(file, wanted, decode, stop)
    if not all(hits.values()):  # before it is called absent: elements may be out of order
        try:
            hits = _walked_values(file, wanted, decode, NO_STOP)
        except MalformedError as broken:
            error = broken
    text = "".join(f"{value}\n" for found in wanted for value in hits[found])
    record = {"file": path, "values": {str(found): values for found, values in hits.items()}}
    if error:
        return Result(path, record, Outcome.FAILED, text=text, error=error)
    return answer(file, path, record, text, [found for found, values in hits.items() if not values])


def _picked_values(
    file: Part10File, wanted: Sequence[TagPath], decode: Decoder
) -> dict[TagPath, list[str]] | None:
    """Return the values of plain elements at the top, where a glance at the head of the file will do."""
    if any(len(path.steps) > 1 or path.steps[0].creator for path in wanted):
        return None
    found = glance(file, {path.steps[0].tag for path in wanted}, decode)
    if found is None:
        return None
    return {path: [_shown(value) for value in found if value.tag == path.steps[0].tag] for path in wanted}


def _meta_values(file: Part10File, wanted: Sequence[TagPath]) -> dict[TagPath, list[str]]:
    hits: dict[TagPath, list[str]] = {path: [] for path in wanted}
    if any(path.steps[0].tag < AFTER_META for path in wanted):
        for (tag, vr, _, _, _, _), raw in file.meta:
            for path in named_in_meta(tag, wanted):
                hits[path].append(_shown(Value(tag, vr, raw, "<", DEFAULT)))
    return hits


def _walked_values(
    file: Part10File, wanted: Sequence[TagPath], decode: Decoder, stop: int
) -> dict[TagPath, list[str]]:
    hits = _meta_values(file, wanted)
    walker = file.walk(stop=stop)
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
            for found in wanted:
                if tracker.at(found, tag, depth):
                    hits[found].append(_bare(element, walker, decoders[level]))
    return hits


def _bare(element: Element, walker: Walker, decode: Decoder) -> str:
    tag, vr, _, offset, length, _ = element
    if vr == "SQ" or length == UNDEFINED:
        return "(sequence)" if vr == "SQ" else "(encapsulated)"
    if length > (MAX_BARE_BULK if effective_vr(tag, vr) in BULK_VRS else MAX_BARE):
        raise InputError(f"offset {offset}: a value of {length} bytes is too long to be printed")
    return _shown(Value(tag, vr, walker.value(offset, length), walker.order, decode))


def _shown(value: Value) -> str:
    """Return ``value`` as a script wants it: without brackets and names, on one line."""
    return escape("\\".join(value.texts()))


def raw_value(path: str, file: Part10File, wanted: TagPath) -> Result:
    """Show the bytes of the one element that ``wanted`` names."""
    found: bytes | None = None
    for raw in _raw_values(file, wanted):
        if found is not None:
            raise InputError(f"{wanted} names more than one element; give the item of each sequence")
        found = raw
    result = answer(file, path, {"file": path}, None, [wanted] if found is None else [])
    return result._replace(raw=found)


def _raw_values(file: Part10File, wanted: TagPath) -> Iterator[bytes]:
    yield from (raw for (tag, *_), raw in file.meta if named_in_meta(tag, [wanted]))
    walker = file.walk()
    tracker = PathTracker()
    while elements := walker.read():
        for element in elements:
            tag, vr, _, offset, length, depth = element
            track(tracker, element, walker)
            if not tracker.at(wanted, tag, depth):
                continue
            if vr == "SQ" or length == UNDEFINED:
                what = "a sequence" if vr == "SQ" else "encapsulated"
                raise InputError(f"offset {offset}: {wanted} is {what}, not one value")
            yield walker.value(offset, length)
