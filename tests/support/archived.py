"""Zip and tar archives in memory, as the standard library writes them."""

from __future__ import annotations

import tarfile
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TARS = {"tar": "w", "gzip": "w:gz", "bzip2": "w:bz2", "xz": "w:xz"}
ZIPS = {"stored": zipfile.ZIP_STORED, "deflate": zipfile.ZIP_DEFLATED, "bzip2 in zip": zipfile.ZIP_BZIP2}
KINDS = [*TARS, *ZIPS]


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w", form: int = tarfile.PAX_FORMAT) -> bytes:
    out = BytesIO()
    open_any: Any = tarfile.open  # its overloads know no mode that is computed
    with open_any(fileobj=out, mode=mode, format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, BytesIO(data))
    return out.getvalue()


def archived(files: Mapping[str, bytes], kind: str) -> bytes:
    """The files in an archive of one of ``KINDS``."""
    return tarred(files, TARS[kind]) if kind in TARS else zipped(files, ZIPS[kind])


def with_members(*infos: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of headers alone."""
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for info in infos:
            archive.addfile(info)
    return out.getvalue()
