"""Rewriting, byte by byte: trees of elements, changed while they are walked and before they are encoded."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmtools.editing.nested import Container, Rewriting
from dcmtools.encoding.element import UNDEFINED
from dcmtools.encoding.walker import Walker
from dcmtools.errors import InputError, MalformedError
from dcmtools.files.anyhow import LenientFile
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource
from tests.support.encoded import CODERS, EVB, EVL, IVL, SEQUENCE_END, Coder, part10
from tests.support.memory import peak_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dcmtools.editing.pieces import Splice

UIDS = {"explicit little": "1.2.840.10008.1.2.1", "explicit big": "1.2.840.10008.1.2.2"}
IMPLICIT = "1.2.840.10008.1.2"
UID, NAME, MODALITY, COMMENTS = 0x00081155, 0x00100010, 0x00080060, 0x00104000
STUDIES, SERIES, REQUESTS, PIXELS = 0x00081110, 0x00081115, 0x00400275, 0x7FE00010
PADDING = 0xFFFCFFFC

each_encoding = pytest.mark.parametrize("name", CODERS)

# ---------------------------------------------------------------- trees


class Leaf(NamedTuple):
    tag: int
    vr: str
    value: bytes
    action: str = ""
    fragments: tuple[bytes, ...] = ()  # without a length, in place of the value


class Items(NamedTuple):
    """A sequence; under VR ``UN`` its items are implicit little endian (PS3.5 6.2.2)."""

    tag: int
    items: tuple[Item, ...]
    undefined: bool = False
    vr: str = "SQ"
    action: str = ""
    grows: bool = False


class Item(NamedTuple):
    children: tuple[Leaf | Items, ...]
    undefined: bool = False
    action: str = ""
    grows: bool = False


Node = Leaf | Items
PUT = b"another value "


def inserted(tag: int, coder: Coder) -> bytes:
    return coder.element(tag - 1, "LT", b"inserted")


def appended(coder: Coder) -> bytes:
    return coder.element(PADDING, "OB", b"at end")


def new_item(coder: Coder) -> bytes:
    return coder.item(coder.element(NAME, "PN", b"new "))


def encoded(node: Node, coder: Coder, *, edited: bool) -> bytes:
    action = node.action if edited else ""
    before = inserted(node.tag, coder) if action == "insert" else b""
    if action == "remove":
        return b""
    if isinstance(node, Leaf):
        if node.fragments:
            return before + coder.sequence(
                node.tag, *map(coder.item, node.fragments), undefined=True, vr=node.vr
            )
        return before + coder.element(node.tag, node.vr, PUT if action == "put" else node.value)
    inner = IVL if node.vr == "UN" else coder
    body = b"".join(encoded_item(item, inner, edited=edited) for item in node.items)
    if edited and node.grows:
        body += new_item(inner)
    if node.undefined:
        return before + coder.header(node.tag, node.vr, UNDEFINED) + body + inner.header(SEQUENCE_END, "", 0)
    return before + coder.element(node.tag, node.vr, body)


def encoded_item(item: Item, coder: Coder, *, edited: bool) -> bytes:
    action = item.action if edited else ""
    if action == "remove":
        return b""
    before = new_item(coder) if action == "insert" else b""
    body = data_set(item, coder, edited=edited)
    return before + coder.item(body, undefined=item.undefined)


def data_set(item: Item, coder: Coder, *, edited: bool = False) -> bytes:
    wrong = {child.tag >> 16 for child in item.children if edited and is_changed(child)}
    stay = [
        child for child in item.children if child.tag & 0xFFFF or child.action or child.tag >> 16 not in wrong
    ]
    body = b"".join(encoded(child, coder, edited=edited) for child in stay)
    return body + (appended(coder) if edited and item.grows else b"")


def is_changed(node: Node) -> bool:
    if node.action or isinstance(node, Leaf):
        return bool(node.action)
    return node.grows or any(
        item.action or item.grows or any(map(is_changed, item.children)) for item in node.items
    )


def actions(item: Item) -> Iterator[str]:
    """What is done on each event of a walk."""
    for child in item.children:
        yield child.action
        if child.action == "remove":
            continue
        if isinstance(child, Leaf):
            yield from [""] * len(child.fragments)
            continue
        for inner in child.items:
            yield inner.action
            if inner.action != "remove":
                yield from actions(inner)
        yield "grow" if child.grows else ""
    yield "append" if item.grows else ""


def rewritten(path: Path, item: Item, coder: Coder, syntax: str) -> bytes:
    path.write_bytes(part10(data_set(item, coder), syntax))
    with Part10File.open(str(path)) as file:
        rewriting = Rewriting(file)
        for event, action in zip(rewriting, actions(item), strict=True):
            inner = Coder(rewriting.levels[-1].encoding)
            if action == "put":
                rewriting.put(PUT)
            elif action == "remove":
                rewriting.remove()
            elif action == "append":
                rewriting.insert(appended(inner))
            elif action == "grow" or (action and not isinstance(event, Container) and not event[1]):
                rewriting.insert(new_item(inner))
            elif action:
                assert not isinstance(event, Container)
                rewriting.insert(inserted(event[0], inner))
        splice = rewriting.splice()
        done = b"".join(splice.blocks())
        assert splice.size == len(done)
        for _ in Walker(splice, 0, splice.size, coder.encoding):
            pass
        return done


ACTIONS = st.sampled_from(["", "", "", "put", "remove", "insert"])
LEAVES = [(MODALITY, "CS"), (0x00080090, "PN"), (NAME, "PN"), (COMMENTS, "LT"), (0x00280010, "US")]
VALUES = st.binary(max_size=40).map(lambda raw: raw[: len(raw) & ~1])


def leaf() -> st.SearchStrategy[Node]:
    plain = st.builds(
        lambda pair, value, action: Leaf(pair[0], pair[1], value, action),
        st.sampled_from(LEAVES),
        VALUES,
        ACTIONS,
    )
    length = st.builds(
        lambda group, action: Leaf(group << 16, "UL", b"\1\0\0\0", action),
        st.sampled_from([0x0008, 0x0010, 0x0040]),
        st.sampled_from(["", "", "", "remove"]),
    )
    pixels = st.builds(
        lambda fragments, action: Leaf(PIXELS, "OB", b"", action, (b"", *fragments)),
        st.lists(VALUES, max_size=3),
        st.sampled_from(["", "", "remove", "insert"]),
    )
    return plain | length | pixels


def within(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    item = st.builds(
        Item,
        st.lists(inner, max_size=4, unique_by=lambda node: node.tag).map(in_order),
        st.booleans(),
        st.sampled_from(["", "", "", "remove", "insert"]),
        st.booleans(),
    )
    return st.builds(
        Items,
        st.sampled_from([STUDIES, SERIES, REQUESTS]),
        st.lists(item, max_size=3).map(tuple),
        st.booleans(),
        st.sampled_from(["SQ", "SQ", "UN"]),
        st.sampled_from(["", "", "", "remove", "insert"]),
        st.booleans(),
    )


def in_order(nodes: list[Node]) -> tuple[Node, ...]:
    return tuple(sorted(nodes, key=lambda node: node.tag))


TREES = st.builds(
    lambda nodes, grows: Item(in_order(nodes), grows=grows),
    st.lists(st.recursive(leaf(), within, max_leaves=12), max_size=6, unique_by=lambda node: node.tag),
    st.booleans(),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nested") / "file.dcm"


@each_encoding
@settings(deadline=None, max_examples=60)
@given(tree=TREES)
def test_a_tree_changed_while_walked_is_the_tree_changed(path: Path, name: str, tree: Item) -> None:
    coder = CODERS[name]
    done = rewritten(path, tree, coder, UIDS.get(name, IMPLICIT))
    assert done == data_set(tree, coder, edited=True)


# ---------------------------------------------------------------- one thing at a time


def done(
    path: Path, data: bytes, change: Callable[[Rewriting, int], None], syntax: str = UIDS["explicit little"]
) -> bytes:
    """The data set after ``change`` was asked about the tag of each event, 0 at the end of a level."""
    path.write_bytes(part10(data, syntax))
    with Part10File.open(str(path)) as file:
        rewriting = Rewriting(file)
        for event in rewriting:
            change(rewriting, 0 if isinstance(event, Container) else event[0])
        return b"".join(rewriting.splice().blocks())


def test_what_is_walked_is_told(path: Path) -> None:
    inner = IVL.sequence(SERIES, IVL.item(IVL.element(UID, "UI", b"1.2\0")), IVL.item())
    outer = EVB.sequence(STUDIES, IVL.item(inner, undefined=True), vr="UN")
    path.write_bytes(part10(outer + EVB.element(NAME, "PN", b"A "), UIDS["explicit big"]))
    with Part10File.open(str(path)) as file:
        rewriting = Rewriting(file)
        seen = []
        for event in rewriting:
            levels = [(each.tag & 0xFFFF, each.item) for each in rewriting.levels]
            if isinstance(event, Container):
                seen.append((event.end - file.data_set_offset, levels))
                assert event is rewriting.levels[-1]
                continue
            seen.append((event[0], levels))
            if event[0] == UID:
                assert [each.order for each in rewriting.levels] == [">", ">", "<", "<", "<"]
                assert [each.encoding for each in rewriting.levels] == [EVB.encoding, *[IVL.encoding] * 4]
                assert [each.depth for each in rewriting.levels] == [-1, 0, 1, 2, 3]
    top, studies, item, series = (0, -1), (0x1110, 0), (0xE000, -1), 0x1115
    assert seen == [
        (STUDIES, [top]),
        (0xFFFEE000, [top, studies]),
        (SERIES, [top, studies, item]),
        (0xFFFEE000, [top, studies, item, (series, 0)]),
        (UID, [top, studies, item, (series, 0), item]),
        (48, [top, studies, item, (series, 0), item]),
        (0xFFFEE000, [top, studies, item, (series, 1)]),
        (56, [top, studies, item, (series, 1), item]),
        (56, [top, studies, item, (series, 1)]),
        (56, [top, studies, item]),
        (64, [top, studies]),
        (NAME, [top]),
        (len(outer) + 10, [top]),
    ]


def test_odd_values_are_padded(path: Path) -> None:
    def change(rewriting: Rewriting, tag: int) -> None:
        if tag:
            rewriting.put({UID: b"1.2.3", NAME: b"A", PIXELS: b"\1"}[tag])

    data = EVL.element(UID, "UI", b"1.") + EVL.element(NAME, "PN", b"") + EVL.element(PIXELS, "OB", b"")
    wanted = [(UID, "UI", b"1.2.3\0"), (NAME, "PN", b"A "), (PIXELS, "OB", b"\1\0")]
    assert done(path, data, change) == b"".join(EVL.element(*each) for each in wanted)


def length(group: int, value: bytes = b"\1\0\0\0") -> bytes:
    return EVL.element(group << 16, "UL", value)


def test_lengths_of_touched_groups_go_at_each_level(path: Path) -> None:
    name, modality = EVL.element(NAME, "PN", b"A "), EVL.element(MODALITY, "CS", b"CT")
    item = length(8) + modality + length(0x10) + name
    outer = [length(8), modality, length(0x40), EVL.sequence(REQUESTS, EVL.item(item)), length(0x7FE0)]
    pixels = EVL.element(PIXELS, "OB", b"\0\0")

    def change(rewriting: Rewriting, tag: int) -> None:
        if tag == NAME:
            rewriting.put(b"long ")

    new = length(8) + modality + EVL.element(NAME, "PN", b"long  ")
    wanted = [*outer[:2], EVL.sequence(REQUESTS, EVL.item(new)), outer[4], pixels]
    assert done(path, b"".join([*outer, pixels]), change) == b"".join(wanted)


def test_one_is_put_in_behind_its_own_group(path: Path) -> None:
    """It is in hand after the last of the group that its length goes for."""
    modality, name = EVL.element(MODALITY, "CS", b"CT"), EVL.element(NAME, "PN", b"A ")
    new = EVL.element(0x0008103E, "LO", b"new ")

    def change(rewriting: Rewriting, tag: int) -> None:
        if tag == 0x00100000:
            rewriting.insert(new)

    data = length(8) + modality + length(0x10) + name
    assert done(path, data, change) == modality + new + length(0x10) + name


TO_END = EVL.element(0x00080001, "UL", b"\1\0\0\0")


def test_length_to_end_goes_with_any_change_behind_it(path: Path) -> None:
    """And with it the length of the group that it stands in."""
    modality, name = EVL.element(MODALITY, "CS", b"CT"), EVL.element(NAME, "PN", b"A ")
    inner = length(8) + TO_END + EVL.element(UID, "UI", b"1.") + length(0x10)
    sequence = EVL.sequence(REQUESTS, EVL.item(inner + name))
    before = [length(8), TO_END, modality, length(0x10), name, sequence]

    def without(tag: int, depth: int) -> bytes:
        def change(rewriting: Rewriting, now: int) -> None:
            if now == tag and len(rewriting.levels) == depth:
                rewriting.remove()

        return done(path, b"".join(before), change)

    assert without(UID, 1) == b"".join(before)
    assert without(MODALITY, 1) == b"".join(before[3:])
    assert without(NAME, 1) == modality + sequence
    new = EVL.sequence(REQUESTS, EVL.item(EVL.element(UID, "UI", b"1.")))
    assert without(NAME, 3) == modality + length(0x10) + name + new
    new = EVL.sequence(REQUESTS, EVL.item(length(0x10) + name))
    assert without(UID, 3) == modality + length(0x10) + name + new


def test_what_is_put_in_stands_before_what_is_in_hand_unless_that_has_gone(path: Path) -> None:
    data = EVL.element(NAME, "PN", b"A ")
    new, newer = EVL.element(MODALITY, "CS", b"CT"), EVL.element(UID, "UI", b"1.")

    def change(rewriting: Rewriting, tag: int) -> None:
        if tag:
            rewriting.insert(new)
            rewriting.put(b"B")
            rewriting.insert(newer)
            rewriting.insert(b"")

    assert done(path, data, change) == new + EVL.element(NAME, "PN", b"B ") + newer


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rewriting, tag: tag == STUDIES and rewriting.put(b""), r"\(0008,1110\) has no value"),
        (lambda rewriting, tag: tag == 0xFFFEE000 and rewriting.put(b""), r"\(fffe,e000\) has no value"),
        (lambda rewriting, tag: tag == PIXELS and rewriting.put(b""), r"\(7fe0,0010\) has no value"),
        (lambda rewriting, tag: tag == 0 and rewriting.put(b""), "no element in hand"),
        (lambda rewriting, tag: tag == 0 and rewriting.remove(), "no element in hand"),
        (lambda rewriting, tag: tag == NAME and (rewriting.put(b""), rewriting.remove()), "no element in"),
    ],
)
def test_what_makes_no_sense(path: Path, change: Callable[[Rewriting, int], None], message: str) -> None:
    data = EVL.sequence(STUDIES, EVL.item()) + EVL.element(NAME, "PN", b"A ")
    pixels = EVL.sequence(PIXELS, EVL.item(), undefined=True, vr="OB")
    with pytest.raises(ValueError, match=message):
        done(path, data + pixels, change)


def test_whoever_has_seen_enough_need_not_go_on(path: Path) -> None:
    """The rest is walked all the same: it may be damaged, and the lengths are to be put right."""
    item = EVL.item(EVL.element(UID, "UI", b"1.") + EVL.element(NAME, "PN", b"A "))
    pixels = EVL.element(PIXELS, "OB", bytes(50_000))
    data = EVL.sequence(STUDIES, item) + pixels
    for after in (b"", b"\1"):
        path.write_bytes(part10(data + after))
        with Part10File.open(str(path)) as file:
            rewriting = Rewriting(file)
            for event in rewriting:
                if not isinstance(event, Container) and event[0] == UID:
                    rewriting.put(b"1.2.3")
                    break
            if after:
                with pytest.raises(MalformedError):
                    rewriting.splice()
                with pytest.raises(ValueError, match="the walk has failed"):
                    rewriting.splice()
            else:
                new = EVL.item(EVL.element(UID, "UI", b"1.2.3\0") + EVL.element(NAME, "PN", b"A "))
                assert b"".join(rewriting.splice().blocks()) == EVL.sequence(STUDIES, new) + pixels


def test_the_data_set_may_end_before_the_file(path: Path) -> None:
    data = EVL.element(NAME, "PN", b"A ")
    path.write_bytes(part10(data + bytes(100)))
    with Part10File.open(str(path)) as file:
        file.data_set_end -= 100
        assert b"".join(Rewriting(file).splice().blocks()) == data


def test_a_file_opened_leniently_is_walked_strictly(path: Path) -> None:
    path.write_bytes(part10(EVL.element(NAME, "PN", b"A ", length=4)))
    with LenientFile.open(str(path)) as file:
        assert len(list(file.walk())) == 1
        with pytest.raises(MalformedError, match="exceeds"):
            Rewriting(file).splice()


# ---------------------------------------------------------------- bounds


def test_a_value_too_long_for_its_header_is_refused(path: Path) -> None:
    def change(rewriting: Rewriting, tag: int) -> None:
        if tag:
            rewriting.put(bytes(65535))

    with pytest.raises(InputError, match=r"\(0010,0010\): 65536 bytes are too many for VR PN"):
        done(path, EVL.element(NAME, "PN", b"A "), change)
    implicit = done(path, IVL.element(NAME, "PN", b"A "), change, IMPLICIT)
    assert implicit == IVL.element(NAME, "PN", bytes(65535) + b" ")


def test_a_length_that_would_be_none_is_refused(path: Path) -> None:
    """0xFFFFFFFF says that there is no length. The file is a sparse one."""
    size = UNDEFINED - 1 - 10  # of the sequence: with ten bytes more it has the highest length there is
    head = EVL.header(STUDIES, "SQ", size) + EVL.header(0xFFFEE000, "", size - 8)
    head += EVL.header(PIXELS, "OB", size - 8 - 12)
    path.write_bytes(part10(head))
    with path.open("r+b") as file:
        file.truncate(len(part10(head)) + size - 8 - 12)

    def grown(more: int) -> Splice:
        with Part10File.open(str(path)) as opened:
            rewriting = Rewriting(opened)
            for event in rewriting:
                if isinstance(event, Container) and event.depth == 1:
                    rewriting.insert(EVL.element(NAME, "PN", bytes(more - 8)))
            return rewriting.splice()

    assert list(grown(10).pieces())[1][:4] == pack("<L", UNDEFINED - 1)
    with pytest.raises(InputError, match=r"\(0008,1110\) would grow to 4294967295 bytes"):
        grown(11)
    path.unlink()


def many(path: Path, count: int) -> None:
    items = [
        EVL.item(
            EVL.element(0x00081150, "UI", b"1.2.840.10008\0") + EVL.element(UID, "UI", b"1.2.3.%06d" % n)
        )
        for n in range(count)
    ]
    path.write_bytes(part10(EVL.sequence(STUDIES, *items) + EVL.element(PIXELS, "OB", bytes(1_000_000))))


RENAMED = f"""
import sys
from dcmtools.editing.nested import Container, Rewriting
from dcmtools.files.part10 import Part10File

with Part10File.open(sys.argv[1]) as file:
    rewriting = Rewriting(file)
    for event in rewriting:
        if not isinstance(event, Container) and event[0] == {UID}:
            rewriting.put(b"2.25.329800735698586629295641978511506172918")
    size = sum(map(len, rewriting.splice().blocks()))
    assert size == file.source.size - file.data_set_offset + int(sys.argv[2]) * (44 - 12)
"""


def test_a_hundred_thousand_changes_take_little_memory(path: Path) -> None:
    many(path, 100_000)
    assert peak_memory(RENAMED, path, "100000") < 60
    path.unlink()


def test_many_changes_take_no_more_reads_than_few(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many(path, 20_000)
    reads: list[int] = []
    read = FileSource.read

    def counting(source: FileSource, offset: int, count: int) -> bytes:
        reads.append(count)
        return read(source, offset, count)

    monkeypatch.setattr(FileSource, "read", counting)
    monkeypatch.setattr("sys.argv", ["", str(path), "20000"])
    exec(RENAMED, {})  # noqa: S102  the same in this process
    assert len(reads) < 60
    assert sum(reads) < 3 * path.stat().st_size
    path.unlink()


def test_hostile_group_lengths_are_not_hoarded(path: Path) -> None:
    path.write_bytes(part10((length(8) + EVL.element(MODALITY, "CS", b"CT")) * 10_000))
    with Part10File.open(str(path)) as file:
        rewriting = Rewriting(file)
        assert max(len(rewriting.levels[0]._group_lengths) for _ in rewriting) == 1
