"""What a requestor's commands say of the association they want; one object reaches the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from dcmtools.cli.options import association_options, bundle, seconds_option, stop_on_signals
from dcmtools.cli.params import is_given
from dcmtools.cli.peer_params import AET, IP_ADDRESS, PEER
from dcmtools.cli.securing import (
    IDENTITY_NAMES,
    TLS_NAMES,
    asked_identity,
    asked_tls,
    identity_options,
    tls_options,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.net.peer import Peer

    Function = Callable[..., Any]

F = TypeVar("F", bound="Callable[..., Any]")

_NAMES = (
    "calling_aet",
    "connect_timeout",
    "acse_timeout",
    "dimse_timeout",
    "max_pdu",
    "ip_version",
    "bind_address",
    *TLS_NAMES,
    *IDENTITY_NAMES,
)
# What belongs together: of a peer's settings the second goes only with its first.
_PAIRS = {
    "tls_key": "tls_cert",
    "tls_key_password_file": "tls_cert",
    "password_file": "user",
}


def network_options(function: Function) -> Function:
    """Add what associations need; the command gets ``network``, and signals ask ``network.stop`` to stop."""

    def call(*args: object, called_aet: str | None, peer: Peer | None = None, **kwargs: Any) -> object:  # noqa: ANN401  click's
        from dcmtools.net.peer import DEFAULT_CALLING_AET, NetworkOptions

        context = click.get_current_context()
        values = {name: kwargs.pop(name) for name in _NAMES}
        if peer:
            kwargs["peer"] = peer._replace(aet=called_aet) if called_aet else peer  # both titles are checked
            values.update(_of_peer(context, peer))
            if values["tls"] is None:
                refuse_half_secured(peer)
        values["calling_aet"] = values["calling_aet"] or DEFAULT_CALLING_AET
        tls = asked_tls(context, {name: values.pop(name) for name in TLS_NAMES})
        identity = asked_identity(context, {name: values.pop(name) for name in IDENTITY_NAMES})
        network = NetworkOptions(**values, tls=tls, identity=identity, stop=stop_on_signals(context))
        return function(*args, network=network, **kwargs)

    return bundle(
        call,
        function,
        click.option(
            "-aet",
            "--calling-aet",
            type=AET,
            metavar="AET",
            show_default="DCMTOOLS",
            envvar="DCMTOOLS_CALLING_AET",
            help="AE title to call ourselves.",
        ),
        click.option(
            "-aec",
            "--called-aet",
            type=AET,
            metavar="AET",
            allow_from_autoenv=False,
            help="AE title of the peer, in place of the one in PEER.",
        ),
        seconds_option("-to", "--connect-timeout", 10, "Longest wait for the connection, and for TLS on it."),
        *association_options(),
        click.option("-4", "--ipv4", "ip_version", type=int, flag_value=4, help="Connect over IPv4 only."),
        click.option("-6", "--ipv6", "ip_version", type=int, flag_value=6, help="Connect over IPv6 only."),
        click.option(
            "--bind-address",
            type=IP_ADDRESS,
            metavar="ADDRESS",
            envvar="DCMTOOLS_BIND_ADDRESS",
            help="Address of this machine to connect from.",
        ),
        *tls_options(),
        *identity_options(),
    )


def peer_argument(function: F) -> F:
    """Add the argument ``PEER``; the command gets ``peer``."""
    return click.argument("peer", type=PEER, metavar="PEER")(function)


def associations_option(text: str) -> Callable[[F], F]:
    """Add ``--jobs`` for work over several associations at once, with ``text`` as its help."""
    return click.option(
        "-j",
        "--jobs",
        type=click.IntRange(1, 64),
        default=1,
        show_default=True,
        metavar="N",
        help=text,
    )


def priority_option(function: F) -> F:
    """Add ``--priority``; the command gets ``priority``, as PS3.7 has it."""

    def number(_context: click.Context, _param: click.Parameter, name: str) -> int:
        from dcmtools.net import dimse

        return {"low": dimse.LOW, "medium": dimse.MEDIUM, "high": dimse.HIGH}[name]

    return click.option(
        "--priority",
        type=click.Choice(["low", "medium", "high"]),
        default="medium",
        show_default=True,
        callback=number,
        help="Priority to ask for.",
    )(function)


def refuse_half_secured(peer: Peer) -> None:
    """Refuse a peer whose settings are about TLS, but for whom nobody says whether there is to be any."""
    for name, value in peer.security._asdict().items():
        if name.startswith("tls_") and value is not None:
            from dcmtools.errors import UsageError

            raise UsageError(
                f"config.toml has {name} for {peer.name}, and does not say whether to connect with TLS",
                hint="tls = true there or --tls; for a plain connection tls = false or --no-tls",
            )


def _of_peer(context: click.Context, peer: Peer) -> dict[str, Any]:
    """Return what config.toml says of ``peer`` and nobody has given."""
    known = {"calling_aet": peer.calling_aet, **peer.limits._asdict(), **peer.security._asdict()}
    given = {name for name in _NAMES if is_given(context, name)}
    if given & {"kerberos_ticket", "saml", "jwt"}:
        given.add("user")
    return {
        name: value
        for name, value in known.items()
        if value is not None and name not in given and _PAIRS.get(name) not in given
    }
