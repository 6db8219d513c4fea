"""``dicomdir extract``: what is on a medium comes out, whatever is wrong with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dcmtools.files.medium import FolderMedium
from dcmtools.sorting.acting import copied
from tests.support import samples
from tests.support.file_sets import NAMES, ROOT, Draft, medium
from tests.support.run import Run, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcmtools.files.inputs import Input

SORTED = [
    "P1/20240102_Head/0001_CT/00001.dcm",
    "P1/20240102_Head/0001_CT/00002.dcm",
    "P1/20240102_Head/0002_CT/00001.dcm",
    "P2/20240102_Head/0003_CT/00001.dcm",
]
LOWER = "OffsetOfReferencedLowerLevelDirectoryEntity"


def _extract(path: Path, *more: object) -> Run:
    return run("dicomdir", "extract", path, *more)


def _paths(path: Path, *more: object) -> list[str]:
    done = _extract(path, *more)
    assert done.status == 0, done.stderr
    return done.stdout.splitlines()


def _in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# ---------------------------------------------------------------- paths


def test_without_a_folder_to_put_them_in_paths_are_written(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    expected = [str(folder / name) for name in NAMES]
    assert _paths(folder) == expected
    assert _paths(folder / "DICOMDIR") == expected
    assert _extract(folder, "-0").stdout.split("\0") == [*expected, ""]
    records = _extract(folder, "--format", "json").records
    assert [record["file"] for record in records] == expected


def test_paths_are_relative_where_the_medium_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    medium(tmp_path / "m")
    monkeypatch.chdir(tmp_path / "m")
    assert _paths(Path()) == list(NAMES)
    assert _paths(Path("DICOMDIR")) == list(NAMES)


def test_names_may_have_another_case_and_the_endings_of_a_disc(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    os.rename(folder / "DICOM", folder / "dicom")
    os.rename(folder / "DICOMDIR", folder / "dicomdir")
    last = folder / "dicom" / "P2" / "ST1" / "SE1"
    os.rename(last / "IM1", last / "im1.;1")
    assert len(_paths(folder)) == len(NAMES)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        (["--patient", "P1"], [0, 1, 2]),
        (["--patient", "P2"], [3]),
        (["--patient", "P1", "--patient", "P2"], [0, 1, 2, 3]),
        (["--study", f"{ROOT}.2.2"], [3]),
        (["--series", f"{ROOT}.3.2"], [2]),
        (["--patient", "P1", "--series", f"{ROOT}.3.1", "--series", f"{ROOT}.3.2"], [0, 1, 2]),
        (["--where", "InstanceNumber == 2"], [1]),
        (["--patient", "P1", "--where", "InstanceNumber == 1"], [0, 2]),
    ],
)
def test_some_are_selected(tmp_path: Path, asked: list[str], numbers: list[int]) -> None:
    folder = medium(tmp_path / "m")
    assert _paths(folder, *asked) == [str(folder / NAMES[number]) for number in numbers]


def test_selection_by_records_opens_no_file(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    for name in NAMES:
        (folder / name).write_bytes(b"no DICOM")
    assert len(_paths(folder, "--patient", "P1")) == 3


@pytest.mark.parametrize("more", [[], ["-o", "out"]])
def test_where_nothing_is_selected_nothing_is_done(tmp_path: Path, more: list[str]) -> None:
    folder = medium(tmp_path / "m")
    done = _extract(folder, "--patient", "P3", *more)
    assert (done.status, done.stdout) == (3, "")
    assert "no record is of patient P3" in done.stderr
    assert not Path("out").exists()
    assert _extract(folder, "--patient", "P1", "--study", f"{ROOT}.2.2").status == 3  # of another patient
    assert _extract(folder, "--where", "InstanceNumber == 9").status == 3


def test_what_is_of_no_record_is_told_where_something_is_found(tmp_path: Path) -> None:
    done = _extract(medium(tmp_path / "m"), "--patient", "P3", "--patient", "P2")
    assert (done.status, len(done.stdout.splitlines())) == (1, 1)
    assert "no record is of patient P3" in done.stderr


def test_an_empty_medium_has_nothing(tmp_path: Path) -> None:
    assert _extract(medium(tmp_path / "m", lambda draft: draft.roots.clear())).status == 3


# ---------------------------------------------------------------- a sorted tree


def test_files_are_copied_into_a_sorted_tree(tmp_path: Path) -> None:
    folder, out = medium(tmp_path / "m"), tmp_path / "out"
    done = _extract(folder, "-o", out)
    assert (done.status, done.stderr) == (0, "4 copied\n")
    assert _in(out) == SORTED
    for name, path in zip(NAMES, SORTED, strict=True):
        assert (out / path).read_bytes() == (folder / name).read_bytes()
    again = _extract(folder, "-o", out)
    assert (again.status, again.stderr) == (0, "0 copied (4 there already)\n")


def test_names_and_what_is_done_are_for_the_user_to_say(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    done = _extract(folder, "-o", tmp_path / "out", "-t", "{PatientID}/{SOPInstanceUID}", "--link", "hard")
    assert (done.status, done.stderr) == (0, "4 linked\n")
    assert (tmp_path / "out" / "P2" / f"{ROOT}.4.3.1").samefile(folder / NAMES[3])


def test_nothing_is_done_ahead(tmp_path: Path) -> None:
    done = _extract(medium(tmp_path / "m"), "-o", tmp_path / "out", "--dry-run")
    assert (done.status, done.stderr) == (0, "4 planned\n")
    assert not (tmp_path / "out").exists()


def test_what_has_a_name_already_is_not_replaced_unless_asked(tmp_path: Path) -> None:
    folder, out = medium(tmp_path / "m"), tmp_path / "out"
    (out / SORTED[0]).parent.mkdir(parents=True)
    (out / SORTED[0]).write_bytes(b"mine")
    failed = _extract(folder, "-o", out, "--on-conflict", "fail")
    assert (failed.status, (out / SORTED[0]).read_bytes()) == (1, b"mine")
    assert _extract(folder, "-o", out, "--on-conflict", "overwrite").status == 0
    assert (out / SORTED[0]).read_bytes() == (folder / NAMES[0]).read_bytes()


@pytest.mark.parametrize("where", ["", "DICOM", "new/folder"])
def test_nothing_is_written_to_the_medium(tmp_path: Path, where: str) -> None:
    folder = medium(tmp_path / "m")
    before = _in(folder)
    done = _extract(folder, "-o", folder / where)
    assert (done.status, _in(folder)) == (2, before)
    assert "is on the medium" in done.stderr


def test_nothing_is_overwritten_around_the_medium(tmp_path: Path) -> None:
    done = _extract(medium(tmp_path / "m"), "-o", tmp_path, "--on-conflict", "overwrite")
    assert done.status == 2
    assert _extract(tmp_path / "m", "-o", tmp_path).status == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--template", "{PatientID}"],
        ["--link", "hard"],
        ["--dry-run"],
        ["--on-conflict", "skip"],
        ["-o", "out", "-0"],
        ["-o", "out", "--copy", "--link", "hard"],
        ["-0", "--format", "json"],
        ["-o", ""],
        ["-o", "-"],
        ["--patient", ""],
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, options: list[str]) -> None:
    assert _extract(medium(tmp_path / "m"), *options).status == 2


# ---------------------------------------------------------------- archives


def test_files_come_out_of_an_archive(tmp_path: Path) -> None:
    medium(tmp_path / "m")
    archive = shutil.make_archive(str(tmp_path / "burn"), "zip", tmp_path, "m")
    assert _extract(Path(archive), "-o", tmp_path / "out", "--patient", "P1").stderr == "3 copied\n"
    assert _in(tmp_path / "out") == SORTED[:3]
    assert _extract(Path(archive)).status == 2  # they have no paths of their own


# ---------------------------------------------------------------- what is damaged


def _set(kind: str, keyword: str, value: object, draft: Draft) -> None:
    setattr(draft.of(kind).values, keyword, value)


def test_what_is_missing_is_named_and_the_rest_comes_out(tmp_path: Path) -> None:
    folder, out = medium(tmp_path / "m"), tmp_path / "out"
    (folder / NAMES[1]).unlink()
    (folder / NAMES[2]).write_bytes(b"no DICOM at all" * 20)
    done = _extract(folder, "-o", out)
    assert done.status == 1
    assert _in(out) == [SORTED[0], SORTED[3]]
    assert f"{NAMES[1].replace('/', chr(92))}: " in done.stderr or "IM2" in done.stderr
    assert f"{folder / NAMES[2]}: not a DICOM file" in done.stderr
    assert "2 copied, 2 failed" in done.stderr
    paths = _extract(folder)
    assert (paths.status, len(paths.stdout.splitlines())) == (1, 3)


@pytest.mark.parametrize("offset", [0, 7, 10**9])
@pytest.mark.parametrize("kind", ["PATIENT", "STUDY", "SERIES"])
def test_wrong_offsets_keep_nothing_from_coming_out(tmp_path: Path, kind: str, offset: int) -> None:
    folder = medium(tmp_path / "m", spoil=partial(_set, kind, LOWER, offset))
    done = _extract(folder, "-o", tmp_path / "out")
    assert (done.status, _in(tmp_path / "out")) == (0, SORTED)


def test_loops_come_to_an_end(tmp_path: Path) -> None:
    def around(draft: Draft) -> None:
        for record in draft.records:
            setattr(record.values, LOWER, draft.roots[0].offset)

    assert len(_paths(medium(tmp_path / "m", spoil=around))) == len(NAMES)


def test_a_dicomdir_that_is_cut_off_gives_what_it_has_and_is_not_passed_in_silence(tmp_path: Path) -> None:
    path = medium(tmp_path / "m") / "DICOMDIR"
    path.write_bytes(path.read_bytes()[:-300])
    done = _extract(path.parent, "-o", tmp_path / "out")
    assert done.status == 1
    assert _in(tmp_path / "out") == SORTED[:3]
    assert "records may be lost" in done.stderr


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-reordered"])
def test_real_ones_come_out_whole(tmp_path: Path, name: str) -> None:
    done = _extract(samples.real_file(f"dicomdirtests/{name}"), "-o", tmp_path / "out")
    assert (done.status, len(_in(tmp_path / "out"))) == (0, 31)


def test_what_stands_in_two_records_comes_out_once(tmp_path: Path) -> None:
    def again(draft: Draft) -> None:
        draft.of("SERIES").below.append(draft.of("IMAGE"))

    assert len(_paths(medium(tmp_path / "m", again))) == len(NAMES)


# ---------------------------------------------------------------- hostile File IDs


HOSTILE = {
    "above": ["..", "secret"],
    "far above": [".."] * 6 + ["etc", "passwd"],
    "up and down": ["DICOM", "..", "..", "secret"],
    "absolute": ["", "etc", "passwd"],
    "one component": ["/etc/passwd"],
    "slashes": ["DICOM/../../secret"],
    "itself": ["."],
    "nothing": ["", ""],
    "a device": ["/dev/zero"],
    "a NUL": ["DICOM\0", "P1"],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_outside_of_the_medium_is_touched(tmp_path: Path, name: str) -> None:
    shutil.copy(samples.ct(), tmp_path / "secret")
    value = "\\".join(HOSTILE[name]).encode()

    def spoil(draft: Draft) -> None:
        draft.of("IMAGE").values.add_new(0x00041500, "UN", value + bytes(len(value) % 2))

    folder, out = medium(tmp_path / "m", spoil), tmp_path / "out"
    for more in ((), ("-o", out), ("--where", "Modality == CT")):
        done = _extract(folder, *more)
        assert done.status == 1
        assert "secret" not in done.stdout
        assert "passwd" not in done.stdout
        assert len(done.stdout.splitlines()) == len(NAMES) - 1
    assert _in(out) == SORTED[1:]


@pytest.mark.parametrize("link", ["DICOM", "DICOM/P1", NAMES[0]])
def test_links_that_lead_out_are_not_followed(tmp_path: Path, link: str) -> None:
    folder, outside = medium(tmp_path / "m"), tmp_path / "outside"
    shutil.move(folder / link, outside)
    (folder / link).symlink_to(outside)
    done = _extract(folder, "-o", tmp_path / "out")
    assert done.status == (3 if link == "DICOM" else 1)
    assert not any(f"{NAMES[0]}" in line for line in done.stdout.splitlines())
    expected = {"DICOM": [], "DICOM/P1": SORTED[3:], NAMES[0]: SORTED[1:]}
    assert _in(tmp_path / "out") == expected[link]


def test_links_within_the_medium_are(tmp_path: Path) -> None:
    folder = medium(tmp_path / "m")
    os.rename(folder / "DICOM", folder / "DATA")
    (folder / "DICOM").symlink_to("DATA")
    assert len(_paths(folder)) == len(NAMES)


# ---------------------------------------------------------------- ended early


def test_a_pipe_that_is_closed_ends_it_quietly(tmp_path: Path) -> None:
    command = f"{sys.executable} -m dcmtools dicomdir extract {medium(tmp_path / 'm')} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


def test_ctrl_c_ends_it_between_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out = medium(tmp_path / "m"), tmp_path / "out"
    calls = iter(range(3))

    def stopped(*args: object) -> None:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        copied(*args)  # type: ignore[arg-type]  # whatever they are

    with monkeypatch.context() as patched:
        patched.setattr("dcmtools.sorting.sort.copied", stopped)
        done = _extract(folder, "-o", out)
    assert (done.status, _in(out)) == (130, SORTED[:3])
    assert "the same command goes on" in done.stderr
    assert _extract(folder, "-o", out).stderr == "1 copied (3 there already)\n"


def test_a_record_in_the_place_of_another_gives_nobody_anothers_files(tmp_path: Path) -> None:
    def cross(draft: Draft) -> None:
        for study in (draft.of("STUDY", 0), draft.of("STUDY", 1)):
            study.values.OffsetOfReferencedLowerLevelDirectoryEntity = 77

    def apart(draft: Draft) -> None:
        draft.order = [*draft.roots, *(each for root in draft.roots for each in root.all()[1:])]

    damaged = medium(tmp_path / "medium", apart, cross)
    for patient, count in (("P1", 3), ("P2", 1)):
        done = run("dicomdir", "extract", damaged, "--patient", patient)
        assert len(done.stdout.splitlines()) == count
        for path in done.stdout.splitlines():
            assert run("dump", "--value", "PatientID", path).stdout.strip() == patient


def test_a_file_that_is_cut_short_is_taken_and_told_of(tmp_path: Path) -> None:
    made = tmp_path / "medium"
    run("dicomdir", "create", samples.real_file("CT_small.dcm"), "-o", made, "-q")
    (path,) = (each for each in made.rglob("IM*") if each.is_file())
    path.write_bytes(path.read_bytes()[:20000])
    done = run("dicomdir", "extract", made, "-o", tmp_path / "out")
    assert done.status == 1
    assert "damaged" in done.stderr
    (taken,) = (each for each in (tmp_path / "out").rglob("*") if each.is_file())
    assert taken.stat().st_size == 20000


def test_a_folder_that_becomes_a_link_meanwhile_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, outside = medium(tmp_path / "medium"), tmp_path / "outside"
    shutil.copytree(made / "DICOM", outside)
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    find = FolderMedium.find

    def swapped(self: FolderMedium, file_id: Sequence[str]) -> Input:
        found = find(self, file_id)
        if not (made / "DICOM").is_symlink():
            (made / "DICOM").rename(made / "OLD")
            (made / "DICOM").symlink_to(outside)
        return found

    monkeypatch.setattr(FolderMedium, "find", swapped)
    for words in (
        ["modify", made / "DICOMDIR", "--in-place", "--set", "PatientComments=HACK", "--jobs", 1],
        ["dicomdir", "extract", made, "-o", tmp_path / "out"],
        ["scan", made / "DICOMDIR", "-k", "PatientID"],
    ):
        done = run(*words)
        assert done.status in (1, 3), words
        assert "leads out of the medium" in done.stderr
    assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
