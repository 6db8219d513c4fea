"""Names for files and folders that come from data: nothing in a data set can lead out of a folder.

And those of what a server keeps for itself in the folder that it receives into.
"""

from __future__ import annotations

import re
from typing import Final

# No leading dot, which hides a name, and no leading dash, which makes an option of it.
_SAFE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")
# Names that mean a device on some systems, with whatever ending.
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)

# The folder of what is being received, its lock and the ending of each instance there; the index, and what
# SQLite has beside it.
INCOMING: Final = ".incoming"
LOCK: Final = "lock"
PART: Final = ".part"
INDEX: Final = ".index.sqlite"
BESIDE_INDEX: Final = ("-wal", "-shm", "-journal")


def safe_name(text: str) -> str:
    """Return ``text`` where it can stand as one path component, else a readable rest of it with its hash.

    Different texts never share a name by accident: what is not kept as it is carries 64 bits of SHA-256.
    """
    if _SAFE.fullmatch(text) and not text.endswith(".") and not _RESERVED.fullmatch(text):
        return text
    from hashlib import sha256  # 5 ms, for what most names do without

    digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    rest = _UNSAFE.sub("_", text).strip("_-")[:40]
    return f"{rest}-{digest}" if rest else digest


def is_of_server(path: str) -> bool:
    """Tell whether the file at ``path``, below a folder or in an archive, is none that was received."""
    folder, _, name = path.rpartition("/")
    if name.startswith(INDEX):
        return name.removeprefix(INDEX) in ("", *BESIDE_INDEX)
    return folder.rpartition("/")[2] == INCOMING and (name == LOCK or name.endswith(PART))


def place_of(patient_id: str, study_uid: str, series_uid: str, sop_uid: str) -> list[str]:
    """Return the names of the three folders that an instance is kept in, and of its file, without ending."""
    return [safe_name(part or "UNKNOWN") for part in (patient_id, study_uid, series_uid)] + [
        safe_name(sop_uid)
    ]
