"""The subcommands as plain strings: all that help and completion need to know."""

from __future__ import annotations

from typing import Final, NamedTuple


class CommandInfo(NamedTuple):
    """One subcommand; ``module`` exports it as ``command``, and ``summary`` is its docstring's first line."""

    name: str
    module: str
    summary: str
    section: str


COMMANDS: Final = (
    CommandInfo("dump", "dcmtools.commands.dump", "Show the elements of DICOM files.", "Files"),
    CommandInfo("echo", "dcmtools.commands.echo", "Verify a peer with C-ECHO.", "Network"),
    CommandInfo("store", "dcmtools.commands.store", "Send DICOM files to a peer with C-STORE.", "Network"),
    CommandInfo("serve", "dcmtools.commands.serve", "Receive DICOM files over the network.", "Network"),
)
