"""``dcmtools get`` and an archive on this machine that answers as a script says (PS3.4 C.4.3)."""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from dcmtools.archive import storage as archive_storage
from dcmtools.encoding.dataset import made, text, values
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.status import CANCELED, PENDING, SUBOPERATIONS_FAILED, SUCCESS
from tests.support.hostile_qr import (
    INSTANCES,
    SERIES,
    STUDY,
    answers,
    closes,
    counting,
    failed_list,
    first,
    gets,
    hostile,
    match,
    matches,
    storing,
)
from tests.support.run import run
from tests.support.served import CT, EXPLICIT, IMPLICIT, WITHIN, data_set

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dcmtools.encoding.dataset import DataSet
    from tests.support.hostile_qr import Asked, Script
    from tests.support.run import Run

MR = "1.2.840.10008.5.1.4.1.1.4"
KEYS = ("QueryRetrieveLevel", "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
STUDY_FIND, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 3))
FULL, DUPLICATE, NO_SUCH_OPERATION = 0xA700, 0x0111, 0x0211
ALL_SENT = counting((SUCCESS, None, 2, 0, 0))


class Noting:
    """Notes what is asked of the archive and on which association, then does as ``script`` says."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[dict[str, str]] = []
        self.messages: list[Asked] = []

    def __call__(self, asked: Asked) -> None:
        self.asked.append({key: value for key in KEYS if (value := text(asked.keys, key))})
        self.messages.append(asked)
        self.script(asked)

    @property
    def contexts(self) -> dict[str, list[tuple[str, ...]]]:
        """Of the association that was asked last: the transfer syntaxes of each context, by SOP class."""
        proposed: dict[str, list[tuple[str, ...]]] = {}
        for context in self.messages[-1].session.association.request.contexts:
            proposed.setdefault(context.abstract_syntax, []).append(context.transfer_syntaxes)
        return proposed

    @property
    def storage(self) -> set[str]:
        return self.contexts.keys() - {STUDY_FIND, STUDY_GET}


def fetched(port: int, folder: Path, *args: object, study: str | None = STUDY, stdin: bytes = b"") -> Run:
    named = ("--study", study) if study else ()
    peer = f"PEER@127.0.0.1:{port}"
    return run("get", peer, "-o", folder, "--fsync", "off", "--format", "json", *named, *args, stdin=stdin)


def instances(result: Run, outcome: str = "done") -> list[dict[str, Any]]:
    found = [each for each in result.records if each["outcome"] == outcome]
    return [each for each in found if each.get("file") or each.get("sop_instance_uid")]


def requests(result: Run) -> list[dict[str, Any]]:
    return [each for each in result.records if "completed" in each]


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.dcm"))


def lists(*found: DataSet) -> Script:
    """Answer a C-FIND with these, whatever was asked."""

    def script(asked: Asked) -> None:
        for each in found:
            asked.respond(PENDING, each)
        asked.respond()

    return script


def knows(level: str, **more: str) -> DataSet:
    return made(QueryRetrieveLevel=level, **more)


def without_classes(asked: Asked) -> None:
    """Answer a C-FIND as peers do that have no SOP Classes in Study."""
    for each in matches(asked):
        each.pop(0x00080062, None)
        asked.respond(PENDING, each)
    asked.respond()


# ---------------------------------------------------------------- the main path


def test_what_comes_is_kept_byte_for_byte_and_told(tmp_path: Path) -> None:
    get = Noting(gets)
    with hostile(get=get) as port:
        result = fetched(port, tmp_path)
    assert result.status == 0, result.stderr
    assert "2 instances fetched" in result.stderr
    for uid in INSTANCES:
        path = tmp_path / "P1" / STUDY / SERIES / f"{uid}.dcm"
        assert path.read_bytes().endswith(data_set(uid, study=STUDY, series=SERIES))
        assert b"PEER" in path.read_bytes()[:400]  # (0002,0016) is the sender, who is the called one here
    assert [each["file"] for each in instances(result)] == [
        str(tmp_path / "P1" / STUDY / SERIES / f"{uid}.dcm") for uid in INSTANCES
    ]
    assert (
        instances(result)[0].items()
        >= {
            "sop_class_uid": CT,
            "sop_instance_uid": INSTANCES[0],
            "study_instance_uid": STUDY,
            "series_instance_uid": SERIES,
            "transfer_syntax_uid": EXPLICIT,
            "kept": "new",
            "status": "0000",
        }.items()
    )
    [told] = requests(result)
    assert (
        told.items()
        >= {
            "peer": f"PEER@127.0.0.1:{port}",
            "level": "STUDY",
            "study_instance_uid": STUDY,
            "status": "0000",
            "completed": 2,
            "failed": 0,
            "received": 2,
            "failed_sop_instance_uids": [],
        }.items()
    )
    assert get.asked == [{"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": STUDY}]


def test_rows_are_files(tmp_path: Path) -> None:
    with hostile() as port:
        result = run("get", f"127.0.0.1:{port}", "-o", tmp_path, "--study", STUDY)
    assert [line.split("\t") for line in result.stdout.splitlines()] == [
        [str(tmp_path / "P1" / STUDY / SERIES / f"{uid}.dcm"), "0000"] for uid in INSTANCES
    ]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("--series", SERIES), [{"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": SERIES}]),
        (
            ("--series", SERIES, "--instance", INSTANCES[0], "--instance", INSTANCES[1]),
            [
                {
                    "QueryRetrieveLevel": "IMAGE",
                    "SeriesInstanceUID": SERIES,
                    "SOPInstanceUID": "\\".join(INSTANCES),
                }
            ],
        ),
    ],
)
def test_parts_of_a_study(tmp_path: Path, args: tuple[str, ...], expected: list[dict[str, str]]) -> None:
    get = Noting(gets)
    with hostile(get=get) as port:
        assert fetched(port, tmp_path, *args).status == 0
    assert get.asked == [{**each, "StudyInstanceUID": STUDY} for each in expected]


def test_what_find_prints_is_fetched(tmp_path: Path) -> None:
    get = Noting(gets)
    with hostile(get=get) as port:
        found = run("find", f"127.0.0.1:{port}", "--format", "json")
        result = fetched(port, tmp_path, "-", study=None, stdin=found.stdout.encode())
    assert result.status == 0
    assert get.asked == [{"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": STUDY}]


def test_by_accession_number(tmp_path: Path) -> None:
    get, find = Noting(gets), Noting(lists(match("STUDY", AccessionNumber="4711")))
    with hostile(get=get, find=find) as port:
        assert fetched(port, tmp_path, "--accession", "4711", study=None).status == 0
    assert text(find.messages[0].keys, "AccessionNumber") == "4711"
    assert get.asked == [{"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": STUDY}]


def test_a_dry_run_makes_nothing(tmp_path: Path) -> None:
    result = fetched(1, tmp_path / "new", "--dry-run")
    assert result.status == 0
    assert [each["study_instance_uid"] for each in result.records] == [STUDY]
    assert not (tmp_path / "new").exists()
    assert (
        run("get", "127.0.0.1:1", "-o", tmp_path, "--study", STUDY, "--dry-run").stdout == f"study {STUDY}\n"
    )


# ---------------------------------------------------------------- what is proposed


def test_the_contexts_are_for_the_classes_in_the_study(tmp_path: Path) -> None:
    """Each transfer syntax has a context of its own, so that the peer can send what it has as it is."""
    get, find = Noting(gets), Noting(lists(match("STUDY", SOPClassesInStudy=f"{CT}\\{MR}")))
    with hostile(get=get, find=find) as port:
        assert fetched(port, tmp_path).status == 0
    assert get.storage == {CT, MR}
    assert get.contexts[CT] == get.contexts[MR]
    assert get.contexts[CT][:2] == [(EXPLICIT,), (IMPLICIT,)]
    assert len(get.contexts[CT]) > 20
    assert all(len(each) == 1 for each in get.contexts[CT])
    roles = get.messages[0].session.association.request.user_information.roles
    assert {(role.sop_class_uid, role.scu, role.scp) for role in roles} == {(CT, 0, 1), (MR, 0, 1)}
    assert values(find.messages[0].keys, "SOPClassesInStudy") == []
    assert find.asked == [{"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": STUDY}]


def test_else_for_the_classes_of_all_instances(tmp_path: Path) -> None:
    get, find = Noting(gets), Noting(without_classes)
    with hostile(get=get, find=find) as port:
        assert fetched(port, tmp_path).status == 0
    assert get.storage == {CT}
    assert [each["QueryRetrieveLevel"] for each in find.asked] == ["STUDY", "SERIES", "IMAGE"]


def never_says(asked: Asked) -> None:
    """Answer a C-FIND without any SOP class, as DCMTK's archive does."""
    for each in matches(asked):
        each.pop(0x00080062, None)
        each.pop(0x00080016, None)
        asked.respond(PENDING, each)
    asked.respond()


def says_of_one(asked: Asked) -> None:
    """Answer a C-FIND with the SOP class of the first instance only."""
    for each in matches(asked):
        each.pop(0x00080062, None)
        if text(each, "SOPInstanceUID") == INSTANCES[1]:
            each.pop(0x00080016)
        asked.respond(PENDING, each)
    asked.respond()


@pytest.mark.parametrize("script", [answers(0xA700), answers(SUCCESS), closes, never_says, says_of_one])
def test_else_for_common_ones(tmp_path: Path, script: Script) -> None:
    """A peer that fails, finds nothing or leaves when it is asked is asked to send all the same."""
    get = Noting(gets)
    with hostile(get=get, find=script) as port:
        assert fetched(port, tmp_path).status == 0
    assert {CT, MR} < get.storage
    assert len(get.storage) == 63
    assert sum(map(len, get.contexts.values())) <= 128


def test_the_classes_that_are_named(tmp_path: Path) -> None:
    get, find = Noting(gets), Noting(lists())
    with hostile(get=get, find=find) as port:
        classes = ("--sop-class", "CTImage", "--sop-class", "MRImageStorage", "--sop-class", "1.2.3")
        assert fetched(port, tmp_path, *classes).status == 0
    assert get.storage == {CT, MR, "1.2.3"}
    assert find.asked == []


def test_the_transfer_syntaxes_that_are_named(tmp_path: Path) -> None:
    get = Noting(gets)
    with hostile(get=get) as port:
        syntaxes = ("--transfer-syntax", "JPEG2000Lossless", "--transfer-syntax", "explicit")
        assert fetched(port, tmp_path, *syntaxes).status == 0
    assert get.contexts[CT] == [("1.2.840.10008.1.2.4.90",), (EXPLICIT,)]


def test_studies_of_other_classes_have_an_association_of_their_own(tmp_path: Path) -> None:
    """One that has all contexts is used again; one for another class has those before, too."""
    classes = {"1.1": CT, "1.2": CT, "1.3": MR, "1.4": CT}

    def find(asked: Asked) -> None:
        study = text(asked.keys, "StudyInstanceUID")
        asked.respond(PENDING, knows("STUDY", StudyInstanceUID=study, SOPClassesInStudy=classes[study]))
        asked.respond()

    def send(asked: Asked) -> None:
        study = text(asked.keys, "StudyInstanceUID")
        uid, sop_class = f"{study}.1", classes[study]
        data = data_set(uid, study=study, series=f"{study}.0", sop_class=sop_class)
        assert asked.store(uid, data, sop_class) == SUCCESS
        asked.counts(SUCCESS, None, 1, 0, 0)

    get = Noting(send)
    with hostile(get=get, find=find) as port:
        studies = [word for study in classes for word in ("--study", study)]
        assert fetched(port, tmp_path, *studies, study=None).status == 0
    sessions = [each.session.number for each in get.messages]
    assert sessions[0] == sessions[1] < sessions[2] == sessions[3]
    assert get.storage == {CT, MR}
    assert kept(tmp_path) == ["1.1.1.dcm", "1.2.1.dcm", "1.3.1.dcm", "1.4.1.dcm"]


def test_relational_retrieval_is_negotiated(tmp_path: Path) -> None:
    get = Noting(gets)
    with hostile(get=get) as port:
        result = fetched(port, tmp_path, "--series", SERIES, "--relational", study=None)
    extended = get.messages[0].session.association.request.user_information.extended
    assert set(extended) == {(STUDY_GET, b"\1"), (STUDY_FIND, b"\1")}
    assert "does not agree to relational retrieval" in result.stderr
    assert get.asked == [{"QueryRetrieveLevel": "SERIES", "SeriesInstanceUID": SERIES}]


# ---------------------------------------------------------------- what the peer answers


def test_some_have_failed(tmp_path: Path) -> None:
    ends = first(counting((PENDING, 1, 1, 0, 0)), told_failed(INSTANCES[1]))
    with hostile(get=storing((INSTANCES[0], None), final=ends)) as port:
        result = fetched(port, tmp_path)
    assert result.status == 1
    assert f"1 of 2 failed: {INSTANCES[1]}" in result.stderr
    [told] = requests(result)
    assert told["failed_sop_instance_uids"] == [INSTANCES[1]]
    assert (told["completed"], told["failed"], told["status"]) == (1, 1, "B000")
    assert kept(tmp_path) == [f"{INSTANCES[0]}.dcm"]


def told_failed(*uids: str) -> Script:
    return lambda asked: asked.counts(SUBOPERATIONS_FAILED, None, 1, len(uids), 0, data=failed_list(*uids))


@pytest.mark.parametrize("status", [0xA701, 0xA702, 0xA900, 0xC001, 0x0122])
def test_a_failure_of_the_peer(tmp_path: Path, status: int) -> None:
    with hostile(get=answers(status, ErrorComment="no luck")) as port:
        result = fetched(port, tmp_path)
    assert result.status == 5
    assert f"status {status:04X}" in result.stderr
    assert "no luck" in result.stderr


def failing_late(asked: Asked) -> None:
    storing((INSTANCES[0], None), final=answers(0xA702))(asked)


def test_a_failure_after_instances_have_come(tmp_path: Path) -> None:
    """It is the final status that says what became of the request; what has come stays."""
    with hostile(get=failing_late) as port:
        result = fetched(port, tmp_path)
        assert (result.status, kept(tmp_path)) == (5, [f"{INSTANCES[0]}.dcm"])
        assert len(instances(result)) == 1
        verified = fetched(port, tmp_path / "verified", "--verify")
    assert verified.status == 5
    [missing] = instances(verified, "failed")
    assert (missing["sop_instance_uid"], missing["error"]["code"]) == (INSTANCES[1], "peer-failure")


def test_one_failure_among_several_requests(tmp_path: Path) -> None:
    def script(asked: Asked) -> None:
        (gets if text(asked.keys, "StudyInstanceUID") == STUDY else failing_late)(asked)

    with hostile(get=script) as port:
        assert fetched(port, tmp_path, "--study", "1.9").status == 1


def test_a_peer_that_ends_by_itself_has_not_sent_all(tmp_path: Path) -> None:
    ends = counting((CANCELED, 1, 1, 0, 0))
    with hostile(get=storing((INSTANCES[0], None), final=ends)) as port:
        result = fetched(port, tmp_path)
    assert result.status == 1
    assert "the peer has ended by itself (status FE00): 1 completed, 1 remaining" in result.stderr


def test_nothing_matches(tmp_path: Path) -> None:
    with hostile(get=counting((SUCCESS, None, 0, 0, 0))) as port:
        result = fetched(port, tmp_path)
    assert result.status == 1
    assert "the peer has nothing that matches" in result.stderr


def test_less_has_come_than_the_peer_counts(tmp_path: Path) -> None:
    with hostile(get=storing((INSTANCES[0], None), final=ALL_SENT)) as port:
        result = fetched(port, tmp_path)
    assert result.status == 1
    assert "the peer has sent 2, and of what was asked for 1 have come" in result.stderr


def test_a_peer_that_counts_nothing_is_taken_at_its_word(tmp_path: Path) -> None:
    with hostile(get=storing((INSTANCES[0], None), final=answers(SUCCESS))) as port:
        assert fetched(port, tmp_path).status == 0
    with hostile(get=storing((INSTANCES[1], None), final=counting((SUCCESS, None, 0, 0, 0)))) as port:
        result = fetched(port, tmp_path)
    assert result.status == 0
    assert "the peer counts none, and 1 have come" in result.stderr


def test_an_instance_of_another_study_is_remarked_on_and_does_not_count(tmp_path: Path) -> None:
    stray = data_set("1.9.9.1", study="1.9", series="1.9.9")
    with hostile(get=storing((INSTANCES[0], None), ("1.9.9.1", stray), final=ALL_SENT)) as port:
        result = fetched(port, tmp_path)
    assert result.status == 1
    [odd] = instances(result, "warning")
    assert "study 1.9, which was not asked for" in odd["note"]
    assert "the peer has sent 2, and of what was asked for 1 have come" in result.stderr


def test_in_place_of_one_that_was_asked_for_it_is_a_failure_whatever_the_peer_counts(tmp_path: Path) -> None:
    stray = data_set("1.9.9.1", study="1.9", series="1.9.9")
    with hostile(get=storing((INSTANCES[0], None), ("1.9.9.1", stray), final=answers(SUCCESS))) as port:
        result = fetched(port, tmp_path)
    assert result.status == 1
    assert "the peer has sent 2, and of what was asked for 1 have come" in result.stderr


def test_an_instance_that_comes_twice_counts_once(tmp_path: Path) -> None:
    with hostile(get=storing((INSTANCES[0], None), (INSTANCES[0], None), final=ALL_SENT)) as port:
        result = fetched(port, tmp_path)
    assert result.status == 1
    assert "the peer has sent 2, and of what was asked for 1 have come" in result.stderr


def test_other_requests_in_between_do_no_harm(tmp_path: Path) -> None:
    statuses = []

    def script(asked: Asked) -> None:
        context, association = asked.message.context, asked.session.association
        echo: dimse.Command = {
            "CommandField": int(CommandField.C_ECHO_RQ),
            "MessageID": 99,
            "CommandDataSetType": dimse.NO_DATA_SET,
        }
        association.send(context, dimse.cancel(7))
        association.send(context, echo)
        answer = association.receive(WITHIN)
        assert answer is not None
        statuses.append(dimse.number(answer.command, "Status"))
        gets(asked)

    with hostile(get=script) as port:
        assert fetched(port, tmp_path).status == 0
    assert statuses == [NO_SUCH_OPERATION]


def test_a_lost_association_costs_its_retrieval_alone(tmp_path: Path) -> None:
    """What has come before stays; the next study goes over a new association."""

    def script(asked: Asked) -> None:
        study = text(asked.keys, "StudyInstanceUID")
        if study == "1.1":
            asked.store(f"{study}.1", data_set(f"{study}.1", study=study))
            closes(asked)
            return
        asked.store(f"{study}.1", data_set(f"{study}.1", study=study))
        asked.counts(SUCCESS, None, 1, 0, 0)

    with hostile(get=script) as port:
        result = fetched(port, tmp_path, "--study", "1.1", "--study", "1.2", study=None)
    assert result.status == 1
    assert kept(tmp_path) == ["1.1.1.dcm", "1.2.1.dcm"]
    assert [each["sop_instance_uid"] for each in instances(result)] == ["1.1.1", "1.2.1"]
    assert [(each["study_instance_uid"], each["outcome"]) for each in requests(result)] == [
        ("1.1", "failed"),
        ("1.2", "done"),
    ]
    assert requests(result)[0]["received"] == 1
    assert "--skip-existing" in result.stderr


def test_a_peer_that_always_leaves_is_given_up(tmp_path: Path) -> None:
    get = Noting(closes)
    studies = [word for number in range(9) for word in ("--study", f"1.{number}")]
    with hostile(get=get) as port:
        result = fetched(port, tmp_path, *studies, study=None)
    assert result.status == 4
    assert len(get.asked) == 3
    assert len([each for each in result.records if each["outcome"] == "failed"]) == 9


def test_one_that_leaves_now_and_then_is_not(tmp_path: Path) -> None:
    def script(asked: Asked) -> None:
        study = text(asked.keys, "StudyInstanceUID")
        if int(study[-1]) % 2:
            closes(asked)
            return
        asked.store(f"{study}.1", data_set(f"{study}.1", study=study))
        asked.counts(SUCCESS, None, 1, 0, 0)

    studies = [word for number in range(1, 9) for word in ("--study", f"1.{number}")]
    with hostile(get=script) as port:
        result = fetched(port, tmp_path, *studies, study=None)
    assert result.status == 1
    assert kept(tmp_path) == [f"1.{number}.1.dcm" for number in (2, 4, 6, 8)]


def test_no_association_at_all(tmp_path: Path) -> None:
    result = fetched(1, tmp_path, "--study", "1.2.9")
    assert result.status == 4
    assert len(result.records) == 2
    assert kept(tmp_path) == []


# ---------------------------------------------------------------- what becomes of instances


def test_a_full_disk_fails_instances_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

        def writev(self, _fd: int, _data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive_storage, "os", Full())
    statuses: list[int] = []

    def script(asked: Asked) -> None:
        statuses.extend(asked.store(uid) for uid in INSTANCES)
        asked.counts(SUBOPERATIONS_FAILED, None, 0, 2, 0, data=failed_list(*INSTANCES))

    with hostile(get=script) as port:
        result = fetched(port, tmp_path)
    assert result.status == 1
    assert statuses == [FULL, FULL]
    assert [each["status"] for each in instances(result, "failed")] == ["A700", "A700"]
    assert "No space left on device" in result.stderr
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["lock"]


@pytest.mark.parametrize(("how", "status"), [("reject", 1), ("replace", 0), ("keep", 0)])
def test_other_data_under_the_same_uid(tmp_path: Path, how: str, status: int) -> None:
    with hostile() as port:
        assert fetched(port, tmp_path).status == 0
    changed = data_set(INSTANCES[0], study=STUDY, series=SERIES, name="Roe^Jane")
    with hostile(get=storing((INSTANCES[0], changed), final=answers(SUCCESS))) as port:
        result = fetched(port, tmp_path, "--on-duplicate", how)
    assert result.status == status, result.stderr
    [path] = tmp_path.rglob(f"{INSTANCES[0]}.dcm")
    assert (b"Roe^Jane" in path.read_bytes()) is (how == "replace")
    assert len(kept(tmp_path)) == (3 if how == "keep" else 2)
    if how == "reject":
        assert "--on-duplicate" in result.stderr


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    with hostile() as port:
        assert fetched(port, tmp_path).status == 0
        result = fetched(port, tmp_path)
    assert result.status == 0
    assert [each["kept"] for each in instances(result)] == ["same", "same"]


# ---------------------------------------------------------------- only what is missing


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    get = Noting(gets)
    with hostile(get=get) as port:
        assert fetched(port, tmp_path).status == 0
        result = fetched(port, tmp_path, "--skip-existing")
    assert result.status == 0
    assert len(get.asked) == 1
    assert len(instances(result, "skipped")) == 2


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize("harm", [os.unlink, damage])
def test_what_is_missing_or_not_whole_is_fetched_by_its_uid(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    get = Noting(gets)
    with hostile(get=get) as port:
        assert fetched(port, tmp_path).status == 0
        [path] = tmp_path.rglob(f"{INSTANCES[1]}.dcm")
        whole = path.read_bytes()
        harm(path)
        get.script = storing((INSTANCES[1], None), final=counting((SUCCESS, None, 1, 0, 0)))
        result = fetched(port, tmp_path, "--skip-existing", "--on-duplicate", "replace")
    assert result.status == 0, result.stderr
    assert get.asked[1] == {
        "QueryRetrieveLevel": "IMAGE",
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SERIES,
        "SOPInstanceUID": INSTANCES[1],
    }
    assert path.read_bytes() == whole


def test_a_series_that_is_missing_is_fetched_as_one(tmp_path: Path) -> None:
    others = ("1.2.3.2.1", "1.2.3.2.2")
    series = {SERIES: INSTANCES, "1.2.3.2": others}

    def find(asked: Asked) -> None:
        if text(asked.keys, "QueryRetrieveLevel") == "SERIES":
            lists(*(knows("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID=uid) for uid in series))(asked)
            return
        uid = text(asked.keys, "SeriesInstanceUID")
        found = [
            knows("IMAGE", StudyInstanceUID=STUDY, SeriesInstanceUID=uid, SOPInstanceUID=each, SOPClassUID=CT)
            for each in series[uid]
        ]
        lists(*found)(asked)

    stores = [(uid, data_set(uid, study=STUDY, series="1.2.3.2")) for uid in others]
    get = Noting(storing(*stores, final=ALL_SENT))
    with hostile() as port:
        assert fetched(port, tmp_path).status == 0
    with hostile(get=get, find=find) as port:
        assert fetched(port, tmp_path, "--skip-existing", "--verify").status == 0
    assert get.asked == [
        {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": STUDY, "SeriesInstanceUID": "1.2.3.2"}
    ]
    assert len(kept(tmp_path)) == 4


def test_a_peer_that_cannot_list_fails_what_needs_a_list(tmp_path: Path) -> None:
    get = Noting(gets)
    with hostile(get=get, find=answers(0xA700)) as port:
        result = fetched(port, tmp_path, "--skip-existing")
    assert result.status == 5
    assert get.asked == []


# ---------------------------------------------------------------- verification


def test_all_that_the_peer_lists_has_come(tmp_path: Path) -> None:
    with hostile() as port:
        result = fetched(port, tmp_path, "--verify")
    assert result.status == 0
    assert len(instances(result)) == 2


def test_an_instance_that_the_peer_lists_and_does_not_send(tmp_path: Path) -> None:
    one = storing((INSTANCES[0], None), final=counting((SUCCESS, None, 1, 0, 0)))
    with hostile(get=one) as port:
        assert fetched(port, tmp_path / "unseen").status == 0
        result = fetched(port, tmp_path / "seen", "--verify")
    assert result.status == 1
    [missing] = instances(result, "failed")
    assert missing["sop_instance_uid"] == INSTANCES[1]
    assert "it has not come" in result.stderr


def test_a_file_that_is_not_whole_any_more(tmp_path: Path) -> None:
    """The disk loses the end of an instance that was answered with success."""

    def script(asked: Asked) -> None:
        asked.store(INSTANCES[0])
        asked.store(INSTANCES[1])
        [path] = tmp_path.rglob(f"{INSTANCES[0]}.dcm")
        damage(path)
        ALL_SENT(asked)

    with hostile(get=script) as port:
        result = fetched(port, tmp_path, "--verify")
    assert result.status == 1
    [unsound] = instances(result, "failed")
    assert unsound["sop_instance_uid"] == INSTANCES[0]
    assert "not whole" in result.stderr


# ---------------------------------------------------------------- several at once, and an end


def test_several_studies_over_several_associations(tmp_path: Path) -> None:
    """All are under way at once: each waits for the others before it sends."""
    from threading import Barrier

    together = Barrier(3, timeout=WITHIN)

    def script(asked: Asked) -> None:
        together.wait()
        study = text(asked.keys, "StudyInstanceUID")
        asked.store(f"{study}.1", data_set(f"{study}.1", study=study))
        asked.counts(SUCCESS, None, 1, 0, 0)

    get = Noting(script)
    studies = [word for number in range(6) for word in ("--study", f"1.{number}")]
    with hostile(get=get) as port:
        result = fetched(port, tmp_path, "--jobs", "3", *studies, study=None)
    assert result.status == 0, result.stderr
    assert len(kept(tmp_path)) == 6
    assert len({each.session.number for each in get.messages}) == 3


def test_ctrl_c_cancels_and_tells_how_far_it_came(tmp_path: Path) -> None:
    canceled = []

    def script(asked: Asked) -> None:
        asked.store(INSTANCES[0])
        asked.counts(PENDING, 1, 1, 0, 0)
        os.kill(os.getpid(), signal.SIGINT)
        message = asked.session.association.receive(WITHIN)
        assert message is not None
        canceled.append(message.command)
        asked.counts(CANCELED, 1, 1, 0, 0)

    get = Noting(script)
    with hostile(get=get) as port:
        result = fetched(port, tmp_path, "--study", "1.2.9")
    assert result.status == 130
    [command] = canceled
    assert command["CommandField"] == CommandField.C_CANCEL_RQ
    assert command["MessageIDBeingRespondedTo"] == get.messages[0].message.command["MessageID"]
    assert kept(tmp_path) == [f"{INSTANCES[0]}.dcm"]
    assert "1 completed" in result.stderr
    assert [each["outcome"] for each in result.records] == ["done", "failed", "failed"]
    assert len(get.asked) == 1


def test_the_folder_is_one_process_alone(tmp_path: Path) -> None:
    holder = archive_storage.Storage(str(tmp_path))
    try:
        assert fetched(1, tmp_path).status == 2
    finally:
        holder.close()


# ---------------------------------------------------------------- what is said


def test_named_instances_that_are_not_there_are_named(tmp_path: Path) -> None:
    one = storing((INSTANCES[0], None), final=counting((SUCCESS, None, 1, 0, 0)))
    wanted = ("--series", SERIES, "--instance", INSTANCES[0], "--instance", "1.2.99")
    with hostile(get=one) as port:
        result = fetched(port, tmp_path, *wanted)
    assert result.status == 1
    assert "not there: 1.2.99" in result.stderr
    assert result.stderr.endswith("1 instance fetched, 1 request failed\n")


def test_a_refusal_of_ours_has_its_own_hint(tmp_path: Path) -> None:
    with hostile() as port:
        assert fetched(port, tmp_path).status == 0
        path = next(tmp_path.rglob(f"{INSTANCES[0]}.dcm"))
        path.write_bytes(path.read_bytes()[:-10])
        result = fetched(port, tmp_path, "--skip-existing")
    assert result.status == 1
    assert result.stderr.count("the file in the folder is not whole") == 1
    assert "transfer syntaxes" not in result.stderr


def test_the_hint_after_a_failure_goes_by_the_reason(tmp_path: Path) -> None:
    def stopping(asked: Asked) -> None:
        counts = {"NumberOfCompletedSuboperations": 0, "NumberOfFailedSuboperations": 2}
        asked.respond(0xA702, ErrorComment="the server is stopping", **counts)

    with hostile(get=stopping) as port:
        result = fetched(port, tmp_path)
    assert "hint: the same with --skip-existing gets what is missing" in result.stderr
