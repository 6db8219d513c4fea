"""What a start leaves unimported: a technician's shell loop pays for every module each time."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import peers, samples
from tests.support.served import served

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"cryptography", "pydicom", "numpy", "pynetdicom", "rich", "importlib.metadata"}
HEAVY |= {"tomllib", "platformdirs"}
# Milliseconds each, for what most runs do not need: data classes, log records, host names that are not ASCII.
SPARED = {"dataclasses", "encodings.idna", "json", "logging", "pathlib", "ssl", "subprocess", "tempfile"}
EXTRAS = SPARED | {"select", "signal", "socket"}
STARTS = [
    ["--help"],
    ["--version"],
    ["dump", "--help"],
    ["scan", "--help"],
    ["compress", "--help"],
    ["decompress", "--help"],
    ["codecs", "--help"],
    ["anonymize", "--help"],
    ["reidentify", "--help"],
    ["echo", "--help"],
    ["store", "--help"],
    ["find", "--help"],
    ["serve", "--help"],
    ["peers", "--help"],
    ["peers", "list", "--help"],
    ["completion", "bash"],
]

SCRIPT = """
import sys
from dcmtools.cli.main import main
status = main(sys.argv[1:])
print("\\n", *sys.modules)
sys.exit(status)
"""


def modules_of(*args: str) -> set[str]:
    command = [sys.executable, "-c", SCRIPT, *args]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("args", STARTS, ids=" ".join)
def test_a_start_imports_nothing_heavy(args: list[str]) -> None:
    assert not modules_of(*args) & (HEAVY | EXTRAS)


def test_a_dump_imports_nothing_heavy() -> None:
    assert not modules_of("dump", str(samples.ct())) & (HEAVY | SPARED | {"socket"})


def test_an_echo_imports_nothing_heavy(tmp_path: Path) -> None:
    with peers.storescp(tmp_path) as peer:
        assert not modules_of("echo", peer.address) & (HEAVY | SPARED)


@pytest.mark.parametrize("name", ["CT_small.dcm", "JPEG2000.dcm"])
def test_what_goes_as_it_is_imports_no_codec(tmp_path: Path, name: str) -> None:
    with served(tmp_path / "archive") as server:
        modules = modules_of("store", server.address, str(samples.real_file(name)))
    assert not modules & (HEAVY | {"json", "subprocess", "tempfile", "imagecodecs"})
    assert not [
        each for each in modules if each.startswith("dcmtools.codecs.") and each != "dcmtools.codecs.registry"
    ]


def test_a_configuration_costs_the_parser_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[defaults]\nmax_pdu = 16384\n[peers.a]\nhost = "h"\n')
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    modules = modules_of("dump", str(samples.ct()))
    assert "tomllib" in modules
    assert not modules & ((HEAVY | SPARED) - {"tomllib"})


LINES = [
    "dcmtools echo ",
    "dcmtools dump +P Pat",
    "dcmtools dump x",
    "dcmtools ec",
    "dcmtools compress --to jpeg-",
]


@pytest.mark.parametrize("line", LINES)
def test_a_completion_imports_nothing_heavy(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_DCMTOOLS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    assert not modules_of() & (HEAVY | SPARED | {"socket", "signal"})


@pytest.mark.parametrize("args", STARTS[:2], ids=" ".join)
def test_help_and_version_import_no_command(args: list[str]) -> None:
    assert not [name for name in modules_of(*args) if name.startswith("dcmtools.commands.")]


@pytest.mark.parametrize("args", STARTS[2:], ids=" ".join)
def test_the_help_of_a_command_imports_no_room(args: list[str]) -> None:
    rooms = {"scu", "scp", "archive", "inspection", "editing", "codecs", "files", "encoding", "data"}
    rooms |= {"selection"}
    loaded = [name.split(".")[1:2] for name in modules_of(*args) if name.startswith("dcmtools.")]
    assert not rooms & {room for [room] in loaded}
