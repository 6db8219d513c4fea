"""C-MOVE and C-GET as SCP: what an archive holds, as it stands where it can be (PS3.4 C.4.2, C.4.3)."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.archive.asked import NoAnswer
from dcmtools.archive.database import IndexBehind
from dcmtools.encoding.uids import is_uid, uid_name
from dcmtools.errors import AssociationError, DcmtoolsError, PeerFailure
from dcmtools.net import dimse
from dcmtools.net.exchange import read, respond
from dcmtools.net.requesting import request_association
from dcmtools.net.status import (
    CANNOT_UNDERSTAND,
    MATCHES_IMPOSSIBLE,
    MOVE_DESTINATION_UNKNOWN,
    status_text,
)
from dcmtools.query.models import MODELS
from dcmtools.scp.outbound import Outbound, Route
from dcmtools.scp.suboperations import SubOperations
from dcmtools.scu.contexts import agreed, batches
from dcmtools.scu.storing import StoreOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Protocol, TypeAlias

    from dcmtools.acceptor.session import Session
    from dcmtools.editing.apart import Processes
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.files.instance import Instance
    from dcmtools.files.source import FileSource
    from dcmtools.net.association import Association
    from dcmtools.net.incoming import Message
    from dcmtools.net.negotiated import Context
    from dcmtools.net.peer import NetworkOptions
    from dcmtools.net.presentation import PresentationContext
    from dcmtools.query.models import Model
    from dcmtools.scp.destinations import Destination
    from dcmtools.scp.outbound import Held
    from dcmtools.scu.storing import Transcode

    class Matches(Protocol):
        """What an identifier asks for; may be gone through more than once."""

        def __len__(self) -> int: ...  # noqa: D105
        def __iter__(self) -> Iterator[Held]: ...  # noqa: D105

    Find: TypeAlias = Callable[[Model, DataSet, bool], Matches]

logger = logging.getLogger(__name__)


# Associations lost during one C-MOVE, each after it came about, after which the rest has failed.
_MAX_LOSSES: Final = 3
_MOVES: Final = {model.move: model for model in MODELS}
_GETS: Final = {model.get: model for model in MODELS}


class _Kind(NamedTuple):
    sop_class_uid: str
    transfer_syntax_uid: str


class Retrieval:
    """Answers C-MOVE and C-GET of the models in PS3.4 C.6."""

    def __init__(
        self,
        find: Find,
        opened: Callable[[str], FileSource],
        network: NetworkOptions,
        destinations: Mapping[str, Destination],
        apart: Processes,
        transcode: Transcode = "lossless",
    ) -> None:
        """Send what ``find`` says an identifier asks for, from the files that ``opened`` opens.

        ``find`` gets the model, the identifier, and whether a relational retrieval was agreed on; it raises
        an error with the ``number`` of a status where there is no answer, and another where the archive
        cannot tell. A C-MOVE goes to one of ``destinations``, by AE title, in associations on the terms of
        ``network``. What is not taken as it is stored goes in another transfer syntax, transcoded ``apart``,
        if ``transcode`` allows that.
        """
        self._find = find
        self._opened = opened
        self._network = network
        self._destinations = destinations
        self._apart = apart
        self._options = StoreOptions(transcode=transcode)

    def answer_get(self, session: Session, message: Message) -> None:
        """Send what is asked for on the association that asks for it (PS3.4 C.4.3.3).

        Raises AssociationError where that ends before all is done.
        """
        matches = self._asked(session, message, _GETS)
        if matches is None:
            return
        association = session.association
        operation = SubOperations(session, message, len(matches), self._network.stop)
        outbound = Outbound(operation, _as_far_as_known(matches, operation), self._opened, self._apart)
        granted = partial(_granted, association, options=self._options)
        outbound.send(Route(association, granted, operation.cancel.take))
        operation.give_up(outbound.uids(), "")
        operation.finish()

    def answer_move(self, session: Session, message: Message) -> None:
        """Send what is asked for to the destination that is named (PS3.4 C.4.2.3).

        Raises AssociationError where the association with the requestor ends before all is done.
        """
        aet = dimse.text(message.command, "MoveDestination")
        destination = self._destinations.get(aet)
        if destination is None:
            _refuse(session, message, MOVE_DESTINATION_UNKNOWN, f"destination {aet!r} is not known here")
            return
        matches = self._asked(session, message, _MOVES)
        if matches is None:
            return
        operation = SubOperations(session, message, len(matches), self._network.stop)
        for contexts, kinds in batches(_kinds(matches, operation), self._options.transcode):
            held = _as_far_as_known(matches, operation, frozenset(kinds))
            outbound = Outbound(operation, held, self._opened, self._apart)
            reason = self._deliver(outbound, operation, destination, contexts)
            operation.give_up(outbound.uids(), reason)
        operation.finish()

    def _asked(self, session: Session, message: Message, models: Mapping[str, Model]) -> Matches | None:
        """Return what ``message`` asks for; None where it was refused, as nobody can tell what that is."""
        association, sop_class = session.association, message.context.abstract_syntax
        freely = association.extended.get(sop_class, b"")[:1] == b"\1"
        try:
            return self._find(models[sop_class], read(association, message), freely)
        except PeerFailure as error:  # the identifier is broken
            _refuse(session, message, CANNOT_UNDERSTAND, error.message)
        except NoAnswer as error:
            offending: dimse.Command = {"OffendingElement": (error.tag,)} if error.tag else {}
            _refuse(session, message, error.number, error.message, **offending)
        except IndexBehind as error:
            _refuse(session, message, MATCHES_IMPOSSIBLE, error.message)
        return None

    def _deliver(
        self,
        outbound: Outbound,
        operation: SubOperations,
        destination: Destination,
        contexts: Sequence[PresentationContext],
    ) -> str:
        """Send on one association, or on another where one is lost; return why there is something left."""
        originator: dict[str, dimse.Value] = {
            "MoveOriginatorApplicationEntityTitle": operation.session.calling_aet,
            "MoveOriginatorMessageID": dimse.number(operation.message.command, "MessageID"),
        }
        network = destination.network(self._network)
        losses = 0
        while outbound and operation.goes_on():
            before = outbound.answers
            try:
                association = request_association(destination.peer, network, contexts)
            except DcmtoolsError as error:
                return error.message
            association.transport.patient = True
            route = Route(association, partial(agreed, association, options=self._options), None, originator)
            try:
                with association:
                    outbound.send(route)
            except AssociationError as error:  # that of the requestor comes again with the next look at it
                losses += 1
                if losses == _MAX_LOSSES or outbound.answers == before:
                    return error.message
        return ""


def _kinds(matches: Matches, operation: SubOperations) -> list[_Kind]:
    """Return what has to be proposed for ``matches``; what nothing can be proposed for has failed."""
    kinds: dict[_Kind, None] = {}
    for held in _as_far_as_known(matches, operation):
        kind = _Kind(held.sop_class_uid, held.transfer_syntax_uid)
        if kind not in kinds and not (is_uid(kind.sop_class_uid) and is_uid(kind.transfer_syntax_uid)):
            operation.fail(held.sop_instance_uid, "its SOP class or transfer syntax has no UID")
        else:
            kinds[kind] = None
    return list(kinds)


def _as_far_as_known(
    matches: Matches, operation: SubOperations, kinds: frozenset[tuple[str, str]] | None = None
) -> Iterator[Held]:
    """Yield ``matches``, those of ``kinds`` where these are given; and no more once the index fails."""
    try:
        for held in matches:
            if kinds is None or (held.sop_class_uid, held.transfer_syntax_uid) in kinds:
                yield held
    except DcmtoolsError as error:
        operation.reason = operation.reason or error.message


def _granted(association: Association, instance: Instance, options: StoreOptions) -> Context:
    """Return the context to send ``instance`` on to a requestor that takes the SCP role for its class."""
    role = association.roles.get(instance.sop_class_uid)
    if role is None or not role.scp:
        name = uid_name(instance.sop_class_uid)
        raise PeerFailure(f"the requestor does not take the SCP role for {name}")
    return agreed(association, instance, options)


def _refuse(session: Session, message: Message, number: int, reason: str, **fields: dimse.Value) -> None:
    """Answer a request that comes to nothing with the status ``number``, for ``reason``."""
    for _ in session.association.data():
        pass
    respond(session.association, message, number, ErrorComment=reason, **fields)
    logger.warning(session.line("refused", status=status_text(number), reason=reason))
