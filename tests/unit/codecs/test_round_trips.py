"""Every codec, depth, sign and colour: what is encoded is decoded to the same samples, or refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from imagecodecs import jpegls_decode

from dcmtools.codecs.decoding import decoded
from dcmtools.codecs.encoding import encode
from dcmtools.codecs.photometric import converted, target
from dcmtools.codecs.registry import CODECS, Codec, codec_named
from dcmtools.codecs.settings import Settings
from dcmtools.errors import InputError
from tests.support.pictures import Samples, described, picture

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels

WRITTEN = [codec for codec in CODECS if codec.encapsulated and codec.bits]
LOSSLESS = [codec for codec in WRITTEN if codec.lossless]
LOSSY = [codec for codec in WRITTEN if not codec.lossless]


class Case(NamedTuple):
    """A kind of image."""

    bits: int
    signed: bool = False
    allocated: int = 0
    samples: int = 1
    photometric: str = ""

    def pixels(self, rows: int = 33, columns: int = 47) -> Pixels:
        return described(
            rows,
            columns,
            self.bits,
            signed=self.signed,
            allocated=self.allocated,
            samples=self.samples,
            photometric=self.photometric,
        )


GREY = [
    *(Case(bits, signed) for bits in (2, 6, 8, 9, 10, 12, 13, 15, 16) for signed in (False, True)),
    *(Case(bits, signed, 16) for bits in (1, 8) for signed in (False, True)),
    *(Case(bits, signed, 32) for bits in (12, 20, 24, 25, 32) for signed in (False, True)),
    *(Case(bits, photometric="PALETTE COLOR") for bits in (8, 16)),
    Case(12, photometric="MONOCHROME1"),
]
COLOUR = [
    Case(bits, samples=3, photometric=photometric)
    for bits in (8, 10, 12, 16)
    for photometric in ("RGB", "YBR_FULL")
]
SIZES = [(1, 1), (1, 2), (2, 1), (3, 5), (7, 64), (65, 31), (130, 257)]


def name(value: object) -> str:
    if isinstance(value, Codec):
        return value.name
    if isinstance(value, Case):
        sign = "s" if value.signed else "u"
        return f"{sign}{value.bits}of{value.allocated or '-'}{value.photometric.replace(' ', '')}"
    return str(value)


def round_trip(codec: Codec, pixels: Pixels, samples: Samples, settings: Settings | None = None) -> Samples:
    """Decode what is encoded, as a file would have it."""
    goal = target(codec, pixels, pixels.photometric)
    before = converted(samples, pixels.photometric, goal.samples)
    codestream = encode(before, goal.samples, codec, settings or Settings())
    after = decoded(codestream, codec, goal.pixels)
    assert not after.cleared
    assert after.samples.flags.c_contiguous
    assert after.samples.dtype == before.dtype
    if not codec.lossless and pixels.samples == 3 and codec.module != "jpeg_ls":
        assert after.photometric == ("YBR_FULL" if goal.pixels.photometric == "YBR_FULL" else "RGB")
        return converted(after.samples, after.photometric, pixels)
    assert after.photometric == pixels.photometric
    return after.samples


def refused(codec: Codec, case: Case) -> bool:
    """Whether the codec cannot hold it, as the tables of PS3.5 8.2 and its library have it."""
    return (
        case.bits > codec.bits
        or (case.signed and not codec.signed)
        or case.samples not in codec.samples
        or (case.photometric == "PALETTE COLOR" and (codec.module == "jpeg_xl" or not codec.lossless))
        or (case.photometric == "YBR_FULL" and codec.name == "jpeg-xl-lossless")
    )


@pytest.mark.parametrize("case", GREY + COLOUR, ids=name)
@pytest.mark.parametrize("codec", LOSSLESS, ids=name)
def test_lossless_is_bit_exact(codec: Codec, case: Case) -> None:
    pixels = case.pixels()
    if refused(codec, case):
        with pytest.raises(InputError, match=codec.name):
            target(codec, pixels, pixels.photometric)
        return
    samples = picture(pixels)
    assert np.array_equal(round_trip(codec, pixels, samples), samples)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("case", [Case(8), Case(12, signed=True), Case(8, samples=3)], ids=name)
@pytest.mark.parametrize("codec", LOSSLESS, ids=name)
def test_every_size_is_bit_exact(codec: Codec, case: Case, size: tuple[int, int]) -> None:
    pixels = case.pixels(*size)
    samples = picture(pixels)
    assert np.array_equal(round_trip(codec, pixels, samples), samples)


@pytest.mark.parametrize("value", ["least", "greatest", "noise"])
@pytest.mark.parametrize("case", [Case(8), Case(16), Case(16, signed=True), Case(8, samples=3)], ids=name)
@pytest.mark.parametrize("codec", LOSSLESS, ids=name)
def test_extremes_are_bit_exact(codec: Codec, case: Case, value: str) -> None:
    pixels = case.pixels(120, 160)  # where noise outgrows what headers leave
    samples = picture(pixels)
    bounds = np.iinfo(samples.dtype)
    if value == "noise":
        chance = np.random.default_rng(3)
        samples[...] = chance.integers(bounds.min, bounds.max, samples.shape, samples.dtype, endpoint=True)
    else:
        samples[...] = bounds.min if value == "least" else bounds.max
    assert np.array_equal(round_trip(codec, pixels, samples), samples)


@pytest.mark.parametrize("case", GREY + COLOUR, ids=name)
@pytest.mark.parametrize("codec", LOSSY, ids=name)
def test_lossy_is_close(codec: Codec, case: Case) -> None:
    pixels = case.pixels(64, 96)
    if refused(codec, case):
        with pytest.raises(InputError, match=codec.name):
            target(codec, pixels, pixels.photometric)
        return
    samples = picture(pixels)
    if case.photometric == "YBR_FULL":  # of colours that RGB has
        samples = converted(samples, "RGB", pixels)
    if case.signed and codec.module == "jpeg_ls" and samples.itemsize * 8 == case.bits:
        samples //= 2  # away from where signs could change
    after = round_trip(codec, pixels, samples)
    error = np.abs(after.astype("i8") - samples.astype("i8"))
    top = 1 << case.bits
    if codec.module == "jpeg_ls":
        assert error.max() <= Settings().near
    elif case.bits > 1:
        assert error.mean() <= max(0.75, top / 100), error.mean()
        assert np.percentile(error, 95) <= max(2, top / 20)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("case", [Case(8), Case(8, samples=3)], ids=name)
@pytest.mark.parametrize("codec", LOSSY, ids=name)
def test_every_size_goes_lossy(codec: Codec, case: Case, size: tuple[int, int]) -> None:
    pixels = case.pixels(*size)
    if not refused(codec, case):
        assert round_trip(codec, pixels, picture(pixels)).shape[:2] == size


@pytest.mark.parametrize("near", [1, 2, 7])
def test_near_bounds_the_error(near: int) -> None:
    pixels = described(bits=12, signed=True)
    samples = picture(pixels).clip(near - 2048, 2047 - near)
    after = round_trip(codec_named("jpeg-ls-near"), pixels, samples, Settings(near=near))
    assert 0 < np.abs(after.astype("i8") - samples).max() <= near


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [6, 12, 16])
def test_near_lossless_stays_within_what_bits_stored_can_hold(bits: int, *, signed: bool) -> None:
    pixels = described(40, 40, bits, signed=signed)
    least = -(1 << bits - 1) if signed else 0
    most = least + (1 << bits) - 1
    random = np.random.default_rng(5)
    kind = picture(pixels).dtype
    samples = random.choice([least, least + 1, least + 2, most - 1, most], (40, 40)).astype(kind)
    codestream = encode(samples, pixels, codec_named("jpeg-ls-near"), Settings(near=2))
    as_readers_see = jpegls_decode(codestream).view(kind).astype("i8")  # that know of Bits Allocated only
    assert as_readers_see.min() >= least
    assert as_readers_see.max() <= most
    assert np.abs(as_readers_see - samples).max() <= 2


@pytest.mark.parametrize("codec", [each for each in LOSSY if each.module != "jpeg_ls"], ids=name)
def test_quality_costs_bytes(codec: Codec) -> None:
    pixels = described(200, 300, 8)
    samples = picture(pixels)
    sizes = [len(encode(samples, pixels, codec, Settings(quality=quality))) for quality in (30, 60, 90)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(("quality", "most"), [(90, 16), (100, 4)])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("name", ["jpeg-2000", "htj2k", "jpeg-xl"])
def test_quality_is_of_the_samples_that_are_there(name: str, signed: bool, quality: int, most: int) -> None:
    """Those of CT are 12 bits of the 16 that are stored, as a rule."""
    if signed and name == "jpeg-xl":
        return
    pixels = described(128, 128, 16, signed=signed)
    samples = picture(described(128, 128, 11)).astype("i2" if signed else "u2") - signed * 1000
    codestream = encode(samples, pixels, codec_named(name), Settings(quality=quality))
    error = decoded(codestream, codec_named(name), pixels).samples.astype("i8") - samples
    assert 0 < np.abs(error).max() <= most


def test_quality_is_the_same_in_jpeg_2000_and_htj2k() -> None:
    pixels = described(256, 256, 12)
    samples = picture(pixels)
    for quality in (50, 70, 90, 100):
        errors = []
        for codec in map(codec_named, ("jpeg-2000", "htj2k")):
            codestream = encode(samples, pixels, codec, Settings(quality=quality))
            errors.append(np.std(decoded(codestream, codec, pixels).samples.astype("i8") - samples))
        assert 0.5 < errors[0] / errors[1] < 2


def test_samples_that_are_all_alike_go_lossy() -> None:
    pixels = described(40, 40, 16)
    samples = np.full((40, 40), 1234, "u2")
    for codec in LOSSY:
        if codec.bits == 16:
            codestream = encode(samples, pixels, codec, Settings())
            assert np.abs(decoded(codestream, codec, pixels).samples.astype("i8") - samples).max() <= 2


@pytest.mark.parametrize("case", [Case(8), Case(12, allocated=16), Case(8, samples=3)], ids=name)
@pytest.mark.parametrize("codec", [each for each in LOSSY if each.module != "jpeg_ls"], ids=name)
def test_a_ratio_is_reached_and_not_by_far(codec: Codec, case: Case) -> None:
    if refused(codec, case):
        return
    pixels = case.pixels(256, 256)
    goal = target(codec, pixels, pixels.photometric).samples
    samples = picture(pixels).astype(f"u{goal.bits_allocated // 8}")
    size = len(encode(samples, goal, codec, Settings(ratio=10)))
    assert 9.7 <= samples.nbytes / size <= (11 if codec.name == "jpeg-2000" else 20)


@pytest.mark.parametrize("codec", [each for each in CODECS if each not in WRITTEN], ids=name)
def test_what_is_not_written_is_refused(codec: Codec) -> None:
    pixels = described()
    with pytest.raises(InputError, match=codec.name):
        encode(picture(pixels), pixels, codec, Settings())


@pytest.mark.parametrize("codec", WRITTEN, ids=name)
def test_single_bits_are_refused(codec: Codec) -> None:
    pixels = described(bits=1, allocated=1)
    with pytest.raises(InputError, match="single bits"):
        encode(picture(pixels), pixels, codec, Settings())


def test_samples_below_a_higher_high_bit() -> None:
    """Where the codestream has whole words they are moved, where it has the samples they are not."""
    pixels = described(bits=12, allocated=16, high=15)
    samples = picture(described(bits=12))
    words = encode(samples << 4, described(bits=16), codec_named("rle"), Settings())
    assert np.array_equal(decoded(words, codec_named("rle"), pixels).samples, samples)
    as_they_are = encode(samples, described(bits=12), codec_named("jpeg-lossless"), Settings())
    assert np.array_equal(decoded(as_they_are, codec_named("jpeg-lossless"), pixels).samples, samples)


@pytest.mark.parametrize("name", ["jpeg-lossless", "jpeg-2000-lossless"])
def test_signs_are_where_the_codestream_ends(name: str) -> None:
    """Signed samples of 12 bits that somebody encoded unsigned, in a file that stores 16."""
    samples = picture(described(bits=12, signed=True))
    codestream = encode(samples.view("u2") & 0xFFF, described(bits=12), codec_named(name), Settings())
    for pixels in (described(bits=16, signed=True), described(bits=12, signed=True)):
        assert np.array_equal(decoded(codestream, codec_named(name), pixels).samples, samples)


def test_segments_of_rle_begin_at_even_offsets() -> None:
    pixels = described(3, 4, 16, samples=3)
    for seed in range(5):
        codestream = encode(picture(pixels, seed), pixels, codec_named("rle"), Settings())
        count, *begins = np.frombuffer(codestream, "<u4", 16)
        assert count == 6
        assert not any(begin % 2 for begin in begins)
        assert len(codestream) % 2 == 0
