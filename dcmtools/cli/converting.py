"""The options of ``convert``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

from dcmtools.cli.compressing import check_skipping
from dcmtools.cli.dumping import charset_option
from dcmtools.cli.options import OVERWRITE, SKIP_EXISTING, bundle, target_option
from dcmtools.cli.params import SYNTAX, is_given

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dcmtools.conversion.from_json import FromJson
    from dcmtools.conversion.to_json import Together, ToJson
    from dcmtools.files.outputs import Outputs
    from dcmtools.files.paths import Paths

    Function = Callable[..., Any]

COLUMNS: Final = ("file", "outputs", "data_sets", "bytes", "elapsed_ms")
_JSON: Final = (".json", ".jsonl", ".ndjson")
_OF_JSON: Final = ("bulk", "meta", "exact", "indent", "lines", "array", "where", "decode")
_OF_DICOM: Final = ("syntax", "strict")
_OTHERS: Final = ("target", "to", "bulk_dir", "overwrite", "skip_existing")
_FLAGS: Final = {"syntax": "transfer-syntax", "decode": "assume-charset"}


def convert_options(function: Function) -> Function:
    """Add what to convert to, how and whereto; the command gets ``options``."""

    def call(*args: object, paths: Paths, **kwargs: Any) -> object:  # noqa: ANN401  click's
        asked = {name: kwargs.pop(name) for name in (*_OTHERS, *_OF_JSON, *_OF_DICOM)}
        return function(*args, paths=paths, options=_options(paths, asked), **kwargs)

    return bundle(call, function, *_PLACES, *_TO_JSON, charset_option, *_TO_DICOM)


def _options(paths: Paths, asked: Mapping[str, Any]) -> ToJson | FromJson:
    context = click.get_current_context()
    to = asked["to"] or _direction(paths, asked["target"])
    if to is None:
        raise click.UsageError("Say with --to whether JSON or DICOM is to be made.")
    for name in _OF_DICOM if to == "json" else _OF_JSON:
        if is_given(context, name) and asked[name]:
            raise click.UsageError(f"--{_FLAGS.get(name, name)} means nothing to --to {to}.")
    check_skipping({**asked, "in_place": False})
    return _to_json(paths, asked) if to == "json" else _from_json(paths, asked)


def _direction(paths: Paths, target: str) -> str | None:
    """Return what is to be made, as far as the name of the output, or that of the one input, tells."""
    from dcmtools.files.inputs import NAMED_AS_DICOM

    name, alone = target.lower(), (paths.alone or "").lower()
    if name.endswith(_JSON) or (not name.endswith(NAMED_AS_DICOM) and alone.endswith(NAMED_AS_DICOM)):
        return "json"
    return "dicom" if name.endswith(NAMED_AS_DICOM) or alone.endswith(_JSON) else None


def _outputs(paths: Paths, asked: Mapping[str, Any], ending: str, old: tuple[str, ...]) -> Outputs:
    from dcmtools.files.outputs import Endings, outputs_for
    from dcmtools.files.source import STDIN

    outputs = outputs_for(
        paths,
        asked["target"],
        in_place=False,
        overwritten=asked["overwrite"],
        options=("--overwrite", "--skip-existing"),
        endings=Endings(ending, old),
    )
    # What comes through a pipe has no name, but DICOM has one in itself.
    return outputs._replace(renamed=ending == ".dcm" and paths.alone == STDIN)


def _to_json(paths: Paths, asked: Mapping[str, Any]) -> ToJson:
    from dcmtools.conversion.to_json import ToJson
    from dcmtools.encoding.charset import DEFAULT
    from dcmtools.files.inputs import NAMED_AS_DICOM
    from dcmtools.files.outputs import Outputs

    together: Together = "lines" if asked["lines"] else "array" if asked["array"] else ""
    _check_bulk(asked, together)
    if together:
        if asked["skip_existing"]:
            raise click.UsageError("--skip-existing is for a file each, not for one file.")
        if os.path.isdir(asked["target"]):
            raise click.UsageError(f"--{together} makes one file, and {asked['target']} is a folder.")
        outputs = Outputs(asked["target"], overwritten=asked["overwrite"])
    else:
        outputs = _outputs(paths, asked, ".json", NAMED_AS_DICOM)
    return ToJson(
        outputs,
        asked["bulk"],
        asked["bulk_dir"] or "",
        asked["meta"],
        asked["exact"],
        asked["indent"],
        together,
        asked["decode"] or DEFAULT,
        asked["skip_existing"],
        asked["where"],
    )


def _check_bulk(asked: Mapping[str, Any], together: str) -> None:
    if asked["lines"] and (asked["array"] or asked["indent"] is not None):
        other = "array" if asked["array"] else "indent"
        raise click.UsageError(f"--lines and --{other} exclude each other.")
    if asked["bulk_dir"] and asked["bulk"] != "file":
        raise click.UsageError("--bulk-dir wants --bulk file, where JSON is made.")
    if asked["bulk"] == "file" and not asked["bulk_dir"] and (together or asked["target"] == "-"):
        raise click.UsageError("--bulk file wants --bulk-dir here, the folder for the files.")


def _from_json(paths: Paths, asked: Mapping[str, Any]) -> FromJson:
    from dcmtools.conversion.from_json import FromJson

    outputs = _outputs(paths, asked, ".dcm", _JSON)
    folder = asked["bulk_dir"] or ""
    if folder and not os.path.isdir(folder):
        raise click.UsageError(f"--bulk-dir: there is no folder {folder}.")
    return FromJson(
        outputs,
        os.path.realpath(folder) if folder else "",
        asked["syntax"] or "",
        asked["strict"],
        asked["skip_existing"],
    )


_PLACES: Final = (
    target_option(
        "Write to the file OUT or, with -, to standard output; more than one file into the folder OUT, "
        "as they are in their folders, with another ending.",
    ),
    click.option(
        "--to",
        type=click.Choice(["json", "dicom"]),
        help="What to make. Left out, the ending of OUT tells, or that of the one input.",
    ),
    OVERWRITE,
    SKIP_EXISTING,
    click.option(
        "--bulk-dir",
        type=click.Path(file_okay=False),
        metavar="DIR",
        help="The folder for the files of --bulk file, by default NAME.bulk beside NAME.json; to DICOM, the "
        "folder that bulk values may be in, by default that of the JSON file.",
    ),
)
_TO_JSON: Final = (
    click.option(
        "--bulk",
        type=click.Choice(["inline", "none", "file", "uri"]),
        default="inline",
        show_default=True,
        help="How bulk values stand in JSON: in Base64, not at all, each in a file of its own, or as a URI "
        "with offset and length in the DICOM file.",
    ),
    click.option("--meta", is_flag=True, help="Have group 0002 in JSON, too, which PS3.18 leaves out."),
    click.option(
        "--exact",
        is_flag=True,
        help="Have numbers of DS and IS as strings wherever they would come back in other characters, such "
        "as 1.50.",
    ),
    click.option(
        "--indent", type=click.IntRange(0, 8), metavar="N", help="Indent JSON by N spaces; else it is a line."
    ),
    click.option("--lines", is_flag=True, help="Write all data sets into the one file OUT, a line each."),
    click.option("--array", is_flag=True, help="Write all data sets into the one file OUT, as an array."),
)
_TO_DICOM: Final = (
    click.option(
        "--transfer-syntax",
        "syntax",
        type=SYNTAX,
        metavar="SYNTAX",
        help="Write DICOM in this transfer syntax: a UID, a keyword, implicit, explicit, explicit-big-endian "
        "or deflated. By default that of (0002,0010) in JSON or, without it, explicit.",
    ),
    click.option(
        "--strict",
        is_flag=True,
        help="Have values that are not of their VR, and elements otherwise than in PS3.6, fail to become "
        "DICOM; else they are written as they are, with a warning.",
    ),
)
