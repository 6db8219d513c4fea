"""find, move and get against an archive that answers what it likes: they end, and keep nothing partial."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from dcmtools.net.dimse import CommandField
from dcmtools.net.status import CANCELED, PENDING, SUCCESS
from tests.support.hostile_qr import (
    GARBAGE,
    HUGE,
    INSTANCES,
    NESTED,
    SERIES,
    SOME_FAILED,
    STUDY,
    TERMINAL,
    TRUNCATED,
    aborts,
    answers,
    begins_data,
    closes,
    counting,
    failed_list,
    finds_data,
    first,
    hostile,
    match,
    never_ends,
    promises_data,
    releases,
    sends_a_request,
    silent,
    storing,
)
from tests.support.proxy import Harm, Proxy, Way, reset
from tests.support.run import run
from tests.support.served import data_set

if TYPE_CHECKING:
    from pathlib import Path

    from dcmtools.encoding.dataset import DataSet
    from tests.support.hostile_qr import Script
    from tests.support.run import Run

DONE, FAILED, NO_ASSOCIATION, REFUSED = 0, 1, 4, 5


class Case(NamedTuple):
    """What is done to a command, and the status with which it ends.

    ``listing`` is that of a command which needs the answers to all of its C-FINDs, where it is another.
    """

    name: str
    script: Script
    status: int
    told: str = ""
    patience: float = 20
    listing: int | None = None

    @property
    def options(self) -> tuple[str, ...]:
        return ("--dimse-timeout", str(self.patience))


# Whatever is asked for may be answered like this.
ANYTHING = (
    Case("silence", silent, NO_ASSOCIATION, patience=0.5),
    Case("abort", aborts, NO_ASSOCIATION),
    Case("release", releases, NO_ASSOCIATION),
    Case("closed connection", closes, NO_ASSOCIATION),
    Case("no status", answers(SUCCESS, Status=None), NO_ASSOCIATION),
    Case("another message ID", answers(SUCCESS, MessageIDBeingRespondedTo=999), NO_ASSOCIATION),
    Case("response to an echo", answers(SUCCESS, CommandField=0x8030), NO_ASSOCIATION),
    Case("promised data", promises_data, NO_ASSOCIATION, patience=0.5),
    Case("command within data", begins_data, NO_ASSOCIATION),
    Case("request for an echo", sends_a_request(CommandField.C_ECHO_RQ), NO_ASSOCIATION, patience=0.5),
    Case("request to cancel", sends_a_request(CommandField.C_CANCEL_RQ), NO_ASSOCIATION),
    Case("status that is none", answers(0x1234), REFUSED, "1234"),
    Case("out of resources", answers(0xA700), REFUSED, "A700"),
    Case("identifier does not match", answers(0xA900, ErrorComment="no such key"), REFUSED, "no such key"),
    Case("unable to process", answers(0xC123), REFUSED, "C123"),
    Case("canceled by nobody", answers(CANCELED), FAILED, "FE00"),
    Case("failure with garbage", answers(0xA900, GARBAGE), REFUSED, "A900"),
)

# ---------------------------------------------------------------- find


def dangerous(level: str) -> DataSet:
    """A match that a terminal must not see as it is."""
    return match(level, PatientName=TERMINAL, SpecificCharacterSet="ISO_IR 192")


NONE = "there is no identifier"
AT_THE_END = "the last response has an identifier"
FINDS = (
    Case("garbage", finds_data(GARBAGE), FAILED, listing=REFUSED),
    Case("cut identifier", finds_data(TRUNCATED), FAILED, listing=REFUSED),
    Case("deep identifier", finds_data(NESTED), FAILED, listing=REFUSED),
    Case("huge identifier", finds_data(HUGE), NO_ASSOCIATION),
    Case("empty identifier", finds_data(b""), FAILED, NONE, listing=REFUSED),
    Case("no identifier", first(answers(PENDING), answers(SUCCESS)), FAILED, NONE, listing=REFUSED),
    Case("control characters", finds_data(dangerous), DONE),
    Case("another level", finds_data(lambda _: match("IMAGE")), DONE),
    Case(
        "UID that is a path",
        finds_data(lambda level: match(level, StudyInstanceUID="../../../evil", SOPInstanceUID="../evil")),
        DONE,
        listing=REFUSED,
    ),
    Case("data at the end", answers(SUCCESS, match("STUDY")), DONE, AT_THE_END, listing=FAILED),
    Case("garbage at the end", answers(SUCCESS, GARBAGE), DONE, AT_THE_END, listing=FAILED),
)


@pytest.mark.parametrize("case", [*ANYTHING, *FINDS], ids=lambda case: case.name)
def test_find(case: Case) -> None:
    with hostile(find=case.script) as port:
        result = run("find", f"127.0.0.1:{port}", *case.options)
    check(case, result)


@pytest.mark.parametrize("case", FINDS, ids=lambda case: case.name)
@pytest.mark.parametrize("form", ["csv", "json", "dicom-json"])
def test_find_in_other_forms(case: Case, form: str) -> None:
    with hostile(find=case.script) as port:
        result = run("find", f"127.0.0.1:{port}", "--format", form)
    check(case, result)


@pytest.mark.parametrize("case", FINDS, ids=lambda case: case.name)
def test_find_extracts(case: Case, tmp_path: Path) -> None:
    """What comes is put into files, all below the folder and none in part."""
    folder = tmp_path / "a" / "b" / "c"
    with hostile(find=case.script) as port:
        result = run("find", f"127.0.0.1:{port}", *case.options, "--extract", folder)
    check(case, result)
    outside = [path for path in tmp_path.rglob("*") if path.is_file() and folder not in path.parents]
    assert not outside
    check_files(folder)


@pytest.mark.parametrize("case", FINDS, ids=lambda case: case.name)
def test_find_all(case: Case) -> None:
    """At every level the same; but below a study, what says that it is of another one is left out."""
    with hostile(find=case.script) as port:
        result = run("find", f"127.0.0.1:{port}", *case.options, "--all", "--format", "json")
    check(case._replace(status=FAILED) if case.name == "UID that is a path" else case, result)


def test_find_ends_where_a_cancel_is_passed_over() -> None:
    with hostile(find=never_ends) as port:
        result = run(
            "find", f"127.0.0.1:{port}", "--dimse-timeout", "0.5", "--limit", "5", "--format", "json"
        )
    assert len(result.records) == 5
    assert "C-CANCEL" in result.stderr
    check_text(result)


def test_find_shows_what_is_sound_beside_what_is_not() -> None:
    with hostile(find=finds_data(GARBAGE, times=3)) as port:
        result = run("find", f"127.0.0.1:{port}", "--format", "json")
    assert result.status == FAILED
    assert [record["study_instance_uid"] for record in result.records if record["outcome"] == "done"] == [
        STUDY,
        STUDY,
    ]
    assert len([record for record in result.records if record["outcome"] == "failed"]) == 3


# ---------------------------------------------------------------- move

COUNTED = (
    Case("failures in a success", counting((SUCCESS, None, 1, 3, 0)), FAILED, "3 of 4"),
    Case("something left after a success", counting((SUCCESS, 5, 1, 0, 0)), FAILED),
    Case("warning without failures", counting((SOME_FAILED, None, 2, 0, 0)), FAILED, "does not tell"),
    Case("all failed", counting((SOME_FAILED, None, 0, 2, 0)), FAILED),
    Case("no counts in a warning", answers(SOME_FAILED), FAILED, "does not tell"),
    Case(
        "counts that run backwards",
        counting((PENDING, 1, 9, 0, 0), (PENDING, 60000, 2, 0, 0), (SUCCESS, None, 65535, 0, 0)),
        DONE,
    ),
    Case("failed list that is garbage", answers(SOME_FAILED, GARBAGE), FAILED, "cannot be read"),
    Case(
        "failed list with control characters",
        answers(SOME_FAILED, failed_list("1.2.\x1b[31m3", "../..")),
        FAILED,
    ),
    Case("failed list in a success", answers(SUCCESS, failed_list("1.2.3.4")), FAILED),
    Case("huge failed list", answers(SOME_FAILED, HUGE), NO_ASSOCIATION),
    Case("resources for sub-operations", answers(0xA702), REFUSED, "A702"),
)


def arriving(case: Case) -> Case:
    """What it comes to where nothing has arrived of all that the archive counts."""
    return case._replace(status=FAILED if case.status == DONE else case.status)


MOVES = (Case("destination unknown", answers(0xA801), REFUSED, "A801"),)


@pytest.mark.parametrize("case", [*ANYTHING, *COUNTED, *MOVES], ids=lambda case: case.name)
def test_move(case: Case) -> None:
    with hostile(move=case.script) as port:
        result = run("move", f"127.0.0.1:{port}", *case.options, "--to", "STORE1", "--study", STUDY)
    check(case, result)


@pytest.mark.parametrize(
    "case", [case for case in COUNTED if case.status != NO_ASSOCIATION], ids=lambda case: case.name
)
def test_move_into_a_folder(case: Case, tmp_path: Path) -> None:
    """Nothing arrives, whatever the archive counts."""
    with hostile(move=case.script) as port:
        result = run(
            "move", f"127.0.0.1:{port}", *case.options, "--receive", tmp_path, "--port", "0", "--study", STUDY
        )
    check(arriving(case), result)
    check_files(tmp_path)


# ---------------------------------------------------------------- get


def sent(uid: str) -> bytes:
    return data_set(uid, study=STUDY, series=SERIES)


TWO = counting((SUCCESS, None, 2, 0, 0))
STRANGE = data_set("1.9.9.9", study="1.9", series="1.9.9")
NO_PATIENT = data_set(INSTANCES[0], study=STUDY, series=SERIES, patient=None)
GETS = (
    Case("nothing sent", TWO, FAILED),
    Case("one of two sent", storing((INSTANCES[0], None), final=TWO), FAILED),
    Case(
        "another instance",
        storing((INSTANCES[0], None), ("1.9.9.9", STRANGE), final=TWO),
        FAILED,
        "study 1.9",
    ),
    Case(
        "UID that is a path",
        storing(("../../../evil", sent("../../../evil")), (INSTANCES[0], None), final=TWO),
        FAILED,
    ),
    Case("UID of another in the data", storing((INSTANCES[0], sent(INSTANCES[1])), final=TWO), FAILED),
    Case("garbage", storing((INSTANCES[0], GARBAGE), final=TWO), FAILED),
    Case("cut data", storing((INSTANCES[0], sent(INSTANCES[0])[:-7]), final=TWO), FAILED),
    Case("the same twice", storing((INSTANCES[0], None), (INSTANCES[0], None), final=TWO), FAILED),
    Case(
        "the same twice, another in truth",
        storing((INSTANCES[0], None), (INSTANCES[0], NO_PATIENT), final=TWO),
        FAILED,
    ),
    Case(
        "failure after all",
        storing((INSTANCES[0], None), (INSTANCES[1], None), final=answers(0xA702)),
        REFUSED,
    ),
    Case("cut off after one", storing((INSTANCES[0], None), final=closes), NO_ASSOCIATION),
    Case(
        "silence after one",
        storing((INSTANCES[0], None), final=silent),
        NO_ASSOCIATION,
        patience=0.5,
    ),
)


@pytest.mark.parametrize("case", [*ANYTHING, *COUNTED, *GETS], ids=lambda case: case.name)
def test_get(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    with hostile(get=case.script) as port:
        result = run("get", f"127.0.0.1:{port}", *case.options, "-o", folder, "--study", STUDY)
    check(arriving(case), result)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and folder not in path.parents]
    check_files(folder)


@pytest.mark.parametrize("case", [*ANYTHING, *FINDS], ids=lambda case: case.name)
def test_get_with_a_find_before_it(case: Case, tmp_path: Path) -> None:
    """The find is the hostile one: what is fetched may do without, but not lie."""
    with hostile(find=case.script) as port:
        result = run(
            "get",
            f"127.0.0.1:{port}",
            *case.options,
            "-o",
            tmp_path,
            "--study",
            STUDY,
            "--verify",
            "--skip-existing",
        )
    check(case if case.listing is None else case._replace(status=case.listing), result)
    check_files(tmp_path)


@pytest.mark.parametrize("after", range(0, 2200, 97))
def test_get_cut_anywhere(after: int, tmp_path: Path) -> None:
    with hostile() as port, Proxy(port, Harm(Way.IN, after, reset, first=None)) as proxy:
        result = run("get", f"127.0.0.1:{proxy.port}", "-o", tmp_path, "--study", STUDY)
        assert (result.status == DONE) is not proxy.struck
    check_text(result)
    check_files(tmp_path)


@pytest.mark.parametrize("after", range(0, 800, 61))
@pytest.mark.parametrize("command", ["find", "move"])
def test_cut_anywhere(command: str, after: int) -> None:
    more = () if command == "find" else ("--to", "STORE1", "--study", STUDY)
    with hostile() as port, Proxy(port, Harm(Way.IN, after, reset, first=None)) as proxy:
        result = run(command, f"127.0.0.1:{proxy.port}", *more)
        if not proxy.struck:
            assert result.status == DONE, result.stderr
        elif "release" not in result.stderr:  # the end of the association is no part of what it was for
            assert result.status == NO_ASSOCIATION, result.stderr
    check_text(result)


# ---------------------------------------------------------------- what holds whatever happens


def check(case: Case, result: Run) -> None:
    assert result.status == case.status, (result.stdout, result.stderr)
    assert case.told in result.stderr + result.stdout
    assert result.status == DONE or result.stderr
    check_text(result)


def check_text(result: Run) -> None:
    """A terminal shows it without being told to do anything."""
    shown = result.stdout + result.stderr
    assert "Traceback" not in shown
    assert not [character for character in shown if character < " " and character not in "\n\t"]
    assert "\x9b" not in shown


def check_files(folder: Path) -> None:
    """Whatever has a name of its own is a whole file."""
    from pydicom import dcmread

    for path in folder.rglob("*.dcm"):
        data = path.read_bytes()
        assert data[128:132] == b"DICM"
        assert str(dcmread(path).file_meta.MediaStorageSOPInstanceUID)
