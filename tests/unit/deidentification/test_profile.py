from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

from dcmtools.deidentification.profile import CLEAN, OPTIONS, RETAIN, profile_from
from dcmtools.deidentification.rules import Rule
from dcmtools.encoding.dictionary import tag_of
from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def code(keyword: str, *options: str) -> str:
    retain, clean = ([option for option in options if option in known] for known in (RETAIN, CLEAN))
    return profile_from("basic", retain, clean).code(tag_of(keyword))


@pytest.mark.parametrize(
    ("options", "keyword", "expected"),
    [
        ((), "PatientName", "Z"),
        ((), "DeviceSerialNumber", "X/Z/D"),
        ((), "ReferencedImageSequence", "X/Z/U*"),
        ((), "PixelData", ""),
        (("uids",), "StudyInstanceUID", "K"),
        (("uids",), "PatientName", "Z"),
        (("dates",), "StudyDate", "K"),
        (("dates-shifted",), "StudyDate", "C"),
        (("patient",), "PatientSex", "K"),
        (("device",), "DeviceSerialNumber", "K"),
        (("institution",), "InstitutionName", "K"),
        (("descriptors",), "SeriesDescription", "C"),
        (("graphics",), "GraphicAnnotationSequence", "C"),
        (("structured",), "ContentSequence", "C"),
        (("patient", "descriptors"), "PatientState", "C"),
        # Of two options that which cleans: what is kept as it was would tell by how much dates are shifted.
        (("device",), "DateOfLastCalibration", "K"),
        (("device", "dates"), "DateOfLastCalibration", "K"),
        (("device", "dates-shifted"), "DateOfLastCalibration", "C"),
        (("uids", "device"), "DeviceUID", "K"),
    ],
)
def test_the_code_with_options(options: tuple[str, ...], keyword: str, expected: str) -> None:
    assert code(keyword, *options) == expected


@pytest.mark.parametrize("option", OPTIONS)
def test_no_option_keeps_name_number_or_birth_date(option: str) -> None:
    assert code("PatientBirthDate", option) == "Z"
    assert code("PatientName", option) == "Z"
    assert code("PatientID", option) == "Z/D"


def test_groups_and_private_elements() -> None:
    basic, asked = profile_from(), profile_from("basic", ["safe-private"], ["graphics"])
    assert [basic.code(tag) for tag in (0x50020010, 0x60023000, 0x60024000, 0x00291008, 0x60033000)] == [
        "X"
    ] * 5
    assert [asked.code(tag) for tag in (0x50020010, 0x60023000, 0x60024000, 0x00291008, 0x50010010)] == [
        "C"
    ] * 5
    assert [basic.code(tag) for tag in (0x60020010, 0x51000010, 0x7FE00010)] == [""] * 3


def test_safe_private_elements_are_kept_where_they_are_asked_for() -> None:
    asked = profile_from("basic", ["safe-private"])
    assert asked.safe_private("SIEMENS MR HEADER", 0x0019100C) == "IS"
    assert asked.safe_private("SIEMENS MR HEADER", 0x0019420C) == "IS"
    assert asked.safe_private("SIEMENS MR HEADER", 0x0019100A) == ""
    assert asked.safe_private("SIEMENS CSA HEADER", 0x00291010) == ""
    assert profile_from().safe_private("SIEMENS MR HEADER", 0x0019100C) == ""


def test_rules_by_tag_path_and_creator() -> None:
    asked = profile_from(
        keep=["PatientSex", "0019,9e,GEMS_ACQU_01"],
        remove=["RequestAttributesSequence.ScheduledProcedureStepID"],
        empty=["ScheduledProcedureStepID"],
        set_=["PatientComments=a=b"],
    )
    assert asked.rule(0x00100040) == Rule("keep", "--keep")
    assert asked.rule(0x00104000) == Rule("set", "--set", "LT", "a=b")
    assert asked.rule(0x00100010) is None
    assert asked.rule(0x00400009) == Rule("empty", "--empty")
    assert asked.rule_at((0x00400275, 0x00400009)) == Rule("remove", "--remove")
    assert asked.rule_at((0x00400100, 0x00400009)) == Rule("empty", "--empty")
    assert asked.rule_at((0x00400275, 0x00400007)) is None
    assert asked.private_rule("GEMS_ACQU_01", 0x0019109E) == Rule("keep", "--keep")
    assert asked.private_rule("GEMS_ACQU_01", 0x0019119E) == Rule("keep", "--keep")
    assert asked.private_rule("GEMS_ACQU_02", 0x0019109E) is None


def test_what_it_claims() -> None:
    asked = profile_from("basic", ["dates-shifted", "uids"], ["pixels"])
    assert [concept.value for concept in asked.codes()] == ["113100", "113101", "113107", "113110"]
    assert {concept.scheme for concept in asked.codes()} == {"DCM"}


@pytest.mark.parametrize(
    ("keep", "departures"),
    [
        ("PatientSex", ["PatientSex (0010,0040)"]),
        ("OtherPatientIDsSequence.PatientID", ["PatientID (0010,0020)"]),
        ("0029,10,SIEMENS CSA HEADER", ["(0029,10,SIEMENS CSA HEADER)"]),
        ("0019,0c,SIEMENS MR HEADER", []),  # it is safe
        ("SeriesInstanceUID", []),  # uids are retained
        ("EchoTime", []),  # nobody removes it
    ],
)
def test_what_keeps_more_than_the_basic_profile_does_not_claim_it(keep: str, departures: list[str]) -> None:
    asked = profile_from("basic", ["safe-private", "uids"], keep=[keep])
    assert asked.departures() == departures
    assert ("113100" in {concept.value for concept in asked.codes()}) is (not departures)


@pytest.mark.parametrize(
    ("keep", "identity"),
    [
        ("PatientID", ["PatientID (0010,0020)"]),
        ("RequestAttributesSequence.AccessionNumber", ["AccessionNumber (0008,0050)"]),
        ("PersonName", ["PersonName (0040,a123)"]),
        ("StudyDescription", []),
        ("EchoTime", []),
    ],
)
def test_what_says_who_somebody_is(keep: str, identity: list[str]) -> None:
    asked = profile_from(keep=[keep])
    assert asked.identity() == identity
    assert len(asked.ruled()) == 1


def test_it_goes_to_another_process() -> None:
    asked = profile_from("basic", ["uids"], keep=["PatientSex"])
    again = pickle.loads(pickle.dumps(asked))  # noqa: S301  our own
    assert again == asked
    assert again.code(0x0020000D) == "K"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"retain": ["dates", "dates-shifted"]}, "dates and dates-shifted exclude each other"),
        ({"retain": ["pixels"]}, "'pixels' is nothing to retain; known are uids,"),
        ({"clean": ["uids"]}, "'uids' is nothing to clean; known are descriptors,"),
        ({"keep": ["PatientNaam"]}, "--keep: 'PatientNaam' is not a keyword"),
        ({"set_": ["PatientName"]}, "--set: 'PatientName' is not Keyword=value"),
        ({"set_": ["StudyDate=x"]}, "--set: StudyDate"),
        ({"keep": ["PatientSex"], "remove": ["0010,0040"]}, "is given twice: --keep and --remove"),
        ({"empty": ["PatientSex", "PatientSex"]}, "is given twice: --empty and --empty"),
        ({"name_or_path": "reserch"}, "there is no profile 'reserch'"),
        ({"name_or_path": "./none.toml"}, "./none.toml: No such file"),
        ({"name_or_path": "none.toml"}, "none.toml: No such file"),
    ],
)
def test_what_is_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        profile_from(**options)


def test_a_name_means_a_file_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "trial.toml").write_text('retain = ["uids"]\n')
    asked = profile_from("trial", folder=str(tmp_path))
    assert (asked.name, asked.code(0x0020000D)) == ("trial", "K")
    with pytest.raises(UsageError, match=f"'other', nor {tmp_path}/other.toml"):
        profile_from("other", folder=str(tmp_path))


def test_the_command_line_adds_to_the_file_and_goes_before_it(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        'retain = ["dates"]\nclean = ["graphics"]\n[rules]\nPatientSex = "keep"\nEchoTime = "remove"\n'
    )
    asked = profile_from(str(path), ["uids"], ["pixels"], empty=["PatientSex"])
    assert sorted(asked.retain) == ["dates", "uids"]
    assert sorted(asked.clean) == ["graphics", "pixels"]
    assert asked.rule(0x00100040) == Rule("empty", "--empty")
    assert asked.rule(0x00180081) == Rule("remove", f"{path}: line 5")
    with pytest.raises(UsageError, match="exclude each other"):
        profile_from(str(path), ["dates-shifted"])
