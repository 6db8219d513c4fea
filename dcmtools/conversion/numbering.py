"""In what series the files of a run are, which numbers they have there, and how their files are called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.conversion.kinds import IMAGES, found
from dcmtools.conversion.objects import Series
from dcmtools.conversion.origins import (
    FRAME_OF_REFERENCE_UID,
    INSTANCE_NUMBER,
    NOT_OF_ALL,
    SERIES_INSTANCE_UID,
    STUDY_INSTANCE_UID,
)
from dcmtools.editing.derivation import fresh_uid
from dcmtools.encoding.dataset import DataSet, text
from dcmtools.errors import DcmtoolsError
from dcmtools.files.inputs import Input, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.files.outputs import Outputs
    from dcmtools.results import Result

_NUMBERS: Final = re.compile(r"(\d+)")


class Numbered(NamedTuple):
    """A file of a run: its ``series``, its ``number`` there.

    Of one that is not ``alone`` another has the same name but for its ending.
    """

    series: Series
    number: int
    alone: bool = True


def ordered(paths: Iterable[str | Result]) -> Iterator[Input]:
    """Yield the inputs, those of a folder in the order of their names as people count."""
    for path in paths:
        if isinstance(path, str):
            yield from sorted((each for each in find([path]) if isinstance(each, Input)), key=_natural)


def _natural(each: Input) -> list[tuple[int, int, str]]:
    parts = _NUMBERS.split(each.path)
    return [(0, int(part), "") if len(part) < 20 and part.isdecimal() else (1, 0, part) for part in parts]


def numbered(
    paths: Iterable[str | Result], origin: DataSet, title: str, outputs: Outputs
) -> dict[str, Numbered]:
    """Look at what there is, and give each kind a series of its own; what is none is told of later."""
    study = text(origin, STUDY_INSTANCE_UID) or fresh_uid()
    series: dict[str, Series] = {}
    of: dict[str, Numbered] = {}
    names: dict[str, str] = {}  # and who has them
    first = first_number(origin)
    counts: dict[str, int] = {}
    for item in ordered(paths):
        try:
            with item.open() as source:
                kind = found(source).kind
        except DcmtoolsError:
            continue
        if item.path in of:
            continue
        kind = "picture" if kind in IMAGES else kind
        if kind not in series:
            series[kind] = series_of(origin, title, study, len(series) + 1)
        counts[kind] = counts.get(kind, first - 1) + 1
        of[item.path] = Numbered(series[kind], counts[kind])
        other = names.setdefault(_name(outputs, item), item.path)
        for each in {item.path, other} if other != item.path else ():
            of[each] = of[each]._replace(alone=False)
    return of


def _name(outputs: Outputs, item: Input) -> str:
    try:
        return outputs.name_below(item)
    except DcmtoolsError:
        return item.path


def first_number(origin: DataSet) -> int:
    """Return the Instance Number that comes behind that of the object whose series is gone on with."""
    number = text(origin, INSTANCE_NUMBER).strip().lstrip("+")
    return int(number) + 1 if number.isdecimal() and len(number) < 9 else 1


def series_of(origin: DataSet, title: str, study: str = "", number: int = 1) -> Series:
    """Return a series in the study of ``origin``, or else ``study``: its own, or a new one."""
    uid = text(origin, SERIES_INSTANCE_UID) or fresh_uid()
    study = text(origin, STUDY_INSTANCE_UID) or study or fresh_uid()
    frame = text(origin, FRAME_OF_REFERENCE_UID) or fresh_uid()
    common = DataSet()
    common.update({tag: each for tag, each in origin.items() if tag not in NOT_OF_ALL})
    return Series(common, study, uid, frame, number, title)
