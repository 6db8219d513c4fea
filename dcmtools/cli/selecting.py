"""The option ``--where``, for every command that takes files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from dcmtools.cli.expressions import WHERE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.selection.where import Where

F = TypeVar("F", bound="Callable[..., Any]")


def where_option(function: F) -> F:
    """Add ``--where``; the command gets ``where``, a Where, or None where all files are meant."""
    return click.option(
        "--where",
        type=WHERE,
        multiple=True,
        metavar="EXPR",
        callback=lambda _context, _param, several: _all_of(several),
        help="Work only on files of which EXPR is true, such as 'Modality == CT and SliceThickness < 2'; "
        "dcmtools-where(7) has the language. Repeatable: all have to hold.",
    )(function)


def _all_of(several: tuple[Where, ...]) -> Where | None:
    if len(several) < 2:
        return several[0] if several else None
    from dcmtools.selection.where import Where

    return Where(*[text for each in several for text in each.texts])
