"""Dictionaries of the user's own, and what is looked up in them first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding import dictfile, dictionary
from dcmtools.encoding.dictionary import UNKNOWN, element_of, lookup, private_lookup
from dcmtools.encoding.tagpath import parse
from dcmtools.errors import UsageError
from tests.support.encoded import IVL

if TYPE_CHECKING:
    from collections.abc import Iterator

DCMTK = sorted(Path("/usr/share").glob("libdcmtk*/*.dic")) + sorted(Path("/usr/share/dcmtk").glob("*.dic"))


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    dictionary.reset()


def use(folder: Path, text: str) -> None:
    path = folder / "own.dic"
    path.write_text(text)
    dictionary.use(extra=dictfile.read([str(path)]))


def test_an_element_goes_before_the_built_in_one(tmp_path: Path) -> None:
    assert lookup(0x00100010) == ("PN", "1", "PatientName")
    use(tmp_path, "# ours\n\n(0010,0010)\tLO\tComponentName\t1-n\tOURS\n(0012,a001)\tDS\tDose\n")
    assert lookup(0x00100010) == ("LO", "1-n", "ComponentName")
    assert lookup(0x0012A001) == ("DS", "1", "Dose")
    assert lookup(0x00100020)[2] == "PatientID"
    dictionary.reset()
    assert lookup(0x00100010) == ("PN", "1", "PatientName")
    assert lookup(0x0012A001) == UNKNOWN


def test_what_a_walk_has_learnt_is_forgotten(tmp_path: Path) -> None:
    data = IVL.element(0x0012A001, "", b"1.5 ")
    assert IVL.seen(data) == [(0x0012A001, "UN", 0)]
    use(tmp_path, "(0012,A001)\tDS\tDose\t1\tOURS\n")
    assert IVL.seen(data) == [(0x0012A001, "DS", 0)]
    dictionary.reset()
    assert IVL.seen(data) == [(0x0012A001, "UN", 0)]


def test_who_remembers_is_told() -> None:
    told: list[int] = []
    dictionary.on_change(lambda: told.append(1))
    dictionary.use(private=False)
    dictionary.reset()
    assert told == [1, 1]


def test_a_private_element_stands_in_whatever_block(tmp_path: Path) -> None:
    use(
        tmp_path,
        '(0029,"ME",10)\tUS\tMine\t1\t\n(0029,"ME",1120)\tFL\tThere\t1\n(0029,1030)\tLO\tAnyones\t1\n',
    )
    assert private_lookup("ME", 0x00291010) == ("US", "1", "Mine")
    assert private_lookup("ME", 0x0029FF10) == ("US", "1", "Mine")
    assert private_lookup("YOU", 0x00291010) == UNKNOWN
    assert private_lookup("ME", 0x00291120) == ("FL", "1", "There")
    assert private_lookup("ME", 0x00291220) == UNKNOWN
    assert private_lookup("YOU", 0x00291030) == private_lookup("", 0x00291030) == ("LO", "1", "Anyones")


@pytest.mark.parametrize(
    ("tags", "inside", "outside"),
    [
        ("(6000-60FF,3000)", [0x60003000, 0x60FE3000], [0x60013000, 0x61003000, 0x60003001]),
        ("(6000-e-60FF,3000)", [0x60003000], [0x60013000]),
        ("(0009-o-FFFF,0001)", [0x00090001, 0xFFFF0001], [0x00100001, 0x00070001]),
        ("(0012-u-0015,A001)", [0x0012A001, 0x0013A001, 0x0015A001], [0x0016A001]),
        ("(0012,A000-u-A00f)", [0x0012A000, 0x0012A00F], [0x0012A010]),
        ("(0012,A001-A00f)", [0x0012A002, 0x0012A00E], [0x0012A001, 0x0012A00F]),
    ],
)
def test_ranges(tmp_path: Path, tags: str, inside: list[int], outside: list[int]) -> None:
    use(tmp_path, f"{tags}\tUS\tRepeated\t1\tOURS\n")
    assert {lookup(tag)[2] for tag in inside} == {"Repeated"}
    assert "Repeated" not in {lookup(tag)[2] for tag in outside}


def test_a_range_of_private_groups(tmp_path: Path) -> None:
    use(tmp_path, '(7001-o-70ff,"ME",04)\tST\tNote\t1\tOURS\n')
    assert private_lookup("ME", 0x70031104) == ("ST", "1", "Note")
    assert private_lookup("YOU", 0x70031104) == private_lookup("ME", 0x71011104) == UNKNOWN


def test_the_last_goes_first(tmp_path: Path) -> None:
    first, last = tmp_path / "a.dic", tmp_path / "b.dic"
    first.write_text("(0012,A001)\tDS\tA\t1\n(0012-0014,A002)\tDS\tA\t1\n")
    last.write_text("(0012,A001)\tIS\tB\t1\n(0012-0014,A002)\tIS\tB\t1\n")
    dictionary.use(extra=dictfile.read([str(first), str(last)]))
    assert lookup(0x0012A001)[2] == lookup(0x0012A002)[2] == "B"


@pytest.mark.parametrize(
    ("word", "vr"),
    [("xs", "US or SS"), ("ox", "OB or OW"), ("px", "OB or OW"), ("lt", "US or OW"), ("up", "UL")],
)
def test_the_words_that_dcmtk_has_for_vrs(tmp_path: Path, word: str, vr: str) -> None:
    use(tmp_path, f"(0012,A001)\t{word}\tAny\t1\n(FFFE,E000)\tna\tThing\t1\n")
    assert lookup(0x0012A001)[0] == vr
    assert lookup(0xFFFEE000)[2] == "Item"


def test_names_are_keys(tmp_path: Path) -> None:
    use(
        tmp_path,
        '(0012,A001)\tDS\tTotalDose\t1\n(0029,"ME",10)\tUS\tMy Thing\t1\n(0029,"ME",11)\tUS\tPatientName\t1\n'
        '(0029,"ME",12)\tUS\tTwice\t1\n(0031,"ME",12)\tUS\tTwice\t1\n(0010,0010)\tPN\tComponentName\t1\n',
    )
    assert str(parse("totaldose")) == "(0012,a001)"
    assert str(parse("TotalDose[0].my thing")) == "(0012,a001)[0].(0029,10,ME)"
    assert element_of("PatientName") == element_of("ComponentName") == (0x00100010, "")
    with pytest.raises(ValueError, match="'Twice' names 2 elements of the dictionaries; give the tag"):
        parse("Twice")
    with pytest.raises(ValueError, match="did you mean TotalDose"):
        parse("TotalDoze")


def test_without_the_built_in_private_dictionary(tmp_path: Path) -> None:
    creator, tag = "SIEMENS CSA HEADER", 0x00291008
    assert private_lookup(creator, tag)[0] == "CS"
    use(tmp_path, '(0029,"ME",10)\tUS\tMine\t1\n')
    dictionary.use(private=False)
    assert private_lookup(creator, tag) == UNKNOWN
    assert private_lookup("ME", 0x00291010)[2] == "Mine"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("(0010,0010) PN PatientName 1", "a tag, a VR and a name are wanted, separated by tabs"),
        ("0010,0010\tPN\tName\t1", "'0010,0010' is not a tag"),
        ("(0010,00100)\tPN\tName\t1", "is not a tag"),
        ("(0010-x-0020,0010)\tPN\tName\t1", "is not a tag"),
        ('(0029,"",10)\tPN\tName\t1', "is not a tag"),
        ("(0020-0010,0010)\tPN\tName\t1", "there is nothing between 0020 and 0010"),
        ('(0028,"ME",10)\tUS\tName\t1', "is even, so it is not private"),
        ('(0028-u-0031,"ME",10)\tUS\tName\t1', "is even, so it is not private"),
        ("(0010,0010)\tpn\tName\t1", "'pn' is not a VR"),
        ("(0010,0010)\tPN\tName\tmany", "'many' is not a VM, such as 1, 1-3 or 2-2n"),
        ("(0010,0010)\tPN\tNa\x1bme\t1", "characters that do not show"),
        ("\x7fELF\0", "a tag, a VR and a name are wanted"),
    ],
)
def test_a_line_that_makes_no_sense(tmp_path: Path, line: str, what: str) -> None:
    path = tmp_path / "own.dic"
    path.write_text(f"# first\n(0012,A001)\tDS\tDose\t1\n{line}\n")
    with pytest.raises(UsageError) as caught:
        dictfile.read([str(path)])
    assert caught.value.message.startswith(f"{path}, line 3: ")
    assert what in caught.value.message


def test_what_is_no_dictionary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="No such file"):
        dictfile.read([str(tmp_path / "none.dic")])
    with pytest.raises(UsageError, match="Is a directory"):
        dictfile.read([str(tmp_path)])
    monkeypatch.setattr(dictfile, "_LONGEST", 1 << 20)
    with pytest.raises(UsageError, match="more than 1 MiB is no dictionary"):
        dictfile.read(["/dev/zero"])


def test_bytes_that_are_no_text_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "own.dic"
    path.write_bytes(b"\xef\xbb\xbf# \xff\r\n(0012,A001)\tDS\tDose\t1\t\xff\r\n")
    assert dictfile.read([str(path)]).tags == {0x0012A001: ("DS", "1", "Dose")}


@pytest.mark.skipif(not DCMTK, reason="not here: DCMTK's dictionaries")
def test_every_line_of_dcmtks_dictionaries_is_taken() -> None:
    entries = dictfile.read(map(str, DCMTK))
    assert len(entries.tags) > 4000
    assert len(entries.private) > 2000
    assert len(entries.ranges) > 70


@pytest.mark.skipif(not DCMTK, reason="not here: DCMTK's dictionaries")
def test_dcmtks_dictionary_agrees_with_the_built_in_one() -> None:
    """On all VRs but those of what is retired and of lookup tables, which are called otherwise."""
    built_in = {
        tag: lookup(tag) for tag in (dictionary.tag_of(word) for word in dictionary.keywords() if word)
    }
    dictionary.use(extra=dictfile.read([str(path) for path in DCMTK if path.name == "dicom.dic"]))
    other = {tag for tag, fields in built_in.items() if lookup(tag)[0] != fields[0]}
    assert other <= {0x00281200}
