"""What the tests of manners need to know of each command: one entry each, by full name."""

from __future__ import annotations

import json
import os
import shutil
import socket
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from pydicom.uid import EncapsulatedPDFStorage

from dcmtools.cli.registry import COMMANDS, CommandInfo, every_command
from dcmtools.net.peer import Peer
from dcmtools.scp.destinations import Destination
from dcmtools.scp.serve import Receiving
from tests.support import file_sets, indexed, samples, sealed
from tests.support.instances import write_instance
from tests.support.served import associated, data_set, serving, store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import click

EVERY = dict(every_command(COMMANDS))
LEAVES = {name: info for name, info in EVERY.items() if not info.commands}


def click_command(info: CommandInfo) -> click.Command:
    command: click.Command = import_module(info.module).command
    return command


def takes_paths(name: str) -> bool:
    return any(param.name == "paths" for param in click_command(LEAVES[name]).params)


class Place(NamedTuple):
    """Where a command is tried: a folder, a server that answers and one that is silent."""

    folder: Path
    peer: str
    silent: str
    paths: Sequence[Path]

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def archive(self) -> Path:
        return self.folder / "kept"

    @property
    def ready(self) -> Path:
        return self.folder / "ready"


class Entry(NamedTuple):
    """``args`` end well; ``more`` make the records that these do not.

    ``waiting`` make the command wait for something until Ctrl-C ends it with ``interrupted``; a ``server``
    runs until it is told to end, and ``meanwhile`` talks to it. ``needs_file`` says that it does nothing
    without a place for config.toml, ``colors_text`` that its text is coloured as tables are. One that takes
    paths is ``of_any_image`` unless its files are others.
    """

    args: Callable[[Place], list[Any]]
    more: tuple[Callable[[Place], list[Any]], ...] = ()
    waiting: Callable[[Place], list[Any]] | None = None
    interrupted: int = 130
    server: bool = False
    meanwhile: Callable[[Place], object] = bool
    needs_file: bool = False
    colors_text: bool = False
    of_any_image: bool = True


def _serve(place: Place) -> list[Any]:
    return [place.folder / "archive", "--port", 0, "--ready-file", place.ready, "--fsync", "off"]


def _send(place: Place) -> None:
    with associated(int(place.ready.read_text())) as association:
        assert store(association, "1.2.3.4", data_set()) == 0


def _getting(peer: str, place: Place) -> list[Any]:
    return [peer, "-o", place.folder / "got", "--fsync", "off", "--study", "1.0.0", "--study", "1.1.0"]


def _keyed(place: Place) -> list[Any]:
    key = place.folder / "key"
    key.write_text("of nobody's patients")
    key.chmod(0o600)
    return ["--key-file", key]


def _reidentifying(place: Place) -> list[Any]:
    key, certificate = sealed.pair(place.folder)
    for path in place.paths:
        sealed.seal(path, certificate)
    return ["--key", key]


def _media(_: Place, level: str) -> list[object]:
    return [samples.dicomdir(), "--level", level]


def _medium(place: Place) -> Path:
    return file_sets.medium(place.folder / "medium")


def _unlisted(place: Place) -> Path:
    """A medium with a file that no record names."""
    (_medium(place) / "VIEWER.EXE").write_bytes(b"MZ")
    return place.folder / "medium"


def _listing(place: Place, level: str) -> list[Any]:
    return [place.archive, "--level", level]


def _overwriting(place: Place) -> list[Any]:
    return ["-o", place.folder / "out", "--overwrite"]


def _as_json(place: Place) -> Path:
    model = {
        "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.7"]},
        "00080018": {"vr": "UI", "Value": ["1.2.3"]},
    }
    path = place.folder / "model.json"
    path.write_text(json.dumps(model))
    return path


def _document(place: Place) -> Path:
    path = place.folder / "report.pdf"
    path.write_bytes(b"%PDF-1.4\n%%EOF\n")
    return path


def _enclosed(place: Place) -> Path:
    values = {
        "EncapsulatedDocument": b"%PDF-1.4\n%%EOF\n",
        "MIMETypeOfEncapsulatedDocument": "application/pdf",
    }
    return write_instance(place.folder / "report.dcm", SOPClassUID=EncapsulatedPDFStorage, **values)


TABLE = {
    "dump": Entry(
        args=lambda place: [*place.paths],
        more=(lambda place: ["--value", "SOPInstanceUID", *place.paths],),
        waiting=lambda _: ["-"],
        colors_text=True,
    ),
    "scan": Entry(
        args=lambda place: [*place.paths],
        more=(
            lambda place: ["--level", "series", *place.paths],
            lambda place: ["--summary", *place.paths],
            lambda place: ["--text", "CompressedSamples", *place.paths],
            lambda place: ["--to", place.folder / "rows.sqlite", "--overwrite", *place.paths],
        ),
        waiting=lambda _: ["-"],
        colors_text=True,
    ),
    "diff": Entry(
        args=lambda place: [place.paths[0], place.paths[0]],
        more=(lambda place: ["--brief", place.paths[0], place.paths[0]],),
        waiting=lambda place: ["-", place.paths[0]],
    ),
    "sort": Entry(
        args=lambda place: ["-o", place.folder / "sorted", *place.paths],
        more=(
            lambda place: ["-o", place.folder / "linked", "--link", "hard", *place.paths],
            lambda place: ["-o", place.folder / "planned", "--dry-run", *place.paths],
        ),
        waiting=lambda place: ["-o", place.folder / "sorted", "-"],
    ),
    "modify": Entry(
        args=lambda place: [*_overwriting(place), "--set", "PatientID=X", *place.paths],
        more=(lambda place: ["--dry-run", "--set", "PatientID=X", *place.paths],),
        waiting=lambda place: [*_overwriting(place), "--set", "PatientID=X", "-"],
    ),
    "convert": Entry(
        args=lambda place: [*_overwriting(place), "--to", "json", *place.paths],
        more=(lambda place: [*_overwriting(place), "--to", "dicom", _as_json(place)],),
        waiting=lambda place: ["-o", place.folder / "out.json", "-"],
    ),
    "wrap": Entry(
        args=lambda place: [*_overwriting(place), "-k", "PatientID=P1", _document(place)],
        waiting=lambda place: ["-o", place.folder / "out.dcm", "-"],
        of_any_image=False,
    ),
    "unwrap": Entry(
        args=lambda place: [*_overwriting(place), _enclosed(place)],
        waiting=lambda place: ["-o", place.folder / "out.pdf", "-"],
        of_any_image=False,
    ),
    "split": Entry(
        args=lambda place: [*_overwriting(place), *place.paths],
        waiting=lambda place: [*_overwriting(place), "--template", "{frame}.dcm", "-"],
    ),
    "dicomdir create": Entry(
        args=lambda place: ["-o", place.folder / "planned", "--dry-run", *place.paths],
        more=(
            lambda place: ["-o", place.folder / "created", *place.paths],
            lambda place: ["-o", place.folder / "created.zip", "--zip", *place.paths],
        ),
        waiting=lambda place: ["-o", place.folder / "created", "-"],
    ),
    "dicomdir append": Entry(
        args=lambda place: [_medium(place), "--dry-run", *place.paths],
        more=(lambda place: [_medium(place), *place.paths],),
        waiting=lambda place: [_medium(place), "-"],
    ),
    "dicomdir update": Entry(
        args=lambda place: [_medium(place), "--dry-run", *place.paths],
        more=(lambda place: [_medium(place), *place.paths], lambda place: [_medium(place)]),
        waiting=lambda place: [_medium(place), "-"],
    ),
    "dicomdir remove": Entry(
        args=lambda place: [_medium(place), "--where", "exists SOPClassUID", "--dry-run"],
        more=(lambda place: [_medium(place), "--where", "exists SOPClassUID", "--yes"],),
    ),
    "dicomdir compact": Entry(args=lambda place: [_medium(place), "--dry-run"]),
    "dicomdir rebuild": Entry(
        args=lambda place: [_medium(place), "--dry-run"], more=(lambda place: [_medium(place)],)
    ),
    "dicomdir list": Entry(
        args=lambda _: [samples.dicomdir()],
        more=tuple([partial(_media, level=level) for level in ("patient", "study", "series")]),
    ),
    "dicomdir verify": Entry(
        args=lambda place: [_medium(place)],
        more=(lambda place: [_unlisted(place)],),
    ),
    "dicomdir extract": Entry(
        args=lambda place: [_medium(place)],
        more=(
            lambda place: [_medium(place), "-o", place.folder / "extracted"],
            lambda place: [_medium(place), "-o", place.folder / "planned", "--dry-run"],
        ),
    ),
    "dicomdir profiles": Entry(args=lambda _: []),
    "compress": Entry(
        args=lambda place: [*_overwriting(place), "--to", "rle", *place.paths],
        waiting=lambda place: [*_overwriting(place), "--to", "rle", "-"],
    ),
    "decompress": Entry(
        args=lambda place: [*_overwriting(place), "--to", "implicit", *place.paths],
        waiting=lambda place: [*_overwriting(place), "-"],
    ),
    "codecs": Entry(args=lambda _: []),
    "anonymize": Entry(
        args=lambda place: [*_keyed(place), "-o", place.folder / "out", *place.paths],
        more=(lambda place: [*_keyed(place), "--explain", *place.paths],),
        waiting=lambda place: [*_keyed(place), "-o", place.folder / "out", "-"],
    ),
    "reidentify": Entry(
        args=lambda place: [*_overwriting(place), *_reidentifying(place), *place.paths],
        waiting=lambda place: [*_overwriting(place), *_reidentifying(place), "-"],
    ),
    "echo": Entry(
        args=lambda place: [place.peer],
        more=(lambda place: [place.peer, "--count", 2, "--interval", 0.01],),
        waiting=lambda place: [place.silent],
    ),
    "store": Entry(
        args=lambda place: [place.peer, *place.paths],
        more=(
            lambda place: [place.peer, "--dry-run", *place.paths],
            lambda place: [place.peer, "--set", "PatientID=X", samples.real_file("image_dfl.dcm")],
            lambda place: [place.peer, "--anonymize", "basic", *_keyed(place), *place.paths],
        ),
        waiting=lambda place: [place.silent, *place.paths],
    ),
    "find": Entry(
        args=lambda place: [place.peer],
        more=(lambda place: [place.peer, "--extract", place.folder / "answers"],),
        waiting=lambda place: [place.silent],
        colors_text=True,
    ),
    "move": Entry(
        args=lambda place: [place.peer, "--to", "ITSELF", "--study", "1.0.0", "--study", "1.1.0"],
        more=(lambda place: [place.peer, "--to", "ITSELF", "--study", "1.0.0", "--dry-run"],),
        waiting=lambda place: [place.silent, "--to", "ITSELF", "--study", "1.0.0"],
    ),
    "get": Entry(
        args=lambda place: _getting(place.peer, place),
        waiting=lambda place: _getting(place.silent, place),
    ),
    "serve": Entry(args=_serve, waiting=_serve, interrupted=0, server=True, meanwhile=_send),
    "archive list": Entry(
        args=lambda place: [place.archive],
        more=tuple([partial(_listing, level=level) for level in ("patient", "series", "image")]),
        colors_text=True,
    ),
    "archive index": Entry(args=lambda place: [place.archive]),
    "archive verify": Entry(args=lambda place: [place.archive]),
    "archive remove": Entry(args=lambda place: [place.archive, "--patient", "P0", "--dry-run"]),
    "peers list": Entry(args=lambda _: []),
    "peers show": Entry(args=lambda _: ["known"], needs_file=True),
    "peers add": Entry(args=lambda _: ["new", "h:104"], needs_file=True),
    "peers remove": Entry(args=lambda _: ["known"], needs_file=True),
    "peers path": Entry(args=lambda _: [], needs_file=True),
    "completion": Entry(args=lambda _: ["bash"]),
}


@contextmanager
def made_place(folder: Path) -> Iterator[Place]:
    """Make a folder with two files and a configuration, and start what listens."""
    folder.mkdir(parents=True)
    paths = [folder / "one.dcm", folder / "two.dcm"]
    shutil.copy(samples.ct(), paths[0])
    shutil.copy(samples.mr(), paths[1])
    indexed.put_many(folder.parent / "received", 2, 1, 1, 2)
    known: dict[str, Destination] = {}
    receiving = Receiving(durable=False, destinations=known)
    with (
        serving(folder.parent / "received", receiving=receiving) as server,
        socket.create_server(("127.0.0.1", 0)) as silent,
    ):
        known["ITSELF"] = Destination(Peer("127.0.0.1", server.port, "ITSELF"))
        place = Place(folder, server.address, f"127.0.0.1:{silent.getsockname()[1]}", paths)
        indexed.put_many(place.archive, 2, 1, 1, 2)
        indexed.repair(place.archive)
        place.config.write_text('# ours\n[peers.known]\nhost = "h"\n')
        yield place


def environment(place: Place, **variables: str) -> dict[str, str]:
    """What a program started from a login shell would see, with the configuration of ``place``."""
    plain = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    return {**plain, "PAGER": "cat", "DCMTOOLS_CONFIG": str(place.config), **variables}
