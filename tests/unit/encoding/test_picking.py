"""A glance at the head of a file tells what a walk tells, or nothing."""

from __future__ import annotations

import random
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.charset import DEFAULT
from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.picking import pick
from dcmtools.encoding.syntax import EXPLICIT, IMPLICIT, encoding_of, is_deflated
from dcmtools.encoding.tagpath import parse
from dcmtools.encoding.tags import PIXEL_DATA
from dcmtools.encoding.walker import Walker
from dcmtools.errors import InputError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource
from dcmtools.inspection.bare import values
from tests.support import samples
from tests.support.encoded import Coder

if TYPE_CHECKING:
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.tagpath import TagPath

TAGS = frozenset((0x00080005, 0x00080016, 0x00080018, 0x00080060, 0x00100010, 0x00100020, 0x0020000D))
STOP = 0x0020000E
MUTATIONS = 40


def walked(head: bytes, start: int, syntax: str) -> list[Element] | None:
    """What a strict walk finds; None where it fails."""
    walker = Walker(MemorySource(head), start, len(head), encoding_of(syntax), stop=STOP)
    try:
        return [element for element in walker if element[0] in TAGS and element[5] == 0]
    except InputError:
        return None


def test_of_real_files_and_of_damaged_ones() -> None:
    told = 0
    chance = random.Random(7)
    for path in samples.real_files():
        try:
            with Part10File.open(str(path)) as file:
                start, syntax = file.data_set_offset, file.transfer_syntax
        except InputError:
            continue
        if is_deflated(syntax):
            continue
        whole = path.read_bytes()
        for number in range(MUTATIONS):
            head = bytearray(whole[: 16 * 1024])
            if number:
                head[chance.randrange(start, min(len(head), start + 1500))] = chance.randrange(256)
            expected = walked(bytes(head), start, syntax)
            found = pick(bytes(head), start, encoding_of(syntax), TAGS, stop=STOP)
            if found is not None:
                assert found[0] == expected, (path, number)
                told += 1
    assert told > 20 * len(samples.real_files())


@pytest.mark.parametrize("coder", [Coder(EXPLICIT), Coder(IMPLICIT)], ids=["explicit", "implicit"])
@pytest.mark.parametrize(
    ("tag", "vr", "value", "length"),
    [
        (0x00081140, "SQ", b"", 0xFFFFFFFF),
        (0x00100010, "PN", b"Doe^Jane", 400),
        (0x0008FFFF, "CS", b"", None),  # no walk has met it yet
    ],
    ids=["sequence without a length", "overrun", "unknown header"],
)
def test_what_only_a_walk_can_tell(coder: Coder, tag: int, vr: str, value: bytes, length: int | None) -> None:
    first = coder.element(0x00080060, "CS", b"CT")
    last = coder.element(0x7FE00010, "OW", b"\0" * 32)
    whole = first + coder.element(0x00080070, "LO", b"ACME") + last
    list(Walker(MemorySource(whole), 0, len(whole), coder.encoding))
    known = pick(whole, 0, coder.encoding, {0x00080060}, stop=PIXEL_DATA)
    assert known == ([(0x00080060, "CS", 0, 8, 2, 0)], len(whole) - len(last))
    data = first + coder.element(tag, vr, value, length=length) + last
    assert pick(data, 0, coder.encoding, {0x00080060}, stop=PIXEL_DATA) is None


def test_a_head_that_ends_early_tells_nothing() -> None:
    whole = samples.mr().read_bytes()
    with Part10File.open(str(samples.mr())) as file:
        list(file.walk())
        start = file.data_set_offset
    found = pick(whole, start, EXPLICIT, TAGS, stop=STOP)
    assert found
    end = found[1]
    assert all(pick(whole[:size], start, EXPLICIT, TAGS, stop=STOP) is None for size in range(start, end, 7))


@pytest.mark.parametrize("vr", ["SQ", "UN"])
def test_only_a_walk_tells_what_is_wrong_within_a_sequence(vr: str) -> None:
    coder = Coder(EXPLICIT)
    broken = coder.element(0x00081140, vr, coder.header(0xFFFEE000, "", 500))
    after = coder.element(0x00100020, "LO", b"42") + coder.element(0x00200013, "IS", b"123456")
    empty = coder.element(0x00081140, vr)
    coder.walk(empty + after)  # so that their headers are known
    assert pick(empty + after, 0, EXPLICIT, {0x00100020}, stop=0x00100021)
    assert pick(broken + after, 0, EXPLICIT, {0x00100020}, stop=0x00100021) is None


def test_values_at_a_glance_are_those_of_a_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(11)
    wanted = (parse("PatientID"), parse("SmallestImagePixelValue"))
    for data in [path.read_bytes() for path in samples.real_files() if path.stat().st_size < 100_000]:
        for _ in range(MUTATIONS // 4):
            head = bytearray(data)
            for _ in range(chance.randrange(4)):
                head[chance.randrange(132, min(len(head), 1500))] = chance.choice((0, 1, 8, 254, 255))
            glanced = _values(bytes(head), wanted)
            with monkeypatch.context() as patch:
                patch.setattr(LenientFile, "pick", lambda *_: None)
                assert _values(bytes(head), wanted) == glanced


def _values(data: bytes, wanted: tuple[TagPath, ...]) -> object:
    with TemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            with LenientFile(FileSource.duplicate(file.fileno())) as opened:
                opened.notices = False
                result = values("a", opened, wanted, DEFAULT)
        except InputError as error:
            return error.message
    return result.text, result.outcome, str(result.error), result.record["values"]
