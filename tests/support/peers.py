"""Real peers on loopback: each runs in a folder of its own, and exactly what was started is stopped."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

HOST = "127.0.0.1"
READY_WITHIN = 20.0
STOPPED_WITHIN = 15.0
ATTEMPTS = 4
LISTENING = "0A"

# ---------------------------------------------------------------- what a test needs


def find_program(name: str) -> str | None:
    """Where the program is, in sbin too, where servers live; pynetdicom's namesakes do not count."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/usr/local/sbin"]
    ours = Path(sys.executable).parent
    return shutil.which(name, path=os.pathsep.join(each for each in folders if Path(each) != ours))


def requires(*programs: str, package: str) -> pytest.MarkDecorator:
    """A mark: skip without these programs, unless the run has promised real peers and so must fail."""
    missing = [program for program in programs if find_program(program) is None]
    promised = bool(os.environ.get("DCMTOOLS_REQUIRE_PEERS"))
    return pytest.mark.skipif(
        bool(missing) and not promised, reason=f"not installed: {', '.join(missing)} (package {package})"
    )


def _dcmjs_modules() -> Path | None:
    """The folder of node packages with dcmjs-dimse, where ``npm install --prefix`` has put it."""
    cache = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dcmtools-peers" / "node_modules"
    )
    modules = Path(os.environ.get("PEER_NODE_MODULES") or cache)
    return modules if (modules / "dcmjs-dimse").is_dir() else None


requires_dcmjs = pytest.mark.skipif(
    find_program("node") is None or _dcmjs_modules() is None,
    reason="not installed: node, or dcmjs-dimse (npm install --prefix ~/.cache/dcmtools-peers dcmjs-dimse)",
)
requires_dcmtk = requires("storescp", "storescu", "dcmqrscp", "dcmdump", package="dcmtk")
requires_orthanc = requires("Orthanc", package="orthanc")


def program(name: str) -> str:
    found = find_program(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed")
    return found


def dcmtk(
    name: str, *arguments: str | Path | int, timeout: float = 60, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a DCMTK client to its end: ``dcmtk("storescu", "-aec", peer.aet, HOST, peer.port, path)``."""
    return subprocess.run(
        [program(name), *map(str, arguments)],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        errors="backslashreplace",
        env={**os.environ, **(env or {})},
        timeout=timeout,
    )


def dcmjs(
    operation: str, peer: str, level: str, keys: Mapping[str, object], **more: object
) -> list[dict[str, Any]]:
    """Run the SCU of dcmjs-dimse, a JavaScript implementation; what it says of each response and instance.

    ``operation`` is FIND, MOVE or GET; ``more`` is ``destination``, ``cancelAfter``, ``patient``.
    """
    aet, _, address = peer.rpartition("@")
    host, _, port = address.rpartition(":")
    asked = json.dumps({"level": level, "keys": keys, **more})
    ended = subprocess.run(
        [*_dcmjs_script("dcmjs_scu.js"), operation, host, port, aet or "ANY-SCP", asked],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "NODE_PATH": str(_dcmjs_modules())},
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def _dcmjs_script(name: str) -> list[str]:
    return [program("node"), str(Path(__file__).with_name(name))]


# ---------------------------------------------------------------- peers


@dataclass(frozen=True)
class RunningPeer:
    """A server that answers: address it as ``peer.address``, look at what it stored with ``received()``."""

    port: int
    aet: str
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"{self.aet}@{HOST}:{self.port}"

    @property
    def storage(self) -> Path:
        return self.folder / "storage"

    def received(self) -> list[Path]:
        """The files it holds (Orthanc names and counts its own: ask it instead)."""
        return sorted(path for path in self.storage.rglob("*") if path.is_file() and path.name != "index.dat")

    def log(self) -> str:
        return log_file(self.folder).read_text(encoding="utf-8", errors="backslashreplace")


@contextmanager
def storescp(
    folder: Path, *options: str, aet: str = "STORESCP", env: Mapping[str, str] | None = None
) -> Iterator[RunningPeer]:
    """DCMTK's store SCP, as packaged unless options say otherwise; its files land in ``peer.storage``."""
    storage = _made(folder / "storage")

    def command(ports: Sequence[int]) -> list[str]:
        return [program("storescp"), "-aet", aet, "-od", str(storage), *options, str(ports[0])]

    with _running(folder, command, env=env) as (ports, process):
        yield RunningPeer(ports[0], aet, folder, process)


@contextmanager
def qr_scp(
    folder: Path, *files: Path, destinations: Mapping[str, int] | None = None, patience: float = 0
) -> Iterator[RunningPeer]:
    """A small archive of pynetdicom's over copies of ``files``: find, move, get, store.

    With ``patience`` it waits before every match and sub-operation, as many seconds or until a C-CANCEL.
    """
    storage = _with_copies(folder, files)
    known = [f"{name}={port}" for name, port in (destinations or {}).items()]

    def command(ports: Sequence[int]) -> list[str]:
        script = Path(__file__).with_name("qr_scp.py")
        return [sys.executable, str(script), str(ports[0]), "PYNETDICOM", str(storage), *known]

    with _running(folder, command, env={"PATIENCE": str(patience)}) as (ports, process):
        yield RunningPeer(ports[0], "PYNETDICOM", folder, process)


@contextmanager
def dcmjs_scp(
    folder: Path, *files: Path, destinations: Mapping[str, int] | None = None
) -> Iterator[RunningPeer]:
    """A small archive of dcmjs-dimse over copies of ``files``: find and move by equal keys, store."""
    storage = _with_copies(folder, files)
    known = [f"{name}={port}" for name, port in (destinations or {}).items()]

    def command(ports: Sequence[int]) -> list[str]:
        return [*_dcmjs_script("dcmjs_scp.js"), str(ports[0]), str(storage), *known]

    with _running(folder, command, env={"NODE_PATH": str(_dcmjs_modules())}) as (ports, process):
        yield RunningPeer(ports[0], "DCMJS", folder, process)


def _with_copies(folder: Path, files: Sequence[Path]) -> Path:
    storage = _made(folder / "storage")
    for number, path in enumerate(files):
        shutil.copyfile(path, storage / f"{number:06d}.dcm")
    return storage


@contextmanager
def dcmqrscp(
    folder: Path,
    *options: str,
    destinations: Mapping[str, int] | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[RunningPeer]:
    """DCMTK's archive; ``destinations`` names the AE titles, and their ports, that it may C-MOVE to."""
    _made(folder / "storage")

    def command(ports: Sequence[int]) -> list[str]:
        configuration = folder / "dcmqrscp.cfg"
        configuration.write_text(_archive_configuration(folder, ports[0], destinations or {}))
        return [program("dcmqrscp"), "-c", str(configuration), *options]

    with _running(folder, command, env=env) as (ports, process):
        yield RunningPeer(ports[0], "QRSCP", folder, process)


def _archive_configuration(folder: Path, port: int, destinations: Mapping[str, int]) -> str:
    hosts = [f"d{n} = ({aet}, {HOST}, {to})" for n, (aet, to) in enumerate(destinations.items())]
    return "\n".join(
        [
            f"NetworkTCPPort = {port}",
            "MaxPDUSize = 16384",
            "MaxAssociations = 16",
            "HostTable BEGIN",
            *hosts,
            "HostTable END",
            "VendorTable BEGIN",
            "VendorTable END",
            "AETable BEGIN",
            f"QRSCP {folder / 'storage'} RW (200, 1024mb) ANY",
            "AETable END",
            "",
        ]
    )


@dataclass(frozen=True)
class Orthanc(RunningPeer):
    """Orthanc: an archive to send to and ask, and over its REST interface an SCU that calls our servers."""

    http_port: int

    def rest(self, method: str, path: str, body: bytes | str | None = None) -> bytes:
        connection = http.client.HTTPConnection(HOST, self.http_port, timeout=60)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise OSError(f"Orthanc: {method} {path}: {response.status} {answer.decode(errors='replace')}")
        return answer

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        return dict(json.loads(self.rest(method, path, None if body is None else json.dumps(body))))

    def count_instances(self) -> int:
        return int(self.ask("GET", "/statistics")["CountInstances"])

    def upload(self, path: Path) -> str:
        """Add a file over HTTP; the answer is Orthanc's own name for the instance."""
        return str(json.loads(self.rest("POST", "/instances", path.read_bytes()))["ID"])

    def instance_id(self, sop_instance_uid: str) -> str:
        found = json.loads(self.rest("POST", "/tools/lookup", sop_instance_uid))
        [identifier] = [entry["ID"] for entry in found if entry["Type"] == "Instance"]
        return str(identifier)

    def instance_ids(self) -> list[str]:
        return [str(identifier) for identifier in json.loads(self.rest("GET", "/instances"))]

    def instance_file(self, sop_instance_uid: str) -> bytes:
        return self.rest("GET", f"/instances/{self.instance_id(sop_instance_uid)}/file")

    def knows(self, aet: str, port: int, **settings: object) -> None:
        """Make a server on this machine known under its AE title, as peer and as move destination."""
        self.rest(
            "PUT", f"/modalities/{aet}", json.dumps({"AET": aet, "Host": HOST, "Port": port, **settings})
        )

    def echo_to(self, aet: str, port: int) -> None:
        self.knows(aet, port)
        self.ask("POST", f"/modalities/{aet}/echo", {})

    def store_to(self, aet: str, port: int, *sop_instance_uids: str) -> dict[str, Any]:
        """C-STORE these instances, or all there are, to a server of ours; the answer counts them."""
        self.knows(aet, port)
        ids = [self.instance_id(uid) for uid in sop_instance_uids] or self.instance_ids()
        return self.ask("POST", f"/modalities/{aet}/store", {"Resources": ids, "Synchronous": True})


@contextmanager
def orthanc(
    folder: Path,
    *,
    destinations: Mapping[str, int] | None = None,
    env: Mapping[str, str] | None = None,
    **settings: object,
) -> Iterator[Orthanc]:
    """Orthanc without plugins; ``settings`` are added to its configuration, or replace what stands there.

    ``destinations`` are those that it may C-MOVE to, as ``Orthanc.knows`` makes them known later.
    """
    _made(folder / "storage")

    def command(ports: Sequence[int]) -> list[str]:
        configuration = folder / "orthanc.json"
        configuration.write_text(json.dumps(_orthanc_configuration(folder, ports) | settings, indent=1))
        return [program("Orthanc"), str(configuration)]

    with _running(folder, command, ports=2, env=env) as ((port, http_port), process):
        peer = Orthanc(port, "ORTHANC", folder, process, http_port)
        for aet, to in (destinations or {}).items():
            peer.knows(aet, to)
        yield peer


def _orthanc_configuration(folder: Path, ports: Sequence[int]) -> dict[str, object]:
    allowed = ("Echo", "Store", "Find", "Get", "Move")
    return {
        "Name": "dcmtools tests",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "TemporaryDirectory": str(_made(folder / "temporary")),
        "Plugins": [],
        "HttpPort": ports[1],
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAet": "ORTHANC",
        "DicomPort": ports[0],
        "DicomCheckCalledAet": True,
        "DicomScuTimeout": 20,
        "UnknownSopClassAccepted": True,
        "SynchronousCMove": True,
        "SaveJobs": False,
        **{f"DicomAlwaysAllow{service}": True for service in allowed},
    }


# ---------------------------------------------------------------- processes and ports


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; whoever takes one must be ready to try another."""
    held = [socket.create_server((HOST, 0)) for _ in range(count)]
    try:
        return [int(server.getsockname()[1]) for server in held]
    finally:
        for server in held:
            server.close()


def free_port() -> int:
    return free_ports(1)[0]


def log_file(folder: Path) -> Path:
    return folder / "peer.log"


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _running(
    folder: Path,
    command: Callable[[Sequence[int]], list[str]],
    *,
    ports: int = 1,
    env: Mapping[str, str] | None = None,
) -> Iterator[tuple[list[int], subprocess.Popen[bytes]]]:
    """Start on free ports, again on others where somebody was faster; a failure inside shows the log."""
    taken, process = _started(folder, command, ports, env)
    try:
        yield taken, process
    except BaseException as error:
        error.add_note(_tail(folder))
        raise
    finally:
        _stop(process)


def _started(
    folder: Path,
    command: Callable[[Sequence[int]], list[str]],
    count: int,
    env: Mapping[str, str] | None,
) -> tuple[list[int], subprocess.Popen[bytes]]:
    for _ in range(ATTEMPTS):
        ports = free_ports(count)
        process = _launch(folder, command(ports), env)
        try:
            if _ready(process, ports):
                return ports, process
        except BaseException as error:
            _stop(process)
            error.add_note(_tail(folder))
            raise
    raise RuntimeError(f"{command([0] * count)[0]} ended at once, {ATTEMPTS} times\n{_tail(folder)}")


def _launch(folder: Path, command: list[str], env: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    with log_file(folder).open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,  # its children form one group with it, and Ctrl-C is left to the tests
        )


def _ready(process: subprocess.Popen[bytes], ports: Sequence[int]) -> bool:
    """Wait until the process itself listens on each port; False when it ended before."""
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end:
        if process.poll() is not None:
            return False
        if all(_listens(process, port) for port in ports):
            return True
        time.sleep(0.01)  # a foreign program has no way to tell that it is ready
    raise TimeoutError(f"no answer on port {ports} within {READY_WITHIN:.0f} s")


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Ask the kernel whose port it is: a connection would be logged as an error, and may reach a stranger."""
    if not Path("/proc/net/tcp").exists():
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    return bool(inodes) and any(target in inodes for target in _open_files(process.pid))


def _listening_inodes(port: int) -> Iterator[str]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        for fields in map(str.split, lines):
            if fields[1].endswith(f":{port:04X}") and fields[3] == LISTENING:
                yield fields[9]


def _open_files(pid: int) -> Iterator[str]:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield str(descriptor.readlink())
        except FileNotFoundError:  # closed since it was listed
            continue


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    _signal_group(process, signal.SIGTERM)
    _signal_group(process, signal.SIGCONT)  # a test may have stopped it
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal it and its children; the group keeps its id because its leader is not waited for yet."""
    if process.returncode is None:
        os.killpg(process.pid, number)


def _tail(folder: Path, lines: int = 40) -> str:
    path = log_file(folder)
    text = path.read_text(encoding="utf-8", errors="backslashreplace") if path.exists() else ""
    return f"end of {path}:\n" + "\n".join(text.splitlines()[-lines:])
