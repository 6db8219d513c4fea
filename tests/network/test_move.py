"""``dcmtools move`` and an archive on this machine that answers as a script says."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dcmtools.archive.storage import Storage
from dcmtools.encoding.dataset import text, values
from dcmtools.errors import AssociationError
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.peer import NetworkOptions, Peer, TlsOptions
from dcmtools.net.presentation import PresentationContext
from dcmtools.net.requesting import request_association
from dcmtools.net.status import (
    CANCELED,
    MOVE_DESTINATION_UNKNOWN,
    PENDING,
    PENDING_WITH_WARNING,
    SUBOPERATIONS_FAILED,
    SUCCESS,
)
from dcmtools.net.stop import Stop
from dcmtools.query.models import PATIENT_ROOT, STUDY_ROOT
from dcmtools.results import Extent
from dcmtools.scu.move import MoveOptions, move
from dcmtools.scu.selection import Selection
from tests.support.certificates import requires_openssl
from tests.support.hostile_qr import INSTANCES, SERIES, STUDY, failed_list, hostile, match, moves
from tests.support.memory import peak_memory
from tests.support.peers import free_port
from tests.support.run import run
from tests.support.served import CT, DUPLICATE, EXPLICIT, WITHIN, associated, data_set, store

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.encoding.dataset import DataSet
    from tests.support.certificates import Certificates
    from tests.support.hostile_qr import Asked, Script
    from tests.support.run import Run

DCMTOOLS = str(Path(sys.executable).with_name("dcmtools"))
KEYS = ("QueryRetrieveLevel", "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


class Archive:
    """Notes what is asked of it, then does as ``script`` says."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.asked: list[dict[str, str]] = []
        self.commands: list[dimse.Command] = []

    def __call__(self, asked: Asked) -> None:
        self.asked.append({key: value for key in KEYS if (value := text(asked.keys, key))})
        self.commands.append(asked.message.command)
        self._script(asked)


def moved(port: int, *args: object, to: str = "STORE1") -> Run:
    return run("move", f"127.0.0.1:{port}", "--format", "json", *(("--to", to) if to else ()), *args)


def told(status: int, *counts: int | None, data: bytes | None = None) -> Script:
    return lambda asked: asked.counts(status, *counts, data=data)


def identified(level: str, **keys: str) -> dict[str, str]:
    return {"QueryRetrieveLevel": level, **keys}


# ---------------------------------------------------------------- what is asked for

A_STUDY = identified("STUDY", StudyInstanceUID=STUDY)
A_SERIES = identified("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES)
BOTH = identified(
    "IMAGE", StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES, SOPInstanceUID="\\".join(INSTANCES)
)
ONE, OTHER = ({**BOTH, "SOPInstanceUID": uid} for uid in INSTANCES)
ABOVE = ("--study", STUDY, "--series", SERIES)


@pytest.mark.parametrize(
    ("args", "asked"),
    [
        (["--study", STUDY], [A_STUDY]),
        (["-k", f"StudyInstanceUID={STUDY}"], [A_STUDY]),
        (
            ["--study", "1.2", "--study", "1.3"],
            [{**A_STUDY, "StudyInstanceUID": uid} for uid in ("1.2", "1.3")],
        ),
        (["--study", STUDY, "--study", STUDY], [A_STUDY]),
        (ABOVE, [A_SERIES]),
        ([*ABOVE, "--instance", INSTANCES[0], "--instance", INSTANCES[1]], [BOTH]),
        (
            [*ABOVE, "--instance", INSTANCES[0], "--instance", INSTANCES[1], "--uids-per-request", "1"],
            [ONE, OTHER],
        ),
        (["-P", "--patient", "P1"], [identified("PATIENT", PatientID="P1")]),
        (["-P", "--patient", "P1", "--study", STUDY], [{**A_STUDY, "PatientID": "P1"}]),
        (["-P", "--patient", "Müller"], [identified("PATIENT", PatientID="Müller")]),
        (["--relational", "--series", SERIES], [identified("SERIES", SeriesInstanceUID=SERIES)]),
        (["--patient", "P1"], [A_STUDY]),  # found: in the study root model a patient is no level
        (["-k", "PatientName=Doe*"], [A_STUDY]),
        (["--study", STUDY, "--level", "series"], [A_SERIES]),
        ([*ABOVE, "--level", "image"], [BOTH]),
    ],
)
def test_the_identifiers(args: list[str], asked: list[dict[str, str]]) -> None:
    archive = Archive(moves)
    with hostile(move=archive) as port:
        result = moved(port, *args)
    assert (result.status, archive.asked) == (0, asked)
    assert [record["completed"] for record in result.records] == [2] * len(asked)


def test_the_request() -> None:
    archive = Archive(moves)
    with hostile(move=archive) as port:
        moved(port, "--study", STUDY, "--priority", "high", to="ELSEWHERE")
        moved(port, "-P", "--patient", "1")
    first, second = archive.commands
    assert (first["MoveDestination"], first["Priority"]) == ("ELSEWHERE", dimse.HIGH)
    assert first["AffectedSOPClassUID"] == STUDY_ROOT.move
    assert second["AffectedSOPClassUID"] == PATIENT_ROOT.move


def test_relational_retrieval_is_negotiated() -> None:
    negotiated: list[tuple[str, bytes]] = []

    def script(asked: Asked) -> None:
        negotiated.extend(asked.session.association.request.user_information.extended)
        moves(asked)

    with hostile(move=script) as port:
        result = moved(port, "--relational", "--series", SERIES)
    assert negotiated == [(STUDY_ROOT.move, b"\x01")]
    assert "does not agree to relational retrieval" in result.stderr


# ---------------------------------------------------------------- found first


def test_a_find_asks_for_what_identifies_and_what_is_given() -> None:
    asked = []

    def finds(each: Asked) -> None:
        asked.append({tag: values(each.keys, tag) for tag in each.keys})
        each.respond(SUCCESS)

    with hostile(find=finds) as port:
        result = moved(port, "--accession", "A1", "--accession", "A2", "-k", "PatientName=Doe^Jané")
    assert [each[0x00080050] for each in asked] == [["A1"], ["A2"]]
    assert asked[0] == {
        0x00080005: ["ISO_IR 192"],
        0x00080050: ["A1"],
        0x00080052: ["STUDY"],
        0x00100010: ["Doe^Jané"],
        0x0020000D: [],
    }
    assert [record["error"]["message"] for record in result.records] == [
        "nothing matches accession number A1",
        "nothing matches accession number A2",
    ]
    assert result.status == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (partial(match, "STUDY"), "AccessionNumber"),  # the key is not there
        (partial(match, "STUDY", AccessionNumber="A1", StudyInstanceUID=""), "has no Study Instance UID"),
        (partial(match, "STUDY", AccessionNumber="A1", StudyInstanceUID="1.2\\1.3"), "is not a UID"),
        (partial(match, "STUDY", AccessionNumber="A1", StudyInstanceUID="*"), "is not a UID"),
    ],
)
def test_a_match_that_may_be_more_than_was_asked_for_is_not_moved(
    answer: Callable[[], DataSet], words: str
) -> None:
    archive = Archive(moves)

    def finds(asked: Asked) -> None:
        asked.respond(PENDING, answer())
        asked.respond(PENDING, match("STUDY", AccessionNumber="A1", StudyInstanceUID="1.9"))
        asked.respond(SUCCESS)

    with hostile(find=finds, move=archive) as port:
        result = moved(port, "--accession", "A1")
    failed, done = result.records
    assert result.status == 1
    assert words in failed["error"]["message"]
    assert (archive.asked, done["outcome"]) == ([{**A_STUDY, "StudyInstanceUID": "1.9"}], "done")


def test_a_match_that_contradicts_a_key_is_not_moved() -> None:
    archive = Archive(moves)

    def finds(asked: Asked) -> None:
        asked.respond(PENDING, match("STUDY", Modality="CT"))
        asked.respond(SUCCESS)

    with hostile(find=finds, move=archive) as port:
        result = moved(port, "-k", "Modality=MR")
    assert (result.status, archive.asked) == (5, [])
    assert "Modality is 'CT'" in result.stderr
    assert "asked for with ModalitiesInStudy" in result.stderr


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (["-k", "PatientName=A*"], 0, "warning: nothing matches these keys"),
        (["-k", "PatientName=A*", "--require-match"], 1, "nothing matches these keys"),
        (["--study", "1.2", "--study", "1.3", "-k", "PatientName=A*"], 1, "nothing matches study 1.3"),
        (["--patient", "P7"], 1, "nothing matches patient P7"),
    ],
)
def test_nothing_matches(args: list[str], status: int, words: str) -> None:
    """What is named has to be there; what is looked for by keys need not."""
    archive = Archive(moves)

    def finds(asked: Asked) -> None:
        asked.respond(SUCCESS)

    with hostile(find=finds, move=archive) as port:
        result = moved(port, *args)
    assert (result.status, archive.asked) == (status, [])
    assert words in result.stderr


def test_what_is_named_and_not_there_fails_beside_what_is() -> None:
    def finds(asked: Asked) -> None:
        if (number := text(asked.keys, "AccessionNumber")) == "A1":
            asked.respond(PENDING, match("STUDY", AccessionNumber=number))
        asked.respond(SUCCESS)

    with hostile(find=finds) as port:
        result = moved(port, "--accession", "A1", "--accession", "A2")
    assert result.status == 1
    assert [record["outcome"] for record in result.records] == ["failed", "done"]
    assert "nothing matches accession number A2" in result.stderr


def test_one_of_two_named_instances_is_not_there() -> None:
    with hostile(move=told(SUCCESS, 0, 1, 0, 0)) as port:
        result = moved(
            port, "--study", STUDY, "--series", SERIES, "--instance", "1.2.8", "--instance", "1.2.9"
        )
    assert result.status == 1
    assert "the peer has 1 of 2 instances that were named" in result.stderr


def test_a_match_with_a_key_that_the_peer_does_not_support_is_not_moved() -> None:
    archive = Archive(moves)

    def finds(asked: Asked) -> None:
        asked.respond(PENDING_WITH_WARNING, match("STUDY", AccessionNumber="A1"))
        asked.respond(SUCCESS)

    with hostile(find=finds, move=archive) as port:
        assert moved(port, "--accession", "A1").status == 5
    assert not archive.asked


def test_an_accession_number() -> None:
    archive = Archive(moves)

    def finds(asked: Asked) -> None:
        number = text(asked.keys, "AccessionNumber")
        asked.respond(PENDING, match("STUDY", AccessionNumber=number, StudyInstanceUID=f"1.2.{number}"))
        asked.respond(SUCCESS)

    with hostile(find=finds, move=archive) as port:
        result = moved(port, "--accession", "5", "--accession", "7")
    assert (result.status, [asked["StudyInstanceUID"] for asked in archive.asked]) == (0, ["1.2.5", "1.2.7"])


def test_a_find_that_fails() -> None:
    with hostile(find=told(0xA700)) as port:
        result = moved(port, "--accession", "A1")
    assert (result.status, "A700" in result.stderr) == (5, True)


# ---------------------------------------------------------------- how it ends

MANY = [f"1.2.{number}" for number in range(12)]


@pytest.mark.parametrize(
    ("script", "status", "outcome", "words"),
    [
        (told(SUCCESS, None, 2, 0, 0), 0, "done", ""),
        (told(SUCCESS), 0, "done", ""),  # a peer that counts nothing
        (told(SUCCESS, None, 1, 0, 1), 0, "warning", "1 came with a warning"),
        (told(SUCCESS, None, 0, 0, 0), 1, "failed", "nothing that matches"),
        (told(SUCCESS, None, 1, 1, 0), 1, "failed", "1 of 2 failed"),
        (told(SUCCESS, 3, 1, 0, 0), 1, "failed", "before the end"),
        (
            told(SUBOPERATIONS_FAILED, None, 2, 1, 0, data=failed_list("1.2.9")),
            1,
            "failed",
            "1 of 3 failed: 1.2.9",
        ),
        (
            told(SUBOPERATIONS_FAILED, None, 0, 12, 0, data=failed_list(*MANY)),
            1,
            "failed",
            "1.2.9 and 2 more",
        ),
        (told(SUBOPERATIONS_FAILED), 1, "failed", "the peer does not tell what failed (nothing done)"),
        (told(SUBOPERATIONS_FAILED, None, 2, 0, 0), 1, "failed", "does not tell what failed (2 completed)"),
        (told(SUBOPERATIONS_FAILED, None, 2, 0, 0, data=b"garbage!"), 1, "failed", "cannot be read"),
        (told(0xA702, None, 0, 2, 0), 5, "failed", "A702"),
        (told(0xA701), 5, "failed", "A701"),
        (told(0xA900), 5, "failed", "A900"),
        (told(0xC001), 5, "failed", "C001"),
        (told(0x0122), 5, "failed", "0122"),
        (told(CANCELED, 3, 1, 0, 0), 1, "failed", "by itself (status FE00): 1 completed, 3 remaining"),
        (told(SUCCESS, None, 2, 0, 0, data=b"garbage!"), 0, "warning", "cannot be read"),
    ],
)
def test_the_final_status(script: Script, status: int, outcome: str, words: str) -> None:
    with hostile(move=script) as port:
        result = moved(port, "--study", STUDY)
    [record] = result.records
    assert (result.status, record["outcome"]) == (status, outcome)
    assert words in (record["error"]["message"] if outcome == "failed" else record.get("note", ""))


def test_all_failed_instances_are_in_the_record() -> None:
    with hostile(move=told(SUBOPERATIONS_FAILED, None, 0, 12, 0, data=failed_list(*MANY))) as port:
        [record] = moved(port, "--study", STUDY).records
    assert record["failed_sop_instance_uids"] == MANY
    assert (record["status"], record["completed"], record["failed"], record["remaining"]) == (
        "B000",
        0,
        12,
        0,
    )


def test_an_unknown_destination_is_explained() -> None:
    with hostile(move=told(MOVE_DESTINATION_UNKNOWN)) as port:
        result = moved(port, "--study", STUDY, to="ws1")
    assert result.status == 5
    assert "add the AE title ws1" in result.stderr


def test_a_peer_without_c_move() -> None:
    from dcmtools.acceptor.service import Service
    from tests.support.accepting import accepting

    with accepting(Service("1.2.840.10008.1.1".__eq__, {})) as port:
        result = moved(port, "--study", STUDY, "--study", "1.9")
    assert result.status == 5
    assert [record["outcome"] for record in result.records] == ["failed"] * 2


def test_nobody_is_there() -> None:
    result = moved(free_port(), "--study", STUDY)
    assert (result.status, [record["outcome"] for record in result.records]) == (4, ["failed"])


def test_a_dry_run_asks_nobody() -> None:
    result = moved(free_port(), "--study", STUDY, "--study", "1.9", "--dry-run")
    assert (result.status, [record["study_instance_uid"] for record in result.records]) == (0, [STUDY, "1.9"])


PEAK = """
import sys
from dcmtools.cli.main import main
main(["move", "127.0.0.1:1", "--to", "X", "--dry-run", "--uids-from", sys.argv[1]])
"""


def test_a_long_list_takes_no_memory_to_speak_of(tmp_path: Path) -> None:
    """Of each line, no more than what tells whether it comes again."""
    few, many = tmp_path / "few", tmp_path / "many"
    for path, count in ((few, 100), (many, 50_000)):
        path.write_text(
            "".join(f"1.2.840.99999.1.{number:020d}\n" for number in range(10**19, 10**19 + count))
        )
    assert peak_memory(PEAK, many) - peak_memory(PEAK, few) < 10


def test_a_dry_run_tells_of_each_line_as_it_comes(tmp_path: Path) -> None:
    """Without waiting for the end of the list, which a FIFO may never have."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = [DCMTOOLS, "move", "127.0.0.1:1", "--to", "X", "--dry-run", "--uids-from", str(fifo)]
    process = subprocess.Popen(command, stdout=-1, stderr=-1, text=True)
    assert process.stdout
    with fifo.open("w") as lines:
        lines.write("1.2.3\n1.2.4\n")
        lines.flush()
        assert process.stdout.readline().startswith("STUDY\t1.2.3\t")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=WITHIN)
    assert process.returncode == 130
    assert "stopped by the user before all of the list was read" in stderr


# ---------------------------------------------------------------- associations


def test_what_a_lost_association_leaves_unknown_and_what_goes_on() -> None:
    def script(asked: Asked) -> None:
        if text(asked.keys, "StudyInstanceUID") == "1.1":
            asked.counts(PENDING, 4, 1, 0, 0)
            asked.session.association.abort()
        else:
            moves(asked)

    with hostile(move=script) as port:
        result = moved(port, "--study", "1.1", "--study", "1.2")
    lost, done = result.records
    assert (result.status, lost["outcome"], done["outcome"]) == (1, "unknown", "done")
    assert (lost["status"], lost["completed"], lost["remaining"]) == (None, 1, 4)


def test_three_losses_end_the_run() -> None:
    archive = Archive(lambda asked: asked.session.association.abort())
    with hostile(move=archive) as port:
        result = moved(port, *[arg for number in range(5) for arg in ("--study", f"1.{number}")])
    assert [record["outcome"] for record in result.records] == ["unknown"] * 3 + ["failed"] * 2
    assert (result.status, len(archive.asked)) == (4, 3)


def test_jobs_are_associations_at_the_same_time() -> None:
    together = threading.Barrier(2, timeout=WITHIN)

    def script(asked: Asked) -> None:
        together.wait()
        moves(asked)

    with hostile(move=script) as port:
        result = moved(port, "--jobs", "2", "--study", "1.1", "--study", "1.2")
    assert (result.status, len(result.records)) == (0, 2)
    assert not together.broken


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_stop_cancels_what_is_under_way(jobs: int) -> None:
    stop, extent = Stop(), Extent()
    canceled = []
    all_under_way = threading.Barrier(jobs, stop.request, WITHIN)

    def script(asked: Asked) -> None:
        asked.counts(PENDING, 7, 3, 0, 0)
        all_under_way.wait()
        message = asked.session.association.receive()
        assert message is not None
        canceled.append(message.command["CommandField"])
        asked.counts(CANCELED, 6, 4, 0, 0)

    selection = Selection(studies=("1.1", "1.2", "1.3"))
    with hostile(move=script) as port:
        network = NetworkOptions(stop=stop)
        options = MoveOptions(destination="X", jobs=jobs)
        results = list(move(selection, Peer("127.0.0.1", port), network, options, extent))
    stop.close()
    under_way = [result for result in results if result.record.get("status") == "FE00"]
    assert canceled == [CommandField.C_CANCEL_RQ] * jobs
    assert len(under_way) == jobs
    assert "4 completed, 6 remaining" in str(under_way[0].error)
    assert len(results) == 3
    assert {result.error.code for result in results if result.error} == {"interrupted"}


def test_progress_is_told() -> None:
    said: list[str] = []
    extent = Extent()
    extent.watch(lambda: said.append(extent.doing))

    def script(asked: Asked) -> None:
        asked.counts(PENDING, 2, 1, 0, 0)
        asked.counts(PENDING, 1, 1, 1, 0)
        asked.counts(SUCCESS, None, 1, 1, 1)

    with hostile(move=script) as port:
        options = MoveOptions(destination="X")
        list(move(Selection(studies=("1.1",)), Peer("127.0.0.1", port), NetworkOptions(), options, extent))
    assert said == ["1 of 3 instances", "1 of 3 instances, 1 failed", "2 of 3 instances, 1 failed"]


def test_progress_of_several_is_told_while_they_are_at_work() -> None:
    """By the thread that waits for them, which alone may draw on a terminal."""
    said: set[tuple[str, threading.Thread]] = set()
    shown = threading.Event()
    extent = Extent()

    def watch() -> None:
        said.add((extent.doing, threading.current_thread()))
        if extent.doing == "2 of 6 instances":
            shown.set()

    def script(asked: Asked) -> None:
        asked.counts(PENDING, 2, 1, 0, 0)
        assert shown.wait(WITHIN)
        asked.counts(SUCCESS, None, 3, 0, 0)

    extent.watch(watch)
    with hostile(move=script) as port:
        options = MoveOptions(destination="X", jobs=2)
        peer = Peer("127.0.0.1", port)
        list(move(Selection(studies=("1.1", "1.2")), peer, NetworkOptions(), options, extent))
    assert shown.is_set()
    assert {thread for _, thread in said} == {threading.current_thread()}


# ---------------------------------------------------------------- into a folder


def sends(port: int, *uids: str, final: Script, data: bytes | None = None) -> Script:
    """Store these instances at ``port``, and end as ``final`` does."""

    def script(asked: Asked) -> None:
        with associated(port) as association:
            for uid in uids:
                store(association, uid, data or data_set(uid, study=STUDY, series=SERIES))
        final(asked)

    return script


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.dcm"))


def test_what_comes_is_kept_and_counted(tmp_path: Path) -> None:
    port = free_port()
    archive = Archive(sends(port, *INSTANCES, final=told(SUCCESS, None, 2, 0, 0)))
    with hostile(move=archive) as peer:
        result = moved(peer, "--receive", tmp_path, "--port", port, "-aet", "LAPTOP", "--study", STUDY, to="")
    [record] = result.records
    assert (result.status, record["received"], record["destination"]) == (0, 2, "LAPTOP")
    assert archive.commands[0]["MoveDestination"] == "LAPTOP"
    assert files_in(tmp_path) == [f"{uid}.dcm" for uid in INSTANCES]
    kept = next(tmp_path.rglob(f"{INSTANCES[0]}.dcm")).read_bytes()
    assert kept.endswith(data_set(INSTANCES[0], study=STUDY, series=SERIES))


@pytest.mark.parametrize(
    ("args", "counted"),
    [
        (["--study", STUDY], 2),
        (["--study", "1.9"], 0),  # another study than those that come
        ([*ABOVE], 2),
        ([*ABOVE, "--instance", INSTANCES[0]], 1),
        (["-P", "--patient", "P1"], 2),
    ],
)
def test_instances_count_for_what_they_belong_to(args: list[str], counted: int, tmp_path: Path) -> None:
    port = free_port()
    with hostile(move=sends(port, *INSTANCES, final=told(SUCCESS, None, counted or 1, 0, 0))) as peer:
        result = moved(peer, "--receive", tmp_path, "--port", port, *args)
    [record] = result.records
    assert (record["received"], result.status) == (counted, 0 if counted else 1)


def test_fewer_than_the_peer_counts_is_a_failure(tmp_path: Path) -> None:
    port = free_port()
    with hostile(move=sends(port, INSTANCES[0], final=told(SUCCESS, None, 2, 0, 0))) as peer:
        result = moved(peer, "--receive", tmp_path, "--port", port, "--study", STUDY)
    [record] = result.records
    assert (result.status, record["received"]) == (1, 1)
    assert record["error"]["message"] == "the peer says that it has sent 2, and 1 have come"


def test_nothing_comes_and_nothing_is_counted(tmp_path: Path) -> None:
    with hostile(move=told(SUCCESS)) as peer:
        result = moved(peer, "--receive", tmp_path, "--port", "0", "--study", STUDY)
    assert (result.status, "nothing has come" in result.stderr) == (1, True)


def test_what_comes_after_the_final_response_counts(tmp_path: Path) -> None:
    port = free_port()
    late: list[threading.Thread] = []

    def script(asked: Asked) -> None:
        asked.counts(SUCCESS, None, 2, 0, 0)
        thread = threading.Thread(target=sends(port, *INSTANCES, final=lambda _: None), args=(asked,))
        late.append(thread)
        thread.start()

    with hostile(move=script) as peer:
        result = moved(peer, "--receive", tmp_path, "--port", port, "--study", STUDY)
        late[0].join(WITHIN)
    assert (result.status, result.records[0]["received"]) == (0, 2)


def test_other_data_under_a_uid_that_is_there_is_refused(tmp_path: Path) -> None:
    port = free_port()
    statuses = []

    def script(asked: Asked) -> None:
        with associated(port) as association:
            for name in ("Doe^Jane", "Doe^John"):
                data = data_set(INSTANCES[0], study=STUDY, series=SERIES, name=name)
                statuses.append(store(association, INSTANCES[0], data))
        asked.counts(SUBOPERATIONS_FAILED, None, 1, 1, 0, data=failed_list(INSTANCES[0]))

    with hostile(move=script) as peer:
        result = moved(peer, "--receive", tmp_path, "--port", port, "--study", STUDY)
    assert (result.status, statuses) == (1, [SUCCESS, DUPLICATE])
    assert files_in(tmp_path) == [f"{INSTANCES[0]}.dcm"]


def test_a_broken_instance_leaves_nothing(tmp_path: Path) -> None:
    port = free_port()
    cut = data_set(INSTANCES[0], study=STUDY, series=SERIES)[:-7]
    with hostile(
        move=sends(port, INSTANCES[0], data=cut, final=told(SUBOPERATIONS_FAILED, None, 0, 1, 0))
    ) as peer:
        result = moved(peer, "--receive", tmp_path, "--port", port, "--study", STUDY)
    assert (result.status, result.records[0]["received"], files_in(tmp_path)) == (1, 0, [])
    assert [path.name for path in (tmp_path / ".incoming").iterdir()] == ["lock"]


@requires_openssl
def test_the_peer_comes_back_over_tls(tmp_path: Path, certificates: Certificates) -> None:
    """With a certificate of its own, as --tls-ca asks for; whoever shows none is not let in."""
    port = free_port()
    (cert, key), (ours, ours_key) = certificates.pair("server"), certificates.pair("client")
    tls = TlsOptions(ca=certificates.ca, cert=cert, key=key)
    came = []

    def script(asked: Asked) -> None:
        for options in (tls._replace(cert=None, key=None, verify=False), tls._replace(verify=False)):
            peer, network = Peer("127.0.0.1", port), NetworkOptions(tls=options)
            try:
                with request_association(peer, network, [PresentationContext(1, CT, (EXPLICIT,))]) as sender:
                    store(sender, INSTANCES[0], data_set(INSTANCES[0], study=STUDY, series=SERIES))
                    came.append(options.cert)
            except AssociationError:
                came.append(None)
        asked.counts(SUCCESS, None, 1, 0, 0)

    options = ("--tls", "--tls-ca", certificates.ca, "--tls-cert", ours, "--tls-key", ours_key)
    with hostile(move=script, tls=tls) as peer:
        args = ("--receive", tmp_path, "--receive-tls", "--port", port, "--study", STUDY)
        result = moved(peer, *options, *args)
    assert (result.status, result.records[0]["received"]) == (0, 1), result.stderr
    assert came == [None, cert]


def test_tls_for_what_comes_wants_tls_for_what_goes(tmp_path: Path) -> None:
    result = moved(1, "--receive", tmp_path, "--receive-tls", "--study", STUDY)
    assert (result.status, "--receive-tls wants --tls" in result.stderr) == (2, True)
    result = moved(1, "--receive-tls", "--study", STUDY)
    assert (result.status, "is of the receiver of --receive DIR" in result.stderr) == (2, True)


def test_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, hostile() as peer:
        port = taken.getsockname()[1]
        result = moved(peer, "--receive", tmp_path, "--port", port, "--study", STUDY)
    assert (result.status, "cannot listen" in result.stderr) == (2, True)


def test_the_folder_is_in_use(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    with hostile() as peer:
        result = moved(peer, "--receive", tmp_path, "--port", "0", "--study", STUDY)
    storage.close()
    assert (result.status, "another process holds" in result.stderr) == (2, True)


def test_strangers_are_kept_out_only_where_that_is_said(tmp_path: Path) -> None:
    with hostile() as peer:
        result = moved(peer, "--receive", tmp_path, "--port", "0", "--bind", "::", "--study", STUDY)
    assert (result.status, "--allow-aet" in result.stderr) == (2, True)


# ---------------------------------------------------------------- again


def test_what_is_here_is_not_asked_for_again(tmp_path: Path) -> None:
    port = free_port()
    args = ("--receive", tmp_path, "--port", port, "--study", STUDY, "--skip-existing")
    first = Archive(sends(port, INSTANCES[0], final=told(SUBOPERATIONS_FAILED, None, 1, 1, 0)))
    with hostile(move=first) as peer:
        assert moved(peer, *args).status == 1
    second = Archive(sends(port, INSTANCES[1], final=told(SUCCESS, None, 1, 0, 0)))
    with hostile(move=second) as peer:
        assert moved(peer, *args).status == 0
        planned = moved(peer, *args, "--dry-run")
        again = moved(peer, *args)
    assert (first.asked, second.asked) == ([A_STUDY], [OTHER])
    for result in (planned, again):
        assert (result.status, [record["outcome"] for record in result.records]) == (0, ["skipped"])


def test_what_cannot_be_listed_is_a_failure(tmp_path: Path) -> None:
    archive = Archive(moves)
    with hostile(find=told(0xC001), move=archive) as peer:
        result = moved(peer, "--receive", tmp_path, "--port", "0", "--study", STUDY, "--skip-existing")
    assert (result.status, archive.asked) == (5, [])


# ---------------------------------------------------------------- what is said


def test_the_closing_line_counts_requests_and_instances() -> None:
    def script(asked: Asked) -> None:
        if text(asked.keys, "StudyInstanceUID") == STUDY:
            moves(asked)
        else:
            told(0xC000)(asked)

    with hostile(move=script) as port:
        result = moved(port, "--study", STUDY, "--study", "1.9")
    assert result.stderr.endswith("1 request done, 2 instances moved, 1 request failed\n")
    assert moved(1, "--study", STUDY, "--dry-run").stderr == "1 would be asked for\n"


@pytest.mark.parametrize("args", [["--study", STUDY], ["--accession", "A1"]])
def test_an_error_names_the_peer(args: list[str]) -> None:
    port = free_port()
    assert f"ANY-SCP@127.0.0.1:{port}: connect: " in moved(port, *args).stderr


def test_the_hint_of_an_unknown_destination_says_who_can_reach_us(tmp_path: Path) -> None:
    with hostile(move=told(0xA801)) as port:
        result = moved(port, "--receive", tmp_path, "--port", "0", "--study", STUDY, to="")
    assert "only peers on this machine reach; --bind ADDRESS is for others" in result.stderr
