"""Who we say we are, as a JavaScript implementation reads it (PS3.7 D.3.3.7)."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.run import run
from tests.support.unruly import closed_port

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTER = Path(__file__).parents[3] / "shared" / "peers" / "peer"
pytestmark = pytest.mark.skipif(not STARTER.exists(), reason="the script that starts dcmjs is not here")


@contextmanager
def dcmjs(folder: Path) -> Iterator[int]:
    with closed_port() as port:
        pass
    started = subprocess.run(
        [STARTER, "start", "dcmjs", folder, str(port)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if started.returncode:
        pytest.skip(f"dcmjs does not start: {started.stderr.strip()[-200:]}")
    try:
        yield port
    finally:
        subprocess.run([STARTER, "stop", folder], check=True, capture_output=True, timeout=60)


def associations(folder: Path) -> list[dict[str, Any]]:
    events = map(json.loads, (folder / "nscp.jsonl").read_text().splitlines())
    return [event for event in events if event["event"] == "assoc" and event["user"] is not None]


def test_every_kind_of_identity(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("eyJ0.eyJz.c2ln\n")
    peer = tmp_path / "js"
    kinds = (
        ["--user", "jane"],
        ["--user", "jane", "--password-file", secret],
        ["--kerberos-ticket", secret],
        ["--saml", secret],
        ["--jwt", secret],
    )
    with dcmjs(peer) as port:
        for kind in kinds:
            result = run("echo", f"JS@127.0.0.1:{port}", *kind)
            assert result.status == 0, result.stderr
        told = [event["user"] for event in associations(peer)]
    assert told[:2] == ["jane", "jane"]
    assert told[4] == "eyJ0.eyJz.c2ln"
    assert len(told) == len(kinds)
