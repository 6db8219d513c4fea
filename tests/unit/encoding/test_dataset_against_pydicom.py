"""Data sets in memory against pydicom: what one encodes the other reads, and every real file goes round."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import correct_ambiguous_vr, write_dataset

from dcmtools.encoding import dataset
from dcmtools.encoding.dataset import DataSet, decode, encode, made, read
from dcmtools.encoding.jsonmodel import model_of
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_BIG, IMPLICIT
from dcmtools.encoding.tags import PIXEL_DATA
from dcmtools.errors import InputError, MalformedError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import CODERS
from tests.support.samples import real_files

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.encoding.syntax import Encoding
    from tests.support.encoded import Coder

NAMES = {
    "ISO_IR 192": "Łukasz^Jörg=山田",
    "ISO_IR 100": "Müller^Jörg",
    "\\ISO 2022 IR 87": "Yamada^Tarou=山田^太郎=やまだ^たろう",
}


def by_pydicom(data: bytes, encoding: Encoding) -> Dataset:
    return read_dataset(BytesIO(data), not encoding.explicit, not encoding.big)


def bytes_of(source: Dataset, encoding: Encoding) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = not encoding.explicit, not encoding.big
    write_dataset(buffer, correct_ambiguous_vr(source, buffer.is_little_endian))
    return buffer.getvalue()


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
@pytest.mark.parametrize("charset", NAMES)
def test_pydicom_reads_what_is_encoded(coder: Coder, charset: str) -> None:
    name = NAMES[charset]
    step = made(Modality="CT", ScheduledPerformingPhysicianName=name, ScheduledProcedureStepID="")
    given = made(
        SpecificCharacterSet=charset,
        PatientName=name,
        StudyInstanceUID="1.2.3",
        AcquisitionMatrix=[1, 2, 3, 4],
        TableSpeed=-1.5,
        FrameIncrementPointer="FrameTime",
        PixelRepresentation=1,
        PixelPaddingValue=-5,
        PixelSpacing=["0.5", "0.25"],
        ScheduledProcedureStepSequence=[step, made()],
        ReferencedStudySequence=[],
    )
    found = by_pydicom(encode(given, coder.encoding), coder.encoding)
    assert found.PatientName == name
    assert found.StudyInstanceUID == "1.2.3"
    assert found.AcquisitionMatrix == [1, 2, 3, 4]
    assert found.TableSpeed == -1.5
    assert found.FrameIncrementPointer == 0x00181063
    assert found.PixelPaddingValue == -5
    assert found.PixelSpacing == [0.5, 0.25]
    assert found.ScheduledProcedureStepSequence[0].ScheduledPerformingPhysicianName == name
    assert found.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID == ""
    assert len(found.ScheduledProcedureStepSequence) == 2
    assert not found.ReferencedStudySequence
    assert len(found) == len(given)


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
@pytest.mark.parametrize("charset", NAMES)
@pytest.mark.parametrize("undefined", [False, True])
def test_what_pydicom_encodes_is_read(coder: Coder, charset: str, undefined: bool) -> None:
    name = NAMES[charset]
    source = Dataset()
    source.SpecificCharacterSet = charset.split("\\")
    source.PatientName = name
    source.AcquisitionMatrix = [1, 2, 3, 4]
    source.FrameIncrementPointer = 0x00181063
    source.PixelRepresentation = 1
    source.SmallestImagePixelValue = -5
    step = Dataset()
    step.ScheduledPerformingPhysicianName = name
    source.ScheduledProcedureStepSequence = [step, Dataset()]
    source["ScheduledProcedureStepSequence"].is_undefined_length = undefined
    source.private_block(0x0029, "WHO (X)", create=True).add_new(0x01, "FD", 2.5)
    data = bytes_of(source, coder.encoding)
    found = decode(data, coder.encoding)
    assert dataset.text(found, "PatientName") == name
    assert dataset.text(found, "AcquisitionMatrix") == "1\\2\\3\\4"
    assert dataset.text(found, "FrameIncrementPointer") == "(0018,1063)"
    assert dataset.text(found, "SmallestImagePixelValue") == "-5"
    first, second = dataset.items(found, "ScheduledProcedureStepSequence")
    assert dataset.text(first, "ScheduledPerformingPhysicianName") == name
    assert second == {}
    again = by_pydicom(encode(found, coder.encoding), coder.encoding)
    assert again == by_pydicom(data, coder.encoding)
    assert undefined or encode(found, coder.encoding) == data


def in_memory(path: Path) -> DataSet | None:
    """What comes before the pixels; None where a strict walk does not accept it."""
    try:
        with Part10File.open(str(path)) as file:
            return read(file.walk(stop=PIXEL_DATA))
    except InputError:
        return None


def test_every_real_file_goes_round() -> None:
    count = 0
    for path in real_files():
        given = in_memory(path)
        if given is None:
            continue
        count += 1
        for encoding in (EXPLICIT, EXPLICIT_BIG):
            data = encode(given, encoding)
            found = decode(data, encoding)
            assert found == even(given), path
            assert encode(found, encoding) == data
            assert model_of(found) == model_of(even(given))
            assert list(found) == sorted(by_pydicom(data, encoding).keys())
    assert count > 100


def even(given: DataSet) -> DataSet:
    """The same with values of even length, and what was sorted by nobody in order."""
    return decode(encode(given, EXPLICIT), EXPLICIT)


def test_every_real_file_becomes_implicit_or_says_why_not() -> None:
    said = set()
    for path in real_files():
        given = in_memory(path)
        if given is None:
            continue
        try:
            data = encode(given, IMPLICIT)
        except ValueError as error:
            said.add(str(error).rpartition(": ")[2])
            continue
        assert encode(decode(data, IMPLICIT), IMPLICIT) == data
        by_pydicom(data, IMPLICIT)
    assert all("contradicts" in each for each in said)


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
def test_a_real_data_set_cut_anywhere(coder: Coder) -> None:
    given = next(each for path in real_files() if path.name == "CT_small.dcm" and (each := in_memory(path)))
    data = encode(given, coder.encoding)
    for end in range(0, len(data), 7):
        try:
            model_of(decode(data[:end], coder.encoding))
        except MalformedError:
            continue
