"""What a CDA says of itself."""

from __future__ import annotations

import pytest

from dcmtools.conversion.cda import said

ROOT = '<ClinicalDocument xmlns="urn:hl7-org:v3">'


@pytest.mark.parametrize("head", [b"", b"text", b"%PDF-1.4", b"\xff\xd8\xff"])
def test_what_is_no_xml(head: bytes) -> None:
    assert said(head) is None


@pytest.mark.parametrize("head", [b"<html><ClinicalDocument/>", b"<", b"<<<<"])
def test_xml_that_is_none(head: bytes) -> None:
    found = said(head)
    assert found
    assert not found.is_cda


@pytest.mark.parametrize(
    "before", ["", '<?xml version="1.0"?>', " \n", "<!-- <ClinicalDocument> -->", "\ufeff", "<!DOCTYPE x>"]
)
def test_the_root_tells(before: str) -> None:
    found = said((before + ROOT).encode())
    assert found
    assert found.is_cda


def test_prefixes_mean_nothing() -> None:
    text = '<a:ClinicalDocument xmlns:a="urn:hl7-org:v3"><a:id root="1"/><a:title>T</a:title>'
    found = said(text.encode())
    assert found
    assert (found.is_cda, found.identifier, found.title) == (True, "1", "T")


@pytest.mark.parametrize(
    ("inner", "identifier", "title"),
    [
        ('<id root="1" extension="2"/>', "1^2", ""),
        ('<id extension="2"/>', "", ""),
        ('<id nullFlavor="NI"/><id root="3"/>', "", ""),
        ('<author><id root="4"/><title>Dr</title></author><title>T</title>', "", "T"),
        ("<component><section><title>Allergies</title></section></component>", "", ""),
        ("<title> a\n<![CDATA[<b>]]> </title><title>other</title>", "", "a <b>"),
        ("<title>a<sub>b</sub>c</title>", "", "abc"),
        ('<!-- <id root="5"/> --><![CDATA[<id root="6"/>]]>', "", ""),
        ('<id root="7" extension="%s"/>' % ("x" * 2000), "", ""),
        ("<title>%s</title>" % ("x" * 2000), "", "x" * 1024),
    ],
)
def test_only_what_is_directly_below_the_root_counts(inner: str, identifier: str, title: str) -> None:
    found = said((ROOT + inner).encode())
    assert found
    assert (found.identifier, found.title) == (identifier, title)
    assert bool(found.trouble) == ("x" * 2000 in inner)


def test_nothing_is_expanded_or_fetched() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    doctype = f'<!DOCTYPE x [<!ENTITY e0 "x"><!ENTITY f SYSTEM "file:///etc/passwd">{entities}]>'
    for title in ("&e11;", "a&f;b"):
        found = said(f"{doctype}{ROOT}<title>{title}</title>".encode())
        assert found
        assert (found.title, "not expanded" in found.trouble) == ("", True)


def test_depth_costs_nothing() -> None:
    found = said((ROOT + "<a>" * 80000).encode())
    assert found
    assert found.is_cda


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1", "iso8859_15", "koi8_r"])
def test_encodings(encoding: str) -> None:
    title = "Отчёт" if encoding == "koi8_r" else "Müller"
    name = {"iso8859_15": "ISO-8859-15", "koi8_r": "KOI8-R", "latin-1": "ISO-8859-1"}.get(encoding, encoding)
    found = said(f'<?xml version="1.0" encoding="{name}"?>{ROOT}<title>{title}</title>'.encode(encoding))
    assert found
    assert found.title == title


def test_an_encoding_that_is_not_known_is_told_of() -> None:
    found = said(f'<?xml version="1.0" encoding="shift_jis"?>{ROOT}'.encode())
    assert found
    assert "encoding that is not known here" in found.trouble
