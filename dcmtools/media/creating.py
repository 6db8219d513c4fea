"""A medium made of files from anywhere: what ``dcmtools dicomdir create`` does."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.editing.derivation import fresh_uid
from dcmtools.errors import InputError, UsageError
from dcmtools.files.file_ids import DICOMDIR
from dcmtools.media.adding import Adding, AddOptions
from dcmtools.media.entries import FileSet
from dcmtools.media.numbering import TOP
from dcmtools.media.places import INDEX, FolderPlace, held
from dcmtools.media.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.media.adding import Totals
    from dcmtools.results import Result

README: Final = "README"
_FILE_SET_ID: Final = re.compile(r"[A-Z0-9_ ]{0,16}")
_LONGEST_README: Final = 16 * 1024 * 1024


class CreateOptions(NamedTuple):
    """What is made: a medium at ``medium``, a folder or, with ``zipped``, a file.

    ``readme`` is a text file that describes it, ``readme_charset`` what that is written in where it does not
    tell itself.
    """

    medium: str
    adding: AddOptions = AddOptions()
    zipped: bool = False
    file_set_id: str = ""
    readme: str = ""
    readme_charset: str = ""


def create(
    paths: Iterable[str | Result], options: CreateOptions, jobs: int, totals: Totals
) -> Iterator[Result]:
    """Yield the result of each file below ``paths``, and make a medium with those that can be on one.

    Its DICOMDIR comes last. Nothing is left of a run that ends with an error. Raises UsageError where the
    place is taken or an option makes no sense, and what ``Adding.results`` does.
    """
    file_set = FileSet(checked_id(options.file_set_id), uid=fresh_uid())
    readme = read_readme(options, file_set) if options.readme else b""
    adding = options.adding
    tree = Tree(file_set, adding.rules.charset)
    with ExitStack() as stack:
        if options.zipped:
            from dcmtools.media.zipped import ZipPlace

            place: FolderPlace | ZipPlace = stack.enter_context(ZipPlace(options.medium, adding))
        else:
            taken = (DICOMDIR, *((README,) if readme else ()), *((TOP,) if adding.action != INDEX else ()))
            check_free(options.medium, taken)
            if not adding.ahead:
                stack.enter_context(_made_folder(options.medium))
                stack.enter_context(held(options.medium))
                check_free(options.medium, taken)
            place = FolderPlace(options.medium, adding.action, adding.rules)
        if readme and not adding.ahead:
            place.add(README, readme)
        yield from Adding(place, tree, adding, totals).results(paths, jobs)


def checked_id(text: str) -> str:
    """Return a File-set ID; raise UsageError where ``text`` is none (PS3.3 F.3.2.1)."""
    if not _FILE_SET_ID.fullmatch(text):
        message = f"{text!r} is no File-set ID: up to 16 of A-Z, 0-9, blank and _"
        raise UsageError(message)
    return text.strip()


def read_readme(options: CreateOptions, file_set: FileSet) -> bytes:
    """Return the text that describes a File-set, and have that say in which character set it is.

    Raises UsageError where it does not tell, InputError where it cannot be read.
    """
    from dcmtools.encoding.charset import decoder_named
    from dcmtools.files.source import FileSource

    try:
        with FileSource.open(options.readme) as source:
            text = source.read(0, min(source.size, _LONGEST_README + 1))
    except InputError as error:
        raise UsageError(f"{options.readme}: {error.message}") from error
    if len(text) > _LONGEST_README:
        raise UsageError(f"{options.readme}: a README of more than 16 MiB")
    file_set.descriptor = (README,)
    if options.readme_charset:
        try:
            decoder_named(options.readme_charset)
        except ValueError as error:
            raise UsageError(str(error)) from None
        file_set.charset = options.readme_charset
    elif not text.isascii():
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            message = f"{options.readme}: its text is neither ASCII nor UTF-8"
            raise UsageError(message, hint="--readme-charset says what it is, such as ISO_IR 100") from None
        file_set.charset = "ISO_IR 192"
    return text


def check_free(folder: str, taken: Iterable[str]) -> None:
    """Raise UsageError where ``folder`` is none, or has what is ``taken`` by a medium, in whatever case."""
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise UsageError(f"{folder} is no folder", hint="--zip makes a file")
    names = {name.upper(): name for name in os.listdir(folder)} if os.path.isdir(folder) else {}
    for name in taken:
        if name in names:
            there = os.path.join(folder, names[name])
            hint = "dicomdir append adds to a medium, dicomdir rebuild makes a new DICOMDIR of its files"
            if name == TOP and DICOMDIR not in names:
                hint = "of a run that was killed? Remove it; or dicomdir rebuild, then append the rest"
            raise UsageError(f"{there} is there already", hint=hint)


@contextmanager
def _made_folder(folder: str) -> Iterator[None]:
    """Have a folder, which goes again at the end of the block if it was not there and is empty."""
    own = not os.path.isdir(folder)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from error
    try:
        yield
    finally:
        if own:
            with suppress(OSError):
                os.rmdir(folder)
