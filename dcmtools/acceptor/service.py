"""What a server offers: a service for each group of abstract syntaxes (PS3.4)."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.acceptor.admission import answered, identity_response
from dcmtools.net import dimse
from dcmtools.net.accepting import Acceptance
from dcmtools.net.status import SOP_CLASS_NOT_SUPPORTED, UNRECOGNIZED_OPERATION
from dcmtools.net.user_information import ExtendedNegotiation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from dcmtools.acceptor.session import Session
    from dcmtools.net import pdu
    from dcmtools.net.association import Association
    from dcmtools.net.incoming import Message

    Answer: TypeAlias = Callable[[Session, Message], None]


def _nothing(_: Session) -> None:
    """End without further ado."""


class Service(NamedTuple):
    """What is done in the presentation contexts whose abstract syntax ``accepts`` allows.

    ``answers`` are called with the requests there, by command field; each reads the data set, where there is
    one, and responds. ``syntaxes`` are the transfer syntaxes taken, the preferred first; none are any.
    Where the association is ``reversed``, the requestor may take the SCP role it asks for (PS3.7 D.3.3.4).
    ``negotiates`` answers an extended negotiation of the SOP class with what is supported of it (D.3.3.5).
    ``counts`` names what is counted in a session that has such a context, for the last line of the log about
    it. ``ended`` is called once for each association that had one, when that is over.
    """

    accepts: Callable[[str], bool]
    answers: Mapping[int, Answer]
    syntaxes: tuple[str, ...] = ()
    reversed: bool = False
    negotiates: Callable[[bytes], bytes] | None = None
    counts: tuple[str, ...] = ()
    ended: Callable[[Session], None] = _nothing


class Services:
    """The services of a server; an abstract syntax is the first one's that accepts it."""

    def __init__(self, services: Sequence[Service]) -> None:
        """Offer ``services``."""
        self._services = services
        self._operations = frozenset([field for each in services for field in each.answers])

    def acceptance(self, request: pdu.AssociateRQ) -> Acceptance:
        """Return how to accept ``request``: what has a service, in its transfer syntaxes and roles.

        Where nothing is said of roles, the requestor is the SCU (PS3.7 D.3.3.4).
        """
        information = request.user_information
        return Acceptance(
            answered(request.contexts, self._syntaxes_for),
            tuple([role for role in information.roles if self._is_reversed(role.sop_class_uid)]),
            tuple(self._extended(information.extended)),
            identity_response=identity_response(information.identity),
        )

    def answer(self, session: Session, message: Message) -> None:
        """Have its service answer a request.

        One that has none is refused: the operation is unrecognized where no service has it, else the SOP
        class is not supported (PS3.7 Annex C). A C-CANCEL of what has ended is passed over, as a response is.
        """
        field = dimse.number(message.command, "CommandField")
        service = self._service(message.context.abstract_syntax)
        answer = service.answers.get(field) if service else None
        if answer is not None:
            answer(session, message)
        elif not field & dimse.RESPONSE and field != dimse.CommandField.C_CANCEL_RQ:
            for _ in session.association.data():
                pass
            status = SOP_CLASS_NOT_SUPPORTED if field in self._operations else UNRECOGNIZED_OPERATION
            session.association.send(message.context, dimse.response(message.command, status))

    def counts(self, association: Association) -> list[str]:
        """Return what is counted in a session on ``association``."""
        return [name for service in self._of(association) for name in service.counts]

    def ended(self, session: Session) -> None:
        """Tell the services that had a context in ``session`` that it is over; all, whatever one raises."""
        with ExitStack() as told:
            for service in self._of(session.association):
                told.callback(service.ended, session)

    def _of(self, association: Association) -> list[Service]:
        """Return the services that have a context on ``association``."""
        syntaxes = {context.abstract_syntax for context in association.contexts.values()}
        return [each for each in self._services if any(self._service(uid) is each for uid in syntaxes)]

    def _extended(self, proposals: Sequence[ExtendedNegotiation]) -> Iterator[ExtendedNegotiation]:
        for sop_class_uid, information in proposals:
            service = self._service(sop_class_uid)
            if service is not None and service.negotiates is not None:
                yield ExtendedNegotiation(sop_class_uid, service.negotiates(information))

    def _service(self, abstract_syntax: str) -> Service | None:
        return next((each for each in self._services if each.accepts(abstract_syntax)), None)

    def _syntaxes_for(self, abstract_syntax: str) -> Sequence[str] | None:
        service = self._service(abstract_syntax)
        return None if service is None else service.syntaxes

    def _is_reversed(self, sop_class_uid: str) -> bool:
        service = self._service(sop_class_uid)
        return service is not None and service.reversed
