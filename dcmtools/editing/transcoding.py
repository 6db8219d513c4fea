"""A file in another transfer syntax, in one step (PS3.5 8.2 and Annex A).

Of the data set only those elements change that describe pixels, or tell of a loss; the rest stays as it is,
byte for byte where the encoding of elements does.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.frames import PixelData, pixel_data
from dcmtools.codecs.registry import codec_of
from dcmtools.codecs.settings import Settings
from dcmtools.editing.derivation import UNCOMPRESSED, Derivation, Top, fresh_uid
from dcmtools.editing.splice import Edit, spliced
from dcmtools.encoding.dictionary import name_of
from dcmtools.encoding.recoding import recoded
from dcmtools.encoding.syntax import encoding_of, is_deflated
from dcmtools.encoding.tags import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
)
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.encoding.walker import Walker
from dcmtools.errors import CheckFailed, InputError, MalformedError, Unsuitable
from dcmtools.files.deflate import deflated
from dcmtools.files.inputs import BY_ITS_NAME
from dcmtools.files.instance import all_zero
from dcmtools.files.meta import carried, file_meta

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dcmtools.codecs.registry import Codec
    from dcmtools.editing.frame_selection import Selection
    from dcmtools.files.part10 import Part10File

# Zeros can be read as elements, up to a fault near the very end.
_MOST_CUTS: Final = 2


class Asked(NamedTuple):
    """What a file is to become.

    Its SOP Instance UID is a new one where pixels are not what they were, or as ``new_uid`` says. Without
    ``frames`` it has all of them. Codestreams of the same transfer syntax are taken as they are, unless they
    are to be made ``again``.
    """

    codec: Codec
    settings: Settings = Settings()
    new_uid: bool | None = None
    frames: Selection | None = None
    again: bool = False


class Transcoded:
    """A file in another transfer syntax, to be written once: ``meta`` and then ``blocks``.

    ``changes`` say for people what is not as it was, ``warnings`` what is lost. ``ratio`` is how many times
    as long samples are as the pixel data that holds them, 0 where there is none. ``source`` has the frames
    ``chosen``, none where there are no pixels; ``digests`` are of their samples as they were encoded, if they
    were to be remembered and had to be decoded at all.
    """

    def __init__(self, file: Part10File, asked: Asked, source: PixelData | None) -> None:
        """Begin with what the file is, and nothing to write."""
        self.asked = asked
        self.source = source
        self.chosen: Sequence[int] = range(len(source)) if source else ()
        self.top = Top(file)
        self.encoding = encoding_of(asked.codec.uid)
        self.sop_class_uid = self.top.text(SOP_CLASS_UID) or file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID)
        self.sop_instance_uid = self.top.text(SOP_INSTANCE_UID) or file.meta_text(
            MEDIA_STORAGE_SOP_INSTANCE_UID
        )
        self.changes: list[str] = []
        self.warnings: list[str] = []
        self.digests: list[bytes] = []
        self.ratio = 1.0 if source else 0.0
        self.data_set: Iterable[bytes] = ()
        self._carried = carried(file.meta)

    @property
    def meta(self) -> bytes:
        """Preamble and file meta information (PS3.10 7.1); raises InputError where UIDs are not ASCII."""
        uids = self.sop_class_uid, self.sop_instance_uid, self.asked.codec.uid
        return file_meta(*uids, carried=self._carried)

    def blocks(self) -> Iterator[bytes]:
        """Yield the data set; raises InputError where frames cannot be decoded or walking it fails."""
        return deflated(self.data_set) if is_deflated(self.asked.codec.uid) else filter(None, self.data_set)

    def derived(self, derivation: Derivation) -> list[Edit]:
        """Return the changes by which the data set tells of ``derivation``."""
        edits = list(derivation.edits(self.top))
        if names := [name_of(edit.tag).split()[0] for edit in edits if edit.tag != SOP_INSTANCE_UID]:
            self.changes.append(f"derivation told of in {', '.join(names)}")
        return edits

    def renamed(self, *, changed: bool) -> str:
        """Return the new SOP Instance UID, empty if it keeps the one that it has."""
        if not (changed if self.asked.new_uid is None else self.asked.new_uid):
            return ""
        self.sop_instance_uid = fresh_uid()
        self.changes.append("new SOP Instance UID")
        return self.sop_instance_uid


@contextmanager
def transcoded(file: Part10File, asked: Asked, *, remembering: bool = False) -> Iterator[Transcoded]:
    """Have ``file`` in another transfer syntax for the ``with`` block, ``remembering`` what it was.

    Raises Unsuitable for what has no pixels for the syntax or must stay as it is, InputError, with frame and
    reason, for what cannot be decoded or not be held by the syntax, OutputError where there is no room for
    temporary files, and what walking the data set raises.
    """
    if file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID) == MEDIA_STORAGE_DIRECTORY:
        message = "a DICOMDIR stays in the transfer syntax that it is in (PS3.10 8.6)"
        raise Unsuitable(message, hint=BY_ITS_NAME)
    source = codec_of(file.transfer_syntax)
    if source and not source.module:
        raise Unsuitable(f"its frames are video ({source.keyword}), which stays as it is")
    plain = source is not None and not source.encapsulated
    elements_only = plain and not (asked.codec.encapsulated or asked.frames)
    warnings = _cut_zeros(file)
    data = None
    try:
        data = _pixel_data(file, asked)
    except InputError as error:
        if not elements_only or isinstance(error, Unsuitable):
            raise
        warnings.append(f"not looked at the pixels: {error.message}")
    with ExitStack() as held:
        done = Transcoded(file, asked, data)
        done.warnings += warnings
        if data is None or (elements_only and not data.encapsulated):
            done.data_set = _elements(done, file)
        else:
            from dcmtools.editing.reencoding import reencode  # which needs numpy

            reencode(done, file, data, held, remembering=remembering)
        yield done


def _pixel_data(file: Part10File, asked: Asked) -> PixelData | None:
    """Return the pixel data, None where there is none and none is needed."""
    try:
        return pixel_data(file)
    except Unsuitable as error:
        if asked.codec.encapsulated or asked.frames:
            raise Unsuitable(f"{error.message} to be changed") from None
        return None


def _cut_zeros(file: Part10File) -> list[str]:
    """Have the data set of ``file`` end where only zeros follow its elements; return what to say of that."""
    end = file.data_set_end
    for _ in range(_MOST_CUTS):
        file.data_set_end = _walked_to(file)
    cut = end - file.data_set_end
    return [f"{cut} zero byte{'s' if cut > 1 else ''} behind the last element left out"] if cut else []


def _walked_to(file: Part10File) -> int:
    """Return where the elements of the data set end, be it because of zeros; raises MalformedError."""
    deflated, end = is_deflated(file.transfer_syntax), file.data_set_end
    try:
        for tag, _, at, _, _, depth in file.walk(shallow=True):
            if tag == 0 and not (depth or deflated) and all_zero(file.source, at):
                return at
    except MalformedError as error:
        if deflated or error.offset >= end or not all_zero(file.source, error.offset):
            raise
        return error.offset
    return end


def _elements(done: Transcoded, file: Part10File) -> Iterator[bytes]:
    """Yield the data set with its elements in another encoding, pixels and all."""
    edits: list[Edit] = []
    if uid := done.renamed(changed=False):
        derivation = Derivation(uid, UNCOMPRESSED)
        edits = done.derived(derivation) if done.source else [Edit(SOP_INSTANCE_UID, "UI", uid.encode())]
    whole = spliced(file, edits)
    walker = Walker(whole, 0, whole.size, file.encoding)
    if file.encoding is not done.encoding:
        return recoded(walker, done.encoding)
    for _ in walker:  # what makes no sense is not copied
        pass
    return whole.blocks()


def verify(done: Transcoded, written: Part10File) -> None:
    """Walk what was ``written`` to its end, decode its frames, and compare every sample with what it was.

    Samples that were encoded with loss only have to be there. Raises CheckFailed where it is not the same,
    and what the walk and the decoder raise.
    """
    from dcmtools.editing.reencoding import digest_of

    for _ in written.walk():
        pass
    if done.source is None:
        return
    data = pixel_data(written)
    if len(data) != len(done.chosen):
        raise CheckFailed(f"verifying: {len(data)} frames were written, not {len(done.chosen)}")
    for index, frame in enumerate(done.chosen):
        if done.digests:
            same = digest_of(data, index) == done.digests[index] or not done.asked.codec.lossless
        else:
            same = data.frame(index) == done.source.frame(frame)
        if not same:
            raise CheckFailed(f"verifying: frame {index + 1} is not what it was")
