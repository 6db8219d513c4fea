"""The options of ``dcmtools get``, and what is told before anybody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.run import run
from tests.support.unruly import closed_port

if TYPE_CHECKING:
    from pathlib import Path

NOWHERE = "127.0.0.1:1"
STUDY = ("--study", "1.2.3")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ((), "nothing says what to retrieve"),
        (("--study", "1.2.x"), "is no UID"),
        (("--study", "1.2.3", "--sop-class", "CTImag"), "did you mean CTImageStorage?"),
        (("--study", "1.2.3", "--sop-class", "Verification"), "is no storage SOP class"),
        (("--study", "1.2.3", "--transfer-syntax", "JPEGX"), "is no transfer syntax"),
        (("--study", "1.2.3", "--jobs", "0"), "--jobs"),
        (("--study", "1.2.3", "--on-duplicate", "ask"), "--on-duplicate"),
        (("--instance", "1.2.3"), "takes its"),
        (("-k", "PatientNam=Doe"), "PatientName"),
        (("no-list",), "is not -"),
        (("-", "-"), "unexpected extra argument"),
        (("-", "-f", "-"), "both the list and the query file"),
        (("-f", "-", "--uids-from", "-"), "both the list and the query file"),
        (("--accession", "a\udcff"), "no value can have"),
        (("--patient", "a\x1b[31m"), "no value can have"),
    ],
)
def test_wrong_usage_is_told_before_anybody_is_asked(
    tmp_path: Path, args: tuple[str, ...], told: str
) -> None:
    result = run("get", NOWHERE, "-o", tmp_path / "new", *args)
    assert result.status == 2
    assert told in result.stderr
    assert not (tmp_path / "new").exists()


def test_the_folder_has_to_be_named() -> None:
    result = run("get", NOWHERE, *STUDY)
    assert result.status == 2
    assert "--output" in result.stderr


def test_a_folder_that_cannot_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        result = run("get", NOWHERE, "-o", folder, *STUDY)
        assert result.status == 2
        assert "file" in result.stderr


def test_nobody_listens(tmp_path: Path) -> None:
    with closed_port() as port:
        result = run("get", f"127.0.0.1:{port}", "-o", tmp_path, *STUDY)
    assert result.status == 4
    assert "connect" in result.stderr


def test_an_empty_list(tmp_path: Path) -> None:
    result = run("get", NOWHERE, "-o", tmp_path, "-", stdin=b"")
    assert result.status == 3
    assert "nothing to retrieve is listed" in result.stderr
