"""Which name each file gets, where others have come before it."""

from __future__ import annotations

import os
from enum import StrEnum, unique
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import AlreadyThere, DcmtoolsError, OutputError
from dcmtools.files.inputs import Input
from dcmtools.sorting.content import fingerprint, same_content
from dcmtools.sorting.looking import instance_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.sorting.looking import Facts

_KEY: Final = 16


@unique
class State(StrEnum):
    """What becomes of a file: made in OUT, there already, met before in this run, left where it is."""

    NEW = "new"
    OVER = "over"
    THERE = "there"
    IDENTICAL = "identical"
    SKIPPED = "skipped"


MADE: Final = (State.NEW, State.OVER)


class Rules(NamedTuple):
    """What to do where files meet.

    ``on_conflict`` is about names that other content has: rename, skip, fail or overwrite. ``identical`` is
    about the bytes of an instance met before: once, keep all, or only those of other names, as a plan has it.
    ``duplicates`` is about other content with a SOP Instance UID met before: keep, skip or fail.
    """

    on_conflict: str = "rename"
    identical: str = "once"
    duplicates: str = "keep"


class Decision(NamedTuple):
    """The ``target`` of a file, relative to the folder for all, and why; a remark where it is worth one."""

    state: State
    target: str
    note: str = ""
    warned: bool = False


class _Met:
    """Of a name that several files ask for: the next number to try, and which numbers hold an instance.

    Only of those that were there before the run; what the run has made is remembered otherwise.
    """

    __slots__ = ("held", "next")

    def __init__(self) -> None:
        self.next = 1
        self.held: dict[str, list[int]] = {}


class Decider:
    """Gives each file of a run its name in ``folder``, in their order.

    Names are given once. Until what was decided is ``done`` or ``undone``, the input stands for what will be
    made of it.
    """

    def __init__(self, folder: str, rules: Rules) -> None:
        """Begin with what there is in ``folder``."""
        self._folder = folder
        self._rules = rules
        self._taken: set[bytes] = set()
        self._met: dict[bytes, _Met] = {}
        self._listed: dict[str, frozenset[int]] = {}
        self._instances: dict[str, dict[str, bytes]] = {}  # names, and what may be in the files
        self._coming: dict[str, Input] = {}

    def decide(self, facts: Facts, *, over: bool = False) -> Decision:
        """Return what is to become of a file; raises AlreadyThere or OutputError where nothing can.

        What has its name is overwritten by one that is to go ``over`` it, whatever the rules are. Raises
        InputError where what it meets cannot be read.
        """
        versions = self._instances.get(facts.uid, {}) if facts.uid else {}
        note, warned = "", False
        mark = fingerprint(facts.item) if versions else b""
        alike = [each for each, known in versions.items() if known in (b"", mark)]
        if same := next((each for each in alike if self._is_same(facts.item, each)), ""):
            note = f"the same bytes as {same}"
            if self._rules.identical == "once" or (
                self._rules.identical == "planned" and same == facts.target
            ):
                return Decision(State.IDENTICAL, same, note)
        elif versions:
            first = next(iter(versions))
            note, warned = f"other content than {first}, with the same SOP Instance UID", True
            if self._rules.duplicates == "skip":
                return Decision(State.SKIPPED, first, note, warned)
            if self._rules.duplicates == "fail":
                raise AlreadyThere(note, hint="--duplicates keep gives it a name of its own")
        decision = self._placed(facts, "overwrite" if over else self._rules.on_conflict)
        if decision.state is State.SKIPPED:
            return decision
        if facts.uid:
            self._instances.setdefault(facts.uid, {})[decision.target] = mark
        return decision._replace(note=note, warned=warned) if note else decision

    def done(self, decision: Decision) -> None:
        """Take note that the file is there."""
        self._coming.pop(decision.target, None)

    def undone(self, facts: Facts, decision: Decision) -> None:
        """Forget a decision that could not be carried out."""
        if decision.state is State.IDENTICAL:  # which has claimed nothing
            return
        self.done(decision)
        self._taken.discard(_key(decision.target))
        versions = self._instances.get(facts.uid, {})
        versions.pop(decision.target, None)
        if not versions:
            self._instances.pop(facts.uid, None)

    def _placed(self, facts: Facts, rule: str) -> Decision:
        for target in self._candidates(facts):
            decision = self._at(facts, target, rule)
            if decision:
                if decision.state is not State.SKIPPED:
                    self._taken.add(_key(target))
                if decision.state in MADE:
                    self._coming[target] = facts.item
                return decision
        raise AssertionError  # there is no end of names

    def _candidates(self, facts: Facts) -> Iterator[str]:
        """Yield names for a file, one after the other is asked for in vain.

        Of those that were asked for in vain before only the ones that hold the same instance can be its.
        """
        key = _key(facts.target)
        met = self._met.get(key)
        if met is None:
            yield facts.target
            met = self._met[key] = _Met()
            self._take_note(met, facts.target)
        for number in tuple(met.held.get(facts.uid, ())):
            yield _numbered(facts.target, number)
        while True:
            target = _numbered(facts.target, met.next)
            yield target
            self._take_note(met, target)

    def _take_note(self, met: _Met, target: str) -> None:
        """Remember which instance is at ``target``, the name with the next number, and go on to another."""
        path = os.path.join(self._folder, target)
        if _key(target) not in self._taken and os.path.isfile(path):
            met.held.setdefault(instance_at(Input(path)), []).append(met.next)
        met.next += 1

    def _at(self, facts: Facts, target: str, rule: str) -> Decision | None:
        """Return what becomes of a file at ``target``, None where it takes another name."""
        path = os.path.join(self._folder, target)
        ours = _key(target) in self._taken
        listed = not ours and self._is_listed(path)
        if not (ours or listed):
            return Decision(State.NEW, target, self._renamed(facts, target))
        free = not ours and not os.path.lexists(path)
        if not (ours or free) and self._is_same(facts.item, target):
            return Decision(State.THERE, target, "there already")
        if rule == "rename":
            return None
        what = "a file of this run" if ours else "a file with other content"
        what = f"{what} has the name {target}" + (", but for the case of letters" if free else "")
        if rule == "skip":
            return Decision(State.SKIPPED, target, what, warned=True)
        if rule == "overwrite" and not (ours or free):
            if not os.path.isfile(path) or os.path.islink(path):
                message = f"{target} is no file that could be replaced"
                raise OutputError(message)
            return Decision(State.OVER, target)
        raise AlreadyThere(what, hint="--on-conflict rename gives it another")

    def _is_listed(self, path: str) -> bool:
        """Tell whether there was a file with this name before the run, or one that differs in case only.

        What comes there meanwhile stands in the way when the file is made.
        """
        folder, name = os.path.split(path)
        listed = self._listed.get(folder)
        if listed is None:
            listed = self._listed[folder] = _listed(folder)
        wanted = hash(name.casefold())
        if wanted in listed and not os.path.lexists(path):  # it may have been moved away since
            listed = self._listed[folder] = _listed(folder)
        return wanted in listed

    def _renamed(self, facts: Facts, target: str) -> str:
        return "" if target == facts.target else f"{facts.target} is the name of another file"

    def _is_same(self, item: Input, target: str) -> bool:
        coming = self._coming.get(target)
        path = os.path.join(self._folder, target)
        try:
            if coming is None and not os.path.isfile(path):
                return False
            return same_content(item, coming or Input(path))
        except OSError as error:
            message = f"{path}: {error.strerror}"
            raise OutputError(message) from error
        except DcmtoolsError as error:
            error.message = f"{error.message}, or so has {target}"
            raise


def _listed(folder: str) -> frozenset[int]:
    """Return what stands for the names in a folder, whatever their case."""
    try:
        return frozenset([hash(each.casefold()) for each in os.listdir(folder)])
    except OSError:  # it is not there yet; what is wrong with it shows when a file is made
        return frozenset()


def _numbered(target: str, number: int) -> str:
    stem, ending = os.path.splitext(target)
    return f"{stem}_{number}{ending}" if number > 1 else target


def _key(target: str) -> bytes:
    """Return what stands for a name and those that differ in case only, which are one on some systems."""
    return blake2b(target.casefold().encode("utf-8", "surrogateescape"), digest_size=_KEY).digest()
