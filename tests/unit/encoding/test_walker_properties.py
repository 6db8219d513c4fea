"""Data sets of any shape walk back to what they were made of; bytes of any kind do no harm."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dcmtools.encoding.tags import is_private
from dcmtools.errors import InputError, MalformedError
from tests.support.encoded import CODERS, EVL, ITEM, ITEM_END, IVL, SEQUENCE_END, Coder

if TYPE_CHECKING:
    from dcmtools.encoding.element import Element

PLAIN = {  # standard tags, each with the VR of PS3.6, so that all three encodings show the same
    0x00080018: "UI",
    0x00080020: "DA",
    0x00081030: "LO",
    0x00100010: "PN",
    0x00180050: "DS",
    0x00280010: "US",
    0x00281101: "US",
    0x00420011: "OB",
    0x0040A160: "UT",
    0x00720000: "UL",
}
SEQUENCES = (0x00081140, 0x00400275, 0x52009230)


class Leaf(NamedTuple):
    tag: int
    vr: str
    value: bytes


class Branch(NamedTuple):
    tag: int
    undefined: bool
    items: list[tuple[bool, list[Node]]]


Node: TypeAlias = "Leaf | Branch"
leaves = st.builds(
    lambda pair, value: Leaf(pair[0], pair[1], value),
    st.sampled_from(sorted(PLAIN.items())),
    st.binary(max_size=40).map(lambda value: value + b"\0" * (len(value) % 2)),
)


def branches(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Branch]:
    items = st.lists(st.tuples(st.booleans(), st.lists(nodes, max_size=4)), max_size=3)
    return st.builds(Branch, st.sampled_from(SEQUENCES), st.booleans(), items)


trees = st.lists(
    st.recursive(leaves, lambda nodes: st.one_of(leaves, branches(nodes)), max_leaves=20), max_size=6
)


def encode(nodes: list[Node], coder: Coder) -> bytes:
    data = b""
    for node in nodes:
        if isinstance(node, Leaf):
            data += coder.element(*node)
        else:
            items = [coder.item(encode(inner, coder), undefined=flag) for flag, inner in node.items]
            data += coder.sequence(node.tag, *items, undefined=node.undefined)
    return data


def expected(nodes: list[Node], depth: int = 0) -> list[tuple[int, str, int, bytes]]:
    out: list[tuple[int, str, int, bytes]] = []
    for node in nodes:
        if isinstance(node, Leaf):
            out.append((node.tag, node.vr, depth, node.value))
            continue
        out.append((node.tag, "SQ", depth, b""))
        for undefined, inner in node.items:
            out += [(ITEM, "", depth + 1, b""), *expected(inner, depth + 2)]
            out += [(ITEM_END, "", depth + 1, b"")] if undefined else []
        out += [(SEQUENCE_END, "", depth, b"")] if node.undefined else []
    return out


def observed(data: bytes, coder: Coder) -> list[tuple[int, str, int, bytes]]:
    walker = coder.walker(data)
    return [
        (tag, vr, depth, b"" if vr in ("", "SQ") else walker.value(offset, length))
        for tag, vr, _, offset, length, depth in walker
    ]


@given(nodes=trees, coder=st.sampled_from(sorted(CODERS.values(), key=id)))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_data_set_walks_back_to_its_elements(nodes: list[Node], coder: Coder) -> None:
    """PS3.5 7.1 and 7.5: in each encoding, with lengths of either style."""
    assert observed(encode(nodes, coder), coder) == expected(nodes)


@given(nodes=trees)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_implicit_data_set_under_un_walks_back(nodes: list[Node]) -> None:
    """PS3.5 6.2.2."""
    for coder in CODERS.values():
        if coder.encoding.explicit:
            content = IVL.item(encode(nodes, IVL)) + IVL.header(SEQUENCE_END, "", 0)
            data = coder.header(0x00091001, "UN", 0xFFFFFFFF) + content
            assert observed(data, coder)[2:-1] == expected(nodes, 2)


@given(nodes=trees, cut=st.integers(min_value=0), coder=st.sampled_from(sorted(CODERS.values(), key=id)))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_data_set_that_is_cut_is_refused_unless_between_top_elements(
    nodes: list[Node], cut: int, coder: Coder
) -> None:
    data = encode(nodes, coder)
    cut %= len(data) + 1
    boundaries = {len(encode(nodes[:count], coder)) for count in range(len(nodes) + 1)}
    try:
        coder.walk(data[:cut])
        whole = True
    except MalformedError:
        whole = False
    assert whole == (cut in boundaries)


def consistent(elements: list[Element], size: int) -> bool:
    """Whether each element lies within the data, and each but a container ends where the next begins."""
    for tag, vr, offset, value, length, _ in elements:
        if not 0 <= offset < value <= size or (length != 0xFFFFFFFF and value + length > size):
            return False
        if vr == "" and tag not in (ITEM, ITEM_END, SEQUENCE_END):
            return False
    offsets = [offset for _, _, offset, *_ in elements]
    return offsets == sorted(set(offsets))


@given(data=st.binary(max_size=300), coder=st.sampled_from(sorted(CODERS.values(), key=id)))
@example(EVL.header(0x00280103, "US", 2), IVL)
@settings(max_examples=1000, deadline=2000)
def test_bytes_of_any_kind_do_no_harm(data: bytes, coder: Coder) -> None:
    walker = coder.walker(data)
    elements: list[Element] = []
    try:
        for _ in range(len(data) + 2):
            window = walker.read()
            elements += window
            if not window:
                break
    except (MalformedError, InputError):
        pass
    else:
        assert not window
        assert walker.position == len(data)
    assert consistent(elements, len(data))


@given(
    nodes=trees,
    flips=st.lists(st.tuples(st.integers(min_value=0), st.integers(0, 255)), min_size=1, max_size=4),
    coder=st.sampled_from(sorted(CODERS.values(), key=id)),
)
@settings(max_examples=500, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
def test_a_data_set_with_wrong_bytes_does_no_harm(
    nodes: list[Node], flips: list[tuple[int, int]], coder: Coder
) -> None:
    data = bytearray(encode(nodes, coder) or b"\0")
    for at, byte in flips:
        data[at % len(data)] = byte
    where = 0
    try:
        assert consistent(coder.walk(bytes(data)), len(data))
    except MalformedError as error:
        where = error.offset
    assert 0 <= where <= len(data)


def test_the_tags_of_the_generator_are_what_it_takes_them_for() -> None:
    for coder in CODERS.values():
        for tag, vr in PLAIN.items():
            assert not is_private(tag)
            assert coder.seen(coder.element(tag, vr, b"ab")) == [(tag, vr, 0)]
