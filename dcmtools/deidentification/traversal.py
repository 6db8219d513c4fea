"""One pass over a data set, element by element: what goes into the draft of the new one."""

from __future__ import annotations

from bisect import bisect_right
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dcmtools.codecs.frames import PIXEL_TAGS
from dcmtools.deidentification import content, method
from dcmtools.deidentification.deciding import PSEUDONYM, Mode
from dcmtools.deidentification.makers import OF_PATIENTS
from dcmtools.deidentification.treating import LONG, Pass, Treating
from dcmtools.encoding.dictionary import lookup
from dcmtools.encoding.element import NO_STOP, UNDEFINED, Span
from dcmtools.encoding.tags import ITEM, format_tag
from dcmtools.encoding.values import TEXT_VRS
from dcmtools.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dcmtools.deidentification.copying import Level
    from dcmtools.deidentification.draft import Draft
    from dcmtools.deidentification.identifiers import Identifiers
    from dcmtools.deidentification.pixel_treatment import Piece
    from dcmtools.deidentification.reading import Batch
    from dcmtools.encoding.element import Element

# A content item of which no code has told what it is about.
_NAMELESS: Final = Mode(content=True, value="D")


class Traversal(Treating):
    """Passes over a data set.

    What depends on the file is set before ``run``: ``insertions`` are elements that are to be at the top,
    ``code_items`` what is to be added to the codes of methods that are there, ``pixels`` what is to stand in
    the place of pixel data, if that is not what is there, for which the rule is ``pixel_rule``.
    """

    pixel_rule = ""
    code_items: Mapping[str, bytes] = MappingProxyType({})
    pixels: Sequence[Piece] | None = None

    def run(self, kind: Pass = Pass.NOTING, identifiers: Identifiers | None = None) -> Draft:
        """Return the data set after a pass; raises InputError where something cannot be done."""
        self._pass, self._identifiers = kind, identifiers
        self._begin_again()
        for batch in self.elements.batches():
            self._batch(batch)
        end = self.elements.end
        self._close_down_to(0, end)
        self._insert(NO_STOP, end)
        self._flush(end)
        self._settle_group(self._top)
        return self._draft

    def again(self) -> Draft:
        """Return the data set after another pass of the kind of the last."""
        return self.run(self._pass, self._identifiers)

    def stays(self, element: Element) -> bool:
        """Tell whether an element has been copied as it is, or added to."""
        return element[0] == method.METHOD or not bisect_right(self._cuts, element[2]) & 1

    def changes(self, begin: int, after: int) -> bool:
        """Tell whether anything between two offsets has been left out."""
        number = bisect_right(self._cuts, begin)
        return bool(number & 1) or (number < len(self._cuts) and self._cuts[number] < after)

    def _closing(self, level: Level, at: int) -> None:
        if level.tag == method.CODES and level.depth == 0:
            self._flush(at)
            self._add_codes(level, at)

    def _closed(self, level: Level) -> None:
        if self._names and level.is_sequence and level.tag == content.CONCEPT_NAME:
            self._named()

    def _batch(self, batch: Batch) -> None:
        """Go through the elements of a window: those that stay unseen, or just go, cost next to nothing."""
        elements, self._data, self._base, after = batch
        here, due, (kept, sized, dropped) = self._here, self._due, self._unseen
        count = 0
        for element in elements:
            tag, vr, at, value, length, depth = element
            if depth == here and tag < due and length < LONG:
                if kept(tag) == vr or sized(tag) == (vr, length):
                    continue
                if dropped(tag) == vr:
                    if self._run != at:
                        self._flush(at)
                    self._run = value + length
                    self._cuts += (at, self._run)
                    count += 1
                    if vr in TEXT_VRS and not tag & 0x10000:
                        self._note(element, self._top.charset)
                    continue
            self._look(element)
            here, due, (kept, sized, dropped) = self._here, self._due, self._unseen
        if count:
            self.actions["X"] += count
        self._flush(after)

    def _look(self, element: Element) -> None:
        tag, vr, at, _, _, depth = element
        if self._gone != NO_STOP and self._is_gone(element):
            return
        if self._top.depth >= depth:
            self._close_down_to(depth, at)
            if self._gone != NO_STOP and self._is_gone(element):  # as the name that ended there says
                return
        if not vr:
            self._structure(element)
            return
        top = self._top
        if depth != top.depth + 1:  # what nobody went into is not copied unseen
            raise InputError(f"offset {at}, {format_tag(tag)}: a sequence stands where a value should")
        if top.group and tag >> 16 != top.group[0]:
            self._flush(at)
            self._settle_group(top)
        if tag >= self._due:
            self._insert(tag, at)
        action = top.context.action(tag, vr)
        if depth or not self._is_replaced(element):
            self.treat(action, element)
        if self.explaining:
            self._explain(element)

    def _is_replaced(self, element: Element) -> bool:
        """Tell whether something stands in the place of an element at the top, whatever was decided."""
        if element[0] in self.insertions:
            self._leave_out(element)
            self._did = "D" if self.insertions[element[0]] else "X", self._inserting_rule(element[0])
        elif element[0] in PIXEL_TAGS and self.pixels is not None:
            self._leave_out(element)
            self._add_pixels(self.pixels)
            self._did = "C" if self.pixels else "X", ""
        else:
            return False
        return True

    def _structure(self, element: Element) -> None:
        """Go on at an item, a fragment or a delimiter."""
        tag, _, at, _, _, depth = element
        top = self._top
        if tag != ITEM:
            if self._fragments >= 0 and depth == top.depth + 1:
                self._draft.span(self._fragments, at - self._fragments)
                self._fragments, self._run = -1, at
        elif top.is_sequence and depth == top.depth + 1:
            top.item += 1
            mark = None
            if top.context.mode.content:
                self._flush(at)
                mark = self._draft.mark()
            context = top.context if mark is None else top.context.as_mode(_NAMELESS)
            level = self._opened(element, context, top.encoding)
            level.slow = top.slow or mark is not None
            level.mark = mark
            self._enter(level)

    def _named(self) -> None:
        """Decide on the content item whose name has been read."""
        level, self._names = self._names, None
        if level is None or level is not self._top:
            return
        value, scheme, value_type = level.concept
        code = self._profile.concept(value, scheme.upper(), value_type) if value else _NAMELESS.value
        if code.startswith("X"):
            self._leave_out_item(level)
        else:
            level.context = level.context.as_mode(Mode(content=True, value=code))

    def _leave_out_item(self, level: Level) -> None:
        """Take back the item ``level`` of which a part has been copied."""
        if level.mark is None:
            return
        self.actions["X"] += 1
        if self.explaining:
            self._explain_gone(level)
        self._draft.drop(level.mark)
        self._levels.pop()
        self._top = self._levels[-1]
        self._gone, self._gone_charset = level.depth, level.charset
        self._gone_open = level.length == UNDEFINED
        self._run = NO_STOP if self._gone_open else level.value + level.length
        begin = level.value - 8
        while self._cuts and self._cuts[-1] > begin:  # of what stood in it
            del self._cuts[-2:]
        self._cuts += (begin, self._run)

    def _add_pixels(self, pieces: Sequence[Piece]) -> None:
        """Go on with what stands in the place of pixel data."""
        for piece in pieces:
            if isinstance(piece, bytes):
                self._draft.add(piece)
            elif isinstance(piece, Span):
                self._draft.span(*piece)
            else:
                self._draft.stream(piece.size, piece.blocks)

    def _add_codes(self, level: Level, at: int) -> None:
        """Put the codes of methods in which are not there yet."""
        there = self._raw(level.value, at - level.value)
        for value, item in self.code_items.items():
            if value.encode("ascii") not in there:
                self._draft.add(item)

    # ---------------------------------------------------------------- what people are told of it

    def _insert(self, upto: int, at: int) -> None:
        due = [tag for tag in reversed(self._inserted) if tag <= upto] if self.explaining else ()
        super()._insert(upto, at)
        for tag in due:
            if tag not in self.elements.top and self.insertions[tag]:
                vr = lookup(tag)[0].partition(" ")[0]
                self._explained(format_tag(tag), tag, vr, "A", self._inserting_rule(tag))

    def _inserting_rule(self, tag: int) -> str:
        if tag in method.SAID:
            return "method"
        rule = self._profile.rule(tag)
        return f"rule: {rule.source}" if rule and rule.action == "set" else self.pixel_rule

    def _explain(self, element: Element) -> None:
        tag, vr, _, _, length, depth = element
        steps = self._steps(depth)
        code, rule = self._did
        if not length and code == "K" and vr != "SQ":
            rule = "it has no value"
        elif tag in PIXEL_TAGS and not depth:
            rule = self.pixel_rule
        elif tag == method.CODES and not depth and self.code_items:
            code = "A"  # to what is there
        elif rule.endswith(PSEUDONYM):
            rule = rule + self._whose(tag, depth) if code == "D" else rule.removesuffix(f": {PSEUDONYM}")
        self._explained(".".join([*steps, format_tag(tag)]), tag, vr, code, rule)

    def _steps(self, depth: int) -> list[str]:
        """Return the sequences around an element of ``depth``, each with the number of the item."""
        return [
            f"{format_tag(level.tag)}[{level.item}]"
            for level in self._levels
            if level.is_sequence and level.depth < depth
        ]

    def _whose(self, tag: int, depth: int) -> str:
        """Return where a pseudonym comes from."""
        of_map = tag in OF_PATIENTS and not depth and self.patient and self.patient.given
        return " of the map" if of_map else " by the key"

    def _explained(self, path: str, tag: int, vr: str, code: str, rule: str) -> None:
        self.explained.append(
            {"path": path, "keyword": lookup(tag)[2], "vr": vr, "rule": rule, "action": code}
        )

    def _explain_gone(self, level: Level) -> None:
        """Put right what was told of the elements of an item that goes after all."""
        item = ".".join(self._steps(level.depth + 1))
        for row in reversed(self.explained):
            if not row["path"].startswith(item + "."):
                break
            row["action"], row["rule"] = "X", "Table E.3.4-1 X"
