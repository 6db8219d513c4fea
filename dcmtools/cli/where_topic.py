"""The manual's page on the language of ``--where``, in the marks of ``dcmtools.cli.roff.marked_up``."""

from __future__ import annotations

from typing import Final

WHERE: Final = """
# DESCRIPTION

--where EXPR has a command work only on those of the files it finds of which EXPR is true. The others are
counted in the end ("12 not selected"), and nothing else is said of them. Given several times, all have to
hold. Where no file is selected, and none failed, the exit status is 3.

    Modality == CT and SliceThickness < 2 and not exists ContrastBolusAgent

What is wrong with an expression is said before any file is opened, with the column, and the status is 2. The
whole of it wants quotes in a shell; single ones leave double ones for values.

# CONDITIONS

* PATH == VALUE | Any value of the element is VALUE; = is the same.
* PATH != VALUE | None of them is, so it is true also where the element is not there: it is
  "not PATH == VALUE".
* PATH < VALUE, <=, >, >= | Any value is less, and so on. What is absent, empty or no value of its VR, such
  as a day that does not exist, is neither less nor more.
* PATH in (A, B, ...) | Any value is one of these.
* PATH in LOW..HIGH | Any value is from LOW to HIGH, both included; one of them may be left out.
* PATH like "DOE*" | * stands for any characters, ? for one; letters in any case. The whole value has to fit.
* PATH matches "REGEX" | The regular expression, as Python has them, is found anywhere in a value; ^ and $ are
  its ends, (?i) at the beginning is for letters in any case.
* exists PATH | The element is there, with a value or without. "exists Sequence[1]" asks for a second item.
* empty PATH | The element is there, and has no value; a sequence, and has no items.
* not A, A and B, A or B, (A) | not goes before and, and before or. "PATH not in (...)", "not like" and "not
  matches" can be said, too.

These words may be written in any case.

# PATHS

Paths are those of dcmtools-tag-paths(7): keyword, tag, private element, and elements in items of sequences.

* Sequence.Element | The element in any item: true where any value in any item is what is asked for. Each
  condition stands for itself, so two of them may be true in two different items.
* Sequence[0].Element | In the first item.
* ImageType[2] | The third value; values are counted from 0 as items are.
* (0029,10,SIEMENS CSA HEADER) | A private creator with spaces stands in parentheses.
* TransferSyntaxUID | File meta information can be asked for like anything else.
* file.path, file.size | The name of the file as the command found it, and its length in bytes.

# VALUES

A value stands in quotes, double or single, or as it is where it has no space, comma, quote, parenthesis,
=, <, > or !. A quote within quotes of its kind is written twice. Values are compared one by one, so none
has a backslash, as the VR of the element has them:

* Numbers: DS, IS, FD, FL, SL, SS, SV, UL, US, UV | As numbers: DS and IS exactly as they are written, FD
  and FL as dump shows them, so that 0.1 is 0.1.
* DA | 20240131, 2024-01-31, 2024-01 or 2024 for the whole of it, today, yesterday, today-7 (a week ago). So
  "StudyDate <= 2024-01" includes all of January.
* DT | The same, with or without a time behind: 202401311030, 2024-01-31T10:30. Where the value and VALUE
  name an offset from UTC, it counts.
* TM | 10, 1030, 10:30, 103059.5; 10 is the whole hour.
* AS | 45Y, 018M, 2W, 3D, compared as time: 12M is 1Y.
* UI | A UID, or its keyword: SOPClassUID == CTImageStorage, TransferSyntaxUID in (implicit, JPEG2000).
  UIDs are equal or not; there is no order.
* AT | A tag or a keyword; equal or not.
* PN | As text; delimiters with nothing behind them do not count, and VALUE may be the whole name or one of
  its groups.
* Other text | Letter by letter, as the character set of the file has it, without padding, which in LT, ST,
  UC, UR and UT is behind the text alone. < and > go by the code points of Unicode.

What is private, and not in the dictionaries, is compared as the VR in the file says. Under VR UN with no
dictionary to tell more, a value is neither equal nor less. Sequences and bulk data (OB, OW ...) are for
exists and empty only.

A comparison that can never be true is an error: a number for text with < or >, text for a number, a day that
does not exist, a keyword that is none.

# WHAT IS READ

Where the file meta information or the first 16 KiB of a file tell, no more is read; else it is walked up to
the last of the elements asked for, and never into pixel data. What stands behind that, in a file whose
elements are out of order, is not found. dump looks as leniently as it shows; the other commands fail
files that are no proper DICOM files. A file that cannot be read far enough to tell has failed, and says why.

An expression has at most 10,000 characters, and parentheses 50 deep; a regular expression 1,000 characters,
without references back, looking ahead or behind, and possessive quantifiers: so it takes time in proportion
to the value, whatever that is. Values of more than 1 MiB are not compared, nor more than 64 MiB of them in a
file, and with like and matches none of more than 65,536 characters: such a file fails.

# EXAMPLES

    dcmtools dump --where 'Modality == MR and EchoTime in 20..40' +P EchoTime study/
    dcmtools store archive night/ --where 'SeriesDescription not like "*scout*"'
    dcmtools compress study/ -o small/ --to jpeg-ls --where 'TransferSyntaxUID in (implicit, explicit)'
    dcmtools anonymize pacs/ -o trial/ --where 'StudyDate in 2023-06..2024-05' --where 'PatientAge >= 18Y'
    dcmtools dump --where 'RequestAttributesSequence.ScheduledProcedureStepID matches "^A[0-9]+$"' study/
"""
