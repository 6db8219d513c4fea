"""JPEG and PNG as frames, whatever they hold."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dcmtools.conversion.captured import frame_of
from dcmtools.conversion.kinds import found
from dcmtools.encoding.memory import MemorySource
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.conversion.captured import Frame

COLOUR = np.stack([np.arange(64, dtype="u1").reshape(8, 8) * step for step in (1, 2, 3)], -1)


def jpeg(**options: object) -> bytes:
    buffer = BytesIO()
    Image.fromarray(COLOUR).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def png(**options: object) -> bytes:
    buffer = BytesIO()
    Image.fromarray(COLOUR).save(buffer, "PNG", **options)
    return buffer.getvalue()


def frame(data: bytes) -> Frame:
    return frame_of(found(MemorySource(data)))  # type: ignore[arg-type]  # which reads alike


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_lossy_colours_are_ybr_full_422(subsampling: int) -> None:
    made = frame(jpeg(subsampling=subsampling))
    assert (made.photometric, made.lossless) == ("YBR_FULL_422", False)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("turned", [1, 6])
def test_exif_in_either_byte_order(order: str, turned: int) -> None:
    mark = b"II*\0" if order == "<" else b"MM\0*"
    tiff = mark + struct.pack(f"{order}LHHHLHHL", 8, 1, 0x0112, 3, 1, turned, 0, 0)
    exif = b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff
    data = jpeg()
    warnings = frame(data[:2] + exif + data[2:]).warnings
    assert [str(turned) in each for each in warnings] == ([True] if turned > 1 else [])


def test_a_colour_profile_that_goes_is_told_of() -> None:
    assert frame(png()).warnings == ()
    assert "colour profile" in frame(png(icc_profile=b"x" * 200)).warnings[0]


def test_ratios_are_those_of_the_file() -> None:
    data = jpeg(progressive=True)
    made = frame(data)
    assert (made.compressed, made.raw_bytes, len(made.data)) == (len(data), 192, 192)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([jpeg(), jpeg(progressive=True), png(), bytes(imagecodecs.png_encode(COLOUR))]), st.data()
)
def test_harmed_pictures_fail_or_are_frames(data: bytes, draw: st.DataObject) -> None:
    harmed = bytearray(data[: draw.draw(st.integers(12, len(data)))])
    for _ in range(draw.draw(st.integers(0, 4))):
        harmed[draw.draw(st.integers(3, len(harmed) - 1))] = draw.draw(st.integers(0, 255))
    try:
        made = frame(bytes(harmed))
    except InputError:
        return
    assert made.rows
    assert made.columns
    assert made.samples in (1, 3)
