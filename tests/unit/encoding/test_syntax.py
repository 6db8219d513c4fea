"""What a transfer syntax says of the encoding (PS3.5 Annex A, PS3.6 Annex A)."""

from __future__ import annotations

import pytest
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

from dcmtools.encoding.syntax import (
    EXPLICIT,
    EXPLICIT_BIG,
    IMPLICIT,
    encoding_of,
    is_deflated,
    is_lossy,
)

IMAGE = "1.2.840.10008.1.2.4."
SYNTAXES = sorted(uid for uid, entry in UID_dictionary.items() if entry[1] == "Transfer Syntax")
PAPYRUS, GE = "1.2.840.10008.1.20", "1.2.840.113619.5.2"


@pytest.mark.parametrize("uid", SYNTAXES)
def test_every_syntax_of_ps36(uid: str) -> None:
    syntax = UID(uid)
    if syntax.is_implicit_VR or uid == PAPYRUS:
        assert encoding_of(uid) is IMPLICIT
    else:
        assert encoding_of(uid) is (EXPLICIT if syntax.is_little_endian else EXPLICIT_BIG)
    name = UID_dictionary[uid][0]
    # Deflated Image Frame Compression deflates frames, not the data set.
    assert is_deflated(uid) == ("Deflate" in name and "Frame" not in name)


@pytest.mark.parametrize("uid", ["", "1.2.3", "1.2.840.10008.1.2.4.999", "rubbish"])
def test_every_other_syntax_is_explicit_little_endian(uid: str) -> None:
    """PS3.5 A.4: and so will be those to come."""
    assert encoding_of(uid) is EXPLICIT
    assert not is_deflated(uid)
    assert not is_lossy(uid)


def test_the_private_syntax_that_is_implicit() -> None:
    assert encoding_of(GE) is IMPLICIT


@pytest.mark.parametrize("uid", SYNTAXES)
def test_which_syntaxes_lose_information(uid: str) -> None:
    """PS3.5 A.4: JPIP refers to pixel data elsewhere, which is no original either."""
    name = UID_dictionary[uid][0]
    lossless = not uid.startswith(IMAGE) or ("Lossless" in name and "Lossy" not in name)
    assert is_lossy(uid) == (not lossless)


def test_byte_orders_and_header_widths() -> None:
    """PS3.5 7.3."""
    assert [(e.order, e.big, e.explicit, e.width) for e in (IMPLICIT, EXPLICIT, EXPLICIT_BIG)] == [
        ("<", False, False, 4),
        ("<", False, True, 6),
        (">", True, True, 6),
    ]
    assert EXPLICIT.u16(b"\1\2")[0] == 0x0201
    assert EXPLICIT_BIG.u32(b"\1\2\3\4")[0] == 0x01020304
