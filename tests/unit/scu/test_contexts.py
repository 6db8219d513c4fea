"""Presentation contexts for what is to be sent (PS3.4 B.3, PS3.5 10.1, PS3.8 9.3.2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import PeerFailure
from dcmtools.files.inputs import Input
from dcmtools.files.instance import Instance
from dcmtools.net.negotiated import Context
from dcmtools.scu.contexts import agreed, batches
from dcmtools.scu.storing import StoreOptions

if TYPE_CHECKING:
    from dcmtools.net.association import Association
    from dcmtools.scu.storing import Transcode

CT, MR, VIDEO = (f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("2", "4", "77.1.1.1"))
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
SR, J2K, J2K_LOSSY, MPEG = (
    "1.2.840.10008.5.1.4.1.1.88.11",
    *(f"1.2.840.10008.1.2.4.{last}" for last in ("90", "91", "102")),
)
BASELINE, LOSSLESS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"


def instance(sop_class: str, syntax: str, number: int = 0) -> Instance:
    return Instance(Input(f"{number}"), sop_class, f"2.25.{number}", syntax, 0, 0, (0, 0))


def proposed(*instances: Instance, transcode: Transcode = "never") -> list[tuple[str, tuple[str, ...]]]:
    [(contexts, members)] = batches(instances, transcode)
    assert members == list(instances)
    assert [each.context_id for each in contexts] == list(range(1, 2 * len(contexts), 2))
    return [(each.abstract_syntax, each.transfer_syntaxes) for each in contexts]


def test_one_context_for_each_pair_and_the_default() -> None:
    """PS3.5 10.1: the default transfer syntax is offered for each SOP class."""
    assert proposed(instance(CT, EXPLICIT), instance(CT, LOSSLESS), instance(MR, BIG)) == [
        (CT, (EXPLICIT,)),
        (CT, (LOSSLESS,)),
        (CT, (IMPLICIT,)),
        (MR, (BIG,)),
        (MR, (IMPLICIT,)),
    ]


def test_pairs_stand_once() -> None:
    assert proposed(*[instance(CT, IMPLICIT, number) for number in range(500)]) == [(CT, (IMPLICIT,))]


def test_no_default_for_what_is_there_in_lossy_form_only() -> None:
    """PS3.5 10.1: who holds an object in lossy form only need not offer the default."""
    assert proposed(instance(VIDEO, BASELINE)) == [(VIDEO, (BASELINE,))]
    assert proposed(instance(CT, BASELINE), instance(CT, LOSSLESS)) == [
        (CT, (BASELINE,)),
        (CT, (LOSSLESS,)),
        (CT, (IMPLICIT,)),
    ]


def test_nothing_to_send_needs_no_association() -> None:
    assert list(batches([])) == []


def test_no_association_has_more_than_128_contexts() -> None:
    """PS3.8 9.3.2.2: context IDs are the odd numbers of a byte."""
    instances = [instance(f"1.2.{number % 150}", EXPLICIT, number) for number in range(450)]
    found = list(batches(instances))
    assert [len(contexts) for contexts, _ in found] == [128, 128, 44]
    assert sorted(each for _, members in found for each in members) == sorted(instances)
    for contexts, members in found:
        classes = {each.abstract_syntax for each in contexts}
        assert {each.sop_class_uid for each in members} == classes
        assert [each.path for each in members] == sorted((each.path for each in members), key=int)
        default = {each.abstract_syntax for each in contexts if each.transfer_syntaxes == (IMPLICIT,)}
        assert default == classes
        assert {each.context_id for each in contexts} <= set(range(1, 256, 2))


def test_a_class_in_more_syntaxes_than_fit() -> None:
    """Each association that proposes the class proposes the default with it."""
    instances = [instance(CT, f"2.25.{number}", number) for number in range(300)] + [instance(CT, IMPLICIT)]
    found = list(batches(instances))
    assert [len(contexts) for contexts, _ in found] == [128, 128, 47]
    assert sorted(each for _, members in found for each in members) == sorted(instances)
    for contexts, members in found:
        syntaxes = {each.transfer_syntaxes[0] for each in contexts}
        assert IMPLICIT in syntaxes
        assert {each.transfer_syntax_uid for each in members} <= syntaxes


# ---------------------------------------------------------------- for what may go in another transfer syntax


@pytest.mark.parametrize("syntax", [BIG, LOSSLESS, BASELINE])
def test_both_native_ones_beside_what_can_be_decoded(syntax: str) -> None:
    found = proposed(instance(CT, syntax), transcode="lossless")
    assert found == [(CT, (syntax,)), (CT, (EXPLICIT,)), (CT, (IMPLICIT,))]


@pytest.mark.parametrize("syntax", [MPEG, "2.25.1"])
def test_none_beside_what_stays_as_it_is(syntax: str) -> None:
    found = proposed(instance(VIDEO, syntax), transcode="lossless")
    assert (VIDEO, (EXPLICIT,)) not in found
    assert proposed(instance(VIDEO, MPEG), transcode="any") == [(VIDEO, (MPEG,))]


def test_compressed_ones_of_images_where_any_will_do() -> None:
    found = proposed(instance(CT, EXPLICIT), instance(SR, EXPLICIT), transcode="any")
    assert found[:2] == [(CT, (EXPLICIT,)), (CT, (IMPLICIT,))]
    assert found[2][1][:3] == (LOSSLESS, J2K, "1.2.840.10008.1.2.4.80")
    assert [syntaxes for _, (*syntaxes,) in found[3:6]] == [
        [J2K_LOSSY],
        ["1.2.840.10008.1.2.4.51"],
        [BASELINE],
    ]
    assert found[6:] == [(SR, (EXPLICIT,)), (SR, (IMPLICIT,))]


@pytest.mark.parametrize(("transcode", "each"), [("lossless", 3), ("any", 7)])
def test_they_are_divided_over_associations_too(transcode: Transcode, each: int) -> None:
    instances = [instance(f"2.25.{number}", LOSSLESS, number) for number in range(100)]
    instances += [
        instance(CT, LOSSLESS),
        instance(MR, LOSSLESS),
        instance("1.2.840.10008.5.1.4.1.1.6.1", J2K),
    ]
    found = list(batches(instances, transcode))
    assert sorted(each for _, members in found for each in members) == sorted(instances)
    for contexts, members in found:
        assert len(contexts) <= 128
        for one in members:
            beside = [context for context in contexts if context.abstract_syntax == one.sop_class_uid]
            images = one.sop_class_uid in (CT, MR, "1.2.840.10008.5.1.4.1.1.6.1")
            assert len(beside) == (each if images else 3)


class Accepting:
    """An association on which these transfer syntaxes were accepted."""

    def __init__(self, *syntaxes: str) -> None:
        self._syntaxes = syntaxes

    def context_for(self, sop_class: str, syntax: str) -> Context | None:
        return Context(1, sop_class, syntax) if syntax in self._syntaxes else None

    def refusal(self, *_: str) -> str:
        return "no"


@pytest.mark.parametrize(
    ("stored", "transcode", "accepted", "sent"),
    [
        (J2K, "lossless", (IMPLICIT, EXPLICIT, J2K), J2K),
        (J2K, "lossless", (IMPLICIT, EXPLICIT), EXPLICIT),
        (BASELINE, "lossless", (IMPLICIT, J2K), IMPLICIT),
        (BASELINE, "lossless", (J2K, LOSSLESS), LOSSLESS),
        (EXPLICIT, "lossless", (J2K, J2K_LOSSY), J2K),
        (EXPLICIT, "any", (J2K_LOSSY, J2K), J2K),
        (EXPLICIT, "any", (BASELINE, J2K_LOSSY), J2K_LOSSY),
        (EXPLICIT, "lossless", (BASELINE, J2K_LOSSY), None),
        (J2K, "never", (IMPLICIT, EXPLICIT, LOSSLESS), None),
        (MPEG, "any", (IMPLICIT, EXPLICIT, LOSSLESS, BASELINE), None),
        (MPEG, "lossless", (MPEG,), MPEG),
    ],
)
def test_which_is_taken(
    stored: str, transcode: Transcode, accepted: tuple[str, ...], sent: str | None
) -> None:
    association: Association = Accepting(*accepted)  # type: ignore[assignment]  # as far as it is asked
    options = StoreOptions(transcode=transcode)
    if sent is None:
        with pytest.raises(PeerFailure):
            agreed(association, instance(CT, stored), options)
    else:
        assert agreed(association, instance(CT, stored), options).transfer_syntax == sent
