"""The options of ``anonymize``, as click has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from dcmtools.cli.params import CLEAN, PROFILE, RETAIN, RULE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[..., Any]

_PIXELS: Final = ("keep", "check", "regions", "blank", "reject")
_FILE: Final = click.Path(dir_okay=False)


def _rule(name: str, dest: str, metavar: str, text: str) -> Callable[[Function], Function]:
    return click.option(name, dest, type=RULE_KEY, multiple=True, metavar=metavar, help=f"{text} Repeatable.")


PLACES: Final = (
    click.option(
        "-o",
        "--output",
        "target",
        type=click.Path(allow_dash=True),
        metavar="OUT",
        help="Write into the folder OUT as PATIENT/STUDY/SERIES/INSTANCE.dcm, made of what is new; or, with "
        "-, one file to standard output.",
    ),
    click.option(
        "--names",
        type=click.Choice(["uid", "original"]),
        default="uid",
        show_default=True,
        help="Name files in OUT by their new UIDs, or as they are named in their folders, which may tell of "
        "patients; OUT can be one file then.",
    ),
    click.option(
        "--in-place", is_flag=True, help="Replace each file by what is made of it. Its name stays as it is."
    ),
    click.option("--overwrite", is_flag=True, help="Replace what other runs have put in OUT."),
    click.option(
        "--quarantine",
        type=click.Path(file_okay=False),
        metavar="DIR",
        help="Put what may still tell of patients into DIR, not the folder OUT.quarantine beside OUT.",
    ),
)
DEIDENTIFYING: Final = (
    click.option(
        "--profile",
        type=PROFILE,
        default="basic",
        show_default=True,
        metavar="NAME|FILE",
        help="What to do with each attribute: the Basic Profile of PS3.15 Annex E, or a file in TOML that "
        "changes it.",
    ),
    click.option(
        "--retain",
        type=RETAIN,
        multiple=True,
        metavar="LIST",
        help="Keep more than the profile does: uids, dates, dates-shifted, patient, device, institution, "
        "safe-private; several with commas.",
    ),
    click.option(
        "--clean",
        type=CLEAN,
        multiple=True,
        metavar="LIST",
        help="Clean what the profile would remove: descriptors, graphics, structured, pixels.",
    ),
    _rule("--set", "sets", "KEY=VALUE", "Give this element a value."),
    _rule("--keep", "keeps", "KEY", "Keep this element, whatever the profile says."),
    _rule("--remove", "removes", "KEY", "Remove this element."),
    _rule("--empty", "empties", "KEY", "Empty this element."),
    click.option(
        "--pixels",
        type=click.Choice(_PIXELS),
        show_default="what the profile says, else regions with --clean pixels, else check",
        help="Keep pixels; put files aside whose pixels may show text; keep regions that are known to be "
        "harmless and blank the rest; blank all; or refuse such files.",
    ),
    click.option(
        "--key-file",
        type=_FILE,
        metavar="FILE",
        help="Derive UIDs, identifiers and dates from the secret in FILE: the same in each run.",
    ),
    click.option(
        "--new-key", type=_FILE, metavar="FILE", help="Make such a secret, put it into FILE, and use it."
    ),
    click.option(
        "--map",
        "map_path",
        type=_FILE,
        metavar="FILE",
        help="Take new Patient IDs from a CSV file with id_old and id_new; issuer_old and name_new may be "
        "there, too.",
    ),
    click.option(
        "--map-missing",
        type=click.Choice(["error", "hash"]),
        default="error",
        show_default=True,
        help="What to do with patients that the map does not have: fail, or derive an identifier.",
    ),
    click.option(
        "--map-merge",
        is_flag=True,
        help="Let several id_old of the map have one id_new: these patients become one.",
    ),
    click.option(
        "--encrypt-for",
        type=_FILE,
        multiple=True,
        metavar="CERT",
        help="Keep what is removed in the file, encrypted: 'dcmtools reidentify' puts it back with the key "
        "of this certificate, in PEM. Repeatable.",
    ),
)
MAKING: Final = (
    click.option(
        "--map-out",
        type=_FILE,
        metavar="FILE",
        help="Write old and new Patient IDs and UIDs to FILE, readable by its owner alone, or add them to "
        "what an earlier run has written there.",
    ),
    click.option(
        "--force",
        is_flag=True,
        help="Let files that tell of patients (keys, maps, reports, logs) lie in OUT.",
    ),
    click.option(
        "--verify/--no-verify",
        default=True,
        show_default=True,
        help="Search what was written for what was removed.",
    ),
    click.option("--dry-run", is_flag=True, help="Do and check everything, and write nothing."),
    click.option(
        "--explain",
        is_flag=True,
        help="Tell of each element what would become of it, by which rule, and write nothing; values are "
        "not shown.",
    ),
)
