"""DICOM files as JSON (PS3.18 Annex F)."""

from __future__ import annotations

import os
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import quote

from dcmtools.conversion.json_text import InlineValues
from dcmtools.encoding.bulk import below
from dcmtools.encoding.charset import DEFAULT
from dcmtools.encoding.jsonmodel import json_model, json_values
from dcmtools.encoding.tags import TRANSFER_SYNTAX_UID
from dcmtools.encoding.values import BULK_VRS
from dcmtools.errors import AlreadyThere, DcmtoolsError, InputError, OutputError, UsageError
from dcmtools.files.bulk import BulkFolder, file_uri
from dcmtools.files.inputs import DIRECTORIES_TOO
from dcmtools.files.outputs import STDOUT
from dcmtools.files.part10 import META, part10_file
from dcmtools.files.places import made_of
from dcmtools.files.source import STDIN
from dcmtools.files.work import for_each
from dcmtools.replacing import making
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from typing import Any, Self

    from dcmtools.encoding.bulk import Bulk
    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.jsonmodel import JsonDataSet
    from dcmtools.files.inputs import Input
    from dcmtools.files.outputs import Outputs
    from dcmtools.files.part10 import Part10File
    from dcmtools.files.places import Maker
    from dcmtools.selection.where import Where

BulkForm: TypeAlias = Literal["inline", "none", "file", "uri"]
Together: TypeAlias = Literal["", "lines", "array"]
READABLE: Final = 512 * 1024 * 1024  # bytes of JSON that can be made DICOM again
_MOST_TOGETHER: Final = 64 * 1024 * 1024  # bytes of inline values of one of many, which is kept in memory
_SHOWN: Final = 3
_BRACKETS: Final = {"array": (b"[\n", b",\n", b"\n]\n"), "lines": (b"", b"\n", b"\n")}


class ToJson(NamedTuple):
    """How to write JSON.

    ``bulk`` says where bulk values are: in Base64 among the others, nowhere, each in a file of ``bulk_dir``
    (by default a folder beside the JSON file), or where they are in the DICOM file. With ``meta`` group 0002
    is there, too; with ``exact`` numbers that are text stay that where they would come back otherwise.
    ``together`` has all data sets in one file. Text without a character set is for ``decode``. With
    ``skip_existing`` what has its file already is skipped. Files that ``where`` is not true of are left out.
    """

    outputs: Outputs
    bulk: BulkForm = "inline"
    bulk_dir: str = ""
    meta: bool = False
    exact: bool = False
    indent: int | None = None
    together: Together = ""
    decode: Decoder = DEFAULT
    skip_existing: bool = False
    where: Where | None = None


def to_json(paths: Iterable[str | Result], options: ToJson, jobs: int) -> Iterator[Result]:
    """Yield one result per DICOM file below ``paths``; what goes to standard output is in results, too."""
    if options.together:
        yield from _together(paths, options, jobs)
        return
    work = partial(_one, options)
    yield from made_of(
        paths, options.outputs, work, jobs, skip_existing=options.skip_existing, sought=DIRECTORIES_TOO
    )


def _one(options: ToJson, maker: Maker, item: Input, file: Part10File) -> Result:
    begun = monotonic()
    if options.where and not options.where.of(file, item):
        return Result.unselected(item.path)
    place = maker.place(item)
    if taken := place.taken():
        return taken
    with _Modelled(file, item, options, place.path) as done, place.writing(file.source) as out:
        for block in done.blocks():
            out.write(block)
        out.write(b"\n")
        size = out.tell()
    if size > READABLE:
        done.remarks.append(f"its {size >> 20} MiB are too many to be made DICOM again: --bulk file")
    return done.result([place.path], size, begun)


class _Modelled:
    """The model of ``file``, whose JSON is to be at ``path``, and what there is to say of it."""

    def __init__(self, file: Part10File, item: Input, options: ToJson, path: str) -> None:
        self._file, self._item, self._options, self._path = file, item, options, path
        self._inline = InlineValues()
        self._folder: BulkFolder | None = None
        self._values = 0
        self._encapsulated = False
        lost: list[str] = []
        self.model: JsonDataSet = json_model(
            file.walk(), decode=options.decode, place=self._place, exact=options.exact, lost=lost
        )
        self.remarks = [_told(lost)] if lost else []
        self._add_meta()

    def _place(self, value: Bulk) -> dict[str, Any]:
        self._values += 1
        bulk = self._options.bulk
        if bulk == "none":
            return {}
        self._encapsulated |= value.encapsulated
        if bulk == "inline":
            return self._inline(value)
        if bulk == "file":
            return self._opened()(value)
        if self._item.archive or self._item.path == STDIN:
            raise InputError("what is no file of its own has no URI", hint="--bulk file or inline")
        return below(file_uri(self._item.path))(value)

    def _opened(self) -> BulkFolder:
        """Return the folder for values, made for the first of them."""
        if self._folder is None:
            folder = self._options.bulk_dir
            if not folder and self._path == STDOUT:
                raise UsageError("with -o - the files of --bulk file want a folder: --bulk-dir")
            folder = folder or f"{os.path.splitext(self._path)[0]}.bulk"
            beside = os.path.dirname(self._path) or os.curdir
            uri = "" if self._path == STDOUT else quote(os.fsencode(os.path.relpath(folder, beside)))
            self._folder = BulkFolder(folder, uri)
        return self._folder

    def _add_meta(self) -> None:
        """Put group 0002 in, or of it only what says how encapsulated values are to be read."""
        for (tag, vr, *_), raw in self._file.meta:
            if tag == META or not (self._options.meta or (tag == TRANSFER_SYNTAX_UID and self._encapsulated)):
                continue
            element: dict[str, Any] = {"vr": vr}
            if vr in BULK_VRS:
                from binascii import b2a_base64

                element["InlineBinary"] = b2a_base64(raw, newline=False).decode("ascii")
            elif values := json_values(vr, raw, "<", DEFAULT):
                element["Value"] = values
            self.model[f"{tag:08X}"] = element
        self.model = dict(sorted(self.model.items()))

    def blocks(self) -> Iterator[bytes]:
        """Yield it as text."""
        return self._inline.blocks(self.model, self._options.indent)

    def whole_text(self) -> bytes:
        """Return it as text; raise InputError where that is too much, or the file is another by now."""
        if self._inline.size > _MOST_TOGETHER:
            message = f"its bulk values have more than {_MOST_TOGETHER >> 20} MiB"
            raise InputError(message, hint="--bulk file writes each value into a file")
        text = b"".join(self.blocks())
        if not self._file.source.unchanged():
            raise InputError("the file has changed while it was read")
        return text

    def result(self, outputs: list[str], size: int, begun: float) -> Result:
        """Return the result, in which what is lost is a warning."""
        note = "; ".join(self.remarks)
        if self._values and self._options.bulk == "none":
            what = f"{self._values} bulk value{'s' if self._values > 1 else ''} left out"
            note = f"{note}; {what}" if note else what
        record = {
            "file": self._item.path,
            "to": "json",
            "outputs": outputs,
            "data_sets": 1,
            "bytes": size,
            "elapsed_ms": round(1000 * (monotonic() - begun), 1),
        }
        outcome = Outcome.WARNING if self.remarks else Outcome.DONE
        return Result(self._item.path, record, outcome, note=note)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder:
            self._folder.__exit__()


def _told(lost: list[str]) -> str:
    more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    return f"not in JSON: {', '.join(lost[:_SHOWN])}{more}"


# -------------------------------------------------------------------- all in one file


def _together(paths: Iterable[str | Result], options: ToJson, jobs: int) -> Iterator[Result]:
    """Yield the results of those in one file, which is there if any of them is in it."""
    outputs = options.outputs
    results = for_each(paths, partial(_of_many, options), jobs, sought=DIRECTORIES_TOO)
    if outputs.target == STDOUT:
        for result, block in _joined(results, options.together):
            yield result._replace(raw=block or None)
        return
    if os.path.lexists(outputs.target) and not outputs.overwritten:
        raise AlreadyThere(f"there is a file {outputs.target} already", hint="--overwrite replaces it")
    joined = _joined(results, options.together)
    first = b""
    for result, first in joined:
        yield result
        if first:
            break
    if not first:
        return
    try:
        with _making(outputs) as out:
            out.write(first)
            for result, block in joined:
                out.write(block)
                if result.item:
                    yield result
    except OSError as error:
        raise OutputError(f"{outputs.target}: {error.strerror or error}") from error


def _making(outputs: Outputs) -> AbstractContextManager[Any]:
    os.makedirs(os.path.dirname(outputs.target) or os.curdir, exist_ok=True)
    return making(outputs.target, over=outputs.overwritten)


def _joined(results: Iterable[Result], together: Together) -> Iterator[tuple[Result, bytes]]:
    """Yield results, each with the text to write of it, and one about the run for the end of that."""
    before, between, after = _BRACKETS[together]
    begun = False
    for result in results:
        block = result.raw or b""
        if block:
            block = (between if begun else before) + block
            begun = True
        yield result._replace(raw=None), block
    if begun:
        yield Result("", counted=False), after


def _of_many(options: ToJson, item: Input) -> Result:
    begun = monotonic()
    try:
        with item.open() as source:
            file = part10_file(source)
            if options.where and not options.where.of(file, item):
                return Result.unselected(item.path)
            with _Modelled(file, item, options, options.outputs.target) as done:
                text = done.whole_text()
            return done.result([options.outputs.target], len(text), begun)._replace(raw=text)
    except InputError:
        raise
    except DcmtoolsError as error:
        return Result.failed(item.path, error, {"file": item.path})
