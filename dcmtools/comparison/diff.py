"""Two files or two trees compared: what ``dcmtools diff`` does."""

from __future__ import annotations

import os
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from dcmtools import batch
from dcmtools.comparison.matching import Pair
from dcmtools.comparison.pairs import pairs, tree_of
from dcmtools.comparison.telling import DIFFERENT, ONLY_A, ONLY_B, record_of, same
from dcmtools.errors import CheckFailed, InputError, Interrupted, UsageError
from dcmtools.escaping import escape
from dcmtools.files.source import KEPT, STDIN
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.comparison.rules import DiffOptions


class Totals:
    """How many pairs were what: the words of the closing line, which begins with those that are the same."""

    def __init__(self) -> None:
        """Begin with none."""
        self.counts: Counter[str] = Counter()

    def __str__(self) -> str:
        """Return the words behind the number of pairs that are the same."""
        counts = self.counts
        told = [(DIFFERENT, "different"), (ONLY_A, "only in the first"), (ONLY_B, "only in the second")]
        return ", ".join(["the same", *(f"{counts[key]} {words}" for key, words in told if counts[key])])


def diff(a: str, b: str, options: DiffOptions, jobs: int, totals: Totals) -> Iterator[Result]:
    """Yield a result for each pair of files of ``a`` and ``b``, and in the end that they differ, if they do.

    Where they do not, and something could not be compared, that error's status remains: nothing that was the
    same weighs against it. Raises UsageError where a file would be compared with a folder, InputError where
    there is nothing to compare, and Interrupted.
    """
    if a == b == STDIN:
        raise UsageError("standard input is one file, which would be compared with itself")
    anything = False
    with KEPT:
        try:
            for result in batch.run(partial(_compared, options), _found(a, b, options, jobs), jobs, _lost):
                anything |= result.outcome is not Outcome.SKIPPED or not result.selected
                totals.counts[str(result.record.get("result", ""))] += 1
                yield result
        except KeyboardInterrupt:
            raise Interrupted("stopped by the user; what may be left was not compared") from None
    if not anything:
        raise InputError("there is no DICOM file in either")
    if any(totals.counts[key] for key in (DIFFERENT, ONLY_A, ONLY_B)):
        yield Result.failed("", CheckFailed("they differ"))._replace(counted=False)


def _found(a: str, b: str, options: DiffOptions, jobs: int) -> Iterator[Pair | Result]:
    """Yield what is to be compared, and results for what cannot be."""
    one, other = tree_of(a), tree_of(b)
    if bool(one.kind) != bool(other.kind):
        file, folder = (other, one) if one.kind else (one, other)
        if file.argument != STDIN and not os.path.lexists(file.argument):
            message = f"{file.argument}: No such file or directory"
            raise InputError(message)
        message = f"{folder.argument} holds files, and {file.argument} is one"
        raise UsageError(message, hint="name the file in the folder or archive")
    if one.kind:
        yield from pairs(one, other, options.match, jobs)
        return
    yield from (*one.others, *other.others)
    if one.files and other.files:
        yield Pair(one.files[""], other.files[""])


def _lost(pair: Pair | Result) -> Result:
    if isinstance(pair, Result):
        return pair
    error = InputError("the process that compared it died", hint="perhaps of too little memory")
    return Result.failed(pair.item.path, error, record_of(pair.a, pair.b, None))


def _compared(options: DiffOptions, pair: Pair | Result) -> Result:
    """Return what is different between the files of a pair."""
    if isinstance(pair, Result):
        return pair
    a, b = pair.a, pair.b
    if a and b and pair.same and not options.where:
        return same(a, b)
    from dcmtools.comparison.looking import is_selected, looked_at  # which trees that are the same do without

    try:
        if a and b:
            return looked_at(a, b, options)
        return _alone(pair) if is_selected(pair.item, options) else Result.unselected(pair.item.path)
    except InputError as error:  # whose words name the file
        return Result.failed("", error, record_of(a, b, None))
    except MemoryError:
        poor = InputError("it takes more memory than there is")
        return Result.failed(pair.item.path, poor, record_of(a, b, None))


def _alone(pair: Pair) -> Result:
    path = escape(pair.item.path)
    return Result(
        pair.item.path,
        record_of(pair.a, pair.b, ONLY_A if pair.a else ONLY_B),
        text=f"only in the {'first' if pair.a else 'second'}: {path}\n",
        counted=False,
        weighs=False,
    )
