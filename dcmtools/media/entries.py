"""What a DICOMDIR is to say: a File-set and the entries of its directory (PS3.3 F.3, PS3.10 8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.files.file_ids import FileID


class Reference(NamedTuple):
    """The file that an entry names: (0004,1500), (0004,1510), (0004,1511), (0004,1512) and (0004,151A).

    ``related`` are the Related General SOP Class UIDs, mostly none.
    """

    file_id: FileID
    sop_class: str
    sop_instance: str
    transfer_syntax: str
    related: tuple[str, ...] = ()


class Entry:
    """A directory record with those below it.

    ``keys`` are its elements beside group 0004 in the order of their tags, in explicit VR little endian, its
    Specific Character Set among them; ``private_uid`` is the Private Record UID of one whose ``type`` is
    PRIVATE.
    """

    __slots__ = ("children", "keys", "private_uid", "reference", "type")

    def __init__(
        self,
        type: str,
        keys: bytes = b"",
        reference: Reference | None = None,
        children: Iterable[Entry] = (),
        private_uid: str = "",
    ) -> None:
        """Take what it is to say."""
        self.type = type
        self.keys = keys
        self.reference = reference
        self.children = list(children)
        self.private_uid = private_uid


@dataclass
class FileSet:
    """What a DICOMDIR says: of the File-set, and its entries.

    ``descriptor`` is the File ID of a text file about it, in the character set ``charset``; ``uid`` is the
    SOP Instance UID of the DICOMDIR. ``others`` are those elements of a DICOMDIR that are not of group 0004,
    as ``Entry.keys`` are.
    """

    file_set_id: str = ""
    descriptor: FileID = ()
    charset: str = ""
    uid: str = ""
    roots: list[Entry] = field(default_factory=list)
    others: bytes = b""


def walk(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield all ``entries``, each before those below it."""
    pending = list(entries)[::-1]
    while pending:
        entry = pending.pop()
        yield entry
        pending += entry.children[::-1]


def references(entries: Iterable[Entry]) -> Iterator[Reference]:
    """Yield what files ``entries``, and those below them, name."""
    for entry in walk(entries):
        if entry.reference:
            yield entry.reference
