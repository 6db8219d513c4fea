"""Options shared by many commands; each bundle reaches the command as one object."""

from __future__ import annotations

from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dcmtools.cli.params import AET, NETWORK, PEER, SECONDS
from dcmtools.config import PDU_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Network, IPv6Network
    from types import FrameType

    from dcmtools.net.peer import Peer
    from dcmtools.net.stop import Stop
    from dcmtools.output.reporter import Color, Format

    Function = Callable[..., Any]

F = TypeVar("F", bound="Callable[..., Any]")


def output_options(function: Function) -> Function:
    """Add ``--format`` and ``--color``; the command gets ``output``."""

    def call(*args: object, output_format: Format, color: Color, **kwargs: object) -> object:
        from dcmtools.output.reporter import OutputOptions

        return function(*args, output=OutputOptions(output_format, color), **kwargs)

    return bundle(
        call,
        function,
        click.option(
            "--format",
            "output_format",
            type=click.Choice(["text", "json"]),
            default="text",
            show_default=True,
            envvar="DCMTOOLS_FORMAT",
            help="Text for people, or JSON Lines: one object per result.",
        ),
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            show_default=True,
            envvar="DCMTOOLS_COLOR",
            help="When to use colour.",
        ),
    )


def network_options(function: Function) -> Function:
    """Add what associations need; the command gets ``network``, and signals ask ``network.stop`` to stop."""

    def call(
        *args: object,
        calling_aet: str | None,
        called_aet: str | None,
        connect_timeout: float,
        acse_timeout: float,
        dimse_timeout: float,
        max_pdu: int,
        peer: Peer | None = None,
        **kwargs: object,
    ) -> object:
        from dcmtools.net.peer import DEFAULT_CALLING_AET, NetworkOptions

        known: dict[str, Any] = {}
        if peer:
            kwargs["peer"] = peer._replace(aet=called_aet) if called_aet else peer  # both titles are checked
            known = {"calling_aet": peer.calling_aet, **peer.limits._asdict()}
        values: dict[str, Any] = {
            "calling_aet": calling_aet or DEFAULT_CALLING_AET,
            "connect_timeout": connect_timeout,
            "acse_timeout": acse_timeout,
            "dimse_timeout": dimse_timeout,
            "max_pdu": max_pdu,
        }
        context = click.get_current_context()
        for name, value in known.items():
            if value is not None and not _is_given(context, name):
                values[name] = value
        network = NetworkOptions(**values, stop=stop_on_signals(context))
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
        _seconds("-to", "--connect-timeout", 10, "Longest wait for the connection."),
        *_association_options(),
    )


def server_options(function: Function) -> Function:
    """Add where a server listens and for whom; the command gets ``server``, and signals ask it to stop."""

    def call(  # noqa: PLR0913  one for each option
        *args: object,
        bind: str,
        port: int,
        server_aet: str | None,
        allow_aet: tuple[str, ...],
        allow_ip: tuple[IPv4Network | IPv6Network, ...],
        open_to_all: bool,
        acse_timeout: float,
        dimse_timeout: float,
        max_pdu: int,
        **kwargs: object,
    ) -> object:
        from dcmtools.net.peer import NetworkOptions
        from dcmtools.scp.admission import ServerOptions

        network = NetworkOptions(
            acse_timeout=acse_timeout,
            dimse_timeout=dimse_timeout,
            max_pdu=max_pdu,
            stop=stop_on_signals(click.get_current_context()),
        )
        server = ServerOptions(
            bind=bind,
            port=port,
            aet=server_aet,
            allow_aet=allow_aet,
            allow_ip=allow_ip,
            open_to_all=open_to_all,
            network=network,
        )
        return function(*args, server=server, **kwargs)

    return bundle(
        call,
        function,
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
        click.option(
            "-aet",
            "--aet",
            "server_aet",
            type=AET,
            metavar="AET",
            show_default="any",
            help="Our AE title; associations called by another are rejected.",
        ),
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
            help="Take associations from this address or network only. Repeatable.",
        ),
        click.option("--open", "open_to_all", is_flag=True, help="Take associations from anyone."),
        *_association_options(),
    )


def peer_argument(function: F) -> F:
    """Add the argument ``PEER``; the command gets ``peer``."""
    return click.argument("peer", type=PEER, metavar="PEER")(function)


def paths_argument(function: F) -> F:
    """Add the arguments ``PATHS``: files, folders or ``-``; the command gets ``paths`` as they were typed."""
    paths = click.Path(allow_dash=True, readable=False)  # no check here: it makes the shell complete names
    return click.argument("paths", type=paths, metavar="PATHS...", nargs=-1, required=True)(function)


def bundle(call: Function, function: Function, *options: Callable[[Function], Function]) -> Function:
    """Make ``call`` stand for the command ``function``, with ``options`` listed before those it has."""
    update_wrapper(call, function)
    for option in reversed(options):
        call = option(call)
    return call


def stop_on_signals(context: click.Context) -> Stop:
    """Return a Stop that SIGINT and SIGTERM request, until ``context`` closes.

    A signal that whoever started us has chosen to ignore stays ignored, and outside the main thread,
    where Python delivers none, nobody but the program itself requests the stop.
    """
    import signal
    import threading

    from dcmtools.net.stop import Stop

    stop = Stop()
    context.call_on_close(stop.close)
    if threading.current_thread() is not threading.main_thread():
        return stop

    def request(_number: int, _frame: FrameType | None) -> None:
        stop.request()

    # Python calls request() between two steps of its own: a wait that has just begun would never hear of it.
    before = signal.set_wakeup_fd(stop.wake_fd, warn_on_full_buffer=False)
    context.call_on_close(partial(signal.set_wakeup_fd, before))
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if handler not in (signal.SIG_IGN, None):
            signal.signal(number, request)
            context.call_on_close(partial(signal.signal, number, handler))
    return stop


def _is_given(context: click.Context, name: str) -> bool:
    """Whether the command line or the environment, which go before the peer's own values, say ``name``."""
    sources = click.core.ParameterSource
    return context.get_parameter_source(name) in (sources.COMMANDLINE, sources.ENVIRONMENT)


def _association_options() -> list[Callable[[Function], Function]]:
    """Return what both sides of an association can set."""
    return [
        _seconds(
            "-ta", "--acse-timeout", 30, "Longest wait for the peer to accept or release the association."
        ),
        _seconds("-td", "--dimse-timeout", 60, "Longest wait for a response."),
        click.option(
            "-pdu",
            "--max-pdu",
            type=click.IntRange(*PDU_BYTES),
            default=262144,
            show_default=True,
            metavar="BYTES",
            envvar="DCMTOOLS_MAX_PDU",
            help="Largest PDU to accept.",
        ),
    ]


def _seconds(short: str, long: str, default: float, help_text: str) -> Callable[[F], F]:
    envvar = f"DCMTOOLS_{long.strip('-').replace('-', '_').upper()}"
    return click.option(
        short,
        long,
        type=SECONDS,
        metavar="SECONDS",
        default=default,
        show_default=True,
        envvar=envvar,
        help=help_text,
    )
