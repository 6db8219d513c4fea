"""Real files: the same in whatever encoding, and different by any value."""

from __future__ import annotations

import math
import random
import re
from typing import TYPE_CHECKING

from dcmtools.comparison.leaves import leaves_of
from dcmtools.comparison.looking import looked_at
from dcmtools.comparison.rules import DiffOptions, Ignored
from dcmtools.encoding.tags import PIXEL_DATA
from dcmtools.encoding.values import BULK_VRS, TEXT_VRS, number_struct
from dcmtools.errors import InputError
from dcmtools.files.inputs import Input
from dcmtools.files.part10 import Part10File
from tests.support.reencoded import deflated, originals, with_defined_lengths, with_undefined_lengths

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.comparison.leaves import Leaf

ENCODING = DiffOptions(Ignored(meta=True, syntax=True))
MOST = 200_000
CHANGES = 4  # of each file


def compared(folder: Path, one: bytes, other: bytes, options: DiffOptions = ENCODING) -> dict[str, object]:
    (folder / "a").write_bytes(one)
    (folder / "b").write_bytes(other)
    return dict(looked_at(Input(str(folder / "a")), Input(str(folder / "b")), options).record)


def pairs(files: list[tuple[str, bytes]]) -> list[tuple[str, bytes, bytes]]:
    """Each file that is not too large, as it is and as it was."""
    names = [name for name, _ in originals()]
    before = {name: data for name, data in originals() if names.count(name) == 1}
    found = []
    for name, data in files:
        original = before.get(re.split(r" in |, ", name)[0])
        if original is not None and len(data) < MOST:
            found.append((name, original, data))
    return found


def test_lengths_and_vrs_make_no_difference(tmp_path: Path) -> None:
    for name, original, data in pairs(with_undefined_lengths()):
        found = compared(tmp_path, original, data)
        assert found["result"] == "same", (name, found)


def test_deflation_makes_no_difference(tmp_path: Path) -> None:
    for name, original, data in pairs(deflated()):
        found = compared(tmp_path, original, data)
        assert found["result"] == "same", (name, found)


def test_byte_order_makes_no_difference(tmp_path: Path) -> None:
    compared_whole = 0
    for name, original, data in pairs(with_defined_lengths()):
        if name.startswith("winter.dcm"):  # which has an element twice, of which pydicom has one
            continue
        try:
            found = compared(tmp_path, original, data)
        except InputError:  # compressed frames, which have no big endian
            continue
        differences = found["differences"]
        assert isinstance(differences, list)
        # pydicom leaves the bytes of these as they are.
        rest = [each for each in differences if not set(each["vr"].split("/")) & BULK_VRS]
        assert not rest, (name, rest)
        compared_whole += found["result"] == "same"
    assert compared_whole > 10


def place_to_change(leaf: Leaf, rng: random.Random) -> tuple[int, int] | None:
    """Where a byte of a value stands, and another byte that makes it another value."""
    raw = leaf.piece(0, min(leaf.length, 4096))
    if leaf.vr in TEXT_VRS:
        wanted = rb"[0-9]" if leaf.vr in ("DS", "IS", "UI") else rb"[0-9A-Za-z]"
        places = [match.start() for match in re.finditer(wanted, raw)]
        if not places or b"\x1b" in raw:
            return None
        at = rng.choice(places)
        return leaf.offset + at, raw[at] ^ 1 if raw[at] != ord("z") else ord("y")
    if leaf.vr in ("FL", "FD"):
        values = [value for (value,) in number_struct(leaf.vr, leaf.order).iter_unpack(raw)]
        if not all(map(math.isfinite, values)):
            return None
    at = rng.randrange(len(raw))
    return leaf.offset + at, raw[at] ^ 1


def test_any_value_that_changes_is_found(tmp_path: Path) -> None:
    rng = random.Random(1)
    changed = 0
    for number, (name, data) in enumerate(originals()):
        if len(data) > MOST:
            continue
        path = tmp_path / f"{number}"
        path.write_bytes(data)
        with Part10File.open(str(path)) as file:
            values = [leaf for leaf in leaves_of(file) if is_changeable(leaf, file)]
            for leaf in rng.sample(values, min(CHANGES, len(values))):
                place = place_to_change(leaf, rng)
                if place is None:
                    continue
                at, byte = place
                other = data[:at] + bytes([byte]) + data[at + 1 :]
                try:
                    found = compared(tmp_path, data, other, DiffOptions())
                except InputError:  # what is made of it now is damaged, say
                    continue
                assert found["result"] == "different", (name, leaf.name, at, byte)
                changed += 1
    assert changed > 200


def is_changeable(leaf: Leaf, file: Part10File) -> bool:
    """Tell whether a leaf has a value that stands in the file, and does not say where fragments are."""
    held = leaf.walker is not None and leaf.walker.source is file.source
    return held and leaf.length > 0 and PIXEL_DATA not in leaf.path[:-1]
