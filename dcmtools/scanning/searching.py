"""A search for text in all values of a file, at any depth."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import DEFAULT
from dcmtools.encoding.dictionary import lookup, private_lookup
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tags import format_tag, is_private
from dcmtools.encoding.values import NUMBER_VRS, TEXT_VRS, effective_vr
from dcmtools.escaping import escape
from dcmtools.files.answers import answer
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.depths import elements_in
from dcmtools.files.values import Value
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dcmtools.files.inputs import Input
    from dcmtools.selection.where import Where

    Found = Callable[[str], bool]
    Hit = tuple[str, str, str]

COLUMNS: Final = ("file", "path", "keyword", "value")
LONGEST: Final = 1024 * 1024
"""The bytes of a value up to which it is searched."""
_NO_TEXT: Final = "[\udc80-\udcff\ufffd]"
_SEARCHED: Final = (TEXT_VRS | NUMBER_VRS) - {"AT"}


def containing(text: str, *, ignore_case: bool = False) -> Found:
    """Return the test for values that ``text`` stands in; raises ValueError where it is empty."""
    if not text:
        message = "there is no text to search for"
        raise ValueError(message)
    return Containing(text.casefold(), folded=True) if ignore_case else Containing(text, folded=False)


class Containing:
    """The test whether a text stands in a value; both are ``folded`` where letters count in any case."""

    __slots__ = ("folded", "text")

    def __init__(self, text: str, *, folded: bool) -> None:
        """Look for ``text``."""
        self.text = text
        self.folded = folded

    def __call__(self, value: str) -> bool:
        """Tell it."""
        return self.text in (value.casefold() if self.folded else value)


def matching(expression: str, *, ignore_case: bool = False) -> Found:
    """Return the test for values that an expression is found in; raises ValueError where it is none."""
    from dcmtools.selection.patterns import Pattern

    return Pattern(f"(?i){expression}" if ignore_case else expression).search


class Searcher:
    """Makes a row of each value that is ``found``: file, path, keyword and the value.

    With ``once`` the first of a file will do, and the row is the file's path alone.
    """

    def __init__(self, found: Found, where: Where | None = None, *, once: bool = False) -> None:
        """Search the files that ``where`` is true of."""
        self._found = found
        self._where = where
        self._once = once

    def __call__(self, item: Input) -> Result:
        """Return the result for ``item``, with a row for each hit; raises InputError."""
        with item.open() as source:
            file = LenientFile(source)
            file.notices = False
            if self._where and not self._where.of(file, item):
                return Result.unselected(item.path)
            rows: list[tuple[str, ...]] = []
            lost: list[int] = []
            for hit in self._hits(file, lost):
                rows.append((item.path,) if self._once else (item.path, *hit))
                if self._once:
                    break
            result = answer(file, item.path, {}, None)._replace(record={}, rows=tuple(rows))
            return _told_of(lost, result) if lost else result

    def _hits(self, file: LenientFile, lost: list[int]) -> Iterator[Hit]:
        """Yield the hits; ``lost`` gets the tags of text in which there is more than can be searched."""
        for (tag, vr, *_), raw in file.meta:
            text = self._text(Value(tag, vr, raw, "<", DEFAULT), lost)
            if text:
                yield format_tag(tag), lookup(tag)[2], text
        walker = file.walk()
        for element, tracker, decode in elements_in(walker):
            tag, vr, _, offset, length, depth = element
            if not vr or vr == "SQ" or length == UNDEFINED or not 0 < length <= LONGEST:
                continue
            if vr != "UN" and vr not in _SEARCHED:
                continue
            value = Value(tag, vr, walker.value(offset, length), walker.order, decode)
            if text := self._text(value, lost):
                creator = tracker.creator(tag, depth) if is_private(tag) else ""
                name = (private_lookup(creator, tag) if creator else lookup(tag))[2]
                yield tracker.path_of(tag, depth), name, text

    def _text(self, value: Value, lost: list[int]) -> str:
        """Return the value as text, empty where it is not what is searched for.

        Bytes that are no text in the character set are found as they are shown, such as ``\\xfc``.
        """
        if effective_vr(value.tag, value.vr) not in _SEARCHED:
            return ""
        text = value.text()
        if self._found(text):
            return text
        if text.isascii() or not re.search(_NO_TEXT, text):
            return ""
        if not isinstance(self._found, Containing) or not self._found.text.isascii():
            lost.append(value.tag)  # letters of ASCII are the same whatever the character set is
        return text if self._found(escape(text)) else ""


def _told_of(lost: Sequence[int], result: Result) -> Result:
    """Return ``result`` with a warning, unless it failed anyway."""
    if result.outcome is Outcome.FAILED:
        return result
    text = f"text in {len(lost)} element{'' if len(lost) == 1 else 's'} could not be decoded"
    note = f"{text}, such as {format_tag(lost[0])}; it is searched as it is shown, such as \\xfc"
    return result._replace(outcome=Outcome.WARNING, note="; ".join(filter(None, (result.note, note))))
