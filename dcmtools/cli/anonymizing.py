"""The options of ``anonymize``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

from dcmtools.cli.anonymize_options import DEIDENTIFYING, MAKING, PLACES
from dcmtools.cli.app import App
from dcmtools.cli.options import bundle
from dcmtools.cli.params import is_given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dcmtools.deidentification.anonymizing import AnonymizeOptions
    from dcmtools.deidentification.cms import Recipients
    from dcmtools.deidentification.engine import Settings
    from dcmtools.deidentification.keys import ProjectKey
    from dcmtools.deidentification.mapping import PatientMap
    from dcmtools.deidentification.policies import PixelPolicy
    from dcmtools.deidentification.profile import Profile
    from dcmtools.files.outputs import Outputs
    from dcmtools.files.paths import Paths

    Function = Callable[..., Any]

_HOW: Final = (
    *("profile", "retain", "clean", "sets", "keeps", "removes", "empties", "pixels"),
    *("key_file", "new_key", "map_path", "map_missing", "map_merge", "encrypt_for"),
)
_WHERE: Final = (
    *("target", "names", "in_place", "overwrite", "quarantine", "map_out", "force"),
    *("verify", "dry_run", "explain"),
)


def anonymize_options(function: Function) -> Function:
    """Add how to de-identify and whereto; the command gets ``options``."""

    def call(*args: object, paths: Paths, **kwargs: Any) -> object:  # noqa: ANN401  click's
        how = {name: kwargs.pop(name) for name in _HOW}
        where = {name: kwargs.pop(name) for name in _WHERE}
        return function(*args, paths=paths, options=_options(paths, how, where), **kwargs)

    return bundle(call, function, *PLACES, *DEIDENTIFYING, *MAKING)


def _options(paths: Paths, how: Mapping[str, Any], where: Mapping[str, Any]) -> AnonymizeOptions:
    from dcmtools.config import calm_libraries
    from dcmtools.deidentification.anonymizing import AnonymizeOptions, check_places, quarantine_of
    from dcmtools.deidentification.policies import decodes
    from dcmtools.errors import UsageError

    _check(how, where)
    calm_libraries()
    outputs = _outputs(paths, where)
    quarantine = where["quarantine"] or quarantine_of(outputs)
    private = tuple(_private(how["key_file"], how["new_key"], how["map_path"], where["map_out"]))
    try:
        check_places(outputs, quarantine, private, forced=where["force"])
    except UsageError:
        _unlog_in(outputs)
        raise
    settings, key = settings_of(how, verify=where["verify"], explaining=where["explain"])
    return AnonymizeOptions(
        outputs,
        settings,
        key=key.name if key.kept else "",
        complete=how["map_path"] is not None and how["map_missing"] == "error",
        quarantine=quarantine,
        private=private,
        forced=where["force"],
        map_out=where["map_out"] or "",
        dry=where["dry_run"],
        explain=where["explain"],
        apart=settings.pixels is not None and decodes(settings.pixels),
    )


def _unlog_in(outputs: Outputs) -> None:
    """Have no log file in the folder of ``outputs``, where it has no place."""
    from dcmtools.files.outputs import is_within

    app = click.get_current_context().ensure_object(App)
    if app.log and is_within(app.log.path, outputs.target):
        app.unlog()


def _private(*named: str | None) -> Iterator[str]:
    """Yield the files ``named``, and those of every command that have names of inputs in them."""
    context = click.get_current_context()
    log = context.ensure_object(App).log
    for path in (*named, context.params.get("report_path"), log and log.path):
        if path:
            yield path


def settings_of(
    how: Mapping[str, Any], *, verify: bool = True, explaining: bool = False
) -> tuple[Settings, ProjectKey]:
    """Return what the options ``DEIDENTIFYING`` ask for, and the key; raises UsageError."""
    from dcmtools.config import profiles_folder
    from dcmtools.deidentification.engine import Settings
    from dcmtools.deidentification.profile import profile_from
    from dcmtools.deidentification.pseudonyms import Pseudonyms

    rules = (how["keeps"], how["removes"], how["empties"], how["sets"])
    options = _listed(how["retain"]), _listed(how["clean"])
    profile = profile_from(how["profile"], *options, *rules, folder=profiles_folder())
    if kept := profile.departures():
        _warn(f"what the Basic Profile protects is kept: {', '.join(kept)}")
    if kept := profile.identity():
        _warn(f"files will say that the patient's identity is not removed, for {', '.join(kept)}")
    pixels = _policy(how, profile)
    given = _map(how)
    recipients = _recipients(how["encrypt_for"])
    key = _key(how, explaining=explaining)
    settings = Settings(
        profile,
        Pseudonyms(key, given),
        explaining=explaining,
        verify=verify,
        pixels=pixels,
        recipients=recipients,
    )
    return settings, key


def settings_with(profile: str, key_file: str | None) -> tuple[Settings, ProjectKey]:
    """Return what a profile alone asks for; raises UsageError."""
    how: dict[str, Any] = dict.fromkeys(("retain", "clean", "sets", "keeps", "removes", "empties"), ())
    how |= {"pixels": None, "new_key": None, "map_path": None, "map_missing": "", "encrypt_for": ()}
    how["map_merge"] = False
    return settings_of({**how, "profile": profile, "key_file": key_file})


def _recipients(paths: tuple[str, ...]) -> Recipients | None:
    from dcmtools.deidentification.cms import Recipients

    if not paths:
        return None
    found = Recipients.load(paths)
    for note in found.notes:
        _warn(note)
    return found


def _policy(how: Mapping[str, Any], profile: Profile) -> PixelPolicy:
    """Return what becomes of pixels: what is asked for goes before what the profile says."""
    from dcmtools.deidentification.policies import policy_from

    cleaned = "regions" if "pixels" in profile.clean else "check"
    name = how["pixels"] or profile.pixels or cleaned
    return policy_from(name, profile.pixel_rules, graphics="graphics" in profile.clean)


def _listed(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.strip() for text in texts for word in text.split(",") if word.strip())


def _map(how: Mapping[str, Any]) -> PatientMap | None:
    from dcmtools.deidentification.mapping import read_map

    if how["map_path"] is None:
        if is_given(click.get_current_context(), "map_missing"):
            raise click.UsageError("--map-missing wants --map FILE.")
        if how["map_merge"]:
            raise click.UsageError("--map-merge wants --map FILE.")
        return None
    complete = how["map_missing"] == "error"
    found = read_map(how["map_path"], complete=complete, merging=how["map_merge"])
    for note in found.notes:
        _warn(note)
    return found


def _key(how: Mapping[str, Any], *, explaining: bool) -> ProjectKey:
    from dcmtools.deidentification.keys import ProjectKey

    if how["new_key"] is not None:
        return ProjectKey.create(how["new_key"])
    if how["key_file"] is not None:
        return ProjectKey.load(how["key_file"])
    if not explaining:
        _warn("no --key-file: the key is random and forgotten, so no other run gives the same pseudonyms")
    return ProjectKey.random()


def _outputs(paths: Paths, where: Mapping[str, Any]) -> Outputs:
    from dcmtools.files.outputs import Outputs, outputs_for

    if where["explain"]:
        return Outputs(several=paths.several)
    return outputs_for(
        paths,
        where["target"],
        in_place=where["in_place"],
        overwritten=where["overwrite"],
        renamed=where["names"] == "uid",
        options=("--in-place", "--overwrite", "--names"),
    )


def _check(how: Mapping[str, Any], where: Mapping[str, Any]) -> None:
    """Raise UsageError for options that exclude each other."""
    if how["key_file"] is not None and how["new_key"] is not None:
        raise click.UsageError("--key-file and --new-key exclude each other.")
    maps = how["map_path"], where["map_out"]
    if all(maps) and os.path.realpath(maps[0]) == os.path.realpath(maps[1]):
        raise click.UsageError("--map and --map-out are one file: a map is not added to.")
    if where["explain"] and where["dry_run"]:
        raise click.UsageError("--explain and --dry-run exclude each other.")
    for asked in ("explain", "dry_run"):
        for option, value in {"--map-out": where["map_out"], "--new-key": how["new_key"]}.items():
            if where[asked] and value is not None:
                message = f"{option} writes a file, which --{asked.replace('_', '-')} does not."
                raise click.UsageError(message)
    if where["explain"] and (where["target"] is not None or where["in_place"]):
        raise click.UsageError("--explain writes no files: it goes without -o and --in-place.")


def _warn(text: str) -> None:
    from dcmtools.escaping import escape

    app = click.get_current_context().ensure_object(App)
    if app.level >= 0:
        app.console().say(f"{app.name}: warning: {escape(text)}")
