"""How far samples are apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from dcmtools.codecs.decoding import Decoded
from dcmtools.comparison import measuring
from dcmtools.comparison.measuring import Measure, measured
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.codecs.frames import PixelData
    from dcmtools.codecs.streams import Samples


class Stub:
    """Frames that are decoded already, where ``decode`` is ``taken``."""

    class Pixels:
        bits_stored = 8

    pixels = Pixels

    def __init__(self, *frames: Samples, photometric: str = "MONOCHROME2") -> None:
        self.frames = frames
        self.photometric = photometric


def taken(data: Stub, index: int) -> Decoded:
    if not data.frames[index].size:
        raise InputError("frame of nothing")
    return Decoded(data.frames[index], data.photometric)


def apart(one: Stub, other: Stub, monkeypatch: pytest.MonkeyPatch) -> Measure:
    monkeypatch.setattr("dcmtools.codecs.decoding.decode", taken)
    return measured(cast("PixelData", one), cast("PixelData", other), range(len(one.frames)))


U8 = np.uint8


def test_the_frame_that_is_worst_has_the_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = np.zeros((4, 4), U8)
    little, much = zeros.copy(), zeros.copy()
    little[0, 0], much[0, :2] = 1, 10
    found = apart(Stub(zeros, zeros, zeros), Stub(little, much, zeros), monkeypatch)
    assert (found.frames, found.samples, found.max_error) == (2, 3, 10.0)
    assert found.psnr == pytest.approx(10 * math.log10(255**2 / (200 / 16)))


def test_more_samples_than_are_measured_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "_AT_ONCE", 3)
    a = np.arange(16, dtype=U8).reshape(4, 4)
    b = a.copy()
    b[0, 0], b[3, 3] = 2, 10
    found = apart(Stub(a), Stub(b), monkeypatch)
    assert (found.samples, found.max_error) == (2, 5.0)
    assert found.psnr == pytest.approx(10 * math.log10(255**2 / ((4 + 25) / 16)))


@pytest.mark.parametrize(
    ("a", "b", "error"),
    [
        (np.array([[0]], U8), np.array([[255]], U8), 255.0),
        (np.array([[-5]], "i2"), np.array([[65531]], "u2"), 65536.0),  # the same bits, another number
        (np.array([[2**62]], "i8"), np.array([[2**62 + 1]], "i8"), 1.0),  # which no float tells apart
        (np.array([[math.inf]], "f4"), np.array([[1]], "f4"), math.inf),
        (np.array([[math.nan]], "f4"), np.array([[1]], "f4"), math.inf),
        (np.array([[math.inf]], "f4"), np.array([[-math.inf]], "f4"), math.inf),
    ],
)
def test_numbers_that_differ(a: Samples, b: Samples, error: float, monkeypatch: pytest.MonkeyPatch) -> None:
    for one, other in ((a, b), (b, a)):
        found = apart(Stub(one), Stub(other), monkeypatch)
        assert (found.samples, found.max_error) == (1, error)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 0.5])
def test_what_is_the_same_number_does_not_differ(number: float, monkeypatch: pytest.MonkeyPatch) -> None:
    a = np.array([[number, 1.0]], "f8")
    assert apart(Stub(a), Stub(a.copy()), monkeypatch) == Measure()


def test_the_peak_of_floats_is_their_range(monkeypatch: pytest.MonkeyPatch) -> None:
    a = np.array([[0.0, 10.0, math.inf, 5.0]], "f4")
    b = a.copy()
    b[0, 3] = 6.0
    found = apart(Stub(a), Stub(b), monkeypatch)
    assert found.psnr == pytest.approx(20 * math.log10(10) - 10 * math.log10(1 / 4))


def test_what_keeps_samples_from_being_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = np.zeros((2, 2), U8), np.zeros((2, 3), U8)
    assert apart(Stub(a), Stub(b), monkeypatch).mismatch == "2 x 2 samples a frame, and 2 x 3"
    found = apart(Stub(a), Stub(a, photometric="MONOCHROME1"), monkeypatch)
    assert found.mismatch == "samples in MONOCHROME2, and in MONOCHROME1"
    assert apart(Stub(a), Stub(np.zeros((0, 0))), monkeypatch).failure == "frame of nothing"
