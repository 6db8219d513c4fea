"""``dcmtools store --retries``: what may pass is tried again, what is final is not; each resend is named."""

from __future__ import annotations

import itertools
import logging
import re
import socket
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from dcmtools.net.stop import Stop
from dcmtools.scu.sender import LONGEST_DELAY, MAY_BE_STORED
from tests.support import samples
from tests.support.proxy import Proxy
from tests.support.run import Run, run
from tests.support.unruly import (
    Association,
    Fault,
    Moment,
    Request,
    Unruly,
    aborts_request,
    accepts_nothing,
    answer_to,
    answers,
    closed_port,
    never_answers,
    rejects,
    resets_request,
    serves,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.unruly import Script

SHORT = ("-ta", "1", "-td", "1", "-to", "2", "--format", "json", "--retry-delay", "0.01")
COUNT = 6
LARGE = 8_000_000  # more than the sockets of both sides hold
JOBS = pytest.mark.parametrize("jobs", [1, 3])


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return samples.make_small(tmp_path / "files", COUNT)


def store(server: Unruly | Proxy, files: list[Path], *options: object) -> Run:
    return run("store", f"PEER@127.0.0.1:{server.port}", *SHORT, *options, *files)


def uid(number: int) -> str:
    return samples.sop_instance_uid(number)


def record_of(result: Run, path: Path) -> dict[str, Any]:
    [record] = [record for record in result.records if record["file"] == str(path)]
    return record


def outcomes(result: Run) -> dict[str, str]:
    return {record["sop_instance_uid"]: record["outcome"] for record in result.records}


def named(result: Run, path: Path) -> int:
    """How often it is told that a file is sent again."""
    return len(re.findall(f"{re.escape(str(path))}: .*; it is sent again", result.stderr))


def troubles(wanted: str, *faults: Fault) -> Script:
    """Let the first fault strike when this instance is sent, the second when it is sent again, and so on."""
    met = itertools.count()

    def script(association: Association) -> None:
        association.accept()
        fault = None
        for moment, request in association.requests():
            if moment is Moment.BEFORE:
                struck = request.message.command_set.AffectedSOPInstanceUID == wanted
                number = next(met) if struck else len(faults)
                fault = faults[number] if number < len(faults) else None
            if fault and moment is fault.moment:
                fault.strike(association, request)
            elif moment is Moment.AFTER:
                association.send(answer_to(request))

    return script


# ---------------------------------------------------------------- one file in trouble


def sends_garbage(association: Association, _request: Request) -> None:
    association.send(b"\xff" * 100)
    association.drain()


def releases(association: Association, _request: Request) -> None:
    association.send(bytes((5, 0, 0, 0, 0, 4, 0, 0, 0, 0)))
    association.drain()


class Trouble(NamedTuple):
    """What befalls one file: what it is called then, and whether it may pass."""

    fault: Fault
    outcome: str
    passes: bool


TROUBLES = {
    "A700": Trouble(answers(0xA700), "failed", True),
    "A7FF": Trouble(answers(0xA7FF), "failed", True),
    "A900": Trouble(answers(0xA900), "failed", False),
    "0122": Trouble(answers(0x0122), "failed", False),
    "0110": Trouble(answers(0x0110), "failed", False),
    "C000": Trouble(answers(0xC000), "failed", False),
    "FE00": Trouble(answers(0xFE00), "failed", False),
    "B000": Trouble(answers(0xB000), "warning", False),
    "abort-before": Trouble(aborts_request(Moment.BEFORE), "unknown", True),
    "abort-after": Trouble(aborts_request(), "unknown", True),
    "reset-after": Trouble(resets_request(), "unknown", True),
    "silence": Trouble(never_answers(), "unknown", True),
    "garbage": Trouble(Fault(sends_garbage), "unknown", True),
    "release": Trouble(Fault(releases), "unknown", True),
}


@JOBS
@pytest.mark.parametrize("name", TROUBLES)
def test_without_retries_one_file_is_lost_and_no_other(files: list[Path], name: str, jobs: int) -> None:
    trouble = TROUBLES[name]
    with Unruly(troubles(uid(3), trouble.fault)) as server:
        result = store(server, files, "--jobs", jobs)
    expected = {uid(number): "done" for number in range(1, COUNT + 1)} | {uid(3): trouble.outcome}
    assert outcomes(result) == expected
    assert len(result.records) == COUNT
    assert result.status == (0 if trouble.outcome == "warning" else 1)
    assert {record["attempts"] for record in result.records} == {1}
    sent_whole = trouble.fault.moment is Moment.AFTER
    assert Counter(server.uids) == Counter(uid(n) for n in range(1, COUNT + 1) if n != 3 or sent_whole)
    assert "sent again" not in result.stderr


@JOBS
@pytest.mark.parametrize("name", TROUBLES)
def test_with_retries_what_may_pass_is_tried_again(files: list[Path], name: str, jobs: int) -> None:
    trouble = TROUBLES[name]
    with Unruly(troubles(uid(3), trouble.fault)) as server:
        result = store(server, files, "--jobs", jobs, "--retries", 2)
    last = "done" if trouble.passes else trouble.outcome
    assert outcomes(result) == {uid(number): "done" for number in range(1, COUNT + 1)} | {uid(3): last}
    assert result.status == (1 if last == "failed" else 0)
    for path in files:
        again = path == files[2] and trouble.passes
        assert record_of(result, path)["attempts"] == 1 + again
        assert named(result, path) == again
    sent_whole = trouble.fault.moment is Moment.AFTER
    times = {uid(number): 1 for number in range(1, COUNT + 1)} | {uid(3): sent_whole + trouble.passes}
    assert Counter(server.uids) == Counter({each: count for each, count in times.items() if count})


@JOBS
def test_out_of_resources_twice(files: list[Path], jobs: int) -> None:
    with Unruly(troubles(uid(2), answers(0xA700), answers(0xA701))) as server:
        result = store(server, files, "--jobs", jobs, "--retries", 2)
    assert result.status == 0
    assert (record_of(result, files[1])["status"], record_of(result, files[1])["attempts"]) == ("0000", 3)
    assert named(result, files[1]) == 2
    assert server.uids.count(uid(2)) == 3
    assert result.stderr.splitlines()[-1] == f"{COUNT} stored"


@JOBS
def test_out_of_resources_once_too_often(files: list[Path], jobs: int) -> None:
    with Unruly(troubles(uid(2), *[answers(0xA700, "quota")] * 2)) as server:
        result = store(server, files, "--jobs", jobs, "--retries", 1)
    assert result.status == 1
    record = record_of(result, files[1])
    assert (record["status"], record["attempts"], record["outcome"]) == ("A700", 2, "failed")
    assert "the peer says 'quota'" in record["error"]["message"]
    assert server.uids.count(uid(2)) == 2


@JOBS
def test_no_file_is_ever_accepted(files: list[Path], jobs: int) -> None:
    """Every file is tried as often as was asked for, and its last status is told."""
    with Unruly(serves(answers(0xA700), at=None)) as server:
        result = store(server, files, "--jobs", jobs, "--retries", 2)
    assert result.status == 5
    assert {(record["status"], record["attempts"]) for record in result.records} == {("A700", 3)}
    assert Counter(server.uids) == Counter({uid(number): 3 for number in range(1, COUNT + 1)})


# ---------------------------------------------------------------- a doubt that stays


def test_a_doubt_stays_when_no_association_comes_about_any_more(files: list[Path]) -> None:
    """The answer was lost, and nobody can be asked: the file is in doubt, those behind it are not."""

    def script(association: Association) -> None:
        if association.server.proposals:
            rejects(2, 3, 2)(association)
        else:
            troubles(uid(3), aborts_request())(association)

    with Unruly(script) as server:
        result = store(server, files, "--retries", 1)
    assert result.status == 1
    expected = ["done", "done", "unknown", "failed", "failed", "failed"]
    assert [record_of(result, path)["outcome"] for path in files] == expected
    record = record_of(result, files[2])
    assert (record["attempts"], record["error"]["hint"]) == (1, MAY_BE_STORED)
    assert record_of(result, files[3])["attempts"] == 0
    assert record_of(result, files[3])["error"]["hint"] != MAY_BE_STORED
    assert len(server.proposals) == 3
    assert f"{files[2]}: outcome unknown: PEER@127.0.0.1:{server.port}: associate: rejected" in result.stderr


def test_a_doubt_stays_when_the_file_has_gone(files: list[Path]) -> None:
    def strike(association: Association, _request: Request) -> None:
        files[2].unlink()
        association.abort()

    with Unruly(troubles(uid(3), Fault(strike))) as server:
        result = store(server, files, "--retries", 1)
    record = record_of(result, files[2])
    assert (record["outcome"], record["attempts"]) == ("unknown", 1)
    assert record["error"]["message"] == "No such file or directory"
    assert result.status == 1


def test_a_doubt_stays_when_the_second_sending_is_cut_short(files: list[Path]) -> None:
    samples.make_ct(files[2].parent, 1, LARGE, first=3)
    with Unruly(troubles(uid(3), aborts_request(), resets_request(Moment.BEFORE))) as server:
        result = store(server, files, "--retries", 1)
    record = record_of(result, files[2])
    assert (record["outcome"], record["attempts"]) == ("unknown", 2)
    assert "send: " in record["error"]["message"]
    assert server.uids.count(uid(3)) == 1


def test_an_answer_ends_the_doubt(files: list[Path]) -> None:
    with Unruly(troubles(uid(3), aborts_request(), answers(0xA900))) as server:
        result = store(server, files, "--retries", 1)
    record = record_of(result, files[2])
    assert (record["outcome"], record["status"], record["attempts"]) == ("failed", "A900", 2)
    assert server.uids.count(uid(3)) == 2


# ---------------------------------------------------------------- no association at first


def test_nothing_is_tried_twice_without_being_asked_for(files: list[Path]) -> None:
    with Unruly(rejects(2, 3, 2)) as server:
        assert store(server, files).status == 4
    assert len(server.proposals) == 1


@JOBS
@pytest.mark.parametrize("rejections", [1, 2])
def test_a_transient_rejection_passes(files: list[Path], rejections: int, jobs: int) -> None:
    """PS3.8 9.3.4, result 2: congestion, or a limit that was reached."""
    lock, met = threading.Lock(), itertools.count()

    def script(association: Association) -> None:
        with lock:
            number = next(met)
        (rejects(2, 3, 1) if number < rejections * jobs else serves())(association)

    with Unruly(script) as server:
        result = store(server, files, "--jobs", jobs, "--retries", rejections)
    assert result.status == 0
    assert len(result.records) == COUNT
    assert {record["attempts"] for record in result.records} == {1}
    assert "rejected (transient): temporary congestion" in result.stderr
    assert f"{COUNT} stored" in result.stderr


@JOBS
def test_a_transient_rejection_that_stays(files: list[Path], jobs: int) -> None:
    with Unruly(rejects(2, 3, 1)) as server:
        result = store(server, files, "--jobs", jobs, "--retries", 2)
    assert result.status == 4
    assert outcomes(result) == {uid(number): "failed" for number in range(1, COUNT + 1)}
    assert len(server.proposals) == 3 * jobs
    assert all(record["error"]["transient"] for record in result.records)


@JOBS
def test_a_permanent_rejection_is_final(files: list[Path], jobs: int) -> None:
    with Unruly(rejects()) as server:
        result = store(server, files, "--jobs", jobs, "--retries", 9)
    assert result.status == 4
    assert len(server.proposals) == jobs
    assert outcomes(result) == {uid(number): "failed" for number in range(1, COUNT + 1)}


@JOBS
def test_a_class_that_is_not_accepted_is_final(files: list[Path], jobs: int) -> None:
    with Unruly(accepts_nothing) as server:
        result = store(server, files, "--jobs", jobs, "--retries", 9)
    assert result.status == 5
    assert len(result.records) == COUNT
    assert {record["attempts"] for record in result.records} == {0}
    assert len(server.proposals) <= jobs


@JOBS
def test_a_peer_that_is_down_and_comes_up(
    files: list[Path], jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Unruly(serves()) as server, Proxy(server.port, refusing=True) as proxy:
        come_up = iter([proxy.listen])
        said: list[str] = []

        def heard(record: logging.LogRecord) -> None:
            said.append(record.getMessage())
            next(come_up, bool)()

        monkeypatch.setattr(logging.getLogger("dcmtools.scu.saying"), "handle", heard)
        result = store(proxy, files, "--jobs", jobs, "--retries", 9)
    assert result.status == 0
    assert len(server.stores) == COUNT
    assert "connect: Connection refused; trying again in 0 s" in said[0]


@JOBS
def test_a_peer_that_stays_down(files: list[Path], jobs: int) -> None:
    with closed_port() as port:
        result = run("store", f"PEER@127.0.0.1:{port}", *SHORT, "--jobs", jobs, "--retries", 2, *files)
    assert result.status == 4
    assert outcomes(result) == {uid(number): "failed" for number in range(1, COUNT + 1)}
    assert result.stderr.count("trying again in") == 2 * jobs
    assert result.stderr.splitlines()[-1] == f"0 stored, {COUNT} failed"


@JOBS
def test_a_name_that_nobody_knows(files: list[Path], jobs: int) -> None:
    result = run("store", "PEER@nosuch.invalid:104", *SHORT, "--jobs", jobs, *files)
    assert result.status == 4
    assert outcomes(result) == {uid(number): "failed" for number in range(1, COUNT + 1)}
    assert "resolve: nosuch.invalid: " in result.stderr


@JOBS
@pytest.mark.parametrize(("code", "passes"), [(socket.EAI_AGAIN, True), (socket.EAI_NONAME, False)])
def test_a_name_that_is_known_the_second_time(
    files: list[Path], jobs: int, code: int, passes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that does not answer may answer later; one that knows no such name has answered."""
    getaddrinfo, asked = socket.getaddrinfo, itertools.count()
    all_have_asked = threading.Barrier(jobs)

    def resolver(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  as in socket
        if host == b"pacs.example.org" and not kwargs.get("flags"):
            if next(asked) < jobs:
                all_have_asked.wait(20)
                raise socket.gaierror(code, "not now")
            host = "127.0.0.1"
        return getaddrinfo(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    with Unruly(serves()) as server:
        address = f"PEER@pacs.example.org:{server.port}"
        result = run("store", address, *SHORT, "--jobs", jobs, "--retries", 1, *files)
    assert result.status == (0 if passes else 4)
    assert len(server.stores) == (COUNT if passes else 0)
    assert result.stderr.count("resolve: pacs.example.org: not now; trying again in") == jobs * passes


# ---------------------------------------------------------------- how long it waits


class Clock:
    """A time that passes only while somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr(Stop, "wait", lambda _, seconds: self.wait(seconds))

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def delays(result: Run) -> list[int]:
    return [int(number) for number in re.findall(r"trying again in (\d+) s", result.stderr)]


def in_vain(files: list[Path], *options: object) -> Run:
    with closed_port() as port:
        return run("store", f"PEER@127.0.0.1:{port}", *options, files[0])


def test_each_wait_is_twice_as_long_up_to_a_limit(
    files: list[Path], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcmtools.scu.sender.random.uniform", lambda *_: 1.0)
    begun = clock.now
    result = in_vain(files, "--retries", 9)
    assert delays(result) == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert clock.now - begun == pytest.approx(sum(delays(result)))


def test_no_two_wait_the_same(files: list[Path], clock: Clock) -> None:
    """Many senders that lost one peer at the same time do not come back at the same time."""
    begun = clock.now
    result = in_vain(files, "--retries", 40, "--retry-delay", 3600)
    assert len(set(delays(result))) > 20
    assert all(LONGEST_DELAY / 2 <= delay <= LONGEST_DELAY * 1.5 for delay in delays(result))
    assert clock.now - begun == pytest.approx(sum(delays(result)), abs=len(delays(result)))


def test_a_refused_file_waits_while_others_are_sent(files: list[Path], clock: Clock) -> None:
    begun = clock.now
    with Unruly(troubles(uid(1), answers(0xA700), answers(0xA700))) as server:
        result = store(server, files, "--retries", 2, "--retry-delay", 100)
    assert result.status == 0
    assert server.uids == [uid(number) for number in (*range(1, COUNT + 1), 1, 1)]
    assert len(server.proposals) == 3, "nobody keeps an association open while it waits"
    assert 50 + 100 <= clock.now - begun <= 150 + 300


# ---------------------------------------------------------------- a peer that is given up


def test_many_retries_end_with_a_peer_that_never_answers(tmp_path: Path) -> None:
    """Three deadlines in a row without any answer: not one for each file and each try."""
    paths = samples.make_small(tmp_path, 30)
    with Unruly(serves(never_answers(), at=None)) as server:
        result = store(server, paths, "-td", "0.3", "--retries", 5)
        assert len(server.proposals) == 3
    assert result.status == 4
    expected = {uid(number): "unknown" if number <= 3 else "failed" for number in range(1, 31)}
    assert outcomes(result) == expected
    assert [record_of(result, path)["attempts"] for path in paths[:4]] == [1, 1, 1, 0]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() <= before
