"""The options of ``dicomdir extract``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from dcmtools.cli.archiving import not_empty
from dcmtools.cli.options import bundle
from dcmtools.cli.sorting import (
    ASCII_OPTION,
    COLUMNS,
    COPY_OPTION,
    DRY_RUN_OPTION,
    DUPLICATES_OPTION,
    LINK_OPTION,
    MISSING_OPTION,
    ON_CONFLICT_OPTION,
    TEMPLATE_OPTION,
    Asked,
    check_target,
    options_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.cli.app import App
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions

    Function = Callable[..., Any]

_OF_OUT: Final = ("template", "copy", "link", "on_conflict", "duplicates", "missing", "ascii", "dry_run")
_LEVELS: Final = {"patients": "--patient", "studies": "--study", "series": "--series"}


def extract_options(function: Function) -> Function:
    """Add what to take, and whereto; the command gets ``asked`` for ``report``."""

    def call(*args: object, **kwargs: Any) -> object:  # noqa: ANN401  click's
        names = ("target", "nul", *_LEVELS, *_OF_OUT)
        return function(*args, asked={name: kwargs.pop(name) for name in names}, **kwargs)

    return bundle(call, function, *_OPTIONS)


def report(app: App, medium: str, asked: dict[str, Any], output: OutputOptions, jobs: int) -> ExitStatus:
    """Have it done, and show what came of it."""
    from dcmtools.media.extracting import Wanted, extract, paths
    from dcmtools.results import WARNED, Extent
    from dcmtools.sorting.acting import COPY, HARD, SYMBOLIC
    from dcmtools.sorting.sort import Totals

    _check(asked, output)
    wanted = Wanted(*(asked[name] for name in _LEVELS))
    where = asked["where"]
    if asked["target"] is None:
        return app.report(paths(medium, wanted, where, jobs, nul=asked["nul"]), ("file",), output)
    action = {"hard": HARD, "symbolic": SYMBOLIC}.get(asked["link"] or "", COPY)
    ahead = asked["dry_run"]
    totals = Totals("planned" if ahead else "copied" if action == COPY else "linked")
    options = options_of(_as_sorted(asked), action, ahead=ahead)
    results = extract(medium, wanted, options, jobs, totals)
    extent = Extent(warned=WARNED)
    return app.report(results, COLUMNS, output, summary=totals, drain=True, extent=extent)


def _as_sorted(asked: dict[str, Any]) -> Asked:
    """Return what was asked for as ``sort`` would have it."""
    rest: dict[str, Any] = {"move": False, "identical": "once", "planned": None, "applied": None}
    chosen = {name: asked[name] for name in ("target", "where", *_OF_OUT)}
    return Asked(overwrite=False, **rest, **chosen)


def _check(asked: dict[str, Any], output: OutputOptions) -> None:
    """Refuse what does not go together, lest anything asked for be passed over in silence."""
    source = click.get_current_context().get_parameter_source
    if asked["target"] is not None:
        check_target(asked["target"])
        if asked["copy"] and asked["link"]:
            raise click.UsageError("--copy and --link exclude each other.")
        if asked["nul"]:
            raise click.UsageError("-0 is for paths on standard output, -o for files in a folder.")
        return
    for name in _OF_OUT:
        if source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} wants -o OUT.")
    if asked["nul"] and output.structured:
        raise click.UsageError(f"-0 writes paths as they are, not as {output.format}.")


def _of_record(name: str, option: str) -> Callable[[Function], Function]:
    level = option.strip("-")
    what = "Patient ID" if level == "patient" else "UID"
    return click.option(
        option,
        name,
        multiple=True,
        metavar="ID" if level == "patient" else "UID",
        callback=not_empty,
        help=f"Take what the DICOMDIR has of the {level} with this {what}. Repeatable.",
    )


_OPTIONS: Final = (
    *(_of_record(name, option) for name, option in _LEVELS.items()),
    click.option(
        "-o",
        "--output",
        "target",
        type=click.Path(),
        metavar="OUT",
        help="The folder to put files into; without it their paths are written.",
    ),
    click.option("-0", "--null", "nul", is_flag=True, help="End each path by NUL: for xargs -0."),
    TEMPLATE_OPTION,
    COPY_OPTION,
    LINK_OPTION,
    ON_CONFLICT_OPTION,
    DUPLICATES_OPTION,
    MISSING_OPTION,
    ASCII_OPTION,
    DRY_RUN_OPTION,
)
