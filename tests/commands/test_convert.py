"""``dcmtools convert``: DICOM to JSON and back."""

from __future__ import annotations

import base64
import json
import math
import os
import shutil
from typing import TYPE_CHECKING, Any

import pydicom
import pytest

from dcmtools.conversion import bulk_uris, from_json
from dcmtools.encoding import jsonmodel
from tests.support.archived import zipped
from tests.support.run import Run, run
from tests.support.samples import ct, mr, named_files, pydicom_data_files, real_file

if TYPE_CHECKING:
    from pathlib import Path

CLASS = {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.7"]}
MODEL: dict[str, Any] = {"00080016": CLASS, "00080018": {"vr": "UI", "Value": ["1.2.3"]}}
# What pydicom's files have that JSON has not, or that no file can be made of.
CANNOT_BECOME_JSON = {
    "ExplVR_BigEndNoMeta": "no DICM prefix",
    "ExplVR_LitEndNoMeta": "no DICM prefix",
    "MR_truncated": "exceeds",
    "SC_rgb_jpeg": "is not a value representation",
    "DICOMDIR-nooffset": "exceeds",
    "meta_missing_tsyntax": "names no transfer syntax",
    "no_meta": "no DICM prefix",
    "rtplan_truncated": "exceeds",
    "rtstruct": "no DICM prefix",
    "OT-PAL-8-face": "no DICM prefix",
    "emri_small_jpeg_2k_lossless_too_short": "delimiter",
}
CANNOT_COME_BACK = {
    "DICOMDIR": "of a DICOMDIR",
    "empty_charset_LEI": "SOPClassUID",
    "nested_priv_SQ": "SOPClassUID",
}
STANDS_TWICE = "winter"


def convert(*args: object, stdin: bytes = b"") -> Run:
    return run("convert", *args, "--jobs", 1, stdin=stdin)


def there_and_back(path: Path, folder: Path, *options: object) -> Path:
    out, back = folder / f"{path.stem}.json", folder / f"{path.stem}-back.dcm"
    done = convert(path, "-o", out, *options)
    assert done.status == 0, done.stderr
    done = convert(out, "-o", back)
    assert done.status == 0, done.stderr
    return back


def same(first: Path, second: Path, *options: object) -> None:
    done = run("diff", first, second, "--ignore-charset", "--ignore-meta", *options)
    assert done.status == 0, done.stdout


def model_in(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def written(folder: Path, model: object, name: str = "model.json") -> Path:
    path = folder / name
    path.write_text(model if isinstance(model, str) else json.dumps(model))
    return path


def back(folder: Path, model: object, *options: object) -> Run:
    return convert(written(folder, model), "-o", folder / "out.dcm", "--overwrite", *options)


def element(tag: str, vr: str, *values: object, **other: object) -> dict[str, Any]:
    return {**MODEL, tag: {"vr": vr, **({"Value": list(values)} if values else {}), **other}}


# -------------------------------------------------------------------- round trips


@pytest.mark.parametrize(
    ("name", "path"), [*named_files(), *((path.stem, path) for path in pydicom_data_files())]
)
def test_every_value_comes_back(name: str, path: Path, tmp_path: Path) -> None:
    stem = path.stem
    out, again = tmp_path / "out.json", tmp_path / "out.dcm"
    done = convert(path, "-o", out, "--meta")
    if stem in CANNOT_BECOME_JSON:
        assert (done.status, out.exists()) == (3, False)
        assert CANNOT_BECOME_JSON[stem] in done.stderr, name
        return
    assert done.status == 0
    assert ("stands twice" in done.stderr) == (stem == STANDS_TWICE)
    done = convert(out, "-o", again)
    reason = next((CANNOT_COME_BACK[key] for key in CANNOT_COME_BACK if stem.startswith(key)), "")
    if reason:
        assert (done.status, again.exists()) == (3, False)
        assert reason in done.stderr
        return
    assert done.status == 0, done.stderr
    if stem != STANDS_TWICE:
        same(path, again)


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "explicit-big-endian", "deflated"])
@pytest.mark.parametrize("name", ["CT_small.dcm", "ExplVR_BigEnd.dcm", "image_dfl.dcm", "liver_1frame.dcm"])
def test_every_value_comes_back_in_each_syntax(name: str, syntax: str, tmp_path: Path) -> None:
    path = real_file(name)
    assert convert(path, "-o", tmp_path / "a.json").status == 0
    done = convert(tmp_path / "a.json", "-o", tmp_path / "a.dcm", "--transfer-syntax", syntax)
    assert done.status == 0, done.stderr
    same(path, tmp_path / "a.dcm", "--ignore-transfer-syntax")


@pytest.mark.parametrize("name", ["CT_small.dcm", "JPEG2000.dcm", "ExplVR_BigEnd.dcm", "image_dfl.dcm"])
@pytest.mark.parametrize("bulk", ["inline", "file", "uri"])
def test_bulk_values_come_back_from_wherever_they_are(name: str, bulk: str, tmp_path: Path) -> None:
    path = tmp_path / name
    shutil.copy(real_file(name), path)
    same(path, there_and_back(path, tmp_path, "--bulk", bulk), "--ignore-transfer-syntax")


def test_files_of_bulk_values_are_beside_the_json(tmp_path: Path) -> None:
    assert convert(ct(), "-o", tmp_path / "in" / "ct.json", "--bulk", "file").status == 0
    model = model_in(tmp_path / "in" / "ct.json")
    uri = model["7FE00010"]["BulkDataURI"]
    assert uri.startswith("ct.bulk/7FE00010-")
    assert (tmp_path / "in" / uri).stat().st_size == 32768
    (tmp_path / "in").rename(tmp_path / "elsewhere")  # relative names move with the folder
    assert convert(tmp_path / "elsewhere" / "ct.json", "-o", tmp_path / "ct.dcm").status == 0
    same(ct(), tmp_path / "ct.dcm")


def test_a_folder_for_bulk_values_is_also_the_fence(tmp_path: Path) -> None:
    out = tmp_path / "json" / "ct.json"
    assert convert(ct(), "-o", out, "--bulk", "file", "--bulk-dir", tmp_path / "bulk").status == 0
    assert model_in(out)["7FE00010"]["BulkDataURI"].startswith("../bulk/")
    done = convert(out, "-o", tmp_path / "ct.dcm")
    assert done.status == 3
    assert "outside of" in done.stderr
    assert convert(out, "-o", tmp_path / "ct.dcm", "--bulk-dir", tmp_path / "bulk").status == 0
    same(ct(), tmp_path / "ct.dcm")


def test_bulk_values_left_out(tmp_path: Path) -> None:
    done = convert(ct(), "-o", tmp_path / "ct.json", "--bulk", "none", "--format", "json")
    assert done.status == 0
    assert done.records[0]["note"].endswith("bulk values left out")
    assert model_in(tmp_path / "ct.json")["7FE00010"] == {"vr": "OW"}
    done = convert(tmp_path / "ct.json", "-o", tmp_path / "back.dcm")
    assert done.status == 0
    assert "without a value, as where it was left out" in done.stderr


def test_records_of_dump_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ct(), tmp_path / "ct.dcm")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all.jsonl").write_text(run("dump", "--format", "json", "ct.dcm").stdout)
    assert convert("all.jsonl", "-o", "back.dcm").status == 0
    same(tmp_path / "ct.dcm", tmp_path / "back.dcm")


def test_exact_numbers(tmp_path: Path) -> None:
    values = ["1.50", "1.5", "007", "7", "1e400", "0.10000000000000001", "123456789012e99"]
    first = back(tmp_path, element("00282110", "DS", *values))
    assert first.status == 0
    assert convert(tmp_path / "out.dcm", "-o", tmp_path / "a.json").status == 0
    assert model_in(tmp_path / "a.json")["00282110"]["Value"] == [1.5, 1.5, 7, 7, *values[4:]]
    assert convert(tmp_path / "out.dcm", "-o", tmp_path / "b.json", "--exact").status == 0
    exact = model_in(tmp_path / "b.json")["00282110"]["Value"]
    assert exact == ["1.50", 1.5, "007", 7, *values[4:]]


# -------------------------------------------------------------------- to JSON


def test_what_json_says(tmp_path: Path) -> None:
    done = convert(real_file("JPEG2000.dcm"), "-o", tmp_path / "a.json", "--format", "json")
    (record,) = done.records
    size = (tmp_path / "a.json").stat().st_size
    assert {key: record[key] for key in ("to", "outputs", "data_sets", "bytes", "outcome")} == {
        "to": "json",
        "outputs": [str(tmp_path / "a.json")],
        "data_sets": 1,
        "bytes": size,
        "outcome": "done",
    }
    model = model_in(tmp_path / "a.json")
    assert next(iter(model)) == "00020010"
    assert [key for key in model if key.startswith("0002")] == ["00020010"]
    assert not [key for key in model if key.endswith("0000")]
    assert list(model) == sorted(model)


def test_native_pixel_data_needs_no_meta(tmp_path: Path) -> None:
    convert(ct(), "-o", tmp_path / "a.json")
    assert "00020010" not in model_in(tmp_path / "a.json")
    convert(ct(), "-o", tmp_path / "b.json", "--meta")
    assert model_in(tmp_path / "b.json")["00020016"] == {"vr": "AE", "Value": ["CLUNIE1"]}
    assert "00020000" not in model_in(tmp_path / "b.json")


def test_text_is_in_utf_8(tmp_path: Path) -> None:
    path = next(path for _, path in named_files() if path.stem == "chrH31")
    assert convert(path, "-o", tmp_path / "a.json").status == 0
    model = model_in(tmp_path / "a.json")
    assert model["00080005"]["Value"] == ["ISO_IR 192"]
    assert model["00100010"]["Value"][0]["Ideographic"] == "山田^太郎"


def test_text_that_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    data = ct().read_bytes()
    path.write_bytes(
        data.replace(b"CompressedSamples^CT1", b"CompressedSampl\xe9s^CT1").replace(
            b"ISO_IR 100", b"ISO_IR 192"
        )
    )
    done = convert(path, "-o", tmp_path / "a.json")
    assert done.status == 0
    assert "not in JSON: PatientName (0010,0010): bytes that are no text in its character set" in done.stderr
    assert model_in(tmp_path / "a.json")["00100010"]["Value"] == [
        {"Alphabetic": "CompressedSampl\ufffds^CT1"}
    ]


def test_a_character_set_can_be_assumed(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    data = ct().read_bytes().replace(b"ISO_IR 100", b"          ")
    path.write_bytes(data.replace(b"CompressedSamples^CT1", b"CompressedSampl\xe9s^CT1"))
    done = convert(path, "-o", tmp_path / "a.json", "--assume-charset", "ISO_IR 100", "--overwrite")
    name = model_in(tmp_path / "a.json")["00100010"]["Value"]
    if done.stderr:  # an empty character set is one that the data set names
        assert "PatientName" in done.stderr
    else:
        assert name == [{"Alphabetic": "CompressedSamplés^CT1"}]


def test_numbers_that_are_not_whole_are_told(tmp_path: Path) -> None:
    data = ct().read_bytes()
    at = data.index(b"\x28\x00\x10\x00US\x02\x00")
    (tmp_path / "a.dcm").write_bytes(data[:at] + b"\x28\x00\x10\x00OB"[:4] + b"UL\x02\x00" + data[at + 8 :])
    done = convert(tmp_path / "a.dcm", "-o", tmp_path / "a.json")
    assert done.status == 0
    assert "Rows (0028,0010): 2 bytes after the last whole number" in done.stderr


def test_a_folder_is_mirrored(tmp_path: Path) -> None:
    for name in ("in/a/1.dcm", "in/IM2"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ct() if "1" in name else mr(), tmp_path / name)
    (tmp_path / "in" / "notes.txt").write_text("no DICOM")
    done = convert(tmp_path / "in", "-o", tmp_path / "json", "--to", "json")
    assert done.status == 0
    found = sorted(str(path.relative_to(tmp_path / "json")) for path in (tmp_path / "json").rglob("*.json"))
    assert found == ["IM2.json", "a/1.json"]
    (tmp_path / "json" / "notes.txt").write_text("no JSON")
    done = convert(tmp_path / "json", "-o", tmp_path / "back", "--to", "dicom")
    assert done.status == 0
    same(tmp_path / "in" / "a" / "1.dcm", tmp_path / "back" / "a" / "1.dcm")
    same(tmp_path / "in" / "IM2", tmp_path / "back" / "IM2.dcm")


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    shutil.copy(ct(), tmp_path / "1.dcm")
    shutil.copy(real_file("MR_truncated.dcm"), tmp_path / "2.dcm")
    done = convert(tmp_path / "1.dcm", tmp_path / "2.dcm", "-o", tmp_path / "out", "--to", "json")
    assert done.status == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["1.json"]


def test_what_is_there_stays(tmp_path: Path) -> None:
    out = written(tmp_path, "mine", "out.json")
    done = convert(ct(), "-o", out)
    assert (done.status, out.read_text()) == (1, "mine")
    assert "--overwrite" in done.stderr
    done = convert(ct(), "-o", out, "--skip-existing")
    assert (done.status, out.read_text()) == (0, "mine")
    assert convert(ct(), "-o", out, "--overwrite").status == 0
    assert "00080016" in model_in(out)


def test_standard_output_and_input(tmp_path: Path) -> None:
    done = convert(ct(), "-o", "-", "--to", "json", "--bulk", "none", "--indent", 1)
    assert json.loads(done.stdout)["00080016"]
    assert "\n " in done.stdout
    done = convert("-", "-o", tmp_path / "a.json", stdin=ct().read_bytes())
    assert done.status == 0
    done = convert(
        "-", "-o", f"{tmp_path / 'out'}/", "--to", "dicom", stdin=(tmp_path / "a.json").read_bytes()
    )
    assert done.status == 0
    (made,) = (tmp_path / "out").iterdir()
    assert made.name == "1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322.dcm"
    same(ct(), made)


def test_files_in_archives(tmp_path: Path) -> None:
    archive = tmp_path / "in.zip"
    archive.write_bytes(zipped({"a.dcm": ct().read_bytes(), "b.json": json.dumps(MODEL).encode()}))
    assert convert(archive, "-o", tmp_path / "json", "--to", "json").status == 0
    assert (tmp_path / "json" / "a.json").exists()
    assert convert(archive, "-o", tmp_path / "dicom", "--to", "dicom").status == 0
    assert [path.name for path in (tmp_path / "dicom").iterdir()] == ["b.dcm"]
    done = convert(archive, "-o", tmp_path / "uri", "--to", "json", "--bulk", "uri")
    assert "has no URI" in done.stderr
    assert done.status == 3


@pytest.mark.parametrize(("kind", "name"), [("--lines", "all.jsonl"), ("--array", "all.json")])
def test_all_in_one_file(kind: str, name: str, tmp_path: Path) -> None:
    out = tmp_path / name
    bad = real_file("MR_truncated.dcm")
    done = convert(ct(), bad, mr(), "-o", out, kind)
    assert done.status == 1  # for the one that is cut
    text = out.read_text()
    models = [json.loads(line) for line in text.splitlines()] if kind == "--lines" else json.loads(text)
    assert [model["00080060"]["Value"] for model in models] == [["CT"], ["MR"]]
    assert convert(ct(), "-o", out, kind).status == 1  # it is there
    assert convert(ct(), mr(), "-o", out, kind, "--overwrite", "--jobs", 2).status == 0
    done = convert(out, "-o", tmp_path / "back", "--to", "dicom")
    assert done.status == 3
    assert "there are 2 data sets in it, and" in done.stderr
    assert not (tmp_path / "back").exists()
    done = convert(out, "-o", f"{tmp_path / 'backs'}/", "--to", "dicom", "--format", "json")
    assert done.status == 0
    assert done.records[0]["data_sets"] == len(done.records[0]["outputs"]) == 2
    assert convert(ct(), "-o", "-", kind).stdout.strip() == (
        convert(ct(), "-o", "-", "--to", "json").stdout.strip()
        if kind == "--lines"
        else f"[\n{convert(ct(), '-o', '-', '--to', 'json').stdout.strip()}\n]"
    )


def test_nothing_makes_no_file(tmp_path: Path) -> None:
    assert convert(real_file("MR_truncated.dcm"), "-o", tmp_path / "x.json", "--array").status == 3
    assert not (tmp_path / "x.json").exists()


def test_where(tmp_path: Path) -> None:
    done = convert(ct(), mr(), "-o", tmp_path / "all.json", "--array", "--where", "Modality == MR")
    assert done.status == 0
    assert len(json.loads((tmp_path / "all.json").read_text())) == 1
    done = convert(ct(), mr(), "-o", tmp_path / "out", "--to", "json", "--where", "Modality == MR")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["MR_small.json"]


def test_long_numbers_do_not_stand_inline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonmodel, "_MAX_VALUE", 4)
    done = convert(ct(), "-o", tmp_path / "a.json")
    assert done.status == 1
    assert "cannot stand inline" in done.stderr
    same(ct(), there_and_back(ct(), tmp_path, "--bulk", "file"))


# -------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["a", "-o", "b"], "Say with --to"),
        (["a.json", "-o", "b.dcm", "--bulk", "none"], "--bulk means nothing to --to dicom"),
        (["a.json", "-o", "b.dcm", "--exact"], "--exact means nothing"),
        (["a.json", "-o", "b.dcm", "--where", "Modality == CT"], "--where means nothing"),
        (["a.dcm", "-o", "b.json", "--strict"], "--strict means nothing to --to json"),
        (["a.dcm", "-o", "b.json", "--transfer-syntax", "implicit"], "--transfer-syntax means nothing"),
        (["a.dcm", "-o", "b.json", "--bulk-dir", "x"], "--bulk-dir wants --bulk file"),
        (["a.json", "-o", "b.dcm", "--bulk-dir", "/none"], "there is no folder /none"),
        (["a.dcm", "-o", "-", "--to", "json", "--bulk", "file"], "--bulk file wants --bulk-dir"),
        (["a.dcm", "-o", "b.json", "--lines", "--array"], "exclude each other"),
        (["a.dcm", "-o", "b.json", "--lines", "--indent", "2"], "exclude each other"),
        (["a.dcm", "-o", "b.json", "--lines", "--skip-existing"], "for a file each"),
        (["a.dcm", "-o", "/", "--to", "json", "--array"], "is a folder"),
        (["a.dcm", "-o", "b.json", "--overwrite", "--skip-existing"], "exclude each other"),
        (["a.dcm", "b.dcm", "-o", "all.json"], "there may be several files"),
        (["a.dcm", "-o", "-", "--to", "json", "--format", "json"], "Standard output is for the file"),
    ],
)
def test_usage(args: list[str], message: str) -> None:
    done = convert(*args)
    assert done.status == 2
    assert message in done.stderr


def test_what_is_what(tmp_path: Path) -> None:
    done = convert(written(tmp_path, MODEL), "-o", tmp_path / "x.json")
    assert done.status == 3
    assert "not a DICOM file" in done.stderr
    done = convert(ct(), "-o", tmp_path / "x.dcm")
    assert done.status == 3, "its ending says JSON, and OUT's DICOM: OUT's counts"
    assert "a DICOM file, not JSON" in done.stderr


# -------------------------------------------------------------------- from JSON


def test_every_vr(tmp_path: Path) -> None:
    sequence = {"00400007": {"vr": "LO", "Value": ["nested"]}}
    model = {
        **MODEL,
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080001": {"vr": "UL", "Value": [3]},  # Length to End: of no use, and harmless
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B", "Phonetic": "c"}, None]},
        "00101010": {"vr": "AS", "Value": ["042Y"]},
        "00100030": {"vr": "DA"},
        "00181600": {"vr": "CS", "Value": ["A", None, "B"]},
        "00280009": {"vr": "AT", "Value": ["00181063", "00181065"]},
        "00186026": {"vr": "SL", "Value": [-3]},
        "00409224": {"vr": "FD", "Value": ["NaN", "-Infinity", 0.1, 5]},
        "00182043": {"vr": "FL", "Value": [0.5]},
        "0040A30A": {"vr": "DS", "Value": [1.5, "2.50", 3, 0.1234567890123456789]},
        "00201206": {"vr": "IS", "Value": [4.0, "5"]},
        "00720082": {"vr": "SV", "Value": [-(2**63), "9223372036854775807"]},
        "00720083": {"vr": "UV", "Value": [2**64 - 1]},
        "00660016": {"vr": "OF", "InlineBinary": base64.b64encode(bytes(8)).decode()},
        "00400275": {"vr": "SQ", "Value": [sequence, {}, None]},
        "00081190": {"vr": "UR", "Value": ["http://a/b?c=d"]},
        "00420011": {"vr": "OB", "InlineBinary": "JVBERg=="},
        "0040A160": {"vr": "UT", "Value": ["a\\b "]},
        "00290010": {"vr": "LO", "Value": ["ACME"]},
        "00291001": {"vr": "UN", "InlineBinary": "AQI="},
    }
    done = back(tmp_path, model)
    assert done.status == 0, done.stderr
    data_set = pydicom.dcmread(tmp_path / "out.dcm")
    assert data_set.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert data_set.PatientName[0] == "A^B==c"
    assert list(data_set[0x00280009].value) == [0x00181063, 0x00181065]
    assert data_set[0x00186026].value == -3
    floats = data_set[0x00409224].value
    assert math.isnan(floats[0])
    assert list(floats[1:]) == [-math.inf, 0.1, 5]
    assert [str(value) for value in data_set[0x0040A30A].value] == ["1.5", "2.50", "3", "0.12345678901235"]
    assert "0.12345678901234568 is rounded to the 16 characters of a DS" in done.stderr
    assert list(data_set[0x00720082].value) == [-(2**63), 2**63 - 1]
    assert data_set[0x00720083].value == 2**64 - 1
    assert [len(item) for item in data_set[0x00400275].value] == [1, 0, 0]
    assert data_set[0x00291001].value == b"\1\2"
    assert data_set[0x00100030].value == ""


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("", "the file is empty"),
        ("[]", "there is no data set in it"),
        ("{", "line 1 column 2: Expecting property name"),
        ('{"00080016": {"vr": "UI",\n "Value" 3}}', "line 2 column 10"),
        ("3", "a data set is an object"),
        ('{"a": 1}', "'a' is not a tag"),
        ('{"00100010": {"vr": "PN"}, "00100010": {"vr": "PN"}}', "'00100010' stands twice"),
        ('{"0010001a": {"vr": "PN"}, "0010001A": {"vr": "PN"}}', "(0010,001a) stands twice"),
        ('{"00409224": {"vr": "FD", "Value": [NaN]}}', "NaN is no JSON"),
        ('{"00409224": {"vr": "FD", "Value": [1e999]}}', "1e999 is greater than any number"),
        ('{"00281101": {"vr": "US", "Value": [' + "1" * 1_000_000 + "]}}", "digits"),
        ("[" * 100_000, "it is nested too deep"),
        ('{"00400275":{"vr":"SQ","Value":[' * 300 + "]}}" * 300, "sequences are nested deeper than"),
        (element("00100010", "PN", "a\ud800"), "cannot be written in the data set's character set"),
        (element("00100010", "PN", {"Alphabetic": "a=b"}), "(0010,0010): a = in a component group"),
        (element("00100010", "PN", {"Other": "a"}), "is no value of VR PN"),
        (element("00100020", "LO", "a\\b"), "(0010,0020): a backslash in a value"),
        (element("00100020", "LO", 5), "(0010,0020): '5' is no value of VR LO"),
        (element("00100020", "LO", True), "'True' is no value of VR LO"),
        (element("00100020", "LO", ["a"]), "is no value of VR LO"),
        (element("00104000", "LT", "a", "b"), "VR LT has one value, not 2"),
        (element("00280010", "US", 65536), "'65536' is not a number that VR US can hold"),
        (element("00280010", "US", 1.5), "'1.5' is no value of VR US"),
        (element("00280010", "US", -1), "'-1' is not a number"),
        (element("00201206", "IS", 1.5), "'1.5' is no value of VR IS"),
        (element("00201206", "IS", 2**31), "is no value of VR IS"),
        (element("00182043", "FL", 1e39), "'1e+39' is too great for VR FL"),
        (element("00182043", "FL", "x"), "'x' is not a number"),
        (element("00280009", "AT", "0018"), "(0028,0009): "),
        (element("7FE00010", "OW", InlineBinary="AAA"), "InlineBinary is no Base64"),
        (element("7FE00010", "OW", 1), "a Value is not for VR OW"),
        (element("00100020", "LO", InlineBinary="AAAA"), "InlineBinary is not for VR LO"),
        (element("7FE00010", "OW", Value=[], InlineBinary="AAAA"), "exclude each other"),
        (element("7FE00010", "XX"), "the vr is missing, or none of PS3.5"),
        (element("00020100", "SQ", {}), "a sequence has no place"),
        (element("00020010", "UI", "../../x"), "'../../x' is no UID"),
        (element("00100020", "LO", value=["a"]), "'value' is no place for values"),
        (element("00100020", "LO", Values=["a"]), "'Values' is no place for values"),
        (element("7FE00010", "OW", bulk_data_uri="x"), "'bulk_data_uri' is no place"),
        (element("00041130", "CS", "A"), "it is an element of a DICOMDIR"),
        (element("FFFEE000", "OB"), "it is no element that a data set may have"),
        ({"00080018": CLASS}, "SOPClassUID (0008,0016) is missing"),
        ({"00080016": CLASS}, "SOPInstanceUID (0008,0018) is missing"),
    ],
)
def test_json_that_is_wrong(model: object, message: str, tmp_path: Path) -> None:
    done = back(tmp_path, model)
    assert done.status == 3
    assert message in done.stderr
    assert len(done.stderr) < 3000
    assert not (tmp_path / "out.dcm").exists()


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_bytes(b'\xef\xbb\xbf{"00100010": "\xff"}')
    done = convert(tmp_path / "model.json", "-o", tmp_path / "out.dcm")
    assert done.status == 3
    assert "byte 14 is not UTF-8" in done.stderr


def test_json_that_is_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_json, "_MOST_VALUES", 100)
    done = back(tmp_path, "[" + "{}," * 200 + "{}]")
    assert done.status == 3
    assert "more than 100 values" in done.stderr
    monkeypatch.setattr(from_json, "READABLE", 100)
    assert "bytes of JSON are more than" in back(tmp_path, MODEL).stderr


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (element("00100030", "DA", "19991350"), "PatientBirthDate (0010,0030): '19991350' is not of VR DA"),
        (element("0040A30A", "DS", "1.2345678901234567"), "is not of VR DS"),
        (element("00100020", "SH", "x"), "PatientID (0010,0020): its VR is LO, not SH"),
        (element("00280010", "US", 1, 2), "2 values where the VM is 1"),
        (element("00291001", "LO", "x"), "(0029,1001): its private creator is missing"),
        (element("00660016", "OF", InlineBinary="AAAAAAA="), "5 bytes are no whole number of values"),
        (
            element("00400275", "SQ", {"00400007": {"vr": "LO", "Value": ["x" * 65]}}),
            "RequestAttributesSequence (0040,0275)[0].ScheduledProcedureStepDescription (0040,0007)",
        ),
    ],
)
def test_what_is_not_as_the_standard_has_it(model: object, message: str, tmp_path: Path) -> None:
    done = back(tmp_path, model)
    assert done.status == 0
    assert f"warning: {message}" in done.stderr or message in done.stderr
    done = convert(tmp_path / "model.json", "-o", tmp_path / "strict.dcm", "--strict")
    assert done.status == 3
    assert message in done.stderr
    assert not (tmp_path / "strict.dcm").exists()


def test_text_beyond_ascii_gets_a_character_set(tmp_path: Path) -> None:
    done = back(tmp_path, element("00100010", "PN", {"Alphabetic": "Müller"}))
    assert "Specific Character Set is ISO_IR 192 now" in done.stderr
    assert pydicom.dcmread(tmp_path / "out.dcm").PatientName == "Müller"
    latin = {
        **element("00100010", "PN", {"Alphabetic": "Müller"}),
        "00080005": {"vr": "CS", "Value": ["ISO_IR 100"]},
    }
    assert back(tmp_path, latin).status == 0
    assert b"M\xfcller" in (tmp_path / "out.dcm").read_bytes()
    latin["00100010"]["Value"] = [{"Alphabetic": "山田"}]
    done = back(tmp_path, latin)
    assert done.status == 3
    assert "'山' cannot be written in the data set's character set, 'ISO_IR 100'" in done.stderr


def test_what_others_write(tmp_path: Path) -> None:
    name = element("00100010", "PN", {"Alphabetic": "A^B", "Ideographic": None})
    name["00100010"]["keyword"] = "PatientName"
    done = back(tmp_path, name)
    assert (done.status, done.stderr.count("warning")) == (0, 0)
    assert pydicom.dcmread(tmp_path / "out.dcm").PatientName == "A^B"
    done = back(tmp_path, element("00020010", "UI", "1.2.3"))
    assert "1.2.3 is no transfer syntax of PS3.6" in done.stderr


def test_numbers_that_floats_cannot_hold(tmp_path: Path) -> None:
    """What comes back has the value that was there, or it is told."""
    values = ["1e-330", "1.23456e-320", "-0", "1e-290"]
    assert (
        back(
            tmp_path,
            {**element("0040A30A", "DS", *values), "00201206": {"vr": "IS", "Value": ["99999999999"]}},
        ).status
        == 0
    )
    assert convert(tmp_path / "out.dcm", "-o", tmp_path / "a.json").status == 0
    model = model_in(tmp_path / "a.json")
    assert model["0040A30A"]["Value"] == [*values[:3], 1e-290]
    assert model["00201206"]["Value"] == ["99999999999"]
    raw = base64.b64encode(b"\x01\0\0\0\0\0\xf8\x7f").decode()
    assert back(tmp_path, element("00409224", "OD", InlineBinary=raw)).status == 0
    data = (tmp_path / "out.dcm").read_bytes().replace(b"OD\0\0\x08\0\0\0", b"FD\x08\0")
    (tmp_path / "nan.dcm").write_bytes(data)
    done = convert(tmp_path / "nan.dcm", "-o", tmp_path / "nan.json")
    assert "what is in a NaN" in done.stderr


def test_what_is_too_long_for_its_header(tmp_path: Path) -> None:
    values = ["1234567.25"] * 10_000
    assert back(tmp_path, element("0040A30A", "DS", *values)).status == 0
    assert pydicom.dcmread(tmp_path / "out.dcm")[0x0040A30A].VR in ("UN", "DS")
    assert convert(tmp_path / "out.dcm", "-o", tmp_path / "again.json").status == 0
    assert model_in(tmp_path / "again.json")["0040A30A"] == {"vr": "DS", "Value": [1234567.25] * 10_000}


# -------------------------------------------------------------------- pixel data


ITEMS = base64.b64encode(b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x04\0\0\0abcd").decode()
JPEG = "1.2.840.10008.1.2.4.50"
SYNTAX = {"00020010": {"vr": "UI", "Value": [JPEG]}}


@pytest.mark.parametrize(
    ("value", "meta", "options", "message"),
    [
        (ITEMS, {}, (), "(0002,0010) does not say how; --transfer-syntax can"),
        (ITEMS, SYNTAX, ("--transfer-syntax", "explicit"), f"is in {JPEG}, and stays so"),
        (ITEMS, {}, ("--transfer-syntax", "explicit"), "Pixel Data is encapsulated, as it cannot be"),
        ("AAAA", SYNTAX, (), "Pixel Data is not encapsulated"),
        ("AAAA", {}, ("--transfer-syntax", JPEG), "Pixel Data is not encapsulated"),
    ],
)
def test_pixel_data_in_another_syntax(
    value: str, meta: dict[str, Any], options: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = back(tmp_path, {**element("7FE00010", "OB", InlineBinary=value), **meta}, *options)
    assert done.status == 3
    assert message in done.stderr


def test_encapsulated_pixel_data_of_others(tmp_path: Path) -> None:
    plain = element("7FE00010", "OB", InlineBinary=ITEMS)
    fragments = element("7FE00010", "OB", DataFragment=[None, {"InlineBinary": "YWJjZA=="}])
    files = []
    for model, options in (
        ({**plain, **SYNTAX}, ()),
        (plain, ("--transfer-syntax", JPEG)),
        ({**fragments, **SYNTAX}, ()),
    ):
        assert back(tmp_path, model, *options).status == 0
        files.append((tmp_path / "out.dcm").read_bytes())
    assert files[0] == files[1] == files[2]
    data_set = pydicom.dcmread(tmp_path / "out.dcm")
    assert data_set.file_meta.TransferSyntaxUID == JPEG
    assert data_set["PixelData"].is_undefined_length
    done = back(tmp_path, {**element("7FE00010", "OB"), **SYNTAX})
    assert done.status == 0
    assert "Explicit VR Little Endian" in done.stderr


# -------------------------------------------------------------------- bulk data elsewhere


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("http://127.0.0.1/x", "nothing is fetched"),
        ("https://example.org/x?offset=1&length=2", "nothing is fetched"),
        ("//host/share/x", "nothing is fetched"),
        ("ftp:x", "nothing is fetched"),
        ("file://host/x", "nothing is fetched"),
        ("http://[", "Invalid IPv6"),
        ("../secret", "outside of"),
        ("in/../../secret", "outside of"),
        ("..%2Fsecret", "outside of"),
        ("/etc/passwd", "outside of"),
        ("file:///etc/passwd", "outside of"),
        ("link", "outside of"),
        ("linked/secret", "outside of"),
        ("", "it names no file"),
        ("?offset=0&length=1", "it names no file"),
        ("a%00b", "it names no file"),
        ("ten#5", "it names no file"),
        ("none", "No such file"),
        (".", "it is a folder"),
        ("pipe", "not a regular file"),
        ("ten?offset=8&length=4", "ends at offset 10"),
        ("ten?offset=0&length=9999999999", "in one data set"),
        ("ten?offset=-1&length=4", "only be offset and length"),
        ("ten?offset=1", "only be offset and length"),
        ("ten?offset=1&length=2&more=3", "only be offset and length"),
        ("ten?offset=1&offset=2", "only be offset and length"),
        ("ten?x", "BulkDataURI"),
    ],
)
def test_bulk_data_that_is_not_read(uri: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "ten").write_bytes(b"0123456789")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    done = back(folder, element("7FE00010", "OW", BulkDataURI=uri))
    assert done.status == 3
    assert message in done.stderr
    assert "(7fe0,0010): BulkDataURI" in done.stderr
    assert not (folder / "out.dcm").exists()


def test_bulk_data_has_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_uris, "MOST", 15)
    (tmp_path / "ten").write_bytes(b"0123456789")
    uri = {"vr": "OB", "BulkDataURI": "ten"}
    assert back(tmp_path, {**MODEL, "00420011": uri}).status == 0
    done = back(tmp_path, {**MODEL, "00420011": uri, "7FE00010": uri})
    assert done.status == 3
    assert "(7fe0,0010): BulkDataURI 'ten': with its 10 bytes" in done.stderr


def test_bulk_data_is_not_for_sequences_nor_other_text(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"M\xfcller")
    done = back(tmp_path, element("00400275", "SQ", BulkDataURI="latin"))
    assert "not for sequences" in done.stderr
    done = back(tmp_path, element("0040A160", "UT", BulkDataURI="latin"))
    assert "not UTF-8 at byte 1" in done.stderr


def test_json_from_a_pipe_has_no_folder(tmp_path: Path) -> None:
    (tmp_path / "ten").write_bytes(b"0123456789")
    model = json.dumps(element("00420011", "OB", BulkDataURI="ten")).encode()
    done = convert("-", "-o", tmp_path / "out.dcm", stdin=model)
    assert done.status == 3
    assert "--bulk-dir has to say" in done.stderr
    assert convert("-", "-o", tmp_path / "out.dcm", "--bulk-dir", tmp_path, stdin=model).status == 0


# -------------------------------------------------------------------- several in one


def instance(uid: str) -> dict[str, Any]:
    return {**MODEL, "00080018": {"vr": "UI", "Value": [uid]}}


def test_one_bad_data_set_does_not_stop_the_others(tmp_path: Path) -> None:
    path = written(tmp_path, [instance("1.1"), {"x": 1}, instance("1.2"), instance("1.1")])
    done = convert(path, "-o", f"{tmp_path / 'out'}/", "--format", "json")
    assert done.status == 1
    (record,) = [each for each in done.records if each.get("file")]
    assert record["error"]["message"].startswith(
        "2 of 4 files could not be made: data set 1: 'x' is not a tag"
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["1.1.dcm", "1.2.dcm"]


def test_one_bad_line_does_not_stop_the_others(tmp_path: Path) -> None:
    lines = [json.dumps(instance("1.1")), "{", "", json.dumps(instance("1.\u20282"), ensure_ascii=False)]
    path = written(tmp_path, "\n".join(lines), "all.jsonl")
    done = convert(path, "-o", f"{tmp_path / 'out'}/")
    assert done.status == 1
    assert "line 2: column 2" in done.stderr or "line 2" in done.stderr
    assert "1.1.dcm" in [path.name for path in (tmp_path / "out").iterdir()]


def test_values_one_after_the_other(tmp_path: Path) -> None:
    text = json.dumps(instance("1.1"), indent=2) + "\n" + json.dumps(instance("1.2"), indent=2)
    assert convert(written(tmp_path, text), "-o", f"{tmp_path / 'out'}/").status == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["1.1.dcm", "1.2.dcm"]


@pytest.mark.parametrize("uid", ["../../x", "/etc/x", "a\nb", "..", "", "con"])
def test_no_uid_leads_out_of_the_folder(uid: str, tmp_path: Path) -> None:
    path = written(tmp_path, [instance(uid), instance("1.2")])
    convert(path, "-o", f"{tmp_path / 'deep' / 'out'}/")
    found = [each for each in tmp_path.rglob("*") if each.is_file() and each != path]
    assert {each.parent for each in found} == {tmp_path / "deep" / "out"}


def test_files_of_another_kind_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    written(folder, MODEL, "good")  # it is told by what is in it
    written(folder, {"name": "no model"}, "settings")
    shutil.copy(ct(), folder / "ct.dcm")
    done = convert(folder, "-o", tmp_path / "out", "--to", "dicom", "-v")
    assert done.status == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.dcm"]
    written(folder, {"name": "no model"}, "package.json")
    done = convert(folder, "-o", tmp_path / "out", "--to", "dicom", "--overwrite")
    assert done.status == 1
    assert "package.json: 'name' is not a tag" in done.stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    done = convert(empty, "-o", tmp_path / "out", "--to", "dicom")
    assert done.status == 3
    assert "no file of JSON in this folder" in done.stderr


def test_what_reads_back_is_not_slow(tmp_path: Path) -> None:
    """A hundred thousand elements in one sequence take no time that grows with their square."""
    items = [{"00400007": {"vr": "LO", "Value": ["x"]}}] * 50_000
    done = back(tmp_path, element("00400275", "SQ", *items), "--format", "json")
    assert done.status == 0
    assert done.records[0]["elapsed_ms"] < 30_000
