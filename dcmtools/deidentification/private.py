"""Private attributes that may stay (PS3.15 E.3.10): those known to be harmless, or said to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dataset import decode, encode, items, made, text, values
from dcmtools.encoding.tags import is_creator
from dcmtools.encoding.writing import element, item

if TYPE_CHECKING:
    from dcmtools.deidentification.profile import Profile
    from dcmtools.deidentification.reading import Elements
    from dcmtools.encoding.dataset import DataSet

CHARACTERISTICS: Final = 0x00080300
"""Private Data Element Characteristics Sequence."""
RULE, SAFE = "rule", "safe"
_MOST: Final = 0xFFFF
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

    def told(self, elements: Elements) -> bytes:
        """Note what a file says is harmless, in Private Data Element Characteristics among ``elements``.

        Return the items that stay, which name harmless elements and say no more. Raises what decoding does.
        """
        self._told = {}
        there = elements.top.get(CHARACTERISTICS) if self._safe else None
        if there is None:
            return b""
        encoding = elements.encoding_in(there, elements.encoding)
        whole = element(CHARACTERISTICS, "SQ", elements.items(CHARACTERISTICS), encoding)
        kept = []
        for each in items(decode(whole, encoding), CHARACTERISTICS):
            status, creator = text(each, _STATUS), text(each, "PrivateCreatorReference")
            groups = _numbers(each, "PrivateGroupReference")
            if status not in ("SAFE", "MIXED") or not creator or len(groups) != 1:
                continue
            harmless = _numbers(each, "NonidentifyingPrivateElements")
            safe = None if status == "SAFE" else frozenset(number & 0xFF for number in harmless)
            self._told[creator, groups[0]] = safe
            described = _described(groups[0], creator, status, harmless)
            kept.append(item(encode(described, elements.encoding), elements.encoding))
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


def _numbers(each: DataSet, keyword: str) -> list[int]:
    """Return the numbers of 16 bits in an item: whoever wrote it may have meant them to be anything."""
    found = [int(value) for value in values(each, keyword) if value.isascii() and value.isdecimal()]
    return [number for number in found if number <= _MOST]


def _described(group: int, creator: str, status: str, harmless: list[int]) -> DataSet:
    """Return an item that says no more than which elements are harmless."""
    kept = made(PrivateGroupReference=group, PrivateCreatorReference=creator)
    kept.update(made(BlockIdentifyingInformationStatus=status))
    if harmless:
        kept.update(made(NonidentifyingPrivateElements=harmless))
    return kept
