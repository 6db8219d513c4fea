"""What a C-FIND has found, as results: records, rows of chosen columns, files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.dataset import DataSet, items, meaning, text
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.picking import pick
from dcmtools.encoding.syntax import encoding_of
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET, format_tag
from dcmtools.errors import DamagedError, InputError, OutputError
from dcmtools.net.status import status_text
from dcmtools.query.keys import LEVEL_COLUMN
from dcmtools.query.models import UNIQUE_KEYS
from dcmtools.results import Outcome, Result
from dcmtools.scu.finding import END

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.errors import DcmtoolsError
    from dcmtools.query.keys import Column
    from dcmtools.query.models import Level
    from dcmtools.scu.finding import Match

# The record fields of the unique keys, from the top down.
_FIELDS: Final = ("patient_id", "study_instance_uid", "series_instance_uid", "sop_instance_uid")
# A tag above all that is looked for.
_ABOVE_ALL: Final = 0xFFFC0000
_MOST_KNOWN: Final = 4096


class Found:
    """Makes a result of each match of the ``peer``.

    Its record holds the values of ``columns`` by their names or, where there are none, the fields of JSON
    Lines, the data set among them. With ``extract`` each identifier becomes a file in that folder, a number
    and its unique key for a name. ``charset`` is that of identifiers which name none.
    """

    def __init__(
        self, peer: str, columns: Sequence[Column] = (), extract: str | None = None, charset: bytes = b""
    ) -> None:
        """Begin with no match; raises OutputError where the folder cannot be made."""
        self._peer = peer
        self._columns = columns
        self._extract = extract
        self._charset = charset
        self._count = 0
        self._names = [column.name for column in columns]
        self._plain = {column.tags[0]: column.name for column in columns if len(column.tags) == 1}
        self._known: tuple[bytes, dict[bytes, str]] = (b"", {})
        self._wanted = {SPECIFIC_CHARACTER_SET, *self._plain}
        self._glances = bool(columns) and len(self._plain) == len(columns) and extract is None
        if extract is not None:
            try:
                os.makedirs(extract, exist_ok=True)
            except OSError as error:
                raise OutputError(f"{extract}: {error.strerror}") from error

    def result(self, match: Match, identifier: DataSet, sop_class_uid: str, level: Level | None) -> Result:
        """Return the result for ``match``, an answer to ``identifier``; a failed one where it is broken."""
        self._count += 1
        row = self._glance(match) if self._glances else None
        if row is not None:
            self._place(row, identifier, level)
            return Result(self._peer, row, counted=False)
        return self._read(match, identifier, sop_class_uid, level)

    def _read(self, match: Match, identifier: DataSet, sop_class_uid: str, level: Level | None) -> Result:
        try:
            data_set = match.data_set(self._charset)
        except InputError as error:
            told = DamagedError(f"match {self._count} is broken: {error.message}")
            return self.failed(level, told, status_text(match.status))
        record: dict[str, object]
        if self._columns:
            record = {column.name: _cell(data_set, column.tags) for column in self._columns}
            self._place(record, identifier, level)
        else:
            record = self._record(match, data_set, identifier, level)
        try:
            if self._extract is not None:
                record["file"] = self._write(match, data_set, sop_class_uid, level)
        except OSError as error:
            why = OutputError(f"match {self._count}: {self._extract}: {error.strerror}")
            return Result(self._peer, record, Outcome.FAILED, error=why, counted=False)
        return Result(self._peer, record, counted=False)

    def failed(self, level: Level | None, error: DcmtoolsError, status: str | None = None) -> Result:
        """Return a failed result, at ``level``, that has nothing else to show."""
        record = {"peer": self._peer, "level": level, **dict.fromkeys((*_FIELDS, "status", "dataset"))}
        record["status"] = status
        return Result(self._peer, record, Outcome.FAILED, text="", error=error, counted=False)

    def _place(self, row: dict[str, object], identifier: DataSet, level: Level | None) -> None:
        """Add to a row of a walk the level, and unique keys above that the peer leaves out."""
        if LEVEL_COLUMN.name in row:
            row[LEVEL_COLUMN.name] = level
            for tag in UNIQUE_KEYS.values():
                if tag in identifier and not row[self._plain[tag]]:
                    row[self._plain[tag]] = text(identifier, tag)

    def _record(
        self, match: Match, data_set: DataSet, identifier: DataSet, level: Level | None
    ) -> dict[str, object]:
        from dcmtools.encoding.jsonmodel import model_of

        return {
            "peer": self._peer,
            "level": level,
            **_unique_keys(data_set, identifier),
            "status": status_text(match.status),
            "dataset": model_of(data_set),
        }

    def _glance(self, match: Match) -> dict[str, object] | None:
        """Return the row where the top of the identifier has all of it, which mostly takes no walk."""
        encoding = encoding_of(match.transfer_syntax_uid)
        data = match.data + END
        picked = pick(data, 0, encoding, self._wanted, stop=_ABOVE_ALL)
        if not match.data or picked is None or picked[1] != len(match.data):
            return None
        row: dict[str, object] = dict.fromkeys(self._names)
        names, charset = self._plain, self._charset
        known = self._known_in(charset)
        for tag, vr, at, start, length, _ in picked[0]:
            if tag == SPECIFIC_CHARACTER_SET:
                charset = data[start : start + length]
                known = self._known_in(charset)
                continue
            key = data[at : start + length]
            cell = known.get(key)
            if cell is None:
                cell = "\\".join(meaning(tag, vr, data[start : start + length], decoder_of(charset)))
                known[key] = cell
            row[names[tag]] = cell
        return row

    def _known_in(self, charset: bytes) -> dict[bytes, str]:
        """Return the cells of elements that have been met, in a character set, before they grow too many."""
        if charset != self._known[0] or len(self._known[1]) > _MOST_KNOWN:
            self._known = (charset, {})
        return self._known[1]

    def _write(self, match: Match, data_set: DataSet, sop_class_uid: str, level: Level | None) -> str:
        """Write the identifier as it came, with file meta information, and return the path."""
        from dcmtools.files.meta import file_meta
        from dcmtools.files.names import safe_name
        from dcmtools.replacing import replacing

        unique = text(data_set, UNIQUE_KEYS[level]) if level else ""
        number = f"{self._count:06d}"
        name = f"{number}-{safe_name(unique)}.dcm" if unique else f"{number}.dcm"
        path = os.path.join(str(self._extract), name)
        meta = file_meta(sop_class_uid, _generated_uid(), match.transfer_syntax_uid)
        with replacing(path, durable=False) as file:
            file.write(meta)
            file.write(match.data)
        return path


def _unique_keys(data_set: DataSet, identifier: DataSet) -> dict[str, str | None]:
    """Return the unique keys that the match tells or, as it has to be, that were asked for."""
    known = {}
    for field, tag in zip(_FIELDS, UNIQUE_KEYS.values(), strict=True):
        asked = text(identifier, tag)
        known[field] = text(data_set, tag) or (asked if not set(asked) & set("*?\\") else "") or None
    return known


def _cell(data_set: DataSet, tags: tuple[int, ...]) -> str | None:
    """Return the values at a path, of all items on it, a backslash between them."""
    tag, *more = tags
    if tag not in data_set:
        return None
    if more:
        cells = [_cell(item, tuple(more)) for item in items(data_set, tag)]
        return "\\".join([cell for cell in cells if cell])
    count = len(items(data_set, tag))
    return f"({count} items)" if count > 1 else "(1 item)" if count else text(data_set, tag)


def _generated_uid() -> str:
    """Return a UID that nobody else has (PS3.5 B.2)."""
    from uuid import uuid4

    return f"2.25.{uuid4().int}"


def missing_keys(identifier: DataSet, data_set: DataSet) -> list[str]:
    """Return the names of the keys that an answer does not have."""
    return [lookup(tag)[2] or format_tag(tag) for tag in identifier if tag not in data_set]
