"""``dcmtools echo`` as a process: signals."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.support.unruly import Association, Unruly, serves

DCMTOOLS = str(Path(sys.executable).with_name("dcmtools"))


def test_interrupted_while_it_waits_for_an_answer() -> None:
    """130, one line, and the peer is told."""

    def script(association: Association) -> None:
        association.accept()
        association.read()
        process.send_signal(signal.SIGINT)
        association.drain()

    with Unruly(script) as server:
        process = subprocess.Popen(
            [DCMTOOLS, "echo", f"PEER@127.0.0.1:{server.port}"], stdout=-1, stderr=-1, text=True
        )
        _, stderr = process.communicate(timeout=10)
    assert process.returncode == 130
    assert stderr == f"dcmtools echo: PEER@127.0.0.1:{server.port}: stopped by the user\n"
    assert server.aborted


def test_interrupted_between_two_echoes() -> None:
    """The pause ends at once, what was answered is reported, the association released."""
    with (
        Unruly(serves()) as server,
        subprocess.Popen(
            [DCMTOOLS, "echo", "--count", "9", "--interval", "60", f"PEER@127.0.0.1:{server.port}"],
            stdout=-1,
            stderr=-1,
            text=True,
        ) as process,
    ):
        assert process.stdout
        assert "\t0000\t" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "stopped by the user" in stderr
    assert "1 of 9 answered" in stdout
    assert server.pdu_types == [1, 4, 5]
