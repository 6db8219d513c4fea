"""The manual's page on what is written, in the marks of ``dcmtools.cli.roff.marked_up``."""

from __future__ import annotations

from typing import Final

from dcmtools.cli.fields import FIELDS
from dcmtools.cli.roff import terms

OUTPUT: Final = f"""
# DESCRIPTION

Results go to stdout as they happen, one for each item. Messages, warnings, progress and the closing count go
to stderr; progress is drawn on a terminal only, by runs of some length, and not with -q. Of the items that
one and the same cause kept from being done, such as the files that were left when a run was stopped, stderr
names three and counts the others; -v, the log file, --format json and --report name every one.

SIGINT (Ctrl-C) and SIGTERM end a run with status 130 and the closing count. store knows all its files before
the first is sent, and each that is left is an item that failed. Commands that look for files while they work
(compress, decompress, dump) tell of those that were in hand: with compress the outcome is unknown, as the new
file may be there, and is whole where it is. What comes after these was not looked at, and is not named.
dump leaves SIGTERM to the system, unless there is a report.

* Text on a terminal | A table with a header, in colour unless NO_COLOR or --color never forbids it.
* Text in a pipe | The same columns without the header, separated by tabs, nothing cut. An item that failed
  has a row where more than its name is known; else it is named on stderr only.
* --format json | JSON Lines: one object for each result, failed ones too, in UTF-8.
* --format csv | Of commands that show a table: a header, and a row for each result, failed ones too, in
  UTF-8. The columns are the fields below, as a report has them; those of find are its keys.
* --format tsv | The same with a tab between the columns; no cell is quoted, as none has a tab.
* --format dicom-json | Of commands whose records hold a dataset: one array of these alone, as
  PS3.18 Annex F has it. Files that failed are told of on stderr only; an array that is not closed was
  interrupted.

Commands refuse a form that is not theirs, so as a default csv belongs in [defaults.store] or
DCMTOOLS_STORE_FORMAT, dicom-json in [defaults.dump] or DCMTOOLS_DUMP_FORMAT.

Control characters, and bytes that are no text, appear as \\x1b, \\xff or \\u202e in names and values, so a
tab or a newline in a file name never breaks a row.

# PAGER

Text of a command with --pager that goes to a terminal is shown through a pager, which starts when there is
some; dcmtools-environment(7) tells which. Messages for the same terminal wait until the pager has ended. To
quit it ends the run at once, with the status of what was shown till then; Ctrl-C ends the reading of files,
with status 130, and leaves the pager to be quit. A pager that ends with another status than 0 may not have
shown everything: that is said, and makes status 0 a 1. If there is no such program the text goes to the
terminal.

# JSON FIELDS

Every record has an outcome: done, warning, skipped, failed, or unknown (the answer never came). The last two
have an error with code and message, a hint where there is one, and transient (whether to try again) where an
association failed. A note is a remark on an item that did not fail. A data set is in the DICOM JSON model of
PS3.18 Annex F. The other fields:

{terms({command: ", ".join(fields.split()) + "." for command, fields in FIELDS.items()})}

Records of echo are of two kinds: one for each C-ECHO, and the statistics of several. In the former, step is
the one that failed: resolve (the name), connect (TCP), tls, associate, context, send, receive, or status
(that of the peer's answer). The first one also has steps_ms, the milliseconds of each step to the
association, and tls, what was agreed on. dump gives dataset, or with --value values by tag path, and in
problems what is wrong with the file: offset, path, message, and whether it is serious.

The first record of serve says where it listens; then there is one for each instance that was answered with
success, kept being new, same (it was there), replaced, or beside (another was there).

store has a record for each file; with --dry-run it tells the number of the association and what would be
proposed there.

# REPORTS

--report FILE writes what became of each item to FILE when the run ends: also when it failed, was stopped by
SIGINT or SIGTERM, lost its stdout, or met a bug; SIGKILL and other signals leave none. The name's ending or
--report-format tells the form.

* csv | A header, and a row for each item: the fields above, then outcome, error_code, error_message and note.
  Lists and objects stand there as in JSON. Text that begins with = + - @ or ' gets a ' in front, lest a
  spreadsheet take it for a formula. Every row is one line.
* json | One object with command, version, started, ended, status (the exit status), counts by outcome, and
  results, the records of --format json.
* junit | The XML of JUnit, for .xml: a test case for each item. A failed one is a failure, one of which the
  outcome is unknown an error; a warning counts as passed, with its text in system-out. The exit status is a
  property of the suite.

Where the run itself was ended early, the last item, which has no name, tells why. FILE appears whole, in the
place of what was there, and only its owner can read it unless there was a file with other permissions. Until
then what it will hold lies in its folder without a name. A report that cannot be begun is status 2, and
nothing is done; one that cannot be finished is told of on stderr, makes status 0 a 1, and leaves FILE as it
was. What does not look like a report, having NUL bytes, is never replaced, and neither is any file that the
command line names otherwise.

# BULK VALUES

Values of OB, OD, OF, OL, OV, OW and UN, and text and numbers of more than 16 MiB, stand in a data set as
"dcmtools dump --bulk" says. Encapsulated pixel data is one value: its items with their headers, from the
offset table to the delimiter.

* uri | A BulkDataURI that ends with ?offset=BYTES&length=BYTES: the bytes as they are in the file, or in its
  data set where that is deflated. With json it is relative to the file of the record; with dicom-json it is
  a file: URI, but for standard input, which has none.
* none | The vr alone. So does an empty element stand (PS3.18 F.2.5): nothing tells one from the other.
* inline | An InlineBinary, all of the value in Base64 and little endian. A data set with more than 64 MiB of
  them fails. Text and numbers cannot stand so (PS3.18 F.2.2), and stand as with uri.
* file | A BulkDataURI of a file of its own in --bulk-dir, little endian, which is called by the tag and the
  SHA-256 of the value; so equal values share one. A file that is there already is never replaced.

# EXAMPLES

    dcmtools dump --format json study/ | jq -r .file
    dcmtools dump --format dicom-json study/ | jq 'group_by(."0020000E".Value)'
    dcmtools dump --format dicom-json --bulk file --bulk-dir pixels ct.dcm > ct.json
    dcmtools store --format json archive night/ | jq -r 'select(.outcome == "failed") | .file'
    dcmtools store --report night.csv archive night/
    dcmtools store --report TEST-store.xml archive night/
    dcmtools peers list --format json | jq -r .name
"""
