"""File IDs for files that come to a File-set (PS3.10 8.2)."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from dcmtools.files.file_ids import conformant
from dcmtools.media.entries import references
from dcmtools.media.looking import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dcmtools.files.file_ids import FileID
    from dcmtools.media.entries import Entry
    from dcmtools.media.tree import Node, Tree


TOP: Final = "DICOM"
"""The folder that holds them all."""
_OURS: Final = re.compile(rf"{TOP}(/PA?\d{{6,7}}/ST?\d{{6,7}}/SE?\d{{6,7}})?/IM?\d{{6,7}}")


def is_ours(file_id: Sequence[str]) -> bool:
    """Tell whether a File ID is one that ``Names`` gives."""
    return _OURS.fullmatch("/".join(file_id)) is not None


class Names:
    """File IDs for new files: numbers, and nothing of what is in them (PS3.10 8.2)."""

    _PREFIXES: Final = ("PA", "ST", "SE")
    _TOP: Final = (TOP,)
    _DEEPEST: Final = 5

    def __init__(self, tree: Tree, present: Callable[[FileID], bool]) -> None:
        """Take none that the File-set has, nor that is ``present`` on the medium."""
        self._tree = tree
        self._present = present
        self._used: set[FileID] = set()
        self._folders: dict[int, FileID] = {}
        self._next: defaultdict[tuple[FileID, str], int] = defaultdict(int)
        for reference in references(tree.file_set.roots):
            self.take(reference.file_id)

    def take(self, file_id: Sequence[str]) -> None:
        """Have a File ID, and the folders in it, in use."""
        upper = tuple([part.upper() for part in file_id])
        self._used.update(upper[:end] for end in range(1, len(upper) + 1))

    def name(self, entry: Entry) -> FileID:
        """Return a new File ID for the record of an instance."""
        return self._new(self._folder(self._tree.above(entry)), "IM")

    def _folder(self, nodes: Sequence[Node]) -> FileID:
        """Return the folder for what is below the last of ``nodes``, each of which has its own."""
        if not nodes:
            return self._TOP
        entry = nodes[-1].entry
        known = self._folders.get(id(entry)) or self._there(entry, len(LEVELS) - nodes[-1].level)
        if known is None:
            known = self._new(self._folder(nodes[:-1]), self._PREFIXES[nodes[-1].level])
        self._folders[id(entry)] = known
        return known

    def _there(self, entry: Entry, above: int) -> FileID | None:
        """Return the folder in which the files of a record are, so many levels above them."""
        first = next((each.file_id for each in references([entry]) if each.file_id), ())
        usable = len(first) == self._DEEPEST and first[:1] == self._TOP and not conformant(first)
        return first[:-above] if usable else None

    def _new(self, folder: FileID, prefix: str) -> FileID:
        while True:
            self._next[folder, prefix] += 1
            number = self._next[folder, prefix]
            name = f"{prefix}{number:06d}" if number < 1_000_000 else f"{prefix[0]}{number}"  # of 8 letters
            file_id = (*folder, name)
            if file_id not in self._used and not self._present(file_id):
                self._used.add(file_id)
                return file_id
