"""``dcmtools dump +P`` and ``--value``: some elements only, and what becomes of those that are absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.encoded import EVL, part10
from tests.support.run import run
from tests.support.samples import ct, real_file

if TYPE_CHECKING:
    from pathlib import Path

NAME, ID, IDS, STEPS, PIXELS = 0x00100010, 0x00100020, 0x00101002, 0x00400275, 0x7FE00010
CHARSET = 0x00080005
NAME_LINE = "(0010,0010) PN [CompressedSamples^CT1]  # 22, 1 PatientName"


def shown(*args: object) -> list[str]:
    done = run("dump", *args, ct())
    assert (done.status, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.dcm"


# ---------------------------------------------------------------- +P


@pytest.mark.parametrize("option", ["+P", "--search"])
@pytest.mark.parametrize("key", ["PatientName", "patientname", "0010,0010", "(0010,0010)", "00100010"])
def test_an_element_by_keyword_or_tag(option: str, key: str) -> None:
    assert shown(option, key) == [NAME_LINE]


def test_several_elements_in_the_order_of_the_file() -> None:
    assert [line[:11] for line in shown("+P", "Rows", "+P", "PatientName", "+P", "0002,0010")] == [
        "(0002,0010)",
        "(0010,0010)",
        "(0028,0010)",
    ]


def test_a_single_tag_is_found_at_any_depth() -> None:
    assert shown("+P", "PatientID") == [
        "(0010,0020) LO [1CT1]  # 4, 1 PatientID",
        "    (0010,0020) LO [ABCD1234]  # 8, 1 PatientID",
        "    (0010,0020) LO [1234ABCD]  # 8, 1 PatientID",
    ]


def test_a_path_is_found_where_it_leads() -> None:
    assert shown("+P", "OtherPatientIDsSequence[1].PatientID") == [
        "    (0010,0020) LO [1234ABCD]  # 8, 1 PatientID"
    ]
    assert len(shown("+P", "OtherPatientIDsSequence.PatientID")) == 2


def test_a_private_element_by_its_creator() -> None:
    assert shown("+P", "0009,01,GEMS_IDEN_01") == ["(0009,1001) LO [GE_GENESIS_FF]  # 14, 1 Fullfidelity"]


def test_a_sequence_is_shown_with_what_it_holds() -> None:
    lines = shown("+P", "OtherPatientIDsSequence")
    assert [line.strip()[:11] for line in lines] == [
        "(0010,1002)",
        *["(fffe,e000)", "(0010,0020)", "(0010,0022)"] * 2,
    ]


@pytest.mark.parametrize("undefined", [False, True])
def test_a_sequence_is_shown_with_its_delimiters_and_nothing_behind(path: Path, undefined: bool) -> None:
    item = EVL.item(EVL.element(NAME, "PN", b"A "), undefined=undefined)
    inner = EVL.sequence(STEPS, item, undefined=undefined)
    outer = EVL.item(inner + EVL.element(0x00400276, "LO", b"x "), undefined=undefined)
    path.write_bytes(
        part10(EVL.sequence(IDS, outer, undefined=undefined) + EVL.element(0x00280010, "US", b"\1\0"))
    )
    tags = [line.strip()[:11] for line in run("dump", "+P", "0040,0275", path).stdout.splitlines()]
    ends = ["(fffe,e00d)", "(fffe,e0dd)"] if undefined else []
    assert tags == ["(0040,0275)", "(fffe,e000)", "(0010,0010)", *ends]


def test_encapsulated_pixel_data_is_shown_with_its_fragments() -> None:
    done = run("dump", "+P", "PixelData", "+P", "PatientName", real_file("JPEG2000.dcm"))
    assert done.status == 0
    assert [line.strip()[:11] for line in done.stdout.splitlines()] == [
        "(0010,0010)",
        "(7fe0,0010)",
        "(fffe,e000)",
        "(fffe,e000)",
        "(fffe,e0dd)",
    ]


def test_what_is_found_inside_a_sequence_that_is_shown_counts_as_found() -> None:
    assert len(shown("+P", "OtherPatientIDsSequence", "+P", "TypeOfPatientID")) == 7


def test_an_absent_element_is_status_1() -> None:
    done = run("dump", "+P", "PatientComments", ct())
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr == f"dcmtools dump: {ct()}: (0010,4000) is not in this file\n"


def test_one_absent_among_others_is_status_1_and_the_others_are_shown() -> None:
    done = run("dump", "+P", "PatientComments", "+P", "PatientName", "+P", "0009,77,NOBODY", ct())
    assert (done.status, done.stdout) == (1, f"{NAME_LINE}\n")
    assert done.stderr.endswith("(0010,4000), (0009,77,NOBODY) are not in this file\n")


def test_several_files_are_titled_where_something_was_found(path: Path) -> None:
    path.write_bytes(part10(EVL.element(NAME, "PN", b"A ")))
    done = run("dump", "+P", "Rows", path, ct())
    assert done.status == 1
    assert done.stdout.splitlines() == [f"# {ct()}", "(0028,0010) US 128  # 2, 1 Rows"]


def test_json_holds_what_is_searched_for_only() -> None:
    done = run("dump", "--format", "json", "+P", "TypeOfPatientID", "+P", "0009,01,GEMS_IDEN_01", ct())
    (record,) = done.records
    assert record["dataset"] == {
        "00091001": {"vr": "LO", "Value": ["GE_GENESIS_FF"]},
        "00101002": {"vr": "SQ", "Value": [{"00100022": {"vr": "CS", "Value": ["TEXT"]}}] * 2},
    }
    assert (done.status, record["outcome"]) == (0, "done")


def test_json_keeps_the_places_of_items() -> None:
    done = run("dump", "--format", "json", "+P", "OtherPatientIDsSequence[1].PatientID", ct())
    assert done.records[0]["dataset"] == {
        "00101002": {"vr": "SQ", "Value": [{}, {"00100020": {"vr": "LO", "Value": ["1234ABCD"]}}]}
    }


def test_json_of_a_sequence_and_of_what_is_absent() -> None:
    done = run("dump", "--format", "json", "+P", "OtherPatientIDsSequence", "+P", "PatientComments", ct())
    (record,) = done.records
    assert len(record["dataset"]["00101002"]["Value"][1]) == 2
    assert (done.status, record["outcome"]) == (1, "failed")
    assert record["error"] == {"code": "no", "message": "(0010,4000) is not in this file"}


def test_json_does_not_deny_what_the_meta_has() -> None:
    (record,) = run("dump", "--format", "json", "+P", "TransferSyntaxUID", ct()).records
    assert record["error"] == {"code": "no", "message": "(0002,0010) is not in this data set"}


# ---------------------------------------------------------------- --value


def test_a_bare_value() -> None:
    assert shown("--value", "PatientName") == ["CompressedSamples^CT1"]


def test_bare_values_in_the_order_asked_for() -> None:
    keys = ["Rows", "PatientName", "0002,0010", "0009,01,GEMS_IDEN_01", "SliceThickness", "ImageType"]
    assert shown(*(part for key in keys for part in ("--value", key))) == [
        "128",
        "CompressedSamples^CT1",
        "1.2.840.10008.1.2.1",
        "GE_GENESIS_FF",
        "5.000000",
        "ORIGINAL\\PRIMARY\\AXIAL",
    ]


def test_a_bare_value_of_a_single_tag_is_the_top_ones() -> None:
    assert shown("--value", "PatientID") == ["1CT1"]
    assert shown("--value", "OtherPatientIDsSequence.PatientID") == ["ABCD1234", "1234ABCD"]
    assert shown("--value", "OtherPatientIDsSequence[1].PatientID") == ["1234ABCD"]


@pytest.mark.parametrize(
    ("vr", "value", "text"),
    [
        ("US", b"\1\0\2\0", "1\\2"),
        ("SS", b"\xff\xff", "-1"),
        ("FD", b"\0\0\0\0\0\0\xe0\x3f", "0.5"),
        ("AT", b"\x10\0\x20\0", "(0010,0020)"),
        ("OB", b"\1\2\3\4", "1\\2\\3\\4"),
        ("LO", b" a \\ b ", "a\\b"),
        ("LT", b" a\nb ", " a\\x0ab"),
        ("LO", b"", ""),
        ("UI", b"1.2.840.10008.1.2\0", "1.2.840.10008.1.2"),
        ("DS", b"rubbish ", "rubbish"),
        ("ZZ", b"\1\2", "1\\2"),
    ],
)
def test_a_bare_value_of_each_kind(path: Path, vr: str, value: bytes, text: str) -> None:
    path.write_bytes(part10(EVL.element(0x00091001, vr, value)))
    done = run("dump", "--value", "0009,1001", path)
    assert (done.status, done.stdout, done.stderr) == (0, f"{text}\n", "")


def test_sequences_and_pixel_data_have_no_bare_value(path: Path) -> None:
    assert shown("--value", "OtherPatientIDsSequence") == ["(sequence)"]
    done = run("dump", "--value", "PixelData", real_file("JPEG2000.dcm"))
    assert (done.status, done.stdout) == (0, "(encapsulated)\n")
    path.write_bytes(part10(EVL.element(PIXELS, "OW", bytes(2 << 20))))
    done = run("dump", "--value", "PixelData", path)
    assert (done.status, done.stdout) == (3, "")
    assert "a value of 2097152 bytes is too long to be printed" in done.stderr


def test_a_value_in_the_character_set_of_its_item(path: Path) -> None:
    own = EVL.item(EVL.element(CHARSET, "CS", b"ISO_IR 192") + EVL.element(ID, "LO", "ü".encode()))
    inherited = EVL.item(EVL.element(ID, "LO", b"\xfc "))
    data = EVL.element(CHARSET, "CS", b"ISO_IR 100") + EVL.sequence(IDS, own, inherited)
    path.write_bytes(part10(data))
    assert run("dump", "--value", "OtherPatientIDsSequence.PatientID", path).stdout == "ü\nü\n"


def test_an_absent_value_is_status_1() -> None:
    done = run("dump", "--value", "PatientComments", ct())
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr == f"dcmtools dump: {ct()}: (0010,4000) is not in this file\n"


def test_what_is_there_is_printed_though_something_is_absent() -> None:
    done = run("dump", "--value", "PatientName", "--value", "PatientComments", ct())
    assert (done.status, done.stdout) == (1, "CompressedSamples^CT1\n")
    assert done.stderr.endswith("(0010,4000) is not in this file\n")


def test_an_empty_value_is_not_absent() -> None:
    assert shown("--value", "AccessionNumber") == [""]


def test_a_value_out_of_order_is_found(path: Path) -> None:
    """PS3.5 7.1 demands ascending tags; a file that has others is not one without the element."""
    path.write_bytes(part10(EVL.element(0x00280010, "US", b"\1\0") + EVL.element(NAME, "PN", b"A ")))
    assert run("dump", "--value", "PatientName", path).stdout == "A\n"


def test_a_value_before_the_fault_of_a_file_is_printed(path: Path) -> None:
    path.write_bytes(part10(EVL.element(NAME, "PN", b"A ") + EVL.element(PIXELS, "OW", b"ab", length=400)))
    assert run("dump", "--value", "PatientName", path)[:2] == (0, "A\n")
    for options, status in ((["--strict"], 3), ([], 1)):
        done = run("dump", *options, "--value", "PatientName", "--value", "PatientID", path)
        assert (done.status, done.stdout) == (status, "A\n")
        assert "(7fe0,0010): length 400 exceeds the 2 bytes left" in done.stderr
    assert done.stderr.endswith("; (0010,0020) is not in this file\n")


def test_a_character_set_of_undefined_length_does_no_harm(path: Path) -> None:
    """A sequence where a text should be."""
    path.write_bytes(part10(EVL.sequence(CHARSET, undefined=True, vr="UN") + EVL.element(NAME, "PN", b"A ")))
    assert run("dump", "--value", "PatientName", path)[:2] == (0, "A\n")
    assert run("dump", path).status == 0
    assert run("dump", "--format", "json", path).status == 0


def test_values_as_json() -> None:
    done = run("dump", "--format", "json", "--value", "PatientName", "--value", "ImageType[0].X1", ct())
    assert done.status == 2
    done = run("dump", "--format", "json", "--value", "PatientName", "--value", "PatientComments", ct())
    (record,) = done.records
    assert list(record) == ["file", "values", "outcome", "error"]
    assert record["values"] == {"(0010,0010)": ["CompressedSamples^CT1"], "(0010,4000)": []}
