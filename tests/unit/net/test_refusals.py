"""Rejections and aborts in words (PS3.8 Tables 9-18, 9-21 and 9-26)."""

from __future__ import annotations

import pytest

from dcmtools.net.refusals import abort_text, context_text, rejection_text


@pytest.mark.parametrize(
    ("source", "reason", "text"),
    [
        (1, 1, "no reason given (service user)"),
        (1, 2, "application context name not supported (service user)"),
        (1, 3, "calling AE title not recognized (service user)"),
        (1, 7, "called AE title not recognized (service user)"),
        (2, 1, "no reason given (service provider, ACSE)"),
        (2, 2, "protocol version not supported (service provider, ACSE)"),
        (3, 1, "temporary congestion (service provider, presentation)"),
        (3, 2, "local limit exceeded (service provider, presentation)"),
        (3, 0, "reserved reason 0 of source 3"),
        (9, 1, "reserved reason 1 of source 9"),
    ],
)
def test_rejection_in_words(source: int, reason: int, text: str) -> None:
    """PS3.8 Table 9-21."""
    assert rejection_text(source, reason) == text


@pytest.mark.parametrize(
    ("source", "reason", "text"),
    [
        (0, 0, "reason not specified (service user)"),
        (0, 5, "reason not specified (service user)"),
        (2, 0, "reason not specified (service provider)"),
        (2, 1, "unrecognized PDU (service provider)"),
        (2, 2, "unexpected PDU (service provider)"),
        (2, 4, "unrecognized PDU parameter (service provider)"),
        (2, 5, "unexpected PDU parameter (service provider)"),
        (2, 6, "invalid PDU parameter value (service provider)"),
        (2, 3, "reserved reason 3 of source 2"),
        (1, 0, "reserved reason 0 of source 1"),
    ],
)
def test_abort_in_words(source: int, reason: int, text: str) -> None:
    """PS3.8 Table 9-26; a service user gives no reason."""
    assert abort_text(source, reason) == text


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (1, "rejected by its user"),
        (4, "no transfer syntax that it takes"),
        (7, "reserved result 7"),
        (None, "it gave no"),
    ],
)
def test_refused_contexts_in_words(result: int | None, words: str) -> None:
    assert context_text(result).startswith(words)
