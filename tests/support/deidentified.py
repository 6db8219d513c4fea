"""Files de-identified in one call, and read again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.deidentification.engine import Deidentifier, Settings
from dcmtools.deidentification.keys import ProjectKey
from dcmtools.deidentification.profile import profile_from
from dcmtools.deidentification.pseudonyms import Pseudonyms
from dcmtools.encoding.dataset import DataSet, decode
from dcmtools.encoding.syntax import encoding_of
from dcmtools.files.part10 import Part10File
from tests.support.encoded import EVL, Coder, part10

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dcmtools.deidentification.deidentified import Deidentified

KEY = ProjectKey(b"a key of thirty-two bytes or so..", kept=True)


class Options(NamedTuple):
    retain: Sequence[str] = ()
    clean: Sequence[str] = ()
    keep: Sequence[str] = ()
    remove: Sequence[str] = ()
    empty: Sequence[str] = ()
    set_: Sequence[str] = ()
    explaining: bool = False
    key: ProjectKey = KEY


BASIC = Options()


def deidentifier(options: Options = BASIC) -> Deidentifier:
    profile = profile_from("basic", *options[:6])
    return Deidentifier(Settings(profile, Pseudonyms(options.key), explaining=options.explaining))


@contextmanager
def deidentified(path: Path, options: Options = BASIC) -> Iterator[Deidentified]:
    with Part10File.open(str(path)) as file, deidentifier(options).deidentified(file) as done:
        yield done


def file_of(path: Path, options: Options = BASIC) -> bytes:
    """The whole file that comes of the one at ``path``."""
    with deidentified(path, options) as done:
        return done.meta + b"".join(done.blocks())


def data_set_of(
    folder: Path, data_set: bytes, options: Options = BASIC, syntax: str = "1.2.840.10008.1.2.1"
) -> DataSet:
    """What comes of a data set, without what is said of de-identification itself."""
    return decode(bytes_of(folder, data_set, options, syntax), encoding_of(syntax))


def bytes_of(
    folder: Path, data_set: bytes, options: Options = BASIC, syntax: str = "1.2.840.10008.1.2.1"
) -> bytes:
    path = folder / "in.dcm"
    path.write_bytes(part10(data_set, syntax))
    with deidentified(path, options) as done:
        return b"".join(done.blocks())


def text(tag: int, vr: str, value: str | bytes, code: Coder = EVL) -> bytes:
    """An element of text, padded."""
    raw = value if isinstance(value, bytes) else value.encode("latin-1")
    return code.element(tag, vr, raw + (b"\0" if vr in ("UI", "OB", "UN") else b" ") * (len(raw) % 2))
