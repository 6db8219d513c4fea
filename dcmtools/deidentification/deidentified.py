"""What a file becomes: to be written once, with all that is to be told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.deidentification.identifiers import Identifiers
from dcmtools.deidentification.pseudonyms import NewPatient
from dcmtools.encoding.syntax import is_deflated
from dcmtools.encoding.tags import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    format_tag,
)
from dcmtools.encoding.uids import is_uid
from dcmtools.errors import InputError
from dcmtools.files.deflate import deflated
from dcmtools.files.meta import file_meta

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from dcmtools.deidentification.draft import Draft
    from dcmtools.deidentification.profile import Profile
    from dcmtools.deidentification.reading import Elements
    from dcmtools.deidentification.traversal import Traversal
    from dcmtools.files.part10 import Part10File


class Deidentified:
    """A file that is de-identified, to be written once: with ``write``, or ``meta`` and then ``blocks``.

    ``identifiers`` are what was removed, ``methods`` the codes of CID 7050 that are claimed, ``actions``
    counts by the codes of PS3.15 E.1, ``changes`` tell of others. ``uids`` are new ones by the old,
    ``kept_texts`` the places of free text that is in no table, ``telling`` says what was given for the
    patient and tells who that is. ``private`` tells which private elements may be there, ``before`` are the
    tags at the top of the original, ``profile`` is what they were decided by.
    ``sealed`` is what nobody but its recipients can read.
    """

    def __init__(self, file: Part10File, elements: Elements, traversal: Traversal, draft: Draft) -> None:
        """Take what the data set has become."""
        self._draft = draft
        self.transfer_syntax = file.transfer_syntax
        self.actions: Counter[str] = traversal.actions
        self.explained: list[dict[str, str]] = traversal.explained
        self.warnings: list[str] = traversal.warnings
        self.changes: list[str] = [*traversal.remarks]
        self.uids: dict[str, str] = traversal.uids
        self.identifiers = Identifiers()
        self.old_patient = ("", "")
        self.patient = NewPatient("", "", traversal.subject.days)
        self.suspect = ""
        self.telling = ""
        self.profile: Profile | None = None
        self.sealed = b""
        self.methods: list[str] = []
        self.kept_texts: list[str] = []
        self.private: Callable[[str, int], bool] | None = (
            traversal.private.keeps if traversal.private.any else None
        )
        self.before = frozenset(elements.top)
        if elements.tail:
            self.warnings.append(f"{elements.tail} bytes behind the last element left out")

        self.study_instance_uid = traversal.became(STUDY_INSTANCE_UID)
        self.series_instance_uid = traversal.became(SERIES_INSTANCE_UID)
        if SOP_INSTANCE_UID in elements.top and elements.value(SOP_INSTANCE_UID):
            self.sop_instance_uid = traversal.became(SOP_INSTANCE_UID)
            if not self.sop_instance_uid:
                raise InputError(f"{format_tag(SOP_INSTANCE_UID)}: no UID is left of it")
        else:
            self.sop_instance_uid = traversal.uid(file.meta_text(MEDIA_STORAGE_SOP_INSTANCE_UID))
        self.sop_class_uid = elements.text(SOP_CLASS_UID) or file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID)
        for what, uid in (("SOP Class", self.sop_class_uid), ("transfer syntax", self.transfer_syntax)):
            if uid and not is_uid(uid):  # it may be anything
                raise InputError(f"its {what} is told by what is no UID")

    @property
    def meta(self) -> bytes:
        """Preamble and file meta information, of us alone (PS3.10 7.1); raises InputError."""
        return file_meta(self.sop_class_uid, self.sop_instance_uid, self.transfer_syntax)

    def is_as(self, other: Deidentified) -> bool:
        """Tell whether the same is to be written, and to be told, as of ``other``."""
        others = vars(other)
        same = all(others[name] == value for name, value in vars(self).items())
        return same and [*self.uids] == [*other.uids]

    def blocks(self) -> Iterator[bytes]:
        """Yield the data set as its transfer syntax has it; raises InputError."""
        whole = self._draft.blocks()
        return deflated(whole) if is_deflated(self.transfer_syntax) else whole

    def write(self, out: BinaryIO) -> int:
        """Write it all to ``out``, and return the number of bytes; raises InputError and OSError."""
        if is_deflated(self.transfer_syntax):
            return out.write(self.meta) + sum([out.write(block) for block in self.blocks()])
        return self._draft.write(out, self.meta)
