"""Instances of every kind that has a record, made with pydicom: no more of them than the record needs."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from pydicom import uid as uids
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

if TYPE_CHECKING:
    from collections.abc import Mapping

_numbers = count(1)
ROOT = "1.2.826.0.1.3680043.9.7778"


def item(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def code(value: str, scheme: str = "DCM", meaning: str = "a meaning") -> Sequence:
    return Sequence([item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)])


_CONTENT = {"ContentDate": "20240104", "ContentTime": "111213"}
_LABELLED = {
    "ContentLabel": "LABEL",
    "ContentDescription": "described",
    "ContentCreatorName": "Maker^A",
}
_TIMED = {**_CONTENT, **_LABELLED}
_CONCEPT = {"ConceptNameCodeSequence": code("113000")}
_MODIFIER = item(
    RelationshipType="HAS CONCEPT MOD",
    ValueType="CODE",
    ConceptNameCodeSequence=code("121049"),
    ConceptCodeSequence=code("en", "RFC5646"),
)
_OTHER_CONTENT = item(RelationshipType="CONTAINS", ValueType="TEXT", TextValue="text")
_REFERENCED = Sequence([item(ReferencedSOPClassUID=uids.CTImageStorage, ReferencedSOPInstanceUID="1.2.3.4")])
_SERIES = Sequence([item(SeriesInstanceUID="1.2.3", ReferencedSOPSequence=_REFERENCED)])
_CREATED = {"PresentationCreationDate": "20240105", "PresentationCreationTime": "121314"}

# SOP class, modality, and what the record takes of it; without a modality it is of no patient.
KINDS: dict[str, tuple[str, str, Mapping[str, object]]] = {
    "RT DOSE": (uids.RTDoseStorage, "RTDOSE", {"DoseSummationType": "PLAN", "DoseComment": "a comment"}),
    "RT STRUCTURE SET": (
        uids.RTStructureSetStorage,
        "RTSTRUCT",
        {"StructureSetLabel": "LABEL", "StructureSetDate": "20240103", "StructureSetTime": ""},
    ),
    "RT PLAN": (
        uids.RTPlanStorage,
        "RTPLAN",
        {"RTPlanLabel": "LABEL", "RTPlanDate": "20240103", "RTPlanTime": "101010"},
    ),
    "RT TREAT RECORD": (
        uids.RTBeamsTreatmentRecordStorage,
        "RTRECORD",
        {"TreatmentDate": "20240103", "TreatmentTime": "101010"},
    ),
    "PRESENTATION": (
        uids.GrayscaleSoftcopyPresentationStateStorage,
        "PR",
        {
            **_LABELLED,
            **_CREATED,
            "ReferencedSeriesSequence": Sequence(
                [item(SeriesInstanceUID="1.2.3", ReferencedImageSequence=_REFERENCED)]
            ),
        },
    ),
    "WAVEFORM": (uids.TwelveLeadECGWaveformStorage, "ECG", _CONTENT),
    "WAVEFORM hemodynamic": (uids.HemodynamicWaveformStorage, "HD", _CONTENT),
    "SR DOCUMENT": (
        uids.EnhancedSRStorage,
        "SR",
        {
            **_CONTENT,
            **_CONCEPT,
            "CompletionFlag": "COMPLETE",
            "VerificationFlag": "VERIFIED",
            "VerifyingObserverSequence": Sequence([item(VerificationDateTime="20240105101112")]),
            "ContentSequence": Sequence([_MODIFIER, _OTHER_CONTENT]),
        },
    ),
    "SR DOCUMENT not verified": (
        uids.XRayRadiationDoseSRStorage,
        "SR",
        {**_CONTENT, **_CONCEPT, "CompletionFlag": "PARTIAL", "VerificationFlag": "UNVERIFIED"},
    ),
    "KEY OBJECT DOC": (
        uids.KeyObjectSelectionDocumentStorage,
        "KO",
        {**_CONTENT, **_CONCEPT, "ContentSequence": Sequence([_OTHER_CONTENT, _MODIFIER])},
    ),
    "SPECTROSCOPY": (
        uids.MRSpectroscopyStorage,
        "MR",
        {
            **_CONTENT,
            "ImageType": ["ORIGINAL", "PRIMARY", "SPECTROSCOPY", "NONE"],
            "NumberOfFrames": 1,
            "Rows": 1,
            "Columns": 1,
            "DataPointRows": 1,
            "ReferencedImageEvidenceSequence": Sequence(
                [item(StudyInstanceUID="1.2.3", ReferencedSeriesSequence=_SERIES)]
            ),
            "DataPointColumns": 8,
        },
    ),
    "RAW DATA": (uids.RawDataStorage, "OT", _CONTENT),
    "REGISTRATION": (uids.SpatialRegistrationStorage, "REG", _TIMED),
    "FIDUCIAL": (uids.SpatialFiducialsStorage, "FID", _TIMED),
    "ENCAP DOC": (
        uids.EncapsulatedCDAStorage,
        "DOC",
        {
            **_CONTENT,
            **_CONCEPT,
            "DocumentTitle": "A title",
            "MIMETypeOfEncapsulatedDocument": "text/XML",
            "HL7InstanceIdentifier": "1.2.3^9",
        },
    ),
    "VALUE MAP": (uids.RealWorldValueMappingStorage, "RWV", _TIMED),
    "STEREOMETRIC": (uids.StereometricRelationshipStorage, "SMR", {}),
    "PLAN": (uids.RTBeamsDeliveryInstructionStorage, "PLAN", {}),
    "MEASUREMENT": (uids.LensometryMeasurementsStorage, "LEN", _TIMED),
    "SURFACE": (uids.SurfaceSegmentationStorage, "SEG", _TIMED),
    "SURFACE SCAN": (uids.SurfaceScanMeshStorage, "OSS", _CONTENT),
    "TRACT": (uids.TractographyResultsStorage, "MR", _TIMED),
    "ASSESSMENT": (
        uids.ContentAssessmentResultsStorage,
        "ASMT",
        {"InstanceCreationDate": "20240106", "InstanceCreationTime": "131415"},
    ),
    "HANGING PROTOCOL": (
        uids.HangingProtocolStorage,
        "",
        {
            "HangingProtocolName": "NAME",
            "HangingProtocolDescription": "described",
            "HangingProtocolLevel": "SITE",
            "HangingProtocolCreator": "Creator",
            "HangingProtocolCreationDateTime": "20240101",
            "HangingProtocolDefinitionSequence": Sequence(
                [
                    item(
                        Modality="CT",
                        Laterality="",
                        AnatomicRegionSequence=code("T-D3000", "SRT"),
                        ProcedureCodeSequence=code("P1", "99X"),
                        ReasonForRequestedProcedureCodeSequence=code("R1", "99X"),
                    )
                ]
            ),
            "HangingProtocolUserIdentificationCodeSequence": Sequence([]),
            "NumberOfPriorsReferenced": 0,
        },
    ),
    "PALETTE": (uids.ColorPaletteStorage, "", {"ContentLabel": "HOT", "ContentDescription": "hot"}),
    "IMPLANT": (
        uids.GenericImplantTemplateStorage,
        "",
        {"Manufacturer": "Maker", "ImplantName": "Name", "ImplantPartNumber": "7", "ImplantSize": "L"},
    ),
}


def of_kind(kind: str) -> Dataset:
    """An instance of one of the ``KINDS``."""
    sop_class, modality, values = KINDS[kind]
    number = next(_numbers)
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = uids.ExplicitVRLittleEndian
    common: dict[str, object] = {
        "SOPClassUID": sop_class,
        "SOPInstanceUID": f"{ROOT}.4.{number}",
    }
    if modality:
        common |= {
            "PatientName": "Roe^Richard",
            "PatientID": "P2",
            "PatientBirthDate": "",
            "PatientSex": "M",
            "StudyInstanceUID": f"{ROOT}.1",
            "StudyDate": "20240102",
            "StudyTime": "101112",
            "StudyID": "S2",
            "AccessionNumber": "",
            "SeriesInstanceUID": f"{ROOT}.2.{[*KINDS].index(kind)}",
            "SeriesNumber": [*KINDS].index(kind),
            "Modality": modality,
            "InstanceNumber": number,
        }
    for keyword, value in {**common, **values}.items():
        setattr(made, keyword, value)
    return made
