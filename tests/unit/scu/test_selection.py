"""What is to be retrieved, from lists and from what a person names."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from dcmtools.encoding.dataset import made
from dcmtools.errors import InputError, Interrupted, UsageError
from dcmtools.net.peer import NetworkOptions, Peer
from dcmtools.query.models import PATIENT_ROOT, PATIENT_STUDY_ONLY, Level
from dcmtools.results import Outcome, Result
from dcmtools.scu.selection import Retrieval, Selection, selected
from tests.support.run import stream

if TYPE_CHECKING:
    from pathlib import Path

STUDY, SERIES, IMAGE = "1.2.1", "1.2.2", "1.2.3"
A_STUDY = Retrieval(Level.STUDY, study_uid=STUDY)
A_SERIES = Retrieval(Level.SERIES, study_uid=STUDY, series_uid=SERIES)
AN_IMAGE = Retrieval(Level.IMAGE, study_uid=STUDY, series_uid=SERIES, sop_instance_uids=(IMAGE,))
RECORD = {
    "patient_id": "P",
    "study_instance_uid": STUDY,
    "series_instance_uid": SERIES,
    "sop_instance_uid": IMAGE,
}


def choose(selection: Selection) -> list[Retrieval | Result]:
    return list(selected(selection, Peer("nowhere.invalid"), NetworkOptions()))


def listed(text: str | bytes, **options: object) -> list[Retrieval | Result]:
    data = text if isinstance(text, bytes) else text.encode()
    with patch.object(sys, "stdin", stream(data)):
        return choose(Selection(listed="-", **options))  # type: ignore[arg-type]  # whatever a test sets


def record(*names: str, **more: object) -> str:
    return json.dumps({name: RECORD[name] for name in names} | more)


ALL = tuple(RECORD)


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        (STUDY, {}, [A_STUDY]),
        (f"{STUDY}\n\n# a remark\n{STUDY}\r\n", {}, [A_STUDY]),
        (f"\ufeff{STUDY}", {}, [A_STUDY]),
        (f"{STUDY}\tDoe^Jane\t2", {}, [A_STUDY]),
        (SERIES, {"level": Level.SERIES, "studies": (STUDY,)}, [A_SERIES]),
        (IMAGE, {"level": Level.IMAGE, "studies": (STUDY,), "series": (SERIES,)}, [AN_IMAGE]),
        ("P1", {"level": Level.PATIENT, "model": PATIENT_ROOT}, [Retrieval(Level.PATIENT, "P1")]),
        (SERIES, {"level": Level.SERIES, "relational": True}, [Retrieval(Level.SERIES, series_uid=SERIES)]),
        (record("study_instance_uid"), {}, [A_STUDY]),
        (record(*ALL), {}, [AN_IMAGE]),
        (record(*ALL, level="STUDY"), {}, [A_STUDY]),
        (record(*ALL, level="nonsense"), {}, [AN_IMAGE]),
        (record(*ALL, level="IMAGE"), {"level": Level.SERIES}, [A_SERIES]),
        (record(*ALL, sop_instance_uid=None), {}, [A_SERIES]),
        (record(*ALL, sop_instance_uid=None, sop_instance_uids=[IMAGE]), {}, [AN_IMAGE]),
        (record(*ALL), {"level": Level.STUDY}, [A_STUDY]),
        (
            record("patient_id", "study_instance_uid"),
            {"model": PATIENT_ROOT},
            [Retrieval(Level.STUDY, "P", STUDY)],
        ),
        (record(*ALL), {"model": PATIENT_STUDY_ONLY}, [Retrieval(Level.STUDY, "P", STUDY)]),
        (
            f"PatientID\tStudyInstanceUID\nP\t{STUDY}\nQ\t1.9",
            {},
            [A_STUDY, A_STUDY._replace(study_uid="1.9")],
        ),
        (f'study_instance_uid,series_instance_uid,note\n{STUDY},{SERIES},"a,b"\n', {}, [A_SERIES]),
    ],
)
def test_lines(text: str, options: dict[str, object], expected: list[Retrieval]) -> None:
    assert listed(text, **options) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("what", "'what' is not a UID"),
        ("{", "is none"),
        ('{"a": ' * 100_000, "is none"),
        ("{}", "it has none of Study Instance UID"),
        ('{"study_instance_uid": 5}', "it has none of"),
        ('{"study_instance_uid": "../.."}', "'../..' is not a UID"),
        ('{"study_instance_uid": "1.2\\\\1.3"}', "is not a UID"),
        ('{"series_instance_uid": "1.2"}', "takes its Study Instance UID"),
        (b"1.2\xff", "is not a UID"),
        ('[{"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}]', "a JSON array is no list"),
        ("1" * 65, "is not a UID"),
    ],
)
def test_a_line_that_names_nothing_stops_none_of_the_others(text: str | bytes, words: str) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    failed, good = listed(b"%s\n%s\n" % (data, STUDY.encode()))
    assert isinstance(failed, Result)
    assert failed.outcome is Outcome.FAILED
    assert str(failed.error).startswith("standard input, line 1: ")
    assert words in str(failed.error)
    assert good == A_STUDY


def test_a_list_in_utf_16_is_told_at_once() -> None:
    [failed] = listed("1.2\r\n1.3\r\n".encode("utf-16"))
    assert isinstance(failed, Result)
    assert "standard input: it is UTF-16" in str(failed.error)


def test_a_patient_id_that_cannot_be_written_is_none() -> None:
    line = '{"level": "PATIENT", "patient_id": "\\ud800"}\n'
    [failed] = listed(line, model=PATIENT_ROOT)
    assert isinstance(failed, Result)
    assert "is not a Patient ID" in str(failed.error)


def test_a_list_without_lines_is_a_failure() -> None:
    """As find leaves it where it fails."""
    [result] = listed("\n")
    assert isinstance(result, Result)
    assert isinstance(result.error, InputError)
    assert result.error.message == "standard input: nothing to retrieve is listed"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("STUDY\t1.2", "find --format json"),
        ("[]", "JSON Lines are wanted"),
        ('{"patient_id": "P"}', "-P, the patient root model"),
    ],
)
def test_what_does_not_name_a_study_has_a_hint(line: str, hint: str) -> None:
    [failed] = listed(line)
    assert isinstance(failed, Result)
    assert isinstance(failed.error, InputError)
    assert hint in failed.error.hint


def test_what_a_higher_level_of_a_list_covers_is_left_out() -> None:
    """As ``find --all`` lists it."""
    rows = [record(*ALL[1:], level=level) for level in ("STUDY", "SERIES", "IMAGE")]
    assert listed("\n".join(rows)) == [A_STUDY]
    assert listed("\n".join(rows[1:])) == [A_SERIES]
    assert listed(
        "\n".join([rows[0], record("patient_id", "study_instance_uid", study_instance_uid="1.9")])
    ) == [
        A_STUDY,
        A_STUDY._replace(study_uid="1.9"),
    ]
    patient = record("patient_id", level="PATIENT")
    below = record("patient_id", "study_instance_uid")
    assert listed(f"{patient}\n{below}", model=PATIENT_ROOT) == [Retrieval(Level.PATIENT, "P")]
    another = record("patient_id", "study_instance_uid", patient_id="Q")
    assert len(listed(f"{patient}\n{another}", model=PATIENT_ROOT)) == 2


def test_a_list_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "uids"
    path.write_text(f"{STUDY}\n")
    assert choose(Selection(listed=str(path))) == [A_STUDY]
    [gone] = choose(Selection(listed=str(tmp_path / "none")))
    assert isinstance(gone, Result)
    assert gone.outcome is Outcome.FAILED


def test_a_list_that_nobody_writes_can_be_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a FIFO waits for its writer, and a signal is to end that."""
    network, waiting = NetworkOptions(), []

    def opens(*_: object) -> None:
        waiting.append(network.stop.breaks)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("dcmtools.scu.listed.open", opens, raising=False)
    [result] = selected(Selection(listed=str(tmp_path)), Peer("nowhere.invalid"), network)
    assert isinstance(result, Result)
    assert (waiting, network.stop.breaks) == (["stopped by the user before there was a list"], "")


def test_a_wish_to_stop_between_two_lines_ends_the_list() -> None:
    network = NetworkOptions()
    with patch.object(sys, "stdin", stream(b"1.1\n1.2\n")):
        results = selected(Selection(listed="-"), Peer("nowhere.invalid"), network)
        assert next(results) == Retrieval(Level.STUDY, study_uid="1.1")
        network.stop.request()
        with pytest.raises(Interrupted, match="before all of the list was read"):
            next(results)
    network.stop.close()


def test_a_line_without_end() -> None:
    with patch("dcmtools.scu.listed._LONGEST", 100):
        good, failed = listed(f"{STUDY}\n{'x' * 200}")
    assert good == A_STUDY
    assert isinstance(failed, Result)
    assert "after 1 lines" in str(failed.error)


def test_instances_of_a_series_go_together() -> None:
    uids = [f"1.2.3.{number}" for number in range(5)]
    lines = [record(*ALL, sop_instance_uid=uid) for uid in uids]
    other = record(*ALL, series_instance_uid="1.9")
    found = listed("\n".join([*lines, lines[0], other]), at_once=3)
    groups = [each.sop_instance_uids for each in found if isinstance(each, Retrieval)]
    assert groups == [tuple(uids[:3]), tuple(uids[3:]), (IMAGE,)]


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(), "nothing says what to retrieve"),
        (Selection(patients=("*",)), "--patient"),
        (Selection(accessions=("",)), "--accession"),
        (Selection(accessions=("1?",)), "--accession"),
        (Selection(accessions=("\udcff",)), "no value can have"),
        (Selection(patients=("P\x1b",)), "no value can have"),
        (Selection(studies=("a",)), "'a' is no UID"),
        (Selection(series=(SERIES,)), "its Study Instance UID"),
        (Selection(studies=("1.1", "1.2"), series=(SERIES,)), "one only"),
        (Selection(level=Level.PATIENT, patients=("P",)), "no level PATIENT"),
        (Selection(model=PATIENT_ROOT, studies=(STUDY,)), "its Patient ID"),
        (Selection(level=Level.STUDY, studies=(STUDY,), series=(SERIES,)), "below level STUDY"),
        (Selection(keys=made(PatientName="*")), "nothing says"),
        (Selection(keys=made(PatientName="**", StudyDate="")), "nothing says"),
    ],
)
def test_what_cannot_be_asked_for(selection: Selection, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        choose(selection)
