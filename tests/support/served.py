"""``dcmtools serve`` for tests: in a thread of this process, or as the process a user starts.

And what it takes to talk to it: associations in a line, C-STORE of any bytes under any name, data sets made
element by element.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dcmtools.acceptor.admission import ServerOptions
from dcmtools.errors import AssociationError
from dcmtools.net import dimse
from dcmtools.net.peer import NetworkOptions, Peer
from dcmtools.net.presentation import PresentationContext
from dcmtools.net.requesting import request_association
from dcmtools.net.stop import Stop
from dcmtools.scp.serve import Receiving, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dcmtools.net.association import Association
    from dcmtools.net.user_information import RoleSelection
    from dcmtools.results import Result

HOST = "127.0.0.1"
DCMTOOLS = str(Path(sys.executable).with_name("dcmtools"))
WITHIN = 20.0

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
ECHO, STORE = 0x0030, 0x0001
SUCCESS, DUPLICATE = 0x0000, 0x0111

# ---------------------------------------------------------------- the server


@dataclass(frozen=True)
class Served:
    """A server that answers on ``port`` and keeps what it receives in ``folder``."""

    port: int
    folder: Path

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def kept(self) -> list[Path]:
        """Whatever is there except what is the server's own: files, links, anything but folders."""
        found = [path for path in self.folder.rglob("*") if path.is_symlink() or not path.is_dir()]
        own = (".incoming", ".index")
        return sorted(path for path in found if not path.relative_to(self.folder).parts[0].startswith(own))

    def unfinished(self) -> list[str]:
        """The temporary files of instances that are still coming, or never came to an end."""
        return sorted(set(os.listdir(self.folder / ".incoming")) - {"lock"})

    def is_empty(self) -> bool:
        """Whether it keeps nothing, and nothing of what it could not keep."""
        return not self.kept() and not self.unfinished()


@contextmanager
def serving(
    folder: Path,
    *,
    durable: bool = False,
    receiving: Receiving | None = None,
    port: int = 0,
    acse_timeout: float = 30,
    dimse_timeout: float = 60,
    max_pdu: int = 262144,
    **options: object,
) -> Iterator[Served]:
    """Serve in a thread; leaving stops it, and fails where a thread of it lives on."""
    before = threading.active_count()
    stop = Stop()
    network = NetworkOptions(
        acse_timeout=acse_timeout, dimse_timeout=dimse_timeout, max_pdu=max_pdu, stop=stop
    )
    terms = ServerOptions(port=port, network=network, **options)  # type: ignore[arg-type]  # whatever a test sets
    results = serve(str(folder), terms, receiving or Receiving(durable=durable))
    try:
        taken = next(results).record["port"]
        assert isinstance(taken, int)
        with _in_a_thread(results, stop):
            yield Served(taken, folder)
    finally:
        stop.close()
    assert threading.active_count() <= before, threading.enumerate()


@contextmanager
def _in_a_thread(results: Iterator[Result], stop: Stop) -> Iterator[None]:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in results:
                pass
        except BaseException as error:  # told by the test's own thread
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.request()
        thread.join(WITHIN)
        late = thread.is_alive()
        stop.request()
        thread.join()
    assert not late, "the server did not stop at the first request"
    assert not failures, failures


@dataclass(frozen=True)
class ServedProcess(Served):
    """A server in a process of its own."""

    process: subprocess.Popen[bytes]
    output: Path
    messages: Path

    def log(self) -> str:
        return self.messages.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status that comes of it."""
        self.process.send_signal(number)
        return self.process.wait(WITHIN)


@contextmanager
def served(
    folder: Path, *options: object, prefix: Sequence[str] = (), ready_file: Path | None = None
) -> Iterator[ServedProcess]:
    """Run ``dcmtools serve FOLDER``, ready when the block begins; leaving kills what still runs.

    ``prefix`` is a command line that is to start it, such as ``sh -c``.
    """
    ready, output, messages = (folder.with_name(f"{folder.name}.{name}") for name in ("port", "out", "err"))
    ready = ready_file or ready
    ready.unlink(missing_ok=True)
    command = [*prefix, DCMTOOLS, "serve", folder, "--port", "0", "--ready-file", ready, *options]
    with output.open("wb") as out, messages.open("wb") as err:
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
    try:
        wait_until(lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None, messages.read_text()
        yield ServedProcess(int(ready.read_text()), folder, process, output, messages)
    except BaseException as error:
        error.add_note(f"stderr of the server:\n{messages.read_text()[-4000:]}")
        raise
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def wait_until(condition: Callable[[], bool], within: float = WITHIN) -> None:
    """Return once ``condition()`` holds."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


# ---------------------------------------------------------------- a client


@contextmanager
def associated(
    port: int,
    *classes: str,
    syntaxes: Sequence[str] = (EXPLICIT,),
    called: str = "ANY-SCP",
    calling: str = "TESTER",
    timeout: float = WITHIN,
    roles: Sequence[RoleSelection] = (),
) -> Iterator[Association]:
    """An association with one context for each of ``classes``, CT Image Storage where there are none."""
    stop = Stop()
    network = NetworkOptions(
        calling_aet=calling, acse_timeout=timeout, dimse_timeout=timeout, connect_timeout=timeout, stop=stop
    )
    contexts = [
        PresentationContext(2 * number + 1, uid, tuple(syntaxes))
        for number, uid in enumerate(classes or (CT,))
    ]
    try:
        with request_association(Peer(HOST, port, called), network, contexts, roles=roles) as association:
            yield association
    finally:
        stop.close()


def echo(port: int, timeout: float = WITHIN) -> int:
    """C-ECHO on an association of its own; the status, and an error where none comes in time."""
    with associated(port, VERIFICATION, timeout=timeout) as association:
        answer = ask(association, {"CommandField": ECHO, "AffectedSOPClassUID": VERIFICATION})
        return dimse.number(answer, "Status", -1)


def can_associate(port: int) -> bool:
    try:
        with associated(port):
            return True
    except AssociationError:
        return False


def store_request(sop_instance: str, sop_class: str = CT) -> dimse.Command:
    return {
        "CommandField": STORE,
        "AffectedSOPClassUID": sop_class,
        "AffectedSOPInstanceUID": sop_instance,
        "Priority": 0,
        "CommandDataSetType": 1,
    }


def store(
    association: Association,
    sop_instance: str,
    data: bytes,
    *,
    sop_class: str = CT,
    syntax: str | None = None,
) -> int:
    """C-STORE ``data`` under this name, whatever it is; the status of the answer."""
    answer = ask(association, store_request(sop_instance, sop_class), [data], syntax)
    return dimse.number(answer, "Status", -1)


def ask(
    association: Association,
    command: dimse.Command,
    data: Iterable[bytes] = (),
    syntax: str | None = None,
) -> dimse.Command:
    """Send a request on the first context, or on that for its SOP class, and return the response."""
    context = association.context_for(str(command.get("AffectedSOPClassUID", "")), syntax)
    context = context or next(iter(association.contexts.values()))
    request = {"MessageID": association.next_message_id(), "CommandDataSetType": 0x0101, **command}
    association.send(context, request, data)
    answer = association.receive(WITHIN)
    assert answer is not None
    assert answer.command["MessageIDBeingRespondedTo"] == request["MessageID"]
    return answer.command


# ---------------------------------------------------------------- the same byte by byte


def associate_request(called: bytes = b"ANY-SCP", calling: bytes = b"CALLER", version: int = 1) -> bytes:
    """An A-ASSOCIATE-RQ with context 1 for CT Image Storage, explicit VR little endian."""

    def item(kind: int, value: bytes) -> bytes:
        return struct.pack(">BxH", kind, len(value)) + value

    syntaxes = item(0x30, CT.encode()) + item(0x40, EXPLICIT.encode())
    body = struct.pack(">H2x16s16s32x", version, called.ljust(16), calling.ljust(16))
    body += item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, b"\1\0\0\0" + syntaxes)
    body += item(0x50, item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3"))
    return pdu(1, body)


def pdu(kind: int, body: bytes, length: int | None = None) -> bytes:
    """A PDU that says it is ``length`` bytes long, which is true unless one is given."""
    return struct.pack(">BxL", kind, len(body) if length is None else length) + body


def fragment(control: int, data: bytes) -> bytes:
    """A PDV on context 1; ``control`` 1 is of a command set, 2 the last."""
    return struct.pack(">LBB", len(data) + 2, 1, control) + data


@contextmanager
def connected(port: int, *, established: bool = False) -> Iterator[socket.socket]:
    """A bare connection, on which an association is accepted already if asked for."""
    with socket.create_connection((HOST, port), WITHIN) as sock:
        if established:
            sock.sendall(associate_request())
            assert sock.recv(65536)[:1] == b"\2"
        yield sock


def all_from(sock: socket.socket) -> bytes:
    """What comes until the server ends the connection, in whichever way."""
    answer = bytearray()
    with suppress(ConnectionResetError):
        while piece := sock.recv(65536):
            answer += piece
    return bytes(answer)


# ---------------------------------------------------------------- data sets

_LONG = frozenset({b"OB", b"OW", b"SQ", b"UN", b"UT"})


def element(tag: int, value: bytes, vr: bytes = b"UI", order: str = "<") -> bytes:
    """One element with explicit VR, its value padded to an even length."""
    if len(value) % 2:
        value += b"\0" if vr in {b"UI", b"OB"} else b" "
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF) + vr
    if vr in _LONG:
        return head + struct.pack(f"{order}HL", 0, len(value)) + value
    return head + struct.pack(f"{order}H", len(value)) + value


def data_set(
    sop_instance: str = "1.2.3.4",
    *,
    sop_class: str = CT,
    patient: str | None = "P1",
    study: str | None = "1.2.3",
    series: str | None = "1.2.3.1",
    pixels: bytes = b"\x01\x02" * 50,
    name: str = "Doe^Jane",
) -> bytes:
    """The data set of a small instance, explicit VR little endian; None leaves an element out."""
    values = {
        0x00080016: (b"UI", sop_class),
        0x00080018: (b"UI", sop_instance),
        0x00100010: (b"PN", name),
        0x00100020: (b"LO", patient),
        0x0020000D: (b"UI", study),
        0x0020000E: (b"UI", series),
    }
    encoded = [
        element(tag, value.encode("utf-8"), vr) for tag, (vr, value) in values.items() if value is not None
    ]
    return b"".join(encoded) + element(0x7FE00010, pixels, b"OW")
