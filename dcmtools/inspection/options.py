"""What a dump is asked to show, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from dcmtools.encoding.charset import DEFAULT
from dcmtools.encoding.element import NO_STOP
from dcmtools.inspection.lines import DEFAULT_STYLE, LineStyle

if TYPE_CHECKING:
    from typing import Self

    from dcmtools.encoding.charset import Decoder
    from dcmtools.encoding.tagpath import TagPath
    from dcmtools.selection.where import Where

Titles = Literal["auto", "always", "hits"]
BulkForm = Literal["uri", "none", "inline", "file"]
VALUE_COLUMNS: Final = 40


class DumpOptions(NamedTuple):
    """What to show of each file.

    ``search`` shows only the elements named, a single tag at any depth, of each only the ``first`` where
    that is asked for, with ``paths`` in place of tags; ``values`` shows only bare values, each path from
    the top of the data set; ``raw`` the bytes of one element; ``structured`` the JSON model, in which bulk
    values stand in the form of ``bulk``: as a URI, which names the file where it is to be ``located``, not
    at all, in Base64, or as the URI of a file in ``bulk_dir``.

    ``stop`` ends the data set before a tag, ``depth`` is how many levels of sequences to look into, all
    where it is None. ``strict`` refuses what is not as PS3.5 and PS3.10 have it; otherwise it is shown as
    far as it goes, and ``notices`` looks for what is merely unusual, too; ``verbose`` has it told beside a
    guess. ``syntax`` goes before the transfer syntax that a file names; ``decode`` is for text without a
    character set. Files that ``where`` is not true of are left out.
    """

    search: tuple[TagPath, ...] = ()
    values: tuple[TagPath, ...] = ()
    raw: TagPath | None = None
    structured: bool = False
    located: bool = False
    bulk: BulkForm = "uri"
    bulk_dir: str = ""
    first: bool = False
    paths: bool = False
    stop: int = NO_STOP
    depth: int | None = None
    private: bool = True
    titles: Titles = "auto"
    style: LineStyle = DEFAULT_STYLE
    strict: bool = False
    notices: bool = True
    verbose: bool = False
    syntax: str = ""
    decode: Decoder = DEFAULT
    where: Where | None = None

    def shown_on(
        self, *, aligned: bool, color: bool, structured: bool, verbose: bool, located: bool = False
    ) -> Self:
        """Return the options for lines in columns or colour, for the JSON model, for all there is to say.

        The URIs of the model name the file where they are ``located``.
        """
        style = self.style._replace(width=VALUE_COLUMNS if aligned else 0, color=color)
        return self._replace(
            style=style,
            structured=structured,
            located=located,
            notices=structured or verbose,
            verbose=verbose,
        )
