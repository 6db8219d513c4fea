"""The options of what changes a medium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from dcmtools.cli.params import is_given

if TYPE_CHECKING:
    from dcmtools.files.paths import Paths

drop_option = click.option(
    "--drop-missing", is_flag=True, help="Without PATHS: take out records whose file is not there."
)
_OF_PATHS: Final = ("files_from", "link", "index_only", "where", "duplicates", "profile", "transcode", "to")


def check_update(paths: Paths, *, drop_missing: bool) -> bool:
    """Tell whether records are to be renewed, as ``paths`` name nothing; refuse what does not go together."""
    context = click.get_current_context()
    if not paths.is_empty:
        if drop_missing:
            raise click.UsageError("--drop-missing is for an update without PATHS.")
        return False
    for name in _OF_PATHS:
        if is_given(context, name):
            raise click.UsageError(f"--{name.replace('_', '-')} means nothing without PATHS.")
    return True
