"""What was written, looked at with other eyes: each leak is found where it is, and nothing where none is."""

from __future__ import annotations

import zlib
from functools import cache
from struct import pack
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dcmtools.codecs.encoding import encode
from dcmtools.codecs.registry import codec_named
from dcmtools.codecs.settings import Settings
from dcmtools.deidentification.engine import Deidentifier
from dcmtools.deidentification.engine import Settings as Engine
from dcmtools.deidentification.identifiers import Identifiers
from dcmtools.deidentification.keys import ProjectKey
from dcmtools.deidentification.profile import profile_from
from dcmtools.deidentification.pseudonyms import Pseudonyms
from dcmtools.deidentification.verification import Leak, leaks
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.syntax import encoding_of
from dcmtools.errors import DcmtoolsError
from dcmtools.files.part10 import Part10File
from tests.support.encoded import EVL, SEQUENCE_END, Coder
from tests.support.pictures import described, picture
from tests.support.planting import CT_IMAGE, EXPLICIT, FAMILY, JPEG, NATIVE, planted
from tests.support.samples import ct, mr, real_file, real_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFLATED = NATIVE[3]
NAME, ID = 0x00100010, 0x00100020
INSTANCE = "2.25.1234567"


def removed(charset: bytes = b"") -> Identifiers:
    """What was removed: of Zquendt, Müller, born on January 2nd, 1970."""
    identifiers = Identifiers(charset)
    identifiers.take(NAME, "PN", [f"{FAMILY}^Marjorie^Müller"])
    identifiers.take(ID, "LO", ["PAT-778812"])
    identifiers.take(0x00100030, "DA", ["19700102"])
    identifiers.take(0x00080018, "UI", ["1.2.826.0.77.1"])
    return identifiers


def text(code: Coder, tag: int, vr: str, value: str | bytes) -> bytes:
    raw = value if isinstance(value, bytes) else value.encode("latin-1")
    return code.element(tag, vr, raw + (b"\0" if vr in ("UI", "OB") else b" ") * (len(raw) % 2))


def clean(
    syntax: str = EXPLICIT,
    more: Mapping[int, bytes] | None = None,
    *,
    pixels: bytes | None = None,
    meta: bytes = b"",
    behind: bytes = b"",
) -> bytes:
    """A file that was de-identified, with ``more`` elements by tag; these go before those of the same tag."""
    code = Coder(encoding_of(syntax))

    def short(tag: int, number: int) -> bytes:
        return code.element(tag, "US", code.number("H", number))

    elements = {
        0x00080016: text(code, 0x00080016, "UI", CT_IMAGE),
        0x00080018: text(code, 0x00080018, "UI", INSTANCE),
        0x00080060: text(code, 0x00080060, "CS", "CT"),
        NAME: code.element(NAME, "PN"),
        ID: text(code, ID, "LO", "P7QX"),
        0x00120062: text(code, 0x00120062, "CS", "YES"),
        0x00120063: text(code, 0x00120063, "LO", "PS3.15"),
        0x00280002: short(0x00280002, 1),
        0x00280010: short(0x00280010, 4),
        0x00280011: short(0x00280011, 6),
        0x00280100: short(0x00280100, 8),
        0x00280101: short(0x00280101, 8),
        0x00280102: short(0x00280102, 7),
        0x00280103: short(0x00280103, 0),
        0x7FE00010: code.element(0x7FE00010, "OW", bytes(24)) if pixels is None else pixels,
        **(more or {}),
    }
    body = b"".join(elements[tag] for tag in sorted(elements)) + behind
    if syntax == DEFLATED:
        stream = zlib.compressobj(wbits=-15)
        body = stream.compress(body) + stream.flush()
        body += b"\0" * (len(body) % 2)
    head = text(EVL, 0x00020001, "OB", b"\0\1") + text(EVL, 0x00020002, "UI", CT_IMAGE)
    head += text(EVL, 0x00020003, "UI", INSTANCE) + text(EVL, 0x00020010, "UI", syntax)
    head += text(EVL, 0x00020012, "UI", "2.25.1") + meta
    return bytes(128) + b"DICM" + EVL.element(0x00020000, "UL", pack("<L", len(head))) + head + body


def looked_at(
    folder: Path, data: bytes, identifiers: Identifiers | None = None, **more: object
) -> list[Leak]:
    path = folder / "written.dcm"
    path.write_bytes(data)
    with Part10File.open(str(path)) as file:
        return leaks(file, removed() if identifiers is None else identifiers, **more)  # type: ignore[arg-type]  # its own keywords


@pytest.mark.parametrize("syntax", NATIVE)
def test_nothing_leaks(tmp_path: Path, syntax: str) -> None:
    assert not looked_at(tmp_path, clean(syntax))


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize(
    ("vr", "value", "kind"),
    [
        ("LO", f"see {FAMILY.lower()}", "name"),
        ("LO", "MARJORIE", "name"),
        ("UT", "born on 2 Jan 1970", "date"),
        ("DA", "19700102", "date"),
        ("DT", "19700102101112", "date"),
        ("SH", "pat-778812", "identifier"),
        ("UI", "1.2.826.0.77.1", "UID"),
        ("OB", f"{FAMILY}".encode("utf-16-le"), "name"),
        ("OB", b"\1\2\0Marjorie\0\3", "name"),
        ("UN", b"\0PAT-778812\0\0", "identifier"),
    ],
)
def test_a_value_that_stands_somewhere(
    tmp_path: Path, syntax: str, vr: str, value: str | bytes, kind: str
) -> None:
    """At the top, or two sequences deep."""
    code = Coder(encoding_of(syntax))
    tag = {"UI": 0x0020000E, "DA": 0x00181012, "DT": 0x00189074, "OB": 0x00282000}.get(vr, 0x00180031)
    element = text(code, tag, vr, value)
    for more in (
        {tag: element},
        {0x00082218: code.sequence(0x00082218, code.item(code.sequence(0x00082220, code.item(element))))},
    ):
        found = looked_at(tmp_path, clean(syntax, more))
        assert [each for each in found if each.certain]
        assert all(kind in each.what for each in found), found
        assert all(FAMILY.lower() not in str(each).lower() and "7788" not in str(each) for each in found)


def test_names_in_the_character_set_of_an_item(tmp_path: Path) -> None:
    item = text(EVL, 0x00080005, "CS", "ISO_IR 192") + text(EVL, 0x00080104, "LO", "Müller".encode())
    more = {
        0x00080005: text(EVL, 0x00080005, "CS", "ISO_IR 100"),
        0x00082218: EVL.sequence(0x00082218, EVL.item(item)),
    }
    assert looked_at(tmp_path, clean(more=more), removed(b"ISO_IR 100")) == [
        Leak("(0008,0104)", "a name that was removed stands there")
    ]


@pytest.mark.parametrize(
    ("where", "meta"),
    [
        ("(0002,0016)", text(EVL, 0x00020016, "AE", "MARJORIE")),
        ("(0002,0013)", text(EVL, 0x00020013, "SH", FAMILY)),
        ("(0002,0102)", text(EVL, 0x00020102, "OB", "PAT-778812")),
    ],
)
def test_in_the_file_meta_information(tmp_path: Path, where: str, meta: bytes) -> None:
    assert where in {each.where for each in looked_at(tmp_path, clean(meta=meta)) if each.certain}


def test_in_the_preamble(tmp_path: Path) -> None:
    data = FAMILY.encode().ljust(128, b"\0") + clean()[128:]
    assert {(each.where, each.certain) for each in looked_at(tmp_path, data)} == {("preamble", True)}
    assert len(looked_at(tmp_path, data)) == 2
    assert looked_at(tmp_path, b"II*\0".ljust(128, b"\0") + clean()[128:]) == [
        Leak("preamble", "it is not empty")
    ]


def test_behind_the_last_frame(tmp_path: Path) -> None:
    value = bytes(24) + FAMILY.encode() + b" "
    data = clean(pixels=EVL.element(0x7FE00010, "OW", value))
    assert [each.where for each in looked_at(tmp_path, data)] == ["bytes behind the last frame"]
    assert not looked_at(tmp_path, clean(pixels=EVL.element(0x7FE00010, "OW", bytes(32))))


def test_samples_are_not_searched(tmp_path: Path) -> None:
    value = FAMILY.encode().ljust(24, b"\0")
    assert not looked_at(tmp_path, clean(pixels=EVL.element(0x7FE00010, "OW", value)))


def test_behind_the_last_element(tmp_path: Path) -> None:
    found = looked_at(tmp_path, clean(behind=bytes(16) + FAMILY.encode() + b" "))
    assert found
    assert found[0].certain
    assert looked_at(tmp_path, clean()[:-3])[0].where == "data set"


def compressed(comment: bytes = b"") -> bytes:
    pixels = described(4, 6)
    codestream = encode(picture(pixels), pixels, codec_named("jpeg-lossless"), Settings())
    if comment:
        codestream = codestream[:2] + b"\xff\xfe" + pack(">H", 2 + len(comment)) + comment + codestream[2:]
    fragment = codestream + b"\0" * (len(codestream) % 2)
    return (
        EVL.header(0x7FE00010, "OB", UNDEFINED)
        + EVL.item()
        + EVL.item(fragment)
        + EVL.header(SEQUENCE_END, "", 0)
    )


def test_in_a_codestream(tmp_path: Path) -> None:
    from dcmtools.codecs.markers import stripped

    pixels = described(4, 6)
    codec = codec_named("jpeg-lossless")
    bare = stripped(encode(picture(pixels), pixels, codec, Settings()), codec)
    fragment = EVL.item(bare + b"\0" * (len(bare) % 2))
    value = EVL.header(0x7FE00010, "OB", UNDEFINED) + EVL.item() + fragment + EVL.header(SEQUENCE_END, "", 0)
    assert not looked_at(tmp_path, clean(codec.uid, pixels=value))
    (told, *others) = looked_at(tmp_path, clean(codec.uid, pixels=compressed(b"of Marjorie")))
    assert told == Leak("codestream of frame 1", "a name that was removed stands there")
    assert [each.certain for each in others] == [False]
    (told,) = looked_at(tmp_path, clean(codec.uid, pixels=compressed(b"made by nobody")))
    assert (told.where, told.certain) == ("codestream of frame 1", False)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.102", "1.2.3.4.5"])
@pytest.mark.parametrize("frames", [b"1 ", b"30"])
def test_in_video(tmp_path: Path, frames: bytes, syntax: str) -> None:
    """Its frames may stand in one fragment, which is searched as it is."""

    def file(fragment: bytes) -> bytes:
        value = EVL.header(0x7FE00010, "OB", UNDEFINED) + EVL.item() + EVL.item(fragment)
        value += EVL.header(SEQUENCE_END, "", 0)
        number = EVL.element(0x00280008, "IS", frames)
        after = EVL.element(0xFFFCFFFC, "OB", bytes(2))
        return clean(syntax, {0x00280008: number}, pixels=value, behind=after)

    assert looked_at(tmp_path, file(bytes(range(256)) * 9)) == []
    found = looked_at(tmp_path, file(b"\0\0\0 ftypisom by Marjorie" + bytes(range(200))))
    assert [leak.where for leak in found] == ["frames that are not looked into"]


# ---------------------------------------------------------------- structure


def test_private_elements(tmp_path: Path) -> None:
    private = {
        0x00190010: text(EVL, 0x00190010, "LO", "SIEMENS MR HEADER"),
        0x0019100C: text(EVL, 0x0019100C, "IS", "1000"),
    }
    assert {each.where for each in looked_at(tmp_path, clean(more=private))} == {"(0019,0010)", "(0019,100c)"}
    asked = []

    def kept(creator: str, tag: int) -> bool:
        asked.append((creator, tag))
        return tag == 0x0019100C

    assert not looked_at(tmp_path, clean(more=private), private=kept)
    assert asked == [("SIEMENS MR HEADER", 0x0019100C)]
    private[0x0019100D] = text(EVL, 0x0019100D, "IS", "1000")
    (told,) = looked_at(tmp_path, clean(more=private), private=kept)
    assert (told.where, told.certain) == ("(0019,100d)", True)


def test_private_elements_in_items(tmp_path: Path) -> None:
    item = EVL.item(text(EVL, 0x00190010, "LO", "NOBODY"))
    data = clean(more={0x00082218: EVL.sequence(0x00082218, item)})
    assert looked_at(tmp_path, data) == [Leak("(0019,0010)", "a private element")]


@pytest.mark.parametrize(
    ("tag", "element", "where"),
    [
        (0x00080018, text(EVL, 0x00080018, "UI", "2.25.99"), "(0002,0003)"),
        (0x00080016, text(EVL, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.4"), "(0002,0002)"),
        (0x00120062, text(EVL, 0x00120062, "CS", "NO"), "(0012,0062)"),
        (0x00120062, b"", "(0012,0062)"),
        (0x00120063, b"", "(0012,0063)"),
        (0x00080005, text(EVL, 0x00040005, "CS", "A"), "(0004,0005)"),
    ],
)
def test_what_has_to_be_there(tmp_path: Path, tag: int, element: bytes, where: str) -> None:
    (told,) = looked_at(tmp_path, clean(more={tag: element}), Identifiers())
    assert (told.where, told.certain) == (where, True)


def test_elements_out_of_order_are_told_of_only(tmp_path: Path) -> None:
    """They were so in the input."""
    for element in (text(EVL, 0x00180015, "CS", "A") * 2, text(EVL, 0x00300002, "CS", "A")):
        (told,) = looked_at(tmp_path, clean(more={0x00180015: element}))
        assert (told.where, told.certain) == ("data set", False)


def test_uids_of_classes_and_schemes_are_kept(tmp_path: Path) -> None:
    more = {0x0008010C: text(EVL, 0x0008010C, "UI", "1.2.826.0.77.1")}
    assert not any(each.certain for each in looked_at(tmp_path, clean(more=more)))


def test_attributes_that_are_lost(tmp_path: Path) -> None:
    """Contrast/Bolus Agent is of Type 2 in a CT image, Acquisition Date of Type 3."""
    found = looked_at(tmp_path, clean(), before=frozenset((0x00080016, 0x00180010, 0x00080022, NAME)))
    assert [(each.where, each.certain) for each in found] == [("(0018,0010)", False)]


# ---------------------------------------------------------------- no false alarms


def test_words_of_the_study_are_told_of_only(tmp_path: Path) -> None:
    identifiers = Identifiers()
    identifiers.take(NAME, "PN", ["Abdomen^Head"])
    identifiers.take(ID, "LO", ["1000"])
    more = {
        0x00180015: text(EVL, 0x00180015, "CS", "ABDOMEN"),
        0x00180080: text(EVL, 0x00180080, "DS", "1000"),
        0x00181030: text(EVL, 0x00181030, "LO", "ABDOMEN 5.0 with 1000"),
    }
    found = looked_at(tmp_path, clean(more=more), identifiers)
    assert found
    assert not any(each.certain for each in found)
    more[0x00181030] = text(EVL, 0x00181030, "LO", "for Head Abdomen")
    assert any(each.certain for each in looked_at(tmp_path, clean(more=more), identifiers))
    more[0x00181030] = text(EVL, 0x00181030, "LO", "HEAD")
    assert any(each.certain for each in looked_at(tmp_path, clean(more=more), identifiers))


def test_what_was_put_in_its_place_is_no_leak(tmp_path: Path) -> None:
    """A date moved onto another that was there; a placeholder in the input like our own."""
    identifiers = removed()
    more = {0x00181012: text(EVL, 0x00181012, "DA", "19700102")}
    assert any(each.certain for each in looked_at(tmp_path, clean(more=more), identifiers))
    identifiers.put(["19700102"])
    assert not looked_at(tmp_path, clean(more=more), identifiers)
    more[0x00181030] = text(EVL, 0x00181030, "LO", "on 19700102")
    assert any(each.certain for each in looked_at(tmp_path, clean(more=more), identifiers))


def test_lookup_tables_and_waveforms_hold_no_names(tmp_path: Path) -> None:
    identifiers = Identifiers()
    identifiers.take(NAME, "PN", ["Lee^Kim^Ann"])
    identifiers.take(ID, "LO", ["1234"])
    noise = np.random.default_rng(8).integers(0, 256, 1 << 20, dtype="u1").tobytes()
    assert identifiers.suspected(noise)
    data = clean(more={0x00281201: EVL.element(0x00281201, "OW", noise)})
    assert not looked_at(tmp_path, data, identifiers)


def test_long_values_are_searched_block_by_block(tmp_path: Path) -> None:
    """Across the bounds of blocks, too."""
    for at in (10, (1 << 20) - 4, (1 << 20) - 600, 3 << 20):
        value = b" " * at + FAMILY.encode() + b" " * 101
        data = clean(more={0x00281230: EVL.element(0x00281230, "UT", value + b" " * (len(value) % 2))})
        assert any(each.certain for each in looked_at(tmp_path, data)), at


def test_no_more_than_a_hundred_are_told(tmp_path: Path) -> None:
    item = EVL.item(text(EVL, 0x00181030, "LO", FAMILY))
    private = {0x00130000 + number: text(EVL, 0x00130000 + number, "LO", "x") for number in range(0x10, 0xF0)}
    data = clean(more={0x00082218: EVL.sequence(0x00082218, *[item] * 300), **private})
    assert len(looked_at(tmp_path, data)) == 100


@pytest.mark.parametrize("syntax", [*NATIVE, JPEG])
def test_a_file_that_nobody_has_touched(tmp_path: Path, syntax: str) -> None:
    """Every planted name that is looked for is found."""
    sample = planted(syntax, _jpeg() if syntax == JPEG else b"")
    assert len(sample.leaked(sample.data)) == len(sample.plants)
    told = looked_at(tmp_path, sample.data)
    assert {"preamble", "(0002,0016)", "(0002,0100)"} <= {each.where for each in told if each.certain}
    assert {"data set", "(0012,0062)"} & {each.where for each in told if each.certain}


# ---------------------------------------------------------------- behind the engine


@cache
def engine() -> Deidentifier:
    profile = profile_from("basic", (), (), (), (), (), ())
    return Deidentifier(Engine(profile, Pseudonyms(ProjectKey.random())))


def through(folder: Path, data: bytes) -> tuple[bytes, list[Leak]]:
    """What the engine makes of a file, and what is found in that."""
    (folder / "before.dcm").write_bytes(data)
    with Part10File.open(str(folder / "before.dcm")) as file, engine().deidentified(file) as done:
        with (folder / "after.dcm").open("wb") as out:
            done.write(out)
        with Part10File.open(str(folder / "after.dcm")) as written:
            found = leaks(
                written, done.identifiers, private=done.private, before=done.before, profile=done.profile
            )
    return (folder / "after.dcm").read_bytes(), found


@pytest.mark.parametrize("syntax", [*NATIVE, JPEG])
def test_what_was_planted_is_gone(tmp_path: Path, syntax: str) -> None:
    sample = planted(syntax, _jpeg() if syntax == JPEG else b"")
    written, found = through(tmp_path, sample.data)
    pixels = {"codestream", "behind the last frame"}
    assert set(sample.leaked(written)) <= pixels
    assert not any(each.certain for each in found)


@pytest.mark.parametrize("syntax", NATIVE)
def test_what_the_engine_overlooks_is_found(
    tmp_path: Path, syntax: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its sweep, the name that is repeated in the name of a model."""
    with monkeypatch.context() as patched:
        patched.setattr(Identifiers, "cleaned", lambda *_: None)
        _, found = through(tmp_path, planted(syntax).data)
    assert [each for each in found if each.certain] == [
        Leak("(0008,1090)", "a name that was removed stands there")
    ]


@pytest.mark.filterwarnings("ignore")
def test_real_files_are_not_held_back(tmp_path: Path) -> None:
    passed = 0
    for path in real_files():
        try:
            _, found = through(tmp_path, path.read_bytes())
        except DcmtoolsError:
            continue
        assert not [each for each in found if each.certain], path.name
        passed += 1
    assert passed > 100


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "identifier", "birth_date"),
    [
        ("Head^Abdomen", "1000", "20040119"),
        ("Li^An", "1234", "19970903"),
        ("Siemens^Axial", "CHEST", "19000101"),
        ("CT^MR", "0001", "20010109"),
    ],
)
def test_patients_with_names_of_the_trade_are_not_held_back(
    tmp_path: Path, name: str, identifier: str, birth_date: str
) -> None:
    from pydicom import dcmread

    for path in (ct(), mr(), real_file("JPEG2000.dcm"), real_file("reportsi.dcm")):
        image = dcmread(path)
        image.PatientName, image.PatientID, image.PatientBirthDate = name, identifier, birth_date
        image.save_as(tmp_path / "named.dcm")
        _, found = through(tmp_path, (tmp_path / "named.dcm").read_bytes())
        assert not [each for each in found if each.certain], path.name


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("Basic^Profile", "PS3.15"),
        ("Application^Confidentiality", "1.2.840"),
        ("Option^Data", "DCMTOOLS"),
        ("Device^Retain", "2.25"),
    ],
)
def test_words_of_what_is_said_of_us_are_not_held_back(tmp_path: Path, name: str, identifier: str) -> None:
    """But anywhere else they are found."""
    from pydicom import dcmread

    image = dcmread(ct())
    image.PatientName, image.PatientID = name, identifier
    image.save_as(tmp_path / "named.dcm")
    _, found = through(tmp_path, (tmp_path / "named.dcm").read_bytes())
    assert not [each for each in found if each.certain]
    identifiers = Identifiers()
    identifiers.take(NAME, "PN", [name])
    more = {0x00180031: text(EVL, 0x00180031, "LO", name.replace("^", " "))}
    [leak] = looked_at(tmp_path, clean(more=more), identifiers, profile=profile_from())
    assert leak.where == "(0018,0031)"


def _jpeg() -> bytes:
    pixels = described(4, 6)
    return encode(picture(pixels), pixels, codec_named("jpeg"), Settings())
