"""Runs over files that are not DICOM, names with other endings, and several files made of one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import DiskFull, InputError, NotDicom, OutputError, UsageError
from dcmtools.files.inputs import Input, Sought
from dcmtools.files.outputs import Endings, outputs_for
from dcmtools.files.parts import Parts
from dcmtools.files.paths import Paths
from dcmtools.files.places import made_of
from dcmtools.files.work import for_each
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from dcmtools.files.outputs import Outputs
    from dcmtools.files.places import Maker
    from dcmtools.files.source import FileSource

    Work = Callable[[Maker, Input, FileSource], Result]

WORDS = Sought("list of words", (".words",))
ENDINGS = Endings(".out", (".words", ".txt"))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in {"in/a/one.words": "a b", "in/two": "a c", "in/other.txt": "?"}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def words(source: FileSource) -> FileSource:
    """Take files without question marks."""
    if b"?" in source.read(0, source.size):
        message = "there are no words in it"
        raise NotDicom(message)
    return source


def to(target: str, *paths: str, overwritten: bool = False, renamed: bool = False) -> Outputs:
    return outputs_for(
        Paths(paths), target, in_place=False, overwritten=overwritten, renamed=renamed, endings=ENDINGS
    )


def whole(maker: Maker, item: Input, source: FileSource) -> Result:
    """Copy one file to its place."""
    place = maker.place(item)
    taken = place.taken()
    if taken is None:
        place.copy(source)
    return taken or Result(item.path, {"output": place.path})


def apart(maker: Maker, item: Input, source: FileSource) -> Result:
    """Make a file of each word, whose name it is."""
    parts = Parts(maker, item, source)
    for word in source.read(0, source.size).decode().split():
        parts.make(word, partial(_write, word))
    return parts.result({"file": item.path})


def _write(word: str, out: BinaryIO) -> None:
    if word == "bad":
        raise OutputError("it is a bad word")
    if word == "full":
        raise DiskFull("no room")
    out.write(word.encode())


def run(work: Work, outputs: Outputs, *paths: str, skip: bool = False) -> list[Result]:
    found: Iterator[Result] = made_of(
        paths,
        outputs,
        work,
        1,
        skip_existing=skip,
        opening=words,
        sought=WORDS,
    )
    return list(found)


def files(folder: Path) -> dict[str, str]:
    return {str(each.relative_to(folder)): each.read_text() for each in folder.rglob("*") if each.is_file()}


def test_what_is_no_dicom_is_worked_on_and_gets_another_ending(tmp_path: Path) -> None:
    results = run(whole, to("out", "in"), "in")
    assert [(each.item, each.outcome) for each in results] == [
        ("in/other.txt", Outcome.SKIPPED),
        ("in/two", Outcome.DONE),
        ("in/a/one.words", Outcome.DONE),
    ]
    assert files(tmp_path / "out") == {"a/one.out": "a b", "two.out": "a c"}


def test_what_is_called_so_and_is_none_fails(tmp_path: Path) -> None:
    (tmp_path / "in/bad.words").write_text("?")
    failed = [each.item for each in run(whole, to("out", "in"), "in") if each.error]
    assert failed == ["in/bad.words"]
    assert not Sought("anything", ()).names("in/bad.dcm")


def test_a_folder_without_any_fails(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    (result,) = for_each(["none"], lambda item: Result(item.path), sought=WORDS)
    assert result.error
    assert result.error.message == "no list of words in this folder"


def test_two_that_would_have_one_name_are_not_one(tmp_path: Path) -> None:
    (tmp_path / "in/two.txt").write_text("b")
    results = run(whole, to("out", "in"), "in")
    (failed,) = [each for each in results if each.error]
    assert failed.error
    assert "another file of this run has the name out/two.out" in failed.error.message
    assert files(tmp_path / "out") == {"a/one.out": "a b", "two.out": "a c"}


@pytest.mark.parametrize(
    ("name", "ended"),
    [("a.WORDS", "a.out"), ("1.2.3", "1.2.3.out"), (".words", ".words.out"), ("a.out", "a.out.out")],
)
def test_only_endings_that_are_known_go(name: str, ended: str) -> None:
    assert ENDINGS.put(name) == ended
    assert Endings().put(name) == name


def test_a_target_with_the_new_ending_is_no_folder() -> None:
    with pytest.raises(UsageError, match=r"there may be several files, and all\.out"):
        to("all.out", "in")


def test_each_part_is_a_file(tmp_path: Path) -> None:
    first, second = run(apart, to("out", "in/two", "in/a", renamed=True), "in/two", "in/a")
    assert first.record["outputs"] == ["out/a", "out/c"]
    assert second.record["outputs"] == ["out/b"]
    assert second.error
    assert (
        second.error.message == "1 of 2 files could not be made: another file of this run has the name out/a"
    )
    assert files(tmp_path / "out") == {"a": "a", "c": "c", "b": "b"}


def test_one_part_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "in/two").write_text("a bad a c")
    (result,) = run(apart, to("out", "in/two", renamed=True), "in/two")
    assert result.error
    assert "2 of 4 files could not be made: it is a bad word" in result.error.message
    assert files(tmp_path / "out") == {"a": "a", "c": "c"}


def test_no_room_ends_it(tmp_path: Path) -> None:
    (tmp_path / "in/two").write_text("a full c")
    (result,) = run(apart, to("out", "in/two", renamed=True), "in/two")
    assert isinstance(result.error, DiskFull)
    assert files(tmp_path / "out") == {"a": "a"}


def test_parts_that_are_there(tmp_path: Path) -> None:
    out = to("out", "in/two", renamed=True)
    run(apart, out, "in/two")
    (again,) = run(apart, out, "in/two")
    assert isinstance(again.error, OutputError)
    assert "2 of 2 files could not be made: there is a file of its name in out already" in again.error.message
    (skipped,) = run(apart, out, "in/two", skip=True)
    assert (skipped.outcome, skipped.note) == (Outcome.SKIPPED, "2 of 2 files were there already")
    (tmp_path / "out/a").unlink()
    (rest,) = run(apart, out, "in/two", skip=True)
    assert (rest.outcome, rest.note) == (Outcome.DONE, "1 of 2 files were there already")
    (tmp_path / "out/a").write_text("old")
    (over,) = run(apart, out._replace(overwritten=True), "in/two")
    assert over.outcome is Outcome.DONE
    assert files(tmp_path / "out") == {"a": "a", "c": "c"}


def test_one_place_takes_one_part(tmp_path: Path) -> None:
    (result,) = run(apart, to("new", "in/two"), "in/two")
    assert result.error
    assert "new takes one file" in result.error.message
    assert files(tmp_path)["new"] == "a"
    shown = run(apart, to("-", "in/two"), "in/two")
    assert shown[-1].error
    assert "takes one file" in shown[-1].error.message


@pytest.mark.parametrize("name", ["../a", "/a", "a//b", "a/./b", ""])
def test_no_part_leaves_the_folder(name: str) -> None:
    with pytest.raises(InputError, match="leads out"):
        to("out", "in/two", renamed=True).path_of_part(Input("in/two"), name)


def test_a_part_knows_what_its_input_would_be_called() -> None:
    assert to("out", "in").name_below(Input("in/a/one.words", "in")) == "a/one.out"
