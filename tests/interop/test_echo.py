"""``dcmtools echo`` and real peers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.peers import dcmqrscp, orthanc, requires_dcmtk, requires_orthanc, storescp
from tests.support.run import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.peers import RunningPeer


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(storescp, marks=requires_dcmtk, id="storescp"),
        pytest.param(dcmqrscp, marks=requires_dcmtk, id="dcmqrscp"),
        pytest.param(orthanc, marks=requires_orthanc, id="orthanc"),
    ],
)
def test_an_echo(tmp_path: Path, start: Callable[[Path], AbstractContextManager[RunningPeer]]) -> None:
    with start(tmp_path) as peer:
        result = run("echo", peer.address, "--count", "3", "--interval", "0.001", "--format", "json")
    assert result.status == 0
    assert [record.get("status") for record in result.records[:-1]] == ["0000"] * 3
    assert result.stderr == ""


@requires_orthanc
def test_a_wrong_called_title(tmp_path: Path) -> None:
    """Orthanc with DicomCheckCalledAet: PS3.8 9.3.4, rejected-permanent."""
    with orthanc(tmp_path) as peer:
        result = run("echo", f"WRONG@127.0.0.1:{peer.port}")
    assert result.status == 4
    assert "rejected (permanent): called AE title not recognized" in result.stderr
