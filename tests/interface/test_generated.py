"""The committed manual pages and completions are those that the commands make."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from dcmtools.cli import docgen
from dcmtools.cli.roff import roff
from tests.support.peers import requires

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_is_stale() -> None:
    assert docgen.stale() == []


def test_check_names_what_is_stale(tmp_path: Path) -> None:
    for folder in ("man", "completions"):
        shutil.copytree(docgen.ROOT / folder, tmp_path / folder)
    page, extra = tmp_path / "man" / "dcmtools.1", tmp_path / "man" / "dcmtools-gone.1"
    page.write_text("old")
    extra.write_text("left behind")
    assert docgen.stale(tmp_path) == ["man/dcmtools-gone.1", "man/dcmtools.1"]


def test_the_check_runs_as_a_program() -> None:
    command = [sys.executable, "-m", "dcmtools.cli.docgen", "--check"]
    assert subprocess.run(command, cwd=docgen.ROOT, check=False).returncode == 0


@requires("mandoc", package="mandoc")
def test_mandoc_finds_nothing_to_complain_about() -> None:
    pages = sorted((docgen.ROOT / "man").iterdir())
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", *pages], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_roff_is_escaped() -> None:
    assert roff(".x\\y -a 'q' ~ é\nz") == r"\&.x\ey \-a \(aqq\(aq \(ti \[u00E9] z"
    assert roff("'lead") == r"\(aqlead"
