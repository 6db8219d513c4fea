"""The options of commands that can write a report."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.output.report import Form, ReportOptions

REPORT_OPTIONS = (
    click.option(
        "--report",
        "report_path",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Write what became of each item to FILE as well, also when the run fails: .csv, .json, or .xml "
        "for JUnit.",
    ),
    click.option(
        "--report-format",
        type=click.Choice(["csv", "json", "junit"]),
        help="The form of --report, whatever FILE ends with.",
    ),
)


def asked_report(path: str | None, form: Form | None) -> ReportOptions | None:
    """Return what is to be written where; it is none of the files that the command line names otherwise."""
    context = click.get_current_context()
    if path is None:
        if form and context.get_parameter_source("report_format") is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError("--report-format wants --report FILE.")
        return None
    from dcmtools.output.report import FORMS, ReportOptions

    if path == "-":
        raise _bad("it is a file; --format writes to standard output.")
    form = form or FORMS.get(os.path.splitext(path)[1].lower())
    if form is None:
        raise _bad(f"{path!r} ends with none of {', '.join(FORMS)}; --report-format says what it is to be.")
    for param, name in _files(context):
        if _is_same(name, path):
            raise _bad(f"{path!r} is that of {param.get_error_hint(context)}, too.")
    log = context.ensure_object(App).log
    if log and log.is_at(path):
        raise _bad(f"{path!r} is the log file, too.")
    return ReportOptions(path, form)


def _bad(message: str) -> click.BadParameter:
    return click.BadParameter(message, param_hint="'--report'")


def _files(context: click.Context) -> Iterator[tuple[click.Parameter, str]]:
    """Yield every other file that the command line names."""
    for param in context.command.params:
        if isinstance(param.type, click.Path) and param.name != "report_path":
            given = context.params.get(str(param.name)) or ()
            for name in (given,) if isinstance(given, str) else given:
                yield param, name


def _is_same(one: str, other: str) -> bool:
    found = os.path.exists(one), os.path.exists(other)
    if all(found):
        return os.path.samefile(one, other)
    return not any(found) and os.path.realpath(one) == os.path.realpath(other)
