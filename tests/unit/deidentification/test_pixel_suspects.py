"""Which images are suspects of showing text, and that plain ones are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.deidentification.suspects import Told, suspicion
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from tests.support.pictures import data_set, described, picture
from tests.support.samples import pydicom_data_files, real_files
from tests.support.treated import CT_IMAGE, of_class, treat, ultrasound

if TYPE_CHECKING:
    from pathlib import Path

STORAGE = "1.2.840.10008.5.1.4.1.1."
CT = Told(f"{STORAGE}2", "CT", r"ORIGINAL\PRIMARY\AXIAL", "", "CHEST 5MM", "", "", "", "", "MONOCHROME2")
PLAIN = {
    "ct": CT,
    "ct that was reformatted": CT._replace(image_type=r"DERIVED\SECONDARY\REFORMATTED\AVERAGE"),
    "low dose": CT._replace(image_type=r"ORIGINAL\PRIMARY\AXIAL\LOW DOSE CT", series_description="LOW DOSE"),
    "a protocol in words": CT._replace(series_description="STROKE PROTOCOL 5MM"),
    "localizer": CT._replace(image_type=r"ORIGINAL\PRIMARY\LOCALIZER"),
    "made by a workstation": CT._replace(conversion_type="WSD"),
    "mr projection": CT._replace(
        sop_class=f"{STORAGE}4", modality="MR", image_type=r"DERIVED\SECONDARY\PROJECTION IMAGE"
    ),
    "mr labelling": CT._replace(
        sop_class=f"{STORAGE}4", modality="MR", image_type=r"ORIGINAL\PRIMARY\ASL\LABEL"
    ),
    "cr": CT._replace(sop_class=f"{STORAGE}1", modality="CR", photometric="MONOCHROME1"),
    "pet": CT._replace(sop_class=f"{STORAGE}128", modality="PT"),
    "segmentation": CT._replace(sop_class=f"{STORAGE}66.4", modality="SEG", image_type=r"DERIVED\PRIMARY"),
    "dose": CT._replace(sop_class=f"{STORAGE}481.2", modality="RTDOSE", image_type=""),
    "slide": CT._replace(
        sop_class=f"{STORAGE}77.1.6",
        modality="SM",
        photometric="RGB",
        image_type=r"ORIGINAL\PRIMARY\VOLUME\NONE",
    ),
}
SUSPECTS = {
    "burned in": (CT._replace(burned_in="YES"), "Burned In"),
    "faces": (CT._replace(recognizable="YES"), "Recognizable"),
    "label of a specimen": (PLAIN["slide"]._replace(label_in_image="YES"), "Specimen Label"),
    "secondary capture": (CT._replace(sop_class=f"{STORAGE}7"), "secondary capture"),
    "multi-frame": (CT._replace(sop_class=f"{STORAGE}7.4"), "secondary capture"),
    "ultrasound": (CT._replace(sop_class=f"{STORAGE}6.1", modality="US"), "Modality"),
    "ultrasound by class": (CT._replace(sop_class=f"{STORAGE}6.1"), "SOP Class"),
    "by modality": (CT._replace(modality="ES"), "Modality"),
    "angiography": (CT._replace(sop_class=f"{STORAGE}12.1", modality="XA"), "Modality"),
    "photograph": (CT._replace(sop_class=f"{STORAGE}77.1.4", modality="OP"), "SOP Class"),
    "private class": (CT._replace(sop_class="1.2.3"), "SOP Class"),
    "no class": (CT._replace(sop_class=""), "SOP Class"),
    "screen save": (CT._replace(image_type=r"DERIVED\SECONDARY\SCREEN SAVE"), "Image Type"),
    "screenshot": (CT._replace(image_type=r"DERIVED\SECONDARY\SCREENSHOT"), "Image Type"),
    "dose info": (CT._replace(image_type=r"DERIVED\SECONDARY\DOSE_INFO"), "Image Type"),
    "dose": (CT._replace(image_type=r"DERIVED\SECONDARY\DOSE"), "Image Type"),
    "protocol": (CT._replace(image_type=r"DERIVED\SECONDARY\OTHER\CT_SOM5 PROT"), "Image Type"),
    "patient protocol": (CT._replace(image_type=r"DERIVED\SECONDARY\PATIENT PROTOCOL"), "Image Type"),
    "csa report": (CT._replace(image_type=r"DERIVED\SECONDARY\OTHER\CSA REPORT"), "Image Type"),
    "label of a slide": (PLAIN["slide"]._replace(image_type=r"ORIGINAL\PRIMARY\LABEL\NONE"), "slide's label"),
    "all of a slide": (
        PLAIN["slide"]._replace(image_type=r"ORIGINAL\PRIMARY\OVERVIEW\NONE"),
        "slide's label",
    ),
    "dose report": (CT._replace(series_description="DOSE REPORT"), "Series Description"),
    "protocol of a patient": (CT._replace(series_description="PATIENT PROTOCOL"), "Series Description"),
    "digitized film": (PLAIN["cr"]._replace(conversion_type="DF"), "Conversion Type"),
    "video": (CT._replace(video_format="NTSC"), "Conversion Type"),
    "colours": (CT._replace(photometric="RGB"), "colours"),
    "palette": (CT._replace(photometric="PALETTE COLOR"), "colours"),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_plain_images_are_none(kind: str) -> None:
    assert suspicion(PLAIN[kind]) == ""


@pytest.mark.parametrize("kind", SUSPECTS)
def test_suspects(kind: str) -> None:
    image, why = SUSPECTS[kind]
    assert why in suspicion(image)


@pytest.mark.parametrize("kind", SUSPECTS)
def test_that_nothing_is_burned_in_is_no_proof(kind: str) -> None:
    image, _ = SUSPECTS[kind]
    if image.burned_in != "YES":
        assert suspicion(image._replace(burned_in="NO"))


def test_what_is_said_of_a_suspect_tells_nothing_of_it() -> None:
    image = CT._replace(image_type=r"DERIVED\SECONDARY\SCREEN SAVE OF ZQUENDT", modality="ZQUENDT")
    assert "ZQUENDT" not in suspicion(image)


def test_real_files_of_ct_and_mr_are_none(tmp_path: Path) -> None:
    """But for one that says of itself that it is a digitized video."""
    seen, suspects = 0, []
    for path in [*real_files(), *pydicom_data_files()]:
        try:
            with Part10File.open(str(path)) as file:
                if file.meta_text(0x00020002) not in (f"{STORAGE}2", f"{STORAGE}4", f"{STORAGE}4.1"):
                    continue
            copy = tmp_path / "image.dcm"
            copy.write_bytes(path.read_bytes())
            done = treat(copy)
        except InputError:
            continue
        seen += 1
        suspects += [path.name] if done.suspect else []
    assert seen > 40
    assert suspects == ["explicit_VR-UN.dcm"]


@pytest.mark.parametrize("policy", ["keep", "check", "regions"])
def test_policies(policy: str, tmp_path: Path) -> None:
    pixels = described(8, 8, 8)
    path = tmp_path / "image.dcm"
    path.write_bytes(data_set(pixels, picture(pixels).tobytes()))
    done = treat(path, policy)
    assert done.suspect.startswith("it is a secondary capture") == (policy != "keep")
    assert ("no region tells" in done.suspect) == (policy == "regions")
    assert done.samples()[0].any()


def test_regions_that_are_the_whole_image(tmp_path: Path) -> None:
    pixels = described(8, 8, 8)
    path = tmp_path / "image.dcm"
    path.write_bytes(ultrasound(data_set(pixels, picture(pixels).tobytes()), [(0, 0, 8, 8)]))
    assert "its regions are the whole image" in treat(path, "regions").suspect


def test_suspects_are_rejected_where_that_is_wanted(tmp_path: Path) -> None:
    pixels = described(8, 8, 8)
    path = tmp_path / "image.dcm"
    path.write_bytes(data_set(pixels, picture(pixels).tobytes()))
    with pytest.raises(InputError, match="it is a secondary capture"):
        treat(path, "reject")
    path.write_bytes(of_class(path.read_bytes(), CT_IMAGE, modality="CT"))
    assert treat(path, "reject").suspect == ""
