"""``anonymize --encrypt-for`` and ``reidentify``: there and back, and each way to fail."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from dcmtools.deidentification.reading import Elements
from dcmtools.files.part10 import Part10File
from tests.support.run import Run, run
from tests.support.samples import ct, mr
from tests.support.sealed import certificate_of, pair, rsa_key
from tests.support.served import DCMTOOLS

if TYPE_CHECKING:
    from pathlib import Path


def data_set(path: Path) -> bytes:
    with Part10File.open(str(path)) as file:
        elements = Elements(file)
        return elements.source.read(elements.start, elements.end - elements.start)


def anonymize(folder: Path, *args: object, certificates: tuple[int, ...] = (0,)) -> Run:
    """Anonymize what is in ``folder``/in into ``folder``/out."""
    options = [word for number in certificates for word in ("--encrypt-for", pair(folder, number)[1])]
    return run("anonymize", folder / "in", "-o", folder / "out", *options, *args)


def reidentify(*args: object) -> Run:
    return run("reidentify", *args)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A folder with CT and MR in ``in``, and what was made of them, for two keys, in ``out``."""
    (tmp_path / "in").mkdir()
    for path in (ct(), mr()):
        shutil.copy(path, tmp_path / "in")
    done = anonymize(tmp_path, "--pixels", "keep", certificates=(0, 1))
    assert done.status == 0, done.stderr
    return tmp_path


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("jobs", [1, 2])
def test_there_and_back(sealed: Path, number: int, jobs: int) -> None:
    key = pair(sealed, number)[0]
    done = reidentify(sealed / "out", "-o", sealed / "back", "--key", key, "--jobs", jobs)
    assert (done.status, done.stderr) == (0, "2 re-identified\n")
    back = files(sealed / "back")
    assert [path.relative_to(sealed / "back") for path in back] == [
        path.relative_to(sealed / "out") for path in files(sealed / "out")
    ]
    assert {data_set(path) for path in back} == {data_set(ct()), data_set(mr())}


def test_what_is_told(sealed: Path) -> None:
    done = run(
        "--log-file", sealed / "log", "reidentify", "--format", "json", sealed / "out", "-o", sealed / "back",
        "--key", pair(sealed)[0],
    )  # fmt: skip
    for record in done.records:
        assert record["restored"] > 10
    told = done.stdout + done.stderr + (sealed / "log").read_text()
    assert "CompressedSamples" not in told
    assert "1CT1" not in told


def test_one_file_and_standard_output(sealed: Path) -> None:
    one = files(sealed / "out")[0]
    key = pair(sealed)[0]
    assert reidentify(one, "-o", sealed / "one.dcm", "--key", key).status == 0
    words = [DCMTOOLS, "reidentify", str(one), "-o", "-", "--key", str(key)]
    done = subprocess.run(words, capture_output=True, check=True)
    assert done.stdout == (sealed / "one.dcm").read_bytes()


def test_originals_are_for_their_owner_alone(sealed: Path) -> None:
    before = os.umask(0o022)
    try:
        assert reidentify(sealed / "out", "-o", sealed / "back", "--key", pair(sealed)[0]).status == 0
    finally:
        os.umask(before)
    found = [sealed / "back", *(sealed / "back").rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in found} == {0o700, 0o600}


def test_hints_are_of_options_that_it_has(sealed: Path) -> None:
    key = pair(sealed)[0]
    args = [sealed / "out", "-o", sealed / "back", "--key", key]
    assert reidentify(*args).status == 0
    again = reidentify(*args)
    assert "hint: --overwrite replaces what is there\n" in again.stderr
    itself = reidentify(sealed / "out", "-o", sealed / "out", "--key", key)
    assert itself.status == 2
    assert "--in-place" not in again.stderr + itself.stderr


def test_a_full_disk_ends_the_run(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dcmtools.files.outputs.making", full)
    done = reidentify(sealed / "out", "-o", sealed / "back", "--key", pair(sealed)[0], "--jobs", 1)
    assert done.status == 1
    assert f"{sealed}/back: No space left on device\n" in done.stderr
    assert f"not done, as there is no room in {sealed}/back\n" in done.stderr
    assert "hint" not in done.stderr


def test_nothing_is_replaced_unasked(sealed: Path) -> None:
    one, target = files(sealed / "out")[0], sealed / "one.dcm"
    target.write_bytes(b"mine")
    args = [one, "-o", target, "--key", pair(sealed)[0]]
    assert reidentify(*args).status == 1
    assert target.read_bytes() == b"mine"
    assert reidentify(*args, "--overwrite").status == 0
    assert data_set(target) in (data_set(ct()), data_set(mr()))


def test_a_key_with_a_password(sealed: Path) -> None:
    key = pair(sealed, password=b"open sesame")[0]
    password = sealed / "password"
    args = [sealed / "out", "-o", sealed / "back", "--key", key]
    asked = reidentify(*args)
    assert asked.status == 2
    assert "it has a password" in asked.stderr
    assert "--password-file" in asked.stderr
    password.write_text("open barley\n")
    assert reidentify(*args, "--password-file", password).status == 2
    assert not (sealed / "back").exists()
    password.write_text("open sesame\n")
    assert reidentify(*args, "--password-file", password).status == 0


def test_the_wrong_key(sealed: Path) -> None:
    done = reidentify(sealed / "out", "-o", sealed / "back", "--key", pair(sealed, 2)[0])
    assert done.status in (1, 2, 3)  # by chance, one in a hundred, it looks as if a file was damaged
    assert "none of the 2 that it was encrypted for" in done.stderr or "damaged" in done.stderr
    assert not files(sealed / "back") if (sealed / "back").exists() else True


def test_one_for_another_key_does_not_stop_the_others(sealed: Path) -> None:
    (sealed / "other").mkdir()
    shutil.move(sealed / "out", sealed / "both")
    shutil.rmtree(sealed / "in")
    (sealed / "in").mkdir()
    shutil.copy(ct(), sealed / "in" / "again.dcm")
    assert anonymize(sealed, "--pixels", "keep", certificates=(2,)).status == 0
    shutil.move(sealed / "out", sealed / "both" / "another")
    done = reidentify(sealed / "both", "-o", sealed / "back", "--key", pair(sealed)[0])
    assert done.status == 1
    assert len(files(sealed / "back")) == 2


def test_files_in_which_nothing_is_encrypted(sealed: Path) -> None:
    done = reidentify(sealed / "in", "-o", sealed / "back", "--key", pair(sealed)[0])
    assert done.status == 3
    assert "no Encrypted Attributes" in done.stderr
    assert not files(sealed / "back") if (sealed / "back").exists() else True


def test_a_damaged_file_leaves_nothing(sealed: Path) -> None:
    harmed = files(sealed / "out")[0]
    with Part10File.open(str(harmed)) as file:
        at = Elements(file).top[0x04000500][3] + 1500
    data = bytearray(harmed.read_bytes())
    data[at] ^= 1
    harmed.write_bytes(data)
    done = reidentify(sealed / "out", "-o", sealed / "back", "--key", pair(sealed)[0])
    assert done.status == 1
    assert len(files(sealed / "back")) == 1
    assert "damaged" in done.stderr or "changed since" in done.stderr or "cannot be read" in done.stderr


def test_keys_that_are_none(sealed: Path) -> None:
    junk = sealed / "junk"
    junk.write_text("no key")
    junk.chmod(0o600)
    certificate = pair(sealed)[1]
    certificate.chmod(0o600)
    for path in (junk, sealed / "absent", certificate):
        assert reidentify(sealed / "out", "-o", sealed / "back", "--key", path).status == 2
    assert not (sealed / "back").exists()


# ---------------------------------------------------------------- anonymize --encrypt-for


def test_it_is_said_and_searched_all_the_same(sealed: Path) -> None:
    for path in files(sealed / "out"):
        data = path.read_bytes()
        assert b"CompressedSamples" not in data
        assert b"1CT1" not in data


def test_certificates_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(ct(), tmp_path / "in")
    key = pair(tmp_path)[0]
    new = tmp_path / "new.key"
    done = run("anonymize", tmp_path / "in", "-o", tmp_path / "out", "--encrypt-for", key, "--new-key", new)
    assert done.status == 2
    assert "no certificate" in done.stderr
    assert not (tmp_path / "out").exists()
    assert not new.exists()


def test_a_certificate_that_has_expired_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "old.crt"
    path.write_bytes(certificate_of(rsa_key(), years=(2020, 2021)).public_bytes(Encoding.PEM))
    done = run("anonymize", ct(), "-o", tmp_path / "out", "--encrypt-for", path)
    assert done.status == 0
    assert f"warning: certificate {path}: it was valid until 2021-01-01" in done.stderr


def test_a_dry_run_and_an_explanation(tmp_path: Path) -> None:
    _, certificate = pair(tmp_path)
    for option in ("--dry-run", "--explain"):
        out = ["-o", tmp_path / "out"] if option == "--dry-run" else []
        done = run("anonymize", ct(), *out, option, "--encrypt-for", certificate, "--pixels", "keep")
        assert done.status == 0, done.stderr


def test_of_two_that_are_the_same_the_second_fails(tmp_path: Path) -> None:
    """Nobody can tell, without the key, whether what is encrypted in them is the same."""
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        shutil.copy(ct(), tmp_path / "in" / name)
    done = anonymize(tmp_path, "--pixels", "keep")
    assert done.status == 1
    assert len(files(tmp_path / "out")) == 1
