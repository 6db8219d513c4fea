"""What the options make of a result."""

from __future__ import annotations

import pytest

from dcmtools.errors import DcmtoolsError, ExitStatus
from dcmtools.results import Outcome, Result
from dcmtools.scu.storing import DEFAULTS, StoreOptions

STRICT = StoreOptions(strict=True)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_as_it_is_by_default(outcome: Outcome) -> None:
    result = Result("item", {"file": "item"}, outcome, note="a remark")
    assert DEFAULTS.judged(result) is result


@pytest.mark.parametrize("outcome", [Outcome.WARNING, Outcome.SKIPPED])
def test_strict_takes_remarks_for_failures(outcome: Outcome) -> None:
    result = STRICT.judged(Result("item", {"file": "item"}, outcome, note="a remark"))
    assert (result.outcome, result.note, result.record) == (Outcome.FAILED, "", {"file": "item"})
    assert result.error is not None
    assert (result.error.message, result.error.status) == ("a remark", ExitStatus.PARTIAL)


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.FAILED, Outcome.UNKNOWN])
def test_strict_leaves_the_rest(outcome: Outcome) -> None:
    """A remark on what is done, such as with -v, is none of the peer's."""
    result = Result("item", {}, outcome, note="a remark", error=DcmtoolsError("why"))
    assert STRICT.judged(result) is result
