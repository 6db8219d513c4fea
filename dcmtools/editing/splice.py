"""The splice: elements at the top of a data set replaced, inserted or removed, and the rest left as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.editing.nested import Container, Rewriting
from dcmtools.encoding.tags import format_tag
from dcmtools.encoding.writing import element
from dcmtools.errors import InputError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.editing.pieces import Splice
    from dcmtools.encoding.syntax import Encoding
    from dcmtools.files.part10 import Part10File

_FIRST: Final = 0x00080000
_ITEMS: Final = 0xFFFE0000


class Edit(NamedTuple):
    """What is to become of an element: its value in the file's encoding, or None for out.

    Where there is no such element, it is inserted; where there is one, ``vr`` replaces its VR, too.
    """

    tag: int
    vr: str
    value: bytes | None


def spliced(file: Part10File, edits: Sequence[Edit]) -> Splice:
    """Return the data set of ``file`` with ``edits`` made, in the file's own encoding.

    A deflated data set is inflated, and is the ``source`` of the splice then: it has to be deflated again,
    or goes as explicit VR little endian. Group lengths of the groups that are touched and Length to End go,
    as they would be wrong. The walk ends at the last tag edited; what follows is copied unseen.

    Raises ValueError for an edit that no file can take, InputError where this one cannot take it,
    MalformedError where the part walked is damaged or its elements are not in the order of their tags.
    """
    wanted = _checked(edits)
    left = sorted(wanted, reverse=True)
    last = 0
    rewriting = Rewriting(file, stop=max(wanted, default=_FIRST) + 1, shallow=True)
    for event in rewriting:
        if isinstance(event, Container):
            while event.depth < 0 and left:
                rewriting.insert(_element(wanted[left.pop()], file.encoding))
            continue
        tag, _, at, _, _, depth = event
        if depth:  # within a sequence of undefined length
            continue
        if tag <= last:
            message = f"stands after {format_tag(last)}; only a data set in the order of its tags is edited"
            raise MalformedError(message, offset=at, path=format_tag(tag))
        last = tag
        while left and left[-1] <= tag:
            rewriting.insert(_element(wanted[left.pop()], file.encoding))
        if tag in wanted:
            rewriting.remove()
    return rewriting.splice()


def _checked(edits: Sequence[Edit]) -> dict[int, Edit]:
    wanted = {edit.tag: edit for edit in edits}
    if len(wanted) < len(edits):
        message = "an element is edited twice"
        raise ValueError(message)
    for tag in wanted:
        if not _FIRST < tag < _ITEMS or tag & 0xFFFF == 0:
            message = f"{format_tag(tag)} is not an element of a data set that could be edited"
            raise ValueError(message)
    return wanted


def _element(edit: Edit, encoding: Encoding) -> bytes:
    """Return ``edit`` as an element, nothing for one that is to go; raise InputError where it is too long."""
    if edit.value is None:
        return b""
    try:
        return element(edit.tag, edit.vr, edit.value, encoding)
    except ValueError as error:
        raise InputError(f"{format_tag(edit.tag)}: {error}") from None
