"""``dcmtools serve``: an archive on the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dcmtools.cli.app import App, pass_app
from dcmtools.cli.options import output_options
from dcmtools.cli.serving import receiving_options, server_options

if TYPE_CHECKING:
    from dcmtools.acceptor.admission import ServerOptions
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions
    from dcmtools.scp.serve import Receiving


@click.command("serve")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False))
@server_options
@receiving_options
@output_options
@pass_app
def command(
    app: App, folder: str, server: ServerOptions, receiving: Receiving, output: OutputOptions
) -> ExitStatus:
    """Receive DICOM files, and answer queries.

    Answers C-ECHO, and keeps what comes by C-STORE, of any storage class in any transfer syntax, as
    DIR/PATIENT/STUDY/SERIES/SOP.dcm. A sender is told success only when the instance is whole, and on disk
    under its name. The same instance again is success too. Other data under its UID is refused with status
    0111, unless --on-duplicate says replace, which puts it in the place of the first, or keep, which
    stores it beside the first as SOP-2.dcm, SOP-3.dcm and so on.

    What is kept can be searched and fetched by C-FIND, C-MOVE and C-GET, in the models patient root, study
    root and patient/study only. An index in DIR answers. It holds whatever was answered 0000 before the
    question, and is repaired from the files when the server starts. Instances are sent as they are stored,
    or, where the receiver does not take them so, decompressed or in another encoding, without any loss
    (--transcode). A C-MOVE goes to the
    peers that --destination names, by AE title: AET=host:port, or one of config.toml, which may want TLS.
    --receive-only does without all of this. While the index is being built, which takes ten seconds for
    100,000 instances, questions wait for eight seconds and are then refused with A700.

    The server listens on the loopback address unless --bind says otherwise, and then wants to know from
    whom. SIGTERM or SIGINT stop it after the instance in hand, with status 0; a second one at once. --count
    and --idle-exit end it by themselves; the status is 1 where it has kept fewer than --count instances.

    -v logs a line for each association, instance and question, without patient data, and for each connection
    that ended before anything was said. Logged always are refused instances, questions and retrievals that
    failed in whole or part, requests for an association
    that were rejected or made no sense, failed TLS handshakes, and associations that broke within a message:
    ten lines a minute for an address, then how many more there were. --format json prints a record for each
    instance.

    Of more than 256 connections without an association the oldest is closed, of the address that has most:
    whoever connects and says nothing keeps nobody out.

    --exec runs a command for each new instance once the sender has its answer, one after the other. No
    shell is involved: COMMAND is split at blanks, with quotes as in a shell, and these are replaced in its
    words: {file}, {folder} (where the file is), {sop_class_uid}, {sop_instance_uid}, {study_uid},
    {series_uid}, {calling_aet}, {called_aet}, {peer} (an address). A value never becomes a second argument,
    and where it would become an option, or has a control character, the command is not run. Its output goes
    to stderr, and what it leaves running is killed when it ends. The server waits for the last command;
    where any failed, the status is 1.

    \b
    Examples:
      dcmtools serve archive/
      dcmtools serve archive/ --bind 0.0.0.0 --port 104 --aet ARCHIVE --allow-aet CT1 --allow-aet CT2
      dcmtools serve archive/ --aet ARCHIVE --destination WS1=192.0.2.7:11112 --destination PACS=192.0.2.8:104
      dcmtools serve archive/ --exec 'import-study --from {calling_aet} {file}'
      dcmtools serve "$tmp" --count 10 --idle-exit 60 --format json | jq -r 'select(.file) | .file'
      dcmtools serve "$tmp" --port 0 --ready-file "$tmp/port" --fsync off --status A700
    """
    from dcmtools.scp.serve import serve

    results = serve(folder, server, receiving, records=output.structured)
    return app.report(results, (), output, drain=True)
