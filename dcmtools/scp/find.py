"""C-FIND as SCP: what an archive holds, response by response (PS3.4 C.4.1, PS3.7 9.1.2)."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from dcmtools.acceptor.cancel import Cancel
from dcmtools.archive.asked import NoAnswer
from dcmtools.archive.database import IndexBehind
from dcmtools.archive.responding import Responses
from dcmtools.archive.search import Search
from dcmtools.encoding.syntax import encoding_of
from dcmtools.errors import PeerFailure
from dcmtools.net import dimse
from dcmtools.net.exchange import read, respond
from dcmtools.net.status import (
    CANCELED,
    CANNOT_UNDERSTAND,
    OUT_OF_RESOURCES,
    PENDING,
    PENDING_WITH_WARNING,
    SUCCESS,
    status_text,
)
from dcmtools.query.models import MODELS
from dcmtools.scp.offers import supported

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from sqlite3 import Connection
    from typing import Protocol

    from dcmtools.acceptor.session import Session
    from dcmtools.net.incoming import Message
    from dcmtools.net.stop import Stop

    class Searched(Protocol):
        """An index that can say when it holds all that was answered for."""

        def catch_up(self) -> None: ...  # noqa: D102
        def reader(self) -> AbstractContextManager[Connection]: ...  # noqa: D102


logger = logging.getLogger(__name__)

_MODELS: Final = {model.find: model for model in MODELS}
# After so many responses it is looked whether the operation was cancelled: a look costs as much as one.
_LOOKS: Final = 10


class Finding:
    """Answers C-FIND of the models in PS3.4 C.6."""

    def __init__(self, index: Searched, stop: Stop, *, relational: bool = False) -> None:
        """Answer out of ``index``, until ``stop`` is requested; ``relational`` queries whoever asks."""
        self._index = index
        self._stop = stop
        self._relational = relational

    def answer_find(self, session: Session, message: Message) -> None:
        """Answer a C-FIND-RQ: a response for each match, then the final one.

        Raises AssociationError where the association ends before that.
        """
        started = time.monotonic()
        number, reason, tag = SUCCESS, "", 0
        found, level = session.counts["found"], ""
        try:
            search = self._search(session, message)
            level = search.level
            number = self._answer(session, message, search)
            reason = "the server is stopping" if number == OUT_OF_RESOURCES else ""
        except PeerFailure as error:
            number, reason = CANNOT_UNDERSTAND, error.message
        except NoAnswer as error:
            number, reason, tag = error.number, error.message, error.tag
        except IndexBehind as error:
            number, reason = OUT_OF_RESOURCES, error.message
        fields: dimse.Command = {"ErrorComment": reason} if reason else {}
        if tag:
            fields["OffendingElement"] = (tag,)
        respond(session.association, message, number, **fields)
        told = {"reason": reason} if reason else {}
        logger.log(
            logging.WARNING if reason else logging.INFO,
            session.line(
                "searched",
                level=level,
                matches=session.counts["found"] - found,
                status=status_text(number),
                elapsed_ms=f"{1000 * (time.monotonic() - started):.1f}",
                **told,
            ),
        )

    def _search(self, session: Session, message: Message) -> Search:
        """Return what ``message`` asks for; raise PeerFailure, NoAnswer or IndexBehind."""
        association, sop_class = session.association, message.context.abstract_syntax
        identifier = read(association, message)
        relational, combined = supported(association.extended.get(sop_class, b"").ljust(2, b"\0"))[:2]
        search = Search(
            _MODELS[sop_class],
            identifier,
            session.called_aet,
            relational=self._relational or bool(relational),
            combined=bool(combined),
        )
        self._index.catch_up()
        return search

    def _answer(self, session: Session, message: Message, search: Search) -> int:
        """Send what matches; return the final status."""
        association, context = session.association, message.context
        cancel = Cancel(association, message)
        responses = Responses(search, encoding_of(context.transfer_syntax))
        pending, warning = (
            dimse.response(message.command, status, data_set=True)
            for status in (PENDING, PENDING_WITH_WARNING)
        )
        if search.unsupported:
            pending = warning
        for rows in search.pages(self._index.reader):
            for number, row in enumerate(rows):
                if number % _LOOKS == 0:
                    if cancel.requested():
                        return CANCELED
                    if self._stop.count:
                        return OUT_OF_RESOURCES
                identifier, entire = responses.of(row)
                association.send(context, pending if entire else warning, [identifier])
                session.counts["found"] += 1
        return SUCCESS
