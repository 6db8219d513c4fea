"""Edits of real files in each encoding: what is not named keeps its bytes, and pydicom reads what was set."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING

import pydicom
import pytest

from dcmtools.encoding.syntax import is_deflated
from dcmtools.encoding.tagpath import PathTracker
from dcmtools.encoding.tags import is_creator, is_private, is_retired_length
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.errors import InputError
from dcmtools.files.depths import track
from dcmtools.files.part10 import Part10File
from dcmtools.modifying.edits import step
from dcmtools.modifying.staged import Staged, staged
from dcmtools.modifying.told import Told
from dcmtools.modifying.wanted import erasing, setting
from tests.support.run import run
from tests.support.samples import ct, mr, named_files, real_file

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.modifying.wanted import Wanted

ITEM = "RequestAttributesSequence[0]."
TOP = [setting("PatientName=A^B"), setting("StudyID="), erasing("PatientAge")]
DEEP = [
    *TOP,
    setting(f"{ITEM}ScheduledProcedureStepID=7"),
    erasing("**.ReferencedSOPClassUID"),
    setting("0019,0c,SIEMENS MR HEADER=17"),
]
SYNTAXES = ["implicit", "explicit", "explicit-big-endian", "deflated", "rle"]


def elements(file: Part10File) -> dict[str, list[bytes]]:
    """Header (but for its length) and value of each element that is no sequence, by its path."""
    found: dict[str, list[bytes]] = {}
    walker, tracker = file.walk(), PathTracker()
    for element in walker:
        track(tracker, element, walker)
        tag, vr, at, value, length, depth = element
        if vr and vr != "SQ" and length != 0xFFFFFFFF and not is_retired_length(tag):
            raw = walker.value(at, 6 if file.encoding.explicit else 4) + walker.value(value, length)
            found.setdefault(tracker.path_of(tag, depth), []).append(raw)
        elif not vr and not depth & 1 and length not in (0, 0xFFFFFFFF):
            found.setdefault("fragments", []).append(walker.value(value, length))
        elif not vr and length != 0xFFFFFFFF and depth == 1:
            found.setdefault("fragments or items", []).append(str(length).encode())
    return found


def check(path: Path, wanted: list[Wanted], *, named: tuple[str, ...]) -> None:
    """Make the edits, and see that nothing else is another than it was."""
    with Part10File.open(str(path)) as file, suppress(InputError):
        before = elements(file)
        told = Told()
        after = staged(file, [step(wanted)], told)
        assert isinstance(after, Staged)
        now = elements(after)
        changed = {each.path for each in told}
        for found in before, now:
            found.pop("fragments or items", None)
        same = {place for place in before if before[place] == now.get(place)}
        assert set(before) - same <= changed
        assert set(now) - set(before) <= changed
        assert all(place.endswith((*named, ",0000)")) for place in changed)  # group lengths go


NAMED = ("(0010,0010)", "(0020,0010)", "(0010,1010)")
MORE = (*NAMED, "(0040,0009)", "(0008,1150)", "0c)", "(0019,0010)", "(0019,0011)", "(0019,0012)")


@pytest.mark.parametrize(("name", "path"), named_files())
def test_nothing_else_changes(name: str, path: Path) -> None:
    try:
        with Part10File.open(str(path)) as file:
            if file.meta_text(0x00020002) == MEDIA_STORAGE_DIRECTORY:
                pytest.skip("a DICOMDIR")
    except InputError:
        pytest.skip(f"{name} is no such file")
    check(path, TOP, named=NAMED)
    check(path, DEEP, named=MORE)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("source", [ct(), mr(), real_file("reportsi.dcm"), real_file("rtplan.dcm")])
def test_in_each_encoding(source: Path, syntax: str, tmp_path: Path) -> None:
    path = tmp_path / "file.dcm"
    if run("compress", source, "-o", path, "--to", syntax).status:
        pytest.skip("it has no pixels")
    check(path, TOP, named=NAMED)
    check(path, DEEP, named=MORE)
    new = tmp_path / "new.dcm"
    done = run(
        *(
            "modify",
            path,
            "-o",
            new,
            "--set",
            "PatientName=A^B",
            "--set",
            f"{ITEM}ScheduledProcedureStepID=7",
        ),
        *("--erase", "PatientAge"),
    )
    assert done.status == 0, done.stderr
    old, read = pydicom.dcmread(path), pydicom.dcmread(new)
    old.PatientName = "A^B"
    if "PatientAge" in old:
        del old.PatientAge
    old.setdefault("RequestAttributesSequence", [])
    if not old.RequestAttributesSequence:
        old.RequestAttributesSequence = [pydicom.Dataset()]
    old.RequestAttributesSequence[0].ScheduledProcedureStepID = "7"
    assert read == old
    assert read.file_meta == old.file_meta


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "explicit-big-endian"])
def test_what_follows_and_precedes_is_the_same_byte_for_byte(syntax: str, tmp_path: Path) -> None:
    path = tmp_path / "file.dcm"
    assert run("compress", real_file("MR_small_RLE.dcm"), "-o", path, "--to", syntax).status == 0
    new = tmp_path / "new.dcm"
    assert run("modify", path, "-o", new, "--set", "PatientID=12345").status == 0
    before, after = path.read_bytes(), new.read_bytes()
    at = next(place for place, (one, other) in enumerate(zip(before, after, strict=False)) if one != other)
    tail = before[at + 32 :]
    assert len(tail) > 1000
    assert after.endswith(tail)
    assert pydicom.dcmread(BytesIO(after)).PatientID == "12345"


def test_what_is_deflated_stays_deflated(tmp_path: Path) -> None:
    new = tmp_path / "new.dcm"
    assert run("modify", real_file("image_dfl.dcm"), "-o", new, "--set", "PatientName=A^B").status == 0
    with Part10File.open(str(new)) as file:
        assert is_deflated(file.transfer_syntax)
    assert pydicom.dcmread(new).PatientName == "A^B"


def test_no_private_element_is_left() -> None:
    with Part10File.open(str(ct())) as file:
        after = staged(file, [step([], private=True)], Told())
        tags = [tag for tag, vr, *_ in after.walk() if vr]
        kept = [tag for tag, vr, *_ in file.walk() if vr and not is_private(tag)]
        assert any(is_creator(tag) for tag, *_ in file.walk())
    assert tags == kept
