"""``[defaults]``: who goes before whom, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import pytest

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.defaults import SHARED
from dcmtools.cli.networking import network_options, peer_argument
from dcmtools.cli.options import output_options
from dcmtools.cli.params import SECONDS
from dcmtools.errors import ExitStatus
from tests.interface.commands import LEAVES, click_command
from tests.support.run import run
from tests.support.stubs import group_of

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.cli.lazy import LazyGroup
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.output.reporter import OutputOptions

SEEN: dict[str, Any] = {}


@click.command()
@peer_argument
@click.option("--wait", type=SECONDS, default=1.0)
@click.option("--count", type=click.IntRange(1, 9), default=1)
@click.option("--name", "names", multiple=True)
@click.option("--dry-run", is_flag=True)
@network_options
@output_options
@pass_app
def command(
    app: App,
    /,
    peer: Peer,
    network: NetworkOptions,
    output: OutputOptions,
    **own: Any,  # noqa: ANN401  whatever click gives
) -> ExitStatus:
    """Take everything."""
    SEEN.update(own, level=app.level, format=output.format, aet=network.calling_aet, peer=peer)
    SEEN.update(timeout=network.dimse_timeout, max_pdu=network.max_pdu)
    return ExitStatus.DONE


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> LazyGroup:
    SEEN.clear()
    return group_of(monkeypatch, stub=command, other=command)


def test_flag_environment_peer_command_all(
    group: LazyGroup, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step takes away the one that went before the others."""
    everywhere = "[defaults]\ndimse_timeout = 5\ncalling_aet = 'ALL'\nmax_pdu = 8192\n"
    for_stub = "[defaults.stub]\ndimse-timeout = 4\ncalling-aet = 'STUB'\n"
    peer = "[peers.p]\nhost = 'h'\ndimse_timeout = 3\ncalling_aet = 'PEER'\n"

    def seen(*args: object, to: str = "p", name: str = "stub") -> tuple[float, str, int]:
        assert run(name, to, *args, group=group).status == 0
        return SEEN["timeout"], SEEN["aet"], SEEN["max_pdu"]

    file.write_text(everywhere + for_stub + peer)
    monkeypatch.setenv("DCMTOOLS_DIMSE_TIMEOUT", "2")
    monkeypatch.setenv("DCMTOOLS_CALLING_AET", "ENV")
    assert seen("-td", 1, "-aet", "FLAG") == (1, "FLAG", 8192)
    monkeypatch.setenv("DCMTOOLS_STUB_CALLING_AET", "STUBENV")
    assert seen() == (2, "STUBENV", 8192)
    assert seen(name="other") == (2, "ENV", 8192)
    for name in ("DIMSE_TIMEOUT", "CALLING_AET", "STUB_CALLING_AET"):
        monkeypatch.delenv(f"DCMTOOLS_{name}")
    assert seen() == (3, "PEER", 8192)
    assert seen(to="h") == (4, "STUB", 8192)
    assert seen(to="h", name="other") == (5, "ALL", 8192)
    file.write_text("")
    assert seen(to="h") == (60, "DCMTOOLS", 262144)


def test_values_of_every_kind(group: LazyGroup, file: Path) -> None:
    file.write_text(
        "[defaults]\nformat = 'json'\n"
        "[defaults.stub]\nwait = 2\ncount = 3\nname = ['a', 'b c']\ndry_run = true\nverbose = 2\n"
    )
    assert run("stub", "h", group=group).status == 0
    wanted = {"wait": 2.0, "count": 3, "names": ("a", "b c"), "dry_run": True, "level": 2, "format": "json"}
    assert wanted.items() <= SEEN.items()
    assert run("-q", "stub", "h", "--name", "x", "--format", "text", group=group).status == 0
    assert (SEEN["level"], SEEN["names"], SEEN["format"]) == (-1, ("x",), "text")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("defaults = 1", "line 1: defaults: must be a table"),
        ("[defaults]\nwait = 1", "line 2: defaults.wait: unknown; options of many commands are acse_timeout"),
        ("[defaults]\nformat = 'xml'", "line 2: defaults.format: 'xml' is not one of 'text', 'json'"),
        ("[defaults]\nformat = 1", "line 2: defaults.format: must be text"),
        ("[defaults.sutb]\nwait = 1", "line 1: defaults.sutb: there is no such command"),
        ("[defaults.stub]\nxyzzy = 1", "line 2: defaults.stub.xyzzy: unknown; the options of stub are"),
        ("[defaults.stub]\nwait = 'x'", "line 2: defaults.stub.wait: must be a number"),
        ("[defaults.stub]\nwait = true", "line 2: defaults.stub.wait: must be a number"),
        ("[defaults.stub]\nwait = -1", "line 2: defaults.stub.wait: -1 seconds is not above 0"),
        ("[defaults.stub]\ncount = 1.5", "line 2: defaults.stub.count: must be a number"),
        ("[defaults.stub]\ncount = 10", "line 2: defaults.stub.count: 10 is not in the range"),
        ("[defaults.stub]\nname = ['a', 1]", "line 2: defaults.stub.name: must be text"),
        ("[defaults.stub]\nformat = ['text']", "line 2: defaults.stub.format: must be text"),
        ("[defaults.stub]\ndry_run = 'yes'", "line 2: defaults.stub.dry_run: must be true or false"),
        ("[defaults.stub]\npeer = 'h'", "line 2: defaults.stub.peer: unknown"),
        ("[defaults.stub.deep]\nwait = 1", "line 1: defaults.stub.deep: unknown"),
        ("[defaults.stub]\nhelp = true", "line 2: defaults.stub.help: unknown"),
        ("[default]\nformat = 'json'", "line 1: default: unknown; known are peers, defaults"),
    ],
)
def test_what_is_refused(text: str, complaint: str, group: LazyGroup, file: Path) -> None:
    file.write_text(text)
    result = run("stub", "h", group=group)
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.startswith(f"dcmtools stub: {file}: {complaint}")
    assert not SEEN


def test_a_default_for_the_member_of_a_family(file: Path) -> None:
    file.write_text('[defaults.peers.list]\nformat = "json"\n[peers.a]\nhost = "h"\n')
    assert run("peers", "list").records[0]["name"] == "a"
    assert run("peers", "show", "a").stdout.startswith("[peers.a]\n")
    file.write_text("[defaults.peers]\nreplace = true\n")
    assert "defaults.peers.replace: unknown; options of many" in run("peers", "path").stderr


def test_a_log_file_for_all(file: Path, tmp_path: Path) -> None:
    file.write_text(f"[defaults]\nlog_file = '{tmp_path / 'default'}'\n")
    run("peers", "show", "x")
    assert "no peer is called" in (tmp_path / "default").read_text()
    run("--log-file", tmp_path / "flag", "peers", "show", "y")
    assert "'y'" in (tmp_path / "flag").read_text()
    assert "'y'" not in (tmp_path / "default").read_text()


def test_the_shared_options_are_those_with_a_variable_of_their_own() -> None:
    found = {
        str(param.envvar).removeprefix("DCMTOOLS_").lower()
        for info in LEAVES.values()
        for param in click_command(info).params
        if isinstance(param.envvar, str)
    }
    assert found | {"log_file"} == set(SHARED)
