"""Transfer syntaxes by name, UID and keyword."""

from __future__ import annotations

import pytest

from dcmtools.codecs.decoding import adapter
from dcmtools.codecs.registry import ALIASES, CODECS, Codec, codec_named, codec_of
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


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("JPEGBaseline", "jpeg"),
        ("jpeg-baseline", "jpeg"),
        ("jls", "jpeg-ls"),
        ("JPEG2000", "jpeg-2000"),  # the keyword of PS3.6
        ("j2k-lossless", "jpeg-2000-lossless"),
        ("JPEG2000LosslessOnly", "jpeg-2000-lossless"),
        ("JPEGLossless:Non-hierarchical-1stOrderPrediction", "jpeg-lossless"),
    ],
)
def test_names_that_others_have(text: str, name: str) -> None:
    assert codec_named(text).name == name


def test_every_alias_is_of_a_codec_and_no_name_itself() -> None:
    names = {codec.name for codec in CODECS}
    assert set(ALIASES.values()) <= names
    assert not names & set(ALIASES)


@pytest.mark.parametrize(
    ("text", "both"),
    [("j2k", "jpeg-2000-lossless, or jpeg-2000"), ("jpeg2000", "jpeg-2000"), ("jxl", "jpeg-xl-lossless")],
)
def test_what_may_be_meant_without_loss_is_not_taken_for_lossy(text: str, both: str) -> None:
    with pytest.raises(ValueError, match=f"may be .*{both}"):
        codec_named(text)


def test_unknown_names_are_told_what_comes_near() -> None:
    with pytest.raises(ValueError, match="is it jpeg-2000"):
        codec_named("jpeg-200")
    assert codec_of("1.2.3") is None
