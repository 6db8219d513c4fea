"""What is to be done with files, written down: JSON Lines that people can read and change."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

from dcmtools.errors import InputError, OutputError, UsageError
from dcmtools.files.inputs import Input
from dcmtools.replacing import making
from dcmtools.sorting.acting import ACTIONS
from dcmtools.sorting.deciding import State
from dcmtools.sorting.looking import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.sorting.deciding import Decision

SKIP: Final = "skip"
_LONGEST: Final = 64 * 1024  # bytes of a line
_FIELDS: Final = {"file": str, "target": str, "size": int, "mtime_ns": int}


@contextmanager
def writing(path: str, *, over: bool) -> Iterator[BinaryIO]:
    """Open what is the plan at ``path`` in the end, for its owner alone, as names are in it.

    Raises UsageError where a file is there already, unless it is a plan to go ``over``, and OutputError.
    """
    if os.path.lexists(path):
        if not over:
            raise _taken(path)
        next(read(path), None)
    try:
        with making(path, over=over, mode=0o600) as file:
            yield file
    except FileExistsError as error:
        raise _taken(path) from error
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise OutputError(message) from error


def _taken(path: str) -> UsageError:
    return UsageError(f"there is a file {path} already", hint="--overwrite replaces a plan")


def line(facts: Facts, decision: Decision, action: str) -> bytes:
    """Return the line of a plan for a file; raises InputError for one that no plan can speak of."""
    if facts.item.archive:
        raise InputError("a plan speaks of files, not of those in an archive", hint="sort it without a plan")
    path = os.path.abspath(facts.item.path)
    try:
        f"{path}{decision.target}".encode()
    except UnicodeEncodeError:
        raise InputError("its name is no text, so that no plan can speak of it") from None
    record = {
        "file": path,
        "target": decision.target,
        "action": SKIP if decision.state is State.SKIPPED else action,
        "overwrite": decision.state is State.OVER,
        "size": facts.size,
        "mtime_ns": facts.mtime_ns,
        "sop_instance_uid": facts.uid,
        "note": decision.note,
    }
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


class Planned(NamedTuple):
    """What a plan says of a file: the action, and whether it may go ``over`` a file with its name."""

    facts: Facts
    action: str
    over: bool


def check(path: str) -> None:
    """Raise UsageError where the file at ``path`` is no plan, with the line."""
    if os.path.exists(path) and not os.path.isfile(path):
        message = f"{path}: it is no file, as a plan is, which is read twice"
        raise UsageError(message)
    if not sum(1 for _ in read(path)):
        message = f"{path}: the plan is empty"
        raise UsageError(message)


def read(path: str) -> Iterator[Planned]:
    """Yield what the plan at ``path`` says of each file; raises UsageError with the line."""
    try:
        with open(path, "rb") as file:
            number = 0
            while text := file.readline(_LONGEST + 1):
                number += 1
                if text.strip():
                    try:
                        yield _read(text)
                    except ValueError as error:
                        message = f"{path}: line {number}: {error}"
                        raise UsageError(message) from None
    except OSError as error:
        message = f"{path}: {error.strerror}"
        raise UsageError(message) from error


def _read(text: bytes) -> Planned:
    if len(text) > _LONGEST:
        message = f"it has more than {_LONGEST} bytes"
        raise ValueError(message)
    try:
        record: Any = json.loads(text)
    except (RecursionError, ValueError):
        record = None
    if not isinstance(record, dict):
        message = "it is no JSON object, as the lines of a plan are"
        raise ValueError(message)  # noqa: TRY004  the words are for whoever wrote the file
    for name, kind in _FIELDS.items():
        if not isinstance(record.get(name), kind) or isinstance(record[name], bool):
            message = f"{name} is missing, or is no {'text' if kind is str else 'number'}"
            raise ValueError(message)  # noqa: TRY004  as above
    action = record.get("action")
    if action not in (*ACTIONS, SKIP):
        message = f"the action is one of {', '.join((*ACTIONS, SKIP))}"
        raise ValueError(message)
    over = record.get("overwrite", False)
    if not isinstance(over, bool):
        message = "overwrite is neither true nor false"
        raise ValueError(message)  # noqa: TRY004  as above
    target = record["target"]
    if action != SKIP:
        _check_source(record["file"])
        _check(target)
    uid = record.get("sop_instance_uid")
    uid = uid if isinstance(uid, str) else ""
    facts = Facts(Input(record["file"]), target, uid, record["size"], record["mtime_ns"])
    return Planned(facts, action, over)


def _check_source(file: str) -> None:
    """Refuse what names no file anywhere."""
    if (
        not os.path.isabs(file)
        or "\0" in file
        or file.encode("utf-8", "replace") != file.encode("utf-8", "ignore")
    ):
        message = f"the file {file[:200]!r} is no path from the root"
        raise ValueError(message)


def _check(target: str) -> None:
    """Refuse a name that is not below the folder that it is for."""
    parts = target.split("/")
    if not target.isprintable() or any(part in ("", ".", "..") for part in parts):
        message = f"the target {target[:200]!r} is no path below OUT"
        raise ValueError(message)
