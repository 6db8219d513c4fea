"""UIDs changed consistently over a set of files: each wherever it stands, every reference to it with it.

Which UIDs are to change is known before the first file is written: they are given, or collected out of the
files. What becomes of one follows from it and a secret of the run, so that neither the order of the files nor
the number of processes makes a difference.
"""

from __future__ import annotations

import os
from csv import writer
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.editing.nested import Container, Rewriting
from dcmtools.encoding import keyed
from dcmtools.encoding.charset import unpadded
from dcmtools.encoding.forms import check
from dcmtools.encoding.tagpath import PathTracker
from dcmtools.encoding.tags import SERIES_INSTANCE_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID
from dcmtools.encoding.uids import CLASS_UIDS, is_standard, is_uid
from dcmtools.errors import InputError, OutputError, UsageError
from dcmtools.files.csvfile import rows_of
from dcmtools.files.depths import track
from dcmtools.files.inputs import for_each, is_usable
from dcmtools.files.part10 import part10_file
from dcmtools.files.values import values_of
from dcmtools.modifying.told import Alteration
from dcmtools.modifying.understanding import understood_vr
from dcmtools.replacing import making
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from dcmtools.editing.pieces import Splice
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.walker import Walker
    from dcmtools.files.inputs import Input
    from dcmtools.files.part10 import Part10File
    from dcmtools.files.source import FileSource
    from dcmtools.modifying.told import Told
    from dcmtools.selection.where import Where

LEVELS: Final[dict[str, int]] = {
    "study": STUDY_INSTANCE_UID,
    "series": SERIES_INSTANCE_UID,
    "instance": SOP_INSTANCE_UID,
}
"""The levels at which UIDs can be made anew, and the element that identifies each."""
COLUMNS: Final = ("uid_old", "uid_new")
_LONGEST: Final = 1024 * 1024  # bytes of a value, which may be a list of UIDs


class UidMap(NamedTuple):
    """What becomes of UIDs: ``given`` has some, of others those ``found`` get one derived from ``secret``."""

    given: Mapping[str, str] = {}
    found: Collection[str] = frozenset()
    secret: bytes = b""

    def __repr__(self) -> str:
        """Return how many there are: neither UIDs nor the secret are for logs."""
        return f"UidMap({len(self.given)} given, {len(self.found)} found)"

    def new(self, old: str) -> str:
        """Return what ``old`` becomes: itself where it is to stay."""
        if given := self.given.get(old):
            return given
        return keyed.uid(self.secret, old) if old in self.found else old

    def pairs(self) -> Iterable[tuple[str, str]]:
        """Yield each old UID with its new one, sorted."""
        return ((old, self.new(old)) for old in sorted({*self.given, *self.found}))


def collected(
    paths: Iterable[str | Result],
    levels: Collection[str],
    jobs: int = 1,
    *,
    where: Where | None = None,
    opening: Callable[[FileSource], Part10File] = part10_file,
) -> frozenset[str]:
    """Return the UIDs that identify the files of ``paths`` at ``levels``, some of ``LEVELS``.

    Those of the Standard are left out. Files that cannot be read have none, nor those that ``where`` is not
    true of; ``opening`` says what a file is. What comes through a pipe can be read again by whoever uses
    ``files.source.KEPT`` around this.
    """
    tags = frozenset(LEVELS[level] for level in levels)
    results = for_each(paths, partial(_uids_of, tags, where, opening), jobs)
    return frozenset(uid for result in results if is_usable(result) for uid in _uids_in(result))


def _uids_in(result: Result) -> Iterable[str]:
    uids = result.record.get("uids")
    return uids if isinstance(uids, tuple) else ()


def _uids_of(
    tags: frozenset[int],
    where: Where | None,
    opening: Callable[[FileSource], Part10File],
    item: Input,
) -> Result:
    with item.open() as source:
        file = opening(source)
        if where and not where.of(file, item):
            return Result.unselected(item.path)
        values = values_of(file, tags).values()
    uids = tuple(uid for value in values for uid in value.texts() if uid and not is_standard(uid))
    return Result(item.path, {"uids": uids})


def read_uid_map(path: str) -> dict[str, str]:
    """Return the new UIDs in the CSV file at ``path`` by the old ones.

    Its rows are an old and a new UID; a header may name the two. Raises UsageError that names the line of
    what is wrong: no UID, one of the Standard, an old or a new one that is there twice, or a new one that is
    an old one of any line, as another run would change it once more.
    """
    new_of: dict[str, str] = {}
    lines: dict[str, int] = {}
    news: dict[str, int] = {}
    for number, (line, cells) in enumerate(rows_of(path)):
        row = [cell.strip() for cell in cells]
        if not number and row[0].lower() in ("old", COLUMNS[0]):
            _check_header(path, line, row)
            continue
        where = f"{path}: line {line}"
        old, new = _pair(where, row)
        if old in lines:
            raise UsageError(f"{where}: {old} is an old UID of line {lines[old]}, too")
        if new in news:
            raise UsageError(f"{where}: {new} is the new UID of line {news[new]}, too: two would become one")
        new_of[old] = new
        lines[old] = news[new] = line
    if not new_of:
        raise UsageError(f"{path}: the map is empty")
    for new, line in news.items():
        if new in lines:
            which = "of this line" if lines[new] == line else f"of line {lines[new]}"
            raise UsageError(f"{path}: line {line}: the new UID {new} is the old one {which}")
    return new_of


def _check_header(path: str, line: int, row: list[str]) -> None:
    if tuple(cell.lower() for cell in row) not in (COLUMNS, ("old", "new")):
        raise UsageError(f"{path}: line {line}: the columns are {', '.join(COLUMNS)}")


def _pair(where: str, row: list[str]) -> tuple[str, str]:
    if len(row) != 2:
        raise UsageError(f"{where}: {len(row)} columns, not an old and a new UID")
    old, new = row
    if not is_uid(old):
        raise UsageError(f"{where}: {old[:100]!r} is no UID")
    try:
        check("UI", new or " ")
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
    for uid in row:
        if is_standard(uid):
            raise UsageError(f"{where}: {uid} is a UID of the Standard, which means the same everywhere")
    return old, new


def write_uid_map(path: str, uids: UidMap) -> None:
    """Put all pairs of ``uids`` into a new file at ``path``, whole or not at all, for its owner alone.

    Raises UsageError where there is a file already, OutputError where it cannot be written.
    """
    text = StringIO()
    rows = writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows(uids.pairs())
    try:
        with making(path, mode=0o600) as file:
            file.write(text.getvalue().encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())  # whatever is written after it can be told from it
    except FileExistsError:
        hint = "what is in a file is never replaced: give another name"
        raise UsageError(f"{path}: there is a file already", hint=hint) from None
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def step(uids: UidMap, file: Part10File, told: Told) -> Splice | None:
    """Put new UIDs in the place of old ones throughout the data set; a Step, once it has its ``uids``.

    Elements of VR UI are looked at, and those of VR UN that a dictionary has as UI and that hold UIDs; those
    that name classes and syntaxes are not. Raises what the walk does.
    """
    rewriting, tracker = Rewriting(file), PathTracker()
    changed = False
    for found in rewriting:
        if isinstance(found, Container):
            continue
        track(tracker, found, rewriting.walker)
        tag, vr, _, _, length, depth = found
        if vr not in ("UI", "UN") or not length or tag in CLASS_UIDS:
            continue
        if understood_vr(tracker, found) == "UI":
            old = _value(rewriting.walker, found, tracker)
            new = _renamed(uids, old, strict=vr == "UN")
            if new != old:
                told.append(Alteration(tracker.path_of(tag, depth), "uid", old, new))
                rewriting.put(new.encode("latin-1"))
                changed = True
    return rewriting.splice() if changed else None


def _value(walker: Walker, element: Element, tracker: PathTracker) -> str:
    tag, _, _, value, length, depth = element
    if length > _LONGEST:
        raise InputError(f"{tracker.path_of(tag, depth)}: {length} bytes are too many to be UIDs")
    return unpadded(walker.value(value, length))


def _renamed(uids: UidMap, text: str, *, strict: bool) -> str:
    """Return the values ``text`` with new UIDs; as it is, if ``strict``, where one of them is no UID."""
    olds = [each.strip(" \0") for each in text.split("\\")]
    if strict and not all(map(is_uid, olds)):
        return text
    news = [uids.new(old) for old in olds]
    return text if news == olds else "\\".join(news)
