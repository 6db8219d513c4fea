"""The data set of a file on its way to a peer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.syntax import encoding_of
from dcmtools.encoding.walker import Walker
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from dcmtools.net import dimse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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

    It goes as it is, unless there are ``changes`` or ``context`` has another transfer syntax. ``doubts`` are
    remarks of whoever has de-identified it.
    """

    doubts: Sequence[str] = ()

    def __init__(
        self, instance: Instance, context: Context, source: FileSource, changes: Sequence[Change] = ()
    ) -> None:
        """Take over ``source``; raise InputError where it is not the file that was inspected any more.

        Raises also what the changes or the other transfer syntax make impossible.
        """
        self.instance = instance
        self.context = context
        self._source = source
        try:
            self._check("the file has changed since it was inspected")
            recoding = context.transfer_syntax != instance.transfer_syntax_uid
            self._rest = _even(self._made(changes)) if changes or recoding else self._as_it_is()
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
            AffectedSOPInstanceUID=self.instance.sop_instance_uid,
            Priority=priority,
            **originator,
        )

    def mismatch(self, answer: Message) -> str:
        """Return how ``answer`` is about something else than what was sent (PS3.7 9.1.1.1), empty if not."""
        sent = {
            "AffectedSOPClassUID": self.instance.sop_class_uid,
            "AffectedSOPInstanceUID": self.instance.sop_instance_uid,
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

    def _as_it_is(self) -> Iterator[bytes]:
        offset, end = self.instance.offset, self.instance.offset + self.instance.length
        count = BLOCK
        while offset < end:
            count = min(end - offset, count)
            yield self._source.read(offset, count) + b"\0" * (count % 2)
            offset += count
            count = LATER_BLOCK

    def _made(self, changes: Sequence[Change]) -> Iterable[bytes]:
        """Return the data set with ``changes`` and in the context's transfer syntax."""
        from dcmtools.editing.changes import edits_for
        from dcmtools.editing.splice import spliced
        from dcmtools.encoding.recoding import recoded

        file = Part10File(self._source)
        file.data_set_end = self.instance.offset + self.instance.length
        splice = spliced(file, edits_for(file, changes))
        if self.context.transfer_syntax == file.transfer_syntax:
            return splice.blocks()
        walker = Walker(splice, 0, splice.size, file.encoding)
        return recoded(walker, encoding_of(self.context.transfer_syntax))

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


def _even(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what ``pieces`` hold in blocks of even length, as fragments have to be (PS3.8 D.1)."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= BLOCK:
            yield bytes(held[:BLOCK])
            del held[:BLOCK]
    yield bytes(held)
