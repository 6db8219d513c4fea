"""The transfer syntaxes and what is done with pixel data in each: by whom it is read and written here."""

from __future__ import annotations

from typing import Final, NamedTuple

from dcmtools.encoding.syntax import (
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    is_lossy,
)
from dcmtools.encoding.uids import transfer_syntax_named, uid_name

_JPEG: Final = "1.2.840.10008.1.2.4."


class Codec(NamedTuple):
    """A transfer syntax: its short ``name``, and the module of ``codecs`` that has its frames, if any does.

    Samples of up to ``bits`` bits can be written, of either sign where ``signed``, and as many of a pixel as
    ``samples`` has; ``bits`` is 0 for what is read only. One without a module is passed on as it is.
    """

    uid: str
    name: str
    module: str = ""
    bits: int = 0
    signed: bool = True
    samples: tuple[int, ...] = (1, 3)

    @property
    def encapsulated(self) -> bool:
        """Whether frames are codestreams in fragments (PS3.5 A.4)."""
        return self.module != "native"

    @property
    def lossless(self) -> bool:
        """Whether what is written in this syntax has every sample as it was."""
        return not is_lossy(self.uid)

    @property
    def keyword(self) -> str:
        """The keyword of PS3.6."""
        return uid_name(self.uid)


CODECS: Final = (
    Codec(IMPLICIT_VR_LITTLE_ENDIAN, "implicit", "native", 64),
    Codec(EXPLICIT_VR_LITTLE_ENDIAN, "explicit", "native", 64),
    Codec(EXPLICIT_VR_BIG_ENDIAN, "explicit-big-endian", "native", 64),
    Codec(DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, "deflated", "native", 64),
    Codec("1.2.840.10008.1.2.5", "rle", "rle", 32),
    Codec(f"{_JPEG}50", "jpeg", "jpeg", 8, signed=False),
    Codec(f"{_JPEG}51", "jpeg-extended", "jpeg", 12, signed=False, samples=(1,)),
    Codec(f"{_JPEG}53", "jpeg-spectral", "jpeg"),
    Codec(f"{_JPEG}55", "jpeg-progressive", "jpeg"),
    Codec(f"{_JPEG}57", "jpeg-lossless-14", "jpeg", 16),
    Codec(f"{_JPEG}70", "jpeg-lossless", "jpeg", 16),
    Codec(f"{_JPEG}80", "jpeg-ls", "jpeg_ls", 16),
    Codec(f"{_JPEG}81", "jpeg-ls-near", "jpeg_ls", 16),
    Codec(f"{_JPEG}90", "jpeg-2000-lossless", "jpeg_2000", 24),
    Codec(f"{_JPEG}91", "jpeg-2000", "jpeg_2000", 16),
    Codec(f"{_JPEG}92", "jpeg-2000-part-2-lossless", "jpeg_2000"),
    Codec(f"{_JPEG}93", "jpeg-2000-part-2", "jpeg_2000"),
    Codec(f"{_JPEG}201", "htj2k-lossless", "htj2k", 32),
    Codec(f"{_JPEG}202", "htj2k-lossless-rpcl", "htj2k", 32),
    Codec(f"{_JPEG}203", "htj2k", "htj2k", 16),
    Codec(f"{_JPEG}110", "jpeg-xl-lossless", "jpeg_xl", 16),
    Codec(f"{_JPEG}111", "jpeg-xl-recompression", "jpeg_xl"),
    Codec(f"{_JPEG}112", "jpeg-xl", "jpeg_xl", 16, signed=False),
    Codec("1.2.840.10008.1.2.1.98", "encapsulated-uncompressed", "uncompressed"),
    Codec("1.2.840.10008.1.2.8.1", "deflated-frame", "deflated_frame"),
    *(
        Codec(f"{_JPEG}{number}", name)
        for number, name in (
            ("100", "mpeg2-ml"), ("100.1", "mpeg2-ml-fragmentable"), ("101", "mpeg2-hl"),
            ("101.1", "mpeg2-hl-fragmentable"), ("102", "mpeg4"), ("102.1", "mpeg4-fragmentable"),
            ("103", "mpeg4-bd"), ("103.1", "mpeg4-bd-fragmentable"), ("104", "mpeg4-2d"),
            ("104.1", "mpeg4-2d-fragmentable"), ("105", "mpeg4-3d"), ("105.1", "mpeg4-3d-fragmentable"),
            ("106", "mpeg4-stereo"), ("106.1", "mpeg4-stereo-fragmentable"), ("107", "hevc"),
            ("108", "hevc-10"),
        )
    ),
)  # fmt: skip
# Names that others have for them.
ALIASES: Final = {
    "baseline": "jpeg", "jpeg-baseline": "jpeg", "extended": "jpeg-extended",
    "jpeg-lossless-sv1": "jpeg-lossless", "jpeg-sv1": "jpeg-lossless", "sv1": "jpeg-lossless",
    "jpeglossless:non-hierarchical-1storderprediction": "jpeg-lossless",
    "jpeglossless:non-hierarchical:process14": "jpeg-lossless-14",
    "jpegextended:process2+4": "jpeg-extended", "jpegbaseline": "jpeg",
    "jls": "jpeg-ls", "jpegls": "jpeg-ls", "jpegls-lossless": "jpeg-ls", "jpeg-ls-lossless": "jpeg-ls",
    "jpeglslossy": "jpeg-ls-near", "jpegls-near": "jpeg-ls-near", "jpeg-ls-lossy": "jpeg-ls-near",
    "j2k-lossless": "jpeg-2000-lossless", "jpeg2000-lossless": "jpeg-2000-lossless",
    "jpeg2000losslessonly": "jpeg-2000-lossless", "j2k-lossy": "jpeg-2000", "jpeg2000-lossy": "jpeg-2000",
    "jpeg-2000-lossy": "jpeg-2000", "htj2k-lossy": "htj2k", "htj2k-rpcl": "htj2k-lossless-rpcl",
    "jxl-lossless": "jpeg-xl-lossless", "jpegxl-lossless": "jpeg-xl-lossless", "jxl-lossy": "jpeg-xl",
    "jpegxl-lossy": "jpeg-xl", "jpeg-xl-lossy": "jpeg-xl",
    "littleendianimplicit": "implicit", "littleendianexplicit": "explicit",
    "bigendianexplicit": "explicit-big-endian", "deflatedlittleendianexplicit": "deflated",
}  # fmt: skip
# What may be meant without loss, and is not to be taken for what has one.
_EITHER: Final = {
    "j2k": "jpeg-2000", "jpeg2000": "jpeg-2000", "jxl": "jpeg-xl", "jpegxl": "jpeg-xl",
}  # fmt: skip
_BY_UID: Final = {codec.uid: codec for codec in CODECS}
_BY_NAME: Final = {codec.name: codec for codec in CODECS}


def codec_of(transfer_syntax: str) -> Codec | None:
    """Return what is done with pixel data in ``transfer_syntax``, None where nothing is known of it."""
    return _BY_UID.get(transfer_syntax)


def codec_named(text: str) -> Codec:
    """Return the codec that ``text`` names: short name, one of others for it, UID, or keyword of PS3.6.

    Raises ValueError, with the names that come near, where there is none or it may be one of two.
    """
    known = _BY_NAME.get(ALIASES.get(text.lower(), text.lower()))
    if (either := _EITHER.get(text.lower())) and text != _BY_NAME[either].keyword:
        message = f"{text!r} may be {either}-lossless, or {either}, which loses something"
        raise ValueError(message)
    if known is None:
        try:
            known = _BY_UID.get(transfer_syntax_named(text))
        except ValueError:
            known = None
    if known is None:
        from difflib import get_close_matches

        near = " or ".join(get_close_matches(text.lower(), _BY_NAME, 2))
        message = f"{text!r} is no transfer syntax that is known here" + (f"; is it {near}?" if near else "")
        raise ValueError(message)
    return known
