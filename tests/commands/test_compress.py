"""``compress``, ``decompress`` and ``codecs``: results, what is written, and each way to fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dcmtools.codecs.decoding import decode
from dcmtools.codecs.frames import pixel_data
from dcmtools.codecs.registry import CODECS, codec_named
from dcmtools.files.part10 import Part10File
from tests.support.pictures import Samples, data_set, described, picture
from tests.support.run import Run, run
from tests.support.samples import ct, dicomdir, mr, real_file, renamed_dicomdir

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels

CT = described(32, 40, 12)
SYNTAX = "1.2.840.10008.1.2.4.80"


def write(path: Path, pixels: Pixels = CT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    value = b"".join(picture(pixels, seed).tobytes() for seed in range(pixels.frames))
    path.write_bytes(data_set(pixels, value))
    return path


def frames(path: Path) -> list[Samples]:
    with Part10File.open(str(path)) as file:
        data = pixel_data(file)
        return [decode(data, index).samples for index in range(len(data))]


def fragment_of(path: Path) -> bytes:
    with Part10File.open(str(path)) as file:
        return pixel_data(file).frame(0)


def compress(*args: object, to: str = "jpeg-ls", terminal: bool = False) -> Run:
    return run("compress", "--to", to, *args, terminal=terminal)


def records(*args: object, to: str = "jpeg-ls") -> list[dict[str, Any]]:
    return compress("--format", "json", *args, to=to).records


# ---------------------------------------------------------------- what is written


def test_one_file(tmp_path: Path) -> None:
    path, out = write(tmp_path / "in.dcm"), tmp_path / "out.dcm"
    result = compress(path, "-o", out)
    assert result.status == 0
    name, source, target, before, after, *_ = result.stdout.rstrip("\n").split("\t")
    assert (name, source, target) == (str(path), "explicit", "jpeg-ls")
    assert (int(before), int(after)) == (path.stat().st_size, out.stat().st_size)
    assert result.stderr == f"1 compressed ({int(before) / 1000:.1f} to {int(after) / 1000:.1f} kB)\n"
    assert frames(out)[0].tolist() == picture(CT, 0).tolist()


def test_the_record(tmp_path: Path) -> None:
    path, out = write(tmp_path / "in.dcm", described(32, 40, 8, samples=3)), tmp_path / "out.dcm"
    (record,) = records(path, "-o", out, to="jpeg-2000-lossless")
    assert record.pop("elapsed_ms") > 0
    assert record == {
        "file": str(path),
        "outcome": "done",
        "output": str(out),
        "from": "explicit",
        "to": "jpeg-2000-lossless",
        "transfer_syntax_uid": "1.2.840.10008.1.2.4.90",
        "sop_instance_uid": "2.25.771",
        "frames": 1,
        "input_bytes": path.stat().st_size,
        "output_bytes": out.stat().st_size,
        "ratio": round(32 * 40 * 3 / len(fragment_of(out)), 3),
        "verified": "samples",
        "copied": False,
        "changes": ["Photometric Interpretation RGB to YBR_RCT"],
        "note": "Photometric Interpretation RGB to YBR_RCT",
    }


def test_a_tree_is_mirrored(tmp_path: Path) -> None:
    names = ["a/1.dcm", "a/b/2", "3.dcm"]
    for name in names:
        write(tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("no image")
    result = compress(tmp_path / "in", "-o", tmp_path / "out")
    assert result.status == 0
    found = [
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()
    ]
    assert sorted(found) == sorted(names)
    assert "3 compressed" in result.stderr
    assert "1 skipped" in result.stderr


def test_decompress_is_compress_to_explicit(tmp_path: Path) -> None:
    path = write(tmp_path / "in.dcm")
    assert compress(path, "-o", tmp_path / "small.dcm").status == 0
    result = run("decompress", tmp_path / "small.dcm", "-o", tmp_path / "plain.dcm")
    assert result.status == 0
    assert result.stderr.startswith("1 decompressed")
    with Part10File.open(str(tmp_path / "plain.dcm")) as file:
        assert file.transfer_syntax == "1.2.840.10008.1.2.1"
    assert frames(tmp_path / "plain.dcm")[0].tolist() == picture(CT, 0).tolist()
    big = run("decompress", tmp_path / "small.dcm", "-o", tmp_path / "big.dcm", "--to", "explicit-big-endian")
    assert big.status == 0
    assert frames(tmp_path / "big.dcm")[0].tolist() == picture(CT, 0).tolist()


def test_in_place(tmp_path: Path) -> None:
    path = write(tmp_path / "in.dcm")
    path.chmod(0o640)
    assert compress(path, "--in-place").status == 0
    assert path.stat().st_mode & 0o777 == 0o640
    assert frames(path)[0].tolist() == picture(CT, 0).tolist()
    before = path.read_bytes()
    again = compress(path, "--in-place")
    assert again.status == 0
    assert "1 skipped" in again.stderr
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["in.dcm"]


def test_what_was_done_in_place_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it would be where a worker dies between that and telling of it."""
    path = write(tmp_path / "in.dcm", described(64, 64, 8))
    before = path.read_bytes()
    monkeypatch.setattr("dcmtools.files.made.Made.has", lambda *_: True)
    result = compress(path, "--in-place", "-v", to="jpeg")
    assert result.status == 0
    assert "it was done by a process that died before it could tell" in result.stderr
    assert path.read_bytes() == before


def test_standard_input_and_output(tmp_path: Path) -> None:
    path = write(tmp_path / "in.dcm")
    out = tmp_path / "out.dcm"
    program = Path(sys.executable).with_name("dcmtools")
    words: list[str | Path] = [program, "compress", "--to", "rle", "-", "-o", "-"]
    with path.open("rb") as stdin, out.open("wb") as stdout:
        done = subprocess.run(words, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, check=True)
    assert done.stderr.startswith(b"1 compressed")
    piped = subprocess.run(words, input=path.read_bytes(), capture_output=True, check=True)
    assert out.read_bytes() == piped.stdout
    assert frames(out)[0].tolist() == picture(CT, 0).tolist()


def test_standard_output_is_for_the_file_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "in.dcm")
    for options in (["--format", "json"], ["--format", "csv"]):
        result = compress(path, "-o", "-", *options)
        assert (result.status, result.stdout) == (2, "")
    on_terminal = compress(path, "-o", "-", terminal=True)
    assert on_terminal.status == 2
    assert "not for a terminal" in on_terminal.stderr


def test_what_is_in_an_archive(tmp_path: Path) -> None:
    path = write(tmp_path / "in.dcm")
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.write(path, "a/1.dcm")
        archive.write(path, "../../2.dcm")
    result = compress(tmp_path / "study.zip", "-o", tmp_path / "out")
    assert result.status == 1
    assert "leads out" in result.stderr
    assert frames(tmp_path / "out" / "a" / "1.dcm")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in.dcm", "out", "study.zip"]
    member = compress(f"{tmp_path}/study.zip/a/1.dcm", "-o", tmp_path / "one.dcm")
    assert member.status == 0
    assert compress(tmp_path / "study.zip", "--in-place").status == 3
    assert compress(tmp_path / "study.zip", "-o", "-").status == 3


def test_files_that_are_not_to_be_compressed_are_skipped(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write(folder / "a.dcm")
    assert compress(folder / "a.dcm", "-o", folder / "b.dcm").status == 0
    (folder / "c.dcm").write_bytes(real_file("rtplan.dcm").read_bytes())
    (folder / "DICOMDIR").write_bytes(dicomdir().read_bytes())
    video = data_set(described(20, 30, 8, frames=9), [b"abcd"], "1.2.840.10008.1.2.4.102")
    (folder / "d.dcm").write_bytes(video)
    result = compress(folder, "-o", tmp_path / "out", "-v")
    assert result.status == 0
    assert "1 compressed" in result.stderr
    assert ", 3 copied, 1 warning" in result.stderr
    for reason in ("it is in JPEGLSLossless already", "no pixel data", "video"):
        assert f"copied as it is: {reason}" in result.stderr.replace("its frames are ", "").replace(
            "there is ", ""
        )
    assert "DICOMDIR: warning: left out: a DICOMDIR stays" in result.stderr
    assert sorted(os.listdir(tmp_path / "out")) == ["a.dcm", "b.dcm", "c.dcm", "d.dcm"]
    for name in ("b.dcm", "c.dcm", "d.dcm"):
        assert (tmp_path / "out" / name).read_bytes() == (folder / name).read_bytes()
    again = compress(folder, "-o", tmp_path / "out", "--format", "json")
    assert again.status == 1
    assert {record["outcome"] for record in again.records} == {"failed", "warning"}  # nothing is overwritten
    kept = compress(folder, "--in-place", "-v")
    assert "4 skipped" in kept.stderr
    assert "copied" not in kept.stderr


def test_the_record_of_a_copy(tmp_path: Path) -> None:
    plan = real_file("rtplan.dcm")
    (record,) = records(plan, "-o", f"{tmp_path}/")
    assert record.pop("elapsed_ms") >= 0
    assert record == {
        "file": str(plan),
        "outcome": "done",
        "output": str(tmp_path / plan.name),
        "from": "implicit",
        "to": "implicit",
        "transfer_syntax_uid": "1.2.840.10008.1.2",
        "sop_instance_uid": "1.2.999.999.99.9.9999.9999.20030903150023",
        "frames": None,
        "input_bytes": plan.stat().st_size,
        "output_bytes": plan.stat().st_size,
        "ratio": None,
        "verified": None,
        "copied": True,
        "changes": [],
        "note": "copied as it is: there is no pixel data to be changed",
    }


@pytest.mark.parametrize("name", ["b.dcm", "c.dcm"])
def test_the_one_file_that_needs_no_change_is_copied(name: str, tmp_path: Path) -> None:
    assert compress(write(tmp_path / "a.dcm"), "-o", tmp_path / "b.dcm").status == 0
    (tmp_path / "c.dcm").write_bytes(real_file("rtplan.dcm").read_bytes())
    before = (tmp_path / name).read_bytes()
    result = compress(tmp_path / name, "-o", tmp_path / "out.dcm")
    assert result.status == 0
    assert "warning: copied as it is" in result.stderr
    assert "0 compressed, 1 copied" in result.stderr
    assert (tmp_path / "out.dcm").read_bytes() == before
    program = Path(sys.executable).with_name("dcmtools")
    words: list[str | Path] = [program, "compress", "--to", "jpeg-ls", tmp_path / name, "-o", "-"]
    assert subprocess.run(words, capture_output=True, check=True).stdout == before


def test_a_dicomdir_alone_is_not_copied(tmp_path: Path) -> None:
    assert compress(renamed_dicomdir(tmp_path), "-o", tmp_path / "out.dcm").status == 3
    assert not (tmp_path / "out.dcm").exists()


def test_frames_of_the_same_syntax_are_taken_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path / "in.dcm", described(64, 64, 8, frames=3))
    assert compress(path, "-o", tmp_path / "a.dcm", to="jpeg").status == 0
    (record,) = records(tmp_path / "a.dcm", "-o", tmp_path / "b.dcm", "--frames", "2", to="jpeg")
    with Part10File.open(str(tmp_path / "a.dcm")) as file:
        assert fragment_of(tmp_path / "b.dcm") == pixel_data(file).frame(1)
    assert not [change for change in record["changes"] if "Lossy" in change]
    assert record["sop_instance_uid"] != "2.25.771"
    (forced,) = records(tmp_path / "a.dcm", "-o", tmp_path / "c.dcm", "--frames", "2", "--force", to="jpeg")
    assert [change for change in forced["changes"] if "Lossy" in change]


def test_what_would_not_be_smaller(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(data_set(described(32, 40, 8), np.random.default_rng(1).bytes(32 * 40)))
    result = compress(path, "-o", tmp_path / "out.dcm", "--if-smaller", to="rle")
    assert result.status == 0
    assert "copied as it is: in RLELossless it would have" in result.stderr
    assert (tmp_path / "out.dcm").read_bytes() == path.read_bytes()
    assert "1 skipped" in compress(path, "--in-place", "--if-smaller", to="rle").stderr
    assert (tmp_path / "out.dcm").read_bytes() == path.read_bytes()
    assert compress(path, "--in-place", to="rle").status == 0
    assert (tmp_path / "out.dcm").read_bytes() != path.read_bytes()


def test_force_writes_it_once_more(tmp_path: Path) -> None:
    assert compress(write(tmp_path / "a.dcm"), "-o", tmp_path / "b.dcm").status == 0
    (record,) = records(tmp_path / "b.dcm", "-o", tmp_path / "c.dcm", "--force")
    assert (record["from"], record["to"]) == ("jpeg-ls", "jpeg-ls")
    assert frames(tmp_path / "c.dcm")[0].tolist() == picture(CT, 0).tolist()


def test_files_without_pixels_change_among_native_syntaxes(tmp_path: Path) -> None:
    (record,) = records(real_file("rtplan.dcm"), "-o", tmp_path / "out.dcm", to="explicit")
    assert (record["from"], record["to"], record["frames"]) == ("implicit", "explicit", 0)


@pytest.mark.parametrize("jobs", [1, 2])
def test_some_frames(jobs: int, tmp_path: Path) -> None:
    path = write(tmp_path / "in.dcm", described(32, 40, 12, frames=5))
    (record,) = records(path, "-o", tmp_path / "out.dcm", "--frames", "2,-1", "--jobs", jobs)
    assert record["frames"] == 2
    assert record["sop_instance_uid"] != "2.25.771"
    assert len(frames(tmp_path / "out.dcm")) == 2


def test_a_loss_makes_a_new_instance_unless_told_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path / "in.dcm", described(64, 64, 8))
    (record,) = records(path, "-o", tmp_path / "1.dcm", to="jpeg")
    assert record["sop_instance_uid"].startswith("2.25.")
    assert record["sop_instance_uid"] != "2.25.771"
    assert record["verified"] is None
    assert record["changes"] == [
        f"Lossy Image Compression 01 (ISO_10918_1, {record['ratio']:.3g} to 1)",
        "new SOP Instance UID",
        "derivation told of in DerivationDescription, DerivationCodeSequence, SourceImageSequence",
    ]
    (kept,) = records(path, "-o", tmp_path / "2.dcm", "--keep-uid", "--verify", to="jpeg")
    assert (kept["sop_instance_uid"], kept["verified"]) == ("2.25.771", "decoded")
    (new,) = records(path, "-o", tmp_path / "3.dcm", "--new-uid")
    assert new["sop_instance_uid"] != "2.25.771"


def test_quality_and_ratio(tmp_path: Path) -> None:
    path = write(tmp_path / "in.dcm", described(128, 128, 8))
    sizes = {}
    for number, options in enumerate((["--quality", 95], ["--quality", 20], ["--ratio", 20])):
        assert compress(path, "-o", tmp_path / f"{number}.dcm", *options, to="jpeg").status == 0
        with Part10File.open(str(tmp_path / f"{number}.dcm")) as file:
            sizes[number] = len(pixel_data(file).frame(0))
    assert sizes[0] > sizes[1] > 0
    assert 0 < sizes[2] <= 128 * 128 / 20


def test_what_is_lost_of_a_file_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(data_set(CT, (picture(CT, 0) | 0x8000).tobytes()))
    result = compress(path, "-o", tmp_path / "out.dcm")
    assert result.status == 0
    assert "warning: bits beyond the 12 stored were not zero, and are now" in result.stderr


# ---------------------------------------------------------------- what fails


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--to", "jpeg-ls"], "give either -o OUT or --in-place"),
        (["--to", "jpeg-ls", "-o", "x", "--in-place"], "give either -o OUT or --in-place"),
        (["--to", "jpeg-lss", "-o", "x"], "is it jpeg-ls"),
        (["--to", "mpeg4", "-o", "x"], "mpeg4 is not written here"),
        (["--to", "1.2.840.10008.1.2.4.111", "-o", "x"], "not written here"),
        (["-o", "x"], "Missing option '--to'"),
        (["--to", "rle", "-o", "x", "--quality", "5"], "--quality means nothing to rle"),
        (["--to", "jpeg", "-o", "x", "--near", "5"], "--near means nothing to jpeg"),
        (["--to", "jpeg", "-o", "x", "--effort", "5"], "--effort means nothing to jpeg"),
        (["--to", "explicit", "-o", "x", "--fragment-size", "8"], "--fragment-size means nothing"),
        (["--to", "jpeg", "-o", "x", "--ratio", "5", "--quality", "5"], "exclude each other"),
        (
            ["--to", "rle", "-o", "x", "--offset-table", "extended", "--fragment-size", "8"],
            "excludes --fragment-size",
        ),
        (["--to", "rle", "-o", "x", "--frames", "0"], "'0' is no choice of frames"),
    ],
)
def test_usage(args: list[str], message: str, tmp_path: Path) -> None:
    result = run("compress", write(tmp_path / "in.dcm"), *args)
    assert (result.status, result.stdout) == (2, "")
    assert message in result.stderr


def test_what_is_there_already_is_not_touched(tmp_path: Path) -> None:
    path, out = write(tmp_path / "in.dcm"), tmp_path / "out.dcm"
    out.write_bytes(b"mine")
    result = compress(path, "-o", out)
    assert result.status == 1
    assert "there is a file" in result.stderr
    assert "hint: --overwrite replaces what is there" in result.stderr
    assert out.read_bytes() == b"mine"
    assert compress(path, "-o", out, "--overwrite").status == 0
    assert frames(out)


def test_the_input_is_not_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "in.dcm")
    before = path.read_bytes()
    assert compress(path, "-o", path, "--overwrite").status == 3
    assert compress(tmp_path, "-o", tmp_path / "out").status == 2
    assert path.read_bytes() == before


def test_a_full_disk(tmp_path: Path) -> None:
    script = """
import resource, signal, sys
from dcmtools.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sys.exit(main(sys.argv[1:]))
"""
    path = write(tmp_path / "in.dcm")
    words: list[str | Path] = [
        sys.executable,
        "-c",
        script,
        "compress",
        path,
        "-o",
        tmp_path / "out" / "1",
        "--to",
        "rle",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert not os.listdir(tmp_path / "out")


BROKEN = [
    "rle",
    "jpeg",
    "jpeg-extended",
    "jpeg-lossless",
    "jpeg-ls",
    "jpeg-2000-lossless",
    "htj2k",
    "jpeg-xl",
]


def broken_files(folder: Path) -> dict[str, Path]:
    """Files of each codec that are cut, changed, or of another size than they say."""
    pixels = described(32, 40, 8)
    found = {}
    for name in BROKEN:
        out = folder / f"{name}.dcm"
        assert compress(write(folder / "in.dcm", pixels), "-o", out, to=name).status == 0
        with Part10File.open(str(out)) as file:
            stream = pixel_data(file).frame(0)
            uid = file.transfer_syntax
        harmed = {
            "cut": (pixels, stream[: len(stream) // 2]),
            "empty": (pixels, b""),
            "noise": (pixels, np.random.default_rng(1).bytes(len(stream))),
            "rows": (pixels._replace(rows=33), stream),
            "bomb": (pixels._replace(rows=65535, columns=65535), stream),
            "frames": (pixels._replace(frames=3), stream),
        }
        for how, (claimed, data) in harmed.items():
            path = folder / "broken" / f"{name}-{how}.dcm"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data_set(claimed, [data], uid))
            found[f"{name}-{how}"] = path
    return found


# Decoders make something of what is left, and nothing tells that it is not all.
GOES_ON: set[str] = set()


def test_what_is_broken_fails_alone_and_leaves_nothing(tmp_path: Path) -> None:
    found = broken_files(tmp_path)
    good = write(tmp_path / "broken" / "good.dcm")
    result = compress(
        tmp_path / "broken",
        "-o",
        tmp_path / "out",
        "--format",
        "json",
        to="explicit",
    )
    outcomes = {Path(record["file"]).stem: record for record in result.records}
    done = {name for name, record in outcomes.items() if record["outcome"] == "done"}
    assert done - GOES_ON == {"good"}
    assert outcomes["good"]["copied"]
    for name in found.keys() - GOES_ON:
        assert outcomes[name]["error"]["message"]
    written = {path.stem for path in (tmp_path / "out").glob("*")} if (tmp_path / "out").exists() else set()
    assert written == done
    assert good.exists()


def test_offset_tables_that_lie(tmp_path: Path) -> None:
    pixels = described(32, 40, 8, frames=3)
    assert (
        compress(
            write(tmp_path / "in.dcm", pixels), "-o", tmp_path / "rle.dcm", "--fragment-size", 300, to="rle"
        ).status
        == 0
    )
    file = bytearray((tmp_path / "rle.dcm").read_bytes())
    at = file.index(b"\xfe\xff\x00\xe0\x0c\0\0\0") + 8
    file[at + 4 : at + 8] = b"\x11\0\0\0"
    (tmp_path / "lies.dcm").write_bytes(bytes(file))
    result = run("decompress", tmp_path / "lies.dcm", "-o", tmp_path / "out.dcm")
    assert result.status == 3
    assert "the offset table does not tell where" in result.stderr
    assert not (tmp_path / "out.dcm").exists()


def test_no_frames(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(data_set(CT, [], SYNTAX))
    result = run("decompress", path, "-o", tmp_path / "out.dcm")
    assert result.status == 3
    assert "cannot hold 1 frames" in result.stderr


CRASH = """
import os, signal, sys
from dcmtools.codecs import rle
from dcmtools.cli.main import main

encode = rle.encode

def crashing(samples, pixels, codec, settings):
    if int(samples[0, 0]) == 7:
        os.kill(os.getpid(), signal.SIGSEGV)
    return encode(samples, pixels, codec, settings)

rle.encode = crashing
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("count", [1, 7])
def test_a_codec_that_crashes_costs_one_file(jobs: int, count: int, tmp_path: Path) -> None:
    for number in range(count):
        write(tmp_path / "in" / f"{number}.dcm")
    samples = picture(CT, 0).copy()
    samples[0, 0] = 7
    (tmp_path / "in" / f"{count // 2}.dcm").write_bytes(data_set(CT, samples.tobytes()))
    words: list[str | Path] = [
        "compress",
        "--to",
        "rle",
        tmp_path / "in",
        "-o",
        tmp_path / "out",
        "--jobs",
        str(jobs),
    ]
    done = subprocess.run(
        [sys.executable, "-c", CRASH, *words, "--format", "json"], capture_output=True, text=True, check=False
    )
    outcomes = [json.loads(line)["outcome"] for line in done.stdout.splitlines()]
    assert outcomes == ["done"] * (count // 2) + ["failed"] + ["done"] * (count - count // 2 - 1)
    assert done.returncode == 1
    assert "the process that worked on it died" in done.stderr
    left = os.listdir(tmp_path / "out") if (tmp_path / "out").exists() else []
    assert len(left) == count - 1


def test_what_is_written_wrongly_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dcmtools.codecs import rle

    encode = rle.encode
    monkeypatch.setattr(rle, "encode", lambda samples, *rest: encode(samples ^ 1, *rest))
    path = write(tmp_path / "in.dcm")
    before = path.read_bytes()
    for place in (["-o", tmp_path / "out.dcm"], ["--in-place"]):
        result = compress(path, *place, to="rle")
        assert result.status == 1
        assert "verifying: frame 1 is not what it was" in result.stderr
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["in.dcm"]
    assert compress(path, "-o", tmp_path / "out.dcm", "--no-verify", to="rle").status == 0


def test_a_file_that_changes_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dcmtools.codecs import rle

    path, encode = write(tmp_path / "in.dcm"), rle.encode

    def encoding(*args: Any) -> bytes:  # noqa: ANN401  the codec's
        with path.open("ab") as file:
            file.write(b"more")
        return encode(*args)

    monkeypatch.setattr(rle, "encode", encoding)
    result = compress(path, "--in-place", to="rle")
    assert result.status == 3
    assert "has changed while it was read" in result.stderr


@pytest.mark.parametrize("jobs", [1, 2])
def test_members_of_the_same_name_do_not_replace_each_other(jobs: int, tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        for number in range(2):
            tar.add(write(tmp_path / f"{number}.dcm", described(32, 40, 12 + number)), "x.dcm")
    result = compress(
        tmp_path / "t.tar",
        "-o",
        tmp_path / "out",
        "--overwrite",
        "--jobs",
        jobs,
        "--format",
        "json",
        to="rle",
    )
    assert result.status == 1
    assert sorted(record["outcome"] for record in result.records) == ["done", "failed"]
    assert "another file of this run has the name" in result.stderr


def test_a_file_with_two_names_is_done_once_in_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write(folder / "x.dcm", described(64, 64, 8))
    (folder / "y.dcm").symlink_to("x.dcm")
    result = compress(folder, "--in-place", "--jobs", 2, "--format", "json", to="jpeg")
    assert sorted(record["outcome"] for record in result.records) == ["done", "skipped"]
    with Part10File.open(str(folder / "x.dcm")) as file:
        (done,) = [record for record in result.records if record["outcome"] == "done"]
        assert file.meta_text(0x00020003) == done["sop_instance_uid"]


def test_memory_stays_bounded(tmp_path: Path) -> None:
    pixels = described(512, 512, 12, frames=200)  # 100 MB
    frame = picture(described(512, 512, 12), 1).tobytes()
    head = data_set(pixels, b"")
    path = tmp_path / "in.dcm"
    with path.open("wb") as file:
        file.write(head[:-4] + (200 * len(frame)).to_bytes(4, "little"))
        for _ in range(200):
            file.write(frame)
    script = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
    program = Path(sys.executable).with_name("dcmtools")
    for name, source in (("rle", path), ("explicit", tmp_path / "rle.dcm")):
        words: list[str | Path] = [
            program,
            "-q",
            "compress",
            source,
            "-o",
            tmp_path / f"{name}.dcm",
            "--to",
            name,
        ]
        done = subprocess.run(
            [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True
        )
        assert int(done.stdout) < 150_000  # kilobytes


# ---------------------------------------------------------------- the list


def test_the_list_of_codecs() -> None:
    records = {record["name"]: record for record in run("codecs", "--format", "json").records}
    assert list(records) == [codec.name for codec in CODECS]
    assert records["jpeg-ls"] == {
        "outcome": "done",
        "name": "jpeg-ls",
        "transfer_syntax_uid": SYNTAX,
        "keyword": "JPEGLSLossless",
        "encapsulated": True,
        "lossless": True,
        "read": True,
        "write": True,
        "bits": 16,
        "signed": True,
        "colour": True,
    }
    assert (records["mpeg4"]["read"], records["mpeg4"]["write"], records["mpeg4"]["bits"]) == (
        False,
        False,
        None,
    )
    assert records["jpeg-xl-recompression"]["read"]


@pytest.mark.parametrize("name", [codec.name for codec in CODECS if codec.bits])
def test_each_name_and_uid_is_taken(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / "in.dcm", described(64, 64, 8))
    codec = codec_named(name)
    for number, to in enumerate((name, codec.uid, codec.keyword)):
        (record,) = records(path, "-o", tmp_path / f"{number}.dcm", "--force", to=to)
        assert (record["outcome"], record["to"]) == ("done", name)


def test_real_files(tmp_path: Path) -> None:
    result = compress(ct(), mr(), "-o", tmp_path / "out", "--format", "json")
    assert [record["outcome"] for record in result.records] == ["done", "done"]
    assert sorted(os.listdir(tmp_path / "out")) == ["CT_small.dcm", "MR_small.dcm"]
    for path in (ct(), mr()):
        assert frames(tmp_path / "out" / path.name)[0].tolist() == frames(path)[0].tolist()
