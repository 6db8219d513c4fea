"""What a sender learns of a file before it is sent, and which files it refuses (PS3.10 7.1, PS3.5 7)."""

from __future__ import annotations

import os
import random
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import InputError, MalformedError, NotDicom, Unsuitable
from dcmtools.files import instance
from dcmtools.files.inputs import Input
from dcmtools.files.source import FileSource
from tests.support import samples
from tests.support.run import run

if TYPE_CHECKING:
    from dcmtools.files.instance import Instance

CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
UIDS = {0x00080016: CT, 0x00080018: "2.25.1"}


def inspect(path: str) -> Instance:
    with FileSource.open(path) as source:
        return instance.inspect(Input(path), source)


def element(tag: int, value: bytes, vr: str = "UI", *, syntax: str = EXPLICIT) -> bytes:
    order = ">" if syntax == BIG else "<"
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT:
        return head + struct.pack("<L", len(value)) + value
    if vr in ("OB", "OW", "SQ", "UN"):
        return head + vr.encode() + struct.pack(order + "xxL", len(value)) + value
    return head + vr.encode() + struct.pack(order + "H", len(value)) + value


def uid(text: str) -> bytes:
    return text.encode() + b"\0" * (len(text) % 2)


def data_set(syntax: str = EXPLICIT, uids: dict[int, str] = UIDS, more: bytes | None = None) -> bytes:
    head = b"".join(element(tag, uid(value), syntax=syntax) for tag, value in uids.items())
    pixels = element(0x7FE00010, bytes(range(1, 101)), "OW", syntax=syntax)
    return head + (pixels if more is None else more)


def write(folder: Path, data: bytes, syntax: str = EXPLICIT, sop_class: str = CT) -> str:
    meta = element(0x00020002, uid(sop_class)) + element(0x00020010, uid(syntax))
    path = folder / "file"
    path.write_bytes(bytes(128) + b"DICM" + meta + data)
    return str(path)


def deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_who_it_is_and_where_its_bytes_are(tmp_path: Path, syntax: str) -> None:
    data = data_set(syntax)
    found = inspect(write(tmp_path, data, syntax))
    assert (found.sop_class_uid, found.sop_instance_uid, found.transfer_syntax_uid) == (CT, "2.25.1", syntax)
    content = (tmp_path / "file").read_bytes()
    assert content[found.offset : found.offset + found.length] == data
    assert found.offset + found.length == len(content)
    assert found.note == ""
    status = os.stat(tmp_path / "file")
    assert found.identity == (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@pytest.mark.parametrize("name", ["CT_small.dcm", "JPEG2000.dcm", "SC_rgb_rle.dcm", "image_dfl.dcm"])
def test_the_data_set_is_what_follows_the_meta(name: str) -> None:
    path = samples.real_file(name)
    found = inspect(str(path))
    assert path.read_bytes()[found.offset : found.offset + found.length] == samples.dataset_bytes(path)


def test_the_data_set_is_asked_not_the_meta(tmp_path: Path) -> None:
    """PS3.7 9.1.1.1: Affected SOP Class and Instance are the data set's own."""
    found = inspect(write(tmp_path, data_set(), sop_class="1.2.840.10008.5.1.4.1.1.4"))
    assert found.sop_class_uid == CT


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 11, 12, 100, 127, 128, 20_000, 300_001])
def test_zero_bytes_after_the_last_element_are_left_out(tmp_path: Path, syntax: str, count: int) -> None:
    """Padding of tapes and block devices is no part of the data set; it is named, and nothing is lost."""
    data = data_set(syntax)
    found = inspect(write(tmp_path, data + bytes(count), syntax))
    assert found.length == len(data)
    assert found.note == f"{count} zero byte{'s' * (count > 1)} after the last element: not sent"


@pytest.mark.parametrize("tail", [b"\0\0\0\1", b"garbage!", bytes(100) + b"x", bytes(99_000) + b"x"])
def test_other_bytes_after_the_last_element(tmp_path: Path, tail: bytes) -> None:
    data = data_set()
    path = write(tmp_path, data + tail)
    with pytest.raises(MalformedError) as caught:
        inspect(path)
    assert caught.value.offset >= os.path.getsize(path) - len(tail)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_every_cut_is_noticed(tmp_path: Path, syntax: str) -> None:
    """PS3.5 7: a file cut anywhere but between elements contradicts a length."""
    data = data_set(syntax)
    first = len(element(0x00080016, uid(CT), syntax=syntax))
    second = first + len(element(0x00080018, uid("2.25.1"), syntax=syntax))
    for length in range(len(data)):
        path = write(tmp_path, data[:length], syntax)
        if length == second:
            assert inspect(path).length == second  # a whole data set, as far as anyone can tell
            continue
        with pytest.raises(InputError, match=r"offset \d+|SOP (Class|Instance) UID is missing"):
            inspect(path)


@pytest.mark.parametrize("cut", [1, 10, 1000])
def test_a_compressed_image_that_is_cut(tmp_path: Path, cut: int) -> None:
    """Even where whole fragments remain: PS3.5 A.4 ends them with a delimiter."""
    content = samples.real_file("JPEG2000.dcm").read_bytes()
    path = tmp_path / "file"
    path.write_bytes(content[:-cut])
    with pytest.raises(MalformedError, match=r"offset \d+"):
        inspect(str(path))


@pytest.mark.parametrize(
    ("declared", "encoded"),
    [(EXPLICIT, IMPLICIT), (IMPLICIT, EXPLICIT), (EXPLICIT, BIG), (BIG, EXPLICIT), (IMPLICIT, BIG)],
)
def test_another_encoding_than_the_meta_says(tmp_path: Path, declared: str, encoded: str) -> None:
    """Sent as declared it would be unreadable on the other side (PS3.10 7.1, Transfer Syntax UID)."""
    path = write(tmp_path, data_set(encoded), declared)
    with pytest.raises(MalformedError, match=r"^offset \d+"):
        inspect(path)


@pytest.mark.parametrize("group", [0x0000, 0x0001, 0x0002, 0x0003, 0x0004, 0x0006])
def test_groups_that_have_no_place_in_a_data_set(tmp_path: Path, group: int) -> None:
    """PS3.5 7.1 with PS3.7 6.3 and PS3.10 7.1: command and file meta elements are not sent."""
    stray = element(group << 16 | 0x0010, b"1.2.840.10008.1.2\0")
    # Before the data set, group 0002 belongs to the file meta information still.
    places = [data_set() + stray] if group == 2 else [stray + data_set(), data_set() + stray]
    for data in places:
        with pytest.raises(MalformedError):
            inspect(write(tmp_path, data))


def test_uids_within_sequences_are_not_the_instance_s(tmp_path: Path) -> None:
    item = data_set(uids={0x00080016: "9.9", 0x00080018: "9.9.9"}, more=b"")
    sequence = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + item + struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
    end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    undefined = struct.pack("<HH2sxxL", 8, 0x1140, b"SQ", 0xFFFFFFFF) + sequence + end
    found = inspect(write(tmp_path, data_set(more=undefined)))
    assert (found.sop_class_uid, found.sop_instance_uid) == (CT, "2.25.1")


@pytest.mark.parametrize(
    ("uids", "words"),
    [
        ({0x00080018: "2.25.1"}, "SOP Class UID is missing"),
        ({0x00080016: CT}, "SOP Instance UID is missing"),
        ({0x00080016: CT, 0x00080018: "../../etc"}, r"SOP Instance UID is '../../etc', no UID"),
        ({0x00080016: "CT", 0x00080018: "2.25.1"}, "SOP Class UID is 'CT', no UID"),
        ({0x00080016: CT, 0x00080018: "1." * 32 + "1"}, "no UID"),
        ({0x00080016: CT, 0x00080018: "1.2\\1.3"}, "no UID"),
    ],
)
def test_instances_without_proper_uids(tmp_path: Path, uids: dict[int, str], words: str) -> None:
    """PS3.5 9.1: digits and dots, 64 characters at most; a C-STORE-RQ has to carry them."""
    with pytest.raises(InputError, match=words):
        inspect(write(tmp_path, data_set(uids=uids)))


def test_a_transfer_syntax_that_is_no_uid(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="transfer syntax is 'big', no UID"):
        inspect(write(tmp_path, data_set(), "big"))


def test_an_odd_number_of_bytes(tmp_path: Path) -> None:
    """PS3.5 7.1.1: values are of even length; PS3.8 carries no odd fragment."""
    odd = data_set(more=element(0x7FE00010, b"abc", "OW"))
    with pytest.raises(InputError, match=r"odd number of bytes \(\d+\)"):
        inspect(write(tmp_path, odd))


def test_a_deflated_data_set_goes_as_it_is(tmp_path: Path) -> None:
    """PS3.5 A.5; it may have an odd length, which the sender pads."""
    lengths = set()
    for size in range(100, 140, 2):
        pixels = random.Random(size).randbytes(size)
        data = deflated(data_set(more=element(0x7FE00010, pixels, "OW")))
        found = inspect(write(tmp_path, data, DEFLATED))
        assert (found.length, found.note) == (len(data), "")
        lengths.add(found.length % 2)
    assert lengths == {0, 1}


def test_zeros_that_are_deflated_too_are_sent_and_not_named(tmp_path: Path) -> None:
    data = deflated(data_set() + bytes(10))
    found = inspect(write(tmp_path, data, DEFLATED))
    assert (found.length, found.note) == (len(data), "")


def test_a_deflated_data_set_that_is_cut(tmp_path: Path) -> None:
    data = deflated(data_set(more=element(0x7FE00010, os.urandom(1000), "OW")))
    for cut in (1, 100, len(data) - 1):
        with pytest.raises(MalformedError):
            inspect(write(tmp_path, data[:-cut], DEFLATED))


def test_a_dicomdir_is_never_sent() -> None:
    """PS3.4 B.5 has no Media Storage Directory class; in a folder it is passed over, named it fails."""
    with pytest.raises(Unsuitable, match="a DICOMDIR is not an instance to send") as caught:
        inspect(str(samples.dicomdir()))
    assert caught.value.hint == "under the name DICOMDIR it would stand for the files that it names"
    assert issubclass(Unsuitable, InputError)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"short", "it has 5 bytes, fewer than"),
        (b"Just some text. " * 20, "no DICM prefix at offset 128"),
    ],
)
def test_what_is_not_dicom(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(NotDicom if content else InputError, match=words) as caught:
        inspect(str(path))
    assert caught.value.hint == ""


@pytest.mark.parametrize(("start", "prefix"), [(0, b"DCIM"), (128, b"DICM"), (132, b"DICM")])
def test_what_to_do_with_what_is_dicom_but_no_part_10_file(tmp_path: Path, start: int, prefix: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(Path(write(tmp_path, data_set())).read_bytes().replace(b"DICM", prefix)[start:])
    with pytest.raises(NotDicom) as caught:
        inspect(str(path))
    assert caught.value.hint.startswith("'dcmtools dump' reads it all the same; ")
    assert run("dump", path).status == 0
    result = run("store", "--dry-run", "h", path)
    assert result.stderr.splitlines()[1] == f"hint: {caught.value.hint}"


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        inspect(str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="it is a folder"):
        inspect(str(tmp_path))


def test_a_device_is_not_read() -> None:
    with pytest.raises(InputError, match="not a regular file"):
        inspect("/dev/zero")


def test_no_file_stays_open(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    inspect(str(samples.ct()))
    for content in (b"", bytes(128) + b"DICM", samples.ct().read_bytes()[:3000]):
        path = tmp_path / "file"
        path.write_bytes(content)
        with pytest.raises(InputError):
            inspect(str(path))
    assert descriptors() == before
