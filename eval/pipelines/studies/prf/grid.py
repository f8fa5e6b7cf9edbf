"""Grid of the feedback study: encoders, sparse partners, placements and depths, and the commands that make the runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

COLLECTIONS = ("cranfield", "stackfaq", "time")
ENCODERS = {"static": "static:all-MiniLM-L6-v2", "minilm": "all-MiniLM-L6-v2"}
PARTNERS = {"bm25": "bm25", "splade": "sparse --encoder splade-tiny"}
PLACEMENTS = ("before", "after", "both")
DEPTHS = (1, 3, 5, 10)
ALPHA = 0.5
"""Weight of either list: fixed beforehand, tuned on nothing."""
K = 100
MEASURES = ("nDCG@10", "AP@100", "R@100")
FIRST = "first"
"""Placement of a partner's own list, and of a dense search without feedback."""
PLAIN, ALONE = "plain mixture", "feedback alone"


@dataclass(frozen=True)
class System:
    """A run of the grid.

    Attributes:
        encoder: of the dense index; empty for a partner by itself.
        partner: whose list is mixed in; empty without one.
        placement: one of `PLACEMENTS`, or `FIRST`, `PLAIN` or `ALONE`.
        depth: documents that feedback reads; 0 without feedback.
    """

    encoder: str
    partner: str
    placement: str
    depth: int

    @property
    def name(self) -> str:
        """Tag of the run, and name of its file."""
        names = {PLAIN: "plain", ALONE: "prf", FIRST: ""}
        words = [self.encoder, self.partner, names.get(self.placement, self.placement)]
        return "-".join(filter(None, words)) + (str(self.depth) if self.depth else "")

    def search(self, collection: str) -> str:
        """Return the command that makes the run, as a user types it."""
        words = f"intrex search {collection}-{self.encoder or self.partner} {collection}:test --k {K}"
        if self.placement in PLACEMENTS or self.placement == ALONE:
            words += f" --prf-depth {self.depth} --prf-method avg"
        if self.placement == PLAIN:
            words += " --prf-depth 0 --interpolate after"
        if self.placement in PLACEMENTS:
            words += f" --interpolate {self.placement}"
        if self.encoder and self.partner:
            words += f" --with {collection}-runs/{self.partner}.txt.gz --alpha {ALPHA:g}"
        return f"{words} --tag {self.name} -o {collection}-runs/{self.name}.txt.gz"


def systems() -> list[System]:
    """List all systems; a partner comes before what mixes its list in."""
    return [
        *(System("", partner, FIRST, 0) for partner in PARTNERS),
        *(System(encoder, "", FIRST, 0) for encoder in ENCODERS),
        *(System(encoder, "", ALONE, depth) for encoder in ENCODERS for depth in DEPTHS),
        *(System(encoder, partner, PLAIN, 0) for encoder in ENCODERS for partner in PARTNERS),
        *mixtures(),
    ]


def mixtures() -> Iterator[System]:
    """Yield the cells of the grid: feedback with a partner, by encoder, partner, placement and depth."""
    for encoder in ENCODERS:
        for partner in PARTNERS:
            for placement in PLACEMENTS:
                for depth in DEPTHS:
                    yield System(encoder, partner, placement, depth)


def index_commands(collection: str) -> list[tuple[str, str]]:
    """Return the commands before the searches, each with the folder that it makes."""
    built = [(name, f"dense {collection} {collection}-{name} --encoder {e}") for name, e in ENCODERS.items()]
    for name, words in PARTNERS.items():
        kind, *options = words.split()
        built.append((name, " ".join([kind, collection, f"{collection}-{name}", *options])))
    commands = [(f"{collection}-{name}", f"intrex index {words}") for name, words in built]
    return [(collection, f"intrex collection import {collection} {collection}"), *commands]


def evaluation(collection: str) -> str:
    """Return the command that scores all runs of a collection; a shell, or its caller, expands the star."""
    runs, measures = f"{collection}-runs/*.txt.gz", " ".join(f"-m {measure}" for measure in MEASURES)
    return f"intrex evaluate {collection}:test {runs} {measures} --scores {collection}.jsonl --overwrite"


@dataclass(frozen=True)
class Question:
    """A family of tests that are corrected together: each mixture with feedback against another run.

    Attributes:
        name: of the family.
        text: what is asked.
        placements: of the systems that are compared.
    """

    name: str
    text: str
    placements: tuple[str, ...] = PLACEMENTS

    def baseline(self, system: System) -> System:
        """Return the run that a system is compared with."""
        encoder, partner, depth = system.encoder, system.partner, system.depth
        if self.name == "mixing":
            return System(encoder, "", ALONE, depth)
        if self.name == "feedback":
            return System(encoder, partner, PLAIN, 0)
        if self.name == "partner":
            return System(encoder, "bm25", system.placement, depth)
        return System(encoder, partner, self.name.removeprefix("both-"), depth)

    def pairs(self) -> Iterator[tuple[System, System]]:
        """Yield each system with its baseline."""
        for system in mixtures():
            own = self.name != "partner" or system.partner != "bm25"
            if system.placement in self.placements and own:
                yield system, self.baseline(system)


QUESTIONS = (
    Question(
        "mixing", "Does mixing a sparse list in help feedback? (against feedback alone, of the same depth)"
    ),
    Question("both-before", "Is it better both before and after than before alone?", ("both",)),
    Question("both-after", "Is it better both before and after than after alone?", ("both",)),
    Question("partner", "Does a learned sparse partner do better than BM25? (splade-tiny against BM25)"),
    Question(
        "feedback", "Does feedback add to the plain mixture? (against the two lists mixed, without feedback)"
    ),
)
