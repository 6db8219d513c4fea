"""What is no item's result goes to the log, which takes 9 ms to import and mostly is not needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.errors import AssociationError, PeerFailure

if TYPE_CHECKING:
    from dcmtools.errors import DcmtoolsError


def say(message: str, *values: object) -> None:
    """Warn of something."""
    import logging

    logging.getLogger(__name__).warning(message, *values)


def said_by(name: str, error: DcmtoolsError) -> DcmtoolsError:
    """Return ``error``, of the peer with that ``name``, which its message begins with from now on."""
    if isinstance(error, (AssociationError, PeerFailure)) and not error.message.startswith(f"{name}: "):
        error.message = f"{name}: {error.message}"
    return error


def mention(message: str, *values: object) -> None:
    """Tell whoever wants to know, which -v says."""
    import logging

    logging.getLogger(__name__).info(message, *values)
