"""What a data set that has arrived says of itself, and whether it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.charset import unpadded
from dcmtools.encoding.element import NO_STOP
from dcmtools.encoding.faults import Fault, WalkError
from dcmtools.encoding.syntax import encoding_of, is_deflated
from dcmtools.encoding.tags import (
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
)
from dcmtools.encoding.walker import Walker
from dcmtools.errors import DcmtoolsError, InputError
from dcmtools.files.deflate import inflate_head
from dcmtools.net import status

if TYPE_CHECKING:
    from dcmtools.encoding.element import Source

# The last of them ends the part of a data set that has to be sound.
_NAMES: Final = (SOP_CLASS_UID, SOP_INSTANCE_UID, PATIENT_ID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID)
_AT_AN_END: Final = (Fault.CUT_SHORT, Fault.OVERRUN, Fault.NO_DELIMITER)
# How much of a value counts, and how many elements are looked at: bounds for hostile data sets.
_LONGEST: Final = 64 * 1024
_MOST: Final = 500_000


class Refusal(DcmtoolsError):
    """An instance that is not kept; ``number`` is the status that tells the sender so."""

    def __init__(self, number: int, message: str) -> None:
        """Answer with status ``number``, and with ``message`` as Error Comment."""
        super().__init__(message)
        self.number = number


class Names(NamedTuple):
    """What names an instance, each empty where the data set does not say.

    ``fault`` tells of what is wrong behind the names, though nothing is missing.
    """

    sop_class_uid: str
    sop_instance_uid: str
    patient_id: str
    study_uid: str
    series_uid: str
    fault: str = ""


def read_names(source: Source, offset: int, transfer_syntax: str) -> Names:
    """Walk the data set at ``offset`` to its end and return what it is.

    Raises Refusal where it is broken before the last of its names, or cut short behind it. Not looked at is
    what follows half a million elements, or the head of a deflated data set that is a large one.
    """
    try:
        entire = True
        if is_deflated(transfer_syntax):
            source, entire = inflate_head(source, offset)
            offset = 0
        try:
            return _walk(source, offset, transfer_syntax, NO_STOP if entire else _NAMES[-1] + 1)
        except WalkError as error:
            # The elements that share a window with the fault are not told: walk the part before it alone.
            names = _walk(source, offset, transfer_syntax, _NAMES[-1] + 1)
            if error.kind in _AT_AN_END and not _is_padding(source, error.offset):
                raise Refusal(
                    status.CANNOT_UNDERSTAND, f"the data set is cut short: {error.message}"
                ) from error
            return names._replace(fault=error.message)
    except InputError as error:
        raise Refusal(status.CANNOT_UNDERSTAND, f"the data set is broken: {error.message}") from error


def _walk(source: Source, offset: int, transfer_syntax: str, stop: int) -> Names:
    """Hop over the elements at the top, up to the tag ``stop``."""
    found = dict.fromkeys(_NAMES, "")
    walker = Walker(source, offset, source.size, encoding_of(transfer_syntax), stop=stop, shallow=True)
    left = _MOST
    while left > 0 and (elements := walker.read()):
        left -= len(elements)
        for tag, _, _, value, length, depth in elements:
            if tag in found and depth == 0:
                raw = walker.value(value, min(length, _LONGEST))
                found[tag] = unpadded(raw)
    return Names(*found.values())


def _is_padding(source: Source, offset: int) -> bool:
    """Tell whether less than a header of zeros is left, as some senders leave it behind the last element."""
    rest = source.read(offset, min(source.size - offset, 12))
    return 0 < len(rest) < 12 and not any(rest)
