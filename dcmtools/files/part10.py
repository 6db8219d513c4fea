"""DICOM files: preamble, file meta information, data set (PS3.10 section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, TypeVar

from dcmtools.encoding.charset import unpadded
from dcmtools.encoding.element import NO_STOP, UNDEFINED, Element, Source
from dcmtools.encoding.picking import pick
from dcmtools.encoding.syntax import EXPLICIT, encoding_of, is_deflated
from dcmtools.encoding.tags import TRANSFER_SYNTAX_UID, format_tag
from dcmtools.encoding.walker import Walker
from dcmtools.errors import InputError, MalformedError, NotDicom
from dcmtools.files.deflate import inflate
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from collections.abc import Container
    from types import TracebackType
    from typing import Self

    from dcmtools.encoding.memory import MemorySource

PREFIX_OFFSET: Final = 128
META_OFFSET: Final = 132
META: Final = 0x00020000
AFTER_META: Final = 0x00030000
LONGEST_META: Final = 1024 * 1024  # of all its elements, which are kept in memory
TOO_LONG_META: Final = f"the file meta information is longer than {LONGEST_META} bytes"
_HEAD: Final = 16 * 1024
_META_TAGS: Final = range(META, AFTER_META)
_W = TypeVar("_W", bound=Walker)

Meta: TypeAlias = list[tuple[Element, bytes]]
"""The elements of group 0002 with their values, in file order."""


class Body(NamedTuple):
    """Where the bytes of a data set are: in ``source`` from ``start`` to ``end``."""

    source: Source
    start: int
    end: int


class Part10File:
    """An open DICOM file: its meta elements, and where and how its data set is encoded.

    ``source`` holds the bytes of the file, ``data_set_offset`` and ``data_set_end`` are where its data set is
    there; that end is the file's, unless somebody who knows better has set it, and does not matter where the
    data set is deflated, which ends by itself. ``head`` are its first bytes.
    ``meta`` are the group 0002 elements with their values, in file order.
    """

    __slots__ = (
        "_inflated",
        "data_set_end",
        "data_set_offset",
        "encoding",
        "head",
        "meta",
        "source",
        "transfer_syntax",
    )

    def __init__(self, source: FileSource, assume: str = "") -> None:
        """Read preamble and meta of ``source``; ``assume`` goes before the transfer syntax named there.

        Raises NotDicom where the prefix is missing, InputError where there is not even a byte,
        MalformedError where the meta is broken or names no transfer syntax.
        """
        self.source = source
        self.data_set_end = source.size
        self._inflated: MemorySource | FileSource | None = None
        self.head = source.read(0, min(source.size, _HEAD))
        self.meta, self.data_set_offset = self._find_parts(assume)
        self.transfer_syntax = assume or self.meta_text(TRANSFER_SYNTAX_UID)
        self.encoding = encoding_of(self.transfer_syntax)

    def _find_parts(self, assume: str) -> tuple[Meta, int]:
        """Return the meta elements, and where the data set begins."""
        if self.head[PREFIX_OFFSET:META_OFFSET] != b"DICM":
            raise _why_not_dicom(self.source)
        meta, end = _read_meta(self.source, self.head)
        if not assume and not _text(meta, TRANSFER_SYNTAX_UID):
            raise MalformedError(
                "the file meta information names no transfer syntax", offset=META_OFFSET, path="(0002,0010)"
            )
        return meta, end

    @classmethod
    def open(cls, path: str, assume: str = "") -> Self:
        """Open the DICOM file at ``path``; raises InputError and what the constructor raises."""
        source = FileSource.open(path)
        try:
            return cls(source, assume)
        except BaseException:
            source.close()
            raise

    def meta_text(self, tag: int) -> str:
        """Return the value of a meta element as text without padding; empty where it is absent."""
        return _text(self.meta, tag)

    def body(self) -> Body:
        """Return where the bytes of the data set are; a deflated one is inflated, once.

        Beyond 16 MiB that takes a temporary file, which goes with the file. Raises what ``deflate.inflate``
        does.
        """
        if not is_deflated(self.transfer_syntax):
            return Body(self.source, self.data_set_offset, self.data_set_end)
        if self._inflated is None:
            self._inflated = self._inflate()
            if isinstance(self._inflated, FileSource):
                self.source.adopt(self._inflated)
        return Body(self._inflated, 0, self._inflated.size)

    def _inflate(self) -> MemorySource | FileSource:
        return inflate(self.source, self.data_set_offset)

    def walk(self, *, stop: int = NO_STOP, shallow: bool = False) -> Walker:
        """Return a walker over the data set, up to the top-level tag ``stop``; see Walker for ``shallow``.

        Offsets count in the source of the ``body``. Raises what that does.
        """
        return self._walked(Walker, stop, shallow=shallow)

    def _walked(self, kind: type[_W], stop: int, *, shallow: bool) -> _W:
        source, start, end = self.body()
        walker = kind(source, start, end, self.encoding, stop=stop, shallow=shallow)
        if source is self.source:
            walker.begin_in(self.head)
        return walker

    def pick(self, wanted: Container[int], stop: int) -> list[Element] | None:
        """Return the ``wanted`` elements at the top of the data set, below the tag ``stop``, out of the head.

        Returns None where only a walk can tell; see ``encoding.picking``.
        """
        if is_deflated(self.transfer_syntax):
            return None
        picked = pick(self.head, self.data_set_offset, self.encoding, wanted, stop=stop)
        return picked and picked[0]

    def close(self) -> None:
        """Close the file."""
        self.source.close()

    def __enter__(self) -> Self:
        """Use the file in a ``with`` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file at the end of the block."""
        self.close()


def _text(meta: Meta, tag: int) -> str:
    for element, value in meta:
        if element[0] == tag:
            return unpadded(value)
    return ""


def _read_meta(source: FileSource, head: bytes) -> tuple[Meta, int]:
    if picked := pick(head, META_OFFSET, EXPLICIT, _META_TAGS, first=META, stop=AFTER_META):
        elements, end = picked
        if elements:
            return [(element, head[element[3] : element[3] + element[4]]) for element in elements], end
    walker = Walker(source, META_OFFSET, source.size, EXPLICIT, first=META, stop=AFTER_META)
    walker.begin_in(head)
    meta = []
    while elements := walker.read():
        for element in elements:
            tag, vr, offset, value, length, _ = element
            message = misplaced(vr, length)
            if message or value + length > META_OFFSET + LONGEST_META:
                raise MalformedError(message or TOO_LONG_META, offset=offset, path=format_tag(tag))
            meta.append((element, walker.value(value, length)))
    if not meta:
        raise MalformedError("there is no file meta information", offset=META_OFFSET)
    if walker.position == source.size and _claimed_end(meta) > source.size:
        raise MalformedError("the file ends within its file meta information", offset=source.size)
    return meta, walker.position


def misplaced(vr: str, length: int) -> str:
    """Return why an element of ``vr`` with so long a value can be none of a meta; empty where it can."""
    if vr != "SQ" and length <= LONGEST_META:
        return ""
    many = "undefined length" if length == UNDEFINED else f"{length} bytes"
    what = "a sequence" if vr == "SQ" else f"a value of {many}"
    return f"{what} has no place in file meta information"


def _claimed_end(meta: Meta) -> int:
    """Return where the meta ends by its group length (PS3.10 7.1), which is all that a cut leaves to tell."""
    (tag, _, _, offset, length, _), value = meta[0]
    return offset + length + int.from_bytes(value, "little") if tag == META else 0


def _why_not_dicom(source: FileSource) -> InputError:
    if source.size == 0:  # whatever it was, it is lost: nothing to pass over
        return InputError("the file is empty")
    if source.size < META_OFFSET:
        return NotDicom(f"not a DICOM file: it has {source.size} bytes, fewer than preamble and prefix")
    return NotDicom(f"not a DICOM file: no DICM prefix at offset {PREFIX_OFFSET}")


def part10_file(source: FileSource) -> Part10File:
    """Return ``source`` as a file, which has to be one; raises InputError.

    NotDicom has a hint where it looks like DICOM all the same.
    """
    try:
        return Part10File(source)
    except NotDicom as error:
        error.hint = _missing_parts(source, error)
        raise


def _missing_parts(source: FileSource, error: NotDicom) -> str:
    """Return the next step where ``source`` looks like DICOM all the same, nothing where it does not."""
    from dcmtools.files.guessing import survey  # it loads the dictionary

    try:
        survey(source, error)
    except InputError:
        return ""
    return (
        "'dcmtools dump' reads it all the same; here a file needs preamble, prefix and file meta information"
        " (PS3.10 7.1), which 'dcmtools modify --fix-meta' makes"
    )
