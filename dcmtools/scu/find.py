"""C-FIND as SCU: what ``dcmtools find`` does (PS3.4 C.4.1).

Matches are results as they come, and nothing of them is kept. A walk through the levels keeps what has been
found at each level above the lowest, as bytes.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.dataset import DataSet, text
from dcmtools.encoding.dictionary import lookup
from dcmtools.errors import CheckFailed, DamagedError, DcmtoolsError, InputError
from dcmtools.net.presentation import PresentationContext
from dcmtools.net.requesting import request_association
from dcmtools.net.status import PENDING_WITH_WARNING, status_text
from dcmtools.net.user_information import ExtendedNegotiation
from dcmtools.query.keys import TIMEZONE_OFFSET_FROM_UTC, columns_of, missing_above
from dcmtools.query.models import UNIQUE_KEYS
from dcmtools.scu.finding import SYNTAXES, FindFailure, Heed, hint_for, in_words, matches
from dcmtools.scu.found import Found, missing_keys
from dcmtools.scu.saying import mention, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.net.association import Association
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.query.keys import Column, Query
    from dcmtools.query.models import Level
    from dcmtools.results import Result
    from dcmtools.scu.finding import Match

# What can be negotiated, in the order of the bytes (PS3.4 C.5.1.1.1).
EXTENSIONS: Final = ("relational", "datetime", "fuzzy", "timezone")
_LOOSE: Final = {"datetime": ("TM",), "fuzzy": ("PN",), "timezone": ("DA", "DT", "TM")}
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
    fields of JSON Lines. That there is no match is remarked on if it ``tells_none``.
    """

    limit: int = 0
    walk: bool = False
    extensions: frozenset[str] = frozenset()
    require_match: bool = False
    extract: str | None = None
    tells_none: bool = False
    columns: tuple[Column, ...] = ()


def find(peer: Peer, network: NetworkOptions, query: Query, options: FindOptions) -> Iterator[Result]:
    """Yield a result for each match; a failed one for a match that is broken, and for a C-FIND that fails.

    None of them is counted: the item is the query. Raises OutputError where the folder for files cannot be
    made.
    """
    query = _in_time(query, options)
    found = Found(peer.name, options.columns, options.extract, query.charset)
    search = _Search(peer, network, query, options, found)
    try:
        with search.held:
            yield from search.run()
        if options.require_match and not search.count:
            raise CheckFailed("no match")
    except DcmtoolsError as error:
        status = status_text(error.number) if isinstance(error, FindFailure) else None
        yield from search.left_out()
        yield found.failed(search.asked.level, search.hinted(error), status)
    else:
        if options.tells_none and not search.count:
            say("%s: no match", peer.name)
        yield from search.left_out()


def columns_for(query: Query, *, walk: bool) -> tuple[Column, ...]:
    """Return the columns that rows of matches have: those of the keys."""
    if not walk:
        return columns_of(query.identifier())
    from dcmtools.scu.walking import columns_of_walk

    return columns_of_walk(query)


class _Answer(NamedTuple):
    """A match, and the query and identifier that it answers."""

    match: Match
    query: Query
    identifier: DataSet


class _LeftOut(NamedTuple):
    """How many matches of a query were left out, and what the first of them did not heed."""

    number: int
    query: Query
    unmet: dict[str, str]


class _Search:
    """One run: ``count`` matches shown so far, ``asked`` what has been asked last.

    The association is ``held`` while there is one; see ``finding.matches`` for why a limit ends it.
    """

    def __init__(
        self, peer: Peer, network: NetworkOptions, query: Query, options: FindOptions, found: Found
    ) -> None:
        self.count = 0
        self.asked = query
        self.held = ExitStack()
        self._association: Association | None = None
        self._peer = peer
        self._network = network
        self._query = query
        self._options = options
        self._found = found
        self._warned = False
        self._left_out: dict[tuple[str, ...], _LeftOut] = {}  # by the keys that were not heeded
        self._above: list[_Answer] = []  # on the way down, not shown before something below them is

    def run(self) -> Iterator[Result]:
        if self._options.walk:
            from dcmtools.scu.walking import walked

            yield from self._walk(walked(self._query), {})
            return
        identifier = self._query.identifier()
        for match in self._matches(self._query, identifier, self._options.limit):
            yield self._result(match, self._query, identifier)

    def _walk(self, levels: tuple[Level, ...], above: dict[int, bytes]) -> Iterator[Result]:
        """Yield what is found at the first of ``levels``, each with what is below it.

        Where keys below narrow the query, what leads to no match of these is left out.
        """
        from dcmtools.scu.walking import at_level, is_narrowed_below

        level, *lower = levels
        asked = at_level(self._query, level, above)
        identifier = asked.identifier()
        narrowed = is_narrowed_below(self._query, level)
        found = self._matches(asked, identifier, 0 if narrowed else self._left())
        for match in list(found) if lower else found:
            if self._is_enough():
                break
            self._above.append(_Answer(match, asked, identifier))
            tag = UNIQUE_KEYS[level]
            unique = _unique_key(match, tag, self._query.charset) if lower else None
            if not (narrowed and unique):
                yield from self._shown()
            if unique and not self._is_enough():
                yield from self._walk(tuple(lower), {**above, tag: unique.encode("utf-8", "replace")})
            elif unique == "":
                untold = f"a match without {lookup(tag)[2]}: what is below it is not known"
                yield self._found.failed(level, DamagedError(untold))
            if self._above:  # it has led to nothing
                self._above.pop()

    def _shown(self) -> Iterator[Result]:
        """Yield what has been found on the way down, from the top."""
        answers, self._above = self._above, []
        for answer in answers:
            if not self._is_enough():
                yield self._result(*answer)

    def _matches(self, query: Query, identifier: DataSet, limit: int) -> Iterator[Match]:
        self.asked = query
        association = self._associated()
        heed = Heed(query, identifier, self._loose())
        count = 0
        for match in matches(association, query.sop_class_uid, identifier, self._network, limit):
            if match.status == PENDING_WITH_WARNING and not self._warned:
                self._warn_of_keys(match, identifier)
            count += 1
            if not (heed and self._leaves_out(match, query, heed)):
                yield match
        if 0 < limit == count:
            self._association = None
            self.held.close()

    def _loose(self) -> frozenset[str]:
        """Return the VRs whose values the peer compares in ways of its own, as we have asked it to."""
        return frozenset().union(*(_LOOSE.get(name, ()) for name in self._options.extensions))

    def _leaves_out(self, match: Match, query: Query, heed: Heed) -> bool:
        """Tell whether a match is none of ours, as it does not heed a key, and note that."""
        try:
            unmet = heed.unmet(match, self._query.charset)
        except InputError:  # to be told as such
            return False
        if not unmet:
            return False
        known = self._left_out.get(tuple(unmet))
        self._left_out[tuple(unmet)] = (
            known._replace(number=known.number + 1) if known else _LeftOut(1, query, unmet)
        )
        return True

    def left_out(self) -> Iterator[Result]:
        """Yield a failed result for all matches that have not been shown for the same keys."""
        for number, query, unmet in self._left_out.values():
            matches = "1 match is" if number == 1 else f"{number} matches are"
            told = CheckFailed(f"{matches} left out: {in_words(unmet)}", hint=hint_for(unmet, query))
            yield self._found.failed(query.level, told)

    def _associated(self) -> Association:
        """Return the association in hand, or a new one."""
        if self._association is None:
            query, options = self._query, self._options
            contexts = [PresentationContext(1, query.sop_class_uid, SYNTAXES)]
            self._association = self.held.enter_context(
                request_association(self._peer, self._network, contexts, extended=_extended(query, options))
            )
            if options.extensions and not self.count:
                _remark_on(self._association, query, options)
        return self._association

    def _result(self, match: Match, query: Query, identifier: DataSet) -> Result:
        self.count += 1
        return self._found.result(match, identifier, query.sop_class_uid, query.level)

    def _left(self) -> int:
        """Return how many matches are still wanted, 0 for all; what has led to them counts."""
        return self._options.limit and max(self._options.limit - self.count - len(self._above), 1)

    def _is_enough(self) -> bool:
        return 0 < self._options.limit <= self.count

    def _warn_of_keys(self, match: Match, identifier: DataSet) -> None:
        """Say once that the peer does not support all keys (status FF01), and which its answer lacks."""
        self._warned = True
        say("the peer does not support all keys of the query (status FF01)")
        try:
            missing = missing_keys(identifier, match.data_set())
        except InputError:
            return
        mention("keys that its answer lacks: %s", ", ".join(missing) or "none, so it does not tell")

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


def _unique_key(match: Match, tag: int, charset: bytes) -> str | None:
    """Return the unique key of a match, empty where it has none, None where it is broken."""
    try:
        return text(match.data_set(charset), tag)
    except InputError:
        return None


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
        say("the peer does not agree to %s", ", ".join(refused))
