"""The page on what modify changes says what is so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.cli.editing_topic import EDITING
from tests.support.run import run
from tests.support.samples import ct

if TYPE_CHECKING:
    from pathlib import Path


def test_the_patch_on_the_page(tmp_path: Path) -> None:
    _, _, patches = EDITING.partition("# PATCHES")
    lines = [
        line[4:] for line in patches.partition("The table set-file")[0].splitlines() if line[:4] == "    "
    ]
    patch = tmp_path / "site.toml"
    patch.write_text("\n".join(lines))
    done = run("modify", ct(), "--dry-run", "--patch", patch, "--missing", "skip")
    assert done.status == 0, done.stderr
    assert "(0040,0275)[0].(0040,1001)" in done.stdout
    assert "PatientName: set [CompressedSamples^CT1] to [Doe^Jane]" in done.stdout
