"""What a codestream says of itself, before anybody decodes it, and how that fits what the file says."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from dcmtools.codecs.pixels import Pixels

Samples: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
"""The samples of a frame: (rows, columns), or (rows, columns, samples per pixel)."""


class Stream(NamedTuple):
    """A codestream as its own header has it.

    A sample has ``bits`` bits; ``signed`` and ``lossless`` are None where the header does not tell.
    ``photometric`` is what decoded samples are as far as the codestream knows: RGB where it has a colour
    transformation that decoding undoes, YBR_FULL where it leaves one to be undone, else nothing.
    """

    rows: int
    columns: int
    samples: int
    bits: int
    signed: bool | None = None
    lossless: bool | None = None
    photometric: str = ""


def check(stream: Stream, pixels: Pixels) -> None:
    """Raise InputError where a codestream is not of the frame that ``pixels`` describes."""
    if (stream.rows, stream.columns) != (pixels.rows, pixels.columns):
        message = (
            f"the codestream has {stream.rows} rows and {stream.columns} columns,"
            f" the file says {pixels.rows} and {pixels.columns}"
        )
        raise InputError(message)
    if stream.samples != pixels.samples:
        message = f"the codestream has {stream.samples} samples per pixel, the file says {pixels.samples}"
        raise InputError(message)
    if stream.bits > pixels.bits_allocated:
        message = (
            f"the codestream has samples of {stream.bits} bits, the file allocates {pixels.bits_allocated}"
        )
        raise InputError(message)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn what native codecs raise into InputError: ``what`` could not be done, and why."""
    try:
        yield
    except MemoryError as error:
        message = f"{what}: there is not enough memory"
        raise InputError(message) from error
    except (struct.error, IndexError) as error:  # of our own parsing
        message = f"{what}: its header is cut short"
        raise InputError(message) from error
    except (RuntimeError, ValueError, TypeError, ArithmeticError, OSError) as error:
        message = f"{what}: {' '.join(str(error).split()) or type(error).__name__}"
        raise InputError(message) from error
