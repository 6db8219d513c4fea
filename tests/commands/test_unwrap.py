"""``dcmtools unwrap``: documents and pictures out of DICOM files."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import (
    UID,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
)

from tests.support.run import run
from tests.support.samples import ct, real_file

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.codecs.streams import Samples

PDF = b"%PDF-1.4\nnot much of one\n%%EOF\n"
assert len(PDF) % 2


def save(path: Path, values: dict[str, object], syntax: str = ExplicitVRLittleEndian) -> Path:
    data_set = Dataset()
    is_document = "EncapsulatedDocument" in values
    data_set.SOPClassUID = EncapsulatedPDFStorage if is_document else SecondaryCaptureImageStorage
    data_set.SOPInstanceUID = "1.2.3"
    for name, value in values.items():
        setattr(data_set, name, value)
    data_set.file_meta = FileMetaDataset()
    data_set.file_meta.TransferSyntaxUID = UID(syntax)
    path.parent.mkdir(parents=True, exist_ok=True)
    data_set.save_as(path, enforce_file_format=True)
    return path


def document(
    path: Path, data: bytes = PDF, mime_type: str = "application/pdf", length: int | None = -1
) -> Path:
    values: dict[str, object] = {"MIMETypeOfEncapsulatedDocument": mime_type}
    if length is not None:
        values["EncapsulatedDocumentLength"] = len(data) if length < 0 else length
    return save(path, {"EncapsulatedDocument": data + b"\0" * (len(data) % 2), **values})


def image(
    path: Path, samples: Samples, photometric: str = "MONOCHROME2", bits_stored: int = 0, **values: object
) -> Path:
    stored = bits_stored or samples.dtype.itemsize * 8
    colours = samples.ndim == 3
    pixels = {
        "Rows": samples.shape[0],
        "Columns": samples.shape[1],
        "SamplesPerPixel": 3 if colours else 1,
        **({"PlanarConfiguration": 0} if colours else {}),
        "PhotometricInterpretation": photometric,
        "BitsAllocated": samples.dtype.itemsize * 8,
        "BitsStored": stored,
        "HighBit": stored - 1,
        "PixelRepresentation": int(samples.dtype.kind == "i"),
        "PixelData": samples.tobytes(),
    }
    return save(path, {**pixels, **values})


# -------------------------------------------------------------------- documents


@pytest.mark.parametrize("data", [PDF, PDF[:-1], b"", b"x", PDF + b"\0"])
def test_a_document_comes_out_byte_by_byte(tmp_path: Path, data: bytes) -> None:
    done = run("unwrap", document(tmp_path / "a.dcm", data), "-o", tmp_path / "out.pdf")
    assert (done.status, done.stderr) == (0, "1 unwrapped\n")
    assert (tmp_path / "out.pdf").read_bytes() == data


def test_without_a_length_the_padding_of_text_goes(tmp_path: Path) -> None:
    odd = PDF[:31]
    run("unwrap", document(tmp_path / "a.dcm", odd, length=None), "-o", tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes() == odd


def test_a_length_that_lies_is_told_of(tmp_path: Path) -> None:
    done = run("unwrap", document(tmp_path / "a.dcm", PDF, length=7), "-o", tmp_path / "out.pdf")
    assert done.status == 0
    assert f"warning: its length is given as 7 bytes, of {len(PDF) + 1}" in done.stderr
    assert (tmp_path / "out.pdf").read_bytes() == PDF


@pytest.mark.parametrize(
    ("mime_type", "ending"),
    [
        ("application/pdf", ".pdf"),
        ("TEXT/XML", ".xml"),
        ("model/stl", ".stl"),
        ("model/obj", ".obj"),
        ("../../etc/passwd", ".bin"),
        ("application/x-sh", ".bin"),
    ],
)
def test_names_come_from_the_input_and_endings_from_a_list(
    tmp_path: Path, mime_type: str, ending: str
) -> None:
    document(tmp_path / "in" / "IM1", mime_type=mime_type)
    assert run("unwrap", tmp_path / "in", "-o", tmp_path / "out").status == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"IM1{ending}"]


def test_standard_output_and_input(tmp_path: Path) -> None:
    data = document(tmp_path / "a.dcm").read_bytes()
    assert run("unwrap", "-", "-o", "-", stdin=data).stdout.encode() == PDF


def test_a_file_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(document(tmp_path / "a.dcm"), "DIR/a.dcm")
    assert run("unwrap", tmp_path / "a.zip", "-o", tmp_path / "out").status == 0
    assert (tmp_path / "out" / "DIR" / "a.pdf").read_bytes() == PDF


# -------------------------------------------------------------------- pictures


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_grey_samples_are_those_of_the_png(tmp_path: Path, kind: str) -> None:
    samples = np.arange(12, dtype=kind).reshape(3, 4) * (21 if kind == "u1" else 1000)
    assert run("unwrap", image(tmp_path / "a.dcm", samples), "-o", tmp_path / "a.png").status == 0
    found = imagecodecs.png_decode((tmp_path / "a.png").read_bytes())
    assert found.dtype == samples.dtype
    assert np.array_equal(found, samples)


def test_monochrome1_is_turned_round(tmp_path: Path) -> None:
    samples = np.array([[0, 4095]], "u2")
    file = image(tmp_path / "a.dcm", samples, "MONOCHROME1", bits_stored=12)
    done = run("unwrap", file, "-o", tmp_path / "a.png", "-v")
    assert "MONOCHROME1 turned round" in done.stderr
    assert imagecodecs.png_decode((tmp_path / "a.png").read_bytes()).tolist() == [[4095, 0]]


def test_colours_are_those_of_rgb(tmp_path: Path) -> None:
    samples = np.arange(24, dtype="u1").reshape(2, 4, 3) * 10
    run("unwrap", image(tmp_path / "a.dcm", samples, "RGB"), "-o", tmp_path / "a.png")
    assert np.array_equal(imagecodecs.png_decode((tmp_path / "a.png").read_bytes()), samples)


@pytest.mark.parametrize(
    "name", ["SC_ybr_full_422_uncompressed.dcm", "SC_rgb_rle.dcm", "examples_rgb_color.dcm"]
)
def test_real_colours_are_what_pydicom_shows(tmp_path: Path, name: str) -> None:
    file = real_file(name)
    assert run("unwrap", file, "-o", tmp_path, "--frames", "1").status == 0
    (made,) = tmp_path.iterdir()
    wanted = pydicom.dcmread(file).pixel_array
    wanted = wanted[0] if wanted.ndim == 4 else wanted
    found = imagecodecs.png_decode(made.read_bytes())
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 1


def test_a_palette_is_applied(tmp_path: Path) -> None:
    file = real_file("examples_palette.dcm")
    data_set = pydicom.dcmread(file)
    assert run("unwrap", file, "-o", tmp_path / "a.png").status == 0
    wanted = apply_color_lut(data_set.pixel_array, data_set)
    wanted = (wanted >> 8).astype("u1") if wanted.dtype.itemsize > 1 else wanted
    assert np.array_equal(imagecodecs.png_decode((tmp_path / "a.png").read_bytes()), wanted)


@pytest.mark.parametrize(
    ("name", "ending"),
    [("SC_rgb_small_odd_jpeg.dcm", ".jpg"), ("JPEG2000.dcm", ".j2k"), ("JPGExtended.dcm", ".jpg")],
)
def test_codestreams_stay_as_they_are(tmp_path: Path, name: str, ending: str) -> None:
    file = real_file(name)
    assert run("unwrap", file, "-o", f"{tmp_path}/out/").status == 0
    (made,) = (tmp_path / "out").iterdir()
    assert made.suffix == ending
    wanted = get_frame(pydicom.dcmread(file).PixelData, 0, number_of_frames=1)
    assert made.read_bytes() in (wanted, wanted[:-1])


def test_a_jpeg_in_rgb_that_does_not_say_so_is_told_of(tmp_path: Path) -> None:
    stream = imagecodecs.jpeg8_encode(
        np.zeros((8, 8, 3), "u1"), level=90, colorspace="rgb", outcolorspace="rgb"
    )
    bare = stream[:2] + stream[stream.index(b"\xff\xdb") :]
    file = save(
        tmp_path / "a.dcm",
        {
            "Rows": 8,
            "Columns": 8,
            "SamplesPerPixel": 3,
            "PlanarConfiguration": 0,
            "PhotometricInterpretation": "RGB",
            "BitsAllocated": 8,
            "BitsStored": 8,
            "HighBit": 7,
            "PixelRepresentation": 0,
            "PixelData": encapsulate([bytes(bare)]),
        },
        JPEGBaseline8Bit,
    )
    done = run("unwrap", file, "-o", tmp_path / "a.jpg")
    assert done.status == 0
    assert "warning: its colours are RGB" in done.stderr


def test_frames_are_numbered_and_chosen(tmp_path: Path) -> None:
    samples = np.arange(16, dtype="u1").reshape(4, 4)
    file = image(tmp_path / "in" / "us.dcm", samples[:2, :2], NumberOfFrames=4, PixelData=samples.tobytes())
    assert run("unwrap", file, "-o", f"{tmp_path}/out/").status == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"us-000{n}.png" for n in range(1, 5)
    ]
    run("unwrap", file, "-o", f"{tmp_path}/two/", "--frames", "2,-1")
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["us-0002.png", "us-0004.png"]
    found = imagecodecs.png_decode((tmp_path / "two" / "us-0004.png").read_bytes())
    assert found.reshape(-1).tolist() == [12, 13, 14, 15]
    done = run("unwrap", file, "-o", f"{tmp_path}/none/", "--frames", "9")
    assert done.status == 3
    assert "there is no frame 9" in done.stderr


def test_several_frames_are_not_one_file(tmp_path: Path) -> None:
    samples = np.zeros((4, 4), "u1")
    file = image(tmp_path / "a.dcm", samples[:2, :2], NumberOfFrames=4, PixelData=samples.tobytes())
    done = run("unwrap", file, "-o", tmp_path / "a.png")
    assert done.status == 3
    assert "takes one frame, and there are 4" in done.stderr
    assert not (tmp_path / "a.png").exists()
    assert run("unwrap", file, "-o", tmp_path / "a.png", "--frames", "-1").status == 0


# -------------------------------------------------------------------- what cannot be unwrapped


@pytest.mark.parametrize("kind", ["i2", "u4"])
def test_samples_that_no_png_holds_fail(tmp_path: Path, kind: str) -> None:
    file = image(tmp_path / "a.dcm", np.zeros((2, 2), kind))
    done = run("unwrap", file, "-o", tmp_path / "a.png")
    assert done.status == 3
    assert "have no place in a PNG" in done.stderr
    assert not (tmp_path / "a.png").exists()


def test_what_holds_neither_is_skipped_or_fails(tmp_path: Path) -> None:
    save(tmp_path / "in" / "plan.dcm", {"PatientID": "P1"})
    document(tmp_path / "in" / "report.dcm")
    done = run("unwrap", tmp_path / "in", "-o", tmp_path / "out")
    assert (done.status, done.stderr) == (0, "1 unwrapped, 1 skipped\n")
    done = run("unwrap", tmp_path / "in" / "plan.dcm", "-o", tmp_path / "x.pdf")
    assert done.status == 3
    assert "neither a document nor a picture" in done.stderr


def test_one_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    document(tmp_path / "in" / "a.dcm")
    (tmp_path / "in" / "b.dcm").write_bytes(document(tmp_path / "x.dcm").read_bytes()[:-20])
    document(tmp_path / "in" / "c.dcm")
    done = run("unwrap", tmp_path / "in", "-o", tmp_path / "out")
    assert done.status == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.pdf", "c.pdf"]


def test_what_is_there_stays_unless_it_may_go(tmp_path: Path) -> None:
    file, out = document(tmp_path / "a.dcm"), tmp_path / "a.pdf"
    out.write_text("mine")
    assert run("unwrap", file, "-o", out).status == 1
    assert out.read_text() == "mine"
    assert run("unwrap", file, "-o", out, "--skip-existing").stderr == "0 unwrapped, 1 skipped\n"
    assert run("unwrap", file, "-o", out, "--overwrite").status == 0
    assert out.read_bytes() == PDF


@pytest.mark.parametrize("options", [(), ("-o", ""), ("-o", "x.pdf", "--overwrite", "--skip-existing")])
def test_options_that_make_no_sense_are_refused(options: tuple[str, ...]) -> None:
    assert run("unwrap", ct(), *options).status == 2


def test_where_selects(tmp_path: Path) -> None:
    document(tmp_path / "in" / "a.dcm")
    assert run("unwrap", tmp_path / "in", "-o", tmp_path / "out", "--where", "Modality == CT").status == 3


def test_records_tell_what_was_made(tmp_path: Path) -> None:
    file = document(tmp_path / "a.dcm")
    (record,) = run("unwrap", file, "-o", tmp_path / "a.pdf", "--format", "json").records
    assert record["outputs"] == [str(tmp_path / "a.pdf")]
    assert (record["mime_type"], record["sop_instance_uid"]) == ("application/pdf", "1.2.3")
    assert pydicom.dcmread(BytesIO(file.read_bytes())).EncapsulatedDocumentLength == len(PDF)


def test_a_length_that_would_cut_is_told_of(tmp_path: Path) -> None:
    even = PDF[:30]
    assert even[-1:] not in (b"\0", b" ")
    file = document(tmp_path / "a.dcm", even, length=29)
    done = run("unwrap", file, "-o", tmp_path / "a.pdf")
    assert "its length is given as 29 bytes, of 30" in done.stderr
    assert (tmp_path / "a.pdf").read_bytes() == even


def test_an_unknown_length_is_told_of(tmp_path: Path) -> None:
    file = document(tmp_path / "a.dcm", b"abc", "application/x-own", length=None)
    done = run("unwrap", file, "-o", tmp_path / "a.bin")
    assert "its exact length is not given" in done.stderr


def test_a_name_of_another_kind_is_told_of(tmp_path: Path) -> None:
    file = document(tmp_path / "a.dcm")
    assert "by its bytes it is PDF" in run("unwrap", file, "-o", tmp_path / "a.png").stderr
    assert "by its bytes" not in run("unwrap", file, "-o", tmp_path / "a.whatever").stderr


def test_what_a_codestream_does_not_say_is_told_of(tmp_path: Path) -> None:
    plain = pydicom.dcmread(real_file("JPEG2000.dcm"))
    plain.PhotometricInterpretation = "MONOCHROME1"
    plain.save_as(tmp_path / "a.dcm")
    done = run("unwrap", tmp_path / "a.dcm", "-o", tmp_path / "a.j2k")
    assert done.status == 0
    assert "MONOCHROME1, which the codestream alone does not say" in done.stderr


@pytest.mark.parametrize(("bits", "shift"), [(16, 8), (16, 0), (8, 0)])
def test_palettes_of_unlike_lengths(tmp_path: Path, bits: int, shift: int) -> None:
    samples = np.array([[0, 1, 2, 3]], "u1")
    values: dict[str, object] = {}
    for count, colour in zip((4, 3, 4), ("Red", "Green", "Blue"), strict=True):
        entries = (np.arange(count, dtype="u2") + 10 * count) << shift
        values[f"{colour}PaletteColorLookupTableDescriptor"] = [count, 0, bits]
        values[f"{colour}PaletteColorLookupTableData"] = entries.tobytes()
    file = image(tmp_path / "a.dcm", samples, "PALETTE COLOR", 8, **values)
    assert run("unwrap", file, "-o", tmp_path / "a.png").status == 0
    found = imagecodecs.png_decode((tmp_path / "a.png").read_bytes())
    assert found[0].tolist() == [[40, 30, 40], [41, 31, 41], [42, 32, 42], [43, 32, 43]]
