"""Options shared by many commands; each bundle reaches the command as one object."""

from __future__ import annotations

from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from dcmtools.batch import processors
from dcmtools.cli.params import SECONDS
from dcmtools.config import PDU_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

    from dcmtools.net.stop import Stop
    from dcmtools.output.reporter import Color, Format

    Function = Callable[..., Any]

F = TypeVar("F", bound="Callable[..., Any]")


def output_options(
    function: Function, *, data_sets: bool = False, rows: bool = False, report: bool = False
) -> Function:
    """Add ``--format`` and ``--color``; the command gets ``output``.

    One whose records hold ``data_sets`` can write these alone; one whose records make ``rows`` writes CSV
    and TSV too. One that works on many items takes ``--report`` and ``--report-format``.
    """
    forms = {"text": "Text for people", "json": "JSON Lines (one object per result)"}
    if rows:
        forms |= {"csv": "CSV with a header", "tsv": "the same with tabs"}
    if data_sets:
        forms["dicom-json"] = "an array of the data sets alone (PS3.18 F)"
    *others, last = forms.values()

    def call(*args: object, output_format: Format, color: Color, **kwargs: Any) -> object:  # noqa: ANN401  click's
        from dcmtools.output.reporter import OutputOptions

        target = None
        if report:
            from dcmtools.cli.reporting import asked_report

            target = asked_report(kwargs.pop("report_path"), kwargs.pop("report_format"))
        fields = _fields() if target or output_format in ("csv", "tsv") else ()
        return function(*args, output=OutputOptions(output_format, color, target, fields), **kwargs)

    return bundle(
        call,
        function,
        click.option(
            "--format",
            "output_format",
            type=click.Choice(list(forms)),
            default="text",
            show_default=True,
            envvar="DCMTOOLS_FORMAT",
            help=f"{', '.join(others)}, or {last}.",
        ),
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            show_default=True,
            envvar="DCMTOOLS_COLOR",
            help="When to use colour.",
        ),
        *(_report_options() if report else ()),
    )


def _report_options() -> Iterable[Callable[[Function], Function]]:
    from dcmtools.cli.reporting import REPORT_OPTIONS

    return REPORT_OPTIONS


def _fields() -> list[str]:
    """Return the fields of the command's records."""
    from dcmtools.cli.fields import FIELDS

    *_, name = click.get_current_context().command_path.partition(" ")
    return FIELDS.get(name, "").split()


def pager_option(function: F) -> F:
    """Add ``--pager/--no-pager``; the command gets ``pager``, for ``paged`` of ``App.report``."""
    return click.option(
        "--pager/--no-pager",
        default=True,
        help="Show text that goes to a terminal through a pager (default), or never.",
    )(function)


def target_option(help_text: str, *, required: bool = True) -> Callable[[F], F]:
    """Add ``-o``, where the output goes; the command gets ``target``."""
    return click.option(
        "-o",
        "--output",
        "target",
        type=click.Path(allow_dash=True),
        required=required,
        metavar="OUT",
        help=help_text,
    )


OVERWRITE: Final = click.option("--overwrite", is_flag=True, help="Replace files that are in OUT already.")
SKIP_EXISTING: Final = click.option(
    "--skip-existing",
    is_flag=True,
    help="Leave out what has its file in OUT already: so a run that was ended goes on. A file in OUT is "
    "always a whole one.",
)


def jobs_option(function: F) -> F:
    """Add ``--jobs`` for work on many files; the command gets ``jobs``."""
    return click.option(
        "-j",
        "--jobs",
        type=click.IntRange(1, 256),
        default=processors,
        show_default="as many as there are processors",
        metavar="N",
        help="Processes to work with, where there is much to do.",
    )(function)


def paths_argument(function: Function, *, optional: bool = False, followed: bool = True) -> Function:
    """Add the arguments ``PATHS`` and ``--files-from``; the command gets ``paths`` as one object, unread.

    Where these are ``optional``, they may name nothing. A DICOMDIR among them stands for the files that it
    names, unless it is not ``followed``.
    """

    def call(*args: object, paths: tuple[str, ...], files_from: str | None, **kwargs: object) -> object:
        from dcmtools.files.paths import Paths

        if not paths and files_from is None and not optional:
            raise click.MissingParameter(param_hint="'PATHS...'", param_type="argument")
        if files_from == "-" and "-" in paths:
            raise click.UsageError("Standard input cannot be both a file and the list of --files-from.")
        return function(*args, paths=Paths(paths, files_from, followed=followed), **kwargs)

    anything = click.Path(allow_dash=True, readable=False)  # no check here: it makes the shell complete names
    return bundle(
        call,
        function,
        click.argument("paths", type=anything, metavar="[PATHS]..." if optional else "PATHS...", nargs=-1),
        click.option(
            "--files-from",
            type=click.Path(exists=True, dir_okay=False, allow_dash=True),
            metavar="FILE",
            help="Take the paths in FILE or, with -, on standard input, too: one a line, or ended by NUL.",
        ),
    )


def bundle(call: Function, function: Function, *options: Callable[[Function], Function]) -> Function:
    """Make ``call`` stand for the command ``function``, with ``options`` listed before those it has."""
    update_wrapper(call, function)
    for option in reversed(options):
        call = option(call)
    return call


def stop_on_signals(context: click.Context) -> Stop:
    """Return a Stop that SIGINT, SIGTERM and SIGHUP request, until ``context`` closes.

    A signal that whoever started us has chosen to ignore stays ignored, and outside the main thread,
    where Python delivers none, nobody but the program itself requests the stop.
    """
    import signal
    import threading

    from dcmtools.errors import Interrupted
    from dcmtools.net.stop import Stop

    stop = Stop()
    context.call_on_close(stop.close)
    if threading.current_thread() is not threading.main_thread():
        return stop

    def request(_number: int, _frame: FrameType | None) -> None:
        stop.request()
        if stop.breaks:
            raise Interrupted(stop.breaks)

    # Python calls request() between two steps of its own: a wait that has just begun would never hear of it.
    before = signal.set_wakeup_fd(stop.wake_fd, warn_on_full_buffer=False)
    context.call_on_close(partial(signal.set_wakeup_fd, before))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        handler = signal.getsignal(number)
        if handler not in (signal.SIG_IGN, None):
            signal.signal(number, request)
            context.call_on_close(partial(signal.signal, number, handler))
    return stop


def association_options() -> list[Callable[[Function], Function]]:
    """Return what both sides of an association can set."""
    return [
        seconds_option(
            "-ta", "--acse-timeout", 30, "Longest wait for the peer to accept or release the association."
        ),
        seconds_option("-td", "--dimse-timeout", 60, "Longest wait for a response."),
        click.option(
            "-pdu",
            "--max-pdu",
            type=click.IntRange(*PDU_BYTES),
            default=262144,
            show_default=True,
            metavar="BYTES",
            envvar="DCMTOOLS_MAX_PDU",
            help="Largest PDU to accept.",
        ),
    ]


def seconds_option(short: str, long: str, default: float, help_text: str) -> Callable[[F], F]:
    """Add a time to wait, which an environment variable of many commands can set."""
    envvar = f"DCMTOOLS_{long.strip('-').replace('-', '_').upper()}"
    return click.option(
        short,
        long,
        type=SECONDS,
        metavar="SECONDS",
        default=default,
        show_default=True,
        envvar=envvar,
        help=help_text,
    )
