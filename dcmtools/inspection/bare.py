"""Bare values of a file, as scripts want them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.encoding.charset import DEFAULT
from dcmtools.encoding.element import NO_STOP, UNDEFINED
from dcmtools.encoding.tags import ITEM
from dcmtools.errors import InputError, MalformedError
from dcmtools.escaping import escape
from dcmtools.files.answers import answer
from dcmtools.files.depths import elements_at
from dcmtools.files.part10 import AFTER_META
from dcmtools.files.values import Value, glance, named_in_meta, text_at
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.errors import DcmtoolsError
    from dcmtools.files.part10 import Part10File


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
    for path, element, decoder in elements_at(walker, wanted, decode):
        if element[0] != ITEM:
            hits[path].append(escape(text_at(element, walker, decoder)))
    return hits


def _shown(value: Value) -> str:
    """Return ``value`` as a script wants it: without brackets and names, on one line."""
    return escape(value.text())


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
    for _, (tag, vr, _, offset, length, _), _ in elements_at(walker, [wanted]):
        if tag == ITEM:
            continue
        if vr == "SQ" or length == UNDEFINED:
            what = "a sequence" if vr == "SQ" else "encapsulated"
            raise InputError(f"offset {offset}: {wanted} is {what}, not one value")
        yield walker.value(offset, length)
