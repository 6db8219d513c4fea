"""Files like one that was walked before: all headers of the same bytes in the same places.

Those of a series mostly are, up to the pixel data. Where every byte that a walk goes by is the same, a walk
would find the same elements, so only the values that are asked for are looked at. To compare these bytes is
one operation on the head of a file as a number.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import DEFAULT
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.syntax import is_deflated
from dcmtools.encoding.tags import (
    TRANSFER_SYNTAX_UID,
)
from dcmtools.files.alike import Sameness, fixed_bytes
from dcmtools.files.depths import elements_at
from dcmtools.files.part10 import AFTER_META, META_OFFSET, PREFIX_OFFSET
from dcmtools.files.values import Value, named_in_meta, no_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.files.anyhow import LenientFile

    Cell = str | Value | None

_KEY: Final = slice(140, 144)  # the length of the meta, which varies with that of the instance's UID
_MOST: Final = 4  # layouts with one key
_KEYS: Final = 64
_MOST_KNOWN: Final = 512  # values whose text is remembered, of each element
_LONGEST_KNOWN: Final = 256
_CREDIT: Final = 24
_MOST_CREDIT: Final = 256
_TRIES: Final = 32


class Slot:
    """Where the value of an element is; ``known`` has what values met before are shown as."""

    __slots__ = ("begin", "end", "known", "show")

    def __init__(self, begin: int, end: int, show: Callable[[bytes], str | Value]) -> None:
        """Have ``show`` make what is wanted of the bytes between two offsets."""
        self.begin = begin
        self.end = end
        self.show = show
        self.known: dict[bytes, str | Value] = {}

    def shown(self, raw: bytes) -> str | Value:
        """Return what a value is shown as that is not known yet."""
        shown = self.show(raw)
        if len(raw) <= _LONGEST_KNOWN:
            if len(self.known) >= _MOST_KNOWN:
                self.known.clear()
            self.known[raw] = shown
        return shown


class Layout(Sameness):
    """What is the same in files that are alike, and where in them the values of each path are.

    They end at ``end``, too, where that is the ``whole`` file.
    """

    __slots__ = ("_slots", "whole")

    def __init__(
        self,
        head: bytes,
        end: int,
        fixed: Iterable[tuple[int, int]],
        slots: Sequence[Sequence[Slot]],
        *,
        whole: bool,
    ) -> None:
        """Take the ``fixed`` ranges of ``head`` for what is the same."""
        super().__init__(head, end, fixed)
        self.whole = whole
        self._slots = [each[0] if len(each) == 1 else each for each in slots]

    def cells(self, head: bytes) -> list[Cell]:
        """Return the value of each path in a file that is alike, and begins with ``head``."""
        cells: list[Cell] = []
        for slot in self._slots:
            if isinstance(slot, Slot):
                raw = head[slot.begin : slot.end]
                known = slot.known
                cells.append(known[raw] if raw in known else slot.shown(raw))
            else:
                cells.append(joined([str(each.shown(head[each.begin : each.end])) for each in slot]))
        return cells


class Layouts:
    """The layouts met so far, for the paths that are asked for; ``enough`` bytes of a file tell its own.

    Those to be ``compared``, of one step each, have a Value rather than its text, behind the others.
    """

    def __init__(self, paths: Sequence[TagPath], stop: int, compared: Sequence[TagPath] = ()) -> None:
        """Know none; ``stop`` is above the tags that any of the paths begins with."""
        self.enough = META_OFFSET
        self._paths = paths
        self._compared = compared
        self._stop = max(stop, AFTER_META)
        self._known: dict[bytes, list[Layout]] = {}
        self._credit = _CREDIT
        self._misses = 0

    def cells(self, head: bytes) -> list[Cell] | None:
        """Return the values of the paths in a file that begins with ``head``; None where it takes a walk."""
        known = self._known.get(head[_KEY], [])
        for layout in known:
            if not layout.of(head) or (layout.whole and len(head) > layout.end):
                continue
            if layout is not known[0]:
                known.remove(layout)
                known.insert(0, layout)
            if self._credit < _MOST_CREDIT:
                self._credit += 1
            return layout.cells(head)
        return None

    def learn(self, file: LenientFile) -> None:
        """Take note of the layout of ``file``; of fewer files where hardly any was like another.

        Raises what the walk raises.
        """
        self._misses += 1
        if self._credit <= 0 and self._misses % _TRIES:
            return
        self._credit -= 1
        layout = _layout(file, self._paths, self._compared, self._stop)
        if layout is None:
            return
        if len(self._known) >= _KEYS:
            self._known.clear()
        known = self._known.setdefault(file.head[_KEY], [])
        known.insert(0, layout)
        del known[_MOST:]
        self.enough = max(self.enough, layout.end + 1)


def _layout(
    file: LenientFile, paths: Sequence[TagPath], compared: Sequence[TagPath], stop: int
) -> Layout | None:
    """Return the layout of ``file``, None where its head does not tell, or something is wrong with it."""
    if is_deflated(file.transfer_syntax) or file.own or file.head[PREFIX_OFFSET:META_OFFSET] != b"DICM":
        return None
    walker = file.walk(stop=stop)
    fixed = [(PREFIX_OFFSET, META_OFFSET), *_fixed_in_meta(file)]
    for element in walker:
        if element[3] > len(file.head):
            return None
        fixed += fixed_bytes(element, explicit=file.encoding.explicit)
    end, whole = walker.position, walker.position == file.source.size
    if not whole:
        end += walker.encoding.width
        fixed.append((walker.position, end))
    if file.problems or end > len(file.head):
        return None
    values = list(_slots(file, compared, stop, _value))
    if any(len(each) > 1 or any(isinstance(slot.show(b""), str) for slot in each) for each in values):
        return None  # any of them may be the one that counts, and a sequence has no value
    texts = (
        found[-1:] if len(path.steps) == 1 else found
        for path, found in zip(paths, _slots(file, paths, stop, _text), strict=True)
    )
    return Layout(file.head, end, fixed, [*texts, *values], whole=whole)


def _fixed_in_meta(file: LenientFile) -> Iterator[tuple[int, int]]:
    for (tag, _, offset, value, length, _), _ in file.meta:
        yield offset, value + (length if tag == TRANSFER_SYNTAX_UID else 0)


def _slots(
    file: LenientFile, paths: Sequence[TagPath], stop: int, made: Callable[..., str | Value]
) -> Iterator[list[Slot]]:
    """Yield where the values of each path are, shown as ``made`` of tag, VR, byte order, decoder, bytes."""
    if not paths:
        return
    found: dict[TagPath, list[Slot]] = {path: [] for path in paths}
    for (tag, vr, _, begin, length, _), _ in file.meta:
        for path in named_in_meta(tag, paths):
            found[path].append(Slot(begin, begin + length, partial(made, tag, vr, "<", DEFAULT)))
    walker = file.walk(stop=stop)
    for path, (tag, vr, _, begin, length, _), decode in elements_at(walker, paths):
        if vr == "SQ" or length == UNDEFINED:
            found[path].append(Slot(begin, begin, partial(_no_value, no_value(vr))))
        elif vr:
            show = partial(made, tag, vr, walker.order, decode)
            found[path].append(Slot(begin, begin + length, show))
    yield from found.values()


def _text(tag: int, vr: str, order: str, decode: Decoder, raw: bytes) -> str:
    return _value(tag, vr, order, decode, raw).text()


def _value(tag: int, vr: str, order: str, decode: Decoder, raw: bytes) -> Value:
    return Value(tag, vr, raw, order, decode)


def _no_value(text: str, _raw: bytes) -> str:
    return text


def joined(texts: Sequence[str]) -> str | None:
    """Return the values of an element that stands in several items as one; None where there is none."""
    return "\\".join(texts) if texts else None


def cell_of(path: TagPath, texts: Sequence[str]) -> str | None:
    """Return what an element is shown as; of one that stands twice at the top the last counts."""
    return joined(texts[-1:] if len(path.steps) == 1 else texts)
