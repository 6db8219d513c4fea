"""What is installed is all there: the wheel and the source distribution, built without network."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from dcmtools import __version__
from dcmtools.cli.docgen import ROOT, generate

PLACES = {
    "completions/dcmtools.bash": "bash-completion/completions/dcmtools",
    "completions/_dcmtools": "zsh/site-functions/_dcmtools",
    "completions/dcmtools.fish": "fish/vendor_completions.d/dcmtools.fish",
}


def built(kind: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    [path] = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(built("wheel", tmp_path_factory.mktemp("wheel")))


def share(name: str) -> str:
    """Where a generated file belongs below ``share``."""
    return PLACES.get(name) or f"man/man{name[-1]}/{Path(name).name}"


def test_manual_and_completions_stand_where_systems_look(wheel: zipfile.ZipFile) -> None:
    prefix = f"dcmtools-{__version__}.data/data/share/"
    found = {name.removeprefix(prefix) for name in wheel.namelist() if name.startswith(prefix)}
    examples = {f"doc/dcmtools/profiles/{each.name}" for each in (ROOT / "examples" / "profiles").iterdir()}
    assert examples
    assert found == {share(name) for name in generate()} | examples
    for name, text in generate().items():
        assert wheel.read(prefix + share(name)).decode() == text


def test_the_package_is_whole(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "dcmtools").rglob("*.py")}
    assert sources | {"dcmtools/py.typed"} <= names
    assert wheel.read(f"dcmtools-{__version__}.dist-info/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    scripts = wheel.read(f"dcmtools-{__version__}.dist-info/entry_points.txt").decode()
    assert "dcmtools = dcmtools.__main__:run" in scripts
    assert not [name for name in names if name.startswith(("tests/", "bench/")) or "__pycache__" in name]


def test_the_sources_make_the_same_wheel(tmp_path: Path, wheel: zipfile.ZipFile) -> None:
    with tarfile.open(built("sdist", tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path / "sources", filter="data")
    [sources] = (tmp_path / "sources").iterdir()
    assert (sources / "LICENSE").exists()
    assert (sources / "tests" / "interface" / "test_package.py").exists()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "wheel")]
    subprocess.run(command, cwd=sources, check=True, capture_output=True, timeout=120)
    [again] = (tmp_path / "wheel").iterdir()
    assert set(zipfile.ZipFile(again).namelist()) == set(wheel.namelist())
