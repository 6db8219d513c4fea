"""Words in a text: the same ones, however they are looked for."""

from __future__ import annotations

import random

import pytest

from dcmtools.deidentification.needles import Needles

LETTERS = "abcd"


def word(of: random.Random, most: int) -> str:
    return "".join(of.choices(LETTERS, k=of.randint(1, most)))


@pytest.mark.parametrize("count", [0, 1, 50, 3000])
@pytest.mark.parametrize("size", [0, 3, 40, 20_000])
def test_words_in_a_text(count: int, size: int) -> None:
    of = random.Random(count + size)
    words = list(dict.fromkeys(word(of, 20) for _ in range(count)))
    text = "".join(of.choices(LETTERS, k=size))
    expected = [each for each in words if each in text]
    assert Needles(words).within(text) == expected
    assert Needles([each.encode() for each in words]).within(text.encode()) == [
        each.encode() for each in expected
    ]


def test_many_words_are_not_looked_for_one_by_one() -> None:
    """As many as there are references in a large data set."""

    class Counted(str):
        __slots__ = ()
        asked = 0

        def __contains__(self, key: object) -> bool:
            Counted.asked += 1
            return super().__contains__(str(key))

    needles = Needles([f"1.2.276.{number}.{number * 7}" for number in range(20_000)])
    text = Counted("referenced is 1.2.276.77.539 among others" * 10)
    assert needles.within(text) == ["1.2.276.77.539"]
    assert 0 < Counted.asked < 100
