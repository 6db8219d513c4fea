"""Maps of patients: what they say, each fault by its line, and those that are written."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from dcmtools.deidentification.mapping import Given, MapFile, MissingPatient, PatientMap, read_map
from dcmtools.errors import OutputError, UsageError
from dcmtools.files import csvfile


def written(folder: Path, text: str, encoding: str = "utf-8") -> str:
    path = folder / "map.csv"
    path.write_bytes(text.encode(encoding))
    path.chmod(0o600)
    return str(path)


def found(folder: Path, text: str, *, complete: bool = True) -> PatientMap:
    return read_map(written(folder, text), complete=complete)


@pytest.mark.parametrize(
    "text",
    [
        "id_old,id_new\n4711,T-1\n",
        "4711,T-1\n",
        "\n4711 , T-1\r\n\r\n",
        "ID_OLD;ID_NEW\n4711;T-1\n",
        "id_new\tid_old\nT-1\t4711\n",
        '\ufeffid_old,id_new\n"4711","T-1"\n',
        "id_old,id_new\n4711,T-1\n4711,T-1\n",
    ],
)
def test_old_and_new(text: str, tmp_path: Path) -> None:
    patients = found(tmp_path, text)
    assert patients.find("4711", "") == Given("T-1")
    assert patients.find("4711", "anybody") == Given("T-1")
    assert not patients.notes


def test_issuers_and_names(tmp_path: Path) -> None:
    text = "id_old,issuer_old,id_new,name_new\n1,A,T1,Trial^One\n1,B,T2,\n2,,T3,\n"
    patients = found(tmp_path, text)
    assert patients.find("1", "A") == Given("T1", "Trial^One")
    assert patients.find("1", "B") == Given("T2")
    assert patients.find("2", "B") == Given("T3")
    with pytest.raises(MissingPatient):
        patients.find("1", "C")


def test_who_is_missing_is_an_error_that_names_nobody_or_left_to_the_key(tmp_path: Path) -> None:
    text = "id_old,id_new\n1,T1\n"
    with pytest.raises(MissingPatient) as caught:
        found(tmp_path, text).find("SECRET", "")
    assert "SECRET" not in caught.value.message + caught.value.hint
    assert found(tmp_path, text, complete=False).find("SECRET", "") is None


def test_two_become_one_only_where_that_is_asked_for(tmp_path: Path) -> None:
    path, why = written(tmp_path, "id_old,id_new\n1,T1\n2,T2\n3,T1\n"), "line 4: line 2 has this id_new, too"
    with pytest.raises(UsageError, match=why) as caught:
        read_map(path)
    assert "--map-merge" in caught.value.hint
    (note,) = read_map(path, merging=True).notes
    assert note.endswith(f"{why}: they become one")


def test_a_map_that_others_may_read_is_remarked_on(tmp_path: Path) -> None:
    path = written(tmp_path, "1,T1\n")
    os.chmod(path, 0o640)
    (note,) = read_map(path).notes
    assert "others than its owner may read" in note


def test_what_became_something_else_in_an_earlier_run_is_told_once(tmp_path: Path) -> None:
    path = str(tmp_path / "pairs.csv")
    with MapFile(path) as first:
        first.add([("1", "T1"), ("1", "T2"), ("2", "T3")])  # with another issuer
        assert not first.doubt
    with MapFile(path) as second:
        second.add([("1", "T1"), ("3", "T4"), ("3", "T5")])
        assert not second.doubt
        second.add([("2", "T6")])
        assert second.doubt.startswith(f"{path}: line 4: there the same has another id_new")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the map is empty"),
        ("\n \n", "the map is empty"),
        ("id_old,xyz\n", "line 1: 'xyz' is no column; known are id_old, id_new, issuer_old, name_new"),
        ("id_old,name_new\n", "line 1: there is no column id_new"),
        ("patient,id_new\n1,T1\n", "line 1: 'patient' is no column"),
        ("issuer_old,id_new\nA,T1\n", "line 1: there is no column id_old"),
        ("id_old,id_new,id_new\n", "line 1: a column is there twice"),
        ("id_old,id_new\n1,T1\n\n2\n", "line 4: 1 columns, not 2"),
        ("1,A,T1\n", "line 1: 3 columns, not 2"),
        ("id_old,id_new\n,T1\n", "line 2: id_old is empty"),
        ("id_old,id_new\n1,\n", "line 2: id_new is empty"),
        ("id_old,id_new\n1,T1\n1,T2\n", "line 3: line 2 has another id_new for this patient"),
        ("id_old,id_new\n1," + "x" * 65, "line 2: id_new is no value of VR LO"),
        ("id_old,id_new\n1,a\\b", "line 2: id_new is no value of VR LO"),
        ("id_old,id_new,name_new\n1,T1,a^b^c^d^e^f\n", "line 2: name_new is no value of VR PN"),
        ("id_old,id_new\n1,T\u00e9\n", "line 2: id_new is not ASCII"),
        ("id_old,id_new\n1,1\n", "line 2: id_new is an id_old, its own: it would tell"),
        ("id_old,id_new\na1,T1\nb2,A1\n", "line 3: id_new is an id_old, that of line 2"),
        ("id_old,id_new\n1,2\n2,1\n", "line 2: id_new is an id_old, that of line 3"),
        ("id_old,id_new\n4711,T-4711\n", "line 2: id_new has id_old in it"),
        ("id_old,id_new,name_new\n4711,T-1,Trial^4711\n", "line 2: name_new has id_old in it"),
        ("id_old,id_new,name_new\n4711,T-1,4711\n", "line 2: name_new is an id_old, its own"),
        ('id_old,id_new\n1,"T1\n', "line 2: unexpected end of data"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        found(tmp_path, text)
    assert caught.value.message.startswith(f"{tmp_path / 'map.csv'}: {message}")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = written(tmp_path, "id_old,id_new\n1,T\u00e9\n", "latin-1")
    with pytest.raises(UsageError, match="line 2: this is not UTF-8"):
        read_map(path)
    for encoding in ("utf-16", "utf-16-le"):
        with pytest.raises(UsageError, match="line 1: this is not UTF-8") as caught:
            read_map(written(tmp_path, "id_old,id_new\n1,T1\n", encoding))
        assert "CSV UTF-8" in caught.value.hint


def test_what_may_be_a_header(tmp_path: Path) -> None:
    (note,) = found(tmp_path, "PatientID,NewID\n4711,T-1\n").notes
    assert note.endswith("line 1: taken for a patient; a header would be id_old,id_new")


def test_short_ones_may_be_part_of_new_ones(tmp_path: Path) -> None:
    assert found(tmp_path, "id_old,id_new\n1,T-001\n002,T-002\n").find("1", "") == Given("T-001")


def test_a_map_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(UsageError):
            read_map(str(path))
    monkeypatch.setattr(csvfile, "_LONGEST", 10)
    with pytest.raises(UsageError, match="10 bytes at most"):
        found(tmp_path, "id_old,id_new\n")


# ---------------------------------------------------------------- what became of identifiers


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as lines:
        return list(csv.reader(lines))


def test_pairs_are_there_once_and_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    with MapFile(str(path)) as file:
        assert path.stat().st_mode & 0o777 == 0o600
        file.add([("1", "P1"), ("1.2", "2.25.1")])
        assert rows(path) == [["id_old", "id_new"], ["1", "P1"], ["1.2", "2.25.1"]]
        file.add([("1", "P1"), ("a,b\n", "P2")])
    assert rows(path)[3:] == [["a,b\n", "P2"]]


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    with MapFile(str(path)) as file:
        file.add([("4711", "P1"), ("1.2.3", "2.25.1")])
    assert read_map(str(path)).find("4711", "X") == Given("P1")


@pytest.mark.parametrize(
    ("old", "stands"),
    [
        ("a\udc85\x85", "a\\x85\\u0085"),  # a byte that is no character, and one that is
        ("\0a\\x85", "\\u0000a\\u005cx85"),
        ("=HYPERLINK(1)", "\\u003dHYPERLINK(1)"),
        ("-cmd", "\\u002dcmd"),
        ("-12", "-12"),
        ("M\u00fc=1", "M\u00fc=1"),
    ],
)
def test_what_is_no_text_stands_escaped(old: str, stands: str, tmp_path: Path) -> None:
    """And neither spreadsheets nor those who read UTF-8 are led astray by it."""
    path = tmp_path / "pairs.csv"
    for _ in range(2):
        with MapFile(str(path)) as file:
            file.add([(old, "P1"), ("4711", "P2")])
    assert path.read_text("utf-8").splitlines() == ["id_old,id_new", f"{stands},P1", "4711,P2"]
    patients = read_map(str(path))
    assert patients.find(old, "") == Given("P1")
    assert patients.find("4711", "") == Given("P2")


def private(path: Path, text: str) -> Path:
    path.write_text(text, newline="")
    path.chmod(0o600)
    return path


def test_another_run_goes_on_with_it(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    for pairs in ([("1", "P1"), ("a,b\n1,P9", "P2")], [("1", "P1"), ("2", "P3")], [("1", "P9")]):
        with MapFile(str(path)) as file:
            file.add(pairs)
    found = [["id_old", "id_new"], ["1", "P1"], ["a,b\n1,P9", "P2"], ["2", "P3"], ["1", "P9"]]
    assert rows(path) == found


@pytest.mark.parametrize("text", ["", "id_old,id_new", "id_old,id_new\n", "id_old,id_new\r\n1,P1"])
def test_what_there_is_of_one_stays(text: str, tmp_path: Path) -> None:
    path = private(tmp_path / "pairs.csv", text)
    with MapFile(str(path)) as file:
        file.add([("1", "P1"), ("2", "P2")])
    assert rows(path) == [["id_old", "id_new"], ["1", "P1"], ["2", "P2"]]
    assert path.read_bytes().startswith(text.encode())


@pytest.mark.parametrize("text", ["mine", "id_old,id_new,name_new\n", 'id_old,id_new\n"1', "\xe9\n"])
def test_what_is_no_such_map_is_never_replaced(text: str, tmp_path: Path) -> None:
    path = private(tmp_path / "pairs.csv", text)
    with pytest.raises(UsageError, match="there is a file already"):
        MapFile(str(path))
    assert path.read_text() == text


def test_a_map_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        MapFile(str(tmp_path / "absent" / "pairs.csv"))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="no file"):
        MapFile(str(tmp_path / "pipe"))
    path = private(tmp_path / "pairs.csv", "id_old,id_new\n")
    path.chmod(0o640)
    with pytest.raises(UsageError, match="others than its owner") as caught:
        MapFile(str(path))
    assert caught.value.hint == f"chmod 600 {path}"


def test_a_map_is_for_one_run_at_a_time(tmp_path: Path) -> None:
    path = str(tmp_path / "pairs.csv")
    with MapFile(path), pytest.raises(UsageError, match="another run writes to it"):
        MapFile(path)
    with MapFile(path):
        pass


def test_no_row_is_half_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pairs.csv"
    write, room = os.write, iter((3, 0))

    def filling(descriptor: int, data: bytes) -> int:
        if left := next(room):
            return write(descriptor, data[:left])
        raise OSError(28, "No space left on device")

    with MapFile(str(path)) as file:
        monkeypatch.setattr(os, "write", filling)
        with pytest.raises(OutputError, match="No space left"):
            file.add([("1", "P1")])
    assert path.read_text() == "id_old,id_new\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_disk(tmp_path: Path) -> None:
    file = MapFile(str(tmp_path / "pairs.csv"))
    with Path("/dev/full").open("w") as full:
        os.dup2(full.fileno(), file._fd)
    with pytest.raises(OutputError, match="No space left"):
        file.add([("1", "2")])
    os.close(file._fd)
