"""``dcmtools dump`` on values made to harm: text that would steer a terminal, numbers that are none."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.encoded import EVB, EVL, IVL, part10
from tests.support.harmless import harmful, unharmed
from tests.support.run import run

if TYPE_CHECKING:
    from pathlib import Path

FORMS: tuple[list[str], ...] = ([], ["--format", "json"], ["+P", "PatientName"], ["--value", "PatientName"])
NAME = 0x00100010

STEERING = "\x1b[31mred\x1b]0;title\x07\x9b1m\r\n\t\x08\x7f\x00\u202eevil\u2066\u2028\u200b\ufeffend"


@pytest.mark.parametrize("vr", ["PN", "LO", "LT", "UT", "UC", "CS", "UI", "DS", "AE", "UR"])
@pytest.mark.parametrize("form", FORMS, ids=["text", "json", "search", "value"])
def test_hostile_text_never_reaches_stdout_raw(tmp_path: Path, vr: str, form: list[str]) -> None:
    value = STEERING.encode()
    data = EVL.element(0x00080005, "CS", b"ISO_IR 192") + EVL.element(NAME, vr, value)
    private = EVL.element(0x00110010, "LO", value) + EVL.element(0x00111001, vr, value)
    path = tmp_path / "a.dcm"
    path.write_bytes(part10(data + private, meta=None))
    done = unharmed("dump", *form, path)
    assert done.status == 0
    assert "evil" in done.stdout
    assert "\\x1b" in done.stdout or "\\u001b" in done.stdout


def test_hostile_text_in_the_meta(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    meta = EVL.element(0x00020010, "UI", b"1.2\x1b[31m") + EVL.element(0x00020016, "AE", STEERING.encode())
    path.write_bytes(part10(meta=meta))
    for form in FORMS[:2]:
        assert unharmed("dump", *form, path).status == 0


@pytest.mark.parametrize(
    "name", [b"new\nline.dcm", b"\x1b[31m.dcm", b"\xff\xfe.dcm", "\u202emcd.dcm".encode()]
)
def test_hostile_file_names(tmp_path: Path, name: bytes) -> None:
    path = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
    missing = path + "x"
    with open(path, "wb") as file:
        file.write(part10(EVL.element(NAME, "PN", b"A ")))
    for form in FORMS:
        done = unharmed("dump", *form, path, path)
        assert done.status == 0
        assert len(done.stdout.splitlines()) == len(unharmed("dump", *form, path).stdout.splitlines()) * 2 + (
            2 if not form or form[0] == "+P" else 0
        )
        assert unharmed("dump", *form, missing).status == 3
    assert unharmed("dump", tmp_path).status == 0


# ---------------------------------------------------------------- values


ODD = [
    ("AT", b"\1\2\3"),
    ("AT", b"\1\2\3\4\5\6"),
    ("FL", b"\1\2\3"),
    ("FL", b"\0\0\xc0\x7f\0\0\x80\x7f\0\0\x80\xff"),
    ("FL", b"\xff\xff\x7f\x7f"),
    ("FD", b"\1"),
    ("FD", b"\0\0\0\0\0\0\xf8\x7f"),
    ("US", b"\1"),
    ("UL", b"\1\2\3\4\5"),
    ("SV", b"\1\2"),
    ("OW", b"\1\2\3"),
    ("OV", b"\1\2\3"),
    ("OF", b"\1\2\3"),
    ("OD", b"\0" * 9),
    ("DS", b"rubbish\\\\1e9999\\nan"),
    ("DS", b"1_0"),
    ("IS", b"9" * 5000),
    ("PN", b"A=B=C=D=E=F"),
    ("PN", b"===\\="),
    ("DA", b"\xff\xff"),
    ("UI", b"\0\0\0"),
    ("UI", b"1.2\\\\"),
    ("LO", b"\0" * 10),
    ("LO", b"\\" * 1000),
    ("SQ", b""),
    ("UN", b"\1\2\3"),
    ("ZZ", b"\1\2\3"),
    ("OX", b""),
]


@pytest.mark.parametrize(("vr", "value"), ODD, ids=[f"{vr}-{len(value)}" for vr, value in ODD])
@pytest.mark.parametrize(
    "tag", [NAME, 0x00080005, 0x00280103, 0x00280010, 0x00091001, 0x00090010, 0x00081140]
)
def test_odd_values_are_shown(tmp_path: Path, tag: int, vr: str, value: bytes) -> None:
    path = tmp_path / "a.dcm"
    behind = EVL.element(0x00101010, "AS", b"042Y")
    path.write_bytes(part10(EVL.element(tag, vr, value) + behind))
    for form in ([], ["--format", "json"], ["--value", "0010,1010"], ["--value", f"{tag:08x}"]):
        assert unharmed("dump", *form, path).status == 0
    path.write_bytes(part10(EVB.element(tag, vr, value), "1.2.840.10008.1.2.2"))
    assert unharmed("dump", path).status == 0


@pytest.mark.parametrize(
    ("vr", "value", "line"),
    [
        ("FL", b"\1\2\3", "FL 01\\02\\03  # 3, 0"),
        ("AT", b"\1\2\3\4\5", "AT 01\\02\\03\\04\\05  # 5, 1"),
        ("AT", b"\x10\0\x20\0", "AT (0010,0020)  # 4, 1"),
        ("OW", b"\1\2\3", "OW 01\\02\\03  # 3, 1"),
        ("ZZ", b"\1\2\3\4", "ZZ 01\\02\\03\\04  # 4, 1"),
        ("OF", b"\0\0\x80\x3f", "OF 1  # 4, 1"),
        ("UN", b"ab", "UN 61\\62  # 2, 1"),
        ("FD", b"\0\0\0\0\0\0\xf8\x7f", "FD nan  # 8, 1"),
        ("PN", b"A=B=C=D=E ", "PN [A=B=C=D=E]  # 10, 1"),
        ("LO", b"\0\0", "LO (no value)  # 2, 0"),
        ("US", b"\1\0" * 20, "US " + "1\\" * 16 + "...  # 40, 20"),
    ],
)
def test_how_odd_values_are_shown(tmp_path: Path, vr: str, value: bytes, line: str) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(part10(EVL.element(0x00091001, vr, value)))
    assert run("dump", path).stdout.splitlines()[-1] == f"(0009,1001) {line} Unknown"


def test_un_is_shown_as_what_ps36_says_it_is(tmp_path: Path) -> None:
    """PS3.5 6.2.2."""
    path = tmp_path / "a.dcm"
    data = EVB.element(NAME, "UN", b"Doe^Jane") + EVB.element(0x00280010, "UN", b"\1\0")
    path.write_bytes(part10(data, "1.2.840.10008.1.2.2"))
    assert run("dump", path).stdout.splitlines()[-2:] == [
        "(0010,0010) UN [Doe^Jane]  # 8, 1 PatientName",
        "(0028,0010) UN 1  # 2, 1 Rows",
    ]
    assert run("dump", "--value", "Rows", "--value", "PatientName", path).stdout == "1\nDoe^Jane\n"


def test_100_000_private_creators_and_200_000_items(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    items = IVL.sequence(0x00081140, *[IVL.item()] * 200_000)
    creators = b"".join(
        IVL.element((0x0009 + 2 * (n // 240)) << 16 | 0x10 + n % 240, "", b"C%d" % n) for n in range(100_000)
    )
    path.write_bytes(part10(items + creators, "1.2.840.10008.1.2"))
    script = "import sys, resource; from dcmtools.cli.main import main; s = main(sys.argv[1:])\nsys.exit(s)"
    command = [sys.executable, "-c", script, "dump", str(path)]
    limited = ["prlimit", "--as=600000000", "--cpu=20", *command]
    done = subprocess.run(limited, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") > 300_000


def test_the_check_for_harmful_characters_sees_them() -> None:
    assert harmful("a\x1bb\u202ec\x9bd\n") == {"\x1b", "\u202e", "\x9b"}
