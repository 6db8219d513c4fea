"""DICOM files out of JSON (PS3.18 Annex F)."""

from __future__ import annotations

import os
import re
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dcmtools.conversion.bulk_uris import BulkUris
from dcmtools.conversion.part10 import file_of
from dcmtools.conversion.to_json import READABLE
from dcmtools.encoding.jsonreading import ModelError, all_parsed, data_set_of, parsed
from dcmtools.errors import DcmtoolsError, DiskFull, InputError, NotDicom
from dcmtools.files.inputs import Sought
from dcmtools.files.names import safe_name
from dcmtools.files.outputs import STDOUT
from dcmtools.files.part10 import PREFIX_OFFSET
from dcmtools.files.parts import Parts
from dcmtools.files.places import made_of
from dcmtools.files.source import STDIN
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from dcmtools.conversion.part10 import Made
    from dcmtools.files.inputs import Input
    from dcmtools.files.outputs import Outputs
    from dcmtools.files.places import Maker
    from dcmtools.files.source import FileSource

ENDINGS: Final = (".json", ".jsonl", ".ndjson")
SOUGHT: Final = Sought("file of JSON", ENDINGS)
_SHOWN: Final = 3
_GLANCE: Final = 64 * 1024
_MOST_VALUES: Final = 4_000_000
_MOST_DATA_SETS: Final = 200_000
_MODEL: Final = re.compile(rb'"[0-9A-Fa-f]{8}"\s*:\s*\{')
_BOM: Final = b"\xef\xbb\xbf"


class FromJson(NamedTuple):
    """How to write DICOM.

    Bulk values have to be in ``bulk_dir``, by default in the folder of the JSON file. Files are in the
    ``transfer_syntax`` or, without one, in that which the JSON names. Where it is to be ``strict`` no element
    may be other than PS3.5 has it. With ``skip_existing`` files that are there already stay.
    """

    outputs: Outputs
    bulk_dir: str = ""
    transfer_syntax: str = ""
    strict: bool = False
    skip_existing: bool = False


class _Model(NamedTuple):
    """One data set as JSON, and the file ``of`` which it is by the record that it stands in."""

    model: object
    of: str = ""


def from_json(paths: Iterable[str | Result], options: FromJson, jobs: int) -> Iterator[Result]:
    """Yield one result per JSON file below ``paths``; what goes to standard output is in results, too.

    It may hold one data set, an array or JSON Lines of them, or the records of ``dump``.
    """
    return made_of(
        paths,
        options.outputs,
        partial(_one, options),
        jobs,
        skip_existing=options.skip_existing,
        opening=_opened,
        sought=SOUGHT,
    )


def _opened(source: FileSource) -> FileSource:
    """Return ``source`` where it may be JSON; raises InputError."""
    if source.size >= PREFIX_OFFSET + 4 and source.read(PREFIX_OFFSET, 4) == b"DICM":
        message = "a DICOM file, not JSON"
        raise NotDicom(message)
    return source


def _one(options: FromJson, maker: Maker, item: Input, source: FileSource) -> Result:
    begun = monotonic()
    if item.folder and not SOUGHT.names(item.path):
        _require_model(source)
    parts = Parts(maker, item, source)
    found = list(_models(_text(source), parts))
    if not found and not parts.errors:
        raise InputError("there is no data set in it")
    if len(found) > _MOST_DATA_SETS:
        raise InputError(f"{len(found)} data sets are more than {_MOST_DATA_SETS}")
    several = len(found) + len(parts.errors) > 1
    if several and not (maker.outputs.folder or item.folder):
        target = maker.outputs.target
        what = f"there are {len(found) + len(parts.errors)} data sets in it, and {target} takes one"
        raise InputError(what, hint=f"-o {'FOLDER' if target == STDOUT else target}/ takes all")
    warnings: list[str] = []
    size = 0
    for number, model in enumerate(found):
        of = f"data set {number}: " if several else ""
        try:
            made = _made(model, options, item)
        except (InputError, ModelError) as error:
            parts.failed(_said(of, error))
            continue
        warnings += [f"{of}{warning}" for warning in made.warnings]
        if parts.make(_name(maker, item, made, several=several), partial(_write, made)):
            size += sum(map(len, made.blocks))
    record: dict[str, object] = {
        "file": item.path,
        "to": "dicom",
        "data_sets": len(found),
        "bytes": size,
        "elapsed_ms": round(1000 * (monotonic() - begun), 1),
    }
    more = f" and {len(warnings) - _SHOWN} more" if len(warnings) > _SHOWN else ""
    result = parts.result(record, "; ".join(warnings[:_SHOWN]) + more)
    warned = warnings and result.outcome is Outcome.DONE
    return result._replace(outcome=Outcome.WARNING) if warned else result


def _said(of: str, error: Exception) -> DcmtoolsError:
    if isinstance(error, DiskFull):
        raise error
    message = error.message if isinstance(error, DcmtoolsError) else str(error)
    return InputError(f"{of}{message}")


def _write(made: Made, out: BinaryIO) -> None:
    out.writelines(made.blocks)


def _name(maker: Maker, item: Input, made: Made, *, several: bool) -> str:
    """Return what a file is called below the target: as the JSON, or where there are several by its UID."""
    if not (maker.outputs.folder or item.folder):
        return ""
    if item.path == STDIN:
        return f"{safe_name(made.sop_instance_uid)}.dcm"
    own = maker.outputs.name_below(item)
    return os.path.join(os.path.dirname(own), f"{safe_name(made.sop_instance_uid)}.dcm") if several else own


def _made(found: _Model, options: FromJson, item: Input) -> Made:
    own = "" if item.archive or item.path == STDIN else os.path.dirname(os.path.abspath(item.path))
    fence = options.bulk_dir or own
    resolve = BulkUris(own or options.bulk_dir, fence, found.of)
    shortened: list[str] = []
    made = file_of(
        data_set_of(found.model, resolve, shortened), options.transfer_syntax, strict=options.strict
    )
    if shortened:
        made.warnings.append(f"{shortened[0]} is rounded to the 16 characters of a DS")
    return made


# -------------------------------------------------------------------- what is in the file


def _require_model(source: FileSource) -> None:
    """Raise NotDicom unless the file begins as one with data sets does."""
    head = source.read(0, min(source.size, _GLANCE)).removeprefix(_BOM).lstrip()
    if not (head.startswith((b"{", b"[")) and _MODEL.search(head)):
        message = "not a data set in the DICOM JSON model"
        raise NotDicom(message)


def _text(source: FileSource) -> str:
    if source.size > READABLE:
        raise InputError(f"{source.size} bytes of JSON are more than {READABLE >> 20} MiB")
    raw = source.read(0, source.size).removeprefix(_BOM)
    if not raw.strip():
        raise InputError("the file is empty")
    if sum(map(raw.count, (b",", b"{", b"["))) > _MOST_VALUES:
        raise InputError(f"there are more than {_MOST_VALUES} values in it")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8") from None


def _models(text: str, parts: Parts) -> Iterator[_Model]:
    """Yield the data sets in ``text``; what of it is no JSON is noted in ``parts``."""
    first, _, rest = text.strip().partition("\n")
    if rest and _is_json(first):
        for number, line in enumerate(text.split("\n"), 1):
            try:
                for value in all_parsed(line):
                    yield from _of(value)
            except ModelError as error:
                parts.failed(InputError(re.sub(r"^line 1 ", "", f"line {number}: {error}")))
        return
    try:
        for value in all_parsed(text):
            yield from _of(value)
    except ModelError as error:
        parts.failed(InputError(str(error)))


def _is_json(line: str) -> bool:
    try:
        return isinstance(parsed(line), (dict, list))
    except ModelError:
        return False


def _of(value: Any) -> Iterator[_Model]:  # noqa: ANN401  whatever JSON can hold
    """Yield the data sets that one value of JSON is: itself, its items, or what a record holds."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict) and "dataset" in each:
            of = each.get("file", "")
            yield _Model(each["dataset"], of if isinstance(of, str) and of != STDIN else "")
        else:
            yield _Model(each)
