"""What a CDA document (HL7 v3 ClinicalDocument) says of itself: its root, and what stands directly below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT: Final = "ClinicalDocument"
_LONGEST: Final = 1024  # characters of ST
_BELOW_ROOT: Final = 2
_MARKS: Final = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<\0", b"\xfe\xff\0<", b"<\0", b"\0<")


class Said(NamedTuple):
    """The ``root`` element's name, without namespace, and what the document says of itself as far as read.

    ``identifier`` is as DICOM has it, root and extension with a caret between (PS3.3 C.24.2); ``trouble`` is
    what keeps it from being read, or from being read rightly.
    """

    root: str
    identifier: str = ""
    title: str = ""
    trouble: str = ""

    @property
    def is_cda(self) -> bool:
        """Whether the document is a CDA."""
        return self.root == _ROOT


def said(head: bytes) -> Said | None:
    """Return what a document that begins with ``head`` says of itself, None where it is no XML.

    Entities that it declares do not expand, and nothing that it refers to is read.
    """
    if not head.lstrip(b" \t\r\n").startswith(_MARKS):
        return None
    from xml.parsers.expat import ExpatError, ParserCreate

    outline = _Outline()
    parser = ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = outline.start
    parser.EndElementHandler = outline.end
    parser.CharacterDataHandler = outline.text
    parser.DefaultHandler = outline.other  # with one, expat leaves entities as they are
    trouble = ""
    try:
        parser.Parse(head.lstrip(b" \t\r\n"), False)
    except (ExpatError, ValueError, LookupError) as error:
        trouble = f"the XML is not well-formed, or in an encoding that is not known here: {error}"
    if not outline.root:
        return Said("", trouble=trouble)
    title = " ".join("".join(outline.title).split())
    if outline.unread:
        title, trouble = "", "its title has entities of its own, which are not expanded"
    if len(title) > _LONGEST:
        title, trouble = title[:_LONGEST], f"its title is cut after {_LONGEST} characters"
    identifier = outline.identifier
    if len(identifier) > _LONGEST:
        identifier, trouble = "", f"its id is longer than {_LONGEST} characters"
    return Said(outline.root, identifier, title, trouble)


class _Outline:
    """The handlers of the parser: the first ``id`` and ``title`` that are children of the root."""

    def __init__(self) -> None:
        self.root = self.identifier = ""
        self.title: list[str] = []
        self.unread = False
        self._depth = 0
        self._met: set[str] = set()
        self._within = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        local = name.rpartition(" ")[2]
        self._depth += 1
        if self._depth == 1:
            self.root = local
        elif self._depth == _BELOW_ROOT and local not in self._met:
            self._met.add(local)
            self._within = local == "title"
            if local == "id" and attributes.get("root"):
                both = (attributes["root"], attributes.get("extension", ""))
                self.identifier = "^".join(" ".join(each.split()) for each in both if each)

    def end(self, _: str) -> None:
        if self._depth == _BELOW_ROOT:
            self._within = False
        self._depth -= 1

    def text(self, text: str) -> None:
        if self._within:
            self.title.append(text)

    def other(self, text: str) -> None:
        self.unread |= self._within and text.startswith("&")
