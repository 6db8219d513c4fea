"""Files of two trees that are one instance, by their SOP Instance UID, be it that of several."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmtools.errors import InputError
from dcmtools.results import Outcome, Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dcmtools.files.inputs import Input

_BLOCK: Final = 1024 * 1024


class Pair(NamedTuple):
    """Files that belong together, or one that has no other; ``same`` where all their bytes are."""

    a: Input | None
    b: Input | None
    same: bool = False

    @property
    def item(self) -> Input:
        """The first of them that there is."""
        found = self.a or self.b
        if found is None:
            message = "a pair has one file at least"
            raise ValueError(message)
        return found


def by_uid(
    left_a: dict[str, Input],
    left_b: dict[str, Input],
    uids_a: Mapping[str, str],
    uids_b: Mapping[str, str],
) -> Iterator[Pair | Result]:
    """Yield pairs of one SOP Instance UID, and take them out of what is left; files go by their path.

    Where several have one UID that is said, and those belong together that have the same bytes, then those
    of one path, then the first of each.
    """
    ours, theirs = _by_uid(left_a, uids_a), _by_uid(left_b, uids_b)
    for uid, paths in ours.items():
        others = theirs.get(uid, [])
        if not others:
            continue
        if len(paths) == len(others) == 1:
            together = [(paths[0], others[0])]
        else:
            yield _doubled(left_a[paths[0]], left_b[others[0]], uid, len(paths), len(others))
            together = _mates({path: left_a[path] for path in paths}, {path: left_b[path] for path in others})
        for path, other in together:
            yield Pair(left_a.pop(path), left_b.pop(other))


def _by_uid(left: Mapping[str, Input], uids: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in left:
        if uids[path]:
            found[uids[path]].append(path)
    return found


def _doubled(one: Input, other: Input, uid: str, ours: int, theirs: int) -> Result:
    note = f"{_files(ours)} of the first and {_files(theirs)} of the second have SOP Instance UID {uid}"
    record = {"file": one.path, "other": other.path, "result": None}
    return Result(one.path, record, Outcome.WARNING, note=note, counted=False)


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def _mates(ours: Mapping[str, Input], theirs: Mapping[str, Input]) -> list[tuple[str, str]]:
    """Return which of several files of one UID belong together."""
    contents = [{path: _content(item) for path, item in files.items()} for files in (ours, theirs)]
    found: dict[str, str] = {}
    free = dict(contents[1])

    def together(path: str, other: str) -> None:
        found[path] = other
        del free[other]

    for path, content in contents[0].items():
        if free.get(path) == content:
            together(path, path)
    equal: dict[object, deque[str]] = defaultdict(deque)
    for other, content in free.items():
        equal[content].append(other)
    for path, content in contents[0].items():
        if path not in found and equal.get(content):
            together(path, equal[content].popleft())
    for path in ours:
        if path not in found and path in free:
            together(path, path)
    rest = [path for path in ours if path not in found]
    found.update(zip(rest, free, strict=False))
    return [(path, found[path]) for path in ours if path in found]


def _content(item: Input) -> object:
    """Return what is the same for files of the same bytes; for one that cannot be read, itself."""
    from hashlib import blake2b

    digest = blake2b(digest_size=20)
    try:
        with item.open() as source:
            for at in range(0, source.size, _BLOCK):
                digest.update(source.read(at, min(_BLOCK, source.size - at)))
    except InputError:
        return item.path
    return digest.digest()
