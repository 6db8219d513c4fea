"""Of which files an expression is true: values by VR, paths, what is not there, what cannot be read."""

from __future__ import annotations

import pickle
from datetime import date, timedelta
from struct import pack
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding import dictfile, dictionary
from dcmtools.encoding.charset import DEFAULT, decoder_of
from dcmtools.encoding.element import UNDEFINED
from dcmtools.errors import InputError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.inputs import Input
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource
from dcmtools.files.values import glance
from dcmtools.selection.where import Where
from tests.support.encoded import CODERS, EVB, EVL, IVL, SEQUENCE_END, Coder, part10
from tests.support.samples import real_file

if TYPE_CHECKING:
    from pathlib import Path

SYNTAXES = {EVL: "1.2.840.10008.1.2.1", EVB: "1.2.840.10008.1.2.2", IVL: "1.2.840.10008.1.2"}
CHARSET, IMAGE_TYPE, STUDIES, UID, ROWS = 0x00080005, 0x00080008, 0x00081110, 0x00081155, 0x00280010
NAME, THICKNESS, PIXELS = 0x00100010, 0x00180050, 0x7FE00010


def encoded(value: bytes) -> bytes:
    return value + b" " * (len(value) % 2)


def one(tag: int, vr: str, value: bytes, coder: Coder = EVL) -> bytes:
    return coder.element(tag, vr, value)


def is_true(path: Path, data: bytes, *texts: str, coder: Coder = EVL) -> bool:
    path.write_bytes(part10(data, SYNTAXES[coder]))
    with Part10File.open(str(path)) as file:
        return Where(*texts).of(file, Input(str(path)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.dcm"


TODAY = date.today()
OF_TEXT = [
    # tag, VR, value, true, false
    (
        0x00080060,
        "CS",
        "CT",
        ["== CT", "= 'CT'", "!= MR", "in (MR, CT)", "< D", 'like "c?"', "matches ^C"],
        [
            "== ct",
            "== C",
            "!= CT",
            "in (MR, C)",
            "> D",
            "like C",
            "matches ^T",
            '== "CT "  and not exists Rows and Rows == 1',
        ],
    ),
    (0x00080060, "CS", "CT ", ["== CT", 'matches "T$"'], ["matches ' '"]),
    (
        IMAGE_TYPE,
        "CS",
        "ORIGINAL\\PRIMARY",
        ["== PRIMARY", "== ORIGINAL", "in (x, PRIMARY)", "< P"],
        ["== ORIGINAL_PRIMARY", "!= PRIMARY", "> Q"],
    ),
    (
        THICKNESS,
        "DS",
        "1.50",
        ["== 1.5", "== '1.5'", "< 2", "<= 1.5", "in 1..2", "in ..2", "in (2, 1.50)", "like '1.5*'"],
        ["< 1.5", "> 10", "in 2..", "== 15", "!= 1.5", "in (2, 3)"],
    ),
    (THICKNESS, "DS", "0.1", ["== 0.1", "== 1e-1", "== .1"], ["== 0.10000000000000001"]),
    (THICKNESS, "DS", "1e300", ["> 1e299", "< 1e999999"], ["== 1e301"]),
    (THICKNESS, "DS", "-5", ["< 0", "== -5.0"], ["> 0"]),
    (THICKNESS, "DS", "thick", ["!= 1", "like thi*"], ["== 1", "< 2", ">= 0", "in 0.."]),
    (THICKNESS, "DS", "1E9999999999999999999", ["!= 1"], ["> 0"]),
    (THICKNESS, "DS", "", ["!= 1"], ["< 1", ">= 0", "== 1", "like '*'"]),
    (0x00200013, "IS", "007", ["== 7", "< 10"], ["> 10"]),
    (
        0x00080020,
        "DA",
        "20240229",
        [
            "== 20240229",
            "== 2024-02-29",
            "== 2024-02",
            "== 2024",
            "== 202402",
            "<= 2024",
            ">= 2024-02",
            "> 2024-01",
            "in 20240101..20241231",
            "in 2023..2024",
            "< today",
            "< yesterday",
            "< today-7",
            "like 2024*",
        ],
        ["== 20240228", "< 2024", "> 2024", "> 2024-02", "in 2025..", "> today-7", "in (2023, 2025)"],
    ),
    (0x00080020, "DA", "2024.02.29", ["== 20240229", "> 2023"], ["== 2023"]),
    (0x00080020, "DA", "long ago", ["!= 2024"], ["< 2024", "> 1900", "== 2024"]),
    (
        0x00080020,
        "DA",
        f"{TODAY:%Y%m%d}",
        ["== today", "> today-1", "in yesterday..today"],
        ["< today", "== today-1"],
    ),
    (
        0x00080020,
        "DA",
        f"{TODAY - timedelta(7):%Y%m%d}",
        ["== today-7", "== today-7d", "== -7d"],
        ["> today-7"],
    ),
    (
        0x00080030,
        "TM",
        "103059.5",
        ["== 10", "== 1030", "== 10:30", "== 10:30:59", "> 09", "< 11", "in 10..1031"],
        ["== 11", "> 10", "< 10:30", "in 11..12"],
    ),
    (
        0x0008002A,
        "DT",
        "20240229103059",
        [
            "== 2024-02-29",
            "== 20240229",
            "> 2024-02-28",
            "== 2024-02-29T10:30",
            "< 2024-03",
            "in 2024-02..2024-02",
            "== '2024-02-29 10:30:59'",
        ],
        ["== 2024-02-28", "> 2024-02-29T10:30", "== 2025"],
    ),
    (
        0x0008002A,
        "DT",
        "20240229003000+0100",
        ["== 20240228233000+0000", "< 20240229000000+0000"],
        ["> 20240229000000+0000"],
    ),
    (0x00101010, "AS", "012M", ["== 1Y", "> 51W", "< 2Y", "in 11M..013M", ">= 365D"], ["> 1Y", "== 12W"]),
    (0x00101010, "AS", "old", ["!= 1Y"], ["> 1Y", "< 1Y"]),
    (
        0x00080016,
        "UI",
        "1.2.840.10008.5.1.4.1.1.2\0",
        [
            "== CTImageStorage",
            "== 1.2.840.10008.5.1.4.1.1.2",
            "in (MRImageStorage, CTImageStorage)",
            "like '1.2.840.*'",
            "matches '2$'",
        ],
        ["== MRImageStorage", "!= CTImageStorage"],
    ),
    (
        NAME,
        "PN",
        "Doe^Jane^^",
        ["== Doe^Jane", "== 'Doe^Jane^^^'", "like 'doe*'", "< F"],
        ["== Doe", "== doe^jane"],
    ),
    (
        NAME,
        "PN",
        "Yamada^Tarou=X^Y",
        ["== Yamada^Tarou", "== 'X^Y'", "== 'Yamada^Tarou=X^Y'", "like x*"],
        ["== Yamada"],
    ),
    (0x00104000, "LT", " a", ["== ' a'", "in (' a', b)", "in ' a'..' b'"], ["== a", "== '  a'"]),
    (0x00104000, "LT", "a", ["== 'a '"], ["== ' a'"]),
    (0x00100020, "LO", " a", ["== ' a'", "== a"], ["== b"]),
    (0x00080020, "DA", "20240231", ["!= 2024"], ["== 2024-02", "> 2024-01", "< 2024-03", "in 2023..2025"]),
    (0x0008002A, "DT", "20240231103059", ["!= 2024"], ["> 2024-01", "< 2025"]),
    (0x0008002A, "DT", "20240229103059", ["> 2024-01"], ["< 2024"]),
    (0x00104000, "LT", "a\\b \n", ["== 'a\\b \n'", "matches 'b $'", "like 'A*B*'"], ["== a"]),
]


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
@pytest.mark.parametrize(("tag", "vr", "value", "true", "false"), OF_TEXT)
def test_text_by_vr(
    path: Path, tag: int, vr: str, value: str, true: list[str], false: list[str], coder: Coder
) -> None:
    data = one(tag, vr, encoded(value.encode()), coder) + one(PIXELS, "OW", bytes(2), coder)
    for wanted, conditions in ((True, true), (False, false)):
        for condition in conditions:
            assert is_true(path, data, f"{tag:08X} {condition}", coder=coder) is wanted, condition


OF_NUMBERS = [
    (ROWS, "US", ("H", 512), ["== 512", "> 511.5", "in 1..512", "!= 5", "in (1,512)"], ["== 51", "< 512"]),
    (0x00280106, "SS", ("h", -3), ["== -3", "< 0"], ["> 0"]),
    (0x00189073, "FD", ("d", 0.1), ["== 0.1", "<= 0.1"], ["> 0.1"]),
    (0x00089459, "FL", ("f", 0.1), ["== 0.1"], ["== 0.10000000149"]),
    (0x00089459, "FL", ("2f", float("nan"), 3), ["== 3", "!= 0"], ["< 3", "> 3"]),
    (0x00089459, "FL", ("f", float("-inf")), ["< -1e300"], ["> 0"]),
    (0x00089459, "FL", ("2f", 1, 2.5), ["== 1", "== 2.5", "< 2"], ["> 3"]),
    (
        0x00280009,
        "AT",
        ("HH", 0x0018, 0x1063),
        ["== FrameTime", "== 0018,1063", "in (Rows, (0018,1063))"],
        ["== Rows", "!= FrameTime"],
    ),
    (0x00720082, "SV", ("q", -(2**62)), ["== -4611686018427387904", "< -4611686018427387903"], ["> 0"]),
]


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
@pytest.mark.parametrize(("tag", "vr", "layout", "true", "false"), OF_NUMBERS)
def test_numbers_by_vr(
    path: Path,
    tag: int,
    vr: str,
    layout: tuple[str, *tuple[float, ...]],
    true: list[str],
    false: list[str],
    coder: Coder,
) -> None:
    code, *values = layout
    order = coder.encoding.order
    raw = pack(order + code, *values)
    signed = one(0x00280103, "US", pack(f"{order}H", 1), coder) if tag > 0x00280103 else b""
    data = signed + one(tag, vr, raw, coder) + one(PIXELS, "OW", bytes(2), coder)
    for wanted, conditions in ((True, true), (False, false)):
        for condition in conditions:
            assert is_true(path, data, f"{tag:08X} {condition}", coder=coder) is wanted, condition


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 192"])
def test_text_is_compared_as_its_character_set_has_it(path: Path, charset: str) -> None:
    raw = "M\u00fcller^\u00c4nne".encode("latin-1" if charset.endswith("100") else "utf-8")
    data = one(CHARSET, "CS", encoded(charset.encode())) + one(NAME, "PN", encoded(raw))
    assert is_true(path, data, "PatientName == 'M\u00fcller^\u00c4nne'")
    assert is_true(path, data, "PatientName == 'Mu\u0308ller^A\u0308nne'")
    assert is_true(path, data, "PatientName like 'm\u00dcller^\u00e4*'")
    assert not is_true(path, data, "PatientName == 'Mueller'")


def test_text_without_a_character_set_is_for_the_decoder_given(path: Path) -> None:
    path.write_bytes(part10(one(NAME, "PN", encoded("M\u00fc".encode()))))
    with Part10File.open(str(path)) as file:
        where = Where("PatientName == 'M\u00fc'")
        assert where.of(file, Input(""), decode=decoder_of(b"ISO_IR 192"))
        assert not where.of(file, Input(""))


EMPTY = (
    one(IMAGE_TYPE, "CS", b"A\\\\B ")
    + one(NAME, "PN", b"")
    + one(0x00100020, "LO", b"  ")
    + one(ROWS, "US", b"")
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("exists PatientName", True),
        ("exists PatientID", True),
        ("exists Modality", False),
        ("exists ImageType[2]", True),
        ("exists ImageType[3]", False),
        ("empty PatientName", True),
        ("empty PatientID", True),
        ("empty Rows", True),
        ("empty ImageType", False),
        ("empty ImageType[1]", True),
        ("empty ImageType[2]", False),
        ("empty ImageType[3]", False),
        ("empty Modality", False),
        ("not exists Modality and Modality != CT", True),
        ("Rows < 5 or Rows >= 5 or PatientName like '*' or PatientName matches ''", False),
        ("ImageType[0] == A and ImageType[2] == B", True),
        ("ImageType[2] == A", False),
        ("ImageType[*] == B", True),
        ("ImageType[9] == A", False),
        ("ImageType[1] < Z", False),
        ("exists TransferSyntaxUID and exists PixelData", False),
        ("exists TransferSyntaxUID and not exists MediaStorageSOPClassUID", True),
    ],
)
def test_what_is_there_and_what_is_empty(path: Path, text: str, wanted: bool) -> None:
    assert is_true(path, EMPTY, text) is wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Modality == CT and Rows == 1 or Rows == 512", True),  # and before or
        ("Modality == CT and (Rows == 1 or Rows == 512)", False),
        ("Modality == MR or Rows == 512 and Rows == 1", True),
        ("not Modality == CT and Rows == 512", True),
        ("not (Modality == MR and Rows == 512)", False),
        ("not not Modality == MR", True),
        ("NOT Modality = CT And Rows In (512)", True),
    ],
)
def test_precedence(path: Path, text: str, wanted: bool) -> None:
    data = one(0x00080060, "CS", b"MR") + one(ROWS, "US", pack("<H", 512))
    assert is_true(path, data, text) is wanted


def test_several_expressions_hold_together(path: Path) -> None:
    data = one(0x00080060, "CS", b"MR")
    assert is_true(path, data, "Modality == MR or Modality == CT", "exists Modality")
    assert not is_true(path, data, "Modality == MR or Modality == CT", "Modality == CT")


def nested(coder: Coder, *, undefined: bool, vr: str = "SQ") -> bytes:
    inner = IVL if vr == "UN" else coder
    deep = inner.sequence(STUDIES, inner.item(inner.element(UID, "UI", b"9.9\0")), undefined=undefined)
    items = [
        inner.item(inner.element(UID, "UI", b"1.2\0"), undefined=undefined),
        inner.item(deep, undefined=undefined),
        inner.item(undefined=undefined),
        inner.item(inner.element(UID, "UI", b"3.4\0"), undefined=undefined),
    ]
    empty = coder.sequence(0x00081140, undefined=undefined)
    if vr == "UN" and undefined:  # whatever the encoding around is
        end = IVL.header(SEQUENCE_END, "", 0)
        outer = coder.header(STUDIES, vr, UNDEFINED) + b"".join(items) + end
    else:
        outer = coder.sequence(STUDIES, *items, undefined=undefined, vr=vr)
    return outer + empty + one(NAME, "PN", b"A ", coder)


NESTED = [
    ("ReferencedStudySequence.ReferencedSOPInstanceUID == 3.4", True),
    ("ReferencedStudySequence[0].ReferencedSOPInstanceUID == 3.4", False),
    ("ReferencedStudySequence[3].ReferencedSOPInstanceUID == 3.4", True),
    ("ReferencedStudySequence[*].ReferencedSOPInstanceUID in (1.2, 7)", True),
    ("ReferencedStudySequence.ReferencedSOPInstanceUID == 9.9", False),
    ("ReferencedStudySequence.ReferencedStudySequence.ReferencedSOPInstanceUID == 9.9", True),
    ("ReferencedStudySequence[1].ReferencedStudySequence[0].ReferencedSOPInstanceUID == 9.9", True),
    ("exists ReferencedStudySequence.ReferencedStudySequence", True),
    ("exists ReferencedStudySequence", True),
    ("exists ReferencedStudySequence[3]", True),
    ("exists ReferencedStudySequence[4]", False),
    ("exists ReferencedStudySequence.ReferencedStudySequence[0]", True),
    ("exists ReferencedStudySequence.ReferencedStudySequence[1]", False),
    ("empty ReferencedStudySequence", False),
    ("empty ReferencedImageSequence", True),
    ("exists ReferencedImageSequence", True),
    ("exists ReferencedImageSequence[0]", False),
    ("exists ReferencedSOPInstanceUID", False),
    ("ReferencedSOPInstanceUID == 1.2", False),
    ("PatientName == A", True),
    ("PatientName == A and exists ReferencedStudySequence", True),
]


@pytest.mark.parametrize("coder", CODERS.values(), ids=CODERS)
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("vr", ["SQ", "UN"])
def test_items(path: Path, coder: Coder, undefined: bool, vr: str) -> None:
    if vr == "UN" and not coder.encoding.explicit:
        pytest.skip("there is no VR to be UN")
    data = nested(coder, undefined=undefined, vr=vr)
    for text, wanted in NESTED:
        assert is_true(path, data, text, coder=coder) is wanted, text


def test_private_elements(path: Path) -> None:
    data = (
        one(0x00290010, "LO", b"OTHER ")
        + one(0x00290011, "LO", b"ACME HEAD ")
        + one(0x00291001, "DS", b"5 ")
        + one(0x00291101, "DS", b"7 ")
        + one(0x00291102, "UN", b"7 ")
        + one(0x00291103, "LO", b"7 ")
        + one(0x00291104, "OB", b"7 ")
        + EVL.sequence(0x00291105, EVL.item(one(0x00290010, "LO", b"IN") + one(0x00291001, "US", b"\3\0")))
    )
    true = [
        "(0029,01,ACME HEAD) == 7.0",
        "(0029,01,ACME HEAD) > 5",
        "0029,01,OTHER == 5.0",
        "0029,1001 == 5.0",
        "exists (0029,02,ACME HEAD) and (0029,02,ACME HEAD) != 7",
        "(0029,03,ACME HEAD) == 7",
        "exists (0029,04,ACME HEAD) and not (0029,04,ACME HEAD) == 7",
        "exists (0029,05,ACME HEAD)[0] and not empty (0029,05,ACME HEAD)",
        "(0029,05,ACME HEAD).0029,01,IN == 3",
    ]
    false = [
        "(0029,01,ACME HEAD) == 5",
        "0029,02,OTHER == 7",
        "0029,01,NOBODY == 7",
        "(0029,03,ACME HEAD) == 7.0",
    ]
    for wanted, texts in ((True, true), (False, false)):
        for text in texts:
            assert is_true(path, data, text) is wanted, text


def test_a_dictionary_of_the_user_tells_what_is_under_un(path: Path, tmp_path: Path) -> None:
    lines = tmp_path / "own.dic"
    lines.write_text('(0029,"ACME",02)\tDS\tAcmeWeight\t1\n')
    data = one(0x00290010, "LO", b"ACME") + one(0x00291002, "UN", b"7 ")
    try:
        dictionary.use(extra=dictfile.read([str(lines)]))
        assert is_true(path, data, "AcmeWeight > 6.5")
        assert not is_true(path, data, "AcmeWeight > 7")
    finally:
        dictionary.reset()


def test_the_file_itself(path: Path) -> None:
    data = one(0x00080060, "CS", b"MR")
    size = len(part10(data))
    assert is_true(path, data, f"file.size == {size} and file.path like '*/A.DCM' and file.size in 1..1e6")
    assert not is_true(path, data, f"file.size > {size}")
    assert is_true(path, data, "file.path matches '[.]dcm$' and exists file.path and not empty file.size")


def test_what_is_under_another_vr_than_the_dictionary_has(path: Path) -> None:
    data = one(0x00180050, "SH", b"5 ") + one(ROWS, "LO", b"512 ") + one(0x00280011, "UN", b"\1\0")
    assert is_true(path, data, "SliceThickness < 10 and Rows > 500 and Columns == 1")
    assert is_true(path, one(NAME, "US", b"\1\0"), "PatientName != x and not PatientName == x")
    assert not is_true(path, one(0x00080020, "US", b"\1\0"), "StudyDate > 1900")


# ---------------------------------------------------------------- what is read


class Watched(FileSource):
    """A source that notes how far it has been read."""

    farthest = 0

    def read(self, offset: int, length: int) -> bytes:
        type(self).farthest = max(type(self).farthest, offset + length)
        return super().read(offset, length)


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("Modality == CT", 20_000),
        ("TransferSyntaxUID == explicit", 20_000),
        ("Modality == MR and ReferencedStudySequence.ReferencedSOPInstanceUID == 1", 20_000),
        ("Modality == CT or exists PixelData", 20_000),
        ("file.size > 0 or exists PixelData", 20_000),
        ("Rows == 1", 200_000),
    ],
)
def test_only_the_head_is_read_where_that_suffices(path: Path, text: str, most: int) -> None:
    data = one(0x00080060, "CS", b"CT") + one(0x00104000, "UT", b"x" * 50_000) + one(ROWS, "US", b"\1\0")
    path.write_bytes(part10(data + one(PIXELS, "OW", bytes(1_000_000))))
    Watched.farthest = 0
    with Watched.open(str(path)) as source:
        Where(text).of(Part10File(source), Input(str(path)))
    assert Watched.farthest <= most


def test_with_what_somebody_has_read_already(path: Path) -> None:
    path.write_bytes(part10(one(0x00080060, "CS", b"CT") + one(ROWS, "US", b"\1\0")))
    where = Where("Modality == CT and not exists PatientName and exists TransferSyntaxUID")
    assert where.tags == {0x00080060, NAME}
    with Part10File.open(str(path)) as file:
        for known in (glance(file, where.tags | {ROWS}, DEFAULT), None):
            assert where.of(file, Input(str(path)), known)
        assert not where.of(file, Input(str(path)), [])


def test_it_goes_to_another_process() -> None:
    where = Where("Modality like 'C*'", "PatientName matches '^D'")
    again = pickle.loads(pickle.dumps(where))  # noqa: S301  made here
    assert again.texts == where.texts
    assert again.tags == where.tags


# ---------------------------------------------------------------- what is hostile


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (one(0x00181316, "FD", bytes(5)), "SAR < 5"),
        (one(THICKNESS, "DS", b"9" * 2000), "SliceThickness > 5"),
        (one(THICKNESS, "DS", b"\xff\xfe1"), "SliceThickness > 5"),
        (one(0x00101010, "AS", b"\xd9\xa0\xd9\xa0Y"), "PatientAge > 5Y"),
        (one(0x00080020, "DA", b"99999999"), "StudyDate > 2024"),
        (one(0x0008002A, "DT", b"00010101000000+1400"), "AcquisitionDateTime > 2024-01-01T00:00:00-0100"),
        (one(0x00080060, "CS", b"\x1b$B\x1b(B"), "Modality matches '^C'"),
        (one(CHARSET, "CS", b"\\ISO 2022 IR 87") + one(NAME, "PN", b"\x1b$B\xff"), "PatientName == x"),
        (one(STUDIES, "SQ", b""), "ReferencedStudySequence.ReferencedSOPInstanceUID == 1"),
        (one(STUDIES, "LO", b"text"), "ReferencedStudySequence.ReferencedSOPInstanceUID == 1"),
        (one(STUDIES, "LO", b"text"), "exists ReferencedStudySequence[0]"),
    ],
)
def test_values_that_are_none(path: Path, data: bytes, text: str) -> None:
    assert not is_true(path, data, text)


def test_a_value_too_long_to_be_compared_fails_the_file(path: Path) -> None:
    data = one(0x00104000, "UT", b"x" * 1024 * 1025) + one(ROWS, "US", b"\1\0")
    with pytest.raises(
        InputError, match=r"\(0010,4000\): a value of 1049600 bytes is too long to be compared"
    ):
        is_true(path, data, "PatientComments == x")
    assert is_true(path, data, "exists PatientComments and not empty PatientComments")
    assert is_true(path, data, "Rows == 1 or PatientComments == x")
    with pytest.raises(InputError, match="too long to be searched"):
        is_true(path, one(0x00104000, "UT", b"x" * 70_000), "PatientComments matches x")
    with pytest.raises(InputError, match="too long to be searched"):
        is_true(path, one(0x00104000, "UT", b"x" * 70_000), "PatientComments like '*x'")
    assert is_true(path, one(0x00104000, "UT", b"x" * 70_000), "PatientComments < y")


def test_more_values_than_can_be_kept_fail_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcmtools.selection.reading._MOST", 100_000)
    few, many = (
        EVL.sequence(STUDIES, *[EVL.item(one(UID, "UI", b"1.2\0"))] * count) for count in (100, 1000)
    )
    text = "ReferencedStudySequence.ReferencedSOPInstanceUID == 1"
    assert not is_true(path, few, text)
    with pytest.raises(InputError, match="there are more values than can be compared"):
        is_true(path, many, text)


def test_a_file_that_cannot_be_read_far_enough_fails(path: Path) -> None:
    broken = one(0x00080060, "CS", b"CT") + one(NAME, "PN", b"A " * 8000) + one(ROWS, "US", b"\1\0")[:-1]
    assert is_true(path, broken, "Modality == CT")
    with pytest.raises(InputError, match="exceeds"):
        is_true(path, broken, "Rows == 1")
    with LenientFile.open(str(path)) as file, pytest.raises(InputError, match="it is damaged"):
        Where("Rows == 2").of(file, Input(str(path)))
    with LenientFile.open(str(path)) as file:
        assert Where("Modality == CT").of(file, Input(str(path)))


def test_what_tells_before_the_fault_is_enough(path: Path) -> None:
    inner = EVL.sequence(STUDIES, EVL.item(one(UID, "UI", b"1.2\0")))  # more than a glance can tell
    broken = inner + one(NAME, "PN", b"A ") + one(PIXELS, "OW", bytes(32))[:-1]
    assert not is_true(path, broken, "PatientName == B and exists PixelData")
    assert is_true(path, broken, "PatientName == A or not exists PixelData")
    with pytest.raises(InputError, match="exceeds"):
        is_true(path, broken, "PatientName == A and exists PixelData")


def test_fragments_are_no_items(path: Path) -> None:
    path.write_bytes(real_file("JPEG2000.dcm").read_bytes())
    with Part10File.open(str(path)) as file:
        assert Where("exists PixelData and not empty PixelData").of(file, Input(""))
        assert not Where("exists PixelData[0]").of(file, Input(""))


def test_nested_too_deeply(path: Path) -> None:
    data = b""
    for _ in range(200):
        data = EVL.sequence(STUDIES, EVL.item(data, undefined=True), undefined=True)
    with pytest.raises(InputError, match="deeper"):
        is_true(path, data, "ReferencedStudySequence.ReferencedSOPInstanceUID == 1")
    with pytest.raises(InputError, match="deeper"):
        is_true(path, data, "ReferencedStudySequence." * 100 + "ReferencedSOPInstanceUID == 1")
