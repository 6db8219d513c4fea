"""``peers add`` and ``peers remove``, through the program: the file keeps all that was not meant."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmtools.config.peers import named_peer
from dcmtools.config.rewriting import appended, removed, replaced
from dcmtools.net.peer import Limits, Peer, Security
from tests.support.run import run

FULL = """\
# who we talk to
[defaults]   # of all commands
format = "json"

# the archive
[peers.archive]
host = "a" # moved in May
# standard
port = 104
dimse_timeout = 9

[peers.ct]
host = "c"
"""


def test_the_first_makes_the_file_and_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "new"))
    result = run("peers", "add", "a.b", "A@h:104", "-aet", "ME", "--acse-timeout", "2.5", "--max-pdu", 4096)
    assert result == (0, "", "")
    file = tmp_path / "new" / "dcmtools" / "config.toml"
    assert file.read_text() == (
        '[peers."a.b"]\nhost = "h"\nport = 104\naet = "A"\ncalling_aet = "ME"\n'
        "acse_timeout = 2.5\nmax_pdu = 4096\n"
    )
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert named_peer("a.b") == Peer("h", 104, "A", "ME", Limits(acse_timeout=2.5, max_pdu=4096))
    assert os.listdir(file.parent) == ["config.toml"]


def test_one_more(file: Path) -> None:
    file.write_text(FULL)
    assert run("peers", "add", "new", "h").status == 0
    added = '\n[peers.new]\nhost = "h"\nport = 11112\naet = "ANY-SCP"\n'
    assert file.read_text() == FULL + added


def test_a_secured_one(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files by their full paths, as nobody knows where the program will be called."""
    monkeypatch.chdir(file.parent)
    args = (
        "--tls",
        "--tls-ca",
        "ca.pem",
        "--user",
        "w",
        "--bind-address",
        "127.0.0.1",
        "--tls-profile",
        "aes",
    )
    assert run("peers", "add", "new", "V@h", *args).status == 0
    security = Security(
        "127.0.0.1", tls=True, tls_ca=str(file.parent / "ca.pem"), tls_profile="aes", user="w"
    )
    assert named_peer("new") == Peer("h", 2762, "V", security=security)
    shown = run("peers", "show", "new").stdout
    assert "port = 2762\n" in shown
    assert "tls = true\n" in shown
    assert run("peers", "add", "new", "V@h", "--no-tls", "--replace").status == 0
    assert named_peer("new") == Peer("h", 11112, "V", security=Security(tls=False))


def test_a_known_name_is_refused(file: Path) -> None:
    file.write_text(FULL)
    result = run("peers", "add", "ct", "h")
    assert result.status == 2
    assert result.stderr.startswith("dcmtools peers add: there is a peer 'ct' already\nhint: --replace ")
    assert file.read_text() == FULL


def test_a_replaced_one_keeps_its_place_and_the_comments(file: Path) -> None:
    file.write_text(FULL)
    assert run("peers", "add", "archive", "B@a:105", "--replace").status == 0
    assert file.read_text() == FULL.replace("port = 104\ndimse_timeout = 9\n", "port = 105\n").replace(
        "[peers.archive]\n", '[peers.archive]\naet = "B"\n'
    )


def test_removed_ones(file: Path) -> None:
    file.write_text(FULL)
    assert run("peers", "remove", "archive").status == 0
    assert file.read_text() == FULL.partition("[peers.archive]")[0] + '\n[peers.ct]\nhost = "c"\n'
    assert run("peers", "remove", "ct").status == 0
    assert file.read_text() == FULL.partition("[peers.archive]")[0]


def test_one_unknown_name_among_known_ones(file: Path) -> None:
    file.write_text(FULL)
    result = run("peers", "remove", "ct", "nobody", "archive", "--format", "json")
    assert result.status == 1
    assert [record["outcome"] for record in result.records] == ["done", "failed", "done"]
    assert "no peer is called 'nobody'" in result.stderr
    assert "peers" not in tomllib.loads(file.read_text())


@pytest.mark.parametrize(
    "text", ['peers = {ct = {host = "c"}, b = {host = "b"}}\n', "peers = { ct = {\thost = 'c' }, b = {} }"]
)
def test_a_form_that_only_an_editor_can_change(text: str, file: Path) -> None:
    file.write_text(text)
    for args in (["add", "new", "h"], ["remove", "ct"], ["add", "ct", "h", "--replace"]):
        result = run("peers", *args)
        assert result.status == 2
        assert "in a form that only an editor can change" in result.stderr
    assert file.read_text() == text


@pytest.mark.parametrize(
    "text", ['peers.ct.host = "c"\npeers.b.host = "b"\n', '[peers]\nct = {host = "c"}\n']
)
def test_other_forms_that_can_be_changed(text: str, file: Path) -> None:
    file.write_text(text)
    assert run("peers", "remove", "ct").status == 0
    assert run("peers", "add", "new", "h").status == 0
    assert named_peer("ct") is None
    assert named_peer("new") == Peer("h")


def test_a_link_stays_one_and_the_mode_too(file: Path) -> None:
    real = file.with_name("real.toml")
    real.write_text(FULL)
    real.chmod(0o644)
    file.symlink_to(real)
    assert run("peers", "add", "new", "h").status == 0
    assert file.is_symlink()
    assert "peers.new" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o644


def test_a_wrong_file_is_not_touched(file: Path) -> None:
    file.write_text("[peers\n")
    result = run("peers", "add", "new", "h")
    assert result.status == 2
    assert f"{file}: " in result.stderr
    assert file.read_text() == "[peers\n"


def test_a_failure_leaves_the_file_and_nothing_beside_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    file.write_text(FULL)
    monkeypatch.setattr(os, "fsync", fail)
    result = run("peers", "add", "new", "h")
    assert result.status == 1
    assert f"{file}: No space left on device" in result.stderr
    assert file.read_text() == FULL
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize("name", ["", "a b", "a@b", "a/b", "é", "a\n"])
def test_what_is_no_name(name: str, file: Path) -> None:
    result = run("peers", "add", "--", name, "h")
    assert result.status == 2
    assert "is not a name of letters" in result.stderr
    assert not file.exists()


def test_many_at_once(file: Path) -> None:
    """Each waits for the one before, so none is lost."""
    program = [str(Path(sys.executable).with_name("dcmtools")), "peers", "add"]
    started = [subprocess.Popen([*program, f"p{number}", "h"]) for number in range(8)]
    assert [process.wait(60) for process in started] == [0] * 8
    assert len(tomllib.loads(file.read_text())["peers"]) == 8


def test_the_defaults_of_other_commands_are_not_written_down(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('[defaults]\ncalling_aet = "DESK"\n')
    monkeypatch.setenv("DCMTOOLS_CALLING_AET", "DESK")
    assert run("peers", "add", "new", "h").status == 0
    assert named_peer("new") == Peer("h")


def test_list_and_show(file: Path) -> None:
    file.write_text(
        '[peers.a]\nhost = "h"\n[peers.b]\nhost = 1\n[peers.c]\nhost = "::1"\ncalling_aet = "ME"\n'
    )
    listed = run("peers", "list")
    assert listed.status == 1
    assert listed.stdout == "a\tANY-SCP\th\t11112\t\nc\tANY-SCP\t::1\t11112\tME\n"
    assert f"b: {file}: line 4: peers.b.host: must be text" in listed.stderr
    shown = run("peers", "show", "c")
    assert shown.stdout == '[peers.c]\nhost = "::1"\nport = 11112\naet = "ANY-SCP"\ncalling_aet = "ME"\n'
    assert run("peers", "show", "x").stderr == (
        "dcmtools peers show: no peer is called 'x'\nhint: configured are a, b, c\n"
    )


NAMES = st.sampled_from(["a", "b", "c.d", "e-f"])
VALUES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"host": st.sampled_from(["h", "x.example"])}, optional={"port": st.integers(1, 9)}
)
COMMENTS = st.sampled_from(["", "# one\n", "\n\n# two\n\n", "[defaults]\ncolor = '''never'''\n"])


@given(
    st.lists(st.tuples(NAMES, VALUES), unique_by=lambda peer: peer[0]), COMMENTS, NAMES, VALUES, st.booleans()
)
def test_whatever_stands_there(
    peers: list[tuple[str, dict[str, Any]]], comment: str, name: str, values: dict[str, Any], dos: bool
) -> None:
    text = comment
    for known, said in peers:
        text = appended(text, known, said) + ("# after\n" if said.get("port") == 5 else "")
    text = text.replace("\n", "\r\n") if dos else text
    expected = dict(peers)
    if name in expected:
        without = removed(text, name)
        assert tomllib.loads(without).get("peers", {}) == {k: v for k, v in expected.items() if k != name}
        assert without.count("#") == text.count("#")
        changed = replaced(text, name, values)
    else:
        changed = appended(text, name, values)
        assert changed.startswith(text)
    assert tomllib.loads(changed)["peers"] == {**expected, name: values}
    assert changed.count("#") == text.count("#")
    assert changed.count("\r\n") == (changed.count("\n") if dos and text else 0)
