"""Frames compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.comparison.pixels import Apart, compared
from dcmtools.comparison.rules import SAMPLES, PixelRules
from dcmtools.files.part10 import Part10File
from tests.support.encoded import EVL, ITEM, SEQUENCE_END, part10

if TYPE_CHECKING:
    from pathlib import Path

ENCAPSULATED = "1.2.840.10008.1.2.1.98"  # uncompressed
DESCRIBED = b"".join(
    EVL.element(tag, vr, value)
    for tag, vr, value in (
        (0x00280002, "US", b"\1\0"),
        (0x00280004, "CS", b"MONOCHROME2 "),
        (0x00280010, "US", b"\2\0"),
        (0x00280011, "US", b"\2\0"),
        (0x00280100, "US", b"\x08\0"),
        (0x00280101, "US", b"\x08\0"),
        (0x00280102, "US", b"\7\0"),
        (0x00280103, "US", b"\0\0"),
    )
)


def fragments(*frames: bytes) -> bytes:
    items = b"".join(EVL.element(ITEM, "", each) for each in (b"", *frames))
    header = EVL.header(0x7FE00010, "OB", 0xFFFFFFFF)
    return DESCRIBED + header + items + EVL.header(SEQUENCE_END, "", 0)


def apart(folder: Path, a: bytes, b: bytes, rules: PixelRules, syntax: str = ENCAPSULATED) -> Apart | None:
    for name, data in (("a", a), ("b", b)):
        (folder / name).write_bytes(part10(data, syntax))
    with Part10File.open(str(folder / "a")) as one, Part10File.open(str(folder / "b")) as other:
        return compared(one, other, rules)[0]


def test_the_nul_that_makes_a_length_even_is_no_difference(tmp_path: Path) -> None:
    assert apart(tmp_path, fragments(b"abc\0"), fragments(b"abc\0\0"), PixelRules()) is None


@pytest.mark.parametrize("shorter", [b"ab", b""])
def test_samples_that_are_not_there_are_a_difference(tmp_path: Path, shorter: bytes) -> None:
    found = apart(tmp_path, fragments(b"ab\0\0"), fragments(shorter), PixelRules())
    assert found is not None
    assert found.same is False


def test_what_cannot_be_decoded_is_not_told(tmp_path: Path) -> None:
    found = apart(tmp_path, fragments(b"abcd"), fragments(b"ab"), PixelRules(SAMPLES))
    assert found is not None
    assert found.same is None
    assert found.reason.startswith("frame 1: ")


def test_words_and_record() -> None:
    far = Apart(same=False, frames=3, frames_different=1, samples_different=2, max_error=5.0, psnr=40.123)
    assert str(far) == "1 of 3 frames differ, in 2 samples, by 5 at most, PSNR 40.12 dB"
    assert str(far._replace(reason="other bytes behind the last frame")).endswith(
        " dB; other bytes behind the last frame"
    )
    assert far.record()["psnr"] == 40.12
    endless = Apart(same=False, frames=1, samples_different=1, max_error=float("inf"), psnr=float("-inf"))
    assert (endless.record()["max_error"], endless.record()["psnr"]) == (None, None)
    assert str(Apart(same=False, reason="2 frames, and 3")) == "2 frames, and 3"
