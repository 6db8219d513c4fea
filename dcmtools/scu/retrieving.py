"""What C-MOVE and C-GET have in common as SCU: their association, and what lies behind a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.net.requesting import request_association
from dcmtools.net.status import DOES_NOT_MATCH_SOP_CLASS, MATCHES_IMPOSSIBLE
from dcmtools.net.user_information import ExtendedNegotiation
from dcmtools.scu.saying import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.net.association import Association
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.net.presentation import PresentationContext
    from dcmtools.net.user_information import RoleSelection

MAX_LOSSES: Final = 3
"""Associations lost one after the other without any final response, after which the rest is given up."""
_RELATIONAL: Final = b"\x01"  # PS3.4 C.5.1.1, C.5.2.1 and C.5.3.1
_HINTS: Final = {
    MATCHES_IMPOSSIBLE: "the peer is short of resources; ask for less, or later",
    DOES_NOT_MATCH_SOP_CLASS: (
        "the peer does not take this for its level and model; -P, -S and --relational choose others"
    ),
}


def associated(
    peer: Peer,
    network: NetworkOptions,
    contexts: Sequence[PresentationContext],
    relational: Sequence[str],
    roles: Sequence[RoleSelection] = (),
) -> Association:
    """Return an association, relational for the SOP classes in ``relational``, the retrieval's first.

    That the peer does not agree to that is said. Raises what ``request_association`` raises.
    """
    extended = [ExtendedNegotiation(uid, _RELATIONAL) for uid in relational]
    association = request_association(peer, network, contexts, roles=roles, extended=extended)
    if relational and association.extended.get(relational[0], b"")[:1] != _RELATIONAL:
        say("%s: the peer does not agree to relational retrieval; it may fail", peer.name)
    return association


def hint_for(status: int) -> str:
    """Return what to do about a final status, where that is the same for both."""
    return _HINTS.get(status, "")
