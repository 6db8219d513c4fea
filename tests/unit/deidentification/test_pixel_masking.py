"""Parts of images blanked: the rest stays what it was, in whatever layout or transfer syntax."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dcmtools.codecs.encoding import encode
from dcmtools.codecs.photometric import converted, target
from dcmtools.codecs.registry import codec_named
from dcmtools.codecs.settings import Settings
from dcmtools.deidentification.pixel_rules import PixelRule
from dcmtools.deidentification.policies import PixelPolicy
from dcmtools.encoding.syntax import DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
from dcmtools.encoding.tags import PIXEL_DATA
from dcmtools.errors import InputError
from tests.support.encoded import EVL
from tests.support.memory import peak_memory
from tests.support.pictures import data_set, described, picture
from tests.support.samples import pydicom_data_files, real_file
from tests.support.treated import (
    CT_IMAGE,
    ULTRASOUND,
    inserted,
    native,
    of_class,
    outside,
    samples_of,
    treat,
    ultrasound,
)

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.codecs.pixels import Pixels
    from dcmtools.deidentification.pixel_rules import Box
    from tests.support.treated import Written

EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
BURNED_IN, DERIVATION, IMAGE_TYPE, LOSSY = 0x00280301, 0x00082111, 0x00080008, 0x00282110
PHOTOMETRIC, METHODS = 0x00280004, 0x00120064
_TREATED = """
import sys
from pathlib import Path
from tests.support.treated import treat
treat(Path(sys.argv[1]), "regions")
"""
BOXES: list[Box] = [(4, 5, 20, 11), (30, 2, 12, 20)]
NATIVE = {
    "grey": described(33, 48, 8),
    "ct": described(33, 48, 12),
    "signed": described(33, 48, 12, signed=True),
    "high bit": described(33, 48, 12, high=14),
    "signed, high bit": described(33, 48, 12, high=13, signed=True),
    "inverse": described(33, 48, 10, photometric="MONOCHROME1"),
    "palette": described(33, 48, 8, photometric="PALETTE COLOR"),
    "colour": described(33, 48, 8, samples=3),
    "planes": described(33, 48, 8, samples=3, planar=1),
    "ybr": described(33, 48, 8, samples=3, photometric="YBR_FULL"),
    "32 bits": described(33, 48, 32),
    "bits": described(33, 47, 1, allocated=1),
    "frames": described(33, 47, 8, frames=3),
    "frames of bits": described(33, 47, 1, allocated=1, frames=3),
    "colours": described(33, 48, 16, samples=3, frames=2),
}
BACKGROUND: dict[str, int | list[int]] = {
    "signed": -2048,
    "signed, high bit": -2048,
    "inverse": 1023,
    "ybr": [0, 128, 128],
}
LOSSLESS = [
    *("rle", "jpeg-lossless", "jpeg-lossless-14", "jpeg-ls"),
    *("jpeg-2000-lossless", "htj2k-lossless", "htj2k-lossless-rpcl", "jpeg-xl-lossless"),
]
INSTEAD = {
    "jpeg": "jpeg-lossless",
    "jpeg-extended": "jpeg-lossless",
    "jpeg-ls-near": "jpeg-ls",
    "jpeg-2000": "jpeg-2000-lossless",
    "htj2k": "htj2k-lossless",
    "jpeg-xl": "jpeg-xl-lossless",
}


def frames_of(pixels: Pixels) -> list[np.ndarray]:
    """Samples none of which is the background."""
    return [np.maximum(picture(pixels, seed), 1) for seed in range(pixels.frames)]


def masked(
    folder: Path, file: bytes, policy: PixelPolicy | str = "regions", syntax: str = EXPLICIT
) -> Written:
    path = folder / "image.dcm"
    path.write_bytes(of_class(file, ULTRASOUND, syntax, "US"))
    return treat(path, policy)


def compressed(pixels: Pixels, name: str) -> bytes:
    codec = codec_named(name)
    goal = target(codec, pixels, pixels.photometric)
    frames = [
        encode(converted(each, pixels.photometric, goal.samples), goal.samples, codec, Settings())
        for each in frames_of(pixels)
    ]
    return data_set(goal.pixels, frames, codec.uid)


def check(done: Written, before: list[np.ndarray], boxes: list[Box], colour: int | list[int] = 0) -> None:
    """Hold what was written to what it was in ``boxes``, and to the background outside of them."""
    after = done.samples()
    blank = outside(boxes, done.pixels)
    assert len(after) == len(before)
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(new[~blank], old[~blank])
        assert (new[blank] == colour).all()
        assert not np.array_equal(old[blank], new[blank])


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("kind", NATIVE)
def test_native_pixels_stay_native(kind: str, syntax: str, tmp_path: Path) -> None:
    pixels = NATIVE[kind]
    raw = frames_of(pixels)
    if shift := pixels.high_bit + 1 - pixels.bits_stored:
        raw = [each << shift for each in raw]
    file = ultrasound(native(pixels, raw, syntax), BOXES, syntax)
    done = masked(tmp_path, file, syntax=syntax)
    assert done.transfer_syntax == syntax
    assert done.pixels == pixels
    check(done, samples_of(tmp_path / "image.dcm"), BOXES, BACKGROUND.get(kind, 0))
    assert done.suspect == ""


@pytest.mark.parametrize(("high", "word"), [(11, 0xF800), (13, 0xE000)])
def test_a_negative_background_has_its_sign_in_all_bits(high: int, word: int, tmp_path: Path) -> None:
    pixels = described(33, 48, 12, high=high, signed=True)
    done = masked(tmp_path, native(pixels, [picture(described(33, 48, 12)).view("i2")]), "blank")
    assert set(np.frombuffer(done.values()[PIXEL_DATA], "<u2")) == {word}


def test_subsampled_pixels_stay_subsampled(tmp_path: Path) -> None:
    pixels = described(32, 48, 8, samples=3, photometric="YBR_FULL_422")
    value = picture(described(32, 96, 8)).tobytes()
    boxes: list[Box] = [(5, 5, 20, 10)]  # in the midst of pairs, which share their chrominance
    done = masked(tmp_path, ultrasound(data_set(pixels, value), boxes))
    assert done.pixels == pixels
    check(done, samples_of(tmp_path / "image.dcm"), [(6, 5, 18, 10)], [0, 128, 128])
    assert "columns beside these" in done.changes[1]
    whole = masked(tmp_path, ultrasound(data_set(pixels, value), [(6, 5, 18, 10)]))
    assert len(whole.changes) == 1
    odd = described(3, 5, 8, samples=3, photometric="YBR_FULL_422")
    with pytest.raises(InputError, match="odd number"):
        masked(tmp_path, ultrasound(data_set(odd, bytes(range(30))), [(1, 1, 1, 1)]))


@pytest.mark.parametrize("kind", ["grey", "ct", "colour", "frames", "palette"])
@pytest.mark.parametrize("name", LOSSLESS)
def test_what_is_compressed_without_loss_is_so_again(name: str, kind: str, tmp_path: Path) -> None:
    if (name, kind) == ("jpeg-xl-lossless", "palette"):
        return
    pixels, syntax = NATIVE[kind], codec_named(name).uid
    done = masked(tmp_path, ultrasound(compressed(pixels, name), BOXES))
    assert done.transfer_syntax == syntax
    check(done, frames_of(pixels), BOXES)
    assert LOSSY not in done.values()


@pytest.mark.parametrize("name", INSTEAD)
def test_nothing_is_lossy_twice(name: str, tmp_path: Path) -> None:
    pixels = described(33, 48, 8, frames=2)
    done = masked(tmp_path, ultrasound(compressed(pixels, name), BOXES))
    assert done.transfer_syntax == codec_named(INSTEAD[name]).uid
    check(done, samples_of(tmp_path / "image.dcm"), BOXES)
    assert done.values()[LOSSY] == b"01"
    assert any(" to " in each for each in done.changes)


def test_lossy_colours_are_as_they_were_decoded(tmp_path: Path) -> None:
    done = masked(tmp_path, ultrasound(compressed(described(33, 48, 8, samples=3), "jpeg"), BOXES))
    check(done, samples_of(tmp_path / "image.dcm"), BOXES)
    assert done.values()[PHOTOMETRIC].strip() == b"RGB"


def test_what_cannot_be_written_becomes_native(tmp_path: Path) -> None:
    pixels = described(33, 48, 8, frames=2)
    frames = [each.tobytes() for each in frames_of(pixels)]
    file = data_set(pixels, frames, "1.2.840.10008.1.2.1.98")
    done = masked(tmp_path, ultrasound(file, BOXES))
    assert done.transfer_syntax == EXPLICIT
    check(done, frames_of(pixels), BOXES)


def test_deflated_data_sets_stay_deflated(tmp_path: Path) -> None:
    import zlib

    pixels = NATIVE["ct"]
    file = of_class(ultrasound(native(pixels, frames_of(pixels)), BOXES), ULTRASOUND, modality="US")
    head = data_set(pixels, b"", DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)
    head = head[: head.index(EVL.element(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.7\0"))]
    body = file[file.index(EVL.header(0x00080016, "UI", len(ULTRASOUND))) :]
    path = tmp_path / "image.dcm"
    path.write_bytes(head + zlib.compress(body, wbits=-15))
    done = treat(path, "regions")
    assert done.transfer_syntax == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
    check(done, frames_of(pixels), BOXES)


# ---------------------------------------------------------------- what the data set tells of it


OURS = PixelPolicy("regions", (PixelRule("ours", rows=33, keep=((0, 9, 48, 24),)),))
LIKELY = OURS._replace(rules=(OURS.rules[0]._replace(starter=True),))


@pytest.mark.parametrize(
    ("policy", "cleaned"), [("blank", True), (OURS, True), (LIKELY, False), ("regions", False)]
)
def test_the_data_set_tells_of_it(policy: PixelPolicy | str, cleaned: bool, tmp_path: Path) -> None:
    pixels = NATIVE["grey"]
    said = EVL.element(0x0008_0070, "LO", b"Maker ")
    file = ultrasound(native(pixels, frames_of(pixels), behind=b"Zquendt^"), BOXES)
    place = file.index(EVL.header(0x00080016, "UI", 26))
    image_type = EVL.element(IMAGE_TYPE, "CS", rb"ORIGINAL\PRIMARY\SMALL PARTS")
    file = file[:place] + image_type + file[place:]
    file = file.replace(EVL.element(0x00080060, "CS", b"OT"), EVL.element(0x00080060, "CS", b"OT") + said)
    end = file.index(EVL.header(PIXEL_DATA, "OB", 33 * 48 + 8))
    tail = EVL.element(BURNED_IN, "CS", b"YES ") + EVL.sequence(0x00880200, EVL.item(b""))
    done = masked(tmp_path, file[:end] + EVL.element(0x00280107, "US", b"\xff\0") + tail + file[end:], policy)
    values = done.values()
    assert values[BURNED_IN].strip() == (b"NO" if cleaned else b"YES")  # nobody has looked into what is left
    assert values[IMAGE_TYPE].strip() == rb"DERIVED\PRIMARY\SMALL PARTS"
    what = "all pixels blanked" if policy == "blank" else "parts that may show text blanked"
    assert values[DERIVATION].strip() == what.encode()
    assert done.changes[0] == (what if cleaned else f"{what}, the others not looked at")
    assert 0x00880200 not in values
    assert 0x00280107 not in values
    assert (b"113101" in values[METHODS]) == cleaned
    assert ("113101" in done.methods) == cleaned
    assert b"Zquendt" not in done.path.read_bytes()


def test_nothing_is_claimed_where_nothing_is_blanked(tmp_path: Path) -> None:
    pixels = NATIVE["ct"]
    path = tmp_path / "image.dcm"
    path.write_bytes(of_class(native(pixels, frames_of(pixels)), CT_IMAGE, modality="CT"))
    done = treat(path, "regions", clean=("pixels",))
    assert done.suspect == ""
    assert "113101" not in done.methods
    assert BURNED_IN not in done.values()
    assert np.array_equal(done.samples()[0], frames_of(pixels)[0])


# ---------------------------------------------------------------- regions


def test_a_file_without_regions_or_rule_is_a_suspect(tmp_path: Path) -> None:
    pixels = NATIVE["grey"]
    done = masked(tmp_path, native(pixels, frames_of(pixels)))
    assert "may show text" in done.suspect
    assert np.array_equal(done.samples()[0], frames_of(pixels)[0])


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ((0, 0, 48, 33), (1, 1)),  # all of the image
        ((4, 4, 9, 9), (5, 1)),  # graphics
        ((4, 4, 9, 9), (0, 0)),  # of nothing
        ((60, 4, 9, 9), (1, 1)),  # beyond it
        ((9, 9, -4, -4), (1, 1)),
    ],
)
def test_regions_that_tell_nothing(box: Box, said: tuple[int, int], tmp_path: Path) -> None:
    pixels = NATIVE["grey"]
    done = masked(tmp_path, ultrasound(native(pixels, frames_of(pixels)), [box], said=said))
    assert "may show text" in done.suspect
    assert "113101" not in done.methods


def test_regions_end_with_the_image(tmp_path: Path) -> None:
    pixels = NATIVE["grey"]
    done = masked(tmp_path, ultrasound(native(pixels, frames_of(pixels)), [(40, 25, 100, 100)]))
    check(done, frames_of(pixels), [(40, 25, 8, 8)])


def test_recognizable_features_are_not_cleared_by_regions(tmp_path: Path) -> None:
    pixels = NATIVE["grey"]
    file = ultrasound(native(pixels, frames_of(pixels)), BOXES)
    place = file.index(EVL.header(PIXEL_DATA, "OB", 33 * 48))
    file = file[:place] + EVL.element(0x00280302, "CS", b"YES ") + file[place:]
    assert masked(tmp_path, file).suspect == "Recognizable Visual Features is YES"
    assert masked(tmp_path, file, "blank").suspect == ""


REAL = [
    "examples_palette.dcm", "examples_ybr_color.dcm", "OBXXXX1A_rle_2frame.dcm", "OBXXXX1A_expb_2frame.dcm",
    "JPGLosslessP14SV1_1s_1f_8b.dcm", "gdcm-US-ALOKA-16.dcm", "gdcm-US-ALOKA-16_big.dcm",
]  # fmt: skip


def real(name: str) -> Path:
    return next((path for path in pydicom_data_files() if path.name == name), None) or real_file(name)


@pytest.mark.parametrize("name", REAL)
def test_real_ultrasound(name: str, tmp_path: Path) -> None:
    from pydicom import dcmread

    path = tmp_path / name
    path.write_bytes(real(name).read_bytes())
    header = dcmread(path, stop_before_pixels=True)
    boxes = [
        (
            each.RegionLocationMinX0,
            each.RegionLocationMinY0,
            each.RegionLocationMaxX1 - each.RegionLocationMinX0 + 1,
            each.RegionLocationMaxY1 - each.RegionLocationMinY0 + 1,
        )
        for each in header.SequenceOfUltrasoundRegions
    ]
    done = treat(path, PixelPolicy("regions"))
    blank = outside(boxes, done.pixels)
    before, after = samples_of(path), done.samples()
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(old[~blank], new[~blank])
        assert len(np.unique(new[blank].reshape(blank.sum(), -1), axis=0)) == 1
    assert done.suspect == ""


# ---------------------------------------------------------------- rules


def test_rules_blank_boxes_or_keep_them(tmp_path: Path) -> None:
    pixels = NATIVE["colour"]
    file = native(pixels, frames_of(pixels))
    keep = PixelPolicy("regions", (PixelRule("any", modality=("us",), keep=tuple(BOXES)),))
    check(masked(tmp_path, file, keep), frames_of(pixels), BOXES)
    blank = PixelPolicy("regions", (PixelRule("any", rows=33, blank=((0, 0, 48, 9), (40, 20, 60, 60))),))
    check(masked(tmp_path, file, blank), frames_of(pixels), [(0, 9, 48, 11), (0, 20, 40, 13)])


def test_regions_and_rules_go_together(tmp_path: Path) -> None:
    pixels = NATIVE["grey"]
    file = ultrasound(native(pixels, frames_of(pixels)), [(4, 5, 20, 11)])
    blank = PixelPolicy("regions", (PixelRule("any", rows=33, blank=((0, 0, 48, 9),)),))
    check(masked(tmp_path, file, blank), frames_of(pixels), [(4, 9, 20, 7)])
    keep = PixelPolicy("regions", (PixelRule("any", rows=33, keep=((0, 9, 48, 24),)),))
    check(masked(tmp_path, file, keep), frames_of(pixels), [(4, 9, 20, 7)])


@pytest.mark.parametrize("policy", ["check", "regions", "reject"])
def test_images_of_harmless_devices_are_no_suspects(policy: str, tmp_path: Path) -> None:
    pixels = NATIVE["grey"]
    rule = PixelRule("any", modality=("us",))
    done = masked(tmp_path, native(pixels, frames_of(pixels)), PixelPolicy(policy, (rule,)))
    assert done.suspect == ""
    assert np.array_equal(done.samples()[0], frames_of(pixels)[0])
    assert "113101" not in done.methods


# ---------------------------------------------------------------- all of it


@pytest.mark.parametrize("kind", NATIVE)
def test_all_native_pixels_are_blanked(kind: str, tmp_path: Path) -> None:
    pixels = NATIVE[kind]
    done = masked(tmp_path, native(pixels, frames_of(pixels)), "blank")
    assert done.pixels == pixels
    assert all((frame == BACKGROUND.get(kind, 0)).all() for frame in done.samples())
    assert len(done.samples()) == pixels.frames
    assert done.values()[BURNED_IN].strip() == b"NO"
    assert done.suspect == ""


@pytest.mark.parametrize("name", [*LOSSLESS, *INSTEAD])
def test_all_compressed_pixels_are_blanked(name: str, tmp_path: Path) -> None:
    pixels = described(33, 48, 8, frames=3)
    done = masked(tmp_path, compressed(pixels, name), "blank")
    assert done.transfer_syntax == codec_named(INSTEAD.get(name, name)).uid
    assert all((frame == 0).all() for frame in done.samples())
    assert len(done.samples()) == 3


def test_damaged_frames_are_blanked_too(tmp_path: Path) -> None:
    pixels = described(33, 48, 12)
    file = data_set(pixels, [bytes(100)], codec_named("jpeg-ls").uid)
    assert not masked(tmp_path, file, "blank").samples()[0].any()


def test_the_background_is_that_of_the_image(tmp_path: Path) -> None:
    pixels = described(33, 48, 12, signed=True)
    file = native(pixels, frames_of(pixels))
    place = file.index(EVL.header(PIXEL_DATA, "OW", 33 * 48 * 2))
    padding = EVL.element(0x00280120, "SS", (-2000).to_bytes(2, "little", signed=True))
    done = masked(tmp_path, file[:place] + padding + file[place:], "blank")
    assert (done.samples()[0] == -2000).all()
    beyond = EVL.element(0x00280120, "SS", (-32768).to_bytes(2, "little", signed=True))
    done = masked(tmp_path, file[:place] + beyond + file[place:], "blank")
    assert (done.samples()[0] == -2048).all()


@pytest.mark.parametrize("wide", [False, True])
def test_the_background_of_a_palette_is_its_darkest_colour(tmp_path: Path, *, wide: bool) -> None:
    pixels = NATIVE["palette"]
    file = native(pixels, frames_of(pixels))
    cut = file.index(EVL.header(0x00281101, "US", 6))
    place = file.index(EVL.header(PIXEL_DATA, "OB", 33 * 48))
    entries = [200] * 256
    entries[77] = 3
    data = b"".join(each.to_bytes(2, "little") for each in entries) if wide else bytes(entries)
    tables = [EVL.element(0x00281101 + n, "US", b"\0\1\0\0\x08\0") for n in range(3)]
    tables += [EVL.element(0x00281201 + n, "OW", data) for n in range(3)]
    done = masked(tmp_path, file[:cut] + b"".join(tables) + file[place:], "blank")
    assert (done.samples()[0] == 77).all()


def test_floats_are_blanked(tmp_path: Path) -> None:
    pixels = described(33, 48, 32)
    file = native(pixels, frames_of(pixels))
    head = file[: file.index(EVL.header(PIXEL_DATA, "OW", 33 * 48 * 4))]
    values = np.linspace(0.5, 9, 33 * 48, dtype="<f4")
    done = masked(tmp_path, head + EVL.element(0x7FE00008, "OF", values.tobytes()), "blank")
    assert not done.samples()[0].any()


def test_memory_is_that_of_a_frame(tmp_path: Path) -> None:
    """200 MB of frames of 1 MB each."""
    pixels = described(1024, 1024, 8, frames=200)
    small = ultrasound(native(described(1024, 1024, 8), [picture(described(1024, 1024, 8))]), BOXES)
    path = tmp_path / "image.dcm"
    small = of_class(small, ULTRASOUND, modality="US")
    one = EVL.element(0x00280004, "CS", b"MONOCHROME2 ")
    head = small.replace(one, one + EVL.element(0x00280008, "IS", b"200 "))
    place = head.index(EVL.header(PIXEL_DATA, "OB", 1 << 20))
    with path.open("wb") as file:
        file.write(head[:place] + EVL.header(PIXEL_DATA, "OB", 200 << 20))
        for _ in range(pixels.frames):
            file.write(small[-(1 << 20) :])
    assert peak_memory(_TREATED, path) < 100


def test_private_and_other_elements_are_where_they_were(tmp_path: Path) -> None:
    pixels = NATIVE["grey"]
    file = inserted(native(pixels, frames_of(pixels)), EVL.element(0x00180015, "CS", b"CHEST "))
    assert masked(tmp_path, file, "blank").values()[0x00180015] == b"CHEST "
