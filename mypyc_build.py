"""Compiles the hot modules with mypyc, in build/compiled beside the tree; nothing of it is shipped.

``make compiled`` builds, runs the tests on what was built, and times it against the tree.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent
BUILT: Final = ROOT / "build" / "compiled"
# Where time goes for each element, each PDU, each file; but for classes that tests stand in for, as nothing
# that is interpreted can inherit from what is compiled.
HOT: Final = (
    "encoding/charset", "encoding/containers", "encoding/dataset", "encoding/headers", "encoding/jsonmodel",
    "encoding/lenient", "encoding/picking", "encoding/problems", "encoding/recoding",
    "encoding/tags", "encoding/values", "encoding/walker", "encoding/window",
    "files/anyhow", "files/instance", "files/part10", "files/values",
    "inspection/bare", "inspection/lines", "inspection/remembering", "inspection/showing",
    "net/association", "net/command_set", "net/dimse", "net/incoming", "net/outgoing", "net/p_data",
    "net/transport", "scu/payload", "scu/sender", "scu/work",
)  # fmt: skip
# What the tests look at beside the package.
BESIDE: Final = (
    "tests", "bench", "man", "completions", "examples", "pyproject.toml", "hatch_build.py", "mypyc_build.py",
    "Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE",
)  # fmt: skip
_SETUP: Final = """
from mypyc.build import mypycify
from setuptools import setup

modules = mypycify(["--config-file=", "--strict", *{modules!r}], opt_level="3", debug_level="0")
setup(name="dcmtools", packages=[], ext_modules=modules, script_args=["-q", "build_ext", "--inplace"])
"""


def main() -> int:
    """Build anew, and return the status of the compiler."""
    shutil.rmtree(BUILT, ignore_errors=True)
    shutil.copytree(ROOT / "dcmtools", BUILT / "dcmtools", ignore=shutil.ignore_patterns("__pycache__"))
    modules = [f"dcmtools/{name}.py" for name in HOT]
    # Without a pyproject.toml beside it: setuptools would read the one of the project.
    command = [sys.executable, "-c", _SETUP.format(modules=modules)]
    if status := subprocess.run(command, cwd=BUILT, check=False).returncode:
        return status
    shutil.rmtree(BUILT / "build")
    for name in BESIDE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, BUILT / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, BUILT / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
