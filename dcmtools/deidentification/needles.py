"""Which of many words stand in a text: looked for one by one where that is quick, else all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, AnyStr, Final, Generic

if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST: Final = 8
# What it costs to look for a word, and to take one more step with all, in characters that are passed over.
_A_WORD: Final = 750
_A_STEP: Final = 1500
_A_START: Final = 100  # steps


class Needles(Generic[AnyStr]):
    """Words to be looked for, be they characters or bytes."""

    __slots__ = ("_ends", "_places")

    def __init__(self, words: Iterable[AnyStr]) -> None:
        """Take ``words``."""
        self._places: dict[AnyStr, int] = {word: place for place, word in enumerate(words)}
        self._ends: dict[int, dict[AnyStr, list[AnyStr]]] = {}

    def within(self, text: AnyStr) -> list[AnyStr]:
        """Return those that stand in ``text``, in the order in which they were given."""
        places, steps = self._places, len(text) + _A_START
        one_by_one = len(places) * (len(text) + _A_WORD)
        if one_by_one > _A_STEP * steps and not self._ends:
            self._sort()
        if one_by_one <= _A_STEP * steps * len(self._ends) or not self._ends:
            return [word for word in places if word in text]
        near: list[AnyStr] = []
        for length, ends in self._ends.items():
            for end in ends.keys() & (text[at : at + length] for at in range(len(text) - length + 1)):
                near += ends[end]
        return sorted([word for word in near if word in text], key=places.__getitem__)

    def _sort(self) -> None:
        for word in self._places:
            end = word[-_LONGEST:]
            self._ends.setdefault(len(end), {}).setdefault(end, []).append(word)
