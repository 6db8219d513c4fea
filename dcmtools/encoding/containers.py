"""What is around an element: the data set, sequences, items, encapsulated pixel data (PS3.5 7.5, A.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.encoding.charset import unpadded
from dcmtools.encoding.dictionary import PrivateBlocks, lookup, private_lookup
from dcmtools.encoding.tags import ITEM, format_tag, is_private

if TYPE_CHECKING:
    from dcmtools.encoding.syntax import Encoding

MAX_DEPTH: Final = 100
# What a container holds: elements, items, fragments.
DATA_SET, SEQUENCE, FRAGMENTS = range(3)


class Container:
    """A data set or item, a sequence, or encapsulated pixel data that is being walked."""

    __slots__ = ("defined", "encoding", "items", "limit", "signed", "state", "tag")

    def __init__(
        self, tag: int, state: int, limit: int, *, defined: bool, encoding: Encoding, signed: bool
    ) -> None:
        """Begin ``tag``'s container, which ends at ``limit`` if that is ``defined`` and before it if not."""
        self.tag = tag
        self.state = state
        self.limit = limit
        self.defined = defined
        self.encoding = encoding
        self.signed = signed
        self.items = 0


class Containers:
    """The containers that a walk stands in, ``top`` the innermost; ``depth`` counts those around it.

    Beside them stand the private creators in force in each.
    """

    __slots__ = ("_blocks", "_stack", "depth", "top")

    def __init__(self, root: Container) -> None:
        """Begin in the data set ``root``."""
        self.top = root
        self.depth = 0
        self._stack = [root]
        self._blocks = PrivateBlocks()

    @property
    def full(self) -> bool:
        """Whether sequences are nested as deep as they may be."""
        return self.depth > 2 * MAX_DEPTH - 1

    @property
    def outer(self) -> Container:
        """The container around the innermost; the data set stands in itself."""
        return self._stack[max(self.depth - 1, 0)]

    def enter(self, container: Container) -> None:
        """Go into ``container``."""
        self._stack.append(container)
        self.top = container
        self.depth += 1
        if container.state == DATA_SET:
            self._blocks.enter(self.depth)

    def leave(self) -> bool:
        """Leave the innermost container; return False where that is the data set, which is not left."""
        if not self.depth:
            return False
        self._stack.pop()
        self.top = self._stack[-1]
        self.depth -= 1
        return True

    def reserve(self, tag: int, raw: bytes) -> None:
        """Take note of the private creator ``tag`` with the value ``raw`` in the item in hand."""
        self._blocks.reserve(self.depth, tag, unpadded(raw))

    def dictionary_vr(self, tag: int) -> str:
        """Return the VR that the dictionaries have for ``tag`` here."""
        if is_private(tag) and tag & 0xFFFF > 0xFF:
            return private_lookup(self._blocks.creator(self.depth, tag), tag)[0]
        return lookup(tag)[0]

    def path(self, tag: int) -> str:
        """Return where an element with ``tag`` stands, its middle left out where that is long."""
        steps = [
            f"{format_tag(each.tag)}[{max(each.items - 1, 0)}]"
            for each in self._stack[1:]
            if each.tag != ITEM
        ]
        if tag >> 16 != 0xFFFE:
            steps.append(format_tag(tag))
        if len(steps) > 8:
            steps[4:-3] = ["..."]
        return ".".join(steps)
