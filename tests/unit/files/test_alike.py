"""Walks remembered: what they find in files that are alike is what a walk would find."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import InputError
from dcmtools.files.alike import Walks
from dcmtools.files.part10 import Part10File
from tests.support.encoded import CODERS, EVL, part10
from tests.support.samples import make_ct, mr, real_file, real_files

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.encoding.element import Element

UIDS = {
    "explicit little": "1.2.840.10008.1.2.1",
    "explicit big": "1.2.840.10008.1.2.2",
    "implicit little": "1.2.840.10008.1.2",
}


def walked(file: Part10File) -> list[Element]:
    return list(file.walk(shallow=True))


def test_files_of_a_series(tmp_path: Path) -> None:
    walks, hits = Walks(), 0
    for path in make_ct(tmp_path, 8, 64 * 1024):
        with Part10File.open(str(path)) as file:
            again = walks.again(file)
            if again is None:
                walks.learn(file)
                continue
            hits += 1
            assert list(again) == walked(file)
            assert again.position == file.data_set_end
            assert again.read() == []
    assert hits >= 6


def test_the_values_are_those_of_the_file_in_hand(tmp_path: Path) -> None:
    walks = Walks()
    for number in b"12":
        path = tmp_path / "file.dcm"
        path.write_bytes(
            part10(EVL.element(0x00100010, "PN", bytes([number]) * 2) + EVL.element(0x00104000, "LT", b"ab"))
        )
        with Part10File.open(str(path)) as file:
            walker = walks.again(file)
            if walker:
                ((_, _, _, value, length, _), _) = walker.read()
                assert walker.value(value, length) == b"22"
            else:
                assert number == ord("1")
                walks.learn(file)


def test_real_files_are_like_themselves() -> None:
    met = 0
    for path in real_files():
        walks = Walks()
        try:
            with Part10File.open(str(path)) as file:
                found = walked(file)
                walks.learn(file)
                if again := walks.again(file):
                    met += 1
                    assert list(again) == found
        except InputError:
            continue
    assert met > 50


@pytest.mark.parametrize("source", [mr(), real_file("rtplan.dcm"), real_file("MR_small_implicit.dcm")])
def test_any_byte_may_be_another(source: Path, tmp_path: Path) -> None:
    """Whatever is changed: what is taken for alike is walked to the same elements."""
    rng, walks, path = random.Random(source.name), Walks(), tmp_path / "file.dcm"
    good = source.read_bytes()
    path.write_bytes(good)
    with Part10File.open(str(path)) as file:
        walks.learn(file)
        end = min(len(good), len(file.head))
        assert walks.again(file)
    outcomes = set()
    for _ in range(600):
        data = bytearray(good)
        data[rng.randrange(132, end)] = rng.choice((0, 1, 0xFF, rng.randrange(256)))
        path.write_bytes(data)
        try:
            with Part10File.open(str(path)) as file:
                again = walks.again(file)
                outcomes.add(again is not None)
                if again is not None:
                    assert list(again) == walked(file)
        except InputError:
            assert outcomes
    assert outcomes == {True, False}


@pytest.mark.parametrize("name", CODERS)
def test_what_a_walk_goes_by(name: str, tmp_path: Path) -> None:
    coder, walks, path = CODERS[name], Walks(), tmp_path / "file.dcm"

    def again(data: bytes) -> list[Element] | None:
        path.write_bytes(part10(data, UIDS[name]))
        with Part10File.open(str(path)) as file:
            walker = walks.again(file)
            if walker is None:
                walks.learn(file)
                return None
            assert list(walker) == walked(file)
            return walked(file)

    def data(creator: bytes, value: bytes) -> bytes:
        private = coder.element(0x00290010, "LO", creator) + coder.element(0x00291001, "UN", value)
        return private + coder.element(0x00400001, "AE", b"NOBODY")

    assert again(data(b"CREATOR ", b"abcdefgh")) is None
    assert again(data(b"CREATOR ", b"abcdxxxx"))
    assert again(data(b"ANOTHER ", b"abcdefgh")) is None
    assert again(data(b"CREATOR ", b"\xfe\xff\x00\xe0\0\0\0\0")) is None


def test_where_hardly_any_is_like_another_little_is_tried(tmp_path: Path) -> None:
    walks, path = Walks(), tmp_path / "file.dcm"
    for length in range(2, 82, 2):
        path.write_bytes(part10(EVL.element(0x00104000, "LT", b"a" * length)))
        with Part10File.open(str(path)) as file:
            assert walks.again(file) is None
            walks.learn(file)
    assert sum(map(len, walks._known.values())) <= 16


def test_what_is_not_remembered(tmp_path: Path) -> None:
    long = tmp_path / "long.dcm"
    long.write_bytes(
        part10(EVL.element(0x00104000, "LT", b"a" * 20000) + EVL.element(0x00280010, "US", b"\1\0"))
    )
    for path in (real_file("image_dfl.dcm"), long):
        walks = Walks()
        with Part10File.open(str(path)) as file:
            walks.learn(file)
            assert walks.again(file) is None
