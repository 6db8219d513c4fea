"""TLS and user identity on the command line: secrets come in files or variables, never in words."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from dcmtools.cli.app import App
from dcmtools.config import TLS_PROFILES, TLS_VERSIONS, secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dcmtools.net.peer import Peer, TlsOptions
    from dcmtools.net.user_information import UserIdentity

    Function = Callable[..., Any]
    Option = Callable[[Function], Function]

_SHARED_NAMES = (
    "tls",
    "tls_ca",
    "tls_cert",
    "tls_key",
    "tls_key_password_file",
    "tls_profile",
    "tls_min_version",
)
TLS_NAMES = (*_SHARED_NAMES, "tls_server_name", "tls_no_verify")
TLS_SERVER_NAMES = (*_SHARED_NAMES, "tls_client_auth")
IDENTITY_NAMES = (
    "user",
    "password_file",
    "ask_password",
    "kerberos_ticket",
    "saml",
    "jwt",
    "identity_response",
)
_FILE: dict[str, Any] = {"type": click.Path(dir_okay=False), "metavar": "FILE"}
_SERVER_NAME = "Name that the peer's certificate has to have, in place of its host."
_USER = "User to tell the peer; readable on the way unless there is TLS."
_TRUSTED = {
    False: "PEM file of those whose certificates are good, in place of the system's store.",
    True: "PEM file of those who sign our clients' certificates.",
}


def tls_options() -> list[Option]:
    """Return the options of a requestor for TLS, by ``TLS_NAMES``."""
    return [
        click.option(
            "--tls/--no-tls",
            default=None,
            is_eager=True,  # the port of a peer that is named before depends on it
            envvar="DCMTOOLS_TLS",
            help="Connect with TLS; the port is 2762 then, where PEER has none.",
        ),
        *_certificate_options(shared=True),
        click.option(
            "--tls-server-name",
            metavar="NAME",
            help=_SERVER_NAME,
        ),
        click.option(
            "--tls-no-verify",
            is_flag=True,
            allow_from_autoenv=False,
            help="Take any certificate for good, and anyone for the peer. For tests only.",
        ),
    ]


def tls_server_options() -> list[Option]:
    """Return the options of a server for TLS, by ``TLS_SERVER_NAMES``."""
    return [
        click.option("--tls", is_flag=True, help="Speak TLS, and nothing else; the port is 2762 then."),
        *_certificate_options(shared=False, server=True),
        click.option(
            "--tls-client-auth",
            type=click.Choice(["require", "request", "none"]),
            show_default="require with --tls-ca, else none",
            help="Whether a client has to show a certificate, or may.",
        ),
    ]


def _certificate_options(
    *,
    shared: bool,
    server: bool = False,
    file: Mapping[str, Any] = _FILE,
    profile: str | None = TLS_PROFILES[0],
) -> list[Option]:
    """Return what both sides can set; what is ``shared`` by many commands has a variable of its own."""

    def option(name: str, **more: Any) -> Option:  # noqa: ANN401  as click has it
        return click.option(name, envvar=_variable(name) if shared else None, **more)

    return [
        option("--tls-ca", **file, help=_TRUSTED[server]),
        option("--tls-cert", **file, help="PEM file of our certificate."),
        option("--tls-key", **file, show_default="that of --tls-cert", help="PEM file of its key."),
        option(
            "--tls-key-password-file",
            **file,
            help="File with the password of the key. Else DCMTOOLS_TLS_KEY_PASSWORD has it, or is asked for.",
        ),
        option(
            "--tls-profile",
            type=click.Choice(TLS_PROFILES),
            default=profile,
            show_default=True,
            help="Profile of PS3.15 Annex B; all but the first two are retired.",
        ),
        option("--tls-min-version", type=click.Choice(TLS_VERSIONS), help="Lowest version of TLS to speak."),
    ]


def peer_security_options(function: Function) -> Function:
    """Add what config.toml can say of a peer's TLS and user; files become full paths."""

    def full(_context: click.Context, _param: click.Parameter, path: str | None) -> str | None:
        return path and os.path.abspath(path)

    file: dict[str, Any] = {"type": click.Path(dir_okay=False), "metavar": "FILE", "callback": full}
    options: list[Option] = [
        click.option("--tls/--no-tls", default=None, is_eager=True, help="Connect with TLS, or without."),
        *_certificate_options(shared=False, file=file, profile=None),
        click.option("--tls-server-name", metavar="NAME", help=_SERVER_NAME),
        click.option("--user", metavar="NAME", help=_USER),
        click.option("--password-file", **file, help="File with the user's password."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def identity_options() -> list[Option]:
    """Return the options that say who asks for an association (PS3.7 D.3.3.7), by ``IDENTITY_NAMES``."""
    file = _FILE
    return [
        click.option("--user", metavar="NAME", envvar="DCMTOOLS_USER", help=_USER),
        click.option(
            "--password-file",
            **file,
            envvar="DCMTOOLS_PASSWORD_FILE",
            help="File with the user's password. Else DCMTOOLS_PASSWORD can have it.",
        ),
        click.option(
            "--ask-password",
            is_flag=True,
            allow_from_autoenv=False,
            help="Ask for the user's password on the terminal.",
        ),
        click.option("--kerberos-ticket", **file, help="File with a Kerberos service ticket, as the user."),
        click.option("--saml", **file, help="File with a SAML assertion, as the user."),
        click.option(
            "--jwt", **file, help="File with a JSON Web Token, as the user. Else DCMTOOLS_JWT can have it."
        ),
        click.option(
            "--identity-response",
            is_flag=True,
            help="Have the peer confirm the user; without that there is no association.",
        ),
    ]


def asked_tls(context: click.Context, values: Mapping[str, Any]) -> TlsOptions | None:
    """Return the TLS that the options of ``TLS_NAMES`` ask for, None for a plain connection.

    Raises UsageError where no connection could be made with it.
    """
    if not values["tls"]:
        _refuse(context, TLS_NAMES[1:], "--tls")
        return None
    from dcmtools.net.tls import client_context

    options = _made(values)
    if values["tls_no_verify"]:
        if not _is_typed(context, "tls_no_verify"):
            raise click.UsageError("--tls-no-verify does not go into config.toml: it stands in the command.")
        options = options._replace(verify=False)
        _warn(context, "--tls-no-verify: the peer's certificate is not looked at, it could be anyone's")
    client_context(options)
    return options


def peer_tls(peer: Peer) -> TlsOptions | None:
    """Return the TLS that config.toml asks for with ``peer``, None for a plain connection.

    Raises UsageError where no connection could be made with it.
    """
    if not peer.security.tls:
        return None
    from dcmtools.net.tls import client_context

    values = peer.security._asdict()
    options = _made(values | {"tls_profile": values["tls_profile"] or TLS_PROFILES[0]})
    client_context(options)
    return options


def peer_identity(context: click.Context, peer: Peer) -> UserIdentity | None:
    """Return who we are to be for ``peer``, as config.toml has it; raise UsageError as ``asked_identity``."""
    if peer.security.user is None:
        return None
    known = {"user": peer.security.user, "password_file": peer.security.password_file}
    return asked_identity(context, dict.fromkeys(IDENTITY_NAMES) | known | {"identity_response": False})


def asked_server_tls(context: click.Context, values: Mapping[str, Any]) -> TlsOptions | None:
    """Return the TLS that the options of ``TLS_SERVER_NAMES`` ask for, None for a plain server."""
    if not values["tls"]:
        _refuse(context, TLS_SERVER_NAMES[1:], "--tls")
        return None
    return _made(values)._replace(client_auth=values["tls_client_auth"])


def asked_identity(context: click.Context, values: Mapping[str, Any]) -> UserIdentity | None:
    """Return who we are to be for the peer; raise UsageError for two users, and for what cannot be read."""
    asked = [name for name in ("user", "kerberos_ticket", "saml", "jwt") if values[name] is not None]
    if len(asked) > 1:
        raise click.UsageError(f"{' and '.join(map(_long, asked))}: a peer can be told of one user only.")
    token = None if asked else secret("DCMTOOLS_JWT")
    if "user" not in asked:
        _refuse(context, ("password_file", "ask_password"), "--user")
    if not asked and token is None:
        _refuse(context, ("identity_response",), "a user that the peer could confirm")
        return None
    from dcmtools.config.secrets import check_length, read_line, read_secret
    from dcmtools.net import user_information as kinds

    if token is not None:
        check_length("DCMTOOLS_JWT", token)
        kind, primary, password = kinds.IDENTITY_JWT, token, None
    elif values["user"] is not None:
        primary, password = _user(values["user"]), _password(values)
        check_length("user and password together", primary, password or b"")
        kind = kinds.IDENTITY_USERNAME if password is None else kinds.IDENTITY_USERNAME_PASSCODE
    else:
        kind, read = {
            "kerberos_ticket": (kinds.IDENTITY_KERBEROS, read_secret),
            "saml": (kinds.IDENTITY_SAML, read_secret),
            "jwt": (kinds.IDENTITY_JWT, read_line),
        }[asked[0]]
        primary, password = read(values[asked[0]]), None
    return kinds.UserIdentity(kind, primary, password or b"", values["identity_response"])


def _user(name: str) -> bytes:
    if not name:
        raise click.UsageError("--user: the name is empty.")
    try:
        return name.encode()
    except UnicodeEncodeError:
        raise click.UsageError("--user: the name is not text in UTF-8.") from None


def _password(values: Mapping[str, Any]) -> bytes | None:
    """Return the user's password: asked for, from its file or from the environment, None where nowhere."""
    from dcmtools.config.secrets import read_line

    if values["ask_password"]:
        return _prompt(f"Password of {values['user']}", "--password-file FILE, or DCMTOOLS_PASSWORD")
    if values["password_file"] is not None:
        return read_line(values["password_file"])
    return secret("DCMTOOLS_PASSWORD")


def _made(values: Mapping[str, Any]) -> TlsOptions:
    from dcmtools.net.peer import TlsOptions

    def password() -> bytes:
        from dcmtools.config.secrets import read_line

        if values["tls_key_password_file"]:
            return read_line(values["tls_key_password_file"])
        known = secret("DCMTOOLS_TLS_KEY_PASSWORD")
        where = "--tls-key-password-file FILE, or DCMTOOLS_TLS_KEY_PASSWORD"
        return known or _prompt(f"Password of the key in {values['tls_key'] or values['tls_cert']}", where)

    return TlsOptions(
        profile=values["tls_profile"],
        min_version=values["tls_min_version"],
        ca=values["tls_ca"],
        cert=values["tls_cert"],
        key=values["tls_key"],
        key_password=password,
        server_name=values.get("tls_server_name"),
    )


def _prompt(text: str, elsewhere: str) -> bytes:
    from dcmtools.errors import UsageError
    from dcmtools.escaping import escape

    if not sys.stdin.isatty():
        raise UsageError(f"{text} is wanted, and there is no terminal to ask", hint=elsewhere)
    return str(click.prompt(escape(text), hide_input=True, err=True)).encode()


def _refuse(context: click.Context, names: tuple[str, ...], wanted: str) -> None:
    """Refuse options that would do nothing, lest data go out unprotected that was to be protected."""
    for name in names:
        if _is_typed(context, name):
            raise click.UsageError(f"{_long(name)} wants {wanted}.")


def _is_typed(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _warn(context: click.Context, text: str) -> None:
    app = context.ensure_object(App)
    if app.level >= 0:
        app.console().say(f"{app.name}: warning: {text}")


def _variable(option: str) -> str:
    return f"DCMTOOLS_{option.strip('-').replace('-', '_').upper()}"


def _long(name: str) -> str:
    return f"--{name.replace('_', '-')}"
