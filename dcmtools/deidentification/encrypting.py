"""Encrypted Attributes: what was removed or replaced, sealed within the file itself (PS3.15 E.1.1, E.1.2).

Attributes go as they stand at the top, a sequence whole whatever was changed in it. So they can be put back
byte for byte: they are encoded as the data set around is, and beside Modified Attributes it is noted what was
added, which instance they are of, and what they have to be.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.deidentification import method
from dcmtools.deidentification.cms import Damaged
from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.syntax import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from dcmtools.encoding.tags import ITEM, format_tag, is_retired_length
from dcmtools.encoding.walker import Walker
from dcmtools.encoding.writing import delimited, element, item
from dcmtools.errors import InputError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dcmtools.deidentification.cms import Recipients
    from dcmtools.deidentification.reading import Elements
    from dcmtools.encoding.element import Element
    from dcmtools.encoding.syntax import Encoding

ENCRYPTED_ATTRIBUTES: Final = 0x04000500
ENCRYPTED_SYNTAX: Final = 0x04000510
ENCRYPTED_CONTENT: Final = 0x04000520
MODIFIED_ATTRIBUTES: Final = 0x04000550
MOST_ORIGINALS: Final = 64 * 1024 * 1024
"""Bytes that are kept at most: they are in memory several times."""
_LONGEST_NOTED: Final = 64 * 1024
_GROUP: Final = 0x0401
_CREATOR: Final = "DCMTOOLS REVERSAL"
# Elements of our block, all of them ASCII, whatever the encoding.
_INSTANCE, _META, _ADDED, _DIGEST = 0x04011001, 0x04011002, 0x04011003, 0x04011004


class Note(NamedTuple):
    """What is to be known to put attributes back, beside these.

    ``instance`` is the SOP Instance UID that the file got; ``sop_class_uid``, ``sop_instance_uid`` and
    ``transfer_syntax`` are those of the original's file meta information; ``added`` are tags at the top that
    it did not have; ``digest`` is that of Modified Attributes, in hexadecimal digits.
    """

    instance: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str
    added: frozenset[int]
    digest: str = ""

    def encoded(self, encoding: Encoding) -> bytes:
        """Return it as a block of private elements."""
        meta = self.sop_class_uid, self.sop_instance_uid, self.transfer_syntax
        added = [f"{tag:08x}" for tag in sorted(self.added)]
        texts = {_INSTANCE: [self.instance], _META: meta, _ADDED: added, _DIGEST: [self.digest]}
        out = element(_GROUP << 16 | 0x10, "LO", _CREATOR.encode(), encoding)
        for tag, values in texts.items():
            vr = "UI" if tag < _ADDED else "LO"
            out += element(tag, vr, "\\".join(values).encode("ascii"), encoding)
        return out

    @classmethod
    def read(cls, values: dict[int, bytes]) -> Note | None:
        """Return what ``values`` by tag say, None where they are not ours; raises ValueError."""

        def said(tag: int) -> str:
            return values.get(tag, b"").decode("ascii").rstrip(" \0")

        if said(_GROUP << 16 | 0x10) != _CREATOR:
            return None
        added = frozenset(int(each, 16) for each in said(_ADDED).split("\\") if each)
        sop_class, sop_instance, syntax = said(_META).split("\\")
        return cls(said(_INSTANCE), sop_class, sop_instance, syntax, added, said(_DIGEST))


class Modified(NamedTuple):
    """The elements of Modified Attributes as they stand, by tag, and what is noted beside them."""

    attributes: dict[int, bytes]
    note: Note | None


def encrypted_attributes(
    elements: Elements, is_changed: Callable[[int, int], bool], note: Note, recipients: Recipients
) -> tuple[bytes, bytes]:
    """Return Encrypted Attributes Sequence with what ``is_changed`` of ``elements``, and its content.

    ``is_changed`` is asked where elements at the top begin and end. Raises InputError where it is more than
    64 MiB, and where it could not be put back: the order of elements is not that of their tags.
    """
    encoding = elements.encoding
    originals = {tag: elements.bytes(begin, length) for tag, begin, length in _changed(elements, is_changed)}
    modified = delimited(MODIFIED_ATTRIBUTES, item(b"".join(originals.values()), encoding), encoding)
    data = modified + note._replace(digest=_digest(modified)).encoded(encoding)
    if modified_attributes(data, encoding).attributes != originals:
        raise InputError("what is removed could not be read once it is decrypted")
    content = recipients.sealed(data)
    if len(content) & 1:
        content += b"\0"
    whole = element(ENCRYPTED_SYNTAX, "UI", syntax_of(encoding).encode("ascii"), encoding)
    whole += element(ENCRYPTED_CONTENT, "OB", content, encoding)
    return element(ENCRYPTED_ATTRIBUTES, "SQ", item(whole, encoding), encoding), content


def modified_attributes(data: bytes, encoding: Encoding) -> Modified:
    """Return what stands in the Encrypted Attributes Data Set ``data``; raise Damaged."""
    attributes: dict[int, bytes] = {}
    tops: dict[int, tuple[int, int]] = {}
    values: dict[int, bytes] = {}
    top = items = 0
    try:
        walker = Walker(MemorySource(data), 0, len(data), encoding)
        seen = [each for each in walker if each[5] < 2 or (each[5] == 2 and each[1])]
        for (tag, vr, begin, value, length, depth), after in zip(seen, _ends(seen, data), strict=True):
            if depth == 0 and vr:
                top = tag
                tops[tag] = begin, after
                values[tag] = data[value : value + length] if length <= _LONGEST_NOTED else b""
            elif top == MODIFIED_ATTRIBUTES:
                items += depth == 1 and tag == ITEM
                tops[top] = tops[top][0], after
                if depth == 2:
                    attributes[tag] = data[begin:after]
        note = Note.read(values)
    except (MalformedError, ValueError) as error:
        raise Damaged(f"what was encrypted cannot be read: {error}") from error
    if items != 1:
        raise Damaged("what was encrypted has not one item of Modified Attributes")
    if note and note.digest != _digest(data[slice(*tops[MODIFIED_ATTRIBUTES])]):
        raise Damaged("what was encrypted has been changed since")
    return Modified(attributes, note)


def _ends(seen: Sequence[Element], data: bytes) -> Iterator[int]:
    """Yield where each element ends, or where what it holds begins: where the next of ``seen`` does."""
    yield from (each[2] for each in seen[1:])
    if seen:
        yield len(data)


def _digest(modified: bytes) -> str:
    """Return what Modified Attributes are known by: the cipher does not tell whether they were garbled."""
    return sha256(modified).hexdigest()


def syntax_of(encoding: Encoding) -> str:
    """Return the transfer syntax that elements in ``encoding`` are of, pixel data aside."""
    if not encoding.explicit:
        return IMPLICIT_VR_LITTLE_ENDIAN
    return EXPLICIT_VR_BIG_ENDIAN if encoding.big else EXPLICIT_VR_LITTLE_ENDIAN


def _changed(elements: Elements, is_changed: Callable[[int, int], bool]) -> list[tuple[int, int, int]]:
    """Return tag, offset and length of the elements at the top of which something is changed.

    Lengths of groups are taken for changed, as these go with what is around them; and so is what is said of
    de-identification, to which something may be added.
    """
    chosen: list[tuple[int, int, int]] = []
    size = 0
    for top, after, has_length in _top(elements):
        begin = top[2]
        if has_length or top[0] in method.SAID or is_changed(begin, after):
            chosen.append((top[0], begin, after - begin))
            size += after - begin
    if size > MOST_ORIGINALS:
        most = MOST_ORIGINALS >> 20
        message = f"what is removed or replaced takes {size} bytes; at most {most} MiB are encrypted"
        raise InputError(message, hint="without --encrypt-for, or with pixels as they are, it can be done")
    return chosen


def _top(elements: Elements) -> Iterable[tuple[Element, int, bool]]:
    """Yield each element at the top, where it ends, and whether the length of a group is, or is in, it."""
    last: Element | None = None
    has_length = False
    for batch in elements.batches():
        for each in batch.elements:
            tag, vr, at, _, _, depth = each
            if depth == 0 and vr:
                if last is not None:
                    if tag <= last[0]:
                        message = f"offset {at}, {format_tag(tag)}: it stands behind elements of higher tags"
                        raise InputError(f"{message}, and could not be put back there")
                    yield last, at, has_length
                last, has_length = each, False
            has_length = has_length or (is_retired_length(tag) and vr != "SQ")
    if last is not None:
        yield last, elements.end, has_length
