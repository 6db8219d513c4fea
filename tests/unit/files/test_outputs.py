"""Where what is made of inputs goes."""

from __future__ import annotations

import os
import stat
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import InputError, OutputError, UsageError
from dcmtools.files.archives import Archive
from dcmtools.files.archives.entries import Entry
from dcmtools.files.inputs import Input
from dcmtools.files.made import Made
from dcmtools.files.outputs import Outputs, outputs_for
from dcmtools.files.paths import Paths
from dcmtools.results import Result
from tests.support.archived import zipped

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("study/a/1.dcm", "study/2.dcm", "other/2.dcm", "one.dcm"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"abc")


ALL = ("--in-place", "--overwrite", "--skip-existing")


def outputs(
    target: str | None,
    *paths: str,
    in_place: bool = False,
    overwritten: bool = False,
    options: tuple[str, ...] = ALL,
) -> Outputs:
    return outputs_for(Paths(paths), target, in_place=in_place, overwritten=overwritten, options=options)


def refused(made: Outputs, *paths: str) -> list[str]:
    admitted = made.admitted(paths)
    return [each.error.message for each in admitted if isinstance(each, Result) and each.error]


def test_one_file_becomes_the_file() -> None:
    made = outputs("out.dcm", "one.dcm")
    assert made.path_for(Input("one.dcm")) == "out.dcm"


@pytest.mark.parametrize("target", ["other", "new/"])
def test_one_file_goes_into_a_folder(target: str) -> None:
    assert outputs(target, "one.dcm").path_for(Input("one.dcm")) == os.path.join(target, "one.dcm")


def test_one_folder_is_mirrored() -> None:
    made = outputs("out", "study")
    assert made.path_for(Input("study/a/1.dcm", "study")) == "out/a/1.dcm"
    assert outputs("out", "./study/").path_for(Input("./study/2.dcm", "./study/")) == "out/2.dcm"
    assert outputs("out", ".").path_for(Input("./study/2.dcm", ".")) == "out/study/2.dcm"


def test_several_get_names_of_their_own() -> None:
    made = outputs("out", "study", "other", "one.dcm")
    assert made.path_for(Input("study/2.dcm", "study")) == "out/study/2.dcm"
    assert made.path_for(Input("other/2.dcm", "other")) == "out/other/2.dcm"
    assert made.path_for(Input("one.dcm")) == "out/one.dcm"
    listed = outputs_for(Paths((), "list"), "out", in_place=False, overwritten=False)
    assert listed.path_for(Input("study/2.dcm", "study")) == "out/study/2.dcm"


def test_those_that_would_take_each_others_place_are_refused() -> None:
    made = outputs("out", "study/2.dcm", "other/2.dcm", "other", "./other/")
    told = refused(made, "study/2.dcm", "other/2.dcm", "other", "./other/")
    assert told == [
        f"another input is called {name}, too: give them a folder each" for name in ("2.dcm", "other")
    ]


def test_those_that_get_other_names_may_be_called_alike() -> None:
    for target in ("out", "new.dcm/"):
        made = outputs_for(Paths(["one.dcm"]), target, in_place=False, overwritten=False, renamed=True)
        assert made.folder
        assert refused(made, "study/2.dcm", "other/2.dcm", "-") == []
    assert "is inside of it" in refused(outputs("study/out/", "study")._replace(renamed=True), "study")[0]
    piped = outputs_for(Paths(["one.dcm"]), "-", in_place=False, overwritten=False, renamed=True)
    assert not piped.folder


@pytest.mark.parametrize("target", ["study/out", "study/../study/a"])
def test_no_output_within_an_input(target: str) -> None:
    (told,) = refused(outputs(target, "study"), "study")
    assert told == f"the output folder, {target}, is inside of it"
    assert not refused(outputs("study2", "study"), "study")


@pytest.mark.parametrize("target", ["study", "./study/", "study/a/.."])
def test_the_output_folder_as_input(target: str) -> None:
    (result,) = outputs(target, "study").admitted(["study"])
    assert isinstance(result, Result)
    assert result.error
    assert result.error.message == "it is the output folder itself"
    assert result.error.hint == "--in-place is for that"


@pytest.mark.parametrize("paths", [["one.dcm", "study/2.dcm"], ["study"]])
@pytest.mark.parametrize("name", ["new.dcm", "new.IMA", "new.zip", "new.tar.gz"])
def test_a_folder_that_is_called_like_a_file(name: str, paths: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{name} would be a folder") as caught:
        outputs(name, *paths)
    assert caught.value.hint == f"{name}/ is one, whatever it is called"
    assert outputs(f"{name}/", *paths).folder
    (tmp_path / name).mkdir()
    assert outputs(name, *paths).folder


def test_archives_are_refused_as_a_whole(tmp_path: Path) -> None:
    """There is one line for each, not one for each file in it."""
    (tmp_path / "a.zip").write_bytes(zipped({"1": b"x", "2": b"x"}))
    for made, message, hint in (
        (outputs(None, in_place=True), "in an archive cannot", "-o FOLDER takes what is made of it"),
        (outputs("new.dcm", "a.zip"), "new.dcm would be a folder", "new.dcm/ is one, whatever it is called"),
    ):
        (result,) = made.admitted(["a.zip"])
        assert isinstance(result, Result)
        assert result.error
        assert message in result.error.message
        assert result.error.hint == hint
    assert list(outputs("new", "a.zip").admitted(["a.zip"])) == ["a.zip"]


def test_links_do_not_hide_that(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "study")
    assert refused(outputs("link/out", "study"), "study")


def test_a_file_is_not_its_own_output(tmp_path: Path) -> None:
    os.link(tmp_path / "one.dcm", tmp_path / "two.dcm")
    for target in ("one.dcm", "./one.dcm", "two.dcm", "."):
        with pytest.raises(InputError, match="the same file"):
            outputs(target, "one.dcm", overwritten=True).path_for(Input("one.dcm"))


def test_names_in_archives_are_made_safe() -> None:
    archive = Archive("study.zip", "zip", ())

    def path_for(name: str) -> str:
        item = Input(f"study.zip/{name}", "study.zip", archive, Entry(name))
        return outputs("out", "study.zip").path_for(item)

    assert path_for("a/1.dcm") == "out/a/1.dcm"
    assert path_for(".hidden") == "out/hidden-" + path_for(".hidden").rpartition("-")[2]
    assert path_for("a\x1b[2J").startswith("out/a_2J-")
    for wrong in ("../1.dcm", "a/../../1.dcm", "..", "/../../etc/passwd"):
        with pytest.raises(InputError, match="leads out"):
            path_for(wrong)


def test_in_place(tmp_path: Path) -> None:
    made = outputs(None, "one.dcm", in_place=True)
    (tmp_path / "link").symlink_to("one.dcm")
    (tmp_path / "one.dcm").chmod(0o640)
    path = made.path_for(Input("link"))
    assert path == str(tmp_path / "one.dcm")
    with made.writing(path, Input("link")) as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "one.dcm").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "one.dcm").stat().st_mode) == 0o640
    assert refused(made, "-") == ["standard input has no place to be changed in"]
    with pytest.raises(InputError, match="in an archive"):
        made.path_for(Input("a.zip/1", "a.zip", Archive("a.zip", "zip", ()), Entry("1")))


def test_what_is_there_stays_unless_told_otherwise(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"there is a file other/2\.dcm already") as caught:
        outputs("other/2.dcm", "one.dcm").path_for(Input("one.dcm"))
    assert caught.value.hint == "--overwrite replaces what is there, --skip-existing keeps it"
    with pytest.raises(OutputError) as caught:
        outputs("other/2.dcm", "one.dcm", options=("--overwrite",)).path_for(Input("one.dcm"))
    assert caught.value.hint == "--overwrite replaces what is there"
    made = outputs("other/2.dcm", "one.dcm", overwritten=True)
    with made.writing(made.path_for(Input("one.dcm")), Input("one.dcm")) as file:
        file.write(b"new")
    assert (tmp_path / "other/2.dcm").read_bytes() == b"new"


def test_one_that_comes_in_between_stays(tmp_path: Path) -> None:
    made = outputs("new/out.dcm", "one.dcm")
    with pytest.raises(OutputError, match="already"), made.writing("new/out.dcm", Input("one.dcm")):
        (tmp_path / "new/out.dcm").write_bytes(b"theirs")
    assert (tmp_path / "new/out.dcm").read_bytes() == b"theirs"


def test_a_place_that_cannot_be_written_to() -> None:
    made = outputs("one.dcm/x/out", "study/2.dcm")
    with (
        pytest.raises(OutputError, match=r"one\.dcm/x/out: Not a directory"),
        made.writing(made.target, Input("study/2.dcm")),
    ):
        pass


@pytest.mark.parametrize(
    ("target", "in_place", "paths", "message"),
    [
        (None, False, ["one.dcm"], "give either -o OUT or --in-place"),
        ("x", True, ["one.dcm"], "give either -o OUT or --in-place"),
        ("", False, ["one.dcm"], "the output has no name"),
        ("-", False, ["one.dcm", "study"], "standard output takes one file"),
        ("-", False, ["study"], "standard output takes one file"),
        ("one.dcm", False, ["study"], "one.dcm is a file, and there may be several"),
    ],
)
def test_places_that_make_no_sense(
    target: str | None, in_place: bool, paths: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        outputs(target, *paths, in_place=in_place)


def test_standard_input_has_no_name() -> None:
    assert refused(outputs("out", "-", "study"), "-") == [
        "standard input has no name that it could get in a folder"
    ]
    assert outputs("out.dcm", "-").path_for(Input("-")) == "out.dcm"
    assert outputs("-", "-").path_for(Input("-")) == "-"
    with pytest.raises(InputError, match="takes one file"):
        outputs("-", "a.zip").path_for(Input("a.zip/1", "a.zip", Archive("a.zip", "zip", ()), Entry("1")))


def test_what_was_made_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many files there are, each of which is asked about."""
    pread, taken = os.pread, []

    def counting(fd: int, size: int, offset: int) -> bytes:
        taken.append(pread(fd, size, offset))
        return taken[-1]

    monkeypatch.setattr(os, "pread", counting)
    with Made() as made:
        for number in range(100):
            assert not made.has(f"{number}", Input("one.dcm"))
            made.add(f"{number}", Input("one.dcm"))
            assert made.has(f"{number}", Input("one.dcm"))
    assert len(b"".join(taken)) == 100 * 33


def test_a_path_is_for_the_first_that_claims_it() -> None:
    with Made() as made:
        one, two = Input("a/one.dcm"), Input("b/one.dcm")
        assert made.claim("out", one)
        assert made.claim("out", one)
        assert not made.claim("out", two)
        assert made.claim("other", two)
        assert not made.has("out", one)


def test_notes_that_are_being_written_are_read_whole_or_not_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker may see a part of what another one writes."""
    fstat = os.fstat
    one, two = Input("a/one.dcm"), Input("b/one.dcm")
    with Made() as made, monkeypatch.context() as patch:
        assert made.claim("out", one)
        made.add("out", one)
        patch.setattr(os, "fstat", lambda fd: SimpleNamespace(st_size=fstat(fd).st_size - 20))
        assert not made.has("out", one)
        patch.undo()
        assert made.claim("other", two)
        assert made.has("out", one)
        assert not made.claim("other", one)


def test_only_files_are_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for overwritten in (True, False):
        with pytest.raises(OutputError, match="is no file that could be replaced"):
            outputs("pipe", "one.dcm", overwritten=overwritten).path_for(Input("one.dcm"))


def test_an_archive_is_not_the_output_of_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "study.zip").write_bytes(b"PK")
    item = Input("study.zip/IM1", "", Archive("study.zip", "zip", ()), Entry("IM1"))
    with pytest.raises(InputError, match="the same file"):
        outputs("study.zip", "study.zip/IM1", overwritten=True).path_for(item)


def test_what_the_run_has_made_itself_may_be_made_again(tmp_path: Path) -> None:
    """A worker may die between that and telling of it."""
    with Made() as made:
        run = outputs("new/", "one.dcm")._replace(made=made)
        item, other = Input("one.dcm"), Input("other/one.dcm")
        for text in (b"first", b"again"):
            with run.writing(run.path_for(item), item) as file:
                file.write(text)
        assert (tmp_path / "new" / "one.dcm").read_bytes() == b"again"
        with pytest.raises(OutputError, match="another file of this run"):
            run.path_for(other)
        (tmp_path / "new" / "two").write_bytes(b"theirs")
        with pytest.raises(OutputError, match="already"):
            run.path_for(Input("two"))


def test_hints_are_of_options_that_there_are() -> None:
    (result,) = outputs("study", "study", options=()).admitted(["study"])
    assert isinstance(result, Result)
    assert result.error
    assert result.error.hint == ""
    assert outputs("out", "study", options=()).full("no room").hint == ""
    assert "--skip-existing" in outputs("out", "study").full("no room").hint


def test_a_file_that_would_be_a_folder() -> None:
    with pytest.raises(UsageError, match=r"a file gets its name in a folder, and new\.dcm") as caught:
        outputs_for(
            Paths(["one.dcm"]),
            "new.dcm",
            in_place=False,
            overwritten=False,
            renamed=True,
            options=("--names",),
        )
    assert "--names original" in caught.value.hint


@pytest.mark.parametrize("over", [False, True])
def test_what_is_private_is_for_its_owner_alone(over: bool, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = outputs("new/out", "study", overwritten=over)._replace(private=True)
        item = Input("study/a/1.dcm", "study")
        if over:
            with made._replace(private=False).writing("new/out/a/1.dcm", item) as file:
                file.write(b"old")
        with made.writing(made.path_for(item), item) as file:
            file.write(b"new")
    finally:
        os.umask(before)
    written = tmp_path / "new" / "out" / "a" / "1.dcm"
    assert written.read_bytes() == b"new"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    if not over:
        folders = [written.parent, written.parent.parent, written.parent.parent.parent]
        assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700] * 3
