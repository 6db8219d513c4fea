"""A file with its Encrypted Attributes put back where they were (PS3.15 E.1.2)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from dcmtools.codecs.frames import PIXEL_TAGS
from dcmtools.deidentification import method
from dcmtools.deidentification.cms import Damaged, opened
from dcmtools.deidentification.encrypting import (
    ENCRYPTED_ATTRIBUTES,
    ENCRYPTED_CONTENT,
    ENCRYPTED_SYNTAX,
    modified_attributes,
)
from dcmtools.editing.nested import Container as Level
from dcmtools.editing.nested import Rewriting
from dcmtools.encoding.dataset import decode, text
from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.recoding import recoded
from dcmtools.encoding.syntax import encoding_of, is_deflated
from dcmtools.encoding.tags import (
    ITEM,
    MEDIA_STORAGE_SOP_CLASS_UID,
    MEDIA_STORAGE_SOP_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    format_tag,
)
from dcmtools.encoding.uids import MEDIA_STORAGE_DIRECTORY
from dcmtools.encoding.walker import Walker
from dcmtools.errors import InputError, MalformedError, Unsuitable
from dcmtools.files.deflate import deflated
from dcmtools.files.meta import file_meta
from dcmtools.files.values import values_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from dcmtools.deidentification.encrypting import Note
    from dcmtools.editing.pieces import Splice
    from dcmtools.encoding.syntax import Encoding
    from dcmtools.files.part10 import Part10File

_LONGEST: Final = 256 * 1024 * 1024  # of encrypted content, which is in memory several times
_MOST_ITEMS: Final = 64


class Restored:
    """A file with ``count`` attributes put back, to be written: ``meta`` and then ``blocks``."""

    def __init__(self, meta: bytes, transfer_syntax: str, splice: Splice, count: int) -> None:
        """Take what it is made of."""
        self.meta = meta
        self.count = count
        self._transfer_syntax = transfer_syntax
        self._splice = splice

    def blocks(self) -> Iterator[bytes]:
        """Yield the data set as its transfer syntax has it; raises InputError."""
        whole = self._splice.blocks()
        return deflated(whole) if is_deflated(self._transfer_syntax) else whole


def restored(file: Part10File, key: RSAPrivateKey) -> Restored:
    """Return ``file`` with what was encrypted in it for ``key``, and without what says that it was.

    Raises InputError where nothing is encrypted, where it is damaged, and where it is of another instance;
    WrongKey where any of it is for other keys, as that would stay unknown.
    """
    if file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID) == MEDIA_STORAGE_DIRECTORY:
        raise Unsuitable("a DICOMDIR has no attributes of a patient that could be encrypted")
    attributes: dict[int, bytes] = {}
    note: Note | None = None
    for syntax, content in _encrypted(file):
        encoding = encoding_of(syntax)
        modified = opened(content, key, partial(modified_attributes, encoding=encoding))
        for tag, raw in modified.attributes.items():
            new = raw if encoding is file.encoding else _recoded(raw, encoding, file.encoding)
            if attributes.setdefault(tag, new) != new:
                raise Damaged(f"{format_tag(tag)} is encrypted twice, and not the same")
        note = modified.note or note
    if note:
        _check_instance(file, note)
    gone = note.added | {ENCRYPTED_ATTRIBUTES} if note else method.SAID | {ENCRYPTED_ATTRIBUTES}
    syntax = _transfer_syntax(file, note, attributes)
    splice = _spliced(file, attributes, gone)
    return Restored(_meta(file, note, attributes, syntax), syntax, splice, len(attributes))


def _encrypted(file: Part10File) -> list[tuple[str, bytes]]:
    """Return transfer syntax and content of each item of Encrypted Attributes Sequence; raise InputError."""
    walker = file.walk(stop=ENCRYPTED_ATTRIBUTES + 1)
    items: list[dict[int, bytes]] = []
    within = False
    for tag, vr, at, value, length, depth in walker:
        if depth == 0 and vr:
            within = tag == ENCRYPTED_ATTRIBUTES
        elif within and depth == 1 and tag == ITEM:
            items.append({})
            if len(items) > _MOST_ITEMS:
                raise InputError(f"{format_tag(ENCRYPTED_ATTRIBUTES)} has more than {_MOST_ITEMS} items")
        elif within and depth == 2 and tag in (ENCRYPTED_SYNTAX, ENCRYPTED_CONTENT) and vr != "SQ":
            if length > _LONGEST:
                raise InputError(
                    f"offset {at}, {format_tag(tag)}: {length} bytes are more than are decrypted"
                )
            items[-1][tag] = walker.value(value, length)
    if not items:  # also where it is empty
        hint = "only what was de-identified with --encrypt-for, or the like of it, can be re-identified"
        raise InputError("it has no Encrypted Attributes", hint=hint)
    return [_checked(each) for each in items]


def _checked(item: Mapping[int, bytes]) -> tuple[str, bytes]:
    """Return transfer syntax and content of an item; raise InputError where it has none."""
    syntax = item.get(ENCRYPTED_SYNTAX, b"").decode("latin-1").strip(" \0")
    content = item.get(ENCRYPTED_CONTENT, b"")
    if not syntax or not content:
        raise Damaged(f"{format_tag(ENCRYPTED_ATTRIBUTES)}: an item has no content, or no transfer syntax")
    if is_deflated(syntax):
        raise InputError(f"what is encrypted is in transfer syntax {syntax}, which is not read here")
    return syntax, content


def _recoded(raw: bytes, encoding: Encoding, target: Encoding) -> bytes:
    """Return an element in another encoding; raises InputError."""
    return b"".join(recoded(Walker(MemorySource(raw), 0, len(raw), encoding), target))


def _check_instance(file: Part10File, note: Note) -> None:
    """Raise InputError where attributes are those of another instance: they may be of somebody else."""
    found = values_of(file, {SOP_INSTANCE_UID}).get(SOP_INSTANCE_UID)
    uid = "\\".join(found.texts()) if found else file.meta_text(MEDIA_STORAGE_SOP_INSTANCE_UID)
    if uid != note.instance:
        hint = "only the file as it was de-identified can be re-identified"
        raise InputError(f"what is encrypted belongs to the instance {note.instance}, not to this", hint=hint)


def _transfer_syntax(file: Part10File, note: Note | None, attributes: Container[int]) -> str:
    """Return the transfer syntax of what is written: the original's, where its pixel data is put back."""
    if note is None or not any(tag in attributes for tag in PIXEL_TAGS):
        return file.transfer_syntax
    if encoding_of(note.transfer_syntax) is not file.encoding:
        raise InputError("its transfer syntax was changed, so that its pixel data cannot be put back")
    return note.transfer_syntax


def _meta(file: Part10File, note: Note | None, attributes: Mapping[int, bytes], syntax: str) -> bytes:
    """Return preamble and file meta information, of the instance that it was; raises InputError."""
    if note:
        return file_meta(note.sop_class_uid, note.sop_instance_uid, syntax)

    def said(tag: int, meta: int) -> str:
        raw = attributes.get(tag)
        return text(decode(raw, file.encoding), tag) if raw else file.meta_text(meta)

    sop_class = said(SOP_CLASS_UID, MEDIA_STORAGE_SOP_CLASS_UID)
    return file_meta(sop_class, said(SOP_INSTANCE_UID, MEDIA_STORAGE_SOP_INSTANCE_UID), syntax)


def _spliced(file: Part10File, attributes: Mapping[int, bytes], gone: Container[int]) -> Splice:
    """Return the data set with ``attributes`` in the place of those there, and without what is ``gone``."""
    left = sorted(attributes, reverse=True)
    last = 0
    rewriting = Rewriting(file, shallow=True)
    for event in rewriting:
        if isinstance(event, Level):
            while event.depth < 0 and left:
                rewriting.insert(attributes[left.pop()])
            continue
        tag, _, at, _, _, depth = event
        if depth:  # within a sequence of undefined length
            continue
        if tag <= last:
            message = (
                f"it stands behind {format_tag(last)}; attributes are put back in the order of their tags"
            )
            raise MalformedError(message, offset=at, path=format_tag(tag))
        last = tag
        while left and left[-1] <= tag:
            rewriting.insert(attributes[left.pop()])
        if tag in attributes or tag in gone:
            rewriting.remove()
    return rewriting.splice()
