"""The options of ``reidentify``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from dcmtools.cli.options import bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.deidentification.reidentifying import ReidentifyOptions
    from dcmtools.files.paths import Paths

    Function = Callable[..., Any]

_FILE: Final = click.Path(dir_okay=False)


def reidentify_options(function: Function) -> Function:
    """Add the key and where to write; the command gets ``options``."""

    def call(
        *args: object,
        paths: Paths,
        target: str,
        overwrite: bool,
        key: str,
        password_file: str | None,
        **kwargs: Any,  # noqa: ANN401  click's
    ) -> object:
        options = _options(paths, target, key, password_file, overwritten=overwrite)
        return function(*args, paths=paths, options=options, **kwargs)

    return bundle(
        call,
        function,
        click.option(
            "-o",
            "--output",
            "target",
            required=True,
            type=click.Path(allow_dash=True),
            metavar="OUT",
            help="Write to the file OUT or, with -, to standard output; more than one file into the folder "
            "OUT, as they are in their folders.",
        ),
        click.option("--overwrite", is_flag=True, help="Replace files that are in OUT already."),
        click.option(
            "--key",
            required=True,
            type=_FILE,
            metavar="FILE",
            help="The RSA key, in PEM, of a certificate that --encrypt-for was given.",
        ),
        click.option(
            "--password-file", type=_FILE, metavar="FILE", help="The password of the key is in FILE."
        ),
    )


def _options(
    paths: Paths, target: str, key: str, password_file: str | None, *, overwritten: bool
) -> ReidentifyOptions:
    from dcmtools.config.secrets import read_line
    from dcmtools.deidentification.cms import load_key
    from dcmtools.deidentification.reidentifying import ReidentifyOptions
    from dcmtools.files.outputs import outputs_for

    options = ("--overwrite",)
    outputs = outputs_for(paths, target, in_place=False, overwritten=overwritten, options=options)
    password = None if password_file is None else read_line(password_file)
    return ReidentifyOptions(load_key(key, password), outputs._replace(private=True))
