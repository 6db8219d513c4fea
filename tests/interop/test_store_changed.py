"""``store --transcode`` and ``--set``: what arrives is what was asked for, and nothing else has changed."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import dcmread

from dcmtools.encoding.tags import PIXEL_DATA
from tests.support import samples
from tests.support.peers import dcmtk, orthanc, requires_dcmtk, requires_orthanc, storescp
from tests.support.run import Run, run
from tests.support.served import served

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
NAMES = {IMPLICIT: "implicit", EXPLICIT: "explicit"}
# What else decompresses them.
COMPRESSED = {
    "MR_small_RLE.dcm": "dcmdrle",
    "MR_small_jpeg_ls_lossless.dcm": "dcmdjpls",
    "SC_rgb_jpeg_gdcm.dcm": "dcmdjpeg",
    "MR_small_jp2klossless.dcm": "pydicom",
    "JPEG2000.dcm": "pydicom",
    "SC_rgb_rle_16bit_2frame.dcm": "dcmdrle",
}
# As older ones and newer ones are told to accept nothing compressed.
ORTHANC_NATIVE: dict[str, Any] = {
    f"{kind}TransferSyntaxAccepted": False
    for kind in ("Deflated", "Jpeg", "Jpeg2000", "JpegLossless", "Jpip", "Mpeg2", "Rle", "Mpeg4", "H265")
}
SOURCES = {
    EXPLICIT: "CT_small.dcm",
    IMPLICIT: "rtplan.dcm",
    BIG: "MR_small_bigendian.dcm",
    DEFLATED: "image_dfl.dcm",
}


def store(address: str, *args: object) -> Run:
    return run("store", address, "--format", "json", *args)


def data_set(path: Path | BytesIO) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = dcmread(path)
        found.decode()
    return found


def content(found: Dataset) -> dict[str, Any]:
    """The data set in the JSON model, without retired group lengths and what only a dictionary could tell."""
    model = {key: value for key, value in found.to_json_dict().items() if key[4:] != "0000"}
    model.pop(f"{PIXEL_DATA:08X}", None)  # OB or OW
    return model


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", [IMPLICIT, EXPLICIT], ids=["to implicit", "to explicit"])
def test_a_peer_with_one_syntax_gets_native_files_in_it(tmp_path: Path, source: str, target: str) -> None:
    path = samples.real_file(SOURCES[source])
    with served(tmp_path / "in", "--transfer-syntax", NAMES[target]) as server:
        never = store(server.address, "--transcode", "never", path)
        result = store(server.address, path)
    if source != target:
        assert (never.status, never.records[0]["sent_as"]) == (5, None)
    assert (result.status, result.records[0]["sent_as"]) == (0, target), result.stderr
    [arrived] = (tmp_path / "in").rglob("*.dcm")
    received = data_set(arrived)
    assert received.file_meta.TransferSyntaxUID == target
    original = data_set(path)
    assert content(received) == content(original)
    assert received.get("PixelData") is None or len(received.PixelData) == len(original.PixelData)


@requires_dcmtk
def test_a_stock_storescp_gets_what_is_deflated_as_explicit(tmp_path: Path) -> None:
    path = samples.real_file(SOURCES[DEFLATED])
    with storescp(tmp_path) as peer:
        result = store(peer.address, path)
        [arrived] = peer.received()
        assert (result.status, result.records[0]["sent_as"]) == (0, EXPLICIT)
        assert content(data_set(arrived)) == content(data_set(path))


@requires_dcmtk
@pytest.mark.parametrize("option", ["+xe", "+xi"])
@pytest.mark.parametrize(("name", "tool"), COMPRESSED.items())
def test_a_stock_storescp_gets_what_is_compressed_as_dcmtk_decompresses_it(
    tmp_path: Path, name: str, tool: str, option: str
) -> None:
    path = samples.real_file(name)
    with storescp(tmp_path, option) as peer:
        result = store(peer.address, path)
        [arrived] = peer.received()
        received = data_set(arrived)
    expected = path
    if tool != "pydicom":
        expected = tmp_path / "expected.dcm"
        assert dcmtk(tool, *(("+cn",) if tool == "dcmdjpeg" else ()), path, expected).returncode == 0
    assert (result.status, result.records[0]["sent_as"]) == (0, received.file_meta.TransferSyntaxUID)
    assert received.file_meta.TransferSyntaxUID.is_implicit_VR == (option == "+xi")
    assert np.array_equal(received.pixel_array, data_set(expected).pixel_array)


@requires_orthanc
@pytest.mark.parametrize("name", [*COMPRESSED])
def test_an_orthanc_without_compressed_syntaxes(tmp_path: Path, name: str) -> None:
    path = samples.real_file(name)
    with orthanc(tmp_path, **ORTHANC_NATIVE, AcceptedTransferSyntaxes=[IMPLICIT, EXPLICIT]) as peer:
        never = store(peer.address, "--transcode", "never", path)
        result = store(peer.address, path)
        arrived = data_set(BytesIO(peer.instance_file(result.records[0]["sop_instance_uid"])))
    assert never.status == 5
    assert (result.status, result.records[0]["sent_as"]) == (0, EXPLICIT), result.stderr
    assert arrived.file_meta.TransferSyntaxUID in (IMPLICIT, EXPLICIT)
    with served(tmp_path / "in", "--transfer-syntax", "explicit") as server:
        assert store(server.address, path).status == 0
        [ours] = server.kept()
    assert np.array_equal(arrived.pixel_array, data_set(ours).pixel_array)


@pytest.mark.parametrize("source", SOURCES)
def test_elements_are_set_on_the_way(tmp_path: Path, source: str) -> None:
    path = samples.real_file(SOURCES[source])
    before = path.read_bytes()
    changes = ("--set", "PatientID=TRIAL-7", "--set", "0008,0050=", "--set", "PatientName=Doe^Jane")
    with served(tmp_path / "in") as server:
        result = store(server.address, *changes, path)
    assert result.status == 0, result.stderr
    assert path.read_bytes() == before
    [arrived] = (tmp_path / "in").rglob("*.dcm")
    received, original = data_set(arrived), data_set(path)
    assert (received.PatientID, received.AccessionNumber, received.PatientName) == ("TRIAL-7", "", "Doe^Jane")
    for keyword in ("PatientID", "AccessionNumber", "PatientName"):
        for each in (received, original):
            if keyword in each:
                delattr(each, keyword)
    assert content(received) == content(original)
    if source != DEFLATED:
        assert result.records[0]["sent_as"] == source


def test_a_compressed_file_keeps_its_pixels(tmp_path: Path) -> None:
    path = samples.real_file("JPEG2000.dcm")
    with served(tmp_path / "in") as server:
        result = store(server.address, "--set", "PatientID=TRIAL-7", path)
    assert result.status == 0, result.stderr
    [arrived] = (tmp_path / "in").rglob("*.dcm")
    assert data_set(arrived).PatientID == "TRIAL-7"
    assert data_set(arrived).PixelData == data_set(path).PixelData


def test_changes_and_another_syntax_together(tmp_path: Path) -> None:
    with served(tmp_path / "in", "--transfer-syntax", "implicit") as server:
        result = store(server.address, "--set", "PatientID=TRIAL-7", samples.ct())
    assert (result.status, result.records[0]["sent_as"]) == (0, IMPLICIT)
    [arrived] = (tmp_path / "in").rglob("*.dcm")
    assert data_set(arrived).PatientID == "TRIAL-7"


def test_what_a_character_set_does_not_have_fails_that_file_alone(tmp_path: Path) -> None:
    with served(tmp_path / "in") as server:
        result = store(
            server.address, "--set", "PatientName=山田", samples.ct(), samples.real_file("test-SR.dcm")
        )
    outcomes = [record["outcome"] for record in result.records]
    assert "failed" in outcomes
    assert "PatientName (0010,0010): " in result.stderr
    assert len(list((tmp_path / "in").rglob("*.dcm"))) == outcomes.count("done")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("PatientID", "is not Keyword=value"),
        ("PatienID=1", "did you mean PatientID?"),
        ("SOPInstanceUID=1.2", "cannot be set: it says which instance this is"),
        ("StudyDate=yesterday", "StudyDate (0008,0020): "),
        ("PixelData=1", "cannot be set"),
    ],
)
def test_what_cannot_be_set_is_a_usage_error(change: str, complaint: str) -> None:
    result = run("store", "127.0.0.1:1", "--set", change, samples.ct())
    assert result.status == 2
    assert complaint in result.stderr
