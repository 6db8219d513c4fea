"""Types of parameters whose faults have a column: expressions of ``--where``, templates of paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from dcmtools.cli.params import TagPathType

if TYPE_CHECKING:
    from collections.abc import Sequence


class BadExpression(click.BadParameter):
    """An expression that makes no sense; ``lines`` show where."""

    lines: Sequence[str] = ()


class _WhereType(TagPathType):
    """An expression of ``--where``; completed as the path that it begins with."""

    name = "expression"
    forms = ""

    def parse(self, text: str) -> object:
        from dcmtools.selection.where import Where

        return Where(text)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Parse ``value``, and say where it is wrong."""
        from dcmtools.errors import UsageError

        try:
            return super().convert(value, param, ctx)
        except UsageError as error:
            end = "" if error.message.endswith("?") else "."
            wrong = BadExpression(error.message + end, ctx, param)
            wrong.lines = getattr(error, "lines", ())
            raise wrong from None

    def split_envvar_value(self, rv: str) -> list[str]:
        """Take a variable for one expression, spaces and all."""
        return [rv]


class _TemplateType(_WhereType):
    """A template of paths."""

    name = "template"

    def parse(self, text: str) -> object:
        from dcmtools.selection.template import Template

        return Template(text)


class _FrameTemplateType(_TemplateType):
    """A template that may have the number of a frame."""

    def parse(self, text: str) -> object:
        from dcmtools.selection.template import Template

        return Template(text, ("frame",))


WHERE: Final = _WhereType()
TEMPLATE: Final = _TemplateType()
FRAME_TEMPLATE: Final = _FrameTemplateType()
