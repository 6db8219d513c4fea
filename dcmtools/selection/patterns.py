"""Regular expressions whose search takes time in proportion to the text, whatever they are.

What needs more than that is refused: references back, what looks ahead or behind, possessive quantifiers.
The rest finds what ``re.search`` does.
"""

from __future__ import annotations

import re
import warnings
from typing import Final, NamedTuple, TypeAlias

_LONGEST: Final = 1000  # characters of an expression
_LARGEST: Final = 1000  # steps, of which {m,n} makes more
_DEEPEST: Final = 50
_MOST_KNOWN: Final = 200_000  # steps in the moves remembered
_GROUP: Final = re.compile(r"\((?:\?:|\?P<\w+>)?(?!\?)")
_FLAGS: Final = re.compile(r"\(\?([ims]+)\)")
_ATOM: Final = re.compile(
    r"\\(?:x..|u....|U........|N\{[^}]*\}|0[0-7]{0,2}|[^1-9])|\[\^?\]?(?:\\.|[^\]\\])*\]|[^\\\[]", re.DOTALL
)
_QUANTIFIER: Final = re.compile(r"([*+?]|\{(\d*)(,?)(\d*)\}(?<!\{\})(?<!\{,\}))([?+]?)")
_PLACES: Final = ("^", "$", "\\b", "\\B", "\\A", "\\Z")
_TIMES: Final = {"*": (0, None), "+": (1, None), "?": (0, 1)}

_Node: TypeAlias = "_Atom | _Place | _Row | _Either | _Times"


class _Atom(NamedTuple):
    """One character: of those that ``pattern`` matches."""

    pattern: re.Pattern[str]


class _Place(NamedTuple):
    """No character, but where: ``^``, ``\\b`` ..."""

    kind: str


class _Row(NamedTuple):
    nodes: list[_Node]


class _Either(NamedTuple):
    nodes: list[_Node]


class _Times(NamedTuple):
    node: _Node
    least: int
    most: int | None


class _Step(NamedTuple):
    """Where to go from here: with a character, at a place, or anyway, to one or two others."""

    node: _Atom | _Place | None
    after: tuple[int, ...]


class Pattern:
    """A regular expression to be searched for."""

    def __init__(self, text: str) -> None:
        """Prepare to search for ``text``; raises ValueError for what is none, or is refused."""
        if len(text) > _LONGEST:
            message = f"a regular expression of more than {_LONGEST} characters"
            raise ValueError(message)
        with warnings.catch_warnings(action="ignore"):  # of what may mean something else one day
            flags = _checked(text).flags
            node = _Reading(text, flags).whole()
        self._lines = bool(flags & re.MULTILINE)
        self._steps: list[_Step] = [_Step(None, ())]  # the first is the end, where all is found
        self._begin = self._added(node, 0)
        self._known: dict[tuple[frozenset[int], int, str], frozenset[int] | None] = {}
        self._room = _MOST_KNOWN

    def search(self, text: str) -> bool:
        """Tell whether it is found anywhere in ``text``."""
        before = ""
        last = len(text) - 1
        states: frozenset[int] = frozenset((self._begin,))
        for at, character in enumerate(text):
            where = (not before) << 2 | (before.isalnum() or before == "_") << 1 | (before == "\n")
            key = (states, where << 1 | (at == last), character)
            after = self._known.get(key, states)
            if after is states and key not in self._known:
                self._room -= len(states)
                if self._room < 0:
                    self._known.clear()
                    self._room = _MOST_KNOWN
                after = self._known[key] = self._moved(states, before, character, at == last)
            if after is None:
                return True
            states, before = after, character
        return 0 in self._reached(states, before, "", last=True)

    def _moved(
        self, states: frozenset[int], before: str, character: str, last: bool
    ) -> frozenset[int] | None:
        """Return where ``character`` leads to; None where all is found before it."""
        after = {self._begin}
        for state in self._reached(states, before, character, last=last):
            if state == 0:
                return None
            step = self._steps[state]
            if isinstance(step.node, _Atom) and step.node.pattern.match(character):
                after.update(step.after)
        return frozenset(after)

    def _reached(self, states: frozenset[int], before: str, character: str, *, last: bool) -> set[int]:
        """Return the steps that ``states`` lead to without a character, between the two."""
        reached = set(states)
        pending = list(states)
        while pending:
            step = self._steps[pending.pop()]
            if isinstance(step.node, _Atom):
                continue
            if step.node and not self._holds(step.node.kind, before, character, last=last):
                continue
            for state in step.after:
                if state not in reached:
                    reached.add(state)
                    pending.append(state)
        return reached

    def _holds(self, kind: str, before: str, after: str, *, last: bool) -> bool:
        if kind in ("^", "\\A"):
            return not before or (kind == "^" and self._lines and before == "\n")
        if kind == "$":
            return not after or (after == "\n" and (last or self._lines))
        if kind == "\\Z":
            return not after
        return (_is_word(before) != _is_word(after)) == (kind == "\\b")

    def _added(self, node: _Node, after: int) -> int:
        """Add the steps for ``node``, which go on to ``after``; return the first."""
        if isinstance(node, _Row):
            for each in reversed(node.nodes):
                after = self._added(each, after)
            return after
        if isinstance(node, _Either):
            return self._step(None, *[self._added(each, after) for each in node.nodes])
        if isinstance(node, _Times):
            return self._repeated(node, after)
        return self._step(node, after)

    def _repeated(self, times: _Times, after: int) -> int:
        if times.most is None:
            again = self._step(None, after)
            self._steps[again] = _Step(None, (after, self._added(times.node, again)))
            begin = again
        else:
            begin = after
            for _ in range(times.most - times.least):
                begin = self._step(None, after, self._added(times.node, begin))
        for _ in range(times.least):
            begin = self._added(times.node, begin)
        return begin

    def _step(self, node: _Atom | _Place | None, *after: int) -> int:
        if len(self._steps) > _LARGEST:
            message = "the regular expression repeats too much"
            raise ValueError(message)
        self._steps.append(_Step(node, after))
        return len(self._steps) - 1


def _checked(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        why = str(error) if isinstance(error, re.error) else "it is too deep, or too much"
        message = f"not a regular expression: {why}"
        raise ValueError(message) from None


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


class _Reading:
    """Reads an expression that ``re`` has found to be one."""

    def __init__(self, text: str, flags: int) -> None:
        begin = _FLAGS.match(text)
        self._text = text
        self._at = begin.end() if begin else 0
        self._flags = flags & (re.IGNORECASE | re.MULTILINE | re.DOTALL)
        self._depth = 0

    def whole(self) -> _Node:
        return self._either()

    def _either(self) -> _Node:
        ways = [self._row()]
        while self._next() == "|":
            self._at += 1
            ways.append(self._row())
        return ways[0] if len(ways) == 1 else _Either(ways)

    def _row(self) -> _Node:
        nodes: list[_Node] = []
        while self._next() not in ("", "|", ")"):
            nodes.append(self._times(self._one()))
        return _Row(nodes)

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _times(self, node: _Node) -> _Node:
        while found := _QUANTIFIER.match(self._text, self._at):
            sign, least, comma, most, manner = found.groups()
            if manner == "+":
                raise self._refused("a possessive quantifier")
            self._at = found.end()
            if sign in _TIMES:
                times = _TIMES[sign]
            else:
                low = int(least or 0)
                times = (low, (int(most) if most else None) if comma else low)
            if max(times[0], times[1] or 0) > _LARGEST:
                raise self._refused(f"{sign}")
            node = _Times(node, *times)
        return node

    def _one(self) -> _Node:
        if self._next() == "(":
            return self._group()
        for kind in _PLACES:
            if self._text.startswith(kind, self._at):
                self._at += len(kind)
                return _Place(kind)
        found = _ATOM.match(self._text, self._at)
        if found is None:
            raise self._refused("a reference back")
        self._at = found.end()
        try:
            text = re.escape(found[0]) if len(found[0]) == 1 and found[0] != "." else found[0]
            return _Atom(re.compile(text, self._flags))
        except re.error:
            raise self._refused(found[0]) from None

    def _group(self) -> _Node:
        found = _GROUP.match(self._text, self._at)
        if found is None:
            raise self._refused(f"{self._text[self._at : self._at + 3]}...")
        if self._depth == _DEEPEST:
            raise self._refused("such depth")
        self._at = found.end()
        self._depth += 1
        node = self._either()
        self._depth -= 1
        self._at += 1
        return node

    @staticmethod
    def _refused(what: str) -> ValueError:
        return ValueError(f"{what} in a regular expression is not for values that may be anything")
