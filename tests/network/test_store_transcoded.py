"""``dcmtools store``: what the peer does not take as it is goes in another transfer syntax."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import UID

from tests.support import samples
from tests.support.run import Run, run
from tests.support.served import DCMTOOLS, served, wait_until
from tests.support.wayward import CRASHES, SLEEPS, Wayward, is_running, wayward

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

    from tests.support.served import Served

__all__ = ["wayward"]  # a fixture

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
J2K, LOSSY, BASELINE = (f"1.2.840.10008.1.2.4.{last}" for last in ("90", "91", "50"))
VIDEO = "1.2.840.10008.1.2.4.102"
RLE, JPEG_2000 = "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm"
# And what has the same pixels, where pydicom cannot decode them.
COMPRESSED = {
    RLE: "MR_small.dcm",
    JPEG_2000: "MR_small.dcm",
    "MR_small_jpeg_ls_lossless.dcm": "MR_small.dcm",
    "JPEG2000.dcm": "JPEG2000.dcm",
    "SC_rgb_rle_16bit_2frame.dcm": "SC_rgb_rle_16bit_2frame.dcm",
}
OTHERS = (RLE, "JPEG2000.dcm", "SC_rgb_rle_16bit_2frame.dcm")  # of another SOP Instance UID each


@pytest.fixture
def explicit(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "in", "--transfer-syntax", "explicit") as server:
        yield server


def store(address: str, *args: object) -> Run:
    return run("store", address, "--format", "json", *args)


def read(path: Path) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dcmread(path)


def real(name: str) -> Path:
    return samples.real_file(name)


# ---------------------------------------------------------------- without loss


@pytest.mark.parametrize("name", COMPRESSED)
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT], ids=["explicit", "implicit"])
def test_what_is_compressed_is_decompressed(tmp_path: Path, name: str, syntax: str) -> None:
    with served(tmp_path / "in", "--transfer-syntax", syntax) as server:
        result = store(server.address, real(name))
        [kept] = server.kept()
    assert result.status == 0, result.stderr
    [record] = result.records
    original, arrived = read(real(name)), read(kept)
    assert (record["outcome"], record["sent_as"]) == ("done", syntax)
    assert record["sent_sop_instance_uid"] == record["sop_instance_uid"] == arrived.SOPInstanceUID
    assert record["note"].startswith(f"sent as {arrived.file_meta.TransferSyntaxUID.keyword}")
    assert arrived.file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(arrived.pixel_array, read(real(COMPRESSED[name])).pixel_array)
    assert (arrived.PatientID, arrived.StudyInstanceUID) == (original.PatientID, original.StudyInstanceUID)


def test_what_is_taken_as_it_is_stays_so(tmp_path: Path) -> None:
    with served(tmp_path / "in") as server:
        result = store(server.address, real(RLE))
    [record] = result.records
    assert record["sent_as"] == record["transfer_syntax_uid"]
    assert "changes" not in record
    assert "sent_sop_instance_uid" not in record


def test_what_had_to_be_changed_is_told(explicit: Served) -> None:
    result = store(explicit.address, real("examples_jpeg2k.dcm"))
    [record] = result.records
    assert record["changes"] == ["Photometric Interpretation YBR_RCT to RGB"]
    assert record["note"] == "sent as ExplicitVRLittleEndian: Photometric Interpretation YBR_RCT to RGB"


def test_what_loses_nothing_is_no_warning(explicit: Served) -> None:
    result = run("store", explicit.address, "--strict", real(RLE))
    assert (result.status, result.stderr) == (0, "1 stored\n")


def test_never_means_never(explicit: Served) -> None:
    result = store(explicit.address, "--transcode", "never", real(RLE))
    assert result.status == 5
    assert "the peer accepts no MRImageStorage in RLELossless: " in result.stderr
    assert explicit.is_empty()


def test_a_native_one_in_a_lossless_syntax_that_is_there_anyway(tmp_path: Path) -> None:
    """No context is spent on it: PS3.5 10.1 has every peer take a native one."""
    [original] = samples.make_small(tmp_path, 1)
    compressed = tmp_path / "compressed.dcm"
    assert run("compress", original, "-o", compressed, "--to", J2K).status == 0
    with served(tmp_path / "in", "--transfer-syntax", J2K) as server:
        result = store(server.address, samples.ct(), compressed)
        alone = store(server.address, samples.ct())
    assert result.status == 0, result.stderr
    assert [record["sent_as"] for record in result.records] == [J2K, J2K]
    assert alone.status == 5


def test_changes_are_made_in_what_was_decompressed(explicit: Served) -> None:
    path = real("MR_small_jp2klossless.dcm")
    result = store(explicit.address, "--set", "PatientID=TRIAL-7", path)
    assert result.status == 0, result.stderr
    [kept] = explicit.kept()
    assert read(kept).PatientID == "TRIAL-7"
    assert np.array_equal(read(kept).pixel_array, read(path).pixel_array)


def test_several_associations(explicit: Served, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    assert (
        run("compress", samples.make_small(tmp_path / "ct", 12)[0].parent, "-o", folder, "--to", "rle").status
        == 0
    )
    result = store(explicit.address, "--jobs", "3", folder)
    assert result.status == 0, result.stderr
    assert [record["sent_as"] for record in result.records] == [EXPLICIT] * 12
    assert len(explicit.kept()) == 12


def test_the_report_and_the_journal(explicit: Served, tmp_path: Path) -> None:
    journal, report = tmp_path / "journal", tmp_path / "report.csv"
    args = ("--journal", journal, "--report", report, real(RLE))
    assert store(explicit.address, *args).records[0]["outcome"] == "done"
    assert f",{EXPLICIT}," in report.read_text()
    assert store(explicit.address, *args).records[0]["outcome"] == "skipped"


def test_a_dry_run_says_what_would_be_asked_for() -> None:
    [record] = store("127.0.0.1:1", "--dry-run", real(RLE)).records
    syntaxes = ("RLELossless", "ExplicitVRLittleEndian", "ImplicitVRLittleEndian")
    assert record["proposed"] == [f"MRImageStorage in {name}" for name in syntaxes]


def test_another_try_transcodes_it_again(tmp_path: Path) -> None:
    options = ("--retries", "1", "--retry-delay", "0")
    with served(
        tmp_path / "in", "--transfer-syntax", "explicit", "--status", "A700", "--count", "1"
    ) as server:
        result = store(server.address, *options, real(JPEG_2000))
    [record] = result.records
    assert (record["outcome"], record["attempts"], record["sent_as"]) == ("failed", 2, EXPLICIT)


# ---------------------------------------------------------------- with loss


def test_with_loss_only_where_that_is_allowed_and_nothing_else_taken(tmp_path: Path) -> None:
    with served(tmp_path / "in", "--transfer-syntax", LOSSY) as server:
        refused = store(server.address, samples.ct())
        result = store(server.address, "--transcode", "any", samples.ct())
        [kept] = server.kept()
    assert refused.status == 5
    assert result.status == 0, result.stderr
    [record] = result.records
    original, arrived = read(samples.ct()), read(kept)
    assert (record["outcome"], record["sent_as"]) == ("warning", LOSSY)
    assert record["sop_instance_uid"] == original.SOPInstanceUID != arrived.SOPInstanceUID
    assert record["sent_sop_instance_uid"] == arrived.SOPInstanceUID
    assert record["note"].startswith("sent with loss as JPEG2000: ")
    assert record["note"].endswith(f"; stored as a new instance, {arrived.SOPInstanceUID}")
    assert record["note"] in result.stderr
    assert arrived.LossyImageCompression == "01"
    assert arrived.ImageType[0] == "DERIVED"
    assert arrived.SourceImageSequence[0].ReferencedSOPInstanceUID == original.SOPInstanceUID
    difference = arrived.pixel_array.astype(int) - original.pixel_array
    assert 0 < np.abs(difference).mean() < 40  # of 65536


def test_sent_again_with_loss_it_is_the_same_instance(tmp_path: Path) -> None:
    with served(tmp_path / "in", "--transfer-syntax", LOSSY) as server:
        first, second = (store(server.address, "--transcode", "any", samples.ct()) for _ in range(2))
        assert len(server.kept()) == 1
    assert first.status == second.status == 0
    assert first.records == second.records


def test_any_loses_nothing_where_it_need_not(tmp_path: Path) -> None:
    with served(tmp_path / "in", "--transfer-syntax", LOSSY, "--transfer-syntax", J2K) as server:
        result = store(server.address, "--transcode", "any", samples.ct())
        [kept] = server.kept()
    assert (result.status, result.records[0]["sent_as"]) == (0, J2K)
    assert np.array_equal(read(kept).pixel_array, read(samples.ct()).pixel_array)


def test_what_the_last_resort_cannot_hold_says_why(tmp_path: Path) -> None:
    with served(tmp_path / "in", "--transfer-syntax", BASELINE) as server:
        result = store(server.address, "--transcode", "any", samples.ct(), real("SC_rgb_small_odd.dcm"))
    outcomes = {record["file"]: record["outcome"] for record in result.records}
    assert result.status == 1
    assert outcomes == {str(samples.ct()): "failed", str(real("SC_rgb_small_odd.dcm")): "warning"}
    assert f"{samples.ct()}: jpeg " in result.stderr


# ---------------------------------------------------------------- what does not go


def test_video_goes_as_it_is_or_not_at_all(explicit: Served, tmp_path: Path) -> None:
    path = tmp_path / "video.dcm"
    data = read(real(RLE))
    data.file_meta.TransferSyntaxUID = UID(VIDEO)
    data.save_as(path)
    result = store(explicit.address, "--transcode", "any", path, samples.ct())
    assert [record["outcome"] for record in result.records] == ["failed", "done"]
    assert "the peer accepts no MRImageStorage in MPEG4HP41: " in result.stderr


def test_one_that_cannot_be_decoded_is_named_and_the_others_are_sent(
    explicit: Served, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.dcm"
    data = real("MR_small_jp2klossless.dcm").read_bytes()
    at = data.index(b"\xff\x4f\xff\x51")
    damaged.write_bytes(data[: at + 4] + bytes(36) + data[at + 40 :])
    result = store(explicit.address, damaged, samples.ct())
    assert [record["outcome"] for record in result.records] == ["failed", "done"]
    assert result.status == 1
    assert f"{damaged}: frame 1: " in result.stderr
    assert result.records[0]["attempts"] == 0


def test_a_codec_that_crashes_costs_one_file(explicit: Served, wayward: Wayward) -> None:
    wayward.does(CRASHES, "len(data) > 4000")
    files = [real("693_J2KI.dcm"), real("MR_small_jp2klossless.dcm"), real("JPEG2000.dcm")]
    result = store(explicit.address, *files)
    assert [record["outcome"] for record in result.records].count("failed") == 1
    assert "not transcoded: the codec crashed, or its process was killed (SIGSEGV)" in result.stderr
    assert result.status == 1
    assert len(explicit.kept()) == 2


# ---------------------------------------------------------------- ends


def test_ctrl_c_while_one_is_transcoded_is_quiet_and_quick(explicit: Served, wayward: Wayward) -> None:
    wayward.does(SLEEPS)
    others = os.environ.get("PYTHONPATH", "")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(wayward.folder), others)))}
    command = [DCMTOOLS, "store", explicit.address, str(real(JPEG_2000)), str(samples.ct())]
    with subprocess.Popen(
        command, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as ours:
        wait_until(lambda: wayward.pid != 0)
        begun = time.monotonic()
        os.killpg(ours.pid, signal.SIGINT)
        _, stderr = ours.communicate(timeout=20)
    assert time.monotonic() - begun < 5
    assert ours.returncode == 130
    assert "Traceback" not in stderr
    assert stderr.splitlines()[-1] == "0 stored, 2 failed"
    assert "stopped by the user" in stderr
    assert not is_running(wayward.pid)


def test_nothing_is_left_in_the_folder_for_temporary_files(
    explicit: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    assert store(explicit.address, *map(real, OTHERS)).status == 0
    assert list(temporary.iterdir()) == []


def test_no_file_and_no_process_stays_open(explicit: Served) -> None:
    def opened() -> int:
        return len(os.listdir("/proc/self/fd"))

    files = [real(name) for name in OTHERS]
    store(explicit.address, files[0])
    before = opened()
    assert store(explicit.address, "--jobs", "2", *files).status == 0
    assert opened() == before
