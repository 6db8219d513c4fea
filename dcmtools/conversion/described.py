"""What is said of one frame, and what its own data set is to say instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.dataset import DataSet, decode, encode, items, made, meaning
from dcmtools.encoding.dictionary import lookup, name_of, tag_of
from dcmtools.encoding.encoder import encoded
from dcmtools.encoding.values import CHARSET_VRS, TEXT_VRS, swapped
from dcmtools.encoding.writing import element
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.editing.derivation import Top
    from dcmtools.editing.splice import Edit
    from dcmtools.encoding.dataset import Given, Value

_LONGEST_DECIMAL: Final = 16
_LONGEST_SEQUENCE: Final = 1024 * 1024


class Described:
    """The attributes of a frame, by keyword: those put here go before those that stand in the file."""

    def __init__(self, top: Top, charset: bytes) -> None:
        """Begin with those at the ``top`` of the file's data set, whose text is in ``charset``."""
        self._top = top
        self._charset = charset
        self._new: dict[int, tuple[str, Value] | None] = {}

    def take(self, groups: DataSet) -> None:
        """Have what ``groups`` say at the top."""
        self._new.update(groups)

    def put(self, keyword: str, given: Given) -> None:
        """Give an attribute a value; raises InputError for what its VR or the character set do not have."""
        try:
            new = made(**{keyword: given})
        except ValueError as error:
            raise InputError(str(error)) from None
        for tag, (vr, value) in new.items():
            self._new[tag] = (vr, self._in_charset(vr, value))

    def copy(self, keyword: str, to: str) -> None:
        """Give the attribute ``to`` the value of another, if that has one; text byte for byte."""
        vr, value = self._found(tag_of(keyword))
        if vr in TEXT_VRS and value:
            self._new[tag_of(to)] = (lookup(tag_of(to))[0], value)
        elif values := self.values(keyword):
            self.put(to, values)

    def _in_charset(self, vr: str, value: Value) -> Value:
        """Return what is in UTF-8 as the data set has it."""
        if isinstance(value, list) or vr not in CHARSET_VRS or value.isascii():
            return value
        try:
            return encoded(value.decode(), self._charset)
        except ValueError as error:
            raise InputError(str(error)) from None

    def given(self, tag: int) -> list[DataSet]:
        """Return the items that a sequence has been given here."""
        _, value = self._new.get(tag) or ("", b"")
        return value if isinstance(value, list) else []

    def items(self, keyword: str) -> list[DataSet]:
        """Return the items of a sequence; raises InputError for what is none."""
        tag = tag_of(keyword)
        if tag in self._new or not self._top.has(tag):
            return self.given(tag)
        encoding = self._top.encoding
        raw = self._top.items(tag)
        if len(raw) > _LONGEST_SEQUENCE:
            raise InputError(f"{name_of(tag)} has {len(raw)} bytes, more than are read")
        return items(decode(element(tag, "SQ", raw, encoding), encoding, self._charset), tag)

    def remove(self, *tags: int) -> None:
        """Have no such attributes."""
        self._new.update(dict.fromkeys(tags))

    def edit(self, edit: Edit) -> None:
        """Do as ``edit`` says, whose value is in the encoding of the file."""
        if edit.value is None:
            self.remove(edit.tag)
        else:
            self._new[edit.tag] = (edit.vr, self._little(edit.vr, edit.value))

    def default(self, keyword: str, given: Given = None) -> None:
        """Give an attribute a value, or have it empty, where there is none at all."""
        if not self.has(keyword):
            self.put(keyword, given)

    def has(self, keyword: str) -> bool:
        """Tell whether there is such an attribute, be it empty."""
        tag = tag_of(keyword)
        return self._new[tag] is not None if tag in self._new else self._top.has(tag)

    def values(self, keyword: str) -> list[str]:
        """Return its values as text; none where it is absent or empty, or a sequence."""
        tag = tag_of(keyword)
        vr, value = self._found(tag)
        return meaning(tag, vr, value, decoder_of(self._charset)) if isinstance(value, bytes) else []

    def _found(self, tag: int) -> tuple[str, Value]:
        """Return VR and value of an attribute, empty where there is none."""
        if tag in self._new:
            return self._new[tag] or ("", b"")
        vr = self._top.vr(tag)
        return vr, self._little(vr, self._top.raw(tag)) if vr and vr != "SQ" else b""

    def text(self, keyword: str) -> str:
        """Return the first of its values, empty where there is none."""
        return next(iter(self.values(keyword)), "").strip()

    def numbers(self, keyword: str) -> list[float]:
        """Return its values as numbers; none where one of them is none."""
        from math import isfinite

        try:
            found = [float(each) for each in self.values(keyword)]
        except ValueError:
            return []
        return found if all(map(isfinite, found)) else []

    def number(self, keyword: str) -> float | None:
        """Return the first of them, None where there is none."""
        return next(iter(self.numbers(keyword)), None)

    def elements(self) -> dict[int, bytes]:
        """Return the elements that are put here, in the encoding of the file, empty where there are none.

        Raises InputError for what cannot be encoded.
        """
        return {tag: self._element(tag, new) for tag, new in self._new.items()}

    def _element(self, tag: int, new: tuple[str, Value] | None) -> bytes:
        if new is None:
            return b""
        single = DataSet(self._charset)
        single[tag] = new
        try:
            return encode(single, self._top.encoding, self._charset)
        except ValueError as error:
            raise InputError(str(error)) from None

    def _little(self, vr: str, raw: bytes) -> bytes:
        if not self._top.encoding.big:
            return raw
        try:
            return swapped(vr, raw)
        except ValueError:
            return b""


def decimal(number: float) -> str:
    """Return ``number`` as a DS, of 16 characters at most (PS3.5 6.2)."""
    for digits in range(15, 0, -1):
        text = f"{number:.{digits}g}"
        if len(text) <= _LONGEST_DECIMAL:
            return text
    return "0"


def name(keyword: str) -> str:
    """Return the attribute that a keyword names, for people."""
    return name_of(tag_of(keyword))
