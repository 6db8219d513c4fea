"""What is logged and warned of reaches stderr, whoever imports ``logging``, and when."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest

from dcmtools.cli.app import App
from dcmtools.cli.logs import logging_of

# A program of its own: under pytest the module is imported already.
LATER = """
import sys
from dcmtools.cli.app import App
from dcmtools.cli.logs import logging_of

finders = list(sys.meta_path)
assert "logging" not in sys.modules
with logging_of(App()):
    import logging.handlers
    assert sys.meta_path == finders
    assert logging.__loader__ is logging.__spec__.loader
    assert logging.__file__ == logging.__loader__.get_filename("logging")
    logging.getLogger("room").warning("\\x1b[2Jwarned")
    logging.getLogger("room").info("informed")
assert not logging.getLogger().handlers
"""
NEVER = """
import sys
from dcmtools.cli.app import App
from dcmtools.cli.logs import logging_of

finders = list(sys.meta_path)
with logging_of(App()):
    import colorsys
assert sys.meta_path == finders
assert "logging" not in sys.modules
"""


@pytest.mark.parametrize(("script", "said"), [(LATER, "dcmtools: warning: \\x1b[2Jwarned\n"), (NEVER, "")])
def test_logging_is_set_up_when_it_is_imported(script: str, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == (said, 0)


@pytest.mark.parametrize(("quiet", "said"), [(False, "dcmtools: warning: \\x1b[2Jold\n"), (True, "")])
def test_the_warnings_of_libraries(quiet: bool, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    app = App()
    app.quiet = quiet
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        before = warnings.showwarning
        with logging_of(app):
            warnings.warn("\x1b[2Jold", UserWarning, stacklevel=1)
        assert warnings.showwarning is before
    assert capsys.readouterr().err == said
