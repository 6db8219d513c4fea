"""Over every real file, the lines of ``dcmtools dump`` have the tags, VRs and lengths of dcmdump's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.support.peers import dcmtk, requires_dcmtk
from tests.support.run import run
from tests.support.samples import real_files

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = requires_dcmtk

LINE = re.compile(
    r"^( *)\(([0-9a-f]{4},[0-9a-f]{4})\) (\S\S) (.*?)# *(u/l|\d+), *\d+ [^\n]+$", re.MULTILINE | re.DOTALL
)
EXCEPTIONS = {
    "DICOMDIR-nooffset": "cut short, which is a failure; dcmdump says nothing of it",
    "nested_priv_SQ.dcm": "dcmdump counts the byte with which it would pad a value of odd length",
    "meta_missing_tsyntax.dcm": "the same",
    "rtdose_rle.dcm": "a sequence of PS3.6 under VR UN, which dcmdump leaves alone (PS3.5 6.2.2)",
    "rtdose_rle_1frame.dcm": "the same sequence",
    "winter.dcm": "an element that stands there twice, of which dcmdump keeps one",
}


class Row(NamedTuple):
    depth: int
    tag: str
    vr: str
    length: str


def rows(text: str) -> list[Row]:
    """The elements of a dump; items and delimiters, which dcmdump invents for defined lengths, apart."""
    found = (Row(len(m[1]) // 2, m[2], m[3], m[5]) for m in LINE.finditer(text))
    return [_alike(row) for row in found if not row.tag.startswith("fffe")]


def _alike(row: Row) -> Row:
    """The same words for the same thing."""
    vr = {"up": "UL", "??": "UN"}.get(row.vr, row.vr)  # offsets of a DICOMDIR; unknown
    if row.tag == "7fe0,0010" and row.length == "u/l":
        vr = "OB"  # as it should be (PS3.5 A.4), and as dcmdump shows it whatever the file says
    return row._replace(vr=vr)


def differs(path: Path) -> str:
    ours, theirs = run("dump", path), dcmtk("dcmdump", "-q", "-M", path)
    if ours.status or theirs.returncode:
        return "" if ours.status and theirs.returncode else f"{ours.status} / {theirs.returncode}"
    if rows(ours.stdout) == rows(theirs.stdout):
        return ""
    return str(
        [pair for pair in zip(rows(ours.stdout), rows(theirs.stdout), strict=False) if len(set(pair)) > 1][:3]
    )


def test_every_line_of_every_file() -> None:
    wrong = {path.name: told for path in real_files() if (told := differs(path))}
    assert {name: told for name, told in wrong.items() if name not in EXCEPTIONS} == {}


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_each_exception_is_still_one(name: str) -> None:
    paths = [path for path in real_files() if path.name == name]
    assert paths
    assert all(differs(path) for path in paths)


def test_the_comparison_sees_every_element() -> None:
    (path,) = (path for path in real_files() if path.name == "CT_small.dcm")
    found = rows(run("dump", path).stdout)
    assert len(found) > 260
    assert Row(2, "0010,0020", "LO", "8") in found
