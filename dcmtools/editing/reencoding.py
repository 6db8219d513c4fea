"""Pixel data put into another transfer syntax frame by frame, and what a data set says of it."""

from __future__ import annotations

from hashlib import blake2b
from itertools import chain
from struct import pack
from typing import TYPE_CHECKING, Final

from dcmtools.codecs import native
from dcmtools.codecs.decoding import adapter, decode
from dcmtools.codecs.encapsulating import Encapsulated
from dcmtools.codecs.encoding import encode
from dcmtools.codecs.frames import EXTENDED_OFFSET_TABLE
from dcmtools.codecs.photometric import converted, target
from dcmtools.editing.derivation import (
    EXTREMES,
    LOSSY,
    LOSSY_COMPRESSION,
    METHODS,
    PROCESSED,
    UNCOMPRESSED,
    Derivation,
    lossy_edits,
)
from dcmtools.editing.frame_selection import selecting_edits
from dcmtools.editing.icons import ICON_IMAGE_SEQUENCE, native_icon
from dcmtools.editing.overlays import Embedded
from dcmtools.editing.splice import Edit, spliced
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.recoding import recoded
from dcmtools.encoding.tags import PIXEL_DATA, format_tag
from dcmtools.encoding.values import swapped
from dcmtools.encoding.walker import Walker
from dcmtools.encoding.writing import header
from dcmtools.errors import InputError, MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import ExitStack

    from dcmtools.codecs.decoding import Decoded
    from dcmtools.codecs.frames import PixelData
    from dcmtools.codecs.photometric import Target
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.streams import Samples
    from dcmtools.editing.pieces import Splice
    from dcmtools.editing.transcoding import Transcoded
    from dcmtools.files.part10 import Part10File

_EXTENDED_LENGTHS: Final = EXTENDED_OFFSET_TABLE + 1
_PHOTOMETRIC: Final = 0x00280004
# By tag the field of Pixels, and its name.
_NUMBERS: Final = {
    0x00280006: ("planar", "Planar Configuration"),
    0x00280100: ("bits_allocated", "Bits Allocated"),
    0x00280101: ("bits_stored", "Bits Stored"),
    0x00280102: ("high_bit", "High Bit"),
}
# Without loss itself, of a JPEG that never is.
_RECOMPRESSED: Final = "jpeg-xl-recompression"
_BLOCK: Final = 256 * 1024


def reencode(
    done: Transcoded, file: Part10File, data: PixelData, held: ExitStack, *, remembering: bool
) -> None:
    """Put the pixel ``data`` of ``file`` into ``done``; ``held`` holds temporary files.

    See ``transcoding.transcoded`` for the rest, and for what is raised.
    """
    icons = []
    if data.encapsulated and data.codec is not done.asked.codec:
        icons = [edit for edit in [native_icon(done.top, file.transfer_syntax)] if edit]
        _refuse_encapsulated_within(file, ICON_IMAGE_SEQUENCE if icons else 0)
        done.changes += ["icon decompressed"] * len(icons)
    if done.asked.frames:
        done.chosen = done.asked.frames.of(len(data))
    done.warnings += filter(None, [data.left_out()])
    work = _Reencoding(done, data, remembering=remembering)
    value, edits = work.encapsulated(held) if done.asked.codec.encapsulated else work.native()
    splice = spliced(file, [*icons, *edits, *work.telling(), Edit(data.element[0], "OB", None)])
    at = splice.size - (file.body().end - data.after)
    parts = [_copied(done, splice, file, *ends) for ends in ((0, at), (at, splice.size))]
    done.data_set = chain(parts[0], value, parts[1])


def digest_of(data: PixelData, index: int) -> bytes:
    """Return what tells the samples of a frame, and their colours, from any others."""
    decoded = decode(data, index)
    return _digest(decoded.samples, decoded.photometric)


def _digest(samples: Samples, photometric: str) -> bytes:
    import numpy as np

    told = blake2b(f"{photometric} {samples.dtype.str} {samples.shape}".encode(), digest_size=16)
    told.update(np.ascontiguousarray(samples).data)
    return told.digest()


class _Reencoding:
    """The frames of ``data`` that are chosen, on their way into ``done``."""

    def __init__(self, done: Transcoded, data: PixelData, *, remembering: bool) -> None:
        self._done = done
        self._data = data
        self._codec = done.asked.codec
        self._remembering = remembering
        self._pixels = data.pixels._replace(frames=len(done.chosen))
        # Codestreams count as what they are decoded to, chrominance and all.
        whole = data.pixels._replace(photometric="") if data.encapsulated else data.pixels
        self._frame_bytes = whole.frame_bits / 8
        self._kept = data.encapsulated and data.codec is self._codec and not done.asked.again

    def encapsulated(self, held: ExitStack) -> tuple[Iterable[bytes], list[Edit]]:
        """Encode all frames; return the element, and the changes of those that describe it."""
        if self._data.element[0] != PIXEL_DATA:
            raise InputError(f"{self._codec.name} has no floating point samples")
        whole = held.enter_context(Encapsulated(self._done.asked.settings))
        overlays = Embedded(self._done.top, self._data)
        after = self._taken(whole) if self._kept else self._encoded(whole, overlays)
        self._done.ratio = len(whole) * self._frame_bytes / whole.size
        self._tell_vr("OB")
        head, _ = header(PIXEL_DATA, "OB", self._done.encoding)
        value = chain([head + pack("<L", UNDEFINED)], whole.blocks())
        if overlays:
            self._done.changes.append("overlays out of the pixels")
        order = self._done.top.encoding.order
        return value, [*self._describing(after), *overlays.edits(), *tables(whole, order)]

    def _taken(self, whole: Encapsulated) -> Pixels:
        """Take codestreams as they are, and return what describes them, as it did."""
        for index in self._done.chosen:
            whole.add(self._data.frame(index))
        return self._pixels

    def _encoded(self, whole: Encapsulated, overlays: Embedded) -> Pixels:
        """Encode all frames, and return what describes them then; raises InputError where there is none."""
        goal = None
        for index in self._done.chosen:
            overlays.take(index)
        for decoded in self._decoded(lost=not overlays):
            goal = goal or target(self._codec, self._pixels, decoded.photometric)
            samples = self._converted(decoded, goal)
            whole.add(encode(samples, goal.samples, self._codec, self._done.asked.settings))
        if goal is None:
            raise InputError("there is no frame")
        return goal.pixels

    def native(self) -> tuple[Iterable[bytes], list[Edit]]:
        """Return the element, whose frames are decoded as it is written, and the changes."""
        tag, pixels = self._data.element[0], self._pixels
        vr = "OB" if pixels.bits_allocated <= 8 else "OW"
        if tag != PIXEL_DATA:
            vr = self._data.element[1]
        if not self._data.encapsulated and pixels.frame_bits % 8 == 0:
            return self._element(tag, vr, pixels, self._as_they_are(vr)), []
        no_tables = [Edit(tag, "OV", None) for tag in (EXTENDED_OFFSET_TABLE, _EXTENDED_LENGTHS)]
        frames = self._decoded()
        first = next(frames)
        goal = target(self._codec, pixels, first.photometric)
        samples = (self._converted(each, goal) for each in chain([first], frames))
        word = 2 if self._done.encoding.big and vr == "OW" else 1
        value = native.blocks(samples, goal.pixels, word=word)
        return self._element(tag, vr, goal.pixels, value), [*self._describing(goal.pixels), *no_tables]

    def _element(self, tag: int, vr: str, pixels: Pixels, value: Iterable[bytes]) -> Iterable[bytes]:
        size = -(-pixels.frames * pixels.frame_bits // 8)
        size += size % 2
        if size >= UNDEFINED:
            raise InputError(f"the pixel data would have {size} bytes, more than a length can tell")
        self._tell_vr(vr)
        head, _ = header(tag, vr, self._done.encoding)
        return chain([head + pack(f"{self._done.encoding.order}L", size)], value)

    def _as_they_are(self, vr: str) -> Iterator[bytes]:
        """Yield native frames that stay native, in the byte order of the target."""
        size = 0
        for index in self._done.chosen:
            frame = self._data.frame(index)
            yield swapped(vr, frame) if self._done.encoding.big else frame
            size += len(frame)
        yield b"\0" * (size % 2)

    def _decoded(self, *, lost: bool = True) -> Iterator[Decoded]:
        """Yield the frames, and warn if there is something else in their bits, unless that is not ``lost``.

        Raises InputError where one has other colours than the first.
        """
        photometric, cleared = "", False
        for index in self._done.chosen:
            decoded = decode(self._data, index)
            photometric = photometric or decoded.photometric
            if decoded.photometric != photometric:
                raise InputError(f"frame {index + 1} is {decoded.photometric}, those before {photometric}")
            if decoded.cleared and lost and not cleared:
                cleared = True
                self._done.warnings.append(
                    f"bits beyond the {self._pixels.bits_stored} stored were not zero, and are now"
                )
            yield decoded

    def _converted(self, decoded: Decoded, goal: Target) -> Samples:
        samples = converted(decoded.samples, decoded.photometric, goal.samples)
        if self._remembering:
            self._done.digests.append(_digest(samples, goal.samples.photometric))
        return samples

    def _describing(self, after: Pixels) -> list[Edit]:
        """Return the changes of elements that describe pixels, and tell of them."""
        before, top = self._data.pixels, self._done.top
        # Some writers call YBR_FULL_422 what is not, and before says so.
        named = top.text(_PHOTOMETRIC) or before.photometric
        edits, told = describing_edits(before._replace(photometric=named), after, top.encoding.order)
        self._done.changes += told
        return edits

    def _tell_vr(self, vr: str) -> None:
        """Tell of another VR, where both encodings have one."""
        before = self._data.element[1]
        if before != vr and self._done.top.encoding.explicit and self._done.encoding.explicit:
            self._done.changes.append(f"VR of Pixel Data {before} to {vr}")

    def telling(self) -> Iterator[Edit]:
        """Yield the changes that tell of frames left out, of a loss, and of where it all came from."""
        done, top, count = self._done, self._done.top, len(self._data)
        if done.asked.frames and len(done.chosen) < count:
            yield from selecting_edits(top, done.chosen, count)
        steps = []
        if (method := self._untold_loss()) and top.text(LOSSY) != "01":
            size = max(1, self._data.after - self._data.element[3])
            steps.append((method, count * self._frame_bytes / size))
        if self._loses:
            steps.append((self._codec.module, done.ratio))
        if steps:
            yield from lossy_edits(top, steps)
            told = ", ".join([f"{METHODS[module]}, {ratio:.3g} to 1" for module, ratio in steps])
            done.changes.append(f"Lossy Image Compression 01 ({told})")
        if self._loses and any(map(top.has, EXTREMES)):
            yield from (Edit(tag, "US", None) for tag in EXTREMES)
            done.changes.append("Smallest and Largest Image Pixel Value left out")
        yield from done.derived(self._derivation())

    @property
    def _loses(self) -> bool:
        """Whether something is lost now."""
        return not (self._codec.lossless or self._kept)

    def _untold_loss(self) -> str:
        """Return the module of the codec by which frames have lost something for certain, if one has."""
        source = self._data.codec
        if source is None or not source.encapsulated:
            return ""
        if source.name == _RECOMPRESSED:
            return "jpeg"
        stream = adapter(source).header(self._data.frame(self._done.chosen[0]))
        return source.module if stream is not None and stream.lossless is False else ""

    def _derivation(self) -> Derivation:
        chosen, count = self._done.chosen, len(self._data)
        fewer = [index + 1 for index in chosen] if len(chosen) < count else []
        texts = [f"{len(fewer)} of {count} frames"] if fewer else []
        if self._loses:
            texts.append(f"lossy compression by {self._codec.keyword}, {self._done.ratio:.3g} to 1")
        return Derivation(
            self._done.renamed(changed=bool(texts)),
            PROCESSED if fewer or self._data.encapsulated else UNCOMPRESSED,
            fewer,
            ", ".join(texts),
            LOSSY_COMPRESSION if self._loses else None,
        )


def describing_edits(before: Pixels, after: Pixels, order: str) -> tuple[list[Edit], list[str]]:
    """Return the changes of elements that describe pixels, and what to say of each."""
    edits, told = [], []
    if after.photometric != before.photometric:
        edits.append(Edit(_PHOTOMETRIC, "CS", after.photometric.encode()))
        told.append(f"Photometric Interpretation {before.photometric} to {after.photometric}")
    for tag, (field, name) in _NUMBERS.items():
        was, becomes = getattr(before, field), getattr(after, field)
        if was != becomes:
            edits.append(Edit(tag, "US", pack(f"{order}H", becomes)))
            told.append(f"{name} {was} to {becomes}")
    return edits, told


def tables(whole: Encapsulated, order: str) -> list[Edit]:
    """Return the extended offset table, or what takes that out which belonged to other frames."""
    offsets, lengths = whole.extended(order)
    return [
        Edit(EXTENDED_OFFSET_TABLE, "OV", offsets or None),
        Edit(_EXTENDED_LENGTHS, "OV", lengths or None),
    ]


def _refuse_encapsulated_within(file: Part10File, icon: int) -> None:
    """Raise InputError where the pixel data of an item is in the same transfer syntax, but for an ``icon``.

    Nothing would know it in another one, in which only native pixel data may stand in items.
    """
    within = 0
    for tag, vr, at, _, length, depth in file.walk(stop=PIXEL_DATA):
        if not depth and vr:
            within = tag
        if depth and tag == PIXEL_DATA and length == UNDEFINED and within != icon:
            raise MalformedError(
                "the pixel data of an item is encapsulated, which is not transcoded",
                offset=at,
                path=format_tag(tag),
            )


def _copied(done: Transcoded, splice: Splice, file: Part10File, begin: int, end: int) -> Iterator[bytes]:
    """Yield a part of the data set, in the encoding of the target."""
    if file.encoding is not done.encoding:
        yield from recoded(Walker(splice, begin, end, file.encoding), done.encoding)
        return
    for at in range(begin, end, _BLOCK):
        yield splice.read(at, min(_BLOCK, end - at))
