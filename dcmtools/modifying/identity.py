"""What stands before a data set that has changed: it has to say of which instance that is (PS3.10 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import unpadded
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.encoding.tags import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    format_tag,
)
from dcmtools.encoding.writing import element
from dcmtools.files.part10 import META, META_OFFSET, PREFIX_OFFSET
from dcmtools.files.values import values_of
from dcmtools.modifying.told import Alteration

if TYPE_CHECKING:
    from dcmtools.files.part10 import Part10File
    from dcmtools.modifying.told import Told

_FOLLOWS: Final = {
    SOP_CLASS_UID: MEDIA_STORAGE_SOP_CLASS_UID,
    SOP_INSTANCE_UID: MEDIA_STORAGE_SOP_INSTANCE_UID,
}
_LONGEST_UID: Final = 64  # bytes
_PATHS: Final = frozenset(map(format_tag, _FOLLOWS))
# Of TIFF, which tells where in the file its parts are.
_IMAGES: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def followed(before: Part10File, after: Part10File, told: Told) -> bytes:
    """Return preamble, prefix and file meta information for the file that ``before`` becomes.

    They stay as they are, but for the UIDs that have changed in the data set, and for a preamble by which the
    file is an image of another format, too: what that says would be wrong.
    """
    preamble = preamble_of(before, told)
    changed = _changed(before, after, told)
    if not changed:
        return preamble + before.source.read(PREFIX_OFFSET, before.data_set_offset - PREFIX_OFFSET)
    old = {tag: (vr, raw) for (tag, vr, *_), raw in before.meta}
    for tag, raw in changed.items():
        was = unpadded(old[tag][1]) if tag in old else ""
        told.append(Alteration(format_tag(tag), "meta", was, unpadded(raw)))
    new = {**old, **{tag: ("UI", raw) for tag, raw in changed.items()}}
    elements = b"".join([element(tag, *new[tag], EXPLICIT) for tag in sorted(new) if tag != META])
    length = element(META, "UL", len(elements).to_bytes(4, "little"), EXPLICIT) if META in old else b""
    prefix = before.source.read(PREFIX_OFFSET, META_OFFSET - PREFIX_OFFSET)
    return preamble + prefix + length + elements


def preamble_of(file: Part10File, told: Told) -> bytes:
    """Return the preamble of ``file``, zeros for one by which it is an image of another format, too."""
    preamble = file.head[:PREFIX_OFFSET]
    if preamble.startswith(_IMAGES):
        told.append(Alteration("preamble", "meta", "TIFF", "zeros"))
        preamble = bytes(PREFIX_OFFSET)
    return preamble


def _changed(before: Part10File, after: Part10File, told: Told) -> dict[int, bytes]:
    """Return the new values of the meta elements that have to follow the data set."""
    if told.total == len(told) and not any(each.path in _PATHS for each in told):
        return {}
    old = {tag: value.raw for tag, value in values_of(before, _FOLLOWS).items()}
    new = {tag: value.raw for tag, value in values_of(after, _FOLLOWS).items()}
    if any(
        new.get(tag) == old.get(tag) for tag in _FOLLOWS if format_tag(tag) in {each.path for each in told}
    ):
        new |= _wherever(after)  # what has changed stands behind a higher tag
    return {meta: raw for tag, meta in _FOLLOWS.items() if (raw := new.get(tag)) and old.get(tag) != raw}


def _wherever(file: Part10File) -> dict[int, bytes | None]:
    """Return the values at the top of ``file``, in whatever order it is."""
    walker = file.walk(shallow=True)
    return {
        tag: walker.value(value, length)
        for tag, _, _, value, length, depth in walker
        if tag in _FOLLOWS and not depth and length <= _LONGEST_UID
    }
