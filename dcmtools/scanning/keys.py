"""The columns that a person asks for: elements by their paths, and functions of these over many files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding import tagpath
from dcmtools.encoding.dictionary import lookup, private_lookup
from dcmtools.encoding.values import SINGLE_TEXT_VRS
from dcmtools.selection.comparing import kind_of

if TYPE_CHECKING:
    from dcmtools.encoding.tagpath import TagPath

PLAIN: Final = ""
_OF_FILES: Final = ("files", "bytes")
_OF_VALUES: Final = ("count", "first", "min", "max", "unique")
_SIZE: Final = "file.size"
_CALL: Final = r"\s*([A-Za-z]+)\s*\((.*)\)\s*"
# What tells the entities of a level apart (PS3.4 C.6.1.1).
_UNIQUE_KEYS: Final = {"patient": "PatientID", "study": "StudyInstanceUID", "series": "SeriesInstanceUID"}
INSTANCE: Final = "instance"
LEVELS: Final = (INSTANCE, *reversed(_UNIQUE_KEYS))
_DEFAULTS: Final = {
    "patient": "PatientName PatientBirthDate PatientSex count(StudyInstanceUID) count(SeriesInstanceUID)"
    " count() bytes()",
    "study": "PatientID PatientName StudyDate StudyDescription Modality count(SeriesInstanceUID) count()"
    " bytes()",
    "series": "PatientID StudyDate Modality SeriesNumber SeriesDescription count() bytes()",
    INSTANCE: "PatientID StudyDate Modality SeriesNumber InstanceNumber SOPInstanceUID",
}


class Key(NamedTuple):
    """A ``column``, named for people and programs alike: of ``function``, if any, of the element at ``path``.

    Without a path it is about the files themselves. ``number`` is that of one of the values, from 0.
    """

    column: str
    function: str = PLAIN
    path: TagPath | None = None
    number: int | None = None

    def titled(self) -> Key:
        """Return this with the name of its column."""
        name = (named(self.path) if self.path else "") + ("" if self.number is None else f"[{self.number}]")
        return self._replace(column=f"{self.function}({name})" if self.function else name)

    @property
    def vr(self) -> str:
        """The VR that the dictionaries give the element; a number for what is counted."""
        if self.path is None or self.function == "count":
            return "UL"
        step = self.path.steps[-1]
        return (private_lookup(step.creator, step.tag) if step.creator else lookup(step.tag))[0]

    @property
    def kind(self) -> str:
        """How its values compare (``selection.comparing``); empty where only the file knows the VR."""
        return kind_of(self.vr)

    @property
    def is_number(self) -> bool:
        """Whether values compare as numbers."""
        return self.kind == "number"


def parse(text: str) -> Key:
    """Return the key that ``text`` says: ``Rows``, ``max(Rows)``, ``count()``; raise ValueError if none."""
    if text.strip().lower() == _SIZE:
        return Key(_SIZE, "bytes")
    match = re.fullmatch(_CALL, text)
    if match is None:
        return Key(PLAIN, PLAIN, *_element(text.strip())).titled()
    function, inner = match[1].lower(), match[2].strip()
    if function not in (*_OF_FILES, *_OF_VALUES):
        known = ", ".join(f"{name}()" for name in (*_OF_FILES, *_OF_VALUES))
        message = f"{match[1]!r} is not a function; there are {known}"
        raise ValueError(message)
    if function in _OF_FILES and inner:
        message = f"{function}() is about files and takes no element"
        raise ValueError(message)
    if not inner and function in ("first", "min", "max", "unique"):
        message = f"{function}() wants an element, such as {function}(InstanceNumber)"
        raise ValueError(message)
    if function == "count" and not inner:
        return Key("count()", function, tagpath.parse("SOPInstanceUID"))
    if not inner:
        return Key(f"{function}()", function)
    return Key(PLAIN, function, *_element(inner)).titled()


def _element(text: str) -> tuple[TagPath, int | None]:
    """Return the path of an element, and which of its values is meant; None for all."""
    last = re.search(r"\[(\d{1,9})\]$", text)
    if last is None:
        return tagpath.parse(text), None
    path = tagpath.parse(text[: last.start()])
    step = path.steps[-1]
    vr = private_lookup(step.creator, step.tag)[0] if step.creator else lookup(step.tag)[0]
    if vr == "SQ":
        message = f"{text!r} is an item; a column is for an element, such as {text}.PatientID"
        raise ValueError(message)
    if vr in SINGLE_TEXT_VRS:
        message = f"{text!r}: VR {vr} has one value"
        raise ValueError(message)
    if any(step.item is None for step in path.steps[:-1]):
        message = f"{text!r}: one of several values is that of one item, as in Sequence[0].ImageType[2]"
        raise ValueError(message)
    return path, int(last[1])


def value_of(cell: str | None, number: int) -> str | None:
    """Return one of the values that a cell has, backslashes between them; None where it has not as many."""
    values = (cell or "").split("\\")
    return values[number] if cell is not None and number < len(values) else None


def named(path: TagPath) -> str:
    """Return ``path`` with keywords for the tags that have one: what its column is called."""
    names = []
    for step in path.steps:
        keyword = "" if step.creator else lookup(step.tag)[2]
        name = keyword if keyword and keyword not in ("GroupLength", "PrivateCreator") else str(step)
        names.append(name if step.item is None else f"{name}[{step.item}]")
    return ".".join(names)


def defaults(level: str) -> tuple[Key, ...]:
    """Return the columns of ``level`` where none are asked for."""
    return tuple(parse(text) for text in _DEFAULTS[level].split())


def unique_key(level: str) -> Key:
    """Return the key that tells the groups of ``level`` apart."""
    return parse(_UNIQUE_KEYS[level])
