"""Names given to files that ask for the same one, before and after others."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dcmtools.files.inputs import Input
from dcmtools.sorting import deciding
from dcmtools.sorting.content import same_content
from dcmtools.sorting.deciding import Decider, Rules, State
from dcmtools.sorting.looking import Facts
from tests.support.instances import write_instance

if TYPE_CHECKING:
    from pathlib import Path


def facts(path: Path, target: str = "x.dcm") -> Facts:
    status = path.stat()
    uid = f"1.2.{path.stem}"
    return Facts(Input(str(path)), target, uid, status.st_size, status.st_mtime_ns)


def instance(folder: Path, number: int, *, uid: int | None = None) -> Path:
    return write_instance(folder / f"{number}.dcm", SOPInstanceUID=f"1.2.{uid or number}")


def there(folder: Path, number: int, name: str) -> None:
    write_instance(folder / name, SOPInstanceUID=f"1.2.{number}")


def test_content_behind_a_gap_is_found(tmp_path: Path) -> None:
    """Of names that were asked for in vain, one may be that of the next file: of a run that was killed."""
    out = tmp_path / "out"
    for number, name in ((1, "x.dcm"), (2, "x_2.dcm"), (3, "x_3.dcm")):
        there(out, number, name)
    decider = Decider(str(out), Rules())
    decisions = [decider.decide(facts(instance(tmp_path, number))) for number in (9, 2, 8, 1, 3)]
    assert [(each.state, each.target) for each in decisions] == [
        (State.NEW, "x_4.dcm"),
        (State.THERE, "x_2.dcm"),
        (State.NEW, "x_5.dcm"),
        (State.THERE, "x.dcm"),
        (State.THERE, "x_3.dcm"),
    ]


def test_gaps_are_filled(tmp_path: Path) -> None:
    out = tmp_path / "out"
    there(out, 2, "x_2.dcm")
    decider = Decider(str(out), Rules())
    decisions = [decider.decide(facts(instance(tmp_path, number))) for number in (1, 5, 2)]
    assert [each.target for each in decisions] == ["x.dcm", "x_3.dcm", "x_2.dcm"]


@pytest.mark.parametrize("before", [0, 300])
def test_many_of_one_name_are_linear(before: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    for number in range(before):
        there(out, 1000 + number, f"x_{number + 1}.dcm" if number else "x.dcm")
    asked = []

    def counted(item: Input, other: Input) -> bool:
        asked.append(item)
        return same_content(item, other)

    monkeypatch.setattr(deciding, "same_content", counted)
    decider = Decider(str(out), Rules())
    for number in range(1, 301):
        decider.decide(facts(instance(tmp_path, number)))
    assert len(asked) <= before


def test_what_was_undone_is_free(tmp_path: Path) -> None:
    decider = Decider(str(tmp_path / "out"), Rules())
    one = facts(instance(tmp_path, 1))
    decision = decider.decide(one)
    decider.undone(one, decision)
    assert decider.decide(one) == decision
    two = facts(instance(tmp_path, 2))
    assert decider.decide(two).target == "x_2.dcm"


def test_what_is_the_same_takes_no_name_back(tmp_path: Path) -> None:
    decider = Decider(str(tmp_path / "out"), Rules())
    one = facts(instance(tmp_path, 1))
    decider.decide(one)
    again = decider.decide(one)
    assert again.state is State.IDENTICAL
    decider.undone(one, again)
    assert decider.decide(facts(instance(tmp_path, 2))).target == "x_2.dcm"


def test_name_that_has_become_free(tmp_path: Path) -> None:
    """As where a folder is sorted within itself."""
    out = tmp_path / "out"
    there(out, 9, "x.dcm")
    there(out, 8, "y.dcm")
    decider = Decider(str(out), Rules())
    assert decider.decide(facts(instance(tmp_path, 1), "z.dcm")).target == "z.dcm"
    os.unlink(out / "x.dcm")
    assert decider.decide(facts(instance(tmp_path, 2))).target == "x.dcm"
    assert decider.decide(facts(instance(tmp_path, 3), "Y.dcm")).target == "Y_2.dcm"
