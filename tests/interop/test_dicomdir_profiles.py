"""Media made for application profiles, against those that dcmmkdir makes of the same files."""

from __future__ import annotations

import gc
import re
import subprocess
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom import uid as uids
from pydicom.encaps import encapsulate
from pydicom.fileset import FileSet
from pydicom.sequence import Sequence

from dcmtools.media.profile_data import ALIASES
from dcmtools.media.profiles import PROFILES, profile_named
from tests.support.peers import HOST, dcmtk, program, requires, storescp
from tests.support.profiled import drawn, instance, saved
from tests.support.record_kinds import KINDS, item, of_kind
from tests.support.run import run
from tests.unit.media import test_conforming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydicom.dataset import Dataset

requires_dcmmkdir = requires("dcmmkdir", "dcmcjpeg", package="dcmtk")
requires_dciodvfy = requires("dciodvfy", "dcdirdmp", package="dicom3tools")
pytestmark = requires_dcmmkdir

# ---------------------------------------------------------------- what is on the media


def ct() -> Dataset:
    referenced = item(
        ReferencedSOPClassUID=uids.CTImageStorage,
        ReferencedSOPInstanceUID="1.2.3",
        PurposeOfReferenceCodeSequence=Sequence(
            [item(CodeValue="121311", CodingSchemeDesignator="DCM", CodeMeaning="Localizer")]
        ),
    )
    return instance(
        "CT",
        drawn(64, 64, 16),
        ReferencedImageSequence=Sequence([referenced]),
        ImagePositionPatient=[1, 2, 3],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        PixelSpacing=[0.5, 0.5],
        FrameOfReferenceUID="1.2.3.4",
        AcquisitionDateTime="20240102101112",
        WindowCenter=2000,
        WindowWidth=4000,
    )


def enhanced() -> Dataset:
    """Keys of it are in its functional groups."""
    group = item(
        PlanePositionSequence=Sequence([item(ImagePositionPatient=[1, 2, 3])]),
        PixelMeasuresSequence=Sequence([item(PixelSpacing=[1, 1], SliceThickness=2)]),
    )
    return instance(
        "MR",
        drawn(32, 32, 16, frames=2),
        SOPClassUID=uids.EnhancedMRImageStorage,
        SeriesInstanceUID="1.2.826.0.1.3680043.9.7777.2.99",
        SeriesNumber=99,
        SharedFunctionalGroupsSequence=Sequence([group]),
        SynchronizationFrameOfReferenceUID="1.2.3.5",
        AcquisitionTimeSynchronized="Y",
    )


def sc(bits: int = 8, **values: object) -> Dataset:
    return instance("SC", drawn(64, 64, bits), **values)


def us(frames: int = 1, **values: object) -> Dataset:
    regions = Sequence(
        [
            item(
                RegionLocationMinX0=0,
                RegionLocationMinY0=0,
                RegionLocationMaxX1=31,
                RegionLocationMaxY1=31,
                PhysicalUnitsXDirection=3,
                PhysicalUnitsYDirection=3,
                PhysicalDeltaX=0.1,
                PhysicalDeltaY=0.1,
                RegionSpatialFormat=1,
                RegionDataType=1,
                RegionFlags=0,
                PixelComponentOrganization=1,
                PixelComponentPhysicalUnits=3,
                PixelComponentDataType=1,
                PixelComponentMask=255,
                PixelComponentRangeStart=0,
                PixelComponentRangeStop=255,
                NumberOfTableBreakPoints=2,
                TableOfXBreakPoints=[0, 255],
                TableOfYBreakPoints=[0.0, 1.0],
            )
        ]
    )
    pixels = drawn(64, 64, colours=3) if frames == 1 else drawn(64, 64, frames=frames)
    return instance("US" if frames == 1 else "USMF", pixels, SequenceOfUltrasoundRegions=regions, **values)


def xa(**values: object) -> Dataset:
    return instance("XA", drawn(64, 96), CalibrationImage="NO", **values)


def biplane() -> Dataset:
    referenced = item(
        ReferencedSOPClassUID=uids.XRayAngiographicImageStorage, ReferencedSOPInstanceUID="1.2.3"
    )
    plane = ["ORIGINAL", "PRIMARY", "BIPLANE A"]
    return xa(ImageType=plane, ReferencedImageSequence=Sequence([referenced]), PatientSex=None)


def dental() -> Dataset:
    return instance("IO", drawn(64, 48))


def video() -> Dataset:
    pixels = drawn(32, 32, colours=3, frames=2)
    stream = encapsulate([b"\0\0\1\xb3" * 16])
    colours = "YBR_PARTIAL_420"
    return instance(
        "VIDEO", pixels, PhotometricInterpretation=colours, LossyImageCompressionRatio=30, PixelData=stream
    )


EVERYTHING: tuple[Callable[[], Dataset], ...] = (
    ct, enhanced, sc, us, lambda: us(2), xa, dental,
    *(partial(of_kind, kind) for kind in KINDS),
)  # fmt: skip
ANGIO = ("basic-cardiac", "xray-angiographic", "xray-angiographic-dvd")
WAVES = {"12-lead-ecg": "WAVEFORM", "hemodynamic-waveform": "WAVEFORM hemodynamic"}
VIDEOS = {
    "mpeg2-mpml-dvd": uids.MPEG2MPML,
    "general-bd-mpeg2-mpml": uids.MPEG2MPML,
    "general-bd-mpeg2-mphl": uids.MPEG2MPHL,
    "general-bd-mpeg4-hp": uids.MPEG4HP41,
    "general-bd-mpeg4-hpbd": uids.MPEG4HP41BD,
    "general-bd-mpeg4-hp2d": uids.MPEG4HP422D,
    "general-bd-mpeg4-hp3d": uids.MPEG4HP423D,
    "general-bd-mpeg4-hpst": uids.MPEG4HP42STEREO,
}
VIDEO_ALONE = ("mpeg2-mpml-dvd", "general-bd-mpeg4-hp2d", "general-bd-mpeg4-hp3d", "general-bd-mpeg4-hpst")
OPTIONS = sorted(name for name in ALIASES if not name.startswith("std-"))


def put(folder: Path, option: str) -> list[str]:
    """Put files into ``folder`` that the profile takes which dcmmkdir has under ``option``; their names."""
    names: list[str] = []

    def add(made: Dataset, syntax: str = uids.ExplicitVRLittleEndian) -> Path:
        names.append(f"IM{len(names):06}")
        return saved(made, folder / names[-1], syntax)

    for make, how in contents(option):
        path = add(make(), how if how.startswith("1.2.") else uids.ExplicitVRLittleEndian)
        if how.startswith("+"):
            _compressed(path, how)
    return names


def contents(option: str) -> Iterator[tuple[Callable[[], Dataset], str]]:
    """What to make, and the transfer syntax or the option of dcmcjpeg."""
    if option in VIDEOS:
        yield video, VIDEOS[option]
    if option in ANGIO:
        yield from ((xa, "+e1"), (biplane, "+e1"))
        yield from ((sc, ""), (partial(of_kind, "PRESENTATION"), "")) if option != "basic-cardiac" else ()
        yield from ((xa, "+eb"),) if option == "xray-angiographic-dvd" else ()
    elif option == "ct-and-mr":
        for kind in ("PRESENTATION", "SR DOCUMENT not verified"):
            yield partial(of_kind, kind), ""
        yield from (
            (partial(instance, "MR", drawn(64, 64, 16)), ""),
            (sc, ""),
            (partial(sc, 16), ""),
            (ct, ""),
        )
        yield ct, "+e1"
    elif option.startswith("ultrasound"):
        yield from ((us, ""), (us, ""), (partial(us, 2 if option.endswith("mf") else 1), ""))
    elif option == "dental-radiograph":
        yield from ((dental, ""), (partial(instance, "DX", drawn(64, 48)), ""))
    elif option in WAVES:
        yield partial(of_kind, WAVES[option]), ""
    elif option not in VIDEO_ALONE:
        yield from ((make, "") for make in EVERYTHING)
        yield from ((ct, "+e1"), (xa, "+eb")) if option.endswith("jpeg") else ()


def _compressed(path: Path, how: str) -> None:
    again = path.with_name("again")
    done = dcmtk("dcmcjpeg", how, "+un", path, again)
    assert done.returncode == 0, done.stderr
    again.replace(path)


# ---------------------------------------------------------------- what is different, and why

CHARACTER_SET = "type 1C (PS3.3 F.5): required where text takes it; theirs is there for text in ASCII, too"
ICON = "ours has the form of the image, with black at its sides, and means of areas; theirs is stretched"
TYPE_OF_CAPTURE = "required of angiographic images (Table B.3-2), and of use for others, too"
WITH_IMAGES = tuple(option for option in OPTIONS if option not in WAVES)
WITH_EVERYTHING = tuple(option for option in OPTIONS if option.startswith(("general", "usb")))
WITH_OTHERS = tuple(option for option in WITH_EVERYTHING if option not in VIDEO_ALONE)
# The type of record, the element, where, and why.
DIFFERENCES: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("STUDY", "SpecificCharacterSet", WITH_IMAGES, CHARACTER_SET),
    (
        "SERIES",
        "SpecificCharacterSet",
        (*(set(WITH_EVERYTHING) - {"general-purpose", "general-mime"}), *ANGIO, "mpeg2-mpml-dvd"),
        CHARACTER_SET,
    ),
    ("IMAGE", "SpecificCharacterSet", (*(set(WITH_OTHERS) - {"general-mime"}), "ct-and-mr"), CHARACTER_SET),
    ("IMAGE", "IconImageSequence[0].PixelData", (*ANGIO, "ct-and-mr"), ICON),
    ("IMAGE", "ImageType", ANGIO[1:], TYPE_OF_CAPTURE),
)


@pytest.mark.parametrize("option", OPTIONS)
def test_records_and_keys_are_those_of_dcmmkdir(tmp_path: Path, option: str) -> None:
    folder, theirs = tmp_path / "medium", tmp_path / "theirs"
    names = put(folder, option)
    # Of these it refuses what is not compressed, saying that it is what it expects.
    lenient = ("--no-xfer-check",) if option in VIDEOS else ()
    done = dcmtk("dcmmkdir", f"--{option}", *lenient, "+F", "MEDIUM", "+id", folder, "+D", theirs, *names)
    assert done.returncode == 0, done.stderr

    made = indexed(folder, option)
    found = dict(differences(records(made), records(theirs)))
    argued = {(kind, path) for kind, path, options, _ in DIFFERENCES if option in options}
    unexpected = {key: value for key, value in found.items() if key not in argued}
    assert not unexpected
    assert found.keys() == argued, "no longer different"


def indexed(folder: Path, option: str) -> Path:
    """Our DICOMDIR of what is there."""
    made = run(
        *("dicomdir", "create", str(folder), "-o", str(folder), "--index-only", "--file-set-id", "MEDIUM"),
        *("--profile", option, "--missing", "refuse", *(["--icons"] if option == "ct-and-mr" else [])),
    )
    assert made.status == 0, made.stderr
    return folder / "DICOMDIR"


def differences(
    ours: dict[tuple[str, str], dict[str, str]], theirs: dict[tuple[str, str], dict[str, str]]
) -> Iterator[tuple[tuple[str, str], str]]:
    """Which elements of records of a type are not the same, as one has them."""
    for record in ours.keys() | theirs.keys():
        one, other = ours.get(record, {}), theirs.get(record, {})
        for path in one.keys() | other.keys():
            if one.get(path) != other.get(path):
                yield (record[0], path), f"{record[1]}: {one.get(path)!r}, theirs {other.get(path)!r}"


def records(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    """The elements of each record, by its type and what it is about; and those of the file-set."""
    directory = dcmread(path)
    found = {}
    for record in directory.DirectoryRecordSequence:
        about = {
            "PATIENT": "PatientID",
            "STUDY": "StudyInstanceUID",
            "SERIES": "SeriesInstanceUID",
        }.get(record.DirectoryRecordType, "ReferencedSOPInstanceUIDInFile")
        found[record.DirectoryRecordType, str(record[about].value)] = dict(elements(record))
    top = {name: str(directory[name].value) for name in ("FileSetID", "FileSetConsistencyFlag")}
    return {**found, ("", ""): top}


def elements(record: Dataset, before: str = "") -> Iterator[tuple[str, str]]:
    for element in record:
        if element.tag in (0x00041400, 0x00041410, 0x00041420):
            continue
        if element.VR != "SQ":
            yield before + element.keyword, str(element.value)
            continue
        for number, each in enumerate(element.value):
            yield from elements(each, f"{before}{element.keyword}[{number}].")


# ---------------------------------------------------------------- what others say of ours

# What dciodvfy has against a DICOMDIR with all kinds of records, and why that is none of ours.
ARGUED = {
    **{
        f"Unrecognized enumerated value <{kind}> for value 1 of attribute <Directory Record Type>": "newer"
        for kind in ("PLAN", "SURFACE SCAN", "TRACT", "ASSESSMENT")
    },
    **{
        f"Missing attribute Type {kind} Required Element=<{name}> Module=<ContentIdentificationMacro>":
            "of STEREOMETRIC, which has no keys for dcmmkdir and pydicom"
        for kind, name in ((1, "InstanceNumber"), (1, "ContentLabel"), (2, "ContentDescription"))
    },
    **{
        f"Missing attribute Type 1 Required Element=<{name}> Module=<SOPInstanceReferenceMacro>":
            "of SPECTROSCOPY, whose Referenced Image Evidence Sequence is hierarchical (PS3.3 C.8.14.1)"
        for name in ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID")
    },
}  # fmt: skip
ALL_KINDS = {"general-purpose", "general-mime"} | {name for name in OPTIONS if name in WITH_OTHERS}


@requires_dciodvfy
@pytest.mark.parametrize("option", OPTIONS)
def test_dciodvfy_has_nothing_against_it(tmp_path: Path, option: str) -> None:
    put(tmp_path, option)
    path = indexed(tmp_path, option)
    said = subprocess.run([program("dciodvfy"), path], check=False, capture_output=True, timeout=60)
    lines = said.stderr.decode("latin-1").splitlines()
    assert "BasicDirectory" in lines
    errors = {line.removeprefix("Error - ") for line in lines if line.startswith("Error")}
    assert errors == (set(ARGUED) if option in ALL_KINDS else set())


@requires_dciodvfy
@pytest.mark.parametrize("option", ["general-purpose", "ct-and-mr", "xray-angiographic"])
def test_others_list_the_same(tmp_path: Path, option: str) -> None:
    names = put(tmp_path, option)
    path = indexed(tmp_path, option)
    listed = subprocess.run(
        [program("dcdirdmp"), "-paths", path], check=False, capture_output=True, timeout=60
    )
    found = re.findall(r"IM\d{6}", (listed.stdout + listed.stderr).decode("latin-1"))
    assert sorted(set(found)) == names

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it leaves a temporary folder to the garbage collector
        theirs = FileSet(path)
        found = sorted(Path(each.path).name for each in theirs)
        del theirs
        gc.collect()
    assert found == names


def test_dcmsend_sends_what_it_names(tmp_path: Path) -> None:
    names = put(tmp_path / "medium", "ct-and-mr")
    path = indexed(tmp_path / "medium", "ct-and-mr")
    with storescp(tmp_path / "peer", "+xa") as peer:
        sent = dcmtk("dcmsend", "-v", "+rd", "-dn", "-aec", peer.aet, HOST, peer.port, path)
    assert sent.returncode == 0, sent.stderr
    assert len(list(peer.storage.iterdir())) == len(names)


# ---------------------------------------------------------------- what is refused

_OPTION = {name: option for option, name in reversed(ALIASES.items()) if not option.startswith("std-")}
KNOWN = [case for case in test_conforming.CASES if profile_named(case.profile).name in _OPTION]


@pytest.mark.parametrize("case", KNOWN, ids=[f"{number} {case.profile}" for number, case in enumerate(KNOWN)])
def test_it_refuses_what_dcmmkdir_does(tmp_path: Path, case: test_conforming.Case) -> None:
    option = _OPTION[profile_named(case.profile).name]
    test_conforming.in_syntax(case.make(), tmp_path / "IM1", case.syntax)
    done = dcmtk("dcmmkdir", f"--{option}", "--discard", "+id", tmp_path, "+D", tmp_path / "out", "IM1")
    same = (done.returncode != 0) == bool(case.against)
    assert same != bool(case.otherwise), done.stderr


# ---------------------------------------------------------------- what is made fit


@pytest.mark.parametrize(
    ("option", "syntax"),
    [
        (option, syntax)
        for option in ("general-purpose", "usb-and-flash-jpeg", "general-dvd-j2k", "ct-and-mr", ANGIO[0])
        for syntax in ("implicit", "explicit-big-endian", "deflated", "rle", "jpeg-ls", "jpeg-2000-lossless",
                       "htj2k-lossless", "jpeg-xl-lossless", "jpeg-lossless")
    ],
)  # fmt: skip
def test_what_is_transcoded_is_what_dcmmkdir_takes(tmp_path: Path, option: str, syntax: str) -> None:
    made = xa() if option == "basic-cardiac" else ct()
    plain = saved(made, tmp_path / "one")
    assert run("compress", str(plain), "-o", str(tmp_path / "in"), "--to", syntax).status == 0
    medium = tmp_path / "medium"
    done = run(
        *("dicomdir", "create", str(tmp_path / "in"), "-o", str(medium), "--profile", option, "--transcode")
    )
    assert done.status == 0, done.stderr
    theirs = dcmtk("dcmmkdir", f"--{option}", "+id", medium, "+r", "+D", tmp_path / "theirs", "DICOM")
    assert theirs.returncode == 0, theirs.stderr
    (path,) = [each for each in medium.rglob("IM*") if each.is_file()]
    assert dcmread(path).SOPInstanceUID == made.SOPInstanceUID
    decoded = dcmtk("dcmdjpeg", path, tmp_path / "decoded") if "jpeg" in option or "card" in option else None
    if decoded:
        assert decoded.returncode == 0, decoded.stderr
        assert (dcmread(tmp_path / "decoded").pixel_array == made.pixel_array).all()


def test_dcmmkdir_knows_no_profile_that_we_do_not() -> None:
    text = dcmtk("dcmmkdir", "--help").stdout
    listed = text[text.index("profiles:") : text.index("writing:")]
    assert set(re.findall(r"--([a-z0-9-]+)", listed)) == set(OPTIONS)
    assert {ALIASES[option] for option in OPTIONS} <= PROFILES.keys()
