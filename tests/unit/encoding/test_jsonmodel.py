"""The DICOM JSON model (PS3.18 Annex F)."""

from __future__ import annotations

import json
from struct import pack
from typing import Any

import pytest

from dcmtools.encoding import jsonmodel
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.jsonmodel import json_model
from tests.support.encoded import EVB, EVL, IVL, SEQUENCE_END, Coder

IMAGES, NAME, PIXELS = 0x00081140, 0x00100010, 0x7FE00010


def model(data: bytes, coder: Coder = EVL) -> dict[str, Any]:
    made = json_model(coder.walker(data))
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    return made


def values(vr: str, value: bytes, coder: Coder = EVL) -> object:
    return model(coder.element(0x00091001, vr, value), coder)["00091001"].get("Value")


def test_an_element_is_a_tag_a_vr_and_values() -> None:
    """PS3.18 F.2.2: the tag in 8 upper-case hexadecimal digits."""
    assert model(EVL.element(0x7FE1ABCD, "LO", b"a\\b ")) == {"7FE1ABCD": {"vr": "LO", "Value": ["a", "b"]}}


def test_an_empty_element_has_no_value() -> None:
    """PS3.18 F.2.5."""
    assert model(EVL.element(NAME, "PN") + EVL.element(0x00100020, "LO", b"  ")) == {
        "00100010": {"vr": "PN"},
        "00100020": {"vr": "LO"},
    }
    assert model(EVL.element(NAME, "UN")) == {"00100010": {"vr": "PN"}}


def test_an_empty_value_among_others_is_null() -> None:
    """PS3.18 F.2.5."""
    assert values("LO", b"a\\\\b") == ["a", None, "b"]
    assert values("DS", b"\\1.5") == [None, 1.5]
    assert values("PN", b"\\A") == [None, {"Alphabetic": "A"}]


@pytest.mark.parametrize("coder", [EVL, EVB], ids=["little", "big"])
@pytest.mark.parametrize(
    ("vr", "code", "numbers"),
    [
        *(("US", "H", [1, 2]), ("SS", "h", [-1]), ("UL", "L", [2**32 - 1]), ("SL", "l", [-5])),
        *(("FL", "f", [0.5]), ("FD", "d", [0.5]), ("SV", "q", [-(2**63)]), ("UV", "Q", [2**64 - 1])),
    ],
)
def test_numbers(vr: str, code: str, numbers: list[float], coder: Coder) -> None:
    raw = pack(f"{coder.encoding.order}{len(numbers)}{code}", *numbers)
    assert values(vr, raw, coder) == numbers


def test_numbers_that_json_has_no_word_for() -> None:
    raw = pack("<4d", float("nan"), float("inf"), float("-inf"), 1.0)
    assert values("FD", raw) == ["NaN", "Infinity", "-Infinity", 1.0]


def test_an_at_is_a_hexadecimal_string() -> None:
    """PS3.18 F.2.3."""
    assert values("AT", b"\x10\0\x20\0\xe0\x7f\x10\0") == ["00100020", "7FE00010"]
    assert values("AT", b"\0\x10\0\x20", EVB) == ["00100020"]


@pytest.mark.parametrize(
    ("vr", "text", "value"),
    [
        ("DS", b"1.50", 1.5),
        ("DS", b" -1E-2 ", -0.01),
        ("DS", b"40", 40),
        ("DS", b"1234567890123457", 1234567890123457),
        ("DS", b"rubbish", "rubbish"),
        ("DS", b"1_000", "1_000"),
        ("DS", b"1e999", "1e999"),
        ("DS", b"nan", "nan"),
        ("DS", b"inf", "inf"),
        ("IS", b"+12 ", 12),
        ("IS", b"1_000", "1_000"),
        ("IS", b"1.5", "1.5"),
        ("IS", b"9" * 400, "9" * 400),
        ("IS", b"9" * 5000, "9" * 5000),
        ("IS", "²".encode("latin-1"), "²"),
    ],
)
def test_number_strings_are_numbers_where_they_are_ones(vr: str, text: bytes, value: object) -> None:
    """PS3.18 F.2.3, note: a string where a number would not do."""
    (found,) = model(EVL.element(0x00091001, vr, text))["00091001"]["Value"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        (b"Doe^Jane ", {"Alphabetic": "Doe^Jane"}),
        (b"A=B=C", {"Alphabetic": "A", "Ideographic": "B", "Phonetic": "C"}),
        (b"=B", {"Ideographic": "B"}),
        (b"A==C ", {"Alphabetic": "A", "Phonetic": "C"}),
        (b"==", None),
        (b"A=B=C=D=E", {"Alphabetic": "A", "Ideographic": "B", "Phonetic": "C=D=E"}),
    ],
)
def test_a_person_name_is_its_groups(name: bytes, groups: object) -> None:
    """PS3.18 F.2.2; more than three are against PS3.5 6.2, and nothing of them is lost."""
    assert values("PN", name) == [groups]


@pytest.mark.parametrize("undefined", [False, True])
def test_a_sequence_is_an_array_of_data_sets(undefined: bool) -> None:
    """PS3.18 F.2.2: an empty item is an empty object."""
    inner = EVL.sequence(0x00081150, EVL.item(EVL.element(NAME, "PN", b"A ")), undefined=undefined)
    items = [EVL.item(inner, undefined=undefined), EVL.item(undefined=undefined)]
    data = EVL.sequence(IMAGES, *items, undefined=undefined) + EVL.element(NAME, "PN", b"B ")
    assert model(data) == {
        "00081140": {
            "vr": "SQ",
            "Value": [
                {
                    "00081150": {
                        "vr": "SQ",
                        "Value": [{"00100010": {"vr": "PN", "Value": [{"Alphabetic": "A"}]}}],
                    }
                },
                {},
            ],
        },
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "B"}]},
    }


def test_a_sequence_without_items_has_no_value() -> None:
    assert model(EVL.sequence(IMAGES, EVL.item(EVL.sequence(IMAGES, undefined=True)))) == {
        "00081140": {"vr": "SQ", "Value": [{"00081140": {"vr": "SQ"}}]}
    }


def test_100_levels() -> None:
    data = EVL.element(NAME, "PN", b"A ")
    for _ in range(100):
        data = EVL.sequence(IMAGES, EVL.item(data))
    assert json.dumps(model(data)).count("00081140") == 100


def test_group_lengths_are_left_out() -> None:
    """PS3.18 F.2.2."""
    item = EVL.item(EVL.element(0x00100000, "UL", bytes(4)))
    data = EVL.element(0x00080000, "UL", bytes(4)) + EVL.sequence(IMAGES, item)
    assert model(data) == {"00081140": {"vr": "SQ", "Value": [{}]}}


def test_elements_stand_in_the_order_of_their_tags() -> None:
    """PS3.18 F.2.2."""
    item = EVL.item(EVL.element(0x00200010, "SH", b"b ") + EVL.element(NAME, "PN", b"a "))
    made = model(EVL.element(0x00200010, "SH", b"b ") + EVL.sequence(IMAGES, item))
    assert list(made) == ["00081140", "00200010"]
    assert list(made["00081140"]["Value"][0]) == ["00100010", "00200010"]


@pytest.mark.parametrize("vr", ["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
def test_bulk_data_is_a_place_in_the_file(vr: str) -> None:
    """PS3.18 F.2.6: a URI relative to the file, with offset and length."""
    data = EVL.element(NAME, "PN", b"A ") + EVL.element(0x00091001, vr, bytes(16))
    assert model(data)["00091001"] == {"vr": vr, "BulkDataURI": "?offset=22&length=16"}


def test_encapsulated_pixel_data_reaches_to_its_delimiter() -> None:
    pixels = EVL.sequence(PIXELS, EVL.item(), EVL.item(b"abcd"), undefined=True, vr="OB")
    item = EVL.item(pixels + EVL.element(0xFFFCFFFC, "OB", b"\0\0"))
    assert model(pixels)["7FE00010"] == {"vr": "OB", "BulkDataURI": "?offset=12&length=20"}
    (nested,) = model(EVL.sequence(0x00880200, item))["00880200"]["Value"]
    assert nested == {
        "7FE00010": {"vr": "OB", "BulkDataURI": "?offset=32&length=20"},
        "FFFCFFFC": {"vr": "OB", "BulkDataURI": "?offset=72&length=2"},
    }


def test_very_long_values_are_bulk_data_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """PS3.18 F.2.2 allows it for UT and most others, and not for PN."""
    monkeypatch.setattr(jsonmodel, "_MAX_VALUE", 4)
    assert "BulkDataURI" in model(EVL.element(0x0040A160, "UT", b"abcdef"))["0040A160"]
    assert values("PN", b"abcdef") == [{"Alphabetic": "abcdef"}]


def test_un_is_understood_where_ps36_knows_the_tag() -> None:
    """PS3.5 6.2.2: little endian, whatever the data set is."""
    data = EVB.element(NAME, "UN", b"A ") + EVB.element(0x00280010, "UN", b"\1\0")
    assert model(data, EVB) == {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A"}]},
        "00280010": {"vr": "US", "Value": [1]},
    }
    assert model(EVL.element(0x00091001, "ZZ", b"ab"))["00091001"]["vr"] == "UN"


def test_a_little_endian_sequence_in_a_big_endian_data_set() -> None:
    item = IVL.item(IVL.element(0x00280010, "", b"\1\0"))
    sequence = EVB.header(0x00091001, "UN", UNDEFINED) + item + IVL.header(SEQUENCE_END, "", 0)
    made = model(sequence + EVB.element(0x00280010, "US", b"\0\2"), EVB)
    assert made["00091001"]["Value"] == [{"00280010": {"vr": "US", "Value": [1]}}]
    assert made["00280010"]["Value"] == [2]


def test_a_character_set_holds_in_its_item_and_below() -> None:
    """PS3.3 C.12.1.1.2: items inherit it, and may have their own."""
    latin, utf8 = (EVL.element(0x00080005, "CS", term) for term in (b"ISO_IR 100", b"ISO_IR 192"))
    own = EVL.item(utf8 + EVL.element(0x00100020, "LO", "ü".encode()))
    inherited = EVL.item(EVL.element(0x00100020, "LO", b"\xfc "))
    made = model(latin + EVL.sequence(IMAGES, own, inherited) + EVL.element(0x00100020, "LO", b"\xfc "))
    assert [item["00100020"]["Value"] for item in made["00081140"]["Value"]] == [["ü"], ["ü"]]
    assert made["00100020"]["Value"] == ["ü"]
