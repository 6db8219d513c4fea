"""Data sets that are not as PS3.5 has them put right, where it is certain how: faults makers are known for.

Repaired are

- lengths: odd ones, 13 for 10 bytes, one that leaves out its padding, one of 16 bits where VRs have 32;
- VRs: none at all, implicit ones among explicit, and such as PS3.6 has otherwise, if the value is of both;
  bytes under private LO; encapsulated pixel data under OW;
- values: padded with other bytes than PS3.5 6.2 has, character sets that are misspelt;
- delimiters that are missing, stand astray or have a length; zero bytes behind the last element;
- elements out of order, and such as stand twice with one value; Group Lengths and Length to End.

Whatever else contradicts PS3.5 is told, and the file fails; a VR that may be wrong is told, and stays. No
value is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.editing.nested import Container, Rewriting
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.syntax import NATIVE
from dcmtools.encoding.tagpath import PathTracker
from dcmtools.encoding.tags import is_retired_length
from dcmtools.encoding.values import TEXT_VRS
from dcmtools.encoding.writing import element, header, padding
from dcmtools.errors import InputError, MalformedError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.depths import track
from dcmtools.files.part10 import Part10File
from dcmtools.modifying.mending import MendingWalker
from dcmtools.modifying.meta import require_certain
from dcmtools.modifying.reordering import reordered
from dcmtools.modifying.staged import Staged
from dcmtools.modifying.told import Alteration
from dcmtools.modifying.values import LONGEST, doubt, righted, righted_vr

if TYPE_CHECKING:
    from dcmtools.editing.pieces import Splice
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.syntax import Encoding
    from dcmtools.modifying.told import Told

_SEQUENCES: Final = (b"SQ", b"UN")
_PADDED: Final = TEXT_VRS | {"OB", "OW", "UN"}


def step(file: Part10File, told: Told) -> Splice | None:
    """Put the data set of ``file`` right: a Step, before any other, for a file that ``meta.opened`` opened.

    Raises InputError for what cannot be repaired.
    """
    repairing = _Repairing(file, told)
    whole = repairing.splice()
    after = Staged(file, whole) if whole else file
    try:
        moved = reordered(after, told)
        for _ in Part10File.walk(Staged(after, moved) if moved else after):
            pass
    except MalformedError as error:
        raise InputError(f"cannot be repaired: {error.message}") from None
    return moved or whole


class _Repairing:
    """One data set, element by element."""

    def __init__(self, file: Part10File, told: Told) -> None:
        source, start, end = file.body()
        if isinstance(file, LenientFile):
            require_certain(file)  # once more: a deflated data set may have been cut
            guessed = file.guessed
        else:
            guessed = False
        self._walker = MendingWalker(source, start, end, file.encoding)
        self._rewriting = Rewriting(file, walker=self._walker)
        self._tracker = PathTracker()
        self._told = told
        self._changed = False
        self._native = guessed and file.transfer_syntax in NATIVE

    def splice(self) -> Splice | None:
        """Return what has been put right, None where there was nothing to be."""
        for found in self._rewriting:
            if isinstance(found, Container):
                self._mend(found.end)
                continue
            track(self._tracker, found, self._walker)
            self._mend(found[2])
            tag, vr, _, _, length, depth = found
            if not vr:
                continue
            if self._native and length == UNDEFINED and vr not in ("SQ", "UN"):
                where = self._tracker.path_of(tag, depth)
                raise InputError(f"cannot be repaired: {where}: nothing tells how its frames are compressed")
            if vr == "SQ":
                self._sequence(found)
            elif is_retired_length(tag):
                self._tell(found, "a retired length", "")
                self._rewriting.remove()
            else:
                self._element(found)
        if self._walker.mends:
            raise InputError(f"cannot be repaired: {self._walker.mends[0].what}")
        return self._rewriting.splice() if self._changed else None

    def _mend(self, place: int) -> None:
        """Make the changes that are due before ``place`` in the level in hand."""
        mends, depth = self._walker.mends, self._rewriting.levels[-1].depth + 1
        while mends and mends[0].depth == depth and mends[0].begin <= place:
            mend = mends.popleft()
            self._rewriting.patch(mend.begin, mend.after, mend.new)
            self._told.append(Alteration(mend.path, "repair", mend.what, "put right"))
            self._changed = True

    def _tell(self, found: Element, old: str, new: str) -> None:
        self._told.append(Alteration(self._tracker.path_of(found[0], found[5]), "repair", old, new))
        self._changed = True

    def _sequence(self, found: Element) -> None:
        """Give a sequence the header of one; its length is put right if what it holds changes."""
        tag, _, at, value, _, _ = found
        encoding = self._rewriting.levels[-1].encoding
        raw = self._walker.value(at, value - at)
        if not encoding.explicit or (len(raw) == 12 and raw[4:6] in _SEQUENCES):
            return
        wrong = self._walker.wrong.get(at, "an implicit VR")
        self._rewriting.patch(at, value - 4, header(tag, "SQ", encoding)[0])
        self._tell(found, wrong, "VR SQ")

    def _element(self, found: Element) -> None:
        """Put header and value of an element right."""
        tag, vr, at, value, length, _ = found
        encoding = self._rewriting.levels[-1].encoding
        path = self._tracker.path_of(tag, found[5])
        raw = self._walker.value(value, length) if length <= LONGEST else None
        new_vr = righted_vr(found, raw, encoding)
        new, why = righted(tag, new_vr, raw) if raw is not None else (None, "")
        odd = bool(length & 1) and length != UNDEFINED
        if odd and new_vr not in _PADDED:
            message = f"{length} bytes are no whole number of values of VR {new_vr}"
            raise InputError(f"cannot be repaired: {path}: {message}")
        if remark := doubt(tag, new_vr, encoding):
            self._told.remark(f"{path}: {remark}")
        head = _header(path, tag, new_vr, length + odd, encoding)
        if new is not None:
            self._rewriting.patch(at, value + length, _whole(path, tag, new_vr, new, encoding))
        elif head != self._walker.value(at, value - at):
            self._rewriting.patch(at, value, head)
            if odd:
                self._rewriting.patch(value + length, value + length, padding(new_vr, 1))
        else:
            return
        wrong = self._walker.wrong.get(at, "")
        if not wrong and odd:
            wrong = f"odd length {length}"
        why_vr = f"VR {vr}" if new_vr != vr else ""
        reasons = [each for each in (wrong, why, why_vr) if each]
        why = "; ".join(reasons) or "an implicit VR, or bytes astray in its header"
        self._tell(found, why, f"VR {new_vr}" if encoding.explicit and not odd else "put right")


def _header(path: str, tag: int, vr: str, length: int, encoding: Encoding) -> bytes:
    try:
        head, size = header(tag, vr, encoding)
        return head + length.to_bytes(size, "big" if encoding.big else "little")
    except (ValueError, OverflowError) as error:
        raise InputError(f"cannot be repaired: {path}: {error}") from None


def _whole(path: str, tag: int, vr: str, value: bytes, encoding: Encoding) -> bytes:
    try:
        return element(tag, vr, value, encoding)
    except ValueError as error:
        raise InputError(f"cannot be repaired: {path}: {error}") from None
