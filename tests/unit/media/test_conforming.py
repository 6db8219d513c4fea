from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest
from pydicom import uid as uids
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dcmtools.codecs.registry import codec_named
from dcmtools.encoding.dataset import items, text
from dcmtools.errors import InputError
from dcmtools.media.conforming import admission, complaints, keys_of, nested_values
from dcmtools.media.fitting import write_fitting
from dcmtools.media.keys import KEYS
from dcmtools.media.profiles import profile_named
from tests.support import samples
from tests.support.profiled import EXPLICIT, drawn, instance, part10, saved

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOSSLESS_JPEG, JPEG, RLE = (
    str(uid) for uid in (uids.JPEGLosslessSV1, uids.JPEGBaseline8Bit, uids.RLELossless)
)
MPEG2, MPEG4_STEREO = str(uids.MPEG2MPML), "1.2.840.10008.1.2.4.106"
J2K = str(uids.JPEG2000Lossless)


def ct(**values: object) -> Dataset:
    return instance("CT", drawn(32, 32, 16), **values)


def xa(rows: int = 64, **values: object) -> Dataset:
    return instance("XA", drawn(rows, 64), **values)


def us(colours: int = 3, **values: object) -> Dataset:
    return instance("US", drawn(32, 32, colours=colours), **values)


def video(**values: object) -> Dataset:
    return instance(
        "VIDEO", drawn(32, 32, colours=3, frames=2), PhotometricInterpretation="YBR_PARTIAL_420", **values
    )


def region(**values: object) -> Dataset:
    made = Dataset()
    given = {"RegionLocationMinX0": 0, "RegionLocationMinY0": 0, "RegionLocationMaxX1": 31,
             "RegionLocationMaxY1": 31, "PhysicalUnitsXDirection": 3, "PhysicalUnitsYDirection": 3,
             "PhysicalDeltaX": 0.1, "PhysicalDeltaY": 0.1, "RegionSpatialFormat": 1, "RegionDataType": 1,
             "RegionFlags": 0, **values}  # fmt: skip
    for keyword, value in given.items():
        if value is not None:
            setattr(made, keyword, value)
    return made


def with_regions(*regions: Dataset) -> Dataset:
    return us(SequenceOfUltrasoundRegions=Sequence(regions))


class Case(NamedTuple):
    """A file, the beginnings of what is against it, if anything is, and why dcmmkdir sees it otherwise."""

    profile: str
    make: Callable[[], Dataset]
    syntax: str
    against: tuple[str, ...]
    otherwise: str = ""


def components(*kinds: int, **values: object) -> Dataset:
    """What there is for pixel components, of bits, ranges and tables."""
    found: dict[str, object] = {"PixelComponentPhysicalUnits": 3, "PixelComponentDataType": 1}
    found |= {
        "NumberOfTableBreakPoints": 2,
        "TableOfXBreakPoints": [0, 255],
        "TableOfYBreakPoints": [0.0, 1.0],
    }
    found |= {"PixelComponentMask": 255} if 0 in kinds else {}
    found |= {"PixelComponentRangeStart": 0, "PixelComponentRangeStop": 255} if 1 in kinds else {}
    return region(PixelComponentOrganization=1, **found, **values)


CASES = [
    Case(*each)
    for each in (
        ("GEN-CD", ct, EXPLICIT, ()),
        (
            "GEN-CD",
            ct,
            LOSSLESS_JPEG,
            ("its transfer syntax is JPEGLosslessSV1, not ExplicitVRLittleEndian",),
        ),
        (
            "GEN-CD",
            ct,
            str(uids.ImplicitVRLittleEndian),
            ("its transfer syntax is ImplicitVRLittleEndian, not",),
        ),
        (
            "GEN-CD",
            lambda: ct(SOPClassUID="1.2.840.10008.5.1.4.1.1.6"),
            EXPLICIT,
            ("its SOP class Ultrasound",),
            "retired, which it does not know of this one",
        ),
        (
            "GEN-CD",
            lambda: ct(SOPClassUID="1.2.3.4"),
            EXPLICIT,
            ("its SOP class 1.2.3.4 is none that is known",),
        ),
        ("GEN-CD", lambda: ct(SOPClassUID="1.2.840.10008.5.1.4.31"), EXPLICIT, ("its SOP class Modality",)),
        ("GEN-MIME", ct, J2K, ()),
        ("GEN-USB-JPEG", ct, LOSSLESS_JPEG, ()),
        ("GEN-USB-JPEG", ct, JPEG, ()),
        (
            "GEN-USB-JPEG",
            ct,
            J2K,
            ("its transfer syntax is JPEG2000Lossless, not ExplicitVRLittleEndian or",),
        ),
        ("GEN-USB-JPEG", lambda: ct(Rows=None), EXPLICIT, ("Rows is missing",)),
        ("GEN-USB-J2K", ct, J2K, ()),
        ("GEN-BD-MPEG2-MPML", ct, EXPLICIT, (), "it refuses what it says that it expects"),
        ("GEN-BD-MPEG2-MPML", video, MPEG2, ()),
        (
            "GEN-BD-MPEG2-MPML",
            lambda: video(NumberOfFrames=None),
            MPEG2,
            ("NumberOfFrames is missing",),
            "it goes by the SOP class",
        ),
        ("GEN-BD-MPEG4-SHPLV42", video, MPEG4_STEREO, ()),
        ("GEN-BD-MPEG4-SHPLV42", ct, EXPLICIT, ("its transfer syntax is ExplicitVRLittleEndian, not",)),
        ("DVD-MPEG2-MPML", video, MPEG2, ()),
        ("XABC-CD", xa, LOSSLESS_JPEG, ()),
        ("XABC-CD", xa, EXPLICIT, ("its transfer syntax is ExplicitVRLittleEndian, not JPEGLosslessSV1",)),
        ("XABC-CD", lambda: xa(513), LOSSLESS_JPEG, ("Rows is 513, not at most 512",)),
        ("XABC-CD", lambda: xa(Modality="RF"), LOSSLESS_JPEG, ("Modality is RF, not XA",)),
        ("XABC-CD", lambda: xa(BitsStored=7), LOSSLESS_JPEG, ("BitsStored is 7, not 8",)),
        ("XABC-CD", ct, LOSSLESS_JPEG, ("its SOP class CTImageStorage is not for STD-XABC-CD",)),
        (
            "XABC-CD",
            lambda: xa(ImageType=None),
            LOSSLESS_JPEG,
            ("ImageType is missing",),
            "it complains, and takes it",
        ),
        (
            "XABC-CD",
            lambda: xa(ImageType=["ORIGINAL", "PRIMARY", "BIPLANE B"]),
            LOSSLESS_JPEG,
            ("ImageType is",),
            "it complains, and takes it",
        ),
        ("XA1K-CD", lambda: xa(513), LOSSLESS_JPEG, ()),
        ("XA1K-CD", xa, JPEG, ("its transfer syntax is JPEGBaseline8Bit, not JPEGLosslessSV1",)),
        ("XA1K-DVD", xa, JPEG, ()),
        ("XA1K-CD", lambda: instance("SC"), EXPLICIT, ()),
        ("XA1K-CD", lambda: instance("SC"), LOSSLESS_JPEG, ("its transfer syntax is",)),
        (
            "XA1K-CD",
            lambda: instance("SC", drawn(32, 32, colours=3)),
            EXPLICIT,
            ("SamplesPerPixel is 3, not 1", "PhotometricInterpretation is RGB, not MONOCHROME2"),
        ),
        ("CTMR-CD", ct, EXPLICIT, ()),
        ("CTMR-CD", ct, LOSSLESS_JPEG, ()),
        (
            "CTMR-CD",
            lambda: ct(PhotometricInterpretation="MONOCHROME1"),
            EXPLICIT,
            ("PhotometricInterpretation is",),
        ),
        ("CTMR-CD", lambda: instance("MR", drawn(32, 32, 16), BitsStored=12, HighBit=11), EXPLICIT, ()),
        (
            "CTMR-CD",
            lambda: instance("MR", drawn(32, 32, 16), BitsStored=13, HighBit=12),
            EXPLICIT,
            (),
            "it knows 8, 12 and 16; Table E.3-4 has 8, 12 to 16",
        ),
        (
            "CTMR-CD",
            lambda: instance("MR", drawn(32, 32, 16), BitsStored=10, HighBit=11),
            EXPLICIT,
            ("BitsStored is 10, not 8 or 12 or 13 or 14 or 15 or 16", "HighBit is 11, not 9"),
        ),
        ("CTMR-CD", lambda: instance("SC"), EXPLICIT, ()),
        ("CTMR-CD", lambda: instance("SC", PhotometricInterpretation="PALETTE COLOR"), EXPLICIT, ()),
        (
            "CTMR-CD",
            lambda: instance("SC", drawn(32, 32, 16), PhotometricInterpretation="PALETTE COLOR"),
            EXPLICIT,
            ("BitsAllocated is 16, not 8", "BitsStored is 16, not 8"),
            "it does not look at what is captured",
        ),
        (
            "CTMR-CD",
            lambda: instance("SC", drawn(32, 32, 16), BitsStored=12, HighBit=11),
            EXPLICIT,
            ("BitsStored is 12",),
            "it does not look at what is captured",
        ),
        ("US-ID-SF-CDR", us, EXPLICIT, ()),
        ("US-ID-SF-CDR", us, RLE, ()),
        ("US-ID-SF-CDR", us, JPEG, ("PhotometricInterpretation is RGB, not YBR_FULL_422",)),
        (
            "US-ID-SF-CDR",
            lambda: us(PhotometricInterpretation="YBR_FULL"),
            EXPLICIT,
            ("PhotometricInterpretation is YBR_FULL",),
        ),
        ("US-ID-SF-CDR", lambda: us(PhotometricInterpretation="YBR_FULL"), RLE, ()),
        ("US-ID-SF-CDR", lambda: instance("USMF", drawn(8, 8, frames=2)), EXPLICIT, ("its SOP class Ultra",)),
        ("US-ID-MF-CDR", lambda: instance("USMF", drawn(8, 8, frames=2)), EXPLICIT, ()),
        ("US-SC-SF-CDR", us, EXPLICIT, ("SequenceOfUltrasoundRegions is missing",)),
        ("US-SC-SF-CDR", lambda: with_regions(region()), EXPLICIT, ()),
        (
            "US-SC-SF-CDR",
            lambda: with_regions(region(), region(PhysicalDeltaX=None)),
            EXPLICIT,
            ("region 2 of ultrasound has no PhysicalDeltaX",),
        ),
        (
            "US-CC-SF-CDR",
            lambda: with_regions(region()),
            EXPLICIT,
            ("region 1 of ultrasound has no PixelComponent",),
        ),
        ("US-CC-SF-CDR", lambda: with_regions(components(0, 1)), EXPLICIT, ()),
        (
            "US-CC-SF-CDR",
            lambda: with_regions(components(1)),
            EXPLICIT,
            (),
            "it takes each organization for 0",
        ),
        (
            "US-CC-SF-CDR",
            lambda: with_regions(components(0)),
            EXPLICIT,
            ("region 1 of ultrasound has no PixelComponentRangeStart", "region 1 of ultrasound has no Pixel"),
            "it takes each organization for 0",
        ),
        ("DEN-CD", lambda: instance("IO"), EXPLICIT, ()),
        ("DEN-CD", lambda: instance("DX", drawn(32, 32, 16), BitsStored=12, HighBit=11), EXPLICIT, ()),
        (
            "DEN-CD",
            lambda: instance("DX", drawn(32, 32, 16), BitsStored=14, HighBit=13),
            EXPLICIT,
            ("BitsStored",),
        ),
        (
            "DEN-CD",
            lambda: instance("DX", drawn(32, 32, 16), BitsStored=8, HighBit=7),
            EXPLICIT,
            ("BitsAllocated",),
        ),
        ("DEN-CD", lambda: instance("IO", DetectorID=None), EXPLICIT, ("DetectorID is missing",)),
        ("DTL-SEC-ZIP-MAIL", lambda: instance("IO"), EXPLICIT, ()),
        ("WVFM-ECG-FD", ct, EXPLICIT, ("its SOP class CTImageStorage is not for STD-WVFM-ECG-FD",)),
    )
]


@pytest.mark.parametrize("case", CASES, ids=[f"{number} {case.profile}" for number, case in enumerate(CASES)])
def test_what_is_fit_and_what_is_not(tmp_path: Path, case: Case) -> None:
    file = part10(in_syntax(case.make(), tmp_path / "one", case.syntax))
    found = [_plain(each) for each in complaints(profile_named(case.profile), file)]

    assert len(found) == len(case.against), found
    assert all(each.startswith(begin) for each, begin in zip(found, case.against, strict=True)), found


def _plain(complaint: str) -> str:
    """Without the tag behind each name."""
    return re.sub(r" \([0-9a-f]{4},[0-9a-f]{4}\)", "", complaint)


def in_syntax(made: Dataset, path: Path, syntax: str) -> Path:
    """Written as said to be in ``syntax``: pixels are not looked at."""
    if syntax not in (EXPLICIT, uids.ImplicitVRLittleEndian):
        from pydicom.encaps import encapsulate

        made.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    return saved(made, path, syntax)


def test_overlays(tmp_path: Path) -> None:
    made = xa()
    made.add_new(0x60000010, "US", 64)
    made.add_new(0x60000102, "US", 8)
    path = in_syntax(made, tmp_path / "one", LOSSLESS_JPEG)
    cardiac, angio = profile_named("XABC-CD"), profile_named("XA1K-CD")
    assert complaints(cardiac, part10(path)) == ["the overlay of group 6000 is not in Overlay Data"]
    assert complaints(angio, part10(path)) == []

    made.add_new(0x60003000, "OW", b"\0" * 512)
    assert complaints(cardiac, part10(in_syntax(made, tmp_path / "two", LOSSLESS_JPEG))) == []

    captured = instance("SC")
    captured.add_new(0x60020102, "US", 0)
    assert complaints(angio, part10(saved(captured, tmp_path / "three"))) == [
        "there is an overlay in group 6002"
    ]


def test_real_ones() -> None:
    general = profile_named("GEN-CD")
    assert complaints(general, part10(samples.ct())) == []
    assert complaints(general, part10(samples.real_file("JPEG2000.dcm")))
    ecg = part10(samples.real_file("waveform_ecg.dcm"))
    assert complaints(profile_named("WVFM-ECG-FD"), ecg) == []


# ---------------------------------------------------------------- what it becomes


@pytest.mark.parametrize(
    ("name", "syntax", "become"),
    [
        ("GEN-CD", "implicit", ["explicit"]),
        ("GEN-CD", "explicit-big-endian", ["explicit"]),
        ("GEN-CD", "jpeg-2000-lossless", ["explicit"]),
        ("GEN-USB-JPEG", "implicit", ["explicit", "jpeg-lossless"]),
        ("GEN-USB-JPEG", "jpeg-ls", ["jpeg-lossless", "explicit"]),
        ("GEN-USB-J2K", "rle", ["jpeg-2000-lossless", "explicit"]),
        ("GEN-USB-JPEG", "jpeg-lossless", []),
        ("CTMR-CD", "rle", ["jpeg-lossless", "explicit"]),
    ],
)
def test_it_becomes_what_loses_nothing(tmp_path: Path, name: str, syntax: str, become: list[str]) -> None:
    path = _transcoded(saved(ct(), tmp_path / "one"), syntax)
    profile = profile_named(name)

    asked = admission(profile, part10(path), transcode=True)
    assert not asked.complaints
    assert [codec.name for codec in asked.codecs] == become
    plain = admission(profile, part10(path))
    assert not plain.codecs
    assert bool(plain.complaints) == bool(become)
    assert ("--transcode" in plain.hint) == bool(become)


def _transcoded(path: Path, name: str) -> Path:
    from dcmtools.editing.transcoding import Asked, transcoded

    other = path.with_name(name)
    with transcoded(part10(path), Asked(codec_named(name))) as done:
        other.write_bytes(done.meta + b"".join(done.blocks()))
    return other


def test_it_becomes_what_is_asked_for(tmp_path: Path) -> None:
    path = _transcoded(saved(ct(), tmp_path / "one"), "rle")
    asked = admission(profile_named("GEN-USB-J2K"), part10(path), transcode=True, to=codec_named("jpeg-2000"))
    assert [codec.name for codec in asked.codecs] == ["jpeg-2000"]


def test_what_nothing_can_be_made_of(tmp_path: Path) -> None:
    cardiac = profile_named("XABC-CD")
    large = admission(cardiac, part10(saved(xa(600), tmp_path / "one")), transcode=True)
    assert large.complaints == ["Rows (0028,0010) is 600, not at most 512"]
    assert not large.hint

    movie = part10(in_syntax(video(), tmp_path / "two", MPEG2))
    assert "it is video" in admission(profile_named("GEN-CD"), movie, transcode=True).complaints[0]
    other = part10(in_syntax(ct(), tmp_path / "three", "1.2.840.10008.1.2.7.1"))
    assert "not known here" in admission(profile_named("GEN-CD"), other, transcode=True).complaints[0]


def test_a_file_is_made_fit(tmp_path: Path) -> None:
    path = _transcoded(saved(ct(), tmp_path / "one"), "jpeg-ls")
    profile = profile_named("GEN-USB-JPEG")
    file = part10(path)
    with (tmp_path / "out").open("w+b") as out:
        done = write_fitting(file, admission(profile, file, transcode=True).codecs, profile, out)

    written = part10(tmp_path / "out")
    assert written.transfer_syntax == LOSSLESS_JPEG
    assert complaints(profile, written) == []
    assert done.sop_instance_uid == file.meta_text(0x00020003)


def test_the_next_syntax_is_tried_where_colours_do_not_fit(tmp_path: Path) -> None:
    """YBR_FULL is for ultrasound in RLE only, so plain it is not fit."""
    path = _transcoded(saved(us(PhotometricInterpretation="YBR_FULL"), tmp_path / "one"), "implicit")
    profile, file = profile_named("US-ID-SF-CDR"), part10(path)
    codecs = admission(profile, file, transcode=True).codecs
    assert [codec.name for codec in codecs] == ["explicit", "rle"]
    with (tmp_path / "out").open("w+b") as out:
        write_fitting(file, codecs, profile, out)
    written = part10(tmp_path / "out")
    assert (written.transfer_syntax, complaints(profile, written)) == (RLE, [])

    with (tmp_path / "out").open("w+b") as out, pytest.raises(InputError, match="not brought to STD-US-ID"):
        write_fitting(file, codecs[:1], profile, out)


def test_what_cannot_be_decoded_is_not_made_fit(tmp_path: Path) -> None:
    profile = profile_named("GEN-CD")
    file = part10(in_syntax(ct(), tmp_path / "one", LOSSLESS_JPEG))
    codecs = admission(profile, file, transcode=True).codecs
    with (
        (tmp_path / "out").open("w+b") as out,
        pytest.raises(InputError, match="not in ExplicitVRLittleEndian: frame"),
    ):
        write_fitting(file, codecs, profile, out)


# ---------------------------------------------------------------- keys


def test_keys_are_those_of_the_record_and_of_the_profile() -> None:
    assert keys_of(None, "IMAGE") == tuple(sorted(KEYS["IMAGE"]))
    assert set(keys_of(profile_named("GEN-CD"), "IMAGE")) - set(KEYS["IMAGE"]) == {
        (0x00080008, "1C"),
        (0x00081140, "1C"),
    }
    assert (0x00100030, "2") in keys_of(profile_named("XABC-CD"), "PATIENT")
    assert keys_of(profile_named("XABC-CD"), "STUDY") == tuple(sorted(KEYS["STUDY"]))
    spectroscopy = dict(keys_of(profile_named("GEN-USB-JPEG"), "SPECTROSCOPY"))
    assert spectroscopy[0x00280008] == "1"  # the record has it as 1, the profile as 1C
    assert keys_of(None, "SOMETHING") == ()


def test_keys_out_of_functional_groups(tmp_path: Path) -> None:
    position, orientation, group, referenced = Dataset(), Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = [1, 2, 3]
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    referenced.ReferencedSOPInstanceUID = "1.2.3"
    group.PlanePositionSequence = Sequence([position])
    group.PlaneOrientationSequence = Sequence([orientation])
    group.ReferencedImageSequence = Sequence([referenced])
    file = part10(saved(ct(SharedFunctionalGroupsSequence=Sequence([group])), tmp_path / "one"))

    found = nested_values(profile_named("GEN-DVD-J2K"), file, "IMAGE")
    assert text(found, "ImagePositionPatient") == "1.0\\2.0\\3.0"
    assert text(found, "ImageOrientationPatient") == "1.0\\0.0\\0.0\\0.0\\1.0\\0.0"
    assert text(items(found, "ReferencedImageSequence")[0], "ReferencedSOPInstanceUID") == "1.2.3"
    assert len(found) == 3
    assert len(nested_values(profile_named("GEN-DVD-J2K"), file, "SERIES")) == 0
    assert len(nested_values(profile_named("GEN-MIME"), file, "IMAGE")) == 0
