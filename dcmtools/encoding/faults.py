"""What can be wrong with the bytes of a data set (PS3.5 section 7)."""

from __future__ import annotations

from enum import IntEnum, unique

from dcmtools.errors import MalformedError


@unique
class Fault(IntEnum):
    """What is wrong where a walk cannot go on."""

    CUT_SHORT = 1
    OVERRUN = 2
    BAD_VR = 3
    NO_LENGTH = 4
    NO_DELIMITER = 5
    STRAY_DELIMITER = 6
    DELIMITER_LENGTH = 7
    NO_ITEM = 8
    TOO_DEEP = 9
    PADDING = 10  # zero bytes, which are no element


class WalkError(MalformedError):
    """A fault in a data set: its ``kind``, and the ``tag`` of the element it was met in."""

    def __init__(self, kind: Fault, message: str, *, offset: int, tag: int, path: str) -> None:
        """Say what is wrong in ``message``, at ``offset`` and in ``path``."""
        super().__init__(message, offset=offset, path=path)
        self.kind = kind
        self.tag = tag
