"""The options of ``diff``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from dcmtools.cli.options import bundle
from dcmtools.cli.params import IGNORED

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.cli.app import App
    from dcmtools.comparison.rules import DiffOptions
    from dcmtools.errors import ExitStatus
    from dcmtools.output.reporter import OutputOptions

    Function = Callable[..., Any]

_NAMES: Final = (
    *("ignore", "ignore_private", "ignore_uids", "ignore_meta", "ignore_transfer_syntax", "ignore_charset"),
    *("tolerance", "relative_tolerance", "pixels", "max_error", "min_psnr", "match", "brief"),
)


def diff_options(function: Function) -> Function:
    """Add how to compare; the command gets ``options``."""

    def call(*args: object, **kwargs: Any) -> object:  # noqa: ANN401  click's
        asked = {name: kwargs.pop(name) for name in _NAMES}
        return function(*args, options=_options(asked), **kwargs)

    return bundle(call, function, *_OPTIONS)


def report(
    app: App, first: str, second: str, options: DiffOptions, output: OutputOptions, jobs: int
) -> ExitStatus:
    """Have it compared, and show what came of it; how many pairs there were is told of trees."""
    import os

    from dcmtools.comparison.diff import Totals, diff
    from dcmtools.files.inputs import is_archive

    totals = Totals()
    options = options._replace(color=app.is_colored(output))
    several = any(os.path.isdir(path) or is_archive(path) for path in (first, second))
    results = diff(first, second, options, jobs, totals)
    return app.report(results, (), output, summary=totals if several else "")


def _options(asked: dict[str, Any]) -> DiffOptions:
    from dcmtools.comparison.rules import NONE, SAMPLES, DiffOptions, Ignored, PixelRules, Tolerance

    measured = asked["max_error"] is not None or asked["min_psnr"] is not None
    if measured and asked["pixels"] == NONE:
        raise click.UsageError("--pixels none compares no samples; --max-error and --min-psnr do.")
    kind = SAMPLES if measured else asked["pixels"]
    return DiffOptions(
        Ignored(
            asked["ignore"],
            asked["ignore_private"],
            asked["ignore_uids"],
            asked["ignore_meta"],
            asked["ignore_transfer_syntax"],
            asked["ignore_charset"],
        ),
        Tolerance(asked["tolerance"], asked["relative_tolerance"]),
        PixelRules(kind, asked["max_error"], asked["min_psnr"]),
        asked["match"],
        brief=asked["brief"],
    )


class _Number(click.FloatRange):
    """A number; what is none, NaN, would compare with nothing."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401  click's
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if number != number:  # noqa: PLR0124  as NaN alone
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


_NOT_NEGATIVE: Final = _Number(0.0)

_OPTIONS: Final = (
    click.option(
        "--match",
        type=click.Choice(["auto", "uid", "path"]),
        default="auto",
        show_default=True,
        help="Which files of two trees belong together: as said above, by SOP Instance UID, or by path.",
    ),
    click.option(
        "-i",
        "--ignore",
        type=IGNORED,
        multiple=True,
        metavar="PATH",
        help="Ignore an element and what is in it: a keyword, a tag or a path such as Seq.Elem (of any "
        "item), Seq[0].Elem, or *.Elem (at any depth). Repeatable.",
    ),
    click.option("--ignore-private", is_flag=True, help="Ignore private elements."),
    click.option(
        "--ignore-uids",
        is_flag=True,
        help="Ignore UIDs, but for those that PS3.6 lists, such as SOP classes.",
    ),
    click.option(
        "--ignore-meta", is_flag=True, help="Ignore file meta information, but for the transfer syntax."
    ),
    click.option(
        "--ignore-transfer-syntax",
        is_flag=True,
        help="Ignore the transfer syntax, and what follows it: Planar Configuration, and whether Photometric "
        "Interpretation is RGB or one of YBR.",
    ),
    click.option(
        "--ignore-charset",
        is_flag=True,
        help="Ignore Specific Character Set: text is compared as decoded in any case.",
    ),
    click.option(
        "--tolerance",
        type=_NOT_NEGATIVE,
        default=0.0,
        metavar="N",
        help="How far numbers (DS, IS, FL, FD and integers) may be apart.",
    ),
    click.option(
        "--relative-tolerance",
        type=_NOT_NEGATIVE,
        default=0.0,
        metavar="N",
        help="The same, as a part of the greater one, such as 1e-6.",
    ),
    click.option(
        "--pixels",
        type=click.Choice(["bytes", "samples", "none"]),
        default="bytes",
        show_default=True,
        help="What of pixel data has to be the same.",
    ),
    click.option("--max-error", type=_NOT_NEGATIVE, metavar="N", help="How far samples may be apart."),
    click.option(
        "--min-psnr",
        type=_Number(),
        metavar="DB",
        help="The peak signal-to-noise ratio that each frame needs at least; with --max-error both hold.",
    ),
    click.option("--brief", is_flag=True, help="Tell only which files differ."),
)
