"""C-GET as SCU: a peer sends what it has on the association that asks for it (PS3.4 C.4.3, PS3.7 9.1.3).

One request for each identifier, over as many associations as are wanted. What comes is kept byte for byte,
and answered once it is; only the peer's final response, and its counts, make a retrieval done.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.archive.duplicates import OnDuplicate
from dcmtools.archive.storage import Storage
from dcmtools.errors import DcmtoolsError, Interrupted
from dcmtools.escaping import escape
from dcmtools.net import dimse
from dcmtools.net.outbox import merged
from dcmtools.results import Extent, Result
from dcmtools.scu.existing import Existing
from dcmtools.scu.getter import GOES_ON, Getter
from dcmtools.scu.saying import say
from dcmtools.scu.selection import rehearsed, selected, sorted_out
from dcmtools.scu.suboperations import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.scu.contents import Holding
    from dcmtools.scu.selection import Retrieval, Selection


class GetOptions(NamedTuple):
    """How to get, and where to: ``durable`` and ``on_duplicate`` are as ``Storage`` has them.

    ``sop_classes`` are those to propose, none for what the peer says it has; ``transfer_syntaxes`` those to
    receive in, the preferred first, none for whatever instances are stored in. ``verify`` compares what the
    peer lists with what has come, ``skip_existing`` leaves out what the folder has. ``dry_run`` asks for
    nothing.
    """

    folder: str
    durable: bool = True
    on_duplicate: OnDuplicate = OnDuplicate.REJECT
    sop_classes: tuple[str, ...] = ()
    transfer_syntaxes: tuple[str, ...] = ()
    priority: int = dimse.MEDIUM
    jobs: int = 1
    verify: bool = False
    skip_existing: bool = False
    dry_run: bool = False


def get(
    selection: Selection,
    peer: Peer,
    network: NetworkOptions,
    options: GetOptions,
    extent: Extent | None = None,
) -> Iterator[Result]:
    """Yield a result for each instance that comes, and one for each request and for what cannot be named.

    Raises what ``selected`` raises, and UsageError where the folder cannot be used.
    """
    extent = extent or Extent()
    failed = 0
    for each in _got(selection, peer, network, options, extent):
        if each.error is None or "sop_instance_uid" in each.record:
            yield each
            continue
        failed += 1
        extent.closing = f"{failed} request{'' if failed == 1 else 's'} failed"
        yield each._replace(counted=False)  # as what is counted are instances


def _got(
    selection: Selection, peer: Peer, network: NetworkOptions, options: GetOptions, extent: Extent
) -> Iterator[Result]:
    chosen = selected(selection, peer, network)
    with ExitStack() as held:
        if options.dry_run:
            yield from rehearsed(chosen, lambda each: _would(each, peer))
            return
        storage = Storage(options.folder, durable=options.durable, on_duplicate=options.on_duplicate)
        held.callback(storage.close)
        work: deque[Retrieval] = deque()
        yield from sorted_out(chosen, work)
        run = Run(selection, peer, network, options, storage, work, extent)
        if work:
            workers = [Getter(run).run for _ in range(min(options.jobs, len(work)))]
            yield from merged(workers, network.stop, extent.tick)
        yield from run.rest()


def _would(each: Retrieval, peer: Peer) -> Result:
    return Result(each.item, {"peer": peer.name, **each.record()}, text=f"{escape(each.item)}\n")


class Run:
    """What the associations of a run share; ``lost`` is why nothing more is begun, once there is a reason."""

    def __init__(
        self,
        selection: Selection,
        peer: Peer,
        network: NetworkOptions,
        options: GetOptions,
        storage: Storage,
        work: deque[Retrieval],
        extent: Extent,
    ) -> None:
        """Begin with all of ``work`` to be done; see ``get``."""
        self.model = selection.model
        self.relational = selection.relational
        self.at_once = selection.at_once
        self.peer = peer
        self.network = network
        self.options = options
        self.storage = storage
        self.progress = Progress(extent)
        # A terminal is drawn on by the main thread only, which is the one that ticks.
        self.extent = extent if options.jobs == 1 else Extent()
        self.lost: DcmtoolsError | None = None
        self._refused: DcmtoolsError | None = None
        self._work = work
        self._existing = Existing(storage) if options.skip_existing else None

    def take(self) -> Retrieval | None:
        """Return the next retrieval, None where there is none left or nothing more is to be begun."""
        try:
            return None if self.lost else self._work.popleft()
        except IndexError:
            return None

    def put_back(self, retrieval: Retrieval, error: DcmtoolsError) -> None:
        """Leave ``retrieval`` to others, as no association came about for ``error``."""
        self._refused = error
        self._work.appendleft(retrieval)

    def rest(self) -> Iterator[Result]:
        """Yield a failed result, with the one reason, for each of those that were not begun."""
        cause = self.lost or self._refused
        if self.network.stop.count or cause is None:
            cause = Interrupted("stopped by the user", hint=GOES_ON)
        for each in self._work:
            yield Result.failed(each.item, cause, self.record(each))._replace(text="")
        if not self._work and self._refused:
            say("%s; all has come over fewer associations", self._refused.message)

    def existing_of(self, holdings: Sequence[Holding]) -> dict[str, str]:
        """Return the paths, by SOP Instance UID, of those of ``holdings`` that the folder had before."""
        if self._existing is None:
            return {}
        found = ((each.sop_instance_uid, self._existing.path_of(each)) for each in holdings)
        return {uid: path for uid, path in found if path}

    def skipped(self, holdings: Sequence[Holding], existing: dict[str, str]) -> Iterator[Result]:
        """Yield a result for each of ``holdings`` that is not retrieved, as it is ``existing``."""
        for each in holdings:
            if path := existing.get(each.sop_instance_uid):
                file = os.path.join(self.options.folder, path)
                yield Result.skipped(file, "it is there already", {"file": file, **each.record()})

    def record(self, retrieval: Retrieval) -> dict[str, object]:
        """Return the JSON fields that say what is asked of whom."""
        return {"peer": self.peer.name, **retrieval.record()}
