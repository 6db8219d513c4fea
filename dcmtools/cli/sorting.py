"""The options of ``sort``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from dcmtools.cli.expressions import TEMPLATE
from dcmtools.cli.options import bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.cli.app import App
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.selection.template import Template
    from dcmtools.selection.where import Where

    Function = Callable[..., Any]

COLUMNS: Final = ("file", "target", "state")
_OF_PLANS: Final = {
    name: f"--{name.replace('_', '-')}"
    for name in (
        *("on_conflict", "identical", "duplicates", "template", "copy", "move", "link", "where"),
        *("dry_run", "missing", "ascii", "overwrite"),
    )
} | {"planned": "--plan"}


class Asked(NamedTuple):
    """What was said on the command line."""

    target: str
    template: Template | None
    copy: bool
    move: bool
    link: str | None
    on_conflict: str
    identical: str
    duplicates: str
    missing: str
    ascii: bool
    planned: str | None
    applied: str | None
    dry_run: bool
    overwrite: bool
    where: Where | None = None


def sort_options(function: Function) -> Function:
    """Add how and whereto to sort; the command gets ``asked``."""

    def call(*args: object, **kwargs: Any) -> object:  # noqa: ANN401  click's
        asked = Asked(**{name: kwargs.pop(name) for name in Asked._fields if name != "where"})
        return function(*args, asked=asked, **kwargs)

    return bundle(call, function, *_OPTIONS)


def report(app: App, paths: Paths, asked: Asked, output: OutputOptions, jobs: int) -> ExitStatus:
    """Have it done, and show what came of it."""
    from dcmtools.results import WARNED, Extent
    from dcmtools.sorting.acting import COPY, HARD, MOVE, SYMBOLIC
    from dcmtools.sorting.sort import Totals, apply, sort

    _check(paths, asked)
    extent = Extent(warned=WARNED)
    if asked.applied:
        totals = Totals("done")
        results = apply(asked.applied, asked.target, totals)
        return app.report(results, COLUMNS, output, summary=totals, drain=True, extent=extent)
    action = MOVE if asked.move else {"hard": HARD, "symbolic": SYMBOLIC}.get(asked.link or "", COPY)
    ahead = asked.dry_run or bool(asked.planned)
    verbs = {MOVE: "moved", HARD: "linked", SYMBOLIC: "linked"}
    totals = Totals("planned" if ahead else verbs.get(action, "copied"))
    options = options_of(asked, action, ahead=ahead)
    results = sort(paths, options, jobs, totals)
    return app.report(results, COLUMNS, output, summary=totals, drain=True, extent=extent)


def options_of(asked: Asked, action: str, *, ahead: bool) -> Any:  # noqa: ANN401  of a room, imported when it is needed
    """Return the SortOptions that were asked for."""
    from dcmtools.selection.template import Template
    from dcmtools.sorting.deciding import Rules
    from dcmtools.sorting.sort import DEFAULT_TEMPLATE, SortOptions

    text = asked.template.text if asked.template else DEFAULT_TEMPLATE
    return SortOptions(
        asked.target,
        Template(text, plain=asked.ascii),
        action,
        Rules(asked.on_conflict, asked.identical, asked.duplicates),
        asked.missing == "fail",
        asked.where,
        ahead,
        asked.planned or "",
        asked.overwrite,
    )


def check_target(target: str) -> None:
    """Refuse what is no folder for all."""
    import os

    if not target:
        raise click.UsageError("OUT has no name.")
    if target == "-" or (os.path.lexists(target) and not os.path.isdir(target)):
        raise click.UsageError(f"-o {target} is no folder, which is what files are sorted into.")


def _check(paths: Paths, asked: Asked) -> None:
    """Refuse what does not go together, lest anything asked for be passed over in silence."""
    check_target(asked.target)
    if sum((asked.copy, asked.move, asked.link is not None)) > 1:
        raise click.UsageError("--copy, --move and --link exclude each other.")
    if asked.planned == "-" or asked.applied == "-":
        raise click.UsageError("A plan is a file, not standard input or output.")
    if asked.applied:
        source = click.get_current_context().get_parameter_source
        given = [name for name in _OF_PLANS if source(name) is click.core.ParameterSource.COMMANDLINE]
        if given:
            raise click.UsageError(
                f"--apply does what the plan says; {_OF_PLANS[given[0]]} is for making one."
            )
        if not paths.is_empty:
            raise click.UsageError("--apply takes its files from the plan, not from PATHS.")
    elif paths.is_empty:
        raise click.MissingParameter(param_hint="'PATHS...'", param_type="argument")
    if asked.overwrite and not asked.planned:
        raise click.UsageError("--overwrite is of --plan; --on-conflict overwrite is for files in OUT.")


TEMPLATE_OPTION: Final = click.option(
    "-t",
    "--template",
    type=TEMPLATE,
    metavar="TEMPLATE",
    help="Names below OUT, as said above; by default {PatientID|PatientName}/"
    "{StudyDate}_{StudyDescription|StudyID|Modality}/{SeriesNumber:04}_{SeriesDescription|Modality}/"
    "{InstanceNumber|SOPInstanceUID:05}.dcm.",
)
COPY_OPTION: Final = click.option(
    "--copy", is_flag=True, help="Leave the sources as they are, which is the default."
)
LINK_OPTION: Final = click.option(
    "--link",
    type=click.Choice(["hard", "symbolic"]),
    help="Make links: a second name for the same file, or one that leads to it.",
)
ON_CONFLICT_OPTION: Final = click.option(
    "--on-conflict",
    type=click.Choice(["rename", "skip", "fail", "overwrite"]),
    default="rename",
    show_default=True,
    help="What to do where other content has the name; a file of the run itself is never overwritten.",
)
DUPLICATES_OPTION: Final = click.option(
    "--duplicates",
    type=click.Choice(["keep", "skip", "fail"]),
    default="keep",
    show_default=True,
    help="What to do with other content whose SOP Instance UID was met before in the run.",
)
MISSING_OPTION: Final = click.option(
    "--missing",
    type=click.Choice(["name", "fail"]),
    default="name",
    show_default=True,
    help="What becomes of a file that lacks a value that its name needs: it is named so, or fails.",
)
ASCII_OPTION: Final = click.option("--ascii", is_flag=True, help="Take nothing but ASCII from values.")
DRY_RUN_OPTION: Final = click.option(
    "-n", "--dry-run", is_flag=True, help="Do nothing, and show what would be done."
)
_OPTIONS: Final = (
    click.option(
        "-o",
        "--output",
        "target",
        type=click.Path(),
        required=True,
        metavar="OUT",
        help="The folder for all.",
    ),
    TEMPLATE_OPTION,
    COPY_OPTION,
    click.option("--move", is_flag=True, help="Have no source left where a file was made of it."),
    LINK_OPTION,
    ON_CONFLICT_OPTION,
    click.option(
        "--identical",
        type=click.Choice(["once", "keep"]),
        default="once",
        show_default=True,
        help="Place what has the same bytes as an instance before it once, or each under its name; a move "
        "lets all of them go.",
    ),
    DUPLICATES_OPTION,
    MISSING_OPTION,
    ASCII_OPTION,
    click.option(
        "--plan",
        "planned",
        type=click.Path(),
        metavar="FILE",
        help="Do nothing, and write into FILE what would be done.",
    ),
    click.option(
        "--apply", "applied", type=click.Path(), metavar="FILE", help="Do what the plan in FILE says."
    ),
    DRY_RUN_OPTION,
    click.option("--overwrite", is_flag=True, help="Replace the plan that is in the FILE of --plan."),
)
