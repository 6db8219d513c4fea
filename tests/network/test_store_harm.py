"""``dcmtools store`` over connections that come to harm: what it reports is what the receiver holds.

They may differ in files alone whose answer was lost, which are called that: unknown.
"""

from __future__ import annotations

import random
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.proxy import Harm, Proxy, Way, corrupt, cut, drip, reset, stall, swallow
from tests.support.run import Run, run
from tests.support.served import Served, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.proxy import Action

SHORT = ("-ta", "0.6", "-td", "0.6", "-to", "2", "--format", "json")
COUNT = 8
RELEASE = 10  # bytes of an A-RELEASE-RP
JOBS = pytest.mark.parametrize("jobs", [1, 3])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return samples.make_small(tmp_path_factory.mktemp("files"), COUNT)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "archive") as server:
        yield server


def store(proxy: Proxy, files: list[Path], *options: object) -> Run:
    return run("store", f"127.0.0.1:{proxy.port}", *SHORT, *options, *files)


def held(server: Served) -> set[bytes]:
    return {samples.dataset_bytes(path) for path in server.kept()}


def agrees(result: Run, server: Served, files: list[Path]) -> None:
    """Hold a report to the truth."""
    outcomes = {record["file"]: record["outcome"] for record in result.records}
    assert len(result.records) == len(outcomes)
    assert sorted(outcomes) == sorted(map(str, files))
    there = held(server)
    for path in files:
        if outcomes[str(path)] != "unknown":
            assert (samples.dataset_bytes(path) in there) == (outcomes[str(path)] == "done"), path
    assert there <= {samples.dataset_bytes(path) for path in files}
    assert (result.status == 0) == (set(outcomes.values()) == {"done"})
    assert "internal error" not in result.stderr


@pytest.fixture(scope="module")
def lengths(tmp_path_factory: pytest.TempPathFactory, files: list[Path]) -> dict[Way, int]:
    """How many bytes go each way when all is well."""
    with serving(tmp_path_factory.mktemp("clean")) as server, Proxy(server.port) as proxy:
        assert store(proxy, files).status == 0
        [connection] = proxy.connections
        agrees(run("store", f"127.0.0.1:{proxy.port}", *SHORT, *files), server, files)
        return dict(connection.moved)


@pytest.fixture(scope="module")
def first_answer(tmp_path_factory: pytest.TempPathFactory, files: list[Path], lengths: dict[Way, int]) -> int:
    """Where the first answer to a C-STORE begins, behind that to the association request."""
    with serving(tmp_path_factory.mktemp("clean")) as server, Proxy(server.port) as proxy:
        assert store(proxy, files[:1]).status == 0
        one = proxy.connections[0].moved[Way.IN]
    answer = (lengths[Way.IN] - one) // (COUNT - 1)
    return one - RELEASE - answer


def harms(lengths: dict[Way, int], action: Action, *parts: float, first: int | None = 1) -> list[Harm]:
    return [Harm(way, int(lengths[way] * part), action, first) for way in Way for part in parts]


def each_on_its_own(
    tmp_path: Path, harms: list[Harm], files: list[Path], *options: object
) -> Iterator[tuple[Harm, Run, Served, Proxy]]:
    for number, harm in enumerate(harms):
        with ExitStack() as held:
            server = held.enter_context(serving(tmp_path / f"archive{number}"))
            proxy = held.enter_context(Proxy(server.port, harm))
            yield harm, store(proxy, files, *options), server, proxy


# ---------------------------------------------------------------- one connection ends


PARTS = (0.0, 0.005, 0.01, 0.02, 0.13, 0.3, 0.5, 0.77, 0.95, 0.999)


@JOBS
@pytest.mark.parametrize("action", [cut, reset])
def test_one_connection_ends(
    tmp_path: Path, files: list[Path], lengths: dict[Way, int], action: Action, jobs: int
) -> None:
    for _, result, server, _ in each_on_its_own(
        tmp_path, harms(lengths, action, *PARTS), files, "--jobs", jobs
    ):
        agrees(result, server, files)
        missing = [record for record in result.records if record["outcome"] != "done"]
        associated = all(record["attempts"] for record in missing)
        assert len(missing) <= 1 or not associated
        assert result.status in (0, 1) if associated else result.status == 4


@JOBS
@pytest.mark.parametrize("action", [cut, reset])
def test_every_connection_ends(
    tmp_path: Path, files: list[Path], lengths: dict[Way, int], action: Action, jobs: int
) -> None:
    """Each a little further on than the one before it came."""
    for _, result, server, _ in each_on_its_own(
        tmp_path, harms(lengths, action, 0.01, 0.2, 0.4, 0.7, first=None), files, "--jobs", jobs
    ):
        agrees(result, server, files)


@JOBS
@pytest.mark.parametrize("action", [cut, reset])
def test_with_retries_all_arrives(
    tmp_path: Path, files: list[Path], lengths: dict[Way, int], action: Action, jobs: int
) -> None:
    """Whatever ended the first two connections, and what is sent again is named."""
    options = ("--jobs", jobs, "--retries", 3, "--retry-delay", 0.01)
    for _, result, server, _ in each_on_its_own(
        tmp_path, harms(lengths, action, *PARTS, first=2), files, *options
    ):
        agrees(result, server, files)
        assert result.status == 0, result.stderr
        named = {record["file"] for record in result.records if f"{record['file']}: it" in result.stderr}
        again = {record["file"] for record in result.records if record["attempts"] > 1}
        assert named == again
        assert len(again) <= 2


# ---------------------------------------------------------------- silence


@JOBS
@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize("action", [stall, swallow])
def test_one_connection_falls_silent_within_a_file(
    tmp_path: Path, files: list[Path], first_answer: int, action: Action, jobs: int, way: Way
) -> None:
    """The deadline finds it out; the rest goes over another."""
    harm = Harm(way, first_answer if way is Way.IN else 3000, action)
    for _, result, server, proxy in each_on_its_own(tmp_path, [harm], files, "--jobs", jobs):
        agrees(result, server, files)
        outcomes = [record["outcome"] for record in result.records]
        assert outcomes.count("unknown") == proxy.struck
        assert outcomes.count("failed") == 0
        assert ("receive: no answer from the peer in time" in result.stderr) == proxy.struck
        assert proxy.struck or jobs > 1


@JOBS
@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize("action", [stall, swallow])
def test_one_connection_is_silent_from_the_start(
    tmp_path: Path, files: list[Path], action: Action, jobs: int, way: Way
) -> None:
    """Alone, nothing can be sent; where there are others, these do it, and it is told."""
    for _, result, server, _ in each_on_its_own(tmp_path, [Harm(way, 20, action)], files, "--jobs", jobs):
        agrees(result, server, files)
        assert result.status == (4 if jobs == 1 else 0)
        assert ("no answer from the peer in time; all has gone over fewer" in result.stderr) == (jobs > 1)


@JOBS
def test_a_connection_that_only_drips_is_slow_and_no_more(
    tmp_path: Path, files: list[Path], lengths: dict[Way, int], jobs: int
) -> None:
    for _, result, server, _ in each_on_its_own(
        tmp_path, harms(lengths, drip, 0.0, 0.5, first=None), files, "--jobs", jobs, "-td", 10, "-ta", 10
    ):
        agrees(result, server, files)
        assert result.status == 0


# ---------------------------------------------------------------- bytes that change


@JOBS
def test_an_answer_whose_first_byte_changes(
    tmp_path: Path, files: list[Path], first_answer: int, jobs: int
) -> None:
    """PS3.8 has no PDU of such a type."""
    for harm, result, server, proxy in each_on_its_own(
        tmp_path, [Harm(Way.IN, at, corrupt) for at in (0, first_answer)], files, "--jobs", jobs
    ):
        agrees(result, server, files)
        outcomes = [record["outcome"] for record in result.records]
        if harm.after:
            assert outcomes.count("unknown") == proxy.struck
            assert outcomes.count("failed") == 0
        else:
            assert set(outcomes) == {"failed" if jobs == 1 else "done"}


@JOBS
def test_a_byte_that_changes_anywhere(
    tmp_path: Path, files: list[Path], lengths: dict[Way, int], jobs: int
) -> None:
    """No checksum finds it out, but it ends, without a crash, and every file is in the report."""
    rng = random.Random(20261122)
    ends = {Way.IN: lengths[Way.IN], Way.OUT: 1500}
    some = [Harm(way, rng.randrange(ends[way]), corrupt) for way in 12 * tuple(Way)]
    for harm, result, _, _ in each_on_its_own(tmp_path, some, files, "--jobs", jobs):
        assert sorted(record["file"] for record in result.records) == sorted(map(str, files)), harm
        assert result.status in (0, 1, 4, 5), harm
        assert (result.status == 0) == all(
            record["outcome"] in ("done", "warning") for record in result.records
        ), harm
        assert "internal error" not in result.stderr
