"""What an expression says: words, paths, values and operators into conditions."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

from dcmtools.encoding import tagpath
from dcmtools.encoding.dictionary import lookup, private_lookup
from dcmtools.encoding.values import SINGLE_TEXT_VRS, TEXT_VRS
from dcmtools.errors import UsageError
from dcmtools.selection import comparing
from dcmtools.selection.comparing import Given, kind_of
from dcmtools.selection.conditions import All, Comparison, Either, Empty, Exists, Not, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.selection.comparing import Test
    from dcmtools.selection.conditions import Condition

_LONGEST: Final = 10_000
_DEEPEST: Final = 50
_AROUND: Final = 30  # characters shown on either side of a fault
_CREATOR: Final = r"(?:[^()\"'=<>!]|\([^()\"'=<>!]*\))+"
_STEP: Final = (
    rf"(?:\([0-9A-Fa-f]{{4}},(?:[0-9A-Fa-f]{{4}}|[0-9A-Fa-f]{{2}},{_CREATOR})\)"
    r"|[0-9A-Fa-f]{4},(?:[0-9A-Fa-f]{4}|[0-9A-Fa-f]{2},[^\s.\[\]()<>=!\"',]+)"
    r"|[0-9A-Fa-f]{8}(?!\w)|[A-Za-z]\w*)(?:\[(?:\d{1,9}|\*)\])?"
)
PATH: Final = re.compile(rf"{_STEP}(?:\.{_STEP})*", re.ASCII)
_LAST: Final = re.compile(r"\[(\d+|\*)\]$")
_SIGN: Final = re.compile(r"==|!=|<=|>=|=|<|>")
_WORD: Final = re.compile(r"(and|or|not|exists|empty|like|matches|in)(?![\w.\[])", re.IGNORECASE)
_QUOTED: Final = re.compile(r'"((?:[^"]|"")*)"|' + r"'((?:[^']|'')*)'")
_BARE: Final = re.compile(r"(?:(?!\.\.)[^\s()\"',<>=!])+")
_TAG: Final = re.compile(r"\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\)")
_CHUNK: Final = re.compile(r"[^\s()]+|.", re.DOTALL)
_ABOUT: Final = {"file.path": "UT", "file.size": "UV"}
_SPACED: Final = SINGLE_TEXT_VRS | {"UC"}  # whose spaces at the beginning mean something
_OPERATORS: Final = "==, !=, <, <=, >, >=, like, matches or in"


class WhereError(UsageError):
    """An expression that makes no sense, at ``column``, from 1; ``lines`` show where."""

    def __init__(self, message: str, text: str, at: int) -> None:
        """Say what is wrong at the character ``at`` of ``text``."""
        super().__init__(f"column {at + 1}: {message}")
        self.column = at + 1
        begin = max(0, at - _AROUND)
        before = "..." if begin else ""
        after = "..." if len(text) > at + _AROUND else ""
        shown = before + text[begin : at + _AROUND] + after
        # Each character takes one column here: what does not is not shown as it is.
        plain = "".join([each if each.isprintable() else "?" for each in shown])
        self.lines = (f"  {plain}", f"  {' ' * (len(before) + at - begin)}^")


def parse(text: str) -> Condition:
    """Return what ``text`` says; raises WhereError, which names the column."""
    if len(text) > _LONGEST:
        message = f"an expression of {len(text)} characters, {_LONGEST} are allowed"
        raise WhereError(message, text, _LONGEST)
    return _Parser(text).whole()


class _Parser:
    """Reads an expression from its beginning to its end; ``_at`` is where it stands, behind spaces."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._skip()

    def whole(self) -> Condition:
        if self._ends():
            self._fail("an expression is wanted, such as Modality == CT")
        condition = self._either()
        if not self._ends():
            what = _CHUNK.match(self._text, self._at)
            hint = "a value with spaces stands in quotes"
            self._fail(f"and, or or the end is wanted here, not {what and what[0][:50]!r}; {hint}")
        return condition

    def _either(self) -> Condition:
        ways = [self._all()]
        while self._takes("or"):
            ways.append(self._all())
        return ways[0] if len(ways) == 1 else Either(ways)

    def _all(self) -> Condition:
        conditions = [self._not()]
        while self._takes("and"):
            conditions.append(self._not())
        return conditions[0] if len(conditions) == 1 else All(conditions)

    def _not(self) -> Condition:
        denied = False
        while self._takes("not"):
            denied = not denied
        condition = self._one()
        return Not(condition) if denied else condition

    def _one(self) -> Condition:
        if self._takes("exists"):
            return Exists(self._place()[0])
        if self._takes("empty"):
            return self._empty()
        if self._text.startswith("(", self._at) and not self._is_path():
            return self._group()
        return self._comparison()

    def _group(self) -> Condition:
        begin = self._at
        if self._depth == _DEEPEST:
            self._fail(f"parentheses in more than {_DEEPEST} others")
        self._depth += 1
        self._move(1)
        condition = self._either()
        if not self._text.startswith(")", self._at):
            if self._ends():
                self._fail("this parenthesis is never closed", begin)
            self._fail("and, or or ) is wanted here; a value with spaces stands in quotes")
        self._move(1)
        self._depth -= 1
        return condition

    def _is_path(self) -> bool:
        """Tell whether what begins with a parenthesis is a path, which an operator follows."""
        found = PATH.match(self._text, self._at)
        if not found:
            return False
        before, self._at = self._at, found.end()
        self._skip()
        word = self._word()
        follows = bool(_SIGN.match(self._text, self._at)) or word in ("like", "matches", "in", "not")
        self._at = before
        return follows

    def _empty(self) -> Condition:
        place, at = self._place()
        if place.vr == "SQ" and place.number is not None:
            self._fail("empty is for elements and their values, not for items", at)
        return Empty(place)

    def _place(self) -> tuple[Place, int]:
        """Read a path; return what it names, and where it stood."""
        at = self._at
        found = PATH.match(self._text, at)
        if not found or self._word():
            self._fail("a path is wanted here: a keyword, a tag such as 0010,0010, or Sequence.Element")
        text = found[0]
        self._move(len(text))
        if text.lower() in _ABOUT:
            return Place(None, text.lower(), None, _ABOUT[text.lower()]), at
        if text.lower().startswith("file."):
            self._fail(f"of a file there are {' and '.join(_ABOUT)}", at)
        last = _LAST.search(text)
        number = int(last[1]) if last and last[1] != "*" else None
        try:
            path = tagpath.parse(text[: last.start()] if last else text)
        except ValueError as error:
            self._fail(str(error), at)
        return Place(path, "", number, _vr(path)), at

    def _comparison(self) -> Condition:
        if self._text[self._at : self._at + 1] in ('"', "'"):
            self._fail("the path comes first, the value behind the operator")
        place, at = self._place()
        sign = _SIGN.match(self._text, self._at)
        if sign:
            return self._by_sign(place, at, sign[0])
        operator_at = self._at
        denied = self._takes("not")
        word = self._word()
        if word == "in":
            self._move(2)
            tests = self._in(place, at, operator_at)
        elif word in ("like", "matches"):
            self._move(len(word))
            tests = self._by_pattern(place, at, word)
        else:
            self._fail(f"an operator is wanted here: {_OPERATORS}{self._advice()}")
        comparison = Comparison(place, tests, word != "in")
        return Not(comparison) if denied else comparison

    def _advice(self) -> str:
        """Return what may be meant where no operator is."""
        if self._ends():
            return "; the whole expression wants quotes in a shell: 'Modality == CT'"
        if re.compile(r"~|contains\b", re.IGNORECASE).match(self._text, self._at):
            return '; like "*TEXT*" is for text anywhere in a value, matches for a regular expression'
        return ""

    def _by_sign(self, place: Place, at: int, sign: str) -> Condition:
        self._move(len(sign))
        operator = "==" if sign in ("=", "!=") else sign
        given = self._compared(place)
        self._check_text(place, given)
        self._check_wildcards(place, given)
        tests = self._tests(place, at, given.at, partial(comparing.ordered, operator=operator, given=given))
        comparison = Comparison(place, tests)
        return Not(comparison) if sign == "!=" else comparison

    def _by_pattern(self, place: Place, at: int, word: str) -> dict[str, Test]:
        given = self._value()
        if place.vr and place.vr not in TEXT_VRS and kind_of(place.vr):
            self._fail(f"{word} is for text, which {self._named(at)} is not, but {place.vr}", at)
        if word == "like":
            return self._tests(place, at, given.at, partial(comparing.like, given=given))
        try:
            test = comparing.matching(given)
        except ValueError as error:
            self._fail(str(error), given.at)
        return self._tests(place, at, given.at, lambda _kind: test)

    def _in(self, place: Place, at: int, operator_at: int) -> dict[str, Test]:
        listed = self._text.startswith("(", self._at) and not _TAG.match(self._text, self._at)
        if listed:
            several = self._several(place)
            for given in several:  # so that a fault has its column
                self._tests(place, at, given.at, partial(comparing.one_of, several=[given]))
            return self._tests(place, at, operator_at, partial(comparing.one_of, several=several))
        low = None if self._text.startswith("..", self._at) else self._compared(place)
        if not self._text.startswith("..", self._at):
            self._fail("in is for a list (A, B) or a range LOW..HIGH")
        self._move(2)
        high = None if self._is_at_end_of_range() else self._compared(place)
        if low is None and high is None:
            self._fail("a range begins or ends with a value", operator_at)
        for given in filter(None, (low, high)):
            self._tests(place, at, given.at, partial(comparing.between, low=given, high=None))
        return self._tests(place, at, operator_at, partial(comparing.between, low=low, high=high))

    def _several(self, place: Place) -> list[Given]:
        begin = self._at
        self._move(1)
        several = []
        while True:
            several.append(self._compared(place))
            self._check_text(place, several[-1])
            if self._ends():
                self._fail("this list is never closed", begin)
            end = self._text[self._at]
            if end not in ",)":
                self._fail("a comma or ) is wanted here; a value with spaces stands in quotes")
            self._move(1)
            if end == ")":
                return several

    def _is_at_end_of_range(self) -> bool:
        return self._ends() or self._text[self._at] == ")" or self._word() in ("and", "or")

    def _tests(self, place: Place, at: int, value_at: int, made: Callable[[str], Test]) -> dict[str, Test]:
        """Return the tests by kind: of the one that the place has, or of all that there can be one for."""
        kind = kind_of(place.vr)
        if place.vr and not kind:
            what = "a sequence" if place.vr == "SQ" else f"bulk data ({place.vr})"
            self._fail(f"{self._named(at)} is {what}, which is not compared: exists and empty are for it", at)
        try:
            if kind:
                return {kind: made(kind)}
        except ValueError as error:
            self._fail(f"{self._named(at)} ({place.vr or place.name}): {error}", value_at)
        tests = {}
        for each in comparing.KINDS:  # only the file tells which it is
            try:
                tests[each] = made(each)
            except ValueError:
                continue
        if not tests:
            self._fail("nothing compares with this", value_at)
        return tests

    def _check_text(self, place: Place, given: Given) -> None:
        several = place.vr in TEXT_VRS and place.vr not in SINGLE_TEXT_VRS
        if several and "\\" in given.text:
            self._fail("values are compared one by one, so none has a backslash; [0] is the first", given.at)

    def _check_wildcards(self, place: Place, given: Given) -> None:
        if not given.quoted and "*" in given.text and kind_of(place.vr) in ("text", "PN"):
            self._fail(f"wildcards are for like; in quotes {given.text} is the text itself", given.at)

    def _named(self, at: int) -> str:
        found = PATH.match(self._text, at)
        return found[0] if found else ""

    def _compared(self, place: Place) -> Given:
        """Read a value, without the spaces before it that mean nothing (PS3.5 6.2)."""
        given = self._value()
        return given if place.vr in _SPACED else given._replace(text=given.text.lstrip(" "))

    def _value(self) -> Given:
        at = self._at
        if found := _QUOTED.match(self._text, at):
            quote = found[0][0]
            self._move(len(found[0]))
            return Given(found[0][1:-1].replace(quote * 2, quote), quoted=True, at=at)
        if self._text[at : at + 1] in ('"', "'"):
            self._fail("this quote is never closed")
        found = _TAG.match(self._text, at) or _BARE.match(self._text, at)
        if not found:
            self._fail("a value is wanted here")
        text = found[0]
        if "," in self._text[found.end() : found.end() + 1] and re.fullmatch(r"[0-9A-Fa-f]{4}", text):
            tag = re.compile(r"[0-9A-Fa-f]{4},[0-9A-Fa-f]{4}").match(self._text, at)
            text = tag[0] if tag else text
        self._move(len(text))
        return Given(text, quoted=False, at=at)

    def _word(self) -> str:
        """Return the word of the language that stands here, in lower case; empty where there is none."""
        found = _WORD.match(self._text, self._at)
        return found[1].lower() if found else ""

    def _takes(self, word: str) -> bool:
        if self._word() != word:
            return False
        self._move(len(word))
        return True

    def _move(self, length: int) -> None:
        self._at += length
        self._skip()

    def _skip(self) -> None:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1

    def _ends(self) -> bool:
        return self._at == len(self._text)

    def _fail(self, message: str, at: int | None = None) -> NoReturn:
        raise WhereError(message, self._text, self._at if at is None else at)


def _vr(path: TagPath) -> str:
    """Return the VR that the dictionary has for the element of ``path``; empty where it has none."""
    step = path.steps[-1]
    vr = private_lookup(step.creator, step.tag)[0] if step.creator else lookup(step.tag)[0]
    return "" if vr == "UN" else vr
