"""Many files re-identified: what ``dcmtools reidentify`` does."""

from __future__ import annotations

from functools import partial
from tempfile import TemporaryFile
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from dcmtools.deidentification.restoring import restored
from dcmtools.errors import DcmtoolsError, InputError, OutputError
from dcmtools.files.made import Made
from dcmtools.files.outputs import STDOUT, Causes, shown
from dcmtools.files.part10 import part10_file
from dcmtools.files.work import for_each, is_usable
from dcmtools.results import Result
from dcmtools.selection.where import chosen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from dcmtools.deidentification.restoring import Restored
    from dcmtools.files.inputs import Input
    from dcmtools.files.outputs import Outputs
    from dcmtools.files.part10 import Part10File
    from dcmtools.selection.where import Where


class ReidentifyOptions(NamedTuple):
    """The key that opens what is encrypted, and where files go: those that ``where`` is true of."""

    key: RSAPrivateKey
    outputs: Outputs
    where: Where | None = None


def reidentify(paths: Iterable[str | Result], options: ReidentifyOptions, jobs: int) -> Iterator[Result]:
    """Yield one result per file below ``paths``; what goes to standard output is in results, too."""
    with TemporaryFile() as stdout, Made() as made:
        outputs = options.outputs._replace(made=made)
        work = partial(_reidentified, options._replace(outputs=outputs), stdout)
        operation = chosen(work, options.where)
        causes = Causes(outputs.target)
        for result in map(causes.shared, for_each(outputs.admitted(paths), operation, jobs, ending=causes)):
            if is_usable(result) and outputs.target == STDOUT:
                yield from shown(result, stdout)
            yield result._replace(raw=b"") if outputs.target == STDOUT else result


def _reidentified(options: ReidentifyOptions, stdout: BinaryIO, item: Input) -> Result:
    try:
        with item.open() as source:
            return _done(options, stdout, item, part10_file(source))
    except InputError:
        raise
    except DcmtoolsError as error:  # of this file: others may be for the key, the disk may have room for them
        return Result.failed(item.path, error, {"file": item.path})


def _done(options: ReidentifyOptions, stdout: BinaryIO, item: Input, file: Part10File) -> Result:
    begun = monotonic()
    path = options.outputs.path_for(item)
    done = restored(file, options.key)
    if path == STDOUT:
        stdout.seek(0)
        stdout.truncate()
        try:
            _write(file, done, stdout)
        except OSError as error:
            raise OutputError(f"temporary file: {error.strerror or error}") from error
    else:
        with options.outputs.writing(path, item) as out:
            _write(file, done, out)
    record = {
        "file": item.path,
        "output": path,
        "restored": done.count,
        "elapsed_ms": round(1000 * (monotonic() - begun), 1),
    }
    return Result(item.path, record)


def _write(file: Part10File, done: Restored, out: BinaryIO) -> None:
    out.write(done.meta)
    out.writelines(done.blocks())
    out.flush()
    if not file.source.unchanged():
        raise InputError("the file has changed while it was read")
