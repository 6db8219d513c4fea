"""Content items, and documents in attributes: what stands for those that nobody can clean in parts."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dcmtools.encoding.dataset import encode, made
from dcmtools.encoding.writing import item
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from dcmtools.deidentification.makers import Make, Standing
    from dcmtools.encoding.syntax import Encoding

CONTENT: Final = 0x0040A730
CONCEPT_NAME: Final = 0x0040A043
VALUE_TYPE: Final = 0x0040A040
# Sequences whose items are content items, or begin as these do (PS3.15 E.3.4); cells of tables have no names.
CONTENT_SEQUENCES: Final = frozenset({CONTENT, 0x00400555, 0x00400610, 0x00400612, 0x0040A808, 0x0040B020})
# Attributes of a content item that hold its value (PS3.3 C.17.3.2), in front of which its name stands.
VALUES: Final = frozenset({
    0x0040A120, 0x0040A121, 0x0040A122, 0x0040A123, 0x0040A124, 0x0040A160, 0x0040A168, 0x0040A300,
})  # fmt: skip
DOCUMENT: Final = 0x00420011
DOCUMENT_LENGTH: Final = 0x00420015
_ENCAPSULATED: Final = "1.2.840.10008.5.1.4.1.1.104."
_PDF: Final = (
    b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    b"2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n"
    b"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>\nendobj\n"
    b"xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000054 00000 n \n0000000105 00000 n \n"
    b"trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n168\n%%EOF\n"
)
# By what follows _ENCAPSULATED in the SOP class: PDF, CDA, STL, OBJ, MTL.
_DOCUMENTS: Final = {
    "1": _PDF,
    "2": b'<?xml version="1.0"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3"/>\n',
    "3": bytes(84),
    "4": b"# removed\n",
    "5": b"# removed\n",
}


@lru_cache(maxsize=8)
def dummy_content(encoding: Encoding) -> bytes:
    """Return the one item of a content sequence that says nothing: a comment."""
    name = made(CodeValue="121106", CodingSchemeDesignator="DCM", CodeMeaning="Comment")
    comment = made(
        RelationshipType="CONTAINS", ValueType="TEXT", ConceptNameCodeSequence=[name], TextValue="REMOVED"
    )
    return item(encode(comment, encoding), encoding)


def document(sop_class: str, tag: int) -> Make | None:
    """Return what makes a document that says nothing of one of ``sop_class``, or the length of it.

    Return None where its instances are no documents; what is made raises InputError for a kind of document of
    which there is no empty one.
    """
    if not sop_class.startswith(_ENCAPSULATED):
        return None
    new = _DOCUMENTS.get(sop_class.removeprefix(_ENCAPSULATED))

    def replaced(standing: Standing, _: int, __: bytes) -> bytes:
        if new is None:
            raise InputError("it holds a document of a kind for which there is no empty one")
        return new if tag == DOCUMENT else standing.raw("UL", str(len(new)))

    return replaced
