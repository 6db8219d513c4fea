"""Why a file is not let out."""

from __future__ import annotations

from dcmtools.errors import CheckFailed, InputError


class Leaking(CheckFailed):
    """Something that was removed is still in what was written."""

    code = "leak"


class AlreadyDone(InputError):
    """The file says that it is de-identified: done twice it would fit no other."""

    shared = True


class Suspect(CheckFailed):
    """The pixels may show who the patient is."""

    code = "suspect-pixels"
