"""The server's loop and threads, with services made for the occasion."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from dcmtools.acceptor.admission import ServerOptions
from dcmtools.acceptor.server import Server
from dcmtools.acceptor.service import Service
from dcmtools.errors import UsageError
from dcmtools.net.peer import NetworkOptions
from dcmtools.net.stop import Stop
from tests.support.served import ECHO, VERIFICATION, associated, wait_until

if TYPE_CHECKING:
    from dcmtools.acceptor.session import Session
    from dcmtools.net.incoming import Message


def test_it_does_not_listen_to_the_world_unasked() -> None:
    with pytest.raises(UsageError):
        Server(ServerOptions(bind="0.0.0.0", port=0), [])  # noqa: S104  it is refused


@pytest.mark.parametrize(("patience", "requests", "waits"), [(60, 1, True), (60, 2, False), (0.3, 1, False)])
def test_a_service_that_hangs_is_waited_for_until_its_time_is_up_or_a_second_request(
    patience: float, requests: int, *, waits: bool
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def hangs(_session: Session, _message: Message) -> None:
        entered.set()
        go_on.wait()

    before, stop = threading.active_count(), Stop()
    options = ServerOptions(port=0, network=NetworkOptions(stop=stop, dimse_timeout=patience))
    with Server(options, [Service(bool, {ECHO: hangs})]) as server:
        thread = threading.Thread(target=server.run)
        thread.start()
        with associated(server.address[1], VERIFICATION) as association:
            [context] = association.contexts.values()
            association.send(context, {"CommandField": ECHO, "MessageID": 1, "CommandDataSetType": 0x0101})
            assert entered.wait(5)
            for _ in range(requests):
                stop.request()
            thread.join(2)
            assert thread.is_alive() == waits
            go_on.set()
            association.abort()
        wait_until(lambda: threading.active_count() == before)
    stop.close()
