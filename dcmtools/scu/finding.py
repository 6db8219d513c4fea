"""C-FIND as SCU on an association that is open (PS3.4 C.4.1, PS3.7 9.1.2)."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.dataset import DataSet, decode, items, text, values
from dcmtools.encoding.dictionary import lookup, name_of
from dcmtools.encoding.picking import pick
from dcmtools.encoding.syntax import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, encoding_of
from dcmtools.encoding.tags import SPECIFIC_CHARACTER_SET, is_creator
from dcmtools.errors import DcmtoolsError, InputError, Interrupted, PeerFailure
from dcmtools.net import dimse
from dcmtools.net.dimse import CommandField
from dcmtools.net.exchange import MAX_DATA_SET, invoke, responses
from dcmtools.net.status import (
    CANCELED,
    PENDING_WITH_WARNING,
    SUCCESS,
    explain,
    is_pending,
    is_warning,
    status_text,
)
from dcmtools.query.keys import TIMEZONE_OFFSET_FROM_UTC
from dcmtools.query.models import QUERY_RETRIEVE_LEVEL, UNIQUE_KEYS, Level
from dcmtools.scu.saying import say

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from dcmtools.net.association import Association
    from dcmtools.net.dimse import Command
    from dcmtools.net.incoming import Message
    from dcmtools.net.peer import NetworkOptions
    from dcmtools.query.keys import Query

    Test = Callable[[DataSet], bool]
    Tests = Mapping[int, Test | None]

SYNTAXES: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
"""The transfer syntaxes to propose for identifiers, the better one first."""
_BESIDE: Final = frozenset((QUERY_RETRIEVE_LEVEL, SPECIFIC_CHARACTER_SET, TIMEZONE_OFFSET_FROM_UTC))
END: Final = b"\xfc\xff\x00\x00".ljust(16, b"\0")
"""What stands behind an identifier for ``picking.pick`` to see its end."""
_EMPTY: Final = '""'  # the key for what has no value
_MODALITY: Final = "Modality"
_HINTS: Final = {
    0x0122: "the archive may know another model: -P patient root, -S study root",
    0xA700: "the query may match too much for the archive; narrower keys or --limit help",
    0xA900: "keys, level and model do not go together for this archive: see --level, -P and -S",
}


class FindFailure(PeerFailure):
    """The C-FIND ended with the status ``number``, which is that of a failure."""

    def __init__(self, message: str, number: int) -> None:
        """Say what mostly lies behind the status."""
        super().__init__(message, hint=_HINTS.get(number, ""))
        self.number = number


class Incomplete(DcmtoolsError):
    """The peer has ended by itself, and may have more than it has sent."""

    code = "incomplete"


class Match(NamedTuple):
    """A pending response: the bytes of its identifier, none where it has none; their syntax; its status."""

    data: bytes
    transfer_syntax_uid: str
    status: int

    def data_set(self, charset: bytes = b"") -> DataSet:
        """Return the identifier, in ``charset`` where it names none.

        Raises InputError where the bytes contradict PS3.5, or there are none.
        """
        if not self.data:
            raise InputError("there is no identifier")
        return decode(self.data, encoding_of(self.transfer_syntax_uid), charset)


def matches(
    association: Association,
    sop_class_uid: str,
    identifier: DataSet,
    network: NetworkOptions,
    limit: int = 0,
) -> Iterator[Match]:
    """Yield what answers ``identifier``, as it comes.

    After ``limit`` matches, if that is not 0, the peer is sent a C-CANCEL, and what it sends all the same is
    not yielded; where it does not end within seconds, the association is aborted with a warning. It is of no
    use after that in any case: a C-CANCEL that crosses the end gets answers of its own from some peers.
    The user's wish to stop cancels too, and raises Interrupted when the peer has ended.

    Raises PeerFailure where the SOP class was not accepted, FindFailure for the status of a failure,
    Incomplete where the peer ends before it has sent all, and what ``responses`` and ``read_data`` raise.
    """
    context = association.require(sop_class_uid)
    field = CommandField.C_FIND_RQ
    request = invoke(
        association, context, field, identifier, AffectedSOPClassUID=sop_class_uid, Priority=dimse.MEDIUM
    )
    count = 0
    stop = network.stop
    with closing(responses(association, context, request)) as answers:  # which is what cancels
        for message in answers:
            status = dimse.number(message.command, "Status")
            if not is_pending(status):
                if not stop.count:
                    _check(status, message.command, sop_class_uid)
            elif not stop.count:
                yield _match(association, message, status)
                count += 1
                if count == limit:
                    break
    if stop.count:
        raise Interrupted("stopped by the user")
    if 0 < limit == count and not association.open:
        say("the C-CANCEL after %d matches had no effect; the association was aborted", count)


class Heed:
    """Whether answers heed the keys of an identifier that have values.

    A peer that does not support a key answers as if it had not been given (PS3.4 C.4.1.1.3.2): what does not
    tell a key, or tells another value, has not been asked for. How peers compare is left to them where they
    differ: capitals and small letters, names that go on after the key, text beyond ASCII, values of the VRs
    that are ``loose``. A unique key of a level above may be left out, as it was given.
    """

    def __init__(self, query: Query, identifier: DataSet, loose: Collection[str] = ()) -> None:
        """Look which keys of ``identifier``, which is that of ``query``, have values."""
        levels = query.model.levels if query.model else ()
        above = levels[: levels.index(query.level)] if query.level else ()
        self._above = {UNIQUE_KEYS[level] for level in above}
        self._unique = {UNIQUE_KEYS[level] for level in levels}
        self._tests = dict(_tests(identifier, frozenset(loose)))
        self._wanted = {SPECIFIC_CHARACTER_SET, *self._tests}
        self._stop = max(self._wanted) + 1
        beside = _BESIDE | self._unique
        self._returned = [tag for tag in identifier if tag not in self._tests and tag not in beside]

    def __bool__(self) -> bool:
        """Tell whether there is anything to heed."""
        return bool(self._tests)

    def unmet(self, match: Match, charset: bytes) -> dict[str, str]:
        """Return the names of the keys that ``match`` does not heed, with the values that it has of them.

        Raises what ``match.data_set`` raises.

        The warning that not all keys are supported is believed to be about keys to return, where one of these
        has no value, else about any of those to match that are not unique.
        """
        warned = match.status == PENDING_WITH_WARNING
        answer = (not warned and self._glance(match, charset)) or match.data_set(charset)
        unmet = _unmet(answer, self._tests, self._above)
        if warned and not unmet and all(answer.get(tag, ("", b""))[1] for tag in self._returned):
            return {_name(tag): "" for tag in self._tests if tag not in self._unique}
        return unmet

    def _glance(self, match: Match, charset: bytes) -> DataSet | None:
        """Return the elements that are tested, where the top of the identifier has them, which is quick."""
        encoding = encoding_of(match.transfer_syntax_uid)
        if encoding.big or not match.data:
            return None
        data = match.data + END
        picked = pick(data, 0, encoding, self._wanted, stop=self._stop)
        if picked is None or picked[1] > len(match.data):
            return None
        found = {tag: (vr, data[at : at + length]) for tag, vr, _, at, length, _ in picked[0]}
        answer = DataSet(found.get(SPECIFIC_CHARACTER_SET, ("", charset))[1])
        answer.update(found)
        return answer


def in_words(unmet: Mapping[str, str]) -> str:
    """Return what ``Heed.unmet`` has found as words of an error."""
    untold = ", ".join([name for name, value in unmet.items() if not value])
    others = [f"{name} is {value[:64]!r}" for name, value in unmet.items() if value]
    return "; ".join([*([f"the peer does not say that it matched {untold}"] if untold else []), *others])


def hint_for(unmet: Collection[str], query: Query) -> str:
    """Return the next step where the keys ``unmet`` have not been heeded at the level of ``query``."""
    if _MODALITY in unmet and query.level is Level.STUDY:
        return "the modalities of a study are asked for with ModalitiesInStudy"
    return "the peer may not support the key at this level (-L); without the key, find shows all there is"


def _tests(keys: DataSet, loose: Collection[str]) -> Iterator[tuple[int, Test | None]]:
    """Yield the tag of each key that has values, with the test of an answer that has the element."""
    from dcmtools.query.matching import is_universal

    for tag, (given, value) in keys.items():
        if tag in _BESIDE or is_creator(tag):
            continue
        if isinstance(value, list):
            within = dict(_tests(value[0], loose)) if value else {}
            if within:
                yield tag, partial(_has_item, tag, within)
            continue
        asked = values(keys, tag)
        if _EMPTY not in asked and not is_universal(asked):
            known = lookup(tag)[0]
            yield tag, _test_of(tag, given if known == "UN" else known, asked, loose)


def _has_item(tag: int, within: Tests, answer: DataSet) -> bool:
    return any(not _unmet(item, within, ()) for item in items(answer, tag))


def _test_of(tag: int, vr: str, asked: Sequence[str], loose: Collection[str]) -> Test | None:
    """Return the test, None where nobody can tell how the peer compares, or whether."""
    from dcmtools.query.matching import WILDCARD_VRS, value_test

    if vr in loose or not all(map(str.isascii, asked)):
        return None
    wild = any("*" in each or "?" in each for each in asked)
    if vr == "UI" and not wild:
        uids = frozenset(asked)
        return lambda answer: not uids.isdisjoint(values(answer, tag))
    if wild and vr not in WILDCARD_VRS:
        vr = "LO"
    folds = vr in WILDCARD_VRS
    alike = [each.casefold() for each in asked] if folds else asked
    try:
        test = value_test(vr, [f"{each}*" for each in alike if each] if vr == "PN" else alike)
    except ValueError:
        return None
    return test and (lambda answer: test(text(answer, tag).casefold() if folds else text(answer, tag)))


def _unmet(answer: DataSet, tests: Tests, above: Collection[int]) -> dict[str, str]:
    unmet = {}
    for tag, test in tests.items():
        value = answer.get(tag, ("", b""))[1]
        if not value:
            if tag not in above:
                unmet[_name(tag)] = ""
        elif test and not test(answer):
            unmet[_name(tag)] = "" if isinstance(value, list) else text(answer, tag)
    return unmet


def _name(tag: int) -> str:
    return name_of(tag).partition(" ")[0]


def _match(association: Association, message: Message, status: int) -> Match:
    has_data = dimse.has_data_set(message.command)
    data = association.read_data(MAX_DATA_SET) if has_data else b""
    return Match(data, message.context.transfer_syntax, status)


def _check(status: int, command: Command, sop_class_uid: str) -> None:
    """Raise what a final ``status`` comes to, unless it is what was to come."""
    if dimse.has_data_set(command):
        say("the last response has an identifier, which is not taken for a match")
    if status == SUCCESS:
        return
    if status == CANCELED:
        what = (
            f"the peer ended the C-FIND by itself (status {status_text(status)}): there may be more matches"
        )
        raise Incomplete(what, hint="it may send a limited number only; narrower keys get the rest")
    words = explain(status, dimse.text(command, "ErrorComment"), CommandField.C_FIND_RQ, sop_class_uid)
    if is_warning(status):
        raise Incomplete(f"C-FIND: {words}", hint="narrower keys get the rest")
    raise FindFailure(f"C-FIND: {words}", status)
