"""Steps over files harmed at random: what comes out walks, or the file is refused; nothing else happens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import InputError
from dcmtools.files.part10 import Part10File, part10_file
from dcmtools.files.source import FileSource
from dcmtools.modifying import character_set, group_lengths, meta, repairs, uids
from dcmtools.modifying.staged import Staged
from dcmtools.modifying.told import Told
from dcmtools.modifying.uids import UidMap
from tests.support.mutating import MUTATIONS, little_memory, mutants

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dcmtools.modifying.told import Step


class Every(set[str]):
    """A set that has every UID."""

    def __contains__(self, uid: object) -> bool:
        return True


STEPS: dict[str, tuple[Callable[[FileSource], Part10File], Step]] = {
    "repairs": (meta.opened, repairs.step),
    "uids": (part10_file, partial(uids.step, UidMap({}, Every(), b"secret"))),
    "charset": (part10_file, partial(character_set.step, "ISO_IR 192", "ISO_IR 100")),
    "group lengths": (part10_file, group_lengths.step),
}
QUARTERS = range(4)


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("quarter", QUARTERS)
def test_what_comes_out_walks(tmp_path: Path, name: str, quarter: int) -> None:
    opening, step = STEPS[name]
    many = MUTATIONS // 8
    changed = 0
    with little_memory():
        for mutant in mutants(many, quarter * many):
            path = tmp_path / "harmed.dcm"
            path.write_bytes(mutant.data)
            with FileSource.open(str(path)) as source:
                try:
                    file = opening(source)
                    whole = step(file, Told())
                except InputError:
                    continue
                if whole is None:
                    continue
                changed += 1
                after = Staged(file, whole)
                elements = list(Part10File.walk(after))
                assert elements or not whole.size, mutant.name
                if name == "repairs":
                    again = repairs.step(after, Told())
                    assert again is None, mutant.name
    assert changed
