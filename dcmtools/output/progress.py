"""How far a long run has come, for someone who watches."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from dcmtools.results import Extent, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dcmtools.output.console import Console

_AFTER: Final = 0.3
"""Seconds that a run lasts before anything is shown: shorter ones do not pay for it."""
_INTERVAL: Final = 0.1
_TROUBLE: Final = (Outcome.FAILED, Outcome.UNKNOWN)


class Progress:
    """A line on stderr with a bar, the rate and the time that remains.

    It is drawn when somebody calls ``tick``, as the reporter does after every result, but at most ten times
    a second. No thread does it: a process with threads could not be forked safely.
    """

    def __init__(self, console: Console, extent: Extent | None, *, color: bool) -> None:
        """Draw on the terminal that is the stderr of ``console``; ``extent.tick`` draws too."""
        self._console = console
        self._extent = extent or Extent()
        self._color = color
        self._counts: Mapping[Outcome, int] = {}
        self._due = 0.0
        self._bar: _Bar | None = None

    def start(self, counts: Mapping[Outcome, int]) -> None:
        """Show, from soon on, how many items there have been, which ``counts`` says at any time."""
        self._counts = counts
        self._due = monotonic() + _AFTER
        self._extent.watch(self.tick)

    def tick(self) -> None:
        """Draw the line as it is now, if it is time to."""
        now = monotonic()
        if now < self._due:
            return
        self._due = now + _INTERVAL
        self._bar = self._bar or _Bar(self._extent, color=self._color)
        line = self._bar.line(self._counts)
        if self._console.is_watched():
            self._console.show_progress(line)

    def stop(self) -> None:
        """Erase the line; it does not come back."""
        self._extent.watch(None)
        self._console.hide_progress()


class _Bar:
    """What rich makes of the numbers."""

    def __init__(self, extent: Extent, *, color: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.table import Column

        self._extent = extent
        self._console = Console(
            stderr=True, force_terminal=True, color_system="auto" if color else None, no_color=not color
        )
        self._progress = Progress(
            BarColumn(None, table_column=Column(max_width=40)),
            TextColumn("{task.fields[numbers]}", markup=False),
            TextColumn("{task.fields[doing]}", markup=False),
            TextColumn("{task.fields[trouble]}", markup=False, style="red"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[left]}", markup=False),
            console=self._console,
            auto_refresh=False,
        )
        self._bytes = self._progress.add_task("", total=None, visible=False)
        self._items = self._progress.add_task("", total=None, numbers="", doing="", trouble="", left="")

    def line(self, counts: Mapping[Outcome, int]) -> str:
        """Return the line as it is now, no wider than the terminal is now."""
        done, total = sum(counts.values()), self._extent.total
        trouble = [f"{counts[outcome]} {outcome}" for outcome in _TROUBLE if counts[outcome]]
        self._progress.update(self._bytes, completed=self._extent.moved)
        self._progress.update(self._items, completed=done, total=total)
        self._progress.update(
            self._items,
            numbers=" ".join([f"{done}/{total}" if total else f"{done}", *self._rates()]),
            doing=self._extent.doing,
            trouble=" ".join(trouble),
            left="left" if total else "",
        )
        with self._console.capture() as drawn:
            self._console.print(self._progress.get_renderable())
        return drawn.get().partition("\n")[0]

    def _rates(self) -> Iterator[str]:
        speeds = {task.id: task.speed for task in self._progress.tasks}
        if speed := speeds[self._items]:
            yield f"{speed:.{speed < 10:d}f}/s"
        if speed := speeds[self._bytes]:
            yield f"{speed / 1e6:.1f} MB/s"
