"""The key of a project: made once, read by its owner alone, never shown."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dcmtools.deidentification.keys import SHORTEST, ProjectKey
from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_key_is_for_its_owner_and_can_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "trial.key"
    made = ProjectKey.create(str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    loaded = ProjectKey.load(str(path))
    assert (loaded.secret, loaded.name) == (made.secret, made.name)
    assert made.kept
    assert len(bytes.fromhex(made.secret.decode())) == 32


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "trial.key"
    ProjectKey.create(str(path))
    before = path.read_bytes()
    with pytest.raises(UsageError, match="there is a file already"):
        ProjectKey.create(str(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_key_that_others_may_touch_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "trial.key"
    ProjectKey.create(str(path))
    path.chmod(mode)
    with pytest.raises(UsageError, match="others than its owner") as caught:
        ProjectKey.load(str(path))
    assert caught.value.hint == f"chmod 600 {path}"


@pytest.mark.parametrize("secret", [b"", b"\n", b"x" * (SHORTEST - 1), b"x" * 5000])
def test_what_is_no_key(secret: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(secret)
    path.chmod(0o600)
    with pytest.raises(UsageError, match="a key has 16 to 4096 bytes"):
        ProjectKey.load(str(path))


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_end_of_the_line_is_no_part_of_it(end: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"0123456789abcdef" + end)
    path.chmod(0o600)
    assert ProjectKey.load(str(path)).secret == b"0123456789abcdef"


def test_from_a_pipe() -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"0123456789abcdef\n")
    os.close(theirs)
    try:
        assert ProjectKey.load(f"/dev/fd/{ours}").secret == b"0123456789abcdef"
    finally:
        os.close(ours)


@pytest.mark.parametrize("name", ["absent", "folder", "no/such", "a\0b"])
def test_files_that_cannot_be_used(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    path = str(tmp_path / name)
    with pytest.raises(UsageError):
        ProjectKey.load(path)
    if name != "absent":
        with pytest.raises(UsageError):
            ProjectKey.create(path)


def test_names_tell_keys_apart_and_nothing_of_them() -> None:
    one, other = ProjectKey.random(), ProjectKey.random()
    assert one.name != other.name
    assert not one.kept
    assert repr(one) == f"ProjectKey({one.name})"
    assert one.secret not in bytes.fromhex(one.name)
