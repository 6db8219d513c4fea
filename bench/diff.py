"""Two equal trees of 500 CT compared, against ``cmp`` of the same bytes: one run, and one for each file."""

from __future__ import annotations

import shutil
import sys

from bench.harness import DCMTOOLS, Command, compare, fast_folder
from tests.support import samples

COUNT = 500
GOAL = 1.5


def main() -> int:
    with fast_folder() as folder:
        a, b = folder / "a", folder / "b"
        paths = samples.make_ct(a, COUNT)
        shutil.copytree(a, b)
        whole = [folder / "a.bin", folder / "b.bin"]
        for each in whole:
            with each.open("wb") as out:
                for path in paths:
                    out.write(path.read_bytes())
        listed = folder / "listed"
        listed.write_text("".join(f"{path}\n{b / path.name}\n" for path in paths))
        ours = Command("dcmtools diff", [DCMTOOLS, "diff", a, b])
        once = Command("cmp, of one file", ["cmp", *whole])
        each_ = Command("cmp, of each", ["xargs", "-a", listed, "-n", "2", "cmp"])
        met = [
            compare("diff: 500 CT of 512 KB, equal", ours, once, goal=GOAL),
            compare("diff: 500 CT of 512 KB, equal", ours, each_, goal=GOAL),
        ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
