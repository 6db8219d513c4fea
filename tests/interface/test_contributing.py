"""The picture in CONTRIBUTING.md is the house as it stands."""

from __future__ import annotations

import re

from dcmtools.cli.docgen import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PICTURE = TEXT.partition("```\n")[2].partition("```")[0]
PACKAGE = ROOT / "dcmtools"
# Commands are in the registry and in every manual page; generated tables say who wrote them.
ELSEWHERE = ("commands", "data")


def rooms() -> dict[str, set[str]]:
    """What the picture has of each room: the lines from its name to the next one's."""
    parts = re.split(r"^  (\w+)/ ", PICTURE, flags=re.M)
    return {
        name: set(re.findall(r"\w+\.py", text)) for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_every_module_is_in_the_picture_and_nothing_else() -> None:
    drawn = {room: files for room, files in rooms().items() if room not in ELSEWHERE}
    built = {
        room.name: {path.name for path in room.glob("*.py") if path.name != "__init__.py"}
        for room in PACKAGE.iterdir()
        if room.is_dir() and room.name not in (*ELSEWHERE, "__pycache__")
    }
    assert {room: sorted(files) for room, files in drawn.items()} == {
        room: sorted(files) for room, files in built.items()
    }


def test_the_layers_are_those_that_are_held() -> None:
    shown = TEXT.partition("```\ncommands\n")[2].partition("```")[0].split()
    held = (
        (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("layers = [")[2].partition("\n]")[0]
    )
    rooms_held = re.findall(r"dcmtools\.(\w+)", held)
    assert sorted(re.findall(r"\w+", " ".join(["commands", *shown]))) == sorted(rooms_held)
