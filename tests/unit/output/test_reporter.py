from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dcmtools.errors import ExitStatus, InputError, Interrupted, OutputError, UsageError
from dcmtools.output.console import Console
from dcmtools.output.reporter import OutputOptions, Reporter
from dcmtools.results import Outcome, Result
from tests.support.run import stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dcmtools.errors import DcmtoolsError

TEXT = OutputOptions()
JSON = OutputOptions(format="json")

DONE = Result("a", {"file": "a", "size": 1})
WARNED = Result("b", {"file": "b", "size": 22}, Outcome.WARNING, note="odd")
SKIPPED = Result.skipped("c", "not DICOM", {"file": "c"})
FAILED = Result.failed("d", InputError("gone\x07", hint="look again"), {"file": "d"})


def report(
    results: Iterable[Result],
    output: OutputOptions = TEXT,
    *,
    terminal: bool = False,
    color: bool = False,
    columns: tuple[str, ...] = ("file", "size"),
    **options: Any,  # noqa: ANN401  as the reporter takes them
) -> tuple[ExitStatus, str, str]:
    stdout, stderr = stream(terminal=terminal), stream(terminal=terminal)
    reporter = Reporter(Console(stdout, stderr), "dcmtools x", **options)
    status = reporter.run(results, columns, output, color=color)
    return status, stdout.text, stderr.text


def test_a_pipe_gets_tabs_and_no_header() -> None:
    status, stdout, stderr = report([DONE, WARNED, SKIPPED, FAILED])
    assert status == ExitStatus.PARTIAL
    assert stdout == "a\t1\nb\t22\n"
    assert stderr.splitlines() == [
        "dcmtools x: b: warning: odd",
        r"dcmtools x: d: gone\x07",
        "hint: look again",
        "1 done, 1 warning, 1 failed, 1 skipped",
    ]


def test_a_terminal_gets_aligned_rows_as_they_come() -> None:
    rows = [DONE, Result("b", {"file": "山田.dcm", "size": 22}), DONE, Result("b", {"file": "12345678901"})]
    assert report(iter(rows), terminal=True)[1] == (
        "FILE  SIZE\na     1\n山田.dcm  22\na         1\n12345678901\n"
    )


def test_a_column_grows_in_steps() -> None:
    """So not each name that is a letter longer puts its row out of line."""
    rows = [Result("x", {"file": "x" * length, "size": 1}) for length in (3, 5, 8, 9, 16, 15)]
    lines = report(iter(rows), terminal=True)[1].splitlines()
    assert [line.rindex("1") for line in lines[1:]] == [6, 10, 10, 18, 18, 18]


def test_results_that_are_all_there_are_aligned_as_a_whole() -> None:
    rows = [DONE, Result("b", {"file": "山田.dcm", "size": True}), DONE]
    shown = report(rows, terminal=True)[1]
    assert shown == "FILE      SIZE\na         1\n山田.dcm  yes\na         1\n"


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNKNOWN])
def test_what_failed_has_a_row_where_more_than_its_name_is_known(outcome: Outcome) -> None:
    for record, row in (({"file": "d"}, ""), ({"file": "d", "size": 7}, "d\t7\n"), ({}, "")):
        result = Result("d", record, outcome, error=InputError("gone"))
        assert report([result])[1] == row
    assert report([Result("d", {"file": "d"})])[1] == "d\t\n"


def test_ctrl_c_ends_the_run_with_a_count() -> None:
    stopped = Interrupted("stopped by the user")

    def results() -> Iterator[Result]:
        yield DONE
        for name in "abcde":
            yield Result.failed(name, stopped)
        raise KeyboardInterrupt

    status, stdout, stderr = report(results(), summary="made")
    assert (status, stdout) == (ExitStatus.INTERRUPTED, "a\t1\n")
    assert stderr.splitlines() == [
        *(f"dcmtools x: {name}: stopped by the user" for name in "abc"),
        "dcmtools x: and 2 more: stopped by the user",
        "dcmtools x: stopped by the user",
        "1 made, 5 failed",
    ]


def test_an_array_that_was_interrupted_is_not_closed() -> None:
    def results() -> Iterator[Result]:
        yield Result("a", {"dataset": {}})
        raise KeyboardInterrupt

    assert not report(results(), OutputOptions(format="dicom-json"))[1].rstrip().endswith("]")


def test_colour_marks_trouble() -> None:
    failed = FAILED._replace(record={"file": "d", "size": 3})
    stdout = report([DONE, WARNED, failed], terminal=True, color=True)[1].splitlines()
    marked = ["a     1", "\x1b[33mb     22\x1b[0m", "\x1b[31md     3\x1b[0m"]
    assert stdout == ["\x1b[1mFILE  SIZE\x1b[0m", *marked]


def test_cells_are_escaped_and_lists_joined() -> None:
    record = {"file": "a\tb\n\x1b[2J", "size": [1, None, "x"]}
    assert report([Result("x", record)])[1] == "a\\x09b\\x0a\\x1b[2J\t1, , x\n"


def test_a_text_stands_for_the_row() -> None:
    assert (
        report([Result("x", {"file": "x"}, text="line 1\nline 2\n"), Result("y", text="")])[1]
        == "line 1\nline 2\n"
    )


def test_without_columns_there_are_no_rows() -> None:
    assert report([DONE, FAILED], columns=())[1] == ""


def test_json_has_a_record_for_every_result() -> None:
    stdout = report([Result("x", {"file": "x"}, text="for people\n"), SKIPPED], JSON)[1]
    assert stdout == (
        '{"file": "x", "outcome": "done"}\n{"file": "c", "outcome": "skipped", "note": "not DICOM"}\n'
    )


def test_a_hint_is_given_once() -> None:
    assert report([FAILED, FAILED])[2].count("hint:") == 1


@pytest.mark.parametrize(
    ("results", "options", "last"),
    [
        ([DONE, DONE], {}, ""),
        ([FAILED], {"verbosity": 0}, "hint: look again"),
        ([FAILED, FAILED], {}, "0 done, 2 failed"),
        ([WARNED, WARNED], {}, "0 done, 2 warnings"),
        ([DONE, SKIPPED], {}, "1 done, 1 skipped"),
        ([DONE], {"summary": "stored"}, "1 stored"),
        ([], {"summary": "stored"}, "0 stored"),
        ([DONE, SKIPPED], {"summary": "stored", "verbosity": -1}, ""),
    ],
)
def test_the_closing_line(results: list[Result], options: dict[str, Any], last: str) -> None:
    assert (report(results, **options)[2].splitlines() or [""])[-1] == last


def test_remarks_and_skipped_items_are_told_when_asked() -> None:
    remarked = Result("a", {"file": "a"}, note="padded")
    assert report([remarked])[2] == ""
    lines = report([remarked, SKIPPED], verbosity=1)[2].splitlines()
    assert lines[:2] == ["dcmtools x: a: padded", "dcmtools x: c: skipped: not DICOM"]


def test_quiet_leaves_errors_alone() -> None:
    lines = report([WARNED, FAILED], verbosity=-1)[2].splitlines()
    assert lines == [r"dcmtools x: d: gone\x07", "hint: look again"]


def test_an_interruption_still_gets_its_summary() -> None:
    def results() -> Iterator[Result]:
        yield DONE
        raise Interrupted("stopped")

    status, _, stderr = report(results(), summary="stored")
    assert status == ExitStatus.INTERRUPTED
    assert stderr.splitlines() == ["dcmtools x: stopped", "1 stored"]


def test_what_ends_a_run_before_its_first_item_is_no_item() -> None:
    def results() -> Iterator[Result]:
        raise UsageError("in use")
        yield DONE

    status, _, stderr = report(results(), summary="stored")
    assert status == ExitStatus.USAGE
    assert stderr.splitlines() == ["dcmtools x: in use", "0 stored"]


def test_what_is_no_item_is_not_counted() -> None:
    about_the_run = Result("here", text="listening\n", counted=False)
    status, stdout, stderr = report([about_the_run, FAILED, FAILED])
    assert status == ExitStatus.INPUT
    assert stdout.startswith("listening\n")
    assert stderr.splitlines()[-1] == "0 done, 2 failed"
    assert "done" not in report([about_the_run, FAILED])[2]


def left(count: int, error: DcmtoolsError) -> list[Result]:
    return [Result.failed(f"{number}", error, {"file": f"{number}"}) for number in range(count)]


STOPPED = Interrupted("stopped", hint="again")


@pytest.mark.parametrize("verbosity", [-1, 0])
def test_of_items_with_one_cause_the_first_are_named_and_all_counted(verbosity: int) -> None:
    stdout, stderr = stream(), stream()
    log: list[str] = []
    reporter = Reporter(Console(stdout, stderr, log.append), "x", verbosity=verbosity)
    results = [*left(9, STOPPED), *left(3, InputError("gone")), FAILED]
    reporter.run(results, (), JSON, color=False)
    assert stdout.text.count("stopped") == 9
    assert stderr.text.splitlines()[:9] == [
        "x: 0: stopped",
        "hint: again",
        "x: 1: stopped",
        "x: 2: stopped",
        "x: and 6 more: stopped",
        "x: 0: gone",
        "x: 1: gone",
        "x: 2: gone",
        r"x: d: gone\x07",
    ]
    assert verbosity < 0 or stderr.text.splitlines()[-1] == "0 done, 13 failed"
    assert [line for line in log if "stopped" in line] == [f"x: {number}: stopped" for number in range(9)]


def test_of_items_with_one_cause_all_are_named_if_asked_for() -> None:
    stderr = report(left(9, STOPPED), verbosity=1)[2]
    assert stderr.count("stopped") == 9
    assert "more" not in stderr


def test_those_left_are_counted_though_the_run_ends_early() -> None:
    def results() -> Iterator[Result]:
        yield from left(5, STOPPED)
        raise OutputError("full")

    lines = report(results())[2].splitlines()
    assert lines[-3:] == ["dcmtools x: and 2 more: stopped", "dcmtools x: full", "0 done, 5 failed"]


def test_a_bug_goes_through_and_closes_the_source() -> None:
    closed = []

    def results() -> Iterator[Result]:
        try:
            yield Result("x", {"file": object()})
        finally:
            closed.append(True)

    with pytest.raises(TypeError):
        report(results(), JSON)
    assert closed


def test_text_that_the_terminal_cannot_show() -> None:
    stdout = stream(encoding="ascii")
    Console(stdout, None).write("é山\n")
    assert stdout.text == "\\xe9\\u5c71\n"


def test_closed_streams() -> None:
    console = Console(None, None)
    console.say("lost")
    console.abandon_stdout()
    with pytest.raises(OutputError, match="stdout is closed"):
        console.write("lost")


def test_keywords_of_the_standard_head_columns_as_they_are() -> None:
    row = Result("a", {"PatientName": "Doe^Jane", "sop_class": "1.2"})
    shown = report([row], terminal=True, columns=("PatientName", "sop_class"))[1]
    assert shown.splitlines()[0] == "PatientName  SOP CLASS"


def test_a_failure_that_is_not_counted_fails_and_is_in_no_summary() -> None:
    uncounted = FAILED._replace(counted=False)
    status, _, stderr = report([DONE._replace(counted=False), uncounted, uncounted])
    assert status == ExitStatus.INPUT
    assert "failed" not in stderr
    assert "d: gone" in stderr


def test_what_weighs_says_whether_a_failure_is_one_of_a_part() -> None:
    part, whole = DONE._replace(weighs=False), DONE._replace(counted=False, weighs=True)
    failed = FAILED._replace(counted=False)
    assert report([part, failed])[0] == ExitStatus.INPUT
    assert report([part, failed, part, whole])[0] == ExitStatus.PARTIAL
    assert "1 fetched" in report([part, whole], summary="fetched")[2]


def test_tab_separated_values_have_a_header_and_no_quotes() -> None:
    row = Result("a", {"file": 'a\t"b"', "size": None, "parts": ["x", 1]}, note="=odd")
    output = OutputOptions(format="tsv", fields=("file", "size", "parts"))
    assert report([row, FAILED], output)[1].splitlines() == [
        "file\tsize\tparts\toutcome\terror_code\terror_message\tnote",
        'a\\x09"b"\t\t["x", 1]\tdone\t\t\t=odd',
        "d\t\t\tfailed\tinput\tgone\\x07\t",
    ]
