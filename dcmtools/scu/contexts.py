"""Which presentation contexts to propose for a set of instances, and which to send each of them on.

See PS3.4 B.3, PS3.5 10.1 and PS3.8 9.3.2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from dcmtools.encoding.syntax import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    NATIVE,
    is_deflated,
    is_lossy,
)
from dcmtools.encoding.uids import uid_name
from dcmtools.errors import InputError, PeerFailure
from dcmtools.net.presentation import MAX_CONTEXTS, PresentationContext

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Protocol, TypeAlias

    from dcmtools.files.instance import Instance
    from dcmtools.net.association import Association
    from dcmtools.net.negotiated import Context
    from dcmtools.scu.storing import StoreOptions, Transcode

    Pair: TypeAlias = tuple[str, tuple[str, ...]]

    class Encoded(Protocol):
        """What is of a SOP class and in a transfer syntax: an instance, or a kind of them."""

        @property
        def sop_class_uid(self) -> str: ...  # noqa: D102  its name says it

        @property
        def transfer_syntax_uid(self) -> str: ...  # noqa: D102  the same


E = TypeVar("E", bound="Encoded")

# What data sets can be put into, the better one first.
_TARGETS: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
_COMPRESSION: Final = "1.2.840.10008.1.2.4."
# And where the peer takes neither of these: the ones that are known best first.
_LOSSLESS: Final = (
    *(_COMPRESSION + last for last in ("70", "90", "80")),
    "1.2.840.10008.1.2.5",
    *(_COMPRESSION + last for last in ("201", "202")),
)
_LOSSY: Final = tuple(_COMPRESSION + last for last in ("91", "51", "50"))


def batches(
    instances: Sequence[E], transcode: Transcode = "never"
) -> Iterator[tuple[list[PresentationContext], list[E]]]:
    """Divide ``instances`` over associations of at most 128 contexts each; yield contexts and instances.

    Each SOP class and transfer syntax that is there makes a context, and each SOP class that is not there
    in lossy form only makes one with Implicit VR Little Endian, in every association that proposes the
    class (PS3.5 10.1). Where ``transcode`` lets data sets go in another transfer syntax, both native ones are
    proposed for their classes, and of images the compressed ones, too, where that may be ``any``. The order
    of the instances is kept within an association.
    """
    for pairs in _divided(_groups(instances, transcode)):
        yield _proposals(pairs), [each for each in instances if _pair(each) in pairs]
        instances = [each for each in instances if _pair(each) not in pairs]


def _pair(instance: Encoded) -> Pair:
    return instance.sop_class_uid, (instance.transfer_syntax_uid,)


def _groups(instances: Iterable[Encoded], transcode: Transcode) -> Iterator[dict[Pair, None]]:
    """Yield what has to stand in one association: the pairs of one SOP class, as far as they fit in one."""
    syntaxes: dict[str, dict[str, None]] = {}
    for instance in instances:
        syntaxes.setdefault(instance.sop_class_uid, {})[instance.transfer_syntax_uid] = None
    for sop_class, found in syntaxes.items():
        beside = _beside(sop_class, found, transcode)
        encoded = [(syntax,) for syntax in found if (syntax,) not in beside]
        step = MAX_CONTEXTS - len(beside)
        for start in range(0, len(encoded) or 1, step):
            yield dict.fromkeys((sop_class, each) for each in (*encoded[start : start + step], *beside))


def _beside(sop_class: str, found: Iterable[str], transcode: Transcode) -> list[tuple[str, ...]]:
    """Return the transfer syntaxes of each context that is proposed beside those that are ``found``."""
    if transcode == "never" or not any(map(_is_transcodable, found)):
        return [] if all(map(is_lossy, found)) else [(IMPLICIT_VR_LITTLE_ENDIAN,)]
    native: list[tuple[str, ...]] = [(each,) for each in _TARGETS]
    if transcode == "lossless" or "Image" not in uid_name(sop_class):
        return native
    # All that is lossless has room for the same, so that the peer may choose; what is lossy has not.
    return [*native, _LOSSLESS, *((each,) for each in _LOSSY)]


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


def agreed(association: Association, instance: Instance, options: StoreOptions) -> Context:
    """Return the context to send ``instance`` on: in its own transfer syntax, or in another if that may be.

    Raises PeerFailure where the peer has accepted none, InputError where ``options`` allow none.
    """
    sop_class, syntax = instance.sop_class_uid, instance.transfer_syntax_uid
    exact = (syntax,) if not (options.changes and is_deflated(syntax)) else ()
    others = _TARGETS if options.transcode != "never" and _is_transcodable(syntax) else ()
    wanted = tuple(dict.fromkeys((*exact, *others)))
    if not wanted:
        raise InputError(
            "--set puts what is deflated in another transfer syntax, and --transcode never forbids that"
        )
    compressed = (*_LOSSLESS, *(_LOSSY if options.transcode == "any" else ())) if others else ()
    for each in (*wanted, *compressed):
        context = association.context_for(sop_class, each)
        if context is not None:
            return context
    names = _one_of([uid_name(each) for each in wanted])
    refusal = association.refusal(sop_class, wanted[0])
    raise PeerFailure(f"the peer accepts no {uid_name(sop_class)} in {names}: {refusal}")


def is_native(syntax: str) -> bool:
    """Tell whether data sets in ``syntax`` are not compressed, but perhaps deflated as a whole."""
    return syntax in NATIVE or syntax == DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN


def _is_transcodable(syntax: str) -> bool:
    """Tell whether data sets in ``syntax`` can be put into another one: not video, nor what is unknown."""
    if is_native(syntax):
        return True
    from dcmtools.codecs.registry import codec_of

    codec = codec_of(syntax)
    return codec is not None and codec.module != ""


def _one_of(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _proposals(pairs: Iterable[Pair]) -> list[PresentationContext]:
    return [
        PresentationContext(2 * index + 1, sop_class, syntaxes)
        for index, (sop_class, syntaxes) in enumerate(pairs)
    ]
