"""``dcmtools find``: limits and C-CANCEL, what archives answer that they should not, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dcmtools.acceptor.cancel import Cancel
from dcmtools.acceptor.service import Service
from dcmtools.encoding.dataset import made, text
from dcmtools.net.dimse import CommandField
from dcmtools.net.exchange import read, respond
from dcmtools.net.p_data import COMMAND, LAST
from dcmtools.net.status import CANCELED, PENDING, PENDING_WITH_WARNING, SUCCESS
from tests.support.accepting import STUDY_FIND, accepting
from tests.support.hostile_qr import STUDY, hostile, match
from tests.support.run import Run, run
from tests.support.served import EXPLICIT, IMPLICIT, WITHIN

if TYPE_CHECKING:
    from dcmtools.acceptor.session import Session
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.net.incoming import Message
    from tests.support.hostile_qr import Asked, Script

DCMTOOLS = str(Path(sys.executable).with_name("dcmtools"))
SHORT = ("-ta", "5", "-td", "0.5", "-to", "5")
MANY = 200
GARBAGE = b"\x10\0\x10\0PN\xff\xffno"


def find(script: Script, *args: object) -> Run:
    with hostile(find=script) as port:
        return run("find", f"127.0.0.1:{port}", *SHORT, *args)


def numbered(number: int) -> str:
    return f"1.2.{number}"


# ---------------------------------------------------------------- limits


class Patient:
    """An archive that sends ``before`` matches, waits for the C-CANCEL, and sends ``after`` all the same."""

    def __init__(self, before: int, after: int, final: int = CANCELED) -> None:
        self.before, self.after, self.final = before, after, final
        self.canceled = False

    def __call__(self, asked: Asked) -> None:
        cancel = Cancel(asked.session.association, asked.message)
        for number in range(self.before):
            asked.respond(PENDING, match("STUDY", StudyInstanceUID=numbered(number)))
        asked.session.association.has_message(WITHIN)
        self.canceled = cancel.requested()
        for number in range(self.after):
            asked.respond(PENDING, match("STUDY", StudyInstanceUID=numbered(number)))
        asked.respond(self.final)


@pytest.mark.parametrize("final", [CANCELED, SUCCESS])
def test_the_archive_is_asked_to_stop_and_what_comes_late_is_not_shown(final: int) -> None:
    archive = Patient(5, 3, final)
    result = find(archive, "--limit", 4)
    assert archive.canceled
    assert (result.status, result.stderr) == (0, "")
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == [numbered(n) for n in range(4)]


def test_as_many_as_there_are() -> None:
    result = find(Patient(4, 0), "--limit", 4)
    assert (result.status, result.stderr, len(result.stdout.splitlines())) == (0, "", 4)


def test_a_limit_that_is_not_reached() -> None:
    def three(asked: Asked) -> None:
        for number in range(3):
            asked.respond(PENDING, match("STUDY", StudyInstanceUID=numbered(number)))
        asked.respond()

    result = find(three, "--limit", 4)
    assert (result.status, result.stderr, len(result.stdout.splitlines())) == (0, "", 3)


def test_an_archive_that_does_not_heed_the_cancel() -> None:
    """All that was asked for is there; the association is aborted, with a warning."""

    def endless(asked: Asked) -> None:
        while True:
            asked.respond(PENDING, match("STUDY"))

    begun = time.monotonic()
    result = find(endless, "--limit", 2, "-td", "60")
    assert (result.status, len(result.stdout.splitlines())) == (0, 2)
    assert "the C-CANCEL after 2 matches had no effect; the association was aborted" in result.stderr
    assert time.monotonic() - begun < 10


def test_an_archive_that_says_nothing_after_the_cancel() -> None:
    def silent(asked: Asked) -> None:
        asked.respond(PENDING, match("STUDY"))
        asked.session.association.has_message(WITHIN)
        asked.wait()

    begun = time.monotonic()
    result = find(silent, "--limit", 1, "-td", "60")
    assert time.monotonic() - begun < 10
    assert (result.status, len(result.stdout.splitlines())) == (0, 1)
    assert "the C-CANCEL after 1 matches had no effect" in result.stderr


def test_after_a_limit_a_walk_goes_on_over_another_association() -> None:
    """A C-CANCEL that crosses the end may be answered, by a message that fits nothing."""
    sessions: list[tuple[str, int]] = []

    def crossing(asked: Asked) -> None:
        level = text(asked.keys, "QueryRetrieveLevel")
        sessions.append((level, asked.session.number))
        for number in range(3 if level == "STUDY" else 1):
            asked.respond(PENDING, match(level, StudyInstanceUID=numbered(number)))
        asked.respond()
        if level == "STUDY":
            assert asked.session.association.has_message(WITHIN)
            asked.respond(0xC000)

    result = find(crossing, "--all", "--limit", 3)
    assert (result.status, result.stderr) == (0, "")
    assert [line.partition("\t")[0] for line in result.stdout.splitlines()] == ["STUDY", "SERIES", "IMAGE"]
    assert [level for level, _ in sessions] == ["STUDY", "SERIES", "IMAGE"]
    assert sessions[0][1] != sessions[1][1]


# ---------------------------------------------------------------- what ends a C-FIND


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0xA700, "status A700, Refused: Out of Resources"),
        (0xA900, "status A900, Identifier Does Not Match SOP Class"),
        (0xC000, "status C000, Unable to Process"),
        (0xC123, "status C123, Unable to Process"),
        (0x0122, "status 0122, Refused: SOP Class Not Supported"),
        (0x1234, "status 1234, not a status of this service"),
    ],
)
@pytest.mark.parametrize("count", [0, 2])
def test_a_failure_has_its_status_whatever_came_before(status: int, words: str, count: int) -> None:
    def fails(asked: Asked) -> None:
        for number in range(count):
            asked.respond(PENDING, match("STUDY", StudyInstanceUID=numbered(number)))
        asked.respond(status, None, ErrorComment="no such thing")

    result = find(fails, "--format", "json")
    assert result.status == 5
    assert f"C-FIND: {words}, the peer says 'no such thing'" in result.stderr
    *matches, last = result.records
    assert len(matches) == count
    assert (last["outcome"], last["status"], last["error"]["code"]) == (
        "failed",
        f"{status:04X}",
        "peer-failure",
    )


def test_a_mismatch_names_the_unique_keys_that_are_missing() -> None:
    def fails(asked: Asked) -> None:
        asked.respond(0xA900)

    above = "hint: StudyInstanceUID and SeriesInstanceUID are wanted as a single value at level IMAGE"
    assert above in find(fails, "-L", "image").stderr
    assert "hint: StudyInstanceUID is wanted" in find(fails, "-L", "series").stderr
    assert "wanted as a single value" not in find(fails, "-L", "series", "--relational").stderr
    assert "wanted as a single value" not in find(fails, "-L", "series", "-k", "StudyInstanceUID=1.2").stderr


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (CANCELED, "the peer ended the C-FIND by itself (status FE00)"),
        (0xB001, "status B001, Matching reached"),
    ],
)
def test_an_archive_that_ends_the_list_early_has_not_sent_all(status: int, words: str) -> None:
    def limited(asked: Asked) -> None:
        asked.respond(PENDING, match("STUDY"))
        asked.respond(status)

    result = find(limited)
    assert (result.status, len(result.stdout.splitlines())) == (1, 1)
    assert words in result.stderr


def test_an_archive_that_refuses_the_model() -> None:
    with accepting(Service("1.2.3".__eq__, {}, (EXPLICIT,))) as port:
        result = run("find", f"127.0.0.1:{port}")
    assert result.status == 5
    assert "accepts no StudyRootQueryRetrieveInformationModelFind" in result.stderr


def test_an_archive_that_stays_silent() -> None:
    def silent(asked: Asked) -> None:
        asked.respond(PENDING, match("STUDY"))
        asked.wait()

    result = find(silent)
    assert (result.status, len(result.stdout.splitlines())) == (4, 1)
    assert "no answer from the peer in time" in result.stderr


def test_an_archive_that_goes_away() -> None:
    def leaves(asked: Asked) -> None:
        asked.respond(PENDING, match("STUDY"))
        asked.session.association.abort()

    result = find(leaves, "--format", "json")
    assert result.status == 4
    assert [record["outcome"] for record in result.records] == ["done", "failed"]


def test_an_identifier_at_the_end_is_no_match() -> None:
    def answer(asked: Asked) -> None:
        asked.respond(SUCCESS, match("STUDY"))

    result = find(answer)
    assert (result.status, result.stdout) == (0, "")
    assert "the last response has an identifier, which is not taken for a match" in result.stderr


def test_responses_that_are_alike_are_each_a_message_and_one_without_elements_is_none() -> None:
    def answer(asked: Asked) -> None:
        asked.respond(PENDING, match("STUDY"))
        asked.respond(PENDING, match("STUDY"))
        asked.raw((COMMAND | LAST, b""))
        asked.wait()

    result = find(answer)
    assert (result.status, len(result.stdout.splitlines())) == (4, 2)
    assert "a command set that is broken" in result.stderr


# ---------------------------------------------------------------- identifiers that are none


@pytest.mark.parametrize("form", ["text", "csv", "json", "dicom-json"])
@pytest.mark.parametrize("broken", [GARBAGE, b"", b"\xff" * 50, b"\x08\0"])
def test_a_broken_identifier_fails_and_the_others_are_shown(broken: bytes, form: str) -> None:
    def answer(asked: Asked) -> None:
        for number in range(3):
            whole = match("STUDY", StudyInstanceUID=numbered(number))
            asked.respond(PENDING, broken if number == 1 else whole)
        asked.respond()

    result = find(answer, "--format", form)
    assert result.status == 1
    assert "match 2 is broken" in result.stderr
    assert numbered(0) in result.stdout
    assert numbered(2) in result.stdout
    assert numbered(1) not in result.stdout


def test_matches_without_identifier() -> None:
    def answer(asked: Asked) -> None:
        asked.respond(PENDING)
        asked.respond(PENDING, match("STUDY"))
        asked.respond()

    result = find(answer)
    assert (result.status, len(result.stdout.splitlines())) == (1, 1)
    assert "match 1 is broken: there is no identifier" in result.stderr


def test_a_broken_match_leaves_no_file(tmp_path: Path) -> None:
    def answer(asked: Asked) -> None:
        asked.respond(PENDING, GARBAGE)
        asked.respond(PENDING, match("STUDY", StudyInstanceUID=numbered(7)))
        asked.respond()

    result = find(answer, "--extract", tmp_path)
    assert result.status == 1
    assert [path.name for path in tmp_path.iterdir()] == [f"000002-{numbered(7)}.dcm"]


def test_a_walk_goes_on_past_a_broken_match() -> None:
    def answer(asked: Asked) -> None:
        level = asked.keys[0x00080052][1]
        assert isinstance(level, bytes)
        if level.startswith(b"STUDY"):
            asked.respond(PENDING, GARBAGE)
        asked.respond(PENDING, match(level.decode().strip()))
        asked.respond()

    result = find(answer, "--all", "-L", "series")
    assert result.status == 1
    assert [line.partition("\t")[0] for line in result.stdout.splitlines()] == ["STUDY", "SERIES"]


# ---------------------------------------------------------------- negotiation


class Negotiating:
    """An archive that agrees to an extended negotiation with what it is told to."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.asked: list[bytes] = []

    def negotiate(self, asked: bytes) -> bytes:
        self.asked.append(asked)
        return self._answer

    def find(self, session: Session, message: Message) -> None:
        read(session.association, message)
        respond(session.association, message, PENDING, made(StudyInstanceUID="1.2"))
        respond(session.association, message)

    def found(self, *args: object) -> Run:
        answers = {int(CommandField.C_FIND_RQ): self.find}
        service = Service(STUDY_FIND.__eq__, answers, (IMPLICIT,), negotiates=self.negotiate)
        with accepting(service) as port:
            return run("find", f"127.0.0.1:{port}", *args)


@pytest.mark.parametrize(
    ("args", "asked"),
    [
        (["--relational"], b"\1"),
        (["--datetime"], b"\0\1"),
        (["--fuzzy"], b"\0\0\1"),
        (["--timezone", "--relational"], b"\1\0\0\1"),
        (["--relational", "--datetime", "--fuzzy", "--timezone"], b"\1\1\1\1"),
    ],
)
def test_extensions_are_negotiated(args: list[str], asked: bytes) -> None:
    archive = Negotiating(asked)
    result = archive.found(*args)
    assert archive.asked == [asked]
    assert (result.status, result.stderr) == (0, "")


def test_what_is_not_agreed_to_is_remarked_on() -> None:
    archive = Negotiating(b"\1\0")
    result = archive.found("--relational", "--datetime", "--fuzzy")
    assert result.status == 0
    words = "dates and times combined, fuzzy matching of names"
    assert result.stderr == f"dcmtools find: warning: the peer does not agree to {words}\n"


def test_nothing_is_negotiated_unless_it_is_asked_for() -> None:
    archive = Negotiating(b"")
    assert archive.found().status == 0
    assert archive.asked == []


# ---------------------------------------------------------------- ends


def test_interrupted_it_cancels_and_is_done_when_the_archive_is() -> None:
    archive = Patient(1, 2)
    with hostile(find=archive) as port:
        process = subprocess.Popen(
            [DCMTOOLS, "find", f"127.0.0.1:{port}"], stdout=-1, stderr=-1, text=True, bufsize=0
        )
        assert process.stdout
        assert process.stdout.readline().startswith(numbered(0))
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=WITHIN)
    assert archive.canceled
    assert (process.returncode, stdout) == (130, "")
    assert stderr == f"dcmtools find: ANY-SCP@127.0.0.1:{port}: stopped by the user\n"


def test_a_reader_who_leaves_ends_it() -> None:
    def endless(asked: Asked) -> None:
        while True:
            asked.respond(PENDING, match("STUDY"))

    with hostile(find=endless) as port:
        process = subprocess.Popen(
            [DCMTOOLS, "find", f"127.0.0.1:{port}"], stdout=-1, stderr=-1, text=True, bufsize=0
        )
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(WITHIN) == 141
        assert process.stderr.read() == ""
        process.stderr.close()


def test_matches_are_shown_as_they_come() -> None:
    """Before the archive has come to an end, and in a memory that does not grow with their number."""
    shown: list[str] = []

    def slow(asked: Asked) -> None:
        for number in range(MANY):
            asked.respond(PENDING, match("STUDY", StudyInstanceUID=numbered(number)))
        end = time.monotonic() + WITHIN
        while len(shown) < MANY and time.monotonic() < end:
            time.sleep(0.01)
        asked.respond(SUCCESS if len(shown) == MANY else 0xC000)

    with hostile(find=slow) as port:
        process = subprocess.Popen(
            [DCMTOOLS, "find", f"127.0.0.1:{port}"],
            stdout=-1,
            text=True,
            bufsize=0,
            env={**os.environ, "DCMTOOLS_DIMSE_TIMEOUT": str(WITHIN)},
        )
        assert process.stdout
        for line in process.stdout:
            shown.append(line)
        assert process.wait(WITHIN) == 0
        process.stdout.close()


# ---------------------------------------------------------------- answers that do not heed the keys


def rows(*found: DataSet, status: int = PENDING) -> Script:
    def script(asked: Asked) -> None:
        for each in found:
            asked.respond(status, each)
        asked.respond()

    return script


@pytest.mark.parametrize(
    ("key", "told", "words"),
    [
        ("ModalitiesInStudy=MR", {}, "the peer does not say that it matched ModalitiesInStudy"),
        ("ModalitiesInStudy=MR", {"ModalitiesInStudy": ""}, "does not say that it matched"),
        ("ModalitiesInStudy=MR", {"ModalitiesInStudy": "CT\\SR"}, "ModalitiesInStudy is 'CT\\\\SR'"),
        ("Modality=MR", {}, "asked for with ModalitiesInStudy"),
        ("StudyDate=20240101-", {"StudyDate": "20231231"}, "StudyDate is '20231231'"),
        ("PatientID=12", {"PatientID": "123"}, "PatientID is '123'"),
        ("PatientName=Doe", {"PatientName": "Miller^A"}, "PatientName is 'Miller^A'"),
        ("StudyInstanceUID=1.2.9", {}, "StudyInstanceUID is '1.2.3'"),
        ("ProcedureCodeSequence.CodeValue=A", {}, "matched ProcedureCodeSequence"),
        (
            "ProcedureCodeSequence.CodeValue=A",
            {"ProcedureCodeSequence": [made(CodeValue="B")]},
            "matched ProcedureCodeSequence",
        ),
    ],
)
def test_a_match_that_does_not_heed_a_key_is_left_out(key: str, told: dict[str, Any], words: str) -> None:
    answer = match("STUDY", **told)
    result = find(rows(answer, answer), "-k", key)
    assert (result.status, result.stdout) == (1, "")
    assert "2 matches are left out" in result.stderr
    assert words in result.stderr


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("ModalitiesInStudy=MR", {"ModalitiesInStudy": "CT\\MR"}),
        ("ModalitiesInStudy=MR\\PT", {"ModalitiesInStudy": "PT"}),
        ("StudyDate=20240101-20240131", {"StudyDate": "20240115"}),
        ("StudyTime=10", {"StudyTime": "105959.5"}),
        ("PatientName=doe", {"PatientName": "DOE^JANE"}),
        ("PatientName=山田", {"PatientName": "Yamada^Tarou=??"}),
        ("PatientID=ab", {"PatientID": "AB"}),
        ("PatientID=*", {"PatientID": ""}),
        ('PatientID=""', {"PatientID": ""}),
        ("StudyDescription=*head*", {"StudyDescription": "CT Head"}),
        ("StudyInstanceUID=1.2.9\\1.2.3", {}),
        ("NumberOfStudyRelatedInstances=2", {}),
        ("ProcedureCodeSequence.CodeValue=A", {"ProcedureCodeSequence": [made(CodeValue="A")]}),
    ],
)
def test_what_a_peer_may_compare_in_its_own_way_is_shown(key: str, told: dict[str, Any]) -> None:
    result = find(rows(match("STUDY", **{"SpecificCharacterSet": "ISO_IR 192", **told})), "-k", key)
    assert (result.status, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "key", "told"),
    [
        ("--fuzzy", "PatientName=Meier", {"PatientName": "Mayer^A"}),
        ("--datetime", "StudyTime=1200-1000", {"StudyTime": "110000"}),
        ("--timezone", "StudyDate=20240101", {"StudyDate": "20240102"}),
    ],
)
def test_what_was_agreed_to_be_compared_otherwise(option: str, key: str, told: dict[str, str]) -> None:
    answer = rows(match("STUDY", **told))
    assert (find(answer, "-k", key).status, find(answer, "-k", key, option).status) == (1, 0)


def test_a_match_that_heeds_the_keys_is_shown_beside_one_that_does_not() -> None:
    found = [match("STUDY", StudyInstanceUID=f"1.2.{number}", StudyID=str(number)) for number in range(3)]
    result = find(rows(*found), "-k", "StudyID=1", "--format", "json")
    assert (result.status, [each["study_instance_uid"] for each in result.records]) == (1, ["1.2.1", None])
    assert "2 matches are left out: StudyID is '0'" in result.stderr


@pytest.mark.parametrize(("told", "status"), [({"StudyID": "1"}, 0), ({"StudyID": "1", "PatientID": "P"}, 1)])
def test_a_warning_about_keys_is_about_those_to_match_where_all_others_are_there(
    told: dict[str, str], status: int
) -> None:
    answer = made(StudyInstanceUID=STUDY, **told)
    result = find(rows(answer, status=PENDING_WITH_WARNING), "-k", "StudyID=1", "-r", "PatientID")
    assert result.status == status


def test_a_unique_key_of_a_level_above_may_be_left_out() -> None:
    answer = made(QueryRetrieveLevel="SERIES", SeriesInstanceUID="1.2.3.4")
    args = ("-L", "series", "-k", "StudyInstanceUID=1.2.3")
    assert find(rows(answer), *args).status == 0
    answer.update(made(StudyInstanceUID="1.2.9"))
    assert find(rows(answer), *args).status == 1
