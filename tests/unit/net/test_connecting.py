"""From a host name to addresses: what may pass, and what is final."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from dcmtools.errors import AssociationError
from dcmtools.net.connecting import resolve
from dcmtools.net.peer import NetworkOptions


@pytest.mark.parametrize(
    ("failure", "transient", "hint"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), True, "is the network up"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), False, "is the name right?"),
        (socket.gaierror(socket.EAI_FAIL, "Failure"), False, "is the name"),
        (UnicodeError("label too long"), False, "is the name right?"),
    ],
)
def test_a_resolver_that_fails(
    monkeypatch: pytest.MonkeyPatch, failure: OSError | UnicodeError, transient: bool, hint: str
) -> None:
    def failing(*_: object, flags: int = 0, **__: Any) -> list[Any]:  # noqa: ANN401  getaddrinfo's
        raise socket.gaierror(socket.EAI_NONAME, "no number") if flags else failure

    monkeypatch.setattr(socket, "getaddrinfo", failing)
    with pytest.raises(AssociationError) as caught:
        resolve("pacs.example.org", 104, 5, NetworkOptions())
    reason = getattr(failure, "strerror", None) or failure
    assert caught.value.message == f"resolve: pacs.example.org: {reason}"
    assert (caught.value.step, caught.value.transient) == ("resolve", transient)
    assert hint in caught.value.hint


def test_a_resolver_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from threading import Event

    answered = Event()

    def slow(*_: object, flags: int = 0, **__: Any) -> list[Any]:  # noqa: ANN401  the same
        if flags:
            raise socket.gaierror(socket.EAI_NONAME, "no number")
        answered.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        with pytest.raises(AssociationError, match=r"pacs\.example\.org: no answer in time") as caught:
            resolve("pacs.example.org", 104, 0.1, NetworkOptions())
    finally:
        answered.set()
    assert caught.value.transient
