"""What belongs to many commands, for the manual: written in the marks of ``dcmtools.cli.roff.marked_up``."""

from __future__ import annotations

from typing import Final, NamedTuple

from dcmtools.cli.defaults import SHARED
from dcmtools.cli.deidentification_topic import DEIDENTIFICATION
from dcmtools.cli.fields import FIELDS
from dcmtools.cli.security_topic import SECURITY
from dcmtools.errors import ExitStatus


class Topic(NamedTuple):
    """One page of section 7."""

    summary: str
    text: str


_STATUS_TEXTS: Final = {
    ExitStatus.DONE: "Everything that was asked for is done.",
    ExitStatus.PARTIAL: "Done, but some items failed, the check said no, or results or the log could not be"
    " written.",
    ExitStatus.USAGE: "The command line or the configuration is wrong; nothing was done.",
    ExitStatus.INPUT: "The input is missing, cannot be read, or is not DICOM.",
    ExitStatus.NO_ASSOCIATION: "No association: no connection, no TLS, rejected, aborted, or timed out.",
    ExitStatus.PEER_FAILURE: "The peer answered with a failure status, or accepts nothing that is offered.",
    ExitStatus.BUG: "A bug in dcmtools; please report it with what --debug shows.",
    ExitStatus.INTERRUPTED: "Interrupted by a signal before everything was done.",
    ExitStatus.STDOUT_CLOSED: "Whoever read stdout closed it.",
}


def _terms(items: dict[str, str]) -> str:
    return "\n".join(f"* {term} | {text}" for term, text in items.items())


_EXIT_STATUS: Final = f"""
# DESCRIPTION

A status never counts anything. When all items failed for one cause, it is that cause's status; when some
failed, or for several causes, it is 1. Items that were passed over do not count. A server that SIGTERM or
SIGINT told to end exits with 0, unless it has kept fewer instances than it was to, or a command of --exec
failed.

# EXIT STATUS

{_terms({str(status.value): text for status, text in _STATUS_TEXTS.items()})}

# EXAMPLES

    dcmtools store archive night/ || echo "status $?"
    dcmtools echo archive && dcmtools store archive night/
"""

_PEERS: Final = """
# DESCRIPTION

Where a command takes a PEER, one of these will do:

* AET@HOST:PORT | Everything at once.
* HOST:PORT | The called AE title is ANY-SCP.
* HOST | The port is 11112 too, with TLS 2762.
* NAME | A peer of the configuration. A name goes before a host that is called the same.

An IPv6 address stands in brackets where a port follows, or an AE title stands before: [::1]:104. An AE
title has at most 16 characters of ASCII, no backslash and no control character; blanks around it do not
count. --called-aet replaces the title in PEER.

# CONFIG.TOML

The file is $XDG_CONFIG_HOME/dcmtools/config.toml or ~/.config/dcmtools/config.toml (elsewhere than on
Linux, in the system's folder for such files), or the one that DCMTOOLS_CONFIG names;
"dcmtools peers path" prints where. dcmtools works without it. A peer:

    [peers.archive]
    host = "pacs.example.org"   # required
    port = 104                  # 11112, with TLS 2762
    aet = "ARCHIVE"             # ANY-SCP
    calling_aet = "CT1"         # how it knows us
    connect_timeout = 5         # seconds, as the options of these names
    acse_timeout = 30
    dimse_timeout = 300
    max_pdu = 131072            # bytes
    bind_address = "10.0.0.7"   # the address to connect from
    tls = true                  # the port is 2762 then, if none is given
    tls_ca = "hospital.pem"     # files lie where config.toml does, or have full paths
    tls_cert = "us.pem"
    tls_key = "us.key"
    user = "ward7"
    password_file = "~/.archive-password"

The others are tls_key_password_file, tls_server_name, tls_profile and tls_min_version; dcmtools-security(7)
tells what they mean. Only the host is required. A name is made of letters, digits, dots, dashes and
underscores; one with a dot stands in quotes: [peers."ct.1"]. "dcmtools peers add" and "remove" change the
file and leave comments and everything else of it as they are.

Values for options, of all commands that have them, and of one command:

    [defaults]
    format = "json"
    calling_aet = "DESK7"

    [defaults.store]
    dimse_timeout = 120

    [defaults.peers.list]
    color = "never"

The key is the option's long name with underscores. Options of one command alone stand in its table; those
of many, listed in dcmtools-environment(7), may stand in [defaults].

A key that is not known, and a value of the wrong type, is an error (status 2) that names the line.

# PRECEDENCE

An option on the command line goes before the environment, that before what the file says of the peer, that
before [defaults], and that before the default that --help shows.

# EXAMPLES

    dcmtools peers add archive ARCHIVE@pacs.example.org:104 --calling-aet CT1
    dcmtools echo archive
    dcmtools echo -aec TEST [::1]:104
    dcmtools store archive --dimse-timeout 600 night/
"""

_TAG_PATHS: Final = """
# DESCRIPTION

Where a command takes a KEY it can be written in these forms, letter case ignored:

* PatientName | A keyword of PS3.6.
* (0010,0010) | A tag; the parentheses may be left out.
* 00100010 | The same in eight digits.
* 0029,10,CREATOR | A private element: group, last two digits of the element, private creator. It is
  found whichever block the creator has reserved.
* ReferencedStudySequence[0].ReferencedSOPInstanceUID | An element in an item of a sequence; items are
  counted from 0.
* ReferencedStudySequence[*].ReferencedSOPInstanceUID | In any item; [*] may be left out.

What begins with parentheses or holds brackets or stars wants quotes in a shell. Paths are printed in one
form: (0008,1110)[0].(0008,1155).

# DICTIONARIES

"dcmtools dump --dict FILE" has names and VRs of elements that are not in PS3.6, or are to be called
otherwise. A line has tag, VR, name and VM, separated by tabs; what follows, empty lines and those that begin
with # do not count. DCMTK's dictionaries can be given as they are.

* (0010,0010) | An element.
* (0029,"CREATOR",10) | A private element, whichever block the creator has reserved; with four digits in this
  block alone.
* (6000-60FF,3000) | Even numbers of a range; (0019-o-0029,1000) odd ones; (0020-u-0030,1000) both.

A name does for a KEY, unless it is one of a range; that of a private element where no other has it.

# EXAMPLES

    dcmtools dump --value PatientName ct.dcm
    dcmtools dump +P 0008,0018 +P '(0020,000d)' study/
    dcmtools dump --value 'ReferencedStudySequence[0].ReferencedSOPInstanceUID' ct.dcm
    dcmtools dump --value '0029,10,SIEMENS CSA HEADER' mr.dcm
"""

_INPUTS: Final = """
# DESCRIPTION

Where a command takes PATHS, each of these will do, in any number:

* FILE | A file, or a pipe by name.
* FOLDER | Every file in it and in its folders, hidden ones too, in the order of their names: the files of a
  folder, then its folders. Links to files are followed, links to folders only where they are named.
* ARCHIVE | Every file in a zip or tar archive, in the order of the archive. A tar may be compressed with
  gzip, bzip2 or xz. The content tells, not the name.
* ARCHIVE/NAME | A file in an archive, or what is below that folder in it. This is how the files of archives
  are named in results. One compressed on its own in a zip has to be so by deflate or bzip2.
* - | A file, or an archive, on standard input.

A file that is named has to be what the command takes. In folders and archives what is not DICOM is skipped,
which -v tells of, but it fails where its name ends in .dcm, .dicom, .dic or .ima, and where it has no bytes
at all. What "dcmtools serve" keeps for itself in its folder (.incoming, .index.sqlite) is passed over, and
not counted. A folder or archive without any DICOM file fails. Archives are not looked into where they are
found in folders or in other archives: they are skipped.

Nothing of an archive is written to the disk under a name; what is compressed goes through temporary files
without one (TMPDIR says where). Encrypted files fail. What expands to more than 200 times its size, beyond
256 MiB, or to more than 16 GiB is refused.

# LISTS

--files-from FILE takes names from a file or, with -, from standard input, after PATHS or without any. They
end with a newline each or, if there is a NUL byte among the first 64 KiB, with NUL. Empty lines do not count.
A name is treated as if it stood on the command line, but - is the file of that name. A list that names
nothing fails.

# EXIT STATUS

A list that does not exist is status 2, an input that is unusable 3, or 1 where others were good.

# EXAMPLES

    dcmtools dump study.zip
    dcmtools dump study.zip/DICOM/IM1
    tar -c night/ | dcmtools store archive -
    find night/ -newer last -print0 | dcmtools store archive --files-from -
"""

_OUTPUT: Final = f"""
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

{_terms({command: ", ".join(fields.split()) + "." for command, fields in FIELDS.items()})}

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

_ENVIRONMENT: Final = f"""
# DESCRIPTION

An option on the command line goes before the environment, and the environment before config.toml. Empty
variables count as unset, but for those of the pager.

# ENVIRONMENT

* DCMTOOLS_CONFIG | The configuration file, in place of the user's.
* DCMTOOLS_COMMAND_OPTION | An option's value where the command line gives none, such as
  DCMTOOLS_ECHO_COUNT or DCMTOOLS_PEERS_LIST_FORMAT: its long name, where dashes become underscores.
  --called-aet, --ask-password and --tls-no-verify stand in the command only.
* DCMTOOLS_OPTION | The same for the options of many commands, which that of one command goes before:
  {", ".join(f"DCMTOOLS_{name.upper()}" for name in SHARED)}.
* DCMTOOLS_PASSWORD, DCMTOOLS_JWT, DCMTOOLS_TLS_KEY_PASSWORD | Secrets that come from no file: the password
  for --user, a JSON Web Token to be the user, the password of the key in --tls-key.
* NO_COLOR | No colour unless --color asks for it.
* TERM | "dumb" is a terminal without colour and progress, and without a pager unless one is named.
* DCMTOOLS_PAGER, PAGER | The program that long text on a terminal goes through, less unless one of them names
  another. The words are split as a shell does, but no shell runs them. An empty one, or cat, means none.
* LESS | What less is to do. Where it is unset the pager finds FRX in it: end where all fits on the screen,
  show colour, leave the screen as it is.
* XDG_CONFIG_HOME, HOME | Where config.toml is looked for. Without a home folder dcmtools works as if there
  were none.

# EXAMPLES

    DCMTOOLS_CALLING_AET=CT1 dcmtools echo archive
    DCMTOOLS_CONFIG=./site.toml dcmtools peers list
"""

TOPICS: Final = {
    "exit-status": Topic("what the exit status of dcmtools tells", _EXIT_STATUS),
    "peers": Topic("how to name a peer, and config.toml", _PEERS),
    "inputs": Topic("how to name files, folders, archives and lists", _INPUTS),
    "security": Topic("TLS and user identity: certificates, profiles, secrets", SECURITY),
    "deidentification": Topic("what anonymize does, and what it cannot", DEIDENTIFICATION),
    "tag-paths": Topic("how to name an element of a data set", _TAG_PATHS),
    "output": Topic("what dcmtools writes, for people and for programs", _OUTPUT),
    "environment": Topic("the environment variables that dcmtools reads", _ENVIRONMENT),
}
