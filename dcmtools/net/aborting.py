"""Ends of an association that nobody agreed on (PS3.8 7.3 and 9.3.8)."""

from __future__ import annotations

from typing import Final

from dcmtools.errors import AssociationError
from dcmtools.net import pdu

PROVIDER: Final = 2
UNEXPECTED_PDU: Final = 2
INVALID_PARAMETER: Final = 6


def aborted(abort: pdu.Abort, step: str) -> AssociationError:
    """Return the error for an A-ABORT that came in during ``step`` (PS3.8 9.3.8)."""
    words = pdu.abort_text(abort.source, abort.reason)
    return AssociationError(f"the peer aborted the association: {words}", step=step, transient=True)
