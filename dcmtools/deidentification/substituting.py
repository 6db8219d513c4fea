"""New values for old ones in a data set: whose it is, what was derived from the key, what was met before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from dcmtools.deidentification.copying import Copying
from dcmtools.deidentification.makers import shifted_dates
from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.tags import format_tag
from dcmtools.encoding.texts import raw_value, settled
from dcmtools.encoding.uids import is_standard, is_uid
from dcmtools.encoding.values import TEXT_VRS, effective_vr
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.deidentification.deciding import Action, Context
    from dcmtools.deidentification.profile import Profile
    from dcmtools.deidentification.pseudonyms import NewPatient, Pseudonyms
    from dcmtools.deidentification.reading import Elements
    from dcmtools.encoding.element import Element

_MOST_KNOWN: Final = 4096
_LONGEST_KNOWN: Final = 256


class Replacement(NamedTuple):
    """What stands in the place of an element: ``new``, None where it stays, and the ``values`` in that.

    ``uids`` are each old and new, ``code`` says what was done, ``remark`` what is to be told of it.
    """

    new: bytes | None
    values: tuple[str, ...]
    uids: tuple[tuple[str, str], ...]
    code: str
    remark: str = ""


Memo: TypeAlias = "dict[tuple[object, ...], Replacement]"


class Subject(NamedTuple):
    """Whose data set it is: the old Patient ID, who that has become, and how far dates move."""

    patient_id: str
    patient: NewPatient | None
    days: int


class Substituting(Copying):
    """A pass that knows new values for old ones, and for whom; ``uids`` are new ones by the old."""

    def __init__(
        self, elements: Elements, root: Context, profile: Profile, pseudonyms: Pseudonyms, memo: Memo
    ) -> None:
        """Prepare for passes from ``root``; ``memo`` is for replacements of one subject."""
        super().__init__(elements, root)
        self.pseudonyms = pseudonyms
        self.subject = Subject("", None, 0)
        self.uids: dict[str, str] = {}
        self._profile = profile
        self._memo = memo
        self._mapped: list[tuple[str, str]] = []

    @property
    def standing(self) -> tuple[Context, Profile, Pseudonyms, Memo]:
        """What another pass, over other elements of the subject, depends on."""
        return self._root, self._profile, self.pseudonyms, self._memo

    @property
    def patient_id(self) -> str:
        """The Patient ID at the top."""
        return self.subject.patient_id

    @property
    def patient(self) -> NewPatient | None:
        """Who the patient becomes."""
        return self.subject.patient

    @property
    def days(self) -> int:
        """By how many days dates move."""
        return self.subject.days

    @property
    def nested(self) -> bool:
        """Whether the element in hand is in a sequence."""
        return self._top.depth > 0

    def text(self, raw: bytes) -> str:
        """Return what ``raw`` says, without padding."""
        return decoder_of(self._top.charset)(raw).strip(" \0")

    def raw(self, vr: str, text: str) -> bytes:
        """Return ``text`` as a value of ``vr``; raise InputError where its character set does not have it."""
        encoding = self._top.encoding
        try:
            return raw_value(settled(vr, text), text, encoding.order, self._top.charset)
        except ValueError as error:
            raise InputError(str(error)) from None

    def uid(self, old: str) -> str:
        """Return the UID for ``old``."""
        new = self.pseudonyms.uid(old)
        if new != old:
            self.uids[old] = new
            self._mapped.append((old, new))
        return new

    def became(self, tag: int) -> str:
        """Return the UID that stands in the place of that at the top, once that was done; empty for none."""
        old, rule = self.elements.text(tag), self._profile.rule_at((tag,))
        if rule and rule.action != "keep":
            return rule.text if rule.action == "set" else ""
        stays = is_uid(old) and (rule or "uids" in self._profile.retain or is_standard(old))
        return old if stays else self.uids.get(old, "")

    def _replacement(self, action: Action, element: Element, old: bytes) -> Replacement:
        """Return what replaces an element with the value ``old``, as it was done when that was met before."""
        tag, vr, _, _, length, _ = element
        top = self._top
        key = (action.make, action.value, tag, vr, old, top.depth > 0, top.charset, top.encoding)
        known = self._memo.get(key)
        if known is None:
            known = self._replaced(action, tag, vr, old)
            if len(self._memo) >= _MOST_KNOWN:
                self._memo.clear()
            if length <= _LONGEST_KNOWN:
                self._memo[key] = known
        return known

    def _replaced(self, action: Action, tag: int, vr: str, old: bytes) -> Replacement:
        """Return the element that replaces one with the value ``old``, None if it stays."""
        before = len(self._mapped)
        new = action.make(self, tag, old) if action.make else action.value
        pairs = tuple(self._mapped[before:])
        is_text_there = effective_vr(tag, vr) in TEXT_VRS
        puts = _values(new) if is_text_there else ()
        if action.make and (new == old or new == old.rstrip(b" \0")):
            return Replacement(None, puts, (), "K")
        blank = not new.strip(b"\\ \0") if is_text_there else not new
        changed = "U" if pairs else "C"  # where it was to be kept
        code = action.code if action.code != "K" else changed
        code = "Z" if blank and code != "U" else code
        is_less = action.make is shifted_dates and _empty(new) > _empty(old)
        remark = f"{format_tag(tag)}: what is no date was emptied" if is_less else ""
        return Replacement(self._written(tag, vr, new), puts, pairs, code, remark)


def _empty(raw: bytes) -> int:
    """Return how many of the values of a text are empty."""
    return sum(not each.strip(b" \0") for each in raw.split(b"\\"))


def _values(raw: bytes) -> tuple[str, ...]:
    """Return the values of a text that was made here, which is ASCII."""
    return tuple([each.strip(" ") for each in raw.decode("latin-1").rstrip(" \0").split("\\")])
