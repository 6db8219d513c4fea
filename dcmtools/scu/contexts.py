"""Which presentation contexts to propose for a set of instances (PS3.4 B.3, PS3.5 10.1, PS3.8 9.3.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.encoding.syntax import IMPLICIT_VR_LITTLE_ENDIAN, is_lossy
from dcmtools.net.association import MAX_CONTEXTS
from dcmtools.net.pdu import PresentationContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dcmtools.files.instance import Instance


def batches(instances: Sequence[Instance]) -> Iterator[tuple[list[PresentationContext], list[Instance]]]:
    """Divide ``instances`` over associations of at most 128 contexts each; yield contexts and instances.

    Each SOP class and transfer syntax that is there makes a context, and each SOP class that is not there
    in lossy form only makes one with Implicit VR Little Endian (PS3.5 10.1). The order of the instances
    is kept within an association.
    """
    syntaxes: dict[str, dict[str, None]] = {}
    for instance in instances:
        syntaxes.setdefault(instance.sop_class_uid, {})[instance.transfer_syntax_uid] = None
    for found in syntaxes.values():
        if not all(map(is_lossy, found)):
            found[IMPLICIT_VR_LITTLE_ENDIAN] = None
    pairs = [(sop_class, syntax) for sop_class, found in syntaxes.items() for syntax in found]
    for start in range(0, len(pairs), MAX_CONTEXTS):
        batch = dict.fromkeys(pairs[start : start + MAX_CONTEXTS])
        members = [each for each in instances if (each.sop_class_uid, each.transfer_syntax_uid) in batch]
        if members:
            yield _proposals(batch), members


def _proposals(pairs: Iterable[tuple[str, str]]) -> list[PresentationContext]:
    return [
        PresentationContext(2 * index + 1, sop_class, (syntax,))
        for index, (sop_class, syntax) in enumerate(pairs)
    ]
