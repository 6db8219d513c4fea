"""``dcmtools dump``: with dictionaries of the user's own, and without the built-in private ones."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from dcmtools.encoding.dictionary import lookup
from tests.support.encoded import EVL, IVL, part10
from tests.support.run import Run, run
from tests.support.samples import ct
from tests.support.served import DCMTOOLS

if TYPE_CHECKING:
    from pathlib import Path

IMPLICIT = "1.2.840.10008.1.2"
OWN = '(0012,A001)\tDS\tTotalDose\t1\tOURS\n(0029,"ME",10)\tFL\tMy Thing\t1\tOURS\n'


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.dic"
    path.write_text(OWN)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.dcm"
    private = IVL.element(0x00290010, "", b"ME") + IVL.element(0x00291010, "", b"\0\0\0\x3f")
    path.write_bytes(part10(IVL.element(0x0012A001, "", b"1.5 ") + private, IMPLICIT))
    return path


def real(*args: object) -> Run:
    """A process of its own: what it has learnt of names is no other's."""
    done = subprocess.run([DCMTOOLS, "dump", *map(str, args)], capture_output=True, text=True, check=False)
    return Run(done.returncode, done.stdout, done.stderr)


def test_names_and_vrs(path: Path, own: Path) -> None:
    assert real(path).stdout.splitlines()[-3:] == [
        "(0012,a001) UN 31\\2e\\35\\20  # 4, 1 Unknown",
        "(0029,0010) LO [ME]  # 2, 1 PrivateCreator",
        "(0029,1010) UN 00\\00\\00\\3f  # 4, 1 Unknown",
    ]
    assert real("--dict", own, path).stdout.splitlines()[-3:] == [
        "(0012,a001) DS [1.5]  # 4, 1 TotalDose",
        "(0029,0010) LO [ME]  # 2, 1 PrivateCreator",
        "(0029,1010) FL 0.5  # 4, 1 MyThing",
    ]


def test_the_json_model(path: Path, own: Path) -> None:
    (record,) = run("dump", "--format", "json", "--dict", own, path).records
    assert record["dataset"]["0012A001"] == {"vr": "DS", "Value": [1.5]}
    assert record["dataset"]["00291010"] == {"vr": "FL", "Value": [0.5]}
    assert lookup(0x0012A001)[0] == "UN"  # when the run is over


@pytest.mark.parametrize("order", [0, 1])
def test_names_are_keys_wherever_the_dictionary_is_named(path: Path, own: Path, order: int) -> None:
    words = [["--value", "TotalDose", "--value", "My Thing"], ["--dict", str(own)]]
    done = run("dump", *words[order], *words[1 - order], path)
    assert (done.status, done.stdout) == (0, "1.5\n0.5\n")
    assert run("dump", "--value", "TotalDose", path).status == 2


def test_later_dictionaries_go_first(path: Path, own: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.dic"
    other.write_text("(0012,A001)\tUT\tOther\t1\n")
    (record,) = run("dump", "--format", "json", "--dict", own, "--dict", other, path).records
    assert record["dataset"]["0012A001"] == {"vr": "UT", "Value": ["1.5"]}
    assert record["dataset"]["00291010"]["vr"] == "FL"


def test_dictionaries_of_the_configuration_and_the_environment(
    path: Path, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["dump", "--value", "TotalDose", path]
    monkeypatch.setenv("DCMTOOLS_DUMP_DICT", str(own))
    assert run(*asked).stdout == "1.5\n"
    monkeypatch.delenv("DCMTOOLS_DUMP_DICT")
    config = tmp_path / "config.toml"
    config.write_text(f'[defaults.dump]\ndict = ["{own}"]\n')
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    assert run(*asked).stdout == "1.5\n"


def test_a_bad_dictionary_is_status_2(path: Path, own: Path) -> None:
    own.write_text(f"{OWN}(0012,A002) DS Dose\n")
    done = run("dump", "--dict", own, path)
    assert (done.status, done.stdout) == (2, "")
    where = f"dcmtools dump: Invalid value for '--dict': {own}, line 3: "
    assert f"{where}a tag, a VR and a name are wanted, separated by tabs." in done.stderr
    assert run("dump", "--dict", f"{own}x", path).status == 2


def test_a_usage_error_behind_it_leaves_nothing_behind(path: Path, own: Path) -> None:
    assert run("dump", "--dict", own, "--no-private-dict", "--value", "Nonsense", path).status == 2
    assert lookup(0x0012A001)[0] == "UN"


def test_without_private_dictionaries(path: Path, own: Path) -> None:
    assert "DurationofX-rayon" in real(ct()).stdout
    shown = real("--no-private-dict", ct()).stdout
    assert "DurationofX-rayon" not in shown
    assert "PrivateCreator" in shown
    data = IVL.element(0x00290010, "", b"SIEMENS CSA HEADER") + IVL.element(0x00291008, "", b"IMAGE NUM 4 ")
    path.write_bytes(part10(data, IMPLICIT))
    for option, vr in (("--private-dict", "CS"), ("--no-private-dict", "UN")):
        (record,) = run("dump", "--format", "json", option, path).records
        assert record["dataset"]["00291008"]["vr"] == vr
    own.write_text('(0029,"SIEMENS CSA HEADER",08)\tSH\tOurs\t1\n')
    (record,) = run("dump", "--format", "json", "--no-private-dict", "--dict", own, path).records
    assert record["dataset"]["00291008"]["vr"] == "SH"


def test_a_dictionary_that_lies_harms_nobody(tmp_path: Path, own: Path) -> None:
    """Sequences that are none, numbers that are text, a character set in numbers."""
    path = tmp_path / "a.dcm"
    elements = (
        (0x00080005, b"ISO_IR 192"),
        (0x00100010, b"A^B "),
        (0x00280103, b"\1\0"),
        (0x00290010, b"ME"),
    )
    path.write_bytes(part10(b"".join(IVL.element(tag, "", raw) for tag, raw in elements), IMPLICIT))
    explicit = tmp_path / "b.dcm"
    explicit.write_bytes(part10(b"".join(EVL.element(tag, "UN", raw) for tag, raw in elements)))
    for vr in ("SQ", "FD", "AT", "UN", "xs", "ox", "lt", "PN", "OW"):
        own.write_text("".join(f"({tag >> 16:04x},{tag & 0xFFFF:04x})\t{vr}\tX\t1\n" for tag, _ in elements))
        for form in (["--format", "json"], ["--value", "0010,0010"], ["--strict", "--format", "dicom-json"]):
            for file in (path, explicit):
                assert run("dump", "--dict", own, *form, file).status in (0, 1, 3)


def test_signs_of_private_numbers_are_told_by_each_file(tmp_path: Path) -> None:
    own = tmp_path / "own.dic"
    own.write_text('(0029,"ME",10)\txs\tThing\t1\n')
    number = IVL.element(0x00290010, "", b"ME") + IVL.element(0x00291010, "", b"\xfe\xff")
    for name, representation in (("a", b"\0\0"), ("b", b"\1\0")):
        signed = IVL.element(0x00280103, "", representation)
        (tmp_path / f"{name}.dcm").write_bytes(part10(signed + number, IMPLICIT))
    done = real("--dict", own, tmp_path / "a.dcm", tmp_path / "b.dcm")
    lines = [line for line in done.stdout.splitlines() if "Thing" in line]
    assert lines == ["(0029,1010) US 65534  # 2, 1 Thing", "(0029,1010) SS -2  # 2, 1 Thing"]
