"""A server of ours, and an association with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.served import Served, associated, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dcmtools.net.association import Association


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "archive") as running:
        yield running


@pytest.fixture
def association(server: Served) -> Iterator[Association]:
    with associated(server.port) as made:
        yield made
