"""What is looked at of a file: at once where one like it came before, and the same whatever the way."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import InputError
from dcmtools.files.inputs import Input
from dcmtools.scanning.layouts import Layouts
from dcmtools.selection.template import Template
from dcmtools.selection.where import Where
from dcmtools.sorting.looking import Looker, facts_of
from dcmtools.sorting.sort import DEFAULT_TEMPLATE
from tests.support.samples import make_ct, named_files

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.sorting.looking import Facts

TEMPLATES = (DEFAULT_TEMPLATE, "{PatientName}_{TransferSyntaxUID}/{Rows}x{Columns}_{file.stem}")


def looked(looker: Looker, item: Input) -> list[Facts] | str:
    try:
        result = looker(item)
    except InputError as error:
        return error.message
    return list(facts_of(result)) or str(result.error or result.selected)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("where", [None, "Modality == CT", "PatientID exists"])
def test_same_by_either_way(template: str, where: str | None, tmp_path: Path) -> None:
    """Each real file, with a twin before it: in a folder, and named for itself."""
    where = where and where.replace("PatientID exists", "exists PatientID")
    quick, slow = (Looker(Template(template), Where(where) if where else None, strict=False) for _ in "12")
    for number, (_, path) in enumerate(named_files()):
        for twin in ("a", "b"):
            copy = tmp_path / f"{number}{twin}"
            shutil.copy(path, copy)
            found = looked(quick, Input(str(copy), str(tmp_path)))
            told = looked(slow, Input(str(copy)))
            if isinstance(found, list) and isinstance(told, list):
                told = [facts._replace(item=Input(str(copy), str(tmp_path))) for facts in told]
            assert found == told, path


def test_alike_files_are_not_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = make_ct(tmp_path, 20, 10_000)
    learnt = []
    monkeypatch.setattr(Layouts, "learn", lambda _, file, learn=Layouts.learn: learnt.append(learn(_, file)))
    looker = Looker(Template("{InstanceNumber:04}"), None, strict=True)
    targets = [facts_of(looker(Input(str(path), str(tmp_path))))[0].target for path in files]
    assert targets == [f"{number:04}" for number in range(1, 21)]
    assert len(learnt) == 1


def test_file_that_goes_meanwhile(tmp_path: Path) -> None:
    (path,) = make_ct(tmp_path, 1, 10_000)
    looker = Looker(Template("{InstanceNumber}"), None, strict=False)
    looker(Input(str(path), str(tmp_path)))
    os.unlink(path)
    with pytest.raises(InputError):
        looker(Input(str(path), str(tmp_path)))


def test_strict_by_either_way(tmp_path: Path) -> None:
    looker = Looker(Template("{PatientComments}"), None, strict=True)
    for path in make_ct(tmp_path, 3, 10_000):
        with pytest.raises(InputError, match="has no PatientComments"):
            looker(Input(str(path), str(tmp_path)))
