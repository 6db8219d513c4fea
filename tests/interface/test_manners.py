"""How every command behaves, whatever it does; ``tests.interface.commands`` has a line for each."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import pytest

from dcmtools.cli.fields import FIELDS
from tests.interface.commands import (
    EVERY,
    LEAVES,
    TABLE,
    Place,
    click_command,
    environment,
    made_place,
    takes_paths,
)
from tests.support.run import run
from tests.support.served import DCMTOOLS, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

WITHIN = 30
FULL = Path("/dev/full")
SGR = b"\x1b["
LOG_LINE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4} \S.*"

every = pytest.mark.parametrize("name", EVERY)
leaf = pytest.mark.parametrize("name", LEAVES)
with_paths = pytest.mark.parametrize(
    "name", [name for name in LEAVES if takes_paths(name) and TABLE[name].of_any_image]
)
waiting = pytest.mark.parametrize("name", [name for name, entry in TABLE.items() if entry.waiting])


class Ended(NamedTuple):
    status: int
    stdout: bytes
    stderr: str


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with made_place(tmp_path / "place") as made:
        yield made


def started(name: str, args: list[Any], place: Place, stdout: int, **variables: str) -> subprocess.Popen[str]:
    words = [str(word) for word in [DCMTOOLS, *name.split(), *args]]
    return subprocess.Popen(
        words,
        env=environment(place, **variables),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
    )


def ended(name: str, process: subprocess.Popen[str], place: Place, *, served: bool = False) -> Ended:
    """Wait for the end, which a server has to be told to come to, ``served`` once it had something to do."""
    if TABLE[name].server:
        wait_until(lambda: place.ready.exists() or process.poll() is not None)
        if served:
            TABLE[name].meanwhile(place)
        place.ready.unlink(missing_ok=True)
        process.terminate()
    try:
        stdout, stderr = process.communicate(timeout=WITHIN)
    finally:
        process.kill()
    assert "Traceback" not in stderr
    return Ended(process.returncode, (stdout or "").encode(errors="surrogateescape"), stderr)


def called(name: str, place: Place, *more: object, **variables: str) -> Ended:
    """Run the command on the arguments that end well, and ``more``, into a pipe."""
    process = started(name, [*TABLE[name].args(place), *more], place, subprocess.PIPE, **variables)
    return ended(name, process, place)


def on_terminal(name: str, place: Place, *more: object, **variables: str) -> tuple[int, bytes]:
    """The same with stdout on a terminal."""
    ours, theirs = pty.openpty()
    process = started(name, [*TABLE[name].args(place), *more], place, theirs, **variables)
    os.close(theirs)
    with ThreadPoolExecutor() as reader, open(ours, "rb", buffering=0) as screen:
        shown = reader.submit(all_of, screen)
        return ended(name, process, place).status, shown.result()


def all_of(screen: FileIO) -> bytes:
    shown = b""
    with suppress(OSError):  # Linux's way to say that nobody holds the other side any more
        while piece := screen.read(65536):
            shown += piece
    return shown


# ---------------------------------------------------------------- the table


def test_every_command_has_its_entry() -> None:
    assert list(TABLE) == list(LEAVES), "tests/interface/commands.py wants an entry for each command"
    assert list(FIELDS) == list(LEAVES), "dcmtools/cli/fields.py wants the JSON fields of each command"


# ---------------------------------------------------------------- the command line


@every
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_whatever_the_configuration(
    name: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "config.toml"
    broken.write_text("[")
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(broken))
    result = run(*name.split(), option)
    assert (result.status, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: dcmtools {name} ")


@every
def test_an_unknown_option(name: str) -> None:
    result = run(*name.split(), "--xyzzy")
    assert (result.status, result.stdout) == (2, "")
    assert re.match(f"dcmtools {name}: No such option:? '?--xyzzy", result.stderr)
    assert result.stderr.endswith(f"Try 'dcmtools {name} --help'.\n")


@leaf
def test_a_misspelt_option_gets_a_suggestion(name: str) -> None:
    params = [param for param in click_command(LEAVES[name]).params if isinstance(param, click.Option)]
    known = next(word for param in params for word in param.opts if word.startswith("--"))
    result = run(*name.split(), known[:-1] + "x" + known[-1])
    assert result.status == 2
    assert known in result.stderr.partition("Did you mean")[2]


@every
def test_missing_arguments(name: str) -> None:
    info = EVERY[name]
    needed = info.commands or takes_paths(name) or any(param.required for param in click_command(info).params)
    if not needed:
        pytest.skip("it needs none")
    result = run(*name.split())
    assert (result.status, result.stdout) == (2, "")
    assert info.commands or re.search("Missing (argument|option)", result.stderr)


@leaf
def test_a_configuration_that_is_wrong(name: str, place: Place) -> None:
    place.config.write_text("\n[defaults]\nxyzzy = 1\n")
    result = called(name, place)
    assert (result.status, result.stdout) == (2, b"")
    assert result.stderr.startswith(f"dcmtools {name}: {place.config}: line 3: defaults.xyzzy: unknown")


# ---------------------------------------------------------------- input


@with_paths
def test_a_missing_file(name: str, place: Place) -> None:
    result = called(name, place._replace(paths=[place.folder / "absent"]))
    assert result.status == 3
    assert f"{place.folder / 'absent'}: " in result.stderr


@with_paths
def test_one_bad_file_among_good_ones(name: str, place: Place) -> None:
    bad = place.folder / "bad.dcm"
    bad.write_bytes(place.paths[0].read_bytes()[:300])
    result = called(name, place._replace(paths=[place.paths[0], bad, place.paths[1]]), "--format", "json")
    outcomes = {record["file"]: record["outcome"] for record in map(json.loads, result.stdout.splitlines())}
    assert outcomes == {str(place.paths[0]): "done", str(bad): "failed", str(place.paths[1]): "done"}
    assert result.status == 1
    assert f"{bad}: " in result.stderr


@leaf
def test_names_that_are_no_text(name: str, tmp_path: Path) -> None:
    with made_place(Path(os.fsdecode(bytes(tmp_path / "a b\n\x1b[2J") + b"\xff"))) as place:
        for options in ([], ["--format", "json"], ["--verbose", "--color", "always"]):
            place.config.write_text('[peers.known]\nhost = "h"\n')
            result = called(name, place, *options)
            assert result.status == 0
            written = result.stdout + result.stderr.encode(errors="surrogateescape")
            assert not re.search(rb"\xff|\x1b\[2J|a b\n", written)


@leaf
@pytest.mark.parametrize("options", [[], ["--format", "json"]])
def test_a_locale_without_letters(name: str, options: list[str], tmp_path: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    with made_place(tmp_path / "M\u00fcller") as place:
        assert called(name, place, *options, **plain).status == 0


# ---------------------------------------------------------------- output


@leaf
def test_into_a_pipe(name: str, place: Place) -> None:
    result = called(name, place)
    assert result.status == 0
    assert SGR not in result.stdout
    assert "\x1b" not in result.stderr


@leaf
def test_on_a_terminal(name: str, place: Place) -> None:
    assert on_terminal(name, place)[0] == 0


@leaf
def test_the_pager(name: str, place: Place) -> None:
    paged = place.folder / "paged"
    pager = {"DCMTOOLS_PAGER": f"sh -c 'cat > \"$0\"' '{paged}'"}
    has_one = any("--pager" in param.opts for param in click_command(LEAVES[name]).params)
    for options in ([], ["--format", "json"], *([["--no-pager"]] if has_one else [])):
        place.config.write_text('[peers.known]\nhost = "h"\n')
        assert on_terminal(name, place, *options, **pager)[0] == 0
        assert paged.exists() == (has_one and not options)
        paged.unlink(missing_ok=True)
    place.config.write_text('[peers.known]\nhost = "h"\n')
    assert called(name, place, **pager).status == 0
    assert not paged.exists()


@leaf
def test_colour(name: str, place: Place) -> None:
    def colored(*options: str, **variables: str) -> bool:
        place.config.write_text('[peers.known]\nhost = "h"\n')
        status, shown = on_terminal(name, place, *options, **variables)
        assert status == 0
        return SGR in shown

    has_table = bool(getattr(import_module(LEAVES[name].module), "COLUMNS", ()))
    assert not colored(NO_COLOR="1")
    assert not colored("--color", "never")
    assert not colored(TERM="dumb")
    assert colored("--color", "always", NO_COLOR="1") == (has_table or TABLE[name].colors_text)


@leaf
def test_the_json_fields_are_those_of_the_manual(name: str, place: Place) -> None:
    entry = TABLE[name]
    seen: set[str] = set()
    for args in (entry.args, *entry.more):
        process = started(name, [*args(place), "--format", "json"], place, subprocess.PIPE)
        result = ended(name, process, place, served=True)
        assert result.status == 0
        for record in map(json.loads, result.stdout.splitlines()):
            assert record.pop("outcome") == "done"
            seen |= record.keys() - {"note"}
    assert seen == set(FIELDS[name].split())


@leaf
def test_stdout_closed_early(name: str, place: Place) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = started(name, [*TABLE[name].args(place), "--format", "json"], place, write_end)
    os.close(write_end)
    result = ended(name, process, place)
    assert result.status == 141
    assert not re.search("[Bb]roken", result.stderr)


@leaf
@pytest.mark.skipif(not FULL.exists(), reason="/dev/full is Linux's")
def test_stdout_full(name: str, place: Place) -> None:
    with FULL.open("w") as full:
        process = started(name, [*TABLE[name].args(place), "--format", "json"], place, full.fileno())
    result = ended(name, process, place)
    assert result.status == 1
    assert "stdout: No space left on device" in result.stderr


# ---------------------------------------------------------------- the surroundings


@waiting
def test_ctrl_c(name: str, place: Place) -> None:
    entry = TABLE[name]
    assert entry.waiting
    args = entry.waiting(place)
    with subprocess.Popen(
        [DCMTOOLS, *name.split(), *map(str, args)],
        env=environment(place),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            wait_until(lambda: _waits(process) or process.poll() is not None)
            process.send_signal(signal.SIGINT)
            assert process.wait(WITHIN) == entry.interrupted
        finally:
            process.kill()
        assert process.stderr
        assert "Traceback" not in process.stderr.read()


def _waits(process: subprocess.Popen[str]) -> bool:
    """Whether it sleeps in one call to the kernel, for longer than it takes to load a program."""
    calls = set()
    for _ in range(10):
        with suppress(OSError):
            calls.add(Path(f"/proc/{process.pid}/syscall").read_text())
        time.sleep(0.05)
    return len(calls) == 1 and calls != {"running\n"}


@leaf
def test_no_home_folder(name: str, place: Place) -> None:
    entry = TABLE[name]
    result = called(name, place, DCMTOOLS_CONFIG="", HOME="")
    if entry.needs_file:
        assert result.status == 2
        assert "DCMTOOLS_CONFIG" in result.stderr
    else:
        assert result.status == 0


@leaf
def test_a_log_file(name: str, place: Place) -> None:
    log = place.folder / "log"
    for count in (1, 2):
        result = called(name, place, "--log-file", log, "--color", "pur\x1bple\n")
        assert result.status == 2
        lines = log.read_text().splitlines()
        assert len(lines) == count * len(result.stderr.splitlines())
        assert not [line for line in lines if not re.fullmatch(LOG_LINE, line) or not line.isprintable()]
        assert r"'pur\x1bple\n'" in lines[0]
    assert log.stat().st_mode & 0o777 == 0o600


@leaf
def test_a_log_file_that_cannot_be(name: str, place: Place) -> None:
    result = called(name, place, "--log-file", place.folder / "absent" / "log")
    assert (result.status, result.stdout) == (2, b"")
    assert "No such file or directory" in result.stderr


@leaf
def test_pipes_in_place_of_files_keep_nobody_waiting(name: str, place: Place) -> None:
    pipe = place.folder / "pipe"
    os.mkfifo(pipe)
    result = called(name, place, "--log-file", pipe)
    assert (result.status, result.stdout) == (2, b"")
    assert f"log file {pipe}: nobody reads from it" in result.stderr
    if name != "peers path":  # which is for those whose file is wrong
        assert called(name, place, DCMTOOLS_CONFIG=str(pipe)).status == 2
