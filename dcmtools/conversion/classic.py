"""Classic CT, MR, PET and X-Ray images of enhanced ones: what has another name or form there (PS3.3 C.8).

Whatever functional groups say stands at the top already. Here come the attributes that only the classic
image has, each where it follows from those of the frame, and those that may not be absent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dcmtools.conversion.classes import CT, MR, PET
from dcmtools.conversion.described import decimal
from dcmtools.encoding.dataset import items, made, text
from dcmtools.encoding.dictionary import tag_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dcmtools.conversion.described import Described
    from dcmtools.encoding.dataset import DataSet

_DATE_TIME: Final = re.compile(r"(\d{8})(\d{2,6}(?:\.\d{1,6})?)?(?:[+-]\d{4})?", re.ASCII)
# By attribute of the enhanced image (FD, IS) the classic ones (IS, DS), and by what to multiply.
_SCALED: Final = {
    "XRayTubeCurrentInmA": (("XRayTubeCurrent", 1), ("XRayTubeCurrentInuA", 1000)),
    "ExposureTimeInms": (("ExposureTime", 1), ("ExposureTimeInuS", 1000)),
    "ExposureInmAs": (("Exposure", 1), ("ExposureInuAs", 1000)),
    "EffectiveEchoTime": (("EchoTime", 1),),
    "InversionTimes": (("InversionTime", 1),),
    "TransmitterFrequency": (("ImagingFrequency", 1),),
    "FrameAcquisitionDuration": (("ActualFrameDuration", 1),),
    "NominalCardiacTriggerDelayTime": (("TriggerTime", 1),),
    "FieldOfViewDimensionsInFloat": (("FieldOfViewDimensions", 1),),
}
_WHOLE: Final = frozenset((
    "XRayTubeCurrent", "ExposureTime", "Exposure", "ExposureInuAs", "ActualFrameDuration",
    "FieldOfViewDimensions",
))  # fmt: skip
# By attribute of the enhanced image the same in the classic one.
_SAME: Final = {
    "FrameType": "ImageType",
    "FrameAcquisitionNumber": "AcquisitionNumber",
    "FrameComments": "ImageComments",
    "FrameLaterality": "ImageLaterality",
    "TemporalPositionIndex": "TemporalPositionIdentifier",
    "PulseSequenceName": "SequenceName",
    "ResonantNucleus": "ImagedNucleus",
}
_CORRECTIONS: Final = {
    "DecayCorrected": "DECY", "AttenuationCorrected": "ATTN", "ScatterCorrected": "SCAT",
    "DeadTimeCorrected": "DTIM", "GantryMotionCorrected": "MOTN", "PatientMotionCorrected": "PMOT",
    "CountLossNormalizationCorrected": "CLN", "RandomsCorrected": "RAN",
    "NonUniformRadialSamplingCorrected": "RADL", "SensitivityCalibrated": "DCAL",
    "DetectorNormalizationCorrection": "NORM",
}  # fmt: skip
# By code of the unit (UCUM) the term of Units (C.8.9.1.1.3).
_UNITS: Final = {
    "Bq/ml": "BQML", "{counts}": "CNTS", "{propcounts}": "PROPCNT", "{counts}/s": "CPS",
    "{propcounts}/s": "PROPCPS", "1": "NONE", "cm2": "CM2", "cm2/ml": "CM2ML", "%": "PCNT",
    "mg/min/ml": "MGMINML", "umol/min/ml": "UMOLMINML", "ml/min/g": "MLMING", "ml/g": "MLG", "/cm": "1CM",
    "umol/ml": "UMOLML", "g/ml{SUVbw}": "GML", "g/ml": "GML", "std": "STDDEV",
}  # fmt: skip
_PLANE: Final = ("PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "FrameOfReferenceUID")
_NEEDED: Final = {
    CT: ("ImageType", *_PLANE, "RescaleIntercept", "RescaleSlope"),
    MR: ("ImageType", *_PLANE, "ScanningSequence", "SequenceVariant"),
    PET: (
        *("ImageType", *_PLANE, "RescaleIntercept", "RescaleSlope", "SeriesDate", "SeriesTime", "Units"),
        *("FrameReferenceTime", "DecayCorrection"),
    ),
}
_NEEDED_OF_X_RAY: Final = ("ImageType", "PixelIntensityRelationship", "RadiationSetting")
_EMPTY: Final = {
    CT: ("KVP", "AcquisitionNumber", "SliceThickness", "PositionReferenceIndicator"),
    MR: (
        *("ScanOptions", "MRAcquisitionType", "EchoTime", "EchoTrainLength", "RepetitionTime"),
        *("SliceThickness", "PositionReferenceIndicator"),
    ),
    PET: (
        *("CorrectedImage", "CollimatorType", "AcquisitionDate", "AcquisitionTime", "ActualFrameDuration"),
        *("SliceThickness", "PositionReferenceIndicator", "RadiopharmaceuticalInformationSequence"),
    ),
}
_EMPTY_OF_X_RAY: Final = (
    *("KVP", "XRayTubeCurrent", "ExposureTime", "PatientOrientation"),
    *("PositionerPrimaryAngle", "PositionerSecondaryAngle"),
)


def make_classic(frame: Described, sop_class_uid: str, number: int, count: int) -> list[str]:
    """Have ``frame``, ``number`` ``count`` of them, say what the classic class wants.

    Return the keywords of attributes of type 1 that nothing is known of.
    """
    _rename(frame)
    _tell_times(frame)
    _tell_slice(frame)
    if rules := _RULES.get(sop_class_uid):
        rules(frame)
    if sop_class_uid == PET:
        frame.put("ImageIndex", number)
        frame.default("NumberOfSlices", count)
    for keyword in _EMPTY.get(sop_class_uid, _EMPTY_OF_X_RAY):
        frame.default(keyword)
    return [each for each in _NEEDED.get(sop_class_uid, _NEEDED_OF_X_RAY) if not frame.values(each)]


def _rename(frame: Described) -> None:
    for enhanced, classic in _SAME.items():
        frame.copy(enhanced, classic)
    for enhanced, several in _SCALED.items():
        numbers = frame.numbers(enhanced)
        for classic, factor in several if numbers else ():
            frame.put(classic, [_written(classic, number * factor) for number in numbers])


def _written(keyword: str, number: float) -> str:
    return str(round(number)) if keyword in _WHOLE else decimal(number)


def _tell_times(frame: Described) -> None:
    """Tell Acquisition Date and Time of the frame."""
    for keyword in ("FrameAcquisitionDateTime", "AcquisitionDateTime"):
        if found := _DATE_TIME.fullmatch(frame.text(keyword)):
            frame.put("AcquisitionDate", found[1])
            frame.put("AcquisitionTime", found[2])
            frame.put("AcquisitionDateTime", found[0])
            return


def _tell_slice(frame: Described) -> None:
    """Tell Slice Location: how far along its normal the plane is (C.7.6.2.1.2)."""
    if (axis := normal_of(frame)) and len(place := frame.numbers("ImagePositionPatient")) == 3:
        frame.put("SliceLocation", decimal(sum(a * b for a, b in zip(axis, place, strict=True))))


def normal_of(frame: Described) -> list[float]:
    """Return the normal of the plane of a frame, nothing where it is in none (C.7.6.2.1.1)."""
    return normal(frame.numbers("ImageOrientationPatient"))


def normal(axes: Sequence[float]) -> list[float]:
    """Return what is normal to the ``axes`` of rows and columns, nothing where these are none."""
    if len(axes) != 6:
        return []
    (a, b, c), (d, e, f) = axes[:3], axes[3:]
    return [b * f - c * e, c * d - a * f, a * e - b * d]


# ------------------------------------------------------------------- by class


def _ct(frame: Described) -> None:
    """C.8.2.1: the third value of Image Type says whether it is a localizer."""
    first, second, third, *rest = [*frame.values("ImageType"), "", "", ""]
    if first and second:
        plane = "LOCALIZER" if third == "LOCALIZER" else "AXIAL"
        others = [third if third not in ("VOLUME", "AXIAL", "LOCALIZER") else "", *rest]
        frame.put("ImageType", [first, second, plane, *(each for each in others if each not in ("", "NONE"))])


def _mr(frame: Described) -> None:
    """C.8.3.1: which sequence it was, by the terms of long ago."""
    sequences = {"SPIN": ["SE"], "GRADIENT": ["GR"], "BOTH": ["SE", "GR"]}.get(
        frame.text("EchoPulseSequence"), []
    )
    if frame.text("InversionRecovery") == "YES":
        sequences = [*sequences, "IR"]
    if frame.text("EchoPlanarPulseSequence") == "YES":
        sequences = [*sequences, "EP"]
    if not frame.values("ScanningSequence"):
        frame.put("ScanningSequence", sequences or ["RM"])
    if not frame.values("SequenceVariant"):
        frame.put("SequenceVariant", _told(frame, _VARIANTS) or ["NONE"])
    if not frame.values("ScanOptions"):
        frame.put("ScanOptions", _told(frame, _OPTIONS))
    direction = frame.text("InPlanePhaseEncodingDirection")
    if direction in ("COLUMN", "ROW"):
        frame.put("InPlanePhaseEncodingDirection", direction[:3])
    elif direction not in ("", "COL"):
        frame.remove(tag_of("InPlanePhaseEncodingDirection"))
    if not frame.values("EchoTrainLength") and (trains := _trains(frame)):
        frame.put("EchoTrainLength", trains)
    _tell_matrix(frame, direction)


_VARIANTS: Final = {
    "SegmentedKSpaceTraversal": "SK",
    "MagnetizationTransfer": "MTC",
    "SteadyStatePulseSequence": "SS",
    "Spoiling": "SP",
    "OversamplingPhase": "OSP",
}
_OPTIONS: Final = {
    "RespiratoryMotionCompensationTechnique": "RG",
    "CardiacSynchronizationTechnique": "CG",
    "FlowCompensation": "FC",
    "SpatialPresaturation": "SP",
    "SpectrallySelectedSuppression": "FS",
}
_NOTHING: Final = ("", "NONE", "NO", "SINGLE")


def _told(frame: Described, terms: dict[str, str]) -> list[str]:
    """Return the terms of what a frame says was done."""
    told = [term for keyword, term in terms.items() if frame.text(keyword) not in _NOTHING]
    if terms is _OPTIONS and frame.text("PartialFourier") == "YES":
        told.append("PFF" if frame.text("PartialFourierDirection") == "FREQUENCY" else "PFP")
    return told


def _trains(frame: Described) -> str:
    """Return how many lines of k-space were taken per excitation."""
    echoes = [frame.number(each) for each in ("RFEchoTrainLength", "GradientEchoTrainLength")]
    whole = max((each for each in echoes if each), default=0)
    return str(round(whole)) if whole else ""


def _tell_matrix(frame: Described, direction: str) -> None:
    """Tell Acquisition Matrix: steps of frequency and phase, in rows and in columns."""
    frequency = frame.number("MRAcquisitionFrequencyEncodingSteps")
    phase = frame.number("MRAcquisitionPhaseEncodingStepsInPlane")
    if not (frequency and phase) or direction not in ("COLUMN", "ROW"):
        return
    steps = [0, frequency, phase, 0] if direction == "COLUMN" else [frequency, 0, 0, phase]
    if max(steps) <= 0xFFFF:
        frame.put("AcquisitionMatrix", [round(each) for each in steps])


def _pet(frame: Described) -> None:
    """C.8.9.1 to C.8.9.4: what the series and the corrections were."""
    frame.default(
        "CorrectedImage", [term for word, term in _CORRECTIONS.items() if frame.text(word) == "YES"]
    )
    if (decay := frame.text("DecayCorrected")) and not frame.has("DecayCorrection"):
        frame.put("DecayCorrection", _decay(frame) if decay == "YES" else "NONE")
    _tell_orientation(frame)
    frame.default("CountsSource", "EMISSION")
    frame.default("SeriesType", [_series_type(frame), "IMAGE"])
    if not frame.has("Units") and (units := _units(frame)):
        frame.put("Units", units)
    if not frame.has("FrameReferenceTime") and (elapsed := _since_series(frame)) is not None:
        frame.put("FrameReferenceTime", decimal(elapsed))


def _decay(frame: Described) -> str:
    """Return to which moment decay was corrected: that of administration, or of the acquisition."""
    corrected = frame.text("DecayCorrectionDateTime")
    begun = [
        text(each, "RadiopharmaceuticalStartDateTime")
        for each in frame.items("RadiopharmaceuticalInformationSequence")
    ]
    return "ADMIN" if corrected and corrected in begun else "START"


def _tell_orientation(frame: Described) -> None:
    """Tell in codes how the patient lies (C.8.9.6), which excludes Patient Position (C.7.3.1.1.2)."""
    position = frame.text("PatientPosition")
    entry, lying = _ENTRIES.get(position[:2]), _LYING.get(position[2:])
    if not frame.has("PatientOrientationCodeSequence") and entry and lying:
        modified = _coded(("102538003", "Recumbent"))
        modified.update(made(PatientOrientationModifierCodeSequence=[_coded(lying)]))
        frame.put("PatientOrientationCodeSequence", [modified])
        frame.put("PatientGantryRelationshipCodeSequence", [_coded(entry)])
    frame.default("PatientOrientationCodeSequence")
    frame.default("PatientGantryRelationshipCodeSequence")
    frame.remove(tag_of("PatientPosition"))


# Context groups 20 and 21.
_LYING: Final = {
    "S": ("40199007", "Supine"),
    "P": ("1240000", "Prone"),
    "DR": ("102535000", "Right lateral decubitus"),
    "DL": ("102536004", "Left lateral decubitus"),
}
_ENTRIES: Final = {"HF": ("102540008", "Headfirst"), "FF": ("102541007", "Feet-first")}


def _coded(code: tuple[str, str]) -> DataSet:
    return made(CodeValue=code[0], CodingSchemeDesignator="SCT", CodeMeaning=code[1])


def _series_type(frame: Described) -> str:
    if frame.text("CardiacSynchronizationTechnique") not in _NOTHING:
        return "GATED"
    return "DYNAMIC" if (frame.number("TemporalPositionIndex") or 0) > 1 else "STATIC"


def _units(frame: Described) -> str:
    for mapping in frame.items("RealWorldValueMappingSequence"):
        for unit in items(mapping, "MeasurementUnitsCodeSequence"):
            if term := _UNITS.get(text(unit, "CodeValue")):
                return term
    return ""


def _since_series(frame: Described) -> float | None:
    """Return the milliseconds from the series' beginning to the moment that the frame is of."""
    begun = _moment(frame.text("SeriesDate") + frame.text("SeriesTime"))
    for keyword in ("FrameReferenceDateTime", "FrameAcquisitionDateTime"):
        moment = _moment(frame.text(keyword))
        if begun is not None and moment is not None:
            return 1000 * (moment - begun)
    return None


def _moment(text: str) -> float | None:
    """Return the seconds of a date and time, whatever the zone; None where it is none."""
    from datetime import datetime

    found = re.match(r"(\d{14})(\.\d{1,6})?", text, re.ASCII)
    try:
        whole = datetime.strptime(found[1], "%Y%m%d%H%M%S") if found else None
    except ValueError:
        return None
    if whole is None or found is None:
        return None
    return (whole - datetime(1, 1, 1)).total_seconds() + float(found[2] or 0)


_RULES: Final[dict[str, Callable[[Described], None]]] = {CT: _ct, MR: _mr, PET: _pet}
