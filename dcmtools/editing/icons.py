"""Icons (PS3.3 C.7.6.1.1.6) whose pixel data is encapsulated, made native, as which any syntax takes them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from dcmtools.codecs import native
from dcmtools.codecs.decoding import decode
from dcmtools.codecs.frames import pixel_data_in
from dcmtools.codecs.photometric import converted, target
from dcmtools.codecs.registry import codec_named
from dcmtools.editing.splice import Edit
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.memory import MemorySource
from dcmtools.encoding.tags import ITEM, PIXEL_DATA
from dcmtools.encoding.walker import Walker
from dcmtools.encoding.writing import element, item
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.editing.derivation import Top

ICON_IMAGE_SEQUENCE: Final = 0x00880200
_WITHIN: Final = 2  # the depth of what is in an item
_HEADER: Final = 8  # of an item


def native_icon(top: Top, transfer_syntax: str) -> Edit | None:
    """Return the change that makes the icon at the top of a data set native, None where it is, or is none.

    Raises InputError where it cannot be decoded, or is not what the Standard has an icon be: one item, whose
    samples are described as they are decoded.
    """
    items = top.items(ICON_IMAGE_SEQUENCE)
    whole = element(ICON_IMAGE_SEQUENCE, "SQ", items, top.encoding)

    def walker() -> Walker:
        return Walker(MemorySource(whole), 0, len(whole), top.encoding)

    if not any((tag, length) == (PIXEL_DATA, UNDEFINED) for tag, _, _, _, length, _ in walker()):
        return None
    bodies = list(islice((each for each in walker() if each[0] == ITEM and each[5] == _WITHIN - 1), 2))
    try:
        data = pixel_data_in(walker(), transfer_syntax, _WITHIN)
        decoded = decode(data, 0)
    except InputError as error:
        raise InputError(f"the icon: {error.message}") from error
    goal = target(codec_named("explicit"), data.pixels, decoded.photometric)
    if len(bodies) != 1 or len(data) != 1 or goal.pixels != data.pixels:
        raise InputError("the icon is encapsulated, and cannot be decoded without other changes to it")
    samples = converted(decoded.samples, decoded.photometric, goal.samples)
    vr = "OB" if data.pixels.bits_allocated <= 8 else "OW"
    plain = element(PIXEL_DATA, vr, native.encode(samples, goal.pixels), top.encoding)
    _, _, _, begin, length, _ = bodies[0]
    end = len(whole) - _HEADER if length == UNDEFINED else begin + length
    body = whole[begin : data.element[2]] + plain + whole[data.after : end]
    return Edit(ICON_IMAGE_SEQUENCE, "SQ", item(body, top.encoding))
