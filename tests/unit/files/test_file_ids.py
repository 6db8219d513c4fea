"""File IDs: the names that files have on a medium."""

from __future__ import annotations

import pytest

from dcmtools.files.file_ids import conformant, dangerous, from_value, shown, to_value


def test_a_value_and_back() -> None:
    assert from_value(b"DICOM\\IM1 ") == ("DICOM", "IM1")
    assert from_value(b"DICOM \\IM1\0") == ("DICOM", "IM1")
    assert from_value(b"") == ()
    assert to_value(("DICOM", "IM1")) == b"DICOM\\IM1"
    assert to_value(from_value(b"D\xe9\\IM1")) == b"D\xe9\\IM1"


@pytest.mark.parametrize("file_id", ["A", "A\\B\\C\\D\\E\\F\\G\\H", "DICOM\\IM_00001", "12345678"])
def test_what_conforms(file_id: str) -> None:
    assert conformant(file_id.split("\\")) == ""


@pytest.mark.parametrize(
    ("file_id", "why"),
    [
        ((), "empty"),
        (("A",) * 9, "9 components"),
        (("A", ""), "a component is empty"),
        (("ABCDEFGHI",), "9 characters"),
        (("A.DCM",), "other characters"),
        (("a",), "other characters"),
        (("IM1\n",), "other characters"),
        (("É",), "other characters"),
    ],
)
def test_what_does_not(file_id: tuple[str, ...], why: str) -> None:
    assert why in conformant(file_id)


@pytest.mark.parametrize(
    "file_id",
    [(), ("",), ("", "etc", "passwd"), ("..", "A"), ("A", "..", "B"), (".",), ("A/B",), ("/etc",), ("A\0",)],
)
def test_what_could_lead_out(file_id: tuple[str, ...]) -> None:
    assert dangerous(file_id)


@pytest.mark.parametrize("file_id", [("A",), ("a.dcm",), ("...",), ("A B", "é")])
def test_what_is_merely_unusual_is_looked_for(file_id: tuple[str, ...]) -> None:
    assert dangerous(file_id) == ""


def test_a_long_one_is_cut_where_it_is_shown() -> None:
    assert shown(("A", "B")) == "A\\B"
    assert len(shown(("A" * 1000,))) < 100
