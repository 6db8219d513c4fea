"""A C-CANCEL that comes while its operation is in hand (PS3.7 9.3.2.3, 9.3.3.3 and 9.3.4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.errors import AssociationError
from dcmtools.net import dimse
from dcmtools.net.aborting import broken

if TYPE_CHECKING:
    from dcmtools.net.association import Association
    from dcmtools.net.incoming import Message


class Cancel:
    """Watches for the C-CANCEL of one C-FIND, C-GET or C-MOVE, once its identifier has been read.

    ``requested`` is for between two responses; ``take`` goes to ``Association.response_to``, which may meet
    the C-CANCEL before the response to a sub-operation.
    """

    def __init__(self, association: Association, operation: Message) -> None:
        """Watch ``association``, on which ``operation`` was asked for."""
        self._association = association
        self._message_id = dimse.number(operation.command, "MessageID")
        self._requested = False

    def requested(self) -> bool:
        """Tell whether the operation has been cancelled by now.

        Raises AssociationError where another request comes instead, or the end of the association.
        """
        while not self._requested and self._association.has_message():
            message = self._association.receive()
            if message is None:
                raise AssociationError(
                    "the peer released the association within an operation", step="receive"
                )
            self.take(message)
        return self._requested

    def take(self, message: Message) -> None:
        """Take a request that came before the operation was over.

        Only a C-CANCEL may (PS3.7 D.3.3.3): for anything else the association is aborted, with
        AssociationError.
        """
        if dimse.number(message.command, "CommandField") != dimse.CommandField.C_CANCEL_RQ:
            raise broken(self._association.transport, "a request while another was in hand")
        if dimse.number(message.command, "MessageIDBeingRespondedTo") == self._message_id:
            self._requested = True
