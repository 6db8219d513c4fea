"""The options of what reads a medium."""

from __future__ import annotations

import click

LEVELS = ("patient", "study", "series", "instance")
medium_argument = click.argument("medium", metavar="MEDIUM", type=click.Path())
"""A folder with a DICOMDIR, that DICOMDIR, or an archive with one; the command gets ``medium``."""
