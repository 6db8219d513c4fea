"""What people are told of each element: what is really done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.deidentification.engine import Deidentifier, Settings
from dcmtools.deidentification.mapping import Given, PatientMap
from dcmtools.deidentification.policies import policy_from
from dcmtools.deidentification.profile import profile_from
from dcmtools.deidentification.pseudonyms import Pseudonyms
from dcmtools.files.part10 import Part10File
from tests.support.deidentified import KEY, Options, deidentified, text
from tests.support.encoded import EVL, part10
from tests.support.samples import mr

if TYPE_CHECKING:
    from pathlib import Path

CT = text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2") + text(0x00080018, "UI", "1.2.3.4")


def told(tmp_path: Path, *elements: bytes, options: Options = Options()) -> dict[str, tuple[str, str]]:  # noqa: B008  a constant
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(CT + b"".join(elements)))
    with deidentified(path, options._replace(explaining=True)) as done:
        return {row["path"]: (row["action"], row["rule"]) for row in done.explained}


def test_pseudonyms(tmp_path: Path) -> None:
    name, other = text(0x00100010, "PN", "Doe^John"), text(0x00200010, "SH", "")
    rows = told(tmp_path, text(0x00080050, "SH", "A123"), name, text(0x00100020, "LO", "4711"), other)
    assert rows["(0008,0050)"] == ("D", "Table E.1-1 Z: a pseudonym by the key")
    assert rows["(0010,0010)"] == ("D", "Table E.1-1 Z: a pseudonym by the key")
    assert rows["(0010,0020)"] == ("D", "Table E.1-1 Z/D: a pseudonym by the key")
    assert rows["(0020,0010)"] == ("K", "it has no value")
    assert told(tmp_path, name)["(0010,0010)"] == ("Z", "Table E.1-1 Z")  # of nobody who is known


def test_pseudonyms_of_a_map(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(
        part10(
            CT
            + text(0x00080050, "SH", "A123")
            + text(0x00100010, "PN", "Doe")
            + text(0x00100020, "LO", "4711")
        )
    )
    pseudonyms = Pseudonyms(KEY, PatientMap({("4711", ""): Given("T-1")}))
    engine = Deidentifier(Settings(profile_from(), pseudonyms, explaining=True))
    with Part10File.open(str(path)) as file, engine.deidentified(file) as done:
        rules = {row["keyword"]: row["rule"] for row in done.explained}
    assert rules["PatientID"].endswith("a pseudonym of the map")
    assert rules["PatientName"].endswith("a pseudonym of the map")
    assert rules["AccessionNumber"].endswith("a pseudonym by the key")


def test_the_search(tmp_path: Path) -> None:
    described = text(0x00081090, "LO", "Model of Doe"), text(0x00100010, "PN", "Doe^John")
    assert told(tmp_path, *described)["(0008,1090)"] == (
        "C", "the search: what was removed elsewhere stood in it"
    )  # fmt: skip


def test_dates_that_move(tmp_path: Path) -> None:
    options = Options(retain=("dates-shifted",))
    rows = told(
        tmp_path, text(0x00080020, "DA", "20200102"), text(0x00080021, "DA", "NEVER"), options=options
    )
    assert rows["(0008,0020)"] == ("C", "Table E.1-1 C: shifted")
    assert rows["(0008,0021)"] == ("Z", "Table E.1-1 C: shifted")


def test_dates_that_are_none_are_told_of(tmp_path: Path) -> None:
    dates = text(0x00080020, "DA", "20200102"), text(0x00080021, "DA", "NEVER"), text(0x00100020, "LO", "1")
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(CT + b"".join(dates)))
    with deidentified(path, Options(retain=("dates-shifted",))) as done:
        assert done.changes == ["(0008,0021): what is no date was emptied"]
    with deidentified(path) as done:
        assert done.changes == []


def test_dates_of_nobody_move_by_study(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(CT + text(0x00080020, "DA", "20200102")))
    with deidentified(path, Options(retain=("dates-shifted",))) as done:
        assert done.changes == ["no Patient ID: its dates are shifted by study"]
    with deidentified(path) as done:
        assert done.changes == []


def test_what_is_added(tmp_path: Path) -> None:
    rows = told(tmp_path, text(0x00120062, "CS", "NO"), options=Options(set_=("PatientComments=ours",)))
    assert rows["(0012,0062)"] == ("D", "method")
    assert [rows[path] for path in ("(0012,0063)", "(0012,0064)", "(0028,0303)")] == [("A", "method")] * 3
    assert rows["(0010,4000)"] == ("A", "rule: --set")


def test_numbers_that_are_text_go(tmp_path: Path) -> None:
    rows = told(tmp_path, EVL.element(0x00280010, "US", b"Doe, John "))
    assert rows["(0028,0010)"] == ("X", "text where numbers should be")


def test_ages_that_are_capped_are_no_longer_those(tmp_path: Path) -> None:
    for age, told_of in (("095Y", "C"), ("045Y", "K")):
        rows = told(tmp_path, text(0x00101010, "AS", age), options=Options(retain=("patient",)))
        assert rows["(0010,1010)"] == (told_of, "Table E.1-1 K")


def test_private_elements_that_stay(tmp_path: Path) -> None:
    private = text(0x00190010, "LO", "GEMS_ACQU_01") + text(0x00191002, "SL", b"\1\0\0\0")
    rows = told(tmp_path, private, options=Options(keep=("0019,02,GEMS_ACQU_01",)))
    assert rows["(0019,1002)"] == ("K", "private: a rule")


def test_content_items_that_go(tmp_path: Path) -> None:
    def coded(value: str) -> bytes:
        return EVL.sequence(
            0x0040A043, EVL.item(text(0x00080100, "SH", value) + text(0x00080102, "SH", "DCM"))
        )

    def item(value: str, text_value: str) -> bytes:
        return EVL.item(
            text(0x0040A010, "CS", "CONTAINS") + text(0x0040A040, "CS", "TEXT") + coded(value)
            + text(0x0040A160, "UT", text_value)
        )  # fmt: skip

    content = EVL.sequence(0x0040A730, item("121013", "of Doe"), item("113691", "a comment"))
    rows = told(tmp_path, content, options=Options(clean=("structured",)))
    gone = [row for path, row in rows.items() if path.startswith("(0040,a730)[0].")]
    assert len(gone) >= 3
    assert set(gone) == {("X", "Table E.3.4-1 X")}
    assert rows["(0040,a730)[1].(0040,a010)"][0] == "K"


def test_pixels() -> None:
    rows = {}
    for policy in ("keep", "blank"):
        settings = Settings(profile_from(), Pseudonyms(KEY), explaining=True, pixels=policy_from(policy))
        with Part10File.open(str(mr())) as file, Deidentifier(settings).deidentified(file) as done:
            found = {row["keyword"]: (row["action"], row["rule"]) for row in done.explained}
            rows[policy] = found["PixelData"]
    assert rows == {"keep": ("K", "pixels: keep"), "blank": ("C", "pixels: blank")}
