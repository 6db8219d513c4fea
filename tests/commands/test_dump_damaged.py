"""``dcmtools dump`` on files that are not as they should be: what is shown, what is said, which status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.encoded import EVL, IVL, part10
from tests.support.run import run
from tests.support.samples import real_file

if TYPE_CHECKING:
    from pathlib import Path

NAME, AGE, PIXELS = 0x00100010, 0x00101010, 0x7FE00010
JANE = EVL.element(NAME, "PN", b"Doe^Jane")
AN_AGE = EVL.element(AGE, "AS", b"042Y")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.dcm"


def data_lines(text: str) -> list[str]:
    return text[text.index("# Data set") :].splitlines()


def test_what_can_be_read_is_shown_and_the_status_is_1(path: Path) -> None:
    path.write_bytes(part10(JANE + AN_AGE[:-2]))
    done = run("dump", path)
    place = len(part10(JANE))
    assert done.status == 1
    assert data_lines(done.stdout) == [
        "# Data set, ExplicitVRLittleEndian",
        "(0010,0010) PN [Doe^Jane]  # 8, 1 PatientName",
        "(0010,1010) AS [04]  # 2, 1 PatientAge",
    ]
    what = "length 4 exceeds the 2 bytes left in the data set"
    assert done.stderr == f"dcmtools dump: {path}: offset {place}, (0010,1010): {what}\n"


def test_of_many_problems_the_first_are_told_and_all_counted(path: Path) -> None:
    path.write_bytes(part10(JANE + EVL.header(0xFFFEE00D, "", 0) * 7))
    done = run("dump", path)
    assert done.status == 1
    assert done.stderr.count("(fffe,e00d) stands where nothing is to be delimited") == 3
    assert done.stderr.endswith("; and 4 more\n")


def test_problems_stand_in_the_record(path: Path) -> None:
    path.write_bytes(part10(AN_AGE + JANE[:-2]))
    done = run("dump", "--format", "json", path)
    (record,) = done.records
    place = len(part10(AN_AGE))
    what = "length 8 exceeds the 6 bytes left in the data set"
    assert (done.status, record["outcome"]) == (1, "failed")
    assert list(record) == ["file", "transfer_syntax", "dataset", "problems", "outcome", "error"]
    assert record["dataset"]["00100010"]["Value"] == [{"Alphabetic": "Doe^Ja"}]
    after = "the element stands after (0010,1010)"
    assert record["problems"] == [
        {"offset": place, "path": "(0010,0010)", "message": what, "serious": True},
        {"offset": place, "path": "(0010,0010)", "message": after, "serious": False},
    ]
    assert record["error"] == {"code": "damaged", "message": f"offset {place}, (0010,0010): {what}"}


def test_a_guess_is_said_aloud_and_the_status_is_0(path: Path) -> None:
    path.write_bytes(IVL.element(NAME, "", b"Doe^Jane"))
    done = run("dump", path)
    assert done.status == 0
    assert data_lines(done.stdout)[:2] == [
        "# Data set, ImplicitVRLittleEndian",
        "(0010,0010) PN [Doe^Jane]  # 8, 1 PatientName",
    ]
    told = "offset 0: neither preamble nor file meta information: read as ImplicitVRLittleEndian"
    assert done.stderr == f"dcmtools dump: {path}: warning: {told}\n"
    record = run("dump", "--format", "json", path).records[0]
    assert (record["outcome"], record["note"]) == ("warning", told)


def test_a_guess_is_said_in_the_same_words_whoever_asks(path: Path) -> None:
    path.write_bytes(EVL.element(AGE, "AS", b"042") + JANE)
    told = "offset 0: neither preamble nor file meta information: read as ExplicitVRLittleEndian"
    assert run("dump", path).stderr == f"dcmtools dump: {path}: warning: {told}\n"
    (record,) = run("dump", "--format", "json", path).records
    assert record["note"] == told
    assert len(record["problems"]) == 3
    more = "offset 0, (0010,1010): odd length 3; offset 11, (0010,0010): the element stands after (0010,1010)"
    assert run("dump", "-v", path).stderr == f"dcmtools dump: {path}: warning: {told}; {more}\n"


def test_damage_is_said_in_the_same_words_however_much_is_unusual(path: Path) -> None:
    path.write_bytes(part10(EVL.element(0x00104000, "LT", b"a" * 999) * 150 + JANE[:-2]))
    (record,) = run("dump", "--format", "json", path).records
    assert run("dump", path).stderr == f"dcmtools dump: {path}: {record['error']['message']}\n"
    assert record["error"]["message"].endswith("length 8 exceeds the 6 bytes left in the data set")


def test_what_is_only_unusual_is_told_where_asked_for(path: Path) -> None:
    path.write_bytes(part10(AN_AGE + JANE))
    assert run("dump", path)[::2] == (0, "")
    done = run("dump", "-v", path)
    place = len(part10(AN_AGE))
    told = f"offset {place}, (0010,0010): the element stands after (0010,1010)"
    assert (done.status, done.stderr) == (0, f"dcmtools dump: {path}: {told}\n")
    assert run("dump", "--format", "json", path).records[0]["note"] == told


def test_meta_that_declares_another_encoding_is_status_1(path: Path) -> None:
    path.write_bytes(part10(IVL.element(NAME, "", b"Doe^Jane")))
    done = run("dump", path)
    assert done.status == 1
    assert data_lines(done.stdout)[0] == "# Data set, ImplicitVRLittleEndian"
    assert "the data set is not encoded in 1.2.840.10008.1.2.1, which the file meta" in done.stderr


def test_an_element_that_is_absent_from_a_damaged_file(path: Path) -> None:
    path.write_bytes(part10(AN_AGE + JANE[:-1]))
    for form in (["+P"], ["--value"]):
        done = run("dump", *form, "PatientID", path)
        assert done.status == 1
        assert done.stderr.endswith(
            "length 8 exceeds the 7 bytes left in the data set; (0010,0020) is not in this file\n"
        )


def test_fragments_without_an_end_do_not_swallow_what_follows(path: Path) -> None:
    fragments = EVL.header(PIXELS, "OB", 0xFFFFFFFF) + EVL.item() + EVL.item(b"abcd")
    behind = EVL.sequence(0x00081140, EVL.item(JANE))
    path.write_bytes(part10(fragments + behind))
    assert [line.strip()[:14] for line in data_lines(run("dump", path).stdout)[1:]] == [
        "(7fe0,0010) OB",
        "(fffe,e000) na",
        "(fffe,e000) na",
        "(0008,1140) SQ",
        "(fffe,e000) na",
        "(0010,0010) PN",
    ]
    data_set = run("dump", "--format", "json", path).records[0]["dataset"]
    assert data_set["00081140"]["Value"] == [
        {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}}
    ]
    assert data_set["7FE00010"]["BulkDataURI"].endswith("&length=20")


def test_among_the_files_of_a_folder_one_without_preamble_counts(path: Path) -> None:
    path.write_bytes(JANE)
    path.with_name("b.txt").write_text("no DICOM")
    done = run("dump", path.parent)
    assert (done.status, done.stderr.splitlines()[-1]) == (0, "0 done, 1 warning, 1 skipped")


def test_real_files_without_preamble_or_meta() -> None:
    for name, syntax in (
        ("ExplVR_BigEndNoMeta.dcm", "ExplicitVRBigEndian"),
        ("ExplVR_LitEndNoMeta.dcm", "ExplicitVRLittleEndian"),
        ("rtstruct.dcm", "ImplicitVRLittleEndian"),
        ("meta_missing_tsyntax.dcm", "ImplicitVRLittleEndian"),
    ):
        done = run("dump", real_file(name))
        assert (done.status, data_lines(done.stdout)[0]) == (0, f"# Data set, {syntax}")
        assert f"read as {syntax}" in done.stderr


def test_a_value_that_runs_out_of_the_window_is_not_taken_for_another(tmp_path: Path) -> None:
    """Two files whose elements begin alike where the walker's window ends."""
    for shift in range(130, 190, 2):
        paths = []
        for ending in (b"11", b"22"):
            paths.append(tmp_path / f"{shift}-{ending.decode()}.dcm")
            filler = EVL.element(0x00091001, "OB", bytes(16184 + shift))
            text = EVL.element(AGE, "LO", b"A" * 36 + ending)
            paths[-1].write_bytes(part10(filler + text + EVL.element(PIXELS, "OB", bytes(40000))))
        shown = run("dump", *paths).stdout
        assert "A11]" in shown
        assert "A22]" in shown


def test_what_is_cut_is_not_taken_for_the_same_bytes_in_another_encoding(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.dcm", tmp_path / "z.dcm"
    number = EVL.element(NAME, "UL", b"abcd")  # with implicit VR: a name of a length that is not there
    whole.write_bytes(part10(EVL.element(0x00080060, "CS", b"MR") + number))
    cut.write_bytes(part10(IVL.element(0x00080060, "", b"MR") + number, "1.2.840.10008.1.2"))
    lines = [line for line in run("dump", whole, cut).stdout.splitlines() if "PatientName" in line]
    assert lines == [
        "(0010,0010) UL 1684234849  # 4, 1 PatientName",
        "(0010,0010) PN [abcd]  # 4, 1 PatientName",
    ]


def test_a_vr_to_come_in_the_meta(path: Path) -> None:
    syntax = EVL.element(0x00020010, "UI", b"1.2.840.10008.1.2.1\0")
    path.write_bytes(part10(JANE, meta=EVL.element(0x00020001, "KI", b"\0\1") + syntax))
    done = run("dump", path)
    assert (done.status, done.stderr) == (0, "")
    assert "(0002,0001) KI 00\\01  # 2, 1 FileMetaInformationVersion" in done.stdout
