"""``--where``: which of the files found are worked on."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from dcmtools.encoding.charset import DEFAULT
from dcmtools.files.part10 import part10_file
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.files.inputs import Input
    from dcmtools.files.part10 import Part10File
    from dcmtools.files.source import FileSource
    from dcmtools.files.values import Value
    from dcmtools.selection.conditions import Hit, Place


class Where:
    """Expressions that are all true of a file, or not; another process can be sent them.

    ``tags`` are those of elements at the top of a data set that may tell; ``of`` can do with their values.
    ``paths`` are those whose values alone tell, which ``by`` does; None where it takes more.
    """

    __slots__ = ("_asked", "_condition", "_places", "_plain", "paths", "tags", "texts")

    def __init__(self, *texts: str) -> None:
        """Take ``texts``, all of which have to hold; raises WhereError, which names the column."""
        from dcmtools.selection.conditions import All  # runs without --where need nothing of this
        from dcmtools.selection.parsing import parse
        from dcmtools.selection.reading import is_of_data_set, is_plain

        self.texts = texts
        self._condition = All([parse(text) for text in texts])
        self._places: dict[Place, bool] = {}
        for place, wanted in self._condition.places():
            self._places[place] = wanted or self._places.get(place, False)
        self._plain = [place for place in self._places if is_plain(place)]
        self._asked: dict[TagPath, list[Place]] | None = {}
        for place in self._places:
            if place.path is None or (is_of_data_set(place) and not is_plain(place)):
                self._asked = None
                break
            self._asked.setdefault(place.path, []).append(place)
        self.paths = None if self._asked is None else tuple(self._asked)
        self.tags = frozenset(place.path.steps[0].tag for place in self._plain if place.path)

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process as text."""
        return Where, self.texts

    def of(
        self,
        file: Part10File,
        item: Input,
        known: Iterable[Value] | None = None,
        decode: Decoder = DEFAULT,
    ) -> bool:
        """Tell whether it is true of ``file``, which is that of ``item``.

        Its head is read, and more only where that does not tell; ``known`` is what ``files.values.glance``
        had of the ``tags`` and maybe others, where somebody has asked it. Text of a data set that names no
        character set is for ``decode``. Raises InputError where it cannot be read so far.
        """
        from dcmtools.selection.reading import glanced, outside, walked

        found = outside(file, item, self._places)
        told = self._condition.told(found)
        if told is None:
            found.update(glanced(file, self._plain, known, decode))
            told = self._condition.told(found)
        for places in (self._plain, self._places):
            left = {place: self._places[place] for place in places if place not in found}
            if told is None and left:
                found.update(walked(file, left, decode))
                told = self._condition.told(found)
        return bool(told)

    def by(self, values: Iterable[Value | None]) -> bool:
        """Tell by the value of each of ``paths``, None for one that is not there."""
        from dcmtools.selection.reading import hit_of

        found: dict[Place, list[Hit]] = {}
        for places, value in zip((self._asked or {}).values(), values, strict=True):
            hits = [] if value is None else [hit_of(value)]
            for place in places:
                found[place] = hits
        return bool(self._condition.told(found))


def chosen(
    operation: Callable[[Input], Result],
    where: Where | None,
    opened: Callable[[FileSource], Part10File] = part10_file,
    decode: Decoder = DEFAULT,
) -> Callable[[Input], Result]:
    """Return ``operation`` for the files that ``where`` is true of; those of others are not to be seen.

    ``opened`` makes a file of an input's bytes. An operation that has done so itself has no need of this:
    it asks ``where``, and returns ``Result.unselected``.
    """
    return operation if where is None else partial(_chosen, operation, where, opened, decode)


def _chosen(
    operation: Callable[[Input], Result],
    where: Where,
    opened: Callable[[FileSource], Part10File],
    decode: Decoder,
    item: Input,
) -> Result:
    with item.open() as source:
        if not where.of(opened(source), item, decode=decode):
            return Result.unselected(item.path)
    return operation(item)
