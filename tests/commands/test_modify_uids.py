"""``dcmtools modify --new-uids`` and ``--uid-map``: consistent over a whole set of files."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from dcmtools.files.part10 import Part10File
from tests.support import studies
from tests.support.encoded import EVL, part10
from tests.support.run import run
from tests.support.studies import (
    CT,
    FRAME,
    IMAGES,
    OTHER_INSTANCE,
    OTHER_STUDY,
    SERIES,
    SR,
    STUDY,
    UIDS,
    uids_in,
)

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = "study,series,instance"


def pairs_of(path: Path) -> dict[str, str]:
    head, *rows = path.read_text().splitlines()
    assert head == "uid_old,uid_new"
    return dict(row.split(",") for row in rows)


@pytest.mark.parametrize("syntax", studies.SYNTAXES)
def test_a_study_with_references_of_every_kind(tmp_path: Path, syntax: str) -> None:
    paths = studies.make_study(tmp_path / "in", syntax)
    out, map_file = tmp_path / "out", tmp_path / "map.csv"
    done = run("modify", tmp_path / "in", "-o", out, "--new-uids", LEVELS, "--uid-map-out", map_file)
    assert done.status == 0, done.stderr
    new_of = pairs_of(map_file)
    assert set(new_of) == {STUDY, SERIES, f"{SERIES}.7", f"{SERIES}.8", f"{SERIES}.9", *UIDS.values()}
    assert map_file.stat().st_mode & 0o777 == 0o600
    for path in paths:
        expected = [(where, [new_of.get(uid, uid) for uid in values]) for where, values in uids_in(path)]
        assert uids_in(out / path.name) == expected
    kept = {uid for path in paths for _, values in uids_in(out / path.name) for uid in values}
    assert {OTHER_STUDY, OTHER_INSTANCE, FRAME, CT, syntax} <= kept


def test_neither_order_nor_processes_matter(tmp_path: Path) -> None:
    """Whatever they are: within a run one UID has one new one, and a map makes two runs the same."""
    folder = tmp_path / "in"
    paths = studies.make_study(folder)
    for number in range(80):  # enough for several processes
        shutil.copy(paths[1], folder / f"copy{number:02}.dcm")
    map_file = tmp_path / "map.csv"
    one, two = tmp_path / "one", tmp_path / "two"
    first = run("modify", folder, "-o", one, "--new-uids", LEVELS, "--uid-map-out", map_file, "--jobs", "2")
    backwards = sorted(map(str, folder.iterdir()), reverse=True)
    second = run("modify", *backwards, "-o", two, "--uid-map", map_file, "--jobs", "1")
    assert (first.status, second.status) == (0, 0), first.stderr + second.stderr
    for path in folder.iterdir():
        assert (one / path.name).read_bytes() == (two / path.name).read_bytes()


def test_only_the_levels_asked(tmp_path: Path) -> None:
    paths = studies.make_study(tmp_path / "in")
    assert run("modify", tmp_path / "in", "-o", tmp_path / "out", "--new-uids", "study").status == 0
    for path in paths:
        for (_, old), (_, new) in zip(uids_in(path), uids_in(tmp_path / "out" / path.name), strict=True):
            assert [a == b for a, b in zip(old, new, strict=True)] == [uid != STUDY for uid in old]


@pytest.mark.parametrize(("option", "uid"), [("-gst", STUDY), ("-gse", SERIES), ("-gin", IMAGES[0])])
def test_options_that_technicians_know(tmp_path: Path, option: str, uid: str) -> None:
    path = studies.make_study(tmp_path)[0]
    assert run("modify", path, "--in-place", option).status == 0
    assert uid not in [value for _, values in uids_in(path) for value in values]


def test_a_map_given(tmp_path: Path) -> None:
    paths = studies.make_study(tmp_path / "in")
    map_file = tmp_path / "map.csv"
    map_file.write_text(f"{IMAGES[1]},2.25.77\n")
    assert run("modify", tmp_path / "in", "--in-place", "--uid-map", map_file).status == 0
    assert ("meta.(0002,0003)", ["2.25.77"]) in uids_in(paths[1])
    for path in paths:
        values = [uid for _, values in uids_in(path) for uid in values]
        assert IMAGES[1] not in values
        assert STUDY in values


def test_a_map_beside_new_ones(tmp_path: Path) -> None:
    paths = studies.make_study(tmp_path / "in")
    given, out = tmp_path / "given.csv", tmp_path / "out.csv"
    given.write_text(f"{SR},2.25.77\n")
    done = run("modify", tmp_path / "in", "--in-place", "--new-uids", "instance", "--uid-map", given,
               "--uid-map-out", out)  # fmt: skip
    assert done.status == 0, done.stderr
    assert pairs_of(out)[SR] == "2.25.77"
    assert set(pairs_of(out)) == set(UIDS.values())
    assert ("meta.(0002,0003)", ["2.25.77"]) in uids_in(paths[2])


def test_a_dry_run_tells_and_writes_nothing(tmp_path: Path) -> None:
    path = studies.make_study(tmp_path)[1]
    before = path.read_bytes()
    map_file = tmp_path / "map.csv"
    map_file.write_text(f"{IMAGES[0]},2.25.77\n")
    done = run("modify", path, "--dry-run", "--uid-map", map_file, "--uid-map-out", tmp_path / "out.csv")
    assert done.status == 0, done.stderr
    assert (
        f"(0008,1140)[0].(0008,1155) ReferencedSOPInstanceUID: uid [{IMAGES[0]}] to [2.25.77]" in done.stdout
    )
    assert path.read_bytes() == before
    assert not (tmp_path / "out.csv").exists()


def test_what_is_not_selected_is_outside_of_the_set(tmp_path: Path) -> None:
    studies.make_study(tmp_path / "in")
    map_file = tmp_path / "map.csv"
    done = run("modify", tmp_path / "in", "-o", tmp_path / "out", "--new-uids", "instance",
               "--uid-map-out", map_file, "--where", f"SOPClassUID == {CT}")  # fmt: skip
    assert done.status == 0, done.stderr
    assert set(pairs_of(map_file)) == set(IMAGES)


def test_one_bad_file_fails_alone(tmp_path: Path) -> None:
    studies.make_study(tmp_path / "in")
    bad = tmp_path / "in" / "bad.dcm"
    bad.write_bytes((tmp_path / "in" / "rt.dcm").read_bytes()[:-9])
    done = run("modify", tmp_path / "in", "-o", tmp_path / "out", "--new-uids", LEVELS)
    assert done.status == 1
    assert "bad.dcm" in done.stderr
    assert len(list((tmp_path / "out").iterdir())) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--new-uids", "patient"), "patient"),
        (("--uid-map", "{}/missing.csv"), "No such file"),
        (("--uid-map", "{}/bad.csv"), "line 2"),
        (("--uid-map-out", "{}/out.csv"), "--new-uids"),
        (("--new-uids", "study", "--uid-map-out", "{}/bad.csv"), "there is a file already"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    path = studies.make_study(tmp_path)[0]
    before = path.read_bytes()
    (tmp_path / "bad.csv").write_text("1.2.3,2.25.1\n1.2.3,2.25.2\n")
    done = run("modify", path, "--in-place", *[each.format(tmp_path) for each in arguments])
    assert done.status == 2
    assert message in done.stderr
    assert path.read_bytes() == before


def test_a_file_that_fails_can_be_done_later(tmp_path: Path) -> None:
    paths = studies.make_study(tmp_path / "in")
    whole = paths[0].read_bytes()
    paths[0].write_bytes(whole[:-3])
    out, map_file = tmp_path / "out", tmp_path / "map.csv"
    done = run("modify", tmp_path / "in", "-o", out, "--new-uids", LEVELS, "--uid-map-out", map_file)
    assert done.status == 1
    assert f"'--uid-map {map_file}' without --new-uids changes what is left to the same UIDs" in done.stderr
    paths[0].write_bytes(whole)
    again = ("modify", tmp_path / "in", "-o", out, "--skip-existing", "--uid-map", map_file)
    assert run(*again).status == 0
    (made,) = [values for where, values in uids_in(out / "ct0.dcm") if where == "(0008,0018)"]
    assert made == [pairs_of(map_file)[IMAGES[0]]]


def test_without_a_map_it_is_told_what_is_lost(tmp_path: Path) -> None:
    paths = studies.make_study(tmp_path / "in")
    paths[0].write_bytes(paths[0].read_bytes()[:-3])
    done = run("modify", tmp_path / "in", "-o", tmp_path / "out", "-gin")
    assert done.status == 1
    assert "refer to what is left by new UIDs" in done.stderr
    assert "new UIDs" not in run("modify", tmp_path / "in", "--dry-run", "-gin").stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["-o", "{}/out", "--skip-existing"], "makes other UIDs in each run"),
        (["--in-place"], "wants --uid-map-out FILE or --backup"),
    ],
)
def test_two_halves_of_a_study_do_not_get_different_uids(
    tmp_path: Path, arguments: list[str], why: str
) -> None:
    studies.make_study(tmp_path / "in")
    done = run("modify", tmp_path / "in", "-gst", *[each.format(tmp_path) for each in arguments])
    assert (done.status, why in done.stderr) == (2, True)


def test_elements_out_of_order_are_found(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(
        part10(
            EVL.element(0x00100010, "PN", b"Doe^")
            + EVL.element(0x00080018, "UI", b"1.2.3.4\0")
            + EVL.element(0x00300000, "UL", bytes(4))
            + EVL.element(0x0020000D, "UI", b"1.2.9\0")
        )
    )
    done = run("modify", path, "--in-place", "--new-uids", LEVELS, "--uid-map-out", tmp_path / "map.csv")
    assert done.status == 0, done.stderr
    new_of = pairs_of(tmp_path / "map.csv")
    assert set(new_of) == {"1.2.3.4", "1.2.9"}
    assert all(new.encode() in path.read_bytes() for new in new_of.values())
    with Part10File.open(str(path)) as file:
        assert file.meta_text(0x00020003) == new_of["1.2.3.4"]


def test_a_map_does_not_make_two_files_one_instance(tmp_path: Path) -> None:
    paths = studies.make_study(tmp_path / "in")
    before = paths[0].read_bytes()
    (tmp_path / "map.csv").write_text(f"{IMAGES[0]},{IMAGES[1]}\n")
    done = run("modify", tmp_path / "in", "--in-place", "--uid-map", tmp_path / "map.csv")
    assert done.status == 2
    assert "is that of another file: two would become one" in done.stderr
    assert paths[0].read_bytes() == before


def test_a_run_in_place_goes_on(tmp_path: Path) -> None:
    """Files that are done already have the new UIDs, and their backups the old ones."""
    paths = studies.make_study(tmp_path / "in")
    map_file, again = tmp_path / "map.csv", ("modify", tmp_path / "in", "--in-place", "--backup", ".bak")
    assert run(*again, "--new-uids", LEVELS, "--uid-map-out", map_file).status == 0
    backup = paths[0].with_name(f"{paths[0].name}.bak")
    done = paths[0].read_bytes()
    paths[0].unlink()
    backup.rename(paths[0])  # as if it had not been its turn yet
    assert run(*again, "--uid-map", map_file).status == 0
    assert paths[0].read_bytes() == done


def test_a_dry_run_says_what_a_run_does_otherwise(tmp_path: Path) -> None:
    studies.make_study(tmp_path / "in")
    map_file = tmp_path / "map.csv"
    dry = ("modify", tmp_path / "in", "--dry-run", "-gst", "--uid-map-out", map_file)
    done = run(*dry)
    assert done.status == 0
    assert (
        f"would be modified, in a run to other UIDs than these, and {map_file} is not written" in done.stderr
    )
    assert not map_file.exists()
    map_file.write_text("precious")
    done = run(*dry)
    assert (done.status, f"{map_file}: there is a file already" in done.stderr) == (2, True)


def test_references_that_lead_out_of_the_files(tmp_path: Path) -> None:
    """The study around them gets a new UID, and the instance that it is said to be of does not."""
    paths = studies.make_study(tmp_path / "in")
    (report,) = [path for path in paths if any(SR in values for _, values in uids_in(path))][:1]
    alone = run("modify", report, "-o", tmp_path / "alone.dcm", "--new-uids", LEVELS)
    assert alone.status == 0
    assert "to instances that are not among these files" in alone.stderr
    whole = run("modify", tmp_path / "in", "-o", tmp_path / "out", "--new-uids", LEVELS)
    assert "not among these files" not in whole.stderr
