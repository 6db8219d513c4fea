"""A file de-identified as PS3.15 Annex E has it: decided, rewritten, searched; to be written once."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.deidentification.content import DOCUMENT
from dcmtools.deidentification.deciding import Context
from dcmtools.deidentification.deidentified import Deidentified
from dcmtools.deidentification.identifiers import Identifiers
from dcmtools.deidentification.likeness import Assembly, Likenesses
from dcmtools.deidentification.phrases import DATE, NAME
from dcmtools.deidentification.private import keeps_private
from dcmtools.deidentification.pseudonyms import NewPatient
from dcmtools.deidentification.reading import Elements
from dcmtools.deidentification.stating import Statements
from dcmtools.deidentification.substituting import Subject
from dcmtools.deidentification.sweeping import is_to_be_swept, is_unlisted_text, unlisted_texts
from dcmtools.deidentification.traversal import Traversal
from dcmtools.deidentification.treating import Pass
from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.tags import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    PATIENT_ID,
    SOP_CLASS_UID,
    SPECIFIC_CHARACTER_SET,
    STUDY_INSTANCE_UID,
)
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.encoding.values import TEXT_VRS, texts
from dcmtools.errors import Unsuitable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dcmtools.deidentification.cms import Recipients
    from dcmtools.deidentification.layouts import Likeness
    from dcmtools.deidentification.likeness import Known
    from dcmtools.deidentification.pixel_treatment import PixelTreatment
    from dcmtools.deidentification.policies import PixelPolicy
    from dcmtools.deidentification.profile import Profile
    from dcmtools.deidentification.pseudonyms import Patient, Pseudonyms
    from dcmtools.deidentification.substituting import Memo
    from dcmtools.deidentification.treating import Removed
    from dcmtools.encoding.element import Element
    from dcmtools.files.part10 import Part10File

_ISSUER: Final = 0x00100021
_SOURCE: Final = 0x00020016
_MOST_CLASSES: Final = 256
_MOST_TEXTS: Final = 8192


class Settings(NamedTuple):
    """How files are de-identified; with ``explaining`` it is told of each element what was done.

    Files that were written are looked at again unless that is not to be: ``verify``. Without ``pixels``, what
    is to become of them, they are copied. What is removed is encrypted for the ``recipients``, if there are
    any.
    """

    profile: Profile
    pseudonyms: Pseudonyms
    explaining: bool = False
    verify: bool = True
    pixels: PixelPolicy | None = None
    recipients: Recipients | None = None


class Deidentifier:
    """What a process needs to de-identify files, one after the other."""

    def __init__(self, settings: Settings) -> None:
        """Prepare to do as ``settings`` say."""
        self._settings = settings
        self._profile = settings.profile
        self._roots: dict[str, Context] = {}
        self._texts: dict[tuple[str, bytes, bytes], list[str]] = {}
        self._statements = Statements(settings.profile)
        self._last: Subject | None = None
        self._memo: Memo = {}  # of that subject
        self._unlisted: dict[tuple[int, str], bool] = {}
        special = settings.explaining or settings.recipients or keeps_private(settings.profile)
        self._likenesses = None if special else Likenesses(self._take, self._alike)

    @contextmanager
    def deidentified(self, file: Part10File) -> Iterator[Deidentified]:
        """Have ``file`` de-identified for the ``with`` block.

        Raises Unsuitable for a DICOMDIR, MalformedError for a fault in front of the end of its pixel data or
        its last element, InputError for what cannot be de-identified, and what the map of patients does.
        """
        if file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID) == MEDIA_STORAGE_DIRECTORY:
            raise Unsuitable("a DICOMDIR is not de-identified: make one of files that are")
        found = self._likenesses.find(file) if self._likenesses else None
        if found and not self._has_strays(file, *found) and (done := self._alike(file, *found)):
            yield done
            return
        elements = Elements(file)
        with ExitStack() as held:
            pixels = None
            if self._settings.pixels:
                from dcmtools.deidentification.pixels import treated

                pixels = held.enter_context(treated(file, elements, self._settings.pixels))
            yield self._done(file, elements, pixels)

    def _has_strays(self, file: Part10File, known: Known, like: Likeness) -> bool:
        """Tell whether pixels, the only thing that is not compared, have bits that are to go."""
        if not (self._settings.pixels and known.layout.long):
            return False
        from dcmtools.deidentification.overlay_bits import stray_bits

        return stray_bits(file, known.elements, like.after)

    def _done(self, file: Part10File, elements: Elements, pixels: PixelTreatment | None) -> Deidentified:
        """Return what ``file`` becomes, with its pixels as they are or as they were treated."""
        sop_class = elements.text(SOP_CLASS_UID) or file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID)
        old, subject = self._subject(elements)
        if subject != self._last:
            self._last = subject
            self._memo = {}
        pseudonyms = self._settings.pseudonyms
        traversal = Traversal(elements, self._root(sop_class), self._profile, pseudonyms, self._memo)
        traversal.subject = subject
        traversal.explaining = self._settings.explaining
        traversal.pixels = pixels.element if pixels else None
        if self._settings.pixels:
            aside = ": to quarantine" if pixels and pixels.suspect else ""
            traversal.pixel_rule = f"pixels: {self._settings.pixels.name}{aside}"
        claimed = self._statements.claimed(pixels)
        self._statements.prepare(traversal, claimed, pixels)
        draft = traversal.run()
        identifiers = self._identifiers(traversal, file)
        suspects = identifiers.suspects(bytes(draft.data))
        swept = traversal.long_text or is_to_be_swept(
            elements, traversal.stays, suspects, identifiers, traversal.put
        )
        if swept:
            traversal.run(Pass.SPARING, identifiers)
            self._statements.prepare(traversal, claimed, pixels, identifiers)
            draft = traversal.run(Pass.SWEEPING, identifiers)
        asked = frozenset(elements.asked)
        done = Deidentified(file, elements, traversal, draft)
        if self._settings.recipients and not traversal.explaining:
            done = self._sealed(file, traversal, done, self._settings.recipients)
        done.identifiers = identifiers
        done.old_patient = old
        done.patient = self._named(old[0], subject)
        self._tell(done, subject, identifiers)
        done.methods = [code.value for code in claimed]

        def texts(stays: Callable[[Element], bool]) -> list[str]:
            return unlisted_texts(elements, stays, self._profile, self._unlisted)

        searched = traversal.searched
        done.kept_texts = texts(lambda element: traversal.stays(element) or element[2] in searched)
        if pixels:
            done.suspect = pixels.suspect
            done.warnings += pixels.warnings
            done.changes += pixels.changes
            done.transfer_syntax = pixels.transfer_syntax or done.transfer_syntax
        if self._likenesses and not (swept or (pixels and pixels.says_something)):
            self._likenesses.learn(file, traversal, done, texts, asked)
        return done

    def _alike(self, file: Part10File, known: Known, like: Likeness) -> Deidentified | None:
        """Return what ``file`` becomes, None where it has to be gone through as a whole for text in it."""
        assembly = Assembly(file, known, like)
        draft = assembly.assembled()
        fresh = Identifiers(known.charset)
        self._take(fresh, assembly.different)
        self._take_meta(fresh, file)
        suspects = known.identifiers.suspects(b"\n".join(assembly.stayed)) + fresh.suspects(bytes(draft.data))
        if assembly.long_text or not all(phrase.common for phrase in suspects):
            return None
        if any(
            length and is_unlisted_text(tag, vr, self._profile, self._unlisted)
            for tag, vr, _, _, length, _ in like.varying
        ):
            return None  # of which it is to be told
        done = Deidentified(file, assembly.elements, assembly, draft)
        done.identifiers = known.identifiers.joined(fresh)
        done.identifiers.put(assembly.put)
        done.old_patient, done.patient = known.old_patient, known.patient
        done.methods, done.kept_texts = known.methods, known.kept_texts
        self._tell(done, known.subject, done.identifiers)
        return done

    def _sealed(
        self, file: Part10File, traversal: Traversal, done: Deidentified, recipients: Recipients
    ) -> Deidentified:
        """Return ``done`` with what was changed in it, encrypted: another pass puts that in."""
        from dcmtools.deidentification.encrypting import ENCRYPTED_ATTRIBUTES, Note, encrypted_attributes

        elements = traversal.elements
        note = Note(
            done.sop_instance_uid,
            file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID),
            file.meta_text(MEDIA_STORAGE_SOP_INSTANCE_UID),
            file.transfer_syntax,
            frozenset({ENCRYPTED_ATTRIBUTES, *traversal.insertions}) - elements.top.keys(),
        )
        new, content = encrypted_attributes(elements, traversal.changes, note, recipients)
        traversal.insertions = {**traversal.insertions, ENCRYPTED_ATTRIBUTES: new}
        sealed = Deidentified(file, elements, traversal, traversal.again())
        sealed.sealed = content
        return sealed

    def _root(self, sop_class: str) -> Context:
        found = self._roots.get(sop_class)
        if found is None:
            if len(self._roots) >= _MOST_CLASSES:
                self._roots.clear()
            found = self._roots[sop_class] = Context(self._profile, sop_class)
        return found

    def _subject(self, elements: Elements) -> tuple[Patient, Subject]:
        """Return the old Patient ID and its issuer, and what becomes of them and of dates."""
        pseudonyms, decode = self._settings.pseudonyms, decoder_of(elements.value(SPECIFIC_CHARACTER_SET))
        patient_id, issuer = (decode(elements.value(tag)).strip(" \0") for tag in (PATIENT_ID, _ISSUER))
        if not patient_id:
            days = pseudonyms.days("days of a study", elements.text(STUDY_INSTANCE_UID))
            return ("", issuer), Subject("", None, days)
        new = pseudonyms.patient(patient_id, issuer)
        return (patient_id, issuer), Subject(patient_id, new, new.days)

    def _named(self, old: str, subject: Subject) -> NewPatient:
        """Return who the patient is in what is written."""
        new = subject.patient or NewPatient("", "", subject.days)
        rule = self._profile.rule(PATIENT_ID)
        if rule is None:
            return new
        return new._replace(id={"keep": old, "set": rule.text}.get(rule.action, ""))

    def _tell(self, done: Deidentified, subject: Subject, identifiers: Identifiers) -> None:
        """Note what is to be told of the patient in ``done``."""
        done.telling = self._telling(subject, identifiers)
        done.profile = self._profile
        if DOCUMENT in done.before and not self._profile.rule(DOCUMENT):
            done.changes.append("the document in it gives way to an empty one")
        if not subject.patient_id and "dates-shifted" in self._profile.retain:
            done.changes.append("no Patient ID: its dates are shifted by study")
        if (new := subject.patient) and new.given and identifiers.is_one(new.id):
            done.changes.append("id_new of the map is an identifier that was removed from the file")

    def _telling(self, subject: Subject, identifiers: Identifiers) -> str:
        """Return which of what a map gives for the patient has what was removed in it: a name, a date."""
        new = subject.patient
        if not (new and new.given):
            return ""
        for what, text in (("id_new", new.id), ("name_new", new.name)):
            for kind in (NAME, DATE):
                if kind in identifiers.kinds_in(text):
                    return f"{what} of the map has a {kind} in it"
        return ""

    def _identifiers(self, traversal: Traversal, file: Part10File) -> Identifiers:
        """Return what is known of the patient from what was removed."""
        identifiers = Identifiers(traversal.elements.value(SPECIFIC_CHARACTER_SET))
        self._take(identifiers, traversal.removed)
        self._take_meta(identifiers, file)
        identifiers.put(traversal.put)
        return identifiers

    def _take(self, identifiers: Identifiers, removed: Iterable[Removed]) -> None:
        """Have ``identifiers`` take what was removed."""
        retained = "uids" in self._profile.retain  # what goes may be a reference to what stays
        for tag, vr, raw, charset in removed:
            if vr == "UI" and retained:
                continue
            identifiers.take(tag, vr, self._meaning(vr, raw, charset))

    def _take_meta(self, identifiers: Identifiers, file: Part10File) -> None:
        for (tag, vr, *_), raw in file.meta:
            if tag >= _SOURCE and vr in TEXT_VRS:
                identifiers.take(tag, vr, self._meaning(vr, raw, b""))

    def _meaning(self, vr: str, raw: bytes, charset: bytes) -> list[str]:
        found = self._texts.get((vr, raw, charset))
        if found is None:
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            found = self._texts[vr, raw, charset] = texts(vr, raw, decoder_of(charset))
        return found
