"""What is changed in a file, told step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.editing.pieces import Splice
    from dcmtools.files.part10 import Part10File

MOST: Final = 1000
LONGEST: Final = 200


class Alteration(NamedTuple):
    """One change: the ``path`` of the element, ``what`` was done to it, and its value before and after.

    ``what`` is ``set``, ``insert``, ``erase``, ``uid``, ``charset``, ``repair`` or ``meta``. Values are text
    for people, not escaped; empty where there is none.
    """

    path: str
    what: str
    old: str = ""
    new: str = ""


class Told(list[Alteration]):
    """The changes of one file in their order: ``total`` of them; of very many only the first are kept.

    ``remarks`` are on what is not as it should be when all is done.
    """

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.total = 0
        self.remarks: list[str] = []

    def append(self, change: Alteration) -> None:
        """Tell of one more; values are cut to ``LONGEST`` characters."""
        self.total += 1
        if len(self) < MOST:
            super().append(change._replace(old=_cut(change.old), new=_cut(change.new)))

    def remark(self, text: str) -> None:
        """Have a warning say ``text``."""
        if len(self.remarks) < MOST:
            self.remarks.append(text)

    def clear(self) -> None:
        """Begin anew."""
        super().clear()
        self.total = 0
        self.remarks.clear()


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


Step: TypeAlias = "Callable[[Part10File, Told], Splice | None]"
"""Looks at a file, appends to what is told, and returns its data set with the changes, None without any.

It is a function of a module or a partial of one, so that another process can be sent it. It raises InputError
for a file that it cannot walk or that cannot take the change.
"""

MetaStep: TypeAlias = "Callable[[Part10File, Told], bytes | None]"
"""Looks at a file whose data set is as it will be, and returns what is to stand before that: preamble, prefix
and file meta information. None leaves them as they are.
"""
