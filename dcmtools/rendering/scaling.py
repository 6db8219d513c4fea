"""Pictures made smaller or larger: each pixel is the mean of the area that it takes of the original."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.codecs.streams import Samples
    from dcmtools.rendering.frame import Attributes, Frame

_BLOCK: Final = 1 << 20  # samples that are looked at at once
_NARROWEST: Final = 1 / 16


def fitted(frame: Frame, size: int, shades: Callable[[Samples], Samples]) -> Samples:
    """Return the picture of ``frame`` in ``size`` by ``size`` pixels of bytes, black where it has none.

    ``shades`` makes values from 0 to 255 of samples as they are stored. The form is that of the picture, with
    pixels that are as far apart as the file says.
    """
    import numpy as np

    rows, columns = frame.samples.shape[:2]
    height, width = fit(rows * _form(frame.attributes), columns, size)
    step = max(1, _BLOCK // columns)
    narrow = [
        along(_finite(shades(frame.samples[at : at + step])), width, axis=1) for at in range(0, rows, step)
    ]
    small = along(np.concatenate(narrow), height, axis=0)
    picture = np.zeros((size, size, *small.shape[2:]), "u1")
    top, left = (size - height) // 2, (size - width) // 2
    picture[top : top + height, left : left + width] = np.rint(small).clip(0, 255)
    return picture


def _finite(values: Samples) -> Samples:
    """Return ``values`` with black for what is no number, as one such would spread over the whole picture."""
    import numpy as np

    return np.nan_to_num(values, nan=0, posinf=255, neginf=0)


def fit(height: float, width: float, size: int) -> tuple[int, int]:
    """Return height and width of the largest picture of this form within ``size`` by ``size`` pixels."""
    longest = max(height, width)
    return max(1, round(size * height / longest)), max(1, round(size * width / longest))


def along(values: Samples, count: int, *, axis: int) -> Samples:
    """Return ``values`` in ``count`` steps along an axis, each the mean of what it takes of the original."""
    import numpy as np

    length = values.shape[axis]
    if count == length:
        return values.astype("f8")
    sums = np.concatenate([
        np.zeros_like(values.take([0], axis), "f8"),
        np.cumsum(values, axis, "f8"),
    ], axis)  # fmt: skip
    edges = np.arange(count + 1) * (length / count)
    whole = np.minimum(edges.astype(int), length - 1)
    shape = [1] * values.ndim
    shape[axis] = count + 1
    rest = (edges - whole).reshape(shape)
    at_edges = sums.take(whole, axis) + rest * values.take(whole, axis)
    means: Samples = np.diff(at_edges, axis=axis) * (count / length)
    return means


def _form(attributes: Attributes) -> float:
    """Return how high a pixel is, its width being 1, within reason."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio"):
        found = attributes.numbers(keyword)
        if len(found) == 2 and min(found) > 0:
            return min(max(found[0] / found[1], _NARROWEST), 1 / _NARROWEST)
    return 1.0
