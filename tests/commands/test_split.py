"""``split``: frames as instances of their own, what is said of them, and each way to fail."""

from __future__ import annotations

import json
import struct
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from dcmtools.codecs.decoding import decode
from dcmtools.codecs.frames import pixel_data
from dcmtools.conversion.layout import LONGEST_GROUPS
from dcmtools.files.part10 import Part10File
from tests.support.enhanced import CLASSES, IMAGE, image, item, write
from tests.support.run import Run, run
from tests.support.samples import ct, pydicom_data_files, real_files, renamed_dicomdir

if TYPE_CHECKING:
    from pathlib import Path


def split(*args: object) -> Run:
    return run("split", *args)


def made(path: Path, out: Path, *args: object) -> list[Dataset]:
    """The instances that come of a file, in the order of its frames."""
    done = split(path, "-o", out, "--format", "json", *args)
    assert done.status == 0, done.stderr
    return [dcmread(each) for each in done.records[0]["outputs"]]


def file(folder: Path, kind: str, frames: int = 3, **changes: object) -> Path:
    whole = image(kind, frames)
    for keyword, value in changes.items():
        setattr(whole, keyword, value)
    return write(folder / f"{kind}.dcm", whole)


# ---------------------------------------------------------------- samples


def samples(path: Path) -> list[list[int]]:
    with Part10File.open(str(path)) as whole:
        data = pixel_data(whole)
        return [decode(data, index).samples.reshape(-1).tolist() for index in range(len(data))]


def is_multi_frame(path: Path) -> bool:
    try:
        return int(dcmread(path, stop_before_pixels=True).get("NumberOfFrames") or 1) > 1
    except (ValueError, TypeError, AttributeError, InvalidDicomError):
        return False


@pytest.mark.filterwarnings("ignore")
def test_every_real_file_comes_apart_sample_by_sample(tmp_path: Path) -> None:
    paths = [path for path in [*real_files(), *pydicom_data_files()] if is_multi_frame(path)]
    assert len(paths) > 20
    done = split(*paths, "-o", tmp_path / "out", "--format", "json")
    (failed,) = [record for record in done.records if record["outcome"] == "failed"]
    assert failed["file"].endswith("emri_small_jpeg_2k_lossless_too_short.dcm")
    wrong = []
    for record in done.records:
        if record["file"] == failed["file"]:
            continue
        theirs = list(iter_pixels(dcmread(record["file"]), raw=True))
        ours = [list(iter_pixels(dcmread(each), raw=True)) for each in record["outputs"]]
        if [len(each) for each in ours] != [1] * len(theirs) or not all(
            np.array_equal(each[0], frame) for each, frame in zip(ours, theirs, strict=True)
        ):
            wrong.append(record["file"])
    assert not wrong


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
@pytest.mark.parametrize("kind", ["ct", "seg", "us", "dose"])
def test_every_encoding(kind: str, syntax: UID, tmp_path: Path) -> None:
    plain = write(tmp_path / f"{kind}.dcm", image(kind))
    other = tmp_path / "other.dcm"
    assert run("decompress", plain, "-o", other, "--to", syntax).status == 0
    wanted, got = made(plain, tmp_path / "a"), made(other, tmp_path / "b")
    assert [each for path in sorted((tmp_path / "b").iterdir()) for each in samples(path)] == samples(other)
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours.file_meta.TransferSyntaxUID == syntax
        del ours.PixelData, theirs.PixelData
        assert ours == theirs


@pytest.mark.parametrize("name", ["rle", "jpeg-ls", "jpeg-2000-lossless", "jpeg"])
@pytest.mark.parametrize("table", ["basic", "extended", "none"])
def test_codestreams_stay_as_they_are(name: str, table: str, tmp_path: Path) -> None:
    source = write(tmp_path / "us.dcm", image("us", 3, 16, 16))
    packed = tmp_path / "packed.dcm"
    args = ("--to", name, "--keep-uid", "--offset-table", table)
    assert run("compress", source, "-o", packed, *args).status == 0
    theirs = list(iter_pixels(dcmread(packed), raw=True))
    frames = made(packed, tmp_path / "out")
    for each, frame in zip(frames, theirs, strict=True):
        assert np.array_equal(next(iter_pixels(each, raw=True)), frame)
        assert each.file_meta.TransferSyntaxUID == dcmread(packed).file_meta.TransferSyntaxUID
        assert "ExtendedOffsetTable" not in each
        assert each.PhotometricInterpretation == dcmread(packed).PhotometricInterpretation


def test_frames_of_several_fragments(tmp_path: Path) -> None:
    packed = tmp_path / "packed.dcm"
    source = write(tmp_path / "us.dcm", image("us", 3, 16, 16))
    assert run("compress", source, "-o", packed, "--to", "rle", "--fragment-size", 100).status == 0
    theirs = dcmread(packed).pixel_array
    assert [each.pixel_array.tolist() for each in made(packed, tmp_path / "out")] == theirs.tolist()


@pytest.mark.parametrize("planar", [0, 1])
def test_colours_in_either_planar_configuration(planar: int, tmp_path: Path) -> None:
    whole = image("us")
    whole.PlanarConfiguration = planar
    path = write(tmp_path / "us.dcm", whole)
    frames = made(path, tmp_path / "out")
    assert [each.pixel_array.tolist() for each in frames] == dcmread(path).pixel_array.tolist()
    assert {each.PlanarConfiguration for each in frames} == {planar}


def test_subsampled_colours_and_palettes(tmp_path: Path) -> None:
    whole = image("us", 3, 4, 4)
    whole.PhotometricInterpretation = "YBR_FULL_422"
    whole.PixelData = bytes(range(96))
    frames = made(write(tmp_path / "ybr.dcm", whole), tmp_path / "ybr")
    assert [each.PixelData for each in frames] == [bytes(range(at, at + 32)) for at in (0, 32, 64)]
    whole = image("us", 3, 5, 5)
    whole.PhotometricInterpretation, whole.SamplesPerPixel = "PALETTE COLOR", 1
    del whole.PlanarConfiguration
    whole.PixelData = bytes(range(76))
    whole.RedPaletteColorLookupTableDescriptor = [256, 0, 16]
    whole.RedPaletteColorLookupTableData = bytes(512)
    frames = made(write(tmp_path / "palette.dcm", whole), tmp_path / "palette")
    assert [each.PixelData for each in frames] == [bytes(range(at, at + 25)) + b"\0" for at in (0, 25, 50)]
    assert {each.RedPaletteColorLookupTableData for each in frames} == {bytes(512)}


def test_single_bits_begin_with_a_byte(tmp_path: Path) -> None:
    path = file(tmp_path, "seg", 5)  # of 30 bits each
    bits = np.unpackbits(np.frombuffer(dcmread(path).PixelData, "u1"), bitorder="little")[:150].reshape(5, 30)
    frames = made(path, tmp_path / "out")
    assert {len(each.PixelData) for each in frames} == {4}
    for each, wanted in zip(frames, bits, strict=True):
        got = np.unpackbits(np.frombuffer(each.PixelData, "u1"), bitorder="little")
        assert got.tolist() == [*wanted, 0, 0]


# ---------------------------------------------------------------- what is said of frames


def test_an_enhanced_ct_becomes_classic_ones(tmp_path: Path) -> None:
    path = file(tmp_path, "ct")
    whole = dcmread(path)
    frames = made(path, tmp_path / "out")
    second = frames[1]
    assert {each.SOPClassUID for each in frames} == {f"{IMAGE}2"}
    assert second.file_meta.MediaStorageSOPInstanceUID == second.SOPInstanceUID
    assert second.ImageType == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert [each.ImagePositionPatient for each in frames] == [[-10, -20, 0], [-10, -20, 2], [-10, -20, 4]]
    assert [each.SliceLocation for each in frames] == [0, 2, 4]
    assert [each.InstanceNumber for each in frames] == [1, 2, 3]
    assert [each.WindowCenter for each in frames] == [40, 41, 42]
    assert (second.PixelSpacing, second.SliceThickness) == ([0.5, 0.6], 2)
    assert second.ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    assert (second.RescaleIntercept, second.RescaleSlope, second.RescaleType) == (-1024, 1, "HU")
    assert (second.KVP, second.ConvolutionKernel) == (120, "B30")
    assert (second.XRayTubeCurrent, second.ExposureTime, second.Exposure) == (101, 500, 50)
    assert (second.XRayTubeCurrentInuA, second.ExposureTimeInuS) == (101400, 500500)
    assert (second.AcquisitionDate, second.AcquisitionTime) == ("20240102", "101121")
    assert (second.AcquisitionNumber, second.ImageLaterality) == (2, "U")
    assert second.ImageComments == "Bild 2 für Müller"
    assert second.IrradiationEventUID == "1.2.3.4"
    for keyword in (
        *("NumberOfFrames", "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"),
        *("DimensionIndexSequence", "DimensionOrganizationSequence", "DimensionIndexValues"),
    ):
        assert keyword not in second
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientName", "SeriesNumber", "Manufacturer"):
        assert second[keyword] == whole[keyword]
    (source,) = second.SourceImageSequence
    assert source.ReferencedSOPClassUID == whole.SOPClassUID
    assert source.ReferencedSOPInstanceUID == whole.SOPInstanceUID
    assert source.ReferencedFrameNumber == 2


def test_uids_are_new_and_the_same_each_time(tmp_path: Path) -> None:
    path = file(tmp_path, "ct")
    whole = dcmread(path)
    frames, again = made(path, tmp_path / "a"), made(path, tmp_path / "b")
    assert [each.SOPInstanceUID for each in frames] == [each.SOPInstanceUID for each in again]
    assert len({each.SOPInstanceUID for each in frames} | {whole.SOPInstanceUID}) == 4
    (series,) = {each.SeriesInstanceUID for each in frames}
    assert series != whole.SeriesInstanceUID
    kept = made(path, tmp_path / "c", "--keep-class")
    assert not {each.SOPInstanceUID for each in frames} & {each.SOPInstanceUID for each in kept}
    assert kept[0].SeriesInstanceUID != series


def test_runs_of_one_series_become_series_of_their_own(tmp_path: Path) -> None:
    whole = [image("xa-cine"), image("xa-cine")]
    whole[1].SOPInstanceUID = whole[1].file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.77")
    whole[1].SeriesInstanceUID = whole[0].SeriesInstanceUID
    frames = [made(write(tmp_path / f"{n}.dcm", each), tmp_path / f"out{n}") for n, each in enumerate(whole)]
    series = [{frame.SeriesInstanceUID for frame in each} for each in frames]
    assert [len(each) for each in series] == [1, 1]
    assert series[0] != series[1]
    for each in whole:
        each.ConcatenationUID = "1.2.3.99"
    parts = [made(write(tmp_path / f"c{n}.dcm", each), tmp_path / f"con{n}") for n, each in enumerate(whole)]
    assert len({frame.SeriesInstanceUID for each in parts for frame in each}) == 1


def test_a_group_of_a_frame_takes_the_place_of_the_shared_one(tmp_path: Path) -> None:
    whole = image("ct")
    shared = item(WindowCenter=1, WindowWidth=2, VOILUTFunction="SIGMOID")
    whole.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence = [shared]
    for each in whole.PerFrameFunctionalGroupsSequence:
        each.pop("FrameVOILUTSequence", None)
    own = item(WindowCenter=40, WindowWidth=400)
    whole.PerFrameFunctionalGroupsSequence[1].FrameVOILUTSequence = [own]
    frames = made(write(tmp_path / "a.dcm", whole), tmp_path / "out")
    assert (frames[1].WindowCenter, "VOILUTFunction" in frames[1]) == (40, False)
    assert (frames[0].WindowCenter, frames[0].VOILUTFunction) == (1, "SIGMOID")


@pytest.mark.parametrize("lacking", [0, 1, 2])
def test_what_is_at_the_top_is_not_that_of_a_frame_without_its_group(tmp_path: Path, lacking: int) -> None:
    whole = image("ct")
    whole.ImagePositionPatient = [9, 9, 9]
    del whole.PerFrameFunctionalGroupsSequence[lacking].PlanePositionSequence
    done = split(write(tmp_path / "a.dcm", whole), "-o", tmp_path / "out")
    assert f"the groups of frame {lacking + 1} do not tell ImagePositionPatient" in done.stderr
    found = [dcmread(path) for path in sorted((tmp_path / "out").iterdir())]
    assert not any(each.get("ImagePositionPatient") == [9, 9, 9] for each in found)


def test_more_pixels_than_frames_are_not_copied_in_silence(tmp_path: Path) -> None:
    path = file(tmp_path, "us", NumberOfFrames=1)
    done = split(path, "-o", tmp_path / "out")
    assert done.status == 3
    assert "could be more frames" in done.stderr


def test_legacy_converted_attributes_come_back(tmp_path: Path) -> None:
    frame = made(file(tmp_path, "legacy-ct"), tmp_path / "out")[0]
    assert frame.SOPClassUID == f"{IMAGE}2"
    assert (frame.KVP, frame.Exposure, frame.ConvolutionKernel) == (120, 7, "B30")
    assert frame.ImageType == ["ORIGINAL", "PRIMARY", "AXIAL"]


def test_an_enhanced_mr(tmp_path: Path) -> None:
    frame = made(file(tmp_path, "mr"), tmp_path / "out")[0]
    assert frame.SOPClassUID == f"{IMAGE}4"
    assert frame.ScanningSequence == ["GR", "IR", "EP"]
    assert frame.SequenceVariant == ["SK", "SP"]
    assert frame.ScanOptions == "PFP"
    assert (frame.RepetitionTime, frame.EchoTime, frame.InversionTime) == (12.5, 3.25, 900)
    assert (frame.FlipAngle, frame.NumberOfAverages, frame.SequenceName) == (8, 2, "T1TFE")
    assert (frame.ImagingFrequency, frame.ImagedNucleus) == (pytest.approx(127.7512345678), "1H")
    assert frame.InPlanePhaseEncodingDirection == "COL"
    assert frame.AcquisitionMatrix == [0, 256, 200, 0]
    assert frame.ReceiveCoilName == "HEAD"


def test_an_enhanced_pet(tmp_path: Path) -> None:
    first, second, _ = made(file(tmp_path, "pet"), tmp_path / "out")
    assert second.SOPClassUID == f"{IMAGE}128"
    assert (second.Units, second.DecayCorrection, second.CorrectedImage) == (
        "BQML",
        "ADMIN",
        ["DECY", "ATTN"],
    )
    assert (second.SeriesType, second.CountsSource) == (["STATIC", "IMAGE"], "EMISSION")
    assert (first.FrameReferenceTime, second.FrameReferenceTime) == (8500, 9500)
    assert (second.ImageIndex, second.NumberOfSlices, second.ActualFrameDuration) == (2, 3, 250)
    assert second.PatientOrientationCodeSequence[0].CodeMeaning == "Recumbent"
    assert "PatientPosition" not in second


def test_an_enhanced_xa(tmp_path: Path) -> None:
    frame = made(file(tmp_path, "xa"), tmp_path / "out")[0]
    assert frame.SOPClassUID == f"{IMAGE}12.1"
    assert frame.ImageType == ["ORIGINAL", "PRIMARY", "SINGLE PLANE", "NONE"]
    assert (frame.PixelIntensityRelationship, frame.PositionerPrimaryAngle) == ("LOG", 10)
    assert (frame.XRayTubeCurrent, frame.FieldOfViewDimensions) == (12, 200)


@pytest.mark.parametrize(("kind", "becomes"), [("us", "6.1"), ("sc", "7"), ("xa-cine", "12.1")])
def test_cine_becomes_single_frames(kind: str, becomes: str, tmp_path: Path) -> None:
    frame = made(file(tmp_path, kind), tmp_path / "out")[2]
    assert frame.SOPClassUID == IMAGE + becomes
    for keyword in (
        *("NumberOfFrames", "FrameIncrementPointer", "FrameTimeVector", "FrameTime", "CineRate", "StopTrim"),
        *("RecommendedDisplayFrameRate", "MaskSubtractionSequence", "SmallestImagePixelValue", "StartTrim"),
        *("PositionerPrimaryAngleIncrement", "RecommendedViewingMode"),
    ):
        assert keyword not in frame
    if kind == "xa-cine":
        assert (frame.PositionerPrimaryAngle, frame.PositionerSecondaryAngle) == (13, 5)
        assert frame.PositionerMotion == "STATIC"


def test_a_dose_stays_where_it_is(tmp_path: Path) -> None:
    frames = made(file(tmp_path, "dose"), tmp_path / "a")
    # The normal of these axes points down.
    assert [each.ImagePositionPatient for each in frames] == [[1, 2, 3], [1, 2, 0.5], [1, 2, -2]]
    assert "GridFrameOffsetVector" not in frames[0]
    kept = made(tmp_path / "dose.dcm", tmp_path / "kept", "--keep-class")
    assert [each.ImagePositionPatient for each in kept] == [each.ImagePositionPatient for each in frames]
    assert {(each.NumberOfFrames, each.GridFrameOffsetVector) for each in kept} == {(1, 0)}
    absolute = file(tmp_path, "dose", GridFrameOffsetVector=[3, 5, 7])
    assert [each.ImagePositionPatient[2] for each in made(absolute, tmp_path / "b")] == [3, 5, 7]
    nowhere = split(file(tmp_path, "dose", GridFrameOffsetVector=[4, 5, 7]), "-o", tmp_path / "c")
    assert nowhere.status == 1
    assert "begins neither with 0 nor with the place of the grid" in nowhere.stderr


def test_nuclear_medicine_keeps_its_class(tmp_path: Path) -> None:
    detectors = [item(StartAngle=each, ImagePositionPatient=[0, 0, each]) for each in (0, 90, 180)]
    frames = made(file(tmp_path, "nm", DetectorInformationSequence=detectors), tmp_path / "a")
    assert {each.SOPClassUID for each in frames} == {f"{IMAGE}20"}
    assert {(each.NumberOfFrames, each.DetectorVector, each.NumberOfDetectors) for each in frames} == {
        (1, 1, 1)
    }
    assert [each.DetectorInformationSequence[0].StartAngle for each in frames] == [0, 90, 180]
    whole = image("nm", 3)
    whole.FrameIncrementPointer, whole.SliceVector, whole.NumberOfSlices = [0x00540080], [1, 2, 3], 3
    whole.SpacingBetweenSlices, whole.DetectorVector = 4, 1
    whole.DetectorInformationSequence = [
        item(ImagePositionPatient=[0, 0, 10], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    ]
    slices = made(write(tmp_path / "tomo.dcm", whole), tmp_path / "b")
    assert [each.DetectorInformationSequence[0].ImagePositionPatient[2] for each in slices] == [10, 14, 18]
    whole.FrameIncrementPointer, whole.AngularViewVector = [0x00540090], [1, 2, 3]
    whole.RotationInformationSequence = [
        item(StartAngle=10, AngularStep=6, RotationDirection="CW", NumberOfFramesInRotation=3)
    ]
    del whole.SliceVector
    views = made(write(tmp_path / "views.dcm", whole), tmp_path / "c")
    assert [each.RotationInformationSequence[0].StartAngle for each in views] == [10, 4, 358]


def test_a_segmentation_keeps_class_and_groups(tmp_path: Path) -> None:
    path = file(tmp_path, "seg")
    second = made(path, tmp_path / "out")[1]
    whole = dcmread(path)
    assert second.SOPClassUID == whole.SOPClassUID
    assert second.NumberOfFrames == 1
    assert list(second.PerFrameFunctionalGroupsSequence) == [whole.PerFrameFunctionalGroupsSequence[1]]
    assert second.SharedFunctionalGroupsSequence == whole.SharedFunctionalGroupsSequence
    assert second.ReferencedSeriesSequence[0].SeriesInstanceUID == whole.SeriesInstanceUID


def test_keep_class(tmp_path: Path) -> None:
    path = file(tmp_path, "ct")
    second = made(path, tmp_path / "out", "--keep-class")[1]
    assert second.SOPClassUID == f"{IMAGE}2.1"
    assert second.NumberOfFrames == 1
    assert list(second.PerFrameFunctionalGroupsSequence) == [
        dcmread(path).PerFrameFunctionalGroupsSequence[1]
    ]


def test_concatenations_count_on(tmp_path: Path) -> None:
    path = file(
        tmp_path, "ct", ConcatenationUID="1.2.9", InConcatenationNumber=2, InConcatenationTotalNumber=2,
        ConcatenationFrameOffsetNumber=40, SOPInstanceUIDOfConcatenationSource="1.2.8",
    )  # fmt: skip
    frames = made(path, tmp_path / "out")
    assert [each.InstanceNumber for each in frames] == [41, 42, 43]
    assert not {"ConcatenationUID", "InConcatenationNumber", "ConcatenationFrameOffsetNumber"} & set(
        frames[0].dir()
    )


def test_overlays_go_with_their_frames(tmp_path: Path) -> None:
    whole = image("us", 4, 3, 5)
    bits = np.arange(2 * 15) * 7 % 5 % 2
    whole.add_new(0x60000010, "US", 3)
    whole.add_new(0x60000011, "US", 5)
    whole.add_new(0x60000015, "IS", 2)
    whole.add_new(0x60000051, "US", 2)
    whole.add_new(0x60003000, "OW", np.packbits(bits.astype("u1"), bitorder="little").tobytes())
    whole.add_new(0x60020010, "US", 3)
    frames = made(write(tmp_path / "us.dcm", whole), tmp_path / "out")
    assert [0x60003000 in each for each in frames] == [False, True, True, False]
    assert [0x60000010 in each for each in frames] == [False, True, True, False]
    assert all(0x60020010 in each for each in frames)
    for each, wanted in zip(frames[1:3], bits.reshape(2, 15), strict=True):
        got = np.unpackbits(np.frombuffer(each[0x60003000].value, "u1"), bitorder="little")
        assert got.tolist() == [*wanted, 0]
        assert 0x60000015 not in each
        assert 0x60000051 not in each


def test_private_groups_get_a_block_of_their_own(tmp_path: Path) -> None:
    whole = image("ct")
    whole.private_block(0x2005, "ONE", create=True).add_new(1, "LO", "top")
    for number, group in enumerate(whole.PerFrameFunctionalGroupsSequence):
        group.private_block(0x2005, "TWO", create=True).add_new(1, "LO", f"frame {number}")
    second = made(write(tmp_path / "ct.dcm", whole), tmp_path / "out")[1]
    assert second.private_block(0x2005, "ONE")[1].value == "top"
    assert second.private_block(0x2005, "TWO")[1].value == "frame 1"


def test_sources_told_already_stay(tmp_path: Path) -> None:
    whole = image("ct")
    whole.SourceImageSequence = [item(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID="1.2.3")]
    group = whole.PerFrameFunctionalGroupsSequence[0]
    inner = item(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID="1.2.4")
    group.DerivationImageSequence = [item(DerivationDescription="mean", SourceImageSequence=[inner])]
    first = made(write(tmp_path / "ct.dcm", whole), tmp_path / "out")[0]
    uids = [each.ReferencedSOPInstanceUID for each in first.SourceImageSequence]
    assert uids == ["1.2.3", "1.2.4", whole.SOPInstanceUID]
    assert first.DerivationDescription == "mean"


# ---------------------------------------------------------------- names and places


def test_names_mirror_the_folders(tmp_path: Path) -> None:
    file(tmp_path / "in" / "a", "ct")
    file(tmp_path / "in", "us", 2).rename(tmp_path / "in" / "IM1.2")
    done = split(tmp_path / "in", "-o", tmp_path / "out")
    assert done.status == 0
    assert done.stderr == "2 split into 5 frames\n"
    assert sorted(str(each.relative_to(tmp_path / "out")) for each in (tmp_path / "out").rglob("*.dcm")) == [
        *("IM1.2-0001.dcm", "IM1.2-0002.dcm", "a/ct-0001.dcm", "a/ct-0002.dcm", "a/ct-0003.dcm"),
    ]


def test_the_record(tmp_path: Path) -> None:
    path, out = file(tmp_path, "ct"), tmp_path / "out"
    (record,) = split(path, "-o", out, "--format", "json").records
    assert record.pop("elapsed_ms") > 0
    assert record.pop("series_instance_uid").startswith("2.25.")
    assert record == {
        "file": str(path), "outcome": "done", "output": str(out), "frames": 3, "written": 3, "there": 0,
        "outputs": [str(out / f"ct-000{each}.dcm") for each in (1, 2, 3)], "sop_class_uid": f"{IMAGE}2",
        "copied": False, "missing": [],
    }  # fmt: skip


def test_a_template_is_of_each_frame(tmp_path: Path) -> None:
    path, out = file(tmp_path, "ct"), tmp_path / "out"
    done = split(
        path, "-o", out, "--template", "{Modality}/{frame:03}_{ImagePositionPatient[2]}_{file.stem}.dcm"
    )
    assert done.status == 0, done.stderr
    assert sorted(each.name for each in (out / "CT").iterdir()) == [
        *("001_0.0_ct.dcm", "002_2.0_ct.dcm", "003_4.0_ct.dcm"),
    ]


def test_a_template_without_values(tmp_path: Path) -> None:
    done = split(file(tmp_path, "us", 2), "-o", tmp_path / "out", "-t", "{ProtocolName}/{frame}.dcm")
    assert done.status == 0
    assert "no value for ProtocolName" in done.stderr
    assert (tmp_path / "out" / "no-ProtocolName" / "1.dcm").is_file()


@pytest.mark.parametrize("more", [(), ("--overwrite",), ("--skip-existing",)])
def test_frames_that_meet_fail(more: tuple[str, ...], tmp_path: Path) -> None:
    done = split(file(tmp_path, "ct"), "-o", tmp_path / "out", "-t", "{Modality}.dcm", *more)
    assert done.status == 1
    assert "2 of 3 files could not be made" in done.stderr
    assert dcmread(tmp_path / "out" / "CT.dcm").InstanceNumber == 1


def test_two_files_that_meet_fail(tmp_path: Path) -> None:
    one, other = file(tmp_path / "a", "ct", 1), file(tmp_path / "b", "us", 1)
    done = split(one, other, "-o", tmp_path / "out", "-t", "{frame}.dcm", "--overwrite")
    assert done.status == 1
    assert dcmread(tmp_path / "out" / "1.dcm").Modality == "CT"


def test_frames_chosen(tmp_path: Path) -> None:
    path = file(tmp_path, "us", 12)
    frames = made(path, tmp_path / "out", "--frames", "1,5-6,-1")
    assert [each.InstanceNumber for each in frames] == [1, 5, 6, 12]
    beyond = split(path, "-o", tmp_path / "none", "--frames", "13")
    assert beyond.status == 3
    assert "there is no frame 13: the image has 12" in beyond.stderr
    assert not (tmp_path / "none").exists()


def test_one_frame_to_a_file_or_to_standard_output(tmp_path: Path) -> None:
    path, out = file(tmp_path, "us"), tmp_path / "one.dcm"
    assert split(path, "-o", out, "--frames", "2").status == 0
    assert dcmread(out).InstanceNumber == 2
    refused = split(path, "-o", tmp_path / "all.dcm")
    assert refused.status == 3
    assert "takes one frame, and there are 3" in refused.stderr
    assert not (tmp_path / "all.dcm").exists()
    assert split(path, "-o", "-", "--frames", "1", "--format", "json").status == 2


def test_existing_files(tmp_path: Path) -> None:
    path, out = file(tmp_path, "us"), tmp_path / "out"
    assert split(path, "-o", out, "--frames", "2").status == 0
    (out / "us-0002.dcm").write_bytes(b"mine")
    taken = split(path, "-o", out)
    assert taken.status == 1
    assert "1 of 3 files could not be made" in taken.stderr
    for name in ("us-0001.dcm", "us-0003.dcm"):
        (out / name).unlink()
    rest = split(path, "-o", out, "--skip-existing", "--format", "json")
    assert rest.status == 0
    assert (rest.records[0]["written"], rest.records[0]["there"]) == (2, 1)
    assert (out / "us-0002.dcm").read_bytes() == b"mine"
    nothing = split(path, "-o", out, "--skip-existing")
    assert nothing.status == 0
    assert "1 skipped" in nothing.stderr
    assert split(path, "-o", out, "--overwrite").status == 0
    assert dcmread(out / "us-0002.dcm").InstanceNumber == 2


def test_what_stays_is_copied_and_counted(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    file(folder, "us", 2)
    (folder / "one.dcm").write_bytes(ct().read_bytes())
    done = split(folder, "-o", tmp_path / "out")
    assert done.status == 0
    assert done.stderr.endswith("1 split into 2 frames, 1 copied\n")
    assert (tmp_path / "out" / "one.dcm").read_bytes() == ct().read_bytes()
    named = split(renamed_dicomdir(tmp_path), "-o", tmp_path / "o")
    assert "a DICOMDIR says which files there are" in named.stderr


def test_one_frame_of_an_enhanced_image_is_split(tmp_path: Path) -> None:
    (frame,) = made(file(tmp_path, "ct", 1), tmp_path / "out")
    assert frame.SOPClassUID == f"{IMAGE}2"


def test_where_and_archives(tmp_path: Path) -> None:
    file(tmp_path / "in", "ct"), file(tmp_path / "in", "us")
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as packed:
        for each in (tmp_path / "in").iterdir():
            packed.write(each, each.name)
    done = split(tmp_path / "in.zip", "-o", tmp_path / "out", "--where", "Modality == CT", "--jobs", 2)
    assert done.status == 0
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        f"ct-000{each}.dcm" for each in (1, 2, 3)
    ]


def test_csv_and_a_report(tmp_path: Path) -> None:
    path = file(tmp_path, "us")
    done = split(path, "-o", tmp_path / "out", "--format", "csv", "--report", tmp_path / "report.json")
    assert done.stdout.splitlines()[0].startswith("file,output,outputs,frames,written,")
    assert json.loads((tmp_path / "report.json").read_text())


@pytest.mark.parametrize(
    "args",
    [
        ("-o", "out", "--overwrite", "--skip-existing"), ("-o", "out", "--template", "{nothing}"), (),
        ("-o", "out", "--frames", "0"), ("-o", "-", "--template", "{frame}"),
    ],
)  # fmt: skip
def test_usage(args: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file(tmp_path, "us")
    monkeypatch.chdir(tmp_path)
    assert split(path, *args).status == 2
    assert not (tmp_path / "out").exists()


def test_unusable_inputs(tmp_path: Path) -> None:
    (tmp_path / "text.dcm").write_text("no")
    assert split(tmp_path / "text.dcm", "-o", tmp_path / "out").status == 3
    assert split(tmp_path / "absent", "-o", tmp_path / "out").status == 3


# ---------------------------------------------------------------- hostile files


@pytest.mark.parametrize("frames", [2, 4])
def test_groups_of_more_or_fewer_frames(frames: int, tmp_path: Path) -> None:
    whole = image("ct")
    groups = list(whole.PerFrameFunctionalGroupsSequence)
    whole.PerFrameFunctionalGroupsSequence = (groups * 2)[:frames]
    done = split(write(tmp_path / "ct.dcm", whole), "-o", tmp_path / "out")
    assert done.status == 3
    assert f"the functional groups are of {frames} frames, and there are 3" in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_shared_groups_what_is_not_known_is_told(tmp_path: Path) -> None:
    whole = image("ct")
    del whole.SharedFunctionalGroupsSequence
    done = split(write(tmp_path / "ct.dcm", whole), "-o", tmp_path / "out")
    assert done.status == 0
    assert "warning: nothing tells PixelSpacing (0028,0030)" in done.stderr
    assert "CTImageStorage has to" in done.stderr


def test_without_groups_the_class_stays(tmp_path: Path) -> None:
    whole = image("mr")
    del whole.SharedFunctionalGroupsSequence, whole.PerFrameFunctionalGroupsSequence
    done = split(write(tmp_path / "mr.dcm", whole), "-o", tmp_path / "out")
    assert done.status == 0
    assert "it stays EnhancedMRImageStorage, as it has no functional groups" in done.stderr
    assert dcmread(tmp_path / "out" / "mr-0001.dcm").SOPClassUID == f"{IMAGE}4.1"


def test_several_shared_groups(tmp_path: Path) -> None:
    whole = image("ct")
    whole.SharedFunctionalGroupsSequence = [*whole.SharedFunctionalGroupsSequence] * 2
    done = split(write(tmp_path / "ct.dcm", whole), "-o", tmp_path / "out")
    assert done.status == 3
    assert "2 items say what all frames share" in done.stderr


def test_a_number_of_frames_that_is_a_lie(tmp_path: Path) -> None:
    more = split(file(tmp_path, "us", NumberOfFrames=5), "-o", tmp_path / "a")
    assert more.status == 1
    assert "2 of 5 files could not be made: frame 4 is not there" in more.stderr
    assert len(list((tmp_path / "a").iterdir())) == 3
    fewer = split(file(tmp_path, "us", NumberOfFrames=2), "-o", tmp_path / "b")
    assert fewer.status == 3
    assert "could be more frames than the 2 of Number of Frames" in fewer.stderr
    most = split(file(tmp_path, "us", NumberOfFrames=9_000_000), "-o", tmp_path / "c")
    assert most.status == 1
    assert len(list((tmp_path / "c").iterdir())) == 3
    none = split(file(tmp_path, "us", NumberOfFrames=0), "-o", tmp_path / "d")
    assert none.status == 3


def test_offset_tables_that_lie(tmp_path: Path) -> None:
    packed = tmp_path / "packed.dcm"
    source = write(tmp_path / "us.dcm", image("us", 3, 16, 16))
    assert run("compress", source, "-o", packed, "--to", "rle").status == 0
    theirs = dcmread(packed).pixel_array.tolist()
    raw = packed.read_bytes()
    at = raw.rindex(b"\xfe\xff\x00\xe0" + struct.pack("<LL", 12, 0)) + 8
    packed.write_bytes(raw[: at + 4] + b"\xff" * 8 + raw[at + 12 :])
    frames = made(packed, tmp_path / "out")  # as many fragments as frames: no table can tell otherwise
    assert [each.pixel_array.tolist() for each in frames] == theirs
    assert (
        run("compress", source, "-o", packed, "--to", "rle", "--fragment-size", 100, "--overwrite").status
        == 0
    )
    raw = packed.read_bytes()
    at = raw.rindex(b"\xfe\xff\x00\xe0" + struct.pack("<LL", 12, 0)) + 8
    packed.write_bytes(raw[: at + 4] + b"\xff" * 8 + raw[at + 12 :])
    done = split(packed, "-o", tmp_path / "lied")
    assert done.status == 3
    assert "the offset table does not tell where" in done.stderr


def test_groups_too_long_fail_their_frame(tmp_path: Path) -> None:
    whole = image("ct")
    whole.PerFrameFunctionalGroupsSequence[1].add_new(0x00420011, "OB", bytes(LONGEST_GROUPS))
    done = split(write(tmp_path / "ct.dcm", whole), "-o", tmp_path / "out")
    assert done.status == 1
    assert "1 of 3 files could not be made: the functional groups of frame 2" in done.stderr
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_an_overlay_of_fewer_bits_fails_its_frame(tmp_path: Path) -> None:
    whole = image("us", 2, 8, 8)
    for tag, vr, value in ((0x10, "US", 8), (0x11, "US", 8), (0x15, "IS", 2), (0x3000, "OW", bytes(8))):
        whole.add_new(0x60000000 | tag, vr, value)
    done = split(write(tmp_path / "us.dcm", whole), "-o", tmp_path / "out")
    assert done.status == 1
    assert "1 of 2 files could not be made: overlay (6000,3000)" in done.stderr
    whole.add_new(0x60000015, "IS", "0")
    assert split(write(tmp_path / "us.dcm", whole), "-o", tmp_path / "none").status == 3


@pytest.mark.parametrize(
    ("keyword", "value", "told"),
    [
        ("SOPInstanceUID", "", "SOP Instance UID is missing"),
        ("SOPInstanceUID", "../../x", "SOP Instance UID is no UID"),
        ("DimensionOrganizationType", "TILED_FULL", "all are needed"),
        ("Rows", 0, "are no image"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_cannot_be_taken_apart(keyword: str, value: object, told: str, tmp_path: Path) -> None:
    whole = image("us")
    setattr(whole, keyword, value)
    path = tmp_path / "us.dcm"
    whole.preamble = bytes(128)
    whole.save_as(path, enforce_file_format=False)
    done = split(path, "-o", tmp_path / "out")
    assert done.status == 3
    assert told in done.stderr
    assert not (tmp_path / "out").exists()


def test_video_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "packed.dcm"
    assert run("compress", file(tmp_path, "us"), "-o", packed, "--to", "rle").status == 0
    whole = dcmread(packed)
    whole.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.102")
    whole.save_as(packed)
    done = split(packed, "-o", tmp_path / "out")
    assert done.status == 3
    assert "its frames are video" in done.stderr


def test_frames_told_of_without_pixels(tmp_path: Path) -> None:
    whole = image("us")
    del whole.PixelData
    done = split(write(tmp_path / "us.dcm", whole), "-o", tmp_path / "out")
    assert done.status == 3
    assert "it tells of frames, and has no pixel data" in done.stderr


@pytest.mark.parametrize("kind", CLASSES)
def test_a_file_cut_short_makes_nothing(kind: str, tmp_path: Path) -> None:
    raw = file(tmp_path, kind).read_bytes()
    cut = tmp_path / "cut.dcm"
    for size in (400, len(raw) // 2, len(raw) - 3):
        cut.write_bytes(raw[:size])
        assert split(cut, "-o", tmp_path / "out").status == 3
    assert not (tmp_path / "out").exists()
