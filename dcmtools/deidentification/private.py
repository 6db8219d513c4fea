"""Private attributes that may stay (PS3.15 E.3.10): those known to be harmless, or said to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dataset import decode, encode, items, made, text, values
from dcmtools.encoding.tags import is_creator
from dcmtools.encoding.writing import element, item

if TYPE_CHECKING:
    from dcmtools.deidentification.profile import Profile
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.encoding.syntax import Encoding

CHARACTERISTICS: Final = 0x00080300
"""Private Data Element Characteristics Sequence."""
RULE, SAFE = "rule", "safe"
_STATUS: Final = "BlockIdentifyingInformationStatus"


class KeptPrivate:
    """Which private elements of a file stay, and why."""

    def __init__(self, profile: Profile) -> None:
        """Begin with what the profile says."""
        self._profile = profile
        self._kept = frozenset(
            creator for (creator, _), rule in profile.rules.private.items() if rule.action == "keep"
        )
        self._safe = "safe-private" in profile.retain
        self._told: dict[tuple[str, int], frozenset[int] | None] = {}
        self.any = keeps_private(profile)

    def told(self, raw: bytes, encoding: Encoding) -> bytes:
        """Note what a file says is harmless in the items ``raw`` of Private Data Element Characteristics.

        Return those that stay, which name harmless elements and say no more. Raises what decoding does.
        """
        self._told = {}
        if not (self._safe and raw):
            return b""
        kept = []
        for each in items(decode(element(CHARACTERISTICS, "SQ", raw, encoding), encoding), CHARACTERISTICS):
            status, group = text(each, _STATUS), text(each, "PrivateGroupReference")
            creator = text(each, "PrivateCreatorReference")
            if status not in ("SAFE", "MIXED") or not creator or not group:
                continue
            elements = frozenset(
                int(number) & 0xFF for number in values(each, "NonidentifyingPrivateElements")
            )
            self._told[creator, int(group)] = None if status == "SAFE" else elements
            kept.append(item(encode(_described(each, group, creator, status), encoding), encoding))
        return b"".join(kept)

    def why(self, creator: str, tag: int) -> str:
        """Return why ``tag`` in a block of ``creator`` stays: by a rule, as safe; else nothing."""
        if not creator:
            return ""
        if rule := self._profile.private_rule(creator, tag):
            return RULE if rule.action == "keep" else ""
        if self._profile.safe_private(creator, tag):
            return SAFE
        elements = self._told.get((creator, tag >> 16), frozenset())
        return SAFE if elements is None or tag & 0xFF in elements else ""

    def keeps(self, creator: str, tag: int) -> bool:
        """Tell whether the element ``tag`` in a block of ``creator`` stays."""
        return bool(self.why(creator, tag))

    def keeps_creator(self, creator: str, group: int) -> bool:
        """Tell whether there may be elements of ``creator`` in ``group`` that stay."""
        if creator in self._kept or (creator, group) in self._told:
            return True
        return any(self._profile.safe_private(creator, group << 16 | number) for number in range(256))


def keeps_private(profile: Profile) -> bool:
    """Tell whether any private element may stay."""
    return "safe-private" in profile.retain or any(
        rule.action == "keep" for rule in profile.rules.private.values()
    )


def block_of(tag: int) -> int:
    """Return the tag of the creator of private ``tag``, that of a creator itself as it is."""
    return tag if is_creator(tag) else tag & 0xFFFF0000 | (tag >> 8) & 0xFF


def _described(each: DataSet, group: str, creator: str, status: str) -> DataSet:
    """Return an item that says no more than which elements are harmless."""
    kept = made(PrivateGroupReference=int(group), PrivateCreatorReference=creator)
    kept.update(made(BlockIdentifyingInformationStatus=status))
    if elements := values(each, "NonidentifyingPrivateElements"):
        kept.update(made(NonidentifyingPrivateElements=[int(number) for number in elements]))
    return kept
