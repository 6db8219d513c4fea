from __future__ import annotations

import pytest

from dcmtools.encoding.checking import check_element, creator_of, faults
from dcmtools.encoding.dataset import DataSet, made


def test_nothing_is_wrong_with_what_is_right() -> None:
    data_set = made(PatientID="1", Rows=512, ImageType="A\\B", RequestAttributesSequence=[made(PatientID="")])
    assert list(faults(data_set)) == []


def test_each_fault_has_its_path() -> None:
    inner = made(PatientBirthDate="x", Rows="1\\2")
    found = list(faults(made(PatientID="a" * 65, RequestAttributesSequence=[made(), inner])))
    assert [each.partition(": ")[0] for each in found] == [
        "PatientID (0010,0020)",
        "RequestAttributesSequence (0040,0275)[1].PatientBirthDate (0010,0030)",
        "RequestAttributesSequence (0040,0275)[1].Rows (0028,0010)",
    ]


def private(creator: str, vr: str, value: bytes) -> DataSet:
    data_set = DataSet()
    if creator:
        data_set[0x00430010] = ("LO", creator.encode())
    data_set[0x00431015] = (vr, value)
    return data_set


def test_private_elements_want_their_creator() -> None:
    assert creator_of(private("GEMS_PARM_01", "SS", b""), 0x00431015) == "GEMS_PARM_01"
    with pytest.raises(ValueError, match="its private creator is missing"):
        creator_of(private("", "SS", b""), 0x00431015)


def test_how_many_values_a_private_element_has_is_told_where_it_is_asked() -> None:
    data_set = private("GEMS_PARM_01", "SS", b"\1\0")  # VM 3, as far as is known
    with pytest.raises(ValueError, match="1 value where the VM is 3"):
        check_element(data_set, 0x00431015)
    check_element(data_set, 0x00431015, counted=False)
    assert list(faults(data_set)) == []


@pytest.mark.parametrize(
    ("tag", "vr", "value", "message"),
    [
        (0x00100020, "SH", b"x ", "its VR is LO, not SH"),
        (0x00020010, "UI", b"1.2 ", "cannot be set: it is an element of the file meta information"),
        (0x00660016, "OF", b"12345", "5 bytes are no whole number of values of VR OF"),
        (0x00280010, "US", b"1", "1 bytes are no whole number"),
    ],
)
def test_what_is_wrong(tag: int, vr: str, value: bytes, message: str) -> None:
    data_set = DataSet()
    data_set[tag] = (vr, value)
    with pytest.raises(ValueError, match=message):
        check_element(data_set, tag)
