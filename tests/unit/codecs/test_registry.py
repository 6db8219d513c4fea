"""Transfer syntaxes by name, UID and keyword."""

from __future__ import annotations

import pytest

from dcmtools.codecs.decoding import adapter
from dcmtools.codecs.registry import CODECS, Codec, codec_named, codec_of
from dcmtools.encoding.syntax import NATIVE, is_deflated
from dcmtools.encoding.uids import uid_name
from dcmtools.errors import InputError


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_every_name_finds_its_codec(codec: Codec) -> None:
    assert codec_of(codec.uid) is codec
    for text in (codec.name, codec.name.upper(), codec.uid, codec.keyword):
        assert codec_named(text) is codec
    assert uid_name(codec.uid) != codec.uid
    assert codec.encapsulated != (codec.uid in NATIVE or is_deflated(codec.uid))


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_every_module_is_there(codec: Codec) -> None:
    if codec.module:
        assert hasattr(adapter(codec), "decode")
        assert hasattr(adapter(codec), "encode") or not (codec.bits and codec.encapsulated)
    else:
        with pytest.raises(InputError, match="video"):
            adapter(codec)


def test_names_and_uids_are_unique() -> None:
    assert len({codec.name for codec in CODECS}) == len({codec.uid for codec in CODECS}) == len(CODECS)


def test_unknown_names_are_told_what_comes_near() -> None:
    with pytest.raises(ValueError, match="is it jpeg-2000"):
        codec_named("jpeg-200")
    assert codec_of("1.2.3") is None
