"""Tar archives: headers of every kind, and what is wrong with them."""

from __future__ import annotations

import tarfile
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import InputError
from dcmtools.files.archives import tars
from dcmtools.files.source import FileSource
from tests.support.archived import tarred, with_members

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.files.archives.entries import Entry

TWO = {"a": b"1" * 100, "b": b"2" * 600}
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
BLOCK = tars.BLOCK


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.tar"


def listed(path: Path, data: bytes) -> tuple[list[Entry], str]:
    """The entries, and what ended them."""
    path.write_bytes(data)
    found: list[Entry] = []
    with FileSource.open(str(path)) as source:
        try:
            found.extend(tars.entries(source))
        except InputError as error:
            return found, error.message
    return found, ""


def names(entries: list[Entry]) -> list[str]:
    return [entry.name for entry in entries]


def summed(header: bytes) -> bytes:
    """``header`` with the right checksum."""
    blank = header[:148] + b" " * 8 + header[156:]
    return blank[:148] + b"%06o\0 " % sum(blank) + blank[156:]


def header(
    name: bytes = b"a", size: bytes = b"00000000001\0", kind: bytes = b"0", data: bytes = b""
) -> bytes:
    start = name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + size + b"00000000000\0" + b" " * 8
    return summed((start + kind).ljust(257, b"\0") + b"ustar\00000".ljust(255, b"\0")) + data


END = bytes(2 * BLOCK)
ONE = header(data=b"1".ljust(BLOCK, b"\0"))


def test_the_headers_made_here_are_good(path: Path) -> None:
    with tarfile.open(fileobj=BytesIO(ONE + END)) as archive:
        assert archive.getnames() == ["a"]
    found, error = listed(path, ONE + END)
    assert ([(entry.name, entry.offset, entry.size) for entry in found], error) == ([("a", BLOCK, 1)], "")


@pytest.mark.parametrize("form", FORMATS)
def test_names_of_any_length(path: Path, form: str) -> None:
    wanted = ["d/" * 60 + "n" * 90, "short", "x" * 100, "./in/front"]
    if form != "ustar":
        wanted += ["n" * 3000, "M\u00fcller", "\udcff\udcfe", "a\nb\x1b[2J"]
    found, error = listed(path, tarred(dict.fromkeys(wanted, b"1"), form=FORMATS[form]))
    assert (names(found), error) == (wanted, "")


def test_what_is_no_file(path: Path) -> None:
    infos = []
    for kind in (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        info = tarfile.TarInfo(f"kind{kind.decode()}")
        info.type = kind
        info.linkname = "elsewhere" * 20
        infos.append(info)
    for form in FORMATS.values():
        if form == tarfile.USTAR_FORMAT:
            continue  # it has no room for the name of the link
        found, error = listed(path, with_members(*infos, form=form))
        notes = {"kind2": "a link", "kind1": "a link"} | dict.fromkeys(
            ("kind6", "kind3"), "not a regular file"
        )
        assert ({entry.name: entry.note for entry in found}, error) == (notes, "")


def test_folders_of_old_archives(path: Path) -> None:
    """Before there was a kind for them the name told."""
    found, error = listed(path, header(b"d/", b"0" * 11 + b"\0", b"\0") + ONE + END)
    assert (names(found), error) == (["a"], "")


def test_a_size_in_binary(path: Path) -> None:
    found, error = listed(
        path, header(size=b"\x80" + (5).to_bytes(11, "big"), data=b"12345".ljust(BLOCK, b"\0")) + END
    )
    assert ([entry.size for entry in found], error) == ([5], "")


def test_a_checksum_of_signed_bytes(path: Path) -> None:
    made = bytearray(header(b"\xe9" * 3, data=bytes(BLOCK)))
    made[148:156] = b"%06o\0 " % (int(made[148:154], 8) - 3 * 256)
    assert listed(path, bytes(made) + END)[1] == ""


@pytest.mark.parametrize("size", [b"\xff" * 12, b"\x81" + bytes(11), b"99999999999\0", b"-1234567890\0"])
def test_a_size_that_is_none(path: Path, size: bytes) -> None:
    """Negative ones would lead back, for ever."""
    found, error = listed(path, ONE + header(size=size) + END)
    assert names(found) == ["a"]
    assert error == "offset 1024: the archive is damaged: a header without a size"


@pytest.mark.parametrize(
    "info",
    [
        {"GNU.sparse.major": "1", "GNU.sparse.name": "real", "GNU.sparse.realsize": "9"},
        {"GNU.sparse.map": "0,1", "path": "real"},
    ],
)
def test_sparse_files(path: Path, info: dict[str, str]) -> None:
    member = tarfile.TarInfo("stands/in")
    member.pax_headers = info
    ([entry], error) = listed(path, with_members(member))
    assert (entry.name, entry.fault, error) == ("real", "a sparse file: unpack the archive first", "")
    ([entry], _) = listed(path, header(kind=b"S", data=bytes(BLOCK)) + END)
    assert entry.fault.startswith("a sparse file")


def test_a_file_continued_from_another_volume(path: Path) -> None:
    ([entry], _) = listed(path, header(kind=b"M", data=bytes(BLOCK)) + END)
    assert entry.fault == "continued from another volume"


def test_a_size_in_a_pax_header(path: Path) -> None:
    record = b"10 size=3\n"
    pax = header(b"x", b"00000000012\0", b"x", record.ljust(BLOCK, b"\0"))
    ([entry], _) = listed(path, pax + header(data=bytes(BLOCK)) + END)
    assert entry.size == 3


@pytest.mark.parametrize("record", [b"99 path=a\n", b"path=a\n", b"0 path=a\n", b"9 path a\n", b"\0" * 10])
def test_a_pax_header_that_makes_no_sense(path: Path, record: bytes) -> None:
    pax = header(b"x", b"%011o\0" % len(record), b"x", record.ljust(BLOCK, b"\0"))
    found, error = listed(path, pax + ONE + END)
    assert (found, error) == ([], "offset 512: the archive is damaged: a header that makes no sense")


def test_a_pax_header_for_all_that_follow(path: Path) -> None:
    """As git writes it: a comment."""
    found, error = listed(path, header(b"pax_global_header", kind=b"g", data=bytes(BLOCK)) + ONE + END)
    assert (names(found), error) == (["a"], "")


def test_a_header_of_great_length(path: Path) -> None:
    found, error = listed(path, header(size=b"77777777777\0", kind=b"L") + bytes(BLOCK) + END)
    assert (found, error) == ([], "offset 512: the archive is damaged: a header of 8589934591 bytes")


def test_any_number_of_headers_before_a_file(path: Path) -> None:
    """A chain that would be a recursion."""
    pax = header(b"x", b"00000000012\0", b"x", b"10 path=b\n".ljust(BLOCK, b"\0"))
    found, error = listed(path, pax * 3000 + ONE + END)
    assert (names(found), error) == (["b"], "")


# ---------------------------------------------------------------- damaged archives


def test_cut_within_a_file(path: Path) -> None:
    data = tarred(TWO)
    found, error = listed(path, data[: 3 * BLOCK + 300])
    assert [entry.fault for entry in found] == ["", "the archive ends after 300 of its 600 bytes"]
    assert error == f"offset {3 * BLOCK + 300}: the archive is cut short"


@pytest.mark.parametrize("size", [2 * BLOCK, 2 * BLOCK + 100])
def test_cut_between_files(path: Path, size: int) -> None:
    """The mark of the end tells that nothing is missing."""
    found, error = listed(path, tarred(TWO)[:size])
    assert (names(found), error) == (["a"], f"offset {size}: the archive is cut short")


def test_a_damaged_header(path: Path) -> None:
    """What stands behind it is lost, which must not pass for the end of the archive."""
    data = bytearray(tarred(TWO))
    data[2 * BLOCK] ^= 1
    found, error = listed(path, bytes(data))
    assert names(found) == ["a"]
    assert error == "offset 1024: the archive is damaged: no header where one should be"


def test_an_archive_behind_the_archive(path: Path) -> None:
    data = tarred(TWO)
    found, error = listed(path, data + data)
    assert (names(found), "more follows the end of the archive" in error) == (["a", "b"], True)
