"""A file's data set in the JSON model, with its bulk values where they were asked to be."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from dcmtools.encoding.bulk import Inline, below, left_out
from dcmtools.encoding.jsonmodel import json_model
from dcmtools.errors import OutputError
from dcmtools.files.answers import answer
from dcmtools.files.bulk import BulkFolder, file_uri
from dcmtools.files.part10 import AFTER_META
from dcmtools.files.source import STDIN
from dcmtools.inspection.filtering import Reading
from dcmtools.inspection.selecting import select
from dcmtools.results import Result

if TYPE_CHECKING:
    from dcmtools.encoding.bulk import Bulk, Placing
    from dcmtools.encoding.jsonmodel import JsonDataSet
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.files.part10 import Part10File
    from dcmtools.inspection.options import DumpOptions

_PENDING = "bulk"


def structured(path: str, file: Part10File, options: DumpOptions) -> Result:
    """Return the result for ``file``: its data set in the JSON model, or the parts that are searched for.

    A value that cannot be placed where it was asked to be fails the file.
    """
    located = below(file_uri(path)) if options.located and path != STDIN else below("")
    place = {"uri": located, "none": left_out}.get(options.bulk, _later)
    reading = Reading(file, options, delimiters=True)
    model = json_model(reading.walker, reading.read, options.decode, place)
    absent: list[TagPath] = []
    if options.search:
        model, found = select(model, options.search)
        absent = [one for one in options.search if one not in found]
    if place is _later:
        with ExitStack() as opened:
            folder = options.bulk == "file"
            into = opened.enter_context(BulkFolder(options.bulk_dir)) if folder else Inline(located)
            try:
                _place(model, into)
            except OutputError as error:
                return Result.failed(path, error, {"file": path})
    record = {"file": path, "transfer_syntax": file.transfer_syntax, "dataset": model}
    # Lines show the meta, too; what is in neither is told of in the same words.
    of_meta = any(wanted.last_top_tag < AFTER_META for wanted in absent)
    return answer(file, path, record, None, absent, "data set" if of_meta else "file")


def _later(value: Bulk) -> dict[str, Any]:
    """Keep ``value`` until it is known whether anybody wants to see it."""
    return {_PENDING: value}


def _place(model: JsonDataSet, into: Placing) -> None:
    pending = [model]
    while pending:
        for element in pending.pop().values():
            if value := element.pop(_PENDING, None):
                element.update(into(value))
            elif element["vr"] == "SQ":
                pending.extend(element.get("Value", ()))
