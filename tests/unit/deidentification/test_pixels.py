"""What is no part of an image goes; what is stays as it was, and is not even read where nothing goes."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import pytest

from dcmtools.codecs.encoding import encode
from dcmtools.codecs.frames import pixel_data
from dcmtools.codecs.markers import carried
from dcmtools.codecs.registry import codec_named
from dcmtools.codecs.settings import Settings
from dcmtools.deidentification.pixels import treated
from dcmtools.deidentification.policies import decodes, policy_from
from dcmtools.deidentification.reading import Elements
from dcmtools.encoding.tags import PIXEL_DATA
from dcmtools.errors import InputError, UsageError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import EVL
from tests.support.pictures import EXTENDED_LENGTHS, EXTENDED_OFFSETS, data_set, described, offsets, picture
from tests.support.samples import ct, mr, pydicom_data_files, real_files
from tests.support.treated import CT_IMAGE, inserted, native, of_class, samples_of, treat

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.codecs.pixels import Pixels
    from tests.support.treated import Written

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
JPEG, JPEG_LS, RLE = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5"
MPEG4, JPEG_XL_JPEG = "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.111"
NAME = b"Zquendt^Mira"
KINDS = {
    "grey": described(5, 7, 8),
    "ct": described(6, 4, 12),
    "signed": described(6, 4, 12, signed=True),
    "colour": described(5, 7, 8, samples=3),
    "planes": described(5, 7, 8, samples=3, planar=1),
    "frames": described(5, 7, 8, frames=3),
    "bits": described(5, 7, 1, allocated=1, frames=3),
    "32 bits": described(4, 4, 32),
}


def written(folder: Path, file: bytes, policy: str = "keep", clean: tuple[str, ...] = ()) -> Written:
    path = folder / "image.dcm"
    path.write_bytes(file)
    return treat(path, policy, clean=clean)


def frames_of(pixels: Pixels) -> list[np.ndarray]:
    return [picture(pixels, seed) for seed in range(pixels.frames)]


# ---------------------------------------------------------------- native


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("kind", KINDS)
def test_what_follows_the_last_frame_goes(kind: str, syntax: str, tmp_path: Path) -> None:
    pixels = KINDS[kind]
    file = native(pixels, frames_of(pixels), syntax, b"Zquendt^Mira")
    done = written(tmp_path, file)
    assert NAME in file
    assert b"Zquendt" not in done.path.read_bytes()
    assert done.warnings == ["12 bytes behind the last frame left out"]
    size = -(-pixels.frames * pixels.frame_bits // 8)
    assert len(done.values()[PIXEL_DATA]) == size + size % 2
    assert all(map(np.array_equal, done.samples(), samples_of(tmp_path / "image.dcm")))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_as_it_has_to_be_stays(kind: str, tmp_path: Path) -> None:
    pixels = KINDS[kind]
    file = native(pixels, frames_of(pixels))
    done = written(tmp_path, file)
    assert done.warnings == []
    assert done.values()[PIXEL_DATA] == file[-len(done.values()[PIXEL_DATA]) :]


def test_bits_and_bytes_that_pad_are_cleared(tmp_path: Path) -> None:
    grey = native(KINDS["grey"], frames_of(KINDS["grey"]))
    done = written(tmp_path, grey[:-1] + b"Z")
    assert done.values()[PIXEL_DATA] == grey[-36:]
    bits = native(KINDS["bits"], frames_of(KINDS["bits"]))  # 105 of them: 7 of the last byte pad
    done = written(tmp_path, bits[:-1] + bytes([bits[-1] | 0xFE]))
    assert done.values()[PIXEL_DATA] == bits[-14:]


def test_pixels_whose_samples_have_all_bits_are_not_read() -> None:
    for path in (ct(), mr()):
        with Part10File.open(str(path)) as file:
            elements = Elements(file)
            with patch.object(type(file.source), "read", side_effect=AssertionError("read")):
                assert treated(file, elements, policy_from("check")).element is None


@pytest.mark.parametrize("policy", ["keep", "check", "regions", "blank", "reject"])
def test_too_few_bytes_are_refused(policy: str, tmp_path: Path) -> None:
    pixels = KINDS["ct"]
    file = of_class(data_set(pixels, picture(pixels).tobytes()[:-2]), CT_IMAGE, modality="CT")
    with pytest.raises(InputError, match="46 bytes of pixel data are fewer than the 48"):
        written(tmp_path, file, policy)


def test_pixel_data_that_nothing_describes_goes(tmp_path: Path) -> None:
    path = next(path for path in real_files() if path.name == "nested_priv_SQ.dcm")
    done = written(tmp_path, path.read_bytes(), "check")
    assert PIXEL_DATA not in done.values()
    assert done.suspect == ""
    assert "pixel data removed, which no attribute describes" in done.warnings


def test_pixel_data_that_is_described_wrongly_is_refused(tmp_path: Path) -> None:
    file = data_set(described(4, 4, 8)._replace(samples=2), bytes(32))
    with pytest.raises(InputError, match="Samples per Pixel is 2"):
        written(tmp_path, file)
    with pytest.raises(InputError, match="encapsulated, against its transfer syntax"):
        written(tmp_path, data_set(described(4, 4, 8), [bytes(16)]))


# ---------------------------------------------------------------- overlays in pixels


def overlay(bit: int, kind: bytes = b"G") -> bytes:
    """An overlay whose bits are ``bit`` of each sample."""
    short = [(0x60000010, 6), (0x60000011, 4), (0x60000100, 16), (0x60000102, bit)]
    elements = {tag: EVL.element(tag, "US", EVL.number("H", number)) for tag, number in short}
    elements[0x60000040] = EVL.element(0x60000040, "CS", kind + b" ")
    return b"".join(elements[tag] for tag in sorted(elements))


def with_overlay(pixels: Pixels, bit: int, kind: bytes = b"G") -> tuple[bytes, np.ndarray]:
    """A CT image with an overlay in every second sample, and its samples without."""
    samples = picture(pixels)
    words = samples.view("u2").copy()
    if pixels.signed:
        words &= 0x0FFF
    words[:, ::2] |= 1 << bit
    file = of_class(data_set(pixels, words.tobytes()), CT_IMAGE, modality="CT")
    place = file.index(EVL.header(PIXEL_DATA, "OW", words.nbytes))
    return file[:place] + overlay(bit, kind) + file[place:], samples


@pytest.mark.parametrize("policy", ["keep", "check", "regions"])
@pytest.mark.parametrize("signed", [False, True])
def test_overlays_in_bits_of_pixels_go(policy: str, tmp_path: Path, *, signed: bool) -> None:
    pixels = described(6, 4, 12, signed=signed)
    file, samples = with_overlay(pixels, 13)
    done = written(tmp_path, file, policy)
    assert done.values()[PIXEL_DATA] == samples.tobytes()
    assert done.suspect == ""
    assert any("overlays" in each for each in done.warnings)


@pytest.mark.parametrize("group", [0x7053, 0x6001, 0x70FE])
def test_other_groups_are_no_overlays(group: int, tmp_path: Path) -> None:
    pixels = KINDS["ct"]
    file = of_class(native(pixels, frames_of(pixels)), CT_IMAGE, modality="CT")
    place = file.index(EVL.header(PIXEL_DATA, "OW", 48))
    more = EVL.element(group << 16 | 0x0102, "US", EVL.number("H", 13))
    assert written(tmp_path, file[:place] + more + file[place:]).warnings == []


def test_an_overlay_with_data_of_its_own_is_not_in_pixels(tmp_path: Path) -> None:
    pixels = KINDS["ct"]
    file = of_class(native(pixels, frames_of(pixels)), CT_IMAGE, modality="CT")
    place = file.index(EVL.header(PIXEL_DATA, "OW", 48))
    more = overlay(0) + EVL.element(0x60003000, "OW", bytes(4))
    assert written(tmp_path, file[:place] + more + file[place:]).warnings == []


STRAYS = "what was in bits that no sample has, such as overlays, left out"


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("policy", ["keep", "check", "regions"])
def test_bits_of_overlays_that_nothing_describes_go(
    policy: str, syntax: str, tmp_path: Path, *, signed: bool
) -> None:
    pixels = described(6, 4, 12, signed=signed)
    samples = picture(pixels)
    words = samples.copy()
    words.view("u2")[2:4, ::2] ^= 1 << 14
    file = of_class(native(pixels, [words], syntax), CT_IMAGE, syntax, "CT")
    done = written(tmp_path, file, policy)
    assert done.warnings == [STRAYS]
    assert np.array_equal(done.samples()[0], samples)
    order = ">" if syntax == BIG else "<"
    assert done.values()[PIXEL_DATA] == samples.astype(f"{order}{samples.dtype.kind}2").tobytes()


@pytest.mark.parametrize("bit", [None, 0, 11, 99])
def test_overlays_that_are_described_wrongly_go(bit: int | None, tmp_path: Path) -> None:
    file, samples = with_overlay(KINDS["ct"], 15)
    said = overlay(15)
    other = said[: said.index(EVL.header(0x60000102, "US", 2))] if bit is None else overlay(bit)
    done = written(tmp_path, file.replace(said, other))
    assert done.warnings == [STRAYS]
    assert done.values()[PIXEL_DATA] == samples.tobytes()


def test_bits_below_samples_go(tmp_path: Path) -> None:
    pixels = described(6, 4, 12, high=15)
    words = picture(described(6, 4, 12)) << 4
    file = of_class(data_set(pixels, (words | 2).tobytes()), CT_IMAGE, modality="CT")
    assert written(tmp_path, file).values()[PIXEL_DATA] == words.tobytes()


@pytest.mark.parametrize("strays", [False, True])
def test_padding_that_no_sample_can_be_stays(tmp_path: Path, *, strays: bool) -> None:
    """Around what tomographs see, in images whose samples have no sign."""
    pixels = KINDS["ct"]
    words = picture(pixels)
    words[0], words[3] = 63536, 1000 + (strays << 15)
    file = of_class(data_set(pixels, words.tobytes()), CT_IMAGE, modality="CT")
    place = file.index(EVL.header(PIXEL_DATA, "OW", 48))
    padding = EVL.element(0x00280120, "US", EVL.number("H", 63536))
    done = written(tmp_path, file[:place] + padding + file[place:])
    words[3] = 1000
    assert done.values()[PIXEL_DATA] == words.tobytes()
    assert done.warnings == [STRAYS] * strays


def test_overlays_of_regions_stay_where_graphics_are_cleaned(tmp_path: Path) -> None:
    file, samples = with_overlay(KINDS["ct"], 13, b"R")
    value = written(tmp_path, file, "check", ("graphics",)).values()[PIXEL_DATA]
    words = np.frombuffer(value, "<u2").reshape(6, 4)
    assert np.array_equal(words & 0x0FFF, samples)
    assert (words[:, ::2] >> 12 == 2).all()
    file, samples = with_overlay(KINDS["ct"], 13, b"G")
    assert written(tmp_path, file, "check", ("graphics",)).values()[PIXEL_DATA] == samples.tobytes()


def test_overlays_in_compressed_pixels_are_not_passed_on(tmp_path: Path) -> None:
    pixels = described(6, 4, 12)
    words = picture(pixels)
    words[::2] |= 1 << 14
    codestream = encode(words, described(6, 4, 16), codec_named("rle"), Settings())
    file = of_class(data_set(pixels, [codestream], RLE), CT_IMAGE, modality="CT")
    place = file.index(EVL.header(PIXEL_DATA, "OB", 0xFFFFFFFF))
    file = file[:place] + overlay(14) + file[place:]
    assert "overlay" in written(tmp_path, file, "check").suspect
    with pytest.raises(InputError, match="overlay"):
        written(tmp_path, file, "keep")
    done = written(tmp_path, file, "regions")
    assert done.suspect == ""
    assert done.transfer_syntax == RLE
    assert np.array_equal(done.samples()[0], picture(pixels))


# ---------------------------------------------------------------- encapsulated


def commented(codestream: bytes) -> bytes:
    return codestream[:2] + b"\xff\xfe" + pack(">H", 2 + len(NAME)) + NAME + codestream[2:]


def codestreams(name: str, pixels: Pixels) -> list[bytes]:
    return [encode(each, pixels, codec_named(name), Settings()) for each in frames_of(pixels)]


@pytest.mark.parametrize("table", ["none", "basic", "extended"])
def test_comments_in_codestreams_go_and_tables_follow(table: str, tmp_path: Path) -> None:
    pixels = described(33, 47, 8, frames=3)
    frames = codestreams("jpeg-ls", pixels)
    frames[1] = commented(frames[1])
    even = [frame + b"\0" * (len(frame) % 2) for frame in frames]
    begins = [sum(len(frame) + 8 for frame in even[:index]) for index in range(3)]
    extended = (pack("<3Q", *begins), pack("<3Q", *map(len, even))) if table == "extended" else None
    basic = offsets(frames, [0, 1, 2]) if table == "basic" else b""
    done = written(tmp_path, data_set(pixels, frames, JPEG_LS, table=basic, extended=extended))
    assert b"Zquendt" not in done.path.read_bytes()
    assert all(map(np.array_equal, done.samples(), frames_of(pixels)))
    after = [frame + b"\0" * (len(frame) % 2) for frame in codestreams("jpeg-ls", pixels)]
    begins = [sum(len(frame) + 8 for frame in after[:index]) for index in range(3)]
    data = done.path.read_bytes()
    assert data.endswith(b"".join(EVL.item(frame) for frame in after) + EVL.header(0xFFFEE0DD, "", 0))
    assert (EVL.item(pack("<3L", *begins)) + EVL.item(after[0]) in data) == (table == "basic")
    if table == "extended":
        assert done.values()[EXTENDED_OFFSETS] == pack("<3Q", *begins)
        assert done.values()[EXTENDED_LENGTHS] == pack("<3Q", *map(len, after))


def test_frames_of_several_fragments_are_cut_anew(tmp_path: Path) -> None:
    pixels = described(33, 47, 8, frames=2)
    frames = codestreams("jpeg-ls", pixels)
    whole = commented(frames[0])
    fragments = [whole[:100], whole[100:200], whole[200:], frames[1]]
    done = written(tmp_path, data_set(pixels, fragments, JPEG_LS, table=offsets(fragments, [0, 3])))
    assert b"Zquendt" not in done.path.read_bytes()
    assert all(map(np.array_equal, done.samples(), frames_of(pixels)))


def test_an_extended_table_is_of_frames_in_one_fragment(tmp_path: Path) -> None:
    pixels = described(33, 47, 8)
    (frame,) = codestreams("jpeg-ls", pixels)
    extended = pack("<Q", 0), pack("<Q", 100)
    done = written(tmp_path, data_set(pixels, [frame[:100], frame[100:]], JPEG_LS, extended=extended))
    whole = frame + b"\0" * (len(frame) % 2)
    assert EVL.item(whole) in done.path.read_bytes()
    assert done.values()[EXTENDED_LENGTHS] == pack("<Q", len(whole))


def test_bare_codestreams_are_copied_as_they_are(tmp_path: Path) -> None:
    pixels = described(33, 47, 8, frames=2)
    frames = codestreams("jpeg-ls", pixels)
    fragments = [frames[0][:100], frames[0][100:], frames[1]]
    file = data_set(pixels, fragments, JPEG_LS, table=offsets(fragments, [0, 2]))
    done = written(tmp_path, file)
    assert done.path.read_bytes().endswith(file[file.index(EVL.header(PIXEL_DATA, "OB", 0xFFFFFFFF)) :])


@pytest.mark.parametrize("hidden", ["basic", "extended", "lengths"])
def test_nothing_hides_in_offset_tables(hidden: str, tmp_path: Path) -> None:
    pixels = described(33, 47, 8, frames=2)
    frames = codestreams("jpeg-ls", pixels)
    even = [len(frame) + len(frame) % 2 for frame in frames]
    true = (pack("<2Q", 0, even[0] + 8), pack("<2Q", *even))
    if hidden == "basic":
        file = data_set(pixels, frames, JPEG_LS, table=b"Zquendt^")
    else:
        other = (b"Zquendt^Zquendt^", true[1]) if hidden == "extended" else (true[0], b"Zquendt^Zquendt^")
        file = data_set(pixels, frames, JPEG_LS, extended=other)
    done = written(tmp_path, file)
    assert b"Zquendt" not in done.path.read_bytes()
    assert all(map(np.array_equal, done.samples(), frames_of(pixels)))
    if hidden != "basic":
        assert (done.values()[EXTENDED_OFFSETS], done.values()[EXTENDED_LENGTHS]) == true


def test_bytes_behind_the_end_of_a_codestream_go(tmp_path: Path) -> None:
    pixels = described(33, 47, 8)
    (frame,) = codestreams("jpeg", pixels)
    done = written(tmp_path, data_set(pixels, [frame + NAME], JPEG))
    assert b"Zquendt" not in done.path.read_bytes()


def test_bytes_behind_the_runs_of_rle_go(tmp_path: Path) -> None:
    pixels = described(33, 47, 8)
    (frame,) = codestreams("rle", pixels)
    done = written(tmp_path, data_set(pixels, [frame + NAME], RLE))
    assert NAME not in done.path.read_bytes()
    assert np.array_equal(done.samples()[0], frames_of(pixels)[0])


def test_codestreams_that_cannot_be_accounted_for_are_refused(tmp_path: Path) -> None:
    pixels = described(33, 47, 8, frames=2)
    frames = codestreams("jpeg-ls", pixels)
    with pytest.raises(InputError, match="frame 2: "):
        written(tmp_path, data_set(pixels, [frames[0], frames[1][:-40]], JPEG_LS))


def test_a_comment_in_a_jpeg_within_jpeg_xl_goes(tmp_path: Path) -> None:
    from imagecodecs import jpegxl_encode_jpeg

    pixels = described(33, 47, 8)
    (frame,) = codestreams("jpeg", pixels)
    file = data_set(pixels, [bytes(jpegxl_encode_jpeg(commented(frame)))], JPEG_XL_JPEG)
    done = written(tmp_path, file)
    assert np.array_equal(done.samples()[0], samples_of(tmp_path / "image.dcm")[0])
    for path, found in ((tmp_path / "image.dcm", True), (done.path, False)):
        with Part10File.open(str(path)) as part:
            frame = pixel_data(part).frame(0)
            assert bool(carried(frame, codec_named("jpeg-xl-recompression"))) == found


@pytest.mark.parametrize("syntax", [MPEG4, "1.2.3.4.5"])
def test_what_nobody_looks_into(syntax: str, tmp_path: Path) -> None:
    file = of_class(data_set(described(8, 8, 8), [b"\0\0\1\xb3" + NAME], syntax), CT_IMAGE, modality="CT")
    kept = written(tmp_path, file, "keep")
    assert any("not looked into" in each for each in kept.warnings)
    assert "not looked into" in written(tmp_path, file, "check").suspect
    assert "not looked into" in written(tmp_path, file, "regions").suspect
    for policy in ("blank", "reject"):
        with pytest.raises(InputError, match="not looked into"):
            written(tmp_path, file, policy)


# ---------------------------------------------------------------- real files


@pytest.mark.parametrize("path", [*real_files(), *pydicom_data_files()], ids=lambda path: path.name)
def test_samples_of_real_files_stay_what_they_were(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "image.dcm"
    copy.write_bytes(path.read_bytes())
    try:
        before = samples_of(copy)
    except InputError:
        return
    done = treat(copy, "keep")
    after = done.samples()
    assert len(after) == len(before)
    assert all(map(np.array_equal, after, before))
    assert "113101" not in done.methods


# ---------------------------------------------------------------- policies


def test_only_what_is_blanked_is_decoded() -> None:
    assert [
        name for name in ("keep", "check", "regions", "blank", "reject") if decodes(policy_from(name))
    ] == [
        "regions",
        "blank",
    ]


def test_a_policy_that_is_none_is_told() -> None:
    with pytest.raises(UsageError, match="known are keep, check"):
        policy_from("mask")


def test_other_elements_do_not_disturb(tmp_path: Path) -> None:
    pixels = KINDS["ct"]
    file = inserted(native(pixels, frames_of(pixels)), EVL.element(0x00181030, "LO", b"CHEST "))
    assert written(tmp_path, file).samples()
