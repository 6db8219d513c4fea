"""Rows about many files: what ``dcmtools scan`` does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from dcmtools.errors import CheckFailed
from dcmtools.escaping import escape
from dcmtools.files.work import for_each
from dcmtools.results import Outcome, Result
from dcmtools.scanning.keys import INSTANCE, Key, defaults, unique_key, value_of
from dcmtools.scanning.keys import parse as parse_key

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.files.inputs import Input
    from dcmtools.selection.where import Where

    Row = Sequence[object]
    Rows = Iterator[Result]

TOGETHER: Final = 64  # files whose rows are one result
SUMMARY_COLUMNS: Final = ("by", "value", "name", "files", "bytes")
_SUMMARIZED: Final = ("SOPClassUID", "TransferSyntaxUID", "Modality")
_CUT: Final = 80  # characters of a value that a search has found, for a terminal


class ScanOptions(NamedTuple):
    """What to say of files.

    Without ``keys`` those are meant that its ``level`` has of its own. ``unique`` makes a row for each
    different combination of values, ``summary`` counts. What is ``found`` in values is searched for instead.
    With ``ended`` nothing is written but the paths of files, each with these bytes behind it. Rows go to the
    SQLite database ``target``, if there is one, which is ``overwritten`` only if that is asked for. ``form``
    is that of the results, ``cut`` makes long values short enough for people.
    """

    keys: tuple[Key, ...] = ()
    level: str = INSTANCE
    unique: bool = False
    summary: bool = False
    where: Where | None = None
    found: Callable[[str], bool] | None = None
    ended: bytes = b""
    target: str = ""
    overwritten: bool = False
    form: str = "text"
    cut: bool = False

    def asked(self) -> tuple[Key, ...]:
        """Return a key for each column but the file's path, in their order."""
        keys = self.keys or defaults(self.level)
        if self.unique:
            keys = (*keys, parse_key("files()"))
        elif self.level != INSTANCE:
            keys = (unique_key(self.level), *keys)
        return tuple({key.column: key for key in keys}.values())

    def columns(self) -> tuple[str, ...]:
        """Return what the columns are called, which may be repeated by no two of them."""
        if self.ended:
            return ("file",)
        if self.found:
            from dcmtools.scanning.searching import COLUMNS

            return COLUMNS
        if self.summary:
            return SUMMARY_COLUMNS
        names = [key.column for key in self.asked()]
        return tuple(names) if self.grouped else ("file", *names)

    @property
    def table(self) -> str:
        """What a table of these rows is called."""
        if self.found and not self.ended:
            return "hits"
        return "files" if self.ended else "summary" if self.summary else "rows" if self.unique else self.level

    @property
    def grouped(self) -> bool:
        """Whether a row is about several files."""
        return self.unique or self.level != INSTANCE


def scan(paths: Iterable[str | Result], options: ScanOptions, jobs: int = 1) -> Iterator[Result]:
    """Yield results with the rows that ``options`` ask for, from up to ``jobs`` processes.

    Files that could not be read as far as need be are failed results among them. Where something is searched
    for and not found, the last result says so.
    """
    rows = _rows(paths, options, jobs)
    if options.target:
        from dcmtools.scanning.database import stored

        return stored(rows, options)
    return _shown(rows, options)


def _rows(paths: Iterable[str | Result], options: ScanOptions, jobs: int) -> Rows:
    def results(operation: Callable[[Input], Result]) -> Rows:
        return for_each(paths, operation, jobs, together=TOGETHER)

    if options.found:
        from dcmtools.scanning.searching import Searcher

        once = bool(options.ended)
        return _found(results(Searcher(options.found, options.where, once=once)))
    from dcmtools.scanning.reading import Reader

    if options.ended:
        return results(Reader((), options.where))
    if options.summary:
        keys = [parse_key(name) for name in _SUMMARIZED]
        return _summarized(results(Reader(_paths(keys), options.where, sized=True)))
    keys = list(options.asked())
    if options.grouped:
        known = [key for key in keys if key.path] if options.unique else [unique_key(options.level)]
        known = [key for key in known if not key.function] if options.unique else known
        return _grouped(results(Reader(_paths([*known, *keys]), options.where, sized=True)), known, keys)
    return _ordered(results(Reader(_paths(keys), options.where, sized=_sized(keys))), keys)


def _sized(keys: Iterable[Key]) -> bool:
    return any(key.function == "bytes" for key in keys)


def _paths(keys: Iterable[Key]) -> tuple[TagPath, ...]:
    """Return the paths in ``keys``, each once."""
    return tuple(dict.fromkeys(key.path for key in keys if key.path))


def _places(keys: Sequence[Key], among: Sequence[Key]) -> list[tuple[int, int | None]]:
    """Return where each of ``keys`` is in the row of a Reader for ``among``, and which of the values there.

    What is no element is the last.
    """
    paths = _paths(among)
    return [(1 + paths.index(key.path) if key.path else -1, key.number) for key in keys]


def _cells(row: Row, places: Iterable[tuple[int, int | None]]) -> list[object]:
    return [
        row[at] if number is None else value_of(cast("str | None", row[at]), number) for at, number in places
    ]


def _ordered(results: Rows, keys: Sequence[Key]) -> Rows:
    """Put the size of each file into its column, and one of several values where that is asked for."""
    if not _sized(keys) and all(key.number is None for key in keys):
        return results
    places = [(0, None), *_places(keys, keys)]
    return (
        result._replace(rows=[_cells(row, places) for row in result.rows]) if result.rows else result
        for result in results
    )


def _grouped(results: Rows, known: Sequence[Key], keys: Sequence[Key]) -> Rows:
    """Yield what has no rows, then a row for each group of files whose values of ``known`` are the same."""
    from dcmtools.scanning.groups import Group

    groups: dict[tuple[object, ...], Group] = {}
    by, places = (_places(each, [*known, *keys]) for each in (known, keys))

    def take(row: Row) -> None:
        told = tuple(_cells(row, by))
        if told not in groups:
            groups[told] = Group(keys)
        cells = zip(_cells(row, places), places, strict=True)
        groups[told].add([_text(cell) if at > 0 else None for cell, (at, _) in cells], cast("int", row[-1]))

    counted = yield from _taken(results, take)
    yield from _in_the_end((list(group.cells()) for group in groups.values()), counted)


def _summarized(results: Rows) -> Rows:
    """Yield what has no rows, then how many files and bytes there are, in all and of each kind."""
    from dcmtools.encoding.uids import uid_name

    counts: dict[tuple[str, str | None], list[int]] = {}

    def take(row: Row) -> None:
        _, *values, size = row
        for name, value in zip(("", *_SUMMARIZED), (None, *values), strict=True):
            count = counts.setdefault((name, _text(value)), [0, 0])
            count[0] += 1
            count[1] += cast("int", size)

    def row(by: str, of: str | None, count: list[int]) -> Row:
        known = uid_name(of) if of and by != "Modality" else None
        return [by or "all", of, known, *count]

    counted = yield from _taken(results, take)
    order = ["", *_SUMMARIZED]
    ordered = sorted(counts.items(), key=lambda each: (order.index(each[0][0]), -each[1][0]))
    yield from _in_the_end((row(*what, count) for what, count in ordered), counted)


def _taken(results: Rows, take: Callable[[Row], None]) -> Generator[Result, None, int]:
    """Have ``take`` get each row, yield what has none or did not end well, return how many files did."""
    done = 0
    for result in results:
        for row in result.rows:
            take(row)
        if result.rows and result.outcome is Outcome.DONE:
            done += result.counted
        else:
            yield result._replace(rows=())
    return done


def _in_the_end(rows: Iterable[Row], counted: int) -> Rows:
    """Yield rows about so many files."""
    for row in rows:
        yield Result("", rows=[row], counted=counted, weighs=True)
        counted = 0


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _found(results: Rows) -> Rows:
    """Yield the hits, and in the end that there was none."""
    found = looked = False
    for result in results:
        found |= bool(result.rows)
        looked |= result.outcome in (Outcome.DONE, Outcome.WARNING)
        if result.rows or result.outcome is not Outcome.DONE:
            yield result
    if looked and not found:
        yield Result.failed("", CheckFailed("no value of these files has it"))._replace(counted=False)


def _shown(results: Rows, options: ScanOptions) -> Rows:
    """Yield the rows in the form that is asked for."""
    columns = options.columns()
    whole = options.form == "text" and (options.grouped or options.summary)
    for result in _gathered(results) if whole else results:
        if whole and result.rows:
            yield result
        elif not result.rows:
            yield _without_row(result if result.record else result._replace(record={"file": result.item}))
        elif options.ended and options.form == "text":
            yield result._replace(raw=b"".join([_bare(str(row[0]), options) for row in result.rows]))
        elif options.form in ("csv", "tsv") and result.outcome is Outcome.DONE and not result.note:
            yield result
        elif len(result.rows) == 1:
            record = _record(columns, result.rows[0], options)
            yield result._replace(rows=(), item=_item(result, result.rows[0]), record=record)
        else:
            yield from _each(result, columns, options)


def _each(result: Result, columns: Sequence[str], options: ScanOptions) -> Rows:
    """Yield each of several rows, those of a file one after the other, and how it ended, if not well."""
    ended_well = result.outcome is Outcome.DONE and not result.note
    last = None
    for row in result.rows:
        counted = ended_well and row[0] != last
        last = row[0]
        yield Result(str(last), _record(columns, row, options), counted=counted, weighs=True)
    if not ended_well:
        yield _without_row(result._replace(rows=(), record={"file": result.item}))


def _gathered(results: Rows) -> Rows:
    """Yield what has no rows, then all rows as one result, whose columns can be aligned."""
    rows: list[Row] = []
    counted = 0
    for result in results:
        if result.rows:
            rows += result.rows
            counted += result.counted
        else:
            yield result
    if rows:
        yield Result("", rows=rows, counted=counted, weighs=True)


def _without_row(result: Result) -> Result:
    """Return what is a record for programs, but no row of a table for people."""
    return result if result.text is not None else result._replace(text="")


def _bare(path: str, options: ScanOptions) -> bytes:
    return (escape(path).encode() if options.cut else os.fsencode(path)) + options.ended


def _item(result: Result, row: Row) -> str:
    return result.item if result.outcome is not Outcome.DONE else str(row[0])


def _record(columns: Sequence[str], row: Row, options: ScanOptions) -> dict[str, object]:
    """Return a row by the names of its columns; in JSON those that are asked for stand apart."""
    record: dict[str, object] = dict(zip(columns, row, strict=True))
    if options.cut and options.found and not options.ended:
        record["value"] = _cut(str(record["value"]))
    if options.form != "json" or options.found or options.ended or options.summary:
        return record
    if options.grouped:
        return {"values": record} if options.unique else {"level": options.level, "values": record}
    return {"file": record.pop("file"), "values": record}


def _cut(text: str) -> str:
    return text if len(text) <= _CUT else f"{text[:_CUT]}..."
