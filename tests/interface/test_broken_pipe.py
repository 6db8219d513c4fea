"""A reader that goes away: the program ends with 141 and without a word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from dcmtools.cli.app import App
from dcmtools.output.reporter import OutputOptions
from dcmtools.results import Result

def results():
    try:
        for number in range(100_000):
            yield Result("item", {"number": number})
    finally:
        print("closed after", number, file=sys.stderr)

sys.exit(App().report(results(), ["number"], OutputOptions(), drain="drain" in sys.argv))
"""


def read_one_line(*args: str) -> tuple[int, str]:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "0\n"
        process.stdout.close()
        stderr = process.stderr.read()
    return process.returncode, stderr


def test_the_source_of_results_is_closed() -> None:
    status, stderr = read_one_line()
    assert status == 141
    assert stderr.startswith("closed after ")
    assert int(stderr.split()[-1]) < 99_999


def test_a_command_that_acts_works_on_to_the_end() -> None:
    assert read_one_line("drain") == (141, "closed after 99999\n")


def test_help_into_a_closed_pipe() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = str(Path(sys.executable).with_name("dcmtools"))
    done = subprocess.run([command, "--help"], stdout=write_end, stderr=subprocess.PIPE, check=False)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, b"")
