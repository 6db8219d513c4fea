"""The options of ``unwrap``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from dcmtools.cli.compressing import check_skipping, check_stdout
from dcmtools.cli.options import OVERWRITE, SKIP_EXISTING, bundle, target_option
from dcmtools.cli.params import FRAMES

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.cli.app import App
    from dcmtools.conversion.unwrapping import UnwrapOptions
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions

    Function = Callable[..., Any]

COLUMNS: Final = ("file", "mime_type", "frames", "outputs")
_NAMES: Final = ("target", "overwrite", "skip_existing", "frames")


def unwrap_options(function: Function) -> Function:
    """Add where to put what is taken out; the command gets ``options``."""

    def call(*args: object, paths: Paths, **kwargs: Any) -> object:  # noqa: ANN401  click's
        asked = {name: kwargs.pop(name) for name in _NAMES}
        return function(*args, paths=paths, options=_options(paths, asked), **kwargs)

    return bundle(call, function, *_OPTIONS)


def report(app: App, paths: Paths, options: UnwrapOptions, output: OutputOptions, jobs: int) -> ExitStatus:
    """Have it done, and show what came of it."""
    from dcmtools.conversion.unwrapping import unwrap
    from dcmtools.files.outputs import STDOUT
    from dcmtools.results import WARNED, Extent

    check_stdout(app, options.outputs, output)
    drain = options.outputs.target != STDOUT
    results = unwrap(paths, options, jobs)
    extent = Extent(warned=WARNED)
    return app.report(results, COLUMNS, output, summary="unwrapped", drain=drain, extent=extent)


def _options(paths: Paths, asked: dict[str, Any]) -> UnwrapOptions:
    from dcmtools.config import calm_libraries
    from dcmtools.conversion.unwrapping import UnwrapOptions
    from dcmtools.files.outputs import outputs_for

    check_skipping({**asked, "in_place": False})
    calm_libraries()
    outputs = outputs_for(
        paths,
        asked["target"],
        in_place=False,
        overwritten=asked["overwrite"],
        options=("--overwrite", "--skip-existing"),
    )
    return UnwrapOptions(outputs, asked["frames"], asked["skip_existing"])


_OPTIONS: Final = (
    target_option(
        "Write to the file OUT or, with -, to standard output; more than one file into the folder OUT, "
        "as they are in their folders, with the ending of what they are.",
    ),
    OVERWRITE,
    SKIP_EXISTING,
    click.option(
        "--frames",
        type=FRAMES,
        metavar="LIST",
        help="Take out these frames only, such as 1,5-9,-1: from 1, -1 is the last.",
    ),
)
