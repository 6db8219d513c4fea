"""``--where``: of every command that takes files, with the count, each status, and what is wrong with it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.interface.commands import LEAVES, click_command, takes_paths
from tests.support import samples
from tests.support.archived import zipped
from tests.support.encoded import EVL, part10
from tests.support.run import Run, run
from tests.support.samples import ct, make_small, mr, real_file
from tests.support.sealed import pair, seal
from tests.support.unruly import Unruly, serves

if TYPE_CHECKING:
    from pathlib import Path

CT_ONLY = ("--where", "Modality == CT")
NONE = ("--where", "Modality == PT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """CT, MR, and a text."""
    made = tmp_path / "in"
    made.mkdir()
    shutil.copy(ct(), made / "ct.dcm")
    shutil.copy(mr(), made / "mr.dcm")
    (made / "notes.txt").write_text("nothing")
    return made


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


@pytest.mark.parametrize("name", [name for name in LEAVES if takes_paths(name) and name != "wrap"])
def test_every_command_that_takes_dicom_files_has_it(name: str) -> None:
    params = {param.name: param for param in click_command(LEAVES[name]).params}
    assert "where" in params


def test_dump(folder: Path) -> None:
    done = run("dump", "--value", "Modality", *CT_ONLY, folder)
    assert (done.status, done.stdout) == (0, "CT\n")
    assert done.stderr == "1 done, 1 skipped, 1 not selected\n"


def test_one_that_is_not_selected_is_no_record(folder: Path) -> None:
    done = run("dump", "--format", "json", *CT_ONLY, folder)
    found = [(record["file"], record["outcome"]) for record in done.records]
    assert found == [(f"{folder}/ct.dcm", "done"), (f"{folder}/notes.txt", "skipped")]


def test_nor_a_row_of_a_report(folder: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"
    done = run("compress", "--to", "rle", "-o", tmp_path / "out/", "--report", report, *CT_ONLY, folder)
    assert done.status == 0, done.stderr
    assert "ct.dcm" in report.read_text()
    assert "mr.dcm" not in report.read_text()
    assert done.stderr.endswith(", 1 skipped, 1 not selected\n")


def test_several_have_to_hold(folder: Path) -> None:
    both = run("dump", "--value", "Modality", *CT_ONLY, "--where", "Rows == 128", folder)
    assert (both.status, both.stdout) == (0, "CT\n")
    assert run("dump", "--value", "Modality", *CT_ONLY, "--where", "Rows == 1", folder).status == 3


def test_nothing_selected_is_status_3(folder: Path) -> None:
    for paths in ([folder], [folder / "ct.dcm"], [folder / "ct.dcm", folder / "mr.dcm"], [folder, folder]):
        done = run("dump", *NONE, *paths)
        assert done.status == 3
        assert not done.stdout
        assert "dcmtools dump: no file is selected by --where\n" in done.stderr


def test_nothing_selected_among_failures_is_their_status(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"")
    done = run("dump", *NONE, folder, broken)
    assert done.status == 3
    assert "the file is empty" in done.stderr
    assert "no file is selected" not in done.stderr
    assert done.stderr.endswith("0 done, 1 failed, 1 skipped, 2 not selected\n")
    assert run("dump", "--value", "Modality", *CT_ONLY, folder, broken).status == 1


def test_a_folder_without_dicom_is_told_as_ever(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    done = run("dump", *CT_ONLY, tmp_path)
    assert done.status == 3
    assert "no DICOM file in this folder" in done.stderr


def test_a_file_that_cannot_be_read_far_enough_fails(folder: Path) -> None:
    cut = folder / "cut.dcm"
    cut.write_bytes(real_file("MR_small.dcm").read_bytes()[:-1000])
    done = run("compress", "--to", "rle", "-o", folder / "out/", "--where", "exists PixelData", cut)
    assert done.status == 3
    assert "exceeds" in done.stderr
    done = run("dump", "--where", "not exists PixelData", cut)
    assert done.status == 3
    assert "it is damaged, so that --where cannot tell" in done.stderr
    done = run("dump", "--value", "Modality", "--where", "Modality == MR", cut)
    assert done.stdout == "MR\n"


def test_of_archives_lists_and_pipes(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "study.zip"
    path.write_bytes(zipped({each.name: each.read_bytes() for each in folder.glob("*.dcm")}))
    listed = tmp_path / "list"
    listed.write_text(f"{folder / 'ct.dcm'}\n{folder / 'mr.dcm'}\n")
    value = ("dump", "--value", "Modality", *CT_ONLY)
    assert run(*value, path).stdout == "CT\n"
    assert run(*value, "--files-from", listed).stdout == "CT\n"
    assert run(*value, "-", stdin=ct().read_bytes()).stdout == "CT\n"
    assert run(*value, "-", stdin=mr().read_bytes()).status == 3
    assert run(*value, "-", stdin=path.read_bytes()).stdout == "CT\n"


def test_many_files_in_many_processes(tmp_path: Path) -> None:
    make_small(tmp_path / "in", 300)
    for jobs in (1, 2):
        where = "InstanceNumber in 101..150 or InstanceNumber == 7"
        done = run("dump", "--value", "InstanceNumber", "-j", jobs, "--where", where, tmp_path)
        assert done.status == 0
        assert done.stdout.split() == ["000007", *[f"{number:06}" for number in range(101, 151)]]
        assert done.stderr.endswith("51 done, 249 not selected\n")


@pytest.mark.parametrize("command", ["compress", "decompress"])
def test_compress(folder: Path, tmp_path: Path, command: str) -> None:
    to = ("--to", "rle") if command == "compress" else ()
    done = run(command, *to, "-o", tmp_path / "out/", *CT_ONLY, folder)
    assert done.status == 0, done.stderr
    assert files(tmp_path / "out") == ["ct.dcm"]
    before = (folder / "mr.dcm").read_bytes()
    assert run(command, *to, "--in-place", *CT_ONLY, folder).status == 0
    assert (folder / "mr.dcm").read_bytes() == before
    nothing = run(command, *to, "-o", tmp_path / "other/", *NONE, folder)
    assert nothing.status == 3
    assert files(tmp_path / "other") == []


def test_what_is_there_already_was_selected(folder: Path, tmp_path: Path) -> None:
    wanted = ("compress", "--to", "rle", "-o", tmp_path / "out/", "--skip-existing", *CT_ONLY, folder)
    assert [run(*wanted).status for _ in range(2)] == [0, 0]


def test_nothing_goes_to_standard_output(folder: Path) -> None:
    done = run("compress", "--to", "rle", "-o", "-", *NONE, folder / "ct.dcm")
    assert (done.status, done.stdout) == (3, "")


def test_anonymize(folder: Path, tmp_path: Path) -> None:
    done = run("anonymize", "-o", tmp_path / "out/", "--pixels", "keep", *CT_ONLY, folder)
    assert done.status == 0, done.stderr
    assert len(files(tmp_path / "out")) == 1
    assert done.stderr.count("1 not selected") == 1
    explained = run("anonymize", "--explain", "--where", "Modality == MR", folder)
    assert explained.status == 0
    assert "mr.dcm" not in done.stdout
    assert run("anonymize", "-o", tmp_path / "none/", *NONE, folder).status == 3


def test_reidentify(folder: Path, tmp_path: Path) -> None:
    key, certificate = pair(tmp_path)
    for path in folder.glob("*.dcm"):
        seal(path, certificate)
    done = run("reidentify", folder, "-o", tmp_path / "out/", "--key", key, *CT_ONLY)
    assert done.status == 0, done.stderr
    assert files(tmp_path / "out") == ["ct.dcm"]


def store(server: Unruly, *args: object) -> Run:
    return run("store", f"PEER@127.0.0.1:{server.port}", "-ta", "0.5", *args)


def test_store(tmp_path: Path) -> None:
    make_small(tmp_path / "in", 5)
    where = ("--where", "InstanceNumber in (2, 4)")
    with Unruly(serves()) as server:
        done = store(server, "--strict", "--fail-fast", tmp_path / "in", *where)
        assert done.status == 0, done.stderr
        assert done.stderr.endswith("2 stored, 3 not selected\n")
        assert server.uids == [samples.sop_instance_uid(number) for number in (2, 4)]
        dry = store(server, "--dry-run", "--format", "json", tmp_path / "in", *where)
        assert len(dry.records) == 2
        nothing = store(server, tmp_path / "in", *NONE)
        assert nothing.status == 3
        assert "no file is selected by --where" in nothing.stderr
        assert len(server.uids) == 2


def test_what_is_wrong_with_it_is_said_before_anything_is_done(folder: Path, tmp_path: Path) -> None:
    done = run(
        "compress", "--to", "rle", "-o", tmp_path / "out/", "--where", 'Rows == 1 and Rows == "x"', folder
    )
    assert done.status == 2
    assert done.stderr.splitlines() == [
        "dcmtools compress: Invalid value for '--where': column 23: Rows (US): 'x' is no number, but its "
        "values are.",
        '  Rows == 1 and Rows == "x"',
        "                        ^",
        "Try 'dcmtools compress --help'.",
    ]
    assert not (tmp_path / "out").exists()


def test_what_is_wrong_never_reaches_a_terminal_as_it_is(folder: Path) -> None:
    done = run("dump", "--where", "Rows == \x1b[31m\u202e", folder)
    assert done.status == 2
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr


def test_it_comes_from_the_environment_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCMTOOLS_DUMP_WHERE", "Modality == CT and Rows == 128")
    assert run("dump", "--value", "Modality", folder).stdout == "CT\n"


def test_it_comes_from_the_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = folder / "config.toml"
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    config.write_text("[defaults.dump]\nwhere = 'Modality == CT'\n")
    assert run("dump", "--value", "Modality", folder).stdout == "CT\n"
    config.write_text("[defaults.dump]\nwhere = 'Modality ='\n")
    done = run("dump", "--value", "Modality", folder)
    assert done.status == 2
    assert "line 2: defaults.dump.where: column 11: a value is wanted here" in done.stderr


def test_with_the_ways_to_read_of_dump(folder: Path, tmp_path: Path) -> None:
    lines = tmp_path / "own.dic"
    lines.write_text("(0028,0010)\tUS\tHeight\t1\n")
    value = ("dump", "--value", "Modality")
    assert run(*value, "--where", "Height == 128", "--dict", lines, folder).stdout == "CT\n"
    named = folder / "named.dcm"
    named.write_bytes(part10(EVL.element(0x00100010, "PN", "M\u00fcller ".encode())))
    asked = ("dump", "--value", "PatientName", "--where", "PatientName == 'M\u00fcller'", named)
    assert run(*asked).status == 3
    assert run(*asked, "--assume-charset", "ISO_IR 192").stdout == "M\u00fcller\n"
    wrong = run(*value, "--strict", "--assume-syntax", "implicit", *CT_ONLY, folder / "ct.dcm")
    assert wrong.status == 3


def test_a_file_without_preamble_is_shown_where_it_is_true_of_it(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.write_bytes(samples.dataset_bytes(ct()))
    assert run("dump", "--value", "Modality", *CT_ONLY, bare).stdout == "CT\n"
    assert run("dump", "--value", "Modality", *NONE, bare).status == 3
