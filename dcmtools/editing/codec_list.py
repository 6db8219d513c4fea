"""The transfer syntaxes, and what is done with pixel data in each: what ``dcmtools codecs`` lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.codecs.registry import CODECS
from dcmtools.results import Result

if TYPE_CHECKING:
    from dcmtools.codecs.registry import Codec


def codec_list() -> list[Result]:
    """Return a result for each; what is about writing is empty where nothing is written."""
    return [Result(codec.name, _record(codec)) for codec in CODECS]


def _record(codec: Codec) -> dict[str, object]:
    written = codec.bits > 0
    return {
        "name": codec.name,
        "transfer_syntax_uid": codec.uid,
        "keyword": codec.keyword,
        "encapsulated": codec.encapsulated,
        "lossless": codec.lossless,
        "read": bool(codec.module),
        "write": written,
        "bits": codec.bits if written else None,
        "signed": codec.signed if written else None,
        "colour": 3 in codec.samples if written else None,
    }
