"""Page and plot of the feedback study, made of its CSV files alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from intrex.eval.pipelines.plots import pyplot, save
from intrex.eval.pipelines.studies.prf.grid import (
    ALONE,
    ALPHA,
    COLLECTIONS,
    DEPTHS,
    ENCODERS,
    FIRST,
    PARTNERS,
    PLACEMENTS,
    PLAIN,
    QUESTIONS,
    K,
    System,
    evaluation,
    index_commands,
    systems,
)
from intrex.eval.pipelines.studies.prf.results import TESTED, Difference, Score, load_scores, load_tests
from intrex.eval.tables import markdown_lines

LEVEL = 0.05
SHOWN = 3
"""Depth of the page's table of scores; the CSV file has all."""
HEAD = f"""# Feedback on vectors: where to mix a sparse list in

Made by `make reproduce-prf`, which regenerates this page; the commands are below. H. Li et al., "To Interpolate or not to
Interpolate: PRF, Dense and Sparse Retrievers" (SIGIR 2022), ask whether sparse lists are to be mixed in before feedback on
dense vectors, after it or both, and whether the sparse model matters. They find that both is best for most data sets and
measures, whichever the model; that is what its abstract says, as far as we have read it. What differs here, and limits what follows:

- The dense encoders are all-MiniLM-L6-v2 and the mean of its input embeddings (`static`), the partners BM25 and splade-tiny; the
  paper has ANCE, TCT-ColBERTv2 and TAS-B, BM25 and uniCOIL. The collections are small; the paper's are MS MARCO and TREC's Deep Learning.
- Feedback is `--prf-method avg`, which has no parameter but its depth. Lists of {K} documents are mixed with weight {ALPHA:g} for
  each after min-max (docs/methods.md). The weight was fixed beforehand; no judgement was used for any choice.
- Tests are paired randomization tests of {TESTED} with 100,000 permutations, queries with the same relevant documents as one
  observation. The p-values of a question are corrected by Holm over its whole grid, all collections together, at {LEVEL:g}.
- Beside the paper's two questions stands a third: whether feedback adds anything to the plain mixture of the two lists.
"""


def make_page(docs: Path) -> str:
    """Write the page of the CSV files in a folder."""
    scores, tests = load_scores(docs / "prf-scores.csv"), load_tests(docs / "prf-tests.csv")
    return "\n".join(
        [
            HEAD,
            *_answers(tests),
            "",
            "![scores by depth](prf.png)",
            "",
            *_score_table(scores),
            "",
            *_effect_table(tests),
            "",
            *_significant(tests),
            "",
            *_commands(),
        ]
    )


def counts(tests: Sequence[Difference]) -> tuple[int, int, int, int]:
    """Count tests in which the system is better, significantly better, worse, significantly worse."""
    up, down = [t for t in tests if t.difference > 0], [t for t in tests if t.difference < 0]
    return len(up), _surely(up), len(down), _surely(down)


def _surely(tests: Sequence[Difference]) -> int:
    return sum(t.p_holm < LEVEL for t in tests)


def verdict(tests: Sequence[Difference]) -> str:
    """Answer a question by its significant differences."""
    _, better, _, worse = counts(tests)
    if not better and not worse:
        return "No difference is significant: not shown either way."
    if better and worse:
        return "It depends: there are significant differences both ways."
    side = "better" if better else "worse"
    return (
        f"Yes, where it is significant it is {side}."
        if better
        else f"No: where it is significant it is {side}."
    )


def _answers(tests: Sequence[Difference]) -> list[str]:
    lines = ["## Answers", ""]
    for question in QUESTIONS:
        own = [t for t in tests if t.question == question.name]
        up, better, down, worse = counts(own)
        mean = sum(t.difference for t in own) / len(own)
        lines.append(
            f"- **{question.text}** {verdict(own)} {TESTED} is higher in {up} of {len(own)} cells, significantly in "
            f"{better}; lower in {down}, significantly in {worse}; by {mean:+.4f} on average over the cells."
        )
    return lines


def _score_table(scores: Sequence[Score]) -> list[str]:
    value = {(s.collection, s.system): s.values[0] for s in scores}
    head = ["collection", "encoder", "dense", "feedback", "partner", "its own", "plain mixture", *PLACEMENTS]
    rows = []
    for name in COLLECTIONS:
        for encoder in ENCODERS:
            for partner in PARTNERS:
                cells = [
                    System(encoder, "", FIRST, 0),
                    System(encoder, "", ALONE, SHOWN),
                    System("", partner, FIRST, 0),
                    System(encoder, partner, PLAIN, 0),
                    *(System(encoder, partner, placement, SHOWN) for placement in PLACEMENTS),
                ]
                found = [f"{value[name, cell]:.4f}" for cell in cells]
                rows.append([name, encoder, *found[:2], partner, *found[2:]])
    marks = ["---", "---", "--:", "--:", "---", *["--:"] * 5]
    return [
        f"## {TESTED}, feedback of depth {SHOWN}",
        "",
        f"All depths ({', '.join(map(str, DEPTHS))}) and the other measures: [prf-scores.csv](prf-scores.csv).",
        "",
        *markdown_lines(head, rows, marks),
    ]


def _effect_table(tests: Sequence[Difference]) -> list[str]:
    """Summarise each question by collection and placement: mean difference over encoders, partners and depths."""
    rows = []
    for question in QUESTIONS:
        for placement in question.placements:
            cells = []
            for name in COLLECTIONS:
                own = [
                    t
                    for t in tests
                    if (t.question, t.collection, t.system.placement) == (question.name, name, placement)
                ]
                up, better, down, worse = counts(own)
                mean = sum(t.difference for t in own) / len(own)
                cells.append(f"{mean:+.4f} ({up} up, {better} sig.; {down} down, {worse} sig.)")
            rows.append([question.name, placement, *cells])
    return [
        "## Mean differences over encoders, partners and depths",
        "",
        "Every test with its interval and p-values: [prf-tests.csv](prf-tests.csv). Questions by name: "
        + "; ".join(f"`{q.name}`: {q.text}" for q in QUESTIONS),
        "",
        *markdown_lines(["question", "placement", *COLLECTIONS], rows),
    ]


def _significant(tests: Sequence[Difference]) -> list[str]:
    """List the largest and the smallest significant difference of each question."""
    rows = []
    for question in QUESTIONS:
        own = [t for t in tests if t.question == question.name and t.p_holm < LEVEL]
        own.sort(key=lambda t: (t.difference, t.collection, t.system.name))
        for t in dict.fromkeys([*own[:1], *own[-1:]]):
            interval = f"{t.difference:+.4f} [{t.low:+.4f}, {t.high:+.4f}]"
            rows.append([question.name, t.collection, t.system.name, t.baseline, interval, f"{t.p_holm:.2g}"])
    head = ["question", "collection", "system", "against", "difference, 95 % interval", "p (Holm)"]
    table = markdown_lines(head, rows) if rows else ["There is none."]
    return ["## Largest significant differences either way", "", *table]


def _commands() -> list[str]:
    name = COLLECTIONS[0]
    runs = [system.search(name) for system in systems()]
    lines = [command for _, command in index_commands(name)] + runs + [evaluation(name)]
    return [
        "## Commands",
        "",
        f"Of {name}; those of {' and '.join(COLLECTIONS[1:])} have their names.",
        "",
        "```",
        *lines,
        "```",
        "",
    ]


def draw(docs: Path, file: Path) -> None:
    """Draw the scores by depth: a row for each collection, a column for each encoder and partner.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    plt = pyplot("the plot of a study")
    value = {(s.collection, s.system): s.values[0] for s in load_scores(docs / "prf-scores.csv")}
    columns = [(encoder, partner) for encoder in ENCODERS for partner in PARTNERS]
    shape, rows = (3.4 * len(columns), 2.9 * len(COLLECTIONS) + 0.5), len(COLLECTIONS)
    figure, panels = plt.subplots(
        rows + 1, len(columns), figsize=shape, sharex=True, sharey="row", height_ratios=[*[1] * rows, 0.08]
    )
    places = list(range(len(DEPTHS)))
    styles = {"before": ("o-", "tab:blue"), "after": ("s-", "tab:orange"), "both": ("^-", "tab:green")}
    for line, name in zip(panels[:-1], COLLECTIONS, strict=True):
        for panel, (encoder, partner) in zip(line, columns, strict=True):
            for placement, (style, colour) in styles.items():
                points = [value[name, System(encoder, partner, placement, depth)] for depth in DEPTHS]
                panel.plot(places, points, style, color=colour, label=placement, markersize=4)
            points = [value[name, System(encoder, "", ALONE, depth)] for depth in DEPTHS]
            panel.plot(places, points, "x--", color="tab:red", label=ALONE, markersize=4)
            for system, label, style in (
                (System(encoder, "", FIRST, 0), "dense", ":"),
                (System("", partner, FIRST, 0), "partner", "-."),
                (System(encoder, partner, PLAIN, 0), PLAIN, "-"),
            ):
                panel.axhline(value[name, system], color="black", linestyle=style, linewidth=0.9, label=label)
            panel.set_title(f"{name}: {encoder} with {partner}", fontsize=9)
            panel.set_xticks(places, [str(depth) for depth in DEPTHS])
            panel.grid(alpha=0.3)
        line[0].set_ylabel(TESTED)
    for panel, below in zip(panels[-2], panels[-1], strict=True):
        panel.set_xlabel("documents that feedback reads")
        panel.tick_params(labelbottom=True)
        below.axis("off")  # room for the legend
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=len(labels), fontsize=9)
    save(figure, file)
