"""Samples as a frame of whatever transfer syntax, within what that can hold (PS3.5 8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.codecs.decoding import adapter
from dcmtools.codecs.registry import CODECS
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.registry import Codec
    from dcmtools.codecs.settings import Settings
    from dcmtools.codecs.streams import Samples

PALETTE: Final = "PALETTE COLOR"


def encode(samples: Samples, pixels: Pixels, codec: Codec, settings: Settings) -> bytes:
    """Return the codestream of ``samples``, which ``pixels`` describes: its photometric is theirs.

    They have the type that ``decoding.Decoded`` tells of. Raises InputError for what the codec cannot hold.
    """
    require_room(codec, pixels)
    return adapter(codec).encode(samples, pixels, codec, settings)


def require_room(codec: Codec, pixels: Pixels) -> None:
    """Raise InputError where ``codec`` cannot hold the samples that ``pixels`` describes."""
    if why := _refused(codec, pixels):
        others = [
            other.name for other in CODECS if other.lossless == codec.lossless and not _refused(other, pixels)
        ]
        hint = f"these can: {', '.join(others)}" if others else "what is not encapsulated can"
        raise InputError(f"{codec.name} cannot hold these samples: {why}", hint=hint)


def _refused(codec: Codec, pixels: Pixels) -> str:
    """Return why ``codec`` cannot hold the samples that ``pixels`` describes, nothing where it can."""
    why = ""
    if not codec.bits or not codec.encapsulated:
        why = "no frame is encoded in it here"
    elif pixels.bits_allocated == 1:
        why = "it has no single bits"
    elif pixels.bits_stored > codec.bits:
        why = f"it has at most {codec.bits} bits of a sample here, not {pixels.bits_stored}"
    elif pixels.signed and not codec.signed:
        why = "it has no signed samples"
    elif pixels.samples not in codec.samples:
        why = f"it has no {pixels.samples} samples per pixel"
    elif pixels.photometric == PALETTE and (codec.module == "jpeg_xl" or not codec.lossless):
        why = f"it has no {PALETTE}, whose samples are numbers of colours"
    return why
