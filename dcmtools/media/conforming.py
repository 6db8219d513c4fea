"""Whether a file is fit for an application profile, what it could become, and the keys of its records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.registry import codec_of
from dcmtools.encoding.dataset import Chosen, DataSet, read, text
from dcmtools.encoding.dictionary import name_of
from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_CLASS_UID, SOP_CLASS_UID
from dcmtools.encoding.uids import is_standard, uid_name
from dcmtools.files.values import values_of
from dcmtools.media.keys import KEYS
from dcmtools.media.profile_data import (
    IMAGE_TYPE,
    IN_FUNCTIONAL_GROUPS,
    OVERLAYS_APART,
    OVERLAYS_NONE,
    PHOTOMETRIC,
    REFERENCED_IMAGES,
    RETIRED,
    XA,
)
from dcmtools.media.record_types import record_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dcmtools.codecs.registry import Codec
    from dcmtools.files.part10 import Part10File
    from dcmtools.files.values import Value
    from dcmtools.media.profile_data import Keys, Limit
    from dcmtools.media.profiles import Admitted, Profile

_STORAGE: Final = "1.2.840.10008.5.1.4."
_REGIONS: Final = 0x00186011
_ORGANIZATION: Final = 0x00186044
# What a region has to have by its Pixel Component Organization (PS3.3 C.8.5.5): units and data type, then a
# mask or a range and break points, or a table.
_UNITS: Final = (0x0018604C, 0x0018604E)
_BREAK_POINTS: Final = (0x00186050, 0x00186052, 0x00186054)
_OF_COMPONENTS: Final = {
    "0": (*_UNITS, 0x00186046, *_BREAK_POINTS),
    "1": (*_UNITS, 0x00186048, 0x0018604A, *_BREAK_POINTS),
    "2": (*_UNITS, 0x00186056, 0x00186058, 0x0018605A),
}
_SHARED_GROUPS: Final = 0x52009229
_OVERLAYS: Final = range(0x6000, 0x6020, 2)
_BIT_POSITION: Final = 0x0102
_OVERLAY_DATA: Final = 0x3000
_SHOWN: Final = 64
_STRONGEST: Final = ("1", "1C", "2", "2C", "3")


class Admission(NamedTuple):
    """What there is to be said against a file on a medium of some profile: ``complaints``, or nothing.

    It is right once it is in the transfer syntax of one of ``codecs``, the best first, where there are any.
    ``hint`` is how that would be had.
    """

    complaints: Sequence[str] = ()
    codecs: tuple[Codec, ...] = ()
    hint: str = ""


def complaints(profile: Profile, file: Part10File) -> list[str]:
    """Return why ``file`` is not fit for ``profile``, nothing where it is.

    Looked at are its SOP class, its transfer syntax and its attributes, not its pixels. Raises what walking
    the head of the data set does.
    """
    return list(admission(profile, file).complaints)


def admission(
    profile: Profile, file: Part10File, *, transcode: bool = False, to: Codec | None = None
) -> Admission:
    """Return what is against ``file`` for ``profile``, and what it has to become if that may be done.

    It becomes what loses nothing, or ``to``. Raises what walking the head of the data set does.
    """
    look = _Look(profile, file)
    if not look.rows:
        return Admission([look.of_no_row()])
    own = [row for row in look.rows if not row.syntaxes or file.transfer_syntax in row.syntaxes]
    found = min((list(look.against(row)) for row in own), key=len, default=[look.syntax()])
    if not found:
        return Admission()
    codecs = _codecs(look, file.transfer_syntax, to)
    if not transcode:
        hint = "--transcode puts it into a transfer syntax that it may be in" if codecs else ""
        return Admission(found, (), hint)
    if codecs:
        return Admission((), codecs)
    source = codec_of(file.transfer_syntax)
    if not own and (source is None or not source.module):
        what = "video" if source else "not known here"
        found = [f"{found[0]}, and it cannot be transcoded: it is {what}"]
    elif not own:
        found = [*dict.fromkeys(each for row in look.rows for each in look.against(row, later=True))] or found
    return Admission(found)


def keys_of(profile: Profile | None, type: str) -> Keys:
    """Return the keys of records of ``type``, with those of ``profile``, in the order of their tags.

    A key of type 1C or 3 is there where its attribute has a value.
    """
    keys = dict(KEYS.get(type, ()))
    for tag, needed in profile.keys.get(type, ()) if profile else ():
        keys[tag] = min(needed, keys.get(tag, needed), key=_STRONGEST.index)
    return tuple(sorted(keys.items()))


def nested_values(profile: Profile, file: Part10File, type: str) -> DataSet:
    """Return those of the profile's keys of ``type`` that ``file`` has in its Shared Functional Groups.

    They are for where it has none at the top. Raises what the walk does.
    """
    found = DataSet()
    wanted = {tag for tag, _ in profile.keys.get(type, ())} & IN_FUNCTIONAL_GROUPS
    if not wanted:
        return found
    for group in _items(file, _SHARED_GROUPS):
        found.charset = group.charset
        macros = [value[0] for _, value in group.values() if isinstance(value, list) and value]
        for holder in (*macros[::-1], group):
            found.update({tag: holder[tag] for tag in wanted & holder.keys() if holder[tag][1]})
    return found


class _Look:
    """What a file says of itself, as far as ``profile`` asks."""

    def __init__(self, profile: Profile, file: Part10File) -> None:
        self._profile = profile
        self._file = file
        self._values = values_of(file, _tags(profile))
        named = self._values.get(SOP_CLASS_UID)
        self._class = (named.text() if named else "") or file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID)
        self.rows = [row for row in profile.rows if self._is_of(row)]

    def _is_of(self, row: Admitted) -> bool:
        return self._class in row.classes if row.classes else _is_stored(self._class)

    def of_no_row(self) -> str:
        """Return what there is to say of a SOP class that is not for the profile."""
        name = uid_name(self._class)[:_SHOWN] or "missing"
        if self._class in RETIRED:
            return f"its SOP class {name} is retired, and not for {self._profile.name}"
        if self._profile.classes or not self._class:
            return f"its SOP class {name} is not for {self._profile.name}"
        return f"its SOP class {name} is none that is known to be stored on media"

    def syntax(self) -> str:
        """Return what there is to say of a transfer syntax that is not for the profile."""
        admitted = " or ".join(dict.fromkeys(uid_name(each) for row in self.rows for each in row.syntaxes))
        name = uid_name(self._file.transfer_syntax)[:_SHOWN] or "missing"
        return f"its transfer syntax is {name}, not {admitted}"

    def against(self, row: Admitted, *, later: bool = False) -> Iterator[str]:
        """Yield what is against the file, but for what transcoding changes if it is for ``later``."""
        for limit in row.limits:
            if not (later and limit.tag == PHOTOMETRIC and self._text(PHOTOMETRIC).startswith("YBR")):
                yield from self._beyond(limit)
        own = [tag for tag, type_ in self._profile.keys.get(record_type(self._class), ()) if type_ == "1"]
        for tag in (*row.valued, *own):
            if not self._text(tag):
                yield f"{name_of(tag)} is {'empty' if tag in self._values else 'missing'}"
        yield from (f"{name_of(tag)} is missing" for tag in row.required if tag not in self._values)
        if self._class == XA and row.limits and self._biplane_alone():
            shown = self._text(IMAGE_TYPE)[:_SHOWN]
            yield f"{name_of(IMAGE_TYPE)} is {shown}, and {name_of(REFERENCED_IMAGES)} is missing"
        if row.overlays:
            yield from self._overlays(row.overlays)
        if row.regions:
            yield from self._regions(row.regions)

    def _text(self, tag: int) -> str:
        return self._values[tag].text() if tag in self._values else ""

    def _beyond(self, limit: Limit) -> Iterator[str]:
        if limit.when and not _is_in(self._values.get(limit.when[0]), limit.when[1]):
            return
        value, allowed = self._values.get(limit.tag), limit.allowed
        if limit.like:
            other = self._text(limit.like)
            allowed = frozenset((int(other) - limit.less,)) if other.isdecimal() else allowed
        if not _is_in(value, allowed):
            shown = self._text(limit.tag)[:_SHOWN] or "missing"
            yield f"{name_of(limit.tag)} is {shown}, not {_words(allowed)}"

    def _biplane_alone(self) -> bool:
        image_type = self._values.get(IMAGE_TYPE)
        planes = image_type.texts()[2:3] if image_type else []
        return planes in (["BIPLANE A"], ["BIPLANE B"]) and REFERENCED_IMAGES not in self._values

    def _overlays(self, wanted: int) -> Iterator[str]:
        """Yield what is wrong with overlays: those in the bits of pixels, or all."""
        tags = [group << 16 | element for group in _OVERLAYS for element in (_BIT_POSITION, _OVERLAY_DATA)]
        found = values_of(self._file, tags, most=0)
        for group in _OVERLAYS:
            there = group << 16 | _BIT_POSITION in found
            apart = group << 16 | _OVERLAY_DATA in found
            if wanted == OVERLAYS_NONE and (there or apart):
                yield f"there is an overlay in group {group:04x}"
            elif wanted == OVERLAYS_APART and there and not apart:
                yield f"the overlay of group {group:04x} is not in Overlay Data"

    def _regions(self, wanted: Sequence[int]) -> Iterator[str]:
        items = _items(self._file, _REGIONS)
        if not items:
            yield f"{name_of(_REGIONS)} is missing"
        for number, region in enumerate(items, 1):
            organization = text(region, _ORGANIZATION) if _ORGANIZATION in wanted else ""
            for tag in (*wanted, *_OF_COMPONENTS.get(organization, ())):
                if not region.get(tag, ("", b""))[1]:
                    yield f"region {number} of ultrasound has no {name_of(tag)}"


def _tags(profile: Profile) -> set[int]:
    tags = {SOP_CLASS_UID, IMAGE_TYPE, REFERENCED_IMAGES, PHOTOMETRIC}
    for row in profile.rows:
        tags.update(row.required, row.valued, (limit.tag for limit in row.limits))
        tags.update(limit.like for limit in row.limits if limit.like)
    for keys in profile.keys.values():
        tags.update(tag for tag, type_ in keys if type_ == "1")
    return tags


def _is_stored(sop_class: str) -> bool:
    """Tell whether there are objects of ``sop_class`` on media (PS3.4 I.4)."""
    known = is_standard(sop_class) and sop_class.startswith(_STORAGE) and sop_class not in RETIRED
    return known and "Storage" in uid_name(sop_class)


def _is_in(value: Value | None, allowed: frozenset[str] | frozenset[int] | range) -> bool:
    first = value.texts()[:1] if value else []
    numbers = {int(each) for each in first if each.isdecimal()}
    return any(each in allowed for each in (*first, *numbers))


def _words(allowed: frozenset[str] | frozenset[int] | range) -> str:
    if isinstance(allowed, range):
        return f"at most {allowed[-1]}"
    return " or ".join(map(str, sorted(allowed, key=lambda each: (len(str(each)), str(each))))) or "known"


def _codecs(look: _Look, transfer_syntax: str, to: Codec | None) -> tuple[Codec, ...]:
    """Return what the file could become, compressed before plain where it is compressed already."""
    source = codec_of(transfer_syntax)
    if source is None or not source.module:
        return ()
    rows = [row for row in look.rows if not any(look.against(row, later=True))]
    found = []
    for uid in dict.fromkeys(each for row in rows for each in row.syntaxes):
        codec = codec_of(uid)
        if codec is None or not codec.bits or uid == transfer_syntax:
            continue
        if codec.lossless if to is None else codec == to:
            found.append(codec)
    return tuple(sorted(found, key=lambda codec: codec.encapsulated != source.encapsulated))


def _items(file: Part10File, tag: int) -> list[DataSet]:
    """Return the items of a sequence at the top of the data set."""
    found = read(file.walk(stop=tag + 1), chosen=Chosen((tag,)))
    value = found.get(tag, ("", b""))[1]
    return value if isinstance(value, list) else []


def syntaxes_named(profile: Profile) -> Mapping[str, str]:
    """Return the transfer syntaxes of ``profile``, short names by UID; nothing where any will do."""
    codecs = {uid: codec_of(uid) for uid in profile.syntaxes}
    return {uid: codec.name if codec else uid for uid, codec in codecs.items()}
