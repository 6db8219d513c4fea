"""What a template of paths says: components of text and of fields (see ``selection.template``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding import tagpath
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.tags import PIXEL_DATA
from dcmtools.selection.naming import cleaned, component
from dcmtools.selection.parsing import PATH, WhereError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.encoding.tagpath import TagPath

_LONGEST: Final = 4096
_QUOTED: Final = re.compile(r'"([^"{}]*)"|' + r"'([^'{}]*)'")
_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z_.]*")
_LAST: Final = re.compile(r"\[(\d{1,9})\]$")
_FORMAT: Final = re.compile(r"(?:0(\d{1,2}))?(?:\.(\d{1,3}))?")
ABOUT: Final = ("file.name", "file.stem")
_BESIDE_PATH: Final = re.compile(r"[|:}]")
_NOWHERE: Final = frozenset('\\<>:"|?*')  # characters that some system has no names with
_TIMES: Final = ("DA", "DT", "TM")
_DIRECTIVES: Final = frozenset("YymdjHMSBbAaGVuUW%")


class TemplateError(WhereError):
    """A template that makes no sense, at a column; ``lines`` show where."""


class Source(NamedTuple):
    """What a field may stand for: an element, of which ``number`` is the value, a ``word`` or ``text``.

    ``tag`` is that of an element at the top, which takes no walk to its ``path``.
    """

    path: TagPath | None = None
    tag: int = 0
    number: int | None = None
    word: str = ""
    text: str | None = None
    name: str = ""


class Field(NamedTuple):
    """The ``sources`` of a value, in turn, and how it is written."""

    sources: tuple[Source, ...]
    fill: int = 0
    most: int = 0
    form: str = ""


def components(text: str, extra: tuple[str, ...]) -> Iterator[list[str | Field]]:
    """Yield the parts of each component; raises TemplateError."""
    if not text.strip():
        raise TemplateError("a template is wanted, such as {PatientID}/{SOPInstanceUID}.dcm", text, 0)
    if len(text) > _LONGEST:
        message = f"a template of {len(text)} characters, {_LONGEST} are allowed"
        raise TemplateError(message, text, _LONGEST)
    parts: list[str | Field] = []
    at = begin = 0
    while at < len(text):
        if text[at] == "/":
            _check(parts, text, begin)
            yield parts
            parts, begin = [], at + 1
            at += 1
        elif text.startswith(("{{", "}}"), at):
            parts.append(text[at])
            at += 2
        elif text[at] == "{":
            field, at = _field(text, at, extra)
            parts.append(field)
        elif text[at] == "}":
            raise TemplateError("this } closes nothing; }} stands for one", text, at)
        else:
            if not text[at].isprintable() or text[at] in _NOWHERE:
                raise TemplateError("this character is no part of a name", text, at)
            parts.append(text[at])
            at += 1
    _check(parts, text, begin)
    yield parts


def _check(parts: list[str | Field], text: str, begin: int) -> None:
    """Refuse what is no component: names come from below the folder they are for, and lead nowhere else."""
    if not parts:
        what = "the path begins in the folder that it is for" if begin == 0 else "a component is empty"
        raise TemplateError(what, text, begin)
    literal = "".join([part if isinstance(part, str) else "x" for part in parts])
    if literal.strip(". ") == "" or literal != component(literal):
        message = f"{literal!r} is no name that is the same everywhere"
        raise TemplateError(message, text, begin)


def _field(text: str, at: int, extra: tuple[str, ...]) -> tuple[Field, int]:
    begin = at
    sources: list[Source] = []
    at += 1
    while True:
        source, at = _source(text, at, extra)
        sources.append(source)
        if text.startswith("|", at):
            at += 1
            continue
        break
    field = Field(tuple(sources))
    if text.startswith(":", at):
        field, at = _with_format(field, text, at + 1)
    if not text.startswith("}", at):
        what = "this field is never closed" if "}" not in text[begin:] else "|, : or } is wanted here"
        raise TemplateError(what, text, begin if "}" not in text[begin:] else at)
    return field, at + 1


def _source(text: str, at: int, extra: tuple[str, ...]) -> tuple[Source, int]:
    if quoted := _QUOTED.match(text, at):
        kept = quoted[1] if quoted[1] is not None else quoted[2]
        if kept != cleaned(kept) or not kept:
            raise TemplateError("these words cannot stand in a name", text, at)
        return Source(text=kept, name=kept), quoted.end()
    word = _WORD.match(text, at)
    if word and word[0].lower() in (*ABOUT, *extra):
        return Source(word=word[0].lower(), name=word[0].lower()), word.end()
    found = PATH.match(text, at)
    if not found:
        known = ", ".join((*ABOUT, *extra))
        raise TemplateError(f"a keyword, a tag, a path or {known} is wanted here", text, at)
    named = found[0]
    if not named.startswith("(") and (beside := _BESIDE_PATH.search(named)):
        named = named[: beside.start()]  # a private creator could have it, and stands in parentheses then
    if named.lower().startswith("file."):
        raise TemplateError(f"of a file there are {' and '.join(ABOUT)}", text, at)
    last = _LAST.search(named)
    try:
        path = tagpath.parse(named[: last.start()] if last else named)
    except ValueError as error:
        raise TemplateError(str(error), text, at) from None
    if vr_of(path) == "SQ":
        raise TemplateError(f"{named} is a sequence, which has no value of its own", text, at)
    number = int(last[1]) if last else None
    return Source(path, _plain_tag(path), number, name=_name(path)), at + len(named)


def _plain_tag(path: TagPath) -> int:
    """Return the tag of an element that ``values_of`` finds; 0 where it takes a walk."""
    step = path.steps[0]
    plain = len(path.steps) == 1 and not step.creator and step.tag < PIXEL_DATA
    return step.tag if plain else 0


def _name(path: TagPath) -> str:
    step = path.steps[-1]
    keyword = "" if step.creator else lookup(step.tag)[2]
    return keyword or f"{step.tag:08x}"


def _with_format(field: Field, text: str, at: int) -> tuple[Field, int]:
    end = text.find("}", at)
    form = text[at : end if end >= 0 else len(text)]
    if form.startswith("%"):
        if "/" in form or set(re.findall(r"%(.?)", form)) - _DIRECTIVES or form.endswith("%"):
            raise TemplateError("a form of dates and times is such as %Y-%m-%d or %H%M", text, at)
        if not any(source.path and vr_of(source.path) in _TIMES for source in field.sources):
            raise TemplateError("a form with % is for dates and times", text, at)
        return field._replace(form=form), at + len(form)
    found = _FORMAT.fullmatch(form)
    if not form or not found:
        raise TemplateError("a format is 05 for zeros, .20 for a length, or %Y-%m-%d", text, at)
    return field._replace(fill=int(found[1] or 0), most=int(found[2] or 0)), at + len(form)


def vr_of(path: TagPath) -> str:
    """Return the VR that PS3.6 gives an element, empty for a private one."""
    step = path.steps[-1]
    return "" if step.creator else lookup(step.tag)[0]
