"""Whether the elements of a data set in memory are as PS3.5 and PS3.6 have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.encoding.charset import unpadded
from dcmtools.encoding.dataset import text
from dcmtools.encoding.dictionary import lookup, name_of, private_lookup
from dcmtools.encoding.forms import check_values, no_place, require_count
from dcmtools.encoding.tags import format_tag, is_creator, is_private
from dcmtools.encoding.values import BULK_VRS, NUMBERS, TEXT_VRS, number_struct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.encoding.dataset import DataSet


def creator_of(data_set: DataSet, tag: int) -> str:
    """Return who reserves the block of private ``tag``; raise ValueError where nobody does."""
    _, name = data_set.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF, ("", b""))
    if isinstance(name, bytes) and name:
        return unpadded(name)
    message = f"{format_tag(tag)}: its private creator is missing"
    raise ValueError(message)


def check_element(data_set: DataSet, tag: int, *, counted: bool = True) -> None:
    """Raise ValueError, with the element, where it has another VR, or a value that is none of it.

    Items are not looked at. Unless they are to be ``counted``, private elements may have any number of
    values: what is known of these nobody vouches for.
    """
    vr, value = data_set[tag]
    private = is_private(tag) and not is_creator(tag)
    known, vm, _ = private_lookup(creator_of(data_set, tag), tag) if private else lookup(tag)
    message = ""
    any_count = known == "UN" or (private and not counted)
    if vr not in known.split(" or ") and known != "UN":
        message = f"its VR is {known}, not {vr}"
    elif not private and (reason := no_place(tag)):
        message = f"cannot be set: {reason}"
    elif not isinstance(value, list):
        message = _fault(data_set, tag, "1-n" if any_count else vm)
    if message:
        message = f"{name_of(tag)}: {message}"
        raise ValueError(message)


def faults(data_set: DataSet, above: str = "") -> Iterator[str]:
    """Yield what is wrong with each element, items included, by its path from ``above``."""
    for tag, (_, value) in data_set.items():
        try:
            check_element(data_set, tag, counted=False)
        except ValueError as error:
            yield f"{above}{error}"
        for number, item in enumerate(value if isinstance(value, list) else ()):
            yield from faults(item, f"{above}{name_of(tag)}[{number}].")


def _fault(data_set: DataSet, tag: int, vm: str) -> str:
    """Return what is wrong with the values of ``tag``, which should be as many as ``vm`` allows."""
    vr, value = data_set[tag]
    try:
        if vr in TEXT_VRS:
            check_values(vr, vm, text(data_set, tag))
        elif vr in NUMBERS:
            size = number_struct(vr, "<").size
            if len(value) % size:
                return f"{len(value)} bytes are no whole number of values of VR {vr}"
            if vr not in BULK_VRS:
                require_count(len(value) // size, vm)
    except ValueError as error:
        return str(error)
    return ""
