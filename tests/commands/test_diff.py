"""``dcmtools diff``: what is different between files, and between trees."""

from __future__ import annotations

import json
import shutil
import warnings
import zipfile
from copy import deepcopy
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tests.support.run import Run, run
from tests.support.samples import ct, mr, real_file, real_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
NO_ENCODING = ("--ignore-meta", "--ignore-transfer-syntax")


def made(**values: object) -> Dataset:
    """A small data set: 4 x 4 samples, and a private block."""
    data_set = Dataset()
    data_set.SpecificCharacterSet = "ISO_IR 100"
    data_set.SOPClassUID = CTImageStorage
    data_set.SOPInstanceUID = "1.2.3.4"
    data_set.PatientName = "Müller^Jürgen"
    data_set.PatientID = "P1"
    data_set.StudyDate = "20240102"
    data_set.SliceThickness = "1.50"
    data_set.ReconstructionFieldOfView = [2.5, 3.5]
    data_set.ReferencedImageSequence = [Dataset(), Dataset()]
    for number, item in enumerate(data_set.ReferencedImageSequence):
        item.ReferencedSOPClassUID = CTImageStorage
        item.ReferencedSOPInstanceUID = f"1.2.3.{number}"
    block = data_set.private_block(0x0029, "MAKER", create=True)
    block.add_new(0x01, "LO", "secret")
    data_set.SamplesPerPixel, data_set.PhotometricInterpretation = 1, "MONOCHROME2"
    data_set.Rows = data_set.Columns = 4
    data_set.BitsAllocated, data_set.BitsStored, data_set.HighBit = 16, 12, 11
    data_set.PixelRepresentation = 0
    data_set.PixelData = np.arange(16, dtype="<u2").tobytes()
    data_set["PixelData"].VR = "OW"
    for name, value in values.items():
        setattr(data_set, name, value)
    return data_set


def save(path: Path, data_set: Dataset, syntax: str = ExplicitVRLittleEndian) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    copy = deepcopy(data_set)
    if syntax == ExplicitVRBigEndian:
        copy.PixelData = np.frombuffer(copy.PixelData, "<u2").astype(">u2").tobytes()
    copy.file_meta = FileMetaDataset()
    copy.file_meta.TransferSyntaxUID = UID(syntax)
    copy.save_as(path, enforce_file_format=True)
    return path


def differences(a: Path, b: Path, *options: str) -> list[dict[str, Any]]:
    """What JSON says of a pair that differs."""
    done = run("diff", a, b, "--format", "json", *options)
    assert done.status == 1, done.stderr
    found: list[dict[str, Any]] = done.records[0]["differences"]
    return found


def paths(a: Path, b: Path, *options: str) -> list[str]:
    return [each["path"] for each in differences(a, b, *options)]


# -------------------------------------------------------------------- two files


def test_the_same_file_says_nothing() -> None:
    done = run("diff", ct(), ct())
    assert (done.status, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_another_encoding_is_no_difference_where_that_is_ignored(tmp_path: Path, syntax: str) -> None:
    a = save(tmp_path / "a", made())
    b = save(tmp_path / "b", made(), syntax)
    assert run("diff", a, b, *NO_ENCODING).status == 0
    if syntax != ExplicitVRLittleEndian:
        assert paths(a, b) == ["(0002,0010)"]


def test_real_files_are_the_same_in_any_encoding(tmp_path: Path) -> None:
    compared = 0
    for number, path in enumerate(real_files()):
        out = tmp_path / f"{number}.dcm"
        if (
            run("decompress", path, "-o", out, "--to", "implicit").status
            or out.read_bytes() == path.read_bytes()
        ):
            continue
        if pydicom.dcmread(path, force=True).file_meta.TransferSyntaxUID.is_compressed:
            continue
        done = run("diff", path, out, *NO_ENCODING)
        assert done.status == 0, (path, done.stdout[:1000])
        compared += 1
    assert compared > 10


def test_values_are_shown_as_lines_of_both(tmp_path: Path) -> None:
    a = save(tmp_path / "a", made())
    b = save(tmp_path / "b", made(PatientID="P2", StudyID="new"))
    done = run("diff", a, b)
    assert done.status == 1
    assert done.stdout.splitlines() == [
        f"--- {a}",
        f"+++ {b}",
        "- (0010,0020) LO [P1]  # PatientID",
        "+ (0010,0020) LO [P2]  # PatientID",
        "+ (0020,0010) SH [new]  # StudyID",
    ]
    assert "they differ" in done.stderr


def test_json_has_each_difference(tmp_path: Path) -> None:
    a = save(tmp_path / "a", made())
    b = save(tmp_path / "b", made(PatientID="P2"))
    assert differences(a, b) == [
        {"path": "(0010,0020)", "name": "PatientID", "kind": "changed", "vr": "LO", "a": "[P1]", "b": "[P2]"}
    ]


def _nested(data_set: Dataset) -> None:
    data_set.ReferencedImageSequence[1].ReferencedSOPInstanceUID = "1.2.9"


def _item(data_set: Dataset) -> None:
    data_set.ReferencedImageSequence.append(Dataset())


def _sequence(data_set: Dataset) -> None:
    del data_set.ReferencedImageSequence


def _private(data_set: Dataset) -> None:
    data_set[0x00291001].value = "other"


def _float(data_set: Dataset) -> None:
    data_set.ReconstructionFieldOfView = [2.5, 3.75]


def _name(data_set: Dataset) -> None:
    data_set.PatientName = "Muller^Jürgen"


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(
    ("change", "path"),
    [
        (_nested, "(0008,1140)[1].(0008,1155)"),
        (_item, "(0008,1140)[2]"),
        (_sequence, "(0008,1140)"),
        (_private, "(0029,1001)"),
        (_float, "(0018,9317)"),
        (_name, "(0010,0010)"),
    ],
)
def test_one_change_is_found_in_any_encoding(
    tmp_path: Path, syntax: str, change: Callable[[Dataset], None], path: str
) -> None:
    changed = made()
    change(changed)
    a, b = save(tmp_path / "a", made()), save(tmp_path / "b", changed, syntax)
    assert paths(a, b, *NO_ENCODING) == [path]
    assert paths(b, a, *NO_ENCODING) == [path]


def test_numbers_go_by_value_and_tolerance(tmp_path: Path) -> None:
    a = save(tmp_path / "a", made())
    same = save(tmp_path / "same", made(SliceThickness="1.5"))
    near = save(tmp_path / "near", made(SliceThickness="1.5004", ReconstructionFieldOfView=[2.5, 3.5004]))
    assert run("diff", a, same).status == 0
    assert paths(a, near) == ["(0018,0050)", "(0018,9317)"]
    assert run("diff", a, near, "--tolerance", "0.001").status == 0
    assert run("diff", a, near, "--relative-tolerance", "0.001").status == 0
    assert paths(a, near, "--tolerance", "0.0001") == ["(0018,0050)", "(0018,9317)"]


def test_text_is_compared_as_decoded(tmp_path: Path) -> None:
    a = save(tmp_path / "a", made())
    b = save(tmp_path / "b", made(SpecificCharacterSet="ISO_IR 192"))
    assert paths(a, b) == ["(0008,0005)"]
    assert run("diff", a, b, "--ignore-charset").status == 0


def test_the_same_bytes_in_another_character_set_are_other_text(tmp_path: Path) -> None:
    a = save(tmp_path / "a", made())
    data = a.read_bytes()
    b = tmp_path / "b"
    b.write_bytes(data.replace(b"ISO_IR 100", b"ISO_IR 144"))
    assert paths(a, b, "--ignore-charset") == ["(0010,0010)"]


def test_padding_and_lengths_are_no_difference(tmp_path: Path) -> None:
    a = made(PatientID="P1 ", PatientName="Müller^Jürgen^^")
    a["ReferencedImageSequence"].is_undefined_length = True
    assert run("diff", save(tmp_path / "a", a), save(tmp_path / "b", made())).status == 0


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_private_sequences_are_the_same_in_any_encoding(
    tmp_path: Path, syntax: str, *, undefined: bool
) -> None:
    def with_sequence(name: str) -> Dataset:
        data_set, item = made(), Dataset()
        item.PatientName = name
        data_set.private_block(0x0029, "MAKER").add_new(0x02, "SQ", [item])
        data_set[0x00291002].is_undefined_length = undefined
        return data_set

    a, b = save(tmp_path / "a", with_sequence("É")), save(tmp_path / "b", with_sequence("É"), syntax)
    assert run("diff", a, b, *NO_ENCODING).status == 0
    c = save(tmp_path / "c", with_sequence("E"), syntax)
    assert paths(a, c, *NO_ENCODING) == ["(0029,1002)[0].(0010,0010)"]


def test_private_blocks_go_by_their_creator(tmp_path: Path) -> None:
    moved = made()
    del moved[0x00290010], moved[0x00291001]
    moved.add_new(0x00290020, "LO", "MAKER")
    moved.add_new(0x00292001, "LO", "secret")
    assert run("diff", save(tmp_path / "a", made()), save(tmp_path / "b", moved)).status == 0
    moved[0x00290020].value = "OTHER"
    found = differences(tmp_path / "a", save(tmp_path / "b", moved))
    assert sorted(each["kind"] for each in found) == ["added", "added", "missing", "missing"]


def test_what_stands_twice_is_not_lost(tmp_path: Path) -> None:
    a = save(tmp_path / "a", made())
    data = a.read_bytes()
    element = b"\x10\x00\x20\x00LO\x02\x00P1"
    assert data.count(element) == 1
    b = tmp_path / "b"
    b.write_bytes(data.replace(element, element + element[:-2] + b"P7"))
    found = differences(a, b)
    assert [(each["path"], each["b"]) for each in found] == [("(0010,0020)", "[P7]")]


# -------------------------------------------------------------------- what is ignored


@pytest.mark.parametrize(
    ("option", "change"),
    [
        (("--ignore", "PatientID"), {"PatientID": "P2"}),
        (("--ignore", "0010,0020"), {"PatientID": "P2"}),
        (("--ignore-uids",), {"SOPInstanceUID": "1.9"}),
    ],
)
def test_what_is_ignored_is_no_difference(
    tmp_path: Path, option: tuple[str, ...], change: dict[str, str]
) -> None:
    a, b = save(tmp_path / "a", made()), save(tmp_path / "b", made(**change))
    assert run("diff", a, b).status == 1
    assert run("diff", a, b, *option).status == 0


def test_paths_are_ignored_at_any_depth(tmp_path: Path) -> None:
    other = made()
    _nested(other)
    a, b = save(tmp_path / "a", made()), save(tmp_path / "b", other)
    assert run("diff", a, b, "--ignore", "ReferencedImageSequence[0].ReferencedSOPInstanceUID").status == 1
    for path in ("ReferencedImageSequence.ReferencedSOPInstanceUID", "ReferencedImageSequence"):
        assert run("diff", a, b, "--ignore", path).status == 0
    assert run("diff", a, b, "--ignore", "ReferencedImageSequence[1].ReferencedSOPInstanceUID").status == 0


def test_an_element_is_ignored_at_any_depth(tmp_path: Path) -> None:
    other = made(SOPInstanceUID="1.9", PatientID="P2")
    _nested(other)
    a, b = save(tmp_path / "a", made()), save(tmp_path / "b", other)
    without = paths(a, b, "--ignore", "*.ReferencedSOPInstanceUID", "--ignore-meta")
    assert without == ["(0008,0018)", "(0010,0020)"]
    deep = "*.ReferencedImageSequence[0].ReferencedSOPInstanceUID"  # the other item has changed
    assert "(0008,1140)[1].(0008,1155)" in paths(a, b, "--ignore", deep)
    assert run("diff", a, b, "--ignore", "*.PatientID", "--ignore-uids").status == 0


def test_private_elements_are_ignored(tmp_path: Path) -> None:
    other = made()
    _private(other)
    a, b = save(tmp_path / "a", made()), save(tmp_path / "b", other)
    assert run("diff", a, b, "--ignore-private").status == 0
    assert run("diff", a, b, "--ignore", "0029,01,MAKER").status == 0


def test_uids_of_the_standard_count_even_where_uids_are_ignored(tmp_path: Path) -> None:
    a = save(tmp_path / "a", made())
    b = save(tmp_path / "b", made(SOPClassUID="1.2.840.10008.5.1.4.1.1.4"))
    assert "(0008,0016)" in paths(a, b, "--ignore-uids", "--ignore-meta")


# -------------------------------------------------------------------- pixels


def pixels(a: Path, b: Path, *options: str) -> tuple[Run, dict[str, Any]]:
    done = run("diff", a, b, "--format", "json", *options)
    return done, done.records[0]["pixels"]


def test_samples_are_measured_where_bytes_differ(tmp_path: Path) -> None:
    samples = np.arange(16, dtype="<u2")
    samples[3] += 5
    a, b = save(tmp_path / "a", made()), save(tmp_path / "b", made(PixelData=samples.tobytes()))
    done, told = pixels(a, b)
    assert done.status == 1
    psnr = 10 * np.log10(4095**2 / (25 / 16))
    assert told == {
        "same": False,
        "reason": "",
        "frames": 1,
        "frames_different": 1,
        "samples_different": 1,
        "max_error": 5.0,
        "psnr": round(float(psnr), 2),
    }
    assert "! pixel data: 1 of 1 frames differ, in 1 samples, by 5 at most" in run("diff", a, b).stdout


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (("--max-error", "5"), 0),
        (("--max-error", "4"), 1),
        (("--min-psnr", "60"), 0),
        (("--min-psnr", "90"), 1),
        (("--pixels", "none"), 0),
        (("--pixels", "samples"), 1),
    ],
)
def test_what_is_near_enough_is_the_same(tmp_path: Path, options: tuple[str, ...], status: int) -> None:
    samples = np.arange(16, dtype="<u2")
    samples[3] += 5
    a, b = save(tmp_path / "a", made()), save(tmp_path / "b", made(PixelData=samples.tobytes()))
    assert run("diff", a, b, *options).status == status


@pytest.mark.parametrize("to", ["jpeg-ls", "jpeg-2000-lossless", "rle", "jpeg-lossless"])
def test_what_was_compressed_without_loss_is_the_same(tmp_path: Path, to: str) -> None:
    small = tmp_path / "small.dcm"
    assert run("compress", ct(), "-o", small, "--to", to).status == 0
    assert run("diff", ct(), small, *NO_ENCODING).status == 0
    assert paths(ct(), small, "--ignore-meta") == ["(0002,0010)"]


def test_frames_that_are_not_all_there_are_told(tmp_path: Path) -> None:
    a = save(tmp_path / "a", made())
    b = save(tmp_path / "b", made(Rows=2, PixelData=bytes(16)))
    done = run("diff", a, b)
    assert done.status == 1
    assert "pixel data: 4 x 4 samples a frame, and 2 x 4" in done.stdout
    del (none := made()).PixelData
    assert "- (7fe0,0010) OW" in run("diff", a, save(tmp_path / "c", none)).stdout


def test_samples_that_cannot_be_decoded_are_not_called_different(tmp_path: Path) -> None:
    small, harmed = tmp_path / "small.dcm", tmp_path / "harmed.dcm"
    assert run("compress", ct(), "-o", small, "--to", "jpeg-ls").status == 0
    data = bytearray(small.read_bytes())
    at = data.rindex(b"\xff\xd8\xff")
    data[at + 2 : at + 60] = bytes(58)
    harmed.write_bytes(data)
    done = run("diff", ct(), harmed, *NO_ENCODING)
    assert done.status == 3
    assert f"{ct()} or {harmed}: pixel data: frame 1" in done.stderr
    done = run("diff", ct(), harmed, "--ignore-meta")  # but for what is different beside
    assert done.status == 1
    assert "pixel data: frame 1" in done.stderr
    done = run("diff", small, harmed)  # of one syntax the bytes tell
    assert done.status == 1
    assert "1 of 1 frames have other bytes (frame 1" in done.stdout


def test_pixel_data_that_makes_no_sense_is_compared_as_bytes(tmp_path: Path) -> None:
    a, b = made(), made(PixelData=bytes(32))
    for each in (a, b):
        del each.Rows
    first, second = save(tmp_path / "a", a), save(tmp_path / "b", b)
    assert paths(first, second) == ["(7fe0,0010)"]
    assert run("diff", first, save(tmp_path / "c", a)).status == 0


# -------------------------------------------------------------------- trees


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders: one file is the same, one has moved, one has changed, and each has one alone."""
    a, b = tmp_path / "a", tmp_path / "b"
    save(a / "same.dcm", made(SOPInstanceUID="1.1"))
    shutil.copytree(a, b)
    save(a / "here" / "moved.dcm", made(SOPInstanceUID="1.2"))
    save(b / "there" / "moved.dcm", made(SOPInstanceUID="1.2"))
    save(a / "changed.dcm", made(SOPInstanceUID="1.3"))
    save(b / "changed.dcm", made(SOPInstanceUID="1.3", PatientID="P9"))
    save(a / "alone-a.dcm", made(SOPInstanceUID="1.4"))
    save(b / "alone-b.dcm", made(SOPInstanceUID="1.5"))
    for folder in (a, b):
        (folder / "notes.txt").write_text("no DICOM")
    return a, b


def results(done: Run) -> dict[str, str]:
    """What became of each file, by its name."""
    told = {}
    for record in done.records:
        if record.get("result"):
            told[str(record["file"] or record["other"]).rsplit("/", 1)[1]] = record["result"]
    return told


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_trees_are_matched_by_uid(trees: tuple[Path, Path], jobs: str) -> None:
    done = run("diff", *trees, "--format", "json", "--jobs", jobs)
    assert done.status == 1
    assert results(done) == {
        "same.dcm": "same",
        "moved.dcm": "same",
        "changed.dcm": "different",
        "alone-a.dcm": "only_in_a",
        "alone-b.dcm": "only_in_b",
    }
    assert "2 the same, 1 different, 1 only in the first, 1 only in the second" in done.stderr


def test_trees_are_matched_by_path(trees: tuple[Path, Path]) -> None:
    done = run("diff", *trees, "--format", "json", "--match", "path")
    told = [
        (record["result"], record["file"], record["other"]) for record in done.records if "result" in record
    ]
    assert [each for each in told if "moved" in str(each)] == [
        ("only_in_a", str(trees[0] / "here" / "moved.dcm"), None),
        ("only_in_b", None, str(trees[1] / "there" / "moved.dcm")),
    ]


def test_a_new_uid_is_matched_by_path_unless_uids_alone_count(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    save(a / "1.dcm", made())
    save(b / "1.dcm", made(SOPInstanceUID="1.9"))
    assert run("diff", a, b, "--ignore-uids").status == 0
    done = run("diff", a, b, "--ignore-uids", "--match", "uid", "--format", "json")
    assert [record.get("result") for record in done.records[:2]] == ["only_in_a", "only_in_b"]


def test_equal_trees_are_the_same(trees: tuple[Path, Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trees[0], copy)
    done = run("diff", trees[0], copy)
    assert (done.status, done.stdout) == (0, "")
    assert done.stderr == "4 the same, 2 skipped\n"


def test_pairs_that_are_the_same_are_listed_where_that_is_asked_for(trees: tuple[Path, Path]) -> None:
    done = run("diff", *trees, "-v")
    for name in ("same.dcm", "moved.dcm"):
        (first,) = trees[0].rglob(name)
        (second,) = trees[1].rglob(name)
        assert f"{first}: the same as {second}" in done.stderr
        assert name not in run("diff", *trees).stderr


def test_archives_are_trees(trees: tuple[Path, Path], tmp_path: Path) -> None:
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(trees[0].rglob("*.dcm")):
            archive.write(path, path.relative_to(trees[0]))
    assert run("diff", trees[0], packed).status == 0


def test_several_of_one_uid_are_all_compared(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    for folder, names in ((a, ("1", "2")), (b, ("2", "3"))):
        for name in names:
            save(folder / name, made(PatientID="P1" if name != "3" else "P3"))
    done = run("diff", a, b, "--match", "uid", "--format", "json")
    told = [
        (record["file"][-1], record["other"][-1], record["result"])
        for record in done.records
        if record.get("result")
    ]
    assert sorted(told) == [("1", "3", "different"), ("2", "2", "same")]
    assert (
        "2 files of the first and 2 files of the second have SOP Instance UID 1.2.3.4"
        in run("diff", a, b, "--match", "uid").stderr
    )


def test_where_leaves_files_out(trees: tuple[Path, Path]) -> None:
    assert run("diff", *trees, "--where", 'SOPInstanceUID == "1.1"').status == 0
    assert run("diff", *trees, "--where", 'SOPInstanceUID == "1.4"').status == 1


# -------------------------------------------------------------------- what cannot be compared


def test_a_file_that_is_not_there_is_unusable(tmp_path: Path) -> None:
    done = run("diff", ct(), tmp_path / "none")
    assert done.status == 3
    assert f"{tmp_path / 'none'}: No such file or directory" in done.stderr


def test_what_is_no_dicom_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x" * 1000)
    (tmp_path / "same").write_text("x" * 1000)
    assert run("diff", tmp_path / "text", tmp_path / "same").status == 3
    assert run("diff", tmp_path / "text", ct()).status == 3


def test_a_damaged_file_is_never_the_same(tmp_path: Path) -> None:
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(mr().read_bytes()[:2000])
    done = run("diff", mr(), cut)
    assert done.status == 1
    assert f"warning: {cut}: offset" in done.stderr
    behind = tmp_path / "behind.dcm"
    behind.write_bytes(ct().read_bytes() + b"xyz")
    done = run("diff", ct(), behind)
    assert done.status == 3
    assert str(behind) in done.stderr


def test_one_that_fails_beside_others_that_are_the_same_is_status_3(
    trees: tuple[Path, Path], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(trees[0], copy)
    (copy / "changed.dcm").write_bytes((copy / "changed.dcm").read_bytes() + b"xyz")
    done = run("diff", trees[0], copy)
    assert done.status == 3, done.stderr
    assert "3 the same" in done.stderr
    assert run("diff", *trees).status == 1


def test_what_is_not_there_is_no_usage_error(tmp_path: Path) -> None:
    assert run("diff", tmp_path, tmp_path / "none").status == 3


# -------------------------------------------------------------------- what must not be overlooked


def test_tags_are_no_quantities(tmp_path: Path) -> None:
    a = save(tmp_path / "a", made(FrameIncrementPointer=0x00181063))
    b = save(tmp_path / "b", made(FrameIncrementPointer=0x00181065))
    assert run("diff", a, b, "--tolerance", "5").status == 1


def test_a_preamble_counts_unless_meta_is_ignored(tmp_path: Path) -> None:
    a, b = save(tmp_path / "a", made()), tmp_path / "b"
    b.write_bytes(b"MZ" + a.read_bytes()[2:])
    assert "(preamble) 4d" in run("diff", a, b).stdout
    assert run("diff", a, b, "--ignore-meta").status == 0


def test_the_transfer_syntax_can_be_ignored_by_its_name(tmp_path: Path) -> None:
    a, b = save(tmp_path / "a", made()), save(tmp_path / "b", made(), ImplicitVRLittleEndian)
    assert run("diff", a, b, "--ignore", "TransferSyntaxUID").status == 0


def test_bytes_behind_the_last_frame_count(tmp_path: Path) -> None:
    more = [made(PixelData=made().PixelData + each) for each in (b"abcd", b"abce", b"")]
    a, b, c = (save(tmp_path / name, each) for name, each in zip("abc", more, strict=True))
    for other in (b, c):
        for options in ((), ("--pixels", "samples")):
            done = run("diff", a, other, *options)
            assert done.status == 1
            assert "behind the last frame" in done.stdout
    assert run("diff", a, save(tmp_path / "d", more[0], ExplicitVRBigEndian), *NO_ENCODING).status == 0


def test_frames_that_are_not_counted_count(tmp_path: Path) -> None:
    pixels = made().PixelData
    a = save(tmp_path / "a", made(PixelData=pixels * 2))
    b = save(tmp_path / "b", made(PixelData=pixels + b"x" * 32))
    assert run("diff", a, b).status == 1


def test_a_second_element_of_pixels_counts(tmp_path: Path) -> None:
    first, second = (made(FloatPixelData=bytes(64), PixelData=value * 32) for value in (b"a", b"b"))
    assert run("diff", save(tmp_path / "a", first), save(tmp_path / "b", second)).status == 1
    twice = save(tmp_path / "c", made()).read_bytes()
    element = twice[-12 - 32 :]
    assert element.startswith(b"\xe0\x7f\x10\x00OW")
    for name, end in (("d", b"x"), ("e", b"y")):
        (tmp_path / name).write_bytes(twice + element[:-1] + end)
    assert run("diff", tmp_path / "d", tmp_path / "e").status == 1


def test_both_limits_have_to_hold(tmp_path: Path) -> None:
    samples = np.arange(16, dtype="<u2")
    samples[3] += 5
    a, b = save(tmp_path / "a", made()), save(tmp_path / "b", made(PixelData=samples.tobytes()))
    assert run("diff", a, b, "--max-error", "2", "--min-psnr", "30").status == 1
    assert run("diff", a, b, "--max-error", "5", "--min-psnr", "30").status == 0


def test_each_frame_needs_its_ratio(tmp_path: Path) -> None:
    frames = np.zeros((10, 4, 4), "<u2")
    a = save(tmp_path / "a", made(NumberOfFrames=10, PixelData=frames.tobytes()))
    frames[7] += 100
    b = save(tmp_path / "b", made(NumberOfFrames=10, PixelData=frames.tobytes()))
    psnr = 20 * np.log10(4095 / 100)
    assert run("diff", a, b, "--min-psnr", str(psnr + 0.1)).status == 1
    assert run("diff", a, b, "--min-psnr", str(psnr - 0.1)).status == 0


@pytest.mark.parametrize("other", [np.nan, np.inf])
def test_floats_that_are_no_numbers(tmp_path: Path, other: float) -> None:
    def floats(*values: float) -> Dataset:
        data_set = made(Rows=1, Columns=2, BitsAllocated=32, FloatPixelData=np.array(values, "<f4").tobytes())
        del data_set.PixelData
        return data_set

    a, b = save(tmp_path / "a", floats(other, 0.5)), save(tmp_path / "b", floats(1.0, 0.5))
    c = save(tmp_path / "c", floats(other, 0.25))
    done = run("diff", a, b, "--format", "json")
    assert done.status == 1
    assert done.records[0]["pixels"]["max_error"] is None  # which JSON has no number for
    assert run("diff", a, c, "--max-error", "0.25").status == 0


def test_grey_the_other_way_round_is_different(tmp_path: Path) -> None:
    a = save(tmp_path / "a", made())
    b = save(tmp_path / "b", made(PhotometricInterpretation="MONOCHROME1"), ImplicitVRLittleEndian)
    assert paths(a, b, *NO_ENCODING, "--pixels", "none") == ["(0028,0004)"]


def test_files_of_one_name_in_an_archive_are_all_compared(tmp_path: Path) -> None:
    one, other = save(tmp_path / "1", made()), save(tmp_path / "2", made(PatientID="P2"))
    for name, files in (("a.zip", [one, other]), ("b.zip", [other])):
        with zipfile.ZipFile(tmp_path / name, "w") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for file in files:
                archive.write(file, "1.dcm")
    assert run("diff", tmp_path / "a.zip", tmp_path / "b.zip").status == 1


def test_files_of_one_uid_are_compared_with_their_equals(tmp_path: Path) -> None:
    for path, patient in (("a/x", "P1"), ("a/y", "P2"), ("b/p", "P2"), ("b/q", "P1")):
        save(tmp_path / path, made(PatientID=patient))
    assert run("diff", tmp_path / "a", tmp_path / "b").status == 0


@pytest.mark.parametrize("option", ["--tolerance", "--relative-tolerance", "--max-error", "--min-psnr"])
def test_no_number_is_no_limit(option: str) -> None:
    assert run("diff", ct(), ct(), option, "nan").status == 2


def test_folders_without_dicom_are_unusable(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert run("diff", tmp_path / "a", tmp_path / "b").status == 3


def test_a_file_is_not_compared_with_a_folder(tmp_path: Path) -> None:
    done = run("diff", ct(), tmp_path)
    assert done.status == 2
    assert "name the file in the folder" in done.stderr


def test_standard_input_is_one_file() -> None:
    assert run("diff", "-", ct(), stdin=ct().read_bytes()).status == 0
    assert run("diff", "-", "-", stdin=ct().read_bytes()).status == 2


@pytest.mark.parametrize(
    "options",
    [
        ("--pixels", "none", "--max-error", "1"),
        ("--ignore", "PatientIDx"),
        ("--tolerance", "-1"),
        ("--match", "name"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: tuple[str, ...]) -> None:
    assert run("diff", ct(), ct(), *options).status == 2


# -------------------------------------------------------------------- how it looks


def test_brief_tells_which(trees: tuple[Path, Path]) -> None:
    a, b = (tree / "changed.dcm" for tree in trees)
    assert run("diff", a, b, "--brief").stdout == f"{a} and {b} differ\n"


def test_hostile_values_do_no_harm(tmp_path: Path) -> None:
    a = save(tmp_path / "a", made())
    b = tmp_path / "b\x1b[31m"
    b.write_bytes(a.read_bytes().replace(b"secret", b"\x1b]0;xx"))
    done = run("diff", a, b)
    assert done.status == 1
    assert "\x1b" not in done.stdout + done.stderr


def test_colour_is_for_terminals(tmp_path: Path) -> None:
    a, b = save(tmp_path / "a", made()), save(tmp_path / "b", made(PatientID="P2"))
    assert "\x1b[31m- (0010,0020)" in run("diff", a, b, "--color", "always").stdout
    assert "\x1b" not in run("diff", a, b).stdout


def test_json_is_what_pydicom_sees() -> None:
    """Every top-level element whose value pydicom calls different is told, and no other."""
    for one, other in (("CT_small.dcm", "MR_small.dcm"), ("rtplan.dcm", "rtdose.dcm")):
        a, b = real_file(one), real_file(other)
        first, second = (pydicom.dcmread(BytesIO(path.read_bytes())) for path in (a, b))
        told = {path[:11] for path in paths(a, b, "--ignore-meta", "--ignore-transfer-syntax")}
        wanted = set()
        for tag in {*first.keys(), *second.keys()}:
            same = tag in first and tag in second and _equal(first[tag], second[tag])
            if not same and tag & 0xFFFF and tag != 0x00280006:
                wanted.add(f"({tag >> 16:04x},{tag & 0xFFFF:04x})")
        private = {path for path in told ^ wanted if path[0] == "(" and int(path[1:5], 16) % 2 == 0}
        private -= {"(7fe0,0010)", "(0028,0004)"}
        assert not private, (one, other)


def _equal(one: pydicom.DataElement, other: pydicom.DataElement) -> bool:
    return bool(one.VR == other.VR and one.value == other.value)


def test_a_report_is_written(trees: tuple[Path, Path], tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    run("diff", *trees, "--report", report)
    assert "different" in {each.get("result") for each in json.loads(report.read_text())["results"]}
