"""Values that a person gives, put into a data set in memory by their paths."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import decoder_named, unpadded
from dcmtools.encoding.containers import MAX_DEPTH
from dcmtools.encoding.dataset import DataSet, is_signed
from dcmtools.encoding.dictionary import lookup, name_of, private_lookup
from dcmtools.encoding.forms import check_key, check_values, no_place, no_text
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET, is_creator, is_private
from dcmtools.encoding.texts import raw_value, settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.encoding.dataset import Value
    from dcmtools.encoding.dictionary import Fields
    from dcmtools.encoding.tagpath import Step, TagPath

_BLOCKS: Final = range(0x10, 0x100)  # PS3.5 7.8.1


def put(data_set: DataSet, path: TagPath, text: str, *, matching: bool = False) -> None:
    """Give the element at ``path`` the values in ``text``; none make it empty.

    Sequences, items and private creators on the way are made where there are none. A step without the number
    of an item is for a sequence with one. With ``matching`` the text may be a matching key (PS3.4 C.2.2.2).

    Raises ValueError, saying what is wrong, for a path that leads nowhere, an element that no text can be put
    into, and values that are not of its VR and VM or cannot be written in the ``charset`` of the data set;
    nothing has changed then.
    """
    last = path.steps[-1]
    due: list[Callable[[], None]] = []  # what is made on the way, put where it belongs once all is right
    known, vm, name = _fields(last)
    try:
        _check(path, text)
        if matching:
            check_key(known, text)
        else:
            check_values(known, vm, text)
        for step in path.steps[:-1]:
            data_set = _item(data_set, step, due)
        vr = settled(known, text, signed=is_signed(data_set))
        value: Value = [] if vr == "SQ" else raw_value(vr, text, "<", data_set.charset)
        tag = _tag(data_set, last, due)
    except ValueError as error:
        message = f"{name} {path}: {error}".lstrip()
        raise ValueError(message) from None
    for each in due:
        each()
    data_set[tag] = (vr, value)


def put_value(data_set: DataSet, path: TagPath, vr: str, value: Value) -> None:
    """Give the element at ``path`` a value that has been looked at; ``put`` tells what is made on the way.

    Raises ValueError for a path that leads nowhere; nothing has changed then.
    """
    due: list[Callable[[], None]] = []
    for step in path.steps[:-1]:
        data_set = _item(data_set, step, due)
    tag = _tag(data_set, path.steps[-1], due)
    for each in due:
        each()
    data_set[tag] = (vr, value)


def _check(path: TagPath, text: str) -> None:
    """Raise ValueError unless there may be an element at ``path``, and one with values if there are some."""
    step = path.steps[-1]
    tag, vr = step.tag, _fields(step)[0]
    reason = no_place(tag)
    if is_private(tag) and not is_creator(tag) and not step.creator:
        reason = "it is private, so its creator is needed, as in 0029,10,CREATOR"
    elif text and not reason:
        reason = no_text(vr)
    if len(path.steps) > MAX_DEPTH:
        reason = f"sequences are nested deeper than {MAX_DEPTH}"
    if reason:
        message = f"cannot be set: {reason}"
        raise ValueError(message)
    if tag == SPECIFIC_CHARACTER_SET:
        decoder_named(text)


def _item(data_set: DataSet, step: Step, due: list[Callable[[], None]]) -> DataSet:
    """Return the item that ``step`` leads to, made if it is the next; what puts it there is ``due``."""
    tag = _tag(data_set, step, due)
    vr, items = data_set.get(tag, (_fields(step)[0], []))
    if vr != "SQ" or not isinstance(items, list):
        message = f"{name_of(tag)} is no sequence"
        raise ValueError(message)
    if step.item is None and len(items) > 1:
        message = f"{name_of(tag)} has {len(items)} items: say which, as in [0]"
        raise ValueError(message)
    number = step.item or 0
    if number > len(items):
        message = f"{name_of(tag)} has {len(items)} items, so there is no item {number} yet"
        raise ValueError(message)
    if number < len(items):
        return items[number]
    item = DataSet(data_set.charset)
    due += (partial(items.append, item), partial(data_set.__setitem__, tag, (vr, items)))
    return item


def _fields(step: Step) -> Fields:
    return private_lookup(step.creator, step.tag) if step.creator else lookup(step.tag)


def _tag(data_set: DataSet, step: Step, due: list[Callable[[], None]]) -> int:
    """Return the tag that ``step`` stands for, in a block that its creator has or is ``due`` to get."""
    if not step.creator:
        return step.tag
    group = step.tag & 0xFFFF0000
    reserved = {block: data_set[group | block][1] for block in _BLOCKS if group | block in data_set}
    for block, creator in reserved.items():
        if isinstance(creator, bytes) and unpadded(creator) == step.creator:
            return step.tag | block << 8
    free = [block for block in _BLOCKS if block not in reserved]
    if not free:
        message = f"all private blocks of group {group >> 16:04x} are reserved"
        raise ValueError(message)
    name = raw_value("LO", step.creator, "<", data_set.charset)
    due.append(partial(data_set.__setitem__, group | free[0], ("LO", name)))
    return step.tag | free[0] << 8
