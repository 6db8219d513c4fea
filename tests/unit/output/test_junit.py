from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmtools.errors import InputError
from dcmtools.output.jsonl import Run
from dcmtools.output.junit import JUnit
from dcmtools.results import Outcome, Result

STARTED, ENDED = "2026-01-02T03:04:05.678+01:00", "2026-01-02T03:04:07.178+01:00"


def suites_of(*results: Result, command: str = "peers list") -> ElementTree.Element:
    document = JUnit(command)
    cases = "".join(map(document.add, results))
    counts = {outcome: [result.outcome for result in results].count(outcome) for outcome in Outcome}
    run = Run(command, "1.2.3", STARTED, ENDED, 1.5, 4, counts)
    return ElementTree.fromstring((document.begin(run) + cases + document.end()).encode())  # noqa: S314  ours


def case_of(result: Result) -> ElementTree.Element:
    case = suites_of(result).find("testsuite/testcase")
    assert case is not None
    return case


def test_what_a_server_reads() -> None:
    suites = suites_of(
        Result("a", {"elapsed_ms": 1234.5}),
        Result("b", outcome=Outcome.WARNING, note="odd"),
        Result.skipped("c", "not DICOM"),
        Result.failed("d", InputError("gone", hint="look again")),
        Result("e", outcome=Outcome.UNKNOWN, error=InputError("silence")),
    )
    numbers = {"tests": "5", "failures": "1", "errors": "1", "skipped": "1", "time": "1.500"}
    assert (suites.tag, suites.attrib) == ("testsuites", {"name": "dcmtools peers list", **numbers})
    [suite] = suites
    assert suite.tag == "testsuite"
    assert suite.attrib == {"name": "dcmtools peers list", **numbers, "timestamp": STARTED}
    properties, *cases = suite
    assert [(item.get("name"), item.get("value")) for item in properties] == [
        ("version", "1.2.3"),
        ("exit_status", "4"),
    ]
    assert [(case.tag, case.get("classname"), case.get("name"), case.get("time")) for case in cases] == [
        ("testcase", "dcmtools.peers.list", name, "1.234" if name == "a" else None) for name in "abcde"
    ]
    inner = [[(child.tag, child.attrib, child.text) for child in case] for case in cases]
    assert inner == [
        [],
        [("system-out", {}, "warning: odd")],
        [("skipped", {"message": "not DICOM"}, None)],
        [("failure", {"type": "input", "message": "gone"}, "gone\nhint: look again")],
        [("error", {"type": "input", "message": "silence"}, "silence")],
    ]


def test_an_item_without_a_name_is_the_run_itself() -> None:
    assert case_of(Result.failed("", InputError("gone"))).get("name") == "dcmtools peers list"


def test_a_remark_on_what_is_done() -> None:
    assert case_of(Result("a", note="padded")).findtext("system-out") == "done: padded"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('<a href="x">&amp;]]>\'</a>', '<a href="x">&amp;]]>\'</a>'),
        ("a\tb\nc\rd\0\x1b", r"a\x09b\x0ac\x0dd\x00\x1b"),
        ("\ufffe\uffff\ud800\udcff", r"\ufffe\uffff\ud800\xff"),
        ("山田\U0001f600 é", "山田\U0001f600 é"),
    ],
)
def test_any_text(text: str, shown: str) -> None:
    case = case_of(Result.failed(text, InputError(text)))
    failure = case.find("failure")
    assert failure is not None
    assert (case.get("name"), failure.get("message"), failure.text) == (shown, shown, shown)


@given(st.text(st.characters(codec=None, exclude_categories=()), min_size=1))
def test_no_text_breaks_the_document(text: str) -> None:
    assert case_of(Result.failed(text, InputError(text, hint=text))).get("name")
    assert case_of(Result.skipped("x", text)).tag == "testcase"
