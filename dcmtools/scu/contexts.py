"""Which presentation contexts to propose for a set of instances (PS3.4 B.3, PS3.5 10.1, PS3.8 9.3.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.encoding.syntax import IMPLICIT_VR_LITTLE_ENDIAN, is_lossy
from dcmtools.net.association import MAX_CONTEXTS
from dcmtools.net.pdu import PresentationContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    from dcmtools.files.instance import Instance

    Pair: TypeAlias = tuple[str, str]


def batches(instances: Sequence[Instance]) -> Iterator[tuple[list[PresentationContext], list[Instance]]]:
    """Divide ``instances`` over associations of at most 128 contexts each; yield contexts and instances.

    Each SOP class and transfer syntax that is there makes a context, and each SOP class that is not there
    in lossy form only makes one with Implicit VR Little Endian, in every association that proposes the
    class (PS3.5 10.1). The order of the instances is kept within an association.
    """
    for pairs in _divided(_groups(instances)):
        yield _proposals(pairs), [each for each in instances if _pair(each) in pairs]
        instances = [each for each in instances if _pair(each) not in pairs]


def _pair(instance: Instance) -> Pair:
    return instance.sop_class_uid, instance.transfer_syntax_uid


def _groups(instances: Iterable[Instance]) -> Iterator[dict[Pair, None]]:
    """Yield what has to stand in one association: the pairs of one SOP class, as far as they fit in one."""
    syntaxes: dict[str, dict[str, None]] = {}
    for instance in instances:
        syntaxes.setdefault(instance.sop_class_uid, {})[instance.transfer_syntax_uid] = None
    for sop_class, found in syntaxes.items():
        default = [] if all(map(is_lossy, found)) else [IMPLICIT_VR_LITTLE_ENDIAN]
        encoded = [syntax for syntax in found if syntax not in default]
        step = MAX_CONTEXTS - len(default)
        for start in range(0, len(encoded) or 1, step):
            yield dict.fromkeys((sop_class, each) for each in (*encoded[start : start + step], *default))


def _divided(groups: Iterable[dict[Pair, None]]) -> Iterator[dict[Pair, None]]:
    """Put the groups together, as many as fit in one association."""
    pairs: dict[Pair, None] = {}
    for group in groups:
        if len(pairs) + len(group) > MAX_CONTEXTS:
            yield pairs
            pairs = {}
        pairs |= group
    if pairs:
        yield pairs


def _proposals(pairs: Iterable[Pair]) -> list[PresentationContext]:
    return [
        PresentationContext(2 * index + 1, sop_class, (syntax,))
        for index, (sop_class, syntax) in enumerate(pairs)
    ]
