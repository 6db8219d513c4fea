"""``python -m dcmtools``, and what the console script calls."""

import sys


def run() -> None:
    """Load the program and run it; Ctrl-C while it loads says no more than later."""
    try:
        from dcmtools.cli.main import run as run_program

        run_program()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
