"""A DICOMDIR: the directory of the files on a medium (PS3.3 Annex F, PS3.10 8.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import decoder_of, unpadded
from dcmtools.encoding.dataset import DataSet, meaning, read
from dcmtools.encoding.element import NO_STOP
from dcmtools.encoding.lenient import LenientWalker
from dcmtools.encoding.picking import pick
from dcmtools.encoding.tags import (
    ITEM_DELIMITER,
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    format_tag,
)
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.encoding.values import swapped
from dcmtools.encoding.writing import delimiter
from dcmtools.errors import InputError, Unsuitable
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.directory_records import RECORD_SEQUENCE, Record, Records, read_records, unsigned
from dcmtools.files.directory_tree import MULTI_REFERENCED, NONE, Problems, Tree, built, needs_file
from dcmtools.files.file_ids import from_value
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from dcmtools.encoding.element import Element
    from dcmtools.files.directory_tree import DirectoryProblem
    from dcmtools.files.part10 import Part10File

_FILE_SET_ID: Final = 0x00041130
_DESCRIPTOR_FILE: Final = 0x00041141
_DESCRIPTOR_CHARSET: Final = 0x00041142
_FIRST: Final = 0x00041200
_LAST: Final = 0x00041202
_CONSISTENCY: Final = 0x00041212
_LONGEST_RECORD: Final = 16 * 1024 * 1024  # with its icon
_ITEMS: Final = 0xFFFE0000


class Node:
    """A record in its place in the tree."""

    __slots__ = ("_directory", "number")

    def __init__(self, directory: Directory, number: int) -> None:
        """Stand for the record ``number`` of ``directory``."""
        self._directory = directory
        self.number = number

    @property
    def record(self) -> Record:
        """The record."""
        return self._directory.records[self.number]

    @property
    def children(self) -> list[Node]:
        """The records in use just below it."""
        return self._directory.below(self.number)


class Directory:
    """A DICOMDIR, read: its records in the order of the file, and as a tree of those in use.

    ``file_set_id``, ``descriptor_file`` and ``descriptor_charset`` are those of its File-set (PS3.3 F.3.2.1),
    ``uid`` is its own SOP Instance UID; ``first``, ``last`` and ``consistency`` are as written, the first
    and the last record of the root. ``elements`` are the short elements of its data set by tag, as bytes.

    What is damaged is read as far as it can be: ``problems`` says what had to be repaired for that, the
    first 1000 of them, ``more`` how many there are beyond. Values of records need the file to be open.
    """

    def __init__(self, file: Part10File) -> None:
        """Read the DICOMDIR that ``file`` is, which has to stay open for ``values``, and is closed with it.

        Raises Unsuitable where it is none, InputError where it has more than 1,000,000 records, and whatever
        reading its bytes raises.
        """
        self.file = file
        self.encoding = file.encoding
        self._source, start, _ = file.body()
        self._base = 0 if self._source is file.source else file.data_set_offset - start
        if not is_directory(file):
            raise Unsuitable("not a DICOMDIR: its SOP class is not Media Storage Directory")
        if isinstance(file, LenientFile):
            file.notices = False
        walker = file.walk()
        self.records: Records
        self.records, self.elements = read_records(walker, self._base)
        order = file.encoding.order
        self.file_set_id = unpadded(self.elements.get(_FILE_SET_ID, b""))
        self.descriptor_file = from_value(self.elements.get(_DESCRIPTOR_FILE, b""))
        self.descriptor_charset = unpadded(self.elements.get(_DESCRIPTOR_CHARSET, b""))
        self.first = unsigned(self.elements.get(_FIRST, b""), order)
        self.last = unsigned(self.elements.get(_LAST, b""), order)
        self.consistency = unsigned(self.elements.get(_CONSISTENCY, b""), order)
        self.uid = file.meta_text(MEDIA_STORAGE_SOP_INSTANCE_UID)
        self._problems = Problems()
        self._note_encoding(file)
        self._note_missing()
        self.tree: Tree = built(self.records, self.first, self._problems)
        self._note_shared()

    @classmethod
    def open(cls, path: str) -> Self:
        """Read the DICOMDIR at ``path``; raises InputError and what the constructor raises."""
        return cls.of(FileSource.open(path))

    @classmethod
    def of(cls, source: FileSource) -> Self:
        """Read the DICOMDIR that is open as ``source``, which is closed with it, or where it is none."""
        try:
            return cls(LenientFile(source))
        except BaseException:
            source.close()
            raise

    @property
    def problems(self) -> list[DirectoryProblem]:
        """What is wrong with it, in the order in which it was found."""
        return self._problems.found

    @property
    def more(self) -> int:
        """How many problems there are beyond ``problems``."""
        return self._problems.more

    @property
    def roots(self) -> list[Node]:
        """The records in use that are below no other."""
        return self.below(self.tree.root)

    def below(self, number: int) -> list[Node]:
        """Return the records in use just below the one of this ``number``."""
        inactive = self.tree.inactive
        return [Node(self, child) for child in self.tree.children(number) if not inactive[child]]

    def walk(self) -> Iterator[tuple[Node, int]]:
        """Yield all records in use, each with how many are above it, before those that are below it."""
        pending = [(node, 0) for node in reversed(self.roots)]
        while pending:
            node, depth = pending.pop()
            yield node, depth
            pending += [(child, depth + 1) for child in reversed(node.children)]

    def instances(self) -> Iterator[Record]:
        """Yield those records in use that name files, in the order of the tree."""
        for node, _ in self.walk():
            record = node.record
            if record.file_id:
                yield record

    def nameless(self) -> Iterator[Record]:
        """Yield those in use that are about a file, and have no File ID, or none that could be one."""
        for node, _ in self.walk():
            number = node.number
            if self.records.names_file(number) or self.tree.has_children(number):
                continue
            if needs_file(self.records.type(number)):
                yield node.record

    def above(self, number: int) -> list[Record]:
        """Return the records above the one of this ``number``, that of the root first."""
        found = []
        parent = self.tree.parent[number]
        while parent not in (NONE, self.tree.root):
            found.append(self.records[parent])
            parent = self.tree.parent[parent]
        return found[::-1]

    @property
    def inactive(self) -> list[Record]:
        """The records not in use, and those below them, in the order of the file."""
        return [self.records[number] for number in range(len(self.records)) if self.tree.inactive[number]]

    def values(self, record: Record) -> DataSet:
        """Return all elements of ``record``, its keys among them, in little endian.

        Of an element that stands twice the first counts. Raises InputError where that takes more than 16 MiB,
        MalformedError for encapsulated pixel data.
        """
        start = self._start(record)
        end = record.body_end - self._base
        walker = LenientWalker(self._source, start, end, self.encoding)
        walker.notices = False
        return read(walker, self.elements.get(SPECIFIC_CHARACTER_SET, b""), _FirstOfEach())

    def texts(self, record: Record, tags: Collection[int]) -> dict[int, str]:
        """Return the values of those of ``tags`` that ``record`` has, as text, a backslash between several.

        That is much quicker than all its ``values``. Raises what these do.
        """
        data = self.raw(record) + delimiter(ITEM_DELIMITER, self.encoding) + bytes(16)
        wanted = {SPECIFIC_CHARACTER_SET, *tags}
        picked = pick(data, 0, self.encoding, wanted, stop=min(max(wanted) + 1, _ITEMS))
        if picked is None:
            return self._texts_of(self.values(record), tags)
        decode = decoder_of(self.elements.get(SPECIFIC_CHARACTER_SET, b""))
        found = {}
        for tag, vr, _, offset, length, _ in picked[0]:
            raw = data[offset : offset + length]
            if tag == SPECIFIC_CHARACTER_SET:
                decode = decoder_of(raw)
            if tag in tags:
                raw = swapped(vr, raw) if self.encoding.big else raw
                found[tag] = "\\".join(meaning(tag, vr, raw, decode))
        return found

    def raw(self, record: Record) -> bytes:
        """Return the elements of ``record`` as they stand there; raises InputError as ``values`` does."""
        start = self._start(record)
        return self._source.read(start, record.body_end - self._base - start)

    @staticmethod
    def _texts_of(data_set: DataSet, tags: Collection[int]) -> dict[int, str]:
        decode = decoder_of(data_set.charset)
        found = {}
        for tag in tags:
            vr, value = data_set.get(tag, ("", []))
            if isinstance(value, bytes):
                found[tag] = "\\".join(meaning(tag, vr, value, decode))
        return found

    def _start(self, record: Record) -> int:
        """Return where in the source the elements of ``record`` begin."""
        start = record.offset + 8
        if record.body_end - start > _LONGEST_RECORD:
            message = f"record {record.number} has {record.body_end - start} bytes, too many to be read"
            raise InputError(message)
        return start - self._base

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Self:
        """Use it in a ``with`` block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file at the end of the block."""
        self.close()

    # ------------------------------------------------------------ what is wrong

    def _note_encoding(self, file: Part10File) -> None:
        if isinstance(file, LenientFile):
            for problem in file.problems:
                if problem.serious:
                    self._problems.note("encoding", problem.offset, NONE, str(problem))
        if RECORD_SEQUENCE not in self.elements and not self.records and not _has_records(file):
            self._problems.note("encoding", 0, NONE, "there is no Directory Record Sequence (0004,1220)")

    def _note_missing(self) -> None:
        """Note which records lack what tells where they belong; other elements are not needed here."""
        for number, offset in enumerate(self.records.offsets):
            if missing := self.records.missing(number):
                names = ", ".join(map(format_tag, missing))
                self._problems.note("element", offset, number, f"record {number} has no {names}")

    def _note_shared(self) -> None:
        records = self.records
        for number, offset in records.shared.items():
            found = records.at(offset)
            if found is None or records.type(found) != MULTI_REFERENCED:
                what = f"leads to offset {offset}, where no multi-referenced record begins"
                message = f"record {number}: (0004,1504) {what}"
                self._problems.note("shared", records.offsets[number], number, message)


def is_directory(file: Part10File) -> bool:
    """Tell whether ``file`` is a DICOMDIR: by its SOP class or, where it names none, by its elements."""
    sop_class = file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID)
    return sop_class == MEDIA_STORAGE_DIRECTORY or (not sop_class and _has_records(file))


def _has_records(file: Part10File) -> bool:
    return any(each[0] == RECORD_SEQUENCE for each in file.walk(stop=RECORD_SEQUENCE + 1, shallow=True))


class _FirstOfEach:
    """Of the outermost elements of a walk the first of each tag, with all that is in them."""

    def __init__(self) -> None:
        self._met: set[int] = set()
        self._within = False

    def __call__(self, elements: Iterable[Element]) -> Iterator[Element]:
        for each in elements:
            if not each[5]:
                self._within = each[0] not in self._met and each[0] < NO_STOP
                self._met.add(each[0])
            if self._within:
                yield each
