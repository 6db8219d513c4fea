"""Servers killed again and again: the index repairs itself, and holds all that was answered with success.

``DCMTOOLS_TEST_KILLS`` raises the number of kills.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dcmtools.archive.index import Index
from dcmtools.errors import AssociationError
from dcmtools.files.names import INDEX
from tests.support.indexed import anew, files, repair, rows
from tests.support.run import run
from tests.support.served import DCMTOOLS, SUCCESS, WITHIN, associated, data_set, served, store

if TYPE_CHECKING:
    from pathlib import Path

KILLS: Final = int(os.environ.get("DCMTOOLS_TEST_KILLS", "8"))
SENDERS: Final = 3

# What a server does between two requests, as fast as it can: 200 instances of ten series at a time.
INGESTING: Final = """
import sys
from dcmtools.archive.index import Index
from dcmtools.archive.storage import OnDuplicate, Storage
from dcmtools.files.meta import file_meta
from tests.support.served import CT, EXPLICIT, data_set

folder, turn = sys.argv[1:]
storage = Storage(folder, durable=False, on_duplicate=OnDuplicate.REPLACE)
with Index(folder) as index:
    print("ready", flush=True)
    for number in range(100_000):
        turn = turn if number % 3 else "0"
        sop, series = f"1.{turn}.{number % 200}", f"2.{number % 10}"
        data = data_set(sop, series=series, pixels=bytes(2 * (number // 200 % 7)))
        with storage.begin() as part:
            part.write(file_meta(CT, sop, EXPLICIT, "T"), data)
            index.add(part.keep("P1", "1.2.3", series, sop).path)
"""


def check(folder: Path) -> None:
    """What the next server makes of the index, and what an index made anew would hold, are the same."""
    with Index(str(folder)) as index:
        index.catch_up()
    found = rows(folder)
    assert [row[0] for row in found] == files(folder)
    assert found == anew(folder)


def test_the_writer_is_killed(tmp_path: Path) -> None:
    rng = random.Random("writer")
    sizes = set()
    for turn in range(2 * KILLS):
        command = [sys.executable, "-c", INGESTING, str(tmp_path), str(turn % 5)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stderr
            assert process.stdout.readline() == b"ready\n", process.stderr.read()
            time.sleep(rng.uniform(0, 0.15))
            process.kill()
        if turn % 3 == 2:
            sizes.add((tmp_path / INDEX).stat().st_size)
            check(tmp_path)
    check(tmp_path)
    assert len(files(tmp_path)) > 100
    assert run("archive", "verify", tmp_path).status == 0
    assert len(sizes) > 1


class Sender(threading.Thread):
    """Sends to ``port`` what it has not sent before, until that comes to an end."""

    def __init__(self, port: int, number: int) -> None:
        super().__init__()
        self.answered: list[str] = []
        self._port = port
        self._number = number

    def run(self) -> None:
        with suppress(AssociationError, OSError), associated(self._port) as association:
            for count in range(100_000):
                sop, series = f"1.{self._number}.{count}", f"2.{self._number}.{count // 20}"
                if store(association, sop, data_set(sop, series=series)) == SUCCESS:
                    self.answered.append(sop)


def test_the_server_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    rng = random.Random("server")
    answered: set[str] = set()
    for turn in range(KILLS):
        with served(folder, "--fsync", "off") as server:
            senders = [Sender(server.port, turn * SENDERS + number) for number in range(SENDERS)]
            for sender in senders:
                sender.start()
            time.sleep(rng.uniform(0.02, 0.3))
            server.process.kill()
            for sender in senders:
                sender.join(WITHIN)
                answered |= set(sender.answered)
        if turn % 3 == 1:  # in the middle of a start, and so of its repair
            with suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    [DCMTOOLS, "serve", str(folder), "--port", "0"],
                    timeout=rng.uniform(0.1, 0.5),
                    capture_output=True,
                    check=False,
                )
        if turn % 3 == 2:
            check(folder)
    assert len(answered) > 10 * KILLS
    check(folder)
    assert answered <= {str(row[0]) for row in rows(folder, "SOPInstanceUID")}
    assert run("archive", "verify", folder).status == 0


def test_a_repair_is_killed(tmp_path: Path) -> None:
    rng = random.Random("repair")
    script = "import sys; from tests.support.indexed import put_many; from pathlib import Path;"
    subprocess.run(
        [sys.executable, "-c", f"{script} put_many(Path(sys.argv[1]), 4, 4, 4, 20)", str(tmp_path)],
        check=True,
    )
    partial = 0
    for _ in range(KILLS):
        command = [DCMTOOLS, "archive", "index", str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            time.sleep(rng.uniform(0.15, 0.4))
            process.kill()
        if (tmp_path / INDEX).exists():
            repair(tmp_path)
            found = rows(tmp_path)
            assert [row[0] for row in found] == files(tmp_path)
            partial += 1
            for path in tmp_path.glob(f"{INDEX}*"):
                path.unlink()
    assert partial
    check(tmp_path)
