"""The few requests of man(7) that the manual pages need, as lines."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_DATE: Final = "2026-11-22"  # of the release that the pages describe: mandoc wants one, and builds must agree
_SPECIAL: Final = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}


def roff(text: str) -> str:
    """Return ``text`` on one line, spelt so that roff prints it as it is."""
    escaped = "".join(
        _SPECIAL.get(char, char if char.isascii() else f"\\[u{ord(char):04X}]")
        for char in text.replace("\n", " ")
    )
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def page(*parts: Iterable[str]) -> str:
    """Return the text of a page made of ``parts``."""
    lines = [line for part in parts for line in part]
    # a heading begins a paragraph by itself, and mandoc complains of a second beginning
    kept = [
        line
        for before, line in pairwise(["", *lines])
        if line != ".PP" or not before.startswith((".S", ".PP"))
    ]
    return "".join(f"{line}\n" for line in kept)


def bold(text: str) -> str:
    """Return ``text`` in bold."""
    return f"\\fB{roff(text)}\\fR"


def italic(text: str) -> str:
    """Return ``text`` in italics."""
    return f"\\fI{roff(text)}\\fR"


def head(name: str, number: int, summary: str) -> Iterator[str]:
    """Begin the page ``name`` of the manual's section ``number``."""
    yield f'.TH {roff(name.upper())} {number} {_DATE} dcmtools "dcmtools manual"'
    yield from section("NAME")
    yield f"{roff(name)} \\- {roff(summary.rstrip('.'))}"


def section(title: str) -> Iterator[str]:
    """Begin a section."""
    yield f".SH {roff(title)}"


def subsection(title: str) -> Iterator[str]:
    """Begin a part of a section."""
    yield f".SS {roff(title)}"


def prose(text: str) -> Iterator[str]:
    """Begin a paragraph."""
    yield ".PP"
    yield roff(text)


def literal(lines: Sequence[str]) -> Iterator[str]:
    """Show lines as they are."""
    yield ".PP"
    yield ".nf"
    yield from map(roff, lines)
    yield ".fi"


def definitions(items: Iterable[tuple[str, str]]) -> Iterator[str]:
    """List terms, which are roff already, and what they mean."""
    for term, text in items:
        yield ".TP"
        yield term
        yield roff(text)


def see_also(*pages: tuple[str, int]) -> Iterator[str]:
    """Name other pages."""
    yield from section("SEE ALSO")
    yield ", ".join(f"{bold(name)}({number})" for name, number in pages)


def terms(items: Mapping[str, str]) -> str:
    """Return ``items`` as ``marked_up`` takes definitions."""
    return "\n".join(f"* {term} | {text}" for term, text in items.items())


def marked_up(text: str) -> Iterator[str]:
    """Turn blocks between blank lines into roff.

    ``# TITLE`` is a section; lines that begin with four blanks are literal; ``* TERM | meaning`` is one
    of a list of terms; anything else is a paragraph.
    """
    for block in text.strip("\n").split("\n\n"):
        lines = block.splitlines()
        if block.startswith("# "):
            yield from section(block[2:])
        elif block.startswith("    "):
            yield from literal([line[4:] for line in lines])
        elif block.startswith("* "):
            items = [item.partition(" | ") for item in block[2:].split("\n* ")]
            yield from definitions((bold(term), " ".join(meaning.split())) for term, _, meaning in items)
        else:
            yield from prose(" ".join(lines))
