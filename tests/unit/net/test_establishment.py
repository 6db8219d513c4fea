"""What is negotiated beside the contexts: roles, extensions, the window (PS3.7 D.3.3); and from where."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import AssociationError, UsageError
from dcmtools.net import pdu
from dcmtools.net.accepting import Acceptance, NoRequest, Rejected, accept_association
from dcmtools.net.peer import NetworkOptions, Peer
from dcmtools.net.presentation import ACCEPTANCE, ContextResult, PresentationContext
from dcmtools.net.requesting import request_association
from dcmtools.net.user_information import (
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from tests.support.tcp import reset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.net.association import Association

FIND, CT, MR = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT = "1.2.840.10008.1.2"
CONTEXTS = (PresentationContext(1, CT, (IMPLICIT,)),)
RESULTS = (ContextResult(1, ACCEPTANCE, IMPLICIT),)


class Acceptor:
    """Accepts one association as ``decide`` says, and keeps it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.address = ""
        self.association: Association | None = None
        self.failure: AssociationError | None = None


@contextmanager
def acceptor(
    decide: Callable[[pdu.AssociateRQ], Acceptance | pdu.AssociateRJ],
    host: str = "127.0.0.1",
    acse_timeout: float = 5,
) -> Iterator[Acceptor]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        seen = Acceptor(listener.getsockname()[1])

        def work() -> None:
            sock, address = listener.accept()
            seen.address = address[0]
            try:
                seen.association = accept_association(sock, NetworkOptions(acse_timeout=acse_timeout), decide)
            except AssociationError as error:
                seen.failure = error

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield seen
        thread.join(10)
        assert not thread.is_alive()
        if seen.association:
            seen.association.abort()


def test_roles_are_those_asked_for_and_granted() -> None:
    """PS3.7 D.3.3.4: the acceptor may refuse a role, and cannot give one that nobody wanted."""
    asked = [RoleSelection(CT, False, True), RoleSelection(MR, True, False)]
    granted = (
        RoleSelection(CT, False, True),
        RoleSelection(MR, True, True),
        RoleSelection(FIND, True, True),
    )
    with acceptor(lambda _: Acceptance(RESULTS, roles=granted)) as seen:
        association = request_association(
            Peer("127.0.0.1", seen.port), NetworkOptions(), CONTEXTS, roles=asked
        )
        assert association.roles == {CT: asked[0], MR: asked[1]}
        association.abort()
    assert seen.association
    assert seen.association.roles == association.roles
    assert seen.association.request.user_information.roles == tuple(asked)


def test_extended_negotiation() -> None:
    """PS3.7 D.3.3.5 and D.3.3.6."""
    asked = [ExtendedNegotiation(FIND, b"\1\1\1")]
    common = [CommonExtendedNegotiation(CT, "1.2.840.10008.4.2", (MR,))]
    answer = (ExtendedNegotiation(FIND, b"\1\0\0"), ExtendedNegotiation(MR, b"\1"))
    with acceptor(lambda _: Acceptance(RESULTS, extended=answer)) as seen:
        association = request_association(
            Peer("127.0.0.1", seen.port), NetworkOptions(), CONTEXTS, extended=asked, common_extended=common
        )
        assert association.extended == {FIND: b"\1\0\0"}
        association.abort()
    assert seen.association
    told = seen.association.request.user_information
    assert (told.extended, told.common_extended) == (tuple(asked), tuple(common))


def answer_to(information: UserInformation, decision: Acceptance) -> UserInformation:
    """What an acceptor that decides so says to this requestor."""
    request = pdu.encode(pdu.AssociateRQ("PEER", "SELF", CONTEXTS, information))
    with acceptor(lambda _: decision) as seen, socket.create_connection(("127.0.0.1", seen.port)) as sock:
        sock.sendall(request)
        header = sock.recv(6, socket.MSG_WAITALL)
        body = sock.recv(int.from_bytes(header[2:], "big"), socket.MSG_WAITALL)
    accept = pdu.decode(header[0], body)
    assert isinstance(accept, pdu.AssociateAC)
    return accept.user_information


@pytest.mark.parametrize(
    ("asked", "answer"), [(None, None), ((0, 0), (1, 1)), ((5, 1), (1, 1)), ((1, 1), (1, 1))]
)
def test_the_window_is_one(asked: tuple[int, int] | None, answer: tuple[int, int] | None) -> None:
    """PS3.7 D.3.3.3: whoever asks for more operations at a time is told of one."""
    told = answer_to(UserInformation(16384, async_window=asked), Acceptance(RESULTS))
    assert told.async_window == answer


@pytest.mark.parametrize("asks", [False, True])
def test_an_identity_is_answered_where_an_answer_is_wanted(asks: bool) -> None:
    """PS3.7 D.3.3.7."""
    identity = UserIdentity(1, b"me", positive_response_requested=asks)
    told = answer_to(UserInformation(16384, identity=identity), Acceptance(RESULTS, identity_response=b""))
    assert told.identity_response == (b"" if asks else None)
    assert (
        answer_to(UserInformation(16384), Acceptance(RESULTS, identity_response=b"")).identity_response
        is None
    )


def test_nobody_is_asked_for_more_than_one_operation() -> None:
    with acceptor(lambda _: Acceptance(RESULTS)) as seen:
        request_association(Peer("127.0.0.1", seen.port), NetworkOptions(), CONTEXTS).abort()
    assert seen.association
    assert seen.association.request.user_information.async_window is None


def test_the_address_that_connections_start_from() -> None:
    with acceptor(lambda _: Acceptance(RESULTS)) as seen:
        network = NetworkOptions(bind_address="127.0.0.9")
        request_association(Peer("127.0.0.1", seen.port), network, CONTEXTS).abort()
    assert seen.address == "127.0.0.9"


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("192.0.2.1", "no connection can start from 192.0.2.1: Cannot assign"),
        ("nowhere", "'nowhere' is not an address"),
    ],
)
def test_an_address_that_is_not_ours(address: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        request_association(Peer("127.0.0.1", 1), NetworkOptions(bind_address=address), CONTEXTS)


def test_one_kind_of_address_only() -> None:
    for version, bind in ((6, None), (None, "::1")):
        network = NetworkOptions(ip_version=version, bind_address=bind)
        with pytest.raises(AssociationError, match="resolve: no IPv6 address for 127"):
            request_association(Peer("127.0.0.1", 1), network, CONTEXTS)
    with pytest.raises(AssociationError, match="resolve: no IPv4 address for ::1"):
        request_association(Peer("::1", 1), NetworkOptions(ip_version=4), CONTEXTS)


REJECTIONS = {
    (1, 1, 1): ("permanent", "no reason given (service user)", "--calling-aet"),
    (1, 1, 2): ("permanent", "application context name not supported (service user)", ""),
    (1, 1, 3): ("permanent", "calling AE title not recognized (service user)", "does not know 'DCMTOOLS'"),
    (1, 1, 7): ("permanent", "called AE title not recognized (service user)", "another AE title than 'PEER'"),
    (1, 1, 9): ("permanent", "reserved reason 9 of source 1", ""),
    (1, 2, 1): ("permanent", "no reason given (service provider, ACSE)", "--user"),
    (1, 2, 2): ("permanent", "protocol version not supported (service provider, ACSE)", ""),
    (2, 3, 1): ("transient", "temporary congestion (service provider, presentation)", "again later"),
    (2, 3, 2): ("transient", "local limit exceeded (service provider, presentation)", "as many associations"),
    (3, 4, 0): ("result 3", "reserved reason 0 of source 4", ""),
}


@pytest.mark.parametrize(("triple", "words"), REJECTIONS.items())
def test_rejections_in_words(triple: tuple[int, int, int], words: tuple[str, str, str]) -> None:
    """PS3.8 9.3.4: result, source and reason, and the usual mistake."""
    result, reason, hint = words
    with acceptor(lambda _: pdu.AssociateRJ(*triple)) as seen, pytest.raises(AssociationError) as caught:
        request_association(Peer("127.0.0.1", seen.port, "PEER"), NetworkOptions(), CONTEXTS)
    assert f"rejected ({result}): {reason}; called 'PEER', calling 'DCMTOOLS'" in caught.value.message
    assert caught.value.transient is (triple[0] == 2)
    assert hint in caught.value.hint
    assert bool(hint) is bool(caught.value.hint)
    assert seen.failure


# ---------------------------------------------------------------- requests that come to nothing


@pytest.mark.parametrize("how", ["ends", "resets", "waits"])
def test_who_says_nothing_has_made_no_request(how: str) -> None:
    with acceptor(lambda _: Acceptance(RESULTS), acse_timeout=0.2) as seen:
        sock = socket.create_connection(("127.0.0.1", seen.port))
        if how == "resets":
            reset(sock)
        elif how == "ends":
            sock.close()
        else:
            assert sock.recv(1) == b"", "nothing but the end (PS3.8 9.2, AA-2)"
        sock.close()
    assert isinstance(seen.failure, NoRequest)
    assert ("in time" in seen.failure.message) == (how == "waits")


def test_a_request_has_to_be_whole_in_time_and_is_a_failure_of_another_kind() -> None:
    with (
        acceptor(lambda _: Acceptance(RESULTS), acse_timeout=0.2) as seen,
        socket.create_connection(("127.0.0.1", seen.port)) as sock,
    ):
        sock.sendall(b"\1\0")
        assert sock.recv(1) == b"\7"
    assert seen.failure
    assert not isinstance(seen.failure, NoRequest)


def test_a_rejection_says_who_was_rejected_and_why() -> None:
    no = pdu.AssociateRJ(1, 1, 3)
    with acceptor(lambda _: no) as seen, pytest.raises(AssociationError):
        request_association(Peer("127.0.0.1", seen.port), NetworkOptions(calling_aet="CT9"), CONTEXTS)
    assert isinstance(seen.failure, Rejected)
    assert (seen.failure.rejection, seen.failure.request.calling_aet) == (no, "CT9")


@pytest.mark.parametrize("length", [1, 7])
def test_a_requestor_that_takes_no_message(length: int) -> None:
    """A PDV takes 8 bytes or more (PS3.8 9.3.5): whoever allows fewer cannot be answered."""
    asked = pdu.AssociateRQ("A", "B", CONTEXTS, UserInformation(length, "1.2"))
    with (
        acceptor(lambda _: Acceptance(RESULTS)) as seen,
        socket.create_connection(("127.0.0.1", seen.port)) as sock,
    ):
        sock.sendall(pdu.encode(asked))
        assert sock.recv(1) == b"\7"
    assert seen.failure
    assert (
        seen.failure.message
        == f"associate: the peer takes PDUs of at most {length} bytes, too few for any message"
    )


@pytest.mark.parametrize(
    ("contexts", "identity", "complaint"),
    [
        (129, None, "129 presentation contexts, at most 128 fit"),
        (1, UserIdentity(2, b"u", bytes(0xFFFF)), "a user identity of 65536 bytes, at most 65529 fit"),
        (1, UserIdentity(1, bytes(0xFFF0)), "item 50H"),
    ],
)
def test_what_no_request_can_hold_is_told_before_connecting(
    contexts: int, identity: UserIdentity | None, complaint: str
) -> None:
    proposed = [PresentationContext(2 * number + 1, CT, (IMPLICIT,)) for number in range(contexts)]
    steps: dict[str, float] = {}
    with pytest.raises(ValueError, match=complaint):
        request_association(Peer("127.0.0.1", 9), NetworkOptions(identity=identity), proposed, steps=steps)
    assert not steps
