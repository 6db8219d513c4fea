"""The options of ``move``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dcmtools.cli.options import bundle
from dcmtools.cli.params import is_given
from dcmtools.cli.peer_params import AET
from dcmtools.cli.serving import ALLOWED, KEPT, WHERE

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.net.peer import NetworkOptions
    from dcmtools.scu.receiver import Receiving

    Function = Callable[..., Any]

_TERMS = ("port", "bind", "allow_aet", "allow_ip", "open_to_all")
_KEPT = ("durable", "on_duplicate")
_OURS = (*_TERMS, *_KEPT, "receive_tls", "skip_existing")


def move_options(function: Function) -> Function:
    """Add where to move to, and a receiver of our own; the command gets ``options``."""

    def call(
        *args: object,
        destination: str | None,
        receive: str | None,
        jobs: int,
        priority: int,
        dry_run: bool,
        skip_existing: bool,
        **kwargs: Any,  # noqa: ANN401  click's
    ) -> object:
        from dcmtools.scu.move import MoveOptions

        network = kwargs["network"]
        asked = {name: kwargs.pop(name) for name in (*_TERMS, *_KEPT, "receive_tls")}
        if destination is None and receive is None:
            raise click.UsageError("Missing option '--to': the AE title to move to; or --receive DIR.")
        options = MoveOptions(
            destination=destination or network.calling_aet,
            priority=priority,
            jobs=jobs,
            dry_run=dry_run,
            skip_existing=skip_existing,
            receiving=_receiving(receive, network, asked),
        )
        return function(*args, options=options, **kwargs)

    return bundle(call, function, *_MOVING)


def _receiving(folder: str | None, network: NetworkOptions, asked: dict[str, Any]) -> Receiving | None:
    context = click.get_current_context()
    if folder is None:
        given = [
            param for param in context.command.params if param.name in _OURS and is_given(context, param.name)
        ]
        if given:
            raise click.UsageError(f"{given[0].opts[-1]} is of the receiver of --receive DIR.")
        return None
    from dcmtools.acceptor.admission import ServerOptions
    from dcmtools.archive.duplicates import OnDuplicate
    from dcmtools.net.peer import TLS_PORT
    from dcmtools.net.peer import NetworkOptions as Network
    from dcmtools.scu.receiver import Receiving

    terms = {name: asked[name] for name in _TERMS}
    if asked["receive_tls"]:
        if network.tls is None:
            raise click.UsageError("--receive-tls wants --tls, and the certificate of --tls-cert.")
        terms["tls"] = network.tls
        if not is_given(context, "port"):
            terms["port"] = TLS_PORT
    ours = Network(
        acse_timeout=network.acse_timeout, dimse_timeout=network.dimse_timeout, max_pdu=network.max_pdu
    )
    return Receiving(
        folder=folder,
        options=ServerOptions(**terms, network=ours),
        durable=asked["durable"] == "on",
        on_duplicate=OnDuplicate(asked["on_duplicate"]),
    )


_MOVING = (
    click.option(
        "-aem",
        "--to",
        "destination",
        type=AET,
        metavar="AET",
        show_default="our own, with --receive",
        help="AE title to move to; the peer has to know where that is.",
    ),
    click.option(
        "--receive",
        type=click.Path(file_okay=False),
        metavar="DIR",
        help="Move to ourselves: receive into DIR, as serve does, while the peer sends.",
    ),
    click.option(
        "--receive-tls",
        is_flag=True,
        help="Receive over TLS only, as --tls-cert, --tls-key and --tls-ca say; the port is 2762 then.",
    ),
    click.option(
        "--skip-existing",
        is_flag=True,
        help="Do not ask again for what is complete in DIR: the peer is asked for lists of instances first.",
    ),
    *WHERE,
    *ALLOWED,
    *KEPT,
)
