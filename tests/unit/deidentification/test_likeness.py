"""Files of a series: what was done with one is not done again with the next, and comes to the same."""

from __future__ import annotations

from itertools import pairwise
from struct import pack
from typing import TYPE_CHECKING

import pytest

from dcmtools.deidentification import engine, verification
from dcmtools.deidentification.engine import Deidentifier, Settings
from dcmtools.deidentification.identifiers import Identifiers
from dcmtools.deidentification.layouts import Layout
from dcmtools.deidentification.policies import policy_from
from dcmtools.deidentification.profile import profile_from
from dcmtools.deidentification.pseudonyms import Pseudonyms
from dcmtools.deidentification.reading import Elements
from dcmtools.deidentification.verification import Leak, Seen, leaks
from dcmtools.encoding.syntax import encoding_of
from dcmtools.errors import MalformedError
from dcmtools.files.part10 import Part10File
from tests.support.deidentified import BASIC, Options, deidentifier, text
from tests.support.encoded import EVL, Coder, part10
from tests.support.treated import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from dcmtools.deidentification.deidentified import Deidentified

NATIVE = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2")
CT = "1.2.840.10008.5.1.4.1.1.2"
SIDE = 256
REFERENCES, SERIAL, DOCTOR = 0x00081140, 0x00181000, 0x00080090
DEVICE = Options(retain=("device",))
NOTHING: Mapping[int, str] = {}
VRS = {
    0x00080005: "CS", 0x00080016: "UI",
    0x00080020: "DA", 0x00080060: "CS", 0x00100010: "PN", 0x0020000D: "UI",
    0x00080090: "PN", 0x00120062: "CS", 0x00200032: "DS", 0x00280010: "US", 0x00280103: "US",
    0x00280011: "US", 0x00280100: "US", 0x00280101: "US", 0x00280102: "US",
}  # fmt: skip


def image(number: int, more: Mapping[int, str] = NOTHING, code: Coder = EVL) -> bytes:
    """An image of a series, with ``more`` elements."""

    def short(tag: int, value: int) -> bytes:
        return code.element(tag, "US", code.number("H", value))

    reference = text(0x00081155, "UI", "1.2.9.1", code)
    elements = {
        0x00080005: text(0x00080005, "CS", "ISO_IR 100", code),
        0x00080016: text(0x00080016, "UI", CT, code),
        0x00080018: text(0x00080018, "UI", f"1.2.3.{10**number}", code),
        0x00080020: text(0x00080020, "DA", "20040119", code),
        0x00080032: text(0x00080032, "TM", f"1012{number:02d}", code),
        0x00080060: text(0x00080060, "CS", "CT", code),
        REFERENCES: code.element(REFERENCES, "SQ", code.item(reference)),
        0x00100010: text(0x00100010, "PN", "Quixote^Alonso", code),
        0x00100020: text(0x00100020, "LO", "MRN77812", code),
        0x0020000D: text(0x0020000D, "UI", "1.2.3", code),
        0x0020000E: text(0x0020000E, "UI", "1.2.3.4", code),
        0x00200013: text(0x00200013, "IS", str(number), code),
        0x00200032: text(0x00200032, "DS", f"-120.5\\30\\{number * 2.5}", code),
        0x00280002: short(0x00280002, 1),
        0x00280004: text(0x00280004, "CS", "MONOCHROME2", code),
        0x00280010: short(0x00280010, SIDE),
        0x00280011: short(0x00280011, SIDE),
        0x00280100: short(0x00280100, 8),
        0x00280101: short(0x00280101, 8),
        0x00280102: short(0x00280102, 7),
        0x00280103: short(0x00280103, 0),
        0x7FE00010: code.element(0x7FE00010, "OW", bytes((number,)) * SIDE * SIDE),
        0xFFFCFFFC: code.element(0xFFFCFFFC, "OB", bytes(10)),
    }
    for tag, value in more.items():
        vr = VRS.get(tag, "LO")
        elements[tag] = short(tag, int(value)) if vr == "US" else text(tag, vr, value, code)
    return b"".join(elements[tag] for tag in sorted(elements))


def told(done: Deidentified) -> tuple[object, ...]:
    """All that can be seen of a file that was de-identified."""
    counts = {code: count for code, count in done.actions.items() if count}
    return (
        done.meta, b"".join(done.blocks()), done.sop_instance_uid, done.series_instance_uid, done.patient,
        done.old_patient, [*done.uids.items()], counts, done.methods, done.warnings, done.kept_texts,
        done.before, done.identifiers,
    )  # fmt: skip


def run(folder: Path, files: Sequence[bytes], each: Callable[[], Deidentifier]) -> list[tuple[object, ...]]:
    found = []
    for number, data in enumerate(files):
        path = folder / f"{number}.dcm"
        path.write_bytes(data)
        with Part10File.open(str(path)) as file, each().deidentified(file) as done:
            found.append(told(done))
    return found


def series(syntax: str = NATIVE[0], count: int = 5) -> list[bytes]:
    code = Coder(encoding_of(syntax))
    return [part10(image(number, code=code), syntax) for number in range(count)]


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by one with each file that is gone through as a whole."""
    found: list[int] = []

    class Counted(Elements):
        def __init__(self, file: Part10File) -> None:
            found.append(1)
            super().__init__(file)

    monkeypatch.setattr(engine, "Elements", Counted)
    return found


def compared(folder: Path, files: Sequence[bytes], options: Options = BASIC) -> None:
    one = deidentifier(options)
    assert run(folder, files, lambda: one) == run(folder, files, lambda: deidentifier(options))


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize(
    "options", [BASIC, Options(retain=("dates-shifted", "uids")), Options(remove=("InstanceNumber",))]
)
def test_files_of_a_series_come_out_as_each_alone(tmp_path: Path, syntax: str, options: Options) -> None:
    compared(tmp_path, series(syntax), options)


@pytest.mark.parametrize("syntax", NATIVE)
def test_all_but_the_first_of_a_series_are_hardly_gone_through(
    tmp_path: Path, syntax: str, walks: list[int]
) -> None:
    one = deidentifier()
    run(tmp_path, series(syntax, 8), lambda: one)
    assert len(walks) < 5


DIFFERENT = {
    "another patient": {0x00100020: "MRN99999"},
    "another name": {0x00100010: "Panza^Sancho"},
    "another character set": {0x00080005: "ISO_IR 144"},
    "another study": {0x0020000D: "1.2.3.5"},
    "one more element": {0x00181030: "Head"},
    "samples with a sign": {0x00280103: "1"},
    "another day": {0x00080020: "20040120"},
}


@pytest.mark.parametrize("more", DIFFERENT.values(), ids=DIFFERENT)
def test_files_that_differ_in_what_decides_come_out_as_each_alone(
    tmp_path: Path, more: dict[int, str]
) -> None:
    plain = [part10(image(number), NATIVE[0]) for number in range(4)]
    odd = [part10(image(number, more), NATIVE[0]) for number in range(5, 8)]
    compared(tmp_path, [*plain, odd[0], *plain, *odd, plain[0]])


@pytest.mark.parametrize("odd", ["by Quixote", "mrn77812", "on 2004-01-19"])
def test_what_only_one_file_repeats_is_taken_out_of_it(tmp_path: Path, odd: str, walks: list[int]) -> None:
    texts = ["first", "second", "third", "fourth", odd, "sixth"]
    files = [part10(image(at, {SERIAL: each}), NATIVE[0]) for at, each in enumerate(texts)]
    one = deidentifier(DEVICE)
    found = run(tmp_path, files, lambda: one)
    assert len(walks) < 5  # two to learn from, and the odd one
    assert odd.encode() in files[4]
    assert not any(odd.encode() in data for _, data, *_ in found if isinstance(data, bytes))
    assert b"fourth" in found[3][1]  # type: ignore[operator]  # the bytes, which each has
    compared(tmp_path, files, DEVICE)


def test_what_one_file_removes_is_taken_out_of_what_all_have(tmp_path: Path) -> None:
    """Not of the others, of which it is nothing."""
    files = [
        part10(image(at, {SERIAL: "made by Sancho", DOCTOR: name}), NATIVE[0])
        for at, name in enumerate(("A^B", "C^D", "E^F", "G^H", "Panza^Sancho", "I^J"))
    ]
    one = deidentifier(DEVICE)
    found = run(tmp_path, files, lambda: one)
    bodies = [data for _, data, *_ in found if isinstance(data, bytes)]
    assert [b"Sancho" in data for data in bodies] == [True] * 4 + [False, True]
    compared(tmp_path, files, DEVICE)


def test_a_file_that_is_cut_is_refused_after_others_like_it(tmp_path: Path) -> None:
    files = series(count=4)
    compared(tmp_path, [*files, files[0][:-1], files[0][:-20], files[0] + b"Quixote"])
    one = deidentifier()
    run(tmp_path, files, lambda: one)
    with pytest.raises(MalformedError, match="offset"):
        run(tmp_path, [files[0][: -SIDE * SIDE]], lambda: one)


def test_lengths_of_groups_are_right_in_each_file(tmp_path: Path) -> None:
    files = []
    for number in range(5):
        group = text(0x00200013, "IS", str(10**number)) + text(0x00200020, "CS", "L")
        body = image(number).replace(text(0x00200013, "IS", str(number)), b"")
        at = body.index(pack("<HH", 0x0020, 0x000D))
        behind = body.index(pack("<HH", 0x0028, 0x0002))
        length = text(0x00200000, "UL", pack("<L", len(body[at:behind]) + len(group)))
        ordered = sorted([*_elements(body[at:behind]), *_elements(group)], key=lambda each: each[2:4])
        files.append(part10(body[:at] + length + b"".join(ordered) + body[behind:], NATIVE[0]))
    compared(tmp_path, files)


def _elements(data: bytes) -> list[bytes]:
    """Short elements in explicit VR, one by one."""
    found, at = [], 0
    while at < len(data):
        after = at + 8 + int.from_bytes(data[at + 6 : at + 8], "little")
        found.append(data[at:after])
        at = after
    return found


# ---------------------------------------------------------------- layouts


def laid_out(folder: Path, data: bytes) -> tuple[Part10File, Layout]:
    path = folder / f"{len(list(folder.iterdir()))}.dcm"
    path.write_bytes(data)
    file = Part10File.open(str(path))
    return file, Layout(*file.body(), file.encoding, list(file.walk()))


def varied(folder: Path, syntax: str = NATIVE[0]) -> Layout:
    """The layout of a series, after two of its files."""
    (one, first), (other, second) = (laid_out(folder, each) for each in series(syntax, 2))
    one.close()
    other.close()
    assert second.vary(first)
    return second


def is_like(folder: Path, layout: Layout, data: bytes) -> bool:
    path = folder / "asked.dcm"
    path.write_bytes(data)
    with Part10File.open(str(path)) as file:
        return layout.likeness(file.body(), file.head) is not None


@pytest.mark.parametrize("syntax", NATIVE)
def test_values_that_vary_may_be_of_any_length(tmp_path: Path, syntax: str) -> None:
    layout = varied(tmp_path, syntax)
    assert layout.varying == {0x00080018, 0x00080032, 0x00200013, 0x00200032}
    assert is_like(tmp_path, layout, series(syntax, 40)[39])


def test_whatever_else_differs_makes_it_unlike(tmp_path: Path) -> None:
    layout, data = varied(tmp_path), series(count=3)[2]
    with Part10File.open(str(tmp_path / "0.dcm")) as file:
        begin = file.data_set_offset
    assert is_like(tmp_path, layout, data)
    assert not is_like(tmp_path, layout, data[:-1])
    assert not is_like(tmp_path, layout, data + b"\0")
    assert not is_like(tmp_path, layout, data[:-1] + b"\1")  # behind the pixel data
    free = {*range(data.index(bytes((2,)) * 100), len(data) - 22)}  # samples
    (tmp_path / "asked.dcm").write_bytes(data)
    with Part10File.open(str(tmp_path / "asked.dcm")) as file:
        like = layout.likeness(file.body(), file.head)
    assert like
    for _, _, at, value, length, _ in like.varying:
        free |= {*range(value, value + length)}
        assert at < value
    for at in range(begin, like.after):
        if at not in free:
            harmed = data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
            assert not is_like(tmp_path, layout, harmed), at


def test_unknown_values_that_may_be_sequences_are_not_taken_for_values(tmp_path: Path) -> None:
    def file(value: bytes) -> bytes:
        body = image(1).replace(text(0x00200013, "IS", "1"), b"")
        at = body.index(pack("<HH", 0x0028, 0x0002))
        return part10(body[:at] + EVL.element(0x00211001, "UN", value) + body[at:], NATIVE[0])

    (one, first), (other, second) = (laid_out(tmp_path, file(each)) for each in (b"some", b"other text"))
    one.close()
    other.close()
    assert second.vary(first)
    assert is_like(tmp_path, second, file(b"more"))
    assert not is_like(tmp_path, second, file(EVL.item(text(0x00100010, "PN", "Quixote"))))
    assert not is_like(tmp_path, second, file(b""))


@pytest.mark.parametrize("tag", [0x00280010, 0x00280103])
def test_what_describes_pixels_does_not_vary(tmp_path: Path, tag: int) -> None:
    (one, first), (other, second) = (
        laid_out(tmp_path, part10(image(1, {tag: number}), NATIVE[0])) for number in ("0", "1")
    )
    one.close()
    other.close()
    assert not second.vary(first)


# ---------------------------------------------------------------- what is looked at again


def removed() -> Identifiers:
    identifiers = Identifiers(b"ISO_IR 100")
    identifiers.take(0x00100010, "PN", ["Quixote^Alonso"])
    identifiers.take(0x00100020, "LO", ["MRN77812"])
    return identifiers


def written(number: int, more: Mapping[int, str] = NOTHING) -> bytes:
    clean = {0x00100010: "P7", 0x00100020: "P7", 0x00120062: "YES", 0x00120063: "PS3.15"}
    body = image(number, clean | dict(more))
    head = text(0x00020002, "UI", CT) + text(0x00020003, "UI", f"1.2.3.{10**number}")
    head += text(0x00020010, "UI", NATIVE[0])
    return bytes(128) + b"DICM" + EVL.element(0x00020000, "UL", pack("<L", len(head))) + head + body


def looked_at(folder: Path, data: bytes, identifiers: Identifiers, seen: Seen | None) -> list[Leak]:
    path = folder / "written.dcm"
    path.write_bytes(data)
    with Part10File.open(str(path)) as file:
        return leaks(file, identifiers, seen=seen)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by one with each file that is walked."""
    found: list[int] = []
    walked = verification._walked

    def counted(file: Part10File) -> object:
        found.append(1)
        return walked(file)

    monkeypatch.setattr(verification, "_walked", counted)
    return found


def test_what_was_seen_is_not_looked_at_again(tmp_path: Path, looks: list[int]) -> None:
    seen = Seen()
    for number in range(6):
        identifiers = removed()
        identifiers.take(0x00080018, "UI", [f"1.2.77.{number}"])
        assert not looked_at(tmp_path, written(number), identifiers, seen)
    assert len(looks) == 2


LEAKS = {
    "in what varies": ({0x00200032: "Quixote"}, ()),
    "in what did not vary": ({0x00080060: "QUIXOTE"}, ()),
    "what was not looked for before": ({}, (0x00100020, "LO", ["ISO_IR 100"])),
    "in the name of an instance": ({}, (0x00080018, "UI", ["1.2.3.10000000"])),
    "no flag": ({0x00120062: "NO"}, ()),
    "another class": ({0x00080016: "1.2.840.10008.5.1.4.1.1.4"}, ()),
}


@pytest.mark.parametrize(("more", "taken"), LEAKS.values(), ids=LEAKS)
def test_leaks_are_found_after_files_without_any(
    tmp_path: Path, more: dict[int, str], taken: tuple[int, str, list[str]] | tuple[()]
) -> None:
    seen = Seen()
    for number in range(4):
        assert not looked_at(tmp_path, written(number, {0x00200032: f"{number}"}), removed(), seen)
    identifiers = removed()
    if taken:
        identifiers.take(*taken)
    data = written(7, {0x00200032: "7"} | more)
    found = looked_at(tmp_path, data, identifiers, seen)
    assert found == looked_at(tmp_path, data, identifiers, None)
    assert found


def test_other_identifiers_or_other_bytes_of_them_are_looked_for_anew() -> None:
    one, other = removed(), Identifiers(b"ISO_IR 144")
    other.take(0x00100010, "PN", ["Quixote^Alonso"])
    other.take(0x00100020, "LO", ["MRN77812"])
    assert one.beyond(other) is None
    assert removed().beyond(one) is not None
    assert Identifiers(b"ISO_IR 100").beyond(one) is None


def test_what_is_doubtful_is_told_of_each_file(tmp_path: Path) -> None:
    seen = Seen()
    found = []
    for number in range(5):
        identifiers = removed()
        identifiers.take(0x00080080, "LO", ["TOSHIBA"])
        found.append(looked_at(tmp_path, written(number, {0x00181020: "a Toshiba"}), identifiers, seen))
        assert identifiers.ambiguous
    assert found[0]
    assert all(one == other for one, other in pairwise(found))


def test_bits_that_no_sample_has_are_looked_for_in_each_file(tmp_path: Path, walks: list[int]) -> None:
    """They are not among what is compared."""
    said = {0x00280100: "16", 0x00280101: "12", 0x00280102: "11", 0x00280011: str(SIDE // 2)}
    files = [part10(image(number, said), NATIVE[0]) for number in range(6)]
    files[4] = files[4].replace(b"\4" * SIDE, b"\4" * (SIDE - 1) + b"\x84", 1)
    settings = Settings(profile_from("basic"), Pseudonyms(KEY), pixels=policy_from("check"))
    one = Deidentifier(settings)
    found = run(tmp_path, files, lambda: one)
    assert len(walks) == 3
    assert [bool(each[9]) for each in found] == [False] * 4 + [True, False]
    written = found[4][1]
    assert isinstance(written, bytes)
    assert b"\x84" not in written
