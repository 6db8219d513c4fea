"""Templates: names made of values, hostile ones too, and what is wrong with a template."""

from __future__ import annotations

import os
import pickle
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmtools.errors import UsageError
from dcmtools.files.inputs import Input
from dcmtools.files.part10 import Part10File
from dcmtools.selection.fields import TemplateError
from dcmtools.selection.naming import LONGEST, cleaned, component
from dcmtools.selection.template import Named, Template
from tests.support.instances import write_instance

if TYPE_CHECKING:
    from pathlib import Path


def named(
    folder: Path, template: str, *, plain: bool = False, name: str = "in.dcm", **values: object
) -> Named:
    path = write_instance(folder / name, **values)
    with Part10File.open(str(path)) as file:
        return Template(template, plain=plain).named(file, Input(str(path)))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{PatientID}/{Modality}.dcm", "P1/CT.dcm"),
        ("{patientid}_{0008,0060}", "P1_CT"),
        ("{(0010,0020)}-{00080060}", "P1-CT"),
        ("{InstanceNumber:05}.dcm", "00007.dcm"),
        ("{SeriesNumber:03}/{SeriesNumber}", "003/3"),
        ("{StudyDate}", "20240102"),
        ("{StudyDate:%Y-%m-%d}", "2024-01-02"),
        ("{StudyDate:%Y}/{StudyDate:%m}", "2024/01"),
        ("{StudyTime:%H%M}", "1030"),
        ("{AcquisitionDateTime:%Y%m%d-%H%M%S}", "20240102-103059"),
        ("{StudyDescription:.4}", "Head"),
        ("{ImageType}", "ORIGINAL_PRIMARY_AXIAL"),
        ("{ImageType[2]}", "AXIAL"),
        ("{AccessionNumber|StudyID|PatientID}", "P1"),
        ('{AccessionNumber|"none"}/x', "none/x"),
        ("{file.name}/{file.stem}", "in.dcm/in"),
        ("{{{Modality}}}", "{CT}"),
        ("{TransferSyntaxUID}", "1.2.840.10008.1.2.1"),
        ("{RequestAttributesSequence.ScheduledProcedureStepID}", "S1"),
        ("{RequestAttributesSequence[1].ScheduledProcedureStepID}", "S2"),
        ("{(0029,10,ACME)}", "deep"),
        ("{0029,10,ACME}x", "deepx"),
        ("z{SliceLocation:04}", "z-0012.5"),
        ("{Rows:04}", "0002"),
        ("{EchoNumbers:03}_{EchoNumbers}", "007_000007"),
        ("{StudyInstanceUID:05}", "1.2"),
    ],
)
def test_values(template: str, expected: str, tmp_path: Path) -> None:
    from pydicom.dataset import Dataset

    steps = []
    for number in (1, 2):
        item = Dataset()
        item.ScheduledProcedureStepID = f"S{number}"
        steps.append(item)
    path = write_instance(
        tmp_path / "in.dcm",
        StudyTime="103059.123",
        AcquisitionDateTime="20240102103059.5+0100",
        StudyDescription="Head CT",
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        RequestAttributesSequence=steps,
        SliceLocation="-12.5",
        Rows=2,
        EchoNumbers="000007",
        StudyInstanceUID="1.2",
        StudyID="",
    )
    from pydicom import dcmread

    image = dcmread(path)
    image.private_block(0x0029, "ACME", create=True).add_new(0x10, "LO", "deep")
    image.save_as(path)
    with Part10File.open(str(path)) as file:
        assert Template(template).named(file, Input(str(path))) == Named(expected)


def test_missing(tmp_path: Path) -> None:
    found = named(
        tmp_path, "{AccessionNumber|StudyID}/{PatientName}/{ImageType[5]}.dcm", ImageType=["A", "B"]
    )
    assert found.path == "no-AccessionNumber/no-PatientName/no-ImageType.dcm"
    assert found.missing == ("AccessionNumber", "PatientName", "ImageType")


@pytest.mark.parametrize("value", ["", "^^", "   "])
def test_empty_is_missing(value: str, tmp_path: Path) -> None:
    assert named(tmp_path, "{PatientName|StudyID}", PatientName=value).missing == ("PatientName",)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("20240102", "2024-01-02_00"),
        ("2024010211", "2024-01-02_11"),
        ("202401021130", "2024-01-02_11"),
        ("202401", "202401"),  # which tells no day
        ("20241399", "20241399"),
    ],
)
def test_moments_in_part(moment: str, expected: str, tmp_path: Path) -> None:
    assert named(tmp_path, "{AcquisitionDateTime:%Y-%m-%d_%H}", AcquisitionDateTime=moment).path == expected


def test_further_words(tmp_path: Path) -> None:
    path = write_instance(tmp_path / "in.dcm")
    template = Template("{Modality}/{frame:04}.dcm", extra=("frame",))
    with Part10File.open(str(path)) as file:
        assert template.named(file, Input(str(path)), extra={"frame": "12"}).path == "CT/0012.dcm"
    assert Template.parsed(template.text, ("frame",)).extra == ("frame",)


def test_another_process_can_be_sent_it(tmp_path: Path) -> None:
    path = write_instance(tmp_path / "in.dcm", PatientName="Müller")
    sent = pickle.loads(pickle.dumps(Template("{PatientName}_{n}", extra=("n",), plain=True)))  # noqa: S301  our own
    with Part10File.open(str(path)) as file:
        assert sent.named(file, Input(str(path)), extra={"n": "1"}).path.isascii()


def test_values_of_many_files(tmp_path: Path) -> None:
    """What is remembered of one file is not taken for another's."""
    template = Template("{PatientID}/{StudyDate|PatientID}/{InstanceNumber:03}")
    for number, date in ((1, "20240101"), (2, None), (1, "20240103"), (1, "20240101")):
        path = write_instance(tmp_path / "in.dcm", InstanceNumber=number, StudyDate=date)
        with Part10File.open(str(path)) as file:
            path_made = template.named(file, Input(str(path))).path
        assert path_made == f"P1/{date or 'P1'}/{number:03}"


# ---------------------------------------------------------------- hostile values


HOSTILE = [
    "../../etc/passwd",
    "..",
    ".",
    "/etc/passwd",
    "C:\\Windows",
    "-rf",
    "~root",
    ".hidden",
    "a\x00b",
    "a\x1b[31mb",
    "a\nb",
    "a\u202egnp.exe",
    "CON",
    "nul.txt",
    "a/b/c",
    "trailing...",
    "x" * 3000,
    "ä" * 500,
    "\U0001d4b3" * 200,
    'a:b|c*d?e<f>g"h',
    "$(reboot)`id`",
    "\udc80\udcff",
    "e\u0301" * 90,
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("plain", [False, True])
def test_names_are_safe(value: str, *, plain: bool) -> None:
    for text in (cleaned(value, plain=plain), cleaned(value, exact=True, plain=plain)):
        for name in (component(text), component(f"{text}.dcm"), component(f"a_{text}")):
            assert_safe(name)
            assert not plain or name.isascii()


@given(st.text(), st.text(max_size=3), st.booleans())
def test_any_text_is_safe(value: str, literal: str, plain: bool) -> None:
    name = component(cleaned(value, plain=plain) + cleaned(literal, plain=plain))
    assert_safe(name)


def assert_safe(name: str) -> None:
    assert name
    assert 0 < len(name.encode()) <= LONGEST
    assert name not in (".", "..")
    assert name[0] not in ".-~ "
    assert name[-1] not in ". "
    assert not set(name) & set('/\\:*?"<>|$`;&\0\n\x1b ')
    assert not any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in name)
    assert name.split(".", maxsplit=1)[0].lower() not in ("con", "nul", "prn", "aux", "com1", "lpt1")


@given(st.lists(st.text(max_size=12), min_size=2, max_size=2, unique=True))
def test_two_patients_have_two_names(values: list[str]) -> None:
    one, other = (unicodedata.normalize("NFC", each) for each in values)
    if one != other and one.strip(" ^=_") and other.strip(" ^=_"):
        assert component(cleaned(one, exact=True)) != component(cleaned(other, exact=True))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("DOE^JOHN", "DOE_JOHN"),
        ("Müller^Jürgen", "Müller_Jürgen"),
        ("山田^太郎", "山田_太郎"),
        ("T1 Head  post", "T1_Head_post"),
        ("e\u0301", "é"),
        ("1.2.840", "1.2.840"),
    ],
)
def test_readable(value: str, expected: str) -> None:
    assert cleaned(value) == expected


def test_several_patient_ids_are_not_one_with_a_line_between(tmp_path: Path) -> None:
    several, one = (named(tmp_path, "{PatientID}", PatientID=each).path for each in (["A", "B"], "A_B"))
    assert one == "A_B"
    assert several.startswith("A_B-")


def test_value_that_leads_out(tmp_path: Path) -> None:
    found = named(tmp_path, "{PatientID}/{StudyID}.dcm", PatientID="../../..", StudyID="a/../../b")
    path = os.path.normpath(os.path.join("/out", found.path))
    assert path.startswith("/out/")
    assert path.count("/") == 3


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "wanted"),
        ("/abs", 1, "begins in the folder"),
        ("a//b", 3, "empty"),
        ("a/", 3, "empty"),
        ("a/../b", 3, "no name"),
        (".hidden/x", 1, "no name"),
        ("con", 1, "no name"),
        ("a\x1bb", 2, "no part of a name"),
        ("a\\b", 2, "no part of a name"),
        ("{Modality}|x", 11, "no part of a name"),
        ("{PatientNam}", 2, "did you mean PatientName?"),
        ("x/{Modality|}", 13, "wanted here"),
        ("{PatientID", 1, "never closed"),
        ("{PatientID]}", 11, "wanted here"),
        ("a}b", 2, "closes nothing"),
        ("{}", 2, "wanted here"),
        ("{frame}", 2, "not a keyword"),
        ("{file.size}", 2, "file.name and file.stem"),
        ("{RequestAttributesSequence}", 2, "sequence"),
        ("{PatientID:5}", 12, "a format is"),
        ("{PatientID:%Y}", 12, "dates and times"),
        ("{StudyDate:%Q}", 12, "%Y-%m-%d"),
        ("{StudyDate:%Y/%m}", 12, "%Y-%m-%d"),
        ('{"a/b"}', 2, "cannot stand"),
        ("{0029,10,ACME", 1, "never closed"),
        ("x" * 5000, 4097, "characters"),
    ],
)
def test_faults(text: str, column: int, words: str) -> None:
    with pytest.raises(TemplateError) as raised:
        Template(text)
    assert isinstance(raised.value, UsageError)
    assert words in raised.value.message
    assert raised.value.column == column
    assert raised.value.lines[1].index("^") == raised.value.lines[1].rindex("^")
