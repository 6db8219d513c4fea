"""Patient, study and series taken over from another object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.dataset import Chosen, DataSet, read
from dcmtools.encoding.dictionary import name_of
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET
from dcmtools.encoding.values import CHARSET_VRS
from dcmtools.errors import DcmtoolsError, InputError, UsageError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from dcmtools.encoding.dataset import Value

STUDY_INSTANCE_UID: Final = 0x0020000D
SERIES_INSTANCE_UID: Final = 0x0020000E
MODALITY: Final = 0x00080060
PATIENT_ID: Final = 0x00100020
INSTANCE_NUMBER: Final = 0x00200013
FRAME_OF_REFERENCE_UID: Final = 0x00200052
NOT_OF_ALL: Final = (INSTANCE_NUMBER, FRAME_OF_REFERENCE_UID)
"""What is taken over of a series, but is not for every object in it."""
# PS3.3 C.7.5.1 and C.7.5.2: General and Enhanced General Equipment, which a series has one of.
EQUIPMENT: Final = (
    *(0x00080070, 0x00080080, 0x00080081, 0x00081010, 0x00081040, 0x00081090),
    *(0x00181000, 0x00181020),
)
# PS3.3 C.7.1.1: the Patient Module, and what says that there is no identity left.
_PATIENT: Final = (
    *(0x00100010, PATIENT_ID, 0x00100021, 0x00100022, 0x00100024, 0x00100030, 0x00100032, 0x00100040),
    *(0x00101002, 0x00102160, 0x00102201, 0x00102202, 0x00102292, 0x00104000),
    *(0x00120062, 0x00120063, 0x00120064),
)
# PS3.3 C.7.2.1 and C.7.2.2: General Study and Patient Study.
_STUDY: Final = (
    *(0x00080020, 0x00080030, 0x00080050, 0x00080051, 0x00080090, 0x00080096, 0x00081030, 0x00081032),
    *(0x00081048, 0x00081060, 0x00101010, 0x00101020, 0x00101030, 0x00102180, 0x001021C0),
    *(STUDY_INSTANCE_UID, 0x00200010),
)
# PS3.3 C.7.3.1: General Series.
_SERIES: Final = (
    *(0x00080021, 0x00080031, MODALITY, 0x0008103E, 0x00081050, 0x00081070, 0x00180015, 0x00181030),
    *(SERIES_INSTANCE_UID, 0x00200011, 0x00200060, *EQUIPMENT, *NOT_OF_ALL),
)
_LAST: Final = max(*_PATIENT, *_STUDY, *_SERIES)


def taken_over(path: str, *, series: bool = False) -> DataSet:
    """Return patient and study of the DICOM file at ``path``, with its ``series`` too, text in UTF-8.

    Raises UsageError where it cannot be read so far, has no study, or text that is none.
    """
    wanted = {SPECIFIC_CHARACTER_SET, *_PATIENT, *_STUDY, *(_SERIES if series else ())}
    try:
        with FileSource.open(path) as source:
            file = LenientFile(source)
            found = read(file.walk(stop=_LAST + 1), chosen=Chosen(wanted))
            if file.serious:
                raise InputError(f"it is damaged: {next(each for each in file.problems if each.serious)}")
    except DcmtoolsError as error:
        message = f"{path}: {error.message}"
        raise UsageError(message) from error
    if not found.get(STUDY_INSTANCE_UID, ("", b""))[1]:
        message = f"{path}: it has no Study Instance UID, so that nothing can be of its study"
        raise UsageError(message)
    taken = DataSet()
    for tag in sorted(found.keys() - {SPECIFIC_CHARACTER_SET}):
        vr, value = found[tag]
        try:
            taken[tag] = (vr, _in_utf_8(vr, value, found.charset))
        except UnicodeError:
            message = f"{path}: {name_of(tag)} is no text in the character set that the file names"
            raise UsageError(message, hint="'dcmtools modify' puts another character set right") from None
    return taken


def _in_utf_8(vr: str, value: Value, charset: bytes) -> Value:
    if isinstance(value, list):
        items = []
        for item in value:
            made = DataSet()
            made.update(
                {
                    tag: (inner, _in_utf_8(inner, each, item.charset))
                    for tag, (inner, each) in item.items()
                    if tag != SPECIFIC_CHARACTER_SET
                }
            )
            items.append(made)
        return items
    if vr in CHARSET_VRS and (not value.isascii() or b"\x1b" in value):
        text = decoder_of(charset)(value)
        if "\ufffd" in text:
            raise UnicodeError
        return text.encode("utf-8")
    return value
