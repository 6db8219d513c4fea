"""The rows of an index, and an index made to hold what its archive does."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dcmtools.archive.database import open_database, open_reader
from dcmtools.archive.repair import Change
from dcmtools.archive.rows import Rows
from dcmtools.errors import InputError
from dcmtools.files.names import INDEX
from tests.support.indexed import LONG_AGO, age, anew, counts, files, put, put_many, repair, rows
from tests.support.served import data_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Rows]:
    root = os.open(tmp_path, os.O_RDONLY)
    with closing(open_database(str(tmp_path))) as connection:
        yield Rows(connection, root)
    os.close(root)


def changes(folder: Path, *, thorough: bool = False) -> dict[str, list[str]]:
    """What a repair did to instances, and which folders it looked into."""
    done: dict[str, list[str]] = {}
    for step in repair(folder, thorough=thorough):
        done.setdefault(str(step.change), []).append(step.path)
    return done


# ---------------------------------------------------------------- rows


def test_an_instance_is_written_with_what_is_above_it(tmp_path: Path, written: Rows) -> None:
    for sop in ("1.1", "1.2"):
        assert not written.put(put(tmp_path, sop))
    assert not written.put(put(tmp_path, "1.3", patient="P2", name="Roe^Rita"))
    assert counts(tmp_path) == {"patients": 2, "studies": 2, "series": 2, "instances": 3}
    assert [row[:3] for row in rows(tmp_path)] == [
        ("P1/1.2.3/1.2.3.1/1.1.dcm", "P1", "Doe^Jane"),
        ("P1/1.2.3/1.2.3.1/1.2.dcm", "P1", "Doe^Jane"),
        ("P2/1.2.3/1.2.3.1/1.3.dcm", "P2", "Roe^Rita"),
    ]


def test_the_first_value_counts_and_an_empty_one_is_filled(tmp_path: Path, written: Rows) -> None:
    for sop, name in (("1.1", ""), ("1.2", "Doe^Jane"), ("1.3", "Other"), ("1.4", "")):
        written.put(put(tmp_path, sop, name=name))
    assert {row[2] for row in rows(tmp_path)} == {"Doe^Jane"}
    assert counts(tmp_path)["patients"] == 1


def test_a_replaced_file_changes_its_rows(tmp_path: Path, written: Rows) -> None:
    written.put(put(tmp_path, "1.1"))
    path = put(tmp_path, "1.1", name="Roe^Rita")
    assert written.put(path)
    assert [row[2] for row in rows(tmp_path)] == ["Roe^Rita"]


def test_what_moves_to_another_series_leaves_no_empty_one(tmp_path: Path, written: Rows) -> None:
    written.put(put(tmp_path, "1.1"))
    path = put(tmp_path, "1.1", data=data_set("1.1", patient="P2", study="9", series="9.1"))
    assert written.put(path)
    assert counts(tmp_path) == {"patients": 1, "studies": 1, "series": 1, "instances": 1}
    assert rows(tmp_path)[0][1] == "P2"


def test_what_is_removed_takes_what_is_empty_with_it(tmp_path: Path, written: Rows) -> None:
    first, second = put(tmp_path, "1.1"), put(tmp_path, "1.2", series="1.2.3.2")
    third = put(tmp_path, "1.3", study="1.2.4", series="1.2.4.1")
    for path in (first, second, third):
        written.put(path)
    assert written.remove(first)
    assert not written.remove(first)
    assert counts(tmp_path) == {"patients": 1, "studies": 2, "series": 2, "instances": 2}
    assert written.remove(second)
    assert counts(tmp_path) == {"patients": 1, "studies": 1, "series": 1, "instances": 1}
    # Numbers that are free again are not taken for those that are gone.
    for path in (first, second):
        written.put(path)
    assert rows(tmp_path) == anew(tmp_path)


def test_a_file_that_says_nothing_any_more_is_in_no_row(tmp_path: Path, written: Rows) -> None:
    path = put(tmp_path, "1.1")
    written.put(path)
    (tmp_path / path).write_bytes(b"nothing")
    with pytest.raises(InputError):
        written.put(path)
    assert counts(tmp_path)["patients"] == 0


# ---------------------------------------------------------------- the database


def test_the_database_is_the_owners_alone(tmp_path: Path) -> None:
    put(tmp_path, "1.1")
    with closing(open_database(str(tmp_path))) as connection:
        connection.execute("INSERT INTO folders VALUES ('x', 1)")
        found = sorted(tmp_path.glob(f"{INDEX}*"))
        assert [path.name for path in found] == [INDEX, f"{INDEX}-shm", f"{INDEX}-wal"]
        assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def _overwrite(path: Path) -> None:
    path.write_bytes(b"rubbish " * 1000)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _spoil(path: Path) -> None:
    """Damage that shows only where it is read."""
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)


def _other_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def _other_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE instances ADD COLUMN more")


@pytest.mark.parametrize("harm", [_cut, _overwrite, _empty, _other_version, _other_tables, os.unlink])
def test_a_database_of_no_use_is_made_anew(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    put_many(tmp_path, 2, 2, 2, 2)
    repair(tmp_path)
    before = rows(tmp_path)
    age(tmp_path)
    harm(tmp_path / INDEX)
    assert len(changes(tmp_path)["added"]) == 16
    assert rows(tmp_path) == before == anew(tmp_path)


def test_damage_that_only_reading_shows_is_looked_for_where_it_is_asked_for(tmp_path: Path) -> None:
    put_many(tmp_path, 2, 2, 2, 2)
    repair(tmp_path)
    _spoil(tmp_path / INDEX)
    with closing(open_database(str(tmp_path), check=True)) as connection:
        assert connection.execute("SELECT count(*) FROM instances").fetchone() == (0,)


def test_what_was_left_beside_a_lost_database_does_no_harm(tmp_path: Path) -> None:
    put_many(tmp_path, 1, 1, 1, 3)
    with closing(open_database(str(tmp_path))) as connection:
        connection.execute("INSERT INTO folders VALUES ('x', 1)")
        log = (tmp_path / f"{INDEX}-wal").read_bytes()
    assert len(log) > 1000
    (tmp_path / INDEX).unlink()
    (tmp_path / f"{INDEX}-wal").write_bytes(log)
    assert len(changes(tmp_path)["added"]) == 3


def test_a_link_in_place_of_the_database_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "archive", "1.1")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    (tmp_path / "archive" / INDEX).symlink_to(elsewhere)
    repair(tmp_path / "archive")
    assert elsewhere.read_bytes() == b"precious"
    assert len(rows(tmp_path / "archive")) == 1


def test_a_reader_cannot_write_and_odd_names_are_no_options(tmp_path: Path) -> None:
    folder = tmp_path / "a?mode=memory#b%41\udcff"
    folder.mkdir()
    open_database(str(folder)).close()
    with closing(open_reader(str(folder))) as connection:
        assert connection.execute("SELECT count(*) FROM instances").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("DELETE FROM instances")
    with pytest.raises(sqlite3.OperationalError):
        open_reader(str(tmp_path))


# ---------------------------------------------------------------- repair


def test_what_is_new_changed_and_gone_is_found(tmp_path: Path) -> None:
    paths = put_many(tmp_path, 2, 2, 2, 2)
    assert sorted(changes(tmp_path)["added"]) == sorted(paths)
    new = put(tmp_path, "1.0.0.0.9", patient="P0", study="1.0.0", series="1.0.0.0")
    (tmp_path / paths[2]).unlink()
    put(tmp_path, "1.1.1.1.0", patient="P1", study="1.1.1", series="1.1.1.1", name="Longer^Name")
    done = changes(tmp_path)
    assert (done["added"], done["removed"]) == ([new], [paths[2]])
    assert done["updated"] == ["P1/1.1.1/1.1.1.1/1.1.1.1.0.dcm"]
    assert [row[0] for row in rows(tmp_path)] == files(tmp_path)


def test_folders_that_are_gone_take_their_rows_with_them(tmp_path: Path) -> None:
    paths = put_many(tmp_path, 2, 2, 2, 2)
    repair(tmp_path)
    for gone in ("P0/1.0.0/1.0.0.0", "P1"):
        (tmp_path / gone).rename(tmp_path.parent / gone.replace("/", "-"))
    assert len(changes(tmp_path)["removed"]) == 10
    assert [row[0] for row in rows(tmp_path)] == files(tmp_path)
    assert set(files(tmp_path)) < set(paths)


def test_folders_that_have_not_changed_are_not_looked_into(tmp_path: Path) -> None:
    paths = put_many(tmp_path, 2, 1, 2, 1)
    assert len(changes(tmp_path)["listed"]) == 4
    assert len(changes(tmp_path)["listed"]) == 4, "they are too new to be sure of"
    age(tmp_path)
    assert len(changes(tmp_path)["listed"]) == 4
    assert "listed" not in changes(tmp_path)
    (tmp_path / paths[0]).rename(tmp_path / paths[0].replace(".dcm", "-2.dcm"))
    done = changes(tmp_path)
    assert done["listed"] == ["P0/1.0.0/1.0.0.0"]
    assert (len(done["added"]), len(done["removed"])) == (1, 1)


def test_a_thorough_repair_finds_what_was_written_in_place(tmp_path: Path) -> None:
    path = put(tmp_path, "1.1")
    repair(tmp_path)
    age(tmp_path)
    repair(tmp_path)
    put(tmp_path, "1.1", name="Roe^Rita^X")
    age(tmp_path)
    assert "updated" not in changes(tmp_path)
    assert changes(tmp_path, thorough=True)["updated"] == [path]


def test_one_bad_file_hides_no_other_and_is_tried_again(tmp_path: Path) -> None:
    put_many(tmp_path, 1, 1, 1, 3)
    (tmp_path / "P0/1.0.0/1.0.0.0/bad.dcm").write_bytes(b"bad")
    age(tmp_path)
    for _ in range(2):
        done = changes(tmp_path)
        assert done["failed"] == ["P0/1.0.0/1.0.0.0/bad.dcm"]
        assert done["listed"] == ["P0/1.0.0/1.0.0.0"]
    assert len(rows(tmp_path)) == 3


def test_what_is_not_laid_out_as_an_archive_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    path = put(folder, "1.1")
    outside = tmp_path / "outside"
    put(outside, "1.2", patient="P9")
    series = (folder / path).parent
    (folder / "link").symlink_to(outside / "P9")
    (series / "link.dcm").symlink_to(folder / path)
    (series / "folder.dcm").mkdir()
    (series / "notes.txt").write_text("x")
    (series / ".hidden.dcm").write_bytes((folder / path).read_bytes())
    (series / "\udcff.dcm").write_bytes((folder / path).read_bytes())
    (folder / "P1" / "1.3.dcm").write_bytes((folder / path).read_bytes())
    os.mkfifo(series / "pipe.dcm")
    done = changes(folder)
    assert done["added"] == [path]
    assert "failed" not in done


def test_a_folder_that_cannot_be_listed_is_told_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_many(tmp_path, 2, 1, 1, 1)
    repair(tmp_path)
    real = os.scandir
    forbidden = (tmp_path / "P0").stat().st_ino

    def scandir(fd: int) -> object:
        if os.fstat(fd).st_ino == forbidden:
            raise PermissionError(13, "Permission denied")
        return real(fd)

    monkeypatch.setattr(os, "scandir", scandir)
    (step,) = [step for step in repair(tmp_path) if step.change is Change.FAILED]
    assert (step.path, step.error and step.error.message) == ("P0", "Permission denied")
    assert len(rows(tmp_path)) == 2


@pytest.mark.parametrize("name", ["P0", "1.0.0.0.0.dcm"])
def test_a_process_without_descriptors_says_nothing_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    put_many(tmp_path, 2, 1, 1, 1)
    repair(tmp_path)
    real = os.open
    put(tmp_path, "1.0.0.0.0", patient="P0", study="1.0.0", series="1.0.0.0", name="Roe^Rita")

    def refuse(path: str, flags: int, *args: int, **kwargs: int) -> int:
        if path == name:
            raise OSError(errno.EMFILE, "Too many open files")
        return real(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        repair(tmp_path)
    assert len(rows(tmp_path)) == 2


def test_times_in_the_index_are_those_of_the_files(tmp_path: Path) -> None:
    path = put(tmp_path, "1.1")
    os.utime(tmp_path / path, (LONG_AGO, LONG_AGO))
    repair(tmp_path)
    assert rows(tmp_path, "size, mtime_ns") == [((tmp_path / path).stat().st_size, LONG_AGO * 10**9)]


def test_times_that_64_bits_do_not_hold(tmp_path: Path) -> None:
    seconds = 13_569_465_600  # in the year 2400
    path = tmp_path / put(tmp_path, "1.1")
    for each in (path, path.parent):
        os.utime(each, (seconds, seconds))
    if path.stat().st_mtime_ns < 2**63:
        pytest.skip("the file system has no such times")
    assert [step.change for step in repair(tmp_path)] == [Change.ADDED, Change.LISTED]
    assert Change.UPDATED not in [step.change for step in repair(tmp_path, thorough=True)]
    os.utime(path, (seconds, seconds + 1))
    assert Change.UPDATED in [step.change for step in repair(tmp_path, thorough=True)]
