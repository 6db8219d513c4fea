"""Files of two trees by their SOP Instance UID."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.comparison.matching import Pair, by_uid
from dcmtools.files.inputs import Input
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from pathlib import Path

Files = dict[str, tuple[str, bytes]]


def matched(folder: Path, ours: Files, theirs: Files) -> tuple[list[tuple[str, str]], str, list[str]]:
    """The names of pairs, what was said, and the names of what is left."""
    left, uids = [], []
    for name, files in (("a", ours), ("b", theirs)):
        (folder / name).mkdir()
        for path, (_, content) in files.items():
            (folder / name / path).write_bytes(content)
        left.append({path: Input(str(folder / name / path)) for path in files})
        uids.append({path: uid for path, (uid, _) in files.items()})
    pairs, said = [], ""
    for each in by_uid(left[0], left[1], uids[0], uids[1]):
        if isinstance(each, Pair):
            assert each.a
            assert each.b
            pairs.append((each.a.path.rsplit("/", 1)[1], each.b.path.rsplit("/", 1)[1]))
        else:
            assert isinstance(each, Result)
            assert (each.outcome, each.counted) == (Outcome.WARNING, False)
            said += each.note
    return pairs, said, [*left[0], *left[1]]


def test_files_go_by_their_uid(tmp_path: Path) -> None:
    found = matched(tmp_path, {"x": ("1", b""), "y": ("2", b"")}, {"x": ("2", b""), "z": ("1", b"")})
    assert found == ([("x", "z"), ("y", "x")], "", [])


def test_what_has_no_other_is_left(tmp_path: Path) -> None:
    assert matched(tmp_path, {"x": ("1", b""), "n": ("", b"")}, {"x": ("2", b""), "n": ("", b"")}) == (
        [],
        "",
        ["x", "n", "x", "n"],
    )


def test_of_several_those_of_the_same_bytes_belong_together_then_those_of_one_path(tmp_path: Path) -> None:
    ours = {"1": ("u", b"v1"), "2": ("u", b"v2"), "3": ("u", b"v3"), "4": ("u", b"v4"), "5": ("u", b"v5")}
    theirs = {"p": ("u", b"v2"), "3": ("u", b"other"), "4": ("u", b"v4"), "q": ("u", b"more")}
    pairs, said, left = matched(tmp_path, ours, theirs)
    assert pairs == [("1", "q"), ("2", "p"), ("3", "3"), ("4", "4")]
    assert said == "5 files of the first and 4 files of the second have SOP Instance UID u"
    assert left == ["5"]


def test_several_that_are_all_the_same(tmp_path: Path) -> None:
    files = dict.fromkeys("abc", ("u", b"same"))
    pairs, _, left = matched(tmp_path, files, dict.fromkeys("cd", files["a"]))
    assert pairs == [("a", "d"), ("c", "c")]
    assert left == ["b"]
