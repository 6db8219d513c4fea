"""``python -m dcmtools``."""

from dcmtools.cli.main import run

run()
