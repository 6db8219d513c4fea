"""``store --anonymize``: what the peer gets, what it never gets, and what the journal remembers of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import samples
from tests.support.planting import planted
from tests.support.run import Run, run
from tests.support.unruly import Unruly, aborts_request, answers, serves

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHORT = ("-ta", "5", "-td", "5", "-to", "5", "--format", "json")
OUT_OF_RESOURCES = 0xA700


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "trial.key"
    path.write_text("0123456789abcdef0123456789abcdef")
    path.chmod(0o600)
    return path


@pytest.fixture
def server() -> Iterator[Unruly]:
    with Unruly(serves()) as server:
        yield server


def store(server: Unruly, *args: object, key: Path | None = None, profile: object = "basic") -> Run:
    keyed = ["--key-file", key] if key else []
    result = run("store", f"PEER@127.0.0.1:{server.port}", *SHORT, "--anonymize", profile, *keyed, *args)
    assert "internal error" not in result.stderr
    return result


def profile_of(folder: Path, *lines: str) -> Path:
    path = folder / f"profile{len(list(folder.iterdir()))}.toml"
    path.write_text("\n".join(['base = "basic"', *lines]))
    return path


def test_the_peer_gets_what_anonymize_would_write(server: Unruly, key: Path, tmp_path: Path) -> None:
    before = samples.ct().read_bytes()
    result = store(server, samples.ct(), key=key)
    assert result.status == 0, result.stderr
    (record,), (got,) = result.records, server.stores
    assert got.sop_instance_uid == record["sent_sop_instance_uid"]
    assert record["methods"] == ["113100"]
    assert run("anonymize", samples.ct(), "-o", tmp_path / "out", "--key-file", key).status == 0
    (written,) = (path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert got.data == samples.dataset_bytes(written)
    assert samples.ct().read_bytes() == before


def test_nothing_that_was_planted_arrives(server: Unruly, key: Path, tmp_path: Path) -> None:
    origin = planted()
    path = tmp_path / "planted.dcm"
    path.write_bytes(origin.data[: origin.data.index(bytes(16) + b"ZQ", 200)])  # nothing is behind the end
    result = store(server, path, key=key)
    assert result.status == 0, result.stderr
    (got,) = server.stores
    assert not origin.leaked(got.data)
    assert b"2.25." in got.data


def test_records_hold_no_old_identifiers(server: Unruly, key: Path, tmp_path: Path) -> None:
    """Of what is sent, tried, failed, known or left; and they tell where free text stays."""
    files = samples.make_small(tmp_path / "files", 3)
    data = files[0].read_bytes()
    files[0].write_bytes(data.replace(b"CS\x02\0CT", b"CS\x02\0OT"))
    old = {samples.sop_instance_uid(number) for number in (1, 2, 3)}
    asked = (*files, "--journal", tmp_path / "journal")
    for more in (("--dry-run",), (), (), ("--fail-fast",)):
        result = store(server, *asked, *more, key=key)
        assert len(result.records) == 3
        assert not any(uid in result.stdout for uid in old)
    sent = next(each for each in store(server, *files, key=key).records if each["outcome"] == "done")
    assert sent["kept_text"] == ["(0008,0070)"]


@pytest.mark.parametrize("jobs", [1, 3])
def test_many_files_on_several_associations(server: Unruly, key: Path, tmp_path: Path, jobs: int) -> None:
    files = samples.make_small(tmp_path / "files", 20)
    result = store(server, *files, "--jobs", jobs, key=key)
    assert result.status == 0, result.stderr
    told = {record["sent_sop_instance_uid"] for record in result.records}
    assert told == {stored.sop_instance_uid for stored in server.stores}
    assert len(told) == 20


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("PatientName=CompressedSamples^CT1", "name"),
        ("PatientID=1CT1", "identifier"),
        ("StudyDate=20040119", "date"),
        ("StudyDescription=of compressedsamples", "name"),
        ("PatientID=T-1", ""),
        ("Modality=CT", ""),
    ],
)
def test_what_is_put_back_is_not_sent(server: Unruly, key: Path, change: str, kind: str) -> None:
    for more in ((), ("--dry-run",)):
        result = store(server, samples.ct(), "--set", change, *more, key=key)
        assert result.status == (1 if kind else 0), result.stderr
        (record,) = result.records
        assert record.get("error", {}).get("code") == ("leak" if kind else None)
        assert ("puts back what was removed from the file" in result.stderr) is bool(kind)
    assert len(server.stores) == (0 if kind else 1)


def test_suspects_are_not_sent(server: Unruly, key: Path, tmp_path: Path) -> None:
    """The pixels of one may show who it is; the others are sent all the same."""
    suspect = tmp_path / "suspect.dcm"
    data = samples.ct().read_bytes()
    assert b"CS\x02\0CT" in data
    suspect.write_bytes(data.replace(b"CS\x02\0CT", b"CS\x02\0OT"))
    result = store(server, suspect, samples.mr(), key=key)
    assert result.status == 1
    errors = {record["file"]: record.get("error", {}).get("code") for record in result.records}
    assert errors == {str(suspect): "suspect-pixels", str(samples.mr()): None}
    assert len(server.stores) == 1


def test_what_leaks_is_not_sent(server: Unruly, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dcmtools.deidentification import releasing
    from dcmtools.deidentification.verification import Leak

    monkeypatch.setattr(releasing, "leaks", lambda *_, **__: [Leak("(0010,4000)", "a name")])
    result = store(server, samples.ct(), key=key)
    assert result.status == 1
    assert result.records[0]["error"]["code"] == "leak"
    assert not server.stores


def test_a_file_that_cannot_be_deidentified_is_not_sent(server: Unruly, key: Path) -> None:
    """It can be sent as it is, but nobody can tell where its pixels end."""
    bad = samples.real_file("badVR.dcm")
    assert run("store", f"PEER@127.0.0.1:{server.port}", *SHORT, bad).status == 0
    result = store(server, bad, samples.mr(), key=key)
    assert result.status == 1
    assert [record["outcome"] for record in result.records] == ["failed", "done"]
    assert len(server.stores) == 2


def test_a_remark_is_told(server: Unruly, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dcmtools.deidentification import releasing
    from dcmtools.deidentification.verification import Leak

    monkeypatch.setattr(releasing, "leaks", lambda *_, **__: [Leak("(0018,0015)", "a word", certain=False)])
    (record,) = store(server, samples.ct(), key=key).records
    assert (record["outcome"], record["note"]) == ("done", "(0018,0015): a word")


def test_tried_again_it_is_the_same_instance(key: Path) -> None:
    """Without a key of its own, too."""
    for given in (key, None):
        with Unruly(serves(answers(OUT_OF_RESOURCES))) as server:
            result = store(server, samples.ct(), "--retries", 1, "--retry-delay", 0, key=given)
        assert result.status == 0, result.stderr
        uids = [stored.sop_instance_uid for stored in server.stores]
        assert len(uids) == 2
        assert len(set(uids)) == 1


def test_a_dry_run_tells_what_would_be_refused(server: Unruly, key: Path, tmp_path: Path) -> None:
    suspect = tmp_path / "suspect.dcm"
    suspect.write_bytes(samples.ct().read_bytes().replace(b"CS\x02\0CT", b"CS\x02\0OT"))
    tried = store(server, suspect, samples.mr(), "--dry-run", key=key)
    assert tried.status == 1
    assert "1 would be sent, 1 failed" in tried.stderr
    assert "profile basic" in tried.stderr
    assert not server.stores
    done = store(server, suspect, samples.mr(), key=key)
    uids = [[record.get("sent_sop_instance_uid") for record in result.records] for result in (tried, done)]
    assert sorted(map(str, uids[0])) == sorted(map(str, uids[1]))
    assert server.stores[0].sop_instance_uid in uids[0]


# ---------------------------------------------------------------- the journal


def test_the_journal_remembers(server: Unruly, key: Path, tmp_path: Path) -> None:
    journal = ["--journal", tmp_path / "journal"]
    files = samples.make_small(tmp_path / "files", 3)
    assert store(server, files[0], *journal, key=key).status == 0
    again = store(server, *files, *journal, key=key)
    assert [record["outcome"] for record in again.records].count("skipped") == 1
    assert len(server.stores) == 3


def test_what_may_have_arrived_is_remembered(key: Path, tmp_path: Path) -> None:
    journal = ["--journal", tmp_path / "journal"]
    with Unruly(serves(aborts_request())) as server:
        peer = f"PEER@127.0.0.1:{server.port}"
        args = ["store", peer, *SHORT, "--anonymize", "basic", "--key-file", key, *journal, samples.ct()]
        assert run(*args).records[0]["outcome"] == "unknown"
        again = run(*args, "--verbose")
        assert "it may have been sent before; it is sent again" in again.stderr
        assert len({stored.sop_instance_uid for stored in server.stores}) == 1


def test_sent_in_another_way_it_is_something_else(server: Unruly, key: Path, tmp_path: Path) -> None:
    journal = ["--journal", tmp_path / "journal"]
    other = tmp_path / "other.key"
    other.write_text("another key of nobody's patients")
    other.chmod(0o600)
    profiles = [
        profile_of(tmp_path, 'retain = ["device"]'),
        profile_of(tmp_path, "[rules]", 'Modality = "keep"'),
    ]
    for number, (given, profile) in enumerate(
        [(key, "basic"), (other, "basic"), *((key, each) for each in profiles)]
    ):
        for _ in range(2):
            assert store(server, samples.ct(), *journal, key=given, profile=profile).status == 0
        assert len(server.stores) == number + 1
    plain = run("store", f"PEER@127.0.0.1:{server.port}", *SHORT, *journal, samples.ct())
    assert plain.records[0]["outcome"] == "done"


# ---------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["--key-file", "trial.key"], "wants --anonymize"),
        (["--anonymize", "basic", "--journal", "journal"], "wants --key-file"),
        (["--anonymize", "nothing-of-this-name"], "nothing-of-this-name"),
        (["--anonymize", "basic", "--key-file", "absent.key"], "absent.key"),
    ],
)
def test_options_that_do_not_go_together(args: list[str], why: str) -> None:
    result = run("store", "PEER@127.0.0.1:1", samples.ct(), *args)
    assert result.status == 2
    assert why in result.stderr


def test_an_option_without_its_value_is_told_by_the_command() -> None:
    result = run("store", "PEER@127.0.0.1:1", samples.ct(), "--anonymize")
    assert result.status == 2
    assert result.stderr.startswith("dcmtools store: Option '--anonymize' requires an argument.")
    assert "Try 'dcmtools store --help'." in result.stderr


def test_pixels_are_not_blanked_on_their_way(key: Path, tmp_path: Path) -> None:
    profile = profile_of(tmp_path, "[pixels]", 'policy = "blank"')
    result = run("store", "PEER@127.0.0.1:1", samples.ct(), "--anonymize", profile, "--key-file", key)
    assert result.status == 2
    assert "'dcmtools anonymize' writes files" in result.stderr
    assert str(profile) in result.stderr
    assert "--pixels" not in result.stderr


def test_without_a_key_that_is_said(server: Unruly) -> None:
    result = store(server, samples.ct())
    assert result.status == 0
    assert "the key is random and forgotten" in result.stderr
