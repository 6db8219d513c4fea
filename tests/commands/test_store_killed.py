"""``dcmtools store --journal``, killed again and again: in the end all has arrived, and no resend is unnamed.

``DCMTOOLS_TEST_KILLS`` raises the number of kills, and of files with it; 100 take half a minute each.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pytest

from tests.support import samples
from tests.support.served import DCMTOOLS
from tests.support.unruly import Association, Moment, Unruly, answer_to

if TYPE_CHECKING:
    from pathlib import Path

KILLS: Final = int(os.environ.get("DCMTOOLS_TEST_KILLS", "15"))
FILES: Final = 20 * KILLS
SAMPLE: Final = 50
EARLY: Final = 0.2  # seconds: before the first file, or soon after
LIMIT: Final = 60
SENT_AGAIN: Final = ": it may have been sent before; it is sent again"
ANSWERED: Final = "answered"


class Batch:
    """A batch of files, a peer, and a sender that gets a signal where nobody can know beforehand."""

    def __init__(self, folder: Path, number: signal.Signals, jobs: int) -> None:
        self.files = samples.make_ct(folder / "files", FILES, 2048)
        self.number = number
        self.rng = random.Random(f"{number} {jobs}")
        self.server = Unruly(self.serve)
        self.killed = 0
        self.named: list[str] = []
        self._folder = folder
        self._jobs = jobs
        self._lock = threading.Lock()
        self._left = -1  # moments until the signal, and at which
        self._moment: Moment | str = ""
        self._process: subprocess.Popen[str]

    def serve(self, association: Association) -> None:
        association.accept()
        for moment, request in association.requests():
            self._strike_at(moment)
            if moment is Moment.AFTER:
                association.send(answer_to(request))
                self._strike_at(ANSWERED)

    def _strike_at(self, moment: Moment | str) -> None:
        with self._lock:
            if moment == self._moment:
                self._left -= 1
                if not self._left:
                    self._strike()

    def _strike(self) -> None:
        self._process.send_signal(self.number)
        self.killed += 1

    def run(self, *, kill: bool) -> tuple[int, str]:
        """One run, ended by a signal or by itself; its status and what it said on stdout."""
        # While it loads modules, Python itself may lose a SIGINT, in a callback that must not raise anything.
        early_too = [] if self.number is signal.SIGINT else [""]
        moment = self.rng.choice([*Moment, ANSWERED, *early_too]) if kill else ""
        early = self.rng.uniform(0, EARLY) if kill and not moment else None
        output = self._folder / "output"
        with self._lock, output.open("w") as stdout, (self._folder / "errors").open("w") as stderr:
            self._moment, self._left = moment, self.rng.randrange(1, FILES // KILLS)
            self._process = subprocess.Popen(self._command(), text=True, stdout=stdout, stderr=stderr)
        if early is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(early)
            with self._lock:
                if self._process.poll() is None:
                    self._strike()
        status = self._process.wait(LIMIT)
        said = (self._folder / "errors").read_text()
        assert "internal error" not in said
        assert "Traceback" not in said or early is not None, said
        self.named += [
            line.removeprefix("dcmtools store: warning: ").removesuffix(SENT_AGAIN)
            for line in said.splitlines()
            if line.endswith(SENT_AGAIN)
        ]
        return status, output.read_text()

    def _command(self) -> list[str]:
        place = f"127.0.0.1:{self.server.port}"
        journal = str(self._folder / "journal")
        options = ["--jobs", str(self._jobs), "--format", "json", "-td", "10"]
        return [DCMTOOLS, "store", place, "--journal", journal, *options, str(self._folder / "files")]


def path_of(batch: Batch, uid: str) -> str:
    return str(batch.files[int(uid.removeprefix("2.25.")) - samples.UID_BASE - 1])


@pytest.mark.parametrize(
    ("number", "jobs"),
    [
        (signal.SIGKILL, 1),
        (signal.SIGKILL, 3),
        (signal.SIGTERM, 1),
        (signal.SIGTERM, 3),
        (signal.SIGINT, 3),
        (signal.SIGHUP, 1),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else str(value),
)
def test_nothing_is_lost_and_no_resend_unnamed(tmp_path: Path, number: signal.Signals, jobs: int) -> None:
    batch = Batch(tmp_path, number, jobs)
    with batch.server as server:
        for _ in range(KILLS):
            status, output = batch.run(kill=True)
            if status == 0:
                break
            assert status in (130, -number), "a signal, and nothing else, has ended it"
            told = [json.loads(line) for line in output.splitlines() if line.endswith("}")]
            done = {record["sop_instance_uid"] for record in told if record["outcome"] == "done"}
            assert done <= set(server.uids)
        status, output = batch.run(kill=False)
        last = [json.loads(line) for line in output.splitlines()]
    assert status == 0
    assert batch.killed >= KILLS / 2
    assert {record["file"] for record in last} == set(map(str, batch.files))
    assert {record["outcome"] for record in last} <= {"done", "skipped"}

    times = Counter(server.uids)
    assert set(times) == {samples.sop_instance_uid(at + 1) for at in range(FILES)}, "nothing is lost"
    twice = {path_of(batch, uid) for uid, count in times.items() if count > 1}
    assert twice <= set(batch.named), "no resend is unnamed"
    assert sum(times.values()) - FILES <= batch.killed * jobs
    if number is not signal.SIGKILL:
        assert twice == set(), "what was in hand got its answer"
    for stored in batch.rng.sample(server.stores, SAMPLE):
        with open(path_of(batch, stored.sop_instance_uid), "rb") as file:
            assert file.read().endswith(stored.data)
        assert len(stored.data) > 1000


def test_two_runs_at_once_again_and_again(tmp_path: Path) -> None:
    """Whoever comes second leaves at once, with status 2, and nothing is sent twice."""
    files = samples.make_ct(tmp_path / "files", FILES, 2048)
    rng = random.Random("two")
    seconds: list[int] = []

    def serve(association: Association) -> None:
        association.accept()
        for moment, request in association.requests():
            if moment is Moment.AFTER:
                if rng.randrange(len(files)) < 10:
                    begun = time.monotonic()
                    seconds.append(subprocess.run(command, capture_output=True, check=False).returncode)
                    assert time.monotonic() - begun < 10
                association.send(answer_to(request))

    with Unruly(serve) as server:
        journal = str(tmp_path / "journal")
        command = [DCMTOOLS, "store", f"127.0.0.1:{server.port}", "--journal", journal, str(files[0].parent)]
        assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert set(seconds) == {2}
    assert Counter(server.uids) == Counter(samples.sop_instance_uid(at + 1) for at in range(FILES))
