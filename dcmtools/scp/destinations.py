"""Where a C-MOVE may send: AE titles and whom they stand for (PS3.4 C.4.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmtools.net.peer import NetworkOptions, Peer, TlsOptions

if TYPE_CHECKING:
    from dcmtools.net.user_information import UserIdentity


class Destination(NamedTuple):
    """A peer that instances may be sent to, and how it is to be approached; by default in the clear."""

    peer: Peer
    tls: TlsOptions | None = None
    identity: UserIdentity | None = None

    def network(self, own: NetworkOptions) -> NetworkOptions:
        """Return the options for associations with it: ``own``, but where something else is known of it."""
        peer, limits = self.peer, self.peer.limits
        return NetworkOptions(
            calling_aet=peer.calling_aet or own.calling_aet,
            connect_timeout=limits.connect_timeout or own.connect_timeout,
            acse_timeout=limits.acse_timeout or own.acse_timeout,
            dimse_timeout=limits.dimse_timeout or own.dimse_timeout,
            max_pdu=limits.max_pdu or own.max_pdu,
            bind_address=peer.security.bind_address,
            tls=self.tls,
            identity=self.identity,
            stop=own.stop,
        )
