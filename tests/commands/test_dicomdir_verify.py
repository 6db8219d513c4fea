"""Each rule of ``dicomdir verify``: one medium with that one fault, which is found, and nothing else is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.uid import ImplicitVRLittleEndian, MRImageStorage, SecondaryCaptureImageStorage

from dcmtools.media.file_checks import Checker, Expected
from tests.support import file_sets, samples
from tests.support.file_sets import NAMES, ROOT, Draft, Record, by_pydicom, image, medium
from tests.support.instances import write_instance
from tests.support.run import Run, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dcmtools.media.findings import Finding


def _verify(path: Path, *more: object) -> Run:
    return run("dicomdir", "verify", path, "--format", "json", *more)


def _found(path: Path, *more: object) -> list[tuple[str, str]]:
    """Return kind and severity of each finding, notes left out."""
    *findings, last = _verify(path, *more).records
    assert last["records"] is not None
    return [(each["kind"], each["severity"]) for each in findings if each["severity"] != "note"]


# ---------------------------------------------------------------- what is right


def test_nothing_is_wrong_with_a_right_medium(tmp_path: Path) -> None:
    done = run("dicomdir", "verify", medium(tmp_path / "m"))
    assert (done.status, done.stdout) == (0, "")
    assert done.stderr == "11 records and 4 files verified\n"


@pytest.mark.parametrize("name", ["dicomdirtests/DICOMDIR", "dicomdirtests/TINY_ALPHA/DICOMDIR"])
def test_good_ones_of_others_are_passed_in_silence(tmp_path: Path, name: str) -> None:
    source = samples.real_file(name)
    shutil.copytree(source.parent, tmp_path / "m", ignore=shutil.ignore_patterns("DICOMDIR-*", "TINY_ALPHA"))
    assert _verify(tmp_path / "m").status == 0
    assert _found(tmp_path / "m") == []


def test_one_that_pydicom_makes_is_passed_in_silence(tmp_path: Path) -> None:
    source = medium(tmp_path / "source")
    assert _found(by_pydicom(tmp_path / "m", [source / name for name in NAMES])) == []


@pytest.mark.skipif(not shutil.which("dcmmkdir"), reason="not installed: dcmmkdir")
def test_one_that_dcmmkdir_makes_is_passed_in_silence(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    (folder / "DICOMDIR").unlink()
    command = ["dcmmkdir", "-q", "+id", str(folder), "+r", "DICOM", "+D", str(folder / "DICOMDIR")]
    subprocess.run(command, check=True, cwd=folder)
    assert _found(folder) == []


def test_an_empty_one_is_right(tmp_path: Path) -> None:
    assert _found(medium(tmp_path / "m", lambda draft: draft.roots.clear()), "--quick") == []


def test_records_may_stand_in_any_order(tmp_path: Path) -> None:
    def reverse(draft: Draft) -> None:
        draft.order = draft.records[::-1]

    assert _found(medium(tmp_path / "m", reverse)) == []


def test_records_that_are_not_in_use_are_nothing_to_complain_of(tmp_path: Path) -> None:
    def put_out_of_use(draft: Draft) -> None:
        draft.of("IMAGE", 1).values.RecordInUseFlag = 0
        draft.of("IMAGE", 1).values.ReferencedFileID = ["GONE"]

    folder = medium(tmp_path / "m", put_out_of_use)
    (folder / NAMES[1]).unlink()
    assert _found(folder) == []


def test_records_may_share_a_file_in_the_way_that_is_retired(tmp_path: Path) -> None:
    shared = Record("MRDR")

    def share(draft: Draft) -> None:
        named = draft.of("IMAGE").values
        for element in list(named.group_dataset(0x0004)):
            if element.tag >= 0x00041500:
                shared.values.add(element)
                del named[element.tag]
        shared.values.NumberOfReferences = 1
        named.MRDRDirectoryRecordOffset = 0
        draft.order = [*draft.records, shared]

    def lead(draft: Draft) -> None:
        draft.of("IMAGE").values.MRDRDirectoryRecordOffset = shared.offset

    assert _found(medium(tmp_path / "m", share, lead)) == []


# ---------------------------------------------------------------- the DICOMDIR itself


def _set(kind: str, keyword: str, value: object, draft: Draft, number: int = 0) -> None:
    setattr(draft.of(kind, number).values, keyword, value)


def _drop(kind: str, keyword: str, draft: Draft) -> None:
    delattr(draft.of(kind).values, keyword)


def _head(keyword: str, value: object, draft: Draft) -> None:
    setattr(draft.head, keyword, value)


def _image_at_the_root(draft: Draft) -> None:
    draft.roots.append(draft.of("SERIES", 2).below.pop())


def _without_study(draft: Draft) -> None:
    draft.of("PATIENT", 1).below = draft.of("STUDY", 1).below


def _in_private(draft: Draft) -> None:
    draft.of("IMAGE").below.append(Record("PRIVATE"))


def _text(draft: Draft) -> None:
    draft.of("PATIENT").values.add_new(0x00100010, "PN", b"M\xfcller^A")
    draft.of("PATIENT").values["PatientName"].is_undefined_length = False


CHANGES: dict[str, tuple[Callable[[Draft], object], list[tuple[str, str]]]] = {
    "File-set ID in small letters": (partial(_head, "FileSetID", "test"), [("file-set-id", "error")]),
    "no File-set ID": (lambda draft: delattr(draft.head, "FileSetID"), [("element", "error")]),
    "inconsistent": (partial(_head, "FileSetConsistencyFlag", 0xFFFF), [("consistency", "error")]),
    "no consistency flag": (
        lambda draft: delattr(draft.head, "FileSetConsistencyFlag"),
        [("element", "error")],
    ),
    "README that is not there": (
        partial(_head, "FileSetDescriptorFileID", "README"),
        [("descriptor", "error")],
    ),
    "README in an unknown character set": (
        partial(_head, "SpecificCharacterSetOfFileSetDescriptorFile", "KLINGON"),
        [("charset", "error")],
    ),
    "no type": (partial(_drop, "IMAGE", "DirectoryRecordType"), [("element", "error"), ("type", "error")]),
    "a type of its own": (partial(_set, "IMAGE", "DirectoryRecordType", "PHOTO"), [("type", "error")]),
    "another flag": (partial(_set, "IMAGE", "RecordInUseFlag", 7), [("in-use", "warning")]),
    "no flag": (partial(_drop, "SERIES", "RecordInUseFlag"), [("element", "error")]),
    "an image at the root": (_image_at_the_root, [("level", "error")]),
    "a series below a series": (
        lambda draft: draft.of("SERIES").below.append(draft.of("STUDY").below.pop(1)),
        [("level", "error")],
    ),
    "an image below an image": (
        lambda draft: draft.of("IMAGE").below.append(draft.of("SERIES").below.pop(1)),
        [("level", "error")],
    ),
    "a series below a patient": (_without_study, [("level", "error")]),
    "a private record of no kind": (_in_private, [("element", "error")]),
    "no Patient ID": (partial(_drop, "PATIENT", "PatientID"), [("key", "error")]),
    "an empty Patient ID": (partial(_set, "PATIENT", "PatientID", ""), [("key", "error")]),
    "no name, which may be empty": (partial(_drop, "PATIENT", "PatientName"), [("key", "error")]),
    "an empty name": (partial(_set, "PATIENT", "PatientName", ""), []),
    "no UID of a study without file": (partial(_drop, "STUDY", "StudyInstanceUID"), [("key", "error")]),
    "no instance number": (partial(_drop, "IMAGE", "InstanceNumber"), [("key", "error")]),
    "an unknown character set": (
        partial(_set, "PATIENT", "SpecificCharacterSet", "KLINGON"),
        [("charset", "error")],
    ),
    "text in no character set": (_text, [("charset", "error")]),
    "a date that is none": (partial(_set, "STUDY", "StudyDate", "20241301"), [("value", "warning")]),
    "a File ID in small letters": (
        partial(_set, "IMAGE", "ReferencedFileID", NAMES[0].lower().split("/")),
        [("file-id", "error")],
    ),
    "a File ID that is too long": (
        partial(_set, "IMAGE", "ReferencedFileID", ["DICOM", "ABCDEFGHI"]),
        [("file-id", "error"), ("missing", "error")],
    ),
    "a File ID that leads out": (
        partial(_set, "IMAGE", "ReferencedFileID", ["..", "m", *NAMES[0].split("/")]),
        [("unsafe", "error")],
    ),
    "an absolute File ID": (
        partial(_set, "IMAGE", "ReferencedFileID", ["", "etc", "passwd"]),
        [("unsafe", "error")],
    ),
    "the DICOMDIR as a file": (
        partial(_set, "IMAGE", "ReferencedFileID", "DICOMDIR"),
        [("file-id", "error"), ("sop-class", "error")],
    ),
    "an image that names no file": (partial(_drop, "IMAGE", "ReferencedFileID"), [("file-id", "error")]),
    "no SOP class": (partial(_drop, "IMAGE", "ReferencedSOPClassUIDInFile"), [("element", "error")]),
    "another SOP class": (
        partial(_set, "IMAGE", "ReferencedSOPClassUIDInFile", MRImageStorage),
        [("sop-class", "error")],
    ),
    "another instance": (
        partial(_set, "IMAGE", "ReferencedSOPInstanceUIDInFile", "1.2.3"),
        [("sop-instance", "error")],
    ),
    "another transfer syntax": (
        partial(_set, "IMAGE", "ReferencedTransferSyntaxUIDInFile", ImplicitVRLittleEndian),
        [("transfer-syntax", "error")],
    ),
    "another patient": (partial(_set, "PATIENT", "PatientID", "P9", number=1), [("patient", "error")]),
    "another study": (
        partial(_set, "STUDY", "StudyInstanceUID", "1.2.3", number=1),
        [("study", "error")],
    ),
    "another series": (
        partial(_set, "SERIES", "SeriesInstanceUID", "1.2.3", number=2),
        [("series", "error")],
    ),
    "a file that two records name": (
        lambda draft: draft.of("SERIES").below.append(image(0)),
        [("file-twice", "error")],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_wrong_with_a_dicomdir_is_found_and_nothing_else(tmp_path: Path, name: str) -> None:
    change, expected = CHANGES[name]
    folder = medium(tmp_path / "m", change)
    # Whatever the record does not lead to any more is not what this is about.
    found = [each for each in _found(folder) if each[0] != "unreferenced"]
    assert found == expected
    failed = any(severity == "error" for _, severity in expected)
    assert run("dicomdir", "verify", folder).status == (1 if failed else 0)


# ---------------------------------------------------------------- offsets


NEXT, LOWER = "OffsetOfTheNextDirectoryRecord", "OffsetOfReferencedLowerLevelDirectoryEntity"
FIRST = "OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity"
LAST = "OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity"


def _shifted(draft: Draft) -> None:
    for keyword in (FIRST, LAST):
        setattr(draft.head, keyword, getattr(draft.head, keyword) - 4)
    for record in draft.records:
        for keyword in (NEXT, LOWER):
            if offset := getattr(record.values, keyword):
                setattr(record.values, keyword, offset - 4)


def _to(kind: str, keyword: str, target: str, draft: Draft) -> None:
    """Have the first record of a type lead to the first one of another."""
    setattr(draft.of(kind).values, keyword, draft.of(target).offset)


SPOILED: dict[str, tuple[Callable[[Draft], object], list[str]]] = {
    "nowhere below": (partial(_set, "STUDY", LOWER, 7), ["nowhere"]),
    "nowhere next": (partial(_set, "PATIENT", NEXT, 10**9), ["nowhere"]),
    "within a record": (
        lambda draft: _set("IMAGE", NEXT, draft.of("IMAGE", 1).offset + 8, draft),
        ["nowhere"],
    ),
    "first nowhere": (partial(_head, FIRST, 7), ["first"]),
    "last to the first": (lambda draft: _head(LAST, draft.roots[0].offset, draft), ["last"]),
    "around to itself": (partial(_to, "IMAGE", LOWER, "IMAGE"), ["loop"]),
    "around upwards": (partial(_to, "IMAGE", LOWER, "PATIENT"), ["loop"]),
    "around sideways": (lambda draft: _set("PATIENT", NEXT, draft.roots[0].offset, draft, 1), ["loop"]),
    "too soon ended": (partial(_set, "PATIENT", NEXT, 0), ["orphan"]),
    "left out": (partial(_set, "SERIES", LOWER, 0), ["orphan"]),
    "all of them shifted": (_shifted, ["offsets"]),
}


@pytest.mark.parametrize("name", SPOILED)
def test_wrong_offsets_are_found_and_nothing_else(tmp_path: Path, name: str) -> None:
    spoil, expected = SPOILED[name]
    folder = medium(tmp_path / "m", spoil=spoil)
    assert _found(folder) == [(kind, "error") for kind in expected]
    assert _verify(folder).records[-1]["files"] == len(NAMES)  # they are all looked at, whatever offsets say


def test_a_record_is_named_by_its_number_and_its_offset(tmp_path: Path) -> None:
    draft: list[Draft] = []
    folder = medium(tmp_path / "m", partial(_drop, "SERIES", "Modality"), draft.append)
    finding, _ = _verify(folder).records
    assert (finding["record"], finding["type"]) == (2, "SERIES")
    assert finding["offset"] == draft[0].of("SERIES").offset
    text = run("dicomdir", "verify", folder)
    where = f"dcmtools dicomdir verify: {folder}/DICOMDIR: record 2 (SERIES): the key Modality (0008,0060)"
    assert text.stderr.startswith(where)
    assert text.stderr.endswith("11 records and 4 files verified, 1 error\n")


# ---------------------------------------------------------------- the encoding of the DICOMDIR


@pytest.mark.parametrize("name", ["DICOMDIR-bigEnd", "DICOMDIR-implicit"])
def test_another_encoding_is_found(tmp_path: Path, name: str) -> None:
    source = samples.real_file(f"dicomdirtests/{name}")
    shutil.copytree(source.parent, tmp_path / "m", ignore=shutil.ignore_patterns("DICOMDIR*", "TINY_ALPHA"))
    shutil.copy(source, tmp_path / "m" / "DICOMDIR")
    assert _found(tmp_path / "m") == [("transfer-syntax", "error")]


def test_elements_out_of_order_are_found(tmp_path: Path) -> None:
    path = medium(tmp_path / "m") / "DICOMDIR"
    data = path.read_bytes()
    patient = b"\x10\x00\x10\x00PN\x06\x00Doe^P1" + b"\x10\x00\x20\x00LO\x02\x00P1"
    assert data.count(patient) == 1
    path.write_bytes(data.replace(patient, patient[14:] + patient[:14]))
    assert _found(path) == [("encoding", "warning")]


def test_one_without_a_uid_of_its_file_set_is_found(tmp_path: Path) -> None:
    path = medium(tmp_path / "m") / "DICOMDIR"
    uid = f"{ROOT}.0".encode()
    path.write_bytes(path.read_bytes().replace(uid, bytes(len(uid))))
    assert _found(path) == [("meta", "error")]


def test_a_dicomdir_that_is_cut_is_looked_at_as_far_as_it_goes(tmp_path: Path) -> None:
    path = medium(tmp_path / "m") / "DICOMDIR"
    path.write_bytes(path.read_bytes()[:-60])
    done = _verify(path)
    assert done.status == 1
    assert ("encoding", "error") in _found(path)
    assert done.records[-1]["files"] == len(NAMES) - 1 or done.records[-1]["files"] == len(NAMES)


def test_a_directory_of_another_name_is_found(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    (folder / "DICOMDIR").rename(folder / "DICOMDIR.OLD")
    assert _found(folder / "DICOMDIR.OLD") == [("name", "warning")]


# ---------------------------------------------------------------- the files


def _gone(folder: Path) -> None:
    (folder / NAMES[0]).unlink()


def _no_dicom(folder: Path) -> None:
    (folder / NAMES[0]).write_bytes(b"text" * 100)


def _empty(folder: Path) -> None:
    (folder / NAMES[0]).write_bytes(b"")


def _other(folder: Path, **values: Any) -> None:  # noqa: ANN401  of any element
    given = {
        "SOPInstanceUID": f"{ROOT}.4.1.1",
        "PatientID": "P1",
        "StudyInstanceUID": f"{ROOT}.2.1",
        "SeriesInstanceUID": f"{ROOT}.3.1",
    }
    write_instance(folder / NAMES[0], **{**given, **values})


def _forgotten(folder: Path) -> None:
    shutil.copy(folder / NAMES[0], folder / "DICOM" / "EXTRA")


def _folder(folder: Path) -> None:
    _gone(folder)
    (folder / NAMES[0]).mkdir()


def _pipe(folder: Path) -> None:
    _gone(folder)
    os.mkfifo(folder / NAMES[0])


def _in_implicit_vr(folder: Path) -> None:
    from pydicom import dcmread

    image = dcmread(folder / NAMES[0])
    image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    image.save_as(folder / NAMES[0], implicit_vr=True)


FILES: dict[str, tuple[Callable[[Path], object], list[tuple[str, str]]]] = {
    "gone": (_gone, [("missing", "error")]),
    "not DICOM": (_no_dicom, [("not-dicom", "error")]),
    "empty": (_empty, [("unreadable", "error")]),
    "a folder": (_folder, [("missing", "error")]),
    "a pipe": (_pipe, [("missing", "error")]),
    "another class": (
        partial(_other, SOPClassUID=SecondaryCaptureImageStorage),
        [("sop-class", "error")],
    ),
    "another instance": (partial(_other, SOPInstanceUID="1.2.3"), [("sop-instance", "error")]),
    "another patient": (partial(_other, PatientID="P2"), [("patient", "error")]),
    "no patient, whom the record has": (partial(_other, PatientID=None), []),
    "another case of letters": (partial(_other, PatientID="p1"), []),
    "another study": (partial(_other, StudyInstanceUID="1.2.3"), [("study", "error")]),
    "another series": (partial(_other, SeriesInstanceUID="1.2.3"), [("series", "error")]),
    "another transfer syntax": (_in_implicit_vr, [("transfer-syntax", "error")]),
    "forgotten": (_forgotten, [("unreferenced", "warning")]),
    "a link that leads nowhere": (
        lambda folder: (folder / "MORE").symlink_to("gone"),
        [("unreadable", "warning")],
    ),
    "a viewer": (lambda folder: (folder / "VIEWER.EXE").write_bytes(b"MZ" * 100), []),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_wrong_with_the_files_is_found_and_nothing_else(tmp_path: Path, name: str) -> None:
    spoil, expected = FILES[name]
    folder = medium(tmp_path / "m")
    spoil(folder)
    assert _found(folder) == expected
    errors = any(severity == "error" for _, severity in expected)
    assert run("dicomdir", "verify", folder).status == errors


def test_an_instance_in_two_files_is_a_warning(tmp_path: Path) -> None:
    def again(draft: Draft) -> None:
        record = image(0)
        record.values.ReferencedFileID = ["DICOM", "AGAIN"]
        draft.of("SERIES").below.append(record)

    folder = medium(tmp_path / "m", again)
    shutil.copy(folder / NAMES[0], folder / "DICOM" / "AGAIN")
    assert _found(folder) == [("instance-twice", "warning")]
    assert run("dicomdir", "verify", folder).status == 0


def test_quickly_no_file_is_opened(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    _no_dicom(folder)
    (folder / NAMES[1]).unlink()
    assert _found(folder, "--quick") == [("missing", "error")]


def test_a_viewer_is_mentioned_where_more_is_asked_for(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    (folder / "VIEWER.EXE").write_bytes(b"MZ")
    assert "VIEWER.EXE" not in run("dicomdir", "verify", folder).stderr
    assert "VIEWER.EXE: no record names it" in run("dicomdir", "verify", "-v", folder).stderr


def test_another_file_set_on_the_medium_is_its_own(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    medium(folder / "OTHER")
    assert _found(folder) == []


# ---------------------------------------------------------------- hostile media


def test_links_that_lead_out_are_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    folder = medium(tmp_path / "m")
    shutil.move(folder / "DICOM" / "P1", outside)
    (folder / "DICOM" / "P1").symlink_to(outside)
    (folder / "FORGOT").symlink_to(tmp_path / "outside" / "ST1" / "SE1" / "IM1")
    assert _found(folder) == [("missing", "error")] * 3


def test_text_of_a_record_does_not_reach_the_terminal_as_it_is(tmp_path: Path) -> None:
    def hostile(draft: Draft) -> None:
        draft.of("IMAGE").values.add_new(0x00041500, "CS", "A\x1b[31mB")

    done = run("dicomdir", "verify", medium(tmp_path / "m", hostile))
    assert done.status == 1
    assert "\x1b" not in done.stderr + done.stdout


# ---------------------------------------------------------------- media of every kind


def test_an_archive_is_a_medium(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    archive = shutil.make_archive(str(tmp_path / "burn"), "zip", tmp_path, "m")
    assert run("dicomdir", "verify", archive).stderr == "11 records and 4 files verified\n"
    _gone(folder)
    other = shutil.make_archive(str(tmp_path / "other"), "zip", folder)
    assert [each["kind"] for each in _verify(other).records[:-1]] == ["missing"]  # type: ignore[arg-type]


@pytest.mark.parametrize("what", ["nothing", "folder", "file"])
def test_what_is_no_medium_is_of_no_use(tmp_path: Path, what: str) -> None:
    path = tmp_path / "it"
    if what == "folder":
        path.mkdir()
    elif what == "file":
        shutil.copy(samples.ct(), path)
    assert run("dicomdir", "verify", path).status == 3


def test_the_kinds_of_findings_are_in_the_manual() -> None:
    told = run("dicomdir", "verify", "--help").stdout.partition("errors  ")[2].split()
    kinds = {kind for _, expected in (*CHANGES.values(), *FILES.values()) for kind, _ in expected}
    assert kinds | {kind for _, expected in SPOILED.values() for kind in expected} <= set(told)


def test_findings_make_rows_and_a_report(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    _gone(folder)
    report = tmp_path / "report.xml"
    done = run("dicomdir", "verify", folder, "--format", "csv", "--report", report)
    header, row, last = done.stdout.splitlines()
    assert header.split(",")[:3] == ["outcome", "file", "kind"] or "kind" in header
    assert "missing" in row
    assert last
    assert "failure" in report.read_text()


def test_ctrl_c_ends_it_with_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = medium(tmp_path / "m")
    _gone(folder)
    looked = Checker.__call__

    def stopped(checker: Checker, expected: Expected | Finding) -> list[Finding]:
        if isinstance(expected, Expected) and expected.number == 6:
            raise KeyboardInterrupt
        return looked(checker, expected)

    monkeypatch.setattr(Checker, "__call__", stopped)
    done = run("dicomdir", "verify", folder)
    assert done.status == 130
    assert "the medium has no such file" in done.stderr
    assert "stopped by the user" in done.stderr


def test_a_pipe_that_is_closed_ends_it_quietly(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    _gone(folder)
    command = f"{sys.executable} -m dcmtools dicomdir verify --format json {folder} 2>/dev/null | true"
    assert subprocess.run(["bash", "-c", command], check=False, timeout=60).returncode == 0


# ---------------------------------------------------------------- profiles


def test_what_a_profile_wants_is_looked_at_when_it_is_asked_for(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    assert _found(folder, "--profile", "STD-GEN-CD") == []
    found = _found(folder, "--profile", "STD-XABC-CD")
    assert ("profile", "error") in found  # of CT images it has none
    assert ("icon", "error") in found
    assert ("key", "error") in found


def test_a_profile_that_is_misspelt_is_told(tmp_path: Path) -> None:
    done = run("dicomdir", "verify", medium(tmp_path / "m"), "--profile", "STD-GEN-CDD")
    assert done.status == 2
    assert "STD-GEN-CD" in done.stderr


def _kinds_of(medium: Path | str) -> list[str]:
    return [
        each["kind"]
        for each in run("dicomdir", "verify", medium, "--format", "json").records
        if "kind" in each
    ]


@pytest.mark.parametrize("spelling", [".", "DICOMDIR", "./", "./DICOMDIR", "../medium"])
def test_a_medium_is_the_same_however_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    monkeypatch.chdir(file_sets.medium(tmp_path / "medium"))
    assert _kinds_of(spelling) == []


def test_a_record_of_another_type_than_its_class(tmp_path: Path) -> None:
    def other(draft: file_sets.Draft) -> None:
        draft.of("IMAGE", 0).values.ReferencedSOPClassUIDInFile = "1.2.840.10008.5.1.4.1.1.88.11"

    assert "type" in _kinds_of(file_sets.medium(tmp_path / "medium", other))


def test_two_records_of_one_study(tmp_path: Path) -> None:
    def same(draft: file_sets.Draft) -> None:
        draft.of("SERIES", 1).values.SeriesInstanceUID = draft.of("SERIES", 0).values.SeriesInstanceUID

    assert "twin" in _kinds_of(file_sets.medium(tmp_path / "medium", same))


def test_a_record_with_nothing_below(tmp_path: Path) -> None:
    def childless(draft: file_sets.Draft) -> None:
        draft.of("SERIES", 1).below.clear()

    assert sorted(_kinds_of(file_sets.medium(tmp_path / "medium", childless))) == ["empty", "unreferenced"]


def test_junk_of_that_name_hides_nothing(tmp_path: Path) -> None:
    medium = file_sets.medium(tmp_path / "medium")
    (medium / "X").mkdir()
    (medium / "X/DICOMDIR").write_bytes(b"junk")
    shutil.copy(medium / file_sets.NAMES[0], medium / "X/IM9")
    assert sorted(_kinds_of(medium)) == ["other", "unreferenced"]


def test_a_pipe_of_that_name_is_no_dicomdir(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "DICOMDIR")
    assert run("dicomdir", "list", tmp_path).status == 3
