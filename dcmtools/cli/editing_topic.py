"""The manual's page on what modify changes, in the marks of ``dcmtools.cli.roff.marked_up``."""

from __future__ import annotations

from typing import Final

EDITING: Final = """
# DESCRIPTION

modify works on each file by itself, in this order: --repair, --charset, the edits of single elements,
--erase-group-lengths, new UIDs, and in the end preamble and file meta information. --dry-run tells each
change.

# PATHS

Those of dcmtools-tag-paths(7), but one path may be that of several elements only where it says so:

* Sequence[0].Element | In the first item. With --set the sequence, and the item behind the last, are made.
* Sequence.Element | In the only item; where there are several the file fails.
* Sequence[*].Element | In each item that there is.
* **.Element | Wherever it is there, at any depth.
* Sequence[1] | With --erase, the second item.

Where two edits are about one element the more specific counts: the first two of these before [*], that before
**. One element given twice is an error.

# PATCHES

A file called .toml has the options by name: tables of paths and values, lists of paths. A path that has more
than letters in it stands in quotes, and several values in brackets:

    erase = ["PatientAge", "OtherPatientIDsSequence[1]"]
    erase-all = ["InstitutionName"]
    erase-private = true

    [set]
    PatientName = "Doe^Jane"
    ImageType = ["DERIVED", "SECONDARY"]
    "RequestAttributesSequence[0].RequestedProcedureID" = 7

    [replace]
    StudyDescription = "Thorax"

    [replace-all]
    StationName = "CT1"

The table set-file has names of files, from the folder where the patch is.

A file called .json is one data set in the DICOM JSON model (PS3.18 Annex F), and each of its elements is set,
sequences whole: as "dcmtools dump --format dicom-json" writes it. Bulk data without a value is refused, as
with "dump --bulk none".

# UIDS

--new-uids collects the UIDs of the levels asked for in a first pass over all files, so that references to
anything else stay; then each of them changes wherever it stands, at any depth, in elements of VR UI. Those of
classes, syntaxes and the Standard never do. What they become differs from run to run: --uid-map-out keeps it,
and with that file as --uid-map, in the place of --new-uids, a run that was ended goes on, or files that have
failed are done. Without it --skip-existing is refused, and so is --in-place of several files unless there
is a --backup. A --dry-run writes no such file, and the UIDs that it shows are not those of the run.

No two files get one SOP Instance UID: --set SOPInstanceUID is for one file, and a --uid-map in which the new
UID of one file is that of another is refused. With "--new-uids instance" it is a warning where a reference
leads to an instance that is not among the files, and the study or series named around it is: the one keeps
its UID, the other does not.

# BACKUPS

--backup keeps each file that is replaced, with a suffix behind its name; to undo a run, move it back there.
What is in a folder and by its name is a backup is never changed in its place: what has the suffix of this
run, and what stands beside the file that has its name without the suffix. Such a suffix begins with a dot or
a tilde, and is no number unless it stands behind .dcm. Other commands take backups for files like any: move
them away before.

# WHAT ELSE CHANGES

Other elements keep their bytes, but:

* Lengths | Those of sequences and items around a change that have one.
* Group Lengths | Those of groups in which something changes, and Length to End: they are retired, and left
  out, which is told.
* File meta information | Media Storage SOP Class and Instance UID follow the data set.
* Preamble | That of a TIFF file, which would tell where in the file its parts were, becomes zeros.

Digital signatures stay. They may not be valid any more, which is a warning.

# REPAIR

--repair puts right what is known to be wrong in files of some devices, where it is certain what is meant:

* Lengths | Odd ones, 13 for 10 bytes, those that leave out the padding, those of 16 bits where a VR has 32.
* VRs | None at all, those that no edition has, implicit ones among explicit, and others than PS3.6 has, if
  the value is legal under both; bytes under LO in private elements; encapsulated pixel data under OW.
* Values | Text and UIDs padded with other bytes than PS3.5 has, character sets that are misspelt.
* Delimiters | Those that are missing, stand astray or have a length; zero bytes behind the last element.
* Elements | Those out of order, those that stand twice with one value; Group Lengths and Length to End.
* File meta information | As --fix-meta: preamble, prefix, lengths, UIDs and the transfer syntax as the data
  set is encoded.

No value is lost, and values of private elements stay as they are. A VR that differs from PS3.6 stays with a
warning where the value may mean something else under another. Whatever else contradicts PS3.5 fails the file,
which then is untouched: two elements of one tag with different values, bytes that are missing, frames of
which nothing tells how they are compressed.

# EXAMPLES

    dcmtools modify study/ --dry-run --patch site.toml
    dcmtools modify study/ -o copy/ --new-uids study,series,instance --uid-map-out pairs.csv
    dcmtools modify archive/ --in-place --backup .bak --repair
    dcmtools modify study/ --in-place --charset utf-8 --where 'SpecificCharacterSet != "ISO_IR 192"'
"""
