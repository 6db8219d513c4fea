"""What a data set says of its having been de-identified (PS3.15 E.1, PS3.3 C.12.1.1, PS3.16 CID 7050)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools import __version__
from dcmtools.deidentification.profile import BASIC
from dcmtools.encoding.dataset import encode, made
from dcmtools.encoding.writing import element, item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.deidentification.profile import CodedConcept
    from dcmtools.encoding.syntax import Encoding

REMOVED: Final = 0x00120062
METHOD: Final = 0x00120063
CODES: Final = 0x00120064
DATES: Final = 0x00280303
SAID: Final = frozenset({REMOVED, METHOD, CODES, DATES})
"""What is said of de-identification, whatever was said before."""
_LONGEST: Final = 64  # characters of VR LO


def method_text(profile: str, edition: str, departures: Sequence[str] = ()) -> str:
    """Return what Deidentification Method says of us: one value of VR LO.

    Where there are ``departures``, what is kept although the Basic Profile protects it, it is not that.
    """
    if departures and profile == BASIC:
        profile = f"but for {', '.join(departures)}"
    name = "".join(
        [each if each.isascii() and each.isprintable() and each != "\\" else "_" for each in profile]
    )
    return f"dcmtools {__version__}: PS3.15 {edition}, {name}"[:_LONGEST].rstrip()


def removed(said: str, encoding: Encoding) -> bytes:
    """Return Patient Identity Removed: YES or NO."""
    return element(REMOVED, "CS", said.encode("ascii"), encoding)


def method(old: bytes, text: str, encoding: Encoding) -> bytes:
    """Return Deidentification Method: the value ``old``, and ``text`` unless it says that already."""
    values = [each.strip(b" ") for each in old.rstrip(b" \0").split(b"\\") if each.strip(b" ")]
    new = text.encode("ascii")
    return element(METHOD, "LO", b"\\".join(values if new in values else [*values, new]), encoding)


def code_item(code: CodedConcept, encoding: Encoding) -> bytes:
    """Return the item for ``code`` of Deidentification Method Code Sequence."""
    coded = made(CodeValue=code.value, CodingSchemeDesignator=code.scheme, CodeMeaning=code.meaning)
    return item(encode(coded, encoding), encoding)


def codes(items: bytes, encoding: Encoding) -> bytes:
    """Return Deidentification Method Code Sequence with ``items``."""
    return element(CODES, "SQ", items, encoding)


def dates(modified: str, encoding: Encoding) -> bytes:
    """Return Longitudinal Temporal Information Modified: REMOVED, MODIFIED or UNMODIFIED."""
    return element(DATES, "CS", modified.encode("ascii"), encoding)
