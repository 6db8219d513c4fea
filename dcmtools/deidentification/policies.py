"""What is to become of pixels that people can read, and of waveforms that they can hear."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmtools.deidentification.profile import POLICIES
from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from dcmtools.deidentification.pixel_rules import PixelRule


class PixelPolicy(NamedTuple):
    """One of ``POLICIES``, what is known of devices, and whether overlays that mark regions stay."""

    name: str = "check"
    rules: tuple[PixelRule, ...] = ()
    graphics: bool = False


def policy_from(name: str, rules: str = "", *, graphics: bool = False) -> PixelPolicy:
    """Return the policy called ``name``, with the rules in the file at the path ``rules``, if there is one.

    Regions are known of some devices without a file; what it says goes first. Raises UsageError, which for a
    file names the line and the key.
    """
    if name not in POLICIES:
        raise UsageError(f"{name!r} is nothing to do with pixels; known are {', '.join(POLICIES)}")
    found: tuple[PixelRule, ...] = ()
    if rules or name == "regions":
        from dcmtools.deidentification.pixel_rules import STARTER, read

        found = read(rules) if rules else ()
        if name == "regions":
            found += tuple([rule._replace(starter=True) for rule in read(STARTER)])
    return PixelPolicy(name, found, graphics)


def decodes(policy: PixelPolicy) -> bool:
    """Tell whether native codecs are called on what files hold, which is to be done apart (``batch.run``)."""
    return policy.name in ("regions", "blank")
