from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where ``config.toml`` is, once a test has written it."""
    path = tmp_path / "config.toml"
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(path))
    return path
