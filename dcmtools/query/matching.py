"""Whether what is known of an entity matches a key (PS3.4 C.2.2.2): pure functions over Unicode text.

A key and an attribute are text as ``dataset.values`` has it, without padding. An attribute that has no value
matches no key but a universal one.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.encoding.dataset import items, text, values
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.texts import FLOAT
from dcmtools.encoding.values import SINGLE_TEXT_VRS
from dcmtools.query.ranges import interval_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dcmtools.encoding.dataset import DataSet

    Test: TypeAlias = Callable[[str], bool]
    ItemTest: TypeAlias = Callable[[DataSet], bool]
    Chooser: TypeAlias = Callable[[list[DataSet]], list[DataSet]]

WILDCARD_VRS: Final = frozenset(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"))
RANGE_VRS: Final = frozenset(("DA", "DT", "TM"))
_WHOLE: Final = r"[+-]?[0-9]{1,12}"
# What keys need is far less; what is tested row by row must not be without bounds.
_LONGEST_PATTERN: Final = 1024
_MOST_VALUES: Final = 1000
_COMPONENTS: Final = 5


def is_universal(keys: Sequence[str]) -> bool:
    """Tell whether the values of a key ask for nothing: there is none, or an asterisk (C.2.2.2.3)."""
    return not any(keys) or any(key and not key.strip("*") for key in keys)


def has_wildcard(vr: str, key: str) -> bool:
    """Tell whether a key of ``vr`` is one for wildcard matching (C.2.2.2.4)."""
    return vr in WILDCARD_VRS and ("*" in key or "?" in key)


def value_test(vr: str, keys: Sequence[str]) -> Test | None:
    """Return the test of an attribute's values, a backslash between them, against the values of a key.

    Any value may match any other, so lists of UIDs and several values are alternatives. None is for a key
    that everything matches. Raises ValueError, saying why, for a key that is not of ``vr``, and for one of
    more than a thousand values.
    """
    if is_universal(keys):
        return None
    _require_few(keys)
    tests = [_test_of_one(vr, key) for key in keys if key]
    if vr in SINGLE_TEXT_VRS:
        return lambda value: any(test(value) for test in tests)
    if len(tests) == 1:
        only = tests[0]
        return lambda value: any(map(only, value.split("\\"))) if "\\" in value else only(value)
    return lambda value: any(test(each) for each in value.split("\\") for test in tests)


def item_test(key: DataSet) -> ItemTest | None:
    """Return the test of an item of a sequence against the item of a key (C.2.2.2.6).

    It has to match all that the key's item holds, at any depth; None is for one that asks for nothing.
    Raises ValueError as ``value_test`` does.
    """
    tests = [test for tag in key if (test := _test_within(key, tag))]
    if not tests:
        return None
    return lambda item: all(test(item) for test in tests)


def items_chooser(keys: Sequence[DataSet]) -> Chooser | None:
    """Return what chooses the items that match ``keys``, the item of a key or none; None where all do.

    Raises ValueError for several items, and as ``value_test`` does.
    """
    if len(keys) > 1:
        message = f"a key of {len(keys)} items, one is allowed"
        raise ValueError(message)
    test = item_test(keys[0]) if keys else None
    return test and (lambda found: [item for item in found if test(item)])


def folded_name(name: str) -> str:
    """Return a name, or several, as names are compared (C.2.2.2.1): letters and spellings of them alike.

    Off are spaces around components, and delimiters with nothing behind them (PS3.5 6.2.1).
    """
    if name.isascii():
        name = name.lower()
    else:
        name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "\\".join([_folded_groups(each) for each in name.split("\\")])


def name_test(keys: Sequence[str]) -> Test:
    """Return the test of ``folded_name`` of an attribute against the values of a key that is not universal.

    A key of one component group matches any group of a name; one of several has all that it gives in the
    same places. Raises ValueError as ``value_test`` does.
    """
    _require_few(keys)
    tests = [_folded_test(folded_name(key)) for key in keys if key]

    def test(folded: str) -> bool:
        return any(each(name) for name in folded.split("\\") for each in tests)

    return test


def wildcard_test(key: str) -> Test:
    """Return the test for wildcards (C.2.2.2.4), which takes time in proportion to both lengths at most.

    Raises ValueError where the key is longer than any is that makes sense.
    """
    if len(key) > _LONGEST_PATTERN:
        message = f"a pattern of more than {_LONGEST_PATTERN} characters"
        raise ValueError(message)
    head, *rest = [_literal(part) for part in re.split(r"\*+", key)]
    pattern = head
    if rest:
        # The first place where a part fits is never given up for a later one.
        pattern += "".join([f"(?>.*?{part})" for part in rest[:-1]]) + ".*" + rest[-1]
    match = re.compile(pattern, re.DOTALL).fullmatch
    return lambda value: match(value) is not None


def _require_few(keys: Sequence[str]) -> None:
    if len(keys) > _MOST_VALUES:
        message = f"a key of {len(keys)} values, {_MOST_VALUES} are allowed"
        raise ValueError(message)


def _literal(part: str) -> str:
    return ".".join([re.escape(piece) for piece in part.split("?")])


def _test_of_one(vr: str, key: str) -> Test:
    if vr in RANGE_VRS:
        return interval_of(vr, key).holds
    if vr in ("DS", "IS"):
        return _number_test(vr, key)
    if vr == "PN":
        test = name_test([key])
        return lambda value: test(folded_name(value))
    if has_wildcard(vr, key):
        pattern = wildcard_test(key)
        return lambda value: value != "" and pattern(value)
    return key.__eq__


def _number_test(vr: str, key: str) -> Test:
    """Return the test whether a value is the same number, however it is written."""
    form = _WHOLE if vr == "IS" else FLOAT

    def number(value: str) -> float | None:
        return float(value) if len(value) <= _LONGEST_PATTERN and re.fullmatch(form, value) else None

    wanted = number(key)
    if wanted is None:
        message = f"not a number of VR {vr}"
        raise ValueError(message)
    return lambda value: number(value) == wanted


def _test_within(key: DataSet, tag: int) -> ItemTest | None:
    """Return the test of an item against one element of a key's item."""
    given, value = key[tag]
    if isinstance(value, list):
        choose = items_chooser(value)
        return choose and (lambda item: bool(choose(items(item, tag))))
    known = lookup(tag)[0]
    test = value_test(given if known == "UN" else known, values(key, tag))
    return test and (lambda item: test(text(item, tag)))


def _folded_groups(name: str) -> str:
    groups = [
        "^".join([part.strip(" ") for part in group.split("^")]).rstrip("^") for group in name.split("=")
    ]
    return "=".join(groups).rstrip("=")


def _folded_test(key: str) -> Test:
    """Return the test of one folded name."""
    tests = [(place, _group_test(group)) for place, group in enumerate(key.split("=")) if group]
    if "=" not in key:
        only = tests[0][1] if tests else bool
        return lambda name: only(name) if "=" not in name else any(map(only, name.split("=")))

    def test(name: str) -> bool:
        groups = name.split("=")
        return all(place < len(groups) and each(groups[place]) for place, each in tests)

    return test


def _group_test(key: str) -> Test:
    """Return the test of one component group, which may have delimiters with nothing behind them."""
    if "*" not in key and "?" not in key:
        return key.__eq__
    pattern = wildcard_test(key)
    return lambda group: (
        group != "" and (pattern(group) or pattern(group + "^" * (_COMPONENTS - 1 - group.count("^"))))
    )
