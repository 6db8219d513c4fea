"""Changes as a person writes them: what is wrong in itself is said before any file is opened."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

import pytest

from dcmtools.editing.changes import Change, edits_for, parse_change, parse_changes
from dcmtools.encoding import dictionary
from dcmtools.encoding.dictionary import Entries, Range
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import EVB, EVL, IVL, Coder, part10
from tests.support.samples import real_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dcmtools.editing.splice import Edit

SYNTAXES = {EVL: "1.2.840.10008.1.2.1", EVB: "1.2.840.10008.1.2.2", IVL: "1.2.840.10008.1.2"}


def edits(folder: Path, *texts: str, charset: str | None = None, coder: Coder = EVL) -> list[Edit]:
    """What the texts become in a data set with this character set."""
    data = b"" if charset is None else coder.element(0x00080005, "CS", _even(charset.encode()))
    path = folder / "file.dcm"
    path.write_bytes(part10(data + coder.element(0x00080060, "CS", b"CT"), SYNTAXES[coder]))
    with Part10File.open(str(path)) as file:
        return edits_for(file, parse_changes(texts))


def _even(raw: bytes) -> bytes:
    return raw + b" " * (len(raw) % 2)


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("PatientID=A1", Change(0x00100020, "LO", "A1")),
        ("patientid=A=1", Change(0x00100020, "LO", "A=1")),
        ("0010,0020=A1", Change(0x00100020, "LO", "A1")),
        ("(0010,0020)=", Change(0x00100020, "LO", "")),
        ("00100020= A1 ", Change(0x00100020, "LO", " A1 ")),
        ("6002,0010=512", Change(0x60020010, "US", "512")),
        ("PixelPaddingValue=-5", Change(0x00280120, "US or SS", "-5")),
    ],
)
def test_the_element_and_its_text(text: str, change: Change) -> None:
    assert parse_change(text) == change


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PatientID", "'PatientID' is not Keyword=value"),
        ("=A1", "does not end with an element"),
        ("PatientIdd=A1", "did you mean PatientID?"),
        ("ReferencedImageSequence[0].ReferencedSOPClassUID=1.2", "within a sequence"),
        ("PatientID[0]=1.2", "does not end with an element"),
        ("0029,10,SIEMENS CSA HEADER=1", "is private"),
        ("0029,1010=1", "is private"),
        ("TransferSyntaxUID=1.2.840.10008.1.2", "it is an element of the file meta information"),
        ("MessageID=1", "an element of a command"),
        ("FileSetID=A", "an element of a DICOMDIR"),
        ("0008,0000=1", "it is no element that a data set may have"),
        ("FFFE,E000=1", "it is no element that a data set may have"),
        ("SpecificCharacterSet=ISO_IR 100", r"SpecificCharacterSet \(0008,0005\) cannot be set: all text"),
        ("SOPClassUID=1.2", "it says what the instance is"),
        ("SOPInstanceUID=1.2", "it says which instance this is"),
        ("ReferencedImageSequence=1", "it is a sequence"),
        ("PixelData=1", "its VR is OB or OW, whose values are not text"),
        ("EncapsulatedDocument=1", "its VR is OB, whose values are not text"),
        ("PixelPaddingValue=65536", r"PixelPaddingValue \(0028,0120\): '65536' is not a number that VR US"),
        (r"PixelPaddingValue=-1\2", "2 values where the VM is 1"),
        (r"RedPaletteColorLookupTableDescriptor=-1\40000\8", "'40000' is not a number that VR SS can hold"),
        ("LUTData=1", "its VR is US or OW, whose values are not text"),
        ("0010,9999=1", "PS3.6 does not have it"),
        (r"PatientID=A\B", r"PatientID \(0010,0020\): 2 values where the VM is 1"),
        (r"PixelSpacing=1", "1 value where the VM is 2"),
        (r"AcquisitionMatrix=1\2\3\4\5", "5 values where the VM is 4"),
        (r"ContourData=1\2\3\4", "4 values where the VM is 3-3n"),
        (r"ShutterShape=A\B\C\D", "4 values where the VM is 1-3"),
        (r"ApplicableFrameRange=1\2\3", "3 values where the VM is 2-2n"),
        ("ImageType=A", "1 value where the VM is 2-n"),
        ("PatientName=\udce9", r"'\\udce9' cannot stand in a value of VR PN"),
        ("PatientID=A\nB", r"'\\n' cannot stand in a value of VR LO"),
        ("PatientComments=A\x1bB", r"'\\x1b' cannot stand in a value of VR LT"),
    ],
)
def test_what_is_wrong_in_itself(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_change(text)


def test_no_element_is_given_twice() -> None:
    with pytest.raises(ValueError, match=r"PatientID \(0010,0020\) is given twice"):
        parse_changes(["PatientID=1", "0010,0020=2"])


# An element of each VR, values of it, and others that are none.
FORMS: dict[str, tuple[list[str], list[str]]] = {
    "RetrieveAETitle": (["STORE", "A B", "A" * 16, r"A\B"], ["A" * 17, "   ", "Ä"]),
    "PatientAge": (["042Y", "001D"], ["42Y", "0042Y", "042y", "042"]),
    "Modality": (["CT", "A_1 B", "A" * 16], ["ct", "A" * 17, "A-B", "Ä"]),
    "StudyDate": (["20240229", "00010101"], ["20230229", "2024-02-29", "20241301", "2024", "00000101", "٢"]),
    "PatientWeight": (["1", "-1.5e-3", ".5", "5.", " +1 "], ["1,5", "nan", "1e", "0" * 17, "1_0"]),
    "AcquisitionDateTime": (
        ["2024", "202402", "20240229", "2024022910", "20240229101112.123456+0100", "2024-0500"],
        ["20230229", "20240229240000", "2024022", "20240229101112.1234567", "24"],
    ),
    "InstanceNumber": (["1", "-2147483648", "2147483647", "+007"], ["2147483648", "1.0", "1" * 13, "-"]),
    "StudyDescription": (["x" * 64, "é" * 64, "^="], ["x" * 65]),
    "PatientComments": (["x" * 10240, "a\\b\r\n\tc"], ["x" * 10241]),
    "PatientName": (
        ["Doe^Jane^A^Dr^PhD", "Doe=山田=やまだ", "x" * 64 + "=" + "x" * 64, "^^^^"],
        ["x" * 65, "a^b^c^d^e^f", "a=b=c=d"],
    ),
    "AccessionNumber": (["x" * 16], ["x" * 17]),
    "ImageComments": (["x" * 10240], ["x" * 10241]),
    "InstitutionAddress": (["x" * 1024], ["x" * 1025]),
    "StudyTime": (["10", "1011", "101112", "235960.123456"], ["24", "101", "10:11", "1060", "1011.5"]),
    "StudyInstanceUID": (["1.2.0.3", "0", "1." + "2" * 62], ["1.02", "1..2", "1.2.", "a", "1." + "2" * 63]),
    "RetrieveURL": (["http://[::1]:80/a?b=c#d%20"], ["a b", "é", "a\\b"]),
    "TextValue": (["x" * 100_000, "a\\b"], ["a\x00b"]),
    "LongCodeValue": (["x" * 100_000], ["a\nb"]),
    "Rows": (["0", "65535", "+1"], ["65536", "-1", "1.0", "x", "1" * 30]),
    "TagAngleSecondAxis": (["-32768"], ["32768"]),
    "SelectorULValue": (["4294967295", r"1\2"], ["4294967296", r"1\\2"]),
    "SelectorSLValue": (["-2147483648"], ["2147483648"]),
    "SelectorUVValue": (["18446744073709551615"], ["18446744073709551616"]),
    "SelectorSVValue": (["-9223372036854775808"], ["9223372036854775808"]),
    "SelectorFLValue": (["1.5", "-3.4e38", ".1"], ["3.5e38", "inf", "nan", "1 "]),
    "SelectorFDValue": (["1.5", "-1e308"], ["1e999", "0x1", "1_0"]),
    "FrameIncrementPointer": (["0018,1063", r"FrameTime\00181065"], ["A", "FrameTime[0].Rows", "0029,10,X"]),
}  # fmt: skip


@pytest.mark.parametrize("keyword", FORMS)
def test_the_form_of_each_vr(keyword: str) -> None:
    """PS3.5 6.2."""
    right, others = FORMS[keyword]
    for text in right:
        assert parse_change(f"{keyword}={text}").text == text
    for text in others:
        with pytest.raises(ValueError, match=f"^{keyword} "):
            parse_change(f"{keyword}={text}")


@pytest.mark.parametrize("coder", SYNTAXES)
def test_numbers_in_the_byte_order_of_the_file(tmp_path: Path, coder: Coder) -> None:
    order = coder.encoding.order
    done = edits(
        tmp_path,
        r"AcquisitionMatrix=1\2\3\4",
        "TableSpeed=-1.5",
        r"FrameIncrementPointer=0018,1063",
        coder=coder,
    )
    assert [edit.value for edit in done] == [
        pack(f"{order}4H", 1, 2, 3, 4),
        pack(f"{order}d", -1.5),
        pack(f"{order}2H", 0x18, 0x1063),
    ]


def test_values_are_padded(tmp_path: Path) -> None:
    done = edits(
        tmp_path, "PatientID=ABC", "StudyInstanceUID=1.2", "StudyDate=", r"ImageType=A\B", "TextValue=a"
    )
    assert [edit.value for edit in done] == [b"ABC ", b"1.2\0", b"", b"A\\B ", b"a "]


@pytest.mark.parametrize("coder", SYNTAXES)
def test_text_in_the_character_set_of_the_data_set(tmp_path: Path, coder: Coder) -> None:
    def done(charset: str | None, text: str) -> bytes | None:
        return edits(tmp_path, text, charset=charset, coder=coder)[0].value

    assert done("ISO_IR 100", "PatientName=Müller") == b"M\xfcller"
    assert done("ISO_IR 192", "PatientName=Müller^") == "Müller^".encode()
    with pytest.raises(
        InputError, match=r"PatientName \(0010,0010\): 'ł' cannot be written in .* set, 'ISO_IR 100'$"
    ):
        done("ISO_IR 100", "PatientName=Kołodziej")
    with pytest.raises(InputError, match="ASCII, as it names none"):
        done(None, "PatientName=Müller")
    assert done("ISO_IR 100", "StudyDescription=né\\né"[:-3]) == b"n\xe9"


def test_the_character_set_of_an_item_is_not_that_of_the_data_set(tmp_path: Path) -> None:
    inner = EVL.item(EVL.element(0x00080005, "CS", b"ISO_IR 192"), undefined=True)
    early = EVL.sequence(0x00080004, inner, undefined=True)
    path = tmp_path / "file.dcm"
    path.write_bytes(part10(early + EVL.element(0x00080005, "CS", b"ISO_IR 100")))
    with Part10File.open(str(path)) as file:
        [edit] = edits_for(file, parse_changes(["PatientName=é"]))
    assert edit.value == b"\xe9 "


def test_a_real_file_with_code_extensions() -> None:
    with Part10File.open(str(real_file("../charset_files/chrH31.dcm"))) as file:
        [edit] = edits_for(file, parse_changes(["PatientName=Yamada^Tarou=山田^太郎=やまだ^たろう"]))
    name = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
    assert edit.value == name + b" " * (len(name) % 2)


def test_what_must_be_kept_is_for_the_caller_to_say() -> None:
    assert parse_change("SOPInstanceUID=1.2", {}) == Change(0x00080018, "UI", "1.2")
    with pytest.raises(ValueError, match=r"PatientID \(0010,0020\) cannot be set: why not$"):
        parse_changes(["PatientID=1"], {0x00100020: "why not"})


@pytest.mark.parametrize("coder", SYNTAXES)
@pytest.mark.parametrize(
    ("representation", "texts", "vr", "code"),
    [
        (None, ["PixelPaddingValue=5"], "US", "H"),
        (None, ["PixelPaddingValue=-5"], "SS", "h"),
        (0, ["PixelPaddingValue=5"], "US", "H"),
        (1, ["PixelPaddingValue=5"], "SS", "h"),
        (1, ["PixelPaddingValue=5", "PixelRepresentation=0"], "US", "H"),
        (0, ["PixelPaddingValue=5", "PixelRepresentation=1"], "SS", "h"),
        (1, ["PixelPaddingValue=-5", "PixelRepresentation="], "SS", "h"),
    ],
)
def test_pixel_representation_decides_what_is_signed(
    tmp_path: Path, coder: Coder, representation: int | None, texts: list[str], vr: str, code: str
) -> None:
    assert padding_edit(tmp_path, coder, representation, texts) == (
        0x00280120,
        vr,
        coder.number(code, -5 if "-5" in texts[0] else 5),
    )


def test_a_number_that_pixel_representation_forbids(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^PixelPaddingValue .*: '-5' is not a number that VR US can hold"):
        padding_edit(tmp_path, EVL, 0, ["PixelPaddingValue=-5"])
    with pytest.raises(
        InputError, match=r"^PixelPaddingValue .*: '40000' is not a number that VR SS can hold"
    ):
        padding_edit(tmp_path, EVL, 1, ["PixelPaddingValue=40000"])


def padding_edit(folder: Path, coder: Coder, representation: int | None, texts: list[str]) -> Edit:
    data = coder.element(0x00080060, "CS", b"CT")
    if representation is not None:
        data += coder.element(0x00280103, "US", coder.number("H", representation))
    path = folder / "file.dcm"
    path.write_bytes(part10(data, SYNTAXES[coder]))
    with Part10File.open(str(path)) as file:
        return edits_for(file, parse_changes(texts))[0]


@pytest.fixture
def _dictionary() -> Iterator[None]:
    entries = Entries()
    entries.add(Range(range(0x10, 0x11), range(0x9999, 0x999A), "", ("SH", "2", "OurElement")))
    dictionary.use(extra=entries)
    yield
    dictionary.reset()


@pytest.mark.usefixtures("_dictionary")
def test_a_users_dictionary_counts() -> None:
    assert parse_change(r"OurElement=a\b") == Change(0x00109999, "SH", r"a\b")
