"""The JSON model of every real file equals pydicom's, but for differences that PS3.18 F argues."""

from __future__ import annotations

import json
import warnings
from array import array
from base64 import b64decode, b64encode
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import pytest
from pydicom import config, dcmread

from dcmtools.encoding.bulk import Inline, below
from dcmtools.encoding.jsonmodel import json_model
from dcmtools.errors import InputError
from dcmtools.files.anyhow import LenientFile
from tests.support.samples import pydicom_data_files, real_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Model: TypeAlias = dict[str, Any]
Elements: TypeAlias = dict[str, Model]

WORDS = {"OW": "H", "OL": "I", "OF": "I", "OD": "Q", "OV": "Q"}


class Theirs(NamedTuple):
    """An element as pydicom has it, and where."""

    key: str
    syntax: str
    element: Model


def group_length(theirs: Theirs) -> Model | None:
    assert theirs.key.endswith("0000")
    return None


def little_endian(theirs: Theirs) -> Model:
    assert theirs.syntax == "1.2.840.10008.1.2.2"
    words = array(WORDS[theirs.element["vr"]], b64decode(theirs.element["InlineBinary"]))
    words.byteswap()
    return {**theirs.element, "InlineBinary": b64encode(words.tobytes()).decode()}


def without_padding(theirs: Theirs) -> Model:
    assert theirs.element["vr"] == "CS"
    return {**theirs.element, "Value": [value.strip(" ") for value in theirs.element["Value"]]}


def null_for_empty(theirs: Theirs) -> Model:
    return {**theirs.element, "Value": [value or None for value in theirs.element["Value"]]}


def no_value(theirs: Theirs) -> Model:
    assert theirs.element == {"vr": "SQ", "Value": []}
    return {"vr": "SQ"}


def word(theirs: Theirs) -> Model:
    assert (theirs.key, theirs.element["vr"]) == ("7FE00010", "OB")
    return {**theirs.element, "vr": "OW"}


# What makes theirs ours, and why.
RULES: Final[dict[str, tuple[Callable[[Theirs], Model | None], str]]] = {
    "group length": (group_length, "F.2.2: group lengths shall not be included"),
    "big endian": (
        little_endian,
        "F.2.7 and 8.7.3.3.1: bulk data is little endian, as no transfer syntax goes with it; pydicom has "
        "the bytes of the file",
    ),
    "padding": (
        without_padding,
        "PS3.5 6.2: spaces around a CS are not significant; pydicom keeps inner ones",
    ),
    "empty among others": (null_for_empty, "F.2.5: an empty value among others is null; pydicom has ''"),
    "no items": (no_value, "F.2.5: an empty attribute has no Value; pydicom has an empty array"),
    "implicit pixels": (
        word,
        "PS3.5 A.1: OW where VRs are implicit; pydicom goes by the meta, which is wrong",
    ),
}
# PS3.5 6.2.2: the VR is UN in the file, and PS3.6 has no other; pydicom goes by its private dictionary.
PRIVATE_UN: Final = {
    (name, f"0019{number:04X}")
    for name in ("chrJapMulti.dcm", "chrJapMultiExplicitIR6.dcm", "chrKoreanMulti.dcm")
    for number in (0x1010, 0x1013, 0x1015, 0x1060, 0x1062, 0x1065, 0x1070, 0x1082, 0x1093)
}
FILES: Final = {
    "badVR.dcm": "pydicom has no number for the IS '1A'; F.2.3 allows the string itself",
    "no_meta.dcm": "one byte too many stands before the data set; pydicom, forced, has tags made of halves",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "cut in the pixel data: pydicom shows nothing at all",
}


def ours(path: Path) -> Model | str:
    try:
        with LenientFile.open(str(path)) as file:
            return json_model(file.walk(), place=Inline(below("")))
    except InputError as error:
        return str(error)


def theirs(path: Path) -> tuple[Model | str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data_set = dcmread(path, force=True)
            syntax = str(data_set.file_meta.get("TransferSyntaxUID", ""))
            return data_set.to_json_dict(bulk_data_threshold=1 << 40), syntax
        except ValueError as error:
            return str(error), ""


def flat(model: Model, where: str = "") -> Iterator[tuple[str, Model]]:
    """Yield elements by path, sequences with as many items, empty ones."""
    for tag, element in model.items():
        key = f"{where}{tag}"
        if element["vr"] == "SQ":
            items = element.get("Value")
            yield key, {"vr": "SQ", "Value": [{} for _ in items]} if items is not None else {"vr": "SQ"}
            for number, item in enumerate(items or ()):
                yield from flat(item, f"{key}[{number}].")
        else:
            yield key, element


def differences(path: Path) -> Iterator[tuple[str, str]]:
    """Yield for each element that is not the same its path, and the rule that makes theirs ours, if any."""
    mine, (other, syntax) = ours(path), theirs(path)
    if isinstance(mine, str) or isinstance(other, str):
        yield "", f"{str(mine)[:100]} / {str(other)[:100]}"
        return
    assert json.loads(json.dumps(mine, allow_nan=False)) == mine
    one, two = dict(flat(mine)), dict(flat(other))
    for key in one.keys() | two.keys():
        if one.get(key) != two.get(key):
            yield key, rule_for(key, one.get(key), two.get(key), syntax)


def rule_for(key: str, mine: Model | None, other: Model | None, syntax: str) -> str:
    for rule, (made, _) in RULES.items():
        with suppress(AssertionError, KeyError):
            assert other is not None
            if made(Theirs(key, syntax, other)) == mine:
                return rule
    return f"{str(mine)[:80]} / {str(other)[:80]}"


@cache
def found() -> dict[str, list[tuple[str, str]]]:
    return {path.name: list(differences(path)) for path in [*real_files(), *pydicom_data_files()]}


@pytest.fixture(autouse=True)
def _lenient_pydicom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.settings, "_reading_validation_mode", config.IGNORE)


def test_the_models_of_all_real_files_are_pydicoms() -> None:
    wrong = [
        (name, key, told)
        for name, all_told in found().items()
        for key, told in all_told
        if told not in RULES and (name, key) not in PRIVATE_UN and name not in FILES
    ]
    assert wrong == []
    assert len(found()) > 200


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_still_needed(rule: str) -> None:
    assert any(told == rule for all_told in found().values() for _, told in all_told)


def test_each_exception_is_still_one() -> None:
    assert {(name, key) for name in found() for key, told in found()[name] if told not in RULES} >= PRIVATE_UN
    assert all(told not in RULES for name in FILES for _, told in found()[name])
    assert all(found()[name] for name in FILES)
