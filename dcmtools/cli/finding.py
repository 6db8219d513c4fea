"""The options of ``find`` that are not about what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dcmtools.cli.options import bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.query.keys import Query

    Function = Callable[..., Any]

_EXTENSIONS = {
    "relational": "Negotiate relational queries: keys of any level, without unique keys above.",
    "datetime": "Negotiate dates and times that are matched as one range.",
    "fuzzy": "Negotiate fuzzy matching of person names.",
    "timezone": "Negotiate times in our timezone, and say which it is.",
}


def find_options(function: Function) -> Function:
    """Add how to ask and what to keep; the command gets ``options``."""

    def call(*args: object, query: Query, **kwargs: Any) -> object:  # noqa: ANN401  click's
        from dcmtools.scu.find import FindOptions

        extensions = frozenset(name for name in _EXTENSIONS if kwargs.pop(name))
        asked = {name: kwargs.pop(name) for name in ("limit", "walk", "require_match", "extract")}
        if asked["walk"] and not query.model:
            raise click.UsageError("--all is of the patient and study root models; this one has no levels.")
        asked["limit"] = asked["limit"] or 0
        options = FindOptions(**asked, extensions=extensions)
        return function(*args, query=query, options=options, **kwargs)

    return bundle(
        call,
        function,
        click.option(
            "--all",
            "walk",
            is_flag=True,
            help="Walk the levels: each study, its series and their instances, down to --level. Above a key "
            "with a value only what leads to a match of it is shown.",
        ),
        click.option(
            "--limit",
            "--cancel",
            type=click.IntRange(min=1),
            metavar="N",
            help="Show N matches at most, and have the archive stop (C-CANCEL) after these.",
        ),
        *[click.option(f"--{name}", is_flag=True, help=text) for name, text in _EXTENSIONS.items()],
        click.option("--require-match", is_flag=True, help="Exit with status 1 where there is no match."),
        click.option(
            "-X",
            "--extract",
            type=click.Path(file_okay=False),
            metavar="DIR",
            help="Write each answer to a DICOM file of its own in DIR, too, which is made if need be.",
        ),
    )
