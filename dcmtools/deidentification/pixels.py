"""What becomes of the pixel data of a file: whether it may tell of the patient, what of it goes, what stays.

Native pixel data whose samples have all bits is not even read: attributes tell how long it has to be. What
follows its last frame goes, what is in bits that no sample has, and what compressed frames carry beside
their image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.codecs.frames import EXTENDED_OFFSET_TABLE, PIXEL_TAGS, pixel_data
from dcmtools.codecs.registry import codec_of
from dcmtools.deidentification.describing import ESSENTIAL, pixels_of
from dcmtools.deidentification.overlay_bits import overlay_bits, stray_bits
from dcmtools.deidentification.pixel_treatment import Blocks, PixelTreatment
from dcmtools.deidentification.profile import METHODS
from dcmtools.deidentification.suspects import suspicion, told
from dcmtools.deidentification.waveforms import doubts
from dcmtools.editing.splice import Edit
from dcmtools.encoding.element import UNDEFINED, Span
from dcmtools.encoding.syntax import IMPLICIT, encoding_of
from dcmtools.encoding.writing import header
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dcmtools.codecs.encapsulating import Encapsulated
    from dcmtools.codecs.frames import PixelData
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.registry import Codec
    from dcmtools.deidentification.masking import Frames, Mask
    from dcmtools.deidentification.pixel_rules import Box, PixelRule
    from dcmtools.deidentification.policies import PixelPolicy
    from dcmtools.deidentification.reading import Elements
    from dcmtools.deidentification.suspects import Told
    from dcmtools.encoding.element import Element
    from dcmtools.files.part10 import Part10File

_TABLES: Final = (EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE + 1)
_MANUFACTURER, _MODEL = 0x00080070, 0x00081090
_IMAGE_TYPE, _DERIVATION, _BURNED_IN, _ICON = 0x00080008, 0x00082111, 0x00280301, 0x00880200
_EXTREMES: Final = (0x00280106, 0x00280107)
_PER_FRAME: Final = 0x52009230
_NO_REGION: Final = "; no region tells which part shows none: --pixels blank, or look at it and take keep"
_WHOLE_REGION: Final = "; its regions are the whole image: --pixels blank, or look at it and take keep"
_HINT: Final = "--pixels says what becomes of such files"


def treated(file: Part10File, elements: Elements, policy: PixelPolicy) -> PixelTreatment:
    """Return what ``policy`` makes of the pixel data of ``file``, of which ``elements`` are known.

    Raises InputError for pixel data that cannot be what its attributes say, that cannot be accounted for, or
    not be masked, and for a suspect where these are to be rejected.
    """
    done = PixelTreatment()
    _listen(file, elements, policy, done)
    tags = [tag for tag in PIXEL_TAGS if tag in elements.top]
    if not tags:
        return done
    element = elements.top[tags[0]]
    if len(tags) > 1 or element[1] == "SQ":
        raise InputError("the pixel data is of several kinds, or of none")
    try:
        if elements.top.keys().isdisjoint(ESSENTIAL):
            done.element = ()
            done.edits += _without(elements, *_TABLES)
            done.warnings.append("pixel data removed, which no attribute describes")
        else:
            _Treating(file, elements, policy, done).treat(element)
    except BaseException:
        done.close()
        raise
    return done


def _listen(file: Part10File, elements: Elements, policy: PixelPolicy, done: PixelTreatment) -> None:
    """Hold waveforms to the policy for pixels, where they may tell of the patient as these do."""
    reason = doubts(file, elements)
    if not reason:
        return
    if policy.name in ("blank", "reject"):
        raise InputError(reason, hint=_HINT)
    if policy.name == "keep":
        done.warnings.append(reason)
    else:
        done.suspect = reason


class _Treating:
    """The pixel data of a file on its way into what is ``done`` with it."""

    def __init__(
        self, file: Part10File, elements: Elements, policy: PixelPolicy, done: PixelTreatment
    ) -> None:
        self._file = file
        self._elements = elements
        self._policy = policy
        self._done = done
        self._codec: Codec | None = codec_of(file.transfer_syntax)

    def treat(self, element: Element) -> None:
        """Do what is to be done with ``element``."""
        self._element = element
        self._encapsulated = element[4] == UNDEFINED
        name, done = self._policy.name, self._done
        image = told(self._file, self._elements)
        rule = self._rule(image) if self._policy.rules else None
        reason = "" if rule and rule.harmless else suspicion(image)
        if name == "reject" and reason:
            raise InputError(f"its pixels may show who the patient is: {reason}", hint=_HINT)
        if not self._is_known():
            self._pass_over(reason)
            return
        if self._encapsulated != (self._codec is not None and self._codec.encapsulated):
            kind = "encapsulated" if self._encapsulated else "native"
            raise InputError(f"the pixel data is {kind}, against its transfer syntax")
        mask = self._mask(rule)
        if mask:
            self._apply(mask, cleaned=mask.whole or bool(rule and not rule.starter))
            if image.recognizable == "YES" and not mask.whole:
                done.suspect = reason
            return
        if reason and name == "regions":
            reason += _WHOLE_REGION if self._regions(self._pixels()) else _NO_REGION
        if reason and name in ("check", "regions"):
            done.suspect = reason
        if self._encapsulated:
            self._strip()
        else:
            self._trim()

    def _is_known(self) -> bool:
        """Tell whether anybody here knows what the pixel data is made of."""
        if self._codec is None:
            return not self._encapsulated and encoding_of(self._file.transfer_syntax) is IMPLICIT
        return bool(self._codec.module)

    def _pass_over(self, reason: str) -> None:
        """Let frames stay that nobody can look into, unless they are to be looked into."""
        what = "its frames are video" if self._codec else "its transfer syntax is not known"
        what += ", which is not looked into"
        if self._policy.name in ("blank", "reject"):
            raise InputError(what, hint=_HINT)
        if self._policy.name == "keep":
            self._done.warnings.append(what)
        else:
            self._done.suspect = reason or what

    # ---------------------------------------------------------------- what is blanked

    def _rule(self, image: Told) -> PixelRule | None:
        """Return the first rule that is about the device that made the image."""
        from dcmtools.deidentification.pixel_rules import Device

        text, pixels = self._elements.text, self._pixels()
        device = Device(text(_MANUFACTURER), text(_MODEL), image.modality, pixels.rows, pixels.columns)
        return next((rule for rule in self._policy.rules if rule.fits(device)), None)

    def _mask(self, rule: PixelRule | None) -> Mask | None:
        """Return what is to be blanked, None where it is nothing."""
        name = self._policy.name
        if name not in ("blank", "regions"):
            return None
        from dcmtools.deidentification.masking import Mask

        if name == "blank":
            return Mask(whole=True)
        if rule and rule.harmless:
            return None
        pixels = self._pixels()
        kept = [self._regions(pixels), rule.keep if rule else ()]
        mask = Mask(kept=tuple(filter(None, kept)), blanked=rule.blank if rule else ())
        says = bool(mask.kept or mask.blanked) and mask.array(pixels.rows, pixels.columns).any()
        return mask if says else None

    def _regions(self, pixels: Pixels) -> tuple[Box, ...]:
        """Return the ultrasound regions within the image; those of graphics are none (PS3.3 C.8.5.5)."""
        from dcmtools.deidentification.regions import REGIONS, regions

        if REGIONS not in self._elements.top:
            return ()
        return regions(self._elements, pixels.rows, pixels.columns)

    def _apply(self, mask: Mask, *, cleaned: bool) -> None:
        """Blank what ``mask`` says, and have the data set tell of it.

        It is ``cleaned`` where nothing is left, or a user says that no text is. Nobody has looked into the
        regions that an image has, or at the images of devices of the starter set: of these nothing is
        claimed, as PS3.15 E.3.1 wants it to be true.
        """
        from dcmtools.deidentification.masking import Frames

        done, data = self._done, pixel_data(self._file)
        if self._encapsulated:
            self._encode(Frames(data, self._elements, mask))
        else:
            self._require(data.pixels)
            frames = Frames(data, self._elements, mask, self._left_bits(data.pixels))
            self._put_native(data.pixels, frames.native)
            done.edits += _without(self._elements, *_TABLES)
            if frames.splits_pairs:
                done.changes.append("columns beside these, too, which share their chrominance with them")
        what = "all pixels blanked" if mask.whole else "parts that may show text blanked"
        done.edits += self._telling(what)
        if cleaned:
            done.edits.append(Edit(_BURNED_IN, "CS", b"NO"))
            done.done = frozenset((METHODS["pixels"].value,))
        done.changes.insert(0, what if cleaned else f"{what}, the others not looked at")

    def _encode(self, frames: Frames) -> None:
        """Put frames that have to be decoded into what holds them without loss."""
        from dcmtools.deidentification.masking import table_settings
        from dcmtools.editing.derivation import Top

        done, encoding = self._done, self._elements.encoding
        masked = frames.encoded(table_settings(frames.data, self._elements))
        if masked.codec is not self._codec:
            before = self._codec.keyword if self._codec else ""
            done.transfer_syntax = masked.codec.uid
            done.changes.append(f"{before} to {masked.codec.keyword}")
        if masked.whole is None:
            self._put_native(masked.pixels, masked.native)
            done.edits += _without(self._elements, *_TABLES)
        else:
            done.hold().callback(masked.whole.close)
            head = header(self._element[0], "OB", encoding)[0] + UNDEFINED.to_bytes(4)
            self._put_codestreams(head, masked.whole)
        done.edits += masked.edits(Top(self._file))

    def _put_codestreams(self, head: bytes, whole: Encapsulated) -> None:
        from dcmtools.editing.reencoding import tables

        order = self._elements.encoding.order
        self._done.element = (head, Blocks(whole.extent, whole.blocks))
        self._done.edits += (
            tables(whole, order) if any(whole.extended()) else _without(self._elements, *_TABLES)
        )

    def _put_native(self, pixels: Pixels, blocks: Callable[[], Iterator[bytes]]) -> None:
        vr = self._element[1]
        if self._encapsulated:
            vr = "OB" if pixels.bits_allocated <= 8 else "OW"
        size = -(-pixels.frames * pixels.frame_bits // 8)
        size += size % 2
        self._done.element = (self._header(vr, size), Blocks(size, blocks))

    def _header(self, vr: str, size: int) -> bytes:
        encoding = self._elements.encoding
        if size >= UNDEFINED:
            raise InputError(f"the pixel data would have {size} bytes, more than a length can tell")
        try:
            head, width = header(self._element[0], vr, encoding)
            return head + size.to_bytes(width, "big" if encoding.big else "little")
        except (ValueError, OverflowError) as error:
            raise InputError(f"the pixel data cannot be written: {error}") from None

    def _telling(self, what: str) -> Iterator[Edit]:
        """Yield the changes by which a data set tells that something is blank now."""
        yield from _without(self._elements, *_EXTREMES, _ICON)
        if _PER_FRAME in self._elements.top:
            return
        values = self._elements.value(_IMAGE_TYPE).rstrip(b" \0").split(b"\\")
        if values[0].strip() == b"ORIGINAL":
            yield Edit(_IMAGE_TYPE, "CS", b"\\".join([b"DERIVED", *values[1:]]))
        yield Edit(_DERIVATION, "ST", what.encode("ascii"))

    # ---------------------------------------------------------------- what is no part of an image

    def _pixels(self) -> Pixels:
        return pixels_of(self._elements, self._element[0])

    def _require(self, pixels: Pixels) -> int:
        """Return the bytes that all frames take; raise InputError where there are fewer."""
        size = -(-pixels.frames * pixels.frame_bits // 8)
        length = self._element[4]
        if length < size:
            raise InputError(f"{length} bytes of pixel data are fewer than the {size} of its frames")
        return size

    def _overlays(self, pixels: Pixels) -> int | None:
        """Return which bits that no sample has are to stay, None where there is no overlay in any."""
        return overlay_bits(self._elements, pixels, regions_stay=self._policy.graphics)

    def _left_bits(self, pixels: Pixels) -> int | None:
        """Return which bits of native pixels that no sample has are to stay, None where none has to go."""
        bits = self._overlays(pixels)
        if bits is None and stray_bits(self._file, self._elements, self._element[3]):
            return 0
        return bits

    def _trim(self) -> None:
        """Leave out what follows the last frame, and overlays in bits that no sample has."""
        pixels, done = self._pixels(), self._done
        if pixels.subsampled:
            pixels = pixel_data(self._file).pixels  # which knows of writers that leave chrominance whole
        done.edits += _without(self._elements, *_TABLES)
        size, (_, vr, _, value, length, _) = self._require(pixels), self._element
        padded, partial = size + size % 2, pixels.frames * pixels.frame_bits % 8
        if length > padded:
            done.warnings.append(f"{length - padded} bytes behind the last frame left out")
        kept_bits = self._left_bits(pixels)
        if kept_bits is not None:
            done.warnings.append("what was in bits that no sample has, such as overlays, left out")
        odd = size % 2 or partial
        if kept_bits is None and length == padded and not odd:
            return
        data = pixel_data(self._file) if kept_bits is not None or odd else None
        if data and (kept_bits is not None or data.big):
            from dcmtools.deidentification.masking import Frames

            self._put_native(pixels, Frames(data, self._elements, None, kept_bits).native)
            return
        last = self._elements.source.read(value + size - 1, 1)[0] & (1 << (partial or 8)) - 1
        span = Span(value, size - 1)
        done.element = (self._header(vr, padded), span, bytes((last,)) + b"\0" * (size % 2))

    def _strip(self) -> None:
        """Leave out what frames carry beside their image."""
        from dcmtools.deidentification.codestreams import is_bare, stripped_frames
        from dcmtools.deidentification.masking import Frames, table_settings

        data = pixel_data(self._file)
        if self._overlays(data.pixels) is not None and _has_room(data):
            what = "an overlay may be within its compressed pixels"
            if self._policy.name == "regions":
                self._encode(Frames(data, self._elements, None))
                return
            if self._policy.name != "check":
                raise InputError(what, hint=_HINT)
            self._done.suspect = self._done.suspect or what
        if not is_bare(data, self._elements):
            whole = stripped_frames(data, table_settings(data, self._elements))
            self._done.hold().callback(whole.close)
            begin, after = self._element[2:4]
            self._put_codestreams(self._elements.bytes(begin, after - begin), whole)


def _has_room(data: PixelData) -> bool:
    """Tell whether a codestream has more bits than samples."""
    from dcmtools.codecs.decoding import adapter

    stream = adapter(data.codec).header(data.frame(0)) if data.codec else None
    return stream is None or stream.bits > data.pixels.bits_stored


def _without(elements: Elements, *tags: int) -> list[Edit]:
    """Return what takes those of ``tags`` out that are there."""
    return [Edit(tag, "UN", None) for tag in tags if tag in elements.top]
