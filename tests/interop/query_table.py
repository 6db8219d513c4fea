"""The instances and the queries that are put to every archive, and what PS3.4 has to say of the answers.

Entities have names: study ``11`` is 2.25.88.11, its series ``11.1`` is 2.25.88.11.1, an image of that
``11.1.2``; patients go by their IDs. ``expected`` names those that have to match.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.querying import Keys, Value

UID_ROOT: Final = "2.25.88"
LATIN_1, UTF_8, KANJI = "ISO_IR 100", "ISO_IR 192", "\\ISO 2022 IR 87"

# ---------------------------------------------------------------- instances


def uid(name: str) -> str:
    """The UID of a study, series or image by its name."""
    return f"{UID_ROOT}.{name}"


def uids(*names: str) -> str:
    """A list of UIDs."""
    return "\\".join(map(uid, names))


JOHN: Final = {
    "PatientID": "TAB001",
    "PatientName": "Doe^John",
    "PatientBirthDate": "19700101",
    "PatientSex": "M",
}
JANE: Final = {"PatientID": "TAB002", "PatientName": "DOE^JANE^^^", "PatientBirthDate": "", "PatientSex": "F"}
EMILE: Final = {
    "PatientID": "tab003",
    "PatientName": "Doé^Émile",
    "PatientBirthDate": "19651224",
    "PatientSex": "M",
}
TAROU: Final = {
    "PatientID": "TAB004",
    "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "PatientBirthDate": "19800229",
    "PatientSex": "O",
}
WANG: Final = {"PatientID": "TAB005", "PatientName": "Wang^XiaoDong=王^小东"}
JUERGEN: Final = {
    "PatientID": "TAB006",
    "PatientName": "Müller^Jürgen",
    "PatientBirthDate": "19551005",
    "PatientSex": "M",
}
NOBODY: Final = {"PatientID": "", "PatientName": "Nobody", "PatientBirthDate": "", "PatientSex": ""}


@dataclass(frozen=True)
class Study:
    """A study: its patient, its own attributes, those of each series, and their images' instance numbers."""

    name: str
    charset: str
    patient: Keys
    attributes: Keys
    series: Sequence[tuple[Keys, Sequence[str]]]


STUDIES: Final = (
    Study(
        "11",
        LATIN_1,
        JOHN,
        {
            "StudyDate": "20240110",
            "StudyTime": "083000",
            "AccessionNumber": "ACC0001",
            "StudyID": "1",
            "StudyDescription": "CT HEAD",
            "ReferringPhysicianName": "Referrer^Rita",
        },
        (
            (
                {
                    "Modality": "CT",
                    "SeriesNumber": "1",
                    "SeriesDescription": "Axial",
                    "BodyPartExamined": "HEAD",
                    "SeriesDate": "20240110",
                },
                ("1", "2"),
            ),
            ({"Modality": "MR", "SeriesNumber": "2", "SeriesDescription": "T1 *sag"}, ("007",)),
        ),
    ),
    Study(
        "12",
        LATIN_1,
        JOHN,
        {
            "StudyDate": "20240215",
            "StudyTime": "171500.250000",
            "AccessionNumber": "acc0002",
            "StudyID": "2",
            "StudyDescription": "Follow up ",
        },
        (({"Modality": "MR", "SeriesNumber": "10"}, ("1",)),),
    ),
    Study(
        "21",
        LATIN_1,
        JANE,
        {"StudyDate": "20240310", "StudyTime": "", "AccessionNumber": "", "StudyID": "A"},
        (({"Modality": "CT", "SeriesNumber": "1"}, ("1",)),),
    ),
    Study(
        "31",
        LATIN_1,
        EMILE,
        {
            "StudyDate": "19991231",
            "StudyTime": "235959",
            "AccessionNumber": "ACC0031",
            "StudyID": "1",
            "StudyDescription": "Crâne",
        },
        (({"Modality": "CR", "SeriesNumber": "1"}, ("1",)),),
    ),
    Study(
        "41",
        KANJI,
        TAROU,
        {"StudyDate": "20240110", "StudyTime": "08", "AccessionNumber": "ACC0041", "StudyID": "1"},
        (({"Modality": "MR", "SeriesNumber": "1", "SeriesDescription": "頭部"}, ("1",)),),
    ),
    Study(
        "51",
        UTF_8,
        WANG,
        {
            "StudyID": "1",
            "ProcedureCodeSequence": (
                {"CodeValue": "C1", "CodingSchemeDesignator": "99TAB", "CodeMeaning": "Head CT"},
            ),
        },
        (
            (
                {
                    "Modality": "CT",
                    "SeriesNumber": "1",
                    "RequestAttributesSequence": (
                        {"ScheduledProcedureStepID": "SPS1", "RequestedProcedureID": "RP1"},
                        {"ScheduledProcedureStepID": "SPS2", "RequestedProcedureID": "RP2"},
                    ),
                },
                ("1",),
            ),
        ),
    ),
    Study(
        "61",
        UTF_8,
        JUERGEN,
        {
            "StudyDate": "20240311",
            "StudyTime": "120000",
            "AccessionNumber": "ACC%",
            "StudyID": "1",
            "StudyDescription": "100%_plain [x]",
            "ReferringPhysicianName": "Referrer^Rolf",
        },
        (({"Modality": "US", "SeriesNumber": "1"}, ("1",)),),
    ),
    Study(
        "62",
        UTF_8,
        JUERGEN,
        {"StudyDate": "20231101", "StudyTime": "101500", "AccessionNumber": "ACC0062", "StudyID": "2"},
        (
            ({"Modality": "MG", "SeriesNumber": "1"}, ("1",)),
            ({"Modality": "MG", "SeriesNumber": "2"}, ("1",)),
        ),
    ),
    Study(
        "71",
        LATIN_1,
        NOBODY,
        {"StudyDate": "20200101", "StudyTime": "000000", "AccessionNumber": "ACC-71", "StudyID": "1"},
        (({"Modality": "OT", "SeriesNumber": "1"}, ("1",)),),
    ),
)

# ---------------------------------------------------------------- queries


@dataclass(frozen=True)
class Query:
    """A C-FIND request, and the names of the entities that match it, or None where it has to be refused.

    Where the answer does not name them, they are ``?1``, ``?2``; a patient without an ID is ``-``.
    """

    name: str
    level: str | None
    expected: str | None
    keys: Keys = field(default_factory=dict)
    model: str = "STUDY"
    charset: str = ""


def study(name: str, expected: str | None, charset: str = "", /, **keys: Value) -> Query:
    """A query for studies, study root; what it returns is one of each kind."""
    returned = {"StudyInstanceUID": "", "PatientID": "", "PatientName": "", "StudyDate": ""}
    return Query(f"study: {name}", "STUDY", expected, {**returned, **keys}, charset=charset)


def series(name: str, expected: str | None, of: str = "11", /, **keys: Value) -> Query:
    returned = {"StudyInstanceUID": uid(of), "SeriesInstanceUID": "", "Modality": "", "SeriesNumber": ""}
    return Query(f"series: {name}", "SERIES", expected, {**returned, **keys})


def image(name: str, expected: str | None, of: str = "11.1", /, **keys: Value) -> Query:
    above = {"StudyInstanceUID": uid(of.partition(".")[0]), "SeriesInstanceUID": uid(of)}
    returned = {**above, "SOPInstanceUID": "", "SOPClassUID": "", "InstanceNumber": ""}
    return Query(f"image: {name}", "IMAGE", expected, {**returned, **keys})


def patient(name: str, expected: str | None, level: str = "PATIENT", /, **keys: Value) -> Query:
    """A query of the patient root model."""
    returned = {"PATIENT": {"PatientID": "", "PatientName": ""}, "STUDY": {"StudyInstanceUID": ""}}
    also = returned.get(level, {"SeriesInstanceUID": ""})
    return Query(f"patient: {name}", level, expected, {**also, **keys}, model="PATIENT")


ALL: Final = "11 12 21 31 41 51 61 62 71"
NONE: Final = ""

QUERIES: Final = (
    # Unique keys: PS3.4 C.2.2.2.1, C.2.2.2.2, C.2.2.2.3
    study("all", ALL),
    study("UID", "11", StudyInstanceUID=uid("11")),
    study("UIDs", "11 21", StudyInstanceUID=uids("11", "99", "21")),
    study("the same UID twice", "11", StudyInstanceUID=uids("11", "11")),
    study("UID of no study", NONE, StudyInstanceUID=uid("99")),
    study("beginning of a UID", NONE, StudyInstanceUID=UID_ROOT),
    study("UID with a wildcard", NONE, StudyInstanceUID=f"{UID_ROOT}.1*"),
    study("UID *", ALL, StudyInstanceUID="*"),
    study("very long UID", NONE, StudyInstanceUID="1." * 200 + "1"),
    study("list of a thousand UIDs", "11", StudyInstanceUID=uids("11", *map(str, range(1000, 2000)))),
    # Wildcards, and the case of letters: C.2.2.2.1, C.2.2.2.4
    study("ID", "11 12", PatientID="TAB001"),
    study("ID in the other case", NONE, PatientID="tab001"),
    study("ID with spaces after it", "11 12", PatientID="TAB001   "),
    study("ID with a space before it", "11 12", PatientID=" TAB001"),
    study("ID prefix", "11 12 21 41 51 61 62", PatientID="TAB*"),
    study("ID infix", "11 12 21 31 41 51 61 62", PatientID="*00*"),
    study("ID suffix", "21", PatientID="*2"),
    study("ID with ?", "11 12 21 41 51 61 62", PatientID="TAB00?"),
    study("ID with * in the middle", "11 12", PatientID="T*1"),
    study("ID *", ALL, PatientID="*"),
    study("ID **", ALL, PatientID="**"),
    study("ID ?", NONE, PatientID="?"),
    study("ID of six ?", "11 12 21 31 41 51 61 62", PatientID="??????"),
    study("ID ?*", "11 12 21 31 41 51 61 62", PatientID="?*"),
    study("IDs", "11 12 21", PatientID="TAB001\\TAB002"),
    study("ID empty", ALL, PatientID=""),
    study("ID that is far too long", NONE, PatientID="X" * 5000),
    study("very many wildcards", NONE, PatientID="*T" * 30 + "*!"),
    # Person names: C.2.2.2.1, PS3.5 6.2.1
    study("name", "11 12", PatientName="Doe^John"),
    study("name in the other case", "11 12", PatientName="DOE^john"),
    study("name prefix", "11 12 21", PatientName="Doe*"),
    study("name suffix", "11 12", PatientName="*John"),
    study("name infix", "11 12 21", PatientName="*oe^J*"),
    study("name with ?", "11 12 21", PatientName="D?e^J*"),
    study("name stored with trailing carets", "21", PatientName="DOE^JANE"),
    study("name with trailing carets", "11 12", PatientName="Doe^John^^^"),
    study("family name alone", NONE, PatientName="Doe"),
    study("family name and a caret", NONE, PatientName="Doe^"),
    study("name *", ALL, PatientName="*"),
    study("all groups of a name", "41", KANJI, PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう"),
    study("two groups of three", "41", KANJI, PatientName="Yamada^Tarou=山田^太郎"),
    study("alphabetic group of three", "41", PatientName="Yamada^Tarou"),
    study("alphabetic prefix of three groups", "41", PatientName="Yamada*"),
    study("ideographic group", "41", KANJI, PatientName="=山田^太郎"),
    study("ideographic prefix", "41", KANJI, PatientName="*=山田*"),
    study("phonetic prefix", "41", KANJI, PatientName="*=*=やまだ*"),
    study("ideographic group in the place of the first", "41", KANJI, PatientName="山田^太郎"),
    study("ideographic prefix in UTF-8 of a name in ISO 2022", "41", UTF_8, PatientName="*=山田*"),
    study("Chinese name", "51", UTF_8, PatientName="Wang^XiaoDong=王^小东"),
    study("Chinese prefix", "51", UTF_8, PatientName="*=王*"),
    # Character sets: C.2.2.2, PS3.5 6.1.2
    study("Latin-1 name in Latin-1", "31", LATIN_1, PatientName="Doé^*"),
    study("Latin-1 name in UTF-8", "31", UTF_8, PatientName="Doé^*"),
    study("UTF-8 name in Latin-1", "61 62", LATIN_1, PatientName="Müller^Jürgen"),
    study("UTF-8 name in UTF-8", "61 62", UTF_8, PatientName="Müller^Jürgen"),
    study("accents in capitals", "31", LATIN_1, PatientName="DOÉ^ÉMILE"),
    study("no accents", NONE, PatientName="Doe^Emile"),
    study("? for a letter with an accent", "31", PatientName="Do?^?mile"),
    study("? for a letter of two bytes", "61 62", PatientName="M?ller*"),
    study("description with an accent", "31", LATIN_1, StudyDescription="Crâne"),
    # Dates and times: C.2.2.2.1, C.2.2.2.5
    study("date", "11 41", StudyDate="20240110"),
    study("date in the form of ACR-NEMA", "11 41", StudyDate="2024.01.10"),
    study("dates from to", "11 12 21 41", StudyDate="20240110-20240310"),
    study("dates until", "31 62 71", StudyDate="-20240101"),
    study("dates from", "21 61", StudyDate="20240310-"),
    study("dates of one day", "11 41", StudyDate="20240110-20240110"),
    study("dates the wrong way round", NONE, StudyDate="20240310-20240110"),
    study("dates of nothing", None, StudyDate="-"),
    study("date with a wildcard", None, StudyDate="2024*"),
    study("date *", ALL, StudyDate="*"),
    study("date that is none", None, StudyDate="20241332"),
    study("date with a space", "11 41", StudyDate="20240110 "),
    study("time", "11", StudyTime="083000"),
    study("time with less precision", "11", StudyTime="0830"),
    study("time of fractions", "12", StudyTime="171500.250000"),
    study("time of an hour", "11 41", StudyTime="08"),
    study("times from to", "11 41", StudyTime="080000-090000"),
    study("times from to in hours and minutes", "11", StudyTime="0815-0845"),
    study("times until a minute", "12", StudyTime="1714-1715"),
    study("times until", "11 41 71", StudyTime="-0900"),
    study("times from", "12 31 61", StudyTime="120000-"),
    study("date and time", "11 41", StudyDate="20240110-20240215", StudyTime="0800-0900"),
    study("birth date", "11 12", PatientBirthDate="19700101"),
    study("birth dates until", "11 12 31 61 62", PatientBirthDate="-19791231"),
    # Other text: C.2.2.2.1, C.2.2.2.4
    study("accession number", "11", AccessionNumber="ACC0001"),
    study("accession number in the other case", NONE, AccessionNumber="acc0001"),
    study("accession number prefix", "11 31 41 61 62 71", AccessionNumber="ACC*"),
    study("accession number with a percent sign", "61", AccessionNumber="ACC%"),
    study("accession number with an underscore", NONE, AccessionNumber="ACC000_"),
    study("accession number empty", ALL, AccessionNumber=""),
    study("description with a space after it", "11", StudyDescription="CT HEAD "),
    study("description that is stored with a space after it", "12", StudyDescription="Follow up"),
    study("description with brackets", "61", StudyDescription="100%*[x]"),
    study("description that is SQL", NONE, StudyDescription="'; DROP TABLE studies; --"),
    study("description that any has", "11 12 31 61", StudyDescription="?*"),
    study("description with two wildcards", "11", StudyDescription="*HE?D"),
    study("physician", "11 61", ReferringPhysicianName="Referrer*"),
    study("study ID", "11 31 41 51 61 71", StudyID="1"),
    study("sex", "11 12 31 61 62", PatientSex="M"),
    study("three keys", "11", PatientName="doe*", StudyDate="20240101-20240131", ModalitiesInStudy="MR"),
    # Of a study's series: C.3.4 and C.6.2.1
    study("modality", "11 21 51", ModalitiesInStudy="CT"),
    study("another modality", "11 12 41", ModalitiesInStudy="MR"),
    study("modalities", "11 12 21 41 51", ModalitiesInStudy="CT\\MR"),
    study("modality with a wildcard", "11 21 31 51", ModalitiesInStudy="C*"),
    study("modality that none has", NONE, ModalitiesInStudy="XX"),
    study("modality in small letters", NONE, ModalitiesInStudy="ct"),
    study("modalities returned", "11", StudyInstanceUID=uid("11"), ModalitiesInStudy=""),
    study(
        "numbers returned",
        "11 62",
        StudyInstanceUID=uids("11", "62"),
        NumberOfStudyRelatedSeries="",
        NumberOfStudyRelatedInstances="",
    ),
    # Sequences: C.2.2.2.6
    study("sequence empty", "51", StudyInstanceUID=uid("51"), ProcedureCodeSequence=()),
    study("sequence with an item", "51", ProcedureCodeSequence=({"CodeValue": "C1"},)),
    study("sequence with an item that none has", NONE, ProcedureCodeSequence=({"CodeValue": "C2"},)),
    study("sequence with a wildcard", "51", ProcedureCodeSequence=({"CodeMeaning": "Head*"},)),
    study("sequence with an item of empty keys", ALL, ProcedureCodeSequence=({"CodeValue": ""},)),
    # Keys that are not known, or of another level: C.4.1.2.1, C.4.1.3.1
    study("key that archives do not have", ALL, MagneticFieldStrength="3"),
    study("private key", ALL, **{"00091001": b"x"}),
    study("key of series", ALL, SeriesDescription="Axial"),
    study("modality of series", ALL, Modality="CT"),
    study("unique key of images", None, SOPInstanceUID=uid("11.1.1")),
    # Series
    series("all of a study", "11.1 11.2"),
    series("UID", "11.2", SeriesInstanceUID=uid("11.2")),
    series("UIDs", "11.1 11.2", SeriesInstanceUID=uids("11.1", "11.2", "12.1")),
    series("UID of another study", NONE, SeriesInstanceUID=uid("12.1")),
    series("of no study", NONE, "99"),
    series("modality", "11.1", Modality="CT"),
    series("modalities", "11.1 11.2", Modality="CT\\MR"),
    series("modality in small letters", NONE, Modality="ct"),
    series("modality with a wildcard", "11.2", Modality="M?"),
    series("number", "11.1", SeriesNumber="1"),
    series("number with a zero before it", "11.1", SeriesNumber="01"),
    series("number with spaces around it", "11.1", SeriesNumber=" 1  "),
    series("number with a sign", "11.1", SeriesNumber="+1"),
    series("number that is none", None, SeriesNumber="one"),
    series("description with an asterisk", "11.2", SeriesDescription="T1 *sag"),
    series("description in Japanese", "41.1", "41", SeriesDescription=""),
    series("body part", "11.1", BodyPartExamined="H*"),
    series("body part * where there is none", "12.1", "12", BodyPartExamined="*"),
    series("body part ?* where there is none", NONE, "12", BodyPartExamined="?*"),
    series("date", "11.1", SeriesDate="20240101-20240131"),
    series("images counted", "11.1 11.2", NumberOfSeriesRelatedInstances=""),
    series("sequence empty", "51.1", "51", RequestAttributesSequence=()),
    series(
        "sequence with the second item",
        "51.1",
        "51",
        RequestAttributesSequence=({"ScheduledProcedureStepID": "SPS2"},),
    ),
    series(
        "sequence with keys of two items",
        NONE,
        "51",
        RequestAttributesSequence=({"ScheduledProcedureStepID": "SPS1", "RequestedProcedureID": "RP2"},),
    ),
    series(
        "sequence with keys of one item",
        "51.1",
        "51",
        RequestAttributesSequence=({"ScheduledProcedureStepID": "SPS1", "RequestedProcedureID": "RP1"},),
    ),
    series("keys of the patient returned", "11.1 11.2", PatientName="", StudyDate=""),
    series("key of another patient", NONE, PatientName="Nobody"),
    series("without the study", None, StudyInstanceUID=""),
    series("of two studies", None, StudyInstanceUID=uids("11", "12")),
    series("of studies with a wildcard", NONE, StudyInstanceUID=f"{UID_ROOT}.*"),
    # Images
    image("all of a series", "11.1.1 11.1.2"),
    image("UID", "11.1.2", SOPInstanceUID=uid("11.1.2")),
    image("UIDs", "11.1.1 11.1.2", SOPInstanceUID=uids("11.1.1", "11.1.2", "12.1.1")),
    image("number", "11.1.1", InstanceNumber="1"),
    image("number that is stored with zeros", "11.2.1", "11.2", InstanceNumber="7"),
    image("number with other zeros", "11.2.1", "11.2", InstanceNumber="07"),
    image("number as stored", "11.2.1", "11.2", InstanceNumber="007"),
    image("class", "11.1.1 11.1.2", SOPClassUID="1.2.840.10008.5.1.4.1.1.2"),
    image("another class", NONE, SOPClassUID="1.2.840.10008.5.1.4.1.1.4"),
    image("series of another study", NONE, "11.1", StudyInstanceUID=uid("12")),
    image("without the series", None, SeriesInstanceUID=""),
    image("without the study", None, StudyInstanceUID=""),
    # The patient root model
    patient("all", "- TAB001 TAB002 TAB004 TAB005 TAB006 tab003"),
    patient("ID", "TAB001", PatientID="TAB001"),
    patient("name", "TAB001 TAB002", PatientName="Doe*"),
    patient("birth dates", "TAB004", PatientBirthDate="19800101-"),
    patient("studies counted", "TAB001", PatientID="TAB001", NumberOfPatientRelatedStudies=""),
    patient("studies", "11 12", "STUDY", PatientID="TAB001"),
    patient("studies of a date", "12", "STUDY", PatientID="TAB001", StudyDate="20240201-"),
    patient("studies without the patient", None, "STUDY", PatientID=""),
    patient("studies of a patient with a wildcard", None, "STUDY", PatientID="TAB*"),
    patient("series", "11.1 11.2", "SERIES", PatientID="TAB001", StudyInstanceUID=uid("11")),
    patient("series of another patient", NONE, "SERIES", PatientID="TAB002", StudyInstanceUID=uid("11")),
    patient("series without the patient", None, "SERIES", StudyInstanceUID=uid("11")),
    # Levels: C.4.1.1.3.1
    Query("no level", None, None, {"StudyInstanceUID": ""}),
    Query("level of no model", "NONSENSE", None, {"StudyInstanceUID": ""}),
    Query("empty level", "", None, {"StudyInstanceUID": ""}),
    Query("level in small letters", "study", None, {"StudyInstanceUID": ""}),
    Query("patients in the study root", "PATIENT", None, {"PatientID": ""}),
    Query("no key at all", "STUDY", "?1 ?2 ?3 ?4 ?5 ?6 ?7 ?8 ?9", {}),
    Query("unique key not asked for", "STUDY", "?1 ?2", {"PatientID": "TAB001"}),
)
