"""A file written whole or not at all: without its name first, in the same folder."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Of file systems that know no second name for a file, as those of sticks and cards.
_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_TEMPORARY: Final = re.compile(r"\.dcmtools-([1-9][0-9]{0,9})-[0-9a-f]{12}")
_FOLDER: Final = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_DIRECTORY", 0)


@contextmanager
def replacing(path: str, *, mode: int | None = None, durable: bool = True) -> Iterator[BinaryIO]:
    """Open what is the file at ``path`` after the ``with`` block, unless that fails; raises OSError.

    Its owner, group and mode are those of the file it replaces, as far as we may give them, unless a mode is
    given; that is 0600 where there is none. The bytes are on disk before the name is, unless that is not to
    be ``durable``; a link at ``path`` would be replaced, not followed. Other hard links keep the old file.
    """
    with _named_in_the_end(path, 0o600, over=True) as file:
        yield file
        file.flush()
        _belong(file.fileno(), path, mode)
        if durable:
            os.fsync(file.fileno())


def _belong(descriptor: int, path: str, mode: int | None) -> None:
    """Give a file the owner, group and mode of the one at ``path``, as far as we may, or that ``mode``."""
    try:
        before = os.stat(path)
    except FileNotFoundError:
        before = None
    if before:
        for owner in (before.st_uid, -1):  # who is not root may give at most the group
            with suppress(PermissionError):
                os.fchown(descriptor, owner, before.st_gid)
                break
    if before or mode is not None:
        os.fchmod(descriptor, stat.S_IMODE(before.st_mode) if before and mode is None else mode or 0)


@contextmanager
def making(path: str, *, over: bool = False, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open, for writing and reading, what is the file at ``path`` after the block, unless that fails.

    Raises FileExistsError in the end where there is a file already, unless it goes ``over`` that, and
    OSError. Where the system knows files without a name, not even a process that is killed leaves anything
    behind. Its mode is what the umask leaves of ``mode``, and nothing is forced to disk.
    """
    with _named_in_the_end(path, mode, over=over) as file:
        yield file
        file.flush()


@contextmanager
def _named_in_the_end(path: str, mode: int, *, over: bool) -> Iterator[BinaryIO]:
    folder = os.path.dirname(path) or "."
    opened = os.open(folder, _FOLDER)
    try:
        with _nameless(opened, mode) or _hidden(folder, mode) as file:
            yield file
            _name(file, opened, os.path.basename(path), over=over)
    finally:
        os.close(opened)


def sweep(folder: str) -> None:
    """Remove from ``folder`` what runs have left there that were killed between two names of a file."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if (found := _TEMPORARY.fullmatch(name)) and not _is_running(int(found[1])):
                os.unlink(os.path.join(folder, name))


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _nameless(folder: int, mode: int) -> BinaryIO | None:
    """Return a file without a name, of what the umask leaves of ``mode``, None where there are none such."""
    if not hasattr(os, "O_TMPFILE") or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return open(os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, mode, dir_fd=folder), "w+b")
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL):
            return None
        raise


@contextmanager
def _hidden(folder: str, mode: int) -> Iterator[BinaryIO]:
    """Open a file whose name goes in the end, of what the umask leaves of ``mode``."""
    path = os.path.join(folder, f".dcmtools-{os.getpid()}-{os.urandom(6).hex()}")
    umask = os.umask(0o077)
    os.umask(umask)
    try:
        with open(path, "x+b", opener=_private) as file:
            with suppress(PermissionError):  # of file systems that know no modes
                os.fchmod(file.fileno(), mode & ~umask)
            yield cast("BinaryIO", file)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _name(file: BinaryIO, folder: int, name: str, *, over: bool) -> None:
    """Give ``file`` its name in ``folder``."""
    unnamed = isinstance(file.name, int)
    source = f"/proc/self/fd/{file.fileno()}" if unnamed else os.path.basename(file.name)

    def link(to: str) -> None:
        # With a descriptor the call is linkat, which can follow the link that stands for the file.
        os.link(source, to, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=unnamed)

    try:
        if over:
            _replace(link, folder, name)
        else:
            link(name)
    except OSError as error:
        if unnamed or error.errno not in _NO_LINKS:
            raise
        if not over:  # no other has the name from now on
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder))
        os.replace(source, name, src_dir_fd=folder, dst_dir_fd=folder)


def _replace(link: Callable[[str], None], folder: int, name: str) -> None:
    """Have what ``link`` gives a name take the place of ``name``."""
    temporary = f".dcmtools-{os.getpid()}-{os.urandom(6).hex()}"
    link(temporary)
    try:
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):  # a signal may have come just after it
            os.unlink(temporary, dir_fd=folder)
        raise
