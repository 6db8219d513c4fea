"""The options of the archive family."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.options import bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.cli.options import Function
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.query.keys import Key

LEVELS = ("patient", "study", "series", "image")
archive_argument = click.argument("folder", metavar="DIR", type=click.Path(file_okay=False))
"""The folder of an archive; the command gets ``folder``."""
_SELECTING = {"patient": "PATIENT", "study": "STUDY", "series": "SERIES", "instance": "IMAGE"}


def selection_options(function: Function, *, where: bool = False) -> Function:
    """Add ``--patient``, ``--study``, ``--series`` and ``--instance``; the command gets ``wanted``.

    One of them has to be given, or the option ``where``, if the command has that.
    """

    def call(*args: object, **kwargs: object) -> object:
        from dcmtools.query.models import Level

        given = {Level(level): kwargs.pop(name) for name, level in _SELECTING.items()}
        wanted = {level: values for level, values in given.items() if values}
        if not wanted and not (where and kwargs.get("where")):
            options = "--patient, --study, --series, --instance" if where else "--patient, --study, --series"
            last = "--where" if where else "--instance"
            raise click.UsageError(f"Say what to remove: {options} or {last}.")
        return function(*args, wanted=wanted, **kwargs)

    return bundle(
        call,
        function,
        *(
            click.option(
                f"--{name}",
                multiple=True,
                metavar="ID" if name == "patient" else "UID",
                callback=not_empty,
                help=f"The {name} with this {'Patient ID' if name == 'patient' else 'UID'}. Repeatable.",
            )
            for name in _SELECTING
        ),
    )


def not_empty(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Return ``values``; an empty one is nobody's, rather than what has none in the archive."""
    if not all(values):
        raise click.BadParameter("it is empty.")
    return values


def matching(context: click.Context, parameter: click.Parameter, keys: tuple[Key, ...]) -> DataSet:
    """Return the data set of the matching keys that were given, as the callback of an option."""
    from dcmtools.query.keys import query_of
    from dcmtools.query.models import PATIENT_ROOT, Level

    for key in keys:
        if key.value is None:
            raise click.BadParameter(f"{key.path} has no value: give KEY=VALUE.", context, parameter)
    return query_of(keys, model=PATIENT_ROOT, level=Level.IMAGE).keys


def agreement(*, yes: bool) -> Callable[[str], bool]:
    """Return what asks a question on the terminal, or does not have to; without either it is an error."""
    return (lambda _: True) if yes else partial(_ask)


def _ask(question: str) -> bool:
    from dcmtools.errors import UsageError
    from dcmtools.escaping import escape

    if not sys.stdin.isatty():
        raise UsageError(f"{question} There is no terminal to ask", hint="--yes does without a question")
    return click.confirm(escape(question), err=True)
