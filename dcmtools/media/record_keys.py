"""The keys of directory records out of the data set of an instance (PS3.3 F.5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.dataset import DataSet, encode, items, text
from dcmtools.encoding.dictionary import lookup, name_of
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.encoding.tags import PATIENT_ID, SPECIFIC_CHARACTER_SET, STUDY_INSTANCE_UID
from dcmtools.encoding.values import CHARSET_VRS, TEXT_VRS
from dcmtools.errors import InputError
from dcmtools.media.keys import CONTENT_SEQUENCE, ICON, KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dcmtools.codecs.registry import Codec
    from dcmtools.encoding.dataset import Value
    from dcmtools.media.profiles import Profile

INVENT: Final = "invent"
PATIENT_NAME: Final = 0x00100010
BIRTH_DATE: Final = 0x00100030
ISSUER: Final = 0x00100021
MODALITY: Final = 0x00080060
STUDY_ID: Final = 0x00200010
SERIES_NUMBER: Final = 0x00200011
INSTANCE_NUMBER: Final = 0x00200013
NUMBERS: Final = (SERIES_NUMBER, INSTANCE_NUMBER)
VERIFICATION_DATETIME: Final = 0x0040A030
VERIFYING_OBSERVERS: Final = 0x0040A073
_RELATIONSHIP: Final = 0x0040A010
# Where dates and times are taken from that an instance does not have: of the study, the series, the
# acquisition, the content, the instance.
DATES: Final = (0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x00080012)
TIMES: Final = (0x00080030, 0x00080031, 0x00080032, 0x00080033, 0x00080013)
_NO_DATE: Final = "19000101"
_NO_TIME: Final = "000000"
_LABELS: Final = (0x00700080, 0x30060002, 0x300A0002)  # of content, structure set, plan
_SEPARATED_DATE: Final = re.compile(rb"(\d{4})\.(\d\d)\.(\d\d)")  # of ACR-NEMA, PS3.5 6.2
_HINT: Final = "--missing invent makes up what it can"


class Rules(NamedTuple):
    """How records are made: keys of type 1 that are ``missing`` are made up, or have a file refused.

    Text is put into ``charset``, a value of Specific Character Set, where that is given. Files have to be fit
    for the ``profile``, if there is one; with ``transcode`` they are made so where a transfer syntax is all
    that it takes, be it ``to`` one that loses something. Images get icons of ``icon`` pixels a side, if any.
    """

    missing: str = INVENT
    charset: bytes = b""
    profile: Profile | None = None
    transcode: bool = False
    to: Codec | None = None
    icon: int = 0

    @property
    def decodes(self) -> bool:
        """Whether pixels are decoded, by libraries that a file might harm."""
        return bool(self.transcode or self.icon or (self.profile and self.profile.icon))

    def table(self, record_type: str) -> Iterable[tuple[int, str]]:
        """Return tag and type of all keys of records of this type, but for icons."""
        if self.profile:
            from dcmtools.media import conforming  # what it needs of codecs is not for all runs

            keys = dict(conforming.keys_of(self.profile, record_type))
        else:
            keys = dict(KEYS.get(record_type, ()))
        keys.pop(ICON, None)
        if record_type == "PATIENT":
            keys[ISSUER] = "3"  # without it two patients could be one
        return keys.items()


class Keys(NamedTuple):
    """The keys of one record, encoded as ``Entry.keys`` are, and which of them an instance does not have."""

    encoded: bytes
    invented: tuple[int, ...] = ()


def keys_of(data_set: DataSet, record_type: str, rules: Rules, others: DataSet | None = None) -> Keys:
    """Return the keys of a record of this type for an instance, of which ``data_set`` has the elements.

    What is made up of numbers is left to whoever knows those of others: they are among the invented, but not
    encoded. ``others`` are further elements for the record. Raises InputError where a key is not there, and
    cannot or may not be made up, and for text that is not in the character set wanted.
    """
    keys = DataSet(data_set.charset)
    invented = []
    for tag, kind in rules.table(record_type):
        vr, value = _cleaned(tag, *data_set.get(tag, ("", b"")))
        if tag == CONTENT_SEQUENCE:
            value = [item for item in items(data_set, tag) if text(item, _RELATIONSHIP) == "HAS CONCEPT MOD"]
        elif tag == VERIFICATION_DATETIME:
            vr, value = _verified(data_set)
        elif tag == SPECIFIC_CHARACTER_SET or (tag == STUDY_INSTANCE_UID and record_type != "STUDY"):
            continue
        if value:
            keys[tag] = (vr, value)
        elif kind == "1":
            invented.append(tag)
        elif kind == "2":
            keys[tag] = (vr, [] if vr == "SQ" else b"")
    if invented:
        _invent(keys, invented, data_set, rules)
    keys.update(others or {})
    return Keys(encoded_keys(keys, rules.charset), tuple(invented))


def _cleaned(tag: int, vr: str, value: Value) -> tuple[str, Value]:
    """Return VR and value as they stand in a record: without padding, dates in the form of today."""
    known = lookup(tag)[0]
    if vr in ("", "UN") or (vr in TEXT_VRS and known in TEXT_VRS):
        vr = known
    if isinstance(value, bytes) and vr in TEXT_VRS:
        value = value.strip(b" \0")
        if vr == "DA" and (match := _SEPARATED_DATE.fullmatch(value)):
            value = b"".join(match.groups())
        elif vr == "TM" and b":" in value:
            value = value.replace(b":", b"")
    if vr == "SQ" and not isinstance(value, list):
        value = []
    return vr, value


def _verified(data_set: DataSet) -> tuple[str, Value]:
    """Return the Verification DateTime of who verified a document last."""
    verified = text(data_set, 0x0040A493) == "VERIFIED"
    times = [text(each, VERIFICATION_DATETIME) for each in items(data_set, VERIFYING_OBSERVERS)]
    return "DT", max(times, default="").encode("ascii", "replace") if verified else b""


def encoded_keys(keys: DataSet, charset: bytes = b"") -> bytes:
    """Return ``keys`` as bytes, with the Specific Character Set that they need, or in ``charset``.

    Raises InputError for text that this cannot write.
    """
    around = charset or keys.charset
    keys.pop(SPECIFIC_CHARACTER_SET, None)
    if around and _is_extended(keys):
        keys[SPECIFIC_CHARACTER_SET] = ("CS", around)
    try:
        return encode(keys, EXPLICIT, around)
    except ValueError as error:
        raise InputError(str(error)) from None


def _is_extended(keys: DataSet) -> bool:
    """Tell whether some text takes more than the default repertoire."""
    for vr, value in keys.values():
        if isinstance(value, list):
            if any(_is_extended(item) for item in value):
                return True
        elif vr in CHARSET_VRS and (not value.isascii() or b"\x1b" in value):
            return True
    return False


# ------------------------------------------------------------ what is not there


def _invent(keys: DataSet, missing: list[int], data_set: DataSet, rules: Rules) -> None:
    """Put values of our own in ``keys`` for those that are ``missing``, but for numbers."""
    if rules.missing != INVENT:
        raise InputError(f"it has no {_names(missing)}, which its directory record needs", hint=_HINT)
    lost = []
    for tag in missing:
        value = _invented(tag, data_set)
        if value:
            keys[tag] = (lookup(tag)[0], value.encode("ascii", "replace"))
        elif tag not in NUMBERS:
            lost.append(tag)
    if lost:
        raise InputError(f"it has no {_names(lost)}, which its directory record needs")


def _names(tags: Iterable[int]) -> str:
    return ", ".join([name_of(tag) for tag in tags])


def _invented(tag: int, data_set: DataSet) -> str:
    """Return a value for what an instance does not have; empty where nobody could know."""
    vr = lookup(tag)[0]
    if vr in ("DA", "TM", "DT"):
        return _moment(tag, vr, data_set)
    if tag == PATIENT_ID:
        who = [text(data_set, each) for each in (PATIENT_NAME, BIRTH_DATE)]
        # Half of it is that of many: the studies of one may be two patients then, but never those of two one.
        return f"ID{_digest(*(who if all(who) else [text(data_set, STUDY_INSTANCE_UID)]))}"
    if tag == STUDY_ID:
        return f"ST{_digest(text(data_set, STUDY_INSTANCE_UID))}"
    if tag == MODALITY:
        return "OT"
    return "UNKNOWN" if tag in _LABELS else ""


def _moment(tag: int, vr: str, data_set: DataSet) -> str:
    """Return the date and time that the instance has for something else, or for none a fixed one."""
    date, time = next(
        (
            (date, text(data_set, time))
            for each, time in zip(DATES, TIMES, strict=True)
            if (date := text(data_set, each)) and each != tag
        ),
        (_NO_DATE, ""),
    )
    own_date = DATES[TIMES.index(tag)] if tag in TIMES else 0
    if own_date and text(data_set, own_date):  # the time of something else is not that of this date
        return _NO_TIME
    return {"DA": date, "TM": time or _NO_TIME, "DT": date + (time or _NO_TIME)}[vr]


def _digest(*texts: str) -> str:
    from hashlib import blake2b

    known = "\\".join(texts).upper().encode("utf-8", "surrogatepass")
    return blake2b(known, digest_size=5).hexdigest().upper()
