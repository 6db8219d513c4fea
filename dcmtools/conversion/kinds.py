"""What a file that is to be wrapped is, by its bytes: its name may say something else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.conversion.cda import said
from dcmtools.errors import InputError, NotDicom
from dcmtools.files.inputs import Sought

if TYPE_CHECKING:
    from dcmtools.conversion.cda import Said
    from dcmtools.files.source import FileSource

PDF: Final = "pdf"
CDA: Final = "cda"
STL: Final = "stl"
JPEG: Final = "jpeg"
PNG: Final = "png"
IMAGES: Final = (JPEG, PNG)
DOCUMENTS: Final = (PDF, CDA, STL)
_NAMED: Final = {
    ".pdf": PDF,
    ".xml": CDA,
    ".cda": CDA,
    ".stl": STL,
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".png": PNG,
}
ENDINGS: Final = tuple(_NAMED)
# Other XML than CDA is common, and has its name by right.
SOUGHT: Final = Sought("document or picture", tuple(each for each in ENDINGS if each != ".xml"))
_HEAD: Final = 256 * 1024
_TAIL: Final = 2048
_PDF_WITHIN: Final = 1024
_BEGINNINGS: Final = {PNG: b"\x89PNG\r\n\x1a\n", JPEG: b"\xff\xd8\xff"}
_STL_HEAD: Final = 84  # bytes of a binary STL before its facets, of 50 each
_FACET: Final = 50
_CDA: Final = re.compile(rb"<(?:[\w.-]+:)?ClinicalDocument[\s>]")
_ENCRYPTED: Final = re.compile(rb"/Encrypt[\s<]")
_XREF: Final = re.compile(rb"startxref\s+(\d{1,15})")
_PREFIX: Final = slice(128, 132)


class Found(NamedTuple):
    """What a file is: its ``kind``, how its ``head`` begins, and ``warnings`` about it.

    ``identifier`` and ``title`` are what a CDA says of itself. ``source`` is open only while it is worked on.
    """

    kind: str
    source: FileSource
    head: bytes
    warnings: tuple[str, ...] = ()
    identifier: str = ""
    title: str = ""


def found(source: FileSource, name: str = "") -> Found:
    """Return what ``source`` is; raise NotDicom where it is nothing that is wrapped, InputError where broken.

    ``name`` is that of the file: where it says another kind, that is one of the warnings.
    """
    head = source.read(0, min(_HEAD, source.size))
    what = _found(source, head)
    ending = next((each for each in _NAMED if name.lower().endswith(each)), "")
    if ending and _NAMED[ending] != what.kind:
        told = f"by its bytes it is {what.kind.upper()}, not what its name says"
        return what._replace(warnings=(told, *what.warnings))
    return what


def _found(source: FileSource, head: bytes) -> Found:
    if not head:
        raise NotDicom("the file is empty")
    if head[_PREFIX] == b"DICM":
        raise NotDicom("it is a DICOM file already: 'dcmtools unwrap' takes out what is in it")
    for kind, begin in _BEGINNINGS.items():
        if head.startswith(begin):
            return Found(kind, source, head)
    if b"%PDF-" in head[:_PDF_WITHIN]:
        return Found(PDF, source, head, tuple(_faults_of_pdf(source, head)))
    if (xml := said(head)) and (xml.is_cda or (xml.trouble and _CDA.search(head))):
        return _cda(source, head, xml)
    if _is_stl(source, head):
        return Found(STL, source, head)
    raise _none(head, xml)


def _is_stl(source: FileSource, head: bytes) -> bool:
    return source.size >= _STL_HEAD and source.size == _STL_HEAD + _FACET * int.from_bytes(
        head[80:84], "little"
    )


def _none(head: bytes, xml: Said | None) -> InputError:
    """Return what there is to say of a file that is not wrapped."""
    if head[:5].lower() == b"solid":
        return InputError("an STL in ASCII, where DICOM wants a binary one (PS3.3 C.35.1)")
    if xml:
        return NotDicom(
            f"XML, but no CDA document (HL7 v3 ClinicalDocument){xml.trouble and f': {xml.trouble}'}"
        )
    return NotDicom("neither PDF, CDA, binary STL, JPEG nor PNG, by its bytes")


def _faults_of_pdf(source: FileSource, head: bytes) -> list[str]:
    """Return what may keep others from reading a PDF, which is wrapped as it is all the same."""
    tail = source.read(max(0, source.size - _TAIL), min(_TAIL, source.size))
    faults = []
    if not head.startswith(b"%PDF-"):
        faults.append("the PDF does not begin at its first byte")
    if b"%%EOF" not in tail:
        faults.append("the PDF has no end (%%EOF): it may be cut")
    if _ENCRYPTED.search(tail) or _ENCRYPTED.search(head) or _ENCRYPTED.search(_trailer(source, tail)):
        faults.append("the PDF is encrypted: who has no password cannot read it")
    return faults


def _trailer(source: FileSource, tail: bytes) -> bytes:
    """Return the beginning of the last cross-reference of a PDF, whose own dictionary a stream of it has."""
    found = _XREF.findall(tail)
    at = int(found[-1]) if found else source.size
    return source.read(at, min(_TAIL, source.size - at)) if at < source.size else b""


def _cda(source: FileSource, head: bytes, xml: Said) -> Found:
    """Return what a CDA says of itself."""
    tail = source.read(max(0, source.size - _TAIL), min(_TAIL, source.size)).replace(b"\0", b"")
    cut = "" if b"ClinicalDocument>" in tail else "the CDA has no end: it may be cut"
    return Found(CDA, source, head, tuple(filter(None, (cut, xml.trouble))), xml.identifier, xml.title)
