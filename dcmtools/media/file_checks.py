"""Whether a file on a medium is what the records that name it say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.encoding.tags import (
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    PATIENT_ID,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
)
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY, uid_name
from dcmtools.errors import InputError, NotDicom
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.part10 import Part10File
from dcmtools.files.values import values_of
from dcmtools.media.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dcmtools.files.inputs import Input
    from dcmtools.files.source import FileSource
    from dcmtools.media.profiles import Profile

_WHOSE: Final = {PATIENT_ID: "PATIENT", STUDY_INSTANCE_UID: "STUDY", SERIES_INSTANCE_UID: "SERIES"}
_KINDS: Final = {PATIENT_ID: "patient", STUDY_INSTANCE_UID: "study", SERIES_INSTANCE_UID: "series"}
_TAGS: Final = frozenset((SOP_CLASS_UID, SOP_INSTANCE_UID, *_WHOSE))
_SHOWN: Final = 80


class Expected(NamedTuple):
    """What the records say of a file; ``above`` are the values of those above it, of which it has to be."""

    item: Input
    number: int
    offset: int
    type: str
    sop_class: str
    sop_instance: str
    transfer_syntax: str
    above: Mapping[int, str]

    def finding(self, kind: str, message: str) -> Finding:
        """Return what was found about the file."""
        return Finding(
            kind, message, record=self.number, type=self.type, offset=self.offset, path=self.item.path
        )


class Checker:
    """Looks at the head of a file, perhaps in another process; ``profile`` is what it has to be fit for."""

    def __init__(self, profile: Profile | None = None) -> None:
        """Look at what PS3.3 and PS3.10 say, and the ``profile`` where there is one."""
        self._profile = profile

    def __call__(self, expected: Expected | Finding) -> list[Finding]:
        """Return what is wrong; what was found before is passed on."""
        if isinstance(expected, Finding):
            return [expected]
        try:
            with expected.item.open() as source:
                file = Part10File(source)
                found = list(_differences(expected, file))
                if damage := _damage(source):
                    found.append(expected.finding("unreadable", damage))
                if self._profile:
                    from dcmtools.media.conforming import complaints  # with the tables of all profiles

                    found += [expected.finding("profile", each) for each in complaints(self._profile, file)]
                return found
        except NotDicom as error:
            return [expected.finding("not-dicom", error.message)]
        except InputError as error:
            return [expected.finding("unreadable", error.message)]


def lost(expected: Expected | Finding) -> list[Finding]:
    """Return what there is to say of a file whose process died."""
    if isinstance(expected, Finding):
        return [expected]
    return [
        expected.finding("unreadable", "the process that looked at it died, perhaps of too little memory")
    ]


def _damage(source: FileSource) -> str:
    """Return what is wrong with a file beyond its head, such as bytes that are missing; empty for nothing."""
    file = LenientFile(source)
    file.notices = False
    file.read_through()
    return next((str(problem) for problem in file.problems if problem.serious), "")


def _differences(expected: Expected, file: Part10File) -> Iterator[Finding]:
    """Yield what differs between the records, the file meta information and the data set."""
    sop_class = file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID)
    sop_instance = file.meta_text(MEDIA_STORAGE_SOP_INSTANCE_UID)
    if sop_class == MEDIA_STORAGE_DIRECTORY:
        yield expected.finding("sop-class", "it is a DICOMDIR, which no record names")
        return
    values = {tag: value.text().strip(" ") for tag, value in values_of(file, _TAGS).items()}
    pairs = (
        ("sop-class", "SOP Class", expected.sop_class, sop_class, values.get(SOP_CLASS_UID, "")),
        (
            "sop-instance",
            "SOP Instance",
            expected.sop_instance,
            sop_instance,
            values.get(SOP_INSTANCE_UID, ""),
        ),
    )
    for kind, what, recorded, in_meta, in_data_set in pairs:
        if in_meta != in_data_set:
            message = f"its {what} UID is {_name(in_meta)} in the file meta information,"
            yield expected.finding(kind, f"{message} {_name(in_data_set)} in the data set")
        elif recorded and recorded != in_meta:
            yield expected.finding(kind, f"its {what} UID is {_name(in_meta)}, not {_name(recorded)}")
    syntax = file.transfer_syntax
    if expected.transfer_syntax and expected.transfer_syntax != syntax:
        message = f"its transfer syntax is {_name(syntax)}, not {_name(expected.transfer_syntax)}"
        yield expected.finding("transfer-syntax", message)
    for tag, recorded in expected.above.items():
        # What a file lacks, its record may have been given by whoever made the medium.
        if (own := values.get(tag, "")) and own.casefold() != recorded.casefold():
            name = "Patient ID" if tag == PATIENT_ID else f"{_KINDS[tag].capitalize()} Instance UID"
            message = (
                f"its {name} is {own[:_SHOWN]!r}, that of the {_WHOSE[tag]} record {recorded[:_SHOWN]!r}"
            )
            yield expected.finding(_KINDS[tag], message)


def _name(uid: str) -> str:
    return uid_name(uid)[:_SHOWN] if uid else "missing"
