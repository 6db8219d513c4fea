"""What a peer sends to get out of the folder, into the log, or on the server's nerves."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.served import (
    Served,
    all_from,
    associate_request,
    associated,
    connected,
    data_set,
    echo,
    served,
    serving,
    store,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = [
    "../../../../../../../../{outside}",
    "{outside}",
    "..",
    ".",
    "../..",
    "../../x",
    "/",
    "//x",
    "a/b",
    "a/../b",
    "a\\b",
    "..\\..\\x",
    "C:\\x",
    "a\0b",
    "\0/x",
    "a\nb",
    "a\r\nFAKE LOG LINE",
    "\x1b[31mred\x1b]0;title\x07",
    "\u202exyz",
    "名前",
    "café",
    "$(touch {outside})",
    "`touch {outside}`",
    ";touch {outside};",
    "| sh",
    "-rf",
    "*",
    "CON",
    ".incoming",
    ".incoming/lock",
    "x" * 500,
]
COMPONENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,67}")
SUCCESS, MISMATCH, CANNOT_UNDERSTAND, OUT_OF_RESOURCES = 0, 0xA900, 0xC000, 0xA700


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A path that nothing may make; the archive is beside it."""
    return tmp_path / "outside"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "archive") as running:
        yield running
    assert os.listdir(tmp_path) == ["archive"]


def assert_harmless(server: Served) -> None:
    for path in server.kept():
        parts = path.relative_to(server.folder).parts
        assert len(parts) == 4
        assert all(COMPONENT.fullmatch(part) for part in parts)


# ---------------------------------------------------------------- names


def test_no_patient_id_leads_out_and_no_two_share_a_folder(server: Served, outside: Path) -> None:
    ids = [text.format(outside=outside) for text in HOSTILE]
    with associated(server.port) as association:
        for number, patient in enumerate(ids):
            assert store(association, f"1.2.{number}", data_set(f"1.2.{number}", patient=patient)) == SUCCESS
    assert_harmless(server)
    assert len({path.relative_to(server.folder).parts[0] for path in server.kept()}) == len(ids)


def test_study_and_series_lead_nowhere_either(server: Served, outside: Path) -> None:
    with associated(server.port) as association:
        for number, text in enumerate(HOSTILE):
            uid, hostile = f"1.2.{number}", text.format(outside=outside)
            assert store(association, uid, data_set(uid, study=hostile, series=hostile)) == SUCCESS
    assert_harmless(server)
    assert len(server.kept()) == len(HOSTILE)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_is_no_uid_names_no_instance(server: Served, outside: Path, text: str) -> None:
    hostile = text.format(outside=outside).encode().decode("latin-1")
    with associated(server.port) as association:
        short = hostile[:64].rstrip("\0 ")  # a command set takes no longer one
        assert store(association, short, data_set(short)) == CANNOT_UNDERSTAND
        assert store(association, "1.2.3", data_set(hostile)) in (MISMATCH, CANNOT_UNDERSTAND)
        assert store(association, "1.2.3", data_set("1.2.3", sop_class=hostile)) in (
            MISMATCH,
            CANNOT_UNDERSTAND,
        )
        assert server.kept() == []
        assert server.unfinished() == []
        assert store(association, "1.2.3", data_set("1.2.3")) == SUCCESS


@pytest.mark.parametrize("pair", [("ABC", "abc"), ("a b", "a_b"), ("a/b", "a\\b"), ("x" * 65, "x" * 66)])
def test_patients_that_differ_only_in_case_or_in_what_is_replaced_stay_apart(
    server: Served, pair: tuple[str, str]
) -> None:
    with associated(server.port) as association:
        for patient in pair:
            assert store(association, "1.2.3", data_set("1.2.3", patient=patient)) == SUCCESS
    assert len(server.kept()) == 2


def test_long_ids_that_differ_at_their_end_stay_apart(server: Served) -> None:
    with associated(server.port) as association:
        for end in "12":
            data = data_set("1.2.3", patient="x" * 30_000 + end)
            assert store(association, "1.2.3", data) == SUCCESS
    assert len(server.kept()) == 2


# ---------------------------------------------------------------- links planted while it serves


@pytest.mark.parametrize("level", ["P1", "P1/1.2.3", "P1/1.2.3/1.2.3.1", "P1/1.2.3/1.2.3.1/1.2.3.4.dcm"])
@pytest.mark.parametrize("dangling", [False, True])
def test_a_planted_link_is_not_followed(tmp_path: Path, level: str, *, dangling: bool) -> None:
    target = tmp_path / "target"
    with serving(tmp_path / "archive") as server, associated(server.port) as association:
        if not dangling:
            target.mkdir()
        planted = server.folder / level
        planted.parent.mkdir(parents=True, exist_ok=True)
        planted.symlink_to(target)
        assert store(association, "1.2.3.4", data_set()) == OUT_OF_RESOURCES
        assert server.unfinished() == []
        planted.unlink()
        assert store(association, "1.2.3.4", data_set()) == SUCCESS
    assert not target.exists() if dangling else os.listdir(target) == []


# ---------------------------------------------------------------- AE titles and log lines


@pytest.mark.parametrize(
    "title", [b"\x1b[31mX", b"A\r\nFAKE", b"A\\B", b"A\x00B", b"\xe9", b"\0" * 16, b" " * 16]
)
def test_a_title_that_could_forge_a_log_line_is_rejected_and_escaped(tmp_path: Path, title: bytes) -> None:
    with served(tmp_path / "archive", "-v") as server:
        for called, calling, reason in ((b"ANY-SCP", title, 3), (title, b"CALLER", 7)):
            answer = raw(server.port, associate_request(called, calling))
            assert answer[:10] == bytes((3, 0, 0, 0, 0, 4, 0, 1, 1, reason))
        assert server.stop() == 0
        assert_lines(server.log())


def assert_lines(log: str) -> None:
    """Every line is one of ours, and shows no control character."""
    for line in log.split("\n")[:-1]:
        assert re.match(r"dcmtools serve: (info|warning): ", line)
        assert line.isprintable()
    assert "Traceback" not in log


def raw(port: int, data: bytes) -> bytes:
    """Send ``data`` and return all that comes back until the server ends the connection."""
    with connected(port) as sock:
        sock.sendall(data)
        return all_from(sock)


def test_another_protocol_version_is_rejected(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        answer = raw(server.port, associate_request(version=2))
        assert answer == bytes((3, 0, 0, 0, 0, 4, 0, 1, 2, 2))


def test_log_lines_of_hostile_uids_are_escaped(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "-v") as server:
        with associated(server.port) as association:
            for text in HOSTILE:
                hostile = text.encode().decode("latin-1")[:64].rstrip("\0 ")
                assert store(association, hostile, data_set(hostile)) == CANNOT_UNDERSTAND
        assert server.stop() == 0
        assert len(server.log().splitlines()) == len(HOSTILE) + 2
        assert_lines(server.log())


# ---------------------------------------------------------------- the corpus of PDU streams

CORPUS = Path(__file__).parents[3] / "shared" / "hostile"


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the generator of hostile inputs is not here")
def test_no_stream_of_the_corpus_ends_it_or_leads_out(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    # Few levels below the root: the traversals in the corpus go up four folders.
    base = Path(tempfile.mkdtemp(prefix="dcm", dir=memory if memory.is_dir() else "/tmp"))
    canary = base / "canary"
    canary.mkdir()
    try:
        generate = [sys.executable, CORPUS / "gen_corpus.py", tmp_path / "corpus", "--canary", canary]
        subprocess.run([str(word) for word in generate], check=True, stdout=subprocess.DEVNULL)
        with served(base / "archive", "-v", "--acse-timeout", "2") as server:
            throw(tmp_path / "corpus", canary, server.port, server.process.pid, tmp_path / "result.json")
            assert echo(server.port) == 0
            for path in server.kept():
                assert path.name == "1.2.826.0.1.3680043.8.498.1.dcm" or COMPONENT.fullmatch(path.name)
            assert server.stop() == 0
            assert_lines(server.log())
        assert os.listdir(canary) == []
    finally:
        shutil.rmtree(base)
    result = json.loads((tmp_path / "result.json").read_text())
    assert len(result["streams"]) == 51
    assert result["bad"] == result["canary"] == []
    assert max(stream["st"]["VmHWM"] for stream in result["streams"]) < 200_000


def throw(corpus: Path, canary: Path, port: int, pid: int, result: Path) -> None:
    where = [CORPUS / "pdu_test.py", corpus, f"127.0.0.1:{port}", "--pid", pid, "--canary", canary]
    how = ["--hold", "0.2", "--ping-timeout", "2", "--silent", "100", "--drip", "50", "--drip-seconds", "3"]
    command = [sys.executable, *where, "--json", result, *how, "--big", "64"]
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
