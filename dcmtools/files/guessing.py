"""What a file is that is not as PS3.10 has it: where its meta and data set begin, in which encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.element import LONG_VRS, SHORT_VRS, UNDEFINED, VR_CODES, Element
from dcmtools.encoding.lenient import LenientWalker
from dcmtools.encoding.problems import Problem, Problems
from dcmtools.encoding.syntax import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT,
    EXPLICIT_BIG,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT,
    IMPLICIT_BIG,
    IMPLICIT_VR_LITTLE_ENDIAN,
    encoding_of,
    is_deflated,
)
from dcmtools.encoding.tags import format_tag, is_private
from dcmtools.files.part10 import (
    AFTER_META,
    LONGEST_META,
    META,
    META_OFFSET,
    PREFIX_OFFSET,
    TOO_LONG_META,
    misplaced,
)

if TYPE_CHECKING:
    from dcmtools.encoding.syntax import Encoding
    from dcmtools.errors import InputError
    from dcmtools.files.source import FileSource

_HEAD: Final = 256
_INFLATED: Final = 4096


class Guess(NamedTuple):
    """How a data set is encoded, and the transfer syntax that has this encoding, empty where none has."""

    encoding: Encoding
    transfer_syntax: str

    def is_like(self, transfer_syntax: str) -> bool:
        """Tell whether data sets in ``transfer_syntax`` are encoded this way."""
        deflated = is_deflated(self.transfer_syntax)
        return encoding_of(transfer_syntax) is self.encoding and is_deflated(transfer_syntax) == deflated


class Layout(NamedTuple):
    """Meta elements with their values, where the data set begins, and what is wrong with that."""

    meta: list[tuple[Element, bytes]]
    data_set_offset: int
    problems: list[Problem]


_GUESSES: Final = (
    Guess(EXPLICIT, EXPLICIT_VR_LITTLE_ENDIAN),
    Guess(EXPLICIT_BIG, EXPLICIT_VR_BIG_ENDIAN),
    Guess(IMPLICIT, IMPLICIT_VR_LITTLE_ENDIAN),
    Guess(IMPLICIT_BIG, ""),
)


def guess(source: FileSource, offset: int) -> Guess | None:
    """Return the encoding in which the bytes at ``offset`` make sense as an element, None where in none."""
    head = source.read(offset, min(12, source.size - offset))
    for found in _GUESSES:
        if is_plausible(head, found.encoding, source.size - offset):
            return found
    if is_plausible(_inflated(source, offset), EXPLICIT, _INFLATED):
        return Guess(EXPLICIT, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)
    return None


def likely(source: FileSource, offset: int) -> Guess:
    """Return the encoding to try where no first element makes sense: explicit if it has a VR at all."""
    head = source.read(offset, min(6, source.size - offset))
    return _GUESSES[0] if head[4:6] in VR_CODES else _GUESSES[2]


def is_plausible(head: bytes, encoding: Encoding, left: int) -> bool:
    """Tell whether ``head`` can be the beginning of a data set of ``left`` bytes in ``encoding``."""
    if len(head) < 8:
        return False
    group, number, length = encoding.item(head)
    tag = group << 16 | number
    if not 2 < group < 0x100 or not (lookup(tag)[2] or (encoding.explicit and is_private(tag))):
        return False
    if not encoding.explicit:
        return length <= left - 8 or (length == UNDEFINED and lookup(tag)[0] == "SQ")
    vr = head[4:6].decode("latin-1")
    if vr in SHORT_VRS:
        return bool(encoding.u16(head, 6)[0] <= left - 8)
    if vr not in LONG_VRS or len(head) < 12:
        return False
    length = encoding.u32(head, 8)[0]
    return length <= left - 12 or (length == UNDEFINED and vr in ("SQ", "UN"))


def survey(source: FileSource, why: InputError) -> Layout:
    """Look for meta and data set where they may stand; raise ``why`` where nothing looks like DICOM."""
    head = source.read(0, min(source.size, _HEAD))
    start = _meta_start(head)
    if start is None:
        if guess(source, 0) is None:
            raise why
        return Layout([], 0, [Problem(0, "", "neither preamble nor file meta information", serious=False)])
    problems = []
    if head[PREFIX_OFFSET:META_OFFSET] != b"DICM":
        what = "no preamble" if start == 4 else "no prefix DICM"
        problems.append(Problem(0, "", what, serious=False))
    meta, end = _read_meta(source, start, problems)
    if not meta and guess(source, end) is None:
        raise why
    return Layout(meta, end, problems)


def _meta_start(head: bytes) -> int | None:
    if head[PREFIX_OFFSET:META_OFFSET] == b"DICM":
        return META_OFFSET
    if head[:4] == b"DICM":
        return 4
    for start in (0, PREFIX_OFFSET, META_OFFSET):
        if head[start : start + 2] == b"\2\0" and head[start + 4 : start + 6] in (b"UL", b"OB", b"UI"):
            return start
    return None


def _read_meta(
    source: FileSource, start: int, problems: list[Problem]
) -> tuple[list[tuple[Element, bytes]], int]:
    """Return the meta elements that can be read, and where the data set begins; add to ``problems``."""
    claimed = _claimed_end(source, start)
    trusted = start < claimed <= source.size and guess(source, claimed) is not None
    walker = LenientWalker(
        source, start, claimed if trusted else source.size, EXPLICIT, first=META, stop=AFTER_META
    )
    walker.notices = False  # a group length, above all, has its place here
    meta, kept, noted = [], 0, Problems()
    for element in walker:
        tag, vr, offset, value, length, depth = element
        if message := misplaced(vr, length):
            noted.note(offset, format_tag(tag), message, serious=True)
        elif vr and depth == 0 and kept <= LONGEST_META:
            kept += value + length - offset
            if kept > LONGEST_META:
                noted.note(
                    offset, format_tag(tag), f"{TOO_LONG_META}: what follows is left out", serious=True
                )
            else:
                meta.append((element, walker.value(value, length)))
    problems += noted.found + walker.problems
    if not meta:
        problems.append(Problem(start, "", "there is no file meta information", serious=False))
    elif walker.position == source.size < claimed:
        message = "the file ends within its file meta information"
        problems.append(Problem(source.size, "", message, serious=True))
    return meta, walker.position


def _claimed_end(source: FileSource, start: int) -> int:
    """Return where the meta ends by its group length, 0 where it does not tell."""
    head = source.read(start, min(12, source.size - start))
    if head[:8] != b"\2\0\0\0UL\4\0" or len(head) < 12:
        return 0
    return start + 12 + int.from_bytes(head[8:], "little")


def _inflated(source: FileSource, offset: int) -> bytes:
    import zlib

    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        return stream.decompress(source.read(offset, min(_INFLATED, source.size - offset)), 12)
    except zlib.error:
        return b""
