"""Names in the order of the inputs, and what is out of the way."""

from __future__ import annotations

import multiprocessing
import os
import signal
from io import BytesIO
from pathlib import Path

import pytest

from dcmtools.deidentification import placing
from dcmtools.deidentification.placing import SameUid, Waiting, path_below, quarantined
from dcmtools.errors import OutputError, UsageError
from dcmtools.files.outputs import Outputs


def written(waiting: Waiting, data: bytes) -> str:
    with waiting.writing() as (file, path):
        file.write(data)
        assert not os.path.exists(path)
    return path


def _broken_off(waiting: Waiting) -> None:
    with waiting.writing() as (file, _):
        file.write(b"half")
        raise RuntimeError


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_file_gets_its_name_when_it_is_told_to(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Waiting(Outputs(str(out))) as waiting:
        path = written(waiting, b"one")
        assert waiting.name(path, str(out / "a" / "b" / "1.dcm"))
        assert waiting.name(written(waiting, b"two"), str(out / "a" / "b" / "2.dcm"))
        assert not os.path.exists(path)
    assert files(out) == {"a/b/1.dcm": b"one", "a/b/2.dcm": b"two"}
    assert os.listdir(out) == ["a"]


def test_a_folder_that_was_not_needed_is_gone(tmp_path: Path) -> None:
    for kept in (False, True):
        if kept:
            (tmp_path / "out").mkdir()
        with Waiting(Outputs(str(tmp_path / "out"))):
            assert len(os.listdir(tmp_path / "out")) == 1
        assert (tmp_path / "out").exists() == kept


def test_what_got_no_name_is_gone(tmp_path: Path) -> None:
    with Waiting(Outputs(str(tmp_path))) as waiting:
        written(waiting, b"one")
        with pytest.raises(RuntimeError):
            _broken_off(waiting)
    assert os.listdir(tmp_path) == []


def test_the_same_again_is_one_file_and_another_is_refused(tmp_path: Path) -> None:
    name = str(tmp_path / "1.dcm")
    with Waiting(Outputs(str(tmp_path))) as waiting:
        assert waiting.name(written(waiting, b"one"), name)
        assert not waiting.name(written(waiting, b"one"), name)
        for other in (b"two", b"longer"):
            with pytest.raises(SameUid, match="another input has become this"):
                waiting.name(written(waiting, other), name)
    assert files(tmp_path) == {"1.dcm": b"one"}


def test_what_another_run_made_is_replaced_but_not_what_this_one_did(tmp_path: Path) -> None:
    name = tmp_path / "1.dcm"
    name.write_bytes(b"old")
    with Waiting(Outputs(str(tmp_path), overwritten=True)) as waiting:
        assert waiting.name(written(waiting, b"one"), str(name))
        assert not waiting.name(written(waiting, b"one"), str(name))
        with pytest.raises(SameUid, match="another input has become this instance"):
            waiting.name(written(waiting, b"two"), str(name))
    assert files(tmp_path) == {"1.dcm": b"one"}


def test_the_same_of_another_run_is_this_ones_now(tmp_path: Path) -> None:
    name = tmp_path / "1.dcm"
    name.write_bytes(b"one")
    with Waiting(Outputs(str(tmp_path), overwritten=True)) as waiting:
        assert not waiting.name(written(waiting, b"one"), str(name))
        with pytest.raises(SameUid):
            waiting.name(written(waiting, b"two"), str(name))


def test_something_else_under_the_name(tmp_path: Path) -> None:
    (tmp_path / "1.dcm").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with Waiting(Outputs(str(tmp_path))) as waiting:
        with pytest.raises(SameUid):
            waiting.name(written(waiting, b"one"), str(tmp_path / "1.dcm"))
        with pytest.raises(OutputError, match="Not a directory"):
            waiting.name(written(waiting, b"one"), str(tmp_path / "file" / "1.dcm"))


def _killed(folder: str) -> None:
    waiting = Waiting(Outputs(folder))
    written(waiting, b"left behind")
    os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_run_left_goes_with_the_next_and_nothing_of_one_that_runs(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_killed, args=(str(tmp_path),))
    process.start()
    process.join()
    (dead,) = os.listdir(tmp_path)
    assert list(files(tmp_path).values()) == [b"left behind"]
    with Waiting(Outputs(str(tmp_path))) as one:
        assert not (tmp_path / dead).exists()
        path = written(one, b"mine")
        with Waiting(Outputs(str(tmp_path))):
            assert os.path.exists(path)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for folder in ("file", "file/below"):
        with pytest.raises(UsageError):
            Waiting(Outputs(str(tmp_path / folder)))


def test_names_are_safe_and_made_of_what_is_new() -> None:
    assert path_below("out", "P1", "2.25.1", "2.25.2", "2.25.3") == "out/P1/2.25.1/2.25.2/2.25.3.dcm"
    assert ".." not in path_below("out", "../..", "", "", "2.25.3")


# ---------------------------------------------------------------- quarantine


def test_quarantine_is_for_its_owner_and_its_names_tell_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "out.quarantine"
    path = Path(quarantined(str(folder), BytesIO(b"leaking")))
    assert path.read_bytes() == b"leaking"
    assert path.parent == folder
    assert folder.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    assert quarantined(str(folder), BytesIO(b"leaking")) == str(path)
    assert quarantined(str(folder), BytesIO(b"another")) != str(path)
    assert len(files(folder)) == 2


def test_a_quarantine_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="file"):
        quarantined(str(tmp_path / "file"), BytesIO(b"leaking"))


def test_blocks_are_compared_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "_CHUNK", 2)
    with Waiting(Outputs(str(tmp_path))) as waiting:
        assert waiting.name(written(waiting, b"12345"), str(tmp_path / "1"))
        with pytest.raises(SameUid):
            waiting.name(written(waiting, b"12346"), str(tmp_path / "1"))
