"""What is to be at the top of a data set whatever is there: what was done, what rules set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.deidentification import method
from dcmtools.deidentification.profile import METHODS
from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET
from dcmtools.encoding.texts import raw_value, settled
from dcmtools.encoding.values import texts
from dcmtools.encoding.writing import element
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.deidentification.identifiers import Identifiers
    from dcmtools.deidentification.pixel_treatment import PixelTreatment
    from dcmtools.deidentification.profile import CodedConcept, Profile
    from dcmtools.deidentification.reading import Elements
    from dcmtools.deidentification.traversal import Traversal
    from dcmtools.encoding.syntax import Encoding

_CLEAN_PIXELS: Final = METHODS["pixels"]


class Statements:
    """What a profile has data sets say of how they were de-identified."""

    def __init__(self, profile: Profile) -> None:
        """Take what is the same in all of them."""
        self._profile = profile
        self._method = method.said_by(profile)
        self._removed = "NO" if profile.identity() else "YES"
        self._said: dict[tuple[Encoding, tuple[CodedConcept, ...]], dict[int, bytes]] = {}

    def claimed(self, pixels: PixelTreatment | None) -> tuple[CodedConcept, ...]:
        """Return the codes of what is done, be it that pixels were cleaned."""
        codes = tuple(code for code in self._profile.codes() if code != _CLEAN_PIXELS)
        return (*codes, _CLEAN_PIXELS) if pixels and _CLEAN_PIXELS.value in pixels.done else codes

    def prepare(
        self,
        traversal: Traversal,
        claimed: tuple[CodedConcept, ...],
        pixels: PixelTreatment | None,
        identifiers: Identifiers | None = None,
    ) -> None:
        """Say what is to be at the top of the data set, without ``identifiers`` where these are known."""
        elements, profile = traversal.elements, self._profile
        encoding = elements.encoding
        charset = elements.value(SPECIFIC_CHARACTER_SET)
        new = dict(self._of_method(encoding, claimed))
        if method.METHOD in elements.top:
            old = _searched(elements, charset, identifiers)
            new[method.METHOD] = method.method(old, self._method, encoding)
        there = elements.top.get(method.CODES)
        if there and there[1] == "SQ":
            traversal.code_items = {code.value: method.code_item(code, encoding) for code in claimed}
            del new[method.CODES]
        for tag, rule in profile.rules.tags.items():
            if rule.action == "set" and tag not in elements.top:
                vr = settled(rule.vr, rule.text)
                new[tag] = element(tag, vr, _raw(vr, rule.text, encoding, charset), encoding)
        for edit in pixels.edits if pixels else ():
            new[edit.tag] = b"" if edit.value is None else element(edit.tag, edit.vr, edit.value, encoding)
        traversal.insertions = new

    def _of_method(self, encoding: Encoding, claimed: tuple[CodedConcept, ...]) -> dict[int, bytes]:
        """Return what is said of de-identification where nothing has been said before."""
        key = encoding, claimed
        if key not in self._said:
            items = b"".join([method.code_item(code, encoding) for code in claimed])
            self._said[key] = {
                method.REMOVED: method.removed(self._removed, encoding),
                method.METHOD: method.method(b"", self._method, encoding),
                method.CODES: method.codes(items, encoding),
                method.DATES: method.dates(_temporal(self._profile), encoding),
            }
        return self._said[key]


def _temporal(profile: Profile) -> str:
    """Return what Longitudinal Temporal Information Modified says (PS3.3 C.12.1.1.3)."""
    if "dates" in profile.retain:
        return "UNMODIFIED"
    some_stay = "dates-shifted" in profile.retain or profile.keeps_dates()
    return "MODIFIED" if some_stay else "REMOVED"


def _searched(elements: Elements, charset: bytes, identifiers: Identifiers | None) -> bytes:
    """Return the Deidentification Method that is there, without what is the patient's."""
    there = elements.top.get(method.METHOD)
    old = elements.value(method.METHOD) if there and there[1] == "LO" else b""
    if identifiers is None or not old:
        return old
    values = texts("LO", old, decoder_of(charset))
    cleaned = [identifiers.cleaned(each) for each in values]
    kept = [each if new is None else new for each, new in zip(values, cleaned, strict=True)]
    return _raw("LO", "\\".join(filter(None, kept)), elements.encoding, charset)


def _raw(vr: str, text: str, encoding: Encoding, charset: bytes) -> bytes:
    try:
        return raw_value(vr, text, encoding.order, charset)
    except ValueError as error:
        raise InputError(str(error)) from None
