"""Where DCMTK's archive (3.6) and Orthanc (1.10) answer the queries of the table otherwise than ours does.

Each argument says who is right by PS3.4, and why, then come the queries or, in ``VALUES``, the keys whose
values differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Argued: TypeAlias = Mapping[str, Sequence[tuple[str, Sequence[str]]]]

HIERARCHY: Final = (
    "Ours: without negotiated relational queries there has to be one value for the unique key of each level"
    " above (C.4.1.2.1); the others answer as if relational queries had been negotiated."
)
NAME_GROUPS: Final = (
    "Both may be: a name has three component groups (PS3.5 6.2.1.1), and C.2.2.2.1 leaves it to the archive"
    " how far a key for some of them matches; to compare each with its own finds what is meant, to compare"
    " whole strings finds nothing."
)
TRAILING_CARETS: Final = "Ours: delimiters with nothing behind them may be left out of a name (PS3.5 6.2.1)."
WILDCARD_OF_BYTES: Final = (
    "Ours: ? is any one character (C.2.2.2.4), and a letter with an accent is one, whatever bytes it takes."
)
NUMBERS: Final = (
    "Both may be: whether +7 and 007 match 7 is left to the archive (C.2.2.2.1, since CP-2305); ours compares"
    " numbers, the others characters."
)
NO_NUMBER: Final = (
    "Ours: what is no integer string is no key of VR IS, and is refused instead of matching nothing."
)
NO_DATE: Final = (
    "Ours: the value is no date and no range of dates (PS3.5 6.2, C.2.2.2.5), and wildcards have no place in"
    " DA (C.2.2.2.4). To refuse it says so; who finds nothing has people believe that there is nothing."
)
ASTERISK: Final = (
    "Ours is kinder: a wildcard alone is universal matching (C.2.2.2.4), though DA and UI have no wildcards"
    " by the letter; nothing else can be meant."
)
TIME_OF_AN_HOUR: Final = (
    "Both may be: a time of hours only is one that is not known any better (PS3.5 6.2, TM), so ours takes it"
    " for the whole hour; the others want the same characters."
)
LAST_MINUTE: Final = (
    "Ours: a range includes its ends (C.2.2.2.5), and 17:15:00.25 is within 1715, which is a time of no more"
    " precision than minutes."
)
LOWER_UNIQUE_KEY: Final = (
    "Ours: the unique key of a level below has no place in the identifier (C.4.1.2.1), and to pass over a UID"
    " that was meant to narrow answers another question."
)
SEQUENCES: Final = (
    "Ours: an entity matches if one item of its sequence matches all keys of the item asked for (C.2.2.2.6);"
    " the others do not look into sequences."
)
SMALL_LETTERS: Final = "Ours: (0008,0052) is a code string of four defined terms (C.6.1), all in capitals."

DIFFERENCES: Final[Argued] = {
    "dcmqrscp": (
        (
            HIERARCHY,
            (
                "series: without the study",
                "series: of two studies",
                "image: without the series",
                "image: without the study",
                "patient: studies without the patient",
                "patient: studies of a patient with a wildcard",
            ),
        ),
        (
            NAME_GROUPS,
            (
                "study: two groups of three",
                "study: alphabetic group of three",
                "study: ideographic group",
                "study: ideographic group in the place of the first",
            ),
        ),
        (
            "Both: names may be compared without regard to case and accents (C.2.2.2.1); people want it.",
            (
                "study: name in the other case",
                "study: name prefix",
                "study: name infix",
                "study: name with ?",
                "study: accents in capitals",
                "study: three keys",
                "patient: name",
            ),
        ),
        (TRAILING_CARETS, ("study: name stored with trailing carets", "study: name with trailing carets")),
        (WILDCARD_OF_BYTES, ("study: ? for a letter with an accent", "study: ? for a letter of two bytes")),
        (
            "Ours: the key is text in the character set of the identifier (C.2.2.2), whatever the archive has"
            " its own values in; dcmqrscp cannot convert ISO 2022 and compares bytes.",
            ("study: ideographic prefix in UTF-8 of a name in ISO 2022",),
        ),
        (
            NUMBERS,
            (
                "series: number with a zero before it",
                "series: number with a sign",
                "image: number that is stored with zeros",
                "image: number with other zeros",
            ),
        ),
        (NO_NUMBER, ("series: number that is none",)),
        (NO_DATE, ("study: dates of nothing", "study: date with a wildcard", "study: date that is none")),
        (ASTERISK, ("study: UID *", "study: date *")),
        (TIME_OF_AN_HOUR, ("study: time of an hour",)),
        (LAST_MINUTE, ("study: times until a minute",)),
        (
            "Both: several values in a key that is no UID say nothing by the letter (C.2.2.2.2 is for UIDs);"
            " that any of them may match is what is meant, and what Orthanc does as well.",
            (
                "study: IDs",
                "series: modalities",
            ),
        ),
        (
            "Both: these keys are optional (C.6.1.1, C.6.2.1); dcmqrscp has none of them and says nothing.",
            (
                "study: modality",
                "study: another modality",
                "study: modalities",
                "study: modality with a wildcard",
                "study: modality that none has",
                "study: modality in small letters",
                "study: sequence with an item",
                "study: sequence with an item that none has",
                "study: sequence with a wildcard",
                "series: description with an asterisk",
                "series: body part",
                "series: body part ?* where there is none",
                "series: date",
                "series: sequence with keys of two items",
                "image: another class",
            ),
        ),
        (LOWER_UNIQUE_KEY, ("study: unique key of images",)),
        (
            "Both: keys of the levels above, unique ones apart, have no place in the identifier (C.4.1.2.1);"
            " nothing is said of those that are there all the same. Ours and Orthanc match them: a series of"
            " a patient who was not asked for is of no use.",
            ("series: key of another patient",),
        ),
        (SMALL_LETTERS, ("level in small letters",)),
    ),
    "Orthanc": (
        (
            HIERARCHY,
            (
                "series: without the study",
                "series: of two studies",
                "image: without the series",
                "image: without the study",
                "patient: studies without the patient",
                "patient: studies of a patient with a wildcard",
                "patient: series without the patient",
            ),
        ),
        (
            NAME_GROUPS,
            (
                "study: two groups of three",
                "study: alphabetic group of three",
                "study: ideographic group",
                "study: ideographic group in the place of the first",
            ),
        ),
        (TRAILING_CARETS, ("study: name stored with trailing carets", "study: name with trailing carets")),
        (WILDCARD_OF_BYTES, ("study: ? for a letter with an accent", "study: ? for a letter of two bytes")),
        (
            NUMBERS,
            (
                "series: number with a zero before it",
                "series: number with spaces around it",
                "series: number with a sign",
                "image: number that is stored with zeros",
                "image: number with other zeros",
            ),
        ),
        (NO_NUMBER, ("series: number that is none",)),
        (NO_DATE, ("study: dates of nothing", "study: date that is none")),
        (ASTERISK, ("study: UID *", "study: date *")),
        (
            "Both: a wildcard in a UID is none (C.2.2.2.4) and matches no UID; Orthanc refuses it.",
            (
                "study: UID with a wildcard",
                "series: of studies with a wildcard",
            ),
        ),
        (
            "Ours: leading spaces are no part of a value of LO (PS3.5 6.2).",
            ("study: ID with a space before it",),
        ),
        (
            "Both: the form of ACR-NEMA is no date any more (PS3.5 6.2, DA), and may be taken for one.",
            ("study: date in the form of ACR-NEMA",),
        ),
        (
            "Ours: 0830 and 083000 are the same minute; 08, the hour, is within 080000 to 090000 as far as"
            " anybody knows (PS3.5 6.2, TM).",
            (
                "study: time with less precision",
                "study: times from to",
                "study: date and time",
            ),
        ),
        (TIME_OF_AN_HOUR, ("study: time of an hour",)),
        (LAST_MINUTE, ("study: times until a minute",)),
        (
            "Orthanc by the letter, for the time: what has no value in a required key is unknown and matches"
            " (C.2.2.1.2). But it does so in ranges without a beginning only, as empty text comes before all,"
            " and for birth dates, which are optional. Nobody looks for what has no date in this way, and"
            " ours finds it by universal matching alone.",
            (
                "study: times until",
                "study: birth dates until",
            ),
        ),
        (
            SEQUENCES,
            (
                "study: sequence with an item",
                "study: sequence with an item that none has",
                "study: sequence with a wildcard",
                "series: sequence with keys of two items",
            ),
        ),
        (
            "Ours: a key that an archive does not support matches everything (C.2.2.1.3), and FF01 says so;"
            " Orthanc takes the attribute for one without a value.",
            (
                "study: key that archives do not have",
                "study: private key",
                "study: key of series",
                "study: modality of series",
            ),
        ),
        (LOWER_UNIQUE_KEY, ("study: unique key of images",)),
        (
            "Ours: universal matching is for what has no value, too (C.2.2.2.3).",
            ("series: body part * where there is none",),
        ),
        (SMALL_LETTERS, ("level in small letters",)),
        ("Ours: the study root model has no patients (C.6.2).", ("patients in the study root",)),
    ),
}

VALUES: Final[Argued] = {
    "dcmqrscp": (
        (
            "Both: optional keys (C.6.1.1, C.6.2.1), which dcmqrscp leaves out of its answers.",
            (
                "BodyPartExamined",
                "ModalitiesInStudy",
                "NumberOfPatientRelatedStudies",
                "NumberOfSeriesRelatedInstances",
                "NumberOfStudyRelatedInstances",
                "NumberOfStudyRelatedSeries",
                "ProcedureCodeSequence",
                "RequestAttributesSequence",
                "SOPClassUID",
                "SeriesDate",
                "SeriesDescription",
            ),
        ),
        (
            "Both: a study has no modality (C.6.2.1.2); dcmqrscp says that of one of its images, ours that it"
            " does not have the key (FF01).",
            ("Modality",),
        ),
    ),
    "Orthanc": (
        (
            "Ours: text comes in a character set that has all of it; Orthanc's answers are in Latin-1 unless"
            " told otherwise, and what Latin-1 does not have is lost.",
            ("PatientName", "SeriesDescription"),
        ),
        (
            "Ours: of a sequence, the items that match are returned (C.2.2.2.6); Orthanc returns all.",
            ("RequestAttributesSequence",),
        ),
    ),
}
