"""What is looked for of a patient: names, identifiers, dates, UIDs, in the ways that they are written.

Text is compared folded: in upper case, without accents, in full-width forms no more than others.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from unicodedata import normalize

from dcmtools.deidentification.date_forms import WHOLE, of_short, of_whole, short
from dcmtools.encoding.charset import codecs_of
from dcmtools.encoding.dictionary import lookup, on_change
from dcmtools.encoding.uids import is_standard

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME, IDENTIFIER, DATE, UID = "name", "identifier", "date", "UID"
_SHORTEST_IDENTIFIER: Final = 4
_SHORTEST_WORD: Final = 4  # of a name that has several
_LONGEST_SHORT_NAME: Final = 2
_SHORTEST_NUMBER: Final = 6  # digits of an identifier that is found without bounds of words
_LONGEST: Final = 256
_TEXT: Final = frozenset(("AE", "LO", "LT", "SH", "ST", "UC", "UR", "UT"))
_TOKENS: Final = re.compile(r"[^\W_]+")
_LETTER: Final = r"[^\W\d_]"
_GAP: Final = r"(?:[^\w\\\r\n]|_){0,3}"
_BETWEEN_DIGITS: Final = r"[-_/., ]{0,3}"
_PARTED: Final = re.compile(r"(?<=[0-9])[-_/., ]{1,3}(?=[^\W_])|(?<=[^\W_])[-_/., ]{1,3}(?=[0-9])")
_NUMBER: Final = re.compile(rf"[0-9]{{{_SHORTEST_NUMBER},}}")
# What is drawn above, below or not at all.
_MARKS: Final = re.compile("[\u0300-\u036f\u3099\u309a\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_SPECIAL: Final = str.maketrans({
    "\u00d8": "O", "\u0110": "D", "\u00d0": "D", "\u0141": "L", "\u00c6": "AE", "\u0152": "OE",
    "\u00de": "TH", "\u1e9e": "SS",
})  # fmt: skip
_TRANSLITERATED: Final = str.maketrans({
    "\u00c4": "AE", "\u00d6": "OE", "\u00dc": "UE", "\u00c5": "AA", "\u00d8": "OE", "\u0130": "I",
})  # fmt: skip
_UMLAUTS: Final = re.compile("AE|OE|UE")
# Scripts that do not put spaces between words.
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1100-\u11ff\u2e80-\ud7ff\uf900-\ufaff]")
_ESCAPES: Final = re.compile(rb"\x1b(?:\$[()]?|[()\-])?[@-Z]")
# Attributes whose values name one person, thing or place out of many.
_IDENTIFYING: Final = re.compile(
    r"(ID|IDs|Ids?|Numbers?(Trial)?|Number(ImagingServiceRequest|Procedure)(Retired)?|Identifiers?|Identification|Address(es)?(Trial)?"
    r"|AETitle|InstitutionName|StationName|SponsorName|SiteName|CenterName|Organization|Locator|Residence|InAlternativeCalendar)$"
)
_NAMING: Final = frozenset(("CameraOwnerName", "ContactDisplayName", "NameToUse", "TopicAuthor"))
# Words that stand where there was no name, or are that of a maker: alone they tell nothing.
_COMMON: Final = frozenset(
    re.findall(
        r"\S+",
        """
ANON ANONYM ANONYMIZED ANONYMISED ANONYMOUS ANONYMIZE UNKNOWN UNSPECIFIED UNBEKANNT NONE NULL EMPTY NAME
NONAME FIRST LAST MIDDLE FAMILY GIVEN PATIENT PATIENTS SUBJECT TEST TESTS DEMO PHANTOM SAMPLE SAMPLES EXAMPLE
VOLUNTEER REMOVED DEIDENTIFIED IDENTIFIED HIDDEN PRIVATE PUBLIC DEFAULT SYSTEM ADMIN USER OPERATOR TECH
TECHNOLOGIST TECHNICIAN DOCTOR PHYSICIAN RADIOLOGIST RADIOLOGY NURSE STAFF HOSPITAL CLINIC KLINIK UNIVERSITY
CENTER CENTRE DEPARTMENT IMAGING MEDICAL DICOM IMAGE IMAGES SERIES STUDY
AGFA BRUKER CANON CARESTREAM ELEKTA ESAOTE FUJI FUJIFILM GE HITACHI HOLOGIC KODAK KONICA MEDTRONIC MINOLTA
OLYMPUS PHILIPS PICKER SAMSUNG SHIMADZU SIEMENS SONY STRYKER TOSHIBA VARIAN ZEISS ZIEHM
""",
    )
)
_PARTICLES: Final = frozenset(
    re.findall(
        r"\S+",
        """
AL AN AND BEN BIN BINT DA DAS DE DEL DELLA DEN DER DES DI DO DOS DR DU EL IBN II III IV IN JR LA LAS LE LES
LOS MC MD MR MRS MS OF PHD PROF SAN SR ST TE TEN TER THE VAN VON ZU ZUM ZUR
""",
    )
)


class Phrase(NamedTuple):
    """Something to be looked for: its ``kind``, and its ``text`` folded, a date as YYYYMMDD or D.MM.YY.

    No text has it that has not ``key``, folded; ``written`` is that key as it stood there. What is
    ``common`` alone names nobody; of what is ``whole``, a name and surname together, that cannot be said.
    """

    kind: str
    text: str
    key: str
    written: str
    common: bool = False
    whole: bool = False

    @property
    def evidence(self) -> int:
        """How many bits of chance it would take for it to stand somewhere."""
        return sum(
            8 if each.isdigit() else 7 if each.isascii() else 12 for each in self.text if each.isalnum()
        )

    @property
    def is_number(self) -> bool:
        """Whether it is an identifier of so many digits that it is one without bounds of words, too."""
        return (
            self.kind == IDENTIFIER
            and self.text.isascii()
            and sum(map(str.isdigit, self.text)) >= _SHORTEST_NUMBER
            and not self.common
        )

    @property
    def is_short_date(self) -> bool:
        """Whether it is a date without the century: there are signs between its numbers."""
        return self.kind == DATE and "." in self.text

    @property
    def is_parted(self) -> bool:
        """Whether it may stand where its key does not, as there are signs between digits."""
        return self.is_number or self.is_short_date


def folded(text: str) -> str:
    """Return ``text`` as texts are compared; more or fewer characters may come of one."""
    if text.isascii():
        return text.upper()
    return _MARKS.sub("", normalize("NFKD", text.upper().translate(_SPECIAL)))


def phrases(tag: int, vr: str, text: str) -> tuple[Phrase, ...]:
    """Return what to look for where a value of ``tag`` was removed that was ``text``, a single one.

    There is nothing where such values do not tell who somebody is: descriptions, times, numbers.
    """
    if len(text) > _LONGEST:
        text = text[:_LONGEST]
    if vr == "UI":
        return _uid(text)
    return _phrases(tag, vr, text)


@lru_cache(8192)
def _phrases(tag: int, vr: str, text: str) -> tuple[Phrase, ...]:
    if vr == "PN" or lookup(tag)[0] == "PN":
        return tuple(dict.fromkeys(_names(text)))
    if vr in ("DA", "DT"):
        match = WHOLE.match(text)
        return tuple(dict.fromkeys(_dates(*match.group(1, 3, 4)))) if match else ()
    if vr not in _TEXT:
        return ()
    naming, identifying = _kind(tag)
    found = dict.fromkeys(identifier(text)) if identifying else {}
    if naming or (identifying and "^" in text):
        found |= dict.fromkeys(_names(text))
    return tuple(found)


@lru_cache(4096)
def _kind(tag: int) -> tuple[bool, bool]:
    """Tell whether texts of ``tag`` hold names, and whether they are identifiers."""
    keyword = lookup(tag)[2]
    return keyword in _NAMING, bool(_IDENTIFYING.search(keyword))


on_change(_kind.cache_clear)
on_change(_phrases.cache_clear)


def _uid(text: str) -> tuple[Phrase, ...]:
    text = text.strip(" \0")
    if is_standard(text):
        return ()
    if text.replace(".", "").isdecimal() and text.isascii() and text.count(".") > 1:
        return (Phrase(UID, text, text, text),)
    return tuple(identifier(text))


def _dates(year: str, month: str, day: str) -> Iterator[Phrase]:
    yield Phrase(DATE, year + month + day, year, year)
    for numbers in short(year, month, day):
        key = "".join(numbers)
        yield Phrase(DATE, ".".join(numbers), key, key)


def identifier(text: str) -> Iterator[Phrase]:
    """Yield what to look for where the identifier ``text`` was removed."""
    found = _phrase(IDENTIFIER, text)
    if found is None or sum(map(str.isalnum, found.text)) < _SHORTEST_IDENTIFIER:
        return
    if len(set(found.text)) < 2:  # one sign again and again, as in 0000
        found = found._replace(common=True)
    yield found
    if found.common:
        return
    for number in dict.fromkeys(_NUMBER.findall(folded(text))):  # with the zeros in front that it has
        if number != found.text and len(set(number)) > 1:
            yield Phrase(IDENTIFIER, number, number, number)


def _phrase(kind: str, text: str, *, whole: bool = False) -> Phrase | None:
    """Return what to look for where ``text`` was, None where that is neither letters nor digits."""
    plain = folded(text)
    tokens = _TOKENS.findall(plain)
    if not tokens:
        return None
    if kind == IDENTIFIER and len(tokens) == 1 and tokens[0].isdecimal():
        tokens = [tokens[0].lstrip("0").rjust(_SHORTEST_IDENTIFIER, "0")]
    key = max(tokens, key=len)
    written = next((each for each in _TOKENS.findall(text) if folded(each) == key), key)
    common = not whole and all(token in _COMMON or token in _PARTICLES for token in tokens)
    return Phrase(kind, " ".join(tokens), key, written, common, whole)


def _names(text: str) -> Iterator[Phrase]:
    """Yield the components of a person's name (PS3.5 6.2.1), without prefix and suffix, and their words."""
    for group in text.split("=")[:3]:
        parts = [each.strip() for each in group.split("^")[:3]]
        if "^" not in group:
            parts = re.split(r"[,;\s]+", group.strip())
        parts = [each for each in parts if each]
        for part in parts:
            yield from _component(part)
        if len(parts) > 1:
            for before, after in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                yield from _pair(f"{parts[before]} {parts[after]}")
            if all(map(_UNSPACED.search, parts)):
                yield from _pair("".join(parts))


def _pair(text: str) -> Iterator[Phrase]:
    pair = _phrase(NAME, text, whole=True)
    if pair and (len(pair.text) > _SHORTEST_IDENTIFIER or not pair.text.isascii()):
        yield pair


def _component(part: str) -> Iterator[Phrase]:
    variants = [part]
    if not part.isascii():
        variants.append(part.upper().translate(_TRANSLITERATED))
    elif (plain := part.upper()) != (umlauts := _UMLAUTS.sub(lambda found: found[0][0], plain)):
        variants.append(umlauts)
    for variant in variants:
        phrase = _phrase(NAME, variant)
        if phrase is None:
            continue
        if phrase.text.replace(" ", "").isdecimal():
            yield from identifier(variant)
            continue
        if len(phrase.text) > 1 and phrase.text not in _PARTICLES:
            yield phrase
        words = _TOKENS.findall(variant)
        for word in words if len(words) > 1 else ():
            if len(word) >= _SHORTEST_WORD and not word.isdecimal() and (single := _phrase(NAME, word)):
                yield single


# ---------------------------------------------------------------- how it is found


@lru_cache(4096)
def wide_pattern(phrase: Phrase) -> re.Pattern[str]:
    """Return what matches ``phrase`` in folded text that is for people.

    That is ``pattern``, but a long number is also found between letters, and with signs between digits.
    """
    return re.compile(_wide(phrase)) if phrase.is_number else pattern(phrase)


@lru_cache(4096)
def bytes_pattern(phrase: Phrase) -> re.Pattern[bytes]:
    """Return what ``wide_pattern`` does, of what is parted, for bytes in which letters are in upper case."""
    return re.compile(wide_pattern(phrase).pattern.encode("ascii"))


def _wide(phrase: Phrase) -> str:
    text, found = phrase.text, []
    for before, each in zip(" " + text, text, strict=False):
        if each == " ":
            found.append(_GAP)
        elif (before.isalpha() and each.isalpha()) or before == " ":
            found.append(each)
        else:  # a digit is next to it
            found.append(_BETWEEN_DIGITS + each)
    zeros = "0*" if text.isdecimal() else ""
    first, last = (r"\d" if end.isdigit() else "[A-Z]" for end in (text[0], text[-1]))
    return rf"(?<!{first}){zeros}{''.join(found)}(?!{last})"


def joined(text: str) -> str:
    """Return ``text``, and after it, where that is another, without the signs between digits."""
    dense = _PARTED.sub("", text)
    return text if dense == text else f"{text}\n{dense}"


@lru_cache(4096)
def pattern(phrase: Phrase) -> re.Pattern[str]:
    """Return what matches ``phrase`` in folded text, at the bounds of words."""
    if phrase.is_short_date:
        return re.compile(of_short(*phrase.text.split(".")))
    if phrase.kind == DATE:
        return re.compile(of_whole(phrase.text))
    if phrase.kind == UID:
        return re.compile(rf"(?<![\d])(?<!\d\.){re.escape(phrase.text)}(?!\d|\.\d)")
    inner = _GAP.join(map(re.escape, phrase.text.split()))
    if _UNSPACED.search(phrase.text):
        return re.compile(inner)
    if phrase.kind == NAME:
        # What is part of names of functions, such as OB_GENERAL, is no name of so few letters.
        edge = _LETTER if len(phrase.text) > _LONGEST_SHORT_NAME else r"[^\W\d]"
        return re.compile(rf"(?<!{edge}){inner}(?!{edge})")
    zeros = "0*" if phrase.text.isdecimal() else ""
    return re.compile(rf"(?<![^\W_]){zeros}{inner}(?![^\W_])")


def byte_keys(phrase: Phrase, charset: bytes) -> tuple[bytes, ...]:
    """Return in which bytes the key of ``phrase`` may stand, those that are ASCII letters in upper case."""
    if phrase.written.isascii() and phrase.key.isascii():
        return (phrase.key.encode(),)
    return _byte_keys(phrase, charset)


@lru_cache(4096)
def _byte_keys(phrase: Phrase, charset: bytes) -> tuple[bytes, ...]:
    found = {phrase.key.encode()} if phrase.key.isascii() else set()
    written = phrase.written
    for form in {written, written.upper(), written.lower(), written.title(), phrase.key}:
        for codec in _codecs(charset):
            try:
                raw = form.encode(codec)
            except UnicodeError:
                continue
            if raw := _ESCAPES.sub(b"", raw):
                found.add(raw.upper())
    return tuple(found)


@lru_cache(64)
def _codecs(charset: bytes) -> tuple[str, ...]:
    codec, terms = codecs_of(charset)
    others = [codecs_of(term.encode())[0] for term in terms]
    return tuple(dict.fromkeys(["utf-8", "latin-1", codec, *others, "utf-16-le", "utf-16-be"]))
