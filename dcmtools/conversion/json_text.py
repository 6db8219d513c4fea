"""A data set in the JSON model as text, values in Base64 written as they are read."""

from __future__ import annotations

import json
import os
import re
from binascii import b2a_base64
from typing import TYPE_CHECKING, Any, Final

from dcmtools.encoding.tags import format_tag
from dcmtools.encoding.values import BULK_VRS
from dcmtools.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcmtools.encoding.bulk import Bulk
    from dcmtools.encoding.jsonmodel import JsonDataSet

_SURROGATES: Final = re.compile("[\ud800-\udfff]")


class InlineValues:
    """Places values as Base64, each by a word that cannot be in any file, until the text is written."""

    def __init__(self) -> None:
        """Begin with none."""
        self._word = os.urandom(16).hex()
        self._values: list[Bulk] = []
        self.size = 0

    def __call__(self, value: Bulk) -> dict[str, Any]:
        """Return what stands for ``value``; raise OutputError for long text and numbers (PS3.18 F.2.2)."""
        if value.vr not in BULK_VRS:
            message = f"a value of {value.length} bytes of VR {value.vr} cannot stand inline"
            raise OutputError(
                f"{format_tag(value.tag)}: {message}", hint="--bulk file writes each into a file"
            )
        self._values.append(value)
        self.size += value.length
        return {"InlineBinary": f"{self._word}{len(self._values) - 1:08d}"}

    def blocks(self, model: JsonDataSet, indent: int | None) -> Iterator[bytes]:
        """Yield ``model``, in which such words stand, as text in UTF-8."""
        parts = re.split(f"{self._word}([0-9]{{8}})", text_of(model, indent))
        for text, number in zip(parts[::2], [*parts[1::2], ""], strict=True):
            yield _utf_8(text)
            if number:
                for piece in self._values[int(number)].pieces():
                    yield b2a_base64(piece, newline=False)


def text_of(model: JsonDataSet, indent: int | None) -> str:
    """Return ``model`` as JSON, in one line unless with ``indent``."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(model, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)


def _utf_8(text: str) -> bytes:
    """Return ``text`` with U+FFFD for bytes that were none; whoever made the model has told of them."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub("\ufffd", text).encode()
