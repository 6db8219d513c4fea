"""Where in a written file something stands that was removed from it: first in bytes, then value by value."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.frames import PIXEL_TAGS, pixel_data
from dcmtools.codecs.markers import carried
from dcmtools.codecs.pixels import described
from dcmtools.codecs.registry import codec_of
from dcmtools.deidentification.identifiers import harmless, has_words, is_word_in, stands_in
from dcmtools.deidentification.phrases import DATE, UID
from dcmtools.encoding.charset import decoder_of
from dcmtools.encoding.dictionary import PrivateBlocks
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dcmtools.encoding.tags import ITEM, SPECIFIC_CHARACTER_SET, format_tag, is_creator
from dcmtools.encoding.uids import CLASS_UIDS
from dcmtools.encoding.values import NUMBERS, TEXT_VRS, effective_vr, texts
from dcmtools.errors import InputError
from dcmtools.files.part10 import PREFIX_OFFSET

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from dcmtools.deidentification.identifiers import Identifiers
    from dcmtools.deidentification.phrases import Phrase
    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.element import Element, Source
    from dcmtools.encoding.walker import Walker
    from dcmtools.files.part10 import Part10File

_LONGEST_CHARSET: Final = 1024
_BLOCK: Final = 1024 * 1024
_OVERLAP: Final = 1024  # no phrase is longer, in whatever encoding
_LONGEST_EXCESS: Final = 4096  # behind pixels, beyond which it is taken for more of them
_LONG_NUMBER: Final = 6  # digits
_MAKERS: Final = frozenset({0x00080070, 0x00081090})
_NUMBERS: Final = frozenset(NUMBERS) - {"UN"}
# What the file meta information says of us.
_OURS: Final = frozenset({
    (0x00020012, IMPLEMENTATION_CLASS_UID.encode("ascii")),
    (0x00020013, IMPLEMENTATION_VERSION_NAME.encode("ascii")),
})  # fmt: skip


class Found(NamedTuple):
    """Something that was removed stands there: ``where``, and whether it ``says_nothing`` in that place.

    What ``is_usual`` there is not even to be told of.
    """

    where: str
    phrase: Phrase
    says_nothing: bool = False
    is_usual: bool = False


class Search:
    """A search of ``file``, whose pixel data at the top is ``pixels``; ``top`` has what describes them.

    The value ``sealed`` is encrypted, and passed over.
    """

    def __init__(
        self,
        file: Part10File,
        identifiers: Identifiers,
        pixels: Element | None,
        top: Mapping[int, bytes],
        *,
        sealed: bytes = b"",
    ) -> None:
        """Look where samples begin and end, and what codestreams carry; raises what reading these does."""
        self.file = file
        self.identifiers = identifiers
        self._sealed = sealed
        self._body = file.body()
        self._begin = self._after = self._body.end
        self._unread = 0  # where frames end that no codec here can look into
        self.carried: list[tuple[str, bytes]] = []
        if pixels and pixels[4] == UNDEFINED:
            self._begin = pixels[3]
            codec = codec_of(file.transfer_syntax)
            if codec and codec.module:
                self._after, self.carried = _compressed(file)
            else:
                self._after = self._unread = _after_fragments(file, pixels[3])
        elif pixels:
            self._begin = pixels[3]
            self._after = _after_samples(pixels, top, file.encoding.order)
        self._end = pixels[3] + pixels[4] if pixels and pixels[4] != UNDEFINED else self._after

    @property
    def is_plain(self) -> bool:
        """Whether nothing but samples is passed over, and the file is as it is read."""
        passed_over = self.carried or self._unread or self._after != self._end
        return self._body.source is self.file.source and not passed_over

    def suspected(self) -> bool:
        """Tell whether something that was removed may stand anywhere; quick."""
        pieces = [data for _, data in self.carried]
        return any(map(self.identifiers.suspected, chain(pieces, self._blocks(), self._fragments())))

    def found(self, stated: Container[tuple[int, str]] = ()) -> Iterator[Found]:
        """Yield what stands where, value by value; not what of tags and texts is ``stated`` of us."""
        yield from self._in_values(stated)
        for where, data in self.carried:
            yield from self._in_bytes(where, data)
        yield from self._in_bytes("preamble", self.file.head[:PREFIX_OFFSET])
        for (tag, vr, *_), raw in self.file.meta:
            if (tag, raw.rstrip(b" \0")) not in _OURS:
                found = self._in_bytes(format_tag(tag), raw)
                yield from (each for each in found if vr != "UI" or each.phrase.kind == UID)
        text = self._end - self._after <= _LONGEST_EXCESS
        for block in _read(self._body.source, self._after, self._end):
            yield from self._in_bytes("bytes behind the last frame", block, text=text)
        for block in self._fragments():
            yield from self._in_bytes("frames that are not looked into", block, text=False)

    def _fragments(self) -> Iterator[bytes]:
        """Yield frames that no codec here can look into, with what is around them."""
        return _read(self._body.source, self._begin, self._unread)

    def _blocks(self) -> Iterator[bytes]:
        """Yield all but samples and codestreams, inflated where it was deflated; blocks overlap."""
        file, source = self.file, self._body.source
        if source is not file.source:
            yield from _read(file.source, 0, file.data_set_offset)
            yield from _read(source, 0, self._begin)
        elif self._begin <= len(file.head):
            yield file.head[: self._begin]
        else:
            yield from _read(source, 0, self._begin)
        yield from _read(source, self._after, self._body.end)

    def _in_bytes(self, where: str, data: bytes, *, text: bool = True) -> Iterator[Found]:
        for phrase in self.identifiers.found(data, text=text):
            yield Found(where, phrase)

    def _in_values(self, stated: Container[tuple[int, str]]) -> Iterator[Found]:
        decoders: list[Decoder] = [decoder_of(b"")]
        for walker, (tag, vr, _, offset, length, depth), _ in with_creators(self.file):
            del decoders[depth // 2 + 1 :]
            while len(decoders) < depth // 2 + 1:
                decoders.append(decoders[-1])
            if not vr or vr == "SQ" or length == UNDEFINED or (tag in PIXEL_TAGS and not depth):
                continue
            if tag == SPECIFIC_CHARACTER_SET and length <= _LONGEST_CHARSET:
                decoders[-1] = decoder_of(walker.value(offset, length))
            kind = effective_vr(tag, vr)
            if kind in TEXT_VRS and length <= _BLOCK:
                raw = walker.value(offset, length)
                yield from self._in_text(tag, kind, raw, decoders[-1], stated)
                continue
            if self._sealed and length == len(self._sealed) and walker.value(offset, length) == self._sealed:
                continue
            for block in _read(walker.source, offset, offset + length):
                yield from self._in_bytes(format_tag(tag), block, text=kind not in _NUMBERS)

    def _in_text(
        self, tag: int, vr: str, raw: bytes, decode: Decoder, stated: Container[tuple[int, str]]
    ) -> Iterator[Found]:
        for text in texts(vr, raw, decode):
            if self.identifiers.is_put(text) or (tag, text) in stated:
                continue
            for phrase in self.identifiers.in_text(text):
                says_nothing = _says_nothing(tag, vr, phrase) and not has_words(vr, [text])
                if not says_nothing or stands_in(phrase, text):  # else some digits follow each other
                    usual = _is_usual(tag, vr, phrase) and not has_words(vr, [text])
                    yield Found(format_tag(tag), phrase, says_nothing, usual)
            if not text.isprintable():
                yield from self._in_bytes(format_tag(tag), text.encode("utf-8", "surrogateescape"))


def _says_nothing(tag: int, vr: str, phrase: Phrase) -> bool:
    """Tell whether a phrase in a value of ``tag`` is but a word or a number there."""
    if vr == "UI":
        return phrase.kind != UID or tag in CLASS_UIDS
    if vr in ("DA", "DT"):
        return phrase.kind != DATE
    return harmless(tag, vr) and is_word_in(phrase, vr)


def _is_usual(tag: int, vr: str, phrase: Phrase) -> bool:
    """Tell whether a phrase in a value of ``tag`` is a short number, or the name of a maker, in its place."""
    if vr in ("DS", "IS"):
        return phrase.text.isdecimal() and len(phrase.text) < _LONG_NUMBER
    return tag in _MAKERS and phrase.common


def _compressed(file: Part10File) -> tuple[int, list[tuple[str, bytes]]]:
    """Return the offset behind compressed pixel data, and what its frames carry beside the image."""
    data = pixel_data(file)
    found = []
    if data.codec:
        for index, frame in enumerate(data):
            found += [
                (f"codestream of frame {index + 1}", each) for each in carried(frame, data.codec, data.pixels)
            ]
    return data.after, found


def _after_fragments(file: Part10File, begin: int) -> int:
    """Return where the fragments end that begin behind ``begin``."""
    after = begin
    for tag, vr, _, value, length, depth in file.walk(shallow=True):
        if value > begin and vr:
            break
        if value > begin and not depth and tag != ITEM:
            return value
        after = max(after, value + length if tag == ITEM else value)
    return after


def _after_samples(pixels: Element, top: Mapping[int, bytes], order: str) -> int:
    """Return where the last frame ends; where it begins, if nothing tells how long frames are."""
    tag, _, _, value, length, _ = pixels
    try:
        frames = described(top, order, bits_allocated=PIXEL_TAGS[tag])
    except InputError:
        return value
    return value + min(length, -(-frames.frames * frames.frame_bits // 8))


def _read(source: Source, begin: int, end: int) -> Iterator[bytes]:
    """Yield the bytes between two offsets; each block begins with the end of the one before."""
    at = begin
    while at < end:
        yield source.read(at, min(_BLOCK, end - at))
        at += _BLOCK if at + _BLOCK >= end else _BLOCK - _OVERLAP


def with_creators(file: Part10File) -> Iterator[tuple[Walker, Element, str]]:
    """Yield every element, the walker that has found it, and of a private one the creator."""
    walker, blocks = file.walk(), PrivateBlocks()
    for element in walker:
        tag, _, _, offset, length, depth = element
        creator = ""
        if tag == ITEM:
            blocks.enter(depth + 1)
        elif is_creator(tag):
            blocks.reserve(depth, tag, walker.value(offset, min(length, 64)).decode("latin-1").strip(" \0"))
        elif tag & 0x10000:
            creator = blocks.creator(depth, tag)
        yield walker, element, creator
