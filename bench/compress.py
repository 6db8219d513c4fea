"""Transfer syntaxes of 100 CT images changed, and back, against DCMTK's and GDCM's tools; large files."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import numpy as np

from bench.harness import DCMTOOLS, Command, compare, fast_folder, peak_memory
from tests.support import peers
from tests.support.pictures import data_set, described

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 100
LARGE_FRAMES = 400  # of 512 KB
MEMORY_GOAL = 300.0
# The peer compresses one file and decompresses one; what many of ours may take of its time.
PEERS = {
    "jpeg-ls": (["dcmcjpls"], ["dcmdjpls"], 0.35),
    "rle": (["dcmcrle"], ["dcmdrle"], 0.5),
    "jpeg-lossless": (["dcmcjpeg", "+e1"], ["dcmdjpeg"], 0.5),
    "jpeg-2000-lossless": (["gdcmconv", "--j2k"], ["gdcmconv", "--raw"], 0.75),
}
ONE_FILE_GOAL = 4.0
EACH = 'cd "$1" && out="$2" && shift 2 && ls | xargs -P2 -I{} "$@" {} "$out"/{}'


def main() -> int:
    with fast_folder() as folder:
        source = folder / "ct"
        _write(source)
        met = []
        for name, (compress, decompress, goal) in PEERS.items():
            met.append(_compared(folder, source, f"compress {name}", compress, ["--to", name], goal))
            packed = folder / name
            shutil.copytree(folder / "ours", packed)
            met.append(
                _compared(folder, packed, f"decompress {name}", decompress, ["--to", "explicit"], goal)
            )
        one = next(source.iterdir())
        met.append(
            compare(
                "compress one file",
                _ours(folder, [one], ["--to", "jpeg-ls"]),
                Command("dcmcjpls", [peers.program("dcmcjpls"), one, folder / "one.dcm"]),
                goal=ONE_FILE_GOAL,
            )
        )
        met += _memory(folder)
    return 0 if all(met) else 1


def _compared(
    folder: Path, source: Path, title: str, peer: list[str], options: list[str], goal: float
) -> bool:
    """Time it with what peers do, too; then with every sample compared, which they do not do."""
    theirs = folder / "theirs"
    theirs.mkdir(exist_ok=True)
    tool, *words = peer
    each: list[str | Path] = ["sh", "-c", EACH, "sh", source, theirs, peers.program(tool), *words]
    other = Command(f"xargs -P2 {tool}", each)
    plain = _ours(folder, [source], [*options, "--no-verify"])
    verified = _ours(folder, [source], options)
    met = compare(f"{title}: {COUNT} CT, two workers", plain, other, rounds=5, goal=goal)
    compare(f"{title}: the same, verified", verified, other, rounds=3)
    return met


def _ours(folder: Path, paths: list[Path], options: list[str]) -> Command:
    out = folder / ("ours" if paths[0].is_dir() else "one-of-ours.dcm")
    words: list[str | Path] = [DCMTOOLS, "-q", "compress", *paths, "-o", out, "--overwrite", "--jobs", "2"]
    return Command("dcmtools compress" + (" --no-verify" * ("--no-verify" in options)), [*words, *options])


def _memory(folder: Path) -> list[bool]:
    """Tell how much memory 200 MB in many frames take, compressed and decompressed."""
    large = folder / "large.dcm"
    pixels = described(512, 512, 12, frames=LARGE_FRAMES)
    frame = _slice(np.random.default_rng(2), 0)
    head = data_set(pixels, b"")[:-4]
    with large.open("wb") as file:
        file.write(head + (LARGE_FRAMES * len(frame)).to_bytes(4, "little"))
        for _ in range(LARGE_FRAMES):
            file.write(frame)
    met = []
    for name, source in (("jpeg-ls", large), ("explicit", folder / "large-jpeg-ls.dcm")):
        out = folder / f"large-{name}.dcm"
        words: list[str | Path] = [DCMTOOLS, "-q", "compress", source, "-o", out, "--overwrite", "--to", name]
        peak = peak_memory(Command(name, words))
        met.append(peak <= MEMORY_GOAL)
        verdict = "met" if met[-1] else "MISSED"
        print(f"{large.stat().st_size / 1e6:.0f} MB in frames to {name}: at most {peak:.0f} MB in memory,"
              f" goal at most {MEMORY_GOAL:g}: {verdict}", flush=True)  # fmt: skip
    return met


def _write(folder: Path) -> None:
    folder.mkdir()
    random = np.random.default_rng(1)
    pixels = described(512, 512, 12)
    for number in range(COUNT):
        file = data_set(pixels, _slice(random, number))
        (folder / f"ct{number:03d}.dcm").write_bytes(file.replace(b"2.25.771", b"2.25.%03d" % (number + 100)))


def _slice(random: np.random.Generator, number: int) -> bytes:
    """A body with organs, and the noise of a scanner within it."""
    y, x = np.mgrid[0:512, 0:512]
    inside = np.hypot(y - 256, x - 256) < 210
    organs = 60 * np.sin(x / 30 + number) + 40 * ((y // 32 + x // 48 + number) % 2)
    values = inside * (1000 + organs + random.normal(0, 12, (512, 512)))
    return bytes(values.clip(0, 4095).astype("<u2").tobytes())


if __name__ == "__main__":
    sys.exit(main())
