"""What tests of an open association share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dcmtools.net.stop import Stop
from tests.support.opened import (
    Ends,
    open_association,
)
from tests.support.tcp import connection

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def ends() -> Iterator[Ends]:
    stop = Stop()
    with connection() as (ours, peer):
        yield Ends(open_association(ours, stop), peer, stop)
    stop.close()
