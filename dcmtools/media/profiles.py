"""The application profiles of PS3.11: what may be on a medium of which kind, and what its DICOMDIR says.

Those that want each file encrypted (STD-GEN-SEC-...) are known by name only. Annex F, of waveforms on
diskettes, is retired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.codecs.registry import CODECS
from dcmtools.encoding.syntax import EXPLICIT_VR_LITTLE_ENDIAN as EXPLICIT
from dcmtools.errors import UsageError
from dcmtools.media.profile_data import (
    ALIASES,
    ANGIO_KEYS,
    ANGIO_LIMITS,
    CARDIAC_LIMITS,
    CT,
    CT_LIMITS,
    CTMR_KEYS,
    DENTAL,
    DENTAL_LIMITS,
    DENTAL_REQUIRED,
    DISPLAY,
    DOSE_SR,
    ECG,
    GENERAL_KEYS,
    GREY_STATE,
    HEMODYNAMIC,
    IMAGE_TYPE,
    MR,
    MR_LIMITS,
    NUMBER_OF_FRAMES,
    OVERLAYS_APART,
    OVERLAYS_NONE,
    PHOTOMETRIC,
    SC_ANGIO_LIMITS,
    SC_CTMR_LIMITS,
    SECONDARY_CAPTURE,
    ULTRASOUND,
    ULTRASOUND_MULTI_FRAME,
    VIDEO_KEYS,
    WIDE_KEYS,
    XA,
    Keys,
    Limit,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SYNTAX: Final = {codec.name: codec.uid for codec in CODECS}
_JPEG: Final = (
    EXPLICIT,
    *(_SYNTAX[name] for name in ("jpeg-lossless", "jpeg", "jpeg-extended")),
)
_JPEG_2000: Final = (EXPLICIT, _SYNTAX["jpeg-2000-lossless"], _SYNTAX["jpeg-2000"])
_SECURE: Final = (
    *("STD-GEN-SEC-CD", "STD-GEN-SEC-DVD-RAM", "STD-GEN-SEC-BD", "STD-DVD-SEC-MPEG2-MPML"),
    *(f"STD-GEN-SEC-{medium}-{kind}" for medium in ("DVD", "USB", "MMC", "CF", "SD", "BD")
      for kind in ("JPEG", "J2K")),
    *(f"STD-GEN-SEC-BD-MPEG{kind}" for kind in (
        "2-MPML", "2-MPHL", "4-HPLV41", "4-HPLV41BD", "4-HPLV42-2D", "4-HPLV42-3D", "4-SHPLV42")),
)  # fmt: skip


class Admitted(NamedTuple):
    """What a profile takes: a row of the table of its SOP classes and transfer syntaxes, with its limits.

    Without ``classes`` it takes all that are stored on media (PS3.4 I.4), without ``syntaxes`` any of them.
    ``required`` are attributes that have to be there, ``valued`` those that have to have a value.
    ``overlays`` are to be apart from pixels, or not to be at all; each region of ultrasound has ``regions``.
    """

    classes: frozenset[str] = frozenset()
    syntaxes: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    required: tuple[int, ...] = ()
    valued: tuple[int, ...] = ()
    overlays: int = 0
    regions: tuple[int, ...] = ()


class Profile(NamedTuple):
    """An application profile.

    ``keys`` are those that records have beside the ones of PS3.3, by the type of record. ``icon`` is the size
    in pixels of the icon that the record of each image has to have, ``icon_size`` that of icons which it may
    have, both 0 where the profile does not say.
    """

    name: str
    annex: str
    title: str
    medium: str
    rows: tuple[Admitted, ...]
    keys: Mapping[str, Keys] = {}
    icon: int = 0
    icon_size: int = 0

    @property
    def classes(self) -> frozenset[str]:
        """SOP classes that it takes, none where it takes all that are stored on media."""
        return frozenset().union(*(row.classes for row in self.rows))

    @property
    def syntaxes(self) -> list[str]:
        """Transfer syntaxes that it takes, none where it takes any."""
        return list(dict.fromkeys(each for row in self.rows for each in row.syntaxes))


def profile_named(text: str) -> Profile:
    """Return the profile of the name ``text``: that of PS3.11, or the one that dcmmkdir has for it.

    Raises UsageError, with what comes near, where there is none, or none that is made here.
    """
    wanted = text.strip().upper()
    for name in (wanted, f"STD-{wanted}", ALIASES.get(wanted.lower().lstrip("-"), "")):
        if name in PROFILES:
            return PROFILES[name]
    if wanted in _SECURE:
        plain = wanted.replace("-SEC", "")
        message = f"{wanted} wants every file encrypted (PS3.15 D), which is not done here"
        raise UsageError(message, hint=f"{plain} is the same in the clear")
    from difflib import get_close_matches

    near = " or ".join(get_close_matches(wanted, [*PROFILES, *map(str.upper, ALIASES)], 2, 0.5))
    hint = f"did you mean {near}?" if near else "'dcmtools dicomdir profiles' lists them"
    raise UsageError(f"{text[:100]!r} is no application profile of PS3.11 that is known here", hint=hint)


def _classes(*uids: str) -> frozenset[str]:
    return frozenset(uids)


def _general() -> Iterator[Profile]:
    everything = (Admitted(syntaxes=(EXPLICIT,)),)
    for name, medium in (("CD", "CD-R"), ("DVD-RAM", "DVD-RAM"), ("BD", "BD")):
        yield Profile(
            f"STD-GEN-{name}", "D", f"Anything, uncompressed, on {medium}", medium, everything, GENERAL_KEYS
        )
    yield Profile("STD-GEN-MIME", "G", "Anything, attached to mail", "MIME", (Admitted(),))
    media = {
        "DVD": ("H", "DVD"),
        "USB": ("J", "USB stick"),
        "MMC": ("J", "MultiMediaCard"),
        "CF": ("J", "CompactFlash card"),
        "SD": ("J", "SD card"),
        "BD": ("M", "BD"),
    }
    for kind, words, syntaxes in (("JPEG", "JPEG", _JPEG), ("J2K", "JPEG 2000", _JPEG_2000)):
        row = (Admitted(syntaxes=syntaxes),)
        for name, (annex, medium) in media.items():
            title = f"Anything, uncompressed or in {words}, on {medium}"
            yield Profile(f"STD-GEN-{name}-{kind}", annex, title, medium, row, WIDE_KEYS)


def _video() -> Iterator[Profile]:
    """Yield those of video, which takes the place of pixels in what has several frames."""
    for name, syntax, words in (
        ("MPEG2-MPML", "mpeg2-ml", "MPEG2 MP@ML"),
        ("MPEG2-MPHL", "mpeg2-hl", "MPEG2 MP@HL"),
        ("MPEG4-HPLV41", "mpeg4", "MPEG-4 HiP@4.1"),
        ("MPEG4-HPLV41BD", "mpeg4-bd", "BD compatible MPEG-4 HiP@4.1"),
        ("MPEG4-HPLV42-2D", "mpeg4-2d", "MPEG-4 HiP@4.2 for 2D"),
        ("MPEG4-HPLV42-3D", "mpeg4-3d", "MPEG-4 HiP@4.2 for 3D"),
        ("MPEG4-SHPLV42", "mpeg4-stereo", "MPEG-4 Stereo HiP@4.2"),
    ):
        video = Admitted(syntaxes=(_SYNTAX[syntax],), valued=(NUMBER_OF_FRAMES,))
        alone = "42" in name
        title = f"{'Video' if alone else 'Anything, uncompressed, and video'} in {words}, on BD"
        rows = (video,) if alone else (Admitted(syntaxes=(EXPLICIT,)), video)
        yield Profile(f"STD-GEN-BD-{name}", "N" if alone else "M", title, "BD", rows, WIDE_KEYS)
        if syntax == "mpeg2-ml":
            title = f"Video in {words}, on DVD"
            yield Profile("STD-DVD-MPEG2-MPML", "I", title, "DVD", (video,), VIDEO_KEYS)


def _angiographic() -> Iterator[Profile]:
    lossless, baseline, extended = (_SYNTAX[name] for name in ("jpeg-lossless", "jpeg", "jpeg-extended"))
    typed = (IMAGE_TYPE,)
    cardiac = Admitted(_classes(XA), (lossless,), CARDIAC_LIMITS, valued=typed, overlays=OVERLAYS_APART)
    title = "Cardiac angiography to 512 x 512 x 8 bits, in lossless JPEG"
    yield Profile("STD-XABC-CD", "A", title, "CD-R", (cardiac,), ANGIO_KEYS, 128, 128)
    others = (
        Admitted(_classes(SECONDARY_CAPTURE), (EXPLICIT,), SC_ANGIO_LIMITS, overlays=OVERLAYS_NONE),
        Admitted(_classes(GREY_STATE), (EXPLICIT,)),
    )
    for medium, syntaxes in (("CD", (lossless,)), ("DVD", (lossless, baseline, extended))):
        rows = (Admitted(_classes(XA), syntaxes, ANGIO_LIMITS, valued=typed), *others)
        words = "lossless JPEG" if medium == "CD" else "JPEG"
        title = f"Angiography to 1024 x 1024 x 12 bits, in {words}"
        on = "CD-R" if medium == "CD" else "DVD"
        yield Profile(f"STD-XA1K-{medium}", "B", title, on, rows, ANGIO_KEYS, 128, 128)


def _ct_and_mr() -> Iterator[Profile]:
    syntaxes = (EXPLICIT, _SYNTAX["jpeg-lossless"])
    rows = (
        Admitted(_classes(CT), syntaxes, CT_LIMITS),
        Admitted(_classes(MR), syntaxes, MR_LIMITS),
        Admitted(_classes(SECONDARY_CAPTURE), syntaxes, SC_CTMR_LIMITS),
        Admitted(_classes(GREY_STATE, DOSE_SR), (EXPLICIT,)),
    )
    title = "CT and MR, single frames, uncompressed or in lossless JPEG"
    media = {"CD": "CD-R", "DVD": "DVD", "DVD-RAM": "DVD-RAM", "MOD41": "4.1 GB MOD"}
    for name, medium in media.items():
        yield Profile(f"STD-CTMR-{name}", "E", title, medium, rows, CTMR_KEYS, 0, 64)


def _ultrasound() -> Iterator[Profile]:
    media = {"CDR": "CD-R", "DVD": "DVD", "DVD-RAM": "DVD-RAM", "MOD23-90": "2.3 GB MOD"}
    pairs = (
        (EXPLICIT, ("MONOCHROME2", "RGB", "PALETTE COLOR", "YBR_FULL_422")),
        (_SYNTAX["rle"], ("MONOCHROME2", "RGB", "PALETTE COLOR", "YBR_FULL")),
        (_SYNTAX["jpeg"], ("YBR_FULL_422",)),
    )
    calibrated = (
        *(0x00186018, 0x0018601A, 0x0018601C, 0x0018601E),  # where the region is
        *(0x00186024, 0x00186026, 0x0018602C, 0x0018602E),  # physical units and deltas
        *(0x00186012, 0x00186014, 0x00186016),  # spatial format, data type, flags
    )
    kinds = (
        ("ID", "for display", ()),
        ("SC", "with spatial calibration", calibrated),
        ("CC", "with spatial and component calibration", (*calibrated, 0x00186044)),
    )
    for kind, words, regions in kinds:
        for frames, classes in (
            ("SF", _classes(ULTRASOUND)),
            ("MF", _classes(ULTRASOUND, ULTRASOUND_MULTI_FRAME)),
        ):
            rows = tuple(
                Admitted(classes, (syntax,), (Limit(PHOTOMETRIC, frozenset(colours)),), regions=regions)
                for syntax, colours in pairs
            )
            title = f"Ultrasound {words}, {'single frames' if frames == 'SF' else 'single or several frames'}"
            for name, medium in media.items():
                yield Profile(f"STD-US-{kind}-{frames}-{name}", "C", title, medium, rows)


def _others() -> Iterator[Profile]:
    dental = Admitted(_classes(*DENTAL), (EXPLICIT,), DENTAL_LIMITS, required=DENTAL_REQUIRED)
    displays = Admitted(_classes(DISPLAY, GREY_STATE), (EXPLICIT,))
    yield Profile("STD-DEN-CD", "K", "Dental radiographs, uncompressed", "CD-R", (dental, displays))
    yield Profile("STD-GEN-ZIP-MAIL", "L", "Anything, zipped, attached to mail", "ZIP", (Admitted(),))
    title = "Anything, zipped, attached to mail that is encrypted by who sends it"
    yield Profile("STD-GEN-SEC-ZIP-MAIL", "L", title, "ZIP", (Admitted(),))
    title = "Dental radiographs, zipped, attached to mail that is encrypted by who sends it"
    yield Profile("STD-DTL-SEC-ZIP-MAIL", "L", title, "ZIP", (dental,))
    for name, words, sop_class in (("ECG", "12-lead ECG", ECG), ("HD", "Hemodynamic waveforms", HEMODYNAMIC)):
        rows = (Admitted(_classes(sop_class), (EXPLICIT,)),)
        yield Profile(f"STD-WVFM-{name}-FD", "F", f"{words} on diskette (retired)", "diskette", rows)


def _by_name(*several: Iterable[Profile]) -> dict[str, Profile]:
    return {profile.name: profile for profiles in several for profile in profiles}


PROFILES: Final = _by_name(_general(), _video(), _angiographic(), _ct_and_mr(), _ultrasound(), _others())
"""All that are made here, by name."""
