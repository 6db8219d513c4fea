"""What of that which is wanted a folder has not got yet, as the peer's own lists of instances say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.errors import AssociationError, DcmtoolsError, Interrupted
from dcmtools.net.presentation import PresentationContext
from dcmtools.net.requesting import request_association
from dcmtools.query.models import Level
from dcmtools.results import Result
from dcmtools.scu.contents import Contents
from dcmtools.scu.existing import Existing, remaining
from dcmtools.scu.finding import SYNTAXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.archive.storage import Storage
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.scu.selection import Retrieval, Selection


def lacking(
    wanted: Iterable[Retrieval], storage: Storage, selection: Selection, peer: Peer, network: NetworkOptions
) -> Iterator[Retrieval | Result]:
    """Yield how to retrieve what of ``wanted`` is not complete in ``storage``; a skipped result for what is.

    What cannot be listed is a failed result. Raises AssociationError and Interrupted.
    """
    existing = Existing(storage)
    find = selection.model.find
    with request_association(peer, network, [PresentationContext(1, find, SYNTAXES)]) as association:
        contents = Contents(association, selection.model, network)
        for each in wanted:
            try:
                holdings = list(contents.instances(each))
            except (AssociationError, Interrupted):
                raise
            except DcmtoolsError as error:
                yield Result.failed(each.item, error, {"peer": peer.name, **each.record()})
                continue
            here = {one.sop_instance_uid: path for one in holdings if (path := existing.path_of(one))}
            if not here:
                yield each
                continue
            if len(here) == len(holdings):
                note = f"all here already: {len(here)} instance{'s' if len(here) > 1 else ''}"
                yield Result.skipped(each.item, note, {"peer": peer.name, **each.record()})
                continue
            # A unique key that the model does not have is no key of it.
            of_patients = Level.PATIENT in selection.model.levels
            for part in remaining(holdings, here, selection.at_once):
                yield part if of_patients else part._replace(patient_id="")
