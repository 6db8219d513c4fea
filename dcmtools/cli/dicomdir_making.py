"""The options of what puts files on a medium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from dcmtools.cli.dicomdir_profiles import fitting_options
from dcmtools.cli.options import bundle
from dcmtools.cli.selecting import where_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.cli.dicomdir_profiles import Fitting
    from dcmtools.media.adding import AddOptions
    from dcmtools.media.creating import CreateOptions
    from dcmtools.selection.where import Where

    Function = Callable[..., Any]

COLUMNS: Final = ("file", "file_id", "state")


class Asked(NamedTuple):
    """What was said on the command line of files that go onto a medium."""

    missing: str
    duplicates: str
    charset: bytes
    dry_run: bool
    where: Where | None
    fitting: Fitting

    def options(self, action: str) -> AddOptions:
        """Return it as the room wants it, for files that get onto the medium by ``action``."""
        from dcmtools.media.adding import AddOptions
        from dcmtools.media.record_keys import Rules

        return AddOptions(
            action,
            Rules(self.missing, self.charset, *self.fitting),
            self.duplicates,
            self.where,
            self.dry_run,
        )


class Medium(NamedTuple):
    """What was said of a medium that is to be made."""

    medium: str
    link: str | None
    index_only: bool
    zipped: bool
    file_set_id: str
    readme: str
    readme_charset: str

    def options(self, asked: Asked) -> CreateOptions:
        """Return it as the room wants it; raises UsageError for what does not go together."""
        from dcmtools.media.creating import CreateOptions

        if (self.link is not None) + self.index_only + self.zipped > 1:
            raise click.UsageError("--link, --index-only and --zip exclude each other.")
        if self.readme_charset and not self.readme:
            raise click.UsageError("--readme-charset means nothing without --readme.")
        adding = asked.options(action_of(self.link, index_only=self.index_only))
        return CreateOptions(
            self.medium, adding, self.zipped, self.file_set_id, self.readme, self.readme_charset
        )


def action_of(link: str | None, *, index_only: bool) -> str:
    """Return by what files get onto a medium."""
    from dcmtools.media.places import INDEX
    from dcmtools.sorting.acting import COPY, HARD

    if link and index_only:
        raise click.UsageError("--link and --index-only exclude each other.")
    return HARD if link else INDEX if index_only else COPY


def placing_options(function: Function) -> Function:
    """Add how files get onto a medium that is there; the command gets ``action``."""

    def call(*args: object, link: str | None, index_only: bool, **kwargs: Any) -> object:  # noqa: ANN401  click's
        return function(*args, action=action_of(link, index_only=index_only), **kwargs)

    return bundle(call, function, _LINK_OPTION, _INDEX_OPTION)


def adding_options(function: Function) -> Function:
    """Add which files go onto a medium, and what is said of them; the command gets ``asked``."""

    def call(*args: object, **kwargs: Any) -> object:  # noqa: ANN401  click's
        asked = Asked(**{name: kwargs.pop(name) for name in Asked._fields})
        return function(*args, asked=asked, **kwargs)

    return bundle(call, function, where_option, *_OF_RECORDS, fitting_options, dry_run_option)


def medium_options(function: Function) -> Function:
    """Add which medium is to be made, and how; the command gets ``made``."""

    def call(*args: object, **kwargs: Any) -> object:  # noqa: ANN401  click's
        made = Medium(**{name: kwargs.pop(name) for name in Medium._fields})
        return function(*args, made=made, **kwargs)

    return bundle(call, function, *_OF_MEDIUM)


def _charset(_context: click.Context, _param: click.Parameter, text: str | None) -> bytes:
    if text is None:
        return b""
    from dcmtools.encoding.charset import decoder_named

    try:
        decoder_named(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return text.encode("ascii")


dry_run_option = click.option(
    "-n", "--dry-run", is_flag=True, help="Write nothing, and show what would be done."
)
_LINK_OPTION: Final = click.option(
    "--link", type=click.Choice(["hard"]), help="Make links in place of copies, which take no room."
)
_INDEX_OPTION: Final = click.option(
    "--index-only",
    is_flag=True,
    help="Write the DICOMDIR alone, of files that are on the medium already.",
)
_OF_MEDIUM: Final = (
    click.option(
        "-o",
        "--output",
        "medium",
        type=click.Path(),
        required=True,
        metavar="MEDIUM",
        help="The folder to make the medium in; with --zip the file to make.",
    ),
    _LINK_OPTION,
    _INDEX_OPTION,
    click.option("--zip", "zipped", is_flag=True, help="Make one zip file that holds the medium."),
    click.option(
        "--file-set-id",
        default="",
        metavar="ID",
        help="Name the medium, with up to 16 of A-Z, 0-9, blank and _; a reader may show it.",
    ),
    click.option(
        "--readme",
        default="",
        type=click.Path(),
        metavar="FILE",
        help="Have this text on the medium as README, which the DICOMDIR refers to.",
    ),
    click.option(
        "--readme-charset",
        default="",
        metavar="TERM",
        help="What the README is written in where it is neither ASCII nor UTF-8, such as ISO_IR 100.",
    ),
)
_OF_RECORDS: Final = (
    click.option(
        "--missing",
        type=click.Choice(["invent", "refuse"]),
        default="invent",
        show_default=True,
        help="What becomes of a file that lacks a value that its records need, such as a Study ID: one is "
        "made up for the DICOMDIR, and the file stays as it is; or the file fails.",
    ),
    click.option(
        "--duplicates",
        type=click.Choice(["fail", "first", "last"]),
        default="fail",
        show_default=True,
        help="What becomes of files with the same SOP Instance UID and other content: all but the first "
        "fail, or the first or the last is taken. The same content is taken once.",
    ),
    click.option(
        "--charset",
        metavar="TERM",
        callback=_charset,
        help="Write text of the DICOMDIR in this character set, such as ISO_IR 100 or ISO_IR 192; by default "
        "each record has that of its files.",
    ),
)
