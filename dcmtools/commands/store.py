"""``dcmtools store``: send files to a peer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.networking import network_options, peer_argument
from dcmtools.cli.options import output_options, paths_argument
from dcmtools.cli.selecting import where_option
from dcmtools.cli.storing import store_options

if TYPE_CHECKING:
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.net.peer import NetworkOptions, Peer
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.scu.storing import StoreOptions
    from dcmtools.selection.where import Where

COLUMNS = ("file", "status")


@click.command("store")
@peer_argument
@paths_argument
@where_option
@store_options
@network_options
@partial(output_options, rows=True, report=True)
@pass_app
def command(
    app: App,
    peer: Peer,
    paths: Paths,
    options: StoreOptions,
    network: NetworkOptions,
    output: OutputOptions,
    *,
    where: Where | None,
) -> ExitStatus:
    """Send DICOM files to a peer with C-STORE.

    PATHS are files, folders and archives (searched through, non-DICOM files skipped), files in archives
    (study.zip/IM1) or - for standard input; dcmtools-inputs(7) has the rest.

    All are looked at first; what the peer is asked to accept is what they hold. Data sets go as they are in
    the files, byte for byte, unless --set changes them, or the peer does not take their transfer syntax: then
    they are decompressed, or put into another encoding (--transcode). Video goes as it is or not at all. -v
    says what was done to which file, --format json as what each was sent.

    --transcode any asks for compressed transfer syntaxes, too, for peers that take nothing else: lossless
    ones if possible, then JPEG 2000, JPEG extended and JPEG baseline. What was sent with loss is another
    instance, whose SOP Instance UID is derived from the first and named in a warning: to send it again adds
    none.

    Zero bytes behind the last element are not sent, which is a warning. Of a folder, what is not DICOM and a
    DICOMDIR are skipped and counted.

    Exit status 0 means that the peer has acknowledged every file. Each file that it has not is named, with
    the reason, and the others are sent all the same. Where one cause ended the run, as Ctrl-C does, stderr
    names three of the files that were left and counts the others; -v names all.

    \b
    Examples:
      dcmtools store ORTHANC@localhost:4242 study/
      dcmtools store pacs.example.org:104 -aec ARCHIVE -aet CT1 ct1.dcm ct2.dcm
      dcmtools store archive cd.zip
      find night/ -newer last | dcmtools store archive --files-from -
      dcmtools store --format json archive night/ > night.jsonl
      dcmtools store --report night.csv archive night/
      dcmtools store --journal night.journal --retries 5 archive night/
    """
    from dcmtools.results import WARNED, Extent
    from dcmtools.scu.store import store

    extent = Extent()
    extent.warned = WARNED
    summary = "would be sent" if options.dry_run else "stored"
    results = store(paths, peer, network, options._replace(where=where), extent)
    return app.report(results, COLUMNS, output, summary=summary, drain=True, extent=extent)
