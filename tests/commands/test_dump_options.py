"""``dcmtools dump``: how much of a file is shown, and in which form."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from tests.support.encoded import EVB, EVL, IVL, Coder, part10
from tests.support.run import run
from tests.support.samples import ct, real_file

if TYPE_CHECKING:
    from pathlib import Path

NAME, ID, IDS, PIXELS, BLOCK = 0x00100010, 0x00100020, 0x00101002, 0x7FE00010, 0x00090010
A_NAME = EVL.element(NAME, "PN", b"A ")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.dcm"


@pytest.fixture
def nested(path: Path) -> Path:
    """Two levels of sequences, one of them private, and a private element."""
    inner = EVL.sequence(IDS, EVL.item(EVL.element(ID, "LO", b"in")), undefined=True)
    private = EVL.element(BLOCK, "LO", b"ME") + EVL.sequence(
        0x00091001, EVL.item(A_NAME, undefined=True), undefined=True
    )
    outer = EVL.sequence(IDS, EVL.item(inner, undefined=True), undefined=True)
    pixels = EVL.sequence(PIXELS, EVL.item(), EVL.item(b"abcd"), undefined=True, vr="OB")
    path.write_bytes(part10(private + outer + pixels))
    return path


def tags(*args: object) -> list[str]:
    """The tags of the data set's lines, indented as they are."""
    done = run("dump", *args)
    assert (done.status, done.stderr) == (0, "")
    lines = done.stdout[done.stdout.index("# Data set") :].splitlines()[1:]
    return [line[: line.index(")") + 1] for line in lines]


def found(*args: object) -> list[str]:
    done = run("dump", *args)
    assert (done.status, done.stderr) == (0, "")
    return done.stdout.splitlines()


# ---------------------------------------------------------------- how much


@pytest.mark.parametrize("option", ["--until", "+st"])
def test_until_an_element(option: str) -> None:
    assert tags(option, "SOPInstanceUID", ct())[-1] == "(0008,0018)"
    assert tags(option, "0008,0019", ct())[-1] == "(0008,0018)"


@pytest.mark.parametrize("option", ["--before", "+sb"])
def test_before_an_element(option: str) -> None:
    assert tags(option, "SOPInstanceUID", ct())[-1] == "(0008,0016)"
    assert "00080018" not in run("dump", "--format", "json", option, "0008,0018", ct()).stdout


def test_what_stands_behind_the_end_asked_for_is_not_read(path: Path) -> None:
    path.write_bytes(part10(A_NAME + EVL.element(PIXELS, "OW", b"ab", length=99)))
    assert run("dump", path).status == 1
    assert run("dump", "--before", "PixelData", path).status == 0


@pytest.mark.parametrize("key", ["OtherPatientIDsSequence.PatientID", "0009,01,ME"])
def test_the_end_is_an_element_at_the_top(key: str) -> None:
    done = run("dump", "--until", key, ct())
    assert done.status == 2
    assert "is not an element at the top of a data set" in done.stderr


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (0, ["(0009,0010)", "(0009,1001)", "(0010,1002)", "(7fe0,0010)"]),
        (
            1,
            [
                "(0009,0010)",
                "(0009,1001)",
                "  (fffe,e000)",
                "    (0010,0010)",
                "  (fffe,e00d)",
                "(fffe,e0dd)",
                "(0010,1002)",
                "  (fffe,e000)",
                "    (0010,1002)",
                "  (fffe,e00d)",
                "(fffe,e0dd)",
                "(7fe0,0010)",
                "  (fffe,e000)",
                "  (fffe,e000)",
                "(fffe,e0dd)",
            ],
        ),
    ],
)
def test_levels_of_sequences(nested: Path, depth: int, expected: list[str]) -> None:
    assert tags("--depth", depth, nested) == expected
    assert tags("--depth", 2, nested) == tags(nested)


def test_without_private_elements(nested: Path) -> None:
    shown = tags("--no-private", nested)
    assert shown == tags(nested)[-len(shown) :]
    assert shown[0] == "(0010,1002)"
    assert tags("--private", nested) == tags(nested)


def test_the_json_model_keeps_to_it(nested: Path) -> None:
    (record,) = run("dump", "--format", "json", "--no-private", "--depth", "0", nested).records
    assert list(record["dataset"]) == ["00101002", "7FE00010"]
    assert record["dataset"]["00101002"] == {"vr": "SQ"}


# ---------------------------------------------------------------- hits


@pytest.mark.parametrize("option", ["--first", "-s"])
def test_the_first_hit(option: str) -> None:
    lines = found(option, "+P", "PatientID", "+P", "TypeOfPatientID", ct())
    assert lines == [
        "(0010,0020) LO [1CT1]  # 4, 1 PatientID",
        "    (0010,0022) CS [TEXT]  # 4, 1 TypeOfPatientID",
    ]
    for every in ("--all", "+s"):
        assert len(found("-s", every, "+P", "PatientID", ct())) == 3


@pytest.mark.parametrize("option", ["--path", "+p"])
def test_the_path_of_a_hit(option: str) -> None:
    assert found(option, "+P", "PatientID", ct()) == [
        "(0010,0020) LO [1CT1]  # 4, 1 PatientID",
        "(0010,1002)[0].(0010,0020) LO [ABCD1234]  # 8, 1 PatientID",
        "(0010,1002)[1].(0010,0020) LO [1234ABCD]  # 8, 1 PatientID",
    ]
    assert found(option, "--offsets", "+P", "TypeOfPatientID", "-s", ct()) == [
        "1018 (0010,1002)[0].(0010,0022) CS [TEXT]  # 4, 1 TypeOfPatientID"
    ]


def test_a_printed_path_finds_its_element_again() -> None:
    for line in found("+p", "+P", "TypeOfPatientID", ct()):
        assert found("+p", "+P", line.split()[0], ct()) == [line]


@pytest.mark.parametrize("option", [["--titles", "always"], ["+F"]])
def test_titles_always(option: list[str]) -> None:
    assert found(*option, ct())[0] == f"# {ct()}"
    done = run("dump", *option, "+P", "PatientComments", ct())
    assert (done.status, done.stdout) == (1, f"# {ct()}\n")


@pytest.mark.parametrize("option", [["--titles", "hits"], ["+Fs"]])
def test_titles_of_files_with_hits(option: list[str]) -> None:
    assert found(*option, "+P", "Rows", ct())[0] == f"# {ct()}"
    assert run("dump", *option, "+P", "PatientComments", ct()).stdout == ""


# ---------------------------------------------------------------- how


def test_values_are_cut_where_asked(path: Path) -> None:
    numbers = b"".join(n.to_bytes(2, "little") for n in range(100))
    data = EVL.element(NAME, "PN", b"a" * 40) + EVL.element(0x00091001, "US", numbers)
    path.write_bytes(part10(data + EVL.element(PIXELS, "OB", bytes(100))))
    assert found("--max-length", 3, path)[-3:] == [
        "(0010,0010) PN [aaa]...  # 40, 1 PatientName",
        "(0009,1001) US 0\\1\\2\\...  # 200, 100 Unknown",
        "(7fe0,0010) OB 00\\00\\00\\...  # 100, 1 PixelData",
    ]
    for long in ("--long", "+L"):
        lines = found(long, path)[-3:]
        assert "\\98\\99  # 200, 100" in lines[1]
        assert lines[2].count("\\00") == 99


def test_offsets_stand_in_front() -> None:
    data = ct().read_bytes()
    for line in found("--offsets", ct()):
        offset, _, rest = line.strip().partition(" ")
        if offset.isdigit():
            tag = rest.strip()[1:10]
            start = int(offset)
            group, element = (int.from_bytes(data[at : at + 2], "little") for at in (start, start + 2))
            assert f"{group:04x},{element:04x}" == tag


@pytest.mark.parametrize("option", ["--no-uid-names", "-Un"])
def test_uids_as_they_are(option: str) -> None:
    assert found(option, "+P", "SOPClassUID", ct()) == [
        "(0008,0016) UI [1.2.840.10008.5.1.4.1.1.2]  # 26, 1 SOPClassUID"
    ]
    assert found("+P", "SOPClassUID", ct()) == ["(0008,0016) UI =CTImageStorage  # 26, 1 SOPClassUID"]


def test_hashes_of_bulk_values(path: Path, nested: Path) -> None:
    digest = sha256(b"abcd").hexdigest()
    assert f"  (fffe,e000) na sha256:{digest}  # 4, 1 Item" in found("--hash", nested)
    pixels = bytes(range(256)) * 12000
    path.write_bytes(part10(A_NAME + EVL.element(PIXELS, "OW", pixels)))
    assert found("--hash", path)[-2:] == [
        "(0010,0010) PN [A]  # 2, 1 PatientName",
        f"(7fe0,0010) OW sha256:{sha256(pixels).hexdigest()}  # {len(pixels)}, 1 PixelData",
    ]


# ---------------------------------------------------------------- raw


def raw(*args: object) -> bytes:
    done = run("dump", "--raw", *args)
    assert (done.status, done.stderr) == (0, "")
    return done.stdout.encode()


def test_the_bytes_of_one_element(path: Path) -> None:
    path.write_bytes(part10(EVL.element(PIXELS, "OB", b"\0\x1b[31m\n\n\x7f")))
    assert raw("PixelData", path) == b"\0\x1b[31m\n\n\x7f"
    assert raw("OtherPatientIDsSequence[1].PatientID", ct()) == b"1234ABCD"
    assert raw("0002,0016", ct()) == b"CLUNIE1 "


@pytest.mark.parametrize(
    ("key", "status", "message"),
    [
        (
            "OtherPatientIDsSequence.PatientID",
            3,
            "names more than one element; give the item of each sequence",
        ),
        ("OtherPatientIDsSequence", 3, "offset 994: (0010,1002) is a sequence, not one value"),
        ("PatientComments", 1, "(0010,4000) is not in this file"),
    ],
)
def test_what_has_no_bytes_of_its_own(key: str, status: int, message: str) -> None:
    done = run("dump", "--raw", key, ct())
    assert (done.status, done.stdout) == (status, "")
    assert message in done.stderr


def test_encapsulated_pixel_data_and_several_files_are_refused(tmp_path: Path) -> None:
    done = run("dump", "--raw", "PixelData", real_file("JPEG2000.dcm"))
    assert (done.status, done.stdout) == (3, "")
    assert "is encapsulated, not one value" in done.stderr
    for several in ([ct(), ct()], [tmp_path]):
        assert run("dump", "--raw", "PatientName", *several)[:2] == (2, "")


# ---------------------------------------------------------------- what is assumed


@pytest.mark.parametrize(
    ("name", "coder"),
    [
        ("implicit", IVL),
        ("ImplicitVRLittleEndian", IVL),
        ("1.2.840.10008.1.2", IVL),
        ("explicit", EVL),
        ("EXPLICIT-BIG-ENDIAN", EVB),
        ("1.2.840.10008.1.2.2", EVB),
    ],
)
@pytest.mark.parametrize("strict", [[], ["--strict"]])
def test_an_assumed_syntax_goes_before_the_declared_one(
    path: Path, name: str, coder: Coder, strict: list[str]
) -> None:
    path.write_bytes(part10(coder.element(NAME, "PN", b"A "), "1.2.840.10008.1.2.4.70"))
    lines = found(*strict, "--assume-syntax", name, path)
    assert lines[-1] == "(0010,0010) PN [A]  # 2, 1 PatientName"
    assert lines[-2].startswith("# Data set, ")


def test_a_character_set_is_assumed_where_none_is_named(path: Path) -> None:
    path.write_bytes(part10(EVL.element(NAME, "PN", "Müller".encode())))
    assert "[M\\xc3\\xbcller]" in run("dump", path).stdout
    assumed = ["--assume-charset", "ISO_IR 192"]
    assert "[Müller]" in run("dump", *assumed, path).stdout
    assert run("dump", *assumed, "--value", "PatientName", path).stdout == "Müller\n"
    assert "Müller" in run("dump", *assumed, "--format", "json", path).stdout
    named = EVL.element(0x00080005, "CS", b"ISO_IR 100") + EVL.element(NAME, "PN", b"M\xfcller")
    path.write_bytes(part10(named))
    assert "[Müller]" in run("dump", *assumed, path).stdout


@pytest.mark.parametrize(
    "args",
    [["--assume-syntax", "huffman"], ["--assume-charset", "utf-8"], ["--depth", "-1"], ["--max-length", "0"]],
)
def test_what_cannot_be_is_status_2(args: list[str]) -> None:
    assert run("dump", *args, ct())[:2] == (2, "")


def test_colour_changes_nothing_but_the_looks() -> None:
    plain = run("dump", "--color", "never", ct())
    colored = run("dump", "--color", "always", ct())
    assert "\x1b[36m(0010,0010)\x1b[0m \x1b[33mPN\x1b[0m [" in colored.stdout
    assert re.sub("\x1b\\[[0-9]*m", "", colored.stdout) == plain.stdout
    assert "\x1b" not in plain.stdout


def test_the_path_of_a_hit_in_colour() -> None:
    args = ("+P", "CodeValue", "--path", "--offsets", real_file("reportsi.dcm"))
    plain, colored = run("dump", *args), run("dump", "--color", "always", *args)
    assert re.sub("\x1b\\[[0-9]*m", "", colored.stdout) == plain.stdout
    assert "\x1b[36m(0040,a043)[0].(0008,0100)\x1b[0m" in colored.stdout
