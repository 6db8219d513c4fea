"""Lines that were written before, for elements with the same bytes in the same place."""

from __future__ import annotations

from typing import Final, TypeAlias

from dcmtools.encoding.dictionary import on_change

_MOST: Final = 50_000

Entry: TypeAlias = tuple[str, str, str, int, bool]
"""What lines of an element are made of: VR, the line up to the value, the name, what its value is, and
whether a line with the same bytes in the same place is the same."""


class Place:
    """What is known of a place: lines by the bytes of short elements, entries by tag.

    All that a line depends on beside these tells one place from another: depth, byte order, character set,
    private creators, style. The files of a study repeat most of their elements.
    """

    __slots__ = ("entries", "governing", "lines")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.lines: dict[object, str] = {}
        self.governing: dict[bytes, str] = {}  # lines of creators and character sets, which change the place
        self.entries: dict[int, Entry] = {}


class Memo:
    """The places of all files so far, thrown away when they are much: hostile input has no end of them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._places: dict[tuple[object, ...], Place] = {}
        self._count = 0

    def at(self, key: tuple[object, ...]) -> Place:
        """Return what is known of a place."""
        if self._count > _MOST:
            self.forget()
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = Place()
            self._count += 1
        return place

    def note(self) -> None:
        """Count a line or an entry that was added to a place."""
        self._count += 1

    def forget(self) -> None:
        """Begin anew: what the dictionaries said is no longer true."""
        self._places.clear()
        self._count = 0


MEMO: Final = Memo()
"""What this process has written."""
on_change(MEMO.forget)
