"""The result for a file that was looked into: what was found, what was not, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.uids import uid_name
from dcmtools.errors import CheckFailed, DamagedError
from dcmtools.files.anyhow import LenientFile
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dcmtools.encoding.problems import Problem
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.files.part10 import Part10File

_TOLD: Final = 3


def answer(
    file: Part10File,
    path: str,
    record: Mapping[str, object],
    text: str | None,
    absent: Sequence[TagPath] = (),
    where: str = "file",
) -> Result:
    """Return what was found, as a failure where something is ``absent`` or the file is damaged."""
    missing = _missing(absent, where)
    if not isinstance(file, LenientFile) or not (problems := file.problems):
        if missing:
            return Result(path, record, Outcome.FAILED, text=text, error=CheckFailed(missing))
        return Result(path, record, text=text)
    record = {**record, "problems": [problem._asdict() for problem in problems]}
    if file.serious:
        serious = [problem for problem in problems if problem.serious]
        told = "; ".join(filter(None, (_told(serious, file.serious), missing)))
        return Result(path, record, Outcome.FAILED, text=text, error=DamagedError(told))
    if missing:
        return Result(path, record, Outcome.FAILED, text=text, error=CheckFailed(missing))
    if file.guessed:
        return Result(path, record, Outcome.WARNING, text=text, note=_guess(file, problems))
    return Result(path, record, text=text, note=_told(problems, len(problems)))


def _guess(file: LenientFile, problems: Sequence[Problem]) -> str:
    """Return what made a guess necessary, which it was, and where asked for what else is unusual."""
    name = uid_name(file.transfer_syntax) or "implicit VR, big endian"
    guess = f"{_told(file.own, len(file.own))}: read as {name}"
    others = problems[len(file.own) :] if file.verbose else []
    return "; ".join(filter(None, (guess, _told(others, len(others)))))


def _missing(absent: Sequence[TagPath], where: str) -> str:
    if not absent:
        return ""
    verb = "is" if len(absent) == 1 else "are"
    return f"{', '.join(map(str, absent))} {verb} not in this {where}"


def _told(problems: Sequence[Problem], count: int) -> str:
    """Return the first of the problems, and how many there are beside them."""
    told = "; ".join(map(str, problems[:_TOLD]))
    more = count - min(_TOLD, len(problems))
    return f"{told}; and {more} more" if more > 0 else told
