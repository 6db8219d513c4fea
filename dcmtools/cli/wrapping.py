"""The options of ``wrap``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from dcmtools.cli.compressing import check_skipping, check_stdout
from dcmtools.cli.options import OVERWRITE, bundle, target_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.cli.app import App
    from dcmtools.conversion.wrapping import WrapOptions
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.errors import ExitStatus
    from dcmtools.files.paths import Paths
    from dcmtools.output.reporter import OutputOptions

    Function = Callable[..., Any]

COLUMNS: Final = ("file", "kind", "output", "sop_instance_uid")
_NAMES: Final = (
    *("target", "overwrite", "skip_existing", "kind", "study_from", "series_from", "keys", "title"),
    "multi_frame",
)
_FILE: Final = click.Path()
_SOP_INSTANCE_UID: Final = 0x00080018
# SOP Class, MIME type and length of documents, and the Image Pixel Module: a file must not contradict itself.
_OWN: Final = frozenset(
    (
        *(0x00080016, 0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011),
        *(0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00420011, 0x00420012, 0x00420015, 0x7FE00010),
    )
)


def wrap_options(function: Function) -> Function:
    """Add what to make of files, and where to put it; the command gets ``options`` and ``multi_frame``."""

    def call(*args: object, paths: Paths, **kwargs: Any) -> object:  # noqa: ANN401  click's
        asked = {name: kwargs.pop(name) for name in _NAMES}
        options = _options(paths, asked)
        return function(*args, paths=paths, options=options, multi_frame=asked["multi_frame"], **kwargs)

    return bundle(call, function, *_OPTIONS)


def report(
    app: App, paths: Paths, options: WrapOptions, output: OutputOptions, jobs: int, *, multi_frame: bool
) -> ExitStatus:
    """Have it done, and show what came of it."""
    from dcmtools.conversion.pages import together
    from dcmtools.conversion.wrapping import wrap
    from dcmtools.files.outputs import STDOUT
    from dcmtools.results import WARNED, Extent

    check_stdout(app, options.outputs, output)
    listed = list(paths)
    results = (together if multi_frame else wrap)(listed, options, jobs)
    drain, extent = options.outputs.target != STDOUT, Extent(warned=WARNED)
    return app.report(results, COLUMNS, output, summary="wrapped", drain=drain, extent=extent)


def _options(paths: Paths, asked: dict[str, Any]) -> WrapOptions:
    from dcmtools.config import calm_libraries
    from dcmtools.conversion.kinds import ENDINGS
    from dcmtools.conversion.origins import taken_over
    from dcmtools.conversion.wrapping import WrapOptions
    from dcmtools.encoding.dataset import DataSet
    from dcmtools.files.outputs import Endings, Outputs, outputs_for

    check_skipping({**asked, "in_place": False})
    if asked["study_from"] and asked["series_from"]:
        raise click.UsageError("--study-from and --series-from exclude each other: a series has a study.")
    calm_libraries()
    if asked["multi_frame"]:
        _check_multi_frame(asked)
        outputs = Outputs(asked["target"], overwritten=asked["overwrite"], options=("--overwrite",))
    else:
        outputs = outputs_for(
            paths,
            asked["target"],
            in_place=False,
            overwritten=asked["overwrite"],
            options=("--overwrite", "--skip-existing"),
            endings=Endings(".dcm", ENDINGS),
        )
    origin = DataSet()
    if path := asked["series_from"] or asked["study_from"]:
        origin = taken_over(path, series=bool(asked["series_from"]))
    return WrapOptions(
        outputs,
        asked["kind"],
        origin,
        asked["title"] or "",
        [_key(each, several=paths.several and not asked["multi_frame"]) for each in asked["keys"]],
        asked["skip_existing"],
    )


def _check_multi_frame(asked: dict[str, Any]) -> None:
    import os

    if asked["kind"] not in ("auto", "sc"):
        raise click.UsageError(
            "--multi-frame makes Secondary Capture images; there are no others of it here."
        )
    if asked["skip_existing"]:
        raise click.UsageError("--multi-frame makes one file; --skip-existing is for many.")
    target = asked["target"]
    if target == "-" or os.path.isdir(target) or target.endswith(os.sep):
        raise click.UsageError("--multi-frame makes one file, so -o names a file.")


def _key(given: str, *, several: bool) -> tuple[TagPath, str]:
    from dcmtools.encoding.tagpath import parse

    path, sign, value = given.partition("=")
    if not sign:
        raise click.BadParameter(f"{given!r} is not PATH=VALUE.", param_hint="'-k'")
    try:
        parsed = parse(path.strip())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'-k'") from None
    tag = parsed.steps[0].tag
    if tag in _OWN or (several and tag == _SOP_INSTANCE_UID):
        why = "each of several files has its own" if tag == _SOP_INSTANCE_UID else "what is wrapped says that"
        raise click.BadParameter(f"{path.strip()} cannot be set: {why}.", param_hint="'-k'")
    return parsed, value


_OPTIONS: Final = (
    target_option(
        "Write to the file OUT or, with -, to standard output; more than one file into the folder OUT, "
        "as they are in their folders, with the ending .dcm.",
    ),
    OVERWRITE,
    click.option(
        "--skip-existing",
        is_flag=True,
        help="Leave out what has its file in OUT already; the others are a series of their own.",
    ),
    click.option(
        "--as",
        "kind",
        type=click.Choice(["auto", "pdf", "cda", "stl", "sc", "vl-photo"]),
        default="auto",
        show_default=True,
        help="Take documents of this kind only, or pictures as Secondary Capture or VL Photographic images; "
        "auto takes all, pictures as Secondary Capture.",
    ),
    click.option(
        "--multi-frame",
        is_flag=True,
        help="Make one multi-frame Secondary Capture image of all pictures, which have to be alike.",
    ),
    click.option(
        "--study-from",
        "+st",
        type=_FILE,
        metavar="FILE",
        help="Take patient and study from a DICOM file; the series is a new one.",
    ),
    click.option(
        "--series-from",
        "+se",
        type=_FILE,
        metavar="FILE",
        help="Take patient, study and series from a DICOM file, modality and equipment included; numbers "
        "go on behind that of FILE.",
    ),
    click.option(
        "-k",
        "--key",
        "keys",
        multiple=True,
        metavar="PATH=VALUE",
        help="Set an element, whatever it would be otherwise; sequences and items are made. Repeatable.",
    ),
    click.option("--title", metavar="TEXT", help="Document Title; by default that of a CDA."),
)
