"""Files de-identified: what goes, what stays byte for byte, in all encodings and at any depth."""

from __future__ import annotations

import hashlib
import zlib
from io import BytesIO
from struct import pack
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.dataset import items
from dcmtools.encoding.dataset import text as text_of
from dcmtools.errors import DcmtoolsError, InputError, MalformedError, Unsuitable
from dcmtools.files.part10 import Part10File
from tests.support.deidentified import (
    BASIC,
    Options,
    bytes_of,
    data_set_of,
    deidentified,
    deidentifier,
    file_of,
    text,
)
from tests.support.encoded import CODERS, EVL, IVL, Coder, part10
from tests.support.planting import NATIVE, planted
from tests.support.samples import ct, dicomdir, mr, named_files, real_file

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.deidentification.engine import Deidentifier

NAME, ID, BIRTH, DATE, UID = 0x00100010, 0x00100020, 0x00100030, 0x00080020, 0x00081155
INSTANCE = text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2") + text(0x00080018, "UI", "1.2.3.4")
PIXELS = EVL.element(0x7FE00010, "OW", bytes(range(64)))
REGION, MODIFIER = 0x00082218, 0x00082220
SYNTAXES = {
    "explicit little": "1.2.840.10008.1.2.1",
    "explicit big": "1.2.840.10008.1.2.2",
    "implicit little": "1.2.840.10008.1.2",
}


def image(*elements: bytes) -> bytes:
    return INSTANCE + b"".join(elements) + PIXELS


# ---------------------------------------------------------------- everything at once


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("options", [BASIC, Options(clean=("structured", "graphics"))])
def test_nothing_of_what_was_planted_is_left(tmp_path: Path, syntax: str, options: Options) -> None:
    plant = planted(syntax)
    path = tmp_path / "planted.dcm"
    path.write_bytes(plant.data)
    left = plant.leaked(file_of(path, options))
    assert [each for each in left if each != "behind the last frame"] == []


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about values
@pytest.mark.parametrize("path", [path for _, path in named_files()], ids=[name for name, _ in named_files()])
def test_real_files(path: Path) -> None:
    """What comes out is walked to its end, and harmless elements are as they were."""
    from pydicom import dcmread

    try:
        written = file_of(path)
    except DcmtoolsError:
        return
    before, after = dcmread(path), dcmread(BytesIO(written))
    assert after.PatientIdentityRemoved == "YES"
    for element in before:
        if element.tag.group in (0x0018, 0x0020, 0x0028) and element.VR in ("DS", "IS", "US", "FD", "CS"):
            kept = after.get(element.tag)
            if kept is not None:
                assert kept.value == element.value
    if "PixelData" in before:
        assert after.PixelData == before.PixelData


# ---------------------------------------------------------------- single attributes


@pytest.mark.parametrize("name", CODERS)
def test_the_patient(tmp_path: Path, name: str) -> None:
    code, syntax = CODERS[name], SYNTAXES[name]
    data_set = b"".join(
        [
            text(DATE, "DA", "20200102", code),
            text(0x00080060, "CS", "CT", code),
            text(NAME, "PN", "Doe^John", code),
            text(ID, "LO", "12345", code),
            text(BIRTH, "DA", "19500102", code),
            text(0x00101010, "AS", "070Y", code),
            code.element(0x00280010, "US", code.number("H", 7)),
        ]
    )
    done = data_set_of(tmp_path, data_set, syntax=syntax)
    assert text_of(done, DATE) == text_of(done, BIRTH) == ""
    assert text_of(done, ID) == text_of(done, NAME) != "12345"
    assert 0x00101010 not in done
    assert text_of(done, "Rows") == "7"
    assert text_of(done, "Modality") == "CT"
    assert text_of(done, "PatientIdentityRemoved") == "YES"
    assert text_of(done, "LongitudinalTemporalInformationModified") == "REMOVED"
    [code_item] = items(done, "DeidentificationMethodCodeSequence")
    assert text_of(code_item, "CodeValue") == "113100"


def test_what_is_empty_stays_empty(tmp_path: Path) -> None:
    done = data_set_of(tmp_path, image(EVL.element(0x00080023, "DA"), EVL.element(ID, "LO")))
    assert text_of(done, 0x00080023) == text_of(done, ID) == ""


def test_dates_move_with_the_patient(tmp_path: Path) -> None:
    shifted = Options(retain=("dates-shifted",))
    data_set = image(
        text(DATE, "DA", "20200102"),
        text(0x0008002A, "DT", "20200103101112"),
        text(0x00080030, "TM", "1011"),
        text(ID, "LO", "7"),
        text(BIRTH, "DA", "19500102"),
    )
    done = data_set_of(tmp_path, data_set, shifted)
    study, acquired = text_of(done, DATE), text_of(done, 0x0008002A)
    assert study != "20200102"
    assert int(acquired[:8]) > int(study) or acquired[:6] != study[:6]
    assert acquired[8:] == "101112"
    assert text_of(done, 0x00080030) == "1011"
    assert text_of(done, BIRTH) == ""
    assert text_of(done, "LongitudinalTemporalInformationModified") == "MODIFIED"
    other = data_set_of(tmp_path, data_set.replace(b"7 ", b"8 "), shifted)
    assert text_of(other, DATE) != study


def test_dates_that_stay(tmp_path: Path) -> None:
    done = data_set_of(
        tmp_path,
        image(text(DATE, "DA", "20200102"), text(BIRTH, "DA", "20200102")),
        Options(retain=("dates",)),
    )
    assert text_of(done, DATE) == "20200102"
    assert text_of(done, BIRTH) == ""


def test_uids_are_mapped_everywhere_alike(tmp_path: Path) -> None:
    reference = EVL.item(text(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2") + text(UID, "UI", "1.2.3.4"))
    data_set = image(
        EVL.sequence(0x00081140, reference), text(0x00083010, "UI", "1.2.3.4\\1.2.840.10008.1.4.1.1")
    )
    data_set = data_set.replace(b"1.2.840.10008.5.1.4.1.1.2", b"1.2.840.10008.5.1.4.1.1.4")
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(data_set))
    with deidentified(path, Options(keep=("ReferencedImageSequence",))) as done:
        written = b"".join(done.blocks())
        new = done.sop_instance_uid
        assert done.uids == {"1.2.3.4": new}
    assert written.count(new.encode()) == 3
    assert b"1.2.3.4" not in written
    assert b"1.2.840.10008.1.4.1.1" in written
    assert new.encode() in done.meta


def test_uids_that_stay(tmp_path: Path) -> None:
    done = data_set_of(tmp_path, image(), Options(retain=("uids",)))
    assert text_of(done, "SOPInstanceUID") == "1.2.3.4"


@pytest.mark.parametrize(
    ("age", "kept"),
    [
        ("070Y", "070Y"),
        ("089Y", "089Y"),
        ("093Y", "090Y"),
        ("95Y", "090Y"),
        ("0095", "090Y"),
        ("1095M", "090Y"),
        ("4800W", "090Y"),
        (" 95Y", "090Y"),
        ("70", "70"),
        ("DOE", ""),
    ],
)
def test_ages(tmp_path: Path, age: str, kept: str) -> None:
    done = data_set_of(tmp_path, image(text(0x00101010, "AS", age)), Options(retain=("patient",)))
    assert text_of(done, "PatientAge") == kept


def test_accession_numbers_tell_studies_apart(tmp_path: Path) -> None:
    new = {
        text_of(data_set_of(tmp_path, image(text(0x00080050, "SH", number))), "AccessionNumber")
        for number in ("1", "2")
    }
    assert len(new) == 2
    assert not new & {"1", "2", ""}


@pytest.mark.parametrize("vr", ["UN", "LO"])
def test_a_listed_tag_under_another_vr(tmp_path: Path, vr: str) -> None:
    done = bytes_of(tmp_path, image(text(0x00101000, vr, "OTHER-ID"), text(NAME, vr, "Doe^John")))
    assert b"OTHER" not in done
    assert b"Doe" not in done


def test_a_number_where_text_stands(tmp_path: Path) -> None:
    """With implicit VRs an attribute that nobody knows well is read as PS3.6 has it, whatever it holds."""
    done = bytes_of(tmp_path, text(0x00109431, "LO", "DOEJOHN1", IVL), syntax=SYNTAXES["implicit little"])
    assert b"DOE" not in done


# ---------------------------------------------------------------- depth and lengths


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("name", CODERS)
def test_at_any_depth(tmp_path: Path, name: str, *, undefined: bool) -> None:
    code, syntax = CODERS[name], SYNTAXES[name]
    inner = text(NAME, "PN", "Doe^John", code) + text(0x00180015, "CS", "HEAD", code)
    for tag in (REGION, MODIFIER, REGION, MODIFIER, REGION):
        inner = code.sequence(tag, code.item(inner, undefined=undefined), code.item(), undefined=undefined)
    done = bytes_of(tmp_path, inner, syntax=syntax)
    assert b"Doe" not in done
    assert b"HEAD" in done
    assert code.seen(done)  # every length is right


def test_a_sequence_under_un(tmp_path: Path) -> None:
    inner = IVL.item(text(NAME, "PN", "Doe^John", IVL) + text(UID, "UI", "1.2.3", IVL))
    for sequence in (
        EVL.sequence(REGION, inner, vr="UN"),
        EVL.sequence(REGION, inner, vr="UN", undefined=True),
    ):
        done = bytes_of(tmp_path, image(sequence))
        assert b"Doe" not in done
        assert b"2.25." in done
        assert EVL.seen(done)


def test_group_lengths(tmp_path: Path) -> None:
    """One that is still true stays, one that is not goes."""
    name = text(NAME, "PN", "Doe^John")
    size = EVL.element(0x00280010, "US", b"\7\0")
    data_set = EVL.element(0x00100000, "UL", pack("<L", len(name))) + name
    data_set += EVL.element(0x00180000, "UL", pack("<L", 12)) + text(0x00180015, "CS", "HEAD")
    data_set += EVL.element(0x00280000, "UL", pack("<L", len(size))) + size
    nested = EVL.item(EVL.element(0x00100000, "UL", pack("<L", len(name))) + name)
    done = bytes_of(tmp_path, EVL.sequence(REGION, nested) + data_set)
    groups = [(tag, depth) for tag, _, depth in EVL.seen(done) if tag & 0xFFFF == 0]
    assert groups == [(0x00180000, 0)]


def test_an_element_of_what_was_said_before_is_added_to(tmp_path: Path) -> None:
    old = EVL.item(text(0x00080100, "SH", "113105") + text(0x00080102, "SH", "DCM"))
    for undefined in (False, True):
        data_set = image(
            text(0x00120062, "CS", "NO"),
            text(0x00120063, "LO", "by hand"),
            EVL.sequence(0x00120064, old, undefined=undefined),
            text(0x00280303, "CS", "UNMODIFIED"),
        )
        done = data_set_of(tmp_path, data_set)
        assert text_of(done, "PatientIdentityRemoved") == "YES"
        first, ours = text_of(done, "DeidentificationMethod").split("\\")
        assert first == "by hand"
        assert ours.startswith("dcmtools ")
        values = [text_of(each, "CodeValue") for each in items(done, "DeidentificationMethodCodeSequence")]
        assert values == ["113105", "113100"]
        assert text_of(done, "LongitudinalTemporalInformationModified") == "REMOVED"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (BASIC, "REMOVED"),
        (Options(keep=("StudyDate",)), "MODIFIED"),
        (Options(keep=("StudyDate",), retain=("dates",)), "UNMODIFIED"),
        (Options(keep=("StudyDescription",), set_=("StudyDate=20000101",)), "REMOVED"),
    ],
)
def test_dates_that_a_rule_keeps_are_not_removed(tmp_path: Path, options: Options, said: str) -> None:
    done = data_set_of(tmp_path, image(text(DATE, "DA", "20190817")), options)
    assert text_of(done, "LongitudinalTemporalInformationModified") == said


def test_done_twice_it_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "again.dcm"
    path.write_bytes(file_of(ct()))
    written = file_of(path)
    assert written.count(b"PS3.15") == 1
    assert written.count(b"113100") == 1


# ---------------------------------------------------------------- groups, private elements, documents


def test_private_elements_go(tmp_path: Path) -> None:
    private = text(0x00290010, "LO", "ACME") + text(0x00291001, "LO", "Doe") + text(0x00310010, "LO", "Doe")
    done = bytes_of(tmp_path, image(private, EVL.sequence(0x00411001, EVL.item(text(NAME, "PN", "Doe")))))
    assert not [tag for tag, _, _ in EVL.seen(done) if tag >> 16 & 1]


def test_private_elements_that_are_safe_stay(tmp_path: Path) -> None:
    private = (
        text(0x00190010, "LO", "GEMS_ACQU_01") + text(0x00191023, "DS", "1.5") + text(0x00191001, "LO", "Doe")
    )
    done = bytes_of(tmp_path, image(private), Options(retain=("safe-private",)))
    assert [tag for tag, _, _ in EVL.seen(done) if tag >> 16 & 1] == [0x00190010, 0x00191023]
    moved = private.replace(b"\x19\x00\x10\x00", b"\x19\x00\x11\x00", 1)
    done = bytes_of(tmp_path, image(moved), Options(retain=("safe-private",)))
    assert 0x00191023 not in [tag for tag, _, _ in EVL.seen(done)]  # of another block


def told(creator: str, status: str, elements: bytes = b"") -> bytes:
    each = EVL.element(0x00080301, "US", pack("<H", 0x0029)) + text(0x00080302, "LO", creator)
    each += text(0x00080303, "CS", status)
    if elements:
        each += EVL.element(0x00080304, "US", elements)
    return EVL.sequence(0x00080300, EVL.item(each + EVL.sequence(0x00080305, EVL.item())))


@pytest.mark.parametrize(
    ("status", "elements", "kept"),
    [("SAFE", b"", [0x10, 0x1001, 0x1002]), ("MIXED", b"\2\0", [0x10, 0x1002]), ("UNSAFE", b"", [])],
)
def test_private_elements_that_the_file_says_are_safe(
    tmp_path: Path, status: str, elements: bytes, kept: list[int]
) -> None:
    private = text(0x00290010, "LO", "ACME") + text(0x00291001, "LO", "A1") + text(0x00291002, "LO", "A2")
    data_set = INSTANCE + told("ACME", status, elements) + private + PIXELS
    done = data_set_of(tmp_path, data_set, Options(retain=("safe-private",)))
    assert [tag & 0xFFFF for tag in sorted(done) if tag >> 16 == 0x0029] == kept
    said = items(done, 0x00080300)
    assert len(said) == bool(kept)
    assert all(0x00080305 not in each for each in said)
    assert 0x00080300 not in data_set_of(tmp_path, data_set)


GROUP = EVL.element(0x00080301, "US", pack("<H", 0x0029))


@pytest.mark.parametrize(
    ("group", "elements"),
    [
        (text(0x00080301, "LO", "abcd"), b""),
        (EVL.element(0x00080301, "UL", pack("<L", 70000)), b""),
        (EVL.element(0x00080301, "US", pack("<HH", 0x0029, 0x0029)), b""),
        (GROUP, text(0x00080304, "LO", "one")),
    ],
)
def test_what_a_file_says_is_safe_may_be_anything(group: bytes, elements: bytes, tmp_path: Path) -> None:
    status = text(0x00080303, "CS", "MIXED" if elements else "SAFE")
    said = text(0x00080302, "LO", "ACME") + status + elements
    private = text(0x00290010, "LO", "ACME") + text(0x00291001, "LO", "A1")
    data_set = INSTANCE + EVL.sequence(0x00080300, EVL.item(group + said)) + private + PIXELS
    assert 0x00291001 not in data_set_of(tmp_path, data_set, Options(retain=("safe-private",)))


def test_what_a_file_says_is_safe_may_be_of_vr_un(tmp_path: Path) -> None:
    each = IVL.element(0x00080301, "US", pack("<H", 0x0029)) + text(0x00080302, "LO", "ACME", IVL)
    said = EVL.element(0x00080300, "UN", IVL.item(each + text(0x00080303, "CS", "SAFE", IVL)))
    private = text(0x00290010, "LO", "ACME") + text(0x00291001, "LO", "A1")
    done = data_set_of(tmp_path, INSTANCE + said + private + PIXELS, Options(retain=("safe-private",)))
    assert 0x00291001 in done
    assert text_of(items(done, 0x00080300)[0], "PrivateCreatorReference") == "ACME"


@pytest.mark.parametrize("code", [EVL, IVL])
def test_uids_in_safe_private_elements_are_mapped_whatever_their_vr(code: Coder, tmp_path: Path) -> None:
    syntax = SYNTAXES["explicit little" if code is EVL else "implicit little"]
    private = text(0x00990010, "LO", "NQHeader", code) + text(0x00991001, "UN", "1.2.3.4.5", code)
    head = text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2", code) + text(0x00080018, "UI", "1.2.3.4", code)
    done = bytes_of(tmp_path, head + private, Options(retain=("safe-private",)), syntax)
    assert b"NQHeader" in done
    assert b"1.2.3.4.5" not in done
    assert done.count(b"2.25.") == 2


def test_private_elements_by_rule(tmp_path: Path) -> None:
    private = text(0x00290010, "LO", "ACME") + text(0x00291001, "LO", "A1") + text(0x00291002, "LO", "A2")
    sequence = EVL.sequence(0x00291003, EVL.item(text(NAME, "PN", "Doe") + text(0x00180015, "CS", "HEAD")))
    done = bytes_of(tmp_path, image(private, sequence), Options(keep=("0029,01,ACME", "0029,03,ACME")))
    assert b"A1" in done
    assert b"A2" not in done
    assert b"HEAD" in done
    assert b"Doe" not in done


def overlay(kind: str) -> bytes:
    group = (
        EVL.element(0x60000010, "US", b"\4\0") + text(0x60000022, "LO", "Doe") + text(0x60000040, "CS", kind)
    )
    return (
        group
        + text(0x60001500, "LO", "Doe")
        + EVL.element(0x60003000, "OW", bytes(8))
        + text(0x60004000, "LT", "Doe")
    )


def test_overlays_and_curves(tmp_path: Path) -> None:
    curve = EVL.element(0x50003000, "OW", b"DoeJ") + text(0x50000022, "LO", "Doe")
    done = bytes_of(tmp_path, image(curve, overlay("R")))
    assert not [tag for tag, _, _ in EVL.seen(done) if 0x5000 <= tag >> 16 < 0x6100]
    graphics = Options(clean=("graphics",))
    done = bytes_of(tmp_path, image(curve, overlay("R")), graphics)
    assert [tag & 0xFFFF for tag, _, _ in EVL.seen(done) if 0x5000 <= tag >> 16 < 0x6100] == [
        0x10,
        0x40,
        0x3000,
    ]
    done = bytes_of(tmp_path, image(curve, overlay("G")), graphics)
    assert not [tag for tag, _, _ in EVL.seen(done) if 0x5000 <= tag >> 16 < 0x6100]


@pytest.mark.parametrize("tag", [0x04000500, 0x04000561, 0xFFFAFFFA, 0x4FFE0001, 0x00880200])
def test_what_holds_the_original_goes(tmp_path: Path, tag: int) -> None:
    held = EVL.sequence(tag, EVL.item(text(NAME, "PN", "Doe") + EVL.element(0x7FE00010, "OB", b"DoeX")))
    done = bytes_of(tmp_path, INSTANCE + (held + PIXELS if tag < 0x7FE00010 else PIXELS + held))
    assert b"Doe" not in done
    assert tag not in [each for each, _, _ in EVL.seen(done)]


def document(sop_class: str) -> bytes:
    meta = text(0x00080016, "UI", sop_class)
    return meta + EVL.element(0x00420011, "OB", b"%PDF Doe ") + EVL.element(0x00420015, "UL", pack("<L", 9))


def test_documents(tmp_path: Path) -> None:
    done = data_set_of(tmp_path, document("1.2.840.10008.5.1.4.1.1.104.1"))
    vr, value = done[0x00420011]
    assert isinstance(value, bytes)
    assert value.startswith(b"%PDF-1.4")
    assert b"Doe" not in value
    assert text_of(done, 0x00420015) == str(len(value))
    with pytest.raises(InputError, match="document"):
        data_set_of(tmp_path, document("1.2.840.10008.5.1.4.1.1.104.99"))
    assert 0x00420011 not in data_set_of(tmp_path, document("1.2.840.10008.5.1.4.1.1.2"))
    assert vr == "OB"


# ---------------------------------------------------------------- structured reports


def content(kind: str, concept: str, value: bytes, *inner: bytes) -> bytes:
    name = EVL.item(text(0x00080100, "SH", concept) + text(0x00080102, "SH", "DCM"))
    body = (
        text(0x0040A010, "CS", "CONTAINS")
        + text(0x0040A040, "CS", kind)
        + EVL.sequence(0x0040A043, name)
        + value
    )
    return EVL.item(body + (EVL.sequence(0x0040A730, *inner) if inner else b""))


def report(*items_: bytes) -> bytes:
    return (
        text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.88.33")
        + text(NAME, "PN", "Doe^John")
        + EVL.sequence(0x0040A730, *items_)
    )


CLEANED = Options(clean=("structured", "descriptors"))
FINDING = content("TEXT", "121071", text(0x0040A160, "UT", "a nodule, Doe knows"))
OBSERVER = content("PNAME", "121008", text(0x0040A123, "PN", "Roe^Jane"))
BIRTH_DATE = content("DATE", "121031", text(0x0040A121, "DA", "19500102"))


def test_a_report_is_replaced(tmp_path: Path) -> None:
    done = data_set_of(tmp_path, report(FINDING, OBSERVER))
    [each] = items(done, 0x0040A730)
    assert text_of(each, 0x0040A160) == "REMOVED"


def test_a_report_is_cleaned(tmp_path: Path) -> None:
    box = content("CONTAINER", "126000", b"", FINDING, OBSERVER, BIRTH_DATE, FINDING)
    done = bytes_of(tmp_path, report(box, FINDING), CLEANED)
    assert b"Doe" not in done
    assert b"Roe" not in done
    assert b"19500102" not in done
    assert done.count(b"a nodule, knows") == 3
    assert EVL.seen(done)


@pytest.mark.parametrize(
    "name",
    [
        text(0x00080100, "SH", "121030") + text(0x00080102, "SH", "dcm"),
        text(0x00080104, "LO", "Subject ID"),
    ],
)
def test_content_items_whose_names_are_not_told_well(tmp_path: Path, name: bytes) -> None:
    subject = EVL.item(
        text(0x0040A040, "CS", "TEXT")
        + EVL.sequence(0x0040A043, EVL.item(name))
        + text(0x0040A160, "UT", "nobody knows what")
    )
    assert b"nobody" not in bytes_of(tmp_path, report(subject, FINDING), CLEANED)


def test_content_items_without_a_name_and_cells_of_tables(tmp_path: Path) -> None:
    """Nothing tells what they are about; an item behind them that has a name is another matter."""

    def nameless(value: str) -> bytes:
        return EVL.item(text(0x0040A040, "CS", "TEXT") + text(0x0040A160, "UT", value))

    cells = EVL.sequence(0x0040A808, nameless("a cell"))
    table = content("TABLE", "126000", EVL.sequence(0x0040A801, EVL.item(cells)))
    done = bytes_of(tmp_path, report(nameless("without a name"), FINDING, table), CLEANED)
    assert (b"without a name" in done, b"a nodule, knows" in done, b"a cell" in done) == (False, True, False)
    assert done.count(b"REMOVED ") >= 2


@pytest.mark.parametrize("undefined", [False, True])
def test_content_items_go_whole(tmp_path: Path, *, undefined: bool) -> None:
    """Table E.3.4-1 removes the item of a birth date; what stands behind it stays."""
    birth = EVL.item(BIRTH_DATE[8:], undefined=undefined)
    done = data_set_of(tmp_path, report(FINDING, birth, FINDING), CLEANED)
    kinds = [text_of(each, 0x0040A040) for each in items(done, 0x0040A730)]
    assert kinds == ["TEXT", "TEXT"]


# ---------------------------------------------------------------- the sweep


@pytest.mark.parametrize(
    ("comment", "kept"),
    [
        ("scan of DOE, good", "scan of , good"),
        ("john doe (12345)", "REMOVED"),
        ("Doesburg protocol", "Doesburg protocol"),
    ],
)
def test_what_was_removed_is_taken_out_of_texts_that_stay(tmp_path: Path, comment: str, kept: str) -> None:
    data_set = image(text(0x00081090, "LO", comment), text(NAME, "PN", "Doe^John"), text(ID, "LO", "12345"))
    assert text_of(data_set_of(tmp_path, data_set), 0x00081090) == kept


@pytest.mark.parametrize(
    ("name", "described", "kept"),
    [
        ("OB", "OB_GENERAL", "OB_GENERAL"),
        ("OB", "of OB, general", "of , general"),
        ("Bo", "Xu_Bo", "Xu_Bo"),
        ("Roe", "Roe_GENERAL", "_GENERAL"),
    ],
)
def test_names_of_two_letters_in_technical_text(tmp_path: Path, name: str, described: str, kept: str) -> None:
    done = data_set_of(tmp_path, image(text(NAME, "PN", name), text(0x00185020, "LO", described)))
    assert text_of(done, 0x00185020) == kept


@pytest.mark.parametrize("coded", ["HEAD\0QUIXOTE", "Quixote", "AN EXAMINATION OF QUIXOTE"])
def test_coded_strings_that_are_none(tmp_path: Path, coded: str) -> None:
    """They may say anything; so it is taken out of them, and not spared elsewhere."""
    body_part, scan = text(0x00180015, "CS", coded), text(0x00180024, "SH", "QUIXOTE SCAN")
    done = data_set_of(tmp_path, image(text(NAME, "PN", "Quixote^Alonso"), body_part, scan))
    assert text_of(done, 0x00180024) == "SCAN"
    assert "QUIXOTE" not in (text_of(done, 0x00180015) or "").upper()


def test_names_that_come_later_and_deeper_are_taken_out(tmp_path: Path) -> None:
    deep = EVL.sequence(0x00540220, EVL.item(text(0x00100010, "PN", "Quixote^Alonso")))
    data_set = image(text(0x00081090, "LO", "of Quixote"), deep)
    assert text_of(data_set_of(tmp_path, data_set), 0x00081090) == "of"


def test_names_are_taken_out_in_their_character_set(tmp_path: Path) -> None:
    data_set = text(0x00080005, "CS", "ISO_IR 192") + image(
        text(0x00081090, "LO", "für Müller".encode()), text(NAME, "PN", "Müller^Jürgen".encode())
    )
    done = bytes_of(tmp_path, data_set)
    assert "Müller".encode() not in done
    assert "für".encode() in done


def test_what_a_rule_keeps_is_not_searched(tmp_path: Path) -> None:
    data_set = image(text(0x00081090, "LO", "of Doe"), text(NAME, "PN", "Doe^John"))
    done = data_set_of(tmp_path, data_set, Options(keep=("ManufacturerModelName",)))
    assert text_of(done, 0x00081090) == "of Doe"


def test_long_texts_are_searched(tmp_path: Path) -> None:
    long = b"word " * 20_000 + b" Doe "
    inner = EVL.element(0x00082218, "SQ") + EVL.element(0x0040A160, "UT", long + b" " * (len(long) % 2))
    done = bytes_of(tmp_path, INSTANCE + text(NAME, "PN", "Doe^John") + inner)
    assert b"Doe" not in done
    assert done.count(b"word") == 20_000


# ---------------------------------------------------------------- rules


def test_rules(tmp_path: Path) -> None:
    data_set = image(
        text(0x00080070, "LO", "ACME"),
        text(0x00081030, "LO", "a study"),
        text(NAME, "PN", "Doe"),
        text(ID, "LO", "7"),
    )
    options = Options(
        keep=("StudyDescription",),
        remove=("Manufacturer",),
        empty=("PatientID",),
        set_=("PatientName=Roe", "BodyPartExamined=HEAD"),
    )
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(data_set))
    done = data_set_of(tmp_path, data_set, options)
    assert text_of(done, "StudyDescription") == "a study"
    assert 0x00080070 not in done
    assert text_of(done, ID) == ""
    assert text_of(done, NAME) == "Roe"
    assert text_of(done, "BodyPartExamined") == "HEAD"
    with deidentified(path, options) as told_of:
        assert told_of.patient.id == ""


def test_rules_for_paths(tmp_path: Path) -> None:
    request = EVL.item(text(0x00400007, "LO", "one") + text(0x00400009, "SH", "two"))
    data_set = image(EVL.sequence(0x00400275, request), text(0x00400009, "SH", "three"))
    options = Options(clean=("descriptors",), keep=("RequestAttributesSequence.ScheduledProcedureStepID",))
    done = bytes_of(tmp_path, data_set, options)
    assert b"two" in done
    assert b"three" not in done


# ---------------------------------------------------------------- files


def test_meta_and_preamble_are_ours(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(b"II*\0Doe".ljust(128, b"\0") + mr().read_bytes()[128:])
    written = file_of(path)
    assert written[:128] == bytes(128)
    (tmp_path / "out.dcm").write_bytes(written)
    with Part10File.open(str(tmp_path / "out.dcm")) as file:
        assert [hex(element[0]) for element, _ in file.meta] == [
            "0x20000", "0x20001", "0x20002", "0x20003", "0x20010", "0x20012", "0x20013",
        ]  # fmt: skip


def test_deflated_stays_deflated(tmp_path: Path) -> None:
    path = real_file("image_dfl.dcm")
    (tmp_path / "out.dcm").write_bytes(file_of(path))
    with Part10File.open(str(path)) as before, Part10File.open(str(tmp_path / "out.dcm")) as after:
        assert after.transfer_syntax == before.transfer_syntax
        assert 0x7FE00010 in [each[0] for each in after.walk()]


def test_written_and_blocks_are_the_same(tmp_path: Path) -> None:
    for path in (ct(), real_file("image_dfl.dcm"), real_file("JPEG2000.dcm")):
        with deidentified(path) as done, (tmp_path / "out").open("w+b") as out:
            size = done.write(out)
            assert size == len(file_of(path))
        assert (tmp_path / "out").read_bytes() == file_of(path)


@pytest.mark.parametrize(
    "tail",
    [bytes(8), bytes(16) + b"DOE^JOHN", b"DOE", b"DOE^JOHN" * 3, EVL.element(0x00100010, "PN", b"DOE ")],
)
def test_what_follows_pixel_data_and_is_no_element_goes(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(image() + tail))
    with deidentified(path) as done:
        written = b"".join(done.blocks())
        assert done.warnings == [f"{len(tail)} bytes behind the last element left out"]
    assert b"DOE" not in written
    assert written.endswith(PIXELS)


def test_elements_behind_pixel_data_are_treated_like_others(tmp_path: Path) -> None:
    done = bytes_of(tmp_path, image() + EVL.element(0xFFFCFFFC, "OB", b"DOE "))
    assert b"DOE" not in done


@pytest.mark.parametrize(
    "data_set",
    [
        image()[:-10],
        INSTANCE + EVL.element(NAME, "PN", b"Doe ", length=400),
        INSTANCE + EVL.element(NAME, "PN", b"Doe ", length=400) + PIXELS,
        INSTANCE + b"DOE^" + PIXELS,
        EVL.element(0x00000000, "UL", bytes(4)) + image(),
        bytes(64),
    ],
)
def test_a_fault_refuses_the_file(tmp_path: Path, data_set: bytes) -> None:
    with pytest.raises(InputError):
        bytes_of(tmp_path, data_set)


def test_zeros_may_follow_a_report(tmp_path: Path) -> None:
    done = bytes_of(tmp_path, report(FINDING) + bytes(20))
    assert EVL.seen(done)


def test_elements_out_of_order_are_treated_like_others(tmp_path: Path) -> None:
    done = bytes_of(
        tmp_path,
        text(ID, "LO", "7")
        + text(NAME, "PN", "Doe")
        + text(0x00080090, "PN", "Roe")
        + text(NAME, "PN", "Poe"),
    )
    for name in (b"Doe", b"Roe", b"Poe"):
        assert name not in done


@pytest.mark.parametrize(
    "tag", [0x00080005, 0x60000010, 0x00280010, 0x00080300, 0x00120063, 0x7FE00010, 0x00080000]
)
def test_a_sequence_where_none_should_be(tmp_path: Path, tag: int) -> None:
    """Nothing is copied that nobody went into, whatever the tag."""
    for options in (BASIC, Options(retain=("safe-private",), clean=("graphics",))):
        try:
            done = bytes_of(
                tmp_path,
                text(0x00080008, "CS", "A") + EVL.sequence(tag, EVL.item(text(NAME, "PN", "Doe"))),
                options,
            )
        except InputError:
            continue
        assert b"Doe" not in done


def test_a_dicomdir_is_not_for_this() -> None:
    with pytest.raises(Unsuitable):
        file_of(dicomdir())


def test_the_same_key_gives_the_same_bytes() -> None:
    one, other = deidentifier(), deidentifier()

    def digest(engine: Deidentifier, path: Path) -> str:
        with Part10File.open(str(path)) as file, engine.deidentified(file) as done:
            return hashlib.sha256(done.meta + b"".join(done.blocks())).hexdigest()

    paths = [ct(), mr(), real_file("rtplan.dcm"), real_file("reportsi.dcm")]
    assert [digest(one, path) for path in paths] == [digest(other, path) for path in reversed(paths)][::-1]


def test_explained(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(
        part10(image(text(0x00080070, "LO", "ACME"), EVL.sequence(REGION, EVL.item(text(NAME, "PN", "Doe")))))
    )
    with deidentified(path, Options(explaining=True)) as done:
        rows = {row["path"]: row for row in done.explained}
        plain = file_of(path)
        assert done.meta + b"".join(done.blocks()) == plain
    assert rows["(0008,0070)"]["action"] == "K"
    assert rows["(0008,2218)[0].(0010,0010)"] == {
        "path": "(0008,2218)[0].(0010,0010)",
        "keyword": "PatientName",
        "vr": "PN",
        "rule": "Table E.1-1 Z",
        "action": "Z",
    }
    assert "Doe" not in repr(done.explained)


def test_small_windows_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [ct(), real_file("rtplan.dcm"), real_file("reportsi.dcm"), real_file("JPEG2000.dcm")]
    whole = [file_of(path) for path in paths]
    monkeypatch.setattr("dcmtools.encoding.window._FIRST_WINDOW", 64)
    monkeypatch.setattr("dcmtools.encoding.window._WINDOW", 64)
    monkeypatch.setattr("dcmtools.encoding.window._BEHIND_VALUE", 64)
    monkeypatch.setattr("dcmtools.files.part10._HEAD", 400)
    assert [file_of(path) for path in paths] == whole
    monkeypatch.setattr("dcmtools.deidentification.reading._MOST_HELD", 3)
    assert [file_of(path) for path in paths] == whole


def test_broken_deflated_data_is_refused(tmp_path: Path) -> None:
    syntax = "1.2.840.10008.1.2.1.99"
    stream = zlib.compressobj(wbits=-15)
    deflated = stream.compress(image()) + stream.flush()
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(deflated[:-4], syntax))
    with pytest.raises(MalformedError):
        file_of(path)


def test_what_was_said_before_is_searched_too(tmp_path: Path) -> None:
    data_set = image(text(NAME, "PN", "Quixote^Alonso"), text(0x00120063, "LO", "by Quixote\\by hand"))
    assert text_of(data_set_of(tmp_path, data_set), "DeidentificationMethod").startswith(
        "by\\by hand\\dcmtools"
    )


def test_free_texts_that_no_table_lists_are_told(tmp_path: Path) -> None:
    code = EVL.item(text(0x00080100, "SH", "T-1") + text(0x00080104, "LO", "Heart"))
    path = tmp_path / "in.dcm"
    path.write_bytes(
        part10(
            image(
                text(0x00081030, "LO", "a study"),
                text(0x00081090, "LO", "model 7"),
                EVL.sequence(0x00540220, code, code),
                text(0x00180015, "CS", "HEAD"),
            )
        )
    )
    with deidentified(path) as done:
        assert done.kept_texts == ["(0008,1090)", "(0054,0220).(0008,0104)"]


def test_free_text_out_of_which_something_was_taken_is_told_where_some_is_left(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(
        part10(
            image(
                text(0x00081090, "LO", "of QUIXOTE 7"),
                text(0x00100010, "PN", "QUIXOTE^SANCHO"),
                text(0x00181020, "LO", "QUIXOTE"),
            )
        )
    )
    with deidentified(path) as done:
        assert done.kept_texts == ["(0008,1090)"]


def test_a_reference_to_what_stays_is_nothing_that_was_removed(tmp_path: Path) -> None:
    reference = EVL.sequence(0x00081110, EVL.item(text(UID, "UI", "1.2.3.4")))
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(image(reference)))
    with deidentified(path, Options(retain=("uids",), remove=("ReferencedStudySequence",))) as done:
        assert not done.identifiers
