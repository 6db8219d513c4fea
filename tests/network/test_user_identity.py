"""Who asks for an association (PS3.7 D.3.3.7): every kind, from every source, and the answer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.pdu_items import UserIdentitySubItemRQ

from dcmtools.net.peer import NetworkOptions, Peer
from dcmtools.net.presentation import PresentationContext
from dcmtools.net.requesting import request_association
from dcmtools.net.user_information import UserIdentity
from tests.support import samples
from tests.support.run import run
from tests.support.served import HOST, IMPLICIT, VERIFICATION, serving
from tests.support.unruly import Unruly, rejects, serves

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.unruly import Script

USERNAME, PASSCODE, KERBEROS, SAML, JWT = 1, 2, 3, 4, 5
SECRET = "eyJ0.hush.hush"  # noqa: S105  one that nobody uses


class Asked:
    """What pynetdicom's acceptor was told."""

    def __init__(self) -> None:
        self.identities: list[tuple[int, bytes, bytes]] = []
        self.address = ""


@contextmanager
def acceptor(*, verdict: bool = True, response: bytes | None = b"", looks: bool = True) -> Iterator[Asked]:
    """pynetdicom's, which checks a user with ``verdict`` if it ``looks`` at all."""
    asked = Asked()

    def check(event: Any) -> tuple[bool, bytes | None]:  # noqa: ANN401  pynetdicom's events have what they have
        asked.identities.append((event.user_id_type, event.primary_field, event.secondary_field))
        return verdict, response

    ae = AE()
    ae.add_supported_context(VERIFICATION)
    handlers: list[Any] = [(evt.EVT_USER_ID, check)] if looks else []
    server = ae.start_server((HOST, 0), block=False, evt_handlers=handlers)
    assert server is not None
    asked.address = f"{HOST}:{server.server_address[1]}"
    try:
        yield asked
    finally:
        server.shutdown()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    tmp_path.joinpath("password").write_bytes("pässword with blanks \n".encode())
    tmp_path.joinpath("ticket").write_bytes(b"\x6e\x82\0\n")
    tmp_path.joinpath("assertion").write_bytes(b"<saml:Assertion/>\n")
    tmp_path.joinpath("token").write_bytes(b"eyJ0.eyJz.c2ln\r\n")
    return tmp_path


@pytest.mark.parametrize(
    ("args", "identity"),
    [
        (["--user", "Wärd 7"], (USERNAME, "Wärd 7".encode(), b"")),
        (["--user", "w", "--password-file", "password"], (PASSCODE, b"w", "pässword with blanks ".encode())),
        (["--kerberos-ticket", "ticket"], (KERBEROS, b"\x6e\x82\0\n", b"")),
        (["--saml", "assertion"], (SAML, b"<saml:Assertion/>\n", b"")),
        (["--jwt", "token"], (JWT, b"eyJ0.eyJz.c2ln", b"")),
    ],
)
def test_every_kind_from_files(
    files: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], identity: tuple[int, bytes, bytes]
) -> None:
    monkeypatch.chdir(files)
    with acceptor() as peer:
        assert run("echo", peer.address, *args).status == 0
    [(kind, primary, secondary)] = peer.identities
    assert (kind, primary, secondary or b"") == identity


def test_secrets_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCMTOOLS_PASSWORD", "hush")
    monkeypatch.setenv("DCMTOOLS_JWT", "a.b.c")
    with acceptor() as peer:
        assert run("echo", peer.address, "--user", "w").status == 0
        assert run("echo", peer.address).status == 0
    assert peer.identities[0] == (PASSCODE, b"w", b"hush")
    assert peer.identities[1][:2] == (JWT, b"a.b.c")


def test_a_file_goes_before_the_environment(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCMTOOLS_PASSWORD", "hush")
    with acceptor() as peer:
        assert run("echo", peer.address, "--user", "w", "--password-file", files / "token").status == 0
    assert peer.identities == [(PASSCODE, b"w", b"eyJ0.eyJz.c2ln")]


def test_a_user_of_a_configured_peer(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password in the file is that of the user in the file, and of nobody else."""
    config = files / "config.toml"
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    with acceptor() as peer:
        host, port = peer.address.split(":")
        config.write_text(
            f'[peers.p]\nhost = "{host}"\nport = {port}\nuser = "w"\npassword_file = "password"\n'
        )
        assert run("echo", "p").status == 0
        assert run("echo", "p", "--user", "other").status == 0
        assert run("echo", "p", "--jwt", files / "token").status == 0
    assert [identity[:2] for identity in peer.identities] == [
        (PASSCODE, b"w"),
        (USERNAME, b"other"),
        (JWT, b"eyJ0.eyJz.c2ln"),
    ]


def test_a_user_who_is_not_welcome() -> None:
    with acceptor(verdict=False) as peer:
        result = run("echo", peer.address, "--user", "w", "--format", "json")
    assert result.status == 4
    assert result.records[0]["step"] == "associate"
    assert "rejected" in result.stderr


def test_a_confirmation(files: Path) -> None:
    """Of a kind that pynetdicom answers: it has none for names, which our own server has."""
    with acceptor(response=b"known") as peer:
        assert run("echo", peer.address, "--jwt", files / "token", "--identity-response").status == 0


def test_no_confirmation_is_no_association() -> None:
    """Where nobody asked for one it does not matter."""
    with acceptor(looks=False) as peer:
        assert run("echo", peer.address, "--user", "w").status == 0
        result = run("echo", peer.address, "--user", "w", "--identity-response")
    assert result.status == 4
    assert "associate: the peer does not confirm the user identity" in result.stderr


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--user", "w", "--jwt", "token"], "--user and --jwt: a peer can be told of one user only."),
        (["--password-file", "password"], "--password-file wants --user."),
        (["--ask-password"], "--ask-password wants --user."),
        (["--user", "w", "--ask-password"], "Password of w is wanted, and there is no terminal to ask"),
        (["--identity-response"], "--identity-response wants a user"),
        (["--user", "w", "--password-file", "none"], "none: No such file or directory"),
        (["--saml", "empty"], "empty: the file is empty"),
        (["--jwt", "lines"], "lines: more than one line"),
        (["--kerberos-ticket", "large"], "large: more than the 60000 bytes"),
    ],
)
def test_what_does_not_do(
    files: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], complaint: str
) -> None:
    monkeypatch.chdir(files)
    files.joinpath("empty").touch()
    files.joinpath("lines").write_text("a\nb\n")
    files.joinpath("large").write_bytes(bytes(60001))
    result = run("echo", f"{HOST}:1", *args)
    assert result.status == 2
    assert complaint in result.stderr


@pytest.mark.parametrize(
    ("args", "variables", "complaint"),
    [
        (["--user", "u" * 60001], {}, "user and password together: more than the 60000 bytes"),
        (["--user", "u" * 70000], {}, "user and password together: more than the 60000 bytes"),
        (["--user", "ü" * 30001], {}, "user and password together: more than the 60000 bytes"),
        (["--user", "u" * 30000, "--password-file", "long"], {}, "user and password together: more than"),
        ([], {"USER": "u" * 60001}, "user and password together: more than the 60000 bytes"),
        (["--user", "w"], {"PASSWORD": "s" * 60000}, "user and password together: more than the 60000 bytes"),
        (["--user", "w"], {"PASSWORD": "s" * 70000}, "user and password together: more than the 60000 bytes"),
        ([], {"JWT": "s" * 60001}, "DCMTOOLS_JWT: more than the 60000 bytes"),
        (["--jwt", "longest"], {}, "longest: more than the 60000 bytes"),
        (["--saml", "longest"], {}, "longest: more than the 60000 bytes"),
        (["--user", ""], {}, "--user: the name is empty."),
        (["--user", "w", "--password-file", ""], {}, "'': No such file or directory"),
        (["--jwt", ""], {}, "'': No such file or directory"),
        (["--user", "w\udcff"], {}, "--user: the name is not text in UTF-8."),
    ],
)
def test_what_no_request_can_hold(
    files: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], variables: dict[str, str], complaint: str
) -> None:
    """PS3.7 D.3.3.7: lengths have 16 bits. A usage error before anybody is called, which quotes nothing."""
    monkeypatch.chdir(files)
    files.joinpath("long").write_bytes(b"s" * 30001)
    files.joinpath("longest").write_bytes(b"s" * 60001)
    for name, value in variables.items():
        monkeypatch.setenv(f"DCMTOOLS_{name}", value)
    with acceptor() as peer:
        result = run("echo", peer.address, "--debug", *args)
    assert result.status == 2
    assert peer.identities == []
    assert complaint in result.stderr
    assert "sssss" not in result.stderr
    assert "uuuuu" not in result.stderr


def test_a_user_of_config_toml_who_is_too_long(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = files / "config.toml"
    monkeypatch.setenv("DCMTOOLS_CONFIG", str(config))
    config.write_text(f'[peers.p]\nhost = "{HOST}"\nport = 1\nuser = "{"u" * 70000}"\n')
    result = run("echo", "p")
    assert result.status == 2
    assert result.stderr == (
        "dcmtools echo: user and password together: more than the 60000 bytes that a peer can be sent\n"
    )


@pytest.mark.parametrize("user", [1, 30000, 59000])
def test_the_largest_user(monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    monkeypatch.setenv("DCMTOOLS_PASSWORD", "s" * (60000 - user))
    with acceptor() as peer:
        assert run("echo", peer.address, "--user", "u" * user).status == 0
    [(_, primary, secondary)] = peer.identities
    assert (len(primary), len(secondary)) == (user, 60000 - user)


def test_the_largest_secret(files: Path) -> None:
    files.joinpath("large").write_bytes(b"x" * 60000)
    with acceptor() as peer:
        assert run("echo", peer.address, "--kerberos-ticket", files / "large").status == 0
    assert len(peer.identities[0][1]) == 60000


def loudly(folder: Path, *args: object) -> int:
    """Run ``dcmtools ARGS`` with all that it can say; return its status where none of that is the secret."""
    log = folder / "log"
    result = run("--log-file", log, "-vvv", "--debug", *args)
    said = (
        result.stdout,
        result.stderr,
        log.read_text(),
        *[path.read_text() for path in folder.glob("report.*")],
    )
    assert SECRET not in "".join(said)
    return result.status


@pytest.mark.parametrize(("script", "status"), [(serves(), 0), (rejects(), 4)], ids=["welcome", "rejected"])
@pytest.mark.parametrize("source", ["password file", "password", "token file", "token"])
def test_secrets_are_not_shown(
    files: Path, monkeypatch: pytest.MonkeyPatch, source: str, script: Script, status: int
) -> None:
    """Neither in the log nor in a traceback nor in a record."""
    secret = files / "secret"
    secret.write_text(f"{SECRET}\n")
    args: list[object] = ["--user", "ward7"] if "password" in source else []
    if "file" in source:
        args += ["--password-file" if args else "--jwt", secret]
    else:
        monkeypatch.setenv("DCMTOOLS_PASSWORD" if args else "DCMTOOLS_JWT", SECRET)
    with Unruly(script) as peer:
        to = (f"{HOST}:{peer.port}", *args, "--format", "json")
        assert loudly(files, "echo", *to) == status
        assert loudly(files, "store", *to, "--report", files / "report.csv", samples.ct()) == status
        assert loudly(files, "store", *to, "--report", files / "report.xml", samples.ct()) == status
        [_, _, asked] = peer.proposals
    assert asked.user_information is not None
    assert isinstance(identity := asked.user_information.user_identity, UserIdentitySubItemRQ)
    assert SECRET.encode() in (identity.primary_field, identity.secondary_field)


def test_a_bug_shows_no_secrets(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even one that quotes the request in its exception."""

    def broken(request: object) -> bytes:
        raise ValueError(f"{request!r}")

    monkeypatch.setenv("DCMTOOLS_PASSWORD", SECRET)
    monkeypatch.setattr("dcmtools.net.pdu.encode", broken)
    with Unruly(serves()) as peer:
        for command in (["echo"], ["store", samples.ct()]):
            args = (f"{HOST}:{peer.port}", "--user", "ward7", "--format", "json")
            assert loudly(files, command[0], *args, *command[1:]) == 70


@pytest.mark.parametrize(
    ("kind", "confirmed"),
    [(USERNAME, True), (PASSCODE, True), (KERBEROS, False), (SAML, False), (JWT, False), (99, False)],
)
def test_our_own_answer(tmp_path: Path, kind: int, confirmed: bool) -> None:
    """PS3.15 B.4: names as they come; what was not checked is not confirmed."""
    with serving(tmp_path / "in") as server:
        for asks in (False, True):
            identity = UserIdentity(kind, b"me", b"pass" if kind == PASSCODE else b"", asks)
            network = NetworkOptions(identity=identity)
            contexts = [PresentationContext(1, VERIFICATION, (IMPLICIT,))]
            if asks and not confirmed:
                with pytest.raises(Exception, match="does not confirm"):
                    request_association(Peer(HOST, server.port), network, contexts)
            else:
                request_association(Peer(HOST, server.port), network, contexts).release()
