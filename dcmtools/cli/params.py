"""The parameter types of the command line, each with an error that says what would do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from dcmtools.config import LONGEST_WAIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.shell_completion import CompletionItem

    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # generic since click 8.4 only

_UID = r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+"


class Parsed(_ParamType):
    """A type whose values come from a function that raises ValueError."""

    forms = ""

    def parse(self, text: str) -> object:
        """Return the value that ``text`` stands for; raises ValueError where it stands for none."""
        return text

    def parse_within(self, text: str, _context: click.Context | None) -> object:
        """Do as ``parse``, knowing the eager options of the command in ``_context``."""
        return self.parse(text)

    def proposals(self, incomplete: str) -> Iterator[tuple[str, str]]:  # noqa: ARG002  for subclasses
        """Yield what begins like ``incomplete``, each with its help."""
        return iter(())

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002  click's signature
        param: click.Parameter,  # noqa: ARG002  the same
        incomplete: str,
    ) -> list[CompletionItem]:
        """Complete what the user has begun."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(value, help=text) for value, text in self.proposals(incomplete)]

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Parse ``value`` unless it is a default that needs no parsing."""
        if not isinstance(value, str):
            return value
        try:
            return self.parse_within(value, ctx)
        except ValueError as error:
            complaint = str(error)
            end = "" if complaint.endswith("?") else "."
            self.fail(f"{complaint}{end}{self.forms and ' Give ' + self.forms + '.'}", param, ctx)


def is_given(context: click.Context, name: str) -> bool:
    """Whether the command line or the environment, which go before the peer's own values, say ``name``."""
    sources = click.core.ParameterSource
    return context.get_parameter_source(name) in (sources.COMMANDLINE, sources.ENVIRONMENT)


class _UidType(Parsed):
    name = "uid"

    def parse(self, text: str) -> str:
        if len(text) > 64 or not re.fullmatch(_UID, text):
            raise ValueError(
                f"{text!r} is not a UID: numbers without leading zeros, dots, at most 64 characters"
            )
        return text


class TagPathType(Parsed):
    """A tag path; the last step of it is completed."""

    name = "tag"
    forms = "a keyword, gggg,eeee or a path such as Seq[0].Elem"

    def parse(self, text: str) -> object:
        """Return the path that ``text`` is."""
        from dcmtools.encoding.tagpath import parse

        return parse(text)

    def proposals(self, incomplete: str) -> Iterator[tuple[str, str]]:
        """Yield the paths that ``incomplete`` can become, each with its tag."""
        from dcmtools.encoding.dictionary import keywords_with
        from dcmtools.encoding.tags import format_tag

        above, dot, last = incomplete.rpartition(".")  # on a path its last step is what is being typed
        return ((f"{above}{dot}{keyword}", format_tag(tag)) for keyword, tag in keywords_with(last))


class _IgnoredType(TagPathType):
    name = "path"
    forms = "a keyword, gggg,eeee, a path such as Seq[0].Elem, or *.Elem at any depth"

    def parse(self, text: str) -> object:
        from dcmtools.comparison.rules import Place
        from dcmtools.encoding.tagpath import parse

        return Place(parse(text.removeprefix("*.")), text.startswith("*."))


class _RuleKeyType(TagPathType):
    """What a rule of de-identification is about; its room reads it, with the value behind =, if any."""

    forms = ""

    def parse(self, text: str) -> object:
        return text


class _OptionsType(Parsed):
    """Names of options of a profile, several with commas; its room reads them."""

    name = "list"

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def proposals(self, incomplete: str) -> Iterator[tuple[str, str]]:
        from dcmtools.deidentification import profile

        before, comma, last = incomplete.rpartition(",")
        taken = before.split(",")
        names = profile.RETAIN if self._kind == "retain" else profile.CLEAN
        left = [name for name in names if name.startswith(last) and name not in taken]
        return ((f"{before}{comma}{name}", "") for name in left)


class _LevelsType(Parsed):
    """Levels whose UIDs are to change, several with commas."""

    name = "levels"

    def proposals(self, incomplete: str) -> Iterator[tuple[str, str]]:
        from dcmtools.modifying.uids import LEVELS

        before, comma, last = incomplete.rpartition(",")
        left = [name for name in LEVELS if name.startswith(last) and name not in before.split(",")]
        return ((f"{before}{comma}{name}", "") for name in left)


class _ProfileType(Parsed):
    """A profile by its name, or a file; its room reads it."""

    name = "profile"

    def proposals(self, incomplete: str) -> Iterator[tuple[str, str]]:
        from dcmtools.config import profiles_folder
        from dcmtools.deidentification.profile import BASIC, names_in

        names = (BASIC, *names_in(profiles_folder()))
        return ((name, "") for name in names if name.startswith(incomplete))

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete names, and have the shell look for files."""
        from click.shell_completion import CompletionItem

        files = CompletionItem(incomplete, type="file")
        return [*super().shell_complete(ctx, param, incomplete), files]


class _QueryKeyType(TagPathType):
    """A key of a query; completed as the path that it begins with."""

    name = "key"
    forms = ""

    def parse(self, text: str) -> object:
        from dcmtools.query.keys import key_of

        return key_of(text)


class _ScanKeyType(TagPathType):
    """A column of a scan; completed as the path that it begins with, or that stands in parentheses."""

    name = "key"
    forms = ""

    def parse(self, text: str) -> object:
        from dcmtools.scanning.keys import parse

        return parse(text)

    def proposals(self, incomplete: str) -> Iterator[tuple[str, str]]:
        function, bracket, path = incomplete.rpartition("(")
        end = ")" if bracket else ""
        return ((f"{function}{bracket}{name}{end}", text) for name, text in super().proposals(path))


class _FindClassType(Parsed):
    name = "model"

    def parse(self, text: str) -> object:
        from dcmtools.query.classes import find_class_named

        return find_class_named(text)

    def proposals(self, incomplete: str) -> Iterator[tuple[str, str]]:
        from dcmtools.query.classes import find_class_names

        names = sorted((name, uid) for uid, name in find_class_names().items())
        return ((name, uid) for name, uid in names if name.lower().startswith(incomplete.lower()))


class _SyntaxType(Parsed):
    name = "syntax"

    def parse(self, text: str) -> object:
        from dcmtools.encoding.uids import transfer_syntax_named

        return transfer_syntax_named(text)

    def proposals(self, incomplete: str) -> Iterator[tuple[str, str]]:
        from dcmtools.encoding.uids import transfer_syntaxes_with

        return iter(transfer_syntaxes_with(incomplete))


class _StorageClassType(Parsed):
    name = "class"

    def parse(self, text: str) -> object:
        from dcmtools.encoding.uids import storage_class_named

        return storage_class_named(text)

    def proposals(self, incomplete: str) -> Iterator[tuple[str, str]]:
        from dcmtools.encoding.uids import storage_classes_with

        return iter(storage_classes_with(incomplete))


class _CodecType(Parsed):
    name = "syntax"
    forms = "a name that 'dcmtools codecs' lists, a UID or a keyword of PS3.6"

    def parse(self, text: str) -> object:
        from dcmtools.codecs.registry import codec_named

        codec = codec_named(text)
        if not codec.bits:
            message = f"{codec.name} is not written here"
            raise ValueError(message)
        return codec

    def proposals(self, incomplete: str) -> Iterator[tuple[str, str]]:
        from dcmtools.codecs.registry import CODECS

        return ((each.name, each.uid) for each in CODECS if each.bits and each.name.startswith(incomplete))

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:  # noqa: ARG002  click's signature
        """Say where to look."""
        return f"Give {self.forms}."


class _FramesType(Parsed):
    name = "frames"
    forms = "numbers and ranges such as 1,5-9,-1"

    def parse(self, text: str) -> object:
        from dcmtools.editing.frame_selection import parse

        return parse(text)


class _SecondsType(Parsed):
    name = "seconds"
    zero = False

    def parse(self, text: str) -> float:
        try:
            seconds = float(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a number of seconds") from None
        if self.zero and seconds == 0:
            return 0.0
        if not 0 < seconds <= LONGEST_WAIT:  # refuses nan too
            least = "from 0 to" if self.zero else "above 0 and at most"
            raise ValueError(f"{text} seconds is not {least} a day")
        return seconds


class _PauseType(_SecondsType):
    """Seconds to let pass, of which there may be none; a wait for a peer always has some."""

    zero = True


UID = _UidType()
TAG_PATH = TagPathType()
IGNORED = _IgnoredType()
QUERY_KEY = _QueryKeyType()
SCAN_KEY = _ScanKeyType()
RULE_KEY = _RuleKeyType()
LEVELS = _LevelsType()
RETAIN = _OptionsType("retain")
CLEAN = _OptionsType("clean")
PROFILE = _ProfileType()
FIND_CLASS = _FindClassType()
SYNTAX = _SyntaxType()
STORAGE_CLASS = _StorageClassType()
CODEC = _CodecType()
FRAMES = _FramesType()
SECONDS = _SecondsType()
PAUSE = _PauseType()
