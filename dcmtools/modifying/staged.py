"""A file whose data set has been changed and not written yet, for the next step to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.encoding.syntax import is_deflated
from dcmtools.files.instance import all_zero
from dcmtools.files.part10 import Body, Part10File
from dcmtools.modifying.told import Alteration

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from dcmtools.editing.pieces import Splice
    from dcmtools.encoding.element import Element
    from dcmtools.errors import MalformedError
    from dcmtools.modifying.told import Step, Told


class Staged(Part10File):
    """The file that another one becomes: its data set is ``whole``, all else is as it was.

    It is closed with the other. The data set is never deflated here.
    """

    __slots__ = ("whole",)

    def __init__(self, before: Part10File, whole: Splice) -> None:
        """Take everything of the file ``before`` but its data set; nothing is read."""
        self.whole = whole
        self.source = before.source
        self.meta = before.meta
        self.head = before.head
        self.data_set_offset = before.data_set_offset
        self.data_set_end = before.data_set_end
        self.transfer_syntax = before.transfer_syntax
        self.encoding = before.encoding

    def body(self) -> Body:
        """Return where the bytes of the changed data set are."""
        return Body(self.whole, 0, self.whole.size)

    def pick(self, wanted: Container[int], stop: int) -> list[Element] | None:  # noqa: ARG002  as its base has it
        """Return None: the head is that of the file as it was, so only a walk can tell."""
        return None


def staged(file: Part10File, steps: Iterable[Step], told: Told) -> Part10File:
    """Return ``file`` as ``steps`` leave it, one after the other: itself where they have nothing to change.

    Raises what the steps do.
    """
    for step in steps:
        whole = step(file, told)
        if whole is not None:
            for path in whole.dropped:
                told.append(Alteration(path, "erase", "a group length, which is retired"))
            file = Staged(file, whole)
    return file


def zeros_behind(file: Part10File, error: MalformedError) -> int:
    """Return how many zeros, and nothing else, follow where a walk over ``file`` ended with ``error``.

    A deflated data set has none that count.
    """
    zeros = file.source.size - error.offset
    if is_deflated(file.transfer_syntax) or zeros <= 0 or not all_zero(file.source, error.offset):
        return 0
    return zeros
