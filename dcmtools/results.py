"""What an operation yields: one result per item, as it happens."""

from __future__ import annotations

from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dcmtools.errors import DcmtoolsError


@unique
class Outcome(StrEnum):
    """How an item ended; only ``DONE``, ``WARNING`` and ``SKIPPED`` leave the exit status at 0.

    ``UNKNOWN`` is what was asked for and may have been done: the answer never came.
    """

    DONE = "done"
    WARNING = "warning"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNKNOWN = "unknown"


WARNED: Final = "of them with warnings"
"""What the closing line says of how many have a warning, where these are done all the same."""


class Extent:
    """How far a run goes, told while it does, by the operation, to whoever shows progress.

    ``total`` is how many results there will be, None while that is not known; ``moved`` is how many bytes
    have been sent, received or written so far; ``doing`` says in words how far the items in hand are.
    The closing line counts results as things of that ``unit``, and says what is ``closing`` beside, and of
    those that ``failed``. Where what has a warning is done all the same, ``warned`` says so of how many of
    these there are.
    Whatever takes long calls ``tick`` now and then, which is cheap; results tick by themselves.
    """

    __slots__ = ("_watcher", "closing", "doing", "failed", "moved", "total", "unit", "warned")

    def __init__(self, total: int | None = None, *, warned: str = "") -> None:
        """Begin with nothing moved and nobody watching."""
        self.total = total
        self.moved = 0
        self.doing = ""
        self.unit = ""
        self.closing = ""
        self.failed = ""
        self.warned = warned
        self._watcher: Callable[[], None] | None = None

    def watch(self, watcher: Callable[[], None] | None) -> None:
        """Have every ``tick`` call ``watcher``; None ends that."""
        self._watcher = watcher

    def tick(self) -> None:
        """Let whoever watches look at the numbers."""
        if self._watcher:
            self._watcher()


class Result(NamedTuple):
    """One item's result: its JSON fields, and where a row would not do, its view as text.

    ``item`` names the thing (a file, a peer) in messages, unescaped. ``record`` holds the JSON fields in
    their frozen order; a table shows those that the command names as columns. ``text`` is what a person
    sees instead of a row, already escaped, each line ended; ``raw`` are bytes to write in place of all
    that. ``note`` is a remark on an item that did not fail. A failed result always carries its ``error``.
    ``counted`` is of how many items it is: 0 if it is about the run, or not the first of its item. What
    failed is a part of the run only where something was done that ``weighs``, which None says of what is
    counted. Of one that is not ``selected`` nothing is shown: it is counted apart. ``rows`` are those of many
    items that ended well, as one result: each has the values of all columns, in their order.
    """

    item: str
    record: Mapping[str, object] = {}  # shared, and a mapping: nobody can write to it
    outcome: Outcome = Outcome.DONE
    text: str | None = None
    note: str = ""
    error: DcmtoolsError | None = None
    raw: bytes | None = None
    counted: int = True
    weighs: bool | None = None
    selected: bool = True
    rows: Sequence[Sequence[object]] = ()

    @classmethod
    def failed(cls, item: str, error: DcmtoolsError, record: Mapping[str, object] | None = None) -> Result:
        """Return the result of an item that failed for ``error``."""
        return cls(item, record or {}, Outcome.FAILED, error=error)

    @classmethod
    def skipped(cls, item: str, note: str, record: Mapping[str, object] | None = None) -> Result:
        """Return the result of an item that was passed over, with the reason."""
        return cls(item, record or {}, Outcome.SKIPPED, note=note)

    @classmethod
    def unselected(cls, item: str) -> Result:
        """Return the result of an item that the run is not about."""
        return cls(item, outcome=Outcome.SKIPPED, counted=False, selected=False)
