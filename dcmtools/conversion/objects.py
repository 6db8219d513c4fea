"""The data sets around documents and pictures, by their IODs (PS3.3 A.8, A.32.4, A.45, A.85)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.conversion.kinds import CDA, PDF, STL
from dcmtools.conversion.origins import EQUIPMENT, MODALITY, SERIES_INSTANCE_UID, STUDY_INSTANCE_UID
from dcmtools.editing.derivation import fresh_uid
from dcmtools.encoding.dataset import DataSet, made, text
from dcmtools.encoding.implementation import IMPLEMENTATION_VERSION_NAME
from dcmtools.encoding.putting import put
from dcmtools.encoding.tagpath import parse
from dcmtools.encoding.tags import SOP_CLASS_UID, SOP_INSTANCE_UID
from dcmtools.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.conversion.kinds import Found

SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
MULTI_FRAME_BYTE: Final = "1.2.840.10008.5.1.4.1.1.7.2"
MULTI_FRAME_WORD: Final = "1.2.840.10008.5.1.4.1.1.7.3"
MULTI_FRAME_COLOUR: Final = "1.2.840.10008.5.1.4.1.1.7.4"
VL_PHOTOGRAPHIC: Final = "1.2.840.10008.5.1.4.1.1.77.1.4"
_LATERALITY: Final = 0x00200060
_DOCUMENTS: Final = {
    PDF: ("1.2.840.10008.5.1.4.1.1.104.1", "application/pdf", "DOC"),
    CDA: ("1.2.840.10008.5.1.4.1.1.104.2", "text/XML", "DOC"),
    STL: ("1.2.840.10008.5.1.4.1.1.104.3", "model/stl", "M3D"),
}
_DOCUMENT_CLASSES: Final = {sop_class: modality for sop_class, _, modality in _DOCUMENTS.values()}
# Of which Modality an object has to be (PS3.3 C.8.12.1, C.35.1), where it is not for the series to say.
_REQUIRED: Final = {VL_PHOTOGRAPHIC: "XC", _DOCUMENTS[STL][0]: "M3D"}


class Series(NamedTuple):
    """What the objects of a run have in common: their study and, by kind, their series.

    ``origin`` is patient, study and maybe series of another object; ``title`` is for documents.
    """

    origin: DataSet
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    number: int
    title: str = ""


def document(found: Found, series: Series, number: int) -> DataSet:
    """Return the data set for a document, but for the document itself and its length (PS3.3 C.24)."""
    sop_class, mime_type, modality = _DOCUMENTS[found.kind]
    data_set = _common(sop_class, series, modality, number)
    data_set.update(
        made(
            AcquisitionDateTime="",
            BurnedInAnnotation="YES",
            DocumentTitle="",
            ConceptNameCodeSequence=[],
            MIMETypeOfEncapsulatedDocument=mime_type,
        )
    )
    _put(data_set, "DocumentTitle", series.title or found.title, "--title" if series.title else "its title")
    if found.kind == CDA:
        _put(data_set, "HL7InstanceIdentifier", found.identifier, "its id")
    if found.kind == STL:
        data_set.update(_model(series))
        data_set.update({tag: each for tag, each in series.origin.items() if tag in EQUIPMENT and each[1]})
    else:
        data_set.update(made(ConversionType="WSD"))
    return data_set


def _put(data_set: DataSet, keyword: str, value: str, what: str) -> None:
    try:
        put(data_set, parse(keyword), value)
    except ValueError as error:
        message = f"{what} has no place in DICOM: {error}"
        raise (UsageError(message) if what.startswith("-") else InputError(message)) from None


def _model(series: Series) -> DataSet:
    """Return what is said of a model beside: where it is, and who made it (PS3.3 C.35.1, C.7.5.2)."""
    return made(
        FrameOfReferenceUID=series.frame_of_reference_uid,
        PositionReferenceIndicator="",
        MeasurementUnitsCodeSequence=[made(CodeValue="mm", CodingSchemeDesignator="UCUM", CodeMeaning="mm")],
        ModelModification="NO",
        ModelMirroring="NO",
        Manufacturer="dcmtools",
        ManufacturerModelName="dcmtools wrap",
        DeviceSerialNumber="0",
        SoftwareVersions=IMPLEMENTATION_VERSION_NAME,
    )


def capture(series: Series, number: int, *, sop_class: str = SECONDARY_CAPTURE) -> DataSet:
    """Return the data set for a Secondary Capture image, but for its pixels (PS3.3 A.8)."""
    data_set = _common(sop_class, series, "OT", number)
    data_set.update(made(ConversionType="WSD", ImageType=["DERIVED", "SECONDARY"]))
    data_set.update(made(PatientOrientation=""))
    data_set.setdefault(_LATERALITY, ("CS", b""))
    if sop_class != SECONDARY_CAPTURE:
        data_set.update(made(BurnedInAnnotation="YES"))
    if sop_class in (MULTI_FRAME_BYTE, MULTI_FRAME_WORD):
        data_set.update(
            made(PresentationLUTShape="IDENTITY", RescaleIntercept="0", RescaleSlope="1", RescaleType="US")
        )
    return data_set


def photograph(series: Series, number: int) -> DataSet:
    """Return the data set for a VL Photographic image, but for its pixels (PS3.3 A.32.4)."""
    data_set = _common(VL_PHOTOGRAPHIC, series, "XC", number)
    data_set.update(
        made(
            ImageType=["ORIGINAL", "PRIMARY"],
            PatientOrientation="",
            AcquisitionContextSequence=[],
            LossyImageCompression="00",
        )
    )
    data_set.setdefault(_LATERALITY, ("CS", b""))
    return data_set


CAPTURED: Final[dict[str, Callable[[Series, int], DataSet]]] = {"sc": capture, "vl-photo": photograph}


def _common(sop_class: str, series: Series, modality: str, number: int) -> DataSet:
    now = datetime.now()
    date, time = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    data_set = made(
        InstanceCreationDate=date,
        InstanceCreationTime=time,
        SOPClassUID=sop_class,
        SOPInstanceUID=fresh_uid(),
        StudyDate="",
        ContentDate=date,
        StudyTime="",
        ContentTime=time,
        AccessionNumber="",
        Modality=modality,
        Manufacturer="",
        ReferringPhysicianName="",
        PatientName="",
        PatientID="",
        PatientBirthDate="",
        PatientSex="",
        StudyInstanceUID=series.study_uid,
        SeriesInstanceUID=series.series_uid,
        StudyID="",
        SeriesNumber=series.number,
        InstanceNumber=number,
    )
    data_set.update(series.origin)
    return data_set


def remark_on_modality(data_set: DataSet) -> str:
    """Return what to say where the Modality, taken over or given, is not what such objects have.

    Raises InputError where they must not have it.
    """
    sop_class, modality = text(data_set, SOP_CLASS_UID), text(data_set, MODALITY)
    if (required := _REQUIRED.get(sop_class, modality)) != modality:
        raise InputError(
            f"its series would be of Modality {modality}, where such objects are of {required}",
            hint="--study-from makes a series of its own",
        )
    usual = _DOCUMENT_CLASSES.get(sop_class)
    if usual and modality != usual:
        return f"a document in a series of Modality {modality}"
    if not usual and modality in _DOCUMENT_CLASSES.values():
        return f"a picture in a series of Modality {modality}"
    return ""


def summary(data_set: DataSet, path: str, output: str, kind: str, frames: int | None) -> dict[str, object]:
    """Return the record of an object that was made of the file at ``path``."""
    return {
        "file": path,
        "output": output,
        "kind": kind,
        "sop_class_uid": text(data_set, SOP_CLASS_UID),
        "sop_instance_uid": text(data_set, SOP_INSTANCE_UID),
        "series_instance_uid": text(data_set, SERIES_INSTANCE_UID),
        "study_instance_uid": text(data_set, STUDY_INSTANCE_UID),
        "frames": frames,
    }
