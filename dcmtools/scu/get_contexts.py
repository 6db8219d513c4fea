"""Which presentation contexts to propose for a C-GET, so that instances come as they are stored.

Each SOP class gets a context for each transfer syntax, as long as there are contexts left: of one with
several the peer takes one for all instances of the class (PS3.8 9.3.2.2). Role selection makes us their SCP
(PS3.4 C.4.3.1, PS3.7 D.3.3.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.syntax import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
)
from dcmtools.net.presentation import MAX_CONTEXTS, PresentationContext
from dcmtools.net.user_information import RoleSelection
from dcmtools.scu.finding import SYNTAXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.query.models import Model

_COMPRESSION: Final = "1.2.840.10008.1.2.4."
# Compressed with the commonest first: JPEG and JPEG 2000, RLE, JPEG-LS, video, HTJ2K.
_COMPRESSED: Final = (
    "70", "90", "50", "91", "80", "51", "57", "81", "102", "103", "100", "101", "104", "105", "106", "107",
    "108", "201", "202", "203", "92", "93",
)  # fmt: skip
STORED: Final = (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    *(_COMPRESSION + last for last in _COMPRESSED[:4]),
    "1.2.840.10008.1.2.5",
    *(_COMPRESSION + last for last in _COMPRESSED[4:]),
    EXPLICIT_VR_BIG_ENDIAN,
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
)
"""The transfer syntaxes that instances are mostly stored in, the commonest first."""
_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
COMMON: Final = tuple(
    _STORAGE + last
    for last in (
        "2", "4", "1", "1.1", "1.1.1", "6.1", "3.1", "7", "12.1", "12.2", "20", "128", "1.2", "1.2.1", "1.3",
        "13.1.1", "13.1.2", "13.1.3", "2.1", "4.1", "4.2", "12.1.1", "12.2.1", "130", "2.2", "4.4", "128.1",
        "7.1", "7.2", "7.3", "7.4", "6", "3", "5", "11.1", "11.2", "11.4", "88.11", "88.22", "88.33", "88.34",
        "88.50", "88.59", "88.67", "104.1", "481.1", "481.2", "481.3", "481.5", "481.8", "66", "66.1", "66.4",
        "30", "9.1.1", "77.1.1", "77.1.1.1", "77.1.2", "77.1.4", "77.1.5.1", "77.1.5.2", "77.1.5.4", "77.1.6",
    )
)  # fmt: skip
"""The SOP classes of most instances, for peers that do not say which they have; each gets two contexts."""
_BESIDE: Final = 2


def proposals(model: Model, sop_classes: Sequence[str], syntaxes: Sequence[str]) -> list[PresentationContext]:
    """Return the contexts for C-GET and C-FIND by ``model``, then those to receive ``sop_classes`` on.

    ``syntaxes`` are the transfer syntaxes to receive in, the preferred first; none are those of ``STORED``.
    Classes beyond the 126 that there is room for are left out.
    """
    pairs: list[tuple[str, tuple[str, ...]]] = [(model.get, SYNTAXES), (model.find, SYNTAXES)]
    room = MAX_CONTEXTS - _BESIDE
    if sop_classes:
        groups = list(_grouped(tuple(syntaxes or STORED), max(room // len(sop_classes), 1)))
        pairs += [(uid, group) for uid in sop_classes[:room] for group in groups]
    return [PresentationContext(2 * number + 1, *pair) for number, pair in enumerate(pairs)]


def fits(sop_classes: Sequence[str], syntaxes: Sequence[str]) -> bool:
    """Tell whether each class gets a context for each transfer syntax."""
    return len(sop_classes) * len(syntaxes or STORED) <= MAX_CONTEXTS - _BESIDE


def roles(sop_classes: Sequence[str]) -> list[RoleSelection]:
    """Return the role selection by which we are sent instances of ``sop_classes``."""
    return [RoleSelection(uid, scu=False, scp=True) for uid in sop_classes[: MAX_CONTEXTS - _BESIDE]]


def _grouped(syntaxes: tuple[str, ...], most: int) -> Iterator[tuple[str, ...]]:
    """Yield the transfer syntaxes of each of ``most`` contexts at most: one, or the last ones together."""
    if len(syntaxes) <= most:
        yield from ((syntax,) for syntax in syntaxes)
        return
    if most == 1:
        yield syntaxes
        return
    native = tuple(syntax for syntax in syntaxes if syntax in NATIVE)
    others = tuple(syntax for syntax in syntaxes if syntax not in NATIVE)
    single = most - 1 - bool(native)
    groups = (native, *((syntax,) for syntax in others[:single]), others[single:])
    yield from filter(None, groups)
