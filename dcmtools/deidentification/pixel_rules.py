"""What is known of the screens of devices: where they show text, or that they show none; TOML files tell.

``[rules."GE LOGIQ E9"]`` has what an image has to be: ``manufacturer``, ``model``, ``modality`` (``*`` and
``?`` stand for what may be there, one or several), ``rows``, ``columns``; and one of ``blank`` or ``keep``,
boxes ``[left, top, width, height]``, or ``harmless = true``. The first rule that fits counts.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools import tomlfile
from dcmtools.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dcmtools.tomlfile import TomlFile

Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""
STARTER: Final = os.path.join(os.path.dirname(os.path.dirname(__file__)), "data", "pixel_rules.toml")
_PATTERNS: Final = ("manufacturer", "model", "modality")
_SIZES: Final = ("rows", "columns")
_VERDICTS: Final = ("blank", "keep", "harmless")
_KNOWN: Final = (*_PATTERNS, *_SIZES, *_VERDICTS)
_MOST: Final = 65535


class Device(NamedTuple):
    """What a rule is about: who made an image, and of which size it is."""

    manufacturer: str
    model: str
    modality: str
    rows: int
    columns: int


class PixelRule(NamedTuple):
    """What becomes of the images of a device.

    Patterns are in lower case, one of each kind has to fit; 0 rows or columns are any number. Boxes of
    ``blank`` are blanked, or all that is outside those of ``keep``; without any the image is harmless.
    Those of the ``starter`` set are likely, and no user has said that they are true.
    """

    name: str
    manufacturer: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    modality: tuple[str, ...] = ()
    rows: int = 0
    columns: int = 0
    blank: tuple[Box, ...] = ()
    keep: tuple[Box, ...] = ()
    starter: bool = False

    @property
    def harmless(self) -> bool:
        """Whether such images show nothing that tells of the patient."""
        return not (self.blank or self.keep)

    def fits(self, device: Device) -> bool:
        """Tell whether the rule is about ``device``."""
        return (
            self.rows in (0, device.rows)
            and self.columns in (0, device.columns)
            and _fits(self.manufacturer, device.manufacturer)
            and _fits(self.model, device.model)
            and _fits(self.modality, device.modality)
        )


def _fits(patterns: tuple[str, ...], text: str) -> bool:
    return not patterns or any(fnmatchcase(text.lower(), pattern) for pattern in patterns)


def read(path: str) -> tuple[PixelRule, ...]:
    """Return the rules in the file at ``path``; raise UsageError that names it, the line and the key."""
    try:
        file = tomlfile.parse(path, tomlfile.read(path))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    for key in file.tables:
        if key != "rules":
            raise file.wrong((key,), "unknown; there is [rules.NAME] alone")
    return tuple(_rules(file))


def _rules(file: TomlFile) -> Iterator[PixelRule]:
    for name in file.table("rules"):
        keys, said = ("rules", name), file.table("rules", name)
        for key in said:
            if key not in _KNOWN:
                raise file.wrong((*keys, key), f"unknown; known are {', '.join(_KNOWN)}")
        if not any(key in said for key in (*_PATTERNS, *_SIZES)):
            raise file.wrong(keys, f"fits every image; say {', '.join(_PATTERNS)}, rows or columns")
        verdicts = [key for key in _VERDICTS if key in said]
        if len(verdicts) != 1:
            raise file.wrong(keys, f"must have one of {', '.join(_VERDICTS)}")
        rows, columns = (_size(file, (*keys, key), said.get(key, 0)) for key in _SIZES)
        if verdicts == ["harmless"]:
            if said["harmless"] is not True:
                raise file.wrong((*keys, "harmless"), "must be true, or not there")
        elif not (rows and columns):
            raise file.wrong(keys, "boxes are of images of one size: say rows and columns")
        manufacturer, model, modality = (_patterns(file, (*keys, key), said) for key in _PATTERNS)
        blank, keep = (_boxes(file, (*keys, key), said) for key in ("blank", "keep"))
        yield PixelRule(name, manufacturer, model, modality, rows, columns, blank, keep)


def _size(file: TomlFile, keys: tuple[str, ...], value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
        raise file.wrong(keys, f"must be a number up to {_MOST}")
    return value


def _patterns(file: TomlFile, keys: tuple[str, ...], said: Mapping[str, object]) -> tuple[str, ...]:
    value = said.get(keys[-1], [])
    several = value if isinstance(value, list) else [value]
    texts = tuple(each.lower() for each in several if isinstance(each, str) and each)
    if len(texts) < len(several) or (keys[-1] in said and not texts):
        raise file.wrong(keys, "must be a text or several")
    return texts


def _boxes(file: TomlFile, keys: tuple[str, ...], said: Mapping[str, object]) -> tuple[Box, ...]:
    value = said.get(keys[-1], [])
    boxes = [_box(each) for each in value] if isinstance(value, list) else [None]
    found = tuple(box for box in boxes if box)
    if len(found) < len(boxes) or (keys[-1] in said and not found):
        raise file.wrong(keys, "must be boxes: [[left, top, width, height], ...]")
    return found


def _box(value: object) -> Box | None:
    if not isinstance(value, list) or len(value) != 4:
        return None
    if not all(isinstance(each, int) and not isinstance(each, bool) and 0 <= each <= _MOST for each in value):
        return None
    left, top, width, height = value
    return (left, top, width, height) if width and height else None
