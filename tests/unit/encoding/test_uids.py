"""UIDs (PS3.5 section 9, PS3.6 Annex A, PS3.4 B.5)."""

from __future__ import annotations

import pytest

from dcmtools.encoding.uids import is_storage_class, is_uid, storage_class_named, uid_name


@pytest.mark.parametrize("text", ["1.2.840.10008.1.1", "0", "2.25.1", "1." * 31 + "12", "1.02.3"])
def test_digits_and_dots_are_a_uid(text: str) -> None:
    assert is_uid(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "1.",
        ".1",
        "1..2",
        "1.2 ",
        "1.2\n",
        "1.a",
        "1.2\0",
        "1/2",
        "../1",
        "\u0661.\u0662",
        "1." * 32 + "1",
    ],
)
def test_nothing_else_is(text: str) -> None:
    """PS3.5 9.1: at most 64 characters; nothing that could lead out of a folder."""
    assert not is_uid(text)


def test_a_uid_has_the_keyword_of_ps36_or_itself_for_a_name() -> None:
    assert uid_name("1.2.840.10008.1.2.1") == "ExplicitVRLittleEndian"
    assert uid_name("1.2.3.\x1b") == "1.2.3.\x1b"


@pytest.mark.parametrize(
    ("uid", "storage"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", True),
        ("1.2.840.10008.5.1.4.1.1.7", True),
        ("1.2.840.10008.5.1.4.1.1.9999", True),  # to come
        ("1.2.840.113619.4.30", True),  # private
        ("1.2.840.10008.1.3.10", False),  # a DICOMDIR
        ("1.2.840.10008.1.20.1", False),  # storage commitment
        ("1.2.840.10008.1.1", False),
        ("1.2.840.10008.1.2.1", False),
        ("1.2.840.10008.5.1.4.1.2.2.1", False),
        ("1.2.840.10008.999", False),
        ("", False),
        ("not a uid", False),
    ],
)
def test_storage_classes(uid: str, storage: bool) -> None:
    assert is_storage_class(uid) is storage


@pytest.mark.parametrize(
    "text", ["1.2.840.10008.5.1.4.1.1.2", "CTImageStorage", "ctimage", "CTImageStorage".upper()]
)
def test_storage_classes_by_name(text: str) -> None:
    assert storage_class_named(text) == "1.2.840.10008.5.1.4.1.1.2"


@pytest.mark.parametrize(
    ("text", "hint"),
    [("CTImag", "CTImageStorage"), ("Verification", ""), ("1.2.840.10008.1.1", ""), ("", ""), ("CT", "")],
)
def test_what_is_no_storage_class(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=f"no storage SOP class.*{hint}"):
        storage_class_named(text)
