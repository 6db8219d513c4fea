"""Real files harmed at random where it hurts: lengths, VRs, tags, delimiters, streams; one seed, one file."""

from __future__ import annotations

import os
import random
import resource
import zlib
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from struct import pack, pack_into
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.encoding.dataset import encode, read
from dcmtools.encoding.recoding import recoded
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_BIG, IMPLICIT, Encoding, encoding_of, is_deflated
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import IVL, Coder, part10
from tests.support.samples import real_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.encoding.element import Element

MUTATIONS = int(os.environ.get("DCMTOOLS_TEST_MUTATIONS", "2000"))
"""How many there are to be; some 20,000 take a minute or two."""

DEFLATED = "1.2.840.10008.1.2.1.99"
SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", DEFLATED, "1.2.3", "")
_LARGEST = 16_000
_LENGTHS = (0, 1, 2, 3, 7, 8, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFF)
_VRS = (b"SQ", b"UN", b"OB", b"OW", b"UT", b"PN", b"LO", b"US", b"AT", b"FD", b"DS", b"UI", b"OV", b"UC")
_NO_VRS = (b"\0\0", b"??", b"sq", b"ZZ", b"\xff\xff", b"U\0", b"  ")
_TAGS = (
    *(0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0xFFFEFFFF, 0, 0x00020010, 0x00080005, 0x00080000, 0x00080001),
    *(
        0x00090010,
        0x00091001,
        0x00280103,
        0x00280106,
        0x7FE00000,
        0x7FE00010,
        0x7FE00009,
        0xFFFCFFFC,
        0xFFFFFFFF,
    ),
    *(0x00081140, 0x52009229, 0x60003000, 0x50003000, 0x00720052),
)
_CHARSETS = (
    b"ISO_IR 192",
    b"\\ISO 2022 IR 87",
    b"\\ISO 2022 IR 149",
    b"GB18030",
    b"ISO_IR 13\\\\",
    b"NONE",
    b"",
)


class Base(NamedTuple):
    """A file before it is harmed: the bytes up to its data set, which is inflated, and its elements."""

    name: str
    head: bytes
    body: bytes
    encoding: Encoding
    deflated: bool
    elements: list[Element]

    def file(self, body: bytes) -> bytes:
        """Put ``body`` in the place of the data set."""
        return self.head + (zlib.compress(body, wbits=-15) if self.deflated else body)


@cache
def bases() -> list[Base]:
    """The smaller real files that a strict walk accepts, and all encodings of them."""
    found: list[Base] = []
    for path in real_files():
        if path.stat().st_size < _LARGEST:
            found += _bases_of(path)
    return found


def _bases_of(path: Path) -> Iterator[Base]:
    try:
        with Part10File.open(str(path)) as file:
            source, start, end = file.body()
            yield _base(
                path.name,
                path.read_bytes()[: file.data_set_offset],
                source.read(start, end - start),
                file.transfer_syntax,
            )
            bodies = [b"".join(recoded(file.walk(), encoding)) for encoding in (IMPLICIT, EXPLICIT)]
            bodies.append(encode(read(file.walk()), EXPLICIT_BIG))
            for syntax, body in zip(SYNTAXES, (*bodies, bodies[1]), strict=False):
                yield _base(f"{path.name} in {syntax}", part10(syntax=syntax), body, syntax)
    except (InputError, ValueError):  # encapsulated, or of no whole numbers
        return


def _base(name: str, head: bytes, body: bytes, syntax: str) -> Base:
    encoding = encoding_of(syntax)
    elements = Coder(encoding).walk(body)
    return Base(name, head, body, encoding, is_deflated(syntax), elements)


class Mutant(NamedTuple):
    """A file that was harmed; ``name`` says which and how, ``seed`` makes it again."""

    seed: int
    name: str
    data: bytes


def mutants(count: int = MUTATIONS, first: int = 0) -> Iterator[Mutant]:
    """Yield as many files, the same every time, beginning with the seed ``first``."""
    return map(mutant, range(first, first + count))


def mutant(seed: int) -> Mutant:
    """Return the file that ``seed`` makes."""
    chance = random.Random(seed)
    base = chance.choice(bases())
    ways = chance.sample(list(WAYS), chance.choice((1, 1, 1, 2, 3)))
    body = bytearray(base.body)
    for way in ways:
        WAYS[way](chance, base, body)
    data = bytearray(base.file(bytes(body)))
    if chance.random() < (0.5 if base.deflated else 0.1):
        ways.append("file")
        _file(chance, base, data)
    return Mutant(seed, f"seed {seed}: {', '.join(ways)} of {base.name}", bytes(data))


@contextmanager
def little_memory(room: int = 512 * 1024 * 1024) -> Iterator[None]:
    """Give this process ``room`` for that many bytes beyond what it has: a mutant has 5,000, as a rule."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


# ---------------------------------------------------------------- ways to do harm


def _place(chance: random.Random, body: bytearray) -> int:
    """Anywhere, the beginning more often."""
    reach = chance.choice((64, 512, len(body)))
    return chance.randrange(max(1, min(reach, len(body))))


def _element(chance: random.Random, base: Base, body: bytearray) -> tuple[int, int]:
    """Where the header and the value of an element are, unless something in front of it has moved."""
    headers = [
        each for each in chance.choices(base.elements or [(0, "", 0, 8, 0, 0)], k=4) if each[3] <= len(body)
    ]
    _, _, at, value, *_ = headers[0] if headers else (0, "", 0, min(8, len(body)), 0, 0)
    return at, value


def _overwrite(body: bytearray, at: int, new: bytes) -> None:
    body[at : at + len(new)] = new[: max(0, len(body) - at)]


def _bits(chance: random.Random, _: Base, body: bytearray) -> None:
    for _time in range(chance.choice((1, 1, 2, 8, 64))):
        if body:
            body[_place(chance, body)] ^= 1 << chance.randrange(8)


def _length(chance: random.Random, base: Base, body: bytearray) -> None:
    at, value = _element(chance, base, body)
    left = len(body) - value
    length = chance.choice((*_LENGTHS, left, left + 1, max(left - 1, 0), left // 2, chance.randrange(64)))
    if value - at >= 8:
        short = base.encoding.explicit and value - at == 8 and chance.random() < 0.7
        code, most = ("H", 0xFFFF) if short else ("L", 0xFFFFFFFF)
        new = pack(base.encoding.order + code, length & most)
        _overwrite(body, value - len(new), new)


def _vr(chance: random.Random, base: Base, body: bytearray) -> None:
    at, _ = _element(chance, base, body)
    _overwrite(body, at + 4, chance.choice((*_VRS, *_NO_VRS, chance.randbytes(2))))


def _tag(chance: random.Random, base: Base, body: bytearray) -> None:
    at, _ = _element(chance, base, body)
    if len(body) >= at + 4:
        tag = chance.choice((*_TAGS, chance.getrandbits(32)))
        pack_into(f"{base.encoding.order}HH", body, at, tag >> 16, tag & 0xFFFF)


def _swap(chance: random.Random, base: Base, body: bytearray) -> None:
    first, second = sorted(_element(chance, base, body)[0] for _ in range(2))
    size = chance.choice((4, 8, 20, max(1, second - first)))
    one, two = body[first : first + size], body[second : second + size]
    body[second : second + size] = one
    body[first : first + size] = two


def _cut(chance: random.Random, base: Base, body: bytearray) -> None:
    at, value = _element(chance, base, body)
    del body[chance.choice((at, value, at + chance.randrange(13), _place(chance, body))) :]


def _insert(chance: random.Random, base: Base, body: bytearray) -> None:
    at = chance.choice((_element(chance, base, body)[0], _place(chance, body)))
    body[at:at] = chance.choice((chance.randbytes(chance.randrange(1, 40)), bytes(chance.randrange(1, 40))))


def _remove(chance: random.Random, base: Base, body: bytearray) -> None:
    at = chance.choice((_element(chance, base, body)[0], _place(chance, body)))
    del body[at : at + chance.choice((1, 2, 4, 8, 40))]


def _delimiters(chance: random.Random, base: Base, body: bytearray) -> None:
    coder = Coder(base.encoding)
    kinds = [
        coder.header(tag, "", length)
        for tag in (0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD)
        for length in (0, 0, 4, 0xFFFFFFFF)
    ]
    at = chance.choice(_element(chance, base, body))
    body[at:at] = b"".join(chance.choices(kinds, k=chance.choice((1, 1, 2, 3, 50))))


def _again(chance: random.Random, base: Base, body: bytearray) -> None:
    """An element, or all from it on, a second time."""
    first, second = _element(chance, base, body)[0], _element(chance, base, body)[0]
    piece = body[first : first + chance.choice((8, 40, len(body)))]
    body[second:second] = piece * chance.choice((1, 1, 3))


def _deep(chance: random.Random, base: Base, body: bytearray) -> None:
    """Sequences within sequences, closed or not."""
    outer, levels = Coder(base.encoding), chance.choice((1, 5, 99, 100, 101, 300))
    tag, vr = chance.choice((0x00081140, 0x00091001, 0x0040A730)), chance.choice(("SQ", "UN"))
    inner = IVL if vr == "UN" else outer  # PS3.5 6.2.2
    item, end = inner.header(0xFFFEE000, "", 0xFFFFFFFF), inner.header(0xFFFEE00D, "", 0)
    opened = (
        outer.header(tag, vr, 0xFFFFFFFF) + item + (inner.header(tag, vr, 0xFFFFFFFF) + item) * (levels - 1)
    )
    closed = end + inner.header(0xFFFEE0DD, "", 0)
    at = _element(chance, base, body)[0]
    body[at:at] = opened + closed * chance.choice((0, levels, levels - 1, levels + 1))


def _charset(chance: random.Random, base: Base, body: bytearray) -> None:
    at = _element(chance, base, body)[0]
    value = chance.choice((*_CHARSETS, chance.randbytes(6)))
    body[at:at] = Coder(base.encoding).element(0x00080005, "CS", value + b" " * (len(value) & 1))


WAYS: dict[str, Callable[[random.Random, Base, bytearray], None]] = {
    "bits": _bits,
    "length": _length,
    "VR": _vr,
    "tag": _tag,
    "swap": _swap,
    "cut": _cut,
    "insert": _insert,
    "remove": _remove,
    "delimiters": _delimiters,
    "again": _again,
    "deep": _deep,
    "charset": _charset,
}


def _file(chance: random.Random, base: Base, data: bytearray) -> None:
    """Harm to what is outside of the data set: meta, the syntax named there, a deflated stream."""
    way = chance.randrange(5)
    if way == 0:
        del data[chance.randrange(len(data) + 1) :]
    elif way == 1:
        data[: len(base.head)] = part10(syntax=chance.choice(SYNTAXES))
    elif way == 2:
        at = chance.randrange(len(base.head) - 40 if len(base.head) > 200 else 132, len(data) + 1)
        data[at:at] = chance.randbytes(chance.randrange(1, 9))
    else:
        for _ in range(chance.choice((1, 3, 30))):
            data[chance.randrange(min(128, len(data) - 1), len(data))] ^= 1 << chance.randrange(8)
