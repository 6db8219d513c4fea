"""The frames of an image, each as an instance of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.codecs.frames import EXTENDED_OFFSET_TABLE, pixel_data
from dcmtools.conversion.classes import Way, becoming, has_classic, has_frames
from dcmtools.conversion.classic import make_classic
from dcmtools.conversion.described import Described
from dcmtools.conversion.frame_pixels import Overlays, cut_out
from dcmtools.conversion.functional_groups import SOURCE_IMAGES, lifted
from dcmtools.conversion.layout import LONGEST_GROUPS, SHARED, Layout
from dcmtools.conversion.multi_frame import MultiFrame
from dcmtools.editing.derivation import PER_FRAME, PROCESSED, Derivation, Top
from dcmtools.editing.frame_selection import NUMBER_OF_FRAMES, require_apart
from dcmtools.encoding import keyed
from dcmtools.encoding.dataset import DataSet, decode, encode, items, made
from dcmtools.encoding.dictionary import name_of
from dcmtools.encoding.tags import (
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
)
from dcmtools.encoding.uids import is_uid, uid_name
from dcmtools.encoding.writing import element, item
from dcmtools.errors import InputError, MalformedError, Unsuitable
from dcmtools.files.meta import carried, file_meta
from dcmtools.modifying.staged import Staged

if TYPE_CHECKING:
    from dcmtools.codecs.frames import PixelData
    from dcmtools.editing.pieces import Splice
    from dcmtools.files.part10 import Part10File

_SECRET: Final = b"dcmtools split"  # which is none: the same file has the same frames everywhere
_REFERENCED_SERIES: Final = 0x00081115
_MOST_REMARKS: Final = 5
_CONCATENATION_UID: Final = 0x00209161
_TABLES: Final = (EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE + 1)


class Frame(Staged):
    """An instance of one frame, to be written: what stands ``before`` its data set, and that, ``whole``."""

    __slots__ = ("before",)

    def __init__(self, file: Part10File, whole: Splice, before: bytes) -> None:
        """Take from ``file`` what is not in the data set."""
        super().__init__(file, whole)
        self.before = before


class Frames:
    """The frames of the image in ``file``, and what they are ``becoming``.

    ``remarks`` are for people; ``lacking`` are the attributes that frames made so far have to have, by their
    new class, and nothing is known of.
    """

    def __init__(self, file: Part10File, *, keep_class: bool = False) -> None:
        """Walk the file to its end.

        Raises Unsuitable for what stays as it is: no image, or one of one frame. Raises InputError for video,
        for what is wrongly described, and where functional groups are of more or fewer frames; and what the
        walk raises.
        """
        self._file = file
        self._top = top = Top(file)
        self._layout = Layout(file)
        self._uid = _required(top, SOP_INSTANCE_UID, "SOP Instance UID")
        self.sop_class_uid = _required(top, SOP_CLASS_UID, "SOP Class UID")
        groups = PER_FRAME in self._layout
        self.becoming = becoming(self.sop_class_uid, groups=groups, keep_class=keep_class)
        self._data = _pixel_data(file, top)
        left_out = self._data.left_out()  # which fails where there may be frames untold of
        if len(self) == 1 and self.becoming.sop_class_uid == self.sop_class_uid:
            raise Unsuitable("it has one frame")
        require_apart(top)
        if groups and (told := self._layout.find_groups()) != len(self):
            raise InputError(f"the functional groups are of {told} frames, and there are {len(self)}")
        self.remarks = [left_out] if left_out else []
        if has_classic(self.sop_class_uid) and not (groups or keep_class):
            self.remarks.append(f"it stays {uid_name(self.sop_class_uid)}, as it has no functional groups")
        self.lacking: dict[str, None] = {}
        self._told: set[int] = set()  # attributes that functional groups have given to frames
        self._charset = top.raw(SPECIFIC_CHARACTER_SET)
        self._creators = {tag: top.raw(tag).strip(b" \0") for tag in self._layout.creators}
        self._shared = self._decoded(SHARED, self._shared_item(), LONGEST_GROUPS)
        whole = Described(top, self._charset)
        self._number = round(whole.number("ConcatenationFrameOffsetNumber") or 0) + 1  # of the first
        self._multi = MultiFrame(top, whole, len(self), self.becoming)
        self._overlays = Overlays(file, top, self._layout)
        self._carried = carried(file.meta)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._data)

    @property
    def series_uid(self) -> str:
        """The Series Instance UID of the frames, and of those of all instances of its concatenation.

        Those of other images are in other series, as each counts its frames from 1.
        """
        what = "kept" if self.becoming.way is Way.KEPT else "apart"
        return _derived("series", what, self._top.text(_CONCATENATION_UID) or self._uid)

    def frame(self, index: int) -> Frame:
        """Return a frame as an instance; raises InputError where it is not there or cannot be described."""
        described = Described(self._top, self._charset)
        self._multi.tell(described, index)
        if self.becoming.way is Way.RESOLVED:
            self._resolve(described, index)
        for edit in self._overlays.edits(index):
            described.edit(edit)
        uid = _derived(
            "instance", self._uid, str(index + 1), self.becoming.sop_class_uid, self.becoming.way.value
        )
        described.put("SOPClassUID", self.becoming.sop_class_uid)
        described.put("SOPInstanceUID", uid)
        described.put("SeriesInstanceUID", self.series_uid)
        described.put("InstanceNumber", self._number + index)
        changes = {**dict.fromkeys(self._layout.stale, b""), **described.elements()}
        changes[SOURCE_IMAGES] = self._sources(described, index)
        if self._data.encapsulated:
            changes |= {tag: b"" for tag in _TABLES if tag in self._layout}
        if self.becoming.way is Way.KEPT and PER_FRAME in self._layout:
            changes[PER_FRAME] = self._sequence(PER_FRAME, self._layout.groups_of(index))
            changes[_REFERENCED_SERIES] = self._referenced_series()
        whole = self._layout.splice(changes, cut_out(self._data, index, self._file.encoding))
        uids = self.becoming.sop_class_uid, uid, self._file.transfer_syntax
        return Frame(self._file, whole, file_meta(*uids, carried=self._carried))

    def _resolve(self, frame: Described, index: int) -> None:
        """Have at the top what functional groups say."""
        groups = self._decoded(PER_FRAME, self._layout.groups_of(index), LONGEST_GROUPS)
        creators = dict(self._creators)
        shared = DataSet(self._shared.charset)  # of a group that a frame has, too, nothing is shared
        shared.update({tag: each for tag, each in self._shared.items() if tag not in groups})
        if not self._told and index != len(self) - 1:
            last = self._decoded(PER_FRAME, self._layout.groups_of(len(self) - 1), LONGEST_GROUPS)
            self._told = set(lifted(last, self._charset, dict(self._creators)))
        told: set[int] = set()
        for each in (shared, groups):
            taken = lifted(each, self._charset, creators)
            frame.take(taken)
            told |= taken.keys()
        # What is at the top of an enhanced image is not that of a frame whose groups do not say it.
        stale = [tag for tag in self._told - told if self._top.has(tag)]
        frame.remove(*stale)
        if stale and len(self.remarks) < _MOST_REMARKS:
            names = ", ".join(map(name_of, sorted(stale)))
            self.remarks.append(f"the groups of frame {index + 1} do not tell {names}, as others do")
        self._told |= told
        self.lacking |= dict.fromkeys(
            make_classic(frame, self.becoming.sop_class_uid, self._number + index, len(self))
        )

    def _shared_item(self) -> bytes:
        resolved = self.becoming.way is Way.RESOLVED
        return self._top.items(SHARED) if resolved else b""

    def _decoded(self, tag: int, raw: bytes, most: int) -> DataSet:
        """Return the first of the items ``raw``, which is to be the only one."""
        if len(raw) > most:
            raise InputError(
                f"the functional groups have {len(raw)} bytes, more than the {most} that are read"
            )
        if not raw:
            return DataSet(self._charset)
        try:
            found = items(decode(self._sequence(tag, raw), self._file.encoding, self._charset), tag)
        except MalformedError as error:
            raise InputError(f"functional groups: {error.path or error.what}: {error.what}") from None
        if len(found) > 1:
            raise InputError(f"{len(found)} items say what all frames share, of which there is to be one")
        return found[0] if found else DataSet(self._charset)

    def _sequence(self, tag: int, raw: bytes) -> bytes:
        return element(tag, "SQ", raw, self._file.encoding)

    def _sources(self, frame: Described, index: int) -> bytes:
        """Return Source Image Sequence: what is told there already, and the image that the frame is of."""
        encoding = self._file.encoding
        number = [index + 1] if has_frames(self.sop_class_uid) else []
        source = Derivation(self._uid, PROCESSED, number).source_image(self._top)
        new = [encode(each, encoding, self._charset) for each in (*frame.given(SOURCE_IMAGES), source)]
        return self._sequence(
            SOURCE_IMAGES, self._top.items(SOURCE_IMAGES) + b"".join([item(each, encoding) for each in new])
        )

    def _referenced_series(self) -> bytes:
        """Return Referenced Series Sequence, with the one that the image is of (PS3.3 C.12.2)."""
        encoding = self._file.encoding
        image = made(ReferencedSOPClassUID=self.sop_class_uid, ReferencedSOPInstanceUID=self._uid)
        series = made(
            SeriesInstanceUID=self._top.text(SERIES_INSTANCE_UID), ReferencedInstanceSequence=[image]
        )
        new = item(encode(series, encoding, self._charset), encoding)
        return self._sequence(_REFERENCED_SERIES, self._top.items(_REFERENCED_SERIES) + new)


def _pixel_data(file: Part10File, top: Top) -> PixelData:
    """Return the pixel data; raises Unsuitable where there is none that anybody told of."""
    try:
        data = pixel_data(file)
    except Unsuitable:
        if top.text(NUMBER_OF_FRAMES) not in ("", "1"):
            raise InputError("it tells of frames, and has no pixel data") from None
        raise
    if data.encapsulated and data.codec and not data.codec.module:
        raise InputError(f"its frames are video ({data.codec.keyword}), which is not taken apart")
    if data.encapsulated and data.codec and data.codec.name.startswith("jpeg-2000-part-2"):
        raise InputError(f"its frames may share codestreams ({data.codec.keyword}), which is not taken apart")
    return data


def _required(top: Top, tag: int, name: str) -> str:
    """Return a UID without which no frame can refer to where it came from."""
    found = top.text(tag)
    if not is_uid(found):
        raise InputError(f"{name} is {'no UID' if found else 'missing'}")
    return found


def _derived(*what: str) -> str:
    """Return the UID that stands for ``what`` in every run."""
    return keyed.uid(_SECRET, keyed.joined(*what))
