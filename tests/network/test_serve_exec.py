"""``--exec``: the user's command for each instance, which no sender can bend, slow down or hide."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from threading import Thread

import pytest

from dcmtools.acceptor.admission import ServerOptions
from dcmtools.net.peer import NetworkOptions
from dcmtools.net.stop import Stop
from dcmtools.scp.serve import Receiving, serve
from tests.support.run import run
from tests.support.served import DUPLICATE, SUCCESS, associated, data_set, echo, served, store, wait_until

HOSTILE = [
    "$(touch {out})",
    "`touch {out}`",
    "; touch {out} ;",
    "| touch {out}",
    "a b",
    "'",
    '"',
    "*",
    "{file}",
]


def script(folder: Path, body: str) -> Path:
    """A program that has a folder for what it writes in ``$out``."""
    path = folder / "hook"
    path.write_text(f"#!/bin/sh\nout={folder}\n{body}\n")
    path.chmod(0o755)
    return path


def command(program: Path, *words: str) -> tuple[str, str]:
    return "--exec", " ".join([str(program), *words])


EVERYTHING = (
    "{file}",
    "{folder}",
    "{sop_class_uid}",
    "{sop_instance_uid}",
    "{study_uid}",
    "{series_uid}",
    "--from={calling_aet}",
    "{called_aet}@{peer}",
    "'two words'",
)
WRITE_ARGUMENTS = 'printf "%s\\n" "$@" > "$out/args"'


def test_it_gets_what_it_asks_for_once_the_file_is_there(tmp_path: Path) -> None:
    program = script(tmp_path, f'test -s "$1" || exit 1\n{WRITE_ARGUMENTS}')
    with served(tmp_path / "archive", *command(program, *EVERYTHING)) as server:
        with associated(server.port, calling="CT ROOM 1", called="ARCHIVE") as association:
            assert store(association, "1.2.3.4", data_set()) == SUCCESS
        assert server.stop() == 0
        folder = server.folder / "P1/1.2.3/1.2.3.1"
        assert (tmp_path / "args").read_text().splitlines() == [
            str(folder / "1.2.3.4.dcm"),
            str(folder),
            "1.2.840.10008.5.1.4.1.1.2",
            "1.2.3.4",
            "1.2.3",
            "1.2.3.1",
            "--from=CT ROOM 1",
            "ARCHIVE@127.0.0.1",
            "two words",
        ]


def test_its_environment_is_ours_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DCMTOOLS_JWT", "DCMTOOLS_PASSWORD", "DCMTOOLS_TLS_KEY_PASSWORD"):
        monkeypatch.setenv(name, "hush")
    monkeypatch.setenv("DCMTOOLS_USER", "ward7")
    program = script(tmp_path, 'env > "$out/env"')
    with served(tmp_path / "archive", *command(program)) as server:
        with associated(server.port) as association:
            assert store(association, "1.2.3.4", data_set()) == SUCCESS
        assert server.stop() == 0
    found = (tmp_path / "env").read_text().splitlines()
    assert "DCMTOOLS_USER=ward7" in found
    assert any(line.startswith("PATH=") for line in found)
    assert not [line for line in found if "hush" in line]


def test_the_file_is_named_from_the_root_whatever_the_folder_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program = script(tmp_path, WRITE_ARGUMENTS)
    result = run(
        "serve", "--port", 0, "--idle-exit", 0.1, *command(program, "{file}"), "--", "-archive"
    )  # that it starts at all
    assert result.status == 0


@pytest.mark.parametrize("text", HOSTILE)
def test_what_comes_from_a_peer_is_one_argument_and_no_shell_sees_it(tmp_path: Path, text: str) -> None:
    out = tmp_path / "touched"
    hostile = text.format(out=out, file="{file}")
    program = script(tmp_path, WRITE_ARGUMENTS)
    with served(tmp_path / "archive", *command(program, "{study_uid}", "x{series_uid}x", "end")) as server:
        with associated(server.port) as association:
            assert store(association, "1.2.3.4", data_set(study=hostile, series=hostile)) == SUCCESS
        assert server.stop() == 0
    assert (tmp_path / "args").read_text().splitlines() == [hostile, f"x{hostile}x", "end"]
    assert not out.exists()


@pytest.mark.parametrize("how", [{"calling": "-rf"}, {"study": "--help"}, {"study": "1\n2"}])
def test_what_would_be_an_option_or_another_line_is_not_run_and_told(
    tmp_path: Path, how: dict[str, str]
) -> None:
    program = script(tmp_path, WRITE_ARGUMENTS)
    with served(tmp_path / "archive", *command(program, "{calling_aet}", "{study_uid}")) as server:
        with associated(server.port, calling=how.get("calling", "CT1")) as association:
            assert store(association, "1.2.3.4", data_set(study=how.get("study", "1.2"))) == SUCCESS
        assert server.stop() == 1
        assert 'exec-failed sop_instance_uid=1.2.3.4 reason="not run: the value for {' in server.log()
        assert "dcmtools serve: --exec: 1 of 1 commands failed" in server.log()
        assert len(server.kept()) == 1
    assert not (tmp_path / "args").exists()


def test_it_runs_for_what_is_new_and_not_for_what_was_there_or_was_refused(tmp_path: Path) -> None:
    program = script(tmp_path, 'echo "$1" >> "$out/runs"')
    with served(tmp_path / "archive", *command(program, "{sop_instance_uid}")) as server:
        with associated(server.port) as association:
            for uid in ("1.2.1", "1.2.1", "1.2.2"):
                assert store(association, uid, data_set(uid)) == SUCCESS
            assert store(association, "1.2.1", data_set("1.2.1", pixels=b"other!")) == DUPLICATE
        assert server.stop() == 0
    assert (tmp_path / "runs").read_text().split() == ["1.2.1", "1.2.2"]


def test_a_slow_command_keeps_no_sender_waiting_and_is_waited_for(tmp_path: Path) -> None:
    program = script(tmp_path, 'sleep 0.3; echo run >> "$out/runs"')
    with served(tmp_path / "archive", *command(program), "--fsync", "off") as server:
        started = time.monotonic()
        with associated(server.port) as association:
            for number in range(5):
                assert store(association, f"1.2.{number}", data_set(f"1.2.{number}")) == SUCCESS
        assert time.monotonic() - started < 0.3
        assert server.stop() == 0
    assert (tmp_path / "runs").read_text().split() == ["run"] * 5


def test_ctrl_c_does_not_reach_it_and_a_second_one_ends_it(tmp_path: Path) -> None:
    program = script(tmp_path, 'touch "$out/begun"; sleep 100')
    with served(tmp_path / "archive", *command(program)) as server:
        with associated(server.port) as association:
            assert store(association, "1.2.3.4", data_set()) == SUCCESS
        wait_until((tmp_path / "begun").exists)
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert server.process.poll() is None
        assert server.stop(signal.SIGINT) == 1


def test_its_failures_are_logged_and_counted(tmp_path: Path) -> None:
    program = script(tmp_path, 'test "$1" != 1.2.2')
    with served(tmp_path / "archive", *command(program, "{sop_instance_uid}"), "--count", 3) as server:
        with associated(server.port) as association:
            for uid in ("1.2.1", "1.2.2", "1.2.3"):
                assert store(association, uid, data_set(uid)) == SUCCESS
        assert server.process.wait(10) == 1
        assert server.log().startswith(
            'dcmtools serve: warning: exec-failed sop_instance_uid=1.2.2 reason="exit status 1"\n'
            "dcmtools serve: --exec: 1 of 3 commands failed\n"
        )


def test_one_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    program = script(tmp_path, "sleep 100")
    with served(tmp_path / "archive", *command(program), "--exec-timeout", 0.3) as server:
        with associated(server.port) as association:
            assert store(association, "1.2.3.4", data_set()) == SUCCESS
        assert server.stop() == 1
        assert 'reason="killed, not having ended within 0.3 seconds' in server.log()


def test_none_outlives_a_server_that_fails(tmp_path: Path) -> None:
    """Here: whoever reads its results gives up in the middle."""
    program = script(tmp_path, 'echo $$ > "$out/new"; mv "$out/new" "$out/pid"; sleep 100')
    receiving = Receiving(durable=False, command=(str(program),))
    stop = Stop()
    options = ServerOptions(port=0, network=NetworkOptions(stop=stop))
    results = serve(str(tmp_path / "in"), options, receiving, records=True)
    port = next(results).record["port"]
    assert isinstance(port, int)
    begun = Thread(target=lambda: next(results))  # the server runs when the next result is wanted
    begun.start()
    with associated(port) as association:
        assert store(association, "1.2.3.4", data_set()) == SUCCESS
    begun.join()
    wait_until((tmp_path / "pid").exists)
    started = time.monotonic()
    results.close()  # type: ignore[attr-defined]  # a generator
    assert time.monotonic() - started < 10
    stop.close()
    pid = (tmp_path / "pid").read_text().strip()
    wait_until(lambda: not Path(f"/proc/{pid}").exists())


def test_what_it_prints_goes_to_stderr(tmp_path: Path) -> None:
    program = script(tmp_path, "echo to stdout; echo to stderr >&2; cat")
    with served(tmp_path / "archive", *command(program), "--format", "json") as server:
        with associated(server.port) as association:
            assert store(association, "1.2.3.4", data_set()) == SUCCESS
        assert server.stop() == 0
        assert server.log() == "to stdout\nto stderr\n"
        assert "to stdout" not in server.output.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no command in it"),
        ("'", "No closing quotation"),
        ("no-such-program {file}", "there is no program 'no-such-program' that can be run"),
        ("true {pathname}", "{pathname} stands for nothing"),
    ],
)
def test_what_is_no_command_is_refused_at_the_start(tmp_path: Path, text: str, message: str) -> None:
    result = run("serve", tmp_path / "archive", "--port", 0, "--exec", text)
    assert (result.status, result.stdout) == (2, "")
    assert message in result.stderr
    assert not (tmp_path / "archive").exists()


def test_a_peer_is_answered_while_it_runs(tmp_path: Path) -> None:
    program = script(tmp_path, 'touch "$out/begun"; until test -e "$out/go"; do sleep 0.01; done')
    with served(tmp_path / "archive", *command(program)) as server:
        with associated(server.port) as association:
            assert store(association, "1.2.3.4", data_set()) == SUCCESS
        wait_until((tmp_path / "begun").exists)
        assert echo(server.port) == SUCCESS
        (tmp_path / "go").touch()
        assert server.stop() == 0
