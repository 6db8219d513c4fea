"""The data set of a file on its way to a peer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.files.instance import Instance
    from dcmtools.files.source import FileSource
    from dcmtools.net.association import Context

BLOCK: Final = 1024 * 1024


class Payload:
    """The data set of an instance on its way: opened, checked, its first block in memory."""

    def __init__(self, instance: Instance, context: Context, source: FileSource) -> None:
        """Take over ``source``; raise InputError where it is not the file that was inspected any more."""
        self.instance = instance
        self.context = context
        self._source = source
        try:
            self._check("the file has changed since it was inspected")
            self._first = self._source.read(instance.offset, min(instance.length, BLOCK))
        except BaseException:
            self._source.close()
            raise

    def blocks(self) -> Iterator[bytes]:
        """Yield the data set in blocks; raise InputError where the file changes while it is read."""
        length, offset = self.instance.length, self.instance.offset
        block = self._first
        for done in range(BLOCK, length, BLOCK):
            yield block
            block = self._source.read(offset + done, min(length - done, BLOCK))
        self._check("the file changed while it was sent")
        yield block + b"\0" if length % 2 else block

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
