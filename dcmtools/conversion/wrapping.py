"""Documents and pictures put into DICOM files: what ``dcmtools wrap`` does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.conversion.captured import described, frame_of
from dcmtools.conversion.kinds import CDA, IMAGES, SOUGHT, STL, found
from dcmtools.conversion.numbering import Numbered, numbered, series_of
from dcmtools.conversion.objects import CAPTURED, document, remark_on_modality, summary
from dcmtools.conversion.origins import PATIENT_ID, STUDY_INSTANCE_UID
from dcmtools.conversion.written import finish, write_document, write_frames
from dcmtools.encoding.dataset import DataSet, text
from dcmtools.errors import InputError, Unsuitable
from dcmtools.files.outputs import Endings
from dcmtools.files.places import made_of
from dcmtools.files.source import KEPT
from dcmtools.files.work import is_usable
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.conversion.kinds import Found
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.files.inputs import Input
    from dcmtools.files.outputs import Outputs
    from dcmtools.files.places import Maker

_UNITS: Final = 0x004008EA
_HL7_IDENTIFIER: Final = 0x0040E001
_WHOLE_NAME: Final = Endings(".dcm", ())
AUTO: Final = "auto"
SC: Final = "sc"
_BITS_OF: Final = {"vl-photo": 8}


class WrapOptions(NamedTuple):
    """Where files go, and of what they are.

    ``kind`` is that of documents, or what pictures become, sc or vl-photo, where nothing else is taken; auto
    takes all. ``origin`` is patient and study, and maybe the series, that they are of. ``values`` are put in
    last.
    """

    outputs: Outputs
    kind: str = AUTO
    origin: DataSet = DataSet()
    title: str = ""
    values: Sequence[tuple[TagPath, str]] = ()
    skip_existing: bool = False


def wrap(paths: Sequence[str | Result], options: WrapOptions, jobs: int) -> Iterator[Result]:
    """Yield one result per document or picture below ``paths``, and what goes to standard output.

    Those of one kind become one series, numbered in the order of ``paths`` and, in folders, of their names,
    where 10 comes behind 9.
    """
    some = False
    with KEPT:  # as each is opened twice
        numbers = numbered(paths, options.origin, options.title, options.outputs)
        for result in made_of(
            paths,
            options.outputs,
            partial(_wrapped, options, numbers),
            jobs,
            skip_existing=options.skip_existing,
            opening=found,
            apart=True,
            sought=SOUGHT,
        ):
            some |= is_usable(result) and bool(result.counted)
            yield result
    if some and (note := of_nobody(options)):
        yield Result("", {}, Outcome.WARNING, raw=b"", note=note, counted=False)


def of_nobody(options: WrapOptions) -> str:
    """Return what to say of files that nobody will find again, as nothing tells whose they are."""
    told = {path.steps[0].tag for path, _ in options.values if len(path.steps) == 1}
    if options.origin or told & {PATIENT_ID, STUDY_INSTANCE_UID}:
        return ""
    return "of a new study, and of nobody: --study-from FILE or -k PatientID=ID says who it is"


def _wrapped(
    options: WrapOptions, numbers: dict[str, Numbered], maker: Maker, item: Input, what: Found
) -> Result:
    what = found(what.source, item.path)
    _require_kind(options.kind, what)
    mine = numbers.get(item.path) or Numbered(series_of(options.origin, options.title), 1)
    if not mine.alone:
        maker = maker._replace(outputs=maker.outputs._replace(endings=_WHOLE_NAME))
    place = maker.place(item)
    if taken := place.taken():
        return taken
    if what.kind in IMAGES:
        frame = frame_of(what)
        if frame.bits > _BITS_OF.get(options.kind, frame.bits):
            raise InputError(
                f"samples of {frame.bits} bits, where VL Photographic images have 8 (PS3.3 C.8.12.1)",
                hint="--as sc takes them",
            )
        data_set = CAPTURED[SC if options.kind == AUTO else options.kind](mine.series, mine.number)
        data_set.update(described(frame))
        warnings = (*what.warnings, *frame.warnings)
    else:
        frame, data_set, warnings = None, document(what, mine.series, mine.number), what.warnings
    finish(data_set, options.values)
    warnings += _remarks(options, what, data_set)
    with place.writing(what.source) as out:
        if frame:
            write_frames(out, data_set, [frame], frame, 1)
        else:
            write_document(out, data_set, what.source)
    record = summary(data_set, item.path, place.path, what.kind, 1 if frame else None)
    outcome = Outcome.WARNING if warnings else Outcome.DONE
    return Result(item.path, record, outcome, note="; ".join(warnings))


def _require_kind(asked: str, what: Found) -> None:
    """Raise Unsuitable where something else than what the file is was asked for."""
    if asked in (AUTO, what.kind) or (what.kind in IMAGES and asked in CAPTURED):
        return
    raise Unsuitable(f"by its bytes it is {what.kind.upper()}, of which --as {asked} makes nothing")


def _remarks(options: WrapOptions, what: Found, data_set: DataSet) -> tuple[str, ...]:
    """Return what there is to be told of an object; raise InputError where it would be none."""
    if what.kind == CDA and not text(data_set, _HL7_IDENTIFIER):
        raise InputError(
            "; ".join(("the CDA does not say its id, which a DICOM object needs", *what.warnings)),
            hint="-k HL7InstanceIdentifier=ROOT^EXTENSION",
        )
    remarks = [remark_on_modality(data_set)]
    if what.kind == STL and not any(path.steps[0].tag == _UNITS for path, _ in options.values):
        remarks.append(
            "its unit is taken to be mm: -k MeasurementUnitsCodeSequence[0].CodeValue=um says another"
        )
    return tuple(filter(None, remarks))
