"""Templates of paths, such as ``{PatientID}/{StudyDate}/{InstanceNumber:05}.dcm``: names made of values.

A field names an element by keyword, tag or path, or says in quotes what stands there, or what of the file:
``file.name``, ``file.stem``. Several with ``|`` between them are tried in turn. Behind a colon is the
format of them all: ``05`` fills numbers up with zeros, ``.20`` cuts text, ``%Y-%m-%d`` is for dates, times.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dcmtools.encoding.values import CHARSET_VRS
from dcmtools.files.depths import elements_at
from dcmtools.files.values import text_at, values_of
from dcmtools.selection.fields import Field, TemplateError, components, vr_of
from dcmtools.selection.naming import cleaned, component

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.files.inputs import Input
    from dcmtools.files.part10 import Part10File
    from dcmtools.files.values import Value
    from dcmtools.selection.fields import Source

_NUMBER: Final = re.compile(r"([+-]?)(\d+)(\.\d+)?", re.ASCII)
_SIZES: Final = {"%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2}
_FORMS: Final = {
    "DA": ("%Y%m%d",),
    "TM": ("%H%M%S", "%H%M", "%H"),
    "DT": ("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d%H", "%Y%m%d"),
}
_MOST_KNOWN: Final = 1024  # texts that are remembered
_LONGEST_KNOWN: Final = 256
# Whose values tell people and their examinations apart: no two become one name.
_EXACT: Final = frozenset((0x00100020, 0x00080050, 0x00200010))
_PERSON: Final = 0x00100010


class Named(NamedTuple):
    """A relative path made for a file, and the names of fields that it had no value for."""

    path: str
    missing: tuple[str, ...] = ()


class Template:
    """A template that was understood; another process can be sent it."""

    __slots__ = ("_components", "_known", "_paths", "_tags", "extra", "plain", "text")

    def __init__(self, text: str, extra: tuple[str, ...] = (), *, plain: bool = False) -> None:
        """Read ``text``, which may name the words in ``extra``; raises TemplateError with the column.

        With ``plain`` nothing but ASCII is taken over from values.
        """
        self.text = text
        self.extra = extra
        self.plain = plain
        self._components = list(components(text, extra))
        fields = [part for parts in self._components for part in parts if isinstance(part, Field)]
        sources = [source for field in fields for source in field.sources]
        if not fields:
            raise TemplateError("a template has a field, such as {PatientID}", text, 0)
        self._tags = frozenset(source.tag for source in sources if source.tag)
        self._paths = list(dict.fromkeys([each.path for each in sources if each.path and not each.tag]))
        self._known: dict[tuple[int, Value], str] = {}

    @classmethod
    def parsed(cls, text: str, extra: tuple[str, ...] = ()) -> Template:
        """Return the template that ``text`` says, as the constructor does."""
        return cls(text, extra)

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process as text."""
        return _made, (self.text, self.extra, self.plain)

    @property
    def tags(self) -> frozenset[int]:
        """The tags of the elements at the top of a data set that are wanted."""
        return self._tags

    @property
    def shallow(self) -> bool:
        """Whether the values of ``tags`` are all there is to know of a data set."""
        return not self._paths

    def named(
        self,
        file: Part10File,
        item: Input,
        extra: Mapping[str, str] | None = None,
        known: Mapping[int, Value] | None = None,
    ) -> Named:
        """Return the path for ``file``, which is that of ``item``; ``extra`` has the further words.

        ``known`` are the values of ``tags``, where somebody has them. Raises InputError where the file cannot
        be read so far.
        """
        values = values_of(file, self._tags) if known is None and self._tags else known or {}
        return self._made(item, values, self._walked(file) if self._paths else {}, extra or {})

    def by(self, item: Input, values: Mapping[int, Value]) -> Named:
        """Return the path for ``item`` by the ``values`` of ``tags`` alone, of a template that is shallow."""
        return self._made(item, values, {}, {})

    def _made(
        self,
        item: Input,
        values: Mapping[int, Value],
        found: Mapping[TagPath, list[str]],
        extra: Mapping[str, str],
    ) -> Named:
        name = os.path.basename(item.path)
        words = {"file.name": name, "file.stem": os.path.splitext(name)[0], **extra}
        missing: list[str] = []
        components = []
        for parts in self._components:
            text = ""
            for part in parts:
                if isinstance(part, str):
                    text += part
                    continue
                shown = self._shown(part, values, found, words)
                if not shown:
                    missing.append(part.sources[0].name)
                text += shown or f"no-{part.sources[0].name}"
            components.append(component(text))
        return Named("/".join(components), tuple(missing))

    def _walked(self, file: Part10File) -> dict[TagPath, list[str]]:
        """Return the values that a glance does not find: deep ones, private ones, what is behind pixels."""
        found: dict[TagPath, list[str]] = {}
        walker = file.walk(stop=max(path.last_top_tag for path in self._paths) + 1)
        for path, element, decode in elements_at(walker, self._paths):
            if path not in found and element[1] != "SQ":
                found[path] = text_at(element, walker, decode).split("\\")
        return found

    def _shown(
        self,
        field: Field,
        values: Mapping[int, Value],
        found: Mapping[TagPath, list[str]],
        words: Mapping[str, str],
    ) -> str:
        """Return the first of what the field stands for that has a value, empty where none has."""
        for source in field.sources:
            if source.text is not None:
                return source.text
            if source.tag:
                text = self._of_value(field, source, values[source.tag]) if source.tag in values else ""
            elif source.path:
                text = self._cleaned(field, source, found.get(source.path, []))
            else:
                text = self._cleaned(field, source, [words.get(source.word, "")])
            if text:
                return text
        return ""

    def _of_value(self, field: Field, source: Source, value: Value) -> str:
        """Return what a value is written as, which those of many files have in common."""
        key = id(source), value
        text = self._known.get(key)
        if text is None:
            text = self._cleaned(field, source, value.texts())
            if len(value.raw or b"") <= _LONGEST_KNOWN:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[key] = text
        return text

    def _cleaned(self, field: Field, source: Source, texts: list[str]) -> str:
        if source.number is not None:
            texts = texts[source.number : source.number + 1]
        texts = [each for each in texts if each.strip(" ^=_")]
        if not texts:
            return ""
        # Between several stands what the name of none can have, where names must not be the same.
        exact = source.tag in _EXACT
        value = ("\\" if exact else "_").join(texts)
        vr = vr_of(source.path) if source.path else ""
        person = source.tag == _PERSON
        return cleaned(_formatted(value, vr, field), exact=exact, person=person, plain=self.plain)


def _made(text: str, extra: tuple[str, ...], plain: bool) -> Template:
    return Template(text, extra, plain=plain)


def _formatted(value: str, vr: str, field: Field) -> str:
    if field.form and (moment := _moment(value, vr)):
        value = moment.strftime(field.form)
    if field.fill and vr != "UI" and (number := _NUMBER.fullmatch(value.strip())):
        digits = number[2] if vr in CHARSET_VRS else number[2].lstrip("0")
        value = f"{number[1].replace('+', '')}{digits.zfill(field.fill)}{number[3] or ''}"
    return value[: field.most] if field.most else value


def _moment(value: str, vr: str) -> Any:  # noqa: ANN401  a datetime, whose module takes long to load
    """Return the moment that a value of DA, DT or TM stands for, None where it stands for none."""
    from datetime import datetime

    text = value.replace(":", "") if vr == "TM" else value.replace(".", "")
    digits = re.compile(r"\d*", re.ASCII).match(text)
    for form in _FORMS.get(vr, ()):
        size = sum(_SIZES[each] for each in re.findall("%.", form))
        try:
            if digits and len(digits[0]) >= size:
                return datetime.strptime(digits[0][:size], form)
        except ValueError:
            continue
    return None
