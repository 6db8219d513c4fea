"""An instance as a sender needs it: who it is, how it is encoded, where its bytes are."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.charset import unpadded
from dcmtools.encoding.syntax import is_deflated
from dcmtools.encoding.tags import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    format_tag,
)
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY, is_uid
from dcmtools.encoding.walker import Walker
from dcmtools.errors import InputError, MalformedError, Unsuitable
from dcmtools.files.inputs import BY_ITS_NAME
from dcmtools.files.part10 import part10_file

if TYPE_CHECKING:
    from dcmtools.encoding.element import Source
    from dcmtools.files.inputs import Input
    from dcmtools.files.part10 import Part10File
    from dcmtools.files.source import FileSource

_FIRST_TAG: Final = 0x00080000
_CHUNK: Final = 1024 * 1024


class Instance(NamedTuple):
    """A composite instance in a file; its data set is the ``length`` bytes from ``offset``.

    An odd length, which only a deflated data set may have, is to be made even (PS3.5 A.5).

    ``identity`` tells this file, as it is now, from any other; ``note`` says what the file holds beside it.
    """

    file: Input
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    offset: int
    length: int
    identity: tuple[int, ...]
    study_instance_uid: str = ""
    note: str = ""

    @property
    def path(self) -> str:
        """The name of the file."""
        return self.file.path


def inspect(item: Input, source: FileSource) -> Instance:
    """Hop over the whole data set of ``item``, open as ``source``, and return what it is.

    Raises NotDicom, MalformedError where the data set is cut short or not encoded as the file meta says,
    and InputError where it is not an instance that can be sent.
    """
    file = part10_file(source)
    if file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID) == MEDIA_STORAGE_DIRECTORY:
        raise Unsuitable("a DICOMDIR is not an instance to send", hint=BY_ITS_NAME)
    found, end, note = _hop(file)
    sop_class, sop_instance = (found.get(tag, "") for tag in (SOP_CLASS_UID, SOP_INSTANCE_UID))
    for name, uid in (("SOP Class UID", sop_class), ("SOP Instance UID", sop_instance)):
        if not is_uid(uid):
            raise InputError(f"the data set's {name} is {'missing' if not uid else f'{uid!r}, no UID'}")
    if not is_uid(file.transfer_syntax):
        raise InputError(f"the transfer syntax is {file.transfer_syntax!r}, no UID")
    length = end - file.data_set_offset
    if length % 2 and not is_deflated(file.transfer_syntax):
        raise InputError(f"the data set has an odd number of bytes ({length}), which PS3.8 cannot carry")
    uids = (intern(sop_class), sop_instance, intern(file.transfer_syntax))
    study = intern(found.get(STUDY_INSTANCE_UID, ""))  # kept for each of many files, and mostly the same
    return Instance(item, *uids, file.data_set_offset, length, source.identity, study, note)


def _hop(file: Part10File) -> tuple[dict[int, str], int, str]:
    """Return the UIDs, the end of the data set in the file, and what to say of the bytes behind it."""
    walker = file.walk(shallow=True)
    try:
        uids = _uids(walker)
    except MalformedError as error:
        uids, walker = _hop_before_zeros(file, walker, error)
    if is_deflated(file.transfer_syntax):  # goes as it is, whatever it inflates to
        return uids, file.source.size, ""
    behind = file.source.size - walker.position
    note = f"{behind} zero byte{'s' if behind > 1 else ''} after the last element: not sent"
    return uids, walker.position, note if behind else ""


def _hop_before_zeros(
    file: Part10File, walker: Walker, error: MalformedError
) -> tuple[dict[int, str], Walker]:
    """Hop again, not over the zero bytes at the end; raise ``error`` where they are not all that is wrong.

    The elements that share a window with a fault are not told, so it takes another walk; and zeros can be
    read as elements, up to a fault near the very end, so it may take two.
    """
    source, start, end = file.body()
    while error.offset < end and not walker.nested and all_zero(source, error.offset):
        end = error.offset
        walker = Walker(source, start, end, file.encoding, shallow=True)
        try:
            return _uids(walker), walker
        except MalformedError as another:
            error = another
    raise error


def _uids(walker: Walker) -> dict[int, str]:
    """Return the UIDs among the top-level elements of the whole data set."""
    uids: dict[int, str] = {}
    while elements := walker.read():
        for tag, _, offset, value, length, depth in elements:
            if depth:
                continue
            if tag < _FIRST_TAG:
                raise _stray(tag, offset)
            if tag in (SOP_CLASS_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID):
                uids[tag] = unpadded(walker.value(value, min(length, 256)))
    return uids


def _stray(tag: int, offset: int) -> MalformedError:
    return MalformedError(
        f"group {tag >> 16:04x} has no place in a data set", offset=offset, path=format_tag(tag)
    )


def all_zero(source: Source, offset: int) -> bool:
    """Tell whether there is nothing but zeros from ``offset`` to the end."""
    while offset < source.size:
        data = source.read(offset, min(_CHUNK, source.size - offset))
        if data.count(0) != len(data):
            return False
        offset += len(data)
    return True
