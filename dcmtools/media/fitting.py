"""Files put into a transfer syntax that an application profile takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmtools.editing.transcoding import Asked, transcoded, verify
from dcmtools.errors import CheckFailed, InputError
from dcmtools.files.part10 import Part10File
from dcmtools.files.source import FileSource
from dcmtools.media.conforming import complaints

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import BinaryIO

    from dcmtools.codecs.registry import Codec
    from dcmtools.editing.transcoding import Transcoded
    from dcmtools.media.profiles import Profile


def write_fitting(file: Part10File, codecs: Iterable[Codec], profile: Profile, out: BinaryIO) -> Transcoded:
    """Write ``file`` to ``out``, in the first of the transfer syntaxes ``codecs`` that fits ``profile``.

    What was written is read again and compared. Only with loss it is a new instance, with a UID of its own:
    see what is returned. Raises InputError, with the reasons, where it fits in none of them, and what writing
    does.
    """
    reasons = []
    for codec in codecs:
        out.seek(0)
        out.truncate()
        try:
            done, against = _written(file, codec, profile, out)
        except (InputError, CheckFailed) as error:
            reasons.append(f"not in {codec.keyword}: {error.message}")
        else:
            if not against:
                return done
            reasons.append(f"not in {codec.keyword}: {'; '.join(against)}")
    raise InputError(f"not brought to {profile.name}: {'; '.join(reasons)}")


def _written(file: Part10File, codec: Codec, profile: Profile, out: BinaryIO) -> tuple[Transcoded, list[str]]:
    """Write ``file``, and return what is against the result."""
    with transcoded(file, Asked(codec), remembering=True) as done:
        out.write(done.meta)
        out.writelines(done.blocks())
        out.flush()
        with FileSource.duplicate(out.fileno()) as source:
            written = Part10File(source)
            verify(done, written)
            return done, complaints(profile, written)
