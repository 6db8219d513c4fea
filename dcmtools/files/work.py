"""An operation on each input of a command: many of them over the processors, one result for each."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools import batch
from dcmtools.errors import DcmtoolsError, InputError, Interrupted, NotDicom, Unsuitable
from dcmtools.files.inputs import DICOM, Input, failed, search
from dcmtools.files.source import KEPT
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dcmtools.files.inputs import Sought

_PATIENCE: Final = 0.25  # seconds; of what takes microseconds, handing it over is a part


class _End(NamedTuple):
    """Where the inputs of an argument end, which is a file if it has no ``kind``."""

    argument: str
    kind: str = ""


class _NotDicom(NamedTuple):
    """A skipped result of what is not sought."""

    result: Result


class Ending:
    """What ends a run early for each input that is not begun yet, once there is an ``error``."""

    error: DcmtoolsError | None = None


_Task = Input | Result | _End | _NotDicom
_Done = Result | _End | _NotDicom


def for_each(
    paths: Iterable[str | Input | Result],
    operation: Callable[[Input], Result],
    jobs: int = 1,
    *,
    apart: bool = False,
    ending: Ending | None = None,
    together: int = 0,
    sought: Sought = DICOM,
) -> Iterator[Result]:
    """Yield the result of ``operation`` on each input: a failed one where it raises InputError.

    What a folder or an archive holds that is not DICOM, or whatever else is ``sought``, is skipped where
    ``operation`` raises NotDicom, unless its name says that it was, or a DICOMDIR; one
    that holds nothing else fails. What ``paths`` yield as results already are passed on. What is found after
    the ``ending`` has got its error fails with that. Where ``operation`` returns nothing but
    ``Result.unselected``, InputError is raised in the end.

    Up to ``jobs`` processes work on them; see ``batch.run`` for that, and for what is done ``apart``. Where
    up to so many inputs are done ``together``, the ``rows`` of those between which there is nothing else to
    say come as one result. Ctrl-C makes failed results of what was begun, and Interrupted is raised.
    """
    with KEPT:
        barren = True
        selected: set[bool] = set()
        work = partial(_result, operation, sought)
        items = _everything(paths, work, ending or Ending(), sought, apart=apart)
        left = partial(_left, Interrupted("stopped by the user"))
        if together:
            results = _many(work, items, jobs, left, together)
        else:
            results = batch.run(work, items, jobs, _lost, apart=apart, left=left)
        try:
            for result in results:
                if isinstance(result, _NotDicom):
                    yield result.result
                    continue
                if isinstance(result, Result):
                    barren = False
                    selected.add(result.selected)
                    yield result
                    continue
                if barren and result.kind:
                    yield failed(result.argument, InputError(f"no {sought.what} in this {result.kind}"))
                barren = True
        except KeyboardInterrupt:
            raise Interrupted("stopped by the user; what may be left was not looked at") from None
        if selected == {False}:
            raise InputError("no file is selected by --where")


def _many(
    work: Callable[[_Task], _Done],
    items: Iterable[_Task],
    jobs: int,
    left: Callable[[_Task], _Done],
    most: int,
) -> Iterator[_Done]:
    """Yield what ``work`` makes of ``items``, up to ``most`` of them one piece of work for ``batch.run``."""
    stream = iter(items)
    pieces = iter(lambda: list(islice(stream, most)), [])
    for done in batch.run(
        partial(_piece, work),
        pieces,
        jobs,
        lambda piece: [batch.alone(work, item, _lost) for item in piece],
        left=lambda piece: list(map(left, piece)),
        sharing=batch.Sharing(_PATIENCE, 1),
    ):
        yield from done


def _piece(work: Callable[[_Task], _Done], items: Sequence[_Task]) -> list[_Done]:
    """Return what ``work`` makes of each, the rows of those that follow one another in one result."""
    results: list[_Done] = []
    alike: list[Result] = []
    for item in items:
        done = work(item)
        if isinstance(done, Result) and done.rows and done.outcome is Outcome.DONE and not done.note:
            alike.append(done)
        else:
            results += _joined(alike)
            results.append(done)
            alike = []
    return results + _joined(alike)


def _joined(results: Sequence[Result]) -> list[Result]:
    """Return the rows of ``results`` as those of one, if there are any."""
    if not results:
        return []
    rows = [row for result in results for row in result.rows]
    return [results[0]._replace(rows=rows, counted=len(results))]


def _everything(
    paths: Iterable[str | Input | Result],
    work: Callable[[_Task], _Done],
    ending: Ending,
    sought: Sought,
    *,
    apart: bool,
) -> Iterator[_Task]:
    for argument in paths:
        if isinstance(argument, Result):
            yield argument
            continue
        kind = ""
        items: Iterable[Input | Result] = (argument,) if isinstance(argument, Input) else ()
        if isinstance(argument, str):
            kind, items = search(argument, followed=sought.followed)
        for item in items:
            if ending.error and isinstance(item, Input):
                yield _left(ending.error, item)
            elif isinstance(item, Input) and _is_here_only(item):
                yield batch.alone(work, item, _lost) if apart else work(item)
            elif isinstance(item, Result) and item.outcome is Outcome.SKIPPED:
                yield _NotDicom(item)
            else:
                yield item
        if isinstance(argument, str):
            yield _End(argument, kind)


def _is_here_only(item: Input) -> bool:
    """Tell what came through a pipe, which another process could not open."""
    return KEPT.has(item.archive.path if item.archive else item.path)


def _lost(item: _Task) -> _Done:
    if not isinstance(item, Input):
        return item
    error = DcmtoolsError("the process that worked on it died", hint="perhaps of too little memory")
    return Result.failed(item.path, error, {"file": item.path})


def _left(error: DcmtoolsError, item: _Task) -> _Done:
    """Return the result for what ``error`` keeps from being done."""
    return Result.failed(item.path, error, {"file": item.path}) if isinstance(item, Input) else item


def _result(operation: Callable[[Input], Result], sought: Sought, item: _Task) -> _Done:
    if not isinstance(item, Input):
        return item
    path = item.path
    try:
        return operation(item)
    except NotDicom as error:
        if item.folder and (item.named or sought.names(path)):
            return failed(path, error)
        return _not_dicom(item, error)
    except Unsuitable as error:
        return Result.skipped(path, error.message, {"file": path}) if item.folder else failed(path, error)
    except InputError as error:
        return failed(path, error)
    except MemoryError:
        return failed(path, InputError("it takes more memory than there is"))


def _not_dicom(item: Input, error: NotDicom) -> _Done:
    """Return the result for a file that may be an archive in a place where none is looked into."""
    from dcmtools.files.archives import at, is_named_as_archive

    message = error.message
    if item.archive and is_named_as_archive(item.path):
        message = "an archive within an archive, which is not looked into: unpack the outer one"
    elif item.folder and not item.archive and at(item.path):
        message = "an archive: name it to have it looked into"
    if item.folder:
        return _NotDicom(Result.skipped(item.path, message, {"file": item.path}))
    return failed(item.path, error if message == error.message else NotDicom(message))


def is_usable(result: Result) -> bool:
    """Tell whether ``result`` is of an input that neither failed nor was skipped."""
    return result.outcome in (Outcome.DONE, Outcome.WARNING)
