"""Zip and tar archives as inputs: looked into like folders, never unpacked to names."""

from __future__ import annotations

import os
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import InputError, MalformedError
from dcmtools.files.archives import tars, zips
from dcmtools.files.archives.expanding import Expanding
from dcmtools.files.source import KEPT, FileSource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from dcmtools.files.archives.entries import Entry

_WRAPPINGS: Final = {b"\x1f\x8b\x08": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz"}
_ENDINGS: Final = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")
_CHANGED: Final = "the archive has changed since it was looked into"
_MAX_KEPT: Final = 4  # compressed tars, each in a temporary file of its own
_MAX_INDEXED: Final = 200_000
_CHUNK: Final = 1024 * 1024
_BEGINNING: Final = 65536
_MAX_KNOWN: Final = 64
_known: dict[tuple[int, ...], str] = {}  # of which kind a file is, by its identity
_kept: list[Archive] = []  # the one that goes next first


class Archive(NamedTuple):
    """An archive at ``path``; ``identity`` tells it, as it was when it was found, from any other.

    ``kind`` is zip or tar, or else what a tar is compressed with: gzip, bzip2 or xz.
    """

    path: str
    kind: str
    identity: tuple[int, ...]

    @classmethod
    def found(cls, path: str, source: FileSource) -> Self | None:
        """Return the archive that is open as ``source``, None where what it holds is no archive."""
        if (kind := _known.get(source.identity)) is None:
            kind = _kind(source)
            if len(_known) == _MAX_KNOWN:
                _known.clear()
            _known[source.identity] = kind
        return cls(path, kind, source.identity) if kind else None

    def entries(self) -> Iterator[Entry]:
        """Yield the files in the archive in its order; raises InputError where it is damaged."""
        with self._opened() as source:
            if self.kind == "zip":
                yield from zips.entries(source)
            elif self.kind == "tar":
                yield from tars.entries(source)
            else:
                fd, error = self._expanded(source)
                with FileSource(fd) as expanded:
                    yield from _until(tars.entries(expanded), error)

    def named(self, name: str) -> list[Entry]:
        """Return the entries of exactly this ``name``."""
        index = _index(self)
        if index is not None:
            return index.get(name, [])
        return [entry for entry in _readable(self) if plain_name(entry.name) == name]

    def open(self, entry: Entry) -> FileSource:
        """Open the file of ``entry``: bytes that are stored are read in place, others from a temporary file.

        Raises InputError where it cannot be read, is not what the archive says it is, or where the archive
        is not the one any more that was found.
        """
        if entry.note or entry.fault:
            raise InputError(entry.fault or entry.note)
        with self._opened() as source:
            try:
                fd, window = self._located(source, entry)
                file = FileSource(fd, window, (*self.identity, entry.offset, entry.length))
                changed = not source.unchanged()
            except OSError as error:
                raise InputError(error.strerror or str(error)) from error
        if changed:  # before the file could notice it
            file.close()
            raise InputError(_CHANGED)
        return file

    def _opened(self) -> FileSource:
        source = FileSource.open(self.path)
        if source.identity != self.identity:
            source.close()
            raise InputError(_CHANGED)
        return source

    def _located(self, source: FileSource, entry: Entry) -> tuple[int, tuple[int, int] | None]:
        """Return a descriptor that has the bytes of ``entry``, and where there."""
        window = (entry.offset, entry.length)
        if self.kind == "tar":
            return os.dup(source.fd), window
        if self.kind != "zip":
            return self._expanded(source)[0], window
        start = zips.data_offset(source, entry)
        if entry.method:
            return _member(source, start, entry), None
        if error := _wrong_crc(_crc(source, start, entry.size), entry):
            raise error
        return os.dup(source.fd), (start, entry.size)

    def _expanded(self, source: FileSource) -> tuple[int, InputError | None]:
        """Return a descriptor of the expanded tar, and what is wrong where it has just been expanded."""
        fd, error = KEPT.get(self), None
        if fd is None:
            expanding = Expanding(source, 0, source.size, self.kind, many=True)
            fd, error = expanding.spooled(), expanding.error
            KEPT.put(self, fd)
            if self in _kept:
                _kept.remove(self)
            _kept.append(self)
            while len(_kept) > _MAX_KEPT:
                KEPT.drop(_kept.pop(0))
        return fd, error


def _kind(source: FileSource) -> str:
    """Return the kind of the archive that is open as ``source``, empty for what is none."""
    head = source.read(0, min(source.size, tars.BLOCK))
    if head.startswith(zips.SIGNATURES):
        return "zip"
    if tars.is_header(head):
        return "tar"
    for magic, wrapping in _WRAPPINGS.items():
        if head.startswith(magic) and tars.is_header(_beginning(source, wrapping)):
            return wrapping
    return ""


def inside(path: str) -> tuple[Archive, str] | None:
    """Return the archive that ``path`` leads into, and the name in it; None where it leads into none."""
    end = len(path)
    while (end := path.rfind("/", 0, end)) > 0:
        if os.path.exists(path[:end]):
            found = at(path[:end]) if os.path.isfile(path[:end]) else None
            return found and (found, plain_name(path[end + 1 :]))
    return None


def at(path: str) -> Archive | None:
    """Return the archive at ``path``; None where there is none, or nothing that can be read."""
    try:
        with FileSource.open(path) as source:
            return Archive.found(path, source)
    except InputError:
        return None


def plain_name(name: str) -> str:
    """Return ``name`` without what tar puts in front of names, and a shell behind that of a folder."""
    while name.startswith("./"):
        name = name[2:]
    return name.rstrip("/")


def is_named_as_archive(name: str) -> bool:
    """Tell whether a file of this ``name`` would be an archive."""
    return name.lower().endswith(_ENDINGS)


def _beginning(source: FileSource, wrapping: str) -> bytes:
    enough = source.size if wrapping == "bzip2" else _BEGINNING  # a block of bzip2 comes whole
    for piece in Expanding(source, 0, min(source.size, enough), wrapping):
        if piece:
            return piece
    return b""


def _until(entries: Iterator[Entry], error: InputError | None) -> Iterator[Entry]:
    """Yield ``entries``, and say at the end what has cut them short."""
    try:
        yield from entries
    except MalformedError:
        if error is None:
            raise
    if error:
        raise error


def _readable(archive: Archive) -> Iterator[Entry]:
    """Yield the entries that can be found, whatever is behind them."""
    try:
        yield from archive.entries()
    except InputError:
        return


@lru_cache(maxsize=2)
def _index(archive: Archive) -> dict[str, list[Entry]] | None:
    """Return the entries by name; None where they are too many to be kept."""
    index: dict[str, list[Entry]] = {}
    for number, entry in enumerate(_readable(archive)):
        if number == _MAX_INDEXED:
            return None
        index.setdefault(plain_name(entry.name), []).append(entry)
    return index


def _member(source: FileSource, start: int, entry: Entry) -> int:
    """Return a descriptor of what the compressed bytes of ``entry`` expand to."""
    expanding = Expanding(source, start, start + entry.size, entry.method, claimed=entry.length)
    fd = expanding.spooled()
    error: InputError | None = expanding.error
    if error is None and expanding.length != entry.length:
        error = InputError(f"it has {expanding.length} bytes in the archive in place of {entry.length}")
    if error := error or _wrong_crc(expanding.crc, entry):
        os.close(fd)
        raise error
    return fd


def _crc(source: FileSource, start: int, size: int) -> int:
    crc = 0
    for offset in range(start, start + size, _CHUNK):
        crc = zlib.crc32(source.read(offset, min(_CHUNK, start + size - offset)), crc)
    return crc


def _wrong_crc(crc: int, entry: Entry) -> InputError | None:
    return None if crc == entry.crc else InputError("damaged in the archive: its checksum (CRC-32) is wrong")
