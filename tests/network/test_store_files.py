"""``dcmtools store``: which files go out, byte for byte, and which do not (PS3.10, PS3.5, PS3.8 E)."""

from __future__ import annotations

import gc
import os
import shutil
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dcmtools.files.source import FileSource
from dcmtools.net.peer import NetworkOptions, Peer
from dcmtools.scu.payload import BLOCK, LATER_BLOCK
from dcmtools.scu.store import store as store_files
from tests.support import samples
from tests.support.run import Run, run
from tests.support.unruly import Association, Fault, Moment, Request, Unruly, answer_to, answers, serves

if TYPE_CHECKING:
    from collections.abc import Callable

SHORT = ("-ta", "0.5", "-td", "5", "-to", "2")
META = 132


def store(server: Unruly, *args: object, stdin: bytes = b"") -> Run:
    return run("store", f"PEER@127.0.0.1:{server.port}", *SHORT, "--format", "json", *args, stdin=stdin)


def sent(path: Path | str) -> tuple[Run, Unruly]:
    with Unruly(serves()) as server:
        return store(server, path), server


# ---------------------------------------------------------------- bytes


def test_every_real_file_goes_out_as_it_is() -> None:
    """Compressed, big endian and deflated ones included: the bytes after the meta, of even length."""
    with Unruly(serves()) as server:
        result = store(server, *samples.real_files())
    assert result.status == 1, "some of them are damaged"
    done = [record for record in result.records if record["outcome"] in ("done", "warning")]
    assert len(done) > 160
    received = sorted((stored.sop_instance_uid, stored.data) for stored in server.stores)
    wanted = []
    for record in done:
        data = samples.dataset_bytes(Path(record["file"]))
        if "zero byte" in record.get("note", ""):
            data = data[: len(data) - int(record["note"].split()[0])]
        wanted.append((record["sop_instance_uid"], data + bytes(len(data) % 2)))
    assert received == sorted(wanted)
    for record in result.records:
        assert ("error" in record) == (record["outcome"] == "failed")


@pytest.mark.parametrize("max_pdu", [8, 128, 4096, 16384, 0, 0xFFFFFFFF])
@pytest.mark.parametrize("size", [2048, 100_000])
def test_any_length_of_pdus(tmp_path: Path, max_pdu: int, size: int) -> None:
    """PS3.8 D.1: what the peer sets as its maximum, 0 for none."""
    [path] = samples.make_ct(tmp_path, 1, size if max_pdu > 8 else 2048)
    with Unruly(serves(), max_pdu=max_pdu) as server:
        assert store(server, path).status == 0
    assert server.stores[0].data == samples.dataset_bytes(path)


def test_a_peer_whose_pdus_hold_nothing(tmp_path: Path) -> None:
    [path] = samples.make_small(tmp_path, 1)
    with Unruly(serves(), max_pdu=7) as server:
        result = store(server, path)
        assert server.stores == []
    assert result.status == 4
    assert "associate: the peer takes PDUs of at most 7 bytes, too few for any message" in result.stderr


def of_length(folder: Path, length: int) -> Path:
    """A file whose data set has exactly this length."""
    [path] = samples.make_ct(folder, 1, 2048)
    extra = length - len(samples.dataset_bytes(path))
    content = path.read_bytes()
    # Data Set Trailing Padding (PS3.10 7.2), as long as it takes.
    tail = (
        b"\xfc\xff\xfc\xffOB\0\0"
        + (extra - 12).to_bytes(4, "little")
        + bytes(n % 251 for n in range(extra - 12))
    )
    path.write_bytes(content + tail)
    assert len(samples.dataset_bytes(path)) == length
    return path


FRAGMENT = 16384 - 6


@pytest.mark.parametrize(
    "length",
    [
        FRAGMENT - 2,
        FRAGMENT,
        FRAGMENT + 2,
        3 * FRAGMENT,
        BLOCK - 2,
        BLOCK,
        BLOCK + 2,
        2 * BLOCK,
        64 * FRAGMENT,
        5 * BLOCK + 4,
    ],
)
def test_lengths_around_those_of_fragments_and_blocks(tmp_path: Path, length: int) -> None:
    path = of_length(tmp_path, length)
    result, server = sent(path)
    assert result.status == 0
    [stored] = server.stores
    assert stored.data == samples.dataset_bytes(path)


@pytest.mark.parametrize("odd", [0, 1])
def test_a_deflated_data_set_is_padded_to_an_even_length(tmp_path: Path, odd: int) -> None:
    """PS3.5 A.5: with a NUL where its length is odd; deflated it stays."""
    plain = samples.make_small(tmp_path, 1)[0]
    content = plain.read_bytes()
    start = len(content) - len(samples.dataset_bytes(plain))
    for extra in range(100):
        stream = zlib.compressobj(extra % 10, zlib.DEFLATED, -zlib.MAX_WBITS, 9, extra // 10 % 5)
        deflated = stream.compress(content[start:]) + stream.flush()
        if len(deflated) % 2 == odd:
            break
    # The same length of UID and padding keeps the group length right: ...1.2.1 becomes ...1.2.1.99.
    meta = content[:start].replace(b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x16\x001.2.840.10008.1.2.1.99")
    grown = len(meta) - start
    length = int.from_bytes(meta[META + 8 : META + 12], "little") + grown
    path = tmp_path / "deflated"
    path.write_bytes(meta[: META + 8] + length.to_bytes(4, "little") + meta[META + 12 :] + deflated)
    assert len(deflated) % 2 == odd
    result, server = sent(path)
    assert result.status == 0
    assert result.records[0]["transfer_syntax_uid"] == "1.2.840.10008.1.2.1.99"
    assert server.stores[0].data == deflated + b"\0" * odd


def test_zero_bytes_behind_the_data_set(tmp_path: Path) -> None:
    """Left out, and the warning says so; the status of the program is 0."""
    [path] = samples.make_small(tmp_path, 1)
    data = samples.dataset_bytes(path)
    with path.open("ab") as file:
        file.write(bytes(700))
    result, server = sent(path)
    assert result.status == 0
    assert server.stores[0].data == data
    assert result.records[0]["note"] == "700 zero bytes after the last element: not sent"
    assert f"{path}: warning: 700 zero bytes after the last element: not sent" in result.stderr


# ---------------------------------------------------------------- files that are not sent


def test_a_damaged_file_does_not_stop_the_others(tmp_path: Path) -> None:
    first, second, third = samples.make_small(tmp_path, 3)
    second.write_bytes(second.read_bytes()[:-100])
    with Unruly(serves()) as server:
        result = store(server, first, second, third)
    assert result.status == 1
    assert server.uids == [samples.sop_instance_uid(1), samples.sop_instance_uid(3)]
    assert f"dcmtools store: {second}: offset " in result.stderr
    assert ", (7fe0,0010): length " in result.stderr


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("just text\n" * 100)


def missing(path: Path) -> None:
    path.unlink()


def dicomdir(path: Path) -> None:
    shutil.copy(samples.dicomdir(), path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def other_encoding(path: Path) -> None:
    """Explicit VRs declared, implicit ones encoded."""
    content = samples.real_file("rtplan.dcm").read_bytes()
    assert b"UI\x12\x001.2.840.10008.1.2\0" in content
    changed = content.replace(b"UI\x12\x001.2.840.10008.1.2\0", b"UI\x14\x001.2.840.10008.1.2.1\0")
    length = int.from_bytes(content[META + 8 : META + 12], "little") + 2
    path.write_bytes(changed[: META + 8] + length.to_bytes(4, "little") + changed[META + 12 :])


NOT_SENT = [empty, text, missing, dicomdir, folder, cut, other_encoding]


@pytest.mark.parametrize("damage", NOT_SENT)
def test_named_but_of_no_use(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """Input that is unusable: 3, with the file and the reason, and nobody is called."""
    [path] = samples.make_small(tmp_path, 1)
    damage(path)
    result, server = sent(path)
    assert result.status == 3
    assert server.proposals == []
    [record] = result.records
    assert (record["file"], record["outcome"]) == (str(path), "failed")
    assert result.stderr.startswith(f"dcmtools store: {path}: ")
    assert result.stderr.splitlines()[-1] == "0 stored, 1 failed"


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As any user but root meets it."""
    [path] = samples.make_small(tmp_path, 1)

    def refuse(path: str, *_: object) -> int:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("dcmtools.files.source.os.open", refuse)
    result, _ = sent(path)
    monkeypatch.undo()
    assert result.status == 3
    assert result.stderr.startswith(f"dcmtools store: {path}: Permission denied\n")


def test_what_a_folder_holds_beside_instances(tmp_path: Path) -> None:
    """A DICOMDIR and files of other kinds are passed over; PS3.10 8.6 has it beside the instances."""
    paths = samples.make_small(tmp_path / "sub", 2)
    shutil.copy(samples.dicomdir(), tmp_path / "DICOMDIR")
    (tmp_path / "notes.txt").write_text("nothing of interest\n" * 50)
    (tmp_path / "DONE").write_text("\n")
    with Unruly(serves()) as server:
        result = store(server, tmp_path)
    assert result.status == 0
    assert len(server.stores) == 2
    assert {record["file"]: record["outcome"] for record in result.records} == {
        str(tmp_path / "DICOMDIR"): "skipped",
        str(tmp_path / "notes.txt"): "skipped",
        str(tmp_path / "DONE"): "skipped",
        **{str(path): "done" for path in paths},
    }
    assert result.stderr.splitlines()[-1] == "2 stored, 3 skipped"


@pytest.mark.parametrize("name", ["ct9.dcm", "CT9.DCM", "x.ima", "y.dicom"])
@pytest.mark.parametrize("content", [b"", b"zeros" * 100])
def test_what_is_named_as_dicom_is_never_passed_over(tmp_path: Path, name: str, content: bytes) -> None:
    """An instance that was cut to nothing, in a folder of others: no exit status 0."""
    samples.make_small(tmp_path, 1)
    (tmp_path / name).write_bytes(content)
    result, _ = sent(tmp_path)
    assert result.status == 1
    assert f"{tmp_path / name}: " in result.stderr


@pytest.mark.parametrize("fill", [(), (text,)])
def test_a_folder_without_dicom(tmp_path: Path, fill: tuple[Callable[[Path], None], ...]) -> None:
    for write in fill:
        write(tmp_path / "file")
    result, _ = sent(tmp_path)
    assert result.status == 3
    assert "no DICOM file in this folder" in result.stderr


def test_no_paths_at_all() -> None:
    with Unruly(serves()) as server:
        assert store(server).status == 2
        assert list(store_files([], Peer("127.0.0.1", server.port), NetworkOptions())) == []
        assert server.proposals == []


def test_standard_input() -> None:
    content = samples.ct().read_bytes()
    with Unruly(serves()) as server:
        result = store(server, "-", stdin=content)
    assert result.status == 0
    assert result.records[0]["file"] == "-"
    assert server.stores[0].data == samples.dataset_bytes(samples.ct())


def test_a_pipe(tmp_path: Path) -> None:
    """Its bytes come only once, though a file is looked at before it is sent."""
    from threading import Thread

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_bytes, args=[samples.ct().read_bytes()])
    writer.start()
    result, server = sent(pipe)
    writer.join()
    assert result.status == 0
    assert server.stores[0].data == samples.dataset_bytes(samples.ct())


# ---------------------------------------------------------------- files that change


def truncated(path: Path) -> None:
    os.truncate(path, 5000)


def grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(10))


def rewritten(path: Path) -> None:
    """The same length, another time."""
    content = path.read_bytes()
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))


def vanished(path: Path) -> None:
    path.unlink()


CHANGES = [truncated, grown, rewritten, vanished]


@pytest.mark.parametrize("change", CHANGES)
def test_between_inspection_and_sending(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """Changed while the association comes about: that file fails, nothing of it is sent."""
    paths = samples.make_small(tmp_path, 3)

    def script(association: Association) -> None:
        change(paths[1])
        serves()(association)

    with Unruly(script) as server:
        result = store(server, *paths)
    assert result.status == 1
    assert server.uids == [samples.sop_instance_uid(1), samples.sop_instance_uid(3)]
    words = (
        "No such file or directory" if change is vanished else "the file has changed since it was inspected"
    )
    assert f"dcmtools store: {paths[1]}: {words}" in result.stderr
    assert len(server.proposals) == 1


@pytest.mark.parametrize("change", [truncated, grown, rewritten])
def test_while_it_is_sent(
    tmp_path: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is cut short and the association aborted: the peer must not take it for complete."""
    paths = samples.make_ct(tmp_path, 3, 3 * BLOCK)
    read = FileSource.read
    seen: list[int] = []

    def changing(source: FileSource, offset: int, length: int) -> bytes:
        if length in (BLOCK, LATER_BLOCK) and Path(os.readlink(f"/proc/self/fd/{source.fd}")) == paths[1]:
            seen.append(offset)
            if len(seen) == 2:
                change(paths[1])
        return read(source, offset, length)

    monkeypatch.setattr(FileSource, "read", changing)
    with Unruly(serves()) as server:
        result = store(server, *paths)
    assert result.status == 1
    assert [record["outcome"] for record in result.records] == ["done", "failed", "done"]
    assert server.uids == [samples.sop_instance_uid(1), samples.sop_instance_uid(3)]
    assert server.aborted
    assert len(server.proposals) == 2
    assert f"dcmtools store: {paths[1]}: the file " in result.stderr


def test_a_change_after_the_last_byte_was_read_is_no_matter(tmp_path: Path) -> None:
    """What was sent is what was inspected."""
    [path] = samples.make_small(tmp_path, 1)
    before = samples.dataset_bytes(path)

    def strike(association: Association, request: Request) -> None:
        path.write_bytes(b"gone")
        association.send(answer_to(request))

    with Unruly(serves(Fault(strike))) as server:
        result = store(server, path)
    assert result.status == 0
    assert server.stores[0].data == before


def test_all_changed_is_an_input_fault(tmp_path: Path) -> None:
    paths = samples.make_small(tmp_path, 3)

    def script(association: Association) -> None:
        for path in paths:
            grown(path)
        serves()(association)

    with Unruly(script) as server:
        result = store(server, *paths)
        assert server.stores == []
    assert result.status == 3


def test_nothing_stays_open(tmp_path: Path) -> None:
    """Sockets and files, whatever came of the files."""
    paths = samples.make_small(tmp_path, 6)
    paths[2].write_bytes(b"")
    before = sorted(os.listdir("/proc/self/fd"))
    for fault in (None, answers(0xA700), Fault(lambda association, _: association.reset(), Moment.BEFORE)):
        with Unruly(serves(fault, at=2)) as server:
            store(server, *paths)
    gc.collect()
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_results_that_nobody_takes_any_more(tmp_path: Path) -> None:
    """Closing the stream of results aborts the association and closes the files."""
    paths = samples.make_small(tmp_path, 5)
    before = sorted(os.listdir("/proc/self/fd"))
    network = NetworkOptions()
    with Unruly(serves()) as server:
        results = store_files([str(path) for path in paths], Peer("127.0.0.1", server.port), network)
        assert next(results).outcome == "done"
        results.close()  # type: ignore[attr-defined]  # a generator, as whoever reports knows
    network.stop.close()
    assert server.aborted
    assert sorted(os.listdir("/proc/self/fd")) == before
