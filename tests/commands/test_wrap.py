"""``dcmtools wrap``: documents and pictures as DICOM files."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image

from tests.support.run import run
from tests.support.samples import ct, real_file

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.codecs.streams import Samples

PDF = b"%PDF-1.4\n1 0 obj\n%%EOF\n"
CDA = (
    b'<?xml version="1.0"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3"><typeId root="2.16"/>'
    b'<id extension="999" root="1.2.3"/><title>Report</title></ClinicalDocument>\n'
)
STL = b"made".ljust(80) + struct.pack("<I", 1) + struct.pack("<12fH", *range(12), 0)
GREY = np.arange(48, dtype="u1").reshape(6, 8) * 5
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], -1)


def jpeg(samples: Samples = COLOUR, colours: str | None = None) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(samples, level=90, colorspace=colours, outcolorspace=colours))


def png(samples: Samples = GREY) -> bytes:
    return bytes(imagecodecs.png_encode(samples))


def bare_png(width: int, height: int, depth: int, colour: int, raw: bytes = b"\0") -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def wrapped(path: Path, *options: object) -> pydicom.Dataset:
    out = path.with_suffix(".out")
    done = run("wrap", path, "-o", out, *options)
    assert done.status == 0, done.stderr
    return pydicom.dcmread(out)


KINDS = {"a.pdf": PDF, "a.xml": CDA, "a.stl": STL, "a.jpg": jpeg(), "a.png": png()}


# -------------------------------------------------------------------- documents


@pytest.mark.parametrize(
    ("name", "sop_class", "mime_type"),
    [
        ("a.pdf", "EncapsulatedPDFStorage", "application/pdf"),
        ("a.xml", "EncapsulatedCDAStorage", "text/XML"),
        ("a.stl", "EncapsulatedSTLStorage", "model/stl"),
    ],
)
def test_documents_keep_each_byte(tmp_path: Path, name: str, sop_class: str, mime_type: str) -> None:
    for data in (KINDS[name], KINDS[name] if name == "a.stl" else KINDS[name] + b"\n"):
        path = put(tmp_path / name, data)
        found = wrapped(path, "--overwrite")
        assert found.SOPClassUID.keyword == sop_class
        assert found.MIMETypeOfEncapsulatedDocument == mime_type
        assert found.EncapsulatedDocumentLength == len(data)
        assert found.EncapsulatedDocument[: len(data)] == data
        back = tmp_path / "back"
        assert run("unwrap", path.with_suffix(".out"), "-o", back, "--overwrite").status == 0
        assert back.read_bytes() == data


def test_a_cda_says_who_it_is(tmp_path: Path) -> None:
    found = wrapped(put(tmp_path / "a.xml", CDA))
    assert (found.HL7InstanceIdentifier, found.DocumentTitle) == ("1.2.3^999", "Report")
    nameless = CDA.replace(b"<id ", b"<no ")
    done = run("wrap", put(tmp_path / "b.xml", nameless), "-o", tmp_path / "b.dcm")
    assert done.status == 3
    assert "-k HL7InstanceIdentifier=" in done.stderr
    assert wrapped(tmp_path / "b.xml", "-k", "HL7InstanceIdentifier=1.9^7").HL7InstanceIdentifier == "1.9^7"


def test_entities_of_xml_do_not_expand(tmp_path: Path) -> None:
    bomb = CDA.replace(b"?>\n", b'?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>\n').replace(
        b"Report", b"&b;"
    )
    done = run("wrap", put(tmp_path / "a.xml", bomb), "-o", tmp_path / "a.dcm")
    assert "entities of its own, which are not expanded" in done.stderr
    found = pydicom.dcmread(tmp_path / "a.dcm")
    assert (found.DocumentTitle, found.HL7InstanceIdentifier) == ("", "1.2.3^999")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (PDF.replace(b"%%EOF", b"gone"), "it may be cut"),
        (PDF + b"trailer << /Encrypt 1 0 R >>", "it is encrypted"),
        (b"junk " + PDF, "does not begin at its first byte"),
    ],
)
def test_pdfs_with_faults_are_wrapped_with_a_warning(tmp_path: Path, data: bytes, message: str) -> None:
    out = tmp_path / "a.dcm"
    done = run("wrap", put(tmp_path / "a.pdf", data), "-o", out)
    assert done.status == 0
    assert message.replace("it is", "is") in done.stderr
    assert pydicom.dcmread(out).EncapsulatedDocument[: len(data)] == data


def test_the_unit_of_a_model_is_told_of(tmp_path: Path) -> None:
    path = put(tmp_path / "a.stl", STL)
    assert "its unit is taken to be mm" in run("wrap", path, "-o", tmp_path / "a.dcm").stderr
    key = "MeasurementUnitsCodeSequence[0].CodeValue=um"
    done = run("wrap", path, "-o", tmp_path / "b.dcm", "-k", key, "-k", "PatientID=1")
    assert done.stderr == "1 wrapped\n"
    assert pydicom.dcmread(tmp_path / "b.dcm").MeasurementUnitsCodeSequence[0].CodeValue == "um"


# -------------------------------------------------------------------- pictures


@pytest.mark.parametrize("samples", [GREY, GREY.astype("u2") * 200, COLOUR])
def test_png_becomes_its_samples(tmp_path: Path, samples: Samples) -> None:
    found = wrapped(put(tmp_path / "a.png", png(samples)))
    assert found.SOPClassUID.keyword == "SecondaryCaptureImageStorage"
    assert np.array_equal(found.pixel_array, samples)
    assert found.BitsStored == samples.dtype.itemsize * 8
    back = tmp_path / "back.png"
    assert run("unwrap", tmp_path / "a.out", "-o", back).status == 0
    assert np.array_equal(imagecodecs.png_decode(back.read_bytes()), samples)


@pytest.mark.parametrize("kind", ["baseline", "grey"])
def test_jpeg_stays_as_it_is(tmp_path: Path, kind: str) -> None:
    data = jpeg(COLOUR if kind == "baseline" else GREY)
    found = wrapped(put(tmp_path / "a.jpg", data))
    assert found.file_meta.TransferSyntaxUID.keyword == "JPEGBaseline8Bit"
    assert (found.LossyImageCompression, found.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    back = tmp_path / "back.jpg"
    assert run("unwrap", tmp_path / "a.out", "-o", back).status == 0
    assert back.read_bytes() == data
    assert found.pixel_array.shape[:2] == (6, 8)
    if kind == "baseline":
        assert found.PhotometricInterpretation.startswith("YBR_FULL")


def test_jpeg_in_rgb_says_so(tmp_path: Path) -> None:
    found = wrapped(put(tmp_path / "a.jpg", jpeg(colours="rgb")))
    assert found.PhotometricInterpretation == "RGB"
    assert np.abs(found.pixel_array.astype(int) - COLOUR).max() < 40


@pytest.mark.parametrize("name", ["JPGExtended.dcm", "JPEG-lossy.dcm"])
def test_what_was_unwrapped_is_wrapped_again(tmp_path: Path, name: str) -> None:
    stream = tmp_path / "a.jpg"
    assert run("unwrap", real_file(name), "-o", stream).status == 0
    found, before = wrapped(stream), pydicom.dcmread(real_file(name))
    assert found.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
    frames = [
        next(pydicom.encaps.generate_frames(each.PixelData, number_of_frames=1)) for each in (found, before)
    ]
    assert frames[1].startswith(frames[0].rstrip(b"\0"))


def test_lossless_jpeg_is_told_by_its_predictor(tmp_path: Path) -> None:
    file = tmp_path / "ll.dcm"
    assert run("compress", ct(), "-o", file, "--to", "jpeg-lossless").status == 0
    assert run("unwrap", file, "-o", tmp_path / "a.jpg").status == 0
    found = wrapped(tmp_path / "a.jpg")
    assert found.file_meta.TransferSyntaxUID.keyword == "JPEGLosslessSV1"
    assert "LossyImageCompression" not in found


def test_progressive_jpeg_becomes_samples(tmp_path: Path) -> None:
    buffer = BytesIO()
    Image.fromarray(COLOUR).save(buffer, "JPEG", progressive=True, quality=95)
    data = buffer.getvalue()
    assert b"\xff\xc2" in data
    done = run("wrap", put(tmp_path / "a.jpg", data), "-o", tmp_path / "a.dcm")
    assert "progressive JPEG became samples" in done.stderr
    found = pydicom.dcmread(tmp_path / "a.dcm")
    assert found.LossyImageCompression == "01"
    assert np.array_equal(found.pixel_array, imagecodecs.jpeg8_decode(data))


def test_exif_orientation_is_told_of(tmp_path: Path) -> None:
    tiff = b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
    exif = b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff
    data = jpeg()
    done = run("wrap", put(tmp_path / "a.jpg", data[:2] + exif + data[2:]), "-o", tmp_path / "a.dcm")
    assert done.status == 0
    assert "Exif orientation is 6" in done.stderr


def test_transparency_is_told_of_where_there_is_some(tmp_path: Path) -> None:
    opaque = np.concatenate([COLOUR, np.full((6, 8, 1), 255, "u1")], -1)
    done = run("wrap", put(tmp_path / "a.png", png(opaque)), "-o", tmp_path / "a.dcm", "-k", "PatientID=1")
    assert done.stderr == "1 wrapped\n"
    opaque[0, 0, 3] = 0
    done = run("wrap", put(tmp_path / "b.png", png(opaque)), "-o", tmp_path / "b.dcm")
    assert "it is transparent in places" in done.stderr
    assert np.array_equal(pydicom.dcmread(tmp_path / "b.dcm").pixel_array, COLOUR)


def test_a_photograph(tmp_path: Path) -> None:
    found = wrapped(put(tmp_path / "a.jpg", jpeg()), "--as", "vl-photo")
    assert (found.SOPClassUID.keyword, found.Modality) == ("VLPhotographicImageStorage", "XC")


def test_pictures_become_one_multi_frame_image(tmp_path: Path) -> None:
    for number in (10, 9):
        put(tmp_path / "in" / f"p{number}.png", png(GREY + number))
    out = tmp_path / "out.dcm"
    assert run("wrap", tmp_path / "in", "-o", out, "--multi-frame").status == 0
    found = pydicom.dcmread(out)
    assert found.SOPClassUID.keyword == "MultiFrameGrayscaleByteSecondaryCaptureImageStorage"
    assert (found.NumberOfFrames, found.PageNumberVector) == (2, [1, 2])
    assert np.array_equal(found.pixel_array, np.stack([GREY + 9, GREY + 10]))


def test_jpegs_become_one_multi_frame_image(tmp_path: Path) -> None:
    first, second = put(tmp_path / "1.jpg", jpeg()), put(tmp_path / "2.jpg", jpeg(COLOUR[::-1]))
    assert run("wrap", first, second, "-o", tmp_path / "out.dcm", "--multi-frame").status == 0
    found = pydicom.dcmread(tmp_path / "out.dcm")
    assert found.pixel_array.shape == (2, 6, 8, 3)
    frames = list(pydicom.encaps.generate_frames(found.PixelData, number_of_frames=2))
    assert [frame.rstrip(b"\0") for frame in frames] == [
        jpeg().rstrip(b"\0"),
        jpeg(COLOUR[::-1]).rstrip(b"\0"),
    ]


@pytest.mark.parametrize("other", [png(COLOUR), png(GREY[:3]), PDF, b"", jpeg(GREY)])
def test_frames_have_to_be_alike(tmp_path: Path, other: bytes) -> None:
    first, second = put(tmp_path / "1.png", png()), put(tmp_path / "2.png", other)
    out = tmp_path / "out.dcm"
    assert run("wrap", first, second, "-o", out, "--multi-frame").status == 3
    assert not out.exists()


# -------------------------------------------------------------------- patient, study, series


def test_study_comes_from_another_object(tmp_path: Path) -> None:
    before = pydicom.dcmread(ct())
    found = wrapped(put(tmp_path / "a.pdf", PDF), "--study-from", ct(), "--title", "Befund für X")
    for name in ("PatientName", "PatientID", "StudyInstanceUID", "StudyDate", "StudyID", "AccessionNumber"):
        assert found[name].value == before[name].value
    assert found.SeriesInstanceUID != before.SeriesInstanceUID
    assert found.Modality == "DOC"
    assert (found.DocumentTitle, found.SpecificCharacterSet) == ("Befund für X", "ISO_IR 192")


def test_series_comes_from_another_object(tmp_path: Path) -> None:
    before = pydicom.dcmread(ct())
    found = wrapped(put(tmp_path / "a.png", png()), "--series-from", ct(), "-k", "InstanceNumber=7")
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "Modality"):
        assert found[name].value == before[name].value
    assert found.InstanceNumber == 7


def test_names_in_other_character_sets_are_kept(tmp_path: Path) -> None:
    before = pydicom.dcmread(BytesIO(ct().read_bytes()))
    before.SpecificCharacterSet, before.PatientName = "ISO_IR 144", "Юлия"
    before.save_as(tmp_path / "ru.dcm")
    found = wrapped(put(tmp_path / "a.pdf", PDF), "--study-from", tmp_path / "ru.dcm")
    assert (str(found.PatientName), found.SpecificCharacterSet) == ("Юлия", "ISO_IR 192")


def test_keys_are_set_last(tmp_path: Path) -> None:
    found = wrapped(
        put(tmp_path / "a.pdf", PDF),
        *("--study-from", ct(), "-k", "PatientName=Doe^Jane", "-k", "ConceptNameCodeSequence[0].CodeValue=1"),
    )
    assert (found.PatientName, found.ConceptNameCodeSequence[0].CodeValue) == ("Doe^Jane", "1")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_files_of_one_kind_are_one_series_in_the_order_of_their_names(tmp_path: Path, jobs: str) -> None:
    for name in ("p10.jpg", "p9.png", "p1.jpg"):
        put(tmp_path / "in" / name, jpeg() if name.endswith("jpg") else png())
    for name in ("b.pdf", "a.pdf"):
        put(tmp_path / "in" / name, PDF)
    put(tmp_path / "in" / "notes.txt", b"none of these")
    done = run("wrap", tmp_path / "in", "-o", tmp_path / "out", "--jobs", jobs, "-k", "PatientID=1")
    assert (done.status, done.stderr) == (0, "5 wrapped, 1 skipped\n")
    found = {path.stem: pydicom.dcmread(path) for path in (tmp_path / "out").iterdir()}
    assert [found[name].InstanceNumber for name in ("p1", "p9", "p10", "a", "b")] == [1, 2, 3, 1, 2]
    assert len({each.StudyInstanceUID for each in found.values()}) == 1
    assert len({each.SeriesInstanceUID for each in found.values()}) == 2
    assert len({each.SOPInstanceUID for each in found.values()}) == 5
    assert len({found[name].SeriesInstanceUID for name in ("p1", "p9", "p10")}) == 1


# -------------------------------------------------------------------- what cannot be wrapped


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"only text", "neither PDF"),
        (b"<html></html>", "no CDA"),
        (b"solid x\nendsolid x\n", "STL in ASCII"),
        (STL[:-1], "neither PDF"),
        (jpeg()[:-20], "cut short"),
        (bare_png(60000, 60000, 16, 6), "more memory"),
        (bare_png(70000, 1, 8, 0), "65535"),
        (bare_png(0, 1, 8, 0), "65535"),
        (bare_png(8, 8, 8, 0), "cannot be decoded"),
        (bare_png(8, 8, 8, 5), "colour type 5"),
        (b"\x89PNG\r\n\x1a\n", "without its header"),
        (jpeg(np.dstack([COLOUR, GREY]), "cmyk"), "4 colours"),
    ],
)
def test_what_cannot_be_wrapped_says_why(tmp_path: Path, data: bytes, message: str) -> None:
    out = tmp_path / "a.dcm"
    done = run("wrap", put(tmp_path / "a.bin", data), "-o", out)
    assert done.status == 3, done.stderr
    assert message in done.stderr
    assert not out.exists()


def test_a_name_that_says_something_else_is_told_of(tmp_path: Path) -> None:
    done = run("wrap", put(tmp_path / "a.jpg", PDF), "-o", tmp_path / "a.dcm")
    assert done.status == 0
    assert "by its bytes it is PDF" in done.stderr


def test_one_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    put(tmp_path / "in" / "a.pdf", PDF)
    put(tmp_path / "in" / "b.jpg", jpeg()[:-20])
    put(tmp_path / "in" / "c.pdf", b"no PDF at all")
    put(tmp_path / "in" / "d.png", png())
    done = run("wrap", tmp_path / "in", "-o", tmp_path / "out")
    assert done.status == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.dcm", "d.dcm"]


def test_a_folder_with_nothing_to_wrap_fails(tmp_path: Path) -> None:
    put(tmp_path / "in" / "a.txt", b"text")
    done = run("wrap", tmp_path / "in", "-o", tmp_path / "out")
    assert done.status == 3
    assert "no document or picture" in done.stderr


def test_what_is_there_stays_unless_it_may_go(tmp_path: Path) -> None:
    path, out = put(tmp_path / "a.pdf", PDF), put(tmp_path / "a.dcm", b"mine")
    assert run("wrap", path, "-o", out).status == 1
    assert run("wrap", path, "-o", out, "--skip-existing").stderr == "0 wrapped, 1 skipped\n"
    assert out.read_bytes() == b"mine"
    assert run("wrap", path, "-o", out, "--overwrite").status == 0


@pytest.mark.parametrize(
    "options",
    [
        ("-k", "PatientName"),
        ("-k", "PatientNam=x"),
        ("--as", "ct"),
        ("--study-from", "nowhere"),
        ("--overwrite", "--skip-existing"),
        ("--multi-frame", "--as", "vl-photo"),
        ("--multi-frame", "--skip-existing"),
        ("-k", "Rows=5"),
        ("-k", "EncapsulatedDocumentLength=3"),
        ("-k", "SOPClassUID=1.2"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = put(tmp_path / "a.pdf", PDF)
    assert run("wrap", path, "-o", tmp_path / "a.dcm", *options).status == 2


def test_a_value_that_is_none_of_its_vr_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "a.dcm"
    done = run("wrap", put(tmp_path / "a.pdf", PDF), "-o", out, "-k", "PatientBirthDate=tomorrow")
    assert done.status == 2
    assert "PatientBirthDate" in done.stderr
    assert not out.exists()


@pytest.mark.parametrize("name", ["a.pdf", "none.dcm"])
def test_a_study_from_what_has_none_is_refused(tmp_path: Path, name: str) -> None:
    path = put(tmp_path / "a.pdf", PDF)
    done = run("wrap", path, "-o", tmp_path / "a.dcm", "--study-from", tmp_path / name)
    assert done.status == 2


def test_standard_input_and_output(tmp_path: Path) -> None:
    out = tmp_path / "a.dcm"
    assert run("wrap", "-", "-o", out, stdin=PDF).status == 0
    assert pydicom.dcmread(out).EncapsulatedDocument[: len(PDF)] == PDF


# -------------------------------------------------------------------- what must not be mistaken


def test_a_cda_is_read_as_xml(tmp_path: Path) -> None:
    text = (
        '<?xml version="1.0" encoding="ISO-8859-1"?><!-- <id root="9.9.9"/> --><ClinicalDocument '
        'xmlns="urn:hl7-org:v3"><id root="1.2.3" extension="7"/><title>R&amp;D\n Müller</title>'
        '<recordTarget><id root="2.16" extension="PATIENT"/></recordTarget></ClinicalDocument>'
    )
    for encoding in ("ISO-8859-1", "UTF-16", "windows-1252"):
        data = text.replace("ISO-8859-1", encoding).encode(encoding)
        found = wrapped(put(tmp_path / "a.xml", data), "--overwrite")
        assert (found.HL7InstanceIdentifier, found.DocumentTitle) == ("1.2.3^7", "R&D Müller")
    bare = text.replace('<id root="1.2.3" extension="7"/>', '<id nullFlavor="NI"/>').encode("latin-1")
    done = run("wrap", put(tmp_path / "b.xml", bare), "-o", tmp_path / "b.dcm")
    assert done.status == 3
    assert "does not say its id" in done.stderr
    broken = CDA.replace(b"Report", b"&what;")
    done = run("wrap", put(tmp_path / "c.xml", broken), "-o", tmp_path / "c.dcm")
    assert "the XML is not well-formed" in done.stderr


def test_dicom_files_are_not_wrapped_again(tmp_path: Path) -> None:
    out = tmp_path / "in" / "a.dcm"
    assert run("wrap", put(tmp_path / "in" / "a.pdf", PDF), "-o", out).status == 0
    done = run("wrap", out, "-o", tmp_path / "b.dcm")
    assert done.status == 3
    assert "it is a DICOM file already" in done.stderr
    done = run("wrap", tmp_path / "in", "-o", tmp_path / "out", "-k", "PatientID=1")
    assert (done.status, done.stderr) == (0, "1 wrapped, 1 skipped\n")


def test_files_that_differ_in_their_ending_only_keep_it(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "b.png"):
        put(tmp_path / "in" / name, KINDS[name.replace("b", "a")])
    assert run("wrap", tmp_path / "in", "-o", tmp_path / "out").status == 0
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == ["a.jpg.dcm", "a.png.dcm", "b.dcm"]


def test_whose_files_they_are_is_told_once(tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf"):
        put(tmp_path / "in" / name, PDF)
    done = run("wrap", tmp_path / "in", "-o", tmp_path / "out")
    assert done.status == 0
    assert done.stderr.count("of nobody") == 1
    assert "2 wrapped" in done.stderr
    done = run("wrap", tmp_path / "in", "-o", tmp_path / "two", "--format", "json")
    assert [record["kind"] for record in done.records] == ["pdf", "pdf"]


def test_only_what_is_asked_for_is_wrapped(tmp_path: Path) -> None:
    put(tmp_path / "in" / "a.pdf", PDF)
    put(tmp_path / "in" / "b.png", png())
    done = run("wrap", tmp_path / "in", "-o", tmp_path / "out", "--as", "pdf", "-k", "PatientID=1")
    assert (done.status, done.stderr) == (0, "1 wrapped, 1 skipped\n")
    done = run("wrap", tmp_path / "in" / "a.pdf", "-o", tmp_path / "x.dcm", "--as", "vl-photo")
    assert done.status == 3
    assert "it is PDF, of which --as vl-photo makes nothing" in done.stderr


def test_photographs_have_8_bits(tmp_path: Path) -> None:
    path = put(tmp_path / "a.png", png(GREY.astype("u2")))
    done = run("wrap", path, "-o", tmp_path / "a.dcm", "--as", "vl-photo")
    assert done.status == 3
    assert "samples of 16 bits" in done.stderr


def test_a_series_is_of_one_modality(tmp_path: Path) -> None:
    done = run("wrap", put(tmp_path / "a.pdf", PDF), "-o", tmp_path / "a.dcm", "--series-from", ct())
    assert "a document in a series of Modality CT" in done.stderr
    before = pydicom.dcmread(ct())
    found = pydicom.dcmread(tmp_path / "a.dcm")
    assert found.InstanceNumber == before.InstanceNumber + 1
    assert found.Manufacturer == before.Manufacturer
    assert "FrameOfReferenceUID" not in found
    done = run("wrap", put(tmp_path / "a.stl", STL), "-o", tmp_path / "s.dcm", "--series-from", ct())
    assert done.status == 3
    assert "such objects are of M3D" in done.stderr
    model = tmp_path / "m.dcm"
    assert run("wrap", tmp_path / "a.stl", "-o", model, "--study-from", ct()).status == 0
    assert run("wrap", tmp_path / "a.stl", "-o", tmp_path / "n.dcm", "--series-from", model).status == 0
    both = [pydicom.dcmread(path) for path in (model, tmp_path / "n.dcm")]
    assert both[0].FrameOfReferenceUID == both[1].FrameOfReferenceUID
    assert [each.InstanceNumber for each in both] == [1, 2]


def test_a_study_whose_text_is_none_is_refused(tmp_path: Path) -> None:
    before = pydicom.dcmread(BytesIO(ct().read_bytes()))
    before.SpecificCharacterSet = "ISO_IR 192"
    before.save_as(tmp_path / "a.dcm")
    data = (tmp_path / "a.dcm").read_bytes().replace(b"CompressedSamples", b"Compressed\xffamples")
    source = put(tmp_path / "b.dcm", data)
    done = run("wrap", put(tmp_path / "a.pdf", PDF), "-o", tmp_path / "x.dcm", "--study-from", source)
    assert done.status == 2
    assert "PatientName (0010,0010) is no text in the character set" in done.stderr


def test_a_title_that_has_no_place_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "a.pdf", PDF)
    done = run("wrap", path, "-o", tmp_path / "a.dcm", "--title", "x" * 2000)
    assert done.status == 2
    assert "--title has no place" in done.stderr


def test_each_file_has_its_own_uid(tmp_path: Path) -> None:
    first, second = (put(tmp_path / name, PDF) for name in ("a.pdf", "b.pdf"))
    uid = "SOPInstanceUID=1.2.3"
    assert run("wrap", first, second, "-o", tmp_path / "out", "-k", uid).status == 2
    assert wrapped(first, "-k", uid).SOPInstanceUID == "1.2.3"


def test_a_pdf_with_a_stream_of_references_may_be_encrypted(tmp_path: Path) -> None:
    begin = b"%PDF-1.5\n" + b"x" * 300000
    data = begin + b"<</Type/XRef/Encrypt 1 0 R>>" + b"y" * 9000 + b"\nstartxref\n%d\n%%%%EOF\n" % len(begin)
    done = run("wrap", put(tmp_path / "a.pdf", data), "-o", tmp_path / "a.dcm")
    assert "the PDF is encrypted" in done.stderr


def test_no_page_is_missing(tmp_path: Path) -> None:
    first, out = put(tmp_path / "1.png", png()), tmp_path / "out.dcm"
    done = run("wrap", first, tmp_path / "none.png", "-o", out, "--multi-frame")
    assert done.status == 3
    assert "no image was made of it" in done.stderr
    assert not out.exists()
    done = run("wrap", first, "-o", first, "--multi-frame", "--overwrite")
    assert done.status == 3
    assert first.read_bytes() == png()
    put(tmp_path / "in" / "1.png", png())
    put(tmp_path / "in" / "notes.txt", b"no page")
    done = run("wrap", tmp_path / "in", "-o", out, "--multi-frame")
    assert (done.status, pydicom.dcmread(out).NumberOfFrames) == (0, 1)
    assert run("wrap", tmp_path / "in", "-o", out, "--multi-frame").status == 1


def test_pages_lose_what_their_files_lost(tmp_path: Path) -> None:
    buffer = BytesIO()
    Image.fromarray(GREY).save(buffer, "JPEG", progressive=True)
    put(tmp_path / "in" / "1.png", png())
    put(tmp_path / "in" / "2.jpg", buffer.getvalue())
    out = tmp_path / "out.dcm"
    assert run("wrap", tmp_path / "in", "-o", out, "--multi-frame").status == 0
    assert pydicom.dcmread(out).LossyImageCompression == "01"
    put(tmp_path / "in" / "1.png", png(COLOUR.astype("u2")))
    assert run("wrap", tmp_path / "in" / "1.png", "-o", out, "--multi-frame", "--overwrite").status == 3


@pytest.mark.parametrize(
    ("name", "data"),
    [("jfif", b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"), ("adobe", b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\2")],
)
def test_colours_are_those_that_libjpeg_sees(tmp_path: Path, name: str, data: bytes) -> None:
    adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"
    stream = jpeg()
    bare = stream[:2] + data + (adobe if name == "jfif" else b"") + stream[stream.index(b"\xff\xdb") :]
    assert wrapped(put(tmp_path / "a.jpg", bare)).PhotometricInterpretation == "YBR_FULL_422"
