"""Instances de-identified on their way, by what ``dcmtools anonymize`` does, too."""

from __future__ import annotations

from tempfile import TemporaryFile
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.encoding.dictionary import name_of
from dcmtools.errors import InputError, OutputError
from dcmtools.files.instance import inspect
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from dcmtools.deidentification.deidentified import Deidentified
    from dcmtools.deidentification.engine import Settings
    from dcmtools.editing.changes import Change
    from dcmtools.files.instance import Instance

_CHANGED = "the file has changed since it was inspected"


class Anonymizing(NamedTuple):
    """How instances are de-identified, and the name of the key that this is done with."""

    settings: Settings
    key: str

    @property
    def name(self) -> str:
        """What a journal knows it by: what was sent otherwise is something else."""
        from hashlib import sha256

        profile, pixels = self.settings.profile, self.settings.pixels
        rules = [
            sorted((place, *rule._replace(source="")) for place, rule in each.items())
            for each in profile.rules
        ]
        asked = (self.key, sorted(profile.retain), sorted(profile.clean), rules, pixels)
        return sha256(repr(asked).encode("utf-8", "surrogatepass")).hexdigest()

    def anonymizer(self, changes: Sequence[Change] = ()) -> Anonymizer:
        """Return what does it, one after the other, before ``changes``: each thread has its own."""
        return Anonymizer(self.settings, changes)


class Anonymized(NamedTuple):
    """An instance in a file without a name, open as ``source``; ``doubts`` are places to have a look at.

    ``record`` has what ``dcmtools anonymize`` would tell of it: methods, and where free text stays.
    """

    instance: Instance
    source: FileSource
    doubts: list[str]
    record: dict[str, object]


class Anonymizer:
    """De-identifies instances that are about to be sent."""

    def __init__(self, settings: Settings, changes: Sequence[Change] = ()) -> None:
        """Prepare to do as ``settings`` say, where ``changes`` will follow."""
        from dcmtools.deidentification.engine import Deidentifier

        self._engine = Deidentifier(settings)
        self._profile = settings.profile.name
        self._changes = changes

    def anonymized(self, instance: Instance, source: FileSource) -> Anonymized:
        """Return what becomes of ``instance``, open as ``source``, which is closed.

        It has the SOP Class that it had, and has been searched for what was removed. Raises InputError where
        the file is not what was inspected, and what cannot be de-identified; CheckFailed where something was
        found, and where pixels may show text; OutputError.
        """
        with source, _temporary() as out:
            if source.identity != instance.identity:
                raise InputError(_CHANGED)
            file = Part10File(source)
            file.data_set_end = instance.offset + instance.length
            with self._engine.deidentified(file) as done:
                doubts = _written(done, out, self._profile)
                _check_changes(self._changes, done)
            if not source.unchanged():
                raise InputError(_CHANGED)
            made = FileSource.duplicate(out.fileno())
            try:
                new = inspect(instance.file, made)
            except BaseException:
                made.close()
                raise
        record: dict[str, object] = {"methods": done.methods, "kept_text": done.kept_texts}
        return Anonymized(new._replace(note="; ".join(done.warnings)), made, doubts, record)


def _check_changes(changes: Sequence[Change], done: Deidentified) -> None:
    """Raise Leaking where ``changes`` put back what was removed, which they are made after."""
    from dcmtools.deidentification.refusals import Leaking

    for tag, vr, text in changes:
        for value in text.split("\\"):
            if not done.identifiers.is_put(value) and (kinds := done.identifiers.told_by(tag, vr, value)):
                message = f"--set {name_of(tag)} puts back what was removed from the file: {', '.join(kinds)}"
                raise Leaking(message, hint="--set is done after --anonymize")


def _temporary() -> BinaryIO:
    try:
        return TemporaryFile()
    except OSError as error:
        message = f"no temporary file for what is de-identified: {error.strerror or error}"
        raise OutputError(message) from error


def _written(done: Deidentified, out: BinaryIO, profile: str) -> list[str]:
    """Write ``done``, look at it, and return what may be wrong; raise where nobody is to have it."""
    from dcmtools.deidentification.refusals import Suspect
    from dcmtools.deidentification.releasing import verified

    try:
        done.write(out)
        out.flush()
    except OSError as error:
        raise OutputError(error.strerror or str(error)) from error
    doubts = verified(done, out)
    if done.suspect:
        raise Suspect(
            done.suspect,
            hint=f"[pixels] policy of profile {profile} says what becomes of such files; or 'dcmtools "
            "anonymize', whose --pixels does, and send what it writes",
        )
    return doubts
