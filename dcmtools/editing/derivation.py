"""What an image says of being made of another: lossy compression, other frames (PS3.3 C.7.6.1.1, C.12.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.editing.splice import Edit
from dcmtools.encoding.dataset import DataSet, encode, made
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.tags import PIXEL_DATA, SOP_CLASS_UID, SOP_INSTANCE_UID, format_tag
from dcmtools.encoding.uids import uid_name
from dcmtools.encoding.writing import item
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dcmtools.encoding.element import Element
    from dcmtools.files.part10 import Part10File

IMAGE_TYPE: Final = 0x00080008
DERIVATION_DESCRIPTION: Final = 0x00082111
SOURCE_IMAGES: Final = 0x00082112
DERIVATION_CODES: Final = 0x00089215
PER_FRAME: Final = 0x52009230
LOSSY: Final = 0x00282110
LOSSY_RATIO: Final = 0x00282112
LOSSY_METHOD: Final = 0x00282114
EXTREMES: Final = (0x00280106, 0x00280107)  # Smallest and Largest Image Pixel Value
_LONGEST: Final = 1024 * 1024
_LONGEST_SEQUENCE: Final = 64 * 1024 * 1024
_LONGEST_TEXT: Final = 1024  # of VR ST
# By module of codecs, the defined terms of C.7.6.1.1.5.1.
METHODS: Final = {
    "jpeg": "ISO_10918_1",
    "jpeg_ls": "ISO_14495_1",
    "jpeg_2000": "ISO_15444_1",
    "htj2k": "ISO_15444_15",
    "jpeg_xl": "ISO_18181_1",
}
LOSSY_COMPRESSION: Final = ("113040", "Lossy Compression")
UNCOMPRESSED: Final = ("121320", "Uncompressed predecessor")
PROCESSED: Final = ("121322", "Source image for image processing operation")


class Top:
    """The elements at the top of a data set in front of its pixel data, and their values as they stand."""

    def __init__(self, file: Part10File) -> None:
        """Walk them; raises what the walk does. Of an element that stands twice the first counts."""
        self.encoding = file.encoding
        self._walker = file.walk(stop=PIXEL_DATA, shallow=True)
        self._found: dict[int, tuple[Element, int]] = {}
        last = 0
        for element in self._walker:
            tag, vr, _, value, length, depth = element
            if depth:
                continue
            if vr:
                self._found.setdefault(tag, (element, value + length if length != UNDEFINED else -1))
                last = tag
            elif self._found[last][1] < 0:  # the delimiter ends what was of undefined length
                self._found[last] = (self._found[last][0], element[2])

    def has(self, tag: int) -> bool:
        """Tell whether there is such an element."""
        return tag in self._found

    def raw(self, tag: int, most: int = _LONGEST) -> bytes:
        """Return the value, in the file's encoding; that of a sequence are its items.

        It is empty where there is none. Raises InputError for one of more than ``most`` bytes.
        """
        if tag not in self._found:
            return b""
        (_, _, _, begin, _, _), end = self._found[tag]
        if end - begin > most:
            raise InputError(f"{format_tag(tag)} has {end - begin} bytes, too many for what it is")
        return self._walker.value(begin, end - begin)

    def items(self, tag: int) -> bytes:
        """Return the items of a sequence; raise InputError where they are in another encoding."""
        if tag in self._found and self.encoding.explicit:
            at = self._found[tag][0][2]
            if self._walker.value(at + 4, 2) != b"SQ":
                raise InputError(f"{format_tag(tag)} stands under VR UN, where it is not changed")
        return self.raw(tag, _LONGEST_SEQUENCE)

    def vr(self, tag: int) -> str:
        """Return the VR of an element, nothing where there is none."""
        return self._found[tag][0][1] if tag in self._found else ""

    def values(self, tag: int) -> list[bytes]:
        """Return the values of text, without padding."""
        raw = self.raw(tag).rstrip(b" \0")
        return [each.strip(b" ") for each in raw.split(b"\\")] if raw else []

    def text(self, tag: int) -> str:
        """Return an ASCII value."""
        return self.raw(tag).decode("latin-1").strip(" \0")


class Derivation(NamedTuple):
    """How an image was made of the one in a file.

    The instance is ``sop_instance_uid`` then, or still the same where that is empty; ``purpose`` is what the
    one before is to it, of which ``frames`` were taken, counted from 1, where it is not all. ``description``
    is for people, and empty where pixels are what they were; ``code`` is a value and its meaning of DCM.
    """

    sop_instance_uid: str
    purpose: tuple[str, str]
    frames: Sequence[int] = ()
    description: str = ""
    code: tuple[str, str] | None = None

    def edits(self, top: Top) -> Iterator[Edit]:
        """Yield the changes by which the data set tells of it."""
        if self.description:
            image_type = top.values(IMAGE_TYPE)
            if image_type and image_type[0] != b"DERIVED" and not _is_enhanced(top):
                yield Edit(IMAGE_TYPE, "CS", b"\\".join([b"DERIVED", *image_type[1:]]))
            yield Edit(DERIVATION_DESCRIPTION, "ST", self._described(top))
        if self.code:
            yield _appended(top, DERIVATION_CODES, _coded(self.code))
        if not self.sop_instance_uid:
            return
        yield Edit(SOP_INSTANCE_UID, "UI", self.sop_instance_uid.encode())
        if top.text(SOP_CLASS_UID) and top.text(SOP_INSTANCE_UID):
            yield _appended(top, SOURCE_IMAGES, self.source_image(top))

    def _described(self, top: Top) -> bytes:
        before, new = top.raw(DERIVATION_DESCRIPTION).rstrip(b" \0"), self.description.encode("ascii")
        whole = b"; ".join(filter(None, (before, new)))
        return whole if len(whole) <= _LONGEST_TEXT else new

    def source_image(self, top: Top) -> DataSet:
        """Return the item that refers to the one before."""
        source = made(
            ReferencedSOPClassUID=top.text(SOP_CLASS_UID),
            ReferencedSOPInstanceUID=top.text(SOP_INSTANCE_UID),
            PurposeOfReferenceCodeSequence=[_coded(self.purpose)],
        )
        if self.frames:
            source.update(made(ReferencedFrameNumber=self.frames))
        return source


def lossy_edits(top: Top, steps: Sequence[tuple[str, float]]) -> Iterator[Edit]:
    """Yield what tells of lossy ``steps``, behind those that are told of already.

    Each is the module of the codec and the ratio that it compressed by.
    """
    if top.text(LOSSY) != "01":
        yield Edit(LOSSY, "CS", b"01")
    ratios, methods = top.values(LOSSY_RATIO), top.values(LOSSY_METHOD)
    count = max(len(ratios), len(methods))  # the n-th of one is about the n-th of the other
    ratios += [b""] * (count - len(ratios)) + [f"{ratio:.6g}".encode() for _, ratio in steps]
    methods += [b""] * (count - len(methods)) + [METHODS[module].encode() for module, _ in steps]
    yield Edit(LOSSY_RATIO, "DS", b"\\".join(ratios))
    yield Edit(LOSSY_METHOD, "CS", b"\\".join(methods))


def fresh_uid() -> str:
    """Return a UID that nobody else has (PS3.5 B.2)."""
    from uuid import uuid4

    return f"2.25.{uuid4().int}"


def _is_enhanced(top: Top) -> bool:
    """Tell an image whose type is that of its frames (C.8.16.1), on which other attributes depend."""
    return top.has(PER_FRAME) or "Enhanced" in uid_name(top.text(SOP_CLASS_UID))


def _coded(code: tuple[str, str]) -> DataSet:
    return made(CodeValue=code[0], CodingSchemeDesignator="DCM", CodeMeaning=code[1])


def _appended(top: Top, tag: int, new: DataSet) -> Edit:
    """Return the sequence with one more item; those that are there stay byte for byte."""
    return Edit(tag, "SQ", top.items(tag) + item(encode(new, top.encoding), top.encoding))
