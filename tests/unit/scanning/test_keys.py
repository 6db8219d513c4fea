"""What a person asks for, and what becomes of it over a group of files."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dcmtools.scanning.groups import Group, rank
from dcmtools.scanning.keys import LEVELS, defaults, parse


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("patientname", "PatientName"),
        ("0010,0010", "PatientName"),
        ("ReferencedImageSequence[0].0008,1155", "ReferencedImageSequence[0].ReferencedSOPInstanceUID"),
        ("ReferencedImageSequence[*].PatientID", "ReferencedImageSequence.PatientID"),
        ("0029,10,CREATOR", "(0029,10,CREATOR)"),
        ("0029,0010", "(0029,0010)"),
        ("(0029,1034)", "(0029,1034)"),
        (" Max( rows ) ", "max(Rows)"),
        ("count()", "count()"),
        ("COUNT(SeriesInstanceUID)", "count(SeriesInstanceUID)"),
        ("bytes()", "bytes()"),
        ("File.Size", "file.size"),
        ("ImageType[2]", "ImageType[2]"),
        ("ReferencedImageSequence[0].ImageType[1]", "ReferencedImageSequence[0].ImageType[1]"),
        ("first(ImageType[2])", "first(ImageType[2])"),
    ],
)  # fmt: skip
def test_what_a_column_is_called(text: str, column: str) -> None:
    assert parse(text).column == column


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not end with an element"),
        ("Rowz", "did you mean Rows"),
        ("mean(Rows)", "'mean' is not a function; there are files(), bytes(), count()"),
        ("bytes(Rows)", "takes no element"),
        ("min()", "wants an element"),
        ("min(Rowz)", "did you mean Rows"),
    ],
)
def test_what_is_no_key(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        parse(text)
    assert why in str(error.value)


def test_every_level_has_columns() -> None:
    assert all(len({key.column for key in defaults(level)}) > 3 for level in LEVELS)


@pytest.mark.parametrize(
    ("key", "cells", "value"),
    [
        ("min(SliceLocation)", ["10", "-2.5", "9", None, "x"], "-2.5"),
        ("max(InstanceNumber)", ["10", "9", "", "-100"], "10"),
        ("max(PixelSpacing)", ["0.5\\0.5", "0.5\\0.7", "0.10\\9"], "0.5\\0.7"),
        ("min(StudyDate)", ["20240101", "20231231"], "20231231"),
        ("max(PatientName)", ["10", "9"], "9"),
        ("max(StudyDate)", ["20240131", "20240231"], "20240131"),
        ("first(InstanceNumber)", [None, "", "x", "1"], "x"),
        ("min(InstanceNumber)", ["x", None], None),
        ("min(DoseGridScaling)", ["1e9999999", "1" * 70, "3e-7"], "3e-7"),
        ("Modality", ["CT", None, "PT", "CT", ""], "CT|PT"),
        ("unique(Modality)", ["CT"], "CT"),
        ("Modality", [None], None),
        ("count(Modality)", ["CT", None, "PT", "CT"], 2),
        ("files()", [None, None], 2),
        ("bytes()", [None, None], 200),
    ],
)
def test_what_a_group_shows(key: str, cells: list[str | None], value: object) -> None:
    group = Group([parse(key)])
    for cell in cells:
        group.add([cell], 100)
    assert list(group.cells()) == [value]


def test_numbers_are_exact() -> None:
    assert rank("number", "0.1") != rank("number", "0.1000000000000000001")
    assert rank("number", "1\\2.") == (False, [Decimal(1), Decimal(2)])
    assert rank("number", "1\\") is None


@pytest.mark.parametrize(
    ("key", "values", "least", "greatest"),
    [
        ("PatientAge", ["002Y", "010M", "300D", "old"], "300D", "002Y"),
        ("AcquisitionDateTime", ["20240101100000+0500", "20240101090000+0000"], "20240101100000+0500",
         "20240101090000+0000"),
        ("StudyTime", ["1030", "102959.9", "09"], "09", "1030"),
        ("StudyDate", ["2023.01.31", "20220101", "soon"], "20220101", "2023.01.31"),
        ("0019,01,NOBODY", ["10", "9", "-1"], "-1", "10"),
        ("0019,01,NOBODY", ["10", "B", "A"], "10", "B"),
    ],
)  # fmt: skip
def test_the_least_and_the_greatest_by_vr(key: str, values: list[str], least: str, greatest: str) -> None:
    group = Group([parse(f"min({key})"), parse(f"max({key})")])
    for value in values:
        group.add([value, value], 0)
    assert list(group.cells()) == [least, greatest]
