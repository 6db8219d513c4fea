"""``dcmtools dump``: every element a line, what fails and with which status, text and JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest

from tests.support.encoded import EVL, IVL, part10
from tests.support.memory import peak_memory
from tests.support.run import run
from tests.support.samples import ct, dicomdir, mr, pydicom_data_files, real_file

DCMTOOLS = str(Path(sys.executable).with_name("dcmtools"))
NAME, IMAGES, PIXELS = 0x00100010, 0x00081140, 0x7FE00010
JANE = EVL.element(NAME, "PN", b"Doe^Jane")


@pytest.fixture
def jane(tmp_path: Path) -> Path:
    path = tmp_path / "jane.dcm"
    path.write_bytes(part10(JANE))
    return path


# ---------------------------------------------------------------- what is shown


def test_a_file_is_its_meta_and_its_data_set(jane: Path) -> None:
    done = run("dump", jane)
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "# File meta information",
        "(0002,0000) UL 28  # 4, 1 FileMetaInformationGroupLength",
        "(0002,0010) UI =ExplicitVRLittleEndian  # 20, 1 TransferSyntaxUID",
        "",
        "# Data set, ExplicitVRLittleEndian",
        "(0010,0010) PN [Doe^Jane]  # 8, 1 PatientName",
    ]


def test_lines_of_a_real_file() -> None:
    lines = run("dump", ct()).stdout.splitlines()
    for line in (
        "(0002,0002) UI =CTImageStorage  # 26, 1 MediaStorageSOPClassUID",
        "(0008,0008) CS [ORIGINAL\\PRIMARY\\AXIAL]  # 22, 3 ImageType",
        "(0008,0014) UI [1.3.6.1.4.1.5962.3]  # 18, 1 InstanceCreatorUID",
        "(0008,0050) SH (no value)  # 0, 0 AccessionNumber",
        "(0009,0010) LO [GEMS_IDEN_01]  # 12, 1 PrivateCreator",
        "(0009,1001) LO [GE_GENESIS_FF]  # 14, 1 Fullfidelity",
        "(0010,1002) SQ (Sequence with defined length)  # 72, 1 OtherPatientIDsSequence",
        "  (fffe,e000) na (Item with defined length)  # 28, 1 Item",
        "    (0010,0020) LO [ABCD1234]  # 8, 1 PatientID",
        "(0018,0050) DS [5.000000]  # 8, 1 SliceThickness",
        "(0019,1011) SS 2  # 2, 1 Seriescontrast",
        "(0028,0010) US 128  # 2, 1 Rows",
        "(0028,0103) US 1  # 2, 1 PixelRepresentation",
        "(0043,104e) FL 10.60061  # 4, 1 DurationofX-rayon",
        "(7fe0,0010) OW 00af\\00b4\\00a6\\008f\\008b\\0098\\00a7\\00bb\\00d4\\00ec\\00e5\\00d5\\00cb"
        "\\00cd\\00bf\\00cc\\...  # 32768, 1 PixelData",
    ):
        assert line in lines


def test_undefined_lengths_and_fragments(tmp_path: Path) -> None:
    """PS3.5 7.5 and A.4."""
    item = EVL.item(JANE, undefined=True)
    pixels = EVL.sequence(PIXELS, EVL.item(), EVL.item(b"\xff\xd8" * 9), undefined=True, vr="OB")
    path = tmp_path / "a.dcm"
    path.write_bytes(part10(EVL.sequence(IMAGES, item, undefined=True) + pixels))
    assert run("dump", path).stdout.splitlines()[5:] == [
        "(0008,1140) SQ (Sequence with undefined length)  # u/l, 1 ReferencedImageSequence",
        "  (fffe,e000) na (Item with undefined length)  # u/l, 1 Item",
        "    (0010,0010) PN [Doe^Jane]  # 8, 1 PatientName",
        "  (fffe,e00d) na (end of item)  # 0, 0 ItemDelimitationItem",
        "(fffe,e0dd) na (end of sequence)  # 0, 0 SequenceDelimitationItem",
        "(7fe0,0010) OB (encapsulated)  # u/l, 1 PixelData",
        "  (fffe,e000) na   # 0, 1 Item",
        "  (fffe,e000) na " + "ff\\d8\\" * 8 + "...  # 18, 1 Item",
        "(fffe,e0dd) na (end of sequence)  # 0, 0 SequenceDelimitationItem",
    ]


def test_columns_for_a_terminal_and_none_in_a_pipe(jane: Path) -> None:
    aligned = run("dump", "--color", "never", jane, terminal=True).stdout.splitlines()
    assert aligned[-1] == f"(0010,0010) PN {'[Doe^Jane]':<40}  # 8, 1 PatientName"
    assert "[Doe^Jane]  # 8" in run("dump", jane).stdout
    assert len({line.index("  # ") for line in aligned if line.startswith("(")}) == 1


def test_a_little_endian_sequence_in_a_big_endian_file(tmp_path: Path) -> None:
    """PS3.5 6.2.2."""
    from tests.support.encoded import EVB

    rows = IVL.element(0x00280010, "", b"\2\0")
    data = EVB.element(0x00091001, "UN", b"") + EVB.element(IMAGES, "UN", IVL.item(rows))
    path = tmp_path / "a.dcm"
    path.write_bytes(part10(data + EVB.element(0x00280010, "US", b"\0\3"), "1.2.840.10008.1.2.2"))
    lines = run("dump", path).stdout.splitlines()
    assert "    (0028,0010) US 2  # 2, 1 Rows" in lines
    assert "(0028,0010) US 3  # 2, 1 Rows" in lines


def test_real_files_of_every_kind() -> None:
    for name in ("ExplVR_BigEnd.dcm", "image_dfl.dcm", "MR_small_implicit.dcm", "JPEG2000.dcm", "rtplan.dcm"):
        done = run("dump", real_file(name))
        assert (done.status, done.stderr) == (0, "")
        assert "PatientName" in done.stdout
    assert "DirectoryRecordSequence" in run("dump", dicomdir()).stdout


def test_values_of_great_length_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    text = b"a" * 5_000_000 + b"\\b"
    path.write_bytes(
        part10(EVL.element(0x0040A160, "UT", text) + EVL.element(0x00189445, "OF", bytes(1 << 20)))
    )
    lines = run("dump", path).stdout.splitlines()[5:]
    assert lines[0].startswith("(0040,a160) UT [aaaa")
    assert lines[0].endswith("aaa]...  # 5000002, 1 TextValue")
    assert lines[1].endswith("\\0\\...  # 1048576, 1 Unknown")
    assert max(map(len, lines)) < 20_000


def test_values_are_counted_over_their_whole_length(tmp_path: Path) -> None:
    """PS3.5 6.4: also of a contour with more points than are shown."""
    path = tmp_path / "a.dcm"
    path.write_bytes(part10(IVL.element(0x30060050, "", b"1\\" * 99_999 + b"1 "), "1.2.840.10008.1.2"))
    assert run("dump", path).stdout.endswith("]...  # 200000, 100000 ContourData\n")


# ---------------------------------------------------------------- several inputs


def test_several_files_are_titled(jane: Path) -> None:
    lines = run("dump", jane, ct()).stdout.splitlines()
    assert lines[0] == f"# {jane}"
    assert f"# {ct()}" in lines


def test_a_folder_is_searched_and_its_files_are_titled(jane: Path) -> None:
    (jane.parent / "notes.txt").write_text("not DICOM")
    done = run("dump", "-v", jane.parent)
    assert done.status == 0
    assert done.stdout.startswith(f"# {jane}\n# File meta")
    assert "notes.txt: skipped: not a DICOM file" in done.stderr
    assert run("dump", jane.parent).stderr == "1 done, 1 skipped\n"


def test_standard_input() -> None:
    assert run("dump", "-", stdin=ct().read_bytes()).stdout == run("dump", ct()).stdout


def test_standard_input_of_a_process(jane: Path) -> None:
    expected = run("dump", jane).stdout
    with jane.open("rb") as file:
        assert (
            subprocess.run(
                [DCMTOOLS, "dump", "-"], stdin=file, capture_output=True, text=True, check=True
            ).stdout
            == expected
        )
    piped = subprocess.run([DCMTOOLS, "dump", "-"], input=jane.read_bytes(), capture_output=True, check=True)
    assert piped.stdout.decode() == expected


def test_a_pipe_by_name(jane: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(jane.read_bytes(),))
    writer.start()
    assert run("dump", pipe).stdout == run("dump", jane).stdout
    writer.join()


# ---------------------------------------------------------------- what fails


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"text\n" * 50, "not a DICOM file: no DICM prefix at offset 128"),
        (b"short", "not a DICOM file: it has 5 bytes, fewer than preamble and prefix"),
    ],
)
def test_an_unusable_file_is_status_3_with_the_reason(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(data)
    for options in ([], ["--strict"]):
        done = run("dump", *options, path)
        assert (done.status, done.stdout) == (3, "")
        assert done.stderr == f"dcmtools dump: {path}: {message}\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            part10(JANE)[:-1],
            "offset 172, (0010,0010): length 8 exceeds the 7 bytes left in the data set",
        ),
        (
            part10(EVL.sequence(IMAGES, EVL.item(EVL.element(NAME, "PN", b"A", length=2)))),
            "offset 192, (0008,1140)[0].(0010,0010): length 2 exceeds the 1 bytes left in the item or "
            "sequence around it",
        ),
        (JANE, "not a DICOM file: it has 16 bytes, fewer than preamble and prefix"),
    ],
)
def test_strictly_a_file_that_is_not_as_it_should_be_is_status_3(
    tmp_path: Path, data: bytes, message: str
) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(data)
    done = run("dump", "--strict", path)
    assert (done.status, done.stdout) == (3, "")
    assert done.stderr == f"dcmtools dump: {path}: {message}\n"


def test_a_missing_file_is_status_3(tmp_path: Path) -> None:
    done = run("dump", tmp_path / "missing")
    assert (done.status, done.stdout) == (3, "")
    assert done.stderr == f"dcmtools dump: {tmp_path}/missing: No such file or directory\n"


def test_one_bad_among_good_is_status_1(jane: Path) -> None:
    done = run("dump", jane, jane.parent / "missing", ct())
    assert done.status == 1
    assert done.stdout.count("# Data set") == 2
    assert done.stderr.splitlines()[-1] == "2 done, 1 failed"


def test_a_folder_without_dicom_is_status_3(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not DICOM")
    done = run("dump", tmp_path)
    assert (done.status, done.stdout) == (3, "")
    assert f"{tmp_path}: no DICOM file in this folder" in done.stderr


def test_no_argument_is_status_2() -> None:
    assert run("dump").status == 2
    assert run("dump", "--format", "xml", ct()).status == 2


@pytest.mark.parametrize("option", ["+P", "--search", "--value"])
def test_a_bad_keyword_is_status_2_with_a_suggestion(option: str) -> None:
    done = run("dump", option, "PatientNme", ct())
    assert (done.status, done.stdout) == (2, "")
    assert "'PatientNme' is not a keyword of PS3.6; did you mean PatientName?" in done.stderr


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.dcm").write_bytes(ct().read_bytes())
    command = f'"{DCMTOOLS}" dump "{tmp_path}" | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"# {tmp_path}/0.dcm", "141"]
    assert done.stderr == ""


SCRIPT = """
import sys
from dcmtools.cli.main import main
status = main(sys.argv[1:])
print("\\n", *sys.modules)
sys.exit(status)
"""


@pytest.mark.parametrize(
    "options", [(), ("--format", "json"), ("+P", "PatientName"), ("--value", "PatientName")]
)
def test_nothing_heavy_is_imported(options: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", SCRIPT, "dump", *options, str(ct()), str(mr())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = set(done.stdout.splitlines()[-1].split())
    assert not imported & {"pydicom", "numpy", "pynetdicom", "rich", "tempfile", "subprocess"}
    assert "dcmtools.inspection.dump" in imported


@pytest.mark.parametrize("options", [(), ("--strict",), ("--value", "PatientName")])
def test_a_large_deflated_data_set_is_not_in_memory(tmp_path: Path, options: tuple[str, ...]) -> None:
    path, folder = tmp_path / "deflated.dcm", tmp_path / "temporary"
    folder.mkdir()
    stream = zlib.compressobj(0, wbits=-15)
    size = 100 * 1024 * 1024
    with path.open("wb") as file:
        file.write(part10(stream.compress(JANE + EVL.header(PIXELS, "OB", size)), "1.2.840.10008.1.2.1.99"))
        for _ in range(100):
            file.write(stream.compress(os.urandom(1024 * 1024)))
        file.write(stream.flush())
    script = "import sys, tempfile; tempfile.tempdir = sys.argv.pop(1); from dcmtools.cli.main import main;"
    script += "assert main(sys.argv[1:]) == 0"
    assert peak_memory(script, str(folder), "dump", *options, path) < 60
    assert list(folder.iterdir()) == []
    path.unlink()


# ---------------------------------------------------------------- JSON


def test_json_is_one_record_a_file() -> None:
    done = run("dump", "--format", "json", ct(), mr())
    assert (done.status, done.stderr) == (0, "")
    assert [list(record) for record in done.records] == [
        ["file", "transfer_syntax", "dataset", "outcome"]
    ] * 2
    first = done.records[0]
    assert (first["file"], first["transfer_syntax"]) == (str(ct()), "1.2.840.10008.1.2.1")
    assert first["outcome"] == "done"
    assert first["dataset"]["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "CompressedSamples^CT1"}]}
    assert first["dataset"]["7FE00010"] == {"vr": "OW", "BulkDataURI": "?offset=6300&length=32768"}
    assert ct().stat().st_size == 6300 + 32768 + 12 + 126  # Data Set Trailing Padding follows


def test_json_of_what_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(part10(JANE)[:-1])
    done = run("dump", "--strict", "--format", "json", path, tmp_path / "missing")
    assert done.status == 3
    malformed, missing = done.records
    assert list(malformed) == ["file", "outcome", "error"]
    assert (malformed["file"], malformed["outcome"]) == (str(path), "failed")
    assert malformed["error"] == {
        "code": "malformed",
        "message": "offset 172, (0010,0010): length 8 exceeds the 7 bytes left in the data set",
    }
    assert missing["error"]["code"] == "input"


def test_json_of_a_skipped_file(jane: Path) -> None:
    (jane.parent / "notes.txt").write_text("not DICOM")
    records = run("dump", "--format", "json", jane.parent).records
    assert [record["outcome"] for record in records] == ["done", "skipped"]
    assert list(records[1]) == ["file", "outcome", "note"]


def test_json_of_100_levels(tmp_path: Path) -> None:
    data = JANE
    for _ in range(100):
        data = EVL.sequence(IMAGES, EVL.item(data))
    (tmp_path / "a.dcm").write_bytes(part10(data))
    done = run("dump", "--format", "json", tmp_path / "a.dcm")
    assert json.dumps(done.records[0]["dataset"]).count("00081140") == 100
    assert run("dump", tmp_path / "a.dcm").stdout.count("ReferencedImageSequence") == 100


def test_json_of_the_larger_files() -> None:
    paths = pydicom_data_files()
    done = run("dump", "--format", "json", *paths)
    assert len(done.records) == len(paths)
    assert sum(record["outcome"] in ("done", "warning") for record in done.records) >= len(paths) - 2
