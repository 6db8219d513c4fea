from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import UsageError
from dcmtools.tomlfile import parse, read

if TYPE_CHECKING:
    from pathlib import Path


def test_a_complaint_names_file_line_and_key() -> None:
    file = parse("f.toml", '[a]\nb = 1\nc.d = """\nx"""\n')
    assert str(file.wrong(("a", "c", "d"), "is odd")) == "f.toml: line 3: a.c.d: is odd"
    assert str(file.wrong(("z",), "is odd")) == "f.toml: z: is odd"
    assert (file.line_of(("a", "b")), file.line_of(("z",))) == (2, 0)


def test_a_table_is_one() -> None:
    file = parse("f.toml", "[a]\nb = 1\n")
    assert file.table("a") == {"b": 1}
    assert file.table("z") == {}
    with pytest.raises(UsageError, match=r"f.toml: line 2: a.b: must be a table: \[a.b\]"):
        file.table("a", "b")


def test_what_is_no_toml_is_named_with_the_place() -> None:
    with pytest.raises(UsageError, match=r"f.toml: .*line 2, column"):
        parse("f.toml", "a = 1\nb = \n")


def test_what_is_no_text_or_no_file(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(UsageError, match="byte 5 is not UTF-8"):
        read(str(path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="has to be a file"):  # nobody waits for its writer
        read(str(tmp_path / "pipe"))
    assert read(os.devnull) == ""
    with pytest.raises(FileNotFoundError):
        read(str(tmp_path / "none"))
