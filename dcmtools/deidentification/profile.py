"""What is to become of each attribute: the Basic Profile of PS3.15 with options, and a user's own rules.

Where several speak of one attribute, a rule goes before the table, one for a path before one for a tag, one
of the command line before one of a file. An option goes before the Basic Profile, and of two options that
which cleans before that which retains: a device's date that would be kept is shifted where dates are.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.data.deidentification_profile import COLUMNS, GROUPS, PRIVATE, ROWS
from dcmtools.deidentification.identifying import identifying_codes
from dcmtools.deidentification.rules import Rules, collected, parse
from dcmtools.encoding.dictionary import lookup, name_of
from dcmtools.encoding.tags import is_private
from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dcmtools.deidentification.profile_file import Stated
    from dcmtools.deidentification.rules import Action, Place, Rule

BASIC: Final = "basic"
RETAIN: Final = ("uids", "dates", "dates-shifted", "patient", "device", "institution", "safe-private")
CLEAN: Final = ("descriptors", "graphics", "structured", "pixels")
OPTIONS: Final = RETAIN + CLEAN
"""The options of PS3.15 E.3."""
EXCLUSIVE: Final = ("dates", "dates-shifted")
POLICIES: Final = ("keep", "check", "regions", "blank", "reject")
"""What may become of pixels that people can read."""


class CodedConcept(NamedTuple):
    """A code of PS3.16, and what it means."""

    value: str
    meaning: str
    scheme: str = "DCM"


METHODS: Final = {
    BASIC: CodedConcept("113100", "Basic Application Confidentiality Profile"),
    "pixels": CodedConcept("113101", "Clean Pixel Data Option"),
    "graphics": CodedConcept("113103", "Clean Graphics Option"),
    "structured": CodedConcept("113104", "Clean Structured Content Option"),
    "descriptors": CodedConcept("113105", "Clean Descriptors Option"),
    "dates": CodedConcept("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "dates-shifted": CodedConcept("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "patient": CodedConcept("113108", "Retain Patient Characteristics Option"),
    "device": CodedConcept("113109", "Retain Device Identity Option"),
    "uids": CodedConcept("113110", "Retain UIDs Option"),
    "safe-private": CodedConcept("113111", "Retain Safe Private Option"),
    "institution": CodedConcept("113112", "Retain Institution Identity Option"),
}
"""CID 7050, De-identification Method, by option. 113102 is missing: nobody here removes faces."""


class Profile(NamedTuple):
    """A profile with its options and rules.

    ``actions`` has the code of each attribute that the table lists by tag, or that identifies without that.
    ``pixels`` is one of ``POLICIES``, ``pixel_rules`` the path of a file; they are empty where nothing is
    said.
    """

    name: str
    retain: frozenset[str]
    clean: frozenset[str]
    actions: Mapping[int, str]
    rules: Rules
    pixels: str = ""
    pixel_rules: str = ""

    def code(self, tag: int) -> str:
        """Return the code of PS3.15 E.1 for ``tag``, such as ``X/Z/D``; empty where nothing lists it."""
        found = self.actions.get(tag)
        return _group_code(tag, self.retain | self.clean) if found is None else found

    def rule(self, tag: int) -> Rule | None:
        """Return what the user says of ``tag``, wherever it stands."""
        return self.rules.tags.get(tag)

    def rule_at(self, path: tuple[int, ...]) -> Rule | None:
        """Return what the user says of the element at ``path``, the tags of sequences and its own."""
        return self.rules.paths.get(path) or self.rules.tags.get(path[-1])

    def private_rule(self, creator: str, tag: int) -> Rule | None:
        """Return what the user says of private ``tag`` in a block of ``creator``, whatever its number."""
        return self.rules.private.get((creator, tag & 0xFFFF00FF))

    def safe_private(self, creator: str, tag: int) -> str:
        """Return the VR of a private element that carries no identity, if such are retained; else nothing.

        The items of a sequence among them are treated by the profile, and UIDs and dates like others.
        """
        if "safe-private" not in self.retain:
            return ""
        from dcmtools.data.safe_private import CREATORS

        return CREATORS.get(creator, {}).get((tag >> 16, tag & 0xFF), "")

    def concept(self, value: str, scheme: str, value_type: str = "") -> str:
        """Return the code of PS3.15 Table E.3.4-1 for content items with this concept name; empty if none.

        Where it lists the concept for other value types only, it is the strictest of theirs.
        """
        by_type = _concepts(self.retain | self.clean).get((scheme, value), {})
        return by_type.get(value_type) or min(by_type.values(), key=_STRICTEST_FIRST.index, default="")

    def departures(self) -> list[str]:
        """Return what rules keep although the profile protects it, by name: the Basic Profile is not met."""
        kept = [name_of(tag) for tag in self._kept()]
        for (creator, tag), rule in self.rules.private.items():
            if rule.action == "keep" and not self.safe_private(creator, tag):
                kept.append(f"({tag >> 16:04x},{tag & 0xFF:02x},{creator})")
        return kept

    def identity(self) -> list[str]:
        """Return those of ``departures`` that say who somebody is: the patient's identity is not removed."""
        return [name_of(tag) for tag in self._kept() if tag in _IDENTITY or lookup(tag)[0] == "PN"]

    def ruled(self) -> frozenset[int]:
        """Return the tags of what rules keep, wherever that is."""
        rules = *self.rules.tags.items(), *((path[-1], rule) for path, rule in self.rules.paths.items())
        return frozenset(tag for tag, rule in rules if rule.action == "keep")

    def keeps_dates(self) -> bool:
        """Tell whether rules keep dates or times."""
        return any(lookup(tag)[0] in ("DA", "DT", "TM") for tag in self.ruled())

    def _kept(self) -> list[int]:
        """Return the tags of what rules keep although the profile protects it."""
        return sorted(tag for tag in self.ruled() if self.code(tag) not in ("", "K"))

    def codes(self) -> tuple[CodedConcept, ...]:
        """Return what is claimed of CID 7050: the Basic Profile unless this one departs from it, and options.

        Whoever writes them leaves out what was not done.
        """
        claimed = {*self.retain, *self.clean} | (set() if self.departures() else {BASIC})
        return tuple(concept for option, concept in METHODS.items() if option in claimed)


# Of one person: Patient ID, birth date and address, and what an order, a stay or a study is called.
_IDENTITY: Final = frozenset({
    0x00080050, 0x00100020, 0x00100030, 0x00100033, 0x00100034, 0x00101000, 0x00101002, 0x00101040,
    0x00101090, 0x00102154, 0x00102155, 0x00200010, 0x00380010,
})  # fmt: skip
_STRICTEST_FIRST: Final = ("X", "X/D", "D", "C", "K")


def profile_from(  # noqa: PLR0913  one for each option of the command
    name_or_path: str = BASIC,
    retain: Iterable[str] = (),
    clean: Iterable[str] = (),
    keep: Sequence[str] = (),
    remove: Sequence[str] = (),
    empty: Sequence[str] = (),
    set_: Sequence[str] = (),
    *,
    folder: str = "",
) -> Profile:
    """Return the profile called ``basic``, or that of a TOML file, with what is said beside it.

    A name that is no path means a file of ``folder``. ``retain`` and ``clean`` are options, ``keep``,
    ``remove`` and ``empty`` what rules are about, ``set_`` such as ``Keyword=value``. Raises UsageError,
    which for a file names the line and the key.
    """
    stated = _stated(name_or_path, folder)
    retained, cleaned = stated.retain | {*retain}, stated.clean | {*clean}
    _require_known(retained, cleaned)
    said = list(_said({"keep": keep, "remove": remove, "empty": empty, "set": set_}))
    _require_one_each(said)
    return Profile(
        stated.name,
        retained,
        cleaned,
        _actions(retained | cleaned),
        collected([*stated.rules, *said]),
        stated.pixels,
        stated.pixel_rules,
    )


def names_in(folder: str) -> list[str]:
    """Return the names of the profiles in ``folder``, if there is such a folder."""
    import os

    try:
        found = sorted(os.listdir(folder)) if folder else []
    except OSError:
        return []
    return [name.removesuffix(".toml") for name in found if name.endswith(".toml")]


def _stated(name_or_path: str, folder: str) -> Stated:
    import os
    import sys

    from dcmtools.deidentification.profile_file import Stated, read

    if name_or_path == BASIC:
        return Stated(BASIC)
    if os.sep in name_or_path or name_or_path.endswith(".toml"):
        return read(name_or_path)
    path = os.path.join(folder, f"{name_or_path}.toml")
    if folder and os.path.exists(path):
        return read(path)
    where = f", nor {path}" if folder else ""
    examples = os.path.join(sys.prefix, "share", "doc", "dcmtools", "profiles")
    hint = f"give {BASIC}, or the path of a .toml file; examples are in {examples}"
    raise UsageError(f"there is no profile {name_or_path!r}{where}", hint=hint)


def _require_known(retain: frozenset[str], clean: frozenset[str]) -> None:
    for asked, known, verb in ((retain, RETAIN, "retain"), (clean, CLEAN, "clean")):
        if unknown := sorted(asked - {*known}):
            raise UsageError(f"{unknown[0]!r} is nothing to {verb}; known are {', '.join(known)}")
    if retain.issuperset(EXCLUSIVE):
        raise UsageError(f"{' and '.join(EXCLUSIVE)} exclude each other: dates are kept or shifted")


def _said(options: Mapping[Action, Sequence[str]]) -> Iterator[tuple[Place, Rule]]:
    for action, texts in options.items():
        for text in texts:
            place, equals, value = text.partition("=") if action == "set" else (text, "=", "")
            try:
                if not equals:
                    message = f"{text!r} is not Keyword=value, nor gggg,eeee=value"
                    raise ValueError(message)  # noqa: TRY301  to be told like the others
                yield parse(place, action, f"--{action}", value)
            except ValueError as error:
                raise UsageError(f"--{action}: {error}") from None


def _require_one_each(said: Iterable[tuple[Place, Rule]]) -> None:
    seen: dict[Place, Rule] = {}
    for place, rule in said:
        if before := seen.get(place):
            what = name_of(place) if isinstance(place, int) else "an element"
            raise UsageError(f"{what} is given twice: {before.source} and {rule.source}")
        seen[place] = rule


def _actions(options: frozenset[str]) -> dict[int, str]:
    known = {codes: _applied(codes, options) for codes in set(ROWS.values())}
    return identifying_codes(options) | {tag: known[codes] for tag, codes in ROWS.items()}


def _applied(codes: str, options: frozenset[str]) -> str:
    """Return the code of a row of the tables with ``options``."""
    basic, _, by_column = codes.partition(":")
    asked = {code for column, code in zip(COLUMNS, by_column, strict=True) if column in options}
    return next((code for code in ("C", "K") if code in asked), basic)


@lru_cache(maxsize=256)
def _group_code(tag: int, options: frozenset[str]) -> str:
    """Return the code of what the table lists by groups: private elements, curves, overlays."""
    if is_private(tag):
        return _applied(PRIVATE, options)
    return next((_applied(row, options) for (value, mask), row in GROUPS.items() if tag & mask == value), "")


@lru_cache(maxsize=8)
def _concepts(options: frozenset[str]) -> dict[tuple[str, str], dict[str, str]]:
    """Return the codes of Table E.3.4-1 by value type, by coding scheme and code."""
    from dcmtools.data.content_concepts import ROWS as CONCEPTS

    found: dict[tuple[str, str], dict[str, str]] = {}
    for key, codes in CONCEPTS.items():
        scheme, value, value_type = key.split("|")
        found.setdefault((scheme, value), {})[value_type] = _applied(codes, options)
    return found
