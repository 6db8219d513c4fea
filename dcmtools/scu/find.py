"""C-FIND as SCU: what ``dcmtools find`` does (PS3.4 C.4.1).

Matches are results as they come, and nothing of them is kept. A walk through the levels keeps what has been
found at each level above the lowest, as bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.dataset import DataSet, text
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.syntax import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from dcmtools.errors import CheckFailed, DamagedError, DcmtoolsError, InputError
from dcmtools.net.presentation import PresentationContext
from dcmtools.net.requesting import request_association
from dcmtools.net.status import PENDING_WITH_WARNING, status_text
from dcmtools.net.user_information import ExtendedNegotiation
from dcmtools.query.keys import TIMEZONE_OFFSET_FROM_UTC, columns_of, missing_above
from dcmtools.query.models import UNIQUE_KEYS
from dcmtools.results import Outcome, Result
from dcmtools.scu.finding import FindFailure, matches
from dcmtools.scu.found import Found, missing_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.net.association import Association
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.query.keys import Column, Query
    from dcmtools.query.models import Level
    from dcmtools.scu.finding import Match

_SYNTAXES: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
# What can be negotiated, in the order of the bytes (PS3.4 C.5.1.1.1).
EXTENSIONS: Final = ("relational", "datetime", "fuzzy", "timezone")
_MEANINGS: Final = {
    "relational": "relational queries",
    "datetime": "dates and times combined",
    "fuzzy": "fuzzy matching of names",
    "timezone": "queries in our timezone",
}


class FindOptions(NamedTuple):
    """How to ask: at most ``limit`` matches where it is not 0, down through the levels to ``walk``.

    ``extensions`` are those of ``EXTENSIONS`` to negotiate. ``require_match`` makes no match a failure.
    ``extract`` is the folder for a file of each match. With ``columns`` the records hold these, else the
    fields of JSON Lines.
    """

    limit: int = 0
    walk: bool = False
    extensions: frozenset[str] = frozenset()
    require_match: bool = False
    extract: str | None = None
    columns: tuple[Column, ...] = ()


def find(peer: Peer, network: NetworkOptions, query: Query, options: FindOptions) -> Iterator[Result]:
    """Yield a result for each match; a failed one for a match that is broken, and for a C-FIND that fails.

    None of them is counted: the item is the query. Raises OutputError where the folder for files cannot be
    made.
    """
    query = _in_time(query, options)
    found = Found(peer.name, options.columns, options.extract, query.charset)
    search = _Search(network, query, options, found)
    contexts = [PresentationContext(1, query.sop_class_uid, _SYNTAXES)]
    try:
        with request_association(peer, network, contexts, extended=_extended(query, options)) as association:
            if options.extensions:
                _remark_on(association, query, options)
            yield from search.run(association)
        if options.require_match and not search.count:
            raise CheckFailed("no match")
    except DcmtoolsError as error:
        status = status_text(error.number) if isinstance(error, FindFailure) else None
        yield found.failed(search.asked.level, search.hinted(error), status)


def columns_for(query: Query, *, walk: bool) -> tuple[Column, ...]:
    """Return the columns that rows of matches have: those of the keys."""
    if not walk:
        return columns_of(query.identifier())
    from dcmtools.scu.walking import columns_of_walk

    return columns_of_walk(query)


class _Search:
    """One run: ``count`` matches so far, ``asked`` what has been asked last."""

    def __init__(self, network: NetworkOptions, query: Query, options: FindOptions, found: Found) -> None:
        self.count = 0
        self.asked = query
        self._network = network
        self._options = options
        self._found = found
        self._warned = False

    def run(self, association: Association) -> Iterator[Result]:
        if self._options.walk:
            from dcmtools.scu.walking import walked

            yield from self._walk(association, self.asked, walked(self.asked), {})
            return
        identifier = self.asked.identifier()
        for match in self._matches(association, self.asked, identifier):
            yield self._result(match, self.asked, identifier)

    def _walk(
        self, association: Association, query: Query, levels: tuple[Level, ...], above: dict[int, bytes]
    ) -> Iterator[Result]:
        """Yield what is found at the first of ``levels``, each with what is below it."""
        from dcmtools.scu.walking import at_level

        level, *lower = levels
        asked = at_level(query, level, above)
        identifier = asked.identifier()
        found = self._matches(association, asked, identifier)
        for match in list(found) if lower else found:
            if self._is_enough():
                break
            result = self._result(match, asked, identifier)
            yield result
            if lower and result.outcome is Outcome.DONE and not self._is_enough():
                tag = UNIQUE_KEYS[level]
                value = text(match.data_set(query.charset), tag)
                if value:
                    yield from self._walk(
                        association, query, tuple(lower), {**above, tag: value.encode("utf-8", "replace")}
                    )
                else:
                    yield self._found.failed(
                        level,
                        DamagedError(f"a match without {lookup(tag)[2]}: what is below it is not known"),
                    )

    def _matches(self, association: Association, query: Query, identifier: DataSet) -> Iterator[Match]:
        self.asked = query
        left = self._options.limit and self._options.limit - self.count
        for match in matches(association, query.sop_class_uid, identifier, self._network, left):
            if match.status == PENDING_WITH_WARNING and not self._warned:
                self._warn_of_keys(match, identifier)
            yield match

    def _result(self, match: Match, query: Query, identifier: DataSet) -> Result:
        self.count += 1
        return self._found.result(match, identifier, query.sop_class_uid, query.level)

    def _is_enough(self) -> bool:
        return 0 < self._options.limit <= self.count

    def _warn_of_keys(self, match: Match, identifier: DataSet) -> None:
        """Say once that the peer does not support all keys (status FF01), and which its answer lacks."""
        import logging

        self._warned = True
        logger = logging.getLogger(__name__)
        logger.warning("the peer does not support all keys of the query (status FF01)")
        try:
            missing = missing_keys(identifier, match.data_set())
        except InputError:
            return
        logger.info("keys that its answer lacks: %s", ", ".join(missing) or "none, so it does not tell")

    def hinted(self, error: DcmtoolsError) -> DcmtoolsError:
        """Return ``error``, with what may lie behind it where unique keys of the levels above are missing."""
        if isinstance(error, FindFailure) and "relational" not in self._options.extensions:
            missing = missing_above(self.asked, self.asked.identifier())
            if missing:
                keys = " and ".join(missing) + (" is" if len(missing) == 1 else " are")
                error.hint = (
                    f"{keys} wanted as a single value at level {self.asked.level}, unless queries are "
                    "--relational; --all walks down to the level"
                )
        return error


def _in_time(query: Query, options: FindOptions) -> Query:
    """Return ``query`` with our offset from UTC where times are to be taken for ours (PS3.4 C.4.1.1.3)."""
    if "timezone" not in options.extensions or TIMEZONE_OFFSET_FROM_UTC in query.keys:
        return query
    from time import strftime

    keys = DataSet()
    keys.update(query.keys)
    keys[TIMEZONE_OFFSET_FROM_UTC] = ("SH", strftime("%z").encode("ascii"))
    return query._replace(keys=keys)


def _extended(query: Query, options: FindOptions) -> list[ExtendedNegotiation]:
    wanted = [name in options.extensions for name in EXTENSIONS]
    if not any(wanted):
        return []
    information = bytes(wanted).rstrip(b"\0")
    return [ExtendedNegotiation(query.sop_class_uid, information)]


def _remark_on(association: Association, query: Query, options: FindOptions) -> None:
    """Warn of what the peer has not agreed to: it may answer as if it had not been asked for."""
    agreed = association.extended.get(query.sop_class_uid, b"")
    refused = [
        _MEANINGS[name]
        for number, name in enumerate(EXTENSIONS)
        if name in options.extensions and agreed[number : number + 1] != b"\1"
    ]
    if refused:
        import logging

        logging.getLogger(__name__).warning("the peer does not agree to %s", ", ".join(refused))
