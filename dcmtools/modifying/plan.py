"""All edits of a run, and which of them are to be made in a data set, a sequence or an item of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.encoding.dataset import DataSet, encode
from dcmtools.encoding.putting import put_value
from dcmtools.encoding.tagpath import TagPath
from dcmtools.encoding.tags import LENGTH_TO_END, PIXEL_REPRESENTATION, SPECIFIC_CHARACTER_SET
from dcmtools.errors import InputError
from dcmtools.files.alike import Walks
from dcmtools.modifying.wanted import UTF_8, checked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dcmtools.encoding.syntax import Encoding
    from dcmtools.encoding.tagpath import Step
    from dcmtools.modifying.wanted import Wanted

# They say how the rest is to be read, or would be wrong.
_ALWAYS: Final = frozenset((SPECIFIC_CHARACTER_SET, PIXEL_REPRESENTATION, LENGTH_TO_END))
Cursor: TypeAlias = "tuple[Wanted, int]"
"""An edit, and how many of its steps lead to the data set or sequence in hand."""


class Plan:
    """All edits, the more specific behind; with ``private`` every private element goes before them.

    Where something to be replaced is not there, the file fails, unless that is ``missing_ok``. A ``shallow``
    plan is about the top of the data set; ``only`` has the elements there that have to be looked at, if not
    all have to. ``signs`` is what Pixel Representation will say, None where it stays. ``encoded`` are values
    as they were written before, ``walks`` those of files that others are like.
    """

    def __init__(self, wanted: Iterable[Wanted], *, private: bool = False, missing_ok: bool = False) -> None:
        """Look through ``wanted``; raise ValueError where they contradict each other."""
        self.wanted = checked(wanted)
        self.private = private
        self.missing_ok = missing_ok
        self.cursors = [(each, 0) for each in self.wanted]
        self.deep = [(each, 0) for each in self.wanted if each.deep]
        self.shallow = not (private or self.deep or not all(is_last(each, 0) for each in self.wanted))
        self.only: frozenset[int] | None = None
        if self.shallow and not any(each.steps[0].creator for each in self.wanted):
            self.only = _ALWAYS | {each.steps[0].tag for each in self.wanted}
        self.signs = next((each.signs for each in self.wanted if each.signs is not None), None)
        self.encoded: dict[tuple[object, ...], bytes] = {}
        self.walks = Walks()


class Level:
    """The data set or item that the walk stands in, and what is to be done there."""

    __slots__ = (
        *("charset", "creators", "due", "here", "inserted", "path", "pending", "reserved", "sequence"),
        "signed",
    )

    def __init__(self, cursors: Iterable[Cursor], path: str, charset: bytes, *, signed: bool | None) -> None:
        """Have ``cursors`` wait there; ``path``, ending with a dot, is empty at the top."""
        self.path = path
        self.charset = charset
        self.signed = signed
        self.here: dict[int, list[Cursor]] = {}
        self.pending: list[Cursor] = []  # private ones, until their blocks are known
        self.due: list[int] = []  # what is to be put in where it is not met, the highest tag first
        self.inserted: set[int] = set()
        self.reserved: set[int] = set()  # blocks
        self.creators: dict[int, str] = {}
        self.sequence: Sequence | None = None
        for cursor in cursors:
            wanted, index = cursor
            if wanted.steps[index].creator:
                self.pending.append(cursor)
            else:
                self.expect(wanted.steps[index].tag, cursor)
        self.pending.sort(key=lambda each: each[0].steps[each[1]].tag >> 16, reverse=True)

    def expect(self, tag: int, cursor: Cursor) -> None:
        """Have ``cursor`` wait for the element ``tag``."""
        self.here.setdefault(tag, []).append(cursor)
        if cursor[0].makes(cursor[1]) and tag not in self.due:
            self.due.append(tag)
            self.due.sort(reverse=True)


class Sequence:
    """A sequence that the walk stands in: its tag, how many items there have been, and what leads there."""

    __slots__ = ("cursors", "items", "tag")

    def __init__(self, tag: int, cursors: list[Cursor]) -> None:
        """Begin before its first item."""
        self.tag = tag
        self.cursors = cursors
        self.items = 0


def is_last(wanted: Wanted, index: int) -> bool:
    """Tell whether the step ``index`` is for the element itself, and not for an item of it."""
    return index == len(wanted.steps) - 1 and wanted.steps[index].item is None


def new_bytes(
    path: str,
    paths: Iterable[tuple[Step, ...]],
    wanted: Iterable[Wanted],
    vr: str,
    level: Level,
    encoding: Encoding,
) -> bytes:
    """Return what comes of ``wanted`` put at ``paths`` where nothing is, in the place of a value of ``vr``.

    Raises InputError, with the ``path`` of it all, where that cannot be.
    """
    data_set = DataSet(UTF_8)
    for steps, each in zip(paths, wanted, strict=True):
        if each.given:
            try:
                put_value(data_set, TagPath(steps), *each.given.settled(vr, signed=level.signed))
            except ValueError as error:
                message = str(error) if path in str(error) else f"{path}: {error}"
                hint = "items are made one after the other, from [0] on" if "no item" in message else ""
                raise InputError(message, hint=hint) from None
    return bytes_of(data_set, path, level, encoding)


def bytes_of(data_set: DataSet, path: str, level: Level, encoding: Encoding) -> bytes:
    """Return the bytes of what stands in ``level`` at ``path``; raises InputError."""
    try:
        return encode(data_set, encoding, level.charset)
    except ValueError as error:
        where = "" if str(error).partition(":")[0].endswith(")") else f"{path}: "
        hint = "--charset utf-8 puts all text into another" if "character set" in str(error) else ""
        raise InputError(f"{where}{error}", hint=hint) from None
