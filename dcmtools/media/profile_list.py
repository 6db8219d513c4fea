"""The application profiles that are made here: what ``dicomdir profiles`` lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.encoding.uids import uid_name
from dcmtools.media.conforming import syntaxes_named
from dcmtools.media.profiles import PROFILES
from dcmtools.results import Result

if TYPE_CHECKING:
    from dcmtools.media.profiles import Profile


def profile_list() -> list[Result]:
    """Return a result for each; one without classes or syntaxes takes all of them."""
    return [Result(profile.name, _record(profile)) for profile in PROFILES.values()]


def _record(profile: Profile) -> dict[str, object]:
    keys = {kind: [f"{tag:08X}" for tag, _ in keys] for kind, keys in sorted(profile.keys.items())}
    return {
        "name": profile.name,
        "annex": profile.annex,
        "medium": profile.medium,
        "title": profile.title,
        "sop_classes": sorted(map(uid_name, profile.classes)),
        "transfer_syntaxes": [*syntaxes_named(profile).values()],
        "icon": profile.icon or None,
        "keys": keys,
    }
