"""A small archive over a folder, made of pynetdicom: C-ECHO, C-STORE, C-FIND, C-MOVE and C-GET.

``python qr_scp.py PORT AET FOLDER [DESTINATION=PORT ...]`` runs until it is killed. Extended negotiation is
agreed to as it is asked for, and each one asked for is a line on stdout: ``extended UID HEX``. With
``PATIENCE`` in the environment, it waits before every match and sub-operation, as many seconds or until there
is a C-CANCEL.
"""

from __future__ import annotations

import fnmatch
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataelem import DataElement
    from pynetdicom.events import Event

LEVELS = ("PATIENT", "STUDY", "SERIES", "IMAGE")
UNIQUE = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
VERIFICATION = "1.2.840.10008.1.1"
ROOT = "1.2.840.10008.5.1.4.1.2"
MODELS = tuple(f"{ROOT}.{model}.{service}" for model in (1, 2, 3) for service in (1, 2, 3))
PENDING, CANCEL, NO_MODEL, UNABLE = 0xFF00, 0xFE00, 0xA900, 0xC000


class Archive:
    """The instances of a folder, read again when there are others."""

    def __init__(self, folder: Path, destinations: dict[str, int], patience: float) -> None:
        self.folder = folder
        self.destinations = destinations
        self._patience = patience
        self._known: dict[Path, Dataset] = {}
        self._lock = threading.Lock()

    def instances(self) -> list[tuple[Path, Dataset]]:
        with self._lock:
            for path in sorted(self.folder.rglob("*")):
                if path.is_file() and path not in self._known:
                    self._known[path] = dcmread(path, stop_before_pixels=True)
            return list(self._known.items())

    # -- the services

    def store(self, event: Event) -> int:
        data_set = event.dataset
        data_set.file_meta = event.file_meta
        name = f"{data_set.SOPInstanceUID}.dcm"
        data_set.save_as(self.folder / f".{name}", enforce_file_format=True)
        (self.folder / f".{name}").replace(self.folder / name)
        return 0x0000

    def find(self, event: Event) -> Iterator[tuple[int, Dataset | None]]:
        keys = event.identifier
        if keys.get("QueryRetrieveLevel") not in LEVELS:
            yield NO_MODEL, None
            return
        unique = UNIQUE[LEVELS.index(keys.QueryRetrieveLevel)]
        found = {str(each.get(unique, "")): each for _, each in self._matches(keys)}
        for each in found.values():
            if self._canceled(event):
                yield CANCEL, None
                return
            yield PENDING, _response(keys, each)

    def move(self, event: Event) -> Iterator[Any]:
        port = self.destinations.get(str(event.move_destination).strip())
        if port is None:
            yield None, None
            return
        paths = self._paths(event)
        contexts = {(str(each.SOPClassUID), str(each.file_meta.TransferSyntaxUID)) for _, each in paths}
        yield "127.0.0.1", port, {"contexts": [build_context(*each) for each in sorted(contexts)]}
        yield from self._suboperations(event, paths)

    def get(self, event: Event) -> Iterator[Any]:
        yield from self._suboperations(event, self._paths(event))

    # -- what they have in common

    def _suboperations(self, event: Event, paths: list[tuple[Path, Dataset]]) -> Iterator[Any]:
        yield len(paths)
        for path, _ in paths:
            if self._canceled(event):
                yield CANCEL, None
                return
            yield PENDING, dcmread(path)

    def _paths(self, event: Event) -> list[tuple[Path, Dataset]]:
        keys = event.identifier
        return self._matches(keys) if any(keys.get(unique) for unique in UNIQUE) else []

    def _matches(self, keys: Dataset) -> list[tuple[Path, Dataset]]:
        return [(path, each) for path, each in self.instances() if _matches(keys, each)]

    def _canceled(self, event: Event) -> bool:
        end = time.monotonic() + self._patience
        while not event.is_cancelled:  # which says so once only
            if time.monotonic() >= end:
                return False
            time.sleep(0.01)
        return True


def _matches(keys: Dataset, instance: Dataset) -> bool:
    skipped = {"QueryRetrieveLevel", "SpecificCharacterSet", "ModalitiesInStudy"}
    return all(key.keyword in skipped or _matches_key(key, instance) for key in keys)


def _matches_key(key: DataElement, instance: Dataset) -> bool:
    if key.is_empty or str(key.value) == "*":
        return True
    if key.tag not in instance:
        return False
    found = instance[key.tag]
    if key.VR == "SQ":
        return any(_matches(item, each) for item in key.value for each in found.value)
    held = [str(each) for each in (found.value if found.VM > 1 else [found.value])]
    wanted = [str(each) for each in (key.value if key.VM > 1 else [key.value])]
    return any(_matches_value(key.VR, want, have) for want in wanted for have in held)


def _matches_value(vr: str, want: str, have: str) -> bool:
    if vr in {"DA", "TM", "DT"} and "-" in want:
        low, _, high = want.partition("-")
        return bool(have) and low <= have and (not high or have <= high)
    if vr == "PN":
        want, have = want.casefold().rstrip("^"), have.casefold().rstrip("^")
    return fnmatch.fnmatchcase(have, want.replace("[", "[[]"))


def _response(keys: Dataset, instance: Dataset) -> Dataset:
    response = Dataset()
    response.QueryRetrieveLevel = keys.QueryRetrieveLevel
    if "SpecificCharacterSet" in instance:
        response.SpecificCharacterSet = instance.SpecificCharacterSet
    for key in keys:
        if key.tag in response:
            continue
        if key.tag in instance:
            response[key.tag] = instance[key.tag]
        else:
            vr = key.VR if key.tag.is_private else dictionary_VR(key.tag)
            response.add_new(key.tag, vr, [] if vr == "SQ" else None)
    return response


def _agree(event: Event) -> dict[str, bytes]:
    asked: dict[str, bytes] = vars(event)["app_info"]  # set when it happens, so that no annotation has it
    for uid, information in asked.items():
        sys.stdout.write(f"extended {uid} {information.hex()}\n")
    sys.stdout.flush()
    return asked


def main(port: int, aet: str, folder: Path, *destinations: str) -> None:
    """Serve ``folder`` on ``port``."""
    known = {name: int(number) for name, _, number in (each.partition("=") for each in destinations)}
    archive = Archive(folder, known, float(os.environ.get("PATIENCE", "0")))
    entity = AE(ae_title=aet)
    entity.maximum_pdu_size = 0
    for uid in (VERIFICATION, *MODELS):
        entity.add_supported_context(uid)
    for context in AllStoragePresentationContexts:
        uid = str(context.abstract_syntax)
        entity.add_supported_context(uid, AllTransferSyntaxes, scu_role=True, scp_role=True)
    handlers: list[Any] = [
        (evt.EVT_C_STORE, archive.store),
        (evt.EVT_C_FIND, archive.find),
        (evt.EVT_C_MOVE, archive.move),
        (evt.EVT_C_GET, archive.get),
        (evt.EVT_SOP_EXTENDED, _agree),
    ]
    entity.start_server(("127.0.0.1", port), evt_handlers=handlers)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), *sys.argv[4:])
