"""Presentation contexts for what is to be sent (PS3.4 B.3, PS3.5 10.1, PS3.8 9.3.2.2)."""

from __future__ import annotations

from dcmtools.files.inputs import Input
from dcmtools.files.instance import Instance
from dcmtools.scu.contexts import batches

CT, MR, VIDEO = (f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("2", "4", "77.1.1.1"))
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
BASELINE, LOSSLESS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"


def instance(sop_class: str, syntax: str, number: int = 0) -> Instance:
    return Instance(Input(f"{number}"), sop_class, f"2.25.{number}", syntax, 0, 0, (0, 0))


def proposed(*instances: Instance) -> list[tuple[str, tuple[str, ...]]]:
    [(contexts, members)] = batches(instances)
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
