"""What a data set says of its having been de-identified (PS3.15 E.1, PS3.3 C.12.1.1, PS3.16 CID 7050)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools import __version__
from dcmtools.data.deidentification_profile import EDITION
from dcmtools.deidentification.profile import BASIC, METHODS
from dcmtools.encoding.dataset import encode, made
from dcmtools.encoding.writing import element, item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.deidentification.profile import CodedConcept, Profile
    from dcmtools.encoding.syntax import Encoding

REMOVED: Final = 0x00120062
METHOD: Final = 0x00120063
CODES: Final = 0x00120064
DATES: Final = 0x00280303
SAID: Final = frozenset({REMOVED, METHOD, CODES, DATES})
"""What is said of de-identification, whatever was said before."""
_CODE_MEANING: Final = 0x00080104
_LONGEST: Final = 64  # characters of VR LO


def method_texts(profile: str, edition: str, departures: Sequence[str] = ()) -> list[str]:
    """Return what Deidentification Method says of us: values of VR LO.

    Where there are ``departures``, what is kept although the Basic Profile protects it, it is not that; each
    has a value of its own.
    """
    if departures and profile == BASIC:
        profile = "but for what follows"
    return [_text(f"dcmtools {__version__}: PS3.15 {edition}, {profile}"), *map(_text, departures)]


def said_by(profile: Profile) -> list[str]:
    """Return what Deidentification Method says of ``profile``: values of VR LO."""
    return method_texts(profile.name, EDITION, profile.departures())


def stated(profile: Profile) -> frozenset[tuple[int, str]]:
    """Return tags and texts of what is said of us, in which words of names may stand."""
    meanings = [(_CODE_MEANING, code.meaning) for code in METHODS.values()]
    return frozenset([*meanings, *((METHOD, text) for text in said_by(profile))])


def _text(said: str) -> str:
    """Return ``said`` as one value of VR LO."""
    text = "".join([each if each.isascii() and each.isprintable() and each != "\\" else "_" for each in said])
    return text[:_LONGEST].strip()


def removed(said: str, encoding: Encoding) -> bytes:
    """Return Patient Identity Removed: YES or NO."""
    return element(REMOVED, "CS", said.encode("ascii"), encoding)


def method(old: bytes, texts: Sequence[str], encoding: Encoding) -> bytes:
    """Return Deidentification Method: the value ``old``, and ``texts`` unless it says that already."""
    values = [each.strip(b" ") for each in old.rstrip(b" \0").split(b"\\") if each.strip(b" ")]
    new = [text.encode("ascii") for text in texts]
    said = any(values[at : at + len(new)] == new for at in range(len(values)))
    return element(METHOD, "LO", b"\\".join(values if said else [*values, *new]), encoding)


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
