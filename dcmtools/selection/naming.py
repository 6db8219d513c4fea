"""Values as parts of names that people read: nothing in them leads out of a folder."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST: Final = 120  # bytes of a component, so that there is room for an ending and a number
_HASHED: Final = 8  # hexadecimal digits
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+=@,-]*")
_BLANKS: Final = re.compile(r"[\s^_]+")


def cleaned(value: str, *, exact: bool = False, person: bool = False, plain: bool = False) -> str:
    """Return ``value`` as a part of a name, without what a file system or a shell takes for something else.

    Blanks and the carets of names become ``_``; where anything else had to go, a hash of the value makes up
    for it, so that two values do not become one. With ``exact`` it does so for blanks and carets, too; those
    of a ``person`` are exact but for the carets between the parts of the name.
    ``plain`` leaves nothing but ASCII.
    """
    if _PLAIN.fullmatch(value) and not (person and "_" in value):
        return value
    joined = _BLANKS.sub("_", value.strip(" ^\t\r\n")).strip("_")
    whole = unicodedata.normalize("NFC", joined)
    kept = "".join([each if _is_kept(each) else "_" for each in whole])
    if plain:
        apart = unicodedata.normalize("NFKD", kept)
        kept = "".join([each for each in apart if each.isascii()])
    kept = _BLANKS.sub("_", kept).strip("_")
    changed = kept != whole
    if person:
        changed = "_" in value or kept.replace("_", "^") != value
    elif exact:
        changed = kept != value
    return _marked(kept, value) if value and changed else kept


def component(text: str) -> str:
    """Return ``text``, of parts that are clean, as a whole component of a path.

    It does not begin with a dot or a dash nor end with a dot, means no device anywhere, and is neither empty
    nor longer than 120 bytes.
    """
    kept = text.lstrip(".-~").rstrip(". ")
    if not kept or _RESERVED.fullmatch(kept):
        kept = f"_{kept}"
    too_long = len(kept.encode("utf-8", "surrogatepass")) > LONGEST
    return _marked(kept, text) if too_long or (kept != text and text) else kept


def _is_kept(character: str) -> bool:
    return character.isalnum() or character in "._+=@,-" or unicodedata.category(character) in ("Mn", "Mc")


def _marked(kept: str, value: str) -> str:
    """Return what was ``kept`` of ``value``, with a hash of all of it before an ending."""
    from hashlib import sha256

    digest = sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:_HASHED]
    stem, dot, ending = kept.rpartition(".")
    if not stem or len(ending) > _HASHED or not ending.isalnum():
        stem, dot, ending = kept, "", ""
    room = LONGEST - _HASHED - 1 - len(dot + ending)
    short = stem.encode("utf-8", "ignore")[:room].decode("utf-8", "ignore")
    return f"{short}-{digest}{dot}{ending}" if short else f"{digest}{dot}{ending}"
