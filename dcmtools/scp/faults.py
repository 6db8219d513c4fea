"""Faults that a server makes on purpose, for the tests of those who send to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import AssociationError
from dcmtools.net.pdu import AssociateRJ
from dcmtools.net.status import SUCCESS, is_warning

if TYPE_CHECKING:
    from dcmtools.acceptor.service import Answer
    from dcmtools.acceptor.session import Session
    from dcmtools.net.incoming import Message
    from dcmtools.net.stop import Stop

REJECTIONS: Final = {
    "called-aet": AssociateRJ(1, 1, 7),
    "calling-aet": AssociateRJ(1, 1, 3),
    "application-context": AssociateRJ(1, 1, 2),
    "congestion": AssociateRJ(2, 3, 1),
    "local-limit": AssociateRJ(2, 3, 2),
}
"""Ways to reject an association, by the words for them (PS3.8 9.3.4)."""


class Faults(NamedTuple):
    """What goes wrong: every association is refused, or every C-STORE answered with ``status``.

    Each response waits for ``delay`` seconds; after ``abort_after`` answers to C-STORE the association is
    aborted when the next request comes.
    """

    refuse: AssociateRJ | None = None
    status: int = SUCCESS
    delay: float = 0.0
    abort_after: int | None = None

    @property
    def fails(self) -> bool:
        """Whether the status says that an instance was not stored, so that it must not be."""
        return self.status != SUCCESS and not is_warning(self.status)

    def abort_if_due(self, session: Session) -> None:
        """Abort at a C-STORE request that is one too many; raises AssociationError then."""
        answers = session.counts["stored"] + session.counts["refused"]
        if self.abort_after is not None and answers >= self.abort_after:
            session.association.abort()
            raise AssociationError(f"aborted after {self.abort_after} answers, as asked for", step="receive")

    def delayed(self, answer: Answer, stop: Stop) -> Answer:
        """Return ``answer``, for requests without a data set, which waits before it is given."""

        def late(session: Session, message: Message) -> None:
            stop.wait(self.delay)
            answer(session, message)

        return late if self.delay else answer


def rejection(text: str) -> AssociateRJ:
    """Return the A-ASSOCIATE-RJ that ``text`` names: one of ``REJECTIONS``, or RESULT/SOURCE/REASON.

    Raises ValueError where it is neither.
    """
    if text in REJECTIONS:
        return REJECTIONS[text]
    numbers = text.split("/")
    if len(numbers) != 3 or not all(number.isascii() and number.isdigit() for number in numbers):
        raise ValueError(f"{text!r} is neither {', '.join(REJECTIONS)} nor RESULT/SOURCE/REASON, as 1/1/7")
    result, source, reason = map(int, numbers)
    if result not in (1, 2) or source not in (1, 2, 3) or reason > 255:
        raise ValueError(f"{text!r}: the result is 1 or 2, the source 1 to 3, the reason at most 255")
    return AssociateRJ(result, source, reason)


def status_of(text: str) -> int:
    """Return the status that the hexadecimal digits ``text`` stand for; raises ValueError."""
    digits = text.lower().removeprefix("0x")
    if not 1 <= len(digits) <= 4 or not set(digits) <= set("0123456789abcdef"):
        raise ValueError(f"{text!r} is not a status: up to four hexadecimal digits such as A700")
    return int(digits, 16)
