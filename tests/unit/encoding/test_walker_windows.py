"""A walk reads one window of bytes after the other: where one ends must not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding import window as module
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.encoding.walker import Walker
from dcmtools.errors import InputError, MalformedError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import CODERS, EVL, Coder
from tests.support.samples import real_files
from tests.unit.encoding.test_walker_faults import FAULTS

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.encoding.element import Element

SIZES = (13, 14, 29, 100)


def shrink(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(module, "_FIRST_WINDOW", size)
    monkeypatch.setattr(module, "_WINDOW", size)
    monkeypatch.setattr(module, "_BEHIND_VALUE", size)


def walk(path: Path) -> tuple[list[Element], list[bytes], str]:
    """Every element, every value of moderate length, and how it ended."""
    elements: list[Element] = []
    values = []
    try:
        with Part10File.open(str(path)) as file:
            walker = file.walk()
            while window := walker.read():
                elements += window
                values += [
                    walker.value(offset, min(length, 500))
                    for _, _, _, offset, length, _ in window
                    if length != UNDEFINED
                ]
    except InputError as error:
        return elements, values, str(error)
    return elements, values, ""


@pytest.fixture(scope="module")
def whole() -> dict[Path, tuple[list[Element], list[bytes], str]]:
    return {path: walk(path) for path in real_files()}


@pytest.mark.parametrize("size", SIZES)
def test_windows_of_any_size_show_the_same_elements_and_values(
    size: int, whole: dict[Path, tuple[list[Element], list[bytes], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, size)
    for path, expected in whole.items():
        elements, values, error = walk(path)
        assert error == expected[2], path
        # Before a fault, how many of the elements were handed out depends on the windows.
        assert elements[: len(expected[0])] == expected[0], path
        assert values[: len(expected[1])] == expected[1], path
        assert error or len(elements) == len(expected[0]), path


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("data", "message"), FAULTS.values(), ids=FAULTS)
def test_windows_of_any_size_show_the_same_fault(
    size: int, data: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, size)
    with pytest.raises(MalformedError) as caught:
        EVL.walk(data)
    assert str(caught.value) == message


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
def test_a_header_may_stand_on_any_border(coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch, 64)
    for padding in range(0, 80, 2):
        data = coder.element(0x00080070, "LO", b"x" * padding)
        start = len(data)
        data += coder.element(0x7FE00010, "OW", b"ab") + coder.sequence(0x7FE11010, vr="UN")
        assert coder.walk(data)[1][2] == start
        assert len(coder.walk(data)) == 3


class Counting:
    """A source that notes what is read of it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.reads: list[int] = []

    def read(self, offset: int, length: int) -> bytes:
        self.reads.append(length)
        return self.data[offset : offset + length]


def test_no_window_is_larger_than_256_kib_and_values_are_not_read() -> None:
    """Of a data set, whatever its size, one window is in memory."""
    source = Counting(EVL.element(0x7FE00010, "OW", bytes(5_000_000)) + EVL.element(0xFFFCFFFC, "OB", b"ab"))
    walker = Walker(source, 0, source.size, EVL.encoding)
    assert len(list(walker)) == 2
    assert max(source.reads) <= 256 * 1024
    assert sum(source.reads) <= 32 * 1024


def test_what_a_source_raises_comes_through() -> None:
    class Shrunk(Counting):
        def read(self, offset: int, length: int) -> bytes:
            raise InputError(f"the file ended at offset {offset + length}")

    with pytest.raises(InputError, match="ended at offset 12"):
        list(Walker(Shrunk(bytes(12)), 0, 12, EVL.encoding))


def test_no_value_is_made_of_bytes_that_there_are_not() -> None:
    data = EVL.element(0x00080060, "CS", b"CT")
    walker = Walker(MemorySource(data), 0, len(data), EXPLICIT)
    assert walker.read()
    assert walker.value(8, 2) == b"CT"
    with pytest.raises(InputError):
        walker.value(8, 3)


def test_little_is_read_between_long_values() -> None:
    fragment, count = 300_000, 50
    content = b"".join(EVL.item(bytes(fragment)) for _ in range(count))
    data = EVL.header(0x7FE00010, "OB", UNDEFINED) + content + EVL.element(0xFFFEE0DD, "")
    source = Counting(data)
    assert len(list(Walker(source, 0, len(data), EXPLICIT))) == count + 2
    assert sum(source.reads) <= 16 * 1024 + count * 4 * 1024
