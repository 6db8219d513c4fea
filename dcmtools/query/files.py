"""Keys out of a file: DICOM with or without preamble and meta, or the DICOM JSON model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.dataset import DataSet, read, text
from dcmtools.encoding.dictionary import name_of
from dcmtools.encoding.forms import check_key
from dcmtools.encoding.values import CHARSET_VRS, TEXT_VRS
from dcmtools.errors import InputError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from dcmtools.encoding.dataset import Value

_MOST: Final = 4 * 1024 * 1024


def read_keys(path: str) -> DataSet:
    """Return the keys in the file at ``path``, ``-`` for standard input, text in UTF-8.

    Raises InputError where there is no data set, or a value that is no key for its VR (PS3.4 C.2.2.2).
    """
    try:
        with FileSource.open(path) as source:
            keys = _read(source)
            _check(keys)
    except (ValueError, InputError) as error:
        raise InputError(f"{path}: {error}") from None
    return keys


def _read(source: FileSource) -> DataSet:
    if source.size > _MOST:
        raise InputError(f"{source.size} bytes are too many for a query")
    data = source.read(0, source.size)
    keys = _from_json(data) if data.lstrip()[:1] in (b"{", b"[") else _from_dicom(source)
    if not keys:
        raise InputError("there is no key in it")
    return keys


def _from_json(data: bytes) -> DataSet:
    import json

    from dcmtools.encoding.jsonreading import data_set_of

    try:
        model = json.loads(data)
    except RecursionError:
        message = "it is nested too deep"
        raise ValueError(message) from None
    if isinstance(model, list) and len(model) == 1:
        model = model[0]
    return data_set_of(model)


def _from_dicom(source: FileSource) -> DataSet:
    file = LenientFile(source)
    keys = _in_utf_8(read(file.walk()))
    if file.serious:
        raise InputError(str(next(problem for problem in file.problems if problem.serious)))
    return keys


def _in_utf_8(data_set: DataSet) -> DataSet:
    decode = decoder_of(data_set.charset)
    converted = DataSet()
    for tag, (vr, value) in data_set.items():
        other: Value = value
        if isinstance(value, list):
            other = [_in_utf_8(item) for item in value]
        elif vr in CHARSET_VRS:
            other = decode(value).encode("utf-8", "surrogateescape")
        converted[tag] = (vr, other)
    return converted


def _check(keys: DataSet) -> None:
    for tag, (vr, value) in keys.items():
        try:
            if isinstance(value, list):
                for item in value:
                    _check(item)
            elif vr in TEXT_VRS:
                check_key(vr, text(keys, tag))
        except ValueError as error:
            message = f"{name_of(tag)}: {error}"
            raise ValueError(message) from None
