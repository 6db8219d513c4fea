"""The options of ``dicomdir`` that are about application profiles, and about icons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from dcmtools.cli.options import bundle
from dcmtools.cli.params import CODEC, Parsed, is_given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.codecs.registry import Codec
    from dcmtools.media.profiles import Profile

    Function = Callable[..., Any]


class Fitting(NamedTuple):
    """What files have to be fit for, and what may be done for that; ``icon`` is a size, 0 for none."""

    profile: Profile | None = None
    transcode: bool = False
    to: Codec | None = None
    icon: int = 0


class _ProfileType(Parsed):
    name = "profile"

    def parse(self, text: str) -> Profile:
        from dcmtools.errors import UsageError
        from dcmtools.media.profiles import profile_named

        try:
            return profile_named(text)
        except UsageError as error:
            message = f"{error.message}; {error.hint}"
            raise ValueError(message) from None

    def proposals(self, incomplete: str) -> Iterator[tuple[str, str]]:
        from dcmtools.media.profiles import PROFILES

        return ((name, each.title) for name, each in PROFILES.items() if name.startswith(incomplete.upper()))


PROFILE = _ProfileType()


def profile_option(text: str) -> Callable[[Function], Function]:
    """Return the option --profile, for which ``text`` is the help; the command gets ``profile``."""
    return click.option("--profile", type=PROFILE, metavar="PROFILE", help=text)


def fitting_options(function: Function) -> Function:
    """Add what files have to be fit for, and icons; the command gets ``fitting``."""

    def call(*args: object, **kwargs: Any) -> object:  # noqa: ANN401  click's
        names = ("profile", "transcode", "to", "icons", "icon_size")
        return function(*args, fitting=_fitting(**{name: kwargs.pop(name) for name in names}), **kwargs)

    return bundle(call, function, *_OPTIONS)


def _fitting(
    profile: Profile | None, to: Codec | None, icon_size: int, *, transcode: bool, icons: bool
) -> Fitting:
    if transcode and profile is None:
        raise click.UsageError("--transcode wants --profile, which says what files have to become.")
    if to and not transcode:
        raise click.UsageError("--to says what --transcode makes of files, and means nothing without it.")
    if to and profile and profile.syntaxes and to.uid not in profile.syntaxes:
        from dcmtools.media.conforming import syntaxes_named

        admitted = ", ".join(syntaxes_named(profile).values())
        raise click.UsageError(f"{profile.name} does not take {to.name}; it takes {admitted}.")
    given = is_given(click.get_current_context(), "icon_size")
    fixed = profile.icon or profile.icon_size if profile else 0
    if given and not (icons or (profile and profile.icon)):
        raise click.UsageError("--icon-size means nothing without --icons.")
    if given and profile and fixed not in (0, icon_size):
        raise click.UsageError(f"Icons of {profile.name} have {fixed} pixels a side.")
    icon = fixed or icon_size if icons else profile.icon if profile else 0
    return Fitting(profile, transcode, to, icon)


_OPTIONS = (
    profile_option(
        "Admit only what this application profile of PS3.11 takes, and write the keys and icons that it"
        " wants. 'dcmtools dicomdir profiles' lists them."
    ),
    click.option(
        "--transcode",
        is_flag=True,
        help="Put files that are in another transfer syntax into one that the profile takes, without loss.",
    ),
    click.option(
        "--to",
        type=CODEC,
        metavar="SYNTAX",
        help="Of what the profile takes, transcode to this; what loses something makes new instances.",
    ),
    click.option("--icons", is_flag=True, help="Put a small picture of each image into its record."),
    click.option(
        "--icon-size",
        type=click.IntRange(16, 128),
        default=64,
        show_default=True,
        metavar="PIXELS",
        help="Width and height of icons, unless the profile says.",
    ),
)
