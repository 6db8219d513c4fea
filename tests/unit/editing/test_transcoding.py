"""A file in another transfer syntax: which elements change, which stay, and how pixels come through."""

from __future__ import annotations

import zlib
from itertools import pairwise
from struct import pack
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dcmtools.codecs.decoding import decode
from dcmtools.codecs.frames import pixel_data
from dcmtools.codecs.registry import CODECS, codec_named
from dcmtools.codecs.settings import Settings
from dcmtools.editing.frame_selection import parse
from dcmtools.editing.transcoding import Asked, Transcoded, transcoded, verify
from dcmtools.encoding.dataset import DataSet, items, text, values
from dcmtools.encoding.element import UNDEFINED
from dcmtools.errors import CheckFailed, InputError, MalformedError, Unsuitable
from dcmtools.files.part10 import Part10File
from tests.support.encoded import EVL, IVL, part10
from tests.support.pictures import EXPLICIT, INSTANCE, PIXEL_DATA, Samples, data_set, described, picture

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.codecs.pixels import Pixels
    from dcmtools.editing.frame_selection import Selection
    from dcmtools.encoding.element import Element

IMPLICIT, BIG, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
RLE, BASELINE = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50"
GE = "1.2.840.113619.5.2"
RECOMPRESSED = "1.2.840.10008.1.2.4.111"
NATIVE = {"implicit": IMPLICIT, "explicit": EXPLICIT, "explicit-big-endian": BIG, "deflated": DEFLATED}
WRITTEN = [codec.name for codec in CODECS if codec.bits]
CT = described(20, 31, 12)


def native(pixels: Pixels, *frames: Samples) -> bytes:
    """Frames as they stand in a file."""
    drawn = frames or [picture(pixels, seed) for seed in range(pixels.frames)]
    return b"".join(each.tobytes() for each in drawn)


def image(pixels: Pixels = CT, syntax: str = EXPLICIT) -> bytes:
    """A file of ``pixels``, in the byte order of its transfer syntax."""
    value = native(pixels)
    if syntax == BIG and pixels.bits_allocated > 8:
        value = np.frombuffer(value, f"<u{pixels.bits_allocated // 8}").byteswap().tobytes()
    return data_set(pixels, value, syntax)


def with_elements(file: bytes, *elements: bytes, behind: bytes = b"") -> bytes:
    """The same with more elements, in the order of their tags, and something behind it all."""
    start = file.index(EVL.header(0x00080016, "UI", 0)[:6])
    body = file[start:]
    top = [element for element in EVL.walk(body) if element[5] == 0 and element[1]]
    bounds = [*(at for _, _, at, *_ in top), len(body)]
    whole = [body[begin:end] for begin, end in pairwise(bounds)] + [*elements]
    whole.sort(key=lambda each: each[1::-1] + each[3:1:-1])
    return file[:start] + b"".join(whole) + behind


class Result:
    """A file that was transcoded, and what is in it."""

    def __init__(self, folder: Path, done: Transcoded, written: bytes) -> None:
        self.done = done
        self.bytes = written
        self.path = folder / "out.dcm"
        self.path.write_bytes(written)

    @property
    def frames(self) -> list[Samples]:
        with Part10File.open(str(self.path)) as file:
            data = pixel_data(file)
            return [decode(data, index).samples for index in range(len(data))]

    @property
    def elements(self) -> list[Element]:
        with Part10File.open(str(self.path)) as file:
            return list(file.walk())

    @property
    def top(self) -> DataSet:
        """What is in front of the pixel data."""
        from dcmtools.encoding.dataset import read

        with Part10File.open(str(self.path)) as file:
            return read(file.walk(stop=0x7FE00000))

    @property
    def tags(self) -> set[int]:
        """Those of all elements, whatever their depth."""
        return {element[0] for element in self.elements}

    @property
    def body(self) -> bytes:
        with Part10File.open(str(self.path)) as file:
            return self.bytes[file.data_set_offset :]


def transcode(
    folder: Path,
    file: bytes,
    name: str,
    *,
    settings: Settings | None = None,
    new_uid: bool | None = None,
    frames: Selection | None = None,
) -> Result:
    """Transcode ``file``, and verify what comes of it."""
    (folder / "in.dcm").write_bytes(file)
    asked = Asked(codec_named(name), settings or Settings(), new_uid, frames)
    with (
        Part10File.open(str(folder / "in.dcm")) as source,
        transcoded(source, asked, remembering=True) as done,
    ):
        result = Result(folder, done, done.meta + b"".join(done.blocks()))
        with Part10File.open(str(result.path)) as again:
            verify(done, again)
    return result


# ---------------------------------------------------------------- pixels


@pytest.mark.parametrize("name", [name for name in WRITTEN if codec_named(name).lossless])
@pytest.mark.parametrize("syntax", NATIVE.values(), ids=NATIVE)
def test_pixels_are_the_same_without_loss(name: str, syntax: str, tmp_path: Path) -> None:
    pixels = described(20, 31, 12, frames=3)
    file = image(pixels, EXPLICIT if syntax == DEFLATED else syntax)
    if syntax == DEFLATED:
        file = deflated(file)
    made = transcode(tmp_path, file, name)
    assert [each.tolist() for each in made.frames] == [picture(pixels, n).tolist() for n in range(3)]
    back = transcode(tmp_path, made.bytes, "explicit")
    assert b"".join(each.tobytes() for each in back.frames) == native(pixels)
    assert back.done.sop_instance_uid == INSTANCE.decode()


def deflated(file: bytes) -> bytes:
    start = len(file) - len(file.partition(b"\x08\x00\x16\x00")[2]) - 4
    return data_set(CT, b"", DEFLATED)[: start + 2] + zlib.compress(file[start:], wbits=-15)


@pytest.mark.parametrize("name", [name for name in WRITTEN if not codec_named(name).lossless])
def test_pixels_are_nearly_the_same_with_loss(name: str, tmp_path: Path) -> None:
    pixels = described(64, 96, 8)
    made = transcode(tmp_path, image(pixels), name, settings=Settings(quality=70))
    error = np.abs(made.frames[0].astype("i4") - picture(pixels, 0)).mean()
    assert 0 < error < 5


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("name", NATIVE)
def test_single_bits_and_bytes_stay_native(name: str, samples: int, tmp_path: Path) -> None:
    pixels = described(3, 5, 8, samples=samples, frames=3)
    for syntax in (EXPLICIT, IMPLICIT):
        made = transcode(tmp_path, image(pixels, syntax), name)
        assert b"".join(each.tobytes() for each in made.frames) == native(pixels)
    mask = described(3, 5, 1, allocated=1, frames=3)
    packed = np.packbits(np.arange(45) % 3 == 0, bitorder="little").tobytes()
    made = transcode(tmp_path, data_set(mask, packed), name, frames=parse("2-3"))
    assert [each.reshape(-1).tolist() for each in made.frames] == [
        [int(n % 3 == 0) for n in range(15 * frame, 15 * frame + 15)] for frame in (1, 2)
    ]


@pytest.mark.parametrize("name", ["explicit", "implicit", "explicit-big-endian", "rle"])
def test_the_private_syntax_with_pixels_in_big_endian(name: str, tmp_path: Path) -> None:
    file = data_set(CT, np.frombuffer(native(CT), "<u2").byteswap().tobytes(), GE)
    made = transcode(tmp_path, file, name)
    assert made.frames[0].tolist() == picture(CT, 0).tolist()


def test_floating_point_samples_stay_native(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 12, dtype="<f4").tobytes()
    head = image(described(3, 4, 32))
    at = head.index(EVL.header(PIXEL_DATA, "OW", 0)[:8])
    file = head[:at] + EVL.element(0x7FE00008, "OF", values)
    for name in NATIVE:
        made = transcode(tmp_path, file, name)
        assert made.frames[0].tobytes() == values
    with pytest.raises(InputError, match="rle has no floating point samples"):
        transcode(tmp_path, file, "rle")


def test_frames_are_in_memory_one_at_a_time(tmp_path: Path) -> None:
    import tracemalloc

    pixels = described(512, 512, 12, frames=64)
    frame = picture(described(512, 512, 12), 1).tobytes()
    file = data_set(pixels, frame * 64)
    path = tmp_path / "in.dcm"
    path.write_bytes(file)
    sizes = []
    for name in ("rle", "explicit"):
        with Part10File.open(str(path)) as source, (tmp_path / f"{name}.dcm").open("wb") as out:
            tracemalloc.start()
            with transcoded(source, Asked(codec_named(name)), remembering=True) as done:
                out.write(done.meta)
                out.writelines(done.blocks())
            sizes.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        path = tmp_path / f"{name}.dcm"
    assert max(sizes) < 24 * 1024 * 1024  # 16 of which are those of the temporary file


# ---------------------------------------------------------------- elements


def test_all_else_stays_byte_for_byte(tmp_path: Path) -> None:
    trailing = EVL.element(0xFFFCFFFC, "OB", bytes(6))
    file = with_elements(
        image(),
        EVL.sequence(0x00081140, EVL.item(EVL.element(0x00080060, "CS", b"CT")), undefined=True),
        EVL.sequence(0x00081115, EVL.item(EVL.element(0x00080060, "CS", b"CT"), undefined=True)),
        EVL.element(0x00090010, "LO", b"ME  "),
        EVL.element(0x00091001, "UN", b"\1\2\3\4"),
        EVL.element(0x00100000, "UL", pack("<L", 14)),
        EVL.element(0x00100010, "PN", b" A^B  "),
        EVL.element(0x00280034, "IS", b"1\\1 "),
        trailing,
    )
    made = transcode(tmp_path, file, "rle")
    start = file.index(EVL.element(0x00080016, "UI", b"")[:6])
    at = file.index(EVL.header(PIXEL_DATA, "OW", 0)[:8])
    assert made.body.startswith(file[start:at] + EVL.header(PIXEL_DATA, "OB", UNDEFINED))
    assert made.body.endswith(trailing)
    assert made.done.changes == ["VR of Pixel Data OW to OB"]
    back = transcode(tmp_path, made.bytes, "explicit")
    assert back.body == file[start:]


def test_what_describes_pixels_is_put_right(tmp_path: Path) -> None:
    pixels = described(8, 12, 8, samples=3, planar=1)
    made = transcode(tmp_path, image(pixels), "jpeg-2000-lossless")
    assert text(made.top, "PhotometricInterpretation") == "YBR_RCT"
    assert text(made.top, "PlanarConfiguration") == "0"
    assert made.done.changes == [
        "Photometric Interpretation RGB to YBR_RCT",
        "Planar Configuration 1 to 0",
    ]
    back = transcode(tmp_path, made.bytes, "explicit")
    assert text(back.top, "PhotometricInterpretation") == "RGB"
    deep = transcode(tmp_path, image(described(8, 12, 7, allocated=16, high=11)), "jpeg")
    described_now = ("BitsAllocated", "BitsStored", "HighBit")
    assert [text(deep.top, name) for name in described_now] == ["8", "8", "7"]


def test_lengths_of_groups_that_change_go(tmp_path: Path) -> None:
    lengths = [EVL.element(group << 16, "UL", pack("<L", 999)) for group in (0x0008, 0x0028, 0x7FE0)]
    file = with_elements(image(described(8, 12, 8, samples=3)), *lengths)
    made = transcode(tmp_path, file, "jpeg-2000-lossless")
    kept = [tag for tag, *_ in made.elements if tag & 0xFFFF == 0]
    assert kept == [0x00080000]


@pytest.mark.parametrize("name", ["rle", "explicit-big-endian", "implicit"])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("count", [1, 10, 24])
def test_zeros_behind_the_last_element_are_left_out(
    name: str, syntax: str, count: int, tmp_path: Path
) -> None:
    made = transcode(tmp_path, image(syntax=syntax) + bytes(count), name)
    zeros = "1 zero byte" if count == 1 else f"{count} zero bytes"
    assert made.done.warnings == [f"{zeros} behind the last element left out"]
    assert made.body == transcode(tmp_path, image(syntax=syntax), name).body


def test_zeros_in_the_place_of_elements_are_no_padding(tmp_path: Path) -> None:
    for name in ("rle", "implicit"):
        with pytest.raises(MalformedError):
            transcode(tmp_path, image()[:-50] + bytes(20), name)


def test_what_makes_no_sense_behind_the_pixel_data_fails(tmp_path: Path) -> None:
    for name in ("rle", "implicit"):
        with pytest.raises(MalformedError):
            transcode(tmp_path, image() + b"\1\2\3", name)


def test_what_makes_no_sense_within_a_sequence_fails(tmp_path: Path) -> None:
    file = with_elements(image(), EVL.sequence(0x00081140, EVL.item(b"\1\2\3\4\5\6")))
    (tmp_path / "in.dcm").write_bytes(file)
    for name in ("deflated", "implicit"):  # before anything is verified
        with (
            Part10File.open(str(tmp_path / "in.dcm")) as source,
            pytest.raises(MalformedError, match=r"\(0008,1140\)\[0\]"),
            transcoded(source, Asked(codec_named(name))) as done,
        ):
            b"".join(done.blocks())


def test_file_meta_information(tmp_path: Path) -> None:
    meta = [
        (0x00020002, "UI", b"1.2.3\0"),
        (0x00020003, "UI", b"1.2.4\0"),
        (0x00020010, "UI", EXPLICIT.encode() + b"\0"),
        (0x00020012, "UI", b"1.2.5\0"),
        (0x00020013, "SH", b"OTHER "),
        (0x00020016, "AE", b"SOURCE"),
        (0x00020100, "UI", b"1.2.6\0"),
        (0x00020102, "OB", b"abcd"),
    ]
    group = b"".join(EVL.element(*each) for each in meta)
    start = image().index(EVL.header(0x00080016, "UI", 0)[:6])
    file = part10(image()[start:], meta=EVL.element(0x00020000, "UL", pack("<L", len(group))) + group)
    made = transcode(tmp_path, file, "rle")
    with Part10File.open(str(made.path)) as written:
        told = {tag: raw for (tag, *_), raw in written.meta}
    assert told[0x00020002] == b"1.2.840.10008.5.1.4.1.1.7\0"  # as the data set has it
    assert told[0x00020003] == INSTANCE
    assert told[0x00020010] == RLE.encode() + b"\0"
    assert told[0x00020012].startswith(b"2.25.")
    assert told[0x00020016] == b"SOURCE"
    assert (told[0x00020100], told[0x00020102]) == (b"1.2.6\0", b"abcd")


# ---------------------------------------------------------------- loss


def lossy(folder: Path, file: bytes, *, new_uid: bool | None = None) -> Result:
    return transcode(folder, file, "jpeg", new_uid=new_uid)


def test_a_loss_is_told_of(tmp_path: Path) -> None:
    file = with_elements(image(described(64, 96, 8)), EVL.element(0x00080008, "CS", b"ORIGINAL\\PRIMARY "))
    made = lossy(tmp_path, file)
    top = made.top
    assert text(top, "LossyImageCompression") == "01"
    assert text(top, "LossyImageCompressionMethod") == "ISO_10918_1"
    fragment = [length for _, _, _, _, length, depth in made.elements if depth == 1][-1]
    assert float(text(top, "LossyImageCompressionRatio")) == pytest.approx(64 * 96 / fragment, rel=1e-3)
    assert text(top, "ImageType") == "DERIVED\\PRIMARY"
    assert text(top, "DerivationDescription").startswith("lossy compression by JPEGBaseline8Bit, ")
    (code,) = items(top, "DerivationCodeSequence")
    assert text(code, "CodeValue") == "113040"
    (source,) = items(top, "SourceImageSequence")
    assert text(source, "ReferencedSOPInstanceUID") == INSTANCE.decode()
    assert text(source, "ReferencedSOPClassUID") == "1.2.840.10008.5.1.4.1.1.7"
    uid = text(top, "SOPInstanceUID")
    assert uid == made.done.sop_instance_uid != INSTANCE.decode()
    assert uid.startswith("2.25.")
    with Part10File.open(str(made.path)) as written:
        assert written.meta_text(0x00020003) == uid


def test_the_type_of_an_enhanced_image_stays_that_of_its_frames(tmp_path: Path) -> None:
    file = with_elements(
        image(described(64, 96, 8)),
        EVL.element(0x00080008, "CS", b"ORIGINAL\\PRIMARY "),
        EVL.sequence(0x52009230, EVL.item()),
    )
    assert text(lossy(tmp_path, file).top, "ImageType") == "ORIGINAL\\PRIMARY"


def test_what_was_told_of_losses_before_stays(tmp_path: Path) -> None:
    item = EVL.item(EVL.element(0x00081155, "UI", b"1.2.3\0"))
    for undefined in (True, False):
        file = with_elements(
            image(described(64, 96, 8)),
            EVL.element(0x00082111, "ST", b"resampled "),
            EVL.sequence(0x00082112, item, undefined=undefined),
            EVL.sequence(0x00089215, item, item, undefined=undefined),
            EVL.element(0x00282110, "CS", b"01"),
            EVL.element(0x00282112, "DS", b"12"),
            EVL.element(0x00282114, "CS", b"ISO_15444_1 "),
        )
        top = lossy(tmp_path, file).top
        assert values(top, "LossyImageCompressionMethod") == ["ISO_15444_1", "ISO_10918_1"]
        assert values(top, "LossyImageCompressionRatio")[0] == "12"
        assert text(top, "DerivationDescription").startswith("resampled; lossy compression by")
        sources = [text(each, "ReferencedSOPInstanceUID") for each in items(top, "SourceImageSequence")]
        assert sources == ["1.2.3", INSTANCE.decode()]
        assert len(items(top, "DerivationCodeSequence")) == 3


def test_methods_and_ratios_stay_side_by_side(tmp_path: Path) -> None:
    file = with_elements(image(described(64, 96, 8)), EVL.element(0x00282112, "DS", b"12"))
    top = lossy(tmp_path, file).top
    assert values(top, "LossyImageCompressionMethod") == ["", "ISO_10918_1"]


def test_a_description_that_would_be_too_long(tmp_path: Path) -> None:
    file = with_elements(image(described(64, 96, 8)), EVL.element(0x00082111, "ST", b"x" * 1000))
    assert text(lossy(tmp_path, file).top, "DerivationDescription").startswith("lossy compression by")


def test_the_uid_may_be_kept_and_may_be_new(tmp_path: Path) -> None:
    made = lossy(tmp_path, image(described(64, 96, 8)), new_uid=False)
    assert text(made.top, "SOPInstanceUID") == INSTANCE.decode()
    assert not items(made.top, "SourceImageSequence")
    assert text(made.top, "LossyImageCompression") == "01"
    for name in ("rle", "implicit"):
        made = transcode(tmp_path, image(), name, new_uid=True)
        assert text(made.top, "SOPInstanceUID") == made.done.sop_instance_uid != INSTANCE.decode()
        assert len(items(made.top, "SourceImageSequence")) == 1
        assert not text(made.top, "DerivationDescription")


def test_what_was_lossy_says_so_when_it_is_decompressed(tmp_path: Path) -> None:
    """Some writers leave out what only the transfer syntax tells, and that is gone then."""
    made = lossy(tmp_path, image(described(64, 96, 8)), new_uid=False)
    without = (0x00282110, 0x00282112, 0x00282114)
    start = made.bytes.index(EVL.header(0x00080016, "UI", 0)[:6])
    body = made.bytes[start:]
    kept = [
        body[element[2] : element[3] + element[4]]
        for element in EVL.walk(body, stop=0x7FE00000)
        if element[5] == 0 and element[1] not in ("", "SQ") and element[0] not in without
    ]
    tail = body[body.index(EVL.header(PIXEL_DATA, "OB", UNDEFINED)) :]
    silent = made.bytes[:start] + b"".join(kept) + tail
    top = transcode(tmp_path, silent, "explicit").top
    assert text(top, "LossyImageCompression") == "01"
    assert text(top, "LossyImageCompressionMethod") == "ISO_10918_1"
    assert text(top, "SOPInstanceUID") == INSTANCE.decode()


def silenced(made: Result) -> bytes:
    """The same where nothing tells of a loss."""
    told = EVL.element(0x00282110, "CS", b"01")
    assert told in made.bytes
    return made.bytes.replace(told, EVL.element(0x00282110, "CS", b"00"))


@pytest.mark.parametrize("name", [name for name in WRITTEN if not codec_named(name).lossless])
def test_a_codestream_with_loss_says_so_itself(name: str, tmp_path: Path) -> None:
    """Of JPEG-LS, JPEG 2000 and JPEG XL the transfer syntax leaves it open."""
    file = silenced(transcode(tmp_path, image(described(64, 96, 8)), name, new_uid=False))
    top = transcode(tmp_path, file, "explicit").top
    assert text(top, "LossyImageCompression") == "01"
    assert len(values(top, "LossyImageCompressionRatio")) == 2


@pytest.mark.parametrize(
    ("name", "other"),
    [("jpeg-ls", "jpeg-ls-near"), ("jpeg-2000-lossless", "jpeg-2000"), ("jpeg-xl-lossless", "jpeg-xl")],
)
def test_what_lost_nothing_is_not_called_lossy(name: str, other: str, tmp_path: Path) -> None:
    pixels = described(20, 31, 8)
    made = transcode(tmp_path, image(pixels), name)
    with Part10File.open(str(made.path)) as file:
        codestream = pixel_data(file).frame(0)
    top = transcode(tmp_path, data_set(pixels, [codestream], codec_named(other).uid), "explicit").top
    assert not text(top, "LossyImageCompression")


def test_recompressed_jpeg_lost_what_jpeg_loses(tmp_path: Path) -> None:
    from imagecodecs import jpeg8_encode, jpegxl_encode_jpeg

    pixels = described(64, 96, 8)
    codestream = bytes(jpegxl_encode_jpeg(jpeg8_encode(picture(pixels, 0))))
    made = transcode(tmp_path, data_set(pixels, [codestream], RECOMPRESSED), "explicit")
    assert text(made.top, "LossyImageCompressionMethod") == "ISO_10918_1"


def test_the_ratio_counts_all_of_the_chrominance(tmp_path: Path) -> None:
    made = transcode(tmp_path, image(described(64, 96, 8, samples=3)), "jpeg", new_uid=False)
    before, after = values(transcode(tmp_path, silenced(made), "explicit").top, "LossyImageCompressionRatio")
    assert float(after) == pytest.approx(float(before), rel=0.03)


def test_the_least_and_greatest_samples_are_others_after_a_loss(tmp_path: Path) -> None:
    extremes = [EVL.element(tag, "US", b"\5\0") for tag in (0x00280106, 0x00280107)]
    file = with_elements(image(described(64, 96, 8)), *extremes)
    made = lossy(tmp_path, file)
    assert not {0x00280106, 0x00280107} & made.tags
    assert "Smallest and Largest Image Pixel Value left out" in made.done.changes
    assert {0x00280106, 0x00280107} <= transcode(tmp_path, file, "rle").tags


# ---------------------------------------------------------------- frames and tables


def tables(result: Result) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    with Part10File.open(str(result.path)) as file:
        walker = file.walk()
        for tag, _, _, offset, length, depth in walker:
            if tag in (0x7FE00001, 0x7FE00002):
                found[tag] = np.frombuffer(walker.value(offset, length), "<u8").tolist()
            elif depth == 1 and tag == 0xFFFEE000 and 0 not in found:
                found[0] = np.frombuffer(walker.value(offset, length), "<u4").tolist()
    return found


def test_offset_tables(tmp_path: Path) -> None:
    pixels = described(20, 31, 12, frames=3)
    for table in ("basic", "extended", "none"):
        made = transcode(tmp_path, image(pixels), "jpeg-ls", settings=Settings(offset_table=table))
        found = tables(made)
        assert len(found[0]) == (3 if table == "basic" else 0)
        assert len(found.get(0x7FE00001, [])) == len(found.get(0x7FE00002, [])) == 3 * (table == "extended")
        assert len(made.frames) == 3
        for name in ("rle", "explicit"):
            again = transcode(tmp_path, made.bytes, name)
            assert 0x7FE00001 not in tables(again)
            assert b"".join(each.tobytes() for each in again.frames) == native(pixels)


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG, IMPLICIT])
def test_extended_offset_tables_are_in_the_byte_order_of_the_file(syntax: str, tmp_path: Path) -> None:
    """Pixel data with a fragment a frame is read whatever they say."""
    file = image(described(20, 31, 12, frames=3), syntax)
    made = transcode(tmp_path, file, "jpeg-ls", settings=Settings(offset_table="extended"))
    lengths = [length for tag, _, _, _, length, depth in made.elements if depth == 1 and tag == 0xFFFEE000]
    found = tables(made)
    assert found[0x7FE00002] == lengths[1:]
    assert found[0x7FE00001] == [0, lengths[1] + 8, lengths[1] + lengths[2] + 16]


def test_fragments(tmp_path: Path) -> None:
    pixels = described(20, 31, 12, frames=3)
    made = transcode(tmp_path, image(pixels), "rle", settings=Settings(fragment_size=101))
    lengths = [length for tag, _, _, _, length, depth in made.elements if depth == 1 and tag == 0xFFFEE000]
    assert max(lengths) == 102
    assert len(lengths) > 10
    assert b"".join(each.tobytes() for each in made.frames) == native(pixels)


@pytest.mark.parametrize("name", ["explicit", "rle", "explicit-big-endian"])
@pytest.mark.parametrize("undefined", [True, False])
def test_some_frames_and_what_is_said_of_them(name: str, undefined: bool, tmp_path: Path) -> None:
    pixels = described(20, 31, 12, frames=5)
    groups = [
        EVL.item(EVL.element(0x00209157, "UL", pack("<L", 10 * n)), undefined=undefined) for n in range(5)
    ]
    file = with_elements(
        image(pixels),
        EVL.element(0x00181065, "DS", b"0\\10\\20\\30\\40 "),
        EVL.element(0x00280009, "AT", pack("<4H", 0x0018, 0x1065, 0x0054, 0x0010)),
        EVL.element(0x00540010, "US", pack("<5H", 1, 2, 3, 4, 5)),
        EVL.sequence(0x52009230, *groups, undefined=undefined),
    )
    made = transcode(tmp_path, file, name, frames=parse("-1,2-3,2"))
    assert [each.tolist() for each in made.frames] == [picture(pixels, n).tolist() for n in (1, 2, 4)]
    top = made.top
    assert text(top, "NumberOfFrames") == "3"
    assert values(top, "FrameTimeVector") == ["10", "20", "40"]
    assert values(top, "EnergyWindowVector") == ["2", "3", "5"]
    kept = items(top, "PerFrameFunctionalGroupsSequence")
    assert [text(each, "DimensionIndexValues") for each in kept] == ["10", "20", "40"]
    (source,) = items(top, "SourceImageSequence")
    assert values(source, "ReferencedFrameNumber") == ["2", "3", "5"]
    assert text(top, "SOPInstanceUID") != INSTANCE.decode()
    assert text(top, "DerivationDescription") == "3 of 5 frames"
    assert not text(top, "LossyImageCompression")


@pytest.mark.parametrize("name", ["explicit", "implicit", "explicit-big-endian"])
def test_an_odd_number_of_bytes_is_padded(name: str, tmp_path: Path) -> None:
    pixels = described(3, 5, 8, frames=2)
    made = transcode(tmp_path, image(pixels), name, frames=parse("2"))
    assert made.elements[-1][4] == 16
    assert made.frames[0].tolist() == picture(pixels, 1).tolist()
    packed = transcode(tmp_path, image(pixels), "rle", frames=parse("2"))
    assert transcode(tmp_path, packed.bytes, name).elements[-1][4] == 16


def test_numbers_of_frames_that_are_others_now_go(tmp_path: Path) -> None:
    trim, first = EVL.element(0x00082142, "IS", b"2 "), EVL.element(0x00286010, "US", b"\2\0")
    file = with_elements(image(described(20, 31, 12, frames=3)), trim, first)
    made = transcode(tmp_path, file, "rle", frames=parse("2-3"))
    assert not {0x00082142, 0x00286010} & made.tags
    assert {0x00082142, 0x00286010} <= transcode(tmp_path, file, "rle").tags


def test_what_the_image_before_was(tmp_path: Path) -> None:
    def purpose(file: bytes, *, frames: Selection | None = None) -> str:
        made = transcode(tmp_path, file, "jpeg", frames=frames)
        (source,) = items(made.top, "SourceImageSequence")
        return text(items(source, "PurposeOfReferenceCodeSequence")[0], "CodeValue")

    file = image(described(64, 96, 8, frames=2))
    assert purpose(file) == "121320"
    assert purpose(file, frames=parse("1")) == "121322"
    assert purpose(transcode(tmp_path, file, "rle").bytes) == "121322"


def test_a_sequence_in_another_encoding_gets_no_item(tmp_path: Path) -> None:
    for undefined in (True, False):
        unknown = EVL.sequence(0x00082112, IVL.item(), vr="UN", undefined=undefined)
        with pytest.raises(InputError, match=r"\(0008,2112\) stands under VR UN"):
            lossy(tmp_path, with_elements(image(described(64, 96, 8)), unknown))


def test_all_frames_are_no_choice(tmp_path: Path) -> None:
    made = transcode(tmp_path, image(described(20, 31, 12, frames=2)), "rle", frames=parse("1--1"))
    assert made.done.sop_instance_uid == INSTANCE.decode()


def test_frames_that_cannot_be_chosen(tmp_path: Path) -> None:
    file = image(described(20, 31, 12, frames=3))
    with pytest.raises(InputError, match="there is no frame 3-4: the image has 3"):
        transcode(tmp_path, file, "rle", frames=parse("1,3-4"))
    with pytest.raises(InputError, match="there is no frame -4"):
        transcode(tmp_path, file, "rle", frames=parse("-4"))
    tiled = with_elements(file, EVL.element(0x00209311, "CS", b"TILED_FULL"))
    with pytest.raises(InputError, match="TILED_FULL"):
        transcode(tmp_path, tiled, "rle", frames=parse("1"))
    overlay = EVL.element(0x60020015, "IS", b"3 ")
    with pytest.raises(InputError, match=r"the overlay \(6002,0015\) has frames of its own"):
        transcode(tmp_path, with_elements(file, overlay), "rle", frames=parse("1"))
    assert transcode(tmp_path, with_elements(file, overlay), "rle").frames
    groups = with_elements(file, EVL.sequence(0x52009230, EVL.item()))
    with pytest.raises(InputError, match="tells of 1 frames, and there are 3"):
        transcode(tmp_path, groups, "rle", frames=parse("1"))


@pytest.mark.parametrize("wrong", ["", "0", "3-2", "1,,2", "x", "-1--2", "1-2-3", "1" * 10])
def test_what_is_no_choice_of_frames(wrong: str) -> None:
    with pytest.raises(ValueError, match="is no choice of frames"):
        parse(wrong)


# ---------------------------------------------------------------- what is not done


def test_icons_stay_native(tmp_path: Path) -> None:
    icon = EVL.sequence(0x00880200, EVL.item(EVL.element(PIXEL_DATA, "OW", b"\1\2\3\4")))
    file = with_elements(image(), icon)
    made = transcode(tmp_path, file, "rle")
    assert icon in made.body
    big = transcode(tmp_path, made.bytes, "explicit-big-endian")
    assert b"\2\1\4\3" in big.body


def icon(codestream: bytes, *, undefined: bool = False, samples: int = 1, tag: int = 0x00880200) -> bytes:
    """A sequence of one icon of 5 rows of 7, encapsulated."""
    numbers = {0x00280010: 5, 0x00280011: 7, 0x00280100: 8, 0x00280101: 8, 0x00280102: 7, 0x00280103: 0}
    elements = [
        EVL.element(0x00280002, "US", pack("<H", samples)),
        EVL.element(0x00280004, "CS", b"MONOCHROME2 "),
        *(EVL.element(tag, "US", pack("<H", number)) for tag, number in numbers.items()),
        EVL.sequence(PIXEL_DATA, EVL.item(), EVL.item(codestream), vr="OB", undefined=True),
    ]
    return EVL.sequence(tag, EVL.item(b"".join(elements), undefined=undefined), undefined=undefined)


@pytest.mark.parametrize("name", ["explicit", "implicit", "explicit-big-endian", "jpeg-ls"])
@pytest.mark.parametrize("undefined", [True, False])
def test_icons_that_are_not_become_native(name: str, undefined: bool, tmp_path: Path) -> None:
    pixels = described(5, 7, 8)
    small = transcode(tmp_path, image(pixels), "rle")
    with Part10File.open(str(small.path)) as file:
        codestream = pixel_data(file).frame(0)
    made = transcode(tmp_path, image(), "rle")
    whole = with_elements(
        made.bytes, icon(codestream, undefined=undefined), EVL.element(0x00880130, "SH", b"A1")
    )
    result = transcode(tmp_path, whole, name)
    (only,) = items(result.top, "IconImageSequence")
    assert only[PIXEL_DATA] == ("OB" if name != "implicit" else "OW", native(pixels) + b"\0")
    assert text(only, "Rows") == "5"
    assert "icon decompressed" in result.done.changes
    assert result.frames[0].tolist() == picture(CT, 0).tolist()
    kept = transcode(tmp_path, whole, "rle", frames=parse("1"))
    assert codestream in kept.bytes


def test_icons_that_cannot_are_refused(tmp_path: Path) -> None:
    made = transcode(tmp_path, image(), "rle")
    for wrong, what in (
        (icon(b"abcd"), "the icon: frame 1: an RLE header"),
        (EVL.sequence(0x00880200, EVL.item(EVL.sequence(PIXEL_DATA, vr="OB", undefined=True))), "Allocated"),
        (icon(b"abcd", tag=0x00081140), "the pixel data of an item is encapsulated"),
    ):
        for name in ("explicit", "jpeg-ls"):
            with pytest.raises(InputError, match=what):
                transcode(tmp_path, with_elements(made.bytes, wrong), name)


def test_without_pixels_only_elements_change(tmp_path: Path) -> None:
    file = data_set(CT, b"")
    file = file[: -len(EVL.element(PIXEL_DATA, "OW"))]
    for name, syntax in NATIVE.items():
        made = transcode(tmp_path, file, name)
        with Part10File.open(str(made.path)) as written:
            assert written.transfer_syntax == syntax
        assert len(made.top) == len(made.elements)
    with pytest.raises(Unsuitable, match="there is no pixel data"):
        transcode(tmp_path, file, "rle")
    made = transcode(tmp_path, file, "implicit", new_uid=True)
    assert text(made.top, "SOPInstanceUID") == made.done.sop_instance_uid != INSTANCE.decode()


def test_video_stays_as_it_is(tmp_path: Path) -> None:
    file = data_set(described(20, 30, 8, frames=9), [b"abcd"], "1.2.840.10008.1.2.4.102")
    with pytest.raises(Unsuitable, match="video"):
        transcode(tmp_path, file, "explicit")


def test_a_dicomdir_stays_as_it_is(tmp_path: Path) -> None:
    group = EVL.element(0x00020002, "UI", b"1.2.840.10008.1.3.10")
    group += EVL.element(0x00020010, "UI", EXPLICIT.encode() + b"\0")
    file = part10(b"", meta=EVL.element(0x00020000, "UL", pack("<L", len(group))) + group)
    with pytest.raises(Unsuitable, match="DICOMDIR"):
        transcode(tmp_path, file, "implicit")


def test_elements_without_order_are_refused(tmp_path: Path) -> None:
    start = image().index(EVL.header(0x00280010, "US", 0)[:6])
    file = image()[:start] + EVL.element(0x00100020, "LO", b"A1") + image()[start:]
    with pytest.raises(MalformedError, match="in the order of its tags"):
        transcode(tmp_path, file, "rle")


def without_count(file: bytes) -> bytes:
    for code in (EVL, IVL):
        file = file.replace(code.element(0x00280008, "IS", b"3 "), b"")
    return file


@pytest.mark.parametrize("name", ["rle", "implicit"])
def test_frames_that_nobody_tells_of_are_not_left_out(name: str, tmp_path: Path) -> None:
    file = without_count(image(described(20, 31, 12, frames=3)))
    if name == "implicit":
        assert transcode(tmp_path, file, name).elements[-1][4] == 3 * 20 * 31 * 2
        file = without_count(data_set(described(20, 31, 12, frames=3), file[-3 * 1240 :], GE))
    with pytest.raises(InputError, match="2480 bytes of pixel data stand behind the last frame"):
        transcode(tmp_path, file, name)
    made = transcode(tmp_path, data_set(CT, native(CT) + bytes(1238)), "rle")
    assert made.done.warnings == ["1238 bytes of pixel data behind the last frame left out"]
    odd = described(3, 5, 8)
    assert not transcode(tmp_path, data_set(odd, native(odd)), "rle").done.warnings


@pytest.mark.parametrize("table", ["basic", "none"])
@pytest.mark.parametrize("name", ["rle", "jpeg-lossless", "jpeg-2000-lossless", "htj2k-lossless"])
def test_codestreams_that_nobody_tells_of_are_not_left_out(name: str, table: str, tmp_path: Path) -> None:
    pixels = described(20, 31, 12, frames=3)
    for size in (0, 300):
        settings = Settings(offset_table=table, fragment_size=size)
        file = without_count(transcode(tmp_path, image(pixels), name, settings=settings).bytes)
        with pytest.raises(
            MalformedError, match="there are 3 codestreams, and Number of Frames tells of one"
        ):
            transcode(tmp_path, file, "explicit")


@pytest.mark.parametrize("name", ["rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000-lossless"])
def test_chrominance_that_is_called_subsampled_and_is_not(name: str, tmp_path: Path) -> None:
    pixels = described(8, 12, 8, samples=3, photometric="YBR_FULL")
    made = transcode(tmp_path, image(pixels), name)
    with Part10File.open(str(made.path)) as file:
        codestream, syntax = pixel_data(file).frame(0), file.transfer_syntax
    called = data_set(pixels._replace(photometric="YBR_FULL_422"), [codestream], syntax)
    back = transcode(tmp_path, called, "explicit")
    assert text(back.top, "PhotometricInterpretation") == "YBR_FULL"
    assert back.frames[0].tolist() == picture(pixels, 0).tolist()
    retired = data_set(pixels._replace(photometric="YBR_PARTIAL_422"), [codestream], syntax)
    with pytest.raises(InputError, match="frame 1: YBR_PARTIAL_422 is retired"):
        transcode(tmp_path, retired, "explicit")
    plain = data_set(pixels._replace(photometric="YBR_FULL_422"), native(pixels))
    again = transcode(tmp_path, plain, name)
    assert text(again.top, "PhotometricInterpretation") == "YBR_FULL"
    assert again.done.changes == ["Photometric Interpretation YBR_FULL_422 to YBR_FULL"]


def test_what_no_reader_would_inflate_is_not_deflated(tmp_path: Path) -> None:
    """Nor is anything left of it where nobody reads it again."""
    pixels = described(1024, 1024, 16, frames=9)
    (tmp_path / "in.dcm").write_bytes(data_set(pixels, bytes(9 * 1024 * 1024 * 2)))
    with (
        Part10File.open(str(tmp_path / "in.dcm")) as source,
        transcoded(source, Asked(codec_named("deflated"))) as done,
        pytest.raises(InputError, match=r"18874\d+ bytes of data set would deflate so well"),
    ):
        b"".join(done.blocks())
    pixels = pixels._replace(frames=7)
    assert len(transcode(tmp_path, data_set(pixels, bytes(7 * 1024 * 1024 * 2)), "deflated").frames) == 7


def test_frames_of_different_colours_are_refused(tmp_path: Path) -> None:
    pixels = described(16, 16, 8, samples=3)
    streams = []
    for name in ("jpeg-lossless", "jpeg"):
        made = transcode(tmp_path, image(pixels), name)
        with Part10File.open(str(made.path)) as file:
            streams.append(pixel_data(file).frame(0))
    two = data_set(pixels._replace(frames=2, photometric="YBR_FULL"), streams, BASELINE)
    with pytest.raises(InputError, match="frame 2"):
        transcode(tmp_path, two, "explicit")


def test_bits_that_no_sample_has_are_told_of(tmp_path: Path) -> None:
    samples = picture(CT, 0) | 0x4000
    made = transcode(tmp_path, data_set(CT, samples.tobytes()), "rle")
    assert made.done.warnings == ["bits beyond the 12 stored were not zero, and are now"]
    assert made.frames[0].tolist() == picture(CT, 0).tolist()
    plain = transcode(tmp_path, data_set(CT, samples.tobytes()), "implicit")
    assert samples.tobytes() in plain.body


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG, IMPLICIT])
def test_overlays_in_the_pixels_get_data_of_their_own(syntax: str, tmp_path: Path) -> None:
    pixels = described(5, 7, 12, frames=3)
    masks = [np.arange(35).reshape(5, 7) % (2 + n) == 0 for n in range(3)]
    words = [picture(pixels, n) | (mask.astype("u2") << 13) for n, mask in enumerate(masks)]
    numbers = {0x0010: 5, 0x0011: 7, 0x0100: 16, 0x0102: 13}
    overlay = [EVL.element(0x60020000 | tag, "US", pack("<H", number)) for tag, number in numbers.items()]
    file = with_elements(data_set(pixels, b"".join(each.tobytes() for each in words)), *overlay)
    if syntax != EXPLICIT:
        name = next(name for name, uid in NATIVE.items() if uid == syntax)
        file = transcode(tmp_path, file, name).bytes
    made = transcode(tmp_path, file, "rle")
    assert not made.done.warnings
    assert made.done.changes[-1] == "overlays out of the pixels"
    assert [each.tolist() for each in made.frames] == [picture(pixels, n).tolist() for n in range(3)]
    top = made.top
    found = [values(top, 0x60020000 | tag) for tag in (0x0015, 0x0051, 0x0100, 0x0102)]
    assert found == [["3"], ["1"], ["1"], ["0"]]
    _, raw = top[0x60023000]
    assert isinstance(raw, bytes)
    bits = np.unpackbits(np.frombuffer(raw, "u1"), bitorder="little")[:105]
    assert bits.reshape(3, 5, 7).astype(bool).tolist() == [mask.tolist() for mask in masks]


def test_overlays_that_are_not_of_the_size_of_the_pixels(tmp_path: Path) -> None:
    overlay = [EVL.element(0x60000000 | tag, "US", b"\x0d\0") for tag in (0x0010, 0x0011, 0x0102)]
    with pytest.raises(
        InputError, match=r"the overlay \(6000,0010\) is in the pixels, and not of their size"
    ):
        transcode(tmp_path, with_elements(image(), *overlay), "rle")
    data = EVL.element(0x60003000, "OW", bytes(32))
    made = transcode(tmp_path, with_elements(image(), *overlay, data), "rle")
    assert data in made.body


def test_pixels_that_make_no_sense_stay_as_they_are(tmp_path: Path) -> None:
    file = image().replace(EVL.element(0x00280010, "US", b"\x14\0"), EVL.element(0x00280010, "US", b"\0\0"))
    made = transcode(tmp_path, file, "implicit")
    assert made.done.warnings == ["not looked at the pixels: 0 rows and 31 columns are no image"]
    with pytest.raises(InputError, match="0 rows"):
        transcode(tmp_path, file, "rle")


# ---------------------------------------------------------------- verifying


@pytest.mark.parametrize("name", ["explicit", "rle", "jpeg-ls", "jpeg-2000-lossless", "deflated"])
def test_another_sample_is_found(name: str, tmp_path: Path) -> None:
    pixels = described(20, 31, 12, frames=2)
    other = [picture(pixels, 0), picture(pixels, 1)]
    other[1] = other[1].copy()
    other[1][3, 4] ^= 1
    wrong = transcode(tmp_path, data_set(pixels, native(pixels, *other)), name)
    check(tmp_path, image(pixels), name, wrong.bytes, "frame 2 is not what it was")
    short = transcode(tmp_path, image(pixels._replace(frames=1)), name)
    check(tmp_path, image(pixels), name, short.bytes, "1 frames were written, not 2")


def check(folder: Path, file: bytes, name: str, written: bytes, message: str) -> None:
    (folder / "in.dcm").write_bytes(file)
    (folder / "written.dcm").write_bytes(written)
    with (
        Part10File.open(str(folder / "in.dcm")) as source,
        transcoded(source, Asked(codec_named(name)), remembering=True) as done,
        Part10File.open(str(folder / "written.dcm")) as again,
    ):
        assert b"".join(done.blocks())
        with pytest.raises(CheckFailed, match=message):
            verify(done, again)
