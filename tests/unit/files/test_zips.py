"""Zip archives: the directory, and what is wrong with it."""

from __future__ import annotations

import tracemalloc
import zipfile
from io import BytesIO
from struct import pack
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import InputError
from dcmtools.files.archives import zips
from dcmtools.files.source import FileSource
from tests.support.archived import zipped

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.files.archives.entries import Entry

THREE = {"a": b"1" * 100, "b": b"2" * 200, "c": b"3" * 300}
DIRECTORY = 46
STREAMED = 8


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.zip"


def listed(path: Path, data: bytes) -> tuple[list[Entry], str]:
    """The entries, and what ended them."""
    path.write_bytes(data)
    found: list[Entry] = []
    with FileSource.open(str(path)) as source:
        try:
            found.extend(zips.entries(source))
        except InputError as error:
            return found, error.message
    return found, ""


def names(entries: list[Entry]) -> list[str]:
    return [entry.name for entry in entries]


def patched(data: bytes, offset: int, value: bytes, *, nth: int = 0) -> bytes:
    """``data`` with ``value`` at ``offset`` of the nth entry of the directory."""
    at = data.index(b"PK\1\2")
    for _ in range(nth):
        at = data.index(b"PK\1\2", at + 1)
    return data[: at + offset] + value + data[at + offset + len(value) :]


def test_folders_are_no_entries(path: Path) -> None:
    found, error = listed(path, zipped({"d/": b"", "d/a": b"1", "odd/": b"not empty"}))
    assert (names(found), error) == (["d/a", "odd/"], "")


def test_an_archive_of_nothing(path: Path) -> None:
    assert listed(path, zipped({})) == ([], "")


@pytest.mark.parametrize("size", range(4, 22))
def test_an_end_that_is_cut(path: Path, size: int) -> None:
    found, error = listed(path, zipped({})[:size])
    assert (found, "cut short" in error) == ([], True)


def test_links_are_told(path: Path) -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system = 3
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "target")
    ([link], error) = listed(path, out.getvalue())
    assert (link.note, error) == ("a link", "")


@pytest.mark.parametrize(
    ("name", "flags", "read"),
    [
        ("M\u00fcller".encode(), 0x800, "M\u00fcller"),
        ("M\u00fcller".encode(), 0, "M\u00fcller"),
        ("M\u00fcller".encode("cp437"), 0, "M\u00fcller"),
        (b"\xff\xfe", 0x800, "\udcff\udcfe"),
        (b"a\nb\x1b[2J", 0, "a\nb\x1b[2J"),
        (b"../../etc/passwd", 0, "../../etc/passwd"),
    ],
)
def test_names(name: bytes, flags: int, read: str) -> None:
    assert zips.decoded(name, flags) == read


def test_with_64_bits(path: Path) -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("a", "w", force_zip64=True) as file:
        file.write(b"1" * 100)
    data = out.getvalue()
    assert names(listed(path, data)[0]) == ["a"]
    # The same in the directory: sizes and offset in the extra field, and a record with 64 bits at the end.
    start, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    extra = pack("<2H3Q", 1, 24, 100, 100, 0)
    entry = data[start:end]
    entry = entry[:20] + b"\xff" * 8 + entry[28:30] + pack("<H", len(extra)) + entry[32:42] + b"\xff" * 4
    entry += b"a" + extra
    record = b"PK\6\6" + pack("<Q2H2L4Q", 44, 45, 45, 0, 0, 1, 1, len(entry), start)
    locator = b"PK\6\7" + pack("<LQL", 0, start + len(entry), 1)
    tail = b"PK\5\6" + b"\0" * 4 + b"\xff" * 12 + b"\0\0"
    (found, error) = listed(path, data[:start] + entry + record + locator + tail)
    assert ([(each.name, each.offset, each.length) for each in found], error) == ([("a", 0, 100)], "")
    missing = locator.replace(pack("<Q", start + len(entry)), pack("<Q", 5))
    found, error = listed(path, data[:start] + entry + bytes(60) + missing + tail)
    assert (found, "directory of the archive is damaged" in error) == ([], True)


def test_what_stands_before_the_archive(path: Path) -> None:
    found, error = listed(path, b"#!/bin/sh\n" + zipped(THREE))
    assert (names(found), found[0].offset, error) == (["a", "b", "c"], 10, "")


def test_a_comment_at_the_end(path: Path) -> None:
    data = zipped(THREE)
    found, error = listed(path, data[:-2] + pack("<H", 300) + b"c" * 300)
    assert (names(found), error) == (["a", "b", "c"], "")


@pytest.mark.parametrize("flags", [1, 0x2001])
def test_an_encrypted_file(path: Path, flags: int) -> None:
    found, error = listed(path, patched(zipped(THREE), 8, pack("<H", flags), nth=1))
    assert [entry.fault for entry in found] == ["", "encrypted: unpack the archive first", ""]
    assert error == ""


def test_a_method_that_is_not_supported(path: Path) -> None:
    ([entry], _) = listed(path, zipped({"a": b"1" * 100}, zipfile.ZIP_LZMA))
    assert entry.fault.startswith("compressed by method 14, which is not supported")


def test_sizes_that_contradict_each_other(path: Path) -> None:
    found, _ = listed(path, patched(zipped(THREE), 24, pack("<L", 99)))
    assert found[0].fault == "not compressed, but of 100 bytes in place of 99"


@pytest.mark.parametrize("offset", [10, 0xFFFFFF0])
def test_a_file_that_is_not_where_it_should_be(path: Path, offset: int) -> None:
    found, _ = listed(path, patched(zipped(THREE), 42, pack("<L", offset)))
    with FileSource.open(str(path)) as source, pytest.raises(InputError, match="no file begins where"):
        zips.data_offset(source, found[0])


def test_a_file_that_the_archive_does_not_hold(path: Path) -> None:
    found, _ = listed(path, patched(zipped(THREE), 20, pack("<2L", 5000, 5000)))
    with FileSource.open(str(path)) as source, pytest.raises(InputError, match="ends within the file"):
        zips.data_offset(source, found[0])


# ---------------------------------------------------------------- damaged directories


def test_fewer_entries_than_there_should_be(path: Path) -> None:
    data = zipped(THREE)
    found, error = listed(path, data[:-12] + b"\4\0" + data[-10:])
    assert names(found) == ["a", "b", "c"]
    assert error.endswith("lists 3 entries where there should be 4")


def test_a_directory_that_breaks_off(path: Path) -> None:
    found, error = listed(path, patched(zipped(THREE), 0, b"XX", nth=2))
    assert names(found) == ["a", "b"]
    assert error.endswith("the directory of the archive is damaged")


@pytest.mark.parametrize("tail", [pack("<2L", 0xFFFFFF, 0), pack("<2L", 10, 0xFFFFFF)])
def test_a_directory_that_is_nowhere(path: Path, tail: bytes) -> None:
    data = zipped(THREE)
    found, error = listed(path, data[:-10] + tail + data[-2:])
    assert (found, "directory of the archive is damaged" in error) == ([], True)


def test_a_part_of_an_archive(path: Path) -> None:
    data = zipped(THREE)
    assert "one of several parts" in listed(path, data[:-18] + b"\1\0" + data[-16:])[1]


def test_without_its_end_what_is_there_is_found(path: Path) -> None:
    data = zipped(THREE)
    for end in (data.index(b"PK\1\2"), data.index(b"PK\1\2") + 70):
        found, error = listed(path, data[:end])
        assert [(entry.name, entry.length, entry.fault) for entry in found] == [
            ("a", 100, ""),
            ("b", 200, ""),
            ("c", 300, ""),
        ]
        assert error.endswith("the archive is cut short: the directory at its end is missing")


def test_a_file_that_is_cut(path: Path) -> None:
    data = zipped(THREE)
    found, error = listed(path, data[: data.index(b"PK\1\2") - 50])
    assert [entry.fault for entry in found] == ["", "", "the archive ends after 250 of its 300 bytes"]
    assert "cut short" in error


class Unseekable(BytesIO):
    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise OSError

    def seek(self, *_: object) -> int:
        raise OSError


def test_written_as_a_stream(path: Path) -> None:
    """Lengths stand behind the files, and in the directory."""
    out = Unseekable()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in THREE.items():
            archive.writestr(name, content)
    data = out.getvalue()
    assert int.from_bytes(data[6:8], "little") & STREAMED
    found, error = listed(path, data)
    assert ([entry.length for entry in found], error) == ([100, 200, 300], "")
    found, error = listed(path, data[: data.index(b"PK\1\2")])
    assert [entry.fault for entry in found] == [
        "its length would stand in the directory of the archive, which is missing"
    ]
    assert "cut short" in error


def test_files_that_share_their_bytes_add_up_to_too_much(path: Path) -> None:
    """As many entries as one likes can be of the same compressed bytes."""
    data = zipped({"a": bytes(1000)}, zipfile.ZIP_DEFLATED)
    start, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    entry = patched(data, 24, pack("<L", 1 << 30))[start:end]
    tail = b"PK\5\6" + pack("<4H2LH", 0, 0, 9, 9, 9 * len(entry), start, 0)
    found, error = listed(path, data[:start] + 9 * entry + tail)
    assert len(found) == 4
    assert "add up to 5368709120 bytes or more" in error


def test_a_directory_of_any_length_costs_no_memory(path: Path) -> None:
    entry = patched(zipped({"a" * 40: b""}), 0, b"PK\1\2")
    start, end = entry.index(b"PK\1\2"), entry.index(b"PK\5\6")
    count = 40_000
    directory = entry[start:end] * count
    path.write_bytes(
        entry[:start] + directory + b"PK\5\6" + pack("<4H2LH", 0, 0, count, count, len(directory), start, 0)
    )
    tracemalloc.start()
    try:
        with FileSource.open(str(path)) as source:
            assert sum(1 for _ in zips.entries(source)) == count
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def test_two_archives_in_one(path: Path) -> None:
    entries, error = listed(path, zipped({"a": b"1"}) + zipped({"b": b"2"}))
    assert names(entries) == ["b"]
    assert "does not list its first file" in error
