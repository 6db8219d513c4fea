"""Expressions: what is one, and where those that are none are wrong."""

from __future__ import annotations

from time import monotonic

import pytest

from dcmtools.errors import ExitStatus
from dcmtools.selection.parsing import WhereError, parse

RIGHT = """
Modality == CT
Modality=CT
modality == 'CT' AND (Rows >= 512 Or NOT exists PixelData)
(0010,0010) == x
(0010,0010 == x)
((00100010 == x))
00100010 like "DOE*"
0029,10,ACME == 5
(0029,10,ACME in (1,2))
(0029,10,ACME HEADER) < 5
(0029,10,A(B)C) == x and Rows == 1
(0029,10,A.B).0029,11,C == 5
ReferencedImageSequence[*].ReferencedSOPInstanceUID matches "^1"
exists ReferencedImageSequence[1] or empty ReferencedImageSequence
empty ImageType[1]
ImageType[*] == A
StudyDate in 20240101..20240131
StudyDate in today-7.. and StudyDate in ..today
(StudyDate in 2024-01-01..)
StudyDate == 2024
StudyDate == -7d
StudyDate > yesterday
StudyTime > 10:30
PatientAge in 018M..2y
SOPClassUID == ctimagestorage
TransferSyntaxUID in (explicit, JPEG2000, 1.2.840.10008.1.2.5)
SliceThickness in -1...5
SmallestImagePixelValue < -5
FrameIncrementPointer in ((0018,1063), 0018,1065, FrameTime, 00181063)
FrameIncrementPointer == (0018,1063)
FrameIncrementPointer == 0018,1063 and Rows == 1
Modality not in (CT) and Modality not like C* and Modality not matches ^C
PatientName == "a ""b"" c" and PatientName == 'it''s'
PatientName == and
PatientName < M
PatientID < "5"
StudyComments == "a\\b"
PatientName == "Doe*"
file.size > 1000 and File.Path like "*x"
not not not exists PatientName
"""

WRONG = [
    ("", 1, "an expression is wanted"),
    ("  ", 3, "an expression is wanted"),
    ("Modality", 9, "an operator is wanted here"),
    ("Modality ==", 12, "a value is wanted here"),
    ("Modality", 9, "wants quotes in a shell"),
    ("PatientName contains Doe", 13, 'like "*TEXT*" is for text anywhere'),
    ("PatientName ~ Doe", 13, "matches for a regular expression"),
    ("PatientName == Doe*", 16, "wildcards are for like; in quotes Doe* is the text itself"),
    ("Modality != *", 13, "wildcards are for like"),
    ('Modality == "CT', 13, "this quote is never closed"),
    ("Modality == CT and", 19, "a path is wanted here"),
    ("Modality == CT MR", 16, "and, or or the end is wanted here, not 'MR'"),
    ("Modality == CT && Rows == 1", 16, "and, or or the end"),
    ("Modality == CT)", 15, "not ')'"),
    ('"CT" == Modality', 1, "the path comes first"),
    ("(Modality == CT", 1, "this parenthesis is never closed"),
    ("(Modality == CT MR)", 17, "and, or or ) is wanted here"),
    ("Modality in (CT, MR", 13, "this list is never closed"),
    ("Modality in (CT MR)", 17, "a comma or )"),
    ("Modality in ()", 14, "a value is wanted here"),
    ("Modality in CT", 15, "in is for a list (A, B) or a range LOW..HIGH"),
    ("Rows in ..", 6, "a range begins or ends with a value"),
    ("Rows in 5..2", 6, "the range 5..2 ends before it begins"),
    ("StudyDate in 20240301..20240201", 11, "ends before it begins"),
    ("PatientAge in 3Y..018M", 12, "ends before it begins"),
    ("Modalty == CT", 1, "did you mean Modality?"),
    ("Rows == 1 and Foo.Bar == 1", 15, "'Foo' is not a keyword of PS3.6"),
    ("EXISTS.PatientID == 4", 1, "'EXISTS' is not a keyword"),
    ("0010,10,ACME == 4", 1, "is not a private element"),
    ("file.name == x", 1, "of a file there are file.path and file.size"),
    ("Modality < 2", 12, "text, which is not compared with a number"),
    ("Modality in 1..2", 13, "text, which is not compared with a number"),
    ('Rows == "x"', 9, "'x' is no number, but its values are"),
    ("Rows in (1, x)", 13, "'x' is no number"),
    ("Rows > 1e999999999999999999999", 8, "is no number"),
    (f"Rows > {'1' * 65}", 8, "is no number"),
    ('Rows like "5*"', 1, "like is for text, which Rows is not, but US"),
    ("StudyDate == 20240231", 14, "'20240231' is no date"),
    ("StudyDate == 202413", 14, "'202413' is no date"),
    ("StudyDate == x", 14, "'x' is no date"),
    ("StudyDate > today-9999999", 13, "'today-9999999' is no date"),
    ("StudyDate > today-999999", 13, "is before all dates"),
    ("StudyTime > 25:00", 13, "'25:00' is no time"),
    ("AcquisitionDateTime > 10:30", 23, "is no date and time"),
    ("PatientAge > 65", 14, "'65' is no age such as 45Y"),
    ("SOPClassUID == CTImageStoragee", 16, "did you mean CTImageStorage?"),
    ("SOPClassUID > 1.2", 15, "UIDs have no order"),
    ("SOPClassUID in 1..2", 16, "UIDs have no order"),
    ("FrameIncrementPointer > FrameTime", 25, "tags have no order"),
    ("FrameIncrementPointer == Rows.Rows", 26, "is not a tag"),
    ('ImageType == "A\\B"', 14, "values are compared one by one"),
    ('PatientName == ""', 16, "'empty PATH' finds elements without value"),
    ("PixelData == 1", 1, "bulk data (OB or OW)"),
    ("ReferencedImageSequence == 1", 1, "is a sequence, which is not compared"),
    ("empty ReferencedImageSequence[1]", 7, "not for items"),
    ('PatientName matches "(a"', 21, "not a regular expression"),
    ('PatientName matches "(a)\\1"', 21, "a reference back"),
    (f'PatientName like "{"*a" * 600}"', 18, "a pattern of more than 1024 characters"),
]


@pytest.mark.parametrize("text", RIGHT.strip().splitlines())
def test_what_is_right(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(("text", "column", "why"), WRONG)
def test_what_is_wrong_and_where(text: str, column: int, why: str) -> None:
    with pytest.raises(WhereError) as caught:
        parse(text)
    error = caught.value
    assert why in error.message
    assert (error.column, error.status) == (column, ExitStatus.USAGE)
    assert error.message.startswith(f"column {column}: ")
    shown, mark = error.lines
    assert mark.strip() == "^"
    assert shown[len(mark) - 1 :][: len(text) - column + 1][:30] == text[column - 1 :][:30]


def test_the_mark_stands_under_what_is_meant() -> None:
    with pytest.raises(WhereError) as caught:
        parse(f"{'Rows == 1 and ' * 20}Rowss == 1 and \x1b[31m\n == 3{' and Rows == 1' * 10}")
    shown, mark = caught.value.lines
    assert shown.isprintable()
    assert len(shown) < 80
    assert shown[len(mark) - 1 :].startswith("Rowss == 1 and ?[31m? == 3")


HOSTILE = {
    "a megabyte": "Rows == 1 and " * 75_000,
    "parentheses": "(" * 10_000,
    "closed ones": "(" * 4_000 + "Rows == 1" + ")" * 4_000,
    "not not": "not " * 3_000,
    "quotes": '"' * 10_000,
    "a list": f"Rows in ({'1,' * 4_990}",
    "brackets": "Rows" + "[0]" * 3_000,
    "a path": "A." * 5_000,
    "a creator": f"(0029,10,{'(' * 9_000}",
    "creators": f"(0029,10,{'()' * 4_900}",
    "tags": "(0029,10,a" * 900,
    "digits": f"Rows == {'9' * 9_000}",
    "dots": f"Rows in {'.' * 9_000}",
    "spaces": " " * 9_990 + "x",
    "nothing printable": "\0\x1b\ud800\u202e" * 2_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_expressions_are_refused_at_once(name: str) -> None:
    begun = monotonic()
    with pytest.raises(WhereError):
        parse(HOSTILE[name])
    assert monotonic() - begun < 2


def test_a_long_expression_that_makes_sense() -> None:
    parse(" or ".join(f"Rows == {number}" for number in range(600)))
    parse("not " * 2000 + "Rows == 1")
    parse("(" * 50 + "Rows == 1" + ")" * 50)
