"""What is logged of connections that fail: soon, always, and no more than so many lines a minute."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from dcmtools.acceptor import complaints as module
from dcmtools.acceptor.complaints import Complaints, failure
from dcmtools.errors import AssociationError, Interrupted
from dcmtools.net.accepting import NoRequest, Rejected
from dcmtools.net.pdu import AssociateRJ, AssociateRQ
from dcmtools.net.user_information import UserInformation

if TYPE_CHECKING:
    from dcmtools.errors import DcmtoolsError

WARNING, INFO = logging.WARNING, logging.INFO


class Clock:
    """Stands for ``time``."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_ten_lines_a_minute_for_an_address_and_then_their_number(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    complaints = Complaints()
    for number in range(25):
        complaints.tell(WARNING, "192.0.2.1", f"failed {number}")
    complaints.tell(WARNING, "192.0.2.2", "failed elsewhere")
    assert caplog.messages == [*(f"failed {number}" for number in range(10)), "failed elsewhere"]
    assert complaints.until_due() == 60_000
    clock.now += 59
    complaints.sum_up(clock.now)
    assert len(caplog.messages) == 11
    clock.now += 1
    complaints.sum_up(clock.now)
    assert caplog.messages[11:] == ["suppressed peer=192.0.2.1 lines=15"]
    assert complaints.until_due() is None


def test_the_next_minute_begins_anew(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints()
    for minute in range(3):
        for _ in range(11):
            complaints.tell(WARNING, "192.0.2.1", f"failed {minute}")
        clock.now += 61
    expected = [line for minute in range(3) for line in [f"failed {minute}"] * 10 + ["suppressed"]]
    complaints.sum_up()
    assert [line.removesuffix(" peer=192.0.2.1 lines=1") for line in caplog.messages] == expected


def test_many_addresses_are_counted_as_one(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints()
    for number in range(10_000):
        complaints.tell(WARNING, str(number), "failed")
    assert len(caplog.messages) == 256 + 10
    clock.now += 60
    complaints.sum_up(clock.now)
    assert caplog.messages[266:] == [f"suppressed peer=others lines={10_000 - 266}"]


@pytest.mark.usefixtures("clock")
def test_what_is_not_shown_takes_nothing_from_what_is(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints()
    for level, lines in ((WARNING, 0), (INFO, 10)):
        caplog.set_level(level)
        for _ in range(20):
            complaints.tell(INFO, "192.0.2.1", "silent")
        assert caplog.messages.count("silent") == lines
    complaints.tell(WARNING, "192.0.2.1", "failed")
    assert caplog.messages[-1] == "failed"
    complaints.sum_up()
    assert [record.levelno for record in caplog.records if "suppressed" in record.message] == [INFO]


REQUEST = AssociateRQ('a" b', "CT1", (), UserInformation(16384, "1.2.3"))


@pytest.mark.parametrize(
    ("error", "level", "line"),
    [
        (
            NoRequest("nothing", step="associate"),
            INFO,
            'failed association=7 peer=::1 reason="associate: nothing"',
        ),
        (Interrupted("stopped"), INFO, "failed association=7 peer=::1 reason=stopped"),
        (
            AssociationError("no TLS", step="tls", transient=True),
            WARNING,
            'failed association=7 peer=::1 reason="tls: no TLS"',
        ),
        (
            Rejected(REQUEST, AssociateRJ(1, 1, 7)),
            WARNING,
            'rejected association=7 peer=::1 calling=CT1 called="a\\" b"'
            ' reason="called AE title not recognized (service user)"',
        ),
    ],
)
def test_failures_are_told_always_but_of_who_said_nothing(
    error: DcmtoolsError, level: int, line: str
) -> None:
    assert failure(error, 7, "::1") == (level, "::1", line)
