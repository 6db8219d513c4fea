"""One SOP Instance UID twice: what becomes of the second instance."""

from __future__ import annotations

from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import DcmtoolsError, InputError
from dcmtools.files.part10 import Part10File

if TYPE_CHECKING:
    from dcmtools.files.source import FileSource

_CHUNK: Final = 1024 * 1024


@unique
class OnDuplicate(StrEnum):
    """What to do with another data set under a name that is taken; the same one again changes nothing."""

    REJECT = "reject"
    REPLACE = "replace"
    KEEP = "keep"


@unique
class How(StrEnum):
    """How an instance came to be kept: ``SAME`` wrote nothing, ``BESIDE`` has a name with a number."""

    NEW = "new"
    SAME = "same"
    REPLACED = "replaced"
    BESIDE = "beside"


class Kept(NamedTuple):
    """An instance on disk; ``path`` is relative to the folder of the archive, and holds the Patient ID."""

    how: How
    path: str


class DuplicateError(DcmtoolsError):
    """Another data set is kept under the same name already."""

    code = "duplicate"


def same_data_set(received: FileSource, kept: FileSource) -> bool:
    """Tell whether two files hold the same data set in the same syntax, whatever their meta says."""
    try:
        ours, theirs = Part10File(received), Part10File(kept)
        length = received.size - ours.data_set_offset
        if (ours.transfer_syntax, length) != (theirs.transfer_syntax, kept.size - theirs.data_set_offset):
            return False
        return all(
            received.read(ours.data_set_offset + offset, min(_CHUNK, length - offset))
            == kept.read(theirs.data_set_offset + offset, min(_CHUNK, length - offset))
            for offset in range(0, length, _CHUNK)
        )
    except InputError:  # what is kept is no instance, or shrinks
        return False
