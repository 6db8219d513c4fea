"""The options of ``scan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dcmtools.cli.options import bundle
from dcmtools.cli.params import SCAN_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dcmtools.scanning.scan import ScanOptions

    Function = Callable[..., Any]

_KINDS = ("summary", "unique", "text", "regex", "listed", "nul")
_ALONE = ("keys", "level", "summary", "unique")
_NOT_WITH = {
    "summary": ("keys", "level", "unique"),
    "unique": ("level",),
    "text": (*_ALONE, "regex"),
    "regex": _ALONE,
    "listed": _ALONE,
    "nul": (*_ALONE, "target"),
}
_WITHOUT_KEYS = {"summary", "text", "regex", "listed", "nul"}
_WANTED = {"ignore_case": ("text", "regex"), "overwritten": ("target",)}
_LONG = {"keys": "-k", "listed": "-l", "nul": "-0", "target": "--to", "ignore_case": "--ignore-case"}
_LONG |= {"overwritten": "--overwrite"}


def scan_options(function: Function) -> Function:
    """Add what to show of files; the command gets ``options``."""

    def call(*args: object, **kwargs: Any) -> object:  # noqa: ANN401  click's
        asked = {name: kwargs.pop(name) for name in _NAMES}
        _check(asked, str(kwargs["output_format"]))
        return function(*args, options=_options(asked), **kwargs)

    return bundle(call, function, *_ROWS, *_SEARCH, *_OUTPUT)


def _check(asked: Mapping[str, Any], output_format: str) -> None:
    """Refuse what does not go together, lest anything asked for be passed over in silence."""
    source = click.get_current_context().get_parameter_source
    named = click.core.ParameterSource.COMMANDLINE
    given = {name for name, value in asked.items() if value not in (None, False, ())}
    if source("level") is not named:
        given.discard("level")
    if source("keys") is not named and given & _WITHOUT_KEYS:
        given.discard("keys")  # those configured are of tables
    for kind in _KINDS:
        others = [name for name in _NOT_WITH[kind] if name in given]
        if kind in given and others:
            raise click.UsageError(f"{_long(kind)} and {_long(others[0])} do not go together.")
    for name, wanted in _WANTED.items():
        if name in given and not given & set(wanted):
            raise click.UsageError(f"{_long(name)} is of {' and '.join(map(_long, wanted))}.")
    if "target" in given and output_format in ("csv", "tsv"):
        raise click.UsageError(f"--to writes a database; --format {output_format} has no rows then.")
    if "nul" in given and output_format != "text":
        raise click.UsageError(f"-0 writes paths as they are, not as {output_format}.")
    _check_keys(asked, grouped=asked["level"] != "instance")


def _check_keys(asked: Mapping[str, Any], *, grouped: bool) -> None:
    for key in asked["keys"]:
        if key.function and asked["unique"]:
            raise click.UsageError(f"--unique takes elements alone; {key.column} is of --level.")
        if key.function not in ("", "bytes") and not grouped:
            raise click.UsageError(f"{key.column} is about several files: say --level.")


def _long(name: str) -> str:
    return _LONG.get(name, f"--{name}")


def _options(asked: Mapping[str, Any]) -> ScanOptions:
    from dcmtools.scanning.scan import ScanOptions

    ended = b"\0" if asked["nul"] else b"\n" if asked["listed"] else b""
    return ScanOptions(
        keys=asked["keys"],
        level=asked["level"],
        unique=asked["unique"],
        summary=asked["summary"],
        found=_found(asked),
        ended=ended,
        target=asked["target"] or "",
        overwritten=asked["overwritten"],
    )


def _found(asked: Mapping[str, Any]) -> Callable[[str], bool] | None:
    if asked["text"] is None and asked["regex"] is None:
        return None
    from dcmtools.scanning.searching import containing, matching

    for name, made in (("text", containing), ("regex", matching)):
        if asked[name] is not None:
            try:
                return made(asked[name], ignore_case=asked["ignore_case"])
            except ValueError as error:
                message = f"{error}."
                raise click.BadParameter(message, param_hint=f"'--{name}'") from None
    return None


_ROWS = (
    click.option(
        "-k",
        "--key",
        "keys",
        type=SCAN_KEY,
        multiple=True,
        metavar="KEY",
        help="A column: a keyword, a tag or a path such as Seq.Elem (of any item) or Seq[0].Elem, "
        "ImageType[2] for the third value, file.size; above instances also functions: files() is how many "
        "files, bytes() their size, count() how many different SOP Instance UIDs, count(KEY) how many "
        "different values, min(KEY), max(KEY) the least and the greatest by VR, first(KEY) that of the first "
        "file that has one, unique(KEY) all different ones, as KEY alone. Repeatable.",
    ),
    click.option(
        "-L",
        "--level",
        type=click.Choice(["instance", "series", "study", "patient"], case_sensitive=False),
        default="instance",
        show_default=True,
        help="What a row is about.",
    ),
    click.option(
        "--unique",
        is_flag=True,
        help="A row for each different combination of values, and how many files have it.",
    ),
    click.option(
        "--summary",
        is_flag=True,
        help="Count files and bytes, in all and by SOP class, transfer syntax and modality.",
    ),
)
_SEARCH = (
    click.option(
        "--text",
        metavar="STR",
        help="Search all values, at any depth, for this text; a row for each value it stands in.",
    ),
    click.option(
        "--regex",
        metavar="RE",
        help="Search for a regular expression, as re of Python has them, but none that look back or ahead.",
    ),
    click.option("-i", "--ignore-case", is_flag=True, help="Take small letters and capitals for the same."),
)
_OUTPUT = (
    click.option(
        "-l",
        "--list",
        "listed",
        is_flag=True,
        help="Write nothing but the paths of the files, one a line: of those found, or selected.",
    ),
    click.option("-0", "--null", "nul", is_flag=True, help="The same, each path ended by NUL: for xargs -0."),
    click.option(
        "--to",
        "target",
        type=click.Path(dir_okay=False),
        metavar="FILE.sqlite",
        help="Put the rows into a new SQLite database: into its table instance, series, study or patient as "
        "--level says, rows (--unique), summary, hits (--text, --regex) or files (-l). Files that failed are "
        "in the table failures.",
    ),
    click.option(
        "--overwrite",
        "overwritten",
        is_flag=True,
        help="Replace the database that is there, if this command made it.",
    ),
)
_NAMES = (
    *("keys", "level", "unique", "summary", "text", "regex", "ignore_case", "listed", "nul"),
    *("target", "overwritten"),
)
