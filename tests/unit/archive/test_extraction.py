"""What the index takes out of a file: decoded, bounded, whatever is in it."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from dcmtools.archive.attributes import ATTRIBUTES
from dcmtools.archive.extraction import LONGEST, described
from dcmtools.archive.schema import OWN_COLUMNS, columns
from dcmtools.encoding.dataset import decode, encode, items, made, text
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_BIG, IMPLICIT, Encoding
from dcmtools.encoding.writing import delimited, element, item
from dcmtools.errors import InputError
from dcmtools.files.meta import file_meta
from dcmtools.query.models import LEVELS, Level
from tests.support import samples, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dcmtools.archive.extraction import Description

UIDS: dict[str, Any] = {
    "SOPClassUID": served.CT,
    "SOPInstanceUID": "1.2.3.4",
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.1",
}
SYNTAXES = {
    served.IMPLICIT: IMPLICIT,
    served.EXPLICIT: EXPLICIT,
    served.BIG: EXPLICIT_BIG,
    served.DEFLATED: EXPLICIT,
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made_folder = Folder(tmp_path)
    yield made_folder
    os.close(made_folder.root)


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = os.open(path, os.O_RDONLY)

    def describe(self, data: bytes, syntax: str = served.EXPLICIT) -> Description:
        (self.path / "a.dcm").write_bytes(file_meta(served.CT, "1.2.3.4", syntax, "T") + data)
        return described(self.root, "a.dcm")


def row(description: Description, level: Level) -> dict[str, object]:
    own = 1 if level is not Level.PATIENT else 0
    names = columns(level)[own:]
    if level is Level.IMAGE:
        names = names[: -len(OWN_COLUMNS)]
    return dict(zip(names, description.values(level), strict=True))


def everything(description: Description) -> dict[str, object]:
    return {name: value for level in LEVELS for name, value in row(description, level).items()}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_encoding_gives_the_same_values(folder: Folder, syntax: str) -> None:
    data = encode(
        made(
            **UIDS,
            PatientID="P1",
            PatientName="Doe^Jane",
            OtherPatientIDs=["A", "B"],
            PatientSize="1.80",
            ImageType=["ORIGINAL", "PRIMARY"],
            InstanceNumber="7",
            StudyDate="20240229",
            Rows=512,
        ),
        SYNTAXES[syntax],
    )
    if syntax == served.DEFLATED:
        data = zlib.compress(data)[2:-4]
    description = folder.describe(data, syntax)
    found = {name: value for name, value in everything(description).items() if value is not None}
    assert found == UIDS | {
        "PatientID": "P1",
        "PatientName": "Doe^Jane",
        "PatientNameFolded": "doe^jane",
        "OtherPatientIDs": "A\\B",
        "StudyDate": "20240229",
        "PatientSize": "1.80",
        "InstanceNumber": "7",
        "ImageType": "ORIGINAL\\PRIMARY",
        "Rows": "512",
    }
    size = (folder.path / "a.dcm").stat().st_size
    assert description.file == (syntax, size, (folder.path / "a.dcm").stat().st_mtime_ns)


def test_what_is_absent_or_empty_is_null_but_unique_keys(folder: Folder) -> None:
    found = everything(folder.describe(encode(made(SOPInstanceUID="1.2", PatientName=""), EXPLICIT)))
    assert {name for name, value in found.items() if value == ""} == {
        "PatientID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPClassUID",
    }
    assert {name for name, value in found.items() if value} == {"SOPInstanceUID"}


def test_padding_is_taken_off_and_text_decoded(folder: Folder) -> None:
    raw = (
        element(0x00080005, "CS", b"ISO_IR 100", EXPLICIT)
        + element(0x00080018, "UI", b"1.2.3\0", EXPLICIT)
        + element(0x00080050, "SH", b" A1 ", EXPLICIT)
        + element(0x00100010, "PN", "Müller^Jürgen ".encode("latin-1"), EXPLICIT)
        + element(0x00100020, "LO", b"P1\\ P2 ", EXPLICIT)
    )
    found = everything(folder.describe(raw))
    assert found["PatientName"] == "Müller^Jürgen"
    assert found["PatientNameFolded"] == "müller^jürgen"
    assert (found["SOPInstanceUID"], found["AccessionNumber"]) == ("1.2.3", "A1")
    assert found["PatientID"] == "P1\\P2"


def test_what_is_not_of_its_character_set_can_still_be_stored(folder: Folder) -> None:
    raw = element(0x00080018, "UI", b"1.2", EXPLICIT) + element(0x00100010, "PN", b"M\xfcller", EXPLICIT)
    found = everything(folder.describe(raw))["PatientName"]
    assert found == "M\ufffdller"
    assert isinstance(found, str)
    assert found.encode()


@pytest.mark.parametrize("form", ["defined", "undefined", "unknown"])
@pytest.mark.parametrize("encoding", [EXPLICIT, IMPLICIT, EXPLICIT_BIG])
def test_sequences_are_kept_in_utf_8(folder: Folder, encoding: Encoding, form: str) -> None:
    syntax = next(uid for uid, each in SYNTAXES.items() if each is encoding)
    code = made(CodeValue="1", CodeMeaning="Schädel", SpecificCharacterSet="ISO_IR 100")
    inner = IMPLICIT if form == "unknown" else encoding
    value = item(encode(code, inner), inner) * 2
    if form == "undefined":
        sequence = delimited(0x00081032, value, encoding)
    else:
        unknown = form == "unknown" and encoding.explicit
        sequence = element(0x00081032, "UN" if unknown else "SQ", value, encoding)
    before = element(0x00080005, "CS", b"ISO_IR 192", encoding) + element(
        0x00080018, "UI", b"1.2\0", encoding
    )
    found = everything(folder.describe(before + sequence, syntax))["ProcedureCodeSequence"]
    assert isinstance(found, bytes)
    whole = decode(found, EXPLICIT)
    first, second = items(whole, 0x00081032)
    assert [text(each, "CodeMeaning") for each in (first, second)] == ["Schädel", "Schädel"]
    assert 0x00080005 not in first
    assert text(whole, 0x00080005) == "ISO_IR 192"
    plain = made(CodeValue="1", CodeMeaning="Schädel")
    assert found == encode(
        made(SpecificCharacterSet="ISO_IR 192", ProcedureCodeSequence=[plain, plain]), EXPLICIT
    )


def test_values_that_are_too_long_are_left_out(folder: Folder) -> None:
    long = item(element(0x00080100, "SH", b"1", EXPLICIT), EXPLICIT) * (LONGEST // 16)
    raw = (
        element(0x00080018, "UI", b"1.2\0", EXPLICIT)
        + element(0x00081032, "SQ", long, EXPLICIT)
        + delimited(0x00081110, long, EXPLICIT)
        + element(0x00104000, "UT", b"x" * (LONGEST + 2), EXPLICIT)
        + element(0x00200013, "IS", b"12", EXPLICIT)
    )
    found = everything(folder.describe(raw))
    assert {name for name, value in found.items() if value} == {"SOPInstanceUID", "InstanceNumber"}


def test_the_vr_of_the_dictionary_counts(folder: Folder) -> None:
    """A hostile VR makes no number of a name, and no text of a sequence."""
    raw = (
        element(0x00080018, "UI", b"1.2\0", EXPLICIT)
        + element(0x00081032, "LO", b"no item", EXPLICIT)
        + element(0x00100010, "OB", b"Doe^Jane", EXPLICIT)
        + element(0x00280010, "UL", b"\1\0\0\0", EXPLICIT)
    )
    found = everything(folder.describe(raw))
    assert found["PatientName"] == "Doe^Jane"
    assert found["ProcedureCodeSequence"] is None
    assert found["Rows"] == "1\\0"


def test_what_is_broken_behind_the_uids_is_described_by_what_is_before(folder: Folder) -> None:
    raw = encode(made(**UIDS, PatientID="P1"), EXPLICIT)
    found = everything(folder.describe(raw + b"\x28\x00\x10\x00\x00\x01rubbish"))
    assert found["SeriesInstanceUID"] == "1.2.3.1"
    assert found["PatientID"] == "P1"


def test_uids_that_stand_in_the_wrong_order_are_found(folder: Folder) -> None:
    """Receiving takes them, so the index must."""
    parts = {
        tag: encode(made(**{keyword: value}), EXPLICIT)
        for tag, (keyword, value) in enumerate([*UIDS.items(), ("PatientID", "P1")])
    }
    late = encode(made(Rows=512, PixelData=b"\0" * 8), EXPLICIT)
    for first, ahead in parts.items():
        behind = b"".join([part for number, part in parts.items() if number != first])
        found = everything(folder.describe(ahead + late + behind))
        assert {keyword: found[keyword] for keyword in UIDS} == UIDS
        assert found["PatientID"] == "P1"
    broken = folder.describe(encode(made(**UIDS), EXPLICIT) + late + b"rubbish!")
    assert everything(broken)["StudyInstanceUID"] == "1.2.3"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "does not say which instance"),
        (encode(made(StudyInstanceUID="1.2"), EXPLICIT), "does not say which instance"),
        (b"\x08\x00\x18\x00\x00\x001234", "is not a value representation"),
    ],
)
def test_what_says_nothing_is_told(folder: Folder, data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        folder.describe(data)


def test_no_link_is_followed_and_no_pipe_waited_for(folder: Folder) -> None:
    (folder.path / "link.dcm").symlink_to(samples.ct())
    os.mkfifo(folder.path / "pipe.dcm")
    for name in ("link.dcm", "pipe.dcm", "none.dcm"):
        with pytest.raises(InputError):
            described(folder.root, name)


def test_two_instances_of_a_series_have_the_same_rows_above(folder: Folder) -> None:
    first = folder.describe(encode(made(**UIDS, InstanceNumber="1"), EXPLICIT))
    second = folder.describe(encode(made(**UIDS, InstanceNumber="2"), EXPLICIT))
    other = folder.describe(encode(made(**UIDS, SeriesDescription="x"), EXPLICIT))
    implicit = folder.describe(encode(made(**UIDS), IMPLICIT), served.IMPLICIT)
    assert first.upper == second.upper
    assert len({first.upper, other.upper, implicit.upper}) == 3


def test_all_real_files_of_the_table_agree_with_pydicom(tmp_path: Path) -> None:
    import pydicom

    path = samples.ct()
    (tmp_path / "ct.dcm").write_bytes(path.read_bytes())
    root = os.open(tmp_path, os.O_RDONLY)
    try:
        found = everything(described(root, "ct.dcm"))
    finally:
        os.close(root)
    expected = pydicom.dcmread(path)
    checked = 0
    for attributes in ATTRIBUTES.values():
        for keyword, tag, vr, _ in attributes:
            if tag not in expected or vr in ("SQ", "DS"):
                continue
            value = expected[tag].value
            several = value if isinstance(value, pydicom.multival.MultiValue) else [value]
            assert found[keyword] == ("\\".join(map(str, several)) or None), keyword
            checked += 1
    assert checked > 25
