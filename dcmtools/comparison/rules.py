"""How to compare: what does not count, what is near enough, which files belong together."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.selection.where import Where

BY_UID: Final = "uid"
BY_PATH: Final = "path"
AUTO: Final = "auto"
BYTES: Final = "bytes"
SAMPLES: Final = "samples"
NONE: Final = "none"


class Place(NamedTuple):
    """Which elements a path names: those at the top of the data set, or ``anywhere`` in it."""

    path: TagPath
    anywhere: bool = False


class Ignored(NamedTuple):
    """What is no difference: elements at ``paths``, and kinds of them.

    Of ``uids`` those that PS3.6 lists still count. Of ``syntax`` are the transfer syntax itself and what it
    does to colour images, of ``charset`` the names of character sets.
    """

    paths: tuple[Place, ...] = ()
    private: bool = False
    uids: bool = False
    meta: bool = False
    syntax: bool = False
    charset: bool = False


class Tolerance(NamedTuple):
    """How far numbers may be apart, and what of that each is allowed of its size."""

    absolute: float = 0.0
    relative: float = 0.0

    def allows(self, one: float, other: float) -> bool:
        """Tell whether two numbers are the same as far as it goes."""
        if one == other or (math.isnan(one) and math.isnan(other)):
            return True
        if not (self.absolute or self.relative) or math.isinf(one) or math.isinf(other):
            return False
        return abs(one - other) <= max(self.absolute, self.relative * max(abs(one), abs(other)))


class PixelRules(NamedTuple):
    """What of pixel data has to be the same: frames byte by byte, samples, or nothing.

    Samples may be apart by ``max_error``, and so far that the peak signal-to-noise ratio of no frame is below
    ``min_psnr`` decibels, where these are given. Frames in different transfer syntaxes have no bytes in
    common: their samples count.
    """

    kind: str = BYTES
    max_error: float | None = None
    min_psnr: float | None = None


class DiffOptions(NamedTuple):
    """How to compare two files or trees.

    ``match`` says which files of two trees belong together; those that ``where`` is not true of count in
    neither. With ``brief`` it is only told that two differ. Text may have ``color``.
    """

    ignored: Ignored = Ignored()
    tolerance: Tolerance = Tolerance()
    pixels: PixelRules = PixelRules()
    match: str = AUTO
    where: Where | None = None
    brief: bool = False
    color: bool = False
