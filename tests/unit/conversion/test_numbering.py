"""Series and numbers of the files that one run wraps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.conversion.numbering import first_number, numbered, ordered
from dcmtools.encoding.dataset import DataSet, made
from dcmtools.files.outputs import Endings, Outputs

if TYPE_CHECKING:
    from pathlib import Path

PDF = b"%PDF-1.4\n%%EOF"
PNG = b"\x89PNG\r\n\x1a\n"
OUTPUTS = Outputs("out", folder=True, endings=Endings(".dcm", (".pdf", ".png", ".jpg")))


def test_names_are_in_the_order_in_which_people_count(tmp_path: Path) -> None:
    names = ["a1b10", "a1b2", "a2", "a10", "b", "1" * 5000, "a²"]
    for name in names:
        (tmp_path / name).write_bytes(PDF) if len(name) < 200 else None
    found = [item.path.rpartition("/")[2] for item in ordered([str(tmp_path)])]
    assert found == ["a1b2", "a1b10", "a2", "a10", "a²", "b"]


def test_kinds_are_series_and_arguments_keep_their_order(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("z.pdf", "b.png", "a.pdf", "no.txt", "b.jpg")]
    for path in paths:
        path.write_bytes({".pdf": PDF, ".txt": b"text"}.get(path.suffix, PNG))
    of = numbered([*map(str, paths), str(paths[0])], DataSet(), "", OUTPUTS)
    assert [(path.rpartition("/")[2], each.number, each.alone) for path, each in of.items()] == [
        ("z.pdf", 1, True),
        ("b.png", 1, False),
        ("a.pdf", 2, True),
        ("b.jpg", 2, False),
    ]
    z, b, a, j = of.values()
    assert z.series is a.series
    assert b.series is j.series
    assert z.series.study_uid == b.series.study_uid
    assert z.series.series_uid != b.series.series_uid


@pytest.mark.parametrize(("told", "first"), [("", 1), ("7", 8), (" 12 ", 13), ("-3", 1), ("9" * 12, 1)])
def test_numbers_go_on(told: str, first: int) -> None:
    origin = DataSet()
    origin.update(made(InstanceNumber=told))
    assert first_number(origin) == first
