"""Invariants of fusion, of any runs; and the kernel gives what numpy gives, to the last bit."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intrex.data.errors import BadInput
from intrex.data.packed import PackedRun
from intrex.data.run import Run
from intrex.retrievers.fusion import fuse
from intrex.retrievers.fusion.fuse import fuse_packed, fuse_runs
from intrex.retrievers.fusion.methods import METHODS, NORMS
from intrex.retrievers.fusion.options import FuseOptions

SCORES = st.sampled_from([0.0, 0.25, 1.0, 1.5, 2.0, 7.0, 100.0]) | st.floats(0.5, 50, width=32)
LISTS = st.dictionaries(
    st.integers(0, 30).map(lambda i: "d" * (1 + i % 12) + str(i)), SCORES, min_size=1, max_size=20
)
RUNS = st.dictionaries(st.sampled_from(["q1", "q2", "q3"]), LISTS, max_size=3).map(
    lambda d: {"q": {"d1": 1.0, "d2": 0.5}, **d}
)
BY_RANK = ("rrf", "isr", "log_isr", "logn_isr", "rbc", "bordafuse", "copeland", "condorcet")
UNTRAINED = [name for name, method in METHODS.items() if not method.trained]


def of(runs: Sequence[dict], **options: object) -> dict[str, dict[str, float]]:
    chosen = FuseOptions(**options)
    return fuse_runs([Run.from_dict(run, f"r{i}") for i, run in enumerate(runs)], chosen).to_dict()


def raw(method: str) -> dict[str, str]:
    return {"norm": "none"} if METHODS[method].norm == "none" else {}


@given(st.lists(RUNS, min_size=2, max_size=4), st.data())
@settings(max_examples=150, deadline=None)
def test_the_kernel_gives_what_numpy_gives(runs: list[dict], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([n for n, m in METHODS.items() if not m.pair or len(runs) == 2]))
    method = METHODS[name]
    chosen: dict = {
        "method": name,
        "k": data.draw(st.integers(1, 40)),
        "depth": data.draw(st.sampled_from([None, 1, 5])),
    }
    if method.norm:
        chosen["norm"] = data.draw(st.sampled_from(NORMS))
        chosen |= {"infima": (0.0,) * len(runs)} if chosen["norm"] == "tmm" else {}
    if "weights" in method.takes:
        chosen["weights"] = tuple(
            data.draw(st.lists(st.floats(0.125, 1), min_size=len(runs), max_size=len(runs)))
        )
    tables = np.linspace(0, 1, len(runs) * 10).reshape(len(runs), 10) if method.trained else None
    options = FuseOptions(**chosen, **({"train_on": "x"} if method.trained else {}))
    packed = [PackedRun.of(Run.from_dict(run, f"r{i}")) for i, run in enumerate(runs)]
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for worth in (0, 10**9):
            patch.setattr(fuse, "WORTH_LOADING", worth)
            try:
                run = fuse_packed(packed, options, tables).run("t")
                found.append(
                    [column.tolist() for column in (run.query_ids, run.offsets, run.doc_ids, run.scores)]
                )
            except BadInput as error:
                found.append(error.message)
    assert found[0] == found[1]


@given(RUNS, st.sampled_from(UNTRAINED))
@settings(max_examples=150, deadline=None)
def test_a_run_fused_with_itself_keeps_its_ranking(run: dict, method: str) -> None:
    found = of([run, run], method=method, **raw(method))
    for query, ranking in Run.from_dict(run).to_dict().items():
        new = found[query]
        assert set(new) == set(ranking), "the union of documents"
        values = [new[document] for document in ranking]
        if method != "condorcet" and method != "w_condorcet":
            assert values == sorted(values, reverse=True)
        else:
            assert list(new) == list(ranking)


@given(RUNS, RUNS, st.sampled_from(BY_RANK))
@settings(max_examples=100, deadline=None)
def test_methods_of_ranks_look_at_the_order_alone(one: dict, other: dict, method: str) -> None:
    ranked = Run.from_dict(one).to_dict()
    monotone = {q: {d: float(len(r) - i) ** 3 for i, d in enumerate(r)} for q, r in ranked.items()}
    assert of([monotone, other], method=method) == of([one, other], method=method)


@given(
    RUNS,
    RUNS,
    st.sampled_from(["min-max", "dbsf", "zmuv", "sum"]),
    st.sampled_from([0.5, 2.0, 4.0]),
    st.sampled_from([0.0, 1.0, -2.0]),
)
@settings(max_examples=100, deadline=None)
def test_positive_affine_changes_of_a_run_change_nothing(
    one: dict, other: dict, norm: str, scale: float, shift: float
) -> None:
    moved = {
        q: {d: float(np.float32(scale * np.float32(s) + shift)) for d, s in r.items()} for q, r in one.items()
    }
    if any(len(set(r.values())) != len({np.float32(s) for s in one[q].values()}) for q, r in moved.items()):
        return  # what float32 does not tell apart
    before, after = (of([run, other], method="sum", norm=norm) for run in (one, moved))
    for query, ranking in before.items():
        assert after[query] == pytest.approx(ranking, abs=2e-4)


@given(RUNS, RUNS, st.sampled_from([0.0, 1.0]))
@settings(max_examples=80, deadline=None)
def test_a_weight_of_one_is_that_run_on_its_own_documents(one: dict, other: dict, alpha: float) -> None:
    runs = [Run.from_dict(run) for run in (one, other)]
    mine = runs[0 if alpha == 1 else 1].to_dict()
    found = of([one, other], method="cc", alpha=alpha)
    for query in mine:
        values = [found[query][document] for document in mine[query]]
        assert values == sorted(values, reverse=True)
    for query, ranking in found.items():
        assert set(ranking) == set(one.get(query, {})) | set(other.get(query, {})), "the union is preserved"
