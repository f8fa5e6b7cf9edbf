"""A training that ends in its last moments, in a process of its own: one forked from a process that has run torch may crash in it."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from intrex.eval.pipelines.training import train as training

ROOT = Path(__file__).resolve().parents[2]
CODE = 9


def exit_code(moment: str, call: Callable[[], object]) -> int:
    """Call it in a new process that ends at a moment of `MOMENTS`; ``call`` is pickled."""
    work = [sys.executable, "-m", "tests.support.lastmoments", moment, pickle.dumps(call).hex(), os.getcwd()]
    return subprocess.run(work, cwd=ROOT, check=False).returncode


def end_after_move(number: int) -> None:
    """End this process right after the given entry was moved out of ``model/``; 0 stands for the last of them."""
    move, seen = Path.replace, []

    def moved(self: Path, target: Path) -> Path:
        last = self.parent.name == "model" and len(list(self.parent.iterdir())) == 1
        found = move(self, target)
        if self.parent.name == "model":
            seen.append(self)
            if len(seen) == number or (last and not number):
                os._exit(CODE)
        return found

    Path.replace = moved


def end_after_uses() -> None:
    """End this process right after the table of the documents that were used was written."""
    write = training.write_uses

    def written(*arguments: object) -> None:
        write(*arguments)
        os._exit(CODE)

    training.write_uses = written


MOMENTS = {
    "first": lambda: end_after_move(1),
    "second": lambda: end_after_move(2),
    "last": lambda: end_after_move(0),
    "uses": end_after_uses,
}

if __name__ == "__main__":
    MOMENTS[sys.argv[1]]()
    os.chdir(sys.argv[3])
    pickle.loads(bytes.fromhex(sys.argv[2]))()  # noqa: S301 (what `exit_code` wrote)
