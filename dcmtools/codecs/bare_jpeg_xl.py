"""The parts of a JPEG XL codestream, and which of them are the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.codecs import bare_jpeg
from dcmtools.codecs.boxes import box, boxes
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    Part = tuple[bytes, bool]  # and whether it is kept

_JXL: Final = b"\0\0\0\x0cJXL "
_KEPT: Final = frozenset({b"JXL ", b"ftyp", b"jxll", b"jxli", b"jxlc", b"jxlp", b"jbrd"})
_LENGTHS: Final = {b"JXL ": 4, b"ftyp": 12, b"jxll": 1}


def parts(codestream: bytes) -> Iterator[Part]:
    """Yield the pieces of a codestream, and whether each is kept; of a JPEG within it, the pieces of that."""
    try:
        yield from list(_pieces(codestream))
    except _Reconstructible:
        from imagecodecs import jpegxl_decode_jpeg

        for kind, _, content, end in boxes(codestream):
            if kind not in _KEPT:
                yield codestream[content:end], False
        yield from bare_jpeg.parts(bytes(jpegxl_decode_jpeg(codestream, numthreads=1)))


def stripped(codestream: bytes) -> bytes:
    """Return what is kept; a JPEG within it is taken out and put in again."""
    try:
        return b"".join([data for data, kept in _pieces(codestream) if kept])
    except _Reconstructible:
        return _recompressed(codestream)


def _recompressed(codestream: bytes) -> bytes:
    from imagecodecs import jpegxl_decode_jpeg, jpegxl_encode_jpeg

    jpeg = bytes(jpegxl_decode_jpeg(codestream, numthreads=1))
    bare = b"".join([data for data, kept in bare_jpeg.parts(jpeg) if kept])
    return bytes(jpegxl_encode_jpeg(bare, numthreads=1))


class _Reconstructible(InputError):
    """There is a JPEG within JPEG XL, and all that it carried, compressed."""

    def __init__(self) -> None:
        super().__init__("a JPEG is within it")


def _pieces(codestream: bytes) -> Iterator[Part]:
    if codestream.startswith(b"\xff\x0a"):
        yield codestream, True
        return
    if not codestream.startswith(_JXL):
        raise InputError("it begins with neither FF0A nor a box")
    at, inside = 0, False
    for kind, begin, content, end in boxes(codestream):
        data = codestream[content:end]
        inside |= kind in (b"jxlc", b"jxlp")
        if kind == b"jbrd":
            raise _Reconstructible
        if kind not in _KEPT:
            yield data, False
        elif kind in _LENGTHS and len(data) != _LENGTHS[kind]:
            raise InputError(f"the box at byte {begin} makes no sense")
        else:
            yield box(kind, data), True
        at = end
    if not inside:
        raise InputError("there is no codestream in its boxes")
    yield codestream[at:], False
