"""Whom the server takes, and which presentation contexts it accepts."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_network
from typing import Any

import pytest

from dcmtools.acceptor.admission import ServerOptions, answered, preferred
from dcmtools.errors import ExitStatus, UsageError
from dcmtools.net.pdu import AssociateRJ, AssociateRQ
from dcmtools.net.presentation import (
    ABSTRACT_SYNTAX_NOT_SUPPORTED,
    ACCEPTANCE,
    TRANSFER_SYNTAXES_NOT_SUPPORTED,
    ContextResult,
    PresentationContext,
)
from dcmtools.net.user_information import UserInformation
from tests.support.served import BIG, CT, DEFLATED, EXPLICIT, IMPLICIT

NOT_CALLED, NOT_CALLING = AssociateRJ(1, 1, 7), AssociateRJ(1, 1, 3)
INFORMATION = UserInformation(16384, "1.2.3")
LAN = ip_network("192.0.2.0/24")


def request(called: str = "ARCHIVE", calling: str = "CT1") -> AssociateRQ:
    return AssociateRQ(called, calling, (), INFORMATION)


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_a_loopback_address_needs_no_permission(bind: str) -> None:
    ServerOptions(bind=bind).check()


@pytest.mark.parametrize(
    "bind",
    ["0.0.0.0", "::", "192.0.2.1", "example.invalid", "", "127.0.0.1.example"],  # noqa: S104  nothing is bound
)
def test_any_other_address_does(bind: str) -> None:
    with pytest.raises(UsageError) as caught:
        ServerOptions(bind=bind).check()
    assert caught.value.status is ExitStatus.USAGE
    assert "--allow-aet" in caught.value.hint


@pytest.mark.parametrize("how", [{"allow_aet": ("CT1",)}, {"allow_ip": (LAN,)}, {"open_to_all": True}])
def test_with_permission_every_address_will_do(how: dict[str, Any]) -> None:
    ServerOptions(bind="0.0.0.0", **how).check()  # noqa: S104  nothing is bound


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({}, None),
        ({"aet": "ARCHIVE"}, None),
        ({"aet": "OTHER"}, NOT_CALLED),
        ({"aet": "archive"}, NOT_CALLED),
        ({"allow_aet": ("CT2", "CT1")}, None),
        ({"allow_aet": ("CT2",)}, NOT_CALLING),
        ({"aet": "OTHER", "allow_aet": ("CT2",)}, NOT_CALLED),
    ],
)
def test_whom_it_refuses_and_why(options: dict[str, Any], refusal: AssociateRJ | None) -> None:
    assert ServerOptions(**options).refusal(request()) == refusal


@pytest.mark.parametrize(
    ("networks", "welcome"),
    [
        ((), True),
        ((LAN,), True),
        ((ip_network("198.51.100.0/24"),), False),
        ((ip_network("198.51.100.0/24"), LAN), True),
        ((ip_network("192.0.2.8"),), False),
    ],
)
def test_which_addresses_it_listens_to(networks: tuple[IPv4Network, ...], *, welcome: bool) -> None:
    assert ServerOptions(allow_ip=networks).takes_from("192.0.2.7") == welcome


@pytest.mark.parametrize(
    ("host", "welcome"),
    [("::ffff:192.0.2.7", True), ("::ffff:198.51.100.1", False), ("fe80::1%eth0", False), ("::1", False)],
)
def test_an_ipv4_peer_on_a_socket_for_both_is_known_by_its_ipv4_address(host: str, *, welcome: bool) -> None:
    assert ServerOptions(allow_ip=(LAN,)).takes_from(host) == welcome


def test_a_link_local_peer_is_known_without_its_zone() -> None:
    assert ServerOptions(allow_ip=(ip_network("fe80::/10"),)).takes_from("fe80::1%eth0")


@pytest.mark.parametrize(
    ("proposed", "accepted"),
    [
        ([IMPLICIT], IMPLICIT),
        ([IMPLICIT, EXPLICIT], EXPLICIT),
        ([IMPLICIT, BIG], IMPLICIT),
        ([BIG, EXPLICIT], BIG),
        ([DEFLATED, IMPLICIT], DEFLATED),
        (["1.2.840.10008.1.2.4.90", EXPLICIT], "1.2.840.10008.1.2.4.90"),
    ],
)
def test_the_first_transfer_syntax_is_preferred_but_explicit_to_implicit(
    proposed: list[str], accepted: str
) -> None:
    assert preferred(proposed) == accepted


@pytest.mark.parametrize(
    ("abstract_syntax", "transfer_syntaxes", "result", "accepted"),
    [
        (CT, (EXPLICIT,), ACCEPTANCE, EXPLICIT),
        (CT, ("1.2.3.4.5",), ACCEPTANCE, "1.2.3.4.5"),
        (CT, ("../../x", EXPLICIT), ACCEPTANCE, EXPLICIT),
        (CT, ("../../x",), TRANSFER_SYNTAXES_NOT_SUPPORTED, IMPLICIT),
        (CT, (), TRANSFER_SYNTAXES_NOT_SUPPORTED, IMPLICIT),
        ("1.2.3", (EXPLICIT,), ABSTRACT_SYNTAX_NOT_SUPPORTED, IMPLICIT),
    ],
)
def test_each_context_is_answered(
    abstract_syntax: str, transfer_syntaxes: tuple[str, ...], result: int, accepted: str
) -> None:
    context = PresentationContext(5, abstract_syntax, transfer_syntaxes)
    assert answered([context], {CT: ()}.get) == (ContextResult(5, result, accepted),)
