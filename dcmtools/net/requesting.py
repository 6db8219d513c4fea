"""How an association is asked for (PS3.8 7.1 and 9.3.2 to 9.3.4)."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dcmtools.encoding.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dcmtools.errors import AssociationError
from dcmtools.net import aborting, pdu
from dcmtools.net.association import Association
from dcmtools.net.connecting import connect, resolve
from dcmtools.net.transport import Transport
from dcmtools.net.user_information import UserInformation

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from dcmtools.net.connecting import Address
    from dcmtools.net.peer import NetworkOptions, Peer, TlsOptions
    from dcmtools.net.presentation import PresentationContext
    from dcmtools.net.user_information import CommonExtendedNegotiation, ExtendedNegotiation, RoleSelection


def request_association(
    peer: Peer,
    network: NetworkOptions,
    contexts: Sequence[PresentationContext],
    *,
    roles: Sequence[RoleSelection] = (),
    extended: Sequence[ExtendedNegotiation] = (),
    common_extended: Sequence[CommonExtendedNegotiation] = (),
    steps: dict[str, float] | None = None,
) -> Association:
    """Connect to ``peer`` and ask it for an association with at most 128 ``contexts``.

    ``roles`` are those that we want to have, ``extended`` and ``common_extended`` negotiate what the SOP
    classes define. ``steps`` gets the milliseconds that each step took which was reached.

    Raises AssociationError with the step that failed (resolve, connect, tls, associate) and the peer's
    reason for a reject or abort in words; Interrupted when the user stops it; UsageError where the options
    of ``network`` let no connection begin; ValueError, before any connection, for more contexts or a longer
    user identity than a request can hold.
    """
    information = UserInformation(
        network.max_pdu,
        IMPLEMENTATION_CLASS_UID,
        IMPLEMENTATION_VERSION_NAME,
        roles=tuple(roles),
        extended=tuple(extended),
        common_extended=tuple(common_extended),
        identity=network.identity,
    )
    request = pdu.AssociateRQ(peer.aet, network.calling_aet, tuple(contexts), information)
    encoded = pdu.encode(request)  # what cannot be asked for is told before anything is done
    watch = _StopWatch({} if steps is None else steps)
    with watch.step("resolve"):
        addresses = resolve(peer.host, peer.port, network.connect_timeout, network)
    with watch.step("connect"):
        sock = connect(addresses, network.connect_timeout, network)
    if network.tls is not None:
        with watch.step("tls"):
            sock = _secured(sock, addresses, peer, network, network.tls)
    transport = Transport(sock, network.stop, network.max_pdu)
    transport.ending_hint, transport.silence_hint = _ending_hint(network), _silence_hint(network)
    try:
        with watch.step("associate"):
            transport.send([encoded], network.acse_timeout)
            answer = _accepted(transport, request, time.monotonic() + network.acse_timeout)
    except BaseException:
        transport.close()
        raise
    transport.ending_hint = transport.silence_hint = ""
    return Association(transport, network, request, answer, answer.user_information.max_length)


class _StopWatch:
    """Takes the time of one step after the other."""

    def __init__(self, steps: dict[str, float]) -> None:
        self._steps = steps

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self._steps[name] = round((time.perf_counter() - begun) * 1000, 2)


def _secured(
    sock: socket.socket, addresses: Sequence[Address], peer: Peer, network: NetworkOptions, tls: TlsOptions
) -> socket.socket:
    from dcmtools.net.tls import secured_request  # ssl takes 10 ms to import

    def again() -> socket.socket:
        return connect(addresses, network.connect_timeout, network)

    try:
        return secured_request(sock, again, tls, peer.host, network.connect_timeout, network.stop)
    except BaseException:
        sock.close()
        raise


def _ending_hint(network: NetworkOptions) -> str:
    """Return why peers usually end the connection when they are asked for an association."""
    if network.tls is None:
        return "the peer may want TLS (--tls), or takes no associations from this address"
    if network.tls.cert is None:
        return "the peer may want a client certificate (--tls-cert, --tls-key)"
    return "the peer may not trust our certificate, or takes no associations from this address"


def _silence_hint(network: NetworkOptions) -> str:
    """Return why peers usually leave a request for an association unanswered."""
    other = "perhaps another service than DICOM listens on this port"
    what = f"{other}, or the peer wants TLS (--tls)" if network.tls is None else other
    return f"{what}; --acse-timeout SECONDS waits longer"


def _accepted(transport: Transport, request: pdu.AssociateRQ, deadline: float) -> pdu.AssociateAC:
    """Return the answer to ``request`` where it is one that an association can be used with."""
    answer = aborting.read_answer(transport, deadline)
    if isinstance(answer, pdu.AssociateRJ):
        from dcmtools.net.refusals import rejected

        raise rejected(answer, request)
    if not isinstance(answer, pdu.AssociateAC):
        raise aborting.broken(transport, "another PDU than an answer", aborting.UNEXPECTED_PDU)
    aborting.check_max_length(transport, answer.user_information.max_length)
    identity = request.user_information.identity
    if (
        identity
        and identity.positive_response_requested
        and answer.user_information.identity_response is None
    ):
        aborting.abort(transport)
        raise AssociationError(
            "the peer does not confirm the user identity",
            step="associate",
            hint="it may not look at it at all; without --identity-response that is not asked for",
        )
    return answer
