"""The VR by which a value is understood where its header says UN (PS3.5 6.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.encoding.dictionary import lookup, private_lookup
from dcmtools.encoding.tags import is_private

if TYPE_CHECKING:
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.tagpath import PathTracker


def understood_vr(tracker: PathTracker, element: Element) -> str:
    """Return the VR of ``element`` or, where that is UN, the one that a dictionary has for it.

    That may be UN still, or an alternative such as ``US or SS``. ``tracker`` has met the private creators.
    """
    tag, vr, _, _, _, depth = element
    if vr != "UN":
        return vr
    return (private_lookup(tracker.creator(tag, depth), tag) if is_private(tag) else lookup(tag))[0]
