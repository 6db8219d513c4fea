"""The options of ``store``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from dcmtools.cli.networking import associations_option, priority_option
from dcmtools.cli.options import bundle
from dcmtools.cli.params import PAUSE, PROFILE
from dcmtools.cli.peer_params import AET

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.editing.changes import Change
    from dcmtools.scu.anonymizing import Anonymizing
    from dcmtools.scu.storing import StoreOptions

    Function = Callable[..., Any]

_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3}


class BytesPerSecond(click.ParamType[int]):
    """A number of bytes, with K, M or G for thousands of it."""

    name = "rate"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes a second."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]{1,12})([KMG]?)B?", str(value).strip().upper())
        rate = int(match[1]) * _UNITS[match[2]] if match else 0
        if not rate:
            self.fail(f"{value!r} is not a number of bytes a second, such as 500K or 10M.", param, ctx)
        return rate


def store_options(function: Function) -> Function:
    """Add how to send; the command gets ``options``."""

    def call(*args: object, **kwargs: Any) -> object:  # noqa: ANN401  click's
        asked = {name: kwargs.pop(name) for name in _NAMES}
        return function(*args, options=_options(**asked), **kwargs)

    return bundle(call, function, *_SENDING, *_JUDGING)


def _options(
    *,
    move_aet: str | None,
    move_id: int | None,
    anonymize: str | None,
    key_file: str | None,
    **asked: Any,  # noqa: ANN401  as StoreOptions has them
) -> StoreOptions:
    from dcmtools.config import calm_libraries
    from dcmtools.scu.storing import StoreOptions

    calm_libraries()
    if (move_aet is None) != (move_id is None):
        raise click.UsageError("--move-originator-aet and --move-originator-id go together.")
    originator: dict[str, str | int] = {}
    if move_aet is not None and move_id is not None:
        originator = {
            "MoveOriginatorApplicationEntityTitle": move_aet,
            "MoveOriginatorMessageID": move_id,
        }
    anonymizing = _anonymizing(anonymize, key_file, asked["journal"])
    return StoreOptions(**asked, move_originator=originator, anonymizing=anonymizing)


def _anonymizing(profile: str | None, key_file: str | None, journal: str | None) -> Anonymizing | None:
    if profile is None:
        if key_file is not None:
            raise click.UsageError("--key-file wants --anonymize PROFILE.")
        return None
    if journal is not None and key_file is None:
        message = (
            "--journal with --anonymize wants --key-file: with another key each run sends other instances."
        )
        raise click.UsageError(message)
    from dcmtools.cli.anonymizing import settings_with
    from dcmtools.deidentification.policies import decodes
    from dcmtools.scu.anonymizing import Anonymizing

    settings, key = settings_with(profile, key_file)
    if settings.pixels and decodes(settings.pixels):
        message = (
            f"--anonymize {profile}: pixels are not blanked on their way, as the profile's policy, "
            f"{settings.pixels.name}, wants."
        )
        raise click.UsageError(f"{message} 'dcmtools anonymize' writes files to be sent then.")
    return Anonymizing(settings, key.name)


def _changes(texts: tuple[str, ...]) -> tuple[Change, ...]:
    if not texts:
        return ()
    from dcmtools.editing.changes import parse_changes

    try:
        return tuple(parse_changes(texts))
    except ValueError as error:
        message = f"{error}."
        raise click.BadParameter(message) from None


def _flag(*names: str, text: str) -> Callable[[Function], Function]:
    return click.option(*names, is_flag=True, help=text)


_SENDING = (
    associations_option("Associations to send on at once."),
    click.option(
        "--rate",
        type=BytesPerSecond(),
        metavar="BYTES",
        help="Send at most so many bytes a second over all associations: 500K, 10M.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0, 1000),
        default=0,
        show_default=True,
        metavar="N",
        help="Try again so often what may pass: lost or refused connections, name servers that do not "
        "answer, transient rejections, a peer out of resources. Other failures are final.",
    ),
    click.option(
        "--retry-delay",
        type=PAUSE,
        default=5.0,
        show_default=True,
        metavar="SECONDS",
        help="Wait about so long before the first new try, twice as long before each further one.",
    ),
    click.option(
        "--journal",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Note what has been sent in FILE, and send only what it lacks: a run that was killed goes on. "
        "To another peer, or with another --set, everything is sent; --transcode makes no difference. A file "
        "is known by its SOP Instance UID, path, size and time of modification: one put in its place with "
        "all of these the same counts as sent.",
    ),
    click.option(
        "--set",
        "changes",
        multiple=True,
        metavar="KEY=VALUE",
        callback=lambda _context, _param, texts: _changes(texts),
        help="Set this element at the top of each data set on its way; files stay as they are. Repeatable.",
    ),
    click.option(
        "--anonymize",
        type=PROFILE,
        metavar="NAME|FILE",
        help="De-identify each data set on its way by this profile, as 'dcmtools anonymize' does; what "
        "cannot be, or may still tell of the patient, is not sent; --set is done after it. Files stay as "
        "they are. What to retain, clean and keep stands in the profile's file. Patient IDs by a map, pixels "
        "that are blanked and a list of what became of identifiers are for 'dcmtools anonymize', which "
        "writes files to be sent.",
    ),
    click.option(
        "--key-file",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Derive what --anonymize puts in the place of UIDs and identifiers from the secret in FILE: the "
        "same in each run.",
    ),
    click.option(
        "--transcode",
        type=click.Choice(["never", "lossless", "any"]),
        default="lossless",
        show_default=True,
        help="Where the peer does not take a file's transfer syntax: do not send it, or put it into one that "
        "the peer takes, if that loses nothing (compressed files are decompressed) or in any case. With "
        "loss, which is the last resort, it becomes a new instance, and that is a warning.",
    ),
    _flag("--per-study", text="Use an association of its own for each study."),
    priority_option,
    click.option(
        "--move-originator-aet",
        "move_aet",
        type=AET,
        metavar="AET",
        help="Say that a C-MOVE by this AE title is the reason.",
    ),
    click.option(
        "--move-originator-id",
        "move_id",
        type=click.IntRange(0, 65535),
        metavar="N",
        help="Message ID of that C-MOVE.",
    ),
)
_JUDGING = (
    _flag("--dry-run", text="Say what would be proposed and sent; connect to nobody."),
    _flag("--fail-fast", text="Begin nothing more after the first failure."),
    _flag("--strict", text="Take for failed what was only remarked on: warnings of the peer, skipped files."),
)
_NAMES = (
    *("jobs", "rate", "retries", "retry_delay", "journal", "per_study", "priority", "move_aet", "move_id"),
    *("changes", "anonymize", "key_file", "transcode", "dry_run", "fail_fast", "strict"),
)
