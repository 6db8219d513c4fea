"""The peers that ``config.toml`` names: ``[peers.NAME]``."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dcmtools.config import LONGEST_WAIT, PDU_BYTES, TLS_PROFILES, TLS_VERSIONS
from dcmtools.config.reading import NAME_IT, NO_PLACE, load
from dcmtools.errors import UsageError
from dcmtools.escaping import escape
from dcmtools.net.peer import DEFAULT_PORT, TLS_PORT, Limits, Peer, Security
from dcmtools.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dcmtools.tomlfile import TomlFile

KEYS: Final = ("host", "port", "aet", "calling_aet", *Limits._fields, *Security._fields)
_NUMBERS: Final = ("port", *Limits._fields)
FILES: Final = ("tls_ca", "tls_cert", "tls_key", "tls_key_password_file", "password_file")
_CHOICES: Final = {"tls_profile": TLS_PROFILES, "tls_min_version": TLS_VERSIONS}
_NAME: Final = r"[A-Za-z0-9._-]+"


def checked_name(text: str) -> str:
    """Return ``text`` if it can name a peer; raises ValueError."""
    if not re.fullmatch(_NAME, text):
        raise ValueError(f"{text!r} is not a name of letters, digits, dots, dashes and underscores")
    return text


def named_peer(name: str, default_port: int | None = None) -> Peer | None:
    """Return the peer configured as ``[peers.NAME]``, or None; ``default_port`` is for one without a port.

    Raises UsageError naming the file, the line and the key that is wrong.
    """
    config = load()
    return _peer(config, name, default_port) if name in config.table("peers") else None


def addresses() -> dict[str, str]:
    """Return ``AET@host:port`` of every peer by its name; those that are wrong are left out."""
    found = {}
    config = load()
    for name in config.table("peers"):
        with suppress(UsageError):
            found[name] = _peer(config, name).name
    return found


def list_peers() -> Iterator[Result]:
    """Yield every peer in the file's order."""
    config = load()
    for name in config.table("peers"):
        try:
            yield Result(name, record(name, _peer(config, name)))
        except UsageError as error:
            yield Result.failed(name, error, {"name": name})


def show_peer(name: str) -> Iterator[Result]:
    """Yield the peer called ``name``, as the file could have it for text."""
    from dcmtools.config.rewriting import table_lines

    peer = named_peer(name)
    if peer is None:
        raise unknown(name)
    lines = table_lines(name, settings(peer))
    yield Result(name, record(name, peer), text="".join(f"{escape(line)}\n" for line in lines))


def record(name: str, peer: Peer) -> dict[str, object]:
    """Return the JSON fields of a peer."""
    address = {"host": peer.host, "port": peer.port, "aet": peer.aet, "calling_aet": peer.calling_aet}
    return {"name": name, **address, **peer.limits._asdict(), **peer.security._asdict()}


def settings(peer: Peer) -> dict[str, object]:
    """Return what the table of ``peer`` has to say, without what says nothing."""
    return {key: value for key, value in record("", peer).items() if key != "name" and value is not None}


def unknown(name: str) -> UsageError:
    """Return the error that there is no such peer, with the names that there are."""
    config = load()
    names = ", ".join(config.table("peers"))
    if not config.path:
        return UsageError(f"no peer is called {name!r}: {NO_PLACE}", hint=NAME_IT)
    return UsageError(f"no peer is called {name!r}", hint=f"configured are {names}" if names else "")


def _peer(config: TomlFile, name: str, default_port: int | None = None) -> Peer:
    table = config.table("peers", name)
    try:
        checked_name(name)
    except ValueError as error:
        raise config.wrong(("peers", name), f"{error}") from error
    if "host" not in table:
        raise config.wrong(("peers", name), "the host is missing")
    for key, value in table.items():
        try:
            _check(key, value)
        except (TypeError, ValueError) as error:
            raise config.wrong(("peers", name, key), f"{error}") from error
    folder = os.path.dirname(os.path.abspath(config.path))
    files = {key: os.path.join(folder, os.path.expanduser(str(table[key]))) for key in FILES if key in table}
    port = default_port or (TLS_PORT if table.get("tls") else DEFAULT_PORT)
    return _made({"port": port, **table, **files})


def _made(table: Mapping[str, object]) -> Peer:
    limits = {key: table[key] for key in Limits._fields if key in table}
    security = {key: table[key] for key in Security._fields if key in table}
    address = {key: value for key, value in table.items() if key not in limits and key not in security}
    return Peer(**address, limits=Limits(**limits), security=Security(**security))  # type: ignore[arg-type]  # each was checked


def _check(key: str, value: object) -> None:
    if key not in KEYS:
        raise ValueError(f"unknown key; known are {', '.join(KEYS)}")
    if key == "tls":
        if not isinstance(value, bool):
            raise TypeError("must be true or false, without quotes")
    elif key not in _NUMBERS:
        _check_text(key, value)
    elif isinstance(value, bool) or not isinstance(value, (int, float) if "timeout" in key else int):
        raise TypeError("must be a number, without quotes")
    elif "timeout" in key and not 0 < value <= LONGEST_WAIT:
        raise ValueError(f"{value} seconds is not above 0 and at most a day")
    elif key == "max_pdu" and not PDU_BYTES[0] <= value <= PDU_BYTES[1]:
        raise ValueError(f"{value} is not between {PDU_BYTES[0]} and {PDU_BYTES[1]} bytes")
    if key not in (*Limits._fields, *Security._fields):
        _made({"host": "h", key: value})


def _check_text(key: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError("must be text, in quotes")
    if not value and key in Security._fields:
        raise ValueError("must not be empty")
    if value not in _CHOICES.get(key, (value,)):
        raise ValueError(f"{value!r} is none of {', '.join(_CHOICES[key])}")
    if key == "bind_address":
        from ipaddress import ip_address

        ip_address(value)
