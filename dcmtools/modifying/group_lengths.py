"""Elements that say how long others are together, taken out: they are retired (PS3.5 7.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.editing.nested import Container, Rewriting
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tagpath import PathTracker
from dcmtools.encoding.tags import is_retired_length
from dcmtools.files.depths import track
from dcmtools.modifying.told import Alteration

if TYPE_CHECKING:
    from dcmtools.editing.pieces import Splice
    from dcmtools.files.part10 import Part10File
    from dcmtools.modifying.told import Told


def step(file: Part10File, told: Told) -> Splice | None:
    """Take Group Lengths and Length to End out of the data set, at any depth: a Step.

    Raises what the walk does.
    """
    rewriting, tracker = Rewriting(file), PathTracker()
    changed = False
    for found in rewriting:
        if isinstance(found, Container):
            continue
        track(tracker, found, rewriting.walker)
        tag, vr, _, value, length, depth = found
        if vr and is_retired_length(tag) and length != UNDEFINED and vr != "SQ":
            raw = rewriting.walker.value(value, min(length, 4))
            was = int.from_bytes(raw, "big" if rewriting.levels[-1].encoding.big else "little")
            told.append(Alteration(tracker.path_of(tag, depth), "erase", str(was)))
            rewriting.remove()
            changed = True
    return rewriting.splice() if changed else None
