"""Samples as they are, but in fragments; PS3.5 A.4.11."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.codecs import native

if TYPE_CHECKING:
    from dcmtools.codecs.pixels import Pixels
    from dcmtools.codecs.streams import Samples, Stream


def header(codestream: bytes) -> Stream | None:  # noqa: ARG001  as all codecs
    """Return None: there is no header."""
    return None


def decode(codestream: bytes, stream: Stream | None, pixels: Pixels) -> Samples:  # noqa: ARG001  as all decoders
    """Return the samples; raises InputError where there are too few bytes."""
    return native.decode(codestream, pixels)


def photometric(stream: Stream | None, pixels: Pixels) -> str:  # noqa: ARG001  as all codecs
    """Return what decoded samples are."""
    return pixels.photometric
