"""Who may know whom; the contracts stand in pyproject.toml."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dcmtools

PACKAGE = Path(dcmtools.__file__).parent
SOURCES = [str(path.relative_to(PACKAGE)) for path in sorted(PACKAGE.rglob("*.py"))]
SHELL = ("cli/", "__main__.py")
SCRIPTS = ("data/generate",)  # of developers, never imported by the program
HEAVY = {"cryptography", "pydicom", "numpy", "pynetdicom", "rich"}


def tree(source: str) -> ast.Module:
    return ast.parse((PACKAGE / source).read_text(encoding="utf-8"))


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def test_the_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"], cwd=PACKAGE.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("source", [name for name in SOURCES if not name.startswith((*SHELL, *SCRIPTS))])
def test_below_the_shell_nothing_prints_or_exits(source: str) -> None:
    names = {dotted(node) for node in ast.walk(tree(source))}
    assert not names & {"print", "sys.exit", "exit", "quit", "os._exit"}


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "config/__init__.py"])
def test_only_the_configuration_reads_the_environment(source: str) -> None:
    names = {dotted(node) for node in ast.walk(tree(source))}
    assert not names & {"os.environ", "os.getenv", "os.environb", "environ", "getenv"}


@pytest.mark.parametrize("source", SOURCES)
def test_heavy_packages_are_imported_inside_functions(source: str) -> None:
    found = set()
    for node in tree(source).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    assert not found & HEAVY


def test_every_room_stands_in_the_layers() -> None:
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    rooms = {
        entry.name.removesuffix(".py") for entry in os.scandir(PACKAGE) if not entry.name.startswith("_")
    }
    assert not [room for room in rooms - {"py.typed"} if f"dcmtools.{room}" not in text]
