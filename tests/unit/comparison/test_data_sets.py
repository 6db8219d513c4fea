"""What is different between data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.comparison import data_sets
from dcmtools.comparison.data_sets import Comparison
from dcmtools.comparison.rules import Ignored, Place, Tolerance
from dcmtools.encoding.tagpath import parse
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import EVL, part10

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.comparison.data_sets import Differences


def compared(folder: Path, one: bytes, other: bytes, ignored: Ignored = Ignored()) -> Differences:  # noqa: B008  it is a tuple
    (folder / "a").write_bytes(part10(one))
    (folder / "b").write_bytes(part10(other))
    with Part10File.open(str(folder / "a")) as a, Part10File.open(str(folder / "b")) as b:
        return Comparison(ignored, Tolerance()).differences(a, b)


def told(found: Differences) -> list[tuple[str, str]]:
    return [(each.path, each.kind) for each in found.told()]


def text(tag: int, value: bytes = b"v ") -> bytes:
    return EVL.element(tag, "LO", value)


ID, NAME, STUDY, SEQUENCE, CODE = 0x00100020, 0x00100010, 0x00200010, 0x00081140, 0x00080100


def test_what_one_has_alone_is_told_in_the_order_of_tags(tmp_path: Path) -> None:
    a = text(NAME) + text(ID) + text(STUDY, b"1 ")
    b = text(0x00100030) + text(ID) + text(STUDY, b"2 ") + text(0x00400001)
    assert told(compared(tmp_path, a, b)) == [
        ("(0010,0010)", "missing"),
        ("(0010,0030)", "added"),
        ("(0020,0010)", "changed"),
        ("(0040,0001)", "added"),
    ]


def test_elements_out_of_order_are_found(tmp_path: Path) -> None:
    assert not compared(tmp_path, text(ID) + text(NAME) + text(STUDY), text(STUDY) + text(NAME) + text(ID))


def test_of_a_sequence_that_one_has_alone_nothing_within_is_told(tmp_path: Path) -> None:
    items = EVL.sequence(SEQUENCE, EVL.item(text(CODE)), EVL.item(text(CODE)))
    assert told(compared(tmp_path, items + text(ID), text(ID))) == [("(0008,1140)", "missing")]
    fewer = EVL.sequence(SEQUENCE, EVL.item(text(CODE)))
    assert told(compared(tmp_path, fewer, items)) == [("(0008,1140)[1]", "added")]


def test_an_element_that_stands_three_times_is_told_twice(tmp_path: Path) -> None:
    found = compared(tmp_path, text(ID), text(ID) + text(ID, b"w ") + text(ID, b"x "))
    assert told(found) == [("(0010,0020)", "added"), ("(0010,0020)", "added")]


def test_another_vr_is_told(tmp_path: Path) -> None:
    found = compared(tmp_path, EVL.element(ID, "LO", b"v "), EVL.element(ID, "SH", b"v "))
    assert [(each.kind, each.vr) for each in found.told()] == [("vr", "LO/SH")]
    assert not compared(tmp_path, EVL.element(ID, "LO", b"v "), EVL.element(ID, "UN", b"v "))
    items = EVL.sequence(SEQUENCE, EVL.item(text(CODE)))
    found = compared(tmp_path, items, EVL.element(SEQUENCE, "LO", b"v "))
    assert found.told()[0].kind == "vr"


def test_unknown_uids_are_let_pass_where_neither_is_known(tmp_path: Path) -> None:
    uid, known = 0x00080018, b"1.2.840.10008.1.1\0"
    ignored = Ignored(uids=True)
    a, b = EVL.element(uid, "UI", b"1.2\0"), EVL.element(uid, "UI", b"1.3\0")
    assert not compared(tmp_path, a, b, ignored)
    assert not compared(tmp_path, a, b"", ignored)
    found = compared(tmp_path, a, EVL.element(uid, "UI", known), ignored)
    assert told(found) == [("(0008,0018)", "changed")]


def test_colours_follow_the_syntax_and_greys_do_not(tmp_path: Path) -> None:
    def photometric(value: bytes) -> bytes:
        return EVL.element(0x00280004, "CS", value)

    ignored = Ignored(syntax=True)
    assert not compared(tmp_path, photometric(b"RGB "), photometric(b"YBR_FULL_422"), ignored)
    assert compared(tmp_path, photometric(b"RGB "), photometric(b"PALETTE COLOR "), ignored)
    assert compared(tmp_path, photometric(b"MONOCHROME1 "), photometric(b"MONOCHROME2 "), ignored)
    assert not compared(tmp_path, EVL.element(0x00280006, "US", b"\1\0"), b"", ignored)


def test_a_sequence_that_is_ignored_hides_what_is_in_it(tmp_path: Path) -> None:
    a = EVL.sequence(SEQUENCE, EVL.item(text(CODE)), EVL.item(text(CODE, b"w ")))
    b = EVL.sequence(SEQUENCE, EVL.item(text(CODE)))
    assert not compared(tmp_path, a, b, Ignored((Place(parse("0008,1140")),)))
    assert compared(tmp_path, a, b, Ignored((Place(parse("0008,1140.0008,0100")),)))


def test_no_more_is_told_than_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_sets, "_MOST_TOLD", 5)
    a, b = (b"".join(text(0x00200000 + n, value) for n in range(1, 41)) for value in (b"a ", b"b "))
    found = compared(tmp_path, a, b)
    assert len(found) == 40
    assert told(found) == [(f"(0020,{n:04x})", "changed") for n in range(1, 6)]
    assert found.more == 35


def test_what_one_has_more_of_does_not_keep_the_rest_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_sets, "_MOST_APART", 5)
    rest = b"".join(text(0x00200001 + n) for n in range(20))
    assert told(compared(tmp_path, rest, text(ID) + rest)) == [("(0010,0020)", "added")]
    assert told(compared(tmp_path, text(ID) + rest, rest)) == [("(0010,0020)", "missing")]


def test_an_element_is_ignored_where_it_is_named(tmp_path: Path) -> None:
    a, b = (EVL.sequence(SEQUENCE, EVL.item(text(CODE, value))) + text(ID, value) for value in (b"a ", b"b "))
    code = parse("0008,0100")
    assert told(compared(tmp_path, a, b, Ignored((Place(code),)))) == [
        ("(0008,1140)[0].(0008,0100)", "changed"),
        ("(0010,0020)", "changed"),
    ]
    assert told(compared(tmp_path, a, b, Ignored((Place(code, anywhere=True),)))) == [
        ("(0010,0020)", "changed")
    ]


def test_memory_is_bounded_where_little_is_in_common(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_sets, "_MOST_APART", 5)
    many = EVL.sequence(SEQUENCE, *(EVL.item(text(CODE)) for _ in range(20)))
    assert told(compared(tmp_path, many + text(ID), text(ID))) == [("(0008,1140)", "missing")]
    ones = EVL.sequence(SEQUENCE, EVL.item(text(CODE)))
    assert len(compared(tmp_path, EVL.sequence(SEQUENCE, *[EVL.item()] * 5), ones)) == 5
    with pytest.raises(InputError, match="too few elements in common"):
        compared(tmp_path, b"".join(text(0x00200001 + n) for n in range(20)), text(ID))
