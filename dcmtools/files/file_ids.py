"""File IDs: the names that files have on a medium (PS3.10 8.2, 8.5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmtools.encoding.charset import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Sequence

FileID: TypeAlias = tuple[str, ...]
"""The components of a File ID, folders first; empty for none."""

MAX_COMPONENTS: Final = 8
MAX_LENGTH: Final = 8
DICOMDIR: Final = "DICOMDIR"
_COMPONENT: Final = re.compile(r"[A-Z0-9_]{1,8}")
_SHOWN: Final = 80


def from_value(raw: bytes) -> FileID:
    """Return the File ID in the value of (0004,1500) or (0004,1141), as it stands there without padding.

    Bytes that are not ASCII become surrogates, as in the names of files.
    """
    text = DEFAULT(raw).rstrip(" \0")
    return tuple([component.strip(" ") for component in text.split("\\")]) if text else ()


def to_value(file_id: Sequence[str]) -> bytes:
    """Return the value of (0004,1500) for ``file_id``, without padding."""
    return "\\".join(file_id).encode("ascii", "surrogateescape")


def shown(file_id: Sequence[str]) -> str:
    """Return ``file_id`` as DICOM writes it, its end left out where it is long."""
    text = "\\".join(file_id)
    return f"{text[:_SHOWN]}..." if len(text) > _SHOWN else text


def conformant(file_id: Sequence[str]) -> str:
    """Return why ``file_id`` does not conform to PS3.10 8.2 and 8.5; empty where it does."""
    if not file_id:
        return "it is empty"
    if len(file_id) > MAX_COMPONENTS:
        return f"it has {len(file_id)} components, more than {MAX_COMPONENTS}"
    for component in file_id:
        if not _COMPONENT.fullmatch(component):
            return _why_not(component)
    return ""


def _why_not(component: str) -> str:
    what = repr(component[:_SHOWN])
    if not component:
        return "a component is empty"
    if len(component) > MAX_LENGTH and _COMPONENT.fullmatch(component[:MAX_LENGTH]):
        return f"{what} has {len(component)} characters, more than {MAX_LENGTH}"
    return f"{what} has other characters than A-Z, 0-9 and _"


def dangerous(file_id: Sequence[str]) -> str:
    """Return why ``file_id`` may not be looked for on a medium, as it could lead out; empty where it may."""
    if not file_id:
        return "the File ID is empty"
    what = repr(shown(file_id))
    if not file_id[0]:
        return f"the File ID {what} is absolute, and could lead out of the medium"
    for component in file_id:
        if component in ("", ".", "..") or "/" in component or "\0" in component:
            return f"the File ID {what} could lead out of the medium"
    return ""
