"""What goes for a run of the program on any input, however it was made."""

from __future__ import annotations

import unicodedata

from tests.support.run import Run, run

BIDI = {"RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}


def harmful(text: str) -> set[str]:
    """Control and bidirectional characters in ``text``, line ends apart."""
    return {
        char
        for char in set(text)
        if (unicodedata.category(char) in ("Cc", "Cs") and char != "\n")
        or unicodedata.bidirectional(char) in BIDI
        or char in "\u200e\u200f\u061c\u2028\u2029"
    }


def unharmed(*args: object) -> Run:
    """Run the program and hold it to that: no crash, a status that an input can have, no raw characters."""
    done = run(*args)
    assert done.status in (0, 1, 3), (args, done.stderr)
    assert "Traceback" not in done.stderr
    assert not harmful(done.stdout), args
    assert not harmful(done.stderr), args
    return done
