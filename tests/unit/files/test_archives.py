"""Archives as inputs: recognised, listed and read, in place where that is possible."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import InputError
from dcmtools.files import archives
from dcmtools.files.archives import Archive, at, inside
from dcmtools.files.archives.expanding import Expanding
from dcmtools.files.inputs import Input
from dcmtools.files.source import KEPT, FileSource
from tests.support.archived import KINDS, TARS, ZIPS, archived, tarred, zipped

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.files.archives.entries import Entry

FILES = {"DICOM/IM1": b"one" * 1000, "DICOM/IM2": bytes(5000), "notes.txt": b"text", "empty": b""}

each_kind = pytest.mark.parametrize("kind", KINDS)


def opened(path: Path, data: bytes) -> Archive:
    path.write_bytes(data)
    archive = at(str(path))
    assert archive
    return archive


def content(archive: Archive, entry: Entry) -> bytes:
    with archive.open(entry) as source:
        return source.read(0, source.size)


def refusal(archive: Archive, entry: Entry) -> str:
    with pytest.raises(InputError) as caught:
        archive.open(entry)
    return caught.value.message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@each_kind
def test_every_file_with_its_bytes(path: Path, kind: str) -> None:
    """What the standard library has written, in its order; the name of the archive does not matter."""
    archive = opened(path, archived(FILES, kind))
    with KEPT:
        assert {entry.name: content(archive, entry) for entry in archive.entries()} == FILES
        assert [entry.name for entry in archive.entries()] == list(FILES)
    assert archive.kind == (kind if kind in TARS else "zip")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK",
        b"text" * 200,
        bytes(10240),
        b"\x1f\x8b\x08" + b"x" * 600,
        b"BZh9" + b"x" * 600,
        b"\xfd7zXZ\0" + b"x" * 600,
    ],
)
def test_what_is_no_archive(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert at(str(path)) is None


def test_a_compressed_file_that_is_no_tar(path: Path) -> None:
    import gzip

    path.write_bytes(gzip.compress(bytes(128) + b"DICM" + bytes(1000)))
    assert at(str(path)) is None


def test_what_cannot_be_read_is_no_archive(tmp_path: Path) -> None:
    assert at(str(tmp_path)) is None
    assert at(str(tmp_path / "missing")) is None


@pytest.mark.parametrize("kind", ["tar", "stored"])
def test_bytes_that_are_stored_are_read_in_place(path: Path, kind: str) -> None:
    archive = opened(path, archived(FILES, kind))
    for entry in archive.entries():
        with archive.open(entry) as source:
            assert os.fstat(source.fd).st_ino == path.stat().st_ino
            assert source.size == entry.length
            with pytest.raises(InputError, match="ends at offset"):  # not the neighbour's
                source.read(0, source.size + 1)


@pytest.mark.parametrize("kind", ["deflate", "bzip2 in zip", "gzip"])
def test_others_are_read_from_a_file_without_a_name(path: Path, kind: str) -> None:
    archive = opened(path, archived(FILES, kind))
    before = os.listdir(path.parent)
    (first, *_) = archive.entries()
    with archive.open(first) as source:
        assert os.fstat(source.fd).st_nlink == 0
    assert os.listdir(path.parent) == before


@each_kind
def test_the_identity_of_a_file_is_that_of_the_archive(path: Path, kind: str) -> None:
    """The same at each opening, another for each file, and nothing is opened once the archive is another."""
    archive = opened(path, archived(FILES, kind))
    first, second, *_ = archive.entries()

    def identity(entry: Entry) -> tuple[int, ...]:
        with archive.open(entry) as source:
            assert source.unchanged()
            return source.identity

    assert identity(first) == identity(first) != identity(second)
    os.utime(path, ns=(1, 1))
    assert refusal(archive, first) == "the archive has changed since it was looked into"
    with pytest.raises(InputError, match="has changed"):
        list(archive.entries())


def test_a_change_while_a_stored_file_is_read_is_noticed(path: Path) -> None:
    archive = opened(path, zipped(FILES))
    with archive.open(next(archive.entries())) as source:
        os.utime(path, ns=(1, 1))
        assert not source.unchanged()


OTHER_PROCESS = """
import pickle, sys
item = pickle.load(sys.stdin.buffer)
for _ in range(2):
    with item.open() as source:
        print(source.size, source.read(0, 3))
"""


@each_kind
def test_an_input_can_be_sent_to_another_process(path: Path, kind: str) -> None:
    archive = opened(path, archived(FILES, kind))
    item = Input("name", "", archive, next(archive.entries()))
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS], input=pickle.dumps(item), capture_output=True, check=True
    )
    assert done.stdout == b"3000 b'one'\n" * 2


@pytest.mark.parametrize("kind", ["stored", "deflate"])
def test_a_change_while_a_file_is_opened_is_noticed(
    path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its checksum is reckoned, say."""
    archive = opened(path, archived(FILES, kind))
    entry = next(archive.entries())
    located = Archive._located

    def changing(archive: Archive, source: FileSource, entry: Entry) -> tuple[int, tuple[int, int] | None]:
        found = located(archive, source, entry)
        os.utime(path, ns=(1, 1))
        return found

    monkeypatch.setattr(Archive, "_located", changing)
    before = os.listdir("/proc/self/fd")
    assert refusal(archive, entry) == "the archive has changed since it was looked into"
    assert os.listdir("/proc/self/fd") == before


def test_a_compressed_tar_is_expanded_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = opened(path, archived(FILES, "gzip"))
    counted = []
    spooled = Expanding.spooled

    def counting(expanding: Expanding) -> int:
        counted.append(1)
        return spooled(expanding)

    monkeypatch.setattr(Expanding, "spooled", counting)
    with KEPT:
        for entry in archive.entries():
            content(archive, entry)
        for entry in archive.named("DICOM/IM1"):
            content(archive, entry)
    assert len(counted) == 1


def test_few_expanded_tars_are_kept(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    with KEPT:
        for number in range(7):
            archive = opened(tmp_path / f"{number}", archived(FILES, "gzip"))
            assert content(archive, next(archive.entries())) == FILES["DICOM/IM1"]
        assert len(set(os.listdir("/proc/self/fd")) - before) == 4
    assert set(os.listdir("/proc/self/fd")) == before


@each_kind
def test_nothing_stays_open(path: Path, kind: str) -> None:
    before = set(os.listdir("/proc/self/fd"))
    with KEPT:
        archive = opened(path, archived(FILES, kind))
        entry, *_ = archive.entries()
        content(archive, entry)
        next(archive.entries())
        os.utime(path, ns=(1, 1))
        refusal(archive, entry)
    assert set(os.listdir("/proc/self/fd")) == before


# ---------------------------------------------------------------- names


def test_a_file_is_found_by_its_name(path: Path) -> None:
    archive = opened(path, tarred({"./a/b": b"1", "a/c": b"2", "/a/b": b"3", "../a": b"4", "a//c": b"5"}))
    for name, data in {"a/b": b"1", "a/c": b"2", "/a/b": b"3", "../a": b"4", "a//c": b"5"}.items():
        assert [content(archive, entry) for entry in archive.named(name)] == [data]
    assert archive.named("a") == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("most", [0, 1000])
def test_a_name_that_is_there_twice(path: Path, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there are too many names to keep them."""
    monkeypatch.setattr(archives, "_MAX_INDEXED", most)
    archives._index.cache_clear()
    data = tarred({"a": b"1", "b": b"2"})[:2048] + tarred({"a": b"3"})
    archive = opened(path, data)
    assert [content(archive, entry) for entry in archive.named("a")] == [b"1", b"3"]


def test_a_name_is_found_though_the_archive_is_damaged_behind_it(path: Path) -> None:
    archive = opened(path, tarred({"a": b"1", "b": b"2"})[:1024])
    assert [content(archive, entry) for entry in archive.named("a")] == [b"1"]


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz"])
@pytest.mark.parametrize("left", [0.6, 0.999])
def test_a_compressed_tar_that_is_cut(path: Path, kind: str, left: float) -> None:
    """What can be read is read, and the cut is told though it be behind the last file."""
    files = {str(n): os.urandom(400_000) for n in range(5)}
    data = archived(files, kind)
    archive = opened(path, data[: int(len(data) * left)])
    found: list[Entry] = []
    with KEPT:
        with pytest.raises(InputError, match="the compressed data is cut short"):
            found.extend(archive.entries())
        whole = [entry.name for entry in found if not entry.fault]
        assert all(content(archive, entry) == files[entry.name] for entry in found if not entry.fault)
    assert len(whole) >= (2 if left < 0.9 else 4)


def test_the_way_into_an_archive(path: Path) -> None:
    archive = opened(path, zipped(FILES))
    assert inside(f"{path}/DICOM/IM1") == (archive, "DICOM/IM1")
    assert inside(f"{path}/./DICOM/") == (archive, "DICOM")
    assert inside(f"{path}/") == (archive, "")
    assert inside(f"{path}//etc/passwd") == (archive, "/etc/passwd")
    assert inside(f"{path.parent}/absent/IM1") is None
    assert inside("absent/IM1") is None
    path.write_bytes(b"text")
    assert inside(f"{path}/DICOM/IM1") is None


def test_no_room_for_what_is_compressed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = opened(path, archived(FILES, "deflate"))
    monkeypatch.setattr("tempfile.tempdir", str(path.parent / "missing"))
    assert refusal(archive, next(archive.entries())).startswith("No such file or directory")


def test_no_room_for_a_compressed_tar(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = opened(path, archived(FILES, "gzip"))
    monkeypatch.setattr("tempfile.tempdir", str(path.parent / "missing"))
    with pytest.raises(InputError, match="No such file"):
        list(archive.entries())


# ---------------------------------------------------------------- hostile


@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_is_more_than_an_input_error(path: Path, kind: str) -> None:
    """Bytes overwritten, cut out and cut off, of archives large enough for every part to be hit."""
    from random import Random

    random = Random(4)
    good = archived({f"{'n' * 120}{n}": os.urandom(50) * 3 for n in range(5)}, kind)
    for _ in range(150):
        data = bytearray(good)
        for _ in range(random.randint(1, 4)):
            start = random.randrange(len(data))
            data[start : start + random.choice((1, 4, 40))] = random.choice(
                (b"", b"\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", random.randbytes(4))
            )
        if random.random() < 0.3:
            del data[random.randrange(len(data)) :]
        path.write_bytes(data)
        with FileSource.open(str(path)) as source, KEPT:
            if archive := Archive.found(str(path), source):
                walk(archive)


def walk(archive: Archive) -> None:
    try:
        for entry in archive.entries():
            try:
                content(archive, entry)
            except InputError:
                continue
    except InputError:
        return


@pytest.mark.parametrize("kind", list(ZIPS))
def test_a_wrong_checksum(path: Path, kind: str) -> None:
    data = bytearray(archived({"a": bytes(range(256)) * 9}, kind))
    if kind == "stored":
        data[200] ^= 1
    else:
        at_crc = data.rindex(b"PK\1\2") + 16
        data[at_crc] ^= 1
    archive = opened(path, bytes(data))
    assert "checksum" in refusal(archive, next(archive.entries()))


@pytest.mark.parametrize("kind", ["deflate", "bzip2 in zip"])
@pytest.mark.parametrize("claimed", [1, 9_999_999])
def test_a_file_is_not_expanded_beyond_what_its_entry_says(
    path: Path, kind: str, claimed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or else the sum of what the entries say would be no bound."""
    written = 0

    def counted(pieces: Expanding) -> int:
        nonlocal written
        written = sum(map(len, pieces))
        return os.open(os.devnull, os.O_RDONLY)

    archive = opened(path, archived({"a": bytes(10_000_000)}, kind))
    [entry] = archive.entries()
    monkeypatch.setattr(Expanding, "spooled", counted)
    said = refusal(archive, entry._replace(length=claimed))
    assert said.endswith(f"it expands to more than {claimed} bytes, which is what the archive says it has")
    assert written <= claimed
