"""What the server answers, and what is on disk once it has."""

from __future__ import annotations

import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pydicom
import pytest

from tests.support import samples
from tests.support.served import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    Served,
    associated,
    data_set,
    element,
    serving,
    store,
)

if TYPE_CHECKING:
    from dcmtools.net.association import Association

PRIVATE = "1.3.6.1.4.1.99999.1"
UID = "1.2.3.4"
FINAL = "P1/1.2.3/1.2.3.1/1.2.3.4.dcm"
SUCCESS, DUPLICATE, NOT_SUPPORTED, UNRECOGNIZED = 0x0000, 0x0111, 0x0122, 0x0211
OUT_OF_RESOURCES, MISMATCH, CANNOT_UNDERSTAND = 0xA700, 0xA900, 0xC000


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
        "1.2.840.10008.5.1.4.31",  # Modality Worklist FIND
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
    assert server.is_empty()


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


@pytest.mark.parametrize("defined", [True, False])
def test_the_patient_id_is_not_one_of_the_other_patient_ids(
    server: Served, association: Association, *, defined: bool
) -> None:
    inner = element(0x00100020, b"INNER", b"LO")
    others = element(0x00101002, b"\xfe\xff\x00\xe0" + len(inner).to_bytes(4, "little") + inner, b"SQ")
    if not defined:
        others = others[:8] + b"\xff" * 4 + others[12:] + b"\xfe\xff\xdd\xe0" + bytes(4)
    study = element(0x0020000D, b"1.2.3")
    assert store(association, UID, data_set().replace(study, others + study)) == SUCCESS
    assert server.kept() == [server.folder / FINAL]


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
