"""P-DATA-TF, which carries every byte of every message; no fragment is ever copied (PS3.8 9.3.5, Annex E)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from dcmtools.net.items import PduError

P_DATA_TF: Final = 0x04

# The bits of a message control header (PS3.8 E.2).
COMMAND: Final = 0x01
LAST: Final = 0x02

_HEADERS: Final = Struct(">BxIIBB")
_VALUE: Final = Struct(">IBB")


def data_values(body: memoryview) -> list[tuple[int, int, memoryview]]:
    """Return context ID, message control header and fragment of each PDV of a P-DATA-TF.

    The fragments are views of ``body``. ``COMMAND`` and ``LAST`` are the bits of the control header. Raises
    ``PduError`` where a PDV does not fit in, and where there is none.
    """
    values = []
    start, end = 0, len(body)
    while end - start >= 6:
        length, context_id, control = _VALUE.unpack_from(body, start)
        stop = start + 4 + length
        if length < 2 or stop > end:
            raise PduError(f"a PDV of {length} bytes, {end - start - 4} are left", start)
        values.append((context_id, control, body[start + 6 : stop]))
        start = stop
    if start != end or not values:
        raise PduError(f"a PDV takes at least 6 bytes, {end - start} are left", start)
    return values


def data_header(context_id: int, control: int, length: int) -> bytes:
    """Return the 12 bytes that precede a fragment of ``length`` bytes: P-DATA-TF and PDV header."""
    return _HEADERS.pack(P_DATA_TF, length + 6, length + 2, context_id, control)
