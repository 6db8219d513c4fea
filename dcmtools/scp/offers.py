"""What an archive offers beside storage: the services of PS3.4 Annex C, whoever answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dcmtools.acceptor.service import Service
from dcmtools.encoding.syntax import (
    EXPLICIT_VR_BIG_ENDIAN,
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
)
from dcmtools.net.dimse import CommandField
from dcmtools.query.models import MODELS

if TYPE_CHECKING:
    from dcmtools.acceptor.service import Answer

# Of identifiers, the preferred one first.
_SYNTAXES: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN)
_FINDS: Final = frozenset([model.find for model in MODELS])
_MOVES: Final = frozenset([model.move for model in MODELS])
_GETS: Final = frozenset([model.get for model in MODELS])


def find_services(find: Answer) -> list[Service]:
    """Return what offers C-FIND, answered by ``find``, which counts what it has ``found``."""
    answers: dict[int, Answer] = {CommandField.C_FIND_RQ: find}
    return [Service(_FINDS.__contains__, answers, _SYNTAXES, negotiates=supported, counts=("found",))]


def retrieve_services(move: Answer, get: Answer) -> list[Service]:
    """Return what offers C-MOVE and C-GET, answered by ``move`` and ``get``, which count what they ``sent``.

    For C-GET the storage service has to allow for reversed roles.
    """
    moves: dict[int, Answer] = {CommandField.C_MOVE_RQ: move}
    gets: dict[int, Answer] = {CommandField.C_GET_RQ: get}
    return [
        Service(_MOVES.__contains__, moves, _SYNTAXES, negotiates=relational, counts=("sent",)),
        Service(_GETS.__contains__, gets, _SYNTAXES, negotiates=relational, counts=("sent",)),
    ]


def supported(asked: bytes) -> bytes:
    """Return what is agreed to of an extended negotiation (PS3.4 C.5.1.1): relational and combined queries.

    Neither fuzzy matching of names nor adjustment to time zones is.
    """
    return bytes([place < 2 and byte == 1 for place, byte in enumerate(asked)])


def relational(asked: bytes) -> bytes:
    """Return what is agreed to of that for a retrieval: relational ones (PS3.4 C.5.2.1 and C.5.3.1)."""
    return bytes([place == 0 and byte == 1 for place, byte in enumerate(asked)])
