"""Profiles as TOML files.

``base`` (``basic``), ``retain`` and ``clean`` as the options; ``[rules]``: what they are about, and ``keep``,
``remove``, ``empty`` or ``{ set = "value" }``; ``[pixels]``: ``policy``, and ``rules``, a path from the file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools import tomlfile
from dcmtools.deidentification.profile import BASIC, CLEAN, EXCLUSIVE, POLICIES, RETAIN
from dcmtools.deidentification.rules import ACTIONS, parse
from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dcmtools.deidentification.rules import Action, Place, Rule
    from dcmtools.tomlfile import TomlFile

_KEYS: Final = ("base", "retain", "clean", "rules", "pixels")
_PIXELS: Final = ("policy", "rules")
_FORMS: Final = f'{", ".join(f"{action!r}" for action in ACTIONS if action != "set")} or {{ set = "value" }}'

Keys = tuple[str, ...]


class Stated(NamedTuple):
    """What a profile's file says."""

    name: str
    retain: frozenset[str] = frozenset()
    clean: frozenset[str] = frozenset()
    rules: tuple[tuple[Place, Rule], ...] = ()
    pixels: str = ""
    pixel_rules: str = ""


def read(path: str) -> Stated:
    """Return what the file at ``path`` says; raise UsageError that names it, the line and the key."""
    try:
        text = tomlfile.read(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    file = tomlfile.parse(path, text)
    _require_known(file, (), file.tables, _KEYS)
    if (base := file.tables.get("base", BASIC)) != BASIC:
        raise file.wrong(("base",), f"{base!r} is unknown; the one base is {BASIC!r}")
    retain = _options(file, "retain", RETAIN)
    if retain.issuperset(EXCLUSIVE):
        raise file.wrong(("retain",), f"{' and '.join(EXCLUSIVE)} exclude each other")
    pixels = file.table("pixels")
    _require_known(file, ("pixels",), pixels, _PIXELS)
    return Stated(
        os.path.splitext(os.path.basename(path))[0],
        retain,
        _options(file, "clean", CLEAN),
        tuple(_rules(file)),
        _choice(file, ("pixels", "policy"), pixels, POLICIES),
        _beside(file, ("pixels", "rules"), pixels),
    )


def _require_known(file: TomlFile, above: Keys, table: Mapping[str, object], known: Sequence[str]) -> None:
    for key in table:
        if key not in known:
            raise file.wrong((*above, key), f"unknown; known are {', '.join(known)}")


def _options(file: TomlFile, key: str, known: Sequence[str]) -> frozenset[str]:
    value = file.tables.get(key, [])
    if not isinstance(value, list):
        raise file.wrong((key,), f"must be a list of {', '.join(known)}")
    for option in value:
        if option not in known:
            raise file.wrong((key,), f"{option!r} is unknown; known are {', '.join(known)}")
    return frozenset(value)


def _choice(file: TomlFile, keys: Keys, table: Mapping[str, object], known: Sequence[str]) -> str:
    value = table.get(keys[-1], "")
    if keys[-1] in table and value not in known:
        raise file.wrong(keys, f"{value!r} is unknown; known are {', '.join(known)}")
    return str(value)


def _beside(file: TomlFile, keys: Keys, table: Mapping[str, object]) -> str:
    """Return the path of a file that the profile names, which counts from where the profile lies."""
    value = table.get(keys[-1])
    if value is None:
        return ""
    if not isinstance(value, str) or not value or "\0" in value:
        raise file.wrong(keys, "must be the path of a file")
    path = os.path.join(os.path.dirname(file.path), os.path.expanduser(value))
    if not os.path.exists(path):
        raise file.wrong(keys, f"there is no file {path}")
    return path


def _rules(file: TomlFile) -> Iterator[tuple[Place, Rule]]:
    seen: dict[Place, Rule] = {}
    for keys, said in _leaves(file.table("rules"), ("rules",)):
        action, value = _action(said)
        if isinstance(said, dict) and not isinstance(said.get("set", ""), str):
            raise file.wrong(keys, f'a value stands in quotes: {{ set = "{said["set"]}" }}')
        if action is None:
            raise file.wrong(keys, f"must be {_FORMS}")
        source = f"{file.path}: line {file.line_of(keys)}"
        try:
            place, rule = parse(".".join(keys[1:]), action, source, value)
        except ValueError as error:
            raise file.wrong(keys, str(error)) from None
        if place in seen:
            raise file.wrong(keys, f"is there already: {seen[place].source}")
        seen[place] = rule
        yield place, rule


def _action(said: object) -> tuple[Action | None, str]:
    """Return what is said of an attribute, and the value to set; None where it is nothing that can be."""
    if isinstance(said, dict):
        value = said.get("set")
        return ("set", value) if isinstance(value, str) and len(said) == 1 else (None, "")
    return next((action for action in ACTIONS if action == said != "set"), None), ""


def _leaves(table: Mapping[str, object], above: Keys) -> Iterator[tuple[Keys, object]]:
    """Yield what stands at the ends of dotted keys; a table with ``set`` in it is the value of one."""
    for key, value in table.items():
        if isinstance(value, dict) and value and "set" not in value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value
