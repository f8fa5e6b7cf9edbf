"""Two commands that change one index, the first stopped at each of its last file operations while the other runs.

Each is made or refused, as if one had come after the other; nothing is left over.
"""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from intrex.data.store.siblings import INTERNAL
from tests.conftest import contents
from tests.faults.fileops import Server
from tests.faults.jobs import write_sources
from tests.faults.test_fileops import counted_server

PAIRS = {
    "changes": ("index remove i d1 d7", "index remove i d2"),
    "a change and a rebuild": ("index remove i d1 d7", "index bm25 c i --k1 2 --overwrite"),
    "a rebuild and a change": ("index bm25 c i --k1 2 --overwrite", "index remove i d1 d7"),
    "rebuilds": ("index bm25 c i --k1 2 --overwrite", "index bm25 c i --k1 3 --overwrite"),
    "rebuilds of the same": ("index bm25 c i --k1 2 --overwrite", "index bm25 c i --k1 2 --overwrite"),
}
REFUSED = re.compile("error: (another process|not found: i$)", re.MULTILINE)
"""Where two names cannot be exchanged, nothing stands at the target for a moment."""
LAST = 16
"""Operations at the end of the first command that it is stopped before: the exchange is one of them."""


@pytest.fixture(scope="module", params=["exchange", "two renames"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A process that runs the commands, where names can be exchanged and where they cannot."""
    renames = {} if request.param == "exchange" else {"FILEOPS_NO_EXCHANGE": "1"}
    yield from counted_server(tmp_path_factory, **renames)


class World:
    """A folder with an index, made anew before each trial."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder, self.pristine = server, folder / "world", folder / "pristine"
        self.folder.mkdir()
        write_sources(self.folder)
        for line in ("collection import src c", "index bm25 c i"):
            assert self.run(line) == 0
        shutil.copytree(self.folder, self.pristine)

    def restore(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self.pristine, self.folder)

    def run(self, line: str) -> int:
        return self.server.run(shlex.split(line), self.folder).code

    def index(self, *lines: str) -> dict[str, bytes]:
        """Return the index after commands one after the other; those that are refused change nothing."""
        self.restore()
        for line in lines:
            self.run(line)
        return contents(self.folder / "i")


def disturb(world: World, name: str, step: int) -> None:
    """Stop the first command of a pair before some of its last operations, run the second, compare with one after the other."""
    first, second = PAIRS[name]
    expected = {
        (0, 0): [world.index(first, second), world.index(second, first)],
        (0, 1): [world.index(first)],
        (1, 0): [world.index(second)],
    }
    world.restore()
    operations = world.server.run(shlex.split(first), world.folder).operations
    for at in range(operations, operations - LAST, -step):
        world.restore()
        ended = world.server.run_meanwhile(shlex.split(first), shlex.split(second), world.folder, at)
        label = f"{name}, stopped before operation {at} of {operations}: {ended}"
        made = contents(world.folder / "i")
        made = {file: made[file] for file in made if file not in INTERNAL}
        assert made in expected[ended[0].code, ended[1].code], label
        assert all(outcome.code == 0 or REFUSED.search(outcome.said) for outcome in ended), label
        assert world.run("index info i") == 0 and world.run("index merge i") == 0, label
        left = [str(p) for p in world.folder.rglob(".*")]
        assert not left, f"{label}: {left}"


def test_two_changes_at_once(server: Server, tmp_path: Path) -> None:
    disturb(World(server, tmp_path), "changes", 2)


@pytest.mark.long
@pytest.mark.parametrize("name", PAIRS)
def test_two_commands_at_once(name: str, server: Server, tmp_path: Path) -> None:
    disturb(World(server, tmp_path), name, 1)
