"""What the commands that listen say of whom they answer, and what they do with what comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from dcmtools.cli.options import association_options, bundle, stop_on_signals
from dcmtools.cli.params import PAUSE, SECONDS, SYNTAX
from dcmtools.cli.peer_params import AET, NETWORK, PEER
from dcmtools.cli.securing import TLS_SERVER_NAMES, asked_server_tls, tls_server_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.net.pdu import AssociateRJ
    from dcmtools.scp.destinations import Destination

    Function = Callable[..., Any]

T = TypeVar("T")

_TERMS = (
    "bind",
    "port",
    "aet",
    "allow_aet",
    "allow_ip",
    "open_to_all",
    "refuse",
    "max_associations",
    "idle_timeout",
)
_PACE = ("acse_timeout", "dimse_timeout", "max_pdu")
_RECEIVING = (
    "receive_only",
    "relational",
    "destinations",
    "transcode",
    "transfer_syntaxes",
    "durable",
    "on_duplicate",
    "command",
    "command_timeout",
    "count",
    "idle_exit",
    "ready_file",
)
_FAULTS = ("status", "delay", "abort_after")


def server_options(function: Function) -> Function:
    """Add where a server listens and for whom; the command gets ``server``, and signals ask it to stop."""

    def call(*args: object, **kwargs: Any) -> object:  # noqa: ANN401  click's
        from dcmtools.acceptor.admission import ServerOptions
        from dcmtools.net.peer import TLS_PORT, NetworkOptions

        context = click.get_current_context()
        tls = asked_server_tls(context, {name: kwargs.pop(name) for name in TLS_SERVER_NAMES})
        if tls and context.get_parameter_source("port") is click.core.ParameterSource.DEFAULT:
            kwargs["port"] = TLS_PORT
        stop = stop_on_signals(context)
        network = NetworkOptions(**{name: kwargs.pop(name) for name in _PACE}, stop=stop)
        server = ServerOptions(**{name: kwargs.pop(name) for name in _TERMS}, tls=tls, network=network)
        return function(*args, server=server, **kwargs)

    return bundle(call, function, *_LISTENING, *association_options(), *_LIMITS, *tls_server_options())


def receiving_options(function: Function) -> Function:
    """Add what the archive is for, what is kept, and what happens then; the command gets ``receiving``."""

    def call(*args: object, **kwargs: Any) -> object:  # noqa: ANN401  click's
        from dcmtools.archive.duplicates import OnDuplicate
        from dcmtools.config import calm_libraries, environment
        from dcmtools.scp.faults import Faults
        from dcmtools.scp.serve import Receiving

        faults = Faults(**{name: kwargs.pop(name) for name in _FAULTS})
        asked = {name: kwargs.pop(name) for name in _RECEIVING}
        if asked["receive_only"] and asked["destinations"]:
            raise click.UsageError("--destination is for what --receive-only does not have: C-MOVE.")
        if asked["receive_only"] and asked["relational"]:
            raise click.UsageError("--relational is for what --receive-only does not have: queries.")
        if asked["receive_only"] and asked["transcode"] != "lossless":
            raise click.UsageError("--transcode is for what --receive-only does not have: retrievals.")
        asked |= {"durable": asked["durable"] == "on", "on_duplicate": OnDuplicate(asked["on_duplicate"])}
        receiving = Receiving(**asked, environment=environment(), faults=faults)
        calm_libraries()
        return function(*args, receiving=receiving, **kwargs)

    return bundle(call, function, *_RETRIEVING, *_KEEPING, *_ENDING, *_FAULTING)


def _destinations(
    context: click.Context, _param: click.Parameter, texts: tuple[str, ...]
) -> dict[str, Destination]:
    """Return the destinations by AE title; each stands for a peer in the configuration, or an address."""
    found: dict[str, Destination] = {}
    for text in texts:
        aet, destination = _destination(context, text)
        if aet in found:
            message = f"{aet} stands for {found[aet].peer.name} already."
            raise click.BadParameter(message)
        found[aet] = destination
    return found


def _destination(context: click.Context, text: str) -> tuple[str, Destination]:
    from dcmtools.cli.networking import refuse_half_secured
    from dcmtools.cli.securing import peer_identity, peer_tls
    from dcmtools.config.peers import named_peer
    from dcmtools.net.peer import checked_aet
    from dcmtools.scp.destinations import Destination

    title, equals, address = text.rpartition("=")
    if not equals and "@" not in text and (":" in text or named_peer(text) is None):
        message = f"{text!r} is neither AET=host:port nor a peer in config.toml."
        raise click.BadParameter(message)
    peer = _checked(lambda words: PEER.parse_within(words, None), address)
    aet = _checked(checked_aet, title) if equals else peer.aet
    if peer.security.tls is None:
        refuse_half_secured(peer)
    peer = peer._replace(aet=aet)
    return aet, Destination(peer, peer_tls(peer), peer_identity(context, peer))


def _words(_context: click.Context, _param: click.Parameter, text: str | None) -> tuple[str, ...]:
    from shlex import split

    words = tuple(_checked(split, text or ""))
    if text is not None and not words:
        raise click.BadParameter("there is no command in it.")
    return words


def _rejection(_context: click.Context, _param: click.Parameter, text: str | None) -> AssociateRJ | None:
    from dcmtools.scp.faults import rejection

    return None if text is None else _checked(rejection, text)


def _reasons(_context: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from dcmtools.scp.faults import REJECTIONS

    return [reason for reason in REJECTIONS if reason.startswith(incomplete)]


def _status(_context: click.Context, _param: click.Parameter, text: str) -> int:
    from dcmtools.scp.faults import status_of

    return _checked(status_of, text)


def _checked(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        message = f"{error}."
        raise click.BadParameter(message) from None


WHERE = (
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=11112,
        show_default=True,
        help="Port to listen on; 0 takes a free one.",
    ),
    click.option(
        "--bind",
        default="127.0.0.1",
        show_default=True,
        metavar="ADDRESS",
        help="Address to listen on; another than loopback wants --allow-aet, --allow-ip or --open.",
    ),
)
ALLOWED = (
    click.option(
        "--allow-aet",
        type=AET,
        multiple=True,
        metavar="AET",
        help="Take associations from this AE title only. Repeatable.",
    ),
    click.option(
        "--allow-ip",
        type=NETWORK,
        multiple=True,
        metavar="ADDRESS[/BITS]",
        help="Take connections from this address or network only; others are closed unheard. Repeatable.",
    ),
    click.option("--open", "open_to_all", is_flag=True, help="Take associations from anyone."),
)
_LISTENING = (
    *WHERE,
    click.option(
        "-aet",
        "--aet",
        type=AET,
        metavar="AET",
        show_default="any",
        help="Our AE title; associations called by another are rejected.",
    ),
    *ALLOWED,
)
_LIMITS = (
    click.option(
        "--max-associations",
        type=click.IntRange(1, 10_000),
        default=256,
        show_default=True,
        metavar="N",
        help="Reject associations, for now, while so many are open.",
    ),
    click.option(
        "--idle-timeout",
        type=SECONDS,
        metavar="SECONDS",
        default=300,
        show_default=True,
        help="Longest wait for the next request of an open association.",
    ),
)
KEPT = (
    click.option(
        "--on-duplicate",
        type=click.Choice(["reject", "replace", "keep"]),
        default="reject",
        show_default=True,
        help="What to do with other data under a SOP Instance UID that is there: answer 0111, replace the"
        " first, or keep both.",
    ),
    click.option(
        "--fsync",
        "durable",
        type=click.Choice(["on", "off"]),
        default="on",
        show_default=True,
        help="Answer only when an instance is safe on disk; off is for tests of speed.",
    ),
)
_RETRIEVING = (
    click.option(
        "--receive-only",
        is_flag=True,
        help="Keep no index of what is received, and answer neither C-FIND, C-MOVE nor C-GET.",
    ),
    click.option(
        "--destination",
        "destinations",
        multiple=True,
        metavar="AET=PEER",
        callback=_destinations,
        help="Send to PEER what a C-MOVE to AET asks for. Without AET= the title is PEER's own. Repeatable.",
    ),
    click.option(
        "--transcode",
        type=click.Choice(["never", "lossless"]),
        default="lossless",
        show_default=True,
        help="Where a receiver does not take an instance as it is stored: do not send it, or send it in a"
        " transfer syntax that the receiver takes, with every sample as it is.",
    ),
    click.option(
        "--relational",
        is_flag=True,
        help="Let every query and retrieval leave out the UIDs above its level, as some viewers do; otherwise"
        " that has to be negotiated, and is refused with A900.",
    ),
)
_KEEPING = (
    click.option(
        "--transfer-syntax",
        "transfer_syntaxes",
        type=SYNTAX,
        multiple=True,
        metavar="SYNTAX",
        show_default="any",
        help="Accept instances in this transfer syntax only, a UID or name. Repeatable, the preferred first.",
    ),
    *KEPT,
    click.option(
        "--exec",
        "command",
        metavar="COMMAND",
        callback=_words,
        help="Run COMMAND for each new instance, with {file} and the like as arguments; see above.",
    ),
    click.option(
        "--exec-timeout",
        "command_timeout",
        type=SECONDS,
        metavar="SECONDS",
        default=60,
        show_default=True,
        help="Kill a command that takes longer.",
    ),
)
_ENDING = (
    click.option(
        "--count", type=click.IntRange(min=1), metavar="N", help="End once N new instances are kept."
    ),
    click.option(
        "--idle-exit",
        type=SECONDS,
        metavar="SECONDS",
        help="End when no association was open for that long.",
    ),
    click.option(
        "--ready-file",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Write the port into FILE once the server answers.",
    ),
)
_FAULTING = (
    click.option(
        "--refuse",
        metavar="REASON",
        callback=_rejection,
        shell_complete=_reasons,
        help="For tests of senders: reject every association, for called-aet, calling-aet, congestion,"
        " local-limit, application-context, or RESULT/SOURCE/REASON.",
    ),
    click.option(
        "--status",
        metavar="HEX",
        default="0000",
        callback=_status,
        help="For tests of senders: answer every C-STORE with this status; only what it calls stored is.",
    ),
    click.option(
        "--delay",
        type=PAUSE,
        metavar="SECONDS",
        default=0,
        help="For tests of senders: wait before each response.",
    ),
    click.option(
        "--abort-after",
        type=click.IntRange(min=0),
        metavar="N",
        help="For tests of senders: after N responses to C-STORE, abort the association at the next request.",
    ),
)
