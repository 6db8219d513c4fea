"""Files through the engine with a policy for their pixels: what was written, and what was said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dcmtools.codecs.decoding import decode
from dcmtools.codecs.frames import pixel_data
from dcmtools.deidentification.engine import Deidentifier, Settings
from dcmtools.deidentification.keys import ProjectKey
from dcmtools.deidentification.policies import PixelPolicy, policy_from
from dcmtools.deidentification.profile import profile_from
from dcmtools.deidentification.pseudonyms import Pseudonyms
from dcmtools.encoding.syntax import encoding_of
from dcmtools.files.part10 import Part10File
from tests.support.encoded import Coder
from tests.support.pictures import EXPLICIT, SECONDARY_CAPTURE, data_set

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.codecs.pixels import Pixels
    from dcmtools.deidentification.pixel_rules import Box
    from tests.support.pictures import Samples

CT_IMAGE = b"1.2.840.10008.5.1.4.1.1.2\0"
ULTRASOUND = b"1.2.840.10008.5.1.4.1.1.6.1\0"
KEY = ProjectKey(b"of these tests" * 4, kept=False)


class Written(NamedTuple):
    """A file that was written, and what the engine says of it."""

    path: Path
    suspect: str
    methods: list[str]
    warnings: list[str]
    changes: list[str]

    def samples(self) -> list[Samples]:
        """The samples of all frames."""
        return samples_of(self.path)

    def values(self) -> dict[int, bytes]:
        """The values at the top, those of encapsulated pixel data left out."""
        with Part10File.open(str(self.path)) as file:
            walker = file.walk()
            return {
                tag: walker.value(value, length)
                for tag, vr, _, value, length, depth in walker
                if vr and depth == 0 and length < 1 << 31
            }

    @property
    def transfer_syntax(self) -> str:
        """The transfer syntax."""
        with Part10File.open(str(self.path)) as file:
            return file.transfer_syntax

    @property
    def pixels(self) -> Pixels:
        """What describes the pixels."""
        with Part10File.open(str(self.path)) as file:
            return pixel_data(file).pixels


def treat(path: Path, policy: PixelPolicy | str = "check", *, clean: tuple[str, ...] = ()) -> Written:
    """De-identify the file at ``path`` into one beside it; raises InputError."""
    if isinstance(policy, str):
        policy = policy_from(policy, graphics="graphics" in clean)
    settings = Settings(profile_from("basic", (), clean), Pseudonyms(KEY), pixels=policy)
    out = path.with_suffix(".out")
    with Part10File.open(str(path)) as file, Deidentifier(settings).deidentified(file) as done:
        with out.open("wb") as written:
            done.write(written)
        return Written(out, done.suspect, done.methods, list(done.warnings), done.changes)


def samples_of(path: Path) -> list[Samples]:
    """The samples of all frames of a file."""
    with Part10File.open(str(path)) as file:
        data = pixel_data(file)
        return [decode(data, index).samples for index in range(len(data))]


def outside(boxes: list[Box], pixels: Pixels) -> Samples:
    """Which pixels are in none of ``boxes``."""
    where = np.ones((pixels.rows, pixels.columns), bool)
    for left, top, width, height in boxes:
        where[top : top + height, left : left + width] = False
    return where


def ultrasound(
    file: bytes, boxes: list[Box], syntax: str = EXPLICIT, said: tuple[int, int] = (1, 1)
) -> bytes:
    """A file with ultrasound regions that are ``boxes``, of the spatial format and the data type ``said``."""
    code = Coder(encoding_of(syntax))
    items = []
    for left, top, width, height in boxes:
        bounds = (left, top, left + width - 1, top + height - 1)
        elements = [
            code.element(0x00186012, "US", code.number("H", said[0])),
            code.element(0x00186014, "US", code.number("H", said[1])),
            *(
                code.element(0x00186018 + 2 * n, "UL", code.number("L", bound))
                for n, bound in enumerate(bounds)
            ),
        ]
        items.append(code.item(b"".join(elements)))
    return inserted(file, code.sequence(0x00186011, *items), syntax)


def inserted(file: bytes, elements: bytes, syntax: str = EXPLICIT) -> bytes:
    """The file with ``elements`` in front of its Study Instance UID."""
    code = Coder(encoding_of(syntax))
    place = file.index(code.header(0x0020000D, "UI", 8))
    return file[:place] + elements + file[place:]


def of_class(file: bytes, sop_class: bytes, syntax: str = EXPLICIT, modality: str = "") -> bytes:
    """The file as one of another SOP Class, and of another Modality than OT."""
    code = Coder(encoding_of(syntax))
    old = code.element(0x00080016, "UI", SECONDARY_CAPTURE)
    assert old in file
    file = file.replace(old, code.element(0x00080016, "UI", sop_class))
    raw = modality.encode()
    return file.replace(code.element(0x00080060, "CS", b"OT"), code.element(0x00080060, "CS", raw))


def native(pixels: Pixels, frames: list[Samples], syntax: str = EXPLICIT, behind: bytes = b"") -> bytes:
    """A file with native ``frames``, and bytes behind the last."""
    from dcmtools.codecs.native import blocks

    big = encoding_of(syntax).big
    vr = "OB" if pixels.bits_allocated <= 8 else "OW"
    word = 2 if big and vr == "OW" else 1
    return data_set(pixels, b"".join(blocks(frames, pixels, word=word)) + behind, syntax, vr=vr)
