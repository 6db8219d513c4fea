from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.dictionary import keywords_with, tag_of
from tests.support.run import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_commands_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("dcmtools.commands.")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(
        '[peers.archive]\nhost = "h"\naet = "A"\n[peers.arc2]\nhost = 1\n[peers.b]\nhost = "::1"\n'
    )
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(path))
    return path


def answers(monkeypatch: pytest.MonkeyPatch, line: str, shell: str = "bash") -> list[list[str]]:
    monkeypatch.setenv("_DCMTOOLS_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    result = run()
    assert (result.status, result.stderr) == (0, "")
    return [answer.split("\t") for answer in result.stdout.splitlines()]


def complete(monkeypatch: pytest.MonkeyPatch, line: str, shell: str = "bash") -> list[str]:
    found = answers(monkeypatch, line, shell)
    assert all(kind == "plain" for kind, _, _ in found)
    return [value for _, value, _ in found]


def test_the_reasons_of_refuse_are_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "dcmtools serve --refuse c") == ["called-aet", "calling-aet", "congestion"]


def test_names_come_from_the_registry_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answers(monkeypatch, "dcmtools e") == [["plain", "echo", "Verify a peer with C-ECHO."]]
    assert complete(monkeypatch, "dcmtools s") == ["scan", "sort", "split", "store", "serve"]
    assert not [name for name in sys.modules if name.startswith("dcmtools.commands.")]


def test_the_members_of_a_family(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "dcmtools peers ") == ["list", "show", "add", "remove", "path", "help"]
    assert complete(monkeypatch, "dcmtools peers s") == ["show"]
    assert not [name for name in sys.modules if name.startswith("dcmtools.commands.peers.")]


def test_what_dicomdir_create_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "dcmtools dicomdir cre") == ["create"]
    assert complete(monkeypatch, "dcmtools dicomdir create --missing ") == ["invent", "refuse"]
    assert complete(monkeypatch, "dcmtools dicomdir create --duplicates ") == ["fail", "first", "last"]
    assert complete(monkeypatch, "dcmtools dicomdir create --profile std-gen-cd") == ["STD-GEN-CD"]


def test_what_dicomdir_verify_and_extract_take(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "dcmtools dicomdir ver") == ["verify"]
    assert complete(monkeypatch, "dcmtools dicomdir ext") == ["extract"]
    assert complete(monkeypatch, "dcmtools dicomdir verify --profile std-gen-cd") == ["STD-GEN-CD"]
    assert complete(monkeypatch, "dcmtools dicomdir extract --link ") == ["hard", "symbolic"]


def test_what_help_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "dcmtools h") == ["help"]
    assert complete(monkeypatch, "dcmtools help ")[:2] == ["dump", "scan"]
    assert complete(monkeypatch, "dcmtools help st") == ["store"]
    assert complete(monkeypatch, "dcmtools help peers a") == ["add"]


def test_options_of_the_program_and_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "dcmtools --ver") == ["--verbose", "--version"]
    assert complete(monkeypatch, "dcmtools echo --c") == [
        "--count",
        "--calling-aet",
        "--called-aet",
        "--connect-timeout",
        "--color",
    ]
    assert "+P" in complete(monkeypatch, "dcmtools dump +")


def test_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "dcmtools echo --format j") == ["json"]
    assert complete(monkeypatch, "dcmtools completion z") == ["zsh"]


@pytest.mark.parametrize(
    ("shell", "value"), [("bash", "json"), ("zsh", "--format=json"), ("fish", "--format=json")]
)
def test_a_value_behind_an_equals_sign(shell: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "dcmtools echo --format=j", shell) == [value]


@pytest.mark.parametrize("words", ["echo ", "store ", "echo --count 2 ", "peers show ", "peers remove b "])
def test_configured_peers(words: str, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert config.exists()
    assert answers(monkeypatch, f"dcmtools {words}") == [
        ["plain", "archive", "A@h:11112"],
        ["plain", "b", "ANY-SCP@[::1]:11112"],
    ]
    assert complete(monkeypatch, f"dcmtools {words}ar") == ["archive"]


def test_a_broken_configuration_is_no_completions_business(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("[")
    assert complete(monkeypatch, "dcmtools echo ") == []
    assert complete(monkeypatch, "dcmtools echo --format j") == ["json"]


@pytest.mark.parametrize("option", ["+P", "--search", "--value", "+P PatientID -v --value"])
def test_keywords(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert answers(monkeypatch, f"dcmtools dump {option} studyinstanceu") == [
        ["plain", "StudyInstanceUID", "(0020,000d)"]
    ]
    assert complete(monkeypatch, f"dcmtools dump {option} Seq[0].StudyInstanceU") == [
        "Seq[0].StudyInstanceUID"
    ]


def test_all_keywords() -> None:
    found = dict(keywords_with(""))
    assert len(found) > 5000
    assert {keyword: tag_of(keyword) for keyword in found} == found
    assert keywords_with("xyzzy") == []


def test_files_are_left_to_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answers(monkeypatch, "dcmtools dump x") == [["file", "x", ""]]
    assert answers(monkeypatch, "dcmtools store peer x y") == [["file", "y", ""]]
    assert answers(monkeypatch, "dcmtools serve x") == [["dir", "x", ""]]


def test_completing_opens_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    assert complete(monkeypatch, f"dcmtools --log-file {log} ec") == ["echo"]
    assert not log.exists()


@pytest.mark.parametrize(
    "line", ["", "dcmtools", "dcmtools 'x", "dcmtools xyzzy ", "dcmtools echo h x y ", "a\\"]
)
def test_lines_that_lead_nowhere(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    complete(monkeypatch, line)


def test_transfer_syntaxes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "dcmtools dump --assume-syntax expl") == [
        "explicit",
        "explicit-big-endian",
        "ExplicitVRLittleEndian",
        "ExplicitVRBigEndian",
    ]
    assert "JPEGBaseline8Bit" in complete(monkeypatch, "dcmtools serve x --transfer-syntax jpegb")
    assert complete(monkeypatch, "dcmtools get x --sop-class ctima") == ["CTImageStorage"]


@pytest.mark.parametrize("option", ["--keep", "--remove", "--empty", "--set"])
def test_rules_of_de_identification(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "PatientSex" in complete(monkeypatch, f"dcmtools anonymize {option} PatientSe")


def test_options_of_a_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complete(monkeypatch, "dcmtools anonymize --retain da") == ["dates", "dates-shifted"]
    assert complete(monkeypatch, "dcmtools anonymize --retain device,pa") == ["device,patient"]
    assert complete(monkeypatch, "dcmtools anonymize --clean pixels,p") == []
    assert complete(monkeypatch, "dcmtools anonymize --clean g") == ["graphics"]


@pytest.mark.parametrize("words", ["anonymize --profile", "store --anonymize"])
def test_profiles(words: str, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = ["file", "", ""]
    assert answers(monkeypatch, f"dcmtools {words} ") == [["plain", "basic", ""], file]
    (config.parent / "profiles").mkdir()
    (config.parent / "profiles" / "ours.toml").write_text("")
    found = answers(monkeypatch, f"dcmtools {words} o")
    assert found == [["plain", "ours", ""], ["file", "o", ""]]
