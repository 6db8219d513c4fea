"""What is still to be sent, shared by the associations of a run."""

from __future__ import annotations

import time
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dcmtools.errors import DcmtoolsError
    from dcmtools.files.instance import Instance
    from dcmtools.net.presentation import PresentationContext


class Attempt(NamedTuple):
    """The ``number``-th sending of an instance, not before ``due``, a time of ``time.monotonic``.

    ``doubtful`` says that the answer to an earlier one was lost: the peer may have it already.
    """

    instance: Instance
    number: int = 1
    due: float = 0.0
    doubtful: bool = False


class Batch:
    """Instances to send on associations with these ``contexts``, one at a time where ``exclusive``."""

    def __init__(
        self, contexts: Sequence[PresentationContext], instances: Iterable[Instance], *, exclusive: bool
    ) -> None:
        """Begin with all of ``instances`` to be sent, in their order."""
        self.contexts = contexts
        self.exclusive = exclusive
        self.users = 0  # who may still put an attempt back
        self.pending = deque(Attempt(instance) for instance in instances)

    def due(self) -> float | None:
        """Return when the next attempt is due, None where there is none to make."""
        return min((attempt.due for attempt in self.pending), default=None)


class Work:
    """The batches of a run.

    ``lost`` is why nothing more is begun, once there is a reason; ``refused`` is why an association did not
    come about, where one has not.
    """

    def __init__(self, batches: Iterable[Batch]) -> None:
        """Begin with all of ``batches``, in their order."""
        self.lost: DcmtoolsError | None = None
        self.refused: DcmtoolsError | None = None
        self._batches = list(batches)
        self._lock = Lock()

    def choose(self) -> tuple[Batch | None, float]:
        """Return the batch to work on next, or None and how many seconds to wait for one; 0 ends the work."""
        with self._lock:
            wait = 0.0
            self._batches = [batch for batch in self._batches if batch.pending or batch.users]
            for batch in self._batches:
                due = batch.due()
                if due is None or (batch.exclusive and batch.users):
                    continue
                left = due - time.monotonic()
                if left <= 0:
                    batch.users += 1
                    return batch, 0
                wait = min(wait, left) if wait else left
            return None, wait

    def release(self, batch: Batch) -> None:
        """Be done with a ``batch`` that was chosen."""
        with self._lock:
            batch.users -= 1

    def is_wanted(self) -> bool:
        """Tell whether there is something to be sent that nobody has in hand."""
        return not self.lost and any(batch.pending for batch in self._batches)

    def take(self, batch: Batch) -> Attempt | None:
        """Return the next attempt of ``batch`` that is due, None where there is none."""
        with self._lock:
            now = time.monotonic()
            for _ in range(len(batch.pending)):
                attempt = batch.pending.popleft()
                if attempt.due <= now:
                    return attempt
                batch.pending.append(attempt)
            return None

    def put_back(self, batch: Batch, attempt: Attempt) -> None:
        """Have ``attempt`` made later, or next where it was only prepared."""
        with self._lock:
            (batch.pending.append if attempt.due else batch.pending.appendleft)(attempt)

    def rest(self) -> list[Attempt]:
        """Return what has not been sent."""
        return [attempt for batch in self._batches for attempt in batch.pending]

    @property
    def batches(self) -> Sequence[Batch]:
        """Those with something left to do."""
        return self._batches
