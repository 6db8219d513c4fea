"""Frames out of pixel data: native in every byte order, encapsulated with every table, and what cannot be."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

import pytest

from dcmtools.codecs.frames import pixel_data
from dcmtools.errors import DcmtoolsError, InputError, MalformedError, Unsuitable
from dcmtools.files.part10 import Part10File
from tests.support.encoded import EVL, part10
from tests.support.peak import frames_peak
from tests.support.pictures import data_set, described, offsets, opened
from tests.support.samples import pydicom_data_files, real_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RLE, JPEG = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50"
BIG = "1.2.840.10008.1.2.2"
BEGIN, MORE = b"\xff\xd8\xff\xe0", b"more"


def frames(folder: Path, file: bytes) -> list[bytes]:
    part, data = opened(folder, file)
    with part:
        return list(data)


def encapsulated(
    folder: Path, count: int, fragments: Sequence[bytes], table: bytes = b"", syntax: str = RLE
) -> list[bytes]:
    return frames(folder, data_set(described(frames=count), fragments, syntax, table=table))


def test_one_fragment_a_frame_whatever_the_table(tmp_path: Path) -> None:
    fragments = [b"one.", b"two.", b"three."]
    for table in (b"", offsets(fragments, [0, 1, 2]), b"\1\2\3\4" * 3, b"\0" * 4):
        assert encapsulated(tmp_path, 3, fragments, table) == fragments


def test_one_frame_of_many_fragments(tmp_path: Path) -> None:
    assert encapsulated(tmp_path, 1, [b"ab", b"cd", b"ef"]) == [b"abcdef"]


def test_basic_offset_table(tmp_path: Path) -> None:
    fragments = [b"aa", b"bbbb", b"cc", b"dd", b"eeeeee"]
    assert encapsulated(tmp_path, 2, fragments, offsets(fragments, [0, 3])) == [b"aabbbbcc", b"ddeeeeee"]


def test_extended_offset_table_goes_before_the_basic_one(tmp_path: Path) -> None:
    fragments = [b"aa", b"bb", b"cc"]
    extended = pack("<2Q", 0, 10), pack("<2Q", 2, 12)
    file = data_set(
        described(frames=2), fragments, RLE, table=offsets(fragments, [0, 2]), extended=extended
    )  # fmt: skip
    assert frames(tmp_path, file) == [b"aa", b"bbcc"]


def test_codestreams_tell_where_frames_begin_without_a_table(tmp_path: Path) -> None:
    fragments = [BEGIN, MORE, BEGIN, MORE, MORE]
    assert encapsulated(tmp_path, 2, fragments, syntax=JPEG) == [BEGIN + MORE, BEGIN + MORE + MORE]


@pytest.mark.parametrize(
    "table",
    [
        pack("<2L", 0, 4),  # into a fragment
        pack("<2L", 10, 20),  # the first frame is not the first fragment
        pack("<2L", 20, 0),  # backwards
        pack("<2L", 0, 0),  # a frame of nothing
        pack("<2L", 0, 4000),  # behind everything
        pack("<L", 0),  # of fewer frames
        pack("<3L", 0, 10, 20),  # of more
    ],
    ids=str,
)
def test_offset_tables_that_lie(tmp_path: Path, table: bytes) -> None:
    with pytest.raises(MalformedError, match="offset table does not tell"):
        encapsulated(tmp_path, 2, [b"aa", b"bb", b"cc"], table)


def test_nothing_tells_where_frames_begin(tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="nothing tells"):
        encapsulated(tmp_path, 2, [b"aa", b"bb", b"cc"])
    with pytest.raises(MalformedError, match="nothing tells"):
        encapsulated(tmp_path, 3, [BEGIN, MORE, BEGIN, MORE])


def test_fewer_fragments_than_frames(tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="2 fragments cannot hold 3 frames"):
        encapsulated(tmp_path, 3, [b"aa", b"bb"])
    with pytest.raises(MalformedError, match="0 fragments"):
        encapsulated(tmp_path, 1, [])


def test_more_fragments_than_memory_should_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcmtools.codecs.frames._MOST_FRAGMENTS", 3)
    assert encapsulated(tmp_path, 1, [b"ab", b"cd"]) == [b"abcd"]
    with pytest.raises(MalformedError, match="more than 3 fragments"):
        encapsulated(tmp_path, 1, [b"ab", b"cd", b"ef"])


def test_not_even_an_offset_table(tmp_path: Path) -> None:
    file = data_set(described(), EVL.header(0xFFFEE0DD, "", 0), RLE, undefined=True)
    with pytest.raises(InputError, match="offset table"):
        frames(tmp_path, file)


@pytest.mark.parametrize("count", [0, -1])
def test_no_frames(tmp_path: Path, count: int) -> None:
    with pytest.raises(InputError, match="Number of Frames"):
        frames(tmp_path, data_set(described(frames=count), b""))


def test_no_pixel_data(tmp_path: Path) -> None:
    (tmp_path / "none").write_bytes(part10(EVL.element(0x00100020, "LO", b"ID")))
    with Part10File.open(str(tmp_path / "none")) as file, pytest.raises(Unsuitable, match="no pixel data"):
        pixel_data(file)


def test_native_frames(tmp_path: Path) -> None:
    pixels = described(2, 3, 8, frames=2)
    assert frames(tmp_path, data_set(pixels, bytes(range(12)))) == [bytes(range(6)), bytes(range(6, 12))]


def test_native_frames_that_are_not_there(tmp_path: Path) -> None:
    part, data = opened(tmp_path, data_set(described(2, 3, 8, frames=3), bytes(12)))
    with part:
        assert data.frame(1) == bytes(6)
        with pytest.raises(InputError, match=r"frame 3 is not there: 12 bytes .* 18 of 3 frames"):
            data.frame(2)


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_words_in_big_endian(tmp_path: Path, bits: int) -> None:
    """OW is words of 16 bits, whatever a sample has: frames of an odd length share one."""
    pixels = described(1, 3, bits, frames=2)
    native = bytes(range(2 * 3 * bits // 8))
    swapped = b"".join(native[at + 1 : at - 1 if at else None : -1] for at in range(0, len(native), 2))
    assert frames(tmp_path, data_set(pixels, swapped, BIG, vr="OW")) == [
        native[: len(native) // 2],
        native[len(native) // 2 :],
    ]


def test_bytes_in_big_endian(tmp_path: Path) -> None:
    pixels = described(1, 3, 8, frames=2)
    assert frames(tmp_path, data_set(pixels, b"abcdef", BIG, vr="OB")) == [b"abc", b"def"]


def test_single_bits_over_the_bounds_of_frames(tmp_path: Path) -> None:
    pixels = described(1, 5, 1, allocated=1, frames=3)
    packed = int("101011110000011"[::1], 2).to_bytes(2, "little")
    assert frames(tmp_path, data_set(pixels, packed)) == [b"\x03", b"\x1c", b"\x15"]


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"rows": 0}, "no image"),
        ({"samples": 2}, "Samples per Pixel"),
        ({"allocated": 12}, "Bits Allocated"),
        ({"bits": 17, "allocated": 16}, "Bits Stored"),
        ({"high": 8}, "High Bit"),
        ({"samples": 3, "planar": 2}, "Planar"),
        ({"rows": 65535, "columns": 65535}, "a frame would have"),
        ({"rows": 32767, "columns": 32767}, "a frame would have"),
        ({"rows": 65535, "columns": 65535, "bits": 1, "allocated": 1}, "a frame would have"),
    ],
)
def test_descriptions_of_no_image(tmp_path: Path, wrong: dict[str, int], what: str) -> None:
    with pytest.raises(InputError, match=what):
        frames(tmp_path, data_set(described(**wrong), b"\0\0"))  # type: ignore[arg-type]  # all are integers


def test_frames_are_those_of_pydicom() -> None:
    """Of every real file, but for what one of the two refuses."""
    from pydicom import dcmread
    from pydicom.encaps import generate_frames

    compared = 0
    for path in [*real_files(), *pydicom_data_files()]:
        try:
            with Part10File.open(str(path)) as file:
                data = pixel_data(file)
                ours = list(data)
        except DcmtoolsError:
            continue
        image = dcmread(path)
        if data.encapsulated:
            assert ours == list(generate_frames(image.PixelData, number_of_frames=len(ours))), path.name
        elif "PixelData" in image and image.file_meta.TransferSyntaxUID.is_little_endian:
            assert b"".join(ours) == image.PixelData[: sum(map(len, ours))] or data.pixels.frame_bits % 8
        compared += 1
    assert compared > 100


def test_frames_are_read_one_at_a_time(tmp_path: Path) -> None:
    assert frames_peak(tmp_path) < 40
