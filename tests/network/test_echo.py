"""``dcmtools echo`` against peers that answer, refuse, break off or say nothing (PS3.4 A, PS3.7 9.1.5)."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from dcmtools.net import command_set
from tests.support.run import Run, run
from tests.support.tcp import data_pdu
from tests.support.unruly import (
    Association,
    Fault,
    Moment,
    Request,
    Unruly,
    aborts,
    aborts_request,
    accepts_at_length,
    accepts_nothing,
    answer_to,
    answers,
    closed_port,
    declares_a_gibibyte,
    drips,
    garbage,
    never_answers,
    rejects,
    resets,
    resets_request,
    serves,
    silent,
)

if TYPE_CHECKING:
    from tests.support.unruly import Script

VERIFICATION, IMPLICIT = "1.2.840.10008.1.1", "1.2.840.10008.1.2"
SHORT = ("-ta", "0.5", "-td", "0.5", "-to", "2")


def echo(server: Unruly, *args: object) -> Run:
    return run("echo", f"PEER@127.0.0.1:{server.port}", *SHORT, *args)


def echo_to(script: Script, *args: object) -> Run:
    with Unruly(script) as server:
        return echo(server, *args)


def the_error(result: Run) -> str:
    """The one line that says what went wrong, behind the name of the peer."""
    first, _, message = result.stderr.splitlines()[0].partition(": ")
    assert first == "dcmtools echo"
    name, _, words = message.partition(": ")
    assert name.startswith("PEER@127.0.0.1:")
    assert all(line.startswith("hint: ") for line in result.stderr.splitlines()[1:])
    return words


def test_a_peer_that_answers() -> None:
    with Unruly(serves()) as server:
        result = echo(server)
        assert result.status == 0
        assert result.stderr == ""
        peer, status, elapsed = result.stdout.rstrip("\n").split("\t")
        assert (peer, status) == (f"PEER@127.0.0.1:{server.port}", "0000")
        assert 0 < float(elapsed) < 1000
    # PS3.8 9.3.2: association, one message, release; nothing else went over the line.
    assert server.pdu_types == [1, 4, 5]
    [proposal] = server.proposals
    [context] = proposal.presentation_context
    assert context.abstract_syntax == VERIFICATION
    assert context.transfer_syntax == [IMPLICIT]


def test_the_fields_of_a_record() -> None:
    """Frozen: scripts read them."""
    with Unruly(serves()) as server:
        [record] = echo(server, "--format", "json").records
    assert list(record) == ["peer", "status", "elapsed_ms", "step", "steps_ms", "tls", "outcome"]
    assert list(record["steps_ms"]) == ["resolve", "connect", "associate"]
    assert (record["step"], record["tls"]) == (None, None)
    assert record["status"] == "0000"
    assert record["outcome"] == "done"


def test_the_fields_of_a_failed_record() -> None:
    with Unruly(rejects()) as server:
        [record] = echo(server, "--format", "json").records
    assert list(record) == ["peer", "status", "elapsed_ms", "step", "steps_ms", "tls", "outcome", "error"]
    assert record["step"] == "associate"
    assert (record["status"], record["elapsed_ms"], record["outcome"]) == (None, None, "failed")
    assert list(record["error"]) == ["code", "message", "hint", "transient"]
    assert (record["error"]["code"], record["error"]["transient"]) == ("association", False)


def test_many_echoes_and_their_statistics() -> None:
    with Unruly(serves()) as server:
        result = echo(server, "--count", 5, "--interval", 0.001, "--format", "json")
    assert result.status == 0
    *single, closing = result.records
    assert [record["status"] for record in single] == ["0000"] * 5
    assert list(closing) == [
        "peer",
        "sent",
        "answered",
        "min_ms",
        "mean_ms",
        "max_ms",
        "association_ms",
        "outcome",
    ]
    times = [record["elapsed_ms"] for record in single]
    assert (closing["sent"], closing["answered"]) == (5, 5)
    assert (closing["min_ms"], closing["max_ms"]) == (min(times), max(times))
    assert closing["min_ms"] <= closing["mean_ms"] <= closing["max_ms"]
    assert closing["association_ms"] > 0
    assert server.pdu_types == [1, 4, 4, 4, 4, 4, 5]


def test_the_statistics_in_words() -> None:
    with Unruly(serves()) as server:
        *rows, closing = echo(server, "--count", 3, "--interval", 0.001).stdout.splitlines()
    assert len(rows) == 3
    assert f"PEER@127.0.0.1:{server.port}: 3 of 3 answered; min " in closing


def test_the_interval_lies_between_two_echoes() -> None:
    with Unruly(serves()) as server:
        begun = time.monotonic()
        assert echo(server, "--count", 3, "--interval", 0.1).status == 0
        assert 0.2 <= time.monotonic() - begun < 2


def test_a_peer_that_stops_answering_still_has_its_statistics() -> None:
    with Unruly(serves(never_answers(), at=3)) as server:
        result = echo(server, "--count", 5, "--interval", 0.001, "--format", "json")
    assert result.status == 1
    assert [record["outcome"] for record in result.records] == ["done", "done", "failed", "done"]
    assert (result.records[-1]["sent"], result.records[-1]["answered"]) == (5, 2)


@pytest.mark.parametrize(
    ("options", "calling", "called"),
    [
        ((), "DCMTOOLS", "PEER"),
        (("-aet", "CT 1"), "CT 1", "PEER"),
        (("-aec", "ARCHIVE"), "DCMTOOLS", "ARCHIVE"),
        (("-aet", "A" * 16, "-aec", "B" * 16), "A" * 16, "B" * 16),
    ],
)
def test_the_ae_titles(options: tuple[str, ...], calling: str, called: str) -> None:
    """PS3.8 9.3.2: in the request, padded to 16 characters."""
    with Unruly(serves()) as server:
        assert echo(server, *options).status == 0
    [proposal] = server.proposals
    assert proposal.calling_ae_title.strip() == calling
    assert proposal.called_ae_title.strip() == called


def test_nobody_listens() -> None:
    with closed_port() as port:
        result = run("echo", f"PEER@127.0.0.1:{port}", *SHORT)
    assert result.status == 4
    assert the_error(result) == "connect: Connection refused"
    assert "hint: is the peer running, and is the port right?" in result.stderr


def test_a_name_that_does_not_resolve() -> None:
    result = run("echo", "PEER@nosuch.invalid:104", "-to", "5")
    assert result.status == 4
    assert result.stderr.startswith("dcmtools echo: PEER@nosuch.invalid:104: resolve: nosuch.invalid: ")


def test_a_network_that_cannot_be_reached() -> None:
    """TCP to a multicast address fails at once, without any packet."""
    result = run("echo", "PEER@224.0.0.1:104", "-to", "5")
    assert result.status == 4
    assert "connect: Network is unreachable" in result.stderr


def test_a_permanent_rejection() -> None:
    """PS3.8 9.3.4: result, source and reason in words, with the titles that were used."""
    result = echo_to(rejects(1, 1, 7), "-aet", "ME")
    assert result.status == 4
    assert the_error(result) == (
        "associate: rejected (permanent): called AE title not recognized (service user); "
        "called 'PEER', calling 'ME'"
    )
    assert "hint: the peer has another AE title than 'PEER': " in result.stderr


def test_a_transient_rejection() -> None:
    result = echo_to(rejects(2, 3, 2), "--format", "json")
    assert result.status == 4
    assert "rejected (transient): local limit exceeded (service provider, presentation)" in the_error(result)
    assert result.records[0]["error"]["transient"] is True


def test_no_context() -> None:
    """PS3.8 9.3.3.2: the association stands, Verification is not accepted."""
    result = echo_to(accepts_nothing)
    assert result.status == 5
    assert the_error(result) == "context: the peer does not accept the Verification SOP Class"


def one_byte_drip(association: Association) -> None:
    association.propose()
    for byte in bytes((2, 0, 0, 0, 2, 0)) + bytes(512):
        association.send(bytes([byte]))
        if association.server.stopping.wait(0.01):
            return


@pytest.mark.parametrize("script", [silent, one_byte_drip, accepts_at_length])
def test_no_answer_to_the_association_request(script: Script) -> None:
    with Unruly(script) as server:
        begun = time.monotonic()
        result = echo(server)
        assert time.monotonic() - begun < 1.5
    assert result.status == 4
    if script is accepts_at_length:
        assert "a PDU of 1073741824 bytes where at most 1048576 are allowed" in the_error(result)
    else:
        assert the_error(result) == "associate: no answer from the peer in time"
        assert result.stderr.splitlines()[1] == (
            "hint: perhaps another service than DICOM listens on this port, or the peer wants TLS (--tls); "
            "--acse-timeout SECONDS waits longer"
        )
        assert script is one_byte_drip or server.aborted


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (garbage(), "associate: the peer sent a PDU of type FFH, which there is not"),
        (
            garbage(b"HTTP/1.1 400 Bad Request\r\n"),
            "associate: the peer sent a PDU of type 48H, which there is",
        ),
        (garbage(bytes(1000)), "associate: the peer sent a PDU of type 00H, which there is not"),
        (garbage(b"\2\0\0\0\0\2\0\1"), "associate: the peer sent a PDU that is broken (offset "),
        (garbage(b"\5\0\0\0\0\4\0\0\0\0"), "associate: the peer sent another PDU than an answer"),
        (garbage(b"\4\0\0\0\0\4\0\0\0\0"), "associate: the peer sent a PDU that is broken"),
        (
            aborts(accept=False, source=2, reason=1),
            "associate: the peer aborted the association: unrecognized",
        ),
        (aborts(), "receive: the peer aborted the association: "),
    ],
)
def test_an_association_that_does_not_come_about(script: Script, words: str) -> None:
    result = echo_to(script)
    assert result.status == 4
    assert the_error(result).startswith(words)


def test_a_connection_that_is_reset_at_once() -> None:
    """The reset may come before the connection is known to stand, or after."""
    result = echo_to(resets)
    assert result.status == 4
    assert the_error(result) in (
        "connect: Connection reset by peer",
        "associate: the connection broke (Connection reset by peer)",
        "associate: the connection broke (Broken pipe)",
    )


def test_another_service_on_the_port_is_named_as_the_cause() -> None:
    result = echo_to(garbage(b"SSH-2.0-OpenSSH_9.2\r\n"))
    assert "hint: perhaps another service than DICOM listens on this port" in result.stderr


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (never_answers(), "receive: no answer from the peer in time"),
        (aborts_request(), "receive: the peer aborted the association: "),
        (resets_request(), "receive: the connection broke (Connection reset by peer)"),
        (declares_a_gibibyte(), "receive: the peer sent a PDU of 1073741824 bytes where at most 262144 are"),
        (drips(0.01), "receive: no answer from the peer in time"),
    ],
)
def test_an_echo_that_is_not_answered(fault: Fault, words: str) -> None:
    with Unruly(serves(fault)) as server:
        begun = time.monotonic()
        result = echo(server)
        assert time.monotonic() - begun < 1.5
    assert result.status == 4
    assert the_error(result).startswith(words)


def test_an_answer_in_small_pieces_is_an_answer() -> None:
    assert echo_to(serves(drips())).status == 0


@pytest.mark.parametrize("status", [0x0122, 0x0210, 0x0211, 0x0212, 0xA700, 0xC000, 0xFF00, 0x1234])
def test_an_answer_that_is_a_failure(status: int) -> None:
    """PS3.7 9.1.5.1.4: anything but success."""
    with Unruly(serves(answers(status))) as server:
        result = echo(server, "--format", "json")
    assert result.status == 5
    assert the_error(result).startswith(f"status {status:04X}, ")
    assert (result.records[0]["status"], result.records[0]["outcome"]) == (f"{status:04X}", "failed")


def test_answers_that_all_are_failures() -> None:
    """What is said of all answers together is no answer."""
    with Unruly(serves(answers(0x0110), at=None)) as server:
        result = echo(server, "--count", 3, "--interval", 0.001)
    assert result.status == 5
    assert result.stderr.splitlines()[-1] == "0 done, 3 failed"


def test_the_comment_of_the_peer() -> None:
    result = echo_to(serves(answers(0x0110, "out of\x1b[2J order")))
    assert result.status == 5
    assert "the peer says 'out of" in the_error(result)
    assert "\x1b" not in result.stderr


def answer_differs(association: Association, request: Request) -> None:
    request.message.command_set.MessageID += 1
    association.send(answer_to(request))


def answer_without_status(association: Association, request: Request) -> None:
    asked = request.message.command_set
    response = {
        "CommandField": 0x8030,
        "MessageIDBeingRespondedTo": int(asked.MessageID),
        "CommandDataSetType": 0x0101,
    }
    association.send(data_pdu((request.message.context_id or 0, 3, command_set.encode({**response}))))


def test_the_answer_to_another_message() -> None:
    """PS3.7 9.3.5.2: Message ID Being Responded To."""
    result = echo_to(serves(Fault(answer_differs)))
    assert result.status == 4
    assert the_error(result) == "receive: the peer sent a message that does not answer the request in hand"


def test_an_answer_without_a_status_is_no_success() -> None:
    result = echo_to(serves(Fault(answer_without_status)))
    assert result.status == 4
    assert the_error(result) == "receive: the peer sent a response without a status"


def silent_at_release(association: Association) -> None:
    association.accept()
    requests = association.requests()
    for moment, request in requests:
        if moment is Moment.AFTER:
            association.send(answer_to(request))
            break
    association.drain()


def test_a_release_that_is_not_answered_is_a_warning() -> None:
    """The echo was answered, and that was the question."""
    result = echo_to(silent_at_release)
    assert result.status == 0
    assert result.stderr == "dcmtools echo: warning: PEER: release: no answer from the peer in time\n"


def test_an_ipv6_peer() -> None:
    """The same over [::1], where the machine has it."""
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 loopback")
    server = Unruly(serves())
    server._listener.close()
    server._listener = listener
    with server:
        result = run("echo", f"PEER@[::1]:{listener.getsockname()[1]}", *SHORT)
    assert result.status == 0
    assert result.stdout.startswith("PEER@[::1]:")


def test_a_host_with_more_than_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that does not answer leaves time for the next one."""
    with Unruly(serves()) as server, socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        holders = [socket.socket() for _ in range(4)]
        for holder in holders:  # from here on the kernel drops what asks for a connection
            holder.setblocking(False)
            holder.connect_ex(full.getsockname())
        addresses = [(socket.AF_INET, full.getsockname()), (socket.AF_INET, ("127.0.0.1", server.port))]
        monkeypatch.setattr("dcmtools.net.connecting._addresses", lambda *_: addresses)
        begun = time.monotonic()
        result = run("echo", f"PEER@many:{server.port}", "-to", "1.2")
        assert 0.5 < time.monotonic() - begun < 1.1
        for holder in holders:
            holder.close()
    assert result.status == 0


def test_the_resolver_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def resolve(_host: str, _port: int, flags: int = 0) -> list[object]:
        if flags:
            raise OSError("a name")
        over.wait(5)
        return []

    monkeypatch.setattr("dcmtools.net.connecting._addresses", resolve)
    begun = time.monotonic()
    result = run("echo", "PEER@slow.example:104", "-to", "0.3")
    assert time.monotonic() - begun < 2
    over.set()
    assert result.status == 4
    assert "resolve: slow.example: no answer in time" in result.stderr


@pytest.mark.parametrize(
    ("script", "step", "reached"),
    [
        (rejects(), "associate", ["resolve", "connect", "associate"]),
        (accepts_nothing, "context", ["resolve", "connect", "associate"]),
        (serves(never_answers()), "receive", ["resolve", "connect", "associate"]),
        (serves(answers(0x0122)), "status", ["resolve", "connect", "associate"]),
    ],
)
def test_the_step_that_failed(script: Script, step: str, reached: list[str]) -> None:
    [record] = echo_to(script, "--format", "json").records
    assert record["step"] == step
    assert list(record["steps_ms"]) == reached


def test_the_steps_before_the_association() -> None:
    [record] = run("echo", "PEER@nosuch.invalid:104", "--format", "json").records
    assert (record["step"], list(record["steps_ms"])) == ("resolve", ["resolve"])
    with closed_port() as port:
        [record] = run("echo", f"127.0.0.1:{port}", "--format", "json").records
    assert (record["step"], list(record["steps_ms"])) == ("connect", ["resolve", "connect"])
