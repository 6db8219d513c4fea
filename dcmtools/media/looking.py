"""What there is to know of a file before it gets its place in a File-set."""

from __future__ import annotations

import os
from sys import intern
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from dcmtools.encoding.charset import unpadded
from dcmtools.encoding.dataset import DataSet, decode, read, text
from dcmtools.encoding.syntax import EXPLICIT
from dcmtools.encoding.tagpath import Step, TagPath
from dcmtools.encoding.tags import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    PATIENT_ID,
    PIXEL_DATA,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    STUDY_INSTANCE_UID,
    TRANSFER_SYNTAX_UID,
)
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY, is_uid, uid_name
from dcmtools.encoding.values import swapped
from dcmtools.errors import InputError, Unsuitable
from dcmtools.files.answers import answer
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.values import values_of
from dcmtools.media.keys import CONTENT_SEQUENCE
from dcmtools.media.record_keys import (
    BIRTH_DATE,
    DATES,
    INSTANCE_NUMBER,
    ISSUER,
    PATIENT_NAME,
    TIMES,
    VERIFICATION_DATETIME,
    VERIFYING_OBSERVERS,
    Keys,
    Rules,
    keys_of,
)
from dcmtools.media.record_types import is_at_root, is_stored, record_type
from dcmtools.results import Result
from dcmtools.scanning.layouts import Layouts
from dcmtools.scanning.reading import FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dcmtools.codecs.registry import Codec
    from dcmtools.encoding.element import Element
    from dcmtools.files.inputs import Input
    from dcmtools.files.values import Value
    from dcmtools.selection.where import Where

TOGETHER: Final = 32  # files whose facts go to another process as one
_META: Final = (MEDIA_STORAGE_SOP_CLASS_UID, MEDIA_STORAGE_SOP_INSTANCE_UID, TRANSFER_SYNTAX_UID)
_RELATED: Final = 0x0008001A
_UIDS: Final = {
    SOP_CLASS_UID: "SOP Class UID",
    SOP_INSTANCE_UID: "SOP Instance UID",
    STUDY_INSTANCE_UID: "Study Instance UID",
    SERIES_INSTANCE_UID: "Series Instance UID",
}
_ABOUT: Final = (*_UIDS, SPECIFIC_CHARACTER_SET, _RELATED, ISSUER, BIRTH_DATE, *DATES, *TIMES)
LEVELS: Final = ("PATIENT", "STUDY", "SERIES")
_QUICK: Final = "IMAGE"  # keys without sequences, near the beginning; and most files are such
_LONGEST: Final = 16 * 1024 * 1024
_MOST_KNOWN: Final = 4096


class Level(NamedTuple):
    """A patient, study or series as a file has it: what tells it from others, and the keys of its record.

    Of a patient ``name`` is the Patient ID, and ``issuer`` who gave that; of others it is the UID.
    """

    name: str
    keys: Keys
    issuer: str = ""
    person: str = ""


class Facts(NamedTuple):
    """A file that goes into a File-set: what its record will say, and what it looked like.

    ``levels`` are its patient, study and series; none where its record is below no other. ``number`` is its
    Instance Number. A file that is not as PS3.10 7 has it is to be ``mended``: written with another meta.
    One that has to be in another transfer syntax gets that of one of ``codecs``, the best first. What came
    out of an archive has no time.
    """

    item: Input
    type: str
    sop_class: str
    sop_instance: str
    transfer_syntax: str
    related: tuple[str, ...]
    levels: tuple[Level, ...]
    keys: Keys
    number: int
    size: int
    mtime_ns: int
    mended: bool = False
    codecs: tuple[Codec, ...] = ()


class Looker:
    """Makes one row of each file: its Facts; raises InputError."""

    def __init__(self, rules: Rules, where: Where | None = None) -> None:
        """Make keys by ``rules``, of files that ``where`` is true of."""
        self._rules = rules
        self._where = where
        tags = {*_META, *_ABOUT, *(tag for each in (*LEVELS, _QUICK) for tag, _ in rules.table(each))}
        self._tags = sorted(tags)
        self._places = {tag: place for place, tag in enumerate(self._tags)}
        self._level_tags = [[tag for tag, _ in rules.table(each)] for each in LEVELS]
        self._sizes: set[int] = set()
        self._known: dict[tuple[object, ...], Level] = {}
        told = where.paths if where else ()
        wanted = [TagPath((Step(tag, "", None),)) for tag in self._tags]
        stop = max(path.last_top_tag for path in (*wanted, *(told or ()))) + 1
        quick = told is not None and stop <= PIXEL_DATA and not rules.profile
        self._layouts = Layouts((), stop, [*wanted, *(told or ())]) if quick else None

    def __call__(self, item: Input) -> Result:
        """Return the result for ``item``, of which the row is its Facts."""
        if self._layouts and item.folder and not item.archive:
            item.require_within()
            result = self._at_once(item, self._layouts)
            if result is not None:
                return result
        with item.open() as source:
            file = LenientFile(source)
            file.notices = False
            if self._where and not self._where.of(file, item):
                return Result.unselected(item.path)
            if file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID) == MEDIA_STORAGE_DIRECTORY:
                raise Unsuitable("a DICOMDIR, which is about files where they are")
            data_set = self._read(file)
            codecs = self._fit(file, data_set)
            if not file.serious:
                file.read_through()
            if file.serious:
                return answer(file, item.path, {"file": item.path}, None)
            mtime_ns = 0 if item.archive else os.fstat(source.fd).st_mtime_ns
            facts = self._facts(item, data_set, file.transfer_syntax, source.size, mtime_ns)
            if self._layouts:
                self._layouts.learn(file)
                self._sizes.add(source.size)
            mended = bool(file.own) or any(
                file.meta_text(tag) != text(data_set, own)
                for tag, own in zip(_META, (SOP_CLASS_UID, SOP_INSTANCE_UID), strict=False)
            )
            return Result(item.path, rows=(facts._replace(mended=mended, codecs=codecs),))

    def _at_once(self, item: Input, layouts: Layouts) -> Result | None:
        """Return the result for a file in a folder that is like one before it; None for any other."""
        try:
            fd = os.open(item.path, FLAGS)
            try:
                values = cast("list[Value | None] | None", layouts.cells(os.pread(fd, layouts.enough, 0)))
                if values is None:
                    return None
                if self._where and not self._where.by(values[len(self._tags) :]):
                    return Result.unselected(item.path)
                status = os.fstat(fd)
            finally:
                os.close(fd)
            if status.st_size not in self._sizes:  # bytes may be missing, which only a walk can tell
                return None
        except OSError:
            return None  # whoever opens it as any other file says what is wrong
        raws = [each.raw if each else None for each in values[: len(self._tags)]]
        places = self._places
        meta = [raws[places[tag]] for tag in _META]
        own = raws[places[SOP_CLASS_UID]], raws[places[SOP_INSTANCE_UID]]
        if meta[0] != own[0] or meta[1] != own[1] or record_type(unpadded(own[0] or b"")) != _QUICK:
            return None
        data_set = _data_set(each for each in values[: len(self._tags)] if each)
        syntax = intern(unpadded(meta[2] or b""))
        return Result(
            item.path,
            rows=(self._facts(item, data_set, syntax, status.st_size, status.st_mtime_ns),),
        )

    def _read(self, file: LenientFile) -> DataSet:
        """Return the elements that the record of a file is made of, and those above it."""
        known = values_of(file, self._tags)
        sop_class = known[SOP_CLASS_UID].text() if SOP_CLASS_UID in known else ""
        kind = record_type(sop_class)
        tags = {tag for tag, _ in self._rules.table(kind)}
        if VERIFICATION_DATETIME in tags:
            tags |= {VERIFYING_OBSERVERS}
        single = all(known[tag].raw is not None for tag in tags & known.keys())  # no sequence among them
        if tags <= self._places.keys() and single:
            return _data_set(known.values())
        wanted = {*self._tags, *tags}
        return read(file.walk(stop=max(wanted) + 1), chosen=_Chosen(wanted))

    def _fit(self, file: LenientFile, data_set: DataSet) -> tuple[Codec, ...]:
        """Return what to transcode a file with for the profile; take what that wants to know of frames."""
        profile = self._rules.profile
        if profile is None:
            return ()
        from dcmtools.media.conforming import admission, nested_values

        admitted = admission(profile, file, transcode=self._rules.transcode, to=self._rules.to)
        if admitted.complaints:
            raise InputError("; ".join(admitted.complaints), hint=admitted.hint)
        nested = nested_values(profile, file, record_type(text(data_set, SOP_CLASS_UID)))
        data_set.update({tag: value for tag, value in nested.items() if not data_set.get(tag, ("", b""))[1]})
        return admitted.codecs

    def _facts(self, item: Input, data_set: DataSet, syntax: str, size: int, mtime_ns: int) -> Facts:
        sop_class = text(data_set, SOP_CLASS_UID)
        at_root = is_at_root(sop_class)
        for tag, name in _UIDS.items():
            if tag in (STUDY_INSTANCE_UID, SERIES_INSTANCE_UID) and at_root:
                continue
            if not is_uid(uid := text(data_set, tag)):
                raise InputError(f"its {name} is {'missing' if not uid else f'{uid[:80]!r}, no UID'}")
        if not is_uid(syntax):
            raise InputError("its transfer syntax has no UID", hint="dcmtools convert writes it in one")
        if not is_stored(sop_class):
            raise InputError(f"its SOP class is {uid_name(sop_class)}, of which there are no files")
        kind = record_type(sop_class)
        number = text(data_set, INSTANCE_NUMBER)
        return Facts(
            item,
            kind,
            intern(sop_class),
            text(data_set, SOP_INSTANCE_UID),
            intern(syntax),
            tuple(text(data_set, _RELATED).split("\\")) if data_set.get(_RELATED) else (),
            () if at_root else tuple([self._level(place, data_set) for place in range(len(LEVELS))]),
            keys_of(data_set, kind, self._rules),
            int(number) if number.isdecimal() and len(number) < 12 else 0,
            size,
            mtime_ns,
        )

    def _level(self, place: int, data_set: DataSet) -> Level:
        """Return what a file has of its patient, study or series, kept for others that have the same."""
        about = (place, data_set.charset, *[_hashed(data_set.get(tag)) for tag in self._level_tags[place]])
        level = self._known.get(about)
        if level is None:
            keys = keys_of(data_set, LEVELS[place], self._rules)
            tag = (PATIENT_ID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID)[place]
            level = Level(text(decode(keys.encoded, EXPLICIT), tag), keys)
            if place == 0:
                level = level._replace(
                    issuer=text(data_set, ISSUER), person=person(text(data_set, PATIENT_NAME))
                )
            if not keys.invented:  # what is made up depends on more
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[about] = level
        return level


def _hashed(value: tuple[str, object] | None) -> object:
    return value[1] if value and isinstance(value[1], bytes) else None


def person(name: str) -> str:
    """Return what is the same in the name of a person however it is padded and capitalized."""
    return " ".join(name.replace("^", " ").split()).casefold()


def _data_set(values: Iterable[Value]) -> DataSet:
    """Return the data set of values at the top of a file, in little endian."""
    data_set = DataSet(b"")
    for tag, vr, raw, order, _ in values:
        if raw is None:
            continue
        data_set[tag] = (vr, swapped(vr, raw) if order == ">" and vr != "UN" else raw)
    data_set.charset = cast("bytes", data_set.get(SPECIFIC_CHARACTER_SET, ("", b""))[1])
    return data_set


class _Chosen:
    """Of the outermost elements of a walk those that are wanted, with what is in them, up to a limit.

    Of one that stands twice the first counts. Of a content tree that is its first level: nothing deeper has
    a place in a directory.
    """

    def __init__(self, wanted: set[int]) -> None:
        self._wanted = wanted
        self._within = False
        self._deeper = False
        self._met: set[int] = set()
        self._left = _LONGEST

    def __call__(self, elements: Iterable[Element]) -> Iterator[Element]:
        for each in elements:
            tag, _, _, _, length, depth = each
            if not depth:
                self._within = tag in self._wanted and tag not in self._met
                self._met.add(tag)
            if depth <= 2:
                self._deeper = depth == 2 and tag == CONTENT_SEQUENCE
            if not self._within or self._deeper:
                continue
            if depth and depth & 1 == 0:
                self._left -= length if length < _LONGEST else 0
            if self._left < 0:
                raise InputError("what its directory record needs has more than 16 MiB")
            yield each


def facts_of(result: Result) -> Sequence[Facts]:
    """Return what a Looker has found, of one file or many."""
    return cast("Sequence[Facts]", result.rows)
