from __future__ import annotations

from pathlib import Path

import pytest

from dcmtools.deidentification.profile import profile_from
from dcmtools.deidentification.profile_file import Stated, read
from dcmtools.deidentification.rules import Rule
from dcmtools.errors import ExitStatus, UsageError

EXAMPLES = Path(__file__).parents[3] / "examples" / "profiles"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "p.toml"


def test_all_that_a_file_can_say(file: Path) -> None:
    (file.parent / "masks").mkdir()
    (file.parent / "masks" / "us.toml").touch()
    file.write_text(
        'base = "basic"\nretain = ["uids", "dates-shifted"]\nclean = ["pixels"]\n'
        "\n[rules]\n# why\n"
        'PatientSex = "keep"\n"0010,1030" = "empty"\nPatientName = { set = "A^B" }\n'
        'RequestAttributesSequence.ScheduledProcedureStepID = "remove"\n'
        '"RequestAttributesSequence.RequestedProcedureID" = "keep"\n'
        '"(0019,9e,GEMS_ACQU_01)" = "keep"\n'
        '[rules.OtherPatientIDsSequence]\nPatientID.set = ""\n'
        '[pixels]\npolicy = "blank"\nrules = "masks/us.toml"\n'
    )
    line = f"{file}: line"
    assert read(str(file)) == Stated(
        "p",
        frozenset(("uids", "dates-shifted")),
        frozenset(("pixels",)),
        (
            (0x00100040, Rule("keep", f"{line} 7")),
            (0x00101030, Rule("empty", f"{line} 8")),
            (0x00100010, Rule("set", f"{line} 9", "PN", "A^B")),
            ((0x00400275, 0x00400009), Rule("remove", f"{line} 10")),
            ((0x00400275, 0x00401001), Rule("keep", f"{line} 11")),
            (("GEMS_ACQU_01", 0x0019009E), Rule("keep", f"{line} 12")),
            ((0x00101002, 0x00100020), Rule("set", f"{line} 14", "LO", "")),
        ),
        "blank",
        str(file.parent / "masks/us.toml"),
    )


def test_an_empty_file_is_the_basic_profile(file: Path) -> None:
    file.write_text("")
    assert read(str(file)) == Stated("p")
    assert profile_from(str(file)) == profile_from()._replace(name="p")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[rules]\nPatientSecks = 'keep'", "line 2: rules.PatientSecks: .*did you mean PatientSex"),
        ("\n\nretian = []", "line 3: retian: unknown; known are base, retain, clean, rules, pixels"),
        ("base = 'other'", "line 1: base: 'other' is unknown"),
        ("retain = 'uids'", "line 1: retain: must be a list"),
        ("clean = []\nretain = [\n'uids',\n'dat']", "line 2: retain: 'dat' is unknown; known are uids,"),
        ("retain = [['uids']]", "line 1: retain: .* is unknown"),
        ("retain = ['dates', 'dates-shifted']", "line 1: retain: dates and dates-shifted exclude"),
        ("clean = ['uids']", "line 1: clean: 'uids' is unknown"),
        ("rules = 1", r"line 1: rules: must be a table: \[rules\]"),
        ("[rules]\nPatientSex = 'kepe'", "line 2: rules.PatientSex: must be 'keep', 'remove', 'empty' or"),
        ("[rules]\nPatientSex = 'set'", "line 2: rules.PatientSex: must be 'keep'"),
        ("[rules]\nPatientSex = 1", "line 2: rules.PatientSex: must be 'keep'"),
        ("[rules]\nPatientSex = {}", "line 2: rules.PatientSex: must be 'keep'"),
        ("[rules]\nPatientSex = { set = 1 }", "line 2: rules.PatientSex: a value stands in quotes"),
        (
            "[rules]\nPatientSex = { set = 'M', x = 1 }",
            "line 2: rules.PatientSex: must be 'keep'",
        ),
        ("[rules]\nStudyDate = { set = 'x' }", "line 2: rules.StudyDate: StudyDate .* YYYYMMDD"),
        ("[rules]\n'0019,1010' = 'keep'", "line 2: rules.0019,1010: .* name its creator"),
        (
            "[rules]\nPatientID = 'keep'\n'0010,0020' = 'empty'",
            "line 3: rules.0010,0020: is there already: .*: line 2",
        ),
        ("[pixels]\npolicy = 'blnk'", "line 2: pixels.policy: 'blnk' is unknown; known are keep, check"),
        ("[pixels]\npolicy = ''", "line 2: pixels.policy: '' is unknown"),
        ("[pixels]\nrules = 1", "line 2: pixels.rules: must be the path of a file"),
        ("[pixels]\nmasks = 1", "line 2: pixels.masks: unknown; known are policy, rules"),
        ("retain = [", "at end of document"),
    ],
)
def test_what_is_wrong_is_named_with_file_line_and_key(file: Path, text: str, complaint: str) -> None:
    file.write_text(text)
    with pytest.raises(UsageError, match=complaint) as raised:
        profile_from(str(file))
    assert raised.value.message.startswith(f"{file}: ")
    assert raised.value.status == ExitStatus.USAGE


def test_what_cannot_be_read(tmp_path: Path, file: Path) -> None:
    file.write_bytes(b"\xff")
    with pytest.raises(UsageError, match="byte 0 is not UTF-8"):
        read(str(file))
    with pytest.raises(UsageError, match="Is a directory"):
        read(str(tmp_path))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_examples_are_profiles(path: Path) -> None:
    asked = profile_from(str(path))
    assert asked.name == path.stem
    assert asked.retain
    assert asked.clean
    assert asked.rules.tags


def test_there_are_examples() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == {"research.toml", "teaching.toml"}


def test_a_byte_order_mark_and_a_value_without_quotes(file: Path) -> None:
    file.write_text('[rules]\nPatientSex = "keep"\n', encoding="utf-8-sig")
    assert read(str(file)).rules
    file.write_text("[rules]\nPatientAge = { set = 5 }\n")
    with pytest.raises(UsageError, match=r'line 2: .*a value stands in quotes: \{ set = "5" \}$'):
        read(str(file))


def test_rules_that_are_not_there_are_told_by_the_line_that_names_them(file: Path) -> None:
    file.write_text('base = "basic"\n[pixels]\nrules = "absent.toml"\n')
    with pytest.raises(UsageError, match=r"line 3: pixels\.rules: there is no file .*absent\.toml"):
        read(str(file))
