"""Files that are not as PS3.10 section 7 has them, read as far as they can be."""

from __future__ import annotations

import zlib
from struct import pack
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dcmtools.encoding.syntax import IMPLICIT_BIG
from dcmtools.errors import InputError, MalformedError, NotDicom
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.deflate import TooMuchError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import EVB, EVL, IVL, Coder, part10
from tests.support.samples import real_files

if TYPE_CHECKING:
    from pathlib import Path

IMPLICIT, EXPLICIT, DEFLATED, BIG, JPEG = (
    f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2", ".4.50")
)
IVB = Coder(IMPLICIT_BIG)
SYNTAX, CHARSET, NAME, AGE = 0x00020010, 0x00080005, 0x00100010, 0x00101010


def data_set(coder: Coder) -> bytes:
    return (
        coder.element(CHARSET, "CS", b"ISO_IR 100")
        + coder.element(NAME, "PN", b"Doe^Jane")
        + coder.element(AGE, "AS", b"042Y")
    )


EXPLICIT_META = EVL.element(SYNTAX, "UI", EXPLICIT.encode() + b"\0")
WITH_LENGTH = EVL.element(0x00020000, "UL", pack("<L", len(EXPLICIT_META))) + EXPLICIT_META


class Seen(NamedTuple):
    syntax: str
    tags: list[int]
    problems: list[str]
    serious: int
    guessed: bool


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.dcm"


def seen(path: Path, data: bytes, assume: str = "") -> Seen:
    path.write_bytes(data)
    with LenientFile.open(str(path), assume) as file:
        tags = [tag for tag, *_ in file.walk()]
        problems = [str(problem) for problem in file.problems]
        return Seen(file.transfer_syntax, tags, problems, file.serious, file.guessed)


ALL = [CHARSET, NAME, AGE]
NEITHER = "offset 0: neither preamble nor file meta information"
UNNAMED = "offset 132, (0002,0010): the file meta information names no transfer syntax"


def test_what_is_right_is_as_without_leniency(path: Path) -> None:
    for syntax, coder in ((IMPLICIT, IVL), (EXPLICIT, EVL), (BIG, EVB), (JPEG, EVL), ("1.2.3", EVL)):
        assert seen(path, part10(data_set(coder), syntax)) == (syntax, ALL, [], 0, False)
    assert seen(path, part10()) == (EXPLICIT, [], [], 0, False)
    assert seen(path, part10(EVL.element(0x00091001, "LO", b"x "))).problems == []


# ---------------------------------------------------------------- what is merely absent


@pytest.mark.parametrize(
    ("data", "syntax", "problem"),
    [
        (data_set(EVL), EXPLICIT, NEITHER),
        (data_set(IVL), IMPLICIT, NEITHER),
        (data_set(EVB), BIG, NEITHER),
        (data_set(IVB), "", NEITHER),
        (IVL.element(0x00080000, "", bytes(4)) + data_set(IVL), IMPLICIT, NEITHER),
        (part10(data_set(IVL), meta=b""), IMPLICIT, "offset 132: there is no file meta information"),
        (part10(data_set(EVB), meta=EVL.element(0x00020012, "UI", b"1.2\0")), BIG, UNNAMED),
        (part10(data_set(IVL), meta=EVL.element(SYNTAX, "UI")), IMPLICIT, UNNAMED),
        (part10(zlib.compress(data_set(EVL), wbits=-15), meta=EVL.element(SYNTAX, "UI")), DEFLATED, UNNAMED),
    ],
    ids=[
        "explicit",
        "implicit",
        "big",
        "ACR-NEMA big",
        "group length",
        "no meta",
        "none",
        "empty",
        "deflated",
    ],
)
def test_a_syntax_that_is_not_declared_is_guessed(path: Path, data: bytes, syntax: str, problem: str) -> None:
    found = seen(path, data)
    assert found._replace(tags=found.tags[-3:]) == (syntax, ALL, found.problems, 0, True)
    assert found.problems[0] == problem


@pytest.mark.parametrize(
    ("before", "problem"),
    [(b"DICM", "offset 0: no preamble"), (b"", "offset 0: no prefix DICM")],
)
@pytest.mark.parametrize("meta", [EXPLICIT_META, WITH_LENGTH])
def test_meta_without_preamble(path: Path, before: bytes, problem: str, meta: bytes) -> None:
    assert seen(path, before + meta + data_set(EVL)) == (EXPLICIT, ALL, [problem], 0, False)


def test_meta_behind_a_preamble_with_another_prefix(path: Path) -> None:
    data = bytes(128) + b"dicm" + WITH_LENGTH + data_set(EVL)
    assert seen(path, data) == (EXPLICIT, ALL, ["offset 0: no prefix DICM"], 0, False)


def test_a_first_element_that_says_nothing(path: Path) -> None:
    """Group 0001, which nobody has: explicit if there is a VR, else implicit."""
    meta = EVL.element(0x00020012, "UI", b"1.2\0")
    for coder, syntax in ((EVL, EXPLICIT), (IVL, IMPLICIT)):
        found = seen(path, part10(coder.element(0x00010001, "LO", b"x ") + data_set(coder), meta=meta))
        assert found == (syntax, [0x00010001, *ALL], [UNNAMED], 0, True)


# ---------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("declared", "coder", "found"),
    [
        (EXPLICIT, IVL, IMPLICIT),
        (EXPLICIT, EVB, BIG),
        (IMPLICIT, EVL, EXPLICIT),
        (IMPLICIT, EVB, BIG),
        (BIG, EVL, EXPLICIT),
        (BIG, IVL, IMPLICIT),
        (JPEG, IVL, IMPLICIT),
        (DEFLATED, EVL, EXPLICIT),
        (EXPLICIT, IVB, ""),
    ],
)
def test_a_data_set_that_contradicts_its_declaration(
    path: Path, declared: str, coder: Coder, found: str
) -> None:
    data = part10(data_set(coder), declared)
    offset = len(data) - len(data_set(coder))
    problem = (
        f"offset {offset}: the data set is not encoded in {declared}, which the file meta information names"
    )
    assert seen(path, data) == (found, ALL, [problem], 1, True)


def test_a_syntax_can_be_assumed(path: Path) -> None:
    found = seen(path, part10(data_set(IVL), EXPLICIT), IMPLICIT)
    assert found == (IMPLICIT, ALL, [], 0, False)
    assert seen(path, data_set(EVB), BIG)[:2] == (BIG, ALL)
    path.write_bytes(part10(data_set(EVB)))
    with Part10File.open(str(path), BIG) as file:
        assert [tag for tag, *_ in file.walk()] == ALL


@pytest.mark.parametrize(
    ("meta", "problem"),
    [
        (
            EVL.element(SYNTAX, "UI", b"1.2\0", length=60000),
            "offset 132, (0002,0010): length 60000 exceeds the",
        ),
        (
            EXPLICIT_META + EVL.sequence(0x00020102, EVL.item()),
            "offset 160, (0002,0102): a sequence has no place in file meta information",
        ),
        (
            EXPLICIT_META + EVL.element(0x00020102, "OB", bytes(1024 * 1024 + 2)),
            "offset 160, (0002,0102): a value of 1048578 bytes has no place in file meta information",
        ),
        (
            EXPLICIT_META + EVL.element(0x00020102, "OB", bytes(524_200)) * 200,
            "offset 1048584, (0002,0102): the file meta information is longer than 1048576 bytes: what fol",
        ),
        (
            IVL.element(SYNTAX, "", EXPLICIT.encode() + b"\0"),
            "offset 132, (0002,0010): b'\\x14\\x00' is not a value representation",
        ),
    ],
    ids=["overrun", "sequence", "long", "long in sum", "implicit"],
)
def test_broken_meta_is_a_problem(path: Path, meta: bytes, problem: str) -> None:
    found = seen(path, part10(data_set(EVL), meta=meta))
    assert found.problems[0].startswith(problem)
    assert found.serious


def test_what_has_no_place_in_the_meta_is_told_a_hundred_times_at_most(path: Path) -> None:
    misplaced = EVL.sequence(0x00020102, b"")
    found = seen(path, part10(data_set(EVL), meta=EXPLICIT_META + 5000 * misplaced))
    assert (found.tags, len(found.problems)) == (ALL, 100)


@pytest.mark.parametrize("coder", [EVL, IVL])
def test_a_meta_without_a_length_behind_a_preamble_that_looks_like_a_data_set(
    path: Path, coder: Coder
) -> None:
    """What a preamble holds means nothing (PS3.10 7.1), and no length is not one of 0."""
    preamble = coder.element(CHARSET, "CS", b"ISO_IR 100").ljust(128, b"\0")
    meta = EVL.element(0x00020002, "UI", b"1.2\0") + EVL.element(0x00020003, "UI", b"1.3\0")
    found = seen(path, preamble + b"DICM" + meta + data_set(EVL))
    assert (found.tags, found.syntax) == (ALL, EXPLICIT)


def test_behind_a_broken_value_the_group_length_leads_to_the_data_set(path: Path) -> None:
    broken = EVL.element(0x00020012, "UI", b"1.2\0", length=9999)
    length = EVL.element(0x00020000, "UL", pack("<L", len(EXPLICIT_META + broken)))
    found = seen(path, part10(data_set(EVL), meta=length + EXPLICIT_META + broken))
    assert (found.syntax, found.tags, found.serious) == (EXPLICIT, ALL, 1)


def test_a_cut_within_the_meta(path: Path) -> None:
    data = part10()
    for size in range(132 + 12, len(data)):
        found = seen(path, data[:size])
        assert found.serious, size
        assert found.tags == []


# ---------------------------------------------------------------- deflated


def deflated_file(data: bytes) -> bytes:
    return part10(zlib.compress(data, wbits=-15), DEFLATED)


def test_of_a_stream_that_is_cut_the_beginning_is_shown(path: Path) -> None:
    long = b"".join(EVL.element(0x00091000 + n, "LO", pack(">L", n * 999983)) for n in range(500))
    whole = deflated_file(data_set(EVL) + long)
    for size in range(len(part10(b"", DEFLATED)) + 300, len(whole), 97):
        found = seen(path, whole[:size])
        assert found.tags[:3] == ALL
        assert len(found.tags) < 503
        assert found.problems[0] == f"offset {size}: the deflated data set is cut short"


def test_of_a_stream_that_breaks_the_beginning_is_shown(path: Path) -> None:
    stream = zlib.compressobj(wbits=-15)
    begin = stream.compress(data_set(EVL)) + stream.flush(zlib.Z_FULL_FLUSH)
    found = seen(path, part10(begin + b"\xff" * 500, DEFLATED))
    assert found.tags == ALL
    assert "the deflated data set is broken" in found.problems[0]
    assert found.serious == 1


def test_a_bomb_is_refused(path: Path) -> None:
    path.write_bytes(deflated_file(bytes(32 * 1024 * 1024)))
    with LenientFile.open(str(path)) as file, pytest.raises(TooMuchError):
        file.walk()


# ---------------------------------------------------------------- what is not DICOM


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"short",
        b"text\n" * 100,
        bytes(1000),
        b"\x89PNG\r\n\x1a\n" + bytes(200),
        b"PK\3\4" + bytes(200),
        b"\0\0\1\xba" + bytes(200),  # MPEG
        b"\x5c\1\0\0" + bytes(400),  # NIfTI
        b"\0\0\0\x18ftypmp42" + bytes(200),
        b"\x08\0\x05\0CS",
        b"\x08\0\xff\xffCS\4\0abcd",  # no element of PS3.6
    ],
)
def test_what_is_not_plausibly_dicom_is_not(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    with pytest.raises(NotDicom if data else InputError):
        LenientFile.open(str(path))


@pytest.mark.parametrize("rest", [b"", bytes(100), b"rubbish" * 20])
def test_a_prefix_and_nothing_of_sense_behind_it(path: Path, rest: bytes) -> None:
    path.write_bytes(bytes(128) + b"DICM" + rest)
    with pytest.raises(MalformedError):
        LenientFile.open(str(path))


def test_what_is_refused_strictly_has_a_problem() -> None:
    refused = 0
    for path in real_files():
        try:
            with Part10File.open(str(path)) as file:
                list(file.walk())
        except InputError:
            try:
                with LenientFile.open(str(path)) as file:
                    list(file.walk())
                    assert file.problems
                    refused += 1
            except NotDicom:
                assert path.name == "no_meta.dcm"
    assert refused > 5
