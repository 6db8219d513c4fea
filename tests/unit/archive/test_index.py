"""The index of an archive that is being received into: what a query can rely on, and what happens to it."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dcmtools.archive import index as module
from dcmtools.archive.database import open_database
from dcmtools.archive.index import Index, IndexBehind
from dcmtools.archive.rows import Rows
from dcmtools.files.names import INDEX
from dcmtools.net.stop import Stop
from tests.support.indexed import age, anew, files, put, put_many, repair, rows
from tests.support.served import WITHIN, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index(str(tmp_path)) as opened:
        opened.catch_up()
        yield opened
    assert not opened._thread.is_alive()


def held(index: Index) -> list[str]:
    index.catch_up()
    with index.reader() as connection:
        return [path for (path,) in connection.execute("SELECT path FROM instances ORDER BY path")]


def test_a_query_finds_what_was_added_before_it(tmp_path: Path, index: Index) -> None:
    for number in range(50):
        path = put(tmp_path, f"1.{number}")
        index.add(path)
        assert path in held(index)


def test_many_add_and_ask_at_the_same_time(tmp_path: Path, index: Index) -> None:
    missing = []

    def work(patient: int) -> None:
        for number in range(30):
            path = put(tmp_path, f"1.{patient}.{number}", patient=f"P{patient}", study=f"1.{patient}")
            index.add(path)
            if number % 10 == 0 and path not in held(index):
                missing.append(path)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []
    assert held(index) == files(tmp_path)
    assert len(files(tmp_path)) == 240


def test_what_was_there_before_is_waited_for(tmp_path: Path) -> None:
    paths = put_many(tmp_path, 2, 2, 2, 2)
    with Index(str(tmp_path)) as index:
        assert held(index) == sorted(paths)


def test_what_comes_during_a_repair_is_neither_lost_nor_taken_for_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_many(tmp_path, 3, 2, 2, 3)
    monkeypatch.setattr(module, "_DELAY", 0)  # a transaction for each step
    with Index(str(tmp_path)) as index:
        for number in range(20):
            index.add(put(tmp_path, f"9.{number}", patient=f"P{number % 4}", study="9", series=f"9.{number}"))
        assert held(index) == files(tmp_path)
    assert rows(tmp_path) == anew(tmp_path)


def test_what_comes_without_a_pause_is_not_slowed_by_writing_it(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_DELAY", 60)
    path = put(tmp_path, "1.1")
    for _ in range(module._MANY - 1):
        index.add(path)
    time.sleep(0.1)
    assert len(index._waiting) == module._MANY - 1
    index.add(path)  # but it must not become too much
    wait_until(lambda: len(index._waiting) < module._MANY)
    assert held(index) == [path]


def test_a_repair_comes_to_its_end_whatever_comes_meanwhile(tmp_path: Path) -> None:
    paths = put_many(tmp_path, 2, 2, 5, 50)
    with Index(str(tmp_path)) as index:

        def receive() -> None:
            while not index._repaired:
                index.add(paths[0])

        thread = threading.Thread(target=receive)
        thread.start()
        try:
            wait_until(lambda: index._repaired, WITHIN / 2)
        finally:
            index._repaired = True
            thread.join()
        assert held(index) == sorted(paths)


def test_closing_writes_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DELAY", 60)
    with Index(str(tmp_path)) as index:
        index.catch_up()
        paths = put_many(tmp_path, 1, 1, 1, 500)
        for path in paths:
            index.add(path)
    assert [row[0] for row in rows(tmp_path)] == sorted(paths)


def test_a_replaced_and_a_removed_file(tmp_path: Path, index: Index) -> None:
    path, other = put(tmp_path, "1.1"), put(tmp_path, "1.2")
    index.add(path)
    index.add(other)
    index.catch_up()
    put(tmp_path, "1.1", name="Roe^Rita")
    index.add(path)
    (tmp_path / other).unlink()
    index.add(other)
    index.catch_up()
    assert [row[:3] for row in rows(tmp_path)] == [(path, "P1", "Roe^Rita")]


def test_a_file_that_cannot_be_read_is_told_and_hides_no_other(
    tmp_path: Path, index: Index, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = put(tmp_path, "1.1"), put(tmp_path, "1.2", patient="Secret", data=b"rubbish?")
    index.add(bad)
    index.add(good)
    assert held(index) == [good]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("1.2.dcm is not in the index: ")
    assert "Secret" not in caplog.text


def test_readers_lend_connections_that_cannot_write(tmp_path: Path, index: Index) -> None:
    with pytest.raises(IndexBehind, match="readonly"), index.reader() as connection:
        connection.execute("DELETE FROM instances")
    with index.reader() as one, index.reader() as other:
        assert one is not other
        assert one.in_transaction
    with index.reader() as again:
        assert again in (one, other)
    index.add(put(tmp_path, "1.1"))
    assert len(held(index)) == 1


def test_a_reader_sees_one_state(tmp_path: Path, index: Index) -> None:
    with index.reader() as connection:
        select = "SELECT count(*) FROM instances"
        assert connection.execute(select).fetchone() == (0,)
        index.add(put(tmp_path, "1.1"))
        index.catch_up()
        assert connection.execute(select).fetchone() == (0,)
    assert len(held(index)) == 1


# ---------------------------------------------------------------- failures


def failing(error: Exception) -> object:
    def put(*_: object) -> bool:
        raise error

    return put


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("database or disk is full"),
        OSError(24, "Too many open files"),
        MemoryError("none left"),
    ],
)
def test_a_writer_that_fails_stops_no_receiving_and_refuses_queries(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    monkeypatch.setattr(module, "_RETRY", 0.05)
    with Index(str(tmp_path)) as index:
        index.catch_up()
        before = index.reader
        with monkeypatch.context() as patch:
            patch.setattr(Rows, "put", failing(error))
            index.add(put(tmp_path, "1.1"))
            for _ in range(5):
                with pytest.raises(IndexBehind, match="the index is behind"):
                    index.catch_up()
                time.sleep(0.03)
            for number in range(100):
                index.add(put(tmp_path, f"1.2.{number}"))
            with pytest.raises(IndexBehind), index.reader():
                pass
        (told,) = caplog.messages
        assert told.endswith("queries are refused until it is repaired")
        wait_until(lambda: "holds everything again" in caplog.text)
        assert held(index) == files(tmp_path)
        assert len(files(tmp_path)) == 101
        with pytest.raises(IndexBehind, match="being repaired"), before():
            pass


def removed(file: Path) -> None:
    for path in file.parent.glob(f"{INDEX}*"):
        path.unlink()


def renamed(file: Path) -> None:
    """A copy of an earlier state, as out of a backup."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(file.with_name("copy"))) as copy:
        source.backup(copy)
    file.with_name("copy").replace(file)


def garbled(file: Path) -> None:
    removed(file)
    file.write_bytes(b"rubbish" * 1000)


def a_folder(file: Path) -> None:
    removed(file)
    file.mkdir()


def a_link(file: Path) -> None:
    removed(file)
    file.with_name("elsewhere").write_bytes(b"")
    file.symlink_to(file.with_name("elsewhere"))


@pytest.mark.parametrize("harm", [removed, renamed, garbled, a_link, a_folder])
def test_an_index_that_is_taken_away_answers_nothing_until_it_is_made_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    harm: Callable[[Path], None],
) -> None:
    monkeypatch.setattr(module, "_RETRY", 0.05)
    with Index(str(tmp_path)) as index:
        for path in put_many(tmp_path, 1, 2, 1, 5):
            index.add(path)
        index.catch_up()
        harm(tmp_path / INDEX)
        index.add(put(tmp_path, "1.1"))
        with pytest.raises(IndexBehind, match="somebody has removed or replaced it"):
            index.catch_up()
        if harm is a_folder:
            wait_until(lambda: "Is a directory" in caplog.text)
            (tmp_path / INDEX).rmdir()
        wait_until(lambda: has_caught_up(index))
        assert held(index) == files(tmp_path)
        for path in put_many(tmp_path, 3, 1, 1, 5):
            index.add(path)
        assert held(index) == files(tmp_path)
    assert rows(tmp_path) == anew(tmp_path)


def has_caught_up(index: Index) -> bool:
    try:
        index.catch_up()
    except IndexBehind:
        return False
    return True


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As SQLite itself tells it: of a database that may not grow."""

    def small(folder: str) -> sqlite3.Connection:
        connection = open_database(folder)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 10}")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(module, "open_database", small)
        with Index(str(tmp_path)) as index:
            index.catch_up()
            for path in put_many(tmp_path, 1, 1, 1, 1000):
                index.add(path)
            with pytest.raises(IndexBehind, match="the index is behind: database or disk is full"):
                index.catch_up()
    assert len(rows(tmp_path)) < 1000
    with Index(str(tmp_path)) as index:
        assert held(index) == files(tmp_path)


def test_an_index_that_cannot_be_opened(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / INDEX).mkdir()
    with Index(str(tmp_path)) as index, pytest.raises(IndexBehind):
        index.catch_up()
    assert str(tmp_path) in caplog.text


def test_who_waits_for_room_is_let_go_by_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_WAITING", 2)
    begun, go_on = threading.Event(), threading.Event()

    def wait_and_fail(*_: object) -> bool:
        begun.set()
        go_on.wait(WITHIN)
        raise sqlite3.OperationalError("full")

    monkeypatch.setattr(Rows, "put", wait_and_fail)
    with Index(str(tmp_path)) as index:
        index.catch_up()
        index.add("a/b/c/d.dcm")
        assert begun.wait(WITHIN)

        def fill() -> None:
            for _ in range(5):
                index.add("a/b/c/d.dcm")

        thread = threading.Thread(target=fill)
        thread.start()
        wait_until(lambda: len(index._waiting) == 2)
        assert thread.is_alive()
        go_on.set()
        thread.join(WITHIN)
        assert not thread.is_alive()


def test_a_query_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    real = Rows.put

    def late(self: Rows, path: str) -> bool:
        go_on.wait(WITHIN)
        return real(self, path)

    monkeypatch.setattr(Rows, "put", late)
    put_many(tmp_path, 1, 1, 1, 2)
    with Index(str(tmp_path)) as index:
        with pytest.raises(IndexBehind, match="being built, with 0 instances so far"):
            index.catch_up(0.05)
        go_on.set()
        index.catch_up()
        go_on.clear()
        index.add(put(tmp_path, "1.1"))
        with pytest.raises(IndexBehind, match="lacks 1 instances"):
            index.catch_up(0.05)
        go_on.set()
        assert len(held(index)) == 3


def test_closing_wakes_who_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(Rows, "put", lambda *_: go_on.wait(WITHIN))
    put(tmp_path, "1.1")
    reasons = []

    def ask(index: Index) -> None:
        try:
            index.catch_up(WITHIN)
        except IndexBehind as error:
            reasons.append(error.message)

    index = Index(str(tmp_path))
    thread = threading.Thread(target=ask, args=(index,))
    thread.start()
    wait_until(lambda: index._urged == 1)
    closer = threading.Thread(target=index.close)
    closer.start()
    thread.join(WITHIN)
    assert reasons == ["the archive is being closed"]
    go_on.set()
    closer.join(WITHIN)
    assert not closer.is_alive()


def test_a_server_that_has_to_end_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(Rows, "put", lambda *_: go_on.wait(WITHIN))
    put(tmp_path, "1.1")
    stop = Stop()
    with Index(str(tmp_path), stop) as index:
        threading.Timer(0.1, stop.request).start()
        started = time.monotonic()
        with pytest.raises(IndexBehind, match="the archive is being closed"):
            index.catch_up(WITHIN)
        assert time.monotonic() - started < WITHIN / 2
        go_on.set()
    stop.close()


def test_damage_is_told_and_repaired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRY", 0.05)
    put_many(tmp_path, 2, 2, 2, 2)
    repair(tmp_path)
    age(tmp_path)
    repair(tmp_path)
    with Index(str(tmp_path)) as index:
        index.catch_up()
        with (tmp_path / INDEX).open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(4096)
            file.write(os.urandom(size - 4096))
        with pytest.raises(IndexBehind, match="cannot be read"), index.reader() as connection:
            connection.execute("SELECT * FROM instances ORDER BY Rows").fetchall()
        wait_until(lambda: has_caught_up(index))
        assert held(index) == files(tmp_path)


def test_damage_that_the_repair_meets_is_made_good_at_once(tmp_path: Path) -> None:
    put_many(tmp_path, 2, 2, 2, 2)
    repair(tmp_path)
    data = bytearray((tmp_path / INDEX).read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    (tmp_path / INDEX).write_bytes(data)
    with Index(str(tmp_path)) as index:
        assert held(index) == files(tmp_path)


def test_opening_an_archive_that_has_not_changed_takes_no_time(tmp_path: Path) -> None:
    """Ten thousand series were half a second; here a tenth of it, and the tenth of a generous second."""
    open_database(str(tmp_path)).close()
    for number in range(1000):
        (tmp_path / f"P{number // 10}" / f"1.{number // 2}" / f"1.{number}").mkdir(parents=True)
    first = put(tmp_path, "1.1")
    repair(tmp_path)
    age(tmp_path)
    repair(tmp_path)
    started = time.monotonic()
    with Index(str(tmp_path)) as index:
        assert held(index) == [first]
    assert time.monotonic() - started < 1
    shutil.rmtree(tmp_path / "P1")
    with Index(str(tmp_path)) as index:
        assert held(index) == []
