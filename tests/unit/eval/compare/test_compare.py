"""From runs to rows, marks, movers: what is paired with what, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from intrex.data.errors import BadInput, UsageError
from intrex.data.locate import Judged
from intrex.data.qrels import Qrels
from intrex.data.rankings.write import write_run
from intrex.data.run import Run
from intrex.eval.compare.align import align
from intrex.eval.compare.comparison import Comparison, compare
from intrex.eval.compare.inputs import load, with_baseline
from intrex.eval.compare.movers import movers, ranks_text
from intrex.eval.compare.options import Settings
from intrex.eval.compare.tables import (
    columns_of,
    comparison_latex,
    comparison_markdown,
    letter,
    marks,
    p_text,
    plain,
    shorten,
)
from intrex.eval.evaluate.systems import score_systems
from intrex.eval.measures import parse_measures
from intrex.eval.scoring.rules import Rules, SelfMatch, Ties
from intrex.eval.scoring.scorefile import write_scores
from intrex.eval.tables import escape_latex

N = 24
JUDGED = Judged(Qrels.from_dict({f"q{i:02d}": {"r": 1, "s": 2, "n": 0} for i in range(N)}), "toy", "test")
MEASURES = parse_measures(["RR", "R@1"])


def run(tag: str, places: list[int], queries: range = range(N)) -> Run:
    """A run that has document r at the given rank of each query; other documents are not judged."""
    ranked = {
        f"q{i:02d}": {("r" if rank == place else f"x{rank}"): 100.0 - rank for rank in range(1, 12)}
        for i, place in zip(queries, places, strict=True)
    }
    return Run.from_dict(ranked, tag)


GOOD = run("good", [1] * N)
FAIR = run("fair", [1 + (i % 3 > 0) for i in range(N)])
BAD = run("bad", [10] * N)
PART = run("part", [1 + i % 2 for i in range(N - 4)], range(4, N))


def compared(*runs: Run, baseline: int | None = None, complete: bool = True, **how: object) -> Comparison:
    systems = score_systems(JUDGED, [(r.tag, r) for r in runs], MEASURES, Rules(complete=complete))
    return compare(align(systems, MEASURES, complete), Settings(samples=500, **how), baseline)  # type: ignore[arg-type]


def test_all_pairs_in_order_or_the_others_against_the_baseline() -> None:
    every = compared(GOOD, FAIR, BAD)
    assert [(r.measure, r.a, r.b) for r in every.rows[:4]] == [
        ("RR", "good", "fair"),
        ("RR", "good", "bad"),
        ("RR", "fair", "bad"),
        ("R@1", "good", "fair"),
    ]
    assert every.family_size == 3
    based = compared(GOOD, FAIR, BAD, baseline=1, family="all")
    assert [(r.a, r.b) for r in based.rows] == [("fair", "good"), ("fair", "bad")] * 2
    assert based.family_size == 4


def test_a_row_says_b_minus_a() -> None:
    row = compared(GOOD, BAD).rows[0]
    assert row.difference == pytest.approx(row.mean_b - row.mean_a) == pytest.approx(-0.9)
    assert (row.wins, row.ties, row.losses, row.n_queries) == (0, 0, N, N)
    assert row.ci_low == pytest.approx(row.difference) == pytest.approx(row.ci_high)
    assert row.signature.endswith(
        "test=randomization|samples=500|seed=0|correction=holm|family=measure|alpha=0.05|interval=t|groups=none"
    )


def test_without_complete_a_pair_is_compared_on_what_both_answer() -> None:
    found = compared(GOOD, FAIR, PART, complete=False)
    assert [r.n_queries for r in found.rows[:3]] == [N, N - 4, N - 4]
    both = compared(GOOD, FAIR, PART)
    assert [r.n_queries for r in both.rows[:3]] == [N] * 3
    assert found.rows[0].p == both.rows[0].p
    # the same as a comparison that never had the other queries
    kept = Judged(
        Qrels.from_dict({q: d for q, d in JUDGED.qrels.to_dict().items() if q >= "q04"}), "toy", "test"
    )
    alone = compare(
        align(score_systems(kept, [("g", GOOD), ("p", PART)], MEASURES), MEASURES), Settings(samples=500)
    )
    one, other = found.rows[1], alone.rows[0]
    assert (one.p, one.mean_b, one.ci_low, one.d_z) == (other.p, other.mean_b, other.ci_low, other.d_z)


def test_tukey_and_no_complete_take_the_queries_that_all_answer() -> None:
    found = compared(GOOD, FAIR, PART, complete=False, test="tukey", correction="holm")
    assert {r.correction for r in found.rows} == {"none"}
    assert all(r.p == r.p_corrected for r in found.rows)


def test_what_cannot_be_compared() -> None:
    systems = score_systems(JUDGED, [("g", GOOD), ("f", FAIR)], MEASURES)
    with pytest.raises(UsageError, match="one system alone"):
        align(systems[:1], MEASURES)
    with pytest.raises(BadInput, match="not scored with AP"):
        align(systems, parse_measures(["AP"]))
    with pytest.raises(BadInput, match="two systems are called"):
        align([systems[0], systems[0]], MEASURES)
    other = Judged(Qrels.from_dict({"q05": {"r": 1}}), "toy", "test")
    with pytest.raises(BadInput, match="different judgements"):
        align([systems[0], *score_systems(other, [("f", FAIR)], MEASURES)], MEASURES)
    early, late = run("early", [1] * 5, range(5)), run("late", [1] * 5, range(10, 15))
    with pytest.raises(BadInput, match="no query in common"):
        compared(early, late, complete=False)
    systems[0].scores.values[0, 0] = np.nan
    with pytest.raises(BadInput, match="not all finite"):
        align(systems, MEASURES)


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (Rules(depth=5), "rules: depth=all against 5"),
        (Rules(judged_only=True), "rules: judged_only=False against True"),
        (Rules(ties=Ties.docid_asc), "rules: ties=docid-desc against docid-asc"),
        (Rules(precision=64), "rules: precision=32 against 64"),
        (Rules(self_match=SelfMatch.drop), "rules: self_match=keep against drop"),
    ],
)
def test_scores_by_different_rules_are_not_paired(rules: Rules, said: str, tmp_path: Path) -> None:
    write_run(FAIR, tmp_path / "fair.txt")
    write_scores(score_systems(JUDGED, [("g", GOOD)], MEASURES, rules), tmp_path / "s.jsonl")
    loaded = load(JUDGED, [tmp_path / "fair.txt", tmp_path / "s.jsonl"], MEASURES, True)
    with pytest.raises(BadInput, match=said):
        align(loaded.systems, MEASURES)


def test_scores_of_other_tools_and_versions_are_not_paired() -> None:
    good, fair = score_systems(JUDGED, [("g", GOOD), ("f", FAIR)], MEASURES)
    for change, said in (
        ({"dialect": "ranx"}, "as=intrex against ranx"),
        ({"version": "0.0.1"}, "versions of intrex: .* and 0.0.1"),
    ):
        with pytest.raises(BadInput, match=said):
            align([good, replace(fair, conditions=replace(fair.conditions, **change))], MEASURES)
    skipped = replace(fair.conditions, rules=Rules(complete=False))
    align([good, replace(fair, conditions=skipped)], MEASURES)  # compare sets this one itself


@pytest.mark.parametrize(
    "how",
    [
        {"test": "z"},
        {"correction": "sidak"},
        {"family": "x"},
        {"alpha": 0.0},
        {"samples": 0},
        {"seed": -1},
        {"test": "tukey", "family": "all"},
    ],
)
def test_settings_that_cannot_be(how: dict) -> None:
    with pytest.raises(UsageError):
        Settings(**how)


def test_marks() -> None:
    assert marks(compared(GOOD, FAIR, BAD)) == [["bc", "bc"], ["c", "c"], ["", ""]]
    assert marks(compared(GOOD, FAIR, BAD, baseline=1)) == [["†", "†"], ["", ""], ["‡", "‡"]]
    assert [letter(i) for i in (0, 25, 26, 51, 52)] == ["a", "z", "A", "Z", "[53]"]


def test_tables_for_papers() -> None:
    found = compared(GOOD, FAIR, BAD)
    assert "| a | good | **1.0000**<sup>bc</sup> | **0.5000**<sup>bc</sup> |" in comparison_markdown(found)
    text = comparison_latex(compared(run("a_b%", [1] * N), FAIR, baseline=1))
    assert r"a\_b\% & \textbf{1.0000}$^{\dagger}$" in text and "†" not in text
    assert escape_latex("100% a_b\\") == r"100\% a\_b\textbackslash{}"


def test_table_helpers() -> None:
    assert shorten("a" * 40, 11) == "aaaaa…aaaaa" and shorten("brief", 11) == "brief"
    assert columns_of("日本a") == 5 and columns_of("e\u0301") == 1
    assert (p_text(0.00009), p_text(1.0)) == ("<.0001", "1.0000")
    assert plain(["x", "n"], [["日本", "1"], ["a", "22"]]) == "x      n\n────  ──\n日本   1\na     22\n"


def test_movers_are_the_largest_first_with_ranks() -> None:
    found = compared(GOOD, run("other", [3, 1, 9, *[1] * (N - 3)]))
    moved = movers(
        found,
        [GOOD, run("other", [3, 1, 9, *[1] * (N - 3)])],
        JUDGED.qrels,
        MEASURES[0],
        "moved",
        5,
        {"q00": "a text"},
    )
    assert [(m.query, m.ranks_a, m.ranks_b, m.text) for m in moved] == [
        ("q02", "1 -", "9 -", ""),
        ("q00", "1 -", "3 -", "a text"),
    ]
    assert moved[0].difference == pytest.approx(1 / 9 - 1)
    assert moved[0].p == found.rows[0].p and moved[0].p_corrected == found.rows[0].p_corrected


def test_ranks_of_many_relevant_documents_are_cut() -> None:
    ranked = Run.from_dict({"q": {f"d{i:02d}": 50.0 - i for i in range(20)}})
    assert ranks_text(ranked, "q", {b"d01", b"d03", b"zz"}) == "2 4 -"
    assert ranks_text(ranked, "q", {f"d{i:02d}".encode() for i in range(13)}) == "1 2 3 4 5 6 7 8 9 10 +3"
    assert ranks_text(ranked, "absent", {b"d01"}) == "-"


def test_runs_scores_and_baselines_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for one in (GOOD, FAIR):
        write_run(one, tmp_path / f"{one.tag}.txt")
    write_scores(score_systems(JUDGED, [("bad", BAD)], MEASURES), tmp_path / "s.jsonl")
    paths = [Path("fair.txt"), Path("s.jsonl"), Path("good.txt")]
    loaded = load(JUDGED, paths, MEASURES, True)
    assert [s.system for s in loaded.systems] == ["fair", "bad", "good"]
    assert loaded.scored
    assert loaded.find("good") == loaded.find("./good.txt") == loaded.find("good.txt") == 2
    with pytest.raises(UsageError, match="not among"):
        loaded.find("god")
    with pytest.raises(UsageError, match="files of scores have none"):
        loaded.need_runs("--movers")
    assert with_baseline(paths, "./good.txt") == with_baseline(paths, "good") == paths
    assert with_baseline(paths[:1], "good.txt") == [Path("good.txt"), Path("fair.txt")]
