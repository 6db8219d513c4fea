"""Frames in any number: time in proportion, memory that does not grow with the pixels."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import pytest

from dcmtools.codecs.frames import pixel_data
from dcmtools.conversion.frame_pixels import cut_out
from dcmtools.conversion.frames import Frames
from dcmtools.conversion.layout import Layout
from dcmtools.encoding.walker import Walker
from dcmtools.encoding.writing import element
from dcmtools.errors import Unsuitable
from dcmtools.files.part10 import Part10File
from tests.support.enhanced import image, write
from tests.support.memory import peak_memory
from tests.support.samples import ct

if TYPE_CHECKING:
    from pathlib import Path

_ALL = """
import os, sys
from dcmtools.codecs.frames import pixel_data
from dcmtools.conversion.frame_pixels import cut_out
from dcmtools.conversion.frames import Frames
from dcmtools.conversion.layout import Layout
from dcmtools.encoding.walker import Walker
from dcmtools.encoding.writing import element
from dcmtools.files.part10 import Part10File
out = os.open(os.devnull, os.O_WRONLY)
with Part10File.open(sys.argv[1]) as file:
    frames = Frames(file)
    for index in range(len(frames)):
        frame = frames.frame(index)
        frame.whole.write(out, frame.before)
"""


def test_memory_is_that_of_a_frame(tmp_path: Path) -> None:
    one = peak_memory(_ALL, write(tmp_path / "one.dcm", image("ct", 2)))
    whole = image("ct", 1000)
    whole.Rows, whole.Columns = 128, 128
    whole.PixelData = bytes(1000 * 128 * 128 * 2)
    assert peak_memory(_ALL, write(tmp_path / "many.dcm", whole)) < one + 12


def test_time_is_in_proportion_to_frames(tmp_path: Path) -> None:
    """The hundred frames at the end take as long as those at the beginning."""
    with Part10File.open(str(write(tmp_path / "ct.dcm", image("ct", 1000)))) as file:
        frames = Frames(file)

        def taken(first: int) -> float:
            begun = perf_counter()
            for index in range(first, first + 100):
                frames.frame(index)
            return perf_counter() - begun

        assert min(taken(900) for _ in range(3)) < 5 * min(taken(0) for _ in range(3))


def test_a_frame_can_be_walked_like_a_file(tmp_path: Path) -> None:
    with Part10File.open(str(write(tmp_path / "ct.dcm", image("ct")))) as file:
        frame = Frames(file).frame(2)
        tags = [tag for tag, *_, depth in frame.walk() if not depth]
    assert tags == sorted(set(tags))
    assert tags[-1] == 0x7FE00010


def test_a_frame_that_is_alone_is_left_alone() -> None:
    with Part10File.open(str(ct())) as file, pytest.raises(Unsuitable, match="it has one frame"):
        Frames(file)


def test_what_is_new_may_stand_right_before_the_pixels(tmp_path: Path) -> None:
    with Part10File.open(str(write(tmp_path / "us.dcm", image("us")))) as file:
        cut = cut_out(pixel_data(file), 1, file.encoding)
        new = element(0x70010010, "LO", b"X", file.encoding)
        whole = Layout(file).splice({0x70010010: new}, cut)
        tags = [tag for tag, *_ in Walker(whole, 0, whole.size, file.encoding)]
    assert tags[-2:] == [0x70010010, 0x7FE00010]


def test_text_that_is_none_stays_byte_for_byte(tmp_path: Path) -> None:
    whole = image("ct")
    whole.SpecificCharacterSet = "ISO_IR 192"
    path = write(tmp_path / "ct.dcm", whole)
    path.write_bytes(path.read_bytes().replace("für".encode(), b"f\xfc r"))
    with Part10File.open(str(path)) as file:
        frame = Frames(file).frame(0)
        comments = [each for each in frame.walk() if each[0] == 0x00204000]
        ((_, _, _, offset, length, _),) = comments
        assert frame.whole.read(offset, length).startswith(b"Bild 1 f\xfc r M")
