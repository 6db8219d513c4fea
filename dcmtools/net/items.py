"""The items that PDUs consist of, and the fields of items (PS3.8 9.3.1, PS3.7 Annex D.3.3).

An item is a type byte, a reserved byte, a length of two bytes and the value. UIDs and names come from a peer:
they are data, decoded as Latin-1, trailing NULs and spaces left out, so that encoding them again gives the
same characters back.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from dcmtools.errors import AssociationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ITEM_HEADER: Final = Struct(">BxH")
_LENGTH: Final = Struct(">H")


class UnrecognizedPdu(AssociationError):
    """What came is of no type of PDU that there is."""


class PduError(ValueError):
    """The body of a PDU contradicts PS3.8, at ``offset`` bytes after the PDU's header."""

    def __init__(self, message: str, offset: int) -> None:
        """Prefix ``message`` with the ``offset`` where the fault stands."""
        super().__init__(f"offset {offset}: {message}")
        self.offset = offset


def item(item_type: int, value: bytes) -> bytes:
    """Return one item; ``ValueError`` where ``value`` does not fit its two bytes of length."""
    if len(value) > 0xFFFF:
        raise ValueError(f"item {item_type:02X}H: {len(value)} bytes, at most 65535 fit")
    return _ITEM_HEADER.pack(item_type, len(value)) + value


def items(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield type, start and end of the value of each item between ``start`` and ``end``.

    Raises ``PduError`` where an item does not fit in.
    """
    while start < end:
        if end - start < 4:
            raise PduError(f"an item header takes 4 bytes, {end - start} are left", start)
        item_type, length = _ITEM_HEADER.unpack_from(data, start)
        stop = start + 4 + length
        if stop > end:
            raise PduError(f"item {item_type:02X}H of {length} bytes, {end - start - 4} are left", start)
        yield item_type, start + 4, stop
        start = stop


def uid_text(value: bytes) -> str:
    """Return a UID as text: Latin-1, trailing NULs and spaces left out."""
    return value.decode("latin-1").rstrip("\0 ")


def field(value: bytes) -> bytes:
    """Return a field: two bytes of length and the value."""
    if len(value) > 0xFFFF:
        raise ValueError(f"a field of {len(value)} bytes, at most 65535 fit")
    return _LENGTH.pack(len(value)) + value


def field_at(data: bytes, start: int, end: int, name: str) -> tuple[bytes, int]:
    """Return the value of a field with two bytes of length, and where the next one starts."""
    if end - start < 2:
        raise PduError(f"{name}: its length takes 2 bytes, {end - start} are left", start)
    stop = start + 2 + int(_LENGTH.unpack_from(data, start)[0])
    if stop > end:
        raise PduError(f"{name} of {stop - start - 2} bytes, {end - start - 2} are left", start)
    return data[start + 2 : stop], stop


def expect_length(name: str, length: int, start: int, end: int) -> None:
    """Raise ``PduError`` unless ``length`` bytes stand between ``start`` and ``end``."""
    if end - start != length:
        raise PduError(f"{name} takes {length} bytes, not {end - start}", start)
