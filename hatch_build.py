"""Tells the build where manual pages and completions, generated and committed, and examples are installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPLETIONS = {
    "dcmtools.bash": "bash-completion/completions/dcmtools",
    "_dcmtools": "zsh/site-functions/_dcmtools",
    "dcmtools.fish": "fish/vendor_completions.d/dcmtools.fish",
}


class SharedData(BuildHookInterface):  # type: ignore[type-arg]  # generic for those with a configuration
    """Adds what belongs below ``share``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling's signature
        """Map every file to its place."""
        root = Path(self.root)
        pages = {path: f"man/man{path.suffix[1:]}/{path.name}" for path in (root / "man").iterdir()}
        profiles = {
            path: f"doc/dcmtools/profiles/{path.name}" for path in (root / "examples" / "profiles").iterdir()
        }
        scripts = {root / "completions" / name: place for name, place in COMPLETIONS.items()}
        build_data["shared_data"] = {
            str(path): f"share/{place}" for path, place in sorted({**pages, **profiles, **scripts}.items())
        }
