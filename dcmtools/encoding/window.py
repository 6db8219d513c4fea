"""Of the bytes that are walked, those in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dcmtools.encoding.element import Source

# The longest header of an element: tag, VR, two bytes reserved, length (PS3.5 7.1.2).
LONGEST_HEADER: Final = 12
# Not Final, so that tests can make them small where the module is compiled.
_FIRST_WINDOW = 16 * 1024
_WINDOW = 256 * 1024
_BEHIND_VALUE = 4 * 1024


class Window:
    """The bytes of ``source`` around ``position``, up to an end.

    ``data`` holds those from offset ``base``, and where they reach the end 12 bytes of 0 behind them. Values
    that are not in the window come from ``value``.
    """

    def __init__(self, source: Source, start: int, end: int) -> None:
        """Begin at ``start`` with nothing in memory."""
        self.source = source
        self.position = start
        self.data = b""
        self.base = start
        self._end = end
        self._held = start  # where what is in the window ends
        self._last = start - 1  # the highest offset at which a header may begin in this window
        self._reach = _FIRST_WINDOW

    def begin_in(self, head: bytes) -> None:
        """Take the first window from ``head``, the first bytes of the source, which were read already."""
        if len(head) > self.position:
            self._take(head, 0)

    def value(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset``, out of the window where they are in it."""
        begin = offset - self.base
        if begin >= 0 and offset + length <= self._held:
            return self.data[begin : begin + length]
        return self.source.read(offset, length)

    def _fetch(self) -> None:
        """Read on from ``position``: in ever longer windows, but for what follows a long value."""
        if self.position - self._held > self._reach:
            self._reach = _BEHIND_VALUE
        length = min(self._reach, self._end - self.position)
        self._take(self.source.read(self.position, length), self.position)
        self._reach = min(4 * self._reach, _WINDOW)

    def _take(self, data: bytes, base: int) -> None:
        """Go on in the window of ``data`` that begins at ``base``."""
        self.data, self.base, self._held = data, base, base + len(data)
        if self._held < self._end:
            self._last = self._held - LONGEST_HEADER
        else:
            self._last = self._end
            self.data += bytes(LONGEST_HEADER)  # so that a header cut short can still be looked at
