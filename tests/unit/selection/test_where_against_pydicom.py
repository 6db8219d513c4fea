"""Over real files, comparisons are true of what pydicom reads, and of nothing else."""

from __future__ import annotations

import operator
import random
import warnings
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import config, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.multival import MultiValue

from dcmtools.errors import InputError
from dcmtools.files.inputs import Input
from dcmtools.files.part10 import Part10File
from dcmtools.selection.where import Where
from tests.support.samples import named_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

NUMBERS = ("IS", "DS", "FD", "FL", "SL", "SS", "UL", "US", "SV", "UV")
TEXT = ("AE", "CS", "LO", "SH", "UI", "LT", "ST", "UT", "UC")
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# The meta says JPEG, so explicit VRs (PS3.5 A.4); the data set has implicit ones, which pydicom guesses.
GUESSED = {"test_files/SC_rgb_jpeg", "test_files/meta_missing_tsyntax"}


def elements(data_set: Dataset, path: str = "") -> Iterator[tuple[str, DataElement]]:
    """Yield public elements that the dictionary knows by the same VR, with the paths of any item."""
    for tag in list(data_set.keys()):
        if tag.is_private or tag.element == 0:
            continue
        try:
            element = data_set[tag]
        except Exception:  # noqa: S112  what pydicom cannot read has nothing to compare with
            continue
        name = f"{path}{tag.group:04x},{tag.element:04x}"
        if element.VR == "SQ":
            for item in element.value:
                yield from elements(item, f"{name}.")
        else:
            yield name, element


def values(element: DataElement) -> list[Any]:
    value = element.value
    if value is None or value in ("", []):
        return []
    several = value if isinstance(value, (list, MultiValue)) else [value]
    if element.VR in NUMBERS:
        numbers = [_number(element.VR, each) for each in several if each not in ("", None)]
        return [number for number in numbers if number is not None]
    return [text for each in several if (text := str(each).strip(" \0"))]


def _number(vr: str, value: Any) -> Decimal | None:  # noqa: ANN401  pydicom's
    if vr == "FL":
        return Decimal(f"{value:.9g}")
    text = getattr(value, "original_string", None) or repr(value)
    try:
        return Decimal(str(text).strip(" \0"))
    except InvalidOperation:
        return None  # as it is here


def by_path(path: Path) -> dict[str, tuple[str, list[Any]]]:
    found: dict[str, tuple[str, list[Any]]] = {}
    with warnings.catch_warnings(action="ignore"), config.disable_value_validation():
        for name, element in elements(dcmread(path)):
            vr, known = found.setdefault(name, (element.VR, []))
            if vr == element.VR:
                known += values(element)
    return found


def agree(file: Part10File, name: str, found: list[Any], given: Any) -> None:  # noqa: ANN401  a value
    for sign, compare in SIGNS.items():
        text = f'{name} {sign} "{str(given).replace(chr(34), chr(34) * 2)}"'
        assert Where(text).of(file, Input("")) == any(compare(each, given) for each in found), text
    assert Where(f"exists {name}").of(file, Input(""))
    assert Where(f"empty {name}").of(file, Input("")) >= (not found)


@pytest.mark.parametrize(("name", "path"), named_files(), ids=[name for name, _ in named_files()])
def test_comparisons_are_true_of_what_pydicom_reads(name: str, path: Path) -> None:
    try:
        found = by_path(path)
        with Part10File.open(str(path)) as file:
            list(file.walk())
    except (InvalidDicomError, InputError):
        pytest.skip("one of the two does not read it")
    if name in GUESSED:
        pytest.skip("pydicom guesses")
    chance = random.Random(name)
    with Part10File.open(str(path)) as file:
        for each in chance.sample(sorted(found), min(25, len(found))):
            vr, known = found[each]
            if known:
                compare(file, each, vr, known)


def compare(file: Part10File, name: str, vr: str, known: list[Any]) -> None:
    if vr == "UI":
        for given in (known[0], "1.2.3"):
            assert Where(f"{name} == {given}").of(file, Input("")) == (given in known)
    elif vr in NUMBERS:
        for given in (known[0], known[-1] + 1, known[0] - Decimal("0.5")):
            agree(file, name, known, given)
    elif vr in TEXT:
        for given in (known[0], known[-1], "M", known[0] + "z"):
            agree(file, name, known, given)
    elif vr in ("DA", "TM", "DT") and known[0].isdigit():
        assert Where(f"{name} == {known[0]} and {name} >= {known[0]}").of(file, Input(""))
        assert not Where(f"{name} > {max(known)} or {name} < {min(known)}").of(file, Input(""))
