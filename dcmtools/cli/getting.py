"""The options of ``get``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dcmtools.cli.options import bundle
from dcmtools.cli.params import STORAGE_CLASS, SYNTAX
from dcmtools.cli.serving import KEPT

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[..., Any]

_NAMES = (
    *("folder", "sop_classes", "transfer_syntaxes", "verify", "skip_existing", "durable", "on_duplicate"),
    *("jobs", "priority", "dry_run"),
)


def get_options(function: Function) -> Function:
    """Add where to get to, and how; the command gets ``options``."""

    def call(*args: object, **kwargs: Any) -> object:  # noqa: ANN401  click's
        from dcmtools.archive.duplicates import OnDuplicate
        from dcmtools.scu.get import GetOptions

        asked = {name: kwargs.pop(name) for name in _NAMES}
        asked |= {"durable": asked["durable"] == "on", "on_duplicate": OnDuplicate(asked["on_duplicate"])}
        return function(*args, options=GetOptions(**asked), **kwargs)

    return bundle(call, function, *_GETTING, *KEPT)


_GETTING = (
    click.option(
        "-o",
        "-od",
        "--output",
        "folder",
        type=click.Path(file_okay=False),
        required=True,
        metavar="DIR",
        help="Write files below DIR, as serve does: PATIENT/STUDY/SERIES/INSTANCE.dcm.",
    ),
    click.option(
        "--sop-class",
        "sop_classes",
        type=STORAGE_CLASS,
        multiple=True,
        metavar="CLASS",
        show_default="those that the peer says it has",
        help="Take instances of this SOP class only, a UID or a keyword of PS3.6 such as CTImage; the peer "
        "is not asked which it has. Repeatable.",
    ),
    click.option(
        "--transfer-syntax",
        "transfer_syntaxes",
        type=SYNTAX,
        multiple=True,
        metavar="SYNTAX",
        show_default="as stored",
        help="Take instances in this transfer syntax only, a UID or name; the peer has to convert others. "
        "Repeatable, the preferred first.",
    ),
    click.option(
        "--verify",
        is_flag=True,
        help="Ask the peer for lists of instances first, and compare them with the files at the end.",
    ),
    click.option(
        "--skip-existing",
        is_flag=True,
        help="Do not get what is complete in DIR already: the peer is asked for lists of instances first.",
    ),
)
