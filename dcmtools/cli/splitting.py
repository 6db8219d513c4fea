"""The options of ``split``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from dcmtools.cli.compressing import check_skipping, check_stdout
from dcmtools.cli.expressions import FRAME_TEMPLATE
from dcmtools.cli.options import OVERWRITE, bundle, target_option
from dcmtools.cli.params import FRAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dcmtools.cli.app import App
    from dcmtools.conversion.splitting import SplitOptions
    from dcmtools.errors import ExitStatus
    from dcmtools.files.outputs import Outputs
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions

    Function = Callable[..., Any]

COLUMNS: Final = ("file", "output", "frames", "written", "elapsed_ms")
_NAMES: Final = ("target", "frames", "template", "keep_class", "overwrite", "skip_existing")


def split_options(function: Function) -> Function:
    """Add which frames, and whereto; the command gets ``options``."""

    def call(*args: object, paths: Paths, **kwargs: Any) -> object:  # noqa: ANN401  click's
        asked = {name: kwargs.pop(name) for name in _NAMES}
        return function(*args, paths=paths, options=_options(paths, asked), **kwargs)

    return bundle(call, function, *_OPTIONS)


def report(app: App, paths: Paths, options: SplitOptions, output: OutputOptions, jobs: int) -> ExitStatus:
    """Have it done, and show what came of it."""
    from dcmtools.conversion.splitting import Totals, split
    from dcmtools.files.outputs import STDOUT
    from dcmtools.results import WARNED, Extent

    check_stdout(app, options.outputs, output)
    totals = Totals()
    drain = options.outputs.target != STDOUT
    results, extent = split(paths, options, jobs, totals), Extent(warned=WARNED)
    return app.report(results, COLUMNS, output, summary=totals, drain=drain, extent=extent)


def _options(paths: Paths, asked: Mapping[str, Any]) -> SplitOptions:
    from dcmtools.conversion.splitting import SplitOptions

    check_skipping({**asked, "in_place": False})
    return SplitOptions(
        _outputs(paths, asked),
        asked["frames"],
        asked["template"],
        asked["keep_class"],
        asked["skip_existing"],
    )


def _outputs(paths: Paths, asked: Mapping[str, Any]) -> Outputs:
    """Return where frames go: into a folder, unless one is asked for and OUT is a file by its name."""
    import os

    from dcmtools.files.inputs import NAMED_AS_DICOM
    from dcmtools.files.outputs import STDOUT, outputs_for

    target: str = asked["target"]
    outputs = outputs_for(
        paths,
        target,
        in_place=False,
        overwritten=asked["overwrite"],
        renamed=asked["template"] is not None,
        options=("--overwrite", "--skip-existing"),
    )
    if target == STDOUT and asked["template"]:
        raise click.UsageError("--template is for names in a folder, not for standard output.")
    is_file = target == STDOUT or os.path.isfile(target) or target.lower().endswith(NAMED_AS_DICOM)
    return outputs if is_file else outputs._replace(folder=True)


_OPTIONS: Final = (
    target_option(
        "Write into the folder OUT, as files are in their folders; one frame also to the file OUT or, "
        "with -, to standard output.",
    ),
    click.option(
        "--frames",
        type=FRAMES,
        metavar="LIST",
        help="Take these frames only, such as 1,5-9,-1: from 1, -1 is the last.",
    ),
    click.option(
        "-t",
        "--template",
        type=FRAME_TEMPLATE,
        metavar="TEMPLATE",
        help="Names below OUT, made of values of each frame: {frame:04} is its number, and the rest as "
        "'sort' has it; by default the name of the file with -0001.dcm behind it.",
    ),
    click.option(
        "--keep-class",
        is_flag=True,
        help="Leave what it is: a multi-frame image, of one frame, functional groups and all.",
    ),
    OVERWRITE,
    click.option(
        "--skip-existing",
        is_flag=True,
        help="Leave out frames that have their file in OUT already: so a run that was ended goes on.",
    ),
)
