"""Samples deflated frame by frame; PS3.5 8.2.16."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from dcmtools.codecs import native
from dcmtools.codecs.uncompressed import header, photometric
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.streams import Samples, Stream

__all__ = ["decode", "header", "photometric"]


def decode(codestream: bytes, stream: Stream | None, pixels: Pixels) -> Samples:  # noqa: ARG001  as all decoders
    """Return the samples; raises InputError where the stream is broken, cut short or of too few bytes."""
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflating.decompress(codestream, pixels.frame_bytes)  # never more, whatever the stream holds
    except zlib.error as error:
        message = f"the deflated frame is broken ({error})"
        raise InputError(message) from error
    return native.decode(data, pixels)
