"""Elements and their headers in the three encodings (PS3.5 7.1)."""

from __future__ import annotations

import pytest

from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.encoding.walker import Walker
from tests.support.encoded import CODERS, EVB, EVL, IVL, LONG_HEADERS, SHORT_HEADERS, Coder

NAME, ROWS, PIXELS = 0x00100010, 0x00280010, 0x7FE00010
each_coder = pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)


@each_coder
def test_an_element_is_tag_vr_offsets_length_and_depth(coder: Coder) -> None:
    """PS3.5 7.1: tag, VR where explicit, length, value."""
    data = coder.element(NAME, "PN", b"Doe^Jane") + coder.element(ROWS, "US", coder.number("H", 512))
    walker = coder.walker(data)
    assert list(walker) == [(NAME, "PN", 0, 8, 8, 0), (ROWS, "US", 16, 24, 2, 0)]
    assert walker.value(8, 8) == b"Doe^Jane"
    assert walker.position == len(data)


@pytest.mark.parametrize("vr", sorted(SHORT_HEADERS | LONG_HEADERS - {"SQ"}))
@pytest.mark.parametrize("coder", [EVL, EVB], ids=["little", "big"])
def test_each_vr_has_a_16_or_a_32_bit_length(coder: Coder, vr: str) -> None:
    """PS3.5 7.1.2, tables 7.1-1 and 7.1-2."""
    header = 12 if vr in LONG_HEADERS else 8
    data = coder.element(0x00091001, vr, bytes(8)) + coder.element(NAME, "PN")
    assert coder.walk(data)[0] == (0x00091001, vr, 0, header, 8, 0)
    assert len(coder.walk(data)) == 2


@pytest.mark.parametrize("vr", ["OX", "ZZ", "AA"])
def test_a_vr_to_come_has_a_32_bit_length(vr: str) -> None:
    """PS3.5 6.2: two capitals; 7.1.2: all VRs but those named have a 32-bit length."""
    assert EVL.walk(EVL.element(NAME, vr, bytes(70000))) == [(NAME, vr, 0, 12, 70000, 0)]


def test_the_reserved_bytes_of_a_long_header_are_not_looked_at() -> None:
    """PS3.5 7.1.2: they shall not be used or decoded."""
    data = EVL.element(PIXELS, "OW", b"ab")
    assert EVL.walk(data[:6] + b"\xff\xff" + data[8:]) == [(PIXELS, "OW", 0, 12, 2, 0)]


@pytest.mark.parametrize(
    ("tag", "vr"),
    [
        (NAME, "PN"),
        (PIXELS, "OW"),  # PS3.5 A.1 c: OB or OW is OW
        (0x60023000, "OW"),  # a repeating group
        (0x00280000, "UL"),  # PS3.5 7.2: a group length
        (0x00090010, "LO"),  # PS3.5 7.8.1: a private creator
        (0x00091001, "UN"),
        (0x00190000, "UL"),
        (0x00281200, "OW"),
        (0x00283006, "OW"),  # US or OW
        (0x00280106, "US"),  # US or SS, and no Pixel Representation
        (0x00000002, "UI"),
        (0x12345678, "UN"),
    ],
)
def test_an_implicit_vr_is_the_dictionarys(tag: int, vr: str) -> None:
    """PS3.5 7.1.3 and A.1."""
    assert IVL.walk(IVL.element(tag, "", b"abcd")) == [(tag, vr, 0, 8, 4, 0)]


@each_coder
def test_no_bytes_are_an_empty_data_set(coder: Coder) -> None:
    assert coder.walk(b"") == []
    assert coder.walker(b"").read() == []


@each_coder
def test_a_walk_stops_before_a_tag(coder: Coder) -> None:
    data = coder.element(NAME, "PN", b"A ") + coder.element(ROWS, "US", b"ab") + b"rubbish"
    walker = coder.walker(data, stop=ROWS)
    assert [element[0] for element in walker] == [NAME]
    assert walker.position == 10
    assert walker.read() == []


@each_coder
def test_a_stop_is_meant_for_the_top_level(coder: Coder) -> None:
    inner = coder.element(ROWS, "US", b"ab")
    data = coder.sequence(0x00081140, coder.item(inner)) + coder.element(ROWS, "US", b"ab")
    assert [tag for tag, *_ in coder.walk(data, stop=NAME)] == [0x00081140, 0xFFFEE000, ROWS]


@each_coder
def test_a_walk_ends_at_a_lower_tag_than_its_first(coder: Coder) -> None:
    """Whether or not such a header has been met before: what is learnt of headers must not matter."""
    low = coder.element(0x00000002, "UI", b"1.2\0")
    data = coder.element(0x00020010, "UI", b"1.2\0") + low
    before = coder.walk(data, first=0x00020000, stop=0x00030000)
    coder.walk(low)
    assert coder.walk(data, first=0x00020000, stop=0x00030000) == before
    assert [tag for tag, *_ in before] == [0x00020010]


def test_a_walk_may_begin_and_end_within_a_source() -> None:
    data = b"before" + EVL.element(NAME, "PN", b"A ") + b"behind"
    walker = Walker(MemorySource(data), 6, len(data) - 6, EXPLICIT)
    assert list(walker) == [(NAME, "PN", 6, 14, 2, 0)]


def test_read_returns_windows_and_then_nothing() -> None:
    walker = EVL.walker(EVL.element(NAME, "PN", b"A ") * 3)
    assert len(walker.read()) == 3
    assert walker.read() == []
    assert walker.read() == []


def test_nested_tells_whether_the_walk_stands_within_a_sequence() -> None:
    data = EVL.header(0x00081140, "SQ", 0xFFFFFFFF) + EVL.item()
    walker = EVL.walker(data)
    assert not walker.nested
    with pytest.raises(Exception, match="missing"):
        walker.read()
    assert walker.nested


def test_headers_that_are_learnt_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcmtools.encoding.walker._MAX_LEARNT", 3)
    monkeypatch.setattr(EXPLICIT, "headers", {})
    data = b"".join(EVL.element(0x00091000 + number, "LO", b"ab") for number in range(50))
    assert len(EVL.walk(data)) == 50
    assert len(EXPLICIT.headers) == 3
