"""What a run of ``store`` is asked to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from dcmtools.errors import CheckFailed, DcmtoolsError
from dcmtools.net.dimse import MEDIUM
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from dcmtools.editing.changes import Change
    from dcmtools.scu.anonymizing import Anonymizing
    from dcmtools.selection.where import Where

Transcode = Literal["never", "lossless", "any"]


class StoreOptions(NamedTuple):
    """How to send.

    ``jobs`` associations at once, at most ``rate`` bytes a second over all; ``retries`` more tries for what
    may pass, the first after about ``retry_delay`` seconds; ``journal`` is the file that says what has been
    sent. ``fail_fast`` begins nothing after a failure, ``strict`` takes what is remarked on or skipped for
    failed, ``dry_run`` sends nothing. ``per_study`` has an association for each study. ``priority`` is that
    of PS3.7 9.1.1; ``move_originator`` holds the fields that name who a C-MOVE came from.

    With ``anonymizing`` instances are de-identified before, and those that cannot be are not sent.

    ``changes`` are made in every data set on its way. ``transcode`` says whether one may go in another
    transfer syntax where the peer does not take its own: never, if all samples stay what they are, or in any
    case, which makes another instance of it where some do not.

    Files that ``where`` is not true of are left out.
    """

    jobs: int = 1
    rate: int | None = None
    retries: int = 0
    retry_delay: float = 5.0
    journal: str | None = None
    fail_fast: bool = False
    strict: bool = False
    dry_run: bool = False
    per_study: bool = False
    priority: int = MEDIUM
    move_originator: dict[str, str | int] = {}  # noqa: RUF012  nobody writes to it
    changes: tuple[Change, ...] = ()
    transcode: Transcode = "lossless"
    anonymizing: Anonymizing | None = None
    where: Where | None = None

    def shown(self, result: Result) -> Result:
        """Return ``result`` with no old identifiers in its record, if there are new ones."""
        if not self.anonymizing:
            return result
        record = {name: value for name, value in result.record.items() if name != "sop_instance_uid"}
        return result._replace(record=record)

    def judged(self, result: Result) -> Result:
        """Return ``shown``, as a failure where the run is strict and there is something to remark."""
        result = self.shown(result)
        if self.strict and result.selected and result.outcome in (Outcome.WARNING, Outcome.SKIPPED):
            return result._replace(outcome=Outcome.FAILED, error=CheckFailed(result.note), note="")
        return result

    @staticmethod
    def ended() -> DcmtoolsError:
        """Return why nothing is sent after a failure that was to end the run."""
        return DcmtoolsError("not sent: the first failure ended the run (--fail-fast)")


DEFAULTS: Final = StoreOptions()
