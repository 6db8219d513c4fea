"""Prove that every data set in one folder of DICOM files stands byte for byte in another.

Only the bytes count, from the end of the file meta information on, which (0002,0000) tells; nothing of
dcmtools or pydicom is used.
"""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path


def data_set(path: Path) -> bytes:
    """Return what follows the file meta information (PS3.10 7.1)."""
    data = path.read_bytes()
    if data[128:140] != b"DICM\x02\0\0\0UL\x04\0":
        sys.exit(f"{path}: no DICOM file with a group length")
    return data[144 + int.from_bytes(data[140:144], "little") :]


def main(sent: str, stored: str) -> None:
    """Compare the folders; exit with status 1 where a data set is missing."""
    kept = {sha256(data_set(path)).digest() for path in Path(stored).rglob("*.dcm")}
    files = sorted(Path(sent).rglob("*.dcm"))
    missing = [path.name for path in files if sha256(data_set(path)).digest() not in kept]
    if missing or not files:
        sys.exit(f"not found byte for byte: {', '.join(missing) or 'anything'}")
    sys.stdout.write(f"{len(files)} of {len(files)} data sets stand in the archive byte for byte\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
