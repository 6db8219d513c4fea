"""Edits out of files: values, and patches as JSON or TOML.

A patch in JSON is a data set in the DICOM JSON model (PS3.18 Annex F), each of whose elements is set. One in
TOML has the options by name: tables ``set``, ``replace``, ``replace-all`` and ``set-file`` of paths and
values, lists ``erase`` and ``erase-all``, and ``erase-private``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools import tomlfile
from dcmtools.encoding.checking import check_element, creator_of
from dcmtools.encoding.dictionary import name_of
from dcmtools.encoding.jsonreading import data_set_of, parsed
from dcmtools.encoding.tagpath import Step
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET, is_creator, is_private
from dcmtools.encoding.values import BULK_VRS
from dcmtools.errors import InputError, UsageError
from dcmtools.files.source import FileSource
from dcmtools.modifying.wanted import Given, Wanted, erasing, filled, refusal, shown, valued

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dcmtools.encoding.dataset import DataSet
    from dcmtools.modifying.wanted import Kind
    from dcmtools.tomlfile import TomlFile

_LONGEST: Final = 256 * 1024 * 1024
_LONGEST_VALUE: Final = 0xFFFFFFFE  # bytes (PS3.5 7.1.1)
_TABLES: Final[dict[str, Kind]] = {"set": "set", "replace": "replace", "replace-all": "replace"}
_LISTS: Final = ("erase", "erase-all")


class Patch(NamedTuple):
    """What a file asks for; ``private`` elements are all to go."""

    wanted: list[Wanted]
    private: bool = False


def read_patch(path: str) -> Patch:
    """Return the patch in the file at ``path``, of which its name says what it is.

    Raises UsageError, with the line or the element, for what is wrong with it.
    """
    kind = os.path.splitext(path)[1].lower()
    if kind not in (".json", ".toml"):
        raise UsageError(f"{path}: a patch is a file called .json or .toml")
    try:
        data = read_bytes(path, _LONGEST).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8") from None
    if kind == ".json":
        return Patch(_json(path, data))
    try:
        return _toml(tomlfile.parse(path, data))
    except (RecursionError, ValueError) as error:
        raise _unusable(path, error) from None


def read_bytes(path: str, most: int = _LONGEST_VALUE) -> bytes:
    """Return what is in the file at ``path``; raise UsageError where that cannot be read or is too much."""
    try:
        with FileSource.open(path) as source:
            if source.size > most:
                raise UsageError(f"{path}: {source.size} bytes are more than {most}")
            return source.read(0, source.size)
    except InputError as error:
        raise UsageError(f"{path}: {error.message}") from error


# -------------------------------------------------------------------- JSON


def _json(path: str, data: str) -> list[Wanted]:
    try:
        model = parsed(data)
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None
    if isinstance(model, list):
        if len(model) != 1:
            raise UsageError(f"{path}: {len(model)} data sets, where a patch is one")
        (model,) = model
    try:
        data_set = data_set_of(model)
        _check(data_set)
        return list(_elements(data_set))
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None


def _unusable(path: str, error: Exception) -> UsageError:
    return UsageError(f"{path}: {'it is nested too deep' if isinstance(error, RecursionError) else error}")


def _elements(data_set: DataSet) -> Iterator[Wanted]:
    """Yield the edits that set each element; Specific Character Set stays, as text is UTF-8 here."""
    for tag, (vr, value) in data_set.items():
        if tag == SPECIFIC_CHARACTER_SET or is_creator(tag):
            continue
        place = Step(tag, "", None)
        if is_private(tag):
            place = Step(tag & 0xFFFF00FF, creator_of(data_set, tag), None)
        if reason := refusal((place,), empty=not value):
            message = f"{name_of(tag)} cannot be set: {reason}"
            raise ValueError(message)
        yield Wanted("set", shown((place,)), (place,), given=Given(vr, None, value))


def _check(data_set: DataSet) -> None:
    """Raise ValueError where a value is not of its VR, or that is not one of its element."""
    for tag, (vr, value) in data_set.items():
        check_element(data_set, tag)
        if vr in BULK_VRS and not value:  # as where somebody has left it out
            message = (
                f"{name_of(tag)}: there is no value; '--set' makes it empty, and without it here it stays"
            )
            raise ValueError(message)
        for item in value if isinstance(value, list) else ():
            _check(item)


# -------------------------------------------------------------------- TOML


def _toml(file: TomlFile) -> Patch:
    allowed = (*_TABLES, "set-file", *_LISTS, "erase-private")
    for key in file.tables:
        if key not in allowed:
            raise file.wrong((key,), f"is none of {', '.join(allowed)}")
    private = file.tables.get("erase-private", False)
    if not isinstance(private, bool):
        raise file.wrong(("erase-private",), "is true or false")
    return Patch([*_set(file), *_filled(file), *_listed(file)], private)


def _set(file: TomlFile) -> Iterator[Wanted]:
    for name, kind in _TABLES.items():
        for keys, value in _leaves(file.table(name), (name,)):
            try:
                yield valued(".".join(keys[1:]), _text(value), kind, deep=name.endswith("-all"))
            except ValueError as error:
                raise file.wrong(keys, str(error)) from None


def _filled(file: TomlFile) -> Iterator[Wanted]:
    for keys, value in _leaves(file.table("set-file"), ("set-file",)):
        if not isinstance(value, str):
            raise file.wrong(keys, "is the name of a file")
        try:
            name = os.path.join(os.path.dirname(file.path), value)
            yield filled(".".join(keys[1:]), read_bytes(name))
        except ValueError as error:
            raise file.wrong(keys, str(error)) from None


def _listed(file: TomlFile) -> Iterator[Wanted]:
    for name in _LISTS:
        texts = file.tables.get(name, [])
        if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
            raise file.wrong((name,), "is a list of paths")
        for each in texts:
            try:
                yield erasing(each, deep=name.endswith("-all"))
            except ValueError as error:
                raise file.wrong((name,), str(error)) from None


def _leaves(table: Mapping[str, object], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield what stands at the ends of dotted keys."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _text(value: object) -> str:
    """Return a value, or several, as text."""
    if isinstance(value, list):
        return "\\".join(map(_text, value))
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    message = f"{str(value)[:100]!r} is neither text nor a number"
    raise ValueError(message)
