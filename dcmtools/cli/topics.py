"""What belongs to many commands, for the manual: written in the marks of ``dcmtools.cli.roff.marked_up``."""

from __future__ import annotations

from typing import Final, NamedTuple

from dcmtools.cli.defaults import SHARED
from dcmtools.errors import ExitStatus


class Topic(NamedTuple):
    """One page of section 7."""

    summary: str
    text: str


FIELDS: Final = {
    "dump": "file transfer_syntax dataset values",
    "echo": "peer status elapsed_ms sent answered min_ms mean_ms max_ms association_ms",
    "store": "file sop_class_uid sop_instance_uid transfer_syntax_uid status",
    "serve": "host port aet folder",
    "peers list": "name host port aet calling_aet connect_timeout acse_timeout dimse_timeout max_pdu",
    "peers show": "name host port aet calling_aet connect_timeout acse_timeout dimse_timeout max_pdu",
    "peers add": "name host port aet calling_aet connect_timeout acse_timeout dimse_timeout max_pdu",
    "peers remove": "name",
    "peers path": "file exists",
    "completion": "shell script",
}
"""What a record of each command can have beside outcome, error and note."""

_STATUS_TEXTS: Final = {
    ExitStatus.DONE: "Everything that was asked for is done.",
    ExitStatus.PARTIAL: "Done, but some items failed, the check said no, or results could not be written.",
    ExitStatus.USAGE: "The command line or the configuration is wrong; nothing was done.",
    ExitStatus.INPUT: "The input is missing, cannot be read, or is not DICOM.",
    ExitStatus.NO_ASSOCIATION: "No association: no connection, rejected, aborted, or timed out.",
    ExitStatus.PEER_FAILURE: "The peer answered with a failure status.",
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
SIGINT told to end exits with 0.

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
* HOST | The port is 11112 too.
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
    port = 104                  # 11112
    aet = "ARCHIVE"             # ANY-SCP
    calling_aet = "CT1"         # how it knows us
    connect_timeout = 5         # seconds, as the options of these names
    acse_timeout = 30
    dimse_timeout = 300
    max_pdu = 131072            # bytes

Only the host is required. A name is made of letters, digits, dots, dashes and underscores; one with a dot
stands in quotes: [peers."ct.1"]. "dcmtools peers add" and "remove" change the file and leave comments and
everything else of it as they are.

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

# EXAMPLES

    dcmtools dump --value PatientName ct.dcm
    dcmtools dump +P 0008,0018 +P '(0020,000d)' study/
    dcmtools dump --value 'ReferencedStudySequence[0].ReferencedSOPInstanceUID' ct.dcm
    dcmtools dump --value '0029,10,SIEMENS CSA HEADER' mr.dcm
"""

_OUTPUT: Final = f"""
# DESCRIPTION

Results go to stdout as they happen, one for each item. Messages, warnings, progress and the closing count go
to stderr; progress is drawn on a terminal only.

* Text on a terminal | A table with a header, in colour unless NO_COLOR or --color never forbids it.
* Text in a pipe | The same columns without the header, separated by tabs, nothing cut. An item that failed
  and has no row is named on stderr only.
* --format json | JSON Lines: one object for each result, failed ones too, in UTF-8.

Control characters, and bytes that are no text, appear as \\x1b, \\xff or \\u202e in names and values, so a
tab or a newline in a file name never breaks a row.

# JSON FIELDS

Every record has an outcome: done, warning, skipped or failed. A failed one has an error with code and
message, a hint where there is one, and transient (whether to try again) where an association failed. A note
is a remark on an item that did not fail. A data set is in the DICOM JSON model of PS3.18 Annex F. The other
fields:

{_terms({command: ", ".join(fields.split()) + "." for command, fields in FIELDS.items()})}

Records of echo are of two kinds: one for each C-ECHO, and the statistics of several. dump gives dataset, or
with --value values by tag path.

# EXAMPLES

    dcmtools dump --format json study/ | jq -r .file
    dcmtools store --format json archive night/ | jq -r 'select(.outcome == "failed") | .file'
    dcmtools peers list --format json | jq -r .name
"""

_ENVIRONMENT: Final = f"""
# DESCRIPTION

An option on the command line goes before the environment, and the environment before config.toml. Empty
variables count as unset.

# ENVIRONMENT

* DCMTOOLS_CONFIG | The configuration file, in place of the user's.
* DCMTOOLS_COMMAND_OPTION | An option's value where the command line gives none, such as
  DCMTOOLS_ECHO_COUNT or DCMTOOLS_PEERS_LIST_FORMAT; dashes become underscores.
* DCMTOOLS_OPTION | The same for the options of many commands, which that of one command goes before:
  {", ".join(f"DCMTOOLS_{name.upper()}" for name in SHARED)}.
* NO_COLOR | No colour unless --color asks for it.
* TERM | "dumb" is a terminal without colour.
* XDG_CONFIG_HOME, HOME | Where config.toml is looked for. Without a home folder dcmtools works as if there
  were none.

# EXAMPLES

    DCMTOOLS_CALLING_AET=CT1 dcmtools echo archive
    DCMTOOLS_CONFIG=./site.toml dcmtools peers list
"""

TOPICS: Final = {
    "exit-status": Topic("what the exit status of dcmtools tells", _EXIT_STATUS),
    "peers": Topic("how to name a peer, and config.toml", _PEERS),
    "tag-paths": Topic("how to name an element of a data set", _TAG_PATHS),
    "output": Topic("what dcmtools writes, for people and for programs", _OUTPUT),
    "environment": Topic("the environment variables that dcmtools reads", _ENVIRONMENT),
}
