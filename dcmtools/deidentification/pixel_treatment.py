"""What is to become of the pixel data of a file, and what is to be told of it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self

    from dcmtools.editing.splice import Edit
    from dcmtools.encoding.element import Span


class Blocks(NamedTuple):
    """Bytes that are made when they are wanted: ``size`` of them; reading them raises InputError."""

    size: int
    blocks: Callable[[], Iterator[bytes]]


Piece: TypeAlias = "bytes | Span | Blocks"
"""Spans are of the source of the data set."""


class PixelTreatment:
    """What is to become of the pixel data of a file; to be closed when that is written.

    ``suspect`` says why it may tell of the patient, if it may. ``element`` is what stands in the place of the
    element at the top, its header included, and its delimiter: None for what is there, nothing where it goes.
    ``edits`` are changes of others at the top, ``done`` the codes of CID 7050 that are true of it now. The
    transfer syntax is another one where ``transfer_syntax`` names one, encoded in the same way. ``warnings``
    and ``changes`` are for people: the latter are what was asked for.
    """

    def __init__(self) -> None:
        """Begin with nothing to be done."""
        self.suspect = ""
        self.element: tuple[Piece, ...] | None = None
        self.edits: list[Edit] = []
        self.done: frozenset[str] = frozenset()
        self.transfer_syntax = ""
        self.warnings: list[str] = []
        self.changes: list[str] = []
        self.held: ExitStack | None = None

    @property
    def says_something(self) -> bool:
        """Whether pixel data or what is said of it is to change, or people are to be told of it."""
        told = self.suspect or self.warnings or self.changes or self.done
        return bool(self.element is not None or self.edits or self.transfer_syntax or self.held or told)

    def hold(self) -> ExitStack:
        """Return what holds temporary files until it is closed."""
        if self.held is None:
            self.held = ExitStack()
        return self.held

    def close(self) -> None:
        """Let go of temporary files."""
        if self.held:
            self.held.close()

    def __enter__(self) -> Self:
        """Use it in a ``with`` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it at the end of the block."""
        self.close()
