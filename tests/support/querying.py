"""C-FIND requests put to archives, and what comes back, in a form that can be compared."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from dcmtools.encoding.dataset import DataSet, items, made, text
from dcmtools.encoding.dictionary import tag_of
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.exchange import invoke, read, responses
from dcmtools.net.status import CANCELED, SUCCESS, is_pending

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dcmtools.net.association import Association

Value: TypeAlias = "str | bytes | Sequence[Mapping[str, Value]]"
Keys: TypeAlias = "Mapping[str, Value]"
Row: TypeAlias = dict[str, object]


@dataclass(frozen=True)
class Answer:
    """The final status of a C-FIND, those of the matches, and what each match holds of the keys."""

    status: int
    pending: frozenset[int] = frozenset()
    rows: list[Row] = field(default_factory=list)
    comment: str = ""

    @property
    def outcome(self) -> str:
        """What the final status is: success, canceled, refused."""
        return {SUCCESS: "success", CANCELED: "canceled"}.get(self.status, "refused")


def identifier(keys: Keys, level: str | None = None, charset: str = "") -> DataSet:
    """The identifier of these keys: keywords, or tags in eight hexadecimal digits; items are keys again."""
    plain = {name: value for name, value in keys.items() if isinstance(value, str)}
    if level is not None:
        plain["QueryRetrieveLevel"] = level
    if charset:
        plain["SpecificCharacterSet"] = charset
    data_set = made(**plain)
    for name, value in keys.items():
        if isinstance(value, bytes):
            data_set[int(name, 16)] = ("LO", value)
        elif not isinstance(value, str):
            data_set[tag_of(name)] = ("SQ", [identifier(each) for each in value])
    return data_set


def put(association: Association, model: str, keys: DataSet, asked: Keys) -> Answer:
    """Put a query; ``asked`` is what the rows of the answer are to hold."""
    context = association.require(model)
    request = invoke(
        association, context, CommandField.C_FIND_RQ, keys, AffectedSOPClassUID=model, Priority=0
    )
    rows, pending = [], set()
    for message in responses(association, context, request):
        status = dimse.number(message.command, "Status")
        data_set = read(association, message)
        if is_pending(status):
            pending.add(status)
            rows.append(_row(data_set, asked))
    return Answer(status, frozenset(pending), rows, dimse.text(message.command, "ErrorComment"))


def _row(data_set: DataSet, asked: Keys) -> Row:
    return {name: _value(data_set, name, value) for name, value in asked.items()}


def _value(data_set: DataSet, name: str, asked: Value) -> object:
    """What the element holds, text or rows; None where it is not there."""
    tag = int(name, 16) if isinstance(asked, bytes) else tag_of(name)
    if tag not in data_set:
        return None
    if isinstance(asked, str | bytes):
        with suppress(ValueError):
            return text(data_set, tag)
        return data_set[tag][1]
    return [_row(item, asked[0] if asked else {}) for item in items(data_set, tag)]
