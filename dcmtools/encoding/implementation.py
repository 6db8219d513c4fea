"""Who wrote a file or opened an association (PS3.7 D.3.3.2, PS3.10 7.1)."""

from __future__ import annotations

from typing import Final

from dcmtools import __version__

IMPLEMENTATION_CLASS_UID: Final = "2.25.276947073826408657061563522432024806193"
IMPLEMENTATION_VERSION_NAME: Final = f"DCMTOOLS_{__version__}"[:16]
