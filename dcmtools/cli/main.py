"""The way in and the way out: parse, run the command, turn whatever happens into an exit status."""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from dcmtools import __version__
from dcmtools.cli.app import App
from dcmtools.cli.lazy import LazyGroup
from dcmtools.cli.registry import COMMANDS, CommandInfo
from dcmtools.config import completion_request
from dcmtools.errors import DISK_FULL, DcmtoolsError, ExitStatus, OutputError
from dcmtools.escaping import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_EPILOG = (
    "Exit status: 0 done, 1 some items failed or the check said no, 2 usage, 3 input, 4 no association, "
    "5 failure status from the peer; the rest is in 'man dcmtools-exit-status'."
)


def _set(ctx: click.Context, param: click.Parameter, value: int | str | None) -> None:
    app = ctx.ensure_object(App)
    app.name = ctx.command_path
    given = ctx.get_parameter_source(str(param.name)) is click.core.ParameterSource.COMMANDLINE
    if ctx.resilient_parsing:
        return  # a line that is being completed opens no file
    if param.name == "log_file":
        if value and (given or app.log is None):
            app.log_to(str(value))
    elif not value or (not given and app.level):
        return  # what the environment or the file says yields to what was said already
    elif param.name == "verbose":
        app.verbosity += int(value)
    else:
        setattr(app, str(param.name), True)


def _shared_options() -> list[click.Parameter]:
    """Make the options that work before and after the subcommand's name."""
    common: dict[str, Any] = {"expose_value": False, "is_eager": True, "callback": _set}
    return [
        click.Option(["-v", "--verbose"], count=True, help="Say more; twice for everything.", **common),
        click.Option(["-q", "--quiet"], is_flag=True, help="Say nothing but errors.", **common),
        click.Option(["--debug"], is_flag=True, help="Log everything, and show tracebacks.", **common),
        click.Option(
            ["--log-file"],
            type=click.Path(dir_okay=False),
            metavar="FILE",
            envvar="DCMTOOLS_LOG_FILE",
            help="Append messages and log to FILE too, with the time, and at least what -v logs. Where that "
            "cannot be done to the end, the work goes on, and status 0 becomes 1.",
            **common,
        ),
    ]


def make_group(registry: Iterable[CommandInfo] = COMMANDS) -> LazyGroup:
    """Return the program over the commands of ``registry``."""
    version = click.version_option(__version__, prog_name="dcmtools", message="%(prog)s %(version)s")
    group = LazyGroup(
        "dcmtools",
        registry,
        _shared_options,
        help_text="Everyday DICOM work from one command line.",
        epilog=_EPILOG,
    )
    return version(group)


def main(args: Sequence[str] | None = None, group: LazyGroup | None = None) -> int:
    """Run the program on ``args``, the command line's by default, and return its exit status."""
    group = group or make_group()
    if request := completion_request():
        from dcmtools.cli.completion import answer

        return answer(group, request)
    app = App()
    try:
        status = _status(args, group, app)
        return ExitStatus.PARTIAL if app.incomplete and not status else status
    finally:
        app.console().end()
        app.close()


def _status(args: Sequence[str] | None, group: LazyGroup, app: App) -> int:
    try:
        # click's own main() would turn a closed pipe into status 1 and a room's EOFError into an abort.
        with group.make_context("dcmtools", list(sys.argv[1:] if args is None else args), obj=app) as context:
            return int(group.invoke(context))
    except click.exceptions.Exit as done:
        return done.exit_code
    except Exception as error:
        return _explain(error, app)
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED


def run() -> NoReturn:
    """Be the console script."""
    statuses: list[int] = []
    atexit.register(_leave, statuses)  # the first that is registered is the last to be called
    statuses.append(main())
    sys.exit(statuses[0])


def _leave(statuses: Sequence[int]) -> None:
    """End the process at once where there is a status: to take the interpreter apart takes 2 to 7 ms more."""
    if statuses:
        for stream in filter(None, (sys.stdout, sys.stderr)):  # None where the descriptor was closed
            stream.flush()
        os._exit(statuses[0])


def _explain(error: Exception, app: App) -> ExitStatus:
    console = app.console()
    if isinstance(error, click.ClickException):
        return _usage(error, app)
    if isinstance(error, click.Abort):
        return ExitStatus.INTERRUPTED
    if isinstance(error, BrokenPipeError):
        console.abandon_stdout()
        return ExitStatus.STDOUT_CLOSED
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        console.abandon_stdout()
        error = OutputError(f"{error.strerror}")
    if isinstance(error, DcmtoolsError):
        console.say(f"{app.name}: {escape(error.message)}")
        if error.hint:
            console.say(f"hint: {escape(error.hint)}")
        return error.status
    console.say(f"{app.name}: internal error: {type(error).__name__}: {escape(str(error))}")
    if app.debug:
        from traceback import format_exception

        for line in "".join(format_exception(error)).splitlines():
            console.say(escape(line))
    else:
        console.say("hint: this is a bug in dcmtools; please report it with what --debug shows")
    return ExitStatus.BUG


def _usage(error: click.ClickException, app: App) -> ExitStatus:
    console = app.console()
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        console.say(error.format_message())
        return ExitStatus.USAGE
    context = getattr(error, "ctx", None)
    name = context.command_path if context else app.name
    console.say(f"{name}: {escape(error.format_message())}")
    for line in getattr(error, "lines", ()):  # that point at it
        console.say(escape(line))
    console.say(f"Try '{name} --help'.")
    return ExitStatus.USAGE
