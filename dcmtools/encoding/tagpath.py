"""Tag paths: which element, at which depth, as people write it and as it is printed.

``(0010,0010)``, ``0010,0010``, ``00100010``, ``PatientName``, ``Seq[0].Elem``, ``Seq[*].Elem``,
``Seq.Elem`` (any item) and private ``0029,10,CREATOR``: a creator with ``.`` or ``[`` in it in
parentheses, ``(0029,10,A.B)``.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from dcmtools.encoding.dictionary import PrivateBlocks, element_of, keywords
from dcmtools.encoding.tags import ITEM, format_tag, is_private

# Compiled when a path is parsed, and kept by re: most commands parse none.
_TAG: Final = r"\(?([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)?"
_PLAIN: Final = r"[0-9A-Fa-f]{8}"
_PRIVATE: Final = r"(\()?([0-9A-Fa-f]{4}),([0-9A-Fa-f]{2}),(.+)(?(1)\))"
# Parentheses end with the first that a step can end with: creators may have some of their own.
_STEP: Final = r"((?>\(.+?\)(?=[.\[]|$))|(?:\([^)]*\)|[^.\[(])+)(?:\[(\d+|\*)\])?(?:\.|$)"


class Step(NamedTuple):
    """One element on a path: its tag (block 00 where a private ``creator`` says it), and which item."""

    tag: int
    creator: str
    item: int | None

    def matches(self, tag: int, creator: str) -> bool:
        """Tell whether an element with ``tag``, in a block of ``creator``, is this one."""
        if self.creator:
            return tag & 0xFFFF00FF == self.tag and tag & 0xFF00 != 0 and creator == self.creator
        return tag == self.tag

    def __str__(self) -> str:
        """Return the step in its one printed form."""
        if self.creator:
            return f"({self.tag >> 16:04x},{self.tag & 0xFF:02x},{self.creator})"
        return format_tag(self.tag)


class TagPath(NamedTuple):
    """The steps from the top of the data set to an element; ``item`` None means any item.

    That of the last step is None, unless the path is that of an item.
    """

    steps: tuple[Step, ...]

    @property
    def last_top_tag(self) -> int:
        """The highest tag at the top of the data set that can be this path's first step."""
        first = self.steps[0]
        return first.tag | 0xFF00 if first.creator else first.tag

    def __str__(self) -> str:
        """Return the path in its one printed form, ``(gggg,eeee)[0].(gggg,eeee)``."""
        inner = [f"{step}[{'*' if step.item is None else step.item}]" for step in self.steps[:-1]]
        last = self.steps[-1]
        return ".".join([*inner, str(last) if last.item is None else f"{last}[{last.item}]"])


def parse(text: str, *, item: bool = False) -> TagPath:
    """Return the path of the element that ``text`` names, or of the ``item``, such as ``Seq[0]``.

    Raises ValueError saying what is wrong with it.
    """
    steps: list[Step] = []
    at = 0
    while at < len(text):
        match = re.compile(_STEP).match(text, at)
        if match is None:
            message = f"{text[:100]!r} is not a tag path"
            raise ValueError(message)
        number = None if match[2] in (None, "*") else int(match[2])
        try:
            steps.append(_step(match[1], number))
        except ValueError as error:
            hint = "; a creator with a dot stands in parentheses" if steps and steps[-1].creator else ""
            message = f"{error}{hint}"
            raise ValueError(message) from None
        at = match.end()
    if not steps or text.endswith("." if item else (".", "]")):
        message = f"{text[:100]!r} does not end with an element"
        raise ValueError(message)
    if item and steps[-1].item is None:
        message = f"{text!r} does not end with the number of an item, as Sequence[0] does"
        raise ValueError(message)
    return TagPath(tuple(steps))


def _step(text: str, item: int | None) -> Step:
    if match := re.fullmatch(_TAG, text):
        return Step(int(match[1] + match[2], 16), "", item)
    if re.fullmatch(_PLAIN, text):
        return Step(int(text, 16), "", item)
    if match := re.fullmatch(_PRIVATE, text):
        return _private_step(match, item)
    try:
        return Step(*element_of(text), item)
    except KeyError:
        from difflib import get_close_matches

        known = {keyword.lower(): keyword for keyword in keywords()}
        near = get_close_matches(text[:100].lower(), known, 1, 0.75)
        hint = f"; did you mean {known[near[0]]}?" if near else ", nor a tag such as 0010,0010"
        message = f"{text[:100]!r} is not a keyword of PS3.6{hint}"
        raise ValueError(message) from None


def _private_step(match: re.Match[str], item: int | None) -> Step:
    _, group, element, creator = match.groups()
    tag = int(group, 16) << 16 | int(element, 16)
    if not is_private(tag):
        message = f"group {group} is even, so {match[0]!r} is not a private element"
        raise ValueError(message)
    return Step(tag, creator.strip(), item)


class PathTracker:
    """Where a walk stands: fed with each element in order, it knows the steps that led there."""

    __slots__ = ("_blocks", "_items", "_tags")

    def __init__(self) -> None:
        """Begin at the top of a data set."""
        self._tags: list[int] = []
        self._items: list[int] = []
        self._blocks = PrivateBlocks()

    def enter(self, tag: int, vr: str, depth: int) -> None:
        """Take note of an element before its value is looked at."""
        level = depth >> 1
        if depth & 1:
            if tag == ITEM and level < len(self._items):  # else it is a fragment of pixel data
                del self._tags[level + 1 :], self._items[level + 1 :]
                self._items[level] += 1
                self._blocks.enter(depth + 1)
        elif vr != "":
            del self._tags[level:], self._items[level:]
            if vr == "SQ":
                self._tags.append(tag)
                self._items.append(-1)

    def reserve(self, tag: int, depth: int, creator: str) -> None:
        """Take note of a private creator element."""
        self._blocks.reserve(depth, tag, creator)

    def creator(self, tag: int, depth: int) -> str:
        """Return who reserved the block of private ``tag``; empty where nobody did."""
        return self._blocks.creator(depth, tag)

    def sequence(self, depth: int) -> int:
        """Return the tag of the sequence that the item at ``depth`` is of; 0 for a fragment of pixel data."""
        level = depth >> 1
        return self._tags[level] if level < len(self._tags) else 0

    def path_of(self, tag: int, depth: int) -> str:
        """Return the path of the element with ``tag`` at ``depth`` in its one printed form."""
        level = depth >> 1
        outer = zip(self._tags[:level], self._items[:level], strict=True)
        return "".join(f"{format_tag(step)}[{item}]." for step, item in outer) + format_tag(tag)

    def at(self, path: TagPath, tag: int, depth: int) -> bool:
        """Tell whether the element with ``tag`` at ``depth`` is the one that ``path`` names."""
        steps = path.steps
        if depth & 1 or depth >> 1 != len(steps) - 1:
            return False
        creator = self.creator(tag, depth) if steps[-1].creator else ""
        if not steps[-1].matches(tag, creator):
            return False
        for level, step in enumerate(steps[:-1]):
            outer = self._tags[level]
            if not step.matches(outer, self.creator(outer, 2 * level) if step.creator else ""):
                return False
            if step.item not in (None, self._items[level]):
                return False
        return True
