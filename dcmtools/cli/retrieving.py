"""What move and get say of what is to be retrieved, and how."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from dcmtools.cli.networking import associations_option, priority_option
from dcmtools.cli.options import bundle
from dcmtools.cli.querying import query_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.query.keys import Query
    from dcmtools.scu.selection import Selection

    Function = Callable[..., Any]

_NAMES = (
    "patients",
    "studies",
    "series",
    "instances",
    "accessions",
    "relational",
    "at_once",
    "require_match",
)


def selection_options(function: Function) -> Function:
    """Add what is to be retrieved, by keys, by UIDs or from a list; the command gets ``selection``."""

    def call(
        *args: object,
        query: Query,
        stdin: str | None,
        uids_from: str | None,
        **kwargs: Any,  # noqa: ANN401  click's
    ) -> object:
        asked = {name: kwargs.pop(name) for name in _NAMES}
        if stdin not in (None, "-"):
            message = (
                f"{stdin!r} is not -, which reads a list from standard input; --study UID names a study."
            )
            raise click.UsageError(message)
        if stdin and uids_from:
            raise click.UsageError("- and --uids-from do not go together.")
        return function(*args, selection=_selection(query, stdin or uids_from, asked), **kwargs)

    return query_options(bundle(call, function, *_CHOOSING), finds=False)


def running_options(function: Function) -> Function:
    """Add ``--jobs``, ``--priority`` and ``--dry-run``, which the command gets under these names."""
    for option in reversed(_RUNNING):
        function = option(function)
    return function


def _selection(query: Query, listed: str | None, asked: dict[str, Any]) -> Selection:
    from dcmtools.query.models import STUDY_ROOT
    from dcmtools.scu.selection import Selection

    context = click.get_current_context()
    model = query.model or STUDY_ROOT
    # Without --level the query has the highest of the model, whatever the keys below it are.
    level = query.level if context.params.get("level") or query.level is not model.levels[0] else None
    return Selection(model=model, level=level, keys=query.keys, charset=query.charset, listed=listed, **asked)


_several = partial(click.option, multiple=True)
_CHOOSING = (
    click.argument("stdin", metavar="[-]", required=False),
    _several("--study", "studies", metavar="UID", help="Retrieve the study with this UID. Repeatable."),
    _several(
        "--series",
        metavar="UID",
        help="Retrieve the series with this UID; --study names that it belongs to. Repeatable.",
    ),
    _several(
        "--instance",
        "instances",
        metavar="UID",
        help="Retrieve the instance with this SOP Instance UID; --study and --series name those that it "
        "belongs to. Repeatable.",
    ),
    _several(
        "--patient",
        "patients",
        metavar="ID",
        help="Retrieve all studies of the patient with this ID. Repeatable.",
    ),
    _several(
        "--accession",
        "accessions",
        metavar="NUMBER",
        help="Retrieve the studies with this Accession Number, found with a C-FIND first. Repeatable.",
    ),
    click.option(
        "--uids-from",
        type=click.Path(exists=True, dir_okay=False, allow_dash=True),
        metavar="FILE",
        help="Retrieve what the lines of FILE, or - for standard input, name: JSON Lines of find and other "
        "commands, bare UIDs (of studies, or of --level), or rows whose first column is one, or whose header "
        "says which is.",
    ),
    click.option(
        "--relational",
        is_flag=True,
        help="Ask the peer for relational retrieval: --series and --instance do without what is above.",
    ),
    click.option(
        "--require-match", is_flag=True, help="Exit with status 1 where nothing matches the keys of -k."
    ),
    click.option(
        "--uids-per-request",
        "at_once",
        type=click.IntRange(1, 1000),
        default=100,
        show_default=True,
        metavar="N",
        help="Name at most so many instances in one request; 1 is for peers that take no lists of UIDs.",
    ),
)
_RUNNING = (
    associations_option("Associations to work over at once, where there are several requests."),
    priority_option,
    click.option("--dry-run", is_flag=True, help="Say what would be retrieved, and retrieve nothing."),
)
