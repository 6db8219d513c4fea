"""Real files are decoded to what pydicom makes of them, or to what they were compressed from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dcmtools.codecs.decoding import decode
from dcmtools.codecs.frames import pixel_data
from dcmtools.errors import DcmtoolsError
from dcmtools.files.part10 import Part10File
from tests.support.samples import pydicom_data_files, real_files

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.pictures import Samples

# Neither decodes these: they are damaged.
DAMAGED = {
    "JPEG2000-embedded-sequence-delimiter.dcm": "tiles are more",
    "MR_truncated.dcm": "exceeds the 8130 bytes left",
    "badVR.dcm": "Number of Frames is no number from 1 to",
    "meta_missing_tsyntax.dcm": "names no transfer syntax",
    "nested_priv_SQ.dcm": "Bits Allocated is missing",
}
# pydicom decodes these otherwise, or they do, and we are right to differ.
DIFFERENT = {
    # OW in big endian is words of 16 bits (PS3.5 8.1.1), as DCMTK and GDCM have it; the file has words of 32.
    "rtdose_expb.dcm": "differs",
    "rtdose_expb_1frame.dcm": "differs",
    # Implicit VRs in explicit VR little endian: the strict walk refuses it.
    "SC_rgb_jpeg.dcm": "is not a value representation",
}
# What pydicom decodes with other packages only: the file of the same picture, and how far samples may be from
# it on average; the edges of colours are not where they were in half of the chrominance.
REFERENCES = {
    "MR_small_jpeg_ls_lossless.dcm": ("MR_small.dcm", 0.0),
    "emri_small_jpeg_ls_lossless.dcm": ("emri_small.dcm", 0.0),
    "SC_rgb_jpeg_gdcm.dcm": ("SC_rgb.dcm", 0.0),
    "SC_rgb_jls_lossy_line.dcm": ("SC_rgb.dcm", 1.0),
    "SC_rgb_jls_lossy_sample.dcm": ("SC_rgb.dcm", 1.0),
    "SC_rgb_dcmtk_+eb+cr.dcm": ("SC_rgb.dcm", 1.0),
    "SC_rgb_dcmtk_+eb+cy+n1.dcm": ("SC_rgb.dcm", 3.0),
    "SC_rgb_dcmtk_+eb+cy+n2.dcm": ("SC_rgb.dcm", 1.0),
    "SC_rgb_dcmtk_+eb+cy+np.dcm": ("SC_rgb.dcm", 3.0),
    "SC_rgb_dcmtk_+eb+cy+s2.dcm": ("SC_rgb.dcm", 1.0),
    "SC_rgb_dcmtk_+eb+cy+s4.dcm": ("SC_rgb.dcm", 1.0),
    "SC_rgb_jpeg_dcmtk.dcm": ("SC_rgb.dcm", 1.0),
    "SC_rgb_jpeg_lossy_gdcm.dcm": ("SC_rgb.dcm", 3.0),
    "SC_jpeg_no_color_transform.dcm": ("SC_jpeg_no_color_transform_2.dcm", 2.0),
    "JPGExtended.dcm": ("JPEG-lossy.dcm", 0.0),
}


pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom's, of these files


def files() -> dict[str, Path]:
    from pydicom import dcmread

    found = {}
    for path in [*real_files(), *pydicom_data_files()]:
        try:
            image = dcmread(path, stop_before_pixels=False)
        except Exception:  # noqa: S112  what pydicom does not read is not compared
            continue
        if any(keyword in image for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
            found[path.name] = path
    return found


def ours(path: Path) -> list[Samples]:
    with Part10File.open(str(path)) as file:
        data = pixel_data(file)
        return [decode(data, index).samples for index in range(len(data))]


def pydicoms(path: Path) -> list[Samples]:
    """What pydicom decodes it to, with the packages that are always there: others may be, and differ."""
    from pydicom import dcmread
    from pydicom.pixels.utils import iter_pixels

    encapsulated = dcmread(path).file_meta.TransferSyntaxUID.is_encapsulated
    return list(iter_pixels(path, raw=True, decoding_plugin="pylibjpeg" if encapsulated else ""))


def test_every_file_is_decoded_to_what_pydicom_makes_of_it() -> None:
    compared, refused, unknown, odd = 0, {}, [], DAMAGED | DIFFERENT
    for name, path in files().items():
        try:
            theirs = pydicoms(path)
        except Exception:  # of its many kinds
            theirs = []
        try:
            mine = ours(path)
        except DcmtoolsError as error:
            refused[name] = error.message
            continue
        if not theirs:
            unknown.append(name)
            continue
        same = len(mine) == len(theirs) and all(map(np.array_equal, mine, theirs))
        assert same or odd.pop(name) == "differs", name
        compared += 1
    for name, message in refused.items():
        assert odd.pop(name) in message, name
    assert compared > 120
    assert not odd, "exceptions that are none any more"
    assert set(unknown) >= set(REFERENCES)


@pytest.mark.parametrize("name", REFERENCES)
def test_what_it_was_compressed_from(name: str) -> None:
    every, (reference, error) = files(), REFERENCES[name]
    for mine, before in zip(ours(every[name]), ours(every[reference]), strict=True):
        assert np.abs(mine.astype(int) - before).mean() <= error
