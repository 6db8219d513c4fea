"""New UIDs: the same one for an old one in every file and at any depth, and nothing else changed."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

from dcmtools.errors import OutputError, UsageError
from dcmtools.files.part10 import Part10File
from dcmtools.modifying import uids
from dcmtools.modifying.staged import Staged
from dcmtools.modifying.told import Told
from dcmtools.modifying.uids import LEVELS, UidMap, collected, read_uid_map, write_uid_map
from tests.support import studies
from tests.support.encoded import EVL, IVL, part10
from tests.support.studies import FRAME, IMAGES, KOS, OTHER_INSTANCE, OTHER_STUDY, RT, SERIES, SR, STUDY, UIDS

if TYPE_CHECKING:
    from pathlib import Path

SECRET = b"of these tests" * 2


def rewritten(path: Path, map_: UidMap) -> tuple[bytes | None, Told]:
    told = Told()
    with Part10File.open(str(path)) as file:
        whole = uids.step(map_, file, told)
        return (whole.read(0, whole.size) if whole else None), told


def after(path: Path, map_: UidMap) -> Path:
    """The file with its UIDs changed, its meta as it was and its data set not deflated."""
    data, _ = rewritten(path, map_)
    assert data is not None
    with Part10File.open(str(path)) as file:
        syntax = studies.SYNTAXES[1] if file.transfer_syntax == studies.SYNTAXES[3] else file.transfer_syntax
    new = path.with_suffix(".new")
    new.write_bytes(part10(data, syntax))
    return new


@pytest.mark.parametrize("syntax", studies.SYNTAXES)
@pytest.mark.parametrize("levels", [("study", "series", "instance"), ("instance",), ("study",)])
def test_every_reference_follows_whatever_holds_it(
    tmp_path: Path, syntax: str, levels: tuple[str, ...]
) -> None:
    paths = studies.make_study(tmp_path, syntax)
    found = collected([str(tmp_path)], levels)
    own = {
        "study": {STUDY},
        "series": {SERIES, f"{SERIES}.7", f"{SERIES}.8", f"{SERIES}.9"},
        "instance": set(UIDS.values()),
    }
    assert found == set().union(*(own[level] for level in levels))
    map_ = UidMap({}, found, SECRET)
    seen = set()
    for path in paths:
        old = [each for each in studies.uids_in(path) if not each[0].startswith("meta.")]
        new = [each for each in studies.uids_in(after(path, map_)) if not each[0].startswith("meta.")]
        assert [(where, [map_.new(uid) for uid in values]) for where, values in old] == new
        seen |= {uid for _, values in new for uid in values}
    assert not found & seen  # nowhere is an old one left
    assert {OTHER_STUDY, OTHER_INSTANCE, FRAME} <= seen  # what is outside of the set stays
    assert all(map_.new(uid).startswith("2.25.") for uid in found)
    assert len({map_.new(uid) for uid in found}) == len(found)


def test_what_is_no_reference_keeps_its_bytes(tmp_path: Path) -> None:
    path = studies.make_study(tmp_path)[-1]
    data, told = rewritten(path, UidMap({IMAGES[1]: "2.25.1"}))
    assert data is not None
    with Part10File.open(str(path)) as file:
        body = file.body()
        before = body.source.read(body.start, body.end - body.start)
    assert IMAGES[1].encode() in data  # the private LO is text
    assert data.count(b"2.25.1") == len(told) == 4
    assert before.count(IMAGES[1].encode()) == 5
    assert data.count(b"1.2.840.10008.5.1.4.1.1.2") == before.count(b"1.2.840.10008.5.1.4.1.1.2")


def test_a_reference_into_several(tmp_path: Path) -> None:
    path = studies.make_study(tmp_path)[-1]
    _, told = rewritten(path, UidMap({IMAGES[1]: "2.25.1", STUDY: "2.25.2"}))
    private = next(change for change in told if change.path == "(0029,1001)")
    assert (private.old, private.new) == (
        f"{IMAGES[1]}\\{OTHER_INSTANCE}\\{STUDY}",
        f"2.25.1\\{OTHER_INSTANCE}\\2.25.2",
    )
    assert private.what == "uid"


def test_a_file_without_any_stays(tmp_path: Path) -> None:
    path = studies.make_study(tmp_path)[0]
    assert rewritten(path, UidMap({"1.2.3": "2.25.1"})) == (None, [])


def test_it_is_the_same_in_any_order_and_process(tmp_path: Path) -> None:
    paths = [str(path) for path in studies.make_study(tmp_path)]
    first = collected(paths, LEVELS)
    assert first == collected(reversed(paths), LEVELS, jobs=2)
    map_ = UidMap({}, first, SECRET)
    other = pickle.loads(pickle.dumps(UidMap({}, collected(paths[::-1], LEVELS), SECRET)))  # noqa: S301  ours
    assert [map_.new(uid) for uid in (SR, RT, KOS)] == [other.new(uid) for uid in (SR, RT, KOS)]
    assert map_.new(SR) != UidMap({}, first, b"another run").new(SR)
    assert SECRET.decode() not in repr(map_)
    assert SR not in repr(map_)


def test_what_is_given_goes_before_what_is_made(tmp_path: Path) -> None:
    studies.make_study(tmp_path)
    map_ = UidMap({SR: "2.25.5"}, collected([str(tmp_path)], ["instance"]), SECRET)
    assert map_.new(SR) == "2.25.5"
    assert map_.new(RT).startswith("2.25.")
    assert dict(map_.pairs()).keys() == set(UIDS.values())


def test_uids_under_un(tmp_path: Path) -> None:
    """Where a dictionary has them as UI and the bytes are of UIDs; in sequences under UN, too."""
    nested = IVL.item(IVL.element(0x00081155, "UI", b"1.2.3\0"))
    data = (
        EVL.element(0x00080018, "UN", b"1.2.3\0")
        + EVL.sequence(0x00081140, nested, undefined=True, vr="UN")
        + EVL.sequence(0x00081199, nested, vr="UN")
        + EVL.element(0x00100020, "UN", b"1.2.3\0")
        + EVL.element(0x0020000E, "UN", b"1.2.3\\x.y\0")
        + EVL.element(0x00090010, "LO", b"GEMS_IDEN_01")
        + EVL.element(0x000910E6, "UN", b"1.2.3\0")
    )
    path = tmp_path / "un.dcm"
    path.write_bytes(part10(data))
    new, told = rewritten(path, UidMap({"1.2.3": "2.25.12345"}))
    assert [change.path for change in told] == [
        "(0008,0018)",
        "(0008,1140)[0].(0008,1155)",
        "(0008,1199)[0].(0008,1155)",
    ]
    assert new is not None
    assert EVL.element(0x00080018, "UN", b"2.25.12345") in new
    assert EVL.sequence(0x00081199, IVL.item(IVL.element(0x00081155, "UI", b"2.25.12345")), vr="UN") in new
    assert EVL.element(0x00100020, "UN", b"1.2.3\0") in new


def test_private_uids_under_un(tmp_path: Path) -> None:
    creator = EVL.element(0x00090010, "LO", b"GEMS_PETD_01")
    path = tmp_path / "private.dcm"
    path.write_bytes(part10(creator + EVL.element(0x0009100A, "UN", b"1.2.3\0")))
    new, _ = rewritten(path, UidMap({"1.2.3": "2.25.1"}))
    assert new == creator + EVL.element(0x0009100A, "UN", b"2.25.1")


def test_classes_and_syntaxes_stay_whatever_the_map_says(tmp_path: Path) -> None:
    private_class = b"1.2.3\0"
    data = EVL.element(0x00080016, "UI", private_class) + EVL.element(0x00080018, "UI", private_class)
    reference = EVL.element(0x00081150, "UI", private_class) + EVL.element(0x00081155, "UI", private_class)
    path = tmp_path / "class.dcm"
    path.write_bytes(part10(data + EVL.sequence(0x00081140, EVL.item(reference))))
    _, told = rewritten(path, UidMap({"1.2.3": "2.25.1"}))
    assert [change.path for change in told] == ["(0008,0018)", "(0008,1140)[0].(0008,1155)"]


def test_uids_of_the_standard_are_not_collected(tmp_path: Path) -> None:
    path = tmp_path / "broken.dcm"
    path.write_bytes(part10(EVL.element(0x00080018, "UI", b"1.2.840.10008.5.1.4.1.1.2\0")))
    assert collected([str(path), str(tmp_path / "missing")], LEVELS) == frozenset()


def test_a_chain_of_steps(tmp_path: Path) -> None:
    """A file whose data set has been changed already is changed once more."""
    path = studies.make_study(tmp_path)[2]
    told = Told()
    with Part10File.open(str(path)) as file:
        first = uids.step(UidMap({IMAGES[0]: "2.25.1"}), file, told)
        assert first is not None
        second = uids.step(UidMap({IMAGES[1]: "2.25.2", "2.25.1": "2.25.3"}), Staged(file, first), told)
        assert second is not None
        data = second.read(0, second.size)
    assert b"2.25.3" in data
    assert b"2.25.1" not in data


# ---------------------------------------------------------------- the map as a file


def read(path: Path, text: str) -> dict[str, str]:
    path.write_text(text, encoding="utf-8")
    return read_uid_map(str(path))


@pytest.mark.parametrize("head", ["", "uid_old,uid_new\n", "OLD,New\n"])
def test_a_map(tmp_path: Path, head: str) -> None:
    assert read(tmp_path / "map.csv", f"{head}1.2.3,2.25.1\n\n1.2.4 , 2.25.2\n") == {
        "1.2.3": "2.25.1",
        "1.2.4": "2.25.2",
    }
    assert read(tmp_path / "map.csv", head.replace(",", ";") + "1.2.3;2.25.1\n") == {"1.2.3": "2.25.1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the map is empty"),
        ("uid_old,uid_new\n", "the map is empty"),
        ("uid_old,id_new\n1,2\n", "line 1: the columns are uid_old, uid_new"),
        ("1.2.3,2.25.1\n1.2.4\n", "line 2: 1 columns"),
        ("1.2.3,2.25.1,x\n", "line 1: 3 columns"),
        ("1.2.3,2.25.1\nDoe,2.25.2\n", "line 2: 'Doe' is no UID"),
        ("1.2.3,2.25.01\n", "line 1: '2.25.01' is not of VR UI"),
        ("1.2.3,\n", "line 1: ' ' is not of VR UI"),
        ("1.2.3," + "1." * 32 + "1\n", "line 1"),
        ("1.2.840.10008.1.2,2.25.1\n", "line 1: 1.2.840.10008.1.2 is a UID of the Standard"),
        ("1.2.3,1.2.840.10008.1.2\n", "line 1: 1.2.840.10008.1.2 is a UID of the Standard"),
        ("1.2.3,2.25.1\n1.2.3,2.25.2\n", "line 2: 1.2.3 is an old UID of line 1, too"),
        (
            "1.2.3,2.25.1\n1.2.4,2.25.1\n",
            "line 2: 2.25.1 is the new UID of line 1, too: two would become one",
        ),
        ("1.2.3,1.2.4\n1.2.4,1.2.3\n", "line 1: the new UID 1.2.4 is the old one of line 2"),
        ("1.2.3,1.2.4\n1.2.4,2.25.1\n", "line 1: the new UID 1.2.4 is the old one of line 2"),
        ("1.2.3,1.2.3\n", "line 1: the new UID 1.2.3 is the old one of this line"),
        ('1.2.3,"2.25.1\n', "line 1"),
    ],
)
def test_maps_that_cannot_be(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        read(tmp_path / "map.csv", text)
    assert message in str(error.value)
    assert str(tmp_path / "map.csv") in str(error.value)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    map_ = UidMap({"1.2.3": "2.25.1"}, {"1.2.4", "1.2.5"}, SECRET)
    path = tmp_path / "out.csv"
    write_uid_map(str(path), map_)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_uid_map(str(path)) == dict(map_.pairs())
    assert path.read_text().splitlines()[:2] == ["uid_old,uid_new", "1.2.3,2.25.1"]


def test_a_map_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.csv"
    path.write_text("mine")
    with pytest.raises(UsageError, match="there is a file already"):
        write_uid_map(str(path), UidMap({"1.2.3": "2.25.1"}))
    assert path.read_text() == "mine"
    with pytest.raises(OutputError, match="No such file"):
        write_uid_map(str(tmp_path / "no" / "out.csv"), UidMap({"1.2.3": "2.25.1"}))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dcmtools.replacing._name", full)
    with pytest.raises(OutputError, match="No space left"):
        write_uid_map(str(tmp_path / "other.csv"), UidMap({"1.2.3": "2.25.1"}))
    assert sorted(tmp_path.iterdir()) == [path]
