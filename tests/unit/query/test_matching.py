"""The rules of PS3.4 C.2.2.2, as a table: key, attribute, whether they match."""

from __future__ import annotations

import time

import pytest

from dcmtools.encoding.dataset import made
from dcmtools.query.matching import folded_name, is_universal, item_test, items_chooser, value_test

JAPANESE = "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce=\u3084\u307e\u3060"

# VR, key, values that match it, values that do not.
RULES: list[tuple[str, str, list[str], list[str]]] = [
    # C.2.2.2.1 single value: as it stands, letter case included
    ("LO", "Head", ["Head", "Neck\\Head"], ["HEAD", "Head CT", "", "Neck"]),
    ("CS", "CT", ["CT", "CT\\MR"], ["ct", "CTA", ""]),
    ("SH", "A 1", ["A 1"], ["A1", "A  1"]),
    ("UI", "1.2", ["1.2"], ["1.2.3", "1.20", ""]),
    ("AS", "042Y", ["042Y"], ["42Y", ""]),
    ("LT", "a\\b", ["a\\b"], ["a", "b"]),
    # C.2.2.2.2 list of UIDs, and several values of other attributes
    ("UI", "1.2\\1.3", ["1.2", "1.3", "1.9\\1.3"], ["1.4", "1.2.1.3", ""]),
    ("CS", "CT\\MR", ["CT", "MR", "US\\MR"], ["US", ""]),
    ("CS", "C*\\MR", ["CT", "CR", "MR"], ["US"]),
    ("LO", "\\A", ["A", "B\\A"], ["", "B"]),
    # C.2.2.2.4 wildcards
    ("LO", "H*", ["H", "Head", "H\nx"], ["Neck", "head", ""]),
    ("LO", "*d", ["Head", "d"], ["Heads", ""]),
    ("LO", "*ea*", ["Head", "ea"], ["Hxad", ""]),
    ("LO", "H??d", ["Head"], ["Hed", "Hood!", ""]),
    ("LO", "?", ["a", "\xe4"], ["", "ab"]),
    ("LO", "?*", ["a", "ab"], [""]),
    ("LO", "*?", ["a", "ab"], [""]),
    ("LO", "a*b*c", ["abc", "aXbXc", "abbcc"], ["acb", "abcd", "ab"]),
    ("LO", "*ab*ab*", ["abab", "xabxabx"], ["ab", "aab"]),
    ("LO", "a.c", ["a.c"], ["abc"]),
    ("LO", "[a-c]*", ["[a-c]", "[a-c]d"], ["a", "b"]),
    ("LO", "100%_", ["100%_"], ["100%a", "1000"]),
    ("SH", "*1", ["A1", "B2\\A1"], ["B2"]),
    ("UI", "1.2.*", [], ["1.2.3"]),
    ("UT", "*a\\b*", ["xa\\bx"], ["a", "b"]),
    # C.2.2.2.5 ranges
    ("DA", "20240131", ["20240131", "2024.01.31"], ["20240130", "202401", "", "x"]),
    ("DA", "2024.01.31", ["20240131"], ["20240201"]),
    (
        "DA",
        "20240101-20240131",
        ["20240101", "20240115", "20240131", "2024.01.15"],
        ["20231231", "20240201", ""],
    ),
    ("DA", "20240101 - 20240131", ["20240101"], ["20240201"]),
    ("DA", "-20240131", ["20240131", "18990101"], ["20240201", ""]),
    ("DA", "20240131-", ["20240131", "29991231"], ["20240130", ""]),
    ("DA", "20240131-20240101", [], ["20240115"]),
    ("DA", "20240101\\20240131", ["20240101", "20240131"], ["20240115"]),
    ("DA", "2024.01.01-2024.01.31", ["20240115"], ["20240201"]),
    ("TM", "1015", ["1015", "101500", "101559.999999", "10:15:30"], ["1014", "1016", "10", ""]),
    ("TM", "10", ["10", "1059", "105959.5"], ["11", "0959"]),
    ("TM", "10-11", ["1000", "1130", "115959.999999"], ["12", "0959"]),
    ("TM", "-1015", ["0000", "101500", "101559"], ["1016"]),
    ("TM", "1015-", ["1015", "235959"], ["1014"]),
    ("TM", "101530.5", ["101530.5", "101530.500000"], ["101530", "101530.6"]),
    ("TM", "10:15-10:30", ["102000"], ["103100"]),
    ("DT", "2024", ["2024", "20240615", "20241231235959"], ["2025"]),
    ("DT", "202401-202402", ["20240101", "20240229120000"], ["20240301"]),
    ("DT", "20240131120000-", ["20240131120000", "2025"], ["20240131"]),
    ("DT", "20240131120000+0100", ["20240131120000+0100", "20240131110000+0000"], ["20240131120000+0000"]),
    ("DT", "20240131120000-0500", ["20240131170000+0000", "20240131120000"], ["20240131120000+0000"]),
    ("DT", "20240131120000-0500-20240131130000-0500", ["20240131173000+0000"], ["20240131123000+0000"]),
    # numbers are numbers
    ("IS", "7", ["7", "07", "+7"], ["70", "-7", ""]),
    ("IS", "007", ["7"], ["8"]),
    ("DS", "1.5", ["1.5", "1.50", "15e-1", "0.5\\1.50"], ["15", ""]),
    ("US", "512", ["512"], ["5120"]),
    # names: letter case and trailing delimiters do not count
    ("PN", "doe^john", ["Doe^John", "DOE^JOHN", "Doe^John^^^", "Doe ^John"], ["Doe", "Doe^Johnny", ""]),
    ("PN", "Doe^John^^", ["Doe^John"], ["Doe^John^A"]),
    ("PN", "Doe", ["DOE", "Doe^^"], ["Doe^John"]),
    ("PN", "doe*", ["Doe", "Doe^John", "Doering"], ["Roe", "ADoe", ""]),
    ("PN", "doe^*", ["Doe^John", "Doe"], ["Doering^John"]),
    ("PN", "*^john", ["Doe^John", "^JOHN"], ["John", "Doe^Johnny"]),
    ("PN", "doe^j*^", ["Doe^John"], ["Doe^Ann"]),
    ("PN", "d?e", ["Doe", "DUE"], ["Doee", "De"]),
    ("PN", "M\xdcLLER*", ["m\xfcller^Ann", "Mu\u0308ller"], ["Muller"]),
    ("PN", "STRASSE", ["Stra\xdfe"], ["Strase"]),
    # one component group matches any, several those in the same place
    ("PN", "\u5c71\u7530*", [JAPANESE, "\u5c71\u7530"], ["Yamada"]),
    ("PN", "yamada*", ["Yamada^Tarou=\u5c71\u7530^\u592a\u90ce", "=\u5c71\u7530=Yamada"], ["\u5c71\u7530"]),
    ("PN", "=\u5c71\u7530*", [JAPANESE], ["\u5c71\u7530", "Yamada", "Y==\u5c71\u7530"]),
    ("PN", "yamada*=\u5c71\u7530*", ["Yamada^T=\u5c71\u7530"], ["Yamada^T", "Suzuki=\u5c71\u7530"]),
    ("PN", "yamada^tarou=", ["Yamada^Tarou=\u5c71\u7530"], ["Yamada"]),
    ("PN", "==\u3084\u307e\u3060", ["Y=Z=\u3084\u307e\u3060"], ["Y=\u3084\u307e\u3060"]),
    ("PN", "\uff94\uff8f\uff80\uff9e", ["\u30e4\u30de\u30c0"], ["\u30e4\u30de\u30bf"]),
    ("PN", "doe\\roe", ["Doe", "ROE", "Poe\\Roe"], ["Poe"]),
]  # fmt: skip
CASES = [
    (vr, key, value, matches)
    for vr, key, right, wrong in RULES
    for values, matches in ((right, True), (wrong, False))
    for value in values
]


def split(vr: str, key: str) -> list[str]:
    return [key] if vr in {"LT", "ST", "UR", "UT"} else key.split("\\")


@pytest.mark.parametrize(("vr", "key", "value", "matches"), CASES)
def test_rules(vr: str, key: str, value: str, matches: bool) -> None:
    test = value_test(vr, split(vr, key))
    assert test is not None
    assert test(value) is matches


@pytest.mark.parametrize("key", ["", "*", "**", "\\", "A\\*"])
@pytest.mark.parametrize("vr", ["LO", "PN", "UI", "DA", "IS", "TM", "CS"])
def test_universal(vr: str, key: str) -> None:
    """C.2.2.2.3: what everything matches, even what has no value."""
    assert is_universal(key.split("\\"))
    assert value_test(vr, key.split("\\")) is None


@pytest.mark.parametrize(
    ("vr", "key"),
    [
        ("DA", "2024"),
        ("DA", "20241301"),
        ("DA", "2024*"),
        ("DA", "-"),
        ("DA", "today"),
        ("DA", "20240101-20240131-20240201"),
        ("DA", "\u0662\u0660240101"),
        ("TM", "25"),
        ("TM", "1015x"),
        ("DT", "x"),
        ("IS", "1*"),
        ("IS", "1_0"),
        ("IS", "9" * 5000),
        ("DS", "nan"),
        ("LO", "a" * 5000 + "*"),
    ],
)
def test_senseless_keys_are_told(vr: str, key: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        value_test(vr, [key])


@pytest.mark.parametrize("key", ["*a" * 500 + "b", "?" * 500 + "*" + "?" * 500 + "b", "a*" * 511 + "c"])
def test_no_pattern_is_slow(key: str) -> None:
    test = value_test("LO", [key])
    assert test is not None
    started = time.process_time()
    assert not test("a" * 64 * 16)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Doe^John", "doe^john"),
        ("DOE ^ JOHN ^^^", "doe^john"),
        ("Doe^^Jr=\u5c71\u7530^==", "doe^^jr=\u5c71\u7530"),
        ("Doe\\ROE^^", "doe\\roe"),
        ("\u5c71\u7530\u3000", "\u5c71\u7530"),
        ("", ""),
        ("^^", ""),
    ],
)
def test_folded_names(name: str, folded: str) -> None:
    assert folded_name(name) == folded


CODE = made(CodeValue="T-1", CodingSchemeDesignator="SRT", CodeMeaning="Thumb")
OTHER = made(CodeValue="T-2", CodingSchemeDesignator="99X")


@pytest.mark.parametrize(
    ("key", "matches"),
    [
        (made(CodeValue="T-1"), True),
        (made(CodeValue="T-*", CodingSchemeDesignator="SRT"), True),
        (made(CodeValue="T-1", CodeMeaning=""), True),
        (made(CodeValue="T-2"), False),
        (made(CodeValue="T-1", CodingSchemeDesignator="99X"), False),
        (made(CodeValue="T-1", LongCodeValue="x"), False),
    ],
)
def test_items(key: object, matches: bool) -> None:
    """C.2.2.2.6: one item has to match all that the item of the key holds."""
    test = item_test(key)  # type: ignore[arg-type]  # pytest's parameters have no type
    assert test is not None
    assert test(CODE) is matches


def test_items_that_match_are_chosen() -> None:
    choose = items_chooser([made(CodeValue="T-2")])
    assert choose is not None
    assert choose([CODE, OTHER]) == [OTHER]


@pytest.mark.parametrize("keys", [[], [made()], [made(CodeValue="")]])
def test_items_of_universal_keys(keys: list[object]) -> None:
    assert items_chooser(keys) is None  # type: ignore[arg-type]  # pytest's parameters have no type


def test_a_key_has_one_item() -> None:
    with pytest.raises(ValueError, match="2 items, one is allowed"):
        items_chooser([made(CodeValue="T-1"), made(CodeValue="T-2")])


def test_a_key_has_no_more_than_a_thousand_values() -> None:
    for vr in ("LO", "PN", "IS"):
        assert value_test(vr, ["1"] * 1000)
        with pytest.raises(ValueError, match="1001 values"):
            value_test(vr, ["1"] * 1001)


def test_items_within_items() -> None:
    item = made(RequestedProcedureCodeSequence=[OTHER, CODE], RequestedProcedureID="1")
    right = item_test(made(RequestedProcedureCodeSequence=[made(CodeValue="T-1")]))
    wrong = item_test(
        made(RequestedProcedureCodeSequence=[made(CodeValue="T-1", CodingSchemeDesignator="99X")])
    )
    assert right
    assert wrong
    assert right(item)
    assert not wrong(item)
    assert not right(made(RequestedProcedureID="1"))


def test_vr_of_an_item_is_the_dictionarys() -> None:
    """A peer may say that a name is LO: letter case does not count all the same."""
    key = made(PatientName="DOE")
    key[0x00100010] = ("LO", b"DOE ")
    test = item_test(key)
    assert test
    assert test(made(PatientName="Doe"))
