"""A study with references of every kind among its instances, and beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

ROOT = "1.2.826.0.1.3680043.9.7777"
STUDY, SERIES, FRAME = f"{ROOT}.1", f"{ROOT}.2", f"{ROOT}.9"
IMAGES = [f"{ROOT}.3.{number}" for number in (1, 2)]
SR, RT, KOS = f"{ROOT}.4", f"{ROOT}.5", f"{ROOT}.6"
OTHER_STUDY, OTHER_INSTANCE = f"{ROOT}.77", f"{ROOT}.78"
CT = "1.2.840.10008.5.1.4.1.1.2"
CLASSES = {
    "ct0": CT,
    "ct1": CT,
    "sr": "1.2.840.10008.5.1.4.1.1.88.33",
    "rt": "1.2.840.10008.5.1.4.1.1.481.3",
    "kos": "1.2.840.10008.5.1.4.1.1.88.59",
}
UIDS = dict(zip(CLASSES, [*IMAGES, SR, RT, KOS], strict=True))
SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")


def make_study(folder: Path, syntax: str = SYNTAXES[1]) -> list[Path]:
    """Write two images, a report, a structure set and a key object selection that refer to each other."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "ct0": {},
        "ct1": {"ReferencedImageSequence": [_reference(IMAGES[0]), _reference(OTHER_INSTANCE)]},
        "sr": _report(),
        "rt": _structures(),
        "kos": _report() | _private(),
    }
    return [_write(folder, name, values, syntax) for name, values in contents.items()]


def _write(folder: Path, name: str, values: dict[str, Any], syntax: str) -> Path:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    made = _items(
        {
            "SOPClassUID": CLASSES[name],
            "SOPInstanceUID": UIDS[name],
            "PatientName": "Doe^Jane",
            "StudyInstanceUID": STUDY,
            "SeriesInstanceUID": SERIES
            if name.startswith("ct")
            else f"{SERIES}.{name}".replace("sr", "7").replace("rt", "8").replace("kos", "9"),
            "FrameOfReferenceUID": FRAME,
            **values,
        }
    )
    if name == "kos":
        made.add_new(0x00290010, "LO", "ACME")
        made.add_new(0x00291001, "UI", [IMAGES[1], OTHER_INSTANCE, STUDY])
        made.add_new(0x00291002, "LO", IMAGES[1])
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(syntax)
    path = folder / f"{name}.dcm"
    made.save_as(path, enforce_file_format=True)
    return path


def _reference(uid: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  values of pydicom
    return {"ReferencedSOPClassUID": CT, "ReferencedSOPInstanceUID": uid, **more}


def _hierarchy(study: str, series: str, uids: list[str]) -> dict[str, Any]:
    references = [_reference(uid) for uid in uids]
    return {
        "StudyInstanceUID": study,
        "ReferencedSeriesSequence": [{"SeriesInstanceUID": series, "ReferencedSOPSequence": references}],
    }


def _report() -> dict[str, Any]:
    return {
        "CurrentRequestedProcedureEvidenceSequence": [_hierarchy(STUDY, SERIES, IMAGES)],
        "PertinentOtherEvidenceSequence": [_hierarchy(OTHER_STUDY, f"{ROOT}.79", [OTHER_INSTANCE])],
        "ContentSequence": [
            {
                "RelationshipType": "CONTAINS",
                "ValueType": "CONTAINER",
                "ContentSequence": [
                    {"ValueType": "IMAGE", "ReferencedSOPSequence": [_reference(IMAGES[1])]},
                    {"ValueType": "UIDREF", "UID": SERIES},
                ],
            }
        ],
        "PredecessorDocumentsSequence": [_hierarchy(STUDY, f"{SERIES}.9", [KOS])],
    }


def _structures() -> dict[str, Any]:
    contours = [{"ContourImageSequence": [_reference(uid)]} for uid in IMAGES]
    series = {"SeriesInstanceUID": SERIES, "ContourImageSequence": [_reference(uid) for uid in IMAGES]}
    study = {
        "ReferencedSOPClassUID": CT,
        "ReferencedSOPInstanceUID": STUDY,
        "RTReferencedSeriesSequence": [series],
    }
    return {
        "ReferencedFrameOfReferenceSequence": [
            {"FrameOfReferenceUID": FRAME, "RTReferencedStudySequence": [study]}
        ],
        "ROIContourSequence": [{"ReferencedROINumber": "1", "ContourSequence": contours}],
    }


def _private() -> dict[str, Any]:
    return {"FailedSOPInstanceUIDList": [*IMAGES, OTHER_INSTANCE]}


def _items(values: dict[str, Any]) -> Dataset:
    from pydicom.dataset import Dataset

    made = Dataset()
    for keyword, value in values.items():
        is_sequence = isinstance(value, list) and value and isinstance(value[0], dict)
        setattr(made, keyword, [_items(each) for each in value] if is_sequence else value)
    return made


def uids_in(path: Path) -> list[tuple[str, list[str]]]:
    """Each element of VR UI with its path and its values, as pydicom reads them; the meta's first."""
    import pydicom

    data_set = pydicom.dcmread(path)
    return [*_walk(data_set.file_meta, "meta."), *_walk(data_set, "")]


def _walk(data_set: Any, path: str) -> list[tuple[str, list[str]]]:  # noqa: ANN401  pydicom's
    found: list[tuple[str, list[str]]] = []
    for element in data_set:
        here = f"{path}{element.tag}"
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                found += _walk(item, f"{here}[{number}].")
        elif element.VR == "UI":
            values = [element.value] if isinstance(element.value, str) else list(element.value)
            found.append((here, [str(value) for value in values]))
    return found
