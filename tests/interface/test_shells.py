"""The completions, in the shells themselves."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dcmtools.cli.docgen import ROOT
from tests.support.peers import requires
from tests.support.run import run
from tests.support.served import DCMTOOLS
from tests.support.terminal import Terminal, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS = ROOT / "completions"
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
has_bash_completion = pytest.mark.skipif(
    not BASH_COMPLETION.exists() and not os.environ.get("DCMTOOLS_REQUIRE_PEERS"),
    reason="not installed: bash-completion",
)
SHELLS = [
    pytest.param("bash", marks=requires("bash", package="bash")),
    pytest.param("bash-completion", marks=has_bash_completion),
    pytest.param("zsh", marks=requires("zsh", package="zsh")),
]
requires_fish = requires("fish", package="fish")
COMPLETED = {
    "dcmtools ec": "dcmtools echo",
    "dcmtools peers sh": "dcmtools peers show",
    "dcmtools echo --coun": "dcmtools echo --count",
    "dcmtools dump --sea": "dcmtools dump --search",
    "dcmtools echo --format j": "dcmtools echo --format json",
    "dcmtools echo --format=j": "dcmtools echo --format=json",
    "dcmtools echo arch": "dcmtools echo archive",
    "dcmtools store archive sub/on": "dcmtools store archive sub/one.dcm",
    "dcmtools peers remove arch": "dcmtools peers remove archive",
    "dcmtools dump +P studyinstanceu": "dcmtools dump +P StudyInstanceUID",
    "dcmtools dump --value PixelD": "dcmtools dump --value PixelData",
    "dcmtools dump 'Seq' +P Seq.AcquisitionDateT": "dcmtools dump Seq +P Seq.AcquisitionDateTime",
    "dcmtools dump sub/on": "dcmtools dump sub/one.dcm",
    "dcmtools dump --log-file=sub/on": "dcmtools dump --log-file=sub/one.dcm",
    "dcmtools serve su": "dcmtools serve sub",
    "dcmtools completion fi": "dcmtools completion fish",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "one.dcm").touch()
    (tmp_path / "config.toml").write_text('[peers.archive]\nhost = "h"\naet = "A"\n')
    return tmp_path


def environment(folder: Path, path: str = "") -> dict[str, str]:
    system = os.pathsep.join(path for path in ("/usr/local/bin", "/usr/bin", "/bin"))
    path = path or f"{Path(DCMTOOLS).parent}{os.pathsep}{system}"
    config = str(folder / "config.toml")
    variables = {"PATH": path, "HOME": str(folder), "TERM": "dumb", "LC_ALL": "C.UTF-8", "PS1": "$ "}
    return {**variables, "DCMTOOLS_CONFIG": config, "XDG_DATA_HOME": str(folder / "data")}


@contextmanager
def shell_in(folder: Path, shell: str, path: str = "") -> Iterator[Terminal]:
    """A shell that knows our completion, ready to be typed to."""
    if shell == "zsh":
        command = ["zsh", "-f", "-i"]
        setup = f"PS1='$ '; unsetopt beep; fpath=({SCRIPTS} $fpath); autoload -U compinit; compinit -u -D"
        setup += "; zstyle ':completion:*' insert-tab false"  # else a tab with more keys behind it is a tab
    else:
        command = ["bash", "--norc", "--noprofile", "-i"]
        setup = f"bind 'set bell-style none'; . {SCRIPTS / 'dcmtools.bash'}"
    if shell == "bash-completion":  # finds the script by itself, in a folder such as a package fills
        completions = folder / "data" / "bash-completion" / "completions"
        completions.mkdir(parents=True)
        (completions / "dcmtools").symlink_to(SCRIPTS / "dcmtools.bash")
        setup = f"bind 'set bell-style none'; . {BASH_COMPLETION}"
    with terminal(command, environment(folder, path)) as screen:
        screen.type(f"{setup}; cd {folder}; echo re''ady\r")
        screen.read_until(r"ready\s+(.*\s)?\$ $")
        yield screen


def completed(screen: Terminal, line: str) -> list[str]:
    """Type ``line`` and the tab key, and return the words that the shell then has."""
    screen.type(f"{line}\t\x01printf '<%s>' \x05 END\r")
    shown = screen.read_until(r"<END>.*\$ $")
    return re.findall("<(.*?)>", shown[shown.rindex("<dcmtools>") :])[:-1]


@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_tab_makes_of_a_line(shell: str, folder: Path) -> None:
    with shell_in(folder, shell) as screen:
        found = {line: [word.rstrip("/") for word in completed(screen, line)] for line in COMPLETED}
    assert found == {line: shlex.split(words) for line, words in COMPLETED.items()}


@pytest.mark.parametrize("shell", SHELLS)
def test_several_proposals_are_shown(shell: str, folder: Path) -> None:
    with shell_in(folder, shell) as screen:
        screen.type("dcmtools peers \t\t")
        shown = screen.read_until(r"path\b")
    assert all(name in shown for name in ("list", "show", "add", "remove"))
    if shell == "zsh":
        assert re.search("add +-- Name a peer in config.toml", shown)


@pytest.mark.parametrize("shell", SHELLS)
def test_without_the_program_files_are_completed(shell: str, folder: Path) -> None:
    with shell_in(folder, shell, path="/usr/bin:/bin") as screen:
        assert completed(screen, "dcmtools dump su")[2].rstrip("/") == "sub"
        assert not re.search("not found|No such|env:", screen.shown)


def fish(folder: Path, line: str, path: str = "") -> list[str]:
    command = f"source {SCRIPTS / 'dcmtools.fish'}; complete -C {shlex.quote(line)}"
    done = subprocess.run(
        ["fish", "--no-config", "-c", command],
        env=environment(folder, path),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@requires_fish
@pytest.mark.parametrize(("line", "words"), COMPLETED.items())
def test_what_fish_proposes(line: str, words: str, folder: Path) -> None:
    assert fish(folder, line)[0].partition("\t")[0].rstrip("/") == shlex.split(words)[-1]


@requires_fish
def test_fish_shows_the_help(folder: Path) -> None:
    assert fish(folder, "dcmtools echo arch") == ["archive\tA@h:11112"]
    assert fish(folder, "dcmtools dump +P PixelData")[0] == "PixelData\t(7fe0,0010)"
    assert "--value\tPrint bare values" in "\n".join(fish(folder, "dcmtools dump --v"))


@requires_fish
def test_fish_without_the_program(folder: Path) -> None:
    assert fish(folder, "dcmtools ec", path="/usr/bin:/bin") == []


@pytest.mark.parametrize(
    ("shell", "name"), [("bash", "dcmtools.bash"), ("zsh", "_dcmtools"), ("fish", "dcmtools.fish")]
)
def test_the_program_prints_the_script(shell: str, name: str) -> None:
    assert run("completion", shell) == (0, (SCRIPTS / name).read_text(), "")


@requires("zsh", package="zsh")
@pytest.mark.parametrize(
    "line", ["{program} completion zsh | source /dev/stdin", 'eval "$({program} completion zsh)"']
)
def test_zsh_takes_it_from_the_program(line: str, folder: Path) -> None:
    command = "PS1='$ '; unsetopt beep; autoload -U compinit; compinit -u -D; " + line.format(
        program=DCMTOOLS
    )
    with terminal(["zsh", "-f", "-i"], environment(folder)) as screen:
        screen.type(f"{command}; zstyle ':completion:*' insert-tab false; echo re''ady\r")
        screen.read_until(r"ready\s+(.*\s)?\$ $")
        for _ in range(3):
            assert completed(screen, "dcmtools peers sh") == ["dcmtools", "peers", "show"]


@requires("zsh", package="zsh")
def test_zsh_reads_it_before_its_completion_is_set_up(folder: Path) -> None:
    done = subprocess.run(
        ["zsh", "-f", "-c", f". {SCRIPTS / '_dcmtools'}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
