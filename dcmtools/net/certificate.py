"""What a certificate says of itself: until when, and for whom (X.509 in DER, RFC 5280 4.1).

For messages only. ``ssl`` decides what is trusted, and decodes no certificate that is not.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_NAMES: Final = 8
_VERSION: Final = 0xA0
_EXTENSIONS: Final = 0xA3
_UTC_TIME: Final = 0x17
_DNS_NAME: Final = 0x82
_IP_ADDRESS: Final = 0x87
_SUBJECT_ALT_NAME: Final = b"\x55\x1d\x11"


class Certificate(NamedTuple):
    """From when to when a certificate is valid, and the first of the hosts that it names."""

    not_before: str
    not_after: str
    names: tuple[str, ...]


def read_certificate(der: bytes) -> Certificate | None:
    """Return what ``der`` says, None where it is no certificate."""
    try:
        signed = _first(_first(der))
        fields = [field for field in _values(signed) if field[0] != _VERSION]
        # The serial number, the algorithm and the issuer stand before.
        not_before, not_after = [_time(tag, value) for tag, value in _values(fields[3][1])]
        names = [name for tag, value in fields if tag == _EXTENSIONS for name in _names(value)]
    except (ValueError, IndexError):
        return None
    return Certificate(not_before, not_after, tuple(names[:_MAX_NAMES]))


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and contents of each value in ``data``; ValueError where one does not fit in."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if length > len(data) - at:
            raise ValueError("a value that goes on behind its end")
        yield tag, data[at : at + length]
        at += length


def _first(data: bytes) -> bytes:
    for _, contents in _values(data):
        return contents
    raise ValueError("nothing where a value should stand")


def _time(tag: int, value: bytes) -> str:
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text >= "5" else "20") + text
    return f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]} UTC"


def _names(extensions: bytes) -> Iterator[str]:
    for _, extension in _values(_first(extensions)):
        parts = list(_values(extension))
        if parts[0][1] == _SUBJECT_ALT_NAME:
            for tag, value in _values(_first(parts[-1][1])):
                if tag == _DNS_NAME:
                    yield value.decode("ascii")
                elif tag == _IP_ADDRESS:
                    yield str(ip_address(value))
