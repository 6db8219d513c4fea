"""What the index of an archive knows of each patient, study, series and instance (PS3.4 C.6.1.1)."""

from __future__ import annotations

from typing import Final, NamedTuple

from dcmtools.encoding.dictionary import lookup, tag_of
from dcmtools.query.models import Level

_HELD: Final = {
    Level.PATIENT: "PatientID PatientName IssuerOfPatientID PatientBirthDate PatientBirthTime PatientSex"
    " OtherPatientIDs EthnicGroup PatientComments",
    Level.STUDY: "StudyInstanceUID StudyDate StudyTime AccessionNumber StudyID StudyDescription"
    " ReferringPhysicianName PhysiciansOfRecord NameOfPhysiciansReadingStudy AdmittingDiagnosesDescription"
    " PatientAge PatientSize PatientWeight Occupation AdditionalPatientHistory InstitutionName"
    " ProcedureCodeSequence ReferencedStudySequence",
    Level.SERIES: "SeriesInstanceUID Modality SeriesNumber SeriesDate SeriesTime SeriesDescription"
    " BodyPartExamined Laterality PatientPosition ProtocolName OperatorsName PerformingPhysicianName"
    " Manufacturer ManufacturerModelName StationName InstitutionalDepartmentName FrameOfReferenceUID"
    " PerformedProcedureStepID PerformedProcedureStepStartDate PerformedProcedureStepStartTime"
    " PerformedProcedureStepDescription RequestAttributesSequence",
    Level.IMAGE: "SOPInstanceUID SOPClassUID InstanceNumber ContentDate ContentTime AcquisitionDate"
    " AcquisitionTime AcquisitionDateTime AcquisitionNumber ImageType ImageComments Rows Columns"
    " BitsAllocated NumberOfFrames PhotometricInterpretation InstanceCreationDate InstanceCreationTime"
    " ConceptNameCodeSequence CompletionFlag VerificationFlag ContentLabel ContentDescription"
    " DocumentTitle",
}


class Attribute(NamedTuple):
    """An attribute that the index holds in the column called ``keyword``, for the entities of ``level``."""

    keyword: str
    tag: int
    vr: str
    level: Level


def _attribute(keyword: str, level: Level) -> Attribute:
    tag = tag_of(keyword)
    return Attribute(keyword, tag, lookup(tag)[0], level)


ATTRIBUTES: Final = {
    level: tuple([_attribute(keyword, level) for keyword in keywords.split()])
    for level, keywords in _HELD.items()
}
