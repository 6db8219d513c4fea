"""What is said of files that a run has left unsent."""

from __future__ import annotations

import pytest

from dcmtools.errors import DcmtoolsError, Interrupted
from dcmtools.files.inputs import Input
from dcmtools.files.instance import Instance
from dcmtools.net.stop import Stop
from dcmtools.results import Outcome
from dcmtools.scu.store import _left
from dcmtools.scu.work import Batch, Work


@pytest.mark.parametrize("lost", [None, DcmtoolsError("lost")])
def test_one_cause_is_one_error_and_what_is_doubtful_comes_first(lost: DcmtoolsError | None) -> None:
    """So that the others follow each other, and can be told of together."""
    instances = [
        Instance(Input(f"{number}"), "1.2", f"2.25.{number}", "1.2.840.10008.1.2", 0, 0, (0, 0))
        for number in range(5)
    ]
    batch = Batch([], instances, exclusive=False)
    batch.pending[3] = batch.pending[3]._replace(doubtful=True)
    work = Work([batch])
    work.lost = lost
    stop = Stop()
    doubtful, *others = _left(work, stop)
    stop.close()
    assert (doubtful.item, doubtful.outcome) == ("3", Outcome.UNKNOWN)
    assert [(result.item, result.outcome) for result in others] == [
        (item, Outcome.FAILED) for item in ("0", "1", "2", "4")
    ]
    assert isinstance(others[0].error, Interrupted) or others[0].error is lost
    assert {id(result.error) for result in others} == {id(others[0].error)}
