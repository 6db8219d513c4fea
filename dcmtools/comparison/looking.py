"""Two files compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.comparison.data_sets import Comparison, Difference
from dcmtools.comparison.pixels import Apart, compared
from dcmtools.comparison.rules import NONE
from dcmtools.comparison.sameness import Room
from dcmtools.comparison.telling import DIFFERENT, record_of, same, text_of
from dcmtools.encoding.syntax import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, NATIVE
from dcmtools.errors import InputError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.part10 import META_OFFSET, PREFIX_OFFSET
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from dcmtools.comparison.rules import DiffOptions
    from dcmtools.comparison.telling import Findings
    from dcmtools.files.inputs import Input
    from dcmtools.files.source import FileSource


_UNCOMPRESSED: Final = NATIVE | {DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN}


def is_selected(item: Input, options: DiffOptions) -> bool:
    """Tell whether a file counts; raises InputError, which names it."""
    with _opened(item) as source:
        return options.where is None or options.where.of(_file(source, item), item)


def looked_at(a: Input, b: Input, options: DiffOptions) -> Result:
    """Return what is different between two files.

    Raises InputError, which names the file, where they cannot be compared and nothing different was found.
    """
    with _opened(a) as one, _opened(b) as other:
        first, second = _file(one, a), _file(other, b)
        if options.where and not (options.where.of(first, a) or options.where.of(second, b)):
            return Result.unselected(a.path)
        if Room().has_same(one, other):
            return same(a, b)
        try:
            found = _findings(first, second, options)
        except InputError as error:
            error.message = f"{a.path} or {b.path}: {error.message}"
            raise
        damaged = [
            f"{item.path}: {file.problems[0] if file.problems else 'it is damaged'}"
            for file, item in ((first, a), (second, b))
            if file.serious
        ]
    return _result(a, b, found, damaged, options)


def _opened(item: Input) -> FileSource:
    try:
        return item.open()
    except InputError as error:
        error.message = f"{item.path}: {error.message}"
        raise


def _file(source: FileSource, item: Input) -> LenientFile:
    try:
        file = LenientFile(source)
    except InputError as error:
        error.message = f"{item.path}: {error.message}"
        raise
    file.notices = False
    return file


def _findings(first: LenientFile, second: LenientFile, options: DiffOptions) -> Findings:
    pixels, taken = None, None
    if options.pixels.kind != NONE:
        pixels, taken = _pixels(first, second, options)
    differences = Comparison(options.ignored, options.tolerance).differences(first, second, taken)
    if not options.ignored.meta:
        differences.add(_preambles(first, second))
    return differences, pixels


def _pixels(
    first: LenientFile, second: LenientFile, options: DiffOptions
) -> tuple[Apart | None, tuple[int, int] | None]:
    """Return how far pixel data is apart and which it is: of what no frames can be made the bytes count."""
    try:
        return compared(first, second, options.pixels)
    except InputError as error:
        syntaxes = {first.transfer_syntax, second.transfer_syntax}
        if len(syntaxes) == 1 or syntaxes <= _UNCOMPRESSED:
            return None, (-1, -1)
        return Apart(same=None, reason=error.message), None


def _preambles(first: LenientFile, second: LenientFile) -> list[Difference]:
    """Return the difference between two preambles, which say what they like (PS3.10 7.1)."""
    heads = [file.head[:META_OFFSET] for file in (first, second)]
    a, b = (head[:PREFIX_OFFSET] for head in heads)
    if a == b or not all(head[PREFIX_OFFSET:] == b"DICM" for head in heads):
        return []
    return [Difference("(preamble)", "Preamble", "changed", "", _shown(a), _shown(b), (-1,))]


def _shown(preamble: bytes) -> str:
    held = preamble.rstrip(b"\0")
    return f"{held[:8].hex(chr(92))}{'...' if len(held) > 8 else ''}" if held else "(no value)"


def _result(a: Input, b: Input, found: Findings, damaged: list[str], options: DiffOptions) -> Result:
    """Return a result: what could not be compared counts where nothing is different, else it is noted."""
    differences, pixels = found
    untold = f"pixel data: {pixels.reason}" if pixels and pixels.same is None else ""
    if differences or (pixels and pixels.same is False):
        differences.told()
        more = f"{differences.more} more differences are not told" if differences.more else ""
        note = "; ".join(filter(None, (*damaged, untold, more)))
        return Result(
            a.path,
            record_of(a, b, DIFFERENT, found, brief=options.brief),
            Outcome.WARNING if note else Outcome.DONE,
            text=text_of(a, b, found, options),
            note=note,
            counted=False,
            weighs=False,
        )
    if damaged:
        raise InputError(damaged[0])
    if untold:
        raise InputError(f"{a.path} or {b.path}: {untold}")
    return same(a, b, found)
