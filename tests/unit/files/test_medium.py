"""Media: finding the DICOMDIR, and the files that it names, on whatever they were copied to."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import InputError
from dcmtools.files.inputs import Input
from dcmtools.files.medium import Medium
from tests.support.file_sets import NAMES, medium

if TYPE_CHECKING:
    from pathlib import Path

FIRST = ("DICOM", "P1", "ST1", "SE1", "IM1")


def zipped(path: Path, folder: Path, below: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, f"{below}{file.relative_to(folder)}")
    return path


def watched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the folders that are listed from now on."""
    scanned: list[str] = []
    scandir = os.scandir

    def watching(path: str) -> object:
        scanned.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", watching)
    return scanned


def test_by_its_folder_and_by_its_dicomdir(tmp_path: Path) -> None:
    medium(tmp_path)
    for path in (tmp_path, tmp_path / "DICOMDIR"):
        found = Medium.at(str(path))
        assert found.directory_item.path == str(tmp_path / "DICOMDIR")
        assert found.find(FIRST) == Input(str(tmp_path / NAMES[0]), str(tmp_path))
        files = {item.path for item in found.files() if isinstance(item, Input)}
        assert files == {str(tmp_path / name) for name in (*NAMES, "DICOMDIR")}


def test_in_the_folder_in_hand_names_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    medium(tmp_path)
    monkeypatch.chdir(tmp_path)
    found = Medium.at("DICOMDIR")
    assert found.find(FIRST).path == NAMES[0]
    assert {item.path for item in found.files() if isinstance(item, Input)} == {*NAMES, "DICOMDIR"}


@pytest.mark.parametrize("below", ["", "cd/", "a/b/"])
def test_in_an_archive(tmp_path: Path, below: str) -> None:
    path = zipped(tmp_path / "cd.zip", medium(tmp_path / "cd"), below)
    found = Medium.at(str(path))
    assert found.directory_item.path == f"{path}/{below}DICOMDIR"
    item = found.find(FIRST)
    assert item.path == f"{path}/{below}{NAMES[0]}"
    with item.open() as source:
        assert source.read(128, 4) == b"DICM"
    assert len(list(found.files())) == 5
    assert Medium.at(f"{path}/{below}DICOMDIR").find(FIRST) == item


def test_the_dicomdir_nearest_to_the_top_of_an_archive_counts(tmp_path: Path) -> None:
    folder = medium(tmp_path / "cd")
    medium(folder / "copy")
    path = zipped(tmp_path / "cd.zip", folder)
    assert Medium.at(str(path)).directory_item.path == f"{path}/DICOMDIR"
    assert Medium.at(f"{path}/copy").directory_item.path == f"{path}/copy/DICOMDIR"


def test_two_media_in_an_archive_are_not_guessed_between(tmp_path: Path) -> None:
    medium(tmp_path / "cd" / "one")
    medium(tmp_path / "cd" / "two")
    path = zipped(tmp_path / "cd.zip", tmp_path / "cd")
    with pytest.raises(InputError, match="several folders of this archive: one, two"):
        Medium.at(str(path))


def test_there_may_be_none(tmp_path: Path) -> None:
    (tmp_path / "cd").mkdir()
    (tmp_path / "cd" / "A").write_bytes(b"A")
    with pytest.raises(InputError, match="no DICOMDIR in this folder"):
        Medium.at(str(tmp_path / "cd"))
    path = zipped(tmp_path / "cd.zip", tmp_path / "cd")
    with pytest.raises(InputError, match="no DICOMDIR in this archive"):
        Medium.at(str(path))
    with pytest.raises(InputError, match="neither a folder nor an archive"):
        Medium.at(str(tmp_path / "cd" / "A" / "B"))
    with pytest.raises(InputError, match="No such file"):
        Medium.at(str(tmp_path / "other"))


@pytest.mark.parametrize(
    "renamed",
    [str.lower, lambda name: f"{name};1", lambda name: f"{name}.", lambda name: f"{name.lower()}.;1"],
)
def test_names_as_other_file_systems_have_them(tmp_path: Path, renamed: object) -> None:
    assert callable(renamed)
    medium(tmp_path)
    file = tmp_path / NAMES[0]
    file.rename(file.with_name(renamed(file.name)))
    (tmp_path / "DICOM").rename(tmp_path / "dicom")
    (tmp_path / "DICOMDIR").rename(tmp_path / renamed("DICOMDIR"))
    found = Medium.at(str(tmp_path))
    assert found.find(FIRST).path == str(tmp_path / "dicom/P1/ST1/SE1" / renamed("IM1"))
    path = zipped(tmp_path / "cd.zip", tmp_path)
    assert Medium.at(str(path)).find(FIRST).path.endswith(renamed("IM1"))


def test_the_exact_name_goes_first_and_others_are_not_guessed_between(tmp_path: Path) -> None:
    medium(tmp_path)
    file = tmp_path / NAMES[0]
    file.with_name("im1").write_bytes(b"other")
    assert Medium.at(str(tmp_path)).find(FIRST).path == str(file)
    file.rename(file.with_name("Im1"))
    with pytest.raises(InputError, match="one of several: Im1, im1"):
        Medium.at(str(tmp_path)).find(FIRST)


@pytest.mark.parametrize(
    "file_id", [("..", "secret"), ("DICOM", "..", "..", "secret"), ("", "etc"), ("DICOM/../../secret",), ()]
)
def test_what_could_lead_out_is_not_looked_for(tmp_path: Path, file_id: tuple[str, ...]) -> None:
    medium(tmp_path / "cd")
    (tmp_path / "secret").write_bytes(b"secret")
    for path in (tmp_path / "cd", zipped(tmp_path / "cd.zip", tmp_path / "cd")):
        with pytest.raises(InputError, match=r"lead out|is empty"):
            Medium.at(str(path)).find(file_id)


def test_no_link_leads_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = medium(tmp_path / "cd")
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "IM1").write_bytes(b"secret")
    (folder / "OUT").symlink_to(secret)
    (folder / "FILE").symlink_to(secret / "IM1")
    (folder / "NOWHERE").symlink_to("nothing")
    (folder / "LOOP").symlink_to("LOOP")
    found = Medium.at(str(folder))
    scanned = watched(monkeypatch)
    for file_id in (("OUT", "IM1"), ("FILE",)):
        with pytest.raises(InputError, match="a link leads out of the medium"):
            found.find(file_id)
    for file_id in (("NOWHERE",), ("LOOP",), ("LOOP", "A")):
        with pytest.raises(InputError, match=r"not a regular file|no such file"):
            found.find(file_id)
    assert not [path for path in scanned if "OUT" in str(path)]


def test_links_on_the_medium_are_followed(tmp_path: Path) -> None:
    folder = medium(tmp_path / "cd")
    (folder / "AGAIN").symlink_to("DICOM/P1")
    (tmp_path / "mounted").symlink_to(folder)
    found = Medium.at(str(tmp_path / "mounted"))
    assert found.find(("AGAIN", "ST1", "SE1", "IM1")).path == f"{tmp_path}/mounted/AGAIN/ST1/SE1/IM1"


def test_what_is_no_file(tmp_path: Path) -> None:
    medium(tmp_path)
    os.mkfifo(tmp_path / "PIPE")
    found = Medium.at(str(tmp_path))
    with pytest.raises(InputError, match=r"DICOM\\P1: it is a folder"):
        found.find(("DICOM", "P1"))
    with pytest.raises(InputError, match="not a regular file"):
        found.find(("PIPE",))
    with pytest.raises(InputError, match="no such file"):
        found.find(("DICOM", "P9"))
    with pytest.raises(InputError, match="no such file"):
        found.find((*FIRST, "BELOW"))


def test_each_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    medium(tmp_path)
    found = Medium.at(str(tmp_path))
    scanned = watched(monkeypatch)
    for name in NAMES * 3:
        found.find(name.split("/"))
    assert len(scanned) == len(set(scanned)) == 9
