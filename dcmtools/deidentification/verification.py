"""A second pair of eyes: a file that was de-identified, read again from its bytes, trusting nobody.

All is searched but the samples of native pixel data and the coded bits of compressed ones: preamble, file
meta information, data set at any depth, what codestreams carry beside the image, what is behind the end.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.frames import PIXEL_TAGS
from dcmtools.codecs.pixels import DESCRIBING
from dcmtools.deidentification.layouts import Layout
from dcmtools.deidentification.method import stated
from dcmtools.deidentification.phrases import DATE, IDENTIFIER, NAME, UID
from dcmtools.deidentification.searching import Search, with_creators
from dcmtools.encoding.syntax import is_deflated
from dcmtools.encoding.tags import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    format_tag,
    is_creator,
)
from dcmtools.errors import InputError
from dcmtools.files.part10 import PREFIX_OFFSET

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping

    from dcmtools.deidentification.identifiers import Identifiers
    from dcmtools.deidentification.layouts import Likeness
    from dcmtools.deidentification.phrases import Phrase
    from dcmtools.deidentification.profile import Profile
    from dcmtools.deidentification.searching import Found
    from dcmtools.encoding.element import Element
    from dcmtools.files.part10 import Part10File

    Keeping = Callable[[str, int], bool]

PATIENT_IDENTITY_REMOVED: Final = 0x00120062
_METHODS: Final = (0x00120063, 0x00120064)
_META: Final = frozenset((
    0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013,
))  # fmt: skip
_TOLD: Final = DESCRIBING | {SOP_CLASS_UID, SOP_INSTANCE_UID, PATIENT_IDENTITY_REMOVED}
_FIRST: Final = 0x00080000
_ITEMS: Final = 0xFFFE0000
_LONGEST: Final = 1024
_MOST: Final = 100  # leaks of a file that are told
_NAMED: Final = 3  # places of what is doubtful
_SIGHTS: Final = 8
_PATIENCE: Final = 16  # files that none was like, after which hardly any is tried
_A: Final = {NAME: "a name", IDENTIFIER: "an identifier", DATE: "a date", UID: "a UID"}


class Leak(NamedTuple):
    """Something that is not as it has to be: ``where`` it is and ``what``, never the value itself.

    What is not ``certain`` is to be told of, and no reason to hold the file back.
    """

    where: str
    what: str
    certain: bool = True


class _Structure(NamedTuple):
    """What a walk has met: tags and some values at the top, pixel data, and what is wrong."""

    tags: frozenset[int]
    top: Mapping[int, bytes]
    pixels: Element | None
    private: bool
    wrong: list[Leak]

    def text(self, tag: int) -> str:
        """Return an ASCII value at the top."""
        return self.top.get(tag, b"").decode("latin-1").strip(" \0")


def leaks(
    written: Part10File,
    identifiers: Identifiers,
    *,
    private: Keeping | None = None,
    before: frozenset[int] = frozenset(),
    sealed: bytes = b"",
    seen: Seen | None = None,
    profile: Profile | None = None,
) -> list[Leak]:
    """Return what is wrong with a file that was ``written``; nothing where it is as it has to be.

    ``identifiers`` are what was removed from it. ``private`` tells of creator and tag whether a private
    element is kept by a rule; without it there may be none. ``before`` are the tags at the top of what it
    was made of: of these no attribute of Type 1 or 2 may be missing. In ``sealed``, which is encrypted,
    nothing is looked for: by chance anything may stand there. Bytes that were ``seen`` in the file before are
    not searched again for the same. By its rules the ``profile`` may keep somebody's
    identity, which the file has to say; of words in what they keep nothing is told. Does not raise: what
    cannot be read has leaked.
    """
    found = [*_in_front(written)]
    removed = "NO" if profile and profile.identity() else "YES"
    try:
        if seen and not (private or sealed) and (again := seen.again(written, identifiers)):
            met, searched = again
        else:
            met, searched = _walked(written), None
        found += met.wrong
        found += _unlike_meta(written, met)
        found += _in_flags(met, removed)
        found += _lost(met, before)
        if met.private:
            found += _private(written, private)
        if searched is None:
            search = Search(written, identifiers, met.pixels, met.top, sealed=sealed)
            searched = [*_searched(search, identifiers, profile)]
            if seen and search.is_plain and not (private or sealed or met.private or met.wrong):
                seen.note(written, identifiers, met, profile)
        found += searched
    except InputError as error:
        found.append(Leak("data set", f"it cannot be read to its end: {error.message}"))
    found.sort(key=lambda leak: not leak.certain)
    return found[:_MOST]


def _walked(file: Part10File) -> _Structure:
    walker = file.walk()
    tags: list[int] = []
    top: dict[int, bytes] = {}
    pixels = None
    private = False
    while elements := walker.read():
        for element in elements:
            tag, vr, _, value, length, depth = element
            if tag & 0x10000 and tag < _ITEMS:
                private = True
            if depth or not vr:
                continue
            tags.append(tag)
            if tag in _TOLD and length <= _LONGEST:
                top[tag] = walker.value(value, length)
            elif tag in PIXEL_TAGS:
                pixels = element
    known = frozenset(tags)
    wrong = []
    if tags and min(tags) < _FIRST:
        wrong.append(Leak(format_tag(min(tags)), "an element that no data set has"))
    if len(known) < len(tags) or tags != sorted(tags):
        wrong.append(Leak("data set", "its elements are out of order, or stand there twice", certain=False))
    if walker.position < file.body().end:
        wrong.append(Leak("data set", f"{file.body().end - walker.position} bytes follow its last element"))
    return _Structure(known, top, pixels, private, wrong)


def _in_front(file: Part10File) -> Iterator[Leak]:
    if file.head[:PREFIX_OFFSET].strip(b"\0"):
        yield Leak("preamble", "it is not empty")
    for (tag, *_), _ in file.meta:
        if tag not in _META:
            yield Leak(format_tag(tag), "the file meta information tells more than it has to")


def _unlike_meta(file: Part10File, met: _Structure) -> Iterator[Leak]:
    for meta, tag in (
        (MEDIA_STORAGE_SOP_CLASS_UID, SOP_CLASS_UID),
        (MEDIA_STORAGE_SOP_INSTANCE_UID, SOP_INSTANCE_UID),
    ):
        if tag in met.tags and file.meta_text(meta) != met.text(tag):
            yield Leak(format_tag(meta), f"it is not what {format_tag(tag)} is")


def _in_flags(met: _Structure, removed: str) -> Iterator[Leak]:
    if met.text(PATIENT_IDENTITY_REMOVED) != removed:
        yield Leak(format_tag(PATIENT_IDENTITY_REMOVED), f"Patient Identity Removed is not {removed}")
    if met.tags.isdisjoint(_METHODS):
        yield Leak(format_tag(_METHODS[0]), "it does not say by which method it was de-identified")


def _lost(met: _Structure, before: frozenset[int]) -> list[Leak]:
    lost = _required(met.text(SOP_CLASS_UID), before - met.tags)
    return [Leak(format_tag(tag), "an attribute of Type 1 or 2 is missing", certain=False) for tag in lost]


@lru_cache(1024)
def _required(sop_class: str, lost: frozenset[int]) -> tuple[int, ...]:
    """Return those tags that are of Type 1 or 2 at the top of instances of a SOP Class."""
    from dcmtools.deidentification.types import attribute_type

    return tuple(tag for tag in sorted(lost) if attribute_type(sop_class, 0, tag) in ("1", "2"))


def _private(file: Part10File, kept: Keeping | None) -> Iterator[Leak]:
    for _, (tag, *_), creator in with_creators(file):
        if tag & 0x10000 and tag < _ITEMS:
            if kept is None:
                yield Leak(format_tag(tag), "a private element")
            elif not is_creator(tag) and not kept(creator, tag):
                yield Leak(format_tag(tag), "a private element that no rule keeps")


def _searched(search: Search, identifiers: Identifiers, profile: Profile | None) -> Iterator[Leak]:
    if search.carried:
        frames = len({where for where, _ in search.carried})
        what = f"it carries something beside the image, as {frames} of the frames do"
        yield Leak(search.carried[0][0], what, certain=False)
    if not identifiers or not search.suspected():
        return
    found = list(dict.fromkeys(search.found(stated(profile) if profile else ())))
    spared = {each.phrase for each in found if each.says_nothing or each.phrase.common}
    identifiers.ambiguous |= spared
    for where, kinds in _kinds(each for each in found if each.phrase not in spared).items():
        for kind in kinds:
            yield Leak(where, f"{_A[kind]} that was removed stands there")
    yield from _doubtful(found, spared, {*map(format_tag, profile.ruled() if profile else ())})


def _doubtful(found: Iterable[Found], spared: Container[Phrase], ruled: Container[str]) -> Iterator[Leak]:
    """Yield where words stand that may be something else, each place once."""
    doubtful = [
        each for each in found if each.phrase in spared and not each.is_usual and each.where not in ruled
    ]
    by_kinds: dict[tuple[str, ...], list[str]] = {}
    for where, kinds in _kinds(doubtful).items():
        by_kinds.setdefault(kinds, []).append(where)
    for these, places in by_kinds.items():
        more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
        what = " and ".join(_A[kind] for kind in these)
        where = ", ".join(places[:_NAMED]) + more
        yield Leak(where, f"a word or number like {what} that was removed", certain=False)


def _kinds(found: Iterable[Found]) -> dict[str, tuple[str, ...]]:
    """Return of what kinds that is which was found, by place, whichever was removed first."""
    kinds: dict[str, set[str]] = {}
    for each in found:
        kinds.setdefault(each.where, set()).add(each.phrase.kind)
    return {where: tuple(kind for kind in _A if kind in there) for where, there in kinds.items()}


class _Sight(NamedTuple):
    """A file that was looked at: what it has that others have, too, and what was found there."""

    transfer_syntax: str
    layout: Layout
    met: _Structure
    identifiers: Identifiers
    found: list[Leak]


class Seen:
    """Files looked at before: of others that have the same bytes, only those that differ are searched again.

    That goes by the bytes as they were read back, and by nothing that is known of how they were made.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._sights: list[_Sight] = []
        self._layouts: dict[object, tuple[Layout, Identifiers]] = {}
        self._misses = 0

    def again(self, file: Part10File, identifiers: Identifiers) -> tuple[_Structure, list[Leak]] | None:
        """Return what a look at ``file`` would come to, None where it has to be looked at as a whole."""
        if is_deflated(file.transfer_syntax):
            return None
        body = file.body()
        for sight in self._sights:
            if sight.transfer_syntax != file.transfer_syntax:
                continue
            like = sight.layout.likeness(body, file.head)
            new = like and identifiers.beyond(sight.identifiers)
            if like is None or new is None:
                continue
            if sight is not self._sights[0]:
                self._sights = [sight, *[each for each in self._sights if each is not sight]]
            self._misses = 0
            if sight.identifiers.suspected(_differing(file, like)):
                return None
            if new and new.suspected(_all_of(sight, like)):
                return None
            identifiers.ambiguous |= sight.identifiers.ambiguous
            return sight.met._replace(top=_top(sight.met.top, like)), sight.found
        return None

    def note(
        self, file: Part10File, identifiers: Identifiers, met: _Structure, profile: Profile | None = None
    ) -> None:
        """Note a file that was looked at as a whole, in which nothing but samples is passed over."""
        self._misses += 1
        if self._misses > _PATIENCE and self._misses % _PATIENCE:
            return
        try:
            layout = Layout(*file.body(), file.encoding, list(file.walk()))
        except ValueError:
            return
        key = file.transfer_syntax, tuple([each[:2] for each in layout.tops])
        before, others = self._layouts.pop(key, (None, identifiers))
        if len(self._layouts) >= _SIGHTS:
            del self._layouts[next(iter(self._layouts))]
        common = identifiers.common(others)
        if before is None or layout.vary(before):
            self._layouts[key] = layout, common
        like = layout.likeness(file.body(), file.head) if layout.varying else None
        if like is None or common.suspected(_differing(file, like)):
            return
        found = [*_searched(Search(file, common, met.pixels, met.top), common, profile)]
        if not any(leak.certain for leak in found):
            sight = _Sight(file.transfer_syntax, layout, met, common, found)
            self._sights = [sight, *[each for each in self._sights if each.layout is not before]][:_SIGHTS]


def _differing(file: Part10File, like: Likeness) -> bytes:
    """Return what a file does not share with one that it is like: all up to its data set, and some values."""
    values = [like.data[value : value + length] for _, _, _, value, length, _ in like.varying]
    return b"\n".join([file.head[: file.data_set_offset], *values])


def _all_of(sight: _Sight, like: Likeness) -> bytes:
    """Return a file but for its samples."""
    return like.data[: like.after] + b"\n" + sight.layout.tail


def _top(known: Mapping[int, bytes], like: Likeness) -> Mapping[int, bytes]:
    """Return the values that are told at the top, of which some may have been ``known``."""
    found = dict(known)
    for tag, _, _, value, length, _ in like.varying:
        if tag in _TOLD:
            found.pop(tag, None)
            if length <= _LONGEST:
                found[tag] = like.data[value : value + length]
    return found
