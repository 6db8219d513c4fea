"""A C-FIND before a retrieval: which of what the peer has is to be retrieved (PS3.4 C.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dataset import made, text
from dcmtools.encoding.dictionary import lookup, name_of
from dcmtools.encoding.syntax import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from dcmtools.errors import InputError, PeerFailure
from dcmtools.net.presentation import PresentationContext
from dcmtools.net.requesting import request_association
from dcmtools.net.status import PENDING_WITH_WARNING
from dcmtools.query.keys import Query
from dcmtools.query.models import LEVELS, UNIQUE_KEYS, Level
from dcmtools.results import Outcome, Result
from dcmtools.scu.finding import matches
from dcmtools.scu.selection import checked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.encoding.dataset import DataSet
    from dcmtools.net.association import Association
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.scu.finding import Match
    from dcmtools.scu.selection import Retrieval, Selection

SYNTAXES: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
"""The transfer syntaxes to propose for identifiers, the better one first."""
_ACCESSION: Final = "AccessionNumber"


def found(selection: Selection, peer: Peer, network: NetworkOptions) -> Iterator[Retrieval | Result]:
    """Yield what ``peer`` finds for ``selection``, once it has been asked; see ``selection.selected``."""
    contexts = [PresentationContext(1, selection.model.find, SYNTAXES)]
    answers: list[Retrieval | Result] = []
    with request_association(peer, network, contexts) as association:
        for keys in _queries(selection):
            some = list(_answers(association, selection, keys, peer.name, network))
            answers += some or [_nothing(peer.name, keys)]
    yield from answers


def _nothing(peer: str, keys: DataSet) -> Result:
    which = f" accession number {number}" if (number := text(keys, _ACCESSION)) else " these keys"
    note = f"nothing matches{which}"
    return Result(peer, {"peer": peer}, Outcome.WARNING, text="", note=note, counted=False)


def _queries(selection: Selection) -> Iterator[DataSet]:
    """Yield the matching keys of each C-FIND: one for each accession number, and for each patient."""
    unique = selection.unique()
    for accession in selection.accessions or ("",):
        for patient in unique.get(Level.PATIENT, ("",)):
            named = dict(unique)
            named[Level.PATIENT] = (patient,)
            given: dict[str, Sequence[str]] = {
                lookup(UNIQUE_KEYS[level])[2]: values for level, values in named.items() if any(values)
            }
            if accession:
                given[_ACCESSION] = (accession,)
            keys = selection.others()
            keys.update(made(**given))
            yield keys


def _answers(
    association: Association, selection: Selection, keys: DataSet, peer: str, network: NetworkOptions
) -> Iterator[Retrieval | Result]:
    """Yield what one C-FIND finds; raises what ``finding.matches`` does."""
    model, level = selection.model, selection.wanted_level()
    query = Query(model.find, model, level, keys, defaults=False, charset=selection.charset)
    for match in matches(association, model.find, query.identifier(), network):
        try:
            yield _retrieval(match, selection, keys)
        except InputError as error:
            failure = PeerFailure(f"a match is not retrieved: {error.message}", hint=error.hint)
            yield Result(peer, {"peer": peer}, Outcome.FAILED, text="", error=failure)


def _retrieval(match: Match, selection: Selection, keys: DataSet) -> Retrieval:
    """Return what a match names; raise InputError where that is nothing, or may be more than was asked for.

    A peer that does not support a key answers as if it had not been given (PS3.4 C.4.1.1.3.2).
    """
    answer, level = match.data_set(selection.charset), selection.wanted_level()
    valued = [tag for tag, (_, value) in keys.items() if value]
    ignored = [name_of(tag).partition(" ")[0] for tag in valued if tag not in answer]
    if ignored or match.status == PENDING_WITH_WARNING:
        which = ", ".join(ignored) or "every key"
        hint = "it may have found more than you asked for; find shows what, and prints what move and get take"
        raise InputError(f"the peer does not say that it matched {which}", hint=hint)
    names = {}
    for each in LEVELS[: LEVELS.index(level) + 1]:
        tag = UNIQUE_KEYS[each]
        names[each] = text(answer, tag) or (text(keys, tag) if each is not level else "")
    return checked(level, names, selection)
