"""DICOM files as they are in the wild: without preamble or meta, wrongly declared, cut, broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.encoding.element import NO_STOP, VR_CODES
from dcmtools.encoding.lenient import LenientWalker
from dcmtools.encoding.problems import Problem
from dcmtools.encoding.syntax import is_deflated
from dcmtools.errors import MalformedError, NotDicom
from dcmtools.files.deflate import salvage
from dcmtools.files.part10 import META_OFFSET, Part10File

if TYPE_CHECKING:
    from collections.abc import Container

    from dcmtools.encoding.element import Element
    from dcmtools.encoding.memory import MemorySource
    from dcmtools.files.part10 import Meta
    from dcmtools.files.source import FileSource


class LenientFile(Part10File):
    """A Part10File that is read as far as it can be.

    ``transfer_syntax`` is the one its data set is read in, empty where none has that encoding. ``guessed``
    tells where it was not declared. ``problems`` holds what is wrong as far as the file has been walked,
    first its ``own``, which are not those of an element, with what is merely unusual in its elements where
    ``notices`` asks for that; ``verbose`` has it told beside a guess.
    """

    __slots__ = ("_walker", "guessed", "notices", "own", "verbose")

    def __init__(self, source: FileSource, assume: str = "") -> None:
        """Read preamble and meta of ``source``; take the data set to be encoded in ``assume`` if given.

        Raises NotDicom or MalformedError where nothing looks like meta or a data set.
        """
        self.own: list[Problem] = []
        self._walker: LenientWalker | None = None
        self.guessed = False
        self.notices = True
        self.verbose = False
        super().__init__(source, assume)
        if not assume and not self._is_as_declared():
            self._guess()

    def _find_parts(self, assume: str) -> tuple[Meta, int]:
        try:
            return super()._find_parts(assume)
        except (NotDicom, MalformedError) as why:
            from dcmtools.files.guessing import survey

            meta, data_set_offset, self.own = survey(self.source, why)
            return meta, data_set_offset

    @property
    def problems(self) -> list[Problem]:
        """What was wrong so far."""
        return [*self.own, *self._walker.problems] if self._walker else self.own

    @property
    def serious(self) -> int:
        """How many of all problems are serious."""
        return sum(problem.serious for problem in self.own) + (self._walker.serious if self._walker else 0)

    def _is_as_declared(self) -> bool:
        """Tell whether the first element is encoded as declared, at a glance that every file can afford."""
        left = self.source.size - self.data_set_offset
        if left < 8:
            return True
        offset = self.data_set_offset
        head = self.head[offset : offset + 6]
        if len(head) < 6:
            head = self.source.read(offset, 6)
        if not self.transfer_syntax:
            return False
        if is_deflated(self.transfer_syntax):
            return head[4:6] not in VR_CODES
        high = head[0 if self.encoding.big else 1]
        return high == 0 and (head[4:6] in VR_CODES) == self.encoding.explicit

    def _guess(self) -> None:
        """Go by the first element, where that makes sense in another encoding than the declared one."""
        from dcmtools.files.guessing import guess, likely

        found = guess(self.source, self.data_set_offset)
        declared = self.transfer_syntax
        if declared:
            if found is None or found.is_like(declared):
                return
            message = f"the data set is not encoded in {declared}, which the file meta information names"
            self.own.append(Problem(self.data_set_offset, "", message, serious=True))
        elif self.meta:
            message = "the file meta information names no transfer syntax"
            self.own.append(Problem(META_OFFSET, "(0002,0010)", message, serious=False))
        self.encoding, self.transfer_syntax = found or likely(self.source, self.data_set_offset)
        self.guessed = True

    def pick(self, wanted: Container[int], stop: int) -> list[Element] | None:
        """Return elements as a Part10File does; what is unusual in them only a walk would see."""
        return None if self.notices else super().pick(wanted, stop)

    def walk(self, *, stop: int = NO_STOP, shallow: bool = False) -> LenientWalker:
        """Return a walker that goes on where it can; ``problems`` then are those of this walk."""
        self._walker = self._walked(LenientWalker, stop, shallow=shallow)
        self._walker.notices = self.notices
        return self._walker

    def read_through(self) -> None:
        """Walk the top of the data set to its end, so that ``problems`` say whether bytes are missing."""
        walker = self.walk(shallow=True)
        while walker.read():
            pass

    def _inflate(self) -> MemorySource | FileSource:
        held, error = salvage(self.source, self.data_set_offset)
        if error:
            self.own.append(Problem(error.offset, "", error.what, serious=True))
        return held
