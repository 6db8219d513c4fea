"""A C-FIND before a retrieval: which of what the peer has is to be retrieved (PS3.4 C.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dataset import made, text
from dcmtools.encoding.dictionary import lookup
from dcmtools.errors import CheckFailed, DcmtoolsError, InputError, PeerFailure
from dcmtools.net.presentation import PresentationContext
from dcmtools.net.requesting import request_association
from dcmtools.query.keys import Query
from dcmtools.query.models import LEVELS, UNIQUE_KEYS, Level
from dcmtools.results import Outcome, Result
from dcmtools.scu.finding import SYNTAXES, Heed, hint_for, in_words, matches
from dcmtools.scu.saying import said_by
from dcmtools.scu.selection import checked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dcmtools.encoding.dataset import DataSet
    from dcmtools.net.association import Association
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.scu.selection import Retrieval, Selection

    _Name = tuple[str, str]  # in words, and the value

_ACCESSION: Final = "AccessionNumber"
_ACCESSION_NUMBER: Final = "accession number"


def found(selection: Selection, peer: Peer, network: NetworkOptions) -> Iterator[Retrieval | Result]:
    """Yield what ``peer`` finds for ``selection``, once it has been asked; see ``selection.selected``."""
    try:
        yield from _found(selection, peer, network)
    except DcmtoolsError as error:
        raise said_by(peer.name, error) from None


def _found(selection: Selection, peer: Peer, network: NetworkOptions) -> Iterator[Retrieval | Result]:
    contexts = [PresentationContext(1, selection.model.find, SYNTAXES)]
    answers: list[Retrieval | Result] = []
    lacking = dict.fromkeys(_named(selection))
    with request_association(peer, network, contexts) as association:
        for keys in _queries(selection):
            for each in _answers(association, selection, keys, peer.name, network):
                answers.append(each)
                for met in list(_met(each, keys, lacking)):
                    lacking.pop(met, None)
    yield from answers
    for kind, name in lacking:
        yield _nothing(peer.name, f"{kind} {name}", failed=True)
    if not answers and not lacking:
        yield _nothing(peer.name, "these keys", failed=selection.require_match)


def _named(selection: Selection) -> Iterator[_Name]:
    """Yield what a person has named, and so has to be there."""
    yield from ((_ACCESSION_NUMBER, number) for number in selection.accessions)
    for level, names in selection.named().items():
        yield from ((_kind(level), name) for name in names)


def _met(answer: Retrieval | Result, keys: DataSet, lacking: Iterable[_Name]) -> Iterator[_Name]:
    """Yield which names an answer to ``keys`` shows to be there; what fails may be any that was asked for."""
    yield _ACCESSION_NUMBER, text(keys, _ACCESSION)
    yield _kind(Level.PATIENT), text(keys, UNIQUE_KEYS[Level.PATIENT])
    if isinstance(answer, Result):
        yield from [each for each in lacking if each[0] in map(_kind, LEVELS[1:])]
    else:
        yield from ((_kind(level), name) for level, name in answer.keys.items())


def _kind(level: Level) -> str:
    return "instance" if level is Level.IMAGE else level.lower()


def _nothing(peer: str, what: str, *, failed: bool) -> Result:
    said = f"nothing matches {what}"
    if failed:
        error = CheckFailed(said, hint="dcmtools find shows what the peer has")
        return Result(peer, {"peer": peer}, Outcome.FAILED, text="", error=error)
    return Result(peer, {"peer": peer}, Outcome.WARNING, text="", note=said, counted=False)


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
    identifier = query.identifier()
    heed = Heed(query, identifier)
    for match in matches(association, model.find, identifier, network):
        try:
            if unmet := heed.unmet(match, selection.charset):
                yield _refused(peer, in_words(unmet), hint_for(unmet, query))
            else:
                yield _retrieval(match.data_set(selection.charset), selection, keys)
        except InputError as error:
            yield _refused(peer, error.message, error.hint)


def _refused(peer: str, why: str, hint: str) -> Result:
    failure = PeerFailure(f"a match is not retrieved: {why}", hint=hint)
    return Result(peer, {"peer": peer}, Outcome.FAILED, text="", error=failure)


def _retrieval(answer: DataSet, selection: Selection, keys: DataSet) -> Retrieval:
    """Return what a match names; raise InputError where that is nothing."""
    names, level = {}, selection.wanted_level()
    for each in LEVELS[: LEVELS.index(level) + 1]:
        tag = UNIQUE_KEYS[each]
        names[each] = text(answer, tag) or (text(keys, tag) if each is not level else "")
    return checked(level, names, selection)
