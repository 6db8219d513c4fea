"""The data set of a file on its way to a peer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.syntax import encoding_of, is_lossy
from dcmtools.encoding.tags import SOP_INSTANCE_UID
from dcmtools.encoding.walker import Walker
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from dcmtools.net import dimse
from dcmtools.scu.contexts import is_native

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dcmtools.editing.apart import Processes
    from dcmtools.editing.changes import Change
    from dcmtools.files.instance import Instance
    from dcmtools.files.source import FileSource
    from dcmtools.net.incoming import Message
    from dcmtools.net.negotiated import Context

# The first is read while the peer works on the file before; the others stay in the processor's cache between
# being read and being sent.
BLOCK: Final = 1024 * 1024
LATER_BLOCK: Final = 256 * 1024


class Payload:
    """The data set of an instance on its way: opened, checked, its first block in memory.

    It goes as it is, unless there are ``changes`` or ``context`` has another transfer syntax. ``remarks``
    say what had to be changed for that, ``warnings`` what was lost, ``doubts`` what whoever has de-identified
    it remarks, ``record`` what that tells of it. Its SOP Instance UID is another where the pixels are not
    what they were; ``length`` is about how many bytes there are.
    """

    doubts: Sequence[str] = ()
    record: Mapping[str, object] = {}

    def __init__(
        self,
        instance: Instance,
        context: Context,
        source: FileSource,
        apart: Processes,
        changes: Sequence[Change] = (),
    ) -> None:
        """Take over ``source``; raise InputError where it is not the file that was inspected any more.

        Pixels are decoded and encoded ``apart``. Raises also what the changes or the other transfer syntax
        make impossible, and Interrupted.
        """
        self.instance = instance
        self.context = context
        self.sop_instance_uid = instance.sop_instance_uid
        self.length = instance.length
        self.remarks: Sequence[str] = ()
        self.warnings: Sequence[str] = ()
        self._source = source
        try:
            self._check("the file has changed since it was inspected")
            self._rest = self._prepared(apart, changes)
            self._first = next(self._rest, b"")
        except BaseException:
            self._source.close()
            raise

    def request(
        self, message_id: int, priority: int = dimse.MEDIUM, **originator: dimse.Value
    ) -> dimse.Command:
        """Return the C-STORE-RQ that the blocks go with (PS3.7 9.1.1).

        ``originator`` are the fields that name the C-MOVE whose sub-operation it is, if it is one.
        """
        return dimse.request(
            dimse.CommandField.C_STORE_RQ,
            message_id,
            data_set=True,
            AffectedSOPClassUID=self.instance.sop_class_uid,
            AffectedSOPInstanceUID=self.sop_instance_uid,
            Priority=priority,
            **originator,
        )

    def mismatch(self, answer: Message) -> str:
        """Return how ``answer`` is about something else than what was sent (PS3.7 9.1.1.1), empty if not."""
        sent = {
            "AffectedSOPClassUID": self.instance.sop_class_uid,
            "AffectedSOPInstanceUID": self.sop_instance_uid,
        }
        for name, uid in sent.items():
            answered = dimse.text(answer.command, name, uid)
            if answered != uid:
                return f"the peer answered for another {name[8:]}, {answered!r}"
        if answer.context.context_id != self.context.context_id:
            return "the peer answered on another presentation context"
        return ""

    def blocks(self) -> Iterator[bytes]:
        """Yield the data set in blocks; raise InputError where the file changes while it is read."""
        block = self._first
        for following in self._rest:
            yield block
            block = following
        self._check("the file changed while it was sent")
        yield block

    def _prepared(self, apart: Processes, changes: Sequence[Change]) -> Iterator[bytes]:
        """Return the data set with ``changes`` and in the context's transfer syntax."""
        before, after = self.instance.transfer_syntax_uid, self.context.transfer_syntax
        begin, end = self.instance.offset, self.instance.offset + self.instance.length
        if before == after and not changes:
            return _copied(self._source, begin, end)
        if before == after or (is_native(before) and is_native(after)):
            return _even(_changed(self._source, end, after, changes))
        made = apart.transcoded(self._source, end, after)
        self._source.adopt(made.source)
        self._check("the file changed while it was transcoded")
        self.remarks, self.warnings = made.changes, made.warnings
        uid = ""
        if is_lossy(after):
            uid = self.sop_instance_uid = _derived(self.sop_instance_uid, after)
        self.length = made.source.size
        return _even(_changed(made.source, made.source.size, after, changes, uid))

    def _check(self, otherwise: str) -> None:
        """Raise InputError unless the file is what was inspected, at its opening and now."""
        try:
            same = self._source.identity == self.instance.identity and self._source.unchanged()
        except OSError as error:
            raise InputError(error.strerror or str(error)) from error
        if not same:
            raise InputError(otherwise)

    def close(self) -> None:
        """Close the file."""
        self._source.close()


def _copied(source: FileSource, offset: int, end: int) -> Iterator[bytes]:
    """Yield a data set as it stands."""
    count = BLOCK
    while offset < end:
        count = min(end - offset, count)
        yield source.read(offset, count) + b"\0" * (count % 2)
        offset += count
        count = LATER_BLOCK


def _changed(
    source: FileSource, end: int, transfer_syntax: str, changes: Sequence[Change], uid: str = ""
) -> Iterable[bytes]:
    """Return the data set of a file with ``changes``, another SOP Instance UID, in a ``transfer_syntax``."""
    from dcmtools.editing.changes import edits_for
    from dcmtools.editing.splice import Edit, spliced
    from dcmtools.encoding.recoding import recoded

    file = Part10File(source)
    file.data_set_end = end
    edits = edits_for(file, changes)
    if uid:
        edits.append(Edit(SOP_INSTANCE_UID, "UI", uid.encode()))
    splice = spliced(file, edits)
    if transfer_syntax == file.transfer_syntax:
        return splice.blocks()
    walker = Walker(splice, 0, splice.size, file.encoding)
    return recoded(walker, encoding_of(transfer_syntax))


def _derived(uid: str, transfer_syntax: str) -> str:
    """Return the UID of what an instance becomes with loss, the same each time: to send it again adds none.

    See PS3.5 B.2.
    """
    from uuid import NAMESPACE_OID, uuid5

    return f"2.25.{uuid5(NAMESPACE_OID, f'{uid} {transfer_syntax}').int}"


def _even(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what ``pieces`` hold in blocks of even length, as fragments have to be (PS3.8 D.1)."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= BLOCK:
            yield bytes(held[:BLOCK])
            del held[:BLOCK]
    yield bytes(held)
