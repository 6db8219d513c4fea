"""Elements and items as bytes: each header, padding, and what cannot be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.dictionary import Entries, Range, reset, use
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_BIG, IMPLICIT
from dcmtools.encoding.values import NUMBERS, TEXT_VRS
from dcmtools.encoding.writing import element, header, item, padded, padding
from tests.support.encoded import CODERS, EVB, EVL, IVL

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from tests.support.encoded import Coder


class Huge(bytes):
    """Bytes that say they are more than there are."""

    length: int

    def __len__(self) -> int:
        return self.length

    def __add__(self, other: Buffer) -> bytes:
        return huge(self.length + len(bytes(other)))


def huge(length: int) -> bytes:
    value = Huge()
    value.length = length
    return value


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
@pytest.mark.parametrize("vr", sorted(TEXT_VRS | NUMBERS.keys() | {"SQ"}))
def test_each_vr_is_as_it_is_read(coder: Coder, vr: str) -> None:
    tag = 0x00091001  # private: of any VR, where VRs are implicit
    assert element(tag, vr, b"12345678", coder.encoding) == coder.element(tag, vr, b"12345678")


def test_a_vr_to_come_has_a_long_header() -> None:
    assert element(0x00100010, "ZZ", b"12", EXPLICIT) == b"\x10\0\x10\0ZZ\0\0\2\0\0\x0012"


@pytest.mark.parametrize(
    ("vr", "raw", "even"),
    [
        ("PN", b"A", b"A "),
        ("UI", b"1", b"1\0"),
        ("OB", b"1", b"1\0"),
        ("UN", b"1", b"1\0"),
        ("LO", b"AB", b"AB"),
        ("OB", b"", b""),
    ],
)
def test_values_are_of_even_length(vr: str, raw: bytes, even: bytes) -> None:
    assert padded(vr, raw) == even
    assert raw + padding(vr, len(raw)) == even
    assert element(0x00091001, vr, raw, EXPLICIT) == EVL.element(0x00091001, vr, even)


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
def test_items(coder: Coder) -> None:
    body = coder.element(0x00080060, "CS", b"CT")
    assert item(body, coder.encoding) == coder.item(body)
    assert item(b"", coder.encoding) == coder.item()


def test_the_longest_of_a_short_header() -> None:
    longest = b"x" * 65534
    assert element(0x00100010, "PN", longest[1:], EXPLICIT_BIG) == EVB.element(
        0x00100010, "PN", longest[1:] + b" "
    )
    with pytest.raises(
        ValueError, match="65536 bytes are too many for VR PN, which holds at most 65534 where"
    ):
        element(0x00100010, "PN", longest + b"x", EXPLICIT)
    assert len(element(0x00100010, "PN", longest + b"x", IMPLICIT)) == 8 + 65536


def test_nothing_is_longer_than_4_gib() -> None:
    for encoding in (EXPLICIT, EXPLICIT_BIG, IMPLICIT):
        with pytest.raises(
            ValueError, match="4294967296 bytes are too many for VR OB, which holds at most 4 GiB"
        ):
            element(0x00091001, "OB", huge(1 << 32), encoding)
        with pytest.raises(ValueError, match="4294967296 bytes are too many for VR SQ"):
            item(huge(1 << 32), encoding)


def test_an_odd_length_is_never_the_undefined_one() -> None:
    with pytest.raises(ValueError, match="4294967296 bytes are too many"):
        element(0x00091001, "OB", huge(0xFFFFFFFF), EXPLICIT)


@pytest.mark.parametrize("vr", ["", "U", "us", "US or SS", "É1", "USS"])
def test_what_is_no_vr(vr: str) -> None:
    for encoding in (EXPLICIT, IMPLICIT):
        with pytest.raises(ValueError, match="is not a value representation"):
            header(0x00100010, vr, encoding)


@pytest.mark.parametrize(
    ("tag", "vr"),
    [(0x00100010, "US"), (0x00280010, "LO"), (0x00081140, "LO"), (0x00100010, "SQ"), (0x00280010, "UL")],
)
def test_where_vrs_are_implicit_the_dictionary_is_not_contradicted(tag: int, vr: str) -> None:
    with pytest.raises(ValueError, match=f"VR {vr} contradicts"):
        element(tag, vr, b"1234", IMPLICIT)
    assert element(tag, vr, b"1234", EXPLICIT) == EVL.element(tag, vr, b"1234")


@pytest.mark.parametrize(
    ("tag", "vr"),
    [(0x00100010, "LO"), (0x00280106, "SS"), (0x00280106, "US"), (0x7FE00010, "OB"), (0x00100010, "UN")],
)
def test_vrs_that_read_alike_are_one_where_they_are_implicit(tag: int, vr: str) -> None:
    assert element(tag, vr, b"1234", IMPLICIT) == IVL.element(tag, vr, b"1234")


def test_another_dictionary_is_another_header() -> None:
    header(0x00100010, "PN", IMPLICIT)
    extra = Entries()
    extra.add(Range(range(0x10, 0x11), range(0x10, 0x11), "", ("US", "1", "Other")))
    use(extra=extra)
    try:
        with pytest.raises(ValueError, match="VR PN contradicts US"):
            header(0x00100010, "PN", IMPLICIT)
    finally:
        reset()
    assert header(0x00100010, "PN", IMPLICIT) == (b"\x10\0\x10\0", 4)
