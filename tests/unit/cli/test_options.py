from __future__ import annotations

import logging
import os
import select
import signal
import socket
import threading
from typing import TYPE_CHECKING

import click
import pytest

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.main import make_group
from dcmtools.cli.networking import network_options, peer_argument
from dcmtools.cli.options import output_options, stop_on_signals
from dcmtools.net.peer import NetworkOptions, Peer
from dcmtools.results import Result
from tests.interface.commands import LEAVES
from tests.support.run import run
from tests.support.stubs import group_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dcmtools.cli.lazy import LazyGroup
    from dcmtools.output.reporter import OutputOptions


STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Seen:
    peer: Peer
    network: NetworkOptions
    output: OutputOptions
    level: int


@click.command()
@peer_argument
@network_options
@output_options
@pass_app
def command(app: App, peer: Peer, network: NetworkOptions, output: OutputOptions) -> int:
    """Take everything."""
    Seen.peer, Seen.network, Seen.output, Seen.level = peer, network, output, app.level
    os.kill(os.getpid(), signal.SIGTERM)
    assert network.stop.count == 1
    assert select.select([network.stop.fd], [], [], 0)[0]
    return app.report(talk(), (), output)


def talk() -> Iterator[Result]:
    logging.getLogger("dcmtools.test").warning("\x1b[2Jwarned")
    logging.getLogger("dcmtools.test").info("informed")
    logging.getLogger("dcmtools.test").debug("debugged")
    yield Result("item")


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> LazyGroup:
    return group_of(monkeypatch, stub=command)


def test_the_defaults(group: LazyGroup) -> None:
    assert run("stub", "h", group=group).status == 0
    network = Seen.network
    assert (network.calling_aet, network.max_pdu) == ("DCMTOOLS", 262144)
    assert (network.connect_timeout, network.acse_timeout, network.dimse_timeout) == (10, 30, 60)
    assert (Seen.output.format, Seen.output.color, Seen.output.structured) == ("text", "auto", False)
    assert Seen.level == 0


def test_the_options_that_technicians_know(group: LazyGroup) -> None:
    network_args = ("-aet", "ME", "-aec", "YOU", "-to", 1, "-ta", 2, "-td", 3, "-pdu", 16384)
    result = run("stub", *network_args, "--format", "json", "--color", "never", "PACS@h:104", group=group)
    assert result.status == 0
    network = Seen.network
    assert Seen.peer == Peer("h", 104, "YOU")
    assert (network.calling_aet, network.max_pdu) == ("ME", 16384)
    assert (network.connect_timeout, network.acse_timeout, network.dimse_timeout) == (1, 2, 3)
    assert (Seen.output.color, Seen.output.structured) == ("never", True)


def test_who_we_are_flag_environment_file_default(
    group: LazyGroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[peers.pacs]\nhost = "h"\ncalling_aet = "FILE"\n')
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    run("stub", "pacs", group=group)
    assert Seen.network.calling_aet == "FILE"
    monkeypatch.setenv("DCMTOOLS_CALLING_AET", "ENV")
    run("stub", "pacs", group=group)
    assert Seen.network.calling_aet == "ENV"
    run("stub", "pacs", "-aet", "FLAG", group=group)
    assert Seen.network.calling_aet == "FLAG"


def test_the_environment_of_one_command(group: LazyGroup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCMTOOLS_STUB_MAX_PDU", "4096")
    run("stub", "h", group=group)
    assert Seen.network.max_pdu == 4096


@pytest.mark.parametrize(
    ("args", "level"),
    [
        (["-v", "stub", "h"], 1),
        (["stub", "h", "-v"], 1),
        (["-v", "stub", "-v", "h"], 2),
        (["stub", "-vvv", "h"], 2),
        (["-q", "stub", "h"], -1),
        (["stub", "h", "--quiet"], -1),
        (["--debug", "stub", "h"], 2),
        (["stub", "h", "--debug"], 2),
    ],
)
def test_how_much_to_say_before_or_after_the_name(args: list[str], level: int, group: LazyGroup) -> None:
    result = run(*args, group=group)
    assert Seen.level == level
    said = [line.rpartition(": ")[2] for line in result.stderr.splitlines()]
    assert said == [r"\x1b[2Jwarned", "informed", "debugged"][: level + 1]


def test_log_lines_name_the_command_and_handlers_go(group: LazyGroup) -> None:
    before = list(logging.getLogger().handlers)
    result = run("stub", "h", group=group)
    assert result.stderr == "dcmtools stub: warning: \\x1b[2Jwarned\n"
    assert logging.getLogger().handlers == before


def test_the_old_signal_handlers_come_back(group: LazyGroup) -> None:
    before = [signal.getsignal(number) for number in STOPPING]
    run("stub", "h", group=group)
    assert [signal.getsignal(number) for number in STOPPING] == before
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(Seen.network.stop.fd)


@pytest.mark.parametrize("number", STOPPING)
def test_an_ignored_signal_stays_ignored(number: signal.Signals) -> None:
    """Such as SIGHUP by nohup."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with click.Context(command) as context:
            stop_on_signals(context)
            assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", STOPPING)
def test_each_of_them_asks_to_stop(number: signal.Signals) -> None:
    with click.Context(command) as context:
        stop = stop_on_signals(context)
        signal.raise_signal(number)
        assert stop.count == 1


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    seen: list[object] = []

    def work() -> None:
        with click.Context(command) as context:
            stop_on_signals(context)
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


def test_a_signal_wakes_a_wait_before_python_runs_its_handler() -> None:
    """As one does that comes just before the wait, or to another thread."""
    with click.Context(command) as context:
        stop = stop_on_signals(context)
        thread = threading.Thread(target=signal.pthread_kill, args=(threading.get_ident(), signal.SIGTERM))
        request = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda *_: None)
        thread.start()
        thread.join()
        assert stop.count == 0
        assert stop.wait(10)
        signal.signal(signal.SIGTERM, request)


def test_the_family_and_where_from(group: LazyGroup) -> None:
    assert run("stub", "h", "-6", "--bind-address", "::1", group=group).status == 0
    assert (Seen.network.ip_version, Seen.network.bind_address) == (6, "::1")
    assert run("stub", "h", "--ipv4", group=group).status == 0
    assert (Seen.network.ip_version, Seen.network.bind_address) == (4, None)
    assert run("stub", "h", "--bind-address", "nowhere", group=group).status == 2


def test_tls_of_a_peer_flag_environment_file_default(
    group: LazyGroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    config.write_text(
        '[defaults]\ntls_profile = "bcp195-nd"\n[peers.a]\nhost = "h"\ntls = true\n'
        '[peers.b]\nhost = "h"\ntls = true\ntls_profile = "bcp195-extended"\n'
    )
    run("stub", "a", group=group)
    assert Seen.network.tls
    assert (Seen.network.tls.profile, Seen.peer.port) == ("bcp195-nd", 2762)
    run("stub", "b", group=group)
    assert Seen.network.tls
    assert Seen.network.tls.profile == "bcp195-extended"
    monkeypatch.setenv("DCMTOOLS_TLS_PROFILE", "bcp195")
    run("stub", "b", group=group)
    assert Seen.network.tls
    assert Seen.network.tls.profile == "bcp195"
    run("stub", "b", "--tls-profile", "bcp195-modified", group=group)
    assert Seen.network.tls
    assert Seen.network.tls.profile == "bcp195-modified"
    run("stub", "b", "--no-tls", group=group)
    assert Seen.network.tls is None
    assert Seen.peer.port == 11112
    monkeypatch.setenv("DCMTOOLS_TLS", "1")
    run("stub", "h", group=group)
    assert Seen.network.tls
    assert Seen.peer.port == 2762


def test_a_certificate_of_ours_goes_without_the_key_of_the_file(
    group: LazyGroup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    config.write_text('[peers.a]\nhost = "h"\ntls = true\ntls_cert = "theirs.crt"\ntls_key = "theirs.key"\n')
    result = run("stub", "a", "--tls-cert", tmp_path / "ours.pem", group=group)
    assert result.status == 2
    assert f"{tmp_path}/ours.pem: No such file" in result.stderr
    assert "theirs" not in result.stderr


# Left behind in a variable they would be forgotten.
TYPED_ONLY = {"--called-aet", "--ask-password", "--tls-no-verify"}


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_has_a_variable_called_as_users_write_it(name: str) -> None:
    command: click.Command | click.Group = make_group()
    for word in name.split():
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found
        command = found
    prefix = f"DCMTOOLS_{name.upper().replace(' ', '_')}_"
    options = [param for param in command.params if isinstance(param, click.Option) and not param.hidden]
    assert options
    for option in options:
        if TYPED_ONLY & {*option.opts}:
            assert (option.envvar, option.allow_from_autoenv) == (None, False)
            continue
        longs = [long for long in option.opts if long.startswith("--")]

        for long in longs:
            assert prefix + long[2:].upper().replace("-", "_") in (option.envvar or ())
            assert not option.allow_from_autoenv


@pytest.mark.parametrize("version", [4, 6])
def test_one_of_two_options_for_one_thing_from_the_environment(
    version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DCMTOOLS_ECHO_IPV{version}", "1")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = run("echo", f"{'127.0.0.1' if version == 6 else '[::1]'}:{port}")
    assert result.status == 4
    assert "resolve" in result.stderr
