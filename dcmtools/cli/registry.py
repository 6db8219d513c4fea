"""The subcommands as plain strings: all that help and completion need to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class CommandInfo(NamedTuple):
    """One subcommand; ``module`` exports it as ``command``, and ``summary`` is its docstring's first line.

    A family has subcommands of its own in ``commands``; its module, a package, exports its ``HELP``.
    """

    name: str
    module: str
    summary: str
    section: str
    commands: tuple[CommandInfo, ...] = ()


def every_command(commands: Iterable[CommandInfo], above: str = "") -> Iterator[tuple[str, CommandInfo]]:
    """Yield every command and family of ``commands`` by its full name (``peers add``)."""
    for info in commands:
        name = f"{above} {info.name}".lstrip()
        yield name, info
        yield from every_command(info.commands, name)


HELP: Final = ("help", "Show the help of a command.")
"""What every group answers beside its commands, with no module of its own, and its summary."""
_PEERS: Final = (
    CommandInfo("list", "dcmtools.commands.peers.list", "List the configured peers.", "Commands"),
    CommandInfo("show", "dcmtools.commands.peers.show", "Show one configured peer.", "Commands"),
    CommandInfo("add", "dcmtools.commands.peers.add", "Name a peer in config.toml.", "Commands"),
    CommandInfo("remove", "dcmtools.commands.peers.remove", "Take peers out of config.toml.", "Commands"),
    CommandInfo("path", "dcmtools.commands.peers.path", "Print where config.toml is.", "Commands"),
)
_ARCHIVE: Final = (
    CommandInfo("list", "dcmtools.commands.archive.list", "List the studies of an archive.", "Commands"),
    CommandInfo(
        "index", "dcmtools.commands.archive.index", "Build or repair the index of an archive.", "Commands"
    ),
    CommandInfo(
        "verify",
        "dcmtools.commands.archive.verify",
        "Check the files and the index of an archive.",
        "Commands",
    ),
    CommandInfo(
        "remove", "dcmtools.commands.archive.remove", "Remove studies from an archive, for good.", "Commands"
    ),
)
_DICOMDIR: Final = (
    CommandInfo("create", "dcmtools.commands.dicomdir.create", "Make a medium of DICOM files.", "Commands"),
    CommandInfo("append", "dcmtools.commands.dicomdir.append", "Put more files on a medium.", "Commands"),
    CommandInfo(
        "update",
        "dcmtools.commands.dicomdir.update",
        "Replace files of a medium, or renew its records.",
        "Commands",
    ),
    CommandInfo("remove", "dcmtools.commands.dicomdir.remove", "Take files off a medium.", "Commands"),
    CommandInfo(
        "compact",
        "dcmtools.commands.dicomdir.compact",
        "Write a DICOMDIR without what is not in use.",
        "Commands",
    ),
    CommandInfo(
        "rebuild",
        "dcmtools.commands.dicomdir.rebuild",
        "Make a new DICOMDIR of the files on a medium.",
        "Commands",
    ),
    CommandInfo("list", "dcmtools.commands.dicomdir.list", "List what is on a medium.", "Commands"),
    CommandInfo(
        "verify",
        "dcmtools.commands.dicomdir.verify",
        "Check a medium: its DICOMDIR, and the files that it names.",
        "Commands",
    ),
    CommandInfo(
        "extract",
        "dcmtools.commands.dicomdir.extract",
        "Get the files of a medium out of it, sorted.",
        "Commands",
    ),
    CommandInfo(
        "profiles",
        "dcmtools.commands.dicomdir.profiles",
        "List the application profiles that media are made for.",
        "Commands",
    ),
)
COMMANDS: Final = (
    CommandInfo("dump", "dcmtools.commands.dump", "Show the elements of DICOM files.", "Files"),
    CommandInfo("scan", "dcmtools.commands.scan", "Tabulate or search many DICOM files.", "Files"),
    CommandInfo("diff", "dcmtools.commands.diff", "Tell what is different between DICOM files.", "Files"),
    CommandInfo(
        "sort", "dcmtools.commands.sort", "Put DICOM files into folders named by what is in them.", "Files"
    ),
    CommandInfo(
        "modify", "dcmtools.commands.modify", "Set, replace and erase elements of DICOM files.", "Files"
    ),
    CommandInfo(
        "convert", "dcmtools.commands.convert", "Make JSON of DICOM files, or DICOM files of JSON.", "Files"
    ),
    CommandInfo("wrap", "dcmtools.commands.wrap", "Put documents and pictures into DICOM files.", "Files"),
    CommandInfo(
        "unwrap", "dcmtools.commands.unwrap", "Take documents and pictures out of DICOM files.", "Files"
    ),
    CommandInfo(
        "split", "dcmtools.commands.split", "Make files of the frames of multi-frame DICOM files.", "Files"
    ),
    CommandInfo(
        "dicomdir",
        "dcmtools.commands.dicomdir",
        "Make, read, check and unpack DICOM media.",
        "Files",
        _DICOMDIR,
    ),
    CommandInfo(
        "compress", "dcmtools.commands.compress", "Put DICOM files into another transfer syntax.", "Files"
    ),
    CommandInfo(
        "decompress",
        "dcmtools.commands.decompress",
        "Put DICOM files into a transfer syntax without compression.",
        "Files",
    ),
    CommandInfo(
        "codecs",
        "dcmtools.commands.codecs",
        "List the transfer syntaxes whose pixels are read or written.",
        "Files",
    ),
    CommandInfo(
        "anonymize", "dcmtools.commands.anonymize", "De-identify DICOM files (PS3.15 Annex E).", "Files"
    ),
    CommandInfo(
        "reidentify",
        "dcmtools.commands.reidentify",
        "Put back what anonymize has encrypted (PS3.15 E.1.2).",
        "Files",
    ),
    CommandInfo("echo", "dcmtools.commands.echo", "Verify a peer with C-ECHO.", "Network"),
    CommandInfo("store", "dcmtools.commands.store", "Send DICOM files to a peer with C-STORE.", "Network"),
    CommandInfo("find", "dcmtools.commands.find", "Ask an archive what it has, with C-FIND.", "Network"),
    CommandInfo(
        "move", "dcmtools.commands.move", "Have an archive send what it has, with C-MOVE.", "Network"
    ),
    CommandInfo("get", "dcmtools.commands.get", "Fetch what an archive has, with C-GET.", "Network"),
    CommandInfo("serve", "dcmtools.commands.serve", "Receive DICOM files, and answer queries.", "Network"),
    CommandInfo(
        "archive", "dcmtools.commands.archive", "Look after what serve has received.", "Network", _ARCHIVE
    ),
    CommandInfo("peers", "dcmtools.commands.peers", "Name the peers you talk to.", "Settings", _PEERS),
    CommandInfo(
        "completion", "dcmtools.commands.completion", "Print a script for the shell's completion.", "Settings"
    ),
)
