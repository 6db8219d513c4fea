"""Identity where it has no place: in UIDs, numbers, character sets, under other VRs, in other letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.deidentification.verification import leaks
from dcmtools.encoding.dataset import text as text_of
from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File
from tests.support.deidentified import BASIC, Options, bytes_of, data_set_of, deidentified, file_of, text
from tests.support.encoded import EVL, part10

if TYPE_CHECKING:
    from pathlib import Path

NAME, ID, STUDY, FREE, REGION = 0x00100010, 0x00100020, 0x0020000D, 0x00081090, 0x00082218
CT = text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2")
INSTANCE = CT + text(0x00080018, "UI", "1.2.3.4")
CHARSET = 0x00080005


def of_doe(*elements: bytes, charset: bytes = b"", name: str | bytes = "Doe^John") -> bytes:
    said = text(CHARSET, "CS", charset) if charset else b""
    return said + INSTANCE + b"".join(elements) + text(NAME, "PN", name) + text(ID, "LO", "73519264")


# ---------------------------------------------------------------- UIDs


@pytest.mark.parametrize("tag", [0x0008001A, 0x00080062, 0x00080117])
@pytest.mark.parametrize("value", ["DOE", "DOE^JOHN", "73519264", "1.2.840.10008.1.1\\DOE"])
def test_what_should_be_the_uid_of_a_class(tmp_path: Path, tag: int, value: str) -> None:
    done = bytes_of(tmp_path, of_doe(text(tag, "UI", value)))
    assert b"DOE" not in done
    assert b"73519264" not in done


def test_uids_of_classes_stay(tmp_path: Path) -> None:
    value = "1.2.840.10008.5.1.4.1.1.2\\1.2.276.0.7"
    done = data_set_of(tmp_path, of_doe(text(0x00080062, "UI", value)))
    assert text_of(done, 0x00080062) == value


@pytest.mark.parametrize("uid", ["1.2.840.10008.5.73519264", "1.2.840.10008.19500102.1"])
def test_a_uid_below_the_root_of_the_standard(tmp_path: Path, uid: str) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(of_doe(text(STUDY, "UI", uid))))
    with deidentified(path) as done:
        assert done.study_instance_uid.startswith("2.25.")
        assert uid.encode() not in b"".join(done.blocks())


@pytest.mark.parametrize(
    "study",
    [
        text(STUDY, "LO", "DOE"),
        text(STUDY, "UI", "1.2.73519264\\1.2.3"),
        EVL.sequence(STUDY, EVL.item(text(NAME, "PN", "DOE"))),
    ],
)
def test_what_nothing_new_stands_for_names_no_folder(tmp_path: Path, study: bytes) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(of_doe(study)))
    with deidentified(path) as done:
        assert done.study_instance_uid == ""


@pytest.mark.parametrize(
    ("options", "new"),
    [
        (Options(remove=("StudyInstanceUID",)), ""),
        (Options(empty=("StudyInstanceUID",)), ""),
        (Options(set_=("StudyInstanceUID=1.2.9",)), "1.2.9"),
        (Options(keep=("StudyInstanceUID",)), "1.2.7"),
        (Options(retain=("uids",)), "1.2.7"),
    ],
)
def test_folders_are_called_as_rules_say(tmp_path: Path, options: Options, new: str) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(of_doe(text(STUDY, "UI", "1.2.7"))))
    with deidentified(path, options) as done:
        assert done.study_instance_uid == new


@pytest.mark.parametrize(
    ("data_set", "syntax"),
    [
        (text(0x00080016, "UI", "DOE"), "1.2.840.10008.1.2.1"),
        (CT + text(0x00080018, "LO", "DOE"), "1.2.840.10008.1.2.1"),
        (CT + text(0x00080018, "UI", "1.2.3\\1.2.4"), "1.2.840.10008.1.2.1"),
        (INSTANCE, "DOE"),
    ],
)
def test_what_would_stand_in_the_file_meta_information(tmp_path: Path, data_set: bytes, syntax: str) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(data_set + text(ID, "LO", "1"), syntax))
    with pytest.raises(InputError) as caught:
        file_of(path)
    assert "DOE" not in str(caught.value)


# ---------------------------------------------------------------- character sets


@pytest.mark.parametrize("charset", [b"ISO_IR 100\\DOE", b"73519264", b"ISO_IR 100\\ISO 73519264"])
def test_what_is_no_character_set(tmp_path: Path, charset: bytes) -> None:
    done = bytes_of(tmp_path, of_doe(charset=charset))
    assert b"DOE" not in done
    assert b"73519264" not in done


@pytest.mark.parametrize("charset", ["ISO_IR 192", "ISO-IR 100", "\\ISO 2022 IR 87", "UTF-8", "ISO 2022 GBK"])
def test_character_sets_stay(tmp_path: Path, charset: str) -> None:
    done = data_set_of(tmp_path, of_doe(charset=charset.encode()))
    assert text_of(done, CHARSET) == charset


@pytest.mark.parametrize(
    ("charset", "name", "there"),
    [
        ("ISO_IR 100", b"Mueller^Juergen", "Bild Müller rechts".encode("latin-1")),
        ("ISO_IR 192", b"Mueller^Juergen", "Bild Müller rechts".encode()),
        ("ISO_IR 192", b"Strasser^Juergen", "Bild Straßer rechts".encode()),
        ("ISO_IR 192", b"KIRIK^AYSE", "Bild k\u0131r\u0131k rechts".encode()),
        ("ISO_IR 192", "ﾔﾏﾀﾞ^ﾀﾛｳ".encode(), "Bild ヤマダ rechts".encode()),
        ("ISO_IR 192", b"Doe^John", "Bild Do\u200be rechts".encode()),
        ("ISO_IR 192", b"Doe^John", "Bild Do\u00ade rechts".encode()),
        ("ISO 2022 IR 100", b"Doe^John", b"Bild Do\x1b(Be rechts"),
    ],
)
def test_a_name_in_other_letters(tmp_path: Path, charset: str, name: bytes, there: bytes) -> None:
    """It is taken out, so that nobody finds it in what was written."""
    path = tmp_path / "in.dcm"
    path.write_bytes(part10(of_doe(text(FREE, "LO", there), charset=charset.encode(), name=name)))
    with deidentified(path) as done:
        (tmp_path / "out.dcm").write_bytes(done.meta + b"".join(done.blocks()))
        with Part10File.open(str(tmp_path / "out.dcm")) as written:
            assert leaks(written, done.identifiers) == []
    assert b"Bild rechts" in (tmp_path / "out.dcm").read_bytes()


# ---------------------------------------------------------------- VRs


@pytest.mark.parametrize("vr", ["US", "UL", "FD", "FL", "AT", "SV"])
@pytest.mark.parametrize("value", ["Doe, J.  ", "DOE     ", "Doe John Fitzgerald."])
def test_words_where_numbers_should_be(tmp_path: Path, vr: str, value: str) -> None:
    """Of a number of another VR than that of PS3.6, or of more of them."""
    done = bytes_of(tmp_path, INSTANCE + text(0x00180050, vr, value) + text(0x00280010, vr, value))
    assert value.strip().encode() not in done


@pytest.mark.parametrize("vr", ["DS", "IS", "AS", "TM", "CS"])
def test_a_name_where_a_number_should_be(tmp_path: Path, vr: str) -> None:
    tag = 0x00080031 if vr == "TM" else 0x00180050
    options = Options(retain=("dates",)) if vr == "TM" else BASIC
    other = text(FREE, "LO", "of Doe today")
    done = bytes_of(tmp_path, of_doe(text(tag, vr, "DOE"), other), options)
    assert b"DOE" not in done.upper()


@pytest.mark.parametrize("vr", ["OB", "UN", "LO"])
def test_a_name_under_another_vr_is_looked_for(tmp_path: Path, vr: str) -> None:
    data_set = INSTANCE + text(FREE, "LO", "of Doe today") + text(NAME, vr, "Doe^John")
    assert b"Doe" not in bytes_of(tmp_path, data_set)


def test_a_name_with_much_room_behind_it_is_looked_for(tmp_path: Path) -> None:
    data_set = of_doe(text(FREE, "LO", "of Doe today"), name="Doe^John" + " " * 20_000)
    assert b"Doe" not in bytes_of(tmp_path, data_set)


def test_pixels_in_a_sequence(tmp_path: Path) -> None:
    pixels = EVL.element(0x7FE00010, "OW", b"whatever")
    assert b"whatever" not in bytes_of(tmp_path, INSTANCE + EVL.sequence(REGION, EVL.item(pixels)))
