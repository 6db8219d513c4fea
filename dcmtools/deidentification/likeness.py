"""Files that are like one that was de-identified before: of them, only what differs is gone through.

What was decided for the bytes that are the same is still right, as long as nothing that it depends on is
among those that differ. Where something was found in text that stays, each file is gone through as a whole.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.deidentification.copying import SEEN
from dcmtools.deidentification.identifiers import Identifiers
from dcmtools.deidentification.layouts import Layout, Likeness
from dcmtools.deidentification.reading import Elements
from dcmtools.deidentification.sweeping import is_to_be_swept
from dcmtools.deidentification.traversal import Traversal
from dcmtools.encoding.syntax import is_deflated
from dcmtools.encoding.tags import MEDIA_STORAGE_SOP_CLASS_UID, SPECIFIC_CHARACTER_SET

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence

    from dcmtools.deidentification.deciding import Context
    from dcmtools.deidentification.deidentified import Deidentified
    from dcmtools.deidentification.draft import Draft
    from dcmtools.deidentification.profile import Profile
    from dcmtools.deidentification.pseudonyms import NewPatient, Patient, Pseudonyms
    from dcmtools.deidentification.substituting import Memo, Subject
    from dcmtools.deidentification.treating import Removed
    from dcmtools.encoding.element import Element
    from dcmtools.files.part10 import Part10File

    Take = Callable[[Identifiers, Sequence[Removed]], None]
    Again = Callable[[Part10File, "Known", Likeness], Deidentified | None]
    Texts = Callable[[Callable[[Element], bool]], list[str]]

_MOST_BATCHES: Final = 32
_MOST: Final = 8
_PATIENCE: Final = 16  # files that none was like, after which hardly any is tried


class Piece(NamedTuple):
    """What stands between two elements that vary: new bytes; what was removed, the UIDs that were mapped."""

    data: bytes
    removed: list[Removed]
    uids: dict[str, str]


class Known(NamedTuple):
    """A file that was done: what is the same in others of its ``kind``, a transfer syntax and a SOP Class."""

    kind: tuple[str, str]
    layout: Layout
    elements: Elements
    pieces: list[Piece]
    place: int  # of the pixel data, in the last of these
    put: set[str]
    actions: Counter[str]
    charset: bytes
    identifiers: Identifiers
    subject: Subject
    standing: tuple[Context, Profile, Pseudonyms, Memo]
    kept_texts: list[str]
    old_patient: Patient
    patient: NewPatient
    methods: list[str]


class Alike(Elements):
    """The elements of a file that is like another; values are right, offsets are those of the other."""

    def __init__(self, file: Part10File, known: Known, like: Likeness) -> None:
        """Take what varies from ``like``, and all else from what is ``known``."""
        self.source, self.start, self.end = file.body()
        self.encoding = file.encoding
        self.top = known.elements.top
        self.tail = 0
        self._known = known.elements
        self._like = like
        self._varying = {each[0]: each for each in like.varying}

    def value(self, tag: int) -> bytes:
        """Return the value of an element at the top."""
        element = self._varying.get(tag)
        if element is None:
            return self._known.value(tag)
        return self._like.data[element[3] : element[3] + element[4]]

    def items(self, tag: int) -> bytes:
        """Return the items of a sequence at the top, which never varies."""
        return self._known.items(tag)


class Outline(Traversal):
    """A pass over what does not vary."""

    def __init__(self, other: Traversal, varying: frozenset[int]) -> None:
        """Prepare to do as ``other`` did, for all but elements ``varying``."""
        self._varying = varying
        self._mark = 0
        self.pieces: list[Piece] = []
        super().__init__(other.elements, *other.standing)
        self.subject = other.subject
        self.insertions, self.code_items = other.insertions, other.code_items

    @property
    def charset(self) -> bytes:
        """The Specific Character Set of the data set."""
        return self._top.charset

    def pieces_of(self, draft: Draft) -> list[Piece]:
        """Return the pieces, with the one behind all that varies."""
        self._end_piece(draft)
        return self.pieces

    def _looked(self) -> None:
        super()._looked()
        self._unseen = SEEN

    def _is_replaced(self, element: Element) -> bool:
        if element[0] not in self._varying:
            return super()._is_replaced(element)
        self._leave_out(element)
        self._end_piece(self._draft)
        return True

    def _end_piece(self, draft: Draft) -> None:
        self.pieces.append(Piece(bytes(draft.data[self._mark :]), [*self.removed], {**self.uids}))
        self._mark = len(draft.data)
        self.removed.clear()
        self.uids.clear()


class Assembly(Traversal):
    """A pass over what varies alone: all else is put in between.

    ``different`` is what was removed of that, ``stayed`` are the values that were not.
    """

    def __init__(self, file: Part10File, known: Known, like: Likeness) -> None:
        """Prepare to do with ``file`` as was done with what is ``known``."""
        super().__init__(Alike(file, known, like), *known.standing)
        self.subject = known.subject
        self._known, self._like = known, like
        self.different: list[Removed] = []
        self.stayed: list[bytes] = []

    def assembled(self) -> Draft:
        """Return the data set; raises InputError where something cannot be done."""
        known, like = self._known, self._like
        self._begin_again()
        self._data, self._base = like.data, 0
        self._top.charset = known.charset
        self.actions.update(known.actions)
        self.put |= known.put
        draft = self._draft
        for piece, element in zip(known.pieces, like.varying, strict=False):
            self._take(piece)
            draft.add(piece.data)
            cuts, removed = len(self._cuts), len(self.removed)
            self._run = element[2]
            self._look(element)
            self._flush(element[3] + element[4])
            self.different += self.removed[removed:]
            if cuts == len(self._cuts):
                self.stayed.append(self._raw(*element[3:5]))
        last = known.pieces[-1]
        self._take(last)
        draft.add(last.data[: known.place])
        draft.span(like.after, known.layout.long)
        draft.add(last.data[known.place :])
        return draft

    def _take(self, piece: Piece) -> None:
        self.removed += piece.removed
        self.uids.update(piece.uids)


class Likenesses:
    """What is known of the files that a process has done last."""

    def __init__(self, take: Take, again: Again) -> None:
        """Begin with none.

        ``take`` has identifiers take what was removed, ``again`` does a file as one that is known was done.
        """
        self._take = take
        self._again = again
        self._known: list[Known] = []
        self._layouts: dict[object, Layout] = {}
        self._misses = 0

    def find(self, file: Part10File) -> tuple[Known, Likeness] | None:
        """Return what is known of a file that ``file`` is like, and how; None if it is like none."""
        if not self._known or is_deflated(file.transfer_syntax):
            return None
        body, kind = file.body(), (file.transfer_syntax, file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID))
        for known in self._known:
            if known.kind == kind and (like := known.layout.likeness(body, file.head)):
                if known is not self._known[0]:
                    self._known = [known, *[each for each in self._known if each is not known]]
                self._misses = 0
                return known, like
        return None

    def learn(
        self, file: Part10File, traversal: Traversal, done: Deidentified, texts: Texts, asked: frozenset[int]
    ) -> None:
        """Note a file that was ``done`` with one pass, for others that are like it.

        ``texts`` returns which texts stay that no table lists, of those of which it is told that they do. On
        the values of those that were ``asked`` for all others depend.
        """
        self._misses += 1
        if self._misses > _PATIENCE and self._misses % _PATIENCE:
            return
        place = file.body(), file.head
        try:
            layout = Layout(*place[0], file.encoding, _all(traversal.elements))
        except ValueError:
            return
        kind = file.transfer_syntax, file.meta_text(MEDIA_STORAGE_SOP_CLASS_UID)
        tags = tuple([each[:2] for each in layout.tops])
        if not all(tag & 0xFFFF for tag, _ in tags):  # the length of a group, which depends on all in it
            return
        key = kind, traversal.subject, tags
        others = self._layouts.pop(key, None)
        if others and not (layout.vary(others) and asked.isdisjoint(layout.varying)):
            return
        if len(self._layouts) >= _MOST:
            del self._layouts[next(iter(self._layouts))]
        self._layouts[key] = layout
        if not layout.varying:
            return
        known, like = self._outlined(kind, layout, traversal, done, texts), layout.likeness(*place)
        again = self._again(file, known, like) if known and like else None
        if known and again and again.is_as(done):
            self._known = [known, *[each for each in self._known if each.layout is not others][: _MOST - 1]]

    def _outlined(
        self, kind: tuple[str, str], layout: Layout, traversal: Traversal, done: Deidentified, texts: Texts
    ) -> Known | None:
        """Return what is the same in files of a layout; None where text has to be searched for what."""
        elements = traversal.elements
        outline = Outline(traversal, layout.varying)
        draft = outline.run()
        pieces = outline.pieces_of(draft)
        charset = elements.value(SPECIFIC_CHARACTER_SET)
        identifiers = Identifiers(charset)
        for piece in pieces:
            self._take(identifiers, piece.removed)
        suspects = identifiers.suspects(bytes(draft.data))
        if outline.warnings or outline.remarks:
            return None
        if is_to_be_swept(elements, outline.stays, suspects, identifiers, outline.put):
            return None
        if texts(outline.stays) != done.kept_texts:  # what varies is among them
            return None
        place = draft.spans[-1][0] - len(draft.data) + len(pieces[-1].data) if draft.spans else 0
        return Known(
            kind, layout, elements, pieces, place, outline.put, outline.actions,
            outline.charset, identifiers, traversal.subject, traversal.standing,
            done.kept_texts, done.old_patient, done.patient, done.methods,
        )  # fmt: skip


def _all(elements: Elements) -> list[Element]:
    """Return all elements; raise ValueError where something follows them, or they are too many."""
    batches = list(islice(elements.batches(), _MOST_BATCHES))
    if elements.tail or len(batches) == _MOST_BATCHES:
        message = "more than is compared"
        raise ValueError(message)
    return [element for batch in batches for element in batch.elements]
