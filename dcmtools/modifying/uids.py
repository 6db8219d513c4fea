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
from dcmtools.errors import InputError, MalformedError, OutputError, UsageError
from dcmtools.files.csvfile import rows_of
from dcmtools.files.depths import track
from dcmtools.files.part10 import part10_file
from dcmtools.files.values import values_of
from dcmtools.files.work import for_each, is_usable
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
_REFERENCED_INSTANCE: Final = 0x00081155
_LONGEST: Final = 1024 * 1024  # bytes of a value, which may be a list of UIDs


class UidMap(NamedTuple):
    """What becomes of UIDs: ``given`` has some, of others those ``found`` get one derived from ``secret``.

    With ``instances`` those of all instances of the set are among them.
    """

    given: Mapping[str, str] = {}
    found: Collection[str] = frozenset()
    secret: bytes = b""
    instances: bool = False

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
    passed: Callable[[Input], bool] | None = None,
) -> frozenset[str]:
    """Return the UIDs that identify the files of ``paths`` at ``levels``, some of ``LEVELS``.

    Those of the Standard are left out. Files that cannot be read have none, nor those that ``where`` is not
    true of and those that are ``passed``; ``opening`` says what a file is. What comes through a pipe can be
    read again by whoever uses ``files.source.KEPT`` around this.
    """
    tags = frozenset(LEVELS[level] for level in levels)
    results = for_each(paths, partial(_uids_of, tags, where, opening, passed), jobs)
    return frozenset(uid for result in results if is_usable(result) for uid in _uids_in(result))


def _uids_in(result: Result) -> Iterable[str]:
    uids = result.record.get("uids")
    return uids if isinstance(uids, tuple) else ()


def _uids_of(
    tags: frozenset[int],
    where: Where | None,
    opening: Callable[[FileSource], Part10File],
    passed: Callable[[Input], bool] | None,
    item: Input,
) -> Result:
    if passed and passed(item):
        return Result.unselected(item.path)
    with item.open() as source:
        file = opening(source)
        if where and not where.of(file, item):
            return Result.unselected(item.path)
        texts = _texts(file, tags)
    olds = (uid.strip(" \0") for text in texts for uid in text.split("\\"))
    return Result(item.path, {"uids": tuple(uid for uid in olds if uid and not is_standard(uid))})


def _texts(file: Part10File, tags: frozenset[int]) -> list[str]:
    """Return the values of ``tags`` at the top of ``file``, in any order if it can be walked to its end."""
    walker = file.walk(shallow=True)
    try:
        return [
            unpadded(walker.value(value, length))
            for tag, vr, _, value, length, depth in walker
            if tag in tags and not depth and vr != "SQ" and length <= _LONGEST
        ]
    except MalformedError:
        return [value.text() for value in values_of(file, tags).values()]


def require_apart(given: Mapping[str, str], instances: Collection[str]) -> None:
    """Raise UsageError where one of ``instances`` would get the UID of another."""
    for old, new in given.items():
        if old in instances and new in instances:
            hint = "the new UID is to be one that no file has"
            message = f"{new}, the new UID of {old}, is that of another file: two would become one"
            raise UsageError(message, hint=hint)


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
    require_new(path)
    try:
        with making(path, mode=0o600) as file:
            file.write(text.getvalue().encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())  # whatever is written after it can be told from it
    except FileExistsError:
        raise _taken(path) from None
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def require_new(path: str) -> None:
    """Raise UsageError where there is a file at ``path``."""
    if os.path.lexists(path):
        raise _taken(path)


def _taken(path: str) -> UsageError:
    hint = "what is in a file is never replaced: give another name"
    return UsageError(f"{path}: there is a file already", hint=hint)


def step(uids: UidMap, file: Part10File, told: Told) -> Splice | None:
    """Put new UIDs in the place of old ones throughout the data set; a Step, once it has its ``uids``.

    Elements of VR UI are looked at, and those of VR UN that a dictionary has as UI and that hold UIDs; those
    that name classes and syntaxes are not. Where the study or series around a reference gets a new UID, and
    the instance is not one of those found, that is a remark. Raises what the walk does.
    """
    rewriting, tracker = Rewriting(file), PathTracker()
    changed = False
    outside: dict[str, int] = {}  # how many references from there lead to other instances
    moved: set[str] = set()
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
                if depth and tag in LEVELS.values():
                    moved.add(_around(tracker, tag, depth))
            elif tag == _REFERENCED_INSTANCE and uids.instances and depth:
                place = _around(tracker, tag, depth)
                outside[place] = outside.get(place, 0) + 1
    if lost := sum(count for place, count in outside.items() if _is_within(place, moved)):
        told.remark(
            f"{lost} reference{'' if lost == 1 else 's'} to instances that are not among these files: these"
            " keep their UIDs, and the study or series around them does not"
        )
    return rewriting.splice() if changed else None


def _around(tracker: PathTracker, tag: int, depth: int) -> str:
    """Return the path of the item that the element in hand is in."""
    return tracker.path_of(tag, depth).rpartition(".")[0]


def _is_within(place: str, items: Collection[str]) -> bool:
    """Tell whether the item at ``place`` is one of ``items`` or in one."""
    while place and place not in items:
        place = place.rpartition(".")[0]
    return bool(place)


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
