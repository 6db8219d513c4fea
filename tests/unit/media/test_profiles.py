from __future__ import annotations

import pickle

import pytest

from dcmtools.codecs.registry import codec_of
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.uids import is_standard
from dcmtools.errors import UsageError
from dcmtools.media.keys import KEYS
from dcmtools.media.profile_data import ALIASES, RETIRED
from dcmtools.media.profiles import PROFILES, profile_named

# Those of PS3.11 that leave files in the clear, by annex.
NAMES = {
    "A": "XABC-CD",
    "B": "XA1K-CD XA1K-DVD",
    "C": " ".join(
        f"US-{kind}-{frames}-{medium}"
        for kind in ("ID", "SC", "CC")
        for frames in ("SF", "MF")
        for medium in ("MOD23-90", "CDR", "DVD-RAM", "DVD")
    ),
    "D": "GEN-CD GEN-DVD-RAM GEN-BD",
    "E": "CTMR-MOD41 CTMR-CD CTMR-DVD-RAM CTMR-DVD",
    "F": "WVFM-ECG-FD WVFM-HD-FD",
    "G": "GEN-MIME",
    "H": "GEN-DVD-JPEG GEN-DVD-J2K",
    "I": "DVD-MPEG2-MPML",
    "J": " ".join(
        f"GEN-{medium}-{kind}" for medium in ("USB", "MMC", "CF", "SD") for kind in ("JPEG", "J2K")
    ),
    "K": "DEN-CD",
    "L": "GEN-ZIP-MAIL GEN-SEC-ZIP-MAIL DTL-SEC-ZIP-MAIL",
    "M": "GEN-BD-JPEG GEN-BD-J2K GEN-BD-MPEG2-MPML GEN-BD-MPEG2-MPHL GEN-BD-MPEG4-HPLV41"
    " GEN-BD-MPEG4-HPLV41BD",
    "N": "GEN-BD-MPEG4-HPLV42-2D GEN-BD-MPEG4-HPLV42-3D GEN-BD-MPEG4-SHPLV42",
}


def test_all_of_them_are_there() -> None:
    assert {(profile.annex, name) for name, profile in PROFILES.items()} == {
        (annex, f"STD-{name}") for annex, names in NAMES.items() for name in names.split()
    }


@pytest.mark.parametrize("name", PROFILES)
def test_what_they_name_is_known(name: str) -> None:
    profile = PROFILES[name]
    assert profile.name == name
    assert all(map(is_standard, profile.classes))
    assert not profile.classes & RETIRED
    assert all(map(codec_of, profile.syntaxes))
    for kind, keys in profile.keys.items():
        assert kind in KEYS
        assert all(lookup(tag)[0] for tag, _ in keys)
        assert len({tag for tag, _ in keys}) == len(keys)
    for row in profile.rows:
        assert all(lookup(tag)[0] for tag in (*row.required, *row.valued, *row.regions))
    assert pickle.loads(pickle.dumps(profile)) == profile  # noqa: S301  our own


def test_retired_classes_are_those_of_the_standard() -> None:
    assert all(map(is_standard, RETIRED))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("STD-GEN-CD", "STD-GEN-CD"),
        ("gen-cd", "STD-GEN-CD"),
        (" std-us-id-sf-cdr", "STD-US-ID-SF-CDR"),
        ("general-purpose", "STD-GEN-CD"),
        ("--basic-cardiac", "STD-XABC-CD"),
        ("STD-GEN-USB/MMC/CF/SD-J2K", "STD-GEN-USB-J2K"),
        ("STD-CTMR-xxxx", "STD-CTMR-CD"),
    ],
)
def test_names_and_what_others_call_them(text: str, name: str) -> None:
    assert profile_named(text).name == name


def test_every_alias_leads_somewhere() -> None:
    assert all(profile_named(alias).name == name for alias, name in ALIASES.items())


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("STD-GEN-SEC-CD", "wants every file encrypted", "STD-GEN-CD is the same"),
        (
            "STD-GEN-SEC-BD-MPEG4-SHPLV42",
            "wants every file encrypted",
            "STD-GEN-BD-MPEG4-SHPLV42 is the same",
        ),
        ("STD-GEN-CDR", "is no application profile", "did you mean STD-GEN-CD"),
        ("", "is no application profile", "dicomdir profiles"),
        ("X" * 1000, "is no application profile", "dicomdir profiles"),
    ],
)
def test_what_is_none(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        profile_named(text)
    assert hint in caught.value.hint
    assert len(str(caught.value)) < 200
