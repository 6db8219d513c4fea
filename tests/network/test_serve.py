"""What the server answers, and what is on disk once it has."""

from __future__ import annotations

import logging
import os
import signal
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pydicom
import pytest

from dcmtools.archive import storage as archive
from dcmtools.errors import AssociationError, DcmtoolsError
from dcmtools.net.association import Association
from dcmtools.scp import server as server_module
from tests.support import samples
from tests.support.served import (
    BIG,
    CT,
    DEFLATED,
    ECHO,
    EXPLICIT,
    HOST,
    IMPLICIT,
    VERIFICATION,
    Served,
    ask,
    associated,
    data_set,
    echo,
    element,
    served,
    serving,
    store,
    store_request,
    wait_until,
)
from tests.support.syscalls import WatchedOs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from dcmtools.net import dimse
    from tests.support.served import ServedProcess

PRIVATE = "1.3.6.1.4.1.99999.1"
UID = "1.2.3.4"
FINAL = "P1/1.2.3/1.2.3.1/1.2.3.4.dcm"
SUCCESS, DUPLICATE, NOT_SUPPORTED, UNRECOGNIZED = 0x0000, 0x0111, 0x0122, 0x0211
OUT_OF_RESOURCES, MISMATCH, CANNOT_UNDERSTAND = 0xA700, 0xA900, 0xC000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "archive") as running:
        yield running


def assert_nothing_kept(server: Served) -> None:
    assert server.kept() == []
    assert server.unfinished() == []


@pytest.fixture
def association(server: Served) -> Iterator[Association]:
    with associated(server.port) as made:
        yield made


# ---------------------------------------------------------------- storing


def test_what_is_answered_with_success_is_on_disk(server: Served, association: Association) -> None:
    assert store(association, UID, data_set()) == SUCCESS
    [kept] = server.kept()
    assert kept == server.folder / FINAL
    read = pydicom.dcmread(kept)
    assert read.file_meta.MediaStorageSOPInstanceUID == read.SOPInstanceUID == UID
    assert read.file_meta.MediaStorageSOPClassUID == read.SOPClassUID == CT
    assert read.file_meta.TransferSyntaxUID == EXPLICIT
    assert read.file_meta.SourceApplicationEntityTitle == "TESTER"
    assert kept.read_bytes().endswith(data_set())
    assert server.unfinished() == []


@pytest.mark.parametrize("sop_class", [PRIVATE, "1.2.840.10008.5.1.4.1.1.999", "1.2.840.10008.5.1.4.34.7"])
def test_any_storage_class_is_taken(server: Served, sop_class: str) -> None:
    with associated(server.port, sop_class) as association:
        assert store(association, UID, data_set(sop_class=sop_class), sop_class=sop_class) == SUCCESS


@pytest.mark.parametrize(
    "other",
    [
        "1.2.840.10008.1.3.10",  # Media Storage Directory
        "1.2.840.10008.1.20.1",  # Storage Commitment
        "1.2.840.10008.5.1.4.1.2.2.1",  # Study Root FIND
        "not a uid",
        "../../x",
    ],
)
def test_what_is_no_storage_class_is_refused_beside_those_that_are(server: Served, other: str) -> None:
    with associated(server.port, other, CT) as association:
        assert association.refused == {1: 3}
        assert store(association, UID, data_set()) == SUCCESS


@pytest.mark.parametrize("syntax", [EXPLICIT, "1.2.840.10008.1.2.4.90", "1.2.3.4.5.6"])
def test_any_transfer_syntax_is_taken_byte_for_byte(server: Served, syntax: str) -> None:
    with associated(server.port, syntaxes=[syntax]) as association:
        assert store(association, UID, data_set()) == SUCCESS
    [kept] = server.kept()
    assert pydicom.dcmread(kept, stop_before_pixels=True).file_meta.TransferSyntaxUID == syntax
    assert kept.read_bytes().endswith(data_set())


def test_big_endian_is_read_as_such(server: Served) -> None:
    values = [
        (0x00080016, CT),
        (0x00080018, UID),
        (0x00100020, "P7"),
        (0x0020000D, "1.2"),
        (0x0020000E, "1.3"),
    ]
    encoded = b"".join(
        [element(tag, value.encode(), b"LO" if tag == 0x00100020 else b"UI", ">") for tag, value in values]
    )
    with associated(server.port, syntaxes=[BIG]) as association:
        assert store(association, UID, encoded) == SUCCESS
    assert server.kept() == [server.folder / "P7/1.2/1.3/1.2.3.4.dcm"]


def test_implicit_is_read_as_such(server: Served) -> None:
    path = samples.real_file("MR_small_implicit.dcm")
    image = pydicom.dcmread(path)
    sop_class, data = str(image.SOPClassUID), samples.dataset_bytes(path)
    with associated(server.port, sop_class, syntaxes=[IMPLICIT]) as association:
        assert store(association, image.SOPInstanceUID, data, sop_class=sop_class) == SUCCESS
    [kept] = server.kept()
    assert kept.relative_to(server.folder).parts[:2] == (image.PatientID, image.StudyInstanceUID)


def deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    packed = stream.compress(data) + stream.flush()
    return packed + b"\0" * (len(packed) % 2)


def test_a_deflated_data_set_is_named_by_what_it_inflates_to(server: Served) -> None:
    data = deflated(data_set())
    with associated(server.port, syntaxes=[DEFLATED]) as association:
        assert store(association, UID, data) == SUCCESS
    assert (server.folder / FINAL).read_bytes().endswith(data)


def test_a_deflated_data_set_that_is_cut_is_refused(server: Served) -> None:
    with associated(server.port, syntaxes=[DEFLATED]) as association:
        assert store(association, UID, deflated(data_set())[:-40]) == CANNOT_UNDERSTAND
        assert store(association, UID, b"\xff" * 100) == CANNOT_UNDERSTAND
    assert_nothing_kept(server)


def test_a_data_set_of_many_fragments_and_megabytes(server: Served) -> None:
    pixels = os.urandom(5_000_000)
    with serving(server.folder / "small", max_pdu=4096) as small, associated(small.port) as association:
        assert store(association, UID, data_set(pixels=pixels)) == SUCCESS
        [kept] = small.kept()
        assert kept.read_bytes().endswith(data_set(pixels=pixels))


@pytest.mark.parametrize(
    ("missing", "path"),
    [
        ({"patient": None}, "UNKNOWN/1.2.3/1.2.3.1/1.2.3.4.dcm"),
        ({"patient": ""}, "UNKNOWN/1.2.3/1.2.3.1/1.2.3.4.dcm"),
        ({"study": None}, "P1/UNKNOWN/1.2.3.1/1.2.3.4.dcm"),
        ({"patient": "  ", "study": "", "series": None}, "UNKNOWN/UNKNOWN/UNKNOWN/1.2.3.4.dcm"),
    ],
)
def test_what_has_no_patient_study_or_series_is_kept_as_unknown(
    server: Served, association: Association, missing: dict[str, str | None], path: str
) -> None:
    assert store(association, UID, data_set(**missing)) == SUCCESS  # type: ignore[arg-type]  # all of them text
    assert server.kept() == [server.folder / path]


def test_only_the_data_set_itself_counts_not_the_sequences_in_it(
    server: Served, association: Association
) -> None:
    inner = element(0x00100020, b"INNER", b"LO") + element(0x0020000D, b"9.9.9")
    item = b"\xfe\xff\x00\xe0" + len(inner).to_bytes(4, "little") + inner
    data = data_set().replace(
        element(0x00100010, b"Doe^Jane", b"PN"),
        element(0x00081115, item, b"SQ") + element(0x00100010, b"Doe^Jane", b"PN"),
    )
    assert store(association, UID, data) == SUCCESS
    assert server.kept() == [server.folder / FINAL]


# ---------------------------------------------------------------- refusing


def test_the_same_data_set_again_is_success_and_one_file(server: Served, association: Association) -> None:
    assert [store(association, UID, data_set()) for _ in range(3)] == [SUCCESS] * 3
    assert len(server.kept()) == 1


def test_another_data_set_under_the_uid_is_refused_and_the_first_kept(
    server: Served, association: Association, caplog: pytest.LogCaptureFixture
) -> None:
    assert store(association, UID, data_set()) == SUCCESS
    answer = ask(association, store_request(UID), [data_set(pixels=b"other!")])
    assert answer["Status"] == DUPLICATE
    assert answer["ErrorComment"] == "another data set is kept under this SOP Instance UID"
    assert (server.folder / FINAL).read_bytes().endswith(data_set())
    assert "refused 1.2.3.4: another data set is kept under this SOP Instance UID" in caplog.messages


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (data_set("1.2.3.5"), MISMATCH),
        (data_set(sop_class=PRIVATE), MISMATCH),
        (data_set()[:80], CANNOT_UNDERSTAND),
        (data_set()[:-150], CANNOT_UNDERSTAND),
        (b"", CANNOT_UNDERSTAND),
        (b"not DICOM at all, but bytes of some length", CANNOT_UNDERSTAND),
        (bytes(range(256)) * 16, CANNOT_UNDERSTAND),
        (b"\0" * 1000, CANNOT_UNDERSTAND),
        (element(0x7FE00010, b"1234", b"OW"), CANNOT_UNDERSTAND),
        (bytes(128) + b"DICM" + data_set(), CANNOT_UNDERSTAND),
    ],
    ids=["instance", "class", "cut", "cut later", "empty", "text", "noise", "zeros", "no names", "a file"],
)
def test_what_is_not_the_instance_it_should_be_is_refused_and_not_kept(
    server: Served, association: Association, data: bytes, status: int
) -> None:
    assert store(association, UID, data) == status
    assert_nothing_kept(server)
    assert store(association, UID, data_set()) == SUCCESS


def test_a_request_without_a_data_set_is_refused(server: Served, association: Association) -> None:
    request = store_request(UID) | {"CommandDataSetType": 0x0101}
    assert ask(association, request)["Status"] == CANNOT_UNDERSTAND
    assert_nothing_kept(server)
    assert store(association, UID, data_set()) == SUCCESS


@pytest.mark.parametrize("missing", ["AffectedSOPInstanceUID", "AffectedSOPClassUID"])
def test_a_request_without_a_name_is_refused(server: Served, association: Association, missing: str) -> None:
    request = {key: value for key, value in store_request(UID).items() if key != missing}
    assert ask(association, request, [data_set()])["Status"] == CANNOT_UNDERSTAND
    assert server.kept() == []


def test_an_instance_on_the_context_of_another_class_is_refused(server: Served) -> None:
    with associated(server.port, VERIFICATION) as association:
        assert store(association, UID, data_set()) == NOT_SUPPORTED
    assert server.kept() == []


@pytest.mark.parametrize("field", [0x0010, 0x0020, 0x0021, 0x0100, 0x0140, 0x7777])
@pytest.mark.parametrize("data", [[], [data_set()]], ids=["alone", "with a data set"])
def test_an_operation_that_is_none_of_ours_is_unrecognized(
    association: Association, field: int, data: list[bytes]
) -> None:
    request: dimse.Command = {"CommandField": field, "CommandDataSetType": 1 if data else 0x0101}
    assert ask(association, request | {"AffectedSOPClassUID": CT}, data)["Status"] == UNRECOGNIZED
    assert store(association, UID, data_set()) == SUCCESS


@pytest.mark.parametrize("field", [0x0FFF, 0x8001, 0x8030])
def test_a_cancel_or_a_response_that_nobody_asked_for_is_passed_over(
    association: Association, field: int
) -> None:
    unasked: dimse.Command = {
        "CommandField": field,
        "MessageIDBeingRespondedTo": 9,
        "CommandDataSetType": 0x0101,
    }
    association.send(next(iter(association.contexts.values())), unasked)
    assert store(association, UID, data_set()) == SUCCESS


def test_an_echo_with_a_data_set_is_answered(server: Served) -> None:
    with associated(server.port, VERIFICATION) as association:
        request: dimse.Command = {
            "CommandField": ECHO,
            "AffectedSOPClassUID": VERIFICATION,
            "CommandDataSetType": 1,
        }
        assert ask(association, request, [data_set()])["Status"] == SUCCESS
        assert ask(association, request, [data_set()])["Status"] == SUCCESS


# ---------------------------------------------------------------- whom it takes


def rejection(port: int, **how: str) -> str:
    with pytest.raises(AssociationError) as caught, associated(port, **how):  # type: ignore[arg-type]  # titles
        pass
    return caught.value.message


def test_the_called_title_has_to_be_ours_where_we_have_one(tmp_path: Path) -> None:
    with serving(tmp_path, aet="ARCHIVE") as server:
        with associated(server.port, called="ARCHIVE"):
            pass
        assert "rejected (permanent): called AE title not recognized" in rejection(
            server.port, called="OTHER"
        )


def test_the_calling_title_has_to_be_allowed_where_any_is(tmp_path: Path) -> None:
    with serving(tmp_path, allow_aet=("CT1", "CT2")) as server:
        with associated(server.port, calling="CT2"):
            pass
        assert "rejected (permanent): calling AE title not recognized" in rejection(server.port, calling="CT")


def test_one_association_more_than_there_are_places_is_rejected_for_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "MAX_ASSOCIATIONS", 2)
    with serving(tmp_path) as server:
        with associated(server.port), associated(server.port):
            for _ in range(3):
                assert "rejected (transient): local limit exceeded" in rejection(server.port)
        wait_until(lambda: can_associate(server.port))


def can_associate(port: int) -> bool:
    try:
        with associated(port):
            return True
    except AssociationError:
        return False


def test_a_rejected_caller_takes_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAX_ASSOCIATIONS", 1)
    with serving(tmp_path, aet="ARCHIVE") as server:
        for _ in range(3):
            rejection(server.port, called="OTHER")
        with associated(server.port, called="ARCHIVE"):
            pass


# ---------------------------------------------------------------- at the same time


def test_eight_senders_of_one_instance_all_succeed_and_keep_it_once(server: Served) -> None:
    barrier = Barrier(8)

    def send(_: int) -> list[int]:
        with associated(server.port) as association:
            barrier.wait()
            return [store(association, f"1.2.{n}", data_set(f"1.2.{n}", pixels=PIXELS)) for n in range(20)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, range(8))) == [[SUCCESS] * 20] * 8
    assert len(server.kept()) == 20
    assert all(
        path.read_bytes().endswith(data_set(path.stem, pixels=PIXELS))
        and pydicom.dcmread(path).PixelData == PIXELS
        for path in server.kept()
    )
    assert server.unfinished() == []


PIXELS = bytes(range(256)) * 1000


def test_of_eight_instances_under_one_uid_one_is_kept_and_seven_refused(server: Served) -> None:
    barrier = Barrier(8)

    def send(number: int) -> int:
        with associated(server.port) as association:
            barrier.wait()
            return store(association, UID, data_set(pixels=bytes([number]) * 100_000))

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(8)))
    assert sorted(statuses) == [SUCCESS] + [DUPLICATE] * 7
    first = statuses.index(SUCCESS)
    assert (server.folder / FINAL).read_bytes().endswith(data_set(pixels=bytes([first]) * 100_000))


# ---------------------------------------------------------------- durability


@pytest.mark.parametrize("durable", [True, False])
def test_the_answer_comes_after_the_instance_is_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, durable: bool
) -> None:
    watched = WatchedOs()
    send = Association.send

    def recorded(self: Association, context: object, command: dimse.Command, *data: object) -> None:
        if "Status" in command:
            watched.calls.append("answer")
        send(self, context, command, *data)  # type: ignore[arg-type]  # as it came

    with serving(tmp_path / "archive", durable=durable) as server, associated(server.port) as association:
        monkeypatch.setattr(archive, "os", watched)
        monkeypatch.setattr(Association, "send", recorded)
        assert store(association, UID, data_set()) == SUCCESS
    calls = [call.split()[0] for call in watched.calls if call.split()[0] not in ("open", "close", "write")]
    if durable:
        before = ["fdatasync", "mkdir", "fsync", "mkdir", "fsync", "mkdir", "fsync", "link", "fsync"]
    else:
        before = ["mkdir", "mkdir", "mkdir", "link"]
    assert calls == [*before, "unlink", "answer"]


# ---------------------------------------------------------------- stopping within a message


def first_a_signal(server: ServedProcess, *numbers: signal.Signals) -> Iterable[bytes]:
    """The blocks of an instance whose sender sees the server signalled when most of it has gone."""
    data = data_set(pixels=PIXELS)
    yield data[:1000]
    yield data[1000:2000]
    yield data[2000:3000]
    wait_until(lambda: server.unfinished() != [])
    for number in numbers:
        server.process.send_signal(number)
        time.sleep(0.2)
    yield data[3000:]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_instance_in_hand_is_finished_before_the_server_stops(
    tmp_path: Path, number: signal.Signals
) -> None:
    with served(tmp_path / "archive") as server:
        with associated(server.port) as association:
            answer = ask(association, store_request(UID), first_a_signal(server, number))
            assert answer["Status"] == SUCCESS
            with pytest.raises(AssociationError, match="aborted"):
                association.receive(5)
        assert server.process.wait(5) == 0
        assert (server.folder / FINAL).read_bytes().endswith(data_set(pixels=PIXELS))
        assert server.unfinished() == []


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with served(tmp_path / "archive") as server:
        started = time.monotonic()
        with pytest.raises(DcmtoolsError), associated(server.port) as association:
            ask(association, store_request(UID), first_a_signal(server, signal.SIGTERM, signal.SIGTERM))
        assert server.process.wait(5) == 0
        assert time.monotonic() - started < 3
        assert_nothing_kept(server)
        assert server.log() == ""


def test_while_an_instance_is_finished_nobody_else_is_taken(tmp_path: Path) -> None:
    with served(tmp_path / "archive") as server:

        def blocks() -> Iterator[bytes]:
            yield from first_a_signal(server, signal.SIGTERM)
            assert not can_associate(server.port)

        with associated(server.port) as association:
            assert ask(association, store_request(UID), blocks())["Status"] == SUCCESS
            association.abort()
        assert server.process.wait(5) == 0


# ---------------------------------------------------------------- what the log tells, and to whom


def test_no_patient_data_in_the_log(tmp_path: Path) -> None:
    with served(tmp_path / "archive", "-v") as server:
        with associated(server.port) as association:
            data = data_set(patient="SECRETID", name="Secret^Name")
            other = data_set(patient="SECRETID", name="Secret^Name", pixels=b"other!")
            assert store(association, UID, data) == SUCCESS
            assert store(association, UID, data) == SUCCESS
            assert store(association, UID, other) == DUPLICATE
            (server.folder / "SECRETX").symlink_to(tmp_path)
            assert store(association, "1.9", data_set("1.9", patient="SECRETX")) == OUT_OF_RESOURCES
            broken = data_set("1.8", patient="SECRETY").replace(b"\x20\x00\x0e\x00UI", b"\x20\x00\x0e\x00??")
            assert store(association, "1.8", broken) == CANNOT_UNDERSTAND
        assert server.stop() == 0
        log = server.log()
    lines = log.splitlines()
    assert "dcmtools serve: info: stored 1.2.3.4" in lines
    assert "dcmtools serve: info: had already 1.2.3.4" in lines
    assert any(line.startswith("dcmtools serve: warning: refused 1.2.3.4: ") for line in lines)
    assert any(line.startswith("dcmtools serve: warning: refused 1.9: ") for line in lines)
    assert any(line.startswith("dcmtools serve: warning: refused 1.8: ") for line in lines)
    assert f"dcmtools serve: info: TESTER@{HOST}: association released" in lines
    assert "ecret" not in log.lower()


def test_without_verbosity_only_trouble_is_told(tmp_path: Path) -> None:
    with served(tmp_path / "archive") as server:
        assert echo(server.port) == 0
        with associated(server.port) as association:
            assert store(association, UID, data_set()) == SUCCESS
            assert store(association, UID, data_set("1.2")) == MISMATCH
        assert server.stop() == 0
        assert server.log() == (
            "dcmtools serve: warning: refused 1.2.3.4: data set and request name different instances\n"
        )


def test_a_bug_in_one_association_ends_that_one_and_says_no_more_than_its_kind(
    server: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> bool:
        raise KeyError("Secret^Name")

    caplog.set_level(logging.INFO)
    monkeypatch.setattr("dcmtools.scp.storage._keep", fails)
    with associated(server.port) as association, pytest.raises(AssociationError):
        store(association, UID, data_set())
    wait_until(lambda: f"{HOST}: internal error: KeyError" in caplog.messages)
    assert "Secret" not in caplog.text
    assert echo(server.port) == 0
    assert server.unfinished() == []
