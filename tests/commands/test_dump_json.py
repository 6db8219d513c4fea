"""``dcmtools dump``: the array of data sets, and how bulk values stand in JSON."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from dcmtools.encoding import bulk
from tests.support.encoded import EVB, EVL, part10
from tests.support.run import run
from tests.support.samples import ct, mr, real_file

NAME, IDS, PIXELS = 0x00100010, 0x00101002, 0x7FE00010
A_NAME = EVL.element(NAME, "PN", b"A ")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.dcm"


def array(*args: object, status: int = 0) -> list[dict[str, Any]]:
    done = run("dump", "--format", "dicom-json", *args)
    assert done.status == status, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def record(*args: object) -> dict[str, Any]:
    done = run("dump", "--format", "json", *args)
    assert (done.status, done.stderr) == (0, "")
    (found,) = done.records
    return found


def pixels(*args: object) -> dict[str, str]:
    found: dict[str, str] = record(*args)["dataset"]["7FE00010"]
    return found


def file_of(uri: str) -> Path:
    return Path(os.fsdecode(unquote_to_bytes(uri.removeprefix("file://"))))


def bytes_at(uri: str) -> bytes:
    """What a file: URI means."""
    match = re.fullmatch(r"file://([^?]*)(?:\?offset=(\d+)&length=(\d+))?", uri)
    assert match
    data = file_of(match[1]).read_bytes()
    return data[int(match[2]) : int(match[2]) + int(match[3])] if match[2] else data


# ---------------------------------------------------------------- the array


def test_the_data_sets_are_one_array() -> None:
    """As the records have them, but for URIs."""
    plain = ["--bulk", "none"]
    assert array(*plain, ct(), mr()) == [record(*plain, path)["dataset"] for path in (ct(), mr())]
    assert len(array(ct())) == 1


def test_a_line_for_each() -> None:
    lines = run("dump", "--format", "dicom-json", ct(), mr()).stdout.splitlines()
    assert [line[0] + line[-1] for line in lines] == ["[[", "{,", "{}", "]]"]


@pytest.mark.parametrize(
    ("good_before", "good_after", "status"), [(0, 0, 3), (0, 1, 1), (1, 0, 1), (1, 1, 1)]
)
def test_files_that_fail_leave_the_array_whole(
    tmp_path: Path, good_before: int, good_after: int, status: int
) -> None:
    done = run(
        "dump", "--format", "dicom-json", *[ct()] * good_before, tmp_path / "none", *[ct()] * good_after
    )
    assert done.status == status
    assert len(json.loads(done.stdout)) == good_before + good_after
    assert "none: No such file" in done.stderr


def test_a_damaged_file_is_in_it_as_far_as_it_goes(path: Path) -> None:
    path.write_bytes(ct().read_bytes()[:1500])
    (found,) = array(path, status=1)
    assert found["00100010"]["Value"] == [{"Alphabetic": "CompressedSamples^CT1"}]


def test_what_ends_the_run_leaves_the_array_whole(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert array("--bulk", "file", "--bulk-dir", tmp_path / "file" / "below", ct(), status=2) == []


def test_only_what_was_searched_for() -> None:
    assert array("+P", "PatientID", ct()) == [
        {
            "00100020": {"vr": "LO", "Value": ["1CT1"]},
            "00101002": {
                "vr": "SQ",
                "Value": [
                    {"00100020": {"vr": "LO", "Value": ["ABCD1234"]}},
                    {"00100020": {"vr": "LO", "Value": ["1234ABCD"]}},
                ],
            },
        }
    ]
    assert array("+P", "PatientComments", ct(), status=1) == [{}]


def test_a_command_without_data_sets_refuses_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = run("peers", "list", "--format", "dicom-json")
    monkeypatch.setenv("DCMTOOLS_FORMAT", "dicom-json")
    told = run("peers", "list")
    for done in (asked, told):
        assert (done.status, done.stdout) == (2, "")
        assert "'dicom-json' is not one of 'text', 'json'" in done.stderr
    assert len(array(ct())) == 1
    config = tmp_path / "config.toml"
    config.write_text('[defaults.dump]\nformat = "dicom-json"\n')
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    monkeypatch.delenv("DCMTOOLS_FORMAT")
    assert run("peers", "list").status == 0
    assert json.loads(run("dump", ct()).stdout)


# ---------------------------------------------------------------- a place in the file


def test_in_the_array_a_uri_names_the_file(tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"a b#?%\xff.dcm")
    odd.write_bytes(part10(A_NAME + EVL.element(PIXELS, "OB", b"abcdef")))
    (found,) = array(odd)
    assert bytes_at(found["7FE00010"]["BulkDataURI"]) == b"abcdef"


def test_in_a_record_it_is_relative_to_the_file(path: Path) -> None:
    path.write_bytes(part10(EVL.element(PIXELS, "OB", b"abcdef")))
    assert pixels(path) == pixels("--bulk", "uri", path)
    assert pixels(path)["BulkDataURI"].startswith("?offset=")


def test_standard_input_has_no_name() -> None:
    data = part10(EVL.element(PIXELS, "OB", b"abcdef"))
    done = run("dump", "--format", "dicom-json", "-", stdin=data)
    assert json.loads(done.stdout)[0]["7FE00010"]["BulkDataURI"].startswith("?offset=")


# ---------------------------------------------------------------- none, inline, file


def test_left_out(path: Path) -> None:
    item = EVL.item(EVL.element(PIXELS, "OW", b"ab"))
    path.write_bytes(part10(A_NAME + EVL.sequence(IDS, item) + EVL.element(PIXELS, "OB", b"abcdef")))
    assert record("--bulk", "none", path)["dataset"] == {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A"}]},
        "00101002": {"vr": "SQ", "Value": [{"7FE00010": {"vr": "OW"}}]},
        "7FE00010": {"vr": "OB"},
    }


@pytest.mark.parametrize("size", [1, 2, 3, 4, 1000])
def test_inline(path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """PS3.18 F.2.7: one Base64 text for the whole value field."""
    monkeypatch.setattr(bulk, "_CHUNK", 24)
    raw = os.urandom(size)
    path.write_bytes(part10(EVL.element(PIXELS, "OB", raw)))
    found = pixels("--bulk", "inline", path)
    assert list(found) == ["vr", "InlineBinary"]
    assert b64decode(found["InlineBinary"], validate=True) == raw


def test_inline_is_little_endian(path: Path) -> None:
    path.write_bytes(part10(EVB.element(PIXELS, "OW", b"\1\2\3\4"), "1.2.840.10008.1.2.2"))
    assert b64decode(pixels("--bulk", "inline", path)["InlineBinary"]) == b"\2\1\4\3"


def test_encapsulated_pixel_data_is_one_value(path: Path, tmp_path: Path) -> None:
    items = [EVL.item(), EVL.item(b"abcd"), EVL.item(b"ef")]
    path.write_bytes(part10(EVL.sequence(PIXELS, *items, undefined=True, vr="OB"), "1.2.840.10008.1.2.5"))
    assert b64decode(pixels("--bulk", "inline", path)["InlineBinary"]) == b"".join(items)
    kept = pixels("--bulk", "file", "--bulk-dir", tmp_path / "bulk", path)["BulkDataURI"]
    assert bytes_at(kept) == b"".join(items)
    (found,) = array(path)
    assert bytes_at(found["7FE00010"]["BulkDataURI"]) == b"".join(items)


def test_more_than_can_stand_inline_fails_the_file_alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MAX_INLINE", 8)
    half = EVL.element(0x00091001, "OB", b"abcd") + EVL.element(0x00091002, "OB", b"abcd")
    path.write_bytes(part10(half))
    assert len(array("--bulk", "inline", path)) == 1
    path.write_bytes(part10(half + EVL.element(PIXELS, "OB", b"ab")))
    done = run("dump", "--format", "dicom-json", "--bulk", "inline", path, ct().with_name("rtplan.dcm"))
    assert done.status == 1
    assert len(json.loads(done.stdout)) == 1
    assert "(7fe0,0010): with this value of 2 bytes, more than" in done.stderr
    assert "hint: --bulk file writes each value into a file" in done.stderr
    assert array("--bulk", "inline", "+P", "0009,1001", path)  # which nobody wants to see


def test_long_text_stands_as_a_uri(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PS3.18 F.2.2 has InlineBinary for OB, OD, OF, OL, OV, OW and UN only."""
    monkeypatch.setattr("dcmtools.encoding.jsonmodel._MAX_VALUE", 4)
    path.write_bytes(part10(EVL.element(0x0040A160, "UT", b"abcdef")))
    (found,) = array("--bulk", "inline", path)
    assert bytes_at(found["0040A160"]["BulkDataURI"]) == b"abcdef"


@pytest.mark.parametrize("form", ["json", "dicom-json"])
def test_files(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "bulk"
    args = ["dump", "--format", form, "--bulk", "file", "--bulk-dir", folder, ct(), ct(), mr()]
    first, second = run(*args), run(*args)
    assert first == second
    assert (first.status, first.stderr) == (0, "")
    uris = re.findall(r'"BulkDataURI": "([^"]+)"', first.stdout)
    assert len(uris) > 3
    assert set(map(file_of, uris)) == set(folder.iterdir())
    data = ct().read_bytes() + mr().read_bytes()
    assert all(bytes_at(uri) in data for uri in uris)


def test_only_what_is_shown_is_written(tmp_path: Path) -> None:
    array("+P", "PatientName", "--bulk", "file", "--bulk-dir", tmp_path / "bulk", ct())
    assert list((tmp_path / "bulk").iterdir()) == []


def test_a_file_that_is_something_else_fails_the_input_alone(tmp_path: Path) -> None:
    args = ["--bulk", "file", "--bulk-dir", tmp_path / "bulk"]
    array(*args, ct())
    (place,) = (tmp_path / "bulk").glob("7FE00010*")
    place.write_bytes(b"other")
    done = run("dump", "--format", "dicom-json", *args, ct(), mr())
    assert done.status == 1
    assert len(json.loads(done.stdout)) == 1
    assert "something else has this name" in done.stderr
    assert place.read_bytes() == b"other"


@pytest.mark.parametrize("form", ["inline", "file"])
def test_what_is_longer_than_memory(tmp_path: Path, form: str) -> None:
    """It is written in pieces, or refused before it is read."""
    path, folder = tmp_path / "big.dcm", tmp_path / "bulk"
    length = 160 << 20
    with path.open("wb") as file:
        file.write(part10(A_NAME + EVL.header(PIXELS, "OW", length)))
        file.truncate(file.tell() + length)
    options = ["--bulk", form, *(["--bulk-dir", str(folder)] if form == "file" else [])]
    script = "import sys; from dcmtools.cli.main import main; sys.exit(main(sys.argv[1:]))"
    limited = ["prlimit", f"--as={128 << 20}", sys.executable, "-c", script]
    command = [*limited, "dump", "--format", "json", *options, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if form == "file":
        assert (done.returncode, done.stderr) == (0, "")
        assert [kept.stat().st_size for kept in folder.iterdir()] == [length]
    else:
        assert done.returncode == 1
        assert "more than 64 MiB stand inline" in done.stderr


# ---------------------------------------------------------------- what does not go together


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--bulk", "inline"], "--bulk is of --format json and dicom-json only"),
        (["--bulk-dir", "x"], "--bulk-dir is of --format json and dicom-json only"),
        (["--format", "json", "--bulk", "file"], "--bulk file wants --bulk-dir"),
        (["--format", "json", "--bulk-dir", "x"], "--bulk-dir wants --bulk file"),
        (["--format", "dicom-json", "--value", "PatientID"], "--value shows no data set"),
        (["--format", "dicom-json", "--raw", "PatientID"], "--raw shows no data set"),
        (["--value", "PatientID", "--raw", "PatientID"], "--raw and --value do not go together"),
        *(
            ([bare, "PatientID", *words], f"{bare} and {words[0]} do not go together")
            for bare in ("--value", "--raw")
            for words in (
                *(["--search", "PatientID"], ["--until", "PatientID"], ["--before", "PatientID"]),
                *(["--depth", "1"], ["--no-private"]),
            )
        ),
    ],
    ids=" ".join,
)
def test_what_does_not_go_together_is_status_2(args: list[str], message: str) -> None:
    done = run("dump", *args, ct())
    assert (done.status, done.stdout) == (2, "")
    assert message in done.stderr
    assert not Path("x").exists()


def test_what_is_said_twice_is_no_contradiction() -> None:
    assert run("dump", "--value", "PatientID", "--private", ct()).stdout == "1CT1\n"


def test_defaults_do_not_stand_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[defaults.dump]\nbulk = "none"\ndepth = 1\nprivate = false\n')
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    assert run("dump", "--value", "PatientID", ct()).stdout == "1CT1\n"
    assert run("dump", ct()).status == 0
    assert record(ct())["dataset"]["7FE00010"] == {"vr": "OW"}


def test_deflated_data_is_inflated_first(tmp_path: Path) -> None:
    path = real_file("image_dfl.dcm")
    inline = b64decode(pixels("--bulk", "inline", path)["InlineBinary"])
    assert bytes_at(pixels("--bulk", "file", "--bulk-dir", tmp_path, path)["BulkDataURI"]) == inline
    assert len(inline) == int(pixels(path)["BulkDataURI"].rpartition("=")[2])
