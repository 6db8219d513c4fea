"""What is different between two files, as a person or a program reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.escaping import escape
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.comparison.data_sets import Difference, Differences
    from dcmtools.comparison.pixels import Apart
    from dcmtools.comparison.rules import DiffOptions
    from dcmtools.files.inputs import Input

    Findings: TypeAlias = tuple[Differences, Apart | None]

SAME: Final = "same"
DIFFERENT: Final = "different"
ONLY_A: Final = "only_in_a"
ONLY_B: Final = "only_in_b"
_COLORS: Final = {"-": "\x1b[31m", "+": "\x1b[32m"}
_PLAIN: Final = "\x1b[0m"
_FIELDS: Final = ("path", "name", "kind", "vr", "a", "b")


def same(a: Input, b: Input, found: Findings | None = None) -> Result:
    """Return the result of two files between which nothing is different."""
    pixels = found[1] if found else None
    note = f"the same as {b.path}{f', pixel data: {pixels}' if pixels else ''}"
    return Result(a.path, record_of(a, b, SAME, found), note=note, weighs=False)


def record_of(
    a: Input | None,
    b: Input | None,
    result: str | None,
    found: Findings | None = None,
    *,
    brief: bool = False,
) -> dict[str, object]:
    """Return the record of a pair; ``result`` is None where that cannot be told."""
    differences, pixels = found or (None, None)
    told = differences.told() if differences and not brief else []
    return {
        "file": a.path if a else None,
        "other": b.path if b else None,
        "result": result,
        "differences": [{name: getattr(each, name) for name in _FIELDS} for each in told],
        "pixels": pixels.record() if pixels else None,
    }


def text_of(a: Input, b: Input, found: Findings, options: DiffOptions) -> str:
    """Return the lines of two files that differ."""
    if options.brief:
        return f"{escape(a.path)} and {escape(b.path)} differ\n"
    differences, pixels = found
    lines = [f"--- {escape(a.path)}\n", f"+++ {escape(b.path)}\n"]
    for each in differences.told():
        lines += [_line(sign, text, color=options.color) for sign, text in _sides(each)]
    if pixels and not pixels.same:
        lines.append(f"! pixel data: {pixels}\n")
    return "".join(lines)


def _sides(difference: Difference) -> Iterator[tuple[str, str]]:
    """Yield what either file has, as ``dump`` shows it."""
    first, _, second = difference.vr.partition("/")
    name = f"  # {escape(difference.name)}" if difference.name else ""
    for sign, value, vr in (("-", difference.a, first), ("+", difference.b, second or first)):
        if value is not None:
            yield sign, " ".join(filter(None, (difference.path, vr, value))) + name


def _line(sign: str, text: str, *, color: bool) -> str:
    return f"{_COLORS[sign]}{sign} {text}{_PLAIN}\n" if color else f"{sign} {text}\n"
