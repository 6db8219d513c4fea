"""What a C-GET proposes: as much as fits, the likelier first (PS3.4 C.4.3.1, PS3.8 9.3.2.2)."""

from __future__ import annotations

from itertools import chain

import pytest

from dcmtools.encoding.uids import is_storage_class
from dcmtools.net.presentation import MAX_CONTEXTS
from dcmtools.query.models import PATIENT_ROOT, STUDY_ROOT
from dcmtools.scu.get_contexts import COMMON, STORED, fits, proposals, roles

EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
JPEG, RLE = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.5"


def classes(count: int) -> list[str]:
    return [f"1.2.840.10008.5.1.4.1.1.{number}" for number in range(1, count + 1)]


def of_one_class(count: int, *syntaxes: str) -> list[tuple[str, ...]]:
    """The transfer syntaxes of the contexts for the last of ``count`` classes."""
    uids = classes(count)
    contexts = proposals(STUDY_ROOT, uids, syntaxes)
    return [each.transfer_syntaxes for each in contexts if each.abstract_syntax == uids[-1]]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 40, 63, 64, 126, 127, 500])
def test_contexts_are_never_too_many(count: int) -> None:
    contexts = proposals(STUDY_ROOT, classes(count), ())
    ids = [each.context_id for each in contexts]
    assert ids == list(range(1, 2 * len(contexts), 2))
    assert len(contexts) <= MAX_CONTEXTS
    assert len({each.abstract_syntax for each in contexts}) == min(count, 126) + 2
    assert len(roles(classes(count))) == min(count, 126)


def test_get_and_find_come_first() -> None:
    first, second, *_ = proposals(PATIENT_ROOT, classes(1), ())
    assert (first.abstract_syntax, second.abstract_syntax) == (PATIENT_ROOT.get, PATIENT_ROOT.find)
    assert first.transfer_syntaxes == (EXPLICIT, IMPLICIT)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_few_classes_have_a_context_for_each_transfer_syntax(count: int) -> None:
    assert of_one_class(count) == [(each,) for each in STORED]
    assert fits(classes(count), ())


@pytest.mark.parametrize("count", [6, 20, 63, 126])
def test_of_many_classes_none_of_the_transfer_syntaxes_is_lost(count: int) -> None:
    contexts = of_one_class(count)
    assert set(chain(*contexts)) == set(STORED)
    assert sum(map(len, contexts)) == len(STORED)
    assert contexts[0][:2] == (EXPLICIT, IMPLICIT)
    assert not fits(classes(count), ())


def test_what_is_compressed_most_often_has_a_context_of_its_own_longest() -> None:
    assert of_one_class(30)[:3] == [(EXPLICIT, IMPLICIT, BIG), (JPEG,), ("1.2.840.10008.1.2.4.90",)]


def test_those_asked_for_alone_in_their_order() -> None:
    assert of_one_class(1, RLE, EXPLICIT) == [(RLE,), (EXPLICIT,)]
    assert of_one_class(126, RLE, EXPLICIT) == [(RLE, EXPLICIT)]
    assert of_one_class(60, JPEG, RLE, STORED[3]) == [(JPEG,), (RLE, STORED[3])]


def test_the_common_classes_are_storage_classes_of_the_standard() -> None:
    from dcmtools.data.uids import UIDS

    assert len(set(COMMON)) == len(COMMON) == 63
    assert of_one_class(63)[0] == (EXPLICIT, IMPLICIT, BIG)
    assert all(is_storage_class(uid) and UIDS[uid][0] for uid in COMMON)
    assert all(UIDS[uid][1] == "Transfer Syntax" for uid in STORED)
    assert len(set(STORED)) == len(STORED)
