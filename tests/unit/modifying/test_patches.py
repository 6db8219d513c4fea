"""Patches and values out of files, right and wrong ones."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import UsageError
from dcmtools.modifying.patches import read_bytes, read_patch

if TYPE_CHECKING:
    from pathlib import Path


def patch(folder: Path, text: str, name: str = "patch.toml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_toml(tmp_path: Path) -> None:
    (tmp_path / "comments.txt").write_text("one\ntwo\n")
    found = read_patch(
        patch(
            tmp_path,
            """
            erase = ["PatientAge", "Seq[*].PatientName"]
            erase-all = ["InstitutionName"]
            erase-private = true
            [set]
            PatientName = "A^B"
            Rows = 7
            ImageType = ["ORIGINAL", "PRIMARY"]
            "0029,10,CREATOR" = "x"
            ReferencedStudySequence.StudyID = "7"
            [replace]
            StudyDate = ""
            [replace-all]
            Modality = "CT"
            [set-file]
            PatientComments = "comments.txt"
            """.replace("Seq[*]", "ReferencedStudySequence[*]"),
        )
    )
    assert found.private
    assert [(each.kind, each.path, str(each.given), each.deep) for each in found.wanted] == [
        ("set", "PatientName", "A^B", False),
        ("set", "Rows", "7", False),
        ("set", "ImageType", "ORIGINAL\\PRIMARY", False),
        ("set", "0029,10,CREATOR", "x", False),
        ("set", "ReferencedStudySequence.StudyID", "7", False),
        ("replace", "StudyDate", "", False),
        ("replace", "Modality", "CT", True),
        ("set", "PatientComments", "one\ntwo", False),
        ("erase", "PatientAge", "None", False),
        ("erase", "ReferencedStudySequence[*].PatientName", "None", False),
        ("erase", "InstitutionName", "None", True),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[set]\nPatientNam = 'X'", "line 2: set.PatientNam: .*did you mean PatientName"),
        ("[set]\n\nRows = 'x'", "line 3: set.Rows: .*not a number"),
        ("[set]\nRows = true", "neither text nor a number"),
        ("[set]\nStudyDate = 2024-01-01", "neither text nor a number"),
        ("set = 3", "must be a table"),
        ("erase = 'PatientName'", "is a list of paths"),
        ("erase = ['SOPInstanceUID']", "cannot be erased"),
        ("erase-private = 'yes'", "is true or false"),
        ("sett = {}", "is none of set, replace"),
        ("[set-file]\nPixelData = 3", "is the name of a file"),
        ("[set-file]\nPixelData = 'missing'", "No such file"),
        ("[set", "at end of document"),
    ],
)
def test_toml_that_is_wrong(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        read_patch(patch(tmp_path, text))


def test_json(tmp_path: Path) -> None:
    model = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080060": {"vr": "CS"},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller"}]},
        "00280010": {"vr": "US", "Value": [7]},
        "00290010": {"vr": "LO", "Value": ["CREATOR"]},
        "00291001": {"vr": "UN", "InlineBinary": "YWI="},
        "00400275": {"vr": "SQ", "Value": [{"0020000D": {"vr": "UI", "Value": ["1.2"]}}]},
    }
    for text in (json.dumps(model), json.dumps([model])):
        found = read_patch(patch(tmp_path, text, "patch.JSON"))
        assert [(each.path, str(each.given)) for each in found.wanted] == [
            ("(0008,0060)", ""),
            ("(0010,0010)", "Müller"),
            ("(0028,0010)", "2 bytes of VR US"),
            ("(0029,01,CREATOR)", "2 bytes of VR UN"),
            ("(0040,0275)", "1 item"),
        ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1 column 2"),
        ("[" * 100_000, "too deep|line 1"),
        ("3", "a data set is an object"),
        ("[]", "0 data sets"),
        ('{"PatientName": {"vr": "PN"}}', "not a tag"),
        ('{"00100010": {}}', "the vr is missing"),
        ('{"00100010": {"vr": "LO"}}', "its VR is PN, not LO"),
        ('{"00080060": {"vr": "CS", "Value": ["ct"]}}', "is not of VR CS"),
        ('{"00280010": {"vr": "US", "Value": [70000]}}', "not a number that VR US can hold"),
        ('{"00280010": {"vr": "US", "BulkDataURI": "x"}}', "the value is elsewhere"),
        ('{"00020010": {"vr": "UI", "Value": ["1.2"]}}', "an element of the file meta"),
        ('{"00080018": {"vr": "UI"}}', "is not to be empty"),
        ('{"00291001": {"vr": "LO", "Value": ["x"]}}', "its private creator is missing"),
        ('{"00400275": {"vr": "SQ", "Value": [{"00080060": {"vr": "CS", "Value": ["ct"]}}]}}', "VR CS"),
        ('{"7FE00010": {"vr": "OW", "InlineBinary": "?"}}', "7fe0,0010"),
        ('{"7FE00010": {"vr": "OW"}}', "there is no value"),
        ('{"00280010": {"vr": "US", "Value": [1, 2]}}', "2 values where the VM is 1"),
        ('{"00100010": {"vr": "PN"}, "00100010": {"vr": "PN"}}', "'00100010' stands twice"),
        ('{"00100020": {"vr": "LO", "Value": ["x"], "InlineBinary": ""}}', "exclude each other"),
        pytest.param('{"00280010": {"vr": "US", "Value": [' + "1" * 5000 + "]}}", "4300 digits", id="digits"),
    ],
)
def test_json_that_is_wrong(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        read_patch(patch(tmp_path, text, "patch.json"))


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"called \.json or \.toml"):
        read_patch(patch(tmp_path, "", "patch.xml"))
    with pytest.raises(UsageError, match="No such file"):
        read_patch(str(tmp_path / "missing.json"))
    (tmp_path / "latin.json").write_bytes(b'{"\xfc')
    with pytest.raises(UsageError, match="byte 2 is not UTF-8"):
        read_patch(str(tmp_path / "latin.json"))
    with pytest.raises(UsageError, match="more than 1"):
        read_bytes(str(tmp_path / "latin.json"), 1)
    with pytest.raises(UsageError, match="folder"):
        read_bytes(os.fspath(tmp_path))


def test_keys_without_end(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nested too deep"):
        read_patch(patch(tmp_path, "a" + ".a" * 5000 + " = 1", "patch.toml"))


def test_bulk_values_are_of_any_length(tmp_path: Path) -> None:
    found = read_patch(
        patch(tmp_path, '{"7FE00010": {"vr": "OW", "InlineBinary": "AAAAAA=="}}', "patch.json")
    )
    assert [each.given and each.given.raw for each in found.wanted] == [bytes(4)]
