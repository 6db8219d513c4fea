"""The options of ``dump``, with the letters that dcmdump has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from dcmtools.cli.options import bundle
from dcmtools.cli.params import SYNTAX, TAG_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.dictionary import Entries
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.inspection.options import BulkForm, DumpOptions

    Function = Callable[..., Any]

T = TypeVar("T")
_ALL = 1 << 26  # bytes, and numbers: no line gets longer


def dump_options(function: Function) -> Function:
    """Add what to show and how; the command gets ``options``."""

    def call(*args: object, **kwargs: Any) -> object:  # noqa: ANN401  click's
        asked = {name: kwargs.pop(name) for name in _NAMES}
        _check(asked, str(kwargs["output_format"]))
        return function(*args, options=_options(**asked), **kwargs)

    return bundle(call, function, *_CHOOSING, *_SHOWING, *_MODEL, *_READING)


def _check(asked: Mapping[str, object], output_format: str) -> None:
    """Refuse what does not go together, lest anything asked for be passed over in silence.

    What the environment and config.toml say for the options that are narrower is only a default.
    """
    context = click.get_current_context()
    given = {
        name
        for name, value in asked.items()
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE and value is not True
    }
    for chosen in ("raw", "values"):
        if asked[chosen]:
            others = [name for name in _NOT_WITH_BARE if name in given and name != chosen]
            if others:
                raise click.UsageError(f"{_LONG[chosen]} and {_LONG[others[0]]} do not go together.")
            if output_format == "dicom-json":
                raise click.UsageError(f"{_LONG[chosen]} shows no data set, so there is none as dicom-json.")
    if output_format == "text" and (bulk := given & {"bulk", "bulk_dir"}):
        raise click.UsageError(f"{_LONG[min(bulk)]} is of --format json and dicom-json only.")
    if output_format != "text" and asked["bulk"] == "file" and not asked["bulk_dir"]:
        raise click.UsageError("--bulk file wants --bulk-dir, the folder for the files.")
    if "bulk_dir" in given and asked["bulk"] != "file":
        raise click.UsageError("--bulk-dir wants --bulk file.")


def _options(  # noqa: PLR0913  one for each option
    *,
    search: tuple[TagPath, ...],
    values: tuple[TagPath, ...],
    raw: TagPath | None,
    first: bool,
    paths_shown: bool,
    until: int | None,
    before: int | None,
    depth: int | None,
    private: bool,
    titles: str,
    always_titled: bool,
    hits_titled: bool,
    max_length: int | None,
    long: bool,
    offsets: bool,
    uid_names: bool,
    hashes: bool,
    strict: bool,
    bulk: BulkForm,
    bulk_dir: str | None,
    syntax: str | None,
    decode: Decoder | None,
) -> DumpOptions:
    from dcmtools.encoding.charset import DEFAULT
    from dcmtools.encoding.element import NO_STOP
    from dcmtools.inspection.lines import DEFAULT_STYLE
    from dcmtools.inspection.options import DumpOptions

    style = DEFAULT_STYLE._replace(offsets=offsets, uid_names=uid_names, hashes=hashes)
    if limit := _ALL if long else max_length:
        style = style._replace(max_text=limit, max_numbers=limit)
    chosen: Any = "always" if always_titled else "hits" if hits_titled else titles
    return DumpOptions(
        search=search,
        values=values,
        raw=raw,
        first=first,
        paths=paths_shown,
        stop=min(NO_STOP if until is None else until + 1, NO_STOP if before is None else before),
        depth=depth,
        private=private,
        titles=chosen,
        style=style,
        strict=strict,
        bulk=bulk,
        bulk_dir=bulk_dir or "",
        syntax=syntax or "",
        decode=decode or DEFAULT,
    )


def _tag(_context: click.Context, _param: click.Parameter, path: TagPath | None) -> int | None:
    """Accept an element of the data set itself, no path and no creator."""
    if path is None:
        return None
    (step, *more) = path.steps
    if more or step.creator:
        message = f"{path} is not an element at the top of a data set."
        raise click.BadParameter(message)
    return step.tag


def _extra_dictionaries(context: click.Context, _param: click.Parameter, paths: tuple[str, ...]) -> None:
    if paths and not context.resilient_parsing:
        from dcmtools.encoding import dictfile
        from dcmtools.errors import UsageError

        try:
            _use(context, extra=dictfile.read(paths))
        except UsageError as error:
            raise click.BadParameter(f"{error.message}.") from error


def _private_dictionaries(context: click.Context, _param: click.Parameter, wanted: object) -> None:
    if not wanted and not context.resilient_parsing:
        _use(context, private=False)


def _use(context: click.Context, *, extra: Entries | None = None, private: bool | None = None) -> None:
    """Have these dictionaries used from now on, until the program ends."""
    from dcmtools.encoding import dictionary

    context.find_root().call_on_close(dictionary.reset)
    dictionary.use(extra=extra, private=private)


def _charset(_context: click.Context, _param: click.Parameter, text: str | None) -> Decoder | None:
    from dcmtools.encoding.charset import decoder_named

    return None if text is None else _checked(decoder_named, text)


def _checked(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        message = f"{error}."
        raise click.BadParameter(message) from None


def _keys(short: tuple[str, ...], name: str, help_text: str) -> Callable[[Function], Function]:
    return click.option(*short, name, type=TAG_PATH, multiple=True, metavar="KEY", help=help_text)


def _flag(*names: str, text: str, default: bool = False) -> Callable[[Function], Function]:
    return click.option(*names, is_flag=True, default=default, help=text)


_CHOOSING = (
    _keys(
        ("+P", "--search"),
        "search",
        "Show only this element; a keyword or tag at any depth, or a path from the top. Repeatable.",
    ),
    _flag("--first/--all", "-s/+s", text="Show the first hit of each --search, or all (default)."),
    _flag("+p", "--path", "paths_shown", text="Show the path of each hit in the place of its tag."),
    _keys(
        ("--value",),
        "values",
        "Print bare values only, one a line, of this element at the top or of this path. Repeatable.",
    ),
    click.option(
        "--raw",
        type=TAG_PATH,
        metavar="KEY",
        help="Write the bytes of this one element of one file, and nothing else.",
    ),
    click.option(
        "+st", "--until", type=TAG_PATH, callback=_tag, metavar="TAG", help="Stop after this element."
    ),
    click.option(
        "+sb", "--before", type=TAG_PATH, callback=_tag, metavar="TAG", help="Stop before this element."
    ),
    click.option(
        "--depth",
        type=click.IntRange(min=0),
        metavar="N",
        help="Look into N levels of sequences; 0 shows the top only.",
    ),
    _flag("--private/--no-private", default=True, text="Show private elements (default), or leave them out."),
)
_SHOWING = (
    click.option(
        "--max-length",
        type=click.IntRange(min=1),
        metavar="N",
        show_default="16384 and 16",
        help="Cut values after N bytes of text or N numbers.",
    ),
    _flag("+L", "--long", text="Show values as long as they are."),
    _flag("--offsets", text="Begin each line with the byte offset of the element."),
    _flag(
        "--uid-names/--no-uid-names",
        " /-Un",
        default=True,
        text="Show known UIDs by name (default), or as they are.",
    ),
    _flag("--hash", "hashes", text="Show the SHA-256 of bulk values, not their first bytes."),
    click.option(
        "--titles",
        type=click.Choice(["auto", "always", "hits"]),
        default="auto",
        show_default=True,
        help="Name the file above its lines where there may be several, always, or where something is found.",
    ),
    _flag("+F", "always_titled", text="The same as --titles always."),
    _flag("+Fs", "hits_titled", text="The same as --titles hits."),
)
_MODEL = (
    click.option(
        "--bulk",
        type=click.Choice(["uri", "none", "inline", "file"]),
        default="uri",
        show_default=True,
        help="How bulk values stand in JSON: as a URI with offset and length, not at all, in Base64, or each "
        "in a file of its own.",
    ),
    click.option(
        "--bulk-dir",
        type=click.Path(file_okay=False),
        metavar="DIR",
        help="The folder for the files of --bulk file.",
    ),
)
charset_option = click.option(
    "--assume-charset",
    "decode",
    callback=_charset,
    metavar="TERM",
    help="Read text in this character set where the file names none: ISO_IR 100, ISO_IR 192, ...",
)
_READING = (
    click.option(
        "--dict",
        type=click.Path(dir_okay=False),
        multiple=True,
        is_eager=True,  # keywords are looked up when the other options are parsed
        expose_value=False,
        callback=_extra_dictionaries,
        metavar="FILE",
        help="Look elements up in this dictionary first, in the form of DCMTK's dicom.dic. Repeatable; the "
        "last goes first.",
    ),
    click.option(
        "--private-dict/--no-private-dict",
        default=True,
        expose_value=False,
        callback=_private_dictionaries,
        help="Know the elements of many private creators (default), or only those of --dict.",
    ),
    _flag("--strict", text="Refuse what is not as PS3.5 and PS3.10 have it."),
    click.option(
        "--assume-syntax",
        "syntax",
        type=SYNTAX,
        metavar="SYNTAX",
        help="Read data sets in this transfer syntax, whatever the file says: a UID, a keyword, implicit, "
        "explicit, explicit-big-endian or deflated.",
    ),
    charset_option,
)
_NAMES = (
    *("search", "values", "raw", "first", "paths_shown", "until", "before", "depth", "private"),
    *("titles", "always_titled", "hits_titled", "max_length", "long", "offsets", "uid_names", "hashes"),
    *("bulk", "bulk_dir", "strict", "syntax", "decode"),
)
_NOT_WITH_BARE = ("raw", "values", "search", "until", "before", "depth", "private")
_LONG = {
    **{name: f"--{name}" for name in ("raw", "search", "until", "before", "depth", "bulk")},
    **{"values": "--value", "private": "--no-private", "bulk_dir": "--bulk-dir"},
}
