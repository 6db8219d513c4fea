"""``dcmtools store``: files of archives and lists go out like any others, unless they change."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dcmtools.files.source import FileSource
from dcmtools.scu.payload import BLOCK, LATER_BLOCK
from tests.support import samples
from tests.support.archived import KINDS, archived, zipped
from tests.support.run import Run, run
from tests.support.unruly import Association, Unruly, serves

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def store(server: Unruly, *args: object, stdin: bytes = b"") -> Run:
    return run("store", f"PEER@127.0.0.1:{server.port}", "-ta", "0.5", "--format", "json", *args, stdin=stdin)


def packed(folder: Path, kind: str, *, size: int = 10_000) -> Path:
    """Three instances and a text in an archive."""
    paths = samples.make_ct(folder / "in", 3, size)
    path = folder / "study"
    path.write_bytes(archived({**{each.name: each.read_bytes() for each in paths}, "notes": b"x\n"}, kind))
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_sent_byte_for_byte(tmp_path: Path, kind: str) -> None:
    path = packed(tmp_path, kind)
    before = sorted(os.listdir("/proc/self/fd"))
    with Unruly(serves()) as server:
        result = store(server, path)
    assert result.status == 0
    originals = sorted((tmp_path / "in").iterdir())
    assert [stored.data for stored in server.stores] == [samples.dataset_bytes(each) for each in originals]
    assert [(record["file"], record["outcome"]) for record in result.records] == [
        (f"{path}/notes", "skipped"),
        *((f"{path}/{each.name}", "done") for each in originals),
    ]
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_an_archive_through_a_pipe_beside_a_list(tmp_path: Path) -> None:
    path = packed(tmp_path, "gzip")
    names = "\n".join(f"{path}/ct00000{number}.dcm" for number in (3, 1))
    with Unruly(serves()) as server:
        assert store(server, "-", stdin=path.read_bytes()).status == 0
        assert store(server, "--files-from", "-", stdin=names.encode()).status == 0
    assert server.uids == [samples.sop_instance_uid(number) for number in (1, 2, 3, 3, 1)]


def touched(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.rename(path)


def cut(path: Path) -> None:
    os.truncate(path, 5000)


@pytest.mark.parametrize("kind", ["tar", "stored", "deflate", "gzip"])
@pytest.mark.parametrize("change", [touched, replaced, cut])
def test_an_archive_that_changes_before_it_is_sent(
    tmp_path: Path, kind: str, change: Callable[[Path], None]
) -> None:
    path = packed(tmp_path, kind)

    def script(association: Association) -> None:
        change(path)
        serves()(association)

    with Unruly(script) as server:
        result = store(server, path)
        assert server.stores == []
    assert result.status == 3
    assert f"{path}/ct000001.dcm: the archive has changed since it was looked into" in result.stderr


def test_an_archive_that_changes_while_it_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stored as it is stands in the archive alone."""
    path = packed(tmp_path, "stored", size=3 * BLOCK)
    read = FileSource.read
    blocks: list[int] = []

    def changing(source: FileSource, offset: int, length: int) -> bytes:
        in_place = source.size < path.stat().st_size  # as opposed to what reads checksums
        if length in (BLOCK, LATER_BLOCK) and server.proposals and in_place:
            blocks.append(offset)
            if len(blocks) == 2:
                touched(path)
        return read(source, offset, length)

    monkeypatch.setattr(FileSource, "read", changing)
    with Unruly(serves()) as server:
        result = store(server, path)
        assert server.stores == []
    assert result.status == 3
    assert f"{path}/ct000001.dcm: the file changed while it was sent" in result.stderr


def test_a_damaged_file_in_an_archive_does_not_stop_the_others(tmp_path: Path) -> None:
    first, second = samples.make_small(tmp_path / "in", 2)
    path = tmp_path / "study.zip"
    data = bytearray(zipped({"1": first.read_bytes(), "2": second.read_bytes()}))
    data[2000] ^= 1
    path.write_bytes(data)
    with Unruly(serves()) as server:
        result = store(server, path)
    assert result.status == 1
    assert server.uids == [samples.sop_instance_uid(2)]
    assert f"{path}/1: damaged in the archive: its checksum (CRC-32) is wrong" in result.stderr


def test_a_folder_with_a_file_that_was_emptied(tmp_path: Path) -> None:
    """Whatever it is called: no exit status 0."""
    samples.make_small(tmp_path, 1)
    (tmp_path / "IM2").touch()
    with Unruly(serves()) as server:
        result = store(server, tmp_path)
    assert (result.status, len(server.stores)) == (1, 1)
    assert f"{tmp_path / 'IM2'}: the file is empty" in result.stderr
    assert run("dump", tmp_path).status == 1
