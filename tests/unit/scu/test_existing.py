"""What is complete in a folder, and how to retrieve the rest."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from dcmtools.archive.storage import Storage
from dcmtools.query.models import Level
from dcmtools.scu.contents import Holding
from dcmtools.scu.existing import Existing, remaining
from dcmtools.scu.selection import Retrieval
from tests.support.served import CT, EXPLICIT, data_set

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STUDY, SERIES = "1.2.3", "1.2.3.1"


def holding(uid: str, study: str = STUDY, series: str = SERIES) -> Holding:
    return Holding("", study, series, uid, CT)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    held = Storage(str(tmp_path / "kept"), durable=False)
    yield held
    held.close()


def keep(storage: Storage, uid: str, patient: str = "P1", data: bytes | None = None) -> str:
    from dcmtools.files.meta import file_meta

    with storage.begin() as part:
        part.write(file_meta(CT, uid, EXPLICIT, "TESTER"), data or data_set(uid))
        return part.keep(patient, STUDY, SERIES, uid).path


def test_an_instance_is_found_whoever_its_patient_is(storage: Storage) -> None:
    path = keep(storage, "1.1", "Ä/../x")
    assert Existing(storage).path_of(holding("1.1")) == path


@pytest.mark.parametrize(
    "other", [holding("1.2"), holding("1.1", study="1.9"), holding("1.1", series="1.9"), holding("..")]
)
def test_others_are_not_there(storage: Storage, other: Holding) -> None:
    keep(storage, "1.1")
    assert Existing(storage).path_of(other) == ""


@pytest.mark.parametrize(
    "data",
    [data_set("1.1")[:-1], data_set("1.9"), data_set("1.1", series="1.9"), data_set("1.1", study="1.9")],
    ids=["cut short", "another instance", "another series", "another study"],
)
def test_a_file_that_is_not_what_its_name_says_does_not_count(storage: Storage, data: bytes) -> None:
    keep(storage, "1.1", data=data)
    assert Existing(storage).path_of(holding("1.1")) == ""


def test_links_and_hidden_folders_do_not_count(storage: Storage, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    keep(storage, "1.1", "P1")
    shutil.move(kept / "P1", tmp_path / "elsewhere")
    (kept / "P1").symlink_to(tmp_path / "elsewhere")
    shutil.copytree(tmp_path / "elsewhere", kept / ".hidden")
    assert Existing(storage).path_of(holding("1.1")) == ""


def test_what_is_not_there_of_a_series() -> None:
    holdings = [holding(f"1.{number}") for number in range(7)]
    assert list(remaining(holdings, {"1.0": "a", "1.3": "b"}, at_once=3)) == [
        Retrieval(Level.IMAGE, "", STUDY, SERIES, ("1.1", "1.2", "1.4")),
        Retrieval(Level.IMAGE, "", STUDY, SERIES, ("1.5", "1.6")),
    ]


def test_whole_series_are_retrieved_as_such_and_complete_ones_not() -> None:
    holdings = [holding("1.1"), holding("1.2", series="1.5"), holding("1.3", series="1.5")]
    assert list(remaining(holdings, {"1.1": "a"})) == [Retrieval(Level.SERIES, "", STUDY, "1.5")]
    assert list(remaining(holdings, {})) == [
        Retrieval(Level.SERIES, "", STUDY, SERIES),
        Retrieval(Level.SERIES, "", STUDY, "1.5"),
    ]
    assert list(remaining(holdings, dict.fromkeys(("1.1", "1.2", "1.3"), "a"))) == []
