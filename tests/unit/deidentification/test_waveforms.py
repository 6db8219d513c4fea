"""Waveforms that may tell who the patient is are held to what is asked for of such pixels."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import InputError
from tests.support.encoded import EVL, Coder, part10
from tests.support.treated import treat

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.treated import Written

STORAGE = "1.2.840.10008.5.1.4.1.1.9."
ECG, VOICE, AUDIO = f"{STORAGE}1.1", f"{STORAGE}4.1", f"{STORAGE}4.2"
DATA = bytes(range(1, 13))  # two channels of three samples


def text(tag: int, vr: str, value: str) -> bytes:
    raw = value.encode()
    return EVL.element(tag, vr, raw + (b"\0" if vr == "UI" else b" ") * (len(raw) % 2))


def treated(
    folder: Path,
    policy: str = "check",
    *,
    sop_class: str = ECG,
    modality: str = "ECG",
    interpretation: str = "SS",
    data: bytes = DATA,
    open_lengths: bool = False,
) -> Written:
    """A file of one waveform, de-identified."""
    code: Coder = EVL
    elements = [
        code.element(0x003A0005, "US", pack("<H", 2)),
        code.element(0x003A0010, "UL", pack("<L", 3)),
        code.element(0x54001004, "US", pack("<H", 16)),
        text(0x54001006, "CS", interpretation),
        code.element(0x54001010, "OW", data),
    ]
    body = [
        text(0x00080016, "UI", sop_class),
        text(0x00080018, "UI", "1.2.3"),
        text(0x00080060, "CS", modality),
        code.sequence(0x54000100, code.item(b"".join(elements)), undefined=open_lengths),
        text(0xFFFCFFFC, "OB", "\0\0"),
    ]
    path = folder / "waveform.dcm"
    path.write_bytes(part10(b"".join(body), "1.2.840.10008.1.2.1"))
    return treat(path, policy)


@pytest.mark.parametrize("open_lengths", [False, True])
@pytest.mark.parametrize("policy", ["keep", "check", "regions", "blank", "reject"])
def test_plain_ones_stay(policy: str, tmp_path: Path, *, open_lengths: bool) -> None:
    done = treated(tmp_path, policy, open_lengths=open_lengths, data=DATA + bytes(4))
    assert (done.suspect, done.warnings) == ("", [])
    assert DATA in done.path.read_bytes()


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"sop_class": VOICE}, "waveforms are sound"),
        ({"sop_class": AUDIO}, "waveforms are sound"),
        ({"modality": "AU"}, "waveforms are sound"),
        ({"interpretation": "MB"}, "waveforms may be sound"),
        ({"interpretation": "AB"}, "waveforms may be sound"),
        ({"data": DATA + b"of Marjorie "}, "bytes behind its last sample"),
        ({"data": DATA + b"of Marjorie ", "open_lengths": True}, "bytes behind its last sample"),
    ],
)
def test_others_are_suspects(how: dict[str, str], why: str, tmp_path: Path) -> None:
    for policy in ("check", "regions"):
        assert why in treated(tmp_path, policy, **how).suspect  # type: ignore[arg-type]  # its keywords
    kept = treated(tmp_path, "keep", **how)  # type: ignore[arg-type]  # its keywords
    assert kept.suspect == ""
    assert why in kept.warnings[0]
    for policy in ("blank", "reject"):
        with pytest.raises(InputError, match=why):
            treated(tmp_path, policy, **how)  # type: ignore[arg-type]  # its keywords
