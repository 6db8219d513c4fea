"""``dcmtools store``: what is proposed, what a peer answers, what is reported (PS3.4 B, PS3.7 9.1.1)."""

from __future__ import annotations

import shutil
import struct
from typing import TYPE_CHECKING

import pytest

from dcmtools.net import command_set, dimse
from dcmtools.scu.sender import MAY_BE_STORED
from tests.support import samples
from tests.support.run import Run, run
from tests.support.tcp import data_pdu
from tests.support.unruly import (
    Association,
    Fault,
    Moment,
    Request,
    Unruly,
    accepts_nothing,
    answer_to,
    answers,
    closed_port,
    rejects,
    serves,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.unruly import Script

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
SC = "1.2.840.10008.5.1.4.1.1.7"
IMPLICIT, EXPLICIT, JPEG2000 = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.91"
SHORT = ("-ta", "0.5", "-td", "0.5", "-to", "2")
FIELDS = [
    *("file", "sop_class_uid", "sop_instance_uid", "transfer_syntax_uid"),
    *("status", "attempts", "sent_as", "outcome"),
]
COUNT = 5


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return samples.make_small(tmp_path / "files", COUNT)


def store(server: Unruly, *args: object) -> Run:
    return run("store", f"PEER@127.0.0.1:{server.port}", *SHORT, *args)


def store_to(script: Script, *args: object) -> Run:
    with Unruly(script) as server:
        return store(server, *args)


def uids(*numbers: int) -> list[str]:
    return [samples.sop_instance_uid(number) for number in numbers]


# ---------------------------------------------------------------- what is proposed


def proposed(server: Unruly) -> list[set[tuple[str, tuple[str, ...]]]]:
    """Of each association: SOP class and transfer syntaxes of each context."""
    return [
        {
            (str(each.abstract_syntax), tuple(map(str, each.transfer_syntax)))
            for each in it.presentation_context
        }
        for it in server.proposals
    ]


def test_the_contexts_are_those_of_the_files(tmp_path: Path) -> None:
    """PS3.5 10.1: the pairs that are there, and the default for each class not there in lossy form only."""
    for name in (
        "CT_small.dcm",
        "MR_small.dcm",
        "MR_small_bigendian.dcm",
        "JPEG2000.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
    ):
        shutil.copy(samples.real_file(name), tmp_path)
    with Unruly(serves()) as server:
        assert store(server, tmp_path).status == 0
    [contexts] = proposed(server)
    assert contexts == {
        (CT, (EXPLICIT,)),
        (CT, (IMPLICIT,)),
        (MR, (EXPLICIT,)),
        (MR, ("1.2.840.10008.1.2.2",)),
        (MR, (IMPLICIT,)),
        (SC, (JPEG2000,)),
        (SC, ("1.2.840.10008.1.2.4.50",)),
        (SC, (EXPLICIT,)),
        (SC, (IMPLICIT,)),
    }
    assert len(server.stores) == 5


def test_a_lossy_image_is_not_offered_in_another_form_where_it_never_goes_so(tmp_path: Path) -> None:
    shutil.copy(samples.real_file("SC_rgb_jpeg_dcmtk.dcm"), tmp_path)
    with Unruly(serves()) as server:
        assert store(server, "--transcode", "never", tmp_path).status == 0
    assert proposed(server) == [{(SC, ("1.2.840.10008.1.2.4.50",))}]


def test_more_pairs_than_one_association_holds(tmp_path: Path) -> None:
    """PS3.8 9.3.2.2: 128 contexts; every file is sent all the same, each on a context of its own class."""
    original = samples.make_small(tmp_path, 1)[0].read_bytes()
    (tmp_path / "ct000001.dcm").unlink()
    for number in range(150):
        changed = original.replace(CT.encode() + b"\0", f"2.25.{10**19 + number}".encode().ljust(26, b"\0"))
        assert len(changed) == len(original)
        uid = samples.sop_instance_uid(1).encode()
        (tmp_path / f"{number:03}.dcm").write_bytes(changed.replace(uid, uid[:-3] + f"{number:03}".encode()))
    with Unruly(serves()) as server:
        result = store(server, tmp_path)
    assert result.status == 0
    assert [len(contexts) for contexts in proposed(server)] == [128, 128, 44]
    assert len(set(server.uids)) == 150
    assert result.stderr.splitlines()[-1] == "150 stored"


# ---------------------------------------------------------------- what is answered


def test_all_is_well(files: list[Path]) -> None:
    with Unruly(serves()) as server:
        result = store(server, *files)
    assert result.status == 0
    assert result.stdout == "".join(f"{path}\t0000\n" for path in files)
    assert result.stderr == f"{COUNT} stored\n"
    assert server.uids == uids(1, 2, 3, 4, 5)
    assert [stored.data for stored in server.stores] == [samples.dataset_bytes(path) for path in files]
    assert server.pdu_types[-1] == 5, "the association is released"


def test_the_fields_of_a_record(files: list[Path]) -> None:
    """Frozen: scripts read them."""
    records = store_to(serves(), "--format", "json", *files).records
    assert [list(record) for record in records] == [FIELDS] * COUNT
    assert records[0] == {
        "file": str(files[0]),
        "sop_class_uid": CT,
        "sop_instance_uid": samples.sop_instance_uid(1),
        "transfer_syntax_uid": EXPLICIT,
        "status": "0000",
        "attempts": 1,
        "sent_as": EXPLICIT,
        "outcome": "done",
    }


@pytest.mark.parametrize(
    "status", [0xA700, 0xA900, 0xC000, 0xC123, 0x0110, 0x0117, 0x0122, 0x0124, 0xFE00, 0xFF00]
)
def test_one_failure_among_others(files: list[Path], status: int) -> None:
    """PS3.4 B.2.3 and what no table has: the file is named, the others are sent, the status is not 0."""
    with Unruly(serves(answers(status), at=3)) as server:
        result = store(server, "--format", "json", *files)
    assert result.status == 1
    assert [record["status"] for record in result.records] == ["0000"] * 2 + [f"{status:04X}"] + ["0000"] * 2
    failed = result.records[2]
    assert list(failed) == [*FIELDS, "error"]
    assert (failed["outcome"], failed["error"]["code"]) == ("failed", "peer-failure")
    assert f"dcmtools store: {files[2]}: status {status:04X}, " in result.stderr
    assert result.stderr.splitlines()[-1] == "4 stored, 1 failed"
    assert server.uids == uids(1, 2, 3, 4, 5), "all on one association, none twice"
    assert len(server.proposals) == 1


@pytest.mark.parametrize("status", [0xA700, 0x0122, 0xFE00, 0x7777])
def test_every_file_refused(files: list[Path], status: int) -> None:
    result = store_to(serves(answers(status), at=None), *files)
    assert result.status == 5
    assert result.stderr.splitlines()[-1] == f"0 stored, {COUNT} failed"


def test_the_comment_of_the_peer(files: list[Path]) -> None:
    """PS3.7 C.5: Error Comment."""
    result = store_to(serves(answers(0xA700, "quota exceeded"), at=1), files[0])
    assert "the peer says 'quota exceeded'" in result.stderr


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007])
def test_a_warning_is_no_failure_and_is_told(files: list[Path], status: int) -> None:
    """PS3.4 Table B.2-1: stored, with coercion, elements discarded, or a data set of another class."""
    with Unruly(serves(answers(status), at=2)) as server:
        result = store(server, "--format", "json", *files)
    assert result.status == 0
    warned = result.records[1]
    assert list(warned) == [*FIELDS, "note"]
    assert (warned["status"], warned["outcome"]) == (f"{status:04X}", "warning")
    assert f"dcmtools store: {files[1]}: warning: status {status:04X}, " in result.stderr
    assert result.stderr.splitlines()[-1] == "5 stored, 1 of them with warnings"


def without_status(association: Association, request: Request) -> None:
    _send_response(association, request, {})


def for_another_message(association: Association, request: Request) -> None:
    _send_response(association, request, {"Status": 0, "MessageIDBeingRespondedTo": 4711})


def of_another_kind(association: Association, request: Request) -> None:
    _send_response(association, request, {"Status": 0, "CommandField": 0x8030})


def for_another_instance(association: Association, request: Request) -> None:
    _send_response(association, request, {"Status": 0, "AffectedSOPInstanceUID": "1.2.3"})


def for_another_class(association: Association, request: Request) -> None:
    _send_response(association, request, {"Status": 0, "AffectedSOPClassUID": "1.2.3"})


def _send_response(association: Association, request: Request, fields: dimse.Command) -> None:
    command: dimse.Command = {
        "CommandField": 0x8001,
        "MessageIDBeingRespondedTo": int(request.message.command_set.MessageID),
        "CommandDataSetType": 0x0101,
        **fields,
    }
    association.send(data_pdu((request.message.context_id or 0, 3, command_set.encode(command))))


@pytest.mark.parametrize(
    ("strike", "words", "associations"),
    [
        (without_status, "receive: the peer sent a response without a status", 2),
        (for_another_message, "receive: the peer sent a message that does not answer the request in hand", 2),
        (of_another_kind, "receive: the peer sent a message that does not answer the request in hand", 2),
        (for_another_instance, "the peer answered for another SOPInstanceUID, '1.2.3'", 1),
        (for_another_class, "the peer answered for another SOPClassUID, '1.2.3'", 1),
    ],
)
def test_only_an_acknowledgement_of_this_file_counts(
    files: list[Path], strike: Callable[[Association, Request], None], words: str, associations: int
) -> None:
    """PS3.7 9.3.1.2: Message ID, status, and the instance of the request; else nothing was acknowledged."""
    with Unruly(serves(Fault(strike), at=3)) as server:
        result = store(server, "--format", "json", *files)
        assert len(server.proposals) == associations
    assert result.status == 1
    assert [record["outcome"] for record in result.records] == ["done"] * 2 + ["unknown"] + ["done"] * 2
    unknown = result.records[2]
    assert words in unknown["error"]["message"]
    assert (unknown["error"]["hint"], unknown["status"], unknown["attempts"]) == (MAY_BE_STORED, None, 1)
    assert f"dcmtools store: {files[2]}: outcome unknown: " in result.stderr


def answers_twice(association: Association, request: Request) -> None:
    association.send(2 * answer_to(request))


def test_an_answer_too_many_acknowledges_nothing(files: list[Path]) -> None:
    """The second answer to one file must not stand for the next, of which nothing is sent."""
    with Unruly(serves(Fault(answers_twice), at=2)) as server:
        result = store(server, "--format", "json", *files)
    assert result.status == 1
    outcomes = [record["outcome"] for record in result.records]
    assert outcomes == ["done", "done", "failed", "done", "done"]
    assert server.uids == uids(1, 2, 4, 5)


def answer_with_data_set(association: Association, request: Request) -> None:
    _send_response(association, request, {"Status": 0, "CommandDataSetType": 1})
    association.send(data_pdu((request.message.context_id or 0, 2, bytes(100))))


def test_a_data_set_behind_an_answer_is_passed_over(files: list[Path]) -> None:
    result = store_to(serves(Fault(answer_with_data_set), at=None), *files)
    assert result.status == 0


def early_answer(association: Association, request: Request) -> None:
    association.send(answer_to(request, 0xA700))


def test_an_answer_before_the_end_of_the_data_set(tmp_path: Path) -> None:
    """A peer may refuse early; the rest is sent and the answer is that of the file."""

    def script(association: Association) -> None:
        association.accept()
        for moment, request in association.requests():
            if moment is Moment.BEFORE:
                early_answer(association, request)

    result = store_to(script, *samples.make_ct(tmp_path, 2, 300_000))
    assert result.status == 5
    assert result.stderr.count("status A700") == 2


# ---------------------------------------------------------------- contexts that are refused


def accepts(wanted: dict[str, int]) -> Script:
    """Accept contexts by SOP class: class UID to result."""

    def item(kind: int, value: bytes) -> bytes:
        return struct.pack(">BxH", kind, len(value)) + value

    def script(association: Association) -> None:
        request = association.propose()
        titles = request.called_ae_title.encode().ljust(16) + request.calling_ae_title.encode().ljust(16)
        answer = struct.pack(">Hxx", 1) + titles + bytes(32) + item(0x10, b"1.2.840.10008.3.1.1.1")
        for context in request.presentation_context:
            result = wanted[str(context.abstract_syntax)]
            head = bytes((context.presentation_context_id or 0, 0, result, 0))
            answer += item(0x21, head + item(0x40, str(context.transfer_syntax[0]).encode()))
        answer += item(0x50, item(0x51, struct.pack(">I", 16384)))
        association.send(struct.pack(">BxI", 2, len(answer)) + answer)
        for moment, store_request in association.requests():
            if moment is Moment.AFTER:
                association.send(answer_to(store_request))

    return script


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (1, "rejected by its user"),
        (2, "no reason given"),
        (3, "it does not support this SOP class"),
        (4, "no transfer syntax that it takes"),
    ],
)
def test_a_class_that_is_not_accepted(tmp_path: Path, answer: int, words: str) -> None:
    """PS3.8 9.3.3.2: decided before anything is sent; the other classes go on."""
    for path in (samples.ct(), samples.mr()):
        shutil.copy(path, tmp_path)
    with Unruly(accepts({MR: 0, CT: answer})) as server:
        result = store(server, "--format", "json", tmp_path)
    assert result.status == 1
    failed, stored = result.records
    assert (failed["sop_class_uid"], failed["status"], failed["outcome"]) == (CT, None, "failed")
    message = failed["error"]["message"]
    syntaxes = "ExplicitVRLittleEndian or ImplicitVRLittleEndian"
    assert message == f"the peer accepts no CTImageStorage in {syntaxes}: {words}"
    assert (stored["sop_class_uid"], stored["outcome"]) == (MR, "done")
    assert len(server.stores) == 1


NATIVE = "ExplicitVRLittleEndian or ImplicitVRLittleEndian"


@pytest.mark.parametrize(
    ("name", "options", "syntaxes"),
    [
        ("CT_small.dcm", (), NATIVE),
        ("CT_small.dcm", ("--transcode", "never"), "ExplicitVRLittleEndian"),
        ("rtplan.dcm", (), "ImplicitVRLittleEndian or ExplicitVRLittleEndian"),
        ("MR_small_bigendian.dcm", (), f"ExplicitVRBigEndian, {NATIVE}"),
        ("JPEG2000.dcm", (), f"JPEG2000, {NATIVE}"),
        ("JPEG2000.dcm", ("--transcode", "any"), f"JPEG2000, {NATIVE}"),
        ("JPEG2000.dcm", ("--transcode", "never"), "JPEG2000"),
        ("image_dfl.dcm", (), f"DeflatedExplicitVRLittleEndian, {NATIVE}"),
        ("image_dfl.dcm", ("--set", "PatientID=X"), NATIVE),
    ],
)
def test_the_syntaxes_that_were_not_accepted(name: str, options: tuple[str, ...], syntaxes: str) -> None:
    """Each once: that of the file, and those that it may go in."""
    result = store_to(accepts_nothing, "--format", "json", *options, samples.real_file(name))
    assert result.status == 5
    [record] = result.records
    _, _, told = record["error"]["message"].partition(" in ")
    assert told == f"{syntaxes}: it does not support this SOP class"


def test_what_our_own_options_forbid_is_no_answer_of_the_peer() -> None:
    options = ("--set", "PatientID=X", "--transcode", "never")
    with Unruly(serves()) as server:
        result = store(server, *options, samples.real_file("image_dfl.dcm"))
        assert server.stores == []
    assert result.status == 3
    assert "--set puts what is deflated in another transfer syntax, and --transcode never" in result.stderr


def test_nothing_is_accepted(files: list[Path]) -> None:
    with Unruly(accepts_nothing) as server:
        result = store(server, *files)
    assert result.status == 5
    assert result.stderr.count("the peer accepts no CTImageStorage") == COUNT
    assert server.stores == []
    assert server.pdu_types == [1, 5]


# ---------------------------------------------------------------- no association


def test_nobody_listens(files: list[Path]) -> None:
    with closed_port() as port:
        result = run("store", f"PEER@127.0.0.1:{port}", *SHORT, "--format", "json", *files)
    assert result.status == 4
    assert [record["file"] for record in result.records] == list(map(str, files))
    assert {record["outcome"] for record in result.records} == {"failed"}
    line = f"PEER@127.0.0.1:{port}: connect: Connection refused\n"
    assert [record["error"]["message"] for record in result.records] == [line.rstrip()] * COUNT
    assert result.stderr.count(f"dcm: {line}") == 3
    assert f"dcmtools store: and {COUNT - 3} more: {line}" in result.stderr
    assert result.stderr.count("hint: ") == 1
    assert result.stderr.splitlines()[-1] == f"0 stored, {COUNT} failed"


def test_a_rejection_reads_well(files: list[Path]) -> None:
    with Unruly(rejects()) as server:
        result = store(server, files[0])
    assert result.status == 4
    assert result.stderr.splitlines()[0] == (
        f"dcmtools store: {files[0]}: PEER@127.0.0.1:{server.port}: associate: rejected (permanent): "
        "called AE title not recognized (service user); called 'PEER', calling 'DCMTOOLS'"
    )


def test_a_rejected_association_is_not_asked_for_again(files: list[Path]) -> None:
    with Unruly(rejects(2, 3, 2)) as server:
        result = store(server, "--format", "json", *files)
    assert result.status == 4
    assert len(server.proposals) == 1
    assert all(record["error"]["transient"] for record in result.records)


def test_the_ae_titles(files: list[Path]) -> None:
    with Unruly(serves()) as server:
        assert store(server, "-aet", "ME", "-aec", "YOU", files[0]).status == 0
    [proposal] = server.proposals
    assert (proposal.calling_ae_title.strip(), proposal.called_ae_title.strip()) == ("ME", "YOU")


def answers_what_is_to_come(association: Association, request: Request) -> None:
    asked = request.message.command_set
    asked.AffectedSOPInstanceUID = None  # optional in a response (PS3.7 9.3.1.2)
    answers = []
    for number in range(1, COUNT + 1):
        asked.MessageID = number
        answers.append(answer_to(request))
    association.send(b"".join(answers))


def test_an_answer_from_before_its_request_acknowledges_nothing(files: list[Path]) -> None:
    """PS3.7 9.1.1: a response follows its request; Message IDs are easily guessed."""
    with Unruly(serves(Fault(answers_what_is_to_come))) as server:
        result = store(server, "--format", "json", *files)
    assert result.status == 1
    assert "a message that nothing had asked for" in result.stderr
    outcomes = [record["outcome"] for record in result.records]
    assert outcomes == ["done", "failed", "done", "done", "done"]
    assert server.uids == uids(1, 3, 4, 5)


def test_a_peer_that_never_stops_sending_is_left_at_the_deadline(files: list[Path]) -> None:
    def floods(association: Association, request: Request) -> None:
        empty = data_pdu((request.message.context_id or 0, 1, b"")) * 1000
        while True:
            association.send(empty)

    result = store_to(serves(Fault(floods)), files[0])
    assert result.status == 4
    assert "no answer from the peer in time" in result.stderr
