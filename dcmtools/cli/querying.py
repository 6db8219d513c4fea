"""The options that say what is asked of an archive; one object reaches the command.

``find`` takes them all; ``move`` and ``get``, with ``finds=False``, those that choose what to retrieve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dcmtools.cli.options import bundle
from dcmtools.cli.params import FIND_CLASS, QUERY_KEY, TAG_PATH, is_given

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmtools.query.keys import Key, Query

    Function = Callable[..., Any]

_LEVELS = ("patient", "study", "series", "image")
_NAMES = ("keys", "returned", "find_class", "level", "query_file", "charset")
_ROOTS = {"patient_root": "patient", "study_root": "study", "patient_study_only": "patient-study"}


def query_options(function: Function, *, finds: bool = True) -> Function:
    """Add keys, model, level and query file; the command gets ``query``, a ``query.keys.Query``.

    Without ``finds`` there are no keys that are only returned, and no models that cannot be retrieved from.
    """

    def call(*args: object, **kwargs: Any) -> object:  # noqa: ANN401  click's
        asked = {name: kwargs.pop(name, None) for name in _NAMES}
        if asked["query_file"] == "-" and "-" in (kwargs.get("stdin"), kwargs.get("uids_from")):
            raise click.UsageError("Standard input cannot be both the list and the query file.")
        root = _root({name: kwargs.pop(name) for name in _ROOTS})
        return function(*args, query=_query(root=root, **asked), **kwargs)

    return bundle(call, function, *_options(finds=finds))


def _root(flags: dict[str, bool]) -> str | None:
    """Return the model of the one flag that is set; those of the command line go before configured ones."""
    context = click.get_current_context()
    asked = [name for name, flag in flags.items() if flag]
    asked = [name for name in asked if is_given(context, name)] or asked
    if len(asked) > 1:
        raise click.UsageError("-P, -S and -O do not go together.")
    return _ROOTS[asked[0]] if asked else None


def _query(
    *,
    keys: tuple[Key, ...],
    returned: tuple[Any, ...] | None,
    root: str | None,
    find_class: str | None,
    level: str | None,
    query_file: str | None,
    charset: str | None,
) -> Query:
    from dcmtools.query.keys import Key, query_of
    from dcmtools.query.models import MODELS, Level

    if root and find_class:
        raise click.UsageError("--model and -P, -S or -O do not go together.")
    model = next(
        (
            each
            for each in MODELS
            if (each.find == find_class if find_class else each.name == (root or "study"))
        ),
        None,
    )
    if level and not model:
        raise click.UsageError("--level is of the patient and study root models; this one has no levels.")
    file = None
    if query_file is not None:
        from dcmtools.query.files import read_keys

        file = read_keys(query_file)
    return query_of(
        [*keys, *(Key(path) for path in returned or ())],
        sop_class_uid=find_class or "",
        model=model,
        level=Level(level.upper()) if level else None,
        file=file,
        charset=charset or "",
    )


def _charset(_context: click.Context, _param: click.Parameter, terms: str | None) -> str | None:
    if terms:
        from dcmtools.encoding.charset import decoder_named

        try:
            decoder_named(terms)
        except ValueError as error:
            message = f"{error}."
            raise click.BadParameter(message) from None
    return terms


def _options(*, finds: bool) -> list[Callable[[Function], Function]]:
    kinds = (
        "KEY=VALUE matches, KEY= and KEY alone are returned"
        if finds
        else "KEY=VALUE; what is no unique key is looked up with a C-FIND first"
    )
    options = [
        click.option(
            "-k",
            "--key",
            "keys",
            type=QUERY_KEY,
            multiple=True,
            metavar="KEY[=VALUE]",
            help=f"Key of the query: {kinds}. KEY is a keyword, gggg,eeee or a path such as Seq.Elem; VALUE "
            "may have * and ?, a range (20240101-20240131), several values between backslashes, and for "
            "dates today, yesterday and -7d (the day seven days ago; -7d- is from then on). Repeatable.",
        )
    ]
    if finds:
        options.append(
            click.option(
                "-r",
                "--return",
                "returned",
                type=TAG_PATH,
                multiple=True,
                metavar="KEY",
                help="Key to return. With any, and with KEY alone, nothing else is asked for; else what one "
                "mostly wants to see of the level. Repeatable.",
            )
        )
    options += [
        click.option(
            "-f",
            "--query-file",
            type=click.Path(exists=True, dir_okay=False, allow_dash=True),
            metavar="FILE",
            help="Take the keys of FILE, DICOM or DICOM JSON, - for standard input; -k goes before them.",
        ),
        click.option(
            "-P", "--patient-root", "patient_root", is_flag=True, help="Use the patient root model."
        ),
        click.option(
            "-S", "--study-root", "study_root", is_flag=True, help="Use the study root model (default)."
        ),
        click.option(
            "-O",
            "--patient-study-only",
            "patient_study_only",
            is_flag=True,
            help="Use the patient/study only model, which is retired.",
        ),
    ]
    if finds:
        options.append(
            click.option(
                "--model",
                "find_class",
                type=FIND_CLASS,
                metavar="NAME",
                help="Use another model: the SOP class of its C-FIND, as UID or keyword of PS3.6, whose "
                "beginning will do, such as HangingProtocol or ColorPalette.",
            )
        )
    level = "Level to ask about; the highest of the model by default."
    return [
        *options,
        click.option("-L", "--level", type=click.Choice(_LEVELS, case_sensitive=False), help=level),
        click.option(
            "--charset",
            metavar="TERM",
            callback=_charset,
            help="Specific Character Set to write keys in, and to read answers in that name none; by default "
            "ISO_IR 192 (UTF-8) where a key is not ASCII.",
        ),
    ]
