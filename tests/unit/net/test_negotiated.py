"""What both sides agreed on, and why they did not (PS3.8 9.3.3.2)."""

from __future__ import annotations

import pytest

from dcmtools.errors import PeerFailure
from dcmtools.net.negotiated import Context
from dcmtools.net.presentation import ContextResult
from dcmtools.net.stop import Stop
from tests.support.opened import (
    CT,
    EXPLICIT,
    IMPLICIT,
    VERIFICATION,
    open_association,
)
from tests.support.tcp import connection


def test_contexts_are_what_both_agreed_on() -> None:
    """PS3.8 9.3.3.2: a syntax that was not proposed, an ID that was not, no answer: not agreed."""
    results = (
        ContextResult(1, 0, EXPLICIT),
        ContextResult(3, 0, EXPLICIT),
        ContextResult(5, 4, ""),
        ContextResult(7, 0, IMPLICIT),
    )
    with connection() as (ours, _peer):
        association = open_association(ours, Stop(), results=results)
        assert association.contexts == {3: Context(3, CT, EXPLICIT)}
        assert association.refused == {1: 4, 5: 4}
        assert (
            association.context_for(CT) == association.context_for(CT, EXPLICIT) == Context(3, CT, EXPLICIT)
        )
        assert association.context_for(CT, IMPLICIT) is association.context_for(VERIFICATION) is None


RESULTS = {1: "rejected by its user", 2: "no reason given", 3: "it does not support this SOP class"}


@pytest.mark.parametrize("result", [1, 2, 3, 4, 9, None])
def test_a_context_that_is_required(result: int | None) -> None:
    """PS3.8 Table 9-18: what was answered, in words."""
    words = RESULTS | {
        4: "no transfer syntax that it takes",
        9: "reserved result 9",
        None: "it gave no answer",
    }
    results = () if result is None else (ContextResult(1, result, IMPLICIT),)
    with connection() as (ours, _peer):
        association = open_association(ours, Stop(), results=(*results, ContextResult(3, 0, EXPLICIT)))
        assert association.require(CT) == Context(3, CT, EXPLICIT)
        with pytest.raises(PeerFailure) as caught:
            association.require(VERIFICATION)
    assert caught.value.message.startswith(f"the peer accepts no Verification: {words[result]}")


def test_a_context_that_is_required_in_a_transfer_syntax() -> None:
    with connection() as (ours, _peer):
        association = open_association(
            ours, Stop(), results=(ContextResult(3, 0, EXPLICIT), ContextResult(5, 4, ""))
        )
        assert association.require(CT, EXPLICIT) == Context(3, CT, EXPLICIT)
        with pytest.raises(
            PeerFailure, match="no CTImageStorage in ImplicitVRLittleEndian: no transfer syntax that"
        ):
            association.require(CT, IMPLICIT)
        assert association.refusal(CT, VERIFICATION) == "it was not proposed"
        assert association.refusal(CT, EXPLICIT) == "no transfer syntax that it takes", "it has another"
