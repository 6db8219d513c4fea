"""The options of ``compress`` and ``decompress``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from dcmtools.cli.options import OVERWRITE, SKIP_EXISTING, bundle, target_option
from dcmtools.cli.params import CODEC, FRAMES, is_given

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dcmtools.cli.app import App
    from dcmtools.codecs.registry import Codec
    from dcmtools.editing.compressing import CompressOptions
    from dcmtools.errors import ExitStatus
    from dcmtools.files.outputs import Outputs
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions

    Function = Callable[..., Any]

COLUMNS: Final = ("file", "from", "to", "input_bytes", "output_bytes", "ratio", "elapsed_ms", "changes")
_ENCODING: Final = ("quality", "ratio", "near", "effort", "offset_table", "fragment_size")
_OTHERS: Final = (
    *("target", "in_place", "overwrite", "codec", "frames", "new_uid", "verify", "force", "if_smaller"),
    *("skip_existing", *_ENCODING),
)


def compress_options(function: Function, *, to: str | None = None) -> Function:
    """Add what to compress to, how and whereto; the command gets ``options``. ``to`` is a default."""

    def call(*args: object, paths: Paths, **kwargs: Any) -> object:  # noqa: ANN401  click's
        asked = {name: kwargs.pop(name) for name in _OTHERS}
        return function(*args, paths=paths, options=_options(paths, asked), **kwargs)

    return bundle(call, function, _to(to), *PLACES, *_ENCODERS, *_MAKING)


def report(
    app: App,
    paths: Paths,
    options: CompressOptions,
    output: OutputOptions,
    jobs: int,
    verb: str,
) -> ExitStatus:
    """Have it done, and show what came of it."""
    from dcmtools.editing.compressing import Totals, compress
    from dcmtools.files.outputs import STDOUT

    check_stdout(app, options.outputs, output)
    totals = Totals(verb)
    results = compress(paths, options, jobs, totals)
    drain = options.outputs.target != STDOUT  # files are made, whoever reads of it
    return app.report(results, COLUMNS, output, summary=totals, drain=drain)


def check_stdout(app: App, outputs: Outputs, output: OutputOptions) -> None:
    """Raise UsageError where a file and something else would go to standard output."""
    from dcmtools.files.outputs import STDOUT

    if outputs.target == STDOUT and (output.structured or app.console().out_is_terminal):
        taken = "a terminal" if app.console().out_is_terminal else "--format"
        raise click.UsageError(f"Standard output is for the file, not for {taken}.")


def _options(paths: Paths, asked: Mapping[str, Any]) -> CompressOptions:
    from dcmtools.codecs.settings import Settings
    from dcmtools.config import calm_libraries
    from dcmtools.editing.compressing import CompressOptions
    from dcmtools.editing.transcoding import Asked
    from dcmtools.files.outputs import outputs_for

    codec: Codec = asked["codec"]
    _check(codec, asked)
    calm_libraries()
    settings = Settings(**{name: asked[name] for name in _ENCODING if asked[name] is not None})
    outputs = outputs_for(
        paths,
        asked["target"],
        in_place=asked["in_place"],
        overwritten=asked["overwrite"],
        options=("--in-place", "--overwrite", "--skip-existing"),
    )
    return CompressOptions(
        Asked(codec, settings, asked["new_uid"], asked["frames"]),
        outputs,
        asked["verify"],
        asked["force"],
        asked["if_smaller"],
        asked["skip_existing"],
    )


def _check(codec: Codec, asked: Mapping[str, Any]) -> None:
    """Raise UsageError for options that ``codec`` has no use for, or that exclude each other."""
    context = click.get_current_context()
    lossy = not codec.lossless and codec.name != "jpeg-ls-near"
    useful = {
        "quality": lossy,
        "ratio": lossy,
        "near": codec.name == "jpeg-ls-near",
        "effort": codec.module == "jpeg_xl",
        "offset_table": codec.encapsulated,
        "fragment_size": codec.encapsulated,
    }
    for name, is_useful in useful.items():
        if not is_useful and is_given(context, name):
            raise click.UsageError(f"--{name.replace('_', '-')} means nothing to {codec.name}.")
    check_skipping(asked)
    if asked["ratio"] and is_given(context, "quality"):
        raise click.UsageError("--quality and --ratio exclude each other.")
    if asked["fragment_size"] and asked["offset_table"] == "extended":
        raise click.UsageError("--offset-table extended excludes --fragment-size: frames are one fragment.")


def check_skipping(asked: Mapping[str, Any]) -> None:
    """Raise UsageError where what is in OUT, or goes nowhere else, is to be both skipped and replaced."""
    for other in ("overwrite", "in_place"):
        if asked["skip_existing"] and asked[other]:
            raise click.UsageError(f"--skip-existing and --{other.replace('_', '-')} exclude each other.")


def _to(default: str | None) -> Callable[[Function], Function]:
    given: dict[str, Any] = {"default": default, "show_default": True} if default else {"required": True}
    return click.option(
        "--to",
        "codec",
        type=CODEC,
        **given,
        metavar="SYNTAX",
        help="Transfer syntax to write: a name of 'dcmtools codecs', a UID or a keyword of PS3.6.",
    )


PLACES: Final = (
    target_option(
        "Write to the file OUT or, with -, to standard output; more than one file into the folder OUT, "
        "as they are in their folders.",
        required=False,
    ),
    click.option("--in-place", is_flag=True, help="Replace each file by what is made of it."),
    OVERWRITE,
    SKIP_EXISTING,
)
_ENCODERS: Final = (
    click.option(
        "--quality",
        type=click.IntRange(1, 100),
        default=90,
        show_default=True,
        metavar="N",
        help="How good lossy compression is to be: 90 looks like the original, 100 is nearly it. With JPEG "
        "2000 and HTJ2K errors are measured against the range of samples that is there.",
    ),
    click.option(
        "--ratio",
        type=click.FloatRange(1, 1000, min_open=True),
        metavar="N",
        help="Compress lossily to this part of the bytes of the pixels, whatever quality that is.",
    ),
    click.option(
        "--near",
        type=click.IntRange(1, 255),
        default=2,
        show_default=True,
        metavar="N",
        help="Largest error of a sample with jpeg-ls-near; less in frames with samples next to the bounds of"
        " what Bits Stored can hold.",
    ),
    click.option(
        "--effort",
        type=click.IntRange(1, 9),
        metavar="N",
        help="How hard JPEG XL tries to make it small.",
    ),
    click.option(
        "--offset-table",
        type=click.Choice(["basic", "extended", "none"]),
        default="basic",
        show_default=True,
        help="How it says where frames are.",
    ),
    click.option(
        "--fragment-size",
        type=click.IntRange(2, 1 << 31),
        metavar="BYTES",
        help="Cut frames into fragments of at most so many bytes.",
    ),
)
_MAKING: Final = (
    click.option(
        "--frames",
        type=FRAMES,
        metavar="LIST",
        help="Keep these frames only, such as 1,5-9,-1: from 1, -1 is the last. It makes a new instance; "
        "frames that are in the transfer syntax already are not compressed once more.",
    ),
    click.option(
        "--new-uid/--keep-uid",
        default=None,
        help="Give a new SOP Instance UID, or keep it; by default it is new where pixels are not the same.",
    ),
    click.option(
        "--verify/--no-verify",
        default=None,
        help="Read what was written, and compare each sample, or see that it can be decoded where some are "
        "lost; by default where nothing may be.",
    ),
    click.option("--force", is_flag=True, help="Write files again that are in the transfer syntax already."),
    click.option("--if-smaller", is_flag=True, help="Leave files as they are that would not become smaller."),
)
