"""What a transfer syntax makes of colours and depths, and RGB as YBR_FULL and back."""

from __future__ import annotations

import numpy as np
import pytest

from dcmtools.codecs.photometric import converted, target
from dcmtools.codecs.registry import codec_named
from dcmtools.errors import InputError
from tests.support.pictures import described, picture


@pytest.mark.parametrize(
    ("name", "of_rgb", "of_ybr"),
    [
        ("explicit", "RGB", "YBR_FULL"),
        ("rle", "RGB", "YBR_FULL"),
        ("jpeg", "YBR_FULL_422", "YBR_FULL_422"),
        ("jpeg-lossless", "RGB", "YBR_FULL"),
        ("jpeg-ls", "RGB", "YBR_FULL"),
        ("jpeg-ls-near", "RGB", "YBR_FULL"),
        ("jpeg-2000-lossless", "YBR_RCT", "YBR_FULL"),
        ("jpeg-2000", "YBR_ICT", "YBR_FULL"),
        ("htj2k-lossless-rpcl", "YBR_RCT", "YBR_FULL"),
        ("htj2k", "YBR_ICT", "YBR_FULL"),
        ("jpeg-xl-lossless", "RGB", ""),
        ("jpeg-xl", "XYB", "XYB"),
    ],
)
def test_colours(name: str, of_rgb: str, of_ybr: str) -> None:
    pixels = described(samples=3, planar=1)
    codec = codec_named(name)
    assert target(codec, pixels, "RGB").pixels.photometric == of_rgb
    if of_ybr:
        assert target(codec, pixels, "YBR_FULL").pixels.photometric == of_ybr
    else:
        with pytest.raises(InputError, match="YBR_FULL"):
            target(codec, pixels, "YBR_FULL")
    assert target(codec, pixels, "RGB").pixels.planar == (0 if codec.encapsulated else 1)


@pytest.mark.parametrize(
    ("name", "bits", "allocated", "becomes"),
    [
        ("jpeg", 8, 16, (8, 8, 7)),
        ("jpeg", 6, 8, (8, 8, 7)),
        ("jpeg-extended", 10, 16, (16, 12, 11)),
        ("jpeg-extended", 8, 8, (8, 8, 7)),
        ("jpeg-lossless", 12, 16, (16, 12, 11)),
        ("jpeg-ls", 12, 32, (16, 12, 11)),
        ("rle", 12, 32, (32, 12, 11)),
    ],
)
def test_depths(name: str, bits: int, allocated: int, becomes: tuple[int, int, int]) -> None:
    pixels = described(bits=bits, allocated=allocated, high=allocated - 1)
    found = target(codec_named(name), pixels, "MONOCHROME2").pixels
    assert (found.bits_allocated, found.bits_stored, found.high_bit) == becomes


@pytest.mark.parametrize(
    "name", ["jpeg", "jpeg-ls-near", "jpeg-2000", "htj2k", "jpeg-xl", "jpeg-xl-lossless"]
)
def test_numbers_of_colours_do_not_go_lossy(name: str) -> None:
    with pytest.raises(InputError, match="PALETTE COLOR"):
        target(codec_named(name), described(), "PALETTE COLOR")


@pytest.mark.parametrize(
    ("rgb", "ybr"),
    [
        ((0, 0, 0), (0, 128, 128)),
        ((255, 255, 255), (255, 128, 128)),
        ((255, 0, 0), (76, 85, 255)),
        ((0, 255, 0), (150, 44, 21)),
        ((0, 0, 255), (29, 255, 107)),
    ],
)
def test_known_colours(rgb: tuple[int, ...], ybr: tuple[int, ...]) -> None:
    pixels = described(1, 1, samples=3)
    samples = np.array([[rgb]], "u1")
    found = converted(samples, "RGB", pixels._replace(photometric="YBR_FULL"))
    assert found.tolist() == [[list(ybr)]]
    back = converted(found, "YBR_FULL", pixels)
    assert np.abs(back.astype(int) - samples).max() <= 1


def test_conversions_are_those_of_pydicom() -> None:
    from pydicom.pixels.processing import convert_color_space

    pixels = described(64, 64, samples=3)
    samples = picture(pixels)
    ours = converted(samples, "RGB", pixels._replace(photometric="YBR_FULL"))
    theirs = convert_color_space(samples, "RGB", "YBR_FULL")
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_other_conversions_are_refused() -> None:
    pixels = described(samples=3)
    with pytest.raises(InputError, match="HSV"):
        converted(picture(pixels), "HSV", pixels)
