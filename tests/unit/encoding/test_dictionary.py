"""The dictionary says of every tag what pydicom, from which its tables come, says of it."""

from __future__ import annotations

import pytest
from pydicom._dicom_dict import DicomDictionary
from pydicom._private_dict import private_dictionaries

from dcmtools.encoding import dictionary


def test_every_element_of_ps3_6() -> None:
    for tag, (vr, vm, _, _, keyword) in DicomDictionary.items():
        assert dictionary.lookup(tag) == (vr, vm, keyword)
        if keyword:
            assert dictionary.tag_of(keyword.upper()) == tag
    assert dictionary.keywords() == [entry[4] for _, entry in sorted(DicomDictionary.items())]


@pytest.mark.parametrize(
    ("tag", "entry"),
    [
        (0x00080000, ("UL", "1", "GroupLength")),
        (0x00290010, ("LO", "1", "PrivateCreator")),
        (0x00291010, dictionary.UNKNOWN),
        (0x00081234, dictionary.UNKNOWN),
        (0x60020010, ("US", "1", "OverlayRows")),
        (0xFFFFFFFF, dictionary.UNKNOWN),
    ],
)
def test_tags_that_are_not_listed(tag: int, entry: tuple[str, str, str]) -> None:
    assert dictionary.lookup(tag) == entry


def test_every_private_element_whatever_its_block() -> None:
    for creator, entries in private_dictionaries.items():
        for mask, (vr, vm, name, _) in entries.items():
            if mask[4:6] == "xx" and "x" not in mask[:4]:
                tag = int(mask.replace("xx", "42"), 16)
                assert dictionary.private_lookup(creator, tag) == (vr, vm, name)
    assert dictionary.private_lookup("nobody", 0x00290010) == dictionary.UNKNOWN


@pytest.mark.parametrize("text", ["", "Nonsense", "1|PatientName", "PatientName\n0020|LO|1|PatientID"])
def test_what_is_no_keyword(text: str) -> None:
    with pytest.raises(KeyError):
        dictionary.tag_of(text)
