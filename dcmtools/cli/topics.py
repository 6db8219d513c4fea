"""What belongs to many commands, for the manual: written in the marks of ``dcmtools.cli.roff.marked_up``."""

from __future__ import annotations

from typing import Final, NamedTuple

from dcmtools.cli.defaults import SHARED
from dcmtools.cli.deidentification_topic import DEIDENTIFICATION
from dcmtools.cli.editing_topic import EDITING
from dcmtools.cli.output_topic import OUTPUT
from dcmtools.cli.roff import terms
from dcmtools.cli.security_topic import SECURITY
from dcmtools.cli.where_topic import WHERE
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
    ExitStatus.INPUT: "The input is missing, cannot be read, is not DICOM, or --where selects none of it.",
    ExitStatus.NO_ASSOCIATION: "No association: no connection, no TLS, rejected, aborted, or timed out.",
    ExitStatus.PEER_FAILURE: "The peer answered with a failure status, or accepts nothing that is offered.",
    ExitStatus.BUG: "A bug in dcmtools; please report it with what --debug shows.",
    ExitStatus.INTERRUPTED: "Interrupted by a signal before everything was done.",
    ExitStatus.STDOUT_CLOSED: "Whoever read stdout closed it.",
}


_EXIT_STATUS: Final = f"""
# DESCRIPTION

A status never counts anything. When all items failed for one cause, it is that cause's status; when some
failed, or for several causes, it is 1. Items that were passed over do not count. A server that SIGTERM or
SIGINT told to end exits with 0, unless it has kept fewer instances than it was to, or a command of --exec
failed.

# EXIT STATUS

{terms({str(status.value): text for status, text in _STATUS_TEXTS.items()})}

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
* DICOMDIR | Named by its path, it stands for the files that its records name, in their order, each once; any
  name that begins with DICOMDIR will do, in capitals or not. A file that is missing fails, and so does a
  File ID that could lead out of the medium. Wrong offsets of records are repaired, as -v tells. For dump,
  diff and convert a DICOMDIR is a file like any other, and for all where it is found in a folder. What
  changes files of a medium in place leaves the DICOMDIR as it was: dcmtools dicomdir update renews that.
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
    "editing": Topic("what modify changes: patches, UIDs, repairs", EDITING),
    "where": Topic("which files to work on: the language of --where", WHERE),
    "output": Topic("what dcmtools writes, for people and for programs", OUTPUT),
    "environment": Topic("the environment variables that dcmtools reads", _ENVIRONMENT),
}
