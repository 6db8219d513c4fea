"""The safety net: by VR, text stays, names and dates do not, and nothing that nobody can look into."""

from __future__ import annotations

import pytest

from dcmtools.data.deidentification_profile import ROWS
from dcmtools.data.elements import GROUPS
from dcmtools.deidentification.unlisted import is_harmless_bulk, unlisted_code
from dcmtools.encoding.dictionary import lookup


@pytest.mark.parametrize(
    ("tag", "vr", "code"),
    [
        (0x00280010, "US", "K"),
        (0x00081090, "LO", "K"),
        (0x00082218, "SQ", "K"),
        (0x0040A067, "PN", "Z"),
        (0x00080416, "DT", "Z"),
        (0x00080016, "UI", "K"),
        (0x00209312, "UI", "U"),
        (0x00081190, "UR", "X"),
        (0x00080120, "UR", "K"),
        (0x7FE00010, "OW", "K"),
        (0x54001010, "OB", "K"),
        (0x00282000, "OB", "K"),
        (0x00281201, "OW", "K"),
        (0x00660016, "OF", "K"),
        (0x04000520, "OB", "X"),
        (0x00720069, "OW", "X"),
        (0x00686300, "OB", "X"),
        (0x00081090, "OB", "X"),
        (0x00081090, "UN", "X"),
        (0x00100001, "LO", "X"),  # nobody knows it
        (0x00109431, "LO", "X"),  # PS3.6 has numbers there
        (0x00082218, "UN", "X"),  # no sequence, though it should be one
        (0x00081090, "ZZ", "X"),
    ],
)
def test_codes(tag: int, vr: str, code: str) -> None:
    assert unlisted_code(tag, vr) == code


def test_every_tag_of_bytes_has_been_thought_of() -> None:
    """Whoever adds a tag of bytes to the dictionary decides on it here."""
    bytes_kept = [
        f"{tag:08x}"
        for group, rows in GROUPS.items()
        for row in rows.splitlines()
        if "OB" in lookup(tag := group << 16 | int(row[:4], 16))[0]
        and tag not in ROWS
        and is_harmless_bulk(tag)
    ]
    assert len(bytes_kept) == 13
    assert not is_harmless_bulk(0x00420011)
