"""The options of ``modify``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from dcmtools.cli.compressing import PLACES, check_skipping
from dcmtools.cli.options import bundle
from dcmtools.cli.params import LEVELS, RULE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dcmtools.files.outputs import Outputs
    from dcmtools.files.paths import Paths
    from dcmtools.modifying.modifying import ModifyOptions, NewUids
    from dcmtools.modifying.patches import Patch
    from dcmtools.modifying.told import Step
    from dcmtools.modifying.wanted import Wanted

    Function = Callable[..., Any]

_EDITS: Final = ("sets", "replaces", "replaces_all", "erases", "erases_all", "fills")
_UIDS: Final = ("levels", "new_study", "new_series", "new_instance", "uid_map", "uid_map_out")
_MENDING: Final = ("charset", "charset_from", "group_lengths", "repair", "fix_meta")
_HOW: Final = (*_EDITS, "patches", "private", "missing", "ignore_missing", *_UIDS, *_MENDING)
_PLACING: Final = ("target", "in_place", "overwrite", "skip_existing", "backup", "no_backup", "dry_run")
_FILE: Final = click.Path(dir_okay=False)


def modify_options(function: Function) -> Function:
    """Add what to change and whereto; the command gets ``options``."""

    def call(*args: object, paths: Paths, **kwargs: Any) -> object:  # noqa: ANN401  click's
        asked = {name: kwargs.pop(name) for name in (*_HOW, *_PLACING)}
        return function(*args, paths=paths, options=_options(paths, asked), **kwargs)

    return bundle(call, function, *_CHANGES, *_WHOLES, *PLACES, *_KEEPING)


def _options(paths: Paths, asked: Mapping[str, Any]) -> ModifyOptions:
    from dcmtools.modifying.modifying import ModifyOptions

    _check(asked)
    steps, uids = tuple(_steps(paths, asked)), _new_uids(asked)
    if uids and uids.levels:
        _check_kept(paths, asked)
    mends = asked["repair"] or asked["fix_meta"]
    if not (steps or uids or mends):
        raise click.UsageError("Nothing is to be changed: --set, --erase and others say what.")
    options = ModifyOptions(
        _outputs(paths, asked),
        steps,
        uids=uids,
        backup=asked["backup"] or "",
        skip_existing=asked["skip_existing"],
        dry=asked["dry_run"],
    )
    if mends:
        from dcmtools.modifying import meta

        options = options._replace(opening=meta.opened, meta=meta.fixed)
    return options


def _steps(paths: Paths, asked: Mapping[str, Any]) -> Iterator[Step]:
    """Yield what is to be done, in order: what is read wrongly goes first, what others may make last."""
    from functools import partial

    if asked["repair"]:
        from dcmtools.modifying import repairs

        yield repairs.step
    if asked["charset"] is not None:
        from dcmtools.modifying import character_set

        target, assumed = _character_sets(asked)
        yield partial(character_set.step, target, assumed)
    yield from _edits(paths, asked)
    if asked["group_lengths"]:
        from dcmtools.modifying import group_lengths

        yield group_lengths.step


def _character_sets(asked: Mapping[str, Any]) -> Iterator[str]:
    from dcmtools.modifying.character_set import character_set_named

    for name in ("charset", "charset_from"):
        try:
            yield character_set_named(asked[name]) if asked[name] is not None else ""
        except ValueError as error:
            hint = f"'--{name.replace('_', '-')}'"
            raise click.BadParameter(f"{error}.", param_hint=hint) from None


def _new_uids(asked: Mapping[str, Any]) -> NewUids | None:
    """Return the UIDs that are to change, None if none are."""
    if not any(asked[name] for name in _UIDS):
        return None
    from dcmtools.modifying.modifying import NewUids
    from dcmtools.modifying.uids import LEVELS, read_uid_map

    levels = {name for name in LEVELS if asked[f"new_{name}"]}
    for name in (word.strip() for words in asked["levels"] for word in words.split(",")):
        if name not in LEVELS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(LEVELS)}.", param_hint="'--new-uids'")
        levels.add(name)
    given = read_uid_map(asked["uid_map"]) if asked["uid_map"] is not None else {}
    if not (levels or given):
        if asked["uid_map_out"] is not None:
            raise click.UsageError("--uid-map-out wants --new-uids or --uid-map.")
        return None
    return NewUids(tuple(sorted(levels)), given, asked["uid_map_out"] or "")


def _check_kept(paths: Paths, asked: Mapping[str, Any]) -> None:
    """Refuse what would leave files with new UIDs beside others that refer to the old ones."""
    if asked["skip_existing"] and asked["uid_map"] is None:
        raise click.UsageError(
            "--new-uids makes other UIDs in each run: to go on with one, have --skip-existing with --uid-map"
            " FILE, which its --uid-map-out has written."
        )
    kept = asked["backup"] or asked["uid_map_out"] is not None or asked["dry_run"]
    if asked["in_place"] and paths.several and not kept:
        raise click.UsageError(
            "--new-uids in place wants --uid-map-out FILE or --backup: if some files were done and others"
            " not, nothing could tell which UIDs belong together."
        )


def _edits(paths: Paths, asked: Mapping[str, Any]) -> Iterator[Step]:
    """Yield the step that makes all edits of single elements."""
    from dcmtools.modifying.edits import step

    patches = list(_patches(asked["patches"]))
    private = asked["private"] or any(patch.private for patch in patches)
    wanted = [each for patch in patches for each in patch.wanted] + list(_wanted(asked))
    if any(each.names_instance for each in wanted) and not _is_one(paths):
        raise click.UsageError("SOPInstanceUID would be the same in each file; see --new-uids, --uid-map.")
    if wanted or private:
        missing_ok = asked["ignore_missing"] or asked["missing"] == "skip"
        try:
            yield step(wanted, private=private, missing_ok=missing_ok)
        except ValueError as error:
            raise click.UsageError(f"{error}.") from None


def _is_one(paths: Paths) -> bool:
    from dcmtools.files.inputs import is_archive

    return not paths.several and not (paths.alone and is_archive(paths.alone))


def _patches(paths: tuple[str, ...]) -> Iterator[Patch]:
    if paths:
        from dcmtools.modifying.patches import read_patch

        yield from map(read_patch, paths)


def _wanted(asked: Mapping[str, Any]) -> Iterator[Wanted]:
    """Yield what the options say that are about single elements."""
    from functools import partial

    from dcmtools.modifying.wanted import erasing, setting

    kinds: dict[str, tuple[str, Callable[[str], Wanted]]] = {
        "sets": ("--set", setting),
        "replaces": ("--replace", partial(setting, kind="replace")),
        "replaces_all": ("--replace-all", partial(setting, kind="replace", deep=True)),
        "erases": ("--erase", erasing),
        "erases_all": ("--erase-all", partial(erasing, deep=True)),
        "fills": ("--set-file", _filling),
    }
    for name, (option, parse) in kinds.items():
        for text in asked[name]:
            try:
                yield parse(text)
            except ValueError as error:
                complaint = str(error)
                end = "" if complaint.endswith("?") else "."
                raise click.BadParameter(f"{complaint}{end}", param_hint=f"'{option}'") from None


def _filling(text: str) -> Wanted:
    from dcmtools.modifying.patches import read_bytes
    from dcmtools.modifying.wanted import filled

    place, equals, name = text.partition("=")
    if not equals or not name:
        message = f"{text!r} is not PATH=FILE"
        raise ValueError(message)
    return filled(place, read_bytes(name))


def _outputs(paths: Paths, asked: Mapping[str, Any]) -> Outputs:
    from dcmtools.files.outputs import Outputs, outputs_for

    if asked["dry_run"] and asked["target"] is None and not asked["in_place"]:
        return Outputs(several=paths.several)
    outputs = outputs_for(
        paths,
        asked["target"],
        in_place=asked["in_place"],
        overwritten=asked["overwrite"],
        options=("--in-place", "--overwrite", "--skip-existing"),
    )
    return outputs._replace(several=paths.several) if asked["in_place"] else outputs


def _check(asked: Mapping[str, Any]) -> None:
    """Raise UsageError for options that exclude each other."""
    check_skipping(asked)
    if asked["charset_from"] is not None and asked["charset"] is None:
        raise click.UsageError("--charset-from wants --charset.")
    backup = asked["backup"]
    if backup is None:
        return
    if asked["no_backup"]:
        raise click.UsageError("--backup and --no-backup exclude each other.")
    if not asked["in_place"]:
        raise click.UsageError("--backup is for --in-place: other files stay as they are.")
    if not backup or "/" in backup or "\0" in backup:
        raise click.BadParameter("It is what stands behind a name, such as .bak.", param_hint="'--backup'")


def _edit(*names: str, metavar: str, text: str) -> Callable[[Function], Function]:
    return click.option(*names, type=RULE_KEY, multiple=True, metavar=metavar, help=f"{text} Repeatable.")


_CHANGES: Final = (
    _edit(
        *("-i", "--set", "--insert", "sets"),
        metavar="PATH=VALUE",
        text="Give this element a value, be it there or not. Items on the way are made; nothing behind = "
        "makes it empty, \\ stands between values.",
    ),
    _edit(
        *("-m", "--replace", "replaces"),
        metavar="PATH=VALUE",
        text="Give this element a value where it is there.",
    ),
    _edit(
        *("-ma", "--replace-all", "replaces_all"),
        metavar="PATH=VALUE",
        text="The same wherever it is there, at any depth, as with **.PATH.",
    ),
    _edit(
        *("-e", "--erase", "erases"), metavar="PATH", text="Take out this element or item, if it is there."
    ),
    _edit(
        *("-ea", "--erase-all", "erases_all"),
        metavar="PATH",
        text="The same wherever it is there, at any depth, as with **.PATH.",
    ),
    click.option(
        "-ep", "--erase-private", "private", is_flag=True, help="Take out all private elements, at any depth."
    ),
    _edit(
        *("-if", "--set-file", "fills"),
        metavar="PATH=FILE",
        text="Give this element what is in a file: bytes in little endian, or text in UTF-8 without its last "
        "line end.",
    ),
    click.option(
        "--patch",
        "patches",
        type=_FILE,
        multiple=True,
        metavar="FILE",
        help="Do what a file says: a data set as .json (PS3.18 Annex F), whose elements are set, or these "
        "options by name as .toml. Repeatable.",
    ),
    click.option(
        "--missing",
        type=click.Choice(["error", "skip"]),
        default="error",
        show_default=True,
        help="What becomes of a file in which something to be replaced is not there: fail, or go on without.",
    ),
    click.option("-imt", "ignore_missing", is_flag=True, help="The same as --missing skip."),
)
_WHOLES: Final = (
    click.option(
        "--new-uids",
        "levels",
        type=LEVELS,
        multiple=True,
        metavar="LEVELS",
        help="Give all studies, series or instances new UIDs (study,series,instance), the same wherever they "
        "are referred to in these files.",
    ),
    click.option("-gst", "new_study", is_flag=True, help="The same as --new-uids study."),
    click.option("-gse", "new_series", is_flag=True, help="The same as --new-uids series."),
    click.option("-gin", "new_instance", is_flag=True, help="The same as --new-uids instance."),
    click.option(
        "--uid-map",
        type=_FILE,
        metavar="FILE",
        help="Change UIDs as a CSV file says, old and new one in a row, wherever they stand.",
    ),
    click.option(
        "--uid-map-out",
        type=_FILE,
        metavar="FILE",
        help="Write old and new UIDs to a new FILE, readable by its owner alone, before anything changes; "
        "with it as --uid-map a run that was ended can go on.",
    ),
    click.option(
        "--charset",
        metavar="NAME",
        help="Put all text into this character set: a term of PS3.3 C.12.1.1.2 such as ISO_IR 192, or utf-8, "
        "latin-1. What cannot be written in it fails.",
    ),
    click.option(
        "--charset-from",
        metavar="NAME",
        help="With --charset, the character set that text really is in, whatever files say.",
    ),
    click.option(
        "--erase-group-lengths",
        "group_lengths",
        is_flag=True,
        help="Take out Group Lengths, which are retired.",
    ),
    click.option(
        "--fix-meta",
        is_flag=True,
        help="Put right, or make, preamble and file meta information by what the data set is.",
    ),
    click.option(
        "--repair",
        is_flag=True,
        help="Put right, and tell, what is known to be wrong in files of some devices, and do --fix-meta.",
    ),
)
_KEEPING: Final = (
    click.option(
        "--backup",
        metavar="SUFFIX",
        help="With --in-place, keep each file that is replaced with SUFFIX behind its name.",
    ),
    click.option("-nb", "--no-backup", is_flag=True, help="Keep none, as is done without --backup."),
    click.option("--dry-run", is_flag=True, help="Tell each change of each file, and write nothing."),
)
