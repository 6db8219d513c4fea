"""What is no item's result goes to the log, which takes 9 ms to import and mostly is not needed."""

from __future__ import annotations


def say(message: str, *values: object) -> None:
    """Warn of something."""
    import logging

    logging.getLogger(__name__).warning(message, *values)


def mention(message: str, *values: object) -> None:
    """Tell whoever wants to know, which -v says."""
    import logging

    logging.getLogger(__name__).info(message, *values)
