"""What is taken over of another object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.conversion.origins import taken_over
from dcmtools.encoding.dataset import DataSet, encode, items, made, text
from dcmtools.encoding.syntax import EXPLICIT, EXPLICIT_VR_LITTLE_ENDIAN
from dcmtools.errors import UsageError
from dcmtools.files.meta import file_meta

if TYPE_CHECKING:
    from pathlib import Path


def saved(path: Path, data_set: DataSet, cut: int = 0) -> str:
    data = file_meta("1.2", "1.2.3", EXPLICIT_VR_LITTLE_ENDIAN) + encode(data_set, EXPLICIT)
    path.write_bytes(data[: len(data) - cut])
    return str(path)


def of_study(**values: object) -> DataSet:
    return made(PatientID="P", StudyInstanceUID="1.2.4", SeriesInstanceUID="1.2.5", **values)  # type: ignore[arg-type]  # any


def test_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    data_set = of_study(
        InstanceNumber=4,
        StudyDescription="S",
        OtherPatientIDsSequence=[made(PatientID="Q")],
        ReferencedStudySequence=[made(ReferencedSOPInstanceUID="1.9")],
        RequestAttributesSequence=[made(StudyInstanceUID="9.9")],
    )
    data_set[0x00090010] = ("LO", b"OWN ")
    data_set[0x00091001] = ("OB", b"\0" * 100_000)
    path = saved(tmp_path / "a.dcm", data_set)
    found = taken_over(path)
    assert [text(found, name) for name in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")] == [
        "P",
        "1.2.4",
        "",
    ]
    assert [text(each, "PatientID") for each in items(found, "OtherPatientIDsSequence")] == ["Q"]
    assert not {0x00091001, 0x00400275, 0x00200013} & found.keys()
    series = taken_over(path, series=True)
    assert (text(series, "SeriesInstanceUID"), text(series, "InstanceNumber")) == ("1.2.5", "4")


def test_text_is_utf_8_wherever_it_stands(tmp_path: Path) -> None:
    item = DataSet(b"ISO_IR 144")
    item[0x00100010] = ("PN", "Юлия".encode("iso8859_5"))
    data_set = DataSet(b"ISO_IR 144")
    data_set.update(of_study())
    data_set[0x00080005] = ("CS", b"ISO_IR 144")
    data_set[0x00101002] = ("SQ", [item])
    found = taken_over(saved(tmp_path / "a.dcm", data_set))
    assert items(found, "OtherPatientIDsSequence")[0][0x00100010] == ("PN", "Юлия".encode())
    assert 0x00080005 not in found


@pytest.mark.parametrize(
    ("data_set", "cut", "message"),
    [
        (made(PatientID="P"), 0, "no Study Instance UID"),
        (of_study(), 3, "it is damaged"),
    ],
)
def test_what_cannot_be_taken_over(tmp_path: Path, data_set: DataSet, cut: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        taken_over(saved(tmp_path / "a.dcm", data_set, cut))
