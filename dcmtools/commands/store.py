"""``dcmtools store``: send files to a peer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import network_options, output_options, paths_argument, peer_argument

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.output.reporter import OutputOptions

COLUMNS = ("file", "status")


@click.command("store")
@peer_argument
@paths_argument
@network_options
@output_options
@pass_app
def command(
    app: App, peer: Peer, paths: tuple[str, ...], network: NetworkOptions, output: OutputOptions
) -> ExitStatus:
    """Send DICOM files to a peer with C-STORE.

    PATHS are files, folders (searched through, non-DICOM files skipped) or - for standard input. All are
    looked at first; what the peer is asked to accept is what they hold. Data sets go as they are in the
    files, byte for byte.

    Zero bytes behind the last element are not sent, which is a warning. Of a folder, what is not DICOM is
    skipped and counted, but fails where its name ends in .dcm, .dicom, .dic or .ima; a DICOMDIR is skipped.

    Exit status 0 means that the peer has acknowledged every file. Each file that it has not is named, with
    the reason, and the others are sent all the same.

    \b
    Examples:
      dcmtools store ORTHANC@localhost:4242 study/
      dcmtools store pacs.example.org:104 -aec ARCHIVE -aet CT1 ct1.dcm ct2.dcm
      dcmtools store --format json archive night/ > night.jsonl
    """
    from dcmtools.scu.store import store

    return app.report(store(paths, peer, network), COLUMNS, output, summary="stored", drain=True)
