"""C-ECHO as SCP (PS3.4 Annex A)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.net import dimse
from dcmtools.net.status import SUCCESS

if TYPE_CHECKING:
    from dcmtools.acceptor.session import Session
    from dcmtools.net.incoming import Message


def answer_echo(session: Session, message: Message) -> None:
    """Answer a C-ECHO-RQ with success."""
    session.association.send(message.context, dimse.response(message.command, SUCCESS))
