"""What the bytes of a value mean under each VR (PS3.5 6.2)."""

from __future__ import annotations

import math
from struct import pack

import pytest

from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.values import effective_vr, numbers, show_length, show_number, swapped, texts

LATIN = decoder_of(b"ISO_IR 100")

INTEGERS = [
    ("US", "H", [0, 1, 65535]),
    ("SS", "h", [-32768, -1, 32767]),
    ("UL", "L", [0, 4294967295]),
    ("SL", "l", [-2147483648, 2147483647]),
    ("UV", "Q", [0, 2**64 - 1]),
    ("SV", "q", [-(2**63), 2**63 - 1]),
    ("OB", "B", [0, 255]),
    ("UN", "B", [0, 255]),
    ("OW", "H", [1, 65535]),
    ("OL", "L", [1, 4294967295]),
    ("OV", "Q", [1, 2**64 - 1]),
    ("FL", "f", [1.5, -0.25]),
    ("OF", "f", [1.5, -0.25]),
    ("FD", "d", [0.1, -1e300]),
    ("OD", "d", [0.1, -1e300]),
]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("vr", "code", "values"), INTEGERS, ids=[row[0] for row in INTEGERS])
def test_numbers_in_either_byte_order(vr: str, code: str, values: list[float], order: str) -> None:
    """PS3.5 table 6.2-1 and 7.3."""
    raw = pack(f"{order}{len(values)}{code}", *values)
    assert numbers(vr, raw, order) == values
    if len(raw) > len(values):  # a remainder is no number
        assert numbers(vr, raw + b"\1", order) == values


@pytest.mark.parametrize(
    ("order", "raw"), [("<", b"\x10\0\x20\0\x28\0\x10\0"), (">", b"\0\x10\0\x20\0\x28\0\x10")]
)
def test_an_at_is_a_group_and_an_element(order: str, raw: bytes) -> None:
    """PS3.5 7.3: a pair of 16-bit numbers, each in its byte order."""
    assert numbers("AT", raw, order) == [0x00100020, 0x00280010]
    assert numbers("AT", raw[:7], order) == [0x00100020]


@pytest.mark.parametrize(
    ("vr", "raw", "values"),
    [
        ("AE", b" STORE SCP ", ["STORE SCP"]),
        ("CS", b"ORIGINAL\\PRIMARY ", ["ORIGINAL", "PRIMARY"]),
        ("DS", b" 1.5\\-2 \\", ["1.5", "-2", ""]),
        ("IS", b"12", ["12"]),
        ("LO", b"  A \\ B ", ["A", "B"]),
        ("LO", b"M\xfcller", ["Müller"]),
        ("SH", b"", []),
        ("SH", b"   ", []),
        ("SH", b"\\", ["", ""]),
        ("PN", b"Doe^Jane ", ["Doe^Jane"]),
        ("UI", b"1.2.3\0", ["1.2.3"]),
        ("UI", b"1.2\0\\1.3\0", ["1.2", "1.3"]),
        ("UC", b" A \\ B ", [" A", " B"]),
        ("LT", b"  a\\b ", ["  a\\b"]),
        ("ST", b" x\r\ny ", [" x\r\ny"]),
        ("UT", b"\\ ", ["\\"]),
        ("UR", b"http://a/b\\c ", ["http://a/b\\c"]),
        ("DA", b"20240229", ["20240229"]),
        ("AS", b"042Y", ["042Y"]),
        ("CS", b"M\xfc", ["Mü"]),  # not ASCII against PS3.5: shown as what it probably is
    ],
)
def test_texts_lose_their_padding_only(vr: str, raw: bytes, values: list[str]) -> None:
    """PS3.5 table 6.2-1: where spaces are significant and where a backslash delimits."""
    assert texts(vr, raw, LATIN) == values


@pytest.mark.parametrize(
    ("tag", "vr", "shown"),
    [
        (0x00100010, "UN", "PN"),
        (0x00100010, "LO", "LO"),
        (0x00280010, "UN", "US"),
        (0x00280106, "UN", "UN"),  # US or SS
        (0x00081140, "UN", "UN"),  # SQ
        (0x00091001, "UN", "UN"),
        (0x00100010, "ZZ", "UN"),
        (0x00081140, "SQ", "SQ"),
        (0x7FE00010, "OB", "OB"),
    ],
)
def test_a_value_is_understood_by_its_vr_or_by_ps36(tag: int, vr: str, shown: str) -> None:
    """PS3.5 6.2.2."""
    assert effective_vr(tag, vr) == shown


@pytest.mark.parametrize(
    ("vr", "value", "text"),
    [
        ("US", 12, "12"),
        ("AT", 0x00100020, "(0010,0020)"),
        ("FD", 0.1, "0.1"),
        ("FL", 0.1, "0.1"),
        ("FL", 16777216.0, "16777216"),
        ("FL", 3.4028234663852886e38, "3.40282347e+38"),
        ("FL", 1e-45, "1e-45"),
        ("FL", math.inf, "inf"),
        ("FL", math.nan, "nan"),
    ],
)
def test_a_number_as_text(vr: str, value: float, text: str) -> None:
    assert show_number(vr, value) == text
    if vr == "FL" and math.isfinite(value):  # no digit too few
        assert pack("<f", float(text)) == pack("<f", value)


def test_a_length_as_text() -> None:
    assert show_length(12) == "12"
    assert show_length(UNDEFINED) == "u/l"


def test_swapped_twice_is_as_before() -> None:
    value = bytes(range(240))
    for vr in ("AT", "US", "OW", "UL", "FL", "FD", "UV", "UN", "UT"):
        assert swapped(vr, swapped(vr, value)) == value


@pytest.mark.parametrize(
    ("vr", "message"), [("AT", "3 bytes are no whole number"), ("ZZ", "byte order of VR ZZ")]
)
def test_what_has_no_other_byte_order(vr: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        swapped(vr, b"123")
