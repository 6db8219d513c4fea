"""De-identification side by side with the quickest peer, and with a plain copy.

    python -m bench.anonymize

2,000 CT and MR images of 0.5 MB, in memory. What is written is looked at again. dcmanon, where it can be
installed, is a Rust program that treats fewer attributes and does not look again; ``cp -r`` does nothing but
copy.
"""

from __future__ import annotations

import random
import shutil
import sys
from subprocess import CalledProcessError, run
from typing import TYPE_CHECKING

from bench.harness import DCMTOOLS, Command, compare, fast_folder, peak_memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = 2000
SIDE = 512  # pixels, of two bytes
PEER = "dcmanon==0.3.1"
# It has no command of its own.
SCRIPT = """
import os, sys
from dcmanon import Anonymizer
inputs, out = sys.argv[1:]
os.makedirs(out)
anonymizer = Anonymizer()
for name in os.listdir(inputs):
    with open(os.path.join(out, name), "wb") as file:
        file.write(anonymizer.anonymize(os.path.join(inputs, name)))
"""
SOURCES = ("CT_small.dcm", "MR_small.dcm")


def main() -> int:
    with fast_folder() as folder:
        inputs, few = folder / "in", folder / "few"
        make(inputs, FILES)
        make(few, FILES // 10)
        ours = folder / "ours"
        pairs = [*_against_copy(inputs, ours, folder), *_against_dcmanon(inputs, ours, folder)]
        met = [compare(title, one, other, goal=goal) for title, one, other, goal in pairs]
        for name, path in (("200 files", few), ("2,000 files", inputs)):
            print(f"peak memory, {name}: {peak_memory(_ours(path, ours, jobs=1)):.1f} MB")
    return 0 if all(met) else 1


def make(folder: Path, count: int) -> None:
    """Images that differ in nothing but what tells instances apart."""
    from pydicom import dcmread
    from pydicom.data import get_testdata_file

    folder.mkdir()
    pixels = random.Random(1).randbytes(SIDE * SIDE * 2)
    for number, name in enumerate(SOURCES):
        image = dcmread(str(get_testdata_file(name)))
        image.Rows = image.Columns = SIDE
        image.PixelData = pixels
        for index in range(count // len(SOURCES)):
            image.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.{number}.{index + 1}"
            image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
            image.InstanceNumber = index + 1
            image.save_as(folder / f"{name[:2]}{index:05d}.dcm")


def _ours(inputs: Path, out: Path, *, jobs: int) -> Command:
    words = (DCMTOOLS, "anonymize", inputs, "-o", out, "--jobs", str(jobs), "--format", "json")
    return _clearing(f"dcmtools, {jobs} job{'s' if jobs > 1 else ''}", words, out)


def _clearing(label: str, words: tuple[str | Path, ...], out: Path) -> Command:
    """A command that writes to ``out``, which has to be new, and is gone again afterwards."""

    def check() -> None:
        written = sum(1 for path in out.rglob("*") if path.is_file())
        shutil.rmtree(out)
        if written < FILES // 10:
            raise RuntimeError(f"{label}: {written} files were written")

    return Command(label, words, check=check)


def _against_copy(inputs: Path, ours: Path, folder: Path) -> Iterator[tuple[str, Command, Command, float]]:
    copied = _clearing("cp -r", ("cp", "-r", inputs, folder / "copied"), folder / "copied")
    yield "anonymize / cp -r, one job", _ours(inputs, ours, jobs=1), copied, 2
    yield "anonymize / cp -r, two jobs", _ours(inputs, ours, jobs=2), copied, 2


def _against_dcmanon(inputs: Path, ours: Path, folder: Path) -> Iterator[tuple[str, Command, Command, float]]:
    python = _with_dcmanon(folder)
    if python is None:
        return
    out = folder / "dcmanon"
    peer = _clearing("dcmanon", (python, "-c", SCRIPT, inputs, out), out)
    yield "anonymize / dcmanon, one job", _ours(inputs, ours, jobs=1), peer, 0.45
    yield "anonymize / dcmanon, two jobs", _ours(inputs, ours, jobs=2), peer, 0.3


def _with_dcmanon(folder: Path) -> Path | None:
    """Return a Python that has dcmanon, None, having said why, where there is none to be had."""
    python = folder / "peer" / "bin" / "python"
    try:
        run([sys.executable, "-m", "venv", str(python.parents[1])], check=True, capture_output=True)
        run([python, "-m", "pip", "install", "--quiet", PEER], check=True, capture_output=True)
    except (OSError, CalledProcessError) as error:
        print(f"not compared with {PEER}: {error}")
        return None
    return python


if __name__ == "__main__":
    sys.exit(main())
