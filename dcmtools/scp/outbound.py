"""Instances of the archive on their way, as the sub-operations of a C-MOVE or C-GET (PS3.7 9.1.1)."""

from __future__ import annotations

from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.errors import AssociationError, DcmtoolsError, InputError, Interrupted
from dcmtools.files.inputs import Input
from dcmtools.files.instance import inspect
from dcmtools.net import dimse
from dcmtools.net.incoming import Message  # noqa: TC001  a named tuple's types are needed to compile it
from dcmtools.scu.payload import Payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Protocol

    from dcmtools.editing.apart import Processes
    from dcmtools.files.instance import Instance
    from dcmtools.files.source import FileSource
    from dcmtools.net.association import Association
    from dcmtools.net.negotiated import Context
    from dcmtools.scp.suboperations import SubOperations

    class Held(Protocol):
        """An instance as the index knows it; ``path`` is relative to the folder of the archive."""

        @property
        def path(self) -> str: ...  # noqa: D102  its name says it
        @property
        def sop_class_uid(self) -> str: ...  # noqa: D102  the same
        @property
        def sop_instance_uid(self) -> str: ...  # noqa: D102  the same
        @property
        def transfer_syntax_uid(self) -> str: ...  # noqa: D102  the same


class Route(NamedTuple):
    """An association to send over, and how: ``context_for`` raises PeerFailure where it has no context.

    ``others`` takes what the peer asks for meanwhile, None where it may ask for nothing. ``originator`` are
    the fields that name the C-MOVE, where there is one.
    """

    association: Association
    context_for: Callable[[Instance], Context]
    others: Callable[[Message], None] | None = None
    originator: Mapping[str, dimse.Value] = {}


class Outbound:
    """What is still to be sent for one operation, over one association after the other."""

    def __init__(
        self,
        operation: SubOperations,
        held: Iterator[Held],
        opened: Callable[[str], FileSource],
        apart: Processes,
    ) -> None:
        """Send ``held``, each a sub-operation of ``operation``; ``opened`` opens the file at a path.

        Where the peer wants them in another transfer syntax, pixels are transcoded ``apart``.
        """
        self._operation = operation
        self._held = held
        self._opened = opened
        self._apart = apart
        self._priority = dimse.number(operation.message.command, "Priority", dimse.MEDIUM)
        self.answers = 0  # that came, whatever they said

    def __bool__(self) -> bool:
        """Whether there is something left to send."""
        first = next(self._held, None)
        if first is None:
            return False
        self._held = chain([first], self._held)
        return True

    def uids(self) -> Iterator[str]:
        """Give up what is left, and yield its SOP Instance UIDs."""
        return (held.sop_instance_uid for held in self._held)

    def send(self, route: Route) -> None:
        """Send over ``route`` until nothing is left, or the operation is not to go on.

        Whatever is wrong with one file is one failure. Raises AssociationError where the association is
        over: the instance in hand has failed then, the others are left.
        """
        following = self._next(route)
        try:
            while following is not None and self._operation.goes_on():
                payload, following = following, None
                with closing(payload):
                    request = self._sent(route, payload)
                    # The next file is opened and read while the peer works on this one.
                    following = self._next(route)
                    self._await_answer(route, payload, request)
        finally:
            if following is not None:
                following.close()
                self._held = chain([following.instance], self._held)

    def _next(self, route: Route) -> Payload | None:
        """Return the next instance that can be sent; those that cannot, on the way to it, have failed."""
        for held in self._held:
            try:
                return self._payload(route, held)
            except Interrupted:  # while it was transcoded
                self._held = chain([held], self._held)
                return None
            except DcmtoolsError as error:
                self._operation.fail(held.sop_instance_uid, error.message)
        return None

    def _payload(self, route: Route, held: Held) -> Payload:
        source = self._opened(held.path)
        try:
            instance = _known(inspect(Input(held.path), source), held)
            context = route.context_for(instance)
        except BaseException:
            source.close()
            raise
        return Payload(instance, context, source, self._apart)

    def _sent(self, route: Route, payload: Payload) -> dimse.Command:
        association, uid = route.association, payload.instance.sop_instance_uid
        request = payload.request(association.next_message_id(), self._priority, **route.originator)
        try:
            association.send(payload.context, request, payload.blocks())
        except AssociationError as error:
            self._operation.fail(uid, error.message)
            raise
        except InputError as error:  # after a message cut short there can only be an abort
            self._operation.fail(uid, error.message)
            raise AssociationError(error.message, step="send") from error
        return request

    def _await_answer(self, route: Route, payload: Payload, request: dimse.Command) -> None:
        uid = payload.instance.sop_instance_uid
        try:
            answer = route.association.response_to(request, route.others)
        except AssociationError as error:
            self._operation.fail(uid, error.message)
            raise
        self.answers += 1
        if mismatch := payload.mismatch(answer):
            self._operation.fail(uid, mismatch)
        else:
            self._operation.answered(uid, dimse.number(answer.command, "Status"))


def _known(instance: Instance, held: Held) -> Instance:
    """Return ``instance``; raise InputError where it is not the one that is ``held``."""
    for name in ("sop_class_uid", "sop_instance_uid", "transfer_syntax_uid"):
        if getattr(instance, name) != getattr(held, name):
            raise InputError(f"the file has changed since it was indexed: {name} is another")
    return instance
