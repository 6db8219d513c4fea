from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut, convert_color_space
from pydicom.sequence import Sequence

from dcmtools.codecs.registry import codec_named
from dcmtools.editing.transcoding import Asked, transcoded
from dcmtools.encoding.dataset import DataSet, text
from dcmtools.errors import DcmtoolsError, InputError, Unsuitable
from dcmtools.rendering.icons import icon
from tests.support import samples
from tests.support.profiled import drawn, instance, part10, saved

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LOSSLESS = ("rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000-lossless", "htj2k-lossless", "jpeg-xl-lossless",
            "implicit", "explicit-big-endian", "deflated")  # fmt: skip


def pixels_of(item: DataSet) -> NDArray[Any]:
    """The picture of an icon; one in colours as RGB."""
    rows, columns = int(text(item, "Rows")), int(text(item, "Columns"))
    value = item[0x7FE00010][1]
    assert isinstance(value, bytes)
    picture = np.frombuffer(value, "u1", rows * columns).reshape(rows, columns)
    if text(item, "PhotometricInterpretation") == "MONOCHROME2":
        return picture
    tables = [np.frombuffer(item[tag][1], "<u2") for tag in (0x281201, 0x281202, 0x281203)]  # type: ignore[arg-type] # of bytes
    assert [text(item, tag) for tag in (0x281101, 0x281102, 0x281103)] == ["256\\0\\16"] * 3
    colours: NDArray[Any] = np.stack(tables, -1)[picture] // 257
    return colours.astype("u1")


def shrunk(picture: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Means of areas, by repeating every pixel until each area has whole ones."""
    rows, columns = picture.shape[:2]
    tall = picture.astype("f8").repeat(height, 0).reshape(height, rows, *picture.shape[1:]).mean(1)
    means: NDArray[Any] = tall.repeat(width, 1).reshape(height, width, columns, *picture.shape[2:]).mean(2)
    return means


def padded(picture: NDArray[Any], size: int) -> NDArray[Any]:
    """In the middle of black."""
    whole = np.zeros((size, size, *picture.shape[2:]))
    top, left = (size - picture.shape[0]) // 2, (size - picture.shape[1]) // 2
    whole[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return whole


def made_icon(made: Dataset, folder: Path, size: int = 64) -> NDArray[Any]:
    return pixels_of(icon(part10(saved(made, folder / "one")), size))


def seen(made: Dataset) -> NDArray[Any]:
    """What pydicom makes of the pixels, from 0 to 1."""
    values = apply_voi_lut(apply_modality_lut(made.pixel_array, made), made).astype("f8")
    low, high = (values.min(), values.max()) if "WindowWidth" not in made else _range(made)
    return (values - low) / (high - low)


def _range(made: Dataset) -> tuple[float, float]:
    """Between which values pydicom's window puts them: those the samples may have."""
    slope, intercept = float(made.get("RescaleSlope", 1)), float(made.get("RescaleIntercept", 0))
    low, high = (-(2 ** (made.BitsStored - 1)), 2 ** (made.BitsStored - 1) - 1)
    if not made.PixelRepresentation:
        low, high = 0, 2**made.BitsStored - 1
    return low * slope + intercept, high * slope + intercept


def assert_alike(picture: NDArray[Any], wanted: NDArray[Any], most: float = 0.51) -> None:
    assert picture.shape == wanted.shape
    assert abs(picture - wanted).max() <= most


@pytest.mark.parametrize(
    "values",
    [
        {"WindowCenter": 100, "WindowWidth": 120},
        {"WindowCenter": 100, "WindowWidth": 120, "VOILUTFunction": "LINEAR_EXACT"},
        {"WindowCenter": 100, "WindowWidth": 120, "VOILUTFunction": "SIGMOID"},
        {"WindowCenter": [40, 9], "WindowWidth": [300, 9], "RescaleSlope": "2.5", "RescaleIntercept": "-100"},
        {"WindowCenter": 128, "WindowWidth": 1},
        {},
        {"RescaleSlope": "-1", "RescaleIntercept": "7"},
    ],
)
def test_grey_is_what_modality_and_window_make_of_it(tmp_path: Path, values: dict[str, object]) -> None:
    made = instance("CT", drawn(128, 128), **values)

    assert_alike(made_icon(made, tmp_path), 255 * shrunk(seen(made), 64, 64))


def test_monochrome1_is_inverted_and_sides_are_black_all_the_same(tmp_path: Path) -> None:
    made = instance("DX", drawn(128, 64), PhotometricInterpretation="MONOCHROME1")

    wanted = padded(255 * (1 - shrunk(seen(made), 64, 32)), 64)
    assert_alike(made_icon(made, tmp_path), wanted)


@pytest.mark.parametrize(
    ("rows", "columns", "size"), [(100, 75, 64), (50, 200, 64), (33, 47, 128), (600, 1, 64)]
)
def test_sizes_that_divide_nothing_are_means_of_areas(
    tmp_path: Path, rows: int, columns: int, size: int
) -> None:
    made = instance("CT", drawn(rows, columns), WindowCenter=128, WindowWidth=256)
    longest = max(rows, columns)
    height, width = max(1, round(size * rows / longest)), max(1, round(size * columns / longest))

    wanted = padded(255 * shrunk(seen(made), height, width), size)
    assert_alike(made_icon(made, tmp_path, size), wanted)


def test_pixels_that_are_no_squares_give_the_form(tmp_path: Path) -> None:
    made = instance("MR", drawn(64, 128), PixelSpacing=[1.0, 0.5])

    assert_alike(made_icon(made, tmp_path), 255 * shrunk(seen(made), 64, 64))


def test_signed_samples_of_12_bits(tmp_path: Path) -> None:
    picture = drawn(64, 64, 12).astype("i2") - 1500
    made = instance("CT", picture, BitsStored=12, HighBit=11, WindowCenter=0, WindowWidth=400)
    assert made.pixel_array.min() < 0

    assert_alike(made_icon(made, tmp_path), 255 * seen(made))


def test_padding_is_not_what_black_and_white_are_taken_from(tmp_path: Path) -> None:
    picture = drawn(64, 64, 12).astype("u2") % 1000 + 500
    picture[:8] = 4000
    made = instance("CT", picture, PixelPaddingValue=3900, PixelPaddingRangeLimit=4095)
    inside = picture[8:].astype("f8")

    wanted = ((picture - inside.min()) / np.ptp(inside) * 255).clip(0, 255)
    assert_alike(made_icon(made, tmp_path), wanted)


def table(first: int, entries: NDArray[Any], bits: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    item.ModalityLUTType = "US"
    return item


def test_tables_of_modality_and_voi(tmp_path: Path) -> None:
    curve = (np.linspace(0, 1, 200) ** 2 * 4095).astype("u2")
    made = instance("DX", drawn(64, 64))
    made.VOILUTSequence = Sequence([table(30, curve, 12)])
    wanted = curve[(made.pixel_array.astype(int) - 30).clip(0, 199)] / 4095 * 255
    assert_alike(made_icon(made, tmp_path), wanted)

    made.ModalityLUTSequence = Sequence([table(0, np.arange(256)[::-1], 16)])
    wanted = curve[(255 - made.pixel_array.astype(int) - 30).clip(0, 199)] / 4095 * 255
    assert_alike(made_icon(made, tmp_path), wanted)


def test_a_window_goes_before_a_table(tmp_path: Path) -> None:
    made = instance("DX", drawn(64, 64), WindowCenter=128, WindowWidth=256)
    before = made_icon(made, tmp_path)
    made.VOILUTSequence = Sequence([table(0, np.arange(256)[::-1], 8)])

    assert (made_icon(made, tmp_path) == before).all()


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("colours", [1, 3])
def test_it_is_the_same_in_every_lossless_syntax(tmp_path: Path, name: str, colours: int) -> None:
    made = instance("SC", drawn(96, 80, colours=colours))
    path = saved(made, tmp_path / "one")
    wanted = pixels_of(icon(part10(path)))
    other = tmp_path / name
    with transcoded(part10(path), Asked(codec_named(name))) as done:
        other.write_bytes(done.meta + b"".join(done.blocks()))

    assert (pixels_of(icon(part10(other))) == wanted).all()


@pytest.mark.parametrize("name", ["jpeg", "jpeg-2000", "jpeg-ls-near", "htj2k", "jpeg-xl"])
def test_it_is_nearly_the_same_in_lossy_ones(tmp_path: Path, name: str) -> None:
    made = instance("SC", drawn(128, 128), WindowCenter=128, WindowWidth=256)
    path = saved(made, tmp_path / "one")
    wanted = pixels_of(icon(part10(path))).astype(int)
    other = tmp_path / name
    with transcoded(part10(path), Asked(codec_named(name))) as done:
        other.write_bytes(done.meta + b"".join(done.blocks()))

    assert abs(pixels_of(icon(part10(other))) - wanted).mean() < 3


def test_few_colours_are_kept_as_they_are(tmp_path: Path) -> None:
    picture = (drawn(64, 64, colours=3) // 64) * 64
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) < 256

    assert (made_icon(instance("US", picture), tmp_path) == picture).all()


def test_many_colours_become_256_that_are_near(tmp_path: Path) -> None:
    y, x = np.mgrid[0:64, 0:64] * 4
    picture = np.stack([y, x, (x + y) // 2], -1).astype("u1")
    found = made_icon(instance("US", picture), tmp_path).astype(int)

    assert 200 < len(np.unique(found.reshape(-1, 3), axis=0)) <= 256
    assert abs(found - picture).mean() < 4
    assert abs(found - picture).max() < 9


def test_ybr_becomes_rgb(tmp_path: Path) -> None:
    picture = (drawn(64, 64, colours=3) // 64) * 64
    ybr = convert_color_space(picture, "RGB", "YBR_FULL")
    found = made_icon(instance("US", ybr, PhotometricInterpretation="YBR_FULL"), tmp_path)

    assert_alike(found, convert_color_space(ybr, "YBR_FULL", "RGB").astype(int), 1)


def test_rgb_of_16_bits_becomes_8(tmp_path: Path) -> None:
    picture = (drawn(64, 64, 16, colours=3) // 16384) * 21845
    found = made_icon(instance("US", picture), tmp_path)

    assert_alike(found, picture / 257)


@pytest.mark.parametrize("segmented", [False, True])
def test_a_palette_is_looked_up(tmp_path: Path, *, segmented: bool) -> None:
    made = instance("US", drawn(64, 64) // 4, PhotometricInterpretation="PALETTE COLOR")
    for number, name in enumerate(("Red", "Green", "Blue")):
        made.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [60, 2, 16])
        ramp = np.linspace(0, 65535, 60) if number == 0 else np.roll(np.arange(60), number) * 1000
        if segmented and number == 0:
            parts = np.array([0, 1, 0, 1, 59, 65535], "<u2")
            made.add_new("SegmentedRedPaletteColorLookupTableData", "OW", parts.tobytes())
        else:
            made.add_new(f"{name}PaletteColorLookupTableData", "OW", np.rint(ramp).astype("<u2").tobytes())
    plain = made if not segmented else None
    found = made_icon(made, tmp_path)
    if plain:
        assert_alike(found, apply_color_lut(made.pixel_array, made) / 257)
    index = (made.pixel_array.astype(int) - 2).clip(0, 59)
    assert_alike(found[..., 0], np.linspace(0, 255, 60)[index])


def test_the_frame_in_the_middle_or_the_one_that_stands_for_all(tmp_path: Path) -> None:
    frames = np.stack([np.full((64, 64), 50 * number, "u1") for number in range(5)])
    made = instance("USMF", frames, WindowCenter=127.5, WindowWidth=255, VOILUTFunction="LINEAR_EXACT")
    assert (made_icon(made, tmp_path) == 100).all()

    made.RepresentativeFrameNumber = 4
    assert (made_icon(made, tmp_path) == 150).all()

    made.RepresentativeFrameNumber = 9
    assert (made_icon(made, tmp_path) == 100).all()


def test_functional_groups_of_the_frame_go_before_those_of_all(tmp_path: Path) -> None:
    frames = np.stack([np.full((64, 64), 100, "u1")] * 3)
    made = instance("MR", frames)

    def window(center: float) -> Dataset:
        voi, group = Dataset(), Dataset()
        voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction = center, 255, "LINEAR_EXACT"
        group.FrameVOILUTSequence = Sequence([voi])
        return group

    made.SharedFunctionalGroupsSequence = Sequence([window(127.5)])
    assert (made_icon(made, tmp_path) == 100).all()

    made.PerFrameFunctionalGroupsSequence = Sequence([window(1), window(147.5), window(2)])
    assert (made_icon(made, tmp_path) == 80).all()


def test_what_no_picture_is_made_of(tmp_path: Path) -> None:
    made = instance("US", drawn(64, 64), PhotometricInterpretation="PALETTE COLOR")
    with pytest.raises(InputError, match="the palette is not there"):
        made_icon(made, tmp_path)
    with pytest.raises(InputError, match="no picture is made of HSV"):
        made_icon(instance("US", drawn(64, 64, colours=3), PhotometricInterpretation="HSV"), tmp_path)
    made = instance("DX", drawn(64, 64))
    made.VOILUTSequence = Sequence([table(0, np.arange(4), 8)])
    made.VOILUTSequence[0].LUTDescriptor = [4000, 0, 8]
    with pytest.raises(InputError, match="look-up table of 4000 entries"):
        made_icon(made, tmp_path)
    del made.PixelData
    with pytest.raises(Unsuitable):
        made_icon(made, tmp_path)


def test_every_real_file_has_one_or_says_why() -> None:
    made = 0
    for path in samples.real_files():
        try:
            item = icon(part10(path))
        except DcmtoolsError:
            continue
        made += 1
        assert pixels_of(item).shape[:2] == (64, 64)
    assert made > 100


def test_damage_never_leads_to_another_error(tmp_path: Path) -> None:
    made = instance("US", drawn(32, 32) // 4, PhotometricInterpretation="PALETTE COLOR")
    for name in ("Red", "Green", "Blue"):
        made.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [64, 0, 16])
        made.add_new(f"{name}PaletteColorLookupTableData", "OW", bytes(range(128)))
    made.VOILUTSequence = Sequence([table(0, np.arange(64), 8)])
    made.WindowCenter, made.WindowWidth, made.RescaleSlope = 1, 2, 3
    whole = saved(made, tmp_path / "one").read_bytes()
    random = np.random.default_rng(5)
    head, done = len(whole) - 1024, 0
    for _ in range(600):
        harmed = bytearray(whole)
        for at in random.integers(300, head, 3):
            harmed[at] = random.integers(256)
        (tmp_path / "harmed").write_bytes(harmed)
        try:
            icon(part10(tmp_path / "harmed"))
            done += 1
        except DcmtoolsError:
            pass
    assert done > 50


def test_what_is_no_number_is_black_and_spreads_nowhere(tmp_path: Path) -> None:
    made = instance("SC", drawn(64, 64, 8))
    ramp = np.tile(np.arange(64, dtype="f4"), (64, 1))
    ramp[0, 0], ramp[0, 63] = np.nan, np.inf
    del made.PixelData
    for keyword in ("BitsStored", "HighBit", "PixelRepresentation", "WindowCenter", "WindowWidth"):
        if keyword in made:
            del made[keyword]
    made.BitsAllocated = 32
    made.FloatPixelData = ramp.tobytes()
    picture = made_icon(made, tmp_path)
    assert picture[0, 0] == 0
    assert_alike(picture[1:], np.tile(np.arange(64) / 63 * 255, (63, 1)))
