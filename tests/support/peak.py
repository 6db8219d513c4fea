"""How much memory it takes to go through the frames of large pixel data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.memory import peak_memory
from tests.support.pictures import data_set, described

if TYPE_CHECKING:
    from pathlib import Path

_FRAMES = """
import sys
from dcmtools.codecs.frames import pixel_data
from dcmtools.files.part10 import Part10File
with Part10File.open(sys.argv[1]) as file:
    data = pixel_data(file)
    assert sum(map(len, data)) == len(data) * 512 * 512 * 2
"""
_DECODED = """
import sys
from dcmtools.codecs.decoding import decode
from dcmtools.codecs.frames import pixel_data
from dcmtools.files.part10 import Part10File
with Part10File.open(sys.argv[1]) as file:
    data = pixel_data(file)
    for index in range(len(data)):
        assert decode(data, index).samples.shape == (512, 512)
"""


def frames_peak(folder: Path) -> float:
    """Of reading the frames of 100 MB."""
    path = folder / "large.dcm"
    path.write_bytes(data_set(described(512, 512, 16, frames=200), bytes(200 * 512 * 512 * 2)))
    return peak_memory(_FRAMES, path)


def decoded_peak(folder: Path, codestream: bytes, syntax: str) -> float:
    """Of decoding a ``codestream`` of 512 x 512 samples of 16 bits 200 times over."""
    path = folder / "large.dcm"
    path.write_bytes(data_set(described(512, 512, 16, frames=200), [codestream] * 200, syntax))
    return peak_memory(_DECODED, path)
