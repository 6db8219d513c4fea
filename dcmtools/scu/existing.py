"""What is complete in a folder already, and what of the rest is to be retrieved."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from dcmtools.archive.received import Refusal, read_names
from dcmtools.errors import InputError, OutputError
from dcmtools.files.names import place_of
from dcmtools.files.part10 import Part10File
from dcmtools.query.models import Level
from dcmtools.scu.selection import AT_ONCE, Retrieval

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dcmtools.archive.storage import Storage
    from dcmtools.scu.contents import Holding


class Existing:
    """The instances that lay in a storage when this was made, whoever their patient is said to be."""

    def __init__(self, storage: Storage) -> None:
        """List the studies; the folder names of two levels are all that is kept in memory."""
        self._storage = storage
        self._studies: dict[str, list[str]] = {}
        for patient in _folders(storage.folder, ""):
            for study in _folders(storage.folder, patient):
                self._studies.setdefault(os.path.basename(study), []).append(study)

    def path_of(self, holding: Holding) -> str:
        """Return where the instance lies, relative to the folder; empty where it is not, or not whole."""
        uids = (holding.study_uid, holding.series_uid, holding.sop_instance_uid)
        _, study, series, stem = place_of("", *uids)
        for folder in self._studies.get(study, ()):
            path = f"{folder}/{series}/{stem}.dcm"
            if is_complete(self._storage, path, holding):
                return path
        return ""


def is_complete(storage: Storage, path: str, holding: Holding) -> bool:
    """Tell whether the file at ``path`` below a storage is that instance, walked to its end."""
    try:
        with storage.open(path) as source:
            file = Part10File(source)
            names = read_names(source, file.data_set_offset, file.transfer_syntax)
    except (InputError, OutputError, Refusal):
        return False
    found = (names.study_uid, names.series_uid, names.sop_instance_uid)
    return found == (holding.study_uid, holding.series_uid, holding.sop_instance_uid)


def remaining(
    holdings: Iterable[Holding], existing: Mapping[str, str], at_once: int = AT_ONCE
) -> Iterator[Retrieval]:
    """Yield how to retrieve those of ``holdings`` whose SOP Instance UIDs are not ``existing``.

    That is series by series, or some of its instances, where there is a part of a series already.
    """
    series: dict[Retrieval, list[str]] = {}
    for each in holdings:
        key = Retrieval(Level.SERIES, each.patient_id, each.study_uid, each.series_uid)
        series.setdefault(key, []).append(each.sop_instance_uid)
    for whole, uids in series.items():
        missing = [uid for uid in uids if uid not in existing]
        if len(missing) == len(uids):
            yield whole
            continue
        for start in range(0, len(missing), at_once):
            some = tuple(missing[start : start + at_once])
            yield whole._replace(level=Level.IMAGE, sop_instance_uids=some)


def _folders(root: str, path: str) -> list[str]:
    """Return the folders at ``path`` below ``root``, none where it cannot be listed."""
    found = []
    with suppress(OSError), os.scandir(os.path.join(root, path)) as entries:
        found = [
            f"{path}/{each.name}" if path else each.name
            for each in entries
            if not each.name.startswith(".") and each.is_dir(follow_symlinks=False)
        ]
    return found
