"""Edits made in data sets: what becomes of them byte by byte, in every encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.dataset import DataSet, decode, text
from dcmtools.errors import InputError, MalformedError
from dcmtools.files.part10 import Part10File
from dcmtools.modifying.edits import step
from dcmtools.modifying.told import MOST, Alteration, Told
from dcmtools.modifying.wanted import erasing, setting
from tests.support.encoded import CODERS, EVL, IVL, Coder, part10

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dcmtools.editing.pieces import Splice
    from dcmtools.modifying.wanted import Wanted

SYNTAXES = {
    "explicit little": "1.2.840.10008.1.2.1",
    "explicit big": "1.2.840.10008.1.2.2",
    "implicit little": "1.2.840.10008.1.2",
}
NAME, AGE, STUDIES, UID = 0x00100010, 0x00101010, 0x00081110, 0x00081155
each_encoding = pytest.mark.parametrize("name", CODERS)


@pytest.fixture
def edit(tmp_path: Path) -> Callable[..., bytes]:
    """Return the data set once edits are made; ``-`` in front of a path erases, ``?`` replaces."""

    def made(
        data: bytes, *texts: str, name: str = "explicit little", told: Told | None = None, **how: bool
    ) -> bytes:
        path = tmp_path / "file.dcm"
        path.write_bytes(part10(data, SYNTAXES[name]))
        with Part10File.open(str(path)) as file:
            whole: Splice | None = step(map(wanted, texts), **how)(file, Told() if told is None else told)
            return data if whole is None else b"".join(whole.blocks())

    return made


def wanted(said: str) -> Wanted:
    if said.startswith("-"):
        return erasing(said[1:])
    return setting(said[1:], "replace") if said.startswith("?") else setting(said)


def some(coder: Coder) -> list[bytes]:
    return [
        coder.element(0x00080060, "CS", b"CT"),
        coder.sequence(STUDIES, coder.item(coder.element(UID, "UI", b"1.2\0")), undefined=True),
        coder.element(NAME, "PN", b"DOE^JANE"),
        coder.element(0x00280010, "US", coder.number("H", 512)),
    ]


@each_encoding
def test_set_where_it_is_there(name: str, edit: Callable[..., bytes]) -> None:
    coder, told = CODERS[name], Told()
    first, second, _, last = some(coder)
    new = edit(b"".join(some(coder)), "PatientName=A^B", "Rows=7", name=name, told=told)
    rows = coder.element(0x00280010, "US", coder.number("H", 7))
    assert new == first + second + coder.element(NAME, "PN", b"A^B ") + rows
    assert told == [
        Alteration("(0010,0010)", "set", "DOE^JANE", "A^B"),
        Alteration("(0028,0010)", "set", "512", "7"),
    ]
    assert last != rows


@each_encoding
def test_put_in_where_it_belongs(name: str, edit: Callable[..., bytes]) -> None:
    coder, told = CODERS[name], Told()
    first, second, third, last = some(coder)
    age, number = coder.element(AGE, "AS", b"042Y"), coder.element(0x00280011, "US", coder.number("H", 9))
    new = edit(b"".join(some(coder)), "Columns=9", "PatientAge=042Y", name=name, told=told)
    assert new == first + second + third + age + last + number
    assert told == [
        Alteration("(0010,1010)", "insert", "", "042Y"),
        Alteration("(0028,0011)", "insert", "", "9"),
    ]


@each_encoding
def test_erased(name: str, edit: Callable[..., bytes]) -> None:
    coder, told = CODERS[name], Told()
    first, _, _, last = some(coder)
    texts = "-PatientName", "-ReferencedStudySequence", "-PatientAge"
    assert edit(b"".join(some(coder)), *texts, name=name, told=told) == first + last
    assert told == [
        Alteration("(0008,1110)", "erase", "sequence"),
        Alteration("(0010,0010)", "erase", "DOE^JANE"),
    ]


@each_encoding
@pytest.mark.parametrize("undefined", [False, True])
def test_within_items(name: str, undefined: bool, edit: Callable[..., bytes]) -> None:
    coder = CODERS[name]

    def studies(*uids: bytes) -> bytes:
        items = [coder.item(coder.element(UID, "UI", uid), undefined=undefined) for uid in uids]
        return coder.sequence(STUDIES, *items, undefined=undefined)

    data, path = studies(b"1.2\0", b"1.3\0"), "ReferencedStudySequence[{}].ReferencedSOPInstanceUID"
    assert edit(data, path.format(1) + "=1.23.4", name=name) == studies(b"1.2\0", b"1.23.4")
    assert edit(data, path.format("*") + "=1.5", name=name) == studies(b"1.5\0", b"1.5\0")
    assert edit(data, "**.ReferencedSOPInstanceUID=1.5", name=name) == studies(b"1.5\0", b"1.5\0")
    assert edit(data, "-ReferencedStudySequence[0]", name=name) == studies(b"1.3\0")
    assert edit(data, "-ReferencedStudySequence[*]", name=name) == studies()
    assert edit(data, "-**.ReferencedSOPInstanceUID", name=name) == coder.sequence(
        STUDIES, *[coder.item(undefined=undefined)] * 2, undefined=undefined
    )
    more = edit(data, path.format(2) + "=1.4", path.format(3) + "=1.5", name=name)
    assert [text(item, UID) for item in items_of(more, coder)] == ["1.2", "1.3", "1.4", "1.5"]


def items_of(data: bytes, coder: Coder) -> list[DataSet]:
    value = decode(data, coder.encoding)[STUDIES][1]
    assert isinstance(value, list)
    return value


@each_encoding
def test_items_are_made(name: str, edit: Callable[..., bytes]) -> None:
    coder = CODERS[name]
    texts = (
        "ReferencedStudySequence.ReferencedSOPInstanceUID=1.2",
        "ReferencedStudySequence[0].ReferencedSOPClassUID=1.3",
    )
    item = coder.item(coder.element(0x00081150, "UI", b"1.3\0") + coder.element(UID, "UI", b"1.2\0"))
    assert edit(b"", *texts, name=name) == coder.sequence(STUDIES, item)
    empty = coder.sequence(STUDIES)
    assert edit(empty, *texts, name=name) == coder.sequence(STUDIES, item)


def test_the_most_specific_counts(edit: Callable[..., bytes]) -> None:
    items = [EVL.item(EVL.element(UID, "UI", b"1.2\0"))] * 2
    path = "ReferencedStudySequence[{}].ReferencedSOPInstanceUID={}"
    new = edit(
        EVL.sequence(STUDIES, *items),
        path.format(0, "1.5"),
        path.format("*", "1.6"),
        "-**.ReferencedSOPInstanceUID",
    )
    values = [b"1.5\0", b"1.6\0"]
    assert new == EVL.sequence(STUDIES, *[EVL.item(EVL.element(UID, "UI", each)) for each in values])


def test_one_item_or_say_which(edit: Callable[..., bytes]) -> None:
    item = EVL.item(EVL.element(UID, "UI", b"1.2\0"))
    said = "ReferencedStudySequence.ReferencedSOPInstanceUID=1.5"
    assert b"1.5" in edit(EVL.sequence(STUDIES, item), said)
    with pytest.raises(InputError, match="there are several items: say which"):
        edit(EVL.sequence(STUDIES, item, item), said)
    with pytest.raises(InputError, match="there are several items"):
        edit(EVL.sequence(STUDIES, item, item), "-ReferencedStudySequence.ReferencedSOPInstanceUID")


def test_no_item_is_left_out(edit: Callable[..., bytes]) -> None:
    item = EVL.item(EVL.element(UID, "UI", b"1.2\0"))
    for data in (EVL.sequence(STUDIES, item), b""):
        with pytest.raises(InputError, match="no item 2 yet"):
            edit(data, "ReferencedStudySequence[2].ReferencedSOPInstanceUID=1.5")
    assert edit(b"", "ReferencedStudySequence[*].ReferencedSOPInstanceUID=1.5") == b""


def test_what_is_no_sequence(edit: Callable[..., bytes]) -> None:
    data = EVL.element(STUDIES, "LO", b"ab")
    with pytest.raises(InputError, match=r"\(0008,1110\) is no sequence"):
        edit(data, "ReferencedStudySequence[0].ReferencedSOPInstanceUID=1.5")
    assert edit(data, "-ReferencedStudySequence[0].ReferencedSOPInstanceUID") == data


def test_replaced_where_it_is_there(edit: Callable[..., bytes]) -> None:
    data = EVL.element(NAME, "PN", b"DOE^JANE")
    assert edit(data, "?PatientName=A^B") == EVL.element(NAME, "PN", b"A^B ")
    with pytest.raises(InputError, match="PatientAge is not there to be replaced"):
        edit(data, "?PatientName=A^B", "?PatientAge=042Y")
    assert edit(data, "?PatientAge=042Y", missing_ok=True) == data


def test_what_is_so_already_is_no_change(edit: Callable[..., bytes]) -> None:
    told = Told()
    data = EVL.element(NAME, "PN", b"DOE^JANE")
    assert edit(data, "PatientName=DOE^JANE", told=told) == data
    assert not told


def test_another_vr_is_put_right(edit: Callable[..., bytes]) -> None:
    new = edit(EVL.element(NAME, "UN", b"DOE^JANE"), "PatientName=DOE^JANE")
    assert new == EVL.element(NAME, "PN", b"DOE^JANE")


def test_text_goes_into_the_character_set_of_the_data_set(edit: Callable[..., bytes]) -> None:
    latin = EVL.element(0x00080005, "CS", b"ISO_IR 100")
    assert edit(latin, "PatientName=Müller") == latin + EVL.element(NAME, "PN", b"M\xfcller")
    inner = EVL.element(0x00080005, "CS", b"ISO_IR 192")
    data = latin + EVL.sequence(STUDIES, EVL.item(inner))
    new = edit(data, "ReferencedStudySequence[0].PatientName=Müller")
    assert EVL.element(NAME, "PN", "Müller ".encode()) in new
    assert b"M\xfcller" in edit(latin, "ReferencedStudySequence[0].PatientName=Müller")
    with pytest.raises(InputError, match="cannot be written in the data set's character set"):
        edit(latin, "PatientName=Σ")
    with pytest.raises(InputError, match=r"\(0008,1110\).*cannot be written"):
        edit(latin, "ReferencedStudySequence[0].PatientName=Σ")


def test_pixel_representation_decides(edit: Callable[..., bytes]) -> None:
    signed = EVL.element(0x00280103, "US", b"\1\0")
    assert edit(signed, "SmallestImagePixelValue=-3") == signed + EVL.element(0x00280106, "SS", b"\xfd\xff")
    with pytest.raises(InputError, match="VR US"):
        edit(signed, "SmallestImagePixelValue=-3", "PixelRepresentation=0")


@each_encoding
def test_private_elements(name: str, edit: Callable[..., bytes]) -> None:
    coder = CODERS[name]
    before = coder.element(0x00190010, "LO", b"SOMEBODY")
    known = coder.element(0x00190011, "LO", b"SIEMENS MR HEADER ")
    value = coder.element(0x0019110C, "IS", b"17")
    assert edit(before + known, "0019,0c,SIEMENS MR HEADER=17", name=name) == before + known + value
    assert edit(before, "0019,0c,SIEMENS MR HEADER=17", name=name) == before + known + value
    first = coder.element(0x00190010, "LO", b"SIEMENS MR HEADER ")
    assert edit(b"", "0019,0c,SIEMENS MR HEADER=17", name=name) == first + coder.element(
        0x0019100C, "IS", b"17"
    )
    assert edit(before + known + value, "-0019,0c,SIEMENS MR HEADER", name=name) == before + known
    assert edit(before, "-0019,0c,SIEMENS MR HEADER", name=name) == before


def test_private_elements_of_groups_in_any_order(edit: Callable[..., bytes]) -> None:
    texts = "0051,08,SIEMENS MR HEADER=3", "0019,0c,SIEMENS MR HEADER=17", "-0029,10,SIEMENS CSA HEADER"
    new = decode(edit(EVL.element(0x00280010, "US", b"\0\2"), *texts), EVL.encoding)
    assert sorted(new) == [0x00190010, 0x0019100C, 0x00280010, 0x00510010, 0x00511008]


def test_no_private_block_is_free(edit: Callable[..., bytes]) -> None:
    data = EVL.element(0x001900FF, "LO", b"SOMEBODY")
    with pytest.raises(InputError, match="no private block of group 0019 is free"):
        edit(data, "0019,0c,SIEMENS MR HEADER=17")


def test_a_block_that_is_in_use_without_its_creator(edit: Callable[..., bytes]) -> None:
    data = EVL.element(0x0019100C, "IS", b"16")
    with pytest.raises(MalformedError, match=r"\(0019,100c\)"):
        edit(data, "0019,0c,SIEMENS MR HEADER=17")


@each_encoding
def test_all_private_elements(name: str, edit: Callable[..., bytes]) -> None:
    coder = CODERS[name]
    private = coder.element(0x00090010, "LO", b"SOMEBODY") + coder.element(0x00091001, "UN", b"ab")
    item = coder.item(coder.element(UID, "UI", b"1.2\0") + private)
    data = coder.sequence(STUDIES, item) + private + coder.element(NAME, "PN", b"DOE^JANE")
    clean = coder.sequence(STUDIES, coder.item(coder.element(UID, "UI", b"1.2\0")))
    clean += coder.element(NAME, "PN", b"DOE^JANE")
    assert edit(data, name=name, private=True) == clean
    both = edit(data, "0019,0c,SIEMENS MR HEADER=17", name=name, private=True)
    assert 0x0019100C in decode(both, coder.encoding)


def test_nothing_stands_twice(edit: Callable[..., bytes]) -> None:
    data = EVL.element(0x00280010, "US", b"\0\2") + EVL.element(NAME, "PN", b"DOE^JANE")
    with pytest.raises(MalformedError, match="stands behind a higher tag"):
        edit(data, "PatientName=A^B")
    twice = EVL.element(NAME, "PN", b"DOE^JANE") * 2
    assert edit(twice, "-PatientName") == b""
    assert edit(EVL.element(0x00280010, "US", b"\0\2") + twice, "-PatientName") == EVL.element(
        0x00280010, "US", b"\0\2"
    )


def test_lengths_of_groups_that_change_go(edit: Callable[..., bytes]) -> None:
    length, name = EVL.element(0x00100000, "UL", b"\x10\0\0\0"), EVL.element(NAME, "PN", b"DOE^JANE")
    other = EVL.element(0x00080000, "UL", b"\x0a\0\0\0") + EVL.element(0x00080060, "CS", b"CT")
    assert edit(other + length + name, "PatientAge=042Y") == other + name + EVL.element(AGE, "AS", b"042Y")
    assert edit(other + length + name, "PatientName=A^B") == other + EVL.element(NAME, "PN", b"A^B ")


def test_encapsulated_pixel_data_goes_as_a_whole(edit: Callable[..., bytes]) -> None:
    pixels = EVL.sequence(0x7FE00010, EVL.item(), EVL.item(b"abcd"), undefined=True, vr="OB")
    name, trailing = EVL.element(NAME, "PN", b"DOE^JANE"), EVL.element(0xFFFCFFFC, "OB", b"ab")
    assert edit(name + pixels + trailing, "-PixelData") == name + trailing
    assert edit(name + pixels + trailing, "PatientName=A^B").endswith(b"A^B " + pixels + trailing)


def test_a_sequence_under_vr_un(edit: Callable[..., bytes]) -> None:
    item = IVL.item(IVL.element(UID, "UI", b"1.2\0"))
    data = EVL.header(STUDIES, "UN", len(item)) + item
    new = edit(data, "ReferencedStudySequence[0].ReferencedSOPInstanceUID=1.23.4")
    longer = IVL.item(IVL.element(UID, "UI", b"1.23.4"))
    assert new == EVL.header(STUDIES, "UN", len(longer)) + longer


def test_damage_anywhere_is_found(edit: Callable[..., bytes]) -> None:
    data = EVL.element(NAME, "PN", b"DOE^JANE") + EVL.element(0x7FE00010, "OW", b"ab", length=400)
    for texts in (["PatientName=A^B"], ["-**.PatientName"], ["0019,0c,SIEMENS MR HEADER=17"]):
        with pytest.raises(MalformedError, match=r"\(7fe0,0010\)"):
            edit(data, *texts)


def test_of_very_many_changes_the_first_are_told(edit: Callable[..., bytes]) -> None:
    told = Told()
    items = [EVL.item(EVL.element(UID, "UI", b"1.2\0"))] * (MOST + 5)
    edit(EVL.sequence(STUDIES, *items), "-**.ReferencedSOPInstanceUID", told=told)
    assert (len(told), told.total) == (MOST, MOST + 5)


def test_a_value_too_long_for_its_header(edit: Callable[..., bytes]) -> None:
    many = "\\".join(["123456789"] * 6999)
    with pytest.raises(InputError, match="too many for VR DS"):
        edit(b"", f"ContourData={many}")
    assert len(edit(b"", f"ContourData={many}", name="implicit little")) == 69990 + 8
