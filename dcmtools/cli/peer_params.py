"""Parameter types of peers: who they are, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.cli.params import Parsed, is_given

if TYPE_CHECKING:
    from collections.abc import Iterator

    import click

    from dcmtools.net.peer import Peer


def _default_port(context: click.Context | None, tls: bool | None = None) -> int:
    """Return the port of a peer that has none: that for TLS, where it is to be spoken.

    ``tls`` is what config.toml says of the peer, which goes before [defaults], but not before what is given.
    """
    from dcmtools.net.peer import DEFAULT_PORT, TLS_PORT

    asked = context.params.get("tls") if context else None
    if context and (tls is None or is_given(context, "tls")):
        tls = asked
    return TLS_PORT if tls else DEFAULT_PORT


class _PeerNameType(Parsed):
    name = "name"

    def parse(self, text: str) -> object:
        from dcmtools.config.peers import checked_name

        return checked_name(text)

    def proposals(self, incomplete: str) -> Iterator[tuple[str, str]]:
        from dcmtools.config.peers import addresses

        return ((name, where) for name, where in addresses().items() if name.startswith(incomplete))


class _AddressType(Parsed):
    name = "peer"
    forms = "AET@host:port, host:port or host"

    def parse_within(self, text: str, context: click.Context | None) -> Peer:
        from dcmtools.net.peer import Peer

        return Peer.parse(text, _default_port(context))


class _PeerType(_PeerNameType):
    name = "peer"
    forms = "AET@host:port, host:port, host or a name from config.toml"

    def parse_within(self, text: str, context: click.Context | None) -> Peer:
        from dcmtools.net.peer import Peer

        if text and not set(text) & set("@:[]"):  # neither AET@ nor a port: a name, or a host
            from dcmtools.config.peers import named_peer

            peer = named_peer(text)
            if peer is not None:
                return named_peer(text, _default_port(context, peer.security.tls)) or peer
        return Peer.parse(text, _default_port(context))


class _AetType(Parsed):
    name = "aet"

    def parse(self, text: str) -> str:
        from dcmtools.net.peer import checked_aet

        return checked_aet(text)


class _NetworkType(Parsed):
    name = "network"
    forms = "an address or a network such as 192.0.2.0/24"

    def parse(self, text: str) -> object:
        from ipaddress import ip_network

        return ip_network(text)


class _IpAddressType(Parsed):
    name = "address"

    def parse(self, text: str) -> str:
        from ipaddress import ip_address

        return str(ip_address(text))


PEER = _PeerType()
PEER_NAME = _PeerNameType()
ADDRESS = _AddressType()
IP_ADDRESS = _IpAddressType()
NETWORK = _NetworkType()
AET = _AetType()
