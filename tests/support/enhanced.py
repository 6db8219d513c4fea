"""Multi-frame images, made up: enhanced CT, MR, PET and XA, segmentations, cine and others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "1.2.840.10008.5.1.4.1.1."
CLASSES = {
    "ct": "2.1",
    "legacy-ct": "2.2",
    "mr": "4.1",
    "pet": "130",
    "xa": "12.1.1",
    "seg": "66.4",
    "us": "3.1",
    "nm": "20",
    "xa-cine": "12.1",
    "sc": "7.4",
    "dose": "481.2",
}
MODALITIES = {"legacy-ct": "CT", "pet": "PT", "xa-cine": "XA", "sc": "OT", "dose": "RTDOSE"}
CODE = {"CodeValue": "T-A0100", "CodingSchemeDesignator": "SRT", "CodeMeaning": "Brain"}


def item(**values: object) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        items = [each for each in value if isinstance(each, Dataset)] if isinstance(value, list) else []
        setattr(made, keyword, Sequence(items) if items else value)
    return made


def image(
    kind: str, frames: int = 3, rows: int = 6, columns: int = 5, *, syntax: UID = ExplicitVRLittleEndian
) -> Dataset:
    """One of ``CLASSES``, whose samples are different in each frame."""
    made = _common(kind, frames, rows, columns, syntax)
    if kind in ("ct", "legacy-ct", "mr", "pet", "xa"):
        _enhanced(made, kind, frames)
    elif kind == "seg":
        _segmentation(made, frames)
    elif kind in ("us", "sc"):
        _color(made, kind)
    else:
        _OTHERS[kind](made, frames)
    made.PixelData = pixels(made)
    return made


def write(path: Path, made: Dataset) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path


def pixels(made: Dataset) -> bytes:
    count = int(made.NumberOfFrames) * made.Rows * made.Columns * made.SamplesPerPixel
    if made.BitsAllocated == 1:
        bits = np.arange(count) * 7 % 11 % 2
        raw = np.packbits(bits.astype("u1"), bitorder="little").tobytes()
    else:
        kind = {8: "u1", 16: "<u2", 32: "<u4"}[made.BitsAllocated]
        raw = (np.arange(count) * 7 % (1 << min(made.BitsStored, 12))).astype(kind).tobytes()
    return raw + b"\0" * (len(raw) % 2)


def _common(kind: str, frames: int, rows: int, columns: int, syntax: UID) -> Dataset:
    made = item(
        SpecificCharacterSet="ISO_IR 100",
        InstanceCreationDate="20240102",
        SOPClassUID=IMAGE + CLASSES[kind],
        SOPInstanceUID=generate_uid(entropy_srcs=["instance", kind]),
        StudyDate="20240102",
        StudyTime="101112",
        SeriesDate="20240102",
        SeriesTime="101112",
        ContentDate="20240102",
        ContentTime="101112",
        AcquisitionDateTime="20240102101112",
        AccessionNumber="",
        Manufacturer="Müller",
        ReferringPhysicianName="",
        Modality=MODALITIES.get(kind, kind.upper()),
        ManufacturerModelName="M",
        DeviceSerialNumber="1",
        SoftwareVersions="1",
        PatientName="Müller^Eva",
        PatientID="7",
        PatientBirthDate="19700101",
        PatientSex="F",
        StudyInstanceUID=generate_uid(entropy_srcs=["study"]),
        SeriesInstanceUID=generate_uid(entropy_srcs=[kind]),
        StudyID="1",
        SeriesNumber=3,
        InstanceNumber=1,
        FrameOfReferenceUID=generate_uid(entropy_srcs=["frame"]),
        PositionReferenceIndicator="",
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        NumberOfFrames=frames,
        Rows=rows,
        Columns=columns,
        BitsAllocated=16,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=0,
        BurnedInAnnotation="NO",
        LossyImageCompression="00",
        PatientPosition="HFS",
    )
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


# ------------------------------------------------------------------- enhanced


def _enhanced(made: Dataset, kind: str, frames: int) -> None:
    made.update(
        item(
            ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
            ContentQualification="PRODUCT",
            PixelPresentation="MONOCHROME",
            VolumetricProperties="VOLUME",
            PresentationLUTShape="IDENTITY",
            VolumeBasedCalculationTechnique="NONE",
            AcquisitionNumber=2,
            AcquisitionDuration=2.0,
            DimensionOrganizationSequence=[item(DimensionOrganizationUID="1.2.3")],
            DimensionIndexSequence=[
                item(
                    DimensionIndexPointer=0x00200032,
                    FunctionalGroupPointer=0x00209113,
                    DimensionOrganizationUID="1.2.3",
                )
            ],
            AcquisitionContextSequence=Sequence(),
        )
    )
    shared = item(
        PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.6], SliceThickness=2, SpacingBetweenSlices=2)],
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        FrameAnatomySequence=[item(FrameLaterality="U", AnatomicRegionSequence=[item(**CODE)])],
        PixelValueTransformationSequence=[item(RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU")],
    )
    shared.update(_SHARED[kind](made))
    made.SharedFunctionalGroupsSequence = Sequence([shared])
    made.PerFrameFunctionalGroupsSequence = Sequence([_group(kind, index) for index in range(frames)])


def _group(kind: str, index: int) -> Dataset:
    return item(
        FrameContentSequence=[
            item(
                FrameAcquisitionNumber=2,
                FrameReferenceDateTime=f"202401021011{20 + index % 40}.5",
                FrameAcquisitionDateTime=f"202401021011{20 + index % 40}",
                FrameAcquisitionDuration=250.4,
                DimensionIndexValues=[index + 1],
                StackID="1",
                InStackPositionNumber=index + 1,
                TemporalPositionIndex=1,
                FrameComments=f"Bild {index + 1} für Müller",
            )
        ],
        PlanePositionSequence=[item(ImagePositionPatient=[-10, -20, 2.0 * index])],
        FrameVOILUTSequence=[
            item(WindowCenter=40 + index, WindowWidth=400, WindowCenterWidthExplanation="SOFT")
        ],
        DerivationImageSequence=Sequence(),
        **(
            {
                "CTExposureSequence": [
                    item(
                        ExposureTimeInms=500.5,
                        XRayTubeCurrentInmA=100.4 + index,
                        ExposureInmAs=50.25,
                        ExposureModulationType="NONE",
                        EstimatedDoseSaving=0.0,
                        CTDIvol=8.0,
                    )
                ]
            }
            if kind == "ct"
            else {}
        ),
    )


def _shared_ct(made: Dataset) -> Dataset:
    made.BodyPartExamined = "HEAD"
    return item(
        CTImageFrameTypeSequence=[
            item(
                FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
                PixelPresentation="MONOCHROME",
                VolumetricProperties="VOLUME",
                VolumeBasedCalculationTechnique="NONE",
            )
        ],
        CTAcquisitionTypeSequence=[
            item(AcquisitionType="SPIRAL", TubeAngle=0.0, ConstantVolumeFlag="NO", FluoroscopyFlag="NO")
        ],
        CTXRayDetailsSequence=[item(KVP=120, FocalSpots=1.2, FilterType="NONE", FilterMaterial=["ALUMINUM"])],
        CTReconstructionSequence=[
            item(
                ConvolutionKernel="B30",
                ReconstructionDiameter=250,
                ReconstructionAlgorithm="FILTER_BACK_PROJ",
            )
        ],
        CTGeometrySequence=[item(DistanceSourceToDetector=1000, DistanceSourceToDataCollectionCenter=500.0)],
        IrradiationEventIdentificationSequence=[item(IrradiationEventUID="1.2.3.4")],
    )


def _shared_legacy(_: Dataset) -> Dataset:
    unassigned = item(KVP=120, Exposure=7, ConvolutionKernel="B30")
    return item(
        CTImageFrameTypeSequence=[item(FrameType=["ORIGINAL", "PRIMARY", "AXIAL"])],
        UnassignedSharedConvertedAttributesSequence=[unassigned],
    )


def _shared_mr(made: Dataset) -> Dataset:
    made.update(
        item(
            ComplexImageComponent="MAGNITUDE",
            AcquisitionContrast="T1",
            ResonantNucleus="1H",
            MagneticFieldStrength=3,
            PulseSequenceName="T1TFE",
            MRAcquisitionType="3D",
            EchoPulseSequence="GRADIENT",
            EchoPlanarPulseSequence="YES",
            SteadyStatePulseSequence="NONE",
            SpectrallySelectedExcitation="NONE",
            OversamplingPhase="NONE",
            SegmentedKSpaceTraversal="PARTIAL",
            CoverageOfKSpace="FULL",
            NumberOfKSpaceTrajectories=1,
        )
    )
    return item(
        MRImageFrameTypeSequence=[item(FrameType=["ORIGINAL", "PRIMARY", "T1", "NONE"])],
        MRTimingAndRelatedParametersSequence=[
            item(
                RepetitionTime=12.5,
                FlipAngle=8,
                EchoTrainLength=0,
                RFEchoTrainLength=0,
                GradientEchoTrainLength=24,
            )
        ],
        MREchoSequence=[item(EffectiveEchoTime=3.25)],
        MRModifierSequence=[
            item(
                InversionRecovery="YES",
                InversionTimes=[900.0],
                Spoiling="RF",
                PartialFourier="YES",
                PartialFourierDirection="PHASE",
                FlowCompensation="NONE",
                MagnetizationTransfer="NONE",
            )
        ],
        MRFOVGeometrySequence=[
            item(
                InPlanePhaseEncodingDirection="COLUMN",
                MRAcquisitionFrequencyEncodingSteps=256,
                PercentSampling=90,
                MRAcquisitionPhaseEncodingStepsInPlane=200,
                PercentPhaseFieldOfView=100,
            )
        ],
        MRImagingModifierSequence=[item(TransmitterFrequency=127.7512345678, PixelBandwidth=241)],
        MRAveragesSequence=[item(NumberOfAverages=2)],
        MRReceiveCoilSequence=[item(ReceiveCoilName="HEAD")],
    )


def _shared_pet(made: Dataset) -> Dataset:
    made.update(
        item(
            DecayCorrected="YES",
            AttenuationCorrected="YES",
            ScatterCorrected="NO",
            DecayCorrectionDateTime="20240102090000",
            CollimatorType="NONE",
            RadiopharmaceuticalInformationSequence=[
                item(
                    RadiopharmaceuticalStartDateTime="20240102090000",
                    RadionuclideTotalDose=370,
                    RadionuclideCodeSequence=[
                        item(CodeValue="C-111A1", CodingSchemeDesignator="SRT", CodeMeaning="^18^Fluorine")
                    ],
                )
            ],
        )
    )
    unit = item(CodeValue="Bq/ml", CodingSchemeDesignator="UCUM", CodeMeaning="Becquerels/milliliter")
    return item(
        PETFrameTypeSequence=[item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])],
        PixelValueTransformationSequence=[item(RescaleIntercept=0, RescaleSlope=2, RescaleType="US")],
        PETFrameCorrectionFactorsSequence=[item(PrimaryPromptsCountsAccumulated=1000, DecayFactor=1.5)],
        RealWorldValueMappingSequence=[
            item(
                RealWorldValueFirstValueMapped=0,
                RealWorldValueLastValueMapped=4095,
                RealWorldValueIntercept=0.0,
                RealWorldValueSlope=2.0,
                LUTExplanation="Activity",
                LUTLabel="BQML",
                MeasurementUnitsCodeSequence=[unit],
            )
        ],
    )


def _shared_xa(made: Dataset) -> Dataset:
    made.update(item(RadiationSetting="GR", KVP=80, PositionerType="CARM", PatientOrientation=""))
    return item(
        XAXRFFrameCharacteristicsSequence=[item(FrameType=["ORIGINAL", "PRIMARY", "SINGLE PLANE", "NONE"])],
        FramePixelDataPropertiesSequence=[
            item(
                PixelIntensityRelationship="LOG",
                PixelIntensityRelationshipSign=-1,
                ImagerPixelSpacing=[0.2, 0.2],
            )
        ],
        PositionerPositionSequence=[item(PositionerPrimaryAngle=10, PositionerSecondaryAngle=5)],
        FrameAcquisitionSequence=[item(KVP=80, XRayTubeCurrentInmA=12.5)],
        FieldOfViewSequence=[item(FieldOfViewShape="ROUND", FieldOfViewDimensionsInFloat=[200.0])],
    )


_SHARED = {
    "ct": _shared_ct,
    "legacy-ct": _shared_legacy,
    "mr": _shared_mr,
    "pet": _shared_pet,
    "xa": _shared_xa,
}


# --------------------------------------------------------------------- others


def _segmentation(made: Dataset, frames: int) -> None:
    _enhanced(made, "legacy-ct", frames)
    made.update(
        item(
            ImageType=["DERIVED", "PRIMARY"],
            BitsAllocated=1,
            BitsStored=1,
            HighBit=0,
            SegmentationType="BINARY",
            ContentLabel="SEG",
            ContentDescription="",
            ContentCreatorName="",
            SegmentSequence=[item(SegmentNumber=1, SegmentLabel="x", SegmentAlgorithmType="MANUAL")],
        )
    )
    for group in made.PerFrameFunctionalGroupsSequence:
        group.SegmentIdentificationSequence = Sequence([item(ReferencedSegmentNumber=1)])


def _color(made: Dataset, kind: str) -> None:
    made.update(
        item(
            ImageType=["ORIGINAL", "PRIMARY"],
            SamplesPerPixel=3,
            PhotometricInterpretation="RGB",
            PlanarConfiguration=0,
            BitsAllocated=8,
            BitsStored=8,
            HighBit=7,
            FrameIncrementPointer=0x00181065,
            PatientOrientation="",
            FrameTimeVector=[0, *([33.3] * (int(made.NumberOfFrames) - 1))],
            CineRate=30,
            Laterality="",
        )
    )
    if kind == "sc":
        made.ConversionType = "WSD"


def _nuclear(made: Dataset, frames: int) -> None:
    made.update(
        item(
            ImageType=["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"],
            FrameIncrementPointer=[0x00540010, 0x00540020],
            EnergyWindowVector=[1] * frames,
            DetectorVector=list(range(1, frames + 1)),
            NumberOfEnergyWindows=1,
            NumberOfDetectors=frames,
        )
    )


def _angiography(made: Dataset, frames: int) -> None:
    made.update(
        item(
            ImageType=["ORIGINAL", "PRIMARY", "SINGLE PLANE"],
            FrameIncrementPointer=0x00181063,
            FrameTime=66.7,
            RecommendedDisplayFrameRate=15,
            PixelIntensityRelationship="LIN",
            RadiationSetting="GR",
            KVP=80,
            PositionerMotion="DYNAMIC",
            PositionerPrimaryAngle=10,
            PositionerSecondaryAngle=5,
            PositionerPrimaryAngleIncrement=[1.5 * each for each in range(frames)],
            StartTrim=1,
            StopTrim=frames,
            MaskSubtractionSequence=[item(MaskOperation="AVG_SUB", MaskFrameNumbers=1)],
            RecommendedViewingMode="SUB",
            SmallestImagePixelValue=0,
            LargestImagePixelValue=100,
        )
    )


def _dose(made: Dataset, frames: int) -> None:
    made.update(
        item(
            FrameIncrementPointer=0x3004000C,
            GridFrameOffsetVector=[2.5 * each for each in range(frames)],
            DoseUnits="GY",
            DoseType="PHYSICAL",
            DoseSummationType="PLAN",
            DoseGridScaling=0.001,
            ImagePositionPatient=[1, 2, 3],
            ImageOrientationPatient=[1, 0, 0, 0, -1, 0],
            PixelSpacing=[1, 1],
            SliceThickness=2.5,
            BitsAllocated=32,
            BitsStored=32,
            HighBit=31,
        )
    )


_OTHERS = {"nm": _nuclear, "xa-cine": _angiography, "dose": _dose}
