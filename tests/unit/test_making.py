"""A new file appears whole, under its name, or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dcmtools import replacing
from dcmtools.replacing import making

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["without a name", "hidden", "without links"])
def _system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "without a name":
        monkeypatch.setattr(replacing, "_nameless", lambda _folder, _mode: None)
    if request.param == "without links":  # as FAT has it
        monkeypatch.setattr(os, "link", _no_links)


def _no_links(*_: object, **_values: object) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


pytestmark = pytest.mark.usefixtures("_system")


def test_it_is_there_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new"
    with making(str(path)) as file:
        file.write(b"abc")
        file.flush()
        assert not path.exists()
        assert os.pread(file.fileno(), 3, 0) == b"abc"
        file.write(b"def")
    assert path.read_bytes() == b"abcdef"
    assert os.listdir(tmp_path) == ["new"]


def test_its_mode_is_that_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    with making(str(tmp_path / "new")):
        pass
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "new")}
    assert len(modes) == 1


def test_nothing_stays_of_what_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), making(str(tmp_path / "new")):
        raise KeyError
    assert not os.listdir(tmp_path)


def test_what_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError), making(str(path)) as file:
        file.write(b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["old"]


def test_what_is_there_may_go(tmp_path: Path) -> None:
    path, kept = tmp_path / "old", tmp_path / "kept"
    kept.write_bytes(b"old")
    path.symlink_to(kept)
    with making(str(path), over=True) as file:
        file.write(b"new")
    assert (path.read_bytes(), kept.read_bytes()) == (b"new", b"old")
    assert not path.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["kept", "old"]


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"), making(str(tmp_path / "folder"), over=True):
        pass
    assert os.listdir(tmp_path) == ["folder"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), making(str(tmp_path / "absent" / "new")):
        pass


def test_a_path_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with making("new") as file:
        file.write(b"abc")
    assert (tmp_path / "new").read_bytes() == b"abc"


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without names are Linux's")
def test_nothing_stays_of_a_process_that_is_killed(tmp_path: Path) -> None:
    script = """
import os, signal, sys
from dcmtools.replacing import making
with making(sys.argv[1]) as file:
    file.write(b"abc")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script, tmp_path / "new"], check=False)
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without names are Linux's")
def test_nothing_stays_of_a_process_that_is_killed_while_it_replaces(tmp_path: Path) -> None:
    script = """
import os, signal, sys
from dcmtools.replacing import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"abc")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    (tmp_path / "old").write_bytes(b"old")
    subprocess.run([sys.executable, "-c", script, tmp_path / "old"], check=False)
    assert os.listdir(tmp_path) == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_what_is_replaced_keeps_its_mode_and_a_new_one_is_ones_own(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "old").chmod(0o664)
    for name in ("old", "new"):
        with replacing.replacing(str(tmp_path / name)) as file:
            file.write(b"new")
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("old", "new")] == [0o664, 0o600]
    assert sorted(os.listdir(tmp_path)) == ["new", "old"]


def test_what_is_replaced_keeps_its_owner_as_far_as_we_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who is not root may give the group alone, of those that are his."""
    (tmp_path / "old").write_bytes(b"old")
    before, given = (tmp_path / "old").stat(), []

    def fchown(_: int, owner: int, group: int) -> None:
        given.append((owner, group))
        if owner != -1:
            raise PermissionError

    monkeypatch.setattr(os, "fchown", fchown)
    with replacing.replacing(str(tmp_path / "old")):
        pass
    assert given == [(before.st_uid, before.st_gid), (-1, before.st_gid)]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_what_root_replaces_stays_whose_it_was(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    os.chown(tmp_path / "old", 1234, 1235)
    with replacing.replacing(str(tmp_path / "old")):
        pass
    after = (tmp_path / "old").stat()
    assert (after.st_uid, after.st_gid) == (1234, 1235)
