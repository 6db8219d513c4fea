"""``dcmtools get`` and real archives: what comes is what they have, as they have it."""

from __future__ import annotations

import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from tests.support import samples
from tests.support.peers import dcmqrscp, orthanc, qr_scp, requires_dcmtk, requires_orthanc
from tests.support.run import run
from tests.support.served import DCMTOOLS, WITHIN, serving, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.run import Run

    Archive: TypeAlias = Callable[[Path, Sequence[Path]], AbstractContextManager[str]]

CT, MR = samples.ct(), samples.mr()
JPEG_2000, JPEG = samples.real_file("JPEG2000.dcm"), samples.real_file("SC_rgb_jpeg_dcmtk.dcm")
IMPLICIT, REPORT = samples.real_file("rtplan.dcm"), samples.real_file("reportsi.dcm")
BIG = samples.real_file("ExplVR_BigEnd.dcm")
STUDY, SERIES = (f"1.3.6.1.4.1.5962.1.{number}.1.20040119072730.12322" for number in ("2", "3.1"))
TRAILING_PADDING = 0xFFFCFFFC
EXPLICIT_UID = "1.2.840.10008.1.2.1"


def filled(address: str, files: Sequence[Path]) -> str:
    assert run("store", address, *files).status == 0
    return address


@contextmanager
def dcmtk(folder: Path, files: Sequence[Path], *options: str) -> Iterator[str]:
    with dcmqrscp(folder / "peer", *options) as peer:
        yield filled(peer.address, files)


@contextmanager
def orthancs(folder: Path, files: Sequence[Path]) -> Iterator[str]:
    with orthanc(folder / "peer") as peer:
        yield filled(peer.address, files)


@contextmanager
def pynetdicoms(folder: Path, files: Sequence[Path]) -> Iterator[str]:
    with qr_scp(folder / "peer", *files) as peer:
        yield peer.address


@contextmanager
def ours(folder: Path, files: Sequence[Path]) -> Iterator[str]:
    with serving(folder / "peer") as server:
        yield filled(server.address, files)


everywhere = pytest.mark.parametrize(
    "archive",
    [
        pytest.param(dcmtk, marks=requires_dcmtk),
        pytest.param(orthancs, marks=requires_orthanc),
        pytest.param(pynetdicoms),
        pytest.param(ours),
    ],
)


def get(address: str, folder: Path, *args: object, stdin: str = "") -> Run:
    return run("get", address, "-o", folder, "--format", "json", *args, stdin=stdin.encode())


def find(address: str, *args: object) -> str:
    return run("find", address, *args).stdout


def holds(folder: Path, *files: Path) -> bool:
    """Whether these instances are in the folder, in their transfer syntaxes.

    Archives may write elements anew; Data Set Trailing Padding some leave out (PS3.10 7.2).
    """
    return _told(folder.rglob("*.dcm")) == _told(files)


def _told(files: Iterable[Path]) -> dict[str, tuple[str, object]]:
    from pydicom import dcmread

    found: dict[str, tuple[str, object]] = {}
    for path in files:
        read = dcmread(path)
        told = {
            str(each.tag): (each.VR, each.value)
            for each in read.iterall()
            if each.tag != TRAILING_PADDING and each.VR != "SQ"
        }
        found[read.SOPInstanceUID] = (read.file_meta.TransferSyntaxUID, told)
    return found


def files_of(result: Run, outcome: str = "done") -> list[dict[str, Any]]:
    return [each for each in result.records if each["outcome"] == outcome and "file" in each]


@everywhere
def test_find_and_get_in_a_pipe(archive: Archive, tmp_path: Path) -> None:
    with archive(tmp_path, [CT, MR]) as address:
        result = get(address, tmp_path / "got", "-", "--jobs", "2", stdin=find(address, "--format", "json"))
    assert result.status == 0, result.stderr
    assert len(files_of(result)) == 2
    assert holds(tmp_path / "got", CT, MR)


@everywhere
def test_series_images_patients_and_keys(archive: Archive, tmp_path: Path) -> None:
    with archive(tmp_path, [CT, MR]) as address:
        for level in ("series", "image"):
            named = ("-k", f"StudyInstanceUID={STUDY}", "-k", f"SeriesInstanceUID={SERIES}")
            listed = find(address, "-L", level, *named, "--format", "json")
            result = get(address, tmp_path / level, "-", stdin=listed)
            assert (result.status, holds(tmp_path / level, CT)) == (0, True), result.stderr
        assert get(address, tmp_path / "patient", "-P", "--patient", "4MR1").status == 0
        assert get(address, tmp_path / "keys", "-k", "PatientName=*MR1").status == 0
    assert holds(tmp_path / "patient", MR)
    assert holds(tmp_path / "keys", MR)


@everywhere
def test_only_what_is_missing_and_all_of_it(archive: Archive, tmp_path: Path) -> None:
    series = samples.make_small(tmp_path / "files", 7)
    study = ("--study", "2.25.660000000001")
    with archive(tmp_path, series) as address:
        assert get(address, tmp_path / "got", *study, "--verify").status == 0
        for path in sorted((tmp_path / "got").rglob("*.dcm"))[2:5]:
            path.unlink()
        options = ("--skip-existing", "--verify", "--uids-per-request", "2")
        result = get(address, tmp_path / "got", *study, *options)
        assert result.status == 0, result.stderr
        assert (len(files_of(result)), len(files_of(result, "skipped"))) == (3, 4)
        again = get(address, tmp_path / "got", *study, "--skip-existing")
        assert (again.status, len(files_of(again)), len(files_of(again, "skipped"))) == (0, 0, 7)
    assert holds(tmp_path / "got", *series)


@everywhere
def test_what_is_not_there(archive: Archive, tmp_path: Path) -> None:
    with archive(tmp_path, [CT]) as address:
        for more in ((), ("--verify",)):
            result = get(address, tmp_path / "got", "--study", "1.2.3", *more)
            assert result.status in (1, 5), result.stderr
        nothing = get(address, tmp_path / "got", "-k", "PatientName=Nobody")
    assert (nothing.status, [record["outcome"] for record in nothing.records]) == (0, ["warning"])


@pytest.mark.parametrize(
    "archive", [pytest.param(orthancs, marks=requires_orthanc), pytest.param(pynetdicoms), pytest.param(ours)]
)
def test_compressed_instances_come_as_they_are_stored(archive: Archive, tmp_path: Path) -> None:
    """Of one study, in one request, native ones and compressed ones of the same SOP class among them."""
    files = [CT, MR, JPEG_2000, JPEG, IMPLICIT, REPORT]
    with archive(tmp_path, files) as address:
        result = get(
            address, tmp_path / "got", "-", "--verify", stdin=find(address, "-r", "StudyInstanceUID")
        )
    assert result.status == 0, result.stderr
    assert holds(tmp_path / "got", *files)


def test_big_endian_and_all_that_we_keep(tmp_path: Path) -> None:
    files = [BIG, JPEG_2000, samples.real_file("image_dfl.dcm"), samples.real_file("MR_small_RLE.dcm")]
    with ours(tmp_path, files) as address:
        studies = find(address, "-r", "StudyInstanceUID")
        result = get(address, tmp_path / "got", "-", stdin=studies)
    assert result.status == 0, result.stderr
    assert holds(tmp_path / "got", *files)


@requires_dcmtk
@pytest.mark.parametrize(
    ("option", "syntax", "name"),
    [
        ("+xy", "JPEGBaseline8Bit", "SC_rgb_jpeg_dcmtk.dcm"),
        ("+xw", "JPEG2000", "JPEG2000.dcm"),
        ("+xr", "RLELossless", "MR_small_RLE.dcm"),
    ],
)
def test_compressed_instances_of_dcmqrscp(tmp_path: Path, option: str, syntax: str, name: str) -> None:
    """It sends all instances of a SOP class on the first context for it: those in other syntaxes fail."""
    compressed = samples.real_file(name)
    with dcmtk(tmp_path, [CT, compressed], option) as address:
        studies = find(address, "-r", "StudyInstanceUID")
        first = get(address, tmp_path / "got", "-", stdin=studies)
        assert first.status == 1
        assert "--transfer-syntax" in first.stderr
        assert holds(tmp_path / "got", CT)
        others = ("--skip-existing", "--verify", "--transfer-syntax", syntax)
        result = get(address, tmp_path / "got", "-", *others, stdin=studies)
    assert result.status == 0, result.stderr
    assert holds(tmp_path / "got", CT, compressed)


@requires_orthanc
def test_a_peer_that_converts(tmp_path: Path) -> None:
    """What is stored compressed comes in the transfer syntax that is asked for."""
    with orthancs(tmp_path, [samples.real_file("MR_small_RLE.dcm")]) as address:
        named = ("-k", "PatientID=4MR1", "--transfer-syntax", "explicit")
        result = get(address, tmp_path / "got", *named)
    assert result.status == 0, result.stderr
    assert [each["transfer_syntax_uid"] for each in files_of(result)] == [EXPLICIT_UID]


def test_ctrl_c_cancels_and_the_rest_comes_later(tmp_path: Path) -> None:
    """The archive waits before each instance, unless it is canceled."""
    series = samples.make_small(tmp_path / "files", 3)
    study = ("--study", "2.25.660000000001")
    got = tmp_path / "got"
    with qr_scp(tmp_path / "patient", *series, patience=2) as peer:
        words = [DCMTOOLS, "get", peer.address, "-o", str(got), *study, "--sop-class", "CTImage"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: bool(list(got.rglob("*.dcm"))))
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=WITHIN)
    assert process.returncode == 130, told
    assert "stopped by the user" in told
    assert 0 < len(list(got.rglob("*.dcm"))) < 3
    with qr_scp(tmp_path / "peer", *series) as peer:
        result = get(peer.address, got, *study, "--skip-existing", "--verify")
    assert result.status == 0, result.stderr
    assert holds(got, *series)
