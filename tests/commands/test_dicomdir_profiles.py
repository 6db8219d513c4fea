"""``dicomdir profiles``, and what ``create`` does for them: admission, transcoding, keys, icons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom import uid as uids
from pydicom.encaps import encapsulate

from dcmtools.cli.dicomdir_profiles import PROFILE
from dcmtools.media.profiles import PROFILES
from tests.support import samples
from tests.support.profiled import drawn, instance, saved
from tests.support.run import Run, run

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset


def create(folder: Path, *paths: Path, options: tuple[str, ...] = ()) -> Run:
    return run("dicomdir", "create", *map(str, paths), "-o", str(folder / "medium"), *options)


def records(folder: Path, kind: str = "IMAGE") -> list[Dataset]:
    found = dcmread(folder / "medium" / "DICOMDIR").DirectoryRecordSequence
    return [record for record in found if record.DirectoryRecordType == kind]


def files(folder: Path) -> list[Path]:
    return sorted(
        path for path in (folder / "medium").rglob("*") if path.is_file() and path.name != "DICOMDIR"
    )


# ---------------------------------------------------------------- the list


def test_profiles_are_listed() -> None:
    listed = run("dicomdir", "profiles")
    assert listed.status == 0
    lines = [line.split("\t") for line in listed.stdout.splitlines()]
    assert [line[0] for line in lines] == [*PROFILES]
    assert ["STD-CTMR-CD", "CD-R", "explicit, jpeg-lossless"] in [line[:3] for line in lines]


def test_profiles_as_json() -> None:
    by_name = {record["name"]: record for record in run("dicomdir", "profiles", "--format", "json").records}
    assert by_name["STD-GEN-MIME"]["transfer_syntaxes"] == by_name["STD-GEN-MIME"]["sop_classes"] == []
    angio = by_name["STD-XA1K-CD"]
    assert angio["icon"] == 128
    assert angio["annex"] == "B"
    assert angio["sop_classes"] == [
        "GrayscaleSoftcopyPresentationStateStorage",
        "SecondaryCaptureImageStorage",
        "XRayAngiographicImageStorage",
    ]
    assert angio["keys"]["PATIENT"] == ["00100030", "00100040"]


# ---------------------------------------------------------------- admission


def test_what_is_not_for_the_profile_fails_and_the_rest_goes_on(tmp_path: Path) -> None:
    done = create(tmp_path, samples.ct(), samples.real_file("JPEG2000.dcm"), options=("--profile", "gen-cd"))
    assert done.status == 1
    assert "its transfer syntax is JPEG2000, not ExplicitVRLittleEndian" in done.stderr
    assert "--transcode" in done.stderr
    assert len(files(tmp_path)) == len(records(tmp_path)) == 1
    assert records(tmp_path)[0].ImageType[0] == "ORIGINAL"


def test_what_transcoding_does_not_help_is_not_hinted_at(tmp_path: Path) -> None:
    done = create(tmp_path, samples.ct(), options=("--profile", "STD-XABC-CD", "--transcode"))
    assert done.status == 3
    assert "CTImageStorage is not for STD-XABC-CD" in done.stderr
    assert "--transcode" not in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--profile", "gen-cdr"), "did you mean STD-GEN-CD"),
        (("--profile", "std-gen-sec-cd"), "wants every file encrypted"),
        (("--transcode",), "--transcode wants --profile"),
        (("--profile", "gen-cd", "--to", "explicit"), "nothing without it"),
        (("--profile", "gen-cd", "--transcode", "--to", "jpeg"), "does not take jpeg; it takes explicit."),
        (("--icon-size", "32"), "nothing without --icons"),
        (("--icons", "--icon-size", "2000"), "2000"),
        (("--profile", "ct-and-mr", "--icons", "--icon-size", "128"), "Icons of STD-CTMR-CD have 64 pixels"),
        (("--profile", "basic-cardiac", "--icon-size", "64"), "Icons of STD-XABC-CD have 128 pixels"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    done = create(tmp_path, samples.ct(), options=options)
    assert done.status == 2
    assert message in done.stderr
    assert not (tmp_path / "medium").exists()


def test_a_profile_is_completed() -> None:
    assert [name for name, _ in PROFILE.proposals("std-gen-usb")] == ["STD-GEN-USB-JPEG", "STD-GEN-USB-J2K"]


# ---------------------------------------------------------------- transcoding


def test_files_are_transcoded_without_loss_and_their_records_tell(tmp_path: Path) -> None:
    mr = samples.real_file("MR_small_jp2klossless.dcm")
    done = create(
        tmp_path, mr, samples.ct(), options=("--profile", "gen-usb-jpeg", "--transcode", "--format", "json")
    )
    assert done.status == 0
    (path,) = [each for each in files(tmp_path) if dcmread(each).Modality == "MR"]
    written, record = (
        dcmread(path),
        next(each for each in records(tmp_path) if "PA000001" in each.ReferencedFileID),
    )
    assert written.file_meta.TransferSyntaxUID == uids.JPEGLosslessSV1
    assert record.ReferencedTransferSyntaxUIDInFile == uids.JPEGLosslessSV1
    assert record.ReferencedSOPInstanceUIDInFile == written.SOPInstanceUID == dcmread(mr).SOPInstanceUID
    assert run("decompress", str(path), "-o", str(tmp_path / "plain")).status == 0
    assert (dcmread(tmp_path / "plain").pixel_array == dcmread(mr).pixel_array).all()
    assert "1 transcoded" in done.stderr
    verified = run("dicomdir", "verify", str(tmp_path / "medium"), "--profile", "gen-usb-jpeg")
    assert verified.status == 0, verified.stdout


def test_what_is_asked_for_with_loss_is_a_new_instance(tmp_path: Path) -> None:
    plain = saved(instance("CT", drawn(64, 64)), tmp_path / "one")
    options = ("--profile", "gen-dvd-j2k", "--transcode", "--to", "jpeg-2000")
    assert create(tmp_path, plain, options=options).status == 0
    (record,) = records(tmp_path)
    # What is in a transfer syntax that the profile takes stays in it.
    assert record.ReferencedTransferSyntaxUIDInFile == uids.ExplicitVRLittleEndian

    assert run("compress", str(plain), "-o", str(tmp_path / "two"), "--to", "jpeg-ls").status == 0
    (tmp_path / "other").mkdir()
    assert create(tmp_path / "other", tmp_path / "two", options=options).status == 0
    (record,) = records(tmp_path / "other")
    written = dcmread(files(tmp_path / "other")[0])
    assert record.ReferencedTransferSyntaxUIDInFile == uids.JPEG2000
    assert record.ReferencedSOPInstanceUIDInFile == written.SOPInstanceUID != dcmread(plain).SOPInstanceUID
    assert record.LossyImageCompressionRatio == written.LossyImageCompressionRatio
    assert record.ImageType[0] == "DERIVED"


def test_what_cannot_be_decoded_fails_and_is_not_on_the_medium(tmp_path: Path) -> None:
    made = instance("CT", drawn(64, 64, 16), PixelData=encapsulate([b"\xff\xd8\xff\xd9"]))
    broken = saved(made, tmp_path / "broken", uids.JPEGLosslessSV1)
    done = create(tmp_path, broken, samples.ct(), options=("--profile", "gen-cd", "--transcode"))
    assert done.status == 1
    assert "not brought to STD-GEN-CD: not in ExplicitVRLittleEndian: frame 1" in done.stderr
    assert len(files(tmp_path)) == len(records(tmp_path)) == 1


def test_what_is_linked_or_indexed_is_not_transcoded(tmp_path: Path) -> None:
    options = ("--profile", "gen-cd", "--transcode", "--link", "hard")
    done = create(tmp_path, samples.real_file("MR_small_RLE.dcm"), options=options)
    assert done.status != 0
    assert "has to be transcoded, and is not copied" in done.stderr


# ---------------------------------------------------------------- icons and keys


def _icon(record: Dataset) -> np.ndarray[Any, np.dtype[Any]]:
    (item,) = record.IconImageSequence
    assert (item.BitsAllocated, item.BitsStored, item.HighBit, item.PixelRepresentation) == (8, 8, 7, 0)
    return np.frombuffer(item.PixelData, "u1").reshape(item.Rows, item.Columns)


def test_images_get_icons_and_others_none(tmp_path: Path) -> None:
    grey = saved(instance("CT", drawn(64, 64)), tmp_path / "one")
    colours = saved(instance("US", drawn(64, 32, colours=3)), tmp_path / "two")
    report = samples.real_file("reportsi.dcm")
    assert create(tmp_path, grey, colours, report, options=("--icons", "--icon-size", "32")).status == 0
    first, second = sorted(
        records(tmp_path), key=lambda each: str(each.IconImageSequence[0].PhotometricInterpretation)
    )
    assert first.IconImageSequence[0].PhotometricInterpretation == "MONOCHROME2"
    assert second.IconImageSequence[0].PhotometricInterpretation == "PALETTE COLOR"
    assert _icon(first).shape == _icon(second).shape == (32, 32)
    assert len(np.unique(_icon(first))) > 10
    assert "IconImageSequence" not in records(tmp_path, "SR DOCUMENT")[0]


def test_without_a_picture_there_is_a_warning_and_no_icon(tmp_path: Path) -> None:
    made = instance("CT", drawn(64, 64, 16), PixelData=encapsulate([b"\xff\xd8\xff\xd9"]))
    broken = saved(made, tmp_path / "broken", uids.JPEGLosslessSV1)
    done = create(tmp_path, broken, options=("--icons",))
    assert done.status == 0
    assert "no icon: frame 1" in done.stderr
    assert "IconImageSequence" not in records(tmp_path)[0]


def test_where_icons_are_required_their_lack_is_a_failure(tmp_path: Path) -> None:
    good = saved(instance("XA", drawn(64, 96)), tmp_path / "one")
    broken = instance("XA", drawn(64, 96), PixelData=encapsulate([b"\xff\xd8\xff\xd9"]))
    path = saved(broken, tmp_path / "broken", uids.JPEGLosslessSV1)
    done = create(tmp_path, good, path, options=("--profile", "basic-cardiac", "--transcode", "--icons"))
    assert done.status == 1
    assert "no icon, which STD-XABC-CD wants: frame 1" in done.stderr
    (record,) = records(tmp_path)
    assert _icon(record).shape == (128, 128)
    assert record.CalibrationImage == ""
    (patient,) = records(tmp_path, "PATIENT")
    assert patient.PatientBirthDate == "19700102"
    assert len(files(tmp_path)) == 1


def test_keys_of_a_profile_are_in_the_records(tmp_path: Path) -> None:
    made = instance("CT", drawn(32, 32, 16), ImagePositionPatient=[1, 2, 3], PixelSpacing=[1, 1])
    assert create(tmp_path, saved(made, tmp_path / "one"), options=("--profile", "ct-and-mr")).status == 0
    (record,) = records(tmp_path)
    assert (record.Rows, record.Columns, record.ImagePositionPatient) == (32, 32, [1, 2, 3])
    # 32 are bytes of a blank and a NUL, and no padding
    found = run("dicomdir", "verify", str(tmp_path / "medium"), "--profile", "ct-and-mr", "--format", "json")
    assert "is empty" not in found.stdout
    assert "ImageType" not in record
    assert "IconImageSequence" not in record
