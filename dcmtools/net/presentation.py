"""Presentation contexts, as proposed and as answered: types and bytes (PS3.8 9.3.2.2 and 9.3.3.2)."""

from __future__ import annotations

from typing import Final, NamedTuple

from dcmtools.net.items import PduError, item, items, uid_text

# Their IDs are the odd numbers of a byte.
MAX_CONTEXTS: Final = 128

ACCEPTANCE: Final = 0
USER_REJECTION: Final = 1
NO_REASON: Final = 2
ABSTRACT_SYNTAX_NOT_SUPPORTED: Final = 3
TRANSFER_SYNTAXES_NOT_SUPPORTED: Final = 4

_ABSTRACT_SYNTAX: Final = 0x30
_TRANSFER_SYNTAX: Final = 0x40


class PresentationContext(NamedTuple):
    """A presentation context as proposed (PS3.8 9.3.2.2); its ID is odd."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


class ContextResult(NamedTuple):
    """The answer to a presentation context (PS3.8 9.3.3.2).

    ``transfer_syntax`` means something where ``result`` is ``ACCEPTANCE`` only; it is whatever the peer
    sent, proposed or not, and empty where it sent none.
    """

    context_id: int
    result: int
    transfer_syntax: str


def proposal_value(context: PresentationContext) -> bytes:
    """Return the value of a Presentation Context Item of an A-ASSOCIATE-RQ."""
    parts = [bytes((context.context_id, 0, 0, 0))]
    parts.append(item(_ABSTRACT_SYNTAX, context.abstract_syntax.encode("latin-1")))
    parts += [item(_TRANSFER_SYNTAX, uid.encode("latin-1")) for uid in context.transfer_syntaxes]
    return b"".join(parts)


def result_value(context: ContextResult) -> bytes:
    """Return the value of a Presentation Context Item of an A-ASSOCIATE-AC."""
    transfer_syntax = item(_TRANSFER_SYNTAX, context.transfer_syntax.encode("latin-1"))
    return bytes((context.context_id, 0, context.result, 0)) + transfer_syntax


def context_id(data: bytes, start: int, end: int) -> int:
    """Return the ID that a Presentation Context Item begins with; ``PduError`` where there is none."""
    if end - start < 4:
        raise PduError(f"a presentation context takes at least 4 bytes, not {end - start}", start)
    if not data[start] & 1:
        raise PduError(f"presentation context {data[start]}: its ID is not odd", start)
    return data[start]


def proposal(data: bytes, start: int, end: int) -> PresentationContext:
    """Return the presentation context whose item has its value between ``start`` and ``end``."""
    abstract_syntax = ""
    transfer_syntaxes = []
    for item_type, first, last in items(data, start + 4, end):
        if item_type == _ABSTRACT_SYNTAX:
            abstract_syntax = uid_text(data[first:last])
        elif item_type == _TRANSFER_SYNTAX:
            transfer_syntaxes.append(uid_text(data[first:last]))
    return PresentationContext(data[start], abstract_syntax, tuple(transfer_syntaxes))


def result(data: bytes, start: int, end: int) -> ContextResult:
    """Return the answer whose item has its value between ``start`` and ``end``."""
    transfer_syntax = ""
    for item_type, first, last in items(data, start + 4, end):
        if item_type == _TRANSFER_SYNTAX:
            transfer_syntax = uid_text(data[first:last])
    return ContextResult(data[start], data[start + 2], transfer_syntax)
