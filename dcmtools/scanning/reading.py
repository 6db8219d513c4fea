"""The values that are asked for, out of one file after the other."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from dcmtools.encoding.charset import DEFAULT
from dcmtools.encoding.tags import ITEM, PIXEL_DATA
from dcmtools.errors import InputError
from dcmtools.files.answers import answer
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.depths import elements_at
from dcmtools.files.part10 import AFTER_META
from dcmtools.files.values import Value, glance, named_in_meta, text_at
from dcmtools.results import Result
from dcmtools.scanning.layouts import Layouts, cell_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.files.inputs import Input
    from dcmtools.scanning.layouts import Cell
    from dcmtools.selection.where import Where

# As files.source has it: nobody waits for a writer, should a pipe have taken the place of a file.
FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class Reader:
    """Makes a row of each file: its path, the value of each of ``paths`` and, if asked for, its size.

    None stands for an element that the file does not have. Files that ``where`` is not true of have no row.
    What stands at the top out of order, behind the highest of the tags, is not found.
    """

    def __init__(self, paths: Sequence[TagPath], where: Where | None = None, *, sized: bool = False) -> None:
        """Look for ``paths``."""
        self._paths = paths
        self._where = where
        self._sized = sized
        self._stop = max([path.last_top_tag for path in paths], default=0) + 1
        self._simple = all(len(path.steps) == 1 and not path.steps[0].creator for path in paths)
        self._tags = [path.steps[0].tag for path in paths]
        compared = where.paths if where else ()
        stop = max([self._stop, *(path.last_top_tag + 1 for path in compared or ())])
        self._layouts = Layouts(paths, stop, compared or ()) if stop <= PIXEL_DATA else None
        self._quick = self._layouts is not None and compared is not None

    def __call__(self, item: Input) -> Result:
        """Return the result for ``item``, with its one row; raises InputError."""
        if self._quick and self._layouts and item.folder and not item.archive:
            item.require_within()
            row = self._at_once(item.path, self._layouts)
            if row is not None:
                return Result(item.path, rows=(row,)) if row else Result.unselected(item.path)
        with item.open() as source:
            file = LenientFile(source)
            file.notices = False
            if self._where and not self._where.of(file, item):
                self._learn_of_unselected(file)
                return Result.unselected(item.path)
            cells = self._known(file.head) or self._read(file)
            row = (item.path, *cells, *((source.size,) if self._sized else ()))
            return answer(file, item.path, {}, None)._replace(record={}, rows=(row,))

    def _known(self, head: bytes) -> Sequence[Cell] | None:
        cells = self._layouts.cells(head) if self._layouts else None
        return cells and cells[: len(self._paths)]

    def _learn_of_unselected(self, file: LenientFile) -> None:
        """Take note of the layout of a file, whatever may be wrong with it: nothing of it is to be seen."""
        if self._quick and self._layouts and self._layouts.cells(file.head) is None:
            with suppress(InputError):
                self._layouts.learn(file)

    def _at_once(self, path: str, layouts: Layouts) -> tuple[Cell | int, ...] | None:
        """Return the row of a file in a folder that is like one before it; None for any other, or none.

        That of one that is not selected is empty.
        """
        try:
            fd = os.open(path, FLAGS)
            try:
                cells = layouts.cells(os.pread(fd, layouts.enough, 0))
                if cells is None:
                    return None
                if self._where:
                    shown = len(self._paths)
                    if not self._where.by(cast("Sequence[Value | None]", cells[shown:])):
                        return ()
                    cells = cells[:shown]
                return (path, *cells, os.fstat(fd).st_size) if self._sized else (path, *cells)
            finally:
                os.close(fd)
        except OSError:
            return None  # whoever opens it as any other file says what is wrong

    def _read(self, file: LenientFile) -> list[str | None]:
        if self._layouts:
            self._layouts.learn(file)
        if self._simple and (found := glance(file, self._tags, DEFAULT) if self._tags else []) is not None:
            known = {value.tag: value.text() for value in found}
            return [known.get(tag) for tag in self._tags]
        return self._walked(file)

    def _walked(self, file: LenientFile) -> list[str | None]:
        hits: dict[TagPath, list[str]] = {path: [] for path in self._paths}
        for (tag, vr, *_), raw in file.meta:
            for path in named_in_meta(tag, self._paths):
                hits[path].append(Value(tag, vr, raw, "<", DEFAULT).text())
        if self._stop > AFTER_META:
            walker = file.walk(stop=self._stop)
            for path, element, decode in elements_at(walker, self._paths):
                if element[0] != ITEM:
                    hits[path].append(text_at(element, walker, decode))
        return [cell_of(path, hits[path]) for path in self._paths]
